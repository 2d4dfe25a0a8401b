// Owns guest RAM before and after there is an engine: sparse chunks until the machine runs, then the engine's linear memory. Reading and writing
// look the same from outside, and a machine of any size that never runs costs what was written to it.
import { SnapError } from '../../errors.ts'
import type { MemoryRegion } from '../../model/snapshot.ts'

/** What the engine offers for its RAM. */
export interface RamStore {
  ram(address: bigint, length: number): Uint8Array
  writeRam(address: bigint, bytes: Uint8Array): void
}
export interface RamRegion {
  readonly start: bigint
  /** Bytes, a multiple of 4096. */
  readonly size: number
}
export interface GuestMemory {
  readonly regions: readonly RamRegion[]
  /** Whether [address, address + length) lies in one region. */
  contains(address: bigint, length: number): boolean
  /** A copy. Throws USAGE outside RAM. */
  read(address: bigint, length: number): Uint8Array
  /** Throws USAGE outside RAM. */
  write(address: bigint, bytes: Uint8Array): void
  /** Hands the contents to an engine, chunk by chunk, and keeps using it from now on. */
  moveTo(store: RamStore): void
  /** The regions as a snapshot holds them; the chunks are views, valid until the machine runs or memory is written. */
  save(): readonly MemoryRegion[]
}

const CHUNK = 1 << 20
const PAGE = 4096

export function createGuestMemory(regions: readonly RamRegion[]): GuestMemory {
  for (const { start, size } of regions)
    if (size <= 0 || size % PAGE !== 0 || start % BigInt(PAGE) !== 0n)
      throw new SnapError('USAGE', `guest memory of ${size} bytes at 0x${start.toString(16)} does not consist of whole pages`)
  let chunks = regions.map(() => new Map<number, Uint8Array>())
  let store: RamStore | undefined

  const find = (address: bigint, length: number): { readonly region: number; readonly offset: number } => {
    const region = regions.findIndex(({ start, size }) => address >= start && address + BigInt(length) <= start + BigInt(size))
    const found = regions[region]
    if (!found) throw new SnapError('USAGE', `${length} bytes at 0x${address.toString(16)} are not guest memory`)
    return { region, offset: Number(address - found.start) }
  }
  /** The pieces of a range that lie in one chunk each. */
  function* pieces(offset: number, length: number): Generator<readonly [chunk: number, within: number, from: number, to: number]> {
    for (let from = 0; from < length; ) {
      const within = (offset + from) % CHUNK
      const to = Math.min(length, from + CHUNK - within)
      yield [Math.floor((offset + from) / CHUNK), within, from, to]
      from = to
    }
  }

  return {
    regions,
    contains: (address, length) => regions.some(({ start, size }) => address >= start && address + BigInt(length) <= start + BigInt(size)),
    read(address, length) {
      const { region, offset } = find(address, length)
      if (store) return store.ram(address, length).slice()
      const bytes = new Uint8Array(length)
      for (const [chunk, within, from, to] of pieces(offset, length)) {
        const source = chunks[region]?.get(chunk)
        if (source) bytes.set(source.subarray(within, within + to - from), from)
      }
      return bytes
    },
    write(address, bytes) {
      const { region, offset } = find(address, bytes.length)
      if (store) return store.writeRam(address, bytes)
      for (const [chunk, within, from, to] of pieces(offset, bytes.length)) {
        const held = chunks[region]!
        let target = held.get(chunk)
        if (!target) held.set(chunk, (target = new Uint8Array(Math.min(CHUNK, regions[region]!.size - chunk * CHUNK))))
        target.set(bytes.subarray(from, to), within)
      }
    },
    moveTo(next) {
      regions.forEach(({ start, size }, region) => {
        if (store)
          for (let offset = 0; offset < size; offset += CHUNK)
            next.writeRam(start + BigInt(offset), store.ram(start + BigInt(offset), Math.min(CHUNK, size - offset)))
        const held = chunks[region]!
        for (const [chunk, bytes] of held) {
          next.writeRam(start + BigInt(chunk * CHUNK), bytes)
          held.delete(chunk)
        }
      })
      store = next
      chunks = regions.map(() => new Map())
    },
    save: () =>
      regions.map(({ start, size }, region) => ({
        name: region === 0 ? 'ram' : `ram${region}`,
        start,
        size,
        *chunks(signal?: AbortSignal) {
          for (let offset = 0; offset < size; offset += CHUNK) {
            signal?.throwIfAborted()
            const data = store ? store.ram(start + BigInt(offset), Math.min(CHUNK, size - offset)) : chunks[region]?.get(offset / CHUNK)
            if (data && !isZero(data)) yield { offset, data }
          }
        },
      })),
  }
}

/** Four bytes at a time, in plain numbers: most of a guest's memory is zero, and all of it is looked at. */
function isZero(bytes: Uint8Array): boolean {
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0) return !bytes.some(byte => byte !== 0)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  for (let n = 0; n < words.length; n++) if (words[n] !== 0) return false
  return true
}
