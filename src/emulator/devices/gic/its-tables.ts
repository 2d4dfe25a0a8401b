// Owns the ITS's tables in guest memory, in the format that KVM saves them in (ABI 0): devices, collections, interrupt translations. They are written whenever
// a mapping changes, so that whoever reads the guest's memory finds them; they are read only when a saved ITS comes back.
// Source: Documentation/virt/kvm/devices/arm-vgic-its.rst; IHI 0069 §5.2, §12.19.
import type { DeviceMemory } from '../device.ts'

export const ENTRY_BYTES = 8
/** DeviceIDs and EventIDs have so many bits. */
export const ID_BITS = 16
const PAGE = 0x1_0000
const VALID = 1n << 63n
const INDIRECT = 1n << 62n
const BASE_MASK = 0x0000_ffff_ffff_0000n
const LEVEL1_MASK = 0x000f_ffff_ffff_0000n
/** Furthest that the distance to the next entry can say. */
const MOST_DEVICES_AHEAD = 2 ** 14 - 1
const MOST_EVENTS_AHEAD = 2 ** 16 - 1
/** A table from elsewhere does not make us map more than there are LPIs. */
const MOST_TRANSLATIONS = 2 ** ID_BITS

export interface ItsDevice {
  /** Address of its table of translations, and EventID bits. */
  readonly table: bigint
  readonly bits: number
  readonly events: Map<number, Translation>
}
export interface Translation {
  readonly lpi: number
  /** The collection; undefined after it was unmapped. */
  collection: number | undefined
}

export const isValid = (baser: bigint): boolean => (baser & VALID) !== 0n
const tableBytes = (baser: bigint): number => (Number(baser & 0xffn) + 1) * PAGE

/** Address of an entry of a flat or two-level table; undefined where the guest has given no memory. */
export function entryAddress(memory: DeviceMemory, baser: bigint, id: number): bigint | undefined {
  if (!isValid(baser) || id >= 2 ** ID_BITS) return undefined
  const base = baser & BASE_MASK
  if (!(baser & INDIRECT)) return id < tableBytes(baser) / ENTRY_BYTES ? at(memory, base + BigInt(id * ENTRY_BYTES)) : undefined
  const perPage = PAGE / ENTRY_BYTES
  const index = Math.floor(id / perPage)
  if (index >= tableBytes(baser) / ENTRY_BYTES) return undefined
  const level1 = read64(memory, base + BigInt(index * ENTRY_BYTES))
  return level1 !== undefined && level1 & VALID ? at(memory, (level1 & LEVEL1_MASK) + BigInt((id % perPage) * ENTRY_BYTES)) : undefined
}

const at = (memory: DeviceMemory, address: bigint): bigint | undefined => (memory.read(address, ENTRY_BYTES) ? address : undefined)

export function read64(memory: DeviceMemory, address: bigint): bigint | undefined {
  const bytes = memory.read(address, 8)
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
}

function write64(memory: DeviceMemory, address: bigint | undefined, value: bigint): void {
  if (address !== undefined) memory.write(address, new Uint8Array(BigUint64Array.of(value).buffer))
}

/** Distance to the next greater id, 0 when there is none within reach. */
function ahead(ids: readonly number[], id: number, most: number): number {
  let next: number | undefined
  for (const other of ids) if (other > id && (next === undefined || other < next)) next = other
  return next === undefined ? 0 : Math.min(next - id, most)
}
/** The ids whose entries a change of `id` alters: itself and the one before, whose distance changes. */
function neighbours(ids: readonly number[], id: number): readonly number[] {
  let before: number | undefined
  for (const other of ids) if (other < id && (before === undefined || other > before)) before = other
  return before === undefined ? [id] : [before, id]
}

/** Device `id` was mapped or unmapped. */
export function writeDevice(memory: DeviceMemory, baser: bigint, devices: ReadonlyMap<number, ItsDevice>, id: number): void {
  const ids = [...devices.keys()]
  for (const each of neighbours(ids, id)) {
    const device = devices.get(each)
    const next = BigInt(ahead(ids, each, MOST_DEVICES_AHEAD))
    write64(memory, entryAddress(memory, baser, each), device ? VALID | (next << 49n) | ((device.table >> 8n) << 5n) | BigInt(device.bits - 1) : 0n)
  }
}

