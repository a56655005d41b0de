/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * crr - record and replay of serial lines, beneath the emulator
 *
 * The interface of the line discipline N_CRR: ioctls on a tty, on a session fd
 * and on a clock fd; the two pages of a clock fd; and the records that are read
 * from and written to a session fd. crr(4) is the manual, crr-log(5) describes
 * the format of records and log files.
 */
#ifndef _UAPI_LINUX_CRR_H
#define _UAPI_LINUX_CRR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define N_CRR			29	/* line discipline, see the parameter ldisc in crr(4) */
#define CRR_READ_MAX		4096	/* bytes that one read(2) delivers at most */
#define CRR_WRITE_MAX		2048	/* bytes in one recorded chunk of a write(2) */

/**
 * DOC: ioctls
 *
 * Each ioctl takes a pointer to a struct. These members are common to all, and
 * not described again:
 *
 *  - size: of the struct, as the caller was compiled. What a smaller struct
 *    lacks is 0; the tail of a larger one must be 0. Answers are written back as
 *    far as both sides know them.
 *  - flags: 0, or flags of the ioctl
 *  - tty_fd: on a tty, an fd of this tty that is open for reading and writing;
 *    otherwise ignored. It is the third member, at offset 8.
 *  - __reserved: 0
 *
 * Common errors: EFAULT (struct not accessible); EINVAL (size is too small, or a
 * member is never valid); E2BIG (size is more than a page, or the unknown tail
 * is not 0); EOPNOTSUPP (unknown flag or value); EBADF (tty_fd is not valid);
 * ENOTTY (no such ioctl on this fd, or the line discipline is not N_CRR); EINTR
 * (signal while waiting for a lock); EIO (tty hung up). Nothing has changed after
 * them. "Errors" of an ioctl lists all others.
 */
#define CRR_IOC_TYPE		0xC7

#define CRR_IOC_STATUS		_IO(CRR_IOC_TYPE, 0x00)
#define CRR_IOC_SESSION		_IO(CRR_IOC_TYPE, 0x01)
#define CRR_IOC_CLOCK		_IO(CRR_IOC_TYPE, 0x02)
#define CRR_IOC_COUNTER		_IO(CRR_IOC_TYPE, 0x03)
#define CRR_IOC_RECORD		_IO(CRR_IOC_TYPE, 0x04)
#define CRR_IOC_REPLAY		_IO(CRR_IOC_TYPE, 0x05)
#define CRR_IOC_STOP		_IO(CRR_IOC_TYPE, 0x06)
#define CRR_IOC_DIVERGENCE	_IO(CRR_IOC_TYPE, 0x07)
#define CRR_IOC_JOIN		_IO(CRR_IOC_TYPE, 0x08)
#define CRR_IOC_CHECKPOINT_BEGIN _IO(CRR_IOC_TYPE, 0x09)
#define CRR_IOC_CHECKPOINT_END	_IO(CRR_IOC_TYPE, 0x0a)
#define CRR_IOC_MODEM		_IO(CRR_IOC_TYPE, 0x0b)
#define CRR_IOC_MARK		_IO(CRR_IOC_TYPE, 0x0c)
#define CRR_IOC_SEEK		_IO(CRR_IOC_TYPE, 0x0d)
#define CRR_IOC_SEEK_ACK	_IO(CRR_IOC_TYPE, 0x0e)
#define CRR_IOC_VALUE		_IO(CRR_IOC_TYPE, 0x0f)

/**
 * enum crr_state - state of a session
 * @CRR_STATE_IDLE: the ttys behave as with N_TTY
 * @CRR_STATE_RECORDING: what the emulator sees is recorded
 * @CRR_STATE_REPLAYING: what the emulator sees comes from the records fed
 * @CRR_STATE_ENDED: past the end of the log; reads and writes: ENODATA
 * @CRR_STATE_DIVERGED: diverged from the log; reads and writes: ENOTRECOVERABLE
 * @CRR_STATE_FAILED: cannot go on (&enum crr_reason); reads and writes: EIO
 */
