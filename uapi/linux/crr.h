/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * crr - record and replay of serial lines, beneath the emulator
 *
 * The interface of the line discipline N_CRR: ioctls on a tty, on a session
 * fd and on a clock fd; the records that a session fd gives and takes; and the
 * two pages of a clock fd. crr(4) tells how the parts work together.
 */
#ifndef _UAPI_LINUX_CRR_H
#define _UAPI_LINUX_CRR_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The line discipline's number, unless the module was given another. */
#define N_CRR			29

/* One read(2) delivers, and one chunk of a write(2) takes, this many bytes. */
#define CRR_READ_MAX		4096
#define CRR_WRITE_MAX		2048

/**
 * DOC: ioctls
 *
 * Each ioctl takes a pointer to a struct whose first member is its size, as
 * the caller was compiled. A smaller struct than today's is one of an older
 * crr: what it lacks is taken as zero. Of a larger one the tail must be zero.
 * Structs that bear an answer are written back as far as both sides know
 * them. Reserved members and unknown flags must be zero.
 *
 * Each ioctl on a tty needs an fd of that very tty that is open for reading
 * and writing, and names it in the struct's third member, @tty_fd, at offset 8.
 * Usually this is the fd on which it is called. The kernel does not tell a line
 * discipline through which file an ioctl was called: without @tty_fd whoever
 * may write to a terminal (mesg(1)) could set its counter, or learn when its
 * user presses a key. A program that has the tty open twice, once for reading
 * and once for writing, opens it once more with
 * O_RDWR | O_NOCTTY | O_NONBLOCK, and uses that fd for the ioctls. On a session
 * fd and on a clock fd @tty_fd is ignored: these are rights in themselves.
 *
 * Errors that mean the same wherever they come from:
 *
 *  - EFAULT: the pointer, or the struct's size behind it, leads out of the
 *    address space. Nothing was changed; but if the memory was there and went
 *    while the call was under way, only the answer is missing.
 *  - EINVAL: the size is smaller than that of the first version, or a member
 *    has a value that is never valid. Nothing was changed.
 *  - E2BIG: the struct is larger than this kernel's, and its tail is not zero;
 *    or it is larger than a page.
 *  - EOPNOTSUPP: a flag, or a value of a known member, that this crr does not
 *    know.
 *  - EBADF: on a tty: @tty_fd is not open, is not a file of this tty, is not
 *    open for both reading and writing, or has been hung up. Nothing was
 *    changed. CRR_IOC_STATUS does not fail then, but answers in part.
 *  - ENOTTY: no such ioctl on this kind of fd, or the tty's discipline is not
 *    N_CRR.
 *  - EINTR: a signal came while waiting for a lock. Nothing was changed.
 *  - EIO: on a tty that has been hung up; it is the tty core that says so.
 *
 * Other errors are listed at each ioctl.
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

/**
 * enum crr_state - what a session does
 * @CRR_STATE_IDLE: nothing: its ttys behave as under N_TTY
 * @CRR_STATE_RECORDING: what the emulator sees is recorded
 * @CRR_STATE_REPLAYING: what the emulator sees comes from the records fed
 * @CRR_STATE_ENDED: the replay is past the end of its log; reads and writes
 *	fail with ENODATA
 * @CRR_STATE_DIVERGED: the replay has diverged from its log; reads and writes
 *	fail with ENOTRECOVERABLE
 * @CRR_STATE_FAILED: recording or replay cannot go on (&enum crr_reason);
 *	reads and writes fail with EIO
 */
enum crr_state {
	CRR_STATE_IDLE		= 0,
	CRR_STATE_RECORDING	= 1,
	CRR_STATE_REPLAYING	= 2,
	CRR_STATE_ENDED		= 3,
	CRR_STATE_DIVERGED	= 4,
	CRR_STATE_FAILED	= 5,
};

/**
 * enum crr_reason - why a session failed, or a record was refused
 * @CRR_REASON_NONE: it did not
 * @CRR_REASON_ORPHAN: recording with CRR_RECORD_FAIL_ORPHAN, no controller and
 *	no room
 * @CRR_REASON_FEEDER: the feeder closed the session fd before END was fed
 * @CRR_REASON_LINE: the tty was hung up, or left N_CRR, before the log's end
 * @CRR_REASON_TERMINAL: the tty was brought into the session without
 *	CAP_SYS_TTY_CONFIG, and has become some login's controlling terminal
 * @CRR_REASON_TYPE: record of an unknown type
 * @CRR_REASON_FLAGS: record with unknown flags
 * @CRR_REASON_LENGTH: a length that is not possible for the record's type
 * @CRR_REASON_PADDING: padding or a reserved member is not zero
 * @CRR_REASON_VALUE: a member has an impossible value
 * @CRR_REASON_CRC: the bytes do not have the CRC that stands beside them
 * @CRR_REASON_SEQUENCE: not the next sequence number
 * @CRR_REASON_COUNTER: the counter goes back
 * @CRR_REASON_STREAM: a stream that has not begun, has ended, or begins twice
 * @CRR_REASON_STREAMS: a stream that the session does not have; or the first
 *	record that is not STREAM, and the session has a stream without one
 * @CRR_REASON_ORDER: a record after END, or after its stream's hangup
 */
