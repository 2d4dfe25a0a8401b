// Owns the comparison of calls that start, stop or suspend something: CPU_ON sequences and terminal events, each followed by what the probe tried next.

import { GUEST } from '../../../src/ops/probe/guest-words.ts'
import { hex, IPA, probeSet, xReg } from '../abi-vm.ts'
import type { Plain, RecordingFamily } from '../family.ts'
import { guestPart } from '../guest-recording.ts'
import { describeExit, type GuestVm, newPsci, type PlainRow, PSCI_VERSION, returned, TPIDR_EL1, VBAR } from '../guest-vm.ts'

const PSCI_02 = 1 << 2
const CPU_ON_64 = 0xc400_0003n
const CPU_ON_01 = 0x95c1_ba60n
const AFFINITY_INFO = 0xc400_0004n
const CPU_OFF = 0x8400_0002n
const CPU_OFF_01 = 0x95c1_ba5fn
const SECONDARY = IPA + BigInt(GUEST.secondary)

interface CpuOn {
  readonly functionId: bigint
  readonly entry: bigint
  readonly context: bigint
  /** Bits above the affinity in the target argument. */
  readonly high?: bigint
  /** The probe goes on with CPU_OFF and a second CPU_ON. */
  readonly again?: true
}
/** cpuon()'s cases by the tag that the recordings carry. */
const CPU_ON: Readonly<Record<string, CpuOn>> = {
  CPU_ON64: { functionId: CPU_ON_64, entry: SECONDARY, context: 0x1122_3344_5566_7788n, again: true },
  CPU_ON32: { functionId: 0x8400_0003n, entry: SECONDARY, context: 0x1122_3344_5566_7788n, again: true },
  'CPU_ON32 hi bits in mpidr and entry': {
    functionId: 0x8400_0003n,
    entry: 0xdead_0000_0000_0000n | SECONDARY,
    context: 0xfedc_ba98_7654_3210n,
    high: 0xdead_0000_0000_0000n,
    again: true,
  },
  'CPU_ON64 unaligned entry': { functionId: CPU_ON_64, entry: SECONDARY + 2n, context: 7n },
  'CPU_ON64 odd entry': { functionId: CPU_ON_64, entry: SECONDARY + 1n, context: 7n },
  'CPU_ON64 entry outside memory': { functionId: CPU_ON_64, entry: 0x100_0000_0000n, context: 7n },
  'CPU_ON64 entry all ones': { functionId: CPU_ON_64, entry: 0xffff_ffff_ffff_ffffn, context: 7n },
  CPU_ON01: { functionId: CPU_ON_01, entry: SECONDARY, context: 0x77n },
}

export const cpuOn: RecordingFamily = {
  name: 'cpu_on',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { set, ver, t, ...expected } of guestPart(recording).cpu_on ?? []) {
      const key = `${set} ${ver} ${t}`
      const { features } = probeSet(set)
      const vm = newPsci(build, probeSet(set), BigInt(ver), false)
      const known = CPU_ON[t]
      if (!known) throw new Error(`the recording has a CPU_ON case that the probe's source does not: ${t}`)
      const actual = typeof vm === 'number' ? { skip: vm } : cpuOnSequence(vm, known, (features & PSCI_02) !== 0)
      yield { key, expected: expected as Plain, actual }
    }
  },
}

function cpuOnSequence(vm: GuestVm, { functionId, entry, context, high = 0n, again }: CpuOn, psci02: boolean): PlainRow {
  const target = vm.affinity(1) | high
  const heard = (x: readonly bigint[]): string => {
    vm.call(0, GUEST.hvc0, x)
    return hex(vm.get(0, xReg(0)))
  }
  vm.set(1, xReg(5), 0x5555n)
  vm.set(1, TPIDR_EL1, 0x7777n)
  vm.set(1, VBAR, 0x4000_0800n)
  const out: PlainRow = {}
  const exit = vm.call(0, GUEST.hvc0, [functionId, target, entry, context])
  out.call = { ...describeExit(exit), r: hex(vm.get(0, xReg(0))) }
  out.mp = vm.mp()
  out.aff_or_again_after_on = heard([psci02 ? AFFINITY_INFO : functionId, target])
  out.cpu_on_again = heard([functionId, target, entry, context])
  out.v1_before_run = { x5: hex(vm.get(1, xReg(5))), tpidr_el1: hex(vm.get(1, TPIDR_EL1)), vbar: hex(vm.get(1, VBAR)), ...vm.registers(1) }
  const first = vm.run(1)
  out.v1_run = { ...describeExit(first), ...vm.registers(1), psci: hex(vm.get(1, PSCI_VERSION)) }
  if (!again || first.kind === 'budget' || first.kind === 'blocked') return out
  vm.set(1, xReg(0), psci02 ? CPU_OFF : CPU_OFF_01)
  out.v1_cpu_off = { ...describeExit(vm.run(1)), ...vm.registers(1) }
  out.mp_after_off = vm.mp()
  if (psci02) out.aff_after_off = heard([AFFINITY_INFO, target])
  out.cpu_on_after_off = heard([functionId, target, entry, 0x99n])
  out.v1_run2 = { ...describeExit(vm.run(1)), ...vm.registers(1) }
  return out
}

export const event: RecordingFamily = {
  name: 'event',
  kind: 'recording',
  *run({ recording, build }) {
    for (const { set, ver, t, cap_suspend, v1_on, in: asked, ...expected } of guestPart(recording).event ?? []) {
      const key = `${set} ${ver} ${t} cap ${cap_suspend} v1 ${v1_on} ${asked.join(' ')}`
      const vm = newPsci(build, probeSet(set), BigInt(ver), cap_suspend !== 0)
      yield { key, expected: expected as Plain, actual: typeof vm === 'number' ? { skip: vm } : terminal(vm, v1_on !== 0, asked.map(BigInt)) }
    }
  },
}

/** terminal() */
function terminal(vm: GuestVm, secondOn: boolean, x: readonly bigint[]): PlainRow {
  if (secondOn) {
    vm.call(0, GUEST.hvc0, [CPU_ON_64, vm.affinity(1), SECONDARY, 1n])
    vm.run(1)
  }
  const exit = vm.call(0, GUEST.hvc0, x)
  const out: PlainRow = { out: { ...describeExit(exit), ...vm.registers(0) }, mp: vm.mp() }
  if (returned(exit)) return { ...out, returned: hex(vm.get(0, xReg(0))) }
  out.rerun = { ...describeExit(vm.run(0)), ...vm.registers(0) }
  out.mp_rerun = vm.mp()
  const errno = vm.makeRunnable(0)
  out.rerun_runnable = { set_mp: errno, ...describeExit(vm.run(0)), ...vm.registers(0) }
  return out
}
