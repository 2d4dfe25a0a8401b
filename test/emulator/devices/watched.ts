// A device's surroundings that remember: what was sent, the interrupt line, guest memory and a disk, time that stands still until it is moved.
import type { DeviceEnv, Disk } from '../../../src/emulator/devices/device.ts'

export const MEMORY_START = 0x4000_0000n

export interface Watched extends DeviceEnv {
  readonly sent: number[]
  level: boolean
  time: bigint
  /** Guest memory from MEMORY_START on. */
  readonly ram: Uint8Array
}

export function watched({ ram = new Uint8Array(1 << 16), disk }: { readonly ram?: Uint8Array; readonly disk?: Disk } = {}): Watched {
  const inside = (address: bigint, length: number): boolean => address >= MEMORY_START && address + BigInt(length) <= MEMORY_START + BigInt(ram.length)
  const at = (address: bigint): number => Number(address - MEMORY_START)
  const env: Watched = {
    sent: [],
    level: false,
    time: 7n,
    ram,
    now: () => env.time,
    memory: {
      read: (address, length) => (inside(address, length) ? ram.slice(at(address), at(address) + length) : undefined),
      write(address, bytes) {
        if (!inside(address, bytes.length)) return false
        ram.set(bytes, at(address))
        return true
      },
    },
    interrupt(level) {
      env.level = level
    },
    output(byte) {
      env.sent.push(byte)
    },
    ...(disk ? { disk } : {}),
  }
  return env
}

export const sentText = (env: Watched): string => String.fromCharCode(...env.sent)

/** A disk in memory. */
export function memoryDisk(
  sectors: number,
  { readOnly = false, fails = false }: { readonly readOnly?: boolean; readonly fails?: boolean } = {},
): Disk & {
  readonly contents: Uint8Array
  flushes: number
} {
  const contents = Uint8Array.from({ length: sectors * 512 }, (_, n) => n % 251)
  const check = (): void => {
    if (fails) throw new Error('the disk is broken')
  }
  const disk = {
    contents,
    flushes: 0,
    size: contents.length,
    readOnly,
    read(offset: number, length: number) {
      check()
      return contents.slice(offset, offset + length)
    },
    write(offset: number, bytes: Uint8Array) {
      check()
      contents.set(bytes, offset)
    },
    flush() {
      check()
      disk.flushes++
    },
  }
  return disk
}
