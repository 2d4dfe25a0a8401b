// Owns the answer about an errno, alone or for one register: every cause that the hosts show, the likely one first.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { WRITE_RULES } from '../../arch/catalogue/write-rules.ts'
import { ERRNO, type ErrnoName } from '../../arch/errno.ts'
import { featureBit } from '../../arch/features.ts'
import { type RegId, showRegId } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import { SITUATIONS } from './causes.ts'
import { droppableRows } from './drop-words.ts'
import { ERRNO_WORDS } from './errno-words.ts'
import type { CauseRow, ErrnoAnswer } from './explain-report.ts'
import { hostsOf, type KernelHosts, spans } from './hosts.ts'
import { type Answered, absentAnswer, answersOf } from './refusals.ts'
import type { Sample } from './sample-values.ts'
import { Tryout } from './tryout.ts'

const SOURCES = ['Linux Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG and KVM_GET_ONE_REG; arch/arm64/kvm/guest.c']
const TRIED = 'tried on the emulated hosts, which follow recordings of these kernels'

export function explainErrno(errno: ErrnoName): ErrnoAnswer {
  const words = ERRNO_WORDS.find(row => row.errno === errno)
  return {
    kind: 'errno',
    errno,
    number: ERRNO[errno],
    title: `${errno} (${ERRNO[errno]}${words ? `, ${words.text}` : ''})`,
    rule: words ? [words.rule] : ['KVM/arm64 does not answer accesses of registers with it.'],
    consequences: [],
    advice: words ? [words.advice] : [],
    sources: [...SOURCES, 'recordings: errs, fwwrite'],
    causes: [],
    takenBy: [],
    others: [],
  }
}

/** `given` narrows the question to one value. */
export async function explainErrnoOf(errno: ErrnoName, id: RegId, on: Build | undefined, given?: Sample): Promise<ErrnoAnswer> {
  const { title: plain, ...base } = explainErrno(errno)
  const here = await answersBy(id, on, given)
  const causes = here.filter(({ outcome }) => outcome === errno)
  const isLikely = ({ unlikely }: Row) => !unlikely
  // Other hosts may tell what it was, when nothing likely on this one gives it, and who takes what this one refuses.
  const all = on ? await answersBy(id, undefined, given) : []
  const elsewhere = causes.some(isLikely) ? [] : all.filter(row => row.outcome === errno && isLikely(row))
  const found = [...elsewhere, ...causes.filter(isLikely), ...causes.filter(row => row.unlikely)]
  const name = registerName(id)
  return {
    ...base,
    title: `${errno} for ${name}${given ? ` = ${given.text}` : ''}${on ? ` on ${on.name}` : ''}`,
    register: { id: showRegId(id), name },
    rule: [...writeRule(id), ...ruleOf(on, causes.some(isLikely), elsewhere.length > 0)],
    ...(registerRow(id)?.since === undefined ? {} : { since: `Linux ${registerRow(id)?.since} (the register)` }),
    causes: found.map(plainRow),
    takenBy: takers(all, found, here),
    advice: [
      ...new Set(found.flatMap(row => (row.advice === undefined || (row.unlikely && found.some(isLikely)) ? [] : [row.advice]))),
      ...(errno === 'ENOENT' ? leaveOut(id) : []),
      ...(found.length === 0 ? [`${plain}: ${base.rule[0]}`] : []),
    ],
    others: [...new Set(here.map(({ outcome }) => outcome))]
      .filter(outcome => outcome !== errno)
      .map(outcome => ({ outcome, causes: here.filter(row => row.outcome === outcome).map(plainRow) })),
    sources: [...SOURCES, TRIED],
  }
}

function ruleOf(on: Build | undefined, isLikely: boolean, isElsewhere: boolean): readonly string[] {
  if (isLikely) return []
  const what = on ? `${on.name} does` : 'no built-in kernel does'
  return [`${what}${on ? ' not' : ''} answer so to a VMM that works, whatever value was tried${isElsewhere ? '; other hosts do' : ''}.`]
}

function writeRule(id: RegId): readonly string[] {
  const rule = registerRow(id)?.write
  return rule === undefined ? [] : [`A write of it is: ${WRITE_RULES[rule]}.`]
}

/** Kernels that accept values which are refused here and never taken. */
function takers(all: readonly Row[], refused: readonly Row[], here: readonly Row[]): ErrnoAnswer['takenBy'] {
  const takenHere = new Set(here.filter(({ outcome }) => outcome === 'accepted').flatMap(({ values }) => values))
  const wanted = new Set(refused.filter(row => !row.unlikely).flatMap(({ values }) => values.filter(value => !takenHere.has(value))))
  return all.flatMap(({ outcome, kernels, cpu, values }) => {
    const taken = outcome === 'accepted' ? values.filter(value => wanted.has(value)) : []
    return taken.length === 0 ? [] : [{ kernels, ...(cpu === undefined ? {} : { cpu }), values: taken }]
  })
}

