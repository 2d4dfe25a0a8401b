// Owns which registers a block may find changed since the region was entered: what must be stored when it is left there. Knows no WebAssembly.
import { RECORD } from '../interpreter/layout.ts'
import { REGISTER } from '../semantics/op.ts'
import type { ControlFlow } from './control-flow.ts'
import type { OperationSummary } from './operation-summary.ts'
import type { Region } from './region.ts'

/** Registers 0 to 31 as bits of a signed 32-bit number, and the flags. */
export interface Changes {
  readonly registers: number
  readonly flags: boolean
}

/** The registers that an instruction names and its semantics use: all, and those that it writes. */
export function registersOf(view: DataView, record: number, { reads, writes }: OperationSummary): { readonly used: number; readonly written: number } {
  const bits = (operands: Iterable<keyof typeof RECORD>): number => {
    let found = 0
    for (const operand of operands) {
      const register = view.getUint8(record + RECORD[operand])
      if (register <= REGISTER.sp) found |= 1 << register
    }
    return found
  }
  const written = bits(writes)
  return { used: written | bits(reads), written }
}

/** By node of the graph, after the block. `own`: what each block itself writes. */
export function changesAfter(region: Region, flow: ControlFlow, successors: readonly (readonly number[])[], own: readonly Changes[]): readonly Changes[] {
  const registers = new Int32Array(successors.length)
  const flags = new Uint8Array(successors.length)
  const before = new Int32Array(successors.length)
  const flagsBefore = new Uint8Array(successors.length)
  // Computed branches may lead to every entry.
  const targets = successors.map((each, node) => (node > 0 && region.blocks[node - 1]!.indirect ? [...flow.entries, ...each] : each))
  for (let changed = true; changed; ) {
    changed = false
    for (const node of flow.sequence) {
      if (node === 0) continue
      const after = before[node]! | own[node]!.registers
      const flagsAfter = flagsBefore[node]! | +own[node]!.flags
      registers[node] = after
      flags[node] = flagsAfter
      for (const to of targets[node]!) {
        if ((after & ~before[to]!) === 0 && flagsAfter <= flagsBefore[to]!) continue
        before[to]! |= after
        flagsBefore[to]! |= flagsAfter
        changed = true
      }
    }
  }
  return successors.map((_, node) => ({ registers: registers[node]!, flags: flags[node] === 1 }))
}
