// SPDX-License-Identifier: GPL-2.0-only
/*
 * A generator of emulators. From a seed it makes a program that behaves like
 * an emulator within crr's contract, records it against a peer that does as it
 * pleases, and replays it: every call must have the same result again. Then it
 * is replayed with one change, and must be found out there and nowhere else.
 *
 * CRR_SEEDS=a-b: which ones; CRR_SEEDS=a: one alone; or several such, with
 * commas between. CRR_VERBOSE=1 prints the log of each that fails. CRR_PRELOAD_SO:
 * path of crr-preload.so, whose waits the programs use, too.
 *
 * What a program does depends on its seed and on what it has read, and on
 * nothing else. It keeps a transcript of its calls. Of those whose result has
 * to do with when the device delivered, and which are no part of the contract
 * (a look at the line that found nothing, say), the transcript has none.
 */
#include <dlfcn.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define LINES		4
#define BYTES		5000		/* more than one read(2) delivers */
/* What is tried in any run: some, and those that once found something. */
#define SEEDS		"1-150,705,1118,1347,2005,15746"
#define SECONDS_A_SEED	180		/* then it hangs */

/* ---- Chance ---- */

/* Mostly little, sometimes much, and the sizes at which something changes. */
static size_t some_size(struct rng *rng)
{
	static const size_t edges[] = {
		1, 2, 63, 64, 65, 128, 2047, 2048, 2049, 4095, 4096, 4097, BYTES
	};

	switch (below(rng, 8)) {
	case 0:
		return edges[below(rng, ARRAY_SIZE(edges))];
	case 1:
		return 1 + below(rng, BYTES);
	case 2:
	case 3:
		return 1 + below(rng, 300);
	default:
		return 1 + below(rng, 20);
	}
}

/* ---- What a seed says ---- */

struct plan {
	__u64 seed;
	unsigned int lines;
	unsigned int steps;
	enum {
		NO_COUNTER,
		TTY_COUNTER,	/* by ioctl on the first tty */
		CLOCK_COUNTER,	/* by ioctl on the clock fd */
		PAGE_COUNTER,	/* by a store into the clock's page */
	} counter;
	enum {
		FREE,
		ASKED,		/* gated: the I/O thread reads when told to */
		POLLING,	/* gated: it sleeps in poll(2) */
		READING,	/* gated: it sleeps in read(2) */
	} threads;
	struct {
		bool canonical;
		bool echo;
		bool blocks;
		int vmin;
	} line[LINES];
	bool hangups;
	__u32 record_flags;
	__u32 replay_flags;
	__u64 record_buffer;
	__u64 replay_buffer;
};

static struct plan make_plan(__u64 seed)
{
	struct rng rng = { seed };
	struct plan plan = {
		.seed = seed,
		.lines = chance(&rng, 50) ? 1 : 1 + below(&rng, LINES),
		.steps = 20 + below(&rng, chance(&rng, 10) ? 600 : 120),
		.counter = below(&rng, 10),
		.threads = chance(&rng, 60) ? FREE : 1 + below(&rng, 3),
		.record_buffer = chance(&rng, 50) ? CRR_BUFFER_MIN : 0,
		.replay_buffer = chance(&rng, 50) ? CRR_BUFFER_MIN : 0,
	};

	/* A program without a counter is the exception. */
	if (plan.counter > PAGE_COUNTER)
		plan.counter = TTY_COUNTER + plan.counter % 3;
	if (plan.threads != FREE && plan.counter == NO_COUNTER)
		plan.counter = PAGE_COUNTER;
	if (plan.threads == READING)
		plan.lines = 1;
	for (unsigned int i = 0; i < plan.lines; i++) {
		plan.line[i].canonical = chance(&rng, 20);
		plan.line[i].echo = chance(&rng, 30);
		plan.line[i].vmin = chance(&rng, 70) ? 1 : below(&rng, 4);
		plan.line[i].blocks = plan.threads == FREE && chance(&rng, 30);
	}
	if (plan.threads == READING) {
		plan.line[0].blocks = true;
		plan.line[0].vmin = 1;
	}
	plan.hangups = plan.threads <= ASKED &&
		       plan.counter >= CLOCK_COUNTER && chance(&rng, 25);
	if (chance(&rng, 70))
		plan.record_flags |= CRR_RECORD_CAPTURE;
	if (chance(&rng, 20))
		plan.record_flags |= CRR_RECORD_BLOCK;
	if (chance(&rng, 20))
		plan.replay_flags |= CRR_REPLAY_MUTE;
	if (plan.threads != FREE) {
		plan.record_flags |= CRR_RECORD_GATED;
		plan.replay_flags |= CRR_REPLAY_GATED;
	}
	return plan;
}

/* ---- Transcripts ---- */

enum deed {
	READ,		/* asked: room */
	WRITE,		/* asked: bytes offered */
	READABLE,	/* poll(2): is there something to be read? */
	WRITABLE,	/* poll(2): would a write be taken? */
	INQ,		/* FIONREAD */
	WAIT,		/* as by crr-preload.so; asked: how */
	OUTQ,		/* TIOCOUTQ */
	MODEM,		/* CRR_IOC_MODEM */
	MARK,		/* CRR_IOC_MARK */
	VALUE,		/* CRR_IOC_VALUE */
	BEGIN,		/* asked: max_bytes */
	END,		/* result: bytes consumed */
};

static const char * const names[] = {
	[READ] = "read", [WRITE] = "write", [READABLE] = "poll for input",
	[WRITABLE] = "poll for output", [INQ] = "FIONREAD", [WAIT] = "wait",
	[OUTQ] = "TIOCOUTQ", [MODEM] = "modem", [MARK] = "mark",
	[VALUE] = "value", [BEGIN] = "checkpoint begin",
	[END] = "checkpoint end",
};

struct act {
	enum deed what;
	unsigned int line;
	__u64 counter;
	size_t asked;
	bool look;		/* read: the line said that there was something */
	long result;
	size_t at;		/* its bytes, in those of the transcript */
	size_t length;
	/* As match() has found them in the log. */
	__u64 sequence;		/* of its first record, or CRR_NO_SEQUENCE */
};

struct transcript {
	struct act *call;
	size_t calls;
	__u8 *bytes;
	size_t length;
};

static void *grown(void *old, size_t count, size_t more, size_t size)
{
	/* By doubling, whenever a power of two is crossed. */
	size_t room = 1024;

	while (room < count + more)
		room *= 2;
	old = realloc(old, room * size);
	if (!old)
		abort();
	return old;
}

static void transcript_add(struct transcript *t, struct act call,
			   const void *bytes)
{
	t->call = grown(t->call, t->calls, 1, sizeof(call));
	t->bytes = grown(t->bytes, t->length, call.length, 1);
	call.at = t->length;
	call.sequence = CRR_NO_SEQUENCE;
	memcpy(t->bytes + t->length, bytes, call.length);
	t->length += call.length;
	t->call[t->calls++] = call;
}

static void transcript_free(struct transcript *t)
{
	free(t->call);
	free(t->bytes);
	*t = (struct transcript){};
}

