// Owns which SIMD operations are compiled together: registers in memory, structures in memory, lanes of the same width, other widths, shifts by constants, places. Knows no engine.
import type { OpGroup } from '../op.ts'
import * as bytes from './bytes.ts'
import * as copy from './copy.ts'
import * as memory from './memory.ts'
import * as permute from './permute.ts'
import * as same from './same.ts'
import * as shift from './shift.ts'
import * as wide from './wide.ts'

export const SIMD_MEMORY: OpGroup = {
  name: 'simd-memory',
  define: memory.defineRegisters,
  lower: {
    vectorLoadStore: memory.lowerVectorLoadStore,
    vectorLoadStoreIndexed: memory.lowerVectorLoadStoreIndexed,
    vectorLoadLiteral: memory.lowerVectorLoadLiteral,
    vectorLoadStorePair: memory.lowerVectorLoadStorePair,
  },
}

export const SIMD_STRUCTURES: OpGroup = {
  name: 'simd-structures',
  define: memory.defineStructures,
  lower: { vectorStructure: memory.lowerStructure },
}

/** With what is used most: logic, copies, constants. */
export const SIMD_SAME: OpGroup = {
  name: 'simd-same',
  define(define) {
    bytes.defineBytes(define)
    copy.defineCopies(define)
    same.defineSame(define)
  },
  lower: {
    vectorLogic: bytes.lowerBytes,
    vectorBytes: bytes.lowerBytes,
    vectorReverse: bytes.lowerReverse,
    vectorDuplicate: copy.lowerDuplicate,
    vectorToGeneral: copy.lowerToGeneral,
    vectorInsert: copy.lowerInsert,
    vectorImmediate: copy.lowerImmediate,
    vectorSame: same.lowerVectorSame,
    scalarSame: same.lowerScalarSame,
    vectorElement: same.lowerVectorElement,
    scalarElement: same.lowerScalarElement,
  },
}

export const SIMD_WIDE: OpGroup = {
  name: 'simd-wide',
  define: wide.defineWide,
  lower: {
    vectorLong: wide.lowerVectorLong,
    scalarLong: wide.lowerScalarLong,
    vectorLongElement: wide.lowerVectorLongElement,
    scalarLongElement: wide.lowerScalarLongElement,
    vectorNarrow: wide.lowerVectorNarrow,
    scalarNarrow: wide.lowerScalarNarrow,
  },
}

export const SIMD_SHIFT: OpGroup = {
  name: 'simd-shift',
  define: shift.defineShifts,
  lower: {
    vectorShift: shift.lowerVectorShift,
    scalarShift: shift.lowerScalarShift,
    vectorShiftNarrow: shift.lowerVectorShiftNarrow,
    vectorShiftLong: shift.lowerVectorShiftLong,
    scalarShiftNarrow: shift.lowerScalarShiftNarrow,
  },
}

export const SIMD_PERMUTE: OpGroup = {
  name: 'simd-permute',
  define: permute.definePermute,
  lower: {
    vectorPairwise: permute.lowerPairwise,
    scalarPairwise: permute.lowerScalarPairwise,
    vectorAcross: permute.lowerAcross,
    vectorAcrossLong: permute.lowerAcrossLong,
    vectorExtract: permute.lowerExtract,
    vectorTable: permute.lowerTable,
  },
}
