// Owns comparing one blind list-order replay (the probe's do_replay) row by row: one row a source register, one a register that only the
// target has, and the list lengths.
import { type RegId, regBytes } from '../../src/arch/reg-id.ts'
import { type Replayed, recordedBytes, type Value } from '../../src/builds/recorded/recording.ts'
import type { Vcpu } from '../../src/emulator/kvm/vcpu.ts'
import { hex, printed, RUNNING, type Snap, takeSnap } from './abi-vm.ts'
import type { Plain, Row } from './family.ts'

/** Writes every register of `source` to `vcpu` in order and compares with what the recording says happened. */
export function* replayRows(prefix: string, vcpu: Vcpu, source: Snap, recorded: Replayed): Generator<Row> {
  const before = takeSnap(vcpu)
  const { ids, bytes, written } = writable(source)
  const errnos = vcpu.setRegs(ids, bytes)
  const after = vcpu.getRegs(ids)
  const failed = new Map(recorded.fail.map(row => [row[0], row]))
  const differed = new Map(recorded.diff.map(row => [row[0], row]))
  const beforeOf = new Map([...before.ids].map((id, i) => [id, before.values[i]!]))
  yield { key: `${prefix} n_src`, expected: recorded.n_src, actual: source.ids.length }
  yield { key: `${prefix} n_dst`, expected: recorded.n_dst, actual: before.ids.length }
  for (let i = 0, at = 0; i < ids.length; i++) {
    const id = ids[i]!
    const size = regBytes(id as RegId)
    const text = hex(id)
    const readBack: Value = after.errnos[i] ? after.errnos[i]! : printed(after.bytes.subarray(at, at + size))
    at += size
    const fail = failed.get(text)
    // Of a running counter only the errno: the probe's dump is of another moment than the recording.
    const isRunning = RUNNING.has(id)
    const expected: Plain[] = [fail ? [fail[1], ...(isRunning ? [] : [fail[2], fail[3]])] : 0]
    const actual: Plain[] = [errnos[i] ? [errnos[i]!, ...(isRunning ? [] : [written[i]!, beforeOf.get(id) ?? null])] : 0]
    if (!isRunning) {
      const diff = differed.get(text)
      expected.push(diff ? [diff[1], diff[2]] : 'same')
      const isUnknown = !beforeOf.has(id) && typeof readBack === 'number'
      actual.push(readBack === written[i] || isUnknown ? 'same' : [written[i]!, readBack])
    }
    yield { key: `${prefix} ${text}`, expected, actual }
  }
  const sourceIds = new Set(source.ids)
  const missing = [...source.ids].filter(id => !beforeOf.has(id)).map(hex)
  yield { key: `${prefix} dst_missing`, expected: recorded.dst_missing, actual: missing }
  const extra = new Map(recorded.dst_extra)
  const mine = new Map([...before.ids].filter(id => !sourceIds.has(id)).map(id => [hex(id), beforeOf.get(id)!]))
  for (const text of new Set([...extra.keys(), ...mine.keys()])) {
    const row = { key: `${prefix} extra ${text}`, expected: extra.get(text), actual: mine.get(text) }
    yield RUNNING.has(BigInt(text)) && extra.has(text) && mine.has(text) ? { ...row, notComparable: 'running counter' } : row
  }
  yield { key: `${prefix} n_dst_after`, expected: recorded.n_dst_after, actual: vcpu.regList().n }
}

/** The readable registers of a snapshot as one batch. */
export function writable(source: Snap): { readonly ids: BigUint64Array; readonly bytes: Uint8Array; readonly written: readonly Value[] } {
  const kept = [...source.ids].map((id, i) => ({ id, value: source.values[i]! })).filter(({ value }) => typeof value !== 'number')
  const parts = kept.map(({ id, value }) => recordedBytes(value, regBytes(id as RegId))!)
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { ids: BigUint64Array.from(kept, ({ id }) => id), bytes, written: kept.map(({ value }) => value) }
}
