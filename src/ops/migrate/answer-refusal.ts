// Owns the answer to one register that the target refuses or does not have: another value, or leaving it out, and what that means to the guest.
// What may be left out says arch/droppable.ts, what a guest can notice arch/visibility.ts, which values the target takes the target.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { droppable } from '../../arch/droppable.ts'
import type { GuestView } from '../../arch/guest-view.ts'
import { describePsciStep, PSCI_VERSIONS, parsePsciVersion, showPsciVersion } from '../../arch/psci.ts'
import { COPROC, type RegId, regCoproc, regIndex, sveVlsId, sysRegId } from '../../arch/reg-id.ts'
import { bitmapNames, PSCI_VERSION_ID, STD_HYP_BMAP_ID, showWorkaround, WORKAROUND_IDS, WORKAROUND_LEVELS, workaroundLevel } from '../../arch/smccc.ts'
import { visibleDifference } from '../../arch/visibility.ts'
import { valueBytes } from '../../model/register-list.ts'
import type { AnyChangeCode, ChangeCode } from './change-codes.ts'
import { judgeIdChange } from './id-change.ts'
import { nearestIdValue } from './nearest-value.ts'
import type { Answer } from './step.ts'
import type { TargetVcpu } from './target-vcpu.ts'

export interface Refused {
  readonly id: RegId
  readonly errno: string
  /** The value that the guest was saved with. */
  readonly saved: bigint
  /** What the guest was told: the file as it came. */
  readonly guest: GuestView
  readonly target: TargetVcpu
  /** How often an answer of ours for this register was refused before. */
  readonly tries: number
}

const CLIDR = sysRegId(3, 1, 0, 0, 1)
const CTR = sysRegId(3, 3, 0, 0, 1)
const MPIDR = sysRegId(3, 0, 0, 0, 5)
const CPU_IDENTITY: ReadonlySet<bigint> = new Set([sysRegId(3, 0, 0, 0, 0), sysRegId(3, 0, 0, 0, 6), sysRegId(3, 1, 0, 0, 7)])
const RULES = 'recordings: replays; Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst'
const workaroundOf = (id: RegId): 1 | 2 | 3 | undefined => ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)

/** CPU features, caches and the like: what a VMM may write another value of, because it describes the machine rather than the guest. */
export function describesMachine(id: RegId): boolean {
  if (id === MPIDR) return false
  if (regCoproc(id) === COPROC.demux || id === CLIDR || id === CTR) return true
  const group = registerRow(id)?.group
  return group === 'id' || group === 'aarch32-id' || group === 'reserved-id'
}

/** Undefined when no value of the register and no leaving it out helps. */
export async function answerRefusal(refused: Refused): Promise<Answer | undefined> {
  const { id, errno, target, tries } = refused
  if (errno === 'ENOENT' || target.valueOf(id) === undefined || tries > 1) return leaveOut(refused)
  if (id === PSCI_VERSION_ID) return lowerPsci(refused)
  if (workaroundOf(id) !== undefined) return lowerMitigation(refused)
  if (regCoproc(id) === COPROC.firmwareBitmap) return fewerServices(refused)
  const own = target.valueOf(id)
  if (own === undefined) return undefined
  if (describesMachine(id)) return machineValue(refused, await nearestMachineValue(refused, own))
  if (id === sveVlsId) return { ...reasonOf(refused), value: valueBytes(id, own), code: 'feature-vanishes', isSafe: false }
  // State that the guest runs on has no other right value.
  if (regCoproc(id) === COPROC.core || regCoproc(id) === COPROC.sve) return undefined
  return { ...reasonOf(refused), value: valueBytes(id, own), code: 'register-changed', isSafe: !visible(refused, own).visible }
}

async function nearestMachineValue({ id, saved, target, tries }: Refused, own: bigint): Promise<bigint> {
  if (tries > 0 || regCoproc(id) !== COPROC.sysreg || CPU_IDENTITY.has(id) || id === CLIDR) return own
  return nearestIdValue(regIndex(id), saved, own, value => target.accepts(id, value))
}

/** The answer that gives a register of the machine's description this value. */
export function machineValue(about: Pick<Refused, 'id' | 'saved' | 'guest' | 'errno'>, value: bigint): Answer {
  const { id, saved, guest } = about
  const bytes = valueBytes(id, value)
  const seen = visibleDifference(id, saved, value, guest)
  const isCache = regCoproc(id) === COPROC.demux || id === CLIDR || id === CTR
  const changed = judgeIdChange(id, saved, value, guest)
  const fields = changed.fields.length === 0 ? {} : { fields: changed.fields }
  if (!seen.visible)
    return { value: bytes, code: isCache ? 'cache-changed' : 'register-changed', isSafe: true, reason: seen.why, source: seen.source, ...fields }
  if (isCache || CPU_IDENTITY.has(id)) {
    const { reason, source } = droppable(id, saved, 'EINVAL', { ...guest, targetValue: value })
    return { value: bytes, code: isCache ? 'cache-changed' : 'cpu-identity-changed', isSafe: false, reason, source, ...fields }
  }
  const unused = changed.fields.every(({ effect }) => effect === 'unused')
  const code: AnyChangeCode = !changed.isCompatible ? 'feature-vanishes' : unused ? 'register-changed' : 'feature-appears'
  return { value: bytes, code, isSafe: changed.isCompatible, reason: changed.reason, source: changed.source, ...fields }
}

