// Owns the shape of a row of the A64 decode table and the words its columns may hold. Knows no semantics, no engine and no printing:
// the interpreter, the disassembler and the conformance scripts all read the same rows.
import type { CpuFeature } from './cpu-feature.ts'

/**
 * One encoding: `[name, picture, semantics, asm, more]`.
 *
 * - `name`: unique; the manual's mnemonic in capitals, with a suffix where the manual has several encodings of it.
 * - `picture`: 32 characters, bit 31 first. `0` and `1` are fixed, a run of one letter is a field, `-` is ignored
 *   (the manual's "should be" bits, which real implementations ignore too). Field letters:
 *   `s` sf · `d n m a` Rd Rn Rm Ra · `t u w` Rt Rt2 Rs · `i` immediate · `h` hw, or the shift-by-12 flag · `p` immlo · `f` shift type · `y` shift amount or bit number
 *   `b` N, b5 or o0 · `r e` immr imms · `o` extend option or op1 · `g` S of an index (scale it) · `c` cond · `z` nzcv · `k j x` CRn CRm op2 (`x` also: size)
 *   `q` Q (128 bits) · `v l` what else a vector encoding has: U, index bits, immh:immb.
 * - `semantics`: key of what it does (SemanticsKey).
 * - `asm`: canonical assembly without aliases, in lower case, with operands in angle brackets (see OPERANDS).
 * - `refines`: the row whose words this one takes a part of; it must stand before that row. Overlap that is not declared here fails a test.
 * - `feature`: what the ID registers must announce. Otherwise the word is what the refined row says, or UNDEFINED.
 * - `where`: name of a validity rule (validity.ts); words of the picture that break it are UNDEFINED.
 */
export type Row = readonly [name: string, picture: string, semantics: SemanticsKey, asm: string, more?: RowOptions]
export interface RowOptions {
  readonly refines?: string
  readonly feature?: CpuFeature
  readonly where?: ValidityRule
}

/**
 * Operands in `asm`. Registers: `<Rd>` is W or X by sf, `<Wd>` and `<Xd>` are fixed, `|SP` means that 31 is the stack pointer (else the zero register); the letter is the field.
 * The others print themselves with their `#`, and everything optional (a zero shift, a zero offset) includes its comma and vanishes:
 * `<adr>` `<adrp>` `<label26>` `<label19>` `<label14>` PC-relative · `<imm12>` with `, lsl #12` · `<bitmask>` · `<imm16>` · `<imm16hw>` with `, lsl #N` · `<immr>` `<imms>` · `<lsb>` (EXTR: imms)
 * `<shift>` `, lsl|lsr|asr|ror #N` of fields f and y · `<extend>` the register m with its extension · `<imm5>` (CCMP) · `<nzcv>` · `<cond>` · `<bit>` (TBZ)
 * `<pimm*N>` unsigned 12-bit offset × N · `<simm9>` · `<simm7*N>` · `<simm9wb>` `<simm7wb*N>` the same with writeback: printed even when zero · `<index*N>` register m with its extension, shifted by N when g is set · `<prfop>` (field t)
 * `<udf>` (i) · `<dcps>` (i, when not 0) · `<link>` register n, when not X30 · `<hint>` (i) · `<barrier>` `<barriernxs>` (i) · `<isb>` `<clrex>` (i) · `<pstate>` (o and x) `<imm4>` (i) · `<sysreg>` (b o k j x) · `<sys>` (o k j x) `<syst>` register t, when not XZR.
 * `<oddw>` `<oddt>` the register after w or t · `<flagmask>` z as a number.
 */
export const OPERANDS =
  'adr adrp label26 label19 label14 imm12 bitmask imm16 imm16hw immr imms lsb shift extend imm5 nzcv cond bit pimm simm9 simm7 simm9wb simm7wb index prfop udf dcps link hint barrier barriernxs isb clrex pstate imm4 sysreg sys syst oddw oddt flagmask'

