// Owns doing a VMM's load on a host, emulated or real, everything in the VMM's order and nothing left out after the first error: what stops it, and what
// became of every register. Synchronous, runs no guest, makes no WebAssembly. Judges nothing.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { errnoName } from '../../arch/errno.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { type RegId, sveVlsId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import { KVM_CAP, MP_STATE } from '../../emulator/kvm/abi.ts'
import { SnapError } from '../../errors.ts'
import { type RegisterList, registerAt, registerValue } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'
import { NOT_WRITTEN, tallyReplay, type VcpuReplay } from '../replay.ts'
import { shorten, showValue } from '../show-value.ts'
import { get64, listOf, NOTHING } from './list-of.ts'
import { type LoadHost, type LoadVcpu, type LoadVm, loadHostOf } from './load-host.ts'
import type { PlanOptions, Stop, Stopped, VcpuPlan, VmmRules } from './plan.ts'

export interface LoadOptions extends PlanOptions {
  readonly features: readonly Feature[]
}

/** Something other than a register that the target or the VMM refuses. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly vcpu?: number
}

export interface LoadAttempt {
  readonly features: readonly Feature[]
  /** One a vCPU; none when the vCPUs could not be made. */
  readonly replays: readonly VcpuReplay[]
  /** Left out by the VMM, by vCPU in the order of `replays`. */
  readonly dropped: readonly (readonly { readonly id: RegId; readonly value: Uint8Array; readonly why: string }[])[]
  readonly refusals: readonly Refusal[]
  /** The first thing that stops the VMM, in its own order. */
  readonly stop: Stop | undefined
  /** What it prints then. */
  readonly says: string | undefined
  readonly psciAfter: bigint | undefined
  readonly psciDefault: bigint | undefined
}

const FINALIZE_SVE = 4

/** Into a new VM, which is closed at the end. Never throws for what the target or the VMM refuses. */
export function attemptLoad(target: Build | LoadHost, snapshot: Snapshot, rules: VmmRules, options: LoadOptions): LoadAttempt {
  const vm = ('newVm' in target ? target : loadHostOf(target)).newVm()
  try {
    return new Load(vm, snapshot, rules, options).run()
  } finally {
    vm.close?.()
  }
}

interface Slot {
  readonly saved: VcpuSnapshot
  readonly vcpu: LoadVcpu
  /** Errno by place in the saved list. */
  readonly errnos: Int32Array
  own: RegisterList | undefined
  plan: VcpuPlan | undefined
  after: ReturnType<LoadVcpu['getRegs']> | undefined
  /** In the order of the writes. */
  readonly refused: { readonly id: RegId; readonly value: Uint8Array; readonly errno: number; readonly at: number }[]
}

class Load {
  private readonly vm: LoadVm
  private readonly snapshot: Snapshot
  private readonly rules: VmmRules
  private readonly options: LoadOptions
  private readonly refusals: Refusal[] = []
  private readonly slots: Slot[] = []
  private stop: Stop | undefined

  constructor(vm: LoadVm, snapshot: Snapshot, rules: VmmRules, options: LoadOptions) {
    this.vm = vm
    this.snapshot = snapshot
    this.rules = rules
    this.options = options
  }

  run(): LoadAttempt {
    const { rules, snapshot } = this
    const early = rules.before?.(snapshot, this.options.features)
    if (early) this.refuse(early, 'load-refused')
    this.makeVm()
    if (!this.makeVcpus()) return this.result([])
    if (rules.ownAt === 'init') for (const slot of this.slots) slot.own = listOf(slot.vcpu)
    const first = this.slots[0]
    if (first) first.own ??= listOf(first.vcpu)
    const psciDefault = first?.own && registerValue(first.own, PSCI_VERSION_ID)
    if (rules.turns === 'vcpu') for (const slot of this.slots) this.loadWhole(slot)
    else this.loadByPhase()
    if (rules.power === 'end') for (const slot of this.slots) this.setPower(slot)
    const replays = this.slots.map(slot => this.tally(slot))
    return { ...this.result(replays), psciDefault }
  }

