// What the package promises to those who install it.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { projectFiles, ROOT, textOf } from './sources.ts'

const manifest = JSON.parse(textOf('package.json')) as {
  version: string
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  files: string[]
  scripts: Record<string, string>
}

test('the release in the code is the release of the package', async () => {
  const { VERSION } = await import('../../src/version.ts')
  expect(VERSION).toBe(manifest.version)
})

test('the dependencies are the short list we mean', () => {
  expect(Object.keys(manifest.dependencies)).toEqual(['@bokuweb/zstd-wasm', '@oclif/core', 'msgpackr', 're2js', 'tar', 'yaml', 'zod'])
  expect(Object.keys(manifest.devDependencies)).toEqual([
    '@biomejs/biome',
    '@microsoft/jest-sarif',
    '@types/node',
    'ajv',
    'esbuild',
    'fast-check',
    'knip',
    'playwright-core',
    'saxes',
    'tsx',
    'typescript',
    'vitest',
  ])
})

test('every version is exact', () => {
  const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+(-beta\.\d+)?$/.test(version))
  expect(loose).toEqual([])
})

test('no script runs at install', () => {
  expect(Object.keys(manifest.scripts).filter(name => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([])
})

test('every script names a file that is there', () => {
  const named = Object.values(manifest.scripts).flatMap(script => script.match(/\b(?:scripts|bench)\/[\w./-]+/g) ?? [])
  expect(named.filter(file => !existsSync(ROOT + file))).toEqual([])
})

test('the package holds what a user needs and nothing else', () => {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  ) as [{ files: { path: string }[] }]
  const paths = packed.files.map(({ path }) => path)
  expect(paths.filter(path => !/^(bin|dist\/(cli|lib)|docs)\/|^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/.test(path))).toEqual([])
  for (const wanted of ['bin/run.js', 'dist/cli/main.js', 'README.md', 'LICENSE', 'CHANGELOG.md']) expect(paths).toContain(wanted)
})

test('the table of commands is the folder of commands', async () => {
  const { TABLE } = await import('../../src/commands/table.ts')
  const files = projectFiles(/^src\/commands\/.*\.ts$/).filter(file => !/\/(main|table)\.ts$/.test(file))
  expect(Object.keys(TABLE.commands).sort()).toEqual(files.map(file => file.slice('src/commands/'.length, -'.ts'.length).replaceAll('/', ':')).sort())
})
