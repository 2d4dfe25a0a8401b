// Owns MRS and MSR of FPCR and FPSR. Arm ARM C5.2.8, C5.2.10. What no feature here gives a meaning reads as zero.
import { AT } from '../../interpreter/layout.ts'
import { constant32, extendU, I32, i32, local, wrap } from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import type { Define } from '../op.ts'
import { FPCR, FPSR } from './format.ts'

export const FPCR_BITS = FPCR.ahp | FPCR.dn | FPCR.fz | FPCR.mode
const QC = 1 << 27
const NZCV = 0xf << 28 // of AArch32 comparisons
export const FPSR_BITS = NZCV | QC | FPSR.inputDenormal | FPSR.inexact | FPSR.underflow | FPSR.overflow | FPSR.divideByZero | FPSR.invalid

/** Functions, since Emit reads these registers and only adds to them. The result is the value. */
const write = (name: string, at: number): SharedFunction<typeof I32> => ({
  name: `fp.write.${name}`,
  params: [I32],
  result: I32,
  build(f) {
    f.store32(constant32(0), local(I32, 0), at)
    f.expression(local(I32, 0))
  },
})

export function defineFpControl(define: Define): void {
  define('MRS_FPCR', e => {
    e.requireFp()
    e.setX('d', extendU(e.fpcr()))
  })
  define('MRS_FPSR', e => {
    e.requireFp()
    e.setX('d', extendU(e.fpsr()))
  })
  define('MSR_FPCR', e => {
    e.requireFp()
    const value = e.keep(wrap(e.x('n')))
    e.when(i32.and(value, constant32(FPCR.fz16)), () => e.trap()) // the runtime knows whether there is half precision
    e.keep(e.call(write('FPCR', AT.fpcr), [i32.and(value, constant32(FPCR_BITS))]))
  })
  define('MSR_FPSR', e => {
    e.requireFp()
    e.keep(e.call(write('FPSR', AT.fpsr), [i32.and(wrap(e.x('n')), constant32(FPSR_BITS))]))
  })
}
