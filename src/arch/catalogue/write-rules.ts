// table of what KVM does with a write from userspace, in words: one sentence a rule. Which kernel does what exactly is a build's business.
import type { WriteRule } from './row.ts'

export const WRITE_RULES: Readonly<Record<WriteRule, string>> = {
  plain: 'stored as it is',
  checked: 'refused (EINVAL) when the vCPU cannot be in that state',
  'id-register':
    'before the first run, a newer kernel takes values that promise no more than it can give (EINVAL otherwise, EBUSY afterwards); an older one only its own value',
  'same-value': 'only the value that it has (EINVAL otherwise)',
  'zero-only': 'only 0 (EINVAL otherwise)',
  'implementation-id': 'only the value that it has, unless the VM enabled KVM_CAP_ARM_WRITABLE_IMP_ID_REGS',
  'os-lock-bit': 'only the OSLK bit may differ',
  ignored: 'accepted and forgotten',
  'counter-number': 'stored; the field N may set the number of counters before the first run, too large a number is ignored',
  slots: '0, or the value that it has; EBUSY after the first run',
  counter: 'moves the counter, for all vCPUs; ignored after KVM_ARM_SET_COUNTER_OFFSET',
  'timer-control': 'stored without ISTATUS',
  'psci-version': 'a version that the kernel knows, at any time',
  'at-most-host': "compared with the host's level and never stored: equal or lower is accepted",
  bitmap: 'known bits only (EINVAL otherwise); after the first run only the value that it has (EBUSY otherwise)',
  'before-finalize': "the host's own set up to a largest length, before KVM_ARM_VCPU_FINALIZE (EPERM afterwards)",
  'cache-geometry': "older kernels: only the host's value; newer ones: any plausible value",
}
