// table: branches, exception generation and system instructions. Arm ARM C4.1.93.
// Hints are NOPs where nothing gives them a meaning, so a hint row whose feature is not announced falls back to HINT.
import type { Row } from './row.ts'

export const BRANCHES_AND_SYSTEM: readonly Row[] = [
  // Unconditional branch (immediate)
  ['B', '000101iiiiiiiiiiiiiiiiiiiiiiiiii', 'branchImmediate', 'b <label26>'],
  ['BL', '100101iiiiiiiiiiiiiiiiiiiiiiiiii', 'branchImmediate', 'bl <label26>'],
  // Conditional branch, compare and branch, test and branch
  ['B_cond', '01010100iiiiiiiiiiiiiiiiiii0cccc', 'branchConditional', 'b.<cond> <label19>'],
  ['BC_cond', '01010100iiiiiiiiiiiiiiiiiii1cccc', 'branchConditional', 'bc.<cond> <label19>', { feature: 'FEAT_HBC' }],
  ['CBZ', 's0110100iiiiiiiiiiiiiiiiiiittttt', 'compareBranch', 'cbz <Rt>, <label19>'],
  ['CBNZ', 's0110101iiiiiiiiiiiiiiiiiiittttt', 'compareBranch', 'cbnz <Rt>, <label19>'],
  ['TBZ', 'b0110110yyyyyiiiiiiiiiiiiiittttt', 'testBranch', 'tbz <Rt>, <bit>, <label14>'],
  ['TBNZ', 'b0110111yyyyyiiiiiiiiiiiiiittttt', 'testBranch', 'tbnz <Rt>, <bit>, <label14>'],
  // Unconditional branch (register)
  ['BR', '1101011000011111000000nnnnn00000', 'branchRegister', 'br <Xn>'],
  ['BLR', '1101011000111111000000nnnnn00000', 'branchRegister', 'blr <Xn>'],
  ['RET', '1101011001011111000000nnnnn00000', 'branchRegister', 'ret<link>'],
  ['ERET', '11010110100111110000001111100000', 'trap', 'eret'],
  ['DRPS', '11010110101111110000001111100000', 'undefined', 'drps'], // only in Debug state
  // Exception generation
  ['SVC', '11010100000iiiiiiiiiiiiiiii00001', 'trap', 'svc <imm16>'],
  ['HVC', '11010100000iiiiiiiiiiiiiiii00010', 'trap', 'hvc <imm16>'],
  ['SMC', '11010100000iiiiiiiiiiiiiiii00011', 'trap', 'smc <imm16>'],
  ['BRK', '11010100001iiiiiiiiiiiiiiii00000', 'trap', 'brk <imm16>'],
  ['HLT', '11010100010iiiiiiiiiiiiiiii00000', 'undefined', 'hlt <imm16>'], // halting debug is never enabled
  ['DCPS1', '11010100101iiiiiiiiiiiiiiii00001', 'undefined', 'dcps1<dcps>'], // only in Debug state
  ['DCPS2', '11010100101iiiiiiiiiiiiiiii00010', 'undefined', 'dcps2<dcps>'],
  ['DCPS3', '11010100101iiiiiiiiiiiiiiii00011', 'undefined', 'dcps3<dcps>'],
  ['UDF', '0000000000000000iiiiiiiiiiiiiiii', 'undefined', 'udf <udf>'],
  // Hints: unallocated ones execute as NOP
  ['YIELD', '11010101000000110010000000111111', 'nop', 'yield', { refines: 'HINT' }],
  ['WFE', '11010101000000110010000001011111', 'trap', 'wfe', { refines: 'HINT' }],
  ['WFI', '11010101000000110010000001111111', 'trap', 'wfi', { refines: 'HINT' }],
  ['SEV', '11010101000000110010000010011111', 'trap', 'sev', { refines: 'HINT' }],
  ['SEVL', '11010101000000110010000010111111', 'trap', 'sevl', { refines: 'HINT' }],
  ['XPACLRI', '11010101000000110010000011111111', 'unimplemented', 'xpaclri', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['PACIA1716', '11010101000000110010000100011111', 'pointerAuthHint', 'pacia1716', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['PACIB1716', '11010101000000110010000101011111', 'pointerAuthHint', 'pacib1716', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['AUTIA1716', '11010101000000110010000110011111', 'pointerAuthHint', 'autia1716', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['AUTIB1716', '11010101000000110010000111011111', 'pointerAuthHint', 'autib1716', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['PACIAZ', '11010101000000110010001100011111', 'pointerAuthHint', 'paciaz', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['PACIASP', '11010101000000110010001100111111', 'pointerAuthHint', 'paciasp', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['PACIBZ', '11010101000000110010001101011111', 'pointerAuthHint', 'pacibz', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['PACIBSP', '11010101000000110010001101111111', 'pointerAuthHint', 'pacibsp', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['AUTIAZ', '11010101000000110010001110011111', 'pointerAuthHint', 'autiaz', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['AUTIASP', '11010101000000110010001110111111', 'pointerAuthHint', 'autiasp', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['AUTIBZ', '11010101000000110010001111011111', 'pointerAuthHint', 'autibz', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['AUTIBSP', '11010101000000110010001111111111', 'pointerAuthHint', 'autibsp', { refines: 'HINT', feature: 'FEAT_PAuth' }],
  ['ESB', '11010101000000110010001000011111', 'errorBarrier', 'esb', { refines: 'HINT', feature: 'FEAT_RAS' }],
  ['HINT', '11010101000000110010iiiiiii11111', 'nop', 'hint <hint>'],
  // Barriers. One vCPU runs at a time and its memory accesses are in program order, so they order nothing more
  ['CLREX', '11010101000000110011iiii01011111', 'clearExclusive', 'clrex<clrex>'],
  ['DSB', '11010101000000110011iiii10011111', 'nop', 'dsb <barrier>'],
  ['DMB', '11010101000000110011iiii10111111', 'nop', 'dmb <barrier>'],
  ['ISB', '11010101000000110011iiii11011111', 'nop', 'isb<isb>'],
  ['SB', '11010101000000110011000011111111', 'nop', 'sb', { feature: 'FEAT_SB' }],
  ['DSB_nXS', '11010101000000110011ii1000111111', 'nop', 'dsb <barriernxs>', { feature: 'FEAT_XS' }],
  ['WFET', '110101010000001100010000000ttttt', 'unimplemented', 'wfet <Xt>', { feature: 'FEAT_WFxT' }],
  ['WFIT', '110101010000001100010000001ttttt', 'unimplemented', 'wfit <Xt>', { feature: 'FEAT_WFxT' }],
  // PSTATE. Which pairs of op1 and op2 exist is decided with the ID registers at hand, by the semantics
  ['CFINV', '11010101000000000100000000011111', 'flagManipulation', 'cfinv', { refines: 'MSR_imm', feature: 'FEAT_FlagM' }],
  ['XAFLAG', '11010101000000000100000000111111', 'flagManipulation', 'xaflag', { refines: 'MSR_imm', feature: 'FEAT_FlagM2' }],
  ['AXFLAG', '11010101000000000100000001011111', 'flagManipulation', 'axflag', { refines: 'MSR_imm', feature: 'FEAT_FlagM2' }],
  ['MSR_SVCR_SM', '11010101000000110100001-01111111', 'unimplemented', '.sme', { refines: 'MSR_imm', feature: 'FEAT_SME' }],
  ['MSR_SVCR_ZA', '1101010100000011010001--01111111', 'unimplemented', '.sme', { refines: 'MSR_imm', feature: 'FEAT_SME' }],
  ['MSR_imm', '1101010100000ooo0100iiiixxx11111', 'moveToPstate', 'msr <pstate>, <imm4>'],
  // System instructions and register moves
  ['SYS', '1101010100001oookkkkjjjjxxxttttt', 'system', 'sys <sys><syst>'],
  ['SYSL', '1101010100101oookkkkjjjjxxxttttt', 'system', 'sysl <Xt>, <sys>'],
  ['MSR_reg', '110101010001boookkkkjjjjxxxttttt', 'writeRegister', 'msr <sysreg>, <Xt>'],
  ['MRS', '110101010011boookkkkjjjjxxxttttt', 'readRegister', 'mrs <Xt>, <sysreg>'],
]
