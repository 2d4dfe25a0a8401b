// The arithmetic of the floating-point instructions against exact arithmetic over BigInt: result and flags, every rounding mode, flushing, default NaN, for half, single and
// double precision; with Inexact set before and not, which chooses between the native path and the integer code.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { add, subtract } from '../../../../src/emulator/cpu/semantics/fp/add.ts'
import { divide, squareRoot } from '../../../../src/emulator/cpu/semantics/fp/divide.ts'
import { DOUBLE, FORMATS, type Format, HALF, SINGLE } from '../../../../src/emulator/cpu/semantics/fp/format.ts'
import { fusedMultiplyAdd } from '../../../../src/emulator/cpu/semantics/fp/fused.ts'
import { multiply } from '../../../../src/emulator/cpu/semantics/fp/multiply.ts'
import type { I64 } from '../../../../src/emulator/cpu/wasm/expression.ts'
import type { SharedFunction } from '../../../../src/emulator/cpu/wasm/shared-function.ts'
import { compileFunctions, controls, numbers, RUNS, withControl } from './functions.ts'
import { Reference } from './reference.ts'
import { type Control, type Outcome, SHAPES } from './values.ts'

const OPERATIONS: Readonly<Record<string, readonly [what: (format: Format) => SharedFunction<typeof I64>, operands: 1 | 2 | 3]>> = {
  add: [add, 2],
  subtract: [subtract, 2],
  multiply: [multiply, 2],
  divide: [divide, 2],
  'square root': [squareRoot, 1],
  'fused multiply-add': [fusedMultiplyAdd, 3],
}

const functions = compileFunctions(FORMATS.flatMap(format => Object.values(OPERATIONS).map(([what]) => what(format))))

function ours(operation: string, format: Format, control: Control, before: number, operands: readonly bigint[]): Outcome {
  return withControl(format, control, before, () => functions(OPERATIONS[operation]![0](format), operands))
}

function reference(operation: string, format: Format, control: Control, before: number, operands: readonly bigint[]): Outcome {
  const exact = new Reference(SHAPES[format.name], control)
  const [a = 0n, b = 0n, c = 0n] = operands
  const { bits, flags } = (() => {
    switch (operation) {
      case 'add':
        return exact.add(a, b)
      case 'subtract':
        return exact.add(a, b, true)
      case 'multiply':
        return exact.multiply(a, b)
      case 'divide':
        return exact.divide(a, b)
      case 'square root':
        return exact.squareRoot(a)
      default:
        return exact.fused(a, b, c)
    }
  })()
  return { bits, flags: flags | before }
}

const INEXACT = 16

/** Operands, of which the later ones may be the first one's opposite or neighbour, so that sums cancel. */
function operandsOf(format: Format, count: number): fc.Arbitrary<readonly bigint[]> {
  const one = numbers(format)
  const beside = (bits: bigint, step: bigint): bigint => BigInt.asUintN(format.bits, (bits ^ format.sign) + step)
  return fc
    .tuple(one, one, one, fc.integer({ min: -2, max: 2 }), fc.nat({ max: 3 }))
    .map(([a, b, c, step, how]) => (how === 0 ? [a, beside(a, BigInt(step)), c] : how === 1 ? [a, b, beside(b, BigInt(step))] : [a, b, c]).slice(0, count))
}

describe.each([HALF, SINGLE, DOUBLE])('$name', format => {
  test.each(Object.entries(OPERATIONS))(
    '%s is the exact result, rounded',
    (operation, [, count]) => {
      fc.assert(
        fc.property(operandsOf(format, count), controls, fc.constantFrom(0, INEXACT), (operands, control, before) => {
          expect(ours(operation, format, control, before, operands)).toEqual(reference(operation, format, control, before, operands))
        }),
        { seed: 1, numRuns: RUNS },
      )
    },
    120_000,
  )
})

test.each([0, 1, 2, 3] as const)('half precision, rounding mode %i: many numbers with a few others', mode => {
  const control: Control = { mode, flush: false, defaultNaN: false }
  const others = [0x0001n, 0x03ffn, 0x0400n, 0x1401n, 0x3bffn, 0x3c01n, 0xc555n, 0x7bffn]
  for (let a = 0n; a < 0x10000n; a += 13n) {
    const b = others[Number(a % 8n)]!
    for (const operation of ['add', 'multiply', 'divide', 'square root']) {
      const operands = operation === 'square root' ? [a] : [a, b]
      const [mine, exact] = [ours(operation, HALF, control, 0, operands), reference(operation, HALF, control, 0, operands)]
      if (mine.bits !== exact.bits || mine.flags !== exact.flags) expect({ operation, operands, ...mine }).toEqual({ operation, operands, ...exact })
    }
  }
})
