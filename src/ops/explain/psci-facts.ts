// table of what is known about PSCI versions beside the recordings: when Linux took them, what a guest does with a function, how a VMM pins one.
// Sources: facts of the kernel's git history (commits named), drivers/firmware/psci/psci.c, the KVM documentation; each row names its own.
import type { PsciVersion } from '../../arch/psci.ts'

/** First Linux release whose KVM knows the version, and the commit. Evidence: what the recorded kernels do is asked of the builds. */
export const PSCI_SINCE: Partial<Readonly<Record<PsciVersion, { readonly release: string; readonly commit?: string }>>> = {
  '1.0': { release: '4.16' },
  '1.1': { release: '5.18', commit: '512865d83fd9' },
  '1.2': { release: '6.13', commit: '8be82d536a9f' },
  '1.3': { release: '6.13', commit: '8be82d536a9f' },
}

/** How a call reaches the VMM, by the flag of its system event (arch/exits.ts). Source: include/uapi/linux/psci.h, KVM_SYSTEM_EVENT_*. */
export const EVENT_FLAG_OF: Readonly<Record<string, string>> = { SYSTEM_OFF2: 'PSCI_OFF2', SYSTEM_RESET2: 'PSCI_RESET2' }
export const EVENT_OF: Readonly<Record<string, string>> = { SYSTEM_OFF: 'SHUTDOWN', SYSTEM_RESET: 'RESET', SYSTEM_SUSPEND: 'SUSPEND' }

/** What a guest does with a function is ops/check/words/psci-words.ts; where that is read. */
export const GUEST_SIDE = 'Linux drivers/firmware/psci/psci.c (psci_probe(), psci_sys_reset(), psci_sys_hibernate(), 3e251afaec9a); recordings: event'

export const STEP_RULE = [
  'One version per VM, in KVM_REG_ARM_PSCI_VERSION (Linux 4.17, 85bd0ba1): the last write wins, it is taken at any time, even after the guest ran, and no reset of a vCPU changes it.',
  'A VM to which nobody writes it has the newest version of its host kernel.',
] as const

/** Source: Linux arch/arm64/kvm/psci.c, kvm_psci_version(); recordings: the psci01 sets. */
export const OLD_RULE =
  'PSCI 0.1 is what a vCPU without the feature psci_0_2 has, and nothing else has it: what the feature is decides KVM_ARM_VCPU_INIT, not a write of KVM_REG_ARM_PSCI_VERSION.'
export const OLD_ADVICE = [
  'initialise every vCPU with psci_0_2, or every vCPU without it, as the guest was booted; kernels from 6.5 on take no mixture',
  'QEMU 11 and later: -cpu host,kvm-psci-version=0.1 leaves the feature out',
] as const

export const DOWN_CONSEQUENCE = 'a running guest is not told: it goes on calling what it found at boot, and asks for the version again only at its next boot'
export const UP_CONSEQUENCE =
  'a running guest does not look again: what appears stays unused until its next boot, and then it is found without anybody having asked for it'
export const SAME_FUNCTIONS = 'the functions are the same; only the number that PSCI_VERSION returns differs'

/** `version` is what to stay with. */
export const pinAdvice = (version: string, value: string): readonly string[] => [
  `to stay with ${version}: write KVM_REG_ARM_PSCI_VERSION = ${value} on every vCPU before the guest boots; a VMM that restores all registers of a guest that has it does so by itself`,
  `QEMU 11 and later: -cpu host,kvm-psci-version=${version} (on older ones the guest gets the newest version of the kernel at every cold boot; a migrated guest keeps its own)`,
  `psci-snap: \`restore --pin-psci ${version}\`, or \`edit --set PSCI_VERSION=${version}\` for a file`,
]

export const PSCI_SOURCES = [
  'Arm DEN0022',
  'Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst; arch/arm64/kvm/psci.c, hypercalls.c',
  'recordings: fwwrite, psci, postver, and the replays across kernels',
] as const
