// Owns CPU templates: bits of registers that Firecracker sets before a guest starts. No guest and no host; shown as what it changes.
// Source: facts/vmm-formats.md §1.11.
import { registerName } from '../../../../arch/catalogue/catalogue.ts'
import { FEATURES } from '../../../../arch/features.ts'
import { decodeFields } from '../../../../arch/fields/fields.ts'
import { regBytes } from '../../../../arch/reg-id.ts'
import type { Finding } from '../../../../model/finding.ts'
import type { Snapshot } from '../../../../model/snapshot.ts'
import type { Imported } from '../../importer.ts'
import type { Bitmap } from './bitmap.ts'
import { type CpuConfig, isWhole, type Json, parseCpuConfig, type RegisterModifier } from './config.ts'
import { cpuOf, hostSnapshot, wholeRegisters } from './fingerprint.ts'

export const TEMPLATE_FORMAT = 'firecracker-cpu-template'
const PSTATE = 0x6030_0000_0010_0042n

/** Reads a template. Throws INPUT_CORRUPT with the path that fails, LIMIT_EXCEEDED, FORMAT_FOREIGN for one of x86_64. */
export function parseTemplate(json: Json, file: string): Imported {
  const findings: Finding[] = []
  const config = parseCpuConfig(json, 'the file', file, findings)
  // `template dump` writes a vCPU's whole configuration in the same form: every bit given, and registers that no template would set.
  if (config.modifiers.every(isWhole) && config.modifiers.some(({ id }) => id === PSTATE)) return dump(config, findings)
  const { modifiers, vcpuFeatures, kvmCapabilities } = config
  findings.unshift({
    severity: 'info',
    code: 'cpu-template',
    message: `this is a CPU template, not a saved guest: Firecracker changes ${modifiers.length} registers and ${vcpuFeatures.length} words of vCPU features with it, and checks ${kvmCapabilities.length} capabilities`,
  })
  findings.push(...vcpuFeatures.map(featureFinding), ...modifiers.map(modifierFinding))
  const snapshot: Snapshot = {
    origin: {},
    gic: 'none',
    stop: 'running',
    vm: {},
    vcpus: [],
    devices: [{ name: 'cpu-template', kind: TEMPLATE_FORMAT, state: templateState(config) }],
    memory: [],
  }
  return { format: { id: TEMPLATE_FORMAT }, snapshot, findings, guestless: true }
}

function dump(config: CpuConfig, findings: Finding[]): Imported {
  const registers = wholeRegisters(config, findings)
  const cpu = cpuOf(registers)
  const host = { registers, complete: false, ...(cpu === undefined ? {} : { cpu }) }
  findings.unshift({
    severity: 'info',
    code: 'never-run',
    message: 'this is the dump of a vCPU before it ran, in the form of a CPU template, sorted by id; it does not say which kernel it is of',
  })
  return { format: { id: TEMPLATE_FORMAT }, snapshot: hostSnapshot(host, config), findings, host }
}

/** Values as plain state: 128 bits do not fit a bigint of the model, so every number is text. */
const templateState = ({ kvmCapabilities, vcpuFeatures, modifiers }: CpuConfig): unknown => ({
  kvmCapabilities,
  vcpuFeatures: vcpuFeatures.map(({ index, ...bitmap }) => ({ index, ...shown(bitmap) })),
  modifiers: modifiers.map(({ id, ...bitmap }) => ({ id, ...shown(bitmap) })),
})

const hex = (value: bigint): string => `0x${value.toString(16)}`
const shown = ({ filter, value }: Bitmap): { readonly filter: string; readonly value: string } => ({ filter: hex(filter), value: hex(value) })

function modifierFinding(modifier: RegisterModifier): Finding {
  const { id, filter, value } = modifier
  const register = registerName(id)
  const fields = regBytes(id) > 8 ? [] : decodeFields(id, value)
  const covered = fields.filter(({ msb, lsb }) => {
    const mask = ((1n << BigInt(msb - lsb + 1)) - 1n) << BigInt(lsb)
    return (filter & mask) === mask
  })
  const names = covered.map(field => `${field.name}=0x${field.value.toString(16)}`)
  const what = isWhole(modifier) ? `is set to ${hex(value)}` : `gets ${hex(value)} in the bits ${hex(filter)}`
  return {
    severity: 'info',
    code: 'register-modifier',
    register,
    message: `${register} ${what}${names.length > 0 && !isWhole(modifier) ? ` (${names.join(' ')})` : ''}`,
  }
}

function featureFinding({ index, filter, value }: CpuConfig['vcpuFeatures'][number]): Finding {
  const named = (mask: bigint): string => FEATURES.filter((_, bit) => index === 0 && (mask >> BigInt(bit)) & 1n).join(' ') || 'none'
  return {
    severity: 'info',
    code: 'feature-modifier',
    message: `vCPU features word ${index}: bits ${hex(filter)} become ${hex(value)} (on: ${named(value)}; off: ${named(filter & ~value)})`,
  }
}
