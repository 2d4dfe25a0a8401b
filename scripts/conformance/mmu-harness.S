// Makes one memory access after another with translation on, at EL1 and EL0, and notes what became of each. Bare metal: starts at EL1 with the MMU off at its load
// address, 0x42000000. Its parameters, cases and results are where mmu-memory.ts says. When all are done it executes HVC with an unknown function, which ends it on
// our machine, and on QEMU's writes the memory from which everything is read to a file by semihosting.
// x19 parameters, x20 case, x21 result, x22 cases left. An access begins by ERET with X0 to X3 and X30 of the case, X2 = 0, and ends by SVC.
  .arch armv8.5-a
  .equ PARAMETERS, 0x42020000
  .equ TTBR0, 0
  .equ TTBR1, 8
  .equ TCR, 16
  .equ MAIR, 24
  .equ SCTLR, 32
  .equ COUNT, 40
  .equ CASES, 48
  .equ RESULTS, 56
  .equ OUTPUT, 64            // address, bytes
  .equ IDENTIFICATION, 128
  .equ CASE_BYTES, 64
  .equ RESULT_BYTES, 64

  .section .el1, "ax"
  .globl _start
_start:
  ldr   x19, =PARAMETERS
  mrs   x0, id_aa64mmfr0_el1
  mrs   x1, id_aa64mmfr1_el1
  stp   x0, x1, [x19, #IDENTIFICATION]
  mrs   x0, id_aa64mmfr2_el1
  mrs   x1, id_aa64isar0_el1
  stp   x0, x1, [x19, #IDENTIFICATION + 16]
  mrs   x0, id_aa64isar1_el1
  mrs   x1, id_aa64pfr0_el1
  stp   x0, x1, [x19, #IDENTIFICATION + 32]
  mrs   x0, dczid_el0
  str   x0, [x19, #IDENTIFICATION + 48]
  adr   x0, vectors
  msr   vbar_el1, x0
  mov   x0, #3 << 20
  msr   cpacr_el1, x0
  ldp   x0, x1, [x19, #TTBR0]
  msr   ttbr0_el1, x0
  msr   ttbr1_el1, x1
  ldp   x0, x1, [x19, #TCR]
  msr   tcr_el1, x0
  msr   mair_el1, x1
  ldp   x0, x22, [x19, #SCTLR]
  ldp   x20, x21, [x19, #CASES]
  isb
  tlbi  vmalle1
  dsb   sy
  isb
  msr   sctlr_el1, x0
  isb
next:
  cbz   x22, done
  ldp   x7, x0, [x20]
  ldp   x1, x3, [x20, #16]
  ldp   x6, x30, [x20, #32]
  adr   x5, operations
  ldr   x7, [x5, x7, lsl #3]
  msr   elr_el1, x7
  msr   spsr_el1, x6
  mov   x2, #0
  eret
taken:
  mrs   x4, esr_el1
  mrs   x5, far_el1
  stp   x4, x5, [x21]
  mrs   x4, elr_el1
  stp   x4, x2, [x21, #16]
  str   x3, [x21, #32]
  add   x20, x20, #CASE_BYTES
  add   x21, x21, #RESULT_BYTES
  sub   x22, x22, #1
  b     next

done:
  mrs   x0, sctlr_el1
  bic   x0, x0, #1
  bic   x0, x0, #2             // and no alignment checks
  msr   sctlr_el1, x0
  isb
  ldr   x0, =0x84001234
  hvc   #0
  mov   w0, #0x01              // SYS_OPEN, wb
  adr   x1, open
  hlt   #0xf000
  adr   x1, write
  str   x0, [x1]
  ldp   x2, x3, [x19, #OUTPUT]
  stp   x2, x3, [x1, #8]
  mov   w0, #0x05              // SYS_WRITE
  hlt   #0xf000
  adr   x1, exit
  mov   w0, #0x18              // SYS_EXIT
  hlt   #0xf000
  b     .

  .balign 8
open:  .quad name, 5, 7
write: .quad 0, 0, 0
exit:  .quad 0x20026, 0
name:  .asciz "mmu.out"

  .balign 8
operations:
  .quad load8, load4, load2, load1, load_signed, load_pair, load_exclusive, load_unprivileged, load_unprivileged_byte
  .quad store8, store4, store1, store_unprivileged, zero_block, branch
  .quad at_s1e1r, at_s1e1w, at_s1e0r, at_s1e0w, at_s1e1rp, at_s1e1wp
  .quad map_vmalle1, map_vae1is, map_vale1, map_vaae1, map_vaale1is, map_aside1is, switch_ttbr0
  .quad user_load8, user_load1, user_store8, user_zero_block, user_branch

  .macro operation name, code:vararg
\name:
  \code
  svc   #1
  .endm
  operation load8, ldr x2, [x0]
  operation load4, ldr w2, [x0]
  operation load2, ldrh w2, [x0]
  operation load1, ldrb w2, [x0]
  operation load_signed, ldrsw x2, [x0]
  operation load_pair, ldp x2, x3, [x0]
  operation load_exclusive, ldxr x2, [x0]
  operation load_unprivileged, ldtr x2, [x0]
  operation load_unprivileged_byte, ldtrb w2, [x0]
  operation store8, str x1, [x0]
  operation store4, str w1, [x0]
  operation store1, strb w1, [x0]
  operation store_unprivileged, sttr x1, [x0]
  operation zero_block, dc zva, x0
branch:
  br    x0
  .globl el1_return
el1_return:
  svc   #1
  .macro at_operation name, kind
\name:
  at    \kind, x0
  isb
  mrs   x2, par_el1
  svc   #1
  .endm
  at_operation at_s1e1r, s1e1r
  at_operation at_s1e1w, s1e1w
  at_operation at_s1e0r, s1e0r
  at_operation at_s1e0w, s1e0w
  at_operation at_s1e1rp, s1e1rp
  at_operation at_s1e1wp, s1e1wp
  // Another descriptor (x1, at x3), and what makes it seen.
  .macro map_operation name, tlbi:vararg
\name:
  str   x1, [x3]
  dsb   sy
  tlbi  \tlbi
  dsb   sy
  isb
  svc   #1
  .endm
  map_operation map_vmalle1, vmalle1
  map_operation map_vae1is, vae1is, x0
  map_operation map_vale1, vale1, x0
  map_operation map_vaae1, vaae1, x0
  map_operation map_vaale1is, vaale1is, x0
  map_operation map_aside1is, aside1is, x0
switch_ttbr0:
  msr   ttbr0_el1, x1
  isb
  svc   #1

  .balign 0x800
vectors:
  .skip 0x200
  b     taken
  .balign 0x400
  b     taken
  .balign 0x800

  .section .el0, "ax"
  .globl el0_return
el0_return:
  svc   #1
  operation user_load8, ldr x2, [x0]
  operation user_load1, ldrb w2, [x0]
  operation user_store8, str x1, [x0]
  operation user_zero_block, dc zva, x0
user_branch:
  br    x0
