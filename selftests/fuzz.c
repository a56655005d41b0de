// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer of the module's interface: calls on ttys, sessions and clocks, right
 * and wrong ones, from several threads, on memory that is not there, with
 * records made up, kept from what was recorded, or damaged.
 *
 *   fuzz                   some programs, always the same: a selftest
 *   fuzz run SECONDS DIR   until then; DIR keeps what is worth keeping
 *   fuzz list FILE         programs as text
 *   fuzz replay FILE [FIRST[-LAST]]
 *                          execute them, and tell what each call said
 *
 * A program is an array of steps, and any bytes are one. It has a pty with a
 * session to begin with; at its end all that it has opened is closed, and the
 * process that has executed it exits if it cannot be as it was. No step blocks
 * for long: a timer's signals interrupt the first thread, and those of the others
 * that sleep do so until the process is killed. One that cannot be killed is a
 * finding.
 *
 * In a kernel with KCOV, and with a module built for it, programs that reach
 * something new are kept, and changed further. DIR has
 *
 *   corpus/    these
 *   covered    what was reached: section and offset of the module
 *   executed   all that was executed, each program written before it begins
 *   found      the one after which the kernel complained
 */
#include <dirent.h>
#include <linux/kcov.h>
#include <sched.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define LINES		3
#define THREADS		3		/* the first one executes, or has the others do it */
#define STEPS		48
#define AREA		(256 << 10)
#define PROGRAM_MS	10000		/* then it is killed */
#define DEATH_MS	100000		/* then it cannot be */

/* ---- Chance ---- */

static struct rng chances;

static __u64 some(void)
{
	return draw(&chances);
}

static unsigned int under(unsigned int n)
{
	return below(&chances, n);
}

/* ---- Programs ---- */

/* Zero everywhere is what a well-behaved caller would do. */
struct step {
	__u8 op;
	__u8 line;
	__u8 how;		/* HOW_*, and which allocation is to fail */
	__u8 fd;		/* on another kind of fd */
	__u8 mem;		/* where the argument lies */
	__u8 size;		/* what it says of its size, or a bit flipped */
	__u8 a;
	__u8 b;
	__u64 c;
};

#define HOW_THREAD	0x3	/* which thread; 3 is the first one, too */
#define HOW_WAIT	0x4	/* until the other thread is done, or asleep */
#define HOW_AGAIN	0x8	/* an ioctl on a tty names the fd opened once more */
#define HOW_FAULT(how)	((how) >> 4)

struct program {
	unsigned int steps;
	struct step step[STEPS];
};

enum fd_kind {
	TTY,
	PEER,
	SESSION,
	CLOCK,
	AGAIN,			/* the tty, opened once more */
	KINDS,
};

/* ---- The process that executes one ---- */

struct shared {
	struct program program;
	atomic_bool unprivileged;	/* the module's parameter was set */
	atomic_bool spoiled;		/* the process is not as it was */
	atomic_bool odd;		/* an answer that is not documented */
	char oddity[128];
	struct {
		atomic_bool begun;
		atomic_bool done;
		long result;
	} step[STEPS];
};

struct crew {
	pthread_t thread;
	struct task task;	/* for sleeps() */
	const struct step *step;
	atomic_uint state;	/* IDLE, ASKED or BUSY */
	unsigned int number;
	int faults;		/* fail-nth of this thread */
	__u8 *bytes;		/* its buffer */
};

enum { IDLE, ASKED, BUSY };

static struct shared *shared;
static struct crew crew[THREADS];
static atomic_int fds[KINDS][LINES];
static bool opened[LINES];
static char names[LINES][64];
static struct log logs[LINES];		/* drained; log_lock */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uintptr_t counter_page[LINES], state_page[LINES];
#define EPOLLS		3
#define CONTEXTS	2		/* of aio */

static atomic_int epoll_fd[EPOLLS], pipe_fd[2];
static atomic_ulong contexts[CONTEXTS];
static pid_t forked[4];
static unsigned int forks;
static __u8 *common;			/* a buffer that all threads use */
static __u8 *fixed;			/* one that cannot be written */
static __u8 *edge;			/* the end of memory */
static long settle_ms = 5;		/* for bytes to come through the device */
static long tick_ms = 8;		/* a call of the first thread may sleep as long */
static bool inject;			/* faults can be */

static int line_of(const struct step *s)
{
	return s->line % LINES;
}

static void provide(int line);

static int fd_of(const struct step *s, enum fd_kind kind)
{
	int line = line_of(s);

	if (!s->fd) {
		if ((kind == TTY || kind == PEER) && !opened[line])
			provide(line);
		return fds[kind][line];
	}
	line = s->fd / 16 % LINES;
	switch (s->fd % 16) {
	case 0 ... KINDS - 1:
		return fds[s->fd % 16][line];
	case KINDS:
		return pipe_fd[0];
	case KINDS + 1:
		return epoll_fd[line];
	case KINDS + 2:
		return -1;
	default:
		return fds[kind][line];
	}
}

/* What an ioctl on a tty names as the caller's own fd of it. */
static int named_fd(const struct step *s, enum fd_kind kind)
{
	return fd_of(s, s->how & HOW_AGAIN ? AGAIN : kind);
}

/* A new fd in an old one's place. */
static long take(enum fd_kind kind, int line, long fd)
{
	int old;

	if (fd < 0)
		return fd;
	old = atomic_exchange(&fds[kind][line], fd);
	if (old >= 0)
		close(old);
	return 0;
}

static void provide(int line)
{
	struct line l;

	opened[line] = true;
	if (open_pty(&l))
		return;
	take(TTY, line, l.tty);
	take(PEER, line, l.peer);
	memcpy(names[line], l.name, sizeof(names[line]));
	set_flags(l.tty, O_NONBLOCK, true);
	set_flags(l.peer, O_NONBLOCK, true);
	attach(l.tty);
}

static long session_of(int line)
{
	long fd = open_session(fds[TTY][line]);

	if (fd >= 0)
		set_flags(fd, O_NONBLOCK, true);
	return take(SESSION, line, fd);
}

/* Sizes at which something changes, small ones as they are. */
static size_t size_of(__u8 b)
{
	static const size_t edges[] = {
		0, 127, 128, 255, 256, 300, 1000, 2047, 2048, 2049, 4095, 4096,
		4097, 5000, 8191, 8192, 8193, 16384, 65536, AREA
	};

	return b < 128 ? b : edges[(b - 128) % ARRAY_SIZE(edges)];
}

static __u64 counter_of(const struct step *s)
{
	int fd = fds[TTY][line_of(s)];
	struct crr_status now = status(fd);
	__u64 more = s->c >> 8 & 0xff;

	switch (s->c & 15) {
	case 0:
		return now.counter;
	case 1:
		return now.counter + more;
	case 2:
		return now.next_due;
	case 3:
		return now.next_due - 1;
	case 4:
		return now.next_due + 1;
	case 5:
		return 0;
	case 6:
		return CRR_NEVER;
	case 7:
		return CRR_NEVER - 1 - more;
	case 8:
		return 1ULL << 63;
	case 9:
		return now.counter - 1;
	case 10:
		return s->c;
	default:
		return now.counter + 1;
	}
}

/* Where an argument lies: a copy of it, if there can be one. */
static void *placed(struct crew *me, const struct step *s, const void *bytes,
		    size_t length)
{
	__u8 *at = me->bytes;

	if (length > AREA)
		length = AREA;
	switch (s->mem) {
	case 1:
		return NULL;
	case 2:
		return (void *)(uintptr_t)0xffff888000000000;
	case 3:
		return (void *)(uintptr_t)0xdead000000000000;
	case 4:
		at = edge - length;
		break;
	case 5:
		at = edge - length / 2;
		length /= 2;
		break;
	case 6:
		at = edge - 2;
		length = length < 2 ? length : 2;
		break;
	case 7:
		at++;
		break;
	case 8:
		return fixed;
	case 9:
		at = (void *)counter_page[line_of(s)];
		return at ?: NULL;
	case 10:
		at = (void *)state_page[line_of(s)];
		return at ?: NULL;
	case 11:
		at = common;
		break;
	case 12:
		return (void *)-4096UL;
	}
	if (bytes)
		memmove(at, bytes, length);
	return at;
}

static bool plain(const struct step *s)
{
	return !s->mem || s->mem > 12 || s->mem == 4 || s->mem == 7;
}

/* Flip a bit, if that is what the step says. */
static void damage(const struct step *s, void *bytes, size_t length)
{
	if (s->size >= 128 && length)
		((__u8 *)bytes)[(s->size - 128 + (s->c >> 48 & 0xff)) % length] ^=
			1 << (s->c >> 40 & 7);
}

/*
 * An ioctl of ours: its struct, with its size, is copied to where the step has it,
 * and back if it is there.
 */
static long call(struct crew *me, const struct step *s, enum fd_kind kind,
		 unsigned long cmd, void *arg, __u32 size)
{
	__u8 whole[8192] = { 0 };
	__u32 said[] = {
		size, 0, 3, 4, 8, size - 1, size - 4, size + 1, size + 8, 16,
		4096, 4097, 8000, 0xffffffff, size + 8
	};
	__u32 claimed = size;
	long ret;
	void *at;

	memcpy(whole, arg, size);
	if (s->size < 128)
		claimed = said[s->size % ARRAY_SIZE(said)];
	if (s->size == ARRAY_SIZE(said) - 1)
		whole[size + 3] = 1;
	memcpy(whole, &claimed, sizeof(claimed));
	damage(s, whole, size);
	at = placed(me, s, whole, claimed < sizeof(whole) ? claimed + 8 : size);
	ret = sys(ioctl(fd_of(s, kind), cmd, at));
	if (ret >= 0 && plain(s))
		memcpy(arg, at, size);
	return ret;
}

/* ---- What a step may do ---- */