enum crr_state {
	CRR_STATE_IDLE		= 0,
	CRR_STATE_RECORDING	= 1,
	CRR_STATE_REPLAYING	= 2,
	CRR_STATE_ENDED		= 3,
	CRR_STATE_DIVERGED	= 4,
	CRR_STATE_FAILED	= 5,
};

/* enum crr_reason - why a session failed (to 4), or a record was refused (from 16) */
enum crr_reason {
	CRR_REASON_NONE		= 0,
	CRR_REASON_ORPHAN	= 1,	/* CRR_RECORD_FAIL_ORPHAN took effect */
	CRR_REASON_FEEDER	= 2,	/* session fd closed before END was fed */
	CRR_REASON_LINE		= 3,	/* tty hung up or detached before END */
	CRR_REASON_TERMINAL	= 4,	/* unprivileged, and now a controlling terminal */
	CRR_REASON_TYPE		= 16,	/* unknown type */
	CRR_REASON_FLAGS	= 17,	/* unknown flag */
	CRR_REASON_LENGTH	= 18,	/* impossible for the type */
	CRR_REASON_PADDING	= 19,	/* padding or a reserved member is not 0 */
	CRR_REASON_VALUE	= 20,	/* impossible value of a member */
	CRR_REASON_CRC		= 21,	/* the bytes do not match the CRC */
	CRR_REASON_SEQUENCE	= 22,	/* not the next sequence number */
	CRR_REASON_COUNTER	= 23,	/* goes back */
	CRR_REASON_STREAM	= 24,	/* not begun, ended, or begins twice */
	CRR_REASON_STREAMS	= 25,	/* not the streams of the session */
	CRR_REASON_ORDER	= 26,	/* after END, or after a hangup of its stream */
};

#define CRR_NO_STREAM		0xffffffffU		/* not the tty of a stream */
#define CRR_NEVER		0xffffffffffffffffULL	/* counter that is never reached */

/* crr_status.facts */
#define CRR_STATUS_CONTROLLER	0x1	/* the session fd is open */
#define CRR_STATUS_SESSION	0x2	/* there is a session */
#define CRR_STATUS_CLOCK	0x4	/* a clock fd is open */
#define CRR_STATUS_COUNTED	0x8	/* a counter other than 0 was supplied */
#define CRR_STATUS_END_FED	0x10	/* replay: END was fed */
#define CRR_STATUS_DIVERGENCE	0x20	/* CRR_IOC_DIVERGENCE has an answer */
#define CRR_STATUS_UNREAD	0x40	/* recording: records to be read */
#define CRR_STATUS_GATED	0x80	/* delivery is gated */
#define CRR_STATUS_CHECKPOINT	0x100	/* a checkpoint has begun */
#define CRR_STATUS_SEEK		0x200	/* CRR_IOC_SEEK waits for the feeder */
#define CRR_STATUS_INTERRUPTED	0x400	/* recorded: a signal came while read(2) slept */
#define CRR_STATUS_THREADS	0x800	/* recorded: several threads have read */
/* crr_status.waiting: who sleeps in crr */
#define CRR_WAITING_READ	0x1	/* a read(2), until its counter is reached */
#define CRR_WAITING_FEED	0x2	/* an operation, for the feeder */
#define CRR_WAITING_SPACE	0x4	/* an operation, for buffer space */

