// table: integer data processing on vectors and on scalars of vector registers. Arm ARM C4.1.96 ("Data Processing -- Scalar Floating-Point and Advanced SIMD").
// The encodings of a group differ in U, opcode and in the element sizes that they have, so their rows are made from lists. Suffixes of names: _v vectors, _s scalars,
// _eH and _eS by element, in vectors, _seH and _seS in scalars.
import type { Row, RowOptions, SemanticsKey, ValidityRule } from './row.ts'

type Sizes = ValidityRule | undefined
const where = (rule: Sizes): RowOptions => (rule === undefined ? {} : { where: rule })
/** Name, U, opcode, which element sizes it has; all: but 64-bit ones only in whole registers. */
type Entry = readonly [name: string, u: 0 | 1, opcode: string, sizes: Sizes]
const ALL = 'not1d'
const TO_32 = 'notD'
const H_S = 'halfOrWord'
const asmOf = (name: string, operands: string): string => `${name.toLowerCase()} ${operands}`

// Three registers of the same type
const same = (entries: readonly Entry[], key: SemanticsKey): readonly Row[] =>
  entries.map(([name, u, opcode, sizes]) => [`${name}_v`, `0q${u}01110xx1mmmmm${opcode}1nnnnnddddd`, key, asmOf(name, '<Vd.T>, <Vn.T>, <Vm.T>'), where(sizes)])
const THREE_SAME: readonly Entry[] = [
  ['SHADD', 0, '00000', TO_32],
  ['UHADD', 1, '00000', TO_32],
  ['SQADD', 0, '00001', ALL],
  ['UQADD', 1, '00001', ALL],
  ['SRHADD', 0, '00010', TO_32],
  ['URHADD', 1, '00010', TO_32],
  ['SHSUB', 0, '00100', TO_32],
  ['UHSUB', 1, '00100', TO_32],
  ['SQSUB', 0, '00101', ALL],
  ['UQSUB', 1, '00101', ALL],
  ['CMGT', 0, '00110', ALL],
  ['CMHI', 1, '00110', ALL],
  ['CMGE', 0, '00111', ALL],
  ['CMHS', 1, '00111', ALL],
  ['SSHL', 0, '01000', ALL],
  ['USHL', 1, '01000', ALL],
  ['SQSHL', 0, '01001', ALL],
  ['UQSHL', 1, '01001', ALL],
  ['SRSHL', 0, '01010', ALL],
  ['URSHL', 1, '01010', ALL],
  ['SQRSHL', 0, '01011', ALL],
  ['UQRSHL', 1, '01011', ALL],
  ['SMAX', 0, '01100', TO_32],
  ['UMAX', 1, '01100', TO_32],
  ['SMIN', 0, '01101', TO_32],
  ['UMIN', 1, '01101', TO_32],
  ['SABD', 0, '01110', TO_32],
  ['UABD', 1, '01110', TO_32],
  ['SABA', 0, '01111', TO_32],
  ['UABA', 1, '01111', TO_32],
  ['ADD', 0, '10000', ALL],
  ['SUB', 1, '10000', ALL],
  ['CMTST', 0, '10001', ALL],
  ['CMEQ', 1, '10001', ALL],
  ['MLA', 0, '10010', TO_32],
  ['MLS', 1, '10010', TO_32],
  ['MUL', 0, '10011', TO_32],
  ['SQDMULH', 0, '10110', H_S],
  ['SQRDMULH', 1, '10110', H_S],
]
const PAIRWISE: readonly Entry[] = [
  ['SMAXP', 0, '10100', TO_32],
  ['UMAXP', 1, '10100', TO_32],
  ['SMINP', 0, '10101', TO_32],
  ['UMINP', 1, '10101', TO_32],
  ['ADDP', 0, '10111', ALL],
]
/** By U, then size. */
const LOGIC = ['AND', 'BIC', 'ORR', 'ORN', 'EOR', 'BSL', 'BIT', 'BIF'] as const
const logic = LOGIC.map(
  (name, i): Row => [`${name}_v`, `0q${i >> 2}01110${(i >> 1) & 1}${i & 1}1mmmmm000111nnnnnddddd`, 'vectorLogic', asmOf(name, '<Vd.B>, <Vn.B>, <Vm.B>')],
)

