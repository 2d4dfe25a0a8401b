// Owns the words for register values that the guest finds changed: CPU features, identity, caches, mitigations, timers, the rest. What is visible was
// judged before (arch/visibility.ts); services and PSCI have files of their own.
import { isKnownRegister } from '../../../arch/catalogue/catalogue.ts'
import { cpuName } from '../../../arch/midr.ts'
import { once } from '../../../arch/once.ts'
import { compileSelector } from '../../../arch/selector.ts'
import { showWorkaround, workaroundLevel } from '../../../arch/smccc.ts'
import { visibleDifference } from '../../../arch/visibility.ts'
import { judgeIdChange } from '../../migrate/id-change.ts'
import type { Consequence } from '../check-report.ts'
import type { Case, Change } from './case.ts'
import { MITIGATES, workaroundOf } from './cause.ts'
import { fieldSteps, stepsText } from './id-fields.ts'
import { listNames, onVcpus } from './names.ts'

type Kind = 'mitigation' | 'service' | 'identity' | 'cache' | 'feature' | 'timer' | 'other'
const KINDS = once(() =>
  (
    [
      ['mitigation', { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] }],
      ['service', { classes: ['firmware-bitmap'] }],
      ['identity', { names: ['MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1', 'MPIDR_EL1'] }],
      ['cache', { groups: ['cache'] }],
      ['cache', { classes: ['demux'] }],
      ['cache', { names: ['CTR_EL0', 'CLIDR_EL1'] }],
      ['feature', { groups: ['id', 'aarch32-id', 'reserved-id'] }],
      ['timer', { classes: ['timer'] }],
      ['other', {}],
    ] as const
  ).map(([kind, selector]) => ({ kind, isMeant: compileSelector(selector) })),
)
/** Of registers that the catalogue knows: a fleet asks for the same ones all the time. */
const known = new Map<bigint, Kind>()
export function kindOf({ id }: Pick<Change, 'id'>): Kind {
  let kind = known.get(id)
  if (kind === undefined) {
    kind = KINDS().find(row => row.isMeant(id))?.kind ?? 'other'
    if (isKnownRegister(id)) known.set(id, kind)
  }
  return kind
}

/** One changed register with its name, as a reason says it: `ID_AA64MMFR2_EL1.NV: the guest was told NV2 and reads NI here`. */
export function changeText(change: Change, { count, guest }: Case): string {
  const { id, name, was, now, vcpus } = change
  const where = onVcpus(vcpus, count)
  switch (kindOf(change)) {
    case 'mitigation': {
      const n = workaroundOf(id) ?? 1
      return `${name}: the guest was told ${showWorkaround(n, was)} for ${MITIGATES[n]} and is told ${showWorkaround(n, now)} here${where}`
    }
    case 'identity':
      return `${name}: the guest runs on ${cpu(was)} and finds ${cpu(now)} here${where}`
    default: {
      const visible = visibleDifference(id, was, now, guest)
      const steps = fieldSteps(id, was, now).filter(step => visible.fields.length === 0 || visible.fields.includes(step.field))
      const [only] = steps
      if (!only) return `${name}: it was 0x${was.toString(16)} and reads 0x${now.toString(16)} here${where}: ${visible.why}`
      const unused = unusedFields(id, was, now, guest).has(only.field) ? ' (of no use to it)' : ''
      if (steps.length === 1) return `${name}.${only.field}: the guest was told ${only.was}${unused} and reads ${only.now} here${where}`
      return `${name}: the guest finds other values here${where}: ${steps
        .map(step => `${step.field} ${step.was} → ${step.now}`)
        .slice(0, 5)
        .join(', ')}`
    }
  }
}

const cpu = (midr: bigint): string => cpuName(midr) ?? `0x${midr.toString(16)}`

/** Most telling first: the order in which a reason looks for what to name. */
const WEIGHT: Readonly<Record<Kind, number>> = { mitigation: 0, service: 1, feature: 2, identity: 3, cache: 4, timer: 5, other: 6 }
export const byWeight = (changes: readonly Change[]): readonly Change[] => [...changes].sort((a, b) => WEIGHT[kindOf(a)] - WEIGHT[kindOf(b)])

/** Of what only a VMM would bring about that goes on after a refusal. */
const SKIPS = 'if skipped: '

