// Owns the TLBI instructions: which exist, which addresses they name. Arm ARM C5.5, ID_AA64ISAR0_EL1.TLB, ID_AA64ISAR1_EL1.XS. What they forget is mmu.ts's.
import { type Cpu, idField } from '../cpu.ts'
import type { Fields } from '../decode/validity.ts'
import { encodingOf } from '../system-register-encoding.ts'
import type { VcpuBlock } from '../vcpu-block.ts'
import type { Reach } from './mmu.ts'

const ID_AA64ISAR0 = encodingOf(3, 0, 0, 6, 0)
const ID_AA64ISAR1 = encodingOf(3, 0, 0, 6, 1)
/** CRm of the forms: on this vCPU, inner shareable, outer shareable; then those of ranges. */
const OWN = 7
const INNER = 3
const OUTER = 1
const RANGE_INNER = 2
const RANGE_OUTER = 5
const RANGE_OWN = 6
/** TLBI by range: log2 of the granule by its TG field. */
const RANGE_GRANULE = [undefined, 12, 14, 16] as const

/** Executes the instruction if it is a TLBI that exists for EL1; false otherwise. The nXS forms (CRn 9) are the same here. */
export function executeTlbi(vcpu: VcpuBlock, cpu: Cpu, f: Fields): boolean {
  const plain = f.k === 8 || (f.k === 9 && idField(cpu, ID_AA64ISAR1, 56) >= 1)
  if (!plain || f.o !== 0) return false
  const level = idField(cpu, ID_AA64ISAR0, 56)
  const operand = vcpu.x(f.t)
  const reach: Reach = f.j === OWN || f.j === RANGE_OWN ? 'own' : 'all'
  if (f.j === OWN || f.j === INNER || (f.j === OUTER && level >= 1)) return byKind(vcpu, cpu, f.x, operand, reach)
  if ((f.j === RANGE_INNER || f.j === RANGE_OUTER || f.j === RANGE_OWN) && level >= 2 && f.x & 1) {
    forgetRange(vcpu, cpu, operand, reach)
    return true
  }
  return false
}

/** VMALLE1, VAE1, ASIDE1, VAAE1, VALE1, VAALE1. */
function byKind(vcpu: VcpuBlock, cpu: Cpu, op2: number, operand: bigint, reach: Reach): boolean {
  switch (op2) {
    case 0:
      cpu.mmu.forgetAll(vcpu, reach)
      return true
    case 2:
      cpu.mmu.forgetAsid(vcpu, Number(operand >> 48n), reach)
      return true
    case 1:
    case 3:
    case 5:
    case 7:
      cpu.mmu.forgetRange(vcpu, (operand & ((1n << 44n) - 1n)) << 12n, 1, reach)
      return true
    default:
      return false
  }
}

/** BaseADDR in granules, NUM, SCALE, TG. A reserved TG, and 52-bit addresses with their other units, forget everything. */
function forgetRange(vcpu: VcpuBlock, cpu: Cpu, operand: bigint, reach: Reach): void {
  const field = (at: number, bits: number): number => Number((operand >> BigInt(at)) & ((1n << BigInt(bits)) - 1n))
  const granule = RANGE_GRANULE[field(46, 2)]
  const wide = cpu.mmu.regimeOf(vcpu).halves.some(half => half.shareability !== undefined)
  if (granule === undefined || wide) {
    cpu.mmu.forgetAll(vcpu, reach)
    return
  }
  const address = BigInt.asUintN(56, BigInt.asIntN(37, operand) << BigInt(granule))
  cpu.mmu.forgetRange(vcpu, address, (field(39, 5) + 1) * 2 ** (5 * field(44, 2) + 1 + granule), reach)
}
