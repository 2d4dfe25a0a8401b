// Owns the bits of SCTLR_EL1 that this CPU heeds, and which of them it cannot honour. Source: Arm ARM D24.2.175.
export const SCTLR = {
  m: 1n << 0n,
  a: 1n << 1n,
  sa: 1n << 3n,
  sa0: 1n << 4n,
  uma: 1n << 9n,
  dze: 1n << 14n,
  uct: 1n << 15n,
  nTwi: 1n << 16n,
  nTwe: 1n << 18n,
  e0e: 1n << 24n,
  ee: 1n << 25n,
  uci: 1n << 26n,
  enIb: 1n << 30n,
  enIa: 1n << 31n,
} as const

/** TCR2_EL1: FEAT_S1PIE, FEAT_S1POE and FEAT_D128, none of which this CPU translates with. Arm ARM D24.2, TCR2_EL1. */
const TCR2_UNSUPPORTED: readonly (readonly [bit: bigint, feature: string])[] = [
  [1n << 1n, 'FEAT_S1PIE'],
  [3n << 2n, 'FEAT_S1POE'],
  [1n << 5n, 'FEAT_D128'],
]

/** The feature that a vCPU with this TCR2_EL1 translates with and this CPU has not, or undefined. */
export const unsupportedByTcr2 = (tcr2: bigint): string | undefined => TCR2_UNSUPPORTED.find(([bit]) => tcr2 & bit)?.[1]

/** Bits of the low half that are looked at whenever a vCPU runs on, as numbers. */
export const SCTLR_LOW = { m: 1, a: 1 << 1, sa: 1 << 3, sa0: 1 << 4 } as const

/** Why a vCPU with this SCTLR_EL1 cannot run here, or undefined. */
export function unsupportedBySctlr(sctlr: bigint): string | undefined {
  if (sctlr & (SCTLR.ee | SCTLR.e0e)) return 'big-endian data (SCTLR_EL1.EE or E0E is set)'
  return undefined
}
