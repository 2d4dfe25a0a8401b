// Owns the contract between the board and a device: read, write, save; restored by construction. Knows no device and no machine.

/** What a device may know of its surroundings. */
export interface DeviceEnv {
  /** Counter ticks since the machine started. */
  now(): bigint
  /** Level of the device's interrupt line. */
  interrupt(level: boolean): void
  /** One byte for whoever watches the device: a console's output. */
  output(byte: number): void
  /** Guest memory, for devices that read and write it themselves. */
  readonly memory: DeviceMemory
  /** What stands behind a block device; absent where the machine was given none. */
  readonly disk?: Disk
}

/** Guest RAM as a device that masters the bus sees it. */
export interface DeviceMemory {
  /** A copy; undefined where [address, address + length) is not in one RAM region. */
  read(address: bigint, length: number): Uint8Array | undefined
  /** False, with nothing written, outside RAM. */
  write(address: bigint, bytes: Uint8Array): boolean
}

/** A disk's contents. Synchronous and deterministic: its owner (outside the emulator) answers at once, and the same requests find the same bytes. */
export interface Disk {
  /** Bytes, a multiple of 512. */
  readonly size: number
  readonly readOnly: boolean
  /** Throws when the owner cannot read; the device reports an I/O error to the guest. */
  read(offset: number, length: number): Uint8Array
  write(offset: number, bytes: Uint8Array): void
  /** Makes what was written durable. */
  flush(): void
}

export type AccessSize = 1 | 2 | 4 | 8

export interface Device<S> {
  read(offset: number, size: AccessSize): bigint
  write(offset: number, size: AccessSize, value: bigint): void
  /** Bytes that arrive from outside (a console's input); gives how many were taken. Absent: nothing ever arrives. */
  input?(bytes: Uint8Array): number
  /** Counter tick at which something happens by itself (an alarm); undefined: nothing will. Absent: nothing ever does. */
  dueAt?(): bigint | undefined
  /** Does what is due by now. Called at or after `dueAt`; more often does no harm. */
  elapse?(): void
  /** The whole state as a plain value. */
  save(): S
}

export interface DeviceType<S> {
  /** Stable name, kept in snapshots. */
  readonly kind: string
  /** Bytes of guest physical address space it answers for. */
  readonly length: number
  /** Checks a saved state. Throws INPUT_CORRUPT naming what is wrong. */
  parse(raw: unknown): S
  /** Fresh, or restored: one constructor. */
  create(env: DeviceEnv, saved?: S): Device<S>
}
