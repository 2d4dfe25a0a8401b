// Owns the listing of built-in builds: what there is, under which names, with which PSCI. Reads the index only; no build is loaded.
import { showPsciVersion } from '../arch/psci.ts'
import { listBuilds } from '../builds/load.ts'

export interface BuildsListReport {
  readonly builds: readonly BuildRow[]
}

export interface BuildRow {
  /** Exact name, as reports print it. */
  readonly name: string
  /** Shorter names of the same. */
  readonly aliases: readonly string[]
  /** Exact kernel release. */
  readonly kernel: string
  readonly cpu: string
  /** What a new guest gets, and every version that a write of KVM_REG_ARM_PSCI_VERSION may name. */
  readonly psci: { readonly default: string; readonly accepted: readonly string[] }
  /** Length of the register list of a vCPU with PSCI 0.2 and nothing else. */
  readonly registers: number
}

/** The built-in builds, kernels oldest first, the default CPU first. */
export function buildsList(): BuildsListReport {
  return {
    builds: listBuilds().map(({ name, aliases, release, cpu, psci, registers }) => ({
      name,
      aliases,
      kernel: release,
      cpu,
      psci: { default: showPsciVersion(BigInt(psci.initial)), accepted: psci.accepted.map(version => showPsciVersion(BigInt(version))) },
      registers,
    })),
  }
}
