// Owns reading all registers of a vCPU, and writing one vCPU's registers blindly to another, as recordings have both (probe.c: takesnap, do_replay).
import type { RegId } from '../../arch/reg-id.ts'
import { isVolatile } from '../../arch/volatile.ts'
import type { AbiVcpu } from '../../backends/kvm-abi.ts'
import type { Value } from '../../builds/recorded/recording.ts'
import type { Plain, PlainRow } from './probe-vm.ts'
import { hex, printed, printedRead } from './registers.ts'

export interface Snap {
  /** In list order. */
  readonly ids: readonly RegId[]
  /** Undefined where the read failed. */
  readonly bytes: readonly (Uint8Array | undefined)[]
  /** Text, or the errno of the read. */
  readonly values: readonly Value[]
}

export function takeSnap(vcpu: AbiVcpu): Snap {
  const ids = [...vcpu.regList().ids] as RegId[]
  const reads = ids.map(id => vcpu.getReg(id))
  return { ids, bytes: reads.map(({ bytes }) => bytes), values: reads.map(printedRead) }
}

/** Writes every register of `source`, in order, nothing skipped, then reads all back. */
export function replay(vcpu: AbiVcpu, source: Snap): PlainRow {
  const before = takeSnap(vcpu)
  const had = new Map(before.ids.map((id, i) => [id, before.values[i] ?? null]))
  const kept = source.ids.flatMap((id, i) => {
    const bytes = source.bytes[i]
    return bytes ? [{ id, bytes, written: printed(bytes) }] : []
  })
  const fail: Plain[] = []
  for (const { id, bytes, written } of kept) {
    const errno = vcpu.setReg(id, bytes)
    if (errno) fail.push([hex(id), errno, written, had.get(id) ?? null])
  }
  const diff: Plain[] = []
  for (const { id, written } of kept) {
    const read = printedRead(vcpu.getReg(id))
    const isUnknown = !had.has(id) && typeof read === 'number'
    if (read !== written && !isUnknown) diff.push([hex(id), written, read, ...(isVolatile(id) ? ['volatile'] : [])])
  }
  const sources = new Set(source.ids)
  return {
    n_src: source.ids.length,
    n_dst: before.ids.length,
    fail,
    diff,
    dst_missing: source.ids.filter(id => !had.has(id)).map(hex),
    dst_extra: before.ids.filter(id => !sources.has(id)).map(id => [hex(id), had.get(id) ?? null]),
    n_dst_after: vcpu.regList().ids.length,
  }
}
