// Owns the way from a decoded "cpu" section to a vCPU: core registers from the fixed fields, then the register list as the file orders it.
// Source: target/arm/machine.c, kvm64.c of QEMU 5.2 to 11.1; facts/qemu-stream.md §5.
import { COPROC, type RegId, regBytes, regCoproc, showRegId, sysRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerList } from '../../../model/register-list.ts'
import type { MpState, VcpuEvents, VcpuSnapshot } from '../../../model/snapshot.ts'
import { type Aarch32State, aarch64View } from './aarch32-state.ts'
import type { Decoded, DecodedValue } from './layout.ts'
import { exchangeTcgId } from './tcg-ids.ts'

const CORE_U64 = 0x6030_0000_0010_0000n
const CORE_U32 = 0x6020_0000_0010_0000n
const CORE_U128 = 0x6040_0000_0010_0000n
const SVE_Z = 0x6080_0000_0015_0000n
const SVE_P = 0x6050_0000_0015_0400n
const HCR_EL2 = sysRegId(3, 4, 1, 1, 0)
const ZCR_EL1 = sysRegId(3, 0, 1, 2, 0)
/** Of EL2, kept in fixed fields: KVM lists them with nested virtualisation. */
const EL2_REGISTERS = { spsr: sysRegId(3, 4, 4, 0, 0), elr: sysRegId(3, 4, 4, 0, 1), sp: sysRegId(3, 6, 4, 1, 0) } as const

/** Bits of the AArch32 FPSCR that are FPSR; those of FPCR. Source: target/arm/cpu.h. */
export const FPSR_BITS = 0xf800_009f
export const FPCR_BITS = 0x07ff_9f00

const AARCH32 = 0x10

export type Accelerator = 'kvm' | 'tcg'

/** A number field; 0 when the layout has none of that name. */
const num = (from: Decoded | undefined, name: string): number => Number(from?.[name] ?? 0)
const big = (from: Decoded | undefined, name: string): bigint => BigInt((from?.[name] as bigint | number | undefined) ?? 0n)
const list = <T extends DecodedValue>(from: Decoded, name: string): readonly T[] => (from[name] ?? []) as readonly T[]
const part = (from: Decoded, name: string): Decoded | undefined => from[name] as Decoded | undefined

/** Ids of the cpreg list as the file has them. */
export const savedIds = (cpu: Decoded): readonly bigint[] => list<bigint>(cpu, 'indexes')

export interface ImportedCpu {
  readonly vcpu: VcpuSnapshot
  /** What the section holds beyond registers, for a device of its own. */
  readonly rest: Readonly<Record<string, unknown>>
  readonly findings: readonly Finding[]
}

/** Throws INPUT_CORRUPT for a list whose ids repeat or are no register ids. */
export function importCpu(cpu: Decoded, index: number, accelerator: Accelerator, at: { readonly file: string; readonly offset: number }): ImportedCpu {
  const findings: Finding[] = []
  const entries = [...coreRegisters(cpu), ...vectorRegisters(cpu, index, findings)]
  const named = new Set<bigint>()
  const values = list<bigint>(cpu, 'values')
  const fromList: (readonly [RegId, bigint])[] = []
  savedIds(cpu).forEach((saved, i) => {
    const bytes = regBytes(saved as RegId)
    const value = values[i] ?? 0n
    const where = { ...at, vcpu: index, register: showRegId(saved) }
    if (bytes > 8) throw new SnapError('INPUT_CORRUPT', `${at.file}: vCPU ${index} lists ${showRegId(saved)}, which is no register of up to 64 bits`, where)
    if (value >> BigInt(8 * bytes) !== 0n)
      throw new SnapError('INPUT_CORRUPT', `${at.file}: vCPU ${index} has 0x${value.toString(16)} in the ${bytes} bytes of ${showRegId(saved)}`, where)
    named.add(saved)
    fromList.push([(accelerator === 'tcg' ? exchangeTcgId(saved) : saved) as RegId, value])
  })
  if (named.has(HCR_EL2)) entries.push(...el2Registers(cpu, named))
  entries.push(...fromList)
  const off = num(cpu, 'power_state')
  if (off > 1)
    findings.push({ severity: 'warning', code: 'power-state-unknown', vcpu: index, message: `vCPU ${index} has power state ${off}; 0 is on, 1 is off` })
  const mpState: MpState = off === 1 ? 'stopped' : 'runnable'
  const events = eventsOf(part(cpu, 'cpu/serror'))
  return { vcpu: { index, registers: registerList(entries), mpState, ...(events ? { events } : {}) }, rest: restOf(cpu), findings }
}

