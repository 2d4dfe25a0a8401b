// Owns the list of all operations and the map from a row's semantics key to its lowering. Knows no engine.

import type { SemanticsKey } from '../decode/row.ts'
import type { Encoding } from '../decode/table.ts'
import * as addSubtract from './add-subtract.ts'
import * as bitfield from './bitfield.ts'
import * as bits from './bits.ts'
import * as branches from './branches.ts'
import * as conditional from './conditional.ts'
import * as exclusives from './exclusives.ts'
import * as loadsAndStores from './loads-and-stores.ts'
import * as logical from './logical.ts'
import * as multiplyDivide from './multiply-divide.ts'
import { type Define, type Lower, type LowerContext, type Lowered, type Op, TRAP } from './op.ts'
import * as system from './system.ts'

/** Every operation; hot ones first. An operation's index is stable within a release only, and never saved. */
export function allOperations(): readonly Op[] {
  const ops: Op[] = []
  const names = new Set<string>()
  const define: Define = (name, run, { hot = false, near = false } = {}) => {
    if (names.has(name)) throw new Error(`operation ${name} is defined twice`)
    names.add(name)
    ops.push({ name, hot, near, run })
  }
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
  return [...ops.filter(op => op.hot), ...ops.filter(op => !op.hot)]
}

const trap: Lower = () => TRAP

const LOWER: Readonly<Record<SemanticsKey, Lower>> = {
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
}

/** The operation and operands of a word; an undefined encoding traps. */
export function lower(encoding: Encoding | undefined, word: number, context: LowerContext): Lowered {
  if (!encoding) return TRAP
  return LOWER[encoding.semantics](encoding.fields(word), encoding, word, context)
}
