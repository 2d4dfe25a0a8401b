// table of what the VMMs themselves offer against a refusal or a change: options that a guest is started with, tools for their files. One row an option,
// each with the place where its VMM says so. What psci-snap can do is advice.ts.
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { hasPauth, hasPmu } from '../../../arch/guest-view.ts'
import { once } from '../../../arch/once.ts'
import { parsePsciVersion } from '../../../arch/psci.ts'
import { showRegId } from '../../../arch/reg-id.ts'
import { compileSelector } from '../../../arch/selector.ts'
import type { VmmId } from '../../load/vmm.ts'
import type { Advice } from '../check-report.ts'
import type { Case } from './case.ts'
import { olderVersionTaken } from './psci-words.ts'
import { appearingServices } from './service-words.ts'

export type VmmFamily = 'qemu' | 'firecracker' | 'cloud-hypervisor' | 'kvm'
/** As its users call it. */
export const TITLES: Readonly<Record<VmmId, string>> = {
  kvm: 'a VMM that replays blindly',
  'qemu-10.0': 'QEMU 10.0',
  'qemu-11.1': 'QEMU 11.1',
  firecracker: 'Firecracker',
  'cloud-hypervisor': 'Cloud Hypervisor',
}
export const familyOf = (vmm: VmmId): VmmFamily => (vmm.startsWith('qemu') ? 'qemu' : (vmm as VmmFamily))

interface OptionRow {
  readonly vmms: readonly VmmFamily[]
  readonly advise: (about: Case) => Advice | undefined
  readonly source: string
}

const isPmu = once(() => compileSelector({ groups: ['pmu'] }))
const isSve = once(() => compileSelector({ classes: ['sve'] }))
const isPauth = once(() => compileSelector({ groups: ['pauth'] }))

/** vCPU features that the target does not give, by what it refuses or by KVM_ARM_VCPU_INIT failing. */
function unwanted({ refusals, load, features, build, guest }: Case): readonly ('pmu' | 'sve' | 'pauth')[] {
  const gone = refusals.filter(row => row.errno === 'ENOENT')
  const init = load.decidedBy?.stage === 'vcpu'
  const lacks = (bit: number): boolean => init && (build.host.features & bit) === 0
  return [
    ...((gone.some(row => isPmu()(row.id)) && hasPmu(guest) === true) || (features.includes('pmu_v3') && lacks(1 << 3)) ? (['pmu'] as const) : []),
    ...(gone.some(row => isSve()(row.id) || row.name === 'ZCR_EL1') ||
    refusals.some(row => row.name === 'KVM_REG_ARM64_SVE_VLS' && !row.droppable) ||
    (features.includes('sve') && lacks(1 << 4))
      ? (['sve'] as const)
      : []),
    ...((gone.some(row => isPauth()(row.id)) && hasPauth(guest) === true) || (features.includes('ptrauth_address') && lacks(1 << 5))
      ? (['pauth'] as const)
      : []),
  ]
}

/** KVM_ARM_VCPU_* bits of word 0, as Firecracker's vcpu_features has them, most significant digit first; the rest stays as it is. */
const FEATURE_DIGIT = { pmu: [3], sve: [4], pauth: [5, 6] } as const
const withoutFeatures = (names: readonly ('pmu' | 'sve' | 'pauth')[]): string => {
  const off = new Set<number>(names.flatMap(name => [...FEATURE_DIGIT[name]]))
  return `0b${Array.from({ length: 7 }, (_, i) => (off.has(6 - i) ? '0' : 'x')).join('')}`
}
const bits = (value: bigint, width: number): string => `0b${value.toString(2).padStart(width, '0')}`
const CPU_TEMPLATES = 'Firecracker v1.16 docs/cpu_templates/cpu-templates.md; facts/vmm-formats.md §1.11'

