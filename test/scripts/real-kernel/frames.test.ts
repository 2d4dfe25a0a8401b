// What comes out over a serial port is whole, or it is said to be damaged: no garbled line is taken for a result.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeFrame } from '../../../scripts/real-kernel/frames.ts'
import { parseSerial } from '../../../scripts/real-kernel/read-frames.ts'

const values = [{ small: 1 }, { long: 'x'.repeat(5000), ünï: '≠' }, 'text', null, { list: Array.from({ length: 300 }, (_, i) => i) }]
const lines = values.map((value, i) => encodeFrame(i, value))
const serial = (all: readonly string[]): string => `SeaBIOS\r\n${all.join('\r\n\r\n')}\r\n~EXIT 0\r\n[   9.1] reboot: Power down\r\n`

describe('frames', () => {
  test('come out in order, between whatever else is printed', () => {
    expect(parseSerial(serial(lines))).toEqual({ frames: values, damage: [], exit: 0, tail: 'SeaBIOS\n~EXIT 0\n[   9.1] reboot: Power down' })
  })

  test('a byte that is changed, anywhere in a frame, is seen or means nothing', () => {
    fc.assert(
      fc.property(fc.nat(lines.length - 1), fc.nat(100_000), fc.integer({ min: 1, max: 94 }), (which, place, by) => {
        const line = lines[which]!
        const at = place % line.length
        const changed = String.fromCharCode(33 + ((line.charCodeAt(at) - 33 + by + 95) % 95))
        const garbled = line.slice(0, at) + changed + line.slice(at + 1)
        fc.pre(garbled !== line)
        const { frames, damage } = parseSerial(serial(lines.map((each, i) => (i === which ? garbled : each))))
        for (const frame of frames) expect(values).toContainEqual(frame)
        // The last frame has none behind it whose number would miss it: its absence shows in the frames. Base64 has spare bits that mean nothing.
        if (damage.length === 0 && frames.length === values.length) expect(frames).toEqual(values)
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  test('a lost frame is named with the line where it is missed', () => {
    const { damage, frames } = parseSerial(serial(lines.filter((_, i) => i !== 1)))
    expect(damage).toEqual(['line 4 of the serial port: frame 2 where 1 was expected'])
    expect(frames).toHaveLength(values.length - 1)
  })

  test('a cut frame is garbled, with its line', () => {
    expect(parseSerial(`${lines[0]}\n${lines[1]!.slice(0, 60)}`).damage).toEqual([
      expect.stringMatching(/^line 2 of the serial port: a frame is garbled: ~Z 1 /),
    ])
  })

  test('what the kernel prints into the front of a frame loses it', () => {
    const { damage, frames } = parseSerial(serial(lines.map((line, i) => (i === 2 ? `[ 1.0] oops ${line}` : line))))
    expect(frames).toHaveLength(values.length - 1)
    expect(damage).toHaveLength(1)
  })

  test('a panic leaves no exit status and its words', () => {
    const { exit, tail } = parseSerial(`${lines[0]}\n[    3.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\n`)
    expect(exit).toBeUndefined()
    expect(tail).toContain('Kernel panic')
  })
})
