// `inspect --walk` over tables made by hand: every level, what it says, where it ends, and every way in which it does not.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SnapError } from '../../../src/errors.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import { memoryType } from '../../../src/ops/walk/descriptor-words.ts'
import { guestTranslation } from '../../../src/ops/walk/guest-translation.ts'
import { parseWalk, walkAddress } from '../../../src/ops/walk/walk.ts'
import type { WalkReport } from '../../../src/ops/walk/walk-report.ts'
import { CODE, guest, LEVELS, RAM, RAM_BYTES, ram, SCTLR, type TableOptions, TCR, TCR_48 } from './page-tables.ts'

const hex = (value: bigint): string => `0x${value.toString(16)}`
const walk = (address: bigint, options?: TableOptions): Promise<WalkReport> => walkAddress(guest(options), { address }, undefined)
const kernel = (address: bigint): bigint => 0xffff_0000_0000_0000n | address

describe('the levels of a walk', () => {
  test('to a page: tables, indices, descriptors and what they say', async () => {
    const report = await walk(0x0123n)
    expect(report).toEqual({
      vcpu: 0,
      address: '0x123',
      mmu: true,
      tables: { register: 'TTBR0_EL1', base: hex(LEVELS.root), granule: 4096, bits: 48, asid: 0 },
      levels: [
        {
          level: 0,
          table: hex(LEVELS.root),
          index: 0,
          descriptorAddress: hex(LEVELS.root),
          descriptor: hex(LEVELS.one | 3n),
          kind: 'table',
          output: hex(LEVELS.one),
          says: [],
        },
        {
          level: 1,
          table: hex(LEVELS.one),
          index: 0,
          descriptorAddress: hex(LEVELS.one),
          descriptor: hex(LEVELS.two | 3n),
          kind: 'table',
          output: hex(LEVELS.two),
          says: [],
        },
        {
          level: 2,
          table: hex(LEVELS.two),
          index: 0,
          descriptorAddress: hex(LEVELS.two),
          descriptor: hex(LEVELS.three | 3n),
          kind: 'table',
          output: hex(LEVELS.three),
          says: [],
        },
        {
          level: 3,
          table: hex(LEVELS.three),
          index: 0,
          descriptorAddress: hex(LEVELS.three),
          descriptor: '0x40000040008783',
          kind: 'page',
          output: hex(CODE),
          says: ['EL1 ro', 'AttrIndx 0', 'inner shareable', 'AF', 'UXN'],
        },
      ],
      mapping: {
        address: hex(CODE + 0x123n),
        region: 'ram',
        size: 4096,
        memory: 'Normal write-back',
        shareability: 'inner shareable',
        global: true,
        access: { el1: 'r-x', el0: '---' },
      },
    })
  })
  test('the upper half has its own register and ASID', async () => {
    const report = await walk(kernel(0x40_0123_4567n), {})
    expect(report.tables).toMatchObject({ register: 'TTBR1_EL1', base: hex(LEVELS.root) })
    expect(report.fault).toMatchObject({ kind: 'translation', level: 1 })
    const asid = await walk(kernel(0x0n), { registers: [[TCR, TCR_48 | (1n << 22n) | (1n << 36n)]] })
    expect(asid.tables?.asid).toBe(7)
  })
  test('to a block of 1 GiB, and to a device that is not in memory', async () => {
    const block = await walk(0x4012_3456n)
    expect(block.levels?.map(({ kind }) => kind)).toEqual(['table', 'block'])
    expect(block.mapping).toMatchObject({ address: '0x40123456', size: 1 << 30, access: { el1: 'rwx', el0: '---' } })
    const device = await walk(0x20_1000n)
    expect(device.mapping).toEqual({
      address: '0x8001000',
      size: 2 << 20,
      memory: 'Device-nGnRE',
      shareability: 'outer shareable',
      global: true,
      access: { el1: 'rw-', el0: '---' },
    })
  })
  test('bits of a table take rights away below it', async () => {
    const report = await walk(0x8000_0123n)
    expect(report.levels?.[1]?.says).toEqual(['UXNTable', 'PXNTable'])
    expect(report.mapping?.access).toEqual({ el1: 'r--', el0: '---' })
  })
  test("a program's page", async () => {
    expect((await walk(0x1008n)).mapping?.access).toEqual({ el1: 'rw-', el0: 'rwx' })
  })
  test('in big-endian tables', async () => {
    expect((await walk(0x0123n, { bigEndian: true })).mapping?.address).toBe(hex(CODE + 0x123n))
  })
  test('with the MMU off an address is the physical one', async () => {
    const report = await walk(RAM + 4n, { registers: [[SCTLR, 0x30d0_0800n]] })
    expect(report).toMatchObject({ mmu: false, levels: [], mapping: { address: hex(RAM + 4n), region: 'ram' } })
    expect(report.tables).toBeUndefined()
  })
})

