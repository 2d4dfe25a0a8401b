// Code is known by its physical page: whoever writes it, under whatever address, on whatever vCPU, the next fetch sees the new instruction.
import { describe, expect, test } from 'vitest'
import { CODE, HVC, NOP, RAM, type Vcpu, word } from '../bare-machine.ts'
import { D, type Paged, pagedMachine } from './paged-machine.ts'

const PAGE = RAM + 0x1_0000n
const NEXT = RAM + 0x1_8000n
/** Two names for PAGE, and behind the first one NEXT, which lies elsewhere. */
const FIRST = 0x123_0000n
const SECOND = 0x654_0000n
const setX1 = (i: number): number => word('MOVZ', { s: 1, i, d: 1 })

function setUp(vcpus = 1): Paged {
  const paged = pagedMachine({ vcpus })
  paged.low.map(FIRST, PAGE, D.flag)
  paged.low.map(FIRST + 0x1000n, NEXT, D.flag)
  paged.low.map(SECOND, PAGE, D.flag)
  paged.machine.code(PAGE, [setX1(1), HVC])
  return paged
}

function run(vcpu: Vcpu, pc: bigint): bigint {
  vcpu.set('pc', pc)
  vcpu.run()
  return vcpu.x(1)
}

/** Executes these words at CODE with X2 = address, X3 = value. */
function write({ machine }: Paged, vcpu: Vcpu, words: readonly number[], address: bigint, value: bigint): void {
  machine.code(CODE, [...words, HVC])
  vcpu.setX(2, address)
  vcpu.setX(3, value)
  vcpu.set('pc', CODE)
  vcpu.run()
}

const STORE = word('STR_W_imm', { n: 2, t: 3 })

describe.each([
  ['its own address', FIRST],
  ['another address', SECOND],
  ['its physical address', undefined],
])('through %s', (_, at) => {
  const prepared = (vcpus = 1): readonly [Paged, bigint] => {
    const paged = setUp(vcpus)
    if (at === undefined) paged.low.map(PAGE, PAGE, D.flag)
    return [paged, at ?? PAGE]
  }

  test('a store, also when the page was written fast before it was executed', () => {
    const [paged, target] = prepared()
    write(paged, paged.vcpu, [STORE, STORE], target + 0x100n, 0n)
    expect(run(paged.vcpu, FIRST)).toBe(1n)
    write(paged, paged.vcpu, [STORE], target, BigInt(setX1(2)))
    expect(run(paged.vcpu, FIRST)).toBe(2n)
    write(paged, paged.vcpu, [STORE], target, BigInt(setX1(3)))
    expect([run(paged.vcpu, SECOND), run(paged.vcpu, FIRST)]).toEqual([3n, 3n])
  })

  test('a store of another vCPU', () => {
    const [paged, target] = prepared(2)
    const [first, second] = paged.machine.vcpus as unknown as [Vcpu, Vcpu]
    write(paged, second, [STORE], target + 0x100n, 0n)
    expect(run(first, FIRST)).toBe(1n)
    write(paged, second, [STORE], target, BigInt(setX1(2)))
    expect(run(first, FIRST)).toBe(2n)
  })

  test('DC ZVA', () => {
    const [paged, target] = prepared()
    paged.machine.code(PAGE, [setX1(1), NOP, HVC])
    expect(run(paged.vcpu, FIRST)).toBe(1n)
    write(paged, paged.vcpu, [word('SYS', { o: 3, k: 7, j: 4, x: 1, t: 2 })], target, 0n)
    paged.machine.code(RAM + 0x4200n, [HVC]) // a word of zeros is UNDEFINED
    run(paged.vcpu, FIRST)
    expect(paged.vcpu.get('elrEl1')).toBe(FIRST)
  })
})

test('a store across the end of a page into one that lies elsewhere', () => {
  const paged = setUp()
  paged.machine.code(PAGE + 0xffcn, [setX1(1)])
  paged.machine.code(NEXT, [word('ADD_imm', { s: 1, i: 16, n: 1, d: 1 }), HVC])
  expect(run(paged.vcpu, FIRST + 0xffcn)).toBe(17n)
  const both = (BigInt(word('ADD_imm', { s: 1, i: 32, n: 1, d: 1 })) << 32n) | BigInt(setX1(2))
  write(paged, paged.vcpu, [word('STUR_X', { n: 2, t: 3 })], FIRST + 0xffcn, both)
  expect(run(paged.vcpu, FIRST + 0xffcn)).toBe(34n)
})

test('a write from outside', () => {
  const paged = setUp()
  expect([run(paged.vcpu, FIRST), run(paged.vcpu, SECOND)]).toEqual([1n, 1n])
  paged.machine.code(PAGE, [setX1(5)])
  expect([run(paged.vcpu, SECOND), run(paged.vcpu, FIRST)]).toEqual([5n, 5n])
})

test('PC-relative addresses are those of the name that is executed', () => {
  const paged = setUp()
  paged.machine.code(PAGE, [word('ADR', { i: 1, d: 1 }), HVC])
  expect([run(paged.vcpu, FIRST), run(paged.vcpu, SECOND)]).toEqual([FIRST + 4n, SECOND + 4n])
})

test('a store-exclusive needs the address of the load-exclusive, not another name of it', () => {
  const paged = setUp()
  const words = [word('LDXR_X', { n: 2, t: 4 }), word('STXR_X', { n: 2, t: 3, w: 5 }), word('LDXR_X', { n: 2, t: 4 }), word('STXR_X', { n: 6, t: 3, w: 7 })]
  paged.vcpu.setX(6, SECOND)
  write(paged, paged.vcpu, words, FIRST, 7n)
  expect([paged.vcpu.x(5), paged.vcpu.x(7)]).toEqual([0n, 1n])
})

test('a write from outside opens the monitor, which knows a virtual address', () => {
  const paged = setUp()
  const store = word('STXR_X', { n: 2, t: 3, w: 5 })
  paged.machine.code(CODE, [word('LDXR_X', { n: 2, t: 4 }), store, HVC])
  for (const [touch, status] of [
    [false, 0n],
    [true, 1n],
  ] as const) {
    paged.vcpu.setX(2, FIRST)
    paged.vcpu.set('pc', CODE)
    paged.machine.engine.run(0, 1)
    if (touch) paged.machine.engine.writeRam(PAGE, new Uint8Array(8))
    paged.vcpu.run()
    expect(paged.vcpu.x(5)).toBe(status)
  }
})
