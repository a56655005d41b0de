/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcrr - record and replay of serial lines, beneath the emulator
 *
 * Three parts, each of use without the others:
 *
 *  - for an emulator: a tty and a clock (crr_tty_*, crr_clock_*). It runs
 *    unchanged on a tty without N_CRR;
 *  - for a controller: a session (crr_session_*), which records or replays;
 *  - for anybody: log files (crr_log_*), without module or root.
 *
 * Functions return a pointer or NULL, or 0 or more or -1, with errno set.
 * Nothing here prints, exits, or changes a signal's handling. Objects are not
 * locked: one thread at a time, unless said otherwise.
 */
#ifndef CRR_H
#define CRR_H

#include <crr/record.h>
#include <linux/crr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version that this header belongs to; crr_version() tells the library's. */
#define CRR_VERSION "0.1.0"

/**
 * crr_version - the library's version
 * Since: 0.1
 */
const char *crr_version(void);

/* ---- For an emulator: the clock ---- */

/**
 * struct crr_clock - the emulator's counter, and when to look at the line
 *
 * For the inline functions below; its members are nobody else's business.
 */
struct crr_clock {
	__u64 *counter;
	const struct crr_clock_state *state;
	uint64_t seen;	 /* rx_seq when a read last found nothing */
	uint64_t kicked; /* next_due for which a sleeper was woken */
	int fd;
};

/**
 * crr_clock_due - store the counter; is there something to be read?
 * @clock: crr_tty_clock()
 * @counter: instructions, cycles, anything that never goes back
 *
 * Call it wherever the emulator would poll its line, at the same values of the
 * counter in every run; while it says true, crr_tty_read(). It makes no system
 * call. On a tty without N_CRR it says true always.
 *
 * Since: 0.1
 */
static inline bool crr_clock_due(struct crr_clock *clock, uint64_t counter)
{
	__atomic_store_n(clock->counter, counter, __ATOMIC_RELAXED);
	return __atomic_load_n(&clock->state->next_due, __ATOMIC_ACQUIRE) <=
		       counter ||
	       __atomic_load_n(&clock->state->rx_seq, __ATOMIC_ACQUIRE) !=
		       clock->seen;
}

/**
 * crr_clock_next_due - the counter at which there is something to be read next
 * @clock: crr_tty_clock()
 *
 * In replay, how far the emulator may run before it calls crr_clock_due();
 * CRR_NEVER when not replaying.
 *
 * Since: 0.1
 */
static inline uint64_t crr_clock_next_due(const struct crr_clock *clock)
{
	return __atomic_load_n(&clock->state->next_due, __ATOMIC_ACQUIRE);
}

int crr_clock_kick(struct crr_clock *clock, uint64_t counter);

/**
 * crr_clock_set - store the counter, and wake who sleeps until it has come
 * @clock: crr_tty_clock()
 * @counter: as for crr_clock_due()
 *
 * For an emulator in which another thread sleeps in read(2) or poll(2) on the
 * tty: a store wakes nobody. The system call is made once for each next_due.
 *
 * Since: 0.1
 */
static inline void crr_clock_set(struct crr_clock *clock, uint64_t counter)
{
	uint64_t due;

	__atomic_store_n(clock->counter, counter, __ATOMIC_RELAXED);
	due = __atomic_load_n(&clock->state->next_due, __ATOMIC_ACQUIRE);
	if (due <= counter && due != clock->kicked && clock->fd >= 0) {
		clock->kicked = due;
		(void)crr_clock_kick(clock, counter);
	}
}

/* ---- For an emulator: the tty ---- */

struct crr_tty;

/* crr_tty_open() */
#define CRR_TTY_RAW	 0x1 /* cfmakeraw(3), and VMIN 1, VTIME 0 */
#define CRR_TTY_BLOCKING 0x2 /* reads and writes sleep: no O_NONBLOCK */

