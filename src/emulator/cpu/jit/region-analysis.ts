// Owns what a region's code says about its registers and accesses: which registers are worth a local, what each block changes, how deep it lies in loops, how many
// instructions run before the count is looked at again, and which accesses are likely to stay in a page. Guesses only choose between ways that do the same.
import { RECORD } from '../interpreter/layout.ts'
import { REGISTER } from '../semantics/op.ts'
import { analyseControlFlow, type ControlFlow, loopBodies } from './control-flow.ts'
import { type Changes, changesAfter, registersOf } from './dirty.ts'
import type { OperationSummary } from './operation-summary.ts'
import type { Block, Region } from './region.ts'

/** Registers in locals: the others stay in memory, so that a region with many is entered and left as fast as others. */
const MOST_LOCALS = 12
/** How much more an instruction counts for each loop around it. */
const LOOP_WEIGHT = 8
const DEEPEST = 4

export interface RegionAnalysis {
  /** Node numbers by word; node i + 1 is block i, node 0 the dispatcher (control-flow.ts). */
  readonly nodes: ReadonlyMap<number, number>
  readonly successors: readonly (readonly number[])[]
  readonly flow: ControlFlow
  /** Registers that get locals. */
  readonly locals: readonly number[]
  /** By node: what may have changed since entry when it ends. */
  readonly changes: readonly Changes[]
  /** What the region changes at all. */
  readonly allChanges: Changes
  /** By node: most instructions up to the next loop head or entry. */
  readonly needs: Int32Array
  /** By record: which remembered page an access uses (see RememberedPages). */
  readonly pages: ReadonlyMap<number, number>
  readonly pageCount: number
}

export function analyseRegion(region: Region, view: DataView): RegionAnalysis {
  const nodes = new Map(region.blocks.map(({ word }, i) => [word, i + 1]))
  const successors = [[], ...region.blocks.map(({ targets, returns }) => [...targets, ...returns].flatMap(word => nodes.get(word) ?? []))]
  const flow = analyseControlFlow(
    successors,
    region.entries.map(i => i + 1),
  )
  const loops = loopBodies(flow, successors)
  const depths = new Int32Array(successors.length)
  for (const body of loops.values()) for (const node of body) depths[node]!++
  const instructions = instructionsOf(region, view)
  const own = ownChanges(instructions, successors.length)
  const allChanges = own.reduce((sum, { registers, flags }) => ({ registers: sum.registers | registers, flags: sum.flags || flags }), {
    registers: 0,
    flags: false,
  })
  const locals = chooseLocals(instructions, depths)
  const changes = changesAfter(region, flow, successors, own)
  const pages = choosePages(instructions, loops, view)
  return { nodes, successors, flow, locals, changes, allChanges, needs: straightLineNeeds(region.blocks, flow, successors), ...pages }
}

interface Instruction {
  readonly node: number
  readonly record: number
  readonly summary: OperationSummary
  readonly used: number
  readonly written: number
}

const instructionsOf = (region: Region, view: DataView): readonly Instruction[] =>
  region.blocks.flatMap(({ word, instructions }, block) =>
    instructions.map((summary, i) => {
      const record = region.records + (word + i) * RECORD.bytes
      return { node: block + 1, record, summary, ...registersOf(view, record, summary) }
    }),
  )

function ownChanges(instructions: readonly Instruction[], nodes: number): readonly Changes[] {
  const own = Array.from({ length: nodes }, () => ({ registers: 0, flags: false }))
  for (const { node, written, summary } of instructions) {
    own[node]!.registers |= written
    own[node]!.flags ||= summary.setsFlags !== undefined
  }
  return own
}

const has = (registers: number, register: number): boolean => ((registers >>> register) & 1) === 1

