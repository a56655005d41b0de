// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * libcrr for Node.js: the part of crr.h that is for emulators.
 *
 * A counter is any number that the emulator supplies, such as cycles or
 * instructions; it never goes back. All errors of the library are a
 * {@link CrrError}. An argument that is not a number of the documented range is a
 * RangeError, one of another type a TypeError; neither has an effect.
 *
 * Calls are synchronous. Objects belong to one thread (worker).
 */

/// <reference types="node" />

/**
 * A number of 64 bits, from 0 to 2^64-1: a BigInt, or a Number for which
 * Number.isSafeInteger() is true, which is at most 2^53-1. Anything else is a
 * RangeError. Results of 64 bits are always a BigInt; comparisons such as
 * `cycles < clock.nextDue` may mix the two.
 */
export type Counter = bigint | number;

/**
 * An error of libcrr. `code` is the name of the errno, such as 'ENOTTY';
 * `errno` its number, which is negative as in all errors of Node.js; `syscall` the
 * name of the operation; `path` that of the tty, if {@link Tty.open} failed.
 *
 * crr can cause these, in addition to the errors of the system calls:
 * - ERANGE: the counter has gone back
 * - ENODATA: the replay is past the end of its log
 * - ENOTRECOVERABLE: the replay has diverged from its log
 * - EIO: recording or replay cannot go on; or the line was hung up
 * - EBADF: the tty was closed
 */
export interface CrrError extends Error {
	code: string;
	errno: number;
	syscall: string;
	path?: string;
}

export interface TtyOptions {
	/** Set raw mode: cfmakeraw(3), VMIN 1, VTIME 0. Default true. */
	raw?: boolean;
	/**
	 * Let reads and writes sleep, and Node.js with them: no O_NONBLOCK. Default
	 * false.
	 */
	blocking?: boolean;
}

/** What {@link Tty.modem} returns. */
export interface Modem {
	/** Bits TIOCM_*, as from TIOCMGET of ioctl_tty(2). */
	lines: number;
	/** Events so far, as from TIOCGICOUNT; null if the driver counts none. */
	counts: {
		cts: number;
		dsr: number;
		rng: number;
		dcd: number;
		rx: number;
		tx: number;
		frame: number;
		overrun: number;
		parity: number;
		brk: number;
		buf_overrun: number;
	} | null;
}

/** A place in a log, to be saved with a snapshot of the emulator. */
export interface Position {
	/** Number of the first record that is still to come. */
	sequence: bigint;
	/** Counter of the emulator. */
	counter: bigint;
}

/** The emulator's counter, and when to read the line. See {@link Tty.clock}. */
export class Clock {
	private constructor();
	/**
	 * Store the counter, and return whether there may be input: then call
	 * {@link Tty.read}, while it returns true. Call it wherever the emulator
	 * polls its line, at the same counters in every run. Makes no system call.
	 * On a tty without N_CRR it always returns true.
	 */
	due(counter: Counter): boolean;
	/**
	 * In a replay, the counter up to which the emulator may run before it calls
	 * {@link due}; otherwise {@link NEVER}.
	 */
	readonly nextDue: bigint;
	/**
	 * Store the counter, before a write, and wake other threads that wait for
	 * input until then.
	 */
	set(counter: Counter): void;
}

