// The UART as Linux's amba-pl011 and bare-metal tests use it: output at once, input by interrupt and by polling, FIFO levels.
import { describe, expect, test } from 'vitest'
import { pl011 } from '../../../src/emulator/devices/pl011.ts'
import { sentText, type Watched, watched } from './watched.ts'

const DR = 0x00
const FR = 0x18
const LCR_H = 0x2c
const IFLS = 0x34
const IMSC = 0x38
const RIS = 0x3c
const MIS = 0x40
const ICR = 0x44
const RX = 0x10n
const TX = 0x20n
const TIMEOUT = 0x40n

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
function uart(env: Watched = watched()) {
  const device = pl011.create(env)
  return { env, device, set: (offset: number, value: number) => device.write(offset, 4, BigInt(value)), get: (offset: number) => device.read(offset, 4) }
}

test('sends what is written, and says that it can take more', () => {
  const { env, set, get } = uart()
  for (const char of 'ok\n') {
    expect(get(FR)).toBe(0x90n)
    set(DR, char.charCodeAt(0))
  }
  expect(sentText(env)).toBe('ok\n')
})

test('raises its line while a masked-in interrupt is pending', () => {
  const { env, set, get } = uart()
  set(IMSC, 0x20)
  set(DR, 0x41)
  expect([env.level, get(MIS)]).toEqual([true, TX])
  set(ICR, 0x20)
  expect([env.level, get(RIS)]).toEqual([false, 0n])
})

test('identifies itself as drivers expect', () => {
  const id = [0xfe0, 0xfe4, 0xfe8, 0xfec, 0xff0, 0xff4, 0xff8, 0xffc].map(offset => Number(uart().get(offset)))
  expect(id).toEqual([0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1])
})

describe('input', () => {
  const listening = () => {
    const made = uart()
    made.set(LCR_H, 0x70)
    made.set(IMSC, 0x50)
    return made
  }
  test('is not taken before somebody listens: a driver that starts would throw it away', () => {
    const { device, get } = uart()
    expect(device.input?.(bytes('abc'))).toBe(0)
    // A driver that prints looks at the flags between its bytes.
    for (let n = 0; n < 20; n++) {
      get(FR)
      get(FR)
      device.write(DR, 4, 65n)
    }
    expect(device.input?.(bytes('abc'))).toBe(0)
  })
  test('is given by interrupt, oldest first, until the FIFO is empty', () => {
    const { env, device, get } = listening()
    expect([device.input?.(bytes('ab')), env.level, get(MIS)]).toEqual([2, true, TIMEOUT])
    expect([get(DR), env.level]).toEqual([97n, true])
    expect([get(DR), env.level, get(FR), get(RIS)]).toEqual([98n, false, 0x90n, 0n])
  })
  test('the FIFO takes 32 bytes and says when it is full', () => {
    const { device, get } = listening()
    expect(device.input?.(new Uint8Array(40))).toBe(32)
    expect(get(FR)).toBe(0xc0n)
    expect(device.input?.(bytes('x'))).toBe(0)
    get(DR)
    expect(device.input?.(bytes('xy'))).toBe(1)
  })
  test.each([
    [0, 4],
    [1, 8],
    [2, 16],
    [3, 24],
    [4, 28],
  ])('UARTIFLS %i: the receive interrupt comes with %i bytes and goes below', (select, level) => {
    const { device, get, set } = listening()
    set(IFLS, select << 3)
    device.input?.(new Uint8Array(level - 1))
    expect(get(RIS) & RX).toBe(0n)
    device.input?.(bytes('x'))
    expect(get(RIS) & RX).toBe(RX)
    get(DR)
    expect(get(RIS) & (RX | TIMEOUT)).toBe(TIMEOUT)
  })
  test('without FIFOs there is room for one byte', () => {
    const { device, get, set } = listening()
    set(LCR_H, 0x60)
    expect([device.input?.(bytes('ab')), get(RIS) & RX]).toEqual([1, RX])
    expect([get(DR), get(RIS) & RX, device.input?.(bytes('b'))]).toEqual([97n, 0n, 1])
  })
  test('a cleared timeout stays cleared until something new arrives', () => {
    const { env, device, get, set } = listening()
    device.input?.(bytes('a'))
    set(ICR, 0x40)
    expect([env.level, get(FR) & 0x10n]).toEqual([false, 0n])
    device.input?.(bytes('b'))
    expect(env.level).toBe(true)
  })
  test('a guest that polls gets it too', () => {
    const { device, get } = uart()
    for (let n = 0; n < 8; n++) expect(get(FR) & 0x10n).toBe(0x10n)
    expect(device.input?.(bytes('q'))).toBe(1)
    expect([get(FR) & 0x10n, get(DR)]).toEqual([0n, 113n])
  })
  test('reading an empty FIFO gives nothing and disturbs nothing', () => {
    const { device, get } = listening()
    const before = device.save()
    expect(get(DR)).toBe(0n)
    expect(device.save()).toEqual(before)
  })
})

test('a state from before there was input is one', () => {
  const old = { rsr: 0, ilpr: 0, ibrd: 0, fbrd: 0, lcrH: 0, cr: 0x300, ifls: 0x12, imsc: 0, ris: 0x20, dmacr: 0 }
  expect(pl011.create(watched(), pl011.parse(old)).save()).toEqual(old)
})
