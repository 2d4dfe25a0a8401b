// Owns composing a build's values for a set of vCPU features: base, and one overlay a feature, whichever combination is asked for, recorded
// or not. Pure; what a VM does to the values afterwards is emulator/kvm's.
import { featureBit } from '../arch/features.ts'
import { COPROC, type RegId, sysRegId } from '../arch/reg-id.ts'
import type { Build } from './build.ts'
import type { OverlayName } from './host-values.ts'
import type { Encoding, Need, SysregRow } from './kernel-rules.ts'

const bit = (name: Parameters<typeof featureBit>[0]): number => 1 << featureBit(name)
const NEEDS: Readonly<Record<Need, number>> = { pmu: bit('pmu_v3'), sve: bit('sve'), pauth: bit('ptrauth_address'), el2: bit('has_el2') }
const OVERLAYS: readonly (readonly [OverlayName, number])[] = [
  ['aarch32', bit('el1_32bit')],
  ['pmu', bit('pmu_v3')],
  ['sve', bit('sve')],
  ['pauth', bit('ptrauth_address')],
  ['el2', bit('has_el2')],
]

/** The features offer this register; an ID-register condition of its own is `row.field`. */
export const offersRegister = (row: SysregRow, features: number): boolean => row.needs === undefined || (features & NEEDS[row.needs]) !== 0

/** A register's value after KVM_ARM_VCPU_INIT, as a function of its row. */
export function resetValues(build: Build, features: number): (row: SysregRow) => bigint {
  const { host } = build
  const chosen = OVERLAYS.filter(([, mask]) => features & mask).flatMap(([name]) => host.overlays.get(name) ?? [])
  return row => {
    let value = host.values.get(row.encoding) ?? row.reset
    for (const overlay of chosen) {
      value = overlay.adds.get(row.encoding) ?? value
      value ^= overlay.flips.get(row.encoding) ?? 0n
    }
    return value
  }
}

/** ONE_REG id of a system register by encoding. */
export const encodingId = (encoding: Encoding): RegId => (sysRegId(0, 0, 0, 0, 0) | BigInt(encoding)) as RegId

const firmwareId = (coproc: number, index: number): RegId => (0x6030_0000_0000_0000n | (BigInt(coproc) << 16n) | BigInt(index)) as RegId

const CTR: Encoding = 0xd801

/** log2 of the smallest cache line in bytes that a CTR_EL0 allows for a CSSELR value (bit 0: instruction cache). */
export const smallestLine = (ctr: bigint, selector: number): number => Number((ctr >> (selector & 1 ? 0n : 16n)) & 0xfn) + 2

/** CCSIDR as KVM makes it up: the smallest line, one set, one way (get_ccsidr, since the virtual caches of 6.3). */
export const inventedCcsidr = (ctr: bigint, selector: number): number => smallestLine(ctr, selector) - 4

/** CCSIDR by selector, of a fresh vCPU. */
function freshCaches(build: Build, ctr: bigint): readonly (readonly [RegId, bigint])[] {
  const { demux } = build.kernel
  const selectors = demux.policy === 'virtual' ? Array.from({ length: demux.selectors }, (_, n) => n) : [...build.host.ccsidr.keys()].sort((a, b) => a - b)
  return selectors.map(n => [(0x6020_0000_0011_0000n | BigInt(n)) as RegId, BigInt(build.host.ccsidr.get(n) ?? inventedCcsidr(ctr, n))])
}

/** Registers beyond the core and SVE ones that a fresh vCPU with these features lists, in list order, with their values. */
export function freshRegisters(build: Build, features: number): readonly (readonly [RegId, bigint])[] {
  const { kernel, host } = build
  const resetOf = resetValues(build, features)
  const byEncoding = new Map(kernel.sysregs.map(row => [row.encoding, row]))
  const isThere = (row: SysregRow): boolean => {
    if (!offersRegister(row, features)) return false
    const condition = row.field && byEncoding.get(row.field.encoding)
    return !row.field || (condition !== undefined && Number((resetOf(condition) >> BigInt(row.field.shift)) & 0xfn) >= row.field.atLeast)
  }
  const ctr = byEncoding.get(CTR)
  const with02 = (features & bit('psci_0_2')) !== 0
  const psci = with02 ? kernel.psci.initial : kernel.psci.initialWithout02
  return [
    [firmwareId(COPROC.firmware, 0), BigInt(psci)],
    ...kernel.workarounds.map(n => [firmwareId(COPROC.firmware, n), BigInt(host.workarounds[n - 1] ?? 0)] as const),
    ...kernel.bitmaps.map(bitmap => [firmwareId(COPROC.firmwareBitmap, bitmap.index), bitmap.initial] as const),
    ...kernel.sysregs.filter(isThere).map(row => [encodingId(row.encoding), resetOf(row)] as const),
    ...freshCaches(build, ctr ? resetOf(ctr) : 0n),
  ]
}
