// table of why KVM refuses a write, by the register's rule and the errno: words only. Whether a host does it is tried, never looked up here.
// First row that fits. Sources: Linux arch/arm64/kvm (guest.c, sys_regs.c, hypercalls.c, fpsimd handling), and the recordings that each rule of the emulator follows.
import { registerRow } from '../../arch/catalogue/catalogue.ts'
import type { WriteRule } from '../../arch/catalogue/row.ts'
import { parsePsciVersion } from '../../arch/psci.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, WORKAROUND_IDS, workaroundLevel } from '../../arch/smccc.ts'
import type { Sample } from './sample-values.ts'

export interface Cause {
  readonly text: string
  readonly advice?: string
  /** A mistake of the VMM that a working one does not make; told last. */
  readonly unlikely?: true
}

interface CauseRow extends Cause {
  readonly rules?: readonly WriteRule[]
  readonly errno?: string
  readonly when?: (id: RegId, sample: Sample) => boolean
}

const PSCI_01 = parsePsciVersion('0.1')
const WRITE_BEFORE_RUN = 'write it before the first KVM_RUN of any vCPU of the VM'
const isLevel = (id: RegId, { value }: Sample): boolean => {
  const n = ([1, 2, 3] as const).find(each => WORKAROUND_IDS[each] === id)
  return n !== undefined && workaroundLevel(n, value) !== undefined
}
const hasUnknownBit = (id: RegId, { value }: Sample): boolean => {
  const known = BITMAP_BITS.filter(row => row.register === id).reduce((mask, row) => mask | (1n << BigInt(row.bit)), 0n)
  return (value & ~known) !== 0n
}

const ROWS: readonly CauseRow[] = [
  {
    rules: ['psci-version'],
    errno: 'EINVAL',
    when: (_, { value }) => value === PSCI_01,
    text: '0.1 on a vCPU with the feature psci_0_2',
    advice: '0.1 exists only without the feature: leave psci_0_2 out of KVM_ARM_VCPU_INIT, or write 0.2 or later',
  },
  {
    rules: ['psci-version'],
    errno: 'EINVAL',
    text: 'a version that this kernel does not know',
    advice:
      'the guest was given a newer PSCI version elsewhere: pin an older one there before it boots (QEMU 11: kvm-psci-version=X.Y), or move it to a kernel that knows its version',
  },
  {
    rules: ['at-most-host'],
    errno: 'EINVAL',
    when: isLevel,
    text: 'a mitigation level above that of the host',
    advice:
      'the guest was promised more protection than this host gives: move it to a host that is at least as well protected; nothing can be written to change the level',
  },
  { rules: ['at-most-host'], errno: 'EINVAL', text: 'a value that is no mitigation level', advice: 'the saved value is damaged or from a newer kernel' },
  {
    rules: ['bitmap'],
    errno: 'EINVAL',
    when: hasUnknownBit,
    text: 'a bit that no recorded kernel knows',
    advice: 'the saved value is damaged or from a newer kernel',
  },
  {
    rules: ['bitmap'],
    errno: 'EINVAL',
    text: 'a service that this kernel does not know',
    advice: 'switch the service off where the guest is booted; a guest that uses it cannot move here',
  },
  { rules: ['bitmap'], errno: 'EBUSY', text: 'another set of services than the VM has, after a vCPU ran', advice: WRITE_BEFORE_RUN },
  {
    rules: ['id-register', 'cache-geometry', 'counter-number'],
    errno: 'EBUSY',
    text: 'another value than the VM has, after a vCPU ran',
    advice: WRITE_BEFORE_RUN,
  },
  {
    rules: ['id-register'],
    errno: 'EINVAL',
    when: (_, { what }) => what === 'higher',
    text: 'a field that promises more than this host can give',
    advice:
      'the guest was told of a CPU feature that this host does not have, or that its KVM hides: take the feature from the guest before it boots, or choose a host that has it',
  },
  {
    rules: ['id-register'],
    errno: 'EINVAL',
    when: (_, { what }) => what === 'lower',
    text: "a field that this kernel does not let userspace lower: it wants the host's own value",
    advice: 'move between hosts that show the same value, or to a kernel on which the field is writable',
  },
  {
    rules: ['implementation-id'],
    errno: 'EINVAL',
    text: "another CPU than the host's",
    advice:
      'from Linux 6.15 on the VM may take the value after it enabled KVM_CAP_ARM_WRITABLE_IMP_ID_REGS, before its first vCPU is created; else move between equal CPUs',
  },
  {
    rules: ['cache-geometry'],
    errno: 'EINVAL',
    text: "caches that this kernel does not show to this guest: older kernels want the host's own, newer ones refuse lines shorter than the host's and reserved bits",
    advice: 'move between equal CPUs, or to a kernel with virtual caches (6.3 and later)',
  },
  { rules: ['same-value'], errno: 'EINVAL', text: 'another value than the host has', advice: 'move between equal hosts' },
  { rules: ['zero-only'], errno: 'EINVAL', text: 'another value than 0' },
  { rules: ['os-lock-bit'], errno: 'EINVAL', text: 'another change than that of the lock bit' },
  {
    rules: ['checked'],
    errno: 'EINVAL',
    text: 'a mode that this vCPU cannot be in: AArch32 at EL1 needs the feature el1_32bit, EL2 the feature has_el2',
    advice: 'initialise the vCPU with the features that the guest had',
  },
  {
    rules: ['before-finalize'],
    errno: 'EPERM',
    text: 'written after KVM_ARM_VCPU_FINALIZE, when the vector lengths are settled',
    advice: 'write it between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE, before all other SVE registers',
  },
  {
    rules: ['before-finalize'],
    errno: 'EINVAL',
    text: 'vector lengths that are not exactly those of the host up to the longest one',
    advice: 'choose a host whose CPU has the same vector lengths, or limit the guest to those that both have before it boots',
  },
  { errno: 'EBUSY', text: 'another value than it has, after a vCPU ran', advice: WRITE_BEFORE_RUN },
]

