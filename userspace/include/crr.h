/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcrr - record and replay of serial lines, beneath the emulator
 *
 * The library has three parts, which can be used independently:
 *
 *  - for emulators: a tty and a clock (crr_tty_*, crr_clock_*). The emulator runs
 *    unchanged on a tty without N_CRR;
 *  - for controllers: a session (crr_session_*), which records or replays;
 *  - for all programs: log files (crr_log_*), without the module or root.
 *
 * Functions return a pointer, or NULL on error; or 0 or more, or -1 on error. On
 * error they set errno. They do not print, exit, or change the handling of
 * signals. Objects are not locked: unless stated otherwise, only one thread at a
 * time may use an object.
 */
#ifndef CRR_H
#define CRR_H

#include <crr/record.h>
#include <linux/crr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* libcrr makes symbols of these functions, for languages that cannot compile C. */
#ifndef CRR_INLINE
#define CRR_INLINE static inline
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header; crr_version() returns that of the library. */
#define CRR_VERSION "0.1.0"

/**
 * crr_version - version of the library
 * Since: 0.1
 */
const char *crr_version(void);

/* ---- For an emulator: the clock ---- */

/**
 * struct crr_clock - the emulator's counter, and when to read the line
 *
 * Only the inline functions below use the members.
 */
struct crr_clock {
	__u64 *counter;
	const struct crr_clock_state *state;
	uint64_t seen;	 /* rx_seq when a read last found nothing */
	uint64_t kicked; /* next_due for which a sleeper was woken */
	int fd;
};

/**
 * crr_clock_due - store the counter, and check whether there is input
 * @clock: crr_tty_clock()
 * @counter: instructions, cycles, or anything else that never goes back
 *
 * Call it wherever the emulator polls its line, at the same values of the
 * counter in every run. While it returns true, call crr_tty_read(). It makes no
 * system call. On a tty without N_CRR it always returns true.
 *
 * Since: 0.1
 */
CRR_INLINE bool crr_clock_due(struct crr_clock *clock, uint64_t counter)
{
	__atomic_store_n(clock->counter, counter, __ATOMIC_RELAXED);
	return __atomic_load_n(&clock->state->next_due, __ATOMIC_ACQUIRE) <=
		       counter ||
	       __atomic_load_n(&clock->state->rx_seq, __ATOMIC_ACQUIRE) !=
		       clock->seen;
}

/**
 * crr_clock_next_due - counter at which there is input next
 * @clock: crr_tty_clock()
 *
 * Returns how far the emulator may run in a replay before it calls
 * crr_clock_due(); CRR_NEVER without a replay.
 *
 * Since: 0.1
 */
CRR_INLINE uint64_t crr_clock_next_due(const struct crr_clock *clock)
{
	return __atomic_load_n(&clock->state->next_due, __ATOMIC_ACQUIRE);
}

int crr_clock_kick(struct crr_clock *clock, uint64_t counter);

/**
 * crr_clock_set - store the counter, and wake threads that sleep until then
 * @clock: crr_tty_clock()
 * @counter: as for crr_clock_due()
 *
 * For emulators in which another thread sleeps in read(2) or poll(2) on the
 * tty: a store alone wakes nobody. Makes one system call for each next_due.
 *
 * Since: 0.1
 */
CRR_INLINE void crr_clock_set(struct crr_clock *clock, uint64_t counter)
{
	uint64_t due;

	__atomic_store_n(clock->counter, counter, __ATOMIC_RELAXED);
	due = __atomic_load_n(&clock->state->next_due, __ATOMIC_ACQUIRE);
	if (due <= counter && due != clock->kicked && clock->fd >= 0) {
		clock->kicked = due;
		(void)crr_clock_kick(clock, counter);
	}
}

/* ---- For other languages ---- */

/**
 * crr_constant - value of a constant of crr.h, linux/crr.h or crr/record.h
 * @name: its name, such as CRR_STATE_RECORDING
 * @value: out
 *
 * Returns false, and leaves @value alone, if there is no number of this name.
 *
 * Since: 0.2
 */
bool crr_constant(const char *name, uint64_t *value);