  private result(replays: readonly VcpuReplay[]): LoadAttempt {
    const { stop, slots, refusals } = this
    const [first] = slots
    return {
      features: this.options.features,
      replays,
      dropped: slots.map(({ plan, saved: { registers } }) =>
        (plan?.dropped ?? []).map(({ at, why }) => ({ id: registers.ids[at] as RegId, value: registerAt(registers, at), why })),
      ),
      refusals,
      stop,
      says: stop && this.says(stop),
      psciAfter: replays.length > 0 && first ? get64(first.vcpu, PSCI_VERSION_ID) : undefined,
      psciDefault: undefined,
    }
  }

  private says(stop: Stop): string | undefined {
    const slot = this.slots.find(({ saved }) => saved.index === stop.vcpu) ?? this.slots[0]
    if (!slot) return undefined
    const stopped: Stopped = {
      stop,
      vcpu: slot.saved.index,
      saved: slot.saved.registers,
      own: slot.own ?? NOTHING,
      plan: slot.plan,
      refused: slot.refused.map(each => {
        const { bytes, errnos } = slot.vcpu.getRegs(BigUint64Array.of(each.id))
        return errnos[0] === 0 ? { ...each, readBack: bytes } : each
      }),
    }
    return this.rules.says?.(stopped)
  }

  /** What is no register: a finding of its own, and a reason to stop. */
  private refuse(stop: Stop, code: string): void {
    this.refusals.push({ code, message: stop.message, ...(stop.vcpu === undefined ? {} : { vcpu: stop.vcpu }) })
    this.stop ??= stop
  }

  private check(errno: number, code: string, what: string, stage: Stop['stage'], vcpu?: number): boolean {
    if (errno === 0) return true
    this.refuse({ stage, errno, message: `${what} is refused with ${errnoName(errno)}`, ...(vcpu === undefined ? {} : { vcpu }) }, code)
    return false
  }

  private makeVm(): void {
    const { vm } = this.snapshot
    for (const [wanted, capability, name] of [
      [vm.systemSuspend, KVM_CAP.systemSuspend, 'KVM_CAP_ARM_SYSTEM_SUSPEND'],
      [vm.writableImpIdRegs, KVM_CAP.writableImpIdRegs, 'KVM_CAP_ARM_WRITABLE_IMP_ID_REGS'],
    ] as const)
      if (wanted) this.check(this.vm.enableCapability(capability), 'capability-refused', `${name}, which the VM was saved with,`, 'other')
    for (const range of vm.smcccFilter ?? [])
      this.check(
        this.vm.setSmcccFilter(range),
        'smccc-filter-refused',
        `the SMCCC filter range of ${range.count} functions from 0x${range.base.toString(16)}`,
        'other',
      )
    if (vm.counterOffset !== undefined) this.check(this.vm.setCounterOffset(vm.counterOffset), 'counter-offset-refused', 'the counter offset', 'other')
  }

  /** KVM_CREATE_VCPU and INIT of all, vector lengths and FINALIZE where there is SVE, then the GIC. */
  private makeVcpus(): boolean {
    const { features, rawOrder } = this.options
    for (const saved of this.snapshot.vcpus) {
      try {
        const errnos = new Int32Array(saved.registers.ids.length).fill(NOT_WRITTEN)
        this.slots.push({ saved, vcpu: this.vm.createVcpu(saved.index), errnos, own: undefined, plan: undefined, after: undefined, refused: [] })
      } catch (error) {
        if (!(error instanceof SnapError && error.code === 'KERNEL_REFUSED')) throw error
        this.refuse({ stage: 'vcpu', vcpu: saved.index, message: error.message }, 'vcpu-refused')
        return false
      }
    }
    const mask = featureMask(features.filter(feature => feature !== 'power_off'))
    for (const { saved, vcpu } of this.slots) {
      const what = `KVM_ARM_VCPU_INIT of vCPU ${saved.index} with ${features.join(' ') || 'no features'}`
      if (!this.check(vcpu.init(mask), 'vcpu-refused', what, 'vcpu', saved.index)) return false
    }
    if (features.includes('sve'))
      for (const slot of this.slots) {
        const { registers, index } = slot.saved
        const at = rawOrder ? -1 : registers.ids.indexOf(sveVlsId)
        if (at >= 0) {
          const [errno = 0] = slot.vcpu.setRegs(BigUint64Array.of(sveVlsId), registerAt(registers, at))
          slot.errnos[at] = errno
          if (errno !== 0) this.refused(slot, at, sveVlsId, registerAt(registers, at), errno)
        }
        if (!this.check(slot.vcpu.finalize(FINALIZE_SVE), 'vcpu-refused', `KVM_ARM_VCPU_FINALIZE of vCPU ${index}`, 'vcpu', index)) return false
      }
    const { gic } = this.snapshot
    if (gic !== 'none' && !this.check(this.vm.createGic(gic), 'gic-refused', `a GIC${gic}`, 'other')) return false
    return this.slots.every(({ saved: { index }, vcpu }) => this.check(vcpu.initPmu?.() ?? 0, 'vcpu-refused', `the PMU of vCPU ${index}`, 'vcpu', index))
  }

