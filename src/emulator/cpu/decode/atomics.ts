// table: single-instruction atomics (FEAT_LSE), limited ordering (FEAT_LOR) and release consistency (FEAT_LRCPC, FEAT_LRCPC2). Arm ARM C4.1.94.
// The manual's encodings of the atomics differ in size, ordering and operation only, so their rows are made from these three lists.
import type { Row } from './row.ts'

/** Bits 31:30, the mnemonic's letter, the row's suffix, the transferred register. */
const SIZES = [
  ['00', 'B', 'B', 'W'],
  ['01', 'H', 'H', 'W'],
  ['10', '', '_W', 'W'],
  ['11', '', '_X', 'X'],
] as const
/** Acquire and release bits, the mnemonic's letters. */
const ORDERS = [
  ['0', '0', ''],
  ['1', '0', 'A'],
  ['0', '1', 'L'],
  ['1', '1', 'AL'],
] as const
/** Bits 15:12. Each LD… with Rt = 31 and without acquire is also called ST… (aliases). */
const OPERATIONS = [
  ['0000', 'LDADD'],
  ['0001', 'LDCLR'],
  ['0010', 'LDEOR'],
  ['0011', 'LDSET'],
  ['0100', 'LDSMAX'],
  ['0101', 'LDSMIN'],
  ['0110', 'LDUMAX'],
  ['0111', 'LDUMIN'],
  ['1000', 'SWP'],
] as const

const LSE = { feature: 'FEAT_LSE' } as const
const operations = OPERATIONS.flatMap(([opcode, name]) =>
  SIZES.flatMap(([size, letter, suffix, r]) =>
    ORDERS.map(([acquire, release, order]): Row => {
      const asm = `${name}${order}${letter}`.toLowerCase()
      const picture = `${size}111000${acquire}${release}1wwwww${opcode}00nnnnnttttt`
      return [`${name}${order}${suffix}`, picture, 'loadStoreAtomic', `${asm} <${r}w>, <${r}t>, [<Xn|SP>]`, LSE]
    }),
  ),
)
const compareAndSwap = SIZES.flatMap(([size, letter, suffix, r]) =>
  ORDERS.map(([acquire, release, order]): Row => {
    const picture = `${size}0010001${acquire}1wwwww${release}11111nnnnnttttt`
    return [`CAS${order}${suffix}`, picture, 'loadStoreCompareSwap', `${`cas${order}${letter}`.toLowerCase()} <${r}w>, <${r}t>, [<Xn|SP>]`, LSE]
  }),
)
/** Both registers are the first of an even and odd pair. */
const compareAndSwapPair = ORDERS.map(([acquire, release, order]): Row => {
  const picture = `0s0010000${acquire}1wwwww${release}11111nnnnnttttt`
  const asm = `casp${order.toLowerCase()} <Rw>, <oddw>, <Rt>, <oddt>, [<Xn|SP>]`
  return [`CASP${order}`, picture, 'loadStoreCompareSwapPair', asm, { feature: 'FEAT_LSE', where: 'evenPairs' }]
})

export const ATOMICS: readonly Row[] = [
  ...operations,
  ...compareAndSwap,
  ...compareAndSwapPair,
  // Limited ordering. "-" are Rs and Rt2 where the manual says (1): ignored
  ['STLLRB', '00001000100-----0-----nnnnnttttt', 'loadStoreOrdered', 'stllrb <Wt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['LDLARB', '00001000110-----0-----nnnnnttttt', 'loadStoreOrdered', 'ldlarb <Wt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['STLLRH', '01001000100-----0-----nnnnnttttt', 'loadStoreOrdered', 'stllrh <Wt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['LDLARH', '01001000110-----0-----nnnnnttttt', 'loadStoreOrdered', 'ldlarh <Wt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['STLLR_W', '10001000100-----0-----nnnnnttttt', 'loadStoreOrdered', 'stllr <Wt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['LDLAR_W', '10001000110-----0-----nnnnnttttt', 'loadStoreOrdered', 'ldlar <Wt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['STLLR_X', '11001000100-----0-----nnnnnttttt', 'loadStoreOrdered', 'stllr <Xt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  ['LDLAR_X', '11001000110-----0-----nnnnnttttt', 'loadStoreOrdered', 'ldlar <Xt>, [<Xn|SP>]', { feature: 'FEAT_LOR' }],
  // Release consistency
  ['LDAPRB', '0011100010111111110000nnnnnttttt', 'loadStoreOrdered', 'ldaprb <Wt>, [<Xn|SP>]', { feature: 'FEAT_LRCPC' }],
  ['LDAPRH', '0111100010111111110000nnnnnttttt', 'loadStoreOrdered', 'ldaprh <Wt>, [<Xn|SP>]', { feature: 'FEAT_LRCPC' }],
  ['LDAPR_W', '1011100010111111110000nnnnnttttt', 'loadStoreOrdered', 'ldapr <Wt>, [<Xn|SP>]', { feature: 'FEAT_LRCPC' }],
  ['LDAPR_X', '1111100010111111110000nnnnnttttt', 'loadStoreOrdered', 'ldapr <Xt>, [<Xn|SP>]', { feature: 'FEAT_LRCPC' }],
  // The same with an offset; bits 31:30 and 23:22 are those of LDUR and STUR
  ['STLURB', '00011001000iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'stlurb <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURB', '00011001010iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapurb <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURSB_X', '00011001100iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapursb <Xt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURSB_W', '00011001110iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapursb <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['STLURH', '01011001000iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'stlurh <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURH', '01011001010iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapurh <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURSH_X', '01011001100iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapursh <Xt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURSH_W', '01011001110iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapursh <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['STLUR_W', '10011001000iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'stlur <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPUR_W', '10011001010iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapur <Wt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPURSW', '10011001100iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapursw <Xt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['STLUR_X', '11011001000iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'stlur <Xt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
  ['LDAPUR_X', '11011001010iiiiiiiii00nnnnnttttt', 'loadStoreOrderedUnscaled', 'ldapur <Xt>, [<Xn|SP><simm9>]', { feature: 'FEAT_LRCPC2' }],
]
