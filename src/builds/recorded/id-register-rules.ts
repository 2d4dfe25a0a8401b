// Owns a kernel's rules for ID registers, from what its recordings accepted and refused, plus what no recording can show (marked).

import { fieldOf, IdFieldCache } from '../id-values.ts'
import type { FieldAtLeast, Forgiveness, IdRegisterRules } from '../kernel-rules.ts'
import { isFeatureId } from '../register-rules.ts'
import { type NamedRecording, type RecordedIdRegister, setOf } from './recording.ts'
import { systemRegisters } from './sysreg-table.ts'

const EINVAL = 22
const CTR = 0xd801
const AA64PFR0 = 0xc020
const AA64MMFR2 = 0xc03a
const encodingOf = (id: string): number => Number(BigInt(id) & 0xffffn)
const isIdRegister = (encoding: number): boolean => isFeatureId(encoding) || encoding === CTR

export interface IdRegisterEvidence {
  /** The timers are ordinary system registers: the same rework changed what a GIC does to ID registers. */
  readonly timersAreSysregs: boolean
  /** Knows KVM_ARM_VCPU_PMU_V3_STRICT, which came with the dependency check of the first run. */
  readonly knowsStrictPmu: boolean
  readonly hasBitmaps: boolean
  /** Knows KVM_ARM_VCPU_HAS_EL2: nested virtualisation is offered by features of its own, no longer by an ID register. */
  readonly knowsEl2: boolean
  /** What each QEMU CPU's hardware really has in registers whose fields newer kernels hide. */
  readonly hardware: (cpu: string) => ReadonlyMap<number, bigint>
}

/**
 * Fields with a least value: DebugVer and CopDbg (set_id_aa64dfr0_el1, set_id_dfr0_el1), and AArch64 at EL0 and EL1 (set_id_aa64pfr0_el1).
 * Those checks come before the one for a VM that ran: then writing 0 is EINVAL there, and EBUSY where the kernel has no such check.
 */
const MINIMUM: readonly FieldAtLeast[] = [
  { encoding: 0xc028, shift: 0, atLeast: 6 },
  { encoding: 0xc00a, shift: 0, atLeast: 6 },
  { encoding: AA64PFR0, shift: 0, atLeast: 1 },
  { encoding: AA64PFR0, shift: 4, atLeast: 1 },
]

export function idRegisterRules(recordings: readonly NamedRecording[], evidence: IdRegisterEvidence, inferred: string[]): IdRegisterRules {
  const writable = new Map<number, bigint>()
  for (const { recording } of recordings)
    for (const each of recording.idmasks ?? [])
      for (const [id, mask] of each.masks) writable.set(encodingOf(id), BigInt(mask) | (writable.get(encodingOf(id)) ?? 0n))
  const policy = writable.size > 0 ? 'masked' : 'invariant'
  const passes = recordings.flatMap(({ recording }) => recording.idregs ?? [])
  const before = passes.filter(pass => pass.phase === 'pre').flatMap(pass => pass.regs)
  const after = passes.filter(pass => pass.phase === 'post').flatMap(pass => pass.regs)
  const hidesNv = hidesNested(recordings, evidence)
  const forgives: Forgiveness[] = policy === 'invariant' ? [] : ['mpam', 'pmuver-impdef']
  if (hidesNv) forgives.push('nv', 'mte-frac')
  if (hidesNv && evidence.timersAreSysregs) forgives.push('double-lock')
  const minimum = policy === 'invariant' ? [] : MINIMUM.filter(({ encoding }) => after.some(each => encodingOf(each.id) === encoding && each.zero === EINVAL))
  const clears = firstRunClears(recordings, evidence)
  const moved = recordings
    .flatMap(({ recording }) => recording.idvm)
    .map(each => each.rows.map((row, i) => [encodingOf(row[0]), row[4], each.after_reinit[i]] as const))
  const keepsPerVcpu = moved.flat().some(([encoding, written, after]) => encoding === 0xc005 && written === after)
  inferred.push('idRegisters.forgives, aarch32Absent, gicV3Sets, firstRunDependencies: from kernel sources, no recorded host shows them all')
  return {
    policy,
    writable,
    uncovered: policy === 'masked' ? uncoveredBits(before, writable, minimum) : new Map(),
    lowerable: policy === 'invariant' ? lowerableFields(before, evidence.hasBitmaps, inferred) : [],
    afterRun: passes.some(pass => pass.phase === 'post' && pass.regs.some(each => [...each.low, ...each.high].includes(16))) ? 16 : EINVAL,
    forgives,
    minimum,
    aarch32Absent: evidence.hasBitmaps ? 'ignored' : 'exact',
    keepsPerVcpu,
    firstRunClears: clears,
    gicV3Sets: evidence.timersAreSysregs ? clears.map(({ encoding }) => ({ encoding, shift: encoding === AA64PFR0 ? 24 : 28 })) : [],
    firstRunDependencies: evidence.knowsStrictPmu
      ? [8, 16].map(shift => ({ encoding: 0xc03b, shift, requires: { encoding: 0xc03b, shift: 0, atLeast: 1 } }))
      : [],
  }
}

