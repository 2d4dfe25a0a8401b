// Owns every limit of the archive reader, in one table. Each is on a size that a file declares, checked before anything is allocated:
// sparse guest memory is legitimately far larger than the file that holds it, so there is no limit on a ratio.

const KiB = 1024
const MiB = 1024 * KiB

export const LIMITS = {
  manifestBytes: 1 * MiB,
  /** Never more than the file has anyway: index.json is not compressed. 1 TiB of non-zero memory needs about 200 MiB. */
  indexBytes: 256 * MiB,
  members: 1_200_000,
  /** Longest member name: what fits the name field of a tar header, so no member needs an extended header. */
  nameBytes: 99,
  /** vm, vcpu and device members and what a later release may add, each. */
  memberBytes: 16 * MiB,
  /** machine.msgpack (the own machine's state) and foreign.msgpack, each. */
  machineBytes: 64 * MiB,
  /** All members that this release does not understand together; they are kept in memory. */
  unknownBytes: 64 * MiB,
  unknownMembers: 4096,
  /** Guest memory per zstd frame; fixed by the format. */
  chunkBytes: 1 * MiB,
  /** A frame may be this much larger than what it holds (incompressible data plus block headers). */
  frameOverhead: 8 * KiB,
  /** KVM's own limit is lower; arm64 affinity would allow more. */
  vcpus: 4096,
  registersPerVcpu: 65536,
  devices: 4096,
  memoryRegions: 1024,
  /** 2^46: more than any arm64 machine has, and an exact number of chunks. */
  regionBytes: 2 ** 46,
  smcccFilterRanges: 4096,
  /** msgpack: nesting, and maps, arrays, keys and items together. Each item costs the decoder up to about 64 bytes. */
  packDepth: 32,
  packItems: 1_000_000,
} as const
