// Owns the JSON that CPU templates and fingerprints share: capabilities, vCPU features, register modifiers. Names the path of what is wrong.
import { type RegId, regBytes, regId, showRegId } from '../../../../arch/reg-id.ts'
import { SnapError } from '../../../../errors.ts'
import type { Finding } from '../../../../model/finding.ts'
import { readAll, type Source } from '../../../source/source.ts'
import { parseJson } from '../../reglist/json-gate.ts'
import { FIRECRACKER_LIMITS } from '../limits.ts'
import { type Bitmap, parseBitmap } from './bitmap.ts'

export interface RegisterModifier extends Bitmap {
  readonly id: RegId
}

export interface CpuConfig {
  /** KVM_CAP_ numbers that Firecracker checks in addition, or with `!` does not check. */
  readonly kvmCapabilities: readonly string[]
  /** Words of kvm_vcpu_init.features. */
  readonly vcpuFeatures: readonly ({ readonly index: number } & Bitmap)[]
  readonly modifiers: readonly RegisterModifier[]
}

export type Json = Readonly<Record<string, unknown>>

const KEYS = ['kvm_capabilities', 'vcpu_features', 'reg_modifiers']
const X86_KEYS = ['cpuid_modifiers', 'msr_modifiers']
/** Firecracker knows these widths only. */
const WIDTHS: readonly number[] = [4, 8, 16]
const FEATURE_WORDS = 7
const NUMBER = /^0x[0-9a-fA-F]{1,16}$|^0b[01]{1,64}$/

/** Reads the file as JSON. Throws INPUT_CORRUPT, LIMIT_EXCEEDED. */
export async function readConfigFile(source: Source): Promise<Json> {
  const bytes = await readAll(source, FIRECRACKER_LIMITS.cpuConfigBytes, 'a Firecracker CPU template or fingerprint')
  return objectOf(parseJson(bytes, source.name, FIRECRACKER_LIMITS.cpuConfig), 'the file', source.name)
}

/**
 * Reads the object that holds the modifiers; `path` is where it stands in the file. Throws INPUT_CORRUPT with the path that fails, LIMIT_EXCEEDED,
 * FORMAT_FOREIGN for one of x86_64. Keys that mean nothing become findings.
 */
export function parseCpuConfig(json: unknown, path: string, file: string, findings: Finding[]): CpuConfig {
  const config = objectOf(json, path, file)
  const at = (key: string): string => (path === 'the file' ? key : `${path}.${key}`)
  if (X86_KEYS.some(key => key in config)) throw new SnapError('FORMAT_FOREIGN', `${file} is about an x86_64 CPU (${X86_KEYS.join(', ')})`, { file })
  unknownKeys(config, KEYS, path, findings)
  return {
    kvmCapabilities: listOf(config.kvm_capabilities, at('kvm_capabilities'), file).map((each, i) => {
      if (typeof each !== 'string' || !/^!?\d{1,10}$/.test(each)) throw wrong(file, `${at('kvm_capabilities')}[${i}]`, 'is not a capability "170" or "!170"')
      return each
    }),
    vcpuFeatures: listOf(config.vcpu_features, at('vcpu_features'), file).map((each, i) => {
      const where = `${at('vcpu_features')}[${i}]`
      const { index, bitmap } = objectOf(each, where, file)
      if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= FEATURE_WORDS)
        throw wrong(file, `${where}.index`, `is not a word 0 to ${FEATURE_WORDS - 1}`)
      return { index, ...bitmapOf(bitmap, 32, `${where}.bitmap`, file) }
    }),
    modifiers: listOf(config.reg_modifiers, at('reg_modifiers'), file).map((each, i) => {
      const where = `${at('reg_modifiers')}[${i}]`
      const { addr, bitmap } = objectOf(each, where, file)
      if (typeof addr !== 'string' || !NUMBER.test(addr)) throw wrong(file, `${where}.addr`, 'is not a 64-bit id "0x…"')
      const raw = BigInt(addr)
      if (raw >> 56n !== 0x60n || !WIDTHS.includes(regBytes(raw as RegId)))
        throw wrong(file, `${where}.addr`, `is ${showRegId(raw)}, which is no arm64 register of 32, 64 or 128 bits`)
      const id = regId(raw)
      return { id, ...bitmapOf(bitmap, regBytes(id) * 8, `${where}.bitmap`, file, showRegId(id)) }
    }),
  }
}

/** True when no bit of the register is left alone: then the modifier is its value. */
export const isWhole = ({ id, filter }: RegisterModifier): boolean => filter === (1n << BigInt(regBytes(id) * 8)) - 1n

export function unknownKeys(json: Json, known: readonly string[], path: string, findings: Finding[]): void {
  for (const key of Object.keys(json).filter(each => !known.includes(each)))
    findings.push({
      severity: 'warning',
      code: 'unknown-key',
      message: `${path === 'the file' ? '' : `${path}.`}${JSON.stringify(key.slice(0, 60)).slice(1, -1)} is not a key that Firecracker knows; it is ignored here, and refused there`,
    })
}

/** A text that may be missing. */
export function optionalText(json: unknown, path: string, file: string): string | undefined {
  if (json !== undefined && json !== null && typeof json !== 'string') throw wrong(file, path, 'is not a text')
  return json ?? undefined
}

function bitmapOf(json: unknown, bits: number, path: string, file: string, register?: string): Bitmap {
  if (typeof json !== 'string') throw wrong(file, path, 'is not a bitmap "0b…"', register)
  const bitmap = parseBitmap(json, bits)
  if ('wrong' in bitmap) throw wrong(file, path, bitmap.wrong, register)
  return bitmap
}

function objectOf(json: unknown, path: string, file: string): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(file, path, json === undefined ? 'is missing' : 'is not an object')
  return json as Json
}

/** Firecracker takes an absent list for an empty one. */
function listOf(json: unknown, path: string, file: string): readonly unknown[] {
  if (json === undefined) return []
  if (!Array.isArray(json)) throw wrong(file, path, 'is not a list')
  const most = FIRECRACKER_LIMITS.cpuConfig.modifiers
  if (json.length > most) throw new SnapError('LIMIT_EXCEEDED', `${file}: ${path} has ${json.length} items, at most ${most} are read`, { file, path })
  return json
}

const wrong = (file: string, path: string, what: string, register?: string): SnapError =>
  new SnapError('INPUT_CORRUPT', `${file}: ${path} ${what}`, { file, path, ...(register === undefined ? {} : { register }) })
