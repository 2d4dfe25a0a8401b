// table
// Owns the calls that a probe's guest makes in the PSCI matrix, in order (probe.c: calls). Those that end something are in events.ts.
import { GUEST } from './guest-words.ts'
import { IPA } from './probe-vm.ts'

/** A tag, X0 … X3, and the piece of the guest that makes it when it is not the HVC #0 loop. */
export type GuestCall = readonly [tag: string, x: readonly bigint[], offset?: number]

const range = (from: bigint, to: bigint): readonly bigint[] => Array.from({ length: Number(to - from) + 1 }, (_, n) => from + BigInt(n))
const FEATURES = 0x8400_000an
const ARCH_FEATURES = 0x8000_0001n
const SECONDARY = IPA + BigInt(GUEST.secondary)

const ASKED_OF_PSCI = [
  ...range(0x8400_0000n, 0x8400_0020n),
  ...range(0xc400_0000n, 0xc400_0020n),
  ...[0x8000_0000n, 0x8000_0001n, 0x8000_0002n, 0x8000_0003n, 0x8000_8000n, 0x8000_7fffn, 0x8000_3fffn, 0x8400_0050n, 0xc400_0053n],
  ...[0x8600_0000n, 0x8600_ff01n, 0xc500_0020n, 0xc500_0021n, 0n, 0xffff_ffffn, 0x1_8400_0000n],
]
const ASKED_OF_ARCH = [
  ...[0x8000_0000n, 0x8000_0001n, 0x8000_0002n, 0x8000_0003n, 0x8000_0004n, 0x8000_8000n, 0x8000_7fffn, 0x8000_3fffn, 0xc500_0020n],
  ...[0xc500_0021n, 0x8400_0050n, 0x8400_0000n, 0x8600_ff01n, 0x8600_0000n, 0n, 0xffff_ffffn],
]
export const UNKNOWN = 'UNKNOWN_OR_OPT'
const UNKNOWN_CALLS = [
  ...[0x8400_000bn, 0x8400_000cn, 0xc400_000cn, 0x8400_000dn, 0xc400_000dn, 0x8400_000fn, 0x8400_0010n, 0xc400_0010n, 0x8400_0011n, 0xc400_0011n],
  ...[0x8400_0013n, 0x8400_0014n, 0xc400_0014n, 0x8400_0016n, 0x8400_0017n, 0x8400_0018n, 0x8400_001fn, 0x8400_0020n, 0xc400_0016n, 0xc400_001fn],
  ...[0xc400_0000n, 0xc400_0002n, 0xc400_0008n, 0xc400_0009n, 0xc400_000an, 0xc400_0006n, 0x8400_ffffn, 0n, 1n, 0x1234_5678n, 0xdead_beefn],
  ...[0xffff_ffffn, 0xffff_ffff_ffff_ffffn, 0x0400_0000n, 0x4400_0000n, 0x95c1_ba5en, 0x95c1_ba5fn, 0x95c1_ba60n, 0x95c1_ba61n, 0x95c1_ba62n],
]

