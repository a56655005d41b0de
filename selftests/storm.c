// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, at random, for a while: cells, each a handful of
 * processes with some lines of their own, come and go, while processors are
 * unplugged and somebody tries to unload the module. In some cells all keep to
 * the rules, and what is recorded must be what they have seen; in others
 * nobody does, and all must come to an end. Then everything is closed, and the
 * module must go, and come again.
 *
 * CRR_SECONDS: for how long; CRR_SEED: where chance begins, though not where it
 * leads, with so many who race; CRR_CELLS: how many at a time; CRR_LINES,
 * CRR_SESSIONS: how many for the test of many lines; CRR_KIND: only such cells.
 */
#include <dirent.h>
#include <limits.h>
#include <grp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define CELL_LINES	8
#define CELLS_MAX	32
#define OTHERS		3	/* PLUG, STALLED, BYSTANDER */
/* Users stop at so many bytes; what is recorded is then less than a tape. */
#define GOT_MAX		(512U << 10)
#define LOG_ENOUGH	(4U << 20)
#define TAPE_SIZE	(64U << 20)
/* Longer than what a serial port waits for its output when it is closed. */
#define CELL_PATIENCE_MS (1000 * env_number("CRR_PATIENCE", 180))

/* ---- What all processes share ---- */

enum kind {
	RECORDING,	/* lawful: what is recorded is what was seen */
	REPLAYING,	/* lawful, or with a feeder that dies or feeds rubbish */
	WILD,		/* everybody does anything */
	PLUG,		/* a processor goes, and comes again */
	DOOR,		/* in and out, while the module is unloaded */
	MANY,
	STALLED,	/* without rights: replays that are never fed, polled */
	BYSTANDER,	/* without rights, and with nothing of ours */
	KINDS,
};

static const char * const kinds[] = {
	[RECORDING] = "recording", [REPLAYING] = "replaying", [WILD] = "wild",
	[PLUG] = "plug", [DOOR] = "door", [MANY] = "many",
	[STALLED] = "stalled", [BYSTANDER] = "bystander",
};

/* Calls that do not wait for anybody, whatever a user of crr does. */
enum prompt_call {
	CTL, WAIT, POLL, SELECT, SUBMIT, EVENTS, CANCEL, DESTROY, CLOSE, END,
	PROMPT_CALLS,
};

static const char * const prompt_calls[] = {
	[CTL] = "epoll_ctl", [WAIT] = "epoll_wait", [POLL] = "poll",
	[SELECT] = "select", [SUBMIT] = "io_submit", [EVENTS] = "io_getevents",
	[CANCEL] = "io_cancel", [DESTROY] = "io_destroy", [CLOSE] = "close",
	[END] = "exit",
};

#define STALLED_LINES	4
#define PROMPTS		4

/* A thread that makes them, and all threads of its kind. */
struct prompt {
	atomic_int tid;
	pid_t pid;
	enum kind kind;
	atomic_uint number;	/* odd: in its call */
	atomic_uint call;
	atomic_ulong calls;
	atomic_llong longest[PROMPT_CALLS];	/* microseconds */
};

static const char * const ports[][2] = {
	{ "/dev/ttyS2", "/dev/ttyS3" },
	{ "/dev/ttyS4", "/dev/ttyS5" },
};

static struct board {
	atomic_uint faults;
	atomic_bool port_taken[ARRAY_SIZE(ports)];
	atomic_ulong cells[KINDS];
	atomic_ulong lines;
	atomic_ulong logs;
	atomic_ulong records;
	atomic_ulong bytes;
	atomic_ulong takeovers;
	atomic_ulong replays;
	atomic_ulong seeks;
	atomic_ulong calls;
	atomic_ulong plugs;
	atomic_ulong busy;
	atomic_ulong loads;
	/* Of many lines: who has come so far. */
	atomic_uint ready;
	/* Those without rights: until when they go on, and what they do. */
	atomic_bool calm;
	struct prompt prompts[PROMPTS];
	char stalled[STALLED_LINES][64];	/* names of ttys, for whoever is quick */
} *board;

/* One line with who uses it. */
struct user {
	struct line line;
	int port;		/* of ports; -1: a pty */
	bool left;		/* it was detached, hung up, or closed */
	bool drained;		/* its last read(2) found nothing */
	__u8 *got;		/* what its only reader was given */
	atomic_size_t got_length;
	atomic_size_t written;	/* of the pattern, by its only writer */
	atomic_bool quit;
	pthread_t reader;
	pthread_t writer;
	bool has_reader;
	bool has_writer;
};

/* The cell that this process is, or is one of. */
static struct {
	enum kind kind;
	__u64 seed;
	struct rng rng;		/* of its first thread */
	unsigned int lines;
	struct user user[CELL_LINES];
	int session;
	bool gated;
	bool blocking;
	atomic_bool over;
	struct log *tape;	/* shared: what its controllers have read */
} cell;