static bool same_call(const struct transcript *a, const struct transcript *b,
		      size_t i)
{
	const struct act *x = &a->call[i], *y = &b->call[i];

	return x->what == y->what && x->line == y->line &&
	       x->counter == y->counter && x->asked == y->asked &&
	       x->result == y->result && x->length == y->length &&
	       !memcmp(a->bytes + x->at, b->bytes + y->at, x->length);
}

/* ---- Emulators ---- */

/* What one run does otherwise than the recorded one, and what comes of it. */
struct change {
	enum {
		BYTE,		/* a byte of a write is another one */
		COUNTER,	/* the counter is one more, from this call on */
		MORE,		/* a write more, before this call */
		LESS,		/* this call is left out */
		CHANGES,
	} how;
	size_t at;		/* which call */
	size_t byte;		/* BYTE: which one */
	/* The call at which it must be found out; there may be none left. */
	size_t found;
	unsigned int stream;
	__u64 sequence;
	bool later;		/* the record need not have been fed by then */
	unsigned int kinds;	/* 1 << enum crr_divergence_kind, or several */
	__u64 position;		/* BYTE: of the byte, in all that was written */
};

static const char * const changes[] = {
	[BYTE] = "another byte", [COUNTER] = "another counter",
	[MORE] = "a write more", [LESS] = "a call less",
};

struct emulator {
	const struct plan *plan;
	struct line line[LINES];
	int session;
	bool gone[LINES];	/* hung up, and noticed; or left */
	struct rng rng;		/* the program's own */
	struct rng noise;	/* what happens to go on in the machine */
	bool live;		/* recording */
	__u64 counter;
	__u64 rx_seq;
	struct transcript made;
	const struct transcript *before;	/* replays: what was recorded */
	const struct change *change;
	atomic_bool over;	/* a call was refused: the run has ended */
	atomic_bool faulty;
	char fault[256];	/* what was wrong first */

	/* The I/O thread of gated emulators. lock: what it shares with us */
	pthread_t io;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool asked;		/* it is to read until nothing is left */
	bool quits;
	bool gone_io;		/* it has gone */
	__u64 dealt;		/* bytes that it has read */
	__u64 consumed;		/* bytes that checkpoints have told of */
	int quit[2];		/* a pipe: wakes it from poll(2) */
};

static void __attribute__((format(printf, 2, 3)))
fault(struct emulator *e, const char *format, ...)
{
	va_list args;

	atomic_store(&e->over, true);
	if (atomic_exchange(&e->faulty, true))
		return;
	va_start(args, format);
	vsnprintf(e->fault, sizeof(e->fault), format, args);
	va_end(args);
}

/* In a live run, other things happen in between. */
static void idle(struct emulator *e)
{
	if (e->live && chance(&e->noise, 20))
		usleep(below(&e->noise, 200));
	else if (e->live && chance(&e->noise, 20))
		sched_yield();
}

static void tick(struct emulator *e, __u64 more)
{
	int ret = 0;

	if (e->plan->counter == NO_COUNTER)
		return;
	e->counter += more;
	switch (e->plan->counter) {
	case TTY_COUNTER:
		ret = count(e->line[0].tty, e->counter);
		break;
	case CLOCK_COUNTER:
		ret = count(e->line[0].clock, e->counter);
		break;
	default:
		put(*e->line[0].counter, e->counter);
		break;
	}
	if (ret)
		fault(e, "counter %llu: %s", (unsigned long long)e->counter,
		      strerror(-ret));
}

static bool refused(long result)
{
	return result == -ENOTRECOVERABLE || result == -ENODATA ||
	       result == -ERANGE || result == -EPROTO;
}

/*
 * What poll(2) says, and not what it guesses in a replay where the feeder is
 * behind.
 */
static short known(struct emulator *e, int tty, short events)
{
	__u64 guesses;
	short found;

	do {
		guesses = status(e->session).guesses;
		found = polled(tty, events);
	} while (status(e->session).guesses != guesses);
	return found;
}

/* The system call itself. */
/* From outside, so not from the emulator's own random numbers. */
static long some_value(int tty)
{
	struct crr_value value = { .kind = 3 };
	struct timespec now;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &now);
	value.value = now.tv_nsec;
	ret = renew(tty, &value);
	return ret ?: (long)value.value;
}

/* ---- What crr-preload.so makes of a wait ---- */

static struct {
	int (*poll)(struct pollfd *fds, nfds_t n, int ms);
	int (*select)(int n, fd_set *in, fd_set *out, fd_set *except,
		      struct timeval *timeout);
	int (*epoll_ctl)(int epoll, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(int epoll, struct epoll_event *events, int n, int ms);
	int (*close)(int fd);
	unsigned long long waits, ready;
} preload;

/* It takes the environment's word for it that there are lines, and replays. */
static void load_preload(void)
{
	const char *path = getenv("CRR_PRELOAD_SO");
	char number[16];
	void *library;

	if (!path || preload.poll)
		return;
	snprintf(number, sizeof(number), "%d", crr_discipline());
	setenv("CRR_PRELOAD", number, 1);
	setenv("CRR_PRELOAD_REPLAY", "1", 1);
	/* What it calls of its own is to be its own, as with LD_PRELOAD. */
	library = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
	if (!library)
		return;
	preload.select = dlsym(library, "select");
	preload.epoll_ctl = dlsym(library, "epoll_ctl");
	preload.epoll_wait = dlsym(library, "epoll_wait");
	preload.close = dlsym(library, "close");
	preload.poll = dlsym(library, "poll");
}

static int wait_by_epoll(int tty, int ms)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int ret = preload.epoll_ctl(epoll, EPOLL_CTL_ADD, tty, &event);

	if (!ret)
		ret = sys(preload.epoll_wait(epoll, &event, 1, ms));
	preload.close(epoll);
	return ret;
}

/* Whether there is input; for a millisecond at most, if @how is odd. */
static long wait_for_input(int tty, size_t how)
{
	struct timeval timeout = { .tv_usec = how & 1 ? 1000 : 0 };
	struct pollfd fd = { .fd = tty, .events = POLLIN };
	fd_set in;
	long ret;

	if (!preload.poll)
		return !!arrived(tty);
	switch (how / 2) {
	case 0:
		FD_ZERO(&in);
		FD_SET(tty, &in);
		ret = sys(preload.select(tty + 1, &in, NULL, NULL, &timeout));
		break;
	case 1:
		ret = wait_by_epoll(tty, how & 1);
		break;
	default:
		/* For output as well it is another way through. */
		if (how / 2 == 2)
			fd.events |= POLLOUT;
		ret = sys(preload.poll(&fd, 1, how & 1));
		if (ret > 0)
			ret = !!(fd.revents & ~POLLOUT);
		break;
	}
	preload.waits++;
	preload.ready += ret > 0;
	return ret;
}

