// IEEE 754 as Arm has it, over exact rational numbers in BigInt: written from the manual's pseudocode, sharing nothing with the code under test. Slow on purpose.

import { type Control, type FloatShape, integerRoot, type Outcome } from './values.ts'

const IOC = 1
const DZC = 2
const OFC = 4
const UFC = 8
const IXC = 16
const IDC = 128

/** numerator * 2^exponent / denominator, not negative. */
interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
  readonly exponent: number
}
interface Unpacked {
  readonly kind: 'zero' | 'finite' | 'infinity' | 'quiet' | 'signalling'
  readonly sign: boolean
  /** mantissa * 2^exponent */
  readonly mantissa: bigint
  readonly exponent: number
}

/** One calculation, with the flags that it raises. */
export class Reference {
  readonly #shape: FloatShape
  readonly #control: Control
  #flags = 0

  constructor(shape: FloatShape, control: Control) {
    this.#shape = shape
    this.#control = control
  }

  get #exponentOnes(): number {
    return 2 ** (this.#shape.bits - this.#shape.fraction - 1) - 1
  }
  get #bias(): number {
    return this.#exponentOnes >> 1
  }

  #unpack(bits: bigint): Unpacked {
    const { bits: width, fraction: places } = this.#shape
    const sign = bits >> BigInt(width - 1) === 1n
    const fraction = bits & ((1n << BigInt(places)) - 1n)
    const field = Number((bits >> BigInt(places)) & BigInt(this.#exponentOnes))
    const none = { sign, mantissa: 0n, exponent: 0 }
    if (field === this.#exponentOnes) {
      if (fraction === 0n) return { kind: 'infinity', ...none }
      return { kind: fraction >> BigInt(places - 1) === 1n ? 'quiet' : 'signalling', ...none }
    }
    if (field === 0) {
      if (fraction === 0n) return { kind: 'zero', ...none }
      if (this.#control.flush) {
        if (width !== 16) this.#flags |= IDC
        return { kind: 'zero', ...none }
      }
      return { kind: 'finite', sign, mantissa: fraction, exponent: 1 - this.#bias - places }
    }
    return { kind: 'finite', sign, mantissa: fraction | (1n << BigInt(places)), exponent: field - this.#bias - places }
  }

  #pack(sign: boolean, field: number, fraction: bigint): bigint {
    return (BigInt(sign) << BigInt(this.#shape.bits - 1)) | (BigInt(field) << BigInt(this.#shape.fraction)) | fraction
  }
  #zero(sign: boolean): bigint {
    return this.#pack(sign, 0, 0n)
  }
  #infinity(sign: boolean): bigint {
    return this.#pack(sign, this.#exponentOnes, 0n)
  }
  #invalid(): bigint {
    this.#flags |= IOC
    return this.#default()
  }
  #default(): bigint {
    return this.#pack(false, this.#exponentOnes, 1n << BigInt(this.#shape.fraction - 1))
  }

  /** FPProcessNaNs and FPProcessNaNs3. */
  #nan(operands: readonly bigint[], unpacked: readonly Unpacked[]): bigint | undefined {
    for (const kind of ['signalling', 'quiet'] as const) {
      const at = unpacked.findIndex(each => each.kind === kind)
      if (at < 0) continue
      if (kind === 'signalling') this.#flags |= IOC
      return this.#control.defaultNaN ? this.#default() : operands[at]! | (1n << BigInt(this.#shape.fraction - 1))
    }
    return undefined
  }

  /** FPRound of a number that is not zero. */
  #round(sign: boolean, { numerator, denominator, exponent }: Rational): bigint {
    const { fraction: places } = this.#shape
    const lowest = 1 - this.#bias
    // The exponent of the number: 2^e <= value < 2^(e + 1).
    let e = numerator.toString(2).length - denominator.toString(2).length + exponent
    const atLeast = (power: number): boolean => {
      const shift = exponent - power
      return shift >= 0 ? numerator << BigInt(shift) >= denominator : numerator >= denominator << BigInt(-shift)
    }
    while (!atLeast(e)) e--
    while (atLeast(e + 1)) e++
    if (this.#control.flush && e < lowest) {
      this.#flags |= UFC
      return this.#zero(sign)
    }
    const last = Math.max(e, lowest) - places // weight of the last place
    const shift = exponent - last
    const top = shift >= 0 ? numerator << BigInt(shift) : numerator
    const bottom = shift >= 0 ? denominator : denominator << BigInt(-shift)
    let integer = top / bottom
    const rest = top % bottom
    const inexact = rest !== 0n
    if (inexact && e < lowest) this.#flags |= UFC
    if (inexact) this.#flags |= IXC
    const { mode } = this.#control
    const twice = rest * 2n
    const up = mode === 0 ? twice > bottom || (twice === bottom && integer % 2n === 1n) : mode === 1 ? inexact && !sign : mode === 2 ? inexact && sign : false
    if (up) integer++
    const hidden = 1n << BigInt(places)
    let field = Math.max(e - lowest + 1, 0)
    if (integer === hidden && field === 0) field = 1
    if (integer === hidden * 2n) {
      integer = hidden
      field++
    }
    if (field >= this.#exponentOnes) {
      this.#flags |= OFC | IXC
      const toInfinity = mode === 0 || (mode === 1 && !sign) || (mode === 2 && sign)
      return toInfinity ? this.#infinity(sign) : this.#infinity(sign) - 1n
    }
    return this.#pack(sign, field, integer & (hidden - 1n))
  }

  #sum(terms: readonly { readonly sign: boolean; readonly mantissa: bigint; readonly exponent: number }[]): bigint {
    const least = Math.min(...terms.map(term => term.exponent))
    const total = terms.reduce((sum, { sign, mantissa, exponent }) => sum + (sign ? -mantissa : mantissa) * (1n << BigInt(exponent - least)), 0n)
    if (total === 0n) return this.#zero(this.#control.mode === 2)
    return this.#round(total < 0n, { numerator: total < 0n ? -total : total, denominator: 1n, exponent: least })
  }

  #outcome(bits: bigint): Outcome {
    return { bits, flags: this.#flags }
  }

  add(a: bigint, b: bigint, subtract = false): Outcome {
    const [x, second] = [this.#unpack(a), this.#unpack(b)]
    const nan = this.#nan([a, b], [x, second])
    if (nan !== undefined) return this.#outcome(nan)
    const y = subtract ? { ...second, sign: !second.sign } : second
    if (x.kind === 'infinity' && y.kind === 'infinity' && x.sign !== y.sign) return this.#outcome(this.#invalid())
    if (x.kind === 'infinity' || y.kind === 'infinity') return this.#outcome(this.#infinity(x.kind === 'infinity' ? x.sign : y.sign))
    if (x.kind === 'zero' && y.kind === 'zero' && x.sign === y.sign) return this.#outcome(this.#zero(x.sign))
    return this.#outcome(this.#sum([x, y].filter(each => each.kind === 'finite').length === 0 ? [{ sign: false, mantissa: 0n, exponent: 0 }] : [x, y]))
  }

  multiply(a: bigint, b: bigint): Outcome {
    const [x, y] = [this.#unpack(a), this.#unpack(b)]
    const nan = this.#nan([a, b], [x, y])
    if (nan !== undefined) return this.#outcome(nan)
    const sign = x.sign !== y.sign
    const kinds = [x.kind, y.kind]
    if (kinds.includes('infinity')) return this.#outcome(kinds.includes('zero') ? this.#invalid() : this.#infinity(sign))
    if (kinds.includes('zero')) return this.#outcome(this.#zero(sign))
    return this.#outcome(this.#round(sign, { numerator: x.mantissa * y.mantissa, denominator: 1n, exponent: x.exponent + y.exponent }))
  }

  divide(a: bigint, b: bigint): Outcome {
    const [x, y] = [this.#unpack(a), this.#unpack(b)]
    const nan = this.#nan([a, b], [x, y])
    if (nan !== undefined) return this.#outcome(nan)
    const sign = x.sign !== y.sign
    if (x.kind === y.kind && x.kind !== 'finite') return this.#outcome(this.#invalid())
    if (x.kind === 'infinity') return this.#outcome(this.#infinity(sign))
    if (y.kind === 'zero') {
      this.#flags |= DZC
      return this.#outcome(this.#infinity(sign))
    }
    if (x.kind === 'zero' || y.kind === 'infinity') return this.#outcome(this.#zero(sign))
    return this.#outcome(this.#round(sign, { numerator: x.mantissa, denominator: y.mantissa, exponent: x.exponent - y.exponent }))
  }

  /** The root to so many places that the rest, as one more, decides all rounding. */
  squareRoot(a: bigint): Outcome {
    const x = this.#unpack(a)
    const nan = this.#nan([a], [x])
    if (nan !== undefined) return this.#outcome(nan)
    if (x.kind === 'zero') return this.#outcome(this.#zero(x.sign))
    if (x.sign) return this.#outcome(this.#invalid())
    if (x.kind === 'infinity') return this.#outcome(this.#infinity(false))
    const odd = Math.abs(x.exponent % 2)
    const scaled = x.mantissa << BigInt(odd + 400)
    const root = integerRoot(scaled)
    const numerator = root * 2n + (root * root === scaled ? 0n : 1n)
    return this.#outcome(this.#round(false, { numerator, denominator: 1n, exponent: (x.exponent - odd - 400) / 2 - 1 }))
  }

  /** The value between two integers, rounded to one of them; `mode` 4 is ties away from zero. */
  #integer(sign: boolean, mantissa: bigint, exponent: number, mode: number): { readonly integer: bigint; readonly inexact: boolean } {
    if (exponent >= 0) return { integer: mantissa << BigInt(exponent), inexact: false }
    const unit = 1n << BigInt(-exponent)
    const [whole, rest] = [mantissa / unit, mantissa % unit]
    const twice = rest * 2n
    const up =
      mode === 0
        ? twice > unit || (twice === unit && whole % 2n === 1n)
        : mode === 1
          ? rest !== 0n && !sign
          : mode === 2
            ? rest !== 0n && sign
            : mode === 4 && twice >= unit
    return { integer: up ? whole + 1n : whole, inexact: rest !== 0n }
  }

  /** FPToFixed: an integer of `bits` bits, as they are written to a register. */
  toFixed(a: bigint, fractionBits: number, mode: number, bits: number, unsigned: boolean): Outcome {
    const x = this.#unpack(a)
    if (x.kind === 'quiet' || x.kind === 'signalling') {
      this.#flags |= IOC
      return this.#outcome(0n)
    }
    const largest = (1n << BigInt(unsigned ? bits : bits - 1)) - 1n
    const least = unsigned ? 0n : -largest - 1n
    const { integer, inexact } =
      x.kind === 'infinity' ? { integer: 1n << 200n, inexact: false } : this.#integer(x.sign, x.mantissa, x.exponent + fractionBits, mode)
    const value = x.sign ? -integer : integer
    const saturated = value > largest ? largest : value < least ? least : value
    if (saturated !== value) this.#flags |= IOC
    else if (inexact) this.#flags |= IXC
    return this.#outcome(BigInt.asUintN(bits, saturated))
  }

  /** FixedToFP of a 64-bit integer. */
  fromFixed(value: bigint, fractionBits: number, unsigned: boolean): Outcome {
    const integer = unsigned ? value : BigInt.asIntN(64, value)
    if (integer === 0n) return this.#outcome(this.#zero(false))
    const magnitude = integer < 0n ? -integer : integer
    return this.#outcome(this.#round(integer < 0n, { numerator: magnitude, denominator: 1n, exponent: -fractionBits }))
  }

  /** FPRoundInt. */
  roundToIntegral(a: bigint, mode: number, exact: boolean): Outcome {
    const x = this.#unpack(a)
    const nan = this.#nan([a], [x])
    if (nan !== undefined) return this.#outcome(nan)
    if (x.kind === 'infinity') return this.#outcome(this.#infinity(x.sign))
    const { integer, inexact } = this.#integer(x.sign, x.mantissa, x.exponent, mode)
    if (inexact && exact) this.#flags |= IXC
    if (integer === 0n) return this.#outcome(this.#zero(x.sign))
    return this.#outcome(this.#round(x.sign, { numerator: integer, denominator: 1n, exponent: 0 }))
  }

  /** FPConvert to another format; FZ16 does not reach it, which the callers see to. */
  convert(a: bigint, to: FloatShape, toFlush: boolean): Outcome {
    const x = this.#unpack(a)
    const target = new Reference(to, { ...this.#control, flush: toFlush })
    const bits = (() => {
      switch (x.kind) {
        case 'quiet':
        case 'signalling': {
          if (x.kind === 'signalling') this.#flags |= IOC
          if (this.#control.defaultNaN) return target.#default()
          const kept = a & ((1n << BigInt(this.#shape.fraction)) - 1n)
          const by = to.fraction - this.#shape.fraction
          const moved = by < 0 ? kept >> BigInt(-by) : kept << BigInt(by)
          return target.#pack(x.sign, target.#exponentOnes, moved | (1n << BigInt(to.fraction - 1)))
        }
        case 'infinity':
          return target.#infinity(x.sign)
        case 'zero':
          return target.#zero(x.sign)
        default:
          return target.#round(x.sign, { numerator: x.mantissa, denominator: 1n, exponent: x.exponent })
      }
    })()
    return { bits, flags: this.#flags | target.#flags }
  }

  fused(addend: bigint, a: bigint, b: bigint): Outcome {
    const [z, x, y] = [this.#unpack(addend), this.#unpack(a), this.#unpack(b)]
    const kinds = [x.kind, y.kind]
    const impossible = kinds.includes('infinity') && kinds.includes('zero')
    if (z.kind === 'quiet' && impossible) return this.#outcome(this.#invalid())
    const nan = this.#nan([addend, a, b], [z, x, y])
    if (nan !== undefined) return this.#outcome(nan)
    const sign = x.sign !== y.sign
    const infinite = kinds.includes('infinity')
    if (impossible || (infinite && z.kind === 'infinity' && z.sign !== sign)) return this.#outcome(this.#invalid())
    if (infinite) return this.#outcome(this.#infinity(sign))
    if (z.kind === 'infinity') return this.#outcome(this.#infinity(z.sign))
    if (kinds.includes('zero') && z.kind === 'zero' && z.sign === sign) return this.#outcome(this.#zero(sign))
    const product = { sign, mantissa: x.mantissa * y.mantissa, exponent: x.exponent + y.exponent }
    return this.#outcome(this.#sum([product, z]))
  }
}
