// No byte of a file obeys on a terminal.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { terminalLines, terminalText } from '../../src/render/terminal-text.ts'

test('control characters are written out, other text stays', () => {
  expect(terminalText('host\u001b[2J\u0007\r\n\tü 漢 €\u009b\u007f\u202eevil')).toBe('host\\x1b[2J\\x07\\x0d\\x0a\\x09ü 漢 €\\x9b\\x7f\\u202eevil')
})

test('newlines and tabs stay where lines are expected', () => {
  expect(terminalLines('a\tb\nc\u001b]0;title\u0007\r\n')).toBe('a\tb\nc\\x1b]0;title\\x07\\x0d\n')
})

test('whatever the text, nothing that a terminal obeys is left, and printable ASCII is untouched', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const safe = terminalText(text)
      expect([...safe].some(char => /\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u.test(char))).toBe(false)
      expect(safe.replace(/[^ -~]/g, '')).toContain(
        [...text]
          .filter(char => /[ -~]/.test(char))
          .slice(0, 1)
          .join(''),
      )
    }),
    { seed: 1, numRuns: 500 },
  )
})
