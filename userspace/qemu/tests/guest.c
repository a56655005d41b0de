// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two guests for the plugin's tests, on QEMU's riscv64 machine "virt" without
 * firmware. Both keep a hash of all that they see: each byte, and the time and
 * the count of instructions at which they saw it; so that a replay that is off by
 * one instruction shows.
 *
 * Busy: never halts, polls the UART, and prints the hash at each byte.
 * HALTING=1: sleeps until a byte or the timer comes; its time is printed at each
 * byte, and now and then at the timer.
 *
 * 'q' switches the machine off.
 */
#include <stdint.h>

#define UART	 0x10000000UL
#define TEST	 0x100000UL
#define CLINT	 0x2000000UL
#define PLIC	 0xc000000UL
#define UART_IRQ 10

/* How often the timer comes, in units of 100 ns, and how often that is shown. */
#ifndef HALTING
#define HALTING	 0
#endif
#ifndef TICK
#define TICK	 100000
#endif
#define SHOWN	 25

static volatile uint8_t *const uart = (void *)UART;
static volatile uint64_t *const mtime = (void *)(CLINT + 0xbff8);
static volatile uint64_t *const mtimecmp = (void *)(CLINT + 0x4000);
static volatile uint32_t *const plic = (void *)PLIC;

static uint64_t hash = 1469598103934665603UL;

static uint64_t instructions(void)
{
	uint64_t n;

	__asm__ volatile("csrr %0, minstret" : "=r"(n));
	return n;
}

static void mix(uint64_t value)
{
	int i;

	for (i = 0; i < 8; i++) {
		hash ^= value >> (8 * i) & 0xff;
		hash *= 1099511628211UL;
	}
}

static void put(char c)
{
	while (!(uart[5] & 0x20))
		;
	uart[0] = (uint8_t)c;
}

static void put_hex(uint64_t value, int digits)
{
	while (digits--)
		put("0123456789abcdef"[value >> (4 * digits) & 15]);
}

static void show(char what)
{
	put(what);
	put(' ');
	put_hex(hash, 16);
	put(' ');
	put_hex(*mtime, 10);
	put('\n');
}

static void see(uint8_t byte)
{
	mix(byte);
	mix(*mtime);
	mix(instructions());
	show(byte > ' ' && byte < 127 ? (char)byte : '?');
	if (byte == 'q')
		*(volatile uint32_t *)TEST = 0x5555;
}

static void busy(void)
{
	uint64_t turns = 0;

	for (;;) {
		turns++;
		if (!(uart[5] & 1))
			continue;
		mix(turns);
		see(uart[0]);
	}
}

/* Interrupts are pending and never taken: WFI ends, and that is all. */
static void halting(void)
{
	unsigned int ticks = 0;
	uint32_t irq;

	plic[UART_IRQ] = 1;
	plic[0x2000 / 4] = 1U << UART_IRQ;
	plic[0x200000 / 4] = 0;
	uart[1] = 1;
	*mtimecmp = *mtime + TICK;
	__asm__ volatile("csrs mie, %0" : : "r"(1UL << 11 | 1UL << 7));
	for (;;) {
		__asm__ volatile("wfi");
		mix(*mtime);
		if (*mtime >= *mtimecmp) {
			*mtimecmp += TICK;
			mix(instructions());
			if (++ticks % SHOWN == 0)
				show('-');
		}
		irq = plic[0x200004 / 4];
		if (!irq)
			continue;
		while (uart[5] & 1)
			see(uart[0]);
		plic[0x200004 / 4] = irq;
	}
}

void guest_main(void)
{
	uart[2] = 7; /* the FIFOs, emptied */
	show('!');
	if (HALTING)
		halting();
	busy();
}

/* The linker puts this section first, where the machine begins. */
__asm__(".section .text.unlikely,\"ax\"\n"
	".globl _start\n"
	"_start:\n"
	"	la sp, stack_top\n"
	"	call guest_main\n"
	"	.bss\n"
	"	.balign 16\n"
	"	.skip 4096\n"
	"stack_top:\n");
