// Owns the flattened device tree (DTB): bytes into a tree of nodes, bounded and strict. Knows no machine and no node by name.
// Source: Devicetree Specification v0.4, chapter 5.
import { SnapError } from '../../errors.ts'
import { ByteReader } from '../source/byte-reader.ts'

export interface FdtNode {
  /** With its unit address; the root's is empty. */
  readonly name: string
  /** Values as they stand, in file order. */
  readonly properties: ReadonlyMap<string, Uint8Array>
  readonly children: readonly FdtNode[]
}

export interface FdtHeader {
  /** Bytes of the whole tree. */
  readonly totalSize: number
  readonly structOffset: number
  readonly stringsOffset: number
}

export const FDT_MAGIC = 0xd00d_feed
export const FDT_HEADER_BYTES = 40
export const FDT_LIMITS = {
  /** What Linux maps at most for its own (MAX_FDT_SIZE). */
  bytes: 2 << 20,
  nodes: 1 << 16,
  depth: 64,
} as const

const TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const
/** The version that every writer since 2007 makes, and the oldest one that readers of it must take. */
const VERSION = 17
const COMPATIBLE = 16

/** The header, or undefined for bytes that are none or ask for more than a tree can have. Cheap and total: for searching. */
export function fdtHeader(bytes: Uint8Array): FdtHeader | undefined {
  if (bytes.length < FDT_HEADER_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (index: number): number => view.getUint32(4 * index)
  const [magic, totalSize, structOffset, stringsOffset, reserveOffset, version, lastCompatible] = [0, 1, 2, 3, 4, 5, 6].map(word) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const isPlausible =
    magic === FDT_MAGIC &&
    totalSize >= FDT_HEADER_BYTES &&
    totalSize <= FDT_LIMITS.bytes &&
    version >= COMPATIBLE &&
    lastCompatible <= VERSION &&
    [structOffset, reserveOffset].every(offset => offset >= FDT_HEADER_BYTES - 4 && offset < totalSize && offset % 4 === 0) &&
    stringsOffset >= FDT_HEADER_BYTES - 4 &&
    stringsOffset <= totalSize
  return isPlausible ? { totalSize, structOffset, stringsOffset } : undefined
}

/** The root node. Throws INPUT_CORRUPT with the offset, or LIMIT_EXCEEDED. */
export function parseFdt(bytes: Uint8Array, file: string): { readonly root: FdtNode; readonly nodes: number } {
  const header = fdtHeader(bytes)
  if (!header || header.totalSize > bytes.length) throw new SnapError('INPUT_CORRUPT', `${file} is no whole device tree`, { file, offset: 0 })
  const tree = bytes.subarray(0, header.totalSize)
  return new FdtReader(tree, header, file).read()
}

class FdtReader {
  readonly #reader: ByteReader
  readonly #strings: Uint8Array
  readonly #start: number
  readonly #file: string
  #nodes = 0

  constructor(bytes: Uint8Array, { structOffset, stringsOffset }: FdtHeader, file: string) {
    this.#reader = new ByteReader(bytes.subarray(structOffset), { file }, 'INPUT_CORRUPT')
    this.#strings = bytes.subarray(stringsOffset)
    this.#start = structOffset
    this.#file = file
  }

  read(): { readonly root: FdtNode; readonly nodes: number } {
    if (this.#token() !== TOKEN.beginNode) throw this.#wrong('the tree does not begin with a node')
    const root = this.#node(1)
    if (this.#token() !== TOKEN.end) throw this.#wrong('something follows the root node')
    return { root, nodes: this.#nodes }
  }

  #node(depth: number): FdtNode {
    if (depth > FDT_LIMITS.depth || ++this.#nodes > FDT_LIMITS.nodes)
      throw new SnapError('LIMIT_EXCEEDED', `${this.#file} has more or deeper nodes than any machine`, { file: this.#file })
    const name = this.#text(this.#reader.rest(), 'a node name')
    this.#reader.skip(padded(name.length + 1), 'a node name')
    const properties = new Map<string, Uint8Array>()
    const children: FdtNode[] = []
    for (;;) {
      const token = this.#token()
      if (token === TOKEN.endNode) return { name, properties, children }
      if (token === TOKEN.beginNode) children.push(this.#node(depth + 1))
      else if (token === TOKEN.property) {
        const length = this.#reader.u32be('the length of a property')
        const at = this.#reader.u32be('the name of a property')
        if (at >= this.#strings.length) throw this.#wrong('the name of a property is beyond the strings')
        const value = this.#reader.bytes(length, 'a property')
        this.#reader.skip(padded(length) - length, 'a property')
        properties.set(this.#text(this.#strings.subarray(at), 'the name of a property'), value)
      } else throw this.#wrong(`0x${token.toString(16)} is no token of a device tree`)
    }
  }

  #token(): number {
    for (;;) {
      const token = this.#reader.u32be('a token')
      if (token !== TOKEN.nop) return token
    }
  }

  /** Up to the first NUL, which must come within 256 bytes: names have at most 31. */
  #text(bytes: Uint8Array, what: string): string {
    const end = bytes.subarray(0, 256).indexOf(0)
    if (end < 0) throw this.#wrong(`${what} has no end`)
    return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1')
  }

  #wrong(message: string): SnapError {
    return new SnapError('INPUT_CORRUPT', `${this.#file}: ${message}`, { file: this.#file, offset: this.#start + this.#reader.offset })
  }
}

const padded = (length: number): number => Math.ceil(length / 4) * 4

/** The node at a path like `/cpus/cpu@0`; a name without unit address finds the first one with any. */
export function fdtNodeAt(root: FdtNode, path: string): FdtNode | undefined {
  let node: FdtNode | undefined = root
  for (const name of path.split('/').filter(Boolean)) node = node?.children.find(child => child.name === name || child.name.split('@')[0] === name)
  return node
}

/** A value as people read it: texts where it is a list of such, else 32-bit numbers, else hex bytes. Empty for a flag. */
export function fdtValue(value: Uint8Array): readonly string[] {
  if (value.length === 0) return []
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')
  if (/^(?:[\x20-\x7e]+\0)+$/.test(text)) return text.slice(0, -1).split('\0')
  if (value.length % 4 !== 0) return [`0x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}`]
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
  return Array.from({ length: value.length / 4 }, (_, i) => `0x${view.getUint32(4 * i).toString(16)}`)
}
