// Owns the walk over a migration stream: header, configuration, sections, commands, end. Knows what sections are called, not what they mean.
// Source: migration/savevm.c, savevm.h of QEMU 5.2 to 11.1; facts/qemu-stream.md §1, §2.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { Source } from '../../source/source.ts'
import { RECORD, u32 } from './boundary.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import type { Decoded } from './layout.ts'
import { QEMU_LIMITS } from './limits.ts'
import type { RamBlock } from './ram-blocks.ts'
import { type PageSink, RamScanner } from './ram-scan.ts'
import { measureBody } from './section-body.ts'
import { type DescribedDevice, findVmdesc, type Vmdesc } from './vmdesc.ts'
import { beyondLimit, corrupt, Window } from './window.ts'

export const MAGIC = 0x5145_564d
export const STREAM_VERSION = 3
const RAM = 'ram'
const RAM_VERSION = 4
const COMMAND_PACKAGED = 7
/** Bytes after which signals and timers get their turn: reading holes takes no time and no turn of its own. */
const TURN = 1 << 26

/** A device's section, all of it at hand. */
export interface Section {
  readonly id: number
  readonly name: string
  readonly instance: number
  readonly version: number
  /** Of the body, in the source. */
  readonly offset: number
  readonly bytes: Uint8Array
  readonly decoded?: Decoded
  readonly by: 'layout' | 'description' | 'footer'
  readonly marks: ReadonlyMap<string, number>
  readonly unknownFrom?: string
}

export interface QemuStream {
  readonly configuration?: Configuration
  readonly pageSize: number
  readonly sections: readonly Section[]
  readonly commands: readonly number[]
  readonly blocks: readonly RamBlock[]
  /** Where each body of the ram section begins. */
  readonly ramBodies: readonly number[]
  readonly ramFlags: { readonly xbzrle: boolean; readonly deflated: boolean; readonly multifdFlush: boolean }
  readonly vmdesc?: Vmdesc
  /** Of the byte behind the last record. */
  readonly end: number
  readonly findings: readonly Finding[]
}

export interface WalkOptions {
  /** Where the stream begins. */
  readonly start?: number
  readonly pages: PageSink
  readonly signal?: AbortSignal
}

/** Walks a stream to its end. Throws INPUT_CORRUPT with the offset, LIMIT_EXCEEDED, FORMAT_TOO_NEW, or FORMAT_UNKNOWN for what is no stream. */
export async function walkStream(source: Source, options: WalkOptions): Promise<QemuStream> {
  return new Walk(source, options).stream()
}

class Walk {
  readonly #source: Source
  readonly #window: Window
  readonly #options: WalkOptions
  readonly #sections: Section[] = []
  readonly #commands: number[] = []
  readonly #ramBodies: number[] = []
  readonly #findings: Finding[] = []
  readonly #iterables = new Map<number, string>()
  readonly #budget = { left: QEMU_LIMITS.values }
  #configuration: Configuration | undefined
  #vmdesc: Vmdesc | undefined
  #described: ReadonlyMap<string, DescribedDevice> = new Map()
  #ram: RamScanner | undefined
  #ramId = -1
  #bytesKept = 0
  #bytesSkipped = 0
  #footers: boolean | undefined

  constructor(source: Source, options: WalkOptions) {
    this.#source = source
    this.#window = new Window(source)
    this.#options = options
  }

