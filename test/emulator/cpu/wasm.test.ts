// The WebAssembly emitter: what it writes is valid, its numbers are LEB128, and folding a constant expression gives what running it gives.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generateInterpreter } from '../../../src/emulator/cpu/interpreter/generate.ts'
import { FIRST_OP } from '../../../src/emulator/cpu/interpreter/layout.ts'
import { allOperations } from '../../../src/emulator/cpu/semantics/instruction-set.ts'
import { ByteWriter } from '../../../src/emulator/cpu/wasm/byte-writer.ts'
import {
  constant64,
  constantOf,
  extendS,
  extendU,
  I64,
  type I64Expression,
  i32,
  i64,
  local,
  signExtend64,
  wrap,
} from '../../../src/emulator/cpu/wasm/expression.ts'
import { FunctionBuilder } from '../../../src/emulator/cpu/wasm/function-builder.ts'
import { ModuleBuilder } from '../../../src/emulator/cpu/wasm/module-builder.ts'

function readSigned(bytes: Uint8Array): bigint {
  let value = 0n
  let shift = 0n
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift
    shift += 7n
    if ((byte & 0x80) === 0) return BigInt.asIntN(Number(shift), value)
  }
  throw new Error('no last byte')
}

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, 63n, 64n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 1n << 63n, (1n << 64n) - 1n),
)

describe('LEB128', () => {
  test('signed 64-bit numbers come back', () => {
    const written = (value: bigint) => {
      const writer = new ByteWriter()
      writer.s64(BigInt.asIntN(64, value))
      return writer.written()
    }
    fc.assert(
      fc.property(u64, value => readSigned(written(value)) === BigInt.asIntN(64, value)),
      { seed: 1 },
    )
  })

  test('unsigned 32-bit numbers have the bytes of the specification', () => {
    const written = (value: number) => {
      const writer = new ByteWriter()
      writer.u32(value)
      return [...writer.written()]
    }
    expect(written(0)).toEqual([0])
    expect(written(127)).toEqual([0x7f])
    expect(written(624485)).toEqual([0xe5, 0x8e, 0x26])
    expect(written(0xffff_ffff)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f])
  })
})

/** An expression over two operands, as a function of how the operands are made. */
type Shape = (a: I64Expression, b: I64Expression) => I64Expression
const BINARY = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shrS', 'shrU', 'rotr'] as const
const shape: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>(tie => ({
  shape: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Shape>(
      a => a,
      (_, b) => b,
    ),
    u64.map(
      (value): Shape =>
        () =>
          constant64(value),
    ),
    fc.tuple(fc.constantFrom(...BINARY), tie('shape'), tie('shape')).map(
      ([op, left, right]): Shape =>
        (a, b) =>
          i64[op](left(a, b), right(a, b)),
    ),
    fc.tuple(fc.constantFrom(...BINARY), tie('shape'), tie('shape')).map(
      ([op, left, right]): Shape =>
        (a, b) =>
          extendU(i32[op](wrap(left(a, b)), wrap(right(a, b)))),
    ),
    tie('shape').map(
      (inner): Shape =>
        (a, b) =>
          extendS(wrap(inner(a, b))),
    ),
    tie('shape').map(
      (inner): Shape =>
        (a, b) =>
          signExtend64(1, inner(a, b)),
    ),
    fc.tuple(tie('shape'), tie('shape')).map(
      ([left, right]): Shape =>
        (a, b) =>
          i64.select(i64.eqz(left(a, b)), right(a, b), i64.not(left(a, b))),
    ),
  ),
})).shape

function evaluator(expression: I64Expression): (a: bigint, b: bigint) => bigint {
  const module = new ModuleBuilder()
  const index = module.declare([I64, I64], [I64], 'f')
  const f = new FunctionBuilder([I64, I64], [I64])
  f.expression(expression)
  module.define(index, f)
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()))
  return instance.exports.f as (a: bigint, b: bigint) => bigint
}

describe('expressions', () => {
  test('folding constants gives what running the operations gives', () => {
    fc.assert(
      fc.property(shape, u64, u64, (made, a, b) => {
        const dynamic = evaluator(made(local(I64, 0), local(I64, 1)))(a, b)
        const folded = made(constant64(a), constant64(b))
        expect(constantOf(folded) ?? evaluator(folded)(0n, 0n)).toBe(dynamic)
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})

describe('modules', () => {
  test('the generated interpreter is valid WebAssembly, and stays below the size at which V8 stops optimising it in time', () => {
    const ops = allOperations()
    expect(WebAssembly.validate(generateInterpreter(ops, FIRST_OP + ops.length))).toBe(true)
    expect(ops.filter(op => op.hot).length).toBeLessThan(1500)
  })

  test('a function with an open block, and one that was never defined, are refused', () => {
    const open = new FunctionBuilder([], [])
    open.block()
    expect(() => open.body()).toThrow('1 blocks are still open')
    const module = new ModuleBuilder()
    module.declare([], [])
    expect(() => module.bytes()).toThrow('no body')
  })
})
