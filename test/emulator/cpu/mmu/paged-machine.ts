// A bare machine with translation tables in its RAM and the MMU on, for the tests of translation. Not a test.
import { encodingOf, SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { type BareMachine, type BareOptions, bareMachine, RAM, TEST_SYSREGS, type Vcpu } from '../bare-machine.ts'

export const MMFR0 = encodingOf(3, 0, 0, 7, 0)
export const MMFR1 = encodingOf(3, 0, 0, 7, 1)
/** 44 bits of physical address, 16-bit ASIDs, all granules. */
export const ALL_GRANULES = 0x0010_0024n
export const PAGED_RAM_SIZE = 0x40_0000
/** MAIR_EL1: 0 Normal write-back, 1 Device-nGnRnE, 2 Normal non-cacheable. */
export const MAIR = 0x44_00ffn
export const PAGED_SYSREGS = new Map([...TEST_SYSREGS.keys(), SYSREG.TCR_EL1, SYSREG.TTBR0_EL1, SYSREG.TTBR1_EL1].map((encoding, slot) => [encoding, { slot }]))

export type Granule = 12 | 14 | 16
/** Bits of a block or page descriptor. */
export const D = {
  valid: 1n,
  page: 2n,
  table: 3n,
  attribute: (n: number) => BigInt(n) << 2n,
  user: 1n << 6n,
  readOnly: 1n << 7n,
  flag: 1n << 10n,
  notGlobal: 1n << 11n,
  dirtyManaged: 1n << 51n,
  contiguous: 1n << 52n,
  pxn: 1n << 53n,
  uxn: 1n << 54n,
  pxnTable: 1n << 59n,
  uxnTable: 1n << 60n,
  noUserTable: 1n << 61n,
  readOnlyTable: 1n << 62n,
} as const

/** Tables that grow from an address on; one tree for TTBR0_EL1, one for TTBR1_EL1. */
export class Tables {
  readonly #write: (address: bigint, value: bigint) => void
  readonly #read: (address: bigint) => bigint
  readonly granule: Granule
  readonly inputBits: number
  readonly root: bigint
  #next: bigint

  constructor(machine: Pick<BareMachine, 'engine' | 'dword'>, granule: Granule, inputBits: number, at: bigint) {
    this.#write = (address, value) => machine.engine.writeRam(address, new Uint8Array(BigUint64Array.of(value).buffer))
    this.#read = address => machine.dword(address)
    this.granule = granule
    this.inputBits = inputBits
    this.root = at
    this.#next = at + (1n << BigInt(granule))
  }

  get startLevel(): number {
    return 3 - Math.floor((this.inputBits - 1 - this.granule) / (this.granule - 3))
  }
  shift(level: number): bigint {
    return BigInt((3 - level) * (this.granule - 3) + this.granule)
  }

  /** Address of the descriptor of a virtual address at a level; tables on the way are made, or-ed with `tableBits`. */
  entry(address: bigint, level: number, tableBits = 0n): bigint {
    const within = address & ((1n << BigInt(this.inputBits)) - 1n)
    let table = this.root
    for (let at = this.startLevel; ; at++) {
      const bits = at === this.startLevel ? BigInt(this.inputBits) - this.shift(at) : BigInt(this.granule - 3)
      const entry = table + ((within >> this.shift(at)) & ((1n << bits) - 1n)) * 8n
      if (at === level) return entry
      const known = this.#read(entry)
      if ((known & 3n) === 3n) table = known & 0xffff_ffff_f000n
      else {
        table = this.#next
        this.#next += 1n << BigInt(this.granule)
        this.#write(entry, table | D.table | tableBits)
      }
    }
  }

  /** Maps one page or block; `bits` without the kind of descriptor. */
  map(address: bigint, physical: bigint, bits: bigint, level = 3, tableBits = 0n): bigint {
    const entry = this.entry(address, level, tableBits)
    this.#write(entry, physical | bits | D.valid | (level === 3 ? D.page : 0n))
    return entry
  }

  set(address: bigint, value: bigint): void {
    this.#write(address, value)
  }
}

const TG0 = { 12: 0n, 14: 2n, 16: 1n } as const
const TG1 = { 12: 2n, 14: 1n, 16: 3n } as const

/** TCR_EL1 for two halves with the same granule and size, IPS 44 bits, 16-bit ASIDs. */
export const tcrFor = (granule: Granule, inputBits: number): bigint => {
  const size = BigInt(64 - inputBits)
  return size | (size << 16n) | (TG0[granule] << 14n) | (TG1[granule] << 30n) | (4n << 32n) | (1n << 36n)
}

export interface Paged {
  readonly machine: BareMachine
  readonly vcpu: Vcpu
  readonly low: Tables
  readonly high: Tables
}

export interface PagedOptions {
  readonly granule?: Granule
  readonly inputBits?: number
  readonly vcpus?: number
  readonly idRegisters?: ReadonlyMap<number, bigint>
  readonly tcr?: bigint
  readonly jit?: BareOptions['jit']
}

/** EL1h with the MMU on, all vCPUs alike; the first 64 KiB of RAM (code, vectors, data of bare-machine.ts) mapped where they are, for EL1 only. */
export function pagedMachine({ granule = 12, inputBits = 39, vcpus = 1, idRegisters = new Map(), tcr = 0n, jit }: PagedOptions = {}): Paged {
  const ids = new Map([[MMFR0, ALL_GRANULES], ...idRegisters])
  const machine = bareMachine({ ...(jit === undefined ? {} : { jit }), vcpus, ramSize: PAGED_RAM_SIZE, sysregs: PAGED_SYSREGS, idRegisters: ids })
  const low = new Tables(machine, granule, inputBits, RAM + 0x20_0000n)
  const high = new Tables(machine, granule, inputBits, RAM + 0x30_0000n)
  for (let page = RAM; page < RAM + 0x1_0000n; page += 1n << BigInt(granule)) low.map(page, page, D.flag)
  for (const vcpu of machine.vcpus) {
    vcpu.setSysreg(SYSREG.TTBR0_EL1, low.root)
    vcpu.setSysreg(SYSREG.TTBR1_EL1, high.root)
    vcpu.setSysreg(SYSREG.TCR_EL1, tcrFor(granule, inputBits) | tcr)
    vcpu.setSysreg(SYSREG.MAIR_EL1, MAIR)
    vcpu.setSysreg(SYSREG.SCTLR_EL1, vcpu.sysreg(SYSREG.SCTLR_EL1) | 1n)
  }
  return { machine, vcpu: machine.vcpus[0], low, high }
}
