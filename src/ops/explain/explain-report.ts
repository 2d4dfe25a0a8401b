// Owns the shapes of what `explain` returns: the JSON contract. No behaviour. Values are text; kernels are exact releases, oldest first.

export interface ExplainReport {
  readonly question: string
  /** How the words were understood, one line for each answer. */
  readonly understood: readonly string[]
  /** The build that the question was about; absent: every built-in kernel. */
  readonly on?: string
  readonly answers: readonly Answer[]
  /** Names of further registers that a glob means. */
  readonly more?: readonly string[]
}

/** What every answer has, whatever it is about. */
export interface Prose {
  readonly title: string
  /** What holds, the most important sentence first. */
  readonly rule: readonly string[]
  /** When it came, from the sources of Linux: evidence beside what the recorded kernels show. */
  readonly since?: string
  readonly consequences: readonly string[]
  /** What to do, best first. */
  readonly advice: readonly string[]
  readonly sources: readonly string[]
}

export type Answer = PsciAnswer | RegisterAnswer | ValueAnswer | ErrnoAnswer | CallAnswer | ServiceAnswer | MessageAnswer | CodeAnswer | BuildsAnswer

/** A fact that holds on these recorded kernels, and the CPU it was looked up on when that matters. */
export interface OnKernels {
  readonly kernels: readonly string[]
  readonly cpu?: string
}

export interface PsciAnswer extends Prose {
  readonly kind: 'psci'
  readonly from?: string
  readonly to: string
  readonly versions: readonly PsciVersionRow[]
  /** Of a step: what changes. Of one version: what a guest finds. */
  readonly functions: readonly PsciFunctionRow[]
}
export interface PsciVersionRow {
  readonly version: string
  readonly value: string
  /** Recorded kernels that give it to a new VM. */
  readonly defaultOn: readonly string[]
  readonly acceptedOn: readonly string[]
  readonly since?: string
}
export interface PsciFunctionRow {
  readonly change: 'appears' | 'vanishes' | 'offered'
  readonly name: string
  readonly ids: readonly string[]
  readonly meaning: string
  readonly needs?: string
  /** What a call comes back with once it has vanished; absent when it is answered. */
  readonly answer?: string
}

export interface RegisterRef {
  readonly id: string
  readonly name: string
}

export interface RegisterAnswer extends Prose {
  readonly kind: 'register'
  readonly register: RegisterIdentity
  readonly fields: readonly { readonly name: string; readonly msb: number; readonly lsb: number; readonly values?: readonly string[] }[]
  readonly listed: readonly ListedRow[]
  readonly notListed: readonly string[]
  readonly fresh: readonly FreshRow[]
  readonly writes: readonly WriteRow[]
  readonly levels?: readonly { readonly value: string; readonly name: string; readonly guestSees: number; readonly meaning: string }[]
  readonly visibility: readonly { readonly when?: string; readonly fields?: readonly string[]; readonly visible: boolean; readonly why: string }[]
  readonly droppable: readonly { readonly errnos?: readonly string[]; readonly when?: string; readonly droppable: boolean; readonly reason: string }[]
  readonly troubles: readonly { readonly text: string; readonly url: string }[]
}
export interface RegisterIdentity extends RegisterRef {
  readonly meaning: string
  readonly class: string
  readonly group?: string
  readonly scope?: 'vcpu' | 'vm'
  readonly bytes: number
  readonly aliases: readonly string[]
  /** The parts of the id: size, coprocessor number, index, and what the index says. */
  readonly parts: { readonly size: string; readonly coproc: string; readonly index: string; readonly says: string }
  readonly listedWhen?: string
}
export interface ListedRow extends OnKernels {
  /** CPUs of the built-in builds; absent: all that were recorded. */
  readonly cpus?: readonly string[]
  /** vCPU features that it needs besides psci_0_2. */
  readonly features: readonly string[]
}
export interface FreshRow extends OnKernels {
  readonly value: string
  readonly meaning?: string
}
export interface WriteRow extends OnKernels {
  readonly features: readonly string[]
  /** What happens between `before` and `after`: the first KVM_RUN, or KVM_ARM_VCPU_FINALIZE. */
  readonly between: string
  readonly outcomes: readonly WriteOutcome[]
}
/** Values with one outcome, before and after that: `accepted`, `accepted, not stored`, `accepted, in part`, or an errno. */
export interface WriteOutcome {
  readonly before: string
  readonly after: string
  readonly values: readonly string[]
}

export interface ValueAnswer extends Prose {
  readonly kind: 'value'
  readonly register: RegisterRef
  readonly value: string
  readonly fields: readonly { readonly name: string; readonly value: string; readonly meaning?: string }[]
  readonly tried: readonly TriedRow[]
}
export interface TriedRow extends OnKernels {
  readonly outcome: string
  readonly readBack?: string
  /** What a fresh vCPU has there. */
  readonly fresh?: string
  readonly why?: string
}

export interface ErrnoAnswer extends Prose {
  readonly kind: 'errno'
  readonly errno: string
  readonly number: number
  readonly register?: RegisterRef
  /** What gives this errno, the likely cause first; tried on the builds. */
  readonly causes: readonly CauseRow[]
  /** Kernels that accept values which are refused here; empty when every kernel was asked. */
  readonly takenBy: readonly (OnKernels & { readonly values: readonly string[] })[]
  /** What the same register answers otherwise. */
  readonly others: readonly { readonly outcome: string; readonly causes: readonly CauseRow[] }[]
}
export interface CauseRow extends OnKernels {
  readonly cause: string
  /** The values that show it. */
  readonly values: readonly string[]
  readonly advice?: string
}

export interface CallAnswer extends Prose {
  readonly kind: 'call'
  readonly name: string
  readonly ids: readonly string[]
  readonly owner: string
  readonly arguments: readonly string[]
  readonly specified?: string
  /** First PSCI version in which KVM answers. */
  readonly offered?: string
  readonly gate?: { readonly register: string; readonly bit: number; readonly service: string }
  readonly answeredOn: readonly string[]
  readonly notAnsweredOn: readonly string[]
}

export interface ServiceAnswer extends Prose {
  readonly kind: 'service'
  readonly name: string
  readonly register: RegisterRef
  readonly bit: number
  readonly default: boolean
  readonly calls: readonly { readonly name: string; readonly id: string }[]
  /** Kernels that offer the service to a guest whose VMM writes nothing. */
  readonly offeredOn: readonly string[]
  readonly registerOn: readonly string[]
}

export interface MessageAnswer extends Prose {
  readonly kind: 'message'
  readonly vmm: string
  readonly message: string
  readonly register?: RegisterRef
  readonly value?: string
  readonly errno?: string
}

export interface CodeAnswer extends Prose {
  readonly kind: 'code'
  readonly code: string
  readonly family: 'error' | 'finding'
  readonly exit?: number
  readonly severity?: string
  readonly reports: readonly { readonly text: string; readonly url: string }[]
}

export interface BuildsAnswer extends Prose {
  readonly kind: 'builds'
  readonly a: string
  readonly b: string
  /** What a guest notices, and what a VMM does, one sentence each. */
  readonly guest: readonly string[]
  readonly vmm: readonly string[]
}
