import { expect, test } from 'vitest'
import type { GicState, ItsState } from '../../../../src/model/gic.ts'
import { summarizeGic } from '../../../../src/model/gic.ts'
import { bytesToBigint, registerEntries, registerValue } from '../../../../src/model/register-list.ts'
import { readFiles, readFolder, slowFolder, whole } from '../../read-folder.ts'
import { coreRegs, type Guest, type Layout, makeSnapshot } from './make-snapshot.ts'

const LAYOUTS: readonly (readonly [Layout, string])[] = [
  ['v24', 'v28 and older'],
  ['v28', 'v28 and older'],
  ['v29', 'v29 to v38'],
  ['v39', 'v39 to v45'],
  ['v46', 'v46 to v52'],
  ['v53', 'v53 and newer'],
]
const PSCI = 0x6030_0000_0014_0000n
const SYSTEM: readonly (readonly [bigint, bigint])[] = [
  [0x6030_0000_0013_c005n, 0x8000_0000n],
  [0x6030_0000_0013_df02n, 0xffff_ffff_ffff_fff1n],
  [PSCI, 0x10001n],
  [0x6030_0000_0016_0002n, 3n],
  [0x6020_0000_0011_0001n, 0xe01fe01an],
]
/** 3 vCPUs, 64 interrupts, 7 priority bits on the first: n = (64 - 32) / 32 = 1 bank, so 1 + 81 words. */
const GIC = {
  dist: Array.from({ length: 82 }, (_, i) => 1000 + i),
  rdist: Array.from({ length: 3 * (7 + 17) }, (_, i) => 2000 + i),
  icc: [...icc(7, 100), ...icc(5, 200), ...icc(6, 300)],
}
function icc(priorityBits: number, first: number): readonly number[] {
  const words = 9 + (priorityBits >= 6 ? 2 : 0) + (priorityBits === 7 ? 4 : 0)
  return Array.from({ length: words }, (_, i) => (i === 1 ? (priorityBits - 1) << 8 : first + i))
}
const MEMORY = [
  { gpa: 0n, bytes: new Uint8Array(8192) },
  { gpa: 0x4000_0000n, bytes: Uint8Array.from({ length: 3 << 20 }, (_, i) => (i < 1 << 20 || i > 2 << 20 ? (i * 7) & 0xff : 0)) },
]
const guest = (layout: Layout, more: Partial<Guest> = {}): Guest => ({
  layout,
  vcpus: [
    { core: coreRegs(1), system: SYSTEM },
    { core: coreRegs(2), system: SYSTEM, mpState: 5 },
    { core: coreRegs(3), system: SYSTEM, mpState: 10 },
  ],
  gic: GIC,
  ...more,
})

test.each(LAYOUTS)('%s: every register, in the order of a restore, and the releases that write so', async (layout, releases) => {
  const { snapshot, format } = await readFiles(makeSnapshot(guest(layout)))
  expect(format).toEqual({ id: 'cloud-hypervisor' })
  expect(snapshot.origin.vmm).toBe(`Cloud Hypervisor ${releases}`)
  expect(snapshot.vcpus.map(({ mpState }) => mpState)).toEqual(['runnable', 'stopped', 'suspended'])
  for (const [i, { registers }] of snapshot.vcpus.entries()) {
    const seed = BigInt(i + 1)
    const entries = [...registerEntries(registers)].map(([id, bytes]) => [id, bytesToBigint(bytes)] as const)
    expect(entries).toEqual([
      ...Array.from({ length: 31 }, (_, n) => [0x6030_0000_0010_0000n + BigInt(2 * n), BigInt(n + 1) + (seed << 32n)]),
      [0x6030_0000_0010_003en, 0x1111n],
      [0x6030_0000_0010_0040n, 0xffff_8000_0800_0000n + seed],
      [0x6030_0000_0010_0042n, 0x3c5n],
      [0x6030_0000_0010_0044n, 0x2222n],
      [0x6030_0000_0010_0046n, 0x3333n],
      ...Array.from({ length: 5 }, (_, n) => [0x6030_0000_0010_0048n + BigInt(2 * n), BigInt(0x40 + n)]),
      ...Array.from({ length: 32 }, (_, n) => [0x6040_0000_0010_0054n + BigInt(4 * n), (1n << 120n) | BigInt(n)]),
      [0x6020_0000_0010_00d4n, 0x10n],
      [0x6020_0000_0010_00d5n, 0x0100_0000n],
      ...SYSTEM,
    ])
  }
})

test('more than ten vCPUs are in order, though their keys are not', async () => {
  const vcpus = Array.from({ length: 12 }, (_, i) => ({ core: coreRegs(i), system: [] }))
  const { snapshot } = await readFiles(makeSnapshot({ layout: 'v39', vcpus }))
  expect(snapshot.vcpus.map(({ index, registers }) => [index, registerValue(registers, 0x6030_0000_0010_0040n)])).toEqual(
    vcpus.map((_, i) => [i, 0xffff_8000_0800_0000n + BigInt(i)]),
  )
})

