// Owns a VM that runs: the emulated KVM's VM, guest memory, devices, time, and the way in and out of running. One value to save and to restore from.
// Knows no file and no report. No clock but the instruction count, no randomness but a saved seed.
import type { Build } from '../../builds/build.ts'
import type { DeviceSnapshot, MachineState, MemoryRegion } from '../../model/snapshot.ts'
import type { DeviceEnv, DeviceMemory, Disk } from '../devices/device.ts'
import { type GicAttributes, gicAttributes } from '../devices/gic/attributes.ts'
import { Vm } from '../kvm/vm.ts'
import { createBus, type DevicePlace } from './bus.ts'
import { createClock, ticks } from './clock.ts'
import { createExecution } from './execution.ts'
import type { MachineStop, VcpuExit } from './exits.ts'
import type { FirmwareEvent } from './firmware-watch.ts'
import { createGuestMemory, type GuestMemory, type RamRegion } from './guest-memory.ts'
import { createInterrupts } from './interrupts.ts'
import { decodeMachineState, encodeMachineState } from './machine-state.ts'
import { createScheduler, QUANTUM } from './scheduler.ts'

export interface MachineOptions {
  readonly ram?: readonly RamRegion[]
  readonly devices?: readonly DevicePlace[]
  /** What devices send out, byte by byte: consoles. */
  readonly output?: (device: string, byte: number) => void
  /** What stands behind block devices, by device name. */
  readonly disks?: Readonly<Record<string, Disk>>
  /** Hears of every firmware call and of every vCPU that one starts, as it happens. Changes nothing; must not touch the machine. */
  readonly onFirmware?: (event: FirmwareEvent) => void
  /** With an ITS behind a GICv3; a saved one comes back without it. */
  readonly its?: boolean
  /** Seed of the entropy that guests draw from; a saved machine brings its own. */
  readonly seed?: bigint
  /** What a machine of the same build saved: with it the future is identical. Registers, memory and mp_state are restored through the VM's verbs. */
  readonly saved?: { readonly machine?: MachineState; readonly devices?: readonly DeviceSnapshot[] }
}

export interface Machine {
  /** The userspace ABI: create vCPUs, read and write registers, and so on. */
  readonly vm: Vm
  readonly memory: GuestMemory
  /** Nanoseconds of machine time, and instructions of all vCPUs. */
  readonly time: number
  readonly instructions: number
  /**
   * Runs all initialised vCPUs in turns for at most `budget` instructions in total, and until about `until` nanoseconds of machine time (exactly, while all
   * of them wait). Throws CANNOT_EXECUTE.
   */
  run(budget: number, until?: number): MachineStop
  /** From within a callback (a watcher, a device's output): the run ends as soon as the instruction is done. */
  pause(): void
  /** KVM_RUN of one vCPU (by its index), for at most `budget` instructions. Throws CANNOT_EXECUTE. */
  runVcpu(index: number, budget: number): VcpuExit
  /** Bytes for a device (a console's input), between runs; gives how many it took: 0 where there is no such device. */
  input(device: string, bytes: Uint8Array): number
  /** Level of a shared interrupt's input (0 is INTID 32), between runs: KVM_IRQ_LINE. */
  setInterruptLine(spi: number, level: boolean): void
  /** The in-kernel GIC's device attributes; undefined without one. */
  gicAttributes(): GicAttributes | undefined
  /** kvm_run.mmio.data for the load that this vCPU's last exit asked for; 0 when nobody supplies it. */
  supplyMmio(index: number, data: bigint): void
  saveMachine(): MachineState
  saveDevices(): readonly DeviceSnapshot[]
  saveMemory(): readonly MemoryRegion[]
}

const DEFAULT_SEED = 0x7073_6369_2d73_6e61n

/** A machine of this build. Throws INPUT_CORRUPT for a saved state that is none, USAGE for RAM that does not consist of pages. */
export function createMachine(
  build: Build,
  { ram = [], devices = [], output = () => {}, disks = {}, onFirmware, its = false, seed = DEFAULT_SEED, saved = {} }: MachineOptions = {},
): Machine {
  const value = saved.machine && decodeMachineState(saved.machine)
  const clock = createClock(value)
  const entropy = { state: value?.entropy ?? seed }
  const vm = new Vm(build, { now: () => ticks(clock.time) })
  const memory = createGuestMemory(ram)
  const deviceMemory: DeviceMemory = {
    read: (address, length) => (memory.contains(address, length) ? memory.read(address, length) : undefined),
    write: (address, bytes) => {
      const inside = memory.contains(address, bytes.length)
      if (inside) memory.write(address, bytes)
      return inside
    },
  }
  const interrupts = createInterrupts(vm, { memory: deviceMemory, its, saved: saved.devices ?? [] })
  const env = (name: string): DeviceEnv => {
    const disk = disks[name]
    const spi = devices.find(place => place.name === name)?.interrupt
    const interrupt = (level: boolean): void => {
      if (spi !== undefined) interrupts.setLine(spi, level)
    }
    return { now: () => ticks(clock.time), interrupt, output: byte => output(name, byte), memory: deviceMemory, ...(disk ? { disk } : {}) }
  }
  const bus = createBus(devices, env, saved.devices)
  const held = value?.vcpus ?? []
  let paused = false
  const isPaused = (): boolean => paused
  const execution = createExecution({ vm, memory, bus, interrupts, clock, entropy, saved: held, onFirmware, isPaused })
  // vCPUs are created in index order by every VMM, and saved states are in that order too.
  const scheduler = createScheduler(vm, execution, clock, { turn: value?.turn ?? { position: 0, left: QUANTUM }, waits: held.map(each => each.wait) }, isPaused)
  const positionOf = (index: number): number => {
    const position = vm.vcpus.findIndex(vcpu => vcpu.index === index)
    if (position < 0) throw new RangeError(`the machine has no vCPU ${index}`)
    return position
  }
  return {
    vm,
    memory,
    get time() {
      return clock.time
    },
    get instructions() {
      return clock.instructions
    },
    run(budget, until) {
      paused = false
      return scheduler.run(budget, until)
    },
    pause() {
      paused = true
    },
    runVcpu(index, budget) {
      paused = false
      return scheduler.runVcpu(positionOf(index), budget)
    },
    input: (name, bytes) => bus.input(name, bytes),
    setInterruptLine: (spi, level) => interrupts.setLine(spi, level),
    gicAttributes() {
      execution.settleLines()
      const gic = interrupts.gic()
      return gic && gicAttributes(gic)
    },
    supplyMmio: (index, data) => execution.supply(positionOf(index), data),
    saveMachine: () =>
      encodeMachineState({
        time: clock.time,
        instructions: clock.instructions,
        entropy: entropy.state,
        turn: scheduler.turn(),
        vcpus: execution.save().map((each, position) => ({ ...each, wait: scheduler.wait(position) })),
      }),
    saveDevices() {
      execution.settleLines()
      return [...bus.save(), ...interrupts.save()]
    },
    saveMemory: () => memory.save(),
  }
}
