// Owns which registers hold secrets of the guest: reports mask them unless asked (DESIGN.md §8). Knows no report.
import { COPROC, type RegId, regCoproc, sysRegEncoding } from './reg-id.ts'

/** Pointer-authentication keys: APIAKey, APIBKey, APDAKey, APDBKey, APGAKey, low and high (S3_0_C2_C1_0 … S3_0_C2_C3_1, Arm DDI 0487). */
export function isSecret(id: RegId): boolean {
  if (regCoproc(id) !== COPROC.sysreg) return false
  const { op0, op1, crn, crm } = sysRegEncoding(id)
  return op0 === 3 && op1 === 0 && crn === 2 && crm >= 1 && crm <= 3
}
