// Owns which guest physical addresses have memory, as sorted intervals, and how two such maps differ. Looks at no byte of memory.
import type { MemoryRegion } from '../snapshot.ts'
import { type StateChange, sides } from './change.ts'

/** From `start` up to, not including, `end`. */
export interface Interval {
  readonly start: bigint
  readonly end: bigint
}

/** Sorted, joined where they touch. */
export function intervalsOf(regions: readonly MemoryRegion[]): readonly Interval[] {
  const joined: { start: bigint; end: bigint }[] = []
  for (const { start, size } of sortedRegions(regions)) {
    const end = start + BigInt(size)
    const last = joined.at(-1)
    if (last && start <= last.end) {
      if (end > last.end) last.end = end
    } else if (size > 0) joined.push({ start, end })
  }
  return joined
}

export const sortedRegions = (regions: readonly MemoryRegion[]): readonly MemoryRegion[] =>
  regions.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.size - b.size))

/** True when two regions claim one address: then an address alone does not say which byte is meant. */
export function overlaps(regions: readonly MemoryRegion[]): boolean {
  const sorted = sortedRegions(regions.filter(({ size }) => size > 0))
  return sorted.some((region, i) => {
    const next = sorted[i + 1]
    return next !== undefined && region.start + BigInt(region.size) > next.start
  })
}

/** What both have. */
export function intersection(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  const both: Interval[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i], b[j]]
    if (!x || !y) break
    const { start } = x.start > y.start ? x : y
    const first = x.end < y.end ? x : y
    if (start < first.end) both.push({ start, end: first.end })
    if (first === x) i++
    else j++
  }
  return both
}

/** What `a` has and `b` has not. */
function without(a: readonly Interval[], b: readonly Interval[]): readonly Interval[] {
  return a.flatMap(({ start, end }) => {
    const left: Interval[] = []
    let from = start
    for (const hole of b) {
      if (hole.end <= from || hole.start >= end) continue
      if (hole.start > from) left.push({ start: from, end: hole.start })
      from = hole.end
    }
    if (from < end) left.push({ start: from, end })
    return left
  })
}

/** True when an interval of `list` (sorted) has an address in [start, end). */
export function touches(list: readonly Interval[], start: bigint, end: bigint): boolean {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.end ?? 0n) <= start) low = middle + 1
    else high = middle
  }
  const found = list[low]
  return found !== undefined && found.start < end
}

/** `0x40000000-0x47ffffff`. */
export const rangeName = (start: bigint, end: bigint): string => `0x${start.toString(16)}-0x${(end - 1n).toString(16)}`

/** Addresses that only one of the two has memory at, ascending; `names`: also regions at one place with two names. */
export function diffMaps(a: readonly MemoryRegion[], b: readonly MemoryRegion[], names: boolean): readonly StateChange[] {
  const [x, y] = [intervalsOf(a), intervalsOf(b)]
  const change = (range: Interval, before: string | undefined, after: string | undefined) => ({
    start: range.start,
    name: rangeName(range.start, range.end),
    before,
    after,
  })
  const rows = [...without(x, y).map(range => change(range, 'memory', undefined)), ...without(y, x).map(range => change(range, undefined, 'memory'))]
  for (const region of names ? a : []) {
    const other = b.find(each => each.start === region.start && each.size === region.size)
    if (other && other.name !== region.name && !b.some(each => each.name === region.name && each.start === region.start))
      rows.push({ start: region.start, name: `${rangeName(region.start, region.start + BigInt(region.size))}: name`, before: region.name, after: other.name })
  }
  return rows
    .sort((p, q) => (p.start < q.start ? -1 : p.start > q.start ? 1 : p.name < q.name ? -1 : p.name > q.name ? 1 : 0))
    .map(({ name, before, after }) => ({ kind: 'memory', name, ...sides(before, after) }))
}