/**
 * struct crr_status - ioctl(CRR_IOC_STATUS), on a tty, session or clock fd
 * @facts: CRR_STATUS_*
 * @state: &enum crr_state
 * @reason: &enum crr_reason of the session, or of the last record refused
 * @stream: number of the tty's stream, or CRR_NO_STREAM
 * @streams: number of streams in the session
 * @waiting: CRR_WAITING_*
 * @seek_generation: number of the last CRR_IOC_SEEK
 * @counter: last counter seen
 * @sequence: of the next record to be written (recording) or fed (replay)
 * @records: written or consumed so far
 * @bytes_in: delivered by read(2) so far
 * @bytes_out: taken by write(2) so far
 * @buffered: bytes of records in the buffer
 * @buffer_size: in bytes
 * @next_due: replay: &struct crr_clock_state
 * @horizon: replay: counter of the last record fed
 * @remaining: replay: records fed and not consumed, without hangups
 * @discarded: replay: bytes of the device's input that were discarded
 * @dropped: replay: bytes of output that the device did not take
 * @position: sequence number of the next record to be consumed; for CRR_IOC_SEEK
 * @seek_sequence: with CRR_STATUS_SEEK: where the emulator seeks to
 * @received: on a tty: bytes from its device, without those discarded
 * @looks: empty reads, FIONREADs of 0 and poll(2)s without result so far
 * @guesses: replay: poll(2)s answered while the log was not known far enough
 *
 * Errors: none. Without a valid @tty_fd the answer is incomplete: see crr(4).
 */
struct crr_status {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 facts;
	__u32 state;
	__u32 reason;
	__u32 stream;
	__u32 streams;
	__u32 waiting;
	__u32 seek_generation;
	__aligned_u64 counter;
	__aligned_u64 sequence;
	__aligned_u64 records;
	__aligned_u64 bytes_in;
	__aligned_u64 bytes_out;
	__aligned_u64 buffered;
	__aligned_u64 buffer_size;
	__aligned_u64 next_due;
	__aligned_u64 horizon;
	__aligned_u64 remaining;
	__aligned_u64 discarded;
	__aligned_u64 dropped;
	__aligned_u64 position;
	__aligned_u64 seek_sequence;
	__aligned_u64 received;
	__aligned_u64 looks;
	__aligned_u64 guesses;
};

/**
 * struct crr_session_fd - ioctl(CRR_IOC_SESSION), on a tty: make its session, or
 *	take over one that has no controller
 * @session_fd: out: the session fd, close-on-exec
 *
 * Errors: EPERM (needs CAP_SYS_TTY_CONFIG, see crr(4)); EBUSY (has a controller);
 * EOPNOTSUPP (master of a pty); EMFILE, ENFILE, ENOMEM.
 */
struct crr_session_fd {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__s32 session_fd;
};

/**
 * struct crr_join - ioctl(CRR_IOC_JOIN), on a tty: add it to an idle session
 * @session_fd: a session fd
 * @stream: out: number of the tty's stream
 *
 * Errors: EPERM (as for CRR_IOC_SESSION); EBADF (@session_fd is not valid);
 * EBUSY (already in a session; or the session is not idle, or its recording is
 * not read to its end); EEXIST (different clocks); ENOSPC (CRR_STREAMS_MAX);
 * EOPNOTSUPP (master of a pty); ENOMEM.
 */
struct crr_join {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__s32 session_fd;
	__u32 stream;
	__u32 __reserved;
};

/**
 * struct crr_clock_fd - ioctl(CRR_IOC_CLOCK), on a tty: make the clock of the tty
 *	and of its session, or open it again
 * @clock_fd: out: the clock fd, close-on-exec
 *
 * Errors: EOPNOTSUPP (master of a pty); EMFILE, ENFILE, ENOMEM (also for
 * RLIMIT_MEMLOCK).
 */
struct crr_clock_fd {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__s32 clock_fd;
};

/**
 * struct crr_counter - ioctl(CRR_IOC_COUNTER), on a tty or clock fd: set the
 *	counter, and wake those who sleep until it is reached
 * @counter: the emulator's counter
 * @next_due: out: &struct crr_clock_state
 *
 * Errors: ERANGE (@counter goes back); EBUSY (a checkpoint has begun at another
 * counter).
 */
struct crr_counter {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 __reserved;
	__aligned_u64 counter;
	__aligned_u64 next_due;
};

/**
 * enum crr_delivery - when a byte counts as delivered
 * @CRR_DELIVERY_FREE: when read(2) returns it
 * @CRR_DELIVERY_GATED: in a checkpoint, see CRR_IOC_CHECKPOINT_BEGIN
 */
