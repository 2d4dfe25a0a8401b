// QEMU's two load rules: what they do to lists, for any lists, and the fault of 11.1.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RegId, sysRegId } from '../../../src/arch/reg-id.ts'
import { VENDOR_HYP_BMAP_2_ID } from '../../../src/arch/smccc.ts'
import { type RegisterList, registerAt, registerList } from '../../../src/model/register-list.ts'
import { planQemu, QEMU_10, QEMU_11, type QemuRelease } from '../../../src/ops/load/qemu.ts'
import { isListed, listPlaces, merge, ownPlaces } from '../../../src/ops/load/qemu-list.ts'

const OPTIONS = { isOwnFile: true, rawOrder: false }
const fw = (n: number): RegId => (0x6030_0000_0014_0000n | BigInt(n)) as RegId
const x0 = 0x6030_0000_0010_0000n as RegId
const TCR2 = sysRegId(3, 0, 2, 0, 3)
const id = (n: number): RegId => sysRegId(3, 0, 4, n >> 3, n & 7)
const list = (...ids: readonly RegId[]): RegisterList => registerList(ids.map((each, i) => [each, BigInt(i + 1)] as const))
const plan = (release: QemuRelease, saved: RegisterList, own: RegisterList) => planQemu(release, saved, own, OPTIONS)
const idsAt = (from: RegisterList, places: readonly number[]): bigint[] => places.map(at => from.ids[at]!)

const anyIds = fc.uniqueArray(
  fc.oneof(fc.nat(120).map(id), fc.nat(3).map(fw), fc.constantFrom(TCR2, VENDOR_HYP_BMAP_2_ID, x0, 0x6020_0000_0011_0001n as RegId)),
  { maxLength: 40 },
)
const anyList = anyIds.map(ids => registerList(ids.map(each => [each, 0n] as const)))
const sortedList = anyIds.map(ids => registerList([...ids].sort((a, b) => (a < b ? -1 : 1)).map((each, i) => [each, BigInt(i)] as const)))