const OPTIONS: readonly OptionRow[] = [
  {
    vmms: ['qemu'],
    advise: about => {
      const version = olderVersionTaken(about)
      return version === undefined
        ? undefined
        : {
            code: 'pin-psci-at-boot',
            message: `start the guest with PSCI ${version} on its source, so that it never sees a newer one (QEMU 11 and later; it works for guests that boot from now on)`,
            command: `-cpu host,kvm-psci-version=${version}`,
          }
    },
    source: 'facts/qemu-stream.md §8.7; QEMU docs/system/arm/cpu-features.rst, kvm-psci-version',
  },
  {
    vmms: ['firecracker'],
    advise: about => {
      const version = olderVersionTaken(about)
      if (version === undefined) return undefined
      return {
        code: 'pin-psci-at-boot',
        message: `boot the guest with a CPU template that writes PSCI ${version}, so that it never sees a newer one (it works for guests that boot from now on)`,
        command: `{"reg_modifiers":[{"addr":"0x6030000000140000","bitmap":"${bits(parsePsciVersion(version), 32)}"}]}`,
      }
    },
    source: `${CPU_TEMPLATES}: reg_modifiers takes any 32-, 64- or 128-bit register`,
  },
  {
    vmms: ['kvm', 'cloud-hypervisor'],
    advise: about => {
      const version = olderVersionTaken(about)
      if (version === undefined) return undefined
      const none = familyOf(about.load.vmm) === 'cloud-hypervisor' ? 'Cloud Hypervisor has no option for it: its code must write' : 'a VMM can write'
      return {
        code: 'pin-psci-at-boot',
        message: `${none} KVM_REG_ARM_PSCI_VERSION = ${version} after KVM_ARM_VCPU_INIT and before the first run; the guest then never sees a newer version`,
      }
    },
    source: 'Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst; facts/vmm-formats.md §2',
  },
  {
    vmms: ['qemu'],
    advise: about => {
      const off = unwanted(about)
      return off.length === 0
        ? undefined
        : {
            code: 'feature-off',
            message: `start the guest without ${off.join(', ')} on its source: this host does not give it the same way`,
            command: `-cpu host,${off.map(name => `${name}=off`).join(',')}`,
          }
    },
    source: 'facts/qemu-stream.md §5.1 (streams of such guests); QEMU docs/system/arm/cpu-features.rst',
  },
  {
    vmms: ['firecracker'],
    advise: about => {
      const off = unwanted(about)
      return off.length === 0
        ? undefined
        : {
            code: 'feature-off',
            message: `boot the guest with a CPU template without ${off.join(', ')}: this host does not give it the same way`,
            command: `{"vcpu_features":[{"index":0,"bitmap":"${withoutFeatures(off)}"}]}`,
          }
    },
    source: CPU_TEMPLATES,
  },
  {
    vmms: ['firecracker'],
    advise: ({ refusals, changes, build }) => {
      const ids = refusals.filter(row => row.errno === 'EINVAL' && row.there !== undefined && isIdRegister()(row.id))
      const [first] = ids
      if (!first || build.kernel.idRegisters.policy !== 'masked' || changes.length === 0) return undefined
      return {
        code: 'id-template',
        message: `boot the guests of both hosts with one CPU template that shows only what all of them have (cpu-template-helper template dump and strip find it); reg_modifiers of ID registers need a kernel where they can be written`,
        command: 'cpu-template-helper template dump; cpu-template-helper template strip',
      }
    },
    source: `${CPU_TEMPLATES}; facts/kvm-arm64-rules.md §2 (6.7)`,
  },
  {
    vmms: ['firecracker'],
    advise: ({ refusals }) => {
      const harmless = refusals.filter(row => row.droppable && row.errno === 'ENOENT')
      if (harmless.length === 0 || harmless.length !== refusals.length || harmless.length > MOST_IDS) return undefined
      return {
        code: 'remove-regs',
        message: "Firecracker's own editor takes out what can be dropped",
        command: `snapshot-editor edit-vmstate remove-regs ${harmless.map(row => showRegId(row.id)).join(' ')} --vmstate-path FILE --output-path OUT`,
      }
    },
    source: 'facts/vmm-formats.md §1.10 (aarch64 builds from v1.5 on)',
  },
  {
    vmms: ['kvm', 'firecracker', 'cloud-hypervisor', 'qemu'],
    advise: about => {
      const services = appearingServices(about)
      if (services.length === 0) return undefined
      const ids = [...new Set(services.map(({ row }) => row.register))]
      return {
        code: 'bitmaps-zero',
        message: `the VMM can keep ${services.length === 1 ? 'it' : 'them'} off: write 0 to ${ids.map(id => registerName(id)).join(', ')} on the new VM before its first run`,
      }
    },
    source: 'Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst; recordings: fwwrite before and after the first run (EBUSY)',
  },
]

const MOST_IDS = 8
const isIdRegister = once(() => compileSelector({ groups: ['id', 'aarch32-id', 'reserved-id'] }))

/** What this VMM offers, in the order of the table. */
export const vmmOptions = (about: Case): readonly Advice[] => {
  const family = familyOf(about.load.vmm)
  return OPTIONS.flatMap(row => (row.vmms.includes(family) ? (row.advise(about) ?? []) : []))
}
