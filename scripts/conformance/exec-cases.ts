// Owns which instructions are executed in the check and with what state: every implemented row that a user program may run, registers with edge values,
// addresses inside the window whatever the addressing mode. Knows no engine and no reference.
import { createDecoder, type Encoding } from '../../src/emulator/cpu/decode/table.ts'
import { aimFloats } from './exec-floats.ts'
import { type ExecCase, FEATURES, referenceCpu, SLOT, WINDOW, WINDOW_BYTES } from './exec-record.ts'
import { randomVectors } from './exec-vectors.ts'
import { type Random, wordsOf } from './words.ts'

const NOP = 0xd503201f
const EDGES = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
]
/** System encodings are too many for their rows: these words are user instructions with an effect that can be compared. t is put in. */
const SYSTEM_WORDS: readonly (readonly [name: string, word: number])[] = [
  ['MRS NZCV', 0xd53b4200],
  ['MSR NZCV', 0xd51b4200],
  ['MRS FPCR', 0xd53b4400],
  ['MSR FPCR', 0xd51b4400],
  ['MRS FPSR', 0xd53b4420],
  ['MSR FPSR', 0xd51b4420],
  ['DC ZVA', 0xd50b7420],
  ['DC CVAU', 0xd50b7b20],
  ['IC IVAU', 0xd50b7520],
]
const MEMORY = /^(loadStore|vector(LoadStore|Structure))/
/** The base register is the address, and it has to be aligned. */
const ALIGNED = new Set([
  'loadStoreExclusive',
  'loadStoreOrdered',
  'loadStoreOrderedUnscaled',
  'loadStoreAtomic',
  'loadStoreCompareSwap',
  'loadStoreCompareSwapPair',
])
const LITERALS = new Set(['loadLiteral', 'vectorLoadLiteral'])
/** Bytes of the largest access: four vector registers. */
const LARGEST = 64
const BRANCHES = new Set(['branchImmediate', 'branchConditional', 'compareBranch', 'testBranch'])
/** Rows whose effect depends on more than the record, or on privilege. */
const NOT_HERE = new Set(['trap', 'undefined', 'unimplemented', 'pointerAuthHint', 'moveToPstate', 'readRegister', 'writeRegister', 'system'])

/** An endless choice of tests, evenly over the rows whose name or group `only` matches. */
export function caseSource(random: Random, only = /^/): () => ExecCase {
  const decoder = createDecoder(FEATURES)
  const rows = decoder.encodings.filter(row => !NOT_HERE.has(row.semantics) && (only.test(row.name) || only.test(row.semantics)))
  const sources = rows.map(row => ({ row, next: wordsOf(row, random) }))
  let turn = 0
  return () => {
    const at = turn++ % (sources.length + (only.test('system') ? 2 : 0))
    if (at >= sources.length) return systemCase(random)
    const { row, next } = sources[at]!
    for (;;) {
      const made = makeCase(row, next() >>> 0, random)
      if (made && decoder.decode(made.words[1]) === row) return made // not a row that refines this one
    }
  }
}

function systemCase(random: Random): ExecCase {
  const [name, base] = SYSTEM_WORDS[random() % SYSTEM_WORDS.length]!
  const state = randomState(random)
  const t = random() % 31
  // Reserved bits are another matter: this reference keeps some for AArch32.
  if (name === 'MSR FPCR') state.x[t] = BigInt((random() & FPCR_BITS) >>> 0)
  if (!name.startsWith('M')) state.x[t] = WINDOW + BigInt(random() % WINDOW_BYTES)
  return { ...state, group: 'system', name, words: [NOP, (base | t) >>> 0], cpu: referenceCpu(undefined) }
}

interface MutableState {
  nzcv: number
  sp: bigint
  readonly x: BigUint64Array
  fpcr: number
  fpsr: number
  readonly v: Uint8Array
  readonly window: Uint8Array
}

const FPCR_BITS = 0x07c8_0000 // AHP, DN, FZ, RMode, FZ16
const FPSR_BITS = 0x0800_009f // QC and the cumulative exceptions

function randomState(random: Random): MutableState {
  const value = (): bigint => {
    const kind = random() & 7
    if (kind < 2) return EDGES[random() % EDGES.length]!
    const wide = (BigInt(random()) << 32n) | BigInt(random())
    return kind === 2 ? BigInt.asUintN(64, BigInt.asIntN(32, wide)) : kind === 3 ? wide & 0xffn : wide
  }
  return {
    nzcv: ((random() & 15) << 28) >>> 0,
    sp: value(),
    x: BigUint64Array.from({ length: 31 }, value),
    fpcr: random() & 1 ? (random() & FPCR_BITS) >>> 0 : 0,
    fpsr: (random() & 3) === 0 ? (random() & FPSR_BITS) >>> 0 : 0,
    v: randomVectors(random),
    window: Uint8Array.from({ length: WINDOW_BYTES }, () => random() & 0xff),
  }
}

