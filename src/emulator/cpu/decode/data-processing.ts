// table: data processing with immediates and registers. Arm ARM C4.1.92 and C4.1.95.
import type { Row } from './row.ts'

export const DATA_PROCESSING: readonly Row[] = [
  // PC-relative addressing
  ['ADR', '0pp10000iiiiiiiiiiiiiiiiiiiddddd', 'pcRelative', 'adr <Xd>, <adr>'],
  ['ADRP', '1pp10000iiiiiiiiiiiiiiiiiiiddddd', 'pcRelative', 'adrp <Xd>, <adrp>'],
  // Add/subtract (immediate)
  ['ADD_imm', 's00100010hiiiiiiiiiiiinnnnnddddd', 'addSubImmediate', 'add <Rd|SP>, <Rn|SP>, <imm12>'],
  ['ADDS_imm', 's01100010hiiiiiiiiiiiinnnnnddddd', 'addSubImmediate', 'adds <Rd>, <Rn|SP>, <imm12>'],
  ['SUB_imm', 's10100010hiiiiiiiiiiiinnnnnddddd', 'addSubImmediate', 'sub <Rd|SP>, <Rn|SP>, <imm12>'],
  ['SUBS_imm', 's11100010hiiiiiiiiiiiinnnnnddddd', 'addSubImmediate', 'subs <Rd>, <Rn|SP>, <imm12>'],
  // Logical (immediate)
  ['AND_imm', 's00100100brrrrrreeeeeennnnnddddd', 'logicalImmediate', 'and <Rd|SP>, <Rn>, <bitmask>', { where: 'bitmask' }],
  ['ORR_imm', 's01100100brrrrrreeeeeennnnnddddd', 'logicalImmediate', 'orr <Rd|SP>, <Rn>, <bitmask>', { where: 'bitmask' }],
  ['EOR_imm', 's10100100brrrrrreeeeeennnnnddddd', 'logicalImmediate', 'eor <Rd|SP>, <Rn>, <bitmask>', { where: 'bitmask' }],
  ['ANDS_imm', 's11100100brrrrrreeeeeennnnnddddd', 'logicalImmediate', 'ands <Rd>, <Rn>, <bitmask>', { where: 'bitmask' }],
  // Move wide (immediate)
  ['MOVN', 's00100101hhiiiiiiiiiiiiiiiiddddd', 'moveWide', 'movn <Rd>, <imm16hw>', { where: 'hw32' }],
  ['MOVZ', 's10100101hhiiiiiiiiiiiiiiiiddddd', 'moveWide', 'movz <Rd>, <imm16hw>', { where: 'hw32' }],
  ['MOVK', 's11100101hhiiiiiiiiiiiiiiiiddddd', 'moveWide', 'movk <Rd>, <imm16hw>', { where: 'hw32' }],
  // Bitfield
  ['SBFM', 's00100110brrrrrreeeeeennnnnddddd', 'bitfield', 'sbfm <Rd>, <Rn>, <immr>, <imms>', { where: 'bitfield' }],
  ['BFM', 's01100110brrrrrreeeeeennnnnddddd', 'bitfield', 'bfm <Rd>, <Rn>, <immr>, <imms>', { where: 'bitfield' }],
  ['UBFM', 's10100110brrrrrreeeeeennnnnddddd', 'bitfield', 'ubfm <Rd>, <Rn>, <immr>, <imms>', { where: 'bitfield' }],
  // Extract
  ['EXTR', 's00100111b0mmmmmeeeeeennnnnddddd', 'extract', 'extr <Rd>, <Rn>, <Rm>, <lsb>', { where: 'extract' }],
  // Logical (shifted register)
  ['AND_shift', 's0001010ff0mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'and <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['BIC_shift', 's0001010ff1mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'bic <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['ORR_shift', 's0101010ff0mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'orr <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['ORN_shift', 's0101010ff1mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'orn <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['EOR_shift', 's1001010ff0mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'eor <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['EON_shift', 's1001010ff1mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'eon <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['ANDS_shift', 's1101010ff0mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'ands <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  ['BICS_shift', 's1101010ff1mmmmmyyyyyynnnnnddddd', 'logicalShifted', 'bics <Rd>, <Rn>, <Rm><shift>', { where: 'shift32' }],
  // Add/subtract (shifted register)
  ['ADD_shift', 's0001011ff0mmmmmyyyyyynnnnnddddd', 'addSubShifted', 'add <Rd>, <Rn>, <Rm><shift>', { where: 'addShift' }],
  ['ADDS_shift', 's0101011ff0mmmmmyyyyyynnnnnddddd', 'addSubShifted', 'adds <Rd>, <Rn>, <Rm><shift>', { where: 'addShift' }],
  ['SUB_shift', 's1001011ff0mmmmmyyyyyynnnnnddddd', 'addSubShifted', 'sub <Rd>, <Rn>, <Rm><shift>', { where: 'addShift' }],
  ['SUBS_shift', 's1101011ff0mmmmmyyyyyynnnnnddddd', 'addSubShifted', 'subs <Rd>, <Rn>, <Rm><shift>', { where: 'addShift' }],
  // Add/subtract (extended register)
  ['ADD_ext', 's0001011001mmmmmoooyyynnnnnddddd', 'addSubExtended', 'add <Rd|SP>, <Rn|SP>, <extend>', { where: 'extend' }],
  ['ADDS_ext', 's0101011001mmmmmoooyyynnnnnddddd', 'addSubExtended', 'adds <Rd>, <Rn|SP>, <extend>', { where: 'extend' }],
  ['SUB_ext', 's1001011001mmmmmoooyyynnnnnddddd', 'addSubExtended', 'sub <Rd|SP>, <Rn|SP>, <extend>', { where: 'extend' }],
  ['SUBS_ext', 's1101011001mmmmmoooyyynnnnnddddd', 'addSubExtended', 'subs <Rd>, <Rn|SP>, <extend>', { where: 'extend' }],
  // Add/subtract (with carry)
  ['ADC', 's0011010000mmmmm000000nnnnnddddd', 'addSubCarry', 'adc <Rd>, <Rn>, <Rm>'],
  ['ADCS', 's0111010000mmmmm000000nnnnnddddd', 'addSubCarry', 'adcs <Rd>, <Rn>, <Rm>'],
  ['SBC', 's1011010000mmmmm000000nnnnnddddd', 'addSubCarry', 'sbc <Rd>, <Rn>, <Rm>'],
  ['SBCS', 's1111010000mmmmm000000nnnnnddddd', 'addSubCarry', 'sbcs <Rd>, <Rn>, <Rm>'],
  // Conditional compare (register, immediate)
  ['CCMN_reg', 's0111010010mmmmmcccc00nnnnn0zzzz', 'conditionalCompare', 'ccmn <Rn>, <Rm>, <nzcv>, <cond>'],
  ['CCMP_reg', 's1111010010mmmmmcccc00nnnnn0zzzz', 'conditionalCompare', 'ccmp <Rn>, <Rm>, <nzcv>, <cond>'],
  ['CCMN_imm', 's0111010010iiiiicccc10nnnnn0zzzz', 'conditionalCompare', 'ccmn <Rn>, <imm5>, <nzcv>, <cond>'],
  ['CCMP_imm', 's1111010010iiiiicccc10nnnnn0zzzz', 'conditionalCompare', 'ccmp <Rn>, <imm5>, <nzcv>, <cond>'],
  // Rotate right into flags, evaluate into flags
  ['RMIF', '10111010000eeeeee00001nnnnn0zzzz', 'flagManipulation', 'rmif <Xn>, <lsb>, <flagmask>', { feature: 'FEAT_FlagM' }],
  ['SETF8', '0011101000000000000010nnnnn01101', 'flagManipulation', 'setf8 <Wn>', { feature: 'FEAT_FlagM' }],
  ['SETF16', '0011101000000000010010nnnnn01101', 'flagManipulation', 'setf16 <Wn>', { feature: 'FEAT_FlagM' }],
  // Conditional select
  ['CSEL', 's0011010100mmmmmcccc00nnnnnddddd', 'conditionalSelect', 'csel <Rd>, <Rn>, <Rm>, <cond>'],
  ['CSINC', 's0011010100mmmmmcccc01nnnnnddddd', 'conditionalSelect', 'csinc <Rd>, <Rn>, <Rm>, <cond>'],
  ['CSINV', 's1011010100mmmmmcccc00nnnnnddddd', 'conditionalSelect', 'csinv <Rd>, <Rn>, <Rm>, <cond>'],
  ['CSNEG', 's1011010100mmmmmcccc01nnnnnddddd', 'conditionalSelect', 'csneg <Rd>, <Rn>, <Rm>, <cond>'],
  // Data-processing (2 source)
  ['UDIV', 's0011010110mmmmm000010nnnnnddddd', 'twoSource', 'udiv <Rd>, <Rn>, <Rm>'],
  ['SDIV', 's0011010110mmmmm000011nnnnnddddd', 'twoSource', 'sdiv <Rd>, <Rn>, <Rm>'],
  ['LSLV', 's0011010110mmmmm001000nnnnnddddd', 'twoSource', 'lslv <Rd>, <Rn>, <Rm>'],
  ['LSRV', 's0011010110mmmmm001001nnnnnddddd', 'twoSource', 'lsrv <Rd>, <Rn>, <Rm>'],
  ['ASRV', 's0011010110mmmmm001010nnnnnddddd', 'twoSource', 'asrv <Rd>, <Rn>, <Rm>'],
  ['RORV', 's0011010110mmmmm001011nnnnnddddd', 'twoSource', 'rorv <Rd>, <Rn>, <Rm>'],
  ['CRC32B', '00011010110mmmmm010000nnnnnddddd', 'crc32', 'crc32b <Wd>, <Wn>, <Wm>', { feature: 'FEAT_CRC32' }],
  ['CRC32H', '00011010110mmmmm010001nnnnnddddd', 'crc32', 'crc32h <Wd>, <Wn>, <Wm>', { feature: 'FEAT_CRC32' }],
  ['CRC32W', '00011010110mmmmm010010nnnnnddddd', 'crc32', 'crc32w <Wd>, <Wn>, <Wm>', { feature: 'FEAT_CRC32' }],
  ['CRC32X', '10011010110mmmmm010011nnnnnddddd', 'crc32', 'crc32x <Wd>, <Wn>, <Xm>', { feature: 'FEAT_CRC32' }],
  ['CRC32CB', '00011010110mmmmm010100nnnnnddddd', 'crc32', 'crc32cb <Wd>, <Wn>, <Wm>', { feature: 'FEAT_CRC32' }],
  ['CRC32CH', '00011010110mmmmm010101nnnnnddddd', 'crc32', 'crc32ch <Wd>, <Wn>, <Wm>', { feature: 'FEAT_CRC32' }],
  ['CRC32CW', '00011010110mmmmm010110nnnnnddddd', 'crc32', 'crc32cw <Wd>, <Wn>, <Wm>', { feature: 'FEAT_CRC32' }],
  ['CRC32CX', '10011010110mmmmm010111nnnnnddddd', 'crc32', 'crc32cx <Wd>, <Wn>, <Xm>', { feature: 'FEAT_CRC32' }],
  // Data-processing (1 source)
  ['RBIT', 's101101011000000000000nnnnnddddd', 'oneSource', 'rbit <Rd>, <Rn>'],
  ['REV16', 's101101011000000000001nnnnnddddd', 'oneSource', 'rev16 <Rd>, <Rn>'],
  ['REV_W', '0101101011000000000010nnnnnddddd', 'oneSource', 'rev <Wd>, <Wn>'],
  ['REV32', '1101101011000000000010nnnnnddddd', 'oneSource', 'rev32 <Xd>, <Xn>'],
  ['REV_X', '1101101011000000000011nnnnnddddd', 'oneSource', 'rev <Xd>, <Xn>'],
  ['CLZ', 's101101011000000000100nnnnnddddd', 'oneSource', 'clz <Rd>, <Rn>'],
  ['CLS', 's101101011000000000101nnnnnddddd', 'oneSource', 'cls <Rd>, <Rn>'],
  // Data-processing (3 source). SMULH and UMULH ignore Ra
  ['MADD', 's0011011000mmmmm0aaaaannnnnddddd', 'threeSource', 'madd <Rd>, <Rn>, <Rm>, <Ra>'],
  ['MSUB', 's0011011000mmmmm1aaaaannnnnddddd', 'threeSource', 'msub <Rd>, <Rn>, <Rm>, <Ra>'],
  ['SMADDL', '10011011001mmmmm0aaaaannnnnddddd', 'threeSource', 'smaddl <Xd>, <Wn>, <Wm>, <Xa>'],
  ['SMSUBL', '10011011001mmmmm1aaaaannnnnddddd', 'threeSource', 'smsubl <Xd>, <Wn>, <Wm>, <Xa>'],
  ['SMULH', '10011011010mmmmm0-----nnnnnddddd', 'threeSource', 'smulh <Xd>, <Xn>, <Xm>'],
  ['UMADDL', '10011011101mmmmm0aaaaannnnnddddd', 'threeSource', 'umaddl <Xd>, <Wn>, <Wm>, <Xa>'],
  ['UMSUBL', '10011011101mmmmm1aaaaannnnnddddd', 'threeSource', 'umsubl <Xd>, <Wn>, <Wm>, <Xa>'],
  ['UMULH', '10011011110mmmmm0-----nnnnnddddd', 'threeSource', 'umulh <Xd>, <Xn>, <Xm>'],
]
