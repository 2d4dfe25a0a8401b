// Owns what VMMs are told to give a guest a baseline: QEMU's CPU properties, Firecracker's custom CPU template, and for any other VMM the registers.
// Sources: QEMU target/arm/kvm.c and cpu64.c (kvm-psci-version from release 11 on); Firecracker docs/cpu_templates/cpu-templates.md, src/vmm/src/cpu_config/aarch64.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { FEATURES, type Feature, featureBit } from '../../arch/features.ts'
import { regBytes, showRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import type { Baseline, BaselineRegister } from './baseline.ts'
import { leftOut } from './find-baseline.ts'

/** Firecracker gives every vCPU PSCI 0.2 and refuses KVM_ARM_VCPU_PMU_V3 (src/vmm/src/arch/aarch64/vcpu.rs). */
const canFirecracker = (features: readonly Feature[]): boolean => features.includes('psci_0_2') && !features.includes('pmu_v3')

export interface QemuOptions {
  /** First release that has `kvm-psci-version`, when it is needed. */
  readonly since?: string
  readonly cpu: string
  /** Registers that would have to be written and that QEMU has no option for. */
  readonly cannotSet: readonly string[]
}

/** A custom CPU template as Firecracker's API takes it. */
export interface FirecrackerTemplate {
  readonly kvm_capabilities: readonly string[]
  readonly vcpu_features: readonly { readonly index: number; readonly bitmap: string }[]
  readonly reg_modifiers: readonly { readonly addr: string; readonly bitmap: string }[]
}

export interface VmmOptions {
  readonly qemu: QemuOptions
  /** One for all hosts, or one for each set of hosts that list the same of the registers; none for a guest that Firecracker cannot make. */
  readonly firecracker: readonly { readonly hosts: readonly string[]; readonly template: FirecrackerTemplate }[]
}

/** CPU properties of QEMU that take a feature away which `-cpu host` would give (measured with 10.0 and 11.1). */
const QEMU_SWITCHES: readonly (readonly [string, readonly Feature[]])[] = [
  ['pmu', ['pmu_v3']],
  ['sve', ['sve']],
  ['pauth', ['ptrauth_address', 'ptrauth_generic']],
]
/** KVM capabilities that Firecracker checks when a template asks for these features: KVM_CAP_ARM_SVE and the two of pointer authentication. */
const CAPABILITIES: Readonly<Partial<Record<Feature, string>>> = { sve: '170', ptrauth_address: '171', ptrauth_generic: '172' }

const toWrite = ({ registers }: Baseline): readonly BaselineRegister[] => registers.filter(({ writeOn }) => writeOn.length > 0)

export function vmmOptions(baseline: Baseline, builds: readonly Build[]): VmmOptions {
  return { qemu: qemuOptions(baseline, builds), firecracker: firecrackerTemplates(baseline) }
}

function qemuOptions(baseline: Baseline, builds: readonly Build[]): QemuOptions {
  const writes = toWrite(baseline)
  const switches = QEMU_SWITCHES.filter(([, features]) => leftOut(builds, baseline.features, features).length > 0).map(([name]) => `${name}=off`)
  const pins = writes.some(({ id }) => id === PSCI_VERSION_ID)
  return {
    ...(pins ? { since: '11.0' } : {}),
    cpu: ['host', ...(pins ? [`kvm-psci-version=${baseline.psci}`] : []), ...switches].join(','),
    cannotSet: writes.filter(({ id }) => id !== PSCI_VERSION_ID).map(({ id }) => registerName(id)),
  }
}

function firecrackerTemplates(baseline: Baseline): VmmOptions['firecracker'] {
  if (!canFirecracker(baseline.features)) return []
  const writes = toWrite(baseline).filter(({ id }) => registerRow(id)?.class !== 'sve')
  const groups = new Map<string, { readonly hosts: string[]; readonly registers: readonly BaselineRegister[] }>()
  for (const host of baseline.hosts) {
    const registers = writes.filter(({ listedOn }) => listedOn === undefined || listedOn.includes(host))
    const key = registers.map(({ id }) => id).join()
    const group = groups.get(key) ?? { hosts: [], registers }
    group.hosts.push(host)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ hosts, registers }) => ({ hosts, template: template(baseline.features, registers) }))
}

function template(features: readonly Feature[], registers: readonly BaselineRegister[]): FirecrackerTemplate {
  const asked: readonly Feature[] = features.filter(feature => feature !== 'psci_0_2' && feature !== 'power_off')
  const highest = Math.max(...asked.map(featureBit))
  const bits = asked.length === 0 ? '' : Array.from({ length: highest + 1 }, (_, n) => (asked.includes(FEATURES[highest - n]!) ? '1' : 'x')).join('')
  return {
    kvm_capabilities: asked.flatMap(feature => CAPABILITIES[feature] ?? []),
    vcpu_features: bits === '' ? [] : [{ index: 0, bitmap: `0b${bits}` }],
    reg_modifiers: registers.map(({ id, value, mask = ~0n }) => ({
      addr: showRegId(id),
      bitmap: `0b${Array.from({ length: regBytes(id) * 8 }, (_, n) => BigInt(regBytes(id) * 8 - 1 - n))
        .map(bit => ((mask >> bit) & 1n ? String((value >> bit) & 1n) : 'x'))
        .join('')}`,
    })),
  }
}
