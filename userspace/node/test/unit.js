// SPDX-License-Identifier: GPL-2.0-or-later
/* Without the module: on a pty that has no N_CRR everything works as well. */
'use strict';

const assert = require('node:assert');
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const koffi = require('koffi');
const crr = require('crr');
const { Tty, checkpoint } = crr;
const { examples } = require('./examples.js');
const { pty } = require('./pty.js');

const { O_NONBLOCK } = fs.constants;

/* What master shows, until it ends with text. */
async function shown(master, text) {
	const buffer = Buffer.alloc(1000);
	let all = '';

	while (!all.endsWith(text)) {
		try {
			all += buffer.toString('latin1', 0,
					       fs.readSync(master, buffer));
		} catch (error) {
			if (error.code !== 'EAGAIN')
				throw error;
			await new Promise((resolve) => setImmediate(resolve));
		}
	}
	return all;
}

/* A tty on a new pty, and what is at its other end. */
function opened(t, options) {
	const { master, path } = pty();
	const tty = Tty.open(path, { raw: true, ...options });

	t.after(() => {
		tty.close();
		fs.closeSync(master);
	});
	return {
		path,
		tty,
		type: (text) => fs.writeSync(master, text),
		shown: (text) => shown(master, text),
	};
}

/* What is typed has arrived when read() finds it. */
function soon(tty, max) {
	for (;;) {
		const bytes = tty.read(max);

		if (bytes)
			return bytes.toString('latin1');
	}
}

const fails = (code, syscall, fn, more = {}) =>
	assert.throws(fn, (error) => {
		assert.ok(error instanceof Error);
		assert.strictEqual(error.code, code);
		assert.strictEqual(error.syscall, syscall);
		assert.strictEqual(-error.errno, koffi.os.errno[code]);
		assert.ok(error.message.startsWith(`${code}: `), error.message);
		for (const [key, value] of Object.entries(more))
			assert.strictEqual(error[key], value);
		return true;
	});

test('import and require give the same', async () => {
	const module = await import('crr');

	for (const name of Object.keys(crr))
		assert.strictEqual(module[name], crr[name], name);
});

test('constants and members are those of the library', () => {
	assert.match(crr.version, /^\d+\.\d+\.\d+/);
	assert.strictEqual(crr.constant('CRR_NEVER'), 2n ** 64n - 1n);
	assert.strictEqual(crr.NEVER, 2n ** 64n - 1n);
	assert.strictEqual(crr.READ_MAX, 4096);
	assert.strictEqual(crr.constant('CRR_TTY_BLOCKING'), 2n);
	assert.deepStrictEqual(crr.member('crr_position'),
			       { offset: 0, size: 16 });
	assert.deepStrictEqual(crr.member('crr_position.counter'),
			       { offset: 8, size: 8 });
	assert.strictEqual(crr.member('crr_modem.cts').size, 4);
	for (const name of ['', 'CRR_', 'CRR_NONE'])
		assert.throws(() => crr.constant(name), RangeError);
	assert.throws(() => crr.member('crr_modem.none'), RangeError);
	assert.throws(() => crr.constant(1), TypeError);
	assert.throws(() => crr.member('a\0b'), TypeError);
});

test('errors are like those of Node.js', (t) => {
	fails('ENOTTY', 'open', () => Tty.open('/dev/null'),
	      { path: '/dev/null' });
	fails('ENOENT', 'open', () => Tty.open('/dev/no-such-tty'));
	fails('EISDIR', 'open', () => Tty.open('/'));
	const fd = fs.openSync('/dev/null');

	t.after(() => fs.closeSync(fd));
	fails('ENOTTY', 'adopt', () => Tty.adopt(fd), { path: undefined });
	fails('EBADF', 'adopt', () => Tty.adopt(99999));
	for (const wrong of [undefined, null, 7, Buffer.from('x'), 'a\0b'])
		assert.throws(() => Tty.open(wrong), TypeError);
	assert.throws(() => new Tty(), TypeError);
});

