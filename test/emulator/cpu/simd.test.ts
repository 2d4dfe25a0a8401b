// Advanced SIMD: known answers at the edges, and what the execution check against a user-mode reference cannot show: traps, alignment, faults in the middle.
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../scripts/conformance/words.ts'
import { createDecoder } from '../../../src/emulator/cpu/decode/table.ts'
import { SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE } from '../../../src/emulator/state-layout.ts'
import { type BareMachine, bareMachine, CODE, DATA, HVC, NOP, RAM, RAM_SIZE, VECTORS, word } from './bare-machine.ts'
import { D, pagedMachine } from './mmu/paged-machine.ts'

const FP_ENABLED = 3n << 20n
const QC = 1 << 27

/** V`n`, as a number of 128 bits. */
const readV = (machine: BareMachine, n: number): bigint =>
  machine.engine
    .state(0)
    .slice(VCPU_STATE.v + n * 16, VCPU_STATE.v + n * 16 + 16)
    .reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
function writeV(machine: BareMachine, n: number, value: bigint): void {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
  machine.engine.state(0).set(bytes, VCPU_STATE.v + n * 16)
}
const stateOf = (machine: BareMachine): DataView => {
  const bytes = machine.engine.state(0)
  return new DataView(bytes.buffer, bytes.byteOffset)
}

function enabled(options: Parameters<typeof bareMachine>[0] = {}) {
  const machine = bareMachine(options)
  const [vcpu] = machine.vcpus
  vcpu.setSysreg(SYSREG.CPACR_EL1, FP_ENABLED)
  machine.code(VECTORS + 0x200n, [HVC])
  return { machine, vcpu }
}

/** V0 after one instruction with d = 0, n = 1, m = 2, and whether it saturated. */
function result(instruction: number, v1: bigint, v2 = 0n, v0 = 0xd0d0_d0d0_d0d0_d0d0_d0d0_d0d0_d0d0_d0d0n): [v0: bigint, saturated: boolean] {
  const { machine, vcpu } = enabled()
  writeV(machine, 0, v0)
  writeV(machine, 1, v1)
  writeV(machine, 2, v2)
  machine.code(CODE, [instruction, HVC])
  expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
  return [readV(machine, 0), (stateOf(machine).getUint32(VCPU_STATE.fpsr, true) & QC) !== 0]
}

const three = (name: string, x: number, q: number): number => word(name, { x, q, n: 1, m: 2 })
const two = (name: string, x: number, q: number): number => word(name, { x, q, n: 1 })