static void __attribute__((format(printf, 1, 2)))
fault(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	board->faults++;
	fprintf(stderr, "# seed %llu, %s: %s\n",
		(unsigned long long)cell.seed, kinds[cell.kind], text);
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* A child that does not outlive its parent; 0 in it. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void murder(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*pid = 0;
}

static void nap(struct rng *rng, unsigned int us)
{
	usleep(below(rng, us));
}

static void begin_thread(pthread_t *thread, void *(*function)(void *), void *arg)
{
	if (pthread_create(thread, NULL, function, arg))
		abort();
}

/* Who sleeps is interrupted until it has ended. */
static void end_thread(pthread_t thread)
{
	while (pthread_tryjoin_np(thread, NULL)) {
		pthread_kill(thread, SIGUSR1);
		breathe();
	}
}

/* ---- Lines ---- */

static bool take_port(struct user *user, struct rng *rng)
{
	unsigned int i = below(rng, ARRAY_SIZE(ports));

	if (access(ports[i][0], F_OK) ||
	    atomic_exchange(&board->port_taken[i], true))
		return false;
	user->port = i;
	return true;
}

static int open_user(struct user *user, struct rng *rng, unsigned int serial)
{
	int ret;

	*user = (struct user){ .port = -1 };
	if (chance(rng, serial) && take_port(user, rng))
		ret = open_serial(&user->line, ports[user->port][0],
				  ports[user->port][1]);
	else
		ret = open_pty(&user->line);
	board->lines++;
	return ret ?: set_flags(user->line.peer, O_NONBLOCK, true);
}

static void close_user(struct user *user)
{
	if (user->port >= 0)
		tcflush(user->line.tty, TCIOFLUSH);
	close_line(&user->line);
	free(user->got);
	if (user->port >= 0)
		board->port_taken[user->port] = false;
}

static bool is_full(const struct user *user)
{
	return user->got_length >= GOT_MAX ||
	       (cell.tape && cell.tape->length >= LOG_ENOUGH);
}

static bool may_go_on(const struct user *user)
{
	return !cell.over && !user->quit && !is_full(user);
}

/* What a call may say while the line is used, and taken away. */
static bool is_usual(long result)
{
	return result == -EAGAIN || result == -EINTR || result == -ERANGE ||
	       result == -EIO || result >= 0;
}

/* One read(2) of the line's only reader. False: there is no use in another. */
static bool read_some(struct user *user, struct rng *rng)
{
	size_t size = 1 + below(rng, chance(rng, 50) ? 100 : 6000);
	size_t at = user->got_length;
	long n;

	n = sys(read(user->line.tty, user->got + at, size));
	if (n > 0)
		user->got_length = at + n;
	user->drained = n == -EAGAIN;
	if (!is_usual(n))
		fault("read(2): %s", strerror(-n));
	return n && n != -EIO;
}

static bool write_some(struct user *user, struct rng *rng)
{
	size_t size = 1 + below(rng, chance(rng, 50) ? 100 : 6000);
	char buf[6100];
	long n;

	pattern(buf, size, user->written);
	n = sys(write(user->line.tty, buf, size));
	if (n > 0)
		user->written += n;
	if (!is_usual(n))
		fault("write(2): %s", strerror(-n));
	return n != -EIO;
}

/* ---- Ways to wait ---- */

/* One that is used for some time, and then another. */
struct watcher {
	struct waiter waiter;
	bool open;
};

/* Once more, in another way, now and then; the first @ways of them. */
static struct waiter *choose_way(struct watcher *watcher, struct rng *rng, int fd,
				 short events, unsigned int ways)
{
	enum way_to_wait how = below(rng, ways);
	int ret;

	if (watcher->open && chance(rng, 95))
		return &watcher->waiter;
	if (watcher->open)
		close_waiter(&watcher->waiter);
	ret = open_waiter(&watcher->waiter, how, fd, events);
	watcher->open = !ret;
	if (!ret)
		return &watcher->waiter;
	/* Where others have used up what there is of epoll, or of aio; or hung up. */
	if (ret != -EAGAIN && ret != -ENOSPC && ret != -ENOMEM && ret != -ENOTTY)
		fault("waiting by %s: %s", ways_to_wait[how], strerror(-ret));
	close_waiter(&watcher->waiter);
	watcher->waiter = (struct waiter){
		.how = BY_POLL, .fd = fd, .events = events,
		.epoll = -1, .outer = -1,
	};
	return &watcher->waiter;
}

static void end_watcher(struct watcher *watcher)
{
	if (watcher->open)
		close_waiter(&watcher->waiter);
	watcher->open = false;
}

/* A look, in any way but by SIGIO, of which there is one for all who have the file. */
static void look_somehow(int fd, short events, struct rng *rng, int ms)
{
	enum way_to_wait how = below(rng, WAYS_TO_WAIT);
	struct waiter waiter;

	if (how == BY_SIGNAL)
		how = BY_POLL;
	if (!open_waiter(&waiter, how, fd, events))
		await(&waiter, ms);
	close_waiter(&waiter);
}

/*
 * A line that had nothing to be read, and has something now: who waits is told,
 * by whatever way. Gated delivery hides it again.
 */
static void expect_told(struct waiter *waiter, const struct user *user)
{
	long long until = now_ms() + PATIENCE_MS;

	while (may_go_on(user) && !user->left &&
	       polled(waiter->fd, waiter->events) & waiter->events) {
		if (await(waiter, 50))
			return;
		if (now_ms() < until)
			continue;
		fault("there is input, which %s does not tell",
		      ways_to_wait[waiter->how]);
		return;
	}
}

static void *reads(void *arg)
{
	struct user *user = arg;
	struct rng rng = { cell.seed ^ user->line.tty };
	struct watcher watcher = {};
	struct waiter *waiter;

	while (may_go_on(user) && read_some(user, &rng)) {
		if (chance(&rng, 50)) {
			waiter = choose_way(&watcher, &rng, user->line.tty,
					    POLLIN, WAYS_TO_WAIT);
			if (!await(waiter, below(&rng, 20)) && user->drained &&
			    !cell.gated && waiter->how != BY_SIGNAL)
				expect_told(waiter, user);
		} else if (!cell.blocking && chance(&rng, 30)) {
			nap(&rng, 500);
		}
	}
	end_watcher(&watcher);
	return NULL;
}

static void *writes(void *arg)
{
	struct user *user = arg;
	struct rng rng = { cell.seed ^ user->line.tty << 8 };
	struct watcher watcher = {};
	struct waiter *waiter;

	while (may_go_on(user) && user->written < GOT_MAX &&
	       write_some(user, &rng)) {
		if (chance(&rng, 30)) {
			waiter = choose_way(&watcher, &rng, user->line.tty,
					    POLLOUT, BY_SIGNAL);
			await(waiter, below(&rng, 20));
		} else if (chance(&rng, 30)) {
			nap(&rng, 500);
		}
	}
	end_watcher(&watcher);
	return NULL;
}

static void start_users(struct user *user)
{
	user->got = malloc(GOT_MAX + 6100);
	if (!user->got)
		abort();
	user->has_reader = true;
	user->has_writer = true;
	begin_thread(&user->reader, reads, user);
	begin_thread(&user->writer, writes, user);
}

static void end_users(struct user *user)
{
	user->quit = true;
	if (user->has_reader)
		end_thread(user->reader);
	if (user->has_writer)
		end_thread(user->writer);
	user->has_reader = false;
	user->has_writer = false;
}

/* Polls, asks, marks, and has the line's termios set. */
static void *asks(void *arg)
{
	struct rng rng = { cell.seed ^ 0xa5 };

	while (!cell.over) {
		struct user *user = &cell.user[below(&rng, cell.lines)];
		struct termios termios;

		if (user->quit || is_full(user)) {
			nap(&rng, 2000);
			continue;
		}
		switch (below(&rng, 8)) {
		case 0:
			arrived(user->line.tty);
			break;
		case 1:
			unsent(user->line.tty);
			break;
		case 2:
			modem(user->line.tty, NULL);
			break;
		case 3:
			mark(user->line.tty, "storm");
			break;
		case 4:
			if (!tcgetattr(user->line.tty, &termios))
				tcsetattr(user->line.tty, TCSANOW, &termios);
			break;
		case 5:
			status(user->line.tty);
			break;
		default:
			look_somehow(user->line.tty, POLLIN | POLLOUT, &rng,
				     below(&rng, 5));
			break;
		}
		nap(&rng, 300);
	}
	return NULL;
}

/*
 * Clocks come and go, and are mapped and unmapped; the counter moves on. Until
 * a new one is told the counter, calls find that it has gone back.
 */
static void *tells(void *arg)
{
	struct rng rng = { cell.seed ^ 0x5a };
	struct line line = cell.user[0].line;
	__u64 counter = 0;

	line.clock = -1;
	while (!cell.over) {
		if (map_clock(&line)) {
			/* The line has left. */
			close_clock(&line);
			break;
		}
		for (unsigned int i = below(&rng, 50); i && !cell.over; i--) {
			put(*line.counter, ++counter);
			if (chance(&rng, 20))
				count(line.clock, counter);
			if (look(line.state->state) > CRR_STATE_FAILED)
				fault("the clock's page has no state");
			nap(&rng, 200);
		}
		put(*line.counter, counter);
		close_clock(&line);
		nap(&rng, 3000);
	}
	return NULL;
}

/* Gated delivery: what checkpoints tell of, and whether the last one ended. */
static struct {
	__u64 consumed;
	bool open;
} checkpoints;

static void *checks(void *arg)
{
	struct rng rng = { cell.seed ^ 0x77 };
	__u64 counter = 0;

	while (!cell.over) {
		int tty = cell.user[0].line.tty;
		__u32 most = below(&rng, 3) ? 0 : 1 + below(&rng, 500);
		long ret;

		/* What begins and ends when STOP has come is no checkpoint. */
		if (status(tty).state != CRR_STATE_RECORDING)
			break;
		ret = begin_checkpoint(tty, counter++, most);
		if (ret == -EINTR || ret == -EAGAIN)
			continue;
		if (ret)
			break;
		checkpoints.open = true;
		nap(&rng, 1000);
		do {
			ret = end_checkpoint(tty);
		} while (ret == -EINTR || ret == -EAGAIN);
		/* STOP may have ended it, and then END tells of nothing. */
		if (ret < 0 || status(tty).state != CRR_STATE_RECORDING)
			break;
		checkpoints.open = false;
		checkpoints.consumed += ret;
		nap(&rng, 1000);
	}
	return NULL;
}

/* The peers of all lines: send one pattern, and are to be sent another. */
static void be_peers(void)
{
	struct rng rng = { cell.seed ^ 0x33 };
	size_t sent[CELL_LINES] = { 0 }, received[CELL_LINES] = { 0 };

	for (unsigned int i = 0; i < cell.lines; i++)
		close_fd(&cell.user[i].line.tty);
	for (;;) {
		unsigned int i = below(&rng, cell.lines);
		struct user *user = &cell.user[i];
		char buf[8192], expected[8192];
		size_t size = 1 + below(&rng, 3000);
		ssize_t n;

		if (sent[i] < GOT_MAX && chance(&rng, 50)) {
			pattern(buf, size, sent[i]);
			n = write(user->line.peer, buf, size);
			sent[i] += n > 0 ? n : 0;
		}
		n = read(user->line.peer, buf, sizeof(buf));
		if (n > 0 && user->port < 0) {
			pattern(expected, n, received[i]);
			if (memcmp(buf, expected, n))
				fault("peer of line %u: other bytes from %zu on",
				      i, received[i]);
		}
		received[i] += n > 0 ? n : 0;
		nap(&rng, 300);
	}
}

/* Somebody who has the ttys as well, by fork, and looks at them. */
static void be_heir(void)
{
	struct rng rng = { draw(&cell.rng) };

	for (unsigned int i = 0; i < cell.lines; i++)
		close_fd(&cell.user[i].line.peer);
	for (;;) {
		struct user *user = &cell.user[below(&rng, cell.lines)];

		if (chance(&rng, 50))
			look_somehow(user->line.tty, POLLIN | POLLOUT, &rng, 0);
		else
			status(user->line.tty);
		nap(&rng, 1000);
	}
}

/* ---- Logs ---- */

/* Sequence number of the record that is to follow. */
static __u64 log_sequence(const struct log *log)
{
	struct record rec = {};
	__u64 sequence = 0;

	while (log_next(log, &rec))
		sequence = rec.sequence + !(rec.type & CRR_TYPE_OPTIONAL);
	return sequence;
}

/*
 * One read(2) of the session fd; what has been read before, by somebody who was
 * killed, comes again. Returns what it gave.
 */
static long take(int session, struct log *log, __u64 *next, size_t size)
{
	static __thread __u8 buf[128 << 10];
	struct log piece = { .bytes = buf };
	struct record rec = {};
	size_t from = SIZE_MAX;
	long n = sys(read(session, buf, size));

	if (n <= 0)
		return n;
	piece.length = n;
	while (log_next(&piece, &rec)) {
		if (rec.sequence < *next)
			continue;
		if (from == SIZE_MAX)
			from = rec.at;
		*next = rec.sequence + !(rec.type & CRR_TYPE_OPTIONAL);
	}
	if (rec.at + rec.size != piece.length)
		fault("read(2) of the session: not whole records");
	if (from == SIZE_MAX)
		return n;
	if (log->room != TAPE_SIZE) {
		log_append(log, buf + from, n - from);
		return n;
	}
	if (log->length + n > TAPE_SIZE) {
		fault("more is recorded than can be");
		return -ENOSPC;
	}
	/* In this order: we may be killed in between. */
	memcpy(log->bytes + log->length, buf + from, n - from);
	__atomic_store_n(&log->length, log->length + n - from, __ATOMIC_RELEASE);
	return n;
}

/* To the end, after STOP. */
static void take_all(int session, struct log *log)
{
	__u64 next = log_sequence(log);
	long n;

	do {
		n = take(session, log, &next, 128 << 10);
	} while (n > 0 || n == -EINTR);
	if (n)
		fault("read(2) of the session: %s", strerror(-n));
}

/*
 * The log is valid, and what it says of reads and writes is what was read and
 * written. All of it, if nobody was under way when recording was stopped.
 */
static void check_log(const struct log *log, struct user *user,
		      unsigned int lines, bool whole, bool all)
{
	size_t in[MOST_STREAMS] = { 0 }, out[MOST_STREAMS] = { 0 };
	const char *wrong = log_fault(log, whole);
	struct record rec = {};

	if (wrong) {
		fault("%s", wrong);
		return;
	}
	while (log_next(log, &rec)) {
		char expected[CRR_WRITE_MAX];
		unsigned int i = rec.stream;

		board->records++;
		if (i >= lines) {
			fault("stream %u of %u", i, lines);
			return;
		}
		if (rec.type == CRR_TYPE_READ) {
			if (in[i] + rec.length > user[i].got_length ||
			    memcmp(user[i].got + in[i], rec.data, rec.length))
				fault("record %llu: not what was read",
				      (unsigned long long)rec.sequence);
			in[i] += rec.length;
		} else if (rec.type == CRR_TYPE_WRITE) {
			pattern(expected, rec.requested, out[i]);
			if (crc32c(expected, rec.requested) != rec.crc)
				fault("record %llu: not what was written",
				      (unsigned long long)rec.sequence);
			out[i] += rec.offset;
		}
	}
	board->logs++;
	for (unsigned int i = 0; i < lines; i++) {
		board->bytes += in[i] + out[i];
		/* After it has left, reads and writes go on unrecorded. */
		if (out[i] > user[i].written ||
		    (all && !user[i].left && (in[i] != user[i].got_length ||
					      out[i] != user[i].written)))
			fault("line %u: %zu of %zu bytes read, %zu of %zu written are recorded",
			      i, in[i], (size_t)user[i].got_length, out[i],
			      (size_t)user[i].written);
	}
}

/* ---- Lawful recordings ---- */

/* Consumes, at one pace or another, until it is killed. */
static void be_controller(int session, __u64 seed)
{
	struct rng rng = { seed };
	struct watcher watcher = {};
	__u64 next = log_sequence(cell.tape);
	bool lazy = chance(&rng, 20);

	for (unsigned int i = 0; i < cell.lines; i++) {
		close_fd(&cell.user[i].line.tty);
		close_fd(&cell.user[i].line.peer);
	}
	for (;;) {
		long n = take(session, cell.tape, &next,
			      chance(&rng, 50) ? 128 << 10 : CRR_RECORD_SIZE_MAX);

		if (!is_usual(n))
			fault("read(2) of the session: %s", strerror(-n));
		if (!n)
			_exit(0);
		if (n == -EAGAIN)
			await(choose_way(&watcher, &rng, session, POLLIN,
					 BY_SIGNAL), 20);
		if (chance(&rng, 20))
			status(session);
		if (lazy || chance(&rng, 5))
			nap(&rng, 20000);
	}
}

static pid_t start_controller(void)
{
	__u64 seed = draw(&cell.rng);
	pid_t pid = child();

	if (!pid)
		be_controller(cell.session, seed);
	/* He alone has it. */
	close_fd(&cell.session);
	return pid;
}

/* The controller is killed, whatever it does, and we come after it. */
static bool take_over(pid_t *controller)
{
	murder(controller);
	cell.session = open_session(cell.user[0].line.tty);
	if (cell.session < 0)
		fault("taking over: %s", strerror(-cell.session));
	board->takeovers++;
	return cell.session >= 0;
}

/* Counts only grow. */
static void check_status(struct crr_status *before)
{
	struct crr_status st = status(cell.user[0].line.tty);

	if (st.state != CRR_STATE_RECORDING)
		fault("state %u", st.state);
	if (st.sequence < before->sequence || st.records < before->records ||
	    st.counter < before->counter || st.bytes_in < before->bytes_in ||
	    st.bytes_out < before->bytes_out || st.received < before->received)
		fault("status: something goes back");
	*before = st;
}

enum { STAYS, DETACHED, HUNG_UP, LOGGED_OUT, MASTER_CLOSED, CLOSED, WAYS };

/* The line leaves the session in one way or another. */
static void leave(struct user *user, unsigned int way, pid_t *peers)
{
	int ret = 0;

	user->left = way != STAYS;
	switch (way) {
	case DETACHED:
		ret = detach(user->line.tty);
		if (!ret && chance(&cell.rng, 50))
			ret = attach(user->line.tty);
		break;
	case HUNG_UP:
		ret = sys(ioctl(user->line.tty, TIOCVHANGUP));
		break;
	case LOGGED_OUT:
		ret = hang_up(user->line.name);
		break;
	case MASTER_CLOSED:
		murder(peers);
		close_fd(&user->line.peer);
		break;
	case CLOSED:
		end_users(user);
		close_fd(&user->line.tty);
		break;
	}
	/* The core's patience with who sleeps in N_TTY is limited. */
	if (ret && ret != -EBUSY)
		fault("leaving in way %u: %s", way, strerror(-ret));
}

/* In any order, while the others go on. */
static void leave_all(pid_t *peers)
{
	unsigned int first = below(&cell.rng, cell.lines);

	for (unsigned int i = 0; i < cell.lines; i++) {
		struct user *user = &cell.user[(first + i) % cell.lines];
		unsigned int way = below(&cell.rng, WAYS);
		__u64 next;

		if (user->port >= 0 && way == LOGGED_OUT)
			way = HUNG_UP;
		leave(user, way, peers);
		if (chance(&cell.rng, 50)) {
			next = log_sequence(cell.tape);
			take(cell.session, cell.tape, &next, 128 << 10);
		}
		nap(&cell.rng, 2000);
	}
}

static bool open_cell(unsigned int serial)
{
	cell.lines = 1 + below(&cell.rng, chance(&cell.rng, 20) ? CELL_LINES : 3);
	cell.blocking = chance(&cell.rng, 40);
	cell.session = -1;
	for (unsigned int i = 0; i < cell.lines; i++) {
		struct line *line = &cell.user[i].line;
		int ret = open_user(&cell.user[i], &cell.rng, serial);

		ret = ret ?: attach(line->tty);
		ret = ret ?: set_flags(line->tty, O_NONBLOCK, !cell.blocking);
		if (ret) {
			fault("line %u: %s", i, strerror(-ret));
			return false;
		}
	}
	return true;
}

static bool open_cell_session(void)
{
	cell.session = open_session(cell.user[0].line.tty);
	for (unsigned int i = 1; cell.session >= 0 && i < cell.lines; i++)
		if (join(cell.user[i].line.tty, cell.session) != (int)i)
			close_fd(&cell.session);
	if (cell.session < 0)
		fault("no session");
	return cell.session >= 0;
}

static void be_recording(void)
{
	pid_t peers, controller = 0, heir = 0;
	struct crr_status before = {};
	pthread_t asker, teller;
	long long until;
	bool quiet, all;
	__u32 flags = 0;
	int ret;

	cell.tape = shared(sizeof(*cell.tape));
	cell.tape->bytes = shared(TAPE_SIZE);
	cell.tape->room = TAPE_SIZE;
	if (!open_cell(20))
		return;
	peers = child();
	if (!peers)
		be_peers();
	if (!open_cell_session())
		return;
	cell.gated = chance(&cell.rng, 30);
	if (cell.gated)
		flags |= CRR_RECORD_GATED;
	if (chance(&cell.rng, 50))
		flags |= CRR_RECORD_CAPTURE;
	if (chance(&cell.rng, 30))
		flags |= CRR_RECORD_BLOCK;
	ret = record_into(cell.session, flags,
			  chance(&cell.rng, 80) ? CRR_BUFFER_MIN : 0);
	if (ret) {
		fault("RECORD: %s", strerror(-ret));
		return;
	}
	controller = start_controller();
	for (unsigned int i = 0; i < cell.lines; i++)
		start_users(&cell.user[i]);
	begin_thread(&asker, asks, NULL);
	begin_thread(&teller, cell.gated ? checks : tells, NULL);

	until = now_ms() + below(&cell.rng, 1500);
	do {
		struct user *user = &cell.user[below(&cell.rng, cell.lines)];

		switch (below(&cell.rng, 8)) {
		case 0:
			if (take_over(&controller))
				controller = start_controller();
			break;
		case 1:
			murder(&heir);
			heir = child();
			if (!heir)
				be_heir();
			break;
		case 2:
			check_status(&before);
			break;
		default:
			pthread_kill(chance(&cell.rng, 50) ? user->reader :
							     user->writer, SIGUSR1);
			break;
		}
		nap(&cell.rng, 10000);
	} while (now_ms() < until && !board->faults);

	quiet = chance(&cell.rng, 50);
	if (!take_over(&controller))
		return;
	if (!quiet)
		leave_all(&peers);
	/* Nobody is under way: then all of it is in the log. */
	if (quiet)
		for (unsigned int i = 0; i < cell.lines; i++)
			end_users(&cell.user[i]);
	all = quiet;
	ret = stop(cell.session);
	if (ret)
		fault("STOP: %s", strerror(-ret));
	take_all(cell.session, cell.tape);
	cell.over = true;
	for (unsigned int i = 0; i < cell.lines; i++)
		end_users(&cell.user[i]);
	end_thread(asker);
	end_thread(teller);
	murder(&heir);
	murder(&peers);
	check_log(cell.tape, cell.user, cell.lines, true, all);
	if (cell.gated) {
		__u64 in = log_bytes_in(cell.tape, NULL, 0);

		if (checkpoints.consumed > in ||
		    (!checkpoints.open && checkpoints.consumed != in))
			fault("checkpoints tell of %llu bytes, the log of %llu",
			      (unsigned long long)checkpoints.consumed,
			      (unsigned long long)in);
	}
}

/* ---- Lawful replays ---- */

/* A log of one or some streams, at a new counter for each of its records. */
static void make_log(struct log *log, struct rng *rng, unsigned int lines,
		     unsigned int steps)
{
	static char bytes[CRR_READ_MAX];
	__u64 counter = 1 + below(rng, 1000);

	if (chance(rng, 30))
		counter += 1ULL << (32 + below(rng, 31));
	log_free(log);
	for (unsigned int i = 0; i < lines; i++)
		log_add(log, STREAM, .stream = i, .data = "storm", .length = 5);
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int stream = below(rng, lines);
		size_t n = 1 + below(rng, chance(rng, 80) ? 50 : CRR_WRITE_MAX);

		counter += 1 + below(rng, 100);
		pattern(bytes, sizeof(bytes), draw(rng) >> 32);
		switch (below(rng, 6)) {
		case 0:
			log_add(log, MARK, .stream = stream, .counter = counter,
				.data = "storm", .length = 5);
			break;
		case 1:
			log_add(log, OUTQ, .stream = stream, .counter = counter,
				.value = n);
			break;
		case 2:
			log_add(log, INQ, .stream = stream, .counter = counter,
				.value = n);
			break;
		case 3:
			log_add(log, WRITE, .stream = stream,
				.flags = CRR_FLAG_CAPTURED, .counter = counter,
				.requested = n, .result = n, .offset = n,
				.data = bytes, .length = n);
			break;
		default:
			log_add(log, READ, .stream = stream, .counter = counter,
				.data = bytes, .length = n);
			break;
		}
	}
	counter += 1 + below(rng, 100);
	for (unsigned int i = 0; i < lines; i++)
		log_add(log, STREAM_END, .stream = i, .counter = counter,
			.reason = CRR_END_STOP);
	log_add(log, END, .counter = counter);
}

