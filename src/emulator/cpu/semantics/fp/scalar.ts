// Owns the scalar floating-point instructions: arithmetic, comparisons, conversions, moves. Arm ARM C7.2.
import { constant32, constant64, extendU, i64, signExtend64 } from '../../wasm/expression.ts'
import { CONDITIONS } from '../conditional.ts'
import { type Emit, FLAGS } from '../emit.ts'
import { type Define, type Lower, source, target } from '../op.ts'
import { compare } from './compare.ts'
import { convert, fromFixed, toFixed } from './convert.ts'
import { DOUBLE, FORMATS, type Format, HALF, ROUNDING, SINGLE } from './format.ts'
import { CONVERSION_MODES, currentMode, LANES } from './lanes.ts'

/** The element 0 of a register. */
const low = (e: Emit, format: Format, operand: 'd' | 'n' | 'm' | 'a') => e.element(operand, format.bytes, 0)

const MNEMONICS = [
  ...['FMOV', 'FABS', 'FNEG', 'FSQRT', 'FRINTN', 'FRINTP', 'FRINTM', 'FRINTZ', 'FRINTA', 'FRINTX', 'FRINTI'],
  ...['FMUL', 'FDIV', 'FADD', 'FSUB', 'FMAX', 'FMIN', 'FMAXNM', 'FMINNM', 'FNMUL', 'FMADD', 'FMSUB', 'FNMADD', 'FNMSUB'],
]
export const formatOf = (name: string, x: number): Format => (name.endsWith('_H') ? HALF : x === 1 ? DOUBLE : SINGLE)
const mnemonic = (name: string): string => name.slice(0, name.indexOf('_'))

/** One element of a mnemonic of LANES, everything above it cleared: FADD_D. */
export function defineElement(define: Define, name: string, format: Format): void {
  define(`${name}_${format.name}`, e => {
    e.requireFp()
    const operands = { n: low(e, format, 'n'), m: low(e, format, 'm'), a: low(e, format, 'a'), d: low(e, format, 'd') }
    e.setScalar('d', e.keep(LANES[name]!(e, format, operands)))
  })
}

export function defineScalar(define: Define, formats: readonly Format[]): void {
  for (const format of formats) {
    for (const name of MNEMONICS) defineElement(define, name, format)
    defineCompare(define, format)
    defineIntegers(define, format)
  }
}

/** `small` is 1 where quiet NaNs are invalid; a conditional comparison has the flags of which it holds as a mask in imm, and the others in aux. */
function defineCompare(define: Define, format: Format): void {
  const compared = (e: Emit, zero: boolean) => e.call(compare(format), [low(e, format, 'n'), zero ? constant64(0n) : low(e, format, 'm'), e.small()])
  const setRaw = (e: Emit, flags: ReturnType<typeof compared>): void => e.setFlags(constant32(FLAGS.raw), extendU(flags), constant64(0n))
  for (const zero of [false, true]) {
    define(`FCMP${zero ? '_zero' : ''}_${format.name}`, e => {
      e.requireFp()
      setRaw(e, e.keep(compared(e, zero)))
    })
  }
  define(`FCCMP_${format.name}`, e => {
    e.requireFp()
    const holds = i64.and(i64.shrU(e.imm(), extendU(e.nzcv())), constant64(1n))
    e.when(
      i64.eqz(e.keep(holds)),
      () => setRaw(e, e.aux()),
      () => setRaw(e, e.keep(compared(e, false))),
    )
  })
}

/** aux: fraction bits; small: rounding mode. */
function defineIntegers(define: Define, format: Format): void {
  for (const bits of [32, 64] as const) {
    const suffix = `${bits === 64 ? 'X' : 'W'}_${format.name}`
    for (const unsigned of [false, true]) {
      const letter = unsigned ? 'U' : 'S'
      define(`FCVT${letter}_${suffix}`, e => {
        e.requireFp()
        e.setX('d', e.keep(e.call(toFixed(format, bits, unsigned), [low(e, format, 'n'), e.aux(), e.small()])))
      })
      define(`${letter}CVTF_${suffix}`, e => {
        e.requireFp()
        const x = e.x('n')
        const value = bits === 64 ? x : unsigned ? i64.and(x, constant64(0xffff_ffffn)) : signExtend64(4, x)
        e.setScalar('d', e.keep(e.call(fromFixed(format, unsigned), [value, e.aux()])))
      })
    }
  }
}

const CONVERSIONS: Readonly<Record<string, readonly [from: Format, to: Format]>> = {
  FCVT_SD: [SINGLE, DOUBLE],
  FCVT_SH: [SINGLE, HALF],
  FCVT_DS: [DOUBLE, SINGLE],
  FCVT_DH: [DOUBLE, HALF],
  FCVT_HS: [HALF, SINGLE],
  FCVT_HD: [HALF, DOUBLE],
}