enum crr_reason {
	CRR_REASON_NONE		= 0,
	CRR_REASON_ORPHAN	= 1,
	CRR_REASON_FEEDER	= 2,
	CRR_REASON_LINE		= 3,
	CRR_REASON_TERMINAL	= 4,
	CRR_REASON_TYPE		= 16,
	CRR_REASON_FLAGS	= 17,
	CRR_REASON_LENGTH	= 18,
	CRR_REASON_PADDING	= 19,
	CRR_REASON_VALUE	= 20,
	CRR_REASON_CRC		= 21,
	CRR_REASON_SEQUENCE	= 22,
	CRR_REASON_COUNTER	= 23,
	CRR_REASON_STREAM	= 24,
	CRR_REASON_STREAMS	= 25,
	CRR_REASON_ORDER	= 26,
};

/* struct crr_status.stream, asked through an fd that is not a stream's tty. */
#define CRR_NO_STREAM		0xffffffffU
/* A time that never comes. */
#define CRR_NEVER		0xffffffffffffffffULL

/* struct crr_status.facts */
#define CRR_STATUS_CONTROLLER	0x1	/* somebody holds the session fd */
#define CRR_STATUS_SESSION	0x2	/* there is a session at all */
#define CRR_STATUS_CLOCK	0x4	/* a clock fd is open */
#define CRR_STATUS_COUNTED	0x8	/* a counter other than 0 was supplied */
#define CRR_STATUS_END_FED	0x10	/* replay: END has been fed */
#define CRR_STATUS_DIVERGENCE	0x20	/* CRR_IOC_DIVERGENCE has an answer */
#define CRR_STATUS_UNREAD	0x40	/* recording: records wait to be read */
#define CRR_STATUS_GATED	0x80	/* delivery is gated */
#define CRR_STATUS_CHECKPOINT	0x100	/* a checkpoint has begun */
#define CRR_STATUS_SEEK		0x200	/* CRR_IOC_SEEK waits for the feeder */
#define CRR_STATUS_INTERRUPTED	0x400	/* recorded: a signal came, and read(2) slept */
#define CRR_STATUS_THREADS	0x800	/* recorded: several threads have read */
/* struct crr_status.waiting: who sleeps in crr at this moment */
#define CRR_WAITING_READ	0x1	/* a read(2), for its time to come */
#define CRR_WAITING_FEED	0x2	/* an operation, for the feeder */
#define CRR_WAITING_SPACE	0x4	/* an operation, for room in the buffer */

/**
 * struct crr_status - ioctl(CRR_IOC_STATUS), on a tty, session or clock fd
 * @size: sizeof(struct crr_status)
 * @flags: 0
 * @tty_fd: on a tty: an fd of this very tty, open for reading and writing; or
 *	not, see below
 * @facts: CRR_STATUS_*
 * @state: &enum crr_state
 * @reason: &enum crr_reason: why the session failed, or else why the last
 *	write(2) on the session fd refused a record
 * @stream: number of the tty's stream; CRR_NO_STREAM on another fd
 * @streams: how many streams the session has
 * @waiting: CRR_WAITING_*
 * @seek_generation: number of the last CRR_IOC_SEEK
 * @counter: the counter, as last seen
 * @sequence: sequence number of the next record: recording, the next to be
 *	written; replay, the next to be fed
 * @records: records written since recording, or consumed since replay, began
 * @bytes_in: bytes that read(2)s have delivered in them
 * @bytes_out: bytes that write(2)s have taken in them
 * @buffered: bytes of records in the buffer: recording, not yet read from the
 *	session fd; replay, fed and not yet consumed
 * @buffer_size: how many bytes it holds
 * @next_due: replay: the counter at which the emulator must read next
 *	(&struct crr_clock_state)
 * @horizon: replay: stamp of the last record fed
 * @remaining: replay: records fed and not yet consumed, but for hangups
 * @discarded: replay: bytes of the device's input that were discarded
 * @dropped: replay: bytes of output that the device did not take
 * @position: sequence number of the first record that is still to come:
 *	recording, @sequence; replay, of those that must be consumed. With
 *	@counter, what &struct crr_seek takes.
 * @seek_sequence: with CRR_STATUS_SEEK: where the emulator wants to be
 * @received: asked through a tty: bytes that its device has delivered since
 *	N_CRR was attached, but for those that were discarded
 * @looks: looks in vain since recording or replay began, on all streams: empty
 *	reads, FIONREADs that gave 0, and poll(2)s without a result
 * @guesses: replay: poll(2)s that were answered while the log was not known as
 *	far as the counter
 *
 * Never fails but for the errors common to all ioctls. Without a session,
 * @state is CRR_STATE_IDLE and CRR_STATUS_SESSION is not set.
 *
 * On a tty whose @tty_fd is not valid only @state, @reason and @facts are
 * given, and of @facts only those that do not change with the traffic: not
 * CRR_STATUS_COUNTED, _UNREAD, _CHECKPOINT, _SEEK, _INTERRUPTED and _THREADS.
 * All else is as without a session.
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
 * struct crr_session_fd - ioctl(CRR_IOC_SESSION), on a tty
 * @size: sizeof(struct crr_session_fd)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @session_fd: out: the session's fd, close-on-exec
 *
 * Makes the tty's session, or takes over one whose controller has gone, in
 * whatever state it is. Needs CAP_SYS_TTY_CONFIG in the initial user
 * namespace; or, if the module's parameter "unprivileged" is on, nothing more
 * than the open tty, as long as that is nobody's controlling terminal. Without
 * the capability, what is taken over must have been made by the same user, and
 * without it as well.
 *
 * Errors:
 *  - EPERM: the capability is missing, and is needed
 *  - EBUSY: the session has a controller
 *  - EOPNOTSUPP: the tty is the master of a pty
 *  - EMFILE, ENFILE, ENOMEM: no fd, no file, no memory
 */
