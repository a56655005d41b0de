// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libcrr for Node.js: the part for emulators, without a compiler. index.d.ts
 * documents it. Constants and the layout of structs come from the library.
 */
'use strict';

const koffi = require('koffi');

const library = 'libcrr.so.0';
const lib = (() => {
	try {
		return koffi.load(library);
	} catch (error) {
		throw new Error(`${library}: ${error.message}`);
	}
})();

const crr = Object.fromEntries([
	'const char *crr_version(void)',
	'bool crr_constant(const char *name, _Out_ uint64_t *value)',
	'bool crr_member(const char *name, _Out_ size_t *offset, _Out_ size_t *size)',
	'void *crr_tty_open(const char *path, unsigned int flags)',
	'void *crr_tty_adopt(int fd)',
	'void crr_tty_close(void *tty)',
	'int crr_tty_fd(const void *tty)',
	'bool crr_tty_attached(const void *tty)',
	'void *crr_tty_clock(void *tty)',
	'intptr_t crr_tty_read(void *tty, void *buf, size_t length)',
	'intptr_t crr_tty_read_all(void *tty, void *buf, size_t length)',
	'intptr_t crr_tty_write(void *tty, const void *buf, size_t length)',
	'int crr_modem(void *tty, void *modem)',
	'int crr_mark(void *tty, const char *label)',
	'int crr_value(void *tty, uint32_t kind, _Inout_ uint64_t *value)',
	'int crr_position(void *tty, void *position)',
	'int crr_seek(void *tty, const void *position)',
	'int crr_status(int fd, void *status)',
	'int crr_checkpoint_begin(void *tty, uint64_t counter, uint32_t max_bytes)',
	'int crr_checkpoint_pending(void *tty)',
	'int64_t crr_checkpoint_end(void *tty)',
	'bool crr_clock_due(void *clock, uint64_t counter)',
	'uint64_t crr_clock_next_due(const void *clock)',
	'void crr_clock_set(void *clock, uint64_t counter)',
	/* Of the C library, on which libcrr depends. */
	'const char *strerror(int errnum)',
].map((prototype) => [/(\w+)\(/.exec(prototype)[1], lib.func(prototype)]));

/* ---- Arguments ---- */

const U32_MAX = 2n ** 32n - 1n;
const U64_MAX = 2n ** 64n - 1n;

/* A whole number from 0 to max: a BigInt, or a Number that is exact. */
function whole(name, value, max) {
	if (typeof value === 'number' ? !Number.isSafeInteger(value) :
					typeof value !== 'bigint')
		throw new RangeError(`${name} must be a BigInt or a safe ` +
				     `integer, and is ${String(value)}`);
	if (value < 0 || value > max)
		throw new RangeError(`${name} must be 0 to ${max}, and is ` +
				     `${value}`);
	return value;
}

/* koffi takes both; what is checked is what it would cut off silently. */
const u64 = (name, value) => whole(name, value, U64_MAX);
const u32 = (name, value) => Number(whole(name, value, U32_MAX));
const length = (name, value) =>
	Number(whole(name, value, Number.MAX_SAFE_INTEGER));

function text(name, value) {
	if (typeof value !== 'string')
		throw new TypeError(`${name} must be a string`);
	if (value.includes('\0'))
		throw new TypeError(`${name} must not contain a NUL`);
	return value;
}

/* ---- Errors, like those of Node.js ---- */

/* Of two names for a number, the one that Node.js uses. */
const names = new Map(Object.entries(koffi.os.errno)
	.filter(([name]) => !['EWOULDBLOCK', 'EDEADLOCK', 'EOPNOTSUPP',
			      'EPFNOSUPPORT'].includes(name))
	.map(([name, number]) => [number, name]));

function failure(errno, syscall, path) {
	const code = names.get(errno) ?? `E${errno}`;
	const where = path === undefined ? syscall : `${syscall} '${path}'`;
	const error = new Error(`${code}: ${crr.strerror(errno)}, ${where}`);

	Object.assign(error, { errno: -errno, code, syscall });
	if (path !== undefined)
		error.path = path;
	return error;
}

/* The result of a call of the library, which is -1 after an error. */
function checked(result, syscall) {
	if (result < 0)
		throw failure(koffi.errno(), syscall);
	return Number(result);
}

/* ---- Constants and structs ---- */

function constant(name) {
	const value = [0n];

	if (!crr.crr_constant(text('name', name), value))
		throw new RangeError(`libcrr has no constant ${name}`);
	return BigInt(value[0]);
}

function member(name) {
	const offset = [0], size = [0];

	if (!crr.crr_member(text('name', name), offset, size))
		throw new RangeError(`libcrr has no member ${name}`);
	return { offset: Number(offset[0]), size: Number(size[0]) };
}

/* The bytes of a struct, in which members are numbers. */
class Struct {
	constructor(name) {
		this.name = name;
		this.bytes = new Uint8Array(member(name).size);
		this.view = new DataView(this.bytes.buffer);
	}

	place(name) {
		const { offset, size } = member(`${this.name}.${name}`);

		return [size === 8 ? 'BigUint64' : `Uint${8 * size}`, offset];
	}

	get(name) {
		const [type, offset] = this.place(name);

		return this.view[`get${type}`](offset, LITTLE);
	}

	set(name, value) {
		const [type, offset] = this.place(name);

		this.view[`set${type}`](offset, value, LITTLE);
	}
}

const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const RAW = Number(constant('CRR_TTY_RAW'));
const BLOCKING = Number(constant('CRR_TTY_BLOCKING'));
const READ_MAX = Number(constant('CRR_READ_MAX'));
const NEVER = constant('CRR_NEVER');
const HAS_COUNTS = constant('CRR_MODEM_COUNTS');
const EAGAIN = koffi.os.errno.EAGAIN;
const COUNTS = ['cts', 'dsr', 'rng', 'dcd', 'rx', 'tx', 'frame', 'overrun',
		'parity', 'brk', 'buf_overrun'];

/* ---- The tty ---- */

class Clock {
	#tty;
	#pointer;

	constructor(tty, pointer) {
		this.#tty = tty;
		this.#pointer = pointer;
	}

	/* It is part of the tty, and goes with it. */
	#open() {
		if (!this.#tty.isOpen)
			throw failure(koffi.os.errno.EBADF, 'clock');
		return this.#pointer;
	}

	due(counter) {
		return crr.crr_clock_due(this.#open(), u64('counter', counter));
	}

	get nextDue() {
		return BigInt(crr.crr_clock_next_due(this.#open()));
	}

	set(counter) {
		crr.crr_clock_set(this.#open(), u64('counter', counter));
	}
}

/* What only we may pass to the constructor of Tty. */
const ours = Symbol('pointer');

class Tty {
	#pointer;
	#clock;

	constructor(key, pointer) {
		if (key !== ours)
			throw new TypeError('use Tty.open() or Tty.adopt()');
		this.#pointer = pointer;
		this.#clock = new Clock(this, crr.crr_tty_clock(pointer));
	}

	static open(path, { raw = true, blocking = false } = {}) {
		const flags = (raw ? RAW : 0) | (blocking ? BLOCKING : 0);
		const pointer = crr.crr_tty_open(text('path', path), flags);

		if (!pointer)
			throw failure(koffi.errno(), 'open', path);
		return new Tty(ours, pointer);
	}

	static adopt(fd) {
		const pointer = crr.crr_tty_adopt(
			Number(whole('fd', fd, 2 ** 31 - 1)));

		if (!pointer)
			throw failure(koffi.errno(), 'adopt');
		return new Tty(ours, pointer);
	}

	#open(syscall) {
		if (!this.#pointer)
			throw failure(koffi.os.errno.EBADF, syscall);
		return this.#pointer;
	}

	get isOpen() {
		return this.#pointer !== null;
	}

	get fd() {
		return crr.crr_tty_fd(this.#open('fd'));
	}

	get attached() {
		return crr.crr_tty_attached(this.#open('attached'));
	}

	get clock() {
		return this.#clock;
	}

	read(max = READ_MAX) {
		const tty = this.#open('read');
		const buffer = Buffer.allocUnsafe(length('max', max));
		const n = crr.crr_tty_read(tty, buffer, buffer.length);

		if (n < 0 && koffi.errno() === EAGAIN)
			return null;
		return buffer.subarray(0, checked(n, 'read'));
	}

	readAll(count) {
		const tty = this.#open('read');
		const buffer = Buffer.allocUnsafe(length('count', count));
		const n = crr.crr_tty_read_all(tty, buffer, buffer.length);

		return buffer.subarray(0, checked(n, 'read'));
	}

	write(data) {
		const tty = this.#open('write');

		if (typeof data === 'string')
			data = Buffer.from(data);
		if (!(data instanceof Uint8Array))
			throw new TypeError('data must be a string, a Buffer ' +
					    'or a Uint8Array');
		const n = crr.crr_tty_write(tty, data, data.length);

		if (n < 0 && koffi.errno() === EAGAIN)
			return 0;
		return checked(n, 'write');
	}

	modem() {
		const modem = new Struct('crr_modem');

		checked(crr.crr_modem(this.#open('modem'), modem.bytes),
			'modem');
		return {
			lines: modem.get('lines'),
			counts: BigInt(modem.get('facts')) & HAS_COUNTS ?
				Object.fromEntries(COUNTS.map(
					(name) => [name, modem.get(name)])) :
				null,
		};
	}

	mark(label) {
		checked(crr.crr_mark(this.#open('mark'), text('label', label)),
			'mark');
	}

	value(kind, value) {
		const box = [u64('value', value)];

		checked(crr.crr_value(this.#open('value'), u32('kind', kind),
				      box), 'value');
		return BigInt(box[0]);
	}

	position() {
		const position = new Struct('crr_position');

		checked(crr.crr_position(this.#open('position'),
					 position.bytes), 'position');
		return {
			sequence: position.get('sequence'),
			counter: position.get('counter'),
		};
	}

	seek({ sequence, counter }) {
		const position = new Struct('crr_position');

		position.set('sequence', BigInt(u64('sequence', sequence)));
		position.set('counter', BigInt(u64('counter', counter)));
		checked(crr.crr_seek(this.#open('seek'), position.bytes),
			'seek');
	}

	checkpointBegin(counter, maxBytes = 0) {
		checked(crr.crr_checkpoint_begin(this.#open('checkpoint'),
						 u64('counter', counter),
						 u32('maxBytes', maxBytes)),
			'checkpoint');
	}

	checkpointPending() {
		return checked(crr.crr_checkpoint_pending(
			this.#open('checkpoint')), 'checkpoint') > 0;
	}

	checkpointEnd() {
		return checked(crr.crr_checkpoint_end(this.#open('checkpoint')),
			       'checkpoint');
	}

	close() {
		const pointer = this.#pointer;

		this.#pointer = null;
		if (pointer)
			crr.crr_tty_close(pointer);
	}
}

/* ---- Gated delivery to programs of libuv ---- */

const turn = () => new Promise((resolve) => setImmediate(resolve));

/* Records of the session so far. */
function records(tty) {
	const status = new Struct('crr_status');

	checked(crr.crr_status(tty.fd, status.bytes), 'status');
	return status.get('records');
}

/*
 * Whether any of them has input. In a replay one may hide what another one has, and
 * their threads read meanwhile: without any such read, the answers belong together.
 */
function anyPending(all) {
	const several = all.length > 1 && all[0].attached;
	let before;

	do {
		before = several && records(all[0]);
		if (all.some((tty) => tty.checkpointPending()))
			return true;
	} while (several && records(all[0]) !== before);
	return false;
}

async function checkpoint(ttys, counter, received, maxBytes = 0) {
	const all = Array.isArray(ttys) ? ttys : [ttys];
	const before = received();

	all[0].checkpointBegin(counter, maxBytes);
	let bytes = null;

	try {
		do {
			await turn();
			received();
		} while (anyPending(all));
	} finally {
		/* What ended the loop is the error, if both fail. */
		try {
			bytes = all[0].checkpointEnd();
		} catch (error) {
			bytes = error;
		}
	}
	if (bytes instanceof Error)
		throw bytes;
	while (received() - before < bytes)
		await turn();
	return bytes;
}

const version = crr.crr_version();

/* Names only: with anything else, import would not find them. */
module.exports = {
	Tty,
	Clock,
	checkpoint,
	constant,
	member,
	version,
	NEVER,
	READ_MAX,
};
