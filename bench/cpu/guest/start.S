// Entry of every workload, at 0x40080000. The word at offset 8 is the number of repetitions: the bench patches it in the binary.
// The result is in X1 when PSCI SYSTEM_OFF is called, which ends the run on any machine with PSCI over HVC.
  .section .text.start, "ax"
  .globl _start
_start:
  b     1f
  nop
repetitions:
  .word 1
  .word 0
1:adrp  x9, stack_top
  add   x9, x9, :lo12:stack_top
  mov   sp, x9
  adr   x9, repetitions
  ldr   w0, [x9]
  bl    workload
  mov   x1, x0
  movz  w0, #8
  movk  w0, #0x8400, lsl #16
  hvc   #0
  b     .
