// Owns the walk over the page records of the "ram" section. Looks at record headers only: page contents are stepped over, never copied.
// Source: migration/ram.c, ram.h of QEMU 5.2 to 11.1; facts/qemu-stream.md §4.
import { SnapError } from '../../../errors.ts'
import type { Source } from '../../source/source.ts'
import { PAGE_KIND, pageEntry } from './page-table.ts'
import { type RamBlock, type RamFormat, readBlockList } from './ram-blocks.ts'
import { corrupt, type Window } from './window.ts'

/** Low bits of the first word of each record. */
const FLAG = {
  full: 0x1,
  zero: 0x2,
  memSize: 0x4,
  page: 0x8,
  endOfSection: 0x10,
  continued: 0x20,
  xbzrle: 0x40,
  hook: 0x80,
  deflated: 0x100,
  multifdFlush: 0x200,
} as const
const ONE_PAGE = FLAG.zero | FLAG.page | FLAG.xbzrle | FLAG.deflated

/** Read at a time. Pages are stepped over within a piece; the copying of a piece costs less than a system call for each page. */
const PIECE = 1 << 20
/** The same where reading costs no promise: what fits a cache is read fastest. */
const PIECE_AT_ONCE = 1 << 18
/** Bytes after which signals and timers get their turn. */
const TURN = 1 << 26
/** The longest record header: word, name, and the lengths of XBZRLE or deflated pages. */
const HEADER = 8 + 256 + 8

export interface PageSink {
  /** `entry` as page-table.ts packs it; 0 for a page of zeros. Later calls win. */
  page(block: number, page: number, entry: number): void
}

/** Reads the bodies of one stream's ram section, in their order. */
export class RamScanner {
  readonly #source: Source
  readonly #window: Window
  readonly #format: RamFormat
  readonly #sink: PageSink
  readonly #signal: AbortSignal | undefined
  #blocks: readonly RamBlock[] = []
  #byName = new Map<string, number>()
  #current = -1
  #currentSize = 0
  #piece: Uint8Array = new Uint8Array(0)
  #pieceStart = 0
  #memory: Uint8Array | undefined
  #turn = 0
  /** Kinds of records met, for telling which QEMU wrote them. */
  #flags = 0

  constructor(window: Window, format: RamFormat, sink: PageSink, signal?: AbortSignal) {
    this.#source = window.source
    this.#window = window
    this.#format = format
    this.#sink = sink
    this.#signal = signal
  }

