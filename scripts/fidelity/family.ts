// Owns what a family of the fidelity comparison is: a recorded kind of row, and how the emulator is driven to give the same kind. A
// family yields one row for each thing that the real kernel answered; the driver compares, counts and reports.
import type { Build } from '../../src/builds/build.ts'
import type { NamedRecording, RecordedSet, Recording, Replayed } from '../../src/builds/recorded/recording.ts'

export type Plain = string | number | boolean | null | undefined | readonly Plain[] | { readonly [key: string]: Plain }
/** Why a row that the recording has cannot be compared with anything deterministic. */
export type NotComparable = 'running counter' | 'random bytes' | 'physical host'

export interface Row {
  /** Unique within (recording, family); exclusions name it. */
  readonly key: string
  readonly expected: Plain
  readonly actual: Plain
  readonly notComparable?: NotComparable
}

export interface RecordingContext {
  readonly name: string
  readonly recording: Recording
  readonly build: Build
}

/** Rows of a family out of one recording. */
export interface RecordingFamily {
  readonly name: string
  readonly kind: 'recording'
  run(context: RecordingContext): Iterable<Row> | AsyncIterable<Row>
}

/** `kvm/replay-<from>-to-<to>.json.gz`. */
export interface ReplayFile {
  readonly version: string
  readonly qemu_cpu: string
  readonly append: string
  readonly from: string
  readonly to: string
  readonly sets: readonly ReplayedSet[]
}
export interface ReplayedSet {
  readonly from: string
  readonly set: string
  readonly unsupported?: boolean
  readonly fail?: string
  readonly vcpu0?: Replayed
  readonly vcpu1?: Replayed
  readonly guest?: readonly RecordedCall[]
}
/** One guest call: x0 … x3 before; x0 after in `r`, the others in `out123` when they changed; `end` when it did not come back. */
export interface RecordedCall {
  readonly t?: string
  readonly in: readonly string[]
  readonly pc?: string
  readonly r?: string
  readonly out123?: readonly string[]
  readonly end?: Readonly<Record<string, Plain>>
}

export interface ReplayContext {
  readonly name: string
  readonly replay: ReplayFile
  readonly source: NamedRecording
  /** The target host. */
  readonly build: Build
  sourceSet(set: string): RecordedSet | undefined
}

/** Rows of a family out of one cross-kernel or cross-host replay. */
export interface ReplayFamily {
  readonly name: string
  readonly kind: 'replay'
  run(context: ReplayContext): Iterable<Row> | AsyncIterable<Row>
}

export type Family = RecordingFamily | ReplayFamily