struct crr_session_fd {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__s32 session_fd;
};

/**
 * struct crr_join - ioctl(CRR_IOC_JOIN), on a tty
 * @size: sizeof(struct crr_join)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @session_fd: a session fd
 * @stream: out: the number of the tty's stream
 * @__reserved: 0
 *
 * Adds the tty to a session that is idle. Streams are numbered from 0, in the
 * order in which their ttys came into the session; when one leaves an idle
 * session, those after it move up. A session has one counter: a tty whose
 * emulator has a clock already brings it along, unless the session has another
 * one.
 *
 * Errors:
 *  - EPERM: the capability is missing, and is needed, as for CRR_IOC_SESSION
 *  - EBADF: @session_fd is not open, or not a session's; or @tty_fd, as always
 *  - EBUSY: the tty is in a session already; or the session is not idle, or
 *    its recording has not been read to its end
 *  - EEXIST: the tty and the session have a clock each
 *  - ENOSPC: the session has CRR_STREAMS_MAX ttys
 *  - EOPNOTSUPP: the tty is the master of a pty
 *  - ENOMEM: no memory
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
 * struct crr_clock_fd - ioctl(CRR_IOC_CLOCK), on a tty
 * @size: sizeof(struct crr_clock_fd)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @clock_fd: out: the clock's fd, close-on-exec
 *
 * Makes the tty's clock, or opens the one that it has once more. The clock
 * lasts until its last fd and mapping are gone. With a session that has a
 * clock already, it is that one.
 *
 * Errors:
 *  - EOPNOTSUPP: the tty is the master of a pty
 *  - EMFILE, ENFILE, ENOMEM: no fd, no file, no memory; the pages count against
 *	RLIMIT_MEMLOCK
 */
struct crr_clock_fd {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__s32 clock_fd;
};

/**
 * struct crr_counter - ioctl(CRR_IOC_COUNTER), on a tty or clock fd
 * @size: sizeof(struct crr_counter)
 * @flags: 0
 * @tty_fd: on a tty: an fd of this very tty, open for reading and writing
 * @__reserved: 0
 * @counter: the emulator's counter
 * @next_due: out: as in &struct crr_clock_state
 *
 * Sets the counter and wakes who sleeps until it has come so far. With a
 * clock, it is stored in the clock's page as well. An emulator with a clock
 * also calls it, on the clock fd, when a read(2) has given 0 or EIO: it is
 * then that the emulator has seen a hangup, and the HANGUP record is stamped.
 *
 * Errors:
 *  - ERANGE: @counter is less than it was. Nothing was changed.
 *  - EBUSY: a checkpoint has begun, and @counter is not its. Nothing was
 *	changed.
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
 * @CRR_DELIVERY_FREE: when read(2) returns it. For emulators in which the
 *	thread that moves the counter also does the I/O.
 * @CRR_DELIVERY_GATED: when the emulator says so, by a checkpoint. For those in
 *	which another thread does the I/O: CRR_IOC_CHECKPOINT_BEGIN.
 *
 * What a log file's header says of its recording.
 */
enum crr_delivery {
	CRR_DELIVERY_FREE	= 0,
	CRR_DELIVERY_GATED	= 1,
};

/* struct crr_record_start.flags */
#define CRR_RECORD_CAPTURE	0x1	/* WRITE records bear the bytes */
#define CRR_RECORD_FAIL_ORPHAN	0x2	/* no controller and no room: fail */
#define CRR_RECORD_BLOCK	0x4	/* no room: writes sleep, O_NONBLOCK or not */
#define CRR_RECORD_GATED	0x8	/* CRR_DELIVERY_GATED */

/* struct crr_record_start.buffer_size, in bytes */
#define CRR_BUFFER_MIN		(256U << 10)
#define CRR_BUFFER_DEFAULT	(8U << 20)
#define CRR_BUFFER_MAX		(256U << 20)

/**
 * struct crr_record_start - ioctl(CRR_IOC_RECORD), on a session fd
 * @size: sizeof(struct crr_record_start)
 * @flags: CRR_RECORD_*
 * @__reserved: 0
 * @buffer_size: bytes of the buffer between the emulator and the session
 *	fd's reader, rounded up; 0 for CRR_BUFFER_DEFAULT
 *
 * Starts recording: a STREAM record for each tty, and from there on what the
 * emulator sees. read(2) and poll(2) on the session fd drain the buffer. When
 * it is full the emulator has to wait: nothing is ever dropped.
 *
 * Errors:
 *  - EBUSY: the session is not idle, an earlier recording has not been read to
 *    its end, or a read or write is in flight on one of its ttys
 *  - ENODEV: the tty has gone
 *  - EINVAL: @buffer_size is less than CRR_BUFFER_MIN or more than
 *    CRR_BUFFER_MAX
 *  - EPERM: a tty was brought without CAP_SYS_TTY_CONFIG, and has become a
 *	controlling terminal
 *  - ENOMEM: no memory for the buffer; it counts against the caller's
 *	RLIMIT_MEMLOCK, unless the caller has CAP_IPC_LOCK
 */
