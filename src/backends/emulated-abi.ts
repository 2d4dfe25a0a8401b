// Owns KVM's verbs (kvm-abi.ts) over a build: for tests of whatever speaks to /dev/kvm, and for a probe of a build. Time that passes in KVM_RUN is
// instructions here. Knows no rule: the emulated VM does.

import { ERRNO } from '../arch/errno.ts'
import { KVM_EXIT } from '../arch/exits.ts'
import { featureMask } from '../arch/features.ts'
import { type RegId, regBytes } from '../arch/reg-id.ts'
import type { Build } from '../builds/build.ts'
import type { VcpuAbi } from '../emulator/kvm/abi.ts'
import { Vm } from '../emulator/kvm/vm.ts'
import type { VcpuExit } from '../emulator/machine/exits.ts'
import { createMachine, type Machine } from '../emulator/machine/machine.ts'
import { SnapError } from '../errors.ts'
import type { SmcccFilterRange, VcpuEvents } from '../model/snapshot.ts'
import type { AbiExit, AbiHost, AbiVcpu, AbiVm } from './kvm-abi.ts'

const API_VERSION = 12
/** Stands for a millisecond: far more than any call of ours needs, about a tenth of what a guest that loops gets done. */
const INSTRUCTIONS_PER_MILLISECOND = 20_000
/** KVM_CAP_ARM_VM_IPA_SIZE, and what KVM_CREATE_VM takes (arch/arm64/kvm/reset.c: ARM64_MIN_PARANGE_BITS). */
const CAP_IPA_SIZE = 165
const LEAST_IPA_BITS = 32
const DEFAULT_IPA_BITS = 40
const PMU_V3 = featureMask(['pmu_v3'])
const ACTIONS = ['handle', 'deny', 'forward'] as const

/** A host that behaves like `build`. */
export function emulatedAbi(build: Build): AbiHost {
  return {
    description: build.name,
    apiVersion: () => API_VERSION,
    checkExtension: capability => build.host.capabilities.get(capability)?.[0] ?? 0,
    createVm(ipaBits = 0) {
      const most = build.host.capabilities.get(CAP_IPA_SIZE)?.[0] || DEFAULT_IPA_BITS
      if (ipaBits === 0 ? most < DEFAULT_IPA_BITS : ipaBits < LEAST_IPA_BITS || ipaBits > most)
        throw new SnapError('KERNEL_REFUSED', `KVM_CREATE_VM with ${ipaBits || DEFAULT_IPA_BITS} address bits fails with EINVAL`)
      return new EmulatedVm(build)
    },
    close: () => {},
  }
}

class EmulatedVm implements AbiVm {
  readonly #build: Build
  readonly #ram: { readonly start: bigint; readonly size: number; readonly bytes: Uint8Array }[] = []
  /** Enabled while there was no machine yet. */
  readonly #enabled: number[] = []
  #machine: Machine | undefined

  constructor(build: Build) {
    this.#build = build
  }

