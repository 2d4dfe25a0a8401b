// Floating-point instructions in a machine: which exist on which CPU, that they trap where CPACR_EL1 says, that FPCR reaches them and FPSR collects.
import { describe, expect, test } from 'vitest'
import { createDecoder, ROWS } from '../../../../src/emulator/cpu/decode/table.ts'
import { SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE } from '../../../../src/emulator/state-layout.ts'
import { bareMachine, CODE, constant, msr, word } from '../bare-machine.ts'

const ID_AA64PFR0 = 0xc020
const HALF_PRECISION = 0x11_0000n

/** Runs these words with FP enabled; double-precision registers and FPSR before and after. */
function run(words: readonly number[], d: readonly number[], half = false) {
  const machine = bareMachine({ idRegisters: new Map(half ? [[ID_AA64PFR0, HALF_PRECISION]] : []) })
  const [vcpu] = machine.vcpus
  machine.code(CODE, words)
  vcpu.setSysreg(SYSREG.CPACR_EL1, 3n << 20n)
  const bytes = machine.engine.state(0)
  const state = new DataView(bytes.buffer, bytes.byteOffset)
  d.forEach((value, i) => {
    state.setFloat64(VCPU_STATE.v + i * 16, value, true)
  })
  const { executed } = machine.engine.run(0, words.length)
  return {
    executed,
    vcpu,
    d: (n: number) => state.getFloat64(VCPU_STATE.v + n * 16, true),
    bits: (n: number) => state.getBigUint64(VCPU_STATE.v + n * 16, true),
    fpsr: state.getUint32(VCPU_STATE.fpsr, true),
  }
}
const fdiv = word('FDIV_s', { x: 1, d: 0, n: 1, m: 2 })

describe('which exist', () => {
  const names = (features: Parameters<typeof createDecoder>[0]) => new Set(createDecoder(features).encodings.map(row => row.name))

  test('half-precision arithmetic comes with FEAT_FP16; conversions to and from half precision do not need it', () => {
    const base = names(new Set(['FEAT_FP']))
    const halves = ROWS.filter(([, , , , more]) => more?.feature === 'FEAT_FP16').map(([name]) => name)
    expect(halves.length).toBeGreaterThan(100)
    expect(halves.filter(name => base.has(name))).toEqual([])
    for (const name of ['FCVT_HS', 'FCVT_DH', 'FCVTL', 'FCVTN']) expect(base).toContain(name)
    expect(names(new Set(['FEAT_FP', 'FEAT_FP16']))).toContain('FADD_s_H')
  })

  test('half-precision arithmetic is UNDEFINED without its feature, and executes with it', () => {
    const fadd = word('FADD_s_H', { d: 0, n: 1, m: 1 })
    const undefinedThere = run([fadd], [])
    expect(undefinedThere.vcpu.sysreg(SYSREG.ESR_EL1) >> 26n).toBe(0n)
    expect(undefinedThere.vcpu.get('elrEl1')).toBe(CODE)
    expect(run([fadd], [], true).vcpu.get('pc')).toBe(CODE + 4n)
  })
})

describe('control and status', () => {
  const withMode = (mode: number) => run([...constant(3, BigInt(mode) << 22n), msr(SYSREG.FPCR, 3), fdiv], [0, 1, 3])

  test('the rounding mode written to FPCR is used from the next instruction on', () => {
    const [nearest, up, down, zero] = [0, 1, 2, 3].map(mode => withMode(mode).d(0))
    expect(nearest).toBe(1 / 3)
    expect(up).toBeGreaterThan(1 / 3)
    expect([down, zero]).toEqual([1 / 3, 1 / 3])
  })

  test('flags are collected in FPSR', () => {
    expect(withMode(0).fpsr).toBe(0x10)
    expect(run([fdiv], [0, 1, 0]).fpsr).toBe(0x02)
    expect(run([fdiv], [0, 0, 0]).fpsr).toBe(0x01)
    expect(run([fdiv], [0, 1, 2]).fpsr).toBe(0)
    expect(run([fdiv, word('FDIV_s', { x: 1, d: 0, n: 3, m: 4 })], [0, 1, 0, 1, 3]).fpsr).toBe(0x12)
  })

  test('an invalid operation gives the default NaN; a NaN operand is kept, quieted', () => {
    expect(run([fdiv], [0, 0, 0]).bits(0)).toBe(0x7ff8_0000_0000_0000n)
    const fmul = word('FMUL_s', { x: 1, d: 0, n: 1, m: 2 })
    const signalling = [...constant(3, 0xfff0_0000_dead_beefn), word('FMOV_DX', { d: 1, n: 3 }), fmul]
    const { bits, fpsr } = run(signalling, [0, 0, 2])
    expect(bits(0)).toBe(0xfff8_0000_dead_beefn)
    expect(fpsr).toBe(0x01)
  })

  test('single precision clears what is above it', () => {
    const { bits } = run([word('FMOV_imm', { x: 0, d: 0, i: 0x70 })], [Number.NaN])
    expect(bits(0)).toBe(0x3f80_0000n)
  })
})