/** Event `id` of a device was mapped, moved or unmapped. */
export function writeTranslation(memory: DeviceMemory, { table, bits, events }: ItsDevice, id: number): void {
  const ids = [...events.keys()]
  for (const each of neighbours(ids, id)) {
    const event = events.get(each)
    const next = BigInt(ahead(ids, each, MOST_EVENTS_AHEAD))
    const address = each < 2 ** bits ? at(memory, table + BigInt(each * ENTRY_BYTES)) : undefined
    const entry = event && event.collection !== undefined ? (next << 48n) | (BigInt(event.lpi) << 16n) | BigInt(event.collection) : 0n
    write64(memory, address, entry)
  }
}

/** All collections, one after the other, and an end. */
export function writeCollections(memory: DeviceMemory, baser: bigint, collections: ReadonlyMap<number, number>): void {
  if (!isValid(baser)) return
  const room = tableBytes(baser) / ENTRY_BYTES
  const entries = [...collections].filter(([, cpu]) => cpu >= 0).map(([id, cpu]) => VALID | (BigInt(cpu) << 16n) | BigInt(id))
  for (const [n, entry] of [...entries, 0n].slice(0, room).entries()) write64(memory, at(memory, (baser & BASE_MASK) + BigInt(n * ENTRY_BYTES)), entry)
}

export function readCollections(memory: DeviceMemory, baser: bigint): Map<number, number> {
  const collections = new Map<number, number>()
  if (!isValid(baser)) return collections
  for (let n = 0; n < tableBytes(baser) / ENTRY_BYTES; n++) {
    const entry = read64(memory, (baser & BASE_MASK) + BigInt(n * ENTRY_BYTES))
    if (entry === undefined || !(entry & VALID)) break
    collections.set(Number(entry & 0xffffn), Number((entry >> 16n) & 0xffff_ffffn))
  }
  return collections
}

/** Devices and their translations; distances lead from one to the next. */
export function readDevices(memory: DeviceMemory, baser: bigint): Map<number, ItsDevice> {
  const devices = new Map<number, ItsDevice>()
  let left = MOST_TRANSLATIONS
  const most = baser & INDIRECT ? 2 ** ID_BITS : Math.min(tableBytes(baser) / ENTRY_BYTES, 2 ** ID_BITS)
  for (let id = 0; id < most && left > 0; ) {
    const address = entryAddress(memory, baser, id)
    if (address === undefined) {
      // No second level here: the next page of entries.
      id = baser & INDIRECT ? (Math.floor(id / (PAGE / ENTRY_BYTES)) + 1) * (PAGE / ENTRY_BYTES) : most
      continue
    }
    const entry = read64(memory, address) ?? 0n
    if (!(entry & VALID)) {
      id++
      continue
    }
    const device: ItsDevice = {
      table: ((entry >> 5n) & 0xfff_ffff_ffffn) << 8n,
      bits: Math.min(Number(entry & 0x1fn) + 1, ID_BITS),
      events: new Map(),
    }
    devices.set(id, device)
    left -= readTranslations(memory, device, left) + 1
    const next = Number((entry >> 49n) & 0x3fffn)
    if (next === 0) break
    id += next
  }
  return devices
}

function readTranslations(memory: DeviceMemory, { table, bits, events }: ItsDevice, most: number): number {
  for (let id = 0; id < 2 ** bits && events.size < most; ) {
    const entry = read64(memory, table + BigInt(id * ENTRY_BYTES))
    if (entry === undefined) break
    const lpi = Number((entry >> 16n) & 0xffff_ffffn)
    if (lpi === 0) {
      id++
      continue
    }
    events.set(id, { lpi, collection: Number(entry & 0xffffn) })
    const next = Number(entry >> 48n)
    if (next === 0) break
    id += next
  }
  return events.size
}
