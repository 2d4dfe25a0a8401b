// Owns self-hosted debug of an engine's vCPUs: breakpoints, watchpoints, software step, and the exceptions that they cause. Arm ARM D2.
// Where nothing of it is switched on, it costs one look at MDSCR_EL1 whenever generated code returns. Otherwise an instruction that a breakpoint or a step may
// concern is executed alone; watchpoints are looked at by generated code (watch-check.ts).
import type { IdRegisters } from '../decode/cpu-feature.ts'
import { ENGINE_STATE } from '../engine-state.ts'
import { EC, type Features, takeSynchronous } from '../exceptions.ts'
import { AT, WALK_CLASS, WATCH } from '../interpreter/layout.ts'
import type { LookUpTables } from '../look-up-tables.ts'
import { PSTATE } from '../pstate.ts'
import type { VcpuBlock } from '../vcpu-block.ts'
import { ADDRESS, anyBreakpointEnabled, anyBreakpointMatches, type Comparator, type Comparators, type WatchRange, watches, watchRanges } from './comparators.ts'
import { DEBUG_REGISTER, MDSCR } from './debug-registers.ts'
import { debugEnabled, finishStep, STEPPED } from './enabled.ts'

/** Fault status of debug exceptions (IFSC, DFSC). */
const DEBUG_EXCEPTION = 0x22
const WRITE = 1 << 6
/** ISS of a Software Step exception. */
const ISV = 1 << 24
const EX = 1 << 6
const AARCH32 = 2

export interface DebugParts {
  readonly view: DataView
  readonly features: Features
  readonly idRegisters: IdRegisters
  readonly tables: LookUpTables
  readonly vcpus: number
  /** The word that this vCPU executes next; undefined where fetching it faults. */
  fetch(vcpu: VcpuBlock): number | undefined
  isExclusiveLoad(word: number): boolean
}

/** What may happen now: anything; one instruction, and then completed(); or an exception was taken in the place of an instruction. */
export type Next = 'run' | 'one' | 'taken'

export class SelfHostedDebug {
  readonly #parts: DebugParts
  readonly #breakpoints: number
  readonly #contextAware: number
  readonly #watchpoints: number
  readonly #aarch32: boolean
  /** By vCPU: where watchpoints are, as its look-up tables respect them. */
  readonly #respected: string[]
  /** By vCPU: what its registers say; undefined when they may have changed. */
  readonly #comparators: (Comparators | undefined)[] = []
  #exclusiveLoad = false

  constructor(parts: DebugParts) {
    this.#parts = parts
    const field = (register: number, at: number): number => Number(((parts.idRegisters.get(register) ?? 0n) >> BigInt(at)) & 15n)
    this.#breakpoints = field(DEBUG_REGISTER.ID_AA64DFR0_EL1, 12) + 1
    this.#watchpoints = field(DEBUG_REGISTER.ID_AA64DFR0_EL1, 20) + 1
    this.#contextAware = field(DEBUG_REGISTER.ID_AA64DFR0_EL1, 28) + 1
    this.#aarch32 = field(DEBUG_REGISTER.ID_AA64PFR0_EL1, 0) === AARCH32 || field(DEBUG_REGISTER.ID_AA64PFR0_EL1, 4) === AARCH32
    this.#respected = new Array<string>(parts.vcpus).fill('')
  }

  /** A run begins, or the guest wrote one of DEBUG_CONTROLS. */
  registersChanged(vcpu: VcpuBlock): void {
    this.#comparators[vcpu.index] = undefined
  }

  /** Whether there is anything to do about this vCPU; nothing else here is called when there is not. */
  switchedOn(vcpu: VcpuBlock): boolean {
    const mdscr = vcpu.sysregLow(DEBUG_REGISTER.MDSCR_EL1)
    const on = (mdscr & (MDSCR.ss | MDSCR.mde)) !== 0
    if (!(mdscr & MDSCR.mde)) {
      const { view } = this.#parts
      if (view.getUint32(AT.watchCount, true) !== 0) view.setUint32(AT.watchCount, 0, true)
      this.#respected[vcpu.index] = ''
    }
    if ((vcpu.read32(ENGINE_STATE.debugging) !== 0) !== on) vcpu.write32(ENGINE_STATE.debugging, on ? 1 : 0)
    return on
  }

  /** A Software Step exception is due before anything else, interrupts too. */
  stepIsDue(vcpu: VcpuBlock): boolean {
    return (vcpu.sysregLow(DEBUG_REGISTER.MDSCR_EL1) & MDSCR.ss) !== 0 && !(vcpu.pstate & PSTATE.ss) && debugEnabled(vcpu)
  }

