// Runs one test after another under an AArch64 Linux user emulator: reads records from standard input, writes them back as the instructions left them.
// The tested word is the last of its page: going on and branching forward leave the page, branching back stays.
// Record: two instruction words (u32 each), NZCV, SP, X0 to X30, FPCR, FPSR (u64 each), V0 to V31 (16 bytes each), 256 bytes of memory. In the answer the words are replaced by the landing place
// (u64: 0 went on, 1 branched). Nothing but the tested words runs between loading all registers and saving them; TPIDR_EL0 frees the one that saving needs.
// Addresses are fixed by the build line (exec-reference.ts): .text 0x10000000, .slot 0x10010ff0, .record 0x10020000, .window 0x10030000.
  .equ VECTORS, 16 + 8 + 8 * 31 + 16
  .equ MEMORY, VECTORS + 16 * 32
  .equ RECORD_BYTES, MEMORY + 256
  .text
  .globl _start
_start:
  mov   x0, #0                    // read(0, record, bytes)
  adrp  x1, record
  mov   x2, #RECORD_BYTES
  mov   x8, #63
  svc   #0
  cbz   x0, finished
  adrp  x0, record
  ldp   w1, w2, [x0]
  adrp  x3, slot
  add   x3, x3, :lo12:slot
  add   x3, x3, #8
  stp   w1, w2, [x3]
  dc    cvau, x3
  dsb   ish
  ic    ivau, x3
  dsb   ish
  isb
  adrp  x4, window                // memory in
  add   x5, x0, #MEMORY
  mov   x6, #256
1:ldr   x7, [x5], #8
  str   x7, [x4], #8
  subs  x6, x6, #8
  b.ne  1b
  add   x5, x0, #VECTORS
  ldp   q0, q1, [x5], #32
  ldp   q2, q3, [x5], #32
  ldp   q4, q5, [x5], #32
  ldp   q6, q7, [x5], #32
  ldp   q8, q9, [x5], #32
  ldp   q10, q11, [x5], #32
  ldp   q12, q13, [x5], #32
  ldp   q14, q15, [x5], #32
  ldp   q16, q17, [x5], #32
  ldp   q18, q19, [x5], #32
  ldp   q20, q21, [x5], #32
  ldp   q22, q23, [x5], #32
  ldp   q24, q25, [x5], #32
  ldp   q26, q27, [x5], #32
  ldp   q28, q29, [x5], #32
  ldp   q30, q31, [x5], #32
  ldp   x1, x2, [x0, #(VECTORS - 16)]
  msr   fpcr, x1
  msr   fpsr, x2
  clrex
  ldp   x1, x2, [x0, #8]
  msr   nzcv, x1
  mov   sp, x2
  add   x0, x0, #24
  ldp   x2, x3, [x0, #16]
  ldp   x4, x5, [x0, #32]
  ldp   x6, x7, [x0, #48]
  ldp   x8, x9, [x0, #64]
  ldp   x10, x11, [x0, #80]
  ldp   x12, x13, [x0, #96]
  ldp   x14, x15, [x0, #112]
  ldp   x16, x17, [x0, #128]
  ldp   x18, x19, [x0, #144]
  ldp   x20, x21, [x0, #160]
  ldp   x22, x23, [x0, #176]
  ldp   x24, x25, [x0, #192]
  ldp   x26, x27, [x0, #208]
  ldp   x28, x29, [x0, #224]
  ldr   x30, [x0, #240]
  ldp   x0, x1, [x0]
  b     slot + 8

went_on:
  msr   tpidr_el0, x0
  adrp  x0, record
  str   xzr, [x0]
  b     save
branched:
  msr   tpidr_el0, x0
  adrp  x0, record
  str   x1, [x0, #32]             // x1 is needed for the landing place
  mov   x1, #1
  str   x1, [x0]
  ldr   x1, [x0, #32]
save:
  add   x0, x0, #24
  str   x1, [x0, #8]
  stp   x2, x3, [x0, #16]
  stp   x4, x5, [x0, #32]
  stp   x6, x7, [x0, #48]
  stp   x8, x9, [x0, #64]
  stp   x10, x11, [x0, #80]
  stp   x12, x13, [x0, #96]
  stp   x14, x15, [x0, #112]
  stp   x16, x17, [x0, #128]
  stp   x18, x19, [x0, #144]
  stp   x20, x21, [x0, #160]
  stp   x22, x23, [x0, #176]
  stp   x24, x25, [x0, #192]
  stp   x26, x27, [x0, #208]
  stp   x28, x29, [x0, #224]
  str   x30, [x0, #240]
  mrs   x1, tpidr_el0
  str   x1, [x0]
  mrs   x1, nzcv
  mov   x2, sp
  stp   x1, x2, [x0, #-16]
  sub   x0, x0, #24
  mrs   x1, fpcr
  mrs   x2, fpsr
  stp   x1, x2, [x0, #(VECTORS - 16)]
  msr   fpcr, xzr
  add   x5, x0, #VECTORS
  stp   q0, q1, [x5], #32
  stp   q2, q3, [x5], #32
  stp   q4, q5, [x5], #32
  stp   q6, q7, [x5], #32
  stp   q8, q9, [x5], #32
  stp   q10, q11, [x5], #32
  stp   q12, q13, [x5], #32
  stp   q14, q15, [x5], #32
  stp   q16, q17, [x5], #32
  stp   q18, q19, [x5], #32
  stp   q20, q21, [x5], #32
  stp   q22, q23, [x5], #32
  stp   q24, q25, [x5], #32
  stp   q26, q27, [x5], #32
  stp   q28, q29, [x5], #32
  stp   q30, q31, [x5], #32
  adrp  x4, window                // memory out
  add   x5, x0, #MEMORY
  mov   x6, #256
1:ldr   x7, [x4], #8
  str   x7, [x5], #8
  subs  x6, x6, #8
  b.ne  1b
  mov   x1, x0                    // write(1, record, bytes)
  mov   x0, #1
  mov   x2, #RECORD_BYTES
  mov   x8, #64
  svc   #0
  b     _start
finished:
  mov   x0, #0
  mov   x8, #93
  svc   #0

  .section .slot, "awx"
slot:
  nop
  b     branched                  // a branch by -8 from the second word lands here
  nop                             // the first word
  nop                             // the second word
  b     went_on
  b     branched                  // a branch by +8 lands here
  .section .record, "aw"
record:
  .space 4096
  .section .window, "aw"
window:
  .space 4096
