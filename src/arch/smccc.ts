// table of SMCCC as KVM/arm64 speaks it: owners, functions of every owner but PSCI's own, service bitmaps, mitigation levels.
// Sources: Arm DEN0028 and DEN0098 (TRNG), DEN0057 (PV time); arch/arm64/include/uapi/asm/kvm.h; facts/kvm-arm64-rules.md §2, §3; recordings (fwwrite, fweffect, psci).
import { PSCI_01_FUNCTIONS, PSCI_FUNCTIONS } from './psci.ts'
import type { RegId } from './reg-id.ts'

export type SmcccOwner = 'arch' | 'cpu' | 'sip' | 'oem' | 'standard' | 'std-hyp' | 'vendor-hyp' | 'trusted-app' | 'trusted-os' | 'reserved'

/** Bits 29:24 of a fast call's function id, from and to inclusive. */
export const SMCCC_OWNERS: readonly { readonly owner: SmcccOwner; readonly from: number; readonly to: number; readonly title: string }[] = [
  { owner: 'arch', from: 0, to: 0, title: 'Arm architecture calls' },
  { owner: 'cpu', from: 1, to: 1, title: 'CPU services' },
  { owner: 'sip', from: 2, to: 2, title: 'silicon partner services' },
  { owner: 'oem', from: 3, to: 3, title: 'system maker services' },
  { owner: 'standard', from: 4, to: 4, title: 'standard secure services' },
  { owner: 'std-hyp', from: 5, to: 5, title: 'standard hypervisor services' },
  { owner: 'vendor-hyp', from: 6, to: 6, title: 'vendor hypervisor services' },
  { owner: 'reserved', from: 7, to: 47, title: 'reserved' },
  { owner: 'trusted-app', from: 48, to: 49, title: 'trusted applications' },
  { owner: 'trusted-os', from: 50, to: 63, title: 'trusted operating systems' },
]

/** Who owns a function id (bits 29:24). */
export const smcccOwner = (id: number): SmcccOwner => SMCCC_OWNERS.find(row => ((id >>> 24) & 0x3f) <= row.to)?.owner ?? 'reserved'
export const isFastCall = (id: number): boolean => id >>> 31 === 1
export const isSmc64 = (id: number): boolean => ((id >>> 30) & 1) === 1

const firmwareId = (index: bigint) => (0x6030_0000_0014_0000n | index) as RegId
const bitmapId = (index: bigint) => (0x6030_0000_0016_0000n | index) as RegId

export const PSCI_VERSION_ID = firmwareId(0n)
export const WORKAROUND_IDS: Readonly<Record<1 | 2 | 3, RegId>> = { 1: firmwareId(1n), 2: firmwareId(2n), 3: firmwareId(3n) }
export const STD_BMAP_ID = bitmapId(0n)
export const STD_HYP_BMAP_ID = bitmapId(1n)
export const VENDOR_HYP_BMAP_ID = bitmapId(2n)
export const VENDOR_HYP_BMAP_2_ID = bitmapId(3n)

/** Value of SMCCC_VERSION in every recorded kernel: 1.1. */
export const SMCCC_VERSION_VALUE = 0x10001
/** What CALL_UID of the vendor range returns in w0 to w3: 28b46fb6-2ec5-11e9-a9ca-4b564d003a74, the mark of KVM. */
export const KVM_VENDOR_UID = [0xb66f_b428, 0xe911_c52e, 0x564b_caa9, 0x743a_004d] as const
export const TRNG_VERSION_VALUE = 0x10000

export interface BitmapBit {
  readonly register: RegId
  readonly bit: number
  readonly name: string
  /** Set in a fresh VM of a kernel that knows the register. */
  readonly isDefault: boolean
  readonly service: string
}

/** Every bit that a recorded kernel accepts in a firmware bitmap. */
export const BITMAP_BITS: readonly BitmapBit[] = [
  { register: STD_BMAP_ID, bit: 0, name: 'TRNG_V1_0', isDefault: true, service: 'true random number generator' },
  { register: STD_HYP_BMAP_ID, bit: 0, name: 'PV_TIME', isDefault: true, service: 'stolen time' },
  { register: VENDOR_HYP_BMAP_ID, bit: 0, name: 'FUNC_FEAT', isDefault: true, service: 'vendor UID and feature discovery' },
  { register: VENDOR_HYP_BMAP_ID, bit: 1, name: 'PTP', isDefault: true, service: 'precise clock of the host' },
  { register: VENDOR_HYP_BMAP_2_ID, bit: 0, name: 'DISCOVER_IMPL_VER', isDefault: false, service: 'version of the discovery of implementation ids' },
  { register: VENDOR_HYP_BMAP_2_ID, bit: 1, name: 'DISCOVER_IMPL_CPUS', isDefault: false, service: 'list of implementation ids' },
]

