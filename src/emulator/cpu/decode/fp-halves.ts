// Owns how the half-precision encodings (FEAT_FP16) follow from those of single and double precision, whose one-bit field x chooses between these two.
import type { Row } from './row.ts'

/** Where the two differ, by the manual's groups: what the pictures say, and what it says for half precision. */
const RULES: readonly (readonly [from: RegExp, to: string])[] = [
  [/^(.0011110)0x(.+)$/, '$111$2'], // scalar floating-point instructions: ftype
  [/^(00011111)0x(.+)$/, '$111$2'],
  [/^(.{8}[01])x1(mmmmm)11(.{4}nnnnnddddd)$/, '$110$200$3'], // three registers of the same type
  [/^(.{8}[01])x10000(.{17})$/, '$1111100$2'], // two registers
]

/** Every row, followed by its half-precision counterpart, whose name ends in _H. `rows` say x in the picture and `<Vd.F>` or `<Ed.F>` in the assembly. */
export const withHalves = (rows: readonly Row[]): readonly Row[] =>
  rows.flatMap((row): readonly Row[] => {
    const [name, picture, semantics, asm, more] = row
    const rule = RULES.find(([from]) => from.test(picture))
    if (!rule) throw new Error(`${name}: no rule makes a half-precision picture of ${picture}`)
    const { where, ...rest } = more ?? {}
    const kept = where === undefined || where === 'float2d' ? rest : { ...rest, where }
    return [
      row,
      [
        `${name}_H`,
        picture.replace(...rule),
        semantics,
        asm.replace(/<E(.)\.F>/g, '<H$1>').replace(/<V(.)\.F>/g, '<V$1.H>'),
        { ...kept, feature: 'FEAT_FP16' },
      ],
    ]
  })
