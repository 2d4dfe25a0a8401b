// Owns what `restore` and `save` need of a place where a VM is made, loaded and run, whichever it is: the built-in machine of a build or a real kernel.
// Types only: emulator-host.ts and kvm-host.ts are the two.
import type { Feature } from '../../arch/features.ts'
import type { BackendVm, VcpuExit, VmOptions } from '../../backends/backend.ts'
import type { Build } from '../../builds/build.ts'
import type { Disk } from '../../emulator/devices/device.ts'
import type { DevicePlace } from '../../emulator/machine/bus.ts'
import type { MachineStop } from '../../emulator/machine/exits.ts'
import type { FirmwareEvent } from '../../emulator/machine/firmware-watch.ts'
import type { DeviceSnapshot, Gic, MachineState, MemoryRegion, Origin } from '../../model/snapshot.ts'
import type { TargetReport } from '../reports.ts'

/** What running is counted in: instructions of all vCPUs on the built-in machine, milliseconds of this thread on a real one. */
export type RunUnit = 'instructions' | 'milliseconds'
export type PerUnit = Readonly<Record<RunUnit, number>>

export interface LiveHost {
  readonly kind: 'emulator' | 'kvm'
  /** For messages: `linux-6.12.117/cortex-a72`, `host linux-6.12.117+deb13-arm64`. */
  readonly name: string
  readonly target: TargetReport
  /** Of what is saved here. */
  readonly origin: Origin
  /** What a guest is made with where nobody says. */
  readonly usual: { readonly features: readonly Feature[]; readonly gic: Gic }
  /** Whose rules these are, where they are known. */
  readonly build?: Build
  createVm(options: LiveVmOptions): Promise<LiveVm>
  /** What a fresh vCPU gets, as far as it is known without making one. */
  defaultPsci(features: readonly Feature[]): bigint | undefined
  /** Lets go of the host, not of its VMs. */
  close(): void
}

export interface LiveVmOptions extends VmOptions {
  /** With a console; left out, every address outside memory is the VMM's. A list, for the built-in machine: with these devices. */
  readonly board?: boolean | readonly DevicePlace[]
  /** Devices as they were saved, and what a machine of the same build saved beside. */
  readonly saved?: { readonly devices?: readonly DeviceSnapshot[]; readonly machine?: MachineState }
  /** Hears of every firmware call as it happens; on the built-in machine only, a real kernel shows nobody. */
  readonly onFirmware?: (event: FirmwareEvent) => void
  /** For the built-in machine. */
  readonly surroundings?: Surroundings
}

/** What surrounds a guest of the built-in machine, and is no part of it. */
export interface Surroundings {
  /** What stands behind block devices, by device name. */
  readonly disks?: Readonly<Record<string, Disk>>
  /** Seed of the entropy that the firmware gives. */
  readonly seed?: bigint
  /** An ITS behind a GICv3. */
  readonly its?: boolean
  /** Hears every byte that a device sends, as it is sent; must not touch the machine but to pause it. */
  readonly onOutput?: (device: string, byte: number) => void
}

/** The built-in machine, run in slices by somebody who gives it input and keeps time. */
export interface SteppedMachine {
  /** Until `budget` instructions in total, or about `until` nanoseconds of machine time. */
  runSlice(budget: number, until: number): MachineStop
  /** From within a callback: the slice ends as soon as the instruction is done. */
  pause(): void
  /** Nanoseconds of machine time. */
  now(): number
  /** Bytes for a device; gives how many it took. */
  input(device: string, bytes: Uint8Array): number
}

/** Why a run ended. `over`: its share is used up. `idle`: no vCPU could ever run again by itself. */
export type LiveStop =
  | { readonly kind: 'over' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'exit'; readonly vcpu: number; readonly exit: Exclude<VcpuExit, { readonly kind: 'budget' | 'blocked' }> }

export interface LiveVm extends BackendVm {
  readonly unit: RunUnit
  /** Used so far by all runs, in `unit`s. */
  readonly spent: number
  /** Whether any vCPU of this VM has run. */
  readonly ran: boolean
  /** Runs all vCPUs in turns for about `share` `unit`s; the signal is looked at several times a second. */
  runFor(share: number, signal?: AbortSignal): Promise<LiveStop>
  /** What the guest wrote to its console since this VM was made. */
  console(): string
  devices(): readonly DeviceSnapshot[]
  /** Views of guest memory: valid until the VM runs, is written to, or is closed. */
  memory(): readonly MemoryRegion[]
  /** What only the built-in machine has. */
  readonly stepped?: SteppedMachine
  machineState(): MachineState | undefined
}