/**
 * crr_tty_open - open a tty
 * @path: /dev/ttyS0, say
 * @flags: CRR_TTY_*
 *
 * Opens it for reading and writing, close-on-exec and not as controlling
 * terminal, and makes its clock if its discipline is N_CRR. Without N_CRR all
 * of the functions here work as well.
 *
 * Returns NULL with the errno of open(2), tcsetattr(3), ioctl(2) or mmap(2);
 * ENOTTY if @path is no tty; EINVAL for unknown flags; EPROTONOSUPPORT if the
 * module's clock pages have another version than this library knows.
 *
 * Since: 0.1
 */
struct crr_tty *crr_tty_open(const char *path, unsigned int flags);

/**
 * crr_tty_adopt - the same, for a tty that is open already
 * @fd: the tty, open for reading and writing; it is neither changed nor, by
 *	crr_tty_close(), closed
 *
 * A program that has the tty open twice, once for reading and once for writing,
 * opens it once more with O_RDWR | O_NOCTTY | O_NONBLOCK for this function.
 *
 * Returns NULL with the errno of ioctl(2) or mmap(2): ENOTTY if it is no tty;
 * EBADF if N_CRR is attached and @fd is not open for reading and writing;
 * EPROTONOSUPPORT as for crr_tty_open().
 *
 * Since: 0.1
 */
struct crr_tty *crr_tty_adopt(int fd);

/** crr_tty_close - give the tty back; NULL is allowed. Since: 0.1 */
void crr_tty_close(struct crr_tty *tty);

/** crr_tty_fd - the tty's fd, for poll(2) and termios(3). Since: 0.1 */
int crr_tty_fd(const struct crr_tty *tty);

/** crr_tty_clock - the tty's clock, as long as the tty. Since: 0.1 */
struct crr_clock *crr_tty_clock(struct crr_tty *tty);

/** crr_tty_attached - is its discipline N_CRR? Since: 0.1 */
bool crr_tty_attached(const struct crr_tty *tty);

/**
 * crr_tty_read - read(2) on the tty
 * @tty: the tty
 * @buf: where to
 * @length: how many bytes at most; CRR_READ_MAX is always enough
 *
 * Also keeps the clock's account of what was seen: an emulator with a clock
 * must read through this function.
 *
 * Returns what read(2) does. Of its errors these are crr's:
 *  - EAGAIN: nothing there, at this counter
 *  - ERANGE: the counter has gone back
 *  - ENODATA: the replay is past the end of its log
 *  - ENOTRECOVERABLE: the replay has diverged from its log
 *  - EIO: recording or replay cannot go on; or the line was hung up
 *
 * Since: 0.1
 */
ssize_t crr_tty_read(struct crr_tty *tty, void *buf, size_t length);

/**
 * crr_tty_read_all - read as much as was asked for, however long it takes
 * @tty: the tty, blocking or not
 * @buf: where to
 * @length: how many bytes
 *
 * The counter stands meanwhile; what was read in several pieces comes in the
 * same ones in replay. With gated delivery some other thread must make
 * checkpoints. Signals do not end it.
 *
 * Returns @length; less, if there is no more (end of file, the line was hung
 * up, an empty read with VMIN 0); or -1, and what was read is lost: errors as
 * for crr_tty_read(), but EAGAIN.
 *
 * Since: 0.1
 */
ssize_t crr_tty_read_all(struct crr_tty *tty, void *buf, size_t length);

/**
 * crr_tty_write - write(2) on the tty
 * @tty: the tty
 * @buf: the bytes
 * @length: how many
 *
 * Returns what write(2) does, which may be less than @length; errors as for
 * crr_tty_read().
 *
 * Since: 0.1
 */
ssize_t crr_tty_write(struct crr_tty *tty, const void *buf, size_t length);

/**
 * crr_modem - modem lines and counts, as TIOCMGET and TIOCGICOUNT tell them
 * @tty: the tty
 * @modem: out: &struct crr_modem
 *
 * Those two never reach a line discipline, so that only what is asked by this
 * function is recorded and replayed.
 *
 * Returns 0, or -1: ENOTTY if the device has none, EINTR, and errors as for
 * crr_tty_write().
 *
 * Since: 0.1
 */
