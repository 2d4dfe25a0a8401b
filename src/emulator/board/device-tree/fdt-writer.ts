// Owns the writing of a flattened device tree (DTB) from a tree of nodes. Source: Devicetree Specification v0.4, chapter 5. Knows no machine.

/** Text, texts, 32-bit cells (a bigint is two of them, the upper first), bytes, or a property without a value. */
export type FdtValue = string | readonly string[] | readonly (number | bigint)[] | Uint8Array | true

export interface FdtTree {
  /** With its unit address; the root's is empty. */
  readonly name: string
  /** In the order in which they are written. Undefined: no such property. */
  readonly properties: Readonly<Record<string, FdtValue | undefined>>
  readonly children?: readonly FdtTree[]
}

const MAGIC = 0xd00d_feed
const VERSION = 17
const LAST_COMPATIBLE = 16
const HEADER_BYTES = 40
/** One empty entry: no memory is reserved. */
const RESERVATIONS_BYTES = 16
const TOKEN = { beginNode: 1, endNode: 2, property: 3, end: 9 } as const

/** The whole tree as bytes. */
export function writeFdt(root: FdtTree): Uint8Array {
  const names = propertyNames(root)
  const strings = new Uint8Array([...names.keys()].flatMap(name => text(name)))
  const body = [...node(root, names), ...cells([TOKEN.end])]
  const structOffset = HEADER_BYTES + RESERVATIONS_BYTES
  const stringsOffset = structOffset + body.length
  const bytes = new Uint8Array(stringsOffset + strings.length)
  const header = [MAGIC, bytes.length, structOffset, stringsOffset, HEADER_BYTES, VERSION, LAST_COMPATIBLE, 0, strings.length, body.length]
  bytes.set(cells(header))
  bytes.set(body, structOffset)
  bytes.set(strings, stringsOffset)
  return bytes
}

/** Every name once, with its offset among the strings. */
function propertyNames(root: FdtTree): ReadonlyMap<string, number> {
  const names = new Map<string, number>()
  let offset = 0
  const visit = ({ properties, children = [] }: FdtTree): void => {
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined || names.has(name)) continue
      names.set(name, offset)
      offset += name.length + 1
    }
    children.forEach(visit)
  }
  visit(root)
  return names
}

function node({ name, properties, children = [] }: FdtTree, names: ReadonlyMap<string, number>): number[] {
  const values = Object.entries(properties).flatMap(([key, value]) => {
    if (value === undefined) return []
    const bytes = valueBytes(value)
    return [...cells([TOKEN.property, bytes.length, names.get(key)!]), ...padded(bytes)]
  })
  return [...cells([TOKEN.beginNode]), ...padded(text(name)), ...values, ...children.flatMap(child => node(child, names)), ...cells([TOKEN.endNode])]
}

function valueBytes(value: FdtValue): readonly number[] {
  if (value === true) return []
  if (typeof value === 'string') return text(value)
  if (value instanceof Uint8Array) return [...value]
  return value.flatMap((each: string | number | bigint) => {
    if (typeof each === 'string') return text(each)
    return cells(typeof each === 'number' ? [each] : [Number((each >> 32n) & 0xffff_ffffn), Number(each & 0xffff_ffffn)])
  })
}

const text = (value: string): number[] => [...new TextEncoder().encode(value), 0]
const cells = (values: readonly number[]): number[] => values.flatMap(value => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff])
const padded = (bytes: readonly number[]): number[] => [...bytes, ...new Array<number>(-bytes.length & 3).fill(0)]
