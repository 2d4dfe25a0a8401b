// The disassembler by itself: text pinned to words, every described row has text, and nothing of the engine is loaded for it. objdump is asked in disassemble-objdump.test.ts.
import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom, wordsOf } from '../../../scripts/conformance/words.ts'
import { OPERANDS } from '../../../src/emulator/cpu/decode/row.ts'
import { compileRow, ROWS } from '../../../src/emulator/cpu/decode/table.ts'
import { disassemble } from '../../../src/emulator/cpu/disassemble/disassemble.ts'
import { OPERAND_TEXT } from '../../../src/emulator/cpu/disassemble/operands.ts'

const at = 0xffff_8000_1000_0000n

test.each([
  [0xaa0103e0, 'mov x0, x1', 'orr x0, xzr, x1'],
  [0x910003fd, 'mov x29, sp', 'add x29, sp, #0x0'],
  [0xd2800020, 'mov x0, #0x1', 'movz x0, #0x1'],
  [0x92800000, 'mov x0, #0xffffffffffffffff', 'movn x0, #0x0'],
  [0xf100041f, 'cmp x0, #0x1', 'subs xzr, x0, #0x1'],
  [0xd37ff820, 'lsl x0, x1, #1', 'ubfm x0, x1, #63, #62'],
  [0xd3441c20, 'ubfx x0, x1, #4, #4', 'ubfm x0, x1, #4, #7'],
  [0x1a9f17e0, 'cset w0, eq', 'csinc w0, wzr, wzr, ne'],
  [0xcb0103e0, 'neg x0, x1', 'sub x0, xzr, x1'],
  [0x2a2103e0, 'mvn w0, w1', 'orn w0, wzr, w1'],
  [0xea01001f, 'tst x0, x1', 'ands xzr, x0, x1'],
  [0x8b2063ff, 'add sp, sp, x0', 'add sp, sp, x0'],
  [0xa9bf7bfd, 'stp x29, x30, [sp, #-16]!', 'stp x29, x30, [sp, #-16]!'],
  [0xf8408420, 'ldr x0, [x1], #8', 'ldr x0, [x1], #8'],
  [0xf8627820, 'ldr x0, [x1, x2, lsl #3]', 'ldr x0, [x1, x2, lsl #3]'],
  [0x14000001, 'b 0xffff800010000004', 'b 0xffff800010000004'],
  [0x54ffffe1, 'b.ne 0xffff80000ffffffc', 'b.ne 0xffff80000ffffffc'],
  [0xd65f03c0, 'ret', 'ret'],
  [0xd4000002, 'hvc #0x0', 'hvc #0x0'],
  [0xd503207f, 'wfi', 'hint #0x3'],
  [0xd503233f, 'paciasp', 'hint #0x19'],
  [0xd5033f9f, 'dsb sy', 'dsb sy'],
  [0xd50b7e21, 'dc civac, x1', 'sys #3, C7, C14, #1, x1'],
  [0xd508871f, 'tlbi vmalle1', 'sys #0, C8, C7, #0'],
  [0xd53800a0, 'mrs x0, mpidr_el1', 'mrs x0, mpidr_el1'],
  [0xd51b4221, 'msr daif, x1', 'msr daif, x1'],
  [0xd50342df, 'msr daifset, #0x2', 'msr daifset, #0x2'],
  [0xd53ff000, 'mrs x0, s3_7_c15_c0_0', 'mrs x0, s3_7_c15_c0_0'],
  [0x1e602020, 'fcmp d1, d0', 'fcmp d1, d0'],
  [0x1e6e1000, 'fmov d0, #1.000000000000000000e+00', 'fmov d0, #1.000000000000000000e+00'],
  [0x9eaf0041, 'fmov v1.d[1], x2', 'fmov v1.d[1], x2'],
  [0x1e18e422, 'fcvtzs w2, s1, #7', 'fcvtzs w2, s1, #7'],
])('%i is "%s", and "%s" without aliases', (word, readable, plain) => {
  expect(disassemble(word, at)).toBe(readable)
  expect(disassemble(word, at, { aliases: false })).toBe(plain)
})

test.each([
  ['SVE', 0x04200000],
  ['MOPS', 0x19020420],
  ['unallocated', 0x5ac00c00],
  ['a shift that does not exist', 0x8bc20020],
  ['PSTATE field that does not exist', 0xd503401f],
])('%s has no text', (_what, word) => {
  expect(disassemble(word, at)).toBeUndefined()
})

test('every row that is described has text in both forms, for every word of its picture that its rule allows', () => {
  const random = seededRandom(7)
  const wrong: string[] = []
  for (const row of ROWS.map(compileRow)) {
    // which PSTATE fields exist is not in the picture
    if (row.asm.startsWith('.') || row.name === 'MSR_imm') continue
    const next = wordsOf(row, random)
    for (const word of Array.from({ length: 50 }, next).filter(word => row.matches(word))) {
      for (const aliases of [true, false]) if (!/^[a-z]/.test(disassemble(word, at, { aliases }) ?? '')) wrong.push(`${row.name} ${word.toString(16)}`)
    }
  }
  expect(wrong).toEqual([])
})

test('every operand of the decode table has a text', () => {
  expect(OPERANDS.split(' ').filter(operand => OPERAND_TEXT[operand] === undefined)).toEqual([])
})

test('any word at any address: text or undefined, never a throw, and the same whether the word is signed', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.bigInt(0n, 0xffff_ffff_ffff_fffcn), (word, address) => {
      const text = disassemble(word, address)
      expect(disassemble(word | 0, address)).toBe(text)
      expect((text === undefined) === (disassemble(word, address, { aliases: false }) === undefined)).toBe(true)
    }),
    { seed: 20, numRuns: 3000 },
  )
})

test('the disassembler loads no engine', () => {
  const loaded = new Set<string>()
  const load = (url: URL): void => {
    if (loaded.has(url.href)) return
    loaded.add(url.href)
    expect(existsSync(url), url.href).toBe(true)
    for (const [, from] of readFileSync(url, 'utf8').matchAll(/^(?:import|export) (?!type ).*from '(\.[^']+)'/gm)) load(new URL(from!, url))
  }
  load(new URL('../../../src/emulator/cpu/disassemble/disassemble.ts', import.meta.url))
  expect([...loaded].filter(href => /\/(wasm|semantics|interpreter|engine|jit)\b/.test(href))).toEqual([])
  expect(loaded.size).toBeGreaterThan(5)
})