static long perform(struct emulator *e, const struct act *call, void *buf)
{
	int tty = e->line[call->line].tty;
	short events;

	switch (call->what) {
	case READ:
		return sys(read(tty, buf, call->asked));
	case WRITE:
		return sys(write(tty, buf, call->asked));
	case READABLE:
		events = known(e, tty, POLLIN);
		return events & POLLERR && !(events & POLLHUP) ?
		       -ENOTRECOVERABLE : !!(events & (POLLIN | POLLHUP));
	case WRITABLE:
		events = known(e, tty, POLLOUT);
		return events & POLLERR && !(events & POLLHUP) ?
		       -ENOTRECOVERABLE : !!(events & (POLLOUT | POLLHUP));
	case INQ:
		return arrived(tty);
	case WAIT:
		return wait_for_input(tty, call->asked);
	case OUTQ:
		return unsent(tty);
	case MODEM:
		return modem(tty, NULL);
	case MARK:
		return mark(tty, "mark");
	case VALUE:
		return some_value(tty);
	case BEGIN:
		return begin_checkpoint(e->line[0].tty, e->counter,
					call->asked);
	default:
		break;
	}
	return -EINVAL;
}

static void write_more(struct emulator *e, const struct change *change)
{
	char bytes[] = "more";

	write(e->line[change->stream].tty, bytes, sizeof(bytes) - 1);
}

/*
 * The call before which nothing may have been found out, and after which it
 * must have been.
 */
static void judge_change(struct emulator *e, size_t i, bool after)
{
	const struct change *change = e->change;
	unsigned int state;

	if (!change || i != change->found)
		return;
	state = status(e->session).state;
	if (!after && state != CRR_STATE_REPLAYING)
		fault(e, "found out too early: state %u before call %zu",
		      state, i);
	else if (after && state != CRR_STATE_DIVERGED)
		fault(e, "not found out: state %u after call %zu", state, i);
	else if (after)
		atomic_store(&e->over, true);
}

/* Note a call down, and compare it with what it was in the recorded run. */
static void note(struct emulator *e, struct act is, const void *bytes)
{
	const struct change *change = e->change;
	const struct act *was;
	size_t i = e->made.calls;

	transcript_add(&e->made, is, bytes);
	if (!e->before ||
	    (change && (e->over || i >= change->found || i == change->at)))
		return;
	if (i >= e->before->calls) {
		fault(e, "call %zu, %s on line %u, is one too many", i,
		      names[is.what], is.line);
		return;
	}
	if (same_call(&e->made, e->before, i))
		return;
	was = &e->before->call[i];
	fault(e,
	      "call %zu: %s on line %u at %llu, asked %zu, result %ld; recorded: %s on line %u at %llu, asked %zu, result %ld",
	      i, names[is.what], is.line, (unsigned long long)is.counter,
	      is.asked, is.result, names[was->what], was->line,
	      (unsigned long long)was->counter, was->asked, was->result);
}

/*
 * A call of the program's, noted down. Looks that find nothing are not noted if
 * it is the line that decided to look.
 */
static long do_call(struct emulator *e, enum deed what, unsigned int line,
		    size_t asked, __u8 *buf, bool look)
{
	struct act call = {
		.what = what, .line = line, .asked = asked, .look = look,
	};
	const struct change *change = e->change;
	const struct act *was;
	size_t i = e->made.calls;
	bool changed = change && change->at == i && !look && !e->over;

	idle(e);
	if (changed && change->how == COUNTER)
		tick(e, 1);
	if (!look)
		judge_change(e, i, false);
	if (changed && change->how == MORE)
		write_more(e, change);
	if (changed && change->how == BYTE)
		buf[change->byte] ^= 0x20;
	/* A reader whom this call wakes is to find it noted. */
	if (what != READ)
		pthread_mutex_lock(&e->lock);
	if (changed && change->how == LESS) {
		was = &e->before->call[i];
		call.result = was->result;
		if (what == READ && was->length)
			memcpy(buf, e->before->bytes + was->at, was->length);
	} else {
		call.result = perform(e, &call, buf);
	}
	if (refused(call.result))
		atomic_store(&e->over, true);
	if (what == READ)
		pthread_mutex_lock(&e->lock);
	/* Which stands, but for readers that slept until it did. */
	call.counter = e->counter;
	if (look && call.result <= 0 && !e->over)
		goto unlock;

	if (what == WRITE)
		call.length = asked;
	else if (what == READ && call.result > 0)
		call.length = call.result;
	note(e, call, buf);
	if (what == READ && call.result > 0) {
		/* What it does next depends on what it has read. */
		e->rng.state ^= crc32c(buf, call.length);
		e->dealt += call.result;
	}
unlock:
	pthread_mutex_unlock(&e->lock);
	if (!look)
		judge_change(e, i, true);
	return call.result;
}

/*
 * With a clock, that a line has been hung up is told by the emulator, which
 * sees it by a read of nothing or by EIO.
 */
static void notice_hangup(struct emulator *e, unsigned int line, long result)
{
	if (!e->plan->hangups || (result && result != -EIO) || e->over)
		return;
	if (count(e->line[0].clock, e->counter))
		fault(e, "counter refused at a hangup");
	if (result == -EIO || (!e->plan->line[line].canonical &&
			       e->plan->line[line].vmin))
		e->gone[line] = true;
}

static long do_read(struct emulator *e, unsigned int line, bool look)
{
	__u8 buf[BYTES], *room = buf;
	/* How often it looks in vain must not matter to what it does. */
	struct rng looks = { e->plan->seed ^ e->dealt << 20 };
	struct rng *rng = look ? &looks : &e->rng;
	size_t size = some_size(rng);
	bool hole = !look && chance(rng, 2);
	long n;

	if (hole)
		/* Room for half of it, and then none at all. */
		room = before_hole(size / 2);
	n = do_call(e, READ, line, size, room, look);
	notice_hangup(e, line, n);
	return n;
}

/* The answer matters to what it does next. */
static void do_ask(struct emulator *e, unsigned int line, enum deed what)
{
	__u8 none[1];
	long answer = do_call(e, what, line, 0, none, false);

	/* After a hangup it is the tty core that answers. */
	notice_hangup(e, line, answer ?: -EAGAIN);
	e->rng.state ^= answer;
}

static void do_wait(struct emulator *e, unsigned int line)
{
	__u8 none[1];

	e->rng.state ^= do_call(e, WAIT, line, below(&e->rng, 8), none, false);
}

static void do_write(struct emulator *e, unsigned int line)
{
	__u8 buf[BYTES];
	size_t size = some_size(&e->rng);

	for (size_t i = 0; i < size; i++)
		buf[i] = draw(&e->rng);
	notice_hangup(e, line, do_call(e, WRITE, line, size, buf, false));
}

/* What follows a poll(2) belongs to it; the next one is at another time. */
static void poll_and_read(struct emulator *e)
{
	__u8 none[1];

	tick(e, 1 + below(&e->rng, 50));
	for (unsigned int i = 0; i < e->plan->lines && !e->over; i++) {
		if (e->gone[i])
			continue;
		if (do_call(e, READABLE, i, 0, none, false) == 1)
			do_read(e, i, false);
	}
	tick(e, 1);
}

