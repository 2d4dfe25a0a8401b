// Owns the type of what a piece of a vCPU's run comes back with. Knows no engine and no scheduling.
import type { VcpuExit } from './exits.ts'

/** How a piece of a vCPU's run ended: it may go on (`budget`), waits, has stopped, or must leave to the VMM. */
export type Piece = { readonly executed: number } & (
  | { readonly kind: 'budget' | 'wfi' | 'wfe' | 'off' }
  | { readonly kind: 'exit'; readonly exit: Exclude<VcpuExit, { readonly kind: 'budget' | 'blocked' }> }
)

/** The same without the count. */
export type Ending = Piece extends infer P ? (P extends Piece ? Omit<P, 'executed'> : never) : never
