// What the reference and the code under test have in common: formats, control bits, a result with its flags; and the integer square root.
export interface FloatShape {
  readonly bits: number
  readonly fraction: number
}
export const SHAPES = { H: { bits: 16, fraction: 10 }, S: { bits: 32, fraction: 23 }, D: { bits: 64, fraction: 52 } } as const
export interface Control {
  /** FPCR.RMode. */
  readonly mode: 0 | 1 | 2 | 3
  /** FPCR.FZ or FZ16, whichever is for the format. */
  readonly flush: boolean
  readonly defaultNaN: boolean
}
export interface Outcome {
  readonly bits: bigint
  /** Cumulative bits of FPSR. */
  readonly flags: number
}
/** The largest integer whose square is at most n. */
export function integerRoot(n: bigint): bigint {
  let high = 1n << BigInt(Math.ceil(n.toString(2).length / 2) + 1)
  let low = 0n
  while (high - low > 1n) {
    const middle = (low + high) >> 1n
    if (middle * middle <= n) low = middle
    else high = middle
  }
  return low
}
