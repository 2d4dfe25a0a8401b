// The fuzzer sees what it is there to see, and a few cases of each format on every run. The many are a step of .ci/run.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyCase, bytesOf, CORPUS, seedsOf } from '../../scripts/fuzz/cases.ts'
import { FILE, FORMATS, type FuzzFormat } from '../../scripts/fuzz/formats.ts'
import { digestOf, judge } from '../../scripts/fuzz/judge.ts'
import { anyMutation, mutate } from '../../scripts/fuzz/mutations.ts'
import { SnapError } from '../../src/errors.ts'
import { IMPORTERS } from '../../src/formats/importers/registry.ts'
import { registerList } from '../../src/model/register-list.ts'
import type { MemoryRegion, Snapshot } from '../../src/model/snapshot.ts'

describe.each(FORMATS)('$id', format => {
  test('seeds are read, and a few cases end well', async () => {
    const seeds = await seedsOf(format)
    expect(seeds.filter(({ digest }) => digest !== undefined).length).toBeGreaterThan(0)
    await fc.assert(
      fc.asyncProperty(anyCase(format, seeds.length), async each => {
        const { bytes, wanted } = bytesOf(format, seeds, each)
        await judge(format, bytes, wanted)
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})

test('every importer and nothing unknown is fuzzed, and has a corpus', () => {
  const ids = FORMATS.map(({ id }) => id)
  expect(IMPORTERS.filter(({ id }) => !ids.includes(id))).toEqual([])
  expect(
    readdirSync(CORPUS)
      .filter(name => name !== 'PROVENANCE.md')
      .sort(),
  ).toEqual([...ids].sort())
})

test('the same bytes come of the same change, and the seed stays as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), anyMutation, (bytes, mutation) => {
      const before = bytes.slice()
      const out = mutate(bytes, mutation)
      expect(out).not.toBe(bytes)
      expect(mutate(bytes, mutation)).toEqual(out)
      expect(bytes).toEqual(before)
    }),
    { seed: 2, numRuns: 500 },
  )
})

describe('the judge does not let pass', () => {
  const value = (memory: readonly MemoryRegion[] = []): Snapshot => ({
    origin: {},
    gic: 'none',
    stop: 'running',
    vm: {},
    vcpus: [{ index: 0, registers: registerList([]), mpState: 'runnable' }],
    devices: [],
    memory,
  })
  const reading = (read: () => Snapshot): FuzzFormat => ({
    id: 'trial',
    seeds: () => [],
    read: async () => ({ format: { id: 'trial' }, snapshot: read(), findings: [] }),
  })
  const thrown = (error: unknown): FuzzFormat =>
    reading(() => {
      throw error
    })
  const verdict = (format: FuzzFormat, wanted?: string) => judge(format, new Uint8Array(4), wanted)

  test('another error than ours', async () => {
    await expect(verdict(thrown(new RangeError('Invalid array length')))).rejects.toThrow(/Invalid array length/)
  })
  test('an error of ours that does not name the file', async () => {
    await expect(verdict(thrown(new SnapError('INPUT_CORRUPT', 'bad')))).rejects.toThrow(/does not name the file/)
    expect(await verdict(thrown(new SnapError('INPUT_CORRUPT', 'bad', { file: FILE })))).toBe('refused')
    expect(await verdict(thrown(new SnapError('INPUT_CORRUPT', 'bad', { file: FILE, offset: 1 })))).toBe('refused-at')
  })
  test('another value where a checksum promises one', async () => {
    const wanted = await digestOf(value())
    expect(await verdict(reading(value), wanted)).toBe('read')
    await expect(
      verdict(
        reading(() => ({ ...value(), stop: 'off' })),
        wanted,
      ),
    ).rejects.toThrow(/another value/)
  })
  test('memory outside its region', async () => {
    const region: MemoryRegion = { name: 'ram', start: 0n, size: 8, chunks: () => [{ offset: 4, data: new Uint8Array(8) }] }
    await expect(verdict(reading(() => value([region])))).rejects.toThrow(/memory region ram/)
  })
  test('a case that takes too long', async () => {
    const slow: FuzzFormat = {
      ...reading(value),
      read: () => new Promise(resolve => setTimeout(() => resolve({ format: { id: 'trial' }, snapshot: value(), findings: [] }), 80)),
    }
    await expect(judge(slow, new Uint8Array(), undefined, { ms: 50, kib: 1 << 20 })).rejects.toThrow(/took/)
  })
  test('a case that never ends', async () => {
    const never: FuzzFormat = { ...reading(value), read: () => new Promise(() => {}) }
    await expect(judge(never, new Uint8Array(), undefined, { ms: 10, kib: 1 << 20 })).rejects.toThrow(/nothing came/)
  })
  test('a case that takes too much memory', async () => {
    const large = reading(() => {
      const bytes = Buffer.alloc(256 << 20, 1)
      return { ...value(), gic: bytes[5] === 1 ? 'none' : 'v2' }
    })
    await expect(judge(large, new Uint8Array(), undefined, { ms: 60_000, kib: 32 << 10 })).rejects.toThrow(/peak of memory/)
  })
})

describe('cases that once ended badly end well', () => {
  const failed = FORMATS.flatMap(format =>
    (existsSync(CORPUS + format.id) ? readdirSync(CORPUS + format.id) : [])
      .filter(name => name.startsWith('failed-'))
      .map(name => [format.id, name, format] as const),
  )
  test.each(failed)('%s %s', async (id, name, format) => {
    expect(await judge(format, new Uint8Array(readFileSync(`${CORPUS}${id}/${name}`)), undefined)).toMatch(/^re/)
  })
})
