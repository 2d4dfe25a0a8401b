// Owns the way back for what this release does not understand: keys of known members, named `member#/json/pointer`, and members of unknown name.
// The reader makes the names, the writer puts keys back where they were. Knows no schema.
import { unescapeKey } from '../schema/fields.ts'
import { memberKind } from './member-names.ts'
import { unpack } from './pack.ts'

export interface UnknownItem {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The unknown items by where they go: keys by member name, members of their own, and everything whose name no archive can use. */
export interface SortedUnknown {
  readonly keys: ReadonlyMap<string, readonly { readonly pointer: string; readonly bytes: Uint8Array }[]>
  readonly members: readonly UnknownItem[]
  readonly foreign: readonly UnknownItem[]
}

export const keyName = (member: string, pointer: string): string => `${member}#${pointer}`

export function sortUnknown(items: readonly UnknownItem[]): SortedUnknown {
  const keys = new Map<string, { pointer: string; bytes: Uint8Array }[]>()
  const members: UnknownItem[] = []
  const foreign: UnknownItem[] = []
  const seen = new Set<string>()
  for (const item of items) {
    const [, member = '', pointer = ''] = /^([^#]+\.msgpack)#(\/.*)$/s.exec(item.name) ?? []
    const kind = memberKind(member)?.kind
    if (kind !== undefined && kind !== 'unknown') keys.set(member, [...(keys.get(member) ?? []), { pointer, bytes: item.bytes }])
    else if (memberKind(item.name)?.kind === 'unknown' && !seen.has(item.name)) members.push(item)
    else foreign.push(item)
    seen.add(item.name)
  }
  members.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { keys, members, foreign }
}

/**
 * `raw` with the unknown keys of its member put back, after the known ones. A key whose parent is gone is left out: what it described is gone too.
 */
export function withUnknownKeys(raw: unknown, member: string, unknown: SortedUnknown): unknown {
  const keys = unknown.keys.get(member)
  if (!keys) return raw
  const copy = structuredClone(raw)
  for (const { pointer, bytes } of keys) {
    const parts = pointer.split('/').slice(1).map(unescapeKey)
    const last = parts.pop() ?? ''
    let parent: unknown = copy
    for (const part of parts) parent = (parent as Record<string, unknown> | undefined)?.[part]
    if (typeof parent !== 'object' || parent === null || Array.isArray(parent) || Object.hasOwn(parent, last)) continue
    ;(parent as Record<string, unknown>)[last] = unpack(bytes, { member })
  }
  return copy
}
