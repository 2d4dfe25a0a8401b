// Owns an in-kernel interrupt controller as one thing: where its frames are, its input lines, what it signals to each vCPU, its whole state as a value.
// Knows no machine: who the vCPUs are is asked of `Topology`.
import type { GicState, ItsState } from '../../../model/gic.ts'
import type { AccessSize, DeviceMemory } from '../device.ts'
import { CpuInterface } from './cpu-interface.ts'
import { type DistributorParts, readDistributor, writeDistributor } from './distributor.ts'
import { readGicc, writeGicc } from './gicc.ts'
import { readIcc, writeIcc } from './icc.ts'
import { type GicVersion, InterruptTable, PRIVATE } from './interrupt-table.ts'
import { Its } from './its.ts'
import { Lpis } from './lpis.ts'
import { type RedistributorParts, readRedistributor, writeRedistributor } from './redistributor.ts'
import { loadGicState, saveGicState, sharedWordsOf } from './state.ts'

export interface Topology {
  readonly cpus: number
  /** KVM's index of the vCPU at a position. */
  vcpuIndex(cpu: number): number
  /** Aff3.Aff2.Aff1.Aff0 of MPIDR_EL1 in 32 bits. */
  affinity(cpu: number): number
}

/** Offsets of frames from the distributor's, as on the `virt` boards of VMMs. */
export const FRAMES = { gicc: 0x1_0000, its: 0x8_0000, redistributors: 0xa_0000, redistributorStride: 0x2_0000 } as const
const FRAME = 0x1_0000
const GICC_BYTES = 0x2000
/** The control frame and the one that devices write to, which is not for vCPUs. */
const ITS_BYTES = 0x2_0000
/** Inner shareable, inner read-allocate write-back: what KVM's ITS sets at its creation. */
const PROPBASER_WITH_ITS = 0x580n

/** Shared interrupts that a new GIC has: 256, as QEMU's `virt` board. */
const SHARED_WORDS = 8
/** GICD_IIDR.Revision of a new GIC: that of KVM since Linux 5.19. */
const REVISION = 3

/** All parts of one GIC, for the files beside this one. */
export interface GicParts extends DistributorParts, RedistributorParts {
  readonly version: GicVersion
  readonly table: InterruptTable
  readonly interfaces: readonly CpuInterface[]
  readonly topology: Topology
}

type Mutable = Omit<GicParts, 'lpis'> & { lpis: Lpis | undefined }

export interface Gic {
  readonly version: GicVersion
  readonly parts: GicParts
  /** Whether a frame is at this offset from the distributor. */
  claims(offset: number): boolean
  read(cpu: number, offset: number, size: AccessSize): bigint
  write(cpu: number, offset: number, size: AccessSize, value: bigint): void
  /** ICC_* of a v3; undefined, false: there is no such register. */
  readIcc(cpu: number, encoding: number): number | undefined
  writeIcc(cpu: number, encoding: number, value: bigint): boolean
  /** Level of a private peripheral interrupt's input (INTID 16 to 31). */
  setPrivateLine(cpu: number, intid: number, level: boolean): void
  /** Level of a shared peripheral interrupt's input (0 is INTID 32); false where there is none. */
  setSharedLine(spi: number, level: boolean): boolean
  /** LINE_IRQ and LINE_FIQ as the vCPU's interface signals them now. */
  signals(cpu: number): number
  /** The ITS that belongs to it. */
  readonly its: Its | undefined
  save(): GicState
}

export interface GicOptions {
  /** Saved by any VMM. */
  readonly saved?: GicState
  /** A GICv3 may have an ITS, whose tables are in guest memory; `saved` is read when memory is as it was. */
  readonly its?: { readonly memory: DeviceMemory; readonly saved?: ItsState }
}

