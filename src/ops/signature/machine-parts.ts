// Owns what of an environment is the VMM's board: memory map, tables, interrupt controller, devices. What kinds of saved devices are none for the guest
// is one list here.
import { RAM_BASE } from '../../emulator/board/memory-map.ts'
import { GICD, wordAt } from '../../model/gic.ts'
import { gicStateOf, itsStateOf } from '../../model/gic-state-of.ts'
import type { DeviceSnapshot, Snapshot } from '../../model/snapshot.ts'
import { BOOT_KIND, bootRecordOf } from '../run/boot-record.ts'
import { DISK_KIND } from '../run/file-disk.ts'
import { type Component, component, type Fact } from './fact.ts'

const hex = (value: bigint | number): string => `0x${value.toString(16)}`

export function memoryMapPart({ memory, devices }: Snapshot): Component | undefined {
  // The memory of a guest that hibernated may have been left out; where it was is still known then.
  const booted = memory.length === 0 ? bootRecordOf(devices) : undefined
  const regions = booted ? [{ start: RAM_BASE, size: booted.memory }] : memory
  if (regions.length === 0) return undefined
  const ranges: { start: bigint; end: bigint }[] = []
  for (const { start, size } of regions.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = ranges.at(-1)
    if (last && last.end === start) last.end += BigInt(size)
    else ranges.push({ start, end: start + BigInt(size) })
  }
  const total = ranges.reduce((sum, { start, end }) => sum + (end - start), 0n)
  return component(
    'memory-map',
    ranges.map(({ start, end }) => ({ key: `memory at ${hex(start)}`, value: hex(end - start) })),
    `${total >> 20n} MiB in ${ranges.length} range${ranges.length === 1 ? '' : 's'}`,
  )
}

/** Digests of what a guest was told about its board, by whoever found them. */
export interface Tables {
  /** sha256, hex. */
  readonly deviceTree?: string
  readonly acpi?: string
  /** Of ACPI tables that the VMM keeps for the firmware. */
  readonly carried?: string
}

function bootTree(devices: readonly DeviceSnapshot[]): string | undefined {
  const state = devices.find(({ kind }) => kind === BOOT_KIND)?.state
  return isMap(state) && typeof state.deviceTree === 'string' ? state.deviceTree : undefined
}

/** `found` counts only where the snapshot itself does not say how the guest was booted. */
export function tablesPart({ devices }: Snapshot, found: Tables): Component | undefined {
  const booted = bootTree(devices)
  const { deviceTree, acpi, carried } = booted === undefined ? found : {}
  const all = [
    // As it was handed to the guest, byte for byte; and as it lies in its memory, without what firmware and kernel change.
    { key: 'device tree', digest: booted },
    { key: 'device tree in memory', digest: deviceTree },
    { key: 'ACPI tables', digest: acpi },
    { key: 'ACPI tables for firmware', digest: carried },
  ]
  const facts = all.flatMap(({ key, digest }): readonly Fact[] => (digest === undefined ? [] : [{ key, value: `sha256 ${digest}` }]))
  const unsaid = all.filter(({ digest }) => digest === undefined).map(({ key }) => key)
  return facts.length === 0 ? undefined : component('tables', facts, facts.map(({ key, value }) => `${key} ${value.slice(7, 19)}`).join(', '), unsaid)
}

const TYPER = 'GICD_TYPER'
const IIDR = 'GICD_IIDR'
const ITS = 'ITS'

export function gicPart({ gic, devices, vcpus }: Snapshot): Component | undefined {
  if (vcpus.length === 0) return undefined
  if (gic === 'none') return component('gic', [{ key: 'version', value: 'none' }], 'none')
  const state = devices.map(gicStateOf).find(found => found !== undefined)
  const isKept = devices.some(({ kind }) => kind.startsWith('gic') || kind.endsWith('-gic'))
  const word = (offset: number): number | undefined => state && wordAt(state.distributor, offset)
  const registers = [
    { key: TYPER, value: word(GICD.typer) },
    { key: IIDR, value: word(GICD.iidr) },
  ]
  const hasIts = devices.some(device => itsStateOf(device) !== undefined)
  const facts: Fact[] = [
    { key: 'version', value: gic },
    ...registers.flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value: hex(value) }])),
    ...(hasIts ? [{ key: ITS, value: 'yes' }] : []),
  ]
  return component('gic', facts, `GIC${gic}${hasIts ? ' with an ITS' : ''}`, [
    ...registers.filter(({ value }) => value === undefined).map(({ key }) => key),
    ...(isKept || hasIts ? [] : [ITS]),
  ])
}

/** Kinds of what is kept beside devices: of CPUs, of memory, of the VMM and its host, of the boot; interrupt controllers have a component of their own. */
const NO_DEVICES: ReadonlySet<string> = new Set([
  BOOT_KIND,
  'cloud-hypervisor-clock',
  'cpu_common',
  'firecracker-gic',
  'firecracker-host',
  'gic-its',
  'gic-v2',
  'gic-v3',
  'globalstate',
  'libvirt-domain',
  'qemu-configuration',
  'qemu-cpu',
  'qemu-ram-block',
  'timer',
  'virt_acpi_build',
  'vm-config',
])

export function devicesPart({ devices }: Snapshot): Component | undefined {
  const facts = new Map<string, Fact>()
  const add = (key: string, value: string): void => {
    for (let n = 1; ; n++) {
      const name = n === 1 ? key : `${key} (${n})`
      if (facts.has(name)) continue
      facts.set(name, { key: name, value })
      return
    }
  }
  for (const { name, kind, state } of devices) {
    if (kind === 'qemu-configuration' && isMap(state) && typeof state.machine === 'string') add('machine', state.machine)
    if (NO_DEVICES.has(kind)) continue
    if (kind === DISK_KIND && isMap(state)) add(name, `${String(state.size)} bytes${state.readOnly === true ? ', read-only' : ''}`)
    else add(name, kind)
  }
  return facts.size === 0 ? undefined : component('devices', [...facts.values()], [...facts.keys()].slice(0, 8).join(', ') + (facts.size > 8 ? ' …' : ''))
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)
