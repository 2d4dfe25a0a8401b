// Owns MRS, MSR and MSR (immediate) where generated code does not do them itself: permission, PSTATE fields, registers with side effects, hooks.
import { VCPU_STATE } from '../state-layout.ts'
import { advance, type Cpu, idField, type Outcome, trapSystemAccess, undefinedInstruction } from './cpu.ts'
import { DEBUG_CONTROLS } from './debug/debug-registers.ts'
import type { Fields } from './decode/validity.ts'
import { el0Access } from './el0-access.ts'
import { EC, type Features, takeSynchronous } from './exceptions.ts'
import { TRANSLATION_REGISTERS } from './mmu/mmu.ts'
import { MODE, PSTATE } from './pstate.ts'
import { unsupportedBySctlr, unsupportedByTcr2 } from './sctlr.ts'
import { FPCR_BITS, FPSR_BITS } from './semantics/fp/control.ts'
import { FPCR } from './semantics/fp/format.ts'
import { encodingOf, SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

const ID_AA64PFR0 = encodingOf(3, 0, 0, 4, 0)
const VBAR_RES0 = 0x7ffn

/** PSTATE bits that have a register of their own, with the feature that brings it. */
const PSTATE_FIELDS: ReadonlyMap<number, { readonly bit: number; readonly feature?: 'FEAT_PAN' | 'FEAT_UAO' | 'FEAT_DIT' | 'FEAT_SSBS2' }> = new Map([
  [SYSREG.SPSel, { bit: PSTATE.spSel }],
  [SYSREG.PAN, { bit: PSTATE.pan, feature: 'FEAT_PAN' }],
  [SYSREG.UAO, { bit: PSTATE.uao, feature: 'FEAT_UAO' }],
  [SYSREG.DIT, { bit: PSTATE.dit, feature: 'FEAT_DIT' }],
  [SYSREG.SSBS, { bit: PSTATE.ssbs, feature: 'FEAT_SSBS2' }], // without MSR and MRS, FEAT_SSBS is SPSR_EL1's only
])

const op1Of = (encoding: number): number => (encoding >> 11) & 7

/** Whether FP and SIMD are trapped at this exception level: CPACR_EL1.FPEN. */
export function fpTrapped(vcpu: VcpuBlock): boolean {
  const fpen = (vcpu.sysregLow(SYSREG.CPACR_EL1) >> 20) & 3
  return fpen === 3 ? false : fpen === 1 ? vcpu.el === 0 : true
}

const CONDITION_VALID = (1 << 24) | (0xe << 20)
export function takeFpTrap(vcpu: VcpuBlock, features: Features): undefined {
  takeSynchronous(vcpu, features, { ec: EC.fpAccess, iss: CONDITION_VALID })
  return undefined
}

/** Rules that hold before a register is looked at; undefined: go on. */
function forbidden(vcpu: VcpuBlock, cpu: Cpu, encoding: number, rt: number, write: boolean): 'done' | undefined {
  const op1 = op1Of(encoding)
  const access = op1 >= 4 ? 'undefined' : vcpu.el === 1 ? 'allowed' : op1 !== 3 ? 'undefined' : el0Access(vcpu, encoding, write)
  if (access === 'allowed') return undefined
  if (access === 'trapped') trapSystemAccess(vcpu, cpu, encoding, rt, !write)
  else undefinedInstruction(vcpu, cpu)
  return 'done'
}

/** `executed`: instructions of this run before this one, for the hooks. */
export function executeMrs(vcpu: VcpuBlock, cpu: Cpu, f: Fields, executed: number): Outcome {
  const encoding = encodingOf(2 + f.b, f.o, f.k, f.j, f.x)
  if (forbidden(vcpu, cpu, encoding, f.t, false)) return undefined
  const floatingPoint = encoding === SYSREG.FPCR || encoding === SYSREG.FPSR
  if (floatingPoint && fpTrapped(vcpu)) return takeFpTrap(vcpu, cpu.features)
  const value = readRegister(vcpu, cpu, encoding, executed)
  if (value === undefined) return undefinedInstruction(vcpu, cpu)
  vcpu.setX(f.t, BigInt.asUintN(64, value))
  return advance(vcpu)
}

function readRegister(vcpu: VcpuBlock, cpu: Cpu, encoding: number, executed: number): bigint | undefined {
  const field = PSTATE_FIELDS.get(encoding)
  if (field) {
    if (field.feature && !cpu.features.has(field.feature)) return undefined
    return BigInt((vcpu.pstate & field.bit) >>> 0)
  }
  switch (encoding) {
    case SYSREG.DAIF:
      return BigInt(vcpu.pstate & PSTATE.daif)
    case SYSREG.SP_EL0: // generated code serves it when SP_EL1 is in use; otherwise it has no name of its own
      return undefined
    case SYSREG.FPCR:
      return BigInt(vcpu.read32(VCPU_STATE.fpcr))
    case SYSREG.FPSR:
      return BigInt(vcpu.read32(VCPU_STATE.fpsr))
  }
  return cpu.sysregs.has(encoding) ? vcpu.sysreg(encoding) : cpu.hooks.readSysreg(vcpu.index, encoding, executed)
}

export function executeMsr(vcpu: VcpuBlock, cpu: Cpu, f: Fields, executed: number): Outcome {
  const encoding = encodingOf(2 + f.b, f.o, f.k, f.j, f.x)
  if (forbidden(vcpu, cpu, encoding, f.t, true)) return undefined
  const value = vcpu.x(f.t)
  const field = PSTATE_FIELDS.get(encoding)
  if (field) {
    if (field.feature && !cpu.features.has(field.feature)) return undefinedInstruction(vcpu, cpu)
    vcpu.pstate = (vcpu.pstate & ~field.bit) | (Number(value & 0xffff_ffffn) & field.bit)
    return advance(vcpu)
  }
  switch (encoding) {
    case SYSREG.DAIF:
      vcpu.pstate = (vcpu.pstate & ~PSTATE.daif) | (Number(value & 0xffff_ffffn) & PSTATE.daif)
      return advance(vcpu)
    case SYSREG.SP_EL0:
    case SYSREG.CurrentEL:
      return undefinedInstruction(vcpu, cpu)
    case SYSREG.FPCR:
    case SYSREG.FPSR:
      return writeFloatingPoint(vcpu, cpu, encoding, value)
    case SYSREG.SCTLR_EL1: {
      const what = unsupportedBySctlr(value)
      if (what !== undefined) return { kind: 'cannot-execute', what }
      break
    }
    case SYSREG.TCR2_EL1: {
      const what = unsupportedByTcr2(value)
      if (what !== undefined && cpu.sysregs.has(encoding)) return { kind: 'cannot-execute', what }
    }
  }
  const slot = cpu.sysregs.get(encoding)
  if (!slot) return cpu.hooks.writeSysreg(vcpu.index, encoding, value, executed) ? advance(vcpu) : undefinedInstruction(vcpu, cpu)
  if (slot.readOnly) return undefinedInstruction(vcpu, cpu)
  const reserved = encoding === SYSREG.VBAR_EL1 ? VBAR_RES0 : 0n
  const mask = (slot.writeMask ?? 0xffff_ffff_ffff_ffffn) & ~reserved
  vcpu.setSysreg(encoding, (vcpu.sysreg(encoding) & ~mask & ~reserved) | (value & mask))
  if (TRANSLATION_REGISTERS.has(encoding)) cpu.mmu.registersChanged(vcpu)
  if (DEBUG_CONTROLS.has(encoding)) cpu.debug.registersChanged(vcpu)
  return advance(vcpu)
}

function writeFloatingPoint(vcpu: VcpuBlock, cpu: Cpu, encoding: number, value: bigint): Outcome {
  if (fpTrapped(vcpu)) return takeFpTrap(vcpu, cpu.features)
  const low = Number(value & 0xffff_ffffn)
  const halfPrecision = idField(cpu, ID_AA64PFR0, 16) === 1
  if (encoding === SYSREG.FPSR) vcpu.write32(VCPU_STATE.fpsr, low & FPSR_BITS)
  else vcpu.write32(VCPU_STATE.fpcr, low & (halfPrecision ? FPCR_BITS | FPCR.fz16 : FPCR_BITS))
  return advance(vcpu)
}

/** MSR (immediate): fields o (op1), x (op2), i (CRm). */
export function executeMsrImmediate(vcpu: VcpuBlock, cpu: Cpu, f: Fields): Outcome {
  const set = (bit: number): Outcome => {
    vcpu.pstate = (vcpu.pstate & ~bit) | (f.i & 1 ? bit : 0)
    return advance(vcpu)
  }
  const el1 = vcpu.el === 1
  const { features } = cpu
  switch (f.o * 8 + f.x) {
    case 0o05:
      return el1 ? set(PSTATE.spSel) : undefinedInstruction(vcpu, cpu)
    case 0o03:
      return el1 && features.has('FEAT_UAO') ? set(PSTATE.uao) : undefinedInstruction(vcpu, cpu)
    case 0o04:
      return el1 && features.has('FEAT_PAN') ? set(PSTATE.pan) : undefinedInstruction(vcpu, cpu)
    case 0o31:
      return features.has('FEAT_SSBS2') ? set(PSTATE.ssbs) : undefinedInstruction(vcpu, cpu)
    case 0o32:
      return features.has('FEAT_DIT') ? set(PSTATE.dit) : undefinedInstruction(vcpu, cpu)
    case 0o36:
    case 0o37: {
      const encoding = encodingOf(0, f.o, 4, f.i, f.x)
      if (!el1 && el0Access(vcpu, SYSREG.DAIF, true) !== 'allowed') return trapSystemAccess(vcpu, cpu, encoding, 31, false)
      const bits = f.i << 6
      vcpu.pstate = f.x === 6 ? vcpu.pstate | bits : vcpu.pstate & ~bits
      return advance(vcpu)
    }
  }
  return undefinedInstruction(vcpu, cpu)
}

/** Why this mode cannot run here, or undefined. */
export function unsupportedMode(pstate: number): string | undefined {
  if (pstate & PSTATE.aarch32) return 'AArch32'
  const mode = pstate & PSTATE.mode
  return mode === MODE.el0t || mode === MODE.el1t || mode === MODE.el1h ? undefined : `mode 0x${mode.toString(16)} (only EL0 and EL1)`
}
