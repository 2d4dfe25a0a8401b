// Owns the shape of what `migrate` returns: public JSON, as in ops/reports.ts. No behaviour.
import type { Finding } from '../../model/finding.ts'
import type { VmmId } from '../load/vmm.ts'
import type { TargetReport, Verdict } from '../reports.ts'
import type { AnyChangeCode, ChangeCode } from './change-codes.ts'

export interface MigrateReport {
  readonly input: { readonly file: string; readonly format: string }
  /** Absent when nothing was written: a dry run, or an answer of no. */
  readonly output?: string
  readonly target: TargetReport & { readonly vmm: VmmId }
  /** vCPU features used on the target. */
  readonly features: readonly string[]
  /** Of the file as it is, and of what was or would be written, both on the target with this VMM. */
  readonly verdictBefore: Verdict
  readonly verdictAfter: Verdict
  /** The target loads what was or would be written, and everything that needs consent has it. */
  readonly migratable: boolean
  readonly changes: readonly MigrateChange[]
  /** Codes that must be allowed and are not, sorted: what to pass to --allow beside what was passed. */
  readonly needed: readonly ChangeCode[]
  /** What no change of registers makes the target take. */
  readonly blocked: readonly MigrateBlock[]
  readonly findings: readonly Finding[]
}

/** One register of one vCPU. `before` absent: it was not there. `after` absent: it was taken out. */
export interface MigrateChange {
  readonly vcpu: number
  readonly id: string
  readonly name: string
  readonly action: 'set' | 'drop' | 'add'
  readonly before?: string
  readonly after?: string
  readonly code: AnyChangeCode
  /**
   * `default`: it goes without asking. `flag`: --allow or --pin-psci asked for it. `needed`: it needs --allow, which was not given; nothing was
   * written then.
   */
  readonly allowed: 'default' | 'flag' | 'needed'
  readonly reason: string
  /** Where the rule behind `reason` comes from. */
  readonly source: string
  readonly fields?: readonly MigrateField[]
  /** What the file cannot say, and what to do about it. */
  readonly doubt?: string
}

export interface MigrateField {
  readonly name: string
  readonly before: string
  readonly after: string
  readonly beforeMeaning?: string
  readonly afterMeaning?: string
  /** `unused`: it means nothing to this guest. */
  readonly effect: 'appears' | 'vanishes' | 'differs' | 'unused'
}

export interface MigrateBlock {
  readonly vcpu?: number
  readonly register?: string
  readonly message: string
}
