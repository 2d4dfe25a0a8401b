// Owns the way between a GIC and its saved state in the common shape (model/gic.ts): which registers there are, and in which order they go back.
// Registers that only clear, or that cannot be written, are left out of a saved state and skipped in one from elsewhere.
import { GICC, GICD, GICR, type GicState, type GicVcpuState, type RegisterRun, registerRuns, wordAt } from '../../../model/gic.ts'
import type { CpuInterface } from './cpu-interface.ts'
import { type DistributorParts, userReadDistributor, userWriteDistributor } from './distributor.ts'
import type { GicParts } from './gic.ts'
import { userReadGicc, userWriteGicc } from './gicc.ts'
import { ICC, ICC_STATE, userReadIcc, userWriteIcc } from './icc.ts'
import { type InterruptTable, SPECIAL } from './interrupt-table.ts'
import { userReadRedistributor, userWriteRedistributor } from './redistributor.ts'

const FIRST_TYPER_LINES = 0x1f
const MOST_SHARED_WORDS = 31
const SPENDSGIR_BYTES = 16

const words = (offset: number, count: number): readonly number[] => Array.from({ length: count }, (_, n) => offset + 4 * n)

/** Registers of 32 interrupts, at distributor offsets. Triggers stand before pending bits, which they give a meaning. */
const bankOffsets = (word: number): readonly number[] => [
  GICD.igroupr + 4 * word,
  GICD.isenabler + 4 * word,
  ...words(GICD.icfgr + 8 * word, 2),
  GICD.ispendr + 4 * word,
  GICD.isactiver + 4 * word,
  ...words(GICD.ipriorityr + 32 * word, 8),
]

function distributorOffsets({ table }: DistributorParts): readonly number[] {
  const offsets: number[] = [GICD.ctlr]
  for (let word = 1; word <= table.sharedWords; word++) {
    offsets.push(...bankOffsets(word))
    if (table.version === 'v2') offsets.push(...words(GICD.itargetsr + 32 * word, 8))
    else for (let intid = 32 * word; intid < 32 * word + 32 && intid < SPECIAL; intid++) offsets.push(...words(GICD.irouter + 8 * intid, 2))
  }
  return offsets
}

const SGI_FRAME = 0x1_0000
const CES_IR = 6
const TABLES = [...words(GICR.propbaser, 2), ...words(GICR.pendbaser, 2)]
const REDISTRIBUTOR_OFFSETS = [GICR.ctlr, ...bankOffsets(0).map(offset => SGI_FRAME + offset)]
const BANKED_V2 = [...bankOffsets(0), ...words(GICD.itargetsr, 8), ...words(GICD.spendsgir, SPENDSGIR_BYTES / 4)]
const CPU_INTERFACE_V2 = [GICC.ctlr, GICC.pmr, GICC.bpr, GICC.abpr, GICC.apr]

/** Banks of shared interrupts that a state speaks of: what its GICD_TYPER says, or at least `usual`. */
export function sharedWordsOf({ distributor, lineLevels }: GicState, usual: number): number {
  const typer = wordAt(distributor, GICD.typer)
  if (typer !== undefined) return Math.min(typer & FIRST_TYPER_LINES, MOST_SHARED_WORDS)
  let most = Math.max(usual, (lineLevels?.length ?? 1) - 1)
  for (let word = MOST_SHARED_WORDS; word > most; word--) if (wordAt(distributor, GICD.isenabler + 4 * word) !== undefined) most = word
  return Math.min(most, MOST_SHARED_WORDS)
}

export function saveGicState(parts: GicParts): GicState {
  const { table, interfaces, topology } = parts
  const latches = pendingLatches(table)
  const read = (cpu: number) => (offset: number) => latches(cpu, offset) ?? userReadDistributor(parts, cpu, offset)
  const pairs = [GICD.typer, GICD.iidr, ...distributorOffsets(parts)].map(offset => [offset, read(0)(offset)] as const)
  return {
    distributor: registerRuns(pairs),
    vcpus: interfaces.map((own, cpu): GicVcpuState => {
      const vcpu = topology.vcpuIndex(cpu)
      const lineLevel = table.line[cpu]!
      if (table.version === 'v2')
        return {
          vcpu,
          registers: registerRuns(BANKED_V2.map(offset => [offset, read(cpu)(offset)] as const)),
          cpuInterface: registerRuns(CPU_INTERFACE_V2.map(offset => [offset, userReadGicc(own, offset)] as const)),
          lineLevel,
        }
      return {
        vcpu,
        registers: registerRuns([...TABLES, ...REDISTRIBUTOR_OFFSETS].map(offset => [offset, userReadRedistributor(parts, cpu, offset)] as const)),
        systemRegisters: ICC_STATE.map(encoding => [encoding, BigInt(stateOf(own, encoding))] as const),
        lineLevel,
      }
    }),
    // Word 0 is with the vCPUs.
    lineLevels: [0, ...table.line.subarray(table.cpus)],
  }
}