/** Registers of struct kvm_regs in KVM's order, without the vectors. */
function* coreRegisters(cpu: Decoded): Generator<readonly [RegId, bigint]> {
  const cpsr = num(cpu, 'cpsr')
  const spEl = list<bigint>(cpu, 'sp_el')
  const xregs = list<bigint>(cpu, 'xregs')
  const elr = list<bigint>(cpu, 'elr_el')[1] ?? 0n
  const u64 = (offset: number, value: bigint): readonly [RegId, bigint] => [(CORE_U64 | BigInt(offset)) as RegId, value]
  const pstate = big(cpu, 'cpsr') | (big(part(cpu, 'cpu/pstate64'), 'pstate') & ~0xffff_ffffn)
  const is32 = (cpsr & AARCH32) !== 0
  const view = is32 ? aarch64View(aarch32State(cpu)) : { x: xregs.slice(0, 31), spsr: list<bigint>(cpu, 'banked_spsr') }
  for (let n = 0; n < 31; n++) yield u64(2 * n, view.x[n] ?? 0n)
  const current = is32 ? -1 : currentStack(cpsr)
  const sp = xregs[31] ?? 0n
  yield u64(0x3e, current === 0 ? sp : (spEl[0] ?? 0n))
  yield u64(0x40, is32 ? BigInt((list<number>(cpu, 'regs')[15] ?? 0) >>> 0) : big(cpu, 'pc'))
  yield u64(0x42, pstate)
  yield u64(0x44, current === 1 ? sp : (spEl[1] ?? 0n))
  yield u64(0x46, elr)
  for (let n = 0; n < 5; n++) yield u64(0x48 + 2 * n, view.spsr[n + 1] ?? 0n)
}

/** Which SP_ELx the current stack pointer is. */
export const currentStack = (pstate: number): number => ((pstate & 1) === 0 ? 0 : (pstate >> 2) & 3)

function aarch32State(cpu: Decoded): Aarch32State {
  return {
    regs: list<number>(cpu, 'regs'),
    cpsr: num(cpu, 'cpsr'),
    spsr: num(cpu, 'spsr'),
    bankedSpsr: list<bigint>(cpu, 'banked_spsr'),
    bankedR13: list<number>(cpu, 'banked_r13'),
    bankedR14: list<number>(cpu, 'banked_r14'),
    usrRegs: list<number>(cpu, 'usr_regs'),
    fiqRegs: list<number>(cpu, 'fiq_regs'),
  }
}

function el2Registers(cpu: Decoded, listed: ReadonlySet<bigint>): readonly (readonly [RegId, bigint])[] {
  const stack = currentStack(num(cpu, 'cpsr')) === 2 && (num(cpu, 'cpsr') & AARCH32) === 0 ? list<bigint>(cpu, 'xregs')[31] : list<bigint>(cpu, 'sp_el')[2]
  const all = [
    [EL2_REGISTERS.spsr, list<bigint>(cpu, 'banked_spsr')[6] ?? 0n],
    [EL2_REGISTERS.elr, list<bigint>(cpu, 'elr_el')[2] ?? 0n],
    [EL2_REGISTERS.sp, stack ?? 0n],
  ] as const
  return all.filter(([id]) => !listed.has(id))
}