/** Names of the set bits, `bit N` for one that has no name. */
export function bitmapNames(register: RegId, value: bigint): readonly string[] {
  const names: string[] = []
  for (let bit = 0, rest = value; rest !== 0n; bit++, rest >>= 1n)
    if (rest & 1n) names.push(BITMAP_BITS.find(row => row.register === register && row.bit === bit)?.name ?? `bit ${bit}`)
  return names
}

export interface SmcccFunction {
  readonly id: number
  readonly name: string
  readonly owner: SmcccOwner
  readonly arguments: readonly string[]
  readonly meaning: string
  /** The bitmap bit without which KVM answers NOT_SUPPORTED. */
  readonly gate?: { readonly register: RegId; readonly bit: number }
}

const call = (id: number, name: string, args: string, meaning: string, gate?: readonly [RegId, number]): SmcccFunction => ({
  id,
  name,
  owner: smcccOwner(id),
  arguments: args === '' ? [] : args.split(' '),
  meaning,
  ...(gate ? { gate: { register: gate[0], bit: gate[1] } } : {}),
})

/** All functions outside PSCI that KVM knows or a guest is known to ask for. */
export const SMCCC_FUNCTIONS: readonly SmcccFunction[] = [
  call(0x8000_0000, 'SMCCC_VERSION', '', 'version of the calling convention'),
  call(0x8000_0001, 'SMCCC_ARCH_FEATURES', 'function_id', 'whether an architecture call is implemented'),
  call(0x8000_0002, 'SMCCC_ARCH_SOC_ID', 'type', 'identity of the system on chip'),
  call(0x8000_3fff, 'SMCCC_ARCH_WORKAROUND_3', '', 'act against branch history injection'),
  call(0x8000_7fff, 'SMCCC_ARCH_WORKAROUND_2', 'enable', 'switch the protection against speculative store bypass'),
  call(0x8000_8000, 'SMCCC_ARCH_WORKAROUND_1', '', 'act against branch target injection'),
  call(0x8400_0050, 'TRNG_VERSION', '', 'version of the random number interface', [STD_BMAP_ID, 0]),
  call(0x8400_0051, 'TRNG_FEATURES', 'function_id', 'whether a random number function is implemented', [STD_BMAP_ID, 0]),
  call(0x8400_0052, 'TRNG_GET_UUID', '', 'identity of the random number generator', [STD_BMAP_ID, 0]),
  call(0x8400_0053, 'TRNG_RND32', 'bits', 'random bits, at most 96', [STD_BMAP_ID, 0]),
  call(0xc400_0053, 'TRNG_RND64', 'bits', 'random bits, at most 192', [STD_BMAP_ID, 0]),
  call(0xc500_0020, 'PV_TIME_FEATURES', 'function_id', 'whether stolen time is offered', [STD_HYP_BMAP_ID, 0]),
  call(0xc500_0021, 'PV_TIME_ST', '', 'address of the stolen time record', [STD_HYP_BMAP_ID, 0]),
  call(0x8600_0000, 'KVM_FEATURES', '', 'which vendor services are offered, as bitmaps', [VENDOR_HYP_BMAP_ID, 0]),
  call(0x8600_0001, 'KVM_PTP', 'counter', 'wall clock of the host together with the counter', [VENDOR_HYP_BMAP_ID, 1]),
  call(0x8600_ff01, 'VENDOR_HYP_CALL_UID', '', 'whose vendor services these are', [VENDOR_HYP_BMAP_ID, 0]),
  call(0xc600_0002, 'PKVM_HYP_MEMINFO', '', 'granule of memory sharing, protected guests only'),
  call(0xc600_0003, 'PKVM_MEM_SHARE', 'ipa', 'share a page with the host, protected guests only'),
  call(0xc600_0004, 'PKVM_MEM_UNSHARE', 'ipa', 'take a shared page back, protected guests only'),
  call(0xc600_0007, 'PKVM_MMIO_GUARD', 'ipa', 'let the host emulate a page, protected guests only'),
  call(0xc600_0040, 'DISCOVER_IMPL_VER', '', 'version of the implementation id list; answered by the VMM, not by KVM', [VENDOR_HYP_BMAP_2_ID, 0]),
  call(0xc600_0041, 'DISCOVER_IMPL_CPUS', 'index', 'one implementation id; answered by the VMM, not by KVM', [VENDOR_HYP_BMAP_2_ID, 1]),
]

