// Owns the search for values that every host takes: per ID-register field, per cache register, the safest one that KVM on each host accepts and
// keeps. Asks the emulated KVM, field by field; what no value can make equal is said. Knows no file and no VMM.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { registerFields } from '../../arch/fields/fields.ts'
import { type RegId, regBytes, sysRegId } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import { fieldMask, fieldValue, type IdField, idFields } from '../../builds/id-fields.ts'
import type { SysregRule } from '../../builds/kernel-rules.ts'
import { Vm } from '../../emulator/kvm/vm.ts'
import { bytesToBigint, registerValue } from '../../model/register-list.ts'
import type { Gic } from '../../model/snapshot.ts'
import { bear } from './birth.ts'

/** A value that all hosts take, for the bits of `mask`. */
export interface Common {
  readonly id: RegId
  readonly value: bigint
  /** Absent: the whole register. */
  readonly mask?: bigint
}

/** Something that stays different: the raw value of a field (or register) by host, in the order of the hosts; undefined where it is not listed. */
export interface Apart {
  readonly id: RegId
  readonly field?: string
  readonly values: readonly (bigint | undefined)[]
}

const IDENTITY: ReadonlySet<SysregRule> = new Set(['id', 'imp', 'ctr', 'clidr'])
const PMCR = sysRegId(3, 3, 9, 12, 0)
/** PMCR_EL0.N: how many event counters the guest has. */
const PMCR_N: IdField = { shift: 11, width: 5, signed: false, safety: 'lower', safe: 0 }

/** A vCPU on which a value can be tried and taken back. */
class Trial {
  readonly #vcpu: ReturnType<Vm['createVcpu']>

  constructor(build: Build, features: readonly Feature[], gic: Gic) {
    const vm = new Vm(build)
    this.#vcpu = vm.createVcpu(0)
    this.#vcpu.init(featureMask(features))
    if (features.includes('sve')) this.#vcpu.finalize(4)
    if (gic !== 'none') vm.createGic(gic)
  }

  /** KVM takes the value and reads it back. */
  accepts(id: RegId, value: bigint): boolean {
    const before = this.#read(id)
    if (before === undefined) return false
    if (before === value) return true
    const taken = this.#write(id, value) === 0 && this.#read(id) === value
    this.#write(id, before)
    return taken
  }

  #read(id: RegId): bigint | undefined {
    const bytes = new Uint8Array(regBytes(id))
    return this.#vcpu.getReg(id, bytes) === 0 ? bytesToBigint(bytes) : undefined
  }

  #write(id: RegId, value: bigint): number {
    const bytes = new Uint8Array(regBytes(id))
    for (let i = 0, rest = value; i < bytes.length; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
    return this.#vcpu.setReg(id, bytes)
  }
}

/** What KVM shows a guest about its CPU, and may let a VMM change: by id, which hosts' rules are asked for. */
function isIdentity(builds: readonly Build[]): (id: RegId) => boolean {
  const encodings = new Set(builds.flatMap(({ kernel }) => kernel.sysregs.filter(row => IDENTITY.has(row.rule)).map(row => row.encoding)))
  return id => (id >> 16n === 0x6030_0000_0013n ? encodings.has(Number(id & 0xffffn)) || id === PMCR : registerRow(id)?.class === 'demux')
}

/**
 * The identity registers that all `builds` can show alike. A register that not every host lists is compared among those that do. Values that are
 * 0 everywhere are left out. Throws BUILD_UNUSABLE when a host does not take the features.
 */