// The same between scalars: of every size, of 64 bits, of 16 and 32
const scalar = (entries: readonly (readonly [name: string, u: 0 | 1, opcode: string])[], size: string, register: string, rule?: ValidityRule): readonly Row[] =>
  entries.map(([name, u, opcode]) => [
    `${name}_s`,
    `01${u}11110${size}1mmmmm${opcode}1nnnnnddddd`,
    'scalarSame',
    asmOf(name, ['d', 'n', 'm'].map(r => `<${register.replace('?', r)}>`).join(', ')),
    where(rule),
  ])
const scalarThreeSame = [
  ...scalar(
    [
      ['SQADD', 0, '00001'],
      ['UQADD', 1, '00001'],
      ['SQSUB', 0, '00101'],
      ['UQSUB', 1, '00101'],
      ['SQSHL', 0, '01001'],
      ['UQSHL', 1, '01001'],
      ['SQRSHL', 0, '01011'],
      ['UQRSHL', 1, '01011'],
    ],
    'xx',
    'E?.T',
  ),
  ...scalar(
    [
      ['SQDMULH', 0, '10110'],
      ['SQRDMULH', 1, '10110'],
    ],
    'xx',
    'E?.T',
    H_S,
  ),
  ...scalar(
    [
      ['CMGT', 0, '00110'],
      ['CMHI', 1, '00110'],
      ['CMGE', 0, '00111'],
      ['CMHS', 1, '00111'],
      ['SSHL', 0, '01000'],
      ['USHL', 1, '01000'],
      ['SRSHL', 0, '01010'],
      ['URSHL', 1, '01010'],
      ['ADD', 0, '10000'],
      ['SUB', 1, '10000'],
      ['CMTST', 0, '10001'],
      ['CMEQ', 1, '10001'],
    ],
    '11',
    'D?',
  ),
]

// Two registers
const two = (entries: readonly Entry[], key: SemanticsKey, operands: string): readonly Row[] =>
  entries.map(([name, u, opcode, sizes]) => [
    `${name}_v`,
    `0q${u}01110xx10000${opcode}10nnnnnddddd`,
    key,
    asmOf(name.replace(/_.*/, ''), operands),
    where(sizes),
  ])
const twoRegisters = [
  ...two(
    [
      ['SUQADD', 0, '00011', ALL],
      ['USQADD', 1, '00011', ALL],
      ['CLS', 0, '00100', TO_32],
      ['CLZ', 1, '00100', TO_32],
      ['SQABS', 0, '00111', ALL],
      ['SQNEG', 1, '00111', ALL],
      ['ABS', 0, '01011', ALL],
      ['NEG', 1, '01011', ALL],
    ],
    'vectorSame',
    '<Vd.T>, <Vn.T>',
  ),
  ...two(
    [
      ['CMGT_zero', 0, '01000', ALL],
      ['CMGE_zero', 1, '01000', ALL],
      ['CMEQ_zero', 0, '01001', ALL],
      ['CMLE_zero', 1, '01001', ALL],
      ['CMLT_zero', 0, '01010', ALL],
    ],
    'vectorSame',
    '<Vd.T>, <Vn.T>, #0',
  ),
  ...two(
    [
      ['SADDLP', 0, '00010', TO_32],
      ['UADDLP', 1, '00010', TO_32],
      ['SADALP', 0, '00110', TO_32],
      ['UADALP', 1, '00110', TO_32],
    ],
    'vectorSame',
    '<Vd.TP>, <Vn.T>',
  ),
  ...two(
    [
      ['XTN', 0, '10010', TO_32],
      ['SQXTUN', 1, '10010', TO_32],
      ['SQXTN', 0, '10100', TO_32],
      ['UQXTN', 1, '10100', TO_32],
    ],
    'vectorNarrow',
    '<Vd.T>, <Vn.TW>',
  ).map(([name, picture, key, asm, more]): Row => [name, picture, key, asm.replace(' ', '<2> '), more ?? {}]),
]
/** Of one size only, so that size is part of the opcode. */
const fixed = (name: string, u: 0 | 1, size: string, opcode: string, operands = '<Vd.B>, <Vn.B>'): Row => [
  `${name}_v`,
  `0q${u}01110${size}10000${opcode}10nnnnnddddd`,
  'vectorBytes',
  asmOf(name, operands),
]