describe('values', () => {
  test.each<[string, number, bigint, bigint, bigint, boolean]>([
    ['sqadd saturates both ways', three('SQADD_v', 0, 0), 0x7f80n, 0x01ffn, 0x7f80n, true],
    ['uqsub stops at zero', three('UQSUB_v', 2, 1), 5n, 6n, 0n, true],
    ['uqadd of 64 bits', three('UQADD_v', 3, 1), (1n << 64n) - 1n, 1n, (1n << 64n) - 1n, true],
    ['the upper half of a 64-bit vector saturates nothing', three('UQADD_v', 2, 0), ((1n << 64n) - 1n) << 64n, 1n << 64n, 0n, false],
    ['sqshl by -64 leaves the sign', word('SQSHL_s', { x: 3, n: 1, m: 2 }), 1n << 63n, 0xc0n, (1n << 64n) - 1n, false],
    ['sqshl of zero by 127 does not saturate', word('SQSHL_s', { x: 3, n: 1, m: 2 }), 0n, 0x7fn, 0n, false],
    ['srshl by one more than the width is zero', three('SRSHL_v', 0, 0), 0x80n, 0xf7n, 0n, false],
    ['urshl by the width rounds the top bit up', three('URSHL_v', 0, 0), 0x80n, 0xf8n, 1n, false],
    ['sqrdmulh of the smallest squared', three('SQRDMULH_v', 1, 0), 0x8000n, 0x8000n, 0x7fffn, true],
    ['sqdmull of the smallest squared, upper half', three('SQDMULL_v', 2, 1), 0x8000_0000n << 64n, 0x8000_0000n << 64n, (1n << 63n) - 1n, true],
    ['srhadd of -1 and 0', three('SRHADD_v', 0, 0), 0xffn, 0n, 0n, false],
    ['uhsub below zero', three('UHSUB_v', 0, 0), 0n, 1n, 0xffn, false],
    ['sqabs of the smallest', two('SQABS_v', 3, 1), 1n << 63n, 0n, (1n << 63n) - 1n, true],
    ['sqxtun of a negative', two('SQXTUN_v', 1, 0), 0xffff_ffff_0001_2345n, 0n, 0x0000_ffffn, true],
    ['cls of all ones', two('CLS_v', 2, 0), 0xffff_ffffn, 0n, 0x1f_0000_001fn, false],
    ['clz of zero', two('CLZ_v', 1, 0), 1n, 0n, 0x0010_0010_0010_000fn, false],
    ['addp of a 64-bit vector', three('ADDP_v', 2, 0), 0x0000_0002_0000_0001n, 0x0000_0004_0000_0003n, 0x0000_0007_0000_0003n, false],
    ['smaxv', two('SMAXV_v', 0, 0), 0x8001_0203_04ff_fefdn, 0n, 4n, false],
    ['uaddlv', two('UADDLV_v', 0, 1), (1n << 128n) - 1n, 0n, 0xff0n, false],
    ['sri keeps the upper bits', word('SRI_i', { l: 8 + 4, n: 1 }), 0xf0n, 0n, 0xd0d0_d0d0_d0d0_d0dfn, false],
    ['sshr by the width', word('SSHR_si', { l: 64, n: 1 }), 1n << 63n, 0n, (1n << 64n) - 1n, false],
    [
      'tbl with an index beyond the table is zero',
      word('TBL_1', { n: 1, m: 2 }),
      0x0807_0605_0403_0201n,
      0x10ff_0001n,
      0x0000_0102n | (0x0101_0101n << 32n),
      false,
    ],
    ['ext over both registers', word('EXT_v', { i: 7, n: 1, m: 2 }), 0xaa00_0000_0000_0000n, 0x0706_0504_0302_01n, 0x0706_0504_0302_01aan, false],
    ['xtn2 keeps the low half', two('XTN_v', 0, 1), 0x0102n, 0n, (2n << 64n) | 0xd0d0_d0d0_d0d0_d0d0n, false],
    ['movi with ones shifted in', word('MOVI_M', { p: 0, i: 0x12, y: 1 }), 0n, 0n, 0x0012_ffff_0012_ffffn, false],
    ['fmov of -1.5', word('FMOV_iD', { p: 7, i: 0x18 }), 0n, 0n, 0xbff8_0000_0000_0000_bff8_0000_0000_0000n, false],
  ])('%s', (_, instruction, v1, v2, expected, saturated) => {
    expect(result(instruction, v1, v2).map(String)).toEqual([String(expected), String(saturated)])
  })
})

describe('decoding', () => {
  const decode = createDecoder(new Set(['FEAT_FP'])).decode
  test.each([
    ['add of 1d', 0x0ee28420],
    ['mul of 2d', 0x4ee29c20],
    ['shadd of 2d', 0x4ee20420],
    ['sqdmulh of bytes', 0x4e22b420],
    ['ld2 of 1d', 0x0c408c20],
    ['ext of the second half of an 8-byte vector', 0x2e024020],
    ['dup of a 64-bit element to an 8-byte vector', 0x0e080420],
    ['smov of a word to W', 0x0e042c20],
    ['umov of a doubleword to W', 0x0e083c20],
    ['saddlv of 2s', 0x0eb03820],
    ['sshr of 1d', 0x0f400420],
    ['shrn of quadwords', 0x0f408420],
    ['ld1 of a doubleword with S set', 0x0d409420],
    ['str of an unallocated size', 0x7d800020 | (1 << 23)],
    ['rev32 of words', 0x2ea00820],
  ])('%s is UNDEFINED', (_, instruction) => {
    expect(decode(instruction >>> 0)).toBeUndefined()
  })

  test('nothing exists where the ID registers announce no floating point', () => {
    const { machine, vcpu } = enabled({ idRegisters: new Map([[0xc020, 0x00ff_0011n]]) })
    machine.code(CODE, [word('ORR_v', { q: 1 })])
    vcpu.run()
    expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(0x0200_0000n)
  })
})

