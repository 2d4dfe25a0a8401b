// Owns the sections `psci`, `cpu_on`, `event` and `psci_feat_suspend_cap`: every PSCI version in turn, what its calls answer, and what those that
// start, stop or suspend something do (probe.c: sec_psci, cpuon, terminal).
import { KVM_EXIT } from '../../arch/exits.ts'
import { CPU_ON_CASES, type CpuOnCase, type EventCase, eventCases } from './event-cases.ts'
import { FEATURE_BIT, type FeatureSet, featureSet } from './feature-sets.ts'
import { matrixCalls, UNKNOWN } from './guest-calls.ts'
import { GUEST } from './guest-words.ts'
import { describeExit, IPA, type PlainRow, type ProbeContext, type ProbeVm, RUNNABLE, returned, withPsci } from './probe-vm.ts'
import { fw, hex, MPIDR, TPIDR_EL1, VBAR, xReg } from './registers.ts'
import { record, type Section, type Steps } from './section.ts'

const VERSIONS = [2n, 0x10000n, 0x10001n, 0x10002n, 0x10003n, 0x10004n]
const CPU_ON_64 = 0xc400_0003n
const AFFINITY_INFO = 0xc400_0004n
const CPU_OFF = 0x8400_0002n
const CPU_OFF_01 = 0x95c1_ba5fn
const SECONDARY = IPA + BigInt(GUEST.secondary)
const FEATURES = 0x8400_000an
const hasPsci02 = ({ features }: FeatureSet): boolean => (features & FEATURE_BIT.psci02) !== 0

export const psciMatrix: Section = {
  label: 'PSCI and SMCCC as the guest meets them',
  in: ['full'],
  *run(context) {
    for (const version of VERSIONS) yield* oneVersion(context, featureSet('psci02'), version)
    yield* oneVersion(context, featureSet('psci01'), 0n)
    yield record('psci', { set: 'vgic3', ver: '0x0', ...withPsci(context, featureSet('vgic3'), 0n, false, calls) })
  },
}

function* oneVersion(context: ProbeContext, set: FeatureSet, version: bigint): Steps {
  const head = { set: set.name, ver: hex(version) }
  const matrix = withPsci(context, set, version, false, calls)
  yield record('psci', { ...head, ...matrix })
  if (matrix.skip !== undefined) return
  for (const each of CPU_ON_CASES) {
    if (each.psci !== 'any' && (each.psci === '0.1') === hasPsci02(set)) continue
    yield record('cpu_on', { ...head, t: each.tag, ...withPsci(context, set, version, false, vm => cpuOn(vm, each, hasPsci02(set))) })
  }
  for (const each of eventCases(hasPsci02(set))) {
    const { tag, suspend = false, secondOn = false, x } = each
    const asked = { t: tag, cap_suspend: suspend ? 1 : 0, v1_on: secondOn ? 1 : 0, in: [0, 1, 2, 3].map(n => hex(x[n] ?? 0n)) }
    yield record('event', { ...head, ...asked, ...withPsci(context, set, version, suspend, vm => event(vm, each)) })
  }
  const announced = withPsci(context, set, version, true, vm => ({
    calls: [vm.row('FEAT', [FEATURES, 0x8400_000en]), vm.row('FEAT', [FEATURES, 0xc400_000en])],
  }))
  yield record('psci_feat_suspend_cap', { ...head, ...announced })
}

function calls(vm: ProbeVm): PlainRow {
  const read = vm.text(0, fw(0))
  const all = matrixCalls({ mpidr1: vm.get(1, MPIDR), a0: vm.affinity(0), a1: vm.affinity(1) })
  const rows = all.map(([tag, x, offset = GUEST.hvc0]) => {
    const { row, exit } = vm.rowAndExit(tag, x, offset)
    // An unknown call may be one that stops the vCPU.
    if (tag === UNKNOWN && (exit.reason !== KVM_EXIT.MMIO || vm.vcpu(0).getMpState() !== RUNNABLE)) vm.makeRunnable(0)
    return row
  })
  return { ver_read: read, calls: rows }
}

/** cpuon(): CPU_ON, what asking says, the second vCPU's first run, CPU_OFF and CPU_ON again. */
function cpuOn(vm: ProbeVm, { functionId, entry, context, high, again }: CpuOnCase, psci02: boolean): PlainRow {
  const target = vm.affinity(1) | high
  vm.set(1, xReg(5), 0x5555n)
  vm.set(1, TPIDR_EL1, 0x7777n)
  vm.set(1, VBAR, IPA + BigInt(GUEST.vectors))
  const out: PlainRow = {}
  const on = [functionId, target, entry, context]
  out.call = { ...describeExit(vm.call(0, GUEST.hvc0, on)), r: vm.text(0, xReg(0)) }
  out.mp = vm.mp()
  out.aff_or_again_after_on = vm.heard([psci02 ? AFFINITY_INFO : functionId, target])
  out.cpu_on_again = vm.heard(on)
  out.v1_before_run = { x5: vm.text(1, xReg(5)), tpidr_el1: vm.text(1, TPIDR_EL1), vbar: vm.text(1, VBAR), ...vm.state(1) }
  const first = vm.runBlocking(1)
  out.v1_run = { ...describeExit(first), ...vm.state(1), psci: vm.text(1, fw(0)) }
  if (!again || first.errno !== 0) return out
  vm.set(1, xReg(0), psci02 ? CPU_OFF : CPU_OFF_01)
  out.v1_cpu_off = { ...describeExit(vm.runBlocking(1)), ...vm.state(1) }
  out.mp_after_off = vm.mp()
  if (psci02) out.aff_after_off = vm.heard([AFFINITY_INFO, target])
  out.cpu_on_after_off = vm.heard([functionId, target, entry, 0x99n])
  out.v1_run2 = { ...describeExit(vm.runBlocking(1)), ...vm.state(1) }
  return out
}

/** terminal(): the call, and when it did not come back, KVM_RUN again as it is and after the VMM made the vCPU runnable. */
function event(vm: ProbeVm, { secondOn = false, x }: EventCase): PlainRow {
  if (secondOn) {
    vm.call(0, GUEST.hvc0, [CPU_ON_64, vm.affinity(1), SECONDARY, 1n])
    vm.run(1)
  }
  vm.prepare(0, GUEST.hvc0, x)
  const exit = vm.runBlocking(0)
  const out: PlainRow = { out: { ...describeExit(exit), ...vm.state(0) }, mp: vm.mp() }
  if (returned(exit)) return { ...out, returned: vm.text(0, xReg(0)) }
  out.rerun = { ...describeExit(vm.runBlocking(0)), ...vm.state(0) }
  out.mp_rerun = vm.mp()
  const errno = vm.makeRunnable(0)
  out.rerun_runnable = { set_mp: errno, ...describeExit(vm.runBlocking(0)), ...vm.state(0) }
  return out
}
