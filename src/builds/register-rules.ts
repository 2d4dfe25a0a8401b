// table
// Owns which system registers are not plain storage, by encoding, and which ID-register field makes an optional one exist. Source: the
// visibility and set_user columns of sys_reg_descs[] in arch/arm64/kvm/sys_regs.c; whether a kernel applies a condition is decided by
// what it listed (recorded/sysreg-table.ts).
import type { FieldAtLeast, SysregRule } from './kernel-rules.ts'

export const RULES: ReadonlyMap<number, SysregRule> = new Map<number, SysregRule>([
  [0xc000, 'imp'], // MIDR_EL1
  [0xc006, 'imp'], // REVIDR_EL1
  [0xc807, 'imp'], // AIDR_EL1
  [0xc005, 'mpidr'],
  [0xc801, 'clidr'],
  [0xd801, 'ctr'],
  [0x808c, 'oslsr'], // OSLSR_EL1
  [0xdf1a, 'vcnt'], // KVM_REG_ARM_TIMER_CNT, with CNTV_CVAL's encoding
  [0xdf01, 'pcnt'], // KVM_REG_ARM_PTIMER_CNT
  [0xdf19, 'tctl'], // CNTV_CTL_EL0
  [0xdf11, 'tctl'], // CNTP_CTL_EL0
  [0xdce0, 'pmcr'],
  [0xdce1, 'pmset'], // PMCNTENSET_EL0
  [0xdce2, 'pmclr'], // PMCNTENCLR_EL0
  [0xdce3, 'pmclr'], // PMOVSCLR_EL0
  [0xdcf3, 'pmset'], // PMOVSSET_EL0
  [0xc4f1, 'pmset'], // PMINTENSET_EL1
  [0xc4f2, 'pmclr'], // PMINTENCLR_EL1
  [0xc4f6, 'pmmir'],
  [0xdce4, 'ignored'], // PMSWINC_EL0
  ...Array.from({ length: 31 }, (_, n): [number, SysregRule] => [0xdf40 + n, 'pmevcnt']),
])

/** Feature ID registers: op0 3, op1 0, CRn 0, CRm 1 … 7. */
export const isFeatureId = (encoding: number): boolean => encoding >= 0xc008 && encoding <= 0xc03f

const MMFR3 = 0xc03b
const PFR2 = 0xc022
const field = (encoding: number, shift: number): FieldAtLeast => ({ encoding, shift, atLeast: 1 })
export const CONDITIONS: ReadonlyMap<number, FieldAtLeast> = new Map([
  [0xc103, field(MMFR3, 0)], // TCR2_EL1: TCRX
  [0xc083, field(MMFR3, 4)], // SCTLR2_EL1: SCTLRX
  [0xc512, field(MMFR3, 8)], // PIRE0_EL1: S1PIE
  [0xc513, field(MMFR3, 8)], // PIR_EL1
  [0xc514, field(MMFR3, 16)], // POR_EL1: S1POE
  [0xdd14, field(MMFR3, 16)], // POR_EL0
  [0xda22, field(PFR2, 32)], // FPMR
])
