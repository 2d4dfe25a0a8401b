// Owns what writing a file again with other registers is to the rest: one interface beside Importer. Knows no format by name; formats/editors.ts lists them.
import type { RegId } from '../../arch/reg-id.ts'
import type { Finding } from '../../model/finding.ts'
import type { Sink } from '../output/sink.ts'
import type { Source } from '../source/source.ts'

/** One register of one vCPU (by its index), which has it: a new value in memory order, or none to take it out of the list. */
export interface RegisterEdit {
  readonly vcpu: number
  readonly id: RegId
  readonly value?: Uint8Array
}

export interface EditOptions {
  readonly signal?: AbortSignal
  readonly vmmVersion?: string
}

export interface Editor {
  /**
   * Writes all of `source` to `sink` with these edits and no other change: what is not named stays byte for byte, what depends on it (checksums,
   * counts) is kept true. Throws what reading throws, REG_VALUE_INVALID and FORMAT_UNWRITABLE for what the format cannot hold.
   */
  edit(source: Source, edits: readonly RegisterEdit[], sink: Sink, options: EditOptions): Promise<readonly Finding[]>
}
