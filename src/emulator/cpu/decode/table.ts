// Owns the decoder: the rows of the four tables, compiled to masks on first use, and the search for the row of a word. Knows no semantics.
import { ATOMICS } from './atomics.ts'
import { BRANCHES_AND_SYSTEM } from './branches-and-system.ts'
import type { CpuFeature } from './cpu-feature.ts'
import { CRYPTO } from './crypto.ts'
import { DATA_PROCESSING } from './data-processing.ts'
import { FP_SCALAR } from './fp-scalar.ts'
import { FP_VECTOR } from './fp-vector.ts'
import { LOADS_AND_STORES } from './loads-and-stores.ts'
import { NOT_IMPLEMENTED } from './not-implemented.ts'
import type { Row, SemanticsKey } from './row.ts'
import { SIMD_EXTENSIONS } from './simd-extensions.ts'
import { SIMD_INTEGER } from './simd-integer.ts'
import { SIMD_MEMORY } from './simd-memory.ts'
import { FIELD_LETTERS, type FieldLetter, type Fields, VALIDITY } from './validity.ts'

/** FP and SIMD rows exist where those are announced, unless they name a feature that implies them. */
const withFp = (rows: readonly Row[]): readonly Row[] =>
  rows.map(([name, picture, semantics, asm, more]): Row => [name, picture, semantics, asm, { feature: 'FEAT_FP', ...more }])

export const ROWS: readonly Row[] = [
  ...DATA_PROCESSING,
  ...BRANCHES_AND_SYSTEM,
  ...LOADS_AND_STORES,
  ...ATOMICS,
  ...withFp(SIMD_MEMORY),
  ...withFp(SIMD_INTEGER),
  ...withFp(SIMD_EXTENSIONS),
  ...withFp(CRYPTO),
  ...withFp(FP_SCALAR),
  ...withFp(FP_VECTOR),
  ...NOT_IMPLEMENTED,
]

/** A compiled row. `matches(word)` is the picture together with its validity rule; features are the decoder's business. */
export interface Encoding {
  readonly name: string
  readonly picture: string
  readonly semantics: SemanticsKey
  readonly asm: string
  readonly refines: string | undefined
  readonly feature: CpuFeature | undefined
  readonly mask: number
  readonly value: number
  matches(word: number): boolean
  fields(word: number): Fields
}

/** Compiles one row. Throws on a picture that is not 32 characters of `0 1 -` and letters, or has a letter in two places. */
export function compileRow([name, picture, semantics, asm, more = {}]: Row): Encoding {
  if (!new RegExp(`^[01${FIELD_LETTERS}-]{32}$`).test(picture)) throw new Error(`${name}: "${picture}" is not a picture of 32 bits`)
  const bits = (set: string): number => [...picture].reduce((word, bit) => ((word << 1) | +set.includes(bit)) >>> 0, 0)
  const mask = bits('01')
  const value = bits('1')
  const runs = [...picture.matchAll(/([a-z])\1*/g)].map(run => ({
    letter: run[1] as FieldLetter,
    shift: 32 - run.index - run[0].length,
    mask: 2 ** run[0].length - 1,
  }))
  if (new Set(runs.map(run => run.letter)).size !== runs.length) throw new Error(`${name}: a letter of "${picture}" stands in two places`)
  const fields = (word: number): Fields => {
    const found = { ...NO_FIELDS }
    for (const run of runs) found[run.letter] = (word >>> run.shift) & run.mask
    return found
  }
  const valid = more.where && VALIDITY[more.where]
  return {
    name,
    picture,
    semantics,
    asm,
    refines: more.refines,
    feature: more.feature,
    mask,
    value,
    matches: word => ((word ^ value) & mask) === 0 && (!valid || valid(fields(word))),
    fields,
  }
}

const NO_FIELDS = Object.fromEntries([...FIELD_LETTERS].map(letter => [letter, 0])) as Record<FieldLetter, number>

export interface Decoder {
  readonly encodings: readonly Encoding[]
  /** The encoding of an instruction word (`>>> 0` or signed) on a CPU with these features, or undefined: the word is UNDEFINED there. */
  decode(word: number): Encoding | undefined
}

/**
 * A decoder for a CPU that announces `features` (announcedFeatures of its ID registers). Rows of absent features do not exist for it.
 * Rows are tried within the bucket of bits 28:21; a refining row stands before the row that it refines.
 */
export function createDecoder(features: ReadonlySet<CpuFeature>): Decoder {
  const encodings = ROWS.map(compileRow).filter(row => row.feature === undefined || features.has(row.feature))
  const buckets: (readonly Encoding[] | undefined)[] = new Array(256)
  const bucketMask = 0xff << 21
  return {
    encodings,
    decode(word) {
      const key = (word >>> 21) & 0xff
      const bucket = (buckets[key] ??= encodings.filter(row => ((row.value ^ word) & row.mask & bucketMask) === 0))
      for (const row of bucket) if (row.matches(word)) return row
      return undefined
    },
  }
}
