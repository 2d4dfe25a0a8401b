// Owns a virtual machine of the emulated KVM: capabilities, VM-wide registers, its vCPUs, the in-kernel GIC's existence, the SMCCC filter.
// No clock of its own (see VmOptions.now), no guest execution, no I/O.
import { ERRNO } from '../../arch/errno.ts'
import type { Build } from '../../builds/build.ts'
import { fieldOf } from '../../builds/id-values.ts'
import { SnapError } from '../../errors.ts'
import type { Gic, SmcccFilterRange } from '../../model/snapshot.ts'
import { KVM_CAP, type VcpuAbi, type VmAbi, type VmOptions } from './abi.ts'
import { type FirmwareState, psciVersionOf, workaroundLevelOf } from './firmware.ts'
import { announceGic, finalizeIdRegisters, ID, type IdState, idValue } from './id-registers.ts'
import { planOf, type RegisterPlan } from './register-plan.ts'
import { checkFilterRange } from './smccc-filter.ts'
import { Vcpu } from './vcpu.ts'
import type { VcpuShape } from './vcpu-shape.ts'

const MAX_VCPUS_CAP = 66
const FEATURE_REGISTER_BASE = 0x6030_0000_0013_0000n

export class Vm implements VmAbi, IdState, FirmwareState {
  readonly build: Build
  readonly plan: RegisterPlan
  readonly now: () => bigint
  readonly vcpus: Vcpu[] = []
  gic: Gic = 'none'
  hasRun = false
  systemSuspend = false
  writableImpId = false
  readonly smcccFilter: SmcccFilterRange[] = []
  psci = 0
  readonly bitmaps: BigUint64Array
  readonly idValues: BigUint64Array
  idLimits: BigUint64Array
  /** The shape that the ID registers were first filled from. */
  idShape: VcpuShape | undefined
  epoch = 0
  private readonly views: IdView[] = []
  /** Ticks to subtract from `now()`, and whether KVM_ARM_SET_COUNTER_OFFSET fixed them. */
  virtualOffset = 0n
  physicalOffset = 0n
  offsetsFixed = false
  /** Event counters that the VM's PMU has; set by the first vCPU with one. */
  eventCounters = 0

  constructor(build: Build, options: VmOptions = {}) {
    this.build = build
    this.plan = planOf(build)
    this.now = options.now ?? (() => 0n)
    this.bitmaps = BigUint64Array.from(build.kernel.bitmaps, bitmap => bitmap.initial)
    this.idValues = new BigUint64Array(this.plan.idBytes / 8)
    this.idLimits = this.idValues
  }

  checkExtension(capability: number): number {
    return this.build.host.capabilities.get(capability)?.[1] ?? 0
  }

  enableCapability(capability: number): number {
    const { kernel } = this.build
    if (capability === KVM_CAP.systemSuspend && kernel.systemSuspend) {
      this.systemSuspend = true
      return 0
    }
    if (capability === KVM_CAP.writableImpIdRegs && kernel.writableImpId && this.vcpus.length === 0) {
      this.writableImpId = true
      return 0
    }
    return ERRNO.EINVAL
  }

  createVcpu(index: number): Vcpu {
    const most = this.checkExtension(MAX_VCPUS_CAP) || 512
    if (!Number.isInteger(index) || index < 0 || index >= most)
      throw new SnapError('KERNEL_REFUSED', `KVM_CREATE_VCPU ${index}: EINVAL, this host has at most ${most}`, { vcpu: index })
    // kvm_arch_vcpu_precreate: an initialised in-kernel GIC has its redistributors counted.
    if (this.gic !== 'none') throw new SnapError('KERNEL_REFUSED', `KVM_CREATE_VCPU ${index}: EBUSY, the interrupt controller is initialised`, { vcpu: index })
    if (this.vcpus.some(vcpu => vcpu.index === index)) throw new SnapError('KERNEL_REFUSED', `KVM_CREATE_VCPU ${index}: EEXIST`, { vcpu: index })
    const vcpu = new Vcpu(this, index)
    this.vcpus.push(vcpu)
    return vcpu
  }

  createGic(version: 'v2' | 'v3'): number {
    if (this.gic !== 'none') return ERRNO.EEXIST
    if (this.hasRun) return ERRNO.EBUSY
    this.gic = version
    if (this.idShape) announceGic(this, version)
    return 0
  }

  hasSmcccFilter(): number {
    return this.build.kernel.smcccFilter ? 0 : ERRNO.EINVAL
  }

  setSmcccFilter(range: SmcccFilterRange): number {
    if (!this.build.kernel.smcccFilter) return ERRNO.EINVAL
    const errno = checkFilterRange(this.smcccFilter, range, this.hasRun)
    if (errno === 0) this.smcccFilter.push(range)
    return errno
  }

