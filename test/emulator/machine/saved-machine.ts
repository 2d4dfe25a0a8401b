// Owns saving and restoring a machine through plain values only, the way snapshots do: registers through KVM's verbs, memory in chunks, devices and
// machine state as data that was copied in between.
import { isDeepStrictEqual } from 'node:util'
import type { Build } from '../../../src/builds/build.ts'
import { BOARD_DEVICES } from '../../../src/emulator/board/devices.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import type { DeviceSnapshot, MachineState } from '../../../src/model/snapshot.ts'

export interface SavedVcpu {
  readonly index: number
  readonly features: number
  readonly ids: BigUint64Array
  readonly bytes: Uint8Array
  readonly mpState: number
}
export interface SavedMachine {
  readonly vcpus: readonly SavedVcpu[]
  readonly memory: readonly {
    readonly start: bigint
    readonly size: number
    readonly chunks: readonly { readonly offset: number; readonly data: Uint8Array }[]
  }[]
  readonly devices: readonly DeviceSnapshot[]
  readonly machine: MachineState
}

export function saveAll(machine: Machine): SavedMachine {
  return structuredClone({
    vcpus: machine.vm.vcpus.map(vcpu => {
      const { ids } = vcpu.regList()
      return { index: vcpu.index, features: vcpu.features, ids: ids.slice(), bytes: vcpu.getRegs(ids).bytes, mpState: vcpu.getMpState() }
    }),
    memory: machine.saveMemory().map(({ start, size, chunks }) => ({
      start,
      size,
      chunks: [...(chunks() as Iterable<{ offset: number; data: Uint8Array }>)].map(({ offset, data }) => ({ offset, data: data.slice() })),
    })),
    devices: machine.saveDevices(),
    machine: machine.saveMachine(),
  })
}

/** Without `machine` state the restore is architecturally right only. */
export function restoreAll(build: Build, saved: SavedMachine, withMachineState = true): Machine {
  const machine = createMachine(build, {
    ram: saved.memory.map(({ start, size }) => ({ start, size })),
    devices: BOARD_DEVICES,
    saved: { devices: saved.devices, ...(withMachineState ? { machine: saved.machine } : {}) },
  })
  const vcpus = saved.vcpus.map(({ index }) => machine.vm.createVcpu(index))
  for (const [n, vcpu] of vcpus.entries()) if (vcpu.init(saved.vcpus[n]!.features) !== 0) throw new Error('VCPU_INIT failed')
  if (machine.vm.createGic('v3') !== 0) throw new Error('no GICv3')
  for (const { start, chunks } of saved.memory) for (const { offset, data } of chunks) machine.memory.write(start + BigInt(offset), data)
  for (const [n, vcpu] of vcpus.entries()) {
    const { ids, bytes, mpState } = saved.vcpus[n]!
    const errnos = vcpu.setRegs(ids, bytes)
    if (errnos.some(errno => errno !== 0)) throw new Error('a register was refused')
    vcpu.setMpState(mpState)
  }
  return machine
}

/** Fails with the first place where two saved machines differ. Not `toEqual`: that walks a mebibyte of memory element by element. */
export function expectSame(actual: SavedMachine, expected: SavedMachine): void {
  const where = firstDifference(actual, expected, 'machine')
  if (where !== undefined) throw new Error(where)
}

function firstDifference(a: unknown, b: unknown, path: string): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return `${path}: ${String(a)}, expected ${String(b)}`
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const found = firstDifference(left[key], right[key], `${path}.${key}`)
    if (found !== undefined) return found
  }
  return `${path} differs in kind`
}
