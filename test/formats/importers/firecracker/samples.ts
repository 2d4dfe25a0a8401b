// The samples beside the project, when they are there: a new file is a new test.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../../../../../shared/samples/firecracker/', import.meta.url))

export const skipReason = existsSync(FOLDER) ? undefined : 'there is no ../shared/samples/firecracker'
if (skipReason !== undefined) console.log(`firecracker samples skipped: ${skipReason}`)

const namesIn = (folder: string): string[] => (skipReason === undefined ? readdirSync(FOLDER + folder).sort() : [])
export const vmstateNames = namesIn('vmstates')
export const fingerprintNames = namesIn('fingerprints')
export const vmstatePath = (name: string): string => `${FOLDER}vmstates/${name}`
export const readVmstateSample = (name: string): Uint8Array => new Uint8Array(readFileSync(vmstatePath(name)))
export const readFingerprintSample = (name: string): Uint8Array => new Uint8Array(readFileSync(`${FOLDER}fingerprints/${name}`))

interface Expected {
  readonly files: Readonly<Record<string, { readonly set: string; readonly vRegisters?: string }>>
  readonly sets: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>
}
const expected: Expected = skipReason === undefined ? JSON.parse(readFileSync(`${FOLDER}expected-registers.json`, 'utf8')) : { files: {}, sets: {} }

/** Per vCPU [id, value], in the order of the list; `halves`: of values over 64 bits only the lower 64 are in the file. */
export function expectedRegisters(name: string): { readonly vcpus: readonly (readonly (readonly [bigint, bigint])[])[]; readonly halves: boolean } | undefined {
  const file = expected.files[name]
  const vcpus = file && expected.sets[file.set]
  return (
    vcpus && {
      vcpus: vcpus.map(list => Object.entries(list).map(([id, value]) => [BigInt(id), BigInt(value)] as const)),
      halves: file.vRegisters !== undefined,
    }
  )
}
