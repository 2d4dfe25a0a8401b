// Owns the shapes of what `check` returns (the JSON contract of DESIGN.md §6, with more keys). No behaviour. Values are text, as in ops/reports.ts.
import type { Finding } from '../../model/finding.ts'
import type { VmmId } from '../load/vmm.ts'
import type { PsciReport, RegisterRow, SourceReport, TargetReport, VcpuReport, Verdict } from '../reports.ts'
import type { ComponentName } from '../signature/components.ts'

/** One file (or a fresh guest of a host) on one target. */
export interface CheckResult {
  readonly verdict: Verdict
  /** What decides, in one line a person can act on: names the register, the errno or the VMM's rule, and the cause. */
  readonly reason: string
  /** Without `sha256` for a fresh guest of a host, and where the caller did not want it. */
  readonly source: Omit<SourceReport, 'sha256'> & { readonly sha256?: string }
  readonly target: TargetReport & { readonly vmm: VmmId }
  readonly load: LoadReport
  readonly features: readonly string[]
  readonly psci: PsciReport
  readonly vcpus: readonly VcpuReport[]
  /** What the guest meets after the load, in words; also of a load that fails, for the registers that it would have got. */
  readonly consequences: readonly Consequence[]
  /** What to do, best first. */
  readonly advice: readonly Advice[]
  readonly findings: readonly Finding[]
  readonly alternatives?: readonly { readonly features: readonly string[]; readonly verdict: Verdict }[]
  /** Findings that a policy accepts; the verdict is then that of the rest, and `verdictWithoutPolicy` the real one. */
  readonly accepted?: readonly { readonly code: string; readonly register?: string; readonly reason: string; readonly until: string }[]
  readonly verdictWithoutPolicy?: Verdict
  /** Of a snapshot whose guest hibernated: the verdict is then whether it wakes in the same environment, and `vcpus` has what was written for that. */
  readonly wake?: WakeAnswer
}

/** Whether a guest wakes on a target: its environment there, with all that its VMM can write. Values are text. */
export interface WakeAnswer {
  /** Of the environment that the guest hibernated in: `psci-snap signature` of the same file. */
  readonly signature: { readonly digest: string; readonly hardwareSignature: string }
  /** What of it no kernel decides: the VMM must make it again. */
  readonly board: readonly { readonly component: ComponentName; readonly words: string }[]
  /** What the VMM must write before the first instruction; `fresh` is what a new guest has there otherwise. */
  readonly pins: readonly (RegisterRow & { readonly component: ComponentName; readonly vcpu: number; readonly fresh?: string })[]
  /** Components that differ when it writes nothing. */
  readonly withoutPins: readonly ComponentName[]
  /** Components that differ whatever it writes, and why. */
  readonly differences: readonly {
    readonly component: ComponentName
    /** `refused`: the kernel does not take what it was. */
    readonly verdict: 'changed' | 'refused'
    readonly why: string
    /** What a guest would meet that resumed all the same. */
    readonly meets: readonly string[]
    readonly refusals: readonly (RegisterRow & { readonly vcpu: number; readonly errno: string })[]
  }[]
  /** What one side does not say, by component. */
  readonly notKnown: readonly { readonly component: ComponentName; readonly keys: readonly string[] }[]
}

/** How the VMM's load ends. */
export interface LoadReport {
  readonly vmm: VmmId
  readonly outcome: 'loads' | 'fails'
  /** What stops the VMM: the first thing in its own order. Absent when it loads. */
  readonly decidedBy?: LoadFailure
  /** Saved registers that this VMM does not write, with its reason; the same on all vCPUs are one row. */
  readonly dropped: readonly (RegisterRow & { readonly why: string })[]
  /** What the VMM prints, as its user would find it in a log; `…` for what we do not know. */
  readonly says?: string
}

export interface LoadFailure {
  /** `vcpu`: KVM_ARM_VCPU_INIT or FINALIZE. `count`, `list`: the VMM compares the lists before it writes. `write`: KVM refuses a register. */
  readonly stage: 'vcpu' | 'count' | 'list' | 'write' | 'other'
  readonly vcpu?: number
  readonly id?: string
  readonly register?: string
  readonly errno?: string
  /** What happens, in words. */
  readonly message: string
}

export interface Consequence {
  /** Stable, kebab-case: `psci-function-vanishes`, `service-appears`, … */
  readonly code: string
  readonly message: string
}

export interface Advice {
  /** Stable, kebab-case. */
  readonly code: string
  readonly message: string
  /** A command or option to type, when there is one. */
  readonly command?: string
}

/** An input that could not be read: a result in its own right. */
export interface CheckUnreadable {
  readonly source: { readonly file: string }
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string; readonly at?: Readonly<Record<string, unknown>> }
}

export type CheckRow = CheckResult | CheckUnreadable

export interface CheckSummary {
  readonly files: number
  readonly targets: readonly string[]
  readonly results: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly unreadable: number
  /** Most frequent first, without what is peculiar to one file. */
  readonly reasons: readonly { readonly reason: string; readonly verdict: Verdict; readonly count: number }[]
  /** Results whose verdict a policy made better. */
  readonly accepted: number
  readonly shard?: { readonly index: number; readonly of: number }
  /** Files found in a folder that are no snapshots; `foreign` of them are of something known by name that is not read. */
  readonly skipped?: number
  readonly foreign?: number
  /** Results whose reason is not in `reasons`, because there are too many different ones. */
  readonly otherReasons?: number
  /** With a baseline: files whose guest was born with something else. */
  readonly outsideBaseline?: number
  /** What the policy had no use for, and what in it is past its day. */
  readonly policy?: { readonly file: string; readonly unused: readonly PolicyLine[]; readonly expired: readonly PolicyLine[] }
}

export interface PolicyLine {
  /** Code, register, source and target in one line. */
  readonly acceptance: string
  readonly until: string
}
