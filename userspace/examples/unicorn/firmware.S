/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a Cortex-M3: polls a UART, and answers each key with the number of polls so
 * far. Ends after a q.
 */
	.syntax unified
	.thumb
	.equ UART, 0x40000000
	.equ STATUS, 0		/* 1: there is a key */
	.equ DATA, 4
	.equ STOP, 8

	ldr	r7, =UART
	movs	r6, #0
	movs	r0, #'\n'
	str	r0, [r7, #DATA]
poll:	adds	r6, #1
	ldr	r0, [r7, #STATUS]
	cmp	r0, #0
	beq	poll
	ldr	r5, [r7, #DATA]
	movs	r4, #28
digit:	lsr	r0, r6, r4
	and	r0, #15
	cmp	r0, #10
	it	ge
	addge	r0, #'a' - '0' - 10
	adds	r0, #'0'
	str	r0, [r7, #DATA]
	subs	r4, #4
	bpl	digit
	movs	r0, #' '
	str	r0, [r7, #DATA]
	str	r5, [r7, #DATA]
	movs	r0, #'\n'
	str	r0, [r7, #DATA]
	cmp	r5, #'q'
	bne	poll
	str	r0, [r7, #STOP]
	b	.
