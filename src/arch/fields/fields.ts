// Owns what the bits of a register value are called: fields of ID, control, timer and firmware registers. Imported only by what shows or judges values;
// the tables are strings, and a register's line is parsed when that register is asked for. Knows no rule about which value is right.
import { registerName } from '../catalogue/catalogue.ts'
import { once } from '../once.ts'
import { type RegId, regBytes } from '../reg-id.ts'
import { BITMAP_BITS, PSCI_VERSION_ID, WORKAROUND_IDS, WORKAROUND_LEVELS } from '../smccc.ts'
import { OWN_FIELDS } from './data/own-fields.ts'
import { SYSTEM_REGISTER_FIELDS } from './data/system-register-fields.ts'
import { type Field, fieldBits, parseFields } from './notation.ts'

export type { Field } from './notation.ts'

export interface DecodedField {
  readonly name: string
  readonly msb: number
  readonly lsb: number
  /** The raw bits. */
  readonly value: bigint
  /** Name of that value, when it has one. */
  readonly meaning?: string
}

export interface FieldChange {
  readonly name: string
  readonly msb: number
  readonly lsb: number
  readonly before: bigint
  readonly after: bigint
  readonly beforeMeaning?: string
  readonly afterMeaning?: string
}

/** Fields of the firmware registers, said in ../smccc.ts and turned into the notation here. */
function firmwareLines(): readonly (readonly [string, string])[] {
  const levels = (workaround: 1 | 2 | 3) => WORKAROUND_LEVELS[workaround].map(level => `${level.value}:${level.name}`).join(',')
  const bitmaps = new Map<RegId, string[]>()
  for (const { register, bit, name } of BITMAP_BITS) bitmaps.set(register, [`${name}:${bit}`, ...(bitmaps.get(register) ?? [])])
  return [
    [registerName(PSCI_VERSION_ID), 'RES0:63-31;MAJOR:30-16;MINOR:15-0'],
    [registerName(WORKAROUND_IDS[1]), `RES0:63-4;LEVEL:3-0u=${levels(1)}`],
    [registerName(WORKAROUND_IDS[2]), `RES0:63-5;ENABLED:4;LEVEL:3-0u=${levels(2)}`],
    [registerName(WORKAROUND_IDS[3]), `RES0:63-4;LEVEL:3-0u=${levels(3)}`],
    ...[...bitmaps].map(([register, bits]) => [registerName(register), bits.join(';')] as const),
  ]
}

/** A table line: the key of a register whose fields it shares, or fields that are parsed when they are first asked for. */
type Line = { readonly like: string } | { readonly fields: () => readonly Field[] }
const asLine = (text: string): Line => (text.startsWith('@') ? { like: text.slice(1) } : { fields: once(() => parseFields(text)) })
const lineOf = (text: string) => [text.slice(0, text.indexOf(' ')), asLine(text.slice(text.indexOf(' ') + 1))] as const

/** Lines by register name, by encoding in hex, or by `@NAME` for a set that several registers share. */
const lines = once(
  (): ReadonlyMap<string, Line> =>
    new Map([
      ...SYSTEM_REGISTER_FIELDS.trim().split('\n').map(lineOf),
      ...OWN_FIELDS.trim().split('\n').map(lineOf),
      ...firmwareLines().map(([name, text]) => [name, asLine(text)] as const),
    ]),
)

/** Core registers and demux ids that share the fields of a system register, by that register's encoding. */
const SHARED: readonly (readonly [RegExp, string])[] = [
  [/^FPCR$/, 'da20'],
  [/^FPSR$/, 'da21'],
  [/^CCSIDR_EL1\[/, 'c800'],
]

function fieldsFor(id: RegId): readonly Field[] {
  const name = registerName(id)
  const shared = SHARED.find(([pattern]) => pattern.test(name))?.[1]
  const isSystem = id >> 16n === 0x6030_0000_0013n
  let line = lines().get(name) ?? (shared === undefined ? undefined : lines().get(shared))
  // a timer id names another encoding than the register it stands for, so only its own line counts
  if (line === undefined && isSystem && !name.startsWith('KVM_REG_')) line = lines().get((id & 0xffffn).toString(16))
  for (let hops = 0; line !== undefined && 'like' in line && hops < 4; hops++) line = lines().get(line.like) ?? lines().get(`@${line.like}`)
  return line !== undefined && 'fields' in line ? line.fields() : []
}

/** The fields of a register, most significant first, clipped to its size; empty when the tables do not know any. */
export function registerFields(id: RegId): readonly Field[] {
  const fields = fieldsFor(id)
  const bits = regBytes(id) * 8
  return (fields[0]?.msb ?? 0) < bits ? fields : fields.filter(field => field.msb < bits)
}

const meaningOf = (field: Field, bits: bigint): string | undefined => field.values?.get(Number(bits))

/** Every field with its value; reserved bits only where they are not what they should be. */
export function decodeFields(id: RegId, value: bigint): readonly DecodedField[] {
  return registerFields(id).flatMap(field => {
    const bits = fieldBits(field, value)
    const isExpected = field.name === 'RES1' || field.name === 'RAO' ? bits === (1n << BigInt(field.msb - field.lsb + 1)) - 1n : bits === 0n
    if (field.reserved && isExpected) return []
    const meaning = meaningOf(field, bits)
    return [{ name: field.name, msb: field.msb, lsb: field.lsb, value: bits, ...(meaning === undefined ? {} : { meaning }) }]
  })
}

const OTHER_BITS = 'other bits'

/** The fields whose bits differ, most significant first. Bits that no field covers are one entry named `other bits`; empty for a register without fields. */
export function diffFields(id: RegId, before: bigint, after: bigint): readonly FieldChange[] {
  const fields = registerFields(id)
  if (fields.length === 0 || before === after) return []
  let rest = before ^ after
  const changes: FieldChange[] = []
  for (const field of fields) {
    const [a, b] = [fieldBits(field, before), fieldBits(field, after)]
    if (a === b) continue
    rest &= ~(((1n << BigInt(field.msb - field.lsb + 1)) - 1n) << BigInt(field.lsb))
    const [beforeMeaning, afterMeaning] = [meaningOf(field, a), meaningOf(field, b)]
    changes.push({
      name: field.name,
      msb: field.msb,
      lsb: field.lsb,
      before: a,
      after: b,
      ...(beforeMeaning === undefined ? {} : { beforeMeaning }),
      ...(afterMeaning === undefined ? {} : { afterMeaning }),
    })
  }
  if (rest !== 0n) {
    const msb = rest.toString(2).length - 1
    const lsb = (rest & -rest).toString(2).length - 1
    const mask = (1n << BigInt(msb - lsb + 1)) - 1n
    changes.push({ name: OTHER_BITS, msb, lsb, before: (before >> BigInt(lsb)) & mask, after: (after >> BigInt(lsb)) & mask })
  }
  return changes
}
