// Owns where a VMM's load is done: KVM's verbs as a load needs them, synchronous, over the emulated host of a build or over a real kernel. Types, and
// the form that a real kernel's verbs take; judges nothing.
import { featureMask } from '../../arch/features.ts'
import { type RegId, regBytes } from '../../arch/reg-id.ts'
import type { AbiHost, AbiVcpu, AbiVm } from '../../backends/kvm-abi.ts'
import type { Build } from '../../builds/build.ts'
import { Vm } from '../../emulator/kvm/vm.ts'
import type { SmcccFilterRange, VcpuEvents } from '../../model/snapshot.ts'

/** Every number called an errno is 0 for success. */
export interface LoadVcpu {
  /** KVM_ARM_VCPU_INIT with the preferred target. Errno. */
  init(features: number): number
  finalize(what: number): number
  /** What a VMM does with a PMU before it writes registers; left out where that can change nothing. Errno. */
  initPmu?(): number
  regList(): { readonly errno: number; readonly ids: BigUint64Array }
  getRegs(ids: BigUint64Array): { readonly bytes: Uint8Array; readonly errnos: Int32Array }
  setRegs(ids: BigUint64Array, bytes: Uint8Array): Int32Array
  setEvents(events: VcpuEvents): number
  setMpState(state: number): number
}

export interface LoadVm {
  enableCapability(capability: number): number
  setSmcccFilter(range: SmcccFilterRange): number
  setCounterOffset(offset: bigint): number
  /** Throws KERNEL_REFUSED. */
  createVcpu(index: number): LoadVcpu
  createGic(version: 'v2' | 'v3'): number
  /** What KVM still changes when a guest's first instruction is near; on an emulated host only, where it can be had without one. Errno. */
  firstRun?(): number
  close?(): void
}

export interface LoadHost {
  /** A VM without memory, in which nothing runs. */
  newVm(): LoadVm
}

/** The emulated host of a build. */
export const loadHostOf = (build: Build): LoadHost => ({ newVm: () => new Vm(build) })

/** Behind the verbs of a real kernel. */
export const loadHostOver = (host: AbiHost): LoadHost => ({ newVm: () => new AbiLoadVm(host.createVm()) })

/** Where the PMU's overflow interrupt goes: a PPI, as every VMM has it. */
const PMU_INTERRUPT = 23
const PMU_V3 = featureMask(['pmu_v3'])

class AbiLoadVm implements LoadVm {
  readonly #vm: AbiVm
  #hasGic = false

  constructor(vm: AbiVm) {
    this.#vm = vm
  }
  enableCapability(capability: number): number {
    return this.#vm.enableCapability(capability)
  }
  setSmcccFilter(range: SmcccFilterRange): number {
    return this.#vm.setSmcccFilter(range)
  }
  setCounterOffset(offset: bigint): number {
    return this.#vm.setCounterOffset(offset)
  }
  createVcpu(index: number): LoadVcpu {
    return new AbiLoadVcpu(this.#vm.createVcpu(index), () => this.#hasGic)
  }
  createGic(version: 'v2' | 'v3'): number {
    const errno = this.#vm.createGic(version)
    this.#hasGic ||= errno === 0
    return errno
  }
  close(): void {
    this.#vm.close()
  }
}

class AbiLoadVcpu implements LoadVcpu {
  readonly #vcpu: AbiVcpu
  readonly #hasGic: () => boolean
  #features = 0

  constructor(vcpu: AbiVcpu, hasGic: () => boolean) {
    this.#vcpu = vcpu
    this.#hasGic = hasGic
  }
  init(features: number): number {
    this.#features = features
    return this.#vcpu.init([features])
  }
  finalize(what: number): number {
    return this.#vcpu.finalize(what)
  }
  initPmu(): number {
    return this.#features & PMU_V3 ? this.#vcpu.initPmu(this.#hasGic() ? PMU_INTERRUPT : undefined) : 0
  }
  regList(): { readonly errno: number; readonly ids: BigUint64Array } {
    return this.#vcpu.regList()
  }
  getRegs(ids: BigUint64Array): { readonly bytes: Uint8Array; readonly errnos: Int32Array } {
    const bytes = new Uint8Array(ids.reduce((sum, id) => sum + regBytes(id as RegId), 0))
    let at = 0
    const errnos = Int32Array.from(ids, id => {
      const { errno, bytes: value } = this.#vcpu.getReg(id)
      if (value) bytes.set(value, at)
      at += regBytes(id as RegId)
      return errno
    })
    return { bytes, errnos }
  }
  setRegs(ids: BigUint64Array, bytes: Uint8Array): Int32Array {
    let at = 0
    return Int32Array.from(ids, id => this.#vcpu.setReg(id, bytes.subarray(at, (at += regBytes(id as RegId)))))
  }
  setEvents(events: VcpuEvents): number {
    return this.#vcpu.setEvents(events)
  }
  setMpState(state: number): number {
    return this.#vcpu.setMpState(state)
  }
}