struct crr_record_start {
	__u32 size;
	__u32 flags;
	__aligned_u64 __reserved;
	__aligned_u64 buffer_size;
};

/* struct crr_replay_start.flags */
#define CRR_REPLAY_MUTE		0x1	/* do not write output to the device */
#define CRR_REPLAY_GATED	0x2	/* the log was recorded with CRR_RECORD_GATED */
#define CRR_REPLAY_LIVE		0x4	/* after END, go on with the device */
#define CRR_REPLAY_RECORD	0x8	/* and record that */

/**
 * struct crr_replay_start - ioctl(CRR_IOC_REPLAY), on a session fd
 * @size: sizeof(struct crr_replay_start)
 * @flags: CRR_REPLAY_*
 * @buffer_size: bytes of records that may wait in the session; 0 for
 *	CRR_BUFFER_DEFAULT
 * @record_flags: with CRR_REPLAY_RECORD: CRR_RECORD_*
 * @__reserved: 0
 *
 * Starts the replay of what is fed by write(2) on the session fd. The counter
 * begins anew.
 *
 * With CRR_REPLAY_LIVE the first operation after the log's end does not fail:
 * it, and all that follow, are the device's, and the session is idle. With
 * CRR_REPLAY_RECORD besides, it is recording: read(2) on the session fd gives
 * records that continue the log, in the place of those from the first
 * STREAM_END with CRR_END_STOP on; its sequence number is that of the first one
 * read. Another buffer of @buffer_size is set aside for them.
 *
 * Errors: as for CRR_IOC_RECORD, and
 *  - EINVAL: CRR_REPLAY_RECORD without CRR_REPLAY_LIVE; @record_flags without
 *	CRR_REPLAY_RECORD, unknown, or with another delivery than the replay's
 */
struct crr_replay_start {
	__u32 size;
	__u32 flags;
	__aligned_u64 buffer_size;
	__u32 record_flags;
	__u32 __reserved;
};

/**
 * struct crr_seek - ioctl(CRR_IOC_SEEK), on a tty
 * @size: sizeof(struct crr_seek)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @__reserved: 0
 * @sequence: of the first record that is still to come, as &struct crr_status
 *	has told it in @position
 * @counter: the emulator's counter, as it was then
 *
 * For an emulator that has restored a snapshot of itself: the replay goes on
 * from the position at which that was taken, be it before or after the present
 * one, also after a divergence or the log's end. A position is good if nothing
 * was read, asked, or written in vain since the counter last changed. Returns
 * when the feeder has heard of it (CRR_IOC_SEEK_ACK).
 *
 * Without a session, or while it is idle, the counter is set, and may so go
 * back.
 *
 * Errors:
 *  - EBUSY: the session is recording: a recording does not go back
 *  - EIO: the replay cannot go on; or could not while this waited
 *  - EINTR: a signal came while waiting; the seek is still pending
 *  - EAGAIN: the tty's discipline is being changed
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
 * struct crr_seek_ack - ioctl(CRR_IOC_SEEK_ACK), on a session fd
 * @size: sizeof(struct crr_seek_ack)
 * @flags: 0
 * @generation: @seek_generation of &struct crr_status
 * @__reserved: 0
 * @sequence: of the record with which feeding begins anew: any up to
 *	@seek_sequence. Records before that one are checked and passed over. If
 *	it is not 0, no stream may have ended, or been hung up, before it.
 *
 * While a seek is pending, write(2) on the session fd fails with ESTALE.
 *
 * Errors:
 *  - ENODATA: no seek is pending
 *  - ESTALE: @generation is not that of the pending one
 *  - EINVAL: @sequence is more than @seek_sequence
 */
struct crr_seek_ack {
	__u32 size;
	__u32 flags;
	__u32 generation;
	__u32 __reserved;
	__aligned_u64 sequence;
};

/**
 * struct crr_stop - ioctl(CRR_IOC_STOP), on a session fd
 * @size: sizeof(struct crr_stop)
 * @flags: 0
 *
 * Recording: emits STREAM_END for each stream and END, after which read(2) on
 * the session fd gives 0. A read or write that has not returned by then is not
 * in the log. Replay: if records are left whose time has come, that is a
 * divergence. Either way the session is idle afterwards, and operations that
 * slept go on with the device.
 *
 * Errors:
 *  - ENODATA: the session is idle already
 */
struct crr_stop {
	__u32 size;
	__u32 flags;
};

/**
 * enum crr_divergence_kind - how a run departed from its log
 * @CRR_DIVERGENCE_LATE: the record's counter has passed and nobody took it
 * @CRR_DIVERGENCE_EARLY: an operation before the record's counter
 * @CRR_DIVERGENCE_EXTRA: an operation that the log does not have, or has not
 *	before the one that it expects
 * @CRR_DIVERGENCE_LENGTH: a write of another length, or a read with less room
 *	than the recorded one delivered
 * @CRR_DIVERGENCE_CONTENT: a write of other bytes, or another label
 * @CRR_DIVERGENCE_LEFT: records were left whose time had come: when the run
 *	ended, when the tty was left, or when an operation went past the log's
 *	end, which is then the type of &struct crr_divergence
 */
