// table: integer data processing on vectors and scalars of vector registers. Arm ARM C4.1.96 ("Data Processing -- Scalar Floating-Point and Advanced SIMD").
import type { Row } from './row.ts'

export const SIMD_INTEGER: readonly Row[] = [
  // Three registers of the same type
  ['AND_v', '0q001110001mmmmm000111nnnnnddddd', 'vectorLogic', 'and <Vd.B>, <Vn.B>, <Vm.B>'],
  ['BIC_v', '0q001110011mmmmm000111nnnnnddddd', 'vectorLogic', 'bic <Vd.B>, <Vn.B>, <Vm.B>'],
  ['ORR_v', '0q001110101mmmmm000111nnnnnddddd', 'vectorLogic', 'orr <Vd.B>, <Vn.B>, <Vm.B>'],
  ['ORN_v', '0q001110111mmmmm000111nnnnnddddd', 'vectorLogic', 'orn <Vd.B>, <Vn.B>, <Vm.B>'],
  ['EOR_v', '0q101110001mmmmm000111nnnnnddddd', 'vectorLogic', 'eor <Vd.B>, <Vn.B>, <Vm.B>'],
  ['BSL_v', '0q101110011mmmmm000111nnnnnddddd', 'vectorLogic', 'bsl <Vd.B>, <Vn.B>, <Vm.B>'],
  ['BIT_v', '0q101110101mmmmm000111nnnnnddddd', 'vectorLogic', 'bit <Vd.B>, <Vn.B>, <Vm.B>'],
  ['BIF_v', '0q101110111mmmmm000111nnnnnddddd', 'vectorLogic', 'bif <Vd.B>, <Vn.B>, <Vm.B>'],
]
