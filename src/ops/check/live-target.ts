// Owns this host as a target of a check. Loaded only when it is one: nobody else needs what it knows.
import type { AbiHost } from '../../backends/kvm-abi.ts'
import { identify } from '../live/kvm-host.ts'
import { loadHostOver } from '../load/load-host.ts'
import { type LiveTarget, THIS_HOST } from './check-target.ts'
import { nearestRules } from './nearest-rules.ts'

/** `host` stays the caller's to close. */
export function liveTarget(host: AbiHost): LiveTarget {
  const { kernel, cpu } = identify(host)
  const loads = loadHostOver(host)
  const { build, from } = nearestRules(loads, { kernel, cpu, name: THIS_HOST })
  return {
    ...loads,
    name: THIS_HOST,
    kernel,
    cpu,
    words: build,
    findings: [
      {
        severity: 'info',
        code: 'answered-by-host',
        message: `the kernel of this host, ${kernel}, answered itself; its answers are explained by the rules of ${from}, the nearest known`,
      },
    ],
  }
}
