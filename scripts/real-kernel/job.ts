// Owns what a job is: steps for the inside of a boot, and a judgement outside of what came of them.
import type { CaseFrame, Step, StepFrame } from './plan.ts'

export interface Check {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'not run'
  /** Why, or what was found. */
  readonly detail?: string
}

/** Of one boot. */
export interface Host {
  /** As in packages.json: `5.10`, `newest`. */
  readonly name: string
  readonly package: string
  readonly version: string
  /** QEMU's name. */
  readonly cpu: string
  readonly qemu: string
}

/** What a boot gave, for judges. */
export interface Results {
  readonly host: Host
  /** `uname -r` and `uname -v` of the kernel that ran. */
  readonly release: string
  readonly uname: string
  step(id: string): StepFrame | undefined
  cases(id: string): readonly CaseFrame[]
  /** A file that the step sent, whole; undefined when a piece is missing. */
  file(step: string, path: string): Buffer | undefined
}

/** What outlives a boot: files that later boots take in, and judges of later boots read. Names are paths below one folder. */
export interface Shelf {
  put(name: string, bytes: Uint8Array): string
  /** Full path; undefined when it was never put there. */
  find(name: string): string | undefined
  list(): readonly string[]
}

export interface Job {
  readonly name: string
  /** Path in the initramfs → file or folder here. */
  files?(shelf: Shelf, host: Host): Readonly<Record<string, string>>
  steps(shelf: Shelf, host: Host): readonly Step[]
  judge(results: Results, shelf: Shelf): Promise<readonly Check[]> | readonly Check[]
}

const MOST_DETAIL = 600

export const passed = (name: string, detail?: string): Check => ({ name, outcome: 'passed', ...(detail === undefined ? {} : { detail }) })
export const failed = (name: string, detail: string): Check => ({
  name,
  outcome: 'failed',
  detail: detail.length > MOST_DETAIL ? `${detail.slice(0, MOST_DETAIL)} …` : detail,
})
export const notRun = (name: string, detail: string): Check => ({ name, outcome: 'not run', detail })
export const check = (name: string, holds: boolean, detail: () => string): Check => (holds ? passed(name) : failed(name, detail()))

/** What a step said, for a failure. */
export function said({ status, failure, stdout, stderr }: StepFrame): string {
  const ended = failure === undefined ? `exit status ${status}` : failure
  return [ended, stderr.trim(), stdout.trim()].filter(text => text !== '').join('\n')
}

/** The JSON report on a step's standard output; undefined when there is none. */
export function reportOf<T>(step: StepFrame): T | undefined {
  try {
    return JSON.parse(step.stdout) as T
  } catch {
    return undefined
  }
}