enum crr_divergence_kind {
	CRR_DIVERGENCE_LATE	= 1,
	CRR_DIVERGENCE_EARLY	= 2,
	CRR_DIVERGENCE_EXTRA	= 3,
	CRR_DIVERGENCE_LENGTH	= 4,
	CRR_DIVERGENCE_CONTENT	= 5,
	CRR_DIVERGENCE_LEFT	= 6,
};

/* struct crr_divergence.facts */
#define CRR_DIVERGENCE_FULL	0x1	/* the buffer was too small, see there */

#define CRR_DIVERGENCE_BYTES	32
/* struct crr_divergence.sequence where the log has no record to be named */
#define CRR_NO_SEQUENCE		0xffffffffffffffffULL

/**
 * struct crr_divergence - ioctl(CRR_IOC_DIVERGENCE), on a session fd
 * @size: sizeof(struct crr_divergence)
 * @flags: 0
 * @kind: &enum crr_divergence_kind
 * @stream: number of the stream
 * @sequence: of the record that was expected, or CRR_NO_SEQUENCE
 * @expected_counter: the record's counter
 * @counter: the run's counter
 * @expected_type: &enum crr_record_type of the record, 0 if there is none
 * @type: CRR_TYPE_READ, CRR_TYPE_WRITE, CRR_TYPE_INQ, CRR_TYPE_OUTQ,
 *	CRR_TYPE_MODEM, CRR_TYPE_MARK or CRR_TYPE_STREAM_END: what the run did
 * @expected_length: bytes in the record: of a write, those offered; of a
 *	read, those delivered; of a mark, those of its label
 * @length: bytes that the run offered, or had room for
 * @offset: of the first byte that differs; CRR_DIVERGENCE_CONTENT without
 *	captured bytes: 0
 * @position: bytes that the stream had written, or read, in agreement before
 *	this record
 * @expected_bytes: how many bytes of @expected are valid; 0 without capture
 * @bytes: how many bytes of @got are valid
 * @facts: CRR_DIVERGENCE_*. CRR_DIVERGENCE_FULL: the buffer was full of records
 *	of other operations, so that the one that was needed could not be fed:
 *	@buffer_size of CRR_IOC_REPLAY is too small for this log
 * @expected: the record's bytes from @offset on
 * @got: the run's bytes from @offset on
 *
 * The first departure of the replay, kept until the next RECORD or REPLAY.
 *
 * Errors:
 *  - ENODATA: there was none
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
 * struct crr_checkpoint_begin - ioctl(CRR_IOC_CHECKPOINT_BEGIN), on a tty
 * @size: sizeof(struct crr_checkpoint_begin)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @max_bytes: how many bytes may be read, on all ttys of the session together;
 *	0 for any number
 * @counter: where the emulator stands, until the end of the checkpoint
 * @next_due: out: as in &struct crr_clock_state
 *
 * For gated delivery. Between checkpoints a session's ttys show no input: read
 * gives EAGAIN or sleeps, poll has no EPOLLIN, FIONREAD says 0. Now they show
 * what there is, wake whoever waits for it, and each read is stamped with
 * @counter. In replay they show what was read in the recorded checkpoint at
 * this very counter, in the order in which it was read, and nothing
 * otherwise. Output does not care; it is
 * stamped with @counter as well.
 *
 * The caller need not be the thread that reads. It may have to wait for the
 * feeder of a replay, but never for a reader, nor for another caller.
 *
 * While a tty is in no session, or its session idle, this is CRR_IOC_COUNTER.
 *
 * Errors:
 *  - ERANGE: @counter is less than it was
 *  - EBUSY: a checkpoint has begun already
 *  - EPROTO: delivery is not gated
 *  - ENODATA: the replay is past the end of its log
 *  - ENOTRECOVERABLE: the replay has diverged from its log; or diverges now,
 *	as a record before @counter has not been read
 *  - EIO: recording or replay cannot go on
 *  - EAGAIN: the tty's discipline is being changed
 *  - EINTR: a signal came while waiting. The counter may have been set.
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
 * struct crr_checkpoint_end - ioctl(CRR_IOC_CHECKPOINT_END), on a tty
 * @size: sizeof(struct crr_checkpoint_end)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @__reserved: 0
 * @consumed: out: bytes read in the checkpoint, on all ttys of the session
 *
 * Hides the ttys' input again. A read(2) that has taken bytes, and has not
 * returned yet, returns with them and no more: until the thread that reads has
 * dealt with @consumed bytes, the emulator's counter should not move.
 *
 * While a tty is in no session, or its session idle, nothing is done, and
 * @consumed is 0; so too if CRR_IOC_STOP has ended the checkpoint before.
 *
 * Errors:
 *  - EPROTO: delivery is not gated, or no checkpoint has begun, or another
 *	thread ends it
 *  - ENODATA, EIO: as for CRR_IOC_CHECKPOINT_BEGIN
 *  - ENOTRECOVERABLE: the replay has diverged from its log; or diverges now,
 *	as what was read in the recorded checkpoint has not been read in
 *	this one
 */
struct crr_checkpoint_end {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 __reserved;
	__aligned_u64 consumed;
};

