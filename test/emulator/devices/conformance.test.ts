// One suite for every device: saving does not disturb, disturbing shows, constructing from what was saved gives the same device, junk is refused.
import { describe, expect, test } from 'vitest'
import type { Device, DeviceType } from '../../../src/emulator/devices/device.ts'
import { pl011 } from '../../../src/emulator/devices/pl011.ts'
import { pl031 } from '../../../src/emulator/devices/pl031.ts'
import { virtioBlock } from '../../../src/emulator/devices/virtio/block.ts'
import { virtioConsole } from '../../../src/emulator/devices/virtio/console.ts'
import { virtioRng } from '../../../src/emulator/devices/virtio/rng.ts'
import { SnapError } from '../../../src/errors.ts'
import { driver } from './virtio/driver.ts'
import { memoryDisk, type Watched, watched } from './watched.ts'

interface Case {
  readonly type: DeviceType<unknown>
  /** Changes guest-visible state, with the interrupt line high at the end. */
  readonly disturb: (device: Device<unknown>, env: Watched) => void
  /** Saved states that are none. */
  readonly junk: (good: Readonly<Record<string, unknown>>) => readonly unknown[]
}

const queueJunk = (good: Readonly<Record<string, unknown>>): readonly unknown[] => {
  const [queue, ...others] = good.queues as readonly Readonly<Record<string, unknown>>[]
  const withQueue = (change: object): unknown => ({ ...good, queues: [{ ...queue, ...change }, ...others] })
  return [
    { ...good, status: 256 },
    { ...good, driverFeatures: -1n },
    { ...good, driverFeatures: 1n << 64n },
    { ...good, queues: [] },
    { ...good, queues: 'x' },
    { ...good, interrupt: 4 },
    withQueue({ size: 3, ready: true }),
    withQueue({ size: 1024, ready: true }),
    withQueue({ ready: 1 }),
    withQueue({ taken: 65536 }),
    withQueue({ descriptors: 1n << 64n }),
    withQueue({ more: 1 }),
  ]
}

const CASES: readonly Case[] = [
  {
    type: pl011,
    disturb(device) {
      device.write(0x24, 4, 0x27n)
      device.write(0x2c, 4, 0x70n)
      device.write(0x38, 4, 0x7ffn)
      device.write(0x00, 4, 0x41n)
      device.input?.(Uint8Array.of(1, 2, 3))
    },
    junk: good => [
      { ...good, imsc: 0x800 },
      { ...good, rx: 'abc' },
      { ...good, rx: new Uint8Array(33) },
      { ...good, looks: 99 },
    ],
  },
  {
    type: pl031,
    disturb(device, env) {
      device.write(0x10, 4, 1n)
      device.write(0x08, 4, 1000n)
      device.write(0x04, 4, 1002n)
      env.time += 125_000_000n
      device.elapse?.()
      device.write(0x04, 4, 2000n)
    },
    junk: good => [
      { ...good, ticks: -1n },
      { ...good, match: 2 ** 32 },
      { ...good, ris: 2 },
      { ...good, alarm: 'soon' },
    ],
  },
  {
    type: virtioBlock,
    disturb(device, env) {
      driver(device, env).start(1)
      driver(device, env).request(0, [{ out: new Uint8Array(16) }, { in: 512 }, { in: 1 }])
    },
    junk: queueJunk,
  },
  {
    type: virtioConsole,
    disturb(device, env) {
      const guest = driver(device, env)
      guest.start(2)
      device.input?.(Uint8Array.of(1, 2, 3))
      guest.request(1, [{ out: Uint8Array.of(4, 5) }])
    },
    junk: good => [...queueJunk(good), { ...good, waiting: new Uint8Array(5000) }],
  },
  {
    type: virtioRng(5n),
    disturb(device, env) {
      driver(device, env).start(1)
      driver(device, env).request(0, [{ in: 32 }])
    },
    junk: good => [...queueJunk(good), { ...good, entropy: 'much' }],
  },
]

const environment = (): Watched => watched({ disk: memoryDisk(8) })

describe.each(CASES)('$type.kind', ({ type, disturb, junk }) => {
  const disturbed = () => {
    const env = environment()
    const device = type.create(env)
    disturb(device, env)
    return { env, device }
  }
  test('saving twice gives the same', () => {
    const { device } = disturbed()
    expect(device.save()).toEqual(device.save())
  })
  test('a disturbance shows in what is saved', () => {
    const env = environment()
    const device = type.create(env)
    const before = structuredClone(device.save())
    disturb(device, env)
    expect(device.save()).not.toEqual(before)
  })
  test('a device made from what was saved reads the same everywhere and goes on the same', () => {
    const { env, device } = disturbed()
    const other = watched({ ram: env.ram.slice(), disk: memoryDisk(8) })
    other.time = env.time
    const again = type.create(other, type.parse(structuredClone(device.save())))
    expect(again.save()).toEqual(device.save())
    for (let offset = 0; offset < type.length; offset += 4) expect(again.read(offset, 4), `offset ${offset}`).toBe(device.read(offset, 4))
    disturb(device, env)
    disturb(again, other)
    expect(again.save()).toEqual(device.save())
    expect(other.ram).toEqual(env.ram)
  })
  test('its interrupt line is high again in the machine that it is restored into', () => {
    const { env, device } = disturbed()
    expect(env.level).toBe(true)
    const other = watched({ ram: env.ram.slice() })
    other.time = env.time
    type.create(other, type.parse(structuredClone(device.save())))
    expect(other.level).toBe(true)
  })
  test('time that begins anew does not reach what the device shows', () => {
    const { env, device } = disturbed()
    const other = watched({ ram: env.ram.slice(), disk: memoryDisk(8) })
    other.time = 0n
    const again = type.create(other, type.parse(structuredClone(device.save())))
    expect(again.save()).toEqual(device.save())
  })
  test('what is saved is plain data', () => {
    const { device } = disturbed()
    expect(structuredClone(device.save())).toEqual(device.save())
  })
  test('junk is refused', () => {
    const { device } = disturbed()
    const good = device.save() as Readonly<Record<string, unknown>>
    expect(type.parse(structuredClone(good))).toEqual(good)
    for (const raw of [undefined, null, 5, [], 'x', {}, new Uint8Array(4), { ...good, more: 1 }, ...junk(good)])
      expect(
        () => type.parse(raw),
        JSON.stringify(raw, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      ).toThrow(SnapError)
  })
})
