// Owns GICv2's CPU interface as a frame of registers, and as KVM's attributes show it. Source: IHI 0048 §4.4; arch/arm64/kvm/vgic/vgic-mmio-v2.c.
import { GICC } from '../../../model/gic.ts'
import type { AccessSize } from '../device.ts'
import { CONTROL, type CpuInterface, IDLE, PRIORITY_MASK } from './cpu-interface.ts'
import { keyGroup, keyIntid, NONE, SPURIOUS } from './interrupt-table.ts'

const IAR = 0x0c
const EOIR = 0x10
const AIAR = 0x20
const AEOIR = 0x24
const AHPPIR = 0x28
const IIDR = 0xfc
const DIR = 0x1000
const IIDR_VALUE = 0x4b02_043b
/** GICC_CTLR. */
const CTLR = { groups: 3, ackCtl: 4, fiqEn: 8, cbpr: 0x10, eoiMode: 0x200 } as const
/** A pending interrupt of group 1 that a read of group 0's register does not acknowledge. */
const OTHER_GROUP = 1022
const INTID = 0x3ff
const PRIORITY_SHIFT = 3

export function readGicc(cpu: CpuInterface, offset: number, size: AccessSize): bigint {
  if (size !== 4 || offset % 4 !== 0) return 0n
  switch (offset) {
    case IAR:
      return BigInt(acknowledge(cpu, false))
    case AIAR:
      return BigInt(acknowledge(cpu, true))
    case GICC.rpr:
      return BigInt(Math.min(cpu.running(), IDLE - 1))
    case GICC.hppir:
      return BigInt(highest(cpu, false))
    case AHPPIR:
      return BigInt(highest(cpu, true))
    case GICC.pmr:
      return BigInt(cpu.priorityMask)
    case GICC.bpr:
      return BigInt(cpu.effectiveBinaryPoint0())
    case GICC.abpr:
      return BigInt(cpu.ownBinaryPoint1())
    default:
      return BigInt(userReadGicc(cpu, offset))
  }
}

export function writeGicc(cpu: CpuInterface, offset: number, size: AccessSize, value: bigint): void {
  if (size !== 4 || offset % 4 !== 0) return
  const word = Number(value & 0xffff_ffffn)
  switch (offset) {
    case EOIR:
    case AEOIR:
      cpu.end(word & INTID)
      break
    case DIR:
      cpu.deactivate(word & INTID)
      break
    case GICC.pmr:
      cpu.priorityMask = word & PRIORITY_MASK
      cpu.changed()
      break
    case GICC.bpr:
      cpu.setBinaryPoint0(word)
      break
    case GICC.abpr:
      cpu.setBinaryPoint1(word)
      break
    default:
      userWriteGicc(cpu, offset, word)
  }
}

/** As a device attribute: the priority mask is GICH_VMCR's five bits there, for ever. */
export function userReadGicc(cpu: CpuInterface, offset: number): number {
  switch (offset) {
    case GICC.ctlr:
      return (
        cpu.groups |
        (cpu.acknowledgesAll ? CTLR.ackCtl : 0) |
        (cpu.signalsFiq ? CTLR.fiqEn : 0) |
        (cpu.control & CONTROL.commonBinaryPoint ? CTLR.cbpr : 0) |
        (cpu.control & CONTROL.separateDeactivate ? CTLR.eoiMode : 0)
      )
    case GICC.pmr:
      return cpu.priorityMask >> PRIORITY_SHIFT
    case GICC.bpr:
      return cpu.binaryPoint0
    case GICC.abpr:
      return cpu.binaryPoint1
    case GICC.apr:
      return cpu.active1
    case IIDR:
      return IIDR_VALUE
    default:
      return 0
  }
}

export function userWriteGicc(cpu: CpuInterface, offset: number, word: number): void {
  switch (offset) {
    case GICC.ctlr:
      cpu.groups = word & CTLR.groups
      cpu.acknowledgesAll = (word & CTLR.ackCtl) !== 0
      cpu.signalsFiq = (word & CTLR.fiqEn) !== 0
      cpu.control = (word & CTLR.cbpr ? CONTROL.commonBinaryPoint : 0) | (word & CTLR.eoiMode ? CONTROL.separateDeactivate : 0)
      break
    case GICC.pmr:
      cpu.priorityMask = (word << PRIORITY_SHIFT) & PRIORITY_MASK
      break
    case GICC.bpr:
      cpu.binaryPoint0 = word & 7
      break
    case GICC.abpr:
      cpu.binaryPoint1 = word & 7
      break
    case GICC.apr:
      cpu.active1 = word
      break
  }
  cpu.changed()
}

/** IAR takes group 0, and group 1 when it is told to; AIAR takes group 1. */
function acknowledge(cpu: CpuInterface, alias: boolean): number {
  const key = cpu.deliverable()
  if (key === NONE) return SPURIOUS
  if (alias ? keyGroup(key) === 0 : keyGroup(key) === 1 && !cpu.acknowledgesAll) return alias ? SPURIOUS : OTHER_GROUP
  return keyIntid(key) | (cpu.acknowledge(key) << 10)
}

function highest(cpu: CpuInterface, alias: boolean): number {
  const key = cpu.highestPending()
  if (key === NONE) return SPURIOUS
  if (alias) return keyGroup(key) === 1 ? keyIntid(key) : SPURIOUS
  return keyGroup(key) === 0 || cpu.acknowledgesAll ? keyIntid(key) : OTHER_GROUP
}