/**
 * crr_member - place of a member of a struct of these headers
 * @name: for example crr_status.counter, or crr_record.termios.ispeed; or crr_status,
 *	for the whole struct
 * @offset: out: in bytes; 0 for the whole struct
 * @size: out: in bytes
 *
 * Returns false, and leaves both alone, if there is none of this name.
 *
 * Since: 0.2
 */
bool crr_member(const char *name, size_t *offset, size_t *size);

/* ---- For an emulator: the tty ---- */

struct crr_tty;

/* crr_tty_open() */
#define CRR_TTY_RAW	 0x1 /* cfmakeraw(3), and VMIN 1, VTIME 0 */
#define CRR_TTY_BLOCKING 0x2 /* reads and writes may sleep: no O_NONBLOCK */

/**
 * crr_tty_open - open a tty
 * @path: for example /dev/ttyS0
 * @flags: CRR_TTY_*
 *
 * Opens it for reading and writing, close-on-exec and not as controlling
 * terminal, and makes its clock if its line discipline is N_CRR. All functions
 * also work without N_CRR.
 *
 * Returns NULL with the errno of open(2), tcsetattr(3), ioctl(2) or mmap(2);
 * ENOTTY if @path is not a tty; EINVAL for unknown flags; EPROTONOSUPPORT if the
 * library does not know the version of the module's clock pages.
 *
 * Since: 0.1
 */
struct crr_tty *crr_tty_open(const char *path, unsigned int flags);

/**
 * crr_tty_adopt - use a tty that is already open
 * @fd: the tty, open for reading and writing. It is not changed, and
 *	crr_tty_close() does not close it.
 *
 * A program that has the tty open twice, once for reading and once for writing,
 * opens it once more with O_RDWR | O_NOCTTY | O_NONBLOCK for this function.
 *
 * Returns NULL with the errno of ioctl(2) or mmap(2): ENOTTY if it is not a tty;
 * EBADF if N_CRR is attached and @fd is not open for reading and writing;
 * EPROTONOSUPPORT as for crr_tty_open().
 *
 * Since: 0.1
 */
struct crr_tty *crr_tty_adopt(int fd);

/** crr_tty_close - release the tty; NULL is allowed. Since: 0.1 */
void crr_tty_close(struct crr_tty *tty);

/** crr_tty_fd - the tty's fd, for poll(2) and termios(3). Since: 0.1 */
int crr_tty_fd(const struct crr_tty *tty);

/** crr_tty_clock - the tty's clock, valid until crr_tty_close(). Since: 0.1 */
struct crr_clock *crr_tty_clock(struct crr_tty *tty);

/** crr_tty_attached - whether N_CRR is attached. Since: 0.1 */
bool crr_tty_attached(const struct crr_tty *tty);

/**
 * crr_tty_read - read(2) on the tty
 * @tty: the tty
 * @buf: buffer for the bytes
 * @length: size of @buf in bytes; CRR_READ_MAX is always enough
 *
 * Also updates the clock: an emulator with a clock must read through this
 * function.
 *
 * Returns the result of read(2). crr can cause these errors:
 *  - EAGAIN: no input at this counter
 *  - ERANGE: the counter has gone back
 *  - ENODATA: the replay is past the end of its log
 *  - ENOTRECOVERABLE: the replay has diverged from its log
 *  - EIO: recording or replay cannot go on; or the line was hung up
 *
 * Since: 0.1
 */
ssize_t crr_tty_read(struct crr_tty *tty, void *buf, size_t length);

/**
 * crr_tty_read_all - read all requested bytes, however long it takes
 * @tty: the tty, blocking or not
 * @buf: buffer for the bytes
 * @length: number of bytes to read
 *
 * The counter must not move meanwhile. Bytes that were read in several pieces
 * arrive in the same pieces in a replay. With gated delivery another thread must
 * make checkpoints. Signals do not end the call.
 *
 * Returns @length; less if there is no more input (end of file, a hangup, an
 * empty read with VMIN 0); or -1, and bytes that were read are lost: errors as
 * for crr_tty_read(), except EAGAIN.
 *
 * Since: 0.1
 */
ssize_t crr_tty_read_all(struct crr_tty *tty, void *buf, size_t length);

