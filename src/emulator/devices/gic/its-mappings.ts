// Owns what an ITS maps: devices, their events, collections; and the commands that change it. Guest memory has a copy (its-tables.ts). A command that cannot
// be done is passed over, as KVM's are. Knows no register and no queue. Source: IHI 0069 §5.3; arch/arm64/kvm/vgic/vgic-its.c.
import type { DeviceMemory } from '../device.ts'
import { FIRST_LPI } from './interrupt-table.ts'
import type { ItsMappings } from './its-state.ts'
import {
  entryAddress,
  ID_BITS,
  type ItsDevice,
  isValid,
  readCollections,
  readDevices,
  type Translation,
  writeCollections,
  writeDevice,
  writeTranslation,
} from './its-tables.ts'
import type { Lpis } from './lpis.ts'

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
const U32 = 0xffff_ffffn

/** GITS_BASER of the two tables. */
export interface TableBases {
  devices: bigint
  collections: bigint
}

export class Mappings {
  readonly #memory: DeviceMemory
  readonly #lpis: Lpis
  readonly #cpus: number
  readonly #bases: TableBases
  #devices = new Map<number, ItsDevice>()
  /** Position of the vCPU by collection; -1 for one that is only spoken of. */
  #collections = new Map<number, number>()

  constructor(memory: DeviceMemory, lpis: Lpis, cpus: number, bases: TableBases) {
    this.#memory = memory
    this.#lpis = lpis
    this.#cpus = cpus
    this.#bases = bases
  }

  /** A message of a device; false when nothing is mapped to it. */
  signal(deviceId: number, eventId: number): boolean {
    const event = this.#devices.get(deviceId)?.events.get(eventId)
    const cpu = event && this.#cpuOf(event)
    if (!event || cpu === undefined || !this.#lpis.isEnabledFor(cpu)) return false
    this.#lpis.setPending(event.lpi, true)
    return true
  }

  /** The four double words of a command. */
  execute(first: bigint, second: bigint, third: bigint, fourth: bigint): void {
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
    if (entryAddress(this.#memory, this.#bases.devices, id) === undefined || (valid && bits > ID_BITS)) return
    this.#unmapDevice(id)
    if (!valid) return
    this.#devices.set(id, { table, bits, events: new Map() })
    writeDevice(this.#memory, this.#bases.devices, this.#devices, id)
  }

  #unmapDevice(id: number): void {
    const device = this.#devices.get(id)
    if (!device) return
    for (const event of [...device.events.keys()]) this.#unmapEvent(device, event)
    this.#devices.delete(id)
    writeDevice(this.#memory, this.#bases.devices, this.#devices, id)
  }

  #mapCollection(id: number, target: number): void {
    const cpu = this.#target(target)
    if (cpu < 0 || entryAddress(this.#memory, this.#bases.collections, id) === undefined) return
    this.#collections.set(id, cpu)
    for (const { events } of this.#devices.values()) for (const event of events.values()) if (event.collection === id) this.#lpis.retarget(event.lpi, cpu)
    writeCollections(this.#memory, this.#bases.collections, this.#collections)
  }

  #unmapCollection(id: number): void {
    for (const device of this.#devices.values())
      for (const [eventId, event] of device.events) {
        if (event.collection !== id) continue
        event.collection = undefined
        writeTranslation(this.#memory, device, eventId)
      }
    if (this.#collections.delete(id)) writeCollections(this.#memory, this.#bases.collections, this.#collections)
  }

  #mapEvent(deviceId: number, eventId: number, lpi: number, collection: number): void {
    const device = this.#devices.get(deviceId)
    if (!device || eventId >= 2 ** device.bits || lpi < FIRST_LPI || lpi >= this.#lpis.end() || device.events.has(eventId)) return
    if (!this.#collections.has(collection)) {
      if (entryAddress(this.#memory, this.#bases.collections, collection) === undefined) return
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

  forgetDevices(): void {
    for (const id of [...this.#devices.keys()]) this.#unmapDevice(id)
  }

  forgetCollections(): void {
    for (const id of [...this.#collections.keys()]) this.#unmapCollection(id)
  }

  save(): Readonly<Record<string, unknown>> {
    return {
      collections: [...this.#collections],
      devices: [...this.#devices].map(([id, { table, bits, events }]) => ({
        id,
        table,
        bits,
        events: [...events].map(([event, { lpi, collection }]) => [event, lpi, ...(collection === undefined ? [] : [collection])]),
      })),
      lpis: this.#lpis.save(),
    }
  }

  /** From our own state, or from the tables in memory. */
  load(own: ItsMappings | undefined): void {
    this.#collections = own?.collections ?? readCollections(this.#memory, this.#bases.collections)
    for (const [id, cpu] of this.#collections) this.#collections.set(id, this.#target(cpu))
    this.#devices = own?.devices ?? (isValid(this.#bases.devices) ? readDevices(this.#memory, this.#bases.devices) : new Map<number, ItsDevice>())
    for (const { events } of this.#devices.values())
      for (const [id, event] of events) {
        if (event.lpi < FIRST_LPI || event.lpi >= 2 ** ID_BITS) events.delete(id)
        else this.#lpis.map(event.lpi, this.#cpuOf(event) ?? -1)
      }
    for (const lpi of own?.lpis ?? []) this.#lpis.restore(lpi)
  }
}
