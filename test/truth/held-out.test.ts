// Rules are derived, not fitted: with the kernel's rules taken from the recordings on one CPU alone, everything recorded on the others is
// predicted all the same.
import { expect } from 'vitest'
import { compare } from '../../scripts/fidelity/compare.ts'
import { FAMILIES } from '../../scripts/fidelity/families.ts'
import { Hosts } from '../../scripts/fidelity/hosts.ts'
import { RECORDINGS, testWithRecordings } from '../builds/recordings.ts'

const families = FAMILIES.filter(family => ['regs', 'errs', 'idvm', 'fwwrite', 'restore', 'idregs', 'replays'].includes(family.name))
const KERNELS = ['5.10.223', '6.1.192', '6.12.117', '6.16.12', '7.3.4']

testWithRecordings.each([
  ['max', ['cortex-a72', 'neoverse-n1']],
  ['cortex-a72', ['neoverse-n1', 'max']],
  ['neoverse-n1', ['cortex-a72', 'max']],
] as const)(
  'rules from %s recordings alone predict %j',
  async (from, others) => {
    const hosts = new Hosts([RECORDINGS], ({ recording }) => recording.qemu_cpu === from && recording.append.trim() === '')
    const isOther = (name: string): boolean =>
      KERNELS.some(kernel =>
        others.some(
          cpu =>
            name === (cpu === 'max' ? kernel : `${kernel}-${cpu}`) ||
            name === (cpu === 'max' ? `replay-6.12.117-to-${kernel}` : `replay-6.12.117-${cpu}-to-${kernel}-fam-${cpu}`),
        ),
      )
    const { disagreements, counts } = await compare(hosts, families, { name: isOther })
    expect(disagreements.slice(0, 20)).toEqual([])
    expect([...counts.keys()].sort()).toEqual([...KERNELS].sort())
  },
  60_000,
)