/**
 * crr_tty_write - write(2) on the tty
 * @tty: the tty
 * @buf: the bytes
 * @length: number of bytes
 *
 * Returns the result of write(2), which may be less than @length; errors as for
 * crr_tty_read().
 *
 * Since: 0.1
 */
ssize_t crr_tty_write(struct crr_tty *tty, const void *buf, size_t length);

/**
 * crr_modem - modem lines and counts, as by TIOCMGET and TIOCGICOUNT
 * @tty: the tty
 * @modem: out: &struct crr_modem
 *
 * These two ioctls never reach a line discipline; only the answers of this
 * function are recorded and replayed.
 *
 * Returns 0, or -1: ENOTTY if the device has no modem lines, EINTR, and errors
 * as for crr_tty_write().
 *
 * Since: 0.1
 */
int crr_modem(struct crr_tty *tty, struct crr_modem *modem);

/**
 * crr_mark - put a label into the log, at the current counter
 * @tty: the tty
 * @label: 1 to CRR_MARK_MAX characters of printable ASCII and blanks
 *
 * A replay must reach the same label at the same counter: if it contains a hash
 * of the emulator's state, a divergence is found long before it shows in the
 * output. Does nothing while the tty is neither recorded nor replayed.
 *
 * Returns 0, or -1: EINVAL for an invalid label, EINTR, and errors as for
 * crr_tty_write().
 *
 * Since: 0.1
 */
int crr_mark(struct crr_tty *tty, const char *label);

/**
 * crr_value - a number from outside that does not come over the line
 * @tty: the tty
 * @kind: what it is: any number that the emulator chooses
 * @value: the number; out: in a replay, the recorded one
 *
 * For whatever else the emulator learns from its host, such as the time of day for
 * a guest's clock, or a seed. Each call makes a record; a replay must call it at the
 * same counter, with the same @kind. Does nothing while the tty is neither
 * recorded nor replayed.
 *
 * Returns 0, or -1: EINTR, and errors as for crr_tty_write().
 *
 * Since: 0.2
 */
int crr_value(struct crr_tty *tty, uint32_t kind, uint64_t *value);

/**
 * struct crr_position - position in a log, to be saved with a snapshot
 * @sequence: sequence number of the first record that is still to come
 * @counter: the emulator's counter
 */
struct crr_position {
	uint64_t sequence;
	uint64_t counter;
};

/**
 * crr_position - get the current position of the emulator
 * @tty: any tty of the session
 * @position: out
 *
 * Call it when nothing has been read, queried or written yet at the current
 * counter; with gated delivery, outside of checkpoints.
 *
 * Returns 0, or -1 with the errno of CRR_IOC_STATUS.
 *
 * Since: 0.1
 */
int crr_position(struct crr_tty *tty, struct crr_position *position);

/**
 * crr_seek - continue at the position of a snapshot that was restored
 * @tty: any tty of the session
 * @position: result of crr_position(), in this run or another one
 *
 * Sets the counter, and a replay continues at @position. On a tty that is
 * neither recorded nor replayed, only the counter is set.
 *
 * Returns 0, or -1 with the errno of CRR_IOC_SEEK: EBUSY while recording.
 *
 * Since: 0.1
 */
int crr_seek(struct crr_tty *tty, const struct crr_position *position);

/**
 * crr_checkpoint_begin - let another thread read at this counter
 * @tty: any tty of the session
 * @counter: of the emulator, which must not change until crr_checkpoint_end()
 * @max_bytes: number of bytes that may be read, on all ttys of the session
 *	together; 0 for any number
 *
 * For gated delivery, in emulators that do not do the I/O in the thread that
 * moves the counter: between checkpoints there is no input. Any thread may call
 * it. On a tty without N_CRR, or one that is neither recorded nor replayed,
 * input is not hidden.
 *
 * Returns 0, or -1: EPROTO if delivery is not gated, EBUSY if a checkpoint has
 * begun, EINTR, and errors as for crr_tty_read().
 *
 * Since: 0.1
 */
int crr_checkpoint_begin(struct crr_tty *tty, uint64_t counter,
			 uint32_t max_bytes);

