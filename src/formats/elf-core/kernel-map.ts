// Owns where a guest's kernel sees its memory: the ranges that its upper page tables (TTBR1_EL1) map. Reads tables from guest memory, trusts none.
// Source: Arm ARM DDI 0487, D8 (VMSAv8-64): stage 1, granules of 4, 16 and 64 KiB, 48-bit descriptors.
import { sysRegId } from '../../arch/reg-id.ts'
import { readMemory } from '../../model/read-memory.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'

export interface MappedRange {
  readonly virtual: bigint
  readonly physical: bigint
  /** Bytes. */
  readonly size: bigint
}

export interface KernelMap {
  /** By ascending virtual address, neighbours joined. */
  readonly ranges: readonly MappedRange[]
  /** The tables are more than are read: ranges are missing. */
  readonly isCut: boolean
}

export const MAP_LIMITS = { tables: 4096, ranges: 4096 } as const

const SCTLR_EL1 = sysRegId(3, 0, 1, 0, 0)
const TTBR1_EL1 = sysRegId(3, 0, 2, 0, 1)
const TCR_EL1 = sysRegId(3, 0, 2, 0, 2)
const PSTATE = 0x6030_0000_0010_0042n
const ADDRESS = 0x0000_ffff_ffff_f000n
/** TCR_EL1.TG1: log2 of the granule. */
const GRANULES: Readonly<Record<number, number>> = { 1: 14, 2: 12, 3: 16 }
const DS = 1n << 59n

/** Undefined when the MMU is off, or works in a way that is not read (52-bit descriptors). */
export async function kernelMap({ vcpus, memory }: Snapshot, signal?: AbortSignal): Promise<KernelMap | undefined> {
  const vcpu = vcpus.find(each => hasMmu(each) && isInKernel(each)) ?? vcpus.find(hasMmu)
  const control = vcpu && registerValue(vcpu.registers, TCR_EL1)
  const root = vcpu && registerValue(vcpu.registers, TTBR1_EL1)
  if (control === undefined || root === undefined || (control & DS) !== 0n) return undefined
  const granule = GRANULES[Number((control >> 30n) & 3n)]
  const bits = 64 - Number((control >> 16n) & 0x3fn)
  if (granule === undefined || bits < 25 || bits > 48) return undefined
  const walk = new Walk(memory, granule, signal)
  const first = 4 - Math.ceil((bits - granule) / (granule - 3))
  await walk.table(
    root & ADDRESS & ~((1n << BigInt(Math.min(granule, tableShift(bits, granule, first)))) - 1n),
    first,
    (1n << 64n) - (1n << BigInt(bits)),
    bits,
  )
  return { ranges: walk.ranges, isCut: walk.isCut }
}

const hasMmu = ({ registers }: VcpuSnapshot): boolean => ((registerValue(registers, SCTLR_EL1) ?? 0n) & 1n) !== 0n
/** A kernel that hides itself from programs has another, smaller map while these run. */
const isInKernel = ({ registers }: VcpuSnapshot): boolean => ((registerValue(registers, PSTATE) ?? 0n) & 0x1cn) === 4n

const levelShift = (granule: number, level: number): number => granule + (3 - level) * (granule - 3)
/** log2 of the first table's bytes: it may be smaller than a granule. */
const tableShift = (bits: number, granule: number, level: number): number => bits - levelShift(granule, level) + 3

class Walk {
  readonly ranges: MappedRange[] = []
  isCut = false
  readonly #memory: Snapshot['memory']
  readonly #granule: number
  readonly #signal: AbortSignal | undefined
  #tables = 0

  constructor(memory: Snapshot['memory'], granule: number, signal: AbortSignal | undefined) {
    this.#memory = memory
    this.#granule = granule
    this.#signal = signal
  }

  /** The table at `address`, whose first entry maps `virtual`; `bits` is what is left of the address for this level and below. */
  async table(address: bigint, level: number, virtual: bigint, bits: number): Promise<void> {
    if (this.isCut || ++this.#tables > MAP_LIMITS.tables || this.ranges.length >= MAP_LIMITS.ranges) {
      this.isCut = true
      return
    }
    const shift = levelShift(this.#granule, level)
    const entries = 2 ** Math.min(bits - shift, this.#granule - 3)
    const bytes = await readMemory(this.#memory, address, entries * 8, this.#signal)
    if (bytes?.length !== entries * 8) return
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const size = 1n << BigInt(shift)
    for (let i = 0; i < entries; i++) {
      const descriptor = view.getBigUint64(8 * i, true)
      if ((descriptor & 1n) === 0n) continue
      const at = virtual + BigInt(i) * size
      const isTable = (descriptor & 2n) !== 0n
      if (level === 3) {
        if (isTable) this.#add(at, descriptor & ADDRESS & ~(size - 1n), size)
      } else if (isTable) await this.table(descriptor & ADDRESS & ~((1n << BigInt(this.#granule)) - 1n), level + 1, at, shift)
      else this.#add(at, descriptor & ADDRESS & ~(size - 1n), size)
    }
  }

  #add(virtual: bigint, physical: bigint, size: bigint): void {
    const last = this.ranges.at(-1)
    if (last && last.virtual + last.size === virtual && last.physical + last.size === physical)
      this.ranges[this.ranges.length - 1] = { ...last, size: last.size + size }
    else if (this.ranges.length < MAP_LIMITS.ranges) this.ranges.push({ virtual, physical, size })
    else this.isCut = true
  }
}

/** The parts of the ranges that stand in memory regions, with the region's number and the offset in it. */
export function* inRegions(
  ranges: readonly MappedRange[],
  memory: Snapshot['memory'],
): Generator<{ readonly virtual: bigint; readonly region: number; readonly offset: number; readonly size: number }> {
  for (const { virtual, physical, size } of ranges)
    for (const [region, { start, size: bytes }] of memory.entries()) {
      const end = start + BigInt(bytes)
      let from = physical
      if (from < start) from = start
      let to = physical + size
      if (to > end) to = end
      if (from < to) yield { virtual: virtual + (from - physical), region, offset: Number(from - start), size: Number(to - from) }
    }
}
