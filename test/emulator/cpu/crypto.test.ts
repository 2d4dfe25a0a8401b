// The cryptographic instructions by whole blocks: AES and SHA computed by guest code must be what Node's crypto computes. Single instructions are held
// against a reference by scripts/conformance-exec.ts.
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { seededRandom } from '../../../scripts/conformance/words.ts'
import { SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE } from '../../../src/emulator/state-layout.ts'
import { bareMachine, CODE, HVC, word } from './bare-machine.ts'

/** AES with PMULL, SHA-1, SHA-256. */
const ISAR0 = new Map([[0xc030, 0x1120n]])
const random = seededRandom(9)
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random() & 0xff)

/** Executes these words with the vector registers as given and returns them. */
function execute(words: readonly number[], registers: Readonly<Record<number, Uint8Array>>): (n: number) => Uint8Array {
  const machine = bareMachine({ idRegisters: ISAR0 })
  const [vcpu] = machine.vcpus
  vcpu.setSysreg(SYSREG.CPACR_EL1, 3n << 20n)
  machine.code(CODE, [...words, HVC])
  const state = machine.engine.state(0)
  for (const [n, value] of Object.entries(registers)) state.set(value, VCPU_STATE.v + Number(n) * 16)
  expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
  return n => state.slice(VCPU_STATE.v + n * 16, VCPU_STATE.v + n * 16 + 16)
}

const rotateWord = (value: number): number => ((value << 8) | (value >>> 24)) >>> 0
/** Round keys of AES-128, whose S-box is asked of the instructions themselves. */
function expandKey(key: Uint8Array): readonly Uint8Array[] {
  const w = Array.from({ length: 4 }, (_, i) => new DataView(key.buffer).getUint32(i * 4))
  for (let i = 4, constant = 1; i < 44; i++) {
    let t = w[i - 1]!
    if (i % 4 === 0) {
      const column = new Uint8Array(16)
      for (let at = 0; at < 16; at += 4) new DataView(column.buffer).setUint32(at, rotateWord(t))
      // Equal columns are not changed by ShiftRows.
      const substituted = execute([word('AESE', { d: 0, n: 1 })], { 0: column, 1: new Uint8Array(16) })(0)
      t = (new DataView(substituted.buffer).getUint32(0) ^ (constant << 24)) >>> 0
      constant = (constant << 1) ^ (constant & 0x80 ? 0x11b : 0)
    }
    w.push((w[i - 4]! ^ t) >>> 0)
  }
  return Array.from({ length: 11 }, (_, round) => {
    const view = new DataView(new ArrayBuffer(16))
    for (let i = 0; i < 4; i++) view.setUint32(i * 4, w[round * 4 + i]!)
    return new Uint8Array(view.buffer)
  })
}
const registersFrom = (first: number, values: readonly Uint8Array[]): Record<number, Uint8Array> =>
  Object.fromEntries(values.map((value, i) => [first + i, value]))

test('AES-128 of a block, both ways', () => {
  const [key, plain] = [bytes(16), bytes(16)]
  const keys = expandKey(key)
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  const expected = new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final()]))
  const encrypt: number[] = []
  for (let round = 0; round < 10; round++) {
    encrypt.push(word('AESE', { d: 0, n: 1 + round }))
    if (round < 9) encrypt.push(word('AESMC', { d: 0, n: 0 }))
  }
  encrypt.push(word('EOR_v', { q: 1, d: 0, n: 0, m: 11 }))
  expect(execute(encrypt, { 0: plain, ...registersFrom(1, keys) })(0)).toEqual(expected)

  const decrypt: number[] = []
  for (let round = 1; round < 10; round++) decrypt.push(word('AESIMC', { d: 1 + round, n: 1 + round }))
  for (let round = 10; round > 0; round--) {
    decrypt.push(word('AESD', { d: 0, n: 1 + round }))
    if (round > 1) decrypt.push(word('AESIMC', { d: 0, n: 0 }))
  }
  decrypt.push(word('EOR_v', { q: 1, d: 0, n: 0, m: 1 }))
  const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  expect(new Uint8Array(Buffer.concat([decipher.update(expected), decipher.final()]))).toEqual(plain)
  expect(execute(decrypt, { 0: expected, ...registersFrom(1, keys) })(0)).toEqual(plain)
})

/** One padded block of a message, its 32-bit words in the register's order. */
function paddedBlock(message: Uint8Array): readonly Uint8Array[] {
  const block = new Uint8Array(64)
  block.set(message)
  block[message.length] = 0x80
  new DataView(block.buffer).setUint32(60, message.length * 8)
  return [0, 16, 32, 48].map(at => wordsOf(block.subarray(at, at + 16)))
}
/** Big-endian words as lanes of a register, and back. */
function wordsOf(from: Uint8Array): Uint8Array {
  const to = new Uint8Array(16)
  for (let i = 0; i < 16; i++) to[i] = from[i ^ 3]!
  return to
}
const lanes = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
const digest = (algorithm: string, message: Uint8Array): Uint8Array => new Uint8Array(createHash(algorithm).update(message).digest())