static void spoil(struct log *log, struct rng *rng)
{
	for (unsigned int i = 1 + below(rng, 3); i; i--)
		log->bytes[below(rng, log->length)] ^= 1 << below(rng, 8);
}

/* Feeds in odd portions, and again from anywhere before, when it is told so. */
static void be_feeder(const struct log *log)
{
	struct rng rng = { cell.seed ^ 0xfe };
	struct watcher watcher = {};
	size_t at = 0;

	for (;;) {
		struct crr_status st = status(cell.session);
		size_t n = CRR_RECORD_SIZE_MAX + below(&rng, 20000);
		struct record rec = {};
		__u64 from;
		long fed;

		if (st.facts & CRR_STATUS_SEEK) {
			from = chance(&rng, 50) ? 0 : st.seek_sequence;
			if (!seek_ack(cell.session, st.seek_generation, from)) {
				while (log_next(log, &rec) && rec.sequence < from)
					;
				at = rec.at;
			}
		}
		if (n > log->length - at)
			n = log->length - at;
		fed = n ? sys(write(cell.session, log->bytes + at, n)) : -EAGAIN;
		/* A log that is none. Whoever waits for more is told by our end. */
		if (fed == -EBADMSG)
			_exit(0);
		if (fed > 0)
			at += fed;
		else
			await(choose_way(&watcher, &rng, cell.session,
					 POLLOUT | POLLPRI, BY_SIGNAL),
			      1 + below(&rng, 10));
		if (chance(&rng, 20))
			nap(&rng, 5000);
	}
}

