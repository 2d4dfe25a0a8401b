// Owns the way from an instruction word to assembly text, over the decode table. Loads no engine, no semantics and no WebAssembly, and decides
// nothing about a CPU: it prints every word that the table has a row for, whatever the ID registers of some build announce.
import { once } from '../../../arch/once.ts'
import { CPU_FEATURES } from '../decode/cpu-feature.ts'
import { createDecoder, type Encoding } from '../decode/table.ts'
import { aliasOf } from './aliases.ts'
import { renderAssembly } from './template.ts'

export interface DisassembleOptions {
  /** Preferred aliases (`mov x0, x1`), the default; false prints the encoding itself (`orr x0, xzr, x1`), as `objdump -M no-aliases` does. */
  readonly aliases?: boolean
}

const allFeatures = once(() => createDecoder(new Set(CPU_FEATURES)))
const byName = once(() => new Map(allFeatures().encodings.map(encoding => [encoding.name, encoding])))

/** The row that an encoding is itself printed as: WFI, PACIASP and the like are names that HINT has for some of its numbers. */
const canonical = (encoding: Encoding): Encoding => (encoding.refines === 'HINT' && byName().get('HINT')) || encoding

/**
 * Assembly text of one A64 instruction word as GNU objdump spells it, with one space after the mnemonic and no comments: `add x0, x1, #0x10, lsl #12`.
 * `address` is where the word stands; PC-relative operands are printed as absolute addresses. undefined: the word is UNDEFINED on every CPU that the
 * decode table knows, or belongs to a feature that it names without describing it (floating point, SVE, LSE …).
 * scripts/conformance-decode.ts holds the text against objdump, in both forms.
 */
export function disassemble(word: number, address: bigint, { aliases = true }: DisassembleOptions = {}): string | undefined {
  const encoding = allFeatures().decode(word)
  if (encoding === undefined || encoding.asm.startsWith('.')) return undefined
  const row = canonical(encoding)
  const at = { fields: row.fields(word), address, row }
  return (aliases ? renderAssembly(aliasOf(at), at) : undefined) ?? renderAssembly(row.asm, at)
}
