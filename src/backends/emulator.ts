// Owns the back end of the built-in machine: KVM's asynchronous verbs over the synchronous emulated VM, and what only a machine of ours can do
// (run all vCPUs, show its console, give its own state). Knows no report and no file.
import type { Feature } from '../arch/features.ts'
import { featureMask } from '../arch/features.ts'
import type { RegId } from '../arch/reg-id.ts'
import type { Build } from '../builds/build.ts'
import { BOARD_DEVICES, type BoardConsole, collectOutput } from '../emulator/board/devices.ts'
import type { Disk } from '../emulator/devices/device.ts'
import { KVM_CAP, MP_STATE, type VcpuAbi } from '../emulator/kvm/abi.ts'
import type { DevicePlace } from '../emulator/machine/bus.ts'
import type { MachineStop } from '../emulator/machine/exits.ts'
import type { FirmwareEvent } from '../emulator/machine/firmware-watch.ts'
import { createMachine, type Machine } from '../emulator/machine/machine.ts'
import { SnapError } from '../errors.ts'
import type { DeviceSnapshot, MachineState, MemoryRegion, MpState, VcpuEvents } from '../model/snapshot.ts'
import type { Backend, BackendVcpu, BackendVm, VmOptions } from './backend.ts'

export interface EmulatorVmOptions extends VmOptions {
  /** With a console; left out, every address outside memory is the VMM's, as in a bare KVM VM. A list: with these devices instead. */
  readonly board?: boolean | readonly DevicePlace[]
  /** What stands behind block devices, by device name. */
  readonly disks?: Readonly<Record<string, Disk>>
  /** Seed of the entropy that the firmware gives guests. */
  readonly seed?: bigint
  /** With an ITS behind a GICv3. */
  readonly its?: boolean
  /** Hears every byte that a device sends, as it is sent. */
  readonly onOutput?: (device: string, byte: number) => void
  /** What a machine of the same build saved beside registers and memory: with it the future is identical to the bit. */
  readonly saved?: { readonly machine?: MachineState; readonly devices?: readonly DeviceSnapshot[] }
  /** Hears of every firmware call as it happens; changes nothing. */
  readonly onFirmware?: (event: FirmwareEvent) => void
}

export interface EmulatorBackend extends Backend {
  readonly kind: 'emulator'
  readonly build: Build
  createVm(options: EmulatorVmOptions): Promise<EmulatorVm>
}

export interface EmulatorVm extends BackendVm {
  /** Runs all vCPUs in turns for at most `budget` instructions in total, in slices between which the signal is looked at. */
  runAll(budget: number, signal?: AbortSignal): Promise<MachineStop>
  /** One slice: until `budget` instructions in total, or about `until` nanoseconds of machine time. */
  runSlice(budget: number, until: number): MachineStop
  /** From within a callback: the slice ends as soon as the instruction is done. */
  pause(): void
  /** Nanoseconds of machine time, saved machine state included. */
  now(): number
  /** Bytes for a device, between runs; gives how many it took. */
  input(device: string, bytes: Uint8Array): number
  /** Instructions executed by all vCPUs since the machine was created (saved machine state included). */
  readonly instructions: number
  /** Whether any vCPU of this VM has run. */
  readonly ran: boolean
  /** What the guest wrote to its console since this VM was created. */
  console(): string
  machineState(): MachineState
  devices(): readonly DeviceSnapshot[]
  /** Views of guest memory, valid until the machine runs or memory is written. */
  memory(): readonly MemoryRegion[]
}

/** Instructions between two looks at the signal: about a tenth of a second. */
const SLICE = 20_000_000

const STATE_NAMES: ReadonlyMap<number, MpState> = new Map([
  [MP_STATE.runnable, 'runnable'],
  [MP_STATE.stopped, 'stopped'],
  [MP_STATE.suspended, 'suspended'],
])

/** A back end that behaves like `build`. */
export function emulatorBackend(build: Build): EmulatorBackend {
  return { kind: 'emulator', description: build.name, build, createVm: async options => createEmulatorVm(build, options) }
}

