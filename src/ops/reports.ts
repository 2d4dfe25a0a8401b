// Owns the shapes of what the operations return: the JSON contract of DESIGN.md §6 is these types. No behaviour.
// 64-bit values are already text here (`0x…`; wider ones `b` and hex bytes in memory order), because reports are for people and for JSON.
import type { ChangeKind } from '../model/diff/change.ts'
import type { Finding } from '../model/finding.ts'
import type { Gic, Origin, StopReason } from '../model/snapshot.ts'

export type Verdict = 'survives' | 'changed' | 'refused'

export interface RegisterRow {
  readonly id: string
  readonly name: string
  readonly value: string
}

export interface FailureRow extends RegisterRow {
  readonly errno: string
  readonly droppable: boolean
  readonly reason: string
}

export interface DifferenceRow {
  readonly id: string
  readonly name: string
  readonly written: string
  readonly readBack: string
  readonly volatile?: true
  readonly visible: boolean
}

export interface VcpuReport {
  readonly index: number
  /** KVM_SET_ONE_REG calls made for this vCPU. */
  readonly written: number
  readonly failures: readonly FailureRow[]
  readonly differences: readonly DifferenceRow[]
  /** Not written because of --omit, with what the target has instead. */
  readonly omitted?: readonly { readonly id: string; readonly name: string; readonly saved: string; readonly readBack?: string }[]
  /** Listed by the target until a write took their feature away. */
  readonly vanished?: readonly string[]
  readonly missingOnTarget: readonly string[]
  readonly newOnTarget: readonly RegisterRow[]
}

export interface PsciReport {
  /** What the file holds: null when it holds none, the last writer's value when vCPUs disagree. */
  readonly saved: string | null
  readonly afterReplay: string | null
  /** What the guest's own code was told after the replay; null when nothing ran. */
  readonly observedByGuest: string | null
  readonly observedVia: 'guest' | 'payload' | null
  /** What a fresh VM with the same features gets on the target. */
  readonly targetDefault: string | null
}

export interface SourceReport {
  readonly file: string
  readonly format: string
  readonly build?: string
  readonly sha256: string
}

export interface TargetReport {
  readonly build: string
  readonly kernel: string
  readonly cpu: string
  readonly vmm?: string
}

export interface RestoreReport {
  readonly verdict: Verdict
  readonly source: SourceReport
  readonly target: TargetReport
  /** The vCPU features used on the target, and whether the file names them. */
  readonly features: readonly string[]
  readonly psci: PsciReport
  readonly vcpus: readonly VcpuReport[]
  readonly findings: readonly Finding[]
  /** Other feature sets that fit a file which names none, with their verdicts; the worst decides. */
  readonly alternatives?: readonly { readonly features: readonly string[]; readonly verdict: Verdict }[]
  /** What the guest wrote to its console after the restore. */
  readonly console?: string
  readonly output?: string
}

export interface VerifyReport {
  readonly valid: boolean
  readonly file: string
  readonly format: string
  readonly findings: readonly Finding[]
}

export interface SaveReport {
  readonly file: string
  readonly build: string
  readonly vcpus: number
  readonly features: readonly string[]
  readonly gic: Gic
  readonly psci: string | null
  readonly stop: StopReason
  /** Until it was saved: counted on the built-in machine; on a real host only the time is known. */
  readonly instructions?: number
  readonly milliseconds?: number
  readonly console: string
  readonly findings: readonly Finding[]
}

/** Of a guest that was woken: booted again in the environment that it hibernated in, or refused that. */
export interface WakeReport {
  readonly file: string
  /** Where it was saved, as far as the file says. */
  readonly build?: string
  /** How it had ended. */
  readonly stop: StopReason
  /** Booted on purpose in the target's own environment, with what is on its disk left alone. */
  readonly clean: boolean
  /** The command line that the kernel got. */
  readonly append?: string
  /** What of its environment the target does not offer; then it was not woken. */
  readonly refused: readonly WakeDifference[]
}