const scalarTwo = (entries: readonly (readonly [name: string, u: 0 | 1, opcode: string])[], size: string, operands: string, key: SemanticsKey = 'scalarSame') =>
  entries.map(
    ([name, u, opcode]): Row => [
      `${name}_s`,
      `01${u}11110${size}10000${opcode}10nnnnnddddd`,
      key,
      asmOf(name.replace(/_.*/, ''), operands),
      where(key === 'scalarNarrow' ? TO_32 : undefined),
    ],
  )
const scalarTwoRegisters = [
  ...scalarTwo(
    [
      ['SUQADD', 0, '00011'],
      ['USQADD', 1, '00011'],
      ['SQABS', 0, '00111'],
      ['SQNEG', 1, '00111'],
    ],
    'xx',
    '<Ed.T>, <En.T>',
  ),
  ...scalarTwo(
    [
      ['CMGT_zero', 0, '01000'],
      ['CMGE_zero', 1, '01000'],
      ['CMEQ_zero', 0, '01001'],
      ['CMLE_zero', 1, '01001'],
      ['CMLT_zero', 0, '01010'],
    ],
    '11',
    '<Dd>, <Dn>, #0',
  ),
  ...scalarTwo(
    [
      ['ABS', 0, '01011'],
      ['NEG', 1, '01011'],
    ],
    '11',
    '<Dd>, <Dn>',
  ),
  ...scalarTwo(
    [
      ['SQXTUN', 1, '10010'],
      ['SQXTN', 0, '10100'],
      ['UQXTN', 1, '10100'],
    ],
    'xx',
    '<Ed.T>, <En.TW>',
    'scalarNarrow',
  ),
]

// Across lanes
const across = (name: string, u: 0 | 1, opcode: string, key: SemanticsKey, operand: string): Row => [
  `${name}_v`,
  `0q${u}01110xx11000${opcode}10nnnnnddddd`,
  key,
  asmOf(name, `<Ed.${operand}>, <Vn.T>`),
  { where: 'across' },
]

// Three registers of different types
type Different = readonly [name: string, u: 0 | 1, opcode: string]
const different = (entries: readonly Different[], key: SemanticsKey, operands: string, sizes: Sizes = TO_32): readonly Row[] =>
  entries.map(([name, u, opcode]) => [`${name}_v`, `0q${u}01110xx1mmmmm${opcode}00nnnnnddddd`, key, `${name.toLowerCase()}<2> ${operands}`, where(sizes)])
const SATURATING_LONG = [
  ['SQDMLAL', 0, '1001'],
  ['SQDMLSL', 0, '1011'],
  ['SQDMULL', 0, '1101'],
] as const
const LONG = '<Vd.TW>, <Vn.T>, <Vm.T>'
const threeDifferent = [
  ...different(
    [
      ['SADDL', 0, '0000'],
      ['UADDL', 1, '0000'],
      ['SSUBL', 0, '0010'],
      ['USUBL', 1, '0010'],
      ['SABAL', 0, '0101'],
      ['UABAL', 1, '0101'],
      ['SABDL', 0, '0111'],
      ['UABDL', 1, '0111'],
      ['SMLAL', 0, '1000'],
      ['UMLAL', 1, '1000'],
      ['SMLSL', 0, '1010'],
      ['UMLSL', 1, '1010'],
      ['SMULL', 0, '1100'],
      ['UMULL', 1, '1100'],
    ],
    'vectorLong',
    LONG,
  ),
  ...different(SATURATING_LONG, 'vectorLong', LONG, H_S),
  ...different(
    [
      ['SADDW', 0, '0001'],
      ['UADDW', 1, '0001'],
      ['SSUBW', 0, '0011'],
      ['USUBW', 1, '0011'],
    ],
    'vectorLong',
    '<Vd.TW>, <Vn.TW>, <Vm.T>',
  ),
  ...different(
    [
      ['ADDHN', 0, '0100'],
      ['RADDHN', 1, '0100'],
      ['SUBHN', 0, '0110'],
      ['RSUBHN', 1, '0110'],
    ],
    'vectorNarrow',
    '<Vd.T>, <Vn.TW>, <Vm.TW>',
  ),
]
const scalarThreeDifferent = SATURATING_LONG.map(
  ([name, u, opcode]): Row => [`${name}_s`, `01${u}11110xx1mmmmm${opcode}00nnnnnddddd`, 'scalarLong', asmOf(name, '<Ed.TW>, <En.T>, <Em.T>'), { where: H_S }],
)