static void poll_and_write(struct emulator *e, unsigned int line)
{
	__u8 none[1];

	tick(e, 1 + below(&e->rng, 50));
	/* As often as it takes: how often is for the device to say. */
	while (!e->over && !do_call(e, WRITABLE, line, 0, none, true))
		sched_yield();
	if (!e->over)
		do_write(e, line);
	tick(e, 1);
}

/* The loop by contract: look at the lines when the clock says so. */
static void run_by_clock(struct emulator *e)
{
	unsigned int rounds = below(&e->rng, 40);
	unsigned int most = 1 + below(&e->rng, 1000);

	for (unsigned int n = 0; n < rounds && !e->over; n++) {
		__u64 rx_seq = look(e->line[0].state->rx_seq);

		tick(e, 1 + n % most);
		idle(e);
		if (rx_seq == e->rx_seq &&
		    look(e->line[0].state->next_due) > e->counter)
			continue;
		e->rx_seq = rx_seq;
		for (unsigned int i = 0; i < e->plan->lines; i++)
			while (!e->gone[i] && !e->over &&
			       !e->plan->line[i].blocks &&
			       do_read(e, i, true) > 0)
				;
	}
	tick(e, 1);
}

static void set_mode(struct emulator *e, unsigned int line)
{
	int tty = e->line[line].tty;
	struct termios termios;

	if (tcgetattr(tty, &termios))
		return;
	cfmakeraw(&termios);
	termios.c_cc[VMIN] = e->plan->line[line].vmin;
	termios.c_cc[VTIME] = 0;
	if (e->plan->line[line].canonical) {
		termios.c_lflag |= ICANON;
		termios.c_iflag |= ICRNL;
		termios.c_oflag |= OPOST | ONLCR;
		termios.c_cc[VEOF] = 4;
	}
	if (e->plan->line[line].echo)
		termios.c_lflag |= ECHO;
	tcsetattr(tty, TCSANOW, &termios);
}

/* It closes a line for good, and goes on with the others. */
static void leave(struct emulator *e, unsigned int line)
{
	e->gone[line] = true;
	detach(e->line[line].tty);
}

static unsigned int some_line(struct emulator *e)
{
	return below(&e->rng, e->plan->lines);
}

static void run_free(struct emulator *e)
{
	for (unsigned int n = 0; n < e->plan->steps && !e->over; n++) {
		unsigned int action = below(&e->rng, 100);
		unsigned int line = some_line(e);

		if (e->gone[line])
			continue;
		if (action < 25)
			do_read(e, line, false);
		else if (action < 30 && !e->plan->line[line].blocks)
			do_ask(e, line, INQ);
		else if (action < 33)
			do_ask(e, line, OUTQ);
		else if (action < 35)
			do_ask(e, line, MARK);
		else if (action < 55)
			do_write(e, line);
		else if (action < 65)
			tick(e, below(&e->rng, 1000));
		else if (action < 75 && e->plan->counter)
			poll_and_read(e);
		else if (action < 80 && e->plan->counter)
			poll_and_write(e, line);
		else if (action < 88 && e->plan->counter == PAGE_COUNTER)
			run_by_clock(e);
		else if (action < 89)
			tcflush(e->line[line].tty, TCIFLUSH);
		else if (action == 89)
			do_ask(e, line, MODEM);
		else if (action < 97 && action > 92 && !e->plan->hangups &&
			 !e->plan->line[line].blocks)
			do_wait(e, line);
		else if (action < 92)
			do_ask(e, line, VALUE);
		else if (action == 92 && line)
			leave(e, line);
		else
			tick(e, below(&e->rng, 3));
	}
}

/* ---- Gated emulators: one thread computes, one does the input ---- */

/* Read all lines until none has anything more. Returns whether there was. */
static bool read_all_lines(struct emulator *e)
{
	bool any = false;

	for (unsigned int i = 0; i < e->plan->lines && !e->over; i++)
		while (!e->gone[i] && !e->over && do_read(e, i, true) > 0)
			any = true;
	return any;
}

static void io_when_asked(struct emulator *e)
{
	pthread_mutex_lock(&e->lock);
	while (!e->quits) {
		if (!e->asked) {
			pthread_cond_wait(&e->cond, &e->lock);
			continue;
		}
		pthread_mutex_unlock(&e->lock);
		/* Live, there is no telling how long it goes on. */
		while (read_all_lines(e) && !(e->live && chance(&e->noise, 20)))
			;
		pthread_mutex_lock(&e->lock);
		e->asked = false;
		pthread_cond_broadcast(&e->cond);
	}
	pthread_mutex_unlock(&e->lock);
}

static void io_by_poll(struct emulator *e)
{
	struct pollfd pollfds[LINES + 1];
	unsigned int i;

	for (;;) {
		for (i = 0; i < e->plan->lines; i++)
			pollfds[i] = (struct pollfd){
				.fd = e->gone[i] ? -1 : e->line[i].tty,
				.events = POLLIN,
			};
		pollfds[i] = (struct pollfd){ .fd = e->quit[0], .events = POLLIN };
		if (poll(pollfds, e->plan->lines + 1, -1) < 0 && errno != EINTR)
			fault(e, "poll: %s", strerror(errno));
		if (pollfds[i].revents || e->over)
			return;
		for (i = 0; i < e->plan->lines; i++)
			if (pollfds[i].revents && !e->over)
				do_read(e, i, true);
	}
}

static void io_by_read(struct emulator *e)
{
	while (!e->quits && !e->over)
		do_read(e, 0, true);
}