/** A test of this word, or undefined when no state makes it safe to run. */
function makeCase(row: Encoding, candidate: number, random: Random): ExecCase | undefined {
  let word = candidate
  if (BRANCHES.has(row.semantics)) word = withLanding(row, word, random)
  if (LITERALS.has(row.semantics)) word = (word & ~(0x7ffff << 5)) | (literalDistance(random) << 5)
  if (row.semantics === 'bitfield' && (random() & 1) === 0) word = shiftByConstant(word, random)
  word >>>= 0
  if (!row.matches(word)) return undefined // reserved: UNDEFINED on both sides
  const state = randomState(random)
  let prepare = NOP
  if (row.semantics === 'branchRegister') {
    const n = (word >>> 5) & 31
    if (n === 31) return undefined
    state.x[n] = SLOT + 4n + 8n
  }
  if (row.semantics.startsWith('fp') && random() % 8 !== 0) aimFloats(row, word, state, random)
  if (MEMORY.test(row.semantics)) {
    if (!aimAtWindow(row, word, state, random)) return undefined
    if (row.semantics.startsWith('loadStoreCompareSwap') && random() & 1) placeCompared(row, word, state)
    if (row.semantics === 'loadStoreExclusive' && row.name.startsWith('ST') && random() % 4 !== 0) {
      const marking = markingLoad(word, random)
      if (marking === undefined) return undefined
      prepare = marking
    }
  }
  return { ...state, group: row.semantics, name: row.name, words: [prepare, word], cpu: referenceCpu(row.feature) }
}

/** A bitfield move that is a shift: imms is the top bit, or one less than immr. */
function shiftByConstant(word: number, random: Random): number {
  const top = word >>> 31 === 1 ? 63 : 31
  const r = random() & top
  const e = r > 0 && (random() & 1) === 0 ? r - 1 : top
  return ((word & ~((63 << 16) | (63 << 10))) | (r << 16) | (e << 10)) >>> 0
}

/** Puts what a compare-and-swap compares into the window, so that it swaps. */
function placeCompared(row: Encoding, word: number, state: MutableState): void {
  const f = row.fields(word)
  const pair = row.semantics.endsWith('Pair')
  const bytes = pair ? (f.s ? 8 : 4) : 1 << (word >>> 30)
  const base = Number((f.n === 31 ? state.sp : state.x[f.n]!) - WINDOW)
  for (let i = 0; i < (pair ? 2 : 1); i++) {
    const value = f.w + i === 31 ? 0n : state.x[f.w + i]!
    for (let byte = 0; byte < bytes; byte++) state.window[base + i * bytes + byte] = Number((value >> BigInt(byte * 8)) & 0xffn)
  }
}

/** Sets a direct branch's distance to +8 or -8, where the harness waits. */
function withLanding(row: Encoding, word: number, random: Random): number {
  const bits = /i+/.exec(row.picture)!
  const shift = 32 - bits.index - bits[0].length
  const mask = 2 ** bits[0].length - 1
  const distance = (random() & 1 ? 2 : -2) & mask
  return ((word & ~(mask << shift)) | (distance << shift)) >>> 0
}

function literalDistance(random: Random): number {
  const target = WINDOW + BigInt((random() % ((WINDOW_BYTES - 16) / 4)) * 4)
  return Number((target - (SLOT + 4n)) / 4n) & 0x7ffff
}

/** Chooses the base register's value so that the access falls into the window. */
function aimAtWindow(row: Encoding, word: number, state: MutableState, random: Random): boolean {
  const f = row.fields(word)
  const ordered = ALIGNED.has(row.semantics)
  const vector = row.semantics.startsWith('vector')
  const pair = row.semantics === 'loadStorePair' || row.semantics === 'vectorLoadStorePair'
  const size = word >>> 30
  const scale = pair ? (vector ? size + 2 : size === 2 ? 3 : 2) : vector ? size | ((word >>> 21) & 4) : size
  const element = 1 << scale
  const place = random() % (WINDOW_BYTES - LARGEST)
  const target = WINDOW + BigInt(ordered ? place & ~15 : place)
  const signed = (value: number, width: number): number => (value << (32 - width)) >> (32 - width)
  let offset = 0n
  if (row.semantics === 'vectorStructure') offset = 0n
  else if (row.name.endsWith('_reg')) {
    if (f.m === f.n && f.m !== 31) return false // the index moves with the base
    offset = indexOf(f.m === 31 ? 0n : state.x[f.m]!, f.o) << BigInt(f.g ? scale : 0)
  } else if (row.name.endsWith('_imm')) offset = BigInt(f.i * element)
  else if (row.semantics === 'loadStoreOrderedUnscaled') offset = BigInt(signed(f.i, 9))
  else if (!row.name.endsWith('_post') && !ordered) offset = BigInt(pair ? signed(f.i, 7) * element : signed(f.i, 9))
  const base = BigInt.asUintN(64, target - offset)
  if (f.n === 31) state.sp = base
  else state.x[f.n] = base
  return true
}

function indexOf(value: bigint, option: number): bigint {
  if (option === 2) return BigInt.asUintN(32, value)
  return option === 6 ? BigInt.asIntN(32, value) : value
}

/** The load-exclusive that marks what this store-exclusive writes, into registers that the store does not use as its base. */
function markingLoad(word: number, random: Random): number | undefined {
  const n = (word >>> 5) & 31
  const t = random() % 31
  const u = (t + 1) % 31
  if (t === n || u === n) return undefined
  const pair = (word >>> 21) & 1
  return ((word & 0xc0000000) | 0x08400000 | (pair << 21) | (31 << 16) | ((pair ? u : 31) << 10) | (n << 5) | t) >>> 0
}
