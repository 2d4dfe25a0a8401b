// Owns what `builds show` and `builds diff` say, as plain data: registers, default values, rules and what a guest can see. Prints nothing.
import { type Feature, featureMask, featuresOf } from '../arch/features.ts'
import { COPROC, type RegId } from '../arch/reg-id.ts'
import type { Build } from './build.ts'
import { encodeHost, encodeKernel } from './codec.ts'
import { freshRegisters } from './compose.ts'
import type { Provenance } from './kernel-rules.ts'

const psciText = (version: number): string => `${version >> 16}.${version & 0xffff}`

export interface BuildDescription {
  readonly name: string
  readonly kernel: string
  readonly cpu: string
  readonly psci: { readonly default: string; readonly accepted: readonly string[]; readonly without02: string }
  readonly features: readonly Feature[]
  /** SMCCC_ARCH_WORKAROUND_n levels by n. */
  readonly workarounds: Readonly<Record<string, number>>
  readonly bitmaps: readonly { readonly index: number; readonly bits: bigint; readonly initial: bigint }[]
  /** What a PSCI 0.2 vCPU lists beyond core registers, in list order. */
  readonly registers: readonly { readonly id: RegId; readonly value: bigint }[]
  readonly rules: Readonly<Record<string, string>>
  readonly guest: Readonly<Record<string, string>>
  readonly provenance: { readonly kernel: readonly Provenance[]; readonly host: readonly Provenance[] }
  /** What no recording shows, and what it was concluded from. */
  readonly inferred: readonly string[]
}

export interface BuildDifference {
  readonly a: string
  readonly b: string
  readonly registers: { readonly onlyInA: readonly RegId[]; readonly onlyInB: readonly RegId[] }
  /** Registers of both with other values on a fresh vCPU. */
  readonly defaults: readonly { readonly id: RegId; readonly a: bigint; readonly b: bigint }[]
  /** What userspace is allowed; `rule` is a path. */
  readonly rules: readonly RuleDifference[]
  /** What a guest that calls firmware can tell apart. */
  readonly guest: readonly RuleDifference[]
}
export interface RuleDifference {
  readonly rule: string
  readonly a?: string
  readonly b?: string
}

const COUNTERS = new Set([0xdf1an, 0xdf01n])
const isCounter = (id: bigint): boolean => ((id >> 16n) & 0xfffn) === BigInt(COPROC.sysreg) && COUNTERS.has(id & 0xffffn)

/** `features` chooses the vCPU whose registers are shown; default PSCI 0.2 and nothing else. */
export function showBuild(build: Build, features: readonly Feature[] = ['psci_0_2']): BuildDescription {
  const { kernel, host } = build
  return {
    name: build.name,
    kernel: kernel.release,
    cpu: host.cpu,
    psci: { default: psciText(kernel.psci.initial), accepted: kernel.psci.accepted.map(psciText), without02: '0.1' },
    features: featuresOf(host.features),
    workarounds: Object.fromEntries(kernel.workarounds.map(n => [n, host.workarounds[n - 1] ?? 0])),
    bitmaps: kernel.bitmaps,
    registers: freshRegisters(build, featureMask(features)).map(([id, value]) => ({ id, value })),
    rules: rulesOf(build),
    guest: guestOf(build),
    provenance: { kernel: kernel.provenance, host: host.provenance },
    inferred: [...kernel.inferred, ...host.inferred],
  }
}

export function diffBuilds(a: Build, b: Build, features: readonly Feature[] = ['psci_0_2']): BuildDifference {
  const [x, y] = [a, b].map(build => new Map(freshRegisters(build, featureMask(features)))) as [Map<RegId, bigint>, Map<RegId, bigint>]
  return {
    a: a.name,
    b: b.name,
    registers: { onlyInA: [...x.keys()].filter(id => !y.has(id)), onlyInB: [...y.keys()].filter(id => !x.has(id)) },
    defaults: [...x].flatMap(([id, value]) => {
      const other = y.get(id)
      return other === undefined || other === value || isCounter(id) ? [] : [{ id, a: value, b: other }]
    }),
    rules: differences(rulesOf(a), rulesOf(b)),
    guest: differences(guestOf(a), guestOf(b)),
  }
}

function differences(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): RuleDifference[] {
  const rules = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return rules
    .filter(rule => a[rule] !== b[rule])
    .map(rule => ({ rule, ...(a[rule] === undefined ? {} : { a: a[rule] }), ...(b[rule] === undefined ? {} : { b: b[rule] }) }))
}

/** Every leaf of the rules by path, `idRegisters.writable.c020`; registers, values and provenance are elsewhere. */
function rulesOf(build: Build): Record<string, string> {
  const { format, version, release, provenance, inferred, sysregs, firmware, psci, bitmaps, ...kernel } = encodeKernel(build.kernel)
  const { targets, features, mitigatesSsb, vectorLengths } = encodeHost(build.host)
  const order = sysregs.map(row => row.split(' ')[0]).join(' ')
  return flatten({ ...kernel, order: fingerprint(order), host: { targets, features, mitigatesSsb, vectorLengths } })
}

function guestOf(build: Build): Record<string, string> {
  const { inferred, ...firmware } = build.firmware
  const { psci, bitmaps } = encodeKernel(build.kernel)
  return flatten({
    firmware,
    psci: { default: psciText(psci.initial), accepted: psci.accepted.map(psciText) },
    bitmaps: Object.fromEntries(bitmaps.map(({ index, bits, initial }) => [index, { bits, initial }])),
    workarounds: build.host.workarounds,
  })
}

/** Two lists in the same order have the same one. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  return hash.toString(16)
}

function flatten(value: unknown, path = ''): Record<string, string> {
  if (Array.isArray(value) && value.every(each => typeof each !== 'object')) return { [path]: value.join(' ') }
  if (typeof value !== 'object' || value === null) return { [path]: String(value) }
  return Object.fromEntries(Object.entries(value).flatMap(([key, member]) => Object.entries(flatten(member, path === '' ? key : `${path}.${key}`))))
}
