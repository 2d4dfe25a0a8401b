// What differs between two snapshots: nothing of one with itself, the same from either side, and each kind of difference once.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RegId, regId } from '../../../src/arch/reg-id.ts'
import { mirrored } from '../../../src/model/diff/change.ts'
import { diffSnapshots } from '../../../src/model/diff/diff.ts'
import { diffMemory, MOST_RANGES, PAGE_BYTES } from '../../../src/model/diff/memory.ts'
import { diffMaps } from '../../../src/model/diff/memory-map.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import { registerList } from '../../../src/model/register-list.ts'
import type { MemoryRegion, Snapshot } from '../../../src/model/snapshot.ts'
import { anySnapshot } from '../../formats/any-snapshot.ts'

const side = (snapshot: Snapshot, format = 'psnap', name = 'a') => ({ name, format, snapshot })
const RUNS = { seed: 3, numRuns: 300 }
const PSCI = regId(0x6030_0000_0014_0000n)
const PC = regId(0x6030_0000_0010_0040n)
const X0 = regId(0x6030_0000_0010_0000n)

const guest = (registers: readonly (readonly [RegId, bigint])[], more: Partial<Snapshot> = {}): Snapshot => ({
  origin: {},
  gic: 'v3',
  stop: 'running',
  vm: {},
  vcpus: [{ index: 0, registers: registerList(registers), mpState: 'runnable' }],
  devices: [],
  memory: [],
  ...more,
})
const changes = (a: Snapshot, b: Snapshot) => diffSnapshots(side(a), side(b)).changes

describe('of any two snapshots', () => {
  test('one does not differ from itself, also when it says to be of another format', () => {
    fc.assert(
      fc.property(anySnapshot, snapshot => {
        expect(diffSnapshots(side(snapshot), side(snapshot, 'psnap', 'b'))).toEqual({ changes: [], findings: [] })
        expect(diffSnapshots(side(snapshot), side(snapshot, 'other', 'b')).changes).toEqual([])
      }),
      RUNS,
    )
  })

  test('the other way round is the mirror image', () => {
    fc.assert(
      fc.property(anySnapshot, anySnapshot, fc.constantFrom('psnap', 'other'), (a, b, format) => {
        expect(diffSnapshots(side(b, format), side(a)).changes).toEqual(diffSnapshots(side(a), side(b, format)).changes.map(mirrored))
      }),
      RUNS,
    )
  })

  test('memory too, however it is cut into regions and pieces', async () => {
    await fc.assert(
      fc.asyncProperty(anySnapshot, anySnapshot, async (a, b) => {
        expect(await diffMemory(a.memory, a.memory)).toMatchObject(overlap(a.memory) ? {} : { changes: [], pages: 0, ranges: 0 })
        const [forth, back] = [await diffMemory(a.memory, b.memory), await diffMemory(b.memory, a.memory)]
        expect(back?.changes).toEqual(forth?.changes.map(mirrored))
        expect(diffMaps(b.memory, a.memory, true)).toEqual(diffMaps(a.memory, b.memory, true).map(mirrored))
        expect(diffMaps(a.memory, a.memory, true)).toEqual([])
      }),
      { seed: 3, numRuns: 60 },
    )
  })
})

const overlap = (regions: readonly MemoryRegion[]): boolean =>
  regions.some((x, i) => regions.some((y, j) => i < j && x.start < y.start + BigInt(y.size) && y.start < x.start + BigInt(x.size)))

describe('registers', () => {
  test('firmware first, then by id; what one lacks has one value', () => {
    expect(
      changes(
        guest([
          [X0, 1n],
          [PC, 2n],
          [PSCI, 0x10001n],
        ]),
        guest([
          [PSCI, 0x10003n],
          [X0, 7n],
        ]),
      ),
    ).toEqual([
      { kind: 'register', vcpu: 0, id: PSCI, name: 'KVM_REG_ARM_PSCI_VERSION', before: bytes8(0x10001), after: bytes8(0x10003) },
      { kind: 'register', vcpu: 0, id: X0, name: 'X0', before: bytes8(1), after: bytes8(7) },
      { kind: 'register', vcpu: 0, id: PC, name: 'PC', before: bytes8(2) },
    ])
  })

  test('one that stands twice is compared one by one', () => {
    expect(
      changes(
        guest([
          [PC, 1n],
          [PC, 2n],
        ]),
        guest([
          [PC, 1n],
          [PC, 3n],
        ]),
      ),
    ).toMatchObject([{ before: bytes8(2), after: bytes8(3) }])
    expect(
      changes(
        guest([
          [PC, 1n],
          [PC, 1n],
        ]),
        guest([[PC, 1n]]),
      ),
    ).toHaveLength(1)
  })

  test('another order is said, and is no difference', () => {
    const { changes: none, findings } = diffSnapshots(
      side(
        guest([
          [PC, 1n],
          [X0, 1n],
        ]),
      ),
      side(
        guest([
          [X0, 1n],
          [PC, 1n],
        ]),
      ),
    )
    expect(none).toEqual([])
    expect(findings.map(({ code }) => code)).toEqual(['register-order'])
  })

  test('a vCPU that is missing is one difference', () => {
    expect(changes(guest([[PC, 16n]]), guest([], { vcpus: [] }))).toEqual([{ kind: 'vm', vcpu: 0, name: 'vcpu', before: '1 registers, PC 0x10' }])
  })
})