static long do_open(struct crew *me, const struct step *s)
{
	int line = line_of(s);

	for (int i = 0; i < KINDS; i++)
		if (s->a & 1 << i) {
			int old = atomic_exchange(&fds[i][line], -1);

			if (old >= 0)
				close(old);
		}
	provide(line);
	if (s->b & 1)
		set_flags(fds[TTY][line], O_NONBLOCK, false);
	if (s->b & 2)
		detach(fds[TTY][line]);
	if (s->b & 4)
		return session_of(line);
	return fds[TTY][line] < 0 ? -ENODEV : 0;
}

static const char * const ports[] = { "/dev/ttyS4", "/dev/ttyS5" };

/* A device that has modem lines, if there is one. */
static long do_port(struct crew *me, const struct step *s)
{
	int line = 1 + s->line % 2;
	int fd = open(ports[line - 1], O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	set_raw(fd, 1, 0);
	opened[line] = true;
	strcpy(names[line], ports[line - 1]);
	if (s->b & 1)
		attach(fd);
	if (s->b & 2)
		join(fd, fds[SESSION][0]);
	return take(TTY, line, fd);
}

static long do_again(struct crew *me, const struct step *s)
{
	int flags[] = { O_RDWR, O_RDONLY, O_WRONLY, O_RDWR };
	int line = line_of(s);

	return take(AGAIN, line, sys(open(names[line], flags[s->a % 4] |
					  O_NOCTTY | O_NONBLOCK | O_CLOEXEC)));
}

static long do_close(struct crew *me, const struct step *s)
{
	int fd = atomic_exchange(&fds[s->a % KINDS][line_of(s)], -1);

	return fd < 0 ? -EBADF : sys(close(fd));
}

static long do_dup(struct crew *me, const struct step *s)
{
	int to = s->b % LINES;

	return take(s->a % KINDS, to, sys(dup(fds[s->a % KINDS][line_of(s)])));
}

static long do_setd(struct crew *me, const struct step *s)
{
	int numbers[] = { 29, 0, 29, 0, 29, 0, 1, -1, 30, 31, 0x7fffffff };
	int n = numbers[s->a % ARRAY_SIZE(numbers)];

	if (n == 29)
		n = crr_discipline();
	return sys(ioctl(fd_of(s, TTY), TIOCSETD, placed(me, s, &n, sizeof(n))));
}

static long do_session(struct crew *me, const struct step *s)
{
	struct crr_session_fd arg = { .tty_fd = named_fd(s, TTY) };
	long ret;

	if (s->a)
		arg.tty_fd = fds[s->a % KINDS][s->b % LINES];
	ret = call(me, s, TTY, CRR_IOC_SESSION, &arg, sizeof(arg));
	if (ret < 0 || !plain(s))
		return ret;
	set_flags(arg.session_fd, O_NONBLOCK, !(s->c & 1));
	return take(SESSION, line_of(s), arg.session_fd);
}

static long do_join(struct crew *me, const struct step *s)
{
	struct crr_join arg = {
		.tty_fd = named_fd(s, TTY),
		.session_fd = fds[SESSION][s->b % LINES],
	};

	if (s->a)
		arg.tty_fd = fds[s->a % KINDS][s->c % LINES];
	if (s->c & 0x80)
		arg.session_fd = fds[s->c >> 8 & 3][s->b % LINES];
	return call(me, s, TTY, CRR_IOC_JOIN, &arg, sizeof(arg));
}

static long do_clock(struct crew *me, const struct step *s)
{
	struct crr_clock_fd arg = { .tty_fd = named_fd(s, TTY) };
	long ret = call(me, s, TTY, CRR_IOC_CLOCK, &arg, sizeof(arg));

	if (ret < 0 || !plain(s))
		return ret;
	return take(CLOCK, line_of(s), arg.clock_fd);
}

static long do_counter(struct crew *me, const struct step *s)
{
	enum fd_kind kind = s->a & 1 ? CLOCK : TTY;
	struct crr_counter arg = {
		.tty_fd = named_fd(s, kind),
		.counter = counter_of(s),
	};

	return call(me, s, kind, CRR_IOC_COUNTER, &arg, sizeof(arg));
}

static long do_status(struct crew *me, const struct step *s)
{
	enum fd_kind kinds[] = { TTY, SESSION, CLOCK };
	enum fd_kind kind = kinds[s->a % 3];
	struct crr_status arg = { .tty_fd = named_fd(s, kind) };

	return call(me, s, kind, CRR_IOC_STATUS, &arg, sizeof(arg));
}

/* /proc/self/fdinfo, of anything. */
static long do_fdinfo(struct crew *me, const struct step *s)
{
	enum fd_kind kinds[] = { SESSION, CLOCK };
	char value[32];

	return fdinfo(fd_of(s, kinds[s->a & 1]), "crr-state", value,
		      sizeof(value));
}

static __u64 buffer_of(__u8 b)
{
	__u64 sizes[] = {
		CRR_BUFFER_MIN, CRR_BUFFER_MIN, CRR_BUFFER_MIN, CRR_BUFFER_MIN,
		CRR_BUFFER_MIN + 1, 1 << 20, CRR_BUFFER_MIN - 1,
		CRR_BUFFER_MAX + 1, CRR_NEVER, 1, 300000
	};

	return sizes[b % ARRAY_SIZE(sizes)];
}

static long do_record(struct crew *me, const struct step *s)
{
	struct crr_record_start arg = {
		.flags = s->a & 0x80 ? s->a : s->a & 0xf,
		.buffer_size = buffer_of(s->b),
	};

	return call(me, s, SESSION, CRR_IOC_RECORD, &arg, sizeof(arg));
}

static long do_replay(struct crew *me, const struct step *s)
{
	struct crr_replay_start arg = {
		.flags = s->a & 0x80 ? s->a : s->a & 0xf,
		.buffer_size = buffer_of(s->b),
		.record_flags = s->c & 0x1f,
	};

	return call(me, s, SESSION, CRR_IOC_REPLAY, &arg, sizeof(arg));
}

static long do_stop(struct crew *me, const struct step *s)
{
	struct crr_stop arg = {};

	return call(me, s, SESSION, CRR_IOC_STOP, &arg, sizeof(arg));
}

static long do_divergence(struct crew *me, const struct step *s)
{
	struct crr_divergence arg = {};

	return call(me, s, SESSION, CRR_IOC_DIVERGENCE, &arg, sizeof(arg));
}

static long do_begin(struct crew *me, const struct step *s)
{
	struct crr_checkpoint_begin arg = {
		.tty_fd = named_fd(s, TTY),
		.max_bytes = s->b,
		.counter = counter_of(s),
	};

	return call(me, s, TTY, CRR_IOC_CHECKPOINT_BEGIN, &arg, sizeof(arg));
}

static long do_end(struct crew *me, const struct step *s)
{
	struct crr_checkpoint_end arg = { .tty_fd = named_fd(s, TTY) };

	return call(me, s, TTY, CRR_IOC_CHECKPOINT_END, &arg, sizeof(arg));
}

static long do_modem(struct crew *me, const struct step *s)
{
	struct crr_modem arg = { .tty_fd = named_fd(s, TTY) };

	return call(me, s, TTY, CRR_IOC_MODEM, &arg, sizeof(arg));
}

static long do_mark(struct crew *me, const struct step *s)
{
	struct crr_mark arg = {
		.tty_fd = named_fd(s, TTY),
		.length = s->b ?: 1,
	};

	memset(arg.label, s->a ?: 'm', sizeof(arg.label));
	return call(me, s, TTY, CRR_IOC_MARK, &arg, sizeof(arg));
}

static long do_value(struct crew *me, const struct step *s)
{
	struct crr_value arg = {
		.tty_fd = named_fd(s, TTY),
		.kind = s->a & 1,
		.uses = s->b & 3,
		.value = s->c,
	};

	return call(me, s, TTY, CRR_IOC_VALUE, &arg, sizeof(arg));
}

static long do_seek(struct crew *me, const struct step *s)
{
	struct crr_status now = status(fds[TTY][line_of(s)]);
	__u64 to[] = { now.position, now.sequence, 0, 1, s->b, CRR_NEVER };
	struct crr_seek arg = {
		.tty_fd = named_fd(s, TTY),
		.sequence = to[s->a % ARRAY_SIZE(to)],
		.counter = s->a & 0x40 ? counter_of(s) : s->c & 0xff,
	};

	return call(me, s, TTY, CRR_IOC_SEEK, &arg, sizeof(arg));
}

static long do_seek_ack(struct crew *me, const struct step *s)
{
	struct crr_status now = status(fds[SESSION][line_of(s)]);
	__u64 to[] = { 0, now.seek_sequence, now.seek_sequence + 1, s->b, 0, 0 };
	struct crr_seek_ack arg = {
		.generation = now.seek_generation + (s->a >= 128),
		.sequence = to[s->a % ARRAY_SIZE(to)],
	};

	return call(me, s, SESSION, CRR_IOC_SEEK_ACK, &arg, sizeof(arg));
}

static long do_ioctl(struct crew *me, const struct step *s)
{
	__u8 bytes[256];
	unsigned int cmd = _IOC(s->a & 3, CRR_IOC_TYPE, s->b & 0x1f,
				s->a & 4 ? 16 : 0);

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = s->c >> i % 8 * 8;
	return sys(ioctl(fd_of(s, s->a >> 4 & 3), cmd,
			 placed(me, s, bytes, sizeof(bytes))));
}

/* What to write: anything, or what a line discipline takes notice of. */
static void *bytes_of(struct crew *me, const struct step *s, size_t length)
{
	static const char special[] = "\n\r\003\004\021\023\032\034\177\025\026\377\0ab";

	if (length > AREA)
		length = AREA;
	for (size_t i = 0; i < length; i++)
		me->bytes[i] = s->a & 1 ? special[(i + s->c) % sizeof(special)] :
					  'a' + (i + s->c) % 26;
	return placed(me, s, s->mem ? memcpy(me->bytes + AREA, me->bytes, length) :
				      NULL, length);
}

static long do_read(struct crew *me, const struct step *s)
{
	size_t length = size_of(s->b);

	return sys(read(fd_of(s, s->a & 0x80 ? AGAIN : TTY),
			placed(me, s, NULL, length), length));
}

static long do_write(struct crew *me, const struct step *s)
{
	size_t length = size_of(s->b);

	return sys(write(fd_of(s, s->a & 0x80 ? AGAIN : TTY),
			 bytes_of(me, s, length), length));
}

/* Write until nothing is taken any more, though the peer reads; or long enough. */
static long do_fill(struct crew *me, const struct step *s)
{
	int tty = fd_of(s, TTY), peer = fd_of(s, PEER);
	int n;

	memset(me->bytes, 'x', CRR_WRITE_MAX);
	for (n = 0; n < 150; n++) {
		if (write(tty, me->bytes, CRR_WRITE_MAX) <= 0)
			break;
		while (read(peer, me->bytes + AREA, AREA) > 0)
			continue;
	}
	return n;
}

/* Of what is polled: our fds, those of epoll, and one that has nothing to do with us. */
static int polled_fd(const struct step *s)
{
	unsigned int kind = s->a % 8;

	switch (kind) {
	case 0 ... KINDS - 1:
		return fd_of(s, kind);
	case 7:
		return pipe_fd[0];
	default:
		return epoll_fd[(s->line + 1 + kind - KINDS) % EPOLLS];
	}
}

/* Not for long: a thread may be wanted. */
static struct timespec moment(const struct step *s)
{
	return (struct timespec){ .tv_nsec = (s->b & 7) * 1000000 };
}

static long do_poll(struct crew *me, const struct step *s)
{
	struct pollfd p = {
		.fd = polled_fd(s),
		.events = s->b ? s->b : POLLIN | POLLOUT | POLLPRI,
	};
	struct timespec ts = moment(s);
	sigset_t none;
	void *at;

	if (!(s->c & 2))
		return sys(poll(&p, 1, s->c & 1 ? 10 : 0)) < 0 ? -errno : p.revents;
	sigemptyset(&none);
	at = placed(me, s, &p, sizeof(p));
	return sys(syscall(SYS_ppoll, at, 1, &ts, s->c & 1 ? &none : NULL, 8));
}

static long do_select(struct crew *me, const struct step *s)
{
	int fd = polled_fd(s);
	struct timespec ts = moment(s);
	fd_set sets[3];
	fd_set *at;

	if (fd < 0 || fd >= FD_SETSIZE)
		return -EBADF;
	for (int i = 0; i < 3; i++) {
		FD_ZERO(&sets[i]);
		if (!(s->c >> i & 1))
			FD_SET(fd, &sets[i]);
	}
	at = placed(me, s, sets, sizeof(sets));
	return sys(syscall(SYS_pselect6, fd + 1, at, at ? at + 1 : NULL,
			   at ? at + 2 : NULL, &ts, NULL));
}

static long do_epoll(struct crew *me, const struct step *s)
{
	int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD };
	struct epoll_event event = {
		.events = (~s->b >> 4 & (EPOLLIN | EPOLLPRI | EPOLLOUT)) |
			  (s->b & 1 ? EPOLLET : 0) | (s->b & 2 ? EPOLLONESHOT : 0) |
			  (s->b & 4 ? EPOLLEXCLUSIVE : 0),
	};

	return sys(epoll_ctl(epoll_fd[s->line % EPOLLS], ops[s->c % 3],
			     polled_fd(s), placed(me, s, &event, sizeof(event))));
}