enum crr_delivery {
	CRR_DELIVERY_FREE	= 0,
	CRR_DELIVERY_GATED	= 1,
};

/* crr_record_start.flags */
#define CRR_RECORD_CAPTURE	0x1	/* WRITE records contain the bytes */
#define CRR_RECORD_FAIL_ORPHAN	0x2	/* no controller and no buffer space: fail */
#define CRR_RECORD_BLOCK	0x4	/* no buffer space: writes sleep despite O_NONBLOCK */
#define CRR_RECORD_GATED	0x8	/* CRR_DELIVERY_GATED */

/* buffer_size, in bytes */
#define CRR_BUFFER_MIN		(256U << 10)
#define CRR_BUFFER_DEFAULT	(8U << 20)
#define CRR_BUFFER_MAX		(256U << 20)

/**
 * struct crr_record_start - ioctl(CRR_IOC_RECORD), on a session fd: start recording
 * @flags: CRR_RECORD_*
 * @buffer_size: of the buffer for records, in bytes, rounded up; 0: default
 *
 * Errors: EBUSY (not idle, the last recording is not read to its end, or a read
 * or write is in flight); ENODEV (no tty left); EINVAL (@buffer_size); EPERM (a
 * tty of an unprivileged caller has become a controlling terminal); ENOMEM (also
 * for RLIMIT_MEMLOCK, without CAP_IPC_LOCK).
 */
struct crr_record_start {
	__u32 size;
	__u32 flags;
	__aligned_u64 __reserved;
	__aligned_u64 buffer_size;
};

/* crr_replay_start.flags */
#define CRR_REPLAY_MUTE		0x1	/* do not write output to the device */
#define CRR_REPLAY_GATED	0x2	/* the log was recorded with CRR_RECORD_GATED */
#define CRR_REPLAY_LIVE		0x4	/* after END, go on with the device */
#define CRR_REPLAY_RECORD	0x8	/* with CRR_REPLAY_LIVE: record what follows */

/**
 * struct crr_replay_start - ioctl(CRR_IOC_REPLAY), on a session fd: start the
 *	replay of what is written to it
 * @flags: CRR_REPLAY_*
 * @buffer_size: bytes of records that can wait in the session; 0: default
 * @record_flags: with CRR_REPLAY_RECORD: CRR_RECORD_*
 *
 * Errors: as for CRR_IOC_RECORD; EINVAL (CRR_REPLAY_RECORD without
 * CRR_REPLAY_LIVE; @record_flags without CRR_REPLAY_RECORD, unknown, or with
 * another delivery).
 */
struct crr_replay_start {
	__u32 size;
	__u32 flags;
	__aligned_u64 buffer_size;
	__u32 record_flags;
	__u32 __reserved;
};

/**
 * struct crr_seek - ioctl(CRR_IOC_SEEK), on a tty: the emulator has restored a
 *	snapshot; returns after CRR_IOC_SEEK_ACK
 * @sequence: @position of &struct crr_status when the snapshot was taken
 * @counter: the emulator's counter at that time
 *
 * Errors: EBUSY (recording); EIO (the replay cannot go on); EINTR (signal; the
 * seek is still pending); EAGAIN (line discipline is being changed).
 */
struct crr_seek {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 __reserved;
	__aligned_u64 sequence;
	__aligned_u64 counter;
};

/**
 * struct crr_seek_ack - ioctl(CRR_IOC_SEEK_ACK), on a session fd: the feeder
 *	acknowledges a seek
 * @generation: @seek_generation of &struct crr_status
 * @sequence: of the next record fed, at most @seek_sequence. If it is not 0, no
 *	stream may have ended or been hung up before it.
 *
 * Errors: ENODATA (no seek is pending); ESTALE (another @generation is pending);
 * EINVAL (@sequence is more than @seek_sequence).
 */
