// Owns what writing a file again with other registers is to the rest: one interface beside Importer. Knows no format by name; formats/editors.ts lists them.
import type { RegId } from '../../arch/reg-id.ts'
import type { Finding } from '../../model/finding.ts'
import type { BytePatch } from '../../model/patched-region.ts'
import type { Sink } from '../output/sink.ts'
import type { Source } from '../source/source.ts'

/**
 * One register of one vCPU (by its index): a new value in memory order, or none to take it out of the list. A value for a register that the vCPU lacks
 * adds it: in a format whose list is sorted (QEMU) at its place, in every other where added-place.ts says.
 */
export interface RegisterEdit {
  readonly vcpu: number
  readonly id: RegId
  readonly value?: Uint8Array
  /** Of one that is added: what stands before it in the list of the host that it is added for, nearest first. */
  readonly behind?: readonly RegId[]
}

export interface EditOptions {
  readonly signal?: AbortSignal
  readonly vmmVersion?: string
  /** Bytes to change as well; only for an editor that `writesBytes`. */
  readonly patches?: readonly BytePatch[]
}

export interface Editor {
  /** The file holds memory and devices, and bytes of them can be changed. */
  readonly writesBytes?: true
  /**
   * Writes all of `source` to `sink` with these edits and no other change: what is not named stays byte for byte, what depends on it (checksums,
   * counts) is kept true: adding a register and taking it out again gives the same bytes. Throws what reading throws, REG_VALUE_INVALID for a value of
   * another size and FORMAT_UNWRITABLE, both naming the register, for what the format cannot hold.
   */
  edit(source: Source, edits: readonly RegisterEdit[], sink: Sink, options: EditOptions): Promise<readonly Finding[]>
}