static long do_epoll_wait(struct crew *me, const struct step *s)
{
	int most = 1 + s->c % 8;

	return sys(epoll_wait(epoll_fd[s->line % EPOLLS],
			      placed(me, s, NULL, most * sizeof(struct epoll_event)),
			      most, s->b & 7));
}

/* Another one in its place; who polls it goes on with what was there. */
static long do_epoll_create(struct crew *me, const struct step *s)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	fd = atomic_exchange(&epoll_fd[s->line % EPOLLS], fd);
	return fd < 0 ? 0 : sys(close(fd));
}

static struct iocb iocbs[8];

static long do_io_destroy(struct crew *me, const struct step *s)
{
	return io_destroy(atomic_exchange(&contexts[s->line % CONTEXTS], 0));
}

static long do_io_setup(struct crew *me, const struct step *s)
{
	aio_context_t context;
	int ret = io_setup(1 + s->b % 32, &context);

	if (ret)
		return ret;
	context = atomic_exchange(&contexts[s->line % CONTEXTS], context);
	return context ? io_destroy(context) : 0;
}

/* Some requests at once, all of which poll the same. */
static long do_io_submit(struct crew *me, const struct step *s)
{
	struct iocb *list[4];
	unsigned int n = 1 + (s->b >> 6);

	for (unsigned int i = 0; i < n; i++) {
		list[i] = &iocbs[(s->b + i) % ARRAY_SIZE(iocbs)];
		*list[i] = (struct iocb){
			.aio_lio_opcode = IOCB_CMD_POLL,
			.aio_fildes = polled_fd(s),
			.aio_buf = s->c ?: POLLIN,
		};
	}
	return sys(syscall(SYS_io_submit, contexts[s->line % CONTEXTS], (long)n,
			   placed(me, s, list, n * sizeof(*list))));
}

static long do_io_cancel(struct crew *me, const struct step *s)
{
	int ret = io_cancel(contexts[s->line % CONTEXTS],
			    &iocbs[s->b % ARRAY_SIZE(iocbs)]);

	/* Its event says so, too. */
	return ret == -EINPROGRESS ? 0 : ret;
}

static long do_io_events(struct crew *me, const struct step *s)
{
	struct timespec ts = moment(s);
	long most = 1 + s->c % 8;

	return sys(syscall(SYS_io_getevents, contexts[s->line % CONTEXTS],
			   (long)!!(s->b & 7), most,
			   placed(me, s, NULL, most * sizeof(struct io_event)), &ts));
}

/* SIGIO, or another signal, which interrupts. */
static long do_async(struct crew *me, const struct step *s)
{
	int signals[] = { 0, SIGIO, SIGUSR1, SIGURG };
	struct f_owner_ex owner = { F_OWNER_TID, syscall(SYS_gettid) };
	int fd = fd_of(s, s->a & 0x80 ? AGAIN : TTY);

	switch (s->a % 8) {
	case 2:
		return sys(fcntl(fd, F_SETSIG, signals[s->b % 4]));
	case 3:
		return set_flags(fd, O_ASYNC, false);
	case 4:
		return sys(fcntl(fd, F_SETOWN, s->b & 1 ? -getpgrp() : 0));
	case 5:
		return sys(fcntl(fd, F_SETOWN, getpid()));
	case 6:
		return sys(fcntl(fd, F_SETOWN_EX, &owner));
	default:
		return set_flags(fd, O_ASYNC, true);
	}
}

static long do_arrived(struct crew *me, const struct step *s)
{
	int n = 0;

	return sys(ioctl(fd_of(s, TTY), FIONREAD, placed(me, s, &n, sizeof(n))));
}

static long do_unsent(struct crew *me, const struct step *s)
{
	int n = 0;

	return sys(ioctl(fd_of(s, TTY), TIOCOUTQ, placed(me, s, &n, sizeof(n))));
}

static long do_termios(struct crew *me, const struct step *s)
{
	struct termios t;
	int fd = fd_of(s, s->c & 0x80 ? PEER : TTY);
	int how[] = { TCSANOW, TCSADRAIN, TCSAFLUSH, TCSANOW };

	if (tcgetattr(fd, &t))
		return -errno;
	cfmakeraw(&t);
	if (s->a & 1)
		t.c_lflag |= ICANON;
	if (s->a & 2)
		t.c_lflag |= ECHO | ECHOE | ECHOK | ECHOCTL;
	if (s->a & 4)
		t.c_lflag |= ISIG;
	if (s->a & 8)
		t.c_iflag |= IXON | IXANY;
	if (s->a & 16)
		t.c_oflag |= OPOST | ONLCR;
	if (s->a & 32)
		t.c_iflag |= PARMRK | INPCK | ICRNL;
	if (s->a & 64)
		t.c_lflag |= IEXTEN | TOSTOP;
	t.c_cc[VMIN] = s->b & 7;
	t.c_cc[VTIME] = s->b >> 6;
	return sys(tcsetattr(fd, how[s->c % 4], &t));
}

static long do_flush(struct crew *me, const struct step *s)
{
	return sys(tcflush(fd_of(s, s->b & 1 ? PEER : TTY), s->a % 3));
}

static long do_flow(struct crew *me, const struct step *s)
{
	return sys(tcflow(fd_of(s, s->b & 1 ? PEER : TTY), s->a % 4));
}

static long do_sti(struct crew *me, const struct step *s)
{
	char byte = s->b;

	return sys(ioctl(fd_of(s, TTY), TIOCSTI, placed(me, s, &byte, 1)));
}

static long do_hangup(struct crew *me, const struct step *s)
{
	return sys(ioctl(fd_of(s, TTY), TIOCVHANGUP));
}

static long do_misc(struct crew *me, const struct step *s)
{
	int fd = fd_of(s, TTY), n = s->b & 1;

	switch (s->a % 8) {
	case 0:
		return sys(ioctl(fd, TIOCEXCL));
	case 1:
		return sys(ioctl(fd, TIOCNXCL));
	case 2:
		return sys(ioctl(fd, TIOCSCTTY, 1));
	case 3:
		return sys(ioctl(fd, TIOCNOTTY));
	case 4:
		return sys(ioctl(fd_of(s, PEER), TIOCPKT, &n));
	case 5:
		return sys(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC));
	case 6:
		return sys(fcntl(fd, F_SETOWN, getpid()));
	default:
		return sys(tcsendbreak(fd, 0));
	}
}

