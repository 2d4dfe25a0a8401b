import { expect, test } from 'vitest'
import { GICD, GICR, type GicState, registerRuns, summarizeGic, wordAt } from '../../src/model/gic.ts'

test('pairs in any order become runs, and words are found by offset', () => {
  const runs = registerRuns([
    [0x104, 2],
    [0x100, 1],
    [0x200, 9],
    [0x104, 3],
  ])
  expect(runs).toEqual([
    { offset: 0x100, words: [1, 3] },
    { offset: 0x200, words: [9] },
  ])
  expect(wordAt(runs, 0x104)).toBe(3)
  expect(wordAt(runs, 0x102)).toBeUndefined()
  expect(wordAt(runs, 0x108)).toBeUndefined()
  expect(wordAt(runs, 0xfc)).toBeUndefined()
})

test('a raised line makes a level-triggered interrupt pending and leaves an edge-triggered one alone', () => {
  const state: GicState = {
    distributor: registerRuns([
      [GICD.isenabler + 4, 0x8000_0001],
      [GICD.icfgr + 8, 0b1000], // interrupt 33 is edge-triggered
    ]),
    lineLevels: [0, 0b11],
    vcpus: [{ vcpu: 3, registers: registerRuns([[GICR.isactiver0, 1 << 27]]), lineLevel: 1 << 30 }],
  }
  expect(summarizeGic('gic-v3', state)).toEqual({
    shared: { enabled: [32, 63], pending: [32], active: [] },
    vcpus: [{ vcpu: 3, enabled: [], pending: [30], active: [27] }],
  })
})
