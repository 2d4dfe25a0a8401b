// A few position-independent instructions that ask firmware questions in a clone of a replayed VM. The host puts rows behind them: function id, X1,
// then room for X0 to X3; a function id of 0 ends the list. Uses X0 to X17 and X19; no stack, no vectors.
	.section .text.start, "ax"
	.global _start
_start:
	nop				// a VM that stopped at an MMIO access still owes a PC increment
	adr	x19, rows
1:	ldp	x0, x1, [x19], #16
	cbz	x0, done
	mov	x2, xzr
	mov	x3, xzr
	hvc	#0
	stp	x0, x1, [x19], #16
	stp	x2, x3, [x19], #16
	b	1b
done:
	b	done
	.balign	8
rows:
