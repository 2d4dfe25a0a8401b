// Owns `builds derive`: a build of somebody's own host, from the rules of a known kernel and register lists of never-run vCPUs. Pure.
import { COPROC, type RegId, sveVlsId } from '../arch/reg-id.ts'
import { SnapError } from '../errors.ts'
import { bytesToBigint, registerAt, registerValue } from '../model/register-list.ts'
import { type Build, makeBuild } from './build.ts'
import { type HostFacts, hostFromLists, type ListedSet, shownHardware } from './host-from-lists.ts'
import type { Encoding, KernelRules, Provenance, SysregRow } from './kernel-rules.ts'
import { CONDITIONS, isFeatureId, RULES } from './register-rules.ts'
import { sameCpu } from './same-cpu.ts'

export interface DeriveOptions {
  /** Whose rules: any build of the kernel that the snapshot was taken on. */
  readonly kernel: Build
  /** One list a set of features; the vCPUs of one VM are one set. */
  readonly lists: readonly ListedSet[]
  readonly name: string
  readonly cpu?: string
  readonly provenance: readonly Provenance[]
}

/** Lowest ID registers whose values a snapshot needs for a build to mean anything: ID_AA64PFR0_EL1 and ID_AA64MMFR0_EL1. */
const NEEDED: readonly Encoding[] = [0xc020, 0xc038]

/**
 * A build with `kernel`'s rules and the lists' values. Registers that the lists have and the kernel's table does not are added to it, by
 * place in the list. What a list cannot show of the CPU comes from a built-in host with the same MIDR_EL1. Throws BUILD_UNUSABLE when a list is not one of a KVM/arm64 vCPU, or shows that the kernel is another.
 */
export function deriveBuild({ kernel, lists, name, cpu, provenance }: DeriveOptions): Build {
  if (lists.length === 0) throw new SnapError('BUILD_UNUSABLE', 'the snapshot has no vCPU to derive a build from')
  for (const { registers } of lists) {
    const listed = systemRegisters(registers)
    const lacking = NEEDED.filter(encoding => !listed.includes(encoding))
    if (lacking.length > 0)
      throw new SnapError('BUILD_UNUSABLE', `the register list has no ${lacking.map(e => `0x${e.toString(16)}`).join(', ')}: it is not a whole KVM/arm64 list`)
  }
  const inferred: string[] = []
  const rules = withListed(kernel.kernel, lists, inferred)
  for (const bitmap of rules.bitmaps)
    if (!lists.some(({ registers }) => registers.ids.includes((0x6030_0000_0016_0000n | BigInt(bitmap.index)) as RegId)))
      throw new SnapError('BUILD_UNUSABLE', `the list lacks firmware bitmap ${bitmap.index}, which ${kernel.name} has: it is of another kernel`)
  const known = ofCpu(lists, kernel.kernel.release)
  const host = hostFromLists(rules, lists, { ...known.facts, cpu: cpu ?? known.cpu, provenance, capabilities: kernel.host.capabilities })
  const notes = [
    ...host.inferred.filter(note => !note.startsWith('capabilities')),
    ...(cpu === undefined ? known.cpuNote : []),
    ...known.notes,
    `capabilities: those of ${kernel.name}`,
    ...inferred,
  ]
  return makeBuild(name, { ...rules, inferred: [...rules.inferred, ...inferred] }, { ...host, inferred: notes })
}

interface OfCpu {
  readonly cpu: string
  readonly cpuNote: readonly string[]
  readonly facts: Pick<HostFacts, 'hardware' | 'vectorLengths'>
  readonly notes: readonly string[]
}

const MIDR = 0x6030_0000_0013_c000n

/** What no list shows: by MIDR_EL1 from a built-in host, as far as there is one. A list of an older kernel shows some of it itself, and then is right. */
function ofCpu(lists: readonly ListedSet[], release: string): OfCpu {
  const midr = lists.map(({ registers }) => registerValue(registers, MIDR)).find(value => value !== undefined)
  const name = `MIDR_EL1 0x${(midr ?? 0n).toString(16)}`
  const known = midr === undefined ? undefined : sameCpu(midr, release)
  const shown = new Map(lists.flatMap(({ registers }) => [...shownHardware(registers)]))
  const hidden = 'fields that newer kernels hide and take back from older ones (ID_AA64MMFR2_EL1.NV, MPAM)'
  if (!known)
    return {
      cpu: midr === undefined ? 'unknown' : `midr-${midr.toString(16)}`,
      cpuNote: ['cpu: named by its MIDR_EL1, no built-in host has it'],
      facts: {},
      notes: [`hardware: no built-in host has ${name}; ${hidden} are taken to be what a guest of the same CPU was shown`],
    }
  const { host } = known
  const hasLengths = lists.some(({ registers }) => registers.ids.includes(sveVlsId))
  const hasSve = lists.some(({ features }) => features.includes('sve'))
  return {
    cpu: host.cpu,
    cpuNote: [`cpu: by ${name}, that of ${known.name}`],
    facts: { hardware: new Map([...host.hardware, ...shown]), ...(host.vectorLengths === 0n ? {} : { vectorLengths: host.vectorLengths }) },
    notes: [
      `hardware: ${hidden} are those of ${known.name}, which has the same ${name}`,
      ...(hasSve && !hasLengths && host.vectorLengths !== 0n ? [`vectorLengths: those of ${known.name}, which has the same ${name}`] : []),
    ],
  }
}

const systemRegisters = (registers: ListedSet['registers']): Encoding[] =>
  [...registers.ids].filter(id => ((id >> 16n) & 0xfffn) === BigInt(COPROC.sysreg)).map(id => Number(id & 0xffffn))

/** The kernel's rules with rows for registers that only these lists have, each behind the one that precedes it in a list. */
function withListed(kernel: KernelRules, lists: readonly ListedSet[], inferred: string[]): KernelRules {
  const rows: SysregRow[] = [...kernel.sysregs]
  for (const { registers } of lists) {
    let previous: Encoding | undefined
    for (let i = 0; i < registers.ids.length; i++) {
      const id = registers.ids[i]!
      if (((id >> 16n) & 0xfffn) !== BigInt(COPROC.sysreg)) continue
      const encoding = Number(id & 0xffffn)
      if (!rows.some(row => row.encoding === encoding)) {
        const at = previous === undefined ? 0 : rows.findIndex(row => row.encoding === previous) + 1
        rows.splice(at, 0, newRow(encoding, bytesToBigint(registerAt(registers, i))))
        inferred.push(`sysregs: ${encoding.toString(16)} is in the list and not in the kernel's table, taken as plain storage unless known otherwise`)
      }
      previous = encoding
    }
  }
  return rows.length === kernel.sysregs.length ? kernel : { ...kernel, sysregs: rows }
}

function newRow(encoding: Encoding, reset: bigint): SysregRow {
  const field = CONDITIONS.get(encoding)
  return { encoding, reset, rule: isFeatureId(encoding) ? 'id' : (RULES.get(encoding) ?? 'rw'), ...(field ? { field } : {}) }
}
