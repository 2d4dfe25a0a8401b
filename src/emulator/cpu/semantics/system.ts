// Owns the system instructions that generated code executes itself: no-ops, plain register moves, NZCV, DAIF, DC ZVA. The rest traps to the runtime.
// Arm ARM C5, C6.2 MRS, MSR, SYS. Exception level 0 always traps here: the runtime knows what it may do.
import { VCPU_STATE } from '../../state-layout.ts'
import { DEBUG_CONTROLS } from '../debug/debug-registers.ts'
import { ENGINE_STATE } from '../engine-state.ts'
import { AT } from '../interpreter/layout.ts'
import { PSTATE } from '../pstate.ts'
import { SCTLR } from '../sctlr.ts'
import { encodingOf, SYSREG } from '../system-register-encoding.ts'
import { constant32, constant64, extendU, i32, i64, wrap } from '../wasm/expression.ts'
import { type Emit, FLAGS } from './emit.ts'
import { defineFpControl } from './fp/control.ts'
import { type Define, type Lower, type Lowered, source, TRAP, target } from './op.ts'

const pstate = (e: Emit) => e.state32(VCPU_STATE.pstate)
const onlyEl1 = (e: Emit): void => e.when(i32.eqz(i32.and(pstate(e), constant32(PSTATE.el))), () => e.trap())
const onlyEl1h = (e: Emit): void => e.when(i32.eqz(i32.and(pstate(e), constant32(PSTATE.spSel))), () => e.trap())
/** What may unmask an interrupt is the runtime's while one waits, and PSTATE.D is its own where something is debugged. */
const nothingPending = (e: Emit): void => e.when(i32.or(e.state32(ENGINE_STATE.lines), e.state32(ENGINE_STATE.debugging)), () => e.trap())
const notDebugging = (e: Emit): void => e.when(e.state32(ENGINE_STATE.debugging), () => e.trap())
const DAIF = constant32(PSTATE.daif)

