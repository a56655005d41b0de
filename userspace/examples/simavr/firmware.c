// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A command shell on a serial line, for an ATmega328P at 1 MHz: with a line
 * editor, with interrupts, and with a bug that shows now and then.
 *
 * The prompt says how many microseconds the last key took. They are counted by
 * timer 2, whose 8 bits do not go far; its overflows are counted by an
 * interrupt. micros() reads both, and does not mind that the interrupt may come
 * in between: then its answer is 256 too low. When that happens depends on
 * nothing but the microsecond in which a key arrives.
 *
 * -DFIXED mends it. What the two then do differently is said at micros(); other
 * than that they are the same, to the cycle.
 *
 * With -DBUSY it never sleeps, and asks again and again instead: for those who
 * want to know how fast an emulator is.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <simavr/avr/avr_mcu_section.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <util/atomic.h>

#define F_CPU 1000000UL
/* For whoever simulates it. */
AVR_MCU(F_CPU, "atmega328p");

#define LINE_MAX 40

/* ---- Time ---- */

static volatile __uint24 overflows; /* of timer 2: every 256 us */
static volatile uint32_t millis;    /* counted by timer 0 */

ISR(TIMER2_OVF_vect)
{
	overflows++;
}

ISR(TIMER0_COMPA_vect)
{
	millis++;
}

/*
 * Microseconds. As somebody wrote it in a hurry:
 *
 *	return (uint32_t)overflows << 8 | TCNT2;
 *
 * The compiler makes four loads of it: three for overflows, one for TCNT2. If
 * the timer overflows after the first has begun and before the last one begins,
 * an old count and a new TCNT2 are put together. The window is 6 cycles of 256.
 *
 * Mended, it looks at overflows once more. A small TCNT2 belongs to the second
 * look, a large one to the first: no interrupts keep us for 128 us. The nops
 * before it are for simavr, which runs one instruction more than an AVR does
 * between reti and the next interrupt: the second look shall come after that.
 *
 * Both are in assembler, and the one has nops where the other looks again, to
 * take the same time. So the two can be compared, run against run, and part
 * where the wrong number is seen, and not before.
 */
static uint32_t __attribute__((noinline)) micros(void)
{
	__uint24 first, high;
	uint8_t low;

	asm volatile(
		"lds %A[first], %[overflows]\n\t"
		"lds %B[first], %[overflows] + 1\n\t"
		"lds %C[first], %[overflows] + 2\n\t"
		"lds %[low], %[tcnt]\n\t"
		"nop\n\t"
		"nop\n\t"
#ifdef FIXED
		"lds %A[high], %[overflows]\n\t"
		"lds %B[high], %[overflows] + 1\n\t"
		"lds %C[high], %[overflows] + 2\n\t"
		"sbrc %[low], 7\n\t"
		"movw %A[high], %A[first]\n\t"
		"sbrc %[low], 7\n\t"
		"mov %C[high], %C[first]"
#else
		"nop\n\tnop\n\t"
		"nop\n\tnop\n\t"
		"nop\n\tnop\n\t"
		"nop\n\t"
		"movw %A[high], %A[first]\n\t"
		"nop\n\t"
		"mov %C[high], %C[first]"
#endif
		: [first] "=&r"(first), [high] "=&r"(high), [low] "=&r"(low)
		: [overflows] "i"(&overflows), [tcnt] "n"(&TCNT2)
		: "memory");
	return (uint32_t)high << 8 | low;
}

static void time_init(void)
{
	TCCR2B = _BV(CS20); /* timer 2: counts microseconds */
	TIMSK2 = _BV(TOIE2);
	TCCR0A = _BV(WGM01); /* timer 0: 1 kHz */
	OCR0A = F_CPU / 8 / 1000 - 1;
	TCCR0B = _BV(CS01);
	TIMSK0 = _BV(OCIE0A);
}

/* ---- The serial line, 9600 baud ---- */

#define RING_SIZE 64 /* a power of two */

struct ring {
	volatile uint8_t head, tail;
	volatile char bytes[RING_SIZE];
};

static struct ring rx, tx;

static bool ring_empty(const struct ring *ring)
{
	return ring->head == ring->tail;
}

static bool ring_full(const struct ring *ring)
{
	return (uint8_t)(ring->head - ring->tail) == RING_SIZE;
}

ISR(USART_RX_vect)
{
	char c = UDR0;

	if (!ring_full(&rx))
		rx.bytes[rx.head++ % RING_SIZE] = c;
}

ISR(USART_UDRE_vect)
{
	if (ring_empty(&tx))
		UCSR0B &= ~_BV(UDRIE0);
	else
		UDR0 = tx.bytes[tx.tail++ % RING_SIZE];
}

/* Sleep while it is so. What it reads changes in interrupts only. */
#ifdef BUSY
#define sleep_while(condition)                                               \
	do {                                                                 \
	} while (condition)
#else
#define sleep_while(condition)                                               \
	do {                                                                 \
		cli();                                                       \
		while (condition) {                                          \
			sei(); /* takes effect after the next instruction */ \
			sleep_cpu();                                         \
			cli();                                               \
		}                                                            \
		sei();                                                       \
	} while (0)
#endif

static char get(void)
{
	sleep_while(ring_empty(&rx));
	return rx.bytes[rx.tail++ % RING_SIZE];
}

static void put(char c)
{
	sleep_while(ring_full(&tx));
	tx.bytes[tx.head++ % RING_SIZE] = c;
	UCSR0B |= _BV(UDRIE0);
}

