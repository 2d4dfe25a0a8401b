// Owns how far a guest with a kernel of the user's runs: what `--until` may say, and when that is reached.
import { PSCI_FUNCTIONS } from '../../arch/psci.ts'
import { SnapError } from '../../errors.ts'
import type { StopReason } from '../../model/snapshot.ts'
import { nearMatches } from '../../near-match.ts'

import type { GuestEnd } from './run-loop.ts'

export type RunPoint =
  /** The guest ends by itself, however. */
  | { readonly kind: 'end' }
  | { readonly kind: 'stop'; readonly stop: StopReason }
  | { readonly kind: 'insns'; readonly count: number }
  | { readonly kind: 'console'; readonly pattern: string }
  /** The guest has made a call of this name. */
  | { readonly kind: 'psci'; readonly name: string }

const STOPS: Readonly<Record<string, StopReason>> = { off: 'off', reset: 'reset', hibernate: 'hibernated', suspend: 'suspended' }
export const RUN_POINTS = 'console=REGEX, insns=N, psci=FUNCTION, off, reset, hibernate, suspend'

/** Throws USAGE. */
export function parseRunPoint(text: string): RunPoint {
  const [, word = '', value] = /^([a-z]+)(?:=(.*))?$/s.exec(text) ?? []
  const wrong = (message: string, hint = `points: ${RUN_POINTS}`): SnapError => new SnapError('USAGE', message, {}, { hint })
  if (value === undefined) {
    const stop = Object.hasOwn(STOPS, word) ? STOPS[word] : undefined
    if (stop) return { kind: 'stop', stop }
  } else if (word === 'console') return { kind: 'console', pattern: value }
  else if (word === 'insns') {
    if (/^\d{1,15}$/.test(value)) return { kind: 'insns', count: Number(value) }
    throw wrong(`"${value.slice(0, 40)}" is no number of instructions`)
  } else if (word === 'psci') {
    const name = value.toUpperCase().replace(/^PSCI_(?!VERSION|FEATURES|STAT|SET)/, '')
    const names = PSCI_FUNCTIONS.map(each => each.name)
    if (names.includes(name)) return { kind: 'psci', name }
    const near = nearMatches(name, names)
    throw wrong(`"${value.slice(0, 40)}" is no function of PSCI`, near.length > 0 ? `did you mean ${near.join(' or ')}?` : `functions: ${names.join(', ')}`)
  }
  throw wrong(`"${text.slice(0, 60)}" is no point to run to`)
}

/** Whether a call of this id is that function, in either of its forms. */
export function isCallOf(name: string, functionId: bigint): boolean {
  const row = PSCI_FUNCTIONS.find(each => each.name === name)
  const id = Number(BigInt.asUintN(32, functionId))
  return row !== undefined && (id === row.smc32 || id === row.smc64)
}

/** SYSTEM_SUSPEND exists only in a VM that was made for it. */
export const needsSuspend = (until: RunPoint): boolean =>
  (until.kind === 'stop' && until.stop === 'suspended') || (until.kind === 'psci' && until.name === 'SYSTEM_SUSPEND')

/** A call that ends the guest is reached by the guest's end. */
export function isReached(end: GuestEnd, until: RunPoint): boolean {
  if (end.kind === 'point') return true
  if (end.kind !== 'ended') return false
  return (
    end.seen === true || until.kind === 'end' || (until.kind === 'stop' && until.stop === end.stop) || (until.kind === 'psci' && ENDS[until.name] === end.stop)
  )
}

const ENDS: Readonly<Record<string, string>> = {
  SYSTEM_OFF: 'off',
  SYSTEM_OFF2: 'hibernated',
  SYSTEM_RESET: 'reset',
  SYSTEM_RESET2: 'reset',
  SYSTEM_SUSPEND: 'suspended',
}
