// Owns the limits of inputs before any format looks at them.

const MiB = 1 << 20

export const SOURCE_LIMITS = {
  /** Of a stream (standard input, FIFO, gzip content): kept in memory up to here, then in an unlinked temporary file. */
  streamMemory: 64 * MiB,
  /** Of a stream altogether. */
  streamBytes: 64 * 1024 * MiB,
  /**
   * A compressed file may give this much whatever its size: a guest that has used little of its memory shrinks a thousandfold. Of all but zstd this goes to
   * the temporary file; zstd is unpacked in memory and has less …
   */
  unwrappedFree: 512 * MiB,
  zstdFree: 64 * MiB,
  /** … and beyond it this many times what has been read of it. */
  unwrappedRatio: 100,
  /** zstd is unpacked in memory. */
  zstdBytes: 256 * MiB,
  zstdContent: 512 * MiB,
  reglistBytes: 64 * MiB,
  /** Names in one folder of a snapshot: crosvm writes one file per vCPU and per device. */
  folderNames: 16_384,
  /** How deep a snapshot's files may lie in its folder. */
  folderDepth: 4,
  /** Files of one folder that are open at the same time. */
  folderOpen: 64,
} as const