/* Looks on while others replay, through the clock as well if there is one. */
static void *looks_on(void *arg)
{
	struct rng rng = { cell.seed ^ 0x100 };
	struct line view = cell.user[0].line;
	pthread_t player = *(pthread_t *)arg;

	while (!cell.over) {
		struct user *user = &cell.user[below(&rng, cell.lines)];

		switch (below(&rng, 4)) {
		case 0:
			look_somehow(user->line.tty, POLLIN | POLLOUT, &rng,
				     below(&rng, 2));
			break;
		case 1:
			status(user->line.tty);
			break;
		case 2:
			pthread_kill(player, SIGUSR1);
			break;
		default:
			/* The one that there is, once more. */
			if (cell.user[0].line.clock >= 0) {
				map_clock(&view);
				close_clock(&view);
			}
			break;
		}
		nap(&rng, 2000);
	}
	return NULL;
}

/* The call that the record tells of. */
static long do_again(const struct record *rec)
{
	static char buf[CRR_READ_MAX], expected[CRR_READ_MAX];
	int tty = cell.user[rec->stream].line.tty;
	long n;

	switch (rec->type) {
	case CRR_TYPE_MARK:
		return mark(tty, "storm");
	case CRR_TYPE_OUTQ:
		n = unsent(tty);
		return n < 0 || n == rec->value ? n : -EBADMSG;
	case CRR_TYPE_INQ:
		n = arrived(tty);
		return n < 0 || n == rec->value ? n : -EBADMSG;
	case CRR_TYPE_WRITE:
		n = sys(write(tty, rec->data, rec->requested));
		return n < 0 || n == rec->result ? n : -EBADMSG;
	default:
		memcpy(expected, rec->data, rec->length);
		n = sys(read(tty, buf, sizeof(buf)));
		return n < 0 || (n == (long)rec->length &&
				 !memcmp(buf, expected, n)) ? n : -EBADMSG;
	}
}

/*
 * Wait until the record is due, as its user does before the call. Whatever it waits
 * by must report it: when it is fed, when the counter comes to it, or when the feeder
 * ends.
 */
static void await_record(struct watcher *watchers, const struct record *rec,
			 struct rng *rng)
{
	long long until = now_ms() + CELL_PATIENCE_MS / 2;
	bool in = rec->type == CRR_TYPE_READ || rec->type == CRR_TYPE_INQ;
	int tty = cell.user[rec->stream].line.tty;
	struct waiter *waiter;
	long ret;

	if (!in && rec->type != CRR_TYPE_WRITE)
		return;
	/* As long as there may be output no edge tells of it once more. */
	waiter = choose_way(&watchers[2 * rec->stream + in], rng, tty,
			    in ? POLLIN : POLLOUT, in ? WAYS_TO_WAIT : BY_EDGE);
	do {
		ret = await(waiter, 100);
	} while ((!ret || ret == -EINTR) && now_ms() < until);
	if (ret <= 0)
		fault("record %llu, type %u: not reported by %s: %ld, poll 0x%x",
		      (unsigned long long)rec->sequence, rec->type,
		      ways_to_wait[waiter->how], ret,
		      polled(tty, POLLIN | POLLOUT));
}

/* The end of the log is reported as an error once it is known. */
static void await_end(struct watcher *watchers, const struct record *end,
		      struct rng *rng)
{
	int tty = cell.user[0].line.tty;
	struct record read = { .type = CRR_TYPE_READ, .sequence = end->sequence };

	await_record(watchers, &read, rng);
	if (!eventually(polled(tty, POLLIN | POLLOUT) ==
			(POLLIN | POLLOUT | POLLERR)))
		fault("past the end: poll 0x%x", polled(tty, POLLIN | POLLOUT));
}

static int set_counter(__u64 counter)
{
	struct line *line = &cell.user[0].line;

	if (line->clock >= 0)
		put(*line->counter, counter);
	return count(line->clock >= 0 ? line->clock : line->tty, counter);
}

static void be_replaying(void)
{
	enum { GOOD, KILLED, RUBBISH } end = GOOD;
	struct watcher watchers[2 * CELL_LINES] = {};
	struct record *recs, rec = {}, *place = NULL;
	struct log log = {}, fed = {};
	pthread_t me = pthread_self(), other;
	unsigned int n = 0, first, tries = 0, killed_at = 0;
	struct crr_divergence div;
	pid_t feeder;
	bool live, waits;
	long ret;
	char c;

	waits = chance(&cell.rng, 75);
	if (chance(&cell.rng, 40))
		end = chance(&cell.rng, 50) ? KILLED : RUBBISH;
	live = end == GOOD && chance(&cell.rng, 30);
	if (!open_cell(10) ||
	    (chance(&cell.rng, 50) && map_clock(&cell.user[0].line)) ||
	    !open_cell_session())
		return;
	make_log(&log, &cell.rng, cell.lines, 20 + below(&cell.rng, 400));
	recs = calloc(log.length / 24, sizeof(*recs));
	if (!recs)
		abort();
	while (log_next(&log, &rec))
		recs[n++] = rec;
	log_append(&fed, log.bytes, log.length);
	if (end == RUBBISH)
		spoil(&fed, &cell.rng);
	if (end == KILLED)
		killed_at = below(&cell.rng, n);
	ret = live ? replay_live(cell.session, 0, 0) :
		     replay_from(cell.session, chance(&cell.rng, 50) ?
				 CRR_REPLAY_MUTE : 0, CRR_BUFFER_MIN);
	if (ret) {
		fault("REPLAY: %s", strerror(-ret));
		return;
	}
	feeder = child();
	if (!feeder)
		be_feeder(&fed);
	close_fd(&cell.session);
	begin_thread(&other, looks_on, &me);
	first = cell.lines;
	for (unsigned int i = first; i < n && ret >= 0; i++) {
		struct record *now = &recs[i];

		if (now->type == CRR_TYPE_STREAM_END)
			break;
		if (killed_at == i)
			murder(&feeder);
		do {
			ret = set_counter(now->counter);
		} while (ret == -EINTR);
		if (!ret && end == GOOD && chance(&cell.rng, 5)) {
			__u64 at = status(cell.user[0].line.tty).position;

			place = now;
			/* At first the feeder may be yet to come. */
			if (at > now->sequence ||
			    (at < now->sequence && i > first))
				fault("record %llu: another position",
				      (unsigned long long)now->sequence);
		}
		if (!ret && place && chance(&cell.rng, 3)) {
			do {
				ret = seek(cell.user[0].line.tty, place->sequence,
					   place->counter);
			} while (ret == -EINTR);
			board->seeks++;
			i = place - recs;
			now = place;
			place = NULL;
		}
		/* Of a log that is none, nobody knows what is due. */
		if (!ret && waits && end != RUBBISH)
			await_record(watchers, now, &cell.rng);
		while (!ret) {
			ret = do_again(now);
			if (ret != -EINTR || (end == RUBBISH && tries++ > 20))
				break;
			ret = 0;
		}
		if (ret < 0 && end == GOOD)
			fault("record %llu, type %u: %s",
			      (unsigned long long)now->sequence, now->type,
			      strerror(-ret));
	}
	if (end == GOOD && ret >= 0) {
		/* Past the end. */
		set_flags(cell.user[0].line.tty, O_NONBLOCK, true);
		do {
			ret = set_counter(log.counter + 1);
		} while (ret == -EINTR);
		if (waits && !live)
			await_end(watchers, &recs[n - 1], &cell.rng);
		do {
			ret = sys(read(cell.user[0].line.tty, &c, 1));
		} while (ret == -EINTR);
		if (ret != (live ? -EAGAIN : -ENODATA))
			fault("past the end: %ld", ret);
		if (status(cell.user[0].line.tty).state !=
		    (live ? CRR_STATE_IDLE : CRR_STATE_ENDED))
			fault("past the end: another state");
	}
	cell.over = true;
	murder(&feeder);
	end_thread(other);
	for (size_t i = 0; i < ARRAY_SIZE(watchers); i++)
		end_watcher(&watchers[i]);
	cell.session = open_session(cell.user[0].line.tty);
	if (cell.session < 0) {
		fault("taking over: %s", strerror(-(long)cell.session));
		return;
	}
	ret = stop(cell.session);
	if (end == GOOD && ret != (live ? -ENODATA : 0))
		fault("STOP: %ld", ret);
	if (end == GOOD && divergence(cell.session, &div) != -ENODATA)
		fault("a divergence of kind %u at record %llu", div.kind,
		      (unsigned long long)div.sequence);
	board->replays++;
}

/* ---- Those who keep to no rules ---- */

/* Each kind of fd has numbers of its own: who comes late meets another such. */
enum { TTYS = 100, PEERS = 200, SESSIONS = 300, CLOCKS = 400, EPOLLS = 500 };

static struct {
	atomic_int tty;
	atomic_int peer;
	atomic_int session;
	atomic_int clock;
	atomic_int epoll;
	atomic_ulong aio;	/* an aio_context_t */
	atomic_uintptr_t page[2];
} slots[CELL_LINES];

static void put_fd(atomic_int *slot, int fd, int from)
{
	int moved = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, from) : -1;

	if (fd >= 0)
		close(fd);
	fd = atomic_exchange(slot, moved);
	if (fd >= 0)
		close(fd);
}

static void unmap(atomic_uintptr_t *slot, void *page)
{
	uintptr_t old = atomic_exchange(slot, (uintptr_t)page);

	if (old)
		munmap((void *)old, sysconf(_SC_PAGESIZE));
}

/* Records that may be read: whole ones, and none is left out. */
static void read_session(int session, struct rng *rng)
{
	static __thread __u8 buf[64 << 10];
	struct log piece = { .bytes = buf };
	struct record rec = {};
	size_t size = CRR_RECORD_SIZE_MAX + below(rng, sizeof(buf) -
						  CRR_RECORD_SIZE_MAX);
	long n = sys(read(session, buf, chance(rng, 95) ? size : 20));
	__u64 next = 0;

	if (n <= 0)
		return;
	piece.length = n;
	while (log_next(&piece, &rec)) {
		if (rec.at && rec.sequence != next)
			fault("read(2) of a session: %llu, and not %llu",
			      (unsigned long long)rec.sequence,
			      (unsigned long long)next);
		next = rec.sequence + !(rec.type & CRR_TYPE_OPTIONAL);
	}
	if (rec.at + rec.size != piece.length)
		fault("read(2) of a session: not whole records");
	board->logs++;
}

