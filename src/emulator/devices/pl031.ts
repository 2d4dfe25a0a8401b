// Owns the PL031 real time clock (Arm DDI 0224): seconds since 1970 as a function of machine time, with its alarm. Knows no wall clock.
import { COUNTER_HZ, EPOCH_SECONDS } from '../board/memory-map.ts'
import type { Device, DeviceEnv, DeviceType } from './device.ts'
import { onlyFields, savedNumber, savedRecord, savedU64 } from './saved-fields.ts'

export interface Pl031State {
  /** What the clock shows, in ticks of the machine's counter since 1970; RTCDR is its seconds, modulo 2^32. */
  readonly ticks: bigint
  readonly match: number
  readonly load: number
  readonly imsc: number
  readonly ris: number
  /** What it shows when RTCDR becomes RTCMR; absent once it has. */
  readonly alarm?: bigint
}

const REGISTER = { dr: 0x00, mr: 0x04, lr: 0x08, cr: 0x0c, imsc: 0x10, ris: 0x14, mis: 0x18, icr: 0x1c, periphId: 0xfe0 } as const
/** RTCPeriphID0 … 3 (revision 1, as QEMU's and what kvm-unit-tests look for), RTCPCellID0 … 3. */
const IDENTIFICATION = [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]
const HZ = BigInt(COUNTER_HZ)
const U32 = 0xffff_ffffn
const RESET: Pl031State = { ticks: BigInt(EPOCH_SECONDS) * HZ, match: 0, load: 0, imsc: 0, ris: 0 }

export const pl031: DeviceType<Pl031State> = {
  kind: 'pl031',
  length: 0x1000,
  parse(raw) {
    const fields = savedRecord('pl031', raw)
    onlyFields('pl031', fields, ['ticks', 'match', 'load', 'imsc', 'ris', 'alarm'])
    const word = (name: string, bits: number): number => savedNumber('pl031', name, fields[name], bits)
    return {
      ticks: savedU64('pl031', 'ticks', fields.ticks),
      match: word('match', 32),
      load: word('load', 32),
      imsc: word('imsc', 1),
      ris: word('ris', 1),
      ...(fields.alarm === undefined ? {} : { alarm: savedU64('pl031', 'alarm', fields.alarm) }),
    }
  },
  create(env: DeviceEnv, saved: Pl031State = RESET): Device<Pl031State> {
    // Relative to the machine's time: a guest that moves to a machine whose time begins anew keeps its clock.
    const { ticks: shown, ...registers } = saved
    let state: Omit<Pl031State, 'ticks'> = registers
    let origin = shown - env.now()
    const become = (next: Omit<Pl031State, 'ticks'>): void => {
      state = next
      env.interrupt((state.ris & state.imsc) !== 0)
    }
    const ticks = (): bigint => origin + env.now()
    const seconds = (): number => Number((ticks() / HZ) & U32)
    /** A match in the past comes when the seconds have gone round. */
    function arm(match: number): void {
      const left = (match - seconds()) >>> 0
      become({ ...state, match, alarm: (ticks() / HZ + BigInt(left === 0 ? 2 ** 32 : left)) * HZ })
    }
    function elapse(): void {
      if (state.alarm === undefined || ticks() < state.alarm) return
      const { alarm: _, ...rest } = state
      become({ ...rest, ris: 1 })
    }
    function readAligned(offset: number): number {
      elapse()
      switch (offset) {
        case REGISTER.dr:
          return seconds()
        case REGISTER.mr:
          return state.match
        case REGISTER.lr:
          return state.load
        case REGISTER.cr:
          return 1
        case REGISTER.imsc:
          return state.imsc
        case REGISTER.ris:
          return state.ris
        case REGISTER.mis:
          return state.ris & state.imsc
        default:
          return offset >= REGISTER.periphId ? (IDENTIFICATION[(offset - REGISTER.periphId) >> 2] ?? 0) : 0
      }
    }
    if (state.ris & state.imsc) env.interrupt(true)
    return {
      read(offset, size) {
        const word = readAligned(offset & ~3) >>> (8 * (offset & 3))
        return BigInt(size === 1 ? word & 0xff : size === 2 ? word & 0xffff : word)
      },
      write(offset, _size, value) {
        elapse()
        const word = Number(value & 0xffff_ffffn)
        if (offset === REGISTER.mr) arm(word)
        else if (offset === REGISTER.lr) {
          origin = BigInt(word) * HZ - env.now()
          state = { ...state, load: word }
          if (state.alarm !== undefined) arm(state.match)
        } else if (offset === REGISTER.imsc) become({ ...state, imsc: word & 1 })
        else if (offset === REGISTER.icr) become({ ...state, ris: state.ris & ~word & 1 })
      },
      dueAt: () => (state.alarm === undefined ? undefined : state.alarm - origin),
      elapse,
      save: () => ({ ticks: ticks(), ...state }),
    }
  },
}
