// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests for the plugin's tests, on QEMU's riscv64 machines, without
 * firmware. They keep a hash of all that they see: each byte, and the time and the
 * count of instructions at which they saw it, so that a replay that is off by one
 * instruction shows.
 *
 * BUSY, on "virt": never halts, polls the UART, and prints the hash at each byte.
 * HALTING, on "virt": sleeps until a byte or the timer comes; prints the hash at
 * each byte, and now and then at the timer.
 * SLEEPING: likewise, with a timer that comes each second, and is shown.
 * TWO, on "sifive_e": never halts, polls two UARTs, and prints at the one what came
 * in at the other. That machine cannot be switched off.
 * SPIN, on "virt": computes, looks at the UART every 4,000 instructions, and
 * switches itself off after as many looks as the loader has put into memory.
 *
 * 'q' switches the others off.
 */
#include <stdint.h>

#define BUSY	 0
#define HALTING	 1
#define TWO	 2
#define SLEEPING 3
#define SPIN	 4
#ifndef GUEST
#define GUEST	 BUSY
#endif

#define TEST	 0x100000UL
#define CLINT	 0x2000000UL
#define PLIC	 0xc000000UL
#define UART	 0x10000000UL
#define UART_IRQ 10
#define LOOKS	 0x80f00000UL /* -device loader,addr=...,data=N,data-len=8 */
#define SIFIVE_UART(n) (0x10013000UL + 0x10000 * (n))

/* How often the timer comes, in units of 100 ns, and how often that is shown. */
#define TICK	 (GUEST == SLEEPING ? 10000000 : 100000)
#define SHOWN	 (GUEST == SLEEPING ? 1 : 25)

static volatile uint8_t *const uart = (void *)UART;
static volatile uint64_t *const mtime = (void *)(CLINT + 0xbff8);
static volatile uint64_t *const mtimecmp = (void *)(CLINT + 0x4000);
static volatile uint32_t *const plic = (void *)PLIC;

static const int guest = GUEST;
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

static volatile uint32_t *sifive(int line)
{
	return (void *)SIFIVE_UART(line);
}

static void put(int line, char c)
{
	if (guest == TWO) {
		while (sifive(line)[0] & 1U << 31)
			;
		sifive(line)[0] = (uint8_t)c;
		return;
	}
	while (!(uart[5] & 0x20))
		;
	uart[0] = (uint8_t)c;
}

/* A byte, or -1. */
static int get(int line)
{
	uint32_t received;

	if (guest == TWO) {
		received = sifive(line)[1];
		return received & 1U << 31 ? -1 : (int)(received & 0xff);
	}
	return uart[5] & 1 ? uart[0] : -1;
}

static void put_hex(int line, uint64_t value, int digits)
{
	while (digits--)
		put(line, "0123456789abcdef"[value >> (4 * digits) & 15]);
}

static void show(int line, char what)
{
	put(line, what);
	put(line, ' ');
	put_hex(line, hash, 16);
	put(line, ' ');
	put_hex(line, *mtime, 10);
	put(line, '\n');
}

/* Not inline: a debugger's breakpoint. */
static __attribute__((noinline)) void see(int line, int byte)
{
	mix((uint64_t)byte);
	mix(*mtime);
	mix(instructions());
	show(guest == TWO ? !line : 0,
	     byte > ' ' && byte < 127 ? (char)byte : '?');
	if (byte == 'q' && guest != TWO)
		*(volatile uint32_t *)TEST = 0x5555;
}

static void busy(void)
{
	uint64_t turns = 0;
	int line, byte;

	for (;;) {
		line = guest == TWO ? turns & 1 : 0;
		turns++;
		byte = get(line);
		if (byte < 0)
			continue;
		mix(turns);
		see(line, byte);
	}
}

/* Interrupts are pending and never taken: WFI ends, and that is all. */
static void halting(void)
{
	unsigned int ticks = 0;
	uint32_t irq;
	int byte;

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
				show(0, '-');
		}
		irq = plic[0x200004 / 4];
		if (!irq)
			continue;
		while ((byte = get(0)) >= 0)
			see(0, byte);
		plic[0x200004 / 4] = irq;
	}
}

static void spinning(void)
{
	uint64_t looks = *(volatile uint64_t *)LOOKS, x = 0;
	int i;

	while (looks--) {
		for (i = 0; i < 1000; i++)
			__asm__ volatile("addi %0, %0, 1\n\txori %0, %0, 3"
					 : "+r"(x));
		(void)get(0);
	}
	*(volatile uint32_t *)TEST = 0x5555;
}

void guest_main(void)
{
	if (guest == TWO) {
		sifive(0)[2] = sifive(1)[2] = 1; /* to be written to */
		sifive(0)[3] = sifive(1)[3] = 1; /* to be read from */
		show(1, '!');
	} else {
		uart[2] = 7; /* the FIFOs, emptied */
	}
	show(0, '!');
	if (guest == HALTING || guest == SLEEPING)
		halting();
	if (guest == SPIN)
		spinning();
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
