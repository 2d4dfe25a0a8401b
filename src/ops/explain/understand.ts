// Owns what the words of a question mean: each kind of question has one recogniser, asked in order. Says how it understood them, and when nothing
// fits, which words are near. Answers nothing.
import { registerName, registerRows } from '../../arch/catalogue/catalogue.ts'
import { isGlob } from '../../arch/catalogue/glob.ts'
import { matchRegisters } from '../../arch/catalogue/match.ts'
import { findRegister, suggestRegisters } from '../../arch/catalogue/parse.ts'
import type { ErrnoName } from '../../arch/errno.ts'
import { type PSCI_01_FUNCTIONS, PSCI_FUNCTIONS, PSCI_VERSIONS, type PsciFunction } from '../../arch/psci.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, type BitmapBit, SMCCC_FUNCTIONS, type SmcccFunction, smcccOwner } from '../../arch/smccc.ts'
import { findBuild, listBuilds } from '../../builds/load.ts'
import { ERROR_CODES, type ErrorCode, SnapError } from '../../errors.ts'
import { nearMatches } from '../../near-match.ts'
import { callsNamed, servicesNamed } from './call.ts'
import { findingCodes, isErrorCode } from './code.ts'
import { errnoOf, type FoundMessage, findMessage } from './message.ts'

export type Question =
  | { readonly kind: 'psci'; readonly from?: string; readonly to: string }
  | { readonly kind: 'register'; readonly id: RegId; readonly value?: string }
  | { readonly kind: 'errno'; readonly errno: ErrnoName; readonly id?: RegId; readonly value?: string }
  | { readonly kind: 'psci-function'; readonly row: PsciFunction }
  | { readonly kind: 'old-function'; readonly row: (typeof PSCI_01_FUNCTIONS)[number] }
  | { readonly kind: 'function'; readonly row: SmcccFunction }
  | { readonly kind: 'service'; readonly bit: BitmapBit }
  | { readonly kind: 'message'; readonly found: FoundMessage }
  | { readonly kind: 'error-code'; readonly code: ErrorCode }
  | { readonly kind: 'finding-code'; readonly code: string }
  | { readonly kind: 'builds'; readonly a: string; readonly b: string }

export interface Understood {
  readonly questions: readonly Question[]
  /** One line for each question. */
  readonly said: readonly string[]
  /** Names of registers that a glob means beyond those that are explained. */
  readonly more: readonly string[]
}

/** A glob may mean a hundred registers; so many are explained. */
const MOST_REGISTERS = 4
/** Longer than any line of a log. */
const LONGEST = 2000

type Found = readonly (readonly [said: string, question: Question])[]

/** Throws QUESTION_UNKNOWN with near matches, REG_ID_INVALID for a glob that no register fits. */
export function understand(words: readonly string[]): Understood {
  const text = words.join(' ').replace(/\s+/g, ' ').trim()
  if (text === '') throw new SnapError('QUESTION_UNKNOWN', 'nothing was asked')
  if (text.length > LONGEST) throw new SnapError('QUESTION_UNKNOWN', `the question has ${text.length} characters; one line of a log is enough`)
  for (const recognise of [psci, message, buildStep, errno, named, glob]) {
    const found = recognise(text)
    if (found && found.length > 0)
      return {
        questions: found.slice(0, MOST_REGISTERS).map(([, question]) => question),
        said: found.slice(0, MOST_REGISTERS).map(([said]) => said),
        more: found.slice(MOST_REGISTERS).flatMap(([, question]) => (question.kind === 'register' ? [registerName(question.id)] : [])),
      }
  }
  throw unknown(text)
}

const VERSION = String.raw`v?(\d+\.\d+)`
const STEP = new RegExp(String.raw`^(?:psci(?:[ _]?version)? *)?${VERSION} *(?:\.\.+|->|→|\bto\b|-) *(?:psci *)?${VERSION}$`, 'i')
const ONE = new RegExp(`^psci(?:[ _]?version)? *${VERSION}$`, 'i')

/** `PSCI 1.1..1.3`, `psci 1.3 -> 1.1`, `PSCI 1.3`, `PSCI`. */
function psci(text: string): Found | undefined {
  const [, from, to] = STEP.exec(text) ?? []
  if (from !== undefined && to !== undefined) return [[`the step from PSCI ${from} to ${to}`, { kind: 'psci', from, to }]]
  const one = ONE.exec(text)?.[1] ?? (/^psci$/i.test(text) ? PSCI_VERSIONS.at(-1) : undefined)
  return one === undefined ? undefined : [[`PSCI version ${one}`, { kind: 'psci', to: one }]]
}

/** A line of a log. What it names besides is asked too. */
function message(text: string): Found | undefined {
  const found = findMessage(text)
  if (!found) return undefined
  const { row, register: id, value, errno: name, psci: version } = found
  const shown = value === undefined ? {} : { value: `0x${value.toString(16)}` }
  const asked: [string, Question][] = [[`a message of ${row.vmm}`, { kind: 'message', found }]]
  if (id !== undefined && name !== undefined)
    asked.push([`${name} for ${registerName(id)}`, { kind: 'errno', errno: name, id, ...(isNarrow(id) ? shown : {}) }])
  else if (id !== undefined) asked.push([`the register ${registerName(id)}`, { kind: 'register', id, ...(isNarrow(id) ? shown : {}) }])
  if (version !== undefined) asked.push([`PSCI version ${version}`, { kind: 'psci', to: version }])
  return asked
}
/** Values of wider registers have another spelling. */
const isNarrow = (id: RegId): boolean => ((id >> 52n) & 0xfn) <= 3n

