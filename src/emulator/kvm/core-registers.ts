// Owns the CORE class: which offsets are registers, and what a write to PSTATE may say. Source: arch/arm64/kvm/guest.c
// (core_reg_size_from_offset, get_core_reg, set_core_reg).
import { ERRNO } from '../../arch/errno.ts'
import { VCPU_STATE } from '../state-layout.ts'
import { FEATURE } from './vcpu-shape.ts'

const WORDS = VCPU_STATE.coreEnd / 4

/** Errno for a CORE id that is no register: outside struct kvm_regs ENOENT, inside EINVAL (odd offset, wrong size). */
export function coreErrno(low: number, bytes: number): number {
  const offset = low & 0x0f00_ffff
  return offset >= WORDS || offset + bytes / 4 >= WORDS ? ERRNO.ENOENT : ERRNO.EINVAL
}

/** Errno of writing PSTATE on a vCPU with these features; `aarch32User` says whether the host has AArch32 at EL0. */
export function checkPstate(features: number, mode: number, aarch32User: boolean): number {
  const is32Bit = (features & FEATURE.el1Is32Bit) !== 0
  switch (mode & 0x1f) {
    case 0x10: // USR
      return aarch32User ? 0 : ERRNO.EINVAL
    case 0x11: // FIQ, IRQ, SVC, ABT, UND, SYS
    case 0x12:
    case 0x13:
    case 0x17:
    case 0x1b:
    case 0x1f:
      return is32Bit ? 0 : ERRNO.EINVAL
    case 0x08: // EL2t, EL2h
    case 0x09:
      return features & FEATURE.el2 ? 0 : ERRNO.EINVAL
    case 0x00: // EL0t, EL1t, EL1h
    case 0x04:
    case 0x05:
      return is32Bit ? ERRNO.EINVAL : 0
    default:
      return ERRNO.EINVAL
  }
}

/** A vCPU in AArch32 state keeps 32 bits of its registers: x0 … x14 in user mode, else x0 … x30, and the PC. */
export function narrowToAarch32(words: Uint32Array): void {
  const mode = words[VCPU_STATE.pstate / 4]!
  if (!(mode & 0x10)) return
  const count = (mode & 0xf) === 0 || (mode & 0xf) === 0xf ? 15 : 31
  for (let n = 0; n < count; n++) words[VCPU_STATE.x / 4 + 2 * n + 1] = 0
  words[VCPU_STATE.pc / 4 + 1] = 0
}
