// Owns where things are in the machine's guest physical address space, and its time base. As on the `virt` boards that VMMs offer, so that a
// guest built for one finds its console and memory.

export const RAM_BASE = 0x4000_0000n
export const UART_BASE = 0x0900_0000n
/** In-kernel GIC: distributor, then redistributors up to the end (their execution side does not exist yet). */
export const GIC_DISTRIBUTOR = 0x0800_0000n
export const GIC_END = 0x0900_0000n
/** CNTFRQ_EL0 in Hz. One instruction is one nanosecond, so the counter moves once in sixteen instructions. */
export const COUNTER_HZ = 62_500_000
export const INSTRUCTIONS_PER_TICK = 16
