// What somebody does wrong, or an attacker hands in: one clear error with its exit status, nothing else on any stream, nothing left behind.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-bad-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PSCI = '0x6030000000140000'
const reglist = (...vcpus: readonly (readonly (readonly [string, string])[])[]): string =>
  JSON.stringify({ format: 'kvm-reglist', version: 1, vcpus: vcpus.map(registers => ({ registers })) })

beforeAll(async () => {
  expect((await runCommand(['save', '--build', 'linux-6.1', '-o', at('good.psnap')])).status).toBe(0)
  const good = readFileSync(at('good.psnap'))
  writeFileSync(at('cut.psnap'), good.subarray(0, good.length - 700))
  const flipped = Buffer.from(good)
  flipped[good.indexOf('vcpu/0.msgpack') + 700]! ^= 1
  writeFileSync(at('flipped.psnap'), flipped)
  writeFileSync(at('future.psnap'), good.toString('latin1').replace('"formatVersion":1', '"formatVersion":9'), 'latin1')
  writeFileSync(at('empty'), '')
  writeFileSync(at('noise'), 'neither an archive nor a list')
  writeFileSync(at('wide.json'), reglist([[PSCI, '0x1ffffffffffffffff']]))
  writeFileSync(at('disagree.json'), reglist([[PSCI, '0x10001']], [[PSCI, '0x10003']]))
  writeFileSync(at('foreign.json'), reglist([['0x2030000000140000', '0x1']]))
  writeFileSync(at('deep.json'), `{"format":"kvm-reglist","version":1,"vcpus":${'['.repeat(100_000)}`)
  writeFileSync(at('number.json'), `{"format":"kvm-reglist","version":1,"vcpus":[{"registers":[["${PSCI}",65537]]}]}`)
  writeFileSync(at('build.json'), '{"format":"psci-snap-build","version":1,"name":"x"}')
  writeFileSync(at('taken.psnap'), 'mine')
})

const good = 'good.psnap'
const CASES: readonly (readonly [what: string, words: readonly string[], status: number, says: RegExp])[] = [
  ['a file that is not there', ['inspect', 'nowhere.psnap'], 10, /nowhere\.psnap: there is no such file/],
  ['a folder that is no snapshot', ['inspect', '.'], 11, /folder that psci-snap does not know/],
  ['an empty file', ['inspect', 'empty'], 11, /empty/],
  ['a file of no known format', ['restore', 'noise', '--build', 'linux-6.1'], 11, /no format/],
  ['an archive that was cut', ['inspect', 'cut.psnap'], 12, /cut/],
  ['a flipped bit in what is read', ['inspect', 'flipped.psnap'], 12, /vcpu\/0\.msgpack/],
  ['an archive from the future', ['inspect', 'future.psnap'], 13, /newer|version 9/],
  ['a value wider than its register', ['inspect', 'wide.json'], 12, /vcpus\[0\]\.registers\[0\]\[1\].*8 bytes/],
  ['an id of another architecture', ['inspect', 'foreign.json'], 12, /vcpus\[0\]\.registers\[0\]\[0\]/],
  ['deep nesting', ['inspect', 'deep.json'], 12, /deep|nest/],
  ['a 64-bit value as a JSON number', ['inspect', 'number.json'], 12, /vcpus\[0\]\.registers\[0\]\[1\]/],
  ['an unknown build', ['restore', good, '--build', 'linux-6.13'], 14, /no build "linux-6\.13"; did you mean/],
  ['a build file that is not there', ['restore', good, '--build', './mine.json'], 10, /no such file/],
  ['a build file that is none', ['restore', good, '--build', 'build.json'], 14, /build\.json.*kernel/s],
  ['an unknown register', ['restore', good, '--build', 'linux-7.3', '--omit', 'PSCI_VERSON'], 2, /no register "PSCI_VERSON"/],
  ['a version that is none', ['restore', good, '--build', 'linux-7.3', '--pin-psci', 'new'], 2, /not a PSCI version/],
  ['an unknown feature', ['save', '--build', 'linux-6.1', '--features', 'magic', '-o', 'new.psnap'], 2, /"magic"/],
  ['features that the host refuses', ['save', '--build', 'linux-6.1', '--features', 'sve,psci_0_2', '-o', 'new.psnap'], 14, /sve.*EINVAL/],
  ['a PSCI version that the host does not know', ['save', '--build', 'linux-6.1', '--psci', '1.3', '-o', 'new.psnap'], 14, /1\.3/],
  ['a point that is none', ['save', '--build', 'linux-6.1', '--until', 'insns=', '-o', 'new.psnap'], 2, /point/],
  ['an output without a format', ['save', '--build', 'linux-6.1', '-o', 'new.bin'], 11, /new\.bin/],
  ['an output that exists', ['save', '--build', 'linux-6.1', '-o', 'taken.psnap'], 10, /exists/],
  ['an output in no directory', ['convert', good, '-o', 'no/where.json'], 10, /directory/],
  ['a vCPU that is not there', ['inspect', good, '--vcpu', '7'], 2, /no vCPU 7/],
  ['no file', ['inspect'], 2, /FILE|file/],
  ['an unknown flag', ['inspect', good, '--regs'], 2, /--regs/],
  ['an unknown command', ['inspct', good], 2, /inspct/],
]

