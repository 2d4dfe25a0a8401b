// Owns which instruction words are tried: uniform ones, fields of every row, neighbours of every row, and spaces small enough to try whole. Knows no reference.
import { compileRow, type Encoding, ROWS } from '../../src/emulator/cpu/decode/table.ts'

/** Next 32 random bits of a seeded sequence. */
export type Random = () => number

/** A 32-bit generator with 128 bits of state (xoshiro128**), seeded from one number by splitmix32. */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0
  const next = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
  let [a, b, c, d] = [next(), next(), next(), next()]
  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return result
  }
}

/** A run of one letter of a picture (`-` included), as the lowest bit and a mask before shifting. */
const runs = (picture: string): readonly { readonly shift: number; readonly mask: number }[] =>
  [...picture.matchAll(/([a-z-])\1*/g)].map(run => ({ shift: 32 - run.index - run[0].length, mask: 2 ** run[0].length - 1 }))

/** Values at which encodings change their meaning: both ends, and the middle where a top bit starts. */
function fieldValue(mask: number, random: Random): number {
  const choice = random() & 7
  if (choice === 0) return 0
  if (choice === 1) return mask
  if (choice === 2) return (mask + 1) >>> 1
  return random() & mask
}

/** Random words of a row's picture, edge values in its fields more often than chance would have them. Its validity rule is not looked at: reserved ones are wanted. */
export function wordsOf(row: Encoding, random: Random): () => number {
  const fields = runs(row.picture)
  return () => fields.reduce((word, { shift, mask }) => (word | (fieldValue(mask, random) << shift)) >>> 0, row.value)
}

/** The same with one or two of the fixed bits inverted: mostly reserved encodings and the row's neighbours. */
export function neighboursOf(row: Encoding, random: Random): () => number {
  const fixed = Array.from({ length: 32 }, (_, bit) => bit).filter(bit => ((row.mask >>> bit) & 1) === 1)
  const any = wordsOf(row, random)
  const flip = (): number => 1 << (fixed[random() % fixed.length] ?? 0)
  return () => (any() ^ flip() ^ ((random() & 1) === 0 ? 0 : flip())) >>> 0
}

/**
 * Spaces that are tried whole: MRS and MSR of every register, SYS and SYSL of every operation (with and without a register), everything with op0 = 0
 * (hints, barriers, PSTATE), and the unconditional branches (register) with Rn 0, 30 and 31.
 */
export function* exhaustive(): Generator<number> {
  for (let register = 0; register < 1 << 15; register++) {
    yield 0xd5100000 + register * 32 + (register & 31)
    yield 0xd5300000 + register * 32 + (register & 31)
  }
  for (let operation = 0; operation < 1 << 14; operation++) {
    for (const rt of [0, 31]) {
      yield 0xd5080000 + operation * 32 + rt
      yield 0xd5280000 + operation * 32 + rt
    }
  }
  for (let low = 0; low < 1 << 19; low++) yield 0xd5000000 + low
  for (let rest = 0; rest < 1 << 15; rest++) {
    const [opc, op3, op4] = [rest >>> 11, (rest >>> 5) & 63, rest & 31]
    for (const rn of [0, 30, 31]) yield 0xd61f0000 + opc * 0x200000 + op3 * 1024 + rn * 32 + op4
  }
}

/** Every value of bits 31:21 with every value of bits 15:10, which choose among nearly all encodings, four times each: the other bits clear, set, and random twice. */
export function* selectors(seed: number): Generator<number> {
  const random = seededRandom(seed)
  const others = 0x1f03ff
  for (let high = 0; high < 2048; high++) {
    for (let low = 0; low < 64; low++) {
      for (const rest of [0, others, random(), random()]) yield ((high << 21) | (low << 10) | (rest & others)) >>> 0
    }
  }
}

/**
 * `count` random words, a third each uniform, by rows, and beside rows; at least 20 by and 20 beside every row, whatever the count. Same count and seed: same words.
 */
export function* randomWords(count: number, seed: number): Generator<number> {
  const random = seededRandom(seed)
  for (let i = 0; i < count / 3; i++) yield random()
  const rows = ROWS.map(compileRow)
  const each = Math.max(20, Math.ceil(count / 3 / rows.length))
  for (const row of rows) {
    for (const next of [wordsOf(row, random), neighboursOf(row, random)]) {
      for (let i = 0; i < each; i++) yield next()
    }
  }
}
