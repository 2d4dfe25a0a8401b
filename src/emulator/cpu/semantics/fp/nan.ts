// Owns what NaNs become: FPProcessNaN, FPProcessNaNs and FPProcessNaNs3 of the manual. Knows no arithmetic.
import { I64, type I64Expression, i64, local } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction, UseFunction } from '../../wasm/shared-function.ts'
import { type Format, FPCR, FPSR } from './format.ts'
import { both, c64, either, fpcrHas, isNan, raise, when } from './parts.ts'

export const isSignalling = (format: Format, a: I64Expression) => both(isNan(format, a), i64.eqz(i64.and(a, c64(format.quiet))))

/** The result for one NaN operand: quiet, or the default NaN; a signalling one is an invalid operation. */
const oneNaN = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.nan.${format.name}`,
  params: [I64],
  result: I64,
  build(f) {
    const a = local(I64, 0)
    when(f, i64.eqz(i64.and(a, c64(format.quiet))), () => raise(f, FPSR.invalid))
    f.expression(i64.select(fpcrHas(FPCR.dn), c64(format.defaultNaN), i64.or(a, c64(format.quiet))))
  },
})

/** Of several operands, at least one of which is a NaN: the first signalling one, else the first quiet one. */
const severalNaNs = (format: Format, count: 2 | 3): SharedFunction<typeof I64> => ({
  name: `fp.nan${count}.${format.name}`,
  params: new Array<typeof I64>(count).fill(I64),
  result: I64,
  build(f, use) {
    const operands = Array.from({ length: count }, (_, i) => local(I64, i))
    for (const kind of [isSignalling, isNan]) {
      for (const operand of operands) when(f, kind(format, operand), () => f.return(use(oneNaN(format), [operand])))
    }
    f.unreachable()
  },
})

/** Returns from the function when an operand is a NaN. */
export function returnNaN(f: FunctionBuilder, use: UseFunction, format: Format, ...operands: readonly I64Expression[]): void {
  const any = operands.map(operand => isNan(format, operand)).reduce(either)
  when(f, any, () => f.return(operands.length === 1 ? use(oneNaN(format), operands) : use(severalNaNs(format, operands.length as 2 | 3), operands)))
}

/** Returns the default NaN with an invalid operation. */
export function returnInvalid(f: FunctionBuilder, format: Format): void {
  raise(f, FPSR.invalid)
  f.return(c64(format.defaultNaN))
}