/* Bytes for the tty; once its device has delivered them, if that is soon. */
static long do_send(struct crew *me, const struct step *s)
{
	int line = line_of(s);
	size_t length = size_of(s->b);
	long long until = now_ms() + settle_ms;
	__u64 before;
	long ret;

	if (!opened[line])
		provide(line);
	before = status(fds[TTY][line]).received;
	ret = sys(write(fd_of(s, PEER), bytes_of(me, s, length), length));
	while (ret > 0 && now_ms() < until &&
	       status(fds[TTY][line]).received - before < (__u64)ret)
		sched_yield();
	return ret;
}

static long do_receive(struct crew *me, const struct step *s)
{
	return sys(read(fd_of(s, PEER), me->bytes, size_of(s->b)));
}

static long do_nonblock(struct crew *me, const struct step *s)
{
	enum fd_kind kinds[] = { TTY, SESSION, TTY, PEER };

	return set_flags(fd_of(s, kinds[s->a % 4]), O_NONBLOCK, s->b & 1);
}

static long do_drain(struct crew *me, const struct step *s)
{
	size_t length = s->b ? size_of(s->b) : AREA;
	int line = line_of(s);
	void *at = placed(me, s, NULL, length);
	long n = sys(read(fd_of(s, SESSION), at, length));

	/* A log to be fed, unless it grows beyond what is of use. */
	if (n > 0 && plain(s)) {
		pthread_mutex_lock(&log_lock);
		if (logs[line].length < 4 * AREA)
			log_append(&logs[line], at, n);
		pthread_mutex_unlock(&log_lock);
	}
	return n;
}

static long do_forget(struct crew *me, const struct step *s)
{
	pthread_mutex_lock(&log_lock);
	log_free(&logs[line_of(s)]);
	pthread_mutex_unlock(&log_lock);
	return 0;
}

/* What was drained, from the record on that is the next to be fed. */
static long do_feed_log(struct crew *me, const struct step *s)
{
	__u64 next = status(fds[SESSION][line_of(s)]).sequence;
	const struct log *log = &logs[s->b % 4 == 3 ? 0 : line_of(s)];
	struct record record = {};
	__u8 *bytes = me->bytes + AREA;
	size_t from = 0, length = 0;
	unsigned int n = s->a ?: 255;
	bool found = false;

	pthread_mutex_lock(&log_lock);
	while (length < AREA - CRR_RECORD_SIZE_MAX && n && log_next(log, &record)) {
		found = found || record.sequence >= next;
		if (!found)
			from = record.at + record.size;
		else
			n--;
		length = record.at + record.size - from;
	}
	if (length)
		memcpy(bytes, log->bytes + from, length);
	pthread_mutex_unlock(&log_lock);
	damage(s, bytes, length);
	if (s->size && s->size < 128)
		length -= length < s->size ? length : s->size;
	return sys(write(fd_of(s, SESSION), placed(me, s, bytes, length), length));
}

static unsigned int type_of(__u8 a)
{
	static const unsigned int types[] = {
		CRR_TYPE_STREAM, CRR_TYPE_READ, CRR_TYPE_WRITE, CRR_TYPE_END,
		CRR_TYPE_STREAM_END, CRR_TYPE_READ_ERROR, CRR_TYPE_EOF,
		CRR_TYPE_PEER_CLOSED, CRR_TYPE_HANGUP, CRR_TYPE_INQ,
		CRR_TYPE_OUTQ, CRR_TYPE_MODEM, CRR_TYPE_MARK, CRR_TYPE_TERMIOS,
		CRR_TYPE_TIME, CRR_TYPE_OPTIONAL | 0x77, CRR_TYPE_VALUE, 15, 0,
	};

	return types[a % ARRAY_SIZE(types)];
}

/* A record that suits what was fed before. */
static long do_feed(struct crew *me, const struct step *s)
{
	struct crr_status now = status(fds[SESSION][line_of(s)]);
	static const __s32 results[] = { -EAGAIN, -EIO, 1, 2, -EINTR, -512, 0 };
	struct log log = { .sequence = now.sequence };
	size_t length = size_of(s->b);
	struct record r = {
		.type = type_of(s->a),
		.flags = s->c >> 36 & 0xf,
		.stream = s->c >> 32 & 3,
		.counter = now.horizon,
		.empty_reads = s->c >> 16 & 3,
		.refused = s->c >> 18 & 3,
		.requested = length,
		.result = length,
		.offset = length,
		.error = s->c >> 20 & 1 ? EIO : EAGAIN,
		.value = length,
		.kind = s->c >> 24 & 1,
		.number = s->c,
		.uses = s->c >> 18 & 3,
		.reason = CRR_END_STOP + (s->c >> 22 & 3) % 3,
		.data = bytes_of(me, &(struct step){ .c = s->c >> 24 & 0xff }, length),
		.length = length,
	};
	long ret;

	/* Known at once: the last bits are for the counter, as elsewhere. */
	if (s->c & 0xf)
		r.counter += s->c >> 8 & 0xff;
	if ((s->c & 0xf) == 0xf)
		r.counter = counter_of(s);
	if (s->c >> 28 & 1)
		r.result = results[(s->c >> 29 & 7) % ARRAY_SIZE(results)];
	if (r.result <= 0)
		r.offset = 0;
	if (r.type == CRR_TYPE_END)
		r.stream = 0;
	if (r.type != CRR_TYPE_READ && r.type != CRR_TYPE_WRITE &&
	    r.type != CRR_TYPE_MARK && r.type != CRR_TYPE_STREAM)
		r.length = s->c >> 50 & 1;
	if (!r.length)
		r.data = NULL;
	log_put(&log, r);
	damage(s, log.bytes, log.length);
	if (s->size && s->size < 128)
		log.length -= log.length < s->size ? log.length : s->size;
	memcpy(me->bytes + AREA, log.bytes, log.length);
	ret = sys(write(fd_of(s, SESSION),
			placed(me, s, me->bytes + AREA, log.length), log.length));
	log_free(&log);
	return ret;
}

static long do_feed_bytes(struct crew *me, const struct step *s)
{
	size_t length = size_of(s->b);

	return sys(write(fd_of(s, SESSION), bytes_of(me, s, length), length));
}

static long do_map(struct crew *me, const struct step *s)
{
	size_t page = sysconf(_SC_PAGESIZE);
	off_t at[] = { CRR_CLOCK_COUNTER_OFFSET, CRR_CLOCK_STATE_OFFSET, page, -page };
	bool is_state = s->a & 1;
	int prot = is_state ? PROT_READ : PROT_READ | PROT_WRITE;
	int line = line_of(s);
	void *p;

	if (s->a & 0x10)
		prot = s->c & 7;
	p = mmap(NULL, page * (1 + (s->b & 1)), prot,
		 s->b & 2 ? MAP_PRIVATE : MAP_SHARED, fd_of(s, CLOCK),
		 at[s->a & 3]);
	if (p == MAP_FAILED)
		return -errno;
	atomic_store(is_state ? &state_page[line] : &counter_page[line],
		     (uintptr_t)p);
	return 0;
}

