// A mistyped word finds the one that was meant, and no other.
import { expect, test } from 'vitest'
import { editDistance, nearMatches } from '../src/near-match.ts'

const COMMANDS = ['save', 'restore', 'inspect', 'verify', 'convert', 'builds', 'diff', 'check']

test.each([
  ['retore', ['restore']],
  ['inspcet', ['inspect']],
  ['insp', ['inspect']],
  ['build', ['builds']],
  ['sav', ['save']],
  ['covnert', ['convert']],
  ['migrate', []],
  ['x', []],
])('%s means %j', (word, expected) => {
  expect(nearMatches(word, COMMANDS)).toEqual(expected)
})

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', 'abd', 1],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
])('from %j to %j are %i edits', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
  expect(editDistance(b, a)).toBe(distance)
})
