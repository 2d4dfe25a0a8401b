import { expect, test } from 'vitest'
import type { Data } from '../../../../src/formats/data/plain-data.ts'
import { bytesFolder } from '../../../../src/formats/source/bytes-folder.ts'
import type { GicState } from '../../../../src/model/gic.ts'
import { bytesToBigint, registerEntries } from '../../../../src/model/register-list.ts'
import { readFiles, readFolder, slowFolder, whole } from '../../read-folder.ts'
import { type Guest, makeSnapshot } from './make-snapshot.ts'

const MIB = 1 << 20
const guest = (encoding: Guest['encoding'], more: Partial<Guest> = {}): Guest => ({
  encoding,
  vcpus: [{ mpidr: 0x8000_0000n }, { mpidr: 0x81_8000_0103n, mpState: 'Stopped' }],
  ...more,
})

/** Arm's encoding, KVM's id, value: the exceptions of facts/vmm-formats.md §3, and some that are none. */
const SYSTEM: readonly (readonly [number, bigint, bigint])[] = [
  [0xc200, 0x6030_0000_0010_0048n, 1n],
  [0xc201, 0x6030_0000_0010_0046n, 2n],
  [0xda20, 0x6020_0000_0010_00d5n, 3n],
  [0xda21, 0x6020_0000_0010_00d4n, 4n],
  [0xdf02, 0x6030_0000_0013_df1an, 5n],
  [0xdf19, 0x6030_0000_0013_df19n, 6n],
  [0xdf1a, 0x6030_0000_0013_df02n, 0xffff_ffff_ffff_ffffn],
  [0xe208, 0x6030_0000_0010_0044n, 8n],
  [0xe218, 0x6030_0000_0010_004en, 9n],
  [0xe219, 0x6030_0000_0010_004an, 10n],
  [0xe21a, 0x6030_0000_0010_004cn, 11n],
  [0xe21b, 0x6030_0000_0010_0050n, 12n],
]

test.each(['cbor', 'json'] as const)('%s: every register under its id, in the order of a restore', async encoding => {
  const { snapshot, format } = await readFiles(
    makeSnapshot(
      guest(encoding, {
        vcpus: [
          {
            mpidr: 0x8000_0000n,
            sys: SYSTEM.map(([key, , value]) => [key, value]),
            firmware: [
              [0, 0x10001n],
              [3, 1n],
            ],
          },
        ],
      }),
    ),
  )
  expect(format).toEqual({ id: 'crosvm', version: encoding })
  expect([...registerEntries(snapshot.vcpus[0]!.registers)].map(([id, bytes]) => [id, bytesToBigint(bytes)])).toEqual([
    [0x6030_0000_0010_003en, 0xaaan],
    [0x6030_0000_0010_0040n, 0xffff_8000_0000_0000n],
    [0x6030_0000_0010_0042n, 0x3c5n],
    ...Array.from({ length: 31 }, (_, n) => [0x6030_0000_0010_0000n + BigInt(2 * n), BigInt(n + 1)]),
    ...Array.from({ length: 32 }, (_, n) => [0x6040_0000_0010_0054n + BigInt(4 * n), BigInt(n) << 100n]),
    [0x6030_0000_0013_c005n, 0x8000_0000n],
    ...SYSTEM.map(([, id, value]) => [id, value]),
    [0x6020_0000_0011_0000n, 0x701fe01an],
    [0x6020_0000_0011_0001n, 0x201fe01an],
    [0x6030_0000_0014_0000n, 0x10001n],
    [0x6030_0000_0014_0003n, 1n],
  ])
})

