// What every command promises, tried on commands made for it: DESIGN.md §6, and the habits of oclif that must not come back.
import { describe, expect, test } from 'vitest'
import { TRIAL_TABLE } from './fixtures/table.ts'
import type { MemoryIoOptions } from './memory-io.ts'
import { runCommand } from './run-command.ts'

const trial = (line: string, options: MemoryIoOptions & { signal?: AbortSignal } = {}) => runCommand(line.split(' '), { ...options, table: TRIAL_TABLE })

describe('a command that does its work', () => {
  test('prints text without colour and exits 0', async () => {
    expect(await trial('echo hello')).toMatchObject({ status: 0, stdout: 'said hello\n', stderr: '' })
  })
  test('uses colour where it may', async () => {
    expect((await trial('echo hello', { color: true })).stdout).toBe('\u001b[1msaid hello\u001b[22m\n')
  })
  test('prints one JSON object: ok first, 64-bit values as hex, bytes as hex, absent keys absent', async () => {
    const { stdout, stderr, json } = await trial('echo hello --json')
    expect(json()).toEqual({ ok: true, word: 'hello', id: '0x6030000000140000', bytes: '01ab', count: 0 })
    expect(Object.keys(json())[0]).toBe('ok')
    expect(stdout.endsWith('}\n')).toBe(true)
    expect(stderr).toBe('')
  })
  test('gives the negative answer as exit status 3, with and without JSON, and ok is true', async () => {
    expect(await trial('echo no --negative')).toMatchObject({ status: 3, stdout: 'said no\n' })
    const inJson = await trial('echo no --negative --json')
    expect(inJson.status).toBe(3)
    expect(inJson.json().ok).toBe(true)
  })
  test('is silent with --quiet, but JSON is still JSON', async () => {
    expect(await trial('echo hello --quiet --rows 2')).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect((await trial('echo hello --quiet --json')).json().ok).toBe(true)
  })
  test('streams rows as text', async () => {
    expect((await trial('echo done --rows 2')).stdout).toBe('row 0\nrow 1\nsaid done\n')
  })
  test('streams rows as JSON lines with a summary last', async () => {
    const lines = (await trial('echo done --rows 2 --json')).stdout.trimEnd().split('\n')
    expect(lines.map(line => JSON.parse(line))).toEqual([{ n: 0 }, { n: 1 }, { summary: { word: 'done', id: '0x6030000000140000', bytes: '01ab', count: 2 } }])
  })
  test('never reads standard input because an argument is missing', async () => {
    const before = process.stdin.listenerCount('readable') + process.stdin.listenerCount('data')
    expect(await trial('echo')).toMatchObject({ status: 2, stdout: '' })
    expect(process.stdin.listenerCount('readable') + process.stdin.listenerCount('data')).toBe(before)
  })
  test('that writes a file to standard output reports on standard error', async () => {
    expect(await trial('echo hi -o -')).toEqual(expect.objectContaining({ status: 0, stdout: '', stderr: 'said hi\n' }))
    expect(await trial('echo hi -o file')).toMatchObject({ status: 0, stdout: 'said hi\n', stderr: '' })
  })
  test('refuses a binary file on a terminal, and next to JSON', async () => {
    expect(await trial('echo hi -o -', { terminal: true })).toMatchObject({ status: 2 })
    const both = await trial('echo hi -o - --json')
    expect(both.json()).toMatchObject({ ok: false, error: { code: 'USAGE' } })
  })
})