  async stream(): Promise<QemuStream> {
    let at = await this.#header()
    this.#vmdesc = await findVmdesc(this.#source)
    this.#described = firstByKey(this.#vmdesc?.devices ?? [])
    if ((await this.#byte(at, 'the first record')) === RECORD.configuration) {
      const read = await readConfiguration(this.#window, at + 1)
      this.#configuration = read.configuration
      at = read.next
    }
    for (let next: number | undefined = at; next !== undefined; ) {
      this.#options.signal?.throwIfAborted()
      at = next
      next = await this.#record(at)
    }
    const end = await this.#end(at + 1)
    const ram = this.#ram
    return {
      ...(this.#configuration ? { configuration: this.#configuration } : {}),
      pageSize: this.#pageSize,
      sections: this.#sections,
      commands: this.#commands,
      blocks: ram?.blocks ?? [],
      ramBodies: this.#ramBodies,
      ramFlags: { xbzrle: ram?.sawXbzrle ?? false, deflated: ram?.sawDeflated ?? false, multifdFlush: ram?.sawMultifdFlush ?? false },
      ...(this.#vmdesc ? { vmdesc: this.#vmdesc } : {}),
      end,
      findings: this.#findings,
    }
  }

  get #pageSize(): number {
    return 1 << (this.#configuration?.pageBits ?? 10)
  }

  async #header(): Promise<number> {
    const at = this.#options.start ?? 0
    const head = await this.#window.view(at, 8, 'the header')
    if (u32(head, 0) !== MAGIC)
      throw new SnapError('FORMAT_UNKNOWN', `${this.#source.name} is no QEMU migration stream`, { file: this.#source.name, offset: at })
    const version = u32(head, 4)
    if (version > STREAM_VERSION)
      throw new SnapError('FORMAT_TOO_NEW', `${this.#source.name} is a QEMU stream of version ${version}; this release reads ${STREAM_VERSION}`, {
        file: this.#source.name,
        offset: at + 4,
      })
    if (version < STREAM_VERSION) throw corrupt(this.#source, `a QEMU stream of version ${version}, older than any arm64 guest`, at + 4)
    return at + 8
  }

  /** Reads one record; undefined at the end of the device state. */
  async #record(at: number): Promise<number | undefined> {
    const type = await this.#byte(at, 'a record')
    switch (type) {
      case RECORD.eof:
        return undefined
      case RECORD.start:
      case RECORD.full:
        return this.#section(at, type === RECORD.full)
      case RECORD.part:
      case RECORD.end: {
        const id = u32(await this.#window.view(at + 1, 4, 'a section'), 0)
        const name = this.#iterables.get(id)
        if (name === undefined) throw corrupt(this.#source, `section ${id} goes on, and never began`, at)
        return this.#iterable(at + 5, id, name)
      }
      case RECORD.command:
        return this.#command(at)
      default:
        throw corrupt(this.#source, `there is no record of type 0x${type.toString(16)}`, at)
    }
  }

  async #section(at: number, full: boolean): Promise<number> {
    const head = await this.#window.view(at + 1, 5, 'a section')
    const id = u32(head, 0)
    const length = head[4] ?? 0
    const rest = await this.#window.view(at + 6, length + 8, 'the name of a section')
    const name = Buffer.from(rest.subarray(0, length)).toString('latin1')
    const instance = u32(rest, length)
    const version = u32(rest, length + 4)
    const body = at + 6 + length + 8
    if (full) return this.#device(body, { id, name, instance, version })
    if (this.#iterables.has(id)) throw corrupt(this.#source, `section ${id} begins twice`, at)
    if (this.#iterables.size === QEMU_LIMITS.sections) throw beyondLimit(this.#source, `more than ${QEMU_LIMITS.sections} sections`, at)
    this.#iterables.set(id, name)
    if (name === RAM) {
      if (this.#ram) throw corrupt(this.#source, 'the guest memory begins twice', at)
      if (version !== RAM_VERSION)
        throw new SnapError('FORMAT_TOO_NEW', `${this.#source.name} holds guest memory of version ${version}; this release reads ${RAM_VERSION}`, {
          file: this.#source.name,
          offset: at,
        })
      this.#ramId = id
      const capabilities = this.#configuration?.capabilities ?? []
      const format = { pageSize: this.#pageSize, ignoreShared: capabilities.includes('x-ignore-shared'), mappedRam: capabilities.includes('mapped-ram') }
      this.#ram = new RamScanner(this.#window, format, this.#options.pages, this.#options.signal)
    } else
      this.#findings.push({
        severity: 'warning',
        code: 'section-not-read',
        message: `section ${JSON.stringify(name)} is not read: this release knows only guest memory among the sections that are sent in parts`,
      })
    return this.#iterable(body, id, name)
  }

  async #iterable(body: number, id: number, name: string): Promise<number> {
    if (id === this.#ramId && this.#ram) {
      const end = await this.#ram.body(body)
      this.#ramBodies.push(body)
      return this.#footer(end, id, name)
    }
    return this.#footer(await this.#skip(body, id, name), id, name)
  }

  /** A body in parts that is not read: its footer is looked for. */
  async #skip(body: number, id: number, name: string): Promise<number> {
    const wanted = Uint8Array.of(RECORD.footer, id >>> 24, id >>> 16, id >>> 8, id)
    const piece = 1 << 20
    for (let at = body; at + 5 <= this.#source.size; at += piece) {
      this.#options.signal?.throwIfAborted()
      // In a qcow2 image a state of terabytes can be holes, which cost the file nothing and the reader everything.
      this.#bytesSkipped += piece
      if (this.#bytesSkipped > QEMU_LIMITS.skippedBytes)
        throw beyondLimit(this.#source, `the end of section ${JSON.stringify(name)} is not found in ${QEMU_LIMITS.skippedBytes} bytes`, body)
      if (this.#bytesSkipped % TURN === 0) await new Promise(resolve => setImmediate(resolve))
      const bytes = await this.#source.read(at, Math.min(piece + 4, this.#source.size - at))
      const found = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(wanted)
      if (found >= 0) return at + found
    }
    throw corrupt(this.#source, `the end of section ${JSON.stringify(name)} is not found`, body)
  }

  async #footer(at: number, id: number, name: string): Promise<number> {
    const bytes = await this.#window.some(at, 5)
    const isFooter = bytes[0] === RECORD.footer
    this.#footers ??= isFooter
    if (!this.#footers) return at
    if (bytes.length < 5) throw corrupt(this.#source, `the data ends behind section ${JSON.stringify(name)}`, at)
    if (!isFooter || u32(bytes, 1) !== id) throw corrupt(this.#source, `section ${JSON.stringify(name)} does not end with its footer`, at)
    return at + 5
  }

  async #device(body: number, section: { id: number; name: string; instance: number; version: number }): Promise<number> {
    if (this.#sections.length === QEMU_LIMITS.sections) throw beyondLimit(this.#source, `more than ${QEMU_LIMITS.sections} sections`, body)
    const end = this.#vmdesc && this.#vmdesc.offset > body ? this.#vmdesc.offset : this.#source.size
    const described = this.#described.get(keyOf(section))
    const most = Math.min(QEMU_LIMITS.sectionBytes, QEMU_LIMITS.allSectionBytes - this.#bytesKept)
    for (let length = 1 << 14; ; length *= 4) {
      const bytes = await this.#window.some(body, Math.min(length, end - body))
      const complete = body + bytes.length === end
      const measured = measureBody(bytes, section, described, { id: section.id, footers: this.#footers ?? true, complete }, this.#budget)
      if (measured === 'more') {
        if (length > most) throw beyondLimit(this.#source, `section ${JSON.stringify(section.name)} has more than ${most} bytes`, body)
        continue
      }
      if (!measured) throw corrupt(this.#source, `the end of section ${JSON.stringify(section.name)} is not found`, body)
      const { length: size, ...found } = measured
      this.#bytesKept += size
      this.#sections.push({ ...section, offset: body, bytes: new Uint8Array(bytes.subarray(0, size)), ...found })
      return this.#footer(body + size, section.id, section.name)
    }
  }

  async #command(at: number): Promise<number> {
    const head = await this.#window.view(at + 1, 4, 'a command')
    const command = ((head[0] ?? 0) << 8) | (head[1] ?? 0)
    const length = ((head[2] ?? 0) << 8) | (head[3] ?? 0)
    if (command === COMMAND_PACKAGED)
      throw new SnapError(
        'INPUT_CORRUPT',
        `${this.#source.name} holds a postcopy migration, which cannot be a file: memory was to follow over the network`,
        { file: this.#source.name, offset: at },
        { hint: 'save the guest with `migrate file:…` without the postcopy-ram capability' },
      )
    if (this.#commands.length < QEMU_LIMITS.sections) this.#commands.push(command)
    if (at + 5 + length > this.#source.size) throw corrupt(this.#source, 'the data ends inside a command', at)
    return at + 5 + length
  }

  /** What follows the device state: a description, padding, nothing. */
  async #end(at: number): Promise<number> {
    const head = await this.#window.some(at, 5)
    if (head[0] !== RECORD.vmdesc) return at
    if (head.length < 5) throw corrupt(this.#source, 'the data ends inside the description', at)
    const end = at + 5 + u32(head, 1)
    if (end > this.#source.size) throw corrupt(this.#source, 'the data ends inside the description', at)
    return end
  }

  async #byte(at: number, what: string): Promise<number> {
    return (await this.#window.view(at, 1, what))[0] as number
  }
}

const keyOf = ({ name, instance }: { readonly name: string; readonly instance: number }): string => `${instance}:${name}`

/** By name and instance; of several alike the first. */
function firstByKey(devices: readonly DescribedDevice[]): ReadonlyMap<string, DescribedDevice> {
  return new Map(devices.toReversed().map(device => [keyOf(device), device]))
}