describe('what a file of another format is silent about', () => {
  const rich = guest([[PC, 1n]], {
    stop: 'hibernated',
    vm: { ipaBits: 40 },
    devices: [{ name: 'uart', kind: 'pl011', state: { fr: 1 } }],
    machine: { version: 1, state: {} },
    vcpus: [{ index: 0, registers: registerList([[PC, 1n]]), mpState: 'runnable', features: ['psci_0_2'] }],
  })
  test('is a finding, not a difference', () => {
    const { changes: none, findings } = diffSnapshots(side(rich), side(guest([[PC, 1n]]), 'kvm-reglist', 'b'))
    expect(none).toEqual([])
    expect(findings.map(({ message }) => message)).toEqual([
      'not compared, for only a says it: why the guest stopped',
      'not compared, for only a says it: VM-wide state (ipaBits)',
      'not compared, for only a says it: state of the built-in machine (machine.version, machine.state)',
      'not compared, for only a says it: of vCPU 0 (features)',
      'not compared, for only a says it: devices (uart)',
    ])
  })
  test('differs in a file of the same format', () => {
    expect(changes(rich, guest([[PC, 1n]])).map(({ name }) => name)).toEqual(['stop', 'ipaBits', 'machine.state', 'machine.version', 'features', 'uart'])
  })
})

describe('devices', () => {
  const device = (state: unknown, kind = 'x') => guest([[PC, 1n]], { devices: [{ name: 'd', kind, state }] })
  test('leaf by leaf', () => {
    const before = { a: 1, list: [1n, { deep: 'x' }], bytes: Uint8Array.of(1, 2), 'odd.key': true }
    const after = { a: 1n, list: [2n, { deep: 'y' }], bytes: Uint8Array.of(1, 3), odd: { key: true } }
    expect(changes(device(before), device(after))).toEqual(
      [
        { kind: 'device', name: 'd bytes', before: 'b0102', after: 'b0103' },
        { kind: 'device', name: 'd list[0]', before: '0x1', after: '0x2' },
        { kind: 'device', name: 'd list[1].deep', before: '"x"', after: '"y"' },
        { kind: 'device', name: 'd odd.key', after: 'true' },
        { kind: 'device', name: 'd ["odd.key"]', before: 'true' },
      ].sort((x, y) => (x.name < y.name ? -1 : 1)),
    )
  })
  test('many bytes are shown where they begin to differ', () => {
    const [a, b] = [new Uint8Array(5000), new Uint8Array(5000)]
    b[4321] = 7
    expect(changes(device(a), device(b))).toEqual([
      { kind: 'device', name: 'd', before: '5000 bytes, at 4321: b0000000000000000…', after: '5000 bytes, at 4321: b0700000000000000…' },
    ])
  })

  const gic = (words: readonly number[], split: boolean, extra = 0) => ({
    distributor: split ? words.map((word, i) => ({ offset: 0x104 + 4 * i, words: [word] })) : [{ offset: 0x104, words }],
    vcpus: [{ vcpu: 0, registers: [{ offset: 0x10100, words: [extra] }], systemRegisters: [[0xc230, 0xf0n] as const] }],
  })
  test('an interrupt controller register by register, however its words are cut, by kind across formats', () => {
    const one = guest([], { devices: [{ name: 'arm_gicv3', kind: 'gic-v3', state: gic([1, 2], true) }] })
    const two = guest([], { devices: [{ name: 'vgic', kind: 'gic-v3', state: gic([1, 2], false) }] })
    const three = guest([], { devices: [{ name: 'vgic', kind: 'gic-v3', state: gic([1, 3], false, 9) }] })
    expect(diffSnapshots(side(one), side(two, 'other')).changes).toEqual([])
    expect(diffSnapshots(side(one), side(three, 'other')).changes).toEqual([
      { kind: 'device', name: 'gic-v3 GICD_ISENABLER[2]', before: '0x2', after: '0x3' },
      { kind: 'device', vcpu: 0, name: 'gic-v3 GICR_ISENABLER0', before: '0x0', after: '0x9' },
    ])
  })
})

describe('memory', () => {
  const ram = (size: number, ...writes: readonly (readonly [number, number])[]): Uint8Array => {
    const bytes = new Uint8Array(size)
    for (const [at, value] of writes) bytes[at] = value
    return bytes
  }
  test('pages that differ, joined when they are of one kind', async () => {
    const a = ram(8 * PAGE_BYTES, [0, 1], [PAGE_BYTES, 1], [5 * PAGE_BYTES, 1])
    const b = ram(8 * PAGE_BYTES, [0, 2], [PAGE_BYTES, 2], [2 * PAGE_BYTES, 9], [5 * PAGE_BYTES, 1])
    expect(await diffMemory([bytesRegion('ram', 0x4000_0000n, a)], [bytesRegion('ram', 0x4000_0000n, b)])).toEqual({
      changes: [
        { kind: 'memory', name: '0x40000000-0x40001fff', before: 'data', after: 'data', pages: 2 },
        { kind: 'memory', name: '0x40002000-0x40002fff', before: 'zero', after: 'data', pages: 1 },
      ],
      compared: 8 * PAGE_BYTES,
      pages: 3,
      ranges: 2,
    })
  })

  test('is compared by address, not by region', async () => {
    const whole = ram(4 * PAGE_BYTES, [100, 1], [9000, 2])
    const halves = [bytesRegion('low', 0n, whole.subarray(0, 6000)), bytesRegion('high', 6000n, whole.subarray(6000))]
    expect(await diffMemory([bytesRegion('ram', 0n, whole)], halves)).toMatchObject({ changes: [] })
    expect(diffMaps([bytesRegion('ram', 0n, whole)], halves, true)).toEqual([])
  })

  test('where only one has memory nothing is compared, and the map says so', async () => {
    const [a, b] = [[bytesRegion('ram', 0n, ram(PAGE_BYTES))], [bytesRegion('ram', 0n, ram(3 * PAGE_BYTES, [5000, 1]))]]
    expect(await diffMemory(a, b)).toMatchObject({ changes: [], compared: PAGE_BYTES })
    expect(diffMaps(a, b, true)).toEqual([{ kind: 'memory', name: '0x1000-0x2fff', after: 'memory' }])
  })

  test('agrees with a comparison of the whole', async () => {
    const anyPages = fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 1, maxLength: 40 })
    const cut = fc.array(fc.integer({ min: 1, max: 3 * PAGE_BYTES }), { minLength: 1, maxLength: 60 })
    const memory = (pages: readonly number[], cuts: readonly number[]): MemoryRegion => ({
      name: 'ram',
      start: 0x1000n,
      size: pages.length * PAGE_BYTES,
      *chunks() {
        const bytes = Buffer.concat(pages.map(value => new Uint8Array(PAGE_BYTES).fill(value)))
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = cuts[i % cuts.length]!
          const data = bytes.subarray(at, at + length)
          if (data.some(byte => byte !== 0)) yield { offset: at, data: new Uint8Array(data) }
          at += length
        }
      },
    })
    await fc.assert(
      fc.asyncProperty(anyPages, anyPages, cut, cut, async (a, b, cutsOfA, cutsOfB) => {
        const found = await diffMemory([memory(a, cutsOfA)], [memory(b, cutsOfB)])
        const expected = a.slice(0, b.length).filter((value, i) => value !== b[i]).length
        expect(found?.pages).toBe(expected)
        expect(found?.changes.reduce((sum, { pages = 0 }) => sum + pages, 0)).toBe(expected)
      }),
      { seed: 5, numRuns: 150 },
    )
  })

  test('lists at most so many ranges, and counts all of them', async () => {
    const region = (value: number): MemoryRegion => ({
      name: 'ram',
      start: 0n,
      size: 2 * (MOST_RANGES + 5) * PAGE_BYTES,
      *chunks() {
        for (let i = 0; i < MOST_RANGES + 5; i++) yield { offset: 2 * i * PAGE_BYTES, data: new Uint8Array(PAGE_BYTES).fill(value) }
      },
    })
    const found = await diffMemory([region(1)], [region(2)])
    expect(found).toMatchObject({ pages: MOST_RANGES + 5, ranges: MOST_RANGES + 5 })
    expect(found?.changes).toHaveLength(MOST_RANGES)
  })
})

const bytes8 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer)
