// Owns what no replay can know: state of a VM outside its registers (DESIGN.md §2, Verdict). Each piece is a finding when the file does not hold
// it, never silence. Source: facts/kvm-arm64-rules.md §8 row 10 (state outside the list).
import type { Finding } from '../model/finding.ts'
import type { Snapshot } from '../model/snapshot.ts'

/** Our own machine has no state of these kinds: it never sets a counter offset, and its GIC holds nothing yet. */
const isOurs = ({ origin }: Snapshot): boolean => origin.build !== undefined

const PIECES: readonly { readonly what: string; readonly isKnown: (snapshot: Snapshot) => boolean; readonly why: string }[] = [
  {
    what: 'counter frequency',
    isKnown: ({ vm }) => vm.counterFrequency !== undefined,
    why: 'CNTFRQ_EL0 is no KVM register; the guest keeps time by the one it booted with',
  },
  { what: 'IPA size', isKnown: ({ vm }) => vm.ipaBits !== undefined, why: 'the VMM chooses it when it creates the VM' },
  {
    what: 'counter offset',
    isKnown: s => isOurs(s) || s.vm.counterOffset !== undefined,
    why: 'once KVM_ARM_SET_COUNTER_OFFSET was used, writes of the counters are ignored',
  },
  { what: 'SMCCC filter', isKnown: ({ vm }) => vm.smcccFilter !== undefined, why: 'it is an attribute of the VM, not a register' },
  { what: 'VM capabilities', isKnown: ({ vm }) => vm.systemSuspend !== undefined, why: 'the VMM must enable KVM_CAP_ARM_SYSTEM_SUSPEND and its like again' },
  {
    what: 'GIC revision and state',
    isKnown: s => isOurs(s) || s.gic === 'none' || s.devices.some(({ kind }) => kind.startsWith('gic')),
    why: 'the file holds no state of a GIC',
  },
]

/** One finding for each piece of state that the file does not hold. */
export function notChecked(snapshot: Snapshot): readonly Finding[] {
  return PIECES.filter(piece => !piece.isKnown(snapshot)).map(({ what, why }) => ({
    severity: 'info',
    code: 'not-checked',
    message: `${what} not checked: the file does not hold it`,
    hint: why,
  }))
}
