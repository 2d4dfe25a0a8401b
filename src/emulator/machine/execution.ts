// Owns running one vCPU on the engine: what the engine stops for is done here (firmware, devices, aborts that KVM injects) or handed out.
// Creates the engine at the first run; until then nothing of WebAssembly exists. Knows no scheduling.
import { ERRNO } from '../../arch/errno.ts'
import { SnapError } from '../../errors.ts'
import { INSTRUCTIONS_PER_TICK } from '../board/memory-map.ts'
import { createEngine } from '../cpu/create-engine.ts'
import type { Engine, StopReason } from '../cpu/engine.ts'
import { PSTATE } from '../cpu/pstate.ts'
import { firmwareCall } from '../firmware/dispatch.ts'
import type { Vcpu } from '../kvm/vcpu.ts'
import type { Vm } from '../kvm/vm.ts'
import { VCPU_STATE } from '../state-layout.ts'
import type { Bus } from './bus.ts'
import type { Clock } from './clock.ts'
import { type Entropy, firmwarePort } from './firmware-port.ts'
import { type FirmwareEvent, watchFirmware } from './firmware-watch.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { Interrupts } from './interrupts.ts'
import { ENGINE_BYTES, type VcpuMachineState } from './machine-state.ts'
import { accessOutside } from './outside-memory.ts'
import type { Ending, Piece } from './piece.ts'
import { createPmu, levelOf } from './pmu.ts'
import { identification, type RegisterSources, readRegister, storedRegisters, writeRegister } from './system-registers.ts'
import { createTimers } from './timers.ts'
import { createVcpuLines, type VcpuLines } from './vcpu-lines.ts'

export interface Execution {
  /** Runs the vCPU at `position` for at most `budget` instructions. Throws CANNOT_EXECUTE for what this machine does not do. */
  run(position: number, budget: number): Piece
  /** Finishes the load or store that the vCPU's last exit was for: its register, and the PC, wherever userspace has put that since. */
  completeAccess(position: number): void
  /** The data that completes the load which the vCPU's last exit asked for. */
  supply(position: number, data: bigint): void
  /** Nanoseconds until something ends the vCPU's WFI: 0 for now, undefined for never. */
  wakesIn(position: number): number | undefined
  /** Gives the lines of timers to the interrupt controller as they are now: before it is saved. */
  settleLines(): void
  save(): readonly Omit<VcpuMachineState, 'wait'>[]
}

export interface ExecutionParts {
  readonly vm: Vm
  readonly memory: GuestMemory
  readonly bus: Bus
  readonly interrupts: Interrupts
  readonly clock: Clock
  readonly entropy: Entropy
  readonly saved: readonly VcpuMachineState[]
  readonly onFirmware: ((event: FirmwareEvent) => void) | undefined
  /** Asked whenever the engine has stopped: true ends the piece there. */
  readonly isPaused: () => boolean
}

/** Bits of a virtual SError's syndrome that userspace gives. */
const SERROR_ISS = 0x1ff_ffffn
const TICK_SHIFT = Math.log2(INSTRUCTIONS_PER_TICK)
/** Synchronous external abort: what KVM injects for a fetch or access where nothing is. */
const EXTERNAL_ABORT = 0x10
const EL1_32BIT = 1 << 1
const HAS_EL2 = 1 << 7
const PMU_V3 = 1 << 3

interface VcpuRun extends RegisterSources {
  readonly lines: VcpuLines
  /** An access that KVM_RUN returned with; completed first thing when it is called again. */
  mmio: { readonly word: number } | undefined
  data: bigint
}

