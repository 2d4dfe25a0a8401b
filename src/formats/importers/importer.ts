// Owns what a file format is to the rest: recognise by the first bytes, read strictly. Knows no format by name; registry.ts lists them.
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { HostDescription } from '../../model/host-description.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Source } from '../source/source.ts'

/** What a sniff may look at. */
export const SNIFF_BYTES = 4096

export interface Imported {
  readonly format: { readonly id: string; readonly version?: number | string }
  /** Its memory reads from the source on demand: keep the source open as long as chunks are wanted. */
  readonly snapshot: Snapshot
  readonly findings: readonly Finding[]
  /** What ran the guest, where the format allows several and the file tells. */
  readonly accelerator?: 'kvm' | 'tcg'
  /** When the file describes a host rather than a guest: what it says of it. The snapshot then is a vCPU that never ran. */
  readonly host?: HostDescription
  /** The file is about no guest at all, by its nature: a snapshot without vCPUs is what it should be. */
  readonly guestless?: true
  /** Of a snapshot that is a folder: its files, relative, the recognised one included. Absent: the source is all there is. */
  readonly members?: readonly string[]
  /** Lets go of what reading opened beside the source, as an unpacked copy of what the source holds; after it no chunk can be read. */
  close?(): Promise<void>
}

/** What the user says about a file that the file does not. Importers that have no use for a member ignore it. */
export interface ReadOptions {
  /**
   * Guest memory kept in files of its own, opened because the user named them: a full one, and the diffs over it in order. The caller keeps
   * them open as long as chunks are wanted, and closes them. A path that stands in a file is never opened.
   */
  readonly memory?: readonly Source[]
  /** The VMM release that wrote the file, e.g. `1.13`, for versions that stand for several layouts. */
  readonly vmmVersion?: string
}

export interface Importer {
  /** Stable name, as `inspect --json` prints it. */
  readonly id: string
  /** When a snapshot is a folder: names of the file in it that `sniff` and `read` get; the others are opened through `source.folder`. */
  readonly folderMembers?: readonly string[]
  /** Looks at the first 4 KiB (fewer for a shorter file); cheap, total, never throws. */
  sniff(head: Uint8Array): { readonly because: string } | undefined
  /** Strict: throws SnapError (ARCHIVE_CORRUPT, INPUT_CORRUPT, LIMIT_EXCEEDED, FORMAT_TOO_NEW, SCHEMA_TOO_NEW) for what it cannot vouch for. */
  read(source: Source, signal?: AbortSignal, options?: ReadOptions): Promise<Imported>
}

/** The one importer that recognises the source. Throws FORMAT_FOREIGN for what is known by name only, FORMAT_UNKNOWN for none or several. */
export async function pickImporter(source: Source, importers: readonly Importer[]): Promise<Importer> {
  const head = await source.head(SNIFF_BYTES)
  if (head.length === 0) throw new SnapError('FORMAT_UNKNOWN', `${source.name} is empty`, { file: source.name })
  const [only, rival] = importers.filter(i => i.sniff(head))
  if (!only) {
    const { refuseForeign } = await import('./foreign/refuse.ts')
    await refuseForeign(source, head)
    throw new SnapError('FORMAT_UNKNOWN', `${source.name} is in no format that psci-snap knows`, { file: source.name })
  }
  if (rival) throw new SnapError('FORMAT_UNKNOWN', `both ${only.id} and ${rival.id} claim ${source.name}`, { file: source.name })
  return only
}
