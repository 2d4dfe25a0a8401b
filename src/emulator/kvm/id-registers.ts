// Owns how the VM's ID registers take writes and what the first run does to them: arch/arm64/kvm/sys_regs.c (set_id_reg and the set_*
// functions in front of it, set_imp_id_reg, set_ctr_el0, kvm_finalize_sys_regs). Which fields, when and with what errno is build data.
import { ERRNO } from '../../arch/errno.ts'
import { fieldOf } from '../../builds/id-values.ts'
import type { Encoding, FieldAtLeast, Forgiveness, SysregRow } from '../../builds/kernel-rules.ts'
import type { RegisterPlan } from './register-plan.ts'
import { FEATURE } from './vcpu-shape.ts'

/** The VM's side: values by slot, limits by slot. */
export interface IdState {
  readonly plan: RegisterPlan
  readonly hasRun: boolean
  readonly idValues: BigUint64Array
  /** What a fresh VM with these features shows: nothing above it is ever accepted. */
  readonly idLimits: BigUint64Array
  readonly writableImpId: boolean
  /** Features of the vCPUs that these ID registers are for. */
  readonly idFeatures: number
  /** Counts changes, so that vCPUs know when their lists may have changed. */
  readonly epoch: number
  /** Called after a value changed: lists may shrink. */
  idChanged(): void
}

export const ID = {
  pfr1: 0xc009,
  dfr0: 0xc00a,
  aa64pfr0: 0xc020,
  aa64pfr1: 0xc021,
  aa64dfr0: 0xc028,
  aa64mmfr2: 0xc03a,
  ctr: 0xd801,
} as const

const without = (value: bigint, shift: number): bigint => value & ~(0xfn << BigInt(shift))
const withField = (value: bigint, shift: number, field: number): bigint => without(value, shift) | (BigInt(field) << BigInt(shift))
const isAarch32 = (encoding: Encoding): boolean => encoding >= 0xc008 && encoding <= 0xc01f

/** Value of an ID register by encoding; 0n when the build has none. */
export function idValue(state: IdState, encoding: Encoding): bigint {
  const index = state.plan.sysregIndex.get(encoding)
  return index === undefined ? 0n : (state.idValues[state.plan.place[index]! / 8] ?? 0n)
}

export const holds = (state: IdState, field: FieldAtLeast): boolean => fieldOf(idValue(state, field.encoding), field.shift) >= field.atLeast

/** KVM_SET_ONE_REG of the ID register in `slot`. */
export function writeIdRegister(state: IdState, row: SysregRow, slot: number, value: bigint): number {
  const { kernel } = state.plan.build
  const current = state.idValues[slot]!
  if (row.rule === 'imp') return writeImplementation(state, row, slot, value)
  const rules = kernel.idRegisters
  if (isAarch32(row.encoding) && !hostHasAarch32(state) && rules.aarch32Absent === 'ignored') return 0
  if (rules.policy === 'invariant') return writeInvariant(state, row.encoding, slot, value)
  const limit = state.idLimits[slot]!
  const wanted = forgive(state, row.encoding, value)
  for (const least of rules.minimum) if (least.encoding === row.encoding && fieldOf(wanted, least.shift) < least.atLeast) return ERRNO.EINVAL
  if (row.encoding === ID.dfr0 && isImpossiblePerfMon(fieldOf(wanted, 24))) return ERRNO.EINVAL
  const writable = rules.writable.get(row.encoding) ?? 0n
  if (row.encoding === ID.ctr && fieldOf(writable, 14, 2) !== 0 && fieldOf(wanted, 14, 2) < 2) return ERRNO.EINVAL
  if (state.hasRun) return wanted === current ? 0 : rules.afterRun
  if (!state.plan.fields.accepts(row.encoding, wanted, limit, writable, rules.uncovered.get(row.encoding) ?? 0n)) return ERRNO.EINVAL
  store(state, slot, wanted)
  return 0
}

function store(state: IdState, slot: number, value: bigint): void {
  if (state.idValues[slot] === value) return
  state.idValues[slot] = value
  state.idChanged()
}

/** Only what KVM says, but for CSV2 and CSV3, which may be lowered at any time (set_id_aa64pfr0_el1 before 6.7). */
function writeInvariant(state: IdState, encoding: Encoding, slot: number, value: bigint): number {
  const limit = state.idLimits[slot]!
  let rest = value ^ limit
  for (const field of state.plan.build.kernel.idRegisters.lowerable) {
    if (field.encoding !== encoding) continue
    if (fieldOf(value, field.shift) > fieldOf(limit, field.shift)) return ERRNO.EINVAL
    rest = without(rest, field.shift)
  }
  if (rest !== 0n) return ERRNO.EINVAL
  store(state, slot, value)
  return 0
}

function writeImplementation(state: IdState, row: SysregRow, slot: number, value: bigint): number {
  if (value === state.idValues[slot]) return 0
  if (!state.writableImpId) return ERRNO.EINVAL
  if (state.hasRun) return ERRNO.EBUSY
  const writable = state.plan.build.kernel.idRegisters.writable.get(row.encoding) ?? 0n
  if (value & ~writable) return ERRNO.EINVAL
  store(state, slot, value)
  return 0
}

