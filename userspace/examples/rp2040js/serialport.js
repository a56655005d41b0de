// SPDX-License-Identifier: GPL-2.0-or-later
/* serialport.js TTY: another thread reads the tty. */
'use strict';

const { once } = require('node:events');
const { promisify } = require('node:util');
const { SerialPort } = require('serialport');
const { Tty, checkpoint } = require('crr');

async function main(path) {
	const { core, uart, step, isOff, report } = require('./pico')();
	const tty = Tty.open(path, { raw: false });
	const port = new SerialPort({ path, baudRate: 9600 });
	const write = promisify(port.write.bind(port));
	const input = [], output = [];
	let count = 0;

	port.on('data', (bytes) => {
		input.push(...bytes);
		count += bytes.length;
	});
	uart.onByte = (byte) => output.push(byte);
	await once(port, 'open');
	for (let next = 0; !isOff(); step()) {
		if (input.length && !uart.rxFIFO.full)
			uart.feedByte(input.shift());
		if (core.cycles < next || input.length === 64)
			continue;
		next = core.cycles + 10000;
		await write(Buffer.from(output.splice(0)));
		await checkpoint(tty, core.cycles, () => count, 64 - input.length);
	}
	await write(Buffer.from(output));
	console.error(report());
	port.close();
}

main(...process.argv.slice(2));
