// Owns what a fuzzer needs to know of snapshots that are folders (Cloud Hypervisor, crosvm, StratoVirt): folders to start from, ways to spoil one
// file of them, and how to read them. A case is all files of a folder in one buffer, so that it can be kept and replayed like any other.
import { recogniseFolder } from '../../src/formats/importers/open-input.ts'
import { IMPORTERS } from '../../src/formats/importers/registry.ts'
import { bytesFolder } from '../../src/formats/source/bytes-folder.ts'
import { coreRegs, makeSnapshot as makeCloudHypervisor } from '../../test/formats/importers/cloud-hypervisor/make-snapshot.ts'
import { makeSnapshot as makeCrosvm } from '../../test/formats/importers/crosvm/make-snapshot.ts'
import { makeSnapshot as makeStratovirt } from '../../test/formats/importers/stratovirt/make-snapshot.ts'
import { generator } from './random.ts'

type Files = Readonly<Record<string, Uint8Array>>

const REGISTERS: readonly (readonly [bigint, bigint])[] = [
  [0x6030_0000_0013_c005n, 0x8000_0000n],
  [0x6030_0000_0014_0000n, 0x10001n],
]
const memory = [{ gpa: 0n, bytes: Uint8Array.from({ length: 64 }, (_, i) => i) }]
const gic = { dist: Array.from({ length: 82 }, (_, i) => i), rdist: Array.from({ length: 24 }, (_, i) => i), icc: Array.from({ length: 9 }, () => 0x400) }

/** One small folder of every layout. */
export function folderSeeds(): readonly Uint8Array[] {
  const cloud = (['v24', 'v28', 'v29', 'v39', 'v46', 'v53'] as const).map(layout =>
    makeCloudHypervisor({ layout, vcpus: [{ core: coreRegs(1), system: REGISTERS }], gic, memory, clock: '{"cntvct":1,"host_realtime_ns":2,"cntfrq":3}' }),
  )
  const crosvm = (['cbor', 'json'] as const).map(encoding =>
    makeCrosvm({
      encoding,
      vcpus: [{ mpidr: 0x8000_0000n }],
      ranges: [{ start: 0, end: 64 }],
      redistBytes: 64,
      devices: { 'bus0/rtc': new Map([['load', 1n << 60n]]) },
    }),
  )
  const stratovirt = makeStratovirt({
    cpus: [{ index: 0, registers: REGISTERS }],
    gicVcpus: 1,
    ram: [{ start: 0n, bytes: memory[0]?.bytes ?? new Uint8Array() }],
  })
  return [...cloud, ...crosvm, stratovirt].map(packFiles)
}

/** Changes 1 to 4 places of one file. The same changes for the same number. */
export function mutateFolder(seed: Uint8Array, random: number): Uint8Array {
  const files = unpackFiles(seed)
  const next = generator(random)
  const paths = Object.keys(files)
  const path = paths[next() % paths.length] as string
  let bytes = files[path] as Uint8Array
  for (let changes = 1 + (next() % 4); changes > 0; changes--) bytes = spoil(bytes, next)
  return packFiles({ ...files, [path]: bytes })
}

/** Reads to the end, memory included. Rejects as reading does. */
export async function readFolderForFuzz(bytes: Uint8Array): Promise<unknown> {
  const { source, importer } = await recogniseFolder(bytesFolder(unpackFiles(bytes)), IMPORTERS)
  const imported = await importer.read(source)
  for (const region of imported.snapshot.memory) for await (const _ of region.chunks());
  return imported
}

const DIGITS = ['-1', '0', '4294967296', '9007199254740993', '18446744073709551616', '1e9', '[]', '{}', 'null', '"x"', '[[[[', '\\"']

function spoil(bytes: Uint8Array, next: () => number): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(next())
  const at = next() % bytes.length
  const splice = (removed: number, added: Uint8Array): Uint8Array =>
    new Uint8Array(Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed))]))
  switch (next() % 7) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return splice(1, Uint8Array.of(next()))
    case 2:
      return splice(1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (next() % 8))))
    case 3:
      return splice(1 + (next() % 8), new Uint8Array())
    case 4:
      return splice(0, bytes.subarray(next() % bytes.length).subarray(0, 1 + (next() % 40)))
    case 5:
      return splice(1 + (next() % 3), Buffer.from(DIGITS[next() % DIGITS.length] ?? ''))
    default:
      return splice(
        8,
        Uint8Array.from({ length: 8 }, (_, i) => (next() % 2 === 0 ? 0xff : i === 0 ? next() : 0)),
      )
  }
}

export function packFiles(files: Files): Uint8Array {
  const parts = Object.entries(files).flatMap(([path, bytes]) => {
    const head = Buffer.alloc(6)
    head.writeUInt16LE(path.length)
    head.writeUInt32LE(bytes.length, 2)
    return [head, Buffer.from(path), bytes]
  })
  return new Uint8Array(Buffer.concat(parts))
}

export function unpackFiles(bytes: Uint8Array): Files {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const files: Record<string, Uint8Array> = {}
  for (let at = 0; at + 6 <= view.length; ) {
    const name = view.readUInt16LE(at)
    const length = view.readUInt32LE(at + 2)
    files[view.toString('utf8', at + 6, at + 6 + name)] = new Uint8Array(view.subarray(at + 6 + name, at + 6 + name + length))
    at += 6 + name + length
  }
  return files
}