// Three registers, the last by element
const BY_ELEMENT = [
  ['H', '01', '4s', '4h'],
  ['S', '10', '2d', '2s'],
] as const
const byElement = (name: string, u: 0 | 1, opcode: string, key: SemanticsKey): readonly Row[] =>
  BY_ELEMENT.map(([size, bits, wide]) => [
    `${name}_e${size}`,
    `0q${u}01111${bits}lmmmmm${opcode}h0nnnnnddddd`,
    key,
    key === 'vectorElement' ? asmOf(name, `<Vd.${size}>, <Vn.${size}>, <Vm.${size}[]>`) : `${name.toLowerCase()}<2> <Vd.${wide}>, <Vn.${size}>, <Vm.${size}[]>`,
  ])
const scalarByElement = (name: string, u: 0 | 1, opcode: string, long: boolean): readonly Row[] =>
  BY_ELEMENT.map(([size, bits, wide]) => [
    `${name}_se${size}`,
    `01${u}11111${bits}lmmmmm${opcode}h0nnnnnddddd`,
    long ? 'scalarLongElement' : 'scalarElement',
    asmOf(name, `<${long ? wide.charAt(1).toUpperCase() : size}d>, <${size}n>, <Vm.${size}[]>`),
  ])

// Shifts by an immediate: immh is not zero
type Shift = readonly [name: string, u: 0 | 1, opcode: string, operand: 'shl' | 'shr']
const shift = (entries: readonly Shift[], key: SemanticsKey, operands: string, rule: ValidityRule): readonly Row[] =>
  entries.map(([name, u, opcode, operand]) => {
    const one = key.startsWith('scalar')
    return [
      `${name}_${one ? 'si' : 'i'}`,
      `${one ? `01${u}111110` : `0q${u}011110`}lllllll${opcode}1nnnnnddddd`,
      key,
      `${name.toLowerCase()}${!one && operands.includes('IW') ? '<2>' : ''} ${operands}, <${operand}>`,
      { where: rule },
    ]
  })
