// Owns putting a walked stream together as a Snapshot, with what the format cannot hold as findings. Judges nothing.
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { sveVlsId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerValue } from '../../../model/register-list.ts'
import type { DeviceSnapshot, Gic, Origin, Snapshot, StopReason, VcpuSnapshot, VmState } from '../../../model/snapshot.ts'
import type { Source } from '../../source/source.ts'
import { type Accelerator, acceleratorOf, importCpu, savedIds } from './cpu.ts'
import { CPU_VERSION } from './cpu-layout.ts'
import { gicV2State, gicV3State, itsState } from './gic-state.ts'
import type { Decoded } from './layout.ts'
import type { RamIndex } from './ram-index.ts'
import { placeMemory } from './ram-regions.ts'
import type { QemuStream, Section } from './stream.ts'
import { guessVersion } from './version.ts'
import { corrupt } from './window.ts'

/** CNTFRQ_EL0, which TCG lists and KVM does not. */
const CNTFRQ = 0x6030_0000_0013_df00n

export interface Pieced {
  readonly snapshot: Snapshot
  readonly findings: readonly Finding[]
  readonly accelerator?: Accelerator
}

/** What a container adds: libvirt's domain XML names CPU model and accelerator. */
export interface Surroundings {
  readonly origin?: Origin
  readonly accelerator?: Accelerator
  readonly devices?: readonly DeviceSnapshot[]
  readonly findings?: readonly Finding[]
}

/** Throws FORMAT_FOREIGN for a machine that is not arm64, INPUT_CORRUPT, FORMAT_TOO_NEW. */
export async function toSnapshot(source: Source, stream: QemuStream, index: RamIndex, around: Surroundings, signal?: AbortSignal): Promise<Pieced> {
  const cpus = stream.sections.filter(section => section.name === 'cpu').toSorted((a, b) => a.instance - b.instance)
  requireArm(source, stream, cpus)
  const findings: Finding[] = [...stream.findings, ...(around.findings ?? [])]
  const lists = cpus.map(section => (section.decoded ? savedIds(section.decoded) : []))
  const accelerator = acceleratorOf(lists.flat()) ?? (stream.blocks.some(({ name }) => name === 'pvtime') ? 'kvm' : around.accelerator)
  const vcpus: VcpuSnapshot[] = []
  const devices: DeviceSnapshot[] = [machineDevice(stream), ...(around.devices ?? [])]
  for (const section of cpus) {
    if (!section.decoded) throw corrupt(source, `the state of vCPU ${section.instance} does not decode`, section.offset)
    if (vcpus.at(-1)?.index === section.instance) throw corrupt(source, `vCPU ${section.instance} is saved twice`, section.offset)
    const { vcpu, rest, findings: own } = importCpu(section.decoded, section.instance, accelerator ?? 'kvm', { file: source.name, offset: section.offset })
    vcpus.push(vcpu)
    findings.push(...own)
    devices.push({ name: `cpu.${section.instance}`, kind: 'qemu-cpu', state: rest })
    if (section.unknownFrom !== undefined)
      findings.push({
        severity: 'warning',
        code: 'section-not-decoded',
        vcpu: section.instance,
        message: `vCPU ${section.instance} has state from ${JSON.stringify(section.unknownFrom)} on that this release does not know`,
      })
  }
  const placed = await placeMemory(source, stream, index, signal)
  const others = stream.sections.filter(section => section.name !== 'cpu')
  const namesakes = new Map<string, number>()
  for (const { name } of others) namesakes.set(name, (namesakes.get(name) ?? 0) + 1)
  devices.push(...others.map(section => deviceOf(section, namesakes, vcpus.length)), ...placed.devices)
  findings.push(...placed.findings, ...streamFindings(stream, accelerator, others), ...descriptionFindings(stream, cpus))
  const version = guessVersion(stream)
  findings.push({
    severity: 'info',
    code: 'vmm-version',
    message: `written by QEMU ${versions(version)}${version.why.length > 0 ? ` (${version.why.join('; ')})` : ''}`,
  })
  const frequency = vcpus.map(vcpu => registerValue(vcpu.registers, CNTFRQ)).find(value => value !== undefined)
  const vm: VmState = frequency !== undefined && frequency > 0n && frequency < 1n << 32n ? { counterFrequency: Number(frequency) } : {}
  const machine = stream.configuration?.machine
  const how = accelerator === undefined ? '' : `, ${accelerator.toUpperCase()}`
  const snapshot: Snapshot = {
    origin: { ...around.origin, vmm: `QEMU ${versions(version)}${how}${machine === undefined ? '' : `, machine ${machine}`}` },
    gic: gicOf(stream),
    stop: stopOf(stream),
    vm,
    vcpus,
    devices,
    memory: placed.memory,
  }
  return { snapshot, findings, ...(accelerator === undefined ? {} : { accelerator }) }
}

const versions = ({ from, to }: { readonly from: string; readonly to: string }): string => (from === to ? from : `${from} to ${to}`)

function requireArm(source: Source, stream: QemuStream, cpus: readonly Section[]): void {
  const machine = stream.configuration?.machine ?? ''
  const foreign = /^(pc|q35|microvm|isapc|xen|spapr|pseries|s390|powernv|malta|hppa|sun4|nitro)/.test(machine) || cpus.some(cpu => cpu.version < CPU_VERSION)
  if (foreign)
    throw new SnapError(
      'FORMAT_FOREIGN',
      `${source.name} is a QEMU stream of machine ${JSON.stringify(machine)}, which is no arm64 machine`,
      { file: source.name },
      { hint: 'psci-snap reads saved arm64 guests only' },
    )
  const newer = cpus.find(cpu => cpu.version > CPU_VERSION)
  if (newer)
    throw new SnapError('FORMAT_TOO_NEW', `${source.name} holds vCPUs of version ${newer.version}; this release reads version ${CPU_VERSION}`, {
      file: source.name,
      offset: newer.offset,
    })
}

