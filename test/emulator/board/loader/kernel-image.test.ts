// Every kind of image goes where its header or QEMU says, and one that is not whole, not ours or too large is refused with what is wrong.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { zbootPayload } from '../../../../src/emulator/board/loader/efi-zboot.ts'
import { placeKernel } from '../../../../src/emulator/board/loader/kernel-image.ts'
import { SnapError } from '../../../../src/errors.ts'
import { arm64Image, elf, zboot } from './built-images.ts'

const RAM = { start: 0x4000_0000n, size: 64 << 20 }
const place = (bytes: Uint8Array, ram = RAM) => placeKernel(bytes, ram, 'kernel')
const text = (value: string) => new TextEncoder().encode(value)

describe('arm64 Image', () => {
  test('without a text offset it is entered 2 MiB into RAM', () => {
    const { kind, entry, end } = place(arm64Image({ imageSize: 0x10_0000n }))
    expect([kind, entry, end]).toEqual(['arm64 Image', 0x4020_0000n, 0x4030_0000n])
  })
  test('the text offset of an old kernel is kept', () => {
    expect(place(arm64Image({ textOffset: 0x8_0000n })).entry).toBe(0x4008_0000n)
  })
  test('a kernel that does not say its size needs what the file has', () => {
    expect(place(arm64Image({ imageSize: 0n, code: 960 })).end).toBe(0x4020_0400n)
  })
  test('zeroed data counts: a kernel whose size does not fit is refused with what would do', () => {
    expect(() => place(arm64Image({ imageSize: 0x500_0000n }))).toThrow(/needs guest memory up to 0x45200000/)
    try {
      place(arm64Image({ imageSize: 0x500_0000n }))
    } catch (error) {
      expect((error as SnapError).hint).toContain('82 MiB')
    }
  })
  test.each([
    [{ flags: 1n }, 'CANNOT_EXECUTE', /big-endian/],
    [{ textOffset: 0x20_0000n }, 'INPUT_CORRUPT', /text offset/],
    [{ imageSize: 4n }, 'INPUT_CORRUPT', /declares/],
    [{ imageSize: 1n << 63n }, 'INPUT_CORRUPT', /declares/],
  ] as const)('%o is refused', (header, code, message) => {
    expect(() => place(arm64Image(header))).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})

describe('ELF', () => {
  const code = new Uint8Array(16).fill(7)
  test('segments go to their physical addresses, and the entry point follows its segment', () => {
    const { entry, parts, end } = place(elf(0xffff_8000_0000_0008n, [{ virtual: 0xffff_8000_0000_0000n, physical: 0x4010_0000n, bytes: code, size: 0x100n }]))
    expect([entry, parts, end]).toEqual([0x4010_0008n, [{ address: 0x4010_0000n, bytes: code }], 0x4010_0100n])
  })
  test('one that is linked to 0 goes where flat binaries go, as a whole', () => {
    const { entry, parts } = place(
      elf(4n, [
        { virtual: 0n, physical: 0n, bytes: code },
        { virtual: 0x1000n, physical: 0x1000n, bytes: code },
      ]),
    )
    expect([entry, parts.map(({ address }) => address)]).toEqual([0x4008_0004n, [0x4008_0000n, 0x4008_1000n]])
  })
  test('another machine is named, a cut file too', () => {
    expect(() => place(elf(0n, [{ virtual: 0n, physical: 0n, bytes: code }], 62))).toThrow(/another machine/)
    const whole = elf(0n, [{ virtual: 0n, physical: 0n, bytes: code }])
    for (let length = 4; length < whole.length; length++) expect(() => place(whole.subarray(0, length))).toThrow(SnapError)
  })
  test('an entry point outside of everything is refused', () => {
    expect(() => place(elf(0x100n, [{ virtual: 0n, physical: 0n, bytes: code }]))).toThrow(/entered outside/)
  })
})

test('anything else is a flat binary, half a MiB into RAM', () => {
  expect(place(new Uint8Array([1, 2, 3, 4]))).toMatchObject({ kind: 'flat binary', entry: 0x4008_0000n, end: 0x4008_0004n })
  expect(() => place(new Uint8Array(0))).toThrow(/empty/)
})

test.each([
  ['#!/bin/sh\n', /script/],
  ['070701000', /initramfs/],
  ['!<arch>\n', /archive/],
])('%j is told for what it is', (start, message) => {
  expect(() => place(text(start))).toThrow(message)
})

test('no bytes make the loader fail but with an error of ours', () => {
  const starts = [arm64Image(), elf(0n, [{ virtual: 0n, physical: 0n, bytes: new Uint8Array(64) }])]
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.array(fc.tuple(fc.nat(127), fc.nat(255)), { maxLength: 6 }), (whole, changes) => {
      const bytes = whole.slice()
      for (const [at, value] of changes) bytes[at] = value
      try {
        const { parts, end } = place(bytes)
        expect(end).toBeLessThanOrEqual(RAM.start + BigInt(RAM.size))
        for (const part of parts) expect(part.address).toBeGreaterThanOrEqual(RAM.start)
      } catch (error) {
        expect(error).toBeInstanceOf(SnapError)
      }
    }),
    { seed: 6, numRuns: 2000 },
  )
})

describe('EFI zboot', () => {
  test('gives the payload and how it is compressed', () => {
    expect(zbootPayload(zboot(text('payload'), 'gzip'), 'kernel')).toEqual({ compression: 'gzip', payload: text('payload') })
  })
  test('is none without its two magics, and corrupt when cut off', () => {
    expect(zbootPayload(arm64Image(), 'kernel')).toBeUndefined()
    expect(() => zbootPayload(zboot(text('payload'), 'gzip').subarray(0, 66), 'kernel')).toThrow(/the file has 66/)
  })
})
