// Owns the judgement of a replay (DESIGN.md §2, Verdict): from what the target answered to survives, changed or refused, every reason a finding.
// Decides from tables (arch/visibility.ts, arch/droppable.ts), never from a release number. Runs nothing.
import { registerName } from '../arch/catalogue/catalogue.ts'
import { droppable } from '../arch/droppable.ts'
import { errnoName } from '../arch/errno.ts'
import type { Feature } from '../arch/features.ts'
import type { GuestView } from '../arch/guest-view.ts'
import { describePsciStep, showPsciVersion } from '../arch/psci.ts'
import { type RegId, showRegId } from '../arch/reg-id.ts'
import { BITMAP_BITS, PSCI_VERSION_ID, showWorkaround, WORKAROUND_IDS } from '../arch/smccc.ts'
import { visibleDifference } from '../arch/visibility.ts'
import { isVolatile } from '../arch/volatile.ts'
import type { Finding } from '../model/finding.ts'
import { bytesToBigint, type RegisterList, registerValue } from '../model/register-list.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { VcpuReplay } from './replay.ts'
import type { DifferenceRow, FailureRow, VcpuReport, Verdict } from './reports.ts'
import { shorten, showNames, showValue } from './show-value.ts'

export interface Judgement {
  readonly verdict: Verdict
  readonly vcpus: readonly VcpuReport[]
  readonly findings: readonly Finding[]
}

type Difference = VcpuReplay['differences'][number]
const changeKey = ({ id, written, readBack }: Difference): string => `${id} ${bytesToBigint(written)} ${bytesToBigint(readBack)}`
const isVisible = ({ id, written, readBack }: Difference, guest: GuestView): boolean =>
  !isVolatile(id) && visibleDifference(id, bytesToBigint(written), bytesToBigint(readBack), guest).visible
const guestView = (saved: RegisterList, features: readonly Feature[]): GuestView => ({ lookup: id => registerValue(saved, id), features })

/** What is known besides the replay itself. */
export interface Circumstances {
  readonly features: readonly Feature[]
  /** PSCI_VERSION in the file (undefined: none) and after everything was written. */
  readonly psci: { readonly saved: bigint | undefined; readonly after: bigint | undefined }
  /** The user asked for this version: a difference from the saved one is then no accident, but the guest sees it all the same. */
  readonly pinned?: bigint
  /** Services that the source certainly offered or not, by bitmap register and bit; undefined when the source is not a known build. */
  readonly sourceOffered?: (register: RegId, bit: number) => boolean | undefined
}

/** Judges one replayed VM. `saved` and `replays` run in parallel, one element per vCPU. */
export function judge(saved: Snapshot, replays: readonly VcpuReplay[], about: Circumstances): Judgement {
  const refusals = new Grouped<FailureRow>()
  const changes = new Grouped<Difference & { readonly guest: GuestView }>()
  const findings: Finding[] = []
  const vcpus = replays.map((replay, i) => {
    const list = saved.vcpus[i]!.registers
    const report = vcpuReport(replay, list, about.features)
    const guest = guestView(list, about.features)
    for (const row of report.failures) refusals.add(`${row.errno} ${row.reason}`, row, replay.index)
    const refusedIds = new Set(replay.refused.map(row => row.id))
    // A refused register is reported once, as refused; PSCI_VERSION has a finding of its own.
    for (const row of replay.differences)
      if (!refusedIds.has(row.id) && row.id !== PSCI_VERSION_ID && isVisible(row, guest)) changes.add(changeKey(row), { ...row, guest }, replay.index)
    return report
  })
  for (const { rows, vcpus: where } of refusals.groups()) findings.push(refusalFinding(rows, where, replays.length))
  // A refused version is reported once, as refused.
  if (!replays.some(replay => replay.refused.some(row => row.id === PSCI_VERSION_ID))) findings.push(...psciFindings(about))
  for (const { rows, vcpus: where } of changes.groups()) findings.push(changeFinding(rows[0]!, where, replays.length))
  findings.push(...omittedFindings(saved, replays, about.features), ...serviceFindings(replays, about))

  const refused = findings.some(finding => finding.code === 'register-refused')
  const changed = findings.some(finding => CHANGES.has(finding.code) && finding.severity !== 'info')
  return { verdict: refused ? 'refused' : changed ? 'changed' : 'survives', vcpus, findings }
}

