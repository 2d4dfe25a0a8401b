// Owns machine time: nanoseconds, one for each instruction, plus what waiting vCPUs skipped. The only source of time there is. A plain object,
// shared by the VM (counters), the scheduler and the system registers; its two numbers are saved.
import { INSTRUCTIONS_PER_TICK } from '../board/memory-map.ts'

export interface Clock {
  /** Nanoseconds since the machine was created; below 2^53, a hundred days. */
  time: number
  /** Instructions executed by all vCPUs. */
  instructions: number
}

export const createClock = (saved: Clock = { time: 0, instructions: 0 }): Clock => ({ time: saved.time, instructions: saved.instructions })

/** Ticks of the system counter. */
export const ticks = (time: number): bigint => BigInt(Math.floor(time / INSTRUCTIONS_PER_TICK))

/** Nanoseconds from `time` until the counter has advanced by `count` ticks; undefined for a moment that no machine reaches. */
export function nanosecondsToTick(time: number, count: bigint): number | undefined {
  if (count === 0n) return 0
  const at = (Math.floor(time / INSTRUCTIONS_PER_TICK) + Number(count)) * INSTRUCTIONS_PER_TICK
  return Number.isSafeInteger(at) ? at - time : undefined
}

/** Machine time at which the counter reaches a tick; Infinity for none and for one that no machine reaches. */
export function timeOfTick(tick: bigint | undefined): number {
  const at = tick === undefined ? Number.POSITIVE_INFINITY : Number(tick) * INSTRUCTIONS_PER_TICK
  return Number.isSafeInteger(at) ? at : Number.POSITIVE_INFINITY
}
