// Owns how a report becomes JSON text: the contract of every `--json`. Knows no report by name.

/**
 * One line of JSON. A bigint becomes `"0x…"` (64-bit values never pass through a double), bytes become a hex string, an absent key stays absent.
 * A Map or Set is refused: its order and shape would be an accident, and that is a bug of the report.
 */
export function jsonLine(value: object): string {
  return JSON.stringify(value, contract)
}

/** The same over several indented lines, for the one object of a command. */
export function jsonPretty(value: object): string {
  return JSON.stringify(value, contract, 2)
}

function contract(this: unknown, key: string, value: unknown): unknown {
  // JSON.stringify has called Buffer's own toJSON before it asks us: look at what stands in the object itself.
  const original = (this as Record<string, unknown>)[key]
  if (typeof value === 'bigint') return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`
  if (original instanceof Uint8Array) return Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('hex')
  if (original instanceof Map || original instanceof Set) throw new TypeError(`a report holds a ${original.constructor.name} at "${key}"`)
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`a report holds ${value} at "${key}"`)
  return value
}

export type JsonKind = 'object' | 'lines'

/** What was asked for, before anything is parsed: a usage error must already answer in JSON. `--jsonl` is for commands with many results. */
export function wantsJson(argv: readonly string[]): JsonKind | undefined {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  return words.includes('--jsonl') ? 'lines' : words.includes('--json') ? 'object' : undefined
}

/** The object of a failure: `{ok:false,error:{code,message,hint?,at?}}`. */
export function failureJson(failure: { readonly code: string; readonly message: string; readonly hint?: string; readonly at?: object }): object {
  const { code, message, hint, at } = failure
  const where = at !== undefined && Object.values(at).some(part => part !== undefined) ? at : undefined
  return { ok: false, error: { code, message, ...(hint !== undefined && { hint }), ...(where !== undefined && { at: where }) } }
}
