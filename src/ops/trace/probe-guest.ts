// Owns the built-in guest as something that can be run and traced: it asks the firmware everything once on every vCPU, and then makes the call that ends it.

import { PC_ID } from '../../arch/reg-id.ts'
import { GUEST_LAYOUT } from '../../emulator/board/guest/layout.ts'
import type { GuestParams } from '../../emulator/board/guest/params.ts'
import { probeGuest } from '../../emulator/board/guest/probe.ts'
import { RAM_BASE } from '../../emulator/board/memory-map.ts'
import { SnapError } from '../../errors.ts'
import type { LiveHost, LiveVmOptions } from '../live/live-host.ts'
import { createVcpus, pinPsci } from '../new-guest.ts'
import { setU64 } from '../one-register.ts'
import type { Guest, GuestOptions } from '../run/boot-guest.ts'
import type { RunPoint } from '../run/run-point.ts'

type ProbeOptions = Pick<GuestOptions, 'cpus' | 'psci' | 'features' | 'gic' | 'memory'>
type ProbeHooks = Pick<LiveVmOptions, 'onFirmware' | 'systemSuspend'>

const MIB = 1 << 20
const DEFAULT_CPUS = 2
const DEFAULT_MEMORY = 16 * MIB

/** The call that ends it, for every point that is one; a guest that is to run to another point asks for ever. */
const ENDS: Readonly<Record<string, { readonly action: NonNullable<GuestParams['action']>; readonly call: string }>> = {
  off: { action: 'off', call: 'SYSTEM_OFF' },
  hibernated: { action: 'hibernate', call: 'SYSTEM_OFF2' },
  reset: { action: 'reset', call: 'SYSTEM_RESET' },
  suspended: { action: 'suspend', call: 'SYSTEM_SUSPEND' },
}
const RESET2 = { action: 'reset2', call: 'SYSTEM_RESET2' } as const

/** What the guest is to do to get to the point, and the call with which it is there, whatever its firmware answers. */
export function probePlan(until: RunPoint): { readonly action: NonNullable<GuestParams['action']>; readonly until: RunPoint } {
  const end =
    until.kind === 'end'
      ? ENDS.off
      : until.kind === 'stop'
        ? ENDS[until.stop]
        : until.kind === 'psci'
          ? [...Object.values(ENDS), RESET2].find(({ call }) => call === until.name)
          : undefined
  return end ? { action: end.action, until: { kind: 'psci', name: end.call } } : { action: 'none', until }
}

/** Throws USAGE for what this guest cannot have, BUILD_UNUSABLE for what the host refuses. */
export async function bootProbe(host: LiveHost, options: ProbeOptions, action: NonNullable<GuestParams['action']>, hooks: ProbeHooks): Promise<Guest> {
  const { cpus = DEFAULT_CPUS, memory = DEFAULT_MEMORY, features = host.usual.features, gic = host.usual.gic } = options
  if (cpus < 1 || cpus > GUEST_LAYOUT.maxVcpus) throw new SnapError('USAGE', `the built-in guest has 1 to ${GUEST_LAYOUT.maxVcpus} vCPUs, not ${cpus}`)
  if (memory < GUEST_LAYOUT.ramBytes) throw new SnapError('USAGE', `the built-in guest needs ${GUEST_LAYOUT.ramBytes / MIB} MiB of memory or more`)
  const vm = await host.createVm({ ...hooks, gic, board: true, memory: [{ start: RAM_BASE, size: memory }] })
  const vcpus = await createVcpus(vm, cpus, features, host)
  if (options.psci !== undefined) await pinPsci(vcpus[0]!, options.psci, host)
  const { entry, parts } = await probeGuest({ vcpus: cpus, action })
  for (const { address, bytes } of parts) await vm.writeMemory(address, bytes)
  await setU64(vcpus[0]!, PC_ID, entry)
  return { vm, vcpus, features, gic, console: 'uart0', diskReferences: () => [], close: () => vm.close() }
}
