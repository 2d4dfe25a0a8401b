// Owns which instructions make up a region: from hot records of one page, along branches inside the page, as blocks. Reads decoded records; knows no WebAssembly.
import { FIRST_OP, OP_DECODE, PAGE_WORDS, RECORD, SLOT } from '../interpreter/layout.ts'
import { type OperationSummary, operationSummaries } from './operation-summary.ts'

const LINK = 30
/** Places that a return looks for before it looks its address up. */
const MOST_RETURNS = 4

/** Straight-line code. Its last instruction may branch; the others do not. */
export interface Block {
  /** Number of its first word in the page. */
  readonly word: number
  readonly instructions: readonly OperationSummary[]
  /** Words where control may continue inside the page, the branch's target first; those that are not in the region (and PAGE_WORDS, the next page) leave it. */
  readonly targets: readonly number[]
  /** It ends by a branch to a computed address. */
  readonly indirect: boolean
  /** It calls its target: the callee returns to the word behind it. */
  readonly calls: boolean
  /** Where it probably returns to: words behind calls of the function that it ends, in the region. */
  readonly returns: readonly number[]
}

export interface Region {
  /** Linear address of the page's records. */
  readonly records: number
  readonly blocks: readonly Block[]
  /** Indices of the blocks where it is entered from outside, in order of their slots. */
  readonly entries: readonly number[]
}

/** Reads the operation of a record, whether or not a region begins there. */
export class RecordReader {
  readonly #view: DataView
  readonly #slots: number
  readonly #firstRegion: number

  constructor(view: DataView, slots: number, firstRegion: number) {
    this.#view = view
    this.#slots = slots
    this.#firstRegion = firstRegion
  }

  get view(): DataView {
    return this.#view
  }

  operationCode(record: number): number {
    const code = this.#view.getUint16(record + RECORD.op, true)
    return code < this.#firstRegion ? code : this.#view.getUint16(this.#slots + (code - this.#firstRegion) * SLOT.bytes + SLOT.op, true)
  }
}

interface Found {
  readonly summary: OperationSummary
  /** Word of a branch's target in the page. */
  readonly near: number | undefined
  /** It uses the link register. */
  readonly link: boolean
}

/**
 * The region that begins at the first of these words. Functions that it calls inside the page belong to it, with their returns. Where it has a switch (a computed
 * branch that is no return), the other words are places that it may lead to, and entries as well. Code that was never decoded was never executed and stays outside.
 * Where nothing can be compiled the region has no blocks.
 */
export function findRegion(reader: RecordReader, records: number, words: readonly number[], most: number): Region {
  const found = new Map<number, Found>()
  const leaders = new Set<number>()
  const pending: number[] = []
  const lead = (word: number): void => {
    if (word < PAGE_WORDS && !leaders.has(word)) {
      leaders.add(word)
      pending.push(word)
    }
  }
  let switches = false
  let roots = 0
  for (const root of words) {
    if (roots > 0 && !switches) break
    roots++
    lead(root)
    for (let from = pending.shift(); from !== undefined; from = pending.shift()) {
      for (let word = from; word < PAGE_WORDS && !found.has(word) && found.size < most; word++) {
        const each = findInstruction(reader, records, word)
        if (!each) break
        found.set(word, each)
        const { end } = each.summary
        if (end === 'next') continue
        const calls = each.summary.writes.has('d')
        if (each.near !== undefined) lead(each.near)
        if (end === 'jumpIf' || (calls && each.near !== undefined)) lead(word + 1)
        if (end === 'jumpTo' && !calls && !each.link) switches = true
        break
      }
    }
  }
  return { records, ...formBlocks(found, leaders, words.slice(0, roots)) }
}

function findInstruction(reader: RecordReader, records: number, word: number): Found | undefined {
  const record = records + word * RECORD.bytes
  const code = reader.operationCode(record)
  if (code === OP_DECODE) return undefined
  const summary = operationSummaries()[code - FIRST_OP]!
  if (summary.end === 'trap') return undefined
  return {
    summary,
    link: reader.view.getUint8(record + RECORD.n) === LINK,
    near: summary.op.near ? word + reader.view.getInt32(record + RECORD.imm, true) / RECORD.bytes : undefined,
  }
}

/** Calls inside the region, to a function whose returns are in the region too: by block, the words behind the calls. */
function findReturns(isReturn: (block: Block) => boolean, blocks: readonly Block[], numbers: ReadonlyMap<number, number>): readonly (readonly number[])[] {
  const returns = blocks.map((): number[] => [])
  const behind = ({ word, instructions }: Block): number => word + instructions.length
  for (const call of blocks) {
    const callee = call.calls ? numbers.get(call.targets[0] ?? PAGE_WORDS) : undefined
    if (callee === undefined || !numbers.has(behind(call))) continue
    const reached = new Set([callee])
    for (const at of reached) {
      const block = blocks[at]!
      if (isReturn(block) && returns[at]!.length < MOST_RETURNS) returns[at]!.push(behind(call))
      for (const word of block.calls ? [behind(block)] : block.targets) {
        const next = numbers.get(word)
        if (next !== undefined) reached.add(next)
      }
    }
  }
  return returns
}

function formBlocks(found: ReadonlyMap<number, Found>, leaders: ReadonlySet<number>, entries: readonly number[]): Pick<Region, 'blocks' | 'entries'> {
  const starts = [...leaders].filter(word => found.has(word)).sort((a, b) => a - b)
  const numbers = new Map(starts.map((word, i) => [word, i]))
  const blocks = starts.map((start): Block => {
    const instructions: OperationSummary[] = []
    for (let word = start; ; word++) {
      const each = found.get(word)
      if (!each || (word > start && leaders.has(word))) return { word: start, instructions, targets: [word], indirect: false, calls: false, returns: [] }
      instructions.push(each.summary)
      const { end } = each.summary
      if (end === 'next') continue
      const near = each.near === undefined ? [] : [each.near]
      const targets = end === 'jumpIf' ? [...near, word + 1] : near
      return { word: start, instructions, targets, indirect: end === 'jumpTo', calls: each.summary.writes.has('d'), returns: [] }
    }
  })
  const isReturn = ({ word, instructions, indirect, calls }: Block): boolean => indirect && !calls && found.get(word + instructions.length - 1)!.link
  const returns = findReturns(isReturn, blocks, numbers)
  return { blocks: blocks.map((block, i) => ({ ...block, returns: returns[i]! })), entries: entries.flatMap(word => numbers.get(word) ?? []) }
}

/** The words of the page that a region was made from. */
export const wordsOf = ({ blocks }: Region): readonly number[] => blocks.flatMap(({ word, instructions }) => instructions.map((_, i) => word + i))
