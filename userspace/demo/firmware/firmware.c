// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The service shell of a controller, for QEMU's riscv64 machine "virt": with a
 * line editor, interrupts, and a bug that shows now and then.
 *
 * The UART's interrupt edits the line. When Enter is pressed it copies it for the
 * main loop, because the next line may be typed while that executes the command.
 * It goes wrong all the same if that happens: see empty_line(). -DFIXED does it
 * right, and otherwise takes exactly the same time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_SIZE 64

/* ---- The machine ---- */

#define POWER	 ((volatile uint32_t *)0x100000)
#define MTIMECMP ((volatile uint64_t *)0x2004000)
#define MTIME	 ((volatile uint64_t *)0x200bff8)
#define PLIC	 0xc000000UL
#define UART	 ((volatile uint8_t *)0x10000000)

#define UART_IRQ      10
#define PLIC_PRIORITY ((volatile uint32_t *)PLIC + UART_IRQ)
#define PLIC_ENABLE   ((volatile uint32_t *)(PLIC + 0x2000))
#define PLIC_CLAIM    ((volatile uint32_t *)(PLIC + 0x200004))

enum { DATA, INTERRUPTS, FIFO, LINE_STATUS = 5 }; /* the UART's registers */
#define RECEIVED 0x01
#define IDLE	 0x20

#define TIMER_INTERRUPT	   (1UL << 7)
#define EXTERNAL_INTERRUPT (1UL << 11)
#define MIE		   (1UL << 3)

#define MTIME_HZ 10000000
#define TICK_HZ	 10

static void interrupts_off(void)
{
	__asm__ volatile("csrc mstatus, %0" : : "r"(MIE) : "memory");
}

static void interrupts_on(void)
{
	__asm__ volatile("csrs mstatus, %0" : : "r"(MIE) : "memory");
}

