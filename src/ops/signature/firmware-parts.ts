// Owns what of an environment is firmware: PSCI, bitmaps, workaround levels, services. By what a guest is answered, whatever register or rule of a
// kernel is behind it. Sources: arch/psci.ts, arch/smccc.ts; facts/kvm-arm64-rules.md §2, §3 (filter, then bitmaps, then the default list).
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { PSCI_01_FUNCTIONS, PSCI_VERSIONS, type PsciVersion, parsePsciVersion, psciFunctionsOf, showPsciVersion } from '../../arch/psci.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, bitmapNames, PSCI_VERSION_ID, SMCCC_FUNCTIONS, WORKAROUND_IDS, workaroundLevel } from '../../arch/smccc.ts'
import { bytesToBigint, registerAt, registerValue } from '../../model/register-list.ts'
import type { SmcccFilterRange, Snapshot } from '../../model/snapshot.ts'
import { savedPsci } from '../saved-psci.ts'
import type { ServiceKnowledge } from '../source-services.ts'
import { type Component, component, type Fact } from './fact.ts'

/** A list of KVM's has this register from 4.17 on; without it there is nothing to be said about firmware. */
const saysFirmware = ({ vcpus }: Snapshot): boolean => vcpus.some(({ registers }) => registerValue(registers, PSCI_VERSION_ID) !== undefined)

/** The newest version that is known and not newer than `version`: the functions of an unknown one are at least these. */
function knownVersion(version: bigint): PsciVersion | undefined {
  return PSCI_VERSIONS.findLast(each => parsePsciVersion(each) <= version)
}

type Answer = 'answered' | 'denied' | 'forwarded'

function answerOf(filter: readonly SmcccFilterRange[], id: number): Answer {
  const range = filter.find(({ base, count }) => id >= base && id < base + count)
  return range?.action === 'deny' ? 'denied' : range?.action === 'forward' ? 'forwarded' : 'answered'
}

/** `answered`, or by width where the filter makes a difference. */
function answers(filter: readonly SmcccFilterRange[], smc32: number, smc64: number | undefined): string {
  const narrow = answerOf(filter, smc32)
  const wide = smc64 === undefined ? narrow : answerOf(filter, smc64)
  return narrow === wide ? narrow : `SMC32 ${narrow}, SMC64 ${wide}`
}

export const SYSTEM_SUSPEND = 'SYSTEM_SUSPEND'

export function psciPart(snapshot: Snapshot): Component | undefined {
  const saved = savedPsci(snapshot)
  if (saved === undefined) return undefined
  const { smcccFilter: filter = [], systemSuspend } = snapshot.vm
  const known = knownVersion(saved)
  const offered =
    known === undefined || known === '0.1'
      ? PSCI_01_FUNCTIONS.filter(({ implemented }) => implemented).map(({ name, id }) => ({ name: `${name} (0.1)`, smc32: id, smc64: undefined }))
      : psciFunctionsOf(known)
  const functions = offered
    .filter(({ name }) => name !== SYSTEM_SUSPEND || systemSuspend === true)
    .map(({ name, smc32, smc64 }): Fact => ({ key: name, value: answers(filter, smc32, smc64) }))
    .filter(({ value }) => value !== 'denied')
  const version = showPsciVersion(saved)
  const offers = offered.some(({ name }) => name === SYSTEM_SUSPEND)
  return component(
    'psci',
    [{ key: 'version', value: version, id: PSCI_VERSION_ID }, ...functions],
    `PSCI ${version}, ${functions.length} functions`,
    offers && systemSuspend === undefined ? [SYSTEM_SUSPEND] : [],
  )
}

const BITMAP_CLASS = 0x6030_0000_0016_0000n
const isBitmap = (id: bigint): boolean => id >> 16n === BITMAP_CLASS >> 16n

/** Every bit of every bitmap; undefined where nobody says. */
function bitmapBits(
  snapshot: Snapshot,
  offered: ServiceKnowledge,
): readonly { readonly key: string; readonly id: RegId; readonly isOn: boolean | undefined }[] {
  const values = new Map<bigint, bigint>()
  for (const { registers } of snapshot.vcpus)
    for (const [i, id] of registers.ids.entries()) if (isBitmap(id)) values.set(id, bytesToBigint(registerAt(registers, i)))
  const known = BITMAP_BITS.map(({ register, bit, name }) => {
    const value = values.get(register)
    return { key: name, id: register, isOn: value === undefined ? offered(register, bit) : ((value >> BigInt(bit)) & 1n) === 1n }
  })
  const strange = [...values].flatMap(([id, value]) =>
    bitmapNames(id as RegId, value)
      .filter(name => name.startsWith('bit '))
      .map(name => ({ key: `${registerName(id as RegId)} ${name}`, id: id as RegId, isOn: true })),
  )
  return [...known, ...strange]
}