export function defineSystem(define: Define): void {
  defineFpControl(define)
  const hot = { hot: true }
  define('NOP', () => {}, hot)
  define('TRAP', e => e.trap())
  define('NOP_EL1', onlyEl1)
  define('MRS_STATE_EL0', e => e.setX('d', e.state64(wrap(e.imm()))), hot)
  define('MSR_STATE_EL0', e => e.setState64(wrap(e.imm()), e.x('n')))
  const readState = (e: Emit): void => {
    onlyEl1(e)
    e.setX('d', e.state64(wrap(e.imm())))
  }
  define('MRS_STATE', readState, hot)
  const writeState = (e: Emit): void => {
    onlyEl1(e)
    e.setState64(wrap(e.imm()), e.x('n'))
  }
  define('MSR_STATE', writeState, hot)
  // SP_EL0 from EL1h only: the stack pointer in use is a register of generated code
  const readSpEl0 = (e: Emit): void => {
    onlyEl1h(e)
    e.setX('d', e.state64(constant32(VCPU_STATE.spEl0)))
  }
  define('MRS_SP_EL0', readSpEl0, hot)
  const writeSpEl0 = (e: Emit): void => {
    onlyEl1h(e)
    e.setState64(constant32(VCPU_STATE.spEl0), e.x('n'))
  }
  define('MSR_SP_EL0', writeSpEl0)
  const readCurrentEl = (e: Emit): void => {
    onlyEl1(e)
    e.setX('d', extendU(i32.and(pstate(e), constant32(PSTATE.el))))
  }
  define('MRS_CurrentEL', readCurrentEl)
  const time = (e: Emit) => i64.add(e.fixed64(AT.entryTime), extendU(e.attempted()))
  const count = (e: Emit, offset: number) => i64.sub(i64.shrU(time(e), extendU(e.fixed32(AT.tickShift))), e.fixed64(offset))
  const readVirtualCount = (e: Emit): void => {
    e.when(e.fixed32(AT.counterTrapped), () => e.trap())
    e.setX('d', count(e, AT.virtualOffset))
  }
  define('MRS_CNTVCT', readVirtualCount, hot)
  const readPhysicalCount = (e: Emit): void => {
    onlyEl1(e)
    e.setX('d', count(e, AT.physicalOffset))
  }
  define('MRS_CNTPCT', readPhysicalCount, hot)
  define('MRS_NZCV', e => e.setX('d', i64.shl(extendU(e.nzcv()), constant64(28n))))
  define('MSR_NZCV', e => e.setFlags(constant32(FLAGS.raw), i64.and(i64.shrU(e.x('n'), constant64(28n)), constant64(15n)), constant64(0n)))
  const readDaif = (e: Emit): void => {
    onlyEl1(e)
    e.setX('d', extendU(i32.and(pstate(e), DAIF)))
  }
  define('MRS_DAIF', readDaif, hot)
  const writeDaif = (e: Emit): void => {
    onlyEl1(e)
    nothingPending(e)
    e.setState32(VCPU_STATE.pstate, i32.or(i32.and(pstate(e), i32.not(DAIF)), i32.and(wrap(e.x('n')), DAIF)))
  }
  define('MSR_DAIF', writeDaif, hot)
  const setDaif = (e: Emit): void => {
    onlyEl1(e)
    notDebugging(e)
    e.setState32(VCPU_STATE.pstate, i32.or(pstate(e), i32.shl(e.aux(), constant32(6))))
  }
  define('MSR_DAIFSet', setDaif, hot)
  const clearDaif = (e: Emit): void => {
    onlyEl1(e)
    nothingPending(e)
    e.setState32(VCPU_STATE.pstate, i32.and(pstate(e), i32.not(i32.shl(e.aux(), constant32(6)))))
  }
  define('MSR_DAIFClr', clearDaif, hot)
  // SCTLR_EL1 is where the immediate says; without its DZE, EL0 traps.
  const zeroBlock = (e: Emit): void => {
    const isEl0 = i32.eqz(i32.and(pstate(e), constant32(PSTATE.el)))
    const forbidden = i64.eqz(i64.and(e.state64(wrap(e.imm())), constant64(SCTLR.dze)))
    e.when(i32.and(isEl0, forbidden), () => e.trap())
    e.zero64(e.keep(i64.and(e.x('n'), constant64(~63n))))
  }
  define('DC_ZVA', zeroBlock)
  // A page that can be read needs no more for cache maintenance by EL1; what cannot goes to the runtime (system-instructions.ts).
  const maintainCache = (e: Emit): void => {
    onlyEl1(e)
    e.keep(e.load(1, false, e.x('n')))
  }
  define('CACHE_LINE', maintainCache)
}

/** Registers of the block's first part, by their offset there; EL1 only. */
const CORE: ReadonlyMap<number, number> = new Map([
  [SYSREG.ELR_EL1, VCPU_STATE.elrEl1],
  [SYSREG.SPSR_EL1, VCPU_STATE.spsrEl1],
])
/** Storage that EL0 may use as well: reading, writing. */
const EL0_READS: ReadonlySet<number> = new Set([SYSREG.TPIDR_EL0, SYSREG.TPIDRRO_EL0])
const EL0_WRITES: ReadonlySet<number> = new Set([SYSREG.TPIDR_EL0])
/** Writing these does more than storing, or changes what generated code may do. VBAR_EL1 has reserved bits. */
const WRITE_TRAPS: ReadonlySet<number> = new Set([
  SYSREG.SCTLR_EL1,
  SYSREG.VBAR_EL1,
  SYSREG.CPACR_EL1,
  SYSREG.TCR_EL1,
  SYSREG.TCR2_EL1,
  SYSREG.TTBR0_EL1,
  SYSREG.TTBR1_EL1,
  SYSREG.MAIR_EL1,
])
const OWN_OPS: ReadonlyMap<number, string> = new Map([
  [SYSREG.SP_EL0, 'SP_EL0'],
  [SYSREG.NZCV, 'NZCV'],
  [SYSREG.DAIF, 'DAIF'],
  [SYSREG.FPCR, 'FPCR'],
  [SYSREG.FPSR, 'FPSR'],
])
const slotOffset = (slot: number): bigint => BigInt(VCPU_STATE.sysregs + slot * 8)
/** op1 says who may use a register (Arm ARM D1, "system register encoding"): 0 to 2 EL1, 3 everyone; more is not for this CPU. */
const forEl1 = (encoding: number): boolean => ((encoding >> 11) & 7) <= 2

