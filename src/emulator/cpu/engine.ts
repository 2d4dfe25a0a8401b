// Owns the contract of the CPU engine: what a machine gives it, what it promises, why a run stops. Knows no KVM rule, no firmware and no device.
//
// Life of an engine:
//   const engine = createEngine({ ram, vcpus, idRegisters, sysregs, hooks })   // allocates linear memory, shares the compiled interpreter of the process
//   engine.writeRam(address, bytes)                                            // the machine copies guest memory in (this opens exclusive monitors, so first) …
//   engine.state(0).set(block)                                                 // … then each vCPU's state (src/emulator/state-layout.ts)
//   const { executed, stop } = engine.run(0, 10_000)                           // at most 10,000 instructions of vCPU 0
// While run() is not executing, every bit of state is in the blocks and in guest RAM: saving copies them out, restoring copies them into a fresh engine, and
// both continue identically. Decoded instructions, memory look-up tables and lazy flags live inside the engine only and are rebuilt.
//
// Counting. `executed` counts attempts: an instruction that completes, traps, takes an exception or stops the run is one; taking an interrupt is none.
// Time is this count, so the machine computes timers from it, raises lines between runs and chooses budgets that end where a line changes.
//
// With the MMU off the architecture makes data accesses Device-nGnRnE, where an unaligned one faults; here, as in QEMU's TCG until 9.0, it works unless
// SCTLR_EL1.A is set (exclusive and ordered accesses always fault). With the MMU on memory is what MAIR_EL1 says.
// Addresses of stops are physical, what KVM reports of them.
import type { CpuFeature, IdRegisters } from './decode/cpu-feature.ts'
import type { JitOptions } from './jit/jit.ts'

export interface EngineOptions {
  /** Guest RAM, in pages of 4096 bytes, not overlapping; at most 3 GiB together. Everything else is outside: MMIO. */
  readonly ram: readonly { readonly start: bigint; readonly size: number }[]
  readonly vcpus: number
  /** Values of the ID registers by encoding. They decide which instructions exist (cpu-feature.ts), the physical address size and the DC ZVA block. */
  readonly idRegisters: IdRegisters
  /** System registers that are storage. SCTLR_EL1, VBAR_EL1, ESR_EL1, FAR_EL1 and CPACR_EL1 must be among them. */
  readonly sysregs: SysRegMap
  readonly hooks: EngineHooks
  /** CNTVCT_EL0 and CNTPCT_EL0 are computed by generated code; every run is given Counters. */
  readonly countersInside?: boolean
  /** Compilation of hot code; false: the interpreter does everything. Results are the same. */
  readonly jit?: JitOptions | false
}

/**
 * By encoding: op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2, the low 16 bits of a KVM system-register id.
 * Not in the map: what the engine holds itself (NZCV, DAIF, CurrentEL, SPSel, PAN, UAO, DIT, SSBS, SP_EL0, ELR_EL1, SPSR_EL1, FPCR, FPSR) and what the hooks answer.
 */
export type SysRegMap = ReadonlyMap<number, SysRegSlot>
export interface SysRegSlot {
  /** The value is at byte VCPU_STATE.sysregs + 8 × slot of the block. */
  readonly slot: number
  /** MSR is UNDEFINED. */
  readonly readOnly?: boolean
  /** Bits that MSR may change; the others keep their value. Absent: all. */
  readonly writeMask?: bigint
}

export interface EngineHooks {
  /**
   * MRS of a register that is neither the engine's nor in the map. undefined: UNDEFINED. Permission (exception level, EL0 enables) has been checked.
   * `executed`: instructions of this run attempted before this one, so that a counter reads the same wherever a run was split.
   */
  readSysreg(vcpu: number, encoding: number, executed: number): bigint | undefined
  /** MSR likewise; false: UNDEFINED. May change interrupt lines: the engine looks at them again before the next instruction. */
  writeSysreg(vcpu: number, encoding: number, value: bigint, executed: number): boolean
  /** The exception level is another than that of the `executed` instructions attempted so far in this run: what counters that tell levels apart need. */
  levelChanged?(vcpu: number, executed: number): void
}

/** What the system counter shows to one vCPU: (time >> shift) less an offset, where time goes on by one with each instruction attempted. */
export interface Counters {
  /** Machine time at the beginning of the run, below 2^53. */
  readonly time: number
  readonly shift: number
  readonly virtualOffset: bigint
  readonly physicalOffset: bigint
}

export interface RunResult {
  /** Instructions attempted, 0 to the budget. */
  readonly executed: number
  readonly stop: StopReason
}

