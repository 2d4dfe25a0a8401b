// Owns one round of planning: from what a check of the snapshot says, the changes that come next. Refusals first; when the target takes everything,
// what it would silently keep otherwise. Plans as if everything were allowed; who must agree is asked at the end.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import type { Feature } from '../../arch/features.ts'
import type { GuestView } from '../../arch/guest-view.ts'
import { showPsciVersion } from '../../arch/psci.ts'
import { COPROC, type RegId, regCoproc } from '../../arch/reg-id.ts'
import { BITMAP_BITS, PSCI_VERSION_ID, STD_HYP_BMAP_ID } from '../../arch/smccc.ts'
import { parseValue } from '../../formats/importers/reglist/value-text.ts'
import { bytesToBigint, registerValue, valueBytes } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'
import type { CheckResult } from '../check/check-report.ts'
import type { VcpuReport } from '../reports.ts'
import type { ServiceKnowledge } from '../source-services.ts'
import { answerRefusal, describesMachine, leaveOut, machineValue, psciStep } from './answer-refusal.ts'
import type { Answer, Step } from './step.ts'
import type { TargetVcpu } from './target-vcpu.ts'

export type Checked = Omit<CheckResult, 'source'>

export interface RoundInput {
  /** As it came, and with the changes of the rounds before. */
  readonly original: Snapshot
  readonly current: Snapshot
  /** `current` on the target. It has every register's answer, also those behind the one at which the VMM stops. */
  readonly own: Checked
  readonly target: TargetVcpu
  readonly knowledge: ServiceKnowledge
  /** How often each register was changed because the target refused it. */
  readonly tries: ReadonlyMap<RegId, number>
  /** Registers whose value was ordered: they are not changed again. */
  readonly fixed: ReadonlySet<bigint>
  /** The features of the vCPUs are not the file's but ordered. */
  readonly isOrdered: boolean
}

/** Empty when nothing is left to change. */
export async function nextSteps(input: RoundInput): Promise<readonly Step[]> {
  return input.own.verdict === 'refused' ? refusalSteps(input) : quietSteps(input)
}

async function refusalSteps(input: RoundInput): Promise<readonly Step[]> {
  const { current, own } = input
  const comparesLists = ['count', 'list'].includes(own.load.decidedBy?.stage ?? '')
  const steps: Step[] = []
  for (const vcpu of current.vcpus) {
    const report = reportOf(own, vcpu)
    const refused = new Map((report?.failures ?? []).map(({ id, errno }) => [idOf(id), errno]))
    // A list that is too long fails by what the VMM would otherwise leave out in silence. Of a file that is written again anyway, that goes in any case:
    // another release of the VMM may not be so lenient.
    const lacks = lacking(report)
    const silent = new Set(own.load.dropped.map(({ id }) => idOf(id)))
    for (const id of lacks) if (comparesLists || silent.has(id)) refused.set(id, 'ENOENT')
    for (const [id, errno] of refused) {
      if (input.fixed.has(id) || isSettled(steps, vcpu, id)) continue
      const saved = savedValue(input, vcpu, id)
      if (saved === undefined) {
        steps.push(...gateSteps(input, vcpu, id))
        continue
      }
      const about = { id, errno, saved, guest: guestOf(input, vcpu), target: input.target, tries: input.tries.get(id) ?? 0 }
      const answer = await answerRefusal(about)
      if (answer) steps.push(...spread(input, vcpu, id, answer))
    }
  }
  return steps
}

/**
 * For a register that only the host has: QEMU writes the host's own value of it, which fails when the guest's ID registers have taken the register
 * away before. With the host's value in that ID field it stays.
 */
function gateSteps(input: RoundInput, vcpu: VcpuSnapshot, id: RegId): readonly Step[] {
  const gate = input.target.gateOf(id)
  const [now, own] = gate ? [registerValue(vcpu.registers, gate.id), input.target.valueOf(gate.id)] : []
  if (!gate || now === undefined || own === undefined) return []
  const mask = 0xfn << BigInt(gate.shift)
  const value = (now & ~mask) | (own & mask)
  const saved = savedValue(input, vcpu, gate.id) ?? now
  if (value === now) return []
  const answer = machineValue({ id: gate.id, saved, guest: guestOf(input, vcpu), errno: 'EINVAL' }, value)
  const reason = `${answer.reason}; without it QEMU fails to write its own ${registerName(id)}, which the host has and the guest's ID registers hide`
  return spread(input, vcpu, gate.id, { ...answer, reason })
}

/** What the target takes and then holds otherwise, what it switches on, and what the VMM leaves out. */
async function quietSteps(input: RoundInput): Promise<readonly Step[]> {
  const { current, own } = input
  if (own.verdict === 'survives') return []
  const steps: Step[] = []
  for (const vcpu of current.vcpus) {
    const guest = guestOf(input, vcpu)
    for (const { id: text, visible, volatile, readBack } of reportOf(own, vcpu)?.differences ?? []) {
      const id = idOf(text)
      if (!visible || volatile || !describesMachine(id) || isSettled(steps, vcpu, id)) continue
      const [saved, value] = [savedValue(input, vcpu, id), parseValue(id, readBack)]
      if (saved === undefined || 'wrong' in value) continue
      steps.push(...spread(input, vcpu, id, machineValue({ id, saved, guest, errno: 'EINVAL' }, bytesToBigint(value))))
    }
    const gone = new Set(lacking(reportOf(own, vcpu)))
    for (const { id: text } of own.load.dropped) {
      const id = idOf(text)
      const saved = savedValue(input, vcpu, id)
      if (saved !== undefined && gone.has(id) && !isSettled(steps, vcpu, id)) steps.push(...spread(input, vcpu, id, leaveOut({ id, saved, guest })))
    }
  }
  return steps.length > 0 ? steps : serviceSteps(input)
}

