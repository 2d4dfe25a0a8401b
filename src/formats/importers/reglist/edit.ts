// Owns writing a kvm-reglist file again with other registers: in its text, so that its layout and what this release does not know stay as they are.
import { type RegId, regId, showRegId } from '../../../arch/reg-id.ts'
import { valueBytes } from '../../../model/register-list.ts'
import { SOURCE_LIMITS } from '../../source/limits.ts'
import { readAll } from '../../source/source.ts'
import type { Editor, RegisterEdit } from '../editor.ts'
import { type AddedItem, editList, type Replacement, replaced } from './json-list-edit.ts'
import { type JsonSpan, jsonSpans } from './json-spans.ts'
import { parseReglist } from './read.ts'
import { showValue } from './value-text.ts'

export const reglistEditor: Editor = {
  async edit(source, edits, sink) {
    const bytes = await readAll(source, SOURCE_LIMITS.reglistBytes, 'a kvm-reglist file')
    const { findings } = parseReglist(bytes, source.name) // strict; from here on the text has the shape of a list
    await sink.write(...editedText(bytes, edits))
    return findings
  },
}

function editedText(bytes: Uint8Array, edits: readonly RegisterEdit[]): readonly Uint8Array[] {
  const vcpus = jsonSpans(bytes).entries?.get('vcpus')?.items ?? []
  const replacements = vcpus.flatMap((vcpu, index) => {
    const own = new Map<RegId, RegisterEdit>(edits.filter(edit => edit.vcpu === index).map(edit => [edit.id, edit]))
    const list = vcpu.entries?.get('registers')
    return own.size === 0 || !list ? [] : listReplacements(bytes, list, own)
  })
  return replaced(bytes, replacements)
}

function listReplacements(bytes: Uint8Array, list: JsonSpan, edits: ReadonlyMap<RegId, RegisterEdit>): readonly Replacement[] {
  const pairs = list.items ?? []
  const ids = pairs.map(({ items }) => (items?.[0] ? regId(BigInt(textOf(bytes, items[0]))) : (0n as RegId)))
  const changed = pairs.flatMap(({ items }, i): Replacement[] => {
    const edit = edits.get(ids[i]!)
    const value = items?.[1]
    return edit?.value && value ? [{ start: value.start, end: value.end, text: JSON.stringify(showValue(edit.id, valueBytes(edit.id, edit.value))) }] : []
  })
  const had = new Set(ids)
  const added = [...edits.values()].flatMap(({ id, value, behind }): AddedItem[] =>
    value && !had.has(id) ? [{ id, text: JSON.stringify([showRegId(id), showValue(id, valueBytes(id, value))]), ...(behind ? { behind } : {}) }] : [],
  )
  return [...changed, ...editList(bytes, list, ids, i => edits.has(ids[i]!) && !edits.get(ids[i]!)?.value, added)]
}

/** The content of a JSON text. */
const textOf = (bytes: Uint8Array, { start, end }: JsonSpan): string => String(JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))))
