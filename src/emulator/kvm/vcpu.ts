// Owns one vCPU of the emulated KVM: its state block, its verbs, its power state and pending PSCI reset. Registers are read and written
// in register-access.ts; this file knows no guest instruction and no clock.
import { ERRNO } from '../../arch/errno.ts'
import { fieldOf } from '../../builds/id-values.ts'
import type { VcpuEvents } from '../../model/snapshot.ts'
import { VCPU_STATE_BYTES } from '../state-layout.ts'
import { KVM_CAP, MP_STATE, type PendingReset, type VcpuAbi } from './abi.ts'
import { CacheGeometry } from './cache-registers.ts'
import { checkEvents, NO_EVENTS, syndromeOf } from './events.ts'
import { holds, ID, type IdState } from './id-registers.ts'
import { checkInit } from './init-rules.ts'
import { hiddenErrno, noValueErrno, readRegister, unknownErrno, writeRegister } from './register-access.ts'
import { KIND, type RegisterPlan } from './register-plan.ts'
import { resetRegisters, startAt } from './reset.ts'
import { newSve, type SveState } from './sve.ts'
import { physicalCount, virtualCount } from './timers.ts'
import { FEATURE, shapeOf, type VcpuShape, viewOf } from './vcpu-shape.ts'
import type { Vm } from './vm.ts'

const FINALIZE_SVE = 4
const EMPTY = new BigUint64Array(0)

export class Vcpu implements VcpuAbi {
  readonly vm: Vm
  readonly index: number
  readonly plan: RegisterPlan
  features = 0
  initialised = false
  hasRun = false
  block: Uint8Array
  words: Uint32Array
  shape!: VcpuShape
  sve: SveState | undefined
  pendingReset: PendingReset | undefined
  /** The VM's ID registers, or this vCPU's own view of them where features may differ between vCPUs. */
  idState: IdState
  idWords: Uint32Array
  private mpState: number = MP_STATE.runnable
  private events: VcpuEvents = NO_EVENTS
  readonly caches: CacheGeometry
  private visible!: Uint8Array
  private list: BigUint64Array = EMPTY
  private seenEpoch = -1
  private nestedMasks: Map<number, readonly [bigint, bigint]> | undefined

  constructor(vm: Vm, index: number) {
    this.vm = vm
    this.index = index
    this.plan = vm.plan
    this.block = new Uint8Array(VCPU_STATE_BYTES)
    this.words = new Uint32Array(this.block.buffer)
    this.idState = vm
    this.caches = new CacheGeometry(this)
    this.idWords = new Uint32Array(vm.idValues.buffer)
  }

  init(features: number, target: number = this.vm.build.host.targets[0]!, word1 = 0): number {
    const others = this.vm.vcpus.filter(vcpu => vcpu !== this)
    const errno = checkInit(this.vm.build, { target, features, word1 }, this, others)
    if (errno) return errno
    const again = this.initialised
    this.features = features
    this.shape = shapeOf(this.plan, features)
    this.vm.adoptShape(this.shape)
    if (!again) this.bindIdRegisters()
    this.initialised = true
    if (!again && features & FEATURE.sve) this.sve = newSve(this.vm.build.host)
    resetRegisters(this, again)
    this.pendingReset = undefined
    this.mpState = features & FEATURE.powerOff ? MP_STATE.stopped : MP_STATE.runnable
    this.seenEpoch = -1
    return 0
  }

  finalize(what: number): number {
    if (!this.initialised) return ERRNO.ENOEXEC
    if (what !== FINALIZE_SVE || !this.sve) return ERRNO.EINVAL
    return this.sve.finalize()
  }

  regList(capacity?: number): { readonly errno: number; readonly n: number; readonly ids: BigUint64Array } {
    const errno = this.notReady()
    if (errno) return { errno, n: 0, ids: EMPTY }
    this.applyPendingReset()
    this.refresh()
    const n = this.list.length
    return capacity !== undefined && capacity < n ? { errno: ERRNO.E2BIG, n, ids: EMPTY } : { errno: 0, n, ids: this.list }
  }