int crr_modem(struct crr_tty *tty, struct crr_modem *modem);

/**
 * crr_mark - put a label into the log, at the counter's value
 * @tty: the tty
 * @label: 1 to CRR_MARK_MAX characters of printable ASCII, and blanks
 *
 * A replay must come to the same label at the same counter: with a hash of the
 * emulator's state in it, a divergence is found long before it shows in the
 * output. Does nothing while the tty is neither recorded nor replayed.
 *
 * Returns 0, or -1: EINVAL for such a label, EINTR, and errors as for
 * crr_tty_write().
 *
 * Since: 0.1
 */
int crr_mark(struct crr_tty *tty, const char *label);

/**
 * struct crr_position - a place in a log, to be kept with a snapshot
 * @sequence: of the first record that is still to come
 * @counter: the emulator's
 */
struct crr_position {
	uint64_t sequence;
	uint64_t counter;
};

/**
 * crr_position - where is the emulator now?
 * @tty: any of the session's
 * @position: out
 *
 * To be asked when nothing has been read, asked or written yet at the counter's
 * present value. With gated delivery, out of checkpoints.
 *
 * Returns 0, or -1 with the errno of CRR_IOC_STATUS.
 *
 * Since: 0.1
 */
int crr_position(struct crr_tty *tty, struct crr_position *position);

/**
 * crr_seek - the emulator has restored the snapshot that was taken there
 * @tty: any of the session's
 * @position: as crr_position() told it, in this run or another one
 *
 * The counter is set, and a replay goes on from there. On a tty that is
 * neither recorded nor replayed the counter alone is set.
 *
 * Returns 0, or -1 with the errno of CRR_IOC_SEEK: EBUSY while recording.
 *
 * Since: 0.1
 */
int crr_seek(struct crr_tty *tty, const struct crr_position *position);

/**
 * crr_checkpoint_begin - let another thread read, at this counter
 * @tty: any of the session's
 * @counter: where the emulator stands, and stays until crr_checkpoint_end()
 * @max_bytes: how many bytes may be read, on all ttys of the session together;
 *	0 for any number
 *
 * For emulators in which another thread than the one that moves the counter
 * does the I/O, and recordings with gated delivery: between checkpoints no
 * input is seen. May be called by any thread. On a tty without N_CRR, or one
 * that is neither recorded nor replayed, nothing is hidden.
 *
 * Returns 0, or -1: EPROTO if delivery is not gated, EBUSY if a checkpoint has
 * begun, and what crr_tty_read() says; EINTR.
 *
 * Since: 0.1
 */
int crr_checkpoint_begin(struct crr_tty *tty, uint64_t counter,
			 uint32_t max_bytes);

/**
 * crr_checkpoint_end - hide input again
 * @tty: any of the session's
 *
 * Returns how many bytes were read since crr_checkpoint_begin(): the counter
 * must not move before the other thread has dealt with them. Or -1, as
 * crr_checkpoint_begin(); ENOTRECOVERABLE also if what was read in the
 * recorded checkpoint has not been read in this one.
 *
 * Since: 0.1
 */
int64_t crr_checkpoint_end(struct crr_tty *tty);

/**
 * crr_count - supply the counter by ioctl, without a clock
 * @fd: the tty, open for reading and writing; or a clock fd
 * @counter: as for crr_clock_due()
 * @next_due: out, unless NULL: crr_clock_next_due()
 *
 * The smallest integration there is: this call before each read or write.
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
 * crr_ldisc - the number of the line discipline N_CRR in this kernel
 *
 * Returns it, or -1 with ENOENT if the module is not loaded.
 *
 * Since: 0.1
 */
int crr_ldisc(void);

/**
 * crr_attach - put N_CRR on a tty
 * @tty_fd: the tty
 *
 * It lasts until another discipline is set, or the tty's last fd is closed.
 *
 * Returns 0, or -1: ENOENT if the module is not loaded, or the errno of
 * TIOCSETD.
 *
 * Since: 0.1
 */
