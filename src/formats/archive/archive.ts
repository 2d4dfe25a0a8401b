// Owns the types of an opened, a written and a verified archive. No bytes here: read.ts, write.ts and verify.ts do the work.
import type { Finding } from '../../model/finding.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Manifest } from './manifest.ts'

/** One row of index.json: where a member's content lies and what it must hash to. All sizes and offsets in bytes. */
export interface MemberRow {
  readonly name: string
  /** Of the content; its 512-byte header stands right before. */
  readonly offset: number
  readonly stored: number
  readonly raw: number
  /** Lower-case hex. Equal to `rawSha256` for members that are stored as they are. */
  readonly storedSha256: string
  readonly rawSha256: string
}

export type Progress = (done: number, total: number) => void

export interface Archive {
  readonly name: string
  readonly manifest: Manifest
  /** Identity of the content, whatever codec and whichever psci-snap wrote it. Hex sha256. */
  readonly contentDigest: string
  /** In file order, without index.json and footer. */
  readonly members: readonly MemberRow[]
  /** The raw bytes of one member, checked. Throws ARCHIVE_CORRUPT. */
  readMember(name: string): Promise<Uint8Array>
  /** Decodes everything but memory, whose regions read chunk by chunk from the source, which must stay open for that. */
  readSnapshot(signal?: AbortSignal): Promise<{ readonly snapshot: Snapshot; readonly findings: readonly Finding[] }>
}

export interface WriteOptions {
  /** Who writes, for the manifest; by default this release of psci-snap. Not part of the content digest. */
  readonly tool?: string
  readonly signal?: AbortSignal
  /** Bytes of guest memory looked at, of all there is. */
  readonly onProgress?: Progress
}
export interface Written {
  readonly contentDigest: string
  /** Bytes of the whole file. */
  readonly size: number
}

/** What is wrong, and where: `offset` counts from the start of the file. */
export interface ArchiveFinding extends Finding {
  readonly member?: string
  readonly offset?: number
}
export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Bytes of the file checked, of all there are. */
  readonly onProgress?: Progress
}
export interface VerifyReport {
  /** No finding of severity `error`. */
  readonly ok: boolean
  readonly findings: readonly ArchiveFinding[]
  /** Members seen, index.json and footer included. */
  readonly members: number
  readonly bytes: number
  readonly manifest?: Manifest
  readonly contentDigest?: string
}
