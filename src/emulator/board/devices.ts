// Owns which devices the board has, where, and what becomes of what they send. Knows no CPU.
import type { DeviceSnapshot } from '../../model/snapshot.ts'
import type { DeviceType } from '../devices/device.ts'
import { pl011 } from '../devices/pl011.ts'
import { pl031 } from '../devices/pl031.ts'
import { virtioBlock } from '../devices/virtio/block.ts'
import { virtioConsole } from '../devices/virtio/console.ts'
import { virtioRng } from '../devices/virtio/rng.ts'
import type { DevicePlace } from '../machine/bus.ts'
import { RTC_BASE, SPI, UART_BASE, VIRTIO_BASE, VIRTIO_SLOTS, VIRTIO_STRIDE } from './memory-map.ts'

/** Name of the UART, the console of every guest. */
export const UART = 'uart0'
const UART_PLACE: DevicePlace = { name: UART, base: UART_BASE, interrupt: SPI.uart, type: pl011 }
const RTC_PLACE: DevicePlace = { name: 'rtc0', base: RTC_BASE, interrupt: SPI.rtc, type: pl031 }

/** What the built-in guest has. */
export const BOARD_DEVICES: readonly DevicePlace[] = [UART_PLACE]

export interface BoardChoice {
  /** Block devices. */
  readonly disks: number
  /** A virtio console beside the UART. */
  readonly console: boolean
  /** Seed of an entropy device; absent: there is none. */
  readonly rng?: bigint
}

export const virtioName = (slot: number): string => `virtio${slot}`
const virtioPlace = (slot: number, type: DeviceType<unknown>): DevicePlace => ({
  name: virtioName(slot),
  base: VIRTIO_BASE + BigInt(slot) * VIRTIO_STRIDE,
  interrupt: SPI.virtio + slot,
  type,
})

/** What a guest of the user's has: UART, clock, then virtio devices from slot 0 on: disks in their order, the console, the entropy device. */
export function boardDevices({ disks, console, rng }: BoardChoice): readonly DevicePlace[] {
  const virtio: readonly DeviceType<unknown>[] = [
    ...Array.from({ length: disks }, () => virtioBlock),
    ...(console ? [virtioConsole] : []),
    ...(rng === undefined ? [] : [virtioRng(rng)]),
  ]
  return [UART_PLACE, RTC_PLACE, ...virtio.map((type, slot) => virtioPlace(slot, type))]
}

/** Most disks beside a console and an entropy device. */
export const MOST_DISKS = VIRTIO_SLOTS - 2

/** The places of devices that a board of ours had when it was saved, by name and kind; what else is saved under other names has none here. */
export function savedPlaces(devices: readonly DeviceSnapshot[]): readonly DevicePlace[] {
  const types: readonly DeviceType<unknown>[] = [virtioBlock, virtioConsole, virtioRng(0n)]
  return devices.flatMap(({ name, kind }) => {
    const fixed = [UART_PLACE, RTC_PLACE].find(place => place.name === name && place.type.kind === kind)
    if (fixed) return [fixed]
    const slot = Number(/^virtio(\d{1,2})$/.exec(name)?.[1] ?? VIRTIO_SLOTS)
    const type = types.find(each => each.kind === kind)
    return type && slot < VIRTIO_SLOTS ? [virtioPlace(slot, type)] : []
  })
}

/** What the guest wrote to its console, as text; a byte that is no ASCII is kept as its Latin-1 character. */
export interface BoardConsole {
  text: string
}

/** Characters of console output that are kept: a guest that prints for ever must not take all memory. The first ones, as they name the guest. */
const MOST_OUTPUT = 1 << 20

/** For MachineOptions.output: collects what the board's only console sends. */
export const collectOutput =
  (console: BoardConsole) =>
  (_device: string, byte: number): void => {
    if (console.text.length < MOST_OUTPUT) console.text += String.fromCharCode(byte)
  }
