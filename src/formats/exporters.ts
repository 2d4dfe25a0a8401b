// Owns the choice of an output format and the writing of a whole file in it. To add a format: one row.
import { SnapError } from '../errors.ts'
import type { Finding } from '../model/finding.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { WriteOptions } from './archive/archive.ts'
import { writeFileAtomically } from './output/atomic-file.ts'
import type { Sink } from './output/sink.ts'

export interface Exported {
  readonly format: ExportFormat
  /** What the format has no place for. */
  readonly findings: readonly Finding[]
  /** Of an archive. */
  readonly contentDigest?: string
}
type Write = (snapshot: Snapshot, sink: Sink, options: WriteFileOptions) => Promise<Omit<Exported, 'format'>>

const FORMATS = {
  psnap: {
    suffixes: ['.psnap'],
    write: async (snapshot, sink, options) => {
      const { writeArchive } = await import('./archive/write.ts')
      const { contentDigest } = await writeArchive(snapshot, sink, options)
      return { findings: [], contentDigest }
    },
  },
  'kvm-reglist': {
    suffixes: ['.json'],
    write: async (snapshot, sink) => {
      const { reglistText } = await import('./importers/reglist/write.ts')
      const { text, findings } = reglistText(snapshot)
      await sink.write(new TextEncoder().encode(text))
      return { findings }
    },
  },
  'elf-core': {
    suffixes: ['.core', '.elf'],
    write: async (snapshot, sink, { vmcoreinfo, ...options }) => {
      const { writeElfCore } = await import('./elf-core/write.ts')
      const text = await vmcoreinfo?.()
      return { findings: await writeElfCore(snapshot, sink, { ...options, ...(text ? { vmcoreinfo: text } : {}) }) }
    },
  },
} as const satisfies Record<string, { readonly suffixes: readonly string[]; readonly write: Write }>

export type ExportFormat = keyof typeof FORMATS
export const EXPORT_FORMATS = Object.keys(FORMATS) as readonly ExportFormat[]

/** The format that a path's suffix asks for, or the one named. Throws FORMAT_UNWRITABLE. */
export function exportFormat(path: string, named?: string): ExportFormat {
  if (named !== undefined) {
    const found = EXPORT_FORMATS.find(format => format === named)
    if (!found)
      throw new SnapError('FORMAT_UNWRITABLE', `${named} is not a format that psci-snap writes`, {}, { hint: `formats: ${EXPORT_FORMATS.join(', ')}` })
    return found
  }
  const found = EXPORT_FORMATS.find(format => FORMATS[format].suffixes.some(suffix => path.toLowerCase().endsWith(suffix)))
  if (!found) throw new SnapError('FORMAT_UNWRITABLE', `the name ${path} does not say which format to write`, { file: path })
  return found
}

export interface WriteFileOptions extends WriteOptions {
  /** By default what the suffix says; `-` needs it. */
  readonly format?: string
  readonly force?: boolean
  /** Finds the vmcoreinfo of a Linux guest, for the format that has a place for it. */
  vmcoreinfo?(): Promise<Uint8Array | undefined>
}

/** Writes a snapshot to a file (`-`: standard output), whole or not at all. Throws FORMAT_UNWRITABLE, OUTPUT_EXISTS, CANNOT_WRITE. */
export async function writeSnapshotFile(snapshot: Snapshot, path: string, options: WriteFileOptions = {}): Promise<Exported> {
  const format = exportFormat(path, options.format)
  return writeFileAtomically(path, options, async sink => ({ format, ...(await FORMATS[format].write(snapshot, sink, options)) }))
}
