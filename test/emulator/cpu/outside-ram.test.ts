// Accesses outside RAM: what the machine is told, and how the access is finished.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bareMachine, CODE, HVC, RAM, RAM_SIZE, VECTORS, word } from './bare-machine.ts'

const UART = 0x900_0000n

const stopped = (instruction: number, base = UART) => {
  const machine = bareMachine()
  const [vcpu] = machine.vcpus
  machine.code(CODE, [instruction, HVC])
  vcpu.setX(1, base)
  vcpu.setX(2, 0x8877_6655_4433_2211n)
  return { machine, vcpu, stop: vcpu.run() }
}

describe('a store', () => {
  test.each([
    ['STRB_imm', 1, 0x11n],
    ['STRH_imm', 2, 0x2211n],
    ['STR_W_imm', 4, 0x4433_2211n],
    ['STR_X_imm', 8, 0x8877_6655_4433_2211n],
    ['STLRB', 1, 0x11n],
    ['STTR_W', 4, 0x4433_2211n],
  ])('%s tells its data; completing goes on', (name, size, data) => {
    const { machine, vcpu, stop } = stopped(word(name, { n: 1, t: 2 }))
    expect(stop).toEqual({ kind: 'mmio', address: UART, size, write: true, data, word: machine.word(CODE) })
    expect(vcpu.get('pc')).toBe(CODE)
    machine.engine.completeMmio(0)
    expect(vcpu.get('pc')).toBe(CODE + 4n)
    expect(vcpu.x(2)).toBe(0x8877_6655_4433_2211n)
  })

  test('of XZR writes zero', () => {
    expect(stopped(word('STR_W_imm', { n: 1, t: 31 })).stop).toMatchObject({ data: 0n })
  })
})

describe('a load', () => {
  test.each([
    ['LDRB_imm', 1, 0xf0n],
    ['LDRSB_W_imm', 1, 0xffff_fff0n],
    ['LDRSB_X_imm', 1, 0xffff_ffff_ffff_fff0n],
    ['LDRH_imm', 2, 0xe0f0n],
    ['LDRSH_W_imm', 2, 0xffff_e0f0n],
    ['LDR_W_imm', 4, 0xc0d0_e0f0n],
    ['LDRSW_imm', 4, 0xffff_ffff_c0d0_e0f0n],
    ['LDR_X_imm', 8, 0x8090_a0b0_c0d0_e0f0n],
    ['LDAR_W', 4, 0xc0d0_e0f0n],
  ])('%s is extended as the instruction says, whatever else the value has', (name, size, expected) => {
    const { machine, vcpu, stop } = stopped(word(name, { n: 1, t: 2 }))
    expect(stop).toEqual({ kind: 'mmio', address: UART, size, write: false, data: 0n, word: machine.word(CODE) })
    machine.engine.completeMmio(0, 0x8090_a0b0_c0d0_e0f0n)
    expect(vcpu.x(2)).toBe(expected)
    expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
  })

  test('into XZR changes nothing', () => {
    const { machine, vcpu } = stopped(word('LDR_X_imm', { n: 1, t: 31 }))
    machine.engine.completeMmio(0, 5n)
    expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
    expect(vcpu.x(1)).toBe(UART)
  })
})

test.each(['LDP_X', 'STP_W', 'LDR_X_post', 'STRB_pre', 'LDXR_W'])('%s has no valid syndrome', name => {
  const { vcpu, stop } = stopped(word(name, { n: 1, t: 2 }))
  expect(stop).toEqual({ kind: 'nisv', address: UART, write: name.startsWith('ST') })
  expect([vcpu.get('pc'), vcpu.x(1)]).toEqual([CODE, UART])
})

describe('the edges of RAM', () => {
  const end = RAM + BigInt(RAM_SIZE)

  test('the last byte is inside, the next is not, and an access across is nobody’s', () => {
    expect(stopped(word('LDRB_imm', { n: 1, t: 2 }), end - 1n).stop.kind).toBe('hvc')
    expect(stopped(word('LDRB_imm', { n: 1, t: 2 }), end).stop).toMatchObject({ kind: 'mmio', address: end })
    expect(stopped(word('LDR_X_imm', { n: 1, t: 2 }), end - 4n).stop).toEqual({ kind: 'nisv', address: end - 4n, write: false })
    expect(stopped(word('LDR_X_imm', { n: 1, t: 2 }), RAM - 4n).stop).toEqual({ kind: 'nisv', address: RAM - 4n, write: false })
  })

  test('a fetch beyond is the machine’s, whether by branch or by running off the end', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(end - 4n, [0xd503201f])
    vcpu.set('pc', end - 4n)
    expect(machine.engine.run(0, 10)).toEqual({ executed: 2, stop: { kind: 'fetch-outside', address: end } })
    machine.code(CODE, [word('BR', { n: 1 })])
    vcpu.set('pc', CODE)
    vcpu.setX(1, UART)
    expect(machine.engine.run(0, 10)).toEqual({ executed: 2, stop: { kind: 'fetch-outside', address: UART } })
    machine.engine.inject(0, { kind: 'instruction-abort', status: 0x10 })
    expect(vcpu.get('pc')).toBe(VECTORS + 0x200n)
  })
})

test('loads and stores of every size agree with a byte array, at any alignment, across pages and regions of access', () => {
  const machine = bareMachine()
  const [vcpu] = machine.vcpus
  const shadow = new Uint8Array(0x3000)
  const base = RAM + 0x9000n
  const view = new DataView(shadow.buffer)
  const put = { 1: 'STURB', 2: 'STURH', 4: 'STUR_W', 8: 'STUR_X' } as const
  const get = { 1: 'LDURB', 2: 'LDURH', 4: 'LDUR_W', 8: 'LDUR_X' } as const
  const access = fc.record({
    size: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
    at: fc.oneof(fc.nat(0x2ff0), fc.integer({ min: 0xff8, max: 0x1008 }), fc.integer({ min: 0x1ff8, max: 0x2008 })),
    value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    store: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(access, { minLength: 5, maxLength: 40 }), accesses => {
      for (const { size, at, value, store } of accesses) {
        machine.code(CODE, [word(store ? put[size] : get[size], { n: 1, t: 2 })])
        vcpu.set('pc', CODE)
        vcpu.setX(1, base + BigInt(at))
        vcpu.setX(2, value)
        vcpu.run(1)
        const bytes = Array.from({ length: size }, (_, i) => i)
        if (store) for (const i of bytes) view.setUint8(at + i, Number((value >> BigInt(8 * i)) & 0xffn))
        else expect(vcpu.x(2)).toBe(bytes.reduce((sum, i) => sum | (BigInt(view.getUint8(at + i)) << BigInt(8 * i)), 0n))
      }
      expect(Buffer.compare(machine.engine.ram(base, shadow.length), shadow)).toBe(0)
    }),
    { seed: 5, numRuns: 60 },
  )
})
