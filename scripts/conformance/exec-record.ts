// Owns one test of the execution check and its bytes, as exec-harness.S reads and answers them. Knows no engine.

/** Where the harness puts things. The tested words are `SLOT` (a preparing instruction, often NOP) and `SLOT + 4`. */
export const SLOT = 0x1001_0ff8n
export const WINDOW = 0x1003_0000n
export const WINDOW_BYTES = 256
export const RECORD_BYTES = 16 + 8 + 31 * 8 + WINDOW_BYTES

export interface ExecState {
  /** N Z C V in bits 31 to 28. */
  readonly nzcv: number
  readonly sp: bigint
  /** X0 to X30. */
  readonly x: BigUint64Array
  /** WINDOW_BYTES bytes at WINDOW. */
  readonly window: Uint8Array
}

export interface ExecCase extends ExecState {
  readonly group: string
  readonly name: string
  readonly words: readonly [prepare: number, tested: number]
}

export interface ExecResult extends ExecState {
  readonly branched: boolean
}

export function encodeCase(test: ExecCase, into: DataView): void {
  into.setUint32(0, test.words[0], true)
  into.setUint32(4, test.words[1], true)
  into.setBigUint64(8, BigInt(test.nzcv >>> 0), true)
  into.setBigUint64(16, test.sp, true)
  test.x.forEach((value, i) => {
    into.setBigUint64(24 + i * 8, value, true)
  })
  new Uint8Array(into.buffer, into.byteOffset + 272, WINDOW_BYTES).set(test.window)
}

export function decodeResult(from: DataView): ExecResult {
  return {
    branched: from.getBigUint64(0, true) !== 0n,
    nzcv: Number(from.getBigUint64(8, true)),
    sp: from.getBigUint64(16, true),
    x: BigUint64Array.from({ length: 31 }, (_, i) => from.getBigUint64(24 + i * 8, true)),
    window: new Uint8Array(from.buffer, from.byteOffset + 272, WINDOW_BYTES).slice(),
  }
}

/** What differs between two results, in words; empty: nothing. */
export function differences(ours: ExecResult, theirs: ExecResult): readonly string[] {
  const found: string[] = []
  const compare = (name: string, a: bigint | number | boolean, b: bigint | number | boolean): void => {
    if (a !== b) found.push(`${name} ${show(a)}, reference ${show(b)}`)
  }
  compare('branched', ours.branched, theirs.branched)
  compare('nzcv', ours.nzcv, theirs.nzcv)
  compare('sp', ours.sp, theirs.sp)
  for (let i = 0; i < 31; i++) compare(`x${i}`, ours.x[i]!, theirs.x[i]!)
  for (let i = 0; i < WINDOW_BYTES; i++) compare(`memory+${i}`, ours.window[i]!, theirs.window[i]!)
  return found
}

const show = (value: bigint | number | boolean): string => (typeof value === 'boolean' ? String(value) : `0x${value.toString(16)}`)