describe('traps of CPACR_EL1.FPEN', () => {
  const TRAPPED = (0x07n << 26n) | (1n << 25n) | (0x1en << 20n)
  const EL0T = 0x3c0n
  test.each<[string, bigint, bigint, bigint]>([
    ['0 traps EL1', 0n, 0x3c5n, TRAPPED],
    ['0 traps EL0', 0n, EL0T, TRAPPED],
    ['1 does not trap EL1', 1n, 0x3c5n, 0n],
    ['1 traps EL0', 1n, EL0T, TRAPPED],
    ['2 traps EL1', 2n, 0x3c5n, TRAPPED],
    ['3 traps nobody', 3n, EL0T, 0n],
  ])('%s', (_, fpen, pstate, esr) => {
    for (const instruction of [word('MOVI_B', { q: 1, i: 1 }), word('LDR_Q_imm', { n: 1 }), word('ST4_x4', { n: 1 }), word('UMOV_W', { i: 1, n: 1 })]) {
      const { machine, vcpu } = enabled()
      vcpu.setSysreg(SYSREG.CPACR_EL1, fpen << 20n)
      vcpu.set('pstate', pstate)
      vcpu.setX(1, DATA + 1n)
      machine.code(CODE, [instruction, NOP])
      writeV(machine, 0, 5n)
      vcpu.run(1)
      expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(esr)
      if (esr === 0n) continue
      expect([vcpu.get('elrEl1'), readV(machine, 0)]).toEqual([CODE, 5n])
    }
  })

  test('what does not exist is undefined rather than trapped', () => {
    const { machine, vcpu } = enabled()
    vcpu.setSysreg(SYSREG.CPACR_EL1, 0n)
    machine.code(CODE, [0x0ee28420])
    vcpu.run(1)
    expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(0x0200_0000n)
  })
})

