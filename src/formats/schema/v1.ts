// Owns schema version 1: what each msgpack member holds, written and read. FROZEN once released: a test pins the digest of this file; a change is
// a new version with a step from this one. Keys are written in the order of the docstrings in docs/format.md, which is the order here.
import { isAarch32Id } from '../../arch/catalogue/aarch32.ts'
import { FEATURES } from '../../arch/features.ts'
import { type RegId, regBytes } from '../../arch/reg-id.ts'
import type { RegisterList } from '../../model/register-list.ts'
import type { DeviceSnapshot, Gic, MachineState, Origin, Snapshot, StopReason, VcpuSnapshot, VmState } from '../../model/snapshot.ts'
import type { ParseContext } from './chain.ts'
import { Fields } from './fields.ts'

/** vm.msgpack: everything but the vCPUs, devices and memory themselves, of which it has the names in order. */
export interface StoredVm {
  readonly gic: Gic
  readonly stop: StopReason
  readonly origin: Origin
  readonly vm: VmState
  readonly vcpus: readonly number[]
  readonly devices: readonly string[]
  readonly memory: readonly { readonly name: string; readonly start: bigint; readonly size: number }[]
}

const GICS: readonly Gic[] = ['none', 'v2', 'v3']
const STOPS: readonly StopReason[] = ['running', 'off', 'reset', 'hibernated', 'suspended']
const MP_STATES = ['runnable', 'stopped', 'suspended'] as const
const ACTIONS = ['handle', 'deny', 'forward'] as const
const MAX = { vcpus: 4096, devices: 4096, regions: 1024, regionBytes: 2 ** 46, filter: 4096, arguments: 16, registers: 65536, foreign: 65536 }

export function encodeVm(snapshot: Snapshot): unknown {
  const { build, kernel, cpu, vmm, tool } = snapshot.origin
  const { systemSuspend, writableImpIdRegs, smcccFilter, counterOffset, counterFrequency, ipaBits, stopArguments } = snapshot.vm
  return {
    gic: snapshot.gic,
    stop: snapshot.stop,
    origin: { build, kernel, cpu, vmm, tool },
    vm: {
      systemSuspend,
      writableImpIdRegs,
      smcccFilter: smcccFilter?.map(({ base, count, action }) => ({ base, count, action })),
      counterOffset,
      counterFrequency: counterFrequency === undefined ? undefined : BigInt(counterFrequency),
      ipaBits,
      stopArguments,
    },
    vcpus: snapshot.vcpus.map(vcpu => vcpu.index),
    devices: snapshot.devices.map(device => device.name),
    memory: snapshot.memory.map(({ name, start, size }) => ({ name, start, size: BigInt(size) })),
  }
}

export function parseVm(raw: unknown, context: ParseContext): StoredVm {
  const f = new Fields(raw, context)
  const value: StoredVm = {
    gic: f.oneOf('gic', GICS),
    stop: f.oneOf('stop', STOPS),
    origin: f.map('origin', o => ({
      ...o.optional('build', o.text),
      ...o.optional('kernel', o.text),
      ...o.optional('cpu', o.text),
      ...o.optional('vmm', o.text),
      ...o.optional('tool', o.text),
    })),
    vm: f.map('vm', v => ({
      ...v.optional('systemSuspend', v.bool),
      ...v.optional('writableImpIdRegs', v.bool),
      ...v.optional('smcccFilter', key =>
        v.maps(key, MAX.filter, r => ({ base: r.count('base', 2 ** 32 - 1), count: r.count('count', 2 ** 32 - 1), action: r.oneOf('action', ACTIONS) })),
      ),
      ...v.optional('counterOffset', v.u64),
      ...v.optional('counterFrequency', key => v.count(key, Number.MAX_SAFE_INTEGER)),
      ...v.optional('ipaBits', key => v.count(key, 64)),
      ...v.optional('stopArguments', key => v.u64s(key, MAX.arguments)),
    })),
    vcpus: f.counts('vcpus', MAX.vcpus, 65535),
    devices: f.texts('devices', MAX.devices),
    memory: f.maps('memory', MAX.regions, m => {
      const region = { name: m.text('name'), start: m.u64('start'), size: m.count('size', MAX.regionBytes) }
      if (region.size === 0) m.fail('size', 'is 0')
      if (region.start + BigInt(region.size) > 1n << 64n) m.fail('size', 'reaches beyond 64 bits of address')
      return region
    }),
  }
  if (new Set(value.vcpus).size !== value.vcpus.length) f.fail('vcpus', 'names a vCPU twice')
  f.close()
  return value
}

