// Owns the known-bad patterns of the ITS and of LPIs: tables in guest memory that the file does not hold. Reads no more memory than the tables.
// Source: GIC architecture IHI 0069, §12.11 (GICR_PROPBASER, GICR_PENDBASER) and §12.19 (GITS_BASER, GITS_CBASER).
import type { Finding } from '../finding.ts'
import { GICR, GITS, type GicState, type ItsState, wordAt } from '../gic.ts'
import { gicStateOf, itsStateOf } from '../gic-state-of.ts'
import { isAllZero } from '../memory.ts'
import type { Snapshot } from '../snapshot.ts'
import { lintFinding } from './finding-of.ts'

interface Table {
  readonly name: string
  readonly address: bigint
  /** Bytes. */
  readonly size: number
}

const VALID = 1n << 63n
const ENABLED = 1n
const ENABLE_LPIS = 1
const BASERS = 8
/** Bits 47:12; a table of 64 KiB pages has address bits 51:48 in 15:12. */
const BASE_MASK = 0x0000_ffff_ffff_f000n
const WIDE_BASE_MASK = 0x0000_ffff_ffff_0000n
const PAGE_SIZES = [4096, 16384, 65536, 65536] as const

/** Nothing is said about a file without guest memory. Throws what reading the memory throws. */
export async function itsLints({ devices, memory }: Snapshot, signal?: AbortSignal): Promise<readonly Finding[]> {
  if (memory.length === 0) return []
  const findings: Finding[] = []
  const outside = (owner: string, tables: readonly Table[]): void => {
    for (const { name, address, size } of tables)
      if (!isInside(memory, address, size))
        findings.push(
          lintFinding(
            'its-table-outside-memory',
            `${name} of ${owner} has its table at 0x${address.toString(16)} (${size} bytes), where the file has no memory`,
            {
              register: name,
            },
          ),
        )
  }
  for (const device of devices) {
    const gic = gicStateOf(device)
    if (gic && device.kind === 'gic-v3') for (const [owner, tables] of lpiTables(gic)) outside(owner, tables)
    const its = itsStateOf(device)
    if (!its) continue
    const tables = itsTables(its)
    outside(device.name, tables)
    const translations = tables.filter(({ name }) => name !== 'GITS_CBASER')
    if (hasWorked(its) && translations.length > 0 && !(await anyBytes(memory, translations, signal)))
      findings.push(lintFinding('its-tables-not-saved', `${device.name} has worked through commands, and its ${translations.length} tables hold nothing`))
  }
  return findings
}

const registerOf = ({ registers }: ItsState, offset: number): bigint => registers.find(([at]) => at === offset)?.[1] ?? 0n

const hasWorked = (its: ItsState): boolean => (registerOf(its, GITS.ctlr) & ENABLED) !== 0n && registerOf(its, GITS.cwriter) !== 0n

function itsTables(its: ItsState): readonly Table[] {
  const tables: Table[] = []
  for (let n = 0; n < BASERS; n++) {
    const value = registerOf(its, GITS.baser + 8 * n)
    if ((value & VALID) === 0n) continue
    const pageSize = PAGE_SIZES[Number((value >> 8n) & 3n)] ?? 4096
    const address = pageSize === 65536 ? (value & WIDE_BASE_MASK) | (((value >> 12n) & 0xfn) << 48n) : value & BASE_MASK
    tables.push({ name: `GITS_BASER${n}`, address, size: (Number(value & 0xffn) + 1) * pageSize })
  }
  const queue = registerOf(its, GITS.cbaser)
  if (queue & VALID) tables.push({ name: 'GITS_CBASER', address: queue & 0x000f_ffff_ffff_f000n, size: (Number(queue & 0xffn) + 1) * 4096 })
  return tables
}

/** One byte per LPI in the configuration table, one bit in the pending table; both count from interrupt 0, the former without the first 8192. */
function* lpiTables({ vcpus }: GicState): Generator<readonly [string, readonly Table[]]> {
  for (const { vcpu, registers } of vcpus) {
    if (((wordAt(registers, GICR.ctlr) ?? 0) & ENABLE_LPIS) === 0) continue
    const wide = (offset: number): bigint => (BigInt(wordAt(registers, offset + 4) ?? 0) << 32n) | BigInt(wordAt(registers, offset) ?? 0)
    const bits = Math.min(Number(wide(GICR.propbaser) & 0x1fn) + 1, 24)
    const tables = [
      { name: 'GICR_PROPBASER', address: wide(GICR.propbaser) & 0x000f_ffff_ffff_f000n, size: Math.max(2 ** bits - 8192, 1) },
      { name: 'GICR_PENDBASER', address: wide(GICR.pendbaser) & 0x000f_ffff_ffff_0000n, size: Math.max(2 ** bits / 8, 1) },
    ]
    yield [`vCPU ${vcpu}`, tables.filter(({ address }) => address !== 0n)]
  }
}

function isInside(memory: Snapshot['memory'], address: bigint, size: number): boolean {
  return memory.some(region => region.start <= address && address + BigInt(size) <= region.start + BigInt(region.size))
}

async function anyBytes(memory: Snapshot['memory'], tables: readonly Table[], signal?: AbortSignal): Promise<boolean> {
  for (const { address, size } of tables)
    for (const region of memory) {
      if (address < region.start || address >= region.start + BigInt(region.size)) continue
      const from = Number(address - region.start)
      const to = Math.min(from + size, region.size)
      for await (const { offset, data } of region.chunks(signal, { from, to })) {
        if (offset >= to) break
        const piece = data.subarray(Math.max(0, from - offset), Math.max(0, to - offset))
        if (!isAllZero(piece)) return true
      }
    }
  return false
}
