// Owns what `inspect` says about time: the counters of the vCPUs, how far apart they are, and when each timer fires. Judges nothing.
import { sysRegId } from '../arch/reg-id.ts'
import { type RegisterList, registerValue } from '../model/register-list.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { TimerReport, TimersReport } from './inspect-report.ts'

// KVM's ids; two of them bear each other's encodings (arch/catalogue/timers.ts).
const VIRTUAL = { control: sysRegId(3, 3, 14, 3, 1), compare: sysRegId(3, 3, 14, 0, 2), counter: sysRegId(3, 3, 14, 3, 2) }
const PHYSICAL = { control: sysRegId(3, 3, 14, 2, 1), compare: sysRegId(3, 3, 14, 2, 2), counter: sysRegId(3, 3, 14, 0, 1) }
const ENABLE = 1n
const IMASK = 2n

export function inspectTimers({ vcpus, vm }: Snapshot): TimersReport {
  const counters = vcpus.map(({ registers }) => registerValue(registers, VIRTUAL.counter)).filter(value => value !== undefined)
  const sorted = counters.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const skew = sorted.length < 2 ? undefined : (sorted.at(-1) ?? 0n) - (sorted[0] ?? 0n)
  return {
    ...(vm.counterFrequency === undefined ? {} : { frequency: vm.counterFrequency }),
    ...(skew === undefined ? {} : { skew: hex(skew) }),
    vcpus: vcpus.map(({ index, registers }) => ({ index, ...counterOf(registers), ...timersOf(registers) })),
  }
}

const hex = (value: bigint): string => `0x${value.toString(16)}`

function counterOf(registers: RegisterList): { readonly counter?: string; readonly physicalCounter?: string } {
  const counter = registerValue(registers, VIRTUAL.counter)
  const physical = registerValue(registers, PHYSICAL.counter)
  return { ...(counter === undefined ? {} : { counter: hex(counter) }), ...(physical === undefined ? {} : { physicalCounter: hex(physical) }) }
}

function timersOf(registers: RegisterList): { readonly virtual?: TimerReport; readonly physical?: TimerReport } {
  const virtual = timerOf(registers, VIRTUAL)
  const physical = timerOf(registers, PHYSICAL)
  return { ...(virtual ? { virtual } : {}), ...(physical ? { physical } : {}) }
}

function timerOf(registers: RegisterList, ids: typeof VIRTUAL): TimerReport | undefined {
  const control = registerValue(registers, ids.control)
  if (control === undefined) return undefined
  const compare = registerValue(registers, ids.compare)
  const counter = registerValue(registers, ids.counter)
  return {
    enabled: (control & ENABLE) !== 0n,
    masked: (control & IMASK) !== 0n,
    ...(compare === undefined ? {} : { compare: hex(compare) }),
    ...(compare === undefined || counter === undefined ? {} : { due: String(compare - counter) }),
  }
}
