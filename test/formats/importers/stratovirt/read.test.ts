import { expect, test } from 'vitest'
import type { GicState, ItsState } from '../../../../src/model/gic.ts'
import { bytesToBigint, registerEntries, registerValue } from '../../../../src/model/register-list.ts'
import { readFiles, readFolder, slowFolder, whole } from '../../read-folder.ts'
import { type Guest, makeSnapshot } from './make-snapshot.ts'

const LIST: readonly (readonly [bigint, bigint])[] = [
  [0x6030_0000_0014_0000n, 0x10001n],
  [0x6030_0000_0013_c005n, 0x8000_0000n],
  [0x6020_0000_0011_0002n, 0x7007e03an],
  [0x6040_0000_0015_0000n, (5n << 64n) | 6n],
]
const guest = (more: Partial<Guest> = {}): Guest => ({
  cpus: [
    { index: 1, mpState: 5, registers: LIST.slice(0, 2) },
    { index: 0, registers: LIST.slice(0, 3), pmu: true, counter: 123456789n },
  ],
  ...more,
})

test('registers, power states, events, features, the counter that stands apart', async () => {
  const { snapshot, format } = await readFiles(makeSnapshot(guest()))
  expect(format).toEqual({ id: 'stratovirt', version: '2.2' })
  expect(snapshot.vcpus.map(({ index, mpState, features }) => ({ index, mpState, features }))).toEqual([
    { index: 0, mpState: 'runnable', features: ['psci_0_2', 'pmu_v3'] },
    { index: 1, mpState: 'stopped', features: ['psci_0_2'] },
  ])
  expect(snapshot.vcpus[0]!.events).toEqual({ serrorPending: true, serrorHasEsr: true, serrorEsr: 0xbe00_0011n, extDabtPending: false })
  const entries = [...registerEntries(snapshot.vcpus[0]!.registers)].map(([id, bytes]) => [id, bytesToBigint(bytes)])
  expect(entries).toHaveLength(31 + 10 + 32 + 2 + 3 + 1)
  expect(entries.slice(-4)).toEqual([...LIST.slice(0, 3), [0x6030_0000_0013_df1an, 123456789n]])
  expect(registerValue(snapshot.vcpus[1]!.registers, 0x6030_0000_0010_0040n)).toBe(0x4008_0001n)
  expect(registerValue(snapshot.vcpus[0]!.registers, 0x6040_0000_0010_0054n)).toBe(7n)
  expect(registerValue(snapshot.vcpus[1]!.registers, 0x6030_0000_0013_df1an)).toBeUndefined()
})

test('with SVE the V registers are not there, and what is lost is said', async () => {
  const { snapshot, findings } = await readFiles(makeSnapshot({ cpus: [{ index: 0, registers: LIST, sve: true }] }))
  expect(registerValue(snapshot.vcpus[0]!.registers, 0x6040_0000_0010_0054n)).toBeUndefined()
  expect(registerValue(snapshot.vcpus[0]!.registers, LIST[3]![0])).toBe(LIST[3]![1])
  expect(findings.map(({ code }) => code)).toContain('format-lacks-sve')
})

test('the GIC and the ITS by offset; other devices as their bytes', async () => {
  const { snapshot } = await readFiles(makeSnapshot(guest({ gicVcpus: 2 })))
  const gic = snapshot.devices.find(({ kind }) => kind === 'gic-v3')!.state as GicState
  expect(gic.vcpus[1]).toEqual({
    vcpu: 1,
    registers: [
      { offset: 0x0, words: [2001] },
      { offset: 0x10, words: [2002, 2003] },
      { offset: 0x70, words: [2008, 2009, 2010, 2011] },
      { offset: 0x10080, words: [2004] },
      { offset: 0x10100, words: [2005] },
      { offset: 0x10200, words: [2006] },
      { offset: 0x10300, words: [2007] },
      { offset: 0x10400, words: [2012, 2013, 2014, 2015, 2016, 2017, 2018, 2019] },
      { offset: 0x10c04, words: [2000] },
    ],
    systemRegisters: [0xc230, 0xc643, 0xc644, 0xc645, 0xc646, 0xc647, 0xc648, 0xc649, 0xc64a, 0xc64b, 0xc663, 0xc665, 0xc664, 0xc666, 0xc667].map(
      (encoding, i) => [encoding, BigInt(i + 1)],
    ),
  })
  expect(gic.distributor.slice(0, 8)).toEqual([
    { offset: 0x0, words: [0x37] },
    { offset: 0x10, words: [0] },
    { offset: 0x84, words: [2] },
    { offset: 0x104, words: [3] },
    { offset: 0x204, words: [4] },
    { offset: 0x304, words: [5] },
    { offset: 0x420, words: [8, 9, 10, 11, 12, 13, 14, 15] },
    { offset: 0xc08, words: [6, 7] },
  ])
  expect(gic.distributor[8]).toMatchObject({ offset: 0x6100, words: expect.arrayContaining([16, 48]) })
  expect(gic.distributor[8]?.words.slice(0, 4)).toEqual([16, 48, 17, 49])
  const its = snapshot.devices.find(({ kind }) => kind === 'gic-its')!.state as ItsState
  expect(its.registers.map(([offset, value]) => [offset, Number(value)])).toEqual([
    [0, 1],
    [4, 2],
    [0x80, 3],
    [0x88, 4],
    [0x90, 5],
    ...[10, 11, 12, 13, 14, 15, 16, 17].map((value, i) => [0x100 + 8 * i, value]),
  ])
  expect(snapshot.devices[0]).toEqual({
    name: 'PL031State-9',
    kind: 'stratovirt',
    state: { struct: 'PL031State', version: 4096, bytes: new TextEncoder().encode('{"tick":1}') },
  })
})

