// What every file of the project keeps to: its length, its name, what it must not give away.

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { codeOf, projectFiles, ROOT, textOf } from './sources.ts'

const MOST_LINES = 300
const MOST_COMMAND_LINES = 60

const lineCount = (file: string): number => textOf(file).trimEnd().split('\n').length

const code = projectFiles(/^(src|test|scripts|bench|bin)\/.*\.(ts|mts|mjs|js)$/)

test('no file has over 300 lines, but tables', () => {
  const lines = code.filter(file => !textOf(file).startsWith('// table')).map(file => `${file}: ${lineCount(file)}`)
  expect(lines.filter(line => Number(line.split(': ')[1]) > MOST_LINES)).toEqual([])
})

test('a command has fewer than 60 lines and no loop or switch: what it was told is decided in ops', () => {
  const commands = projectFiles(/^src\/commands\/.*\.ts$/)
  expect(commands.filter(file => lineCount(file) >= MOST_COMMAND_LINES)).toEqual([])
  expect(commands.filter(file => /\bswitch\b|\bfor\s*\(|\bwhile\b/.test(codeOf(file)))).toEqual([])
})

test('names are kebab-case and say something', () => {
  const empty = /^(utils?|helpers?|common|managers?|misc|stuff)$/
  expect(code.filter(file => /[A-Z_ ]/.test(file) || file.split(/[/.-]/).some(word => empty.test(word)))).toEqual([])
})

// Written so that this file does not hold what it looks for.
const PRIVATE = [
  ['/wo', 'rk/'],
  ['/ro', 'ot/'],
  ['far', 'm-'],
  ['/tmp/br', 'ief'],
  ['registry.npmjs', '.org'],
  ['_auth', 'Token'],
].map(parts => parts.join(''))
const TEXT = /^(?!test\/data\/).*\.(ts|mts|mjs|js|json|md|sh|yml|yaml|c|S|h|ld|txt)$|^\.ci\/|^LICENSE$|^\.gitignore$/

test('no file names a machine or a private place', () => {
  const found = projectFiles(TEXT).flatMap(file => PRIVATE.filter(word => textOf(file).includes(word)).map(word => `${file}: ${word}`))
  expect(found).toEqual([])
})

test('the lock file pins every package by version and names no registry', () => {
  const lock = JSON.parse(textOf('package-lock.json')) as {
    packages: Record<string, { version?: string; resolved?: string; integrity?: string; optional?: true }>
  }
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
  expect(packages.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([])
  expect(packages.filter(([, entry]) => entry.version === undefined || (entry.integrity === undefined && !entry.optional)).map(([path]) => path)).toEqual([])
})

test('every folder of test data says where its data comes from', () => {
  const folders = new Set(projectFiles(/^test\/data\//).map(file => dirname(file)))
  const hasProvenance = (folder: string): boolean =>
    folder !== 'test/data' && (['PROVENANCE.md', 'PROVENANCE'].some(name => existsSync(`${ROOT}${folder}/${name}`)) || hasProvenance(dirname(folder)))
  expect([...folders].filter(folder => folder !== 'test/data' && !hasProvenance(folder))).toEqual([])
})

test('no test is left alone or left out without a reason', () => {
  const tests = projectFiles(/^test\/.*\.ts$/).filter(file => !file.startsWith('test/tidy/'))
  expect(tests.filter(file => /\b(test|it|describe)\.(only|todo)\b/.test(codeOf(file)))).toEqual([])
})
