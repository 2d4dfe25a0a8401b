import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { pickImporter } from '../../../src/formats/importers/importer.ts'
import { IMPORTERS } from '../../../src/formats/importers/registry.ts'
import { parseReglist } from '../../../src/formats/importers/reglist/read.ts'
import { reglistText } from '../../../src/formats/importers/reglist/write.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { bytesToBigint, registerEntries } from '../../../src/model/register-list.ts'
import { anySnapshot, comparable } from '../any-snapshot.ts'
import { archiveOf, readArchive } from '../archive/archive-bytes.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (text: string) => parseReglist(utf8(text), 'dump.json')
const file = (top: object): string => JSON.stringify({ format: 'kvm-reglist', version: 1, vcpus: [], ...top })
const withRegisters = (...registers: unknown[]): string => file({ vcpus: [{ registers }] })

test('a whole file', () => {
  const { snapshot, findings } = parse(
    file({
      kernel: 'linux-6.1',
      cpu: 'neoverse-n1',
      gic: 'v3',
      vcpus: [
        {
          features: ['psci_0_2', 'sve'],
          mpState: 'stopped',
          registers: [
            ['0x6030000000140000', '0x10001'],
            ['0x6040000000100058', 'b000102030405060708090a0b0c0d0e0f'],
            ['0x6020000000110000', '0xabc'],
          ],
        },
        { features: [], registers: [] },
        { registers: [] },
      ],
    }),
  )
  expect(findings).toEqual([])
  expect(snapshot).toMatchObject({ origin: { kernel: 'linux-6.1', cpu: 'neoverse-n1' }, gic: 'v3', stop: 'running', devices: [], memory: [] })
  expect(snapshot.vcpus.map(({ index, features, mpState }) => ({ index, features, mpState }))).toEqual([
    { index: 0, features: ['psci_0_2', 'sve'], mpState: 'stopped' },
    { index: 1, features: [], mpState: 'runnable' },
    { index: 2, features: undefined, mpState: 'runnable' },
  ])
  expect([...registerEntries(snapshot.vcpus[0]!.registers)].map(([id, bytes]) => [id, bytesToBigint(bytes)])).toEqual([
    [0x6030_0000_0014_0000n, 0x10001n],
    [0x6040_0000_0010_0058n, 0x0f0e0d0c0b0a09080706050403020100n],
    [0x6020_0000_0011_0000n, 0xabcn],
  ])
})

test('absent gic means none, absent features means that they are not known', () => {
  const { snapshot } = parse(file({ vcpus: [{ registers: [] }] }))
  expect(snapshot.gic).toBe('none')
  expect('features' in snapshot.vcpus[0]!).toBe(false)
})

test('a register twice is kept twice, in order', () => {
  const { snapshot } = parse(withRegisters(['0x6030000000140000', '0x1'], ['0x6030000000140000', '0x2']))
  expect([...snapshot.vcpus[0]!.registers.bytes]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])
})

test('keys that mean nothing are findings', () => {
  const { findings } = parse(file({ mpstate: 1, vcpus: [{ registers: [], mpstate: 'stopped' }] }))
  expect(findings.map(finding => finding.message)).toEqual([
    'mpstate is not a key of kvm-reglist and is ignored',
    'vcpus[0].mpstate is not a key of kvm-reglist and is ignored',
  ])
})