test('with SVE: VLS first, wide registers, no V registers, and FPSR and FPCR said to be lost', async () => {
  const z = Uint8Array.from({ length: 256 }, (_, i) => i)
  const vls = Uint8Array.from({ length: 64 }, (_, i) => (i === 0 ? 3 : 0))
  const { snapshot, findings } = await readFiles(
    makeSnapshot({
      layout: 'v53',
      vcpus: [
        {
          core: new Uint8Array(864),
          system: SYSTEM,
          early: [[0x6060_0000_0015_ffffn, vls]],
          wide: [
            [0x6080_0000_0015_0020n, z],
            [0x6050_0000_0015_0600n, z.slice(0, 32)],
          ],
        },
      ],
    }),
  )
  const entries = [...registerEntries(snapshot.vcpus[0]!.registers)]
  expect(entries[0]).toEqual([0x6060_0000_0015_ffffn, vls])
  expect(entries.filter(([id]) => ((id >> 16n) & 0xfffn) === 0x15n).map(([, bytes]) => bytes.length)).toEqual([64, 256, 32])
  expect(entries.filter(([id]) => id >> 52n === 0x604n)).toEqual([])
  expect(entries.map(([id]) => id)).not.toContain(0x6020_0000_0010_00d4n)
  expect(findings.map(({ code }) => code)).toContain('format-lacks-fpsr')
})

test.each<Layout>(['v29', 'v39', 'v46', 'v53'])('%s: the GIC by offset', async layout => {
  const { snapshot } = await readFiles(makeSnapshot(guest(layout)))
  const gic = snapshot.devices.find(({ kind }) => kind === 'gic-v3')!.state as GicState
  // The order of the file: STATUSR, ICENABLER1, ISENABLER1, IGROUPR1, IROUTER32… (64 words), ICFGR2-3, ICPENDR1, ISPENDR1, ICACTIVER1, ISACTIVER1, IPRIORITYR8-15.
  expect(gic.distributor).toEqual([
    { offset: 0x0, words: [0x53] },
    { offset: 0x10, words: [1000] },
    { offset: 0x84, words: [1003] },
    { offset: 0x104, words: [1002] },
    { offset: 0x184, words: [1001] },
    { offset: 0x204, words: [1071] },
    { offset: 0x284, words: [1070] },
    { offset: 0x304, words: [1073] },
    { offset: 0x384, words: [1072] },
    { offset: 0x420, words: [1074, 1075, 1076, 1077, 1078, 1079, 1080, 1081] },
    { offset: 0xc08, words: [1068, 1069] },
    { offset: 0x6100, words: Array.from({ length: 64 }, (_, i) => 1004 + i) },
  ])
  expect(gic.vcpus[1]).toEqual({
    vcpu: 1,
    registers: [
      { offset: 0x0, words: [2013] },
      { offset: 0x10, words: [2007, 2008] },
      { offset: 0x70, words: [2009, 2010, 2011, 2012] },
      { offset: 0x10080, words: [2038] },
      { offset: 0x10100, words: [2040] },
      { offset: 0x10180, words: [2039] },
      { offset: 0x10200, words: [2044] },
      { offset: 0x10280, words: [2043] },
      { offset: 0x10300, words: [2046] },
      { offset: 0x10380, words: [2045] },
      { offset: 0x10400, words: [2047, 2048, 2049, 2050, 2051, 2052, 2053, 2054] },
      { offset: 0x10c00, words: [2041, 2042] },
    ],
    systemRegisters: [
      [0xc665, 200n],
      [0xc664, 0x400n],
      [0xc666, 202n],
      [0xc667, 203n],
      [0xc230, 204n],
      [0xc643, 205n],
      [0xc663, 206n],
      [0xc644, 207n],
      [0xc648, 208n],
    ],
  })
  expect(gic.vcpus.map(({ systemRegisters }) => systemRegisters?.length)).toEqual([15, 9, 11])
  expect(gic.other).toBeUndefined()
  expect(summarizeGic('gic-v3', gic).vcpus[0]?.enabled.length).toBeGreaterThan(0)
  const its = snapshot.devices.find(({ kind }) => kind === 'gic-its')!.state as ItsState
  expect(its.registers).toEqual([
    [0, 1n],
    [4, 0x43bn],
    [0x80, 0xb800_0001_0040_050fn],
    [0x88, 0x20n],
    [0x90, 0x20n],
    ...[1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map((value, i) => [0x100 + 8 * i, value]),
  ])
})

test.each<Layout>(['v28', 'v29', 'v39', 'v53'])(
  '%s: memory is read range by range; zeros are left out; a byte-at-a-time source gives the same',
  async layout => {
    const files = makeSnapshot(guest(layout, { memory: MEMORY }))
    const imported = await readFiles(files)
    expect(imported.members).toEqual(['state.json', 'memory-ranges', 'config.json'])
    expect(imported.snapshot.memory.map(({ name, start, size }) => ({ name, start, size }))).toEqual([
      { name: 'mem0', start: 0n, size: 8192 },
      { name: 'mem1', start: 0x4000_0000n, size: 3 << 20 },
    ])
    const chunks = []
    for await (const { offset, data } of imported.snapshot.memory[1]!.chunks())
      chunks.push([offset, Buffer.compare(data, MEMORY[1]!.bytes.subarray(offset, offset + data.length))])
    expect(chunks).toEqual([
      [0, 0],
      [2 << 20, 0],
    ])
    const small = makeSnapshot(guest(layout, { memory: [{ gpa: 0n, bytes: Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff) }] }))
    expect(await whole(await readFolder(slowFolder(small)))).toEqual(await whole(await readFiles(small)))
  },
)

