// Owns a trace as the JSON that Perfetto and chrome://tracing open: the "JSON Object Format" of the Trace Event Format document. Written while events
// come; a process is the guest, a thread is a vCPU. Knows no machine.
import type { TraceBegin, TraceCall, TraceRow, TraceStart, TraceSummary } from '../ops/trace/trace-report.ts'
import { callText } from './trace.ts'

export interface ChromeTrace {
  start(begin: TraceBegin): string
  row(row: TraceRow): string
  end(summary: TraceSummary): string
}

type Phase = 'X' | 'i' | 'M'

/** One object of `traceEvents`: times in µs of machine time. */
export interface TraceEvent {
  readonly name: string
  readonly ph: Phase
  readonly pid: number
  readonly tid: number
  readonly ts?: number
  readonly dur?: number
  readonly cat?: string
  /** Of an instant: the whole trace, or its thread. */
  readonly s?: 'g' | 't'
  readonly args?: object
}

const PROCESS = 1
/** Viewers take thread 0 for an idle task. */
const threadOf = (vcpu: number): number => vcpu + 1
/** A call takes one instruction, which is one nanosecond: what comes of it happens in no machine time. */
const CALL_TIME = 0.001
const micros = (nanoseconds: number): number => nanoseconds / 1000

export function chromeTrace(): ChromeTrace {
  /** When each vCPU that is on was switched on. */
  const on = new Map<number, number>()
  let begun = false
  const line = (event: TraceEvent): string => {
    const text = `${begun ? ',\n' : ''}${JSON.stringify(event)}`
    begun = true
    return text
  }
  /** The bar behind a vCPU's calls. */
  const wasOn = (vcpu: number, until: number): string => {
    const since = on.get(vcpu)
    if (since === undefined || !on.delete(vcpu)) return ''
    return line({ name: 'on', cat: 'power', ph: 'X', pid: PROCESS, tid: threadOf(vcpu), ts: micros(since), dur: micros(until - since) })
  }
  const call = (row: TraceCall): string => {
    const { vcpu, time, ending, switchedOff = [] } = row
    const text = line({
      name: callText(row),
      cat: row.known ? 'firmware' : 'firmware,unknown',
      ph: 'X',
      pid: PROCESS,
      tid: threadOf(vcpu),
      ts: micros(time),
      dur: CALL_TIME,
      args: callArguments(row),
    })
    const event =
      ending.kind === 'event'
        ? line({
            name: [ending.event, ...ending.flags].join(' '),
            cat: 'event',
            ph: 'i',
            s: 'g',
            pid: PROCESS,
            tid: threadOf(vcpu),
            ts: micros(time),
            args: { type: ending.type, flags: ending.flags, data: ending.data },
          })
        : ''
    return text + event + switchedOff.map(each => wasOn(each, time + 1)).join('')
  }
  const start = ({ vcpu, time, pc, context, el }: TraceStart): string => {
    on.set(vcpu, time)
    return line({ name: 'starts', cat: 'power', ph: 'i', s: 't', pid: PROCESS, tid: threadOf(vcpu), ts: micros(time), args: { pc, el, context } })
  }
  return {
    start({ title, vcpus, time }) {
      for (const { index, on: isOn } of vcpus) if (isOn) on.set(index, time)
      const named = (name: string, tid: number, args: object): string => line({ name, ph: 'M', pid: PROCESS, tid, args })
      return [
        '{"displayTimeUnit":"ns","traceEvents":[\n',
        named('process_name', 0, { name: title }),
        ...vcpus.flatMap(({ index }) => [
          named('thread_name', threadOf(index), { name: `vCPU ${index}` }),
          named('thread_sort_index', threadOf(index), { sort_index: index }),
        ]),
      ].join('')
    },
    row(row) {
      if (row.kind === 'call') return call(row)
      if (row.kind === 'start') return start(row)
      return [...[...on.keys()].map(vcpu => wasOn(vcpu, row.time + 1)), instant(row)].join('')
    },
    end: ({ build, source, psci, stop, calls, shown, instructions }) =>
      `\n],"otherData":${JSON.stringify({ build, source, psci, stop, calls, shown, instructions })}}\n`,
  }

  function instant({ what, why, vcpu, time }: Extract<TraceRow, { readonly kind: 'stop' }>): string {
    return line({
      name: 'stop',
      cat: 'event',
      ph: 'i',
      s: 'g',
      pid: PROCESS,
      tid: vcpu === undefined ? 0 : threadOf(vcpu),
      ts: micros(time),
      args: { why, what },
    })
  }
}

/** Everything of a call that its name does not say. */
function callArguments(row: TraceCall): object {
  const { result, values, conduit, id, pc, el, instructions, ending, filter, switchedOn } = row
  return {
    ...Object.fromEntries(row.arguments.map(({ name, value, meaning }) => [name, meaning === undefined ? value : `${value} ${meaning}`])),
    ...(result === undefined ? {} : { result }),
    values,
    ending: ending.kind,
    conduit,
    id,
    pc,
    el,
    instructions,
    ...(filter ? { filter } : {}),
    ...(switchedOn ? { switchedOn } : {}),
  }
}