  get blocks(): readonly RamBlock[] {
    return this.#blocks
  }
  get sawXbzrle(): boolean {
    return (this.#flags & FLAG.xbzrle) !== 0
  }
  get sawDeflated(): boolean {
    return (this.#flags & FLAG.deflated) !== 0
  }
  get sawMultifdFlush(): boolean {
    return (this.#flags & FLAG.multifdFlush) !== 0
  }

  /** Walks one body from `at` to behind its end-of-section word. Throws INPUT_CORRUPT with the offset of the record that is wrong. */
  async body(at: number): Promise<number> {
    for (let next = at; ; ) {
      const step = await this.#stretch(next)
      if (step.ended) return step.next
      next = step.next
    }
  }

  /** Walks as far as the bytes at hand go. */
  async #stretch(at: number): Promise<{ readonly next: number; readonly ended: boolean }> {
    this.#signal?.throwIfAborted()
    await this.#load(at)
    const bytes = this.#piece
    const start = this.#pieceStart
    const size = this.#source.size
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const { pageSize } = this.#format
    const mask = pageSize - 1
    const atEnd = start + bytes.length === size
    let seen = 0
    let p = at - start
    // A record begins only where its longest header is at hand, or the file's end.
    const last = atEnd ? bytes.length - 8 : bytes.length - HEADER
    while (p <= last) {
      const low = view.getUint32(p + 4)
      const flags = low & mask
      seen |= flags
      const address = view.getUint32(p) * 0x1_0000_0000 + low - flags
      let body = p + 8
      if ((flags & ONE_PAGE) === 0) {
        this.#flags |= seen
        if (flags === FLAG.endOfSection) return { next: start + body, ended: true }
        if (flags === FLAG.multifdFlush) {
          p = body
          continue
        }
        return { next: await this.#other(start + p, flags, address), ended: false }
      }
      if ((flags & FLAG.continued) === 0) {
        const length = bytes[body] ?? 0
        if (body + 1 + length > bytes.length) throw corrupt(this.#source, 'the data ends inside the name of a RAM block', start + p)
        this.#enter(bytes, body + 1, length, start + p)
        body += 1 + length
      } else if (this.#current < 0) throw corrupt(this.#source, 'a page continues a RAM block, and none was named before', start + p)
      if (address >= this.#currentSize) throw corrupt(this.#source, `a page at ${address} of a RAM block of ${this.#currentSize} bytes`, start + p)
      const page = address / pageSize
      if ((flags & ~FLAG.continued) === FLAG.page) {
        this.#sink.page(this.#current, page, pageEntry(start + body, PAGE_KIND.plain))
        body += pageSize
      } else if ((flags & ~FLAG.continued) === FLAG.zero) {
        const fill = bytes[body]
        this.#sink.page(this.#current, page, fill ? pageEntry(start + body, PAGE_KIND.filled) : 0)
        body += 1
      } else body = this.#packed(view, body, page, flags & ~FLAG.continued, start, start + p)
      if (start + body > size) throw corrupt(this.#source, 'the data ends inside a page', start + p)
      p = body
    }
    this.#flags |= seen
    if (atEnd && p + 8 > bytes.length) throw corrupt(this.#source, 'the data ends inside the guest memory', start + Math.min(p, bytes.length))
    return { next: start + p, ended: false }
  }

  /** A page that is not stored as it is. Returns where the record ends, in the piece. */
  #packed(view: DataView, at: number, page: number, flags: number, start: number, record: number): number {
    const { pageSize } = this.#format
    if (flags === FLAG.deflated) {
      if (at + 4 > view.byteLength) throw corrupt(this.#source, 'the data ends inside a compressed page', record)
      const length = view.getUint32(at)
      // compressBound() of zlib stays below this for every page size
      if (length === 0 || length > pageSize + (pageSize >> 3) + 64) throw corrupt(this.#source, `a compressed page of ${length} bytes`, record)
      this.#sink.page(this.#current, page, pageEntry(start + at, PAGE_KIND.deflated))
      return at + 4 + length
    }
    if (flags === FLAG.xbzrle) {
      if (at + 3 > view.byteLength) throw corrupt(this.#source, 'the data ends inside an XBZRLE page', record)
      const length = view.getUint16(at + 1)
      if (view.getUint8(at) !== 1 || length > pageSize) throw corrupt(this.#source, 'an XBZRLE page with a header that is none', record)
      this.#sink.page(this.#current, page, pageEntry(start + at, PAGE_KIND.xbzrle))
      return at + 3 + length
    }
    throw corrupt(this.#source, `a page record with the unknown flags 0x${flags.toString(16)}`, record)
  }

  /** Records that are no pages and not the end. */
  async #other(at: number, flags: number, address: number): Promise<number> {
    if (flags === FLAG.memSize) {
      if (this.#blocks.length > 0) throw corrupt(this.#source, 'the list of RAM blocks comes twice', at)
      const { blocks, next } = await readBlockList(this.#window, at + 8, address, this.#format)
      this.#blocks = blocks
      this.#byName = new Map(blocks.map(({ name }, i) => [name, i]))
      return next
    }
    if ((flags & FLAG.hook) !== 0)
      throw new SnapError('INPUT_CORRUPT', `${this.#source.name} holds RDMA records, which make no sense in a file`, { file: this.#source.name, offset: at })
    throw corrupt(this.#source, `a record with the unknown flags 0x${flags.toString(16)} in the guest memory`, at)
  }

  #enter(bytes: Uint8Array, from: number, length: number, record: number): void {
    const name = Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString('latin1')
    const number = this.#byName.get(name)
    const block = number === undefined ? undefined : this.#blocks[number]
    if (number === undefined || !block) throw corrupt(this.#source, `a page of RAM block ${JSON.stringify(name)}, which is not in the list`, record)
    this.#current = number
    this.#currentSize = block.size
  }

  /** Makes a record's header at `at` be at hand. */
  async #load(at: number): Promise<void> {
    const end = this.#pieceStart + this.#piece.length
    if (at >= this.#pieceStart && (end === this.#source.size || at + HEADER <= end) && at < end) return
    const length = Math.min(this.#source.readInto ? PIECE_AT_ONCE : PIECE, this.#source.size - at)
    if (length < 8) throw corrupt(this.#source, 'the data ends inside the guest memory', at)
    if (this.#source.readInto) {
      this.#memory ??= new Uint8Array(PIECE_AT_ONCE)
      this.#piece = this.#memory.subarray(0, length)
      this.#source.readInto(at, this.#piece)
      if (at - this.#turn > TURN) {
        this.#turn = at
        await new Promise(resolve => setImmediate(resolve))
      }
    } else this.#piece = await this.#source.read(at, length)
    this.#pieceStart = at
  }
}
