// Owns the probe's moves on one VM: make it with a feature set, point a vCPU at a piece of the tiny guest, make a call, and describe what came of it
// in the recording's own form. Follows recordings/src/probe.c; knows no rule of KVM.
import { ERRNO } from '../../arch/errno.ts'
import { exitName, KVM_EXIT, mpStateValue } from '../../arch/exits.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { type AbiExit, type AbiHost, type AbiVcpu, type AbiVm, getAbi64, setAbi64 } from '../../backends/kvm-abi.ts'
import { FEATURE_BIT, type FeatureSet } from './feature-sets.ts'
import { GUEST, GUEST_WORDS } from './guest-words.ts'
import { fw, hex, MPIDR, PC, PSTATE, SCTLR, UNREADABLE, VBAR, xReg } from './registers.ts'

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain }
export type PlainRow = { [key: string]: Plain }

/** Where the tiny guest lies, and the device it stores results to (not backed: every store ends KVM_RUN). */
export const IPA = 0x4000_0000n
export const MMIO = 0x0900_0000n
const MEMORY = 0x1_0000
const EXCEPTION_STORE = 0x200n
const FINALIZE_SVE = 4
const PMU_INTERRUPT = 23
const SYSTEM_SUSPEND = 216
/** What kvm_run.system_event is filled with before every run. */
const UNWRITTEN = '0xa5a5a5a5a5a5a5a5'
export const RUNNABLE = mpStateValue('runnable')

/** How long to wait in KVM_RUN, in milliseconds. */
export interface Waits {
  /** For a call that returns. */
  readonly call: number
  /** For one that may never do. */
  readonly block: number
  /** For a vCPU that is off: KVM says that it does not run, and it only has to be seen. */
  readonly off: number
}

/** What every section is given. */
export interface ProbeContext {
  readonly host: AbiHost
  /** KVM_ARM_PREFERRED_TARGET's. */
  readonly target: number
  readonly waits: Waits
}

export class ProbeVm {
  readonly vm: AbiVm
  readonly #context: ProbeContext
  readonly #vcpus: AbiVcpu[] = []
  /** The step that failed, when the VM is not of the set that was asked for. */
  fail: { readonly step: string; readonly errno: number } | undefined

  /** A VM with the guest in its memory and `n` vCPUs that are not initialised. */
  constructor(context: ProbeContext, n: number) {
    this.#context = context
    this.vm = context.host.createVm()
    try {
      const memory = this.vm.addMemory(IPA, MEMORY)
      for (const [offset, words] of GUEST_WORDS) memory.set(new Uint8Array(Uint32Array.from(words).buffer), offset)
      this.addVcpus(n)
    } catch (failure) {
      this.vm.close()
      throw failure
    }
  }

  addVcpus(n: number): void {
    for (let i = 0; i < n; i++) this.#vcpus.push(this.vm.createVcpu(this.#vcpus.length))
  }

