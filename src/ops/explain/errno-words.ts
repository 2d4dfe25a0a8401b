// table of what KVM/arm64 means by an errno when registers are listed, read and written. Sources: Linux Documentation/virt/kvm/api.rst (4.68, 4.69),
// arch/arm64/kvm/guest.c; recordings (errs, fwwrite).
import type { ErrnoName } from '../../arch/errno.ts'

export interface ErrnoWords {
  readonly errno: ErrnoName
  /** What strerror() says, lower case. */
  readonly text: string
  readonly rule: string
  readonly advice: string
}

export const ERRNO_WORDS: readonly ErrnoWords[] = [
  {
    errno: 'EINVAL',
    text: 'invalid argument',
    rule: 'KVM_SET_ONE_REG: the register is there, and this host does not take the value (or, for core registers, the id is no whole field or the vCPU has SVE). KVM_ARM_VCPU_INIT: features that do not go together, or that another vCPU of the VM does not have.',
    advice: 'name the register: `explain EINVAL REG --on BUILD` says which values this host takes',
  },
  {
    errno: 'ENOENT',
    text: 'no such file or directory',
    rule: 'KVM_GET_ONE_REG and KVM_SET_ONE_REG: this kernel does not have the register, the vCPU lacks its feature, the CPU lacks it, or the size in the id is wrong. KVM_ARM_VCPU_INIT: a feature bit that the kernel does not know.',
    advice: 'name the register: `explain ENOENT REG` says which kernels list it, and whether it may be left out',
  },
  {
    errno: 'EBUSY',
    text: 'device or resource busy',
    rule: 'KVM_SET_ONE_REG: a vCPU of the VM has run, and what is written would change what the guest was told (ID registers, service bitmaps). Writing the value that is there succeeds.',
    advice: 'write all registers of all vCPUs before the first KVM_RUN',
  },
  {
    errno: 'EPERM',
    text: 'operation not permitted',
    rule: 'an SVE vCPU at the wrong moment: vector lengths (KVM_REG_ARM64_SVE_VLS) after KVM_ARM_VCPU_FINALIZE, SVE vectors, KVM_GET_REG_LIST and KVM_RUN before it.',
    advice: 'KVM_ARM_VCPU_INIT, write KVM_REG_ARM64_SVE_VLS, KVM_ARM_VCPU_FINALIZE, then everything else',
  },
  { errno: 'ENOEXEC', text: 'exec format error', rule: 'the vCPU was not initialised: KVM_ARM_VCPU_INIT must come first.', advice: 'call KVM_ARM_VCPU_INIT' },
  {
    errno: 'E2BIG',
    text: 'argument list too long',
    rule: 'KVM_GET_REG_LIST: the array has room for fewer ids than there are; the number is written back to n.',
    advice: 'ask again with room for n ids; a fixed limit of 500 is too small for a vCPU with SVE and EL2',
  },
  {
    errno: 'EFAULT',
    text: 'bad address',
    rule: 'the address in struct kvm_one_reg cannot be read or written; from the GIC: an ITS table lies outside guest memory.',
    advice: 'restore guest memory before the GIC',
  },
  {
    errno: 'EEXIST',
    text: 'file exists',
    rule: 'not from registers: a device, a vCPU or an SMCCC filter range that is there already.',
    advice: 'create it once',
  },
  {
    errno: 'EINTR',
    text: 'interrupted system call',
    rule: 'not from registers: KVM_RUN was ended by a signal; a vCPU that is off blocks until then.',
    advice: 'nothing: call KVM_RUN again',
  },
  {
    errno: 'ENXIO',
    text: 'no such device or address',
    rule: 'not from registers: a device attribute that this kernel does not have (GIC, PMU, timer, stolen time).',
    advice: 'ask with KVM_HAS_DEVICE_ATTR first',
  },
]
