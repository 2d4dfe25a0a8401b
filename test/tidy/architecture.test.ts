// ARCHITECTURE.md names files and folders; each of them is there.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ROOT, textOf } from './sources.ts'

test.each(['ARCHITECTURE.md', 'CONTRIBUTING.md'])('%s names only what exists', page => {
  const named = [...textOf(page).matchAll(/`((?:src|test|scripts|bench|docs|bin|\.ci)\/[\w./-]+?)\/?`/g)].map(match => match[1]!)
  const linked = [...textOf(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(match => match[1]!)
  expect(named.length).toBeGreaterThan(3)
  expect([...named, ...linked].filter(path => !/^dist|vN/.test(path) && !existsSync(ROOT + path))).toEqual([])
})

test('ARCHITECTURE.md has at most 200 lines', () => {
  expect(textOf('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(200)
})