static long do_remap(struct crew *me, const struct step *s)
{
	size_t page = sysconf(_SC_PAGESIZE);
	atomic_uintptr_t *at = s->a & 1 ? &state_page[line_of(s)] :
					  &counter_page[line_of(s)];
	void *p = (void *)atomic_load(at);

	if (!p)
		return -EINVAL;
	switch (s->b % 5) {
	case 0:
		atomic_store(at, 0);
		return sys(munmap(p, page));
	case 1:
		return sys(mprotect(p, page, s->c & 7));
	case 2:
		return sys(madvise(p, page, s->c & 0x1f));
	case 3:
		p = mremap(p, page, page * 2, MREMAP_MAYMOVE);
		break;
	case 4:
		p = mremap(p, page, page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
		break;
	}
	if (p == MAP_FAILED)
		return -errno;
	atomic_store(at, (uintptr_t)p);
	return 0;
}

/*
 * A counter, in the clock's page, or a look at the other one. By the kernel's
 * hand: another thread may have taken the page away.
 */
static long do_store(struct crew *me, const struct step *s)
{
	int line = line_of(s);
	__u64 value = counter_of(s);
	char *to = (char *)(s->a & 1 ? state_page[line] : counter_page[line]);
	int file;
	long ret;

	if (!to)
		return -EINVAL;
	/* Or over what nobody reads. */
	if (!(s->a & 2))
		to += offsetof(struct crr_clock_counter, counter);
	file = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (file < 0)
		return -errno;
	if (s->a & 1)
		ret = sys(pread(file, &value, sizeof(value), (uintptr_t)to));
	else
		ret = sys(pwrite(file, &value, sizeof(value), (uintptr_t)to));
	close(file);
	return ret;
}

/* Somebody who has all fds, too, and goes at any time. */
static long do_fork(struct crew *me, const struct step *s)
{
	struct timespec ts = { .tv_nsec = (s->c & 7) * 1000000 };
	char byte = 0;
	pid_t pid;

	if (me->number || forks == ARRAY_SIZE(forked))
		return -EAGAIN;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		forked[forks++] = pid;
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	nanosleep(&ts, NULL);
	if (s->a & 1)
		read(fd_of(s, TTY), &byte, 1);
	if (s->a & 2)
		write(fd_of(s, TTY), &byte, 1);
	if (s->a & 4)
		close(fds[SESSION][line_of(s)]);
	if (s->a & 8)
		count(fds[CLOCK][line_of(s)], counter_of(s));
	if (s->a & 16)
		detach(fd_of(s, TTY));
	_exit(0);
}

static long do_interrupt(struct crew *me, const struct step *s)
{
	return -pthread_kill(crew[s->a % THREADS].thread, SIGUSR1);
}

static long do_pause(struct crew *me, const struct step *s)
{
	struct timespec ts = { .tv_nsec = (s->b & 7) * 1000000 };

	nanosleep(&ts, NULL);
	return 0;
}

static bool put_file(const char *name, const char *value)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

#define UNPRIVILEGED "/sys/module/n_crr/parameters/unprivileged"

/* This thread alone: the C library would ask the others, who may be asleep. */
static long do_user(struct crew *me, const struct step *s)
{
	if (s->a & 1)
		atomic_store(&shared->unprivileged, true);
	if (s->a & 1 && !put_file(UNPRIVILEGED, "Y"))
		return -EACCES;
	return sys(syscall(SYS_setresuid, -1, s->a & 2 ? 65534 : 0, -1));
}

static long do_limit(struct crew *me, const struct step *s)
{
	struct rlimit limit = { .rlim_cur = s->b, .rlim_max = 1 << 20 };

	if (s->a & 2)
		limit.rlim_cur = 1 << 16;
	return sys(setrlimit(s->a & 1 ? RLIMIT_MEMLOCK : RLIMIT_NOFILE, &limit));
}

/*
 * errnos: what a well-formed call may say, beside what any may; none: anything.
 * odds: of being drawn. spoils: the process, for other programs.
 */
static const struct {
	const char *name;
	long (*run)(struct crew *me, const struct step *s);
	unsigned int odds;
	bool spoils;
	int errnos[8];
} ops[] = {
	/* 0 ends a program. */
#define OP(_name, _run, _odds, ...) { _name, _run, _odds, false, { __VA_ARGS__ } }
#define OP_SPOILS(_name, _run, _odds) { _name, _run, _odds, true }
	OP("end", NULL, 0),
	OP("open", do_open, 2),
	OP("port", do_port, 1),
	OP("again", do_again, 2),
	OP("close", do_close, 3),
	OP("dup", do_dup, 1),
	OP("setd", do_setd, 2),
	OP("session", do_session, 3, EPERM, EBADF, EBUSY, EMFILE, ENFILE, ENOMEM),
	OP("join", do_join, 4, EPERM, EBADF, EBUSY, EEXIST, ENOSPC, ENOMEM),
	OP("clock", do_clock, 3, EMFILE, ENFILE, ENOMEM),
	OP("counter", do_counter, 5, ERANGE, EBUSY),
	OP("status", do_status, 1, -1),
	OP("record", do_record, 6, EBUSY, ENODEV, EPERM, ENOMEM),
	OP("replay", do_replay, 7, EBUSY, ENODEV, EPERM, ENOMEM),
	OP("stop", do_stop, 3, ENODATA),
	OP("divergence", do_divergence, 1, ENODATA),
	OP("begin", do_begin, 4, ERANGE, EBUSY, EPROTO, ENODATA,
	   ENOTRECOVERABLE, EAGAIN),
	OP("endcheck", do_end, 4, ERANGE, EBUSY, EPROTO, ENODATA,
	   ENOTRECOVERABLE, EAGAIN),
	OP("modem", do_modem, 3, ENOTTY, ERANGE, ENODATA, ENOTRECOVERABLE,
	   EAGAIN),
	OP("mark", do_mark, 3, EINVAL, ERANGE, ENODATA, ENOTRECOVERABLE,
	   EAGAIN),
	OP("value", do_value, 3, EINVAL, ERANGE, ENODATA, ENOTRECOVERABLE,
	   EAGAIN),
	OP("seek", do_seek, 3, EBUSY, EAGAIN),
	OP("ack", do_seek_ack, 3, ENODATA, ESTALE),
	OP("ioctl", do_ioctl, 1),
	OP("read", do_read, 8),
	OP("write", do_write, 8),
	OP("fill", do_fill, 2),
	OP("poll", do_poll, 3),
	OP("select", do_select, 1),
	OP("epoll", do_epoll, 4),
	OP("epwait", do_epoll_wait, 3),
	OP("epcreate", do_epoll_create, 1),
	OP("iosetup", do_io_setup, 2),
	OP("iosubmit", do_io_submit, 3),
	OP("iocancel", do_io_cancel, 1),
	OP("ioevents", do_io_events, 1),
	OP("iodestroy", do_io_destroy, 1),
	OP("async", do_async, 2),
	OP("fionread", do_arrived, 3),
	OP("outq", do_unsent, 3),
	OP("termios", do_termios, 3),
	OP("flush", do_flush, 2),
	OP("flow", do_flow, 1),
	OP("sti", do_sti, 2),
	OP("hangup", do_hangup, 1),
	OP_SPOILS("misc", do_misc, 2),
	OP("send", do_send, 8),
	OP("receive", do_receive, 3),
	OP("nonblock", do_nonblock, 2),
	OP("drain", do_drain, 5, EAGAIN, EINVAL, EMSGSIZE),
	OP("forget", do_forget, 1),
	OP("feedlog", do_feed_log, 7, EAGAIN, EINVAL, EMSGSIZE, EBADMSG,
	   ENOTRECOVERABLE, ENODATA, ESTALE, ENOMEM),
	OP("feed", do_feed, 10, EAGAIN, EINVAL, EMSGSIZE, EBADMSG,
	   ENOTRECOVERABLE, ENODATA, ESTALE, ENOMEM),
	OP("garbage", do_feed_bytes, 1),
	OP("map", do_map, 4),
	OP_SPOILS("remap", do_remap, 1),
	OP("store", do_store, 4),
	OP_SPOILS("fork", do_fork, 1),
	OP("interrupt", do_interrupt, 1),
	OP("pause", do_pause, 1),
	OP_SPOILS("user", do_user, 1),
	OP_SPOILS("limit", do_limit, 1),
	OP("fdinfo", do_fdinfo, 1),
};

static unsigned int op_named(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].name, name))
			return i;
	abort();
}

/* An answer of ours that the interface does not have. */
static void judge(const struct step *s, long result)
{
	static const int any[] = {
		EFAULT, EINVAL, E2BIG, EOPNOTSUPP, ENOTTY, EINTR, EIO, EBADF,
	};
	const int *errnos = ops[s->op].errnos;

	if (result >= 0 || (result > -512 && (!errnos[0] || s->fd)))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(any); i++)
		if (any[i] == -result)
			return;
	for (size_t i = 0; i < ARRAY_SIZE(ops->errnos); i++)
		if (errnos[i] == -result)
			return;
	if (atomic_exchange(&shared->odd, true))
		return;
	snprintf(shared->oddity, sizeof(shared->oddity), "%s says %ld",
		 ops[s->op].name, result);
}

static const struct step *first;

static void perform(struct crew *me, const struct step *s)
{
	size_t i = s - first;
	unsigned int fault = inject && me->faults >= 0 ? HOW_FAULT(s->how) : 0;
	char text[8];

	atomic_store(&shared->step[i].begun, true);
	if (ops[s->op].spoils)
		atomic_store(&shared->spoiled, true);
	if (fault)
		pwrite(me->faults, text, snprintf(text, sizeof(text), "%u", fault), 0);
	shared->step[i].result = ops[s->op].run(me, s);
	while (fault && pwrite(me->faults, "0", 1, 0) != 1)
		continue;
	judge(s, shared->step[i].result);
	atomic_store(&shared->step[i].done, true);
}

/* ---- Coverage ---- */

#define COVER	(64 << 10)	/* calls that a thread notes down */

static int kcov_fd[THREADS];
static unsigned long *kcov_area[THREADS];

static bool open_coverage(void)
{
	for (int i = 0; i < THREADS; i++) {
		kcov_fd[i] = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
		if (kcov_fd[i] < 0 || ioctl(kcov_fd[i], KCOV_INIT_TRACE, COVER))
			return false;
		kcov_area[i] = mmap(NULL, COVER * sizeof(long),
				    PROT_READ | PROT_WRITE, MAP_SHARED,
				    kcov_fd[i], 0);
		if (kcov_area[i] == MAP_FAILED)
			abort();
	}
	return true;
}

static void cover(unsigned int thread)
{
	if (!kcov_area[thread])
		return;
	__atomic_store_n(&kcov_area[thread][0], 0, __ATOMIC_RELAXED);
	ioctl(kcov_fd[thread], KCOV_ENABLE, KCOV_TRACE_PC);
}

/* ---- Executing ---- */

static void enlist(struct crew *me, unsigned int number)
{
	char name[64];

	me->number = number;
	me->task.tid = syscall(SYS_gettid);
	me->bytes = malloc(2 * AREA + 16);
	if (!me->bytes)
		abort();
	snprintf(name, sizeof(name), "/proc/self/task/%d/fail-nth", (int)me->task.tid);
	me->faults = inject ? open(name, O_RDWR | O_CLOEXEC) : -1;
	cover(number);
}

static void *work(void *arg)
{
	struct crew *me = arg;
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	enlist(me, me - crew);
	for (;;) {
		while (atomic_load(&me->state) != ASKED)
			syscall(SYS_futex, &me->state, 0 /* FUTEX_WAIT */, IDLE,
				NULL, NULL, 0);
		me->task.done = false;
		atomic_store(&me->state, BUSY);
		perform(me, me->step);
		me->task.done = true;
		atomic_store(&me->state, IDLE);
	}
	return NULL;
}

