// Owns every limit of the QEMU reader, in one table. Each is checked before anything is allocated.

const MiB = 1 << 20

export const QEMU_LIMITS = {
  /** RAM blocks of one machine; real ones have about ten. */
  ramBlocks: 4096,
  /** Of one RAM block and of all together: what an archive holds of one region. */
  ramBytes: 2 ** 46,
  /** Pages whose place in the file is remembered at once, 8 bytes each; a guest with more is indexed in windows when its memory is read. */
  indexedPages: 1 << 24,
  /** Groups of 4096 pages that are counted one bit a page when there are more (512 bytes a group). */
  countedGroups: 1 << 19,
  /** XBZRLE pages, each of which needs the one before it. */
  xbzrlePages: 1 << 21,
  /** Device sections, and the bytes of one and of all. */
  sections: 8192,
  sectionBytes: 64 * MiB,
  allSectionBytes: 128 * MiB,
  /** Of sections in parts that are not read: their ends are looked for byte by byte. */
  skippedBytes: 4 * 1024 * MiB,
  /** The JSON description at the end. A machine with dozens of PCI devices has less than 1 MiB. */
  vmdescBytes: 16 * MiB,
  vmdescDepth: 64,
  vmdescItems: 2_000_000,
  /** NUL bytes that a container may have put behind the stream. */
  padding: 64 * MiB,
  /** Values that are decoded out of device sections; sections beyond stay bytes. */
  values: 2_000_000,
  configurationText: 1024,
  capabilities: 256,
  /** cpreg list of one vCPU: KVM lists a few hundred. */
  registers: 65_536,
} as const
