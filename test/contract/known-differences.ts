// table
// Owns the exact list of what real hosts do otherwise than the emulated build of the same kernel, each with its reason.

export interface KnownDifference {
  /** Case, and what it looked at. */
  readonly name: string
  readonly what: string
  /** What the real host did; anything else is a difference that is not known. */
  readonly real: string | number | boolean
  readonly reason: string
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: 'loads take the answer, cut and extended as the instruction says; 0 when nobody answers',
    what: '1 byte with its sign',
    real: '0x88',
    reason:
      'KVM of 5.10.223, 6.1.192 and 6.12.117 drops the sign of a load that the VMM answers: it is extended, then cut to the size of the access (kvm_handle_mmio_return, vcpu_data_host_to_guest). 7.3.4 does not (selftest mmio_sign_ext). No recording says which kernels do; no device of the board is read with LDRS*.',
  },
]
