// Owns what a contract case is, how one is run and how two hosts' results are compared: plain functions, because the same cases run in an initramfs.
// The cases stand beside this file, one family each.
import type { AbiHost } from '../../src/backends/kvm-abi.ts'
import { KNOWN_DIFFERENCES, type KnownDifference } from './known-differences.ts'

export type Plain = string | number | boolean

export interface Report {
  /** What holds on every host, by the architecture or the ABI; the case says by which rule. */
  must(what: string, actual: unknown, expected: unknown): void
  /** What this host does: the emulated build of the same kernel and CPU does the same. */
  saw(what: string, value: Plain): void
}

export interface ContractCase<Host = AbiHost> {
  readonly name: string
  run(host: Host, report: Report): void | Promise<void>
}

export interface CaseResult {
  readonly name: string
  readonly milliseconds: number
  /** What did not hold, and what was thrown. */
  readonly failures: readonly string[]
  readonly saw: Readonly<Record<string, Plain>>
  /** How many `must` and `saw` there were. */
  readonly checks: number
}

export interface Difference {
  readonly name: string
  readonly what: string
  readonly real: Plain | undefined
  readonly emulated: Plain | undefined
}

export async function runCase<Host>({ name, run }: ContractCase<Host>, host: Host): Promise<CaseResult> {
  const failures: string[] = []
  const saw: Record<string, Plain> = {}
  let checks = 0
  const started = performance.now()
  try {
    await run(host, {
      must(what, actual, expected) {
        checks++
        const [is, should] = [show(actual), show(expected)]
        if (is !== should) failures.push(`${what}: ${is}, not ${should}`)
      },
      saw(what, value) {
        checks++
        if (what in saw) failures.push(`${what} was looked at twice`)
        saw[what] = value
      },
    })
  } catch (error) {
    failures.push(`threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  return { name, milliseconds: performance.now() - started, failures, saw, checks }
}

/** What two hosts did otherwise in the same case, but for what known-differences.ts names. */
export function compareResults(real: CaseResult, emulated: CaseResult): readonly Difference[] {
  return allDifferences(real, emulated).filter(difference => !KNOWN_DIFFERENCES.some(row => isThis(row, difference)))
}

function allDifferences(real: CaseResult, emulated: CaseResult): readonly Difference[] {
  const keys = new Set([...Object.keys(real.saw), ...Object.keys(emulated.saw)])
  return [...keys]
    .filter(what => real.saw[what] !== emulated.saw[what])
    .map(what => ({ name: real.name, what, real: real.saw[what], emulated: emulated.saw[what] }))
}

const isThis = (row: KnownDifference, { name, what, real }: Difference): boolean => row.name === name && row.what === what && row.real === real

const show = (value: unknown): string => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? hex(each) : each)) ?? 'undefined'

export const hex = (value: bigint | number): string => `0x${value.toString(16)}`
