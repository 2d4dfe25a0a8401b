// Owns the reading of a judged load for those who put it in words: every register once, whatever number of vCPUs said it, with numbers for values.
// Knows no words.
import { droppable } from '../../../arch/droppable.ts'
import type { Feature } from '../../../arch/features.ts'
import type { GuestView } from '../../../arch/guest-view.ts'
import type { RegId } from '../../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../../arch/smccc.ts'
import { registerValue } from '../../../model/register-list.ts'
import type { LoadReport } from '../check-report.ts'
import type { Judged } from './judged.ts'

/** A register that KVM refuses, or that the VMM stops at, once for all vCPUs. */
export interface Refusal {
  readonly id: RegId
  readonly name: string
  /** The saved value; undefined when a report masks it, or when it is wider than 64 bits (then `bytes` of the snapshot has it). */
  readonly value?: bigint
  readonly errno: string
  readonly droppable: boolean
  readonly vcpus: readonly number[]
  /** What the target holds there instead, when it can be read and differs. */
  readonly there?: bigint
}

/** A value that the guest would find changed: accepted and read back otherwise, or refused and left as the target has it (`skipped`). */
export interface Change {
  readonly id: RegId
  readonly name: string
  readonly was: bigint
  readonly now: bigint
  readonly skipped: boolean
  readonly vcpus: readonly number[]
}

export interface Extra {
  readonly id: RegId
  readonly name: string
  readonly value?: bigint
}

export interface Case extends Judged {
  readonly refusals: readonly Refusal[]
  /** Visible ones only, PSCI_VERSION not among them: it has words of its own. */
  readonly changes: readonly Change[]
  /** Listed by the target and not in the file. */
  readonly added: readonly Extra[]
  /** In the file and not listed by the target. */
  readonly missing: readonly RegId[]
  /** Saved registers that the VMM leaves out by a rule of its own. */
  readonly dropped: LoadReport['dropped']
  readonly guest: GuestView
  /** `linux-6.1.192`: who makes the rules. */
  readonly kernel: string
  /** vCPUs of the snapshot. */
  readonly count: number
}

/** `0x…` as a number; undefined for masked values and for bytes. */
const number = (text: string): bigint | undefined => (text.startsWith('0x') ? BigInt(text) : undefined)

export function readCase(judged: Judged): Case {
  const { snapshot, build, vcpus, load } = judged
  const refusals = new Map<string, Refusal & { vcpus: number[] }>()
  const changes = new Map<string, Change & { vcpus: number[] }>()
  const added = new Map<string, Extra>()
  const missing = new Set<string>()
  for (const vcpu of vcpus) {
    const there = new Map(vcpu.differences.map(row => [row.id, row.readBack]))
    const refusedIds = new Set<string>()
    for (const row of vcpu.failures) {
      refusedIds.add(row.id)
      const known = refusals.get(row.id)
      if (known) known.vcpus.push(vcpu.index)
      else refusals.set(row.id, { ...refusalOf(row, there.get(row.id)), vcpus: [vcpu.index] })
    }
    for (const { id, name, written, readBack, visible, volatile } of vcpu.differences) {
      if (!visible || volatile) continue
      const key = `${id} ${written} ${readBack}`
      const known = changes.get(key)
      if (known) {
        known.vcpus.push(vcpu.index)
        continue
      }
      const [was, now] = [number(written), number(readBack)]
      if (was !== undefined && now !== undefined && BigInt(id) !== PSCI_VERSION_ID)
        changes.set(key, { id: BigInt(id) as RegId, name, was, now, skipped: refusedIds.has(id), vcpus: [vcpu.index] })
    }
    for (const { id, name, value } of vcpu.newOnTarget) {
      if (added.has(id)) continue
      const now = number(value)
      added.set(id, { id: BigInt(id) as RegId, name, ...(now === undefined ? {} : { value: now }) })
    }
    for (const id of vcpu.missingOnTarget) missing.add(id)
  }
  const list = snapshot.vcpus[0]?.registers
  const guest: GuestView = { features: judged.features as readonly Feature[], ...(list ? { lookup: id => registerValue(list, id) } : {}) }
  return {
    ...judged,
    refusals: [...refusals.values()],
    changes: [...changes.values()],
    added: [...added.values()],
    missing: [...missing].map(id => BigInt(id) as RegId),
    dropped: load.dropped,
    guest,
    kernel: `linux-${build.kernel.release}`,
    count: snapshot.vcpus.length,
  }
}

type FailureLike = { readonly id: string; readonly name: string; readonly value: string; readonly errno: string; readonly droppable: boolean }

function refusalOf({ id, name, value, errno, droppable: may }: FailureLike, readBack: string | undefined): Omit<Refusal, 'vcpus'> {
  const [saved, there] = [number(value), readBack === undefined ? undefined : number(readBack)]
  return {
    id: BigInt(id) as RegId,
    name,
    errno,
    droppable: may,
    ...(saved === undefined ? {} : { value: saved }),
    ...(there === undefined ? {} : { there }),
  }
}

/**
 * What stops the VMM, as a refusal: the one of its own order that KVM also refuses, else one made of what the VMM says (a register that it never
 * writes). Undefined when no single register is to blame.
 */
export function deciding({ load, refusals, guest, count }: Case): Refusal | undefined {
  const by = load.decidedBy
  if (!by) return load.outcome === 'fails' ? refusals[0] : undefined
  if (by.id === undefined) return undefined
  const id = BigInt(by.id) as RegId
  const known = refusals.find(row => row.id === id)
  if (known) return known
  const value = guest.lookup?.(id)
  const errno = by.errno ?? 'ENOENT'
  return {
    id,
    name: by.register ?? by.id,
    errno,
    droppable: droppable(id, value ?? 0n, errno, guest).droppable,
    vcpus: by.vcpu === undefined ? Array.from({ length: count }, (_, i) => i) : [by.vcpu],
    ...(value === undefined ? {} : { value }),
  }
}
