// Owns the ITS: its registers, the queue of commands, what the commands map. The mappings are here; guest memory has a copy (its-tables.ts).
// Source: IHI 0069 §5.3 and §12.19; arch/arm64/kvm/vgic/vgic-its.c for what KVM leaves out: one page size, CPU numbers as targets, no reports of errors.
import { GITS, type ItsState } from '../../../model/gic.ts'
import type { AccessSize, DeviceMemory } from '../device.ts'
import { FIRST_LPI } from './interrupt-table.ts'
import { parseMappings } from './its-state.ts'
import {
  ENTRY_BYTES,
  entryAddress,
  ID_BITS,
  type ItsDevice,
  isValid,
  read64,
  readCollections,
  readDevices,
  type Translation,
  writeCollections,
  writeDevice,
  writeTranslation,
} from './its-tables.ts'
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
  { type: 1n, mayBeIndirect: true },
  { type: 4n, mayBeIndirect: false },
] as const
const baserOf = (type: bigint, value: bigint): bigint =>
  (sanitised(value, 59n, 10n, 53n) & ~(BASER_FIXED | BASER_PAGE | BASER_HIGH_ADDRESS)) | BASER_64K | (BigInt(ENTRY_BYTES - 1) << 48n) | (type << 56n)

const COMMAND = {
  movi: 0x01,
  int: 0x03,
  clear: 0x04,
  mapd: 0x08,
  mapc: 0x09,
  mapti: 0x0a,
  mapi: 0x0b,
  inv: 0x0c,
  invall: 0x0d,
  movall: 0x0e,
  discard: 0x0f,
} as const

export class Its {
  readonly #memory: DeviceMemory
  readonly #lpis: Lpis
  readonly #cpus: number
  #enabled = false
  #cbaser = 0n
  #cwriter = 0n
  #creadr = 0n
  readonly #basers: [bigint, bigint] = [baserOf(1n, USUAL_MEMORY), baserOf(4n, USUAL_MEMORY)]
  #devices = new Map<number, ItsDevice>()
  /** Position of the vCPU by collection; -1 for one that is only spoken of. */
  #collections = new Map<number, number>()

