// Must-hold 5: a small archive cut at every offset and with bits flipped. All bits of every byte take a minute or so: set PSCI_SNAP_EVERY_BIT=1
// (the CI does); without it one bit of every byte is flipped, another one in each run of eight bytes; in the
// first two headers also the high bit, which turns tar's octal numbers into binary ones.

import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { regId } from '../../../src/arch/reg-id.ts'
import { SnapError } from '../../../src/errors.ts'
import { openArchive } from '../../../src/formats/archive/read.ts'
import { verifyArchive } from '../../../src/formats/archive/verify.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import { registerList } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { comparable } from '../any-snapshot.ts'
import { archiveOf } from './archive-bytes.ts'

const small: Snapshot = {
  origin: { build: 'linux-6.1.176/cortex-a72' },
  gic: 'v3',
  stop: 'running',
  vm: {},
  vcpus: [{ index: 0, mpState: 'runnable', registers: registerList([[regId(0x6030_0000_0014_0000n), 0x10001n]]) }],
  devices: [],
  memory: [
    bytesRegion(
      'ram',
      0x4000_0000n,
      new Uint8Array(700).map((_, i) => (i * i) % 251),
    ),
  ],
}
const bytes = await archiveOf(small)
const golden = await comparable(small)

const verdict = async (damaged: Uint8Array): Promise<string> => {
  try {
    const report = await verifyArchive(bytesSource(damaged, 'damaged.psnap'))
    return report.ok ? 'nothing found' : 'reported'
  } catch (error) {
    return error instanceof SnapError ? error.code : String(error)
  }
}
/** A reader either gets the right value, not having looked at what is damaged, or a SnapError. */
const reading = async (damaged: Uint8Array): Promise<string> => {
  try {
    const { snapshot } = await (await openArchive(bytesSource(damaged, 'damaged.psnap'))).readSnapshot()
    return isDeepStrictEqual(await comparable(snapshot), golden) ? 'golden' : 'wrong value'
  } catch (error) {
    return error instanceof SnapError ? 'SnapError' : String(error)
  }
}

test('the archive is of a few KiB and verifies', async () => {
  expect(bytes.length).toBeLessThan(10_000)
  expect(await verdict(bytes)).toBe('nothing found')
  expect(await reading(bytes)).toBe('golden')
})

test('cut at every offset: verify reports it, reading throws a SnapError', async () => {
  const outcomes = new Set<string>()
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length)
    outcomes.add(await verdict(cut)).add(await reading(cut))
  }
  expect([...outcomes].sort()).toEqual(['SnapError', 'reported'])
})

test('bytes appended: verify reports it', async () => {
  for (const extra of [1, 511, 512, 1024, 2048]) expect(await verdict(new Uint8Array(Buffer.concat([bytes, Buffer.alloc(extra)])))).toBe('reported')
})

test('bits flipped in turn: verify reports each, reading gives the golden value or a SnapError', { timeout: 600_000 }, async () => {
  const every = process.env.PSCI_SNAP_EVERY_BIT === '1'
  const missed: string[] = []
  const wrong: string[] = []
  const damaged = new Uint8Array(bytes)
  for (let at = 0; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      // Without PSCI_SNAP_EVERY_BIT: one bit of each byte of the first members and their headers, then one of every third byte.
      const isSampled = at < 1536 ? bit === at % 8 || bit === 7 : at % 3 === 0 && bit === (at / 3) % 8
      if (!every && !isSampled) continue
      damaged[at] = (bytes[at] ?? 0) ^ (1 << bit)
      if ((await verdict(damaged)) !== 'reported') missed.push(`${at}.${bit} ${await verdict(damaged)}`)
      const outcome = await reading(damaged)
      if (outcome !== 'golden' && outcome !== 'SnapError') wrong.push(`${at}.${bit} ${outcome}`)
      damaged[at] = bytes[at] ?? 0
    }
  expect({ missed, wrong }).toEqual({ missed: [], wrong: [] })
})
