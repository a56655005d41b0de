// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * emulator.js TTY [WHAT]: what the tests record. It says that it is ready, polls every
 * 100 cycles, and answers each key with the cycle and the time, until q. On standard
 * error it says what the functions of the package return. WHAT it does otherwise:
 *
 *   wrong     its answers are others
 *   longer    it goes on after q
 *   gated     it reads in checkpoints, with the Tty itself; gated-wrong: and its
 *             answers are others; gated-deaf: it does not read after cycle 1000
 *   back      in a replay it goes back once, from the end to the first key
 *   backward  its counter goes back at the first key
 */
'use strict';

const { Tty, NEVER } = require('crr');

const [path, what = ''] = process.argv.slice(2);
const tty = Tty.open(path, { raw: true });
const { clock } = tty;
const say = (...words) => process.stderr.write(`${words.join(' ')}\n`);
const code = (fn) => {
	try {
		return fn();
	} catch (error) {
		return error.code ?? error.message;
	}
};

let snapshot = null, left = what === 'back' ? 1 : 0;

function answer(cycles, key) {
	const now = tty.value(1, BigInt(Date.now()));

	tty.mark(`key ${key}`);
	say(cycles, key, now, code(() => tty.modem()));
	clock.set(cycles);
	tty.write(`${cycles} ${what.endsWith('wrong') ? '?' : key} ${now}\n`);
	return key !== 'q' || what === 'longer';
}

/* Returns whether to go on. */
function poll(cycles) {
	while (clock.due(cycles)) {
		const bytes = tty.read(1);

		if (bytes === null)
			return true;
		if (bytes.length === 0 || !answer(cycles, bytes.toString()))
			return false;
	}
	return true;
}

function pollGated(cycles) {
	let on = true, count = 0;

	tty.checkpointBegin(cycles, 2);
	while (on && tty.checkpointPending() &&
	       !(what === 'gated-deaf' && cycles > 1000)) {
		const bytes = tty.read(1);

		if (bytes !== null) {
			count++;
			on = answer(cycles, bytes.toString());
		}
	}
	if (tty.checkpointEnd() !== count)
		say('not as many as were read');
	return on;
}

function run() {
	const look = what.startsWith('gated') ? pollGated : poll;

	clock.set(1);
	tty.write('ready\n');
	for (let cycles = 100;; cycles += 100) {
		if (cycles === 1000) {
			clock.set(cycles);
			snapshot = tty.position();
			say('attached', tty.attached, 'at', snapshot.counter);
		}
		if (what === 'backward' && cycles === 2000)
			cycles = 1500;
		if (look(cycles))
			continue;
		if (!left-- || clock.nextDue === NEVER) {
			say('seek', clock.nextDue === NEVER ?
				code(() => tty.seek(snapshot)) : 'EBUSY');
			return;
		}
		tty.seek(snapshot);
		cycles = Number(snapshot.counter) - 100;
	}
}

try {
	run();
	say('ended');
} catch (error) {
	say(error.syscall, error.code);
	process.exitCode = 7;
}
