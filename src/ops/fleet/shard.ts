// Owns which part of a fleet one of several calls takes. By the path's text alone: a file that appears or goes while the calls list their folders
// changes nobody else's part, so that none is left out and none is done twice.
import { SnapError } from '../../errors.ts'

export interface Shard {
  /** From 1. */
  readonly index: number
  readonly of: number
}

const MOST_SHARDS = 100_000

/** `i/n`, i from 1 to n. Throws USAGE. */
export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text.trim())?.map(Number) ?? []
  if (index === undefined || of === undefined || index < 1 || index > of || of > MOST_SHARDS)
    throw new SnapError('USAGE', `"${text.slice(0, 40)}" is no shard`, {}, { hint: `i/n with i from 1 to n, as 2/8; n is at most ${MOST_SHARDS}` })
  return { index, of }
}

/** Whether a path belongs to a shard: of all shards of the same number, to exactly one. */
export const inShard = (path: string, shard: Shard | undefined): boolean => shard === undefined || spread(plainPath(path)) % shard.of === shard.index - 1

/** The same file named a little differently on another machine. */
const plainPath = (path: string): string => path.replace(/\/+(\.?\/+)*/g, '/').replace(/^(\.\/)+/, '')

/** FNV-1a over the UTF-16 units, then mixed: its low bits alone are not even. */
function spread(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
