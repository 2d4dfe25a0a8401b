// Owns loads and stores of one register or a pair. Arm ARM C6.2 LDR*, STR*, LDP, STP, LDAR, STLR. Ordering needs nothing: accesses happen in program order.
import { extendU, type I64Expression, i64, wrap } from '../wasm/expression.ts'
import { extend } from './add-subtract.ts'
import type { AccessSize, Emit, Privilege } from './emit.ts'
import { type Define, type Lower, type Lowered, REGISTER, signed, source, target } from './op.ts'

/** What is moved: name, bytes, sign-extended, into W (zero-extended after the sign extension). */
export interface Transfer {
  readonly name: string
  readonly size: AccessSize
  readonly store: boolean
  readonly signed: boolean
  readonly narrow: boolean
}
const transfer = (name: string, size: AccessSize, store: boolean, signed = false, narrow = false): Transfer => ({ name, size, store, signed, narrow })
/** By size (bits 31:30) and opc (bits 23:22). */
export const TRANSFERS: readonly (readonly (Transfer | undefined)[])[] = [
  [transfer('STR1', 1, true), transfer('LDR1', 1, false), transfer('LDRS1_X', 1, false, true), transfer('LDRS1_W', 1, false, true, true)],
  [transfer('STR2', 2, true), transfer('LDR2', 2, false), transfer('LDRS2_X', 2, false, true), transfer('LDRS2_W', 2, false, true, true)],
  [transfer('STR4', 4, true), transfer('LDR4', 4, false), transfer('LDRS4_X', 4, false, true)],
  [transfer('STR8', 8, true), transfer('LDR8', 8, false)],
]

/** `writeback` is evaluated after the access. */
interface Address {
  readonly at: I64Expression
  readonly writeback?: I64Expression
}
type Mode = readonly [name: string, address: (e: Emit) => Address]
const IMMEDIATE_MODES: readonly Mode[] = [
  ['imm', e => ({ at: i64.add(e.x('n'), e.imm()) })],
  [
    'pre',
    e => {
      const at = e.keep(i64.add(e.x('n'), e.imm()))
      return { at, writeback: at }
    },
  ],
  [
    'post',
    e => {
      const at = e.keep(e.x('n'))
      return { at, writeback: i64.add(at, e.imm()) }
    },
  ],
]
/** Options uxtw, lsl (uxtx and sxtx are the same) and sxtw; aux is the shift. */
const INDEX_OPTIONS = [2, 3, 6] as const
const INDEX_MODES: readonly Mode[] = INDEX_OPTIONS.flatMap(option =>
  [false, true].map(
    (scaled): Mode => [
      `index${option}${scaled ? 's' : ''}`,
      e => {
        const index = extend(option, e.x('m'))
        return { at: i64.add(e.x('n'), scaled ? i64.shl(index, extendU(e.aux())) : index) }
      },
    ],
  ),
)
const LITERAL_MODE: Mode = ['literal', e => ({ at: i64.add(e.pc(), e.imm()) })]

/** Operations whose base is the stack pointer check its alignment; the ones that compilers use stay hot. */
const HOT_WITH_SP = new Set(['LDR8', 'STR8', 'LDR4', 'STR4', 'LDP8', 'STP8', 'LDR1', 'STR1'])

export function defineLoadsAndStores(define: Define): void {
  for (const t of TRANSFERS.flat()) {
    if (!t) continue
    const single =
      (mode: Mode, sp: boolean, privilege: Privilege = 'own') =>
      (e: Emit) => {
        if (sp) e.checkStackAlignment()
        const address = mode[1](e)
        if (t.store) {
          e.store(t.size, address.at, e.x('d'), privilege)
          if (address.writeback) e.setX('n', address.writeback)
          return
        }
        const loaded = e.load(t.size, t.signed, address.at, privilege)
        const value = t.narrow ? extendU(wrap(loaded)) : loaded
        if (!address.writeback) {
          e.setX('d', value)
          return
        }
        const kept = e.keep(value)
        e.setX('d', kept)
        e.setX('n', address.writeback) // last: with Rt = Rn the base wins, see decode/loads-and-stores.ts
      }
    for (const mode of [...IMMEDIATE_MODES, ...INDEX_MODES]) {
      define(`${t.name}_${mode[0]}`, single(mode, false), { hot: true })
      define(`${t.name}_${mode[0]}_sp`, single(mode, true), { hot: HOT_WITH_SP.has(t.name) && IMMEDIATE_MODES.includes(mode) })
    }
    for (const sp of [false, true]) define(`${t.name}_unprivileged${sp ? '_sp' : ''}`, single(IMMEDIATE_MODES[0]!, sp, 'unprivileged'))
    if (!t.store && t.size >= 4) define(`${t.name}_literal`, single(LITERAL_MODE, false), { hot: true })
  }
  for (const size of [4, 8] as const) {
    for (const mode of IMMEDIATE_MODES) {
      for (const sp of [false, true]) {
        const suffix = `${mode[0]}${sp ? '_sp' : ''}`
        const hot = { hot: !sp || size === 8 }
        definePair(define, `LDP${size}_${suffix}`, mode, sp, size, hot)
        define(
          `STP${size}_${suffix}`,
          e => {
            if (sp) e.checkStackAlignment()
            const address = mode[1](e)
            const at = e.keep(address.at)
            e.storePair(size, at, e.x('d'), e.x('a'))
            if (address.writeback) e.setX('n', address.writeback)
          },
          hot,
        )
        if (size === 4) definePair(define, `LDPSW_${suffix}`, mode, sp, size, { hot: false }, true)
      }
    }
  }
  for (const size of [1, 2, 4, 8] as const) {
    for (const sp of [false, true]) {
      const ordered = (body: (e: Emit, at: I64Expression) => void, write: boolean) => (e: Emit) => {
        if (sp) e.checkStackAlignment()
        const at = e.keep(e.x('n'))
        e.requireAligned(size, at, write)
        body(e, at)
      }
      const suffix = sp ? '_sp' : ''
      define(
        `LDAR${size}${suffix}`,
        ordered((e, at) => e.setX('d', e.load(size, false, at)), false),
      )
      define(
        `STLR${size}${suffix}`,
        ordered((e, at) => e.store(size, at, e.x('d')), true),
      )
    }
  }
}

