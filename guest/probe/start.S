// Entry points of the probe guest: reset, CPU_ON, SYSTEM_SUSPEND; vectors; the two conduits; MRS of the identification space.
#include "layout.h"

	.section .text.start, "ax"
	.global _start
_start:
	b	boot
	b	secondary_entry
	b	resume_entry

boot:
	mov	x0, #0
	bl	enter
	mov	x19, x0
	adrp	x1, __bss_start
	add	x1, x1, :lo12:__bss_start
	adrp	x2, __bss_end
	add	x2, x2, :lo12:__bss_end
1:	cmp	x1, x2
	b.hs	2f
	str	xzr, [x1], #8
	b	1b
2:	mov	x0, #0
	bl	primary
	b	park

	.global secondary_entry
secondary_entry:			// x0: vCPU index, the context that CPU_ON was given
	bl	enter
	bl	secondary
	b	park

	.global resume_entry
resume_entry:				// x0: context of SYSTEM_SUSPEND
	mov	x0, #0
	bl	enter
	mov	x0, #1
	bl	primary
park:
	wfi
	b	park

// Stack and vectors for vCPU x0; keeps x0.
enter:
	ldr	x1, =STACK_BASE + STACK_SIZE
	add	x1, x1, x0, lsl #12
	mov	sp, x1
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el1, x1
	isb
	ret

	.text
// x0: 4 registers in and out. A call clobbers x0 to x17 (SMCCC).
	.global call_hvc
call_hvc:
	stp	x29, x30, [sp, #-32]!
	str	x0, [sp, #16]
	mov	x9, x0
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	hvc	#0
	ldr	x9, [sp, #16]
	stp	x0, x1, [x9]
	stp	x2, x3, [x9, #16]
	ldp	x29, x30, [sp], #32
	ret

	.global call_smc
call_smc:
	stp	x29, x30, [sp, #-32]!
	str	x0, [sp, #16]
	mov	x9, x0
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	smc	#0
	ldr	x9, [sp, #16]
	stp	x0, x1, [x9]
	stp	x2, x3, [x9, #16]
	ldp	x29, x30, [sp], #32
	ret

// x0: rows of REGISTER_ROW bytes; fills encoding, and the value at offset x1. Returns the number of rows.
	.macro	identify op0, op1, crn, crm, op2
	ldr	x3, =UNREADABLE
	mrs	x3, s\op0\()_\op1\()_c\crn\()_c\crm\()_\op2
	mov	w4, #((\op0 << 14) | (\op1 << 11) | (\crn << 7) | (\crm << 3) | \op2)
	str	x4, [x0]
	str	x3, [x0, x1]
	add	x0, x0, #REGISTER_ROW
	add	x2, x2, #1
	.endm
	.global read_registers
read_registers:
	mov	x2, #0
	identify 3, 0, 0, 0, 0
	identify 3, 0, 0, 0, 5
	identify 3, 0, 0, 0, 6
	.irp	crm, 1, 2, 3, 4, 5, 6, 7
	.irp	op2, 0, 1, 2, 3, 4, 5, 6, 7
	identify 3, 0, 0, \crm, \op2
	.endr
	.endr
	identify 3, 1, 0, 0, 1
	identify 3, 1, 0, 0, 7
	identify 3, 3, 0, 0, 1
	identify 3, 3, 0, 0, 7
	identify 3, 3, 14, 0, 0
	mov	x0, x2
	ret

// x0: address of a counter; adds one to it.
	.global count_exclusive
count_exclusive:
1:	ldxr	x1, [x0]
	add	x1, x1, #1
	stxr	w2, x1, [x0]
	cbnz	w2, 1b
	ret

// A synchronous exception is noted; an UNDEFINED instruction (EC 0) is skipped, anything else parks the vCPU.
// Only x16 and x17 are changed: no caller keeps anything there across an instruction that may be UNDEFINED.
on_exception:
	ldr	x17, =REPORT
	ldr	x16, [x17, #R_EXCEPTIONS]
	add	x16, x16, #1
	str	x16, [x17, #R_EXCEPTIONS]
	mrs	x16, elr_el1
	str	x16, [x17, #R_ELR]
	mrs	x16, far_el1
	str	x16, [x17, #R_FAR]
	mrs	x16, esr_el1
	str	x16, [x17, #R_ESR]
	lsr	x16, x16, #26
	cbnz	x16, park
	mrs	x16, elr_el1
	add	x16, x16, #4
	msr	elr_el1, x16
	eret

	.balign	0x800
vectors:
	.rept	16
	.balign	0x80
	b	on_exception
	.endr