  constructor(memory: DeviceMemory, lpis: Lpis, cpus: number, saved?: ItsState) {
    this.#memory = memory
    this.#lpis = lpis
    this.#cpus = cpus
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
    } else this.#writeBaser((aligned - GITS.baser) / 8, into)
  }

  /** A message of a device; false when nothing is mapped to it. */
  signal(deviceId: number, eventId: number): boolean {
    const event = this.#devices.get(deviceId)?.events.get(eventId)
    const cpu = event && this.#cpuOf(event)
    if (!this.#enabled || !event || cpu === undefined || !this.#lpis.isEnabledFor(cpu)) return false
    this.#lpis.setPending(event.lpi, true)
    return true
  }

  save(): ItsState {
    return {
      registers: [
        [GITS.ctlr, this.#register(GITS.ctlr)! & U32],
        [GITS.iidr, IIDR_VALUE],
        [GITS.cbaser, this.#cbaser],
        [GITS.cwriter, this.#cwriter],
        [GITS.creadr, this.#creadr],
        ...this.#basers.map((value, n) => [GITS.baser + 8 * n, value] as const),
      ],
      // Beside the copy in guest memory, which the guest may have overwritten.
      other: {
        collections: [...this.#collections],
        devices: [...this.#devices].map(([id, { table, bits, events }]) => ({
          id,
          table,
          bits,
          events: [...events].map(([event, { lpi, collection }]) => [event, lpi, ...(collection === undefined ? [] : [collection])]),
        })),
        lpis: this.#lpis.save(),
      },
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
      case GITS.baser + 8:
        return this.#basers[offset === GITS.baser ? 0 : 1]
      default:
        return undefined
    }
  }

  #switch(enable: boolean): void {
    // Without its tables it stays off.
    if (enable && !(isValid(this.#cbaser) && this.#basers.every(isValid))) return
    this.#enabled = enable
    this.#process()
  }

  #writeBaser(n: number, into: (old: bigint) => bigint): void {
    const kind = TABLES[n]
    if (!kind || this.#enabled) return
    const next = baserOf(kind.type, into(this.#basers[n as 0 | 1]))
    this.#basers[n as 0 | 1] = kind.mayBeIndirect ? next : next & ~INDIRECT
    if (isValid(next)) return
    if (n === 0) for (const id of [...this.#devices.keys()]) this.#unmapDevice(id)
    else for (const id of [...this.#collections.keys()]) this.#unmapCollection(id)
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
      if (first !== undefined && second !== undefined && third !== undefined && fourth !== undefined) this.#execute(first, second, third, fourth)
      const next = Number(this.#creadr) + COMMAND_BYTES
      this.#creadr = BigInt(next >= size ? 0 : next)
    }
  }

  #execute(first: bigint, second: bigint, third: bigint, fourth: bigint): void {
    const deviceId = Number(first >> 32n)
    const eventId = Number(second & U32)
    const collection = Number(third & 0xffffn)
    const valid = (third & (1n << 63n)) !== 0n
    switch (Number(first & 0xffn)) {
      case COMMAND.mapd:
        this.#mapDevice(deviceId, valid, Number(second & 0x1fn) + 1, third & 0x000f_ffff_ffff_ff00n)
        break
      case COMMAND.mapc:
        if (valid) this.#mapCollection(collection, Number((third >> 16n) & U32))
        else this.#unmapCollection(collection)
        break
      case COMMAND.mapti:
        this.#mapEvent(deviceId, eventId, Number(second >> 32n), collection)
        break
      case COMMAND.mapi:
        this.#mapEvent(deviceId, eventId, eventId, collection)
        break
      case COMMAND.movall:
        this.#moveAll(this.#target(Number((third >> 16n) & U32)), this.#target(Number((fourth >> 16n) & U32)))
        break
      case COMMAND.invall: {
        const cpu = this.#collections.get(collection)
        if (cpu !== undefined && cpu >= 0) this.#lpis.configureAll(cpu)
        break
      }
      case COMMAND.int:
        this.signal(deviceId, eventId)
        break
      default:
        this.#executeOnEvent(Number(first & 0xffn), deviceId, eventId, collection)
    }
  }

  #executeOnEvent(command: number, deviceId: number, eventId: number, collection: number): void {
    const device = this.#devices.get(deviceId)
    const event = device?.events.get(eventId)
    if (!device || !event) return
    switch (command) {
      case COMMAND.movi: {
        const cpu = this.#collections.get(collection)
        if (this.#cpuOf(event) === undefined || cpu === undefined || cpu < 0) return
        event.collection = collection
        this.#lpis.retarget(event.lpi, cpu)
        writeTranslation(this.#memory, device, eventId)
        break
      }
      case COMMAND.clear:
        this.#lpis.setPending(event.lpi, false)
        break
      case COMMAND.inv:
        this.#lpis.configure(event.lpi)
        break
      case COMMAND.discard:
        if (this.#cpuOf(event) !== undefined) this.#unmapEvent(device, eventId)
    }
  }

  #moveAll(from: number, to: number): void {
    if (from >= 0 && to >= 0) this.#lpis.moveAll(from, to)
  }

  /** A vCPU by number, -1 for none. */
  #target(number: number): number {
    return number < this.#cpus ? number : -1
  }

  #cpuOf({ collection }: Translation): number | undefined {
    const cpu = collection === undefined ? undefined : this.#collections.get(collection)
    return cpu === undefined || cpu < 0 ? undefined : cpu
  }

  #mapDevice(id: number, valid: boolean, bits: number, table: bigint): void {
    if (entryAddress(this.#memory, this.#basers[0], id) === undefined || (valid && bits > ID_BITS)) return
    this.#unmapDevice(id)
    if (!valid) return
    this.#devices.set(id, { table, bits, events: new Map() })
    writeDevice(this.#memory, this.#basers[0], this.#devices, id)
  }

  #unmapDevice(id: number): void {
    const device = this.#devices.get(id)
    if (!device) return
    for (const event of [...device.events.keys()]) this.#unmapEvent(device, event)
    this.#devices.delete(id)
    writeDevice(this.#memory, this.#basers[0], this.#devices, id)
  }

  #mapCollection(id: number, target: number): void {
    const cpu = this.#target(target)
    if (cpu < 0 || entryAddress(this.#memory, this.#basers[1], id) === undefined) return
    this.#collections.set(id, cpu)
    for (const { events } of this.#devices.values()) for (const event of events.values()) if (event.collection === id) this.#lpis.retarget(event.lpi, cpu)
    writeCollections(this.#memory, this.#basers[1], this.#collections)
  }

  #unmapCollection(id: number): void {
    for (const device of this.#devices.values())
      for (const [eventId, event] of device.events) {
        if (event.collection !== id) continue
        event.collection = undefined
        writeTranslation(this.#memory, device, eventId)
      }
    if (this.#collections.delete(id)) writeCollections(this.#memory, this.#basers[1], this.#collections)
  }

  #mapEvent(deviceId: number, eventId: number, lpi: number, collection: number): void {
    const device = this.#devices.get(deviceId)
    if (!device || eventId >= 2 ** device.bits || lpi < FIRST_LPI || lpi >= this.#lpis.end() || device.events.has(eventId)) return
    if (!this.#collections.has(collection)) {
      if (entryAddress(this.#memory, this.#basers[1], collection) === undefined) return
      this.#collections.set(collection, -1)
    }
    const event: Translation = { lpi, collection }
    device.events.set(eventId, event)
    this.#lpis.map(lpi, this.#cpuOf(event) ?? -1)
    writeTranslation(this.#memory, device, eventId)
  }

  #unmapEvent(device: ItsDevice, eventId: number): void {
    const lpi = device.events.get(eventId)?.lpi
    device.events.delete(eventId)
    writeTranslation(this.#memory, device, eventId)
    if (lpi !== undefined && !this.#isMapped(lpi)) this.#lpis.unmap(lpi)
  }

  #isMapped(lpi: number): boolean {
    for (const { events } of this.#devices.values()) for (const event of events.values()) if (event.lpi === lpi) return true
    return false
  }

  /** From our own state, or from the tables in memory when the file has none of it. */
  #load({ registers, other }: ItsState): void {
    const values = new Map(registers)
    const at = (offset: number): bigint => values.get(offset) ?? 0n
    this.#cbaser = at(GITS.cbaser)
    this.#creadr = at(GITS.creadr) & QUEUE_OFFSET
    this.#cwriter = at(GITS.cwriter) & QUEUE_OFFSET
    TABLES.forEach(({ type }, n) => {
      const value = values.get(GITS.baser + 8 * n)
      if (value !== undefined) this.#basers[n as 0 | 1] = baserOf(type, value)
    })
    const own = parseMappings(other)
    this.#collections = own?.collections ?? readCollections(this.#memory, this.#basers[1])
    for (const [id, cpu] of this.#collections) this.#collections.set(id, this.#target(cpu))
    this.#devices = own?.devices ?? (isValid(this.#basers[0]) ? readDevices(this.#memory, this.#basers[0]) : new Map<number, ItsDevice>())
    for (const { events } of this.#devices.values())
      for (const [id, event] of events) {
        if (event.lpi < FIRST_LPI || event.lpi >= 2 ** ID_BITS) events.delete(id)
        else this.#lpis.map(event.lpi, this.#cpuOf(event) ?? -1)
      }
    for (const lpi of own?.lpis ?? []) this.#lpis.restore(lpi)
    this.#enabled = (at(GITS.ctlr) & ENABLED) !== 0n
    // Whoever saved it between a write of CWRITER and the commands.
    this.#process()
  }
}
