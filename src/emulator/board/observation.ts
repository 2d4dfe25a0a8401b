// Owns what a guest's report amounts to, in names: what it was told at boot and now, and what changed under its feet. Knows no target and no verdict.
import { showRegId } from '../../arch/reg-id.ts'
import { functionName } from '../../arch/smccc.ts'
import { type GuestQuestion, type GuestReport, observedPsci, psciVersionText } from './guest-report.ts'

export interface ObservedFunction {
  /** `PSCI_VERSION`, `PSCI_FEATURES(SYSTEM_OFF2 (SMC64))`; with ` over SMC` when it was not asked over HVC. */
  readonly name: string
  readonly supported: boolean
  /** X0 as a 64-bit number. */
  readonly result: bigint
}
export interface ObservedDifference {
  readonly kind: 'function' | 'register'
  /** Of a function as above; a register's ONE_REG id. */
  readonly name: string
  readonly before: string
  readonly after: string
}
export interface Observation {
  /** PSCI_VERSION as the guest heard it last; `0.1` for a guest that cannot ask. */
  readonly psci: string
  readonly psciAtBoot: string
  readonly functions: readonly ObservedFunction[]
  readonly differences: readonly ObservedDifference[]
}

const NOT_SUPPORTED = 0xffff_ffff_ffff_ffffn
const PSCI_VERSION = 0x8400_0000
/** ONE_REG id of the system register with encoding 0. */
const SYSREG_CLASS = 0x6030_0000_0013_0000n
/** Functions whose argument is another function's id. */
const ASKS_ABOUT = new Set(['PSCI_FEATURES', 'SMCCC_ARCH_FEATURES', 'TRNG_FEATURES', 'PV_TIME_FEATURES'])

/** Undefined until the guest has finished its first round. */
export function observe(report: GuestReport): Observation | undefined {
  const psci = observedPsci(report)
  if (!psci || report.generation === 0n) return undefined
  const first = report.generation === 1n
  return {
    psci: first ? psci.atBoot : psci.now,
    psciAtBoot: psci.atBoot,
    functions: report.questions.map(question => {
      const result = (first ? question.boot : question.now)[0] ?? 0n
      return { name: questionName(question), supported: result !== NOT_SUPPORTED, result }
    }),
    differences: first
      ? []
      : [
          ...report.questions
            .filter(each => each.differs)
            .map(each => ({ kind: 'function' as const, name: questionName(each), before: answerText(each, each.boot), after: answerText(each, each.now) })),
          ...report.registers
            .filter(each => each.differs)
            .map(each => ({ kind: 'register' as const, name: showRegId(idOf(each.encoding)), before: valueText(each.boot), after: valueText(each.now) })),
        ],
  }
}

/** A call by name, with the function that it asks about: `PSCI_FEATURES(SYSTEM_OFF2 (SMC64))`. */
export function callName(functionId: number, argument: number): string {
  const name = functionName(functionId)
  return ASKS_ABOUT.has(name) ? `${name}(${functionName(argument)})` : name
}

function questionName({ functionId, argument, conduit }: GuestQuestion): string {
  const name = callName(functionId, argument)
  const target = name.startsWith('AFFINITY_INFO') ? `(0x${argument.toString(16)})` : ''
  return `${name}${target}${conduit === 'smc' ? ' over SMC' : ''}`
}

/** X0 … X3 up to the last that is not zero. */
function answerText({ functionId, presenceOnly }: GuestQuestion, results: readonly bigint[]): string {
  if (results[0] === NOT_SUPPORTED) return 'NOT_SUPPORTED'
  if (presenceOnly) return 'answered'
  if (functionId === PSCI_VERSION) return psciVersionText(results[0] ?? 0n)
  const last = results.findLastIndex(each => each !== 0n)
  return results
    .slice(0, Math.max(1, last + 1))
    .map(valueText)
    .join(' ')
}

const valueText = (value: bigint | undefined): string => (value === undefined ? 'UNDEFINED' : `0x${value.toString(16)}`)
const idOf = (encoding: number): bigint => SYSREG_CLASS | BigInt(encoding)
