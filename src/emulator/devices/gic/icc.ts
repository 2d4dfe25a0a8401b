// Owns GICv3's CPU interface as system registers: their encodings, what a guest reads and writes, what the attributes of KVM show. Knows no engine.
// Values are 32 bits wide but for the SGI registers. Source: IHI 0069 §12.2; arch/arm64/kvm/vgic-sys-reg-v3.c.
import { CONTROL, type CpuInterface, IDLE, PRIORITY_MASK } from './cpu-interface.ts'
import { type InterruptTable, keyGroup, keyIntid, NONE, SPURIOUS } from './interrupt-table.ts'

const icc = (crn: number, crm: number, op2: number): number => 0xc000 | (crn << 7) | (crm << 3) | op2

/** By encoding op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2. */
export const ICC = {
  pmr: icc(4, 6, 0),
  iar0: icc(12, 8, 0),
  eoir0: icc(12, 8, 1),
  hppir0: icc(12, 8, 2),
  bpr0: icc(12, 8, 3),
  ap0r0: icc(12, 8, 4),
  ap1r0: icc(12, 9, 0),
  dir: icc(12, 11, 1),
  rpr: icc(12, 11, 3),
  sgi1r: icc(12, 11, 5),
  asgi1r: icc(12, 11, 6),
  sgi0r: icc(12, 11, 7),
  iar1: icc(12, 12, 0),
  eoir1: icc(12, 12, 1),
  hppir1: icc(12, 12, 2),
  bpr1: icc(12, 12, 3),
  ctlr: icc(12, 12, 4),
  sre: icc(12, 12, 5),
  igrpen0: icc(12, 12, 6),
  igrpen1: icc(12, 12, 7),
} as const

/** Those that are state, ascending: what KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS has with five priority bits. */
export const ICC_STATE: readonly number[] = [ICC.pmr, ICC.bpr0, ICC.ap0r0, ICC.ap1r0, ICC.bpr1, ICC.ctlr, ICC.sre, ICC.igrpen0, ICC.igrpen1]

export const isIcc = (encoding: number): boolean => encoding === ICC.pmr || (encoding >= ICC.iar0 && encoding <= ICC.igrpen1)

/** SRE, DFB, DIB: system registers only, no bypass. */
const SRE = 7
/** Five priority bits, 24-bit INTIDs, Aff3 may be given. */
const CTLR_FIXED = (4 << 8) | (1 << 11) | (1 << 15)
const CTLR_WRITABLE = CONTROL.commonBinaryPoint | CONTROL.separateDeactivate
const INTID_BITS = 24

/** Undefined: there is no such register to read. */
export function readIcc(cpu: CpuInterface, encoding: number): number | undefined {
  switch (encoding) {
    case ICC.iar1:
      return acknowledge(cpu, 1)
    case ICC.iar0:
      return acknowledge(cpu, 0)
    case ICC.hppir0:
      return highest(cpu, 0)
    case ICC.hppir1:
      return highest(cpu, 1)
    case ICC.rpr:
      return Math.min(cpu.running(), IDLE - 1)
    case ICC.bpr0:
      return cpu.effectiveBinaryPoint0()
    case ICC.bpr1:
      return cpu.effectiveBinaryPoint1()
    default:
      return userReadIcc(cpu, encoding)
  }
}

/** False: there is no such register to write. `affinities` find the targets of SGIs. */
export function writeIcc(cpu: CpuInterface, encoding: number, value: bigint, affinity: (cpu: number) => number): boolean {
  switch (encoding) {
    case ICC.eoir0:
    case ICC.eoir1:
      cpu.end(Number(BigInt.asUintN(INTID_BITS, value)))
      return true
    case ICC.dir:
      cpu.deactivate(Number(BigInt.asUintN(INTID_BITS, value)))
      return true
    case ICC.sgi1r:
      sendSgi(cpu, value, affinity, true)
      return true
    case ICC.asgi1r:
    case ICC.sgi0r:
      sendSgi(cpu, value, affinity, false)
      return true
    case ICC.bpr0:
      cpu.setBinaryPoint0(Number(BigInt.asUintN(3, value)))
      return true
    case ICC.bpr1:
      // With one binary point for both groups, this is a view of the other register.
      if (!(cpu.control & CONTROL.commonBinaryPoint)) cpu.setBinaryPoint1(Number(BigInt.asUintN(3, value)))
      return true
    default:
      return userWriteIcc(cpu, encoding, value)
  }
}

