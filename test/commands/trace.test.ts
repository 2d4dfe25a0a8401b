// `trace` on the command line: text, JSON, files, and what somebody does wrong.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand, runShell } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-trace-cli-'))
const at = (name: string): string => join(folder, name)
beforeAll(async () => {
  expect((await runCommand(['save', '--build', 'linux-6.1', '-o', at('g.psnap')])).status).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const GUEST = ['trace', '--build', 'linux-7.3']

test('text: a line an event, aligned, and the summary', async () => {
  const { status, stdout, stderr } = await runCommand([...GUEST, '--function', 'CPU_*', '--function', 'SYSTEM_*', '--function', 'PSCI_VERSION'], {
    columns: 100,
  })
  expect([status, stderr]).toEqual([0, ''])
  const lines = stdout.split('\n')
  const column = lines[0]!.indexOf('answer')
  for (const line of lines.slice(1, 8)) if (!line.includes('---')) expect(line.slice(column - 2, column + 2)).toMatch(/^ {2}[=→] $/)
  await expect(stdout).toMatchFileSnapshot('golden/trace.txt')
})

test('--details adds where', async () => {
  const { stdout } = await runCommand([...GUEST, '--max-calls', '1', '--details'])
  expect(stdout).toMatch(/\n +at 0x400[0-9a-f]+ in EL1h, instruction \d+, 0x84000000, x0 0x10003\n/)
})

test('--json is one object, --jsonl lines; both have every event and the summary', async () => {
  const object = await runCommand([...GUEST, '--json', '--max-calls', '4'])
  expect(object.status).toBe(0)
  const { ok, results, summary } = object.json() as { ok: boolean; results: { kind: string }[]; summary: object }
  expect(ok).toBe(true)
  expect(results.map(({ kind }) => kind)).toEqual(['call', 'call', 'call', 'start', 'call', 'stop'])
  expect(summary).toMatchObject({ shown: 4, stop: { why: 'max-calls' } })
  const lines = (await runCommand([...GUEST, '--jsonl', '--max-calls', '4'])).stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.slice(0, -1)).toEqual(results)
  expect(lines.at(-1)).toEqual({ summary })
})

describe('-o', () => {
  test('writes a Chrome trace, JSON lines or text by the name, privately, and shows the summary alone', async () => {
    for (const [name, format] of [
      ['t.json', 'chrome'],
      ['t.jsonl', 'jsonl'],
      ['t.txt', 'text'],
    ] as const) {
      const { status, stdout } = await runCommand([...GUEST, '-o', at(name)])
      expect(status).toBe(0)
      expect(stdout).toMatch(/^ran {6}the built-in guest/)
      expect(stdout).toContain(`written  ${at(name)}`)
      expect(statSync(at(name)).mode & 0o777).toBe(0o600)
      const text = readFileSync(at(name), 'utf8')
      if (format === 'chrome') expect(JSON.parse(text).traceEvents.length).toBeGreaterThan(80)
      if (format === 'jsonl')
        expect(
          text
            .trimEnd()
            .split('\n')
            .map(line => JSON.parse(line))
            .at(-1),
        ).toHaveProperty('summary.stop.why', 'off')
      if (format === 'text') expect(text).toMatch(/^ +seconds {2}vCPU[\s\S]*SYSTEM_OFF\(\) +→ SHUTDOWN[\s\S]*\nran /)
    }
  })
  test('- sends the trace to standard output and the summary to standard error', () => {
    const { status, stdout, stderr } = runShell([...GUEST, '-o', '-', '--format', 'chrome', '--max-calls', '2'])
    expect(status).toBe(0)
    expect(JSON.parse(stdout).traceEvents.length).toBeGreaterThan(5)
    expect(stderr).toMatch(/^ran {6}the built-in guest/)
  })
  test('a file that is there stays, without --force', async () => {
    expect((await runCommand([...GUEST, '-o', at('t.json')])).status).toBe(10)
    expect((await runCommand([...GUEST, '-o', at('t.json'), '--force', '--max-calls', '1'])).status).toBe(0)
  })
  test('Ctrl-C ends the guest, says so, and the file is whole', async () => {
    const controller = new AbortController()
    const running = runCommand([...GUEST, '--until', 'insns=100000000000', '--function', 'SYSTEM_OFF', '-o', at('cut.json')], { signal: controller.signal })
    setTimeout(() => controller.abort(), 300)
    const { status, stdout } = await running
    expect(status).toBe(130)
    expect(stdout).toMatch(/ended {4}interrupted/)
    expect(JSON.parse(readFileSync(at('cut.json'), 'utf8'))).toHaveProperty('otherData.stop.why', 'interrupted')
  })
})

test.each([
  ['chrome without a file', ['--format', 'chrome'], 2, /goes to a file/],
  ['a function that there is not', ['--function', 'SYSTEM_OF'], 2, /did you mean SYSTEM_OFF/],
  ['a vCPU that there is not', ['--vcpu', '5'], 2, /no vCPU 5/],
  ['a file and a kernel', ['g.psnap', '--kernel', 'Image'], 2, /not both/],
  ['an initramfs without a kernel', ['--initrd', 'x'], 2, /--kernel/],
  ['no calls', ['--max-calls', '0'], 2, /--max-calls/],
  ['a build that there is not', ['--build', 'linux-9.9'], 14, /no build/],
  ['a PSCI version that the host does not take', ['--psci', '9.9'], 14, /9\.9/],
  ['a file that is not there', ['nowhere.psnap'], 10, /no such file/],
  ['a kernel that is not there', ['--kernel', 'nowhere'], 10, /no such file/],
  ['a folder for the output that is not there', ['-o', join('no', 'where.json')], 10, /directory/],
  ['JSON and a trace on the same stream', ['--json', '-o', '-'], 2, /both want standard output/],
])('%s', async (_what, words, status, says) => {
  const ran = await runCommand(['trace', ...words.map(word => (word.endsWith('.psnap') || word.startsWith('no/') ? at(word) : word))])
  expect(ran.stderr + ran.stdout).toMatch(says)
  expect(ran.status).toBe(status)
  expect(readdirSync(folder).filter(name => name.includes('.tmp'))).toEqual([])
})
