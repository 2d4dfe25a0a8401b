// Owns keeping the description true when a register list changes its length: the numbers are replaced in the text, nothing else of it is touched.
import { SnapError } from '../../../errors.ts'
import type { Source } from '../../source/source.ts'
import type { Vmdesc } from './vmdesc.ts'

const ARRAYS = new Set(['cpreg_vmstate_indexes', 'cpreg_vmstate_values'])
const RECORD_HEAD = 5

/** The whole record (type, length, JSON) with the new counts by vCPU. Throws FORMAT_UNWRITABLE when the description has no count to replace. */
export function describedCounts(source: Source, vmdesc: Vmdesc, counts: ReadonlyMap<number, number>): Uint8Array {
  const spans = findCounts(vmdesc.text)
  const edits: { readonly start: number; readonly end: number; readonly text: string }[] = []
  for (const [instance, count] of counts) {
    const own = spans.filter(span => span.instance === instance)
    // A list of one register, or of none, is described without a count.
    if (own.length !== ARRAYS.size || count < 2)
      throw new SnapError('FORMAT_UNWRITABLE', `the description in ${source.name} has no place for ${count} registers of vCPU ${instance}`, {
        file: source.name,
        offset: vmdesc.offset,
        vcpu: instance,
      })
    for (const { start, end } of own) edits.push({ start, end, text: String(count) })
  }
  let text = ''
  let at = 0
  for (const edit of edits.sort((a, b) => a.start - b.start)) {
    text += vmdesc.text.slice(at, edit.start) + edit.text
    at = edit.end
  }
  // latin1 both ways: each character of the text is one byte of the file
  const json = Buffer.from(text + vmdesc.text.slice(at), 'latin1')
  const record = new Uint8Array(RECORD_HEAD + json.length)
  record[0] = 0x06
  new DataView(record.buffer).setUint32(1, json.length)
  record.set(json, RECORD_HEAD)
  return record
}

interface Span {
  readonly instance: number
  /** Of the digits of array_len, in the text. */
  readonly start: number
  readonly end: number
}

/** An object of the description while it is read. */
interface Level {
  readonly isObject: boolean
  name?: string
  instance?: number
  count?: { readonly start: number; readonly end: number }
}

/** The places of array_len in the fields of the "cpu" devices: `devices[] . fields[] . array_len`. The text has been through JSON.parse. */
function findCounts(text: string): readonly Span[] {
  const levels: Level[] = []
  const pending: { readonly name: string; readonly start: number; readonly end: number }[] = []
  const spans: Span[] = []
  const token = /"([^"\\]*(?:\\.[^"\\]*)*)"|-?\d+|[{}[\],:]|true|false|null/g
  let key: string | undefined
  let last: string | undefined
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [what, string] = match
    const top = levels.at(-1)
    if (what === '{' || what === '[') {
      levels.push({ isObject: what === '{' })
      key = undefined
    } else if (what === '}' || what === ']') {
      const done = levels.pop()
      // top level { devices [ device { fields [ field {
      if (what === '}' && levels.length === 4 && done?.count && done.name !== undefined && ARRAYS.has(done.name))
        pending.push({ name: done.name, ...done.count })
      if (what === '}' && levels.length === 2) {
        if (done?.name === 'cpu' && done.instance !== undefined) for (const { start, end } of pending) spans.push({ instance: done.instance, start, end })
        pending.length = 0
      }
      key = undefined
    } else if (what === ':') key = last
    else if (what === ',') key = undefined
    else if (top?.isObject && key !== undefined) {
      if (key === 'name' && string !== undefined) top.name = string
      else if (key === 'instance_id') top.instance = Number(what)
      else if (key === 'array_len') top.count = { start: match.index, end: match.index + what.length }
    } else last = string
  }
  return spans
}
