// table: integer vector instructions that later versions added and the recorded CPUs announce: rounding doubling multiply accumulate (FEAT_RDM) and dot
// products (FEAT_DotProd). Arm ARM C4.1.96.
import type { Row } from './row.ts'

export const SIMD_EXTENSIONS: readonly Row[] = [
  // Advanced SIMD three-register extension
  ['SQRDMLAH_v', '0q101110xx0mmmmm100001nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlah <Vd.T>, <Vn.T>, <Vm.T>', { feature: 'FEAT_RDM', where: 'halfOrWord' }],
  ['SQRDMLSH_v', '0q101110xx0mmmmm100011nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlsh <Vd.T>, <Vn.T>, <Vm.T>', { feature: 'FEAT_RDM', where: 'halfOrWord' }],
  ['SDOT_v', '0q001110100mmmmm100101nnnnnddddd', 'dotProduct', 'sdot <Vd.S>, <Vn.B>, <Vm.B>', { feature: 'FEAT_DotProd' }],
  ['UDOT_v', '0q101110100mmmmm100101nnnnnddddd', 'dotProduct', 'udot <Vd.S>, <Vn.B>, <Vm.B>', { feature: 'FEAT_DotProd' }],
  // Advanced SIMD scalar three same extra
  ['SQRDMLAH_s', '01111110xx0mmmmm100001nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlah <Ed.T>, <En.T>, <Em.T>', { feature: 'FEAT_RDM', where: 'halfOrWord' }],
  ['SQRDMLSH_s', '01111110xx0mmmmm100011nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlsh <Ed.T>, <En.T>, <Em.T>', { feature: 'FEAT_RDM', where: 'halfOrWord' }],
  // Advanced SIMD vector × indexed element
  ['SQRDMLAH_vH', '0q10111101lmmmmm1101h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlah <Vd.H>, <Vn.H>, <Vm.H[]>', { feature: 'FEAT_RDM' }],
  ['SQRDMLAH_vS', '0q10111110lmmmmm1101h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlah <Vd.S>, <Vn.S>, <Vm.S[]>', { feature: 'FEAT_RDM' }],
  ['SQRDMLSH_vH', '0q10111101lmmmmm1111h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlsh <Vd.H>, <Vn.H>, <Vm.H[]>', { feature: 'FEAT_RDM' }],
  ['SQRDMLSH_vS', '0q10111110lmmmmm1111h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlsh <Vd.S>, <Vn.S>, <Vm.S[]>', { feature: 'FEAT_RDM' }],
  ['SDOT_i', '0q00111110lmmmmm1110h0nnnnnddddd', 'dotProduct', 'sdot <Vd.S>, <Vn.B>, <Vm.4b[]>', { feature: 'FEAT_DotProd' }],
  ['UDOT_i', '0q10111110lmmmmm1110h0nnnnnddddd', 'dotProduct', 'udot <Vd.S>, <Vn.B>, <Vm.4b[]>', { feature: 'FEAT_DotProd' }],
  // Advanced SIMD scalar × indexed element
  ['SQRDMLAH_sH', '0111111101lmmmmm1101h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlah <Hd>, <Hn>, <Vm.H[]>', { feature: 'FEAT_RDM' }],
  ['SQRDMLAH_sS', '0111111110lmmmmm1101h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlah <Sd>, <Sn>, <Vm.S[]>', { feature: 'FEAT_RDM' }],
  ['SQRDMLSH_sH', '0111111101lmmmmm1111h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlsh <Hd>, <Hn>, <Vm.H[]>', { feature: 'FEAT_RDM' }],
  ['SQRDMLSH_sS', '0111111110lmmmmm1111h0nnnnnddddd', 'multiplyAccumulateHigh', 'sqrdmlsh <Sd>, <Sn>, <Vm.S[]>', { feature: 'FEAT_RDM' }],
]
