/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What crr's tests share: lines, sessions, logs, and calls that sleep.
 *
 * Of crr only the uapi header is used here. Records are built and judged from
 * its description, and from nothing that the module is made of.
 *
 * Unless it is said otherwise, functions return what the system call gave, or
 * -errno.
 */
#ifndef CRR_TEST_H
#define CRR_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/crr.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* A system call's result, for EXPECT_EQ: errors are negative. */
static inline long sys(long result)
{
	return result < 0 ? -errno : result;
}

/* ---- Waiting ---- */

/* Longer than anything takes that ever happens, on a slow and busy machine. */
#define PATIENCE_MS 15000

long long now_ms(void);
void breathe(void);

/* Wait until a condition holds. False: it never did. */
#define eventually(condition)						\
({									\
	long long _until = now_ms() + PATIENCE_MS;			\
	bool _holds;							\
									\
	while (!(_holds = (condition)) && now_ms() < _until)		\
		breathe();						\
	_holds;								\
})

/* ---- Chance ---- */

struct rng {
	__u64 state;
};

__u64 draw(struct rng *rng);
unsigned int below(struct rng *rng, unsigned int n);
bool chance(struct rng *rng, unsigned int percent);

/* ---- Rights ---- */

bool set_ipc_lock(bool on);

/* ---- Lines ---- */

const char *crr_unavailable(void);
int crr_discipline(void);
bool user_mode_linux(void);
long env_number(const char *name, long otherwise);

/*
 * A tty with its peer, both raw; the tty is what an emulator would hold. The
 * session fd, if there is one, does not block.
 */
struct line {
	int tty;
	int peer;
	int session;
	int clock;
	struct crr_clock_counter *page;
	__u64 *counter;		/* in the page */
	const struct crr_clock_state *state;
	char name[64];
};

/* The clock's pages change under our hands, as the emulator's do. */
#define look(_member)		__atomic_load_n(&(_member), __ATOMIC_ACQUIRE)
#define put(_member, _value)	__atomic_store_n(&(_member), _value, __ATOMIC_RELEASE)

int open_pty(struct line *line);
int open_serial(struct line *line, const char *tty, const char *peer);
int open_line(struct line *line);
void close_line(struct line *line);
void close_fd(int *fd);
int set_raw(int fd, int vmin, int vtime);
int set_discipline(int fd, int discipline);
int attach(int fd);
int detach(int fd);
int set_flags(int fd, int flags, bool on);
int hang_up(const char *name);
int arrived(int fd);
int unsent(int fd);
bool deliver(const struct line *line, const void *bytes, size_t length);

/* ---- Ioctls ---- */

int open_session(int tty);
int join(int tty, int session);
int open_clock(int tty);
int map_clock(struct line *line);
void unmap_clock(struct line *line);
void close_clock(struct line *line);
int count(int fd, __u64 counter);
int record(int session, __u32 flags);
int record_into(int session, __u32 flags, __u64 buffer_size);
int replay(int session, __u32 flags);
int replay_from(int session, __u32 flags, __u64 buffer_size);
int replay_live(int session, __u32 flags, __u32 record_flags);
int seek(int tty, __u64 sequence, __u64 counter);
int seek_ack(int session, __u32 generation, __u64 sequence);
int stop(int session);
struct crr_status status(int fd);
int modem(int tty, struct crr_modem *answer);
int mark(int tty, const char *label);
struct crr_value;
int renew(int tty, struct crr_value *value);
int divergence(int session, struct crr_divergence *div);
bool fdinfo(int fd, const char *name, char *value, size_t room);

/* ---- Logs ---- */

/* A record, decoded; its data lie in the log, or are the test's. */
struct record {
	unsigned int type;
	unsigned int flags;
	unsigned int stream;
	__u64 sequence;
	__u64 counter;
	__u64 empty_reads;
	__u64 refused;
	/* WRITE */
	__u32 requested;
	__s32 result;
	__u32 offset;
	__u32 crc;
	/* READ_ERROR */
	__u32 error;
	/* STREAM_END */
	__u32 reason;
	/* STREAM, TERMIOS */
	struct crr_record_termios termios;
	/* INQ, OUTQ */
	__u32 value;
	/* MODEM: error, lines, facts, and counts from cts on */
	__u32 modem[14];
	/* VALUE */
	__u32 kind;
	__u64 number;
	__u64 uses;
	/* READ, captured WRITE, STREAM's name, MARK's label */
	const void *data;
	size_t length;
	/* Where it lies in the log, and how much of it */
	size_t at;
	size_t size;
};

/* More than any test has in a session. */
#define MOST_STREAMS 64

struct log {
	__u8 *bytes;
	size_t length;
	size_t room;
	__u64 sequence;		/* of the next record to be added */
	__u64 counter;		/* of the last one */
};

__u32 crc32c(const void *data, size_t length);
void log_free(struct log *log);
void log_append(struct log *log, const void *bytes, size_t length);
void log_put(struct log *log, struct record record);
bool log_next(const struct log *log, struct record *record);
bool log_get(const struct log *log, unsigned int type, unsigned int nth,
	     struct record *record);