test.each(['cbor', 'json'] as const)('%s: power states and CPU interfaces by affinity, Aff3 included', async encoding => {
  const { snapshot, findings } = await readFiles(makeSnapshot(guest(encoding)))
  expect(snapshot.vcpus.map(({ mpState }) => mpState)).toEqual(['runnable', 'stopped'])
  expect(snapshot.gic).toBe('v3')
  const gic = snapshot.devices[0]!.state as GicState
  expect(gic.distributor).toEqual([
    { offset: 0, words: [0x37] },
    { offset: 16, words: [5] },
  ])
  expect(gic.vcpus).toEqual(
    [0, 1].map(vcpu => ({
      vcpu,
      registers: [
        { offset: 0x14, words: [1] },
        { offset: 0x10080, words: [0xffff_ffff - vcpu] },
      ],
      systemRegisters: [
        [0xc230, 0xf0n],
        [0xc664, 0x400n],
      ],
    })),
  )
  expect(findings.map(({ code }) => code)).toEqual(['format-lacks-bitmaps', 'format-lacks-events'])
})

const RANGES = [
  { start: 4096, end: 4096 + 3 * MIB - 100 },
  { start: 4 * MIB - 4096, end: 4 * MIB },
]
const stored = RANGES.reduce((sum, { start, end }) => sum + end - start, 0)

test('memory: ranges of a region, the rest zero, what is present known', async () => {
  const files = makeSnapshot(guest('cbor', { ranges: RANGES }))
  const { snapshot, members } = await readFiles(files)
  const [region] = snapshot.memory
  expect(region).toMatchObject({ name: 'region0', start: 0x8000_0000n, size: 4 * MIB, present: stored })
  expect(members).toContain('mem')
  const all = new Uint8Array(4 * MIB)
  for await (const { offset, data } of region!.chunks()) {
    expect(data.length).toBeLessThanOrEqual(MIB)
    all.set(data, offset)
  }
  const expected = new Uint8Array(4 * MIB)
  let at = 0
  for (const { start, end } of RANGES) {
    expected.set(files.mem!.subarray(at, at + end - start), start)
    at += end - start
  }
  expect(Buffer.compare(all, expected)).toBe(0)
})

/** An LZ4 frame of stored blocks of at most 4 MiB. */
function storedFrame(bytes: Uint8Array): Uint8Array {
  const header = Buffer.from('04224d18607000', 'hex')
  const length = Buffer.alloc(4)
  length.writeUInt32LE((0x8000_0000 | bytes.length) >>> 0)
  return new Uint8Array(Buffer.concat([header, length, bytes, Buffer.alloc(4)]))
}

test('compressed memory is the same memory; a short one is said when it is read', async () => {
  const plain = makeSnapshot(guest('cbor', { ranges: RANGES }))
  const packed = makeSnapshot(guest('cbor', { ranges: RANGES, compressed: true, mem: storedFrame(plain.mem!) }))
  expect(await whole(await readFiles(packed))).toEqual(await whole(await readFiles(plain)))
  const short = makeSnapshot(guest('cbor', { ranges: RANGES, compressed: true, mem: storedFrame(plain.mem!.subarray(1)) }))
  await expect(whole(await readFiles(short))).rejects.toMatchObject({ code: 'INPUT_CORRUPT', message: expect.stringMatching(/need more/) })
})

test('compressed memory in more regions than any machine has is refused: each would unpack the file anew', async () => {
  const files = makeSnapshot(guest('json', { mem: storedFrame(new Uint8Array(0)) }))
  const metadata = (count: number, compressed: boolean) => ({
    ...files,
    mem_metadata: Buffer.from(
      JSON.stringify({ regions: Array.from({ length: count }, (_, i) => ({ guest_base: i << 20, size: 1 << 20, data_ranges: [] })), compressed }),
    ),
  })
  await expect(readFiles(metadata(33, true))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  expect((await readFiles(metadata(32, true))).snapshot.memory).toHaveLength(32)
})

test('devices and the clock are kept as plain values', async () => {
  const { snapshot } = await readFiles(
    makeSnapshot(guest('cbor', { devices: { 'bus0/serial': new Map<string, Data>([['ier', 7]]), 'bus1/rtc': [1n << 63n] } })),
  )
  expect(snapshot.devices.slice(1)).toEqual([
    { name: 'pvclock', kind: 'crosvm', state: null },
    { name: 'bus0/serial', kind: 'crosvm', state: { ier: 7 } },
    { name: 'bus1/rtc', kind: 'crosvm', state: [1n << 63n] },
  ])
})

test('a source that gives one byte at a time gives the same', async () => {
  const files = makeSnapshot(guest('json', { ranges: [{ start: 0, end: 3000 }] }))
  expect(await whole(await readFolder(slowFolder(files)))).toEqual(await whole(await readFiles(files)))
})

const without = (files: Record<string, Uint8Array>, name: string): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(files).filter(([path]) => path !== name))