export function createExecution({ vm, memory, bus, interrupts, clock, entropy, saved, onFirmware, isPaused }: ExecutionParts): Execution {
  const firmware = firmwarePort(vm, vm.build.firmware, clock, entropy)
  const watch = onFirmware && watchFirmware({ vm, firmware, clock }, onFirmware)
  let engine: Engine | undefined
  let runs: VcpuRun[] = []
  let refused: string | undefined
  /** Machine time when the running piece began, and when a line of its vCPU changes by itself. */
  let started = 0
  let ends = Number.POSITIVE_INFINITY
  /** Instructions of the piece that the PMU has been told of, and the exception level since then. */
  let counted = 0
  let level = 0
  const refuse = (what: string): void => {
    refused ??= what
  }
  const savedOf = (vcpu: Vcpu): VcpuMachineState | undefined => saved.find(each => each.index === vcpu.index)

  /** The engine for all vCPUs that there are now; made again when one was added. */
  function engineNow(): Engine {
    if (engine && runs.length === vm.vcpus.length) return engine
    const first = vm.vcpus.find(vcpu => vcpu.initialised)
    if (!first) throw new Error('an engine without an initialised vCPU')
    const next = createEngine({
      ram: memory.regions,
      vcpus: vm.vcpus.length,
      idRegisters: identification(vm),
      sysregs: storedRegisters(first),
      countersInside: true,
      hooks: {
        readSysreg(position, encoding, executed) {
          const run = runs[position]!
          clock.time = started + executed
          countUpTo(run, executed)
          const value = readRegister(run, interrupts.gic(), position, encoding, clock.time)
          // Reading may acknowledge an interrupt.
          run.lines.signal(next)
          return value
        },
        writeSysreg(position, encoding, value, executed) {
          const run = runs[position]!
          clock.time = started + executed
          countUpTo(run, executed)
          const exists = writeRegister(run, interrupts.gic(), position, encoding, value, clock.time)
          run.lines.raise()
          run.lines.signal(next)
          // The run was to end when a line changes by itself; now that is earlier, or later.
          if (run.lines.nextChange() !== ends) next.endRun()
          return exists
        },
        levelChanged(position, executed) {
          countUpTo(runs[position]!, executed)
        },
      },
    })
    memory.moveTo(next)
    runs = vm.vcpus.map((vcpu, position) => {
      vcpu.moveTo(next.state(position))
      const known = runs[position]
      if (known) return known
      const held = savedOf(vcpu)
      if (held) next.state(position).set(held.engine, VCPU_STATE.engine)
      const timers = createTimers(vcpu, held?.physicalTimer)
      const pmu = vcpu.features & PMU_V3 ? createPmu(vcpu) : undefined
      const lines = createVcpuLines({ vcpu, position, timers, pmu, interrupts, bus, clock })
      return { vcpu, timers, pmu, lines, pendingInterrupts: lines.status, refuse, mmio: held?.mmio, data: 0n }
    })
    engine = next
    return next
  }

  function run(position: number, budget: number): Piece {
    const cpu = engineNow()
    const state = runs[position]!
    const { vcpu } = state
    watch?.entered(position)
    if (vcpu.features & HAS_EL2) throw cannot('EL2 (the vCPU feature has_el2)', vcpu.index)
    if (vcpu.features & EL1_32BIT) throw cannot('AArch32 (the vCPU feature el1_32bit)', vcpu.index)
    const { serrorPending, serrorEsr } = vcpu.getEvents()
    if (!serrorPending) return turn(cpu, position, state, budget)
    cpu.setInterruptLines(position, { irq: false, fiq: false, serror: Number(serrorEsr & SERROR_ISS) })
    const piece = turn(cpu, position, state, budget)
    // The engine drops the line when the guest takes it.
    if (!state.lines.serrorPending()) vcpu.clearEvents()
    return piece
  }

  function turn(cpu: Engine, position: number, state: VcpuRun, budget: number): Piece {
    let executed = 0
    while (executed < budget) {
      state.lines.settle()
      state.lines.signal(cpu)
      started = clock.time
      ends = state.lines.nextChange()
      counted = 0
      level = levelOf(state.vcpu)
      const result = cpu.run(position, Math.min(budget - executed, Math.max(1, ends - started)), {
        time: started,
        shift: TICK_SHIFT,
        virtualOffset: BigInt.asUintN(64, vm.virtualOffset),
        physicalOffset: BigInt.asUintN(64, vm.physicalOffset),
      })
      clock.time = started + result.executed
      clock.instructions += result.executed
      countUpTo(state, result.executed)
      executed += result.executed
      if (refused !== undefined) {
        const what = refused
        refused = undefined
        throw cannot(what, state.vcpu.index)
      }
      const after = handle(cpu, position, state, result.stop)
      if (after) return { executed, ...after }
      if (isPaused()) break
    }
    return { executed, kind: 'budget' }
  }

  /** Tells the PMU of the piece's instructions up to the one at `executed`. */
  function countUpTo({ vcpu, pmu }: VcpuRun, executed: number): void {
    if (!pmu) return
    pmu.count(executed - counted, level)
    counted = executed
    level = levelOf(vcpu)
  }

  /** Undefined: the vCPU goes on. */
  function handle(cpu: Engine, position: number, state: VcpuRun, stop: StopReason): Ending | undefined {
    switch (stop.kind) {
      case 'budget':
        return undefined
      case 'wfi':
      case 'wfe':
        return { kind: stop.kind }
      case 'smc':
        advance(state.vcpu)
        return call(position, 'smc', stop.immediate)
      case 'hvc':
        return call(position, 'hvc', stop.immediate)
      case 'mmio': {
        const value = accessOutside({ interrupts, bus, settleLines }, position, stop)
        if (value === undefined) {
          const { word, ...exit } = stop
          state.mmio = { word }
          return { kind: 'exit', exit }
        }
        cpu.completeMmio(position, stop.write ? undefined : value, stop.word) // the device may have written over the instruction
        return undefined
      }
      case 'nisv':
        // Without KVM_CAP_ARM_NISV_TO_USER, which no VMM of ours enables.
        return { kind: 'exit', exit: { kind: 'error', errno: ERRNO.ENOSYS } }
      case 'fetch-outside':
        cpu.inject(position, { kind: 'instruction-abort', status: EXTERNAL_ABORT })
        return undefined
      case 'unimplemented':
        throw cannot(`${stop.feature} (instruction 0x${stop.word.toString(16).padStart(8, '0')} at 0x${stop.pc.toString(16)})`, state.vcpu.index)
      case 'cannot-execute':
        throw cannot(stop.what, state.vcpu.index)
      default:
        return stop satisfies never
    }
  }

  function call(position: number, conduit: 'hvc' | 'smc', immediate: number): Ending | undefined {
    const asked = watch?.asked(position)
    const result = firmwareCall(firmware, firmware.vcpu(position), conduit, immediate)
    if (watch && asked) watch.answered(asked, conduit, immediate, result)
    switch (result.kind) {
      case 'resume':
        return undefined
      case 'wait':
        return { kind: 'wfi' }
      case 'off':
        return { kind: 'off' }
      default:
        return { kind: 'exit', exit: result }
    }
  }

  function settleLines(): void {
    for (const { lines } of runs) lines.raise()
  }

  return {
    run,
    completeAccess(position) {
      const access = (runs[position] ?? savedOf(vm.vcpus[position]!))?.mmio
      if (!access) return
      const cpu = engineNow()
      const { data } = runs[position]!
      cpu.completeMmio(position, data, access.word)
      runs[position]!.mmio = undefined
      runs[position]!.data = 0n
    },
    supply(position, data) {
      const state = runs[position]
      if (state) state.data = data
    },
    wakesIn(position) {
      engineNow()
      const { lines, timers } = runs[position]!
      lines.settle()
      // KVM wakes a vCPU whose timer has expired, whether its interrupt controller lets the interrupt through or not.
      if (lines.pending() || timers.output('virtual', clock.time) || timers.output('physical', clock.time)) return 0
      const at = lines.nextChange()
      return at === Number.POSITIVE_INFINITY ? undefined : at - clock.time
    },
    settleLines,
    save: () =>
      vm.vcpus.map((vcpu, position) => {
        const state = runs[position]
        const held = savedOf(vcpu)
        return {
          index: vcpu.index,
          mmio: state ? state.mmio : held?.mmio,
          engine: state ? vcpu.block.slice(VCPU_STATE.engine, VCPU_STATE.engine + ENGINE_BYTES) : (held?.engine ?? new Uint8Array(ENGINE_BYTES)),
          physicalTimer: state ? state.timers.save() : held?.physicalTimer,
        }
      }),
  }
}

/** Moves PC past the SMC, which completes a step of the guest's own debugger, as kvm_incr_pc does. */
function advance({ block }: Vcpu): void {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  view.setUint32(VCPU_STATE.pstate, view.getUint32(VCPU_STATE.pstate, true) & ~PSTATE.ss, true)
  view.setBigUint64(VCPU_STATE.pc, BigInt.asUintN(64, view.getBigUint64(VCPU_STATE.pc, true) + 4n), true)
}

const cannot = (what: string, vcpu: number): SnapError =>
  new SnapError('CANNOT_EXECUTE', `cannot execute: the guest needs ${what}, which the machine does not do`, { vcpu })
