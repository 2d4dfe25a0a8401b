// Owns `edit`: which registers a request means, and the writing of a file in its own format with them set or taken out. The formats' editors keep
// everything else byte for byte. Prints nothing.
import { registerName, registerRow } from '../arch/catalogue/catalogue.ts'
import { matchRegisters } from '../arch/catalogue/match.ts'
import { parsePsciVersion } from '../arch/psci.ts'
import { type RegId, showRegId } from '../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import { SnapError } from '../errors.ts'
import { editorOf } from '../formats/editors.ts'
import type { RegisterEdit } from '../formats/importers/editor.ts'
import { parseValue } from '../formats/importers/reglist/value-text.ts'
import type { Finding } from '../model/finding.ts'
import { registerEntries } from '../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../model/snapshot.ts'
import { HARDWARE_SIGNATURE, type MemoryFileEdit, parseHardwareSignature, setHardwareSignature } from './hardware-signature.ts'
import { type InputOptions, withSource } from './input.ts'
import type { EditReport } from './reports.ts'
import { showValue } from './show-value.ts'
import { requireOtherFile, writeEdited, writeMemoryFile } from './write-edited.ts'

/** `register` is a name, an id or a glob; `value` is `0x…`, or `b` and bytes in hex, or for PSCI_VERSION also `1.1`. */
export type EditStep =
  | { readonly kind: 'set'; readonly register: string; readonly value: string }
  | { readonly kind: 'drop'; readonly register: string }
  | { readonly kind: 'hardware-signature'; readonly value: number | 'auto' }

export interface EditRequest extends InputOptions {
  /** Applied in order: of two that mean the same register the later one counts. */
  readonly steps: readonly EditStep[]
  /** Only this vCPU; registers that a VM has once are set on all vCPUs all the same. */
  readonly vcpu?: number
  readonly overwrite?: boolean
  /** Of a format that keeps guest memory in a file of its own: where to write that one, when something in memory is set. */
  readonly memoryOutput?: string
  /** Show pointer-authentication keys. */
  readonly secrets?: boolean
}

/** Parses `REG=VALUE`, or `facs.hardware_signature=VALUE|auto`. Throws USAGE, REG_VALUE_INVALID. */
export function parseSet(text: string): EditStep {
  const at = text.indexOf('=')
  if (at <= 0 || at === text.length - 1)
    throw new SnapError('USAGE', `"${text.slice(0, 80)}" is not REG=VALUE`, {}, { hint: 'for example --set PSCI_VERSION=1.1, or --set X0=0x1' })
  const [name, value] = [text.slice(0, at), text.slice(at + 1)]
  if (name.trim().toLowerCase() === HARDWARE_SIGNATURE) return { kind: 'hardware-signature', value: parseHardwareSignature(value) }
  if (/^facs\./i.test(name.trim()))
    throw new SnapError(
      'USAGE',
      `"${name.slice(0, 80)}" is not set`,
      {},
      { hint: `of a FACS ${HARDWARE_SIGNATURE} alone is: the rest is between firmware and guest` },
    )
  return { kind: 'set', register: name, value }
}

/**
 * Writes `input` to `output` in its own format. Throws what reading throws, FORMAT_UNWRITABLE for a format that is only read, REGISTER_ABSENT when a
 * step means no register of the file, FACS_ABSENT, REG_ID_INVALID, REG_VALUE_INVALID, OUTPUT_EXISTS, CANNOT_WRITE, and USAGE for an output that is the
 * input.
 */
export async function edit(input: string, output: string, request: EditRequest): Promise<EditReport> {
  if (request.steps.length === 0) throw new SnapError('USAGE', 'nothing to edit', {}, { hint: 'pass --set REG=VALUE or --drop REG' })
  await requireOtherFile(input, output)
  return withSource(input, request, async (source, importer, said) => {
    const editor = await editorOf(importer.id, input)
    if (source.folder) await requireOtherFile(source.name, output)
    const { snapshot, close } = await importer.read(source, request.signal, said)
    try {
      const { edits, vcpus, findings } = resolve(snapshot, input, request)
      const asked = request.steps.findLast(step => step.kind === 'hardware-signature')
      const facs =
        asked && (await setHardwareSignature(snapshot, asked.value, { file: input, format: importer.id, canWrite: editor.writesBytes === true }, request))
      const memory = memoryToWrite(facs?.memoryFile, request)
      if (edits.length + (facs?.changes.length ?? 0) === 0)
        findings.push({ severity: 'info', code: 'nothing-changed', message: 'all that was asked for has these values already' })
      const write = () => writeEdited(source, editor, edits, output, { ...request, ...(facs ? { patches: facs.patches } : {}) })
      const found = await (memory ? writeMemoryFile(memory.edit, memory.output, request, write) : write())
      return {
        input: { file: source.folder ? input : source.name, format: importer.id },
        output,
        ...(memory ? { memoryOutput: memory.output } : {}),
        vcpus,
        ...(facs ? { tables: facs.changes } : {}),
        findings: [...findings, ...(facs?.findings ?? []), ...found],
      }
    } finally {
      await close?.()
    }
  })
}