/** What the target does not have; also an ID that QEMU would not find in its list. */
export function leaveOut({ id, saved, guest }: Pick<Refused, 'id' | 'saved' | 'guest'>): Answer {
  const advice = droppable(id, saved, 'ENOENT', guest)
  return { code: codeOfDrop(id, saved), isSafe: advice.droppable, reason: advice.reason, source: advice.source }
}

function codeOfDrop(id: RegId, saved: bigint): ChangeCode {
  if (id === PSCI_VERSION_ID) return 'psci-version-missing'
  if (workaroundOf(id) !== undefined && saved !== 0n) return 'mitigation-changed'
  if (id === STD_HYP_BMAP_ID && saved === 0n) return 'service-appeared'
  if (regCoproc(id) === COPROC.firmwareBitmap && saved !== 0n && !(id === STD_HYP_BMAP_ID && saved === 1n)) return 'service-vanished'
  if (regCoproc(id) === COPROC.demux) return 'cache-changed'
  return 'register-dropped'
}

/** Versions that the target takes, lowest first. */
export async function acceptedPsci(target: TargetVcpu): Promise<readonly string[]> {
  const taken: string[] = []
  for (const version of PSCI_VERSIONS) if (await target.accepts(PSCI_VERSION_ID, parsePsciVersion(version))) taken.push(version)
  return taken
}

async function lowerPsci({ saved, target }: Refused): Promise<Answer | undefined> {
  const taken = (await acceptedPsci(target)).map(parsePsciVersion)
  const value = taken.findLast(version => version <= saved)
  if (value === undefined) return undefined
  const [from, to] = [showPsciVersion(saved), showPsciVersion(value)]
  return {
    value: valueBytes(PSCI_VERSION_ID, value),
    code: 'psci-version-changed',
    isSafe: false,
    reason: `the target does not know PSCI ${from}; ${to} is the highest below it that it takes${psciStep(saved, value)}`,
    source: RULES,
  }
}

/** `: SYSTEM_OFF2 vanishes`, or nothing. */
export function psciStep(from: bigint, to: bigint): string {
  if (![from, to].every(version => (PSCI_VERSIONS as readonly string[]).includes(showPsciVersion(version)))) return ''
  const said = describePsciStep(showPsciVersion(from), showPsciVersion(to))
    .filter(({ change }) => change === 'appears' || change === 'vanishes')
    .map(({ name, change }) => `${name} ${change}`)
  return said.length === 0 ? '' : `: ${said.join(', ')}`
}

async function lowerMitigation(refused: Refused): Promise<Answer | undefined> {
  const { id, saved, target } = refused
  const workaround = workaroundOf(id)
  const own = target.valueOf(id)
  if (workaround === undefined || own === undefined) return undefined
  const rank = workaroundLevel(workaround, saved)?.rank ?? 0
  const lower = WORKAROUND_LEVELS[workaround].filter(level => level.rank <= rank).sort((a, b) => b.rank - a.rank)
  for (const value of [own, ...lower.map(level => BigInt(level.value))]) {
    if (!(await target.accepts(id, value))) continue
    const words = `the guest was told ${showWorkaround(workaround, saved)} and the target can promise no more than ${showWorkaround(workaround, value)}`
    return {
      value: valueBytes(id, value),
      code: 'mitigation-changed',
      isSafe: !visible(refused, value).visible,
      reason: `${words}: it would run less protected than it believes`,
      source: 'recordings: fwwrite, cross-host replays; Linux 99adb567632b',
    }
  }
  return undefined
}

async function fewerServices({ id, saved, target }: Refused): Promise<Answer> {
  let value = 0n
  for (let bit = 0; saved >> BigInt(bit) !== 0n; bit++) {
    const mask = 1n << BigInt(bit)
    if ((saved & mask) !== 0n && (await target.accepts(id, value | mask))) value |= mask
  }
  return {
    value: valueBytes(id, value),
    code: 'service-vanished',
    isSafe: false,
    reason: `the target does not know ${bitmapNames(id, saved & ~value).join(', ')}`,
    source: 'recordings: fwwrite',
  }
}

const visible = ({ id, saved, guest }: Refused, value: bigint) => visibleDifference(id, saved, value, guest)

function reasonOf({ id, saved, errno, guest, target }: Refused): { readonly reason: string; readonly source: string } {
  const targetValue = target.valueOf(id)
  const { reason, source } = droppable(id, saved, errno, { ...guest, ...(targetValue === undefined ? {} : { targetValue }) })
  return { reason: `${registerName(id)}: ${reason}`, source }
}
