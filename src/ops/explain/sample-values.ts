// Owns which values of a register are worth trying on a host, and what each is called: by the kind of the register, never by a kernel.
import { registerRow } from '../../arch/catalogue/catalogue.ts'
import type { WriteRule } from '../../arch/catalogue/row.ts'
import { registerFields } from '../../arch/fields/fields.ts'
import { type Field, fieldBits, fieldWidth } from '../../arch/fields/notation.ts'
import { PSCI_VERSIONS, parsePsciVersion, showPsciVersion } from '../../arch/psci.ts'
import { type RegId, regBytes, regCoproc, sveVlsId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, bitmapNames, PSCI_VERSION_ID, showWorkaround, WORKAROUND_2_ENABLED, WORKAROUND_IDS, WORKAROUND_LEVELS } from '../../arch/smccc.ts'

/** `what` says how the value stands to the one that a fresh vCPU has. */
export interface Sample {
  readonly text: string
  readonly value: bigint
  readonly what: 'own' | 'other' | 'lower' | 'higher'
}

/** The next versions that the specification could bring; no recorded kernel takes them. */
const FUTURE_PSCI = ['1.4', '2.0'] as const
const CORE_MODES: readonly (readonly [text: string, value: bigint])[] = [
  ['EL1h', 0x3c5n],
  ['EL0t', 0x0n],
  ['AArch32 user mode', 0x10n],
  ['AArch32 supervisor mode', 0x1d3n],
  ['EL2h', 0x3c9n],
]

/** Values of a register whose fresh value is `own`, the usual one first. */
export function sampleValues(id: RegId, own: bigint): readonly Sample[] {
  const values = firmwareSamples(id) ?? coreSamples(id) ?? fieldSamples(id, own) ?? plainSamples(id, own)
  const seen = new Set<bigint>()
  return [{ text: 'its own value', value: own, what: 'own' as const }, ...values].filter(({ value, what }) => {
    // A named value says more than "its own": a version, a level, a set of services.
    const named = what === 'own' && values.some(other => other.value === value)
    return !named && !seen.has(value) && seen.add(value)
  })
}

/** A value of this register as people say it: `1.3`, `NOT_REQUIRED`, `0x1 TRNG_V1_0`, `0x…`. */
export function sayValue(id: RegId, value: bigint): string {
  if (id === PSCI_VERSION_ID) return showPsciVersion(value)
  const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)
  const hex = `0x${value.toString(16)}`
  if (workaround !== undefined) return showWorkaround(workaround, value) === hex ? hex : `${hex} ${showWorkaround(workaround, value)}`
  if (regCoproc(id) === 0x16) return value === 0n ? '0x0 none' : `${hex} ${bitmapNames(id, value).join(' ')}`
  return hex
}

function firmwareSamples(id: RegId): readonly Sample[] | undefined {
  const other = (value: bigint): Sample => ({ text: sayValue(id, value), value, what: 'other' })
  if (id === PSCI_VERSION_ID) return [...PSCI_VERSIONS, ...FUTURE_PSCI].map(version => other(parsePsciVersion(version)))
  const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)
  if (workaround !== undefined) {
    const levels = WORKAROUND_LEVELS[workaround].map(({ value }) => BigInt(value))
    return [...levels, ...(workaround === 2 ? [2n | WORKAROUND_2_ENABLED] : []), BigInt(levels.length)].map(other)
  }
  if (regCoproc(id) !== 0x16) return undefined
  const bits = BITMAP_BITS.filter(row => row.register === id).map(row => 1n << BigInt(row.bit))
  const all = bits.reduce((sum, bit) => sum | bit, 0n)
  return [0n, ...bits, ...(bits.length > 1 ? [all] : []), all + 1n].map(other)
}

function coreSamples(id: RegId): readonly Sample[] | undefined {
  if (registerRow(id)?.name !== 'PSTATE') return undefined
  return CORE_MODES.map(([text, value]) => ({ text, value, what: 'other' }))
}

/** Rules under which a value is judged field by field. */
const BY_FIELD: ReadonlySet<WriteRule> = new Set(['id-register', 'implementation-id', 'cache-geometry', 'same-value', 'os-lock-bit', 'counter-number'])

export const isJudgedByField = (id: RegId): boolean => BY_FIELD.has(registerRow(id)?.write ?? 'plain')

/** One step down and one step up of every field that means something, in the order in which the field counts. */
function fieldSamples(id: RegId, own: bigint): readonly Sample[] | undefined {
  if (!isJudgedByField(id)) return undefined
  const fields = registerFields(id).filter(field => !field.reserved)
  return fields.length === 0 ? undefined : fields.flatMap(field => [...step(own, field, -1, 'lower'), ...step(own, field, 1, 'higher')])
}

function step(own: bigint, field: Field, by: 1 | -1, what: 'lower' | 'higher'): readonly Sample[] {
  const width = fieldWidth(field)
  const size = 1n << BigInt(width)
  const raw = fieldBits(field, own)
  const signed = field.order === 'signed'
  const next = raw + BigInt(by)
  const limit = signed ? size / 2n : size
  const counts = signed && raw >= size / 2n ? raw - size : raw
  if (counts + BigInt(by) >= limit || counts + BigInt(by) < (signed ? -limit : 0n)) return []
  const bits = ((next % size) + size) % size
  const mask = (size - 1n) << BigInt(field.lsb)
  return [{ text: field.name, value: (own & ~mask) | (bits << BigInt(field.lsb)), what }]
}

function plainSamples(id: RegId, own: bigint): readonly Sample[] {
  const all = (1n << BigInt(regBytes(id) * 8)) - 1n
  if (id === sveVlsId)
    return [
      { text: 'the shortest length only', value: 1n, what: 'other' },
      { text: 'all but the longest length', value: own ^ (1n << BigInt(own.toString(2).length - 1)), what: 'other' },
      { text: 'a gap among its lengths', value: own & ~2n, what: 'other' },
      { text: 'longer vectors than the host has', value: own | (own << 1n) | 1n, what: 'other' },
    ]
  return [
    ...(own === 0n ? [] : [{ text: '0', value: 0n, what: 'other' } as const]),
    { text: '1', value: 1n, what: 'other' },
    { text: 'all bits set', value: all, what: 'other' },
  ]
}
