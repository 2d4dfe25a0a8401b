// table of what each system register is for, one line each; families are described by rule below it. Names are Arm's; the words are ours.
import { once } from '../once.ts'

const MEANINGS = `
OSDTRRX_EL1 debug data transfer, receive side, as an operating system saves it
OSDTRTX_EL1 debug data transfer, transmit side, as an operating system saves it
MDCCINT_EL1 interrupts of the debug communications channel
MDSCR_EL1 debug control of EL1: single step, breakpoints, channel traps
MDSELR_EL1 bank of breakpoints and watchpoints that is selected
MDSTEPOP_EL1 instruction to execute while single-stepping
OSECCR_EL1 exception catch settings, as an operating system saves them
MDRAR_EL1 address of the debug ROM table
OSLAR_EL1 locks or unlocks the OS lock
OSLSR_EL1 state of the OS lock
OSDLR_EL1 OS double lock
DBGPRCR_EL1 power control for debuggers
DBGCLAIMSET_EL1 debug claim tags: set
DBGCLAIMCLR_EL1 debug claim tags: clear
DBGAUTHSTATUS_EL1 which kinds of debugging are permitted
DBGVCR32_EL2 AArch32 vector catch
MDCCSR_EL0 status of the debug communications channel
DBGDTR_EL0 debug data transfer, both directions
DBGDTRTX_EL0 debug data transfer, half width
SPMACCESSR_EL1 access to system performance monitors
SPMIIDR_EL1 implementer of a system performance monitor
SPMDEVARCH_EL1 architecture of a system performance monitor
SPMDEVAFF_EL1 affinity of a system performance monitor
SPMCFGR_EL1 configuration of a system performance monitor
SPMINTENSET_EL1 system performance monitor interrupts: enable
SPMINTENCLR_EL1 system performance monitor interrupts: disable
SPMCR_EL0 system performance monitor control
SPMCNTENSET_EL0 system performance monitor counters: enable
SPMCNTENCLR_EL0 system performance monitor counters: disable
SPMOVSCLR_EL0 system performance monitor overflow flags: clear
SPMOVSSET_EL0 system performance monitor overflow flags: set
SPMZR_EL0 system performance monitor counters: set to zero
SPMSELR_EL0 system performance monitor that is selected
SPMSCR_EL1 secure control of system performance monitors
PMCCNTSVR_EL1 saved value of the cycle counter
PMICNTSVR_EL1 saved value of the instruction counter
BRBCR_EL1 branch record control
BRBCR_EL2 branch record control of EL2
BRBFCR_EL1 branch record filters
BRBTS_EL1 branch record timestamp
BRBINFINJ_EL1 branch record to inject: information
BRBSRCINJ_EL1 branch record to inject: source address
BRBTGTINJ_EL1 branch record to inject: target address
BRBIDR0_EL1 what the branch recorder offers
MIDR_EL1 identity of the processor: implementer, part, revision
MPIDR_EL1 affinity of this vCPU: its place in the topology, and its name in PSCI calls
REVIDR_EL1 revision details of the processor
AIDR_EL1 auxiliary identification, implementation defined
ID_PFR0_EL1 AArch32 processor features 0
ID_PFR1_EL1 AArch32 processor features 1
ID_PFR2_EL1 AArch32 processor features 2
ID_DFR0_EL1 AArch32 debug features 0
ID_DFR1_EL1 AArch32 debug features 1
ID_AFR0_EL1 AArch32 auxiliary features
ID_MMFR0_EL1 AArch32 memory model features 0
ID_MMFR1_EL1 AArch32 memory model features 1
ID_MMFR2_EL1 AArch32 memory model features 2
ID_MMFR3_EL1 AArch32 memory model features 3
ID_MMFR4_EL1 AArch32 memory model features 4
ID_MMFR5_EL1 AArch32 memory model features 5
ID_ISAR0_EL1 AArch32 instruction set 0
ID_ISAR1_EL1 AArch32 instruction set 1
ID_ISAR2_EL1 AArch32 instruction set 2
ID_ISAR3_EL1 AArch32 instruction set 3
ID_ISAR4_EL1 AArch32 instruction set 4
ID_ISAR5_EL1 AArch32 instruction set 5
ID_ISAR6_EL1 AArch32 instruction set 6
MVFR0_EL1 AArch32 floating-point and SIMD features 0
MVFR1_EL1 AArch32 floating-point and SIMD features 1
MVFR2_EL1 AArch32 floating-point and SIMD features 2
ID_AA64PFR0_EL1 processor features 0: exception levels, floating point, SVE, GIC interface, speculation
ID_AA64PFR1_EL1 processor features 1: branch targets, SSBS, memory tags, SME
ID_AA64PFR2_EL1 processor features 2: FPMR, later memory tag and GIC features
ID_AA64ZFR0_EL1 SVE features
ID_AA64SMFR0_EL1 SME features
ID_AA64FPFR0_EL1 8-bit floating-point features
ID_AA64DFR0_EL1 debug features 0: debug version, PMU version, breakpoints and watchpoints
ID_AA64DFR1_EL1 debug features 1
ID_AA64DFR2_EL1 debug features 2
ID_AA64AFR0_EL1 auxiliary features 0
ID_AA64AFR1_EL1 auxiliary features 1
ID_AA64ISAR0_EL1 instruction set 0: cryptography, atomics, random numbers
ID_AA64ISAR1_EL1 instruction set 1: pointer authentication, ordering, matrix multiplication
ID_AA64ISAR2_EL1 instruction set 2: pointer authentication variants, memory copy, timed waits
ID_AA64ISAR3_EL1 instruction set 3
ID_AA64MMFR0_EL1 memory model 0: physical address size, granules
ID_AA64MMFR1_EL1 memory model 1: hardware dirty state, VHE, PAN
ID_AA64MMFR2_EL1 memory model 2: UAO, virtual address size, nested virtualization
ID_AA64MMFR3_EL1 memory model 3: TCR2, SCTLR2, permission indirection and overlay
ID_AA64MMFR4_EL1 memory model 4: E2H0, later nested virtualization
SCTLR_EL1 system control of EL1: MMU, caches, alignment, traps
SCTLR2_EL1 more system control of EL1
SCTLR_EL2 system control of EL2
SCTLR2_EL2 more system control of EL2
ACTLR_EL1 auxiliary control of EL1, implementation defined
ACTLR_EL2 auxiliary control of EL2, implementation defined
CPACR_EL1 EL0 and EL1 access to floating point, SVE and trace
RGSR_EL1 seed of the random allocation tag generator
GCR_EL1 allocation tags that random generation leaves out
ZCR_EL1 SVE vector length that EL1 grants
ZCR_EL2 SVE vector length that EL2 grants
TRFCR_EL1 trace filters of EL1
TRFCR_EL2 trace filters of EL2
TRCITECR_EL1 instrumentation trace control
SMPRI_EL1 streaming execution priority
SMPRIMAP_EL2 streaming execution priorities as EL2 maps them
SMCR_EL1 streaming vector length that EL1 grants
SMCR_EL2 streaming vector length that EL2 grants
TTBR0_EL1 translation table of the lower address range
TTBR1_EL1 translation table of the upper address range
TTBR0_EL2 translation table of EL2, lower address range
TTBR1_EL2 translation table of EL2, upper address range
TCR_EL1 translation control of EL1 and EL0: address sizes, granules, cacheability
TCR2_EL1 more translation control of EL1
TCR_EL2 translation control of EL2
TCR2_EL2 more translation control of EL2
GCSCR_EL1 guarded control stack control of EL1
GCSPR_EL1 guarded control stack pointer of EL1
GCSCRE0_EL1 guarded control stack control of EL0
GCSPR_EL0 guarded control stack pointer of EL0
GCSCR_EL2 guarded control stack control of EL2
GCSPR_EL2 guarded control stack pointer of EL2
SPSR_EL1 PSTATE saved by an exception to EL1
ELR_EL1 address that an exception to EL1 returns to
SPSR_EL2 PSTATE saved by an exception to EL2
ELR_EL2 address that an exception to EL2 returns to
SP_EL1 stack pointer of EL1
SP_EL2 stack pointer of EL2
SPSR_irq saved PSTATE of AArch32 IRQ mode
SPSR_abt saved PSTATE of AArch32 Abort mode
SPSR_und saved PSTATE of AArch32 Undefined mode
SPSR_fiq saved PSTATE of AArch32 FIQ mode
ALLINT mask of all interrupts
ICC_PMR_EL1 lowest interrupt priority that is let through
AFSR0_EL1 auxiliary fault status 0, implementation defined
AFSR1_EL1 auxiliary fault status 1, implementation defined
AFSR0_EL2 auxiliary fault status 0 of EL2, implementation defined
AFSR1_EL2 auxiliary fault status 1 of EL2, implementation defined
ESR_EL1 cause of the last exception taken to EL1
ESR_EL2 cause of the last exception taken to EL2
VSESR_EL2 syndrome of a virtual SError
ERRIDR_EL1 number of error records
ERRSELR_EL1 error record that is selected
TFSR_EL1 memory tag faults of EL1
TFSRE0_EL1 memory tag faults of EL0
FAR_EL1 faulting virtual address of EL1
FAR_EL2 faulting virtual address of EL2
HPFAR_EL2 faulting intermediate physical address
PFAR_EL1 faulting physical address
PAR_EL1 result of the last address translation instruction
PMSCR_EL1 statistical profiling control
PMSCR_EL2 statistical profiling control of EL2
PMSNEVFR_EL1 statistical profiling: inverted event filter
PMSICR_EL1 statistical profiling: interval counter
PMSIRR_EL1 statistical profiling: interval reload
PMSFCR_EL1 statistical profiling: filter control
PMSEVFR_EL1 statistical profiling: event filter
PMSLATFR_EL1 statistical profiling: latency filter
PMSIDR_EL1 what statistical profiling offers
PMSDSFR_EL1 statistical profiling: data source filter
PMSSCR_EL1 performance monitor snapshot control
PMBLIMITR_EL1 profiling buffer: limit
PMBPTR_EL1 profiling buffer: write pointer
PMBSR_EL1 profiling buffer: status
PMBMAR_EL1 profiling buffer: memory attributes
PMBIDR_EL1 what the profiling buffer offers
TRBLIMITR_EL1 trace buffer: limit
TRBPTR_EL1 trace buffer: write pointer
TRBBASER_EL1 trace buffer: base
TRBSR_EL1 trace buffer: status
TRBMAR_EL1 trace buffer: memory attributes
TRBMPAM_EL1 trace buffer: partition
TRBTRG_EL1 trace buffer: trigger counter
TRBIDR_EL1 what the trace buffer offers
PMINTENSET_EL1 performance counter overflow interrupts: enable
PMINTENCLR_EL1 performance counter overflow interrupts: disable
PMUACR_EL1 EL0 access to single performance counters
PMECR_EL1 performance monitor extended control
PMMIR_EL1 machine identification of the performance monitors: slots
PMIAR_EL1 address of the instruction that overflowed a counter
PMICNTR_EL0 instruction counter
PMICFILTR_EL0 instruction counter filter
PMCR_EL0 performance monitor control, and the number of counters
PMCNTENSET_EL0 performance counters: enable
PMCNTENCLR_EL0 performance counters: disable
PMOVSCLR_EL0 performance counter overflow flags: clear
PMOVSSET_EL0 performance counter overflow flags: set
PMSWINC_EL0 performance counters: software increment
PMSELR_EL0 performance counter that is selected
PMCEID0_EL0 performance events that exist, lower half
PMCEID1_EL0 performance events that exist, upper half
PMCCNTR_EL0 cycle counter
PMCCFILTR_EL0 cycle counter filter
PMXEVTYPER_EL0 event type of the selected counter
PMXEVCNTR_EL0 value of the selected counter
PMZR_EL0 performance counters: set to zero
PMUSERENR_EL0 EL0 access to the performance monitors
MAIR_EL1 memory attributes that page tables of EL1 refer to
MAIR2_EL1 more memory attributes of EL1
MAIR_EL2 memory attributes that page tables of EL2 refer to
MAIR2_EL2 more memory attributes of EL2
PIRE0_EL1 permission indirection for EL0
PIR_EL1 permission indirection for EL1
PIRE0_EL2 permission indirection for EL0 under EL2
PIR_EL2 permission indirection for EL2
S2PIR_EL2 permission indirection for stage 2
POR_EL0 permission overlay of EL0
POR_EL1 permission overlay of EL1
POR_EL2 permission overlay of EL2
S2POR_EL1 permission overlay for stage 2
AMAIR_EL1 auxiliary memory attributes of EL1, implementation defined
AMAIR2_EL1 more auxiliary memory attributes of EL1
AMAIR_EL2 auxiliary memory attributes of EL2, implementation defined
AMAIR2_EL2 more auxiliary memory attributes of EL2
LORSA_EL1 limited-order region: start
LOREA_EL1 limited-order region: end
LORN_EL1 limited-order region: number
LORC_EL1 limited-order region: control
LORID_EL1 what limited-order regions offer
MPAMIDR_EL1 what memory partitioning offers
MPAM1_EL1 memory partition of EL1
MPAM0_EL1 memory partition of EL0
MPAM2_EL2 memory partition of EL2
MPAMSM_EL1 memory partition of streaming execution
MPAMHCR_EL2 memory partitioning control of EL2
MPAMVPMV_EL2 virtual memory partitions that are valid
VBAR_EL1 exception vectors of EL1
VBAR_EL2 exception vectors of EL2
RVBAR_EL2 reset vector
RMR_EL2 warm reset request
ISR_EL1 interrupts that are pending
DISR_EL1 deferred SError syndrome
VDISR_EL2 virtual deferred SError syndrome
CONTEXTIDR_EL1 process identifier for trace and debug
CONTEXTIDR_EL2 process identifier of EL2 for trace and debug
TPIDR_EL1 thread pointer of EL1
TPIDR_EL0 thread pointer of EL0
TPIDRRO_EL0 thread pointer that EL0 may only read
TPIDR2_EL0 second thread pointer of EL0
TPIDR_EL2 thread pointer of EL2
ACCDATA_EL1 data for 64-byte atomic stores
SCXTNUM_EL1 software context number of EL1
SCXTNUM_EL0 software context number of EL0
CNTKCTL_EL1 EL0 access to counters and timers, event stream
CNTPCTSS_EL0 physical counter, self-synchronized
CNTVCTSS_EL0 virtual counter, self-synchronized
CNTPCT_EL0 physical counter
CNTVCT_EL0 virtual counter
CNTP_TVAL_EL0 physical timer value
CNTP_CTL_EL0 physical timer control
CNTP_CVAL_EL0 physical timer compare value
CNTV_TVAL_EL0 virtual timer value
CNTV_CTL_EL0 virtual timer control
CNTV_CVAL_EL0 virtual timer compare value
CNTVOFF_EL2 offset between virtual and physical counter
CNTPOFF_EL2 offset of the physical counter
CNTHCTL_EL2 counter and timer control of EL2
CNTHP_TVAL_EL2 EL2 physical timer value
CNTHP_CTL_EL2 EL2 physical timer control
CNTHP_CVAL_EL2 EL2 physical timer compare value
CNTHV_TVAL_EL2 EL2 virtual timer value
CNTHV_CTL_EL2 EL2 virtual timer control
CNTHV_CVAL_EL2 EL2 virtual timer compare value
CCSIDR_EL1 geometry of the cache that CSSELR_EL1 selects
CCSIDR2_EL1 more of the geometry of the cache that CSSELR_EL1 selects
CLIDR_EL1 which cache levels there are and of what kind
CSSELR_EL1 cache that CCSIDR_EL1 describes
CTR_EL0 cache line sizes and cache maintenance needs
DCZID_EL0 block size of cache zeroing
GMID_EL1 block size of bulk tag access
SMIDR_EL1 streaming implementation identity
SVCR streaming mode and ZA state
FPCR floating-point control, by its MRS encoding
FPSR floating-point status, by its MRS encoding
FPMR 8-bit floating-point mode
AMCR_EL0 activity monitor control
AMCFGR_EL0 what the activity monitors offer
AMCGCR_EL0 activity monitor counter groups
AMUSERENR_EL0 EL0 access to activity monitors
AMCNTENCLR0_EL0 activity monitors, group 0: disable
AMCNTENSET0_EL0 activity monitors, group 0: enable
AMCNTENCLR1_EL0 activity monitors, group 1: disable
AMCNTENSET1_EL0 activity monitors, group 1: enable
VPIDR_EL2 processor identity that EL1 sees
VMPIDR_EL2 affinity that EL1 sees
HCR_EL2 hypervisor control: what EL2 traps and routes
HCRX_EL2 more hypervisor control
NVHCR_EL2 hypervisor control of a nested guest
MDCR_EL2 debug and performance monitor control of EL2
CPTR_EL2 traps of floating point, SVE and trace to EL2
HSTR_EL2 traps of AArch32 coprocessor registers to EL2
HACR_EL2 auxiliary hypervisor control, implementation defined
HFGRTR_EL2 fine-grained traps: system register reads
HFGWTR_EL2 fine-grained traps: system register writes
HFGITR_EL2 fine-grained traps: instructions
HDFGRTR_EL2 fine-grained traps: debug register reads
HDFGWTR_EL2 fine-grained traps: debug register writes
HAFGRTR_EL2 fine-grained traps: activity monitor reads
HFGRTR2_EL2 fine-grained traps: system register reads, second part
HFGWTR2_EL2 fine-grained traps: system register writes, second part
HFGITR2_EL2 fine-grained traps: instructions, second part
HDFGRTR2_EL2 fine-grained traps: debug register reads, second part
HDFGWTR2_EL2 fine-grained traps: debug register writes, second part
VTTBR_EL2 stage 2 translation table
VTCR_EL2 stage 2 translation control
VNCR_EL2 page that holds a nested guest's EL1 registers
HDBSSBR_EL2 dirty state structure: base
HDBSSPROD_EL2 dirty state structure: producer
DACR32_EL2 AArch32 domain access control
IFSR32_EL2 AArch32 instruction fault status
FPEXC32_EL2 AArch32 floating-point exception control
RCWMASK_EL1 bits that read-check-write instructions may change
RCWSMASK_EL1 bits that read-check-write instructions may change, software view
ERXGSR_EL1 error record group status
ICC_IAR0_EL1 interrupt acknowledge, group 0
ICC_EOIR0_EL1 end of interrupt, group 0
ICC_HPPIR0_EL1 highest priority pending interrupt, group 0
ICC_BPR0_EL1 binary point, group 0
ICC_IAR1_EL1 interrupt acknowledge, group 1
ICC_EOIR1_EL1 end of interrupt, group 1
ICC_HPPIR1_EL1 highest priority pending interrupt, group 1
ICC_BPR1_EL1 binary point, group 1
ICC_NMIAR1_EL1 non-maskable interrupt acknowledge
ICC_DIR_EL1 deactivate interrupt
ICC_RPR_EL1 running priority
ICC_SGI1R_EL1 generate a software interrupt, group 1
ICC_ASGI1R_EL1 generate a software interrupt, other security state
ICC_SGI0R_EL1 generate a software interrupt, group 0
ICC_CTLR_EL1 interrupt controller interface control
ICC_SRE_EL1 system register interface enable
ICC_SRE_EL2 system register interface enable of EL2
ICC_IGRPEN0_EL1 group 0 interrupt enable
ICC_IGRPEN1_EL1 group 1 interrupt enable
ICC_IDR0_EL1 what the GICv5 interface offers
ICC_HPPIR_EL1 highest priority pending interrupt (GICv5)
ICC_ICSR_EL1 interrupt configuration (GICv5)
ICC_IAFFIDR_EL1 interrupt affinity of this CPU (GICv5)
ICC_APR_EL1 active priorities (GICv5)
ICC_CR0_EL1 interrupt controller control (GICv5)
ICC_PCR_EL1 priority control (GICv5)
ICH_HCR_EL2 virtual interrupt controller control
ICH_VTR_EL2 what the virtual interrupt controller offers
ICH_MISR_EL2 maintenance interrupt state
ICH_EISR_EL2 list registers with an end-of-interrupt maintenance request
ICH_ELRSR_EL2 list registers that are empty
ICH_VMCR_EL2 virtual machine control of the virtual interface
ICH_APR_EL2 virtual active priorities (GICv5)
ICH_HFGRTR_EL2 fine-grained traps: interrupt register reads (GICv5)
ICH_HFGWTR_EL2 fine-grained traps: interrupt register writes (GICv5)
ICH_HFGITR_EL2 fine-grained traps: interrupt instructions (GICv5)
ICH_VCTLR_EL2 virtual interface control (GICv5)
ICH_CONTEXTR_EL2 virtual interrupt context (GICv5)
`