/**
 * Operands of FP and SIMD rows, beside those above. `<Bd>` `<Hd>` `<Sd>` `<Dd>` `<Qd>` is a scalar of that width, `<Ed.K>` one whose width K says; `<Vd.K>` is a vector. The letter is the field. K:
 * `B` `H` `S` `D` elements of that size, 64 or 128 bits by q · `T` size by x, length by q · `TW` twice x, 128 bits · `TP` twice x, length by q
 * `F` 32 or 64 bits by a one-bit x, length by q · `FN` half of that, by q · `FW` as F, 128 bits · `I` size by the highest set bit of immh (field l is immh:immb, 7 bits), by q · `IW` twice that, 128 bits
 * `L` size by the lowest set bit of imm5 (field i), by q · or an arrangement that is fixed, in lower case: `<Vd.4s>` `<Vd.1q>`.
 * One element: `<Vm.H[]>` (register m & 15, index h:l:M), `<Vm.S[]>` `<Vm.4b[]>` (h:l), `<Vm.D[]>` (h) of instructions by element · `<Vn.L[]>` index in imm5, `<Vn.L[r]>` in imm4 (field r) · `<Vd.D[1]>` fixed.
 * Lists: `<Vt.T*4>` four registers, as all 1 to 4 · `<Vt.b[]*3>` an element of three, index q:g:x (g is S, x the free bits of size).
 * `<2>` of a mnemonic, when q is set · `<shl>` `<shr>` shift by l · `<sizeshift>` 8 << x · `<ext>` index i · `<imm8>` p:i (p optional) · `<imm8lsl>` with `, lsl #8*y` · `<imm8msl>` with `, msl #8<<y` · `<imm64>` a bit of imm8 for each byte
 * `<fpimm>` imm8 as a floating-point number · `<fbits>` 64 - e, `<fbits*N>` N - e · `<post*N>` register m, or N when 31 · `<postq*N>` the same with N doubled by q · `<postx*N>` with N << x · `<lanex>` general register n, as wide as imm5 says.
 */
export const VECTOR_OPERANDS = '2 shl shr sizeshift ext imm8 imm8lsl imm8msl imm64 fpimm fbits post postq postx lanex'

export type ValidityRule =
  | 'bitmask'
  | 'hw32'
  | 'bitfield'
  | 'extract'
  | 'shift32'
  | 'addShift'
  | 'extend'
  | 'index'
  | 'crc'
  | 'evenPairs'
  | 'halfOrWord'
  | SimdRule
  | FpRule

/** fp-validity.ts. */
export type FpRule = 'float2d' | 'fixedPoint'

/** Sizes of elements and shifts, indices in imm5: simd-validity.ts. */
export type SimdRule = 'not1d' | 'notD' | 'across' | 'shift' | 'shiftHalf' | 'shift64' | 'shiftScalar' | 'lane' | 'laneAny' | 'lane16' | 'lane32' | 'ext'

export type SemanticsKey =
  | 'pcRelative'
  | 'addSubImmediate'
  | 'logicalImmediate'
  | 'moveWide'
  | 'bitfield'
  | 'extract'
  | 'logicalShifted'
  | 'addSubShifted'
  | 'addSubExtended'
  | 'addSubCarry'
  | 'conditionalCompare'
  | 'conditionalSelect'
  | 'twoSource'
  | 'crc32'
  | 'oneSource'
  | 'threeSource'
  | 'branchImmediate'
  | 'branchConditional'
  | 'compareBranch'
  | 'testBranch'
  | 'branchRegister'
  | 'nop'
  | 'trap'
  | 'clearExclusive'
  | 'undefined'
  | 'unimplemented'
  | 'pointerAuthHint'
  | 'moveToPstate'
  | 'readRegister'
  | 'writeRegister'
  | 'system'
  | 'loadLiteral'
  | 'loadStore'
  | 'loadStoreIndexed'
  | 'loadStorePair'
  | 'loadStoreExclusive'
  | 'loadStoreOrdered'
  | 'vectorLoadLiteral'
  | 'vectorLoadStore'
  | 'vectorLoadStoreIndexed'
  | 'vectorLoadStorePair'
  | 'vectorStructure'
  | 'vectorLogic'
  | 'vectorSame'
  | 'vectorBytes'
  | 'vectorPairwise'
  | 'vectorReverse'
  | 'vectorNarrow'
  | 'vectorLong'
  | 'vectorAcross'
  | 'vectorAcrossLong'
  | 'vectorElement'
  | 'vectorLongElement'
  | 'vectorShift'
  | 'vectorShiftNarrow'
  | 'vectorShiftLong'
  | 'vectorImmediate'
  | 'vectorDuplicate'
  | 'vectorToGeneral'
  | 'vectorInsert'
  | 'vectorExtract'
  | 'vectorTable'
  | 'scalarSame'
  | 'scalarPairwise'
  | 'scalarNarrow'
  | 'scalarLong'
  | 'scalarElement'
  | 'scalarLongElement'
  | 'scalarShift'
  | 'scalarShiftNarrow'
  | 'loadStoreAtomic'
  | 'loadStoreCompareSwap'
  | 'loadStoreCompareSwapPair'
  | 'loadStoreOrderedUnscaled'
  | 'flagManipulation'
  | 'errorBarrier'
  | 'aes'
  | 'sha'
  | 'polynomialMultiplyLong'
  | 'multiplyAccumulateHigh'
  | 'dotProduct'
  | 'fpScalar'
  | 'fpCompare'
  | 'fpSelect'
  | 'fpImmediate'
  | 'fpToInteger'
  | 'fpFromInteger'
  | 'fpConvert'
  | 'fpMove'
  | 'fpVector'
  | 'fpPairwise'
  | 'fpAcross'
  | 'fpElement'
  | 'fpNarrow'
  | 'fpWiden'
  | 'fpVectorFixed'
