// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call costs under N_CRR, and what it costs under N_TTY: in a guest
 * whose time is the number of instructions that it has executed (rig/boot -i).
 *
 *   bench [-q]		every row, or with -q a few calls of those that repeat
 *			best. Prints a line for each row and mode, with tabs:
 *			row, mode, instructions a call under N_TTY, in the mode,
 *			how many calls there were of each
 *   bench ROW MODE	this one alone
 *   bench -p		on any machine: nanoseconds of an idle poll through the
 *			clock's page
 *
 * A mode is compared with N_TTY on a second line of the same kind. Batches of
 * calls alternate between the two, and the medians of the batches are what
 * counts: the clock's interrupt falls into few of them. At any time there is
 * one line of each, so that neither has to be looked for among others.
 *
 * What empty_reads the buffer of a recording, and what feeds a replay, runs
 * between the batches, unmeasured: it is another process's work. In "bulk" it
 * is measured.
 */
#include <dlfcn.h>
#include <semaphore.h>
#include <x86intrin.h>

#include "crr.h"
#include "crr_test.h"

#define CHUNK		4096
/* In replay: the counter of a record that is never reached. */
#define FAR		(1ULL << 60)
/* Records that may wait; no batch has more. */
#define BUFFER		(16U << 20)
#define MOST_ROUNDS	21
/* The first batches find nothing where it will be, and do not count. */
#define WARM		2

enum mode {
	PLAIN,			/* N_TTY */
	IDLE,			/* N_CRR, in no session */
	CAPTURE,		/* recorded, as crrctl does unless told otherwise */
	FREE,			/* recorded, without the bytes of writes */
	GATED_CAPTURE,		/* the same with gated delivery, in a checkpoint */
	GATED,
	REPLAY,
	MODES,
};

static const char * const mode_names[MODES] = {
	"tty", "idle", "capture", "free", "gated-capture", "gated", "replay",
};

#define IN(_mode)	(1U << (_mode))
#define ALL		(IN(MODES) - 1 - IN(PLAIN))
#define SESSION		(ALL & ~IN(IDLE))
#define PRELOADED	IN(CAPTURE)
#define ANY_GATED	(IN(GATED) | IN(GATED_CAPTURE))

/* A line, and where its emulator stands. */
struct bench {
	struct line line;
	enum mode mode;
	__u64 *counter;		/* the clock's, or one that nobody looks at */
	__u64 own_counter;
	__u64 now;		/* the counter */
	struct crr_clock clock;
	struct log log;		/* fed to a replay */
	__u64 own;		/* nanoseconds of CPU that its emulator took */
	pthread_t peer;
	bool has_peer;
	sem_t bulk;		/* peers of "bulk": how many bytes to send */
	size_t bulk_bytes;
};

struct row {
	const char *name;
	unsigned int modes;
	unsigned int calls;	/* in a batch */
	size_t size;
	bool null;		/* on a tty that takes everything; else a pty */
	bool quick;
	void *(*peer)(void *bench);
	const char *own;	/* name of a row with the emulator's CPU alone */
	bool moving;		/* needs a counter that moves: no checkpoint */
	/* Feed a replay so many calls. */
	void (*feed)(struct bench *bench, const struct row *row);
	/* Returns the instructions of row->calls calls. */
	__u64 (*batch)(struct bench *bench, const struct row *row);
};

static char out[CHUNK], in[CHUNK];

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* With -icount this is the number of instructions, exactly. */
static inline __u64 instructions(void)
{
	return __rdtsc();
}

/* For plugin.c: what runs from here on is N_TTY's, the mode's, or nobody's. */
#define mark(_region)	asm volatile("nopl 0x637272" #_region "(%%rax)" ::: "memory")

/* The emulator goes on, and says so. */
static inline void tick(struct bench *bench)
{
	__atomic_store_n(bench->counter, ++bench->now, __ATOMIC_RELAXED);
}

static bool is_gated(enum mode mode)
{
	return IN(mode) & ANY_GATED;
}

static bool is_recording(enum mode mode)
{
	return mode >= CAPTURE && mode <= GATED;
}

/* What crrctl does with a recording, but for the log. */
static void empty_buffer(struct bench *bench)
{
	static char records[256 << 10];

	while (read(bench->line.session, records, sizeof(records)) > 0)
		;
}

/* ---- The rows: what is measured ---- */

static __u64 batch_write(struct bench *bench, const struct row *row)
{
	__u64 begun = instructions();

	for (unsigned int i = 0; i < row->calls; i++) {
		tick(bench);
		check(write(bench->line.tty, out, row->size) ==
		      (ssize_t)row->size, "write");
	}
	return instructions() - begun;
}

