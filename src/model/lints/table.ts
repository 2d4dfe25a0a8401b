// table of the known-bad patterns that `verify` looks for: code, what it means, why it matters, and a real report behind it. docs/lints.md is made from it.
import type { Severity } from '../finding.ts'

export interface LintRow {
  /** Stable public API. */
  readonly code: string
  readonly severity: Severity
  readonly title: string
  /** What goes wrong on a restore, or has gone wrong already, and the rule it rests on. */
  readonly reason: string
  /** What to do with such a file. */
  readonly remedy: string
  /** Where somebody met it: public issues, patches and mails. */
  readonly reports: readonly { readonly text: string; readonly url: string }[]
}

const firecracker = (number: number, text: string) => ({
  text: `Firecracker ${number}: ${text}`,
  url: `https://github.com/firecracker-microvm/firecracker/pull/${number}`,
})
const cloudHypervisor = (number: number, text: string) => ({
  text: `Cloud Hypervisor ${number}: ${text}`,
  url: `https://github.com/cloud-hypervisor/cloud-hypervisor/pull/${number}`,
})
const PSCI_DOCUMENT = {
  text: 'Linux, KVM and PSCI: a guest must not see another PSCI version out of the blue',
  url: 'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/Documentation/virtual/kvm/arm/psci.txt?h=v4.19',
}

