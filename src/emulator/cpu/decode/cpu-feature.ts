// Owns which ID-register field announces which architectural feature. Knows no instruction.
// Source: Arm ARM (DDI 0487) D24.2, the ID_AA64* field descriptions; facts/idregs.json.
const idRegister = (crm: number, op2: number): number => (3 << 14) | (crm << 3) | op2
const PFR0 = idRegister(4, 0)
const PFR1 = idRegister(4, 1)
const ISAR0 = idRegister(6, 0)
const ISAR1 = idRegister(6, 1)
const ISAR2 = idRegister(6, 2)
const MMFR1 = idRegister(7, 1)
const MMFR2 = idRegister(7, 2)

/** Field position and the smallest value that announces the feature; several fields mean any of them. */
type Announcement = readonly (readonly [register: number, shift: number, atLeast: number])[]

const FEATURES = {
  FEAT_AES: [[ISAR0, 4, 1]],
  FEAT_PMULL: [[ISAR0, 4, 2]],
  FEAT_SHA1: [[ISAR0, 8, 1]],
  FEAT_SHA256: [[ISAR0, 12, 1]],
  FEAT_SHA512: [[ISAR0, 12, 2]],
  FEAT_CRC32: [[ISAR0, 16, 1]],
  FEAT_LSE: [[ISAR0, 20, 2]],
  FEAT_LSE128: [[ISAR0, 20, 3]],
  FEAT_TME: [[ISAR0, 24, 1]],
  FEAT_RDM: [[ISAR0, 28, 1]],
  FEAT_SHA3: [[ISAR0, 32, 1]],
  FEAT_SM3: [[ISAR0, 36, 1]],
  FEAT_SM4: [[ISAR0, 40, 1]],
  FEAT_DotProd: [[ISAR0, 44, 1]],
  FEAT_FHM: [[ISAR0, 48, 1]],
  FEAT_FlagM: [[ISAR0, 52, 1]],
  FEAT_FlagM2: [[ISAR0, 52, 2]],
  FEAT_PAuth: [
    [ISAR1, 4, 1],
    [ISAR1, 8, 1],
    [ISAR1, 24, 1],
    [ISAR1, 28, 1],
    [ISAR2, 8, 1],
    [ISAR2, 12, 1],
  ],
  FEAT_JSCVT: [[ISAR1, 12, 1]],
  FEAT_FCMA: [[ISAR1, 16, 1]],
  FEAT_LRCPC: [[ISAR1, 20, 1]],
  FEAT_LRCPC2: [[ISAR1, 20, 2]],
  FEAT_LRCPC3: [[ISAR1, 20, 3]],
  FEAT_FRINTTS: [[ISAR1, 32, 1]],
  FEAT_SB: [[ISAR1, 36, 1]],
  FEAT_BF16: [[ISAR1, 44, 1]],
  FEAT_I8MM: [[ISAR1, 52, 1]],
  FEAT_XS: [[ISAR1, 56, 1]],
  FEAT_LS64: [[ISAR1, 60, 1]],
  FEAT_WFxT: [[ISAR2, 0, 2]],
  FEAT_MOPS: [[ISAR2, 16, 1]],
  FEAT_HBC: [[ISAR2, 20, 1]],
  FEAT_SYSREG128: [[ISAR2, 32, 1]],
  FEAT_CSSC: [[ISAR2, 52, 1]],
  FEAT_LOR: [[MMFR1, 16, 1]],
  FEAT_PAN: [[MMFR1, 20, 1]],
  FEAT_UAO: [[MMFR2, 4, 1]],
  FEAT_DIT: [[PFR0, 48, 1]],
  FEAT_RAS: [[PFR0, 28, 1]],
  FEAT_SVE: [[PFR0, 32, 1]],
  FEAT_SME: [[PFR1, 24, 1]],
  FEAT_BTI: [[PFR1, 0, 1]],
  FEAT_SSBS: [[PFR1, 4, 1]],
  FEAT_SSBS2: [[PFR1, 4, 2]],
  FEAT_MTE: [[PFR1, 8, 1]],
  FEAT_MTE2: [[PFR1, 8, 2]],
} as const satisfies Record<string, Announcement>

/** FEAT_FP and FEAT_FP16 are announced by a signed field: everything but 0b1111, and 1. */
export type CpuFeature = keyof typeof FEATURES | 'FEAT_FP' | 'FEAT_FP16'
export const CPU_FEATURES = [...Object.keys(FEATURES), 'FEAT_FP', 'FEAT_FP16'] as readonly CpuFeature[]

/** Values by system-register encoding (op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2, the low half of a KVM id); absent ones read as zero. */
export type IdRegisters = ReadonlyMap<number, bigint>

const field = (ids: IdRegisters, register: number, shift: number): number => Number(((ids.get(register) ?? 0n) >> BigInt(shift)) & 0xfn)

/** Every feature that these ID registers announce. */
export function announcedFeatures(ids: IdRegisters): ReadonlySet<CpuFeature> {
  const found = new Set<CpuFeature>()
  for (const [name, fields] of Object.entries(FEATURES) as [keyof typeof FEATURES, Announcement][]) {
    if (fields.some(([register, shift, atLeast]) => field(ids, register, shift) >= atLeast)) found.add(name)
  }
  const fp = field(ids, PFR0, 16)
  if (fp !== 0xf) found.add('FEAT_FP')
  if (fp >= 1 && fp < 8) found.add('FEAT_FP16')
  return found
}
