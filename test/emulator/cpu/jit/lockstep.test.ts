// Compiled regions do what the interpreter does: random programs in lockstep (scripts/conformance-jit.ts runs many more), and the cases that are easy to get wrong.
import { describe, expect, test } from 'vitest'
import { type BareMachine, bareMachine, CODE, DATA, word } from '../bare-machine.ts'
import { EAGER, lockstep, slotsUsed } from './lockstep.ts'

describe('random programs', () => {
  for (let seed = 1; seed <= 10; seed++) {
    test(`program ${seed}`, { timeout: 120_000 }, () => {
      expect(lockstep(seed).difference).toBeUndefined()
    })
  }
})

const LOOP = CODE + 4n
/** Counts X1 down to zero, X2 up, with `body` in between; then HVC. */
const counting = (body: readonly number[]): readonly number[] => [
  0xd503201f,
  ...body,
  word('ADD_imm', { s: 1, d: 2, n: 2, i: 1 }),
  word('SUBS_imm', { s: 1, d: 1, n: 1, i: 1 }),
  word('B_cond', { c: 1, i: -(body.length + 2) }),
  word('HVC'),
]
function counter(body: readonly number[]): BareMachine {
  const machine = bareMachine({ jit: EAGER })
  machine.code(CODE, counting(body))
  machine.vcpus[0].setX(1, 5000n)
  machine.vcpus[0].setX(2, 0n)
  machine.vcpus[0].setX(3, DATA)
  return machine
}

describe('a loop', () => {
  test('is compiled, and stops after exactly the instructions that it may execute', () => {
    const { engine, vcpus } = counter([])
    expect(engine.run(0, 7003)).toEqual({ executed: 7003, stop: { kind: 'budget' } })
    // one instruction before the loop, three in it
    expect(vcpus[0].x(2)).toBe(2334n)
    expect(vcpus[0].get('pc')).toBe(LOOP)
    expect(engine.run(0, 1e6)).toEqual({ executed: 15002 - 7003, stop: { kind: 'hvc', immediate: 0 } })
    expect(vcpus[0].x(2)).toBe(5000n)
    expect(slotsUsed({ engine } as never)).toBeGreaterThan(0)
  })

  test('that leaves RAM stops at the access with everything before it done', () => {
    const machine = counter([word('STR_X_post', { t: 2, n: 3, i: 16 })])
    const [vcpu] = machine.vcpus
    const { stop } = machine.engine.run(0, 1e6)
    expect(stop).toMatchObject({ kind: 'nisv', write: true })
    expect(vcpu.x(3)).toBe(DATA + 0x8000n)
    expect(vcpu.x(2)).toBe(0x800n)
    expect(vcpu.get('pc')).toBe(LOOP)
    expect(machine.dword(DATA + 0x7ff0n)).toBe(0x7ffn)
  })

  test('that writes over its own next instruction executes what it wrote', () => {
    // STR W4 over the ADD behind it: SUB X2, X2, #1 from then on
    const machine = counter([word('STR_W_imm', { t: 4, n: 3 })])
    const [vcpu] = machine.vcpus
    vcpu.setX(3, CODE + 8n)
    vcpu.setX(4, BigInt(word('SUB_imm', { s: 1, d: 2, n: 2, i: 1 })))
    expect(machine.engine.run(0, 1e6).stop.kind).toBe('hvc')
    expect(vcpu.x(2)).toBe(-5000n & 0xffff_ffff_ffff_ffffn)
  })

  test('whose code is written from outside executes the new code', () => {
    const machine = counter([])
    machine.engine.run(0, 3001)
    machine.code(LOOP, [word('ADD_imm', { s: 1, d: 2, n: 2, i: 2 })])
    expect(machine.engine.run(0, 1e6).stop.kind).toBe('hvc')
    expect(machine.vcpus[0].x(2)).toBe(1000n + 2n * 4000n)
  })

  test('whose code another vCPU writes executes the new code', () => {
    const machine = bareMachine({ jit: EAGER, vcpus: 2 })
    machine.code(CODE, counting([]))
    machine.code(CODE + 0x1000n, [word('STR_W_imm', { t: 4, n: 3 }), word('HVC')])
    const [first, second] = machine.vcpus as [(typeof machine.vcpus)[0], (typeof machine.vcpus)[0]]
    first.setX(1, 5000n)
    first.setX(2, 0n)
    second.set('pc', CODE + 0x1000n)
    second.setX(3, LOOP)
    second.setX(4, BigInt(word('ADD_imm', { s: 1, d: 2, n: 2, i: 3 })))
    machine.engine.run(0, 3001)
    expect(second.run().kind).toBe('hvc')
    expect(machine.engine.run(0, 1e6).stop.kind).toBe('hvc')
    expect(first.x(2)).toBe(1000n + 3n * 4000n)
  })
})