/* struct crr_modem.facts */
#define CRR_MODEM_COUNTS	0x1	/* the device counts */

/**
 * struct crr_modem - ioctl(CRR_IOC_MODEM), on a tty
 * @size: sizeof(struct crr_modem)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @lines: out: modem lines, TIOCM_*, as TIOCMGET gives them
 * @facts: out: CRR_MODEM_*; without CRR_MODEM_COUNTS all counts are 0
 * @cts: out: counts, as TIOCGICOUNT gives them: changes of CTS
 * @dsr: changes of DSR
 * @rng: falling edges of RI
 * @dcd: changes of DCD
 * @rx: bytes received
 * @tx: bytes sent
 * @frame: framing errors
 * @overrun: overruns of the device
 * @parity: parity errors
 * @brk: breaks
 * @buf_overrun: overruns of the tty's buffer
 *
 * What TIOCMGET and TIOCGICOUNT say, in a way that is recorded and replayed:
 * these two themselves never reach a line discipline. In replay the answer, or
 * the error, is the recorded one, on whatever tty.
 *
 * Errors:
 *  - ENOTTY: the device has no modem lines (a pty, say)
 *  - EIO: the device has none at this moment; or recording or replay cannot go
 *	on
 *  - ERANGE, ENODATA, ENOTRECOVERABLE: as for a write(2)
 *  - EINTR: a signal came while waiting for room or for the feeder
 *  - EAGAIN: the tty's discipline is being changed
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
 * struct crr_mark - ioctl(CRR_IOC_MARK), on a tty
 * @size: sizeof(struct crr_mark)
 * @flags: 0
 * @tty_fd: an fd of this very tty, open for reading and writing
 * @length: of the label, 1 to CRR_MARK_MAX bytes
 * @label: printable ASCII, and blanks
 *
 * Puts a label into the log, at the counter's value. A replay must come to the
 * same label at the same counter: an emulator that now and then puts a hash of
 * its state there learns of a divergence long before it shows in its output.
 * While nothing is recorded or replayed this does nothing.
 *
 * Errors: as for CRR_IOC_MODEM, but
 *  - EINVAL: @length, or a byte of @label
 */
struct crr_mark {
	__u32 size;
	__u32 flags;
	__s32 tty_fd;
	__u32 length;
	__u8 label[CRR_MARK_MAX];
};

/**
 * DOC: The clock
 *
 * A clock fd has two mappings of one page each. With them an emulator's idle
 * loop makes no system call. The emulator's rules:
 *
 *  - One thread stores the counter, and it never goes back. An operation that
 *    finds it less than before fails with ERANGE.
 *  - Not replaying: read until empty whenever rx_seq has changed.
 *  - Replaying: read while next_due <= counter.
 *  - Whoever crosses next_due while another thread sleeps in read(2) or
 *    poll(2) calls CRR_IOC_COUNTER: a store wakes nobody.
 *
 * next_due is CRR_NEVER unless replaying, and rx_seq stands still in replay,
 * so that one test serves all: rx_seq changed or next_due <= counter.
 *
 * Each page begins with its version and the size of its struct. A program that
 * has mapped them looks at the version of the state's page once. If it is not
 * CRR_CLOCK_VERSION, as the program was compiled, the members lie elsewhere or
 * mean something else: the program must not use the pages, and may supply its
 * counter by CRR_IOC_COUNTER. A later crr may add members at the end of a struct;
 * then the version stays, and a member that this header does not mark as added
 * is always there. One that was added is there if @size reaches to its end.
 *
 * The kernel writes version and size when it makes the clock. It never reads
 * them back, so that a program that overwrites those of the counter's page
 * misleads only those who share the clock with it.
 */
#define CRR_CLOCK_COUNTER_OFFSET	0		/* mmap: shared, writable */
#define CRR_CLOCK_STATE_OFFSET		0x10000		/* mmap: read-only */
#define CRR_CLOCK_VERSION		1

/**
 * struct crr_clock_counter - the page at CRR_CLOCK_COUNTER_OFFSET
 * @version: CRR_CLOCK_VERSION of this kernel's crr
 * @size: sizeof(struct crr_clock_counter) of this kernel's crr, in bytes
 * @counter: stored by the emulator, aligned, in one piece
 */
struct crr_clock_counter {
	__u32 version;
	__u32 size;
	__aligned_u64 counter;
};

