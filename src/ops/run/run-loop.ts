// Owns running a guest that somebody may talk to: in slices, with its console's two directions between them, paced so that a waiting guest's time is not
// faster than ours. Pacing and slicing change nothing of what the guest computes from the same input.

import type { FirmwareEvent } from '../../emulator/machine/firmware-watch.ts'
import { SnapError } from '../../errors.ts'
import { type EndState, endState } from '../end-state.ts'
import type { Work } from '../work.ts'
import type { Guest } from './boot-guest.ts'
import { type ConsoleWatch, consoleWatch } from './console-pattern.ts'
import type { ConsolePort } from './console-port.ts'
import { isCallOf, type RunPoint } from './run-point.ts'

export interface LoopOptions extends Work {
  readonly until: RunPoint
  readonly port: ConsolePort
  /** A waiting guest's time passes as ours does; else it jumps to what it waits for. */
  readonly paced?: boolean
  /** Bounds: instructions of this run, and milliseconds of ours. */
  readonly maxInstructions?: number
  readonly timeout?: number
  /** After every slice: for somebody who shows what happened in it. */
  readonly between?: () => Promise<void>
}

export type GuestEnd =
  /** `seen`: what was waited for at the console came before that. */
  | ({ readonly kind: 'ended'; readonly seen?: boolean } & EndState)
  /** The point was reached, or whoever sits at the console left. */
  | { readonly kind: 'point' | 'left' }
  | { readonly kind: 'limit'; readonly what: string }
  /** No vCPU will ever run again: nothing can wake them, and no input will come. */
  | { readonly kind: 'idle' }

/** Instructions between two looks at console and clock, and while input waits that the guest takes a few bytes at a time. */
const SLICE = 500_000
const SLICE_WITH_INPUT = 50_000
/** Nanoseconds that a waiting guest's time may be ahead of ours, and milliseconds after which a busy one has lost track. */
const AHEAD = 10_000_000
/** Milliseconds that a slice takes while somebody sits there. */
const SWIFT = 5
const BEHIND = 100

/** Collects what the guest prints and calls, as it happens: for the hooks of bootGuest. */
export interface GuestEars {
  readonly onOutput: (device: string, byte: number) => void
  readonly onFirmware: (event: FirmwareEvent) => void
  /** What was printed since the last call. */
  heard(): Uint8Array
  /** The machine that is to be paused at a call of this name. */
  pauseAt(name: string, pause: () => void): void
}

export function guestEars(): GuestEars {
  let bytes = new Uint8Array(1 << 12)
  let length = 0
  let wanted: { readonly name: string; readonly pause: () => void } | undefined
  return {
    onOutput(_device, byte) {
      if (length === bytes.length) {
        const larger = new Uint8Array(2 * length)
        larger.set(bytes)
        bytes = larger
      }
      bytes[length++] = byte
    },
    onFirmware(event) {
      if (wanted && event.kind === 'call' && isCallOf(wanted.name, event.arguments[0] ?? 0n)) wanted.pause()
    },
    heard() {
      const said = bytes.slice(0, length)
      length = 0
      return said
    },
    pauseAt(name, pause) {
      wanted = { name, pause }
    },
  }
}

/** Runs until something of `GuestEnd`. Throws CANNOT_EXECUTE, and the signal's reason. */
export async function runLoop(
  guest: Guest,
  ears: GuestEars,
  { until, port, paced = false, maxInstructions = Number.POSITIVE_INFINITY, timeout, between, signal, progress }: LoopOptions,
): Promise<GuestEnd> {
  const { vm } = guest
  const machine = vm.stepped
  if (!machine) throw new SnapError('USAGE', 'a guest with a kernel runs on the built-in machine only')
  if (until.kind === 'psci') ears.pauseAt(until.name, () => machine.pause())
  const watch: ConsoleWatch | undefined = until.kind === 'console' ? consoleWatch(until.pattern) : undefined
  const started = performance.now()
  const limit = Math.min(vm.spent + maxInstructions, until.kind === 'insns' ? until.count : Number.POSITIVE_INFINITY)
  let anchor = { wall: started, time: machine.now() }
  const decoder = new TextDecoder('latin1')
  let swift = SLICE

  for (;;) {
    // Lets input, timers and signal handlers run.
    await new Promise(resolve => setImmediate(resolve))
    signal?.throwIfAborted()
    if (port.wantsToLeave) return { kind: 'left' }
    const wall = performance.now()
    if (timeout !== undefined && wall - started >= timeout) return { kind: 'limit', what: `${timeout / 1000} s` }
    if (vm.spent >= limit)
      return until.kind === 'insns' && vm.spent >= until.count ? { kind: 'point' } : { kind: 'limit', what: `${maxInstructions} instructions` }
    const waiting = port.waiting()
    const taken = waiting.length > 0 ? machine.input(guest.console, waiting) : 0
    if (taken > 0) port.taken(taken)
    // A guest that cannot keep up is not owed the time.
    if ((machine.now() - anchor.time) / 1e6 < wall - anchor.wall - BEHIND) anchor = { wall, time: machine.now() }
    const horizon = paced ? anchor.time + (wall - anchor.wall) * 1e6 + AHEAD : Number.POSITIVE_INFINITY
    const slice = port.waiting().length > 0 ? SLICE_WITH_INPUT : paced ? swift : SLICE
    const stop = machine.runSlice(Math.min(slice, limit - vm.spent), horizon)
    // Who talks to the guest must not wait for it. Elsewhere slices are what they are, so that the same run stops at the same instruction.
    const took = performance.now() - wall
    swift = Math.round(Math.min(8 * SLICE, Math.max(SLICE / 100, (swift * SWIFT) / Math.max(took, 0.1))))
    const said = ears.heard()
    if (said.length > 0) await port.write(said)
    await between?.()
    progress?.({ label: 'the guest runs', done: vm.spent, unit: 'instructions' })
    const seen = watch?.sees(decoder.decode(said)) ?? false
    // An end of the guest's is more than what it printed last.
    if (stop.kind === 'exit' && stop.exit.kind !== 'mmio') return { kind: 'ended', seen, ...(await endState(stop.exit, stop.vcpu, guest.vcpus)) }
    if (seen || stop.kind === 'pause') return { kind: 'point' }
    // Where nothing is, a load gives zero and a store goes nowhere, as VMMs have it: the vCPU goes on.
    if (stop.kind === 'time') await port.wait(AHEAD / 2e6)
    if (stop.kind === 'idle') {
      if (taken === 0 && !port.isOpen) return { kind: 'idle' }
      await port.wait(BEHIND)
    }
  }
}
