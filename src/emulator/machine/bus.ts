// Owns which device answers at a guest physical address, and the devices' states as a snapshot holds them. Knows no CPU.
import { SnapError } from '../../errors.ts'
import type { DeviceSnapshot } from '../../model/snapshot.ts'
import type { AccessSize, Device, DeviceEnv, DeviceType } from '../devices/device.ts'

/** One device of a board. */
export interface DevicePlace {
  /** Instance name in snapshots, e.g. `uart0`. */
  readonly name: string
  readonly base: bigint
  /** Its shared peripheral interrupt (0 is INTID 32); absent: none. */
  readonly interrupt?: number
  // A board holds devices of every kind: only the device itself reads its state.
  readonly type: DeviceType<unknown>
}

export interface Bus {
  /** The device there and the offset in it; undefined where no device answers. */
  find(address: bigint): { readonly device: Device<unknown>; readonly offset: number } | undefined
  read(address: bigint, size: AccessSize): bigint
  write(address: bigint, size: AccessSize, value: bigint): void
  /** Bytes for the device of this name; gives how many it took. */
  input(name: string, bytes: Uint8Array): number
  /** Counter tick at which a device does something by itself; undefined: none will. */
  dueAt(): bigint | undefined
  /** Lets devices do what is due by now. */
  elapse(): void
  save(): readonly DeviceSnapshot[]
}

/** Devices restored from `saved` by name, fresh where it has none of that name. Throws INPUT_CORRUPT for another kind or a state that is not one. */
export function createBus(places: readonly DevicePlace[], env: (name: string) => DeviceEnv, saved: readonly DeviceSnapshot[] = []): Bus {
  const devices = places.map(place => {
    const held = saved.find(each => each.name === place.name)
    if (held && held.kind !== place.type.kind)
      throw new SnapError('INPUT_CORRUPT', `device ${place.name} was saved as a ${held.kind}; here it is a ${place.type.kind}`, { path: place.name })
    return { ...place, device: held ? place.type.create(env(place.name), place.type.parse(held.state)) : place.type.create(env(place.name)) }
  })
  const timed = devices.map(({ device }) => device).filter(device => device.dueAt !== undefined)
  const find = (address: bigint): { readonly device: Device<unknown>; readonly offset: number } | undefined => {
    for (const { base, type, device } of devices) if (address >= base && address < base + BigInt(type.length)) return { device, offset: Number(address - base) }
    return undefined
  }
  return {
    find,
    read: (address, size) => {
      const found = find(address)
      return found ? found.device.read(found.offset, size) : 0n
    },
    write: (address, size, value) => {
      const found = find(address)
      found?.device.write(found.offset, size, value)
    },
    input: (name, bytes) => devices.find(each => each.name === name)?.device.input?.(bytes) ?? 0,
    dueAt() {
      let first: bigint | undefined
      for (const device of timed) {
        const at = device.dueAt?.()
        if (at !== undefined && (first === undefined || at < first)) first = at
      }
      return first
    },
    elapse() {
      for (const device of timed) device.elapse?.()
    },
    save: () => devices.map(({ name, type, device }) => ({ name, kind: type.kind, state: device.save() })),
  }
}
