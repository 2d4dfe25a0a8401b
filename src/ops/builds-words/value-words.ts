// Owns what a fresh guest reads differently on two hosts, in words: CPU identity, CPU features by field, caches. Firmware registers are told by
// rule-words.ts. Judges nothing.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { diffFields } from '../../arch/fields/fields.ts'
import { cpuName } from '../../arch/midr.ts'
import { type RegId, sysRegId } from '../../arch/reg-id.ts'
import { fieldValue, idFields } from '../../builds/id-fields.ts'
import { listed, type Notice, type Pair } from './notice.ts'

interface Value {
  readonly id: RegId
  readonly a: bigint
  readonly b: bigint
}

const MIDR = sysRegId(3, 0, 0, 0, 0)
const CLIDR = sysRegId(3, 1, 0, 0, 1)
const CTR = sysRegId(3, 3, 0, 0, 1)
const RECORDED = 'recordings: defaults of a fresh vCPU'

const isFeatureId = (id: RegId): boolean => id >> 16n === 0x6030_0000_0013n && (id & 0xffffn) >= 0xc008n && (id & 0xffffn) <= 0xc03fn

/** Whether a feature field promises more with `b` than with `a`; signed fields as the manual counts them. */
function isMore(id: RegId, lsb: number, a: bigint, b: bigint): boolean {
  const field = idFields(Number(id & 0xffffn))?.find(({ shift }) => shift === lsb)
  if (field) return fieldValue(field, b) > fieldValue(field, a)
  return ((b >> BigInt(lsb)) & 0xfn) > ((a >> BigInt(lsb)) & 0xfn)
}

function featureNotices(values: readonly Value[], { names }: Pair): readonly Notice[] {
  const more: string[] = []
  const less: string[] = []
  for (const { id, a, b } of values)
    for (const { name, lsb, beforeMeaning, afterMeaning, before, after } of diffFields(id, a, b)) {
      const text = `${registerName(id)}.${name} (${beforeMeaning ?? before} → ${afterMeaning ?? after})`
      if (isMore(id, lsb, a, b)) more.push(text)
      else less.push(text)
    }
  const sentence = (code: string, fields: readonly string[], word: string): Notice[] =>
    fields.length === 0
      ? []
      : [
          {
            who: 'guest',
            code,
            message: `a new guest reads ${word} in ${fields.length} ID-register field${fields.length === 1 ? '' : 's'} on ${names.b} than on ${names.a}: ${listed(fields, 8)}`,
            source: RECORDED,
          },
        ]
  return [...sentence('cpu-features-more', more, 'more'), ...sentence('cpu-features-less', less, 'less')]
}

/** `values` are registers of both hosts whose value on a fresh vCPU differs. */
export function valueNotices(values: readonly Value[], pair: Pair): readonly Notice[] {
  const { names } = pair
  const notices: Notice[] = []
  const midr = values.find(({ id }) => id === MIDR)
  if (midr) {
    const say = (value: bigint): string => `${cpuName(value) ?? 'unknown to psci-snap'}, 0x${value.toString(16)}`
    notices.push({
      who: 'guest',
      code: 'cpu-identity',
      message: `a guest finds itself on another CPU: MIDR_EL1 is ${say(midr.b)} on ${names.b}, ${say(midr.a)} on ${names.a}; errata workarounds are chosen by it at boot`,
      source: RECORDED,
    })
  }
  notices.push(
    ...featureNotices(
      values.filter(({ id }) => isFeatureId(id)),
      pair,
    ),
  )
  const caches = values.filter(({ id }) => id === CLIDR || id === CTR || registerRow(id)?.class === 'demux')
  if (caches.length > 0)
    notices.push({
      who: 'guest',
      code: 'cache-geometry',
      message: `a new guest reads other caches on ${names.b} than on ${names.a}: ${listed(
        caches.map(({ id, a, b }) => `${registerName(id)} 0x${a.toString(16)} → 0x${b.toString(16)}`),
        5,
      )}`,
      source: RECORDED,
    })
  const rest = values.filter(({ id }) => id !== MIDR && !isFeatureId(id) && !caches.some(cache => cache.id === id) && !isFirmware(id))
  if (rest.length > 0)
    notices.push({
      who: 'guest',
      code: 'reset-values',
      message: `${rest.length} other register${rest.length === 1 ? ' starts' : 's start'} with another value on ${names.b} than on ${names.a}: ${listed(
        rest.map(({ id }) => registerName(id)),
        4,
      )}`,
      source: RECORDED,
    })
  return notices
}

const isFirmware = (id: RegId): boolean => ['firmware', 'firmware-bitmap'].includes(registerRow(id)?.class ?? '')