const PSCI = '0x6030000000140000'
test.each<[string, string, string, RegExp]>([
  ['no JSON', '{', 'INPUT_CORRUPT', /not JSON/],
  ['a list', '[]', 'INPUT_CORRUPT', /the file is not an object/],
  ['no format', '{"version":1}', 'INPUT_CORRUPT', /format is not "kvm-reglist"/],
  ['no version', '{"format":"kvm-reglist"}', 'INPUT_CORRUPT', /version is not/],
  ['a version from the future', file({ version: 2 }), 'FORMAT_TOO_NEW', /version 2/],
  ['no vcpus', '{"format":"kvm-reglist","version":1}', 'INPUT_CORRUPT', /vcpus is missing/],
  ['a GIC of the future', file({ gic: 'v9' }), 'INPUT_CORRUPT', /gic is not one of none v2 v3/],
  ['a vCPU that is no object', file({ vcpus: [5] }), 'INPUT_CORRUPT', /vcpus\[0\] is not an object/],
  ['an unknown feature', file({ vcpus: [{ features: ['sve', 'wings'], registers: [] }] }), 'INPUT_CORRUPT', /vcpus\[0\]\.features\[1\] is not one of/],
  ['an unknown mpState', file({ vcpus: [{ mpState: 'asleep', registers: [] }] }), 'INPUT_CORRUPT', /vcpus\[0\]\.mpState is not one of/],
  ['no registers', file({ vcpus: [{}] }), 'INPUT_CORRUPT', /vcpus\[0\]\.registers is missing/],
  ['half a pair', withRegisters([PSCI]), 'INPUT_CORRUPT', /vcpus\[0\]\.registers\[0\] is not a pair/],
  ['a value as a number', withRegisters([PSCI, 65537]), 'INPUT_CORRUPT', /registers\[0\]\[1\] is a JSON number, which is not exact/],
  ['an id as a number', withRegisters([Number(PSCI), '0x0']), 'INPUT_CORRUPT', /registers\[0\]\[0\] is a JSON number/],
  ['an id without 0x', withRegisters(['6030000000140000', '0x0']), 'INPUT_CORRUPT', /registers\[0\]\[0\] is not a 64-bit id/],
  ['an id of 68 bits', withRegisters(['0x60300000001400000', '0x0']), 'INPUT_CORRUPT', /registers\[0\]\[0\] is not a 64-bit id/],
  ['an id of another architecture', withRegisters(['0x4030000000140000', '0x0']), 'INPUT_CORRUPT', /no arm64 register id/],
  [
    'a value wider than its register',
    withRegisters(['0x6020000000110000', '0x100000000']),
    'INPUT_CORRUPT',
    /registers\[0\]\[1\] does not fit the 4 bytes of 0x6020000000110000/,
  ],
  ['bytes that are too many', withRegisters([PSCI, 'b000000000000000000']), 'INPUT_CORRUPT', /has 9 bytes, but 0x6030000000140000 has 8/],
  ['half a byte', withRegisters(['0x6040000000100058', 'b0']), 'INPUT_CORRUPT', /neither 0x… nor b/],
  ['0x for 128 bits', withRegisters(['0x6040000000100058', '0x0']), 'INPUT_CORRUPT', /write b and 32 hex digits/],
  ['a negative value', withRegisters([PSCI, '-0x1']), 'INPUT_CORRUPT', /neither 0x… nor b/],
  ['null as a value', withRegisters([PSCI, null]), 'INPUT_CORRUPT', /is not a value/],
  ['deep nesting', file({ kernel: 'x' }).replace('"vcpus":[]', `"vcpus":${'['.repeat(100_000)}`), 'LIMIT_EXCEEDED', /nested deeper than 16/],
  ['five million items', `{"vcpus":[${'0,'.repeat(5_000_000)}0]}`, 'LIMIT_EXCEEDED', /more than 4000000 items/],
])('%s', (_name, text, code, message) => {
  try {
    parse(text)
    expect.unreachable()
  } catch (error) {
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'dump.json' } })
  }
})

test('a file that is no UTF-8', () => {
  expect(() => parseReglist(new Uint8Array([0x7b, 0xff, 0x7d]), 'x')).toThrow(/not UTF-8/)
})

test('what was written reads back the same, and writes the same text again', async () => {
  await fc.assert(
    fc.asyncProperty(anySnapshot, async snapshot => {
      const { text } = reglistText(snapshot)
      const read = parse(text).snapshot
      const { kernel, cpu } = snapshot.origin
      const origin = { ...(kernel === undefined ? {} : { kernel }), ...(cpu === undefined ? {} : { cpu }) }
      const kept = {
        origin,
        gic: snapshot.gic,
        stop: 'running',
        vm: {},
        vcpus: snapshot.vcpus.map(({ events: _, ...vcpu }, index) => ({ ...vcpu, index })),
        devices: [],
        memory: [],
        unknown: [],
      }
      expect(await comparable(read)).toEqual(kept)
      expect(reglistText(read).text).toBe(text)
    }),
    { seed: 8, numRuns: 60 },
  )
})