test('reads and writes', async (t) => {
	const { tty, type, shown } = opened(t);

	assert.strictEqual(tty.attached, false);
	assert.strictEqual(tty.read(), null);
	type('hello');
	assert.strictEqual(soon(tty, 2), 'he');
	assert.strictEqual(soon(tty), 'llo');
	assert.strictEqual(tty.read(0).length, 0);
	assert.strictEqual(tty.write('\u20ac\n'), 4);
	assert.strictEqual(tty.write(Uint8Array.of(0, 10, 255)), 3);
	assert.strictEqual(tty.write(''), 0);
	assert.strictEqual(await shown('\xff'), '\xe2\x82\xac\n\0\n\xff');
	for (const wrong of [undefined, 7, [1], new Uint16Array(1)])
		assert.throws(() => tty.write(wrong), TypeError);
	type('abc');
	type('de');
	assert.strictEqual(tty.readAll(5).toString(), 'abcde');
	assert.strictEqual(tty.readAll(0).length, 0);
});

test('what a full line does not take', (t) => {
	const { tty } = opened(t);
	const many = Buffer.alloc(10000);
	let n;

	for (let i = 0; i < 1000 && n !== 0; i++)
		n = tty.write(many);
	assert.strictEqual(n, 0);
});

test('a hangup', (t) => {
	const { master, path } = pty();
	const tty = Tty.open(path, { raw: true });

	t.after(() => tty.close());
	fs.closeSync(master);
	assert.strictEqual(tty.read().length, 0);
	assert.strictEqual(tty.readAll(3).length, 0);
	fails('EIO', 'write', () => tty.write('x'));
});

test('raw mode, and blocking', (t) => {
	const { path, tty, type } = opened(t, { raw: false });
	const stty = () => String(execFileSync('stty', ['-a', '-F', path]));
	const nonblock = (fd) => Number.parseInt(/flags:\s+(\d+)/.exec(
		fs.readFileSync(`/proc/self/fdinfo/${fd}`))[1], 8) & O_NONBLOCK;

	assert.match(stty(), / icanon/);
	assert.ok(nonblock(tty.fd));
	const other = Tty.open(path, { raw: true, blocking: true });

	assert.match(stty(), /-icanon/);
	assert.match(stty(), /min = 1/);
	assert.ok(!nonblock(other.fd));
	type('x');
	assert.strictEqual(other.read().toString(), 'x');
	other.close();
});

test('a tty that is already open', (t) => {
	const { tty, type } = opened(t);
	const adopted = Tty.adopt(tty.fd);

	assert.strictEqual(adopted.fd, tty.fd);
	type('x');
	assert.strictEqual(soon(adopted), 'x');
	adopted.close();
	/* It is still open. */
	assert.strictEqual(tty.write('y'), 1);
	for (const wrong of [-1, 1.5, NaN, 2 ** 31, '1', undefined])
		assert.throws(() => Tty.adopt(wrong), RangeError);
});

test('the counter', (t) => {
	const { tty } = opened(t);
	const { clock } = tty;

	assert.strictEqual(tty.clock, clock);
	assert.strictEqual(clock.nextDue, crr.NEVER);
	assert.throws(() => { clock.nextDue = 1n; }, TypeError);
	for (const good of [0, 0n, 7, 2 ** 32, Number.MAX_SAFE_INTEGER,
			    2n ** 63n, 2n ** 64n - 1n]) {
		assert.strictEqual(clock.due(good), true);
		clock.set(good);
		assert.strictEqual(tty.position().counter, BigInt(good));
		tty.seek({ sequence: 0, counter: good });
		tty.checkpointBegin(good);
		assert.strictEqual(tty.checkpointEnd(), 0);
	}
	for (const wrong of [-1, -1n, 2n ** 64n, 2 ** 53, 0.5, NaN, Infinity,
			     '1', null, undefined, {}]) {
		assert.throws(() => clock.due(wrong), RangeError);
		assert.throws(() => clock.set(wrong), RangeError);
		assert.throws(() => tty.checkpointBegin(wrong), RangeError);
		assert.throws(() => tty.seek({ sequence: 0, counter: wrong }),
			      RangeError);
		assert.throws(() => tty.value(1, wrong), RangeError);
	}
	/* Nothing of it has moved the counter. */
	assert.strictEqual(tty.position().counter, 2n ** 64n - 1n);
});