/* Wait until all has been said. */
static void drain(void)
{
	sleep_while(!ring_empty(&tx));
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_flash(const char *text)
{
	char c;

	while ((c = pgm_read_byte(text++)))
		put(c);
}

#define say(text) put_flash(PSTR(text))

/*
 * All five digits, and in the same time whatever they are: by multiplication,
 * because a division's time would tell.
 */
static void put_number(uint16_t n)
{
	char digits[5];
	uint16_t tenth;
	uint8_t i;

	for (i = 5; i--; n = tenth) {
		tenth = (uint32_t)n * 0xcccd >> 16;
		tenth >>= 3;
		digits[i] = '0' + (uint8_t)(n - tenth * 10);
	}
	for (i = 0; i < 5; i++)
		put(digits[i]);
}

static void put_hex(uint8_t n)
{
	static const char digits[] PROGMEM = "0123456789abcdef";

	put(pgm_read_byte(&digits[n >> 4]));
	put(pgm_read_byte(&digits[n & 15]));
}

static void line_init(void)
{
	UBRR0 = 12; /* 1 MHz / 8 / 13 = 9615 baud */
	UCSR0A = _BV(U2X0);
	UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
	UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

/* ---- Commands ---- */

static void do_echo(const char *arg)
{
	put_text(arg);
	say("\r\n");
}

static void do_uptime(const char *arg)
{
	uint32_t now;
	char text[11];

	ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
	{
		now = millis;
	}
	put_text(ultoa(now / 1000, text, 10));
	say(".");
	utoa(now % 1000 + 1000, text, 10);
	put_text(text + 1);
	say(" s\r\n");
}

static void do_ticks(const char *arg)
{
	uint32_t now = micros();

	say("0x");
	put_hex(now >> 24);
	put_hex(now >> 16);
	put_hex(now >> 8);
	put_hex(now);
	say(" us\r\n");
}

static void do_led(const char *arg)
{
	if (!strcmp_P(arg, PSTR("on")))
		PORTB |= _BV(PORTB5);
	else if (!strcmp_P(arg, PSTR("off")))
		PORTB &= ~_BV(PORTB5);
	if (PORTB & _BV(PORTB5))
		say("the LED is on\r\n");
	else
		say("the LED is off\r\n");
}

static void do_peek(const char *arg)
{
	uint16_t address = strtoul(arg, NULL, 0);

	put_hex(address >> 8);
	put_hex(address);
	say(": ");
	put_hex(*(volatile uint8_t *)address);
	say("\r\n");
}

/* A processor that sleeps with interrupts off is one that was switched off. */
static void do_quit(const char *arg)
{
	say("bye\r\n");
	drain();
	cli();
	for (;;)
		sleep_cpu();
}

static void do_help(const char *arg)
{
	say("help           this\r\n"
	    "uptime         seconds since reset\r\n"
	    "ticks          the microsecond clock\r\n"
	    "echo TEXT      say TEXT\r\n"
	    "led [on|off]   the LED at port B5\r\n"
	    "peek ADDRESS   a byte of memory\r\n"
	    "quit           switch off\r\n");
}

static const struct command {
	char name[8];
	void (*run)(const char *arg);
} commands[] PROGMEM = {
	{ "help", do_help },
	{ "uptime", do_uptime },
	{ "ticks", do_ticks },
	{ "echo", do_echo },
	{ "led", do_led },
	{ "peek", do_peek },
	{ "quit", do_quit },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void run(char *text)
{
	void (*fn)(const char *arg);
	char *arg;
	uint8_t i;

	while (*text == ' ')
		text++;
	if (!*text)
		return;
	for (arg = text; *arg && *arg != ' '; arg++)
		;
	while (*arg == ' ')
		*arg++ = '\0';
	for (i = 0; i < COMMANDS; i++)
		if (!strcmp_P(text, commands[i].name))
			break;
	if (i == COMMANDS) {
		put_text(text);
		say("? There is no such command.\r\n");
		return;
	}
	fn = (void (*)(const char *))pgm_read_word(&commands[i].run);
	fn(arg);
}

/* ---- The line editor ---- */

static char line[LINE_MAX + 1];
static uint8_t length;
static bool after_cr;

/* One key; true for the last of a line. */
static bool edit(char c)
{
	bool cr = after_cr;

	after_cr = c == '\r';
	switch (c) {
	case '\n':
		return !cr;
	case '\r':
		return true;
	case '\b':
	case '\x7f':
		if (length)
			length--;
		break;
	case 'U' & 0x1f:
		length = 0;
		break;
	default:
		if (c >= ' ' && length < LINE_MAX)
			line[length++] = c;
	}
	return false;
}

/* The whole line anew, over the old one. */
static void draw(uint16_t took)
{
	uint8_t i;

	say("\r[");
	put_number(took);
	say(" us] ");
	for (i = 0; i < length; i++)
		put(line[i]);
	say("\x1b[K");
	drain();
}

/* No key takes 256 us. */
static void complain(uint16_t from, uint16_t to)
{
	if ((int16_t)(to - from) < 0)
		say("\r\n!! time ran backwards: ");
	else
		say("\r\n!! time leapt: ");
	put_number(from);
	say(" -> ");
	put_number(to);
	say("\r\n");
}

int main(void)
{
	uint16_t from, to;
	bool enter;
	char c;

	DDRB = _BV(DDB5);
	time_init();
	line_init();
	set_sleep_mode(SLEEP_MODE_IDLE);
	sleep_enable();
	sei();

	say("\r\nATmega328P at 1 MHz. Try help.\r\n");
	draw(0);
	for (;;) {
		c = get();
		from = micros();
		enter = edit(c);
		to = micros();
		draw(to - from);
		if ((uint16_t)(to - from) > 255) {
			complain(from, to);
			draw(to - from);
		}
		if (!enter)
			continue;
		say("\r\n");
		line[length] = '\0';
		length = 0;
		run(line);
		draw(to - from);
	}
}
