// Owns SYS and SYSL where generated code does not do them itself: cache maintenance, address translation, TLB maintenance. Arm ARM C5.3 to C5.5.
// Memory is flat and coherent, so most have only their permission and their existence.
import { advance, type Cpu, idField, type Outcome, trapSystemAccess, undefinedInstruction } from './cpu.ts'
import type { Fields } from './decode/validity.ts'
import { SCTLR } from './sctlr.ts'
import { encodingOf, SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

const ID_AA64ISAR0 = encodingOf(3, 0, 0, 6, 0)
const ID_AA64ISAR1 = encodingOf(3, 0, 0, 6, 1)
const ID_AA64MMFR1 = encodingOf(3, 0, 0, 7, 1)

const sys = (op1: number, crn: number, crm: number, op2: number): number => encodingOf(1, op1, crn, crm, op2)
const DC_ZVA = sys(3, 7, 4, 1)
const DC_CVAP = sys(3, 7, 12, 1)
const DC_CVADP = sys(3, 7, 13, 1)
/** Maintenance by address that EL0 may be given: DC CVAC, CVAU, CIVAC, IC IVAU. */
const FOR_EL0 = new Set([sys(3, 7, 10, 1), sys(3, 7, 11, 1), sys(3, 7, 14, 1), sys(3, 7, 5, 1)])
/** EL1 only: IC IALLUIS, IALLU; DC IVAC, ISW, CSW, CISW. */
const FOR_EL1 = new Set([sys(0, 7, 1, 0), sys(0, 7, 5, 0), sys(0, 7, 6, 1), sys(0, 7, 6, 2), sys(0, 7, 10, 2), sys(0, 7, 14, 2)])
const TLBI_OPERATIONS = new Set([0, 1, 2, 3, 5, 7])

export function executeSystem(vcpu: VcpuBlock, cpu: Cpu, f: Fields, name: string): Outcome {
  const operation = encodingOf(1, f.o, f.k, f.j, f.x)
  if (name === 'SYSL') return undefinedInstruction(vcpu, cpu)
  if (operation === DC_ZVA) return zeroBlock(vcpu, cpu, f.t)
  const persistence = idField(cpu, ID_AA64ISAR1, 0)
  if (FOR_EL0.has(operation) || (operation === DC_CVAP && persistence >= 1) || (operation === DC_CVADP && persistence >= 2)) {
    if (vcpu.el === 0 && !(vcpu.sysreg(SYSREG.SCTLR_EL1) & SCTLR.uci)) return trapSystemAccess(vcpu, cpu, operation, f.t, false)
    return advance(vcpu)
  }
  if (vcpu.el === 0) return undefinedInstruction(vcpu, cpu)
  if (FOR_EL1.has(operation) || tlbiExists(cpu, f)) return advance(vcpu)
  if (translationExists(cpu, f)) return translate(vcpu, f.t)
  return undefinedInstruction(vcpu, cpu)
}

function zeroBlock(vcpu: VcpuBlock, cpu: Cpu, rt: number): Outcome {
  const operation = DC_ZVA
  if (vcpu.el === 0 && !(vcpu.sysreg(SYSREG.SCTLR_EL1) & SCTLR.dze)) return trapSystemAccess(vcpu, cpu, operation, rt, false)
  const address = vcpu.x(rt) & ~BigInt(cpu.zvaBytes - 1)
  return cpu.zero(address, cpu.zvaBytes) ? advance(vcpu) : { kind: 'nisv', address, write: true }
}

/** TLBI VMALLE1 … VAALE1 with their inner-shareable forms; outer-shareable and range forms as ISAR0.TLB says. With the MMU off none has anything to do. */
function tlbiExists(cpu: Cpu, f: Fields): boolean {
  if (f.k !== 8 || f.o !== 0) return false
  const level = idField(cpu, ID_AA64ISAR0, 56)
  if (f.j === 3 || f.j === 7) return TLBI_OPERATIONS.has(f.x)
  if (f.j === 1) return level >= 1 && TLBI_OPERATIONS.has(f.x)
  return (f.j === 2 || f.j === 5 || f.j === 6) && level >= 2 && (f.x & 1) === 1
}

/** AT S1E1R, S1E1W, S1E0R, S1E0W; S1E1RP and S1E1WP with FEAT_PAN2. */
function translationExists(cpu: Cpu, f: Fields): boolean {
  if (f.k !== 7 || f.o !== 0) return false
  return (f.j === 8 && f.x < 4) || (f.j === 9 && f.x < 2 && idField(cpu, ID_AA64MMFR1, 20) >= 2)
}

/** With the MMU off the physical address is the address, Device-nGnRnE, outer shareable (PAR_EL1: bit 11 is 1, SH is 0b10). */
function translate(vcpu: VcpuBlock, rt: number): Outcome {
  vcpu.setSysreg(SYSREG.PAR_EL1, (vcpu.x(rt) & 0x000f_ffff_ffff_f000n) | 0x900n)
  return advance(vcpu)
}
