// table of PSCI: versions, functions, return codes, as KVM/arm64 implements them. Numbers and names only; what a call does is the firmware's business.
// Sources: Arm DEN0022; facts/kvm-arm64-rules.md §3; recordings (psci, event) for what each version answers.
import { SnapError } from '../errors.ts'

/** Version numbers that some kernel has known, oldest first: the value of KVM_REG_ARM_PSCI_VERSION. */
export const PSCI_VERSIONS = ['0.1', '0.2', '1.0', '1.1', '1.2', '1.3'] as const
export type PsciVersion = (typeof PSCI_VERSIONS)[number]

/** `1.3` for 0x10003; a value that is no version (bits above 31 set) is shown as a number. */
export const showPsciVersion = (value: bigint): string =>
  value >> 31n === 0n && value >= 0n ? `${value >> 16n}.${value & 0xffffn}` : `0x${value.toString(16)}`

/** 0x10003n for `1.3`. Takes any major.minor, whether a kernel knows it or not. Throws REG_VALUE_INVALID. */
export function parsePsciVersion(text: string): bigint {
  const match = /^(\d{1,5})\.(\d{1,5})$/.exec(text.trim())
  const [major, minor] = match ? [Number(match[1]), Number(match[2])] : [-1, -1]
  if (major < 0 || major > 0x7fff || minor > 0xffff)
    throw new SnapError(
      'REG_VALUE_INVALID',
      `"${text.slice(0, 40)}" is not a PSCI version`,
      {},
      { hint: `a PSCI version is one of ${PSCI_VERSIONS.join(' ')}` },
    )
  return (BigInt(major) << 16n) | BigInt(minor)
}

export interface PsciFunction {
  readonly name: string
  /** Low byte of the function id. */
  readonly number: number
  /** Function id of the SMC32 form, 0x840000nn. */
  readonly smc32: number
  /** Function id of the SMC64 form, 0xc40000nn, when there is one. */
  readonly smc64?: number
  /** Version of the specification that brought it. */
  readonly specified: PsciVersion
  /** First PSCI version in which KVM answers it; absent: KVM answers NOT_SUPPORTED in every version. */
  readonly offered?: PsciVersion
  /** What KVM needs besides the version. */
  readonly needs?: string
  /** What PSCI_FEATURES answers when the function is offered. */
  readonly features?: number
  readonly optional: boolean
  readonly arguments: readonly string[]
  readonly meaning: string
}

const row = (
  number: number,
  name: string,
  forms: '32' | '32+64',
  specified: PsciVersion,
  offered: PsciVersion | undefined,
  args: string,
  meaning: string,
  more: Partial<PsciFunction> = {},
): PsciFunction => ({
  name,
  number,
  smc32: 0x8400_0000 + number,
  ...(forms === '32+64' ? { smc64: 0xc400_0000 + number } : {}),
  specified,
  ...(offered === undefined ? {} : { offered, features: 0 }),
  optional: false,
  arguments: args === '' ? [] : args.split(' '),
  meaning,
  ...more,
})
const OPTIONAL = { optional: true } as const