/**
 * crr_checkpoint_pending - whether there is input left in a checkpoint
 * @tty: the tty
 *
 * For programs that cannot say when they have read all of their input, such as
 * those that read in the loop of a library: after crr_checkpoint_begin(), let the
 * loop run until this function returns 0 for each tty of the session. May be called
 * by any thread.
 *
 * In a replay, the bytes of one tty may be hidden until those of another one were
 * read. So with several ttys, ask all of them after each turn of the loop, and again
 * if @records of crr_status() has changed since before the first answer.
 *
 * Returns 1 if a read(2) would find something, or, in a replay, would wait for
 * the controller; 0 if there is nothing, if @max_bytes bytes were read, if the
 * line was hung up, or if the tty is neither recorded nor replayed. Otherwise
 * -1: EPROTO if no checkpoint has begun; EIO after a hangup.
 *
 * Since: 0.2
 */
int crr_checkpoint_pending(struct crr_tty *tty);

/**
 * crr_checkpoint_end - hide input again
 * @tty: any tty of the session
 *
 * Returns the number of bytes that were read since crr_checkpoint_begin(). The
 * counter must not move before the other thread has processed them. Or returns
 * -1, as crr_checkpoint_begin(); ENOTRECOVERABLE also if bytes that were read in
 * the recorded checkpoint were not read in this one.
 *
 * Since: 0.1
 */
int64_t crr_checkpoint_end(struct crr_tty *tty);

/**
 * crr_count - supply the counter by ioctl, without a clock
 * @fd: the tty, open for reading and writing; or a clock fd
 * @counter: as for crr_clock_due()
 * @next_due: out, unless NULL: as by crr_clock_next_due()
 *
 * This is the smallest integration: one call before each read or write.
 *
 * Returns 0, or -1: ERANGE if the counter goes back, EBUSY if it would move in
 * a checkpoint, EBADF on a tty that is not open for reading and writing, ENOTTY
 * on a tty without N_CRR, EIO after a hangup.
 *
 * Since: 0.1
 */
int crr_count(int fd, uint64_t counter, uint64_t *next_due);

/* ---- For a controller ---- */

/**
 * crr_ldisc - number of the line discipline N_CRR in this kernel
 *
 * Returns the number, or -1 with ENOENT if the module is not loaded.
 *
 * Since: 0.1
 */
int crr_ldisc(void);

/**
 * crr_attach - attach N_CRR to a tty
 * @tty_fd: the tty
 *
 * N_CRR stays attached until another line discipline is set, or the last fd of
 * the tty is closed.
 *
 * Returns 0, or -1: ENOENT if the module is not loaded, or the errno of
 * TIOCSETD.
 *
 * Since: 0.1
 */
int crr_attach(int tty_fd);

/**
 * crr_detach - detach N_CRR from a tty, and set N_TTY
 * @tty_fd: the tty
 *
 * Returns 0, or -1 with the errno of TIOCSETD.
 *
 * Since: 0.1
 */
int crr_detach(int tty_fd);

/**
 * crr_session_open - make the session of a tty, or take over an orphaned one
 * @tty_fd: the tty, open for reading and writing, with N_CRR
 *
 * Returns the session fd, or -1 with the errno of CRR_IOC_SESSION; ENOTTY if
 * N_CRR is not attached. crr(4) describes read(2), write(2), poll(2) and
 * close(2) on a session fd.
 *
 * Since: 0.1
 */
int crr_session_open(int tty_fd);

/**
 * crr_session_join - add a tty to an idle session
 * @session_fd: the session
 * @tty_fd: the tty, open for reading and writing, with N_CRR
 *
 * Returns the number of its stream, or -1 with the errno of CRR_IOC_JOIN.
 *
 * Since: 0.1
 */
int crr_session_join(int session_fd, int tty_fd);

/**
 * crr_session_record - start recording
 * @session_fd: the session
 * @flags: CRR_RECORD_*
 * @buffer_size: in bytes, 0 for CRR_BUFFER_DEFAULT
 *
 * Returns 0, or -1 with the errno of CRR_IOC_RECORD. After EBUSY because a read
 * or write is in flight, try again.
 *
 * Since: 0.1
 */
int crr_session_record(int session_fd, unsigned int flags, size_t buffer_size);

