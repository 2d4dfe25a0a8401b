// `check` with threads, as a user runs it (the bundle) and from the sources: the same results whatever the number, and an end at once when stopped.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommand, runShell } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-threads-'))
const fleet = join(folder, 'fleet')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(async () => {
  mkdirSync(fleet)
  for (const build of ['linux-5.10', 'linux-7.3']) await runCommand(['save', '--build', build, '--vcpus', '1', '-o', join(folder, `${build}.json`)])
  for (let n = 0; n < 40; n++) cpSync(join(folder, n % 3 === 0 ? 'linux-5.10.json' : 'linux-7.3.json'), join(fleet, `${n}.json`))
  writeFileSync(join(fleet, '5.json'), '{"format":"kvm-reglist","version":1,"vcpus":[{"registers":[["0x1","0x1"]]}]}')
  writeFileSync(join(fleet, 'notes.txt'), 'x')
})

const words = (jobs: string) => ['check', fleet, '--to', 'linux-6.1,linux-7.3', '--jsonl', '--jobs', jobs, '--sarif', join(folder, `${jobs}.sarif`)]

test('the results do not depend on the number of threads', () => {
  const [one, three] = [runShell(words('1')), runShell(words('3'))]
  expect(one.status).toBe(3)
  expect(three).toMatchObject({ status: 3, stdout: one.stdout, stderr: '' })
  const lines = one.stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(39 * 2 + 1 + 1)
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ summary: { files: 40, unreadable: 1, skipped: 1 } })
})

test('threads work from the sources too', async () => {
  const ran = await runCommand(['check', join(fleet, '0.json'), join(fleet, '1.json'), join(folder, 'none'), '--to', 'linux-7.3', '--jobs', '2', '--json'])
  expect((ran.json().results as { verdict?: string }[]).map(({ verdict }) => verdict)).toEqual(['refused', 'survives', undefined])
})

test('standard input is read beside the threads', () => {
  const input = JSON.stringify({ format: 'kvm-reglist', version: 1, vcpus: [{ registers: [['0x6030000000140000', '0x10001']] }] })
  const ran = runShell(['check', join(fleet, '1.json'), '-', '--to', 'linux-7.3', '--jobs', '2', '--json'], { input })
  expect((ran.json().results as { source: { file: string } }[]).map(({ source }) => source.file)).toEqual([join(fleet, '1.json'), 'standard input'])
})

test.each(['1', '2'])('a stop in the middle with %s at work: 130, JSON that is whole, no report file', async jobs => {
  // A FIFO that nobody writes to: whoever opens it waits for ever.
  const fifo = join(folder, `fifo-${jobs}`)
  execFileSync('mkfifo', [fifo])
  const sarif = join(folder, 'stopped.sarif')
  const run = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
  const child = spawn(process.execPath, [run, 'check', fleet, fifo, '--to', 'linux-7.3', '--json', '--jobs', jobs, '--sarif', sarif], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  const first = once(child.stdout, 'data')
  child.stdout.on('data', data => {
    stdout += data
  })
  await first
  child.kill('SIGINT')
  const [status] = (await once(child, 'close')) as [number]
  expect(status).toBe(130)
  const answer = JSON.parse(stdout) as { ok: boolean; results: object[]; error: { code: string } }
  expect(answer).toMatchObject({ ok: false, error: { code: 'INTERRUPTED' } })
  expect(answer.results.length).toBeGreaterThan(0)
  expect(existsSync(sarif)).toBe(false)
})
