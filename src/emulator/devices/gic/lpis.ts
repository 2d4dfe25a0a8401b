// Owns LPIs: which are mapped and to whom, their configuration as it was last read from the guest's table, what is pending. Pending bits are kept in the
// guest's pending tables too, as KVM leaves them when it saves a VM. Knows no ITS: only that something maps and triggers LPIs.
// Source: IHI 0069 §5; arch/arm64/kvm/vgic/vgic-its.c (update_lpi_config, its_sync_lpi_pending_table).
import type { DeviceMemory } from '../device.ts'
import { PRIORITY_MASK } from './cpu-interface.ts'
import { FIRST_LPI, keyOf, type LpiCandidates, NONE } from './interrupt-table.ts'
import type { LpiSwitch } from './redistributor.ts'

const ENABLED = 1
const ADDRESS_MASK = 0x000f_ffff_ffff_f000n
const PENDING_MASK = 0x000f_ffff_ffff_0000n
/** INTIDs have 16 bits. */
const MOST_ID_BITS = 16

interface Lpi {
  priority: number
  enabled: boolean
  pending: boolean
  /** Position of the vCPU; -1: none. */
  cpu: number
}

/** One LPI in a saved state, beside what the guest's tables say. */
export interface SavedLpi {
  readonly intid: number
  readonly priority: number
  readonly enabled: boolean
  readonly pending: boolean
}

/** Where the guest has put its tables. */
export interface LpiTables {
  readonly propbaser: bigint
  readonly pendbaser: BigUint64Array
  readonly lpisEnabled: Uint8Array
}

export class Lpis implements LpiCandidates, LpiSwitch {
  readonly #memory: DeviceMemory
  readonly #tables: LpiTables
  readonly #stale: Uint8Array
  readonly #lpis = new Map<number, Lpi>()
  /** Those that are pending, by vCPU. */
  readonly #pending: readonly Set<number>[]

  constructor(memory: DeviceMemory, tables: LpiTables, stale: Uint8Array) {
    this.#memory = memory
    this.#tables = tables
    this.#stale = stale
    this.#pending = Array.from(stale, () => new Set<number>())
  }

  /** The first INTID that the configuration table has no room for. */
  end(): number {
    return 2 ** Math.min(Number(this.#tables.propbaser & 0x1fn) + 1, MOST_ID_BITS)
  }

  candidate(cpu: number): number {
    let best = NONE
    if (!this.#tables.lpisEnabled[cpu]) return best
    for (const intid of this.#pending[cpu]!) {
      const lpi = this.#lpis.get(intid)
      if (lpi?.enabled) best = Math.min(best, keyOf(lpi.priority, intid, 1))
    }
    return best
  }

  acknowledge(intid: number): void {
    this.setPending(intid, false)
  }

  isEnabledFor(cpu: number): boolean {
    return cpu >= 0 && this.#tables.lpisEnabled[cpu] === 1
  }

  /** A device's interrupt is this LPI from now on. What the tables say of it counts. */
  map(intid: number, cpu: number): void {
    if (this.#lpis.has(intid)) return
    this.#lpis.set(intid, { priority: 0, enabled: false, pending: false, cpu })
    this.configure(intid)
    if (cpu >= 0 && this.#isPendingInMemory(intid, cpu)) this.setPending(intid, true)
  }

  unmap(intid: number): void {
    this.setPending(intid, false)
    this.#lpis.delete(intid)
  }

  retarget(intid: number, cpu: number): void {
    const lpi = this.#lpis.get(intid)
    if (!lpi || lpi.cpu === cpu) return
    const { pending } = lpi
    this.setPending(intid, false)
    lpi.cpu = cpu
    this.setPending(intid, pending)
  }

  setPending(intid: number, pending: boolean): void {
    const lpi = this.#lpis.get(intid)
    if (!lpi || lpi.pending === pending) return
    lpi.pending = pending
    if (lpi.cpu < 0) return
    if (pending) this.#pending[lpi.cpu]!.add(intid)
    else this.#pending[lpi.cpu]!.delete(intid)
    this.#writePending(intid, lpi.cpu, pending)
    this.#stale[lpi.cpu] = 1
  }

  /** Reads an LPI's configuration again. */
  configure(intid: number): void {
    const lpi = this.#lpis.get(intid)
    const byte = this.#memory.read((this.#tables.propbaser & ADDRESS_MASK) + BigInt(intid - FIRST_LPI), 1)?.[0]
    if (!lpi || byte === undefined) return
    lpi.priority = byte & PRIORITY_MASK
    lpi.enabled = (byte & ENABLED) !== 0
    if (lpi.cpu >= 0) this.#stale[lpi.cpu] = 1
  }

  configureAll(cpu: number): void {
    for (const [intid, lpi] of this.#lpis) if (lpi.cpu === cpu) this.configure(intid)
  }

  moveAll(from: number, to: number): void {
    for (const [intid, lpi] of this.#lpis) if (lpi.cpu === from) this.retarget(intid, to)
  }

  invalidate(intid: number | undefined): void {
    if (intid === undefined) for (const each of this.#lpis.keys()) this.configure(each)
    else this.configure(intid)
  }

  /** GICR_CTLR.EnableLPIs: what the pending table says becomes pending. */
  enable(cpu: number): void {
    for (const [intid, lpi] of this.#lpis) {
      if (lpi.cpu !== cpu) continue
      lpi.pending = this.#isPendingInMemory(intid, cpu)
      if (lpi.pending) this.#pending[cpu]!.add(intid)
      else this.#pending[cpu]!.delete(intid)
    }
    this.#stale[cpu] = 1
  }

  disable(cpu: number): void {
    for (const intid of [...this.#pending[cpu]!]) this.setPending(intid, false)
    this.#stale[cpu] = 1
  }

  save(): readonly SavedLpi[] {
    return [...this.#lpis].sort(([a], [b]) => a - b).map(([intid, { priority, enabled, pending }]) => ({ intid, priority, enabled, pending }))
  }

  /** What was known of an LPI that has been mapped again: tables in memory may have changed since it was read. */
  restore({ intid, priority, enabled, pending }: SavedLpi): void {
    const lpi = this.#lpis.get(intid)
    if (!lpi) return
    lpi.priority = priority & PRIORITY_MASK
    lpi.enabled = enabled
    this.setPending(intid, pending)
    this.#stale.fill(1)
  }

  #pendingByte(intid: number, cpu: number): bigint {
    return (this.#tables.pendbaser[cpu]! & PENDING_MASK) + BigInt(intid >> 3)
  }

  #isPendingInMemory(intid: number, cpu: number): boolean {
    if (!this.#tables.lpisEnabled[cpu]) return false
    return (((this.#memory.read(this.#pendingByte(intid, cpu), 1)?.[0] ?? 0) >> (intid & 7)) & 1) === 1
  }

  #writePending(intid: number, cpu: number, pending: boolean): void {
    if (!this.#tables.lpisEnabled[cpu]) return
    const at = this.#pendingByte(intid, cpu)
    const byte = this.#memory.read(at, 1)?.[0]
    if (byte === undefined) return
    const next = pending ? byte | (1 << (intid & 7)) : byte & ~(1 << (intid & 7))
    if (next !== byte) this.#memory.write(at, Uint8Array.of(next))
  }
}
