// Owns writing state.json again with other registers: in its text, so that everything else stays byte for byte. A vCPU's state is JSON inside the
// JSON; only that of vCPUs that change is written anew, in the form that it had.
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { COPROC, type RegId, regBytes, regCoproc, regIndex, showRegId, sveVlsId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { bytesToBigint, valueBytes } from '../../../model/register-list.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import { readAll } from '../../source/source.ts'
import type { Editor, RegisterEdit } from '../editor.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { editList, type Replacement, replaced } from '../reglist/json-list-edit.ts'
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
    const { snapshot } = await readCloudHypervisor(source) // strict; from here on the text has the shape of a snapshot
    for (const edit of edits) requirePlace(snapshot, edit)
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

/** A value must be of the register's size, and a core register is in the struct already or has no meaning there (vectors beside SVE). */
function requirePlace({ vcpus }: Snapshot, { vcpu: index, id, value }: RegisterEdit): void {
  if (!value) return
  valueBytes(id, value)
  const vcpu = vcpus.find(each => each.index === index)
  if (vcpu && regCoproc(id) === COPROC.core && !vcpu.registers.ids.includes(id)) throw noPlace(id)
}

const noPlace = (id: RegId): SnapError =>
  new SnapError(
    'FORMAT_UNWRITABLE',
    `this state of Cloud Hypervisor has no place for ${registerName(id)}`,
    { register: showRegId(id) },
    { hint: 'a psnap or a register list holds any register: `psci-snap convert`' },
  )

function member(span: JsonSpan | undefined, ...keys: readonly string[]): JsonSpan | undefined {
  return keys.reduce<JsonSpan | undefined>((inner, key) => inner?.entries?.get(key), span)
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
  const lists = LISTS.map(key => ({ key, list: member(state, key) }))
  const ids = lists.map(({ list }) => (list?.items ?? []).map(item => idOf(inner, item)))
  const had = new Set(ids.flat())
  const added = [...listed.values()].filter(({ id, value }) => value && !had.has(id))
  for (const { id } of added) if (!lists.find(({ key }) => key === listOf(id))?.list?.items?.length) throw noPlace(id)
  for (const [i, { key, list }] of lists.entries())
    if (list?.items)
      all.push(
        ...listReplacements(
          inner,
          list,
          ids[i]!,
          listed,
          added.filter(({ id }) => listOf(id) === key),
        ),
      )
  return all
}

const LISTS = ['pre_finalize_regs', 'sys_regs', 'extended_regs'] as const

/** What fits a number goes with the system registers; vector lengths are written before the vCPU is finalized. */
const listOf = (id: RegId): (typeof LISTS)[number] => (regBytes(id) <= 8 ? 'sys_regs' : id === sveVlsId ? 'pre_finalize_regs' : 'extended_regs')

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

function listReplacements(
  inner: Uint8Array,
  list: JsonSpan,
  ids: readonly bigint[],
  edits: ReadonlyMap<bigint, RegisterEdit>,
  added: readonly RegisterEdit[],
): readonly Replacement[] {
  const items = list.items ?? []
  const changed = items.flatMap((item, i) => {
    const value = edits.get(ids[i]!)?.value
    return value ? valueReplacements(item, value) : []
  })
  const isDropped = (i: number): boolean => edits.has(ids[i]!) && !edits.get(ids[i]!)?.value
  const news = added.map(({ id, value, behind }) => ({ id, text: likeItem(inner, items[0]!, id, value!), ...(behind ? { behind } : {}) }))
  return [...changed, ...editList(inner, list, ids, isDropped, news)]
}

function valueReplacements(item: JsonSpan, value: Uint8Array): readonly Replacement[] {
  const number = member(item, 'addr')
  if (number) return [{ ...number, text: String(bytesToBigint(value)) }]
  return bytesReplacements(member(item, 'data')?.items ?? item.items?.slice(8, 8 + value.length) ?? [], value)
}

/** The text of an item for another register, in the form of a neighbour: an object with a number, one with bytes, or 16 bytes. */
function likeItem(inner: Uint8Array, item: JsonSpan, id: RegId, value: Uint8Array): string {
  const idSpan = member(item, 'id')
  if (!idSpan) return `[${[...new Uint8Array(BigUint64Array.of(id, bytesToBigint(value)).buffer)].join(',')}]`
  const [addr, data] = [member(item, 'addr'), member(item, 'data')]
  const text = inner.subarray(item.start, item.end)
  const inItem = ({ start, end }: JsonSpan) => ({ start: start - item.start, end: end - item.start })
  const fields: Replacement[] = [{ ...inItem(idSpan), text: String(id) }]
  if (addr) fields.push({ ...inItem(addr), text: String(bytesToBigint(value)) })
  else if (data) fields.push({ ...inItem(data), text: `[${value.join(',')}]` })
  return Buffer.concat(replaced(text, fields)).toString()
}

function idOf(inner: Uint8Array, item: JsonSpan): bigint {
  const id = member(item, 'id')
  if (id) return BigInt(textOf(inner, id))
  return bytesToBigint(Uint8Array.from((item.items ?? []).slice(0, 8), byte => Number(textOf(inner, byte))))
}

const bytesReplacements = (items: readonly JsonSpan[], value: Uint8Array): readonly Replacement[] =>
  items.map((item, i) => ({ ...item, text: String(value[i]) }))

const textOf = (bytes: Uint8Array, { start, end }: JsonSpan): string => new TextDecoder().decode(bytes.subarray(start, end))