  private loadWhole(slot: Slot): void {
    const plan = this.planFor(slot)
    for (let phase = 0; phase < plan.phases.length; phase++) this.write(slot, plan, phase)
    // As a replay does: what this vCPU reads before the next one writes what they share.
    slot.after = slot.vcpu.getRegs(slot.saved.registers.ids)
    if (this.rules.power === 'vcpu') this.setPower(slot)
  }

  private loadByPhase(): void {
    const most = Math.max(0, ...this.slots.map(slot => this.planWithoutStops(slot).phases.length))
    for (let phase = 0; phase < most; phase++)
      for (const slot of this.slots) {
        if (phase === 0) this.takeStops(slot)
        this.write(slot, slot.plan!, phase)
        if (phase === most - 1 && this.rules.power === 'vcpu') this.setPower(slot)
      }
  }

  private planFor(slot: Slot): VcpuPlan {
    slot.own ??= listOf(slot.vcpu)
    const plan = this.planWithoutStops(slot)
    this.takeStops(slot)
    return plan
  }

  private planWithoutStops(slot: Slot): VcpuPlan {
    const plan = this.rules.plan(slot.saved.registers, slot.own ?? NOTHING, this.options)
    slot.plan = plan
    return plan
  }

  private takeStops({ plan, saved }: Slot): void {
    const [first] = plan?.stops ?? []
    if (first) this.stop ??= { ...first, vcpu: saved.index }
  }

  private write(slot: Slot, plan: VcpuPlan, at: number): void {
    const phase = plan.phases[at]
    if (!phase) return
    const { registers, from } = phase
    const errnos = slot.vcpu.setRegs(registers.ids, registers.bytes)
    for (let i = 0; i < errnos.length; i++) {
      const place = from ? from[i]! : i
      const errno = errnos[i]!
      if (place >= 0) slot.errnos[place] = errno
      if (errno !== 0) this.refused(slot, place, registers.ids[i] as RegId, registerAt(registers, i), errno)
    }
  }

  private refused(slot: Slot, at: number, id: RegId, value: Uint8Array, errno: number): void {
    slot.refused.push({ id, value, errno, at })
    const whose = at < 0 ? ', the host’s own value,' : ''
    this.stop ??= {
      stage: 'write',
      vcpu: slot.saved.index,
      id,
      errno,
      message: `KVM_SET_ONE_REG of ${registerName(id)} = ${shorten(showValue(id, value))}${whose} fails with ${errnoName(errno)}`,
    }
  }

  private setPower({ vcpu, saved: { events, mpState, index } }: Slot): void {
    if (events) this.check(vcpu.setEvents(events), 'events-refused', `KVM_SET_VCPU_EVENTS of vCPU ${index}`, 'other', index)
    this.check(vcpu.setMpState(MP_STATE[mpState]), 'mp-state-refused', `mp_state ${mpState} of vCPU ${index}`, 'other', index)
  }

  private tally(slot: Slot): VcpuReplay {
    const { saved, errnos, vcpu, plan, refused } = slot
    const { registers, index } = saved
    const after = slot.after ?? vcpu.getRegs(registers.ids)
    // What the VMM itself does not know is refused as KVM would refuse it.
    for (const at of plan?.unknown ?? []) errnos[at] = after.errnos[at] || ENOENT
    const replay = tallyReplay({ index, saved: registers, errnos, before: slot.own ?? NOTHING, after })
    const others = refused.filter(each => each.at < 0)
    const written = replay.written - (plan?.unknown.length ?? 0) + others.length
    return { ...replay, written, refused: [...replay.refused, ...others.map(({ id, value, errno }) => ({ id, value, errno }))] }
  }
}

const ENOENT = 2