export const LINTS = [
  {
    code: 'psci-version-differs',
    severity: 'error',
    title: 'vCPUs disagree on the PSCI version',
    reason:
      'KVM has one PSCI version per VM. A replay writes each vCPU its own, and the last one stays: the guest may find another firmware than it booted with.',
    remedy: 'save the guest again; or set one version for all vCPUs with `edit --set PSCI_VERSION=…`',
    reports: [PSCI_DOCUMENT],
  },
  {
    code: 'psci-version-missing',
    severity: 'warning',
    title: 'some vCPUs have a PSCI version, others have none',
    reason: 'A restore on a newer kernel leaves the new default where nothing is written. Which one the guest sees then depends on the order of the vCPUs.',
    remedy: 'save the guest again with a VMM that saves every listed register',
    reports: [PSCI_DOCUMENT],
  },
  {
    code: 'firmware-register-differs',
    severity: 'warning',
    title: 'vCPUs disagree on a firmware register',
    reason: 'Mitigation levels and service bitmaps belong to the VM; the last write decides what all vCPUs have.',
    remedy: 'save the guest again; or make them equal with `edit --set`',
    reports: [
      {
        text: 'Linux 99adb567632b: KVM refuses a mitigation level above that of the host',
        url: 'https://git.kernel.org/torvalds/c/99adb567632b656a4a54a90adb2172cc725b6896',
      },
    ],
  },
  {
    code: 'vm-wide-register-differs',
    severity: 'warning',
    title: 'vCPUs disagree on an ID register',
    reason:
      'Newer kernels keep ID registers per VM: the last write wins, and a value that is refused on one vCPU aborts the restore. Older kernels show all vCPUs the same value. So vCPUs that differ were not saved from one VM, or on CPUs of two kinds.',
    remedy: 'find out which vCPU is wrong with `inspect --registers "ID_*" --fields`',
    reports: [
      { text: 'pxvirt 77: migration between CPUs that differ in MIDR, CTR, ID and CCSIDR registers', url: 'https://github.com/jiangcuo/pxvirt/issues/77' },
      {
        text: 'Cloud Hypervisor 6001: arm64 state that does not fit after a live migration',
        url: 'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/6001',
      },
    ],
  },
  {
    code: 'order-firmware-before-id',
    severity: 'warning',
    title: 'SMCCC_ARCH_WORKAROUND_2 is written before the ID register that it depends on',
    reason:
      "From Linux 6.12 the level that KVM accepts depends on the VM's ID_AA64PFR1_EL1.SSBS (e8d164974cfa). The file says that the guest has no SSBS and that it needs no call for the workaround. Written in this order, the level is judged by the host's SSBS, and refused with EINVAL where the host has it.",
    remedy: 'restore ID registers first, as a VMM that sorts by id does, or try refused registers again',
    reports: [
      {
        text: 'Linux 99adb567632b: a migration might need to fail when the target has a weaker mitigation',
        url: 'https://git.kernel.org/torvalds/c/99adb567632b656a4a54a90adb2172cc725b6896',
      },
    ],
  },
  {
    code: 'order-offset-after-counter',
    severity: 'warning',
    title: 'CNTVOFF_EL2 is written after the counters',
    reason: 'Writing a counter sets the offset that makes it read so; writing CNTVOFF_EL2 afterwards throws that offset away. The clock of the guest jumps.',
    remedy: 'put CNTVOFF_EL2 before KVM_REG_ARM_TIMER_CNT and KVM_REG_ARM_PTIMER_CNT in the list, or leave it out',
    reports: [{ text: 'fcvm 663: the clock jumps, 14,000 timer exits a second, memory far slower', url: 'https://github.com/ejc3/fcvm/pull/663' }],
  },
  {
    code: 'order-vls-after-vectors',
    severity: 'warning',
    title: 'KVM_REG_ARM64_SVE_VLS stands behind the vectors',
    reason: 'The set of vector lengths must be written before KVM_ARM_VCPU_FINALIZE, and vectors only exist after it. A VMM that goes by the list gets EPERM.',
    remedy: 'write KVM_REG_ARM64_SVE_VLS first, then finalize, then the rest',
    reports: [firecracker(4413, 'SVE snapshots do not restore')],
  },
  {
    code: 'sve-vls-missing',
    severity: 'warning',
    title: 'SVE vectors without their lengths',
    reason:
      "Without KVM_REG_ARM64_SVE_VLS a restored vCPU has all vector lengths of its host. Where those differ, the guest's vectors change their length under it, or the restore is refused.",
    remedy: 'give the restored vCPU the same vector lengths by hand, or save the guest again with a VMM that saves KVM_REG_ARM64_SVE_VLS',
    reports: [firecracker(4413, 'SVE snapshots do not restore')],
  },
  {
    code: 'vector-halves-missing',
    severity: 'error',
    title: 'the upper halves of the vector registers are not in the file',
    reason:
      'Firecracker before v1.1.4 saved 64 bits of each of V0 to V31. What the guest had in the other 64 is lost: floating point and cryptography go wrong silently.',
    remedy: 'save the guest again with Firecracker v1.1.4 or later; such a file cannot be repaired',
    reports: [firecracker(3697, 'all arm64 snapshots before v1.1.4 are invalid'), firecracker(3290, 'registers wider than 64 bits')],
  },
  {
    code: 'power-off-in-features',
    severity: 'warning',
    title: 'a running vCPU is saved with the feature power_off',
    reason: 'The feature says how KVM_ARM_VCPU_INIT leaves the vCPU. A restore that does not set the power state afterwards powers a running vCPU off.',
    remedy: 'drop power_off from the features of vCPUs that run',
    reports: [firecracker(4567, 'secondary vCPUs are powered off again by a restore')],
  },
  {
    code: 'core-register-impossible',
    severity: 'warning',
    title: 'core registers that no kernel gives a value',
    reason:
      'Before Linux 5.2 (df205b5c6328) KVM_GET_REG_LIST listed every 32-bit word of struct kvm_regs as a 64-bit register. Most of these can neither be read nor written: a restore of them is refused.',
    remedy: 'drop them: `edit --drop`; what they hold is in the registers of the right size',
    reports: [
      {
        text: 'Firecracker 3606: KVM_GET_ONE_REG fails for ids that KVM_GET_REG_LIST gave',
        url: 'https://github.com/firecracker-microvm/firecracker/issues/3606',
      },
    ],
  },
  {
    code: 'many-registers',
    severity: 'warning',
    title: 'more than 500 registers',
    reason:
      'Several VMMs ask for the register list with room for 500 ids. Where there are more, KVM_GET_REG_LIST fails with E2BIG and so does the next snapshot.',
    remedy: 'nothing in the file is wrong; use a VMM that asks again with more room',
    reports: [{ text: 'Firecracker 3768: a fixed limit of 500 registers', url: 'https://github.com/firecracker-microvm/firecracker/issues/3768' }],
  },
  {
    code: 'counters-disagree',
    severity: 'warning',
    title: 'the virtual counters of the vCPUs are far apart',
    reason:
      'All vCPUs of a VM have one virtual counter (KVM keeps one offset per VM from 6.4 on, and synchronised the vCPUs before): values that are further apart than saving takes were not saved at one time. The last one written decides, and time jumps for the guest.',
    remedy: 'save the guest again while it is stopped; see `inspect` for the values',
    reports: [
      cloudHypervisor(8343, 'the clock of a restored guest is behind'),
      { text: 'Cloud Hypervisor 6001: one vCPU at 100 % after a migration', url: 'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/6001' },
    ],
  },
  {
    code: 'gic-redistributors-identical',
    severity: 'error',
    title: 'all vCPUs have the redistributor of one',
    reason:
      'Each redistributor has its own table of pending LPIs. The same address on all vCPUs means that the state of one was saved for every vCPU: the others lose their LPIs.',
    remedy: 'save the guest again with a VMM that has the fix',
    reports: [cloudHypervisor(8638, 'vCPUs other than 0 lose their LPIs after a restore')],
  },
  {
    code: 'its-table-outside-memory',
    severity: 'error',
    title: 'a table of the interrupt controller is not in guest memory',
    reason:
      'The ITS keeps devices, interrupts and LPIs in tables in guest memory. KVM reads them when it is restored, and fails with EFAULT where there is no memory.',
    remedy: 'restore with the complete memory of the guest',
    reports: [{ text: 'e2b 2057: failed to restore the GIC: Bad address (os error 14)', url: 'https://github.com/e2b-dev/infra/issues/2057' }],
  },
  {
    code: 'its-tables-not-saved',
    severity: 'warning',
    title: 'the tables of an enabled ITS are all zero',
    reason:
      'The ITS has worked through commands of the guest, and yet none of its tables holds anything: they were not written to guest memory before it was saved (KVM_DEV_ARM_ITS_SAVE_TABLES), or that memory is missing from a differential snapshot. All LPIs are lost.',
    remedy: 'save the tables before the memory; lay differential snapshots over their base',
    reports: [{ text: 'e2b 2057: failed to restore the GIC: Bad address (os error 14)', url: 'https://github.com/e2b-dev/infra/issues/2057' }],
  },
] as const satisfies readonly LintRow[]

export type LintCode = (typeof LINTS)[number]['code']
