// Owns what a fuzzer does to bytes whatever their format: flips, cuts, splices, and lengths that grow. fast-check makes and shrinks the lists of them.
import fc from 'fast-check'

export type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'remove'; readonly at: number; readonly length: number }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: 'grow'; readonly at: number; readonly width: 1 | 2 | 4 | 8; readonly little: boolean; readonly value: bigint }
  | { readonly kind: 'text'; readonly at: number; readonly over: number; readonly text: string }

/** Lengths and counts that mean trouble. */
const LENGTHS = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0xffffn,
  0x10000n,
  1n << 20n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  1n << 32n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
]
const TEXTS = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  '[[[[[[[[',
  ',',
  '0',
  '-1',
  '1e308',
  '9007199254740993',
  '18446744073709551616',
  '0x',
  'b',
  'null',
  '\0',
  '\ud83d\ude00',
  '\\ud800',
]

const place = fc.nat({ max: 0x7fff_ffff })
export const anyMutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat({ max: 7 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('set' as const), at: place, byte: fc.nat({ max: 255 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), at: place, length: fc.integer({ min: 1, max: 64 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('splice' as const), at: place, from: place, length: fc.integer({ min: 1, max: 128 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('grow' as const),
      at: place,
      width: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
      little: fc.boolean(),
      value: fc.constantFrom(...LENGTHS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('text' as const), at: place, over: fc.nat({ max: 8 }), text: fc.constantFrom(...TEXTS) }) },
)

/** The bytes with one change; places count modulo their length. Never the same array. */
export function mutate(bytes: Uint8Array, mutation: Mutation): Uint8Array {
  const at = bytes.length === 0 ? 0 : mutation.at % bytes.length
  const spliced = (removed: number, added: Uint8Array): Uint8Array =>
    new Uint8Array(Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed))]))
  switch (mutation.kind) {
    case 'flip':
      return spliced(1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << mutation.bit)))
    case 'set':
      return spliced(1, Uint8Array.of(mutation.byte))
    case 'cut':
      return bytes.slice(0, at)
    case 'remove':
      return spliced(mutation.length, new Uint8Array())
    case 'splice':
      return spliced(0, bytes.subarray(bytes.length === 0 ? 0 : mutation.from % bytes.length).subarray(0, mutation.length))
    case 'grow': {
      const number = Uint8Array.from({ length: mutation.width }, (_, i) => Number((mutation.value >> BigInt(8 * i)) & 0xffn))
      return spliced(mutation.width, mutation.little ? number : number.reverse())
    }
    case 'text':
      return spliced(mutation.over, new TextEncoder().encode(mutation.text))
    default:
      return mutation satisfies never
  }
}
