// Owns the limits that readers of VMM files share: on what a file declares, before anything is allocated for it.

const MiB = 1 << 20

export const VMM_LIMITS = {
  /** Cloud Hypervisor's whole state with 255 vCPUs in its longest form is about 25 MB. */
  stateBytes: 64 * MiB,
  /** One file of a folder: a device, a vCPU, a configuration. crosvm writes a vCPU's GIC in 160 KB. */
  memberBytes: 64 * MiB,
  vcpus: 4096,
  registers: 65536,
  devices: 4096,
  /** Words of a saved GIC: a frame of 64 KiB per vCPU and more. */
  gicWords: 1 << 20,
  memoryRegions: 1024,
  memoryRanges: 1 << 20,
  /** 2^46: more than any arm64 machine has. */
  regionBytes: 2 ** 46,
  /** Devices whose state is longer are kept as the bytes of the file. */
  plainStateBytes: 256 * 1024,
} as const
