// Owns PSCI (DEN0022) as KVM implements it, 0.1 to 1.3: which call does what, with which arguments. Which version offers which function is
// src/arch/psci.ts; knows no conduit and no filter. Source: recordings psci, cpu_on, event; facts/kvm-arm64-rules.md §3.
import { PSCI_CONSTANTS, PSCI_FUNCTIONS, type PsciFunction, parsePsciVersion } from '../../arch/psci.ts'
import { answer, arg32, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, SYSTEM_EVENT, signed, systemEvent } from './firmware.ts'
import { PSCI_01, RETURN, SMCCC } from './ids.ts'
import { affinityInfo, cpuOn } from './psci-cpus.ts'

const V0_1 = 1
/** Flag words of the system events: KVM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2, KVM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2. */
const FLAG_RESET2 = 1n
const FLAG_OFF2 = 1n
/** KVM takes every id whose low byte is in here for PSCI's, in either width. */
const LAST_NUMBER = 0x1f
const SMC32 = 0x8400_0000
const SMC64 = 0xc400_0000

type Call = (vm: FirmwareVm, vcpu: FirmwareVcpu, version: number) => number | FirmwareResult

const CALLS: Readonly<Record<string, Call>> = {
  PSCI_VERSION: (_vm, _vcpu, version) => version,
  CPU_SUSPEND: (_vm, vcpu) => cpuSuspend(vcpu),
  CPU_OFF: (_vm, vcpu) => cpuOff(vcpu),
  CPU_ON: cpuOn,
  AFFINITY_INFO: affinityInfo,
  MIGRATE_INFO_TYPE: () => PSCI_CONSTANTS.MIGRATE_TYPE_NO_MIGRATION,
  SYSTEM_OFF: (vm, vcpu) => end(vm, vcpu, SYSTEM_EVENT.shutdown, 0n),
  SYSTEM_RESET: (vm, vcpu) => end(vm, vcpu, SYSTEM_EVENT.reset, 0n),
  PSCI_FEATURES: (vm, vcpu, version) => features(vm, version, arg32(vcpu, 1)),
  SYSTEM_SUSPEND: vm => (vm.systemSuspend ? systemEvent(vm, SYSTEM_EVENT.suspend, 0n, 0) : RETURN.notSupported),
  SYSTEM_RESET2: systemReset2,
  SYSTEM_OFF2: systemOff2,
}
/** Their SMC32 forms cut X1 … X3 to 32 bits in the registers themselves, where a VMM may read them afterwards. */
const NARROWED = new Set(['CPU_ON', 'AFFINITY_INFO', 'SYSTEM_SUSPEND', 'SYSTEM_RESET2', 'SYSTEM_OFF2'])

/** Ids in PSCI's ranges, whether any version has the function or not. */
export const psciFunctionExists = (functionId: number): boolean => {
  const base = (functionId & ~LAST_NUMBER) >>> 0
  return base === SMC32 || base === SMC64 || (functionId >= PSCI_01.cpuSuspend && functionId <= PSCI_01.migrate)
}

export function psciCall(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult {
  const version = vcpu.psciVersion()
  const result = version === V0_1 ? psci01(vm, vcpu, functionId) : psci02(vm, vcpu, version, functionId)
  return typeof result === 'number' ? answer(vcpu, signed(result)) : result
}

function psci01(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): number | FirmwareResult {
  if (functionId === PSCI_01.cpuOff) return cpuOff(vcpu)
  if (functionId === PSCI_01.cpuOn) return cpuOn(vm, vcpu, V0_1)
  return RETURN.notSupported
}

function psci02(vm: FirmwareVm, vcpu: FirmwareVcpu, version: number, functionId: number): number | FirmwareResult {
  const row = offered(functionId, version)
  const call = row && CALLS[row.name]
  if (!call) return RETURN.notSupported
  if (NARROWED.has(row.name) && functionId === row.smc32) for (const n of [1, 2, 3]) vcpu.writeX(n, BigInt.asUintN(32, vcpu.readX(n)))
  return call(vm, vcpu, version)
}

/** The function behind an id, when this version offers that form of it. */
function offered(functionId: number, version: number): PsciFunction | undefined {
  const row = PSCI_FUNCTIONS.find(each => each.smc32 === functionId || each.smc64 === functionId)
  return row?.offered !== undefined && BigInt(version) >= parsePsciVersion(row.offered) ? row : undefined
}

/** PSCI_FEATURES; SYSTEM_SUSPEND is there when the VMM has enabled it. */
function features(vm: FirmwareVm, version: number, functionId: number): number {
  if (functionId === SMCCC.version) return RETURN.success
  const row = offered(functionId, version)
  if (!row || (row.name === 'SYSTEM_SUSPEND' && !vm.systemSuspend)) return RETURN.notSupported
  return row.features ?? RETURN.success
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
  answer(vcpu, signed(RETURN.internalFailure))
  return systemEvent(vm, type, flags, 1)
}

/** Warm reset and the vendor's types; X1 and X2 keep type and cookie, which is where a VMM reads them. */
function systemReset2(vm: FirmwareVm, vcpu: FirmwareVcpu): number | FirmwareResult {
  const type = arg32(vcpu, 1)
  if (type !== PSCI_CONSTANTS.RESET2_WARM && type < PSCI_CONSTANTS.RESET2_VENDOR) return RETURN.invalidParameters
  for (const each of vm.vcpus) each.stop()
  vcpu.writeX(0, signed(RETURN.internalFailure))
  return systemEvent(vm, SYSTEM_EVENT.reset, FLAG_RESET2, 1)
}

/** HIBERNATE_OFF, with 0 as its older alias; the cookie is compared in all 64 bits. */
function systemOff2(vm: FirmwareVm, vcpu: FirmwareVcpu): number | FirmwareResult {
  if (arg32(vcpu, 1) > PSCI_CONSTANTS.OFF2_HIBERNATE || vcpu.readX(2) !== 0n) return RETURN.invalidParameters
  return end(vm, vcpu, SYSTEM_EVENT.shutdown, FLAG_OFF2)
}
