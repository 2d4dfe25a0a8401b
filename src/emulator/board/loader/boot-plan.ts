// Owns the whole of what is put into RAM before a kernel's first instruction: the kernel, its initramfs, the device tree, and what vCPU 0 starts with.
// Placement as QEMU's, so that a guest finds the same memory map on both. Source: Linux Documentation/arch/arm64/booting.rst.
import { SnapError } from '../../../errors.ts'
import { type BoardTreeOptions, boardTree } from '../device-tree/board-tree.ts'
import { type ImagePart, type PlacedKernel, placeKernel, type Ram } from './kernel-image.ts'

export interface BootFiles {
  /** The kernel's image, not compressed, and what to call it in messages. */
  readonly kernel: { readonly file: string; readonly bytes: Uint8Array }
  readonly initrd?: { readonly file: string; readonly bytes: Uint8Array }
}
export interface BootPlan {
  readonly kernel: PlacedKernel
  readonly parts: readonly ImagePart[]
  /** Where vCPU 0 starts, at EL1 with the MMU off, and its X0; X1 to X3 are 0. */
  readonly entry: bigint
  readonly deviceTree: { readonly address: bigint; readonly bytes: Uint8Array }
}

const MIB = 1 << 20
/** How far from the start of RAM the initramfs begins, if the kernel leaves room: half of RAM, at most this. */
const INITRD_OFFSET = 128 * MIB
const PAGE = 0x1000n
/** The device tree lies in one 2 MiB block, which the kernel maps before it can read sizes. */
const TREE_ALIGNMENT = 0x20_0000n

/** Throws USAGE when something does not fit into RAM, and what placeKernel throws. */
export function planBoot({ kernel, initrd }: BootFiles, ram: Ram, board: Omit<BoardTreeOptions, 'memory' | 'initrd'>): BootPlan {
  const placed = placeKernel(kernel.bytes, ram, kernel.file)
  const usual = ram.start + BigInt(Math.min(Math.floor(ram.size / 2), INITRD_OFFSET))
  const first = roundUp(placed.end > usual ? placed.end : usual, PAGE)
  const initrdEnd = first + BigInt(initrd?.bytes.length ?? 0)
  const tree = boardTree({ ...board, memory: ram.size, ...(initrd ? { initrd: { start: first, end: initrdEnd } } : {}) })
  const address = roundUp(initrdEnd, TREE_ALIGNMENT)
  const last = ram.start + BigInt(ram.size)
  if (address + BigInt(tree.length) > last)
    throw new SnapError(
      'USAGE',
      `${initrd ? `${initrd.file} (${initrd.bytes.length} bytes) and a device tree do` : 'a device tree does'} not fit into guest memory behind ${kernel.file}`,
      { file: initrd?.file ?? kernel.file },
      { hint: `give the guest at least ${Math.ceil((Number(address - ram.start) + tree.length) / MIB)} MiB with --memory` },
    )
  return {
    kernel: placed,
    parts: [...placed.parts, ...(initrd ? [{ address: first, bytes: initrd.bytes }] : []), { address, bytes: tree }],
    entry: placed.entry,
    deviceTree: { address, bytes: tree },
  }
}

const roundUp = (address: bigint, to: bigint): bigint => ((address + to - 1n) / to) * to
