// Owns the encodings of the system registers and instructions that the engine itself knows. Everything else is storage (SysRegMap) or the machine's (hooks).
// Encoding: op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2, the low half of a KVM id.

export const encodingOf = (op0: number, op1: number, crn: number, crm: number, op2: number): number => (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2

export const SYSREG = {
  SCTLR_EL1: encodingOf(3, 0, 1, 0, 0),
  CPACR_EL1: encodingOf(3, 0, 1, 0, 2),
  TTBR0_EL1: encodingOf(3, 0, 2, 0, 0),
  TTBR1_EL1: encodingOf(3, 0, 2, 0, 1),
  TCR_EL1: encodingOf(3, 0, 2, 0, 2),
  SPSR_EL1: encodingOf(3, 0, 4, 0, 0),
  ELR_EL1: encodingOf(3, 0, 4, 0, 1),
  SP_EL0: encodingOf(3, 0, 4, 1, 0),
  SPSel: encodingOf(3, 0, 4, 2, 0),
  CurrentEL: encodingOf(3, 0, 4, 2, 2),
  PAN: encodingOf(3, 0, 4, 2, 3),
  UAO: encodingOf(3, 0, 4, 2, 4),
  ESR_EL1: encodingOf(3, 0, 5, 2, 0),
  FAR_EL1: encodingOf(3, 0, 6, 0, 0),
  PAR_EL1: encodingOf(3, 0, 7, 4, 0),
  PMUSERENR_EL0: encodingOf(3, 3, 9, 14, 0),
  MAIR_EL1: encodingOf(3, 0, 10, 2, 0),
  VBAR_EL1: encodingOf(3, 0, 12, 0, 0),
  DISR_EL1: encodingOf(3, 0, 12, 1, 1),
  CNTKCTL_EL1: encodingOf(3, 0, 14, 1, 0),
  ID_AA64MMFR0_EL1: encodingOf(3, 0, 0, 7, 0),
  CTR_EL0: encodingOf(3, 3, 0, 0, 1),
  DCZID_EL0: encodingOf(3, 3, 0, 0, 7),
  NZCV: encodingOf(3, 3, 4, 2, 0),
  DAIF: encodingOf(3, 3, 4, 2, 1),
  DIT: encodingOf(3, 3, 4, 2, 5),
  SSBS: encodingOf(3, 3, 4, 2, 6),
  FPCR: encodingOf(3, 3, 4, 4, 0),
  FPSR: encodingOf(3, 3, 4, 4, 1),
  TPIDR_EL0: encodingOf(3, 3, 13, 0, 2),
  TPIDRRO_EL0: encodingOf(3, 3, 13, 0, 3),
} as const