/** `linux-6.12..linux-6.18`, also with `->` or `to` between. */
function buildStep(text: string): Found | undefined {
  const [, a = '', b = ''] = /^(\S+?) *(?:\.\.+|->|→| to ) *(\S+)$/.exec(text) ?? []
  if (a === '' || b === '') return undefined
  const [left, right] = [findBuild(a), findBuild(b)]
  if (!left || !right) {
    if (!left && !right) return undefined
    throw new SnapError('BUILD_UNKNOWN', `there is no build "${left ? b : a}"`)
  }
  return [[`the step from ${left.name} to ${right.name}`, { kind: 'builds', a: left.name, b: right.name }]]
}

/** An errno, alone or with a register (or `REG=VALUE`) before or after it. */
function errno(text: string): Found | undefined {
  const whole = errnoOf(text)
  if (whole) return [[`the errno ${whole}`, { kind: 'errno', errno: whole }]]
  const words = text.replace(/\b(?:for|on|of|from|at)\b/gi, ' ').split(/[ ,:]+/)
  if (words.length < 2) return undefined
  for (let cut = 1; cut < words.length; cut++) {
    const [head, tail] = [words.slice(0, cut).join(' '), words.slice(cut).join(' ')]
    for (const [maybeErrno, rest] of [
      [head, tail],
      [tail, head],
    ] as const) {
      const name = errnoOf(maybeErrno)
      const target = name && registerAndValue(rest)
      if (name && target) return [[`${name} for ${registerName(target.id)}`, { kind: 'errno', errno: name, ...target }]]
    }
  }
  return undefined
}

function registerAndValue(text: string): { readonly id: RegId; readonly value?: string } | undefined {
  const at = text.indexOf('=')
  const id = findRegister(at < 0 ? text : text.slice(0, at))
  if (id === undefined) return undefined
  return at < 0 ? { id } : { id, value: text.slice(at + 1).trim() }
}

/** A name or a number: a register, a function, a service, a code; one word may be several. */
function named(text: string): Found | undefined {
  const target = registerAndValue(text)
  const calls = callsNamed(text)
  const upper = text.toUpperCase().replaceAll('-', '_')
  const lower = text.toLowerCase()
  return [
    ...(target
      ? [[`the register ${registerName(target.id)}${target.value === undefined ? '' : ', and a value of it'}`, { kind: 'register', ...target }] as const]
      : []),
    ...calls.psci.map(row => [`the PSCI function ${row.name}`, { kind: 'psci-function', row }] as const),
    ...calls.old.map(row => [`${row.name} of PSCI 0.1`, { kind: 'old-function', row }] as const),
    ...calls.other.map(row => [`the call ${row.name}`, { kind: 'function', row }] as const),
    ...servicesNamed(text).map(bit => [`the service ${bit.name} behind ${registerName(bit.register)}`, { kind: 'service', bit }] as const),
    ...(isErrorCode(upper) ? [[`an error code of psci-snap`, { kind: 'error-code', code: upper }] as const] : []),
    ...(findingCodes().includes(lower) ? [[`a finding code of psci-snap`, { kind: 'finding-code', code: lower }] as const] : []),
  ]
}

function glob(text: string): Found | undefined {
  if (!isGlob(text)) return undefined
  const listed = [...registerRows()].filter(row => row.listed !== undefined).map(row => row.id)
  return matchRegisters(text, listed).map(id => [`the register ${registerName(id)}`, { kind: 'register', id }] as const)
}

function unknown(text: string): SnapError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  const build = findBuild(text)
  if (build)
    return new SnapError(
      'QUESTION_UNKNOWN',
      `"${shown}" is a build`,
      {},
      { hint: `\`psci-snap builds show ${text}\` shows it; \`explain ${text}..linux-…\` a step to another one` },
    )
  if (/^0x[0-9a-f]{8}$/i.test(text)) {
    const owner = smcccOwner(Number(text))
    return new SnapError(
      'QUESTION_UNKNOWN',
      `no call with the id ${shown} is known`,
      {},
      { hint: `by its bits it would belong to the owner "${owner}"; docs/psci.md lists the known ones` },
    )
  }
  const near = nearWords(text)
  return new SnapError(
    'QUESTION_UNKNOWN',
    `"${shown}" is nothing that can be explained`,
    {},
    near.length === 0 ? {} : { hint: `did you mean ${near.join(', ')}?` },
  )
}

/** Names of every kind that are near, in any case. */
function nearWords(text: string): readonly string[] {
  const names = [
    ...PSCI_FUNCTIONS.map(row => row.name),
    ...SMCCC_FUNCTIONS.map(row => row.name),
    ...BITMAP_BITS.map(bit => bit.name),
    ...Object.keys(ERROR_CODES),
    ...findingCodes(),
    ...listBuilds().flatMap(({ name, aliases }) => [name, ...aliases]),
  ]
  const byLower = new Map(names.map(name => [name.toLowerCase(), name]))
  const others = nearMatches(text.toLowerCase(), byLower.keys()).flatMap(lower => byLower.get(lower) ?? [])
  const word = text.split(/[ =]/).find(each => suggestRegisters(each).length > 0) ?? ''
  return [...new Set([...others, ...suggestRegisters(word)])].slice(0, 4)
}
