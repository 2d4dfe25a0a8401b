// Owns SYS and SYSL where generated code does not do them itself: cache maintenance, address translation, TLB maintenance. Arm ARM C5.3 to C5.5.
// Memory is coherent, so cache maintenance has its permission, its existence and its faults only.
import type { AccessRights } from '../../arch/translation/permissions.ts'
import type { Mapping } from '../../arch/translation/walk.ts'
import { advance, type Cpu, idField, type Outcome, trapSystemAccess, undefinedInstruction } from './cpu.ts'
import type { Fields } from './decode/validity.ts'
import { FAULT, takeDataAbort, takeMaintenanceAbort } from './exceptions.ts'
import { executeTlbi } from './mmu/tlbi.ts'
import { PSTATE } from './pstate.ts'
import { SCTLR } from './sctlr.ts'
import { encodingOf, SYSREG } from './system-register-encoding.ts'
import type { VcpuBlock } from './vcpu-block.ts'

const ID_AA64ISAR1 = encodingOf(3, 0, 0, 6, 1)
const ID_AA64MMFR1 = encodingOf(3, 0, 0, 7, 1)

const sys = (op1: number, crn: number, crm: number, op2: number): number => encodingOf(1, op1, crn, crm, op2)
const DC_ZVA = sys(3, 7, 4, 1)
const DC_IVAC = sys(0, 7, 6, 1)
const DC_CVAP = sys(3, 7, 12, 1)
const DC_CVADP = sys(3, 7, 13, 1)
/** Maintenance by address that EL0 may be given: DC CVAC, CVAU, CIVAC, IC IVAU. */
const FOR_EL0 = new Set([sys(3, 7, 10, 1), sys(3, 7, 11, 1), sys(3, 7, 14, 1), sys(3, 7, 5, 1)])
/** EL1 only, without an address: IC IALLUIS, IALLU; DC ISW, CSW, CISW. */
const FOR_EL1 = new Set([sys(0, 7, 1, 0), sys(0, 7, 5, 0), sys(0, 7, 6, 2), sys(0, 7, 10, 2), sys(0, 7, 14, 2)])

export function executeSystem(vcpu: VcpuBlock, cpu: Cpu, f: Fields, name: string): Outcome {
  const operation = encodingOf(1, f.o, f.k, f.j, f.x)
  if (name === 'SYSL') return undefinedInstruction(vcpu, cpu)
  if (operation === DC_ZVA) return zeroBlock(vcpu, cpu, f.t)
  const persistence = idField(cpu, ID_AA64ISAR1, 0)
  if (FOR_EL0.has(operation) || (operation === DC_CVAP && persistence >= 1) || (operation === DC_CVADP && persistence >= 2)) {
    if (vcpu.el === 0 && !(vcpu.sysreg(SYSREG.SCTLR_EL1) & SCTLR.uci)) return trapSystemAccess(vcpu, cpu, operation, f.t, false)
    return maintainLine(vcpu, cpu, f.t, 'read')
  }
  if (vcpu.el === 0) return undefinedInstruction(vcpu, cpu)
  if (operation === DC_IVAC) return maintainLine(vcpu, cpu, f.t, 'write')
  if (FOR_EL1.has(operation) || executeTlbi(vcpu, cpu, f)) return advance(vcpu)
  if (translationExists(cpu, f)) return translateAddress(vcpu, cpu, f)
  return undefinedInstruction(vcpu, cpu)
}

/**
 * DC and IC by address. Invalidating needs write access, other maintenance by EL0 read access; by EL1 it needs a translation only. PSTATE.PAN does not matter.
 * Arm ARM D7.5.9, pseudocode AArch64.S1HasPermissionsFault.
 */
function maintainLine(vcpu: VcpuBlock, cpu: Cpu, rt: number, kind: 'read' | 'write'): Outcome {
  const address = vcpu.x(rt)
  const { fault } = cpu.mmu.translate(vcpu, address, { kind, privileged: vcpu.el === 1, pan: false })
  if (!fault || (fault.kind === 'permission' && vcpu.el === 1 && kind === 'read')) return advance(vcpu)
  takeMaintenanceAbort(vcpu, cpu.features, fault.status, address)
  return undefined
}

/** DC ZVA is a write of its block, and no cache maintenance. FAR_EL1 has the address as it was given. */
function zeroBlock(vcpu: VcpuBlock, cpu: Cpu, rt: number): Outcome {
  if (vcpu.el === 0 && !(vcpu.sysreg(SYSREG.SCTLR_EL1) & SCTLR.dze)) return trapSystemAccess(vcpu, cpu, DC_ZVA, rt, false)
  const given = vcpu.x(rt)
  const { fault, mapping } = cpu.mmu.translate(vcpu, given, cpu.mmu.rights(vcpu, 'write'))
  if (fault) {
    takeDataAbort(vcpu, cpu.features, fault.status, given, true)
    return undefined
  }
  if (mapping.device && cpu.mmu.regimeOf(vcpu).enabled) {
    takeDataAbort(vcpu, cpu.features, FAULT.alignment, given, true)
    return undefined
  }
  if (cpu.debug.watches(given & ~BigInt(cpu.zvaBytes - 1), cpu.zvaBytes)) {
    cpu.debug.takeWatchpoint(vcpu, given, true)
    return undefined
  }
  if (mapping.update) cpu.write64(mapping.update.address, mapping.update.value)
  const address = mapping.address & ~BigInt(cpu.zvaBytes - 1)
  return cpu.zero(address, cpu.zvaBytes) ? advance(vcpu) : { kind: 'nisv', address, write: true }
}

/** AT S1E1R, S1E1W, S1E0R, S1E0W; S1E1RP and S1E1WP with FEAT_PAN2. */
function translationExists(cpu: Cpu, f: Fields): boolean {
  if (f.k !== 7 || f.o !== 0) return false
  return (f.j === 8 && f.x < 4) || (f.j === 9 && f.x < 2 && idField(cpu, ID_AA64MMFR1, 20) >= 2)
}

const PAR_FAILED = 1n
/** RES1 in either format. */
const PAR_RES1 = 1n << 11n
/** NS is UNKNOWN for a Non-secure regime; QEMU sets it. */
const PAR_NS = 1n << 9n

/** AT: PAR_EL1 says what became of it; only an external abort on the walk is an exception. Descriptors are not updated. */
function translateAddress(vcpu: VcpuBlock, cpu: Cpu, f: Fields): Outcome {
  const address = vcpu.x(f.t)
  const pan = f.j === 9 && (vcpu.pstate & PSTATE.pan) !== 0
  const rights: AccessRights = { kind: f.x & 1 ? 'write' : 'read', privileged: f.x < 2, pan }
  const { fault, mapping } = cpu.mmu.translate(vcpu, address, rights)
  if (fault?.kind === 'external') {
    takeMaintenanceAbort(vcpu, cpu.features, fault.status, address)
    return undefined
  }
  vcpu.setSysreg(SYSREG.PAR_EL1, fault ? PAR_FAILED | PAR_RES1 | BigInt(fault.status << 1) : translated(mapping!))
  return advance(vcpu)
}

const translated = ({ address, attributes, shareability }: Mapping): bigint =>
  (BigInt(attributes) << 56n) | (address & 0x000f_ffff_ffff_f000n) | PAR_RES1 | PAR_NS | (BigInt(shareability) << 7n)
