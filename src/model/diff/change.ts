// Owns the shape of one difference between two snapshots, and the order in which differences stand. Knows neither files nor how they are shown.
import { COPROC, type RegId, regCoproc } from '../../arch/reg-id.ts'

export type ChangeKind = 'register' | 'mpState' | 'device' | 'memory' | 'vm'
export const CHANGE_KINDS: readonly ChangeKind[] = ['vm', 'mpState', 'register', 'device', 'memory']

/** A register that one vCPU has with other bytes, or that only one of the two has. Bytes in memory order. */
export interface RegisterChange {
  readonly kind: 'register'
  readonly vcpu: number
  readonly id: RegId
  readonly name: string
  readonly before?: Uint8Array
  readonly after?: Uint8Array
}

/** Anything else, by a path of names; values are text already. Absent: only the other one has it. */
export interface StateChange {
  readonly kind: Exclude<ChangeKind, 'register'>
  readonly vcpu?: number
  readonly name: string
  readonly before?: string
  readonly after?: string
  /** Of a range of guest memory: how many pages of 4 KiB differ. */
  readonly pages?: number
}
export type Change = RegisterChange | StateChange

/** A change with its sides swapped. */
export function mirrored(change: Change): Change {
  const { before, after, ...rest } = change
  return { ...rest, ...(after === undefined ? {} : { before: after }), ...(before === undefined ? {} : { after: before }) } as Change
}

/** By id, but what the guest's firmware is comes first. The same whichever side is named first. */
export function byImportance(a: bigint, b: bigint): number {
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0)
}
const rank = (id: bigint): number => {
  const coproc = regCoproc(id as RegId)
  return coproc === COPROC.firmware ? 0 : coproc === COPROC.firmwareBitmap ? 1 : 2
}

/** `{ before?, after? }` without the keys that have no value. */
export const sides = <T>(before: T | undefined, after: T | undefined): { before?: T; after?: T } => ({
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
})