test('marks, values, positions, modem lines', (t) => {
	const { tty } = opened(t);

	tty.mark('state 1a2b');
	fails('EINVAL', 'mark', () => tty.mark(''));
	fails('EINVAL', 'mark', () => tty.mark('a\nb'));
	fails('EINVAL', 'mark', () => tty.mark('x'.repeat(
		Number(crr.constant('CRR_MARK_MAX')) + 1)));
	assert.throws(() => tty.mark(7), TypeError);
	assert.strictEqual(tty.value(1, 12), 12n);
	assert.strictEqual(tty.value(2 ** 32 - 1, 2n ** 64n - 1n),
			   2n ** 64n - 1n);
	for (const wrong of [-1, 2 ** 32, 0.5, '1'])
		assert.throws(() => tty.value(wrong, 0), RangeError);
	tty.clock.set(70);
	const position = tty.position();

	assert.deepStrictEqual(position, { sequence: 0n, counter: 70n });
	tty.clock.set(80);
	tty.seek(position);
	assert.strictEqual(tty.position().counter, 70n);
	/* A pty has no modem lines. */
	fails('ENOTTY', 'modem', () => tty.modem());
});

test('a closed tty', (t) => {
	const { tty } = opened(t);
	const { fd, clock } = tty;

	assert.strictEqual(tty.isOpen, true);
	tty.close();
	tty.close();
	assert.strictEqual(tty.isOpen, false);
	assert.throws(() => fs.fstatSync(fd), { code: 'EBADF' });
	for (const call of [() => tty.read(), () => tty.write('x'),
			    () => tty.fd, () => tty.attached,
			    () => tty.mark('x'), () => tty.position(),
			    () => clock.due(1), () => clock.set(1),
			    () => clock.nextDue, () => tty.checkpointEnd()])
		assert.throws(call, { code: 'EBADF' });
});

test('a checkpoint without a recording is one turn of the loop', async (t) => {
	const { tty, type } = opened(t);
	const other = opened(t).tty;
	let turns = 0, asked = 0;
	const count = () => {
		turns++;
		counting = setImmediate(count);
	};
	let counting = setImmediate(count);

	type('x');
	assert.strictEqual(await checkpoint([tty, other], 7, () => {
		asked++;
		return 0;
	}, 5), 0);
	clearImmediate(counting);
	assert.strictEqual(turns, 1);
	assert.ok(asked > 1);
	assert.strictEqual(soon(tty), 'x');
	assert.strictEqual(tty.checkpointPending(), false);
	await assert.rejects(checkpoint(tty, -1, () => 0), RangeError);
	await assert.rejects(checkpoint(tty, 8, () => 0, -1), RangeError);
	await assert.rejects(checkpoint(tty, 8, () => 0, 2 ** 32), RangeError);
	await assert.rejects(checkpoint(tty, 8, () => {
		throw new Error('gone');
	}), /gone/);
});

test('a worker has a library of its own', async () => {
	const code = await new Promise((resolve, reject) => {
		const worker = new Worker(`
			const { version, Tty } = require('crr');
			try {
				Tty.open('/dev/null');
			} catch (error) {
				require('node:worker_threads').parentPort
					.postMessage(error.code);
			}`, { eval: true });

		worker.on('message', resolve);
		worker.on('error', reject);
	});

	assert.strictEqual(code, 'ENOTTY');
});

test('without the library, its name is in the message', () => {
	const { stderr } = spawnSync(process.execPath,
				     ['-e', 'require("crr")'],
				     { env: { ...process.env,
					      LD_LIBRARY_PATH: '' } });

	/* Unless it is installed. */
	if (stderr.length)
		assert.match(String(stderr), /libcrr\.so\.0/);
});

for (const [name, file] of Object.entries(examples()))
	test(`${name} of the README on a pty`, { timeout: 60000 }, async (t) => {
		const { master, path } = pty();
		/* In raw mode, and held open. */
		const hold = Tty.open(path, { raw: true });
		const child = spawn(process.execPath, [file, path],
				    { stdio: ['ignore', 'ignore', 'inherit'] });
		const ended = new Promise((resolve) =>
			child.on('close', resolve));

		t.after(() => {
			child.kill();
			hold.close();
			fs.closeSync(master);
		});
		await Promise.race([shown(master, 'ready\n'), ended]);
		fs.writeSync(master, 'abq');
		assert.strictEqual(await ended, 0);
	});
