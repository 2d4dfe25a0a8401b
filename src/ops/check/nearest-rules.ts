// Owns which known rules come nearest to a live host, by the registers that it lists: for words only, a verdict never depends on them.
import { type Feature, featureMask } from '../../arch/features.ts'
import { type Build, DEFAULT_CPU } from '../../builds/build.ts'
import { deriveBuild } from '../../builds/derive.ts'
import { findBuild, listBuilds } from '../../builds/load.ts'
import { SnapError } from '../../errors.ts'
import type { RegisterList } from '../../model/register-list.ts'
import { hostCandidates } from '../host-candidates.ts'
import { listOf } from '../load/list-of.ts'
import type { LoadHost } from '../load/load-host.ts'

/** What a host may offer besides PSCI 0.2, each asked for alone. */
const OPTIONAL: readonly (readonly Feature[])[] = [['pmu_v3'], ['sve'], ['ptrauth_address', 'ptrauth_generic'], ['el1_32bit'], ['has_el2']]
const BASE: readonly Feature[] = ['psci_0_2']
const FINALIZE_SVE = 4

/** A build with this host's values and the rules of the built-in kernel whose register list is the nearest. */
export function nearestRules(
  host: LoadHost,
  about: { readonly kernel: string; readonly cpu: string; readonly name: string },
): {
  readonly build: Build
  /** `linux-6.12.117`. */
  readonly from: string
} {
  const offered = OPTIONAL.filter(features => freshList(host, [...BASE, ...features]) !== undefined)
  const registers = freshList(host, BASE)
  const release = (registers && nearestRelease(registers, about.kernel)) ?? listBuilds().at(-1)!.release
  const rules = findBuild(`linux-${release}/${DEFAULT_CPU}`) ?? findBuild(listBuilds().at(-1)!.name)!
  const own = registers && derived(host, rules, registers, offered, about.name)
  const { kernel, host: values, firmware } = own ?? rules
  return {
    from: `linux-${rules.kernel.release}`,
    build: {
      name: about.name,
      kernel: { ...kernel, release: about.kernel.replace(/^linux-/, '') },
      host: { ...values, cpu: about.cpu, features: featureMask(['power_off', ...BASE, ...offered.flat()]) },
      firmware,
    },
  }
}

/** Of kernels whose lists cannot be told apart, the one that the host's own release names. */
function nearestRelease(registers: RegisterList, kernel: string): string | undefined {
  const { candidates, tied } = hostCandidates(registers)
  const series = /(\d+\.\d+)/.exec(kernel)?.[1] ?? ''
  return (candidates.slice(0, tied).find(each => each.kernel.startsWith(`${series}.`)) ?? candidates[0])?.kernel
}

/** Everything that a fresh vCPU with these features lists; undefined when the host makes none. */
function freshList(host: LoadHost, features: readonly Feature[]): RegisterList | undefined {
  const vm = host.newVm()
  try {
    const vcpu = vm.createVcpu(0)
    if (vcpu.init(featureMask(features)) !== 0 || (features.includes('sve') && vcpu.finalize(FINALIZE_SVE) !== 0)) return undefined
    return listOf(vcpu)
  } finally {
    vm.close?.()
  }
}

/** Undefined where the lists do not fit the kernel: then the words are about the kernel alone. */
function derived(host: LoadHost, kernel: Build, registers: RegisterList, offered: readonly (readonly Feature[])[], name: string): Build | undefined {
  const sve: readonly Feature[] = [...BASE, 'sve']
  const withSve = offered.some(([feature]) => feature === 'sve') ? freshList(host, sve) : undefined
  const lists = [{ features: BASE, registers }, ...(withSve ? [{ features: sve, registers: withSve }] : [])]
  try {
    return deriveBuild({ kernel, lists, name, provenance: [] })
  } catch (error) {
    if (error instanceof SnapError) return undefined
    throw error
  }
}