struct crr_seek_ack {
	__u32 size;
	__u32 flags;
	__u32 generation;
	__u32 __reserved;
	__aligned_u64 sequence;
};

/**
 * struct crr_stop - ioctl(CRR_IOC_STOP), on a session fd: end recording or replay
 *
 * Errors: ENODATA (idle already).
 */
struct crr_stop {
	__u32 size;
	__u32 flags;
};

/**
 * enum crr_divergence_kind - how a run diverged from its log
 * @CRR_DIVERGENCE_LATE: the counter has passed a record that was not consumed
 * @CRR_DIVERGENCE_EARLY: an operation before the counter of its record
 * @CRR_DIVERGENCE_EXTRA: an operation that the log has not, or not yet
 * @CRR_DIVERGENCE_LENGTH: a write of another length, a read with less space
 * @CRR_DIVERGENCE_CONTENT: a write of other bytes, or another label
 * @CRR_DIVERGENCE_LEFT: records that were due are left at the end
 */
enum crr_divergence_kind {
	CRR_DIVERGENCE_LATE	= 1,
	CRR_DIVERGENCE_EARLY	= 2,
	CRR_DIVERGENCE_EXTRA	= 3,
	CRR_DIVERGENCE_LENGTH	= 4,
	CRR_DIVERGENCE_CONTENT	= 5,
	CRR_DIVERGENCE_LEFT	= 6,
};

#define CRR_DIVERGENCE_FULL	0x1	/* facts: buffer_size was too small for the log */
#define CRR_DIVERGENCE_BYTES	32
#define CRR_NO_SEQUENCE		0xffffffffffffffffULL	/* no record was expected */

/**
 * struct crr_divergence - ioctl(CRR_IOC_DIVERGENCE), on a session fd: the first
 *	divergence since CRR_IOC_REPLAY
 * @kind: &enum crr_divergence_kind
 * @stream: number of the stream
 * @sequence: of the expected record, or CRR_NO_SEQUENCE
 * @expected_counter: of the record
 * @counter: of the run
 * @expected_type: &enum crr_record_type of the record, or 0
 * @type: &enum crr_record_type of what the run did
 * @expected_length: bytes in the record: offered, delivered, or of a label
 * @length: bytes that the run offered, or had space for
 * @position: bytes of the stream written, or read, as recorded before the record
 * @offset: of the first byte that differs, 0 if that is not known
 * @expected_bytes: valid bytes in @expected
 * @bytes: valid bytes in @got
 * @facts: CRR_DIVERGENCE_FULL
 * @expected: bytes of the record, from @offset on
 * @got: bytes of the run, from @offset on
 *
 * Errors: ENODATA (there was none).
 */
struct crr_divergence {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 stream;
	__aligned_u64 sequence;
	__aligned_u64 expected_counter;
	__aligned_u64 counter;
	__u32 expected_type;
	__u32 type;
	__u32 expected_length;
	__u32 length;
	__aligned_u64 position;
	__u32 offset;
	__u32 expected_bytes;
	__u32 bytes;
	__u32 facts;
	__u8 expected[CRR_DIVERGENCE_BYTES];
	__u8 got[CRR_DIVERGENCE_BYTES];
};

/**
 * struct crr_checkpoint_begin - ioctl(CRR_IOC_CHECKPOINT_BEGIN), on a tty: show
 *	input, with gated delivery. In an idle session, this is CRR_IOC_COUNTER.
 * @max_bytes: that may be read, on all ttys of the session; 0: any number
 * @counter: of the emulator, until the end of the checkpoint
 * @next_due: out: &struct crr_clock_state
 *
 * Errors: ERANGE (@counter goes back); EBUSY (a checkpoint has begun); EPROTO
 * (not gated); ENODATA (past the end of the log); ENOTRECOVERABLE (diverged);
 * EIO (cannot go on); EAGAIN (line discipline is being changed); EINTR (signal
 * while waiting; the counter may have been set).
 */