describe('a usage error', () => {
  const cases: [line: string, message: RegExp, hint: RegExp][] = [
    ['ecko x', /unknown command ecko/, /did you mean echo\?/],
    ['zzzzzz', /unknown command zzzzzz/, /psci-snap --help/],
    ['topic fial', /unknown command topic fial/, /did you mean fail\?/],
    ['topic --quiet', /needs one of: fail/, /psci-snap topic --help/],
    ['--quiet echo x', /unknown flag --quiet before any command/, /flags follow the command/],
    ['echo x --negativ', /unknown flag --negativ/, /did you mean --negative\?/],
    ['echo x --qqq=1', /unknown flag --qqq=1/, /psci-snap echo --help/],
    ['echo', /missing argument WORD/, /psci-snap echo --help/],
    ['echo a b', /unexpected argument b/, /psci-snap echo --help/],
    ['echo a --rows', /--rows expects a value/, /--help/],
    ['echo a --rows x', /--rows: Expected an integer but received: x/, /--help/],
    ['echo a --mode shrill', /loud, soft/, /--help/],
    ['echo a --rows 1 --rows 2', /--rows can only be specified once/, /--help/],
    ['help ecko', /unknown command ecko/, /did you mean echo\?/],
  ]
  test.each(cases)('%s: exit 2, one line and a hint', async (line, message, hint) => {
    const { status, stdout, stderr } = await trial(line)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(hint)
    expect(stderr.trimEnd().split('\n')).toHaveLength(2)
  })
  test.each(cases.filter(([line]) => !line.startsWith('-')))('%s --json: the same as one small object', async (line, message, hint) => {
    const { status, stdout, stderr, json } = await trial(`${line} --json`)
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' })
    const { ok, error } = json() as { ok: boolean; error: Record<string, string> }
    expect({ ok, code: error.code }).toEqual({ ok: false, code: 'USAGE' })
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
    expect(stdout.split('\n').length).toBeLessThan(12)
  })
})

describe('a failure', () => {
  test('of a known kind: its exit status, its hint, no control characters, no stack', async () => {
    const { status, stdout, stderr } = await trial('topic fail known')
    expect({ status, stdout }).toEqual({ status: 12, stdout: '' })
    expect(stderr).toBe(
      'psci-snap topic fail: member \\x1b[31mvcpu/0\\x1b[0m is torn (ARCHIVE_CORRUPT)\n  hint: run `psci-snap verify FILE` to see every member that fails\n',
    )
  })
  test('of a known kind under --json keeps its exit status and says where', async () => {
    const { status, json } = await trial('topic fail known --json')
    expect(status).toBe(12)
    expect(json()).toMatchObject({ ok: false, error: { code: 'ARCHIVE_CORRUPT', at: { file: 'g.psnap', member: 'vcpu/0.msgpack', offset: 512 } } })
  })
  test.each(['bug', 'bigint', 'unprintable'])('that is a bug of ours (%s): one line, how to report it, exit 1', async how => {
    const { status, stderr } = await trial(`topic fail ${how}`)
    if (how === 'unprintable') return expect(status).toBe(0)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^psci-snap topic fail: internal error: .* \(INTERNAL\)\n {2}hint: .*please report.*\n$/)
  })
  test.each(['bug', 'bigint', 'unprintable'])('that is a bug of ours (%s) under --json: an INTERNAL error object', async how => {
    const { status, json } = await trial(`topic fail ${how} --json`)
    expect(status).toBe(1)
    expect(json()).toMatchObject({ ok: false, error: { code: 'INTERNAL' } })
  })
  test('shows its stack only when PSCI_SNAP_DEBUG is set', async () => {
    expect((await trial('topic fail bug')).stderr).not.toMatch(/\n\s+at /)
    expect((await trial('topic fail bug', { debug: true })).stderr).toMatch(/TypeError: x is not a function\n\s+at /)
  })
  test('of a file operation nobody explained is 10, with the path', async () => {
    const { status, json } = await trial('topic fail file --json')
    expect(status).toBe(10)
    expect(json()).toMatchObject({ error: { code: 'CANNOT_READ', at: { file: '/nonexistent/file' } } })
  })
  test('by an interruption is 130', async () => {
    const interruption = new AbortController()
    setTimeout(() => interruption.abort(), 20)
    const { status, json } = await trial('topic fail hang --json', { signal: interruption.signal })
    expect(status).toBe(130)
    expect(json()).toMatchObject({ error: { code: 'INTERRUPTED' } })
  })
})

describe('help', () => {
  test('of everything lists the commands', async () => {
    for (const line of ['--help', 'help', '-h']) expect((await trial(line)).stdout).toMatch(/COMMANDS\n {2}echo {8}Say a word\.\n {2}topic fail {2}Fail\./)
  })
  test('of a topic lists its commands', async () => {
    expect((await trial('topic')).stdout).toContain('topic fail  Fail.')
    expect((await trial('topic --help')).stdout).not.toContain('echo')
  })
  test.each(['echo --help', 'help echo', 'echo x -h'])('%s shows arguments and flags', async line => {
    const { status, stdout } = await trial(line)
    expect(status).toBe(0)
    for (const part of ['Say a word.', '$ psci-snap echo', '--json', '--quiet', '--rows=<value>', 'WORD']) expect(stdout).toContain(part)
  })
})
