// Owns how a set of SVE vector lengths is said. Knows no rule about them.
import type { RegId } from '../../../arch/reg-id.ts'
import { bytesToBigint, registerAt } from '../../../model/register-list.ts'
import type { Case } from './case.ts'

/** A saved register of any width as one number, from the first vCPU that has it; 0 when none does. */
export function savedBytes({ snapshot }: Case, id: RegId): bigint {
  for (const { registers } of snapshot.vcpus) {
    const at = registers.ids.indexOf(id)
    if (at >= 0) return bytesToBigint(registerAt(registers, at))
  }
  return 0n
}

/** `128-512` for bits 0 to 3: bit n stands for (n+1) × 128 bits; `none` for an empty set. */
export function lengthsText(set: bigint): string {
  const parts: [number, number][] = []
  for (let bit = 0; bit < 512 && set >> BigInt(bit) !== 0n; bit++) {
    if (((set >> BigInt(bit)) & 1n) === 0n) continue
    const last = parts.at(-1)
    if (last && last[1] === bit - 1) last[1] = bit
    else parts.push([bit, bit])
  }
  return parts.map(([from, to]) => (from === to ? `${(from + 1) * 128}` : `${(from + 1) * 128}-${(to + 1) * 128}`)).join(', ') || 'none'
}