const RAM = [
  { start: 0x4000_0000n, bytes: Uint8Array.from({ length: 10_000 }, (_, i) => (i * 5) & 0xff) },
  { start: 0x1_0000_0000n, bytes: new Uint8Array(4096) },
]

test('memory where the guest sees it; without the file, and cut, it is said', async () => {
  const files = makeSnapshot(guest({ ram: RAM }))
  const { snapshot, members, findings } = await readFiles(files)
  expect(members).toEqual(['state', 'memory'])
  expect(findings).toEqual([])
  expect(snapshot.memory.map(({ name, start, size }) => ({ name, start, size }))).toEqual([
    { name: 'pc_ram0', start: 0x4000_0000n, size: 10_000 },
    { name: 'pc_ram1', start: 0x1_0000_0000n, size: 4096 },
  ])
  for await (const { offset, data } of snapshot.memory[0]!.chunks()) expect(Buffer.compare(data, RAM[0]!.bytes.subarray(offset, offset + data.length))).toBe(0)
  expect((await readFiles({ state: files.state! })).findings.map(({ code }) => code)).toEqual(['memory-missing'])
  await expect(readFiles({ ...files, memory: files.memory!.subarray(0, -1) })).rejects.toMatchObject({
    code: 'INPUT_CORRUPT',
    at: { offset: files.memory!.length - 1 },
  })
})

test('a source that gives one byte at a time gives the same', async () => {
  const files = makeSnapshot({ cpus: [{ index: 0, registers: LIST.slice(0, 1) }], ram: [{ start: 0n, bytes: Uint8Array.of(1, 2, 3) }] })
  expect(await whole(await readFolder(slowFolder(files)))).toEqual(await whole(await readFiles(files)))
})

test.each<[string, Partial<Guest>, string, RegExp]>([
  ['x86-64', { arch: 'x86_6400' }, 'FORMAT_FOREIGN', /x86_6400/],
  ['a newer format', { version: 0x3000 }, 'FORMAT_TOO_NEW', /3\.0/],
  ['no vCPU', { cpus: [] }, 'INPUT_CORRUPT', /no vCPU/],
  [
    'a vCPU twice',
    {
      cpus: [
        { index: 0, registers: [] },
        { index: 0, registers: [] },
      ],
    },
    'INPUT_CORRUPT',
    /as that of an earlier/,
  ],
  ['a register of x86', { cpus: [{ index: 0, registers: [[0x2030_0000_0000_0001n, 0n]] }] }, 'INPUT_CORRUPT', /no arm64 register/],
  ['a register that has no room', { cpus: [{ index: 0, registers: [[0x6080_0000_0015_0000n, 0n]] }] }, 'INPUT_CORRUPT', /256 bytes have no room/],
  ['a power state of no arm64 vCPU', { cpus: [{ index: 0, registers: [], mpState: 4 }] }, 'INPUT_CORRUPT', /mp_state of ArmCPUState is 4/],
])('%s', async (_name, more, code, message) => {
  await expect(readFiles(makeSnapshot(guest(more)))).rejects.toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'folder/state' } })
})

test('a state that ends between two devices is cut all the same', async () => {
  const { state } = makeSnapshot(guest({ gicVcpus: 1 }))
  for (const behind of [24 + 104, 24 + 104 + 24 + 57_744])
    await expect(readFiles({ state: state!.subarray(0, state!.length - behind) })).rejects.toMatchObject({
      code: 'INPUT_CORRUPT',
      message: expect.stringMatching(/ends before its GICv3/),
      at: { offset: state!.length - behind },
    })
})

test('the memory file alone is refused with what to name instead', async () => {
  const { memory } = makeSnapshot(guest({ ram: RAM }))
  await expect(readFiles({ state: memory! })).rejects.toMatchObject({ code: 'FORMAT_FOREIGN', hint: expect.stringMatching(/name the folder/) })
})