const RIGHT_64: readonly Shift[] = [
  ['SSHR', 0, '00000', 'shr'],
  ['USHR', 1, '00000', 'shr'],
  ['SSRA', 0, '00010', 'shr'],
  ['USRA', 1, '00010', 'shr'],
  ['SRSHR', 0, '00100', 'shr'],
  ['URSHR', 1, '00100', 'shr'],
  ['SRSRA', 0, '00110', 'shr'],
  ['URSRA', 1, '00110', 'shr'],
  ['SRI', 1, '01000', 'shr'],
]
const LEFT_64: readonly Shift[] = [
  ['SHL', 0, '01010', 'shl'],
  ['SLI', 1, '01010', 'shl'],
]
const LEFT_SATURATING: readonly Shift[] = [
  ['SQSHLU', 1, '01100', 'shl'],
  ['SQSHL', 0, '01110', 'shl'],
  ['UQSHL', 1, '01110', 'shl'],
]
const NARROW: readonly Shift[] = [
  ['SHRN', 0, '10000', 'shr'],
  ['RSHRN', 0, '10001', 'shr'],
]
const NARROW_SATURATING: readonly Shift[] = [
  ['SQSHRUN', 1, '10000', 'shr'],
  ['SQRSHRUN', 1, '10001', 'shr'],
  ['SQSHRN', 0, '10010', 'shr'],
  ['SQRSHRN', 0, '10011', 'shr'],
  ['UQSHRN', 1, '10010', 'shr'],
  ['UQRSHRN', 1, '10011', 'shr'],
]
const LONG_SHIFTS: readonly Shift[] = [
  ['SSHLL', 0, '10100', 'shl'],
  ['USHLL', 1, '10100', 'shl'],
]
const shifts = [
  ...shift([...RIGHT_64, ...LEFT_64, ...LEFT_SATURATING], 'vectorShift', '<Vd.I>, <Vn.I>', 'shift'),
  ...shift([...NARROW, ...NARROW_SATURATING], 'vectorShiftNarrow', '<Vd.I>, <Vn.IW>', 'shiftHalf'),
  ...shift(LONG_SHIFTS, 'vectorShiftLong', '<Vd.IW>, <Vn.I>', 'shiftHalf'),
  ...shift([...RIGHT_64, ...LEFT_64], 'scalarShift', '<Dd>, <Dn>', 'shift64'),
  ...shift(LEFT_SATURATING, 'scalarShift', '<Ed.I>, <En.I>', 'shiftScalar'),
  ...shift(NARROW_SATURATING, 'scalarShiftNarrow', '<Ed.I>, <En.IW>', 'shiftHalf'),
]

// Modified immediates: immh is zero, its place and immb's hold abc
/** Name, op, cmode, operands. */
const IMMEDIATES = [
  ['MOVI_S', 0, '0yy0', '<Vd.S>, <imm8lsl>'],
  ['ORR_iS', 0, '0yy1', '<Vd.S>, <imm8lsl>'],
  ['MOVI_H', 0, '10y0', '<Vd.H>, <imm8lsl>'],
  ['ORR_iH', 0, '10y1', '<Vd.H>, <imm8lsl>'],
  ['MOVI_M', 0, '110y', '<Vd.S>, <imm8msl>'],
  ['MOVI_B', 0, '1110', '<Vd.B>, <imm8>'],
  ['FMOV_iS', 0, '1111', '<Vd.S>, <fpimm>'],
  ['MVNI_S', 1, '0yy0', '<Vd.S>, <imm8lsl>'],
  ['BIC_iS', 1, '0yy1', '<Vd.S>, <imm8lsl>'],
  ['MVNI_H', 1, '10y0', '<Vd.H>, <imm8lsl>'],
  ['BIC_iH', 1, '10y1', '<Vd.H>, <imm8lsl>'],
  ['MVNI_M', 1, '110y', '<Vd.S>, <imm8msl>'],
] as const
const immediates = [
  ...IMMEDIATES.map(
    ([name, op, cmode, operands]): Row => [name, `0q${op}0111100000ppp${cmode}01iiiiiddddd`, 'vectorImmediate', asmOf(name.replace(/_.*/, ''), operands)],
  ),
  ...([
    ['MOVI_D', '0010111100000ppp111001iiiiiddddd', 'vectorImmediate', 'movi <Dd>, <imm64>'],
    ['MOVI_2D', '0110111100000ppp111001iiiiiddddd', 'vectorImmediate', 'movi <Vd.2d>, <imm64>'],
    ['FMOV_iD', '0110111100000ppp111101iiiiiddddd', 'vectorImmediate', 'fmov <Vd.2d>, <fpimm>'],
    ['FMOV_iH', '0q00111100000ppp111111iiiiiddddd', 'vectorImmediate', 'fmov <Vd.H>, <fpimm>', { feature: 'FEAT_FP16' }],
  ] satisfies readonly Row[]),
]

