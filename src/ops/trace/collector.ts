// Owns what is kept of a run's firmware events: rows that wait to be shown, and counts of everything. Bounded: no more rows than calls are wanted,
// no more functions than a guest may invent. Hears of events while the machine runs, and touches nothing.
import { exceptionLevel } from '../../arch/pstate.ts'
import type { FirmwareCall, FirmwareEvent } from '../../emulator/machine/firmware-watch.ts'
import { callWords, namedFunction } from './call-words.ts'
import type { CompiledFilter } from './filter.ts'
import type { TraceCall, TraceRow, TraceSummary } from './trace-report.ts'

export interface Collector {
  /** For the machine. */
  readonly hear: (event: FirmwareEvent) => void
  /** As many calls have been shown as are wanted: nothing more is kept. */
  readonly isFull: boolean
  readonly calls: number
  readonly shown: number
  /** The last call, shown or not. */
  readonly last: Pick<TraceCall, 'vcpu' | 'ending'> | undefined
  /** Rows since the last time, and forgets them. */
  take(): readonly TraceRow[]
  functions(): TraceSummary['functions']
}

/** A guest that asks for ever new ids is counted in one row from here on. */
const MOST_FUNCTIONS = 1024
const OTHERS = 'others'
/** Results of one function that are told apart; random numbers and clocks never end. */
const MOST_RESULTS = 8

/** `most` calls are shown. */
export function createCollector(filter: CompiledFilter, most: number): Collector {
  let rows: TraceRow[] = []
  let calls = 0
  let shown = 0
  let last: TraceCall | undefined
  const counts = new Map<string, { known: boolean; calls: number; results: Map<string, number> }>()

  const count = (call: TraceCall): void => {
    const name = counts.has(call.function) || counts.size < MOST_FUNCTIONS ? call.function : OTHERS
    const row = counts.get(name) ?? { known: call.known, calls: 0, results: new Map<string, number>() }
    counts.set(name, row)
    row.calls++
    const answer = call.result ?? (call.ending.kind === 'event' ? call.ending.event : call.ending.kind)
    const key = row.results.has(answer) || row.results.size < MOST_RESULTS ? answer : OTHERS
    row.results.set(key, (row.results.get(key) ?? 0) + 1)
  }

  return {
    hear(event) {
      if (shown >= most) return
      if (event.kind === 'start') {
        if (filter.start(event.vcpu)) rows.push({ kind: 'start', ...momentOf(event), context: hex(event.context) })
        return
      }
      const call = callRow(event)
      calls++
      count(call)
      last = call
      const id = Number(call.id)
      if (!filter.call(event.vcpu, id, namedFunction(id))) return
      shown++
      rows.push(call)
    },
    get isFull() {
      return shown >= most
    },
    get calls() {
      return calls
    },
    get shown() {
      return shown
    },
    get last() {
      return last
    },
    take() {
      const taken = rows
      rows = []
      return taken
    },
    functions: () =>
      [...counts]
        .map(([name, { known, calls: of, results }]) => ({ function: name, known, calls: of, results: Object.fromEntries(results) }))
        .sort((a, b) => b.calls - a.calls || (a.function < b.function ? -1 : 1)),
  }
}

/** One call as a row. */
export function callRow(call: FirmwareCall): TraceCall {
  return {
    kind: 'call',
    ...momentOf(call),
    conduit: call.conduit,
    ...(call.immediate === 0 ? {} : { immediate: call.immediate }),
    ...callWords(call),
    ...(call.filter === 'handle' ? {} : { filter: call.filter }),
    ...(call.switchedOn.length === 0 ? {} : { switchedOn: call.switchedOn }),
    ...(call.switchedOff.length === 0 ? {} : { switchedOff: call.switchedOff }),
  }
}

const momentOf = ({ vcpu, time, instructions, pc, pstate }: FirmwareEvent) => ({ vcpu, time, instructions, pc: hex(pc), el: exceptionLevel(pstate) })
const hex = (value: bigint): string => `0x${value.toString(16)}`
