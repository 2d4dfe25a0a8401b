// Owns the block list at the start of the "ram" section: names, sizes, and for mapped-ram where bitmap and pages stand. Reads no page.
// Source: migration/ram.c of QEMU 5.2 to 11.1; facts/qemu-stream.md §4.
import { SnapError } from '../../../errors.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import type { Source } from '../../source/source.ts'
import { QEMU_LIMITS } from './limits.ts'
import { beyondLimit, corrupt, type Window } from './window.ts'

/** Where mapped-ram keeps the pages of a block; offsets in the file, not in the stream. */
export interface MappedPages {
  readonly pageSize: number
  readonly bitmapOffset: number
  readonly pagesOffset: number
}

export interface RamBlock {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Guest physical address, when the stream has it (capability x-ignore-shared). */
  readonly address?: bigint
  readonly mapped?: MappedPages
  /** Shared memory that x-ignore-shared left out of a mapped-ram file. */
  readonly leftOut?: boolean
}

export interface RamFormat {
  readonly pageSize: number
  readonly ignoreShared: boolean
  readonly mappedRam: boolean
}

const MAPPED_HEADER = 28

/** Reads the list that follows the MEM_SIZE word. `next` is the offset of the word behind it. */
export async function readBlockList(
  window: Window,
  at: number,
  total: number,
  { pageSize, ignoreShared, mappedRam }: RamFormat,
): Promise<{ readonly blocks: readonly RamBlock[]; readonly next: number }> {
  const { source } = window
  if (total > QEMU_LIMITS.ramBytes) throw beyondLimit(source, `the stream declares ${total} bytes of memory; at most ${QEMU_LIMITS.ramBytes} are read`, at - 8)
  const blocks: RamBlock[] = []
  let next = at
  for (let sum = 0; sum < total; ) {
    if (blocks.length === QEMU_LIMITS.ramBlocks) throw beyondLimit(source, `the stream has more than ${QEMU_LIMITS.ramBlocks} RAM blocks`, next)
    const start = next
    const nameLength = (await window.view(next, 1, 'the name of a RAM block'))[0] as number
    const length = nameLength + 8 + (ignoreShared ? 8 : 0) + (mappedRam ? MAPPED_HEADER : 0)
    const reader = new ByteReader(await window.view(next + 1, length, 'a RAM block'), { file: source.name }, 'INPUT_CORRUPT')
    const name = Buffer.from(reader.bytes(nameLength, 'name')).toString('latin1')
    const size = count(source, reader.u64be('size'), `the size of RAM block ${JSON.stringify(name)}`, next)
    if (blocks.some(block => block.name === name)) throw corrupt(source, `RAM block ${JSON.stringify(name)} is listed twice`, next)
    const address = ignoreShared ? reader.u64be('address') : undefined
    next += 1 + length
    sum += size
    if (sum > total) throw corrupt(source, `the RAM blocks hold more than the ${total} bytes that the stream declares`, start)
    const place = mappedRam ? mappedPlace(source, reader, name, size, pageSize, next) : undefined
    if (place?.mapped) next = place.mapped.pagesOffset + size
    blocks.push({ name, size, ...(address === undefined ? {} : { address }), ...place })
  }
  return { blocks, next }
}

/** The 28 bytes of a mapped-ram block, read and checked against the file. */
function mappedPlace(source: Source, reader: ByteReader, name: string, size: number, pageSize: number, end: number): Pick<RamBlock, 'mapped' | 'leftOut'> {
  const at = end - MAPPED_HEADER
  const version = reader.u32be('version')
  if (version !== 1)
    throw new SnapError('FORMAT_TOO_NEW', `${source.name}: RAM block ${JSON.stringify(name)} is mapped-ram version ${version}; this release reads version 1`, {
      file: source.name,
      offset: at,
    })
  const mappedPageSize = count(source, reader.u64be('page size'), 'the page size of mapped-ram', at + 4)
  const bitmapOffset = count(source, reader.u64be('bitmap offset'), 'the bitmap offset of mapped-ram', at + 12)
  const pagesOffset = count(source, reader.u64be('pages offset'), 'the pages offset of mapped-ram', at + 20)
  if (bitmapOffset === 0 && pagesOffset === 0) return { leftOut: true }
  if (mappedPageSize !== pageSize) throw corrupt(source, `mapped-ram has pages of ${mappedPageSize} bytes, the stream ${pageSize}`, at + 4)
  const bitmapBytes = 8 * Math.ceil(Math.ceil(size / pageSize) / 64)
  // What follows must lie behind the header, or a hostile file could make the reader go round for ever.
  if (bitmapOffset < end || bitmapOffset + bitmapBytes > pagesOffset || pagesOffset + size > source.size)
    throw corrupt(source, `RAM block ${JSON.stringify(name)} has its bitmap at ${bitmapOffset} and its pages at ${pagesOffset}, which do not fit the file`, at)
  return { mapped: { pageSize, bitmapOffset, pagesOffset } }
}

function count(source: Source, value: bigint, what: string, offset: number): number {
  if (value > BigInt(QEMU_LIMITS.ramBytes)) throw beyondLimit(source, `${what} is ${value}`, offset)
  return Number(value)
}
