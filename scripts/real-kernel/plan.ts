// Owns what the two sides of a boot agree on: the steps that the program inside is told to do, and the frames that it answers with. Types only.

import type { CaseResult } from '../../test/contract/contract.ts'

/** One thing to do inside. Its result is a StepFrame with the same id. */
export type Step =
  /** A command line of psci-snap, in the program's own process: a process of its own costs seconds there. */
  | (StepCommon & { readonly run: 'cli'; readonly argv: readonly string[] })
  /** A process, as a user starts it. `interruptAfter`: SIGTERM after so many milliseconds. `seconds`: SIGKILL after so many. */
  | (StepCommon & { readonly run: 'spawn'; readonly argv: readonly string[]; readonly seconds: number; readonly interruptAfter?: number })
  /** The contract suite on /dev/kvm. */
  | (StepCommon & { readonly run: 'contract'; readonly cycles: number })

interface StepCommon {
  readonly id: string
  /** Files to send out afterwards, where there are any. */
  readonly send?: readonly string[]
}

export interface Plan {
  readonly steps: readonly Step[]
}

export type Frame = StartFrame | StepFrame | FileFrame | CaseFrame | EndFrame

export interface StartFrame {
  readonly kind: 'start'
  readonly node: string
  /** `uname -r` and `uname -v`. */
  readonly release: string
  readonly version: string
}

export interface StepFrame {
  readonly kind: 'step'
  readonly id: string
  /** Exit status; absent when the step threw or was ended by a signal. */
  readonly status?: number
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
  /** Why it came to no exit status. */
  readonly failure?: string
  /** Open files before and after. */
  readonly descriptors: readonly [number, number]
}

/** A piece of a file; `part` counts from 0. */
export interface FileFrame {
  readonly kind: 'file'
  readonly step: string
  readonly path: string
  readonly part: number
  readonly parts: number
  readonly base64: string
}

/** One case of the contract suite. `part`: over KVM's verbs, over the comfortable form, or of what only a real host has. */
export interface CaseFrame {
  readonly kind: 'case'
  readonly step: string
  readonly part: 'verbs' | 'backend' | 'real'
  readonly result: CaseResult
}

export interface EndFrame {
  readonly kind: 'end'
  readonly steps: number
}