static __u64 batch_read_nothing(struct bench *bench, const struct row *row)
{
	__u64 begun = instructions();

	for (unsigned int i = 0; i < row->calls; i++) {
		tick(bench);
		check(read(bench->line.tty, in, CHUNK) < 0, "read");
	}
	return instructions() - begun;
}

/* In a replay nothing is injected: what is read is the log's. */
static void inject(struct bench *bench, size_t size)
{
	if (bench->mode != REPLAY)
		check(write(bench->line.peer, out, size) == (ssize_t)size,
		      "inject");
}

/* Returns how many read(2)s it took. */
static unsigned int receive(struct bench *bench, size_t size)
{
	unsigned int calls = 0;

	for (size_t done = 0; done < size; calls++) {
		ssize_t n = read(bench->line.tty, in, size - done);

		check(n > 0, "read");
		done += n;
	}
	return calls;
}

static __u64 batch_inject_and_read(struct bench *bench, const struct row *row)
{
	__u64 begun = instructions();

	for (unsigned int i = 0; i < row->calls; i++) {
		tick(bench);
		inject(bench, row->size);
		receive(bench, row->size);
	}
	return instructions() - begun;
}

/* In a replay what was written is read at the other end all the same. */
static __u64 batch_ping_pong(struct bench *bench, const struct row *row)
{
	size_t left = bench->mode == REPLAY ? row->calls * row->size : 0;
	__u64 begun = instructions();

	for (unsigned int i = 0; i < row->calls; i++) {
		tick(bench);
		check(write(bench->line.tty, out, row->size) ==
		      (ssize_t)row->size, "write");
		receive(bench, row->size);
	}
	while (left) {
		ssize_t n = read(bench->line.peer, in, CHUNK);

		check(n > 0, "peer");
		left -= n;
	}
	return instructions() - begun;
}

static __u64 batch_ioctl(struct bench *bench, const struct row *row)
{
	__u64 begun = instructions();
	int discipline;

	for (unsigned int i = 0; i < row->calls; i++)
		if (bench->mode == PLAIN)
			check(!ioctl(bench->line.tty, TIOCGETD, &discipline),
			      "TIOCGETD");
		else
			check(!count(bench->line.tty, ++bench->now), "COUNTER");
	return instructions() - begun;
}

static __u64 batch_store(struct bench *bench, const struct row *row)
{
	__u64 begun;

	if (bench->mode == PLAIN)
		return batch_ioctl(bench, row);
	begun = instructions();
	for (unsigned int i = 0; i < row->calls; i++)
		tick(bench);
	return instructions() - begun;
}

/* As an emulator does it that is integrated with libcrr. */
static __u64 batch_poll(struct bench *bench, const struct row *row)
{
	unsigned int due = 0;
	__u64 begun;

	if (bench->mode == PLAIN)
		return batch_read_nothing(bench, row);
	begun = instructions();
	for (unsigned int i = 0; i < row->calls; i++)
		due += crr_clock_due(&bench->clock, ++bench->now);
	begun = instructions() - begun;
	check(!due, "an idle poll is due");
	return begun;
}

typedef int poll_fn(struct pollfd *fds, nfds_t n, int timeout);

/* poll(2) as crr-preload.so has it. */
static poll_fn *preloaded_poll(void)
{
	static poll_fn *found;
	char number[16];
	void *library;

	if (found)
		return found;
	snprintf(number, sizeof(number), "%d", crr_discipline());
	setenv("CRR_PRELOAD", number, 1);
	library = dlopen(PRELOAD, RTLD_NOW);
	if (library)
		found = (poll_fn *)dlsym(library, "poll");
	check(found, PRELOAD);
	return found;
}

static __u64 poll_at_once(struct bench *bench, const struct row *row, short events)
{
	poll_fn *function = bench->mode == PLAIN ? poll : preloaded_poll();
	struct pollfd fd = { .fd = bench->line.tty, .events = events };
	int want = events & POLLOUT ? 1 : 0;
	__u64 begun;

	check(function(&fd, 1, 0) == want, "poll");
	begun = instructions();
	for (unsigned int i = 0; i < row->calls; i++) {
		tick(bench);
		check(function(&fd, 1, 0) == want, "poll");
	}
	return instructions() - begun;
}

static __u64 batch_poll_input(struct bench *bench, const struct row *row)
{
	return poll_at_once(bench, row, POLLIN);
}

