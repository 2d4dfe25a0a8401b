// The comparison of the engine with and without compiled regions on one program: stopped at random instructions, saved and restored. Not a test.
import { AT } from '../../../../src/emulator/cpu/interpreter/layout.ts'
import { advance, program, random, restored, saved, type Timed } from '../random-program.ts'
import { hotProgram } from './hot-program.ts'

/** Everything is hot at once, and compiled at once. */
export const EAGER = { threshold: 2, batch: 1, slice: 60 }
const LAZY = { threshold: 5, batch: 3, slice: 500, places: 64 }

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean => a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0)

/** How many places of entry into compiled code the engine has had. */
export function slotsUsed(machine: Timed): number {
  return new DataView(machine.engine.state(0).buffer as ArrayBuffer).getUint32(AT.slotCount, true)
}

/** What differed, or undefined; and how many slots were used. */
export function lockstep(seed: number): { readonly difference: string | undefined; readonly slots: number } {
  const next = random(seed * 7 + 3)
  const jit = seed % 3 === 0 ? LAZY : EAGER
  const vcpus = seed % 4 === 1 ? 2 : 1
  const make = (how: typeof EAGER | false): Timed => (seed % 5 === 4 ? program(seed, vcpus, how) : hotProgram(seed, how, vcpus))
  const plain = make(false)
  let compiled = make(jit)
  let total = 0
  let slots = 0
  for (let piece = 0; piece < 8; piece++) {
    const count = 1 + (next() % 6000)
    const vcpu = piece % vcpus
    advance(plain, vcpu, count)
    // In one go, in small pieces, or in two.
    const how = next() % 4
    if (how === 0) advance(compiled, vcpu, count, 1 + (next() % 300))
    else if (how === 1) {
      const first = next() % count
      advance(compiled, vcpu, first)
      if (next() % 2 === 0) {
        slots += slotsUsed(compiled)
        compiled = restored(compiled, vcpus, jit)
      }
      advance(compiled, vcpu, count - first)
    } else advance(compiled, vcpu, count)
    total += count
    if (!same(saved(plain), saved(compiled))) return { difference: `seed ${seed}: other state after ${total} instructions`, slots }
  }
  return { difference: undefined, slots: slots + slotsUsed(compiled) }
}