/** Writes down, for every firmware bitmap that the file lacks and the target switches something on with, what the old host offered. */
function serviceSteps({ current, own, target, knowledge, original }: RoundInput): readonly Step[] {
  const [first] = own.vcpus
  const steps: Step[] = []
  for (const { id: text, value: defaults } of first?.newOnTarget ?? []) {
    const id = idOf(text)
    if (regCoproc(id) !== COPROC.firmwareBitmap) continue
    const on = BITMAP_BITS.filter(row => row.register === id && (BigInt(defaults) >> BigInt(row.bit)) & 1n)
    if (on.every(({ bit }) => knowledge(id, bit) === true)) continue
    // Where the file does not say which host it was: stolen time was offered by every kernel that had it before the bitmaps, which gated nothing.
    const kept = on.filter(({ bit }) => knowledge(id, bit) ?? id === STD_HYP_BMAP_ID)
    const isKnown = on.every(({ bit }) => knowledge(id, bit) !== undefined)
    const value = kept.reduce((sum, { bit }) => sum | (1n << BigInt(bit)), 0n)
    const names = (rows: typeof on): string => rows.map(({ name }) => name).join(', ')
    const out = on.filter(row => !kept.includes(row))
    const host = isKnown ? (original.origin.build ?? original.origin.kernel ?? 'the old host') : 'a host without this register'
    const answer: Answer = {
      value: valueBytes(id, value),
      code: 'service-kept',
      isSafe: true,
      reason:
        out.length === 0
          ? `${names(kept)} stays as ${host} offered it`
          : `${host} did not offer ${names(out)}, which the target switches on by default${kept.length === 0 ? '' : `; ${names(kept)} stays`}`,
      source: isKnown ? 'recordings: the calls that this kernel answers' : 'recordings: 5.10, the recorded kernel without bitmaps',
      ...(isKnown || out.length === 0
        ? {}
        : {
            doubt: `the file does not say which host it is of; kernels from 5.12 to 5.18 offered TRNG, and from 5.13 vendor services, without a bitmap: if the guest has seen them, set ${registerName(id)} to what it had with \`psci-snap edit\``,
          }),
    }
    for (const vcpu of current.vcpus) if (!vcpu.registers.ids.includes(id)) steps.push({ vcpu: vcpu.index, id, ...answer, behind: target.before(id) })
  }
  return steps
}

/** Not checked: a file of QEMU's TCG has ids of the 32-bit Arm ABI, too. */
const idOf = (text: string): RegId => BigInt(text) as RegId
const reportOf = (checked: Checked, vcpu: VcpuSnapshot): VcpuReport | undefined => checked.vcpus.find(({ index }) => index === vcpu.index)
/** What the target does not list, but for what no VMM compares by list. */
const lacking = (report: VcpuReport | undefined): readonly RegId[] =>
  (report?.missingOnTarget ?? []).map(idOf).filter(id => regCoproc(id) !== COPROC.core && regCoproc(id) !== COPROC.sve)
const isSettled = (steps: readonly Step[], vcpu: VcpuSnapshot, id: RegId): boolean => steps.some(step => step.vcpu === vcpu.index && step.id === id)
const vcpuOf = (snapshot: Snapshot, { index }: VcpuSnapshot): VcpuSnapshot | undefined => snapshot.vcpus.find(each => each.index === index)

/** The guest's own value: that of the file as it came, where it had one. */
const savedValue = ({ original }: RoundInput, vcpu: VcpuSnapshot, id: RegId): bigint | undefined =>
  registerValue(vcpuOf(original, vcpu)?.registers ?? vcpu.registers, id) ?? registerValue(vcpu.registers, id)

/** What the guest was told at boot; features that somebody orders for the target say nothing about that. */
function guestOf({ original, own, isOrdered }: RoundInput, vcpu: VcpuSnapshot): GuestView {
  const first = vcpuOf(original, vcpu) ?? vcpu
  const features = first.features ?? (isOrdered ? undefined : (own.features as readonly Feature[]))
  return { lookup: id => registerValue(first.registers, id), ...(features ? { features } : {}) }
}

/** On this vCPU, and for what a VM has once, on all that have it. */
function spread({ current }: RoundInput, vcpu: VcpuSnapshot, id: RegId, answer: Answer): readonly Step[] {
  const isWide = registerRow(id)?.scope === 'vm' || regCoproc(id) === COPROC.firmware
  const all = isWide ? current.vcpus.filter(({ registers }) => registers.ids.includes(id)) : [vcpu]
  return all.map(({ index }) => ({ vcpu: index, id, ...answer }))
}

/** Every vCPU gets the ordered version, also where it has none. */
export function pinSteps({ vcpus }: Snapshot, version: bigint, text: string, target: TargetVcpu | undefined): readonly Step[] {
  return vcpus.flatMap(({ index, registers }): Step[] =>
    registerValue(registers, PSCI_VERSION_ID) === version
      ? []
      : [
          {
            vcpu: index,
            id: PSCI_VERSION_ID,
            value: valueBytes(PSCI_VERSION_ID, version),
            code: 'psci-pinned',
            isSafe: true,
            reason: pinReason(registerValue(registers, PSCI_VERSION_ID), version, text),
            source: '--pin-psci',
            behind: target?.before(PSCI_VERSION_ID) ?? [],
          },
        ],
  )
}

const pinReason = (saved: bigint | undefined, version: bigint, text: string): string =>
  saved === undefined
    ? `the file holds no PSCI version, and ${text} was ordered`
    : `the guest booted with PSCI ${showPsciVersion(saved)}, and ${text} was ordered${psciStep(saved, version)}`
