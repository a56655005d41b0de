// SPDX-License-Identifier: GPL-2.0-or-later
/* An ATmega328P at 1 MHz with its program in the file. Nothing here concerns crr. */
'use strict';

const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { AVRTimer, AVRUSART, CPU, avrInstruction, timer0Config, timer2Config,
	usart0Config } = require('avr8js');

const SLEEP = 0x9588;

module.exports = (file) => {
	const program = new Uint16Array(0x4000);

	new Uint8Array(program.buffer).set(readFileSync(file));
	const cpu = new CPU(program, 2048);

	for (const config of [timer0Config, timer2Config])
		new AVRTimer(cpu, config);
	return {
		cpu,
		usart: new AVRUSART(cpu, usart0Config, 1e6),
		step() {
			avrInstruction(cpu);
			cpu.tick();
		},
		/* Asleep with interrupts off. */
		isOff: () => program[cpu.pc] === SLEEP && !cpu.interruptsEnabled,
		report: () => `cycle ${cpu.cycles}, memory ` +
			createHash('sha256').update(cpu.data).digest('hex'),
	};
};