function leaveOut(id: RegId): readonly string[] {
  const row = droppableRows(id, 0n).find(({ errnos }) => errnos?.includes('ENOENT') ?? true)
  return row ? [`it ${row.droppable ? 'may' : 'may not'} be left out${row.when ? ` when ${row.when}` : ''}: ${row.reason}`] : []
}

const plainRow = ({ outcome: _outcome, unlikely: _unlikely, ...row }: Row): CauseRow => row

type Row = CauseRow & { readonly outcome: string; readonly unlikely?: true }

/** Every answer of every host, equal ones of neighbouring kernels as one row. */
async function answersBy(id: RegId, on: Build | undefined, given?: Sample): Promise<readonly Row[]> {
  const tryout = new Tryout(hostsOf(on))
  const { listed } = await tryout.listed(id)
  const elsewhere = listedElsewhere(listed)
  const having = [...new Set(listed.flatMap(({ cpus = [] }) => cpus))].join(', ')
  const rows = new Map<string, { kernel: string; fact: { values: readonly string[]; cpu?: string } }[]>()
  const causes = new Map<string, Answered>()
  for (const host of tryout.hosts)
    for (const { build, answers } of await askHost(tryout, host, id, { isOne: on !== undefined, elsewhere, having, given }))
      for (const answer of answers) {
        const key = `${answer.outcome} ${answer.cause.text}`
        causes.set(key, causes.get(key) ?? answer)
        const cpu = on || build === host.builds[0] ? {} : { cpu: build.host.cpu }
        rows.set(key, [...(rows.get(key) ?? []), { kernel: host.release, fact: { values: answer.values, ...cpu } }])
      }
  return [...rows].flatMap(([key, facts]) => {
    const { outcome, cause } = causes.get(key)!
    const { text, ...more } = cause
    return spans(facts).map(({ kernels, fact }): Row => ({ outcome, kernels, cause: text, ...fact, ...more }))
  })
}

interface Asking {
  /** One host is meant, not its whole kernel. */
  readonly isOne: boolean
  readonly elsewhere: string
  /** CPUs that have the register where not all have it. */
  readonly having: string
  readonly given: Sample | undefined
}

async function askHost(
  tryout: Tryout,
  host: KernelHosts,
  id: RegId,
  { isOne, elsewhere, having, given }: Asking,
): Promise<readonly { readonly build: Build; readonly answers: readonly Answered[] }[]> {
  const [place] = await tryout.placesOn(host, id)
  if (!place) {
    const [build] = host.builds
    return build ? [{ build, answers: await absentAnswer(build, id, SITUATIONS.absent(elsewhere)) }] : []
  }
  const asked = [{ build: place.build, answers: await answersOf(place, id, given) }]
  if (isOne) return asked
  const without = await lacking(tryout, host, id)
  if (without) asked.push({ build: without, answers: await absentAnswer(without, id, SITUATIONS.absentOnCpu(having)) })
  // Vectors look different where there is SVE: the host that has it is asked too.
  const withSve = host.builds.find(build => (build.host.features & SVE) !== 0 && build !== place.build)
  const features = withSve && (await tryout.featuresFor(withSve, id))
  if (withSve && features) asked.push({ build: withSve, answers: (await answersOf({ build: withSve, features, own: place.own }, id, given)).filter(isSve) })
  return asked
}

/** The first host of a kernel that does not list the register, whatever the features. */
async function lacking(tryout: Tryout, { builds }: KernelHosts, id: RegId): Promise<Build | undefined> {
  for (const build of builds) if (!(await tryout.featuresFor(build, id))) return build
  return undefined
}

const SVE = 1 << featureBit('sve')
const isSve = ({ cause }: Answered): boolean => cause === SITUATIONS.sveVectors || cause === SITUATIONS.sveOther

function listedElsewhere(listed: readonly { readonly kernels: readonly string[]; readonly cpus?: readonly string[] }[]): string {
  const kernels = listed.flatMap(row => row.kernels)
  return kernels.length === 0
    ? ''
    : `; of the recorded kernels ${kernels[0]}${kernels.length > 1 ? ` to ${kernels.at(-1)}` : ''} have it${listed.some(row => row.cpus) ? ' where the CPU has the feature' : ''}`
}
