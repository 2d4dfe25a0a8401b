// Owns guest RAM by physical address: which region has it, reading a word of a table, writing with what that undoes. Knows no translation and no instruction.
import { SnapError } from '../../errors.ts'
import type { DecodeCache } from './decode-cache.ts'
import { ENGINE_STATE } from './engine-state.ts'
import type { RamRegion } from './linear-memory.ts'
import { SCTLR_LOW } from './sctlr.ts'
import { SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

export class GuestRam {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #regions: readonly RamRegion[]
  readonly #cache: DecodeCache

  constructor(memory: ArrayBuffer, regions: readonly RamRegion[], cache: DecodeCache) {
    this.#view = new DataView(memory)
    this.#bytes = new Uint8Array(memory)
    this.#regions = regions
    this.#cache = cache
  }

  /** The region that has all of [address, address + length). */
  region(address: bigint, length: number): RamRegion | undefined {
    return this.#regions.find(({ start, size }) => address >= start && address + BigInt(length) <= start + BigInt(size))
  }

  /** Linear address of the first byte; undefined when the bytes are not in one region. */
  linear(address: bigint, length: number): number | undefined {
    const region = this.region(address, length)
    return region && region.linear + Number(address - region.start)
  }

  word(address: bigint): number | undefined {
    const at = this.linear(address, 4)
    return at === undefined ? undefined : this.#view.getUint32(at, true)
  }

  readonly dword = (address: bigint): bigint | undefined => {
    const at = this.linear(address, 8)
    return at === undefined ? undefined : this.#view.getBigUint64(at, true)
  }

  /** Throws USAGE when the bytes are not in one region. */
  linearOrThrow(address: bigint, length: number): number {
    const at = this.linear(address, length)
    if (at === undefined) throw new SnapError('USAGE', `[0x${address.toString(16)}, +${length}) is not in one RAM region`)
    return at
  }

  /** A write by the CPU itself: decoded instructions there are forgotten. */
  write(address: bigint, from: Uint8Array): void {
    this.#bytes.set(from, this.linearOrThrow(address, from.length))
    const region = this.region(address, from.length)!
    this.#cache.forget(region, Number(address - region.start), from.length)
  }

  /** A write from outside, which also opens the monitors that may be on it: a monitor knows its virtual address, which with the MMU on says nothing here. */
  writeFromOutside(address: bigint, from: Uint8Array, vcpus: readonly VcpuBlock[]): void {
    this.write(address, from)
    for (const vcpu of vcpus) {
      const size = vcpu.read32(ENGINE_STATE.monitorSize)
      if (size === 0) continue
      const marked = vcpu.read64(ENGINE_STATE.monitorAddress)
      const translated = (vcpu.sysregLow(SYSREG.SCTLR_EL1) & SCTLR_LOW.m) !== 0
      if (translated || (marked < address + BigInt(from.length) && address < marked + BigInt(size))) vcpu.write32(ENGINE_STATE.monitorSize, 0)
    }
  }
}
