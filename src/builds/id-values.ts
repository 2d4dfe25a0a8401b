// Owns the question whether a value is a safe one for a feature ID register: arm64_check_features and kvm_arm64_ftr_safe_value of
// arch/arm64/kvm/sys_regs.c. Pure; knows no VM. Nothing here runs for a write of the value that is already there.
import { fieldMask, fieldValue, type IdField, idFields } from './id-fields.ts'
import type { Encoding } from './kernel-rules.ts'

interface CheckedFields {
  readonly fields: readonly IdField[]
  readonly masks: readonly bigint[]
}
const EVERY_BIT = 0xffff_ffff_ffff_ffffn

function isSafe(field: IdField, value: number, limit: number): boolean {
  switch (field.safety) {
    case 'lower':
      return value <= limit
    case 'higher-or-zero':
      return value === 0 || limit === 0 ? value === 0 : value >= limit
    case 'higher':
      return value >= limit
    case 'exact':
      return value === field.safe
  }
}

/** Remembers the parsed fields of the registers that were written; one per build. */
export class IdFieldCache {
  private readonly byEncoding = new Map<Encoding, CheckedFields | undefined>()

  /** True when every field of `value` that `writable` covers is safe under `limit`, and all other bits equal `limit`. */
  accepts(encoding: Encoding, value: bigint, limit: bigint, writable: bigint, uncovered: bigint): boolean {
    const checked = this.fieldsOf(encoding)
    if (!checked) return value === limit
    let covered = 0n
    for (let i = 0; i < checked.fields.length; i++) {
      const field = checked.fields[i]!
      const mask = checked.masks[i]!
      if ((mask & writable) !== mask || (mask & uncovered) !== 0n) continue
      covered |= mask
      const wanted = fieldValue(field, value)
      const most = fieldValue(field, limit)
      if (wanted !== most && !isSafe(field, wanted, most)) return false
    }
    return (value & ~covered & EVERY_BIT) === (limit & ~covered & EVERY_BIT)
  }

  private fieldsOf(encoding: Encoding): CheckedFields | undefined {
    if (!this.byEncoding.has(encoding)) {
      const fields = idFields(encoding)
      this.byEncoding.set(encoding, fields && { fields, masks: fields.map(fieldMask) })
    }
    return this.byEncoding.get(encoding)
  }
}

/** A field of a register; `width` in bits. */
export const fieldOf = (value: bigint, shift: number, width = 4): number => Number((value >> BigInt(shift)) & ((1n << BigInt(width)) - 1n))
