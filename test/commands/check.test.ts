// `check` as a user types it: what is printed, in which form, and with which exit status; in this process.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-check-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Row {
  readonly verdict?: string
  readonly verdictWithoutPolicy?: string
  readonly source: { readonly file: string; readonly sha256?: string }
  readonly target?: { readonly build: string; readonly vmm: string }
  readonly findings?: readonly { readonly code: string }[]
  readonly error?: { readonly code: string }
}
interface Answer {
  readonly ok: boolean
  readonly results: readonly Row[]
  readonly summary: { readonly files: number; readonly skipped: number; readonly verdicts: Record<string, number>; readonly [key: string]: unknown }
  readonly error?: { readonly code: string }
}

/** Words with a dot or a slash at the start name files of the folder. */
const check = (line: string, options = {}) =>
  runCommand(['check', ...line.split(' ').map(word => word.replace(/^@/, `${folder}/`))], { columns: 100, ...options })
const json = async (line: string): Promise<Answer & { status: number }> => {
  const ran = await check(`${line} --json`)
  return { ...(ran.json() as unknown as Answer), status: ran.status }
}

beforeAll(async () => {
  mkdirSync(at('fleet/below'), { recursive: true })
  await runCommand(['save', '--build', 'linux-6.1', '--vcpus', '1', '-o', at('fleet/a.psnap')])
  await runCommand(['save', '--build', 'linux-7.3', '--vcpus', '1', '-o', at('fleet/below/b.json')])
  writeFileSync(at('fleet/readme.txt'), 'no snapshot\n')
  writeFileSync(at('empty'), '')
  writeFileSync(at('broken.json'), '{"format":"kvm-reglist","version":1,"vcpus":[{"registers":[["0x1","0x1"]]}]}')
})

describe('text', () => {
  test('one file and one host: the whole report', async () => {
    const { status, stdout, stderr } = await check('@fleet/a.psnap --to linux-7.3')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^survives .*a\.psnap → linux-7\.3\.4\/cortex-a72 \(kvm\)\nbecause {3}\S/)
  })
  test('several: a matrix with a reason for what does not survive, then sums', async () => {
    const { status, stdout } = await check('@fleet --to linux-6.1,linux-7.3')
    expect(status).toBe(3)
    expect(stdout.replaceAll(folder, '')).toMatch(
      /^linux-6\.1\.192\/cortex-a72 {2}linux-7\.3\.4\/cortex-a72 {2}file\nsurvives {18}survives {16}\/fleet\/a\.psnap\nrefused {19}survives {16}\/fleet\/below\/b\.json\n {2}linux-6\.1\.192\/cortex-a72: KVM_REG_ARM_PSCI_VERSION[\s\S]*\n\n2 files on 2 builds: 1 refused, 3 survive\n {2}1 other file skipped\n {2}1 {2}refused {2}KVM_REG_ARM_PSCI_VERSION/,
    )
  })
  test('too many hosts for columns: a list', async () => {
    const { stdout } = await check('@fleet --to linux-5.10,linux-6.1,linux-6.12,linux-7.2,linux-7.3')
    expect(stdout).toMatch(/a\.psnap: \d+ refused, \d+ survive\n {2}linux-/)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(140)
  })
  test('--details tells every result in full', async () => {
    const { stdout } = await check('@fleet --to linux-7.3 --details')
    expect(stdout.match(/^because/gm)).toHaveLength(2)
    expect(stdout).toContain('2 files on 1 build')
  })
  test('hosts instead of files', async () => {
    const { status, stdout } = await check('--from linux-6.1,linux-7.3 --to linux-6.1')
    expect(status).toBe(3)
    expect(stdout).toContain('2 hosts on 1 build: 1 refused, 1 survives')
  })
  test('--quiet leaves the exit status', async () => {
    expect(await check('@fleet --to linux-6.1 --quiet')).toMatchObject({ status: 3, stdout: '', stderr: '' })
  })
})

