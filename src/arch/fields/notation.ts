// Owns the notation of the field tables: `NAME:MSB[-LSB][sign][=values]`, separated by `;`, most significant first. Knows no register.
// sign: u unsigned and s signed (a higher value is more of the feature), e an enumeration without order. values: names from 0 up, `N:NAME` restarts the count.

export interface Field {
  readonly name: string
  /** Bit numbers, inclusive. */
  readonly msb: number
  readonly lsb: number
  /** How values compare: `unsigned` and `signed` grow with the feature; `none` do not compare. Absent when no value has a name. */
  readonly order?: 'unsigned' | 'signed' | 'none'
  /** Names of values, by the field's raw bits. */
  readonly values?: ReadonlyMap<number, string>
  /** RES0, RES1 and their like: bits that mean nothing. */
  readonly reserved: boolean
}

const ORDER = { u: 'unsigned', s: 'signed', e: 'none' } as const
const RESERVED = new Set(['RES0', 'RES1', 'RAZ', 'RAO', 'UNKN'])

function parseValues(text: string): ReadonlyMap<number, string> {
  let number = 0
  return new Map(
    text.split(',').map(part => {
      const colon = part.indexOf(':')
      if (colon >= 0) number = Number(part.slice(0, colon))
      return [number++, part.slice(colon + 1)] as const
    }),
  )
}

/** The fields of one table line. Throws Error on a line that does not follow the notation: that is a bug of the table. */
export function parseFields(line: string): readonly Field[] {
  return line.split(';').map(text => {
    const match = /^(\w+):(\d+)(?:-(\d+))?([use])?(?:=(.*))?$/.exec(text)
    if (!match) throw new Error(`not a field: ${text}`)
    const [, name = '', msb = '', lsb = msb, sign, values] = match
    return {
      name,
      msb: Number(msb),
      lsb: Number(lsb),
      ...(sign === undefined ? {} : { order: ORDER[sign as keyof typeof ORDER] }),
      ...(values === undefined ? {} : { values: parseValues(values) }),
      reserved: RESERVED.has(name),
    }
  })
}

export const fieldWidth = (field: Field): number => field.msb - field.lsb + 1
/** The raw bits of a field. */
export const fieldBits = (field: Field, value: bigint): bigint => (value >> BigInt(field.lsb)) & ((1n << BigInt(fieldWidth(field))) - 1n)
