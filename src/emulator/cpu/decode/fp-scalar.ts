// table: floating-point instructions on scalars. Arm ARM C4.1.96. Field x is the low bit of ftype: single or double precision.
import { withHalves } from './fp-halves.ts'
import type { Row } from './row.ts'

export const FP_SCALAR: readonly Row[] = [
  ...withHalves([
    // One source
    ['FMOV_s', '000111100x100000010000nnnnnddddd', 'fpScalar', 'fmov <Ed.F>, <En.F>'],
    ['FABS_s', '000111100x100000110000nnnnnddddd', 'fpScalar', 'fabs <Ed.F>, <En.F>'],
    ['FNEG_s', '000111100x100001010000nnnnnddddd', 'fpScalar', 'fneg <Ed.F>, <En.F>'],
    ['FSQRT_s', '000111100x100001110000nnnnnddddd', 'fpScalar', 'fsqrt <Ed.F>, <En.F>'],
    ['FRINTN_s', '000111100x100100010000nnnnnddddd', 'fpScalar', 'frintn <Ed.F>, <En.F>'],
    ['FRINTP_s', '000111100x100100110000nnnnnddddd', 'fpScalar', 'frintp <Ed.F>, <En.F>'],
    ['FRINTM_s', '000111100x100101010000nnnnnddddd', 'fpScalar', 'frintm <Ed.F>, <En.F>'],
    ['FRINTZ_s', '000111100x100101110000nnnnnddddd', 'fpScalar', 'frintz <Ed.F>, <En.F>'],
    ['FRINTA_s', '000111100x100110010000nnnnnddddd', 'fpScalar', 'frinta <Ed.F>, <En.F>'],
    ['FRINTX_s', '000111100x100111010000nnnnnddddd', 'fpScalar', 'frintx <Ed.F>, <En.F>'],
    ['FRINTI_s', '000111100x100111110000nnnnnddddd', 'fpScalar', 'frinti <Ed.F>, <En.F>'],
    // Two sources
    ['FMUL_s', '000111100x1mmmmm000010nnnnnddddd', 'fpScalar', 'fmul <Ed.F>, <En.F>, <Em.F>'],
    ['FDIV_s', '000111100x1mmmmm000110nnnnnddddd', 'fpScalar', 'fdiv <Ed.F>, <En.F>, <Em.F>'],
    ['FADD_s', '000111100x1mmmmm001010nnnnnddddd', 'fpScalar', 'fadd <Ed.F>, <En.F>, <Em.F>'],
    ['FSUB_s', '000111100x1mmmmm001110nnnnnddddd', 'fpScalar', 'fsub <Ed.F>, <En.F>, <Em.F>'],
    ['FMAX_s', '000111100x1mmmmm010010nnnnnddddd', 'fpScalar', 'fmax <Ed.F>, <En.F>, <Em.F>'],
    ['FMIN_s', '000111100x1mmmmm010110nnnnnddddd', 'fpScalar', 'fmin <Ed.F>, <En.F>, <Em.F>'],
    ['FMAXNM_s', '000111100x1mmmmm011010nnnnnddddd', 'fpScalar', 'fmaxnm <Ed.F>, <En.F>, <Em.F>'],
    ['FMINNM_s', '000111100x1mmmmm011110nnnnnddddd', 'fpScalar', 'fminnm <Ed.F>, <En.F>, <Em.F>'],
    ['FNMUL_s', '000111100x1mmmmm100010nnnnnddddd', 'fpScalar', 'fnmul <Ed.F>, <En.F>, <Em.F>'],
    // Three sources
    ['FMADD_s', '000111110x0mmmmm0aaaaannnnnddddd', 'fpScalar', 'fmadd <Ed.F>, <En.F>, <Em.F>, <Ea.F>'],
    ['FMSUB_s', '000111110x0mmmmm1aaaaannnnnddddd', 'fpScalar', 'fmsub <Ed.F>, <En.F>, <Em.F>, <Ea.F>'],
    ['FNMADD_s', '000111110x1mmmmm0aaaaannnnnddddd', 'fpScalar', 'fnmadd <Ed.F>, <En.F>, <Em.F>, <Ea.F>'],
    ['FNMSUB_s', '000111110x1mmmmm1aaaaannnnnddddd', 'fpScalar', 'fnmsub <Ed.F>, <En.F>, <Em.F>, <Ea.F>'],
    // Compare, conditional compare, conditional select
    ['FCMP', '000111100x1mmmmm001000nnnnn00000', 'fpCompare', 'fcmp <En.F>, <Em.F>'],
    ['FCMPE', '000111100x1mmmmm001000nnnnn10000', 'fpCompare', 'fcmpe <En.F>, <Em.F>'],
    ['FCMP_zero', '000111100x1-----001000nnnnn01000', 'fpCompare', 'fcmp <En.F>, #0.0'],
    ['FCMPE_zero', '000111100x1-----001000nnnnn11000', 'fpCompare', 'fcmpe <En.F>, #0.0'],
    ['FCCMP', '000111100x1mmmmmcccc01nnnnn0zzzz', 'fpCompare', 'fccmp <En.F>, <Em.F>, <nzcv>, <cond>'],
    ['FCCMPE', '000111100x1mmmmmcccc01nnnnn1zzzz', 'fpCompare', 'fccmpe <En.F>, <Em.F>, <nzcv>, <cond>'],
    ['FCSEL', '000111100x1mmmmmcccc11nnnnnddddd', 'fpSelect', 'fcsel <Ed.F>, <En.F>, <Em.F>, <cond>'],
    // Immediate
    ['FMOV_imm', '000111100x1iiiiiiii10000000ddddd', 'fpImmediate', 'fmov <Ed.F>, <fpimm>'],
    // Fixed point
    ['SCVTF_fixed', 's00111100x000010eeeeeennnnnddddd', 'fpFromInteger', 'scvtf <Ed.F>, <Rn>, <fbits>', { where: 'fixedPoint' }],
    ['UCVTF_fixed', 's00111100x000011eeeeeennnnnddddd', 'fpFromInteger', 'ucvtf <Ed.F>, <Rn>, <fbits>', { where: 'fixedPoint' }],
    ['FCVTZS_fixed', 's00111100x011000eeeeeennnnnddddd', 'fpToInteger', 'fcvtzs <Rd>, <En.F>, <fbits>', { where: 'fixedPoint' }],
    ['FCVTZU_fixed', 's00111100x011001eeeeeennnnnddddd', 'fpToInteger', 'fcvtzu <Rd>, <En.F>, <fbits>', { where: 'fixedPoint' }],
    // Integers
    ['FCVTNS_int', 's00111100x100000000000nnnnnddddd', 'fpToInteger', 'fcvtns <Rd>, <En.F>'],
    ['FCVTNU_int', 's00111100x100001000000nnnnnddddd', 'fpToInteger', 'fcvtnu <Rd>, <En.F>'],
    ['SCVTF_int', 's00111100x100010000000nnnnnddddd', 'fpFromInteger', 'scvtf <Ed.F>, <Rn>'],
    ['UCVTF_int', 's00111100x100011000000nnnnnddddd', 'fpFromInteger', 'ucvtf <Ed.F>, <Rn>'],
    ['FCVTAS_int', 's00111100x100100000000nnnnnddddd', 'fpToInteger', 'fcvtas <Rd>, <En.F>'],
    ['FCVTAU_int', 's00111100x100101000000nnnnnddddd', 'fpToInteger', 'fcvtau <Rd>, <En.F>'],
    ['FCVTPS_int', 's00111100x101000000000nnnnnddddd', 'fpToInteger', 'fcvtps <Rd>, <En.F>'],
    ['FCVTPU_int', 's00111100x101001000000nnnnnddddd', 'fpToInteger', 'fcvtpu <Rd>, <En.F>'],
    ['FCVTMS_int', 's00111100x110000000000nnnnnddddd', 'fpToInteger', 'fcvtms <Rd>, <En.F>'],
    ['FCVTMU_int', 's00111100x110001000000nnnnnddddd', 'fpToInteger', 'fcvtmu <Rd>, <En.F>'],
    ['FCVTZS_int', 's00111100x111000000000nnnnnddddd', 'fpToInteger', 'fcvtzs <Rd>, <En.F>'],
    ['FCVTZU_int', 's00111100x111001000000nnnnnddddd', 'fpToInteger', 'fcvtzu <Rd>, <En.F>'],
  ]),
  // Between formats
  ['FCVT_SD', '0001111000100010110000nnnnnddddd', 'fpConvert', 'fcvt <Dd>, <Sn>'],
  ['FCVT_SH', '0001111000100011110000nnnnnddddd', 'fpConvert', 'fcvt <Hd>, <Sn>'],
  ['FCVT_DS', '0001111001100010010000nnnnnddddd', 'fpConvert', 'fcvt <Sd>, <Dn>'],
  ['FCVT_DH', '0001111001100011110000nnnnnddddd', 'fpConvert', 'fcvt <Hd>, <Dn>'],
  ['FCVT_HS', '0001111011100010010000nnnnnddddd', 'fpConvert', 'fcvt <Sd>, <Hn>'],
  ['FCVT_HD', '0001111011100010110000nnnnnddddd', 'fpConvert', 'fcvt <Dd>, <Hn>'],
  // Bits between the register files
  ['FMOV_WS', '0001111000100110000000nnnnnddddd', 'fpMove', 'fmov <Wd>, <Sn>'],
  ['FMOV_SW', '0001111000100111000000nnnnnddddd', 'fpMove', 'fmov <Sd>, <Wn>'],
  ['FMOV_XD', '1001111001100110000000nnnnnddddd', 'fpMove', 'fmov <Xd>, <Dn>'],
  ['FMOV_DX', '1001111001100111000000nnnnnddddd', 'fpMove', 'fmov <Dd>, <Xn>'],
  ['FMOV_Xtop', '1001111010101110000000nnnnnddddd', 'fpMove', 'fmov <Xd>, <Vn.D[1]>'],
  ['FMOV_topX', '1001111010101111000000nnnnnddddd', 'fpMove', 'fmov <Vd.D[1]>, <Xn>'],
  ['FMOV_RH', 's001111011100110000000nnnnnddddd', 'fpMove', 'fmov <Rd>, <Hn>', { feature: 'FEAT_FP16' }],
  ['FMOV_HR', 's001111011100111000000nnnnnddddd', 'fpMove', 'fmov <Hd>, <Rn>', { feature: 'FEAT_FP16' }],
]