/* False: it has something to do already. */
static bool asked(struct crew *who, const struct step *s)
{
	if (atomic_load(&who->state) != IDLE)
		return false;
	if (!who->thread && pthread_create(&who->thread, NULL, work, who))
		return false;
	who->step = s;
	atomic_store(&who->state, ASKED);
	syscall(SYS_futex, &who->state, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
	if (s->how & HOW_WAIT) {
		while (atomic_load(&who->state) == ASKED)
			sched_yield();
		sleeps(&who->task);
	}
	return true;
}

static void nothing(int sig)
{
}

static void catch_signals(void)
{
	static const int ignored[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGIO,
		SIGWINCH,
	};
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval tick = {
		.it_interval.tv_usec = tick_ms * 1000,
		.it_value.tv_usec = tick_ms * 1000,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
}

/* What all programs of a process use. */
static void settle_in(void)
{
	/* Of an unprivileged user's: a small buffer, and not a large one. */
	struct rlimit locked = { 1 << 20, 1 << 20 };
	size_t page = sysconf(_SC_PAGESIZE);
	int pipes[2];

	setrlimit(RLIMIT_MEMLOCK, &locked);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < KINDS * LINES; i++)
		fds[i / LINES][i % LINES] = -1;
	common = malloc(AREA);
	edge = before_hole(AREA + page);
	edge += AREA + page;
	fixed = mmap(NULL, AREA, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!common || fixed == MAP_FAILED || pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		abort();
	pipe_fd[0] = pipes[0];
	pipe_fd[1] = pipes[1];
	crew[0].thread = pthread_self();
	enlist(&crew[0], 0);
	catch_signals();
}

/*
 * Here, and not when the process exits: by then nobody notes down what runs.
 * False: it has to exit, for there are threads that sleep.
 */
static bool clean_up(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	bool clean = !atomic_load(&shared->spoiled);
	int fd;

	for (unsigned int i = 0; i < forks; i++) {
		kill(forked[i], SIGKILL);
		waitpid(forked[i], NULL, 0);
	}
	forks = 0;
	for (int i = 0; i < KINDS * LINES; i++) {
		fd = atomic_exchange(&fds[i / LINES][i % LINES], -1);
		if (fd >= 0)
			close(fd);
	}
	for (int i = 0; i < EPOLLS; i++)
		close(epoll_fd[i]);
	for (int i = 0; i < CONTEXTS; i++)
		io_destroy(atomic_exchange(&contexts[i], 0));
	for (int i = 0; i < LINES; i++) {
		if (counter_page[i])
			munmap((void *)counter_page[i], page);
		if (state_page[i])
			munmap((void *)state_page[i], page);
		counter_page[i] = 0;
		state_page[i] = 0;
		opened[i] = false;
	}
	for (int i = 1; i < THREADS; i++)
		clean = clean && atomic_load(&crew[i].state) == IDLE;
	for (int i = 0; i < LINES && clean; i++)
		log_free(&logs[i]);
	return clean;
}

static bool execute(const struct program *program)
{
	for (int i = 0; i < EPOLLS; i++)
		epoll_fd[i] = epoll_create1(EPOLL_CLOEXEC);
	first = program->step;
	provide(0);
	session_of(0);
	for (unsigned int i = 0; i < program->steps; i++) {
		const struct step *s = &program->step[i];
		unsigned int thread = (s->how & HOW_THREAD) % THREADS;

		if (!thread || !asked(&crew[thread], s))
			perform(&crew[0], s);
	}
	if (settle_ms == PATIENCE_MS)
		eventually(atomic_load(&crew[1].state) == IDLE);
	return clean_up();
}

/* ---- Starting one, and seeing it end ---- */

static bool readable(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	long long until = now_ms() + ms;
	int ret;

	do
		ret = poll(&pollfd, 1, until - now_ms() > 0 ? until - now_ms() : 0);
	while (ret < 0 && errno == EINTR);
	return ret == 1;
}

/* Where the threads of one that does not die are. */
static void print_stacks(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "head -n 50 /proc/%d/task/*/status /proc/%d/task/*/stack >&2", pid, pid);
	if (system(command))
		fprintf(stderr, "# no stacks\n");
}

static int find_pidfd(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		abort();
	return fd;
}

/* The process that executes programs, one after the other. */
static struct {
	pid_t pid;
	int pidfd;
	int ask;		/* a byte to it: execute shared->program */
	int told;		/* a byte from it: done, and as good as new */
} worker;

static void __attribute__((noreturn)) serve(int ask, int tell)
{
	char byte;

	settle_in();
	for (;;) {
		while (read(ask, &byte, 1) != 1)
			if (errno != EINTR)
				_exit(0);
		if (!execute(&shared->program))
			_exit(0);
		if (write(tell, &byte, 1) != 1)
			_exit(0);
	}
}

static void hire(void)
{
	int ask[2], told[2];

	if (pipe2(ask, O_CLOEXEC) || pipe2(told, O_CLOEXEC))
		abort();
	worker.pid = fork();
	if (worker.pid < 0)
		abort();
	if (!worker.pid) {
		close(ask[1]);
		close(told[0]);
		serve(ask[0], told[1]);
	}
	close(ask[0]);
	close(told[1]);
	worker.ask = ask[1];
	worker.told = told[0];
	worker.pidfd = find_pidfd(worker.pid);
}

static void dismiss(void)
{
	close(worker.ask);
	close(worker.told);
	close(worker.pidfd);
	worker.pid = 0;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

/* NULL, or what is wrong. */
static const char *try(const struct program *program)
{
	static char text[sizeof(shared->oddity)];
	char byte = 0;

	if (!worker.pid)
		hire();
	memset(shared, 0, sizeof(*shared));
	shared->program = *program;
	if (write(worker.ask, &byte, 1) != 1)
		abort();
	if (!readable(worker.told, PROGRAM_MS))
		kill(worker.pid, SIGKILL);
	/* At its end, too. */
	if (!readable(worker.told, DEATH_MS)) {
		print_stacks(worker.pid);
		worker.pid = 0;
		return "a process cannot be killed";
	}
	if (read(worker.told, &byte, 1) != 1) {
		if (!readable(worker.pidfd, DEATH_MS)) {
			print_stacks(worker.pid);
			worker.pid = 0;
			return "a process cannot be killed";
		}
		dismiss();
	}
	if (shared->unprivileged)
		put_file(UNPRIVILEGED, "N");
	if (!shared->odd)
		return NULL;
	memcpy(text, shared->oddity, sizeof(text));
	return text;
}

static void prepare(void)
{
	static const char * const spared[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char name[128];

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		abort();
	crr_discipline();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	inject = !access("/proc/self/fail-nth", F_OK);
	for (size_t i = 0; i < ARRAY_SIZE(spared) && inject; i++) {
		snprintf(name, sizeof(name), "/sys/kernel/debug/%s", spared[i][0]);
		inject = put_file(name, spared[i][1]);
	}
}

/* ---- Programs as text, and as files ---- */

static const struct {
	const char *name;
	size_t at;
} members[] = {
#define MEMBER(_name) { #_name, offsetof(struct step, _name) }
	MEMBER(line), MEMBER(how), MEMBER(fd), MEMBER(mem), MEMBER(size),
	MEMBER(a), MEMBER(b),
};

static void print_step(FILE *to, const struct step *s)
{
	fprintf(to, "%s", ops[s->op].name);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (((const __u8 *)s)[members[i].at])
			fprintf(to, " %s=%u", members[i].name,
				((const __u8 *)s)[members[i].at]);
	if (s->c)
		fprintf(to, " c=0x%llx", (unsigned long long)s->c);
}

/* What calls said, if they were executed; those that sleep have no answer. */
static void print_program(FILE *to, const struct program *program, bool answers)
{
	for (unsigned int i = 0; i < program->steps; i++) {
		print_step(to, &program->step[i]);
		if (answers && shared->step[i].done)
			fprintf(to, "\t# %ld", shared->step[i].result);
		else if (answers)
			fprintf(to, "\t# %s", shared->step[i].begun ? "sleeps" : "not begun");
		fprintf(to, "\n");
	}
	fprintf(to, "end\n");
}

static void set_member(struct step *s, const char *name, __u64 value)
{
	if (!strcmp(name, "c")) {
		s->c = value;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!strcmp(name, members[i].name)) {
			((__u8 *)s)[members[i].at] = value;
			return;
		}
	fprintf(stderr, "no such member: %s\n", name);
	exit(2);
}

/* From text: one program, to its end. Returns what follows it. */
static const char *parse(const char *text, struct program *program)
{
	char word[32], member[32], *rest;
	struct step *s;
	__u64 value;
	int used;

	*program = (struct program){};
	while (program->steps < STEPS) {
		text += strspn(text, " \t\n;");
		if (*text == '#') {
			text += strcspn(text, "\n");
			continue;
		}
		if (sscanf(text, "%31[a-z]%n", word, &used) != 1)
			return text;
		text += used;
		if (!strcmp(word, "end"))
			return text;
		s = &program->step[program->steps++];
		s->op = op_named(word);
		while (sscanf(text, " %31[a-z]%n=%n", member, &used, &used) == 1 &&
		       text[used - 1] == '=') {
			value = strtoull(text + used, &rest, 0);
			set_member(s, member, value);
			text = rest;
		}
	}
	return text;
}

/* Any bytes are a program: what does not fit is made fit. */
static const struct step *decode(const struct step *from, const struct step *end,
				 struct program *program)
{
	*program = (struct program){};
	for (; from < end; from++) {
		if (!from->op)
			return from + 1;
		if (program->steps < STEPS) {
			program->step[program->steps] = *from;
			program->step[program->steps++].op %= ARRAY_SIZE(ops);
		}
	}
	return end;
}

static void save(int fd, const struct program *program)
{
	struct program whole = *program;
	size_t length = (program->steps + 1) * sizeof(struct step);
	struct step bytes[STEPS + 1] = {};

	memcpy(bytes, whole.step, program->steps * sizeof(struct step));
	if (write(fd, bytes, length) != (ssize_t)length) {
		perror("cannot write a program");
		exit(2);
	}
}

static void save_as(const char *dir, const char *name,
		    const struct program *program)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	save(fd, program);
	fsync(fd);
	close(fd);
}

static void *read_file(const char *name, size_t *length)
{
	struct stat stat;
	char *bytes;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &stat))
		return NULL;
	bytes = calloc(1, stat.st_size + 1);
	if (!bytes)
		abort();
	*length = read(fd, bytes, stat.st_size);
	close(fd);
	return bytes;
}