test.each<[string, Record<string, Uint8Array>, string, RegExp]>([
  ['no irqchip', without(makeSnapshot(guest('cbor')), 'irqchip'), 'CANNOT_READ', /irqchip/],
  ['a vCPU that is missing', without(makeSnapshot(guest('cbor')), 'vcpu/vcpu0'), 'CANNOT_READ', /no vcpu0/],
  ['the state of another vCPU', { ...makeSnapshot(guest('cbor')), 'vcpu/vcpu0': makeSnapshot(guest('cbor'))['vcpu/vcpu1']! }, 'INPUT_CORRUPT', /vcpu_id is 1/],
  ['an encrypted one', { ...makeSnapshot(guest('cbor')), enc_metadata: new Uint8Array(8) }, 'FORMAT_FOREIGN', /encrypted/],
  ['an empty file', { ...makeSnapshot(guest('cbor')), 'vcpu/vcpu0': new Uint8Array() }, 'INPUT_CORRUPT', /ends too early/],
  ['a power state of x86', makeSnapshot(guest('cbor', { vcpus: [{ mpidr: 0n, mpState: 'Halted' }] })), 'INPUT_CORRUPT', /"Halted"/],
  [
    'ranges that overlap',
    makeSnapshot(
      guest('cbor', {
        ranges: [
          { start: 0, end: 8192 },
          { start: 4096, end: 12288 },
        ],
      }),
    ),
    'INPUT_CORRUPT',
    /does not follow/,
  ],
  ['ranges beyond the region', makeSnapshot(guest('cbor', { ranges: [{ start: 0, end: 5 * MIB }] })), 'INPUT_CORRUPT', /region of/],
  ['memory that is short', makeSnapshot(guest('cbor', { ranges: [{ start: 0, end: 8192 }], mem: new Uint8Array(8191) })), 'INPUT_CORRUPT', /8191 bytes/],
  ['a 32-bit register of 33 bits', makeSnapshot(guest('cbor', { vcpus: [{ mpidr: 0n, sys: [[0xda20, 1n << 32n]] }] })), 'INPUT_CORRUPT', /32 bits/],
])('%s', async (_name, files, code, message) => {
  await expect(readFiles(files).then(whole)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
})

test('an x86-64 snapshot is refused by name', async () => {
  const files = makeSnapshot(guest('json'))
  const vcpu = new TextEncoder().encode('{"vcpu_id":0,"regs":{},"sregs":{},"msrs":{}}')
  await expect(readFiles({ ...files, 'vcpu/vcpu0': vcpu })).rejects.toMatchObject({ code: 'FORMAT_FOREIGN', message: expect.stringMatching(/x86-64/) })
})

test('memory that is missing is a finding, a vCPU that irqchip does not know too', async () => {
  const codes = async (files: Record<string, Uint8Array>) => (await readFiles(files)).findings.map(({ code }) => code)
  expect(await codes(without(makeSnapshot(guest('cbor', { ranges: RANGES })), 'mem'))).toContain('memory-missing')
  const files = makeSnapshot(guest('cbor'))
  const others = makeSnapshot(guest('cbor', { vcpus: [{ mpidr: 0x8000_0000n }] }))
  expect(await codes({ ...files, irqchip: others.irqchip! })).toContain('mp-state-missing')
  expect(await codes({ ...others, irqchip: files.irqchip! })).toContain('vcpu-count-differs')
})

test('mem_metadata without its folder says what is needed', async () => {
  const folder = bytesFolder(makeSnapshot(guest('cbor')))
  const { crosvm } = await import('../../../../src/formats/importers/crosvm/sniff.ts')
  await expect(crosvm.read(await folder.open('mem_metadata'))).rejects.toMatchObject({ code: 'CANNOT_READ', hint: 'name the folder' })
})
