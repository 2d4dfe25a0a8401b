// table: SMCCC and PSCI function ids that KVM answers. Sources: DEN0028, DEN0022, DEN0098, DEN0057; include/linux/arm-smccc.h.

export const SMCCC = {
  version: 0x8000_0000,
  archFeatures: 0x8000_0001,
  workaround1: 0x8000_8000,
  workaround2: 0x8000_7fff,
  workaround3: 0x8000_3fff,
  trngVersion: 0x8400_0050,
  trngFeatures: 0x8400_0051,
  trngUuid: 0x8400_0052,
  trngRnd32: 0x8400_0053,
  trngRnd64: 0xc400_0053,
  pvTimeFeatures: 0xc500_0020,
  pvTimeSt: 0xc500_0021,
  vendorUid: 0x8600_ff01,
  vendorFeatures: 0x8600_0000,
  vendorPtp: 0x8600_0001,
} as const

/** PSCI 0.1 as KVM defines it, outside SMCCC's ranges. */
export const PSCI_01 = { cpuSuspend: 0x95c1_ba5e, cpuOff: 0x95c1_ba5f, cpuOn: 0x95c1_ba60, migrate: 0x95c1_ba61 } as const

export const PSCI_SMC32 = 0x8400_0000
export const PSCI_SMC64 = 0xc400_0000

/** Function numbers (the low byte of the id). */
export const PSCI = {
  version: 0x00,
  cpuSuspend: 0x01,
  cpuOff: 0x02,
  cpuOn: 0x03,
  affinityInfo: 0x04,
  migrateInfoType: 0x06,
  systemOff: 0x08,
  systemReset: 0x09,
  features: 0x0a,
  systemSuspend: 0x0e,
  systemReset2: 0x12,
  systemOff2: 0x15,
} as const