/**
 * struct crr_clock_state - the page at CRR_CLOCK_STATE_OFFSET
 * @version: CRR_CLOCK_VERSION of this kernel's crr
 * @size: sizeof(struct crr_clock_state) of this kernel's crr, in bytes
 * @next_due: the counter from which on an operation of the emulator has
 *	something to find: the stamp of the next record to be read; the
 *	horizon, where more is still to be fed; one past END; 0 when the
 *	session has ended, diverged or failed; else CRR_NEVER
 * @rx_seq: changes when input has arrived, was flushed, may be read again
 *	after the buffer was full, or the line has hung up
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
 * What read(2) on a session fd gives and write(2) takes: whole records, each
 * a header, a payload that depends on the type, and zeros up to a multiple of
 * 8 bytes. All numbers are little-endian.
 *
 * Sequence numbers count from 0 without a gap, but records of an optional type
 * bear the number of the record that follows; counters never go back. The
 * first record of a stream is STREAM, its last STREAM_END; the last record of
 * a log is END. A log begins with the STREAM records of all its streams.
 *
 * read(2) on a session fd gives records that follow each other. They are kept
 * until the next read(2): should the reader die before it has written them
 * away, whoever takes the session over is given them again, and knows them by
 * their sequence numbers.
 *  - 0: recording has ended and all is read
 *  - EAGAIN: O_NONBLOCK, and nothing is there yet
 *  - EINVAL: the session has never recorded
 *  - EMSGSIZE: the buffer does not hold the next record
 *  - EFAULT: the buffer; nothing is consumed
 *  - EINTR: a signal came before a record
 *
 * write(2) on a session fd:
 *  - less than asked: up to the last whole record, or the first refused one
 *  - EAGAIN: O_NONBLOCK, and there is no room
 *  - EINVAL: the session is not replaying
 *  - EMSGSIZE: the buffer holds no whole record
 *  - EBADMSG: the first record is not valid: &struct crr_status.reason
 *  - ENOTRECOVERABLE, EIO, ENODATA: the session has diverged, failed, ended
 *  - ESTALE: a seek is pending: CRR_IOC_SEEK_ACK
 *  - EFAULT, ENOMEM: nothing is taken
 *  - EINTR: a signal came before there was room
 *
 * poll(2) on a session fd: EPOLLIN when a record or the end can be read,
 * EPOLLOUT when records can be fed, EPOLLPRI when the state has changed since
 * the last CRR_IOC_STATUS through this fd, EPOLLHUP when no tty is left.
 */
struct crr_record_header {
	__le16 type;		/* enum crr_record_type */
	__le16 flags;		/* CRR_FLAG_* */
	__le16 stream;		/* 0 for END */
	__le16 length;		/* of the payload, in bytes, without padding */
	__le64 sequence;
	__le64 counter;
};

#define CRR_RECORD_ALIGN	8
/* No record is larger than this, header and padding included. */
#define CRR_RECORD_SIZE_MAX	8192
/* No more streams than this in a session. */
#define CRR_STREAMS_MAX		1024

/**
 * enum crr_record_type - what a record tells
 * @CRR_TYPE_STREAM: a tty's part in the session begins:
 *	&struct crr_record_termios and its name
 * @CRR_TYPE_READ: a read(2) delivered: &struct crr_record_in and the bytes
 * @CRR_TYPE_READ_ERROR: a read(2) failed: &struct crr_record_read_error
 * @CRR_TYPE_EOF: a read(2) gave 0 in canonical mode, once:
 *	&struct crr_record_in
 * @CRR_TYPE_PEER_CLOSED: from here on reads give EIO:
 *	&struct crr_record_in
 * @CRR_TYPE_HANGUP: from here on reads give 0, writes EIO:
 *	&struct crr_record_in
 * @CRR_TYPE_WRITE: a chunk of a write(2) was offered:
 *	&struct crr_record_write and, with CRR_FLAG_CAPTURED, the bytes
 * @CRR_TYPE_STREAM_END: the stream's part ends: &struct crr_record_stream_end
 * @CRR_TYPE_END: recording was stopped: no payload
 * @CRR_TYPE_INQ: FIONREAD said that there is something to be read:
 *	&struct crr_record_inq
 * @CRR_TYPE_OUTQ: TIOCOUTQ was asked: &struct crr_record_outq
 * @CRR_TYPE_MODEM: CRR_IOC_MODEM was asked: &struct crr_record_modem
 * @CRR_TYPE_MARK: CRR_IOC_MARK: &struct crr_record_mark and the label
 * @CRR_TYPE_TERMIOS: the tty's termios was changed before the record that
 *	follows; for people: &struct crr_record_termios
 * @CRR_TYPE_TIME: what precedes was recorded before that time, what follows
 *	after it; for people, put in by who wrote the log:
 *	&struct crr_record_time
 * @CRR_TYPE_OPTIONAL: this bit marks types that a reader may skip if it does
 *	not know them. Any other unknown type must be refused.
 */
enum crr_record_type {
	CRR_TYPE_STREAM	= 1,
	CRR_TYPE_READ		= 2,
	CRR_TYPE_READ_ERROR	= 3,
	CRR_TYPE_EOF		= 4,
	CRR_TYPE_PEER_CLOSED	= 5,
	CRR_TYPE_HANGUP	= 6,
	CRR_TYPE_WRITE	= 7,
	CRR_TYPE_STREAM_END	= 8,
	CRR_TYPE_END		= 9,
	CRR_TYPE_INQ		= 10,
	CRR_TYPE_OUTQ		= 11,
	CRR_TYPE_MODEM		= 12,
	CRR_TYPE_MARK		= 13,
	CRR_TYPE_OPTIONAL	= 0x8000,
	CRR_TYPE_TERMIOS	= CRR_TYPE_OPTIONAL | 1,
	CRR_TYPE_TIME		= CRR_TYPE_OPTIONAL | 2,
};

/*
 * WRITE: a signal was pending when the chunk returned, and ended its write(2)
 * there. With a result of -EINTR nothing was taken, and the system call was
 * restarted or interrupted.
 */
