// Code that changes: whoever writes a decoded instruction, in whatever way, the next fetch sees the new one.
import { describe, expect, test } from 'vitest'
import { bareMachine, CODE, constant, DATA, HVC, NOP, word } from './bare-machine.ts'

const setX1 = (i: number): number => word('MOVZ', { s: 1, i, d: 1 })
const B_BACK = (words: number): number => word('B', { i: -words })

describe('a store changes', () => {
  test.each([
    ['the next instruction', 4],
    ['a later one of the same page', 0x400],
    ['one of the next page', 0x1004],
  ])('%s, which has been executed before', (_, distance) => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    const store = word('STR_W_imm', { n: 2, t: 3 })
    const target = CODE + BigInt(distance)
    // First pass executes the target as it was; second pass stores over it and must execute the new one.
    machine.code(CODE, [store, NOP])
    machine.code(target, [setX1(1), HVC])
    vcpu.setX(2, DATA)
    vcpu.setX(3, BigInt(setX1(2)))
    vcpu.set('pc', target)
    vcpu.run()
    expect(vcpu.x(1)).toBe(1n)
    vcpu.setX(2, target)
    vcpu.set('pc', CODE)
    if (distance > 4) machine.code(CODE + 4n, [word('B', { i: (distance - 4) / 4 })])
    vcpu.run()
    expect(vcpu.x(1)).toBe(2n)
  })

  test('an instruction that was decoded ahead but not executed yet', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [word('STR_W_imm', { n: 2, t: 3 }), NOP, NOP, setX1(1), HVC])
    vcpu.setX(2, CODE + 12n)
    vcpu.setX(3, BigInt(setX1(9)))
    vcpu.run()
    expect(vcpu.x(1)).toBe(9n)
  })

  test.each([
    ['a byte', 'STRB_imm', 1],
    ['a pair', 'STP_W', 0],
    ['an unaligned dword', 'STUR_X', -3],
  ])('an instruction by %s', (_, name, offset) => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    const target = CODE + 0x100n
    machine.code(target, [setX1(1), HVC, 0, 0])
    vcpu.set('pc', target)
    vcpu.run()
    const before = machine.word(target)
    machine.code(CODE, [word(name, name === 'STP_W' ? { n: 2, t: 3, u: 4 } : { n: 2, t: 3 }), B_BACK(-63)])
    vcpu.set('pc', CODE)
    vcpu.setX(2, target + BigInt(offset))
    // bytes that make the word another MOVZ X1: only the immediate changes
    const after = setX1(0x555)
    if (name === 'STRB_imm') vcpu.setX(3, BigInt(setX1(7) & 0xff))
    else if (name === 'STP_W') {
      vcpu.setX(3, BigInt(after))
      vcpu.setX(4, BigInt(HVC))
    } else vcpu.setX(3, BigInt(after) << 24n)
    vcpu.run(3)
    const now = machine.word(target)
    expect(name === 'STRB_imm' || now !== before).toBe(true)
    if (name === 'STUR_X') machine.code(target + 4n, [HVC]) // the dword went on into the next word
    vcpu.set('pc', target)
    vcpu.run(1)
    expect(vcpu.x(1)).toBe(BigInt((now >>> 5) & 0xffff))
  })

  test('an instruction across the end of a page: both pages are decoded again', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    const edge = CODE + 0x1000n
    machine.code(edge - 4n, [setX1(1), word('MOVZ', { s: 1, i: 1, d: 5 }), HVC])
    vcpu.set('pc', edge - 4n)
    vcpu.run()
    machine.code(CODE, [word('STR_X_imm', { n: 2, t: 3 }), HVC])
    vcpu.setX(2, edge - 4n)
    vcpu.setX(3, (BigInt(word('MOVZ', { s: 1, i: 2, d: 5 })) << 32n) | BigInt(setX1(2)))
    vcpu.set('pc', CODE)
    vcpu.run()
    vcpu.set('pc', edge - 4n)
    vcpu.run()
    expect([vcpu.x(1), vcpu.x(5)]).toEqual([2n, 2n])
  })

  test('what another vCPU executes', () => {
    const machine = bareMachine({ vcpus: 2 })
    const [first, second] = machine.vcpus
    const shared = CODE + 0x800n
    machine.code(shared, [setX1(1), B_BACK(1)])
    second!.set('pc', shared)
    second!.run(101)
    expect(second!.x(1)).toBe(1n)
    machine.code(CODE, [word('STR_W_imm', { n: 2, t: 3 }), HVC])
    first.setX(2, shared)
    first.setX(3, BigInt(setX1(2)))
    first.run()
    second!.run(2)
    expect(second!.x(1)).toBe(2n)
  })

  test('a page that was written fast before it held code', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    // writes the DATA page (remembered as writable), executes from it, writes it again, executes again
    const store = word('STR_W_imm', { n: 2, t: 3 })
    machine.code(CODE, [store, ...constant(9, DATA), word('BLR', { n: 9 }), word('ADD_imm', { s: 1, d: 3, n: 3, i: 32 }), store, word('BLR', { n: 9 }), HVC])
    machine.code(DATA + 4n, [word('RET', { n: 30 })])
    vcpu.setX(2, DATA)
    vcpu.setX(3, BigInt(setX1(1)))
    vcpu.run()
    expect(vcpu.x(1)).toBe(2n) // immediate field starts at bit 5: adding 32 makes it 2
  })
})

