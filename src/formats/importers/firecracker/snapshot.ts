// Owns turning a state file into the model's snapshot, and the findings about what it holds, lacks or says twice. Knows no encoding.
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { FEATURES, type Feature, featuresOf } from '../../../arch/features.ts'
import { type RegId, sysRegId } from '../../../arch/reg-id.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerValue } from '../../../model/register-list.ts'
import type { DeviceSnapshot, MpState, Snapshot, VcpuSnapshot } from '../../../model/snapshot.ts'
import type { Imported, ReadOptions } from '../importer.ts'
import { mpStateOf } from '../kvm/mp-state.ts'
import { gicDevices } from './gic.ts'
import { guestMemory, placeRegions } from './memory.ts'
import { savedRegisters } from './registers.ts'
import { memoryRegions, type VcpuState } from './state.ts'
import { nameOf, type Vmstate } from './vmstate.ts'

/** Format id of a state file. */
export const VMSTATE_FORMAT = 'firecracker-vmstate'
const MPIDR_EL1 = sysRegId(3, 0, 0, 0, 5)
/** What RES1 and RES0 bits of MPIDR_EL1 do not say: the affinity fields. */
const AFFINITY = 0xff_00ff_ffffn
/** KVM_MP_STATE_HALTED. */
const HALTED = 3

/** Bytes of a register that the release's layout keeps, when it keeps registers in slots. */
export const slotBytesOf = ({ release }: Vmstate): number => (release.traits.registers === 'u64' ? 8 : 16)

/** The snapshot of a state file. Throws INPUT_CORRUPT when memory regions are absurd or a memory file does not fit them. */
export function vmstateSnapshot(vmstate: Vmstate, file: string, options: ReadOptions = {}): Imported {
  const { state, header, release } = vmstate
  const findings: Finding[] = [...layoutFindings(vmstate, options)]
  const vcpus = state.vcpus.map((vcpu, index) => vcpuSnapshot(vcpu, index, slotBytesOf(vmstate), findings))
  const halves = state.vcpus.reduce((sum, { regs }) => sum + savedRegisters(regs, slotBytesOf(vmstate)).cut.length, 0)
  if (halves > 0)
    findings.push({
      severity: 'error',
      code: 'vector-halves-missing',
      message: `the upper 64 bits of all ${halves} vector registers are not in the file (Firecracker before v1.1.4 loses them); they are shown as zero`,
      hint: 'what the guest had in them is lost: save it again with Firecracker v1.1.4 or later',
    })
  const gic = gicDevices(state.vm.gic)
  if (!gic.understood)
    findings.push({
      severity: 'warning',
      code: 'gic-layout-unknown',
      message: "the interrupt controller's register lists are not the ones Firecracker saves; they are kept as they are",
    })
  if (state.vm.gic.vcpus.length !== vcpus.length)
    findings.push({
      severity: 'error',
      code: 'gic-vcpu-count',
      message: `the interrupt controller has ${state.vm.gic.vcpus.length} vCPU parts, the VM ${vcpus.length} vCPUs: Firecracker refuses to restore it`,
    })
  const regions = memoryRegions(state)
  const given = options.memory ?? []
  const { memory, findings: memoryFindings } = given.length > 0 ? guestMemory(regions, given, file) : { memory: [], findings: [memoryElsewhere(vmstate, file)] }
  findings.push(...memoryFindings)
  if (vmstate.devices.length > 0)
    findings.push({
      severity: 'info',
      code: 'devices-not-read',
      message: `${vmstate.devices.length} bytes of virtio, MMIO and ACPI device state are kept as they are; they are not read`,
    })
  const snapshot: Snapshot = {
    origin: { vmm: nameOf(release) },
    gic: gic.version,
    stop: 'running',
    vm: {},
    vcpus,
    devices: [vmDevice(vmstate), ...gic.devices],
    memory,
    ...(vmstate.devices.length > 0 ? { unknown: [{ name: 'firecracker-devices', bytes: vmstate.devices }] } : {}),
  }
  return { format: { id: VMSTATE_FORMAT, version: header.version }, snapshot, findings }
}

/** What the version leaves open, and how it was settled. */
function layoutFindings({ header, release, rivals }: Vmstate, { vmmVersion }: ReadOptions): readonly Finding[] {
  if (rivals.length === 0) return []
  const others = rivals.map(nameOf).join(' and ')
  const how = vmmVersion === undefined ? `this file fits only that of ${nameOf(release)}` : `it is read as that of ${nameOf(release)}, as told`
  return [
    {
      severity: 'info',
      code: 'layout-by-trial',
      message: `snapshot version ${header.version} stands for different layouts (${nameOf(release)}; ${others}); ${how}`,
    },
  ]
}