type Family = readonly [RegExp, (...groups: string[]) => string]
const PMU_KIND: Readonly<Record<string, string>> = { CNTR: 'value', TYPER: 'event type and filter' }
const KEY: Readonly<Record<string, string>> = { IA: 'instruction key A', IB: 'instruction key B', DA: 'data key A', DB: 'data key B', GA: 'generic key A' }
const PPI: Readonly<Record<string, string>> = {
  HMR: 'handling mode',
  ENABLER: 'enables',
  CACTIVER: 'active state: clear',
  SACTIVER: 'active state: set',
  ACTIVER: 'active state',
  CPENDR: 'pending state: clear',
  SPENDR: 'pending state: set',
  PENDR: 'pending state',
  PRIORITYR: 'priorities',
  DVIR: 'direct injection',
}

const FAMILIES: readonly Family[] = [
  [/^DBG([BW])([VC])R(\d+)_EL1$/, (kind, part, n) => `${kind === 'B' ? 'breakpoint' : 'watchpoint'} ${n}: ${part === 'V' ? 'address' : 'control'}`],
  [/^PMEV(CNTR|TYPER)(\d+)_EL0$/, (kind, n) => `performance counter ${n}: ${PMU_KIND[kind ?? '']}`],
  [/^AMEV(CNTR|TYPER)([01])(\d+)_EL0$/, (kind, group, n) => `activity monitor ${n} of group ${group}: ${PMU_KIND[kind ?? '']?.replace(' and filter', '')}`],
  [/^AP(..)Key(Lo|Hi)_EL1$/, (key, half) => `pointer authentication ${KEY[key ?? '']}, ${half === 'Lo' ? 'lower' : 'upper'} half`],
  [/^MPAMVPM(\d)_EL2$/, n => `virtual memory partitions, part ${n}`],
  [/^IC([CH])_AP([01])R(\d)_EL[12]$/, (side, group, n) => `${side === 'H' ? 'virtual ' : ''}active priorities ${n}, group ${group}`],
  [/^ICH_LR(\d+)_EL2$/, n => `virtual interrupt list ${n}`],
  [/^IC([CH])_PPI_([A-Z]+)(\d+)_EL[12]$/, (side, what, n) => `${side === 'H' ? 'virtual ' : ''}private interrupts, ${PPI[what ?? '']} ${n} (GICv5)`],
  [/^ERX([A-Z0-9]+)_EL1$/, what => `selected error record: ${what?.toLowerCase()}`],
  [/^(\w+?)ALIAS_EL1$/, name => `${name}_EL1, under a second name that write masks do not hold back`],
  [/^(\w+?)MASK_EL1$/, name => `bits of ${name}_EL1 that EL1 may not change`],
  [/^(\w+)_EL([01])2$/, (name, level) => `${name}_EL${level} as EL2 reaches it`],
]

const byName = once(
  () =>
    new Map(
      MEANINGS.trim()
        .split('\n')
        .map(line => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)] as const),
    ),
)

/** What the system register of this name is for, on one line; undefined for a name that nobody has described. */
export function systemRegisterMeaning(name: string): string | undefined {
  const own = byName().get(name)
  if (own !== undefined) return own
  for (const [pattern, describe] of FAMILIES) {
    const match = pattern.exec(name)
    if (match) return describe(...match.slice(1))
  }
  return undefined
}
