// Owns the ITS: its registers and the queue of commands; what the commands map is its-mappings.ts.
// Source: IHI 0069 §5.3 and §12.19; arch/arm64/kvm/vgic/vgic-its.c for what KVM leaves out: one page size, CPU numbers as targets, no reports of errors.
import { GITS, type ItsState } from '../../../model/gic.ts'
import type { AccessSize, DeviceMemory } from '../device.ts'
import { Mappings, type TableBases } from './its-mappings.ts'
import { parseMappings } from './its-state.ts'
import { ENTRY_BYTES, ID_BITS, isValid, read64 } from './its-tables.ts'
import type { Lpis } from './lpis.ts'
import { sanitised } from './redistributor.ts'

const TYPER = 0x08
const IIDR_VALUE = 0x4b00_043bn
/** Physical LPIs, 8-byte translations, 16 bits of EventID and DeviceID; targets are vCPU numbers. */
const TYPER_VALUE = 1n | (BigInt(ENTRY_BYTES - 1) << 4n) | (BigInt(ID_BITS - 1) << 8n) | (BigInt(ID_BITS - 1) << 13n)
/** PIDR4, PIDR0 to PIDR2, CIDR0 to CIDR3. */
const IDENTIFICATION: ReadonlyMap<number, bigint> = new Map([
  [0xffd0, 0x40n],
  [0xffe0, 0x92n],
  [0xffe4, 0xb4n],
  [0xffe8, 0x3bn],
  [0xfff0, 0x0dn],
  [0xfff4, 0xf0n],
  [0xfff8, 0x05n],
  [0xfffc, 0xb1n],
])
const ENABLED = 1n
const QUIESCENT = 1n << 31n
const QUEUE_OFFSET = 0xf_ffe0n
const QUEUE_BASE = 0x000f_ffff_ffff_0000n
const COMMAND_BYTES = 32
const U32 = 0xffff_ffffn
const U64 = 0xffff_ffff_ffff_ffffn
/** Entry size and type of a BASER are fixed, the page size is 64 KiB, and addresses end at bit 47. */
const BASER_FIXED = (0x1fn << 48n) | (7n << 56n)
const BASER_PAGE = 3n << 8n
const BASER_64K = 2n << 8n
const BASER_HIGH_ADDRESS = 0xfn << 12n
const INDIRECT = 1n << 62n
/** Inner read-allocate write-back, inner shareable. */
const USUAL_MEMORY = (3n << 59n) | (1n << 10n)
const TABLES = [
  { name: 'devices', type: 1n, mayBeIndirect: true },
  { name: 'collections', type: 4n, mayBeIndirect: false },
] as const
const baserOf = (type: bigint, value: bigint): bigint =>
  (sanitised(value, 59n, 10n, 53n) & ~(BASER_FIXED | BASER_PAGE | BASER_HIGH_ADDRESS)) | BASER_64K | (BigInt(ENTRY_BYTES - 1) << 48n) | (type << 56n)

export class Its {
  readonly #memory: DeviceMemory
  readonly #mappings: Mappings
  readonly #bases: TableBases = { devices: baserOf(TABLES[0].type, USUAL_MEMORY), collections: baserOf(TABLES[1].type, USUAL_MEMORY) }
  #enabled = false
  #cbaser = 0n
  #cwriter = 0n
  #creadr = 0n

  constructor(memory: DeviceMemory, lpis: Lpis, cpus: number, saved?: ItsState) {
    this.#memory = memory
    this.#mappings = new Mappings(memory, lpis, cpus, this.#bases)
    if (saved) this.#load(saved)
  }

  read(offset: number, size: AccessSize): bigint {
    const aligned = offset & ~7
    if (size < 4 || offset % size !== 0) return 0n
    if (size === 8) return this.#register(aligned) ?? 0n
    const wide = this.#register(aligned)
    if (wide !== undefined) return offset & 4 ? wide >> 32n : wide & U32
    return IDENTIFICATION.get(offset) ?? 0n
  }

