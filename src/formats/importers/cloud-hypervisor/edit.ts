// Owns writing state.json again with other registers: in its text, so that everything else stays byte for byte. A vCPU's state is JSON inside the
// JSON; only that of vCPUs that change is written anew, in the form that it had.
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { COPROC, regBytes, regCoproc, regIndex } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { bytesToBigint } from '../../../model/register-list.ts'
import { readAll } from '../../source/source.ts'
import type { Editor, RegisterEdit } from '../editor.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { type JsonSpan, jsonSpans } from '../reglist/json-spans.ts'
import { readCloudHypervisor } from './read.ts'

const NOTE: Finding = {
  severity: 'info',
  code: 'part-of-folder',
  message: 'what was written is a state.json',
  hint: 'put it into a copy of the folder, beside config.json and memory-ranges, which stay as they are',
}

export const cloudHypervisorEditor: Editor = {
  async edit(source, edits, sink) {
    await readCloudHypervisor(source) // strict; from here on the text has the shape of a snapshot
    const bytes = await readAll(source, VMM_LIMITS.stateBytes, 'state.json of Cloud Hypervisor')
    const vcpus = member(jsonSpans(bytes), 'snapshots', 'cpu-manager', 'snapshots')?.entries ?? new Map<string, JsonSpan>()
    const replacements = [...vcpus].flatMap(([key, node]) => {
      const own = edits.filter(({ vcpu }) => vcpu === Number(key))
      return own.length === 0 ? [] : [dataReplacement(bytes, node, own)]
    })
    for (const part of replaced(bytes, replacements)) await sink.write(part)
    return [NOTE]
  },
}

/** Bytes of a text in place of [start, end). */
interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

function member(span: JsonSpan | undefined, ...keys: readonly string[]): JsonSpan | undefined {
  return keys.reduce<JsonSpan | undefined>((inner, key) => inner?.entries?.get(key), span)
}

function replaced(bytes: Uint8Array, replacements: readonly Replacement[]): readonly Uint8Array[] {
  const parts: Uint8Array[] = []
  let at = 0
  for (const { start, end, text } of [...replacements].sort((a, b) => a.start - b.start)) {
    parts.push(bytes.subarray(at, start), new TextEncoder().encode(text))
    at = end
  }
  return [...parts, bytes.subarray(at)]
}

function dataReplacement(bytes: Uint8Array, node: JsonSpan, edits: readonly RegisterEdit[]): Replacement {
  const data = member(node, 'snapshot_data')
  const section = data?.entries && !data.entries.has('state') ? [...data.entries.values()][0]?.entries?.get('snapshot') : undefined
  const stored = section ?? (data?.items ? data : member(data, 'state'))
  if (!stored) throw new Error('the file was read: its vCPUs have data')
  const written = JSON.parse(textOf(bytes, stored)) as string | readonly number[]
  const inner = typeof written === 'string' ? new TextEncoder().encode(written) : Uint8Array.from(written)
  const edited = Buffer.concat(replaced(inner, stateReplacements(inner, edits)))
  return { ...stored, text: typeof written === 'string' ? JSON.stringify(edited.toString()) : `[${edited.join(',')}]` }
}

function stateReplacements(inner: Uint8Array, edits: readonly RegisterEdit[]): readonly Replacement[] {
  const top = jsonSpans(inner)
  const state = member(top, 'Kvm') ?? top
  const core = member(state, 'core_regs')
  const all: Replacement[] = []
  const listed = new Map(edits.filter(({ id }) => regCoproc(id) !== COPROC.core).map(edit => [edit.id as bigint, edit]))
  for (const edit of edits) if (!listed.has(edit.id)) all.push(...coreReplacements(core, edit))
  for (const key of ['pre_finalize_regs', 'sys_regs', 'extended_regs']) all.push(...listReplacements(inner, member(state, key)?.items ?? [], listed))
  return all
}

/** A register in struct kvm_regs: bytes of a list, or a number of its own. */
function coreReplacements(core: JsonSpan | undefined, { id, value }: RegisterEdit): readonly Replacement[] {
  if (!value)
    throw new SnapError(
      'FORMAT_UNWRITABLE',
      `Cloud Hypervisor keeps ${registerName(id)} in a struct that has a place for every core register: it cannot be taken out`,
    )
  const offset = 4 * regIndex(id)
  if (core?.items) return bytesReplacements(core.items.slice(offset, offset + regBytes(id)), value)
  const field = coreField(core, offset)
  return field ? [{ ...field, text: String(bytesToBigint(value)) }] : []
}

function coreField(core: JsonSpan | undefined, offset: number): JsonSpan | undefined {
  if (offset < 248) return member(core, 'regs', 'regs')?.items?.[offset / 8]
  if (offset < 272) return member(core, 'regs', ['sp', 'pc', 'pstate'][(offset - 248) / 8] ?? '')
  if (offset < 288) return member(core, offset === 272 ? 'sp_el1' : 'elr_el1')
  if (offset < 336) return member(core, 'spsr')?.items?.[(offset - 288) / 8]
  if (offset < 848) return member(core, 'fp_regs', 'vregs')?.items?.[(offset - 336) / 16]
  return member(core, 'fp_regs', offset === 848 ? 'fpsr' : 'fpcr')
}

function listReplacements(inner: Uint8Array, items: readonly JsonSpan[], edits: ReadonlyMap<bigint, RegisterEdit>): readonly Replacement[] {
  const all: Replacement[] = []
  let isFirst = true // of those that stay
  for (const [i, item] of items.entries()) {
    const edit = edits.get(idOf(inner, item))
    if (edit && !edit.value) {
      // The comma that goes with it is the one before, unless nothing stands before.
      const [before, behind] = [items[i - 1], items[i + 1]]
      if (!isFirst && before) all.push({ start: before.end, end: item.end, text: '' })
      else all.push({ start: item.start, end: behind?.start ?? item.end, text: '' })
      continue
    }
    isFirst = false
    if (!edit?.value) continue
    const number = member(item, 'addr')
    if (number) all.push({ ...number, text: String(bytesToBigint(edit.value)) })
    else all.push(...bytesReplacements(member(item, 'data')?.items ?? item.items?.slice(8, 8 + edit.value.length) ?? [], edit.value))
  }
  return all
}

function idOf(inner: Uint8Array, item: JsonSpan): bigint {
  const id = member(item, 'id')
  if (id) return BigInt(textOf(inner, id))
  return bytesToBigint(Uint8Array.from((item.items ?? []).slice(0, 8), byte => Number(textOf(inner, byte))))
}

const bytesReplacements = (items: readonly JsonSpan[], value: Uint8Array): readonly Replacement[] =>
  items.map((item, i) => ({ ...item, text: String(value[i]) }))

const textOf = (bytes: Uint8Array, { start, end }: JsonSpan): string => new TextDecoder().decode(bytes.subarray(start, end))
