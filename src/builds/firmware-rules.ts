// Owns what one kernel answers a guest that calls firmware, as data of a build. Derived from a recording by recorded/firmware-rules.ts;
// the behaviour behind each rule is code in emulator/firmware. Knows no release number.

/** Which of the four ways to call reach KVM's handler; the others return -1 in x0 and keep x1 … x3. */
export interface ConduitRules {
  readonly hvc0: boolean
  readonly hvcOther: boolean
  readonly smc0: boolean
  readonly smcOther: boolean
}

export interface FirmwareRules {
  readonly conduits: ConduitRules
  /** SMCCC_ARCH_WORKAROUND_1/2/3 are answered on the way into EL2: x0 = x1 = 0, x2 and x3 kept. */
  readonly workaroundCalls: boolean
  /** TRNG (DEN0098) is offered, subject to KVM_REG_ARM_STD_BMAP where the kernel has it. */
  readonly trng: boolean
  /** SMCCC_ARCH_FEATURES announces PV_TIME_FEATURES, subject to KVM_REG_ARM_STD_HYP_BMAP. */
  readonly pvTime: boolean
  /** Vendor hypervisor services, subject to KVM_REG_ARM_VENDOR_HYP_BMAP. */
  readonly vendorUid: boolean
  readonly vendorFeatures: boolean
  readonly vendorPtp: boolean
  /** CPU_ON and AFFINITY_INFO refuse an MPIDR with a bit set outside the affinity fields; otherwise those bits are ignored. */
  readonly strictAffinity: boolean
  /** SYSTEM_OFF/RESET events carry ndata and sixteen data words; otherwise only type and flags are written, and ndata is padding that reads 0. */
  readonly eventData: boolean
  /** KVM_CAP_ARM_SYSTEM_SUSPEND can be enabled, and mp_state SUSPENDED exists with it. */
  readonly systemSuspend: boolean
  /** Rules that this recording does not show by itself, with what they were concluded from. Empty for a recording that has the PSCI matrix. */
  readonly inferred: readonly string[]
}
