// Owns where a register that a vCPU lacks goes in a list without an order of its own. VMMs write such a list back in its order, which KVM gave, so an
// addition goes where the host that it is made for would list it. Knows no format.
import { type RegId, regCoproc } from '../../arch/reg-id.ts'

/**
 * The position that `id` gets among `ids`: behind the nearest of `behind` that is there (which are what precedes it in the host's list, nearest
 * first), else behind the last register of its class, else at the end.
 */
export function placeOfAdded(ids: readonly bigint[], id: RegId, behind: readonly RegId[] = []): number {
  for (const each of behind) {
    const at = ids.lastIndexOf(each)
    if (at >= 0) return at + 1
  }
  const last = ids.findLastIndex(each => regCoproc(each as RegId) === regCoproc(id))
  return last < 0 ? ids.length : last + 1
}