export function commonValues(
  builds: readonly Build[],
  features: readonly Feature[],
  gic: Gic,
): { readonly common: readonly Common[]; readonly apart: readonly Apart[] } {
  const fresh = builds.map(build => bear(build, { features, gic }).snapshot.vcpus[0]!.registers)
  const trials = builds.map(build => new Trial(build, features, gic))
  const identity = isIdentity(builds)
  const ids = [...new Set(fresh.flatMap(list => [...list.ids] as RegId[]))].filter(identity)
  const common: Common[] = []
  const apart: Apart[] = []
  for (const id of ids) {
    const values = fresh.map(list => registerValue(list, id))
    const there = values.flatMap((value, host) => (value === undefined ? [] : [{ value, trial: trials[host]!, host }]))
    if (there.every(({ value }) => value === 0n)) continue
    const found = id === PMCR ? fieldwise(id, [PMCR_N], there, true) : fieldwise(id, fieldsOf(id), there, false)
    if (found.mask !== 0n) common.push({ id, value: found.value, ...(found.mask === wholeMask(id) ? {} : { mask: found.mask }) })
    for (const { mask, name } of found.apart)
      apart.push({
        id,
        ...(name === undefined ? {} : { field: name }),
        values: values.map(value => (value === undefined ? undefined : fieldBits(value, mask))),
      })
  }
  return { common, apart }
}

const wholeMask = (id: RegId): bigint => (1n << BigInt(regBytes(id) * 8)) - 1n
const fieldsOf = (id: RegId): readonly IdField[] => (id >> 16n === 0x6030_0000_0013n ? (idFields(Number(id & 0xffffn)) ?? []) : [])
function fieldBits(value: bigint, mask: bigint): bigint {
  let shift = 0n
  while (mask !== 0n && !((mask >> shift) & 1n)) shift++
  return (value & mask) >> shift
}

interface There {
  readonly value: bigint
  readonly trial: Trial
}

interface Found {
  readonly value: bigint
  /** Bits that are common. */
  readonly mask: bigint
  readonly apart: readonly { readonly mask: bigint; readonly name?: string }[]
}

/** Field by field, then what no field covers as one piece (`onlyFields`: that is left alone), then the whole as it would be written. */
function fieldwise(id: RegId, fields: readonly IdField[], there: readonly There[], onlyFields: boolean): Found {
  const masks = fields.map(fieldMask)
  const covered = masks.reduce((all, mask) => all | mask, 0n)
  const pieces = [
    ...fields.map((field, at) => ({ mask: masks[at]!, candidates: candidatesOf(field, there) })),
    ...(onlyFields ? [] : [{ mask: wholeMask(id) & ~covered, candidates: [...new Set(there.map(({ value }) => value & wholeMask(id) & ~covered))] }]),
  ]
  let value = 0n
  let mask = 0n
  const apart: { readonly mask: bigint; readonly name?: string }[] = []
  for (const piece of pieces) {
    const chosen = piece.candidates.find(bits => there.every(({ value: own, trial }) => trial.accepts(id, (own & ~piece.mask) | bits)))
    if (chosen === undefined) apart.push({ mask: piece.mask, ...nameOf(id, piece.mask) })
    else {
      value |= chosen
      mask |= piece.mask
    }
  }
  // Fields that are fine alone may not be so together.
  if (!there.every(({ value: own, trial }) => trial.accepts(id, (own & ~mask) | value))) return { value: 0n, mask: 0n, apart: [{ mask: wholeMask(id) }] }
  return { value, mask, apart }
}

function nameOf(id: RegId, mask: bigint): { readonly name?: string } {
  const field = registerFields(id).find(({ lsb, reserved }) => !reserved && (mask >> BigInt(lsb)) & 1n)
  return field && mask !== wholeMask(id) ? { name: field.name } : {}
}

/** Values for a field, best first, in place: the safest of the hosts' own, the others, the one that is always safe. */
function candidatesOf(field: IdField, there: readonly There[]): readonly bigint[] {
  const own = [...new Set(there.map(({ value }) => fieldValue(field, value)))].sort((a, b) => a - b)
  const ordered = ((): readonly number[] => {
    switch (field.safety) {
      case 'lower':
        return own
      case 'higher':
        return own.toReversed()
      case 'higher-or-zero':
        return own.includes(0) ? own : own.toReversed()
      case 'exact':
        return [...own, field.safe]
    }
  })()
  return ordered.map(value => (BigInt(value) & ((1n << BigInt(field.width)) - 1n)) << BigInt(field.shift))
}

/** `ID_AA64MMFR1_EL1.TWED`. */
export const apartName = ({ id, field }: Apart): string => `${registerName(id)}${field === undefined ? '' : `.${field}`}`
