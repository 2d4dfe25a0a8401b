// Owns what one firmware call reads like: function, arguments and answer by name. Numbers come from src/arch's tables; runs nothing.
import { SYSTEM_EVENTS } from '../../arch/exits.ts'
import { PSCI_01_FUNCTIONS, PSCI_CONSTANTS, PSCI_FUNCTIONS, psciReturnName, showPsciVersion } from '../../arch/psci.ts'
import {
  bitmapNames,
  isSmc64,
  KVM_VENDOR_UID,
  SMCCC_FUNCTIONS,
  SMCCC_RETURNS,
  TRNG_RETURNS,
  VENDOR_HYP_BMAP_2_ID,
  VENDOR_HYP_BMAP_ID,
  WORKAROUND_LEVELS,
} from '../../arch/smccc.ts'
import type { FirmwareCall } from '../../emulator/machine/firmware-watch.ts'
import type { TraceArgument, TraceCall, TraceEnding } from './trace-report.ts'

export interface NamedFunction {
  readonly name: string
  readonly form?: 'SMC32' | 'SMC64'
  readonly known: boolean
  readonly arguments: readonly string[]
}

/** Any function id, by the name that all its forms share. Total. */
export function namedFunction(id: number): NamedFunction {
  const psci = PSCI_FUNCTIONS.find(({ smc32, smc64 }) => smc32 === id || smc64 === id)
  if (psci) return { name: psci.name, ...(psci.smc64 === undefined ? {} : { form: isSmc64(id) ? 'SMC64' : 'SMC32' }), known: true, arguments: psci.arguments }
  const smccc = SMCCC_FUNCTIONS.find(row => row.id === id)
  if (smccc) return { name: smccc.name, known: true, arguments: smccc.arguments }
  const old = PSCI_01_FUNCTIONS.find(row => row.id === id)
  if (old) return { name: old.name, known: true, arguments: PSCI_FUNCTIONS.find(row => row.name === old.name)?.arguments ?? [] }
  return { name: hex32(id), known: false, arguments: ['x1', 'x2', 'x3'] }
}

/** Names that a trace can show, each once. */
export const functionNames = (): readonly string[] => [...new Set([...PSCI_FUNCTIONS, ...SMCCC_FUNCTIONS].map(({ name }) => name))]

type Words = Pick<TraceCall, 'function' | 'id' | 'known' | 'arguments' | 'values' | 'ending'> & Partial<Pick<TraceCall, 'form' | 'result'>>

export function callWords(call: FirmwareCall): Words {
  const [x0 = 0n] = call.arguments
  const id = Number(BigInt.asUintN(32, x0))
  const { name, form, known, arguments: names } = namedFunction(id)
  const results = call.results
  const isBack = call.ending.kind === 'resume' || call.ending.kind === 'wait'
  // The SMC32 form of a call has 32-bit arguments, whatever stands above them.
  const isNarrow = form === 'SMC32' || (known && form === undefined && !isSmc64(id))
  const given = call.arguments.slice(1).map(value => (isNarrow ? BigInt.asUintN(32, value) : value))
  const last = results.findLastIndex(value => value !== 0n)
  return {
    function: name,
    id: hex32(id),
    ...(form ? { form } : {}),
    known,
    arguments: names.map((argument, i) => argumentWords(name, argument, given[i] ?? 0n)),
    ...(isBack ? { result: resultWords(name, given[0] ?? 0n, results) } : {}),
    values: results.slice(0, Math.max(1, last + 1)).map(hex),
    ending: endingWords(call),
  }
}

function argumentWords(call: string, name: string, value: bigint): TraceArgument {
  const meaning = argumentMeaning(call, name, value)
  return { name, value: hex(value), ...(meaning === undefined ? {} : { meaning }) }
}

function argumentMeaning(call: string, name: string, value: bigint): string | undefined {
  if (name === 'function_id') {
    const asked = namedFunction(Number(BigInt.asUintN(32, value)))
    return asked.known ? `${asked.name}${asked.form === 'SMC32' ? ' (SMC32)' : ''}` : undefined
  }
  if (name === 'reset_type') return value === BigInt(PSCI_CONSTANTS.RESET2_WARM) ? 'WARM' : value >= BigInt(PSCI_CONSTANTS.RESET2_VENDOR) ? 'VENDOR' : undefined
  if (name === 'off_type') return value <= BigInt(PSCI_CONSTANTS.OFF2_HIBERNATE) ? 'HIBERNATE_OFF' : undefined
  if (call === 'KVM_PTP' && name === 'counter') return value === 0n ? 'virtual' : value === 1n ? 'physical' : undefined
  return undefined
}

