// Owns which devices the board has, where, and what becomes of what they send. Knows no CPU.
import { pl011 } from '../devices/pl011.ts'
import type { DevicePlace } from '../machine/bus.ts'
import { UART_BASE } from './memory-map.ts'

export const BOARD_DEVICES: readonly DevicePlace[] = [{ name: 'uart0', base: UART_BASE, type: pl011 }]

/** What the guest wrote to its console, as text; a byte that is no ASCII is kept as its Latin-1 character. */
export interface BoardConsole {
  text: string
}

/** Characters of console output that are kept: a guest that prints for ever must not take all memory. The first ones, as they name the guest. */
const MOST_OUTPUT = 1 << 20

/** For MachineOptions.output: collects what the board's only console sends. */
export const collectOutput =
  (console: BoardConsole) =>
  (_device: string, byte: number): void => {
    if (console.text.length < MOST_OUTPUT) console.text += String.fromCharCode(byte)
  }