/* Each program of a file, from the first one to the last. */
static int each(const char *name, const char *range,
		int (*what)(const struct program *program, unsigned int number))
{
	unsigned int from = 0, to = -1, number;
	const struct step *step, *end;
	struct program program;
	const char *text;
	size_t length;
	char *rest;
	bool binary;
	int failed = 0;

	text = read_file(name, &length);
	if (!text) {
		perror(name);
		return 2;
	}
	if (range) {
		from = to = strtoul(range, &rest, 0);
		if (*rest == '-')
			to = rest[1] ? strtoul(rest + 1, NULL, 0) : -1U;
	}
	/* The step that ends a program is all zero. */
	binary = memchr(text, 0, length);
	step = (const void *)text;
	end = step + length / sizeof(*step);
	for (number = 0; number <= to; number++) {
		if (binary) {
			if (step == end)
				break;
			step = decode(step, end, &program);
		} else {
			text = parse(text, &program);
			if (!program.steps)
				break;
		}
		if (number >= from)
			failed |= what(&program, number);
	}
	return failed;
}

static int list(const struct program *program, unsigned int number)
{
	printf("# program %u\n", number);
	print_program(stdout, program, false);
	return 0;
}

static int replay_one(const struct program *program, unsigned int number)
{
	const char *fault = try(program);

	printf("# program %u%s%s\n", number, fault ? ": " : "", fault ?: "");
	print_program(stdout, program, true);
	fflush(stdout);
	return !!fault;
}

/* ---- Where to begin ---- */

/* Each of these does something to the end, without an error. */
static const char * const seeds[] = {
	/* Recorded, and replayed. */
	"record a=1; send b=10; read b=64; write b=20; fionread; outq; mark b=3;"
	"counter c=0x501; send b=5; fionread; read b=3; read b=64; termios a=3;"
	"stop; drain; drain; replay; feedlog; read b=64; write b=20; fionread;"
	"outq; mark b=3; counter c=0x501; fionread; read b=3; read b=64; poll;"
	"status a=1; stop",
	/* Gated. */
	"record a=9; send b=10; begin c=15; read b=64; endcheck; begin c=15 b=3;"
	"send b=9; read b=64; endcheck; write b=7; stop; drain; drain;"
	"replay a=2; feedlog; begin c=15; read b=64; endcheck; begin c=15 b=3;"
	"read b=64; endcheck; write b=7; stop",
	/* On with the device, which is recorded. */
	"record; send b=10; read b=64; stop; drain; drain; replay a=12;"
	"feedlog; read b=64; counter c=0x501; write b=9; send b=20; read b=64;"
	"drain; stop; drain",
	/* A snapshot restored. */
	"record a=1; write b=5; counter c=0x101; write b=6; stop; drain; drain;"
	"replay; feedlog; write b=5; seek how=5 a=2; ack; feedlog;"
	"pause b=2; write b=5; counter c=0x101; write b=6; stop",
	/* The clock's pages. */
	"clock; map; map a=1; record; send b=10; store c=0x10a; store a=1; read b=64;"
	"counter a=1 c=0x20a; write b=9; stop; drain; drain; store c=5;"
	"replay; feedlog; store c=0x10a; read b=64; counter a=1 c=0x20a; write b=9; stop;"
	"status a=2; remap; remap a=1; close a=3",
	/* Several lines. */
	"join line=1; record a=1; send line=1 b=4; read line=1 b=9; write line=1 b=3;"
	"write b=129; counter c=0x101; send b=4; read b=4; stop; drain; drain;"
	"replay; feedlog; read line=1 b=9; write line=1 b=3; write b=129;"
	"counter line=1 c=0x101; read b=4; stop",
	/* Records made up: STREAM, READ, WRITE, INQ, STREAM_END, END. */
	"replay; feed b=4; feed a=1 b=5; feed a=2 b=5 c=0x2000000000;"
	"feed a=9 b=7; feed a=13 b=1; feed a=4; feed a=3; read b=64; write b=5; fionread;"
	"stop",
	/* In canonical mode; and then the line is hung up. */
	"termios a=1; record; send a=1 b=9; read b=64; again; hangup;"
	"close; close a=4; stop; drain; drain",
	/* The controller goes, and another one comes. */
	"record; write b=20; close a=2; session; drain; stop; drain",
	/* Another user's. */
	"user a=3; open a=31 b=4; record; send b=4; read b=9; write b=3; stop;"
	"drain; drain; user",
	/* More than there is room for. */
	"record a=1; fill; drain; fill; poll a=2; drain; drain; stop; drain",
	"record a=2; close a=2; fill; session; status a=1",
	/* Asleep, until there is something. */
	"nonblock a=1; record; drain how=5; write b=10; pause b=2; stop; drain",
	"nonblock; record a=9; read how=5 b=64; send b=10; begin c=15; pause b=2;"
	"endcheck; stop; drain; drain",
	"nonblock; record; read how=5 b=64; send b=3; pause b=2; stop; drain",
	/* Polled, in all ways: an epoll fd in another one, and edges; and SIGIO. */
	"epoll; epoll line=2 a=5; async a=5; async a=2; async; record; poll;"
	"poll c=2; select; epwait; send b=10; poll c=3; select b=2; epwait b=2;"
	"epwait line=2 b=2; read b=64; epoll b=1 c=2; send b=3; epwait b=2;"
	"read b=64; poll a=5; stop; drain; drain; replay; poll; select; epwait;"
	"feedlog; epwait line=2 b=2; read b=64; poll c=2; read b=64; poll;"
	"epoll c=1; epcreate; stop",
	/* By aio; requests that are cancelled, and that are left behind. */
	"iosetup; epoll; record; iosubmit line=2 a=5; iosubmit a=7 b=1; ioevents;"
	"send b=10; ioevents b=2; read b=64; iosubmit line=2 a=5; iocancel b=1;"
	"ioevents b=2; stop; drain; drain; replay; iosubmit line=2 a=5 b=2; feedlog;"
	"ioevents b=2; read b=64; iosubmit line=2 a=5 b=3; iodestroy; iosetup;"
	"iosubmit line=2 a=5; stop",
};

static void get_seed(unsigned int i, struct program *program)
{
	const char *rest = parse(seeds[i], program);

	if (*rest) {
		fprintf(stderr, "seed %u: %s\n", i, rest);
		abort();
	}
}

/* ---- Change ---- */

static __u8 some_byte(void)
{
	return under(2) ? under(16) : some();
}

static unsigned int some_op(void)
{
	unsigned int all = 0, n;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		all += ops[i].odds;
	n = under(all);
	for (size_t i = 0; ; i++) {
		if (n < ops[i].odds)
			return i;
		n -= ops[i].odds;
	}
}

static __u64 some_number(void)
{
	switch (under(4)) {
	case 0:
		return 0;
	case 1:
		return under(16) | under(4) << 8;
	case 2:
		return under(16) | (some() & some());
	default:
		return some();
	}
}

/* One that is right more often than not, or no call would come far. */
static struct step some_step(void)
{
	struct step s = { .op = some_op() };

	if (!under(4))
		s.line = under(LINES);
	if (!under(6))
		s.how = under(8);
	if (!under(12))
		s.how |= HOW_AGAIN;
	if (!under(12))
		s.how |= (1 + under(15)) << 4;
	if (!under(20))
		s.fd = some();
	if (!under(12))
		s.mem = under(13);
	if (!under(12))
		s.size = some();
	if (under(3))
		s.a = some_byte();
	if (under(3))
		s.b = under(3) ? some_byte() : 128 + under(20);
	s.c = some_number();
	return s;
}

static void put_steps(struct program *p, unsigned int at,
		      const struct step *steps, unsigned int n)
{
	if (n > STEPS - p->steps)
		n = STEPS - p->steps;
	memmove(&p->step[at + n], &p->step[at], (p->steps - at) * sizeof(*steps));
	memcpy(&p->step[at], steps, n * sizeof(*steps));
	p->steps += n;
}

static void cut_steps(struct program *p, unsigned int at, unsigned int n)
{
	if (n > p->steps - at)
		n = p->steps - at;
	memmove(&p->step[at], &p->step[at + n],
		(p->steps - at - n) * sizeof(p->step[0]));
	p->steps -= n;
}

static void change_step(struct step *s)
{
	struct step other = some_step();

	switch (under(9)) {
	case 0:
		s->line = under(LINES);
		break;
	case 1:
		s->how = other.how ?: under(8);
		break;
	case 2:
		s->fd = under(4) ? 0 : some();
		break;
	case 3:
		s->mem = under(3) ? under(13) : 0;
		break;
	case 4:
		s->size = some();
		break;
	case 5:
		s->a = some_byte();
		break;
	case 6:
		s->b = under(2) ? some_byte() : 128 + under(20);
		break;
	case 7:
		s->c = some_number();
		break;
	case 8:
		s->c ^= 1ULL << under(64);
		break;
	}
}

static void mutate(struct program *p, const struct program *other)
{
	struct program copy;
	unsigned int at, n, from;

	for (unsigned int rounds = 1 + under(4); rounds; rounds--) {
		struct step s = some_step();

		at = p->steps ? under(p->steps) : 0;
		n = 1 + under(under(4) ? 3 : STEPS);
		switch (p->steps ? under(9) : 0) {
		case 0 ... 2:
			put_steps(p, at + !!p->steps * under(2), &s, 1);
			break;
		case 3:
			cut_steps(p, at, n);
			break;
		case 4:
			if (!other->steps)
				break;
			from = under(other->steps);
			if (n > other->steps - from)
				n = other->steps - from;
			put_steps(p, at, &other->step[from], n);
			break;
		case 5:
			/* Once more; perhaps by another thread. */
			copy = *p;
			if (n > p->steps - at)
				n = p->steps - at;
			put_steps(p, at, &copy.step[at], n);
			if (under(2))
				p->step[at].how = under(8);
			break;
		default:
			change_step(&p->step[at]);
			break;
		}
	}
}

/* ---- What is new ---- */

#define EDGES	(1U << 18)
#define POINTS	(1U << 14)

struct section {
	char name[48];
	unsigned long base;
};

static struct section sections[32];
static unsigned int nsections;
static __u8 edges[EDGES];
static unsigned long points[POINTS];
static unsigned int nedges, npoints;

