// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lines.js TTY TTY: an emulator with two lines, both read by the package serialport in
 * checkpoints. It says which bytes of which line have come at which cycle, until each
 * line has said q.
 */
'use strict';

const { once } = require('node:events');
const { promisify } = require('node:util');
const { SerialPort } = require('serialport');
const { Tty, checkpoint } = require('crr');

async function main(paths) {
	const ttys = paths.map((path) => Tty.open(path));
	const ports = paths.map((path) =>
		new SerialPort({ path, baudRate: 9600 }));
	const came = ports.map(() => '');
	let received = 0;

	ports.forEach((port, i) => port.on('data', (bytes) => {
		came[i] += bytes;
		received += bytes.length;
	}));
	await Promise.all(ports.map((port) => once(port, 'open')));
	const write = ports.map((port) => promisify(port.write.bind(port)));

	await write[0]('ready\n');
	for (let cycles = 0, open = ports.length; open; cycles += 1000) {
		if (!await checkpoint(ttys, cycles, () => received, 3))
			continue;
		for (const [i, text] of came.entries()) {
			came[i] = '';
			if (!text)
				continue;
			console.error(cycles, i, text);
			await write[i](`${cycles} ${text}\n`);
			open -= text.includes('q');
		}
	}
	ports.forEach((port) => port.close());
}

main(process.argv.slice(2));
