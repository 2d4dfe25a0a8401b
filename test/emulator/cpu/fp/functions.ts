// Softfloat functions outside an engine: compiled over a memory of their own, called with FPCR as wished; and the operands that are tried on them.
import fc from 'fast-check'
import { AT } from '../../../../src/emulator/cpu/interpreter/layout.ts'
import { type Format, FPCR } from '../../../../src/emulator/cpu/semantics/fp/format.ts'
import { I64, local } from '../../../../src/emulator/cpu/wasm/expression.ts'
import { FunctionBuilder } from '../../../../src/emulator/cpu/wasm/function-builder.ts'
import { ModuleBuilder } from '../../../../src/emulator/cpu/wasm/module-builder.ts'
import { type SharedFunction, SharedFunctions } from '../../../../src/emulator/cpu/wasm/shared-function.ts'
import type { Control, Outcome } from './values.ts'

export const RUNS = process.env.PSCI_SNAP_MANY_PROGRAMS === '1' ? 50_000 : 2000

const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
const view = new DataView(memory.buffer)

type Functions = (what: SharedFunction<typeof I64>, args: readonly (bigint | number)[]) => bigint

/** Calls these functions by their description; the result as an unsigned number. */
export function compileFunctions(all: readonly SharedFunction<typeof I64>[]): Functions {
  const module = new ModuleBuilder()
  module.importMemory('test', 'memory', 65536)
  const { use } = new SharedFunctions(module)
  for (const what of all) {
    const index = module.declare(what.params, [I64], what.name)
    const f = new FunctionBuilder(what.params, [I64])
    const args = what.params.map((type, i) => local(type, i))
    f.expression(use(what, args))
    module.define(index, f)
  }
  const compiled = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), { test: { memory } }).exports as Record<
    string,
    (...args: readonly (bigint | number)[]) => bigint
  >
  return ({ name }, args) => BigInt.asUintN(64, compiled[name]!(...args))
}

/** Calculates with FPCR and FPSR like this; `flush` is the bit of this format. */
export function withControl(format: Format, control: Control, fpsr: number, calculate: () => bigint): Outcome {
  view.setUint32(AT.fpcr, (control.mode << FPCR.modeShift) | (control.flush ? format.flush : 0) | (control.defaultNaN ? FPCR.dn : 0), true)
  view.setUint32(AT.fpsr, fpsr, true)
  const bits = calculate()
  return { bits, flags: view.getUint32(AT.fpsr, true) }
}

/** Numbers of a format: all kinds, exponents at both ends and around 1, fractions with few and with all bits. */
export function numbers(format: Format): fc.Arbitrary<bigint> {
  const ones = Number(format.infinity >> BigInt(format.fraction))
  const all = format.fractionMask
  const fraction = fc.oneof(
    fc.constantFrom(0n, 1n, 2n, all, all - 1n, format.quiet, format.quiet - 1n, format.quiet + 1n),
    fc.bigInt({ min: 0n, max: all }),
    fc.nat({ max: format.fraction - 1 }).map(bit => 1n << BigInt(bit)),
    fc.nat({ max: format.fraction - 1 }).map(bit => (all << BigInt(bit)) & all),
  )
  const exponent = fc.oneof(
    fc.constantFrom(0, 0, 1, 2, ones, ones - 1, ones - 2),
    fc.integer({ min: format.bias - 4, max: format.bias + 4 }),
    fc.integer({ min: Math.max(0, format.bias - format.fraction - 2), max: Math.min(ones, format.bias + format.fraction + 2) }),
    fc.integer({ min: Math.max(0, format.bias - 150), max: Math.min(ones, format.bias + 130) }),
    fc.integer({ min: 0, max: ones }),
  )
  return fc.tuple(fc.boolean(), exponent, fraction).map(([sign, field, bits]) => (sign ? format.sign : 0n) | (BigInt(field) << BigInt(format.fraction)) | bits)
}

export const controls: fc.Arbitrary<Control> = fc.record({
  mode: fc.constantFrom<Control['mode'][]>(0, 0, 1, 2, 3),
  flush: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  defaultNaN: fc.boolean(),
})