static __u64 batch_poll_both(struct bench *bench, const struct row *row)
{
	return poll_at_once(bench, row, POLLIN | POLLOUT);
}

static __u64 batch_checkpoint(struct bench *bench, const struct row *row)
{
	__u64 begun;

	if (bench->mode == PLAIN)
		return batch_ioctl(bench, row);
	begun = instructions();
	for (unsigned int i = 0; i < row->calls; i++) {
		check(!begin_checkpoint(bench->line.tty, ++bench->now, 0),
		      "CHECKPOINT_BEGIN");
		check(end_checkpoint(bench->line.tty) >= 0, "CHECKPOINT_END");
	}
	return instructions() - begun;
}

/* Under N_TTY just the read; the byte is there before time is taken. */
static __u64 batch_checkpoint_byte(struct bench *bench, const struct row *row)
{
	bool gated = bench->mode != PLAIN;
	__u64 sum = 0, begun;
	__u64 received = gated ? status(bench->line.tty).received : 0;

	for (unsigned int i = 0; i < row->calls; i++) {
		inject(bench, 1);
		check(eventually(gated ? status(bench->line.tty).received > received :
				 arrived(bench->line.tty) > 0), "no byte");
		received++;
		begun = instructions();
		if (gated)
			check(!begin_checkpoint(bench->line.tty, ++bench->now, 0),
			      "CHECKPOINT_BEGIN");
		receive(bench, 1);
		if (gated)
			check(end_checkpoint(bench->line.tty) >= 0, "CHECKPOINT_END");
		sum += instructions() - begun;
	}
	return sum;
}

static __u64 own_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* As much as the peer can send; with what a recording's reader reads. */
static __u64 batch_bulk(struct bench *bench, const struct row *row)
{
	__u64 begun = instructions();

	bench->own = own_cpu();
	if (bench->has_peer) {
		bench->bulk_bytes = row->calls * row->size;
		sem_post(&bench->bulk);
	}
	for (size_t left = row->calls * row->size; left; ) {
		ssize_t n;

		tick(bench);
		n = read(bench->line.tty, in, CHUNK);
		check(n > 0, "read");
		left -= n;
	}
	bench->own = own_cpu() - bench->own;
	if (is_recording(bench->mode))
		empty_buffer(bench);
	return instructions() - begun;
}

/* ---- Peers ---- */

static void *send_bulk(void *arg)
{
	struct bench *bench = arg;

	for (;;) {
		sem_wait(&bench->bulk);
		if (!bench->bulk_bytes)
			return NULL;
		for (size_t left = bench->bulk_bytes; left; left -= CHUNK)
			check(!send_all(bench->line.peer, out, CHUNK), "peer");
	}
}

/* What comes is sent back. */
static void *answer(void *arg)
{
	struct bench *bench = arg;
	char buf[CHUNK];
	ssize_t n;

	while ((n = read(bench->line.peer, buf, sizeof(buf))) > 0)
		if (write(bench->line.peer, buf, n) != n)
			break;
	return NULL;
}

/* ---- What a replay is fed ---- */

static void feed_writes(struct bench *bench, const struct row *row)
{
	for (unsigned int i = 1; i <= row->calls; i++)
		log_write(&bench->log, bench->now + i, row->size, out, row->size,
			  CRR_FLAG_CAPTURED);
}

static void feed_reads(struct bench *bench, const struct row *row)
{
	for (unsigned int i = 1; i <= row->calls; i++)
		log_read(&bench->log, bench->now + i, 0, out, row->size);
}

static void feed_both(struct bench *bench, const struct row *row)
{
	for (unsigned int i = 1; i <= row->calls; i++) {
		log_write(&bench->log, bench->now + i, row->size, out, row->size,
			  CRR_FLAG_CAPTURED);
		log_read(&bench->log, bench->now + i, 0, out, row->size);
	}
}

/* Once: something that does not come soon. */
static void feed_far(struct bench *bench, const struct row *row)
{
	if (bench->log.counter < FAR)
		log_read(&bench->log, FAR, 0, out, 1);
}

/* ---- Lines ---- */

