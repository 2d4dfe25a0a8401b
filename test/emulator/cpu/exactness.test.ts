// The engine is exact: stopping after any instruction, copying the state into a fresh engine and going on gives what never stopping gives.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BareMachine, bareMachine, CODE, word } from './bare-machine.ts'
import { advance, program, restored, saved, type Timed } from './random-program.ts'

/** `.ci/run` tries many; a fast run has the first of them. */
const RUNS = process.env.PSCI_SNAP_MANY_PROGRAMS === '1' ? 300 : 12

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean => a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0)

describe('stopping and continuing', () => {
  test('at any instruction, saved into a fresh engine: the same state later', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3000 }), (seed, before, after) => {
        const whole = program(seed, 1)
        advance(whole, 0, before + after)
        const first = program(seed, 1)
        advance(first, 0, before)
        const second = restored(first, 1)
        advance(second, 0, after)
        advance(first, 0, after)
        expect(same(saved(first), saved(whole))).toBe(true)
        expect(same(saved(second), saved(whole))).toBe(true)
      }),
      { seed: 42, numRuns: RUNS },
    )
  })

  test('one instruction at a time is the same as all at once', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(fc.nat(1e6), seed => {
        const whole = program(seed, 1)
        const stepped = program(seed, 1)
        advance(whole, 0, 500)
        advance(stepped, 0, 500, 1)
        return same(saved(whole), saved(stepped))
      }),
      { seed: 43, numRuns: RUNS },
    )
  })

  test('several vCPUs in turns of fixed length, saved inside a turn', { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 99 }), (seed, vcpus, inside) => {
        const turns = (machine: Timed, from: number, to: number): void => {
          for (let turn = from; turn < to; turn++) advance(machine, turn % vcpus, 100)
        }
        const whole = program(seed, vcpus)
        turns(whole, 0, 20)
        const first = program(seed, vcpus)
        turns(first, 0, 7)
        advance(first, 7 % vcpus, inside)
        const second = restored(first, vcpus)
        advance(second, 7 % vcpus, 100 - inside)
        turns(second, 8, 20)
        return same(saved(second), saved(whole))
      }),
      { seed: 44, numRuns: RUNS },
    )
  })

  test('the programs do reach every kind of stop that they can', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 120; seed++) for (const kind of advance(program(seed, 1), 0, 1500).keys()) seen.add(kind)
    // WFE waits only before the first exception return, which sets the event register: too rare to demand.
    expect([...seen]).toEqual(expect.arrayContaining(['budget', 'fetch-outside', 'hvc', 'mmio', 'nisv', 'smc', 'wfi']))
  })
})

describe('budgets', () => {
  test('every budget stops after exactly that many instructions', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [word('ADD_imm', { s: 1, d: 1, n: 1, i: 1 }), word('B', { i: -1 })])
    for (let budget = 0; budget < 50; budget++) {
      vcpu.set('pc', CODE)
      vcpu.setX(1, 0n)
      expect(machine.engine.run(0, budget)).toEqual({ executed: budget, stop: { kind: 'budget' } })
      expect(vcpu.x(1)).toBe(BigInt(Math.ceil(budget / 2)))
      expect(vcpu.get('pc')).toBe(CODE + BigInt((budget % 2) * 4))
    }
  })

  test('endRun from a hook ends the run after that instruction', () => {
    const machine: BareMachine = bareMachine({
      hooks: {
        readSysreg: () => {
          machine.engine.endRun()
          return 7n
        },
      },
    })
    machine.code(CODE, [0xd503201f, 0xd53be040, 0xd503201f])
    expect(machine.engine.run(0, 100)).toEqual({ executed: 2, stop: { kind: 'budget' } })
    expect(machine.vcpus[0].x(0)).toBe(7n)
  })

  test('a hook learns how many instructions of the run came before', () => {
    const seen: number[] = []
    const machine = bareMachine({
      hooks: {
        readSysreg: (_, __, executed) => {
          seen.push(executed)
          return 0n
        },
      },
    })
    machine.code(CODE, [0xd53be040, 0xd503201f, 0xd53be040, word('HVC')])
    machine.vcpus[0].run()
    expect(seen).toEqual([0, 2])
  })
})