describe('memory', () => {
  const SCTLR_A = 2n
  test.each<[string, number, bigint, boolean]>([
    ['ldr q of 16', word('LDR_Q_imm', { n: 1 }), 8n, true],
    ['ldr q of 16', word('LDR_Q_imm', { n: 1 }), 16n, false],
    ['ldp q of 16', word('LDP_Q', { n: 1, u: 2 }), 8n, true],
    ['ldp q of 16', word('LDP_Q', { n: 1, u: 2 }), 16n, false],
    ['ldp d of 8', word('LDP_D', { n: 1, u: 2 }), 8n, false],
    ['str h of 2', word('STR_H_imm', { n: 1 }), 1n, true],
    ['ld1 of bytes of 1', word('LD1_x4', { n: 1, q: 1 }), 1n, false],
    ['ld1 of words of 4', word('LD1_x4', { n: 1, q: 1, x: 2 }), 4n, false],
    ['ld1 of words of 4', word('LD1_x4', { n: 1, q: 1, x: 2 }), 2n, true],
    ['st4 of halfwords of 2', word('ST4_x4', { n: 1, x: 1 }), 1n, true],
    ['ld3 of an element of 8', word('LD3_d', { n: 1 }), 4n, true],
    ['ld3 of an element of 8', word('LD3_d', { n: 1 }), 8n, false],
  ])('SCTLR_EL1.A asks for the alignment of %s: %#', (_, instruction, offset, faults) => {
    const { machine, vcpu } = enabled()
    vcpu.setSysreg(SYSREG.SCTLR_EL1, vcpu.sysreg(SYSREG.SCTLR_EL1) | SCTLR_A)
    vcpu.setX(1, DATA + offset)
    machine.code(CODE, [instruction, HVC])
    vcpu.run()
    expect(vcpu.sysreg(SYSREG.ESR_EL1) & 0xfc00_003fn).toBe(faults ? 0x9400_0021n : 0n)
    if (faults) expect(vcpu.sysreg(SYSREG.FAR_EL1)).toBe(DATA + offset)
  })

  test('a stack pointer that is not aligned faults', () => {
    for (const instruction of [
      word('LDR_B_imm', { n: 31 }),
      word('STP_S', { n: 31, u: 1 }),
      word('LD1_b', { n: 31 }),
      word('LDR_D_reg', { n: 31, m: 31, o: 3 }),
    ]) {
      const { machine, vcpu } = enabled()
      vcpu.set('spEl1', DATA + 8n)
      machine.code(CODE, [instruction, HVC])
      vcpu.run()
      expect(vcpu.sysreg(SYSREG.ESR_EL1) >> 26n).toBe(0x26n)
    }
  })

  /** Two pages that follow each other for the guest only. */
  function apart() {
    const { machine, vcpu, low } = pagedMachine()
    vcpu.setSysreg(SYSREG.CPACR_EL1, FP_ENABLED)
    machine.code(VECTORS + 0x200n, [HVC])
    const [at, first, second] = [0x1000_0000n, RAM + 0x10_0000n, RAM + 0x11_0000n]
    low.map(at, first, D.flag)
    const entry = low.map(at + 0x1000n, second, D.flag)
    const memory = (bytes: number): Uint8Array =>
      Uint8Array.from([...machine.engine.ram(first + 0x1000n - BigInt(bytes), bytes), ...machine.engine.ram(second, bytes)])
    return { machine, vcpu, low, entry, middle: at + 0x1000n, first, second, memory }
  }
  const random = seededRandom(4)
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random() & 0xff)
  const STRUCTURES = ['1_x1', '1_x2', '1_x3', '1_x4', '2_x2', '3_x3', '4_x4'].flatMap(name =>
    [0, 1].map(q => ({ name, q, length: Number(name.at(-1)) * (8 << q) })),
  )

  test.each(STRUCTURES)('LD and ST$name with Q = $q across two pages that are apart', ({ name, q, length }) => {
    const { machine, vcpu, middle, first, second, memory } = apart()
    for (let before = 1; before < length; before++) {
      const content = bytes(128)
      machine.engine.writeRam(first + 0x1000n - 64n, content.subarray(0, 64))
      machine.engine.writeRam(second, content.subarray(64))
      // What is loaded at one place is stored, across the pages too, at another: the same bytes.
      machine.code(CODE, [word(`LD${name}`, { n: 1, q, t: 30 }), word(`ST${name}`, { n: 2, q, t: 30 }), HVC])
      vcpu.set('pc', CODE)
      vcpu.setX(1, middle - BigInt(before))
      vcpu.setX(2, middle - BigInt(length - before))
      expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
      const expected = content.slice()
      expected.set(content.subarray(64 - before, 64 - before + length), 64 - length + before)
      expect(memory(64)).toEqual(expected)
    }
  })

  test.each(STRUCTURES)('LD and ST$name with Q = $q do nothing when the second page faults, and all of it afterwards', ({ name, q, length }) => {
    const { machine, vcpu, low, entry, middle, first, second, memory } = apart()
    const content = bytes(128)
    machine.engine.writeRam(first + 0x1000n - 64n, content.subarray(0, 64))
    machine.engine.writeRam(second, content.subarray(64))
    low.set(entry, 0n)
    for (const direction of ['LD', 'ST']) {
      for (let n = 0; n < 4; n++) writeV(machine, n, BigInt(n) * 0x1111n)
      machine.code(CODE, [word(`${direction}${name}_post`, { n: 1, q, m: 31 }), HVC])
      vcpu.set('pc', CODE)
      vcpu.setX(1, middle - 4n)
      vcpu.run()
      expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(direction === 'LD' ? 0x9600_0007n : 0x9600_0047n)
      expect([vcpu.sysreg(SYSREG.FAR_EL1), vcpu.get('elrEl1'), vcpu.x(1)]).toEqual([middle, CODE, middle - 4n])
      expect(memory(64)).toEqual(content)
      for (let n = 0; n < 4; n++) expect(readV(machine, n)).toBe(BigInt(n) * 0x1111n)
    }
    low.map(middle, second, D.flag)
    vcpu.set('pc', CODE)
    expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
    expect(vcpu.x(1)).toBe(middle - 4n + BigInt(length))
    expect(memory(64)).not.toEqual(content)
  })

  test('a structure across the end of RAM is nobody’s, and changes nothing', () => {
    const { machine, vcpu } = enabled()
    const end = RAM + BigInt(RAM_SIZE)
    for (const name of ['LD4_x4', 'ST4_x4']) {
      writeV(machine, 0, 7n)
      machine.code(CODE, [word(name, { n: 1, q: 1 })])
      vcpu.set('pc', CODE)
      vcpu.setX(1, end - 60n)
      const before = machine.engine.ram(end - 64n, 64).slice()
      expect(vcpu.run()).toEqual({ kind: 'nisv', address: end - 60n, write: name.startsWith('ST') })
      expect([machine.engine.ram(end - 64n, 64), readV(machine, 0)]).toEqual([before, 7n])
    }
  })

  test('instructions that a structure store overwrites are decoded again', () => {
    const { machine, vcpu } = enabled()
    const patched = CODE + 0x1100n - 8n
    // The code runs once as it is, then 64 bytes over the end of a line are replaced by MOV X0, #i.
    const original = Array.from({ length: 16 }, () => word('MOVZ', { s: 1, d: 0, i: 1 }))
    machine.code(patched, [...original, HVC])
    vcpu.set('pc', patched)
    vcpu.run()
    expect(vcpu.x(0)).toBe(1n)
    const replacement = Array.from({ length: 16 }, (_, i) => word('MOVZ', { s: 1, d: i, i: i + 100 }))
    machine.code(DATA, replacement)
    machine.code(CODE, [word('LD1_x4', { n: 20, q: 1 }), word('ST1_x4', { n: 21, q: 1 }), word('BR', { n: 21 })])
    vcpu.set('pc', CODE)
    vcpu.setX(20, DATA)
    vcpu.setX(21, patched)
    expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
    expect(Array.from({ length: 16 }, (_, i) => vcpu.x(i))).toEqual(Array.from({ length: 16 }, (_, i) => BigInt(i + 100)))
  })
})