/**
 * crr_session_replay - start replay
 * @session_fd: the session
 * @flags: CRR_REPLAY_*
 * @buffer_size: in bytes, 0 for CRR_BUFFER_DEFAULT
 *
 * Returns 0, or -1 with the errno of CRR_IOC_REPLAY.
 *
 * Since: 0.1
 */
int crr_session_replay(int session_fd, unsigned int flags, size_t buffer_size);

/**
 * crr_session_replay_record - start replay, and record what follows its log
 * @session_fd: the session
 * @flags: CRR_REPLAY_*; CRR_REPLAY_LIVE and _RECORD are added
 * @record_flags: CRR_RECORD_*, for the recording after the end of the log
 * @buffer_size: of each of the two buffers in bytes, 0 for CRR_BUFFER_DEFAULT
 *
 * Returns 0, or -1 with the errno of CRR_IOC_REPLAY.
 *
 * Since: 0.1
 */
int crr_session_replay_record(int session_fd, unsigned int flags,
			      unsigned int record_flags, size_t buffer_size);

/**
 * crr_session_seek_ack - acknowledge a seek
 * @session_fd: the session
 * @generation: seek_generation of crr_status()
 * @sequence: sequence number of the next record to be fed; 0 is always correct
 *
 * Returns 0, or -1 with the errno of CRR_IOC_SEEK_ACK.
 *
 * Since: 0.1
 */
int crr_session_seek_ack(int session_fd, uint32_t generation,
			 uint64_t sequence);

/**
 * crr_session_stop - stop recording or replay
 * @session_fd: the session
 *
 * Returns 0, or -1 with the errno of CRR_IOC_STOP.
 *
 * Since: 0.1
 */
int crr_session_stop(int session_fd);

/**
 * crr_status - get the state of a session
 * @fd: a tty with N_CRR, a session or a clock
 * @status: out; for a tty that is not open for reading and writing, only state,
 *	reason and facts: see CRR_IOC_STATUS in crr(4)
 *
 * Returns 0, or -1: ENOTTY on a tty without N_CRR.
 *
 * Since: 0.1
 */
int crr_status(int fd, struct crr_status *status);

/**
 * crr_session_divergence - get how the replay diverged from its log
 * @session_fd: the session
 * @divergence: out
 *
 * Returns 0, or -1: ENODATA if it has not diverged.
 *
 * Since: 0.1
 */
int crr_session_divergence(int session_fd, struct crr_divergence *divergence);

/** crr_state_name - such as "recording", for CRR_STATE_RECORDING. Since: 0.1 */
const char *crr_state_name(unsigned int state);

/** crr_reason_name - such as "orphan", for CRR_REASON_ORPHAN. Since: 0.1 */
const char *crr_reason_name(unsigned int reason);

/** crr_reason_text - description of an enum crr_reason. Since: 0.1 */
const char *crr_reason_text(unsigned int reason);

/** crr_type_name - such as "READ"; NULL if unknown. Since: 0.1 */
const char *crr_type_name(unsigned int type);

/** crr_divergence_name - such as "late", for CRR_DIVERGENCE_LATE. Since: 0.2 */
const char *crr_divergence_name(unsigned int kind);

/** crr_divergence_text - description of a kind of divergence. Since: 0.1 */
const char *crr_divergence_text(unsigned int kind);

/* ---- Log files ---- */

/**
 * struct crr_log_error - error in a log file
 * @offset: in the file, in bytes
 * @text: description, without the name of the file
 */
struct crr_log_error {
	uint64_t offset;
	char text[160];
};

/**
 * struct crr_log_info - how a log was made
 * @created: wall-clock time of the beginning, in nanoseconds since 1970
 * @delivery: &enum crr_delivery
 * @counter: what the counter counts (such as "cycles"), from the caller; or ""
 * @command: the emulator and its options, for people; from the caller, or ""
 * @run: how to run the emulator again, in JSON as in crr-log(5); likewise. What
 *	a log says here is not to be trusted.
 */
struct crr_log_info {
	uint64_t created;
	uint32_t delivery;
	char counter[64];
	char command[1024];
	char run[12288];
};

struct crr_log_writer;

