// Owns the recorded probe's moves on a machine that runs: make a VM of a feature set, point a vCPU at a piece of the guest, make a call, and
// describe what came of it in the recording's own form. Follows recordings/src/probe.c; knows no rule of KVM.
import type { Build } from '../../src/builds/build.ts'
import { KVM_CAP, MP_STATE } from '../../src/emulator/kvm/abi.ts'
import type { Vcpu } from '../../src/emulator/kvm/vcpu.ts'
import type { VcpuExit } from '../../src/emulator/machine/exits.ts'
import { createMachine, type Machine } from '../../src/emulator/machine/machine.ts'
import { GUEST, GUEST_WORDS } from '../../src/ops/probe/guest-words.ts'
import { fw, getReg64, hex, IPA, MMIO, MPIDR, PC, type ProbeSet, PSTATE, setReg64, sysreg, xReg } from './abi-vm.ts'
import type { Plain, RecordedCall } from './family.ts'

export type PlainRow = { [key: string]: Plain }

const MEMORY = 0x1_0000
const EINTR = 4
/** Stands for the probe's timers: nothing that returns at all needs more instructions. */
const BUDGET = 5_000
const POWER_OFF = 1
const SVE = 1 << 4
const FINALIZE_SVE = 4
/** What the probe filled kvm_run.system_event with before every run. */
const UNWRITTEN = '0xa5a5a5a5a5a5a5a5'
const NOT_SUPPORTED = '0xffffffffffffffff'
const PTP = 0x8600_0001n

export const PSCI_VERSION = fw(0)
export const TPIDR_EL1 = sysreg(3, 0, 13, 0, 4)
export const VBAR = sysreg(3, 0, 12, 0, 0)
const SCTLR = sysreg(3, 0, 1, 0, 0)

export class GuestVm {
  readonly machine: Machine

  /** vm_new(): two vCPUs, the second one powered off. Throws when a step of it fails. */
  constructor(build: Build, { features, vgic }: ProbeSet) {
    this.machine = createMachine(build, { ram: [{ start: IPA, size: MEMORY }] })
    for (const [offset, words] of GUEST_WORDS) this.machine.memory.write(IPA + BigInt(offset), new Uint8Array(Uint32Array.from(words).buffer))
    const vcpus = [0, 1].map(index => this.machine.vm.createVcpu(index))
    for (const [index, vcpu] of vcpus.entries()) must('VCPU_INIT', vcpu.init(features | (index === 0 ? 0 : POWER_OFF)))
    if (features & SVE) for (const vcpu of vcpus) must('FINALIZE', vcpu.finalize(FINALIZE_SVE))
    if (vgic) must('VGIC', this.machine.vm.createGic('v3'))
  }

  vcpu(index: number): Vcpu {
    return this.machine.vm.vcpus[index]!
  }
  get(index: number, id: bigint): bigint {
    return getReg64(this.vcpu(index), id)
  }
  set(index: number, id: bigint, value: bigint): number {
    return setReg64(this.vcpu(index), id, value)
  }
  mp(): readonly number[] {
    return [0, 1].map(index => this.vcpu(index).getMpState())
  }
  /** Affinity fields of a vCPU's MPIDR. */
  affinity(index: number): bigint {
    return this.get(index, MPIDR) & 0xff_00ff_ffffn
  }

  /** setup() */
  setup(index: number): void {
    this.set(index, xReg(19), MMIO)
    this.set(index, xReg(21), MMIO + 0x200n)
    this.set(index, VBAR, IPA + BigInt(GUEST.vectors))
    this.set(index, PC, IPA)
  }

  /** vrun(): KVM_RUN until an exit, or until the probe's timer. */
  run(index: number): VcpuExit {
    return this.machine.runVcpu(index, BUDGET)
  }

