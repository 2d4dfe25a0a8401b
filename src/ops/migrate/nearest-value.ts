// Owns the search for the value of an ID register that is nearest to the guest's own and that the target takes, field by field. Asks, never guesses:
// which values a kernel takes is the kernel's business. Knows no VM.
import { fieldMask, fieldValue, idFields } from '../../builds/id-fields.ts'
import type { Encoding } from '../../builds/kernel-rules.ts'

/**
 * `target` (what the target has by itself) with every field of `saved` that `accepts` takes in it; of a field that is not taken, the value between
 * the two that is nearest to the saved one. A register without a table of fields is `target`. `accepts` says of a whole value that it is taken and kept.
 */
export async function nearestIdValue(encoding: Encoding, saved: bigint, target: bigint, accepts: (value: bigint) => Promise<boolean>): Promise<bigint> {
  let value = target
  for (const field of idFields(encoding) ?? []) {
    const [wanted, there] = [fieldValue(field, saved), fieldValue(field, target)]
    if (wanted === there) continue
    const step = wanted < there ? 1 : -1
    for (let each = wanted; each !== there; each += step) {
      const raw = (BigInt(each) << BigInt(field.shift)) & fieldMask(field)
      const candidate = (value & ~fieldMask(field)) | raw
      if (!(await accepts(candidate))) continue
      value = candidate
      break
    }
  }
  return value
}