static void feed_something(int session, struct rng *rng, const struct log *log)
{
	static __thread __u8 buf[64 << 10];
	size_t at = chance(rng, 70) ? 0 : below(rng, log->length);
	size_t n = log->length - at;

	if (n > sizeof(buf))
		n = sizeof(buf);
	if (chance(rng, 30))
		n = below(rng, n + 1);
	memcpy(buf, log->bytes + at, n);
	if (n && chance(rng, 20))
		buf[below(rng, n)] ^= 1 << below(rng, 8);
	write(session, buf, n);
}

/* An ioctl of ours with anything in it, on anything of ours. */
static void any_ioctl(int fd, struct rng *rng)
{
	__u64 words[32];
	__u32 size = chance(rng, 80) ? 8 * (1 + below(rng, 30)) : draw(rng);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = chance(rng, 70) ? 0 : draw(rng) >> below(rng, 64);
	words[0] = size;
	/* On a tty little else would get beyond it. */
	if (chance(rng, 90))
		memcpy((char *)words + offsetof(struct crr_counter, tty_fd),
		       &fd, sizeof(fd));
	/* Not one that makes fds, which nobody would close. */
	switch (_IO(CRR_IOC_TYPE, below(rng, 17))) {
	case CRR_IOC_SESSION:
	case CRR_IOC_CLOCK:
		return;
	default:
		ioctl(fd, _IO(CRR_IOC_TYPE, below(rng, 17) | 3), words);
		break;
	}
}

static void set_modes(int tty, struct rng *rng)
{
	struct termios termios;

	if (tcgetattr(tty, &termios))
		return;
	cfmakeraw(&termios);
	if (chance(rng, 20))
		termios.c_lflag |= ICANON;
	if (chance(rng, 20))
		termios.c_lflag |= ECHO | ISIG;
	if (chance(rng, 20))
		termios.c_iflag |= IXON | IXOFF;
	termios.c_cc[VMIN] = below(rng, 3);
	termios.c_cc[VTIME] = below(rng, 2);
	tcsetattr(tty, below(rng, 3), &termios);
}

/* Some fd of a slot: one of those that can be polled. */
static int some_fd(unsigned int i, struct rng *rng)
{
	switch (below(rng, 8)) {
	case 0:
		return slots[i].peer;
	case 1:
		return slots[i].session;
	case 2:
	case 3:
		return slots[i].epoll;
	default:
		return slots[i].tty;
	}
}

/* Polls, in all ways; epoll fds in epoll fds, and requests that nobody ends. */
static void wild_poll(unsigned int i, struct rng *rng)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	static const unsigned int odd[] = {
		0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLET | EPOLLRDHUP,
	};
	static struct iocb iocbs[16];
	int fd = some_fd(below(rng, CELL_LINES), rng);
	struct epoll_event event = {
		.events = (EPOLLIN | EPOLLOUT | EPOLLPRI) & draw(rng),
	};
	struct iocb *iocb = &iocbs[below(rng, ARRAY_SIZE(iocbs))];
	aio_context_t aio = slots[i].aio;
	struct io_event events[4];

	switch (below(rng, 16)) {
	case 0:
		put_fd(&slots[i].epoll, chance(rng, 90) ?
		       epoll_create1(EPOLL_CLOEXEC) : -1, EPOLLS);
		break;
	case 1 ... 4:
		event.events |= odd[below(rng, ARRAY_SIZE(odd))];
		epoll_ctl(slots[i].epoll, ops[below(rng, 3)], fd, &event);
		break;
	case 5:
	case 6:
		epoll_wait(slots[i].epoll, &event, 1, below(rng, 2));
		break;
	case 7:
		if (!aio && !io_setup(8, &aio))
			aio = atomic_exchange(&slots[i].aio, aio);
		if (aio && chance(rng, 20)) {
			aio = atomic_exchange(&slots[i].aio, 0);
			io_destroy(aio);
		}
		break;
	case 8 ... 10:
		io_poll(aio, iocb, fd, (POLLIN | POLLOUT) & draw(rng));
		break;
	case 11:
		io_cancel(aio, iocb);
		break;
	case 12:
		io_events(aio, ARRAY_SIZE(events), events, below(rng, 2));
		break;
	case 13:
		look_somehow(fd, (POLLIN | POLLOUT) & draw(rng), rng, below(rng, 2));
		break;
	case 14:
		fcntl(slots[i].tty, F_SETSIG, chance(rng, 50) ? SIGIO : SIGUSR1);
		set_flags(slots[i].tty, O_ASYNC, chance(rng, 70));
		break;
	default:
		fcntl(slots[i].tty, F_SETOWN, chance(rng, 30) ? -getpgrp() :
		      chance(rng, 30) ? 0 : getpid());
		break;
	}
}

static void wild_tty(int tty, struct rng *rng)
{
	struct pollfd pollfd = { .fd = tty, .events = POLLIN | POLLOUT };
	char buf[6000] = "storm\n\003\021\023\004";
	struct timespec moment = { .tv_nsec = 1000000 };

	switch (below(rng, 24)) {
	case 0:
		set_discipline(tty, chance(rng, 70) ? crr_discipline() : 0);
		break;
	case 1:
		if (chance(rng, 10))
			ioctl(tty, TIOCVHANGUP);
		break;
	case 2:
		set_modes(tty, rng);
		break;
	case 3:
		tcflush(tty, below(rng, 3));
		break;
	case 4:
		tcflow(tty, chance(rng, 30) ? below(rng, 4) : TCOON);
		break;
	case 5:
		set_flags(tty, chance(rng, 50) ? O_NONBLOCK : O_ASYNC,
			  chance(rng, 50));
		break;
	case 6:
		begin_checkpoint(tty, below(rng, 10000), below(rng, 100));
		break;
	case 7:
		end_checkpoint(tty);
		break;
	case 8:
		count(tty, below(rng, 10000));
		break;
	case 9:
		mark(tty, "storm");
		break;
	case 10:
		modem(tty, NULL);
		break;
	case 11:
		seek(tty, below(rng, 100), below(rng, 10000));
		break;
	case 12:
		arrived(tty);
		break;
	case 13:
		unsent(tty);
		break;
	case 14:
		ioctl(tty, TIOCSTI, "x");
		break;
	case 15:
		/* Into, and out of, memory that is not there. */
		syscall(chance(rng, 50) ? SYS_read : SYS_write, tty, 16, 100);
		break;
	case 16:
	case 17:
		ppoll(&pollfd, 1, &moment, NULL);
		break;
	case 18:
	case 19:
	case 20:
		write(tty, buf, 1 + below(rng, sizeof(buf)));
		break;
	default:
		read(tty, buf, 1 + below(rng, sizeof(buf)));
		break;
	}
}

static void wild_session(int session, struct rng *rng, const struct log *log)
{
	struct crr_divergence div;
	struct crr_status st;
	char value[32];

	switch (below(rng, 13)) {
	case 0:
		record_into(session, below(rng, 16), CRR_BUFFER_MIN);
		break;
	case 1:
		if (chance(rng, 50))
			replay_from(session, below(rng, 4), CRR_BUFFER_MIN);
		else
			replay_live(session, below(rng, 16), below(rng, 16));
		break;
	case 2:
		stop(session);
		break;
	case 3:
		divergence(session, &div);
		break;
	case 4:
		st = status(session);
		seek_ack(session, st.seek_generation, below(rng, 2) ?
			 st.seek_sequence : 0);
		break;
	case 5:
		polled(session, POLLIN | POLLOUT | POLLPRI);
		break;
	case 6:
	case 7:
		feed_something(session, rng, log);
		break;
	case 8:
		fdinfo(session, "crr-state", value, sizeof(value));
		break;
	default:
		read_session(session, rng);
		break;
	}
}

static void wild_clock(unsigned int i, struct rng *rng)
{
	int clock = slots[i].clock;
	bool write = chance(rng, 50);
	void *page;

	switch (below(rng, 4)) {
	case 0:
		page = mmap(NULL, sysconf(_SC_PAGESIZE),
			    write ? PROT_READ | PROT_WRITE : PROT_READ,
			    MAP_SHARED, clock, write ? CRR_CLOCK_COUNTER_OFFSET :
			    CRR_CLOCK_STATE_OFFSET);
		if (page == MAP_FAILED)
			break;
		if (write)
			put(((struct crr_clock_counter *)page)->counter,
			    below(rng, 10000));
		unmap(&slots[i].page[write], page);
		break;
	case 1:
		unmap(&slots[i].page[write], NULL);
		break;
	case 2:
		count(clock, below(rng, 10000));
		break;
	default:
		status(clock);
		break;
	}
}

/* What comes and goes. */
static void wild_lives(unsigned int i, struct rng *rng)
{
	unsigned int k = below(rng, CELL_LINES);
	struct line line;

	switch (below(rng, 10)) {
	case 0:
		if (open_pty(&line)) {
			close_line(&line);
			break;
		}
		set_flags(line.peer, O_NONBLOCK, true);
		if (chance(rng, 90))
			attach(line.tty);
		put_fd(&slots[i].tty, line.tty, TTYS);
		put_fd(&slots[i].peer, line.peer, PEERS);
		board->lines++;
		break;
	case 1:
	case 2:
	case 3:
		put_fd(&slots[i].session, open_session(slots[i].tty), SESSIONS);
		break;
	case 4:
		put_fd(&slots[i].clock, open_clock(slots[i].tty), CLOCKS);
		break;
	case 5:
		join(slots[i].tty, slots[k].session);
		break;
	case 6:
		put_fd(&slots[i].session, -1, 0);
		break;
	case 7:
		put_fd(&slots[i].clock, -1, 0);
		break;
	case 8:
		if (chance(rng, 20))
			put_fd(&slots[i].peer, -1, 0);
		break;
	default:
		if (chance(rng, 20))
			put_fd(&slots[i].tty, -1, 0);
		break;
	}
}

static void wild_deed(struct rng *rng, const struct log *log)
{
	unsigned int i = below(rng, CELL_LINES);
	char buf[3000] = "peer\n";

	board->calls++;
	switch (below(rng, 20)) {
	case 16 ... 19:
		wild_poll(i, rng);
		break;
	case 0:
	case 1:
		wild_lives(i, rng);
		break;
	case 2:
		wild_clock(i, rng);
		break;
	case 3:
		any_ioctl(chance(rng, 50) ? slots[i].tty : slots[i].session, rng);
		break;
	case 4:
	case 5:
	case 6:
		write(slots[i].peer, buf, 1 + below(rng, sizeof(buf)));
		read(slots[i].peer, buf, sizeof(buf));
		break;
	case 7:
	case 8:
	case 9:
		wild_session(slots[i].session, rng, log);
		break;
	default:
		wild_tty(slots[i].tty, rng);
		break;
	}
}