function chooseLocals(instructions: readonly Instruction[], depths: Int32Array): readonly number[] {
  const weights = new Float64Array(32)
  for (const { node, used } of instructions) {
    const weight = LOOP_WEIGHT ** Math.min(depths[node]!, DEEPEST)
    for (let register = 0; register < 32; register++) if (has(used, register)) weights[register]! += weight
  }
  const used = [...weights.keys()].filter(register => weights[register]! > 0)
  return used.sort((a, b) => weights[b]! - weights[a]!).slice(0, MOST_LOCALS)
}

function straightLineNeeds(blocks: readonly Block[], flow: ControlFlow, successors: readonly (readonly number[])[]): Int32Array {
  const { sequence, order, loopHead } = flow
  const entries = new Set(flow.entries)
  const needs = new Int32Array(order.length)
  for (const node of [...sequence].reverse()) {
    if (node === 0) continue
    let longest = 0
    for (const to of successors[node]!) if (order[to]! > order[node]! && !loopHead[to] && !entries.has(to)) longest = Math.max(longest, needs[to]!)
    needs[node] = blocks[node - 1]!.instructions.length + longest
  }
  return needs
}

const MOST_PAGES = 6

/**
 * Accesses in loops whose base moves by constants, if at all, share the page that they found last: by base, and by reading and writing. Other bases (lists, trees)
 * and computed indices jump about, where remembering would cost more than it saves.
 */
function choosePages(
  instructions: readonly Instruction[],
  loops: ReadonlyMap<number, ReadonlySet<number>>,
  view: DataView,
): { readonly pages: ReadonlyMap<number, number>; readonly pageCount: number } {
  const steady = new Map<number, number>()
  for (const [head, body] of loops) {
    let jumping = 0
    for (const each of instructions) if (body.has(each.node)) jumping |= each.written & ~stepped(each, view)
    steady.set(head, ~jumping)
  }
  const innermost = new Map<number, number>()
  for (const [head, body] of [...loops].sort(([, a], [, b]) => b.size - a.size)) for (const node of body) innermost.set(node, head)
  const keys = new Map<string, number>()
  const pages = new Map<number, number>()
  for (const { node, record, summary } of instructions) {
    const head = innermost.get(node)
    if (
      head === undefined ||
      summary.accesses === undefined ||
      summary.accesses === 'both' ||
      (summary.reads.has('m') && !smallIndex(instructions, record, view))
    )
      continue
    const base = view.getUint8(record + RECORD.n)
    if (base > REGISTER.sp || !has(steady.get(head)!, base)) continue
    const key = `${head} ${base} ${summary.accesses}`
    const known = keys.get(key)
    if (known === undefined && keys.size === MOST_PAGES) continue
    const page = known ?? keys.size
    keys.set(key, page)
    pages.set(record, page)
  }
  return { pages, pageCount: keys.size }
}

/** Registers that the instruction moves by a constant: the base of an access with writeback, an addition of an immediate to itself. */
function stepped({ record, summary, written }: Instruction, view: DataView): number {
  const n = view.getUint8(record + RECORD.n)
  if (n > REGISTER.sp || !has(written, n) || summary.reads.has('m')) return 0
  if (summary.accesses !== undefined) return summary.writes.has('n') && !(summary.writes.has('d') && view.getUint8(record + RECORD.d) === n) ? 1 << n : 0
  return /^(ADD|SUB)_X_imm$/.test(summary.op.name) ? 1 << n : 0
}

/** The index was cut to fewer bits than a page has just before: a table, mostly within one page. */
function smallIndex(instructions: readonly Instruction[], record: number, view: DataView): boolean {
  const m = view.getUint8(record + RECORD.m)
  const at = instructions.findIndex(each => each.record === record)
  for (let i = at - 1; i >= 0 && instructions[i]!.node === instructions[at]!.node; i--) {
    const { record: before, summary, written } = instructions[i]!
    if (!has(written, m)) continue
    const { name } = summary.op
    return (/^(AND_._imm|UBFX_.|UBFIZ_.)$/.test(name) && BigInt.asUintN(64, view.getBigInt64(before + RECORD.imm, true)) < 512n) || name.startsWith('LDR1_')
  }
  return false
}
