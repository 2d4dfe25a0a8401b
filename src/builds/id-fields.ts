// table
// Owns the fields of the feature ID registers as Linux compares them: place, width, sign and which of two values is the safe one.
// Source: arch/arm64/kernel/cpufeature.c (the ftr_bits tables), with the two overrides of kvm_arm64_ftr_safe_value in kvm/sys_regs.c
// (PMUVer, DebugVer and PerfMon are lower-safe for KVM). Which of them a kernel lets userspace write is in its KernelRules; fields that
// one kernel's table lacks are its `uncovered` bits.
import type { Encoding } from './kernel-rules.ts'

/** `lower`: a smaller value is safe; `higher`: a greater one; `higher-or-zero`; `exact`: only `safe`. */
export type Safety = 'lower' | 'higher' | 'higher-or-zero' | 'exact'
export interface IdField {
  readonly shift: number
  readonly width: number
  readonly signed: boolean
  readonly safety: Safety
  readonly safe: number
}

// SHIFT[:WIDTH][s][h|z|eSAFE]; width 4, unsigned and lower-safe unless it says otherwise.
const FIELDS: Readonly<Record<string, string>> = {
  // AArch32
  c008: '28 24 20 16 12 8 4 0', // ID_PFR0_EL1
  c009: '28 24 20 16 12 8 4 0', // ID_PFR1_EL1
  c00a: '28 24s 20 16 12 8 4 0', // ID_DFR0_EL1
  c00c: '28s 24 20 16 12 8s 4 0', // ID_MMFR0_EL1
  c00d: '28 24 20 16 12 8 4 0', // ID_MMFR1_EL1
  c00e: '28 24 20 16 12 8 4 0', // ID_MMFR2_EL1
  c00f: '28 24 20 16 12 8 4 0', // ID_MMFR3_EL1
  c010: '24 20 16 12 8 4 0', // ID_ISAR0_EL1
  c011: '28 24 20 16 12 8 4 0', // ID_ISAR1_EL1
  c012: '28 24 20 16 12 8 4 0', // ID_ISAR2_EL1
  c013: '28 24 20 16 12 8 4 0', // ID_ISAR3_EL1
  c014: '28 24 20 16 12 8 4 0', // ID_ISAR4_EL1
  c015: '28 24 16 12 8 4 0', // ID_ISAR5_EL1
  c016: '28 24 20 16 12 8 4 0h', // ID_MMFR4_EL1
  c017: '24 20 16 12 8 4 0', // ID_ISAR6_EL1
  c018: '28 24 20 16 12 8 4 0', // MVFR0_EL1
  c019: '28 24 20 16 12 8 4 0', // MVFR1_EL1
  c01a: '4 0', // MVFR2_EL1
  c01c: '8 4 0', // ID_PFR2_EL1
  c01d: '4 0s', // ID_DFR1_EL1
  c01e: '4 0', // ID_MMFR5_EL1
  // AArch64
  c020: '60 56 52 48 44 40 36 32 28 24 20s 16s 12 8 4 0', // ID_AA64PFR0_EL1
  c021: '60 56 52 48 44 40 36 32 28 24 16 12 8 4 0', // ID_AA64PFR1_EL1
  c022: '32 16 12 8 4 0', // ID_AA64PFR2_EL1
  c024: '56 52 48 44 40 32 24 20 16 12 4 0', // ID_AA64ZFR0_EL1
  c027: '31:1e0 30:1e0 29:1e0 28:1e0 27:1e0 26:1e0 15:1e0 7:1e0 6:1e0 5:1e0 4:1e0 3:1e0 2:1e0 1:1e0 0:1e0', // ID_AA64FPFR0_EL1
  c028: '60 52 48 44 40 36s 32 28 20 12 8s 0', // ID_AA64DFR0_EL1
  c030: '60 56 52 48 44 40 36 32 28 24 20 16 12 8 4', // ID_AA64ISAR0_EL1
  c031: '60 56 52 48 44 40 36 32 28 24 20 16 12 8e0 4e0 0', // ID_AA64ISAR1_EL1
  c032: '60 56 52 48 44 40 36 32 28 24 20 16 12e0 8 4 0', // ID_AA64ISAR2_EL1
  c033: '28 24 20 16 12 8 4 0', // ID_AA64ISAR3_EL1
  c038: '60 56 44 40e1 36e1 32e1 28s 24s 20 16 12 8 4 0', // ID_AA64MMFR0_EL1
  c039: '60 56 52 48 44 40 36 32 28 24h 20 16 12 8 4 0', // ID_AA64MMFR1_EL1
  c03a: '60 56 52 48 40 36 32 28 24 20 16 12 8 4 0', // ID_AA64MMFR2_EL1
  c03b: '60 16 12 8 4 0', // ID_AA64MMFR3_EL1
  c03c: '24s 20', // ID_AA64MMFR4_EL1
  d801: '31:1e1 29:1 28:1 24z 20z 16 14:2e2 0', // CTR_EL0: RES1, DIC, IDC, CWG, ERG, DminLine, L1Ip, IminLine
}

const SAFETY: Readonly<Record<string, Safety>> = { h: 'higher', z: 'higher-or-zero', e: 'exact' }

function parse(text: string): readonly IdField[] {
  return text.split(' ').map(word => {
    const [, shift, width, sign, letter, safe] = /^(\d+)(?::(\d+))?(s?)([hze]?)(\d*)$/.exec(word) ?? []
    return { shift: Number(shift), width: Number(width ?? 4), signed: sign === 's', safety: SAFETY[letter ?? ''] ?? 'lower', safe: Number(safe || 0) }
  })
}

/** Fields of the ID register with this encoding; undefined for one without a table: only the kernel's own value can be written there. */
export function idFields(encoding: Encoding): readonly IdField[] | undefined {
  const text = FIELDS[encoding.toString(16)]
  return text === undefined ? undefined : parse(text)
}

/** A field's value as Linux reads it, sign included. */
export function fieldValue(field: IdField, value: bigint): number {
  const raw = Number((value >> BigInt(field.shift)) & ((1n << BigInt(field.width)) - 1n))
  return field.signed && raw >> (field.width - 1) ? raw - (1 << field.width) : raw
}

export const fieldMask = (field: IdField): bigint => ((1n << BigInt(field.width)) - 1n) << BigInt(field.shift)
