// Owns seeing a saved guest's memory as one of its vCPUs sees it: its translation registers, and its tables in the memory that was saved. Reads only
// what a walk asks for. Knows no report. What a walk decides is src/arch/translation's.
import { PSTATE_ID, sysRegId } from '../../arch/reg-id.ts'
import { type TranslationFeatures, translationFeatures } from '../../arch/translation/features.ts'
import type { AccessRights } from '../../arch/translation/permissions.ts'
import { type TranslationRegime, type TranslationRegisters, translationRegime } from '../../arch/translation/regime.ts'
import { type Translation, translate } from '../../arch/translation/walk.ts'
import { readMemory } from '../../model/read-memory.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'

const SCTLR = sysRegId(3, 0, 1, 0, 0)
const SCTLR_EL2 = sysRegId(3, 4, 1, 0, 0)
const TTBR0 = sysRegId(3, 0, 2, 0, 0)
const TTBR1 = sysRegId(3, 0, 2, 0, 1)
const TCR = sysRegId(3, 0, 2, 0, 2)
const MAIR = sysRegId(3, 0, 10, 2, 0)
const MMFR0 = sysRegId(3, 0, 0, 7, 0)
/** SCTLR_EL1.EE: tables are big-endian. */
const EE = 1n << 25n
const MMU = 1n
/** PSTATE.M[3:2]. */
const EL_SHIFT = 2n
const AARCH32 = 0x10n
/** 48 address bits, 16-bit ASIDs, every granule: what is assumed of a CPU whose file does not say. */
const MMFR0_UNSAID = 0x10_0025n
const PAGE = 4096
/** Pages of tables that are kept; a walk has at most five. */
const KEPT = 64

/** Why a vCPU's addresses cannot be walked. */
export type Unreadable = 'aarch32' | 'above-el1' | 'no-registers'

export interface GuestTranslation {
  readonly regime: TranslationRegime
  readonly translate: (address: bigint, rights: AccessRights) => Promise<Translation>
  /** Guest physical memory. Undefined where none was saved. */
  readonly physical: (address: bigint, length: number) => Promise<Uint8Array | undefined>
}

/** Addresses as EL1 and EL0 of this vCPU have them. Missing registers that say what the CPU can do are assumed generously; those that say where tables are, never. */
export function guestTranslation(vcpu: VcpuSnapshot, memory: Snapshot['memory'], signal?: AbortSignal): GuestTranslation | Unreadable {
  const value = (id: bigint): bigint | undefined => registerValue(vcpu.registers, id)
  if (((value(PSTATE_ID) ?? 0n) & AARCH32) !== 0n) return 'aarch32'
  const sctlr = value(SCTLR)
  if (sctlr === undefined) return 'no-registers'
  const [tcr, ttbr0, ttbr1, mair] = [TCR, TTBR0, TTBR1, MAIR].map(value)
  if ((sctlr & MMU) !== 0n && (tcr === undefined || ttbr0 === undefined || ttbr1 === undefined)) return 'no-registers'
  return translationOf({ sctlr, tcr: tcr ?? 0n, ttbr0: ttbr0 ?? 0n, ttbr1: ttbr1 ?? 0n, mair: mair ?? 0n }, vcpu, memory, signal)
}

function translationOf(registers: TranslationRegisters, vcpu: VcpuSnapshot, memory: Snapshot['memory'], signal?: AbortSignal): GuestTranslation {
  const regime = translationRegime(
    registers,
    featuresOf(id => registerValue(vcpu.registers, id)),
  )
  const isBigEndian = (registers.sctlr & EE) !== 0n
  const pages = new Map<bigint, DataView | undefined>()

  async function fetchPage(page: bigint): Promise<void> {
    const bytes = await readMemory(memory, page, PAGE, signal)
    if (pages.size >= KEPT) pages.clear()
    pages.set(page, bytes?.length === PAGE ? new DataView(bytes.buffer, bytes.byteOffset, PAGE) : undefined)
  }

  return {
    regime,
    physical: (address, length) => readMemory(memory, address, length, signal),
    async translate(address, rights) {
      // The walk itself is a function of memory at hand: what it misses is read, and it begins again.
      for (;;) {
        let missing: bigint | undefined
        const translation = translate(regime, address, rights, at => {
          const page = at & ~BigInt(PAGE - 1)
          if (!pages.has(page)) {
            missing = page
            return undefined
          }
          return pages.get(page)?.getBigUint64(Number(at - page), !isBigEndian)
        })
        if (missing === undefined) return translation
        await fetchPage(missing)
      }
    },
  }
}

/** The same as the vCPU sees it where it is: above EL1 only while nothing is translated there. */
export function currentTranslation(vcpu: VcpuSnapshot, memory: Snapshot['memory'], signal?: AbortSignal): GuestTranslation | Unreadable {
  const pstate = registerValue(vcpu.registers, PSTATE_ID) ?? 0n
  const el = (pstate & AARCH32) === 0n ? (pstate >> EL_SHIFT) & 3n : 1n
  if (el < 2n) return guestTranslation(vcpu, memory, signal)
  const control = el === 2n ? registerValue(vcpu.registers, SCTLR_EL2) : undefined
  if (control === undefined || (control & MMU) !== 0n) return 'above-el1'
  return translationOf({ sctlr: 0n, tcr: 0n, ttbr0: 0n, ttbr1: 0n, mair: 0n }, vcpu, memory, signal)
}

function featuresOf(value: (id: bigint) => bigint | undefined): TranslationFeatures {
  return translationFeatures((crm, op2) => {
    const id = sysRegId(3, 0, 0, crm, op2)
    return value(id) ?? (id === MMFR0 ? MMFR0_UNSAID : 0n)
  })
}
