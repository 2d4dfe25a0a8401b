// Owns the places of core and vector registers in a "cpu" body, for editing: the inverse of cpu.ts.
import { COPROC, type RegId, regBytes, regCoproc, showRegId, sysRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import { currentStack, FPCR_BITS, FPSR_BITS, wordsReversed } from './cpu.ts'
import { CPU_OFFSET } from './cpu-layout.ts'
import type { Section } from './stream.ts'

const EL2_SPSR = sysRegId(3, 4, 4, 0, 0)
const EL2_ELR = sysRegId(3, 4, 4, 0, 1)
const EL2_SP = sysRegId(3, 6, 4, 1, 0)
const HCR_EL2 = sysRegId(3, 4, 1, 1, 0)
const AARCH32 = 0x10

/** Registers that a stream keeps outside its list: core, SVE, and three of EL2 where the list does not have them. */
export function isFixedField(cpu: Section, listed: readonly bigint[], id: bigint): boolean {
  if (id >> 56n !== 0x60n) return false
  const coproc = regCoproc(id as RegId)
  if (coproc === COPROC.core || coproc === COPROC.sve) return true
  return el2Offset(cpu, id) !== undefined && listed.includes(HCR_EL2) && !listed.includes(id)
}

/** Writes the register into a copy of the body. Throws FORMAT_UNWRITABLE for one that the section has no place for. */
export function corePatch(body: Uint8Array, cpu: Section, id: bigint, bytes: Uint8Array): void {
  const register = showRegId(id)
  if (bytes.length !== regBytes(id as RegId))
    throw new SnapError('REG_VALUE_INVALID', `${register} has ${regBytes(id as RegId)} bytes, the value has ${bytes.length}`, { register })
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const pstate = view.getUint32(CPU_OFFSET.cpsr)
  const noPlace = (why: string): SnapError =>
    new SnapError('FORMAT_UNWRITABLE', `vCPU ${cpu.instance}: ${register} cannot be changed in a QEMU stream: ${why}`, { vcpu: cpu.instance, register })
  if (regCoproc(id as RegId) === COPROC.sve) {
    patchSve(body, cpu, id, bytes, noPlace)
    return
  }
  if (regCoproc(id as RegId) !== COPROC.core) {
    const at = el2Offset(cpu, id)
    if (at === undefined) throw noPlace('it has none there')
    body.set(wordsReversed(bytes), at)
    return
  }
  const word = Number(id & 0xffffn)
  if (word >= 0x54 && word < 0xd4) {
    if (cpu.marks.has('cpu/sve')) throw noPlace('the vCPU has SVE; change its Z register')
    body.set(wordsReversed(bytes), vectorOffset(cpu, noPlace) + 4 * (word - 0x54))
    return
  }
  if (word === 0xd4 || word === 0xd5) {
    patchStatus(view, cpu, word === 0xd4, bytes, noPlace)
    return
  }
  if ((pstate & AARCH32) !== 0) throw noPlace('the vCPU is in AArch32 state, where registers are banked')
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true)
  const stack = currentStack(pstate)
  if (word < 0x3e) view.setBigUint64(CPU_OFFSET.xregs + 4 * word, value)
  else if (word === 0x3e || word === 0x44) {
    const level = word === 0x3e ? 0 : 1
    // The current one is kept apart; its slot among the others is stale, and stays so.
    view.setBigUint64(stack === level ? CPU_OFFSET.xregs + 8 * 31 : CPU_OFFSET.spEl + 8 * level, value)
  } else if (word === 0x40) view.setBigUint64(CPU_OFFSET.pc, value)
  else if (word === 0x42) patchPstate(view, cpu, pstate, value, noPlace)
  else if (word === 0x46) view.setBigUint64(CPU_OFFSET.elrEl + 8, value)
  else if (word >= 0x48 && word <= 0x50) view.setBigUint64(CPU_OFFSET.bankedSpsr + 8 + 4 * (word - 0x48), value)
  else throw noPlace('it is not a register of this ABI')
}

