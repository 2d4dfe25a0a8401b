// Owns access to one vCPU's block from TypeScript, between runs of generated code: registers, PSTATE, system-register storage by encoding. Knows no rule.
import { SnapError } from '../../errors.ts'
import { VCPU_STATE } from '../state-layout.ts'
import type { SysRegMap } from './engine.ts'
import { PSTATE } from './pstate.ts'

export class VcpuBlock {
  readonly index: number
  /** Address in linear memory. */
  readonly address: number
  readonly #view: DataView
  readonly #sysregs: SysRegMap

  constructor(index: number, view: DataView, address: number, sysregs: SysRegMap) {
    this.index = index
    this.#view = view
    this.address = address
    this.#sysregs = sysregs
  }

  get pc(): bigint {
    return this.read64(VCPU_STATE.pc)
  }
  set pc(value: bigint) {
    this.write64(VCPU_STATE.pc, value)
  }

  /** The low half of PSTATE: all that AArch64 has. Signed, as bit operations give it. */
  get pstate(): number {
    return this.#view.getInt32(VCPU_STATE.pstate, true)
  }
  set pstate(value: number) {
    this.write64(VCPU_STATE.pstate, BigInt(value >>> 0))
  }

  get el(): 0 | 1 {
    return (this.pstate & PSTATE.el) === 0 ? 0 : 1
  }

  /** X0 to X30; 31 reads as zero. */
  x(n: number): bigint {
    return n === 31 ? 0n : this.read64(VCPU_STATE.x + n * 8)
  }
  setX(n: number, value: bigint): void {
    if (n !== 31) this.write64(VCPU_STATE.x + n * 8, value)
  }

  /** Storage of a system register that the map has; 0 when it has not. */
  sysreg(encoding: number): bigint {
    const slot = this.#sysregs.get(encoding)
    return slot ? this.read64(VCPU_STATE.sysregs + slot.slot * 8) : 0n
  }

  /** Its low 32 bits, signed; for what is looked at often. */
  sysregLow(encoding: number): number {
    const slot = this.#sysregs.get(encoding)
    return slot ? this.#view.getInt32(VCPU_STATE.sysregs + slot.slot * 8, true) : 0
  }

  setSysreg(encoding: number, value: bigint): void {
    const slot = this.#sysregs.get(encoding)
    if (!slot) throw new SnapError('BUILD_UNUSABLE', `system register encoding 0x${encoding.toString(16)} has no storage`)
    this.write64(VCPU_STATE.sysregs + slot.slot * 8, value)
  }

  read32(offset: number): number {
    return this.#view.getUint32(offset, true)
  }
  write32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true)
  }
  read64(offset: number): bigint {
    return this.#view.getBigUint64(offset, true)
  }
  write64(offset: number, value: bigint): void {
    this.#view.setBigUint64(offset, value, true)
  }
}