describe('the merge', () => {
  test('takes exactly what both lists have, each to its own place, and calls the rest unknown', () => {
    fc.assert(
      fc.property(sortedList, anyList, (saved, own) => {
        const places = ownPlaces(own.ids)
        const savedPlaces = listPlaces(saved.ids, false)
        const { taken, unknown } = merge(saved, savedPlaces, own, places)
        const both = savedPlaces.filter(at => own.ids.includes(saved.ids[at]!))
        expect([...taken].filter(at => at >= 0)).toEqual(both)
        taken.forEach((at, i) => {
          if (at >= 0) expect(saved.ids[at]).toBe(own.ids[places[i]!])
        })
        expect(unknown.map(({ at }) => at)).toEqual(savedPlaces.filter(at => !both.includes(at)))
        const last = own.ids[places.at(-1) ?? -1]
        for (const { at, isTrailing } of unknown) expect(isTrailing).toBe(last === undefined || saved.ids[at]! > last)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('a list of core registers alone is empty', () => {
    expect(isListed(x0)).toBe(false)
    expect(ownPlaces(list(x0).ids)).toEqual([])
  })
})

describe.each([QEMU_10, QEMU_11])('$title', release => {
  test('writes the whole destination list, saved values where there are any, its own ones elsewhere', () => {
    fc.assert(
      fc.property(sortedList, sortedList, (saved, own) => {
        const { phases } = plan(release, saved, own)
        const { registers, from } = phases[0]!
        expect([...registers.ids]).toEqual([...own.ids].filter(isListed))
        for (let i = 0; i < registers.ids.length; i++) {
          const place = from ? from[i]! : i
          const expected = place >= 0 ? registerAt(saved, place) : registerAt(own, own.ids.indexOf(registers.ids[i]!))
          expect([...registerAt(registers, i)]).toEqual([...expected])
        }
        expect([...phases[1]!.registers.ids]).toEqual([...saved.ids].filter(each => !isListed(each)))
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  test('every saved register of the list is written, dropped or unknown, and only one of them', () => {
    fc.assert(
      fc.property(sortedList, sortedList, (saved, own) => {
        const { phases, dropped, unknown, stops } = plan(release, saved, own)
        const written = [...(phases[0]!.from ?? [])].filter(at => at >= 0)
        const all = [...written, ...dropped.map(({ at }) => at), ...unknown].sort((a, b) => a - b)
        expect(all).toEqual(listPlaces(saved.ids, false))
        expect(stops.length > 0).toBe(unknown.length > 0)
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  test('the same list is loaded as it is', () => {
    fc.assert(
      fc.property(sortedList, saved => {
        const { dropped, unknown, stops } = plan(release, saved, saved)
        expect([dropped, unknown, stops]).toEqual([[], [], []])
      }),
      { seed: 4, numRuns: 50 },
    )
  })
})

describe('10.0 and older', () => {
  test('more registers than the host has stop it before anything else, whichever they are', () => {
    const { stops } = plan(QEMU_10, list(id(1), fw(0), VENDOR_HYP_BMAP_2_ID), list(id(1), fw(0)))
    expect(stops[0]).toMatchObject({ stage: 'count' })
    expect(stops[0]!.message).toContain('3 registers are saved, 2 fit')
  })

  test('the first unknown register in the middle stops it', () => {
    const saved = list(id(1), id(2), id(3))
    const { stops, unknown } = plan(QEMU_10, saved, list(id(0), id(1), id(4), fw(0)))
    expect(stops).toMatchObject([{ stage: 'list', id: id(2) }])
    expect(idsAt(saved, unknown)).toEqual([id(2), id(3)])
  })

  // The hole: an edited stream with VENDOR_HYP_BMAP_2 = 5 loads (facts/qemu-stream.md §8.3).
  test('registers behind the host’s last one are dropped, whatever they hold, while the count fits', () => {
    const saved = registerList([
      [id(1), 1n],
      [VENDOR_HYP_BMAP_2_ID, 5n],
    ])
    const { stops, dropped } = plan(QEMU_10, saved, list(id(0), id(1), fw(0)))
    expect(stops).toEqual([])
    expect(dropped).toMatchObject([{ at: 1 }])
  })

  test('tolerates nothing by name', () => {
    expect(plan(QEMU_10, list(id(1), TCR2), list(id(1), id(2), fw(0))).stops).toMatchObject([{ stage: 'list', id: TCR2 }])
  })
})

describe('11.1', () => {
  const own = list(id(1), fw(0))
  const saved = (last: bigint): RegisterList =>
    registerList([
      [id(1), 1n],
      [id(2), 2n],
      [fw(0), 3n],
      [VENDOR_HYP_BMAP_2_ID, last],
    ])

  test('its fault: a tolerated register that comes last lets every other unknown one go', () => {
    const { stops, unknown, dropped } = plan(QEMU_11, saved(0n), own)
    expect([stops, unknown]).toEqual([[], []])
    expect(dropped.map(({ at }) => at)).toEqual([1, 3])
    expect(dropped[0]!.why).toContain('fault')
  })

  test('without one, the last unknown register fails the load', () => {
    const { stops, unknown } = plan(QEMU_11, saved(1n), own)
    expect(stops).toMatchObject([{ stage: 'list', id: VENDOR_HYP_BMAP_2_ID }])
    expect(unknown).toEqual([1, 3])
  })

  test('a tolerated register in the middle does not save an unknown one behind it', () => {
    const list11 = list(id(1), TCR2, sysRegId(3, 0, 11, 0, 0))
    const { stops, dropped } = plan(QEMU_11, list11, own)
    expect(stops).toMatchObject([{ stage: 'list', id: sysRegId(3, 0, 11, 0, 0) }])
    expect(dropped).toMatchObject([{ at: 1 }])
  })

  test('counts nothing', () => {
    expect(plan(QEMU_11, list(TCR2, sysRegId(3, 0, 10, 2, 2), sysRegId(3, 0, 10, 2, 3)), list(id(1))).stops).toEqual([])
  })
})
