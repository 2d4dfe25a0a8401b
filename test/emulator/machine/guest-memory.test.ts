import { describe, expect, test } from 'vitest'
import { createGuestMemory } from '../../../src/emulator/machine/guest-memory.ts'
import { SnapError } from '../../../src/errors.ts'

const MIB = 1 << 20
const REGIONS = [
  { start: 0x4000_0000n, size: 4 * MIB },
  { start: 0x8000_0000n, size: MIB },
]
const store = () => {
  const bytes = REGIONS.map(({ size }) => new Uint8Array(size))
  const at = (address: bigint, length: number): Uint8Array => {
    const region = REGIONS.findIndex(({ start, size }) => address >= start && address < start + BigInt(size))
    const offset = Number(address - REGIONS[region]!.start)
    return bytes[region]!.subarray(offset, offset + length)
  }
  return { ram: at, writeRam: (address: bigint, data: Uint8Array) => at(address, data.length).set(data) }
}
const saved = (memory: ReturnType<typeof createGuestMemory>) =>
  memory.save().map(({ name, start, size, chunks }) => ({
    name,
    start,
    size,
    chunks: [...(chunks() as Iterable<{ offset: number; data: Uint8Array }>)].map(({ offset, data }) => [offset, data.length, data.indexOf(7)]),
  }))

describe('guest memory', () => {
  test('reads what was written, across chunks, and zeros elsewhere', () => {
    const memory = createGuestMemory(REGIONS)
    memory.write(0x4000_0000n + BigInt(MIB - 2), Uint8Array.of(1, 2, 3, 4))
    expect([...memory.read(0x4000_0000n + BigInt(MIB - 3), 6)]).toEqual([0, 1, 2, 3, 4, 0])
  })
  test('a copy is read: later writes do not reach it', () => {
    const memory = createGuestMemory(REGIONS)
    memory.write(0x4000_0000n, Uint8Array.of(9))
    const before = memory.read(0x4000_0000n, 1)
    memory.write(0x4000_0000n, Uint8Array.of(8))
    expect(before[0]).toBe(9)
  })
  test('only chunks that hold something are saved, before and after an engine took over', () => {
    const memory = createGuestMemory(REGIONS)
    memory.write(0x4020_0010n, Uint8Array.of(7))
    memory.write(0x8000_0000n, Uint8Array.of(0))
    const expected = [
      { name: 'ram', start: 0x4000_0000n, size: 4 * MIB, chunks: [[2 * MIB, MIB, 16]] },
      { name: 'ram1', start: 0x8000_0000n, size: MIB, chunks: [] },
    ]
    expect(saved(memory)).toEqual(expected)
    memory.moveTo(store())
    expect(saved(memory)).toEqual(expected)
    memory.moveTo(store())
    expect(saved(memory)).toEqual(expected)
    memory.write(0x8000_0000n, Uint8Array.of(7))
    expect(memory.read(0x8000_0000n, 1)[0]).toBe(7)
  })
  test.each([
    [0x3fff_ffffn, 2],
    [0x403f_ffffn, 2],
    [0x7000_0000n, 1],
  ])('refuses %s', (address, length) => {
    expect(() => createGuestMemory(REGIONS).read(address, length)).toThrow(SnapError)
    expect(() => createGuestMemory(REGIONS).write(address, new Uint8Array(length))).toThrow(SnapError)
  })
  test('RAM consists of whole pages', () => {
    expect(() => createGuestMemory([{ start: 0x4000_0000n, size: 100 }])).toThrow(SnapError)
  })
})
