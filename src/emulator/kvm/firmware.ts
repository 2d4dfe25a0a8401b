// Owns the firmware pseudo-registers: PSCI_VERSION, SMCCC_ARCH_WORKAROUND_n and the service bitmaps. All are VM-wide; nothing of the
// workarounds is ever stored. Sources: arch/arm64/kvm/hypercalls.c, recordings (fwwrite, fwreinit). Knows no guest call.
import { ERRNO } from '../../arch/errno.ts'
import type { Build } from '../../builds/build.ts'
import { FEATURE } from './vcpu-shape.ts'

/** What the rules need to see of the VM. */
export interface FirmwareState {
  readonly build: Build
  readonly hasRun: boolean
  /** 0 until a version is written. */
  psci: number
  readonly bitmaps: BigUint64Array
  /** The VM's ID_AA64PFR1_EL1.SSBS. */
  ssbs(): number
}

/** PSCI version that a vCPU with these features reads. */
export function psciVersionOf(state: FirmwareState, features: number): number {
  const { psci } = state.build.kernel
  return features & FEATURE.psci02 ? state.psci || psci.initial : psci.initialWithout02
}

function setPsci(state: FirmwareState, features: number, value: bigint): number {
  const { psci } = state.build.kernel
  const accepted = features & FEATURE.psci02 ? psci.accepted : psci.acceptedWithout02
  const wanted = accepted.find(version => BigInt(version) === value)
  if (wanted === undefined) return ERRNO.EINVAL
  if (features & FEATURE.psci02) state.psci = wanted
  return 0
}

/**
 * Level of SMCCC_ARCH_WORKAROUND_n as a vCPU reads it. WORKAROUND_2 of a host that mitigates Spectre v4 is NOT_AVAIL (0) while SSBS is
 * there to do it, else NOT_REQUIRED (3); whose SSBS counts, the host's or the VM's, is the kernel's rule.
 */
export function workaroundLevelOf(state: FirmwareState, n: number): number {
  const { host, kernel } = state.build
  const level = host.workarounds[n - 1] ?? 0
  if (n !== 2 || !kernel.workaround2FollowsVm || !host.mitigatesSsb) return level
  return state.ssbs() === 0 ? 3 : 0
}

function setWorkaround(state: FirmwareState, n: number, value: bigint): number {
  const level = workaroundLevelOf(state, n)
  if (n === 2) {
    const { low, high } = state.build.kernel.workaround2
    const wanted = low.includes(value) ? 0 : high.includes(value) ? 3 : undefined
    return wanted === undefined || wanted > level ? ERRNO.EINVAL : 0
  }
  return value > BigInt(level) ? ERRNO.EINVAL : 0
}

/** `index` is the register's number in its class. */
export const readFirmware = (state: FirmwareState, features: number, index: number): bigint =>
  BigInt(index === 0 ? psciVersionOf(state, features) : workaroundLevelOf(state, index))

export const writeFirmware = (state: FirmwareState, features: number, index: number, value: bigint): number =>
  index === 0 ? setPsci(state, features, value) : setWorkaround(state, index, value)

/** An unknown bit is EINVAL at any time; another value after any vCPU ran is EBUSY. */
export function writeBitmap(state: FirmwareState, slot: number, value: bigint): number {
  const rule = state.build.kernel.bitmaps[slot]!
  if (value & ~rule.bits) return ERRNO.EINVAL
  if (state.hasRun && state.bitmaps[slot] !== value) return ERRNO.EBUSY
  state.bitmaps[slot] = value
  return 0
}
