// Owns the comparison of single guest calls: the PSCI matrix, firmware registers' effects, PSCI_VERSION after the first run, the SMCCC filter,
// and the guest's questions after a replay.
import { KVM_CAP } from '../../../src/emulator/kvm/abi.ts'
import type { GuestFamily, GuestRow, RecordedCall } from '../guest-recording.ts'
import { featureSet } from '../guest-recording.ts'
import { GUEST } from '../guest-words.ts'
import { describeExit, hex, ProbeVm, PSCI_VERSION, PSTATE, returned, X } from '../probe-vm.ts'

const PTP = 0x8600_0001n
const NOT_SUPPORTED = '0xffffffffffffffff'
const EL1H_MASKED = 0x3c5n

/** Makes the recorded calls one after the other on vCPU 0. */
export function* compareCalls(vm: ProbeVm, where: string, calls: readonly RecordedCall[]): Generator<GuestRow> {
  for (const [n, call] of calls.entries()) {
    const actual = vm.row(0, Number(call.pc ?? 0), call.in.map(BigInt), call.t)
    // The probe starts the vCPU again when one of its unknown calls turned out to stop it.
    if (call.end !== undefined && vm.mp()[0] !== 0) vm.makeRunnable(0)
    yield { where: `${where}[${n}] ${call.t ?? ''} ${call.in.join(' ')}`, ...clockAside(call, actual) }
  }
}

/** PTP answers are the host's clock: only whether there is an answer is compared. */
function clockAside(call: RecordedCall, actual: Record<string, unknown>): { readonly expected: unknown; readonly actual: unknown } {
  if (BigInt.asUintN(32, BigInt(call.in[0])) !== PTP || call.r === NOT_SUPPORTED || actual.r === NOT_SUPPORTED) return { expected: call, actual }
  const answered = (row: object): unknown => ({ ...row, r: 'a time', out123: 'and a count' })
  return { expected: answered(call), actual: answered(actual) }
}

export const psci: GuestFamily = function* (recording, build) {
  for (const { set, ver, skip, ver_read, calls = [] } of recording.psci ?? []) {
    const where = `psci ${set} ${ver}`
    const vm = newPsci(build, featureSet(recording, set), BigInt(ver), false)
    if (skip !== undefined || typeof vm === 'number') {
      yield { where, expected: skip, actual: typeof vm === 'number' ? vm : undefined }
      continue
    }
    yield { where: `${where} ver_read`, expected: ver_read, actual: hex(vm.get(0, PSCI_VERSION)) }
    yield* compareCalls(vm, where, calls)
  }
}

export const psciFeatSuspendCap: GuestFamily = function* (recording, build) {
  for (const { set, ver, skip, calls = [] } of recording.psci_feat_suspend_cap ?? []) {
    const vm = newPsci(build, featureSet(recording, set), BigInt(ver), true)
    if (skip !== undefined || typeof vm === 'number')
      yield { where: `psci_feat_suspend_cap ${set} ${ver}`, expected: skip, actual: typeof vm === 'number' ? vm : undefined }
    else yield* compareCalls(vm, `psci_feat_suspend_cap ${set} ${ver}`, calls)
  }
}

export const fweffect: GuestFamily = function* (recording, build) {
  for (const [n, { reg, val, set_errno, readback, calls }] of (recording.fweffect ?? []).entries()) {
    const vm = new ProbeVm(build, featureSet(recording, 'psci02'))
    const where = `fweffect[${n}] ${reg}=${val}`
    const errno = vm.set(0, BigInt(reg), BigInt(val))
    yield {
      where,
      expected: { set_errno, ...(readback === undefined ? {} : { readback }) },
      actual: { set_errno: errno, ...(readback === undefined ? {} : { readback: hex(vm.get(0, BigInt(reg))) }) },
    }
    vm.setup(0)
    yield* compareCalls(vm, where, calls)
  }
}

export const postver: GuestFamily = function* (recording, build) {
  for (const { rows } of recording.postver ?? []) {
    const vm = new ProbeVm(build, featureSet(recording, 'psci02'))
    vm.setup(0)
    for (const [n, [version, via]] of rows.entries()) {
      const errno = n === 0 ? -1 : vm.set(via, PSCI_VERSION, BigInt(version))
      const heard = ([[0x8400_0000n], [0x8400_000an, 0x8400_0015n]] as const).map(x => (returned(vm.call(0, GUEST.hvc0, x)) ? hex(vm.get(0, X(0))) : '0xdead'))
      yield { where: `postver[${n}]`, expected: rows[n], actual: [version, via, errno, ...heard] }
    }
  }
}

export const smcccFilter: GuestFamily = function* (recording, build) {
  for (const entry of recording.smccc_filter ?? []) {
    const vm = new ProbeVm(build, featureSet(recording, 'psci02'))
    const kvm = vm.machine.vm
    const { calls, ...expected } = entry
    const actual: Record<string, unknown> = {
      has_errno: kvm.hasSmcccFilter(),
      set_errno: kvm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: 'forward' }),
    }
    const deny = { base: 0x8400_0008, count: 1, action: 'deny' } as const
    if (actual.set_errno === 0) {
      actual.deny_errno = kvm.setSmcccFilter(deny)
      actual.arch_range_errno = kvm.setSmcccFilter({ base: 0x8000_0000, count: 1, action: 'forward' })
      vm.setup(0)
      yield* compareCalls(vm, 'smccc_filter', calls ?? [])
      actual.postrun_set_errno = kvm.setSmcccFilter(deny)
    }
    yield { where: 'smccc_filter', expected, actual }
  }
}

export const fwrun: GuestFamily = function* (recording, build) {
  for (const { set, ...expected } of recording.fwrun ?? []) {
    const vm = new ProbeVm(build, featureSet(recording, set))
    vm.setup(0)
    yield { where: `fwrun ${set}`, expected, actual: describeExit(vm.call(0, GUEST.store, [])) }
  }
}

/** psci_sanity(): what the guest hears on a VM that a register list was just written to. */
export function* guestAfterReplay(vm: ProbeVm, where: string, calls: readonly RecordedCall[]): Generator<GuestRow> {
  vm.setup(0)
  vm.set(0, PSTATE, EL1H_MASKED)
  yield* compareCalls(vm, `${where} guest`, calls)
}

/** newpsci(): the errno-like number of the step that failed instead of a VM. */
export function newPsci(build: ProbeVm['machine']['vm']['build'], set: ReturnType<typeof featureSet>, version: bigint, suspend: boolean): ProbeVm | -2 | -3 {
  const vm = new ProbeVm(build, set)
  if (version !== 0n && vm.set(0, PSCI_VERSION, version) !== 0) return -2
  if (suspend && vm.machine.vm.enableCapability(KVM_CAP.systemSuspend) !== 0) return -3
  vm.setup(0)
  return vm
}
