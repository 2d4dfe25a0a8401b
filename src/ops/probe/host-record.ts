// Owns the section `meta`: the API version, every capability on /dev/kvm and on a VM, the preferred target, and the host's words about itself
// (probe.c: sec_caps).
import type { AbiHost } from '../../backends/kvm-abi.ts'
import { CAPABILITY_NUMBERS } from '../../builds/recorded/capabilities.ts'
import type { HostFacts } from './host-facts.ts'
import type { Plain } from './probe-vm.ts'

export interface HostRecord {
  readonly uname_r: string
  readonly uname_v: string
  readonly api: number
  readonly caps: Readonly<Record<string, readonly [number, number]>>
  readonly preferred: { readonly errno: number; readonly target: number; readonly features: readonly number[] }
  readonly sysfs: Readonly<Record<string, string>>
  readonly cmdline: string
  readonly [key: string]: Plain
}

export function hostRecord(host: AbiHost, { unameRelease, unameVersion, vulnerabilities, commandLine }: HostFacts): HostRecord {
  const vm = host.createVm()
  try {
    const caps = Object.entries(CAPABILITY_NUMBERS).map(([name, number]) => [name, [host.checkExtension(number), vm.checkExtension(number)] as const] as const)
    return {
      uname_r: unameRelease,
      uname_v: unameVersion,
      api: host.apiVersion(),
      caps: Object.fromEntries(caps),
      preferred: vm.preferredTarget(),
      sysfs: vulnerabilities,
      cmdline: commandLine,
    }
  } finally {
    vm.close()
  }
}
