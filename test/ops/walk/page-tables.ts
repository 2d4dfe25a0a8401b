// Owns page tables made by hand, in memory that a test gives a snapshot. Knows nothing of how they are walked.
import { PC_ID, PSTATE_ID, type RegId, sysRegId } from '../../../src/arch/reg-id.ts'
import { bytesRegion } from '../../../src/model/memory.ts'
import { registerList } from '../../../src/model/register-list.ts'
import type { MemoryRegion, Snapshot, VcpuSnapshot } from '../../../src/model/snapshot.ts'

export const RAM = 0x4000_0000n
export const RAM_BYTES = 0x20_0000
export const LEVELS = { root: RAM + 0x1000n, one: RAM + 0x2000n, two: RAM + 0x3000n, three: RAM + 0x4000n } as const
export const CODE = RAM + 0x8000n

export const SCTLR = sysRegId(3, 0, 1, 0, 0)
export const TTBR0 = sysRegId(3, 0, 2, 0, 0)
export const TTBR1 = sysRegId(3, 0, 2, 0, 1)
export const TCR = sysRegId(3, 0, 2, 0, 2)
export const MAIR = sysRegId(3, 0, 10, 2, 0)
export const MMFR0 = sysRegId(3, 0, 0, 7, 0)

const TABLE = 3n
const BLOCK = 1n
const PAGE = 3n
export const AF = 1n << 10n
const INNER = 3n << 8n
export const UXN = 1n << 54n
export const PXN = 1n << 53n
export const USER = 1n << 6n
export const READ_ONLY = 1n << 7n
const DEVICE = 1n << 2n

/** 4 KiB granule, 48 bits in both halves, 48-bit output: T0SZ = T1SZ = 16, TG1 = 2, IPS = 5. */
export const TCR_48 = 16n | (16n << 16n) | (2n << 30n) | (5n << 32n)
/** Attribute 0 is Normal write-back, 1 Device-nGnRE, 2 Normal non-cacheable. */
const MAIR_VALUE = 0x44_04ffn

export interface TableOptions {
  readonly bigEndian?: boolean
  readonly registers?: readonly (readonly [id: RegId, value: bigint])[]
  readonly memory?: readonly MemoryRegion[]
  readonly pstate?: bigint
  readonly pc?: bigint
}

/** RAM with tables whose entries are named below, and two instructions at CODE. */
export function ram(bigEndian = false): Uint8Array {
  const bytes = new Uint8Array(RAM_BYTES)
  const view = new DataView(bytes.buffer)
  const put = (table: bigint, index: number, descriptor: bigint): void => view.setBigUint64(Number(table - RAM) + 8 * index, descriptor, !bigEndian)
  put(LEVELS.root, 0, LEVELS.one | TABLE)
  put(LEVELS.root, 1, 0x9000_0000n | TABLE) // a table that is not in memory
  put(LEVELS.one, 0, LEVELS.two | TABLE)
  put(LEVELS.one, 1, 0x4000_0000n | BLOCK | AF | INNER | UXN) // 1 GiB
  put(LEVELS.one, 2, LEVELS.two | TABLE | (1n << 60n) | (1n << 59n)) // nothing below executes
  put(LEVELS.two, 0, LEVELS.three | TABLE)
  put(LEVELS.two, 1, 0x0800_0000n | BLOCK | AF | DEVICE | UXN | PXN) // 2 MiB
  put(LEVELS.three, 0, CODE | PAGE | AF | INNER | READ_ONLY | UXN) // code
  put(LEVELS.three, 1, (CODE + 0x1000n) | PAGE | AF | INNER | USER | PXN) // a program's data
  put(LEVELS.three, 2, (CODE + 0x2000n) | PAGE | INNER) // access flag clear
  put(LEVELS.three, 3, (CODE + 0x3000n) | BLOCK | AF) // no block at level 3
  view.setUint32(Number(CODE - RAM), 0xd503_201f, true) // nop
  view.setUint32(Number(CODE - RAM) + 4, 0x1400_0000, true) // b .
  view.setUint32(Number(CODE - RAM) + 0xffc, 0xd69f_03e0, true) // eret, the last of its page
  view.setUint32(Number(CODE - RAM) + 0x1000, 0xd503_207f, true) // wfi, in the page behind
  return bytes
}

export function guest({
  bigEndian = false,
  registers = [],
  memory,
  pstate = 0x3c5n,
  pc = 0n,
}: TableOptions = {}): Snapshot & { readonly vcpus: readonly [VcpuSnapshot] } {
  const values = new Map<RegId, bigint>([
    [PC_ID, pc],
    [PSTATE_ID, pstate],
    [SCTLR, 0x30d0_0801n | (bigEndian ? 1n << 25n : 0n)],
    [TTBR0, LEVELS.root],
    [TTBR1, LEVELS.root | (7n << 48n)],
    [TCR, TCR_48],
    [MAIR, MAIR_VALUE],
    [MMFR0, 0x1125n],
    ...registers,
  ])
  return {
    origin: {},
    gic: 'v3',
    stop: 'running',
    vm: {},
    vcpus: [{ index: 0, mpState: 'runnable', registers: registerList(values) }],
    devices: [],
    memory: memory ?? [bytesRegion('ram', RAM, ram(bigEndian))],
  }
}
