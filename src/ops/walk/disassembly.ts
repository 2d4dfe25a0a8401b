// Owns `inspect --disassemble`: the instructions around a vCPU's PC, read from the memory of the file as the vCPU would fetch them. Runs nothing.
import { PC_ID, PSTATE_ID } from '../../arch/reg-id.ts'
import { disassemble } from '../../emulator/cpu/disassemble/disassemble.ts'
import { regionAt } from '../../model/read-memory.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'
import { currentTranslation } from './guest-translation.ts'
import { UNREADABLE } from './walk.ts'

export interface Disassembly {
  /** From low to high; the one at PC is `current`. Empty when nothing can be read at all. */
  readonly lines: readonly DisassembledLine[]
  /** Guest physical address of PC, when it differs from PC. */
  readonly physical?: string
  /** Why PC itself cannot be read. */
  readonly unreadable?: string
}

export interface DisassembledLine {
  readonly address: string
  readonly word: string
  /** Absent for a word that is no instruction of any CPU that is known here. */
  readonly text?: string
  readonly current?: true
}

const WIDTH = 4n
const PAGE_BYTES = 4096n
const AARCH64_ALIGNED = 3n
const EL0 = 0n
const EL_BITS = 0xcn
const U64 = (1n << 64n) - 1n

interface Page {
  readonly bytes?: DataView
  readonly physical?: bigint
  readonly why?: string
}

/** `count` (the caller bounds it) instructions before PC and as many after it, fewer where memory ends. */
export async function disassembleAround({ memory }: Snapshot, vcpu: VcpuSnapshot, count: number, signal?: AbortSignal): Promise<Disassembly> {
  const pc = registerValue(vcpu.registers, PC_ID)
  if (pc === undefined) return { lines: [], unreadable: 'the file does not hold its PC' }
  const guest = currentTranslation(vcpu, memory, signal)
  if (typeof guest === 'string') return { lines: [], unreadable: UNREADABLE[guest] }
  if ((pc & AARCH64_ALIGNED) !== 0n) return { lines: [], unreadable: 'PC is not aligned' }
  if (memory.length === 0) return { lines: [], unreadable: 'the file holds no guest memory' }
  const privileged = ((registerValue(vcpu.registers, PSTATE_ID) ?? 0n) & EL_BITS) !== EL0

  const { translate, physical: readPhysical } = guest
  /** The page that holds a virtual address, and why there is none: code is what may be fetched, but what may only be read is worth seeing too. */
  const pages = new Map<bigint, Page>()
  async function pageOf(address: bigint): Promise<Page> {
    const page = address & ~(PAGE_BYTES - 1n)
    const known = pages.get(page)
    if (known) return known
    const fetched = await translate(page, { kind: 'fetch', privileged, pan: false })
    const seen = fetched.fault?.kind === 'permission' ? await translate(page, { kind: 'read', privileged: true, pan: false }) : fetched
    const at = seen.mapping?.address
    const bytes = at === undefined ? undefined : await readPhysical(at, Number(PAGE_BYTES))
    const found: Page = {
      ...(at === undefined ? { why: `${seen.fault?.kind} fault, level ${seen.fault?.level}` } : { physical: at }),
      ...(bytes === undefined ? {} : { bytes: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }),
      ...(at !== undefined && !regionAt(memory, at) ? { why: `0x${at.toString(16)} is not in the memory of the file` } : {}),
    }
    pages.set(page, found)
    return found
  }

  const lines: DisassembledLine[] = []
  for (let n = -count; n <= count; n++) {
    const address = pc + BigInt(n) * WIDTH
    if (address < 0n || address > U64) continue
    const { bytes } = await pageOf(address)
    const offset = Number(address % PAGE_BYTES)
    if (!bytes || offset + 4 > bytes.byteLength) continue
    const word = bytes.getUint32(offset, true)
    const text = disassemble(word, address)
    lines.push({
      address: hex(address),
      word: word.toString(16).padStart(8, '0'),
      ...(text === undefined ? {} : { text }),
      ...(n === 0 ? { current: true as const } : {}),
    })
  }
  const { physical, why, bytes } = await pageOf(pc)
  const place = physical === undefined ? undefined : physical + (pc % PAGE_BYTES)
  return {
    lines,
    ...(place === undefined || place === pc ? {} : { physical: hex(place) }),
    ...(bytes && Number(pc % PAGE_BYTES) + 4 <= bytes.byteLength ? {} : { unreadable: why ?? 'it is not in the memory of the file' }),
  }
}

const hex = (value: bigint): string => `0x${value.toString(16)}`
