/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first instructions, and the way into interrupts and out of them. */

#define FRAME 144 /* 17 registers, and the stack is aligned to 16 bytes */

	.section .text.start, "ax"
	.globl _start
_start:
	la	sp, stack_top
	la	t0, trap_entry
	csrw	mtvec, t0
	call	main
	j	.

	.macro save register, offset
	sd	\register, \offset(sp)
	.cfi_rel_offset \register, \offset
	.endm

	.text
	.balign	4
	.type	trap_entry, @function
trap_entry:
	.cfi_startproc
	/* For debuggers: we return to mepc, which is saved as well, not to ra. */
	.cfi_return_column 64
	addi	sp, sp, -FRAME
	.cfi_adjust_cfa_offset FRAME
	save	ra, 0
	save	t0, 8
	save	t1, 16
	save	t2, 24
	save	a0, 32
	save	a1, 40
	save	a2, 48
	save	a3, 56
	save	a4, 64
	save	a5, 72
	save	a6, 80
	save	a7, 88
	save	t3, 96
	save	t4, 104
	save	t5, 112
	save	t6, 120
	csrr	t0, mepc
	sd	t0, 128(sp)
	.cfi_rel_offset 64, 128
	call	interrupt
	ld	ra, 0(sp)
	ld	t0, 8(sp)
	ld	t1, 16(sp)
	ld	t2, 24(sp)
	ld	a0, 32(sp)
	ld	a1, 40(sp)
	ld	a2, 48(sp)
	ld	a3, 56(sp)
	ld	a4, 64(sp)
	ld	a5, 72(sp)
	ld	a6, 80(sp)
	ld	a7, 88(sp)
	ld	t3, 96(sp)
	ld	t4, 104(sp)
	ld	t5, 112(sp)
	ld	t6, 120(sp)
	addi	sp, sp, FRAME
	mret
	.cfi_endproc
	.size	trap_entry, . - trap_entry
