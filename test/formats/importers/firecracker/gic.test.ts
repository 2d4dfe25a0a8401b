// Firecracker's lists of words, put at the offsets where KVM has them.
import { expect, test } from 'vitest'
import { sysRegId } from '../../../../src/arch/reg-id.ts'
import { gicDevices } from '../../../../src/formats/importers/firecracker/gic.ts'
import type { Gic } from '../../../../src/formats/importers/firecracker/state.ts'
import { GICD, GICR, type GicState, type ItsState, summarizeGic, wordAt } from '../../../../src/model/gic.ts'
import { gicV3 } from './make-vmstate.ts'

const encoding = (crn: number, crm: number, op2: number): number => Number(sysRegId(3, 0, crn, crm, op2) & 0xffffn)
const stateOf = (gic: Gic, kind: string): GicState => {
  const { devices, understood } = gicDevices(gic)
  expect(understood).toBe(true)
  expect(devices[0]).toMatchObject({ name: 'gic', kind })
  return devices[0]!.state as GicState
}

test('GICv3: each list is at its register, shared interrupts from 32 on', () => {
  const gic = gicV3(2)
  const state = stateOf(gic, 'gic-v3')
  const places: readonly (readonly [list: number, offset: number])[] = [
    [0, GICD.ctlr],
    [1, GICD.statusr],
    [2, 0x184],
    [3, 0x104],
    [4, 0x84],
    [5, 0x6100],
    [6, 0xc08],
    [7, 0x284],
    [8, 0x204],
    [9, 0x384],
    [10, 0x304],
    [11, 0x420],
  ]
  for (const [list, offset] of places)
    gic.dist[list]!.forEach((word, i) => {
      expect(wordAt(state.distributor, offset + 4 * i)).toBe(word)
    })
  expect(state.distributor.reduce((sum, { words }) => sum + words.length, 0)).toBe(gic.dist.flat().length)
  const redistributor = [0x10, 0x14, 0x70, 0x78, 0x0, 0x10080, 0x10180, 0x10100, 0x10c00, 0x10280, 0x10200, 0x10380, 0x10300, 0x10400]
  for (const { vcpu, registers } of state.vcpus)
    gic.vcpus[vcpu]!.rdist.forEach((words, list) => {
      words.forEach((word, i) => {
        expect(wordAt(registers, redistributor[list]! + 4 * i)).toBe(word)
      })
    })
  const [first] = state.vcpus
  const { main, ap } = gic.vcpus[0]!.icc
  expect(new Map(first!.systemRegisters)).toEqual(
    new Map([
      [encoding(12, 12, 5), main[0]![0]],
      [encoding(12, 12, 4), main[1]![0]],
      [encoding(12, 12, 6), main[2]![0]],
      [encoding(12, 12, 7), main[3]![0]],
      [encoding(4, 6, 0), main[4]![0]],
      [encoding(12, 8, 3), main[5]![0]],
      [encoding(12, 12, 3), main[6]![0]],
      [encoding(12, 8, 4), ap[0]![0]],
      [encoding(12, 9, 0), ap[4]![0]],
    ]),
  )
})

test('what the shape is for: interrupts by number', () => {
  const zero = gicV3(1)
  const dist = zero.dist.map(words => words.map(() => 0))
  dist[3]![0] = 1 << 5 // ISENABLER1
  dist[8]![2] = 1 // ISPENDR3
  const rdist = zero.vcpus[0]!.rdist.map(words => words.map(() => 0))
  rdist[7]![0] = 1 << 27 // ISENABLER0
  const state = stateOf({ dist, vcpus: [{ ...zero.vcpus[0]!, rdist }] }, 'gic-v3')
  expect(summarizeGic('gic-v3', state)).toEqual({
    shared: { enabled: [37], pending: [96], active: [] },
    vcpus: [{ vcpu: 0, enabled: [27], pending: [], active: [] }],
  })
  expect(wordAt(state.vcpus[0]!.registers, GICR.isenabler0)).toBe(1 << 27)
})

test('GICv2 has a CPU interface and no redistributors', () => {
  const words = (count: number, first: number): number[] => Array.from({ length: count }, (_, i) => first + i)
  const dist = [
    words(1, 1),
    words(3, 10),
    words(3, 20),
    words(3, 30),
    words(6, 40),
    words(3, 50),
    words(3, 60),
    words(3, 70),
    words(3, 80),
    words(24, 90),
    words(4, 200),
    words(4, 300),
  ]
  const icc = { main: Array.from({ length: 8 }, (_, i) => [BigInt(1000 + i)]), ap: [] }
  const { version } = gicDevices({ dist, vcpus: [{ rdist: [], icc }] })
  expect(version).toBe('v2')
  const state = stateOf({ dist, vcpus: [{ rdist: [], icc }] }, 'gic-v2')
  expect([0x0, 0x184, 0x104, 0x84, 0xc08, 0x284, 0x204, 0x384, 0x304, 0x420, 0xf10, 0xf20].map(offset => wordAt(state.distributor, offset))).toEqual(
    dist.map(list => list[0]),
  )
  expect([0, 4, 8, 0x1c, 0xd0, 0xd4, 0xd8, 0xdc].map(offset => wordAt(state.vcpus[0]!.cpuInterface!, offset))).toEqual([
    1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007,
  ])
})

test('an ITS is a device of its own', () => {
  const baser = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [String(i), BigInt(100 + i)]))
  const { devices } = gicDevices({ ...gicV3(1), its: { iidr: 1n, cbaser: 2n, creadr: 3n, cwriter: 4n, baser, ctlr: 5n } })
  expect(devices[1]).toMatchObject({ name: 'its', kind: 'gic-its' })
  const { registers } = devices[1]!.state as ItsState
  expect(new Map(registers)).toEqual(
    new Map<number, bigint>([
      [0, 5n],
      [4, 1n],
      [0x80, 2n],
      [0x88, 4n],
      [0x90, 3n],
      ...Array.from({ length: 8 }, (_, i) => [0x100 + 8 * i, BigInt(100 + i)] as const),
    ]),
  )
})

test.each<[string, (gic: Gic) => Gic]>([
  ['a register too few', gic => ({ ...gic, dist: gic.dist.slice(1) })],
  ['a control register of two words', gic => ({ ...gic, dist: [[1, 2], ...gic.dist.slice(1)] })],
  ['more words than there are interrupts', gic => ({ ...gic, dist: gic.dist.map((words, i) => (i === 2 ? Array.from({ length: 32 }, () => 0) : words)) })],
  ['another redistributor', gic => ({ ...gic, vcpus: gic.vcpus.map(vcpu => ({ ...vcpu, rdist: vcpu.rdist.slice(2) })) })],
  ['other system registers', gic => ({ ...gic, vcpus: gic.vcpus.map(vcpu => ({ ...vcpu, icc: { ...vcpu.icc, ap: [] } })) })],
])('lists with %s are kept as they are, under a kind of their own', (_name, change) => {
  const gic = change(gicV3(1))
  const { devices, understood, version } = gicDevices(gic)
  expect([understood, version]).toEqual([false, 'v3'])
  expect(devices[0]).toEqual({
    name: 'gic',
    kind: 'firecracker-gic',
    state: {
      dist: gic.dist,
      vcpus: gic.vcpus.map(({ rdist, icc: { main, ap } }) => ({ rdist, icc: { main, ap: ap.map(chunks => chunks ?? null) } })),
    },
  })
})

test('no lists, no interrupt controller', () => {
  expect(gicDevices({ dist: [], vcpus: [] })).toEqual({ version: 'none', devices: [], understood: true })
})
