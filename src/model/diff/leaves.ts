// Owns the comparison of plain values (JSON-like, with bigint and bytes) leaf by leaf: a path of names to each, and its text. Knows no snapshot.

/** Text, or bytes that are shown only around their first difference when they are many. */
export type Leaf = string | Uint8Array
/** Of bytes, this many are shown whole. */
const SHOWN_BYTES = 8
const AROUND = 8

/** The leaves of a value by path: `timers[0].cval`. A key that is no plain word is quoted, so that no two paths are the same. */
export function leavesOf(value: unknown, path = '', into: Map<string, Leaf> = new Map()): Map<string, Leaf> {
  if (value instanceof Uint8Array) into.set(path, value)
  else if (Array.isArray(value)) {
    if (value.length === 0) into.set(path, '[]')
    for (const [i, item] of value.entries()) leavesOf(item, `${path}[${i}]`, into)
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined)
    if (entries.length === 0) into.set(path, '{}')
    for (const [key, item] of entries) leavesOf(item, joined(path, key), into)
  } else into.set(path, scalarText(value))
  return into
}

const joined = (path: string, key: string): string => (!/^[\w-]+$/.test(key) ? `${path}[${JSON.stringify(key)}]` : path === '' ? key : `${path}.${key}`)

/** Integers in hex whatever type holds them, text in quotes. */
function scalarText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)))
    return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`
  return String(value)
}

export interface LeafChange {
  readonly path: string
  readonly before?: string
  readonly after?: string
}

/** The leaves that differ, in the order of the paths' text. */
export function diffLeaves(a: ReadonlyMap<string, Leaf>, b: ReadonlyMap<string, Leaf>): readonly LeafChange[] {
  const changes: LeafChange[] = []
  for (const path of new Set([...a.keys(), ...b.keys()])) {
    const [x, y] = [a.get(path), b.get(path)]
    if (isSame(x, y)) continue
    const from = x instanceof Uint8Array && y instanceof Uint8Array ? firstDifference(x, y) : 0
    changes.push({ path, ...(x === undefined ? {} : { before: leafText(x, from) }), ...(y === undefined ? {} : { after: leafText(y, from) }) })
  }
  return changes.sort((x, y) => naturally(x.path, y.path))
}

const isSame = (x: Leaf | undefined, y: Leaf | undefined): boolean =>
  x instanceof Uint8Array && y instanceof Uint8Array ? Buffer.compare(x, y) === 0 : x === y

/** Short bytes as `b…`; long ones by length and the bytes at `from`. */
export function leafText(leaf: Leaf, from = 0): string {
  if (typeof leaf === 'string') return leaf
  if (leaf.length <= SHOWN_BYTES) return `b${hex(leaf)}`
  const piece = leaf.subarray(from, from + AROUND)
  return `${leaf.length} bytes${piece.length === 0 ? '' : `, at ${from}: b${hex(piece)}${from + AROUND < leaf.length ? '…' : ''}`}`
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0
  while (at < a.length && at < b.length && a[at] === b[at]) at++
  return at
}

/** Numbers in names count as numbers: `x[2]` before `x[10]`. */
export function naturally(a: string, b: string): number {
  const [x, y] = [a.split(/(\d+)/), b.split(/(\d+)/)]
  for (let i = 0; i < x.length && i < y.length; i++) {
    const [p, q] = [x[i] ?? '', y[i] ?? '']
    if (p === q) continue
    if (i % 2 === 1 && p.length !== q.length && !/^0/.test(p) && !/^0/.test(q)) return p.length - q.length
    return p < q ? -1 : 1
  }
  return x.length - y.length
}
