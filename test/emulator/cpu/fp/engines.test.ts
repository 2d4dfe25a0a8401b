// Loops of floating-point instructions in compiled regions and in the interpreter: the same registers, flags and FPSR after every count of instructions.
import { describe, expect, test } from 'vitest'
import { aimFloats } from '../../../../scripts/conformance/exec-floats.ts'
import { seededRandom, wordsOf } from '../../../../scripts/conformance/words.ts'
import { compileRow, ROWS } from '../../../../src/emulator/cpu/decode/table.ts'
import { SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE } from '../../../../src/emulator/state-layout.ts'
import { bareMachine, CODE, word } from '../bare-machine.ts'
import { slotsUsed } from '../jit/lockstep.ts'

const ID_REGISTERS = new Map([[0xc020, 0x11_0000n]])
const LENGTH = 60
const COUNTER = 15
const rows = ROWS.map(compileRow).filter(row => row.semantics.startsWith('fp'))

/** A loop of random words on V0 to V7 and X0 to X7, and the state it starts with. */
function loopProgram(seed: number): { readonly words: readonly number[]; readonly v: Uint8Array; readonly fpcr: number } {
  const random = seededRandom(seed)
  const state = { x: new BigUint64Array(31), v: new Uint8Array(512) }
  const words: number[] = []
  while (words.length < LENGTH) {
    const row = rows[random() % rows.length]!
    // Registers 0 to 7 wherever a register stands.
    let made = wordsOf(row, random)()
    for (const run of row.picture.matchAll(/([ndma])\1{4}/g)) made &= ~(0x18 << (27 - run.index))
    if (!row.matches(made >>> 0)) continue
    aimFloats(row, made >>> 0, state, random)
    words.push(made >>> 0)
  }
  words.push(word('SUBS_imm', { s: 1, d: COUNTER, n: COUNTER, i: 1 }))
  words.push(word('CBNZ', { s: 1, t: COUNTER, i: -(LENGTH + 1) }))
  return { words, v: state.v, fpcr: (random() & 0x07c8_0000) >>> 0 }
}

function start(seed: number, jit: boolean) {
  const { words, v, fpcr } = loopProgram(seed)
  const machine = bareMachine({ idRegisters: ID_REGISTERS, jit: jit ? { threshold: 2, batch: 1, slice: 200 } : false })
  machine.code(CODE, words)
  const [vcpu] = machine.vcpus
  vcpu.setSysreg(SYSREG.CPACR_EL1, 3n << 20n)
  vcpu.setX(COUNTER, 1000n)
  const state = machine.engine.state(0)
  state.set(v, VCPU_STATE.v)
  new DataView(state.buffer, state.byteOffset).setUint32(VCPU_STATE.fpcr, seed % 3 === 0 ? 0 : fpcr, true)
  return machine
}

describe('interpreter and compiled regions', () => {
  test.each(Array.from({ length: 24 }, (_, seed) => seed))('program %i', seed => {
    const [plain, compiled] = [start(seed, false), start(seed, true)]
    const random = seededRandom(seed + 1000)
    for (let piece = 0; piece < 12; piece++) {
      const count = 1 + (random() % 700)
      for (const machine of [plain, compiled]) expect(machine.engine.run(0, count).executed).toBe(count)
      const states = [plain, compiled].map(machine => Buffer.from(machine.engine.state(0).slice(0, VCPU_STATE.engine)).toString('hex'))
      expect(states[1]).toBe(states[0])
    }
    expect(slotsUsed({ ...compiled, clock: 0 })).toBeGreaterThan(0)
  })
})