struct savage {
	struct rng rng;
	const struct log *log;
	pthread_t thread;
};

static void *does_anything(void *arg)
{
	struct savage *savage = arg;

	while (!cell.over)
		wild_deed(&savage->rng, savage->log);
	return NULL;
}

static void be_wild(void)
{
	enum { SAVAGES = 6 };
	struct savage savages[SAVAGES];
	struct log log = {};
	long long until;

	make_log(&log, &cell.rng, 1 + below(&cell.rng, 3), 50);
	for (int i = 0; i < CELL_LINES; i++) {
		struct user user;

		slots[i].tty = slots[i].peer = -1;
		slots[i].session = slots[i].clock = slots[i].epoll = -1;
		/* The port is given back when the cell has gone. */
		if (i < 2 && !open_user(&user, &cell.rng, 20)) {
			attach(user.line.tty);
			put_fd(&slots[i].tty, user.line.tty, TTYS);
			put_fd(&slots[i].peer, user.line.peer, PEERS);
		}
	}
	for (int i = 0; i < SAVAGES; i++) {
		savages[i].rng.state = draw(&cell.rng);
		savages[i].log = &log;
		begin_thread(&savages[i].thread, does_anything, &savages[i]);
	}
	until = now_ms() + below(&cell.rng, 2000);
	do {
		pthread_kill(savages[below(&cell.rng, SAVAGES)].thread, SIGUSR1);
		if (chance(&cell.rng, 2) && !child()) {
			/* Has all fds, and is killed in whatever it does. */
			struct rng rng = { draw(&cell.rng) };

			alarm(1);
			for (unsigned int n = below(&rng, 200); n; n--)
				wild_deed(&rng, &log);
			_exit(0);
		}
		nap(&cell.rng, 3000);
	} while (now_ms() < until);
	/* The others are wherever they are. */
	_exit(0);
}

/* ---- Those without rights ---- */

/*
 * Unprivileged users may have sessions of their own, whose feeder never feeds. That
 * may stop their own reads and writes, and nothing else: no poll of any kind waits
 * for the feeder, neither theirs nor that of other users whose epoll fds need the same
 * locks. Each such call is noted down before it is made: watch_prompts().
 */
#define NOBODY		65534
#define PROMPT_FDS	24

static __thread struct prompt *prompt;

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

#define prompt_call(_call, _expression)					\
({									\
	long long _begun = now_us();					\
	long _result;							\
									\
	prompt->call = _call;						\
	prompt->number++;						\
	_result = _expression;						\
	prompt->number++;						\
	prompt_ends(_call, now_us() - _begun);				\
	_result;							\
})

static void prompt_ends(enum prompt_call call, long long us)
{
	prompt->calls++;
	if (us > prompt->longest[call])
		prompt->longest[call] = us;
}

static bool drop_rights(void)
{
	/* On 5.10 a user may pin 64 KiB. */
	struct rlimit locked = { 64 << 20, 64 << 20 };
	bool done = !setrlimit(RLIMIT_MEMLOCK, &locked) && !setgroups(0, NULL) &&
		    !setresgid(NOBODY, NOBODY, NOBODY) &&
		    !setresuid(NOBODY, NOBODY, NOBODY);

	/* The change of users has reset it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return done;
}

/* The first of its threads writes down the others' numbers, too. */
static void begin_prompt(struct prompt *of)
{
	prompt = of;
	prompt->pid = getpid();
	prompt->kind = cell.kind;
	prompt->tid = syscall(SYS_gettid);
}

/* What the threads of such a process have in common. */
static struct {
	atomic_int epoll[6];
	atomic_int fd[PROMPT_FDS];	/* pipes and ttys */
} ours;

static int any_of_ours(struct rng *rng)
{
	return chance(rng, 40) ? ours.epoll[below(rng, ARRAY_SIZE(ours.epoll))] :
				 ours.fd[below(rng, PROMPT_FDS)];
}

static void prompt_aio(aio_context_t *aio, struct iocb *iocbs, unsigned int n,
		       struct rng *rng)
{
	struct iocb *iocb = &iocbs[below(rng, n)];
	struct io_event events[8];
	int fd = any_of_ours(rng);

	switch (below(rng, 12)) {
	case 0:
		if (*aio)
			prompt_call(DESTROY, io_destroy(*aio));
		io_setup(64, aio);
		break;
	case 1:
	case 2:
		prompt_call(CANCEL, io_cancel(*aio, iocb));
		break;
	case 3:
	case 4:
		prompt_call(EVENTS, io_events(*aio, ARRAY_SIZE(events), events, 0));
		break;
	default:
		prompt_call(SUBMIT, io_poll(*aio, iocb, fd, POLLIN));
		break;
	}
}

/* One call after the other, none of which is to wait. */
static void prompt_deed(aio_context_t *aio, struct iocb *iocbs, unsigned int n,
			struct rng *rng)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	atomic_int *epoll = &ours.epoll[below(rng, ARRAY_SIZE(ours.epoll))];
	int fd = any_of_ours(rng);
	struct epoll_event event = {
		.events = EPOLLIN | (draw(rng) & (EPOLLOUT | EPOLLET)),
	};
	struct waiter by_select = { .how = BY_SELECT, .fd = fd, .events = POLLIN };

	switch (below(rng, 16)) {
	case 0 ... 5:
		prompt_call(CTL, epoll_ctl(*epoll, ops[below(rng, 3)], fd, &event));
		break;
	case 6:
	case 7:
		prompt_call(WAIT, epoll_wait(*epoll, &event, 1, 0));
		break;
	case 8:
		prompt_call(POLL, polled(fd, POLLIN | POLLOUT));
		break;
	case 9:
		prompt_call(SELECT, await(&by_select, 0));
		break;
	case 10:
		if (chance(rng, 10))
			prompt_call(CLOSE, (put_fd(epoll, epoll_create1(EPOLL_CLOEXEC),
						   EPOLLS), 0));
		break;
	default:
		prompt_aio(aio, iocbs, n, rng);
		break;
	}
}

static void *is_prompt(void *arg)
{
	struct rng rng = { cell.seed ^ 0x99 };
	struct iocb iocbs[32];
	aio_context_t aio = 0;

	begin_prompt(arg);
	while (!board->calm) {
		prompt_deed(&aio, iocbs, ARRAY_SIZE(iocbs), &rng);
		if (chance(&rng, 10))
			nap(&rng, 1000);
	}
	if (aio)
		prompt_call(DESTROY, io_destroy(aio));
	return NULL;
}

static void open_ours(void)
{
	for (size_t i = 0; i < PROMPT_FDS; i++)
		ours.fd[i] = -1;
	for (size_t i = 0; i < ARRAY_SIZE(ours.epoll); i++) {
		ours.epoll[i] = -1;
		put_fd(&ours.epoll[i], epoll_create1(EPOLL_CLOEXEC), EPOLLS);
	}
}

/* Pipes, ptys with N_TTY, and what others may open of those that are stalled. */
static void be_bystander(void)
{
	struct rng rng = { draw(&cell.rng) };
	struct iocb iocbs[8];
	aio_context_t aio = 0;
	pthread_t other;
	char buf[64];

	if (!drop_rights()) {
		fault("root is needed to drop rights");
		return;
	}
	open_ours();
	for (int i = 0; i < 8; i += 2) {
		int pipes[2] = { -1, -1 };

		if (!pipe2(pipes, O_CLOEXEC | O_NONBLOCK)) {
			ours.fd[i] = pipes[0];
			ours.fd[i + 1] = pipes[1];
		}
	}
	for (int i = 8; i < 12; i += 2) {
		struct line line;

		if (!open_pty(&line)) {
			set_flags(line.tty, O_NONBLOCK, true);
			set_flags(line.peer, O_NONBLOCK, true);
			ours.fd[i] = line.tty;
			ours.fd[i + 1] = line.peer;
		}
	}
	begin_thread(&other, is_prompt, &board->prompts[1]);
	begin_prompt(&board->prompts[0]);
	while (!board->calm) {
		unsigned int i = below(&rng, 12), k = below(&rng, STALLED_LINES);
		char name[sizeof(board->stalled[0])];

		/* Something happens. */
		write(ours.fd[i], "bystander\n", 10);
		read(ours.fd[below(&rng, 12)], buf, sizeof(buf));
		/* The tty core has them wait whose tty's discipline is changed. */
		if (chance(&rng, 5)) {
			memcpy(name, board->stalled[k], sizeof(name));
			name[sizeof(name) - 1] = 0;
			put_fd(&ours.fd[12 + k], open(name, O_RDWR | O_NOCTTY |
						      O_CLOEXEC | (chance(&rng, 50) ?
						      O_NONBLOCK : 0)), TTYS);
		}
		prompt_deed(&aio, iocbs, ARRAY_SIZE(iocbs), &rng);
		if (chance(&rng, 10))
			nap(&rng, 1000);
	}
	end_thread(other);
}

/* A replay that is told little or nothing, and then no more. */
static void stall(struct line *line, struct rng *rng)
{
	__u64 counter = 1 + below(rng, 100);
	struct log log = {};

	if (open_line(line) ||
	    replay_from(line->session, below(rng, 2) ? CRR_REPLAY_GATED : 0,
			CRR_BUFFER_MIN))
		return;
	set_flags(line->tty, O_NONBLOCK, chance(rng, 50));
	if (chance(rng, 50))
		map_clock(line);
	switch (below(rng, 4)) {
	case 0:
		break;
	case 1:
		log_begin(&log);
		break;
	default:
		log_begin(&log);
		log_write(&log, counter, 1, "x", 1, CRR_FLAG_CAPTURED);
		log_read(&log, counter + 1, 0, "y", 1);
		break;
	}
	if (log.length)
		feed_log(line->session, &log);
	log_free(&log);
	count(line->clock >= 0 ? line->clock : line->tty,
	      chance(rng, 70) ? counter + below(rng, 3) : 0);
}

/* With requests under way, and gone. */
static void leave_in_the_middle(struct rng *rng)
{
	static struct iocb iocbs[16];
	static struct prompt unwatched;
	aio_context_t aio;
	pid_t pid = child();

	if (!pid) {
		prompt = &unwatched;
		io_setup(64, &aio);
		for (int i = 0; i < 100; i++)
			prompt_deed(&aio, iocbs, ARRAY_SIZE(iocbs), rng);
		_exit(0);
	}
	prompt_call(END, waitpid(pid, NULL, 0));
}

