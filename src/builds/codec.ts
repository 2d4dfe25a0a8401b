// Owns the text form of a build's parts: compact JSON that reads well in a diff (one line a system register, numbers in hex), and back.
// Generated files and build files from users have the same form; validate.ts checks the latter first. No I/O.
import type { FirmwareRules } from './firmware-rules.ts'
import type { FeatureOverlay, HostValues, OverlayName, Unseen } from './host-values.ts'
import type { Encoding, FieldAtLeast, Forgiveness, KernelRules, Need, Provenance, SysregRow, SysregRule } from './kernel-rules.ts'

type HexMap = Record<string, string>
/** `"c03b.8>=1"`: field at bit 8 of the register, at least 1. */
type FieldText = string

export interface KernelJson {
  format: 'psci-snap-kernel'
  version: 1
  release: string
  provenance: readonly Provenance[]
  inferred: readonly string[]
  psci: KernelRules['psci']
  workarounds: readonly number[]
  workaround2FollowsVm: boolean
  workaround2: { low: readonly string[]; high: readonly string[] }
  bitmaps: readonly { index: number; bits: string; initial: string }[]
  idRegisters: {
    policy: 'invariant' | 'masked'
    writable: HexMap
    uncovered: HexMap
    lowerable: readonly FieldText[]
    afterRun: number
    forgives: readonly string[]
    minimum: readonly FieldText[]
    aarch32Absent: 'ignored' | 'exact'
    keepsPerVcpu: boolean
    firstRunClears: readonly { register: string; mask: string; unless: 'v3' | 'irqchip' }[]
    gicV3Sets: readonly FieldText[]
    firstRunDependencies: readonly { field: FieldText; requires: FieldText }[]
  }
  writableImpId: boolean
  clidr: 'invariant' | 'checked'
  demux: KernelRules['demux']
  timers: KernelRules['timers']
  pmu: { setClear: KernelRules['pmu']['setClear']; pmcrMask: string }
  init: KernelRules['init']
  mpStates: readonly number[]
  smcccFilter: boolean
  systemSuspend: boolean
  firmware: FirmwareRules
  /** `encoding reset rule [needs] [field]`, `-` for none. */
  sysregs: readonly string[]
}

export interface HostJson {
  format: 'psci-snap-host'
  version: 1
  cpu: string
  provenance: readonly Provenance[]
  inferred: readonly string[]
  targets: readonly number[]
  features: number
  workarounds: readonly [number, number, number]
  mitigatesSsb: boolean
  ccsidr: Record<string, string>
  vectorLengths: string
  hardware: HexMap
  /** Absent: everything is known. */
  unseen?: readonly string[]
  nestedMasks: Record<string, readonly [string, string]>
  capabilities: Record<string, readonly [number, number]>
  values: HexMap
  overlays: Record<string, { flips: HexMap; adds: HexMap }>
}

const hex = (value: bigint | number): string => value.toString(16)
const unhex = (text: string): bigint => BigInt(`0x${text}`)
const encodeMap = (map: ReadonlyMap<Encoding, bigint>): HexMap =>
  Object.fromEntries([...map].sort(([a], [b]) => a - b).map(([encoding, value]) => [hex(encoding), hex(value)]))
const decodeMap = (map: HexMap): Map<Encoding, bigint> => new Map(Object.entries(map).map(([encoding, value]) => [Number.parseInt(encoding, 16), unhex(value)]))

const fieldText = (field: { encoding: Encoding; shift: number; atLeast?: number }): FieldText =>
  `${hex(field.encoding)}.${field.shift}${field.atLeast === undefined ? '' : `>=${field.atLeast}`}`
function parseField(text: FieldText): FieldAtLeast {
  const [, encoding, shift, atLeast] = /^([0-9a-f]+)\.(\d+)(?:>=(\d+))?$/.exec(text) ?? []
  return { encoding: Number.parseInt(encoding ?? '0', 16), shift: Number(shift), atLeast: Number(atLeast ?? 1) }
}

const encodeRow = (row: SysregRow): string =>
  [hex(row.encoding), hex(row.reset), row.rule, row.needs ?? '-', row.field ? fieldText(row.field) : '-'].join(' ').replace(/( -)+$/, '')
function decodeRow(text: string): SysregRow {
  const [encoding = '0', reset = '0', rule = 'rw', needs = '-', field = '-'] = text.split(' ')
  return {
    encoding: Number.parseInt(encoding, 16),
    reset: unhex(reset),
    rule: rule as SysregRule,
    ...(needs === '-' ? {} : { needs: needs as Need }),
    ...(field === '-' ? {} : { field: parseField(field) }),
  }
}