async function createEmulatorVm(build: Build, options: EmulatorVmOptions): Promise<EmulatorVm> {
  const output: BoardConsole = { text: '' }
  const collect = collectOutput(output)
  const { onOutput } = options
  const heard = (device: string, byte: number): void => {
    collect(device, byte)
    onOutput?.(device, byte)
  }
  const ram = (options.memory ?? []).map(({ start, size }) => ({ start, size }))
  const machine = createMachine(build, {
    ram,
    ...(options.board ? { devices: options.board === true ? BOARD_DEVICES : options.board, output: heard } : {}),
    ...(options.disks ? { disks: options.disks } : {}),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.its ? { its: true } : {}),
    ...(options.saved ? { saved: options.saved } : {}),
    ...(options.onFirmware ? { onFirmware: options.onFirmware } : {}),
  })
  for (const [wanted, capability] of [
    [options.systemSuspend, KVM_CAP.systemSuspend],
    [options.writableImpIdRegs, KVM_CAP.writableImpIdRegs],
  ] as const) {
    const errno = wanted ? machine.vm.enableCapability(capability) : 0
    if (errno !== 0) throw new SnapError('BUILD_UNUSABLE', `${build.name} does not offer KVM capability ${capability}, which the VM was saved with`)
  }
  return emulatorVm(machine, options, output)
}

function emulatorVm(machine: Machine, options: EmulatorVmOptions, output: BoardConsole): EmulatorVm {
  const { vm } = machine
  return {
    createVcpu: async index => emulatorVcpu(machine, vm.createVcpu(index)),
    finishSetup: async () => {
      const errno = options.gic === 'none' ? 0 : vm.createGic(options.gic)
      if (errno !== 0) throw new SnapError('BUILD_UNUSABLE', `${vm.build.name} offers no GIC${options.gic}`)
    },
    setSmcccFilter: async range => vm.setSmcccFilter(range),
    setCounterOffset: async offset => vm.setCounterOffset(offset),
    checkExtension: async capability => vm.checkExtension(capability),
    writeMemory: async (address, bytes) => machine.memory.write(address, bytes),
    readMemory: async (address, length) => machine.memory.read(address, length),
    close: async () => {},
    async runAll(budget, signal) {
      for (let left = budget; ; ) {
        // Lets timers and signal handlers run, however short the slices are that the caller asks for.
        if (signal) await new Promise(resolve => setImmediate(resolve))
        signal?.throwIfAborted()
        const before = machine.instructions
        const stop = machine.run(Math.min(left, SLICE))
        left -= machine.instructions - before
        if (stop.kind !== 'budget' || left <= 0) return stop
      }
    },
    runSlice: (budget, until) => machine.run(budget, until),
    pause: () => machine.pause(),
    now: () => machine.time,
    input: (device, bytes) => machine.input(device, bytes),
    get instructions() {
      return machine.instructions
    },
    get ran() {
      return vm.hasRun
    },
    console: () => output.text,
    machineState: () => machine.saveMachine(),
    devices: () => machine.saveDevices(),
    memory: () => machine.saveMemory(),
  }
}

function emulatorVcpu(machine: Machine, vcpu: VcpuAbi): BackendVcpu {
  return {
    index: vcpu.index,
    init: async (features: readonly Feature[]) => vcpu.init(featureMask(features)),
    finalizeSve: async () => vcpu.finalize(FINALIZE_SVE),
    regList: async () => {
      const { errno, ids } = vcpu.regList()
      return { errno, ids: Array.from(ids) as RegId[] }
    },
    getRegs: async ids => vcpu.getRegs(ids),
    setRegs: async (ids, bytes) => vcpu.setRegs(ids, bytes),
    getMpState: async () => STATE_NAMES.get(vcpu.getMpState()) ?? 'runnable',
    setMpState: async state => vcpu.setMpState(MP_STATE[state]),
    getEvents: async (): Promise<VcpuEvents> => vcpu.getEvents(),
    setEvents: async events => vcpu.setEvents(events),
    run: async ({ budget = SLICE, signal }) => {
      signal?.throwIfAborted()
      return machine.runVcpu(vcpu.index, budget)
    },
  }
}

/** KVM_ARM_VCPU_SVE as KVM_ARM_VCPU_FINALIZE takes it (arch/arm64/include/uapi/asm/kvm.h). */
const FINALIZE_SVE = 4
