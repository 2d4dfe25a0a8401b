// Owns `inspect`: what a file of any known format holds, in words. Judges nothing; verify.ts does. Prints nothing.
import { registerName } from '../arch/catalogue/catalogue.ts'
import { matchRegisters } from '../arch/catalogue/match.ts'
import { showPsciVersion } from '../arch/psci.ts'
import { COPROC, type RegId, regBytes, regCoproc, showRegId } from '../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import { SnapError } from '../errors.ts'
import { consistencyFindings } from '../model/consistency.ts'
import { bytesToBigint, type RegisterList, registerAt, registerValue } from '../model/register-list.ts'
import type { MemoryRegion, VcpuSnapshot } from '../model/snapshot.ts'
import { type InputOptions, withInput } from './input.ts'
import type { InspectedRegister, InspectedVcpu, InspectReport } from './reports.ts'
import { savedPsci } from './saved-psci.ts'
import { showValue } from './show-value.ts'

export interface InspectOptions extends InputOptions {
  /** All registers that match this name, id or glob; absent: only those that identify the guest. */
  readonly registers?: string
  /** With the fields of each register. */
  readonly fields?: boolean
  /** Only this vCPU. */
  readonly vcpu?: number
  /** Show pointer-authentication keys. */
  readonly secrets?: boolean
  /** Hash the file, and count memory where the format does not say how much is there: both read all of it. */
  readonly full?: boolean
}

const CORE = 0x6030_0000_0010_0000n
const PC = CORE + 0x40n
const PSTATE = CORE + 0x42n
/** MIDR_EL1, MPIDR_EL1 and the firmware registers say who a vCPU is. */
const IDENTIFYING: ReadonlySet<bigint> = new Set([0x6030_0000_0013_c000n, 0x6030_0000_0013_c005n])

/** Throws what opening and reading the file throws, and REG_ID_INVALID for a pattern that means nothing. */
export async function inspect(file: string, options: InspectOptions = {}): Promise<InspectReport> {
  return withInput(file, options, async ({ extent, format, snapshot, findings, sha256 }) => {
    const shown = snapshot.vcpus.filter(vcpu => options.vcpu === undefined || vcpu.index === options.vcpu)
    if (options.vcpu !== undefined && shown.length === 0)
      throw new SnapError(
        'USAGE',
        `${file} has no vCPU ${options.vcpu}`,
        { vcpu: options.vcpu },
        { hint: `it has ${snapshot.vcpus.map(vcpu => vcpu.index).join(' ') || 'none'}` },
      )
    const psci = savedPsci(snapshot)
    const vcpus: InspectedVcpu[] = []
    for (const vcpu of shown) vcpus.push(await inspectVcpu(vcpu, options))
    const memory = []
    for (const region of snapshot.memory) memory.push(await inspectMemory(region, options))
    return {
      format: { id: format.id, ...(format.version === undefined ? {} : { version: String(format.version) }) },
      file: { ...(await extent()), ...(options.full ? { sha256: await sha256() } : {}) },
      origin: snapshot.origin,
      stop: snapshot.stop,
      gic: snapshot.gic,
      psci: { version: psci === undefined ? null : showPsciVersion(psci), perVcpu: snapshot.vcpus.map(({ registers }) => psciOf(registers)) },
      vcpus,
      devices: snapshot.devices.map(({ name, kind }) => ({ name, kind })),
      memory,
      findings: [...findings, ...consistencyFindings(snapshot)],
    }
  })
}

function psciOf(registers: RegisterList): string | null {
  const version = registerValue(registers, PSCI_VERSION_ID)
  return version === undefined ? null : showPsciVersion(version)
}

async function inspectVcpu({ index, registers, mpState, features }: VcpuSnapshot, options: InspectOptions): Promise<InspectedVcpu> {
  const value = (id: bigint): string | null => {
    const at = registers.ids.indexOf(id)
    return at < 0 ? null : showValue(id as RegId, registerAt(registers, at))
  }
  const chosen =
    options.registers === undefined ? undefined : new Set<bigint>(matchRegisters(options.registers, registers.ids as Iterable<bigint> as Iterable<RegId>))
  const rows: InspectedRegister[] = []
  for (let at = 0; at < registers.ids.length; at++) {
    const id = registers.ids[at] as RegId
    if (chosen ? !chosen.has(id) : !identifies(id)) continue
    rows.push(await inspectRegister(id, registerAt(registers, at), options))
  }
  return { index, mpState, pc: value(PC), pstate: value(PSTATE), ...(features ? { features } : {}), count: registers.ids.length, registers: rows }
}

const identifies = (id: RegId): boolean => IDENTIFYING.has(id) || regCoproc(id) === COPROC.firmware || regCoproc(id) === COPROC.firmwareBitmap

async function inspectRegister(id: RegId, bytes: Uint8Array, options: InspectOptions): Promise<InspectedRegister> {
  const row = { id: showRegId(id), name: registerName(id), value: showValue(id, bytes, options.secrets) }
  if (!options.fields || regBytes(id) > 8) return row
  const { decodeFields } = await import('../arch/fields/fields.ts')
  const fields = decodeFields(id, bytesToBigint(bytes))
  return fields.length === 0
    ? row
    : {
        ...row,
        fields: fields.map(({ name, msb, lsb, value, meaning }) => ({
          name,
          msb,
          lsb,
          value: `0x${value.toString(16)}`,
          ...(meaning === undefined ? {} : { meaning }),
        })),
      }
}

async function inspectMemory(
  { name, start, size, present, chunks }: MemoryRegion,
  { full, signal, progress }: InspectOptions,
): Promise<InspectReport['memory'][number]> {
  const row = { name, start: `0x${start.toString(16)}`, size }
  if (present !== undefined) return { ...row, present }
  if (!full) return row
  let counted = 0
  for await (const { offset, data } of chunks(signal)) {
    counted += data.length
    progress?.({ label: `reading ${name}`, done: offset + data.length, total: size, unit: 'bytes' })
  }
  return { ...row, present: counted }
}
