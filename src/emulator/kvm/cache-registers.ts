// Owns the cache geometry registers: CCSIDR through the DEMUX class, and CLIDR_EL1. Source: arch/arm64/kvm/sys_regs.c (set_ccsidr,
// get_min_cache_line_size, set_clidr; before 6.3 get_ccsidr's host values), recordings.
import { ERRNO } from '../../arch/errno.ts'
import { inventedCcsidr, smallestLine } from '../../builds/compose.ts'
import { fieldOf } from '../../builds/id-values.ts'
import type { Vcpu } from './vcpu.ts'

const IDC = 1n << 28n
const CLIDR_RES0 = ~0x7fff_ffff_ffffn & 0xffff_ffff_ffff_ffffn

/** Errno of writing CCSIDR `value` on a kernel with virtual caches. */
const checkCcsidr = (ctr: bigint, selector: number, value: number): number => ((value & 7) + 4 < smallestLine(ctr, selector) ? ERRNO.EINVAL : 0)

/** Errno of writing CLIDR_EL1: no RES0 bit, and no claim that data caches need no cleaning unless CTR_EL0.IDC says so. */
export function checkClidr(ctr: bigint, value: bigint): number {
  const loc = fieldOf(value, 24, 3)
  const claimsIdc = loc === 0 || (fieldOf(value, 21, 3) === 0 && fieldOf(value, 27, 3) === 0)
  return value & CLIDR_RES0 || (!(ctr & IDC) && claimsIdc) ? ERRNO.EINVAL : 0
}

/** CCSIDR by selector of one vCPU: the host's or made up until the first write, then its own. */
export class CacheGeometry {
  private readonly vcpu: Vcpu
  private written: Uint32Array | undefined

  constructor(vcpu: Vcpu) {
    this.vcpu = vcpu
  }

  read(selector: number): number {
    const { kernel, host } = this.vcpu.vm.build
    if (this.written) return this.written[selector]!
    return host.ccsidr.get(selector) ?? (kernel.demux.policy === 'virtual' ? inventedCcsidr(this.vcpu.hostCtr, selector) : 0)
  }

  /** Errno; a kernel without virtual caches takes only what it shows. */
  write(selector: number, value: number): number {
    const { demux } = this.vcpu.vm.build.kernel
    if (demux.policy === 'host') return value === this.read(selector) ? 0 : ERRNO.EINVAL
    const errno = checkCcsidr(this.vcpu.hostCtr, selector, value)
    if (errno) return errno
    this.written ??= Uint32Array.from({ length: demux.selectors }, (_, n) => this.read(n))
    this.written[selector] = value
    return 0
  }
}
