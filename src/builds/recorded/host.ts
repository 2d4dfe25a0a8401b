// Owns turning a recording into the values of the host it was made on: its register lists and what only a recording says besides.
import { type Feature, featuresOf } from '../../arch/features.ts'
import { regBytes, regId } from '../../arch/reg-id.ts'
import { type RegisterList, registerList } from '../../model/register-list.ts'
import { hostFromLists, type ListedSet } from '../host-from-lists.ts'
import type { HostValues } from '../host-values.ts'
import type { KernelRules } from '../kernel-rules.ts'
import { CAPABILITY_NUMBERS } from './capabilities.ts'
import { provenanceOf } from './kernel.ts'
import { type NamedRecording, numeric, type RecordedSet, type Recording, recordedBytes, setOf } from './recording.ts'
import { systemRegisters } from './sysreg-table.ts'

const BASE_SETS = ['psci02', 'pmu', 'sve', 'pauth', 'aarch32', 'el2']
const AA64MMFR2 = 0xc03a
const AA64PFR0 = 0xc020

/** A recorded list as a value; registers that could not be read are left out. */
export function recordedList(set: RecordedSet, vcpu1 = false): RegisterList {
  const differs = new Map((vcpu1 ? (set.vcpu1_diff ?? []) : []).map(([id, value]) => [id, value]))
  const entries = (set.regs ?? []).flatMap(([text, value]) => {
    const id = regId(BigInt(text))
    const bytes = recordedBytes(differs.get(text) ?? value, regBytes(id))
    return bytes ? [[id, bytes] as const] : []
  })
  return registerList(entries)
}

export const featuresOfSet = (set: RecordedSet): readonly Feature[] => featuresOf(Number(set.feat))

/** `hardware`: what the CPU has in fields that newer kernels hide; undefined: nothing knows. */
export function hostValues(kernel: KernelRules, named: NamedRecording, hardware: ReadonlyMap<number, bigint> | undefined): HostValues {
  const { recording } = named
  const sets = BASE_SETS.flatMap((name): ListedSet[] => {
    const set = setOf(recording, name)
    return set ? [{ features: featuresOfSet(set), registers: recordedList(set) }] : []
  })
  const capabilities = new Map(
    Object.entries(recording.meta.caps).flatMap(([name, pair]) => {
      const number = CAPABILITY_NUMBERS[name]
      return number === undefined || (pair[0] === 0 && pair[1] === 0) ? [] : [[number, pair] as const]
    }),
  )
  const spectreV4 = recording.meta.sysfs.spec_store_bypass
  return hostFromLists(kernel, sets, {
    cpu: recording.qemu_cpu,
    provenance: [provenanceOf(named)],
    targets: acceptedTargets(recording),
    features: offeredFeatures(recording, kernel),
    nestedMasks: nestedMasks(recording),
    capabilities,
    ...(hardware ? { hardware } : {}),
    ...(spectreV4 === undefined ? {} : { mitigatesSsb: spectreV4.startsWith('Mitigation') }),
  })
}

function acceptedTargets(recording: Recording): number[] {
  const preferred = recording.meta.preferred.target
  const others = [0, 1, 2, 3, 4, 5, 6].filter(target => target !== preferred && recording.errs[`init_target_${target}`] === 0)
  return [preferred, ...others]
}

/** What a target that ran made of the values that a replay wrote: KVM keeps no RES0 bit and sets every RES1 bit of a nested guest's registers. */
function nestedMasks(recording: Recording): Map<number, readonly [bigint, bigint]> {
  const ran = recording.restore?.find(each => each.set === 'el2' && each.mode === 'B_ran')?.vcpu0?.diff ?? []
  const masks = new Map<number, readonly [bigint, bigint]>()
  for (const [id, written, read, volatile] of ran) {
    const before = numeric(written)
    const after = numeric(read)
    if (before === undefined || after === undefined || volatile !== undefined) continue
    masks.set(Number(BigInt(id) & 0xffffn), [before & ~after, after & ~before])
  }
  return masks
}

function offeredFeatures(recording: Recording, kernel: KernelRules): number {
  const has = (name: string): boolean => (recording.meta.caps[name]?.[0] ?? 0) > 0
  let mask = 0b101
  if (has('ARM_EL1_32BIT')) mask |= 1 << 1
  if (has('ARM_PMU_V3')) mask |= 1 << 3
  if (has('ARM_SVE')) mask |= 1 << 4
  if (has('ARM_PTRAUTH_ADDRESS')) mask |= 1 << 5
  if (has('ARM_PTRAUTH_GENERIC')) mask |= 1 << 6
  // A quick probe tries no feature alone; KVM_CAP_ARM_EL2 says the same.
  if (recording.errs.init_feature_bit_7 === 0 || (recording.errs.init_feature_bit_7 === undefined && has('ARM_EL2'))) mask |= 1 << 7
  if (recording.errs.init_feature_bit_8 === 0 || (recording.errs.init_feature_bit_8 === undefined && kernel.init.e2h0Alone)) mask |= 1 << 8
  // KVM_ARM_VCPU_PMU_V3_STRICT is offered wherever a PMU is (kvm_arm_supported_features).
  if (kernel.init.known & (1 << 9) && has('ARM_PMU_V3')) mask |= 1 << 9
  return mask
}

/**
 * What each QEMU CPU's hardware has in fields that newer kernels hide but take from older ones (ID_AA64MMFR2_EL1.NV, ID_AA64PFR0_EL1.MPAM):
 * the most that any kernel ever showed on that CPU.
 */
export function hiddenHardware(recordings: readonly NamedRecording[]): (cpu: string) => ReadonlyMap<number, bigint> {
  const byCpu = new Map<string, Map<number, bigint>>()
  for (const { recording } of recordings) {
    const set = setOf(recording, 'psci02')
    if (!set) continue
    const registers = systemRegisters(set)
    const known = byCpu.get(recording.qemu_cpu) ?? new Map<number, bigint>()
    byCpu.set(recording.qemu_cpu, known)
    for (const [encoding, shift] of [
      [AA64MMFR2, 24n],
      [AA64PFR0, 40n],
    ] as const) {
      const field = (registers.get(encoding) ?? 0n) & (0xfn << shift)
      if (field > (known.get(encoding) ?? 0n)) known.set(encoding, field)
    }
  }
  return cpu => byCpu.get(cpu) ?? new Map()
}
