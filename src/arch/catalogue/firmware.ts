// Owns the rows of the firmware pseudo-registers: PSCI version, mitigation levels, service bitmaps. What the services are stands in ../smccc.ts.
// Source: arch/arm64/include/uapi/asm/kvm.h; facts/kvm-arm64-rules.md §2; recordings (fwwrite, fwhidden).
import type { RegId } from '../reg-id.ts'
import type { RegisterRow } from './row.ts'

const firmware = (index: bigint, name: string, meaning: string, more: Partial<RegisterRow>): RegisterRow => ({
  id: (0x6030_0000_0014_0000n | index) as RegId,
  name,
  class: 'firmware',
  group: 'base',
  scope: 'vcpu',
  bytes: 8,
  meaning,
  aliases: [],
  listed: 'always',
  write: 'at-most-host',
  ...more,
})
const bitmap = (index: bigint, name: string, meaning: string, more: Partial<RegisterRow> = {}): RegisterRow => ({
  id: (0x6030_0000_0016_0000n | index) as RegId,
  name,
  class: 'firmware-bitmap',
  group: 'base',
  scope: 'vm',
  bytes: 8,
  meaning,
  aliases: [],
  listed: 'always',
  write: 'bitmap',
  since: '5.19',
  ...more,
})
const NEVER_STORED = 'a write is only compared with what the host has: it is accepted or refused, never stored'

export const firmwareRows = (): readonly RegisterRow[] => [
  firmware(0n, 'KVM_REG_ARM_PSCI_VERSION', 'PSCI version that the guest sees', {
    scope: 'vm', // read through any vCPU, yet it governs the whole VM
    write: 'psci-version',
    quirk: 'the only firmware register that may still be written after the guest ran; defaults to the newest version of the host kernel',
  }),
  firmware(1n, 'KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1', 'protection against branch target injection (Spectre v2), as a level', {
    aliases: ['WORKAROUND_1', 'WA1'],
    since: '5.3',
    quirk: NEVER_STORED,
  }),
  firmware(2n, 'KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2', 'protection against speculative store bypass (Spectre v4), as a level', {
    aliases: ['WORKAROUND_2', 'WA2'],
    since: '5.3',
    quirk: `${NEVER_STORED}; newer kernels judge it by the SSBS field of the VM's ID_AA64PFR1_EL1, which stands later in the list`,
  }),
  firmware(3n, 'KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3', 'protection against branch history injection (Spectre-BHB), as a level', {
    aliases: ['WORKAROUND_3', 'WA3'],
    since: '5.17',
    quirk: NEVER_STORED,
  }),
  bitmap(0n, 'KVM_REG_ARM_STD_BMAP', 'standard secure services that the guest may call: the random number generator'),
  bitmap(1n, 'KVM_REG_ARM_STD_HYP_BMAP', 'standard hypervisor services that the guest may call: stolen time'),
  bitmap(2n, 'KVM_REG_ARM_VENDOR_HYP_BMAP', "KVM's own services that the guest may call: feature discovery, precise clock"),
  bitmap(3n, 'KVM_REG_ARM_VENDOR_HYP_BMAP_2', "more of KVM's own services: discovery of implementation ids", {
    since: '6.15',
    quirk: 'listed by every kernel that knows it although its default is 0; older kernels answer ENOENT',
  }),
]