describe('JSON', () => {
  test('is one object: results by file and target, in order, then the summary', async () => {
    const { status, ok, results, summary } = await json('@fleet --to linux-7.3,linux-6.1,linux-7.3')
    expect({ status, ok }).toEqual({ status: 3, ok: true })
    expect(results.map(({ source, target, verdict }) => [source.file.replace(folder, ''), target?.build, verdict])).toEqual([
      ['/fleet/a.psnap', 'linux-7.3.4/cortex-a72', 'survives'],
      ['/fleet/a.psnap', 'linux-6.1.192/cortex-a72', 'survives'],
      ['/fleet/below/b.json', 'linux-7.3.4/cortex-a72', 'survives'],
      ['/fleet/below/b.json', 'linux-6.1.192/cortex-a72', 'refused'],
    ])
    expect(results[0]?.source.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(summary).toMatchObject({ files: 2, results: 4, skipped: 1, unreadable: 0, verdicts: { survives: 3, changed: 0, refused: 1 }, accepted: 0 })
  })
  test('as lines: the same results, the summary last', async () => {
    const lines = (await check('@fleet --to linux-7.3 --jsonl')).stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Row & { summary?: object })
    const whole = await json('@fleet --to linux-7.3')
    expect(lines.slice(0, -1)).toEqual(whole.results)
    expect(lines.at(-1)).toEqual({ summary: whole.summary })
  })
  test('--no-digest reads no more than it needs', async () => {
    expect((await json('@fleet/a.psnap --to linux-7.3 --no-digest')).results[0]?.source.sha256).toBeUndefined()
  })
  test('the VMM is that of the flag', async () => {
    expect((await json('@fleet/a.psnap --to linux-7.3 --vmm firecracker')).results[0]?.target?.vmm).toBe('firecracker')
  })
})

describe('what cannot be read', () => {
  test('alone is the error of the call', async () => {
    expect(await check('@nowhere --to linux-7.3')).toMatchObject({ status: 10, stdout: '', stderr: expect.stringContaining('there is no such file') })
    expect(await json('@broken.json --to linux-7.3')).toMatchObject({
      status: 12,
      ok: false,
      error: { code: 'INPUT_CORRUPT' },
      results: [{ error: { code: 'INPUT_CORRUPT' } }],
    })
  })
  test('among others is a result, and the exit status of the first such when there is no negative answer', async () => {
    expect(await json('@fleet/a.psnap @empty @nowhere --to linux-7.3')).toMatchObject({ status: 11, ok: true, summary: { unreadable: 2, files: 3 } })
    expect((await json('@nowhere @fleet --to linux-6.1')).status).toBe(3)
    expect((await check('@fleet/a.psnap @empty --to linux-7.3')).stdout).toMatch(/^unreadable {2}\S*empty\n {2}\S.*\(FORMAT_UNKNOWN\)\n {2}hint: /m)
  })
  test('a folder without any snapshot is no success', async () => {
    mkdirSync(at('nothing'))
    expect(await check('@nothing --to linux-7.3')).toMatchObject({ status: 11, stderr: expect.stringContaining('no snapshot in') })
    writeFileSync(at('nothing/notes'), 'x')
    expect((await check('@nothing --to linux-7.3')).stderr).toContain('the one file is in no format')
  })
})

describe('exit status', () => {
  test('--fail-on refused lets a change pass', async () => {
    const old = at('old.json')
    await runCommand(['save', '--build', 'linux-5.10', '--vcpus', '1', '-o', old])
    // Without what 6.1 refuses or misses of a 5.10 guest, its services are all that differs.
    await runCommand(['edit', old, '-o', at('drops.json'), '--drop', 'PM*', '--drop', 'ID_*'])
    const { results, status } = await json('@drops.json --to linux-6.1')
    expect([results[0]?.verdict, status]).toEqual(['changed', 3])
    expect((await json('@drops.json --to linux-6.1 --fail-on refused')).status).toBe(0)
    expect((await json('@drops.json @fleet --to linux-6.1 --fail-on refused')).status).toBe(3)
    writeFileSync(
      at('p.yml'),
      [
        'version: 1',
        'accept:',
        ...['service-appeared', 'register-changed', 'mitigation-changed', 'unheard-of'].map(code => `  - {code: ${code}, reason: known, until: 9999-12-31}`),
      ].join('\n'),
    )
    const accepted = await json('@drops.json --to linux-6.1 --policy @p.yml'.replace('@p.yml', at('p.yml')))
    expect(accepted).toMatchObject({ status: 0, results: [{ verdict: 'survives', verdictWithoutPolicy: 'changed' }], summary: { accepted: 1 } })
    expect(accepted.summary.policy).toMatchObject({ unused: expect.arrayContaining([{ acceptance: 'unheard-of', until: '9999-12-31' }]), expired: [] })
    expect((await check(`@drops.json --to linux-6.1 --policy ${at('p.yml')}`)).stdout).toContain('of no use here: unheard-of (until 9999-12-31)')
  })
})

