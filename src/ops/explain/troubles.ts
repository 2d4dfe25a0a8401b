// table of trouble that people had with a register, reviewed, each with where it was reported. Words only; what kernels do is tried.
import type { Selector } from '../../arch/selector.ts'

export interface Trouble {
  readonly registers: Selector
  readonly text: string
  readonly url: string
}

const AUGER = 'https://patchew.org/QEMU/20260126165445.3033335-1-eric.auger@redhat.com'

export const TROUBLES: readonly Trouble[] = [
  {
    registers: { names: ['KVM_REG_ARM_PSCI_VERSION'] },
    text: 'a guest sees another PSCI version out of the blue when a VMM does not restore it on a newer kernel: the register was made for that',
    url: 'https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/Documentation/virtual/kvm/arm/psci.txt?h=v4.19',
  },
  {
    registers: { names: ['KVM_REG_ARM_VENDOR_HYP_BMAP_2'] },
    text: 'QEMU 10 refuses a backward migration from kernels that list it ("failed to load cpu:cpreg_vmstate_array_len"), although its value is 0; QEMU 11 tolerates it then',
    url: AUGER,
  },
  {
    registers: { names: ['TCR2_EL1', 'PIR_EL1', 'PIRE0_EL1'] },
    text: 'Linux 6.5 to 6.12 list it on CPUs without the feature, 6.13 hides it there (0fcb4eea5345, a68cddbe47ef): forward migration with QEMU 10 fails, QEMU 11 tolerates it',
    url: 'https://mid.mail-archive.com/qemu-devel@nongnu.org/msg1154890.html',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] },
    text: 'migration to a host with weaker mitigations fails, on purpose: the kernel refuses a level above its own',
    url: 'https://git.kernel.org/torvalds/c/99adb567632b656a4a54a90adb2172cc725b6896',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3'] },
    text: 'came to stable kernels (5.10.y among them) by backport: two hosts of one series can differ in whether they list it',
    url: 'https://git.kernel.org/torvalds/c/a5905d6af492',
  },
  {
    registers: { names: ['KVM_REG_ARM64_SVE_VLS'] },
    text: 'Firecracker restored it after KVM_ARM_VCPU_FINALIZE: EPERM, no snapshot with SVE could be restored',
    url: 'https://github.com/firecracker-microvm/firecracker/pull/4413',
  },
  {
    registers: { names: ['V[0-9]', 'V[12][0-9]', 'V3[01]'] },
    text: 'Cloud Hypervisor before v53 cannot save a guest on a host with SVE: GetAarchCoreRegister, EINVAL on the first vector register',
    url: 'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/8057',
  },
  {
    registers: { names: ['V[0-9]', 'V[12][0-9]', 'V3[01]'] },
    text: 'Firecracker before v1.1.4 saved 64 of its 128 bits: what the guest had in the others is lost',
    url: 'https://github.com/firecracker-microvm/firecracker/pull/3697',
  },
  {
    registers: { names: ['CCSIDR_EL1?*', 'CLIDR_EL1', 'MIDR_EL1', 'CTR_EL0'] },
    text: 'live migration between boards with the same or similar cores (RK3588, Raspberry Pi 4 and 5) fails: identity and cache registers differ',
    url: 'https://github.com/jiangcuo/pxvirt/issues/77',
  },
  {
    registers: { names: ['KVM_REG_ARM_TIMER_CNT', 'KVM_REG_ARM_PTIMER_CNT', 'CNTVOFF_EL2'] },
    text: 'replaying counters and then CNTVOFF_EL2 clobbers the offset: the clock of a nested guest jumps',
    url: 'https://github.com/ejc3/fcvm/pull/663',
  },
  {
    registers: { names: ['KVM_REG_ARM_TIMER_CNT'] },
    text: 'a restored guest is behind by the time that its host was down, as only the counter travels',
    url: 'https://github.com/cloud-hypervisor/cloud-hypervisor/pull/8343',
  },
  {
    registers: { names: ['KVM_REG_ARM_PTIMER_CNT'] },
    text: 'kernels before 6.4 show the guest the physical counter of the host, and cannot restore it',
    url: 'https://github.com/firecracker-microvm/firecracker/pull/4987',
  },
  {
    registers: { names: ['AP*KEY*'] },
    text: 'restoring pointer-authentication state on a CPU without it hangs or ends programs with SIGILL',
    url: 'https://github.com/checkpoint-restore/criu/issues/2824',
  },
  {
    registers: { groups: ['pmu'] },
    text: '5.10 lists these registers without a PMU, later kernels only with one: snapshots taken on 5.10 are refused by every later kernel (ENOENT)',
    url: 'https://github.com/firecracker-microvm/firecracker/pull/4632',
  },
  {
    registers: { names: ['ID_AA64ZFR0_EL1'] },
    text: 'kernels 5.2 to 5.9 hid it without SVE: migration from older ones failed on the number of registers (f81cb2c3ad41 brought it back in 5.10)',
    url: 'https://git.kernel.org/torvalds/c/f81cb2c3ad41',
  },
]
