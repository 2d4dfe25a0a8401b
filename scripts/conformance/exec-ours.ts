// Owns our side of the execution check: the same words at the same addresses in an engine of ours. Knows no reference.
import { createEngine } from '../../src/emulator/cpu/create-engine.ts'
import { SYSREG } from '../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../src/emulator/state-layout.ts'
import { type ExecCase, type ExecResult, ID_REGISTERS, SLOT, VECTOR_BYTES, WINDOW, WINDOW_BYTES } from './exec-record.ts'

const EL1H_MASKED = 0x3c5n
/** CPACR_EL1.FPEN: nothing traps. */
const FP_ENABLED = 3n << 20n
const HVC = 0xd4000002
/** Enough for both words and the landing. */
const BUDGET = 8

export function openOurs(): (test: ExecCase) => ExecResult {
  const sysregs = new Map([SYSREG.SCTLR_EL1, SYSREG.VBAR_EL1, SYSREG.ESR_EL1, SYSREG.FAR_EL1, SYSREG.CPACR_EL1].map((encoding, slot) => [encoding, { slot }]))
  const engine = createEngine({
    ram: [
      { start: SLOT & ~0xfffn, size: 8192 },
      { start: WINDOW, size: 4096 },
    ],
    vcpus: 1,
    idRegisters: ID_REGISTERS,
    sysregs,
    hooks: { readSysreg: () => undefined, writeSysreg: () => false },
  })
  const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
  const bytes = engine.state(0)
  const state = new DataView(bytes.buffer, bytes.byteOffset, VCPU_STATE_BYTES)
  state.setBigUint64(VCPU_STATE.sysregs + sysregs.get(SYSREG.CPACR_EL1)!.slot * 8, FP_ENABLED, true)
  const hvc = (immediate: number): number => HVC | (immediate << 5)
  return test => {
    engine.writeRam(SLOT - 4n, words(hvc(1), ...test.words, hvc(0), hvc(1)))
    engine.writeRam(WINDOW, test.window)
    test.x.forEach((value, i) => {
      state.setBigUint64(VCPU_STATE.x + i * 8, value, true)
    })
    bytes.set(test.v, VCPU_STATE.v)
    state.setUint32(VCPU_STATE.fpcr, test.fpcr, true)
    state.setUint32(VCPU_STATE.fpsr, test.fpsr, true)
    state.setBigUint64(VCPU_STATE.spEl1, test.sp, true)
    state.setBigUint64(VCPU_STATE.pstate, EL1H_MASKED | BigInt(test.nzcv), true)
    state.setBigUint64(VCPU_STATE.pc, SLOT, true)
    bytes.fill(0, VCPU_STATE.engine, VCPU_STATE.sysregs) // CLREX and the like
    const { stop } = engine.run(0, BUDGET)
    if (stop.kind !== 'hvc')
      throw new Error(`${test.name} ${test.words[1].toString(16)} stopped: ${stop.kind} at PC 0x${state.getBigUint64(VCPU_STATE.pc, true).toString(16)}`)
    return {
      branched: stop.immediate === 1,
      nzcv: (state.getUint32(VCPU_STATE.pstate, true) & 0xf0000000) >>> 0,
      sp: state.getBigUint64(VCPU_STATE.spEl1, true),
      x: BigUint64Array.from({ length: 31 }, (_, i) => state.getBigUint64(VCPU_STATE.x + i * 8, true)),
      fpcr: state.getUint32(VCPU_STATE.fpcr, true),
      fpsr: state.getUint32(VCPU_STATE.fpsr, true),
      v: bytes.slice(VCPU_STATE.v, VCPU_STATE.v + VECTOR_BYTES),
      window: engine.ram(WINDOW, WINDOW_BYTES).slice(),
    }
  }
}
