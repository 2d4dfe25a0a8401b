// The memory for compiled code is bounded: places of entry go round, and what made room for others is interpreted, and compiled again when it is still hot.
import { expect, test } from 'vitest'
import { bareMachine, CODE, mrs, word } from '../bare-machine.ts'
import { slotsUsed } from './lockstep.ts'

const PLACES = 64
const LOOPS = 150
const ROUNDS = 6n
/** No storage: the runtime answers, so that a region ends here. */
const ODD_REGISTER = 0xdf03

test('more loops than places of entry, all executed again and again', { timeout: 120_000 }, () => {
  const machine = bareMachine({ ramSize: 0x20000, jit: { threshold: 2, batch: 8, slice: 300, places: PLACES }, hooks: { readSysreg: () => 0n } })
  const loop = [
    word('MOVZ', { s: 1, i: 9, d: 1 }),
    word('ADD_imm', { s: 1, d: 2, n: 2, i: 1 }),
    word('SUBS_imm', { s: 1, d: 1, n: 1, i: 1 }),
    word('B_cond', { c: 1, i: -2 }),
    mrs(3, ODD_REGISTER),
  ]
  const words = Array.from({ length: LOOPS }, () => loop).flat()
  words.push(word('SUBS_imm', { s: 1, d: 4, n: 4, i: 1 }), word('B_cond', { c: 0, i: 2 }), word('B', { i: -(words.length + 2) }), word('HVC'))
  machine.code(CODE, words)
  const [vcpu] = machine.vcpus
  vcpu.setX(2, 0n)
  vcpu.setX(4, ROUNDS)
  expect(machine.engine.run(0, 1e9).stop.kind).toBe('hvc')
  expect(vcpu.x(2)).toBe(9n * BigInt(LOOPS) * ROUNDS)
  expect(slotsUsed(machine as never)).toBeGreaterThan(PLACES / 2)
  expect(slotsUsed(machine as never)).toBeLessThanOrEqual(PLACES)
})
