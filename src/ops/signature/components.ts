// table of what an environment is made of: version 1 of the list, in the order of its serialisation. A released version never changes: what else is
// found to matter makes version 2. docs/hibernate.md prints it. Source of each row: what it says; the rest is facts of arch/ and of recordings.

/** Of the list below and of the serialisation in environment.ts. */
export const ENVIRONMENT_VERSION = 1

export const COMPONENTS = [
  {
    name: 'psci',
    holds: 'the PSCI version and, function by function, whether the guest is answered: by the version, by KVM_CAP_ARM_SYSTEM_SUSPEND, by the SMCCC filter',
    from: 'KVM_REG_ARM_PSCI_VERSION, VM capabilities, the SMCCC filter',
  },
  {
    name: 'bitmaps',
    holds: 'every bit of the firmware bitmaps, on or off; for a kernel without such a register what it offers without one, which a guest cannot tell apart',
    from: 'KVM_REG_ARM_STD_BMAP, …STD_HYP_BMAP, …VENDOR_HYP_BMAP, …VENDOR_HYP_BMAP_2; else the rules of the build that the snapshot names',
  },
  {
    name: 'workarounds',
    holds: 'what SMCCC_ARCH_FEATURES answers for the three SMCCC_ARCH_WORKAROUND calls: levels with the same answer are one',
    from: 'KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1 to _3; a kernel without the register answers NOT_SUPPORTED',
  },
  {
    name: 'services',
    holds:
      'the calls outside PSCI that are answered (random numbers, stolen time, vendor features, PTP), and which calls the SMCCC filter hands to the VMM; a denied call is one that is not answered',
    from: 'the bitmaps, the SMCCC filter',
  },
  {
    name: 'id-registers',
    holds:
      'the values that the guest reads: MIDR and its like, feature ID registers, CTR, CLIDR, CCSIDR of the caches that are there, PMU counters, SVE vector lengths, CNTFRQ; a register that reads zero is as one that is not there, and AArch32 ones count only where there is AArch32',
    from: 'the register list; CNTFRQ_EL0 from what the VMM saved',
  },
  {
    name: 'topology',
    holds: 'the number of vCPUs, MPIDR of each, their features',
    from: 'the vCPUs; features inferred from the list where no file names them',
  },
  { name: 'memory-map', holds: 'where guest memory is: ranges, adjacent ones as one', from: 'the memory regions of the snapshot' },
  {
    name: 'tables',
    holds:
      'digests: of the device tree that the guest booted with, byte for byte, or else of the one in its memory, without /chosen; of its ACPI tables in memory and of those that its VMM keeps for the firmware, without the FACS, which holds the hardware signature itself, and without the tables of tables',
    from: 'what the snapshot keeps of the boot; else guest memory, searched, and the fw_cfg blobs of QEMU',
  },
  {
    name: 'gic',
    holds: 'the version of the interrupt controller, GICD_TYPER and GICD_IIDR, whether there is an ITS',
    from: 'the snapshot and its GIC devices',
  },
  {
    name: 'devices',
    holds: 'the devices by name and kind, the machine type; of a disk the size and whether it is read-only, not its contents, which the guest goes on changing',
    from: 'the devices of the snapshot',
  },
] as const

export type ComponentName = (typeof COMPONENTS)[number]['name']