function definePair(define: Define, name: string, mode: Mode, sp: boolean, size: 4 | 8, options: { readonly hot: boolean }, signed = false): void {
  define(
    name,
    e => {
      if (sp) e.checkStackAlignment()
      const address = mode[1](e)
      const [first, second] = e.loadPair(size, signed, e.keep(address.at))
      const kept = [e.keep(first), e.keep(second)] as const
      e.setX('a', kept[1])
      e.setX('d', kept[0]) // last: see decode/loads-and-stores.ts for Rt = Rt2
      if (address.writeback) e.setX('n', address.writeback)
    },
    options,
  )
}

const sp = (n: number): string => (n === REGISTER.sp ? '_sp' : '')

/** LDTR and STTR have EL0's rights; they are loads and stores like others in everything else. */
const isUnprivileged = (name: string): boolean => name.startsWith('LDTR') || name.startsWith('STTR')

/** Unsigned offset, unscaled, unprivileged and register offset: everything without writeback. */
export const lowerLoadStore: Lower = (f, encoding, word): Lowered => {
  const t = TRANSFERS[word >>> 30]![(word >>> 22) & 3]!
  const registers = { d: t.store ? source(f.t) : target(f.t), n: f.n }
  if (encoding.name.endsWith('_reg')) {
    const option = (f.o & 3) === 3 ? 3 : f.o
    return { op: `${t.name}_index${option}${f.g ? 's' : ''}${sp(f.n)}`, ...registers, m: source(f.m), aux: word >>> 30 }
  }
  const imm = encoding.name.endsWith('_imm') ? f.i * t.size : signed(f.i, 9)
  const mode = isUnprivileged(encoding.name) ? 'unprivileged' : 'imm'
  return { op: `${t.name}_${mode}${sp(f.n)}`, ...registers, imm: BigInt(imm) }
}

export const lowerLoadStoreIndexed: Lower = (f, encoding, word) => {
  const t = TRANSFERS[word >>> 30]![(word >>> 22) & 3]!
  const mode = encoding.name.endsWith('_pre') ? 'pre' : 'post'
  return { op: `${t.name}_${mode}${sp(f.n)}`, d: t.store ? source(f.t) : target(f.t), n: f.n, imm: BigInt(signed(f.i, 9)) }
}

export const lowerLoadLiteral: Lower = (f, _, word) => ({
  op: `${['LDR4', 'LDR8', 'LDRS4_X'][word >>> 30]}_literal`,
  d: target(f.t),
  imm: BigInt(signed(f.i, 19) * 4),
})

export const lowerLoadStorePair: Lower = (f, encoding, word) => {
  const load = ((word >>> 22) & 1) === 1
  const opc = word >>> 30
  const size = opc === 2 ? 8 : 4
  const name = opc === 1 ? 'LDPSW' : `${load ? 'LDP' : 'STP'}${size}`
  const mode = encoding.name.endsWith('_pre') ? 'pre' : encoding.name.endsWith('_post') ? 'post' : 'imm'
  const register = load ? target : source
  return { op: `${name}_${mode}${sp(f.n)}`, d: register(f.t), a: register(f.u), n: f.n, imm: BigInt(signed(f.i, 7) * size) }
}

export const lowerLoadStoreOrdered: Lower = (f, encoding, word) => {
  const load = encoding.name.startsWith('LD')
  return { op: `${load ? 'LDAR' : 'STLR'}${1 << (word >>> 30)}${sp(f.n)}`, d: load ? target(f.t) : source(f.t), n: f.n }
}
