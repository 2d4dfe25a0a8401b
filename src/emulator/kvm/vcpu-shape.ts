// Owns what a vCPU is right after KVM_ARM_VCPU_INIT for one set of features: which registers it has and with which values. Values are composed
// by builds/compose.ts; cached per build. Knows no VM and no rule of reading or writing.
import { featureBit } from '../../arch/features.ts'
import { offersRegister, resetValues } from '../../builds/compose.ts'
import type { FieldAtLeast } from '../../builds/kernel-rules.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../state-layout.ts'
import { KIND, type RegisterPlan } from './register-plan.ts'

const bit = (name: Parameters<typeof featureBit>[0]): number => 1 << featureBit(name)
export const FEATURE = {
  powerOff: bit('power_off'),
  el1Is32Bit: bit('el1_32bit'),
  psci02: bit('psci_0_2'),
  pmu: bit('pmu_v3'),
  sve: bit('sve'),
  pauthAddress: bit('ptrauth_address'),
  pauthGeneric: bit('ptrauth_generic'),
  el2: bit('has_el2'),
  e2h0: bit('has_el2_e2h0'),
  pmuStrict: bit('pmu_v3_strict'),
} as const

/** PSTATE after reset: EL1h, AArch32 supervisor, EL2h, with DAIF masked (arch/arm64/kvm/reset.c, VCPU_RESET_PSTATE_*). */
const PSTATE = { el1: 0x3c5n, aarch32: 0x1d3n, el2: 0x3c9n } as const

export interface VcpuShape {
  readonly features: number
  /** 1 where the register exists, whatever the ID registers say. */
  readonly present: Uint8Array
  /** Registers that exist only while a field of the VM's ID registers allows it. */
  readonly conditional: readonly { readonly index: number; readonly field: FieldAtLeast }[]
  /** The vCPU block after reset; MPIDR_EL1 is the caller's. */
  readonly block: Uint8Array
  /** The VM's ID store before anything was written, which is also the limit of what may be written. */
  readonly idLimits: BigUint64Array
  /** Bytes of the longest vector; 0 without SVE. */
  readonly vectorBytes: number
  /** Event counters of the PMU; 0 without one. */
  readonly eventCounters: number
  /** Lists made so far, by which of `conditional` are hidden. */
  readonly views: Map<bigint, ShapeView>
}

/** What KVM_GET_REG_LIST shows of a shape while some registers are hidden. */
export interface ShapeView {
  readonly visible: Uint8Array
  readonly list: BigUint64Array
}

/** The view with the conditional registers hidden whose bit is set in `hidden`. */
export function viewOf(plan: RegisterPlan, shape: VcpuShape, hidden: bigint): ShapeView {
  let view = shape.views.get(hidden)
  if (view) return view
  const visible = shape.present.slice()
  shape.conditional.forEach(({ index }, i) => {
    if ((hidden >> BigInt(i)) & 1n) visible[index] = 0
  })
  view = { visible, list: plan.ids.filter((_, i) => visible[i] === 1) }
  shape.views.set(hidden, view)
  return view
}

const shapes = new WeakMap<RegisterPlan, Map<number, VcpuShape>>()

/** The shape of a vCPU with these features (word 0; POWER_OFF does not matter). */
export function shapeOf(plan: RegisterPlan, features: number): VcpuShape {
  const key = features & ~FEATURE.powerOff
  let known = shapes.get(plan)
  if (!known) shapes.set(plan, (known = new Map()))
  let shape = known.get(key)
  if (!shape) known.set(key, (shape = makeShape(plan, key)))
  return shape
}

function makeShape(plan: RegisterPlan, features: number): VcpuShape {
  const { host } = plan.build
  const resetOf = resetValues(plan.build, features)
  const hasSve = (features & FEATURE.sve) !== 0
  const block = new Uint8Array(VCPU_STATE_BYTES)
  const view = new DataView(block.buffer)
  view.setBigUint64(VCPU_STATE.pstate, features & FEATURE.el2 ? PSTATE.el2 : features & FEATURE.el1Is32Bit ? PSTATE.aarch32 : PSTATE.el1, true)
  const present = new Uint8Array(plan.count)
  const conditional: { index: number; field: FieldAtLeast }[] = []
  const idLimits = new BigUint64Array(plan.idBytes / 8)
  for (let i = 0; i < plan.count; i++) {
    const row = plan.rows[i]
    if (!row) {
      const kind = plan.kind[i]
      present[i] = kind === KIND.vector ? Number(!hasSve) : kind === KIND.sve || kind === KIND.vls ? Number(hasSve) : 1
      continue
    }
    present[i] = Number(offersRegister(row, features))
    if (present[i] && row.field) conditional.push({ index: i, field: row.field })
    const value = resetOf(row)
    if (plan.kind[i] === KIND.id) idLimits[plan.place[i]! / 8] = value
    else view.setBigUint64(plan.place[i]!, value, true)
  }
  const longest = hasSve ? 64 - leadingZeros(host.vectorLengths) : 0
  const pmcr = plan.sysregIndex.get(PMCR)
  const eventCounters = features & FEATURE.pmu && pmcr !== undefined ? Number((view.getBigUint64(plan.place[pmcr]!, true) >> 11n) & 31n) : 0
  return { features, present, conditional, block, idLimits, vectorBytes: longest * 16, eventCounters, views: new Map() }
}

const PMCR = 0xdce0
const leadingZeros = (value: bigint): number => 64 - (value === 0n ? 0 : value.toString(2).length)