/**
 * crr_log_create - begin a log file
 * @fd: file to write, from its current offset on; may be a pipe. Neither this
 *	function nor crr_log_finish() closes it.
 * @info: how it is made
 *
 * Returns NULL with ENOMEM, EINVAL if a text in @info holds a control
 * character, or the errno of write(2).
 *
 * Since: 0.1
 */
struct crr_log_writer *crr_log_create(int fd, const struct crr_log_info *info);

/**
 * crr_log_compress - set the compression level
 * @writer: the log
 * @level: zstd level (0-19, 0: no compression, default 3). It applies to the
 *	following blocks.
 *
 * Returns 0, or -1: EINVAL for another level.
 *
 * Since: 0.1
 */
int crr_log_compress(struct crr_log_writer *writer, int level);

/**
 * crr_log_resume - continue a log file whose writer was killed
 * @fd: the file, open for reading and writing. It is truncated after its last
 *	complete block, and its offset is set to the end.
 * @next: out: the next sequence number
 * @error: out: where it is damaged, if it is
 *
 * Returns NULL with EBADMSG if it is not a log, or is damaged before its end,
 * EEXIST if it is complete, or the errno of read(2), ftruncate(2) and others.
 *
 * Since: 0.1
 */
struct crr_log_writer *crr_log_resume(int fd, uint64_t *next,
				      struct crr_log_error *error);

/**
 * crr_log_append - add records
 * @writer: the log
 * @records: whole records, as read from a session fd. After crr_log_resume()
 *	they may begin with records that the log has already, which are skipped.
 * @length: in bytes
 *
 * They are written when a block is full; crr_log_flush() writes them at once.
 *
 * Returns 0, or -1: EBADMSG if a record is not valid, is not the next one, or
 * differs from the one with the same number in the last block; or the errno of
 * write(2). After an error of write(2) the log ends with its last complete
 * block, and takes no more records.
 *
 * Since: 0.1
 */
int crr_log_append(struct crr_log_writer *writer, const void *records,
		   size_t length);

/**
 * crr_log_stamp - set the time of the next records
 * @writer: the log
 * @sequence: sequence number of the first record that did not exist at this time
 * @nanoseconds: since 1970, UTC; rounded down to milliseconds
 *
 * A TIME record is added before record @sequence when that is appended. If
 * several times are given for the same @sequence, nothing was recorded between
 * the first and the last of them, and a TIME record for each is added.
 *
 * At most 1024 times wait for their records. If there are more, those that are
 * closest to their neighbours are dropped.
 *
 * Since: 0.1
 */
void crr_log_stamp(struct crr_log_writer *writer, uint64_t sequence,
		   uint64_t nanoseconds);

/**
 * crr_log_flush - write the incomplete block
 * @writer: the log
 *
 * Returns 0, or -1 with the errno of this or an earlier write(2).
 *
 * Since: 0.1
 */
int crr_log_flush(struct crr_log_writer *writer);

/**
 * crr_log_sync - write the incomplete block, and sync the file to the disk
 * @writer: the log
 *
 * Returns 0, or -1 with the errno of write(2) or fdatasync(2).
 *
 * Since: 0.1
 */
int crr_log_sync(struct crr_log_writer *writer);

/** crr_log_durable - number of records that were synced. Since: 0.1 */
uint64_t crr_log_durable(const struct crr_log_writer *writer);

/** crr_log_records - number of records in the log. Since: 0.1 */
uint64_t crr_log_records(const struct crr_log_writer *writer);

/** crr_log_written - number of bytes written. Since: 0.1 */
uint64_t crr_log_written(const struct crr_log_writer *writer);

/** crr_log_complete - whether the last record is END. Since: 0.1 */
bool crr_log_complete(const struct crr_log_writer *writer);

/**
 * crr_log_finish - flush, and free the writer; NULL is allowed
 *
 * Writes the footer, with which readers can seek quickly.
 *
 * Returns 0, or -1 as crr_log_flush(). The writer is freed in both cases.
 *
 * Since: 0.1
 */
int crr_log_finish(struct crr_log_writer *writer);

struct crr_log_reader;