  /** vm_finish(): INIT, FINALIZE, the GIC, and the PMU unless `pmu` is false. */
  finish(set: FeatureSet, pmu = true): this {
    const step = (name: string, errno: number): boolean => {
      if (errno !== 0) this.fail = { step: name, errno }
      return errno !== 0
    }
    const { features, vgic } = set
    for (const vcpu of this.#vcpus) if (step('VCPU_INIT', this.init(vcpu.index, features | (vcpu.index > 0 ? FEATURE_BIT.powerOff : 0)))) return this
    if (features & FEATURE_BIT.sve) for (const vcpu of this.#vcpus) if (step('FINALIZE', vcpu.finalize(FINALIZE_SVE))) return this
    if (vgic && step('VGIC', this.vm.createGic('v3'))) return this
    if (features & FEATURE_BIT.pmu && pmu) for (const vcpu of this.#vcpus) if (step('PMU_INIT', vcpu.initPmu(vgic ? PMU_INTERRUPT : undefined))) return this
    return this
  }

  vcpu(index: number): AbiVcpu {
    const vcpu = this.#vcpus[index]
    if (!vcpu) throw new RangeError(`this VM has no vCPU ${index}`)
    return vcpu
  }
  init(index: number, features: number, target = this.#context.target): number {
    return this.vcpu(index).init([features >>> 0], target)
  }
  /** rget64(): a marker instead of an errno. */
  get(index: number, id: RegId): bigint {
    return getAbi64(this.vcpu(index), id) ?? UNREADABLE
  }
  set(index: number, id: RegId, value: bigint): number {
    return setAbi64(this.vcpu(index), id, value)
  }
  text(index: number, id: RegId): string {
    return hex(this.get(index, id))
  }
  mp(): readonly number[] {
    return this.#vcpus.map(vcpu => vcpu.getMpState())
  }
  makeRunnable(index: number): number {
    return this.vcpu(index).setMpState(RUNNABLE)
  }
  /** Affinity fields of a vCPU's MPIDR. */
  affinity(index: number): bigint {
    return this.get(index, MPIDR) & 0xff_00ff_ffffn
  }

  /** setup() */
  setup(index: number): void {
    this.set(index, xReg(19), MMIO)
    this.set(index, xReg(21), MMIO + EXCEPTION_STORE)
    this.set(index, VBAR, IPA + BigInt(GUEST.vectors))
    this.set(index, PC, IPA)
  }

  /** vrun() of something that returns, or fails. */
  run(index: number, milliseconds = this.#context.waits.call): AbiExit {
    return this.vcpu(index).run(milliseconds)
  }

  /** vrun() of something that may block for ever. A vCPU that is on and has not moved was not blocked but slow: it is given the time of a call. */
  runBlocking(index: number): AbiExit {
    const { block, off } = this.#context.waits
    const before = this.get(index, PC)
    const isOff = this.vcpu(index).getMpState() !== RUNNABLE
    const exit = this.run(index, isOff ? off : block)
    const hasNotMoved = exit.errno === ERRNO.EINTR && this.get(index, PC) === before
    return hasNotMoved && !isOff && this.vcpu(index).getMpState() === RUNNABLE ? this.run(index) : exit
  }

  /** X0 … X3 and the PC, for a call that starts at `offset` of the guest. */
  prepare(index: number, offset: number, x: readonly bigint[]): void {
    for (let n = 0; n < 4; n++) this.set(index, xReg(n), x[n] ?? 0n)
    this.set(index, PC, IPA + BigInt(offset))
  }

  /** hcall() */
  call(index: number, offset: number, x: readonly bigint[]): AbiExit {
    this.prepare(index, offset, x)
    return this.run(index)
  }
  /** hcall(), and X0 after it. */
  heard(x: readonly bigint[]): string {
    this.call(0, GUEST.hvc0, x)
    return this.text(0, xReg(0))
  }
  /** The first run of vCPU 0: a plain store. */
  firstRun(): AbiExit {
    this.setup(0)
    return this.call(0, GUEST.store, [])
  }

  /** Px() */
  x(index: number): readonly string[] {
    return [0, 1, 2, 3].map(n => this.text(index, xReg(n)))
  }
  /** PR() */
  state(index: number): PlainRow {
    return { x: this.x(index), pc: this.text(index, PC), pstate: this.text(index, PSTATE), sctlr: this.text(index, SCTLR) }
  }

  /** row(): one call of vCPU 0 as a recording has it. */
  row(tag: string | undefined, x: readonly bigint[], offset: number = GUEST.hvc0): PlainRow {
    return this.rowAndExit(tag, x, offset).row
  }
  rowAndExit(tag: string | undefined, x: readonly bigint[], offset: number): { readonly row: PlainRow; readonly exit: AbiExit } {
    const asked = [0, 1, 2, 3].map(n => BigInt.asUintN(64, x[n] ?? 0n))
    const exit = this.call(0, offset, asked)
    const row: PlainRow = { ...(tag === undefined ? {} : { t: tag }), in: asked.map(hex), ...(offset === 0 ? {} : { pc: hex(BigInt(offset)) }) }
    if (returned(exit)) {
      row.r = this.text(0, xReg(0))
      const out = [1, 2, 3].map(n => this.get(0, xReg(n)))
      if (out.some((value, n) => value !== asked[n + 1])) row.out123 = out.map(hex)
    } else row.end = { ...describeExit(exit), x: this.x(0), pc: this.text(0, PC) }
    return { row, exit }
  }

  close(): void {
    this.vm.close()
  }
}

/** okrow(): the guest stored its result. */
export const returned = ({ errno, mmio }: AbiExit): boolean => errno === 0 && mmio?.address === MMIO

/** Pexit(): what KVM_RUN came back with; run_errno 4 is a vCPU that would wait for ever. */
export function describeExit({ errno, reason, mmio, systemEvent, hypercall }: AbiExit): PlainRow {
  if (errno !== 0) return { run_errno: errno }
  const exit = EXITS.has(reason) ? exitName(reason) : String(reason)
  if (mmio) return { exit, mmio: hex(mmio.address), data: hex(mmio.data) }
  if (hypercall) return { exit, nr: hex(hypercall.nr), hflags: hex(hypercall.flags) }
  if (!systemEvent) return { exit }
  const data = systemEvent.data.map(word => (word === undefined ? UNWRITTEN : hex(word)))
  // A kernel that has no ndata zeroes the bytes where others have it (struct padding).
  return { exit, type: systemEvent.type, ndata: hex(BigInt(systemEvent.ndata ?? 0)), flags: data[0] ?? UNWRITTEN, data }
}

/** Exits that recordings call by name; others are numbers. */
const EXITS: ReadonlySet<number> = new Set([
  KVM_EXIT.UNKNOWN,
  KVM_EXIT.HYPERCALL,
  KVM_EXIT.MMIO,
  KVM_EXIT.FAIL_ENTRY,
  KVM_EXIT.INTR,
  KVM_EXIT.INTERNAL_ERROR,
  KVM_EXIT.SYSTEM_EVENT,
  KVM_EXIT.ARM_NISV,
  KVM_EXIT.MEMORY_FAULT,
])

/** A VM of `set`, two vCPUs, for as long as `use` takes. */
export function withVm<T>(context: ProbeContext, set: FeatureSet, use: (vm: ProbeVm) => T): T {
  return withBareVm(context, 2, vm => use(vm.finish(set)))
}

/** A VM whose vCPUs are not initialised, for as long as `use` takes. */
export function withBareVm<T>(context: ProbeContext, n: number, use: (vm: ProbeVm) => T): T {
  const vm = new ProbeVm(context, n)
  try {
    return use(vm)
  } finally {
    vm.close()
  }
}

/** newpsci(): a VM whose guest sees `version` (0: the default), or why there is none, as recordings have it. */
export function withPsci(context: ProbeContext, set: FeatureSet, version: bigint, suspend: boolean, use: (vm: ProbeVm) => PlainRow): PlainRow {
  return withVm(context, set, vm => {
    if (vm.fail) return { skip: -1, fail: vm.fail.step, errno: vm.fail.errno }
    if (version !== 0n && vm.set(0, fw(0), version) !== 0) return { skip: -2 }
    if (suspend && vm.vm.enableCapability(SYSTEM_SUSPEND) !== 0) return { skip: -3 }
    vm.setup(0)
    return use(vm)
  })
}

/** set_ok() */
export const isOffered = ({ host }: ProbeContext, { capabilities }: FeatureSet): boolean => capabilities.every(number => host.checkExtension(number) > 0)
