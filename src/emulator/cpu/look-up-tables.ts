// Owns the vCPUs' look-up tables in linear memory: which one a vCPU uses now, and forgetting. Filling them is generated code's (and the decode cache's).
// An entry is right until something it was made from changes; whoever changes that forgets it here. Knows no translation and no instruction.
import { AT, TABLE, TABLES } from './interpreter/layout.ts'

export class LookUpTables {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #tables: readonly number[]

  /** `tables`: linear address of each vCPU's. */
  constructor(memory: ArrayBuffer, tables: readonly number[]) {
    this.#bytes = new Uint8Array(memory)
    this.#view = new DataView(memory)
    this.#tables = tables
    for (const at of tables) this.#bytes.fill(0xff, at, at + TABLES.bytes)
  }

  /** The tables that generated code uses from now on. */
  select(vcpu: number, { el, pan, unprivileged }: { readonly el: 0 | 1; readonly pan: boolean; readonly unprivileged: 'el0' | 'own' }): void {
    const at = this.#tables[vcpu]!
    const own = at + (el === 0 ? TABLES.el0 : pan ? TABLES.el1Pan : TABLES.el1)
    this.#view.setUint32(AT.tlb, own, true)
    this.#view.setUint32(AT.unprivilegedTlb, unprivileged === 'own' ? own : at + TABLES.el0, true)
    this.#view.setUint32(AT.codeHash, at + (el === 0 ? TABLES.codeEl0 : TABLES.codeEl1), true)
  }

  /** Everything that this vCPU remembers. */
  forgetVcpu(vcpu: number): void {
    const at = this.#tables[vcpu]!
    this.#bytes.fill(0xff, at, at + TABLES.bytes)
  }

  /** Where stores may go without a check, on all vCPUs: some page now holds decoded code. */
  forgetWrites(): void {
    for (const at of this.#tables)
      for (const context of [TABLES.el0, TABLES.el1, TABLES.el1Pan]) this.#bytes.fill(0xff, at + context + TABLE.bytes, at + context + 2 * TABLE.bytes)
  }

  /** Which pages have records, on all vCPUs. */
  forgetCode(): void {
    for (const at of this.#tables) this.#bytes.fill(0xff, at + TABLES.codeEl0, at + TABLES.bytes)
  }
}
