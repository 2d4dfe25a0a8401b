// Kernel, initramfs and device tree lie where QEMU puts them, never over each other, and what does not fit is said.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planBoot } from '../../../../src/emulator/board/loader/boot-plan.ts'
import { SnapError } from '../../../../src/errors.ts'
import { fdtNodeAt, fdtValue, parseFdt } from '../../../../src/formats/data/fdt.ts'
import { arm64Image } from './built-images.ts'

const RAM = { start: 0x4000_0000n, size: 512 << 20 }
const BOARD = { affinities: [0n], cpu: 'cortex-a72', psci: 0x1_0003n, gic: 'v3', virtio: 0, bootargs: 'quiet' } as const
const MIB = 1 << 20

test('as QEMU places them: the initramfs 128 MiB into RAM, the device tree behind it', () => {
  const initrd = { file: 'initrd', bytes: new Uint8Array(5000) }
  const plan = planBoot({ kernel: { file: 'kernel', bytes: arm64Image() }, initrd }, RAM, BOARD)
  expect([plan.entry, plan.parts[1]?.address, plan.deviceTree.address]).toEqual([0x4020_0000n, 0x4800_0000n, 0x4820_0000n])
  const { root } = parseFdt(plan.deviceTree.bytes, 'tree')
  const chosen = (name: string) => fdtValue(fdtNodeAt(root, '/chosen')!.properties.get(name)!)
  expect([chosen('linux,initrd-start'), chosen('linux,initrd-end'), chosen('bootargs')]).toEqual([['0x0', '0x48000000'], ['0x0', '0x48001388'], ['quiet']])
})

test('a kernel that needs that place pushes them back', () => {
  const plan = planBoot({ kernel: { file: 'kernel', bytes: arm64Image({ imageSize: 200n * BigInt(MIB) }) } }, RAM, BOARD)
  expect(plan.deviceTree.address).toBe(0x4000_0000n + 202n * BigInt(MIB))
})

test('what does not fit is said, with what would', () => {
  const files = { kernel: { file: 'kernel', bytes: arm64Image() }, initrd: { file: 'initrd', bytes: new Uint8Array(20 * MIB) } }
  expect(() => planBoot(files, { ...RAM, size: 16 * MIB }, BOARD)).toThrow(/initrd \(20971520 bytes\) and a device tree do not fit/)
})

test('nothing overlaps, whatever the sizes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 400 }), fc.nat(64 * MIB), fc.bigInt({ min: 0x2000n, max: 300n * BigInt(MIB) }), (ram, initrd, imageSize) => {
      const size = ram * MIB
      try {
        const files = { kernel: { file: 'kernel', bytes: arm64Image({ imageSize }) }, initrd: { file: 'initrd', bytes: new Uint8Array(initrd) } }
        const { kernel, parts } = planBoot(files, { ...RAM, size }, BOARD)
        const ends = [kernel.end, ...parts.slice(1).map(({ address, bytes }) => address + BigInt(bytes.length))]
        const starts = [...parts.slice(1).map(({ address }) => address), RAM.start + BigInt(size)]
        ends.forEach((end, n) => {
          expect(end).toBeLessThanOrEqual(starts[n]!)
        })
      } catch (error) {
        expect(error).toBeInstanceOf(SnapError)
      }
    }),
    { seed: 6, numRuns: 40 },
  )
})
