// Owns the SVE class of one vCPU: vector lengths, the finalize phase and the Z, P and FFR bytes. Source: arch/arm64/kvm/guest.c
// (get_sve_vls, set_sve_vls, sve_reg_to_region). Registers are as long as the longest vector; the rest of an id's bytes read 0.
import { ERRNO } from '../../arch/errno.ts'
import type { HostValues } from '../../builds/host-values.ts'

const Z_BYTES = 256
const P_BYTES = 32

export class SveState {
  finalized = false
  /** Bit n: vectors of (n+1) × 16 bytes. */
  lengths: bigint
  private readonly host: bigint
  private readonly isKnown: boolean
  private bytes: Uint8Array | undefined

  /** `isKnown`: `host` is what the CPU has; else any set of lengths within it may be the CPU's. */
  constructor(host: bigint, isKnown = true) {
    this.host = host
    this.isKnown = isKnown
    this.lengths = host
  }

  /** Bytes of the longest vector. */
  get vectorBytes(): number {
    return 16 * (this.lengths === 0n ? 0 : this.lengths.toString(2).length)
  }

  finalize(): number {
    if (this.finalized) return ERRNO.EPERM
    this.finalized = true
    this.reset()
    return 0
  }

  reset(): void {
    this.bytes = new Uint8Array(32 * Z_BYTES + 17 * P_BYTES)
  }

  /** The set must be the host's, cut off at some length. */
  setLengths(value: bigint, beyond: boolean): number {
    if (this.finalized) return ERRNO.EPERM
    const top = value === 0n ? 0 : value.toString(2).length
    const cut = (this.isKnown ? this.host : this.host & value) & ((1n << BigInt(top)) - 1n)
    if (beyond || value === 0n || value !== cut) return ERRNO.EINVAL
    this.lengths = value
    return 0
  }

  /** Z0 … Z31 are 0 … 31, P0 … P15 are 32 … 47, FFR is 48. Undefined before finalize. */
  register(n: number): Uint8Array | undefined {
    if (!this.finalized || !this.bytes) return undefined
    const used = this.vectorBytes
    return n < 32
      ? this.bytes.subarray(n * Z_BYTES, n * Z_BYTES + used)
      : this.bytes.subarray(32 * Z_BYTES + (n - 32) * P_BYTES, 32 * Z_BYTES + (n - 32) * P_BYTES + used / 8)
  }
}

export const newSve = ({ vectorLengths, unseen }: HostValues): SveState => new SveState(vectorLengths, !unseen?.includes('vector-lengths'))

/** Errno of an SVE id that is no register here: beyond slice 0 or without SVE ENOENT, else EINVAL. */
export function sveErrno(low: number, high: number, hasSve: boolean): number {
  const index = low & 0xffff
  const isZ = high === 0x6080_0000 && index < 0x400
  const isP = high === 0x6050_0000 && index >= 0x400 && index <= 0x61f
  const isVls = high === 0x6060_0000 && index === 0xffff
  return isZ || isP || (isVls && !hasSve) ? ERRNO.ENOENT : ERRNO.EINVAL
}