/** By function number. */
export const PSCI_FUNCTIONS: readonly PsciFunction[] = [
  row(0x00, 'PSCI_VERSION', '32', '0.2', '0.2', '', 'version of the interface'),
  row(
    0x01,
    'CPU_SUSPEND',
    '32+64',
    '0.2',
    '0.2',
    'power_state entry_point context_id',
    'put the calling CPU into a low-power state; KVM treats every state as a wait for interrupt',
  ),
  row(0x02, 'CPU_OFF', '32', '0.2', '0.2', '', 'switch the calling CPU off'),
  row(0x03, 'CPU_ON', '32+64', '0.2', '0.2', 'target_cpu entry_point context_id', 'switch another CPU on at an address'),
  row(0x04, 'AFFINITY_INFO', '32+64', '0.2', '0.2', 'target_affinity lowest_affinity_level', 'whether CPUs of an affinity are on'),
  row(0x05, 'MIGRATE', '32+64', '0.2', undefined, 'target_cpu', 'move a trusted operating system to another CPU', OPTIONAL),
  row(0x06, 'MIGRATE_INFO_TYPE', '32', '0.2', '0.2', '', 'whether a trusted operating system must be moved; KVM: there is none', OPTIONAL),
  row(0x07, 'MIGRATE_INFO_UP_CPU', '32+64', '0.2', undefined, '', 'CPU on which a trusted operating system sits', OPTIONAL),
  row(0x08, 'SYSTEM_OFF', '32', '0.2', '0.2', '', 'switch the system off'),
  row(0x09, 'SYSTEM_RESET', '32', '0.2', '0.2', '', 'reset the system'),
  row(0x0a, 'PSCI_FEATURES', '32', '1.0', '1.0', 'function_id', 'whether a function is implemented, and its options'),
  row(0x0b, 'CPU_FREEZE', '32', '1.0', undefined, '', 'put the calling CPU into an implementation-defined low-power state', OPTIONAL),
  row(0x0c, 'CPU_DEFAULT_SUSPEND', '32+64', '1.0', undefined, 'entry_point context_id', 'put the calling CPU into a default low-power state', OPTIONAL),
  row(0x0d, 'NODE_HW_STATE', '32+64', '1.0', undefined, 'target_cpu power_level', 'real power state of a node', OPTIONAL),
  row(0x0e, 'SYSTEM_SUSPEND', '32+64', '1.0', '1.0', 'entry_point context_id', 'suspend the system to memory', {
    ...OPTIONAL,
    needs: 'the VMM enabled KVM_CAP_ARM_SYSTEM_SUSPEND',
  }),
  row(0x0f, 'PSCI_SET_SUSPEND_MODE', '32', '1.0', undefined, 'mode', 'who coordinates CPU_SUSPEND', OPTIONAL),
  row(0x10, 'PSCI_STAT_RESIDENCY', '32+64', '1.0', undefined, 'target_cpu power_state', 'time spent in a power state', OPTIONAL),
  row(0x11, 'PSCI_STAT_COUNT', '32+64', '1.0', undefined, 'target_cpu power_state', 'number of times a power state was used', OPTIONAL),
  row(0x12, 'SYSTEM_RESET2', '32+64', '1.1', '1.1', 'reset_type cookie', 'reset the system in a given way; type 0 is a warm reset', OPTIONAL),
  row(0x13, 'MEM_PROTECT', '32', '1.1', undefined, 'enable', 'whether memory is wiped on reset', OPTIONAL),
  row(0x14, 'MEM_PROTECT_CHECK_RANGE', '32+64', '1.1', undefined, 'base length', 'whether MEM_PROTECT covers a range', OPTIONAL),
  row(
    0x15,
    'SYSTEM_OFF2',
    '32+64',
    '1.3',
    '1.3',
    'off_type cookie',
    'switch the system off in a given way; HIBERNATE_OFF says that memory was written to disk',
    { ...OPTIONAL, features: 1 },
  ),
]

/** PSCI 0.1 has no fixed ids; these are KVM's (KVM_PSCI_FN_BASE 0x95c1ba5e). */
export const PSCI_01_FUNCTIONS = [
  { name: 'CPU_SUSPEND', id: 0x95c1_ba5e, implemented: false },
  { name: 'CPU_OFF', id: 0x95c1_ba5f, implemented: true },
  { name: 'CPU_ON', id: 0x95c1_ba60, implemented: true },
  { name: 'MIGRATE', id: 0x95c1_ba61, implemented: false },
] as const

/** Argument values that have names. */
export const PSCI_CONSTANTS = {
  AFFINITY_ON: 0,
  AFFINITY_OFF: 1,
  AFFINITY_ON_PENDING: 2,
  MIGRATE_TYPE_NO_MIGRATION: 2,
  RESET2_WARM: 0,
  /** SYSTEM_RESET2 types from here up are the vendor's. */
  RESET2_VENDOR: 0x8000_0000,
  /** SYSTEM_OFF2 HIBERNATE_OFF; KVM takes 0 as another spelling of it. */
  OFF2_HIBERNATE: 1,
} as const

