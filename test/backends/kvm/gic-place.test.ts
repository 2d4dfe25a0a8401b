import fc from 'fast-check'
import { expect, test } from 'vitest'
import { placeGic, type Range } from '../../../src/backends/kvm/gic-place.ts'

const overlaps = (a: Range, b: Range): boolean => a.start < b.start + b.size && b.start < a.start + a.size

test('where the board has it, as the recorded probe had', () => {
  expect(placeGic('v3', 2, [{ start: 0x4000_0000n, size: 0x1_0000n }])).toEqual({ distributor: 0x0800_0000n, second: 0x080a_0000n })
  expect(placeGic('v2', 2, [])).toEqual({ distributor: 0x0800_0000n, second: 0x0801_0000n })
})

test('with so many vCPUs that it would reach the console, redistributors lie behind that', () => {
  expect(placeGic('v3', 123, []).second).toBe(0x080a_0000n)
  expect(placeGic('v3', 124, []).second).toBe(0x0901_0000n)
})

test('never in memory, in the console, in itself; always aligned', () => {
  const range = fc.record({ start: fc.bigInt(0n, 0x1_0000n).map(n => n << 16n), size: fc.bigInt(1n, 0x2000n).map(n => n << 12n) })
  fc.assert(
    fc.property(
      fc.constantFrom('v2' as const, 'v3' as const),
      fc.integer({ min: 1, max: 512 }),
      fc.array(range, { maxLength: 6 }),
      (version, vcpus, memory) => {
        const { distributor, second } = placeGic(version, vcpus, memory)
        const parts = [
          { start: distributor, size: version === 'v2' ? 0x1000n : 0x1_0000n },
          { start: second, size: version === 'v2' ? 0x2000n : 0x2_0000n * BigInt(vcpus) },
        ]
        const taken = [...memory, { start: 0x0900_0000n, size: 0x1000n }]
        expect(parts.some(part => taken.some(other => overlaps(part, other)))).toBe(false)
        expect(overlaps(parts[0]!, parts[1]!)).toBe(false)
        expect([distributor % 0x1_0000n, second % 0x1_0000n]).toEqual([0n, 0n])
      },
    ),
    { seed: 5, numRuns: 300 },
  )
})
