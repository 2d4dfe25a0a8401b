// Owns what is known of a CPU that a register list was taken on, beyond the list: a built-in host whose CPU has the same MIDR_EL1. Reads built-in data only.
import type { Build } from './build.ts'
import type { Encoding } from './kernel-rules.ts'
import { findBuild, listBuilds } from './load.ts'

const MIDR: Encoding = 0xc000

/** MIDR_EL1 that a fresh vCPU reads on this host. */
export const midrOf = ({ host, kernel }: Build): bigint | undefined => host.values.get(MIDR) ?? kernel.sysregs.find(row => row.encoding === MIDR)?.reset

/**
 * A built-in build with this MIDR_EL1: of `release` where there is one, else of any kernel, because what is asked of it is the CPU's, not the
 * kernel's. Undefined when no built-in host has that CPU.
 */
export function sameCpu(midr: bigint, release: string): Build | undefined {
  const listed = listBuilds()
  const names = new Map<string, string>()
  for (const { cpu, name, release: own } of listed) if (!names.has(cpu) || own === release) names.set(cpu, name)
  for (const name of names.values()) {
    const build = findBuild(name)
    if (build && midrOf(build) === midr) return build
  }
  return undefined
}
