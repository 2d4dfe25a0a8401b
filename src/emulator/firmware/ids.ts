// Owns the handlers' short names for what src/arch tabulates: function ids and return codes. No number of its own.
import { PSCI_01_FUNCTIONS, PSCI_RETURNS } from '../../arch/psci.ts'
import { SMCCC_FUNCTIONS } from '../../arch/smccc.ts'

type ReturnName = (typeof PSCI_RETURNS)[number]['name']

const smccc = (name: string): number => must(SMCCC_FUNCTIONS.find(row => row.name === name)?.id, name)
const psci01 = (name: (typeof PSCI_01_FUNCTIONS)[number]['name']): number => must(PSCI_01_FUNCTIONS.find(row => row.name === name)?.id, name)
const returned = (name: ReturnName): number => must(PSCI_RETURNS.find(row => row.name === name)?.value, name)

function must<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`the tables of src/arch have no ${name}`)
  return found
}

export const SMCCC = {
  version: smccc('SMCCC_VERSION'),
  archFeatures: smccc('SMCCC_ARCH_FEATURES'),
  workaround1: smccc('SMCCC_ARCH_WORKAROUND_1'),
  workaround2: smccc('SMCCC_ARCH_WORKAROUND_2'),
  workaround3: smccc('SMCCC_ARCH_WORKAROUND_3'),
  trngVersion: smccc('TRNG_VERSION'),
  trngFeatures: smccc('TRNG_FEATURES'),
  trngUuid: smccc('TRNG_GET_UUID'),
  trngRnd32: smccc('TRNG_RND32'),
  trngRnd64: smccc('TRNG_RND64'),
  pvTimeFeatures: smccc('PV_TIME_FEATURES'),
  pvTimeSt: smccc('PV_TIME_ST'),
  vendorUid: smccc('VENDOR_HYP_CALL_UID'),
  vendorFeatures: smccc('KVM_FEATURES'),
  vendorPtp: smccc('KVM_PTP'),
} as const

export const PSCI_01 = { cpuSuspend: psci01('CPU_SUSPEND'), cpuOff: psci01('CPU_OFF'), cpuOn: psci01('CPU_ON'), migrate: psci01('MIGRATE') } as const

export const RETURN = {
  success: returned('SUCCESS'),
  notSupported: returned('NOT_SUPPORTED'),
  invalidParameters: returned('INVALID_PARAMETERS'),
  alreadyOn: returned('ALREADY_ON'),
  internalFailure: returned('INTERNAL_FAILURE'),
} as const
