// Owns the group of operations that every guest needs: integer, branches, loads and stores, system. Knows no engine.
import * as addSubtract from './add-subtract.ts'
import * as bitfield from './bitfield.ts'
import * as bits from './bits.ts'
import * as branches from './branches.ts'
import * as conditional from './conditional.ts'
import * as exclusives from './exclusives.ts'
import * as loadsAndStores from './loads-and-stores.ts'
import * as logical from './logical.ts'
import * as multiplyDivide from './multiply-divide.ts'
import { type Lower, type OpGroup, TRAP } from './op.ts'
import * as system from './system.ts'

const trap: Lower = () => TRAP

export const BASE: OpGroup = {
  name: 'base',
  define(define) {
    addSubtract.defineAddSubtract(define)
    logical.defineLogical(define)
    bitfield.defineBitfield(define)
    conditional.defineConditional(define)
    multiplyDivide.defineMultiplyDivide(define)
    bits.defineBits(define)
    branches.defineBranches(define)
    loadsAndStores.defineLoadsAndStores(define)
    exclusives.defineExclusives(define)
    system.defineSystem(define)
  },
  lower: {
    pcRelative: addSubtract.lowerPcRelative,
    addSubImmediate: addSubtract.lowerAddSubImmediate,
    addSubShifted: addSubtract.lowerAddSubShifted,
    addSubExtended: addSubtract.lowerAddSubExtended,
    addSubCarry: addSubtract.lowerAddSubCarry,
    logicalImmediate: logical.lowerLogicalImmediate,
    logicalShifted: logical.lowerLogicalShifted,
    moveWide: logical.lowerMoveWide,
    bitfield: bitfield.lowerBitfield,
    extract: bitfield.lowerExtract,
    conditionalCompare: conditional.lowerConditionalCompare,
    conditionalSelect: conditional.lowerConditionalSelect,
    twoSource: multiplyDivide.lowerTwoSource,
    threeSource: multiplyDivide.lowerThreeSource,
    oneSource: bits.lowerOneSource,
    crc32: bits.lowerCrc32,
    branchImmediate: branches.lowerBranchImmediate,
    branchConditional: branches.lowerBranchConditional,
    compareBranch: branches.lowerCompareBranch,
    testBranch: branches.lowerTestBranch,
    branchRegister: branches.lowerBranchRegister,
    nop: () => ({ op: 'NOP' }),
    clearExclusive: exclusives.lowerClearExclusive,
    loadLiteral: loadsAndStores.lowerLoadLiteral,
    loadStore: loadsAndStores.lowerLoadStore,
    loadStoreIndexed: loadsAndStores.lowerLoadStoreIndexed,
    loadStorePair: loadsAndStores.lowerLoadStorePair,
    loadStoreExclusive: exclusives.lowerLoadStoreExclusive,
    loadStoreOrdered: loadsAndStores.lowerLoadStoreOrdered,
    moveToPstate: system.lowerMoveToPstate,
    readRegister: system.lowerReadRegister,
    writeRegister: system.lowerWriteRegister,
    system: system.lowerSystem,
    trap,
    undefined: trap,
    unimplemented: trap,
    pointerAuthHint: trap,
  },
}