/** ID_AA64MMFR2_EL1.NV of the hardware is not shown. A CPU that has it says so; without one, the kernel that knows HAS_EL2 is taken to hide it. */
function hidesNested(recordings: readonly NamedRecording[], evidence: IdRegisterEvidence): boolean {
  const shown = recordings.flatMap(({ recording }) => {
    const set = setOf(recording, 'psci02')
    const hardware = fieldOf(evidence.hardware(recording.qemu_cpu).get(AA64MMFR2) ?? 0n, 24)
    return set === undefined || hardware === 0 ? [] : [fieldOf(systemRegisters(set).get(AA64MMFR2) ?? 0n, 24)]
  })
  return shown.length > 0 ? shown.includes(0) : evidence.knowsEl2
}

/** Bits that a first run without an interrupt controller cleared. */
function firstRunClears(recordings: readonly NamedRecording[], evidence: IdRegisterEvidence): IdRegisterRules['firstRunClears'] {
  const cleared = new Map<number, bigint>()
  for (const { recording } of recordings) {
    const pass = (phase: string): ReadonlyMap<string, RecordedIdRegister> =>
      new Map(
        (recording.idregs ?? [])
          .filter(each => each.set === 'psci02' && each.phase === phase)
          .flatMap(each => each.regs.map(register => [register.id, register])),
      )
    const post = pass('post')
    for (const [id, register] of pass('pre')) {
      const gone = BigInt(register.val) & ~BigInt(post.get(id)?.val ?? register.val)
      // Only whole ID registers of the VM: MPIDR and the like are per vCPU.
      if (gone !== 0n && isIdRegister(encodingOf(id))) cleared.set(encodingOf(id), nibbles(gone) | (cleared.get(encodingOf(id)) ?? 0n))
    }
  }
  return [...cleared]
    .sort(([a], [b]) => a - b)
    .map(([encoding, mask]) => ({ encoding, mask, unless: evidence.timersAreSysregs ? ('irqchip' as const) : ('v3' as const) }))
}

function nibbles(bits: bigint): bigint {
  let mask = 0n
  for (let shift = 0n; shift < 64n; shift += 4n) if ((bits >> shift) & 0xfn) mask |= 0xfn << shift
  return mask
}

/** Fields whose lowering an `invariant` kernel takes: CSV2, and CSV3 from the release after (set_id_aa64pfr0_el1), which a host with CSV3 shows. */
function lowerableFields(before: readonly RecordedIdRegister[], hasBitmaps: boolean, inferred: string[]): { encoding: number; shift: number }[] {
  const pfr0 = before.filter(each => encodingOf(each.id) === AA64PFR0)
  const lowered = (shift: number, otherwise: boolean): boolean => {
    const errnos = pfr0.map(each => each.low[shift / 4]!).filter(errno => errno >= 0)
    if (errnos.length === 0) inferred.push(`idRegisters.lowerable: no host has ID_AA64PFR0_EL1[${shift + 3}:${shift}] set`)
    return errnos.length > 0 ? errnos.includes(0) : otherwise
  }
  const fields = [
    [56, lowered(56, true)],
    [60, lowered(60, hasBitmaps)],
  ] as const
  return fields.filter(([, taken]) => taken).map(([shift]) => ({ encoding: AA64PFR0, shift }))
}

/** Writable bits that were refused although the field table says the value is safe: this kernel's table has no such field. */
function uncoveredBits(before: readonly RecordedIdRegister[], writable: ReadonlyMap<number, bigint>, minimum: readonly FieldAtLeast[]): Map<number, bigint> {
  const cache = new IdFieldCache()
  const uncovered = new Map<number, bigint>()
  const covered = new Map<number, bigint>()
  for (const each of before) {
    const encoding = encodingOf(each.id)
    if (!isIdRegister(encoding)) continue
    const limit = BigInt(each.val)
    const mask = writable.get(encoding) ?? 0n
    each.low.forEach((errno, nibble) => {
      const shift = BigInt(4 * nibble)
      const value = limit - (1n << shift)
      if (errno < 0 || minimum.some(least => least.encoding === encoding && fieldOf(value, least.shift) < least.atLeast)) return
      const note = errno === 0 ? covered : cache.accepts(encoding, value, limit, mask, 0n) ? uncovered : undefined
      note?.set(encoding, (note.get(encoding) ?? 0n) | (0xfn << shift))
    })
  }
  for (const [encoding, bits] of uncovered) {
    const rest = bits & ~(covered.get(encoding) ?? 0n) & (writable.get(encoding) ?? 0n)
    if (rest === 0n) uncovered.delete(encoding)
    else uncovered.set(encoding, rest)
  }
  return uncovered
}