/** `mpidr1` is vCPU 1's MPIDR_EL1 as it is, `a0` and `a1` the affinity fields of both. */
export function matrixCalls({ mpidr1, a0, a1 }: { readonly mpidr1: bigint; readonly a0: bigint; readonly a1: bigint }): readonly GuestCall[] {
  return [
    ['PSCI_VERSION', [0x8400_0000n]],
    ['SMCCC_VERSION', [0x8000_0000n]],
    ...ASKED_OF_PSCI.map((id): GuestCall => ['FEAT', [FEATURES, id]]),
    ...ASKED_OF_ARCH.map((id): GuestCall => ['ARCHFEAT', [ARCH_FEATURES, id]]),
    ['SOC_ID', [0x8000_0002n]],
    ['SOC_ID', [0x8000_0002n, 1n]],
    ['WA1', [0x8000_8000n]],
    ['WA2', [0x8000_7fffn, 1n]],
    ['WA3', [0x8000_3fffn]],
    ['VENDOR_UID', [0x8600_ff01n]],
    ['VENDOR_COUNT', [0x8600_ff00n]],
    ['VENDOR_REV', [0x8600_ff03n]],
    ['VENDOR_FEATURES', [0x8600_0000n]],
    ['PTP_virt', [0x8600_0001n]],
    ['PTP_phys', [0x8600_0001n, 1n]],
    ['PTP_bad', [0x8600_0001n, 2n]],
    ['DISCOVER_VER', [0x8600_0040n]],
    ['DISCOVER_CPUS', [0x8600_0041n]],
    ...range(0x8600_0002n, 0x8600_000fn).map((id): GuestCall => ['VENDOR_FN', [id]]),
    ['VENDOR64_FN', [0xc600_0000n]],
    ['STD_UID', [0x8400_ff01n]],
    ['STDHYP_UID', [0x8500_ff01n]],
    ['ARCH_UID', [0x8000_ff01n]],
    ['TRNG_VERSION', [0x8400_0050n]],
    ['TRNG_FEATURES', [0x8400_0051n, 0x8400_0053n]],
    ['TRNG_FEATURES', [0x8400_0051n, 0xc400_0053n]],
    ['TRNG_FEATURES_bad', [0x8400_0051n, 0x8400_0000n]],
    ['TRNG_UUID', [0x8400_0052n]],
    ['TRNG_RND32_0', [0x8400_0053n]],
    ['TRNG_RND32_97', [0x8400_0053n, 97n]],
    ['TRNG_RND64_193', [0xc400_0053n, 193n]],
    ['PV_FEATURES(PV)', [0xc500_0020n, 0xc500_0020n]],
    ['PV_FEATURES(ST)', [0xc500_0020n, 0xc500_0021n]],
    ['PV_ST', [0xc500_0021n]],
    ['MIGRATE32', [0x8400_0005n]],
    ['MIGRATE64', [0xc400_0005n]],
    ['MIGRATE_INFO_TYPE', [0x8400_0006n]],
    ['MIGRATE_INFO_UP_CPU32', [0x8400_0007n]],
    ['MIGRATE_INFO_UP_CPU64', [0xc400_0007n]],
    ...UNKNOWN_CALLS.map((id): GuestCall => [UNKNOWN, [id]]),
    ...[0x8400_0004n, 0xc400_0004n].flatMap((id): readonly GuestCall[] => [
      ['AFF self l0', [id, a0]],
      ['AFF v1 l0 (off)', [id, a1]],
      ['AFF v1 raw mpidr', [id, mpidr1]],
      ...range(1n, 5n).map((level): GuestCall => ['AFF self lN', [id, a0, level]]),
      ['AFF bad l0', [id, 0x55n]],
      ['AFF bad l1', [id, 0x5500n, 1n]],
      ['AFF v1 hi-bits', [id, 0xdead_0000_0000_0000n | a1]],
      ['AFF v1 hi-bits32', [id, 0x12_0000_0000n | a1]],
      ['AFF level hi-bits', [id, a1, 0x1_0000_0000n]],
      ['AFF l -1', [id, a0, -1n]],
    ]),
    ['VERSION x0 hi', [0x1_8400_0000n]],
    ['VERSION x0 hi2', [0xffff_ffff_8400_0000n]],
    ['FEAT x1 hi', [FEATURES, 0xdead_0000_8400_0003n]],
    ['CPU_ON bad mpidr 32', [0x8400_0003n, 0x55n, SECONDARY, 0x1111n]],
    ['CPU_ON bad mpidr 64', [0xc400_0003n, 0x55n, SECONDARY, 0x1111n]],
    ['CPU_ON self', [0xc400_0003n, a0, SECONDARY, 0x1111n]],
    ['CPU_ON self32', [0x8400_0003n, a0, SECONDARY, 0x1111n]],
    ['SMC0 PSCI_VERSION', [0x8400_0000n], GUEST.smc0],
    ['SMC0 SMCCC_VERSION', [0x8000_0000n], GUEST.smc0],
    ['SMC0 unknown', [0x8400_0017n], GUEST.smc0],
    ['HVC1 PSCI_VERSION', [0x8400_0000n], GUEST.hvc1],
    ['SMC1 PSCI_VERSION', [0x8400_0000n], GUEST.smc1],
    ['HVC0 PSCI_VERSION again', [0x8400_0000n]],
  ]
}
