// Owns `inspect`: what a file of any known format holds, in words. Judges nothing; verify.ts does. Prints nothing.
import { registerName } from '../arch/catalogue/catalogue.ts'
import { matchRegisters } from '../arch/catalogue/match.ts'
import { showPsciVersion } from '../arch/psci.ts'
import { exceptionLevel, pstateParts } from '../arch/pstate.ts'
import { COPROC, PC_ID, PSTATE_ID, type RegId, regBytes, regCoproc, showRegId } from '../arch/reg-id.ts'
import { bitmapNames, PSCI_VERSION_ID, showWorkaround, WORKAROUND_IDS, workaroundLevel } from '../arch/smccc.ts'
import { SnapError } from '../errors.ts'
import { consistencyFindings } from '../model/consistency.ts'
import { type GicSummary, summarizeGic } from '../model/gic.ts'
import { gicStateOf } from '../model/gic-state-of.ts'
import { inferFeatures } from '../model/infer-features.ts'
import { bytesToBigint, type RegisterList, registerAt, registerValue } from '../model/register-list.ts'
import type { MemoryRegion, Snapshot, VcpuSnapshot } from '../model/snapshot.ts'
import type { HostCandidates } from './host-candidates.ts'
import { type InputOptions, type Opened, withInput } from './input.ts'
import { inspectBoot } from './inspect-boot.ts'
import type { AcpiReport, FoundReport, InspectedRegister, InspectedVcpu, InspectReport } from './inspect-report.ts'
import { inspectTimers } from './inspect-timers.ts'
import { type BytesWanted, memoryBytes } from './memory-bytes.ts'
import { savedPsci } from './saved-psci.ts'
import { showValue } from './show-value.ts'
import type { WalkWanted } from './walk/walk.ts'

export interface InspectOptions extends InputOptions {
  /** All registers that match this name, id or glob; absent: only those that identify the guest. */
  readonly registers?: string
  /** With the fields of each register. */
  readonly fields?: boolean
  /** Only this vCPU. */
  readonly vcpu?: number
  /** Show pointer-authentication keys. */
  readonly secrets?: boolean
  /** Hash the file however large it is, and count memory where the format does not say how much is there: both read all of it. */
  readonly full?: boolean
  /** Show these bytes of guest memory. */
  readonly memory?: BytesWanted
  /** Search guest memory for kernel banners, device trees and ACPI tables: reads all of it. */
  readonly find?: boolean
  /** Search guest memory for ACPI tables, and look at those that the VMM keeps for firmware: reads all of it. */
  readonly acpi?: boolean
  /** Show so many instructions before and after the PC of each vCPU. */
  readonly disassemble?: number
  /** Walk these through the page tables: `ADDRESS[,VCPU]`, or a register in place of the address. A vCPU that is not named is `vcpu`, or the first. */
  readonly walks?: readonly string[]
}

/** Files up to this size are hashed unasked. */
const HASHED_BYTES = 16 << 20

const MIDR = 0x6030_0000_0013_c000n
/** MIDR_EL1, MPIDR_EL1 and the firmware registers say who a vCPU is. */
const IDENTIFYING: ReadonlySet<bigint> = new Set([MIDR, 0x6030_0000_0013_c005n])

/** Throws what opening and reading the file throws, and REG_ID_INVALID for a pattern that means nothing. */
export async function inspect(file: string, options: InspectOptions = {}): Promise<InspectReport> {
  const walks = await parseWalks(options.walks)
  return withInput(file, options, async opened => {
    const { extent, format, snapshot, findings, sha256 } = opened
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
    for (const vcpu of shown) vcpus.push({ ...(await inspectVcpu(vcpu, options)), ...(await disassembly(snapshot, vcpu, options)) })
    const memory = []
    for (const region of snapshot.memory) memory.push(await inspectMemory(region, options))
    const name = await extent()
    const accelerator = acceleratorOf(opened)
    const host = snapshot.origin.build === undefined && accelerator !== 'tcg' ? await hostOf(opened) : undefined
    const interrupts = interruptsOf(snapshot)
    const { boot, findings: bootFindings } = inspectBoot(snapshot)
    return {
      format: { id: format.id, ...(format.version === undefined ? {} : { version: String(format.version) }) },
      file: { ...name, ...(options.full || name.size <= HASHED_BYTES ? { sha256: await sha256() } : {}) },
      ...(accelerator === undefined ? {} : { accelerator }),
      ...(host ? { host } : {}),
      origin: snapshot.origin,
      stop: snapshot.stop,
      gic: snapshot.gic,
      psci: { version: psci === undefined ? null : showPsciVersion(psci), perVcpu: snapshot.vcpus.map(({ registers }) => psciOf(registers)) },
      ...(accelerator === 'tcg' || snapshot.vcpus.length === 0 || snapshot.vcpus.some(vcpu => vcpu.features)
        ? {}
        : { inferredFeatures: inferFeatures(snapshot.vcpus).candidates }),
      vcpus,
      ...(interrupts ? { interrupts } : {}),
      timers: inspectTimers(snapshot),
      devices: snapshot.devices.map(({ name, kind }) => ({ name, kind })),
      ...(boot ? { boot } : {}),
      memory,
      ...(options.memory ? { bytes: await memoryBytes(snapshot, options.memory, options.signal) } : {}),
      ...(options.find ? { found: await findInMemory(snapshot, options) } : {}),
      ...(options.acpi ? { acpi: await acpiOf(snapshot, options) } : {}),
      ...(walks.length === 0 ? {} : { walks: await walked(snapshot, walks, options) }),
      findings: [...findings, ...bootFindings, ...(opened.guestless ? [] : consistencyFindings(snapshot))],
    }
  })
}

