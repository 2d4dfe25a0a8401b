// What people read: the text of each command for a few files, as golden files. Read their diff as code.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-golden-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const STEPS: readonly (readonly [name: string, line: string, status: 0 | 3])[] = [
  ['save', 'save --build linux-6.1 -o a.psnap', 0],
  ['save-hibernate', 'save --build linux-7.3 --until hibernate --vcpus 4 -o h.psnap', 0],
  ['inspect', 'inspect a.psnap', 0],
  ['inspect-fields', 'inspect a.psnap --registers ID_AA64PFR0_EL1 --fields --vcpu 0', 0],
  ['verify', 'verify a.psnap', 0],
  ['convert', 'convert a.psnap -o a.json', 0],
  ['edit', 'edit a.psnap -o e.psnap --set PSCI_VERSION=1.0 --drop X3 --drop CNT* --vcpu 1', 0],
  ['restore-survives', 'restore a.psnap --build linux-7.3', 0],
  ['restore-reglist', 'restore a.json --build linux-7.3', 0],
  ['restore-changed', 'restore a.psnap --build linux-7.3 --omit PSCI_VERSION', 3],
  ['restore-refused', 'restore h.psnap --build linux-6.12 --details', 3],
  ['check-hibernated', 'check h.psnap --to linux-6.12', 3],
  ['check-hibernated-wakes', 'check h.psnap --to linux-7.2', 0],
  ['signature', 'signature h.psnap', 0],
  ['signature-two', 'signature h.psnap linux-6.1', 3],
  ['builds-list', 'builds list', 0],
  ['builds-show', 'builds show linux-6.12', 0],
  ['builds-diff', 'builds diff linux-6.12 linux-6.16', 3],
  ['builds-baseline', 'builds baseline linux-6.16/max linux-6.18/max linux-7.3/max', 0],
  ['builds-baseline-details', 'builds baseline linux-7.3 linux-7.3/neoverse-n1 --details', 3],
  ['builds-matrix', 'builds matrix --to linux-6.12,linux-7.3', 0],
]

test.each(STEPS)('%s', async (name, line, status) => {
  const words = line.split(' ').map(word => (/\.(psnap|json)$/.test(word) ? join(folder, word) : word))
  const ran = await runCommand(words, { columns: 100 })
  // An archive's bytes are those of one Node version's zstd.
  expect(ran.status).toBe(status)
  const text = `$ psci-snap ${line}\n${ran.stdout.replaceAll(`${folder}/`, '').replace(/^(sha256 +)[0-9a-f]{64}$/m, '$1<that of the file>')}`
  for (const row of text.split('\n')) expect(row.length, row).toBeLessThanOrEqual(130)
  await expect(text).toMatchFileSnapshot(`golden/${name}.txt`)
})