function memoryElsewhere({ state }: Vmstate, file: string): Finding {
  const regions = placeRegions(memoryRegions(state), file)
  const shown = regions.slice(0, 8).map(({ start, size }) => `${size} bytes at 0x${start.toString(16)}`)
  const more = regions.length > 8 ? ` and ${regions.length - 8} more regions` : ''
  return {
    severity: 'info',
    code: 'memory-elsewhere',
    message: `guest memory (${shown.join(', ') || 'none'}${more}) is in a file of its own, which was not named`,
    hint: 'pass --memory-file FILE to read it',
  }
}

function vcpuSnapshot(vcpu: VcpuState, index: number, slotBytes: number, findings: Finding[]): VcpuSnapshot {
  const { list, overflown } = savedRegisters(vcpu.regs, slotBytes)
  const add = (severity: Finding['severity'], code: string, message: string, register?: RegId): void => {
    findings.push({
      severity,
      code,
      vcpu: index,
      message: `vCPU ${index}: ${message}`,
      ...(register === undefined ? {} : { register: registerName(register) }),
    })
  }
  for (const id of overflown)
    add('warning', 'value-too-wide', `the file holds more bits for ${registerName(id)} than the register has; the upper ones are ignored`, id)
  const mpidr = registerValue(list, MPIDR_EL1)
  if (mpidr !== undefined && (mpidr & AFFINITY) !== (vcpu.mpidr & AFFINITY))
    add('warning', 'mpidr-differs', `the file says MPIDR 0x${vcpu.mpidr.toString(16)} beside the registers, and 0x${mpidr.toString(16)} in them`, MPIDR_EL1)
  const init = vcpuInit(vcpu)
  const features = init && knownFeatures(init.features, add)
  return { index, registers: list, mpState: mpState(vcpu, add), ...(features ? { features } : {}) }
}

type Add = (severity: Finding['severity'], code: string, message: string) => void

function mpState({ mpState: saved }: VcpuState, add: Add): MpState {
  const value = typeof saved === 'number' ? saved : saved.length === 4 ? words(saved)[0]! : -1
  const known = mpStateOf(value)
  if (known) return known
  if (value < 0) add('error', 'mp-state-unknown', 'its mp_state has not 4 bytes; it is shown as runnable')
  else if (value === HALTED) add('warning', 'mp-state-unknown', 'its mp_state is 3 (halted), which KVM/arm64 does not have; it is shown as stopped')
  else add('error', 'mp-state-unknown', `its mp_state is ${value}, which KVM/arm64 does not have; it is shown as runnable`)
  return value === HALTED ? 'stopped' : 'runnable'
}

interface VcpuInit {
  readonly target: number
  readonly features: readonly number[]
}

/** struct kvm_vcpu_init: u32 target, u32 features[7]. */
function vcpuInit({ kvi }: VcpuState): VcpuInit | undefined {
  if (kvi === undefined) return undefined
  if (!(kvi instanceof Uint8Array)) return { target: kvi.target, features: Object.values(kvi.features) }
  const [target, ...features] = words(kvi)
  return target === undefined ? undefined : { target, features }
}

function knownFeatures([first = 0, ...rest]: readonly number[], add: Add): readonly Feature[] {
  const unknown = first & ~((1 << FEATURES.length) - 1)
  if (unknown !== 0) add('warning', 'features-unknown', `its features have bits 0x${(unknown >>> 0).toString(16)} that are not known`)
  if (rest.some(word => word !== 0))
    add('warning', 'features-unknown', `its features have bits beyond the first word: ${rest.map(word => word.toString(16)).join(' ')}`)
  return featuresOf(first)
}

function words(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, true))
}

/** What the VMM says of the VM itself, under its own names. */
function vmDevice(vmstate: Vmstate): DeviceSnapshot {
  const { vmInfo, kvm, vm, vcpus } = vmstate.state
  const capabilities = kvm ?? vm.capModifiers?.map(each => (typeof each === 'string' ? each : `${each[0] === 'Remove' ? '!' : ''}${each[1]}`))
  return {
    name: 'microvm',
    kind: 'firecracker-microvm',
    state: {
      ...vmInfo,
      memoryRegions: memoryRegions(vmstate.state),
      ...(capabilities ? { kvmCapabilities: capabilities } : {}),
      ...(vm.resourceAllocator === undefined ? {} : { resourceAllocator: vm.resourceAllocator }),
      vcpus: vcpus.map(vcpu => ({
        mpidr: vcpu.mpidr,
        ...(vcpuInit(vcpu) ? { init: vcpuInit(vcpu) } : {}),
        ...(vcpu.pvtimeIpa === undefined ? {} : { pvtimeIpa: vcpu.pvtimeIpa }),
      })),
    },
  }
}
