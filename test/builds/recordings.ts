// Where the recordings of real kernels are, for tests that need them; they skip, saying why, when the folder is not there.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'

export const RECORDINGS = fileURLToPath(new URL('../../../shared/recordings/kvm/', import.meta.url))
export const hasRecordings = existsSync(RECORDINGS)
/** `test`, or a skip that says why. */
export const testWithRecordings = hasRecordings ? test : skipped()

function skipped(): typeof test {
  console.log('skipped: ../shared/recordings/kvm is absent')
  return test.skip as typeof test
}
