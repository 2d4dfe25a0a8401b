// Owns taking items out of a list in a JSON text and putting new ones in, commas and layout kept. Knows no format: callers say what an item is.
import type { RegId } from '../../../arch/reg-id.ts'
import { placeOfAdded } from '../added-place.ts'
import type { JsonSpan } from './json-spans.ts'

/** Text in place of bytes [start, end). */
export interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

export interface AddedItem {
  readonly id: RegId
  readonly behind?: readonly RegId[]
  readonly text: string
}

/** The bytes with every replacement made, in pieces. Of two at one place the one that only inserts goes first. */
export function replaced(bytes: Uint8Array, replacements: readonly Replacement[]): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = 0
  for (const { start, end, text } of replacements.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    parts.push(bytes.subarray(at, start), new TextEncoder().encode(text))
    at = end
  }
  return [...parts, bytes.subarray(at)]
}

/**
 * What takes the items with `isDropped` out of `list` and puts `added` in, in order, each where added-place.ts says. `ids` are those of the items.
 * An item that is added comes with a comma and blanks like those before its neighbour, so that taking it out again gives the same text.
 */
export function editList(
  bytes: Uint8Array,
  list: JsonSpan,
  ids: readonly bigint[],
  isDropped: (index: number) => boolean,
  added: readonly AddedItem[],
): readonly Replacement[] {
  const items = list.items ?? []
  const all: Replacement[] = []
  const order: { readonly id: bigint; readonly at?: number; readonly text?: string }[] = []
  for (const [i, item] of items.entries()) {
    if (!isDropped(i)) {
      order.push({ id: ids[i]!, at: i })
      continue
    }
    // The comma that goes with it is the one before, unless nothing stands before.
    const [before, behind] = [items[i - 1], items[i + 1]]
    if (order.length > 0 && before) all.push({ start: before.end, end: item.end, text: '' })
    else all.push({ start: item.start, end: behind?.start ?? item.end, text: '' })
  }
  for (const { id, behind, text } of added)
    order.splice(
      placeOfAdded(
        order.map(each => each.id),
        id,
        behind,
      ),
      0,
      { id, text },
    )
  let anchor: number | undefined
  let run: string[] = []
  const flush = (): void => {
    if (run.length === 0) return
    const place = anchor === undefined ? list.start + 1 : items[anchor]!.end
    const gap = anchor === undefined ? ',' : gapAt(bytes, items, anchor)
    all.push({ start: place, end: place, text: anchor === undefined ? run.join(gap) : run.map(text => gap + text).join('') })
    run = []
  }
  for (const { at, text } of order) {
    if (text !== undefined) run.push(text)
    else {
      flush()
      anchor = at
    }
  }
  flush()
  return all
}

/** What stands between an item and the next, or before the last one. */
function gapAt(bytes: Uint8Array, items: readonly JsonSpan[], at: number): string {
  const [from, to] = items[at + 1] ? [items[at], items[at + 1]] : [items[at - 1], items[at]]
  return from && to ? new TextDecoder().decode(bytes.subarray(from.end, to.start)) : ','
}