test.each([
  ['nothing is mapped', 0xc000_0000n, 'translation', 1, 'level 1 maps nothing here'],
  ['the access flag is clear', 0x2000n, 'access-flag', 3, 'the access flag of the level 3 descriptor is clear'],
  ['a block at level 3', 0x3000n, 'translation', 3, 'level 3 maps nothing here'],
  ['the table is not in the file', 1n << 39n, 'external', 1, 'the table of level 1 is not in the memory of the file'],
  ['the address is between the halves', 1n << 50n, 'translation', 0, 'the address is outside what the tables cover, or the table register is switched off'],
])('a fault: %s', async (_name, address, kind, level, why) => {
  expect((await walk(address)).fault).toMatchObject({ kind, level, why })
})

test('what cannot be walked says why', async () => {
  expect(await walk(0n, { pstate: 0x1d3n })).toEqual({ vcpu: 0, address: '0x0', unreadable: 'the vCPU is in AArch32, whose code and tables are not read' })
  const { memory, ...rest } = guest()
  const bare = {
    ...rest,
    memory,
    vcpus: [{ ...rest.vcpus[0], registers: { ids: new BigUint64Array(), offsets: new Uint32Array(1), bytes: new Uint8Array() } }],
  }
  expect(await walkAddress(bare, { address: 0n }, undefined)).toMatchObject({ unreadable: expect.stringContaining('does not hold the registers') })
})

describe('what is asked for', () => {
  test.each([
    ['0xffff800080000000', { address: 0xffff_8000_8000_0000n }],
    ['4096,3', { address: 4096n, vcpu: 3 }],
    [' 0x10 , 1 ', { address: 16n, vcpu: 1 }],
    ['pc', { address: { register: 0x6030_0000_0010_0040n, name: 'PC' } }],
    ['vbar_el1,1', { address: { register: 0x6030_0000_0013_c600n, name: 'VBAR_EL1' }, vcpu: 1 }],
  ])('%s', (text, wanted) => {
    expect(parseWalk(text)).toEqual(wanted)
  })
  test.each(['', 'nonsense', '0x1,2,3', '0x1,x', '-1', '0x1ffffffffffffffff', '99999999999999999999', 'v0', '0x'])('%j is refused', text => {
    expect(() => parseWalk(text)).toThrow(expect.objectContaining({ code: 'USAGE' }) as SnapError)
  })
  test('a vCPU or register that is not there', async () => {
    await expect(walkAddress(guest(), { address: 0n, vcpu: 4 }, undefined)).rejects.toMatchObject({ code: 'USAGE' })
    await expect(walkAddress({ ...guest(), vcpus: [] }, { address: 0n }, undefined)).rejects.toMatchObject({ code: 'USAGE' })
    await expect(walkAddress(guest(), parseWalk('far_el1'), undefined)).rejects.toMatchObject({ code: 'REGISTER_ABSENT' })
  })
})

test('a walk reads the pages of its tables, and nothing else', async () => {
  const whole = bytesRegion('ram', RAM, ram())
  const read: string[] = []
  const memory = [
    {
      ...whole,
      chunks(signal?: AbortSignal, range?: { readonly from: number; readonly to: number }) {
        read.push(range ? `${hex(RAM + BigInt(range.from))}+${range.to - range.from}` : 'all')
        return whole.chunks(signal, range)
      },
    },
  ]
  expect((await walk(0x0123n, { memory })).mapping).toBeDefined()
  expect(read).toEqual([LEVELS.root, LEVELS.one, LEVELS.two, LEVELS.three].map(table => `${hex(table)}+4096`))
})

test('no tables, however spoiled, make a walk fail or go on for ever', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(RAM_BYTES / 8 - 1), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })), { maxLength: 200 }),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      async (entries, tcr, address) => {
        const bytes = ram()
        const view = new DataView(bytes.buffer)
        // Half of them where the walk begins.
        for (const [n, [at, value]] of entries.entries()) view.setBigUint64(n % 2 ? at * 8 : 0x1000 + ((at * 8) & 0xfff), value, true)
        const snapshot = guest({ memory: [bytesRegion('ram', RAM, bytes)], registers: [[TCR, tcr]] })
        for (const each of [address, 0n, kernel(0n)]) {
          const report = await walkAddress(snapshot, { address: each }, undefined)
          expect(report.levels!.length).toBeLessThanOrEqual(5)
          expect([report.mapping, report.fault].filter(Boolean)).toHaveLength(1)
        }
      },
    ),
    { seed: 7, numRuns: 60 },
  )
})

test('a CPU that does not say what it can do is taken for a usual one', () => {
  const { vcpus, memory } = guest()
  const translation = guestTranslation({ ...vcpus[0], registers: { ...vcpus[0].registers } }, memory)
  if (typeof translation === 'string') throw new Error(translation)
  expect(translation.regime).toMatchObject({ enabled: true, physicalBits: 48 })
})

test.each([
  [0x00, 'Device-nGnRnE'],
  [0x04, 'Device-nGnRE'],
  [0x0c, 'Device-GRE'],
  [0x44, 'Normal non-cacheable'],
  [0xff, 'Normal write-back'],
  [0xbb, 'Normal write-through'],
  [0xf4, 'Normal, inner non-cacheable, outer write-back'],
  [0xee, 'Normal write-back read-allocate'],
  [0x77, 'Normal write-back transient'],
  [0xf0, 'Normal tagged write-back'],
])('memory attribute 0x%s is %s', (byte, words) => {
  expect(memoryType(byte)).toBe(words)
})
