// One suite for every device: saving does not disturb, disturbing shows, constructing from what was saved gives the same device, junk is refused.
import { describe, expect, test } from 'vitest'
import type { Device, DeviceEnv, DeviceType } from '../../../src/emulator/devices/device.ts'
import { type Pl011State, pl011 } from '../../../src/emulator/devices/pl011.ts'
import { SnapError } from '../../../src/errors.ts'

interface Watched extends DeviceEnv {
  readonly sent: number[]
  level: boolean
}
const environment = (): Watched => ({
  sent: [],
  level: false,
  now: () => 7n,
  memory: { read: () => undefined, write: () => false },
  interrupt(level) {
    this.level = level
  },
  output(byte) {
    this.sent.push(byte)
  },
})

interface Case<S> {
  readonly type: DeviceType<S>
  /** Changes guest-visible state. */
  readonly disturb: (device: Device<S>) => void
  /** Saved states that are none. */
  readonly junk: readonly unknown[]
}
const uart: Case<Pl011State> = {
  type: pl011,
  disturb: device => {
    device.write(0x24, 4, 0x27n)
    device.write(0x38, 4, 0x7ffn)
    device.write(0x00, 4, 0x41n)
  },
  junk: [undefined, null, 5, [], 'x', {}, { ...pl011.create(environment()).save(), imsc: 0x800 }, { ...pl011.create(environment()).save(), more: 1 }],
}

describe.each([uart])('$type.kind', ({ type, disturb, junk }) => {
  test('saving twice gives the same', () => {
    const device = type.create(environment())
    disturb(device)
    expect(device.save()).toEqual(device.save())
  })
  test('a disturbance shows in what is saved', () => {
    const device = type.create(environment())
    const before = structuredClone(device.save())
    disturb(device)
    expect(device.save()).not.toEqual(before)
  })
  test('a device made from what was saved reads the same everywhere and goes on the same', () => {
    const device = type.create(environment())
    disturb(device)
    const again = type.create(environment(), type.parse(structuredClone(device.save())))
    expect(again.save()).toEqual(device.save())
    for (let offset = 0; offset < type.length; offset += 4) expect(again.read(offset, 4), `offset ${offset}`).toBe(device.read(offset, 4))
    for (const each of [device, again]) disturb(each)
    expect(again.save()).toEqual(device.save())
  })
  test.each(junk.map(raw => [raw]))('refuses %j', raw => {
    expect(() => type.parse(raw)).toThrow(SnapError)
  })
})

describe('pl011', () => {
  test('sends what is written, and says that it can take more', () => {
    const env = environment()
    const device = pl011.create(env)
    for (const char of 'ok\n') {
      expect(device.read(0x18, 4)).toBe(0x90n)
      device.write(0, 4, BigInt(char.charCodeAt(0)))
    }
    expect(String.fromCharCode(...env.sent)).toBe('ok\n')
  })
  test('raises its line while a masked-in interrupt is pending', () => {
    const env = environment()
    const device = pl011.create(env)
    device.write(0x38, 4, 0x20n)
    device.write(0, 4, 0x41n)
    expect([env.level, device.read(0x40, 4)]).toEqual([true, 0x20n])
    device.write(0x44, 4, 0x20n)
    expect([env.level, device.read(0x3c, 4)]).toEqual([false, 0n])
  })
  test('identifies itself as drivers expect', () => {
    const id = [0xfe0, 0xfe4, 0xfe8, 0xfec, 0xff0, 0xff4, 0xff8, 0xffc].map(offset => Number(pl011.create(environment()).read(offset, 4)))
    expect(id).toEqual([0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
  })
})
