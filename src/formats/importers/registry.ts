// Owns the list of formats that can be read. To add one: write its Importer and name it here.
import { cloudHypervisor } from './cloud-hypervisor/sniff.ts'
import { crosvm } from './crosvm/sniff.ts'
import { firecrackerFingerprint, firecrackerTemplate } from './firecracker/cpu-config/importers.ts'
import { firecrackerVmstate } from './firecracker/importer.ts'
import type { Importer } from './importer.ts'
import { psnap } from './psnap.ts'
import { qemu } from './qemu/importer.ts'
import { reglist } from './reglist/read.ts'
import { stratovirt } from './stratovirt/sniff.ts'

export const IMPORTERS: readonly Importer[] = [
  psnap,
  reglist,
  qemu,
  firecrackerVmstate,
  firecrackerFingerprint,
  firecrackerTemplate,
  cloudHypervisor,
  crosvm,
  stratovirt,
]