export const SIMD_INTEGER: readonly Row[] = [
  ...same(THREE_SAME, 'vectorSame'),
  ...same(PAIRWISE, 'vectorPairwise'),
  ...logic,
  ['PMUL_v', '0q101110001mmmmm100111nnnnnddddd', 'vectorBytes', 'pmul <Vd.B>, <Vn.B>, <Vm.B>'],
  ...scalarThreeSame,
  ['ADDP_s', '0101111011110001101110nnnnnddddd', 'scalarPairwise', 'addp <Dd>, <Vn.2d>'],
  ...twoRegisters,
  fixed('NOT', 1, '00', '00101'),
  fixed('RBIT', 1, '01', '00101'),
  fixed('CNT', 0, '00', '00101'),
  ['REV64_v', '0q001110xx100000000010nnnnnddddd', 'vectorReverse', 'rev64 <Vd.T>, <Vn.T>', { where: TO_32 }],
  ['REV32_v', '0q1011100x100000000010nnnnnddddd', 'vectorReverse', 'rev32 <Vd.T>, <Vn.T>'],
  ['REV16_v', '0q00111000100000000110nnnnnddddd', 'vectorReverse', 'rev16 <Vd.B>, <Vn.B>'],
  ['SHLL_v', '0q101110xx100001001110nnnnnddddd', 'vectorLong', 'shll<2> <Vd.TW>, <Vn.T>, <sizeshift>', { where: TO_32 }],
  ...scalarTwoRegisters,
  across('SADDLV', 0, '00011', 'vectorAcrossLong', 'TW'),
  across('UADDLV', 1, '00011', 'vectorAcrossLong', 'TW'),
  across('SMAXV', 0, '01010', 'vectorAcross', 'T'),
  across('UMAXV', 1, '01010', 'vectorAcross', 'T'),
  across('SMINV', 0, '11010', 'vectorAcross', 'T'),
  across('UMINV', 1, '11010', 'vectorAcross', 'T'),
  across('ADDV', 0, '11011', 'vectorAcross', 'T'),
  ...threeDifferent,
  ['PMULL_v', '0q001110001mmmmm111000nnnnnddddd', 'vectorLong', 'pmull<2> <Vd.8h>, <Vn.B>, <Vm.B>'],
  ...scalarThreeDifferent,
  ...byElement('MLA', 1, '0000', 'vectorElement'),
  ...byElement('MLS', 1, '0100', 'vectorElement'),
  ...byElement('MUL', 0, '1000', 'vectorElement'),
  ...byElement('SQDMULH', 0, '1100', 'vectorElement'),
  ...byElement('SQRDMULH', 0, '1101', 'vectorElement'),
  ...byElement('SMLAL', 0, '0010', 'vectorLongElement'),
  ...byElement('UMLAL', 1, '0010', 'vectorLongElement'),
  ...byElement('SMLSL', 0, '0110', 'vectorLongElement'),
  ...byElement('UMLSL', 1, '0110', 'vectorLongElement'),
  ...byElement('SMULL', 0, '1010', 'vectorLongElement'),
  ...byElement('UMULL', 1, '1010', 'vectorLongElement'),
  ...byElement('SQDMLAL', 0, '0011', 'vectorLongElement'),
  ...byElement('SQDMLSL', 0, '0111', 'vectorLongElement'),
  ...byElement('SQDMULL', 0, '1011', 'vectorLongElement'),
  ...scalarByElement('SQDMULH', 0, '1100', false),
  ...scalarByElement('SQRDMULH', 0, '1101', false),
  ...scalarByElement('SQDMLAL', 0, '0011', true),
  ...scalarByElement('SQDMLSL', 0, '0111', true),
  ...scalarByElement('SQDMULL', 0, '1011', true),
  ...shifts,
  ...immediates,
  // Copies of elements
  ['DUP_v', '0q001110000iiiii000001nnnnnddddd', 'vectorDuplicate', 'dup <Vd.L>, <Vn.L[]>', { where: 'lane' }],
  ['DUP_x', '0q001110000iiiii000011nnnnnddddd', 'vectorDuplicate', 'dup <Vd.L>, <lanex>', { where: 'lane' }],
  ['DUP_s', '01011110000iiiii000001nnnnnddddd', 'vectorDuplicate', 'dup <Ed.L>, <Vn.L[]>', { where: 'laneAny' }],
  ['SMOV_W', '00001110000iiiii001011nnnnnddddd', 'vectorToGeneral', 'smov <Wd>, <Vn.L[]>', { where: 'lane16' }],
  ['SMOV_X', '01001110000iiiii001011nnnnnddddd', 'vectorToGeneral', 'smov <Xd>, <Vn.L[]>', { where: 'lane32' }],
  ['UMOV_W', '00001110000iiiii001111nnnnnddddd', 'vectorToGeneral', 'umov <Wd>, <Vn.L[]>', { where: 'lane32' }],
  ['UMOV_X', '01001110000h1000001111nnnnnddddd', 'vectorToGeneral', 'umov <Xd>, <Vn.D[]>'],
  ['INS_x', '01001110000iiiii000111nnnnnddddd', 'vectorInsert', 'ins <Vd.L[]>, <lanex>', { where: 'laneAny' }],
  ['INS_v', '01101110000iiiii0rrrr1nnnnnddddd', 'vectorInsert', 'ins <Vd.L[]>, <Vn.L[r]>', { where: 'laneAny' }],
  // Permutations
  ['EXT_v', '0q101110000mmmmm0iiii0nnnnnddddd', 'vectorExtract', 'ext <Vd.B>, <Vn.B>, <Vm.B>, <ext>', { where: 'ext' }],
  ['TBL_1', '0q001110000mmmmm000000nnnnnddddd', 'vectorTable', 'tbl <Vd.B>, <Vn.16b*1>, <Vm.B>'],
  ['TBX_1', '0q001110000mmmmm000100nnnnnddddd', 'vectorTable', 'tbx <Vd.B>, <Vn.16b*1>, <Vm.B>'],
  ['TBL_2', '0q001110000mmmmm001000nnnnnddddd', 'vectorTable', 'tbl <Vd.B>, <Vn.16b*2>, <Vm.B>'],
  ['TBX_2', '0q001110000mmmmm001100nnnnnddddd', 'vectorTable', 'tbx <Vd.B>, <Vn.16b*2>, <Vm.B>'],
  ['TBL_3', '0q001110000mmmmm010000nnnnnddddd', 'vectorTable', 'tbl <Vd.B>, <Vn.16b*3>, <Vm.B>'],
  ['TBX_3', '0q001110000mmmmm010100nnnnnddddd', 'vectorTable', 'tbx <Vd.B>, <Vn.16b*3>, <Vm.B>'],
  ['TBL_4', '0q001110000mmmmm011000nnnnnddddd', 'vectorTable', 'tbl <Vd.B>, <Vn.16b*4>, <Vm.B>'],
  ['TBX_4', '0q001110000mmmmm011100nnnnnddddd', 'vectorTable', 'tbx <Vd.B>, <Vn.16b*4>, <Vm.B>'],
  ['UZP1_v', '0q001110xx0mmmmm000110nnnnnddddd', 'vectorPairwise', 'uzp1 <Vd.T>, <Vn.T>, <Vm.T>', { where: ALL }],
  ['TRN1_v', '0q001110xx0mmmmm001010nnnnnddddd', 'vectorPairwise', 'trn1 <Vd.T>, <Vn.T>, <Vm.T>', { where: ALL }],
  ['ZIP1_v', '0q001110xx0mmmmm001110nnnnnddddd', 'vectorPairwise', 'zip1 <Vd.T>, <Vn.T>, <Vm.T>', { where: ALL }],
  ['UZP2_v', '0q001110xx0mmmmm010110nnnnnddddd', 'vectorPairwise', 'uzp2 <Vd.T>, <Vn.T>, <Vm.T>', { where: ALL }],
  ['TRN2_v', '0q001110xx0mmmmm011010nnnnnddddd', 'vectorPairwise', 'trn2 <Vd.T>, <Vn.T>, <Vm.T>', { where: ALL }],
  ['ZIP2_v', '0q001110xx0mmmmm011110nnnnnddddd', 'vectorPairwise', 'zip2 <Vd.T>, <Vn.T>, <Vm.T>', { where: ALL }],
]
