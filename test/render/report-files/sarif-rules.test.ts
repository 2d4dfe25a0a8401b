// Every finding that can be an error or a warning has a rule with words of its own.
import { expect, test } from 'vitest'
import { CHANGES } from '../../../src/ops/verdict.ts'
import { ruleCodes, ruleRow } from '../../../src/render/report-files/sarif-rules.ts'
import { projectFiles, textOf } from '../../tidy/sources.ts'

/** Codes written next to a severity that matters, in whatever order the two stand. */
const written = (text: string): string[] =>
  [/severity: '(?:error|warning)',\s*code: '([a-z-]+)'/g, /code: '([a-z-]+)',\s*severity: '(?:error|warning)'/g, /'([a-z-]+-refused)'/g].flatMap(pattern =>
    [...text.matchAll(pattern)].map(match => match[1]!),
  )

test('each code of an error or a warning has a row in model/finding-codes.ts or among the lints', () => {
  // Operations that make no result of `check`.
  const others = /^src\/(ops\/(diff|edit|builds|migrate|baseline|matrix|builds-words|explain)\b|formats\/elf-core\/)/
  const codes = projectFiles(/^src\/(ops|model|formats)\/.*\.ts$/)
    .filter(file => !others.test(file))
    .flatMap(file => written(textOf(file)))
  expect(codes.length).toBeGreaterThan(20)
  const known = ruleCodes()
  expect([...new Set([...codes, ...CHANGES])].filter(code => !known.has(code)).sort()).toEqual([])
})

test('a code without a row still reads', () => {
  expect(ruleRow('brand-new')[1]).toBe('Brand new.')
})
