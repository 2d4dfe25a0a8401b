// Owns the gate before the msgpack decoder: walks the structure once, without building anything, and refuses what a decoder should not be
// given: deep nesting, more items than the limit, extension types (records, dates, regular expressions), keys that are not text or come twice,
// bytes left over. Source of the encoding: the MessagePack specification, "Formats".
import { SnapError, type Where } from '../../errors.ts'
import { LIMITS } from './limits.ts'

const FLOAT64 = 0xcb
/** Tags of a whole byte: a fixed number of bytes that follow, or a count of so many bytes. float32 and ext are absent on purpose. */
const SIZED: Readonly<Record<number, readonly ['fixed', number] | readonly ['bytes' | 'array' | 'map', 1 | 2 | 4]>> = {
  192: ['fixed', 0],
  194: ['fixed', 0],
  195: ['fixed', 0],
  196: ['bytes', 1],
  197: ['bytes', 2],
  198: ['bytes', 4],
  203: ['fixed', 8],
  204: ['fixed', 1],
  205: ['fixed', 2],
  206: ['fixed', 4],
  207: ['fixed', 8],
  208: ['fixed', 1],
  209: ['fixed', 2],
  210: ['fixed', 4],
  211: ['fixed', 8],
  220: ['array', 2],
  221: ['array', 4],
  222: ['map', 2],
  223: ['map', 4],
}

/** One open map or array: items still to come, and for a map the keys seen. */
interface Frame {
  left: number
  readonly keys: Set<string> | undefined
  wantKey: boolean
}

/** Throws ARCHIVE_CORRUPT or LIMIT_EXCEEDED with the offset when `bytes` is not exactly one acceptable value. */
export function scanPack(bytes: Uint8Array, where: Where): void {
  new Scan(bytes, where).run()
}

class Scan {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #where: Where
  readonly #text = new TextDecoder('utf-8', { fatal: true })
  readonly #open: Frame[] = []
  #at = 0
  #items = 0

  constructor(bytes: Uint8Array, where: Where) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#where = where
  }

  run(): void {
    do {
      this.#value()
      this.#close()
    } while (this.#open.length > 0)
    if (this.#at !== this.#bytes.length) throw this.#corrupt(`${this.#bytes.length - this.#at} bytes follow the value`)
  }

  /** Leaves every container whose last item has been read. */
  #close(): void {
    for (let top = this.#open.at(-1); top && top.left === 0; top = this.#open.at(-1)) this.#open.pop()
  }

  #value(): void {
    const top = this.#open.at(-1)
    const isKey = top?.wantKey ?? false
    if (top) {
      top.left--
      if (top.keys) top.wantKey = !top.wantKey
    }
    if (++this.#items > LIMITS.packItems) throw this.#limit(`more than ${LIMITS.packItems} items`)
    const start = this.#at
    const tag = this.#take(1)
    if (isKey) this.#key(tag, start, top?.keys)
    else this.#body(tag, start)
  }

  #key(tag: number, start: number, keys: Set<string> | undefined): void {
    const text = this.#string(tag)
    if (text === undefined) throw this.#corrupt('a map key is not text', start)
    if (text === '__proto__') throw this.#corrupt('a map key is __proto__', start)
    if (keys?.has(text)) throw this.#corrupt(`the key ${JSON.stringify(text.slice(0, 40))} comes twice`, start)
    keys?.add(text)
  }

  #body(tag: number, start: number): void {
    if (tag <= 0x7f || tag >= 0xe0) return
    if (tag <= 0x8f) this.#enter(tag & 0x0f, true)
    else if (tag <= 0x9f) this.#enter(tag & 0x0f, false)
    else if (this.#string(tag) === undefined) this.#sized(tag, start)
  }

  /** Everything whose tag is a whole byte, but text. */
  #sized(tag: number, start: number): void {
    const kind = SIZED[tag]
    if (kind === undefined) throw this.#corrupt(`type 0x${tag.toString(16)} is not used in an archive`, start)
    const [what, size] = kind
    if (what === 'fixed') this.#skip(size)
    else if (what === 'bytes') this.#skip(this.#take(size))
    else this.#enter(this.#take(size), what === 'map')
    // Our writer refuses -0, which most encoders turn into 0: two byte sequences for one value would make digests differ.
    if (tag === FLOAT64 && Object.is(this.#view.getFloat64(start + 1), -0)) throw this.#corrupt('-0 is not used in an archive', start)
  }

  /** The text whose tag was just read, or undefined when it is no text. */
  #string(tag: number): string | undefined {
    const length =
      tag >= 0xa0 && tag <= 0xbf ? tag & 0x1f : tag === 0xd9 ? this.#take(1) : tag === 0xda ? this.#take(2) : tag === 0xdb ? this.#take(4) : undefined
    if (length === undefined) return undefined
    const start = this.#at
    this.#skip(length)
    try {
      return this.#text.decode(this.#bytes.subarray(start, this.#at))
    } catch {
      throw this.#corrupt('text is not UTF-8', start)
    }
  }

  #enter(count: number, map: boolean): void {
    const left = map ? count * 2 : count
    if (left > this.#bytes.length - this.#at) throw this.#corrupt(`${count} items are announced, ${this.#bytes.length - this.#at} bytes are left`)
    if (this.#open.length >= LIMITS.packDepth) throw this.#limit(`nested deeper than ${LIMITS.packDepth}`)
    this.#open.push({ left, keys: map ? new Set() : undefined, wantKey: map })
  }

  /** A big-endian number of 1, 2 or 4 bytes. */
  #take(length: 1 | 2 | 4): number {
    const at = this.#at
    this.#skip(length)
    return length === 1 ? this.#view.getUint8(at) : length === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  #skip(length: number): void {
    if (length > this.#bytes.length - this.#at) throw this.#corrupt('the data ends inside a value')
    this.#at += length
  }

  #corrupt(what: string, offset = this.#at): SnapError {
    return new SnapError('ARCHIVE_CORRUPT', `${this.#name()}: ${what}`, { ...this.#where, offset })
  }
  #limit(what: string): SnapError {
    return new SnapError('LIMIT_EXCEEDED', `${this.#name()}: ${what}`, { ...this.#where, offset: this.#at })
  }
  #name(): string {
    return [this.#where.file, this.#where.member].filter(Boolean).join(': ') || 'msgpack'
  }
}