export function bitmapsPart(snapshot: Snapshot, offered: ServiceKnowledge): Component | undefined {
  if (!saysFirmware(snapshot)) return undefined
  const bits = bitmapBits(snapshot, offered)
  const on = bits.filter(({ isOn }) => isOn === true)
  const unsaid = bits.filter(({ isOn }) => isOn === undefined).map(({ key }) => key)
  return component(
    'bitmaps',
    on.map(({ key, id }) => ({ key, id, value: 'on' })),
    inWords(
      on.map(({ key }) => key),
      unsaid.length,
    ),
    unsaid,
  )
}

const inWords = (names: readonly string[], notKnown: number): string =>
  [...(names.length > 0 ? [names.join(', ')] : notKnown > 0 ? [] : ['none']), ...(notKnown > 0 ? [`${notKnown} not known`] : [])].join(', ')

/** What SMCCC_ARCH_FEATURES answers, by name. */
const ARCH_FEATURES: Readonly<Record<string, string>> = { '-2': 'NOT_REQUIRED', '-1': 'NOT_SUPPORTED', '0': 'SUCCESS: to be called', '1': 'NOT_REQUIRED' }

export function workaroundsPart({ vcpus }: Snapshot): Component | undefined {
  const list = vcpus[0]?.registers
  if (!list || registerValue(list, WORKAROUND_IDS[1]) === undefined) return undefined
  const facts = ([1, 2, 3] as const).map((n): Fact => {
    const value = registerValue(list, WORKAROUND_IDS[n]) ?? 0n
    const sees = workaroundLevel(n, value)?.guestSees
    return {
      key: `SMCCC_ARCH_WORKAROUND_${n}`,
      id: WORKAROUND_IDS[n],
      value: (sees === undefined ? undefined : ARCH_FEATURES[sees]) ?? `0x${value.toString(16)}`,
    }
  })
  return component('workarounds', facts, facts.map(({ key, value }) => `${key.slice(-1)}: ${value.split(':')[0]}`).join(', '))
}

export const FILTER = 'SMCCC filter'

export function servicesPart(snapshot: Snapshot, offered: ServiceKnowledge): Component | undefined {
  if (!saysFirmware(snapshot)) return undefined
  const { smcccFilter } = snapshot.vm
  const bits = new Map(bitmapBits(snapshot, offered).map(({ key, isOn }) => [key, isOn]))
  const facts: Fact[] = []
  const notKnown: string[] = []
  for (const { id, name, gate, meaning } of SMCCC_FUNCTIONS) {
    if (!gate) continue
    const answer = answerOf(smcccFilter ?? [], id)
    const isOn = bits.get(BITMAP_BITS.find(({ register, bit }) => register === gate.register && bit === gate.bit)?.name ?? '')
    // Those that KVM has no handler for reach the VMM by the filter alone.
    const isKvms = !meaning.includes('answered by the VMM')
    if (answer === 'forwarded') facts.push({ key: name, value: answer })
    else if (answer === 'answered' && isKvms && isOn === true) facts.push({ key: name, value: answer })
    else if (answer === 'answered' && isKvms && isOn === undefined) notKnown.push(name)
  }
  const words = inWords(
    facts.map(({ key }) => key),
    notKnown.length,
  )
  const ranges = filterText(smcccFilter ?? [])
  if (smcccFilter === undefined) notKnown.push(FILTER)
  else if (ranges !== '') facts.push({ key: FILTER, value: ranges })
  return component('services', facts, ranges === '' ? words : `${words}; filter ${ranges}`, notKnown)
}

/**
 * What goes to the VMM: ranges in order, adjacent ones as one. A denied function is one that is not answered, which is said where the function is, and a
 * guest cannot tell it from one that is switched off otherwise; `handle` is what happens anyway.
 */
function filterText(filter: readonly SmcccFilterRange[]): string {
  const ranges: { base: number; count: number }[] = []
  for (const { base, count } of filter.filter(({ action }) => action === 'forward').toSorted((a, b) => a.base - b.base)) {
    const last = ranges.at(-1)
    if (last && last.base + last.count === base) last.count += count
    else ranges.push({ base, count })
  }
  const hex = (id: number): string => `0x${id.toString(16).padStart(8, '0')}`
  return ranges.map(({ base, count }) => `forwards ${hex(base)}${count === 1 ? '' : `-${hex(base + count - 1)}`}`).join(', ')
}