describe('a baseline', () => {
  test('gives the targets, and says which guests were born with something else', async () => {
    expect((await runCommand(['builds', 'baseline', 'linux-6.1', 'linux-7.3', '-o', at('b.json')])).status).not.toBe(2)
    const { results, summary } = await json(`@fleet --baseline ${at('b.json')}`)
    expect(summary.targets).toEqual(['linux-6.1.192/cortex-a72', 'linux-7.3.4/cortex-a72'])
    const outside = results.filter(({ findings }) => findings?.some(({ code }) => code === 'outside-baseline'))
    expect([...new Set(outside.map(({ source }) => source.file))]).toEqual([at('fleet/below/b.json')])
    expect(summary.outsideBaseline).toBe(1)
  })
})

describe('report files', () => {
  test('are written whole, beside the text, and not over others', async () => {
    const flags = `--sarif ${at('r.sarif')} --junit ${at('r.xml')} --html ${at('r.html')}`
    expect((await check(`@fleet @nowhere --to linux-6.1,linux-7.3 ${flags}`)).status).toBe(3)
    expect(JSON.parse(readFileSync(at('r.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' })
    expect(readFileSync(at('r.xml'), 'utf8')).toMatch(/<testsuites[\s\S]*<\/testsuites>\n$/)
    expect(readFileSync(at('r.html'), 'utf8')).toMatch(/<\/html>\n?$/)
    expect(await check(`@fleet --to linux-6.1 ${flags}`)).toMatchObject({ status: 10, stdout: '', stderr: expect.stringContaining('exists already') })
    expect((await check(`@fleet --to linux-6.1 ${flags} --force`)).status).toBe(3)
  })
  test('do not meet on standard output', async () => {
    const { stdout, stderr } = await runCommand(['check', at('fleet'), '--to', 'linux-6.1', '--junit', '-', '--sarif', '-', '--json'])
    expect(stdout + stderr).toMatch(/both want standard output/)
    expect((await check('@fleet --to linux-6.1 --junit - --sarif -')).stderr).toContain('one report only')
  })
  test('are not there when the work is stopped', async () => {
    const stop = new AbortController()
    stop.abort()
    const { status } = await check(`@fleet --to linux-6.1 --sarif ${at('stopped.sarif')}`, { signal: stop.signal })
    expect(status).toBe(130)
    expect(existsSync(at('stopped.sarif'))).toBe(false)
    expect(readdirSync(folder).filter(name => name.includes('.tmp'))).toEqual([])
  })
})

test('files may stand behind the hosts, and hosts may be given one by one', async () => {
  const { results } = await json('--to linux-6.1 --to linux-7.3 @fleet/a.psnap')
  expect(results.map(({ target }) => target?.build)).toEqual(['linux-6.1.192/cortex-a72', 'linux-7.3.4/cortex-a72'])
})

describe('a shard', () => {
  test('of each number: all results, each once', async () => {
    const all = (await json('@fleet --to linux-7.3')).results.map(({ source }) => source.file)
    const parts = await Promise.all([1, 2, 3].map(async n => json(`@fleet --to linux-7.3 --shard ${n}/3`)))
    expect(parts.flatMap(({ results }) => results.map(({ source }) => source.file)).sort()).toEqual(all)
    expect(parts.map(({ status }) => status)).toEqual([0, 0, 0]) // one without files is done too
  })
})

describe('usage', () => {
  test.each([
    ['@fleet', /no host to check against/],
    ['--to linux-6.1', /no file to check/],
    ['@fleet --from linux-6.1 --to linux-6.1', /--from stands instead of files/],
    ['@fleet --to linux-6.1 --vmm qemu', /no load rules for "qemu".*qemu-10\.0/],
    ['@fleet --to linux-6.1 --vmm qemu-10.0 --raw-order', /--raw-order is for --vmm kvm/],
    ['@fleet --to linux-6.1 --shard 3/2', /"3\/2" is no shard/],
    ['@fleet --to linux-6.1 --jobs 1000', /--jobs is from 1 to 256/],
    ['- - --to linux-6.1', /standard input can be read once/],
    ['@fleet --to -', /not standard input/],
    ['@fleet --to linux-6.1 --policy @empty', /: expected object|empty/],
  ])('%s', async (line, says) => {
    const { status, stdout, stderr } = await check(line.replace('@empty', at('empty')))
    expect(stderr).toMatch(says)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
  })
  test('an unknown build has near names', async () => {
    expect(await check('@fleet --to linux-6.13')).toMatchObject({ status: 14, stdout: '', stderr: expect.stringContaining('did you mean') })
  })
  test('the same with --jsonl is one line', async () => {
    const { stdout } = await check('@fleet --to linux-6.13 --jsonl')
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'BUILD_UNKNOWN' } })
  })
})
