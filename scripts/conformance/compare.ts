// Owns the comparison of decoder and disassembler with objdump: word for word, verdict and text, and the tally of what was seen. Prints nothing.
import { CPU_FEATURES } from '../../src/emulator/cpu/decode/cpu-feature.ts'
import { createDecoder, type Encoding } from '../../src/emulator/cpu/decode/table.ts'
import { disassemble } from '../../src/emulator/cpu/disassemble/disassemble.ts'
import { KNOWN_DIFFERENCES } from './known-differences.ts'
import { isForeignTo } from './not-implemented.ts'
import { objdumpWords } from './objdump.ts'

/** One word that both have looked at, in one of the two forms. */
export interface Seen {
  readonly word: number
  readonly aliases: boolean
  readonly row: Encoding | undefined
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

export interface Counts {
  words: number
  /** Both decode it, and every character of the text agrees in both forms. */
  implemented: number
  /** A row names the feature that it belongs to, and objdump prints an instruction of that feature. */
  notImplemented: number
  /** A row names a feature, and objdump knows no instruction: the pictures of those rows are as wide as the manual's groups. */
  reserved: number
  /** Neither decodes it. */
  undefined: number
  /** The difference is in the list, with its reason. */
  known: number
  mismatches: number
}

/** The manual's main groups: op0, bits 28:25 (bit 31 for the reserved one). */
const GROUPS: readonly (readonly [name: string, has: (word: number) => boolean])[] = [
  ['data processing (immediate)', word => ((word >>> 26) & 7) === 4],
  ['data processing (register)', word => ((word >>> 25) & 7) === 5],
  ['branches and system', word => ((word >>> 26) & 7) === 5],
  ['loads and stores', word => ((word >>> 25) & 5) === 4],
  ['floating point and SIMD', word => ((word >>> 25) & 7) === 7],
  ['SVE', word => ((word >>> 25) & 15) === 2],
  ['SME', word => ((word >>> 25) & 15) === 0 && word >>> 31 === 1],
  ['reserved', () => true],
]
const groupOf = (word: number): string => GROUPS.find(([, has]) => has(word))?.[0] ?? ''

export interface Tally {
  readonly groups: ReadonlyMap<string, Counts>
  /** How many words each row has decoded, by name of the row. */
  readonly rows: ReadonlyMap<string, number>
  /** How many times each known difference, and each name in its list, explained something. */
  readonly known: ReadonlyMap<string, number>
  /** The first mismatches of each row and form, for reading. */
  readonly examples: readonly Seen[]
}

const EXAMPLES_OF_A_ROW = 3

/** Both forms of every word; the first stands at `address` of each batch that `add` gets. */
export function createComparison(): { add(words: Uint32Array, address: bigint): void; tally(): Tally } {
  const everything = createDecoder(new Set(CPU_FEATURES))
  const nothing = createDecoder(new Set())
  const groups = new Map<string, Counts>(
    GROUPS.map(([name]) => [name, { words: 0, implemented: 0, notImplemented: 0, reserved: 0, undefined: 0, known: 0, mismatches: 0 }]),
  )
  const rows = new Map<string, number>()
  const known = new Map<string, number>()
  const examples: Seen[] = []
  const bump = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)

  /** Without features, a word means what its row says when the row needs none, what the refined row says, or nothing. */
  const agreesWithoutFeatures = (word: number, row: Encoding | undefined): boolean => {
    const base = nothing.decode(word)
    return row === undefined || row.feature === undefined ? base?.name === row?.name : base?.name === row.refines || base === undefined
  }

  type Verdict = Exclude<keyof Counts, 'words'>
  const judge = (seen: Seen): Verdict => {
    const { row, ours, theirs } = seen
    if (ours !== undefined && ours === theirs) return 'implemented'
    if (ours === undefined && theirs === undefined) return row?.asm.startsWith('.') ? 'reserved' : 'undefined'
    if (row?.asm.startsWith('.') && theirs !== undefined && isForeignTo(row.name, theirs)) return 'notImplemented'
    for (const difference of KNOWN_DIFFERENCES) {
      const explained = difference.explains(seen)
      if (explained === undefined) continue
      bump(known, explained)
      return 'known'
    }
    return 'mismatches'
  }
  const WORST_FIRST: readonly Verdict[] = ['mismatches', 'known', 'undefined', 'reserved', 'notImplemented', 'implemented']

  return {
    add(words, address) {
      const plain = objdumpWords(words, address, false)
      const readable = objdumpWords(words, address, true)
      words.forEach((word, i) => {
        const counts = groups.get(groupOf(word))
        if (counts === undefined) return
        const row = everything.decode(word)
        if (row !== undefined) bump(rows, row.name)
        const at = address + BigInt(i * 4)
        const verdicts = [false, true].map(aliases => {
          const seen: Seen = { word, aliases, row, ours: disassemble(word, at, { aliases }), theirs: aliases ? readable[i] : plain[i] }
          const verdict = agreesWithoutFeatures(word, row) ? judge(seen) : 'mismatches'
          if (verdict === 'mismatches' && examples.filter(other => other.row === row && other.aliases === aliases).length < EXAMPLES_OF_A_ROW)
            examples.push(seen)
          return verdict
        })
        counts.words++
        counts[WORST_FIRST.find(verdict => verdicts.includes(verdict)) ?? 'mismatches']++
      })
    },
    tally: () => ({ groups, rows, known, examples }),
  }
}
