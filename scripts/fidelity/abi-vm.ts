// Owns the probe's way of making a VM (recordings/src/probe.c: vm_new, setup, takesnap, do_replay), on the emulator, so that every family
// does what was done on the real kernel, in that order.
import { type RegId, regBytes, showRegId } from '../../src/arch/reg-id.ts'
import type { Build } from '../../src/builds/build.ts'
import type { Value } from '../../src/builds/recorded/recording.ts'
import type { Vcpu } from '../../src/emulator/kvm/vcpu.ts'
import { Vm } from '../../src/emulator/kvm/vm.ts'
import { bitmap, coreAt as core, fw, hex, MPIDR, PC, PSTATE, printed, sysreg, xReg } from '../../src/ops/probe/registers.ts'

export { bitmap, core, fw, hex, MPIDR, PC, PSTATE, printed, sysreg, xReg }

/** The probe's feature sets, by name. */
export interface ProbeSet {
  readonly name: string
  readonly features: number
  readonly vgic: boolean
  /** Capabilities without which the probe does not try the set. */
  readonly capabilities: readonly number[]
}
const SVE = 170
const PAUTH = 171
export const PROBE_SETS: readonly ProbeSet[] = [
  { name: 'psci02', features: 1 << 2, vgic: false, capabilities: [] },
  { name: 'psci01', features: 0, vgic: false, capabilities: [] },
  { name: 'sve', features: (1 << 2) | (1 << 4), vgic: false, capabilities: [SVE] },
  { name: 'pmu', features: (1 << 2) | (1 << 3), vgic: false, capabilities: [126] },
  { name: 'vgic3', features: 1 << 2, vgic: true, capabilities: [] },
  { name: 'pauth', features: (1 << 2) | (3 << 5), vgic: false, capabilities: [PAUTH] },
  { name: 'aarch32', features: (1 << 2) | (1 << 1), vgic: false, capabilities: [93] },
  { name: 'all', features: (1 << 2) | (1 << 3) | (1 << 4) | (3 << 5), vgic: true, capabilities: [SVE, PAUTH] },
  { name: 'el2', features: (1 << 2) | (1 << 7), vgic: true, capabilities: [240] },
]
export const probeSet = (name: string): ProbeSet => {
  const set = PROBE_SETS.find(each => each.name === name)
  if (!set) throw new Error(`the probe has no feature set ${name}`)
  return set
}

export const isTried = (build: Build, set: ProbeSet): boolean => set.capabilities.every(number => (build.host.capabilities.get(number)?.[0] ?? 0) > 0)

export const IPA = 0x4000_0000n
export const MMIO = 0x0900_0000n
/** Counters that run: TIMER_CNT, PTIMER_CNT, PMCCNTR_EL0. */
export const RUNNING: ReadonlySet<bigint> = new Set([sysreg(3, 3, 14, 3, 2), sysreg(3, 3, 14, 0, 1), sysreg(3, 3, 9, 13, 0)])

export interface Made {
  readonly vm: Vm
  readonly vcpus: readonly Vcpu[]
  readonly fail?: { readonly step: string; readonly errno: number }
}

/** KVM_CREATE_VM and `n` vCPUs, not initialised. */
export function bareVm(build: Build, n: number, before?: (vm: Vm) => void): Made {
  const vm = new Vm(build)
  before?.(vm)
  return { vm, vcpus: Array.from({ length: n }, (_, i) => vm.createVcpu(i)) }
}

/** The probe's vm_new: `n` vCPUs of a set (vCPU 1 with POWER_OFF), finalized, with a GICv3 where the set has one. */
export function newVm(build: Build, set: ProbeSet, n = 2): Made {
  const made = bareVm(build, n)
  for (const vcpu of made.vcpus) {
    const errno = vcpu.init(set.features | (vcpu.index > 0 ? 1 : 0))
    if (errno) return { ...made, fail: { step: 'VCPU_INIT', errno } }
  }
  if (set.features & (1 << 4))
    for (const vcpu of made.vcpus) {
      const errno = vcpu.finalize(4)
      if (errno) return { ...made, fail: { step: 'FINALIZE', errno } }
    }
  if (set.vgic) {
    const errno = made.vm.createGic('v3')
    if (errno) return { ...made, fail: { step: 'VGIC', errno } }
  }
  return made
}

/** The probe's first run on vCPU 0: a guest that stores once and exits; registers that a replay overwrites anyway are left alone. */
export const firstRun = (made: Made): number => made.vcpus[0]!.enterRun()

export const setReg64 = (vcpu: Vcpu, id: bigint, value: bigint): number => vcpu.set64(id, BigInt.asUintN(64, value))
/** The probe's rget64: a marker instead of an errno. */
export const getReg64 = (vcpu: Vcpu, id: bigint): bigint => vcpu.get64(id) ?? 0xbad0_bad0_bad0_bad0n
export interface Snap {
  readonly ids: BigUint64Array
  /** Printed values, or the errno of the read. */
  readonly values: readonly Value[]
}

export function takeSnap(vcpu: Vcpu): Snap {
  const { ids } = vcpu.regList()
  const { bytes, errnos } = vcpu.getRegs(ids)
  const values: Value[] = []
  for (let i = 0, at = 0; i < ids.length; i++) {
    const size = regBytes(ids[i] as RegId)
    values.push(errnos[i] ? errnos[i]! : printed(bytes.subarray(at, at + size)))
    at += size
  }
  return { ids, values }
}

export const shown = showRegId