test('memory that is missing, short, long or never was in the snapshot', async () => {
  const files = makeSnapshot(guest('v53', { memory: MEMORY }))
  const { 'memory-ranges': bytes, ...without } = files
  const codes = async (given: Record<string, Uint8Array>) => (await readFiles(given)).findings.map(({ code }) => code)
  expect(await codes(without)).toContain('memory-missing')
  await expect(readFiles({ ...files, 'memory-ranges': bytes!.subarray(1) })).rejects.toMatchObject({ code: 'INPUT_CORRUPT', at: { offset: bytes!.length - 1 } })
  expect(await codes({ ...files, 'memory-ranges': new Uint8Array(bytes!.length + 1) })).toContain('memory-file-too-long')
  const elsewhere = Buffer.from(files['state.json']!)
    .toString()
    .replace(/\{\\"data\\":\[.*?\]\}/, '{\\"data\\":[]}')
  expect(await codes({ ...files, 'state.json': Buffer.from(elsewhere) })).toContain('memory-elsewhere')
})

test('the clock of v53', async () => {
  const { snapshot } = await readFiles(
    makeSnapshot(guest('v53', { clock: '{"cntvct":18446744073709551615,"host_realtime_ns":1780000000000000001,"cntfrq":25000000}' })),
  )
  expect(snapshot.vm.counterFrequency).toBe(25_000_000)
  expect(snapshot.devices.find(({ name }) => name === 'clock')?.state).toEqual({
    cntvct: (1n << 64n) - 1n,
    hostRealtimeNs: 1780000000000000001n,
    cntfrq: 25_000_000,
  })
})

test('a 32-bit register whose upper half is not zero is said', async () => {
  const { findings } = await readFiles(makeSnapshot({ layout: 'v39', vcpus: [{ system: [[0x6020_0000_0011_0000n, 1n << 40n]] }] }))
  expect(findings).toContainEqual(expect.objectContaining({ code: 'value-too-wide', vcpu: 0, register: '0x6020000000110000' }))
})

test.each<[string, Partial<Guest>, string, RegExp]>([
  ['another hypervisor', { hypervisor: 'Mshv' }, 'FORMAT_FOREIGN', /Microsoft Hypervisor/],
  ['x86-64', { vcpuExtra: ',"msrs":[],"cpuid":[]' }, 'FORMAT_FOREIGN', /x86-64/],
  ['a wide register among the narrow', { vcpus: [{ system: [[0x6080_0000_0015_0000n, 0n]] }] }, 'INPUT_CORRUPT', /256 bytes and cannot stand here/],
  ['a register of x86', { vcpus: [{ system: [[0x2030_0000_0000_0001n, 0n]] }] }, 'INPUT_CORRUPT', /sys_regs\[0\].*no arm64 register/],
  [
    'a wide register of the wrong size',
    { vcpus: [{ system: [], wide: [[0x6080_0000_0015_0000n, new Uint8Array(255)]] }] },
    'INPUT_CORRUPT',
    /255 items instead of 256/,
  ],
  ['a power state of no arm64 vCPU', { vcpus: [{ system: [], mpState: 3 }] }, 'INPUT_CORRUPT', /mp_state is 3/],
  ['half a core', { vcpus: [{ system: [], core: new Uint8Array(863) }] }, 'INPUT_CORRUPT', /core_regs/],
])('%s', async (_name, more, code, message) => {
  const make = () => readFiles(makeSnapshot(guest('v53', more)))
  if (more.vcpus?.[0]?.core?.length === 863) {
    const files = makeSnapshot(guest('v53'))
    const text = Buffer.from(files['state.json']!).toString().replace('core_regs\\":[1,', 'core_regs\\":[')
    await expect(readFiles({ ...files, 'state.json': Buffer.from(text) })).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  } else await expect(make()).rejects.toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'folder/state.json' } })
})

test('a GIC whose lists have other lengths is kept as it is, and said', async () => {
  const { snapshot, findings } = await readFiles(makeSnapshot(guest('v53', { gic: { dist: [1, 2], rdist: [3], icc: [4] } })))
  expect(findings.filter(({ code }) => code === 'gic-state-incomplete')).toHaveLength(3)
  expect((snapshot.devices[0]!.state as GicState).other).toEqual({ dist: [1, 2], rdist: [3], icc: [4] })
})
