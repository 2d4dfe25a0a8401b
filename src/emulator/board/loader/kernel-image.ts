// Owns where a kernel's image goes in RAM and where it is entered, for every kind of image that a `virt` board boots: arm64 Image, ELF, flat binary.
// Pure functions over bytes, all of them checked: an image is a stranger's. Compression is taken off by the caller (efi-zboot.ts shows how far).
// Sources: Linux Documentation/arch/arm64/booting.rst; the placement of flat binaries is QEMU's (hw/arm/boot.c, as measured).
import { SnapError } from '../../../errors.ts'
import { placeElf } from './elf.ts'
import { foreignKernel } from './foreign-kernel.ts'

export interface Ram {
  readonly start: bigint
  /** Bytes. */
  readonly size: number
}
export interface ImagePart {
  readonly address: bigint
  readonly bytes: Uint8Array
}
export interface PlacedKernel {
  readonly kind: 'arm64 Image' | 'ELF' | 'flat binary'
  readonly entry: bigint
  readonly parts: readonly ImagePart[]
  /** First address behind what the kernel needs at its start, its zeroed data included. */
  readonly end: bigint
}

const HEADER_BYTES = 64
/** `ARM\x64` at offset 56. */
const MAGIC_OFFSET = 56
const MAGIC = 0x644d_5241
const TEXT_OFFSET = 8
const IMAGE_SIZE = 16
const FLAGS = 24
const BIG_ENDIAN = 1n
/** A kernel is entered at a multiple of 2 MiB and its text offset. */
const ALIGNMENT = 0x20_0000n
/** Kernels from 5.8 on have no text offset; the first page of RAM is left to whoever looks for boot code there. */
const LOWEST_OFFSET = 0x1000n
/** Where a binary without a header goes. */
const FLAT_OFFSET = 0x8_0000n

/** Places an image that is not compressed. `file` is for messages. Throws FORMAT_FOREIGN, INPUT_CORRUPT, or USAGE when it does not fit into RAM. */
export function placeKernel(bytes: Uint8Array, ram: Ram, file: string): PlacedKernel {
  if (bytes.length === 0) throw new SnapError('INPUT_CORRUPT', `${file} is empty`, { file })
  const foreign = foreignKernel(bytes)
  if (foreign)
    throw new SnapError('FORMAT_FOREIGN', `${file} is ${foreign}`, { file }, { hint: 'an arm64 Image, an ELF or a flat binary for AArch64 boots here' })
  const placed = isElf(bytes) ? placeElf(bytes, ram, FLAT_OFFSET, file) : isArm64Image(bytes) ? placeImage(bytes, ram, file) : placeFlat(bytes, ram)
  requireRoom(placed, ram, file)
  return placed
}

const isElf = (bytes: Uint8Array): boolean => bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === 0x464c_457f
const isArm64Image = (bytes: Uint8Array): boolean => bytes.length >= HEADER_BYTES && viewOf(bytes).getUint32(MAGIC_OFFSET, true) === MAGIC

function placeImage(bytes: Uint8Array, ram: Ram, file: string): PlacedKernel {
  const view = viewOf(bytes)
  const textOffset = view.getBigUint64(TEXT_OFFSET, true)
  const declared = view.getBigUint64(IMAGE_SIZE, true)
  if (view.getBigUint64(FLAGS, true) & BIG_ENDIAN)
    throw new SnapError('CANNOT_EXECUTE', `${file} is a big-endian kernel`, { file, offset: FLAGS }, { hint: 'this machine is little-endian' })
  if (textOffset >= ALIGNMENT)
    throw new SnapError('INPUT_CORRUPT', `the header of ${file} asks for a text offset of 0x${textOffset.toString(16)}`, { file, offset: TEXT_OFFSET })
  // Kernels before 3.17 do not say their size.
  const size = declared === 0n ? BigInt(bytes.length) : declared
  if (size < BigInt(bytes.length) / 2n || size > 1n << 40n)
    throw new SnapError('INPUT_CORRUPT', `the header of ${file} declares 0x${size.toString(16)} bytes, the file has ${bytes.length}`, {
      file,
      offset: IMAGE_SIZE,
    })
  const base = ram.start + (textOffset < LOWEST_OFFSET ? ALIGNMENT : 0n) + textOffset
  const inFile = base + BigInt(bytes.length)
  const end = base + size
  return { kind: 'arm64 Image', entry: base, parts: [{ address: base, bytes }], end: inFile > end ? inFile : end }
}

function placeFlat(bytes: Uint8Array, ram: Ram): PlacedKernel {
  const address = ram.start + FLAT_OFFSET
  return { kind: 'flat binary', entry: address, parts: [{ address, bytes }], end: address + BigInt(bytes.length) }
}

function requireRoom({ kind, parts, end }: PlacedKernel, ram: Ram, file: string): void {
  const last = ram.start + BigInt(ram.size)
  if (parts.every(({ address }) => address >= ram.start) && end <= last) return
  const needs = Math.ceil(Number(end - ram.start) / (1 << 20))
  throw new SnapError(
    'USAGE',
    `${file} (${kind}) needs guest memory up to 0x${end.toString(16)}; there is [0x${ram.start.toString(16)}, 0x${last.toString(16)})`,
    { file },
    { hint: `give the guest at least ${needs} MiB with --memory` },
  )
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