/** The first 32 bits of the fractional part of a prime's root, as FIPS 180-4 makes its constants. */
function rootConstant(prime: number, root: 2 | 3): number {
  let value = 0n
  const scaled = BigInt(prime) << (root === 2 ? 64n : 96n)
  for (let bit = 40n; bit >= 0n; bit--) {
    const tried = value | (1n << bit)
    if ((root === 2 ? tried * tried : tried * tried * tried) <= scaled) value = tried
  }
  return Number(value & 0xffff_ffffn)
}
const PRIMES = Array.from({ length: 312 }, (_, n) => n).filter(n => n > 1 && !Array.from({ length: n - 2 }, (_, i) => i + 2).some(by => n % by === 0))

test('SHA-256 of a block', () => {
  const message = bytes(55)
  const constants = PRIMES.slice(0, 64).map(prime => rootConstant(prime, 3))
  const start = PRIMES.slice(0, 8).map(prime => rootConstant(prime, 2))
  // V0, V1: the state; V4 to V7: the message; V16 to V31: the constants
  const words = [word('ORR_v', { q: 1, d: 2, n: 0, m: 0 }), word('ORR_v', { q: 1, d: 3, n: 1, m: 1 })]
  for (let step = 0; step < 16; step++) {
    const m = (i: number): number => 4 + ((step + i) % 4)
    words.push(add4s(8, m(0), 16 + step), word('ORR_v', { q: 1, d: 9, n: 2, m: 2 }))
    words.push(word('SHA256H', { d: 2, n: 3, m: 8 }), word('SHA256H2', { d: 3, n: 9, m: 8 }))
    if (step < 12) words.push(word('SHA256SU0', { d: m(0), n: m(1) }), word('SHA256SU1', { d: m(0), n: m(2), m: m(3) }))
  }
  words.push(add4s(2, 2, 0), add4s(3, 3, 1))
  const registers = {
    0: lanes(...start.slice(0, 4)),
    1: lanes(...start.slice(4)),
    ...registersFrom(4, paddedBlock(message)),
    ...registersFrom(
      16,
      Array.from({ length: 16 }, (_, i) => lanes(...constants.slice(i * 4, i * 4 + 4))),
    ),
  }
  const v = execute(words, registers)
  expect(new Uint8Array([...wordsOf(v(2)), ...wordsOf(v(3))])).toEqual(digest('sha256', message))
})

test('SHA-1 of a block', () => {
  const message = bytes(40)
  const constants = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6]
  const rounds = ['SHA1C', 'SHA1P', 'SHA1M', 'SHA1P']
  // V0: a to d; S1: e; V2, S3: the running ones
  const words = [word('ORR_v', { q: 1, d: 2, n: 0, m: 0 }), word('ORR_v', { q: 1, d: 3, n: 1, m: 1 })]
  for (let step = 0; step < 20; step++) {
    const m = (i: number): number => 4 + ((step + i) % 4)
    const phase = Math.floor(step / 5)
    words.push(add4s(8, m(0), 16 + phase), word('SHA1H', { d: 9, n: 2 }))
    words.push(word(rounds[phase]!, { d: 2, n: 3, m: 8 }), word('ORR_v', { q: 1, d: 3, n: 9, m: 9 }))
    if (step < 16) words.push(word('SHA1SU0', { d: m(0), n: m(1), m: m(2) }), word('SHA1SU1', { d: m(0), n: m(3) }))
  }
  words.push(add4s(2, 2, 0), add4s(3, 3, 1))
  const start = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
  const registers = {
    0: lanes(...start.slice(0, 4)),
    1: lanes(start[4]!, 0, 0, 0),
    ...registersFrom(4, paddedBlock(message)),
    ...registersFrom(
      16,
      constants.map(k => lanes(k, k, k, k)),
    ),
  }
  const v = execute(words, registers)
  expect(new Uint8Array([...wordsOf(v(2)), ...wordsOf(v(3)).slice(0, 4)])).toEqual(digest('sha1', message))
})

test('the polynomial product of doublewords is carry-less', () => {
  const product = (a: bigint, b: bigint): bigint => {
    let sum = 0n
    for (let bit = 0n; bit < 64n; bit++) if ((b >> bit) & 1n) sum ^= a << bit
    return sum
  }
  const register = (value: bigint): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
  const ones = (1n << 64n) - 1n
  const wide = (): bigint => bytes(8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  for (const [a, b] of [[ones, ones], [1n << 63n, 1n << 63n], [ones, 1n], ...Array.from({ length: 20 }, () => [wide(), wide()] as const)] as const) {
    const low = execute([word('PMULL_1Q', { q: 0, d: 0, n: 1, m: 2 })], { 1: register(a), 2: register(b) })
    expect(low(0)).toEqual(register(product(a, b)))
    const high = execute([word('PMULL_1Q', { q: 1, d: 0, n: 1, m: 2 })], { 1: register(a << 64n), 2: register(b << 64n) })
    expect(high(0)).toEqual(register(product(a, b)))
  }
})

/** ADD Vd.4S, Vn.4S, Vm.4S */
function add4s(d: number, n: number, m: number): number {
  return (0x4ea08400 | (m << 16) | (n << 5) | d) >>> 0
}
