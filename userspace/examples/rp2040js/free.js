// SPDX-License-Identifier: GPL-2.0-or-later
/* free.js TTY: the emulator reads the tty itself. */
'use strict';

const { Tty } = require('crr');
const { core, uart, step, isOff, report } = require('./pico')();

const tty = Tty.open(process.argv[2]);
const { clock } = tty;

/* What the line does not take is lost, as that of a UART without flow control. */
uart.onByte = (byte) => {
	clock.set(core.cycles);
	tty.write(Uint8Array.of(byte));
};

for (let poll = 0; !isOff(); step()) {
	if (core.cycles < poll)
		continue;
	poll += 1000;
	while (!uart.rxFIFO.full && clock.due(core.cycles)) {
		const byte = tty.read(1);

		if (!byte?.length)
			break;
		uart.feedByte(byte[0]);
	}
}
console.error(report());
