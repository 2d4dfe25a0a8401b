// Owns the type of what one host CPU gives under one kernel: values, not rules. Every value is what that kernel shows a fresh vCPU.
import type { Encoding, Need, Provenance } from './kernel-rules.ts'

/** What choosing a feature does to a vCPU's values: bits that flip in registers which are there anyway, and values of those it adds. */
export interface FeatureOverlay {
  readonly flips: ReadonlyMap<Encoding, bigint>
  readonly adds: ReadonlyMap<Encoding, bigint>
}

export type OverlayName = Need | 'aarch32' | 'vgic3'

/**
 * What nothing shows of a host: `hardware`, the fields that its kernel hides; `vector-lengths`, those of its CPU. A rule that depends on it then gives
 * the guest the benefit of the doubt, and reports say that it was not checked.
 */
export const UNSEEN = ['hardware', 'vector-lengths'] as const
export type Unseen = (typeof UNSEEN)[number]

export interface HostValues {
  /** QEMU's name of the CPU, or what the snapshot said. */
  readonly cpu: string
  readonly provenance: readonly Provenance[]
  readonly inferred: readonly string[]
  /** Reset values that differ from the kernel's usual ones, for a vCPU with PSCI 0.2 and nothing else. */
  readonly values: ReadonlyMap<Encoding, bigint>
  readonly overlays: ReadonlyMap<OverlayName, FeatureOverlay>
  /** Targets that KVM_ARM_VCPU_INIT takes here, the preferred one first: 5 (generic) and, on a few CPUs, their own. */
  readonly targets: readonly number[]
  /** vCPU feature bits that KVM_ARM_VCPU_INIT takes here. */
  readonly features: number
  /** SMCCC_ARCH_WORKAROUND_1, 2, 3 as a fresh vCPU reads them. */
  readonly workarounds: readonly [number, number, number]
  /** The host mitigates Spectre v4 (rather than being safe or vulnerable): WORKAROUND_2 then depends on SSBS. */
  readonly mitigatesSsb: boolean
  /** With nested virtualisation, bits that a system register loses and gains once the VM has run: encoding → [cleared, set]. */
  readonly nestedMasks: ReadonlyMap<Encoding, readonly [bigint, bigint]>
  /** CCSIDR by selector. */
  readonly ccsidr: ReadonlyMap<number, number>
  /** Vector lengths (KVM_REG_ARM64_SVE_VLS), bit n: (n+1) × 16 bytes. */
  readonly vectorLengths: bigint
  /** Fields of the host's hardware that KVM hides but accepts from older kernels: ID register encoding → value of the whole register's hidden fields. */
  readonly hardware: ReadonlyMap<Encoding, bigint>
  /** Absent: everything is known. */
  readonly unseen?: readonly Unseen[]
  /** KVM_CHECK_EXTENSION by capability number: on /dev/kvm and on a VM. */
  readonly capabilities: ReadonlyMap<number, readonly [number, number]>
}
