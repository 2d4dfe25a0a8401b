// Owns one vCPU of a StratoVirt state file: struct ArmCPUState by its description. Source: cpu/src/aarch64/mod.rs, hypervisor/src/kvm/aarch64/mod.rs.
import { FEATURES, type Feature } from '../../../arch/features.ts'
import { COPROC, type RegId, regBytes, regCoproc, regId, showRegId } from '../../../arch/reg-id.ts'
import type { Finding } from '../../../model/finding.ts'
import { registerList } from '../../../model/register-list.ts'
import type { VcpuEvents, VcpuSnapshot } from '../../../model/snapshot.ts'
import { coreRegisters, KVM_REGS_BYTES } from '../kvm/core-registers.ts'
import { mpStateOf } from '../kvm/mp-state.ts'
import type { StructView } from './records.ts'

/** CpregListEntry: id u64, 8 bytes to align, value u128. */
const ENTRY_BYTES = 32
const TIMER_CNT = 0x6030_0000_0013_df1an

/** Throws INPUT_CORRUPT. */
export function readCpu(state: StructView): { readonly vcpu: VcpuSnapshot; readonly findings: readonly Finding[] } {
  const index = Number(state.unsigned('apic_id', 4))
  const findings: Finding[] = []
  const listed = listedRegisters(state, index, findings)
  const features = featuresOf(state)
  const sve = features?.includes('sve') === true || listed.some(([id]) => regCoproc(id) === COPROC.sve)
  if (sve)
    findings.push({
      severity: 'error',
      code: 'format-lacks-sve',
      vcpu: index,
      message: `StratoVirt saves no register wider than 128 bits: the vectors and predicates of vCPU ${index}, which has SVE, are lost`,
    })
  const core = coreRegisters(state.bytes('core_regs', KVM_REGS_BYTES), { vectors: !sve, fpsr: true })
  const number = Number(state.unsigned('mp_state', 4))
  const mpState = mpStateOf(number)
  if (mpState === undefined) throw state.wrong('mp_state', `is ${number}, which is no state of an arm64 vCPU`)
  const counter: readonly (readonly [RegId, Uint8Array])[] =
    state.has('vtimer_cnt') && state.has('vtimer_cnt_valid') && state.unsigned('vtimer_cnt_valid', 1) !== 0n && !listed.some(([id]) => id === TIMER_CNT)
      ? [[regId(TIMER_CNT), state.bytes('vtimer_cnt', 8).slice(0, 8)]]
      : []
  return {
    vcpu: {
      index,
      registers: registerList([...core, ...listed, ...counter]),
      mpState,
      ...(state.has('cpu_events') ? { events: eventsOf(state.bytes('cpu_events', 16)) } : {}),
      ...(features ? { features } : {}),
    },
    findings,
  }
}

function listedRegisters(state: StructView, vcpu: number, findings: Finding[]): readonly (readonly [RegId, Uint8Array])[] {
  const list = state.bytes('cpreg_list')
  const count = state.count('cpreg_len', Math.floor(list.length / ENTRY_BYTES))
  return Array.from({ length: count }, (_, i) => {
    const entry = list.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES)
    const raw = Buffer.from(entry).readBigUInt64LE(0)
    let id: RegId
    try {
      id = regId(raw)
    } catch {
      throw state.wrong('cpreg_list', `has at ${i} the id ${showRegId(raw)}, which is no arm64 register`)
    }
    const size = regBytes(id)
    if (size > 16) throw state.wrong('cpreg_list', `has at ${i} ${showRegId(id)}, whose ${size} bytes have no room there`)
    const value = entry.slice(16, 32)
    if (value.subarray(size).some(byte => byte !== 0))
      findings.push({
        severity: 'warning',
        code: 'value-too-wide',
        vcpu,
        register: showRegId(id),
        message: `vCPU ${vcpu}: the file has more than the ${size} bytes of ${showRegId(id)}; the rest is left out`,
      })
    return [id, value.slice(0, size)] as const
  })
}

/** StratoVirt always asks for PSCI 0.2; the file says what else. Older files have no features. */
function featuresOf(state: StructView): readonly Feature[] | undefined {
  if (!state.has('features')) return undefined
  const [pmu, sve] = state.bytes('features', 2)
  const found: readonly Feature[] = ['psci_0_2', ...(pmu ? (['pmu_v3'] as const) : []), ...(sve ? (['sve'] as const) : [])]
  return FEATURES.filter(feature => found.includes(feature))
}

/** struct kvm_vcpu_events. */
function eventsOf(bytes: Uint8Array): VcpuEvents {
  return {
    serrorPending: bytes[0] !== 0,
    serrorHasEsr: bytes[1] !== 0,
    serrorEsr: Buffer.from(bytes).readBigUInt64LE(8),
    extDabtPending: bytes[2] !== 0,
  }
}