/** Finding codes that mean: nothing was rejected, but the guest can tell. */
export const CHANGES: ReadonlySet<string> = new Set([
  'psci-version-changed',
  'psci-version-missing',
  'register-changed',
  'mitigation-changed',
  'service-appeared',
  'service-vanished',
  'guest-observed-change',
  'wake-changed',
])

function vcpuReport(replay: VcpuReplay, saved: RegisterList, features: readonly Feature[]): VcpuReport {
  const guest = guestView(saved, features)
  const failures = replay.refused.map(({ id, value, errno }): FailureRow => {
    const targetValue = registerValue(replay.before, id)
    const advice = droppable(id, bytesToBigint(value), errnoName(errno), { ...guest, ...(targetValue === undefined ? {} : { targetValue }) })
    return {
      id: showRegId(id),
      name: registerName(id),
      value: showValue(id, value),
      errno: errnoName(errno),
      droppable: advice.droppable,
      reason: advice.reason,
    }
  })
  const differences = replay.differences.map(
    (row): DifferenceRow => ({
      id: showRegId(row.id),
      name: registerName(row.id),
      written: showValue(row.id, row.written),
      readBack: showValue(row.id, row.readBack),
      ...(isVolatile(row.id) ? { volatile: true as const } : {}),
      visible: isVisible(row, guest),
    }),
  )
  return {
    index: replay.index,
    written: replay.written,
    failures,
    differences,
    ...(replay.omitted.length === 0 ? {} : { omitted: replay.omitted.map(omittedRow) }),
    ...(replay.vanished.length === 0 ? {} : { vanished: replay.vanished.map(showRegId) }),
    missingOnTarget: replay.missingOnTarget.map(showRegId),
    newOnTarget: replay.newOnTarget.map(({ id, value }) => ({ id: showRegId(id), name: registerName(id), value: showValue(id, value) })),
  }
}

const omittedRow = ({ id, saved, readBack }: VcpuReplay['omitted'][number]) => ({
  id: showRegId(id),
  name: registerName(id),
  saved: showValue(id, saved),
  ...(readBack === undefined ? {} : { readBack: showValue(id, readBack) }),
})

/** `vCPU 0`, `vCPUs 0 1`, or nothing when all are meant. */
const onVcpus = (where: readonly number[], all: number): string => (where.length === all ? '' : ` on vCPU${where.length === 1 ? '' : 's'} ${where.join(' ')}`)

function refusalFinding(rows: readonly FailureRow[], where: readonly number[], all: number): Finding {
  const names = [...new Set(rows.map(row => row.name))]
  const [first] = rows as readonly [FailureRow]
  const what = names.length === 1 ? `${names[0]} = ${shorten(first.value)} is refused` : `${names.length} registers are refused (${showNames(names)})`
  return {
    severity: 'error',
    code: 'register-refused',
    message: `${what} with ${first.errno}${onVcpus(where, all)}: ${first.reason}`,
    ...(names.length === 1 ? { register: names[0]! } : {}),
    ...(where.length === 1 && all > 1 ? { vcpu: where[0]! } : {}),
    hint: first.droppable ? 'safe to drop: nothing is lost without it' : 'not safe to drop: the guest could notice',
  }
}

function changeFinding({ id, written, readBack, guest }: Difference & { readonly guest: GuestView }, where: readonly number[], all: number): Finding {
  const name = registerName(id)
  const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)
  const { fields, why } = visibleDifference(id, bytesToBigint(written), bytesToBigint(readBack), guest)
  const say = (value: Uint8Array) => (workaround === undefined ? shorten(showValue(id, value)) : showWorkaround(workaround, bytesToBigint(value)))
  const detail = fields.length === 0 ? '' : ` (${fields.join(', ')})`
  return {
    severity: 'warning',
    code: workaround === undefined ? 'register-changed' : 'mitigation-changed',
    message: `${name}${detail} was ${say(written)}, reads ${say(readBack)} here${onVcpus(where, all)}: ${why}`,
    register: name,
    ...(where.length === 1 && all > 1 ? { vcpu: where[0]! } : {}),
  }
}