/** Puts a saved state into a fresh GIC. */
export function loadGicState(parts: GicParts, state: GicState): void {
  const { table, interfaces, topology } = parts
  for (let word = 1; word <= table.sharedWords; word++) table.line[table.bank(0, word)] = state.lineLevels?.[word] ?? 0
  write(state.distributor, [GICD.iidr, ...distributorOffsets(parts)], (offset, value) => userWriteDistributor(parts, 0, offset, value))
  if (wordAt(state.distributor, GICD.iidr) === undefined) parts.revision = revisionOf(state) ?? parts.revision
  for (const saved of state.vcpus) {
    const own = interfaces.find(({ cpu }) => topology.vcpuIndex(cpu) === saved.vcpu)
    if (!own) continue
    const { cpu } = own
    table.line[cpu] = saved.lineLevel ?? 0
    // SGIs begin enabled, and the register only sets: VMMs clear it before.
    if (wordAt(saved.registers, table.version === 'v2' ? GICD.isenabler : SGI_FRAME + GICD.isenabler) !== undefined) table.enabled[cpu] = 0
    if (table.version === 'v2') {
      write(saved.registers, BANKED_V2, (offset, value) => writeBankedV2(parts, cpu, offset, value))
      write(saved.cpuInterface ?? [], CPU_INTERFACE_V2, (offset, value) => userWriteGicc(own, offset, value))
    } else {
      // The tables of LPIs before what enables them, and as they are: a table that was never set up has attributes that nobody may write.
      parts.propbaser = pair(saved.registers, GICR.propbaser) ?? parts.propbaser
      parts.pendbaser[cpu] = pair(saved.registers, GICR.pendbaser) ?? 0n
      write(saved.registers, REDISTRIBUTOR_OFFSETS, (offset, value) => userWriteRedistributor(parts, cpu, offset, value))
      for (const [encoding, value] of saved.systemRegisters ?? []) {
        if (encoding === ICC.bpr1) own.binaryPoint1 = Number(BigInt.asUintN(3, value))
        else userWriteIcc(own, encoding, value)
      }
    }
  }
  table.stale.fill(1)
}

function write(from: readonly RegisterRun[], offsets: readonly number[], put: (offset: number, value: number) => void): void {
  for (const offset of offsets) {
    const value = wordAt(from, offset)
    if (value !== undefined) put(offset, value >>> 0)
  }
}

/** GICR_CTLR shows CES and IR from the third revision of KVM's vgic on: what a file without GICD_IIDR says of it. */
function revisionOf({ vcpus }: GicState): number | undefined {
  const ctlr = vcpus[0] && wordAt(vcpus[0].registers, GICR.ctlr)
  return ctlr === undefined ? undefined : ctlr & CES_IR ? 3 : 2
}

function pair(from: readonly RegisterRun[], offset: number): bigint | undefined {
  const [low, high] = [wordAt(from, offset), wordAt(from, offset + 4)]
  return low === undefined && high === undefined ? undefined : (BigInt((high ?? 0) >>> 0) << 32n) | BigInt((low ?? 0) >>> 0)
}

/** The senders of a v2's SGIs stand in a register of their own, so its pending bits are put back as they are. */
function writeBankedV2(parts: GicParts, cpu: number, offset: number, value: number): void {
  if (offset === GICD.ispendr) parts.table.latch[cpu] = value
  else userWriteDistributor(parts, cpu, offset, value)
}

/** What is pending without its line: lines are saved by themselves. */
function pendingLatches(table: InterruptTable): (cpu: number, offset: number) => number | undefined {
  return (cpu, offset) => {
    const word = (offset - GICD.ispendr) >> 2
    return offset >= GICD.ispendr && word <= table.sharedWords ? (word === 0 ? table.latch[cpu] : table.latch[table.bank(cpu, word)]) : undefined
  }
}

/** The binary point of group 1 itself, though what reads it may show the other group's. */
const stateOf = (cpu: CpuInterface, encoding: number): number => (encoding === ICC.bpr1 ? cpu.binaryPoint1 : (userReadIcc(cpu, encoding) ?? 0))