int crr_attach(int tty_fd);

/**
 * crr_detach - put N_TTY on a tty
 * @tty_fd: the tty
 *
 * Returns 0, or -1 with the errno of TIOCSETD.
 *
 * Since: 0.1
 */
int crr_detach(int tty_fd);

/**
 * crr_session_open - a tty's session: made, or taken over from one who died
 * @tty_fd: the tty, open for reading and writing, with N_CRR
 *
 * Returns the session fd, or -1 with the errno of CRR_IOC_SESSION; ENOTTY if
 * the tty's discipline is not N_CRR. read(2), write(2), poll(2) and close(2)
 * work on it as crr(4) says.
 *
 * Since: 0.1
 */
int crr_session_open(int tty_fd);

/**
 * crr_session_join - add a tty to a session that is idle
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
 * Returns 0, or -1 with the errno of CRR_IOC_RECORD. EBUSY passes as soon as
 * no read or write is in flight.
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
 * crr_session_replay_record - start replay, then live and recorded
 * @session_fd: the session
 * @flags: CRR_REPLAY_*; CRR_REPLAY_LIVE and _RECORD are added
 * @record_flags: CRR_RECORD_*, of what comes after the log's end
 * @buffer_size: in bytes, 0 for CRR_BUFFER_DEFAULT; there are two
 *
 * Returns 0, or -1 with the errno of CRR_IOC_REPLAY.
 *
 * Since: 0.1
 */
int crr_session_replay_record(int session_fd, unsigned int flags,
			      unsigned int record_flags, size_t buffer_size);

/**
 * crr_session_seek_ack - the feeder has heard of a seek
 * @session_fd: the session
 * @generation: seek_generation of crr_status()
 * @sequence: of the record from which it will feed anew; 0 is always right
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
 * crr_status - what goes on
 * @fd: a tty with N_CRR, a session or a clock
 * @status: out; for a tty that is not open for reading and writing only state,
 *	reason and facts, as &struct crr_status says
 *
 * Returns 0, or -1: ENOTTY on a tty without N_CRR.
 *
 * Since: 0.1
 */
int crr_status(int fd, struct crr_status *status);

/**
 * crr_session_divergence - how the replay diverged from its log
 * @session_fd: the session
 * @divergence: out
 *
 * Returns 0, or -1: ENODATA if it did not.
 *
 * Since: 0.1
 */
int crr_session_divergence(int session_fd, struct crr_divergence *divergence);

/** crr_state_name - "recording", for CRR_STATE_RECORDING. Since: 0.1 */
const char *crr_state_name(unsigned int state);

/** crr_reason_name - "orphan", for CRR_REASON_ORPHAN. Since: 0.1 */
const char *crr_reason_name(unsigned int reason);

/** crr_reason_text - what an enum crr_reason means, for people. Since: 0.1 */
const char *crr_reason_text(unsigned int reason);

/** crr_type_name - "READ", for CRR_TYPE_READ; NULL if unknown. Since: 0.1 */
const char *crr_type_name(unsigned int type);

/** crr_divergence_text - what a kind of divergence is. Since: 0.1 */
const char *crr_divergence_text(unsigned int kind);

/* ---- Log files ---- */

/**
 * struct crr_log_error - what is wrong with a log file, and where
 * @offset: in the file, in bytes
 * @text: for people, without the file's name
 */
struct crr_log_error {
	uint64_t offset;
	char text[160];
};

/**
 * struct crr_log_info - how a log was made
 * @created: wall clock at the beginning, nanoseconds since 1970
 * @delivery: &enum crr_delivery
 * @counter: what the counter counts ("cycles"), as the caller said; or ""
 * @command: the emulator and its options, as the caller said; or ""
 */
struct crr_log_info {
	uint64_t created;
	uint32_t delivery;
	char counter[64];
	char command[1024];
};

struct crr_log_writer;

/**
 * crr_log_create - begin a log file
 * @fd: where to, at its present offset; a pipe will do. Not closed by this or
 *	by crr_log_finish().
 * @info: how it is made
 *
 * Returns NULL with ENOMEM, EINVAL if a text in @info holds a control
 * character, or the errno of write(2).
 *
 * Since: 0.1
 */