unsigned int log_count(const struct log *log, unsigned int type);
size_t log_bytes_in(const struct log *log, void *to, size_t room);
const char *log_fault(const struct log *log, bool whole);
void log_print(const struct log *log);

/* Add a record: log_add(log, READ, .counter = 5, .data = "x", .length = 1) */
#define log_add(_log, _type, ...)					\
	log_put(_log, (struct record){ .type = CRR_TYPE_##_type, __VA_ARGS__ })

void log_begin(struct log *log);
void log_read(struct log *log, __u64 counter, __u64 empty_reads,
	      const void *data, size_t length);
void log_write(struct log *log, __u64 counter, int result,
	       const void *data, size_t length, unsigned int flags);
void log_finish(struct log *log, __u64 counter, __u64 empty_reads);

int drain(int session, struct log *log);
int drain_to_end(int session, struct log *log);
int feed(int session, const void *bytes, size_t length);
int feed_log(int session, const struct log *log);

/* ---- Gated delivery ---- */

int begin_checkpoint(int tty, __u64 counter, __u32 max_bytes);
int end_checkpoint(int tty);

/* ---- Calls that sleep, in a thread of their own ---- */

enum call {
	CALL_READ,
	CALL_WRITE,
	CALL_POLL,
	CALL_COUNT,
	CALL_SEEK,		/* length: sequence number */
	CALL_DETACH,
	CALL_CHECKPOINT_BEGIN,	/* length: bytes at most */
	CALL_CHECKPOINT_END,
};

struct task {
	enum call call;
	int fd;
	void *buf;
	size_t length;
	__u64 counter;
	int timeout;		/* CALL_POLL, which asks for .. */
	short events;
	short revents;
	long result;
	pthread_t thread;
	atomic_int tid;
	atomic_bool done;
};

void start(struct task *task, struct task how);
bool sleeps(struct task *task);
bool ends(struct task *task);
void interrupt(struct task *task);
void catch_interrupts(bool restart);

/* Start a call: begin(task, READ, .fd = tty, .buf = buf, .length = 1) */
#define begin(_task, _call, ...)					\
	start(_task, (struct task){ .call = CALL_##_call, __VA_ARGS__ })

/* ---- Linux's own aio, by its system calls ---- */

int io_setup(unsigned int requests, aio_context_t *context);
int io_destroy(aio_context_t context);
int io_poll(aio_context_t context, struct iocb *iocb, int fd, short events);
int io_cancel(aio_context_t context, struct iocb *iocb);
int io_events(aio_context_t context, unsigned int most, struct io_event *events,
	      int ms);

/* ---- Ways to wait for a file ---- */

enum way_to_wait {
	BY_POLL,
	BY_SELECT,
	BY_EPOLL,
	BY_AIO,		/* of an epoll fd: a tty has two wait queues, aio knows one */
	BY_AIO_ALONE,	/* of the file itself, or else poll(2) */
	BY_SIGNAL,	/* SIGIO, to this thread; one thread for each file */
	BY_EDGE,	/* EPOLLET: from here on, no event while it stays ready */
	BY_NESTED,	/* the same, by an epoll fd in an epoll fd */
	WAYS_TO_WAIT,
};

extern const char * const ways_to_wait[WAYS_TO_WAIT];

struct waiter {
	enum way_to_wait how;
	int fd;
	short events;
	int epoll;
	int outer;
	aio_context_t aio;
	struct iocb iocb;
	bool submitted;	/* or, for BY_SIGNAL, nothing was there */
};

int open_waiter(struct waiter *waiter, enum way_to_wait how, int fd, short events);
int await(struct waiter *waiter, int ms);
void close_waiter(struct waiter *waiter);

/* ---- Bytes ---- */

void pattern(void *to, size_t length, size_t offset);
int send_all(int fd, const void *bytes, size_t length);
int receive_all(int fd, void *bytes, size_t length);
int swallow(int fd);
void *before_hole(size_t length);
short polled(int fd, short events);

#ifdef __KSELFTEST_HARNESS_H
/* For a fixture's set-up: a pty whose tty is attached, and has a session. */
static inline bool setup_line(struct __test_metadata *_metadata,
			      struct line *line)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return false, "%s", missing);
	ASSERT_EQ(0, open_line(line));
	return true;
}

/* The same for a pty, or for two ports; nothing is attached. */
static inline bool setup_pair(struct __test_metadata *_metadata,
			      struct line *line, const char *tty,
			      const char *peer)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return false, "%s", missing);
	if (tty && access(tty, F_OK))
		SKIP(return false, "no %s", tty);
	ASSERT_EQ(0, tty ? open_serial(line, tty, peer) : open_pty(line));
	return true;
}

/* The log is valid, as far as it goes; a whole one has its END. */
static inline void expect_valid(struct __test_metadata *_metadata,
				const struct log *log, bool whole)
{
	const char *fault = log_fault(log, whole);

	EXPECT_STREQ("", fault ?: "") {
		log_print(log);
	}
}

/* Stop recording, and get the rest of the log, which is valid and whole. */
static inline void finish_log(struct __test_metadata *_metadata,
			      const struct line *line, struct log *log)
{
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(0, drain_to_end(line->session, log));
	expect_valid(_metadata, log, true);
}
#endif

#endif /* CRR_TEST_H */
