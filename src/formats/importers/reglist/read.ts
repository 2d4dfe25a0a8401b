// Owns the reading of kvm-reglist: any VMM's register dump as JSON. Reports what the file says; whether a kernel would like it is not asked here.
import { isAarch32Id } from '../../../arch/catalogue/aarch32.ts'
import { FEATURES, type Feature, featureMask, featuresOf } from '../../../arch/features.ts'
import { type RegId, showRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerList } from '../../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../../model/snapshot.ts'
import { SOURCE_LIMITS } from '../../source/limits.ts'
import { readAll, type Source } from '../../source/source.ts'
import type { Imported, Importer } from '../importer.ts'
import { parseJson } from './json-gate.ts'
import { GICS, MP_STATES, REGLIST_FORMAT, REGLIST_LIMITS, REGLIST_VERSION, TOP_KEYS, VCPU_KEYS } from './shape.ts'
import { parseValue } from './value-text.ts'

export const reglist: Importer = {
  id: REGLIST_FORMAT,
  sniff(head) {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
    if (!/^(?:\xef\xbb\xbf)?\s*\{/.test(text)) return undefined
    if (/"format"\s*:\s*"kvm-reglist"/.test(text)) return { because: 'JSON with "format":"kvm-reglist"' }
    // The key may stand behind the registers, out of sight; nothing else begins a list with an arm64 id like this.
    return /"registers"\s*:\s*\[\s*\[\s*"0x60[0-9a-fA-F]{14}"/.test(text) ? { because: 'JSON with a list of arm64 register ids' } : undefined
  },
  async read(source: Source) {
    return parseReglist(await readAll(source, SOURCE_LIMITS.reglistBytes, 'a kvm-reglist file'), source.name)
  },
}

/** Reads the bytes of a kvm-reglist file. Throws INPUT_CORRUPT with the JSON path that fails, LIMIT_EXCEEDED, or FORMAT_TOO_NEW. */
export function parseReglist(bytes: Uint8Array, file: string): Imported {
  const json = parseJson(bytes, file, REGLIST_LIMITS)
  const findings: Finding[] = []
  const snapshot = new ReglistReader(file, findings).snapshot(json)
  return { format: { id: REGLIST_FORMAT, version: REGLIST_VERSION }, snapshot, findings }
}

type Json = Readonly<Record<string, unknown>>

class ReglistReader {
  readonly #file: string
  readonly #findings: Finding[]

  constructor(file: string, findings: Finding[]) {
    this.#file = file
    this.#findings = findings
  }

  snapshot(json: unknown): Snapshot {
    const top = this.#object(json, 'the file')
    if (top.format !== REGLIST_FORMAT) throw this.#wrong('format', `is not "${REGLIST_FORMAT}"`)
    if (typeof top.version !== 'number' || !Number.isSafeInteger(top.version) || top.version < 1) throw this.#wrong('version', 'is not a version number')
    if (top.version > REGLIST_VERSION)
      throw new SnapError('FORMAT_TOO_NEW', `${this.#file} is kvm-reglist version ${top.version}; this release reads up to ${REGLIST_VERSION}`, {
        file: this.#file,
      })
    this.#reportUnknown(top, TOP_KEYS, '')
    const kernel = this.#optionalText(top.kernel, 'kernel')
    const cpu = this.#optionalText(top.cpu, 'cpu')
    return {
      origin: { ...(kernel === undefined ? {} : { kernel }), ...(cpu === undefined ? {} : { cpu }) },
      gic: top.gic === undefined ? 'none' : this.#oneOf(top.gic, 'gic', GICS),
      stop: 'running',
      vm: {},
      vcpus: this.#list(top.vcpus, 'vcpus', REGLIST_LIMITS.vcpus).map((vcpu, index) => this.#vcpu(vcpu, index)),
      devices: [],
      memory: [],
    }
  }

  #vcpu(json: unknown, index: number): VcpuSnapshot {
    const path = `vcpus[${index}]`
    const vcpu = this.#object(json, path)
    this.#reportUnknown(vcpu, VCPU_KEYS, path)
    const pairs = this.#list(vcpu.registers, `${path}.registers`, REGLIST_LIMITS.registers).map((pair, i) =>
      this.#register(pair, `${path}.registers[${i}]`, index),
    )
    return {
      index,
      ...(vcpu.features === undefined ? {} : { features: this.#features(vcpu.features, `${path}.features`) }),
      mpState: vcpu.mpState === undefined ? 'runnable' : this.#oneOf(vcpu.mpState, `${path}.mpState`, MP_STATES),
      registers: registerList(pairs),
    }
  }

  #register(pair: unknown, path: string, vcpu: number): readonly [RegId, Uint8Array] {
    if (!Array.isArray(pair) || pair.length !== 2) throw this.#wrong(path, 'is not a pair [id, value]', vcpu)
    const [idText, valueText] = pair as readonly unknown[]
    for (const [text, i, what] of [
      [idText, 0, 'id'],
      [valueText, 1, 'value'],
    ] as const)
      if (typeof text === 'number')
        throw this.#wrong(`${path}[${i}]`, `is a JSON number, which is not exact for 64 bits; write the ${what} as a text "0x…"`, vcpu)
    if (typeof idText !== 'string' || !/^0x[0-9a-fA-F]{1,16}$/.test(idText)) throw this.#wrong(`${path}[0]`, 'is not a 64-bit id "0x…"', vcpu)
    const raw = BigInt(idText)
    // AArch32 views are no ids of KVM/arm64; files of QEMU's TCG hold them, and a list made of one has to be readable.
    if (raw >> 56n !== 0x60n && !isAarch32Id(raw))
      throw this.#wrong(`${path}[0]`, `is ${showRegId(raw)}, which is no arm64 register id (those begin with 0x60)`, vcpu)
    const id = raw as RegId
    if (typeof valueText !== 'string') throw this.#wrong(`${path}[1]`, 'is not a value "0x…" or "b…"', vcpu)
    const value = parseValue(id, valueText)
    if ('wrong' in value) throw this.#wrong(`${path}[1]`, value.wrong, vcpu, showRegId(id))
    return [id, value]
  }

  #features(json: unknown, path: string): readonly Feature[] {
    const names = this.#list(json, path, 64).map((name, i) => this.#oneOf(name, `${path}[${i}]`, FEATURES))
    return featuresOf(featureMask(names))
  }

  #reportUnknown(map: Json, known: readonly string[], path: string): void {
    for (const key of Object.keys(map))
      if (!known.includes(key)) {
        const where = `${path === '' ? '' : `${path}.`}${JSON.stringify(key.slice(0, 60)).slice(1, -1)}`
        this.#findings.push({
          severity: 'warning',
          code: 'unknown-key',
          message: `${where} is not a key of kvm-reglist and is ignored`,
          hint: `known keys: ${known.join(' ')}`,
        })
      }
  }

  #object(json: unknown, path: string): Json {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw this.#wrong(path, 'is not an object')
    return json as Json
  }
  #list(json: unknown, path: string, most: number): readonly unknown[] {
    if (!Array.isArray(json)) throw this.#wrong(path, json === undefined ? 'is missing' : 'is not a list')
    if (json.length > most)
      throw new SnapError('LIMIT_EXCEEDED', `${this.#file}: ${path} has ${json.length} items, at most ${most} are allowed`, { file: this.#file, path })
    return json
  }
  #optionalText(json: unknown, path: string): string | undefined {
    if (json !== undefined && typeof json !== 'string') throw this.#wrong(path, 'is not a text')
    return json
  }
  #oneOf<T extends string>(json: unknown, path: string, names: readonly T[]): T {
    const found = names.find(name => name === json)
    if (found === undefined) throw this.#wrong(path, `is not one of ${names.join(' ')}`)
    return found
  }
  #wrong(path: string, what: string, vcpu?: number, register?: string): SnapError {
    const where = { file: this.#file, path, ...(vcpu === undefined ? {} : { vcpu }), ...(register === undefined ? {} : { register }) }
    return new SnapError('INPUT_CORRUPT', `${this.#file}: ${path} ${what}`, where, { hint: 'docs/format.md describes kvm-reglist' })
  }
}