struct crr_log_writer *crr_log_create(int fd, const struct crr_log_info *info);

/**
 * crr_log_compress - how much work to put into smaller logs
 * @writer: the log
 * @level: of zstd, 1 to 19; 0: do not compress. It is 3 unless told. It holds
 *	for blocks to come.
 *
 * Returns 0, or -1: EINVAL for another level.
 *
 * Since: 0.1
 */
int crr_log_compress(struct crr_log_writer *writer, int level);

/**
 * crr_log_resume - go on with a log file whose writer has died
 * @fd: the file, open for reading and writing. What follows its last whole
 *	block is cut off, and its offset is set to the end.
 * @next: out: the sequence number that comes next
 * @error: out: where it is damaged, if it is
 *
 * Returns NULL with EBADMSG if it is no log, or is damaged before its end,
 * EEXIST if it is complete, or the errno of read(2), ftruncate(2), ....
 *
 * Since: 0.1
 */
struct crr_log_writer *crr_log_resume(int fd, uint64_t *next,
				      struct crr_log_error *error);

/**
 * crr_log_append - add records
 * @writer: the log
 * @records: whole records, as a session fd gives them; after
 *	crr_log_resume() they may begin with some that the log has already,
 *	which are passed over
 * @length: in bytes
 *
 * They are written when a block is full; crr_log_flush() does it at once.
 *
 * Returns 0, or -1: EBADMSG if a record is not valid, not the next one, or
 * another than the log's last block has under its number; or the errno of
 * write(2). After an error of write(2) the log is what it was up to its last
 * whole block, and takes nothing more.
 *
 * Since: 0.1
 */
int crr_log_append(struct crr_log_writer *writer, const void *records,
		   size_t length);

/**
 * crr_log_stamp - tell when the records that come next were made
 * @writer: the log
 * @sequence: of the first record that was not there yet
 * @nanoseconds: since 1970, UTC; kept in milliseconds
 *
 * A TIME record goes before record @sequence, once that is appended. If several
 * times are given for the same @sequence, nothing was recorded between the first
 * and the last of them: a TIME record of each goes before record @sequence.
 *
 * At most 1024 times wait for their records. Of more those are dropped that are
 * closest to their neighbours.
 *
 * Since: 0.1
 */
void crr_log_stamp(struct crr_log_writer *writer, uint64_t sequence,
		   uint64_t nanoseconds);

/**
 * crr_log_flush - write the block that is being filled
 * @writer: the log
 *
 * Returns 0, or -1 with the errno of write(2), this one's or an earlier one's.
 *
 * Since: 0.1
 */
int crr_log_flush(struct crr_log_writer *writer);

/**
 * crr_log_sync - write the block that is being filled, to the disk
 * @writer: the log
 *
 * Returns 0, or -1 with the errno of write(2) or fdatasync(2).
 *
 * Since: 0.1
 */
int crr_log_sync(struct crr_log_writer *writer);

/** crr_log_durable - how many records crr_log_sync() has seen. Since: 0.1 */
uint64_t crr_log_durable(const struct crr_log_writer *writer);

/** crr_log_records - how many records the log has. Since: 0.1 */
uint64_t crr_log_records(const struct crr_log_writer *writer);

/** crr_log_written - how many bytes have been written. Since: 0.1 */
uint64_t crr_log_written(const struct crr_log_writer *writer);

/** crr_log_complete - was the last record END? Since: 0.1 */
bool crr_log_complete(const struct crr_log_writer *writer);

/**
 * crr_log_finish - flush, and free the writer; NULL is allowed
 *
 * The file gets its footer, with which it can be sought in quickly.
 *
 * Returns 0, or -1 as crr_log_flush(). The writer is gone either way.
 *
 * Since: 0.1
 */
int crr_log_finish(struct crr_log_writer *writer);

struct crr_log_reader;

