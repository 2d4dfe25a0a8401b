// Owns `edit --set facs.hardware_signature=…`: which bytes of a snapshot that is, in every copy that its guest can come to see. A FACS has no checksum and
// none covers it, so nothing else changes. Writes no file, prints nothing.
import { HARDWARE_SIGNATURE_AT, hardwareSignatureBytes } from '../arch/acpi/tables.ts'
import { SnapError } from '../errors.ts'
import type { Finding } from '../model/finding.ts'
import type { BytePatch } from '../model/patched-region.ts'
import { regionAt } from '../model/read-memory.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { word } from './find/acpi.ts'
import { searchAcpi } from './find/acpi-search.ts'
import type { AcpiReport } from './inspect-report.ts'
import type { TableChange } from './reports.ts'
import type { Work } from './work.ts'

/** What `--set` calls it. */
export const HARDWARE_SIGNATURE = 'facs.hardware_signature'

/** 32 bits as `0x…` or decimal, or `auto`: that of the guest's environment. Throws REG_VALUE_INVALID. */
export function parseHardwareSignature(text: string): number | 'auto' {
  const plain = text.trim().toLowerCase()
  if (plain === 'auto') return 'auto'
  const value = /^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/.test(plain) ? Number(plain) : Number.NaN
  if (!(value <= 0xffff_ffff))
    throw new SnapError(
      'REG_VALUE_INVALID',
      `the value for ${HARDWARE_SIGNATURE} is not a number of 32 bits: ${JSON.stringify(text.slice(0, 40))}`,
      { register: HARDWARE_SIGNATURE },
      { hint: `for example ${HARDWARE_SIGNATURE}=0x1a2b3c4d, or =auto for the signature of its environment` },
    )
  return value
}

export interface SignatureEdit {
  /** In the file itself. */
  readonly patches: readonly BytePatch[]
  readonly memoryFile?: MemoryFileEdit
  readonly changes: readonly TableChange[]
  readonly findings: readonly Finding[]
}

interface EditedFile {
  readonly file: string
  readonly format: string
  /** Whether the editor changes bytes of memory in the file itself. */
  readonly canWrite: boolean
}

/** Of a format that keeps memory in a file of its own: what to change in that one. */
export interface MemoryFileEdit {
  readonly file: string
  readonly patches: readonly { readonly offset: number; readonly bytes: Uint8Array }[]
}

/**
 * What to change for the hardware signature to be `wanted` in memory and in what the VMM keeps for firmware. Throws FACS_ABSENT when no table leads to a
 * FACS, FORMAT_UNWRITABLE for a format or a memory that cannot be written, and what reading memory throws.
 */
export async function setHardwareSignature(snapshot: Snapshot, wanted: number | 'auto', to: EditedFile, work: Work): Promise<SignatureEdit> {
  const { file } = to
  if (!to.canWrite && snapshot.memory.length === 0)
    throw new SnapError(
      'FORMAT_UNWRITABLE',
      `${file} is in the format ${to.format}, which holds no guest memory: the FACS is not in it`,
      { file },
      { hint: 'name the file with the memory: --memory-file, and --memory-output for the one to write' },
    )
  const acpi = await searchAcpi(snapshot, work)
  const places = placesOf(snapshot, acpi)
  if (places.length === 0) throw new SnapError('FACS_ABSENT', `${file} has no FACS: ${whyNone(snapshot, acpi)}`, { file })
  const value = wanted === 'auto' ? await environmentSignature(snapshot, work) : wanted
  const changed = places.filter(({ before }) => before !== value)
  const patches = changed.map(({ patch }) => ({ ...patch, bytes: hardwareSignatureBytes(value) }))
  return {
    ...(to.canWrite ? { patches } : { patches: [], memoryFile: memoryFileEdit(snapshot, patches, places, file) }),
    changes: changed.map(({ patch, address, before }) => ({ name: HARDWARE_SIGNATURE, holder: patch.name, address, before: word(before), after: word(value) })),
    findings: [...noteOnZero(value), ...noteOnReduced(acpi)],
  }
}

