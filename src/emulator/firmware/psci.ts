// Owns PSCI (DEN0022) as KVM implements it, 0.1 to 1.3: which functions exist under which version, their arguments and results.
// Knows no conduit and no filter. Source: recordings psci, cpu_on, event; facts/kvm-arm64-rules.md §3.
import { answer, arg32, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, SYSTEM_EVENT, signed, systemEvent } from './firmware.ts'
import { PSCI, PSCI_01, PSCI_SMC32, PSCI_SMC64, SMCCC } from './ids.ts'
import { affinityInfo, cpuOn } from './psci-cpus.ts'

const SUCCESS = 0
const NOT_SUPPORTED = -1
const INVALID_PARAMS = -2
const INTERNAL_FAILURE = -6
const V0_1 = 1
const V0_2 = 2
const V1_0 = 0x1_0000
const V1_1 = 0x1_0001
const V1_3 = 0x1_0003
/** MIGRATE_INFO_TYPE: a trusted OS is not present or does not need migration. */
const NO_TRUSTED_OS = 2
const HIBERNATE_OFF = 1
/** Flag words of the system events: KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2, KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2. */
const FLAG_RESET2 = 1n
const FLAG_OFF2 = 1n
/** SYSTEM_RESET2 types from here on belong to the vendor. */
const VENDOR_RESET = 0x8000_0000

interface Row {
  /** First version that offers it. */
  readonly since: number
  /** Which forms of the id exist. */
  readonly forms: '32' | '64' | 'both'
  /** What PSCI_FEATURES answers (the call itself is there from 1.0 on): 0 unless said. */
  readonly features?: (vm: FirmwareVm) => number
  /** SMC32 arguments are cut to 32 bits in the registers themselves, where a VMM may read them. */
  readonly narrow?: true
  readonly call: (vm: FirmwareVm, vcpu: FirmwareVcpu, version: number) => number | FirmwareResult
}

/** By function number. */
const FUNCTIONS: Readonly<Record<number, Row>> = {
  [PSCI.version]: { since: V0_2, forms: '32', call: (_vm, _vcpu, version) => version },
  [PSCI.cpuSuspend]: { since: V0_2, forms: 'both', call: (_vm, vcpu) => cpuSuspend(vcpu) },
  [PSCI.cpuOff]: { since: V0_2, forms: '32', call: (_vm, vcpu) => cpuOff(vcpu) },
  [PSCI.cpuOn]: { since: V0_2, forms: 'both', narrow: true, call: cpuOn },
  [PSCI.affinityInfo]: { since: V0_2, forms: 'both', narrow: true, call: affinityInfo },
  [PSCI.migrateInfoType]: { since: V0_2, forms: '32', call: () => NO_TRUSTED_OS },
  [PSCI.systemOff]: { since: V0_2, forms: '32', call: (vm, vcpu) => end(vm, vcpu, SYSTEM_EVENT.shutdown, 0n) },
  [PSCI.systemReset]: { since: V0_2, forms: '32', call: (vm, vcpu) => end(vm, vcpu, SYSTEM_EVENT.reset, 0n) },
  [PSCI.features]: { since: V1_0, forms: '32', call: (vm, vcpu, version) => features(vm, version, arg32(vcpu, 1)) },
  [PSCI.systemSuspend]: {
    since: V1_0,
    forms: 'both',
    narrow: true,
    features: vm => (vm.systemSuspend ? SUCCESS : NOT_SUPPORTED),
    call: vm => (vm.systemSuspend ? systemEvent(vm, SYSTEM_EVENT.suspend, 0n, 0) : NOT_SUPPORTED),
  },
  [PSCI.systemReset2]: { since: V1_1, forms: 'both', narrow: true, call: systemReset2 },
  [PSCI.systemOff2]: { since: V1_3, forms: 'both', narrow: true, features: () => HIBERNATE_OFF, call: systemOff2 },
}

