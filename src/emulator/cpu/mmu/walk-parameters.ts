// Owns what the fast walker (fast-walk.ts) is told: the regime of arch/translation in its fixed memory, who may access what as masks. Knows no vCPU.
import { permitted } from '../../../arch/translation/permissions.ts'
import type { Half, TranslationRegime } from '../../../arch/translation/regime.ts'
import { isDevice } from '../../../arch/translation/walk.ts'
import { AT, HALF, KIND, WALK_CLASS } from '../interpreter/layout.ts'

/** Who accesses. Unprivileged accesses (LDTR, STTR) have EL0's rights unless PSTATE.UAO is set. */
export interface WalkContext {
  readonly el: 0 | 1
  readonly pan: boolean
  readonly uao: boolean
}

const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n

/** Writes what depends on the registers only. */
export function writeRegime(view: DataView, regime: TranslationRegime): void {
  let normal = 0
  for (let attribute = 0; attribute < 8; attribute++) if (!isDevice(Number((regime.mair >> BigInt(attribute * 8)) & 0xffn))) normal |= 1 << attribute
  view.setUint32(AT.normalMemory, normal, true)
  view.setUint32(AT.hardwareDirty, regime.hardwareDirty ? 1 : 0, true)
  regime.halves.forEach((half, number) => void writeHalf(view, AT.halves + number * HALF.bytes, half, regime))
}

function writeHalf(view: DataView, at: number, half: Half, regime: TranslationRegime): void {
  const set64 = (field: number, value: bigint | number): void => view.setBigUint64(at + field, BigInt.asUintN(64, BigInt(value)), true)
  view.setUint32(at + HALF.tbi, half.tbi ? 1 : 0, true)
  view.setUint32(at + HALF.tbiFetch, half.tbiFetch ? 1 : 0, true)
  set64(HALF.forbidden, regime.enabled ? half.forbidden : ~ones(regime.physicalBits))
  set64(HALF.base, half.base)
  set64(HALF.firstMask, ones(half.inputBits - half.startShift))
  set64(HALF.addressMask, half.addressMask)
  set64(HALF.highMask, half.highMask)
  set64(HALF.highShift, half.highShift)
  set64(HALF.tableAttributes, half.hierarchical ? 0xfn << 59n : 0n)
  set64(HALF.inputBits, half.inputBits)
  set64(HALF.strideMask, ones(half.stride))
  const shiftOf = (level: number): number => (3 - level) * half.stride + half.granuleBits
  set64(
    HALF.blockShifts,
    half.blockLevels.reduce((shifts, level) => shifts | (1n << BigInt(shiftOf(level))), 0n),
  )
  set64(HALF.startShift, half.startShift)
  set64(HALF.stride, half.stride)
  set64(HALF.granuleBits, half.granuleBits)
}

/** Writes what depends on who accesses, too. */
export function writeContext(view: DataView, regime: TranslationRegime, context: WalkContext): void {
  const { el, uao } = context
  regime.halves.forEach((half, number) => {
    const walks = !half.disabled && (half.base & half.forbidden) === 0n
    const kind = (privileged: boolean): number => (!regime.enabled ? KIND.off : walks && (privileged || !half.privilegedOnly) ? KIND.walk : KIND.slow)
    view.setUint32(AT.halves + number * HALF.bytes + HALF.kind, kind(el === 1), true)
    view.setUint32(AT.halves + number * HALF.bytes + HALF.unprivilegedKind, kind(el === 1 && uao), true)
  })
  masks(regime, context).forEach((mask, accessClass) => void view.setUint32(AT.permissions + accessClass * 4, mask, true))
}

/** By WALK_CLASS: bit n is set when the combination n of permission bits (user, read only, UXN, PXN) allows the access. */
function masks(regime: TranslationRegime, { el, pan, uao }: WalkContext): readonly number[] {
  const mask = (kind: 'read' | 'write' | 'fetch', privileged: boolean): number => {
    let allowed = 0
    for (let n = 0; n < 16; n++) {
      const page = { user: (n & 1) !== 0, readOnly: (n & 2) !== 0, userNeverExecute: (n & 4) !== 0, privilegedNeverExecute: (n & 8) !== 0 }
      if (permitted(page, { kind, privileged, pan: pan && privileged }, regime)) allowed |= 1 << n
    }
    return allowed
  }
  const own = el === 1
  const unprivileged = own && uao
  const found: number[] = []
  found[WALK_CLASS.read] = mask('read', own)
  found[WALK_CLASS.write] = mask('write', own)
  found[WALK_CLASS.unprivilegedRead] = mask('read', unprivileged)
  found[WALK_CLASS.unprivilegedWrite] = mask('write', unprivileged)
  found[WALK_CLASS.fetch] = mask('fetch', own)
  return found
}
