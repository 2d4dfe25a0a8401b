// A piece of memory is the same bytes whether the rest is read or not, in every way that memory is kept.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openArchive } from '../../src/formats/archive/read.ts'
import { writeArchive } from '../../src/formats/archive/write.ts'
import { storedRegion } from '../../src/formats/importers/kvm/stored-region.ts'
import { BytesSink } from '../../src/formats/output/sink.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { readMemory } from '../../src/model/read-memory.ts'
import type { MemoryRegion, Snapshot } from '../../src/model/snapshot.ts'
import { withInput } from '../../src/ops/input.ts'

const SIZE = 5 << 20
const START = 0x4000_0000n
const bytes = new Uint8Array(SIZE)
for (let at = 1000; at < SIZE; at += 65_537) bytes[at] = 1 + (at % 255)
bytes.fill(0, 2 << 20, 3 << 20)

async function archived(region: MemoryRegion): Promise<MemoryRegion> {
  const snapshot: Snapshot = { origin: {}, gic: 'none', stop: 'running', vm: {}, vcpus: [], devices: [], memory: [region] }
  const sink = new BytesSink()
  await writeArchive(snapshot, sink, {})
  const read = await (await openArchive(bytesSource(sink.bytes()))).readSnapshot()
  const [only] = read.snapshot.memory
  if (!only) throw new Error('no memory')
  return only
}
const KINDS: Readonly<Record<string, () => Promise<MemoryRegion> | MemoryRegion>> = {
  bytes: () => bytesRegion('ram', START, bytes),
  archive: () => archived(bytesRegion('ram', START, bytes)),
  'ranges of a file': () =>
    storedRegion(
      bytesSource(bytes),
      { name: 'ram', start: START, size: SIZE },
      [
        { offset: 0, at: 0, length: 1_500_000 },
        { offset: 1_500_000, at: 1_500_000, length: SIZE - 1_500_000 },
      ],
      false,
    ),
}

test.each(Object.keys(KINDS))('%s', async kind => {
  const region = await KINDS[kind]!()
  await fc.assert(
    fc.asyncProperty(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 1_200_000 }), async (from, length) => {
      const piece = await readMemory([region], START + BigInt(from), length)
      expect(Buffer.compare(piece ?? new Uint8Array(), bytes.subarray(from, from + length))).toBe(0)
    }),
    { numRuns: 30, seed: 3 },
  )
})

test('outside of memory there is nothing', async () => {
  const memory = [bytesRegion('ram', START, bytes)]
  expect(await readMemory(memory, START - 1n, 16)).toBeUndefined()
  expect(await readMemory(memory, START + BigInt(SIZE), 16)).toBeUndefined()
  expect(await readMemory(memory, START + BigInt(SIZE) - 4n, 16)).toHaveLength(4)
})

const SAMPLES = join(import.meta.dirname, '../../../shared/samples/qemu')
const absent = existsSync(SAMPLES) ? undefined : 'there is no ../shared/samples/qemu'
if (absent !== undefined) console.log(`pieces of QEMU's memory: skipped, ${absent}`)
const files = absent === undefined ? readdirSync(SAMPLES).filter(name => /mappedram|xbzrle|kvm-k6.1-q11.1-d.*mig|qcow2/.test(name) && name.endsWith('.gz')) : []

test.skipIf(absent !== undefined).each(files)('%s', file =>
  withInput(join(SAMPLES, file), {}, async ({ snapshot }) => {
    const region = snapshot.memory.find(({ start }) => start === START)
    if (!region) throw new Error('no RAM')
    const whole = new Uint8Array(region.size)
    for await (const { offset, data } of region.chunks()) whole.set(data, offset)
    for (const [from, length] of [
      [0, 4096],
      [0x20_0ff0, 64],
      [0x100_0000 - 8, 1 << 20],
      [region.size - 100, 100],
    ] as const)
      expect(Buffer.compare((await readMemory(snapshot.memory, START + BigInt(from), length)) ?? new Uint8Array(), whole.subarray(from, from + length))).toBe(0)
  }),
)