  /** hcall() */
  call(index: number, offset: number, x: readonly bigint[]): VcpuExit {
    for (let n = 0; n < 4; n++) this.set(index, xReg(n), x[n] ?? 0n)
    this.set(index, PC, IPA + BigInt(offset))
    return this.run(index)
  }

  /** The same call as the recording's row makes, as a row of the same form. */
  repeat({ in: asked, pc, t, end }: RecordedCall): PlainRow {
    const offset = Number(pc ?? 0)
    const x = asked.map(BigInt)
    const exit = this.call(0, offset, x)
    const row: PlainRow = { ...(t === undefined ? {} : { t }), in: x.map(hex), ...(pc === undefined ? {} : { pc: hex(BigInt(offset)) }) }
    if (returned(exit)) {
      const out = [1, 2, 3].map(n => this.get(0, xReg(n)))
      row.r = hex(this.get(0, xReg(0)))
      if (out.some((value, n) => value !== x[n + 1])) row.out123 = out.map(hex)
    } else row.end = { ...describeExit(exit), x: this.x(0), pc: hex(this.get(0, PC)) }
    // The probe starts the vCPU again when one of its unknown calls turned out to stop it.
    if (end !== undefined && this.mp()[0] !== MP_STATE.runnable) this.makeRunnable(0)
    return row
  }

  /** Px() */
  x(index: number): readonly string[] {
    return [0, 1, 2, 3].map(n => hex(this.get(index, xReg(n))))
  }
  /** PR() */
  registers(index: number): PlainRow {
    return { x: this.x(index), pc: hex(this.get(index, PC)), pstate: hex(this.get(index, PSTATE)), sctlr: hex(this.get(index, SCTLR)) }
  }
  /** KVM_SET_MP_STATE(RUNNABLE) */
  makeRunnable(index: number): number {
    return this.vcpu(index).setMpState(MP_STATE.runnable)
  }
}

/** newpsci(): what the probe recorded as `skip` when a step failed, instead of a VM. */
export function newPsci(build: Build, set: ProbeSet, version: bigint, suspend: boolean): GuestVm | -2 | -3 {
  const vm = new GuestVm(build, set)
  if (version !== 0n && vm.set(0, PSCI_VERSION, version) !== 0) return -2
  if (suspend && vm.machine.vm.enableCapability(KVM_CAP.systemSuspend) !== 0) return -3
  vm.setup(0)
  return vm
}

/** okrow(): the guest stored its result. */
export const returned = (exit: VcpuExit): boolean => exit.kind === 'mmio' && exit.address === MMIO

/** Pexit(): what KVM_RUN came back with; a vCPU that would wait or spin for ever was interrupted by the probe's timer. */
export function describeExit(exit: VcpuExit): PlainRow {
  switch (exit.kind) {
    case 'budget':
    case 'blocked':
      return { run_errno: EINTR }
    case 'error':
      return { run_errno: exit.errno }
    case 'mmio':
      return { exit: 'MMIO', mmio: hex(exit.address), data: hex(exit.data) }
    case 'hypercall':
      return { exit: 'HYPERCALL', nr: hex(exit.nr), hflags: hex(exit.flags) }
    case 'system-event': {
      const data = [0, 1, 2, 3].map(n => (exit.data[n] === undefined ? UNWRITTEN : hex(exit.data[n])))
      return { exit: 'SYSTEM_EVENT', type: exit.type, ndata: hex(BigInt(exit.ndata ?? 0)), flags: data[0], data }
    }
    default:
      return exit satisfies never
  }
}

/** PTP answers are the host's clock: only whether there is an answer is compared. */
export function clockAside(row: PlainRow): PlainRow {
  const isPtp = Array.isArray(row.in) && BigInt.asUintN(32, BigInt(row.in[0] as string)) === PTP
  return isPtp && row.r !== NOT_SUPPORTED ? { ...row, r: 'a time', out123: 'and a count' } : row
}

function must(step: string, errno: number): void {
  if (errno !== 0) throw new Error(`${step} failed with errno ${errno}`)
}
