// Owns one vCPU file of a crosvm snapshot: Arm's names for registers become KVM's ids, in the order in which crosvm writes them back.
// Source: facts/vmm-formats.md §3; hypervisor/src/aarch64.rs and hypervisor/src/kvm/aarch64.rs.
import { type RegId, regBytes, regId, showRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import { type RegisterList, registerList } from '../../../model/register-list.ts'
import type { Field } from '../../data/fields.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { integerEntries } from './fragment.ts'

const CORE_U64 = 0x6030_0000_0010_0000n
const CORE_U128 = 0x6040_0000_0010_0000n
const SYSTEM = 0x6030_0000_0013_0000n
const FIRMWARE = 0x6030_0000_0014_0000n
const DEMUX = 0x6020_0000_0011_0000n

/** System registers that KVM has as core registers, and the two timer registers whose ids KVM swapped. */
const OTHER_IDS: ReadonlyMap<bigint, bigint> = new Map([
  [0xc201n, CORE_U64 | 0x46n], // ELR_EL1
  [0xe208n, CORE_U64 | 0x44n], // SP_EL1
  [0xc200n, CORE_U64 | 0x48n], // SPSR_EL1
  [0xe219n, CORE_U64 | 0x4an], // SPSR_abt
  [0xe21an, CORE_U64 | 0x4cn], // SPSR_und
  [0xe218n, CORE_U64 | 0x4en], // SPSR_irq
  [0xe21bn, CORE_U64 | 0x50n], // SPSR_fiq
  [0xda21n, 0x6020_0000_0010_00d4n], // FPSR
  [0xda20n, 0x6020_0000_0010_00d5n], // FPCR
  [0xdf02n, SYSTEM | 0xdf1an], // CNTVCT_EL0: KVM_REG_ARM_TIMER_CNT
  [0xdf1an, SYSTEM | 0xdf02n], // CNTV_CVAL_EL0: KVM_REG_ARM_TIMER_CVAL
])

export interface ReadVcpu {
  readonly index: number
  readonly registers: RegisterList
}

/** `index` is the number in the file's name. Throws INPUT_CORRUPT, and FORMAT_FOREIGN for a guest of another architecture. */
export function readVcpu(index: number, state: Field, file: string): ReadVcpu {
  for (const [key, architecture] of FOREIGN_KEYS)
    if (state.has(key)) throw new SnapError('FORMAT_FOREIGN', `${file} is a vCPU of a crosvm snapshot of ${architecture}`, { file })
  const id = state.at('vcpu_id')
  if (id.unsigned() !== BigInt(index)) throw id.wrong(`is ${id.unsigned()}, but the file is that of vCPU ${index}`)
  const entries: (readonly [RegId, bigint])[] = [
    value(CORE_U64 | 0x3en, state.at('sp')),
    value(CORE_U64 | 0x40n, state.at('pc')),
    value(CORE_U64 | 0x42n, state.at('pstate')),
    ...state
      .at('x')
      .list(31, 31)
      .map((x, n) => value(CORE_U64 | BigInt(2 * n), x)),
    ...state
      .at('v')
      .list(32, 32)
      .map((v, n) => value(CORE_U128 | BigInt(0x54 + 4 * n), v)),
    ...integerEntries(state.at('sys'), 16, VMM_LIMITS.registers).map(([key, field]) => value(OTHER_IDS.get(key) ?? SYSTEM | key, field)),
    ...integerEntries(state.at('cache_arch_info'), 8, 256).map(([key, field]) => value(DEMUX | key, field)),
    ...integerEntries(state.at('hypervisor_data').at('firmware_regs'), 16, VMM_LIMITS.registers).map(([key, field]) => value(FIRMWARE | key, field)),
  ]
  return { index, registers: registerList(entries) }
}

/** Keys that only the vCPUs of other architectures have. */
const FOREIGN_KEYS: readonly (readonly [string, string])[] = [
  ['sregs', 'an x86-64 guest'],
  ['msrs', 'an x86-64 guest'],
]

function value(raw: bigint, field: Field): readonly [RegId, bigint] {
  const id = regId(raw)
  const bits = 8 * regBytes(id)
  try {
    return [id, field.unsigned(bits)]
  } catch (error) {
    throw error instanceof SnapError ? new SnapError(error.code, error.message, { ...error.at, register: showRegId(id) }) : error
  }
}
