// Owns what a probe reads of the host beside /dev/kvm: the kernel's own words about itself and its mitigations. Files only, nothing is changed.
import { readdirSync, readFileSync } from 'node:fs'
import { release, version } from 'node:os'
import { join } from 'node:path'

/** As recordings have it; what cannot be read is empty. */
export interface HostFacts {
  /** `uname -r` and `uname -v`. */
  readonly unameRelease: string
  readonly unameVersion: string
  readonly commandLine: string
  /** /sys/devices/system/cpu/vulnerabilities, by name. */
  readonly vulnerabilities: Readonly<Record<string, string>>
  /** Ubuntu's /proc/version_signature: the upstream release is its last word. */
  readonly signature: string
}

const VULNERABILITIES = '/sys/devices/system/cpu/vulnerabilities'

export function readHostFacts(): HostFacts {
  const names = attempt(() => readdirSync(VULNERABILITIES).sort()) ?? []
  return {
    unameRelease: release(),
    unameVersion: version(),
    commandLine: text('/proc/cmdline'),
    vulnerabilities: Object.fromEntries(names.map(name => [name, text(join(VULNERABILITIES, name))])),
    signature: text('/proc/version_signature'),
  }
}

const text = (path: string): string => attempt(() => readFileSync(path, 'utf8').trim()) ?? ''

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/**
 * The upstream release that a kernel is, `6.1.192`: distributions name their packages otherwise and say it elsewhere. Debian in `uname -v`, Ubuntu in
 * its signature; others in `uname -r`.
 */
export function upstreamRelease({ unameRelease, unameVersion, signature }: HostFacts): string {
  const [debian, ubuntu, plain] = [/Debian (\d+\.\d+\.\d+)/.exec(unameVersion), /(\d+\.\d+\.\d+)$/.exec(signature), /^\d+\.\d+(\.\d+)?/.exec(unameRelease)]
  return debian?.[1] ?? ubuntu?.[1] ?? plain?.[0] ?? unameRelease
}
