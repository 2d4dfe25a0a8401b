// Owns the decoding of one XBZRLE page: runs of unchanged and of new bytes over the page as it was. Source: QEMU docs/devel/migration, migration/xbzrle.c.

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