function* vectorRegisters(cpu: Decoded, index: number, findings: Finding[]): Generator<readonly [RegId, bigint | Uint8Array]> {
  const vfp = part(cpu, 'cpu/vfp')
  const sve = part(cpu, 'cpu/sve')
  const q = vfp?.q as Uint8Array | undefined
  if (!vfp || !q) {
    findings.push({ severity: 'warning', code: 'no-vectors', vcpu: index, message: `vCPU ${index} has no SIMD registers in the file` })
    return
  }
  if (sve) {
    const high = sve.z_high as Uint8Array
    const predicates = sve.predicates as Uint8Array
    for (let n = 0; n < 32; n++) {
      const z = new Uint8Array(256)
      z.set(wordsReversed(q.subarray(16 * n, 16 * n + 16)))
      z.set(wordsReversed(high.subarray(112 * n, 112 * n + 112)), 16)
      yield [(SVE_Z | BigInt(n << 5)) as RegId, z]
    }
    for (let n = 0; n < 17; n++) yield [(SVE_P | BigInt(n << 5)) as RegId, wordsReversed(predicates.subarray(32 * n, 32 * n + 32))]
    findings.push(...sveFindings(cpu, index))
  } else for (let n = 0; n < 32; n++) yield [(CORE_U128 | BigInt(0x54 + 4 * n)) as RegId, wordsReversed(q.subarray(16 * n, 16 * n + 16))]
  const exact = part(vfp, 'cpu/vfp/fpcr_fpsr')
  const fpscr = num(vfp, 'fpscr')
  yield [(CORE_U32 | 0xd4n) as RegId, exact ? big(exact, 'fpsr') & 0xffff_ffffn : BigInt((fpscr & FPSR_BITS) >>> 0)]
  yield [(CORE_U32 | 0xd5n) as RegId, exact ? big(exact, 'fpcr') & 0xffff_ffffn : BigInt((fpscr & FPCR_BITS) >>> 0)]
}

/** SVE keeps 16 quadwords a register at most, of which QEMU saves 8. */
function sveFindings(cpu: Decoded, index: number): readonly Finding[] {
  const zcr = savedIds(cpu).indexOf(ZCR_EL1)
  const bits = 128 * (Number((list<bigint>(cpu, 'values')[zcr] ?? 0n) & 0xfn) + 1)
  if (zcr < 0 || bits <= 1024) return []
  const message = `vCPU ${index} allows vectors of up to ${bits} bits; QEMU saves the first 1024 of each, so the rest is lost when the CPU has more`
  return [{ severity: 'warning', code: 'sve-vectors-cut', vcpu: index, message }]
}

/** Big-endian 64-bit words, the lowest first, as bytes in memory order. */
export function wordsReversed(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length)
  for (let word = 0; word < bytes.length; word += 8) for (let i = 0; i < 8; i++) out[word + i] = bytes[word + 7 - i] ?? 0
  return out
}

function eventsOf(serror: Decoded | undefined): VcpuEvents | undefined {
  if (!serror) return undefined
  return { serrorPending: num(serror, 'pending') !== 0, serrorHasEsr: num(serror, 'has_esr') !== 0, serrorEsr: big(serror, 'esr'), extDabtPending: false }
}

/** Fields that are in no register of the list: kept under QEMU's names. */
function restOf(cpu: Decoded): Readonly<Record<string, unknown>> {
  const taken = new Set(['indexes', 'values', 'cpreg_vmstate_array_len', 'cpu/serror', 'cpu/sve'])
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(cpu)) if (!taken.has(name)) rest[name] = value
  const vfp = part(cpu, 'cpu/vfp')
  if (vfp) rest['cpu/vfp'] = { fpsid: num(vfp, 'fpsid'), xregs: list<number>(vfp, 'xregs'), fpscr: num(vfp, 'fpscr') }
  return rest
}

/** KVM lists firmware registers, TCG AArch32 views; undefined for a list with neither. */
export function acceleratorOf(ids: readonly bigint[]): Accelerator | undefined {
  if (ids.some(id => [COPROC.firmware, COPROC.firmwareBitmap, COPROC.demux].includes(regCoproc(id as RegId) as 0x14) && id >> 56n === 0x60n)) return 'kvm'
  return ids.some(id => id >> 56n === 0x40n) ? 'tcg' : undefined
}
