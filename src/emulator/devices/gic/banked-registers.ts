// Owns the registers that a distributor and a redistributor's SGI frame have in common: groups, enables, pending and active bits, priorities,
// triggers. Who may reach which interrupts is the caller's. Guests and KVM's device attributes see pending state differently.
// Source: IHI 0069 §12.9 and §12.11; arch/arm64/kvm/vgic/vgic-mmio.c.
import { GICD } from '../../../model/gic.ts'
import { PRIORITY_MASK } from './cpu-interface.ts'
import { type InterruptTable, SGIS } from './interrupt-table.ts'

/** Clear registers lie behind their set registers. */
const ICENABLER = GICD.isenabler + 0x80
const ICPENDR = GICD.ispendr + 0x80
const ICACTIVER = GICD.isactiver + 0x80

/** Which 32 interrupts a register at this offset speaks of, and which of their registers of its kind it is. */
export interface BankedPlace {
  readonly word: number
  readonly part: number
}

/** undefined: no register of this file. Offsets as in the distributor. */
export function bankedPlace(offset: number): BankedPlace | undefined {
  if (offset < GICD.igroupr || offset >= GICD.igrpmodr) return undefined
  if (offset < GICD.ipriorityr) return { word: (offset & 0x7f) >> 2, part: 0 }
  if (offset < GICD.icfgr) return { word: (offset & 0x3ff) >> 5, part: (offset >> 2) & 7 }
  return { word: (offset & 0xff) >> 3, part: (offset >> 2) & 1 }
}

/** Registers of a byte per interrupt may be read and written by bytes. */
export const isByByte = (offset: number): boolean => offset >= GICD.ipriorityr && offset < GICD.icfgr

/** `user`: as a device attribute reads it. ITARGETSR is the caller's. */
export function readBanked(table: InterruptTable, bank: number, offset: number, part: number, user: boolean): number {
  if (offset < GICD.isenabler) return table.group[bank]!
  if (offset < GICD.ispendr) return table.enabled[bank]!
  // GICv3 shows its users what is latched, so that a restored line level counts by itself; what GICv2 shows them includes the line.
  if (offset < GICD.isactiver) return user && table.version === 'v3' ? (offset < ICPENDR ? table.latch[bank]! : 0) : table.pending(bank)
  if (offset < GICD.ipriorityr) return table.active[bank]!
  if (offset < GICD.itargetsr) return fourBytes(table.priority, 32 * bank + 4 * part)
  return configuration(table.edge[bank]! >>> (16 * part))
}

/** `lanes`: the bytes that are written, as a mask of bits. */
export function writeBanked(table: InterruptTable, bank: number, offset: number, part: number, value: number, lanes: number, user: boolean): void {
  if (offset < GICD.isenabler) table.group[bank] = value
  else if (offset < ICENABLER) table.enabled[bank] = table.enabled[bank]! | value
  else if (offset < GICD.ispendr) table.enabled[bank] = table.enabled[bank]! & ~value
  else if (offset < GICD.isactiver) writePending(table, bank, offset < ICPENDR, value, user)
  else if (offset < ICACTIVER) table.active[bank] = table.active[bank]! | value
  else if (offset < GICD.ipriorityr) table.active[bank] = table.active[bank]! & ~value
  else if (offset < GICD.itargetsr) {
    for (let n = 0; n < 4; n++) if ((lanes >>> (8 * n)) & 0xff) table.priority[32 * bank + 4 * part + n] = (value >>> (8 * n)) & PRIORITY_MASK
  } else if (bank >= table.cpus) {
    // Private interrupts are as they are: SGIs edge-triggered, the others level-sensitive.
    const mask = 0xffff << (16 * part)
    table.edge[bank] = (table.edge[bank]! & ~mask) | (edges(value) << (16 * part))
  }
  table.touch(bank)
}

function writePending(table: InterruptTable, bank: number, set: boolean, value: number, user: boolean): void {
  const privately = bank < table.cpus
  if (user && table.version === 'v3') {
    // The attribute is the latch itself.
    if (set) table.latch[bank] = value
    return
  }
  // A GICv2 guest makes SGIs pending through SGIR and SPENDSGIR only.
  const mask = table.version === 'v2' && privately && !user ? value & ~(2 ** SGIS - 1) : value
  table.latch[bank] = set ? table.latch[bank]! | mask : table.latch[bank]! & ~mask
  if (table.version !== 'v2' || !privately || !user) return
  // The sender is lost: the vCPU itself stands for it (vgic_uaccess_write_spending).
  for (let sgi = 0; sgi < SGIS; sgi++) if ((value >>> sgi) & 1) table.senders[bank * SGIS + sgi] = set ? table.senders[bank * SGIS + sgi]! | (1 << bank) : 0
}

export const fourBytes = (bytes: Uint8Array, at: number): number => (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

/** Sixteen interrupts of ICFGR: the upper bit of each field says edge-triggered. */
function configuration(edge: number): number {
  let word = 0
  for (let n = 0; n < 16; n++) word |= ((edge >>> n) & 1) << (2 * n + 1)
  return word >>> 0
}

function edges(word: number): number {
  let edge = 0
  for (let n = 0; n < 16; n++) edge |= ((word >>> (2 * n + 1)) & 1) << n
  return edge
}
