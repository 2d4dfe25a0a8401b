// Owns how counters, timers and interrupts of an inspect report read on a terminal. Decides nothing.
import type { InspectReport, TimerReport, TimersReport } from '../ops/inspect-report.ts'
import { count, table, wrap } from './table.ts'

export function timerLines({ frequency, skew, vcpus }: TimersReport): string[] {
  if (vcpus.every(({ counter, physicalCounter, virtual, physical }) => !counter && !physicalCounter && !virtual && !physical)) return []
  const show = (timer: TimerReport | undefined): string => timerText(timer, frequency)
  const rows = vcpus.map(({ index, counter, virtual, physical }) => [String(index), counter ?? '-', show(virtual), show(physical)])
  const notes = [
    ...(frequency === undefined ? [] : [`  frequency ${frequency / 1e6} MHz`]),
    ...(skew === undefined ? [] : [`  virtual counters are ${ticks(BigInt(skew), frequency)} apart`]),
  ]
  return [
    ...table([{ head: 'vCPU', align: 'right' }, { head: 'virtual counter' }, { head: 'virtual timer' }, { head: 'physical timer' }], rows, '  '),
    ...notes,
  ]
}

function timerText(timer: TimerReport | undefined, frequency: number | undefined): string {
  if (!timer) return '-'
  if (!timer.enabled) return 'off'
  const { due, masked } = timer
  const when =
    due === undefined ? 'on' : due.startsWith('-') ? `fired ${ticks(BigInt(due.slice(1)), frequency)} ago` : `due in ${ticks(BigInt(due), frequency)}`
  return masked ? `${when}, masked` : when
}

/** Ticks, and how long that is where the frequency is known. */
function ticks(value: bigint, frequency: number | undefined): string {
  const text = count(Number(value), 'tick')
  return frequency === undefined || frequency <= 0 ? text : `${text} (${duration(Number(value) / frequency)})`
}

function duration(seconds: number): string {
  for (const [unit, size] of [
    ['s', 1],
    ['ms', 1e-3],
    ['µs', 1e-6],
  ] as const)
    if (seconds >= size) return `${Number((seconds / size).toPrecision(4))} ${unit}`
  return `${Number((seconds * 1e9).toPrecision(4))} ns`
}

export function interruptLines({ interrupts }: InspectReport, columns: number): string[] {
  if (!interrupts) return []
  const rows = [{ name: 'shared', ...interrupts.shared }, ...interrupts.vcpus.map(own => ({ name: `vCPU ${own.vcpu}`, ...own }))]
  const width = Math.max(...rows.map(({ name }) => name.length)) + 4
  return rows.flatMap(({ name, enabled, pending, active }) => {
    const parts = [part('enabled', enabled), part('pending', pending), part('active', active)].filter(each => each !== '')
    const text = parts.join('; ') || 'none enabled, pending or active'
    return wrap(text, columns - width).map((line, i) => `  ${(i === 0 ? name : '').padEnd(width - 2)}${line}`)
  })
}

const part = (what: string, numbers: readonly number[]): string => (numbers.length === 0 ? '' : `${numbers.length} ${what}: ${ranges(numbers)}`)

/** `32-39 48`. */
function ranges(numbers: readonly number[]): string {
  const runs: [number, number][] = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last && last[1] + 1 === number) last[1] = number
    else runs.push([number, number])
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(' ')
}
