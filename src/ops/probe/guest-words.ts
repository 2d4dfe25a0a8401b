// table of the recorded guest's machine code: what recordings/src/guest.S assembles to, at its offsets from IPA 0x40000000. X19 is the result store
// (0x09000000, not backed), X21 the exception store.

const NOP = 0xd503_201f
const HVC_0 = 0xd400_0002
const HVC_1 = 0xd400_0022
const SMC_0 = 0xd400_0003
const SMC_1 = 0xd400_0023
const STR_X0_X19 = 0xf900_0260
const BACK_2 = 0x17ff_fffe
const BACK_1 = 0x17ff_ffff
const loop = (call: number): readonly number[] => [NOP, call, STR_X0_X19, BACK_2]

/** Offsets of the pieces. */
export const GUEST = { hvc0: 0, smc0: 0x100, hvc1: 0x180, smc1: 0x200, secondary: 0x300, store: 0x400, vectors: 0x800 } as const

/** Offset and words of each piece. */
export const GUEST_WORDS: readonly (readonly [offset: number, words: readonly number[]])[] = [
  [GUEST.hvc0, loop(HVC_0)],
  [GUEST.smc0, loop(SMC_0)],
  [GUEST.hvc1, loop(HVC_1)],
  [GUEST.smc1, loop(SMC_1)],
  // movz x19, #0x0900, lsl #16; add x20, x19, #0x100; add x21, x19, #0x200; str x0, [x20]; hvc #0; str x0, [x19]; b
  [GUEST.secondary, [0xd2a1_2013, 0x9104_0274, 0x9108_0275, 0xf900_0280, HVC_0, STR_X0_X19, BACK_2]],
  [GUEST.store, [NOP, STR_X0_X19, BACK_1]],
  // mrs x22, esr_el1; mrs x23, elr_el1; str x22, [x21]; b .
  ...Array.from({ length: 16 }, (_, n) => [GUEST.vectors + n * 0x80, [0xd538_5216, 0xd538_4037, 0xf900_02b6, 0x1400_0000]] as const),
]
