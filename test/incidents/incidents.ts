// table of the ten incidents: what people met (facts/user-pain.md, rows 1 to 10), rebuilt as files and checked against the host where it happened.
import type { Feature } from '../../src/arch/features.ts'
import type { VmmId } from '../../src/ops/load/vmm.ts'
import * as make from './fixtures.ts'

export interface Incident {
  readonly name: string
  /** Row of the table of reports. */
  readonly row: number
  /** Where somebody met it. */
  readonly report: string
  readonly what: string
  /** Files by name; the first one is checked, unless there is a state.json: then their folder is. */
  readonly files: () => Promise<Readonly<Record<string, Uint8Array>>>
  /** Files beside it that hold the guest's memory. */
  readonly memory?: readonly string[]
  readonly to: string
  readonly vmm: VmmId
  readonly features?: readonly Feature[]
  readonly rawOrder?: boolean
  /** What the first three lines of the report must say: the cause. */
  readonly cause: readonly RegExp[]
}

const SVE: readonly Feature[] = ['psci_0_2', 'sve']

export const INCIDENTS: readonly Incident[] = [
  {
    name: '01-qemu-backward-vendor-hyp-bmap-2',
    row: 1,
    report: 'https://patchew.org/QEMU/20250911134324.3702720-1-eric.auger@redhat.com',
    what: 'back from 6.16 with PSCI pinned: "failed to load cpu:cpreg_vmstate_array_len"',
    files: async () => ({ 'guest.mig': await make.qemuStream('linux-6.16/max', 0x1_0001n) }),
    to: 'linux-6.12/max',
    vmm: 'qemu-10.0',
    cause: [/KVM_REG_ARM_VENDOR_HYP_BMAP_2/, /QEMU 10\.0/],
  },
  {
    name: '02-qemu-forward-tcr2-pir',
    row: 2,
    report: 'https://mid.mail-archive.com/qemu-devel@nongnu.org/msg1154890.html',
    what: 'forward from 6.12: the same message, for registers that later kernels hide',
    files: async () => ({ 'guest.mig': await make.qemuStream('linux-6.12', undefined) }),
    to: 'linux-6.18',
    vmm: 'qemu-10.0',
    cause: [/TCR2_EL1/, /PIR_EL1|PIRE0_EL1/],
  },
  {
    name: '03-qemu-bogus-dbgdtrtx',
    row: 3,
    report: 'https://patchew.org/QEMU/20250911134324.3702720-1-eric.auger@redhat.com (x-mig-safe-missing-regs=0x40200000200e0298)',
    what: 'a register of the 32-bit architecture in the stream',
    files: async () => ({ 'guest.mig': await make.qemuStream('linux-6.18', undefined, make.bogusRegister) }),
    to: 'linux-6.18',
    vmm: 'qemu-11.1',
    cause: [/0x40200000200e0298/, /without KVM \(TCG\)/],
  },
  {
    name: '04-firecracker-5.10-to-6.1',
    row: 4,
    report: 'https://github.com/firecracker-microvm/firecracker/pull/4632',
    what: 'restore on another host kernel, which "never worked"',
    files: async () => ({ 'snapshot.vmstate': await make.vmstate('1.7.0', 'linux-5.10/neoverse-n1') }),
    to: 'linux-6.1/neoverse-n1',
    vmm: 'firecracker',
    cause: [/ID_DFR0_EL1/, /EINVAL/, /7\d more registers are refused/],
  },
  {
    name: '05-firecracker-6.18-to-6.1',
    row: 5,
    report: 'https://github.com/firecracker-microvm/firecracker/pull/5856',
    what: 'nobody can tell which pairs of kernels work: the way back from 6.18',
    files: async () => ({ 'snapshot.vmstate': await make.vmstate('1.16.0', 'linux-6.18/neoverse-n1') }),
    to: 'linux-6.1/neoverse-n1',
    vmm: 'firecracker',
    cause: [/KVM_REG_ARM_PSCI_VERSION: PSCI 1\.3 is newer than what linux-6\.1\.\d+ takes/, /EINVAL/],
  },
  {
    name: '06-firecracker-lossy-vectors',
    row: 6,
    report: 'https://github.com/firecracker-microvm/firecracker/pull/3697',
    what: 'a file of v1.1.3 has only half of every vector register, and loads',
    files: async () => ({ 'old.vmstate': await make.vmstate('1.1.3', 'linux-6.1/neoverse-n1') }),
    to: 'linux-6.1/neoverse-n1',
    vmm: 'firecracker',
    cause: [/upper 64 bits of all 64 vector registers are not in the file/, /Firecracker before v1\.1\.4/],
  },
  {
    name: '07-sve-lengths-after-finalize',
    row: 7,
    report: 'https://github.com/firecracker-microvm/firecracker/pull/4413',
    what: 'SVE snapshots do not restore by a VMM that writes the list as it is',
    files: async () => ({ 'sve.json': make.reglist(await make.freshLists('linux-6.12/neoverse-v1', { features: SVE }), SVE) }),
    to: 'linux-6.12/neoverse-v1',
    vmm: 'kvm',
    rawOrder: true,
    cause: [/KVM_REG_ARM64_SVE_VLS/, /between\s+KVM_ARM_VCPU_INIT and/, /EPERM/],
  },
  {
    name: '08-cloud-hypervisor-simd-on-sve-host',
    row: 8,
    report: 'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/8057',
    what: 'core SIMD registers on a host where every vCPU has SVE: Invalid argument (os error 22)',
    files: () => make.cloudHypervisor('linux-6.12/neoverse-v1'),
    to: 'linux-6.12/neoverse-v1',
    vmm: 'cloud-hypervisor',
    features: SVE,
    cause: [/V0/, /SVE/, /EINVAL/],
  },
  {
    name: '09-its-tables-missing-in-diff',
    row: 9,
    report: 'https://github.com/e2b-dev/infra/issues/2057',
    what: 'a differential memory file without the tables of the ITS: Bad address (os error 14)',
    files: async () => ({ 'snapshot.vmstate': await make.vmstateWithIts('linux-6.1/neoverse-n1'), 'diff.mem': make.diffMemory() }),
    memory: ['diff.mem'],
    to: 'linux-6.1/neoverse-n1',
    vmm: 'firecracker',
    cause: [/tables of the ITS/, /hold nothing/],
  },
  {
    name: '10-cloud-hypervisor-one-redistributor',
    row: 10,
    report: 'https://github.com/cloud-hypervisor/cloud-hypervisor/pull/8638',
    what: 'the redistributor of vCPU 0 saved for every vCPU: the others lose their LPIs',
    files: () => make.cloudHypervisor('linux-6.12/neoverse-n1', { vcpus: 2, pendingTable: 0x8001_0000 }),
    to: 'linux-6.12/neoverse-n1',
    vmm: 'cloud-hypervisor',
    cause: [/GICR_PENDBASER/, /saved for every vCPU/],
  },
]
