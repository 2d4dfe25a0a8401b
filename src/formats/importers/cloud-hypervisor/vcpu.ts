// Owns one vCPU of state.json: the three layouts of its registers become one list, in the order in which Cloud Hypervisor writes them back.
// Source: facts/vmm-formats.md §2; hypervisor/src/kvm/mod.rs (state and set_state) of v29 to v53.
import { COPROC, type RegId, regBytes, regCoproc, regId, showRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerList } from '../../../model/register-list.ts'
import type { MpState, VcpuSnapshot } from '../../../model/snapshot.ts'
import type { Field } from '../../data/fields.ts'
import { coreRegisters, KVM_REGS_BYTES } from '../kvm/core-registers.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { mpStateOf } from '../kvm/mp-state.ts'

export interface ReadVcpu {
  readonly vcpu: VcpuSnapshot
  readonly findings: readonly Finding[]
  /** v53 and newer have a place for wide registers. */
  readonly hasWideRegisters: boolean
}

type Entry = readonly [RegId, Uint8Array]

/** `state` is the node's JSON. Throws INPUT_CORRUPT, and FORMAT_FOREIGN for a guest of another architecture or hypervisor. */
export function readVcpu(index: number, node: Field, file: string): ReadVcpu {
  const findings: Finding[] = []
  const state = kvmState(node, file)
  const early = wideRegisters(state.optional('pre_finalize_regs'))
  const wide = wideRegisters(state.optional('extended_regs'))
  const system = state
    .at('sys_regs')
    .list(VMM_LIMITS.registers)
    .map(item => systemRegister(item, index, findings))
  const sve = [...early, ...wide].some(([id]) => regCoproc(id) === COPROC.sve)
  const core = coreRegisters(coreBytes(state.at('core_regs')), { vectors: !sve, fpsr: !sve })
  if (sve)
    findings.push({
      severity: 'warning',
      code: 'format-lacks-fpsr',
      vcpu: index,
      message: `Cloud Hypervisor saves no FPSR and FPCR of a vCPU with SVE: vCPU ${index} goes on with those of a fresh one`,
      hint: 'rounding mode, flush-to-zero and the sticky exception flags of what ran are lost',
    })
  const isVector = ([id]: Entry): boolean => regBytes(id) === 16 || regBytes(id) === 4
  const registers = [...early, ...core.filter(entry => !isVector(entry)), ...wide, ...core.filter(isVector), ...system]
  return {
    vcpu: { index, registers: registerList(registers), mpState: mpState(state.at('mp_state')) },
    findings,
    hasWideRegisters: state.has('extended_regs'),
  }
}

/** The KVM part: bare until v24, wrapped by the name of the hypervisor since. */
function kvmState(node: Field, file: string): Field {
  if (node.has('Mshv'))
    throw new SnapError(
      'FORMAT_FOREIGN',
      `${file} is a Cloud Hypervisor snapshot of a guest on Microsoft Hypervisor`,
      { file },
      {
        hint: 'psci-snap reads guests that ran on KVM',
      },
    )
  const state = node.optional('Kvm') ?? node
  if (['msrs', 'sregs', 'cpuid', 'lapic_state', 'xcrs'].some(key => state.has(key)))
    throw new SnapError('FORMAT_FOREIGN', `${file} is a Cloud Hypervisor snapshot of an x86-64 guest`, { file })
  const core = state.optional('core_regs')
  if (core?.value instanceof Map && core.has('mode') && !core.has('sp_el1'))
    throw new SnapError('FORMAT_FOREIGN', `${file} is a Cloud Hypervisor snapshot of a RISC-V guest`, { file })
  return state
}

function mpState(field: Field): MpState {
  // struct kvm_mp_state: {"mp_state":0}, or its four bytes.
  const number = field.value instanceof Map ? Number(field.at('mp_state').unsigned(32)) : Buffer.from(field.bytes(4, 4)).readUInt32LE(0)
  const state = mpStateOf(number)
  if (state === undefined) throw field.wrong(`is ${number}, which is no state of an arm64 vCPU`)
  return state
}

/** struct kvm_regs: its 864 bytes, or (until v38) field by field. */
function coreBytes(field: Field): Uint8Array {
  if (!(field.value instanceof Map)) return field.bytes(KVM_REGS_BYTES, KVM_REGS_BYTES)
  const bytes = new Uint8Array(KVM_REGS_BYTES)
  const put = (offset: number, size: number, value: Field): void => {
    let rest = value.unsigned(size * 8)
    for (let i = 0; rest !== 0n; i++, rest >>= 8n) bytes[offset + i] = Number(rest & 0xffn)
  }
  const regs = field.at('regs')
  const float = field.at('fp_regs')
  for (const [i, value] of regs.at('regs').list(31, 31).entries()) put(8 * i, 8, value)
  put(248, 8, regs.at('sp'))
  put(256, 8, regs.at('pc'))
  put(264, 8, regs.at('pstate'))
  put(272, 8, field.at('sp_el1'))
  put(280, 8, field.at('elr_el1'))
  for (const [i, value] of field.at('spsr').list(5, 5).entries()) put(288 + 8 * i, 8, value)
  for (const [i, value] of float.at('vregs').list(32, 32).entries()) put(336 + 16 * i, 16, value)
  put(848, 4, float.at('fpsr'))
  put(852, 4, float.at('fpcr'))
  return bytes
}

/** struct kvm_one_reg: {"id":…,"addr":…}, or its 16 bytes; `addr` is the value, a 32-bit one in its low half. */
function systemRegister(item: Field, vcpu: number, findings: Finding[]): Entry {
  let raw: bigint
  let value: Uint8Array
  if (item.value instanceof Map) {
    raw = item.at('id').unsigned()
    value = new Uint8Array(new BigUint64Array([item.at('addr').unsigned()]).buffer)
  } else {
    const bytes = item.bytes(16, 16)
    raw = Buffer.from(bytes).readBigUInt64LE(0)
    value = bytes.subarray(8)
  }
  const id = armId(raw, item)
  const size = regBytes(id)
  if (size > 8) throw item.wrong(`is ${showRegId(id)}, which has ${size} bytes and cannot stand here`)
  if (value.subarray(size).some(byte => byte !== 0))
    findings.push({
      severity: 'warning',
      code: 'value-too-wide',
      vcpu,
      register: showRegId(id),
      message: `vCPU ${vcpu}: the file has more than the ${size} bytes of ${showRegId(id)}; the rest is left out`,
    })
  return [id, value.slice(0, size)]
}

function wideRegisters(field: Field | undefined): readonly Entry[] {
  return (field?.list(VMM_LIMITS.registers) ?? []).map(item => {
    const id = armId(item.at('id').unsigned(), item)
    return [id, item.at('data').bytes(32768, regBytes(id))] as const
  })
}

function armId(raw: bigint, item: Field): RegId {
  try {
    return regId(raw)
  } catch {
    throw item.wrong(`has the id ${showRegId(raw)}, which is no arm64 register`)
  }
}
