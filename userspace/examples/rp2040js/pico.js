// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An RP2040 with a program in flash memory. It says that it is ready, waits for a
 * key, echoes it, and says how often it has looked at its UART meanwhile, modulo
 * 64. It stops at q. Nothing here concerns crr.
 */
'use strict';

const { RP2040 } = require('rp2040js');

const program = [
	0x2040,		// movs r0, #0x40
	0x0600,		// lsls r0, r0, #24
	0x2134,		// movs r1, #0x34
	0x0309,		// lsls r1, r1, #12
	0x1840,		// adds r0, r0, r1: UART0, 0x40034000
	0x2172,		// movs r1, #'r'
	0x6001,		// str r1, [r0]: UARTDR
	0x210a,		// movs r1, #'\n'
	0x6001,		// str r1, [r0]
	0x2200,		// key: movs r2, #0
	0x3201,		// look: adds r2, #1
	0x6981,		// ldr r1, [r0, #0x18]: UARTFR
	0x06c9,		// lsls r1, r1, #27: RXFE is the sign
	0xd4fb,		// bmi look
	0x6801,		// ldr r1, [r0]
	0x6001,		// str r1, [r0]
	0x233f,		// movs r3, #63
	0x401a,		// ands r2, r3
	0x3230,		// adds r2, #'0'
	0x6002,		// str r2, [r0]
	0x2971,		// cmp r1, #'q'
	0xd1f2,		// bne key
	0xbe00,		// bkpt #0
];

module.exports = () => {
	const chip = new RP2040();
	let stopped = false;

	chip.flash16.set(program);
	chip.core.PC = 0x10000000;
	chip.onBreak = () => stopped = true;
	return {
		core: chip.core,
		uart: chip.uart[0],
		step: () => chip.clock.tick(8 * chip.core.executeInstruction()),
		isOff: () => stopped,
		report: () => `cycle ${chip.core.cycles}`,
	};
};
