// Owns what a Firecracker file may ask of us at most, before anything is allocated for it.

export const FIRECRACKER_LIMITS = {
  /** Firecracker itself loads no state file beyond 10 MiB (10,000,000 bytes from v1.15 on). */
  vmstateBytes: 10 << 20,
  /** Values in lists of one file altogether: 64 vCPUs with 2000 registers each are 128,000. A bit can stand for a value in v1.15, so the file's size bounds nothing. */
  values: 1 << 20,
  /** Firecracker itself runs at most 32. */
  vcpus: 4096,
  /** Depth of the address allocator's tree, a balanced one: 64 levels hold more than there are addresses. */
  depth: 64,
  /** Characters of the version. */
  versionText: 64,
  memoryRegions: 1024,
  /** 2^46: more than any arm64 machine has. */
  memoryBytes: 2 ** 46,
  /** Memory layers: a full memory file and the diffs over it. */
  memoryLayers: 64,
  cpuConfigBytes: 16 << 20,
  cpuConfig: { depth: 16, items: 400_000, modifiers: 65536 },
} as const
