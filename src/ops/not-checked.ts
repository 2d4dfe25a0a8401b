// Owns what no replay can know: state of a VM outside its registers (DESIGN.md §2, Verdict). Each piece is a finding when the file does not say
// it, never silence. Source: facts/kvm-arm64-rules.md §8 row 10 (state outside the list).
import type { Finding } from '../model/finding.ts'
import type { Snapshot } from '../model/snapshot.ts'

const PIECES: readonly { readonly what: string; readonly known: (snapshot: Snapshot) => boolean; readonly why: string }[] = [
  {
    what: 'counter frequency',
    known: ({ vm }) => vm.counterFrequency !== undefined,
    why: 'CNTFRQ_EL0 is not a KVM register; a guest keeps time by the one it booted with',
  },
  { what: 'IPA size', known: ({ vm }) => vm.ipaBits !== undefined, why: 'the VMM chooses it when it creates the VM' },
  {
    what: 'counter offset',
    known: ({ vm }) => vm.counterOffset !== undefined,
    why: 'once KVM_ARM_SET_COUNTER_OFFSET was used, writes of the counters are ignored',
  },
  { what: 'SMCCC filter', known: ({ vm }) => vm.smcccFilter !== undefined, why: 'it is a VM attribute, not a register' },
  {
    what: 'VM capabilities',
    known: ({ vm }) => vm.systemSuspend !== undefined,
    why: 'KVM_CAP_ARM_SYSTEM_SUSPEND and its like must be enabled again by the VMM',
  },
  {
    what: 'GIC',
    known: ({ devices, gic }) => gic === 'none' || devices.some(device => device.kind.startsWith('gic')),
    why: 'the file names a GIC but holds none of its state',
  },
]

/** One finding that names every piece of state which the file does not hold; none when it holds all. */
export function notChecked(snapshot: Snapshot): readonly Finding[] {
  return PIECES.filter(piece => !piece.known(snapshot)).map(({ what, why }) => ({
    severity: 'info',
    code: 'not-checked',
    message: `${what} was not checked, the file does not hold it: ${why}`,
  }))
}
