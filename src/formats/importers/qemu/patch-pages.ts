// Owns changing bytes of RAM blocks in a stream: where the last copy of a page stands, and what must stand there for the page to hold other bytes. A page
// that is stored packed is packed again; no other record changes.
import { SnapError } from '../../../errors.ts'
import { applyPatches, type BytePatch } from '../../../model/patched-region.ts'
import type { Source } from '../../source/source.ts'
import { readPage } from './page-reader.ts'
import { entryKind, entryOffset, PAGE_KIND } from './page-table.ts'
import { type RamIndex, WindowIndex, type XbzrleChain } from './ram-index.ts'
import { rescan } from './ram-regions.ts'
import type { QemuStream } from './stream.ts'
import { makeXbzrle } from './xbzrle.ts'

/** Bytes to put in place of [offset, offset + length) of the source. */
export interface Replacement {
  readonly offset: number
  readonly length: number
  readonly bytes: Uint8Array
}

/** Of an XBZRLE page: one byte that says so, two of its length. */
const XBZRLE_HEADER = 3

/** `index` is what the walk over the stream found. Throws FORMAT_UNWRITABLE for a byte that the stream has no place for: one that reads as zero. */
export async function pageReplacements(
  source: Source,
  stream: QemuStream,
  index: RamIndex,
  patches: readonly BytePatch[],
  signal?: AbortSignal,
): Promise<readonly Replacement[]> {
  const { pageSize } = stream
  const stray = patches.find(({ name, offset, bytes }) => !stream.blocks.some(block => block.name === name && offset + bytes.length <= block.size))
  if (stray) throw noPlace(source, stray.name, stray.offset)
  const all: Replacement[] = []
  for (const [number, { name, mapped }] of stream.blocks.entries()) {
    const own = patches.filter(each => each.name === name)
    const pages = new Set(own.flatMap(({ offset, bytes }) => pagesOf(offset, bytes.length, pageSize)))
    for (const page of pages) {
      const start = page * pageSize
      if (mapped) {
        if (!(await isPresent(source, mapped.bitmapOffset, page))) throw noPlace(source, name, start)
        all.push(...own.flatMap(each => inPage(each, start, pageSize, mapped.pagesOffset + start)))
        continue
      }
      const { entry, chain } = await entryOf(source, stream, index, number, page, signal)
      const at = entryOffset(entry)
      switch (entry === 0 ? undefined : entryKind(entry)) {
        case PAGE_KIND.plain:
          all.push(...own.flatMap(each => inPage(each, start, pageSize, at)))
          break
        case PAGE_KIND.deflated:
        case PAGE_KIND.xbzrle: {
          const whole = await readPage({ source, chain, pageSize }, entry)
          applyPatches(whole, start, own)
          all.push(
            entryKind(entry) === PAGE_KIND.deflated ? await deflated(source, at, whole) : await delta(source, at, { chain, pageSize, entry, name }, whole),
          )
          break
        }
        default:
          throw noPlace(source, name, start)
      }
    }
  }
  return all
}

const pagesOf = (offset: number, length: number, pageSize: number): number[] => {
  const first = Math.floor(offset / pageSize)
  return Array.from({ length: Math.ceil((offset + length) / pageSize) - first }, (_, i) => first + i)
}

/** What of a patch lies in a page whose bytes stand at `at` in the source. */
function inPage({ offset, bytes }: BytePatch, start: number, pageSize: number, at: number): readonly Replacement[] {
  const first = Math.max(offset, start)
  const last = Math.min(offset + bytes.length, start + pageSize)
  if (first >= last) return []
  return [{ offset: at + first - start, length: last - first, bytes: bytes.subarray(first - offset, last - offset) }]
}

/** The last copy of a page, whether or not the guest is small enough to be indexed at once. */
async function entryOf(
  source: Source,
  stream: QemuStream,
  index: RamIndex,
  block: number,
  page: number,
  signal?: AbortSignal,
): Promise<{ readonly entry: number; readonly chain: XbzrleChain }> {
  if (index.isWhole) return { entry: index.table(block)?.get(page) ?? 0, chain: index.chain }
  const window = new WindowIndex(source, block, page, page + 1)
  await rescan(source, stream, window, signal)
  return { entry: window.table.get(page), chain: window.chain }
}

async function isPresent(source: Source, bitmapOffset: number, page: number): Promise<boolean> {
  const [byte = 0] = await source.read(bitmapOffset + Math.floor(page / 8), 1)
  return ((byte >> (page % 8)) & 1) === 1
}

async function deflated(source: Source, at: number, page: Uint8Array): Promise<Replacement> {
  const head = await source.read(at, 4)
  const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0)
  const { deflateSync } = await import('node:zlib')
  const packed = deflateSync(page)
  const bytes = new Uint8Array(4 + packed.length)
  new DataView(bytes.buffer).setUint32(0, packed.length)
  bytes.set(packed, 4)
  return { offset: at, length: 4 + length, bytes }
}

interface DeltaPlace {
  readonly chain: XbzrleChain
  readonly pageSize: number
  readonly entry: number
  readonly name: string
}

async function delta(source: Source, at: number, { chain, pageSize, entry, name }: DeltaPlace, page: Uint8Array): Promise<Replacement> {
  const head = await source.read(at, XBZRLE_HEADER)
  const length = ((head[1] ?? 0) << 8) | (head[2] ?? 0)
  const base = chain.before(entry)
  const before = base === 0 ? new Uint8Array(pageSize) : await readPage({ source, chain, pageSize }, base)
  const made = makeXbzrle(before, page)
  // QEMU loads no delta longer than a page.
  if (made.length > pageSize)
    throw new SnapError('FORMAT_UNWRITABLE', `${source.name} has ${name} at offset ${at} as a change of an earlier page, which has no room for more`, {
      file: source.name,
      offset: at,
    })
  return { offset: at, length: XBZRLE_HEADER + length, bytes: Uint8Array.of(head[0] ?? 1, made.length >> 8, made.length & 0xff, ...made) }
}

const noPlace = (source: Source, name: string, start: number): SnapError =>
  new SnapError(
    'FORMAT_UNWRITABLE',
    `${source.name} holds no byte at 0x${start.toString(16)} of ${name}: it reads as zero`,
    { file: source.name },
    { hint: 'convert it to a psnap, which has a place for every page' },
  )
