// Owns the machine's side of the firmware interface: the KVM store, the clock and the entropy as emulator/firmware sees them.
import { sysRegId } from '../../arch/reg-id.ts'
import type { FirmwareRules } from '../../builds/firmware-rules.ts'
import type { FirmwareVcpu, FirmwareVm } from '../firmware/firmware.ts'
import { nextEntropy } from '../firmware/trng.ts'
import { MP_STATE, type VcpuAbi, type VmAbi } from '../kvm/abi.ts'
import { VCPU_STATE } from '../state-layout.ts'
import type { Clock } from './clock.ts'

const MPIDR = sysRegId(3, 0, 0, 0, 5)
const SCTLR = sysRegId(3, 0, 1, 0, 0)
const AFFINITY = 0xff_00ff_ffffn
const EE = 1n << 25n
/** What the wall clock of a guest's PTP calls says when the machine starts: 2026-01-01, in nanoseconds. */
const EPOCH = 1_767_225_600_000_000_000n

/** The entropy that TRNG calls draw from: one number, saved. */
export interface Entropy {
  state: bigint
}

export function firmwarePort(vm: VmAbi, rules: FirmwareRules, clock: Clock, entropy: Entropy): FirmwareVm & { readonly vcpu: (index: number) => FirmwareVcpu } {
  const ports = new Map<VcpuAbi, FirmwareVcpu>()
  const portOf = (vcpu: VcpuAbi): FirmwareVcpu => {
    const known = ports.get(vcpu)
    if (known) return known
    const port = vcpuPort(vm, vcpu)
    ports.set(vcpu, port)
    return port
  }
  return {
    rules,
    get vcpus() {
      return vm.vcpus.map(portOf)
    },
    vcpu: index => portOf(vm.vcpus[index]!),
    get systemSuspend() {
      return vm.systemSuspend
    },
    bitmap: index => (vm.build.kernel.bitmaps.some(each => each.index === index) ? vm.firmwareBitmap(index) : undefined),
    filterAction: functionId => vm.smcccFilter.find(({ base, count }) => functionId >= base && functionId < base + count)?.action ?? 'handle',
    random64() {
      const { state, value } = nextEntropy(entropy.state)
      entropy.state = state
      return value
    },
    realTime: () => EPOCH + BigInt(clock.time),
  }
}

function vcpuPort(vm: VmAbi, vcpu: VcpuAbi): FirmwareVcpu {
  const registers = (): DataView => new DataView(vcpu.block.buffer, vcpu.block.byteOffset, vcpu.block.byteLength)
  return {
    index: vcpu.index,
    readX: n => registers().getBigUint64(VCPU_STATE.x + 8 * n, true),
    writeX: (n, value) => registers().setBigUint64(VCPU_STATE.x + 8 * n, value, true),
    affinity: () => (vcpu.get64(MPIDR) ?? 0n) & AFFINITY,
    stopped: () => vcpu.getMpState() === MP_STATE.stopped,
    stop: () => vcpu.forceMpState(MP_STATE.stopped),
    psciVersion: () => vm.psciVersion(vcpu),
    workaroundLevel: n => (vm.build.kernel.workarounds.includes(n) ? BigInt(vm.workaroundLevel(n)) : undefined),
    bigEndian: () => ((vcpu.get64(SCTLR) ?? 0n) & EE) !== 0n,
    powerOn: start => vcpu.requestReset(start),
    virtualCount: () => vcpu.virtualCount(),
    physicalCount: () => vcpu.physicalCount(),
  }
}
