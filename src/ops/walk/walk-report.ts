// Owns the shape of what `inspect --walk` returns: part of the JSON contract. No behaviour.

export interface WalkReport {
  readonly vcpu: number
  readonly address: string
  /** The register that the address was taken from. */
  readonly register?: string
  /** Why nothing else is said. */
  readonly unreadable?: string
  /** SCTLR_EL1.M; without it an address is the physical one. */
  readonly mmu?: boolean
  /** Which tables: `bits` of an address are translated. */
  readonly tables?: {
    readonly register: 'TTBR0_EL1' | 'TTBR1_EL1'
    readonly base: string
    readonly granule: number
    readonly bits: number
    readonly asid: number
  }
  readonly levels?: readonly WalkLevel[]
  readonly mapping?: {
    /** Guest physical. */
    readonly address: string
    /** Of the snapshot's memory; absent where it has none there. */
    readonly region?: string
    /** Bytes of the page or block. */
    readonly size: number
    readonly memory: string
    readonly shareability: string
    readonly global: boolean
    /** `rwx`, without PSTATE.PAN. */
    readonly access: { readonly el1: string; readonly el0: string }
  }
  /** What a privileged load would meet. */
  readonly fault?: { readonly kind: string; readonly level: number; readonly status: string; readonly why: string }
}

export interface WalkLevel {
  readonly level: number
  readonly table: string
  readonly index: number
  readonly descriptorAddress: string
  readonly descriptor: string
  readonly kind: 'table' | 'block' | 'page' | 'invalid'
  /** Of the next table, or where the block or page begins. */
  readonly output?: string
  readonly says: readonly string[]
}