  write(offset: number, size: AccessSize, value: bigint): void {
    if (size < 4 || offset % size !== 0) return
    const aligned = offset & ~7
    const into = (old: bigint): bigint => (size === 8 ? value & U64 : offset & 4 ? (old & U32) | ((value & U32) << 32n) : (old & ~U32) | (value & U32))
    if (offset === GITS.ctlr) this.#switch((value & ENABLED) !== 0n)
    else if (aligned === GITS.cbaser && !this.#enabled) {
      this.#cbaser = sanitised(into(this.#cbaser), 59n, 10n, 53n) & ~BASER_HIGH_ADDRESS
      this.#creadr = 0n
      this.#cwriter = 0n
    } else if (aligned === GITS.cwriter) {
      const next = into(this.#cwriter) & QUEUE_OFFSET
      if (Number(next) >= this.#queueBytes()) return
      this.#cwriter = next
      this.#process()
    } else this.#writeBaser(aligned, into)
  }

  /** A message of a device; false when nothing is mapped to it. */
  signal(deviceId: number, eventId: number): boolean {
    return this.#enabled && this.#mappings.signal(deviceId, eventId)
  }

  save(): ItsState {
    return {
      registers: [
        [GITS.ctlr, this.#register(GITS.ctlr)! & U32],
        [GITS.iidr, IIDR_VALUE],
        [GITS.cbaser, this.#cbaser],
        [GITS.cwriter, this.#cwriter],
        [GITS.creadr, this.#creadr],
        [GITS.baser, this.#bases.devices],
        [GITS.baser + 8, this.#bases.collections],
      ],
      // Beside the copy in guest memory, which the guest may have overwritten.
      other: this.#mappings.save(),
    }
  }

  #register(offset: number): bigint | undefined {
    switch (offset) {
      case GITS.ctlr:
        return (IIDR_VALUE << 32n) | (this.#creadr === this.#cwriter ? QUIESCENT : 0n) | (this.#enabled ? ENABLED : 0n)
      case TYPER:
        return TYPER_VALUE
      case GITS.cbaser:
        return this.#cbaser
      case GITS.cwriter:
        return this.#cwriter
      case GITS.creadr:
        return this.#creadr
      case GITS.baser:
        return this.#bases.devices
      case GITS.baser + 8:
        return this.#bases.collections
      default:
        return undefined
    }
  }

  #switch(enable: boolean): void {
    // Without its tables it stays off.
    if (enable && !(isValid(this.#cbaser) && isValid(this.#bases.devices) && isValid(this.#bases.collections))) return
    this.#enabled = enable
    this.#process()
  }

  /** A table that is taken away takes what it mapped with it. */
  #writeBaser(offset: number, into: (old: bigint) => bigint): void {
    const kind = TABLES[(offset - GITS.baser) / 8]
    if (!kind || this.#enabled) return
    const next = baserOf(kind.type, into(this.#bases[kind.name]))
    this.#bases[kind.name] = kind.mayBeIndirect ? next : next & ~INDIRECT
    if (isValid(next)) return
    if (kind.name === 'devices') this.#mappings.forgetDevices()
    else this.#mappings.forgetCollections()
  }

  #queueBytes(): number {
    return (Number(this.#cbaser & 0xffn) + 1) * 4096
  }

  /** Does what the guest has queued; a command that cannot be done is passed over. */
  #process(): void {
    if (!this.#enabled || !isValid(this.#cbaser)) return
    const size = this.#queueBytes()
    if (Number(this.#cwriter) >= size) return
    while (this.#creadr !== this.#cwriter) {
      const at = (this.#cbaser & QUEUE_BASE) + this.#creadr
      const words = [0n, 8n, 16n, 24n].map(offset => read64(this.#memory, at + offset))
      const [first, second, third, fourth] = words
      if (first !== undefined && second !== undefined && third !== undefined && fourth !== undefined) this.#mappings.execute(first, second, third, fourth)
      const next = Number(this.#creadr) + COMMAND_BYTES
      this.#creadr = BigInt(next >= size ? 0 : next)
    }
  }

  /** From our own state, or from the tables in memory when the file has none of it. */
  #load({ registers, other }: ItsState): void {
    const values = new Map(registers)
    const at = (offset: number): bigint => values.get(offset) ?? 0n
    this.#cbaser = at(GITS.cbaser)
    this.#creadr = at(GITS.creadr) & QUEUE_OFFSET
    this.#cwriter = at(GITS.cwriter) & QUEUE_OFFSET
    TABLES.forEach(({ name, type }, n) => {
      const value = values.get(GITS.baser + 8 * n)
      if (value !== undefined) this.#bases[name] = baserOf(type, value)
    })
    this.#mappings.load(parseMappings(other))
    this.#enabled = (at(GITS.ctlr) & ENABLED) !== 0n
    // Whoever saved it between a write of CWRITER and the commands.
    this.#process()
  }
}