export const PSCI_RETURNS = [
  { name: 'SUCCESS', value: 0, meaning: 'done' },
  { name: 'NOT_SUPPORTED', value: -1, meaning: 'no such function here' },
  { name: 'INVALID_PARAMETERS', value: -2, meaning: 'an argument is out of range, or names no CPU' },
  { name: 'DENIED', value: -3, meaning: 'not now, or not for you' },
  { name: 'ALREADY_ON', value: -4, meaning: 'that CPU is on' },
  { name: 'ON_PENDING', value: -5, meaning: 'that CPU is being switched on; KVM never answers this' },
  { name: 'INTERNAL_FAILURE', value: -6, meaning: 'what a guest sees when it is resumed after SYSTEM_OFF or SYSTEM_RESET' },
  { name: 'NOT_PRESENT', value: -7, meaning: 'no trusted operating system there' },
  { name: 'DISABLED', value: -8, meaning: 'that CPU is disabled' },
  { name: 'INVALID_ADDRESS', value: -9, meaning: 'the entry point is no good; KVM does not check it' },
] as const

/** `INVALID_PARAMETERS` for -2, given as the guest's x0 (sign-extended to 64 bits) or as a small signed number; undefined when it is no return code. */
export function psciReturnName(x0: bigint): string | undefined {
  const value = Number(BigInt.asIntN(64, x0))
  return PSCI_RETURNS.find(row => row.value === value)?.name
}

const atLeast = (version: PsciVersion, least: PsciVersion) => PSCI_VERSIONS.indexOf(version) >= PSCI_VERSIONS.indexOf(least)
const isKnown = (text: string): text is PsciVersion => (PSCI_VERSIONS as readonly string[]).includes(text)

/** Functions that KVM answers to a guest whose PSCI version is pinned to `version`. */
export const psciFunctionsOf = (version: PsciVersion): readonly PsciFunction[] =>
  PSCI_FUNCTIONS.filter(row => row.offered !== undefined && atLeast(version, row.offered))

export interface PsciStepRow {
  readonly change: 'appears' | 'vanishes'
  readonly name: string
  /** Function ids, SMC32 form first. */
  readonly ids: readonly number[]
  readonly needs?: string
  readonly meaning: string
}

interface Offered {
  readonly name: string
  readonly ids: readonly number[]
  readonly needs?: string
  readonly meaning: string
}

function offeredBy(version: PsciVersion): readonly Offered[] {
  if (version !== '0.1')
    return psciFunctionsOf(version).map(({ name, smc32, smc64, needs, meaning }) => ({
      name,
      ids: smc64 === undefined ? [smc32] : [smc32, smc64],
      ...(needs === undefined ? {} : { needs }),
      meaning,
    }))
  return PSCI_01_FUNCTIONS.filter(row => row.implemented).map(({ name, id }) => ({
    name: `${name} (0.1)`,
    ids: [id],
    meaning: `${PSCI_FUNCTIONS.find(later => later.name === name)?.meaning ?? ''}, by KVM's own function id`,
  }))
}

/**
 * What a guest gains and loses between two PSCI versions (text such as `1.1`), function by function; empty when only the number differs
 * (1.1 and 1.2). Throws REG_VALUE_INVALID for a version that no kernel knows.
 */
export function describePsciStep(from: string, to: string): readonly PsciStepRow[] {
  const [before, after] = [from, to].map(text => {
    const version = showPsciVersion(parsePsciVersion(text))
    if (!isKnown(version))
      throw new SnapError('REG_VALUE_INVALID', `no kernel knows PSCI ${version}`, {}, { hint: `known versions: ${PSCI_VERSIONS.join(' ')}` })
    return offeredBy(version)
  }) as [readonly Offered[], readonly Offered[]]
  const names = (rows: readonly Offered[]) => new Set(rows.map(row => row.name))
  const had = names(before)
  const has = names(after)
  return [
    ...before.filter(row => !has.has(row.name)).map(row => ({ change: 'vanishes' as const, ...row })),
    ...after.filter(row => !had.has(row.name)).map(row => ({ change: 'appears' as const, ...row })),
  ]
}