test('through an archive and back it is the same text', async () => {
  const { text } = reglistText(fc.sample(anySnapshot, { seed: 3, numRuns: 1 })[0]!)
  expect(reglistText(await readArchive(await archiveOf(parse(text).snapshot))).text).toBe(text)
})

test('what a register list cannot carry is said', () => {
  const [snapshot] = fc.sample(
    anySnapshot.filter(s => s.memory.length > 0 && s.devices.length > 1 && s.machine !== undefined && s.stop === 'hibernated'),
    { seed: 1, numRuns: 1 },
  )
  const text = reglistText(snapshot!)
    .findings.map(finding => finding.message)
    .join('\n')
  for (const what of [/devices/, /guest memory \(\d+ bytes\)/, /built-in machine/, /hibernated/]) expect(text).toMatch(what)
})

test('cut anywhere it is a SnapError', () => {
  const bytes = utf8(withRegisters([PSCI, '0x10001'], ['0x6040000000100058', 'b000102030405060708090a0b0c0d0e0f']))
  for (let length = 0; length < bytes.length; length++) expect(() => parseReglist(bytes.subarray(0, length), 'cut')).toThrow(SnapError)
})

describe('recognising', () => {
  const pick = async (text: string | Uint8Array): Promise<string> => {
    try {
      return (await pickImporter(bytesSource(typeof text === 'string' ? utf8(text) : text, 'x'), IMPORTERS)).id
    } catch (error) {
      return (error as SnapError).code
    }
  }
  test.each([
    [file({}), 'kvm-reglist'],
    [` \n${file({})}`, 'kvm-reglist'],
    [`\ufeff${file({})}`, 'kvm-reglist'],
    [JSON.stringify({ vcpus: [{ registers: [[PSCI, '0x0']] }], format: 'kvm-reglist' }), 'kvm-reglist'],
    ['', 'FORMAT_UNKNOWN'],
    ['{}', 'FORMAT_UNKNOWN'],
    ['\x7fELF', 'FORMAT_FOREIGN'],
    ['manifest.json\0', 'psnap'],
  ])('%j', async (text, id) => {
    expect(await pick(text)).toBe(id)
  })
  test('any 4 KiB: never a throw, never two that claim it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), bytes => {
        expect(IMPORTERS.filter(importer => importer.sniff(bytes)).length).toBeLessThan(2)
      }),
      { seed: 2, numRuns: 300 },
    )
  })
})

const RECORDINGS = '../shared/recordings/kvm'
test.skipIf(!existsSync(RECORDINGS))(
  'every recorded register list goes through reglist and archive unchanged (needs ../shared)',
  { timeout: 120_000 },
  async () => {
    const names = readdirSync(RECORDINGS)
      .filter(name => /^\d.*\.json\.gz$/.test(name))
      .slice(0, 4)
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const recording = JSON.parse(gunzipSync(readFileSync(`${RECORDINGS}/${name}`)).toString()) as { regs?: { regs?: [string, unknown][] }[] }
      for (const { regs } of recording.regs ?? []) {
        // z<n> is the recordings' own short form for n zero bytes; a number is an errno instead of a value.
        const registers = (regs ?? [])
          .filter(([, value]) => typeof value === 'string')
          .map(([id, value]) => [id, (value as string).replace(/^z(\d+)$/, (_, n: string) => `b${'00'.repeat(Number(n))}`)])
        const { snapshot } = parse(file({ vcpus: [{ registers }] }))
        const { text } = reglistText(await readArchive(await archiveOf(snapshot)))
        const back = JSON.parse(text) as { vcpus: { registers: [string, string][] }[] }
        expect(back.vcpus[0]?.registers.map(([id, value]) => [BigInt(id), value])).toEqual(registers.map(([id, value]) => [BigInt(id as string), value]))
      }
    }
  },
)