/**
 * crr_log_open - read a log file
 * @fd: the file; may be a pipe. Neither this function nor crr_log_close()
 *	closes it.
 * @error: out: the error in the file
 *
 * Returns NULL with EBADMSG if it is not a log of a known version, otherwise
 * with the errno of read(2), or ENOMEM.
 *
 * Since: 0.1
 */
struct crr_log_reader *crr_log_open(int fd, struct crr_log_error *error);

/** crr_log_close - free the reader; NULL is allowed. Since: 0.1 */
void crr_log_close(struct crr_log_reader *reader);

/** crr_log_get_info - how the log was made; valid like the reader. Since: 0.1 */
const struct crr_log_info *crr_log_get_info(const struct crr_log_reader *reader);

/**
 * crr_log_block - read the next block
 * @reader: the log
 * @records: out: its records, complete and valid, for write(2) on a session fd;
 *	until the next call
 * @length: out: in bytes
 * @error: out: the error, and its offset
 *
 * Returns 1; 0 at the end; or -1: EBADMSG if the file is damaged or truncated
 * there (everything before was valid), or the errno of read(2), or ENOMEM.
 *
 * Since: 0.1
 */
int crr_log_block(struct crr_log_reader *reader, const void **records,
		  size_t *length, struct crr_log_error *error);

/**
 * crr_log_next - read the next record
 * @reader: the log
 * @record: out; its data are valid until the next call
 * @error: out: the error, and its offset
 *
 * Uses crr_log_block(), and returns the same. Use only one of the two.
 *
 * Since: 0.1
 */
int crr_log_next(struct crr_log_reader *reader, struct crr_record *record,
		 struct crr_log_error *error);

/**
 * struct crr_log_extent - contents of the footer of a log
 * @records: number of records, without optional ones
 * @counter: of the last record
 * @size: of the file, in bytes
 * @ended: the last record is END
 */
struct crr_log_extent {
	uint64_t records;
	uint64_t counter;
	uint64_t size;
	bool ended;
};

/**
 * crr_log_extent - get the length of the log
 * @reader: the log
 * @extent: out
 *
 * Trusts the footer, and does not read the log.
 *
 * Returns 0, or -1: ENODATA if the log has no footer, or is a pipe.
 *
 * Since: 0.1
 */
int crr_log_extent(const struct crr_log_reader *reader,
		   struct crr_log_extent *extent);

/**
 * enum crr_log_key - key for crr_log_seek()
 * @CRR_LOG_SEQUENCE: sequence number
 * @CRR_LOG_COUNTER: counter
 * @CRR_LOG_TIME: wall-clock time of TIME records, in nanoseconds since 1970
 */
enum crr_log_key {
	CRR_LOG_SEQUENCE,
	CRR_LOG_COUNTER,
	CRR_LOG_TIME,
};

/**
 * crr_log_seek - go to a place in the log
 * @reader: the log
 * @key: kind of @value
 * @value: sequence number, counter or time
 *
 * Then crr_log_next() returns the first record at or after @value, for
 * CRR_LOG_TIME the first TIME record; crr_log_block() returns the block with this
 * record, or an earlier one. With a footer this needs a few reads. Without a
 * footer the headers of all blocks are read, and for a time the whole log. After
 * the call, there may be records of streams whose STREAM record was not read.
 *
 * Returns 0, also if there is no such record; or -1: EINVAL for another key;
 * ESPIPE if @reader is a pipe from which something was read; ENOMEM.
 *
 * Since: 0.1
 */
int crr_log_seek(struct crr_log_reader *reader, enum crr_log_key key,
		 uint64_t value);

/**
 * crr_log_resync - find a complete block after damage
 * @reader: the log, after crr_log_block() has failed with EBADMSG
 * @offset: offset of the damaged block: crr_log_offset() before that call
 *
 * The next record may have any sequence number: the records between are missing.
 *
 * Returns 1 if there is one, 0 if not; or -1: ESPIPE, or the errno of read(2).
 *
 * Since: 0.1
 */
int crr_log_resync(struct crr_log_reader *reader, uint64_t offset);

/** crr_log_ended - whether END was read. Since: 0.1 */
bool crr_log_ended(const struct crr_log_reader *reader);

/** crr_log_offset - offset of the next block in the file. Since: 0.1 */
uint64_t crr_log_offset(const struct crr_log_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* CRR_H */