test('DC ZVA makes instructions UDF', () => {
  const machine = bareMachine()
  const [vcpu] = machine.vcpus
  const target = CODE + 0x100n
  machine.code(target, [setX1(1), HVC])
  vcpu.set('pc', target)
  vcpu.run()
  machine.code(CODE, [0xd50b7422, HVC]) // DC ZVA, X2
  vcpu.setX(2, target + 20n)
  vcpu.set('pc', CODE)
  vcpu.run()
  expect(machine.dword(target)).toBe(0n)
  vcpu.set('pc', target)
  vcpu.run(1)
  expect(vcpu.get('elrEl1')).toBe(target)
})

test('writes from outside are seen, in a page and across pages', () => {
  const machine = bareMachine()
  const [vcpu] = machine.vcpus
  const run = (pc: bigint): bigint => {
    vcpu.set('pc', pc)
    vcpu.run()
    return vcpu.x(1)
  }
  machine.code(CODE, [setX1(1), HVC])
  machine.code(CODE + 0x1000n, [setX1(1), HVC])
  expect([run(CODE), run(CODE + 0x1000n)]).toEqual([1n, 1n])
  machine.code(CODE, [setX1(2)])
  expect([run(CODE), run(CODE + 0x1000n)]).toEqual([2n, 1n])
  const both = new Uint8Array(0x1008)
  new DataView(both.buffer).setUint32(0, setX1(3), true)
  new DataView(both.buffer).setUint32(4, HVC, true)
  new DataView(both.buffer).setUint32(0x1000, setX1(4), true)
  new DataView(both.buffer).setUint32(0x1004, HVC, true)
  machine.engine.writeRam(CODE, both)
  expect([run(CODE), run(CODE + 0x1000n)]).toEqual([3n, 4n])
})

test('more pages of code than the cache holds: they are decoded again when they come back, and still watched', () => {
  const pages = 1100
  const machine = bareMachine({ ramSize: (pages + 1) * 0x1000 })
  const [vcpu] = machine.vcpus
  const pageAt = (page: number): bigint => CODE + BigInt(page * 0x1000)
  for (let page = 0; page < pages; page++) {
    machine.code(pageAt(page), [word('ADD_imm', { s: 1, d: 1, n: 1, i: 1 }), page === pages - 1 ? HVC : word('B', { i: 1023 })])
  }
  for (let pass = 1; pass <= 3; pass++) {
    vcpu.set('pc', CODE)
    vcpu.run(10_000)
    expect(vcpu.x(1)).toBe(BigInt(pages * pass))
  }
  machine.code(pageAt(5), [word('ADD_imm', { s: 1, d: 1, n: 1, i: 2 })])
  vcpu.set('pc', CODE)
  vcpu.run(10_000)
  expect(vcpu.x(1)).toBe(BigInt(pages * 4 + 1))
})
