import { expect, test } from 'vitest'
import { withOptionalValue } from '../../src/cli/optional-value.ts'

const words = (line: string): string => withOptionalValue(line.split(' '), '--registers', '*', 1, new Set(['--registers', '--vcpu'])).join(' ')

test.each([
  ['a.psnap --registers', 'a.psnap --registers=*'],
  ['a.psnap --registers --json', 'a.psnap --registers=* --json'],
  ['--registers a.psnap', '--registers=* a.psnap'],
  ['--registers - --json', '--registers=* - --json'],
  ['a.psnap --registers ID_*', 'a.psnap --registers ID_*'],
  ['--registers ID_* a.psnap', '--registers ID_* a.psnap'],
  ['--vcpu 0 --registers a.psnap', '--vcpu 0 --registers=* a.psnap'],
  ['a.psnap --registers=ID_*', 'a.psnap --registers=ID_*'],
  ['a.psnap', 'a.psnap'],
])('%s is read as %s', (line, expected) => {
  expect(words(line)).toBe(expected)
})
