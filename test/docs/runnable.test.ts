// Every command and program that the README and docs/ show is run, and does what they say.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { libraryIsStale } from '../../scripts/freshness.mjs'
import { buildLibrary } from '../../scripts/lib.mjs'
import { projectFiles, ROOT, textOf } from '../tidy/sources.ts'
import { psciSnapOnPath } from './psci-snap-on-path.ts'
import { outputPattern, runnableBlocks, shellSteps } from './runnable.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-docs-'))
// Inside the project, so that `import 'psci-snap'` finds the package itself.
const programs = join(ROOT, 'dist', `.examples-${process.pid}`)
afterAll(() => {
  for (const path of [folder, programs]) rmSync(path, { recursive: true, force: true })
})

const env = psciSnapOnPath(folder)

const pages = projectFiles(/^(README\.md|docs\/[^/]*\.md)$/)
  .map(page => ({ page, blocks: runnableBlocks(textOf(page)) }))
  .filter(({ blocks }) => blocks.length > 0)

test.each(pages.filter(({ blocks }) => blocks.some(({ language }) => language === 'sh')))(
  'the commands in $page do what it says',
  ({ page, blocks }) => {
    expect(inject('bundle')).toBe('ready')
    const cwd = join(folder, page.replaceAll('/', '-'))
    mkdirSync(cwd)
    for (const { line, command, status, expected } of blocks.filter(({ language }) => language === 'sh').flatMap(shellSteps)) {
      const ran = spawnSync('bash', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
      expect(ran.status, `${page}:${line} $ ${command}\n${ran.stdout}${ran.stderr}`).toBe(status)
      if (expected !== undefined) expect(`${ran.stdout.trimEnd()}\n`, `${page}:${line} $ ${command}`).toMatch(outputPattern(expected))
    }
  },
  120_000,
)

const examples = pages.flatMap(({ page, blocks }) => blocks.filter(({ language }) => language === 'ts').map(({ line, text }) => ({ page, line, text })))

beforeAll(async () => {
  if (examples.length > 0 && libraryIsStale(ROOT)) await buildLibrary()
}, 120_000)

test.skipIf(examples.length === 0)('the programs in the docs are correct TypeScript', () => {
  writePrograms()
  const config = { extends: '../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['*.ts'] }
  writeFileSync(join(programs, 'tsconfig.json'), JSON.stringify(config))
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', programs], { encoding: 'utf8' })
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

test.each(examples)(
  'the program at $page:$line runs',
  ({ page, line }) => {
    writePrograms()
    const cwd = mkdtempSync(join(folder, 'ts-'))
    execFileSync(process.execPath, ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), join(programs, programName(page, line))], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  },
  120_000,
)

function writePrograms(): void {
  mkdirSync(programs, { recursive: true })
  for (const { page, line, text } of examples) writeFileSync(join(programs, programName(page, line)), `${text}\n`)
}

function programName(page: string, line: number): string {
  return `${page.replace(/\.md$/, '').replaceAll('/', '-')}-${line}.ts`
}

test('blocks, steps and expected output are read as written', () => {
  const page = ['a', '```sh run', '$ one --json', '{', '…', '}', '$ two # exit 3', '```', '```sh', '$ not run', '```', '```ts run', 'x()', '```'].join('\n')
  const blocks = runnableBlocks(page)
  expect(blocks.map(({ language, line }) => [language, line])).toEqual([
    ['sh', 3],
    ['ts', 13],
  ])
  expect(shellSteps(blocks[0]!)).toEqual([
    { line: 3, command: 'one --json', status: 0, expected: '{\n…\n}' },
    { line: 7, command: 'two', status: 3, expected: undefined },
  ])
  expect('{\n  "ok": true,\n  "n": 1\n}\n').toMatch(outputPattern('{\n…\n}'))
  expect('{\n}\n').toMatch(outputPattern('{\n…\n}'))
  expect('sha256 0123 of 12 bytes\n').toMatch(outputPattern('sha256 … of 12 bytes'))
  expect('{\n}\nmore\n').not.toMatch(outputPattern('{\n…\n}'))
})
