// Owns `diff`: two files of any formats, compared by vCPU, register and field, devices and memory. model/diff compares; here values become text,
// and secrets stay secret. Prints nothing.

import { showPsciVersion } from '../arch/psci.ts'
import { type RegId, regBytes, showRegId } from '../arch/reg-id.ts'
import { isSecret } from '../arch/secrets.ts'
import { SnapError } from '../errors.ts'
import type { Change, ChangeKind, RegisterChange } from '../model/diff/change.ts'
import { diffSnapshots, type Side } from '../model/diff/diff.ts'
import type { Finding } from '../model/finding.ts'
import { bytesToBigint } from '../model/register-list.ts'
import { diffFilter, type FilterOptions } from './diff-filter.ts'
import { type Opened, withInput } from './input.ts'
import type { DiffedField, DiffedFile, DiffReport, DiffRow } from './reports.ts'
import { savedPsci } from './saved-psci.ts'
import { showValue } from './show-value.ts'
import type { Work } from './work.ts'

export interface DiffOptions extends FilterOptions, Work {
  /** Contents of guest memory: true compares all of it page by page, false none of it; absent says only whether and where it begins to differ. */
  readonly memory?: boolean
  /** Show pointer-authentication keys. */
  readonly secrets?: boolean
  /** Files with the guest's memory, of the first file and of the second, for formats that keep it apart. */
  readonly memoryFilesA?: readonly string[]
  readonly memoryFilesB?: readonly string[]
  /** The VMM release that wrote the files, for versions that stand for several layouts. */
  readonly vmmVersion?: string
}

/** Throws what opening and reading either file throws, and REG_ID_INVALID for a pattern that can match nothing. */
export async function diff(fileA: string, fileB: string, options: DiffOptions = {}): Promise<DiffReport> {
  if (fileA === '-' && fileB === '-') throw new SnapError('USAGE', 'standard input can be one of the two files, not both')
  const input = (memoryFiles: readonly string[] | undefined) => ({
    ...(options.signal ? { signal: options.signal } : {}),
    ...(memoryFiles ? { memoryFiles } : {}),
    ...(options.vmmVersion === undefined ? {} : { vmmVersion: options.vmmVersion }),
  })
  return withInput(fileA, input(options.memoryFilesA), a => withInput(fileB, input(options.memoryFilesB), b => compare(a, b, options)))
}

async function compare(openedA: Opened, openedB: Opened, options: DiffOptions): Promise<DiffReport> {
  const [fileA, fileB] = [await diffedFile(openedA), await diffedFile(openedB)]
  const [a, b] = [sideOf(openedA, 'a'), sideOf(openedB, 'b')]
  const filter = diffFilter(options, a.snapshot, b.snapshot)
  const { changes, findings } = diffSnapshots(a, b)
  const memory = await diffMemories(a, b, options)
  const shown: DiffRow[] = []
  const ignored = new Map<string, number>()
  const counts: Record<ChangeKind, number> = { register: 0, mpState: 0, device: 0, memory: 0, vm: 0 }
  for (const change of [...changes, ...memory.changes]) {
    const verdict = filter.judge(change)
    if (verdict === 'ignored') ignored.set(change.name, (ignored.get(change.name) ?? 0) + 1)
    if (verdict !== 'shown') continue
    counts[change.kind]++
    shown.push(await rowOf(change, options.secrets ?? false))
  }
  return {
    equal: shown.length === 0,
    a: fileA,
    b: fileB,
    counts,
    changes: shown,
    ignoring: filter.ignoring,
    ignored: [...ignored].map(([name, count]) => ({ name, changes: count })),
    ...(memory.contents ? { memory: memory.contents } : {}),
    findings: [...findings, ...memory.findings],
  }
}

const sideOf = ({ format, snapshot }: Opened, name: string): Side => ({ name, format: format.id, snapshot })

async function diffedFile({ format, snapshot, extent }: Opened): Promise<DiffedFile> {
  const psci = savedPsci(snapshot)
  return {
    file: (await extent()).name,
    format: format.id,
    ...(format.version === undefined ? {} : { version: String(format.version) }),
    origin: snapshot.origin,
    psci: psci === undefined ? null : showPsciVersion(psci),
  }
}

async function diffMemories(
  a: Side,
  b: Side,
  options: DiffOptions,
): Promise<{ readonly changes: readonly Change[]; readonly contents?: DiffReport['memory']; readonly findings: readonly Finding[] }> {
  const note = (code: string, message: string, hint?: string): Finding => ({ severity: 'info', code, message, ...(hint === undefined ? {} : { hint }) })
  const [x, y] = [a.snapshot.memory, b.snapshot.memory]
  const across = a.format !== b.format
  if (across && (x.length === 0) !== (y.length === 0))
    return { changes: [], findings: [note('not-compared', `not compared, for only ${x.length === 0 ? b.name : a.name} has it: guest memory`)] }
  const { diffMaps } = await import('../model/diff/memory-map.ts')
  const map = diffMaps(x, y, !across)
  if (x.length === 0 || y.length === 0) return { changes: map, findings: [] }
  if (options.memory === false) return { changes: map, findings: [note('memory-not-compared', 'the contents of guest memory were not compared')] }
  const { diffMemory, MOST_RANGES } = await import('../model/diff/memory.ts')
  const found = await diffMemory(x, y, {
    first: options.memory !== true,
    ...(options.signal ? { signal: options.signal } : {}),
    progress: (done, total) => options.progress?.({ label: 'comparing memory', done, total, unit: 'bytes' }),
  })
  if (!found)
    return {
      changes: map,
      findings: [{ severity: 'warning', code: 'memory-overlaps', message: 'memory regions overlap, so their contents were not compared' }],
    }
  if (options.memory !== true) return { changes: [...map, ...firstOf(found.changes)], findings: [] }
  const { changes, ...contents } = found
  const findings = found.ranges > changes.length ? [note('ranges-cut', `${found.ranges} ranges of memory differ; the first ${MOST_RANGES} are listed`)] : []
  return { changes: [...map, ...changes], contents, findings }
}

/** One change for all contents: where they begin to differ. */
function firstOf([first]: readonly Change[]): readonly Change[] {
  if (first?.kind !== 'memory') return []
  const at = first.name.replace(/-.*/, '')
  return [{ kind: 'memory', name: 'contents', before: `${first.before} at ${at}`, after: `${first.after} at ${at}` }]
}

async function rowOf(change: Change, secrets: boolean): Promise<DiffRow> {
  if (change.kind !== 'register') return change
  const { kind, vcpu, id, name, before, after } = change
  const fields = secrets || !isSecret(id) ? await fieldsOf(change) : []
  return {
    kind,
    vcpu,
    id: showRegId(id),
    name,
    ...(before ? { before: showValue(id, before, secrets) } : {}),
    ...(after ? { after: showValue(id, after, secrets) } : {}),
    ...(fields.length > 0 ? { fields } : {}),
  }
}

async function fieldsOf({ id, before, after }: RegisterChange): Promise<readonly DiffedField[]> {
  if (!before || !after || regBytes(id) > 8) return []
  const { diffFields } = await import('../arch/fields/fields.ts')
  return diffFields(id as RegId, bytesToBigint(before), bytesToBigint(after)).map(field => ({
    ...field,
    before: `0x${field.before.toString(16)}`,
    after: `0x${field.after.toString(16)}`,
  }))
}