/** Ids in PSCI's ranges, whether any version has the function or not. */
export const psciFunctionExists = (functionId: number): boolean => {
  const base = (functionId & 0xffff_ffe0) >>> 0
  return base === PSCI_SMC32 || base === PSCI_SMC64 || (functionId >= PSCI_01.cpuSuspend && functionId <= PSCI_01.migrate)
}

export function psciCall(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult {
  const version = vcpu.psciVersion()
  const result = version === V0_1 ? psci01(vm, vcpu, functionId) : psci02(vm, vcpu, version, functionId)
  return typeof result === 'number' ? answer(vcpu, signed(result)) : result
}

function psci01(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): number | FirmwareResult {
  if (functionId === PSCI_01.cpuOff) return cpuOff(vcpu)
  if (functionId === PSCI_01.cpuOn) return cpuOn(vm, vcpu, V0_1)
  return NOT_SUPPORTED
}

function psci02(vm: FirmwareVm, vcpu: FirmwareVcpu, version: number, functionId: number): number | FirmwareResult {
  const row = rowOf(functionId, version)
  if (row === undefined) return NOT_SUPPORTED
  if (row.narrow && functionId < PSCI_SMC64) for (const n of [1, 2, 3]) vcpu.writeX(n, BigInt.asUintN(32, vcpu.readX(n)))
  return row.call(vm, vcpu, version)
}

/** The row behind an id, when this version offers that form of it. */
function rowOf(functionId: number, version: number): Row | undefined {
  const base = (functionId & 0xffff_ffe0) >>> 0
  if (base !== PSCI_SMC32 && base !== PSCI_SMC64) return undefined
  const row = FUNCTIONS[functionId & 0x1f]
  const form = base === PSCI_SMC64 ? '64' : '32'
  return row && version >= row.since && (row.forms === 'both' || row.forms === form) ? row : undefined
}

function features(vm: FirmwareVm, version: number, functionId: number): number {
  if (functionId === SMCCC.version) return SUCCESS
  const row = rowOf(functionId, version)
  return row === undefined ? NOT_SUPPORTED : (row.features?.(vm) ?? SUCCESS)
}

/** Power state and entry point are ignored: a WFI, whose result is in X0 before it sleeps. */
function cpuSuspend(vcpu: FirmwareVcpu): FirmwareResult {
  answer(vcpu, 0n)
  return { kind: 'wait' }
}

function cpuOff(vcpu: FirmwareVcpu): FirmwareResult {
  vcpu.stop()
  answer(vcpu, 0n)
  return { kind: 'off' }
}

/** Stops every vCPU and leaves INTERNAL_FAILURE in X0 for the day a VMM resumes the caller all the same. */
function end(vm: FirmwareVm, vcpu: FirmwareVcpu, type: number, flags: bigint): FirmwareResult {
  for (const each of vm.vcpus) each.stop()
  answer(vcpu, signed(INTERNAL_FAILURE))
  return systemEvent(vm, type, flags, 1)
}

/** Warm reset (0) and the vendor's types; X1 and X2 keep type and cookie, which is where a VMM reads them. */
function systemReset2(vm: FirmwareVm, vcpu: FirmwareVcpu): number | FirmwareResult {
  const type = arg32(vcpu, 1)
  if (type !== 0 && type < VENDOR_RESET) return INVALID_PARAMS
  for (const each of vm.vcpus) each.stop()
  vcpu.writeX(0, signed(INTERNAL_FAILURE))
  return systemEvent(vm, SYSTEM_EVENT.reset, FLAG_RESET2, 1)
}

/** HIBERNATE_OFF is type 1, with 0 as its older alias; the cookie is compared in all 64 bits. */
function systemOff2(vm: FirmwareVm, vcpu: FirmwareVcpu): number | FirmwareResult {
  if (arg32(vcpu, 1) > HIBERNATE_OFF || vcpu.readX(2) !== 0n) return INVALID_PARAMS
  return end(vm, vcpu, SYSTEM_EVENT.shutdown, FLAG_OFF2)
}