  /** Made when it is first needed: a machine has its memory from the start. */
  get machine(): Machine {
    if (!this.#machine) {
      this.#machine = createMachine(this.#build, { ram: this.#ram })
      for (const capability of this.#enabled) this.#machine.vm.enableCapability(capability)
    }
    return this.#machine
  }

  checkExtension(capability: number): number {
    return this.#build.host.capabilities.get(capability)?.[1] ?? 0
  }
  enableCapability(capability: number): number {
    if (this.#machine) return this.#machine.vm.enableCapability(capability)
    // Memory may still come: what a VM without vCPUs would say is asked of one that is thrown away.
    const errno = new Vm(this.#build).enableCapability(capability)
    if (errno === 0) this.#enabled.push(capability)
    return errno
  }
  preferredTarget() {
    return { errno: 0, target: this.#build.host.targets[0] ?? 0, features: [0, 0, 0, 0, 0, 0, 0] }
  }
  addMemory(start: bigint, size: number): Uint8Array {
    if (this.#machine) throw new SnapError('KERNEL_REFUSED', 'the built-in machine takes memory before its first other call')
    const bytes = new Uint8Array(size)
    this.#ram.push({ start, size, bytes })
    return bytes
  }
  refreshMemory(): void {}
  createVcpu(index: number): AbiVcpu {
    return new EmulatedVcpu(this, this.machine.vm.createVcpu(index))
  }
  createGic(version: 'v2' | 'v3'): number {
    return this.machine.vm.createGic(version)
  }
  hasSmcccFilter(): number {
    return this.machine.vm.hasSmcccFilter()
  }
  setSmcccFilter({ action, ...range }: { readonly base: number; readonly count: number; readonly action: SmcccFilterRange['action'] | number }): number {
    const named = typeof action === 'number' ? ACTIONS[action] : action
    return named === undefined ? ERRNO.EINVAL : this.machine.vm.setSmcccFilter({ ...range, action: named })
  }
  setCounterOffset(offset: bigint): number {
    return this.machine.vm.setCounterOffset(offset)
  }
  writableMasks() {
    return this.machine.vm.writableMasks()
  }
  close(): void {}

  /** Memory as the host sees it and as the machine has it: the same before the first run, then carried over around every run. */
  beforeRun(): void {
    for (const { start, bytes } of this.#ram) this.machine.memory.write(start, bytes)
  }
  afterRun(): void {
    for (const { start, size, bytes } of this.#ram) bytes.set(this.machine.memory.read(start, size))
  }
}

class EmulatedVcpu implements AbiVcpu {
  readonly index: number
  readonly #vm: EmulatedVm
  readonly #vcpu: VcpuAbi
  #hasPmu = false

  constructor(vm: EmulatedVm, vcpu: VcpuAbi) {
    this.index = vcpu.index
    this.#vm = vm
    this.#vcpu = vcpu
  }

  init(words: readonly number[], target?: number): number {
    return this.#vcpu.init(words[0] ?? 0, target, words[1])
  }
  finalize(what: number): number {
    return this.#vcpu.finalize(what)
  }
  /** As kvm_arm_pmu_v3_set_attr and kvm_arm_pmu_v3_init (arch/arm64/kvm/pmu-emul.c) say it. */
  initPmu(interrupt: number | undefined): number {
    if (!(this.#vcpu.initialised && this.#vcpu.features & PMU_V3)) return ERRNO.ENODEV
    if (this.#hasPmu) return ERRNO.EBUSY
    if ((interrupt !== undefined) !== (this.#vcpu.vm.gic !== 'none')) return interrupt === undefined ? ERRNO.ENXIO : ERRNO.EINVAL
    this.#hasPmu = true
    return 0
  }
  regList(capacity?: number) {
    return this.#vcpu.regList(capacity)
  }
  getReg(id: bigint, nullAddress = false): { readonly errno: number; readonly bytes: Uint8Array | undefined } {
    const bytes = new Uint8Array(regBytes(id as RegId))
    const errno = this.#vcpu.getReg(id, nullAddress ? undefined : bytes)
    return { errno, bytes: errno === 0 ? bytes : undefined }
  }
  setReg(id: bigint, value: Uint8Array | undefined): number {
    return this.#vcpu.setReg(id, value)
  }
  getMpState(): number {
    return this.#vcpu.getMpState()
  }
  setMpState(state: number): number {
    return this.#vcpu.setMpState(state)
  }
  getEvents(): { readonly errno: number; readonly events: VcpuEvents } {
    return { errno: 0, events: this.#vcpu.getEvents() }
  }
  setEvents(events: VcpuEvents): number {
    return this.#vcpu.setEvents(events)
  }
  run(milliseconds: number): AbiExit {
    this.#vm.beforeRun()
    const exit = this.#vm.machine.runVcpu(this.index, Math.ceil(milliseconds * INSTRUCTIONS_PER_MILLISECOND))
    this.#vm.afterRun()
    return abiExit(exit)
  }
  answerMmio(data: bigint): void {
    this.#vm.machine.supplyMmio(this.index, data)
  }
  completeExit(): number {
    const exit = this.#vm.machine.runVcpu(this.index, 0)
    return exit.kind === 'error' ? exit.errno : 0
  }
}

function abiExit(exit: VcpuExit): AbiExit {
  switch (exit.kind) {
    case 'budget':
    case 'blocked':
      return { errno: ERRNO.EINTR, reason: KVM_EXIT.INTR }
    case 'error':
      return { errno: exit.errno, reason: KVM_EXIT.UNKNOWN }
    case 'mmio': {
      const { address, size, write, data } = exit
      return { errno: 0, reason: KVM_EXIT.MMIO, mmio: { address, size, write, data } }
    }
    case 'hypercall':
      return { errno: 0, reason: KVM_EXIT.HYPERCALL, hypercall: { nr: exit.nr, flags: exit.flags } }
    case 'system-event':
      return {
        errno: 0,
        reason: KVM_EXIT.SYSTEM_EVENT,
        systemEvent: { type: exit.type, ndata: exit.ndata ?? 0, data: [0, 1, 2, 3].map(n => exit.data[n]) },
      }
    default:
      return exit satisfies never
  }
}
