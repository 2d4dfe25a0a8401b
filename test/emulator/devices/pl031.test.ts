// The real time clock: seconds by the machine's time, an alarm, and what a guest that moves must keep.
import { expect, test } from 'vitest'
import { COUNTER_HZ, EPOCH_SECONDS } from '../../../src/emulator/board/memory-map.ts'
import { pl031 } from '../../../src/emulator/devices/pl031.ts'
import { watched } from './watched.ts'

const HZ = BigInt(COUNTER_HZ)
const DR = 0x00
const MR = 0x04
const LR = 0x08
const IMSC = 0x10
const RIS = 0x14
const MIS = 0x18
const ICR = 0x1c

function clock() {
  const env = watched()
  env.time = 0n
  const device = pl031.create(env)
  return {
    env,
    device,
    get: (offset: number) => Number(device.read(offset, 4)),
    set: (offset: number, value: number) => device.write(offset, 4, BigInt(value)),
  }
}

test('begins at a fixed moment and counts seconds of machine time', () => {
  const { env, get } = clock()
  expect(get(DR)).toBe(EPOCH_SECONDS)
  env.time = HZ * 90n - 1n
  expect(get(DR)).toBe(EPOCH_SECONDS + 89)
  env.time += 1n
  expect(get(DR)).toBe(EPOCH_SECONDS + 90)
})

test('can be set, and goes round after 32 bits', () => {
  const { env, get, set } = clock()
  env.time = 5n * HZ
  set(LR, 0xffff_ffff)
  expect([get(DR), get(LR)]).toEqual([0xffff_ffff, 0xffff_ffff])
  env.time += HZ
  expect(get(DR)).toBe(0)
})

test('the alarm is due when it matches, once, and is announced only when it is let through', () => {
  const { env, device, get, set } = clock()
  set(MR, EPOCH_SECONDS + 10)
  expect(device.dueAt?.()).toBe(10n * HZ)
  env.time = 10n * HZ - 1n
  device.elapse?.()
  expect([get(RIS), env.level]).toEqual([0, false])
  env.time = 10n * HZ
  device.elapse?.()
  expect([get(RIS), get(MIS), env.level, device.dueAt?.()]).toEqual([1, 0, false, undefined])
  set(IMSC, 1)
  expect([get(MIS), env.level]).toEqual([1, true])
  set(ICR, 1)
  expect([get(RIS), env.level]).toEqual([0, false])
})

test('an alarm is seen at the next access even when nobody called', () => {
  const { env, get, set } = clock()
  set(MR, EPOCH_SECONDS + 1)
  env.time = 2n * HZ
  expect(get(RIS)).toBe(1)
})

test('a match that is now or past comes when the seconds have gone round', () => {
  const { device, set } = clock()
  set(MR, EPOCH_SECONDS)
  expect(device.dueAt?.()).toBe((1n << 32n) * HZ)
})

test('setting the clock moves the alarm', () => {
  const { device, set } = clock()
  set(MR, 100)
  set(LR, 90)
  expect(device.dueAt?.()).toBe(10n * HZ)
})

test('narrow accesses read the bytes that they name', () => {
  const { device } = clock()
  expect([0, 1, 2, 3].map(offset => Number(device.read(offset, 1)))).toEqual([0, 8, 16, 24].map(shift => (EPOCH_SECONDS >>> shift) & 0xff))
  expect(device.read(0xfe4, 1)).toBe(0x10n)
})

test('identifies itself as drivers and tests expect', () => {
  const { get } = clock()
  expect([0xfe0, 0xfe4, 0xfe8, 0xfec, 0xff0, 0xff4, 0xff8, 0xffc].map(get)).toEqual([0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
})