/** Firmware registers exist under KVM only. */
function acceleratorOf({ accelerator, snapshot }: Opened): 'kvm' | 'tcg' | undefined {
  if (accelerator !== undefined || snapshot.origin.build !== undefined) return accelerator // a build's guest may have run in the emulator
  return snapshot.vcpus.some(({ registers }) => registers.ids.includes(PSCI_VERSION_ID)) ? 'kvm' : undefined
}

async function hostOf({ snapshot, findings }: Opened): Promise<HostCandidates | undefined> {
  const registers = snapshot.vcpus.find(vcpu => vcpu.registers.ids.length > 0)?.registers
  if (!registers) return undefined
  const { hostCandidates } = await import('./host-candidates.ts')
  return hostCandidates(registers, { gic: snapshot.gic, lacksBitmaps: findings.some(({ code }) => code === 'format-lacks-bitmaps') })
}

function interruptsOf({ devices }: Snapshot): GicSummary | undefined {
  for (const device of devices) {
    const state = gicStateOf(device)
    if (state && (device.kind === 'gic-v2' || device.kind === 'gic-v3')) return summarizeGic(device.kind, state)
  }
  return undefined
}

async function disassembly(
  snapshot: Snapshot,
  vcpu: VcpuSnapshot,
  { disassemble, signal }: InspectOptions,
): Promise<Partial<Pick<InspectedVcpu, 'disassembly'>>> {
  if (disassemble === undefined) return {}
  const { disassembleAround } = await import('./walk/disassembly.ts')
  return { disassembly: await disassembleAround(snapshot, vcpu, disassemble, signal) }
}

/** Before the file is opened: what is mistyped is said first. */
const parseWalks = async (texts: readonly string[] = []): Promise<readonly WalkWanted[]> =>
  texts.length === 0 ? [] : texts.map((await import('./walk/walk.ts')).parseWalk)

async function walked(snapshot: Snapshot, walks: readonly WalkWanted[], { vcpu, signal }: InspectOptions): Promise<NonNullable<InspectReport['walks']>> {
  const { walkAddress } = await import('./walk/walk.ts')
  const reports = []
  for (const each of walks) reports.push(await walkAddress(snapshot, each, vcpu, signal))
  return reports
}

async function findInMemory(snapshot: Snapshot, options: InspectOptions): Promise<FoundReport> {
  const { findInGuest } = await import('./find/find.ts')
  return findInGuest(snapshot.memory, options)
}

async function acpiOf(snapshot: Snapshot, options: InspectOptions): Promise<AcpiReport> {
  const { searchAcpi } = await import('./find/acpi-search.ts')
  return searchAcpi(snapshot, options)
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
  const midr = value(MIDR)
  const pstate = registerValue(registers, PSTATE_ID)
  return {
    index,
    mpState,
    psci: psciOf(registers),
    ...(midr === null ? {} : { midr }),
    pc: value(PC_ID),
    pstate: value(PSTATE_ID),
    ...(pstate === undefined ? {} : { state: stateOf(pstate) }),
    ...(features ? { features } : {}),
    count: registers.ids.length,
    registers: rows,
  }
}

function stateOf(pstate: bigint): NonNullable<InspectedVcpu['state']> {
  const { flags, masked, others } = pstateParts(pstate)
  return { el: exceptionLevel(pstate), flags, masked, others }
}

const identifies = (id: RegId): boolean => IDENTIFYING.has(id) || regCoproc(id) === COPROC.firmware || regCoproc(id) === COPROC.firmwareBitmap

async function inspectRegister(id: RegId, bytes: Uint8Array, options: InspectOptions): Promise<InspectedRegister> {
  const meaning = firmwareMeaning(id, bytes)
  const row = {
    id: showRegId(id),
    name: registerName(id),
    value: showValue(id, bytes, options.secrets),
    ...(meaning === undefined ? {} : { meaning }),
  }
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

function firmwareMeaning(id: RegId, bytes: Uint8Array): string | undefined {
  const value = bytesToBigint(bytes)
  if (id === PSCI_VERSION_ID) return `PSCI ${showPsciVersion(value)}`
  const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)
  if (workaround !== undefined && workaroundLevel(workaround, value)) return showWorkaround(workaround, value)
  return regCoproc(id) === COPROC.firmwareBitmap ? bitmapNames(id, value).join(' ') || 'nothing' : undefined
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
