// Owns the one line that says why a verdict is what it is: the register or the rule, the errno, the cause, and how much more there is. Says nothing that
// is peculiar to one file but names (a fleet counts reasons).
import { registerName } from '../../../arch/catalogue/catalogue.ts'
import { FEATURES } from '../../../arch/features.ts'
import { showRegId } from '../../../arch/reg-id.ts'
import type { Finding } from '../../../model/finding.ts'
import { CHANGES } from '../../verdict.ts'
import type { LoadFailure } from '../check-report.ts'
import { type Case, deciding, type Refusal } from './case.ts'
import { causeOf, refusalText } from './cause.ts'
import { byWeight, changeText } from './change-words.ts'
import { faultReason } from './file-faults.ts'
import { UNMENDABLE } from './migrate-codes.ts'
import { listNames, onVcpus, plural } from './names.ts'
import { psciConsequences } from './psci-words.ts'
import { appearingServices } from './service-words.ts'

export function reasonOf(about: Case): string {
  const fault = faultReason(about.findings)
  if (fault === undefined) return byVerdict(about)
  const besides = about.load.outcome === 'fails' ? refusedReason(about) : about.findings.some(decides) ? changedReason(about) : ''
  return besides === '' ? fault : `${fault}. Besides: ${besides}`
}

function byVerdict(about: Case): string {
  switch (about.verdict) {
    case 'refused':
      return refusedReason(about)
    case 'changed':
      return changedReason(about)
    case 'survives':
      return survivesReason(about)
    default:
      return about.verdict satisfies never
  }
}

/** ` ` + what else stands in the way of a VMM that gets over the first refusal. */
function more(first: Refusal | undefined, { refusals }: Case): string {
  const others = refusals.filter(row => row.id !== first?.id)
  if (others.length === 0) return ''
  const harmless = others.filter(row => row.droppable).length
  const which = harmless === 0 ? '' : harmless === others.length ? ', which can be dropped' : `, ${harmless} of which can be dropped`
  return `; ${plural(others.length, 'more register is', 'more registers are')} refused${which}`
}

function refusedReason(about: Case): string {
  const { load, count } = about
  const by = load.decidedBy
  const first = deciding(about)
  if (by && (by.stage === 'count' || by.stage === 'list')) return listReason(by, first, about)
  if (by?.stage === 'other') return `${foreignNames(about)}${by.message}`
  if (first) return `${refusalText(first, about)}${onVcpus(first.vcpus, count)}${more(first, about)}`
  if (by?.stage === 'vcpu') return `${by.message}${vcpuCause(about)}`
  const error =
    about.findings.find(finding => finding.severity === 'error' && UNMENDABLE.has(finding.code)) ?? about.findings.find(({ severity }) => severity === 'error')
  return by?.message ?? (error?.code === 'vcpu-refused' ? `${error.message}${vcpuCause(about)}` : error?.message) ?? `${about.kernel} refuses the state`
}

/** Registers of the 32-bit architecture, which no KVM has: named where the VMM turns the file down as a whole. */
function foreignNames({ snapshot }: Case): string {
  const names = [...(snapshot.vcpus[0]?.registers.ids ?? [])].filter(id => id >> 56n === 0x40n).map(id => `${registerName(id)} (${showRegId(id)})`)
  return names.length === 0 ? '' : `${listNames(names, 2)}: `
}

/** The VMM compares lists before KVM is asked: what it makes of that, and which registers are to blame. */
function listReason({ message, stage }: LoadFailure, first: Refusal | undefined, about: Case): string {
  const missing = about.missing.map(registerName)
  if (stage === 'count' || !first) {
    const named = message.includes(missing[0] ?? '') ? '' : `; not on this host: ${listNames(missing)}`
    const extra = about.refusals.find(row => row.errno === 'ENOENT' && message.includes(row.name))
    return `${message}${named}${extra ? ` (${missing.length > 1 ? `${extra.name}: ` : ''}${causeOf(extra, about).text})` : ''}`
  }
  const rule = message.startsWith(first.name) ? message.slice(message.indexOf(': ') + 2) : message
  const others = missing.filter(name => name !== first.name)
  const { text, field } = causeOf(first, about)
  const also = others.length === 0 ? '' : `; not on this host either: ${listNames(others)}`
  return `${first.name}${field === undefined ? '' : `.${field}`}: ${text}; ${rule}${also}`
}

/** Which features the host does not take. Source: facts/kvm-arm64-rules.md §6, KVM_ARM_VCPU_INIT. */
function vcpuCause({ features, build, kernel }: Case): string {
  const { host, kernel: rules } = build
  const bits = features.map(name => ({ name, bit: 1 << FEATURE_ORDER.indexOf(name) }))
  const unknown = bits.filter(({ bit }) => (bit & ~rules.init.known) !== 0).map(({ name }) => name)
  if (unknown.length > 0) return `: ${kernel} does not know the vCPU feature ${unknown.join(', ')}`
  // Every host takes these two; Linux arch/arm64/kvm/arm.c, kvm_vcpu_init_check_features().
  const lacking = bits.filter(({ name, bit }) => (host.features & bit) === 0 && name !== 'power_off' && name !== 'psci_0_2').map(({ name }) => name)
  return lacking.length === 0 ? '' : `: this host does not offer ${lacking.join(', ')}`
}
const FEATURE_ORDER: readonly string[] = FEATURES

function changedReason(about: Case): string {
  const { changes, findings, psci, dropped } = about
  const [psciWords] = psciConsequences(about)
  const said: string[] = []
  if (psciWords && psci.saved !== psci.afterReplay) said.push(`KVM_REG_ARM_PSCI_VERSION: ${psciWords.message.split(';')[0]}`)
  said.push(...findings.filter(finding => decides(finding) && dropped.some(row => row.name === finding.register)).map(({ message }) => message))
  const services = appearingServices(about).map(({ row }) => row.name)
  if (services.length > 0)
    said.push(
      `${services.join(', ')} ${services.length === 1 ? 'appears' : 'appear'}: the file has no bitmap that keeps ${services.length === 1 ? 'it' : 'them'} off, and ${about.kernel} has ${services.length === 1 ? 'it' : 'them'} on by default`,
    )
  said.push(...byWeight(changes.filter(change => !change.skipped)).map(change => changeText(change, about)))
  const [first, ...rest] = said
  if (first === undefined)
    return findings.find(decides)?.message ?? findings.find(({ severity }) => severity === 'warning')?.message ?? 'the guest can notice the move'
  return rest.length === 0 ? first : `${first}; and ${plural(rest.length, 'change')} more`
}

const decides = ({ code, severity }: Finding): boolean => severity !== 'info' && CHANGES.has(code)

function survivesReason({ psci, added, dropped, vcpus, kernel }: Case): string {
  const written = vcpus[0]?.written ?? 0
  const parts = [
    psci.saved === null ? undefined : `PSCI ${psci.saved} kept`,
    written === 0 ? undefined : `${kernel} takes ${written === 1 ? 'the register' : `all ${written} registers`}${vcpus.length > 1 ? ' of each vCPU' : ''}`,
    dropped.length === 0 ? undefined : `the VMM leaves out ${listNames([...new Set(dropped.map(row => row.name))])} without loss`,
    added.length === 0 ? undefined : `${plural(added.length, 'register')} more on this host, at ${added.length === 1 ? 'its default' : 'their defaults'}`,
  ].filter(part => part !== undefined)
  return parts.length === 0 ? 'nothing that the guest can notice changes' : parts.join('; ')
}
