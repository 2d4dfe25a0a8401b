// The virtio disk: what is read, written, refused, and what an owner of the disk that fails means for the guest.
import { expect, test } from 'vitest'
import { virtioBlock } from '../../../../src/emulator/devices/virtio/block.ts'
import { memoryDisk, watched } from '../watched.ts'
import { driver, REG } from './driver.ts'

const READ = 0
const WRITE = 1
const FLUSH = 4
const GET_ID = 8
const OK = 0
const IO_ERROR = 1
const UNSUPPORTED = 2

function header(type: number, sector: bigint): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setBigUint64(8, sector, true)
  return bytes
}

function disk(options: Parameters<typeof memoryDisk>[1] = {}) {
  const behind = memoryDisk(16, options)
  const env = watched({ disk: behind })
  const device = virtioBlock.create(env)
  const guest = driver(device, env)
  const features = guest.start(1)
  const read = (sector: bigint, length: number) => guest.request(0, [{ out: header(READ, sector) }, { in: length }, { in: 1 }])!
  const write = (sector: bigint, data: Uint8Array) => guest.request(0, [{ out: header(WRITE, sector) }, { out: data }, { in: 1 }])!
  return { behind, device, guest, features, read, write }
}

test('says how large it is', () => {
  const { device } = disk()
  expect([device.read(REG.config, 8), device.read(REG.config + 20, 4)]).toEqual([16n, 512n])
})

test('reads what the disk holds, and its status is the last byte', () => {
  const { behind, read } = disk()
  const { data, written } = read(3n, 1024)
  expect([written, data.length, data.at(-1)]).toEqual([1025, 1025, OK])
  expect(data.subarray(0, 1024)).toEqual(behind.contents.slice(1536, 2560))
})

test('writes what it is given, however it is cut', () => {
  const { behind, guest } = disk()
  const data = Uint8Array.from({ length: 1024 }, (_, n) => (n * 7) & 0xff)
  const whole = header(WRITE, 2n)
  const answer = guest.request(0, [
    { out: whole.subarray(0, 5) },
    { out: whole.subarray(5) },
    { out: data.subarray(0, 100) },
    { out: data.subarray(100) },
    { in: 1 },
  ])
  expect(answer).toMatchObject({ written: 1, data: Uint8Array.of(OK) })
  expect(behind.contents.slice(1024, 2048)).toEqual(data)
})

test('flushes, and tells its name', () => {
  const { behind, guest } = disk()
  expect(guest.request(0, [{ out: header(FLUSH, 0n) }, { in: 1 }])?.data).toEqual(Uint8Array.of(OK))
  expect(behind.flushes).toBe(1)
  const id = guest.request(0, [{ out: header(GET_ID, 0n) }, { in: 20 }, { in: 1 }])!
  expect(String.fromCharCode(...id.data.subarray(0, 9))).toBe('psci-snap')
})

test.each([
  ['beyond the end', 16n, 512],
  ['across the end', 15n, 1024],
  ['far beyond anything', (1n << 64n) - 1n, 512],
  ['half a sector', 0n, 100],
])('reading %s is an I/O error', (_, sector, length) => {
  expect(disk().read(sector, length).data.at(-1)).toBe(IO_ERROR)
})

test('a request that it does not know is unsupported', () => {
  expect(disk().guest.request(0, [{ out: header(99, 0n) }, { in: 1 }])?.data).toEqual(Uint8Array.of(UNSUPPORTED))
})

test('a read-only disk says so and is not written to', () => {
  const { behind, features, write } = disk({ readOnly: true })
  const before = behind.contents.slice()
  expect([(features >> 5n) & 1n, write(0n, new Uint8Array(512)).data.at(-1)]).toEqual([1n, IO_ERROR])
  expect(behind.contents).toEqual(before)
})

test('an owner that fails, or none, is an I/O error and nothing worse', () => {
  const { guest, read, write } = disk({ fails: true })
  expect([read(0n, 512).data.at(-1), write(0n, new Uint8Array(512)).data.at(-1), guest.needsReset]).toEqual([IO_ERROR, IO_ERROR, false])
  const env = watched()
  const none = driver(virtioBlock.create(env), env)
  none.start(1)
  expect(none.request(0, [{ out: header(READ, 0n) }, { in: 512 }, { in: 1 }])?.data.at(-1)).toBe(IO_ERROR)
})

test.each([
  ['without a header', [{ out: new Uint8Array(8) }, { in: 1 }]],
  ['without room for a status', [{ out: header(READ, 0n) }]],
])('a request %s needs a reset', (_, buffers) => {
  const { guest } = disk()
  guest.request(0, buffers)
  expect(guest.needsReset).toBe(true)
})