/** ID_DFR0_EL1.PerfMon between "none" and PMUv3 is not something KVM can emulate (set_id_dfr0_el1). */
const isImpossiblePerfMon = (perfMon: number): boolean => perfMon !== 0 && perfMon < 3

const hostHasAarch32 = (state: IdState): boolean => {
  const index = state.plan.sysregIndex.get(ID.aa64pfr0)
  return index === undefined || fieldOf(state.idLimits[state.plan.place[index]! / 8] ?? 0n, 0) === 2
}

/** Drops from a value what this kernel once exposed by mistake and now takes only to ignore it. */
function forgive(state: IdState, encoding: Encoding, value: bigint): bigint {
  let wanted = value
  for (const rule of state.plan.build.kernel.idRegisters.forgives) {
    const drop = FORGIVE[rule]
    if (drop.encodings.includes(encoding)) wanted = drop.apply(state, encoding, wanted)
  }
  return wanted
}

interface ForgivenessRule {
  readonly encodings: readonly Encoding[]
  apply(state: IdState, encoding: Encoding, value: bigint): bigint
}

/**
 * A field that equals the hardware's own value is dropped. Where that value is not known, the saved one is taken for it: it was shown by a kernel that
 * copied the hardware's, and a guest of another CPU fails on MIDR_EL1 anyway.
 */
const dropHardware =
  (shift: number): ForgivenessRule['apply'] =>
  (state, encoding, value) => {
    const { host } = state.plan.build
    const own = host.hardware.get(encoding)
    const isHardware = own === undefined && host.unseen?.includes('hardware') ? true : fieldOf(value, shift) === fieldOf(own ?? 0n, shift)
    return isHardware ? without(value, shift) : value
  }

const FORGIVE: Readonly<Record<Forgiveness, ForgivenessRule>> = {
  // Commit 6685f5d572c2: MPAM was exposed without trap handling.
  mpam: { encodings: [ID.aa64pfr0, ID.aa64pfr1], apply: (state, encoding, value) => dropHardware(encoding === ID.aa64pfr0 ? 40 : 16)(state, encoding, value) },
  // The deprecated ID_AA64MMFR2_EL1.NV was exposed by mistake.
  nv: { encodings: [ID.aa64mmfr2], apply: dropHardware(24) },
  // Commit 3d0dba5764b9: an IMPLEMENTATION DEFINED PMU (0xf) was exposed.
  'pmuver-impdef': {
    encodings: [ID.aa64dfr0, ID.dfr0],
    apply: (_state, encoding, value) => {
      const shift = encoding === ID.dfr0 ? 24 : 8
      return fieldOf(value, shift) === 0xf ? without(value, shift) : value
    },
  },
  // ID_AA64PFR1_EL1.MTE_frac ASYNC (0) from kernels that hid the hardware's NI (0xf), when the VM has MTE2.
  'mte-frac': {
    encodings: [ID.aa64pfr1],
    apply: (state, encoding, value) => {
      const hardware = fieldOf(state.plan.build.host.hardware.get(encoding) ?? 0n, 40)
      return hardware === 0xf && fieldOf(value, 8) === 2 && fieldOf(value, 40) === 0 ? withField(value, 40, 0xf) : value
    },
  },
  // ID_AA64DFR0_EL1.DoubleLock of kernels that showed it to nested guests: 0 (implemented) becomes "not implemented" for a vCPU with EL2.
  'double-lock': {
    encodings: [ID.aa64dfr0],
    apply: (state, _encoding, value) => (state.idFeatures & FEATURE.el2 && fieldOf(value, 36) === 0 ? withField(value, 36, 0xf) : value),
  },
}

/** kvm_finalize_sys_regs: what the first KVM_RUN of a VM does to its ID registers. */
export function finalizeIdRegisters(state: IdState, gic: 'none' | 'v2' | 'v3'): void {
  const rules = state.plan.build.kernel.idRegisters
  for (const clear of rules.firstRunClears) {
    if (clear.unless === 'v3' ? gic === 'v3' : gic !== 'none') continue
    change(state, clear.encoding, value => value & ~clear.mask)
  }
  for (const field of rules.firstRunDependencies) if (!holds(state, field.requires)) change(state, field.encoding, value => without(value, field.shift))
}

/** kvm_vgic_finalize_idregs: a GICv3 announces itself, a GICv2 does not. */
export function announceGic(state: IdState, version: 'v2' | 'v3'): void {
  for (const field of state.plan.build.kernel.idRegisters.gicV3Sets)
    change(state, field.encoding, value => withField(value, field.shift, version === 'v3' ? 1 : 0))
}

function change(state: IdState, encoding: Encoding, edit: (value: bigint) => bigint): void {
  const index = state.plan.sysregIndex.get(encoding)
  if (index === undefined) return
  const slot = state.plan.place[index]! / 8
  const before = state.idValues[slot]!
  store(state, slot, edit(before))
}
