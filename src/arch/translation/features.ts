// Owns which parts of stage 1 translation a CPU has: what its ID registers announce. Source: Arm ARM (DDI 0487) D24.2, ID_AA64MMFR0_EL1 to ID_AA64MMFR3_EL1.

export interface TranslationFeatures {
  /** Largest physical address, in bits: ID_AA64MMFR0_EL1.PARange. */
  readonly physicalBits: number
  readonly asidBits: 8 | 16
  /** Which granules exist; `wide`: with 52-bit addresses (FEAT_LPA2), chosen by TCR_EL1.DS. */
  readonly granule4K: 'absent' | 'present' | 'wide'
  readonly granule16K: 'absent' | 'present' | 'wide'
  readonly granule64K: 'absent' | 'present'
  /** FEAT_LVA: 52-bit virtual addresses with 64K granules. */
  readonly largeVirtual: boolean
  /** FEAT_TTST: smaller translation tables. */
  readonly smallTables: boolean
  /** FEAT_HPDS: TCR_EL1.HPD0, HPD1. */
  readonly hierarchicalDisable: boolean
  /** FEAT_HAFDBS: 1, access flag; 2, dirty state too. */
  readonly hardwareUpdate: 0 | 1 | 2
  /** FEAT_E0PD, FEAT_PAN3 (SCTLR_EL1.EPAN). */
  readonly e0pd: boolean
  readonly enhancedPan: boolean
  /** FEAT_PAuth: TCR_EL1.TBID0, TBID1. */
  readonly instructionTags: boolean
}

/** By ID_AA64MMFR0_EL1.PARange. */
const PHYSICAL_BITS = [32, 36, 40, 42, 44, 48, 52, 56]

/** op0 = 3, op1 = 0, CRn = 0: `register(crm, op2)` gives the value. */
export function translationFeatures(register: (crm: number, op2: number) => bigint): TranslationFeatures {
  const field = (crm: number, op2: number, shift: number): number => Number((register(crm, op2) >> BigInt(shift)) & 0xfn)
  const gran4 = field(7, 0, 28)
  const gran16 = field(7, 0, 20)
  const update = field(7, 1, 0)
  const authentication = [4, 8, 24, 28].some(shift => field(6, 1, shift) > 0) || [8, 12].some(shift => field(6, 2, shift) > 0)
  return {
    physicalBits: PHYSICAL_BITS[field(7, 0, 0)] ?? 48,
    asidBits: field(7, 0, 4) === 2 ? 16 : 8,
    granule4K: gran4 === 0xf ? 'absent' : gran4 >= 1 ? 'wide' : 'present',
    granule16K: gran16 === 0 ? 'absent' : gran16 >= 2 ? 'wide' : 'present',
    granule64K: field(7, 0, 24) === 0 ? 'present' : 'absent',
    largeVirtual: field(7, 2, 16) >= 1,
    smallTables: field(7, 2, 28) >= 1,
    hierarchicalDisable: field(7, 1, 12) >= 1,
    hardwareUpdate: update >= 2 ? 2 : update === 1 ? 1 : 0,
    e0pd: field(7, 2, 60) >= 1,
    enhancedPan: field(7, 1, 20) >= 3,
    instructionTags: authentication,
  }
}