describe('one clear error', () => {
  test.each(CASES)('%s', async (_, words, status, says) => {
    const before = readdirSync(folder).sort()
    const { status: got, stdout, stderr } = await runCommand(words.map(word => (readable(word) ? at(word) : word)))
    expect(stderr).toMatch(says)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
    expect([got, stdout]).toEqual([status, ''])
    expect(readdirSync(folder).sort()).toEqual(before)
    expect(readFileSync(at('taken.psnap'), 'utf8')).toBe('mine')
  })

  test.each(CASES)('%s, as JSON', async (_, words, status) => {
    const { status: got, stdout } = await runCommand([...words.map(word => (readable(word) ? at(word) : word)), '--json'])
    const { ok, error } = JSON.parse(stdout)
    expect([got, ok]).toEqual([status, false])
    expect(Object.keys(error).filter(key => !['code', 'message', 'hint', 'at'].includes(key))).toEqual([])
  })
})

/** Words that are paths in the folder. */
const readable = (word: string): boolean => /\.(psnap|json|bin)$|^(empty|noise|\.)$/.test(word)

test('vCPUs that disagree are a finding, and the last writer decides', async () => {
  const { stdout } = await runCommand(['inspect', at('disagree.json'), '--json'])
  const { psci, findings } = JSON.parse(stdout)
  expect(psci).toEqual({ version: '1.3', perVcpu: ['1.1', '1.3'] })
  expect(findings.map((finding: { readonly severity: string }) => finding.severity)).toContain('error')
  expect((await runCommand(['verify', at('disagree.json')])).status).toBe(3)
})

test('verify reports the damage that other commands stop at', async () => {
  for (const file of ['cut.psnap', 'flipped.psnap']) {
    const { status, stdout } = await runCommand(['verify', at(file), '--json'])
    const { ok, valid, findings } = JSON.parse(stdout)
    expect([file, status, ok, valid]).toEqual([file, 3, true, false])
    expect(findings.length).toBeGreaterThan(0)
  }
})

test('a file without vCPUs is no guest that survives; a CPU template, which has none by its nature, is valid', async () => {
  writeFileSync(at('nobody.json'), reglist())
  expect((await runCommand(['verify', at('nobody.json')])).status).toBe(3)
  expect(await runCommand(['restore', at('nobody.json'), '--build', 'linux-6.1'])).toMatchObject({ status: 12, stderr: expect.stringContaining('no vCPU') })
  const modifiers = [{ addr: '0x603000000013c020', bitmap: '0b0000xxxx' }]
  writeFileSync(at('template.json'), JSON.stringify({ kvm_capabilities: [], vcpu_features: [], reg_modifiers: modifiers }))
  expect(await runCommand(['verify', at('template.json')])).toMatchObject({ status: 0, stdout: expect.stringContaining('firecracker-cpu-template, valid') })
  expect((await runCommand(['inspect', at('template.json')])).stdout).not.toContain('no vCPU')
})