export type StopReason =
  | { readonly kind: 'budget' }
  /** PC is past the HVC. */
  | { readonly kind: 'hvc'; readonly immediate: number }
  /** PC is at the SMC; whoever emulates it advances PC by 4. */
  | { readonly kind: 'smc'; readonly immediate: number }
  | MmioStop
  /** Data access outside RAM without a valid syndrome (pair, writeback, exclusive, cache maintenance, or crossing the edge of RAM). PC is at the instruction, nothing has been done. */
  | { readonly kind: 'nisv'; readonly address: bigint; readonly write: boolean }
  /** Instruction fetch outside RAM. PC is there; the machine decides (KVM injects an abort: injectAbort). */
  | { readonly kind: 'fetch-outside'; readonly address: bigint }
  /** WFI, or WFE with the event register clear; PC is past it. The machine may run the vCPU again at any time: both may end spuriously. */
  | { readonly kind: 'wfi' }
  | { readonly kind: 'wfe' }
  /** An instruction that the ID registers announce and this CPU does not execute. PC is at it. */
  | { readonly kind: 'unimplemented'; readonly feature: CpuFeature; readonly word: number; readonly pc: bigint }
  /** The state asks for something this CPU does not do yet: AArch32, EL2, big-endian data. PC is at the instruction that would have started it. */
  | { readonly kind: 'cannot-execute'; readonly what: string }

/**
 * A load or store of one general register outside RAM: KVM_EXIT_MMIO. PC is at the instruction; completeMmio finishes it, as KVM does at the next KVM_RUN.
 * `data` is what a store writes (zero-extended to `size` bytes), 0 for a load.
 */
export interface MmioStop {
  readonly kind: 'mmio'
  readonly address: bigint
  readonly size: 1 | 2 | 4 | 8
  readonly write: boolean
  readonly data: bigint
  /** The instruction itself. */
  readonly word: number
}

/** An abort or undefined exception that the machine gives to the guest at its current PC, as KVM's kvm_inject_* do. */
export type InjectedException =
  | { readonly kind: 'undefined' }
  /** Instruction or data abort with this fault status (IFSC/DFSC; 0x10: synchronous external abort). FAR_EL1 is the PC, or the virtual address that is given. */
  | { readonly kind: 'instruction-abort'; readonly status: number }
  | { readonly kind: 'data-abort'; readonly status: number; readonly address: bigint; readonly write: boolean }

export interface InterruptLines {
  readonly irq: boolean
  readonly fiq: boolean
  /** Pending virtual SError with this ESR ISS; taken when PSTATE.A is clear, and then gone. */
  readonly serror?: number
}

export interface Engine {
  readonly vcpus: number
  /** The vCPU's block in linear memory (VCPU_STATE_BYTES bytes), a live view: valid for the life of the engine. PC, PSTATE and registers may be changed between runs. */
  state(vcpu: number): Uint8Array
  /** Live view of guest memory, for reading only (writes must go through writeRam). Throws when [address, address + length) is not inside one RAM region. */
  ram(address: bigint, length: number): Uint8Array
  /** Writes guest memory from outside: forgets decoded instructions there and opens exclusive monitors on it. */
  writeRam(address: bigint, bytes: Uint8Array): void
  /**
   * Runs one vCPU for at most `budget` instructions. `counters` are for engines made with `countersInside`; the others ask the hooks.
   * Everything that happens is a function of the state, the lines, the hooks' answers and the budget.
   */
  run(vcpu: number, budget: number, counters?: Counters): RunResult
  /** From within a hook: the run ends after the current instruction with stop `budget`, though fewer were executed (a timer now fires earlier, a reset was asked for). */
  endRun(): void
  /**
   * Finishes the load or store of an `mmio` stop: writes a load's register (extended as the instruction says) and advances PC. `word` is the stop's instruction,
   * for a vCPU whose PC userspace may have moved since; absent: the one at PC.
   */
  completeMmio(vcpu: number, value?: bigint, word?: number): void
  /** Level of the interrupt inputs; looked at when a run begins and whenever an instruction may have unmasked or changed them. */
  setInterruptLines(vcpu: number, lines: InterruptLines): void
  /** Whether an interrupt line is raised, masked or not: what ends a WFI. */
  interruptPending(vcpu: number): boolean
  /** Takes the exception now: PC, PSTATE, ESR_EL1, FAR_EL1, ELR_EL1, SPSR_EL1 change. */
  inject(vcpu: number, exception: InjectedException): void
  /** Sets the event register, as SEV does for every vCPU of the engine: the next WFE does not wait. */
  sendEvent(vcpu: number): void
}