/** What does not depend on a format, or on two. */
export function defineMoves(define: Define): void {
  for (const [name, [from, to]] of Object.entries(CONVERSIONS))
    define(name, e => {
      e.requireFp()
      e.setScalar('d', e.keep(e.call(convert(from, to), [low(e, from, 'n'), currentMode(e)])))
    })
  define('FMOV_constant', e => {
    e.requireFp()
    e.setScalar('d', e.imm())
  })
  // imm is the mask of the format
  for (let code = 0; code < CONDITIONS; code++)
    define(`FCSEL_${code}`, e => {
      e.requireFp()
      const holds = e.keep(e.condition(code))
      e.setScalar('d', e.keep(i64.and(i64.select(holds, low(e, DOUBLE, 'n'), low(e, DOUBLE, 'm')), e.imm())))
    })
  for (const format of FORMATS) {
    define(`FMOV_toX_${format.name}`, e => {
      e.requireFp()
      e.setX('d', low(e, format, 'n'))
    })
  }
  define('FMOV_fromX', e => {
    e.requireFp()
    e.setScalar('d', i64.and(e.x('n'), e.imm()))
  })
  define('FMOV_toX_top', e => {
    e.requireFp()
    e.setX('d', e.element('n', 8, 1))
  })
  define('FMOV_fromX_top', e => {
    e.requireFp()
    e.setElement('d', 8, 1, e.x('n'))
  })
}

export const lowerScalar: Lower = (f, { name }) => ({ op: `${mnemonic(name)}_${formatOf(name, f.x).name}`, d: f.d, n: f.n, m: f.m, a: f.a })

/** Bit i is set when the condition holds with N Z C V = i. Code 15 is always too. */
function holdsWith(code: number): bigint {
  let mask = 0n
  for (let flags = 0; flags < 16; flags++) {
    const [v, c, z, n] = [flags & 1, (flags >> 1) & 1, (flags >> 2) & 1, flags >> 3]
    const positive = [z === 1, c === 1, n === 1, v === 1, c === 1 && z === 0, n === v, n === v && z === 0, true][code >> 1]!
    if (code >= 14 || positive === ((code & 1) === 0)) mask |= 1n << BigInt(flags)
  }
  return mask
}

export const lowerCompare: Lower = (f, { name }) => {
  const format = formatOf(name, f.x).name
  const operands = { n: f.n, m: f.m, a: name.includes('PE') ? 1 : 0 }
  if (name.startsWith('FCC')) return { op: `FCCMP_${format}`, ...operands, aux: f.z, imm: holdsWith(f.c) }
  return { op: `FCMP${name.includes('zero') ? '_zero' : ''}_${format}`, ...operands }
}

const maskOf = (format: Format): bigint => (1n << BigInt(format.bits)) - 1n

export const lowerSelect: Lower = (f, { name }) => {
  const format = formatOf(name, f.x)
  if (f.c >= CONDITIONS) return { op: `FMOV_${format.name}`, d: f.d, n: f.n }
  return { op: `FCSEL_${f.c}`, d: f.d, n: f.n, m: f.m, imm: maskOf(format) }
}

/** VFPExpandImm of the manual: sign, an exponent of -3 to 4, four bits of fraction. */
export function expandedImmediate(imm8: number, format: Format): bigint {
  const [sign, fraction] = [BigInt(imm8 >> 7), BigInt(imm8 & 15)]
  const exponent = imm8 & 0x40 ? ((imm8 >> 4) & 3) - 3 : ((imm8 >> 4) & 3) + 1
  const width = BigInt(format.fraction)
  return (sign << BigInt(format.bits - 1)) | (BigInt(format.bias + exponent) << width) | (fraction << (width - 4n))
}

export const lowerImmediate: Lower = (f, { name }) => ({ op: 'FMOV_constant', d: f.d, imm: expandedImmediate(f.i, formatOf(name, f.x)) })

/** Names are FCVT, mode, S or U; then _int or _fixed. */
export const lowerToInteger: Lower = (f, { name }) => {
  const mode = CONVERSION_MODES[name[4]!] ?? ROUNDING.zero
  const op = `FCVT${name[5]}_${f.s === 1 ? 'X' : 'W'}_${formatOf(name, f.x).name}`
  return { op, d: target(f.d), n: f.n, a: mode, aux: name.includes('fixed') ? 64 - f.e : 0 }
}

export const lowerFromInteger: Lower = (f, { name }) => {
  const op = `${name[0]}CVTF_${f.s === 1 ? 'X' : 'W'}_${formatOf(name, f.x).name}`
  return { op, d: f.d, n: source(f.n), aux: name.includes('fixed') ? 64 - f.e : 0 }
}

export const lowerConvert: Lower = (f, { name }) => ({ op: name, d: f.d, n: f.n })

export const lowerMove: Lower = (f, { name }) => {
  const toGeneral = { d: target(f.d), n: f.n }
  const toVector = { d: f.d, n: source(f.n) }
  switch (name) {
    case 'FMOV_WS':
      return { op: 'FMOV_toX_S', ...toGeneral }
    case 'FMOV_XD':
      return { op: 'FMOV_toX_D', ...toGeneral }
    case 'FMOV_RH':
      return { op: 'FMOV_toX_H', ...toGeneral }
    case 'FMOV_Xtop':
      return { op: 'FMOV_toX_top', ...toGeneral }
    case 'FMOV_topX':
      return { op: 'FMOV_fromX_top', ...toVector }
    default: {
      const format = name === 'FMOV_HR' ? HALF : name === 'FMOV_SW' ? SINGLE : DOUBLE
      return { op: 'FMOV_fromX', ...toVector, imm: maskOf(format) }
    }
  }
}
