// Owns the plain value of everything a machine has beside registers, memory and devices: with it a restore on the same build has the identical
// future; without it the future is architecturally right. Reads such a value from a file, so it checks every part. Knows no engine.
import { SnapError } from '../../errors.ts'
import type { MachineState } from '../../model/snapshot.ts'
import { VCPU_STATE } from '../state-layout.ts'
import type { TimerState } from './timers.ts'

export const MACHINE_STATE_VERSION = 1
/** Bytes of a vCPU's block that belong to the engine: exclusive monitor, event register, an unfinished load or store. */
export const ENGINE_BYTES = VCPU_STATE.sysregs - VCPU_STATE.engine

/** `none`: has the processor when its turn comes. `wfi`: until a timer or an interrupt. */
export type Wait = 'none' | 'wfi'

export interface VcpuMachineState {
  readonly index: number
  readonly wait: Wait
  /** The load or store outside RAM that KVM_RUN returned with and that its next call completes: its instruction. */
  readonly mmio: { readonly word: number } | undefined
  readonly engine: Uint8Array
  /** The physical timer of kernels that do not list it. */
  readonly physicalTimer: TimerState | undefined
}
export interface MachineValue {
  /** Nanoseconds and instructions since the machine was created. */
  readonly time: number
  readonly instructions: number
  readonly entropy: bigint
  /** Whose turn it is (position among the vCPUs), and instructions left of it. */
  readonly turn: { readonly position: number; readonly left: number }
  readonly vcpus: readonly VcpuMachineState[]
}

/** As JSON-like plain data: absent keys instead of undefined. */
export function encodeMachineState(value: MachineValue): MachineState {
  return {
    version: MACHINE_STATE_VERSION,
    state: {
      time: value.time,
      instructions: value.instructions,
      entropy: value.entropy,
      turn: { ...value.turn },
      vcpus: value.vcpus.map(({ index, wait, mmio, engine, physicalTimer }) => ({
        index,
        wait,
        engine,
        ...(mmio ? { mmio: { word: mmio.word } } : {}),
        ...(physicalTimer ? { physicalTimer: { control: physicalTimer.control, compare: physicalTimer.compare } } : {}),
      })),
    },
  }
}

/** Throws INPUT_CORRUPT naming the part; undefined for another version, which says nothing here. */
export function decodeMachineState(saved: MachineState): MachineValue | undefined {
  if (saved.version !== MACHINE_STATE_VERSION) return undefined
  const top = record(saved.state, 'machine')
  const turn = record(top.turn, 'machine.turn')
  const vcpus = top.vcpus
  if (!Array.isArray(vcpus)) throw corrupt('machine.vcpus')
  return {
    time: count(top.time, 'machine.time'),
    instructions: count(top.instructions, 'machine.instructions'),
    entropy: u64(top.entropy, 'machine.entropy'),
    turn: { position: count(turn.position, 'machine.turn.position'), left: count(turn.left, 'machine.turn.left') },
    vcpus: vcpus.map((raw, n) => decodeVcpu(raw, `machine.vcpus[${n}]`)),
  }
}

function decodeVcpu(raw: unknown, path: string): VcpuMachineState {
  const { index, wait, mmio, engine, physicalTimer } = record(raw, path)
  if (wait !== 'none' && wait !== 'wfi') throw corrupt(`${path}.wait`)
  if (!(engine instanceof Uint8Array) || engine.length !== ENGINE_BYTES) throw corrupt(`${path}.engine`)
  const access = mmio === undefined ? undefined : record(mmio, `${path}.mmio`)
  const timer = physicalTimer === undefined ? undefined : record(physicalTimer, `${path}.physicalTimer`)
  return {
    index: count(index, `${path}.index`),
    wait,
    mmio: access && { word: count(access.word, `${path}.mmio.word`) >>> 0 },
    engine,
    physicalTimer: timer && { control: u64(timer.control, `${path}.physicalTimer.control`), compare: u64(timer.compare, `${path}.physicalTimer.compare`) },
  }
}

const corrupt = (path: string): SnapError => new SnapError('INPUT_CORRUPT', `the saved machine state has no valid ${path}`, { path })

function record(raw: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || raw instanceof Uint8Array) throw corrupt(path)
  return raw as Readonly<Record<string, unknown>>
}

/** A whole number below 2^53; archives give large ones back as bigint. */
function count(raw: unknown, path: string): number {
  const value = typeof raw === 'bigint' ? Number(raw) : raw
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw corrupt(path)
  return value
}

function u64(raw: unknown, path: string): bigint {
  const value = typeof raw === 'number' && Number.isSafeInteger(raw) ? BigInt(raw) : raw
  if (typeof value !== 'bigint' || value < 0n || value >> 64n !== 0n) throw corrupt(path)
  return value
}
