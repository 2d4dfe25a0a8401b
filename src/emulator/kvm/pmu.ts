// Owns how the PMU's registers take writes from userspace. Sources: arch/arm64/kvm/sys_regs.c (set_pmcr, set_pmreg, PMMIR),
// recordings (restore of the pmu set). Nothing counts here.
import { ERRNO } from '../../arch/errno.ts'
import type { KernelRules } from '../../builds/kernel-rules.ts'

const N_SHIFT = 11n
const N_MASK = 0x1fn << N_SHIFT
const CYCLE_COUNTER = 1n << 31n

/** Bits of the counters that exist: the cycle counter and `count` event counters. */
export const counterMask = (count: number): bigint => CYCLE_COUNTER | ((1n << BigInt(count)) - 1n)

export const readPmcr = (stored: bigint, counters: number): bigint => (stored & ~N_MASK) | (BigInt(counters) << N_SHIFT)

/** What a PMCR_EL0 write stores, and the counter number that the VM has afterwards: more than the host's is ignored, so is any change after the first run. */
export function writePmcr(
  rules: KernelRules,
  value: bigint,
  vm: { readonly hasRun: boolean; readonly counters: number; readonly most: number; readonly fixed: boolean; readonly aarch32: boolean },
): { readonly stored: bigint; readonly counters: number } {
  const wanted = Number((value & N_MASK) >> N_SHIFT)
  const counters = vm.hasRun || vm.fixed || wanted > vm.most ? vm.counters : wanted
  const kept = value & rules.pmu.pmcrMask
  return { stored: vm.aarch32 ? kept : kept | 0x40n, counters }
}

/** What a write to a SET or CLR register leaves in their common storage. */
export function writeBits(rules: KernelRules, which: 'pmset' | 'pmclr', stored: bigint, value: bigint, counters: number): bigint {
  switch (rules.pmu.setClear) {
    case 'store':
      return value
    case 'masked':
      return value & counterMask(counters)
    case 'set-clear':
      return which === 'pmset' ? stored | (value & counterMask(counters)) : stored & ~(value & counterMask(counters))
  }
}

/** PMMIR_EL1 takes 0 or what it already holds; a change after the first run is EBUSY. */
export function checkPmmir(stored: bigint, value: bigint, hasRun: boolean): number {
  if (value === stored) return 0
  if (value & ~0xffn) return ERRNO.EINVAL
  if (hasRun) return ERRNO.EBUSY
  return value === 0n ? 0 : ERRNO.EINVAL
}
