// table
// Owns the calls that start, stop or suspend something, as a probe makes them, in order (probe.c: cpuon, sec_psci).
import { GUEST } from './guest-words.ts'
import { IPA } from './probe-vm.ts'

const SECONDARY = IPA + BigInt(GUEST.secondary)

export interface CpuOnCase {
  readonly tag: string
  readonly functionId: bigint
  readonly entry: bigint
  readonly context: bigint
  /** Bits above the affinity in the target argument. */
  readonly high: bigint
  /** Goes on with CPU_OFF and a second CPU_ON. */
  readonly again: boolean
  /** Which vCPUs it is made on: those with PSCI 0.2, those without, or both. */
  readonly psci: '0.2' | '0.1' | 'any'
}
const case64 = (tag: string, entry: bigint): CpuOnCase => ({ tag, functionId: 0xc400_0003n, entry, context: 7n, high: 0n, again: false, psci: '0.2' })

export const CPU_ON_CASES: readonly CpuOnCase[] = [
  { tag: 'CPU_ON64', functionId: 0xc400_0003n, entry: SECONDARY, context: 0x1122_3344_5566_7788n, high: 0n, again: true, psci: 'any' },
  { tag: 'CPU_ON32', functionId: 0x8400_0003n, entry: SECONDARY, context: 0x1122_3344_5566_7788n, high: 0n, again: true, psci: '0.2' },
  {
    tag: 'CPU_ON32 hi bits in mpidr and entry',
    functionId: 0x8400_0003n,
    entry: 0xdead_0000_0000_0000n | SECONDARY,
    context: 0xfedc_ba98_7654_3210n,
    high: 0xdead_0000_0000_0000n,
    again: true,
    psci: '0.2',
  },
  case64('CPU_ON64 unaligned entry', SECONDARY + 2n),
  case64('CPU_ON64 odd entry', SECONDARY + 1n),
  case64('CPU_ON64 entry outside memory', 0x100_0000_0000n),
  case64('CPU_ON64 entry all ones', 0xffff_ffff_ffff_ffffn),
  { tag: 'CPU_ON01', functionId: 0x95c1_ba60n, entry: SECONDARY, context: 0x77n, high: 0n, again: false, psci: '0.1' },
]

export interface EventCase {
  readonly tag: string
  readonly x: readonly bigint[]
  /** With KVM_CAP_ARM_SYSTEM_SUSPEND. */
  readonly suspend?: boolean
  /** vCPU 1 is on. */
  readonly secondOn?: boolean
}

const RESET_TYPES = [0n, 1n, 2n, 0x7fff_ffffn, 0x8000_0000n, 0x8000_0001n, 0xffff_ffffn, 0x1_0000_0000n, 0x8000_0000_0000_0000n, 0xffff_ffff_8000_0000n]
const OFF_TYPES = [0n, 1n, 2n, 3n, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0001n]
const COOKIES = [0n, 5n, 0x1_0000_0000n]
const RESET_COOKIE = 0x1234_5678_9abc_def0n

/** `psci02`: made on vCPUs with PSCI 0.2. */
export function eventCases(psci02: boolean): readonly EventCase[] {
  const entry = SECONDARY
  return [
    { tag: 'CPU_SUSPEND32', x: [0x8400_0001n, 0n, entry, 0x44n] },
    { tag: 'CPU_SUSPEND64', x: [0xc400_0001n, 0x10000n, entry, 0x44n] },
    { tag: 'CPU_OFF v0 (last)', x: [0x8400_0002n] },
    { tag: 'CPU_OFF v0 v1 on', x: [0x8400_0002n], secondOn: true },
    ...(psci02
      ? []
      : [
          { tag: 'CPU_OFF01', x: [0x95c1_ba5fn] },
          { tag: 'CPU_SUSPEND01', x: [0x95c1_ba5en] },
          { tag: 'MIGRATE01', x: [0x95c1_ba61n] },
        ]),
    { tag: 'SYSTEM_OFF', x: [0x8400_0008n, 1n, 2n, 3n] },
    { tag: 'SYSTEM_OFF v1 on', x: [0x8400_0008n, 1n, 2n, 3n], secondOn: true },
    { tag: 'SYSTEM_RESET', x: [0x8400_0009n, 1n, 2n, 3n] },
    ...RESET_TYPES.map(type => ({ tag: 'RESET2_32', x: [0x8400_0012n, type, RESET_COOKIE] })),
    ...RESET_TYPES.map(type => ({ tag: 'RESET2_64', x: [0xc400_0012n, type, RESET_COOKIE] })),
    ...offCases('OFF2_32', 0x8400_0015n),
    ...offCases('OFF2_64', 0xc400_0015n),
    ...[0x8400_000en, 0xc400_000en].flatMap((id): readonly EventCase[] => [
      { tag: 'SYSTEM_SUSPEND nocap', x: [id, entry, 0x77n] },
      { tag: 'SYSTEM_SUSPEND cap', x: [id, entry, 0x77n], suspend: true },
      { tag: 'SYSTEM_SUSPEND cap v1on', x: [id, entry, 0x77n], suspend: true, secondOn: true },
      { tag: 'SYSTEM_SUSPEND cap badentry', x: [id, 0x100_0000_0000n, 0x77n], suspend: true },
      { tag: 'SYSTEM_SUSPEND cap unaligned', x: [id, entry + 1n, 0x77n], suspend: true },
    ]),
  ]
}

/** Every cookie with the two types that are known, none with the others. */
const offCases = (tag: string, id: bigint): readonly EventCase[] =>
  OFF_TYPES.flatMap(type => COOKIES.filter(cookie => cookie === 0n || type <= 1n).map(cookie => ({ tag, x: [id, type, cookie] })))
