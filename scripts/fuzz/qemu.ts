// Owns what a fuzzer needs to know of QEMU's formats: streams and containers to start from, ways to spoil them, and how to read them.
import { gzipSync } from 'node:zlib'
import { qemu } from '../../src/formats/importers/qemu/importer.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import { libvirtImage, qcow2Image } from '../../test/formats/importers/qemu/make-containers.ts'
import { makeStream } from '../../test/formats/importers/qemu/make-stream.ts'
import { generator } from './random.ts'

/** Lengths, counts and record types that mean trouble. */
const NASTY = [
  0n,
  1n,
  4n,
  7n,
  0x7en,
  0x7fn,
  0xffn,
  0x100n,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  1n << 32n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
]

/** Small streams with every kind of page and section, bare and in every container that needs no other program. */
export function qemuSeeds(): readonly Uint8Array[] {
  const data = (byte: number) => new Uint8Array(1024).fill(byte)
  const block = 'mach-virt.ram'
  const all = makeStream({
    vcpus: 2,
    unknown: new Uint8Array(40).fill(5),
    parts: [
      [
        { kind: 'plain', block, page: 1, data: data(1) },
        { kind: 'deflated', block, page: 2, data: data(2) },
      ],
      [
        { kind: 'xbzrle', block, page: 1, delta: Uint8Array.of(3, 2, 9, 9) },
        { kind: 'zero', block: 'virt.flash0', page: 1, fill: 7 },
      ],
    ],
  })
  const bare = makeStream({ describe: false, unknown: Uint8Array.of(0, 0, 0, 1, 9, 9) })
  const shared = makeStream({ footers: false })
  return [all, bare, shared, libvirtImage(all, 0), libvirtImage(gzipSync(bare), 1), qcow2Image(all), qcow2Image(bare, { extended: true })]
}

/** The same changes for the same number. */
export function mutateQemu(seed: Uint8Array, random: number): Uint8Array {
  const next = generator(random ^ 0x9e37_79b9)
  let bytes: Uint8Array = seed.slice()
  for (let changes = 1 + (next() % 4); changes > 0; changes--) bytes = spoil(bytes, next)
  return bytes
}

/** Reads to the end, memory included: at most the first 8 MiB of it, since a spoiled size may make it huge. Rejects as reading does. */
export async function readQemuForFuzz(bytes: Uint8Array): Promise<unknown> {
  const imported = await qemu.read(bytesSource(bytes, 'fuzz.mig'))
  try {
    let seen = 0
    for (const region of imported.snapshot.memory)
      for await (const { data } of region.chunks()) {
        seen += data.length
        if (seen > 8 << 20) return imported
      }
    return imported
  } finally {
    await imported.close?.()
  }
}

function spoil(bytes: Uint8Array, next: () => number): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(next())
  const at = next() % bytes.length
  const out = bytes.slice()
  switch (next() % 6) {
    case 0:
      out[at] = (out[at] ?? 0) ^ (1 << (next() % 8))
      return out
    case 1:
      out[at] = next()
      return out
    case 2: {
      const value = NASTY[next() % NASTY.length] ?? 0n
      const width = [1, 2, 4, 8][next() % 4] ?? 8
      for (let i = 0; i < width && at + i < out.length; i++) out[at + i] = Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn)
      return out
    }
    case 3:
      return out.subarray(0, at)
    case 4:
      return new Uint8Array(Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + 1 + (next() % 32)))]))
    default:
      return new Uint8Array(Buffer.concat([out.subarray(0, at), out.subarray(at, at + 1 + (next() % 32)), out.subarray(at)]))
  }
}
