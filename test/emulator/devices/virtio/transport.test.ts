// virtio over MMIO as a driver meets it: identification, negotiation, queues, interrupts; and a guest that does everything wrong, which never makes the
// device throw, hang or touch what it was not given.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { virtioBlock } from '../../../../src/emulator/devices/virtio/block.ts'
import { virtioConsole } from '../../../../src/emulator/devices/virtio/console.ts'
import { virtioRng } from '../../../../src/emulator/devices/virtio/rng.ts'
import { INTERRUPT, STATUS, VERSION_1 } from '../../../../src/emulator/devices/virtio/transport.ts'
import { MEMORY_START, memoryDisk, sentText, watched } from '../watched.ts'
import { driver, REG, SIZE } from './driver.ts'

const rng = virtioRng(5n)
function entropy() {
  const env = watched()
  const device = rng.create(env)
  return { env, device, guest: driver(device, env) }
}

test('is what the specification says: magic, version 2, its device ID', () => {
  const { guest } = entropy()
  expect([guest.reg(REG.magic), guest.reg(REG.version), guest.reg(REG.deviceId)]).toEqual([0x7472_6976, 2, 4])
  expect([virtioBlock, virtioConsole].map(type => driver(type.create(watched()), watched()).reg(REG.deviceId))).toEqual([2, 3])
})

test('a driver without VIRTIO_F_VERSION_1, or with features that were not offered, does not get FEATURES_OK', () => {
  const { guest } = entropy()
  guest.start(1, 0n)
  expect(guest.reg(REG.status) & STATUS.featuresOk).toBe(0)
  guest.start(1, VERSION_1 | 1n)
  expect(guest.reg(REG.status) & STATUS.featuresOk).toBe(0)
  guest.start(1, VERSION_1)
  expect(guest.reg(REG.status) & STATUS.featuresOk).toBe(STATUS.featuresOk)
})

test('a request is answered at the notification, with an interrupt that is acknowledged', () => {
  const { env, guest } = entropy()
  guest.start(1)
  const answer = guest.request(0, [{ in: 16 }])
  expect([answer?.written, answer?.data.some(byte => byte !== 0), env.level, guest.reg(REG.interruptStatus)]).toEqual([16, true, true, INTERRUPT.used])
  guest.acknowledge()
  expect([env.level, guest.reg(REG.interruptStatus)]).toEqual([false, 0])
})

test('no interrupt for a driver that does not want one', () => {
  const { env, guest } = entropy()
  guest.start(1)
  new DataView(env.ram.buffer).setUint16(Number(guest.rings(0).driver - MEMORY_START), 1, true)
  expect(guest.request(0, [{ in: 16 }])?.written).toBe(16)
  expect(env.level).toBe(false)
})

test('several chains are taken with one notification, in order, and rings go round', () => {
  const { guest } = entropy()
  guest.start(1)
  const seen = new Set<string>()
  for (let n = 0; n < 3 * SIZE; n++) seen.add(guest.request(0, [{ in: 8 }])!.data.join())
  expect(seen.size).toBe(3 * SIZE)
})

test('nothing is served before DRIVER_OK, nor by a queue that is not ready', () => {
  const { guest } = entropy()
  guest.start(1)
  guest.set(REG.status, 0)
  expect(guest.request(0, [{ in: 8 }])).toBeUndefined()
  guest.start(0)
  expect(guest.request(0, [{ in: 8 }])).toBeUndefined()
})

test('a reset forgets queues, features and interrupts', () => {
  const { env, device, guest } = entropy()
  guest.start(1)
  guest.request(0, [{ in: 8 }])
  guest.set(REG.status, 0)
  expect([env.level, guest.reg(REG.status), guest.reg(REG.queueReady)]).toEqual([false, 0, 0])
  const { entropy: drawn, ...rest } = device.save() as { entropy: bigint }
  const { entropy: seed, ...fresh } = rng.create(watched()).save() as { entropy: bigint }
  expect(rest).toEqual(fresh)
  expect(drawn).not.toBe(seed)
})

test('a queue of an impossible size needs a reset', () => {
  const { guest } = entropy()
  guest.start(0)
  for (const size of [0, 3, 512]) {
    guest.start(0)
    guest.set(REG.queueNum, size)
    guest.set(REG.queueReady, 1)
    expect([size, guest.needsReset, guest.reg(REG.queueReady)]).toEqual([size, true, 0])
  }
})

