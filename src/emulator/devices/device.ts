// Owns the contract between the board and a device: read, write, save; restored by construction. Knows no device and no machine.

/** What a device may know of its surroundings. */
export interface DeviceEnv {
  /** Counter ticks since the machine started. */
  now(): bigint
  /** Level of the device's interrupt line. */
  interrupt(level: boolean): void
  /** One byte for whoever watches the device: a console's output. */
  output(byte: number): void
}

export type AccessSize = 1 | 2 | 4 | 8

export interface Device<S> {
  read(offset: number, size: AccessSize): bigint
  write(offset: number, size: AccessSize, value: bigint): void
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