/** Throws USAGE when memory must be written and nobody said where, or the other way about. */
function memoryToWrite(
  edit: MemoryFileEdit | undefined,
  { memoryOutput }: EditRequest,
): { readonly edit: MemoryFileEdit; readonly output: string } | undefined {
  if (edit && memoryOutput !== undefined) return { edit, output: memoryOutput }
  if (edit)
    throw new SnapError(
      'USAGE',
      `the FACS is in ${edit.file}, and nothing says where to write that file`,
      { file: edit.file },
      { hint: 'pass --memory-output FILE beside --output' },
    )
  if (memoryOutput !== undefined)
    throw new SnapError('USAGE', 'there is no memory file to write', {}, { hint: 'leave --memory-output out: all that is set is in the file itself' })
  return undefined
}

interface Resolved {
  /** Only what changes something. */
  readonly edits: readonly RegisterEdit[]
  readonly vcpus: EditReport['vcpus']
  readonly findings: Finding[]
}

function resolve(snapshot: Snapshot, file: string, request: EditRequest): Resolved {
  if (request.vcpu !== undefined && !snapshot.vcpus.some(({ index }) => index === request.vcpu))
    throw new SnapError(
      'USAGE',
      `${file} has no vCPU ${request.vcpu}`,
      { file, vcpu: request.vcpu },
      { hint: `it has ${snapshot.vcpus.map(({ index }) => index).join(' ') || 'none'}` },
    )
  const wanted = new Map(snapshot.vcpus.map(({ index }) => [index, new Map<RegId, Uint8Array | undefined>()]))
  const findings: Finding[] = []
  for (const step of request.steps) {
    if (step.kind === 'hardware-signature') continue
    const ids = matchRegisters(step.register, new Set(snapshot.vcpus.flatMap(({ registers }) => [...registers.ids] as RegId[])))
    let hits = 0
    for (const id of ids) {
      const value = step.kind === 'set' ? parsedValue(id, step.value) : undefined
      const wide = request.vcpu !== undefined && step.kind === 'set' && registerRow(id)?.scope === 'vm' && snapshot.vcpus.length > 1
      for (const vcpu of snapshot.vcpus) {
        if (!vcpu.registers.ids.includes(id) || (request.vcpu !== undefined && vcpu.index !== request.vcpu && !wide)) continue
        hits++
        wanted.get(vcpu.index)?.set(id, value)
      }
      if (wide)
        findings.push({ severity: 'info', code: 'vm-wide', register: registerName(id), message: `a VM has one ${registerName(id)}: it is set on all vCPUs` })
      const without = snapshot.vcpus.filter(({ index, registers }) => (request.vcpu ?? index) === index && !registers.ids.includes(id))
      for (const { index } of without)
        findings.push({
          severity: 'warning',
          code: 'register-absent',
          vcpu: index,
          register: registerName(id),
          message: `vCPU ${index} has no ${registerName(id)}`,
        })
    }
    if (hits === 0) {
      const where = request.vcpu === undefined ? file : `vCPU ${request.vcpu} of ${file}`
      throw new SnapError('REGISTER_ABSENT', `${where} has no register that ${step.register} means`, { file, register: step.register })
    }
  }
  const edits: RegisterEdit[] = []
  const vcpus = snapshot.vcpus.flatMap(vcpu => {
    const changes = changesOf(vcpu, wanted.get(vcpu.index) ?? new Map(), edits, request.secrets ?? false)
    return changes.length === 0 ? [] : [{ index: vcpu.index, changes }]
  })
  return { edits, vcpus, findings }
}

function changesOf(
  vcpu: VcpuSnapshot,
  wanted: ReadonlyMap<RegId, Uint8Array | undefined>,
  edits: RegisterEdit[],
  secrets: boolean,
): EditReport['vcpus'][number]['changes'] {
  const changes: EditReport['vcpus'][number]['changes'][number][] = []
  const edited = new Set<RegId>()
  for (const [id, before] of registerEntries(vcpu.registers)) {
    if (!wanted.has(id)) continue
    const value = wanted.get(id)
    if (value && Buffer.compare(value, before) === 0) continue
    changes.push({
      id: showRegId(id),
      name: registerName(id),
      before: showValue(id, before, secrets),
      ...(value ? { after: showValue(id, value, secrets) } : {}),
    })
    if (!edited.has(id)) edits.push({ vcpu: vcpu.index, id, ...(value ? { value } : {}) })
    edited.add(id)
  }
  return changes
}

function parsedValue(id: RegId, text: string): Uint8Array {
  const plain = text.trim()
  const value = parseValue(id, id === PSCI_VERSION_ID && /^\d+\.\d+$/.test(plain) ? `0x${parsePsciVersion(plain).toString(16)}` : plain)
  if ('wrong' in value) throw new SnapError('REG_VALUE_INVALID', `the value for ${registerName(id)} ${value.wrong}`, { register: showRegId(id) })
  return value
}
