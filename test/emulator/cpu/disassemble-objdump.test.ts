// The fast part of scripts/conformance-decode.ts: a few tens of thousands of random words, decoder and disassembler against GNU objdump.
import { expect, test } from 'vitest'
import { createComparison } from '../../../scripts/conformance/compare.ts'
import { objdumpVersion } from '../../../scripts/conformance/objdump.ts'
import { randomWords } from '../../../scripts/conformance/words.ts'
import { compileRow, ROWS } from '../../../src/emulator/cpu/decode/table.ts'

const version = objdumpVersion()
if (version === undefined) console.log('skipped: aarch64-linux-gnu-objdump is not installed')

test.skipIf(version === undefined)('random words: same verdict and same text as objdump, and every row was tried', () => {
  const comparison = createComparison()
  comparison.add(Uint32Array.from(randomWords(60_000, 2)), 0xffff_8000_7fff_f000n)
  const { groups, rows, examples } = comparison.tally()
  const shown = examples.map(({ word, aliases, ours, theirs }) => `${word.toString(16)}${aliases ? ' (aliases)' : ''}: ours ${ours}, objdump ${theirs}`)
  expect(shown).toEqual([])
  const counts = [...groups.values()]
  expect(counts.reduce((sum, { mismatches }) => sum + mismatches, 0)).toBe(0)
  expect(counts.reduce((sum, { implemented }) => sum + implemented, 0)).toBeGreaterThan(15_000)
  expect(
    ROWS.map(compileRow)
      .filter(({ name }) => !rows.has(name))
      .map(({ name }) => name),
  ).toEqual([])
})
