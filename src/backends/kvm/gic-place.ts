// Owns where an in-kernel GIC is put: where the board of the built-in machine has it, unless guest memory or a console is there. Pure.
import { GIC_DISTRIBUTOR, UART_BASE } from '../../emulator/board/memory-map.ts'

export interface Range {
  readonly start: bigint
  readonly size: bigint
}
export interface GicPlace {
  readonly distributor: bigint
  /** GICv2: the CPU interface; GICv3: the redistributors of all vCPUs, one after the other. */
  readonly second: bigint
}

/** KVM_VGIC_V2_DIST_SIZE, _CPU_SIZE; KVM_VGIC_V3_DIST_SIZE, _REDIST_SIZE (arch/arm64/include/uapi/asm/kvm.h). */
const SIZES = { v2: { distributor: 0x1000n, second: 0x2000n }, v3: { distributor: 0x1_0000n, second: 0x2_0000n } } as const
const SECOND = { v2: 0x0801_0000n, v3: 0x080a_0000n } as const
/** KVM asks for 64 KiB at most. */
const ALIGNMENT = 0x1_0000n
const CONSOLE: Range = { start: UART_BASE, size: ALIGNMENT }

/** Addresses for a GIC of `vcpus` vCPUs beside `memory`. */
export function placeGic(version: 'v2' | 'v3', vcpus: number, memory: readonly Range[]): GicPlace {
  const { distributor: size, second } = SIZES[version]
  const taken = [CONSOLE, ...memory]
  const distributor = lowestFree(GIC_DISTRIBUTOR, size, taken)
  const perVcpu = version === 'v3' ? BigInt(Math.max(1, vcpus)) : 1n
  return { distributor, second: lowestFree(SECOND[version], second * perVcpu, [...taken, { start: distributor, size }]) }
}

function lowestFree(from: bigint, size: bigint, taken: readonly Range[]): bigint {
  const inTheWay = taken.find(range => from < range.start + range.size && range.start < from + size)
  if (!inTheWay) return from
  const end = inTheWay.start + inTheWay.size
  return lowestFree(((end + ALIGNMENT - 1n) / ALIGNMENT) * ALIGNMENT, size, taken)
}
