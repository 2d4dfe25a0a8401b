// Owns what a reset does to a vCPU's registers: KVM_ARM_VCPU_INIT's and PSCI CPU_ON's. Source: arch/arm64/kvm/reset.c (kvm_reset_vcpu),
// sys_regs.c (reset_mpidr, reset_vcpu_ftr_id_reg), arch_timer.c (kvm_timer_vcpu_reset), recordings (idvm, cpu_on). Counters, firmware
// registers and caches stay.
import { VCPU_STATE } from '../state-layout.ts'
import type { PendingReset } from './abi.ts'
import { COMPARE_OF } from './timers.ts'
import type { Vcpu } from './vcpu.ts'
import { FEATURE } from './vcpu-shape.ts'

const MPIDR = 0xc005
const CLIDR = 0xc801
const SCTLR = 0xc080
/** PSTATE.T and .E of AArch32, SCTLR_EL1.EE. */
const THUMB = 1n << 5n
const BIG_ENDIAN_AARCH32 = 1n << 9n
const EE = 1n << 25n

/** Reset values everywhere, but for what this kernel keeps over a second reset (`again`). */
export function resetRegisters(vcpu: Vcpu, again: boolean): void {
  const kept = again ? keptOverReset(vcpu) : []
  const values = kept.map(at => vcpu.stored(at))
  vcpu.block.set(vcpu.shape.block)
  const mpidr = vcpu.offsetOf(BigInt(MPIDR))
  if (mpidr !== undefined) vcpu.store(mpidr, mpidrOf(vcpu.index))
  kept.forEach((at, i) => {
    vcpu.store(at, values[i]!)
  })
  if (vcpu.sve?.finalized) vcpu.sve.reset()
}

function keptOverReset(vcpu: Vcpu): number[] {
  const { idRegisters, timers } = vcpu.vm.build.kernel
  const encodings = [...(idRegisters.keepsPerVcpu ? [MPIDR, CLIDR] : []), ...(timers.keepsCompare ? COMPARE_OF.values() : [])]
  return encodings.map(encoding => vcpu.offsetOf(BigInt(encoding))).filter(at => at !== undefined)
}

/** A PSCI CPU_ON reset: then the entry point, the context in x0 and the caller's endianness. An AArch32 entry with bit 0 set is Thumb code. */
export function startAt(vcpu: Vcpu, reset: PendingReset): void {
  resetRegisters(vcpu, true)
  const is32Bit = (vcpu.features & FEATURE.el1Is32Bit) !== 0
  const isThumb = is32Bit && (reset.pc & 1n) !== 0n
  let pstate = vcpu.stored(VCPU_STATE.pstate)
  if (isThumb) pstate |= THUMB
  if (reset.bigEndian && is32Bit) pstate |= BIG_ENDIAN_AARCH32
  const sctlr = vcpu.offsetOf(BigInt(SCTLR))
  if (reset.bigEndian && !is32Bit && sctlr !== undefined) vcpu.store(sctlr, vcpu.stored(sctlr) | EE)
  vcpu.store(VCPU_STATE.pstate, pstate)
  vcpu.store(VCPU_STATE.pc, isThumb ? reset.pc & ~1n : reset.pc)
  vcpu.store(VCPU_STATE.x, reset.context)
}

/** MPIDR_EL1 of a vCPU: 16 to an Aff0 group (reset_mpidr). */
export const mpidrOf = (index: number): bigint => BigInt(0x8000_0000 + ((index & 0xf) | (((index >> 4) & 0xff) << 8) | (((index >> 12) & 0xff) << 16)))