export function encodeKernel(rules: KernelRules): KernelJson {
  const { idRegisters: id } = rules
  return {
    format: 'psci-snap-kernel',
    version: 1,
    release: rules.release,
    provenance: rules.provenance,
    inferred: rules.inferred,
    psci: rules.psci,
    workarounds: rules.workarounds,
    workaround2FollowsVm: rules.workaround2FollowsVm,
    workaround2: { low: rules.workaround2.low.map(hex), high: rules.workaround2.high.map(hex) },
    bitmaps: rules.bitmaps.map(({ index, bits, initial }) => ({ index, bits: hex(bits), initial: hex(initial) })),
    idRegisters: {
      policy: id.policy,
      writable: encodeMap(id.writable),
      uncovered: encodeMap(id.uncovered),
      lowerable: id.lowerable.map(fieldText),
      afterRun: id.afterRun,
      forgives: id.forgives,
      minimum: id.minimum.map(fieldText),
      aarch32Absent: id.aarch32Absent,
      keepsPerVcpu: id.keepsPerVcpu,
      firstRunClears: id.firstRunClears.map(({ encoding, mask, unless }) => ({ register: hex(encoding), mask: hex(mask), unless })),
      gicV3Sets: id.gicV3Sets.map(fieldText),
      firstRunDependencies: id.firstRunDependencies.map(field => ({ field: fieldText(field), requires: fieldText(field.requires) })),
    },
    writableImpId: rules.writableImpId,
    clidr: rules.clidr,
    demux: rules.demux,
    timers: rules.timers,
    pmu: { setClear: rules.pmu.setClear, pmcrMask: hex(rules.pmu.pmcrMask) },
    init: rules.init,
    mpStates: rules.mpStates,
    smcccFilter: rules.smcccFilter,
    systemSuspend: rules.systemSuspend,
    firmware: rules.firmware,
    sysregs: rules.sysregs.map(encodeRow),
  }
}

const place = ({ encoding, shift }: FieldAtLeast): { encoding: Encoding; shift: number } => ({ encoding, shift })

export function decodeKernel(json: KernelJson): KernelRules {
  const { idRegisters: id } = json
  return {
    release: json.release,
    provenance: json.provenance,
    inferred: json.inferred,
    psci: json.psci,
    workarounds: json.workarounds as (1 | 2 | 3)[],
    workaround2FollowsVm: json.workaround2FollowsVm,
    workaround2: { low: json.workaround2.low.map(unhex), high: json.workaround2.high.map(unhex) },
    bitmaps: json.bitmaps.map(({ index, bits, initial }) => ({ index, bits: unhex(bits), initial: unhex(initial) })),
    idRegisters: {
      policy: id.policy,
      writable: decodeMap(id.writable),
      uncovered: decodeMap(id.uncovered),
      lowerable: id.lowerable.map(text => place(parseField(text))),
      afterRun: id.afterRun,
      forgives: id.forgives as Forgiveness[],
      minimum: id.minimum.map(parseField),
      aarch32Absent: id.aarch32Absent,
      keepsPerVcpu: id.keepsPerVcpu,
      firstRunClears: id.firstRunClears.map(({ register, mask, unless }) => ({ encoding: Number.parseInt(register, 16), mask: unhex(mask), unless })),
      gicV3Sets: id.gicV3Sets.map(text => place(parseField(text))),
      firstRunDependencies: id.firstRunDependencies.map(({ field, requires }) => ({ ...place(parseField(field)), requires: parseField(requires) })),
    },
    writableImpId: json.writableImpId,
    clidr: json.clidr,
    demux: json.demux,
    timers: json.timers,
    pmu: { setClear: json.pmu.setClear, pmcrMask: unhex(json.pmu.pmcrMask) },
    init: json.init,
    mpStates: json.mpStates,
    smcccFilter: json.smcccFilter,
    systemSuspend: json.systemSuspend,
    firmware: json.firmware,
    sysregs: json.sysregs.map(decodeRow),
  }
}

export function encodeHost(host: HostValues): HostJson {
  return {
    format: 'psci-snap-host',
    version: 1,
    cpu: host.cpu,
    provenance: host.provenance,
    inferred: host.inferred,
    targets: host.targets,
    features: host.features,
    workarounds: host.workarounds,
    mitigatesSsb: host.mitigatesSsb,
    ccsidr: Object.fromEntries([...host.ccsidr].sort(([a], [b]) => a - b).map(([n, value]) => [n, hex(value)])),
    vectorLengths: hex(host.vectorLengths),
    hardware: encodeMap(host.hardware),
    ...(host.unseen?.length ? { unseen: host.unseen } : {}),
    nestedMasks: Object.fromEntries([...host.nestedMasks].map(([encoding, [clear, set]]) => [hex(encoding), [hex(clear), hex(set)] as const])),
    capabilities: Object.fromEntries([...host.capabilities].sort(([a], [b]) => a - b)),
    values: encodeMap(host.values),
    overlays: Object.fromEntries([...host.overlays].map(([name, { flips, adds }]) => [name, { flips: encodeMap(flips), adds: encodeMap(adds) }])),
  }
}

export function decodeHost(json: HostJson): HostValues {
  const overlays = new Map<OverlayName, FeatureOverlay>()
  for (const [name, { flips, adds }] of Object.entries(json.overlays)) overlays.set(name as OverlayName, { flips: decodeMap(flips), adds: decodeMap(adds) })
  return {
    cpu: json.cpu,
    provenance: json.provenance,
    inferred: json.inferred,
    targets: json.targets,
    features: json.features,
    workarounds: json.workarounds,
    mitigatesSsb: json.mitigatesSsb,
    ccsidr: new Map(Object.entries(json.ccsidr).map(([n, value]) => [Number(n), Number.parseInt(value, 16)])),
    vectorLengths: unhex(json.vectorLengths),
    hardware: decodeMap(json.hardware),
    ...(json.unseen?.length ? { unseen: json.unseen as readonly Unseen[] } : {}),
    nestedMasks: new Map(Object.entries(json.nestedMasks).map(([encoding, [clear, set]]) => [Number.parseInt(encoding, 16), [unhex(clear), unhex(set)]])),
    capabilities: new Map(Object.entries(json.capabilities).map(([n, pair]) => [Number(n), pair])),
    values: decodeMap(json.values),
    overlays,
  }
}
