// Owns whose turn it is. vCPUs take turns in fixed quanta on one thread, time is the instruction count, and when everybody waits the clock jumps to
// the next event: the same state has the same future wherever a run was split. Knows no instruction and no register.

import { SYSTEM_EVENT, type SystemEvent } from '../firmware/firmware.ts'
import { MP_STATE, type VcpuAbi, type VmAbi } from '../kvm/abi.ts'
import type { Clock } from './clock.ts'
import type { Execution } from './execution.ts'
import type { MachineStop, VcpuExit } from './exits.ts'
import type { Wait } from './machine-state.ts'

/** Instructions of one turn. */
export const QUANTUM = 10_000

export interface Scheduler {
  /**
   * Runs all vCPUs for at most `budget` instructions in total, and about until the clock shows `until` nanoseconds: while everybody waits it stops there exactly.
   * Where a run was split changes nothing. `isPaused` is asked after every piece.
   */
  run(budget: number, until?: number): MachineStop
  /** KVM_RUN of the vCPU at `position` alone, for at most `budget` instructions. */
  runVcpu(position: number, budget: number): VcpuExit
  turn(): { readonly position: number; readonly left: number }
  wait(position: number): Wait
}

export interface SchedulerState {
  readonly turn: { readonly position: number; readonly left: number }
  readonly waits: readonly Wait[]
}

const WAKEUP: SystemEvent = { kind: 'system-event', type: SYSTEM_EVENT.wakeup, ndata: 0, data: new Array<bigint>(16).fill(0n) }

export function createScheduler(vm: VmAbi, execution: Execution, clock: Clock, saved: SchedulerState, isPaused: () => boolean = () => false): Scheduler {
  let { position, left } = saved.turn
  const waits: Wait[] = [...saved.waits]
  const waitOf = (index: number): Wait => waits[index] ?? 'none'

  /** Nanoseconds until this vCPU can use a turn: 0 for now, undefined for never (stopped, or nothing will wake it). */
  function dueIn(index: number, vcpu: VcpuAbi): number | undefined {
    if (!vcpu.initialised || vcpu.getMpState() === MP_STATE.stopped) return undefined
    return waitOf(index) === 'wfi' || vcpu.getMpState() === MP_STATE.suspended ? execution.wakesIn(index) : 0
  }

  function nextTurn(): void {
    position = vm.vcpus.length === 0 ? 0 : (position + 1) % vm.vcpus.length
    left = QUANTUM
  }

  /** Gives the turn to the next vCPU that can use it, in time; `idle` when none ever will. */
  function findTurn(until: number): 'found' | 'idle' | 'time' {
    for (let tried = 0; tried < vm.vcpus.length; tried++) {
      const vcpu = vm.vcpus[position]
      if (vcpu && left > 0 && dueIn(position, vcpu) === 0) return 'found'
      nextTurn()
    }
    const waiting = vm.vcpus.map((vcpu, index) => dueIn(index, vcpu)).filter(each => each !== undefined)
    if (waiting.length === 0) return 'idle'
    const next = clock.time + Math.min(...waiting)
    clock.time = Math.min(next, Math.max(until, clock.time))
    return clock.time < next ? 'time' : findTurn(until)
  }

  return {
    turn: () => ({ position, left }),
    wait: waitOf,
    run(budget, until = Number.POSITIVE_INFINITY) {
      for (let spent = 0; spent < budget; ) {
        if (clock.time >= until) return { kind: 'time' }
        const turn = findTurn(until)
        if (turn !== 'found') return { kind: turn }
        const vcpu = vm.vcpus[position]!
        waits[position] = 'none'
        execution.completeAccess(position)
        const errno = vcpu.enterRun()
        if (errno) return { kind: 'exit', vcpu: vcpu.index, exit: { kind: 'error', errno } }
        if (vcpu.getMpState() === MP_STATE.suspended) return { kind: 'exit', vcpu: vcpu.index, exit: WAKEUP }
        const piece = execution.run(position, Math.min(left, budget - spent))
        spent += piece.executed
        left -= piece.executed
        if (piece.kind === 'exit') return { kind: 'exit', vcpu: vcpu.index, exit: piece.exit }
        if (piece.kind === 'wfi') waits[position] = 'wfi'
        if (piece.kind !== 'budget') nextTurn()
        if (isPaused()) return { kind: 'pause' }
      }
      return { kind: 'budget' }
    },
    runVcpu(index, budget) {
      const vcpu = vm.vcpus[index]!
      // First thing in KVM_RUN, even for a vCPU that has been stopped in between.
      execution.completeAccess(index)
      const errno = vcpu.enterRun()
      if (errno) return { kind: 'error', errno }
      if (vcpu.getMpState() === MP_STATE.stopped) return { kind: 'blocked' }
      for (let spent = 0; spent < budget; ) {
        if (vcpu.getMpState() === MP_STATE.suspended) return sleep(index) ? WAKEUP : { kind: 'blocked' }
        const piece = execution.run(index, budget - spent)
        spent += piece.executed
        if (piece.kind === 'exit') return piece.exit
        if (piece.kind === 'off') return { kind: 'blocked' }
        // As after a signal: the instruction is done, the next call goes on behind it.
        if (piece.kind === 'wfi' && !sleep(index)) return { kind: 'blocked' }
      }
      return { kind: 'budget' }
    },
  }

  /** Lets time pass until something wakes the vCPU; false when nothing will. */
  function sleep(index: number): boolean {
    const wakes = execution.wakesIn(index)
    clock.time += wakes ?? 0
    return wakes !== undefined
  }
}