static void open_null(struct line *line, int number)
{
	*line = (struct line){
		.peer = -1, .session = -1, .clock = -1,
	};
	snprintf(line->name, sizeof(line->name), "/dev/ttyNull%d", number);
	line->tty = open(line->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	check(line->tty >= 0, line->name);
	check(!set_raw(line->tty, 1, 0), "termios");
}

/* A port that has never been used costs less than one that has. */
static void prime(struct line *line)
{
	char byte = 0;

	if (line->peer < 0)
		return;
	check(!set_raw(line->peer, 1, 0), "termios");
	check(write(line->peer, &byte, 1) == 1 && read(line->tty, &byte, 1) == 1 &&
	      write(line->tty, &byte, 1) == 1 && read(line->peer, &byte, 1) == 1,
	      "prime");
}

static void start_session(struct bench *bench)
{
	struct line *line = &bench->line;
	__u32 flags = 0;

	line->session = open_session(line->tty);
	check(line->session >= 0, "SESSION");
	check(!map_clock(line), "CLOCK");
	bench->counter = line->counter;
	bench->clock.counter = line->counter;
	bench->clock.state = line->state;
	if (bench->mode == REPLAY) {
		check(!replay_from(line->session, 0, BUFFER), "REPLAY");
		log_begin(&bench->log);
		bench->clock.seen = look(line->state->rx_seq);
		return;
	}
	if (bench->mode == CAPTURE || bench->mode == GATED_CAPTURE)
		flags |= CRR_RECORD_CAPTURE;
	if (is_gated(bench->mode))
		flags |= CRR_RECORD_GATED;
	check(!record_into(line->session, flags, BUFFER), "RECORD");
	bench->clock.seen = look(line->state->rx_seq);
}

static void set_up(struct bench *bench, const struct row *row, enum mode mode)
{
	*bench = (struct bench){ .mode = mode };
	bench->counter = &bench->own_counter;
	if (row->null)
		open_null(&bench->line, mode != PLAIN);
	else
		check(!open_pty(&bench->line), "pty");
	if (mode != PLAIN)
		check(!attach(bench->line.tty), "attach");
	prime(&bench->line);
	if (mode > IDLE)
		start_session(bench);
	if (is_gated(mode) && !row->moving)
		check(!begin_checkpoint(bench->line.tty, 0, 0), "checkpoint");
	if (row->peer && mode != REPLAY) {
		bench->has_peer = true;
		sem_init(&bench->bulk, 0, 0);
		check(!pthread_create(&bench->peer, NULL, row->peer, bench),
		      "peer");
	}
	if (row->batch == batch_read_nothing || row->batch == batch_poll)
		check(!set_flags(bench->line.tty, O_NONBLOCK, true), "fcntl");
}

/* Between two batches: what the controller would do. */
static void attend(struct bench *bench, const struct row *row)
{
	if (is_recording(bench->mode))
		empty_buffer(bench);
	if (bench->mode != REPLAY || !row->feed)
		return;
	row->feed(bench, row);
	check(!feed_log(bench->line.session, &bench->log), "feed");
	bench->log.length = 0;
}

static void tear_down(struct bench *bench)
{
	if (is_gated(bench->mode))
		end_checkpoint(bench->line.tty);
	close_clock(&bench->line);
	close_fd(&bench->line.session);
	close_fd(&bench->line.tty);
	/* The peer reads an end, or is to send nothing. */
	bench->bulk_bytes = 0;
	if (bench->has_peer) {
		sem_post(&bench->bulk);
		pthread_join(bench->peer, NULL);
	}
	close_line(&bench->line);
	log_free(&bench->log);
}

static const struct row rows[] = {
	{ "write-1", ALL, 64, 1, .null = true, .quick = true,
	  .batch = batch_write, .feed = feed_writes },
	{ "write-64", ALL, 64, 64, .null = true,
	  .batch = batch_write, .feed = feed_writes },
	{ "write-2048", ALL, 64, 2048, .null = true, .quick = true,
	  .batch = batch_write, .feed = feed_writes },
	{ "read-nothing", ALL, 64, .quick = true,
	  .batch = batch_read_nothing, .feed = feed_far },
	{ "inject-read-64", ALL, 16, 64, .quick = true,
	  .batch = batch_inject_and_read, .feed = feed_reads },
	{ "inject-read-2048", ALL, 8, 2048, .quick = true,
	  .batch = batch_inject_and_read, .feed = feed_reads },
	{ "ping-pong-64", ALL, 8, 64, .peer = answer,
	  .batch = batch_ping_pong, .feed = feed_both },
	{ "bulk", ALL, 32, CHUNK, .peer = send_bulk, .own = "bulk-own",
	  .batch = batch_bulk, .feed = feed_reads },
	{ "preload-poll", PRELOADED, 64, .quick = true,
	  .batch = batch_poll_input, .feed = feed_far },
	{ "preload-poll-both", PRELOADED, 64, .quick = true,
	  .batch = batch_poll_both, .feed = feed_far },
	{ "counter-ioctl", SESSION, 64, .moving = true,
	  .batch = batch_ioctl, .feed = feed_far },
	{ "counter-store", SESSION, 1024, .moving = true,
	  .batch = batch_store, .feed = feed_far },
	{ "clock-poll", SESSION, 1024, .moving = true, .quick = true,
	  .batch = batch_poll, .feed = feed_far },
	{ "checkpoint", ANY_GATED, 32, .moving = true,
	  .batch = batch_checkpoint },
	{ "checkpoint-byte", ANY_GATED, 32, 1, .moving = true,
	  .batch = batch_checkpoint_byte },
};

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static double median(__u64 *batches, unsigned int n, const struct row *row)
{
	qsort(batches, n, sizeof(*batches), compare);
	return (double)batches[n / 2] / row->calls;
}

static void tell(const struct row *row, const char *name, enum mode mode,
		 __u64 batches[2][MOST_ROUNDS], unsigned int rounds)
{
	printf("%s\t%s\t%.2f\t%.2f\t%u\n", name, mode_names[mode],
	       median(batches[0], rounds, row),
	       median(batches[1], rounds, row), (rounds + WARM) * row->calls);
	fflush(stdout);
}

/*
 * With a peer that runs by itself, let who is woken run when the waker sleeps,
 * and not, as the scheduler's account of the two happens to stand, at once.
 */
static void calm_scheduler(bool calm)
{
	const char *feature = calm ? "NO_WAKEUP_PREEMPTION" :
				     "WAKEUP_PREEMPTION";
	int fd = open("/sys/kernel/debug/sched/features", O_WRONLY);

	check(fd >= 0 && write(fd, feature, strlen(feature)) > 0, "scheduler");
	close(fd);
}

static void measure(const struct row *row, enum mode mode, unsigned int rounds)
{
	__u64 batches[2][MOST_ROUNDS], own[2][MOST_ROUNDS];
	struct bench lines[2];

	calm_scheduler(row->peer);
	set_up(&lines[0], row, PLAIN);
	set_up(&lines[1], row, mode);
	for (unsigned int round = 0; round < rounds + WARM; round++)
		for (int i = 0; i < 2; i++) {
			__u64 n;

			attend(&lines[i], row);
			if (i)
				mark(02);
			else
				mark(01);
			n = row->batch(&lines[i], row);
			mark(00);
			if (round < WARM)
				continue;
			batches[i][round - WARM] = n;
			own[i][round - WARM] = lines[i].own;
		}
	tell(row, row->name, mode, batches, rounds);
	if (row->own)
		tell(row, row->own, mode, own, rounds);
	for (int i = 0; i < 2; i++)
		tear_down(&lines[i]);
}

/*
 * An idle poll, in nanoseconds. The clock's pages are memory as any other, and
 * what is shared with nobody who writes is as good as shared with the module.
 */
static int host_poll(void)
{
	const unsigned int polls = 1000000;
	struct crr_clock_state state = { .next_due = CRR_NEVER };
	struct crr_clock_counter counter = {};
	struct crr_clock clock = {
		.counter = &counter.counter, .state = &state,
	};
	__u64 best = CRR_NEVER, now = 0;
	unsigned int due = 0;

	/* The machine is others' as well: the best of many. */
	for (int round = 0; round < 200; round++) {
		struct timespec begun, ended;
		__u64 ns;

		clock_gettime(CLOCK_MONOTONIC, &begun);
		for (unsigned int i = 0; i < polls; i++)
			due += crr_clock_due(&clock, ++now);
		clock_gettime(CLOCK_MONOTONIC, &ended);
		ns = (ended.tv_sec - begun.tv_sec) * 1000000000ULL +
		     ended.tv_nsec - begun.tv_nsec;
		if (ns < best)
			best = ns;
	}
	check(!due, "an idle poll is due");
	printf("%.3f\n", (double)best / polls);
	return 0;
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "-q");

	if (argc > 1 && !strcmp(argv[1], "-p"))
		return host_poll();
	check(!crr_unavailable(), "no N_CRR");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (enum mode mode = IDLE; mode < MODES; mode++)
			if (argc > 2 && (strcmp(argv[1], rows[i].name) ||
					 strcmp(argv[2], mode_names[mode])))
				continue;
			else if (rows[i].modes & IN(mode) &&
			    (!quick || (rows[i].quick && !is_gated(mode))))
				measure(&rows[i], mode, quick ? 7 : 21);
	return 0;
}
