// Kernels are read through every compression that Debian and EFI zboot put around them; disks are opened as they are meant.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { openDisk, parseDisk } from '../../../src/ops/run/file-disk.ts'
import { readInitrd, readKernel } from '../../../src/ops/run/read-boot-files.ts'
import { arm64Image, zboot } from '../../emulator/board/loader/built-images.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-boot-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}
const image = arm64Image({ code: 10_000 })

describe('kernels', () => {
  test.each<[string, Uint8Array]>([
    ['as it is', image],
    ['gzip', gzipSync(image)],
    ['EFI zboot with gzip', zboot(gzipSync(image), 'gzip')],
    ['a compressed EFI program', gzipSync(zboot(gzipSync(image), 'gzip'))],
  ])('%s', async (name, bytes) => {
    expect(Buffer.from((await readKernel(file(name, bytes))).bytes).equals(image)).toBe(true)
  })
  test.each<[string, Uint8Array, RegExp]>([
    ['a compression that is not known', zboot(image, 'lzo'), /compressed with "lzo"/],
    ['a name that is none', zboot(image, '\u001b[31m'), /compressed with "\?\?31m"/],
    ['a payload that is not what it says', zboot(image, 'gzip'), /and it is not/],
    ['a damaged one', zboot(gzipSync(image).subarray(0, 60), 'gzip'), /damaged|ends/],
  ])('%s is refused', async (name, bytes, message) => {
    await expect(readKernel(file(name, bytes))).rejects.toThrow(message)
  })
})

test('an initramfs is given to the kernel as it is', async () => {
  const packed = gzipSync(Buffer.from('070701'))
  expect(Buffer.from((await readInitrd(file('initrd', packed))).bytes).equals(packed)).toBe(true)
})

describe('disks', () => {
  test.each([
    ['a.img', { path: 'a.img', readOnly: false }],
    ['a.img,ro', { path: 'a.img', readOnly: true }],
    ['a,b.img', { path: 'a,b.img', readOnly: false }],
    ['a.img,rw', { path: 'a.img', readOnly: false }],
  ])('%s', (text, choice) => {
    expect(parseDisk(text)).toEqual(choice)
  })
  test('no name is none', () => {
    for (const text of ['', ',ro']) expect(() => parseDisk(text)).toThrow(/names no disk/)
  })
  test('is written in place, and only when it may be', () => {
    const path = file('disk', new Uint8Array(1024))
    const disk = openDisk({ path, readOnly: false })
    disk.write(512, Uint8Array.of(1, 2, 3))
    disk.flush()
    expect([...disk.read(511, 5)]).toEqual([0, 1, 2, 3, 0])
    disk.close()
    expect(readFileSync(path)[513]).toBe(2)
    const fixed = openDisk({ path, readOnly: true })
    expect(() => fixed.write(0, Uint8Array.of(1))).toThrow()
    fixed.close()
  })
  test('a file that cannot be one is refused', () => {
    expect(() => openDisk({ path: file('odd', new Uint8Array(100)), readOnly: false })).toThrow(/100 bytes/)
    expect(() => openDisk({ path: file('none', new Uint8Array(0)), readOnly: true })).toThrow(/0 bytes/)
    expect(() => openDisk({ path: folder, readOnly: true })).toThrow(/plain file|directory/)
    expect(() => openDisk({ path: join(folder, 'missing'), readOnly: false })).toThrow(/no such file/)
  })
})