/** Why a host refused a sample with this errno. */
export function causeOf(id: RegId, sample: Sample, errno: string): Cause {
  const rule = registerRow(id)?.write
  const row = ROWS.find(
    each => (each.errno === undefined || each.errno === errno) && (!each.rules || (rule && each.rules.includes(rule))) && (each.when?.(id, sample) ?? true),
  )
  return row ? { text: row.text, ...(row.advice === undefined ? {} : { advice: row.advice }) } : { text: 'a value that this host does not take' }
}

/** Circumstances that refuse whatever value is written. */
export const SITUATIONS = {
  absent: (elsewhere: string): Cause => ({ text: `this kernel has no such register${elsewhere}` }),
  absentOnCpu: (cpus: string): Cause => ({
    text: `the CPU lacks the feature that the register belongs to (of the recorded ones ${cpus} ${cpus.includes(' ') ? 'have' : 'has'} it)`,
  }),
  withoutFeature: (features: string): Cause => ({
    text: `the vCPU was initialised without ${features}`,
    advice: 'initialise the vCPU with the features that the guest had',
  }),
  withoutPsci02: {
    text: 'a version other than 0.1 on a vCPU without the feature psci_0_2',
    advice: 'initialise the vCPU with psci_0_2: without it the guest has PSCI 0.1 and nothing else',
  },
  sveVectors: {
    text: 'the vCPU has SVE: V0-V31 cannot be reached as core registers, they are the low 128 bits of Z0-Z31',
    advice: 'read and write Z0-Z31 (KVM_REG_ARM64_SVE) instead, or run the guest without SVE (QEMU: -cpu host,sve=off)',
  },
  sveOther: { text: 'the vCPU has SVE', advice: 'compare with a vCPU without the feature sve' },
  unfinalised: {
    text: 'the vCPU has SVE, and KVM_ARM_VCPU_FINALIZE has not been called',
    advice: 'write KVM_REG_ARM64_SVE_VLS, call KVM_ARM_VCPU_FINALIZE(KVM_ARM_VCPU_SVE), then write the rest',
  },
  uninitialised: { text: 'KVM_ARM_VCPU_INIT has not been called on the vCPU', advice: 'call KVM_ARM_VCPU_INIT first', unlikely: true },
  wrongSize: { text: 'the size in the id (bits 55:52) is not that of the register', advice: 'take ids from KVM_GET_REG_LIST as they are', unlikely: true },
} as const