  getReg(id: bigint, out: Uint8Array | undefined): number {
    const low = Number(id & 0xffff_ffffn)
    const high = Number(id >> 32n)
    const index = this.reach(low, high)
    if (index < 0) return -index
    if (!out) return ERRNO.EFAULT
    return readRegister(this, index, new DataView(out.buffer, out.byteOffset, out.byteLength), 0)
  }

  setReg(id: bigint, value: Uint8Array | undefined): number {
    const low = Number(id & 0xffff_ffffn)
    const high = Number(id >> 32n)
    const index = this.reach(low, high)
    if (index < 0) return value ? -index : noValueErrno(-index, low, high)
    if (!value) return ERRNO.EFAULT
    return writeRegister(this, index, new DataView(value.buffer, value.byteOffset, value.byteLength), 0)
  }

  get64(id: bigint): bigint | undefined {
    const out = new Uint8Array(256)
    return this.getReg(id, out) === 0 ? new DataView(out.buffer).getBigUint64(0, true) : undefined
  }

  set64(id: bigint, value: bigint): number {
    const bytes = new Uint8Array(256)
    new DataView(bytes.buffer).setBigUint64(0, value, true)
    return this.setReg(id, bytes)
  }

  getRegs(ids: BigUint64Array): { readonly bytes: Uint8Array; readonly errnos: Int32Array } {
    const halves = new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2)
    let total = 0
    for (let i = 0; i < ids.length; i++) total += 1 << ((halves[2 * i + 1]! >>> 20) & 15)
    const bytes = new Uint8Array(total)
    const errnos = new Int32Array(ids.length)
    const view = new DataView(bytes.buffer)
    for (let i = 0, at = 0; i < ids.length; i++) {
      const high = halves[2 * i + 1]!
      const index = this.reach(halves[2 * i]!, high)
      errnos[i] = index < 0 ? -index : readRegister(this, index, view, at)
      at += 1 << ((high >>> 20) & 15)
    }
    return { bytes, errnos }
  }

  setRegs(ids: BigUint64Array, bytes: Uint8Array): Int32Array {
    const halves = new Uint32Array(ids.buffer, ids.byteOffset, ids.length * 2)
    const errnos = new Int32Array(ids.length)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let i = 0, at = 0; i < ids.length; i++) {
      const high = halves[2 * i + 1]!
      const index = this.reach(halves[2 * i]!, high)
      errnos[i] = index < 0 ? -index : writeRegister(this, index, view, at)
      at += 1 << ((high >>> 20) & 15)
    }
    return errnos
  }

  offsetOf(id: bigint): number | undefined {
    const index = this.plan.sysregIndex.get(Number(id & 0xffffn))
    return index === undefined || this.plan.kind[index] === KIND.id ? undefined : this.plan.place[index]
  }

  moveTo(block: Uint8Array): void {
    block.set(this.block)
    this.rebind(block)
  }

  rebind(block: Uint8Array): void {
    this.block = block
    this.words = new Uint32Array(block.buffer, block.byteOffset, VCPU_STATE_BYTES / 4)
  }

  getMpState(): number {
    return this.mpState
  }

  setMpState(state: number): number {
    if (!this.vm.build.kernel.mpStates.includes(state)) return ERRNO.EINVAL
    this.mpState = state
    return 0
  }

  forceMpState(state: number): void {
    this.mpState = state
  }

  /** With the RAS extension KVM says that an SError has a syndrome even when none is pending (__kvm_arm_vcpu_get_events). */
  getEvents(): VcpuEvents {
    const hasRas = this.vm.checkExtension(KVM_CAP.injectSerrorEsr) > 0
    return hasRas ? { ...this.events, serrorHasEsr: true } : this.events
  }

  setEvents(events: VcpuEvents): number {
    const hasRas = fieldOf(this.vm.idRegister(BigInt(ID.aa64pfr0)), 28) !== 0
    const errno = checkEvents(events, hasRas)
    if (errno) return errno
    if (events.serrorPending) this.events = { ...events, extDabtPending: false, serrorEsr: syndromeOf(events, hasRas) }
    return 0
  }

  /** For the machine: the pending SError was delivered. */
  clearEvents(): void {
    this.events = NO_EVENTS
  }

  enterRun(): number {
    const errno = this.notReady()
    if (errno) return errno
    const refused = this.vm.firstRun()
    if (refused) return refused
    this.applyPendingReset()
    this.hasRun = true
    return 0
  }

  requestReset(reset: PendingReset): void {
    this.pendingReset = reset
    this.mpState = MP_STATE.runnable
  }

  applyPendingReset(): void {
    const reset = this.pendingReset
    if (!reset) return
    this.pendingReset = undefined
    startAt(this, reset)
  }

  virtualCount(): bigint {
    return virtualCount(this.vm)
  }

  physicalCount(): bigint {
    return physicalCount(this.vm)
  }

  /** The 64 bits at a byte offset of the block. */
  stored(at: number): bigint {
    return (BigInt(this.words[(at >> 2) + 1]!) << 32n) | BigInt(this.words[at >> 2]!)
  }

  store(at: number, value: bigint): void {
    this.words[at >> 2] = Number(value & 0xffff_ffffn)
    this.words[(at >> 2) + 1] = Number(value >> 32n)
  }

  /** CTR_EL0 as the host sanitises it, whatever userspace made of the VM's. */
  get hostCtr(): bigint {
    const index = this.plan.sysregIndex.get(ID.ctr)
    return index === undefined ? 0n : (this.shape.idLimits[this.plan.place[index]! / 8] ?? 0n)
  }

  /** RES0 and RES1 bits of system registers are enforced: a nested guest whose VM has run. */
  get isMasked(): boolean {
    return this.nestedMasks !== undefined
  }

  enforceNestedMask(at: number): void {
    const mask = this.nestedMasks?.get(at)
    if (mask) this.store(at, (this.stored(at) & ~mask[0]) | mask[1])
  }

  /** kvm_init_nv_sysregs: from the first run on, RES0 and RES1 bits of a nested guest's registers are enforced. */
  applyNestedMasks(): void {
    const { nestedMasks } = this.vm.build.host
    if (!(this.features & FEATURE.el2) || nestedMasks.size === 0) return
    this.nestedMasks = new Map()
    for (const [encoding, mask] of nestedMasks) {
      const at = this.offsetOf(BigInt(encoding))
      if (at === undefined) continue
      this.nestedMasks.set(at, mask)
      this.enforceNestedMask(at)
    }
  }

  private notReady(): number {
    if (!this.initialised) return ERRNO.ENOEXEC
    return this.sve && !this.sve.finalized ? ERRNO.EPERM : 0
  }

  /** Dense index of a register that can be touched now, or minus the errno. */
  private reach(low: number, high: number): number {
    if (!this.initialised) return -ERRNO.ENOEXEC
    if (this.pendingReset) this.applyPendingReset()
    if (this.seenEpoch !== this.idState.epoch) this.refresh()
    const index = this.plan.indexOf(low, high)
    if (index < 0) return -unknownErrno(this, low, high)
    return this.visible[index] === 1 ? index : -hiddenErrno(this, index)
  }

  /** Recomputes which registers show, after the ID registers changed. */
  private refresh(): void {
    if (this.seenEpoch === this.idState.epoch) return
    this.seenEpoch = this.idState.epoch
    let hidden = 0n
    this.shape.conditional.forEach(({ field }, i) => {
      if (!holds(this.idState, field)) hidden |= 1n << BigInt(i)
    })
    const view = viewOf(this.plan, this.shape, hidden)
    this.visible = view.visible
    this.list = view.list
  }

  private bindIdRegisters(): void {
    const { vm } = this
    this.idState = vm.idShape === this.shape || vm.build.kernel.init.sameFeatures ? vm : vm.ownView(this.shape)
    this.idWords = new Uint32Array(this.idState.idValues.buffer)
  }
}
