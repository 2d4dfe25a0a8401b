// Registers added by the editors: where they go, that taking them out again gives the same bytes, and what each format has no place for.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RegId, regBytes } from '../../src/arch/reg-id.ts'
import { writeArchive } from '../../src/formats/archive/write.ts'
import { editorOf } from '../../src/formats/editors.ts'
import { placeOfAdded } from '../../src/formats/importers/added-place.ts'
import type { RegisterEdit } from '../../src/formats/importers/editor.ts'
import { RELEASES } from '../../src/formats/importers/firecracker/releases.ts'
import { IMPORTERS } from '../../src/formats/importers/registry.ts'
import { reglistText } from '../../src/formats/importers/reglist/write.ts'
import { BytesSink } from '../../src/formats/output/sink.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import { registerEntries, registerList, valueBytes } from '../../src/model/register-list.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { coreRegs, type Layout, makeSnapshot } from './importers/cloud-hypervisor/make-snapshot.ts'
import { makeVmstate } from './importers/firecracker/make-vmstate.ts'
import { ENTRIES, hasSamples, readSample } from './importers/qemu/samples.ts'

const id = (raw: bigint): RegId => raw as RegId
const X0 = id(0x6030_0000_0010_0000n)
const [PSCI, WA1, BMAP] = [0x6030_0000_0014_0000n, 0x6030_0000_0014_0001n, 0x6030_0000_0016_0000n].map(id) as [RegId, RegId, RegId]
const [MIDR, MPIDR] = [0x6030_0000_0013_c000n, 0x6030_0000_0013_c005n].map(id) as [RegId, RegId]
const [WIDE, VLS] = [0x6080_0000_0015_0000n, 0x6060_0000_0015_ffffn].map(id) as [RegId, RegId]

const LISTED: readonly (readonly [RegId, bigint])[] = [
  [X0, 1n],
  [PSCI, 0x10001n],
  [MIDR, 0x410f_d083n],
  [MPIDR, 0x8000_0000n],
]
const guest: Snapshot = {
  origin: {},
  gic: 'v3',
  stop: 'running',
  vm: {},
  vcpus: [0, 1].map(index => ({ index, registers: registerList(LISTED), mpState: 'runnable' })),
  devices: [],
  memory: [],
}
const listed = LISTED.filter(([each]) => each !== X0)
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

async function archive(): Promise<Uint8Array> {
  const sink = new BytesSink()
  await writeArchive(guest, sink)
  return sink.bytes()
}
const cloud = (layout: Layout) => makeSnapshot({ layout, vcpus: [0, 1].map(seed => ({ core: coreRegs(seed), system: listed })) })['state.json']!

/** Format, a name for the test, a file of two vCPUs with LISTED. */
const FILES: readonly (readonly [format: string, name: string, bytes: () => Uint8Array | Promise<Uint8Array>])[] = [
  ['psnap', 'archive', archive],
  ['kvm-reglist', 'one register a line', () => utf8(reglistText(guest).text)],
  ['kvm-reglist', 'in one line', () => utf8(JSON.stringify(JSON.parse(reglistText(guest).text)))],
  ['kvm-reglist', 'indented', () => utf8(JSON.stringify(JSON.parse(reglistText(guest).text), undefined, 2))],
  ...(['v24', 'v39', 'v53'] as const).map(layout => ['cloud-hypervisor', layout, () => cloud(layout)] as const),
  ...RELEASES.filter((_, i) => i % 4 === 0).map(
    release => ['firecracker-vmstate', release.version, () => makeVmstate(release, { vcpus: [LISTED, LISTED] })] as const,
  ),
]

async function edited(format: string, bytes: Uint8Array, edits: readonly RegisterEdit[]): Promise<Uint8Array> {
  const sink = new BytesSink()
  await (await editorOf(format, 'file')).edit(bytesSource(bytes, 'file'), edits, sink, {})
  return sink.bytes()
}
async function read(format: string, bytes: Uint8Array) {
  const importer = IMPORTERS.find(each => each.id === format)!
  const { snapshot } = await importer.read(bytesSource(bytes, 'file'))
  return snapshot.vcpus.map(({ registers }) => [...registerEntries(registers)].map(([each, value]) => [each, Buffer.from(value).toString('hex')] as const))
}
const add = (vcpu: number, each: RegId, value: bigint, behind?: readonly RegId[]): RegisterEdit => ({
  vcpu,
  id: each,
  value: valueBytes(each, value),
  ...(behind ? { behind } : {}),
})

// 32 and 64 bits: what every format holds.
const anyAdded = fc.uniqueArray(
  fc.record({
    vcpu: fc.nat(1),
    id: fc.constantFrom(WA1, BMAP, id(0x6030_0000_0013_c020n), id(0x6020_0000_0011_0002n), id(0x6030_0000_0013_df19n)),
    value: fc.bigInt(0n, 0xffff_ffffn),
    behind: fc.option(fc.subarray([PSCI, MIDR, MPIDR, WA1, X0]), { nil: undefined }),
  }),
  { selector: ({ vcpu, id: each }) => `${vcpu} ${each}`, minLength: 1, maxLength: 6 },
)

