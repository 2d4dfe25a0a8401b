// Owns the contract between the virtio-mmio transport and the function behind it (a disk, a console): features, configuration, requests. Types only.
import type { DeviceEnv } from '../device.ts'
import type { Chain } from './queue.ts'

export interface VirtioFunctionType<S> {
  /** Stable name, kept in snapshots. */
  readonly kind: string
  /** Device ID of the virtio specification, chapter 5. */
  readonly id: number
  /** Most descriptors of each queue, a power of two. */
  readonly queues: readonly number[]
  /** Names of the fields of its own state. */
  readonly fields: readonly string[]
  /** Checks its own part of a saved state. Throws INPUT_CORRUPT. */
  parse(raw: Readonly<Record<string, unknown>>): S
  create(env: DeviceEnv, saved?: S): VirtioFunction<S>
}

/** What became of a chain: bytes that were written into it, or `keep`: it stays on offer (nothing has arrived yet). */
export type Handled = { readonly written: number } | 'keep'

export interface VirtioFunction<S> {
  /** Feature bits besides those of the transport. */
  readonly features: bigint
  /** Configuration space as it is now. */
  config(): Uint8Array
  /** Handles one chain of a queue, whole and at once. Throws BrokenQueue for one that no driver makes. */
  handle(queue: number, chain: Chain, features: bigint): Handled
  /** Bytes that arrived from outside and wait; the queue to offer them to afterwards. Gives how many it took. */
  input?(bytes: Uint8Array): { readonly taken: number; readonly queue: number }
  /** The driver reset the device. */
  reset(): void
  save(): S
}
