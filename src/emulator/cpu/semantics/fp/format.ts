// Owns the three floating-point formats as numbers and masks, and the bits of FPCR and FPSR. Knows no operation.

export interface Format {
  readonly name: 'H' | 'S' | 'D'
  readonly bytes: 2 | 4 | 8
  readonly bits: 16 | 32 | 64
  /** Bits of the fraction, without the hidden one. */
  readonly fraction: number
  readonly bias: number
  readonly sign: bigint
  /** Also the mask of the exponent field. */
  readonly infinity: bigint
  readonly fractionMask: bigint
  /** The bit of the fraction that a quiet NaN has. */
  readonly quiet: bigint
  readonly defaultNaN: bigint
  /** The bit of FPCR that flushes this format's denormal numbers to zero. */
  readonly flush: number
}

/** RMode is two bits from `modeShift` on, with the numbers of ROUNDING. */
export const FPCR = { fz16: 1 << 19, modeShift: 22, mode: 3 << 22, fz: 1 << 24, dn: 1 << 25, ahp: 1 << 26 } as const
export const FPSR = { invalid: 1, divideByZero: 2, overflow: 4, underflow: 8, inexact: 16, inputDenormal: 128 } as const

/** The first four are FPCR.RMode; the others belong to instructions. */
export const ROUNDING = { nearest: 0, up: 1, down: 2, zero: 3, away: 4, odd: 5 } as const

function format(name: Format['name'], bytes: Format['bytes'], fraction: number): Format {
  const bits = (bytes * 8) as Format['bits']
  const exponentBits = bits - fraction - 1
  const infinity = ((1n << BigInt(exponentBits)) - 1n) << BigInt(fraction)
  const quiet = 1n << BigInt(fraction - 1)
  return {
    name,
    bytes,
    bits,
    fraction,
    bias: 2 ** (exponentBits - 1) - 1,
    sign: 1n << BigInt(bits - 1),
    infinity,
    fractionMask: (1n << BigInt(fraction)) - 1n,
    quiet,
    defaultNaN: infinity | quiet,
    flush: bytes === 2 ? FPCR.fz16 : FPCR.fz,
  }
}

export const HALF = format('H', 2, 10)
export const SINGLE = format('S', 4, 23)
export const DOUBLE = format('D', 8, 52)
export const FORMATS: readonly Format[] = [HALF, SINGLE, DOUBLE]
