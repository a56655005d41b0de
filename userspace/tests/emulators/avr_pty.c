// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * avr_pty FIRMWARE: an AVR whose UART is connected to a pty, as simavr's own boards
 * do that: a thread of simavr's uart_pty reads the pty.
 */
#include <stdio.h>

#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/parts/uart_pty.h>

int main(int argc, char **argv)
{
	static uart_pty_t pty;
	elf_firmware_t firmware = { 0 };
	avr_t *avr = avr_make_mcu_by_name("atmega328p");
	int state;

	if (argc != 2 || !avr || elf_read_firmware(argv[1], &firmware))
		return 1;
	avr_init(avr);
	avr_load_firmware(avr, &firmware);
	avr->frequency = 16000000;
	uart_pty_init(avr, &pty);
	uart_pty_connect(&pty, '0');
	do {
		state = avr_run(avr);
	} while (state != cpu_Done && state != cpu_Crashed);
	return state == cpu_Crashed;
}