function machineDevice({ configuration, pageSize, blocks }: QemuStream): DeviceSnapshot {
  const { machine, capabilities, uuid } = configuration ?? {}
  const state = { machine, capabilities, uuid, pageSize, ramBlocks: blocks.map(({ name, size }) => ({ name, size })) }
  return { name: 'configuration', kind: 'qemu-configuration', state: Object.fromEntries(Object.entries(state).filter(([, value]) => value !== undefined)) }
}

/** Names are unique: where several sections share one, the instance follows it. */
function deviceOf(section: Section, namesakes: ReadonlyMap<string, number>, vcpus: number): DeviceSnapshot {
  const { name, instance, version, decoded, bytes } = section
  const own = (namesakes.get(name) ?? 0) > 1 ? `${name}.${instance}` : name
  if (!decoded) return { name: own, kind: name, state: { version, bytes } }
  switch (name) {
    case 'arm_gic':
      return { name: own, kind: 'gic-v2', state: gicV2State(decoded, vcpus) }
    case 'arm_gicv3':
      return { name: own, kind: 'gic-v3', state: gicV3State(decoded) }
    case 'arm_gicv3_its':
      return { name: own, kind: 'gic-its', state: itsState(decoded) }
    default:
      return { name: own, kind: name, state: { version, ...decoded } }
  }
}

function gicOf(stream: QemuStream): Gic {
  if (stream.sections.some(({ name }) => name === 'arm_gicv3')) return 'v3'
  return stream.sections.some(({ name }) => name === 'arm_gic') ? 'v2' : 'none'
}

/** The run state, when the stream has one. Source: migration/global_state.c; facts/qemu-stream.md §6. */
function runstate(stream: QemuStream): string | undefined {
  const decoded: Decoded | undefined = stream.sections.find(({ name }) => name === 'globalstate')?.decoded
  if (!(decoded?.runstate instanceof Uint8Array)) return undefined
  const text = Buffer.from(decoded.runstate).toString('latin1')
  const end = text.indexOf('\0')
  return text.slice(0, end < 0 ? 32 : Math.min(end, 32))
}

function stopOf(stream: QemuStream): StopReason {
  switch (runstate(stream)) {
    case 'shutdown':
      return 'off'
    case 'suspended':
      return 'suspended'
    default:
      return 'running'
  }
}

function streamFindings(stream: QemuStream, accelerator: Accelerator | undefined, others: readonly Section[]): readonly Finding[] {
  const hasSve = stream.sections.some(section => section.marks.has('cpu/sve'))
  const findings: Finding[] = []
  const state = runstate(stream)
  if (state !== undefined && !/^[\x20-\x7e]*$/.test(state))
    findings.push({ severity: 'warning', code: 'run-state-unreadable', message: 'the saved run state is no text' })
  else if (state === 'prelaunch') findings.push({ severity: 'info', code: 'never-run', message: 'the guest was saved before it ran (run state prelaunch, -S)' })
  if (accelerator === 'tcg')
    findings.push({
      severity: 'info',
      code: 'saved-by-tcg',
      message: 'saved by QEMU without KVM (TCG): it has no firmware registers, so no PSCI version; a guest gets PSCI 0.2 from QEMU 5.2, 1.1 from 7.2 on',
    })
  if (accelerator === undefined)
    findings.push({ severity: 'info', code: 'accelerator-unknown', message: 'nothing in the file tells whether KVM or TCG ran the guest' })
  if (hasSve)
    findings.push({
      severity: 'warning',
      code: 'sve-lengths-not-saved',
      register: registerName(sveVlsId),
      message: 'QEMU does not save which vector lengths a vCPU has: the command line of the destination says so',
    })
  findings.push({ severity: 'info', code: 'features-not-saved', message: 'QEMU does not save vCPU features; they are inferred from the register list' })
  const raw = others.filter(section => !section.decoded).map(section => section.name)
  if (raw.length > 0)
    findings.push({
      severity: 'info',
      code: 'section-not-decoded',
      message: `${stream.vmdesc ? 'their description does not fit' : 'the stream has no description'}, so these sections stay bytes: ${[...new Set(raw)].join(', ')}`,
    })
  return findings
}

/** The description is not used on load, so one that lies does no harm; who edits a stream may have left it behind. */
function descriptionFindings(stream: QemuStream, cpus: readonly Section[]): readonly Finding[] {
  const described = new Map(stream.vmdesc?.devices.flatMap(device => (device.name === 'cpu' ? [[device.instance, device] as const] : [])))
  return cpus.flatMap(({ instance, decoded }) => {
    const count = described.get(instance)?.layout.fields.find(field => field.name === 'cpreg_vmstate_indexes')?.count
    const real = decoded ? savedIds(decoded).length : 0
    if (typeof count !== 'number' || count === real) return []
    const message = `the description says that vCPU ${instance} has ${count} registers, and it has ${real}: the stream was edited`
    return [{ severity: 'warning', code: 'description-differs', vcpu: instance, message } as const]
  })
}
