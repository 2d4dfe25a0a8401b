// Owns where things are in the machine's guest physical address space, and its time base. As on the `virt` boards that VMMs offer, so that a
// guest built for one finds its console and memory.

export const RAM_BASE = 0x4000_0000n
export const UART_BASE = 0x0900_0000n
export const RTC_BASE = 0x0901_0000n
/** virtio-mmio transports, one after the other. */
export const VIRTIO_BASE = 0x0a00_0000n
export const VIRTIO_STRIDE = 0x200n
export const VIRTIO_SLOTS = 32
/** Shared peripheral interrupts: 0 is INTID 32. Each virtio-mmio transport has its own, from the first on. */
export const SPI = { uart: 1, rtc: 2, virtio: 16 } as const
/** In-kernel GIC: all its parts lie in between. */
export const GIC_DISTRIBUTOR = 0x0800_0000n
export const GIC_END = 0x0900_0000n
/** Where the parts of the interrupt controller are. Both versions have the distributor in common; the ITS is beside a GICv3 that has one. */
export const GIC = {
  distributor: GIC_DISTRIBUTOR,
  distributorSize: 0x1_0000n,
  v2CpuInterface: 0x0801_0000n,
  v2CpuInterfaceSize: 0x1_0000n,
  its: 0x0808_0000n,
  itsSize: 0x2_0000n,
  /** Two pages of 64 KiB for each vCPU, in one region. */
  redistributors: 0x080a_0000n,
  redistributorsSize: 0xf6_0000n,
} as const
/** CNTFRQ_EL0 in Hz. One instruction is one nanosecond, so the counter moves once in sixteen instructions. */
export const COUNTER_HZ = 62_500_000
export const INSTRUCTIONS_PER_TICK = 16
/** What the wall clock says when the machine starts, in seconds since 1970: 2026-01-01. */
export const EPOCH_SECONDS = 1_767_225_600