/** What of it is state. */
export function userReadIcc(cpu: CpuInterface, encoding: number): number | undefined {
  switch (encoding) {
    case ICC.pmr:
      return cpu.priorityMask
    case ICC.bpr0:
      return cpu.binaryPoint0
    case ICC.bpr1:
      return cpu.control & CONTROL.commonBinaryPoint ? Math.min(cpu.binaryPoint0 + 1, 7) : cpu.binaryPoint1
    case ICC.ap0r0:
      return cpu.active0
    case ICC.ap1r0:
      return cpu.active1
    case ICC.ctlr:
      return CTLR_FIXED | cpu.control
    case ICC.sre:
      return SRE
    case ICC.igrpen0:
      return cpu.groups & 1
    case ICC.igrpen1:
      return cpu.groups >> 1
    default:
      return undefined
  }
}

export function userWriteIcc(cpu: CpuInterface, encoding: number, value: bigint): boolean {
  const word = Number(BigInt.asUintN(32, value))
  switch (encoding) {
    case ICC.pmr:
      cpu.priorityMask = word & PRIORITY_MASK
      break
    case ICC.bpr0:
      cpu.binaryPoint0 = word & 7
      break
    case ICC.bpr1:
      if (!(cpu.control & CONTROL.commonBinaryPoint)) cpu.binaryPoint1 = word & 7
      break
    case ICC.ap0r0:
      cpu.active0 = word
      break
    case ICC.ap1r0:
      cpu.active1 = word
      break
    case ICC.ctlr:
      cpu.control = word & CTLR_WRITABLE
      break
    case ICC.sre:
      break
    case ICC.igrpen0:
      cpu.groups = (cpu.groups & 2) | (word & 1)
      break
    case ICC.igrpen1:
      cpu.groups = (cpu.groups & 1) | ((word & 1) << 1)
      break
    default:
      return false
  }
  cpu.changed()
  return true
}

function acknowledge(cpu: CpuInterface, group: number): number {
  const key = cpu.deliverable()
  if (key === NONE || keyGroup(key) !== group) return SPURIOUS
  cpu.acknowledge(key)
  return keyIntid(key)
}

function highest(cpu: CpuInterface, group: number): number {
  const key = cpu.highestPending()
  return key === NONE || keyGroup(key) !== group ? SPURIOUS : keyIntid(key)
}

/** ICC_SGI1R, ICC_ASGI1R, ICC_SGI0R: to a list within one cluster, or to everybody else. Only SGI1R reaches SGIs of group 1 (vgic_v3_dispatch_sgi). */
function sendSgi({ cpu, table }: CpuInterface, value: bigint, affinity: (cpu: number) => number, group1: boolean): void {
  const low = Number(value & 0xffff_ffffn)
  const high = Number(value >> 32n)
  const sgi = (low >>> 24) & 15
  const everybodyElse = (high & 0x100) !== 0
  const cluster = (((high >>> 16) & 0xff) << 24) | ((high & 0xff) << 16) | (((low >>> 16) & 0xff) << 8)
  for (let target = 0; target < table.cpus; target++) {
    if (everybodyElse ? target === cpu : !isListed(affinity(target), cluster, low & 0xffff)) continue
    if (group1 || !isGroup1(table, target, sgi)) table.raiseSgi(target, sgi, cpu)
  }
}

const isListed = (affinity: number, cluster: number, list: number): boolean =>
  (affinity & ~0xff) === cluster && (affinity & 0xf0) === 0 && ((list >>> (affinity & 15)) & 1) === 1

const isGroup1 = (table: InterruptTable, cpu: number, sgi: number): boolean => ((table.group[cpu]! >>> sgi) & 1) === 1
