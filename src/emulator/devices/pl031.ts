// Owns the PL031 real time clock (Arm DDI 0224): seconds since 1970 as a function of machine time, with its alarm. Knows no wall clock.
import { COUNTER_HZ, EPOCH_SECONDS } from '../board/memory-map.ts'
import type { Device, DeviceEnv, DeviceType } from './device.ts'
import { onlyFields, savedNumber, savedRecord, savedU64 } from './saved-fields.ts'

export interface Pl031State {
  /** RTCDR when the machine started; RTCDR itself is that and the seconds since, modulo 2^32. */
  readonly offset: number
  readonly match: number
  readonly load: number
  readonly imsc: number
  readonly ris: number
  /** Counter tick at which RTCDR becomes RTCMR; absent once it has. */
  readonly due?: bigint
}

const RESET: Pl031State = { offset: EPOCH_SECONDS, match: 0, load: 0, imsc: 0, ris: 0 }
const REGISTER = { dr: 0x00, mr: 0x04, lr: 0x08, cr: 0x0c, imsc: 0x10, ris: 0x14, mis: 0x18, icr: 0x1c, periphId: 0xfe0 } as const
/** RTCPeriphID0 … 3, RTCPCellID0 … 3. */
const IDENTIFICATION = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1]
const HZ = BigInt(COUNTER_HZ)

export const pl031: DeviceType<Pl031State> = {
  kind: 'pl031',
  length: 0x1000,
  parse(raw) {
    const fields = savedRecord('pl031', raw)
    onlyFields('pl031', fields, ['offset', 'match', 'load', 'imsc', 'ris', 'due'])
    const word = (name: string, bits: number): number => savedNumber('pl031', name, fields[name], bits)
    return {
      offset: word('offset', 32),
      match: word('match', 32),
      load: word('load', 32),
      imsc: word('imsc', 1),
      ris: word('ris', 1),
      ...(fields.due === undefined ? {} : { due: savedU64('pl031', 'due', fields.due) }),
    }
  },
  create(env: DeviceEnv, saved: Pl031State = RESET): Device<Pl031State> {
    let state = saved
    const become = (next: Pl031State): void => {
      state = next
      env.interrupt((state.ris & state.imsc) !== 0)
    }
    const seconds = (): number => Number((BigInt(state.offset) + env.now() / HZ) & 0xffff_ffffn)
    /** A match in the past comes again when the seconds have gone round. */
    function armed({ due: _, ...next }: Pl031State): Pl031State {
      const left = (next.match - Number((BigInt(next.offset) + env.now() / HZ) & 0xffff_ffffn)) >>> 0
      return { ...next, due: (env.now() / HZ + BigInt(left === 0 ? 2 ** 32 : left)) * HZ }
    }
    function elapse(): void {
      if (state.due === undefined || env.now() < state.due) return
      const { due: _, ...rest } = state
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
        if (offset === REGISTER.mr) become(armed({ ...state, match: word }))
        else if (offset === REGISTER.lr) become(armed({ ...state, load: word, offset: Number((BigInt(word) - env.now() / HZ) & 0xffff_ffffn) }))
        else if (offset === REGISTER.imsc) become({ ...state, imsc: word & 1 })
        else if (offset === REGISTER.icr) become({ ...state, ris: state.ris & ~word & 1 })
      },
      dueAt: () => state.due,
      elapse,
      save: () => state,
    }
  },
}
