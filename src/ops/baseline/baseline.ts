// Owns the baseline: what a guest must be born with to move freely among given hosts, as a value and as a file (`psci-snap-baseline`, version 1).
// Read from strangers, so every part is checked. How it is found is agreed-values.ts and find-baseline.ts. No I/O.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { FEATURES, type Feature } from '../../arch/features.ts'
import { parsePsciVersion, showPsciVersion } from '../../arch/psci.ts'
import { type RegId, regBytes, regId, showRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import { SnapError } from '../../errors.ts'
import type { Gic } from '../../model/snapshot.ts'

/** One register of a baseline. */
export interface BaselineRegister {
  readonly id: RegId
  readonly value: bigint
  /** Bits that the baseline is about; the others stay each host's own. Absent: all. */
  readonly mask?: bigint
  /** Hosts that show a new guest another value: there a VMM must write it before the first run. Empty: nothing to write. */
  readonly writeOn: readonly string[]
  /** Hosts that list the register, when not all do. */
  readonly listedOn?: readonly string[]
}

export interface Baseline {
  /** Exact names of builds. */
  readonly hosts: readonly string[]
  readonly features: readonly Feature[]
  readonly gic: Gic
  /** `X.Y`. */
  readonly psci: string
  /** In list order: firmware, bitmaps, SVE lengths, ID registers, caches. */
  readonly registers: readonly BaselineRegister[]
  /** Every move among the hosts survives. */
  readonly free: boolean
  /** Why not, in sentences. */
  readonly obstacles: readonly string[]
}

/** Longest accepted baseline file, in characters. */
export const MOST_BASELINE_FILE = 1 << 20
const MOST_HOSTS = 1000
const MOST_REGISTERS = 2000

const hex = (value: bigint): string => `0x${value.toString(16)}`

/** The JSON form; `vmm` is what VMMs are told, for people and scripts, and is not read back. */
export function baselineJson(baseline: Baseline, vmm?: object): Record<string, unknown> {
  return {
    format: 'psci-snap-baseline',
    version: 1,
    hosts: baseline.hosts,
    features: baseline.features,
    gic: baseline.gic,
    psci: baseline.psci,
    free: baseline.free,
    obstacles: baseline.obstacles,
    registers: baseline.registers.map(({ id, value, mask, writeOn, listedOn }) => ({
      id: showRegId(id),
      name: registerName(id),
      value: hex(value),
      ...(mask === undefined ? {} : { mask: hex(mask) }),
      writeOn,
      ...(listedOn === undefined ? {} : { listedOn }),
    })),
    ...(vmm === undefined ? {} : { vmm }),
  }
}

/** Parses a baseline file's text. Throws BASELINE_INVALID with the path of the first thing wrong. `file` is for messages. */
export function parseBaseline(text: string, file: string): Baseline {
  const wrong = (path: string, what: string): SnapError =>
    new SnapError('BASELINE_INVALID', `${file}: ${path === '' ? 'the file' : path}: ${what}`, { file, path })
  if (text.length > MOST_BASELINE_FILE) throw wrong('', `longer than a baseline can be (${MOST_BASELINE_FILE} characters)`)
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw wrong('', `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  return new Parser(wrong).baseline(raw)
}

const KEYS = ['format', 'version', 'hosts', 'features', 'gic', 'psci', 'free', 'obstacles', 'registers', 'vmm']
const REGISTER_KEYS = ['id', 'name', 'value', 'mask', 'writeOn', 'listedOn']

class Parser {
  readonly #wrong: (path: string, what: string) => SnapError

  constructor(wrong: (path: string, what: string) => SnapError) {
    this.#wrong = wrong
  }

  baseline(raw: unknown): Baseline {
    const top = this.#object(raw, '', KEYS)
    if (top.format !== 'psci-snap-baseline') throw this.#wrong('format', 'not psci-snap-baseline')
    if (top.version !== 1) throw this.#wrong('version', 'only version 1 is known')
    const features = this.#texts(top.features, 'features', FEATURES.length)
    const unknown = features.find(name => !(FEATURES as readonly string[]).includes(name))
    if (unknown !== undefined) throw this.#wrong('features', `there is no vCPU feature "${unknown}"`)
    if (top.gic !== 'none' && top.gic !== 'v2' && top.gic !== 'v3') throw this.#wrong('gic', 'none, v2 or v3')
    if (typeof top.free !== 'boolean') throw this.#wrong('free', 'true or false')
    const registers = this.#list(top.registers, 'registers', MOST_REGISTERS).map((each, at) => this.#register(each, `registers.${at}`))
    const twice = registers.findIndex(({ id }, at) => registers.findIndex(other => other.id === id) !== at)
    if (twice >= 0) throw this.#wrong(`registers.${twice}.id`, 'stands here twice')
    const psci = this.#psci(top.psci)
    const pinned = registers.find(({ id }) => id === PSCI_VERSION_ID)
    if (pinned && showPsciVersion(pinned.value) !== psci) throw this.#wrong('psci', `${psci}, but the register says ${showPsciVersion(pinned.value)}`)
    return {
      hosts: this.#texts(top.hosts, 'hosts', MOST_HOSTS),
      features: features as readonly Feature[],
      gic: top.gic,
      psci,
      registers,
      free: top.free,
      obstacles: this.#texts(top.obstacles, 'obstacles', MOST_HOSTS),
    }
  }

  #psci(value: unknown): string {
    if (typeof value !== 'string' || !/^\d{1,5}\.\d{1,5}$/.test(value)) throw this.#wrong('psci', 'a version such as "1.1"')
    return showPsciVersion(parsePsciVersion(value))
  }

  #register(raw: unknown, path: string): BaselineRegister {
    const row = this.#object(raw, path, REGISTER_KEYS)
    const id = this.#id(row.id, `${path}.id`)
    const most = 1n << BigInt(regBytes(id) * 8)
    const number = (value: unknown, at: string): bigint => {
      if (typeof value !== 'string' || !/^0x[0-9a-f]{1,128}$/.test(value)) throw this.#wrong(at, 'a value such as "0x10001"')
      const parsed = BigInt(value)
      if (parsed >= most) throw this.#wrong(at, `more than ${regBytes(id) * 8} bits`)
      return parsed
    }
    return {
      id,
      value: number(row.value, `${path}.value`),
      ...(row.mask === undefined ? {} : { mask: number(row.mask, `${path}.mask`) }),
      writeOn: this.#texts(row.writeOn, `${path}.writeOn`, MOST_HOSTS),
      ...(row.listedOn === undefined ? {} : { listedOn: this.#texts(row.listedOn, `${path}.listedOn`, MOST_HOSTS) }),
    }
  }

  #id(value: unknown, path: string): RegId {
    if (typeof value !== 'string' || !/^0x[0-9a-f]{16}$/.test(value)) throw this.#wrong(path, 'a register id such as "0x6030000000140000"')
    try {
      return regId(BigInt(value))
    } catch {
      throw this.#wrong(path, 'not an arm64 register id')
    }
  }

  #object(raw: unknown, path: string, keys: readonly string[]): Record<string, unknown> {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw this.#wrong(path, 'not an object')
    const strange = Object.keys(raw).find(key => !keys.includes(key))
    if (strange !== undefined) throw this.#wrong(path === '' ? strange.slice(0, 60) : `${path}.${strange.slice(0, 60)}`, 'no such key')
    return raw as Record<string, unknown>
  }

  #list(raw: unknown, path: string, most: number): readonly unknown[] {
    if (!Array.isArray(raw)) throw this.#wrong(path, 'not a list')
    if (raw.length > most) throw this.#wrong(path, `more than ${most} entries`)
    return raw
  }

  #texts(raw: unknown, path: string, most: number): readonly string[] {
    return this.#list(raw, path, most).map((each, at) => {
      if (typeof each !== 'string' || each.length > 4000) throw this.#wrong(`${path}.${at}`, 'not a text')
      return each
    })
  }
}
