// Owns the shape of what `trace` tells: one row an event, and the summary at the end. Part of the JSON contract. No behaviour.
import type { Finding } from '../../model/finding.ts'
import type { StopReason } from '../../model/snapshot.ts'
import type { Verdict } from '../reports.ts'

interface TraceMoment {
  readonly vcpu: number
  /** Nanoseconds of machine time. */
  readonly time: number
  /** Executed by all vCPUs until then. */
  readonly instructions: number
  /** Of the caller's HVC or SMC; of a start, the first instruction. */
  readonly pc: string
  /** `EL1h`. */
  readonly el: string
}

/** A guest asks its firmware. */
export interface TraceCall extends TraceMoment {
  readonly kind: 'call'
  readonly conduit: 'hvc' | 'smc'
  /** Of the instruction, when it is not 0. */
  readonly immediate?: number
  /** Name as in the tables, without the width; an id in hex for a function that is in none of them. */
  readonly function: string
  readonly id: string
  /** Which form was called, of a function that has both. */
  readonly form?: 'SMC32' | 'SMC64'
  /** Absent for a function that is in no table. */
  readonly known: boolean
  readonly arguments: readonly TraceArgument[]
  /** What X0 says, in words: `SUCCESS`, `1.1`, `NOT_REQUIRED`. Absent where the call never comes back. */
  readonly result?: string
  /** X0 … X3 after the call, up to the last that is not zero; at least X0. */
  readonly values: readonly string[]
  readonly ending: TraceEnding
  /** What the VMM's SMCCC filter does with the function, when it does anything. */
  readonly filter?: 'deny' | 'forward'
  readonly switchedOn?: readonly number[]
  readonly switchedOff?: readonly number[]
}

export interface TraceArgument {
  readonly name: string
  readonly value: string
  readonly meaning?: string
}

/** `resume`: the guest goes on. `wait`: it sleeps as in WFI. `off`: the vCPU has stopped. `event`, `forward`: the VMM is told. */
export type TraceEnding =
  | { readonly kind: 'resume' | 'wait' | 'off' }
  | { readonly kind: 'event'; readonly event: string; readonly type: number; readonly flags: readonly string[]; readonly data: readonly string[] }
  | { readonly kind: 'forward'; readonly flags: string }

/** A vCPU that a call has switched on executes its first instruction. */
export interface TraceStart extends TraceMoment {
  readonly kind: 'start'
  /** X0: what the caller passed on. */
  readonly context: string
}

/** The last row: why the run is over. */
export interface TraceStop {
  readonly kind: 'stop'
  readonly time: number
  readonly instructions: number
  /** The vCPU that ended it, where one did. */
  readonly vcpu?: number
  readonly why: TraceEnd
  readonly what: string
}

/**
 * `until`: the point asked for is reached. `max-calls`: as many calls as were wanted. `limit`: --timeout or --max-insns. `idle`: nobody will ever run
 * again. `interrupted`: Ctrl-C. `forwarded`: the VMM's filter wants the VMM to answer a call, and there is none. `cannot-execute`: the machine does not do what the guest wants. The others: what the guest did.
 */
export type TraceEnd = 'until' | 'max-calls' | 'limit' | 'idle' | 'interrupted' | 'forwarded' | 'cannot-execute' | StopReason

export type TraceRow = TraceCall | TraceStart | TraceStop

export interface TraceSummary {
  readonly build: string
  /** What ran. */
  readonly source: { readonly kind: 'guest' | 'snapshot' | 'kernel'; readonly file?: string; readonly build?: string; readonly verdict?: Verdict }
  readonly psci: string | null
  readonly vcpus: number
  readonly stop: { readonly why: TraceEnd; readonly what: string; readonly vcpu?: number }
  /** Whether the run got to where --until wanted it. */
  readonly until?: { readonly point: string; readonly reached: boolean }
  /** Nanoseconds of machine time and instructions that this run took. */
  readonly time: number
  readonly instructions: number
  readonly calls: number
  /** Calls that --vcpu and --function let through. */
  readonly shown: number
  /** By function, the most frequent first. */
  readonly functions: readonly {
    readonly function: string
    readonly known: boolean
    readonly calls: number
    readonly results: Readonly<Record<string, number>>
  }[]
  readonly findings: readonly Finding[]
}

/** Before the first row. */
export interface TraceBegin {
  /** What runs where. */
  readonly title: string
  /** Indices, and whether each is on. */
  readonly vcpus: readonly { readonly index: number; readonly on: boolean }[]
  /** Nanoseconds of machine time. */
  readonly time: number
}
