// Random programs for the exactness tests: random words of the table, so they take exceptions, write over themselves, leave RAM, wait and trap;
// the driver answers every stop in the same way. Not a test.
import { compileRow, ROWS } from '../../../src/emulator/cpu/decode/table.ts'
import type { StopReason } from '../../../src/emulator/cpu/engine.ts'
import { SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { type BareMachine, type BareOptions, bareMachine, CODE, DATA, EL1H, mrs, msr, RAM, RAM_SIZE, VECTORS, word } from './bare-machine.ts'

/** The same generator as in C: a multiplier and a high half. */
export function random(seed: number): () => number {
  let state = BigInt(seed) * 2n + 1n
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n)
    return Number(state >> 33n)
  }
}

const rows = ROWS.map(compileRow)
/** Bits 27:26: floating point and SIMD, their loads and stores included. */
const isVector = (row: { readonly value: number }): boolean => ((row.value >>> 26) & 3) === 3
const memoryRows = rows.filter(row => row.semantics.startsWith('loadStore'))
const plainRows = rows.filter(row => row.semantics !== 'unimplemented' && !isVector(row))
const vectorRows = rows.filter(row => row.semantics !== 'unimplemented' && isVector(row))
const branchRows = rows.filter(row => row.semantics.endsWith('Branch') || row.semantics === 'branchConditional')

/** A random word of a row, with registers from X0 to X7 and short branches forward, so that programs stay together and do not spin. */
function anyWord(next: () => number): number {
  const list = [plainRows, memoryRows, memoryRows, branchRows, vectorRows][next() % 5]!
  const row = list[next() % list.length]!
  let made = row.value
  for (const run of row.picture.matchAll(/([a-z-])\1*/g)) {
    const mask = 2 ** run[0].length - 1
    const letter = run[1]!
    const wide = 'nmatuwd'.includes(letter) && run[0].length === 5
    const distance = letter === 'i' && run[0].length >= 14
    const value = wide ? next() % 8 : distance ? 1 + (next() % 9) : next()
    made |= (value & mask) << (32 - run.index - run[0].length)
  }
  return made >>> 0
}

/** Goes on after the faulting instruction, at EL0 or EL1 by a bit of its address, with a sound SPSR_EL1. */
export const HANDLER = [
  mrs(0, SYSREG.ELR_EL1),
  word('ADD_imm', { s: 1, d: 0, n: 0, i: 4 }),
  msr(SYSREG.ELR_EL1, 0),
  word('UBFM', { s: 1, b: 1, r: 4, e: 4, d: 1, n: 0 }),
  word('MOVZ', { s: 1, i: EL1H, d: 2 }),
  word('MADD', { s: 1, d: 1, n: 1, m: 2, a: 31 }),
  msr(SYSREG.SPSR_EL1, 1),
  word('ERET'),
]

export function program(seed: number, vcpus: number, jit?: BareOptions['jit']): Timed {
  const machine = fresh(vcpus, 0, jit)
  const next = random(seed)
  for (let page = CODE; page < RAM + BigInt(RAM_SIZE); page += 0x1000n) {
    const words = Array.from({ length: 1024 }, () => anyWord(next))
    words[1023] = word('B', { i: -1023 })
    machine.code(page, words)
  }
  for (let vector = 0; vector < 0x800; vector += 0x80) machine.code(VECTORS + BigInt(vector), HANDLER)
  for (const vcpu of machine.vcpus) {
    for (let n = 0; n < 31; n++) vcpu.setX(n, next() % 3 === 0 ? CODE + BigInt((next() % 0x2000) & ~3) : DATA + BigInt(next() % 0x4000))
    vcpu.set('pc', CODE + BigInt((next() % 0x800) * 4))
    vcpu.set('spEl0', DATA)
    vcpu.setSysreg(SYSREG.CPACR_EL1, BigInt([0, 1, 3, 3][next() % 4]!) << 20n)
    vcpu.set('pstate', next() % 2 === 0 ? 0n : BigInt(EL1H))
  }
  return machine
}

/** Half precision; dot products, rounding doubling multiplies, atomics, CRC32, SHA, AES. */
const FEATURES: ReadonlyMap<number, bigint> = new Map([
  [0xc020, 0x0011_0011n],
  [0xc030, 0x1000_1021_1120n],
])

/** A machine whose odd system registers exist and count instructions, as timers do. `clock` is part of its state. */
export interface Timed extends BareMachine {
  clock: number
}
export function fresh(vcpus: number, clock = 0, jit?: BareOptions['jit']): Timed {
  const timed: Timed = Object.assign(
    bareMachine({
      vcpus,
      ...(jit === undefined ? {} : { jit }),
      idRegisters: FEATURES,
      hooks: {
        readSysreg: (_, encoding, executed) => (encoding & 1 ? BigInt(timed.clock + executed) : undefined),
        writeSysreg: (_, encoding) => (encoding & 1) === 1,
      },
    }),
    { clock },
  )
  return timed
}

/** Answers a stop so that the program goes on; the answer depends on the state only. */
function answer(machine: BareMachine, index: number, stop: StopReason): void {
  const vcpu = machine.vcpus[index]!
  const skip = (): void => vcpu.set('pc', BigInt.asUintN(64, vcpu.get('pc') + 4n))
  switch (stop.kind) {
    case 'mmio':
      machine.engine.completeMmio(index, stop.address * 0x9e37_79b9n)
      break
    case 'fetch-outside':
      vcpu.set('pc', CODE + (stop.address & 0x1ffcn))
      break
    case 'cannot-execute':
      vcpu.set('pstate', BigInt(EL1H))
      vcpu.setSysreg(SYSREG.SCTLR_EL1, 0n)
      skip()
      break
    case 'smc':
    case 'nisv':
    case 'unimplemented':
      skip()
      break
    case 'wfi':
      machine.engine.setInterruptLines(index, { irq: (vcpu.x(1) & 1n) === 0n, fiq: false })
      break
  }
}

/** Runs one vCPU for exactly `count` instructions, in pieces of at most `piece`. */
export function advance(machine: Timed, index: number, count: number, piece = count): Map<string, number> {
  const stops = new Map<string, number>()
  let left = count
  while (left > 0) {
    const { executed, stop } = machine.engine.run(index, Math.min(left, piece))
    left -= executed
    machine.clock += executed
    stops.set(stop.kind, (stops.get(stop.kind) ?? 0) + 1)
    answer(machine, index, stop)
  }
  return stops
}

export const saved = (machine: BareMachine): readonly Uint8Array[] => [
  ...machine.vcpus.map(({ index }) => machine.engine.state(index).slice(0, 0x700)),
  machine.engine.ram(RAM, RAM_SIZE).slice(),
]

export function restored(from: Timed, vcpus: number, jit?: BareOptions['jit']): Timed {
  const state = saved(from)
  const machine = fresh(vcpus, from.clock, jit)
  machine.engine.writeRam(RAM, state[vcpus]!) // first: it opens exclusive monitors
  for (let i = 0; i < vcpus; i++) machine.engine.state(i).set(state[i]!)
  return machine
}
