// Owns a GIC as KVM's device attributes show it: groups, what the bits of an attribute say, which there are. The same registers as a saved state's.
// Source: Documentation/virt/kvm/devices/arm-vgic.rst, arm-vgic-v3.rst; arch/arm64/kvm/vgic/vgic-kvm-device.c.
import { ERRNO } from '../../../arch/errno.ts'
import { userReadDistributor, userWriteDistributor } from './distributor.ts'
import type { Gic, GicParts } from './gic.ts'
import { userReadGicc, userWriteGicc } from './gicc.ts'
import { userReadIcc, userWriteIcc } from './icc.ts'
import { userReadRedistributor, userWriteRedistributor } from './redistributor.ts'

/** KVM_DEV_ARM_VGIC_GRP_*. */
export const GIC_GROUP = { distributor: 1, cpuInterface: 2, interrupts: 3, redistributor: 5, systemRegisters: 6, lineLevels: 7 } as const

export interface GicAttributes {
  /** KVM_GET_DEVICE_ATTR. */
  get(group: number, attribute: bigint): { readonly errno: number; readonly value: bigint }
  /** KVM_SET_DEVICE_ATTR: the errno. */
  set(group: number, attribute: bigint, value: bigint): number
}

/** First byte and length of what can be reached. */
type Region = readonly [start: number, length: number]
const BANKS: readonly Region[] = [[0x80, 0xc80]]
const DISTRIBUTOR_V3: readonly Region[] = [[0x0, 0x10], [0x10, 4], ...BANKS, [0xd00, 0x80], [0x6000, 0x2000], [0xffd0, 0x30]]
const DISTRIBUTOR_V2: readonly Region[] = [[0x0, 0xc], ...BANKS, [0xf00, 4], [0xf10, 0x20]]
const REDISTRIBUTOR: readonly Region[] = [
  [0x0, 0x18],
  [0x70, 0x10],
  [0xa0, 8],
  [0xb0, 8],
  [0xc0, 4],
  [0xffd0, 0x30],
  [0x1_0080, 4],
  [0x1_0100, 4],
  [0x1_0180, 4],
  [0x1_0200, 4],
  [0x1_0280, 4],
  [0x1_0300, 4],
  [0x1_0380, 4],
  [0x1_0400, 0x20],
  [0x1_0c00, 8],
  [0x1_0d00, 4],
  [0x1_0e00, 4],
]
const CPU_INTERFACE: readonly Region[] = [
  [0x0, 0xc],
  [0x1c, 4],
  [0xd0, 0x10],
  [0xfc, 4],
]
const isIn = (regions: readonly Region[], offset: number): boolean => regions.some(([start, length]) => offset >= start && offset < start + length)

/** One register, found: or why it is not. */
type Found = { readonly errno: number } | { readonly errno: 0; readonly get: () => number; readonly set: (value: bigint) => void; readonly fixed?: true }

export function gicAttributes({ parts, version }: Gic): GicAttributes {
  const find = (group: number, attribute: bigint): Found => (version === 'v3' ? findV3(parts, group, attribute) : findV2(parts, group, attribute))
  return {
    get(group, attribute) {
      const found = find(group, attribute)
      return 'get' in found ? { errno: 0, value: BigInt(found.get()) } : { errno: found.errno, value: 0n }
    },
    set(group, attribute, value) {
      const found = find(group, attribute)
      if (!('set' in found)) return found.errno
      if (found.fixed) return ERRNO.EBUSY
      found.set(value)
      return 0
    },
  }
}

const U32 = 0xffff_ffffn
const word = (value: bigint): number => Number(value & U32)

function findV3(parts: GicParts, group: number, attribute: bigint): Found {
  const { table, interfaces, topology } = parts
  const affinity = Number(attribute >> 32n) | 0
  const low = word(attribute)
  if (group === GIC_GROUP.interrupts) return interruptNumber(parts)
  const cpu = interfaces.findIndex(each => topology.affinity(each.cpu) === affinity)
  switch (group) {
    case GIC_GROUP.distributor:
      if (low & 3 || !isIn(DISTRIBUTOR_V3, low)) return { errno: ERRNO.ENXIO }
      return { errno: 0, get: () => userReadDistributor(parts, 0, low), set: value => userWriteDistributor(parts, 0, low, word(value)) }
    case GIC_GROUP.redistributor:
      if (cpu < 0) return { errno: ERRNO.EINVAL }
      if (low & 3 || !isIn(REDISTRIBUTOR, low)) return { errno: ERRNO.ENXIO }
      return { errno: 0, get: () => userReadRedistributor(parts, cpu, low), set: value => userWriteRedistributor(parts, cpu, low, word(value)) }
    case GIC_GROUP.systemRegisters: {
      const own = interfaces[cpu]
      if (!own) return { errno: ERRNO.EINVAL }
      if (userReadIcc(own, low) === undefined) return { errno: ERRNO.ENXIO }
      return { errno: 0, get: () => userReadIcc(own, low) ?? 0, set: value => void userWriteIcc(own, low, value) }
    }
    case GIC_GROUP.lineLevels: {
      if (cpu < 0) return { errno: ERRNO.EINVAL }
      const intid = low & 0x3ff
      if (low >>> 10 !== 0) return { errno: ERRNO.ENXIO }
      const bank = table.bank(cpu, intid >> 5)
      if (intid % 32 !== 0 || bank < 0) return { errno: ERRNO.EINVAL }
      return {
        errno: 0,
        get: () => table.line[bank]!,
        set(value) {
          table.line[bank] = word(value)
          table.touch(bank)
        },
      }
    }
    default:
      return { errno: ERRNO.ENXIO }
  }
}

function findV2(parts: GicParts, group: number, attribute: bigint): Found {
  const cpu = Number((attribute >> 32n) & 0xffn)
  const low = word(attribute)
  if (group === GIC_GROUP.interrupts) return interruptNumber(parts)
  const own = parts.interfaces[cpu]
  if (!own) return { errno: ERRNO.EINVAL }
  if (group === GIC_GROUP.distributor && !(low & 3) && isIn(DISTRIBUTOR_V2, low))
    return { errno: 0, get: () => userReadDistributor(parts, cpu, low), set: value => userWriteDistributor(parts, cpu, low, word(value)) }
  if (group === GIC_GROUP.cpuInterface && !(low & 3) && isIn(CPU_INTERFACE, low))
    return { errno: 0, get: () => userReadGicc(own, low), set: value => userWriteGicc(own, low, word(value)) }
  return { errno: ERRNO.ENXIO }
}

/** KVM_DEV_ARM_VGIC_GRP_NR_IRQS: private and shared ones; fixed once the GIC is initialised. */
const interruptNumber = ({ table }: GicParts): Found => ({ errno: 0, get: () => 32 * (table.sharedWords + 1), set: () => {}, fixed: true })