/** Fresh, or in a saved state. */
export function createGic(version: GicVersion, topology: Topology, { saved, its: itsOptions }: GicOptions = {}): Gic {
  const hasIts = itsOptions !== undefined && version === 'v3'
  const table = new InterruptTable(version, topology.cpus, saved ? sharedWordsOf(saved, SHARED_WORDS) : SHARED_WORDS)
  const interfaces = Array.from({ length: topology.cpus }, (_, cpu) => new CpuInterface(table, cpu))
  const parts: Mutable = {
    version,
    table,
    interfaces,
    topology,
    hasIts,
    revision: REVISION,
    get iidr() {
      return parts
    },
    affinity: topology.affinity,
    vcpuIndex: topology.vcpuIndex,
    cpuOfAffinity: affinity => {
      for (let cpu = 0; cpu < topology.cpus; cpu++) if (topology.affinity(cpu) === affinity) return cpu
      return -1
    },
    lpis: undefined as Lpis | undefined,
    lpisEnabled: new Uint8Array(topology.cpus),
    propbaser: hasIts ? PROPBASER_WITH_ITS : 0n,
    pendbaser: new BigUint64Array(topology.cpus),
  }
  const lpis = hasIts ? new Lpis(itsOptions.memory, parts, table.stale) : undefined
  if (lpis) {
    parts.lpis = lpis
    table.lpis = lpis
    for (const each of interfaces) each.lpis = lpis
  }
  if (saved) loadGicState(parts, saved)
  const its = lpis && itsOptions ? new Its(itsOptions.memory, lpis, topology.cpus, itsOptions.saved) : undefined

  /** Redistributor at an offset; -1 for none. */
  const redistributorAt = (offset: number): number => {
    const cpu = Math.floor((offset - FRAMES.redistributors) / FRAMES.redistributorStride)
    return version === 'v3' && cpu >= 0 && cpu < topology.cpus ? cpu : -1
  }
  const isIts = (offset: number): boolean => its !== undefined && offset >= FRAMES.its && offset < FRAMES.its + ITS_BYTES
  const isGicc = (offset: number): boolean => version === 'v2' && offset >= FRAMES.gicc && offset < FRAMES.gicc + GICC_BYTES

  return {
    version,
    parts,
    its,
    claims: offset => offset < FRAME || isGicc(offset) || isIts(offset) || redistributorAt(offset) >= 0,
    read(cpu, offset, size) {
      if (offset < FRAME) return readDistributor(parts, cpu, offset, size)
      if (version === 'v2') return readGicc(interfaces[cpu]!, offset - FRAMES.gicc, size)
      if (its && isIts(offset)) return its.read(offset - FRAMES.its, size)
      return readRedistributor(parts, redistributorAt(offset), (offset - FRAMES.redistributors) % FRAMES.redistributorStride, size)
    },
    write(cpu, offset, size, value) {
      if (offset < FRAME) writeDistributor(parts, cpu, offset, size, value)
      else if (version === 'v2') writeGicc(interfaces[cpu]!, offset - FRAMES.gicc, size, value)
      else if (its && isIts(offset)) its.write(offset - FRAMES.its, size, value)
      else writeRedistributor(parts, redistributorAt(offset), (offset - FRAMES.redistributors) % FRAMES.redistributorStride, size, value)
    },
    readIcc: (cpu, encoding) => (version === 'v3' ? readIcc(interfaces[cpu]!, encoding) : undefined),
    writeIcc: (cpu, encoding, value) => version === 'v3' && writeIcc(interfaces[cpu]!, encoding, value, topology.affinity),
    setPrivateLine: (cpu, intid, level) => table.setLine(cpu, intid, level),
    setSharedLine(spi, level) {
      const bank = table.bank(0, (spi + PRIVATE) >> 5)
      if (spi < 0 || bank < 0) return false
      table.setLine(bank, spi & 31, level)
      return true
    },
    signals: cpu => interfaces[cpu]!.signals(),
    save: () => saveGicState(parts),
  }
}
