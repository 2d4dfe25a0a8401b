// Owns random bare-metal programs for several vCPUs: arithmetic, loads and stores in one shared window, exclusives, branches, counters, events,
// the console, and calls of firmware. Every vCPU runs the same endless loop from its own entry.
import fc from 'fast-check'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'

/** Where programs and their data lie. */
export const CODE = RAM_BASE + 0x1000n
export const DATA = RAM_BASE + 0x8000n
export const RAM_BYTES = 0x1_0000

/** X19 is the data window, X20 the UART, X0 … X8 are free, X9 … X12 are scratch. */
export const SETUP = [
  0xd2a8_0013, // movz x19, #0x4000, lsl #16
  0xf290_0013, // movk x19, #0x8000
  0xd2a1_2014, // movz x20, #0x0900, lsl #16
]
const WINDOW = 0x1000

const reg = fc.integer({ min: 0, max: 8 })
const r3 = (base: number) => fc.tuple(reg, reg, reg).map(([d, n, m]) => [(base | (m << 16) | (n << 5) | d) >>> 0])
/** and x9, xN, #0xff8; then `access` with X9 as the offset from X19. */
const inWindow = (access: number) => fc.tuple(reg, reg).map(([t, n]) => [(0x927d_2009 | (n << 5)) >>> 0, (access | (9 << 16) | (19 << 5) | t) >>> 0])
const words = (...fixed: number[]) => fc.constant(fixed)
/** A call: movz w0, #low; movk w0, #high, lsl #16; movz x1, #argument; mov x2, xzr; mov x3, xzr; hvc #0 */
const call = (functionId: number, argument: fc.Arbitrary<number>) =>
  argument.map(x1 => [
    (0x5280_0000 | ((functionId & 0xffff) << 5)) >>> 0,
    (0x72a0_0000 | ((functionId >>> 16) << 5)) >>> 0,
    (0xd280_0001 | (x1 << 5)) >>> 0,
    0xaa1f_03e2,
    0xaa1f_03e3,
    0xd400_0002,
  ])
/** CPU_ON(argument, entry of the program, argument). */
const powerOn = fc.integer({ min: 0, max: 4 }).map(x1 => [
  0x5280_0060, // movz w0, #3
  0x72b8_8000, // movk w0, #0xc400, lsl #16
  (0xd280_0001 | (x1 << 5)) >>> 0,
  0xd2a8_0002, // movz x2, #0x4000, lsl #16
  0xf282_0002, // movk x2, #0x1000
  (0xd280_0003 | (x1 << 5)) >>> 0,
  0xd400_0002,
])

/** One step of a program: its words. */
export const step: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0x8b00_0000, 0xcb00_0000, 0xab00_0000, 0xeb00_0000, 0x8a00_0000, 0xca00_0000, 0x9b00_7c00, 0x9ac0_2400).chain(r3) },
  { weight: 2, arbitrary: fc.tuple(reg, fc.integer({ min: 0, max: 0xffff })).map(([d, imm]) => [(0xd280_0000 | (imm << 5) | d) >>> 0]) },
  { weight: 3, arbitrary: inWindow(0xf860_6800) }, // ldr x, [x19, x9]
  { weight: 3, arbitrary: inWindow(0xf820_6800) }, // str x, [x19, x9]
  // ldxr x10, [x19]; add x10, x10, #1; stxr w11, x10, [x19]
  { weight: 2, arbitrary: words(0xc85f_7e6a, 0x9100_054a, 0xc80b_7e6a) },
  // cbz xN, .+8; eor xN, xN, x11
  { weight: 2, arbitrary: reg.map(n => [(0xb400_0040 | n) >>> 0, (0xca0b_0000 | (n << 5) | n) >>> 0]) },
  { weight: 1, arbitrary: reg.map(n => [(0xd53b_e040 | n) >>> 0]) }, // mrs xN, cntvct_el0
  { weight: 1, arbitrary: fc.constantFrom([0xd503_205f], [0xd503_209f], [0xd503_203f]) }, // wfe, sev, yield
  // A wait for 100 ticks from now: mrs x12, cntvct_el0; add x12, x12, #100; msr cntv_cval_el0, x12; mov x12, #1; msr cntv_ctl_el0, x12; wfi
  { weight: 1, arbitrary: words(0xd53b_e04c, 0x9101_918c, 0xd51b_e34c, 0xd280_002c, 0xd51b_e32c, 0xd503_207f) },
  { weight: 1, arbitrary: reg.map(n => [(0xb900_0280 | n) >>> 0]) }, // str wN, [x20]: the console
  { weight: 1, arbitrary: call(0x8400_0000, fc.constant(0)) },
  { weight: 1, arbitrary: call(0xc400_0004, fc.integer({ min: 0, max: 4 })) },
  { weight: 1, arbitrary: call(0xc400_0053, fc.integer({ min: 0, max: 192 })) },
  { weight: 1, arbitrary: call(0x8600_0001, fc.integer({ min: 0, max: 2 })) },
  { weight: 2, arbitrary: powerOn },
  // cbnz xN, .+16; then CPU_OFF: movz w0, #2; movk w0, #0x8400, lsl #16; hvc #0
  { weight: 1, arbitrary: reg.map(n => [(0xb500_0080 | n) >>> 0, 0x5280_0040, 0x72b0_8000, 0xd400_0002]) },
)

/** A whole program, to be put at CODE. */
export const anyProgram: fc.Arbitrary<Uint32Array> = fc.array(step, { minLength: 3, maxLength: 60 }).map(steps => {
  const body = steps.flat()
  const back = -body.length & 0x3ff_ffff
  return Uint32Array.from([...SETUP, ...body, (0x1400_0000 | back) >>> 0])
})

/** What the data window starts with. */
export const anyData = fc.uint8Array({ minLength: WINDOW, maxLength: WINDOW })
