// Owns KVM's numbers of MP states, as VMMs save struct kvm_mp_state. Source: include/uapi/linux/kvm.h; arm64 has these three.
import type { MpState } from '../../../model/snapshot.ts'

const STATES: ReadonlyMap<number, MpState> = new Map([
  [0, 'runnable'],
  [5, 'stopped'],
  [10, 'suspended'],
])

/** Undefined for a number that arm64 does not have. */
export const mpStateOf = (number: number): MpState | undefined => STATES.get(number)
