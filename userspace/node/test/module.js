// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * With the module, as root: programs are recorded by crrctl while somebody types at
 * random times, and replayed $REPLAYS times, with the same result. $EXAMPLES is the
 * directory of the examples, and $AVR_FIRMWARE the program of that with avr8js.
 */
'use strict';

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');
const { examples } = require('./examples.js');
const { pty } = require('./pty.js');

const replays = Number(process.env.REPLAYS ?? 20);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'crr-node-'));
const log = path.join(directory, 'a.crr');
const emulator = path.join(__dirname, 'emulator.js');
const shown = process.env.EXAMPLES ?? path.join(__dirname, '../../examples');
const node = process.execPath;
const skip = fs.readFileSync('/proc/tty/ldiscs', 'utf8').includes('n_crr') ?
	false : 'needs the module n_crr';

after(() => fs.rmSync(directory, { recursive: true }));

/* Each word comes within a tenth of a second after the one before. */
const peer = `read -r ready
for keys in a b cd e fghi j q; do
	sleep 0.0$(($(od -A n -N 1 -t u1 /dev/urandom) % 100))
	printf $keys
done
exec cat > /dev/null`;

function crrctl(...words) {
	const { error, status, stdout, stderr } =
		spawnSync('crrctl', words, { encoding: 'latin1',
					     timeout: 120000 });

	if (error)
		throw error;
	return { status, stdout, stderr };
}

function record(command, ...options) {
	const run = crrctl('record', '-q', '-f', '-o', log, '-p', peer,
			   ...options, '--', ...command);

	assert.strictEqual(run.status, 0, run.stderr);
	return run;
}

const replay = (command, ...options) =>
	crrctl('replay', '-q', ...options, log, '--', ...command);

/* The result of each replay: that of the recording, and all the same output. */
function exact(command, ...options) {
	const recorded = record(command, ...options);
	let first;

	for (let i = 1; i <= replays; i++) {
		const run = replay(command);

		assert.strictEqual(run.status, 0,
				   `replay ${i}: ${run.stderr}`);
		assert.strictEqual(run.stderr, recorded.stderr, `replay ${i}`);
		first ??= run;
		assert.strictEqual(run.stdout, first.stdout, `replay ${i}`);
	}
	return { recorded, stdout: first?.stdout };
}

const free = [node, emulator, '{}'];

test('all functions', { skip }, () => {
	const { recorded, stdout } = exact(free);

	assert.match(recorded.stderr, /attached true at 1000/);
	assert.match(recorded.stderr, /q \d+ ENOTTY\nseek EBUSY\nended\n$/);
	assert.match(stdout, /^ready\n\d+ a \d+\n/);
	/* With other answers it diverges. */
	const wrong = replay([...free, 'wrong'], '-d', 'leave');

	assert.strictEqual(wrong.status, 120, wrong.stderr);
	assert.match(wrong.stderr, /^write ENOTRECOVERABLE$/m);
	/* Beyond the end, there is nothing. */
	const longer = replay([...free, 'longer'], '-d', 'leave');

	assert.match(longer.stderr, /^read ENODATA$/m);
	/* And it can go back. */
	const back = replay([...free, 'back']);
	const keys = recorded.stderr.split('\n').filter(
		(line) => /^\d+ \w \d/.test(line));

	assert.strictEqual(back.status, 0, back.stderr);
	assert.strictEqual(keys.length, 11);
	assert.deepStrictEqual(back.stderr.split('\n').filter(
		(line) => /^\d+ \w \d/.test(line)), [...keys, ...keys]);
});

test('a counter that goes back', { skip }, () => {
	const run = crrctl('record', '-q', '-f', '-o', log, '-p', peer, '--',
			   ...free, 'backward');

	assert.match(run.stderr, /^read ERANGE$/m);
	assert.strictEqual(run.status, 7);
});

test('checkpoints', { skip }, () => {
	exact([...free, 'gated'], '--gated');
	/* With other answers it diverges. */
	const wrong = replay([...free, 'gated-wrong'], '-d', 'leave');

	assert.strictEqual(wrong.status, 120, wrong.stderr);
	assert.match(wrong.stderr, /^write ENOTRECOVERABLE$/m);
	/* So it does if it does not read what it has read. */
	const deaf = replay([...free, 'gated-deaf'], '-d', 'leave');

	assert.strictEqual(deaf.status, 120, deaf.stderr);
	assert.match(deaf.stderr, /^checkpoint ENOTRECOVERABLE$/m);
	/* Nobody has asked for checkpoints. */
	const run = crrctl('record', '-q', '-f', '-o', log, '-p', peer, '--',
			   ...free, 'gated');

	assert.match(run.stderr, /^checkpoint EPROTO$/m);
});

for (const [name, file] of Object.entries(examples()))
	test(`${name} of the README`, { skip }, () => {
		const options = name.endsWith('.mjs') ? ['--gated'] : [];
		const { stdout } = exact([node, file, '{}'], ...options);

		assert.match(stdout, /q at cycle \d+|cycle \d+: \w*q\n/);
	});

for (const [name, firmware] of [['avr8js', process.env.AVR_FIRMWARE],
				['rp2040js']])
	for (const way of ['free', 'serialport'])
		test(`${name}, ${way}`, { skip }, () => {
			const words = firmware ? [firmware] : [];
			const { recorded, stdout } = exact(
				[node, path.join(shown, name, `${way}.js`),
				 ...words, '{}'],
				...way === 'free' ? [] : ['--gated']);

			assert.match(recorded.stderr, /^cycle \d+/);
			assert.match(stdout, /q/);
		});

/* Types at a line, a word at a random time within a tenth of a second each. */
async function typeAt(master, words) {
	for (const word of words) {
		await new Promise((resolve) =>
			setTimeout(resolve, 100 * Math.random()));
		fs.writeSync(master, word);
	}
}

test('two lines', { skip, timeout: 600000 }, async (t) => {
	const lines = [pty(), pty()];
	const command = [node, path.join(__dirname, 'lines.js'), '{0}', '{1}'];
	const recorder = spawn('crrctl', [
		'record', '-q', '-f', '--gated', '-o', log,
		...lines.map((line) => line.path), '--', ...command],
		{ stdio: ['ignore', 'ignore', 'pipe'] });
	const ended = new Promise((resolve) => recorder.on('close', resolve));
	let said = '';

	t.after(() => {
		recorder.kill();
		lines.forEach(({ master }) => fs.closeSync(master));
	});
	recorder.stderr.on('data', (bytes) => said += bytes);
	/* It says that it is ready on the first line. */
	for (;;) {
		try {
			fs.readSync(lines[0].master, Buffer.alloc(100));
			break;
		} catch {
			assert.strictEqual(recorder.exitCode, null, said);
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
	}
	await Promise.all(lines.map(({ master }, i) => typeAt(master,
		[...'abcdefgh', 'ijklmn', 'op', 'q'].map(
			(word) => i ? word.toUpperCase().replace('Q', 'q') :
				      word))));
	assert.strictEqual(await ended, 0, said);
	assert.match(said, / 0 a/);
	assert.match(said, / 1 A/);
	for (let i = 1; i <= replays; i++) {
		const run = replay(command);

		assert.strictEqual(run.status, 0, `replay ${i}: ${run.stderr}`);
		assert.strictEqual(run.stderr, said, `replay ${i}`);
	}
});
