// Owns what a section of a probe is: some VMs, made one after the other, and the records that they give. Between two steps a probe may be stopped.
import type { Plain, PlainRow, ProbeContext } from './probe-vm.ts'

/** One record of a recording: the name of its list there, and itself. */
export interface SectionRecord {
  readonly section: string
  readonly record: PlainRow
}
/** `undefined` is a step without a record. No VM is open at a `yield`. */
export type Steps = Generator<SectionRecord | undefined>

export interface Section {
  /** For people, while it runs. */
  readonly label: string
  /** In which extents it is part. */
  readonly in: readonly Extent[]
  run(context: ProbeContext): Steps
}

/** `full`: everything. `registers`: without the PSCI matrix, as most recordings of variants are. `quick`: register lists and firmware registers. */
export type Extent = 'full' | 'registers' | 'quick'
export const ALL_EXTENTS: readonly Extent[] = ['full', 'registers', 'quick']
export const THOROUGH: readonly Extent[] = ['full', 'registers']

export const record = (section: string, content: { readonly [key: string]: Plain }): SectionRecord => ({ section, record: { ...content } })
/** Pfail() */
export const failed = ({ fail }: { readonly fail: { readonly step: string; readonly errno: number } | undefined }): PlainRow =>
  fail ? { fail: fail.step, errno: fail.errno } : {}
