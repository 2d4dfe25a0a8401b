// Owns the PL011 UART (Arm DDI 0183) as a console's output: bytes leave at once, nothing ever arrives. Knows no board.
import type { Device, DeviceEnv, DeviceType } from './device.ts'
import { parseFields } from './saved-fields.ts'

/** Writable registers and the raw interrupt status; names as in the manual. */
const BITS = { rsr: 4, ilpr: 8, ibrd: 16, fbrd: 6, lcrH: 8, cr: 16, ifls: 6, imsc: 11, ris: 11, dmacr: 3 } as const
export type Pl011State = Readonly<Record<keyof typeof BITS, number>>

const RESET: Pl011State = { rsr: 0, ilpr: 0, ibrd: 0, fbrd: 0, lcrH: 0, cr: 0x300, ifls: 0x12, imsc: 0, ris: 0, dmacr: 0 }
const OFFSET: Readonly<Record<number, keyof typeof BITS>> = {
  4: 'rsr',
  32: 'ilpr',
  36: 'ibrd',
  40: 'fbrd',
  44: 'lcrH',
  48: 'cr',
  52: 'ifls',
  56: 'imsc',
  60: 'ris',
  72: 'dmacr',
}
const DR = 0x00
const RSR = 0x04
const FR = 0x18
const RIS = 0x3c
const MIS = 0x40
const ICR = 0x44
const PERIPH_ID = 0xfe0
/** TXFE and RXFE: everything is sent at once, nothing is received. */
const FLAGS = 0x90
const TX_INTERRUPT = 0x20
/** UARTPeriphID0 … 3 of revision r1p5, UARTPCellID0 … 3. */
const IDENTIFICATION = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1]

export const pl011: DeviceType<Pl011State> = {
  kind: 'pl011',
  length: 0x1000,
  parse: raw => parseFields('pl011', raw, BITS),
  create(env: DeviceEnv, saved: Pl011State = RESET): Device<Pl011State> {
    let state = saved
    const become = (next: Pl011State): void => {
      state = next
      env.interrupt((state.ris & state.imsc) !== 0)
    }
    const readAligned = (offset: number): number => {
      if (offset === FR) return FLAGS
      if (offset === MIS) return state.ris & state.imsc
      if (offset >= PERIPH_ID) return IDENTIFICATION[(offset - PERIPH_ID) >> 2] ?? 0
      const name = OFFSET[offset]
      return name === undefined ? 0 : state[name]
    }
    return {
      // Registers are 32 bits apart and at most 16 wide; a narrow access reads the bytes it names.
      read: (offset, size) => BigInt((readAligned(offset & ~3) >>> (8 * (offset & 3))) & (size === 1 ? 0xff : 0xffff)),
      write(offset, _size, value) {
        const word = Number(value & 0xffffn)
        const name = OFFSET[offset]
        if (offset === DR) {
          env.output(word & 0xff)
          become({ ...state, ris: state.ris | TX_INTERRUPT })
        } else if (offset === RSR) become({ ...state, rsr: 0 })
        else if (offset === ICR) become({ ...state, ris: state.ris & ~word })
        else if (offset !== RIS && name !== undefined) become({ ...state, [name]: word & (2 ** BITS[name] - 1) })
      },
      save: () => state,
    }
  },
}
