// What people read about a snapshot of each format, as golden files. Real samples stand beside the project; without them these skip.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const SAMPLES = join(import.meta.dirname, '../../../shared/samples')
const absent = existsSync(SAMPLES) ? undefined : 'there is no ../shared/samples'
if (absent !== undefined) console.log(`inspect of what VMMs wrote: skipped, ${absent}`)

const CASES = [
  ['inspect-qemu-kvm', 'inspect qemu/kvm-k6.1-q11.1-d-gic3-4cpu-on.mig.gz'],
  ['inspect-qemu-kvm-off', 'inspect qemu/kvm-k6.18-q11.1-c-gic3-2cpu-off.mig.gz'],
  ['inspect-qemu-tcg', 'inspect qemu/tcg-q10.0-virt10.0-max-gic3-2cpu-on.mig.gz'],
  ['inspect-qemu-find', 'inspect qemu/kvm-k6.12-q11.1-b-gic3-1cpu-run.mig.gz --find --memory 0x40000000,96 --registers PSCI_VERSION'],
  ['inspect-qemu-code', 'inspect qemu/tcg-q10.0-virt10.0-a72-gic3-1cpu-run.mig.gz --disassemble 4 --walk pc --walk 0x80000000000,0 --registers PC'],
  ['inspect-qemu-mapped-ram', 'inspect qemu/tcg-q11.1-virt11.1-a72-gic3-2cpu-mappedram.mig.gz'],
  ['inspect-qcow2', 'inspect qemu/savevm-q10.0-virt10.0-a72-gic3-2cpu-off.qcow2.gz'],
  ['inspect-libvirt', 'inspect qemu/libvirt9.0-q7.2-raw.save.gz'],
  ['inspect-firecracker', 'inspect firecracker/vmstates/fc-v1.13.vmstate'],
  ['inspect-firecracker-old', 'inspect firecracker/vmstates/fc-v1.0.vmstate --vcpu 1 --registers V[01]'],
  ['inspect-fingerprint', 'inspect firecracker/fingerprints/fingerprint_ARM_NEOVERSE_V1_6.18host.json --registers ID_AA64PFR?_EL1 --fields'],
  ['inspect-cpu-template', 'inspect firecracker/fingerprints/V1N1.json'],
  ['inspect-cloud-hypervisor', 'inspect cloud-hypervisor/v53'],
  ['inspect-crosvm', 'inspect crosvm/cbor'],
  ['verify-firecracker-old', 'verify firecracker/vmstates/fc-v1.0.vmstate', 3],
  ['verify-cloud-hypervisor', 'verify cloud-hypervisor/v53', 3],
  ['verify-qemu', 'verify qemu/kvm-k6.1-q11.1-d-gic3-4cpu-on.mig.gz'],
] as const
test.skipIf(absent !== undefined).each(CASES.map(([name, line, status = 0]) => [name, line, status] as const))('%s', async (name, line, status) => {
  const words = line.split(' ').map(word => (/\//.test(word) ? join(SAMPLES, word) : word))
  const ran = await runCommand(words, { columns: 100 })
  expect(ran.stderr).toBe('')
  expect(ran.status).toBe(status)
  // Where the files lie is of this machine; the line that names the file is never broken.
  const text = `$ psci-snap ${line}\n${ran.stdout.replaceAll(`${SAMPLES}/`, '')}`
  for (const row of text.split('\n').slice(1)) expect(row.length, row).toBeLessThanOrEqual(100)
  await expect(text).toMatchFileSnapshot(`golden/${name}.txt`)
})