struct crr_checkpoint_begin {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 max_bytes;
	__aligned_u64 counter;
	__aligned_u64 next_due;
};

/**
 * struct crr_checkpoint_end - ioctl(CRR_IOC_CHECKPOINT_END), on a tty: hide input
 * @consumed: out: bytes read in the checkpoint, on all ttys of the session
 *
 * Errors: EPROTO (not gated, no checkpoint, or another thread ends it); ENODATA,
 * EIO, ENOTRECOVERABLE (as for CRR_IOC_CHECKPOINT_BEGIN).
 */
struct crr_checkpoint_end {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 __reserved;
	__aligned_u64 consumed;
};

#define CRR_MODEM_COUNTS	0x1	/* facts: the device counts; else counts are 0 */

/**
 * struct crr_modem - ioctl(CRR_IOC_MODEM), on a tty: TIOCMGET and TIOCGICOUNT,
 *	recorded and replayed
 * @lines: out: TIOCM_*
 * @facts: out: CRR_MODEM_*
 * @cts: out: this and all that follow are the counts of TIOCGICOUNT
 *
 * Errors: ENOTTY (no modem lines); EIO (none at this moment, or cannot go on);
 * ERANGE, ENODATA, ENOTRECOVERABLE (as for write(2)); EINTR (signal while
 * waiting); EAGAIN (line discipline is being changed).
 */
struct crr_modem {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 lines;
	__u32 facts;
	__u32 cts;
	__u32 dsr;
	__u32 rng;
	__u32 dcd;
	__u32 rx;
	__u32 tx;
	__u32 frame;
	__u32 overrun;
	__u32 parity;
	__u32 brk;
	__u32 buf_overrun;
};

#define CRR_MARK_MAX	64

/**
 * struct crr_mark - ioctl(CRR_IOC_MARK), on a tty: put a label into the log
 * @length: of @label, 1 to CRR_MARK_MAX bytes
 * @label: printable ASCII and blanks
 *
 * Errors: EINVAL (@length or @label); those of CRR_IOC_MODEM without ENOTTY.
 */
struct crr_mark {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 length;
	__u8 label[CRR_MARK_MAX];
};

#define CRR_VALUE_NEW	0x1	/* facts: @value is to be used from now on */

/**
 * struct crr_value - ioctl(CRR_IOC_VALUE), on a tty: a number from outside that
 *	does not come over the line, such as the time; recorded and replayed
 * @kind: any number; values of different kinds are independent
 * @facts: out: CRR_VALUE_NEW. Always set, unless a replay goes on with the last
 *	value of this kind
 * @uses: how often the last value of this kind was used; 0: there is none, and
 *	the answer is a new one
 * @value: the value; out: in replay, the recorded one
 * @remaining: out: without CRR_VALUE_NEW: how often the last value is to be used
 *	now, before the next call: 1 or more
 *
 * Errors: those of CRR_IOC_MODEM without ENOTTY. ENODATA also if the log has no
 * more to say.
 */
struct crr_value {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 kind;
	__u32 facts;
	__u32 __reserved;
	__aligned_u64 uses;
	__aligned_u64 value;
	__aligned_u64 remaining;
};

/**
 * DOC: The clock
 *
 * A clock fd has two mappings of one page each. One thread stores the counter.
 * The emulator reads when rx_seq has changed or next_due <= counter. A store
 * wakes nobody: if other threads sleep, call CRR_IOC_COUNTER when the counter
 * crosses next_due. Do not use the pages if version of the state's page is not
 * CRR_CLOCK_VERSION. A member added later is there if size reaches to its end.
 * crr(4) has all rules.
 */
#define CRR_CLOCK_COUNTER_OFFSET	0		/* mmap: shared, writable */
#define CRR_CLOCK_STATE_OFFSET		0x10000		/* mmap: shared, read-only */
#define CRR_CLOCK_VERSION		1

/**
 * struct crr_clock_counter - the page at CRR_CLOCK_COUNTER_OFFSET
 * @version: CRR_CLOCK_VERSION of the module
 * @size: of this struct, in bytes
 * @counter: stored by the emulator, aligned, in one piece
 */
