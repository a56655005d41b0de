// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware for avr_pty, an ATmega328P: what i51.py does. It ends by sleeping with
 * interrupts off.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

static void put(char c)
{
	while (!(UCSR0A & (1 << UDRE0)))
		;
	UDR0 = c;
}

int main(void)
{
	unsigned int looks;
	char c;

	UBRR0 = 8;
	UCSR0B = (1 << RXEN0) | (1 << TXEN0);
	put('\n');
	do {
		looks = 0;
		while (!(UCSR0A & (1 << RXC0)))
			looks++;
		c = UDR0;
		put(c);
		put('0' + ((looks ^ looks >> 8) & 63));
	} while (c != 'q');
	while (!(UCSR0A & (1 << TXC0)))
		;
	cli();
	sleep_enable();
	sleep_cpu();
	return 0;
}
