// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For an ATmega328P at 1 MHz: echoes each key, and says when it came, in microseconds
 * modulo 2^24, and how often it was looked for. It goes to sleep for ever at q.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdint.h>
#include <util/atomic.h>

static volatile uint16_t overflows; /* of timer 2: every 256 us */

ISR(TIMER2_OVF_vect)
{
	overflows++;
}

static void put(char c)
{
	while (!(UCSR0A & _BV(UDRE0)))
		;
	UDR0 = c;
}

static void put_hex(uint8_t n)
{
	static const char digits[] = "0123456789abcdef";

	put(digits[n >> 4]);
	put(digits[n & 15]);
}

int main(void)
{
	uint8_t looks, low;
	uint16_t high;
	char key;

	UBRR0 = 12; /* 9615 baud */
	UCSR0A = _BV(U2X0);
	UCSR0B = _BV(RXEN0) | _BV(TXEN0);
	TCCR2B = _BV(CS20);
	TIMSK2 = _BV(TOIE2);
	sei();
	put('>');
	put('\n');
	do {
		for (looks = 1; !(UCSR0A & _BV(RXC0)); looks++)
			;
		key = UDR0;
		ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
		{
			low = TCNT2;
			high = overflows;
		}
		put(key);
		put(' ');
		put_hex((uint8_t)(high >> 8));
		put_hex((uint8_t)high);
		put_hex(low);
		put(' ');
		put_hex(looks);
		put('\n');
	} while (key != 'q');
	while (!(UCSR0A & _BV(UDRE0)))
		;
	cli();
	for (;;)
		sleep_cpu();
}
