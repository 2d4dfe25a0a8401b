// Owns reading what an ITS of ours keeps beside its registers (ItsState.other). A stranger's file may hold anything there: what is not ours is not used.
import type { ItsDevice } from './its-tables.ts'
import { ID_BITS } from './its-tables.ts'
import type { SavedLpi } from './lpis.ts'

export interface ItsMappings {
  readonly collections: Map<number, number>
  readonly devices: Map<number, ItsDevice>
  readonly lpis: readonly SavedLpi[]
}

const isId = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** ID_BITS
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Undefined when it is not what `Its.save` gives. */
export function parseMappings(other: Readonly<Record<string, unknown>> | undefined): ItsMappings | undefined {
  if (!other) return undefined
  const { collections, devices, lpis } = other
  if (!Array.isArray(collections) || !Array.isArray(devices) || !Array.isArray(lpis)) return undefined
  const result = { collections: new Map<number, number>(), devices: new Map<number, ItsDevice>(), lpis: [] as SavedLpi[] }
  for (const pair of collections) {
    const [id, cpu] = Array.isArray(pair) ? pair : []
    if (!isId(id) || !(isId(cpu) || cpu === -1)) return undefined
    result.collections.set(id, cpu)
  }
  for (const device of devices) {
    const parsed = parseDevice(device)
    if (!parsed) return undefined
    result.devices.set(...parsed)
  }
  for (const lpi of lpis) {
    if (!isRecord(lpi)) return undefined
    const { intid, priority, enabled, pending } = lpi
    if (!isId(intid) || !isId(priority) || typeof enabled !== 'boolean' || typeof pending !== 'boolean') return undefined
    result.lpis.push({ intid, priority, enabled, pending })
  }
  return result
}

function parseDevice(raw: unknown): readonly [number, ItsDevice] | undefined {
  if (!isRecord(raw)) return undefined
  const { id, bits, events } = raw
  const table = typeof raw.table === 'number' && Number.isSafeInteger(raw.table) ? BigInt(raw.table) : raw.table
  if (!isId(id) || !isId(bits) || bits < 1 || bits > ID_BITS || typeof table !== 'bigint' || table < 0n || !Array.isArray(events)) return undefined
  const device: ItsDevice = { table: BigInt.asUintN(52, table), bits, events: new Map() }
  for (const event of events) {
    const [eventId, lpi, collection] = Array.isArray(event) ? event : []
    if (!isId(eventId) || !isId(lpi) || !(collection === undefined || isId(collection))) return undefined
    device.events.set(eventId, { lpi, collection })
  }
  return [id, device]
}
