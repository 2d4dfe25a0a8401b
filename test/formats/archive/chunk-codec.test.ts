import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ChunkCodec, hasCoreZstd, openChunkCodec } from '../../../src/formats/archive/chunk-codec.ts'
import { cutChunks } from '../../../src/formats/archive/memory-chunks.ts'
import { frameFault, measureFrame } from '../../../src/formats/archive/zstd-frame.ts'
import type { MemoryRegion } from '../../../src/model/snapshot.ts'

const core = await hasCoreZstd()
const engines = [{ engine: 'wasm' as const }, ...(core ? [{ engine: 'core' as const }] : [])]
const ways = engines.flatMap(({ engine }) => [
  { engine, where: 'this thread', bytes: 0 },
  { engine, where: 'workers', bytes: 1 << 30 },
])
const own = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
/** More than the codec does before it starts workers. */
const samples = [1, 63, 100, 4096, 70_000, 1 << 20].flatMap(size => [
  new Uint8Array(size).map((_, i) => (i * 31) >> 4),
  new Uint8Array(size).map((_, i) => Math.imul(i + 1, 2654435761) >>> 24),
  new Uint8Array(size).fill(9),
])

async function withCodec<T>(options: { engine: 'core' | 'wasm'; bytes: number }, use: (codec: ChunkCodec) => Promise<T>): Promise<T> {
  const codec = await openChunkCodec(options)
  try {
    return await use(codec)
  } finally {
    await codec.close()
  }
}

test.each(ways)('$engine in $where: every chunk comes back, and its frame declares what it holds', async way => {
  await withCodec(way, async codec => {
    const frames = await Promise.all(samples.map(raw => codec.compress(own(raw))))
    for (const [i, { frame }] of frames.entries()) expect(frameFault(frame, samples[i]!.length)).toBeUndefined()
    const back = await Promise.all(
      frames.map(({ frame, storedSha256, rawSha256 }, i) => codec.decompress(own(frame), samples[i]!.length, storedSha256, rawSha256)),
    )
    for (const [i, raw] of back.entries()) expect(Buffer.compare(raw as Uint8Array, samples[i]!)).toBe(0)
  })
})

test.each(ways)('$engine in $where: what is wrong is said, and the next chunk is not hurt', async way => {
  await withCodec(way, async codec => {
    const raw = samples[6]!
    for (const sample of samples) await codec.compress(own(sample)) // until workers run, where they do
    const { frame, storedSha256, rawSha256 } = await codec.compress(own(raw))
    expect(await codec.decompress(own(frame), raw.length, '0'.repeat(64), rawSha256)).toMatch(/stored bytes do not match/)
    expect(await codec.decompress(own(frame), raw.length, storedSha256, '0'.repeat(64))).toMatch(/content does not match/)
    expect(await codec.decompress(own(frame), raw.length - 1, storedSha256, rawSha256)).toMatch(/damaged|instead of/)
    expect(await codec.decompress(own(frame), raw.length, storedSha256, rawSha256)).toEqual(own(raw))
  })
})

test.skipIf(!core)('both engines read each other', async () => {
  const raw = samples[9]!
  const made = await Promise.all(engines.map(({ engine }) => withCodec({ engine, bytes: 0 }, codec => codec.compress(own(raw)))))
  for (const { engine } of engines)
    for (const { frame, storedSha256, rawSha256 } of made)
      expect(await withCodec({ engine, bytes: 0 }, codec => codec.decompress(own(frame), raw.length, storedSha256, rawSha256))).toEqual(own(raw))
})

test('a frame cut anywhere is not a whole frame', async () => {
  const { frame } = await withCodec({ engine: 'wasm', bytes: 0 }, codec => codec.compress(own(samples[9]!)))
  for (let length = 0; length < frame.length; length++) expect(measureFrame(frame.subarray(0, length))).toBeUndefined()
  expect(measureFrame(frame)?.size).toBe(frame.length)
})

/** What an all-knowing cutter would give: aligned, full, not zero. */
function expected(memory: Uint8Array): [number, string][] {
  const out: [number, string][] = []
  for (let at = 0; at < memory.length; at += 1 << 20) {
    const piece = memory.subarray(at, at + (1 << 20))
    if (piece.some(byte => byte !== 0)) out.push([at >> 20, Buffer.from(piece).toString('latin1')])
  }
  return out
}

test('memory in pieces of any kind is cut into aligned full chunks', async () => {
  const size = (2 << 20) + 77
  const pieces = fc.array(fc.tuple(fc.nat(400_000), fc.constantFrom(1, 4096, 65_536, 1 << 20), fc.boolean()), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(pieces, async list => {
      const memory = new Uint8Array(size)
      const spans: { offset: number; data: Uint8Array }[] = []
      let at = 0
      for (const [gap, length, zero] of list) {
        const offset = Math.min(size, at + gap)
        at = Math.min(size, offset + length)
        const data = new Uint8Array(at - offset).fill(zero ? 0 : 1 + (gap % 200))
        memory.set(data, offset)
        spans.push({ offset, data })
      }
      const region: MemoryRegion = { name: 'ram', start: 0n, size, chunks: () => spans }
      const got: [number, string][] = []
      for await (const { number, data } of cutChunks(region, () => {})) got.push([number, Buffer.from(data).toString('latin1')])
      expect(got.map(([n]) => n)).toEqual(expected(memory).map(([n]) => n))
      expect(got.every(([, text], i) => text === expected(memory)[i]?.[1])).toBe(true)
    }),
    { seed: 4, numRuns: 25 },
  )
})

test.each([
  [
    'backwards',
    [
      { offset: 5, data: new Uint8Array(5) },
      { offset: 0, data: new Uint8Array(5) },
    ],
  ],
  ['beyond the end', [{ offset: 95, data: new Uint8Array(6) }]],
  ['at half a byte', [{ offset: 0.5, data: new Uint8Array(1) }]],
])('pieces %s are a fault of the program', async (_name, spans) => {
  const region: MemoryRegion = { name: 'ram', start: 0n, size: 100, chunks: () => spans }
  await expect(async () => {
    for await (const _ of cutChunks(region, () => {}));
  }).rejects.toThrow(TypeError)
})
