// Owns random bare-metal programs that are interrupted: two timers, a cycle counter and SGIs on every vCPU through a GICv3, a handler that counts and rearms.
// On top of the steps of random-program.ts; X21 to X26 belong to the handler.
import fc from 'fast-check'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import { SETUP, step } from './random-program.ts'

const VECTORS = RAM_BASE + 0x2000n
/** The handler's counters, by INTID; and the last ELR_EL1 of each vCPU at 0xa00. */
export const COUNTERS = RAM_BASE + 0x9000n

/** Distributor on, this vCPU's redistributor, CPU interface, timers and cycle counter on, interrupts unmasked. X25 is its SGI frame. */
const ENABLE = [
  0xd2a8_0018, // mov x24, #0x40000000
  0xf292_0018, // movk x24, #0x9000
  0xd2a8_0017, // mov x23, #0x40000000
  0xf284_0017, // movk x23, #0x2000
  0xd518_c017, // msr vbar_el1, x23
  0xd2a1_0016, // mov x22, #0x8000000
  0x5280_0055, // mov w21, #0x2
  0xb900_02d5, // str w21, [x22]
  0xd538_00b7, // mrs x23, mpidr_el1
  0x9240_0ef7, // and x23, x23, #0xf
  0xd2a1_0179, // mov x25, #0x80b0000
  0x8b17_4739, // add x25, x25, x23, lsl #17
  0x1280_0015, // mov w21, #0xffffffff
  0xb900_8335, // str w21, [x25, #128]
  0x529f_fff5, // mov w21, #0xffff
  0x72a9_1015, // movk w21, #0x4880, lsl #16
  0xb901_0335, // str w21, [x25, #256]
  0x5280_1415, // mov w21, #0xa0
  0x3910_6f35, // strb w21, [x25, #1051]
  0x5280_0c15, // mov w21, #0x60
  0x3910_7b35, // strb w21, [x25, #1054]
  0xd280_1e15, // mov x21, #0xf0
  0xd518_4615, // msr icc_pmr_el1, x21
  0xd280_0035, // mov x21, #0x1
  0xd518_ccf5, // msr icc_igrpen1_el1, x21
  0xd53b_e057, // mrs x23, cntvct_el0
  0x9100_caf7, // add x23, x23, #0x32
  0xd51b_e357, // msr cntv_cval_el0, x23
  0xd51b_e335, // msr cntv_ctl_el0, x21
  0xd53b_e037, // mrs x23, cntpct_el0
  0x9105_36f7, // add x23, x23, #0x14d
  0xd51b_e257, // msr cntp_cval_el0, x23
  0xd51b_e235, // msr cntp_ctl_el0, x21
  0x9280_0017, // mov x23, #-1
  0xd51b_9c77, // msr pmovsclr_el0, x23
  0xd2b0_0015, // mov x21, #0x80000000
  0xd51b_9c35, // msr pmcntenset_el0, x21
  0xd518_9e35, // msr pmintenset_el1, x21
  0xd280_0835, // mov x21, #0x41
  0xd51b_9c15, // msr pmcr_el0, x21
  0xd503_42ff, // msr daifclr, #0x2
]
/** Acknowledges, counts, notes where it came from, moves the timer on that fired, ends. */
const HANDLER = [
  0xd538_cc15, // mrs x21, icc_iar1_el1
  0x9240_26b6, // and x22, x21, #0x3ff
  0xf876_7b17, // ldr x23, [x24, x22, lsl #3]
  0x9100_06f7, // add x23, x23, #0x1
  0xf836_7b17, // str x23, [x24, x22, lsl #3]
  0xd538_00ba, // mrs x26, mpidr_el1
  0x9240_0f5a, // and x26, x26, #0xf
  0x8b1a_0f1a, // add x26, x24, x26, lsl #3
  0xd538_4037, // mrs x23, elr_el1
  0xf905_0357, // str x23, [x26, #2560]
  0xf100_6edf, // cmp x22, #0x1b
  0x5400_0081, // b.ne 3c <.text+0x3c>  // b.any
  0xd53b_e057, // mrs x23, cntvct_el0
  0x9100_96f7, // add x23, x23, #0x25
  0xd51b_e357, // msr cntv_cval_el0, x23
  0xf100_7adf, // cmp x22, #0x1e
  0x5400_0081, // b.ne 50 <.text+0x50>  // b.any
  0xd53b_e037, // mrs x23, cntpct_el0
  0x9103_4ef7, // add x23, x23, #0xd3
  0xd51b_e257, // msr cntp_cval_el0, x23
  0x9280_0017, // mov x23, #-1
  0xd51b_9c77, // msr pmovsclr_el0, x23
  0xd518_cc35, // msr icc_eoir1_el1, x21
  0xd69f_03e0, // eret
]

/** msr icc_sgi1r_el1: SGI to a list of vCPUs, or to everybody else. */
const sgi = fc.tuple(fc.nat(15), fc.nat(15), fc.boolean()).map(([intid, list, others]) => [
  (0xd280_0009 | (list << 5)) >>> 0, // mov x9, #list
  (0xf2a0_0009 | (intid << 13)) >>> 0, // movk x9, #intid << 8, lsl #16
  ...(others ? [0xf2c0_2009] : []), // movk x9, #0x100, lsl #32
  0xd518_cba9,
])
const words = (...fixed: number[]) => fc.constant(fixed)
const interrupting: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 4, arbitrary: step },
  { weight: 2, arbitrary: sgi },
  { weight: 1, arbitrary: fc.constantFrom([0xd503_42df], [0xd503_42ff], [0xd503_207f]) }, // msr daifset, #2; msr daifclr, #2; wfi
  { weight: 1, arbitrary: words(0xd538_cb60, 0xd538_cc41, 0xb942_0322) }, // icc_rpr_el1, icc_hppir1_el1, GICR_ISPENDR0
  // mov x9, #-n; msr pmccntr_el0, x9; mrs x3, pmccntr_el0: an overflow soon
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 900 }).map(n => [(0x9280_0009 | (n << 5)) >>> 0, 0xd51b_9d09, 0xd53b_9d03]) },
  { weight: 1, arbitrary: fc.nat(15).map(n => [(0xd280_0009 | (n << 9)) >>> 0, 0xd518_4609]) }, // mov x9, #16 * n; msr icc_pmr_el1, x9
  { weight: 1, arbitrary: words(0xd280_1e09, 0xd518_4609) }, // mov x9, #0xf0; msr icc_pmr_el1, x9
  { weight: 1, arbitrary: fc.nat(15).map(n => [(0x5280_0029 | ((1 << n) << 5)) >>> 0, 0xb902_8329]) }, // str w9, GICR_ICPENDR0
)

export interface Part {
  readonly address: bigint
  readonly words: readonly number[]
}

/** Program (to be started at its address), and the handler. */
export const anyInterruptedProgram = (address: bigint): fc.Arbitrary<readonly Part[]> =>
  fc.array(interrupting, { minLength: 3, maxLength: 50 }).map(steps => {
    const body = steps.flat()
    const back = -body.length & 0x3ff_ffff
    return [
      { address, words: [...SETUP, ...ENABLE, ...body, (0x1400_0000 | back) >>> 0] },
      { address: VECTORS + 0x280n, words: HANDLER },
    ]
  })