  setCounterOffset(offset: bigint): number {
    if (!this.build.kernel.timers.counterOffset) return ERRNO.EINVAL
    this.virtualOffset = offset
    this.physicalOffset = offset
    this.offsetsFixed = true
    return 0
  }

  writableMasks(): { readonly errno: number; readonly masks: readonly (readonly [bigint, bigint])[] } {
    const { policy, writable } = this.build.kernel.idRegisters
    // kvm_arch_vm_ioctl of arm64 answers every call that it does not know with EINVAL (5.10 and 6.1, on /dev/kvm itself).
    if (policy === 'invariant') return { errno: ERRNO.EINVAL, masks: [] }
    const hasAarch32 = this.hostHasAarch32()
    const masks = [...writable]
      .filter(([encoding]) => hasAarch32 || encoding < 0xc008 || encoding > 0xc01f)
      .sort(([a], [b]) => a - b)
      .map(([encoding, mask]) => [FEATURE_REGISTER_BASE | BigInt(encoding), mask] as const)
    return { errno: 0, masks }
  }

  firstRun(): number {
    if (this.hasRun) return 0
    finalizeIdRegisters(this, this.gic)
    this.hasRun = true
    for (const vcpu of this.vcpus) if (vcpu.initialised) vcpu.applyNestedMasks()
    return 0
  }

  psciVersion(vcpu: VcpuAbi): number {
    return psciVersionOf(this, vcpu.features)
  }

  firmwareBitmap(index: number): bigint {
    const slot = this.build.kernel.bitmaps.findIndex(bitmap => bitmap.index === index)
    return this.bitmaps[slot] ?? 0n
  }

  workaroundLevel(n: 1 | 2 | 3): number {
    return workaroundLevelOf(this, n)
  }

  idRegister(id: bigint): bigint {
    return idValue(this, Number(id & 0xffffn))
  }

  /** The VM's ID_AA64PFR1_EL1.SSBS. */
  ssbs(): number {
    return fieldOf(idValue(this, ID.aa64pfr1), 4)
  }

  get idFeatures(): number {
    return this.idShape?.features ?? 0
  }

  idChanged(): void {
    this.epoch++
    if (this.views.length > 0) this.shareLowerable(this.idValues)
  }

  /** The first KVM_ARM_VCPU_INIT of the VM fills its ID registers; later ones leave them alone. */
  adoptShape(shape: VcpuShape): void {
    if (this.idShape) return
    this.idShape = shape
    this.idLimits = shape.idLimits
    this.idValues.set(shape.idLimits)
    this.eventCounters = shape.eventCounters
    this.epoch++
    if (this.gic !== 'none') announceGic(this, this.gic)
  }

  /** ID registers as a vCPU with other features than the VM's first sees them, on kernels that allow such a mix. */
  ownView(shape: VcpuShape): IdState {
    const view = new IdView(this, shape)
    this.views.push(view)
    this.shareLowerable(this.idValues)
    return view
  }

  /** Fields that userspace may lower are VM-wide in every view of the ID registers. */
  shareLowerable(from: BigUint64Array): void {
    for (const { encoding, shift } of this.build.kernel.idRegisters.lowerable) {
      const index = this.plan.sysregIndex.get(encoding)
      if (index === undefined) continue
      const slot = this.plan.place[index]! / 8
      const mask = 0xfn << BigInt(shift)
      for (const { idValues } of [this, ...this.views]) idValues[slot] = (idValues[slot]! & ~mask) | (from[slot]! & mask)
    }
  }

  private hostHasAarch32(): boolean {
    const index = this.plan.sysregIndex.get(ID.aa64pfr0)
    return index === undefined || fieldOf(this.idLimits[this.plan.place[index]! / 8] ?? 2n, 0) === 2
  }
}

/** One vCPU's own ID registers on a VM whose vCPUs differ in features. */
class IdView implements IdState {
  readonly plan: RegisterPlan
  readonly idValues: BigUint64Array
  readonly idLimits: BigUint64Array
  readonly idFeatures: number
  private readonly vm: Vm

  constructor(vm: Vm, shape: VcpuShape) {
    this.vm = vm
    this.plan = vm.plan
    this.idValues = shape.idLimits.slice()
    this.idLimits = shape.idLimits
    this.idFeatures = shape.features
  }

  get hasRun(): boolean {
    return this.vm.hasRun
  }
  get writableImpId(): boolean {
    return this.vm.writableImpId
  }
  get epoch(): number {
    return this.vm.epoch
  }
  idChanged(): void {
    this.vm.epoch++
    this.vm.shareLowerable(this.idValues)
  }
}
