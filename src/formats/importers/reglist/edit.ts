// Owns writing a kvm-reglist file again with other registers: in its text, so that its layout and what this release does not know stay as they are.
import { type RegId, regId } from '../../../arch/reg-id.ts'
import { SOURCE_LIMITS } from '../../source/limits.ts'
import { readAll } from '../../source/source.ts'
import type { Editor, RegisterEdit } from '../editor.ts'
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

/** Bytes of the file in place of [start, end). */
interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

function editedText(bytes: Uint8Array, edits: readonly RegisterEdit[]): readonly Uint8Array[] {
  const vcpus = jsonSpans(bytes).entries?.get('vcpus')?.items ?? []
  const replacements = vcpus.flatMap((vcpu, index) => {
    const own = new Map<RegId, RegisterEdit>(edits.filter(edit => edit.vcpu === index).map(edit => [edit.id, edit]))
    return own.size === 0 ? [] : listReplacements(bytes, vcpu.entries?.get('registers')?.items ?? [], own)
  })
  const parts: Uint8Array[] = []
  let at = 0
  for (const { start, end, text } of replacements.sort((a, b) => a.start - b.start)) {
    parts.push(bytes.subarray(at, start), new TextEncoder().encode(text))
    at = end
  }
  return [...parts, bytes.subarray(at)]
}

function listReplacements(bytes: Uint8Array, pairs: readonly JsonSpan[], edits: ReadonlyMap<RegId, RegisterEdit>): readonly Replacement[] {
  const replacements: Replacement[] = []
  let isFirst = true // of those that stay
  for (const [i, pair] of pairs.entries()) {
    const [id, value] = pair.items ?? []
    const edit = id && edits.get(regId(BigInt(textOf(bytes, id))))
    if (!edit || !value) isFirst = false
    else if (edit.value) {
      replacements.push({ start: value.start, end: value.end, text: JSON.stringify(showValue(edit.id, edit.value)) })
      isFirst = false
    } else {
      // The comma that goes with it is the one before, unless nothing stands before.
      const [before, behind] = [pairs[i - 1], pairs[i + 1]]
      if (!isFirst && before) replacements.push({ start: before.end, end: pair.end, text: '' })
      else replacements.push({ start: pair.start, end: behind?.start ?? pair.end, text: '' })
    }
  }
  return replacements
}

/** The content of a JSON text. */
const textOf = (bytes: Uint8Array, { start, end }: JsonSpan): string => String(JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))))