/** A PSTATE that selects another stack pointer would make the saved one that of another level: they change places. */
function patchPstate(view: DataView, cpu: Section, before: number, value: bigint, noPlace: (why: string) => SnapError): void {
  const next = Number(value & 0xffff_ffffn)
  const high = cpu.marks.get('cpu/pstate64')
  if (value >> 32n !== 0n && high === undefined) throw noPlace('bits above 31 need a part that this stream does not have')
  if ((next & AARCH32) !== 0) throw noPlace('it would change the vCPU to AArch32 state')
  const [from, to] = [currentStack(before), currentStack(next)]
  if (from !== to) {
    const current = CPU_OFFSET.xregs + 8 * 31
    view.setBigUint64(CPU_OFFSET.spEl + 8 * from, view.getBigUint64(current))
    view.setBigUint64(current, view.getBigUint64(CPU_OFFSET.spEl + 8 * to))
  }
  view.setUint32(CPU_OFFSET.cpsr, next)
  if (high !== undefined) view.setBigUint64(high, value)
}

function vectorOffset(cpu: Section, noPlace: (why: string) => SnapError): number {
  const at = cpu.marks.get('cpu/vfp')
  if (at === undefined) throw noPlace('the stream has no vector registers')
  return at
}

const FPSCR = 32 * 16 + 4 + 14 * 4

function patchStatus(view: DataView, cpu: Section, isFpsr: boolean, bytes: Uint8Array, noPlace: (why: string) => SnapError): void {
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
  const exact = cpu.marks.get('cpu/vfp/fpcr_fpsr')
  if (exact !== undefined) {
    view.setBigUint64(exact + (isFpsr ? 8 : 0), BigInt(value))
    return
  }
  const bits = isFpsr ? FPSR_BITS : FPCR_BITS
  if ((value & ~bits) !== 0) throw noPlace('bits outside the AArch32 FPSCR need a part that this stream does not have')
  const at = vectorOffset(cpu, noPlace) + FPSCR
  view.setUint32(at, ((view.getUint32(at) & ~bits) | value) >>> 0)
}

/** Z registers are split: the low 128 bits with the vectors, 896 bits in a part of their own; above there is no place. */
function patchSve(body: Uint8Array, cpu: Section, id: bigint, bytes: Uint8Array, noPlace: (why: string) => SnapError): void {
  const sve = cpu.marks.get('cpu/sve')
  if (sve === undefined) throw noPlace('the vCPU has no SVE state')
  const index = Number(id & 0xffffn)
  const number = (index >> 5) & 0x1f
  if (bytes.length === 256 && index < 0x400) {
    if (bytes.subarray(128).some(Boolean)) throw noPlace('QEMU saves the first 1024 bits of a vector')
    body.set(wordsReversed(bytes.subarray(0, 16)), vectorOffset(cpu, noPlace) + 16 * number)
    body.set(wordsReversed(bytes.subarray(16, 128)), sve + 112 * number)
  } else if (bytes.length === 32 && index >= 0x400 && index <= 0x600) body.set(wordsReversed(bytes), sve + 32 * 112 + 32 * ((index - 0x400) >> 5))
  else throw noPlace('QEMU does not save it')
}

/** Where a stream keeps the registers of EL2 that its list leaves out. */
function el2Offset(cpu: Section, id: bigint): number | undefined {
  const pstate = new DataView(cpu.bytes.buffer, cpu.bytes.byteOffset, cpu.bytes.byteLength).getUint32(CPU_OFFSET.cpsr)
  if (id === EL2_SPSR) return CPU_OFFSET.bankedSpsr + 8 * 6
  if (id === EL2_ELR) return CPU_OFFSET.elrEl + 16
  if (id === EL2_SP) return currentStack(pstate) === 2 ? CPU_OFFSET.xregs + 8 * 31 : CPU_OFFSET.spEl + 16
  return undefined
}
