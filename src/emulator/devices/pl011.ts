// Owns the PL011 UART (Arm DDI 0183, revision r1p5: FIFOs of 32): bytes leave at once; what arrives waits in the receive FIFO. Knows no board.
import type { Device, DeviceEnv, DeviceType } from './device.ts'
import { parseFields, savedBytes, savedNumber, savedRecord } from './saved-fields.ts'

/** Writable registers and the raw interrupt status; names as in the manual. */
const BITS = { rsr: 4, ilpr: 8, ibrd: 16, fbrd: 6, lcrH: 8, cr: 16, ifls: 6, imsc: 11, ris: 11, dmacr: 3 } as const
type Registers = Readonly<Record<keyof typeof BITS, number>>
export interface Pl011State extends Registers {
  /** What was received and not read yet, oldest first; absent: nothing. */
  readonly rx?: Uint8Array
  /** Looks at the flags, one after the other, that found nothing received; absent: none. Up to POLLING. */
  readonly looks?: number
}

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
/** UARTFR. */
const FLAG = { rxEmpty: 0x10, rxFull: 0x40, txEmpty: 0x80 } as const
/** UARTRIS: received as much as UARTIFLS says, sent, and received something that is not read for a while. */
const RX_INTERRUPT = 0x10
const TX_INTERRUPT = 0x20
const TIMEOUT_INTERRUPT = 0x40
/** UARTLCR_H.FEN. */
const FIFO_ENABLED = 0x10
const FIFO_DEPTH = 32
/** UARTIFLS.RXIFLSEL as a part of the FIFO; the last three are reserved. */
const RX_TRIGGER = [4, 8, 16, 24, 28, 28, 28, 28] as const
/** Looks at UARTFR in a row after which the guest is taken to wait for input. A driver that prints looks two or three times between two bytes. */
const POLLING = 8
/** UARTPeriphID0 … 3 of revision r1p5, UARTPCellID0 … 3. */
const IDENTIFICATION = [0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1]
const NOTHING = new Uint8Array(0)

export const pl011: DeviceType<Pl011State> = {
  kind: 'pl011',
  length: 0x1000,
  parse(raw) {
    const { rx, looks, ...registers } = savedRecord('pl011', raw)
    return {
      ...parseFields('pl011', registers, BITS),
      ...(rx === undefined ? {} : { rx: savedBytes('pl011', 'rx', rx, FIFO_DEPTH) }),
      ...(looks === undefined ? {} : { looks: savedNumber('pl011', 'looks', looks, 4) }),
    }
  },
  create(env: DeviceEnv, saved: Pl011State = RESET): Device<Pl011State> {
    const { rx: waiting = NOTHING, looks: counted = 0, ...registers } = saved
    let state: Registers = registers
    let rx = waiting
    let looks = counted
    const level = (): boolean => (state.ris & state.imsc) !== 0
    const become = (next: Registers): void => {
      state = next
      env.interrupt(level())
    }
    const depth = (): number => (state.lcrH & FIFO_ENABLED ? FIFO_DEPTH : 1)
    const trigger = (): number => (state.lcrH & FIFO_ENABLED ? RX_TRIGGER[(state.ifls >> 3) & 7]! : 1)
    /** The receive interrupts that the FIFO's filling raises; the timeout needs no waiting, as nothing else is on its way. */
    const received = (): number => (rx.length >= trigger() ? RX_INTERRUPT : rx.length > 0 ? TIMEOUT_INTERRUPT : 0)

    function take(): number {
      const [byte = 0] = rx
      const isAbove = rx.length >= trigger()
      rx = rx.subarray(1)
      const still = rx.length >= trigger() ? RX_INTERRUPT : 0
      // Below the trigger the rest is announced by the timeout, until there is none.
      const timeout = rx.length === 0 ? 0 : isAbove && !still ? TIMEOUT_INTERRUPT : state.ris & TIMEOUT_INTERRUPT
      become({ ...state, ris: (state.ris & ~(RX_INTERRUPT | TIMEOUT_INTERRUPT)) | (state.ris & still) | timeout })
      return byte
    }

    function flags(): number {
      if (rx.length === 0 && looks < POLLING) looks++
      return FLAG.txEmpty | (rx.length === 0 ? FLAG.rxEmpty : 0) | (rx.length >= depth() ? FLAG.rxFull : 0)
    }

    function readAligned(offset: number): number {
      if (offset === FR) return flags()
      looks = 0
      if (offset === DR) return rx.length === 0 ? 0 : take()
      if (offset === MIS) return state.ris & state.imsc
      if (offset >= PERIPH_ID) return IDENTIFICATION[(offset - PERIPH_ID) >> 2] ?? 0
      const name = OFFSET[offset]
      return name === undefined ? 0 : state[name]
    }
    if (level()) env.interrupt(true)
    return {
      // Registers are 32 bits apart and at most 16 wide; a narrow access reads the bytes it names.
      read: (offset, size) => BigInt((readAligned(offset & ~3) >>> (8 * (offset & 3))) & (size === 1 ? 0xff : 0xffff)),
      write(offset, _size, value) {
        const word = Number(value & 0xffffn)
        const name = OFFSET[offset]
        looks = 0
        if (offset === DR) {
          env.output(word & 0xff)
          become({ ...state, ris: state.ris | TX_INTERRUPT })
        } else if (offset === RSR) become({ ...state, rsr: 0 })
        else if (offset === ICR) become({ ...state, ris: state.ris & ~word })
        else if (offset !== RIS && name !== undefined) become({ ...state, [name]: word & (2 ** BITS[name] - 1) })
      },
      /**
       * Takes what the FIFO has room for, and nothing before somebody listens (a receive interrupt is enabled, or the guest looks again and again): a driver
       * that starts throws away what is there, and what was typed before it must not be lost.
       */
      input(bytes) {
        const isListening = (state.imsc & (RX_INTERRUPT | TIMEOUT_INTERRUPT)) !== 0 || looks >= POLLING
        const taken = isListening ? Math.min(bytes.length, Math.max(0, depth() - rx.length)) : 0
        if (taken === 0) return 0
        const next = new Uint8Array(rx.length + taken)
        next.set(rx)
        next.set(bytes.subarray(0, taken), rx.length)
        rx = next
        looks = 0
        become({ ...state, ris: state.ris | received() })
        return taken
      },
      save: () => ({ ...state, ...(rx.length === 0 ? {} : { rx: rx.slice() }), ...(looks === 0 ? {} : { looks }) }),
    }
  },
}
