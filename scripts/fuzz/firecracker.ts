// Owns what a fuzzer needs to know of Firecracker's formats: files to start from, ways to spoil them that get past the checksum, and how to read them.

import { firecrackerFingerprint, firecrackerTemplate } from '../../src/formats/importers/firecracker/cpu-config/importers.ts'
import { crc64Bytes } from '../../src/formats/importers/firecracker/crc64.ts'
import { firecrackerVmstate } from '../../src/formats/importers/firecracker/importer.ts'
import { RELEASES } from '../../src/formats/importers/firecracker/releases.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import { makeVmstate } from '../../test/formats/importers/firecracker/make-vmstate.ts'
import { generator } from './random.ts'

const CRC_BYTES = 8
/** Lengths and counts that mean trouble. */
const NASTY = [0n, 1n, 0x7fn, 0xffn, 0x100n, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n]

/** A state file of every release that is known. */
export const vmstateSeeds = (): readonly Uint8Array[] => RELEASES.map(release => makeVmstate(release))

/** A fingerprint and a template, small. */
export function configSeeds(): readonly Uint8Array[] {
  const modifiers = [
    ['0x603000000013c000', '0x413fd0c1'],
    ['0x6030000000100042', '0x3c5'],
    ['0x60200000001000d4', '0x0'],
  ].map(([addr, value]) => ({ addr, bitmap: `0b${BigInt(value!).toString(2).padStart(128, '0')}` }))
  const config = { kvm_capabilities: ['170', '!171'], vcpu_features: [{ index: 0, bitmap: '0b111xxxx' }], reg_modifiers: modifiers }
  const host = { firecracker_version: '1.16.0', kernel_version: '6.1.172', microcode_version: '0x1', bios_version: '1.0', bios_revision: '1.0' }
  return [{ ...host, guest_cpu_config: config }, config].map(value => new TextEncoder().encode(JSON.stringify(value)))
}

/** The same changes for the same number. */
export function mutateVmstate(seed: Uint8Array, random: number): Uint8Array {
  const next = generator(random ^ 0x9e37_79b9)
  let content: Uint8Array = seed.slice(0, Math.max(0, seed.length - CRC_BYTES))
  for (let changes = 1 + (next() % 4); changes > 0; changes--) content = spoil(content, next)
  // One in eight keeps a wrong checksum: that path is short, and has to hold too.
  return new Uint8Array(Buffer.concat([content, next() % 8 === 0 ? new Uint8Array(CRC_BYTES) : crc64Bytes(content)]))
}

export function mutateConfig(seed: Uint8Array, random: number): Uint8Array {
  const next = generator(random ^ 0x9e37_79b9)
  let bytes: Uint8Array = seed.slice()
  for (let changes = 1 + (next() % 4); changes > 0; changes--) bytes = spoil(bytes, next)
  return bytes
}

/** Reads to the end, memory aside. Rejects as reading does. */
export async function readForFuzz(bytes: Uint8Array): Promise<unknown> {
  return firecrackerVmstate.read(bytesSource(bytes, 'fuzz.vmstate'))
}

export async function readConfigForFuzz(bytes: Uint8Array): Promise<unknown> {
  const importer = [firecrackerFingerprint, firecrackerTemplate].find(each => each.sniff(bytes.subarray(0, 4096))) ?? firecrackerTemplate
  return importer.read(bytesSource(bytes, 'fuzz.json'))
}

function spoil(bytes: Uint8Array, next: () => number): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(next())
  const at = next() % bytes.length
  const out = bytes.slice()
  switch (next() % 6) {
    case 0:
      out[at]! ^= 1 << (next() % 8)
      return out
    case 1:
      out[at] = next()
      return out
    case 2: {
      const value = NASTY[next() % NASTY.length]!
      for (let i = 0; i < 8 && at + i < out.length; i++) out[at + i] = Number((value >> BigInt(8 * i)) & 0xffn)
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
