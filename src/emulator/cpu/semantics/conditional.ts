// Owns conditional selects and compares. Arm ARM C6.2 CSEL, CSINC, CSINV, CSNEG, CCMN, CCMP.
import { constant32, type Expression, extendU, type I32, type I64, i32, i64 } from '../wasm/expression.ts'
import { FLAGS } from './emit.ts'
import { type Define, type Lower, source, target } from './op.ts'
import { bothWidths, type Width } from './width.ts'

/** Conditions 14 and 15 both mean "always" here. */
export const CONDITIONS = 14

export function defineConditional(define: Define): void {
  bothWidths(w => {
    for (let code = 0; code < CONDITIONS; code++) {
      for (const kind of SELECTS) {
        define(`${kind}_${w.suffix}_${code}`, e => w.write(e, w.int.select(e.condition(code), w.read(e, 'n'), otherwise(w, kind, w.read(e, 'm')))), {
          hot: true,
        })
      }
      for (const kind of ['CCMN', 'CCMP'] as const) {
        for (const immediate of [false, true]) {
          const sub = kind === 'CCMP'
          const flags = w.bits === 64 ? (sub ? FLAGS.sub64 : FLAGS.add64) : sub ? FLAGS.sub32 : FLAGS.add32
          define(
            `${kind}_${w.suffix}_${immediate ? 'imm' : 'reg'}_${code}`,
            e => {
              const a = e.keep(w.signed(w.read(e, 'n')))
              const b = e.keep(immediate ? e.imm() : w.signed(w.read(e, 'm')))
              const holds = e.keep(e.condition(code))
              const kindOrRaw = i32.select(holds, constant32(flags), constant32(FLAGS.raw))
              e.setFlags(kindOrRaw, i64.select(holds, a, extendU(e.aux())), b)
            },
            { hot: sub },
          )
        }
      }
    }
  })
}

const SELECTS = ['CSEL', 'CSINC', 'CSINV', 'CSNEG'] as const

function otherwise<T extends typeof I32 | typeof I64>(w: Width<T>, kind: (typeof SELECTS)[number], m: Expression<T>): Expression<T> {
  switch (kind) {
    case 'CSEL':
      return m
    case 'CSINC':
      return w.int.add(m, w.int.const(1))
    case 'CSINV':
      return w.int.not(m)
    case 'CSNEG':
      return w.int.sub(w.int.const(0), m)
  }
}

export const lowerConditionalSelect: Lower = (f, encoding) => {
  const s = f.s === 1 ? 'X' : 'W'
  if (f.c >= CONDITIONS) return { op: `MOV_${s}`, d: target(f.d), m: source(f.n) }
  return { op: `${encoding.name}_${s}_${f.c}`, d: target(f.d), n: source(f.n), m: source(f.m) }
}

export const lowerConditionalCompare: Lower = (f, encoding) => {
  const [kind, form] = encoding.name.split('_') as [string, 'reg' | 'imm']
  const s = f.s === 1 ? 'X' : 'W'
  const operand = form === 'reg' ? { m: source(f.m) } : { imm: BigInt(f.i) }
  if (f.c >= CONDITIONS) return { op: `${kind === 'CCMP' ? 'SUBS' : 'ADDS'}_${s}_${form}_discard`, n: source(f.n), ...operand }
  return { op: `${kind}_${s}_${form}_${f.c}`, n: source(f.n), aux: f.z, ...operand }
}