static void *run_io(void *arg)
{
	struct emulator *e = arg;

	if (e->plan->threads == ASKED)
		io_when_asked(e);
	else if (e->plan->threads == POLLING)
		io_by_poll(e);
	else
		io_by_read(e);
	pthread_mutex_lock(&e->lock);
	e->gone_io = true;
	pthread_cond_broadcast(&e->cond);
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

/*
 * Is there something that the I/O thread has not taken yet? While it takes from
 * one line, another one's turn may come in replay, which has been asked already.
 */
static bool input_is_left(struct emulator *e)
{
	__u64 records = status(e->session).records;

	for (unsigned int i = 0; i < e->plan->lines; i++)
		if (!e->gone[i] && known(e, e->line[i].tty, POLLIN))
			return true;
	return status(e->session).records != records;
}

/* Wait until the I/O thread has nothing more to do at this counter. */
static void let_read(struct emulator *e)
{
	if (e->plan->threads != ASKED) {
		while (!e->over && input_is_left(e) &&
		       !(e->live && chance(&e->noise, 20)))
			sched_yield();
		return;
	}
	pthread_mutex_lock(&e->lock);
	e->asked = true;
	pthread_cond_broadcast(&e->cond);
	while (e->asked && !e->gone_io)
		pthread_cond_wait(&e->cond, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

/* ... and until it has dealt with all that was taken. */
static bool has_dealt(struct emulator *e)
{
	bool has;

	pthread_mutex_lock(&e->lock);
	has = e->dealt >= e->consumed;
	pthread_mutex_unlock(&e->lock);
	return has;
}

static void checkpoint(struct emulator *e)
{
	static const __u32 sizes[] = { 0, 0, 1, 5, 64, 100, 3000 };
	__u32 max_bytes = sizes[below(&e->rng, ARRAY_SIZE(sizes))];
	__u8 none[1];
	long n;

	if (do_call(e, BEGIN, 0, max_bytes, none, false) || e->over)
		return;
	let_read(e);
	if (e->over)
		return;
	/* Noted when all reads are: one may return later than this does. */
	n = end_checkpoint(e->line[0].tty);
	if (n < 0) {
		if (!e->change)
			fault(e, "end of checkpoint at %llu: %s",
			      (unsigned long long)e->counter, strerror(-n));
		return;
	}
	e->consumed += n;
	if (max_bytes && n > max_bytes)
		fault(e, "%ld bytes in a checkpoint of %u", n, max_bytes);
	if (!eventually(has_dealt(e) || e->over))
		fault(e, "consumed %llu bytes, and dealt with %llu",
		      (unsigned long long)e->consumed,
		      (unsigned long long)e->dealt);
	if (!e->over && e->dealt != e->consumed)
		fault(e, "dealt with %llu bytes, and consumed %llu",
		      (unsigned long long)e->dealt,
		      (unsigned long long)e->consumed);
	pthread_mutex_lock(&e->lock);
	note(e, (struct act){ .what = END, .counter = e->counter,
			       .result = n }, none);
	pthread_mutex_unlock(&e->lock);
}

static void run_gated(struct emulator *e)
{
	if (pipe(e->quit) || pthread_create(&e->io, NULL, run_io, e))
		abort();
	for (unsigned int n = 0; n < e->plan->steps && !e->over; n++) {
		unsigned int action = below(&e->rng, 100);
		unsigned int line = some_line(e);

		tick(e, 1 + below(&e->rng, action % 5 ? 20 : 2000));
		if (action < 40)
			checkpoint(e);
		else if (action < 65 && !e->gone[line])
			do_write(e, line);
		else if (action < 70 && !e->gone[line])
			do_ask(e, line, OUTQ + action % 4);
		else if (action == 70 && line && e->plan->threads == ASKED)
			leave(e, line);
		else
			idle(e);
	}
	pthread_mutex_lock(&e->lock);
	e->quits = true;
	pthread_cond_broadcast(&e->cond);
	pthread_mutex_unlock(&e->lock);
	write(e->quit[1], "", 1);
	/* Once may be too early: it may be on its way into the call. */
	while (pthread_tryjoin_np(e->io, NULL)) {
		pthread_kill(e->io, SIGUSR1);
		breathe();
	}
	close(e->quit[0]);
	close(e->quit[1]);
}

/* ---- The peer, and who drains or feeds ---- */

struct helper {
	struct emulator *e;
	struct rng rng;
	struct log *log;
	atomic_bool stop;
	pthread_t thread;
	int result;
};

static void peer_sends(struct emulator *e, struct rng *rng, unsigned int i)
{
	__u8 bytes[600];
	size_t n = 1 + below(rng, chance(rng, 20) ? sizeof(bytes) : 16);

	pattern(bytes, n, draw(rng) % 100000);
	if (e->plan->line[i].canonical) {
		if (chance(rng, 60))
			bytes[n - 1] = '\n';
		else if (chance(rng, 20))
			bytes[n - 1] = 4;
	}
	write(e->line[i].peer, bytes, n);
}

static void *run_peer(void *arg)
{
	struct helper *peer = arg;
	struct emulator *e = peer->e;
	struct rng *rng = &peer->rng;
	bool closed[LINES] = { false };

	while (!peer->stop) {
		unsigned int i = below(rng, e->plan->lines);

		if (closed[i]) {
			breathe();
			continue;
		}
		switch (below(rng, 10)) {
		case 0:
		case 1:
		case 2:
		case 3:
			peer_sends(e, rng, i);
			break;
		case 4:
		case 5:
		case 6:
			swallow(e->line[i].peer);
			break;
		case 7:
			/* Checkpoints are made through the first line. */
			if (e->plan->hangups && chance(rng, 3) &&
			    (i || e->plan->threads == FREE)) {
				close_fd(&e->line[i].peer);
				closed[i] = true;
			}
			break;
		}
		usleep(below(rng, 300));
	}
	return NULL;
}

/* Read the recording, up to its end, and not too diligently. */
static void *run_drain(void *arg)
{
	struct helper *drain = arg;
	static const size_t size = 64 << 10;
	__u8 *buf = malloc(size);

	for (;;) {
		ssize_t n = read(drain->e->session, buf, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			drain->result = sys(n);
			break;
		}
		log_append(drain->log, buf, n);
		if (chance(&drain->rng, 10))
			usleep(below(&drain->rng, 2000));
	}
	free(buf);
	return NULL;
}

/* Feed the log, one record or many at a time. */
static void *run_feed(void *arg)
{
	struct helper *feed = arg;
	const struct log *log = feed->log;
	struct record rec = {};
	size_t done = 0;

	while (done < log->length) {
		size_t length = log->length - done;
		ssize_t n;

		if (chance(&feed->rng, 50)) {
			rec.at = done;
			rec.size = 0;
			log_next(log, &rec);
			length = rec.size;
		}
		n = write(feed->e->session, log->bytes + done, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			feed->result = -errno;
			break;
		}
		done += n;
		if (chance(&feed->rng, 5))
			usleep(below(&feed->rng, 500));
	}
	return NULL;
}

static void start_helper(struct helper *helper, struct emulator *e,
			 void *(*run)(void *), __u64 seed, struct log *log)
{
	*helper = (struct helper){ .e = e, .rng = { seed }, .log = log };
	if (pthread_create(&helper->thread, NULL, run, helper))
		abort();
}

static int finish_helper(struct helper *helper)
{
	helper->stop = true;
	pthread_join(helper->thread, NULL);
	return helper->result;
}

/* ---- A run ---- */

/* Lines of a run: ptys in a session, with a clock if need be. */
static int make_lines(struct emulator *e)
{
	const struct plan *plan = e->plan;
	int ret = 0;

	for (unsigned int i = 0; i < LINES; i++)
		e->line[i] = (struct line){ -1, -1, -1, -1 };
	e->session = -1;
	for (unsigned int i = 0; i < plan->lines && !ret; i++) {
		struct line *line = &e->line[i];

		ret = open_pty(line);
		if (!ret)
			ret = attach(line->tty);
		if (ret)
			return ret;
		set_mode(e, i);
		if (!i) {
			e->session = open_session(line->tty);
			ret = e->session < 0 ? e->session : 0;
		} else {
			ret = join(line->tty, e->session) == (int)i ? 0 : -EINVAL;
		}
		if (!plan->line[i].blocks)
			set_flags(line->tty, O_NONBLOCK, true);
		set_flags(line->peer, O_NONBLOCK, true);
	}
	if (!ret && plan->counter >= CLOCK_COUNTER)
		ret = map_clock(&e->line[0]);
	if (!ret)
		ret = set_flags(e->session, O_NONBLOCK, false);
	return ret;
}

static void close_lines(struct emulator *e)
{
	close_fd(&e->session);
	for (unsigned int i = 0; i < LINES; i++)
		close_line(&e->line[i]);
}

static void begin_run(struct emulator *e, const struct plan *plan)
{
	int ret;

	*e = (struct emulator){
		.plan = plan,
		.rng = { plan->seed + 1 },
		.noise = { plan->seed + 2 },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
	ret = make_lines(e);
	if (ret)
		fault(e, "no lines: %s", strerror(-ret));
}

static void run(struct emulator *e)
{
	if (e->plan->threads == FREE)
		run_free(e);
	else
		run_gated(e);
}

static void run_live(struct emulator *e, struct log *log)
{
	const struct plan *plan = e->plan;
	struct helper peer, drain;
	int ret;

	e->live = true;
	ret = record_into(e->session, plan->record_flags, plan->record_buffer);
	if (ret) {
		fault(e, "no recording: %s", strerror(-ret));
		return;
	}
	start_helper(&peer, e, run_peer, plan->seed + 3, NULL);
	start_helper(&drain, e, run_drain, plan->seed + 4, log);
	run(e);
	ret = stop(e->session);
	if (ret)
		fault(e, "cannot be stopped: %s", strerror(-ret));
	finish_helper(&peer);
	ret = finish_helper(&drain);
	if (ret)
		fault(e, "recording not to be read: %s", strerror(-ret));
	if (log_fault(log, true))
		fault(e, "log: %s", log_fault(log, true));
}

/* Past its end, a replay says so. */
static void run_past_end(struct emulator *e)
{
	struct line *line = &e->line[0];
	char c;

	tick(e, 1);
	set_flags(line->tty, O_NONBLOCK, true);
	if (read(line->tty, &c, 1) != -1 || errno != ENODATA)
		fault(e, "no end at the end");
}

static void judge_replay(struct emulator *e)
{
	struct crr_status now = status(e->session);
	struct crr_divergence div;

	if (e->made.calls != e->before->calls)
		fault(e, "%zu calls, and %zu recorded", e->made.calls,
		      e->before->calls);
	if (now.state != CRR_STATE_REPLAYING)
		fault(e, "state %u, reason %u", now.state, now.reason);
	if (now.remaining)
		fault(e, "%llu records are left",
		      (unsigned long long)now.remaining);
	if (e->plan->threads == FREE && e->plan->counter && !e->plan->hangups &&
	    e->plan->seed % 4 == 0)
		run_past_end(e);
	if (stop(e->session))
		fault(e, "cannot be stopped");
	if (divergence(e->session, &div) != -ENODATA)
		fault(e, "diverged at the end: kind %u, stream %u, record %llu",
		      div.kind, div.stream, (unsigned long long)div.sequence);
}

static void judge_divergence(struct emulator *e)
{
	const struct change *change = e->change;
	struct crr_divergence div;

	/* There may be no call left at which it could have been found out. */
	stop(e->session);
	if (divergence(e->session, &div)) {
		fault(e, "no divergence");
		return;
	}
	if (change->later && div.kind == CRR_DIVERGENCE_EXTRA &&
	    div.sequence == CRR_NO_SEQUENCE && div.stream == change->stream)
		return;
	if (div.stream != change->stream || div.sequence != change->sequence ||
	    !(change->kinds >> div.kind & 1))
		fault(e, "divergence of kind %u, stream %u, record %lld; should be one of kinds %#x, stream %u, record %lld",
		      div.kind, div.stream, (long long)div.sequence,
		      change->kinds, change->stream,
		      (long long)change->sequence);
	else if (change->how == BYTE &&
		 e->plan->record_flags & CRR_RECORD_CAPTURE &&
		 div.position + div.offset != change->position)
		fault(e, "divergence at byte %llu, should be %llu",
		      (unsigned long long)(div.position + div.offset),
		      (unsigned long long)change->position);
}

static void run_again(struct emulator *e, struct log *log,
		      const struct transcript *before,
		      const struct change *change)
{
	const struct plan *plan = e->plan;
	struct helper feed;
	int ret;

	e->before = before;
	e->change = change;
	ret = replay_from(e->session, plan->replay_flags, plan->replay_buffer);
	if (ret) {
		fault(e, "no replay: %s", strerror(-ret));
		return;
	}
	start_helper(&feed, e, run_feed, plan->seed + 5, log);
	run(e);
	if (change) {
		judge_divergence(e);
		finish_helper(&feed);
		return;
	}
	if (e->over)
		stop(e->session);
	ret = finish_helper(&feed);
	if (e->over)
		fault(e, "refused a call, the last of %zu", e->made.calls);
	else if (ret)
		fault(e, "feeding: %s", strerror(-ret));
	else
		judge_replay(e);
}

/* ---- What the log must say of a transcript ---- */

struct cursor {
	struct record *in;
	size_t ins;
	struct record *out;
	size_t outs;
	size_t next_in;
	size_t next_out;
	__u64 refused;		/* of the next outbound record's, seen */
	__u64 ended;		/* counter of its end */
};

static void cursor_add(struct record **array, size_t *n,
		       const struct record *rec)
{
	*array = grown(*array, *n, 1, sizeof(*rec));
	(*array)[(*n)++] = *rec;
}

static void make_cursors(const struct log *log, struct cursor *cursors)
{
	struct record rec = {};

	memset(cursors, 0, LINES * sizeof(*cursors));
	while (log_next(log, &rec)) {
		struct cursor *c = &cursors[rec.stream];

		if (rec.type == CRR_TYPE_READ || rec.type == CRR_TYPE_INQ)
			cursor_add(&c->in, &c->ins, &rec);
		else if (rec.type == CRR_TYPE_WRITE ||
			 (rec.type >= CRR_TYPE_OUTQ &&
			  rec.type <= CRR_TYPE_VALUE))
			cursor_add(&c->out, &c->outs, &rec);
		else if (rec.type == CRR_TYPE_STREAM_END)
			c->ended = rec.counter;
	}
}

static void free_cursors(struct cursor *cursors)
{
	for (unsigned int i = 0; i < LINES; i++) {
		free(cursors[i].in);
		free(cursors[i].out);
	}
}

/* The chunks of a write(2), as they lie in the log. Returns its result. */
static long match_write(struct cursor *c, struct act *call, const __u8 *bytes)
{
	size_t done = 0;

	while (done < call->asked) {
		size_t offered = call->asked - done;
		const struct record *rec = &c->out[c->next_out];

		if (c->next_out == c->outs)
			return done ?: call->result;
		if (c->refused < rec->refused) {
			c->refused++;
			return done ?: -EAGAIN;
		}
		c->next_out++;
		c->refused = 0;
		if (call->sequence == CRR_NO_SEQUENCE)
			call->sequence = rec->sequence;
		if (offered > CRR_WRITE_MAX)
			offered = CRR_WRITE_MAX;
		if (rec->type != CRR_TYPE_WRITE ||
		    rec->counter != call->counter || rec->requested != offered ||
		    rec->crc != crc32c(bytes + done, offered))
			return -EBADMSG;
		if (rec->result < 0)
			return done ?: rec->result;
		done += rec->result;
	}
	return done;
}

/* What is recorded among the writes. */
static bool goes_out(const struct act *call)
{
	return call->what == WRITE || call->what == OUTQ ||
	       call->what == MODEM || call->what == MARK ||
	       call->what == VALUE;
}

/* After a hangup the tty core fails a call, and crr may not have seen it. */
static bool is_unseen(const struct cursor *c, const struct act *call)
{
	const struct record *rec = &c->out[c->next_out];

	return call->result == -EIO &&
	       (c->next_out == c->outs || rec->type != CRR_TYPE_WRITE ||
		rec->result != -EIO || rec->counter != call->counter);
}

/* A query, or a mark. Returns its result. */
static long match_ask(struct cursor *c, struct act *call)
{
	const struct record *rec = &c->out[c->next_out++];
	static const unsigned int types[] = {
		[OUTQ] = CRR_TYPE_OUTQ, [MODEM] = CRR_TYPE_MODEM,
		[MARK] = CRR_TYPE_MARK, [VALUE] = CRR_TYPE_VALUE,
	};

	c->refused = 0;
	if (c->next_out > c->outs || rec->type != types[call->what] ||
	    rec->counter != call->counter)
		return -EBADMSG;
	call->sequence = rec->sequence;
	switch (call->what) {
	case OUTQ:
		return rec->value;
	case MODEM:
		return rec->modem[0] ? -(long)rec->modem[0] : rec->modem[1];
	case VALUE:
		return rec->number;
	default:
		return 0;
	}
}

static bool match_in(struct cursor *c, struct act *call, const __u8 *bytes)
{
	const struct record *rec = &c->in[c->next_in++];

	if (c->next_in > c->ins || rec->counter != call->counter)
		return false;
	call->sequence = rec->sequence;
	if (call->what == INQ)
		return rec->type == CRR_TYPE_INQ && rec->value == call->result;
	if (call->what == WAIT)
		return rec->type == CRR_TYPE_INQ;
	return rec->type == CRR_TYPE_READ && rec->length == call->length &&
	       !memcmp(rec->data, bytes, call->length);
}

/* Each call that has something in the log has just that. */
static void match(struct emulator *e, struct cursor *cursors)
{
	struct transcript *t = &e->made;

	for (size_t i = 0; i < t->calls; i++) {
		struct act *call = &t->call[i];
		struct cursor *c = &cursors[call->line];
		const __u8 *bytes = t->bytes + call->at;
		bool same = true;

		if (goes_out(call) && !is_unseen(c, call))
			same = (call->what == WRITE ?
				match_write(c, call, bytes) :
				match_ask(c, call)) == call->result;
		else if ((call->what == READ || call->what == INQ ||
			  call->what == WAIT) && call->result > 0)
			same = match_in(c, call, bytes);
		if (!same) {
			fault(e, "log has something else than call %zu, a %s",
			      i, names[call->what]);
			return;
		}
	}
	for (unsigned int i = 0; i < e->plan->lines; i++)
		if (cursors[i].next_in != cursors[i].ins ||
		    cursors[i].next_out != cursors[i].outs)
			fault(e, "log has more on stream %u than was done", i);
}

/* ---- Changes ---- */

static bool is_like(const struct act *a, const struct act *b)
{
	if (goes_out(a))
		return goes_out(b);
	return b->what == READ || b->what == INQ || b->what == WAIT;
}

/* The next call on the same line that looks where this one did; or t->calls. */
static size_t next_call(const struct transcript *t, size_t i)
{
	const struct act *call = &t->call[i];

	while (++i < t->calls)
		if (t->call[i].line == call->line &&
		    is_like(call, &t->call[i]))
			break;
	return i;
}

/* Is the line polled in between, which would see the change and do otherwise? */
static bool is_polled(const struct transcript *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (t->call[i].line == t->call[from].line &&
		    (t->call[i].what == READABLE || t->call[i].what == WRITABLE))
			return true;
	return false;
}

/* The record that a write at this call finds; NULL for none. */
static const struct record *record_ahead(const struct cursor *c, __u64 sequence)
{
	for (size_t i = 0; i < c->outs; i++)
		if (c->out[i].sequence >= sequence)
			return &c->out[i];
	return NULL;
}

static bool change_byte(const struct transcript *t, struct change *change,
			struct rng *rng)
{
	const struct act *call = &t->call[change->at];

	if (call->what != WRITE || call->result <= 0 ||
	    call->sequence == CRR_NO_SEQUENCE)
		return false;
	/* The record is known if it is the first one. */
	change->byte = below(rng, call->result < CRR_WRITE_MAX ?
			     call->result : CRR_WRITE_MAX);
	change->found = change->at;
	change->sequence = call->sequence;
	change->kinds = 1 << CRR_DIVERGENCE_CONTENT;
	change->position = change->byte;
	for (size_t i = 0; i < change->at; i++)
		if (t->call[i].what == WRITE && t->call[i].line == call->line &&
		    t->call[i].result > 0)
			change->position += t->call[i].result;
	return true;
}

static bool change_counter(const struct emulator *e, struct change *change,
			   const struct cursor *cursors)
{
	const struct transcript *t = &e->made;
	const struct act *call = &t->call[change->at];
	const struct record *rec;
	size_t i = change->at;

	if (e->plan->counter == NO_COUNTER)
		return false;
	change->found = change->at;
	change->kinds = 1 << CRR_DIVERGENCE_LATE;
	if (call->what == BEGIN) {
		/* What was read in it is then late already; or the log over. */
		change->kinds |= 1 << CRR_DIVERGENCE_LEFT;
		i++;
		if (i >= t->calls || t->call[i].what != READ)
			return false;
		change->stream = t->call[i].line;
		change->sequence = t->call[i].sequence;
		return true;
	}
	change->sequence = call->sequence;
	if (call->sequence == CRR_NO_SEQUENCE)
		return false;
	if (!goes_out(call))
		return true;
	/* Refusals before the record have no counter of their own. */
	rec = record_ahead(&cursors[call->line], call->sequence);
	return rec && !rec->refused;
}

static bool change_more(const struct emulator *e, struct change *change,
			const struct cursor *cursors)
{
	const struct transcript *t = &e->made;
	const struct act *call = &t->call[change->at];
	const struct cursor *c = &cursors[change->stream];
	const struct record *rec = NULL;
	size_t i;

	change->found = change->at;
	for (i = change->at; i < t->calls; i++)
		if (goes_out(&t->call[i]) &&
		    t->call[i].line == change->stream &&
		    t->call[i].sequence != CRR_NO_SEQUENCE)
			break;
	if (i < t->calls)
		rec = record_ahead(c, t->call[i].sequence);
	if (!rec || rec->refused || e->plan->hangups)
		return false;
	change->sequence = rec->sequence;
	change->later = rec->counter > call->counter;
	change->kinds = change->later ?
			1 << CRR_DIVERGENCE_EARLY :
			1 << CRR_DIVERGENCE_LENGTH |
			1 << CRR_DIVERGENCE_CONTENT |
			1 << CRR_DIVERGENCE_EXTRA;
	return true;
}

static bool change_less(const struct emulator *e, struct change *change)
{
	const struct transcript *t = &e->made;
	const struct act *call = &t->call[change->at];
	const struct act *next;

	if (call->sequence == CRR_NO_SEQUENCE || e->plan->hangups)
		return false;
	/* What looks by itself would look once more. */
	if (!goes_out(call) && (e->plan->threads != FREE ||
				e->plan->counter == PAGE_COUNTER))
		return false;
	change->sequence = call->sequence;
	change->found = next_call(t, change->at);
	change->kinds = 1 << CRR_DIVERGENCE_LEFT;
	if (is_polled(t, change->at, change->found))
		return false;
	if (change->found == t->calls)
		return true;
	next = &t->call[change->found];
	change->kinds = 1 << CRR_DIVERGENCE_LATE;
	if (next->counter != call->counter)
		return next->what != WRITE ||
		       next->sequence != CRR_NO_SEQUENCE;
	change->kinds = 1 << CRR_DIVERGENCE_EXTRA;
	if (next->what != call->what)
		return goes_out(call) && next->sequence != CRR_NO_SEQUENCE;
	/* The next one would take what this one should have. */
	change->kinds = 1 << CRR_DIVERGENCE_LENGTH |
			1 << CRR_DIVERGENCE_CONTENT;
	return call->what == WRITE && next->asked != call->asked;
}

/* Find something that can be changed. */
static bool make_change(const struct emulator *e, struct cursor *cursors,
			struct change *change)
{
	struct rng rng = { e->plan->seed + 6 };
	const struct transcript *t = &e->made;

	for (unsigned int tries = 0; tries < 200 && t->calls; tries++) {
		const struct act *call;
		bool made = false;

		*change = (struct change){
			.how = below(&rng, CHANGES),
			.at = below(&rng, t->calls),
		};
		call = &t->call[change->at];
		if (call->look || call->what == END)
			continue;
		change->stream = call->line;
		switch (change->how) {
		case BYTE:
			made = change_byte(t, change, &rng);
			break;
		case COUNTER:
			made = change_counter(e, change, cursors);
			break;
		case MORE:
			made = change_more(e, change, cursors);
			break;
		case LESS:
			made = change_less(e, change);
			break;
		default:
			break;
		}
		if (made)
			return true;
	}
	return false;
}

/* ---- A seed ---- */

static struct {
	const char *doing;
	__u64 seed;
	struct emulator *e;
} now;

static void hangs(int sig)
{
	fprintf(stderr, "# seed %llu: %s: hangs after %zu calls\n",
		(unsigned long long)now.seed, now.doing, now.e->made.calls);
	_exit(KSFT_FAIL);
}

static void tell(const struct plan *plan, const struct emulator *e,
		 const struct change *change)
{
	fprintf(stderr,
		"# seed %llu: %s: %s (%u lines, threads %u, counter %u, %zu calls)\n",
		(unsigned long long)plan->seed, now.doing, e->fault,
		plan->lines, plan->threads, plan->counter, e->made.calls);
	if (change)
		fprintf(stderr, "#   %s at call %zu, to be found at %zu\n",
			changes[change->how], change->at, change->found);
}

static void does(const char *what, struct emulator *e)
{
	now.doing = what;
	now.e = e;
	alarm(SECONDS_A_SEED);
}

/* What has been tried, over all seeds: a generator that does little is none. */
struct tried {
	unsigned int seeds;
	unsigned int failed;
	unsigned long long calls;
	unsigned long long bytes;
	unsigned int change[CHANGES];
};

static bool try_seed(__u64 seed, struct tried *tried)
{
	const struct plan plan = make_plan(seed);
	struct emulator live, again;
	struct cursor cursors[LINES];
	struct change change;
	struct log log = {};
	bool ok;

	now.seed = seed;
	begin_run(&live, &plan);
	does("recorded", &live);
	if (!live.over)
		run_live(&live, &log);
	close_lines(&live);
	make_cursors(&log, cursors);
	if (!live.fault[0])
		match(&live, cursors);
	ok = !live.fault[0];
	if (!ok)
		tell(&plan, &live, NULL);

	if (ok) {
		begin_run(&again, &plan);
		does("replayed", &again);
		if (!again.over)
			run_again(&again, &log, &live.made, NULL);
		close_lines(&again);
		ok = !again.fault[0];
		if (!ok)
			tell(&plan, &again, NULL);
		transcript_free(&again.made);
	}
	if (ok && make_change(&live, cursors, &change)) {
		begin_run(&again, &plan);
		does("changed", &again);
		if (!again.over)
			run_again(&again, &log, &live.made, &change);
		close_lines(&again);
		ok = !again.fault[0];
		if (!ok)
			tell(&plan, &again, &change);
		transcript_free(&again.made);
		tried->change[change.how]++;
	}
	alarm(0);
	if (!ok && getenv("CRR_VERBOSE"))
		log_print(&log);
	tried->seeds++;
	tried->failed += !ok;
	tried->calls += live.made.calls;
	tried->bytes += live.made.length;
	transcript_free(&live.made);
	free_cursors(cursors);
	log_free(&log);
	return ok;
}

FIXTURE(soak) {
	int none;
};

FIXTURE_SETUP(soak)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
	signal(SIGALRM, hangs);
	catch_interrupts(false);
	load_preload();
}

FIXTURE_TEARDOWN(soak)
{
}

TEST_F_TIMEOUT(soak, seeds, 36000)
{
	const char *seeds = getenv("CRR_SEEDS") ?: SEEDS;
	struct tried tried = {};
	unsigned long long first, last;
	char *end;

	do {
		first = strtoull(seeds, &end, 0);
		last = *end == '-' ? strtoull(end + 1, &end, 0) : first;
		for (__u64 seed = first; seed <= last; seed++)
			EXPECT_TRUE(try_seed(seed, &tried));
		seeds = end + 1;
	} while (*end == ',');
	ASSERT_EQ(0, *end);
	fprintf(stderr,
		"# %u seeds, %u failed; %llu calls, %llu bytes; changes: byte %u, counter %u, more %u, less %u\n",
		tried.seeds, tried.failed, tried.calls, tried.bytes,
		tried.change[BYTE], tried.change[COUNTER], tried.change[MORE],
		tried.change[LESS]);
	fprintf(stderr, "# %llu waits by crr-preload.so, %llu for what was there\n",
		preload.waits, preload.ready);
	/* Some chance of each kind of change there is in any ten seeds. */
	for (unsigned int i = 0; i < CHANGES && tried.seeds > 100; i++)
		EXPECT_NE(0, tried.change[i]);
	if (preload.poll && tried.seeds > 100)
		EXPECT_NE(0, preload.ready);
}

TEST_HARNESS_MAIN