export interface WakeDifference {
  /** Of the environment: `psci`, `bitmaps`, `workarounds`, `services`, `id-registers`, `topology`, `memory-map`, `tables`, `gic`, `devices`. */
  readonly component: string
  readonly message: string
  /** What a guest that resumed there all the same would meet. */
  readonly meets: readonly string[]
}

export interface RunReport {
  readonly build: string
  readonly vcpus: number
  readonly psci: string | null
  /** What ended the run: the guest, the point that was asked for, a limit, whoever sat at the console, or that nothing can wake the guest any more. */
  readonly end: 'guest' | 'point' | 'limit' | 'left' | 'idle' | 'refused'
  /** Why the guest stopped; `running` when it did not. */
  readonly stop: StopReason
  /** Executed by all vCPUs in this run. */
  readonly instructions: number
  /** Machine time that passed in it. */
  readonly seconds: number
  /** Of a guest that prints `EXIT: STATUS=n` at its end, as kvm-unit-tests do: n, and the test's own exit code. */
  readonly exit?: { readonly status: number; readonly code: number }
  /** The point that was asked for, and whether it was reached. */
  readonly until?: { readonly point: string; readonly reached: boolean }
  /** What the guest printed, when nobody saw it. */
  readonly console?: string
  /** Of a snapshot that was run on: what it is, and whether it survived the move. */
  readonly source?: { readonly file: string; readonly build?: string; readonly verdict: Verdict }
  /** Of a guest that was to wake; `end` is `refused` when it was not let. */
  readonly wake?: WakeReport
  readonly findings: readonly Finding[]
}

export interface ConvertReport {
  readonly input: { readonly file: string; readonly format: string }
  readonly output: { readonly file: string; readonly format: string }
  readonly findings: readonly Finding[]
}

export interface DiffReport {
  /** No change is left after what is ignored. */
  readonly equal: boolean
  readonly a: DiffedFile
  readonly b: DiffedFile
  readonly counts: Readonly<Record<ChangeKind, number>>
  readonly changes: readonly DiffRow[]
  /** What is not compared: names of registers that run by themselves, and the patterns of --ignore. */
  readonly ignoring: readonly string[]
  /** What of it differs, with the number of differences. */
  readonly ignored: readonly { readonly name: string; readonly changes: number }[]
  /** With --memory: bytes that both have, pages of 4 KiB that differ, and the ranges they make, of which `changes` lists at most 10,000. */
  readonly memory?: { readonly compared: number; readonly pages: number; readonly ranges: number }
  readonly findings: readonly Finding[]
}

export interface DiffedFile {
  readonly file: string
  readonly format: string
  readonly version?: string
  readonly origin: Origin
  readonly psci: string | null
}

/** One difference; `before` is what the first file has, `after` the second. Absent: it has none. */
export interface DiffRow {
  readonly kind: ChangeKind
  readonly vcpu?: number
  readonly id?: string
  readonly name: string
  readonly before?: string
  readonly after?: string
  readonly fields?: readonly DiffedField[]
  readonly pages?: number
}

export interface DiffedField {
  readonly name: string
  readonly msb: number
  readonly lsb: number
  readonly before: string
  readonly after: string
  readonly beforeMeaning?: string
  readonly afterMeaning?: string
}

export interface EditReport {
  readonly input: { readonly file: string; readonly format: string }
  readonly output: string
  /** Where guest memory was written, of a format that keeps it in a file of its own. */
  readonly memoryOutput?: string
  /** Registers that changed, by vCPU; `after` is absent when it was taken out. */
  readonly vcpus: readonly {
    readonly index: number
    readonly changes: readonly { readonly id: string; readonly name: string; readonly before: string; readonly after?: string }[]
  }[]
  /** Fields of ACPI tables that changed, one for each copy. */
  readonly tables?: readonly TableChange[]
  readonly findings: readonly Finding[]
}
export interface TableChange {
  /** `facs.hardware_signature`. */
  readonly name: string
  /** The region of memory, or the device, that holds the copy. */
  readonly holder: string
  /** Of the table: guest physical in memory, else the offset in the device. */
  readonly address: string
  readonly before: string
  readonly after: string
}