export const lowerReadRegister: Lower = (f, _, __, context): Lowered => {
  const encoding = encodingOf(2 + f.b, f.o, f.k, f.j, f.x)
  const d = target(f.t)
  const own = encoding === SYSREG.CurrentEL ? 'CurrentEL' : OWN_OPS.get(encoding)
  if (own !== undefined) return { op: `MRS_${own}`, d }
  const core = CORE.get(encoding)
  if (core !== undefined) return { op: 'MRS_STATE', d, imm: BigInt(core) }
  if (context.countersInside && encoding === SYSREG.CNTVCT_EL0) return { op: 'MRS_CNTVCT', d }
  if (context.countersInside && encoding === SYSREG.CNTPCT_EL0) return { op: 'MRS_CNTPCT', d }
  const slot = context.sysregs.get(encoding)
  if (!slot) return TRAP
  if (EL0_READS.has(encoding)) return { op: 'MRS_STATE_EL0', d, imm: slotOffset(slot.slot) }
  return forEl1(encoding) ? { op: 'MRS_STATE', d, imm: slotOffset(slot.slot) } : TRAP
}

export const lowerWriteRegister: Lower = (f, _, __, context): Lowered => {
  const encoding = encodingOf(2 + f.b, f.o, f.k, f.j, f.x)
  const n = source(f.t)
  const own = OWN_OPS.get(encoding)
  if (own !== undefined) return { op: `MSR_${own}`, n }
  const core = CORE.get(encoding)
  if (core !== undefined) return { op: 'MSR_STATE', n, imm: BigInt(core) }
  const slot = context.sysregs.get(encoding)
  if (!slot || slot.readOnly || slot.writeMask !== undefined || WRITE_TRAPS.has(encoding) || DEBUG_CONTROLS.has(encoding)) return TRAP
  if (EL0_WRITES.has(encoding)) return { op: 'MSR_STATE_EL0', n, imm: slotOffset(slot.slot) }
  return forEl1(encoding) ? { op: 'MSR_STATE', n, imm: slotOffset(slot.slot) } : TRAP
}

export const lowerMoveToPstate: Lower = f => {
  if (f.o === 3 && f.x === 6) return { op: 'MSR_DAIFSet', aux: f.i }
  if (f.o === 3 && f.x === 7) return { op: 'MSR_DAIFClr', aux: f.i }
  return TRAP
}

/** Cache maintenance has nothing to do but to fault: memory is coherent and writes to code are seen. */
const NOTHING_AT_EL1: ReadonlySet<number> = new Set([
  encodingOf(1, 0, 7, 1, 0), // IC IALLUIS
  encodingOf(1, 0, 7, 5, 0), // IC IALLU
])
const BY_ADDRESS: ReadonlySet<number> = new Set([
  encodingOf(1, 3, 7, 5, 1), // IC IVAU
  encodingOf(1, 3, 7, 10, 1), // DC CVAC
  encodingOf(1, 3, 7, 11, 1), // DC CVAU
  encodingOf(1, 3, 7, 14, 1), // DC CIVAC
])
const DC_ZVA = encodingOf(1, 3, 7, 4, 1)
/** BS of a 64-byte block, the only size that generated code zeroes. */
const ZVA_64 = 4

export const lowerSystem: Lower = (f, encoding, _, context) => {
  if (encoding.name === 'SYSL') return TRAP
  const operation = encodingOf(1, f.o, f.k, f.j, f.x)
  if (operation === DC_ZVA && context.zvaBlock === ZVA_64)
    return { op: 'DC_ZVA', n: source(f.t), imm: slotOffset(context.sysregs.get(SYSREG.SCTLR_EL1)?.slot ?? 0) }
  if (BY_ADDRESS.has(operation)) return { op: 'CACHE_LINE', n: source(f.t) }
  return NOTHING_AT_EL1.has(operation) ? { op: 'NOP_EL1' } : TRAP
}
