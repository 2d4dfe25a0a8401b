// Conversions of the floating-point instructions against exact arithmetic over BigInt: to and from integers and fixed point, to integral values, between formats.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { convert, fromFixed, roundToIntegral, toFixed } from '../../../../src/emulator/cpu/semantics/fp/convert.ts'
import { DOUBLE, FORMATS, type Format, HALF, SINGLE } from '../../../../src/emulator/cpu/semantics/fp/format.ts'
import { compileFunctions, controls, numbers, RUNS, withControl } from './functions.ts'
import { Reference } from './reference.ts'
import { SHAPES } from './values.ts'

const WIDTHS = [16, 32, 64] as const
const functions = compileFunctions(
  FORMATS.flatMap(format => [
    roundToIntegral(format),
    ...[false, true].flatMap(unsigned => [fromFixed(format, unsigned), ...WIDTHS.map(bits => toFixed(format, bits, unsigned))]),
    ...FORMATS.filter(to => to !== format).map(to => convert(format, to)),
  ]),
)
/** FPCR.RMode and ties away from zero, which instructions ask for. */
const modes = fc.integer({ min: 0, max: 4 })
const assert = <T>(property: fc.IProperty<T>): void => fc.assert(property, { seed: 1, numRuns: RUNS })

/** Numbers of a format, often beside an integer, a half, or the end of an integer type. */
function beside(format: Format): fc.Arbitrary<bigint> {
  const exponents = fc.constantFrom(-2, -1, 0, 1, 2, 7, 14, 15, 16, 30, 31, 32, 52, 62, 63, 64).filter(exponent => exponent <= format.bias)
  const near = fc
    .tuple(fc.boolean(), exponents, fc.constantFrom(0n, 1n, -1n, format.quiet, format.quiet + 1n, format.quiet - 1n))
    .map(([sign, exponent, step]) => {
      const bits = (BigInt(format.bias + exponent) << BigInt(format.fraction)) + step
      return (sign ? format.sign : 0n) | bits
    })
  return fc.oneof(near, numbers(format))
}

describe.each([HALF, SINGLE, DOUBLE])('$name', format => {
  const shape = SHAPES[format.name]

  test.each(WIDTHS.flatMap(bits => [false, true].map(unsigned => [bits, unsigned] as const)))('to fixed point of %i bits, unsigned %s', (bits, unsigned) => {
    assert(
      fc.property(beside(format), fc.oneof(fc.constant(0), fc.integer({ min: 1, max: bits })), modes, controls, (a, fractionBits, mode, control) => {
        const ours = withControl(format, control, 0, () => functions(toFixed(format, bits, unsigned), [a, fractionBits, mode]))
        expect(ours).toEqual(new Reference(shape, control).toFixed(a, fractionBits, mode, bits, unsigned))
      }),
    )
  })

  test.each([false, true])('from fixed point, unsigned %s', unsigned => {
    const integers = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -3, max: 3 })).map(([bit, step]) => BigInt.asUintN(64, (1n << BigInt(bit)) + BigInt(step))),
    )
    assert(
      fc.property(integers, fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 64 })), controls, (value, fractionBits, control) => {
        const ours = withControl(format, control, 0, () => functions(fromFixed(format, unsigned), [value, fractionBits]))
        expect(ours).toEqual(new Reference(shape, control).fromFixed(value, fractionBits, unsigned))
      }),
    )
  })

  test.each([false, true])('to integral values, exact %s', exact => {
    assert(
      fc.property(beside(format), modes, controls, (a, mode, control) => {
        const ours = withControl(format, control, 0, () => functions(roundToIntegral(format), [a, mode, exact ? 1 : 0]))
        expect(ours).toEqual(new Reference(shape, control).roundToIntegral(a, mode, exact))
      }),
    )
  })

  test.each(FORMATS.filter(to => to !== format))('to $name', to => {
    assert(
      fc.property(numbers(format), controls, (a, control) => {
        // FZ16 means nothing here, and FZ nothing for half precision.
        const ours = withControl(SINGLE, control, 0, () => functions(convert(format, to), [a, control.mode]))
        const reference = new Reference(shape, { ...control, flush: control.flush && format !== HALF })
        expect(ours).toEqual(reference.convert(a, SHAPES[to.name], control.flush && to !== HALF))
      }),
    )
  })
})
