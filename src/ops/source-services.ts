// Owns what is known about the services that a snapshot's own host offered, when the file names a build that we have.
import type { RegId } from '../arch/reg-id.ts'
import { STD_BMAP_ID, STD_HYP_BMAP_ID, VENDOR_HYP_BMAP_2_ID, VENDOR_HYP_BMAP_ID } from '../arch/smccc.ts'
import type { FirmwareRules } from '../builds/firmware-rules.ts'
import { findBuild } from '../builds/load.ts'
import type { Snapshot } from '../model/snapshot.ts'

/** Whether the source offered the service of a firmware bitmap bit; undefined when the file does not say which host it was. */
export type ServiceKnowledge = (register: RegId, bit: number) => boolean | undefined

/** Only asked for bitmaps that the file does not hold: then nothing gated the service, and the kernel alone decided. */
export function serviceKnowledge(snapshot: Snapshot): ServiceKnowledge {
  const { build: name, kernel } = snapshot.origin
  const build = (name && findBuild(name)) || (kernel && findBuild(`linux-${kernel}`)) || undefined
  if (!build) return () => undefined
  const { firmware } = build
  return (register, bit) => offeredWithoutBitmap(firmware, register, bit)
}

/** Whether a kernel offers the service of a bitmap bit when no bitmap says so: by its firmware rules alone. */
export function offeredWithoutBitmap(firmware: FirmwareRules, register: RegId, bit: number): boolean | undefined {
  if (register === STD_BMAP_ID) return firmware.trng
  if (register === STD_HYP_BMAP_ID) return firmware.pvTime
  if (register === VENDOR_HYP_BMAP_ID) return bit === 0 ? firmware.vendorUid : firmware.vendorPtp
  if (register === VENDOR_HYP_BMAP_2_ID) return false
  return undefined
}