/* Until there is an interrupt, even if they are off. */
static void sleep(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

/* ---- Output ---- */

static void put(char c)
{
	while (!(UART[LINE_STATUS] & IDLE))
		;
	UART[DATA] = (uint8_t)c;
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_hex(uint64_t n, int digits)
{
	while (digits--)
		put("0123456789abcdef"[n >> (4 * digits) & 15]);
}

static void put_number(uint64_t n, int digits, char fill)
{
	char text[21];
	int i = sizeof(text) - 1;

	text[i] = '\0';
	do {
		text[--i] = (char)('0' + n % 10);
		n /= 10;
		digits--;
	} while (n);
	while (digits-- > 0)
		put(fill);
	put_text(text + i);
}

/* ---- Interrupts: the clock and the line editor ---- */

static volatile uint32_t ticks;

static volatile struct {
	unsigned int length;
	char text[LINE_SIZE];
} line;

static char command[LINE_SIZE];
static volatile bool busy; /* there is one, which the main loop executes */

/*
 * The bug: the line is emptied when its command has been executed. Keys that come
 * meanwhile are added to the old line, and are lost with it. It is to be emptied
 * when it has been copied.
 */
enum when { COPIED, EXECUTED };
#ifdef FIXED
#define EMPTY_WHEN COPIED
#else
#define EMPTY_WHEN EXECUTED
#endif

/*
 * Both firmwares take the same time, or a log of the one could not be replayed
 * with the other: when the line is not to be emptied, this is.
 */
static volatile unsigned int nothing;

static inline void empty_line(enum when now)
{
	if (now == EMPTY_WHEN)
		line.length = 0;
	else
		nothing = 0;
}

static void copy_line(void)
{
	unsigned int i;

	for (i = 0; i < line.length; i++)
		command[i] = line.text[i];
	command[i] = '\0';
}

static void edit_line(char c)
{
	switch (c) {
	case '\r':
		if (busy) {
			put('\a');
			break;
		}
		put_text("\r\n");
		copy_line();
		empty_line(COPIED);
		busy = true;
		break;
	case '\b':
	case '\x7f':
		if (line.length) {
			line.length--;
			put_text("\b \b");
		}
		break;
	default:
		if (c >= ' ' && line.length < LINE_SIZE - 1) {
			line.text[line.length++] = c;
			put(c);
		}
	}
}

static void uart_interrupt(void)
{
	while (UART[LINE_STATUS] & RECEIVED)
		edit_line((char)UART[DATA]);
}

/* From trap_entry. Nothing else is enabled than these two. */
void interrupt(void)
{
	uint32_t source;

	if (*MTIME >= *MTIMECMP) {
		*MTIMECMP += MTIME_HZ / TICK_HZ;
		ticks++;
	}
	source = *PLIC_CLAIM;
	if (source) {
		uart_interrupt();
		*PLIC_CLAIM = source;
	}
}

static void interrupts_init(void)
{
	UART[FIFO] = 7; /* on, and empty */
	UART[INTERRUPTS] = 1;
	*PLIC_PRIORITY = 1;
	*PLIC_ENABLE = 1U << UART_IRQ;
	*MTIMECMP = *MTIME + MTIME_HZ / TICK_HZ;
	__asm__ volatile("csrw mie, %0"
			 : : "r"(TIMER_INTERRUPT | EXTERNAL_INTERRUPT));
	interrupts_on();
}

/* ---- Commands ---- */

/* A number in hexadecimal, and what follows it. */
static uint64_t get_hex(const char **text)
{
	const char *p = *text;
	uint64_t n = 0;

	while (*p == ' ')
		p++;
	for (;; p++) {
		if (*p >= '0' && *p <= '9')
			n = n << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			n = n << 4 | (uint64_t)(*p - 'a' + 10);
		else
			break;
	}
	*text = p;
	return n;
}

static uint32_t crc32(const uint8_t *bytes, uint64_t length)
{
	uint32_t crc = ~0U;
	int bit;

	while (length--) {
		crc ^= *bytes++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
	}
	return ~crc;
}

static void do_crc(const char *arg)
{
	uint64_t address = get_hex(&arg);
	uint64_t length = get_hex(&arg);

	put_hex(crc32((const uint8_t *)address, length), 8);
	put_text("\r\n");
}

static void do_peek(const char *arg)
{
	put_hex(*(volatile uint32_t *)(get_hex(&arg) & ~3UL), 8);
	put_text("\r\n");
}

static void do_ticks(const char *arg)
{
	put_number(ticks, 1, ' ');
	put_text("\r\n");
}

static void do_off(const char *arg)
{
	*POWER = 0x5555;
	for (;;)
		sleep();
}

static void do_help(const char *arg)
{
	put_text("crc ADDRESS LENGTH, peek ADDRESS, ticks, help, off\r\n");
}

static const struct {
	const char *name;
	void (*run)(const char *arg);
} commands[] = {
	{ "crc", do_crc },   { "peek", do_peek }, { "ticks", do_ticks },
	{ "help", do_help }, { "off", do_off },
};

/* What follows the word in the text; or NULL, if another word is there. */
static const char *after_word(const char *text, const char *word)
{
	while (*word)
		if (*text++ != *word++)
			return NULL;
	return *text && *text != ' ' ? NULL : text;
}

static void execute(const char *text)
{
	const char *arg;
	size_t i;

	if (!*text)
		return;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		arg = after_word(text, commands[i].name);
		if (arg) {
			commands[i].run(arg);
			return;
		}
	}
	put_text(text);
	put_text(": no such command\r\n");
}

/* ---- The shell ---- */

/* The time since reset, and what has been typed so far. */
static void prompt(void)
{
	uint64_t us = *MTIME / (MTIME_HZ / 1000000);
	unsigned int i;

	put('[');
	put_number(us / 1000000, 3, ' ');
	put('.');
	put_number(us % 1000000, 6, '0');
	put_text("] ");
	for (i = 0; i < line.length; i++)
		put(line.text[i]);
}

static _Noreturn void shell(void)
{
	interrupts_off();
	for (;;) {
		prompt();
		while (!busy) {
			sleep();
			interrupts_on();
			interrupts_off();
		}
		interrupts_on();
		execute(command);
		interrupts_off();
		empty_line(EXECUTED);
		busy = false;
	}
}

int main(void)
{
	interrupts_init();
	put_text("Controller ready. Try help.\r\n");
	shell();
}
