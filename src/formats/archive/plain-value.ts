// Owns what may be saved: the plain values that msgpack and our schema have in common. Knows neither.

const U64 = 1n << 64n
const I64 = 1n << 63n
const HALF_PAIR = /\p{Surrogate}/u

/**
 * A deep copy of a plain value, ready to be packed or kept: byte arrays become Uint8Array of their own, undefined members are dropped.
 * Throws a TypeError with the path of the first thing that is not plain: functions, class instances, cycles, text with half a surrogate pair …
 */
export function plainValue(value: unknown): unknown {
  return copy(value, '', 0)
}

function copy(value: unknown, path: string, depth: number): unknown {
  if (depth > 64) throw new TypeError(`${path.slice(0, 80)}… is nested too deeply (a cycle?)`)
  switch (typeof value) {
    case 'boolean':
      return value
    case 'number':
      if (Object.is(value, -0)) throw new TypeError(`${path || 'the value'} is -0, which would be read back as 0`)
      return value
    case 'string':
      if (HALF_PAIR.test(value)) throw new TypeError(`${path || 'the value'} holds half a surrogate pair`)
      return value
    case 'bigint':
      if (value >= U64 || value < -I64) throw new TypeError(`${path || 'the value'} needs more than 64 bits; save it as bytes`)
      return value
    case 'object':
      if (value === null) return null
      if (value instanceof Uint8Array) return new Uint8Array(value)
      if (Array.isArray(value)) return value.map((item, i) => copy(item, `${path}[${i}]`, depth + 1))
      if (isPlain(value)) return copyMap(value as Record<string, unknown>, path, depth)
      break
  }
  throw new TypeError(`${path || 'the value'} is not a plain value`)
}

function copyMap(map: Record<string, unknown>, path: string, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(map)) {
    if (key === '__proto__') throw new TypeError(`${path || 'the value'} has a key __proto__`)
    if (HALF_PAIR.test(key)) throw new TypeError(`${path || 'the value'} has a key with half a surrogate pair`)
    if (item !== undefined) out[key] = copy(item, path === '' ? key : `${path}.${key}`, depth + 1)
  }
  return out
}

function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}
