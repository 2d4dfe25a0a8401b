// Owns taking exceptions to EL1 and returning from them. Arm ARM D1.3, AArch64.TakeException, AArch64.ExceptionReturn. Knows no instruction.
import { VCPU_STATE } from '../state-layout.ts'
import { STEPPED, stepAfterReturn } from './debug/enabled.ts'
import type { CpuFeature } from './decode/cpu-feature.ts'
import { ENGINE_STATE, LINE } from './engine-state.ts'
import { MODE, PSTATE } from './pstate.ts'
import { SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

/** Exception classes (ESR_ELx.EC). Aborts and debug exceptions have one for the same level right after the one for a lower level. */
export const EC = {
  unknown: 0x00,
  wfx: 0x01,
  fpAccess: 0x07,
  illegalState: 0x0e,
  svc64: 0x15,
  sysreg: 0x18,
  instructionAbort: 0x20,
  pcAlignment: 0x22,
  dataAbort: 0x24,
  spAlignment: 0x26,
  serror: 0x2f,
  breakpoint: 0x30,
  softwareStep: 0x32,
  watchpoint: 0x34,
  brk: 0x3c,
} as const

/** Fault status codes (IFSC, DFSC). */
export const FAULT = { alignment: 0x21 } as const
const WRITE = 1 << 6
const CACHE_MAINTENANCE = 1 << 8
const VECTOR = { synchronous: 0x000, irq: 0x080, fiq: 0x100, serror: 0x180 } as const
const SCTLR_SPAN = 1n << 23n
const SCTLR_DSSBS = 1n << 44n

export interface Syndrome {
  readonly ec: number
  readonly iss?: number
  /** FAR_EL1, for the classes that have one. */
  readonly far?: bigint
}

export type Features = ReadonlySet<CpuFeature>

/** Takes a synchronous exception; ELR_EL1 becomes PC, so PC must be the preferred return address. */
export function takeSynchronous(vcpu: VcpuBlock, features: Features, { ec, iss = 0, far }: Syndrome): void {
  const IL = 1 << 25 // every A64 instruction is 32 bits, and other classes have it set as well
  vcpu.setSysreg(SYSREG.ESR_EL1, BigInt(((ec << 26) | IL | (iss & 0x1ff_ffff)) >>> 0))
  if (far !== undefined) vcpu.setSysreg(SYSREG.FAR_EL1, far)
  enter(vcpu, features, VECTOR.synchronous)
}

export function takeUndefined(vcpu: VcpuBlock, features: Features): void {
  takeSynchronous(vcpu, features, { ec: EC.unknown })
}

export function takeDataAbort(vcpu: VcpuBlock, features: Features, status: number, far: bigint, write: boolean): void {
  takeSynchronous(vcpu, features, { ec: EC.dataAbort + vcpu.el, iss: status | (write ? WRITE : 0), far })
}

/** Data abort by cache maintenance or address translation, which count as writes. */
export function takeMaintenanceAbort(vcpu: VcpuBlock, features: Features, status: number, far: bigint): void {
  takeSynchronous(vcpu, features, { ec: EC.dataAbort + vcpu.el, iss: status | WRITE | CACHE_MAINTENANCE, far })
}

export function takeInstructionAbort(vcpu: VcpuBlock, features: Features, status: number, far: bigint): void {
  takeSynchronous(vcpu, features, { ec: EC.instructionAbort + vcpu.el, iss: status, far })
}

/** Takes the interrupt of highest priority that is raised and not masked; false when there is none. */
export function takePendingInterrupt(vcpu: VcpuBlock, features: Features): boolean {
  const lines = vcpu.read32(ENGINE_STATE.lines)
  if (lines === 0) return false
  const { pstate } = vcpu
  if (lines & LINE.serror && !(pstate & PSTATE.a)) {
    vcpu.write32(ENGINE_STATE.lines, lines & ~LINE.serror)
    vcpu.setSysreg(SYSREG.ESR_EL1, BigInt(((EC.serror << 26) | (1 << 25) | (vcpu.read32(ENGINE_STATE.serror) & 0x1ff_ffff)) >>> 0))
    enter(vcpu, features, VECTOR.serror)
    return true
  }
  if (lines & LINE.fiq && !(pstate & PSTATE.f)) {
    enter(vcpu, features, VECTOR.fiq)
    return true
  }
  if (lines & LINE.irq && !(pstate & PSTATE.i)) {
    enter(vcpu, features, VECTOR.irq)
    return true
  }
  return false
}

function enter(vcpu: VcpuBlock, features: Features, vector: number): void {
  const { pstate } = vcpu
  const from = vcpu.el === 0 ? 0x400 : pstate & PSTATE.spSel ? 0x200 : 0x000
  vcpu.write64(VCPU_STATE.spsrEl1, BigInt(pstate >>> 0))
  vcpu.write64(VCPU_STATE.elrEl1, vcpu.pc)
  const sctlr = vcpu.sysreg(SYSREG.SCTLR_EL1)
  let entered = (pstate & (PSTATE.nzcv | PSTATE.dit | PSTATE.pan)) | PSTATE.daif | MODE.el1h
  if (features.has('FEAT_PAN') && !(sctlr & SCTLR_SPAN)) entered |= PSTATE.pan
  if (features.has('FEAT_SSBS') && sctlr & SCTLR_DSSBS) entered |= PSTATE.ssbs
  vcpu.pstate = entered
  vcpu.write32(ENGINE_STATE.stepped, STEPPED.no)
  vcpu.pc = (vcpu.sysreg(SYSREG.VBAR_EL1) & ~0x7ffn) + BigInt(from + vector)
}

/** The bits that SPSR_EL1 restores on this CPU. */
export function pstateBits(features: Features): number {
  let bits = PSTATE.nzcv | PSTATE.ss | PSTATE.il | PSTATE.daif | PSTATE.mode
  if (features.has('FEAT_PAN')) bits |= PSTATE.pan
  if (features.has('FEAT_UAO')) bits |= PSTATE.uao
  if (features.has('FEAT_DIT')) bits |= PSTATE.dit
  if (features.has('FEAT_SSBS')) bits |= PSTATE.ssbs
  if (features.has('FEAT_BTI')) bits |= PSTATE.btype
  return bits
}

/**
 * ERET at EL1. An SPSR_EL1 that names no state reachable from here sets PSTATE.IL and changes neither exception level nor stack pointer: the next
 * instruction takes an Illegal Execution State exception. Returns false, with nothing changed, when the target is AArch32.
 */
export function exceptionReturn(vcpu: VcpuBlock, features: Features, aarch32El0: boolean): boolean {
  const spsr = Number(vcpu.read64(VCPU_STATE.spsrEl1) & 0xffff_ffffn) | 0
  const target = spsr & PSTATE.mode
  const legal = spsr & PSTATE.aarch32 ? aarch32El0 && target === 0 : target === MODE.el0t || target === MODE.el1t || target === MODE.el1h
  if (legal && spsr & PSTATE.aarch32) return false
  const to = legal && (target & PSTATE.el) === 0 ? 0 : legal ? 1 : vcpu.el
  const restored = (spsr & pstateBits(features) & ~PSTATE.ss) | stepAfterReturn(vcpu, spsr, to)
  // An illegal return still restores the flags, masks and the like, but keeps the mode.
  vcpu.pstate = legal ? restored : (restored & ~PSTATE.mode) | (vcpu.pstate & PSTATE.mode) | PSTATE.il
  vcpu.pc = vcpu.read64(VCPU_STATE.elrEl1)
  vcpu.write32(ENGINE_STATE.stepped, STEPPED.no)
  vcpu.write32(ENGINE_STATE.event, 1) // an exception return is an event, and opens the monitor
  vcpu.write32(ENGINE_STATE.monitorSize, 0)
  return true
}