/** Of a judged load, or of any changes: `vcpus` and what else a case has are not asked for. */
export function changeConsequences(about: Pick<Case, 'changes' | 'guest'>): readonly Consequence[] {
  const out: Consequence[] = []
  for (const skipped of [false, true]) {
    const lead = skipped ? SKIPS : ''
    const of = (kind: Kind) => about.changes.filter(change => change.skipped === skipped && kindOf(change) === kind)
    for (const change of of('mitigation')) out.push(mitigation(change, lead))
    out.push(...features(of('feature'), lead, about))
    const identities = of('identity')
    if (identities.length > 0) {
      const midr = identities.find(change => change.name === 'MIDR_EL1')
      const which = midr ? ` (${cpu(midr.was)} → ${cpu(midr.now)})` : ''
      out.push({
        code: 'cpu-identity-changes',
        message: `${lead}the guest finds itself on another CPU${which}, whose errata it has not worked around: ${listNames(identities.map(row => row.name))}`,
      })
    }
    const caches = of('cache')
    if (caches.length > 0)
      out.push({
        code: 'cache-changes',
        message: `${lead}the guest reads other caches or line sizes than it has set itself up for: ${listNames(caches.map(row => row.name))}`,
      })
    const timers = of('timer')
    if (timers.length > 0)
      out.push({
        code: 'timer-changes',
        message: `${lead}a timer is set otherwise than the guest left it, its interrupt comes at another time or not at all: ${listNames(timers.map(row => row.name))}`,
      })
    const others = of('other')
    if (others.length > 0)
      out.push({ code: 'register-changes', message: `${lead}the guest reads other values than it wrote: ${listNames(others.map(row => row.name))}` })
  }
  return out
}

function mitigation({ id, was, now }: Change, lead: string): Consequence {
  const n = workaroundOf(id) ?? 1
  const [had, has] = [workaroundLevel(n, was), workaroundLevel(n, now)]
  const raised = (has?.rank ?? 0) >= (had?.rank ?? 0)
  const after = raised
    ? 'it keeps calling for the protection that it found at boot, or runs without one that it could have'
    : 'it runs less protected than it believes'
  return {
    code: raised ? 'mitigation-raised' : 'mitigation-lowered',
    message: `${lead}SMCCC_ARCH_WORKAROUND_${n} (${MITIGATES[n]}) is silently ${raised ? 'higher' : 'lower'}: ${showWorkaround(n, was)} → ${showWorkaround(n, now)}; the guest asked once, at boot: ${after}`,
  }
}

/** Fields that mean nothing to this guest, such as nested virtualisation to a vCPU without EL2. */
const unusedFields = (id: Change['id'], was: bigint, now: bigint, guest: Case['guest']): ReadonlySet<string> =>
  new Set(
    judgeIdChange(id, was, now, guest)
      .fields.filter(({ effect }) => effect === 'unused')
      .map(({ name }) => name),
  )

const VERBS = { vanishes: 'vanish', appears: 'appear', changes: 'change' } as const

function features(changes: readonly Change[], lead: string, { guest }: Pick<Case, 'guest'>): readonly Consequence[] {
  const all = changes.flatMap(({ id, name, was, now }) => {
    const unused = unusedFields(id, was, now, guest)
    return fieldSteps(id, was, now).map(step => ({ register: name, step, isUnused: unused.has(step.field) }))
  })
  const out: Consequence[] = []
  const after = {
    vanishes: 'a guest that goes by what it was told fails where it uses it',
    appears: 'a guest that is up does not use it; one that boots anew does',
    changes: 'the guest decides by what it read at boot',
  } as const
  for (const kind of ['vanishes', 'appears', 'changes'] as const)
    for (const unused of [false, true]) {
      const steps = all.filter(({ step, isUnused }) => step.kind === kind && isUnused === unused)
      if (steps.length === 0) continue
      const registers = [...new Set(steps.map(({ register }) => register))]
      const parts = registers.map(register => `${register} ${stepsText(steps.filter(row => row.register === register).map(({ step }) => step))}`)
      const shown = parts.length <= 4 ? parts.join('; ') : `${parts.slice(0, 4).join('; ')} and ${parts.length - 4} registers more`
      const one = steps.length === 1
      out.push({
        code: `cpu-feature-${kind}`,
        message: `${lead}CPU feature${one ? '' : 's'} that ${one ? kind : VERBS[kind]}: ${shown}; ${unused ? 'of no use to this guest, which only reads another value' : after[kind]}`,
      })
    }
  return out
}
