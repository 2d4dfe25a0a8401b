// Owns a split virtqueue (virtio 1.2, §2.7) as the device sees it: chains of buffers that the driver offers, and giving them back. The rings are the
// guest's own memory, so nothing in them is trusted: whatever cannot be makes the queue broken, in bounded time. Knows no device.
import type { DeviceMemory } from '../device.ts'

/** What the driver set up, and how far the device is. */
export interface QueueState {
  /** Descriptors, a power of two. */
  readonly size: number
  readonly ready: boolean
  /** Guest physical addresses of the descriptor table, the driver's and the device's ring. */
  readonly descriptors: bigint
  readonly driver: bigint
  readonly device: bigint
  /** Index in the driver's ring of the next chain to take, and in the device's of the next to give back; modulo 2^16. */
  readonly taken: number
  readonly given: number
}

export interface Segment {
  readonly address: bigint
  readonly length: number
}
/** One request: what the device may read, then what it may write. */
export interface Chain {
  readonly head: number
  readonly readable: readonly Segment[]
  readonly writable: readonly Segment[]
}

/** Thrown for a queue that no driver makes; the transport then needs a reset. */
export class BrokenQueue extends Error {}

const DESCRIPTOR_BYTES = 16
const NEXT = 1
const WRITE = 2
/** VRING_AVAIL_F_NO_INTERRUPT. */
const NO_INTERRUPT = 1
/** Bytes of all buffers of one chain: far above what a driver offers for one request, far below what would take the host's time. */
export const MOST_CHAIN_BYTES = 32 << 20

const u16 = (bytes: Uint8Array, offset: number): number => bytes[offset]! | (bytes[offset + 1]! << 8)

function fetch(memory: DeviceMemory, address: bigint, length: number, what: string): Uint8Array {
  const bytes = memory.read(address, length)
  if (!bytes) throw new BrokenQueue(`${what} at 0x${address.toString(16)} is not in guest memory`)
  return bytes
}

/** The next chain that the driver offers, or undefined. Throws BrokenQueue. */
export function peekChain(memory: DeviceMemory, queue: QueueState): Chain | undefined {
  const { size, driver, taken } = queue
  const offered = (u16(fetch(memory, driver, 4, "the driver's ring"), 2) - taken) & 0xffff
  if (offered === 0) return undefined
  if (offered > size) throw new BrokenQueue(`the driver offers ${offered} chains in a queue of ${size}`)
  const head = u16(fetch(memory, driver + 4n + 2n * BigInt(taken % size), 2, "the driver's ring"), 0)
  return chainAt(memory, queue, head)
}

function chainAt(memory: DeviceMemory, { size, descriptors }: QueueState, head: number): Chain {
  const readable: Segment[] = []
  const writable: Segment[] = []
  let bytes = 0
  for (let index = head, count = 0; ; count++) {
    if (index >= size) throw new BrokenQueue(`descriptor ${index} of a queue of ${size}`)
    if (count >= size) throw new BrokenQueue('a chain that goes round')
    const row = fetch(memory, descriptors + BigInt(index * DESCRIPTOR_BYTES), DESCRIPTOR_BYTES, 'a descriptor')
    const view = new DataView(row.buffer, row.byteOffset, row.byteLength)
    const segment = { address: view.getBigUint64(0, true), length: view.getUint32(8, true) }
    const flags = view.getUint16(12, true)
    bytes += segment.length
    if (bytes > MOST_CHAIN_BYTES) throw new BrokenQueue(`a chain of over ${MOST_CHAIN_BYTES} bytes`)
    if (flags & WRITE) writable.push(segment)
    else if (writable.length > 0) throw new BrokenQueue('a buffer to read behind one to write')
    else readable.push(segment)
    if (!(flags & NEXT)) return { head, readable, writable }
    index = view.getUint16(14, true)
  }
}

/** Gives the chain back with `written` bytes in it; the next state of the queue. Throws BrokenQueue. */
export function giveBack(memory: DeviceMemory, queue: QueueState, chain: Chain, written: number): QueueState {
  const element = new Uint8Array(8)
  const view = new DataView(element.buffer)
  view.setUint32(0, chain.head, true)
  view.setUint32(4, written, true)
  const given = (queue.given + 1) & 0xffff
  const isThere =
    memory.write(queue.device + 4n + 8n * BigInt(queue.given % queue.size), element) && memory.write(queue.device + 2n, Uint8Array.of(given & 0xff, given >> 8))
  if (!isThere) throw new BrokenQueue("the device's ring is not in guest memory")
  return { ...queue, taken: (queue.taken + 1) & 0xffff, given }
}

/** Whether the driver wants to hear of chains that were given back. Throws BrokenQueue. */
export const wantsInterrupt = (memory: DeviceMemory, { driver }: QueueState): boolean =>
  (u16(fetch(memory, driver, 2, "the driver's ring"), 0) & NO_INTERRUPT) === 0

/** All bytes of the segments, one after the other. Throws BrokenQueue for one outside memory. */
export function gather(memory: DeviceMemory, segments: readonly Segment[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(segments))
  let at = 0
  for (const { address, length } of segments) {
    if (length > 0) bytes.set(fetch(memory, address, length, 'a buffer'), at)
    at += length
  }
  return bytes
}

/** Writes as many of the bytes as the segments have room for; how many that were. Throws BrokenQueue for a segment outside memory. */
export function scatter(memory: DeviceMemory, segments: readonly Segment[], bytes: Uint8Array): number {
  let at = 0
  for (const { address, length } of segments) {
    const part = bytes.subarray(at, at + length)
    if (part.length > 0 && !memory.write(address, part)) throw new BrokenQueue(`a buffer at 0x${address.toString(16)} is not in guest memory`)
    at += part.length
  }
  return at
}

export const lengthOf = (segments: readonly Segment[]): number => segments.reduce((sum, { length }) => sum + length, 0)

/** The segments from byte `from` on. */
export function tail(segments: readonly Segment[], from: number): readonly Segment[] {
  let skip = from
  return segments.flatMap(({ address, length }) => {
    const off = Math.min(skip, length)
    skip -= off
    return off === length ? [] : [{ address: address + BigInt(off), length: length - off }]
  })
}