/** The same patches where they stand in the file with the memory. Throws FORMAT_UNWRITABLE for memory that lies in several, as diffs do. */
function memoryFileEdit({ memory }: Snapshot, patches: readonly BytePatch[], places: readonly Place[], file: string): MemoryFileEdit {
  const stored = ({ name, start, offset }: Omit<BytePatch, 'bytes'>) =>
    memory.find(region => region.name === name && region.start === start)?.storedAt?.(offset)
  const [first] = places.map(({ patch }) => stored(patch))
  const moved = patches.map(patch => ({ at: stored(patch), bytes: patch.bytes }))
  if (!first || moved.some(({ at }) => at?.file !== first.file))
    throw new SnapError(
      'FORMAT_UNWRITABLE',
      `the memory of ${file} does not lie in one file as it is`,
      { file },
      { hint: 'merge diffs into one memory file first, or `psci-snap convert` to a psnap, which can be edited' },
    )
  return { file: first.file, patches: moved.flatMap(({ at, bytes }) => (at ? [{ offset: at.at, bytes }] : [])) }
}

interface Place {
  readonly patch: Omit<BytePatch, 'bytes'>
  readonly address: string
  readonly before: number
}

/** Each copy once, however many tables lead to it. */
function placesOf({ memory }: Snapshot, acpi: AcpiReport): readonly Place[] {
  const places = new Map<string, Place>()
  for (const { facs } of acpi.memory) {
    const region = facs && regionAt(memory, BigInt(facs.address))
    if (!facs || !region) continue
    const offset = Number(BigInt(facs.address) - region.start) + HARDWARE_SIGNATURE_AT
    const patch = { in: 'memory', name: region.name, start: region.start, offset } as const
    places.set(facs.address, { patch, address: facs.address, before: Number(facs.hardwareSignature) })
  }
  for (const { device, facs } of acpi.carried)
    for (const each of facs) {
      if (!each.linked) continue
      const patch = { in: 'device', name: device, offset: Number(each.address) + HARDWARE_SIGNATURE_AT } as const
      places.set(`${device} ${each.address}`, { patch, address: each.address, before: Number(each.hardwareSignature) })
    }
  return [...places.values()]
}

function whyNone({ memory }: Snapshot, { memory: found, carried, candidates }: AcpiReport): string {
  const strays = [...candidates.map(({ address }) => address), ...carried.flatMap(({ device, facs }) => facs.map(({ address }) => `${address} of ${device}`))]
  if (strays.length > 0) return `what looks like one at ${strays.slice(0, 4).join(', ')} is reached from no table`
  if (found.length + carried.length > 0) return 'its ACPI tables lead to none'
  return memory.length === 0 ? 'it holds no guest memory' : 'it has no ACPI tables; its guest was booted with a device tree, or by firmware that is gone'
}

/** The same that `psci-snap signature` prints. The FACS is no part of it. */
async function environmentSignature(snapshot: Snapshot, work: Work): Promise<number> {
  const [{ environmentOfSnapshot, signatureOf }, { findTables }] = await Promise.all([
    import('./signature/environment.ts'),
    import('./signature/find-tables.ts'),
  ])
  return signatureOf(environmentOfSnapshot(snapshot, { tables: await findTables(snapshot, work) })).hardwareSignature
}

function noteOnZero(value: number): readonly Finding[] {
  if (value !== 0) return []
  return [
    {
      severity: 'warning',
      code: 'facs-zero',
      message: 'Linux saves no hardware signature of 0 with its image: a guest that hibernates with it resumes on any hardware',
    },
  ]
}

/** Source: Linux bc5b492ac305 (tables) and fbaad243b536 (arm64 compares), both of April 2024; open-acpica/acpica pull request 933. */
function noteOnReduced({ memory }: AcpiReport): readonly Finding[] {
  if (!memory.some(({ facs, hardwareReduced }) => facs && hardwareReduced)) return []
  return [
    {
      severity: 'info',
      code: 'facs-reduced',
      message: 'its FADT says hardware-reduced: arm64 kernels before Linux 6.10 do not look for a FACS then, and resume whatever it holds',
    },
  ]
}
