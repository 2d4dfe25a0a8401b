// The decode table against itself: overlap only where a row declares it, the refining row first, every operand known.
import { describe, expect, test } from 'vitest'
import { announcedFeatures, CPU_FEATURES } from '../../../src/emulator/cpu/decode/cpu-feature.ts'
import { OPERANDS, VECTOR_OPERANDS } from '../../../src/emulator/cpu/decode/row.ts'
import { compileRow, createDecoder, type Encoding, ROWS } from '../../../src/emulator/cpu/decode/table.ts'
import { decodeBitmask } from '../../../src/emulator/cpu/decode/validity.ts'
import { vectorOperand } from '../../../src/emulator/cpu/disassemble/vector-operands.ts'

const rows = ROWS.map(compileRow)

/** Validity rules may keep apart what pictures do not. They look at no register, so all words with registers zero are tried. */
function haveCommonWord(a: Encoding, b: Encoding): boolean {
  if (!ROWS.some(([name, , , , more]) => (name === a.name || name === b.name) && more?.where !== undefined)) return true
  const free = Array.from({ length: 32 }, (_, bit) => bit).filter(bit => !/[dnma]/.test(a.picture[31 - bit]!) && !((a.mask | b.mask) & (1 << bit)))
  for (let choice = 0; choice < 2 ** free.length; choice++) {
    const word = free.reduce((sum, bit, i) => sum | (((choice >>> i) & 1) << bit), a.value | b.value) >>> 0
    if (a.matches(word) && b.matches(word)) return true
  }
  return false
}

describe('decode table', () => {
  test('names are unique', () => {
    expect(new Set(rows.map(row => row.name)).size).toBe(rows.length)
  })

  test('two rows overlap exactly where the first says that it refines the second', () => {
    const wrong: string[] = []
    rows.forEach((a, i) => {
      for (const b of rows.slice(i + 1)) {
        const overlap = ((a.value ^ b.value) & a.mask & b.mask) === 0 && haveCommonWord(a, b)
        if (overlap !== (a.refines === b.name)) wrong.push(`${a.name} and ${b.name}: ${overlap ? 'undeclared overlap' : 'declared, but no overlap'}`)
        if (b.refines === a.name) wrong.push(`${b.name} refines ${a.name}, which stands before it`)
      }
    })
    expect(wrong).toEqual([])
  })

  test('every operand is one that OPERANDS explains, every register one of a field in the picture', () => {
    const known = new Set(`${OPERANDS} ${VECTOR_OPERANDS}`.split(' '))
    const wrong = ROWS.flatMap(([name, picture, , asm]) =>
      [...asm.matchAll(/<([^>]+)>/g)]
        .map(match => match[1]!)
        .filter(operand => {
          const register = /^[RWX]([a-z])(\|SP)?$/.exec(operand) ?? (vectorOperand(operand) && /^.([a-z])/.exec(operand))
          return register ? !picture.includes(register[1]!) : !known.has(operand.replace(/\*\d+$/, ''))
        })
        .map(operand => `${name}: <${operand}>`),
    )
    expect(wrong).toEqual([])
  })

  test('a refining row whose feature is absent leaves its words to the refined row', () => {
    const decodePaciasp = (features: Iterable<(typeof CPU_FEATURES)[number]>) => createDecoder(new Set(features)).decode(0xd503233f)?.name
    expect(decodePaciasp([])).toBe('HINT')
    expect(decodePaciasp(['FEAT_PAuth'])).toBe('PACIASP')
  })

  test('an instruction exists only where the ID registers announce its feature', () => {
    const crc32b = 0x1ac24020
    const isar0 = 0xc030
    expect(createDecoder(announcedFeatures(new Map())).decode(crc32b)).toBeUndefined()
    expect(createDecoder(announcedFeatures(new Map([[isar0, 0x10000n]]))).decode(crc32b)?.name).toBe('CRC32B')
  })

  test.each([
    ['add with a ror shift', 0x8bc20020],
    ['32-bit add shifted by 32', 0x0b028020],
    ['32-bit movz lsl #32', 0x52c00020],
    ['ubfm with N different from sf', 0xd3000020],
    ['and with a reserved bitmask', 0x9240fc20],
    ['extended add with shift 5', 0x8b221420],
    ['register offset with option 0', 0xf8620820],
  ])('%s is UNDEFINED', (_, word) => {
    expect(createDecoder(new Set(CPU_FEATURES)).decode(word)).toBeUndefined()
  })

  test('bitmask immediates: 5334 distinct 64-bit values, each 1 to 63 ones', () => {
    const values = new Set<bigint>()
    for (const n of [0, 1]) for (let imms = 0; imms < 64; imms++) for (let immr = 0; immr < 64; immr++) values.add(decodeBitmask(n, imms, immr) ?? 0n)
    values.delete(0n)
    expect(values.size).toBe(5334)
    expect(values.has((1n << 64n) - 1n)).toBe(false)
  })
})
