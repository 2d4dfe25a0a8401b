// Owns a kernel's table of system registers, from the lists that recordings of it hold: order, usual reset value, rule, what makes each
// one exist. Nothing here knows a release.

import type { FieldAtLeast, Need, SysregRow, SysregRule } from '../kernel-rules.ts'
import { CONDITIONS, isFeatureId, RULES } from '../register-rules.ts'
import { type NamedRecording, numeric, type RecordedSet, type Recording, setOf } from './recording.ts'

const SYSREG_CLASS = 0x13
const PMCR = 0xdce0
const TIMER_CONTROLS = [0xdf19, 0xdf11]
const COUNTERS = [0xdf1a, 0xdf01]
/** Sets that show what a feature adds, in the order in which the answer is looked for. */
const NEEDS: readonly (readonly [string, Need])[] = [
  ['pmu', 'pmu'],
  ['sve', 'sve'],
  ['pauth', 'pauth'],
  ['el2', 'el2'],
]

/** System registers of a set in list order, with their values. */
export function systemRegisters(set: RecordedSet): Map<number, bigint> {
  const found = new Map<number, bigint>()
  for (const [text, value] of set.regs ?? []) {
    const id = BigInt(text)
    if (((id >> 16n) & 0xfffn) === BigInt(SYSREG_CLASS)) found.set(Number(id & 0xffffn), numeric(value) ?? 0n)
  }
  return found
}

/** One order that every list agrees with; where lists leave it open, by encoding. */
export function mergeOrders(lists: readonly (readonly number[])[]): number[] {
  const after = new Map<number, Set<number>>()
  const before = new Map<number, number>()
  for (const list of lists)
    for (let i = 0; i < list.length; i++) {
      const at = list[i]!
      if (!after.has(at)) {
        after.set(at, new Set())
        before.set(at, before.get(at) ?? 0)
      }
      const next = list[i + 1]
      if (next === undefined || after.get(at)!.has(next)) continue
      after.get(at)!.add(next)
      before.set(next, (before.get(next) ?? 0) + 1)
    }
  const ready = [...after.keys()].filter(at => before.get(at) === 0)
  const order: number[] = []
  while (ready.length > 0) {
    ready.sort((a, b) => a - b)
    const at = ready.shift()!
    order.push(at)
    for (const next of after.get(at)!) {
      before.set(next, before.get(next)! - 1)
      if (before.get(next) === 0) ready.push(next)
    }
  }
  if (order.length !== after.size) throw new Error('the recorded register lists contradict each other in their order')
  return order
}

export interface SysregTable {
  readonly rows: readonly SysregRow[]
  /** Timer control registers read ISTATUS of the comparison. */
  readonly computesStatus: boolean
  /** PMCR_EL0 is rebuilt on every read and takes N; otherwise it is plain storage. */
  readonly pmcrHasRule: boolean
}

/** Registers that became conditional with the release that brought PSCI 1.3 (commits 0fcb4eea5345, a68cddbe47ef): TCR2_EL1, PIRE0_EL1, PIR_EL1. */
const SINCE_6_13 = new Set([0xc103, 0xc512, 0xc513])
const PSCI_1_3 = 0x10003

export function sysregTable(recordings: readonly NamedRecording[]): SysregTable {
  const appliesConditions = recordings.some(({ recording }) =>
    recording.fwwrite.some(each => each.reg === '0x6030000000140000' && each.rows.some(row => row[1] === 0 && Number(row[0]) === PSCI_1_3)),
  )
  const sets = recordings.flatMap(({ recording }) => recording.regs.filter(set => set.regs).map(set => ({ recording, set, registers: systemRegisters(set) })))
  const order = mergeOrders(sets.map(({ registers }) => [...registers.keys()]))
  const computesStatus = sets.some(({ registers }) => TIMER_CONTROLS.some(encoding => (registers.get(encoding) ?? 0n) & 4n))
  const pmcr = sets.map(({ registers }) => registers.get(PMCR)).filter(value => value !== undefined)
  const pmcrHasRule = pmcr.length > 0 && pmcr.every(value => (value & ~0xf840n) === 0n)
  const rows = order.map((encoding): SysregRow => {
    const needs = needOf(recordings, encoding)
    const field = appliesConditions || !SINCE_6_13.has(encoding) ? conditionOf(sets, encoding) : undefined
    let reset = mostCommon(sets.map(({ registers }) => registers.get(encoding)).filter(value => value !== undefined))
    if (COUNTERS.includes(encoding)) reset = 0n
    if (TIMER_CONTROLS.includes(encoding)) reset &= ~4n
    return { encoding, reset, rule: ruleOf(encoding, reset, pmcrHasRule), ...(needs ? { needs } : {}), ...(field ? { field } : {}) }
  })
  return { rows, computesStatus, pmcrHasRule }
}

/** Special rules that came with a reset value of their own: without it, the register is plain storage. */
function ruleOf(encoding: number, reset: bigint, pmcrHasRule: boolean): SysregRule {
  const rule = isFeatureId(encoding) ? 'id' : (RULES.get(encoding) ?? 'rw')
  const isPlain = (rule === 'pmcr' && !pmcrHasRule) || (rule === 'ignored' && reset !== 0n) || (rule === 'pmevcnt' && reset >> 32n !== 0n)
  return isPlain ? 'rw' : rule
}

/** The feature without which no recorded vCPU lists this register. */
function needOf(recordings: readonly NamedRecording[], encoding: number): Need | undefined {
  const lists = (recording: Recording, name: string): boolean => {
    const set = setOf(recording, name)
    return set !== undefined && systemRegisters(set).has(encoding)
  }
  if (recordings.some(({ recording }) => lists(recording, 'psci02'))) return undefined
  return NEEDS.find(([name]) => recordings.some(({ recording }) => lists(recording, name)))?.[1]
}

/** The field that makes this register exist, unless some host lists it with the field at 0. */
function conditionOf(sets: readonly { readonly registers: ReadonlyMap<number, bigint> }[], encoding: number): FieldAtLeast | undefined {
  const field = CONDITIONS.get(encoding)
  if (!field) return undefined
  const isHeld = (registers: ReadonlyMap<number, bigint>): boolean =>
    ((registers.get(field.encoding) ?? 0n) >> BigInt(field.shift)) % 16n >= BigInt(field.atLeast)
  return sets.some(({ registers }) => registers.has(encoding) && !isHeld(registers)) ? undefined : field
}

function mostCommon(values: readonly bigint[]): bigint {
  const counts = new Map<bigint, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0] ?? 0n
}