static void find_sections(void)
{
	const char *folder = "/sys/module/n_crr/sections";
	DIR *dir = opendir(folder);
	char path[512], text[64] = "";
	struct dirent *entry;
	struct section *s;
	int fd;

	while (dir && (entry = readdir(dir)) && nsections < ARRAY_SIZE(sections)) {
		if (!strstr(entry->d_name, "text"))
			continue;
		s = &sections[nsections++];
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
			abort();
		close(fd);
		s->base = strtoul(text, NULL, 16);
		snprintf(s->name, sizeof(s->name), "%.47s", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static const struct section *section_of(unsigned long pc)
{
	const struct section *found = NULL;

	for (unsigned int i = 0; i < nsections; i++)
		if (sections[i].base <= pc &&
		    (!found || sections[i].base > found->base))
			found = &sections[i];
	return found;
}

static bool new_point(unsigned long pc)
{
	unsigned int i = pc * 2654435761U % POINTS;

	for (; points[i]; i = (i + 1) % POINTS)
		if (points[i] == pc)
			return false;
	points[i] = pc;
	npoints++;
	return true;
}

static void load_points(const char *name)
{
	FILE *file = fopen(name, "r");
	unsigned long offset;
	char section[48];

	while (file && fscanf(file, "%47s %lx", section, &offset) == 2)
		for (unsigned int i = 0; i < nsections; i++)
			if (!strcmp(sections[i].name, section))
				new_point(sections[i].base + offset);
	if (file)
		fclose(file);
}

/* What the threads have noted down of the last program: is any of it new? */
static bool reached(FILE *covered)
{
	bool any = false;

	for (int t = 0; t < THREADS; t++) {
		unsigned long n = kcov_area[t][0], last = 0;

		for (unsigned long i = 1; i <= n && i < COVER; i++) {
			unsigned long pc = kcov_area[t][i];
			unsigned int edge_bit = (pc ^ last << 5 ^ last >> 7) *
						2654435761U % EDGES;
			const struct section *s;

			last = pc;
			if (!edges[edge_bit]) {
				edges[edge_bit] = 1;
				nedges++;
				any = true;
			}
			if (!new_point(pc))
				continue;
			any = true;
			s = section_of(pc);
			if (s)
				fprintf(covered, "%s %lx\n", s->name, pc - s->base);
		}
		kcov_area[t][0] = 0;
	}
	fflush(covered);
	return any;
}

/* Has the kernel complained since the last look? As rig/complaints has it. */
static bool complains(int kmsg)
{
	static const char * const patterns[] = {
		"BUG:", "WARNING:", "Oops", "KASAN", "UBSAN", "possible recursive locking",
		"possible circular", "suspicious RCU usage", "ODEBUG:",
		"blocked for more than", "rcu: INFO", "general protection",
		"self-detected stall",
	};
	char text[8192];
	bool any = false;
	ssize_t n;

	for (;;) {
		n = read(kmsg, text, sizeof(text) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n <= 0)
			return any;
		text[n] = 0;
		for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
			any = any || strstr(text, patterns[i]);
	}
}

/* ---- The run ---- */

static struct program *corpus;
static unsigned int ncorpus;

static void keep(const struct program *program, const char *dir)
{
	char name[64];

	if (!(ncorpus & (ncorpus - 1)) || !corpus) {
		corpus = realloc(corpus, (ncorpus ? 2 * ncorpus : 1) * sizeof(*corpus));
		if (!corpus)
			abort();
	}
	corpus[ncorpus++] = *program;
	if (!dir)
		return;
	snprintf(name, sizeof(name), "corpus/%08x%08x",
		 crc32c(program->step, program->steps * sizeof(struct step)),
		 (unsigned int)some());
	save_as(dir, name, program);
}

struct run {
	const char *dir;
	FILE *covered;
	int executed;		/* the file */
	int kmsg;
	bool guided;
	unsigned long programs;
	long long begun;
};

/* False: something was found. */
static bool run_one(struct run *run, const struct program *program, bool *new)
{
	const char *fault;

	save(run->executed, program);
	fault = try(program);
	run->programs++;
	*new = run->guided && reached(run->covered);
	if (!fault && complains(run->kmsg))
		fault = "the kernel complained";
	if (!fault)
		return true;
	fprintf(stderr, "# found: %s, after\n", fault);
	print_program(stderr, program, true);
	save_as(run->dir, "found", program);
	return false;
}

static void tell(const struct run *run)
{
	printf("# %lld s: %lu programs, %u kept, %u points, %u edges\n",
	       (now_ms() - run->begun) / 1000, run->programs, ncorpus, npoints,
	       nedges);
	fflush(stdout);
}

/* What former runs have kept; what adds nothing any more is forgotten. */
static bool load_corpus(struct run *run)
{
	char path[600];
	struct program program;
	struct dirent *entry;
	size_t length;
	struct step *step;
	bool new, ok = true;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/corpus", run->dir);
	dir = opendir(path);
	while (dir && ok && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/corpus/%s", run->dir, entry->d_name);
		step = read_file(path, &length);
		if (!step)
			continue;
		decode(step, step + length / sizeof(*step), &program);
		free(step);
		ok = run_one(run, &program, &new);
		if (new || !run->guided)
			keep(&program, NULL);
		else
			unlink(path);
	}
	if (dir)
		closedir(dir);
	return ok;
}

static const struct program *some_program(void)
{
	/* One half of the time of the newest. */
	unsigned int newest = ncorpus < 50 ? ncorpus : 50;

	return &corpus[under(2) ? under(ncorpus) : ncorpus - 1 - under(newest)];
}

static FILE *open_covered(const char *dir)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/covered", dir);
	load_points(path);
	file = fopen(path, "a");
	if (!file) {
		perror(path);
		exit(2);
	}
	return file;
}

static bool run_long(struct run *run, long seconds)
{
	long long told = now_ms();
	struct program program;
	bool new;

	for (unsigned int i = 0; i < ARRAY_SIZE(seeds); i++) {
		get_seed(i, &program);
		if (!run_one(run, &program, &new))
			return false;
		keep(&program, NULL);
	}
	if (!load_corpus(run))
		return false;
	while (now_ms() - run->begun < seconds * 1000) {
		program = *some_program();
		if (!under(20))
			program.steps = 0;
		for (unsigned int more = program.steps ? 1 : 8; more; more--)
			mutate(&program, some_program());
		if (!run_one(run, &program, &new))
			return false;
		if (new)
			keep(&program, run->dir);
		if (now_ms() - told > 30000) {
			told = now_ms();
			tell(run);
		}
	}
	return true;
}

static int run_for(long seconds, const char *dir)
{
	struct run run = { .dir = dir, .begun = now_ms() };
	char path[512];
	FILE *runs;
	bool ok;

	prepare();
	find_sections();
	snprintf(path, sizeof(path), "%s/corpus", dir);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/executed", dir);
	run.executed = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	run.kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (run.executed < 0 || run.kmsg < 0) {
		perror(path);
		return 2;
	}
	lseek(run.kmsg, 0, SEEK_END);
	run.covered = open_covered(dir);
	run.guided = open_coverage();
	if (!run.guided)
		printf("# no coverage in this kernel: nothing guides what is tried\n");
	if (!inject)
		printf("# no faults are injected in this kernel\n");
	getrandom(&chances, sizeof(chances), 0);
	ok = run_long(&run, seconds);
	tell(&run);
	snprintf(path, sizeof(path), "%s/runs", dir);
	runs = fopen(path, "a");
	if (runs) {
		fprintf(runs, "%lld %lu %u\n", (now_ms() - run.begun) / 1000,
			run.programs, ncorpus);
		fclose(runs);
	}
	return !ok;
}

/* ---- The selftest ---- */

static long users(void)
{
	FILE *file = fopen("/sys/module/n_crr/refcnt", "r");
	long n = 0;

	if (file && fscanf(file, "%ld", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

FIXTURE(fuzz) {
	long users;
};

FIXTURE_SETUP(fuzz)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
	prepare();
	inject = false;
	self->users = users();
}

FIXTURE_TEARDOWN(fuzz)
{
	if (worker.pid)
		dismiss();
	/* Nobody holds the module who has gone. */
	EXPECT_TRUE(eventually(users() == self->users));
}

/* What the others begin with is done, and by nobody refused. */
TEST_F_TIMEOUT(fuzz, seeds, 300)
{
	struct program program;

	/* However slow the machine is. */
	settle_ms = PATIENCE_MS;
	tick_ms = 900;
	for (unsigned int i = 0; i < ARRAY_SIZE(seeds); i++) {
		bool good = true;

		if (user_mode_linux() && strstr(seeds[i], "iosetup"))
			continue;
		get_seed(i, &program);
		EXPECT_STREQ("", try(&program) ?: "");
		for (unsigned int j = 0; j < program.steps; j++)
			good = good && shared->step[j].done &&
			       shared->step[j].result >= 0;
		EXPECT_TRUE(good) {
			fprintf(stderr, "# seed %u\n", i);
			print_program(stderr, &program, true);
		}
	}
}

/* Two seconds of others, the same at each time. */
TEST_F_TIMEOUT(fuzz, changed, 300)
{
	long long until = now_ms() + 2000;
	struct program program, other;

	chances.state = 1;
	do {
		get_seed(under(ARRAY_SIZE(seeds)), &program);
		get_seed(under(ARRAY_SIZE(seeds)), &other);
		mutate(&program, &other);
		mutate(&program, &other);
		EXPECT_STREQ("", try(&program) ?: "") {
			print_program(stderr, &program, true);
		}
	} while (now_ms() < until);
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (argc == 4 && !strcmp(command, "run"))
		return run_for(strtol(argv[2], NULL, 0), argv[3]);
	if (argc == 3 && !strcmp(command, "list"))
		return each(argv[2], NULL, list);
	if (argc >= 3 && !strcmp(command, "replay")) {
		prepare();
		return each(argv[2], argv[3], replay_one);
	}
	return test_harness_run(argc, argv);
}
