// What people read when they compare files: a pair of each format as golden files. Real samples stand beside the project; without them these skip.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-golden-diff-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const SAMPLES = join(import.meta.dirname, '../../../shared/samples')
const absent = existsSync(SAMPLES) ? undefined : 'there is no ../shared/samples'
if (absent !== undefined) console.log(`diff of what VMMs wrote: skipped, ${absent}`)

beforeAll(async () => {
  const words = (line: string): string[] => line.split(' ').map(word => (/\.(psnap|json)$/.test(word) ? join(folder, word) : word))
  for (const line of [
    'save --build linux-6.1 -o a.psnap',
    'save --build linux-7.3 -o n.psnap',
    'convert a.psnap -o a.json',
    'edit a.json -o b.json --set PSCI_VERSION=1.0 --set X3=0x7 --vcpu 1',
  ])
    expect((await runCommand(words(line))).status).toBe(0)
})

const OWN: readonly (readonly [name: string, line: string, status: 0 | 3])[] = [
  ['diff-psnap', 'diff a.psnap n.psnap --memory', 3],
  ['diff-reglist', 'diff a.json b.json', 3],
  ['diff-equal', 'diff a.psnap a.json', 0],
]
test.each(OWN)('%s', (name, line, status) => check(name, line, status, folder, /\.(psnap|json)$/))

const VMMS: readonly (readonly [name: string, line: string])[] = [
  ['diff-qemu', 'diff qemu/kvm-k6.1-q10.0-b-gic3-1cpu-run.mig.gz qemu/kvm-k6.18-q10.0-b-gic3-1cpu-run.mig.gz --memory'],
  ['diff-firecracker', 'diff firecracker/vmstates/fc-v1.0.vmstate firecracker/vmstates/fc-v1.12.vmstate'],
  [
    'diff-fingerprints',
    'diff firecracker/fingerprints/fingerprint_ARM_NEOVERSE_N1_6.1host.json firecracker/fingerprints/fingerprint_ARM_NEOVERSE_N1_6.18host.json',
  ],
  ['diff-cloud-hypervisor', 'diff cloud-hypervisor/v39-v52 cloud-hypervisor/v53'],
  ['diff-crosvm', 'diff crosvm/cbor cloud-hypervisor/v39-v52 --only ID_* --only gic-v3'],
]
test.skipIf(absent !== undefined).each(VMMS)('%s', (name, line) => check(name, line, 3, SAMPLES, /\//))

async function check(name: string, line: string, status: 0 | 3, root: string, path: RegExp): Promise<void> {
  const words = line.split(' ').map(word => (path.test(word) ? join(root, word) : word))
  const ran = await runCommand(words, { columns: 100 })
  expect(ran.stderr).toBe('')
  expect(ran.status).toBe(status)
  // Where the files lie is of this machine, and changes where lines break: the name of each stands on a line of its own.
  const text = `$ psci-snap ${line}\n${ran.stdout.replaceAll(`${root}/`, '')}`
  for (const row of text.split('\n').slice(1)) expect(row.length, row).toBeLessThanOrEqual(100)
  await expect(text).toMatchFileSnapshot(`golden/${name}.txt`)
}
