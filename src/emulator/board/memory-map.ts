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
/** In-kernel GIC: distributor, then redistributors up to the end (their execution side does not exist yet). */
export const GIC_DISTRIBUTOR = 0x0800_0000n
export const GIC_END = 0x0900_0000n
/** CNTFRQ_EL0 in Hz. One instruction is one nanosecond, so the counter moves once in sixteen instructions. */
export const COUNTER_HZ = 62_500_000
export const INSTRUCTIONS_PER_TICK = 16
/** What the wall clock says when the machine starts, in seconds since 1970: 2026-01-01. */
export const EPOCH_SECONDS = 1_767_225_600
