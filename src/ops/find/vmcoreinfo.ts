// Owns finding the vmcoreinfo of a Linux guest in its memory: the lines by which dump readers find their way. One pass over memory.
// Source: Linux kernel/vmcore_info.c: an ELF note VMCOREINFO, whose text begins with OSRELEASE=, and a page with the same text.
import { readMemory } from '../../model/read-memory.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Work } from '../work.ts'
import { type Needle, scanMemory } from './scan.ts'

const NAME = Buffer.from('VMCOREINFO\0')
const TEXT = Buffer.from('OSRELEASE=')
/** VMCOREINFO_BYTES is a page, of 64 KiB at most. */
const MOST_BYTES = 65536
const NOTE_HEADER = 12

const NEEDLES: readonly Needle[] = [
  { bytes: NAME, alignment: 4, most: 16 },
  { bytes: TEXT, alignment: 4096, most: 16 },
]

/** The text, without what pads it. Undefined when the guest has none. */
export async function findVmcoreinfo(memory: Snapshot['memory'], work: Work): Promise<Uint8Array | undefined> {
  const { hits } = await scanMemory(memory, NEEDLES, work)
  const [notes = [], pages = []] = hits
  for (const name of notes) {
    const at = name - BigInt(NOTE_HEADER)
    if (at < 0n) continue
    const header = await readMemory(memory, at, NOTE_HEADER, work.signal)
    if (header?.length !== NOTE_HEADER) continue
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
    const length = view.getUint32(4, true)
    if (view.getUint32(0, true) !== NAME.length || length > MOST_BYTES) continue
    const text = await textAt(memory, name + 12n, length, work.signal) // the name is padded to 12 bytes
    if (text) return text
  }
  for (const page of pages) {
    const text = await textAt(memory, page, MOST_BYTES, work.signal)
    if (text) return text
  }
  return undefined
}

async function textAt(memory: Snapshot['memory'], address: bigint, length: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const bytes = await readMemory(memory, address, length, signal)
  if (!bytes || Buffer.compare(bytes.subarray(0, TEXT.length), TEXT) !== 0) return undefined
  const end = bytes.indexOf(0)
  const text = end < 0 ? bytes : bytes.subarray(0, end)
  return text.every(byte => byte === 0x0a || (byte >= 0x20 && byte < 0x7f)) ? text : undefined
}