function psciFindings({ psci: { saved, after }, pinned }: Circumstances): Finding[] {
  if (after === undefined || (saved === undefined && pinned !== undefined)) return []
  if (saved === undefined)
    return [
      {
        severity: 'warning',
        code: 'psci-version-missing',
        register: registerName(PSCI_VERSION_ID),
        message: `the file holds no PSCI version: the guest gets PSCI ${showPsciVersion(after)}, the target's default, whatever it booted with`,
        hint: 'pin the version that the guest booted with: --pin-psci X.Y',
      },
    ]
  if (saved === after) return []
  const ordered = pinned === after
  return [
    {
      severity: 'warning',
      code: 'psci-version-changed',
      register: registerName(PSCI_VERSION_ID),
      message: `the guest booted with PSCI ${showPsciVersion(saved)} and now has ${showPsciVersion(after)}${ordered ? ', as ordered' : ''}${describeStep(saved, after)}`,
      ...(ordered ? {} : { hint: `restore the register, or pin it: --pin-psci ${showPsciVersion(saved)}` }),
    },
  ]
}

function describeStep(from: bigint, to: bigint): string {
  try {
    const rows = describePsciStep(showPsciVersion(from), showPsciVersion(to))
    const names = (change: 'appears' | 'vanishes') => rows.filter(row => row.change === change).map(row => row.name)
    const parts = [names('appears').map(name => `${name} appears`), names('vanishes').map(name => `${name} vanishes`)].flat()
    return parts.length === 0 ? '' : `: ${parts.join(', ')}`
  } catch {
    return '' // a value that no kernel knows has no functions to compare
  }
}

/** Registers left out with --omit whose value on the target differs from the saved one in a way that a guest sees. */
function omittedFindings(snapshot: Snapshot, replays: readonly VcpuReplay[], features: readonly Feature[]): Finding[] {
  const findings = new Map<bigint, Finding>()
  for (const [i, { omitted }] of replays.entries())
    for (const { id, saved, readBack } of omitted) {
      if (id === PSCI_VERSION_ID || findings.has(id) || readBack === undefined || isVolatile(id)) continue
      const { visible, why } = visibleDifference(id, bytesToBigint(saved), bytesToBigint(readBack), guestView(snapshot.vcpus[i]!.registers, features))
      if (!visible) continue
      const register = registerName(id)
      findings.set(id, {
        severity: 'warning',
        code: 'register-changed',
        register,
        message: `${register} was not restored: it was ${shorten(showValue(id, saved))}, the target has ${shorten(showValue(id, readBack))}: ${why}`,
      })
    }
  return [...findings.values()]
}

/** Services behind firmware bitmaps that the file does not hold: nobody turned them off, so the target's default decides. */
function serviceFindings(replays: readonly VcpuReplay[], about: Circumstances): Finding[] {
  const [replay] = replays
  if (!replay) return []
  return replay.newOnTarget.flatMap(({ id, value }) => {
    const bits = BITMAP_BITS.filter(row => row.register === id && (bytesToBigint(value) >> BigInt(row.bit)) & 1n)
    return bits.flatMap(({ bit, name, service }): Finding[] => {
      const had = about.sourceOffered?.(id, bit)
      if (had === true) return []
      const source = had === false ? 'the source did not offer it' : 'the file cannot say whether the source offered it'
      return [
        {
          severity: 'warning',
          code: 'service-appeared',
          register: registerName(id),
          message: `${name} (${service}) appears: on by default here, and ${source}`,
          hint: `write 0 to ${registerName(id)} before the first run to keep it out`,
        },
      ]
    })
  })
}

/** Rows that say the same on several registers or vCPUs, in first-seen order. */
class Grouped<T> {
  readonly #groups = new Map<string, { readonly rows: T[]; readonly vcpus: Set<number> }>()

  add(key: string, row: T, vcpu: number): void {
    const group = this.#groups.get(key) ?? { rows: [], vcpus: new Set<number>() }
    group.rows.push(row)
    group.vcpus.add(vcpu)
    this.#groups.set(key, group)
  }

  groups(): readonly { readonly rows: readonly T[]; readonly vcpus: readonly number[] }[] {
    return [...this.#groups.values()].map(({ rows, vcpus }) => ({ rows, vcpus: [...vcpus] }))
  }
}
