// Bytes of RAM blocks changed in streams: against memory that is read back, whatever form the page has and however large the guest is.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { qemu } from '../../../../src/formats/importers/qemu/importer.ts'
import { pageReplacements, type Replacement } from '../../../../src/formats/importers/qemu/patch-pages.ts'
import { RamIndex } from '../../../../src/formats/importers/qemu/ram-index.ts'
import { walkStream } from '../../../../src/formats/importers/qemu/stream.ts'
import { applyXbzrle, makeXbzrle } from '../../../../src/formats/importers/qemu/xbzrle.ts'
import { bytesSource } from '../../../../src/formats/source/source.ts'
import type { BytePatch } from '../../../../src/model/patched-region.ts'
import { readMemory } from '../../../../src/model/read-memory.ts'
import { makeStream, type PageSpec } from './make-stream.ts'

const PAGE = 4096
const PAGES = 4
const BLOCK = 'mach-virt.ram'
const START = 0x4000_0000n

const noise = (seed: number): Uint8Array => Uint8Array.from({ length: PAGE }, (_, i) => (i * 31 + seed * 7 + (i >> 5)) & 0xff)
const old = Array.from({ length: PAGES }, (_, i) => noise(i))
const now = old.map((page, i) => {
  const copy = Uint8Array.from(page)
  copy.fill(i + 1, 100 * i, 100 * i + 300)
  return copy
})
const first: readonly PageSpec[] = old.map((data, page) => ({ kind: 'plain', block: BLOCK, page, data }))
const second: readonly PageSpec[] = [
  { kind: 'xbzrle', block: BLOCK, page: 0, delta: makeXbzrle(old[0]!, now[0]!) },
  { kind: 'deflated', block: BLOCK, page: 1, data: now[1]! },
  { kind: 'plain', block: BLOCK, page: 2, data: now[2]! },
  { kind: 'xbzrle', block: BLOCK, page: 3, delta: makeXbzrle(old[3]!, now[3]!) },
]
const STREAM = makeStream({ pageBits: 12, blocks: [{ name: BLOCK, size: 8 * PAGE }], parts: [first, second] })

async function patched(patches: readonly BytePatch[], large = false): Promise<Uint8Array> {
  const source = bytesSource(STREAM, 'stream')
  const index = new RamIndex(source)
  const stream = await walkStream(source, { pages: index })
  // As of a guest with more pages than are remembered.
  if (large) Object.defineProperty(index, 'isWhole', { value: false })
  return replaced(STREAM, await pageReplacements(source, stream, index, patches))
}
function replaced(bytes: Uint8Array, list: readonly Replacement[]): Uint8Array {
  const parts: Uint8Array[] = []
  let at = 0
  for (const { offset, length, bytes: part } of list.toSorted((a, b) => a.offset - b.offset)) {
    expect(offset).toBeGreaterThanOrEqual(at)
    parts.push(bytes.subarray(at, offset), part)
    at = offset + length
  }
  return new Uint8Array(Buffer.concat([...parts, bytes.subarray(at)]))
}
async function memoryOf(bytes: Uint8Array): Promise<string> {
  const { snapshot } = await qemu.read(bytesSource(bytes, 'stream'))
  return Buffer.from((await readMemory(snapshot.memory, START, 8 * PAGE))!).toString('hex')
}
const patch = (offset: number, bytes: Uint8Array, name = BLOCK): BytePatch => ({ in: 'memory', name, offset, bytes })

test.each([false, true])('memory is what it was with the patches in it; large: %s', async large => {
  const place = fc.nat(PAGES * PAGE - 600).chain(offset => fc.uint8Array({ minLength: 1, maxLength: 600 }).map(bytes => patch(offset, bytes)))
  await fc.assert(
    fc.asyncProperty(place, async one => {
      const expected = Buffer.concat([...now, Buffer.alloc(4 * PAGE)])
      expected.set(one.bytes, one.offset)
      expect(await memoryOf(await patched([one], large))).toBe(expected.toString('hex'))
    }),
    { seed: 5, numRuns: large ? 20 : 60 },
  )
})

test('several in one page', async () => {
  const expected = Buffer.concat([...now, Buffer.alloc(4 * PAGE)])
  const all = [0, 1, 2, 3].flatMap(page => [patch(page * PAGE + 5, Uint8Array.of(1, 2)), patch(page * PAGE + 4000, Uint8Array.of(3, 4))])
  for (const { offset, bytes } of all) expected.set(bytes, offset)
  expect(await memoryOf(await patched(all))).toBe(expected.toString('hex'))
})

test.each([
  ['a page that was never sent', patch(6 * PAGE, Uint8Array.of(1))],
  ['a block that is not there', patch(0, Uint8Array.of(1), 'pvtime')],
  ['beyond the block', patch(8 * PAGE - 1, Uint8Array.of(1, 2))],
])('%s has no place', async (_, one) => {
  await expect(patched([one])).rejects.toMatchObject({ code: 'FORMAT_UNWRITABLE' })
})

test('a delta makes the page that it was made of', () => {
  const page = fc.uint8Array({ minLength: 300, maxLength: 300, max: 3 })
  fc.assert(
    fc.property(page, page, (before, after) => {
      const made = Uint8Array.from(before)
      expect(applyXbzrle(made, makeXbzrle(before, after))).toBe(true)
      expect(made).toEqual(after)
    }),
    { seed: 6, numRuns: 500 },
  )
})
