// table: loads and stores of vector registers. Arm ARM C4.1.94. The manual's encodings differ in size, direction and addressing only, so their rows are made from lists.
// Where the manual says CONSTRAINED UNPREDICTABLE (a pair load with Rt = Rt2) we execute as QEMU does: the second element stays.
import type { Row, RowOptions } from './row.ts'

/** Register, bits 31:30, opc<1>, base-2 logarithm of the bytes. */
const SIZES = [
  ['B', '00', '0', 0],
  ['H', '01', '0', 1],
  ['S', '10', '0', 2],
  ['D', '11', '0', 3],
  ['Q', '00', '1', 4],
] as const
/** Mnemonic's beginning, L. */
const DIRECTIONS = [
  ['ST', '0'],
  ['LD', '1'],
] as const

const singles = SIZES.flatMap(([r, size, opc, scale]) =>
  DIRECTIONS.flatMap(([direction, load]): Row[] => {
    const begin = `${size}11110`
    const [name, plain, unscaled] = [`${direction}R_${r}`, `${direction}R`.toLowerCase(), `${direction}UR`.toLowerCase()]
    return [
      [`${name}_imm`, `${begin}1${opc}${load}iiiiiiiiiiiinnnnnttttt`, 'vectorLoadStore', `${plain} <${r}t>, [<Xn|SP><pimm*${1 << scale}>]`],
      [`${direction}UR_${r}`, `${begin}0${opc}${load}0iiiiiiiii00nnnnnttttt`, 'vectorLoadStore', `${unscaled} <${r}t>, [<Xn|SP><simm9>]`],
      [`${name}_post`, `${begin}0${opc}${load}0iiiiiiiii01nnnnnttttt`, 'vectorLoadStoreIndexed', `${plain} <${r}t>, [<Xn|SP>]<simm9wb>`],
      [`${name}_pre`, `${begin}0${opc}${load}0iiiiiiiii11nnnnnttttt`, 'vectorLoadStoreIndexed', `${plain} <${r}t>, [<Xn|SP><simm9wb>]!`],
      [`${name}_reg`, `${begin}0${opc}${load}1mmmmmooog10nnnnnttttt`, 'vectorLoadStore', `${plain} <${r}t>, [<Xn|SP>, <index*${scale}>]`, { where: 'index' }],
    ]
  }),
)

/** Register, opc, bytes. */
const WIDE = [
  ['S', '00', 4],
  ['D', '01', 8],
  ['Q', '10', 16],
] as const
const literals = WIDE.map(([r, opc]): Row => [`LDR_${r}_lit`, `${opc}011100iiiiiiiiiiiiiiiiiiittttt`, 'vectorLoadLiteral', `ldr <${r}t>, <label19>`])
const pairs = WIDE.flatMap(([r, opc, bytes]) =>
  DIRECTIONS.flatMap(([direction, load]): Row[] => {
    const row = (name: string, mode: string, address: string): Row => {
      const asm = `${name.replace(/_.*/, '').toLowerCase()} <${r}t>, <${r}u>, ${address}`
      return [name, `${opc}10110${mode}${load}iiiiiiiuuuuunnnnnttttt`, 'vectorLoadStorePair', asm]
    }
    return [
      row(`${direction}NP_${r}`, '00', `[<Xn|SP><simm7*${bytes}>]`),
      row(`${direction}P_${r}_post`, '01', `[<Xn|SP>]<simm7wb*${bytes}>`),
      row(`${direction}P_${r}`, '10', `[<Xn|SP><simm7*${bytes}>]`),
      row(`${direction}P_${r}_pre`, '11', `[<Xn|SP><simm7wb*${bytes}>]!`),
    ]
  }),
)

/** A structure without and with post-index; `single` and `r` are the bits that the manual calls so, `low` bits 15:10. */
function structure(name: string, single: string, load: string, r: string, low: string, operands: string, post: string, more: RowOptions = {}): readonly Row[] {
  const asm = `${name.replace(/_.*/, '').toLowerCase()} ${operands}, [<Xn|SP>]`
  return [
    [name, `0q00110${single}0${load}${r}00000${low}nnnnnttttt`, 'vectorStructure', asm, more],
    [`${name}_post`, `0q00110${single}1${load}${r}mmmmm${low}nnnnnttttt`, 'vectorStructure', `${asm}, ${post}`, more],
  ]
}

/** Elements of a structure, registers, opcode. One-element structures are plain vectors, of which there may be several. */
const MULTIPLE = [
  [4, 4, '0000'],
  [1, 4, '0010'],
  [3, 3, '0100'],
  [1, 3, '0110'],
  [1, 1, '0111'],
  [2, 2, '1000'],
  [1, 2, '1010'],
] as const
const multiple = MULTIPLE.flatMap(([elements, registers, opcode]) =>
  DIRECTIONS.flatMap(([direction, load]) => {
    const name = `${direction}${elements}_x${registers}`
    return structure(name, '0', load, '0', `${opcode}xx`, `<Vt.T*${registers}>`, `<postq*${8 * registers}>`, elements > 1 ? { where: 'not1d' } : {})
  }),
)

/** By elements of the structure: R, and bit 13. */
const SELEM = [
  [1, '0', '0'],
  [2, '1', '0'],
  [3, '0', '1'],
  [4, '1', '1'],
] as const
/** Element, bytes, bits 15:10 with bit 13 left open. Index bits are q, g (S) and the free ones of x (size). */
const ELEMENTS = [
  ['b', 1, '00_gxx'],
  ['h', 2, '01_gx0'],
  ['s', 4, '10_g00'],
  ['d', 8, '10_001'],
] as const
const single = SELEM.flatMap(([elements, r, bit]) => [
  ...ELEMENTS.flatMap(([element, bytes, low]) =>
    DIRECTIONS.flatMap(([direction, load]) =>
      structure(`${direction}${elements}_${element}`, '1', load, r, low.replace('_', bit), `<Vt.${element}[]*${elements}>`, `<post*${elements * bytes}>`),
    ),
  ),
  ...structure(`LD${elements}R`, '1', '1', r, `11${bit}0xx`, `<Vt.T*${elements}>`, `<postx*${elements}>`),
])

export const SIMD_MEMORY: readonly Row[] = [...singles, ...literals, ...pairs, ...multiple, ...single]