/** A tty, with or without N_CRR: everything works with both. */
export class Tty {
	private constructor();
	/**
	 * Open a tty for reading and writing, close-on-exec and not as controlling
	 * terminal.
	 *
	 * Errors: those of open(2), tcsetattr(3), ioctl(2) and mmap(2); ENOTTY if
	 * `path` is not a tty; EPROTONOSUPPORT if libcrr does not know the version of
	 * the module's clock pages.
	 */
	static open(path: string, options?: TtyOptions): Tty;
	/**
	 * Use a tty that is already open for reading and writing. It is not changed,
	 * and {@link close} does not close it. `fd` is a number from 0 to 2^31-1.
	 *
	 * Errors: ENOTTY if it is not a tty; EBADF if N_CRR is attached, and the tty is
	 * not open for reading and writing; EPROTONOSUPPORT as for {@link open}.
	 */
	static adopt(fd: number): Tty;
	/** Whether {@link close} was not called. */
	readonly isOpen: boolean;
	/** The file descriptor. */
	readonly fd: number;
	/** Whether N_CRR is attached. */
	readonly attached: boolean;
	/** The clock, until {@link close}. Ttys of one session share the counter. */
	readonly clock: Clock;
	/**
	 * Read at most `max` bytes (default {@link READ_MAX}, which is always enough).
	 * Returns the bytes; null if there is no input (EAGAIN); or a Buffer of length
	 * 0 after a hangup, and where read(2) returns 0 for other reasons.
	 */
	read(max?: number): Buffer | null;
	/**
	 * Read `count` bytes, however long it takes: Node.js does nothing else
	 * meanwhile. Returns fewer if there is no more input. The counter must not
	 * move during the call.
	 */
	readAll(count: number): Buffer;
	/**
	 * Write bytes, or a string in UTF-8. Returns the number of bytes that the line
	 * has taken, which may be less than there are; 0 if it takes none now (EAGAIN).
	 */
	write(data: Uint8Array | string): number;
	/**
	 * Modem lines and counts, recorded and replayed. ENOTTY if the device has no
	 * modem lines.
	 */
	modem(): Modem;
	/**
	 * Put a label into the log, which a replay must reach at the same counter: 1 to
	 * CRR_MARK_MAX (64) characters of printable ASCII and blanks; else EINVAL.
	 */
	mark(label: string): void;
	/**
	 * Record a number from outside that does not come over the line, such as the
	 * time. `kind` is any number from 0 to 2^32-1. Returns `value`, or the recorded
	 * value in a replay.
	 */
	value(kind: number, value: Counter): bigint;
	/**
	 * The current position, to be called when nothing was read or written yet at
	 * this counter; with gated delivery, outside of checkpoints.
	 */
	position(): Position;
	/**
	 * Continue at the position of a snapshot that was restored. EBUSY while
	 * recording.
	 */
	seek(position: { sequence: Counter; counter: Counter }): void;
	/**
	 * Gated delivery: show input at this counter. `maxBytes` is the number of bytes
	 * that may be read from all ttys of the session together, from 0 to 2^32-1;
	 * 0, the default, means any number. {@link checkpoint} does all of it.
	 *
	 * Errors: EPROTO if delivery is not gated; EBUSY if a checkpoint has begun.
	 */
	checkpointBegin(counter: Counter, maxBytes?: number): void;
	/**
	 * Whether a read(2) of this tty would still find something in this checkpoint.
	 * False if the tty is neither recorded nor replayed. EPROTO if no checkpoint
	 * has begun.
	 */
	checkpointPending(): boolean;
	/**
	 * Hide input again. Returns the number of bytes that were read in the
	 * checkpoint. ENOTRECOVERABLE if the recorded checkpoint had more.
	 */
	checkpointEnd(): number;
	/** Release the tty. May be called more than once. */
	close(): void;
}

/**
 * Let the event loop read at this counter, as by the package serialport: one turn
 * of the loop, and further ones while there is input. Resolves when everything
 * that was read has arrived, to the number of these bytes. The session must be
 * recorded with `crrctl record --gated`. On a tty that is neither recorded nor
 * replayed, it is one turn, and resolves to 0.
 *
 * The counter must not move until the promise settles, and output of the last
 * checkpoint must have been written before.
 *
 * @param tty the tty, or all ttys of the session
 * @param counter as for {@link Tty.checkpointBegin}
 * @param received returns the number of bytes that have arrived so far, from all
 *	ttys together. It is called after each turn, and ends the checkpoint by an
 *	exception, with which the promise is then rejected: throw if the port was
 *	closed or has failed.
 * @param maxBytes as for {@link Tty.checkpointBegin}
 */
export function checkpoint(tty: Tty | readonly Tty[], counter: Counter,
			   received: () => number,
			   maxBytes?: number): Promise<number>;

/**
 * Value of a constant of crr.h or linux/crr.h, such as 'CRR_STATE_RECORDING'. A
 * RangeError if there is none of this name.
 */
export function constant(name: string): bigint;

/**
 * Place of a member of a struct of linux/crr.h in bytes, such as
 * 'crr_status.counter'; or size of the struct, as 'crr_status'. A RangeError if
 * there is none of this name.
 */
export function member(name: string): { offset: number; size: number };

/** Version of libcrr, such as '0.2.0'. */
export const version: string;

/** {@link Clock.nextDue} without a replay: 2^64-1. */
export const NEVER: bigint;

/** Number of bytes that one read may return: 4096. */
export const READ_MAX: number;