describe('a queue that no driver makes needs a reset', () => {
  const view = (ram: Uint8Array): DataView => new DataView(ram.buffer)
  const desc = (ram: Uint8Array, n: number, address: bigint, length: number, flags: number, next: number): void => {
    view(ram).setBigUint64(16 * n, address, true)
    view(ram).setUint32(16 * n + 8, length, true)
    view(ram).setUint16(16 * n + 12, flags, true)
    view(ram).setUint16(16 * n + 14, next, true)
  }
  test.each<[string, (ram: Uint8Array) => void]>([
    ['a chain that goes round', ram => desc(ram, 0, MEMORY_START, 1, 3, 0)],
    ['a descriptor beyond the table', ram => desc(ram, 0, MEMORY_START, 1, 3, 200)],
    ['a head beyond the table', ram => view(ram).setUint16(0x404, 999, true)],
    ['a buffer outside memory', ram => desc(ram, 0, 0x1000n, 64, 2, 0)],
    ['a buffer at the end of the address space', ram => desc(ram, 0, 0xffff_ffff_ffff_fff8n, 64, 2, 0)],
    ['four gigabytes', ram => desc(ram, 0, MEMORY_START, 0xffff_ffff, 2, 0)],
    [
      'a buffer to read behind one to write',
      ram => {
        desc(ram, 0, MEMORY_START, 4, 3, 1)
        desc(ram, 1, MEMORY_START, 4, 0, 0)
      },
    ],
    ['more chains than there is room for', ram => view(ram).setUint16(0x402, 500, true)],
  ])('%s', (_, spoil) => {
    const { env, guest } = entropy()
    guest.start(1)
    const answer = guest.offer(0, [{ in: 64 }])
    spoil(env.ram)
    guest.set(REG.queueNotify, 0)
    expect([guest.needsReset, answer(), env.level, guest.reg(REG.interruptStatus)]).toEqual([true, undefined, true, INTERRUPT.config])
    // And nothing until then.
    expect(guest.request(0, [{ in: 8 }])).toBeUndefined()
    guest.start(1)
    expect(guest.needsReset).toBe(false)
  })
  test('rings outside memory', () => {
    const { guest } = entropy()
    guest.start(0)
    guest.set(REG.queueNum, SIZE)
    guest.set(REG.queueReady, 1)
    guest.set(REG.status, guest.reg(REG.status) | STATUS.driverOk)
    guest.set(REG.queueNotify, 0)
    expect(guest.needsReset).toBe(true)
  })
})

test('whatever a guest writes anywhere, the device answers, and memory outside its buffers stays', () => {
  const types = [virtioBlock, virtioConsole, rng]
  const access = fc.tuple(fc.nat(0x1ff), fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }))
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.array(access, { maxLength: 60 }),
      fc.uint8Array({ minLength: 0x1000, maxLength: 0x1000 }),
      (type, accesses, rings) => {
        const env = watched({ disk: memoryDisk(4) })
        env.ram.set(rings)
        const device = type.create(env)
        driver(device, env).start(2)
        for (const [offset, size, value] of accesses) {
          device.write(offset, size, value)
          device.read(offset, size)
          device.write(REG.queueNotify, 4, value & 1n)
        }
        device.input?.(Uint8Array.of(1))
        expect(type.parse(structuredClone(device.save()))).toEqual(device.save())
      },
    ),
    { seed: 6, numRuns: 150 },
  )
})

describe('console', () => {
  function console() {
    const env = watched()
    const device = virtioConsole.create(env)
    const guest = driver(device, env)
    guest.start(2)
    return { env, device, guest }
  }
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  test('sends what the guest gives it, whatever pieces it comes in', () => {
    const { env, guest } = console()
    guest.request(1, [{ out: bytes('he') }, { out: bytes('llo') }])
    expect(sentText(env)).toBe('hello')
  })
  test('input waits for a buffer, and fills buffers that wait', () => {
    const { device, guest } = console()
    expect(device.input?.(bytes('early'))).toBe(5)
    expect(guest.request(0, [{ in: 3 }])).toMatchObject({ written: 3 })
    const waiting = guest.offer(0, [{ in: 16 }])
    expect(device.input?.(bytes('!'))).toBe(1)
    const answer = waiting()
    expect(answer && String.fromCharCode(...answer.data.subarray(0, answer.written))).toBe('ly!')
  })
  test('takes no more than it can keep', () => {
    const { device } = console()
    expect(device.input?.(new Uint8Array(5000))).toBe(4096)
    expect(device.input?.(new Uint8Array(1))).toBe(0)
  })
})

test('the same seed, the same bytes; another one, others', () => {
  const drawn = (seed: bigint): string => {
    const env = watched()
    const guest = driver(virtioRng(seed).create(env), env)
    guest.start(1)
    return guest.request(0, [{ in: 40 }])!.data.join()
  }
  expect(drawn(1n)).toBe(drawn(1n))
  expect(drawn(1n)).not.toBe(drawn(2n))
})