/** Functions that a bitmap bit switches. */
export const functionsGatedBy = (register: RegId, bit: number): readonly SmcccFunction[] =>
  SMCCC_FUNCTIONS.filter(row => row.gate?.register === register && row.gate.bit === bit)

/** SMCCC's own return codes, beside PSCI's. */
export const SMCCC_RETURNS = [
  { name: 'SUCCESS', value: 0, meaning: 'done' },
  { name: 'NOT_SUPPORTED', value: -1, meaning: 'no such function here' },
  { name: 'NOT_REQUIRED', value: -2, meaning: 'the CPU does not need this workaround' },
  { name: 'INVALID_PARAMETER', value: -3, meaning: 'an argument is out of range' },
] as const

export const TRNG_RETURNS = [
  { name: 'SUCCESS', value: 0, meaning: 'done' },
  { name: 'NOT_SUPPORTED', value: -1, meaning: 'no random number service here' },
  { name: 'INVALID_PARAMETERS', value: -2, meaning: 'no bits asked for, or more than the registers hold' },
  { name: 'NO_ENTROPY', value: -3, meaning: 'try again later' },
] as const

/** The name of any function id: PSCI (with its width where both exist), other known calls, else the number and its owner. Total. */
export function functionName(id: number): string {
  const fn = id >>> 0
  const psci = PSCI_FUNCTIONS.find(row => row.smc32 === fn || row.smc64 === fn)
  if (psci) return psci.smc64 === undefined ? psci.name : `${psci.name} (${isSmc64(fn) ? 'SMC64' : 'SMC32'})`
  const known = SMCCC_FUNCTIONS.find(row => row.id === fn)
  if (known) return known.name
  const old = PSCI_01_FUNCTIONS.find(row => row.id === fn)
  if (old) return `${old.name} (PSCI 0.1)`
  const number = `0x${fn.toString(16).padStart(8, '0')}`
  return isFastCall(fn) ? `${number} (${SMCCC_OWNERS.find(row => row.owner === smcccOwner(fn))?.title ?? 'unknown'})` : number
}

export interface WorkaroundLevel {
  readonly value: number
  readonly name: string
  /** Higher protects better: KVM refuses a value whose rank is above the host's. */
  readonly rank: number
  /** What SMCCC_ARCH_FEATURES tells a guest on a host of this level. */
  readonly guestSees: number
  readonly meaning: string
}

const BRANCH_LEVELS: readonly WorkaroundLevel[] = [
  { value: 0, name: 'NOT_AVAIL', rank: 0, guestSees: -1, meaning: 'the host offers no protection' },
  { value: 1, name: 'AVAIL', rank: 1, guestSees: 0, meaning: 'the guest may call for protection' },
  { value: 2, name: 'NOT_REQUIRED', rank: 2, guestSees: 1, meaning: 'the CPU needs no protection' },
]

/** Levels of KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_n. Kernels from 5.10 show only 0 and 3 for number 2, and rank 1 like 0 and 2 like 3. */
export const WORKAROUND_LEVELS: Readonly<Record<1 | 2 | 3, readonly WorkaroundLevel[]>> = {
  1: BRANCH_LEVELS,
  2: [
    { value: 0, name: 'NOT_AVAIL', rank: 0, guestSees: -1, meaning: 'the host offers no protection by firmware' },
    { value: 1, name: 'UNKNOWN', rank: 0, guestSees: -1, meaning: 'the host does not say' },
    { value: 2, name: 'AVAIL', rank: 1, guestSees: 0, meaning: 'the guest may switch protection on and off' },
    { value: 3, name: 'NOT_REQUIRED', rank: 1, guestSees: -2, meaning: 'the CPU needs no protection, or always has it' },
  ],
  3: BRANCH_LEVELS,
}
/** Set together with AVAIL of workaround 2: the guest had it switched on. */
export const WORKAROUND_2_ENABLED = 1n << 4n

/** The row of a workaround register's value; undefined for a value that no kernel gives. */
export function workaroundLevel(workaround: 1 | 2 | 3, value: bigint): WorkaroundLevel | undefined {
  const bare = workaround === 2 && (value & 0xfn) === 2n ? value & ~WORKAROUND_2_ENABLED : value
  return WORKAROUND_LEVELS[workaround].find(row => BigInt(row.value) === bare)
}

/** `NOT_REQUIRED`, `AVAIL, enabled`, or the number. */
export function showWorkaround(workaround: 1 | 2 | 3, value: bigint): string {
  const level = workaroundLevel(workaround, value)
  if (!level) return `0x${value.toString(16)}`
  return value === BigInt(level.value) ? level.name : `${level.name}, enabled`
}
