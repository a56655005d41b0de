// SPDX-License-Identifier: GPL-2.0-or-later
/* free.js FIRMWARE TTY: the emulator reads the tty itself. */
'use strict';

const { Tty } = require('crr');

const [firmware, path] = process.argv.slice(2);
const { cpu, usart, step, isOff, report } = require('./avr')(firmware);
const tty = Tty.open(path);
const { clock } = tty;

/* What the line does not take is lost, as that of a UART without flow control. */
usart.onByteTransmit = (byte) => {
	clock.set(cpu.cycles);
	tty.write(Uint8Array.of(byte));
};

for (let poll = 0; !isOff(); step()) {
	if (cpu.cycles < poll)
		continue;
	poll += 1000;
	while (!usart.rxBusy && clock.due(cpu.cycles)) {
		const byte = tty.read(1);

		if (!byte?.length)
			break;
		usart.writeByte(byte[0]);
	}
}
console.error(report());
