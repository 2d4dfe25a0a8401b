// Owns the bitmaps of CPU templates and fingerprints: 0, 1 and x (left alone) per bit. Source: facts/vmm-formats.md §1.11; underscores may stand
// between digits and the 0b may be missing, as Firecracker's own reader has it.

/** What is set: bits of `filter` become those of `value`; `value` has no others. */
export interface Bitmap {
  readonly filter: bigint
  readonly value: bigint
}

const MOST_BITS = 128

/** The bitmap, or what is wrong with it. `bits`: of the register; digits beyond them may only be 0 or x. */
export function parseBitmap(text: string, bits: number): Bitmap | { readonly wrong: string } {
  const digits = text.replace(/^0b/, '').replaceAll('_', '')
  if (!/^[01x]*$/.test(digits)) return { wrong: 'is no bitmap: it has other digits than 0, 1 and x' }
  if (digits.length > MOST_BITS) return { wrong: `has ${digits.length} digits, more than ${MOST_BITS}` }
  const value = BigInt(`0b0${digits.replaceAll('x', '0')}`)
  if (value >> BigInt(bits) !== 0n) return { wrong: `sets bits beyond the ${bits} of the register` }
  const filter = BigInt(`0b0${digits.replaceAll('0', '1').replaceAll('x', '0')}`)
  return { filter: BigInt.asUintN(bits, filter), value }
}
