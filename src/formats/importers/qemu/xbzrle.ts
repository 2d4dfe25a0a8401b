// Owns one XBZRLE page: runs of unchanged and of new bytes over the page as it was. Source: QEMU docs/devel/migration, migration/xbzrle.c.

/** Applies `delta` to `page` in place. Returns false when the delta is not one (then `page` is half changed). */
export function applyXbzrle(page: Uint8Array, delta: Uint8Array): boolean {
  let at = 0
  let to = 0
  /** Little-endian base 128, at most two bytes: lengths are below a page. */
  const length = (): number => {
    const first = delta[at]
    if (first === undefined) return -1
    at++
    if (first < 0x80) return first
    const second = delta[at]
    if (second === undefined || second >= 0x80) return -1
    at++
    return (first & 0x7f) | (second << 7)
  }
  while (at < delta.length) {
    const same = length()
    if (same < 0 || to + same > page.length || (same === 0 && to > 0)) return false
    to += same
    const changed = length()
    if (changed <= 0 || to + changed > page.length || at + changed > delta.length) return false
    page.set(delta.subarray(at, at + changed), to)
    to += changed
    at += changed
  }
  return true
}

/** The delta that makes `page` of `before`, both of one size. */
export function makeXbzrle(before: Uint8Array, page: Uint8Array): Uint8Array {
  const out: number[] = []
  const length = (value: number): void => {
    if (value < 0x80) out.push(value)
    else out.push((value & 0x7f) | 0x80, value >> 7)
  }
  for (let at = 0; at < page.length; ) {
    let first = at
    while (first < page.length && page[first] === before[first]) first++
    if (first === page.length) break
    let end = first
    while (end < page.length && page[end] !== before[end]) end++
    length(first - at)
    length(end - first)
    out.push(...page.subarray(first, end))
    at = end
  }
  return Uint8Array.from(out)
}