/** What X0 … X3 say. `argument` is X1 of the call. */
function resultWords(name: string, argument: bigint, [x0 = 0n, x1 = 0n, x2 = 0n, x3 = 0n]: readonly bigint[]): string {
  const code = BigInt.asIntN(64, x0)
  const flags = (meanings: Readonly<Record<string, string>>): string => meanings[String(code)] ?? errorName(name, x0) ?? hex(x0)
  switch (name) {
    case 'PSCI_VERSION':
    case 'SMCCC_VERSION':
    case 'TRNG_VERSION':
      return code < 0n ? (errorName(name, x0) ?? hex(x0)) : showPsciVersion(x0)
    case 'PSCI_FEATURES':
      return code < 0n ? (errorName(name, x0) ?? hex(x0)) : `supported${featureFlags(argument, x0)}`
    case 'SMCCC_ARCH_FEATURES':
      return archFeatureWords(argument, x0)
    case 'TRNG_FEATURES':
    case 'PV_TIME_FEATURES':
      return code < 0n ? (errorName(name, x0) ?? hex(x0)) : 'supported'
    case 'AFFINITY_INFO':
      return flags({ [PSCI_CONSTANTS.AFFINITY_ON]: 'ON', [PSCI_CONSTANTS.AFFINITY_OFF]: 'OFF', [PSCI_CONSTANTS.AFFINITY_ON_PENDING]: 'ON_PENDING' })
    case 'MIGRATE_INFO_TYPE':
      return flags({ [PSCI_CONSTANTS.MIGRATE_TYPE_NO_MIGRATION]: 'NO_MIGRATION' })
    case 'TRNG_RND32':
    case 'TRNG_RND64':
      return x0 === 0n ? `${BigInt.asUintN(32, argument)} bits` : (errorName(name, x0) ?? hex(x0))
    case 'TRNG_GET_UUID':
      return code < 0n ? (errorName(name, x0) ?? hex(x0)) : uuid([x0, x1, x2, x3])
    case 'VENDOR_HYP_CALL_UID':
      return code < 0n
        ? (errorName(name, x0) ?? hex(x0))
        : `${[x0, x1, x2, x3].every((word, i) => word === BigInt(KVM_VENDOR_UID[i]!)) ? 'KVM ' : ''}${uuid([x0, x1, x2, x3])}`
    case 'KVM_FEATURES':
      return code < 0n
        ? (errorName(name, x0) ?? hex(x0))
        : [...bitmapNames(VENDOR_HYP_BMAP_ID, x0), ...bitmapNames(VENDOR_HYP_BMAP_2_ID, x2)].join(' ') || 'none'
    case 'KVM_PTP':
      return code < 0n ? (errorName(name, x0) ?? hex(x0)) : `${clockText((x0 << 32n) | x1)}, counter ${hex((x2 << 32n) | x3)}`
    default:
      return errorName(name, x0) ?? hex(x0)
  }
}

/** SUCCESS and the errors, by whose call it is: -2 and -3 mean different things to PSCI, the architecture and TRNG. */
function errorName(name: string, x0: bigint): string | undefined {
  const value = Number(BigInt.asIntN(64, x0))
  if (PSCI_FUNCTIONS.some(row => row.name === name)) return psciReturnName(x0)
  return (name.startsWith('TRNG_') ? TRNG_RETURNS : SMCCC_RETURNS).find(row => row.value === value)?.name
}

/** Of SYSTEM_OFF2 the answer is a mask of what it can do; Arm DEN0022F, PSCI_FEATURES. */
function featureFlags(argument: bigint, x0: bigint): string {
  if (x0 === 0n) return ''
  const asked = namedFunction(Number(BigInt.asUintN(32, argument))).name
  return asked === 'SYSTEM_OFF2' && x0 === 1n ? ', HIBERNATE_OFF' : asked === 'SMCCC_VERSION' ? '' : `, flags ${hex(x0)}`
}

/** The answers about workarounds are levels: src/arch has what a guest sees of each. */
function archFeatureWords(argument: bigint, x0: bigint): string {
  const asked = namedFunction(Number(BigInt.asUintN(32, argument))).name
  const value = Number(BigInt.asIntN(64, x0))
  const workaround = ([1, 2, 3] as const).find(n => asked === `SMCCC_ARCH_WORKAROUND_${n}`)
  const level = workaround && value !== -1 ? WORKAROUND_LEVELS[workaround].find(row => row.guestSees === value) : undefined
  if (level) return level.name
  return value === 0 ? 'supported' : (errorName('SMCCC_ARCH_FEATURES', x0) ?? hex(x0))
}

function endingWords({ ending }: FirmwareCall): TraceEnding {
  if (ending.kind === 'hypercall') return { kind: 'forward', flags: hex(ending.flags) }
  if (ending.kind !== 'system-event') return { kind: ending.kind }
  const row = SYSTEM_EVENTS.find(({ type }) => type === ending.type)
  const [flags = 0n] = ending.data
  return {
    kind: 'event',
    event: row?.name ?? `event ${ending.type}`,
    type: ending.type,
    flags: (row?.flags ?? []).filter(({ bit }) => (flags >> BigInt(bit)) & 1n).map(({ name }) => name),
    data: ending.data.slice(0, ending.ndata ?? 1).map(hex),
  }
}

/** Four registers of 32 bits in the order of RFC 4122, as SMCCC hands UUIDs over (DEN0028, 6.1): each word's bytes in memory order. */
function uuid(words: readonly bigint[]): string {
  const bytes = words
    .flatMap(word =>
      [0n, 8n, 16n, 24n].map(shift =>
        Number((word >> shift) & 0xffn)
          .toString(16)
          .padStart(2, '0'),
      ),
    )
    .join('')
  return bytes.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Nanoseconds since 1970. */
function clockText(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n)
  return Number.isFinite(milliseconds) && milliseconds < 8.64e15 ? new Date(milliseconds).toISOString() : `${nanoseconds} ns`
}

const hex = (value: bigint): string => `0x${value.toString(16)}`
const hex32 = (id: number): string => `0x${id.toString(16).padStart(8, '0')}`
