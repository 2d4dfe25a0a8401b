// Owns the verdict on one case: the value, or a SnapError that names the file; in bounded time and memory; and what comes out can be used.
import { createHash } from 'node:crypto'
import { SnapError } from '../../src/errors.ts'
import { type Imported, SNIFF_BYTES } from '../../src/formats/importers/importer.ts'
import { IMPORTERS } from '../../src/formats/importers/registry.ts'
import { consistencyFindings } from '../../src/model/consistency.ts'
import { diffSnapshots } from '../../src/model/diff/diff.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { FILE, type FuzzFormat } from './formats.ts'

/** A case may take so long (a thousand times what a usual one takes, so that only a blow-up is caught on a loaded machine) and raise the process's peak memory by so much. */
const LIMITS = { ms: 3000, kib: 384 << 10 }
/** Of guest memory so much is read: a spoiled size legitimately declares terabytes of zeros. */
const MOST_MEMORY = 8 << 20

/** How a case ended well: read, or refused with or without an offset. */
export type Outcome = 'read' | 'refused' | 'refused-at'

/** Throws an Error that says what is wrong when the case did not end well. `wanted`: the digest of the value that must come out if any does. */
export async function judge(format: FuzzFormat, bytes: Uint8Array, wanted: string | undefined, limits = LIMITS): Promise<Outcome> {
  const start = performance.now()
  const peak = process.resourceUsage().maxRSS
  const outcome = await inTime(endOf(format, bytes, wanted), 2 * limits.ms)
  const took = performance.now() - start
  if (took > limits.ms) throw new Error(`took ${Math.round(took)} ms`)
  const grown = process.resourceUsage().maxRSS - peak
  if (grown > limits.kib) throw new Error(`raised the peak of memory by ${grown >> 10} MiB`)
  return outcome
}

/** A promise that is never kept is no blow-up that takes the processor: the parent would not see it. */
function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing came within ${ms} ms`)), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

async function endOf(format: FuzzFormat, bytes: Uint8Array, wanted: string | undefined): Promise<Outcome> {
  for (const { sniff } of IMPORTERS) sniff(bytes.subarray(0, SNIFF_BYTES)) // total
  let imported: Imported
  try {
    imported = await format.read(bytes)
  } catch (error) {
    return refused(error)
  }
  try {
    // What the rest of the program does with it must not stumble either.
    const { snapshot } = imported
    consistencyFindings(snapshot)
    const side = { name: 'a', format: 'x', snapshot }
    if (diffSnapshots(side, side).changes.length > 0) throw new Error('the value differs from itself')
    const digest = await digestOf(snapshot)
    if (wanted !== undefined && digest !== wanted) throw new Error('another value came out')
    return 'read'
  } catch (error) {
    if (error instanceof SnapError) return refused(error)
    throw error
  } finally {
    await imported.close?.()
  }
}

function refused(error: unknown): Outcome {
  if (!(error instanceof SnapError)) throw error
  if (error.at.file === undefined || !error.at.file.includes(FILE)) throw new Error(`${error.code} does not name the file: ${error.message}`, { cause: error })
  if (error.message.length > 2000) throw new Error(`${error.code}: a message of ${error.message.length} characters`)
  return error.at.offset === undefined ? 'refused' : 'refused-at'
}

/** Identity of a value, memory (its first 8 MiB) included. Checks the contract of memory regions on the way. */
export async function digestOf(snapshot: Snapshot): Promise<string> {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(snapshot, plain))
  let left = MOST_MEMORY
  for (const region of snapshot.memory) {
    let end = 0
    for await (const { offset, data } of region.chunks()) {
      if (!Number.isSafeInteger(offset) || offset < end || offset + data.length > region.size)
        throw new Error(`memory region ${region.name}: a piece of ${data.length} bytes at ${offset} follows ${end} of ${region.size}`)
      end = offset + data.length
      hash.update(`${offset}:`).update(data)
      left -= data.length
      if (left < 0) return hash.digest('hex')
    }
  }
  return hash.digest('hex')
}

function plain(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof BigUint64Array || ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  return value
}
