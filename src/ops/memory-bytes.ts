// Owns `inspect --memory ADDR,LEN`: what it asks for, and the bytes. Reads that range and no more.
import { SnapError } from '../errors.ts'
import { readMemory, regionAt } from '../model/read-memory.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { BytesReport } from './inspect-report.ts'

export interface BytesWanted {
  /** Guest physical. */
  readonly address: bigint
  /** Bytes. */
  readonly length: number
}

/** More is no longer read by anybody; a file of memory is what `convert` is for. */
const MOST_BYTES = 1 << 20
const NUMBER = /^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1 << 10, m: 1 << 20 }

/** `0x40000000,256`; the length may end in K or M and is 256 when it is left out. Throws USAGE. */
export function parseBytesWanted(text: string): BytesWanted {
  const [address = '', length = '256', ...more] = text.trim().toLowerCase().split(',')
  const [, digits = '', unit = ''] = /^(0x[0-9a-f]+|[0-9]+)([km]?)$/.exec(length.trim()) ?? []
  const bytes = digits === '' ? 0 : Number(digits) * (UNITS[unit] ?? 1)
  if (more.length > 0 || !NUMBER.test(address.trim()) || bytes < 1)
    throw new SnapError('USAGE', `--memory ${text}: an address and a number of bytes are wanted`, {}, { hint: 'for example --memory 0x40000000,256' })
  if (bytes > MOST_BYTES) throw new SnapError('USAGE', `--memory ${text}: at most ${MOST_BYTES} bytes are shown`)
  return { address: BigInt(address.trim()), length: bytes }
}

/** Throws USAGE when the address is not in the snapshot's memory. */
export async function memoryBytes({ memory }: Snapshot, { address, length }: BytesWanted, signal?: AbortSignal): Promise<BytesReport> {
  const bytes = await readMemory(memory, address, length, signal)
  const region = regionAt(memory, address)
  if (!bytes || !region) {
    const ranges = memory.map(({ name, start, size }) => `${name} 0x${start.toString(16)} to 0x${(start + BigInt(size) - 1n).toString(16)}`)
    throw new SnapError(
      'USAGE',
      `there is no memory at 0x${address.toString(16)}`,
      {},
      { hint: ranges.length === 0 ? 'the file holds no guest memory' : `it has ${ranges.join(', ')}` },
    )
  }
  return { address: `0x${address.toString(16)}`, region: region.name, hex: Buffer.from(bytes).toString('hex') }
}