#define CRR_FLAG_CUT		0x1
/* WRITE: the bytes offered follow. */
#define CRR_FLAG_CAPTURED	0x2
/* What bears @refused: the chunks that were refused slept, until a signal came. */
#define CRR_FLAG_INTERRUPTED	0x4
/*
 * WRITE: neither the bytes nor how many were offered is known; those taken were.
 * For logs that come from elsewhere: a replay compares @result alone.
 */
#define CRR_FLAG_UNKNOWN	0x8

#define CRR_STREAM_NAME_MAX	64

/**
 * struct crr_record_termios - payload of CRR_TYPE_TERMIOS, and what
 *	CRR_TYPE_STREAM begins with: for people to see
 * @iflag: c_iflag
 * @oflag: c_oflag
 * @cflag: c_cflag
 * @lflag: c_lflag
 * @ispeed: bits a second
 * @ospeed: bits a second
 *
 * CRR_TYPE_STREAM: the tty's name follows, without a zero, at most
 * CRR_STREAM_NAME_MAX bytes.
 */
struct crr_record_termios {
	__le32 iflag;
	__le32 oflag;
	__le32 cflag;
	__le32 lflag;
	__le32 ispeed;
	__le32 ospeed;
};

/**
 * struct crr_record_in - payload, or its beginning, of what reads see
 * @empty_reads: empty reads of this stream at this counter value, since the
 *	counter last changed or the stream's last record of this kind. An empty
 *	read is a read(2) that found nothing (EAGAIN, or 0 in raw mode), or a
 *	FIONREAD that gave 0.
 *
 * CRR_TYPE_READ: 1 to CRR_READ_MAX bytes follow.
 */
struct crr_record_in {
	__le64 empty_reads;
};

/**
 * struct crr_record_read_error - payload of CRR_TYPE_READ_ERROR
 * @empty_reads: as in &struct crr_record_in
 * @error: the errno, positive, asm-generic numbering
 * @__reserved: 0
 */
struct crr_record_read_error {
	__le64 empty_reads;
	__le32 error;
	__le32 __reserved;
};

/**
 * struct crr_record_write - payload, or its beginning, of CRR_TYPE_WRITE
 * @refused: how many chunks were refused with EAGAIN, or, with
 *	CRR_FLAG_INTERRUPTED, interrupted in their sleep, since the stream's
 *	last record that bears such a count, because crr had no room to record
 *	them
 * @requested: bytes offered, 1 to CRR_WRITE_MAX; with CRR_FLAG_UNKNOWN, as many
 *	or more
 * @result: bytes taken, or a negative errno
 * @offset: how many of the bytes went to the device
 * @crc32c: of the bytes offered; 0 with CRR_FLAG_UNKNOWN
 */
struct crr_record_write {
	__le64 refused;
	__le32 requested;
	__le32 result;		/* signed */
	__le32 offset;
	__le32 crc32c;
};

/**
 * struct crr_record_inq - payload of CRR_TYPE_INQ
 * @empty_reads: as in &struct crr_record_in
 * @value: what FIONREAD said, not 0
 * @__reserved: 0
 */
struct crr_record_inq {
	__le64 empty_reads;
	__le32 value;
	__le32 __reserved;
};

/**
 * struct crr_record_outq - payload of CRR_TYPE_OUTQ
 * @refused: as in &struct crr_record_write
 * @value: what TIOCOUTQ said
 * @__reserved: 0
 */
struct crr_record_outq {
	__le64 refused;
	__le32 value;
	__le32 __reserved;
};

/* How many counts a MODEM record has. */
#define CRR_MODEM_COUNT		11

/**
 * struct crr_record_modem - payload of CRR_TYPE_MODEM
 * @refused: as in &struct crr_record_write
 * @error: the errno, positive, or 0; all that follows is 0 if there is one
 * @lines: as in &struct crr_modem
 * @facts: likewise
 * @counts: likewise, from @cts to @buf_overrun
 */
struct crr_record_modem {
	__le64 refused;
	__le32 error;
	__le32 lines;
	__le32 facts;
	__le32 counts[CRR_MODEM_COUNT];
};

/**
 * struct crr_record_mark - beginning of the payload of CRR_TYPE_MARK
 * @refused: as in &struct crr_record_write
 *
 * The label follows, 1 to CRR_MARK_MAX bytes of printable ASCII and blanks.
 */
struct crr_record_mark {
	__le64 refused;
};

/**
 * struct crr_record_time - payload of CRR_TYPE_TIME
 * @nanoseconds: since 1970, UTC
 */
struct crr_record_time {
	__le64 nanoseconds;
};

/**
 * enum crr_end - why a stream's part ended
 * @CRR_END_STOP: recording was stopped
 * @CRR_END_CLOSED: the tty was closed, or got another line discipline
 * @CRR_END_HANGUP: the tty was hung up
 */
enum crr_end {
	CRR_END_STOP	= 1,
	CRR_END_CLOSED	= 2,
	CRR_END_HANGUP	= 3,
};

/**
 * struct crr_record_stream_end - payload of CRR_TYPE_STREAM_END
 * @empty_reads: as in &struct crr_record_in
 * @refused: as in &struct crr_record_write
 * @reason: &enum crr_end
 * @__reserved: 0
 */
struct crr_record_stream_end {
	__le64 empty_reads;
	__le64 refused;
	__le32 reason;
	__le32 __reserved;
};

#endif /* _UAPI_LINUX_CRR_H */