/**
 * crr_log_open - read a log file
 * @fd: the file; a pipe will do. Not closed by this or by crr_log_close().
 * @error: out: what is wrong with it
 *
 * Returns NULL with EBADMSG if it is no log of a version that is known, else
 * with the errno of read(2), or ENOMEM.
 *
 * Since: 0.1
 */
struct crr_log_reader *crr_log_open(int fd, struct crr_log_error *error);

/** crr_log_close - free the reader; NULL is allowed. Since: 0.1 */
void crr_log_close(struct crr_log_reader *reader);

/** crr_log_get_info - how the log was made; as long as the reader. Since: 0.1 */
const struct crr_log_info *crr_log_get_info(const struct crr_log_reader *reader);

/**
 * crr_log_block - the next block
 * @reader: the log
 * @records: out: its records, whole and valid, as a session fd takes them;
 *	good until the next call
 * @length: out: in bytes
 * @error: out: what is wrong, and where
 *
 * Returns 1; 0 at the end; or -1: EBADMSG if the file is damaged or cut there
 * (all before it was good), or the errno of read(2), or ENOMEM.
 *
 * Since: 0.1
 */
int crr_log_block(struct crr_log_reader *reader, const void **records,
		  size_t *length, struct crr_log_error *error);

/**
 * crr_log_next - the next record
 * @reader: the log
 * @record: out; its data are good until the next call
 * @error: out: what is wrong, and where
 *
 * As crr_log_block(), of which it is made: use one of them.
 *
 * Since: 0.1
 */
int crr_log_next(struct crr_log_reader *reader, struct crr_record *record,
		 struct crr_log_error *error);

/**
 * struct crr_log_extent - what a log's footer tells
 * @records: how many there are, without optional ones
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
 * crr_log_extent - how long is the log?
 * @reader: the log
 * @extent: out
 *
 * Takes the footer's word for it, without reading the log.
 *
 * Returns 0, or -1: ENODATA if the log has no footer, or is a pipe.
 *
 * Since: 0.1
 */
int crr_log_extent(const struct crr_log_reader *reader,
		   struct crr_log_extent *extent);

/**
 * enum crr_log_key - by what to look for a record
 * @CRR_LOG_SEQUENCE: its number
 * @CRR_LOG_COUNTER: its counter
 * @CRR_LOG_TIME: wall clock, in nanoseconds since 1970, as TIME records tell it
 */
enum crr_log_key {
	CRR_LOG_SEQUENCE,
	CRR_LOG_COUNTER,
	CRR_LOG_TIME,
};

/**
 * crr_log_seek - go to a place in the log
 * @reader: the log
 * @key: by what to look
 * @value: of which
 *
 * crr_log_next() gives the first record at @value or after it, of the key
 * CRR_LOG_TIME the first TIME record; crr_log_block() the block with it, or one
 * before that. A log with a footer takes some few reads for it, one without is
 * gone through by its blocks' headers, or, for a time, whole. From there on
 * streams may be read that have not begun.
 *
 * Returns 0, also if there is no such record; or -1: EINVAL for another key;
 * ESPIPE if @reader is a pipe of which something has been read; ENOMEM.
 *
 * Since: 0.1
 */
int crr_log_seek(struct crr_log_reader *reader, enum crr_log_key key,
		 uint64_t value);

/**
 * crr_log_resync - look for a whole block behind damage
 * @reader: the log, of which crr_log_block() has given EBADMSG
 * @offset: where that began: crr_log_offset(), asked before
 *
 * What comes next may bear any number: the records between are missing.
 *
 * Returns 1 if there is one, 0 if not; or -1: ESPIPE, or the errno of read(2).
 *
 * Since: 0.1
 */
int crr_log_resync(struct crr_log_reader *reader, uint64_t offset);

/** crr_log_ended - was END among what has been read? Since: 0.1 */
bool crr_log_ended(const struct crr_log_reader *reader);

/** crr_log_offset - where the next block begins in the file. Since: 0.1 */
uint64_t crr_log_offset(const struct crr_log_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* CRR_H */
