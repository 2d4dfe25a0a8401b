// Owns a guest's memory on a KVM host: pieces that KVM and Node take, seen as the regions that were asked for. Refuses to look once it is closed.
import { SnapError } from '../../errors.ts'
import type { MemoryRegion } from '../../model/snapshot.ts'
import { type AbiVm, LARGEST_MEMORY } from '../kvm-abi.ts'

const CHUNK = 1 << 20
const ZEROS = Buffer.alloc(CHUNK)

interface Region {
  readonly start: bigint
  readonly size: number
  /** Of LARGEST_MEMORY bytes each, but the last. */
  readonly pieces: readonly Uint8Array[]
}

export class GuestRam {
  #regions: readonly Region[]
  /** Whether anybody has seen it since the last `refresh`. */
  #wasRead = false
  readonly #vm: AbiVm

  /** Throws KERNEL_REFUSED. */
  constructor(vm: AbiVm, wanted: readonly { readonly start: bigint; readonly size: number }[]) {
    this.#vm = vm
    this.#regions = wanted.map(({ start, size }) => {
      const pieces: Uint8Array[] = []
      for (let at = 0; at < size; at += LARGEST_MEMORY) pieces.push(vm.addMemory(start + BigInt(at), Math.min(LARGEST_MEMORY, size - at)))
      return { start, size, pieces }
    })
  }

  write(address: bigint, bytes: Uint8Array): void {
    let from = 0
    for (const view of this.#views(address, bytes.length)) {
      view.set(bytes.subarray(from, from + view.length))
      from += view.length
    }
  }

  /** A copy. */
  read(address: bigint, length: number): Uint8Array {
    this.#wasRead = true
    const copy = new Uint8Array(length)
    let from = 0
    for (const view of this.#views(address, length)) {
      copy.set(view, from)
      from += view.length
    }
    return copy
  }

  /** The regions as a snapshot holds them; the chunks are views. */
  save(): readonly MemoryRegion[] {
    this.#wasRead = true
    const chunk = (region: number, offset: number, length: number): Uint8Array =>
      this.#region(region).pieces[Math.floor(offset / LARGEST_MEMORY)]!.subarray(offset % LARGEST_MEMORY, (offset % LARGEST_MEMORY) + length)
    return this.#regions.map(({ start, size }, region) => ({
      name: region === 0 ? 'ram' : `ram${region}`,
      start,
      size,
      *chunks(signal?: AbortSignal) {
        for (let offset = 0; offset < size; offset += CHUNK) {
          signal?.throwIfAborted()
          const data = chunk(region, offset, Math.min(CHUNK, size - offset))
          if (ZEROS.compare(data, 0, data.length, 0, data.length) !== 0) yield { offset, data }
        }
      },
    }))
  }

  /** To be called before the guest runs: what was seen of its memory will be seen as the guest then left it. */
  refresh(): void {
    if (this.#wasRead) this.#vm.refreshMemory()
    this.#wasRead = false
  }

  /** To be called before the VM is closed: the views lead nowhere then. */
  close(): void {
    this.#regions = []
  }

  #region(index: number): Region {
    const region = this.#regions[index]
    if (!region) throw new SnapError('USAGE', 'the memory of a VM is read after the VM was closed')
    return region
  }

  *#views(address: bigint, length: number): Generator<Uint8Array> {
    const region = this.#regions.find(({ start, size }) => address >= start && address + BigInt(length) <= start + BigInt(size))
    if (!region) throw new SnapError('USAGE', `there is no memory of ${length} bytes at 0x${address.toString(16)}`)
    const first = Number(address - region.start)
    for (let at = first; at < first + length; ) {
      const within = at % LARGEST_MEMORY
      const to = Math.min(first + length, at - within + LARGEST_MEMORY)
      yield region.pieces[Math.floor(at / LARGEST_MEMORY)]!.subarray(within, within + to - at)
      at = to
    }
  }
}
