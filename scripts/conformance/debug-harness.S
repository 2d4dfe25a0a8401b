// Executes short sequences with random debug registers at EL1 and EL0 and notes every exception. Bare metal: starts at EL1 with the MMU off at its load address,
// 0x42000000. Cases and results are where debug-cases.ts says. When all are done it executes HVC with an unknown function, which ends it on our machine, and on
// QEMU's writes the results to a file by semihosting.
// x19 cases left, x20 case, x21 result, x23 next event, x24 events. Sequences use X0 to X7.
  .arch armv8-a
  .equ CASES, 0x42100000
  .equ RESULTS, 0x42400000
  .equ CASE_BYTES, 256
  .equ RESULT_BYTES, 1024
  .equ MOST_EVENTS, 24
  .equ SPSR_SS, 1 << 21

  .text
  .globl _start
_start:
  ldr   x20, =CASES
  ldr   x21, =RESULTS
  ldr   x19, [x20]
  add   x20, x20, #CASE_BYTES
  adr   x0, vectors
  msr   vbar_el1, x0
  ldr   x0, =0x34d5c800
  msr   sctlr_el1, x0
  isb
next:
  msr   mdscr_el1, xzr
  msr   oslar_el1, xzr
  isb
  cbz   x19, done
  .macro comparators kind, count, from
  .set n, 0
  .rept \count
  set_comparator \kind, %n, %(\from + 16 * n)
  .set n, n + 1
  .endr
  .endm
  .altmacro
  .macro set_comparator kind, n, at
  ldp   x0, x1, [x20, #\at]
  msr   dbg\kind\()vr\n\()_el1, x0
  msr   dbg\kind\()cr\n\()_el1, x1
  .endm
  comparators b, 6, 64
  comparators w, 4, 160
  ldp   x0, x1, [x20, #8]
  msr   oslar_el1, x0
  msr   contextidr_el1, x1
  ldp   x0, x1, [x20, #24]
  msr   spsr_el1, x0
  msr   elr_el1, x1
  add   x23, x21, #32
  mov   x24, #0
  ldr   x0, [x20]
  msr   mdscr_el1, x0
  isb
  ldp   x0, x1, [x20, #40]
  mov   x2, #0
  mov   x5, x0
  ldr   x30, =sequences_end
  eret

taken:
  mrs   x10, esr_el1
  mrs   x11, elr_el1
  stp   x10, x11, [x23], #16
  mrs   x12, far_el1
  mrs   x13, spsr_el1
  stp   x12, x13, [x23], #16
  add   x24, x24, #1
  lsr   x14, x10, #26
  cmp   x14, #0x15
  b.eq  end
  cmp   x24, #MOST_EVENTS
  b.eq  end
  and   x15, x14, #~1
  cmp   x15, #0x32
  b.eq  step
  add   x11, x11, #4          // past what was not executed
  msr   elr_el1, x11
  ldr   x15, [x20, #56]
  cbz   x15, back
step:
  orr   x13, x13, #SPSR_SS
back:
  msr   spsr_el1, x13
  eret
end:
  str   x24, [x21]
  add   x20, x20, #CASE_BYTES
  add   x21, x21, #RESULT_BYTES
  sub   x19, x19, #1
  b     next

done:
  ldr   x0, =0x84001234
  hvc   #0
  mov   w0, #0x01             // SYS_OPEN, wb
  adr   x1, open
  hlt   #0xf000
  adr   x1, write
  str   x0, [x1]
  ldr   x2, =RESULTS
  sub   x3, x21, x2
  stp   x2, x3, [x1, #8]
  mov   w0, #0x05             // SYS_WRITE
  hlt   #0xf000
  adr   x1, exit
  mov   w0, #0x18             // SYS_EXIT
  hlt   #0xf000
  b     .
  .balign 8
open:  .quad name, 5, 9
write: .quad 0, 0, 0
exit:  .quad 0x20026, 0
name:  .asciz "debug.out"

  .balign 0x800
vectors:
  .skip 0x200
  b     taken
  .balign 0x400
  b     taken
  .balign 0x800

  .balign 0x1000
  .globl sequences, sequences_end
sequences:
  nop
  str   x1, [x0]
  ldr   w3, [x0, #4]
  ldrb  w3, [x0, #9]
  strh  w1, [x0, #14]
  add   x2, x2, #1
  ldp   x3, x4, [x0, #16]
  stp   w1, w2, [x0, #8]
  svc   #1
  ldxr  x3, [x0]
  stxr  w4, x1, [x0]
  ldaxr w3, [x0]
  clrex
  ldr   x3, [x0, #24]
  b     1f
  nop
1: cbz  xzr, 2f
  nop
2: mov  x5, x0
  str   w1, [x5], #12
  ldrsb x3, [x5, #1]!
  svc   #2
  ldtr  x3, [x0]
  sttrb w1, [x0, #8]
  ldtrsh w3, [x0, #16]
  sttr  w1, [x0, #24]
  ldrh  w3, [x0, #2]
  str   x1, [x0, #8]
  svc   #3
  isb
  msr   daifset, #8
  str   w1, [x0]
  msr   daifclr, #8
  str   w1, [x0, #16]
  mrs   x3, esr_el1
  brk   #5
  msr   contextidr_el1, x1
  ldr   w3, [x0, #20]
  svc   #4
  add   x5, x0, #64
  dc    zva, x5
  dc    cvac, x0
  prfm  pldl1keep, [x0]
  stlr  w1, [x0]
  ldar  x3, [x0, #0]
  mul   x3, x2, x2
  bl    3f
  svc   #5
3: mrs  x4, nzcv
  msr   nzcv, x1
  ldr   x3, [x0, #8]
  ret
sequences_end:
  svc   #6
