// table: the Cryptographic Extension of Armv8.0: AES, SHA-1, SHA-256, and polynomial multiplication of doublewords. Arm ARM C4.1.96.
import type { Row } from './row.ts'

export const CRYPTO: readonly Row[] = [
  // Cryptographic AES
  ['AESE', '0100111000101000010010nnnnnddddd', 'aes', 'aese <Vd.16b>, <Vn.16b>', { feature: 'FEAT_AES' }],
  ['AESD', '0100111000101000010110nnnnnddddd', 'aes', 'aesd <Vd.16b>, <Vn.16b>', { feature: 'FEAT_AES' }],
  ['AESMC', '0100111000101000011010nnnnnddddd', 'aes', 'aesmc <Vd.16b>, <Vn.16b>', { feature: 'FEAT_AES' }],
  ['AESIMC', '0100111000101000011110nnnnnddddd', 'aes', 'aesimc <Vd.16b>, <Vn.16b>', { feature: 'FEAT_AES' }],
  // Cryptographic three-register SHA
  ['SHA1C', '01011110000mmmmm000000nnnnnddddd', 'sha', 'sha1c <Qd>, <Sn>, <Vm.4s>', { feature: 'FEAT_SHA1' }],
  ['SHA1P', '01011110000mmmmm000100nnnnnddddd', 'sha', 'sha1p <Qd>, <Sn>, <Vm.4s>', { feature: 'FEAT_SHA1' }],
  ['SHA1M', '01011110000mmmmm001000nnnnnddddd', 'sha', 'sha1m <Qd>, <Sn>, <Vm.4s>', { feature: 'FEAT_SHA1' }],
  ['SHA1SU0', '01011110000mmmmm001100nnnnnddddd', 'sha', 'sha1su0 <Vd.4s>, <Vn.4s>, <Vm.4s>', { feature: 'FEAT_SHA1' }],
  ['SHA256H', '01011110000mmmmm010000nnnnnddddd', 'sha', 'sha256h <Qd>, <Qn>, <Vm.4s>', { feature: 'FEAT_SHA256' }],
  ['SHA256H2', '01011110000mmmmm010100nnnnnddddd', 'sha', 'sha256h2 <Qd>, <Qn>, <Vm.4s>', { feature: 'FEAT_SHA256' }],
  ['SHA256SU1', '01011110000mmmmm011000nnnnnddddd', 'sha', 'sha256su1 <Vd.4s>, <Vn.4s>, <Vm.4s>', { feature: 'FEAT_SHA256' }],
  // Cryptographic two-register SHA
  ['SHA1H', '0101111000101000000010nnnnnddddd', 'sha', 'sha1h <Sd>, <Sn>', { feature: 'FEAT_SHA1' }],
  ['SHA1SU1', '0101111000101000000110nnnnnddddd', 'sha', 'sha1su1 <Vd.4s>, <Vn.4s>', { feature: 'FEAT_SHA1' }],
  ['SHA256SU0', '0101111000101000001010nnnnnddddd', 'sha', 'sha256su0 <Vd.4s>, <Vn.4s>', { feature: 'FEAT_SHA256' }],
  // Advanced SIMD three different, size 11
  ['PMULL_1Q', '0q001110111mmmmm111000nnnnnddddd', 'polynomialMultiplyLong', 'pmull<2> <Vd.1q>, <Vn.D>, <Vm.D>', { feature: 'FEAT_PMULL' }],
]
