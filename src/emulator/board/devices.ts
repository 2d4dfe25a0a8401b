// Owns which devices the board has, where, and what becomes of what they send. Knows no CPU.
import { pl011 } from '../devices/pl011.ts'
import type { DevicePlace } from '../machine/bus.ts'
import { UART_BASE } from './memory-map.ts'

/** What the guest wrote to its console, as text; a byte that is no ASCII is kept as its Latin-1 character. */
export interface BoardConsole {
  text: string
}

/** Characters of console output that are kept: a guest that prints for ever must not take all memory. The first ones, as they name the guest. */
const MOST_OUTPUT = 1 << 20

/** The board's devices; `console` collects the output of the first UART. */
export function boardDevices(console: BoardConsole): readonly DevicePlace[] {
  return [
    {
      name: 'uart0',
      base: UART_BASE,
      type: pl011 as DevicePlace['type'],
      env: {
        now: () => 0n, // the PL011 keeps no time
        interrupt: () => {}, // nothing takes interrupts yet
        output: byte => {
          if (console.text.length < MOST_OUTPUT) console.text += String.fromCharCode(byte)
        },
      },
    },
  ]
}