/** Registers are two byte strings: all ids, 8 bytes each, little-endian, in saved order; and all values back to back, as long as their ids say. */
export function encodeVcpu(vcpu: VcpuSnapshot): unknown {
  const { events, registers } = vcpu
  const ids = new Uint8Array(registers.ids.length * 8)
  const view = new DataView(ids.buffer)
  registers.ids.forEach((id, i) => {
    view.setBigUint64(i * 8, id, true)
  })
  return {
    index: vcpu.index,
    mpState: vcpu.mpState,
    features: vcpu.features,
    events: events && {
      serrorPending: events.serrorPending,
      serrorHasEsr: events.serrorHasEsr,
      serrorEsr: events.serrorEsr,
      extDabtPending: events.extDabtPending,
    },
    ids,
    values: registers.bytes,
  }
}

export function parseVcpu(raw: unknown, context: ParseContext): VcpuSnapshot {
  const f = new Fields(raw, context)
  const value: VcpuSnapshot = {
    index: f.count('index', 65535),
    mpState: f.oneOf('mpState', MP_STATES),
    ...f.optional('features', key =>
      f.texts(key, 64).map((name, i) => FEATURES.find(feature => feature === name) ?? f.fail(`${key}/${i}`, 'is not a vCPU feature of this schema')),
    ),
    ...f.optional('events', key =>
      f.map(key, e => ({
        serrorPending: e.bool('serrorPending'),
        serrorHasEsr: e.bool('serrorHasEsr'),
        serrorEsr: e.u64('serrorEsr'),
        extDabtPending: e.bool('extDabtPending'),
      })),
    ),
    registers: parseRegisters(f),
  }
  f.close()
  return value
}

function parseRegisters(f: Fields): RegisterList {
  const packed = f.bytes('ids')
  const bytes = f.bytes('values')
  if (packed.length % 8 !== 0) f.fail('ids', `has ${packed.length} bytes, which is no whole number of ids`)
  const count = packed.length / 8
  if (count > MAX.registers) f.fail('ids', `holds ${count} ids, at most ${MAX.registers} are allowed`)
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const ids = new BigUint64Array(count)
  const offsets = new Uint32Array(count + 1)
  let end = 0
  for (let i = 0; i < count; i++) {
    const id = view.getBigUint64(i * 8, true)
    if (id >> 56n !== 0x60n && !isAarch32Id(id)) f.fail(`ids/${i}`, `is 0x${id.toString(16)}, which is no arm64 register id`)
    ids[i] = id
    end += regBytes(id as RegId)
    if (end > bytes.length) f.fail('values', `has ${bytes.length} bytes; register ${i} (0x${id.toString(16)}) ends at ${end}`)
    offsets[i + 1] = end
  }
  if (end !== bytes.length) f.fail('values', `has ${bytes.length} bytes, the ids need ${end}`)
  return { ids, offsets, bytes }
}

export function encodeDevice(device: DeviceSnapshot): unknown {
  return { name: device.name, kind: device.kind, state: device.state === undefined ? null : device.state }
}

export function parseDevice(raw: unknown, context: ParseContext): DeviceSnapshot {
  const f = new Fields(raw, context)
  const value = { name: f.text('name'), kind: f.text('kind'), state: f.raw('state') }
  f.close()
  return value
}

export function encodeMachine(machine: MachineState): unknown {
  return { version: machine.version, state: machine.state === undefined ? null : machine.state }
}

export function parseMachine(raw: unknown, context: ParseContext): MachineState {
  const f = new Fields(raw, context)
  const value = { version: f.count('version', Number.MAX_SAFE_INTEGER), state: f.raw('state') }
  f.close()
  return value
}

export interface ForeignEntry {
  readonly name: string
  readonly bytes: Uint8Array
}

export function encodeForeign(entries: readonly ForeignEntry[]): unknown {
  return { entries: entries.map(({ name, bytes }) => ({ name, bytes })) }
}

export function parseForeign(raw: unknown, context: ParseContext): readonly ForeignEntry[] {
  const f = new Fields(raw, context)
  const value = f.maps('entries', MAX.foreign, e => ({ name: e.text('name'), bytes: e.bytes('bytes') }))
  f.close()
  return value
}
