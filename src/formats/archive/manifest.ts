// Owns manifest.json: who a snapshot is, readable without decoding anything else. All of it but `tool` is derived from the other members,
// so it is not part of the content digest, and `verify` derives it again. Knows JSON, not tar.
import { showPsciVersion } from '../../arch/psci.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import { SnapError } from '../../errors.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Gic, Snapshot, StopReason, VcpuSnapshot } from '../../model/snapshot.ts'
import { LIMITS } from './limits.ts'

/** The container this release writes; it reads every one up to it. */
export const FORMAT_VERSION = 1

export interface Manifest {
  readonly formatVersion: number
  readonly schemaVersion: number
  /** Who wrote the file, e.g. `psci-snap 0.1.0`. */
  readonly tool: string
  readonly build?: string
  readonly kernel?: string
  readonly cpu?: string
  readonly vmm?: string
  /** PSCI version `X.Y` of the last vCPU that has one: the one that is written last decides. */
  readonly psci?: string
  /** Only when vCPUs disagree: one entry per vCPU, `-` for none. */
  readonly psciPerVcpu?: readonly string[]
  readonly vcpus: number
  /** Init features of each vCPU, or `unknown` where the source did not say; absent when it said so of none. */
  readonly features?: readonly (readonly string[] | 'unknown')[]
  readonly gic: Gic
  readonly stop: StopReason
  readonly devices: readonly string[]
  /** Guest physical start and size as `0x…`. */
  readonly memory: readonly { readonly name: string; readonly start: string; readonly size: string }[]
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`

/** What manifest.json says about a snapshot. */
export function manifestOf(snapshot: Snapshot, schemaVersion: number, tool: string): Manifest {
  const { origin, vcpus } = snapshot
  const perVcpu = vcpus.map(v => psciOf(v))
  const psci = perVcpu.findLast(version => version !== '-')
  return {
    formatVersion: FORMAT_VERSION,
    schemaVersion,
    tool,
    ...(origin.build === undefined ? {} : { build: origin.build }),
    ...(origin.kernel === undefined ? {} : { kernel: origin.kernel }),
    ...(origin.cpu === undefined ? {} : { cpu: origin.cpu }),
    ...(origin.vmm === undefined ? {} : { vmm: origin.vmm }),
    ...(psci === undefined ? {} : { psci }),
    ...(new Set(perVcpu).size > 1 ? { psciPerVcpu: perVcpu } : {}),
    vcpus: vcpus.length,
    ...(vcpus.some(v => v.features) ? { features: vcpus.map(v => v.features ?? 'unknown') } : {}),
    gic: snapshot.gic,
    stop: snapshot.stop,
    devices: snapshot.devices.map(device => device.name),
    memory: snapshot.memory.map(({ name, start, size }) => ({ name, start: hex(start), size: hex(size) })),
  }
}

/** `X.Y`, or `-` for a vCPU that does not list the register. */
function psciOf({ registers }: VcpuSnapshot): string {
  const value = registerValue(registers, PSCI_VERSION_ID)
  return value === undefined ? '-' : showPsciVersion(value)
}

/** One line of JSON: `format` first, then the keys in the order of Manifest. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ format: 'psnap', ...manifest })}\n`)
}

/**
 * Reads manifest.json. Versions are looked at before anything else: FORMAT_TOO_NEW or SCHEMA_TOO_NEW for a file from the future, else
 * ARCHIVE_CORRUPT naming the key. Keys that this release does not know are ignored here and reported by `verify`.
 */
export function parseManifest(bytes: Uint8Array, file: string, newestSchema: number): Manifest {
  const corrupt = (path: string, what: string): SnapError =>
    new SnapError('ARCHIVE_CORRUPT', `${file}: manifest.json: ${path} ${what}`, { file, member: 'manifest.json', path })
  if (bytes.length > LIMITS.manifestBytes) throw new SnapError('LIMIT_EXCEEDED', `${file}: manifest.json has ${bytes.length} bytes`, { file })
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new SnapError('ARCHIVE_CORRUPT', `${file}: manifest.json is not JSON`, { file, member: 'manifest.json' }, { cause })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw corrupt('it', 'is not an object')
  const raw = json as Record<string, unknown>
  if (raw.format !== 'psnap') throw corrupt('format', 'is not "psnap"')
  const count = (key: string, min: number, max: number): number => {
    const value = raw[key]
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) throw corrupt(key, 'is not a count')
    if (value > max) throw corrupt(key, `is ${value}, more than ${max}`)
    return value
  }
  const formatVersion = count('formatVersion', 1, Number.MAX_SAFE_INTEGER)
  if (formatVersion > FORMAT_VERSION)
    throw new SnapError('FORMAT_TOO_NEW', `${file} has archive format ${formatVersion}; this release reads up to ${FORMAT_VERSION}`, { file })
  const schemaVersion = count('schemaVersion', 1, Number.MAX_SAFE_INTEGER)
  if (schemaVersion > newestSchema)
    throw new SnapError('SCHEMA_TOO_NEW', `${file} has schema version ${schemaVersion}; this release reads up to ${newestSchema}`, { file })
  const text = (key: string): string => {
    const value = raw[key]
    if (typeof value !== 'string') throw corrupt(key, 'is not a text')
    return value
  }
  const texts = (value: unknown, path: string): readonly string[] => {
    if (!Array.isArray(value) || !value.every(item => typeof item === 'string')) throw corrupt(path, 'is not a list of texts')
    return value
  }
  const list = (key: string): readonly unknown[] => {
    const value = raw[key]
    if (!Array.isArray(value)) throw corrupt(key, 'is not a list')
    return value
  }
  const oneOf = <T extends string>(key: string, names: readonly T[]): T => {
    const value = names.find(name => name === raw[key])
    if (value === undefined) throw corrupt(key, `is not one of ${names.join(' ')}`)
    return value
  }
  const optional = ['build', 'kernel', 'cpu', 'vmm', 'psci'].filter(key => raw[key] !== undefined)
  return {
    formatVersion,
    schemaVersion,
    tool: text('tool'),
    ...Object.fromEntries(optional.map(key => [key, text(key)])),
    ...(raw.psciPerVcpu === undefined ? {} : { psciPerVcpu: texts(raw.psciPerVcpu, 'psciPerVcpu') }),
    vcpus: count('vcpus', 0, LIMITS.vcpus),
    ...(raw.features === undefined ? {} : { features: list('features').map((f, i) => (f === 'unknown' ? f : texts(f, `features[${i}]`))) }),
    gic: oneOf('gic', ['none', 'v2', 'v3']),
    stop: oneOf('stop', ['running', 'off', 'reset', 'hibernated', 'suspended']),
    devices: texts(raw.devices, 'devices'),
    memory: list('memory').map((item, i) => {
      const row = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>
      if (typeof row.name !== 'string' || !isHex(row.start) || !isHex(row.size)) throw corrupt(`memory[${i}]`, 'is not {name,start,size}')
      return { name: row.name, start: row.start, size: row.size }
    }),
  }
}

const isHex = (value: unknown): value is string => typeof value === 'string' && /^0x[0-9a-f]{1,16}$/.test(value)