describe.each(FILES)('%s, %s', (format, _, make) => {
  test('what is added is there, in its place, and nothing else is; taken out again it is the same file', async () => {
    const bytes = await make()
    const before = await read(format, bytes)
    await fc.assert(
      fc.asyncProperty(anyAdded, async news => {
        const edits = news.map(each => add(each.vcpu, each.id, each.value, each.behind))
        const more = await edited(format, bytes, edits)
        const expected = before.map((list, vcpu) => {
          const out = [...list]
          for (const each of edits.filter(one => one.vcpu === vcpu))
            out.splice(
              placeOfAdded(
                out.map(([one]) => one),
                each.id,
                each.behind,
              ),
              0,
              [each.id, Buffer.from(each.value!).toString('hex')],
            )
          return out
        })
        // Cloud Hypervisor's core registers are in a struct, so only the list behind them has places.
        const isListed = ([each]: readonly [RegId, string]): boolean => ((each >> 16n) & 0xfffn) !== 0x10n
        const shown = await read(format, more)
        if (format === 'cloud-hypervisor') {
          if (news.every(({ behind }) => !behind?.includes(X0)))
            expect(shown.map(list => list.filter(isListed))).toEqual(expected.map(list => list.filter(isListed)))
          else expect(shown.map(list => new Map(list))).toEqual(expected.map(list => new Map(list)))
        } else expect(shown).toEqual(expected)
        const less = await edited(
          format,
          more,
          news.map(({ vcpu, id: each }) => ({ vcpu, id: each })),
        )
        expect(Buffer.compare(less, bytes)).toBe(0)
      }),
      { seed: 11, numRuns: 5 },
    )
  })

  test('adding, setting and taking out in one go', async () => {
    const bytes = await make()
    const edits = [
      { vcpu: 0, id: PSCI },
      add(0, WA1, 2n, [PSCI]),
      add(0, BMAP, 1n, [WA1]),
      add(0, MPIDR, 5n),
      { vcpu: 1, id: MPIDR },
      add(1, BMAP, 1n, [MPIDR]),
    ]
    const [first, second] = (await read(format, await edited(format, bytes, edits))).map(list =>
      list.map(([each]) => each).filter(each => each !== X0 && ((each >> 16n) & 0xfffn) !== 0x10n),
    )
    // the nearest that is left: nothing of PSCI's class, so behind the last of all, and the bitmap behind what was just added
    expect(first).toEqual([MIDR, MPIDR, WA1, BMAP])
    expect(second).toEqual([PSCI, MIDR, BMAP])
  })
})

test('a list that is empty, and one that becomes empty', async () => {
  const bytes = utf8('{"format":"kvm-reglist","version":1,"vcpus":[{"registers":[ ]},{"registers":[["0x6030000000100000","0x1"]]}]}')
  const more = await edited('kvm-reglist', bytes, [add(0, PSCI, 1n), add(0, X0, 2n), { vcpu: 1, id: X0 }, add(1, PSCI, 3n)])
  expect((await read('kvm-reglist', more)).map(list => list.map(([each]) => each))).toEqual([[PSCI, X0], [PSCI]])
  const less = await edited('kvm-reglist', more, [
    { vcpu: 0, id: PSCI },
    { vcpu: 0, id: X0 },
  ])
  expect(new TextDecoder().decode(less)).toContain('[{"registers":[ ]},')
})

describe('no place', () => {
  const zeros = (each: RegId): RegisterEdit => ({ vcpu: 0, id: each, value: new Uint8Array(regBytes(each)) })
  test.each([
    ['cloud-hypervisor', 'a wide register', zeros(WIDE), () => cloud('v53')],
    ['cloud-hypervisor', 'vector lengths', zeros(VLS), () => cloud('v53')],
    ['firecracker-vmstate', 'wider than a slot', zeros(VLS), () => makeVmstate(RELEASES[0]!, { vcpus: [LISTED] })],
    ['firecracker-vmstate', 'wider than Firecracker loads', zeros(id(0x6090_0000_0015_0000n)), () => makeVmstate(RELEASES.at(-1)!, { vcpus: [LISTED] })],
  ])('%s: %s', async (format, _, edit, make) => {
    await expect(edited(format, make(), [edit])).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE', at: { register: expect.stringMatching(/^0x60/) } })
  })
  test.each(FILES.map(([format, name, make]) => [format, name, make] as const))('%s, %s: a value of another size', async (format, _, make) => {
    await expect(edited(format, await make(), [{ vcpu: 0, id: WA1, value: new Uint8Array(4) }])).rejects.toMatchObject({ code: 'REG_VALUE_INVALID' })
  })
})

describe.skipIf(!hasSamples)('QEMU', () => {
  const stream = (name: string): Buffer => readSample(ENTRIES.find(entry => entry.name === name)!)
  test('added in order, the description true, and out again the same bytes', async () => {
    const bytes = stream('kvm-k6.1-q10.0-c-gic3-2cpu-off.mig')
    const news = [id(0x6020_0000_0011_0005n), id(0x6030_0000_0013_c103n), id(0x6030_0000_0016_0003n)]
    for (const some of [news, news.slice(1)]) {
      const edits = [0, 1].flatMap(vcpu => some.map(each => add(vcpu, each, 7n, [X0])))
      const more = await edited('qemu', bytes, edits)
      const [list] = await read('qemu', more)
      const inStream = list!.map(([each]) => each).filter(each => ![0x10n, 0x15n].includes((each >> 16n) & 0xfffn))
      expect(inStream).toEqual([...inStream].sort((a, b) => (a < b ? -1 : 1)))
      for (const each of some) expect(inStream).toContain(each)
      const less = await edited(
        'qemu',
        more,
        [0, 1].flatMap(vcpu => some.map(each => ({ vcpu, id: each }))),
      )
      expect(Buffer.compare(less, bytes)).toBe(0)
    }
  })
  test('a stream of a TCG guest takes none of KVM’s own registers: it would look like another', async () => {
    await expect(edited('qemu', stream('tcg-q10.0-virt10.0-a72-gic3-1cpu-run.mig'), [add(0, PSCI, 1n)])).rejects.toMatchObject({
      code: 'FORMAT_UNWRITABLE',
      at: { register: '0x6030000000140000' },
    })
  })
})
