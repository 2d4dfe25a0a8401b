// table: encodings that the architecture defines beyond what this CPU executes. With the feature announced, a guest that uses one stops with `unimplemented`
// and the feature's name; without it the word is UNDEFINED, as on the real machine. The pictures are as wide as the manual's groups, which is wider than
// what is allocated: they say "not ours to judge", never that a word is valid.
import type { Row } from './row.ts'

const TODO = 'unimplemented'

export const NOT_IMPLEMENTED: readonly Row[] = [
  // Data processing (immediate)
  ['ADDG', '1001000110----------------------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['SUBG', '1101000110----------------------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['MIN_MAX_imm', '-001000111----------------------', TODO, '.cssc', { feature: 'FEAT_CSSC' }],
  // Data processing (register)
  ['SUBP', '10011010110-----000000----------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['SUBPS', '10111010110-----000000----------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['IRG', '10011010110-----000100----------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['GMI', '10011010110-----000101----------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['PACGA', '10011010110-----001100----------', TODO, '.pauth', { feature: 'FEAT_PAuth' }],
  ['MIN_MAX_reg', '-0011010110-----0110------------', TODO, '.cssc', { feature: 'FEAT_CSSC' }],
  ['CTZ', '-101101011000000000110----------', TODO, '.cssc', { feature: 'FEAT_CSSC' }],
  ['CNT', '-101101011000000000111----------', TODO, '.cssc', { feature: 'FEAT_CSSC' }],
  ['ABS', '-101101011000000001000----------', TODO, '.cssc', { feature: 'FEAT_CSSC' }],
  ['PAC_AUT', '1101101011000001----------------', TODO, '.pauth', { feature: 'FEAT_PAuth' }],
  // Branches, exception generation, system
  ['BRA_BLRA_RETA', '1101011-0--1111100001-----------', TODO, '.pauth', { feature: 'FEAT_PAuth' }],
  ['ERETA', '110101101001111100001-1111111111', TODO, '.pauth', { feature: 'FEAT_PAuth' }],
  ['TCANCEL', '11010100011----------------00000', TODO, '.tme', { feature: 'FEAT_TME' }],
  ['TCOMMIT', '11010101000000110011000001111111', TODO, '.tme', { feature: 'FEAT_TME' }],
  ['TSTART_TTEST', '11010101001000110011000-011-----', TODO, '.tme', { feature: 'FEAT_TME' }],
  ['SYSTEM_128', '1101010101----------------------', TODO, '.sysreg128', { feature: 'FEAT_SYSREG128' }],
  // Loads and stores
  ['ST64BV0', '11111000001-----101000----------', TODO, '.ls64', { feature: 'FEAT_LS64' }],
  ['ST64B', '11111000001-----100100----------', TODO, '.ls64', { feature: 'FEAT_LS64' }],
  ['ST64BV', '11111000001-----101100----------', TODO, '.ls64', { feature: 'FEAT_LS64' }],
  ['LD64B', '11111000001-----110100----------', TODO, '.ls64', { feature: 'FEAT_LS64' }],
  ['LDRA', '11111000--1----------1----------', TODO, '.pauth', { feature: 'FEAT_PAuth' }],
  ['MEMORY_COPY', '--011001--0---------01----------', TODO, '.mops', { feature: 'FEAT_MOPS' }],
  ['MEMORY_SET', '--011101--0---------01----------', TODO, '.mops', { feature: 'FEAT_MOPS' }],
  ['LDIAPP_STILP', '1-011001--0---------10----------', TODO, '.lrcpc', { feature: 'FEAT_LRCPC3' }],
  ['ATOMIC_128', '00011001--1---------00----------', TODO, '.lse', { feature: 'FEAT_LSE128' }],
  ['TAG_LOAD_STORE', '11011001--1---------------------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['STGP_post', '0110100010----------------------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['STGP_offset', '0110100100----------------------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  ['STGP_pre', '0110100110----------------------', TODO, '.mte', { feature: 'FEAT_MTE' }],
  // SVE; SME
  ['SVE', '---0010-------------------------', TODO, '.sve', { feature: 'FEAT_SVE' }],
  ['SME', '1--0000-------------------------', TODO, '.sme', { feature: 'FEAT_SME' }],
]
