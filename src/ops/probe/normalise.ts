// Owns what of a recording is not the host's but the moment's: running counters, random numbers, clocks. They are replaced, so that a second probe of
// the same host gives the same recording. Recordings of others can be put through it as well, to compare them.
import type { Plain, PlainRow } from './probe-vm.ts'
import { sysreg, UNREADABLE } from './registers.ts'

const ZERO = '0x0'
/** Starts that a counter was set to (power-and-time.ts), highest first, and how far it may have run since. */
const STARTS = [1n << 46n, 1n << 45n]
const RAN = 1n << 40n
const PTP = 0x8600_0001n
const TRNG_RND = [0x8400_0053n, 0xc400_0053n]

type Row = { readonly [key: string]: Plain | undefined }
const isRow = (value: Plain | undefined): value is PlainRow => typeof value === 'object' && value !== null && !Array.isArray(value)
const rows = (value: Plain | undefined): readonly PlainRow[] => (Array.isArray(value) ? value.filter(isRow) : [])
/** KVM_REG_ARM_TIMER_CNT and PTIMER_CNT. PMCCNTR_EL0 stands still until a guest starts it, and the tiny one does not. */
const COUNTERS: ReadonlySet<bigint> = new Set([sysreg(3, 3, 14, 3, 2), sysreg(3, 3, 14, 0, 1)])
const isCounter = (id: Plain | undefined): boolean => typeof id === 'string' && COUNTERS.has(BigInt(id))

/** One record of a section without what differs from moment to moment. */
export function normalised(section: string, record: Row): PlainRow {
  const whole = record as PlainRow
  switch (section) {
    case 'regs':
      return { ...whole, ...(whole.regs ? { regs: values(whole.regs) } : {}), ...(whole.vcpu1_diff ? { vcpu1_diff: withoutCounters(whole.vcpu1_diff) } : {}) }
    case 'restore':
      return Object.fromEntries(Object.entries(whole).map(([key, value]) => [key, /^vcpu\d/.test(key) && isRow(value) ? replayed(value) : value]))
    case 'timer':
      return Object.fromEntries(Object.entries(whole).map(([key, value]) => [key, isRow(value) ? counters(value) : value]))
    default:
      return whole.calls ? { ...whole, calls: rows(whole.calls).map(call) } : whole
  }
}

/** `[id, value]` of every register; counters read as if they had not started. */
const values = (list: Plain): Plain =>
  Array.isArray(list) ? list.map((row: Plain) => (Array.isArray(row) && isCounter(row[0]) ? [row[0] as Plain, ZERO] : row)) : list

/** Both vCPUs' counters always differ, or by chance not. */
const withoutCounters = (list: Plain): Plain => (Array.isArray(list) ? list.filter((row: Plain) => !(Array.isArray(row) && isCounter(row[0]))) : list)

function replayed(vcpu: PlainRow): PlainRow {
  const clean = (list: Plain | undefined): Plain => (Array.isArray(list) ? list.map(one) : [])
  // Id, what was written, what was read or was there before; an errno stays.
  const one = (row: Plain): Plain =>
    Array.isArray(row) && isCounter(row[0]) ? row.map((value: Plain, n) => (n > 0 && typeof value === 'string' && /^(0x|b|z)/.test(value) ? ZERO : value)) : row
  return { ...vcpu, fail: clean(vcpu.fail), diff: clean(vcpu.diff), dst_extra: clean(vcpu.dst_extra) }
}

/** A counter's value as what it was last set to, or 0 for one that nobody set. */
const counters = (phase: PlainRow): PlainRow =>
  Object.fromEntries(Object.entries(phase).map(([key, value]) => [key, /^p?cnt\d/.test(key) && typeof value === 'string' ? start(BigInt(value)) : value]))

function start(count: bigint): string {
  if (count === UNREADABLE) return `0x${UNREADABLE.toString(16)}`
  return `0x${(STARTS.find(each => count >= each && count - each < RAN) ?? 0n).toString(16)}`
}

/** A clock's answer is that there is one; random bits are none. */
function call(row: PlainRow): PlainRow {
  const asked = Array.isArray(row.in) ? BigInt.asUintN(32, BigInt(row.in[0] as string)) : 0n
  const hasAnswer = typeof row.r === 'string' && BigInt(row.r) >> 63n === 0n
  if (asked === PTP && hasAnswer) return { ...row, r: ZERO, out123: [ZERO, ZERO, ZERO] }
  if (TRNG_RND.includes(asked) && hasAnswer && row.out123) return { ...row, out123: [ZERO, ZERO, ZERO] }
  return row
}
