// Owns ELF files for AArch64 as kernels: their loadable segments go to their physical addresses. Source: ELF-64 object file format; the ABI of the
// architecture, AAELF64. Knows no header of Linux.
import { SnapError } from '../../../errors.ts'
import type { ImagePart, PlacedKernel, Ram } from './kernel-image.ts'

const HEADER_BYTES = 64
const PROGRAM_HEADER_BYTES = 56
const CLASS_64 = 2
const LITTLE_ENDIAN = 1
const AARCH64 = 183
const TYPES = new Set([2, 3]) // executable, position-independent
const LOAD = 1
/** Program headers of a kernel: a handful. */
const MOST_SEGMENTS = 64

/**
 * An image whose addresses are outside RAM (one that can be anywhere, linked to 0) goes to `offset` from its start. Throws INPUT_CORRUPT with the offset
 * in the file, FORMAT_FOREIGN for another machine's.
 */
export function placeElf(bytes: Uint8Array, ram: Ram, offset: bigint, file: string): PlacedKernel {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const wrong = (what: string, at: number): SnapError => new SnapError('INPUT_CORRUPT', `${file} is no whole ELF file: ${what}`, { file, offset: at })
  if (bytes.length < HEADER_BYTES) throw wrong('it ends in its header', bytes.length)
  if (bytes[4] !== CLASS_64 || bytes[5] !== LITTLE_ENDIAN || view.getUint16(18, true) !== AARCH64)
    throw new SnapError('FORMAT_FOREIGN', `${file} is an ELF file for another machine than little-endian AArch64`, { file, offset: 4 })
  if (!TYPES.has(view.getUint16(16, true))) throw new SnapError('FORMAT_FOREIGN', `${file} is an ELF file, but no program`, { file, offset: 16 })
  const table = Number(view.getBigUint64(32, true))
  const count = view.getUint16(56, true)
  if (view.getUint16(54, true) !== PROGRAM_HEADER_BYTES || count > MOST_SEGMENTS || table + count * PROGRAM_HEADER_BYTES > bytes.length)
    throw wrong('its program headers are not there', 32)
  const segments = Array.from({ length: count }, (_, n) => table + n * PROGRAM_HEADER_BYTES)
    .filter(at => view.getUint32(at, true) === LOAD && view.getBigUint64(at + 40, true) > 0n)
    .map(at => {
      const from = view.getBigUint64(at + 8, true)
      const inFile = view.getBigUint64(at + 32, true)
      const size = view.getBigUint64(at + 40, true)
      if (inFile > size || from + inFile > BigInt(bytes.length)) throw wrong('a segment reaches beyond its end', at)
      return {
        virtual: view.getBigUint64(at + 16, true),
        physical: view.getBigUint64(at + 24, true),
        size,
        bytes: bytes.subarray(Number(from), Number(from + inFile)),
      }
    })
  if (segments.length === 0) throw wrong('it has nothing to load', 32)
  const isInRam = segments.some(({ physical }) => physical >= ram.start && physical < ram.start + BigInt(ram.size))
  const [lowest = 0n] = ascending(segments.map(({ physical }) => physical))
  const moved = isInRam ? 0n : ram.start + offset - lowest
  const entry = view.getBigUint64(24, true)
  // The entry point is a virtual address; the kernel starts with the MMU off, where its segment is.
  const entered = segments.find(({ virtual, size }) => entry >= virtual && entry < virtual + size)
  if (!entered) throw wrong('it is entered outside of all that it loads', 24)
  const parts = segments.flatMap(({ physical, bytes: data }): readonly ImagePart[] => (data.length === 0 ? [] : [{ address: physical + moved, bytes: data }]))
  return {
    kind: 'ELF',
    entry: entry - entered.virtual + entered.physical + moved,
    parts,
    end: ascending(segments.map(({ physical, size }) => physical + size + moved)).at(-1) ?? 0n,
  }
}

const ascending = (values: readonly bigint[]): readonly bigint[] => [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