  takeStep(vcpu: VcpuBlock): void {
    const stepped = vcpu.read32(ENGINE_STATE.stepped)
    const iss = stepped === STEPPED.no ? 0 : stepped === STEPPED.yes ? ISV : ISV | EX
    takeSynchronous(vcpu, this.#parts.features, { ec: EC.softwareStep + vcpu.el, iss: iss | DEBUG_EXCEPTION })
  }

  /** To be called before generated code runs. */
  prepare(vcpu: VcpuBlock): Next {
    const mdscr = vcpu.sysregLow(DEBUG_REGISTER.MDSCR_EL1)
    const enabled = debugEnabled(vcpu)
    if (!enabled) vcpu.write32(ENGINE_STATE.stepped, STEPPED.no) // what comes is not stepped
    let next: Next = 'run'
    if (mdscr & MDSCR.mde) {
      const all = (this.#comparators[vcpu.index] ??= this.#readComparators(vcpu))
      this.#watch(vcpu, all, enabled)
      if (enabled && anyBreakpointEnabled(all, vcpu.el)) {
        if (anyBreakpointMatches(all, vcpu.el, vcpu.pc) && this.#parts.fetch(vcpu) !== undefined) {
          takeSynchronous(vcpu, this.#parts.features, { ec: EC.breakpoint + vcpu.el, iss: DEBUG_EXCEPTION })
          return 'taken'
        }
        next = 'one'
      }
    }
    if (mdscr & MDSCR.ss && vcpu.pstate & PSTATE.ss) {
      const word = this.#parts.fetch(vcpu)
      this.#exclusiveLoad = word !== undefined && this.#parts.isExclusiveLoad(word)
      next = 'one'
    }
    return next
  }

  /** Generated code has completed the one instruction. */
  completed(vcpu: VcpuBlock): void {
    finishStep(vcpu, this.#exclusiveLoad)
  }

  /** Whether a store that the runtime is about to make for the vCPU that runs hits a watchpoint; generated code looks itself (watch-check.ts). */
  watches(address: bigint, bytes: number): boolean {
    const { view } = this.#parts
    const first = address & ADDRESS
    const last = first + BigInt(bytes - 1)
    for (let i = view.getUint32(AT.watchCount, true) - 1; i >= 0; i--) {
      const at = AT.watchRanges + i * WATCH.bytes
      if (!(view.getUint32(at + WATCH.flags, true) & (1 << WALK_CLASS.write))) continue
      if (view.getBigUint64(at + WATCH.start, true) <= last && first <= view.getBigUint64(at + WATCH.last, true)) return true
    }
    return false
  }

  takeWatchpoint(vcpu: VcpuBlock, address: bigint, write: boolean): void {
    takeSynchronous(vcpu, this.#parts.features, { ec: EC.watchpoint + vcpu.el, iss: DEBUG_EXCEPTION | (write ? WRITE : 0), far: address })
  }

  /** Tells generated code where watchpoints are, and which of them look now. */
  #watch(vcpu: VcpuBlock, all: Comparators, enabled: boolean): void {
    const { view, tables } = this.#parts
    const ranges = watchRanges(all)
    const places = ranges.length === 0 ? '' : ranges.map(({ start, last }) => `${start}-${last}`).join()
    if (this.#respected[vcpu.index] !== places) {
      this.#respected[vcpu.index] = places
      tables.forgetVcpu(vcpu.index)
    }
    view.setUint32(AT.watchCount, ranges.length, true)
    ranges.forEach((range, i) => {
      const at = AT.watchRanges + i * WATCH.bytes
      view.setBigUint64(at + WATCH.start, range.start, true)
      view.setBigUint64(at + WATCH.last, range.last, true)
      view.setUint32(at + WATCH.flags, enabled ? this.#flags(vcpu, all, range) : 0, true)
    })
  }

  /** The classes of accesses that are looked at. */
  #flags(vcpu: VcpuBlock, all: Comparators, range: WatchRange): number {
    const own = watches(all, range, vcpu.el)
    const unprivileged = vcpu.pstate & PSTATE.uao ? own : watches(all, range, 0)
    const bit = (on: boolean, accessClass: number): number => (on ? 1 << accessClass : 0)
    return (
      bit(own && range.loads, WALK_CLASS.read) |
      bit(own && range.stores, WALK_CLASS.write) |
      bit(unprivileged && range.loads, WALK_CLASS.unprivilegedRead) |
      bit(unprivileged && range.stores, WALK_CLASS.unprivilegedWrite)
    )
  }

  #readComparators(vcpu: VcpuBlock): Comparators {
    const read = (values: readonly number[], controls: readonly number[], count: number): readonly Comparator[] =>
      Array.from({ length: count }, (_, n) => ({ value: vcpu.sysreg(values[n]!), control: vcpu.sysregLow(controls[n]!) }))
    return {
      breakpoints: read(DEBUG_REGISTER.DBGBVR, DEBUG_REGISTER.DBGBCR, this.#breakpoints),
      firstContextAware: this.#breakpoints - this.#contextAware,
      watchpoints: read(DEBUG_REGISTER.DBGWVR, DEBUG_REGISTER.DBGWCR, this.#watchpoints),
      contextId: vcpu.sysreg(DEBUG_REGISTER.CONTEXTIDR_EL1),
      aarch32: this.#aarch32,
    }
  }
}