static void be_stalled(void)
{
	struct line lines[STALLED_LINES];
	struct rng rng = { draw(&cell.rng) };
	struct iocb iocbs[8];
	aio_context_t aio = 0;
	struct termios termios;
	pthread_t other;

	if (!drop_rights()) {
		fault("root is needed to drop rights");
		return;
	}
	open_ours();
	for (int i = 0; i < STALLED_LINES; i++)
		lines[i] = (struct line){ -1, -1, -1, -1 };
	begin_thread(&other, is_prompt, &board->prompts[3]);
	begin_prompt(&board->prompts[2]);
	while (!board->calm) {
		unsigned int i = below(&rng, STALLED_LINES);
		struct line *line = &lines[i];

		switch (below(&rng, 60)) {
		case 0:
			/* The last fds of it are perhaps others'. */
			put_fd(&ours.fd[i], -1, 0);
			close_line(line);
			stall(line, &rng);
			put_fd(&ours.fd[i], dup(line->tty), TTYS);
			memcpy(board->stalled[i], line->name, sizeof(line->name));
			break;
		case 1:
			/* Wakes all who poll it, for no reason. */
			if (line->tty >= 0 && !tcgetattr(line->tty, &termios))
				tcsetattr(line->tty, TCSANOW, &termios);
			break;
		case 2:
			if (line->tty >= 0)
				count(line->tty, status(line->tty).counter +
				      below(&rng, 3));
			break;
		case 3:
			if (line->tty >= 0)
				set_flags(line->tty, chance(&rng, 50) ?
					  O_NONBLOCK : O_ASYNC, chance(&rng, 50));
			break;
		case 4:
			leave_in_the_middle(&rng);
			break;
		default:
			prompt_deed(&aio, iocbs, ARRAY_SIZE(iocbs), &rng);
			break;
		}
		if (chance(&rng, 10))
			nap(&rng, 1000);
	}
	end_thread(other);
	for (int i = 0; i < STALLED_LINES; i++)
		close_line(&lines[i]);
}

/* ---- The machine ---- */

static bool write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	close_fd(&fd);
	return done;
}

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

static void be_plug(void)
{
	for (unsigned int i = 1 + below(&cell.rng, 5); i; i--) {
		if (!write_file(CPU1, "0"))
			break;
		nap(&cell.rng, 200000);
		if (write_file(CPU1, "1"))
			board->plugs++;
		nap(&cell.rng, 300000);
	}
}

/* In, as soon as there is a door, a few steps, and out again. */
static void be_door(void)
{
	long long until = now_ms() + 1500;
	struct line line;
	char buf[256];

	while (now_ms() < until) {
		if (!open_line(&line)) {
			record_into(line.session, 0, CRR_BUFFER_MIN);
			write(line.tty, "door", 4);
			close_fd(&line.peer);
			read(line.tty, buf, sizeof(buf));
			board->lines++;
		}
		if (chance(&cell.rng, 50))
			close_fd(&line.tty);
		close_line(&line);
	}
}

/* ---- Many lines ---- */

#define MANY_CELLS	8

static struct {
	unsigned int sessions;	/* of each cell */
	unsigned int lines;	/* of each session */
	long long seconds;
} many;

/* A session with its lines, in a cell that has several. */
struct crowd {
	struct user *user;
	size_t *sent;
	int session;
	__u64 next;
	struct log log;
};

static bool open_crowd(struct crowd *crowd)
{
	crowd->user = calloc(many.lines, sizeof(*crowd->user));
	crowd->sent = calloc(many.lines, sizeof(*crowd->sent));
	if (!crowd->user || !crowd->sent)
		abort();
	for (unsigned int i = 0; i < many.lines; i++) {
		struct user *user = &crowd->user[i];
		int ret = open_user(user, &cell.rng, 0);

		user->got = malloc(GOT_MAX + 6100);
		ret = ret ?: set_flags(user->line.tty, O_NONBLOCK, true);
		ret = ret ?: attach(user->line.tty);
		if (!ret && !i) {
			crowd->session = open_session(user->line.tty);
			ret = crowd->session < 0 ? crowd->session : 0;
		} else if (!ret) {
			ret = join(user->line.tty, crowd->session) - (int)i;
		}
		if (ret || !user->got) {
			fault("line %u: %s", i, strerror(-ret));
			return false;
		}
	}
	return !record_into(crowd->session,
			    chance(&cell.rng, 50) ? CRR_RECORD_CAPTURE : 0,
			    CRR_BUFFER_MIN);
}

/* All that has to do with one of its lines, by one thread. */
static void crowd_deed(struct crowd *crowd)
{
	unsigned int i = below(&cell.rng, many.lines);
	struct user *user = &crowd->user[i];
	size_t size = 1 + below(&cell.rng, 2000);
	char buf[8192], expected[8192];
	ssize_t n;

	switch (below(&cell.rng, 8)) {
	case 0:
		pattern(buf, size, crowd->sent[i]);
		n = write(user->line.peer, buf, size);
		crowd->sent[i] += n > 0 ? n : 0;
		break;
	case 1:
		n = read(user->line.peer, buf, sizeof(buf));
		break;
	case 2:
		take(crowd->session, &crowd->log, &crowd->next, 128 << 10);
		break;
	case 3:
		polled(user->line.tty, POLLIN | POLLOUT);
		count(user->line.tty, status(user->line.tty).counter + 1);
		break;
	case 4:
		if (user->written < GOT_MAX)
			write_some(user, &cell.rng);
		break;
	case 5:
		if (chance(&cell.rng, 1) && i && !detach(user->line.tty))
			user->left = true;
		break;
	default:
		if (user->got_length >= GOT_MAX)
			break;
		size = user->got_length;
		read_some(user, &cell.rng);
		if (user->got_length - size > sizeof(expected))
			break;
		pattern(expected, user->got_length - size, size);
		/* A change of disciplines discards what was not read. */
		if (!user->left &&
		    memcmp(user->got + size, expected, user->got_length - size))
			fault("line %u: other bytes from %zu on", i, size);
		break;
	}
}

static void be_many(void)
{
	struct crowd *crowds = calloc(many.sessions, sizeof(*crowds));
	long long until;

	if (!crowds)
		abort();
	for (unsigned int i = 0; i < many.sessions; i++)
		if (!open_crowd(&crowds[i])) {
			fault("session %u", i);
			return;
		}
	/* So that all lines are there at once. */
	board->ready++;
	while (board->ready < MANY_CELLS && !board->faults)
		breathe();
	until = now_ms() + 1000 * many.seconds;
	while (now_ms() < until && !board->faults)
		crowd_deed(&crowds[below(&cell.rng, many.sessions)]);
	for (unsigned int i = 0; i < many.sessions; i++) {
		struct crowd *crowd = &crowds[i];
		int ret = stop(crowd->session);

		if (ret)
			fault("STOP: %s", strerror(-ret));
		take_all(crowd->session, &crowd->log);
		check_log(&crowd->log, crowd->user, many.lines, true, true);
	}
}

/* ---- Cells, and who watches over them ---- */

struct watched {
	pid_t pid;		/* and process group */
	enum kind kind;
	__u64 seed;
	long long due;
	bool doomed;		/* it is killed at .. */
	long long doom;
};

static void become(enum kind kind, __u64 seed)
{
	static void (* const life[])(void) = {
		[RECORDING] = be_recording, [REPLAYING] = be_replaying,
		[WILD] = be_wild, [PLUG] = be_plug, [DOOR] = be_door,
		[MANY] = be_many, [STALLED] = be_stalled,
		[BYSTANDER] = be_bystander,
	};
	static const int ignored[] = {
		SIGHUP, SIGIO, SIGPIPE, SIGTTIN, SIGTTOU, SIGTSTP, SIGINT, SIGQUIT,
	};

	setpgid(0, 0);
	cell.kind = kind;
	cell.seed = seed;
	cell.rng.state = seed;
	catch_interrupts(false);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	life[kind]();
	for (unsigned int i = 0; i < cell.lines; i++)
		close_user(&cell.user[i]);
	_exit(0);
}

static void start_cell(struct watched *w, enum kind what, struct rng *rng)
{
	*w = (struct watched){
		.kind = what, .seed = draw(rng),
		.due = now_ms() + CELL_PATIENCE_MS,
		/* The processor must come back, and all of many be there. */
		.doomed = what != PLUG && what < MANY &&
			  chance(rng, what == WILD ? 50 : 15),
		.doom = now_ms() + below(rng, 2000),
	};
	w->pid = child();
	if (!w->pid)
		become(what, w->seed);
	setpgid(w->pid, w->pid);
	board->cells[what]++;
}

static void print_file(const char *directory, const char *name)
{
	char path[PATH_MAX], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		fprintf(stderr, "#     %s: %s%s", name, line,
			strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

/* Where its threads sit. */
static void print_process(pid_t pid)
{
	char path[64], task[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(task, sizeof(task), "%s/%s", path, entry->d_name);
		fprintf(stderr, "#   process %d, thread %s\n", pid,
			entry->d_name);
		print_file(task, "stat");
		print_file(task, "wchan");
		print_file(task, "syscall");
		print_file(task, "stack");
	}
	closedir(dir);
}

static void print_group(pid_t group)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 0 && getpgid(pid) == group)
			print_process(pid);
	}
	if (dir)
		closedir(dir);
}

static char thread_state(pid_t pid, pid_t tid)
{
	char path[64], line[512];
	const char *state = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	file = fopen(path, "r");
	if (!file)
		return '-';
	if (fgets(line, sizeof(line), file))
		state = strrchr(line, ')');
	fclose(file);
	return state && state[1] == ' ' ? state[2] : '-';
}

/*
 * Is a thread stuck in a call that must not wait? A thread that only lacks a
 * processor is found to be runnable; and where the processors are busy, these looks
 * come more slowly as well.
 */
static void watch_prompts(void)
{
	enum { LOOKS = 200 };
	static struct {
		unsigned int number;
		unsigned int looks;
		long long since;
	} seen[PROMPTS];

	for (int i = 0; i < PROMPTS; i++) {
		struct prompt *p = &board->prompts[i];
		unsigned int number = p->number;
		char state;

		if (!(number & 1) || number != seen[i].number) {
			seen[i].number = number;
			seen[i].looks = 0;
			continue;
		}
		state = thread_state(p->pid, p->tid);
		if (state != 'S' && state != 'D') {
			seen[i].looks = 0;
			continue;
		}
		if (!seen[i].looks++)
			seen[i].since = now_ms();
		if (seen[i].looks < LOOKS || now_ms() - seen[i].since < PATIENCE_MS)
			continue;
		fault("a %s process is stuck in %s, state %c, for %lld ms",
		      kinds[p->kind], prompt_calls[p->call], state,
		      now_ms() - seen[i].since);
		print_process(p->pid);
		write_file("/proc/sysrq-trigger", "w");
		/* With it end what others may be stuck in, and the storm. */
		kill(p->pid, SIGKILL);
		seen[i].looks = 0;
	}
}

