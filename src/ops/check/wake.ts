// Owns the answer for a guest that hibernated: not whether its frozen state replays, since it boots anew and resumes from its own disk, but whether this host
// can give it the environment that it relies on then, by itself or with registers that its VMM writes before the first instruction.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { droppable } from '../../arch/droppable.ts'
import { errnoName } from '../../arch/errno.ts'
import type { Feature } from '../../arch/features.ts'
import { showPsciVersion } from '../../arch/psci.ts'
import { showRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { PsciReport, VcpuReport, Verdict } from '../reports.ts'
import { DISK_KIND } from '../run/file-disk.ts'
import { type ComponentDifference, differingComponents } from '../signature/compare.ts'
import type { ComponentName } from '../signature/components.ts'
import { environmentOfSnapshot, signatureOf } from '../signature/environment.ts'
import type { Tables } from '../signature/machine-parts.ts'
import { hexValue, type Offered, offer, type PinWrite } from '../signature/pin.ts'
import type { WakeAnswer } from './check-report.ts'
import { type CheckTarget, isLive } from './check-target.ts'
import { listNames, plural } from './words/names.ts'

/** One feature set on one target. */
export interface WakeAttempt {
  readonly verdict: Verdict
  readonly reason: string
  readonly features: readonly Feature[]
  readonly wake: WakeAnswer
  readonly vcpus: readonly VcpuReport[]
  readonly psci: PsciReport
  readonly findings: readonly Finding[]
}

export interface WakeKnowledge {
  /** PSCI_VERSION in the file. */
  readonly saved: bigint | undefined
  readonly features: readonly Feature[]
  readonly tables?: Tables
}

/** What VMMs choose and no kernel has to offer. */
const BOARD: ReadonlySet<ComponentName> = new Set(['memory-map', 'tables', 'gic', 'devices'])

/** Throws nothing but what a host refuses for other reasons than the guest. */
export function wakeOn(target: CheckTarget, snapshot: Snapshot, { saved, features, tables }: WakeKnowledge): WakeAttempt {
  const environment = environmentOfSnapshot(snapshot, tables ? { tables } : {})
  const signature = signatureOf(environment)
  const about = {
    signature: { digest: signature.digest, hardwareSignature: `0x${signature.hardwareSignature.toString(16).padStart(8, '0')}` },
    board: environment.components.filter(({ name }) => BOARD.has(name)).map(({ name, words }) => ({ component: name, words })),
  }
  const savedText = saved === undefined ? null : showPsciVersion(saved)
  let offered: Offered
  try {
    offered = offer(target, snapshot, environment, features)
  } catch (error) {
    if (!(error instanceof SnapError && (error.code === 'BUILD_UNUSABLE' || error.code === 'KERNEL_REFUSED'))) throw error
    const why = error.message
    const difference = { component: 'topology', verdict: 'refused', why, meets: [], refusals: [] } as const
    return {
      verdict: 'refused',
      reason: `does not wake: ${why}`,
      features,
      wake: { ...about, pins: [], withoutPins: ['topology'], differences: [difference], notKnown: [] },
      vcpus: [],
      psci: { saved: savedText, afterReplay: null, observedByGuest: null, observedVia: null, targetDefault: null },
      findings: [{ severity: 'error', code: 'wake-refused', message: `topology: ${why}` }],
    }
  }
  const { unpinned, pinned, writes, guest } = offered
  const differences = pinned.filter(({ kind }) => kind === 'different').map(difference => judged(difference, writes, target))
  const withoutPins = differingComponents(unpinned)
  const pins = writes.filter(({ errno, value, readBack, component }) => errno === 0 && readBack === value && component !== 'workarounds')
  const notKnown = pinned.filter(({ component, notKnown: keys }) => keys.length > 0 && !BOARD.has(component))
  const verdict: Verdict = differences.some(each => each.verdict === 'refused') ? 'refused' : differences.length > 0 ? 'changed' : 'survives'
  const wake: WakeAnswer = {
    ...about,
    pins: pins.map(pinRow),
    withoutPins,
    differences,
    notKnown: notKnown.map(({ component, notKnown: keys }) => ({ component, keys })),
  }
  const version = registerValue(guest.vcpus[0]!.registers, PSCI_VERSION_ID)
  const psciWrite = writes.find(({ id }) => id === PSCI_VERSION_ID)
  const usual = psciWrite ? psciWrite.fresh : version
  return {
    verdict,
    reason: reasonOf(verdict, wake, target),
    features,
    wake,
    vcpus: snapshot.vcpus.map((vcpu, place) =>
      vcpuReport(
        vcpu,
        writes.filter(write => write.vcpu === place),
        features,
      ),
    ),
    psci: {
      saved: savedText,
      afterReplay: version === undefined ? null : showPsciVersion(version),
      observedByGuest: null,
      observedVia: null,
      targetDefault: usual === undefined ? null : showPsciVersion(usual),
    },
    findings: [...differences.map(findingOf), ...pinFindings(wake), ...otherFindings(snapshot, wake)],
  }
}

const pinRow = ({ id, vcpu, component, value, fresh }: PinWrite): WakeAnswer['pins'][number] => ({
  component,
  vcpu,
  id: showRegId(id),
  name: registerName(id),
  value: hexValue(value),
  ...(fresh === undefined ? {} : { fresh: hexValue(fresh) }),
})

const named = (target: CheckTarget): string => (isLive(target) ? target.kernel : `linux-${target.kernel.release}`)
const written = ({ id, value }: Pick<PinWrite, 'id' | 'value'>): string => `${registerName(id)} = ${hexValue(value)}`

function judged({ component, facts, meets }: ComponentDifference, writes: readonly PinWrite[], target: CheckTarget): WakeAnswer['differences'][number] {
  const ids = new Set(facts.map(({ id }) => id))
  const own = writes.filter(write => write.component === component && ids.has(write.id))
  const refused = own.filter(({ errno }) => errno !== 0)
  const [first] = refused
  const refusals = refused.map(({ id, value, errno, vcpu }) => ({
    vcpu,
    id: showRegId(id),
    name: registerName(id),
    value: hexValue(value),
    errno: errnoName(errno),
  }))
  const rest = new Set(refused.map(({ id }) => id)).size - 1
  const why = !first
    ? `${named(target)} offers ${listNames(facts.map(({ key, a, b }) => `${key} ${b ?? 'not at all'} where it was ${a ?? 'absent'}`))}`
    : first.id === PSCI_VERSION_ID
      ? `PSCI ${showPsciVersion(first.value)} is not available on ${named(target)}: ${written(first)} is refused with ${errnoName(first.errno)}${taken(target)}`
      : `${named(target)} refuses ${written(first)} with ${errnoName(first.errno)}${rest > 0 ? `, and ${plural(rest, 'register')} more` : ''}`
  return { component, verdict: first ? 'refused' : 'changed', why, meets, refusals }
}

const taken = (target: CheckTarget): string =>
  isLive(target) ? '' : `; it takes ${target.kernel.psci.accepted.map(version => showPsciVersion(BigInt(version))).join(', ')}`

function reasonOf(verdict: Verdict, { differences, withoutPins, pins }: WakeAnswer, target: CheckTarget): string {
  if (verdict !== 'survives') {
    const [first, ...others] = differences.toSorted((a, b) => (a.verdict === b.verdict ? 0 : a.verdict === 'refused' ? -1 : 1))
    const more = others.length === 0 ? '' : `. Besides: ${others.map(({ component }) => component).join(', ')}`
    return `${verdict === 'refused' ? 'does not wake' : 'wakes in another environment'}: ${first!.component}: ${first!.why}${more}`
  }
  if (withoutPins.length === 0) return `wakes: a new guest on ${named(target)} finds the environment that it hibernated in, with nothing written`
  return `wakes when its VMM writes ${pinText(pins)} before the first instruction; without that it finds another environment (${withoutPins.join(', ')})`
}

function pinText(pins: WakeAnswer['pins']): string {
  const [first] = pins
  if (!first) return 'nothing'
  const names = [...new Set(pins.map(({ name }) => name))]
  const fresh = first.fresh === undefined ? '' : ` (${first.fresh} by default)`
  return names.length === 1 ? `${first.name} = ${first.value}${fresh}` : `${plural(names.length, 'register')} (${listNames(names)})`
}

const findingOf = ({ component, verdict, why, refusals: [first] }: WakeAnswer['differences'][number]): Finding => ({
  severity: verdict === 'refused' ? 'error' : 'warning',
  code: verdict === 'refused' ? 'wake-refused' : 'wake-changed',
  message: `${component}: ${why}`,
  ...(first ? { register: first.name } : {}),
})

const pinFindings = ({ pins, withoutPins }: WakeAnswer): readonly Finding[] =>
  pins.length === 0
    ? []
    : [
        {
          severity: 'info',
          code: 'wake-pins',
          message: `woken without ${pinText(pins)} the guest would find another environment (${withoutPins.join(', ')})`,
          hint: 'KVM_SET_ONE_REG after KVM_ARM_VCPU_INIT and before the first KVM_RUN',
        },
      ]

function otherFindings({ devices }: Snapshot, { notKnown, board }: WakeAnswer): readonly Finding[] {
  const disks = devices.filter(({ kind }) => kind === DISK_KIND).map(({ name }) => name)
  const findings: Finding[] = []
  if (notKnown.length > 0)
    findings.push({
      severity: 'info',
      code: 'wake-not-known',
      message: `not compared, because one side does not say it: ${notKnown.map(({ component, keys }) => `${component} (${listNames(keys)})`).join('; ')}`,
    })
  findings.push({
    severity: 'info',
    code: 'wake-board',
    message: `no kernel decides about the board: the VMM must make it as it was${board.length === 0 ? '' : `: ${board.map(({ component, words }) => `${component} ${words}`).join('; ')}`}`,
  })
  if (disks.length > 0)
    findings.push({
      severity: 'info',
      code: 'wake-disk',
      message: `what the guest wrote of itself is on ${disks.join(', ')}: nothing may have written to it since`,
    })
  return findings
}

/** What was written for the waking, as a replay reports its writes. */
function vcpuReport({ index, registers }: Snapshot['vcpus'][number], writes: readonly PinWrite[], features: readonly Feature[]): VcpuReport {
  const guest = { features, lookup: (id: bigint) => registerValue(registers, id) }
  return {
    index,
    written: writes.length,
    failures: writes
      .filter(({ errno }) => errno !== 0)
      .map(({ id, value, errno, fresh }) => ({
        id: showRegId(id),
        name: registerName(id),
        value: hexValue(value),
        errno: errnoName(errno),
        // Left out, the guest wakes with another value: never in the same environment.
        droppable: false,
        reason: droppable(id, value, errnoName(errno), { ...guest, ...(fresh === undefined ? {} : { targetValue: fresh }) }).reason,
      })),
    differences: writes
      .filter(({ value, readBack }) => readBack !== undefined && readBack !== value)
      .map(({ id, value, readBack }) => ({
        id: showRegId(id),
        name: registerName(id),
        written: hexValue(value),
        readBack: hexValue(readBack ?? 0n),
        visible: true,
      })),
    missingOnTarget: [],
    newOnTarget: [],
  }
}
