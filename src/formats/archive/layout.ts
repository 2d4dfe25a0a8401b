// Owns the checks of where things lie: tail, index, and the blocks of one member. Each fault goes to a `Report`: opening throws the first one,
// `verify` collects them all. Knows no schema and no codec.
import { type ErrorCode, SnapError } from '../../errors.ts'
import type { Source } from '../source/source.ts'
import type { MemberRow } from './archive.ts'
import { contentDigestOf } from './content-digest.ts'
import { FOOTER_BYTES, type Footer, parseFooter, sha256 } from './footer.ts'
import { parseIndex } from './index-file.ts'
import { LIMITS } from './limits.ts'
import { FORMAT_VERSION } from './manifest.ts'
import { FOOTER, INDEX } from './member-names.ts'
import { BLOCK, describeHeader, END_BYTES, firstDifference, firstNonZero, padded, tarHeader } from './tar-blocks.ts'

/** Header of the footer, footer, end of tar: what every archive ends in. */
export const TAIL_BYTES = BLOCK + FOOTER_BYTES + END_BYTES

export interface Fault {
  readonly code: ErrorCode
  readonly message: string
  readonly member?: string
  /** From the start of the file. */
  readonly offset?: number
}
export type Report = (fault: Fault) => void

/** The report that stops at the first fault. */
export const throwFault =
  (file: string): Report =>
  ({ code, message, ...where }) => {
    throw new SnapError(code, `${file}: ${message}`, { file, ...where })
  }

/** Turns a thrown ARCHIVE_CORRUPT, INPUT_CORRUPT or LIMIT_EXCEEDED into a fault; everything else is thrown on. */
export function faultOf(error: unknown, file: string, member: string, offset: number): Fault {
  if (!(error instanceof SnapError) || (error.code !== 'ARCHIVE_CORRUPT' && error.code !== 'INPUT_CORRUPT' && error.code !== 'LIMIT_EXCEEDED')) throw error
  const message = error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message
  return { code: error.code, message, member, offset }
}

/** The footer, or undefined when there is none to go by. Throws FORMAT_TOO_NEW. */
export async function readTail(source: Source, report: Report): Promise<Footer | undefined> {
  const start = source.size - TAIL_BYTES
  if (start < BLOCK) {
    report({ code: 'ARCHIVE_CORRUPT', message: `the file ends after ${source.size} bytes, before its footer`, member: FOOTER, offset: source.size })
    return undefined
  }
  const tail = await source.read(start, TAIL_BYTES)
  let footer: Footer
  try {
    footer = parseFooter(tail.subarray(BLOCK, BLOCK + FOOTER_BYTES), source.name, start + BLOCK)
  } catch (error) {
    report(faultOf(error, source.name, FOOTER, start + BLOCK))
    return undefined
  }
  if (footer.formatVersion > FORMAT_VERSION)
    throw new SnapError('FORMAT_TOO_NEW', `${source.name} has archive format ${footer.formatVersion}; this release reads up to ${FORMAT_VERSION}`, {
      file: source.name,
    })
  checkHeader(tail.subarray(0, BLOCK), FOOTER, FOOTER_BYTES, start, report)
  checkZeros(tail.subarray(BLOCK + FOOTER_BYTES), 'after the footer', FOOTER, start + BLOCK + FOOTER_BYTES, report)
  return footer
}

/** The rows of the index, or undefined when they cannot be trusted. */
export async function readIndex(source: Source, footer: Footer, report: Report): Promise<readonly MemberRow[] | undefined> {
  const { indexOffset, indexSize } = footer
  const fault = (code: 'ARCHIVE_CORRUPT' | 'LIMIT_EXCEEDED', message: string): void => report({ code, message, member: INDEX, offset: indexOffset })
  if (indexSize > LIMITS.indexBytes) {
    fault('LIMIT_EXCEEDED', `the index declares ${indexSize} bytes, at most ${LIMITS.indexBytes} are allowed`)
    return undefined
  }
  if (indexOffset < 2 * BLOCK || indexOffset % BLOCK !== 0 || indexOffset + padded(indexSize) + TAIL_BYTES !== source.size) {
    fault('ARCHIVE_CORRUPT', `the index of ${indexSize} bytes at ${indexOffset} does not end where the footer begins, at ${source.size - TAIL_BYTES}`)
    return undefined
  }
  const row = { name: INDEX, offset: indexOffset, stored: indexSize }
  const bytes = await readStored(source, row, report)
  if (sha256(bytes).toString('hex') !== footer.indexSha256) {
    fault('ARCHIVE_CORRUPT', 'the index does not match its digest')
    return undefined
  }
  let rows: readonly MemberRow[]
  try {
    rows = parseIndex(bytes, source.name, footer.formatVersion, indexOffset - BLOCK)
  } catch (error) {
    report(faultOf(error, source.name, INDEX, indexOffset))
    return undefined
  }
  if (contentDigestOf(rows) !== footer.contentDigest) fault('ARCHIVE_CORRUPT', 'the content digest in the footer is not that of the members')
  return rows
}

/** The stored bytes of a member, its header and padding checked; the digest is the caller's to check. One read. */
export async function readStored(source: Source, row: Pick<MemberRow, 'name' | 'offset' | 'stored'>, report: Report): Promise<Uint8Array> {
  const block = await source.read(row.offset - BLOCK, BLOCK + padded(row.stored))
  checkHeader(block.subarray(0, BLOCK), row.name, row.stored, row.offset - BLOCK, report)
  checkZeros(block.subarray(BLOCK + row.stored), `after ${row.name}`, row.name, row.offset + row.stored, report)
  return block.subarray(BLOCK, BLOCK + row.stored)
}

function checkHeader(block: Uint8Array, name: string, size: number, at: number, report: Report): void {
  const difference = firstDifference(block, tarHeader(name, size))
  if (difference < 0) return
  const message = `the tar header of ${name} (${size} bytes) is not as it must be; it reads as ${describeHeader(block)}`
  report({ code: 'ARCHIVE_CORRUPT', message, member: name, offset: at + difference })
}

function checkZeros(bytes: Uint8Array, where: string, member: string, at: number, report: Report): void {
  const junk = firstNonZero(bytes)
  if (junk >= 0) report({ code: 'ARCHIVE_CORRUPT', message: `the padding ${where} is not zero`, member, offset: at + junk })
}
