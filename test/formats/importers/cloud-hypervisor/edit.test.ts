import { expect, test } from 'vitest'
import { type RegId, regId } from '../../../../src/arch/reg-id.ts'
import { cloudHypervisorEditor } from '../../../../src/formats/importers/cloud-hypervisor/edit.ts'
import type { RegisterEdit } from '../../../../src/formats/importers/editor.ts'
import { BytesSink } from '../../../../src/formats/output/sink.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import { registerEntries, valueBytes } from '../../../../src/model/register-list.ts'
import { readFiles, whole } from '../../read-folder.ts'
import { coreRegs, type Layout, makeSnapshot } from './make-snapshot.ts'

const PSCI = regId(0x6030_0000_0014_0000n)
const SYSTEM: readonly (readonly [bigint, bigint])[] = [
  [0x6030_0000_0013_c005n, 0x8000_0000n],
  [PSCI, 0x10003n],
  [0x6030_0000_0016_0003n, 0n],
  [0x6020_0000_0011_0001n, 0xe01fe01an],
]
const wide: readonly (readonly [bigint, Uint8Array])[] = [[0x6040_0000_0017_0001n, new Uint8Array(16).fill(1)]]
const files = (layout: Layout) =>
  makeSnapshot({
    layout,
    vcpus: Array.from({ length: 11 }, (_, i) => ({ core: coreRegs(i), system: SYSTEM, ...(layout === 'v53' ? { wide } : {}) })),
    clock: '{"cntvct":9223372036854775809,"host_realtime_ns":2,"cntfrq":3}',
  })

async function edited(state: Uint8Array, edits: readonly RegisterEdit[]): Promise<Uint8Array> {
  const sink = new BytesSink()
  await cloudHypervisorEditor.edit(bytesSource(state, 'state.json'), edits, sink, {})
  return sink.bytes()
}
const set = (vcpu: number, id: RegId, value: bigint): RegisterEdit => ({ vcpu, id, value: valueBytes(id, value) })

const LAYOUTS: readonly Layout[] = ['v24', 'v28', 'v29', 'v39', 'v46', 'v53']

test.each(LAYOUTS)('%s: nothing edited is byte-identical, and so is an edit that sets what is there', async layout => {
  const { 'state.json': state } = files(layout)
  expect(Buffer.compare(await edited(state!, []), state!)).toBe(0)
  expect(Buffer.compare(await edited(state!, [set(10, PSCI, 0x10003n), set(2, regId(0x6030_0000_0010_0040n), 0xffff_8000_0800_0002n)]), state!)).toBe(0)
})

test.each(LAYOUTS)('%s: set and drop change these registers and nothing else', async layout => {
  const before = files(layout)
  const edits: RegisterEdit[] = [
    set(10, PSCI, 0x10001n),
    set(1, regId(0x6030_0000_0010_0004n), 0xffff_ffff_ffff_ffffn),
    set(1, regId(0x6030_0000_0010_003en), 5n),
    set(1, regId(0x6030_0000_0010_0046n), 6n),
    set(1, regId(0x6030_0000_0010_0050n), 7n),
    set(1, regId(0x6040_0000_0010_00d0n), (1n << 127n) + 1n),
    set(1, regId(0x6020_0000_0010_00d5n), 0xffff_ffffn),
    set(1, regId(0x6020_0000_0011_0001n), 3n),
    { vcpu: 1, id: regId(0x6030_0000_0013_c005n) },
    { vcpu: 1, id: PSCI },
    { vcpu: 2, id: regId(0x6030_0000_0016_0003n) },
    ...SYSTEM.map(([id]) => ({ vcpu: 3, id: regId(id) })),
    ...(layout === 'v53' ? [{ vcpu: 4, id: regId(wide[0]![0]), value: new Uint8Array(16).fill(9) }] : []),
  ]
  const after = { ...before, 'state.json': await edited(before['state.json']!, edits) }
  const [old, now] = [await readFiles(before), await readFiles(after)]
  const wanted = old.snapshot.vcpus.map(({ index, registers }) =>
    [...registerEntries(registers)].flatMap(([id, bytes]) => {
      const edit = edits.find(one => one.vcpu === index && one.id === id)
      return edit && !edit.value ? [] : [[id, [...(edit?.value ?? bytes)]]]
    }),
  )
  expect(now.snapshot.vcpus.map(({ registers }) => [...registerEntries(registers)].map(([id, bytes]) => [id, [...bytes]]))).toEqual(wanted)
  const rest = async (imported: typeof old) => whole({ ...imported, snapshot: { ...imported.snapshot, vcpus: [] } })
  expect(await rest(now)).toEqual(await rest(old))
})

test('a core register cannot be taken out', async () => {
  await expect(edited(files('v53')['state.json']!, [{ vcpu: 0, id: regId(0x6030_0000_0010_0000n) }])).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE' })
})

test('a file spaced by hand stays as it is spaced', async () => {
  const text = JSON.stringify(JSON.parse(Buffer.from(files('v39')['state.json']!).toString()), undefined, 2)
  const out = Buffer.from(await edited(Buffer.from(text), [set(0, PSCI, 0x10001n)])).toString()
  const differing = text.split('\n').filter((line, i) => line !== out.split('\n')[i])
  expect(differing).toHaveLength(1)
  expect(out.split('\n')).toHaveLength(text.split('\n').length)
})
