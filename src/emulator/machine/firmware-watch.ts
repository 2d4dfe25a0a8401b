// Owns telling a watcher what guests ask of the firmware, when, and what came of it. Only looks: nothing that a machine computes depends on it, and
// without a watcher none of this runs. Knows no function by name.
import { PC_ID, PSTATE_ID } from '../../arch/reg-id.ts'
import type { Conduit, FirmwareResult, FirmwareVm } from '../firmware/firmware.ts'
import { MP_STATE, type VcpuAbi, type VmAbi } from '../kvm/abi.ts'
import type { Clock } from './clock.ts'

interface Moment {
  readonly vcpu: number
  /** Nanoseconds of machine time. */
  readonly time: number
  /** Executed by all vCPUs until then; of a call, its HVC or SMC included. */
  readonly instructions: number
  /** Of a call: the address of its HVC or SMC. */
  readonly pc: bigint
  readonly pstate: bigint
}

export interface FirmwareCall extends Moment {
  readonly kind: 'call'
  readonly conduit: Conduit
  readonly immediate: number
  /** X0 … X3 as the guest gave them. */
  readonly arguments: readonly bigint[]
  /** X0 … X3 as they stand when the guest goes on, or when the VMM looks. */
  readonly results: readonly bigint[]
  readonly ending: FirmwareResult
  /** What the VMM's SMCCC filter says about the function. */
  readonly filter: 'handle' | 'deny' | 'forward'
  /** Indices of the vCPUs that it switched on and off. */
  readonly switchedOn: readonly number[]
  readonly switchedOff: readonly number[]
}

/** A vCPU that a call has switched on is about to execute its first instruction. */
export interface VcpuStart extends Moment {
  readonly kind: 'start'
  /** X0: what the caller of CPU_ON passed on. */
  readonly context: bigint
}

export type FirmwareEvent = FirmwareCall | VcpuStart

interface Asked {
  readonly position: number
  readonly moment: Moment
  readonly arguments: readonly bigint[]
  readonly stopped: readonly boolean[]
}

export interface FirmwareWatch {
  /** Before the firmware sees the call; PC stands behind it. */
  asked(position: number): Asked
  answered(asked: Asked, conduit: Conduit, immediate: number, ending: FirmwareResult): void
  /** The vCPU is about to run. */
  entered(position: number): void
}

interface WatchedMachine {
  readonly vm: VmAbi
  readonly firmware: FirmwareVm
  readonly clock: Clock
}

/** `tell` gets every event at once, in the order of the machine's time; it must not touch the machine. */
export function watchFirmware({ vm, firmware, clock }: WatchedMachine, tell: (event: FirmwareEvent) => void): FirmwareWatch {
  const starting = new Set<number>()
  const isStopped = (vcpu: VcpuAbi): boolean => vcpu.getMpState() === MP_STATE.stopped
  const momentOf = (vcpu: VcpuAbi, behind: bigint): Moment => ({
    vcpu: vcpu.index,
    time: clock.time,
    instructions: clock.instructions,
    pc: BigInt.asUintN(64, (vcpu.get64(PC_ID) ?? 0n) - behind),
    pstate: vcpu.get64(PSTATE_ID) ?? 0n,
  })
  const registersOf = (position: number): readonly bigint[] => {
    const port = firmware.vcpus[position]!
    return [0, 1, 2, 3].map(n => port.readX(n))
  }
  return {
    asked: position => ({
      position,
      moment: momentOf(vm.vcpus[position]!, 4n),
      arguments: registersOf(position),
      stopped: vm.vcpus.map(isStopped),
    }),
    answered(asked, conduit, immediate, ending) {
      const changed = (now: boolean): number[] => [...vm.vcpus.keys()].filter(each => isStopped(vm.vcpus[each]!) === now && asked.stopped[each] === !now)
      const on = changed(false)
      for (const position of on) starting.add(position)
      const indices = (positions: readonly number[]): number[] => positions.map(position => vm.vcpus[position]!.index)
      tell({
        kind: 'call',
        ...asked.moment,
        conduit,
        immediate,
        arguments: asked.arguments,
        results: registersOf(asked.position),
        ending,
        filter: firmware.filterAction(Number(BigInt.asUintN(32, asked.arguments[0]!))),
        switchedOn: indices(on),
        switchedOff: indices(changed(true)),
      })
    },
    entered(position) {
      if (!starting.delete(position)) return
      tell({ kind: 'start', ...momentOf(vm.vcpus[position]!, 0n), context: registersOf(position)[0]! })
    },
  }
}