struct crr_clock_counter {
	__u32 version;
	__u32 size;
	__aligned_u64 counter;
};

/**
 * struct crr_clock_state - the page at CRR_CLOCK_STATE_OFFSET
 * @version: CRR_CLOCK_VERSION of the module
 * @size: of this struct, in bytes
 * @next_due: replay: counter from which on an operation finds something; 0 when
 *	the replay is over. Otherwise CRR_NEVER.
 * @rx_seq: changes with input, a flush, new buffer space and a hangup; not in replay
 * @state: &enum crr_state
 * @diverged: 1 once the replay has diverged
 */
struct crr_clock_state {
	__u32 version;
	__u32 size;
	__aligned_u64 next_due;
	__aligned_u64 rx_seq;
	__u32 state;
	__u32 diverged;
};

/**
 * DOC: Records
 *
 * read(2) on a session fd returns, and write(2) takes, whole records: a header,
 * a payload that depends on the type, and zeros up to a multiple of
 * CRR_RECORD_ALIGN bytes. All numbers are little-endian. See crr-log(5).
 *
 * Errors of read(2): EAGAIN (no record yet); EINVAL (has never recorded);
 * EMSGSIZE (buffer too small for the next record); EFAULT; EINTR (signal).
 * Errors of write(2): EAGAIN (no buffer space); EINVAL (not replaying); EMSGSIZE
 * (no whole record); EBADMSG (not valid: @reason of &struct crr_status);
 * ENOTRECOVERABLE, EIO, ENODATA (diverged, failed, ended); ESTALE (a seek is
 * pending); EFAULT, ENOMEM; EINTR (signal).
 */
struct crr_record_header {
	__le16 type;		/* enum crr_record_type */
	__le16 flags;		/* CRR_FLAG_* */
	__le16 stream;		/* 0 for END */
	__le16 length;		/* of the payload, in bytes, without padding */
	__le64 sequence;	/* from 0; of an optional record: that of the next one */
	__le64 counter;		/* never goes back */
};

#define CRR_RECORD_ALIGN	8	/* bytes */
#define CRR_RECORD_SIZE_MAX	8192	/* bytes, with header and padding */
#define CRR_STREAMS_MAX		1024	/* of a session */

/* enum crr_record_type - types of records, with the structs of their payloads */
enum crr_record_type {
	CRR_TYPE_STREAM	= 1,		/* begins: crr_record_termios, name of the tty */
	CRR_TYPE_READ		= 2,	/* read(2): crr_record_in, bytes */
	CRR_TYPE_READ_ERROR	= 3,	/* read(2) failed: crr_record_read_error */
	CRR_TYPE_EOF		= 4,	/* read(2) of 0, in canonical mode: crr_record_in */
	CRR_TYPE_PEER_CLOSED	= 5,	/* reads give EIO from here on: crr_record_in */
	CRR_TYPE_HANGUP	= 6,		/* reads give 0, writes EIO: crr_record_in */
	CRR_TYPE_WRITE	= 7,		/* chunk of a write(2): crr_record_write, bytes */
	CRR_TYPE_STREAM_END	= 8,	/* crr_record_stream_end */
	CRR_TYPE_END		= 9,	/* recording was stopped: no payload */
	CRR_TYPE_INQ		= 10,	/* FIONREAD, not 0: crr_record_inq */
	CRR_TYPE_OUTQ		= 11,	/* TIOCOUTQ: crr_record_outq */
	CRR_TYPE_MODEM		= 12,	/* CRR_IOC_MODEM: crr_record_modem */
	CRR_TYPE_MARK		= 13,	/* CRR_IOC_MARK: crr_record_mark, label */
	CRR_TYPE_VALUE		= 14,	/* CRR_IOC_VALUE: crr_record_value */
	CRR_TYPE_OPTIONAL	= 0x8000, /* bit: may be skipped by readers */
	CRR_TYPE_TERMIOS	= CRR_TYPE_OPTIONAL | 1, /* changed: crr_record_termios */
	CRR_TYPE_TIME		= CRR_TYPE_OPTIONAL | 2, /* crr_record_time */
};