/* What of the cells has ended? Those that never will are shown. */
static unsigned int watch(struct watched *cells, unsigned int n)
{
	unsigned int alive = 0;

	watch_prompts();
	for (unsigned int i = 0; i < n; i++) {
		struct watched *w = &cells[i];
		int how;

		if (!w->pid)
			continue;
		if (w->doomed && now_ms() >= w->doom) {
			kill(-w->pid, SIGKILL);
			w->doomed = false;
		}
		if (waitpid(w->pid, &how, WNOHANG) == w->pid) {
			/* Its children do not outlive it by much. */
			kill(-w->pid, SIGKILL);
			if (WIFSIGNALED(how) && WTERMSIG(how) != SIGKILL) {
				board->faults++;
				fprintf(stderr, "# seed %llu, %s: signal %d\n",
					(unsigned long long)w->seed,
					kinds[w->kind], WTERMSIG(how));
			}
			w->pid = 0;
			continue;
		}
		alive++;
		if (now_ms() < w->due)
			continue;
		board->faults++;
		fprintf(stderr, "# seed %llu, %s: hangs\n",
			(unsigned long long)w->seed, kinds[w->kind]);
		print_group(w->pid);
		write_file("/proc/sysrq-trigger", "w");
		kill(-w->pid, SIGKILL);
		w->due = LLONG_MAX;
	}
	return alive;
}

/* All that descended from us has gone; where it has not, it is shown. */
static bool all_gone(struct watched *cells, unsigned int n)
{
	long long until = now_ms() + CELL_PATIENCE_MS + PATIENCE_MS;

	while (watch(cells, n) && now_ms() < until)
		breathe();
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			break;
		if (!pid && now_ms() > until) {
			fprintf(stderr, "# somebody is left\n");
			print_group(getpgid(0));
			return false;
		}
		if (!pid)
			breathe();
	}
	/* Who was killed gave no port back. */
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		board->port_taken[i] = false;
	return true;
}

/* ---- The module ---- */

static long references(void)
{
	FILE *file = fopen("/sys/module/n_crr/refcnt", "r");
	long n = -1;

	if (file) {
		if (fscanf(file, "%ld", &n) != 1)
			n = -1;
		fclose(file);
	}
	return n;
}

static int unload(void)
{
	return sys(syscall(SYS_delete_module, "n_crr", O_NONBLOCK));
}

static bool load(void)
{
	return !system("modprobe n_crr");
}

/* It is not for us to unload what others use, or have set up in their own way. */
static bool may_unload(void)
{
	return references() == 0 && crr_discipline() == N_CRR;
}

/* ---- All at once ---- */

FIXTURE(storm) {
	struct rng rng;
	bool may_unload;
};

FIXTURE_SETUP(storm)
{
	const char *missing = crr_unavailable();
	__u64 seed = env_number("CRR_SEED", now_ms() & 0xffffff);

	if (missing)
		SKIP(return, "%s", missing);
	if (user_mode_linux())
		SKIP(return, "user-mode Linux has no processors to unplug, and dies of interrupted forks");
	board = shared(sizeof(*board));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	self->rng.state = seed;
	self->may_unload = may_unload();
	fprintf(stderr, "# CRR_SEED=%llu\n", (unsigned long long)seed);
}

FIXTURE_TEARDOWN(storm)
{
}

static enum kind some_kind(struct rng *rng)
{
	const char *only = getenv("CRR_KIND");

	for (unsigned int i = 0; only && i < KINDS; i++)
		if (!strcmp(only, kinds[i]))
			return i;
	switch (below(rng, 10)) {
	case 0:
	case 1:
	case 2:
		return WILD;
	case 3:
	case 4:
		return REPLAYING;
	default:
		return RECORDING;
	}
}

#define UNPRIVILEGED "/sys/module/n_crr/parameters/unprivileged"

static void start_prompts(struct watched *stalled, struct watched *bystander,
			  struct rng *rng)
{
	for (int i = 0; i < PROMPTS; i++)
		board->prompts[i].number = 0;
	memset(board->stalled, 0, sizeof(board->stalled));
	board->calm = false;
	if (!write_file(UNPRIVILEGED, "Y"))
		fault("sessions are not for everybody");
	start_cell(stalled, STALLED, rng);
	start_cell(bystander, BYSTANDER, rng);
	/* They have no end of their own. */
	stalled->due = bystander->due = LLONG_MAX;
}

static void end_prompts(struct watched *stalled, struct watched *bystander)
{
	board->calm = true;
	stalled->due = bystander->due = now_ms() + CELL_PATIENCE_MS;
	write_file(UNPRIVILEGED, "N");
}

/*
 * Cells for some time, with the module in use, which it says; behind them there
 * is room for the one that plugs, and those without rights.
 */
static void blow(struct rng *rng, struct watched *cells, unsigned int n,
		 long long until, bool may_unload)
{
	struct watched *plug = &cells[n], *stalled = plug + 1, *bystander = plug + 2;
	struct line anchor;
	int ret;

	cell.kind = KINDS - 1;
	if (open_line(&anchor))
		fault("no line");
	start_prompts(stalled, bystander, rng);
	while (now_ms() < until && !board->faults) {
		unsigned int i = below(rng, n);

		if (!cells[i].pid)
			start_cell(&cells[i], some_kind(rng), rng);
		if (!plug->pid && chance(rng, 2) && !access(CPU1, W_OK))
			start_cell(plug, PLUG, rng);
		if (may_unload && chance(rng, 2)) {
			ret = unload();
			if (ret != -EBUSY && ret != -EAGAIN)
				fault("in use, and unloaded: %s",
				      strerror(-ret));
			board->busy++;
		}
		watch(cells, n + OTHERS);
		nap(rng, 30000);
	}
	end_prompts(stalled, bystander);
	if (!all_gone(cells, n + OTHERS))
		fault("not all have gone");
	close_line(&anchor);
}

/* The module goes and comes, and some are at its door all the time. */
static void revolve(struct rng *rng)
{
	struct watched doors[3];
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
		start_cell(&doors[i], DOOR, rng);
	while (watch(doors, ARRAY_SIZE(doors))) {
		ret = unload();
		if (!ret && !load())
			fault("not loaded again");
		if (ret && ret != -EBUSY && ret != -EAGAIN)
			fault("not unloaded: %s", strerror(-ret));
		board->loads += !ret;
		nap(rng, 20000);
	}
	all_gone(doors, ARRAY_SIZE(doors));
}

/* How long the calls took that must not wait: the longest of each kind, in ms. */
static void print_prompts(void)
{
	for (enum kind kind = STALLED; kind <= BYSTANDER; kind++) {
		long long longest[PROMPT_CALLS] = {};
		unsigned long calls = 0;

		for (int i = 0; i < PROMPTS; i++) {
			struct prompt *p = &board->prompts[i];

			if (p->kind != kind)
				continue;
			calls += p->calls;
			for (int k = 0; k < PROMPT_CALLS; k++)
				if (p->longest[k] > longest[k])
					longest[k] = p->longest[k];
		}
		fprintf(stderr, "# %s: %lu calls, the longest in ms:",
			kinds[kind], calls);
		for (int k = 0; k < PROMPT_CALLS; k++)
			if (longest[k])
				fprintf(stderr, " %s %.1f", prompt_calls[k],
					longest[k] / 1000.0);
		fprintf(stderr, "\n");
	}
}

/* A storm in which nothing is done is none, however slow the machine is. */
static bool has_blown(void)
{
	return getenv("CRR_KIND") ||
	       (board->logs && board->calls && board->replays);
}

TEST_F_TIMEOUT(storm, all_at_once, 100000)
{
	long long seconds = env_number("CRR_SECONDS", 6);
	unsigned int n = env_number("CRR_CELLS", 4);
	long long begun = now_ms(), until = begun + seconds * 1000;
	struct watched cells[CELLS_MAX + OTHERS] = {};
	struct rng *rng = &self->rng;

	if (n > CELLS_MAX)
		n = CELLS_MAX;
	do {
		long long part = now_ms() + 1500;

		part += part < until ? below(rng, until - part) % 8000 : 0;
		blow(rng, cells, n, part, self->may_unload);
		ASSERT_EQ(0, board->faults);
		if (!self->may_unload)
			continue;
		ASSERT_TRUE(eventually(!references()));
		ASSERT_EQ(0, unload());
		ASSERT_TRUE(load());
		board->loads++;
		if (chance(rng, 25) || now_ms() >= until)
			revolve(rng);
		ASSERT_EQ(0, board->faults);
	} while (now_ms() < until ||
		 (!has_blown() && now_ms() < until + CELL_PATIENCE_MS));
	fprintf(stderr,
		"# %lld s: cells %lu recording, %lu replaying, %lu wild; %lu lines\n",
		(now_ms() - begun) / 1000, board->cells[RECORDING],
		board->cells[REPLAYING], board->cells[WILD], board->lines);
	fprintf(stderr,
		"# %lu logs, %lu records, %lu bytes; %lu replays, %lu seeks; %lu controllers killed; %lu wild calls\n",
		board->logs, board->records, board->bytes, board->replays,
		board->seeks, board->takeovers, board->calls);
	print_prompts();
	fprintf(stderr,
		"# processor unplugged %lu times; module busy %lu times, loaded again %lu times\n",
		board->plugs, board->busy, board->loads);
	EXPECT_TRUE(has_blown());
}

TEST_F_TIMEOUT(storm, many_lines, 100000)
{
	struct watched cells[MANY_CELLS];
	unsigned int sessions = env_number("CRR_SESSIONS", 16);

	many.sessions = sessions / MANY_CELLS;
	many.lines = (env_number("CRR_LINES", 200) + sessions - 1) / sessions;
	many.seconds = env_number("CRR_SECONDS", 6);
	ASSERT_LT(0, many.sessions);
	ASSERT_GE(MOST_STREAMS, many.lines);
	for (int i = 0; i < MANY_CELLS; i++)
		start_cell(&cells[i], MANY, &self->rng);
	ASSERT_TRUE(all_gone(cells, MANY_CELLS));
	ASSERT_EQ(0, board->faults);
	fprintf(stderr, "# %lu lines in %lu sessions: %lu records, %lu bytes\n",
		board->lines, board->logs, board->records, board->bytes);
	EXPECT_EQ(many.sessions * MANY_CELLS, board->logs);
	EXPECT_LT(0, board->records);
}

TEST_HARNESS_MAIN