#define CRR_FLAG_CUT		0x1	/* WRITE: a signal ended the write(2) here */
#define CRR_FLAG_CAPTURED	0x2	/* WRITE: the bytes follow */
#define CRR_FLAG_INTERRUPTED	0x4	/* @refused: slept until a signal came */
#define CRR_FLAG_UNKNOWN	0x8	/* WRITE: bytes and length are not known */

#define CRR_STREAM_NAME_MAX	64

/* STREAM, followed by the name of the tty (without a final 0); TERMIOS */
struct crr_record_termios {
	__le32 iflag;		/* as in termios(3) */
	__le32 oflag;
	__le32 cflag;
	__le32 lflag;
	__le32 ispeed;		/* bits per second */
	__le32 ospeed;
};

/* READ, followed by 1 to CRR_READ_MAX bytes; EOF; PEER_CLOSED; HANGUP */
struct crr_record_in {
	__le64 empty_reads;	/* at this counter, since the last inbound record */
};

/* READ_ERROR */
struct crr_record_read_error {
	__le64 empty_reads;	/* see crr_record_in */
	__le32 error;		/* errno, positive, as in asm-generic */
	__le32 __reserved;
};

/* WRITE, followed by the bytes if CRR_FLAG_CAPTURED */
struct crr_record_write {
	__le64 refused;		/* operations before it, for lack of buffer space */
	__le32 requested;	/* bytes offered, 1 to CRR_WRITE_MAX */
	__le32 result;		/* signed: bytes taken, or a negative errno */
	__le32 offset;		/* bytes that went to the device */
	__le32 crc32c;		/* of the bytes offered; 0 with CRR_FLAG_UNKNOWN */
};

/* INQ */
struct crr_record_inq {
	__le64 empty_reads;	/* see crr_record_in */
	__le32 value;		/* answer of FIONREAD, not 0 */
	__le32 __reserved;
};

/* OUTQ */
struct crr_record_outq {
	__le64 refused;		/* see crr_record_write */
	__le32 value;		/* answer of TIOCOUTQ */
	__le32 __reserved;
};

#define CRR_MODEM_COUNT		11	/* counts in a MODEM record */

/* MODEM */
struct crr_record_modem {
	__le64 refused;		/* see crr_record_write */
	__le32 error;		/* errno, positive, or 0; if not 0, the rest is 0 */
	__le32 lines;		/* see crr_modem */
	__le32 facts;
	__le32 counts[CRR_MODEM_COUNT];	/* from cts to buf_overrun */
};

/* MARK, followed by the label, 1 to CRR_MARK_MAX bytes */
struct crr_record_mark {
	__le64 refused;		/* see crr_record_write */
};

/* VALUE */
struct crr_record_value {
	__le64 refused;		/* see crr_record_write */
	__le64 value;
	__le64 uses;		/* of the last value of this kind; see crr_value */
	__le32 kind;
	__le32 __reserved;
};

/* TIME */
struct crr_record_time {
	__le64 nanoseconds;	/* since 1970, UTC */
};

/**
 * enum crr_end - why a stream ended
 * @CRR_END_STOP: recording was stopped
 * @CRR_END_CLOSED: the tty was closed, or got another line discipline
 * @CRR_END_HANGUP: the tty was hung up
 */
enum crr_end {
	CRR_END_STOP	= 1,
	CRR_END_CLOSED	= 2,
	CRR_END_HANGUP	= 3,
};

/* STREAM_END */
struct crr_record_stream_end {
	__le64 empty_reads;	/* see crr_record_in */
	__le64 refused;		/* see crr_record_write */
	__le32 reason;		/* enum crr_end */
	__le32 __reserved;
};

#endif /* _UAPI_LINUX_CRR_H */
