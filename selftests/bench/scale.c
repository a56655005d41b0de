// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a call costs when many lines are recorded at once, what memory they take,
 * and what it costs to begin; and two threads on one session.
 *
 *   scale			in a guest whose time is the number of its instructions
 *			(rig/boot -i). Prints with tabs, for LINES in SESSIONS:
 *			calls    instructions of a write of 1 byte, of a read
 *			         that finds nothing
 *			begin    instructions of TIOCSETD, of CRR_IOC_SESSION for
 *			         a session, CRR_IOC_JOIN for a further line
 *			memory   bytes of objects for a line, for a session, for
 *			         a further line in it; bytes of pages, those for
 *			         objects included, for a session
 *   scale contention	in one with two CPUs: calls a second of one thread, and
 *			of two, each on its line
 *
 * The calls go to lines that take everything, one in each session; what there
 * is of lines besides are ptys.
 */
#include <limits.h>
#include <sys/resource.h>
#include <x86intrin.h>

#include "crr_test.h"

#define MOST_LINES	1000
#define MOST_SESSIONS	64
#define CALLS		64	/* in a batch */
#define BATCHES		129
#define THREAD_CALLS	50000
#define ROUNDS		7

static struct line lines[MOST_LINES];
static unsigned int nlines, nsessions;
static char buf[4096];

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "scale: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct line *session_of(unsigned int i)
{
	return &lines[i % nsessions];
}

static void open_lines(void)
{
	for (unsigned int i = 0; i < nlines; i++) {
		struct line *line = &lines[i];

		if (i >= nsessions) {
			check(!open_pty(line), "pty");
			continue;
		}
		*line = (struct line){ .peer = -1, .session = -1, .clock = -1 };
		snprintf(line->name, sizeof(line->name), "/dev/ttyNull%u", i);
		line->tty = open(line->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
		check(line->tty >= 0 && !set_raw(line->tty, 1, 0), line->name);
	}
}

static void close_lines(void)
{
	for (unsigned int i = 0; i < nlines; i++)
		close_line(&lines[i]);
}

/* ---- Memory, as the kernel tells it ---- */

/* What is freed after a grace period shall be. */
static void settle(void)
{
	usleep(300000);
}

/* Bytes of all objects of the slab allocator that are in use. */
static long long objects(void)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	unsigned long active, all, size;
	long long bytes = 0;
	char line[256];

	check(file, "slabinfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %lu %lu %lu", &active, &all, &size) == 3)
			bytes += (long long)active * size;
	fclose(file);
	return bytes;
}

/* Bytes of all pages that nobody has; in some hundred of them it is vague. */
static long long unused(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long long kib = -1;

	check(file, "meminfo");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %lld", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

/* ---- Calls ---- */

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static __u64 batch(struct line *line, bool reads)
{
	__u64 begun = __rdtsc();

	for (int i = 0; i < CALLS; i++) {
		put(*line->counter, *line->counter + 1);
		check(reads ? read(line->tty, buf, sizeof(buf)) < 0 :
			      write(line->tty, buf, 1) == 1, "call");
	}
	return __rdtsc() - begun;
}

/* From one session to the next, and emptied before it is come to again. */
static double calls(bool reads)
{
	__u64 batches[BATCHES];

	for (unsigned int i = 0; i < nsessions; i++)
		check(!set_flags(lines[i].tty, O_NONBLOCK, reads), "fcntl");
	/* A first round fills what caches there are. */
	for (unsigned int i = 0; i < nsessions; i++) {
		batch(&lines[i], reads);
		swallow(lines[i].session);
	}
	for (unsigned int i = 0; i < BATCHES; i++) {
		struct line *line = &lines[i % nsessions];

		batches[i] = batch(line, reads);
		swallow(line->session);
	}
	qsort(batches, BATCHES, sizeof(*batches), compare);
	return (double)batches[BATCHES / 2] / CALLS;
}

/* Every line has a share in it. */
static void use_all(void)
{
	for (unsigned int i = nsessions; i < nlines; i++) {
		check(write(lines[i].tty, buf, 1) == 1, "write");
		check(read(lines[i].peer, buf, 1) == 1, "peer");
	}
	for (unsigned int i = 0; i < nsessions; i++)
		swallow(lines[i].session);
}

static void scale(unsigned int n)
{
	__u64 attached = 0, opened = 0, joined = 0, begun;
	long long before, with_lines, with_sessions, with_all, pages;
	unsigned int further;
	double write, read;

	nlines = n;
	nsessions = n < MOST_SESSIONS ? n : MOST_SESSIONS;
	further = nlines > nsessions ? nlines - nsessions : 1;
	open_lines();
	settle();
	before = objects();
	for (unsigned int i = 0; i < nlines; i++) {
		begun = __rdtsc();
		check(!attach(lines[i].tty), "attach");
		attached += __rdtsc() - begun;
	}
	settle();
	with_lines = objects();
	pages = unused();
	for (unsigned int i = 0; i < nsessions; i++) {
		begun = __rdtsc();
		lines[i].session = open_session(lines[i].tty);
		opened += __rdtsc() - begun;
		check(lines[i].session >= 0, "SESSION");
		check(!map_clock(&lines[i]), "CLOCK");
	}
	settle();
	with_sessions = objects();
	for (unsigned int i = nsessions; i < nlines; i++) {
		begun = __rdtsc();
		check(join(lines[i].tty, session_of(i)->session) >= 0, "JOIN");
		joined += __rdtsc() - begun;
	}
	settle();
	with_all = objects();
	for (unsigned int i = 0; i < nsessions; i++)
		check(!record(lines[i].session, CRR_RECORD_CAPTURE), "RECORD");
	pages -= unused();
	use_all();
	write = calls(false);
	read = calls(true);
	printf("calls\t%u\t%u\t%.1f\t%.1f\n", nlines, nsessions, write, read);
	printf("begin\t%u\t%u\t%llu\t%llu\t%llu\n", nlines, nsessions,
	       attached / nlines, opened / nsessions,
	       joined / further);
	printf("memory\t%u\t%u\t%lld\t%lld\t%lld\t%lld\n", nlines, nsessions,
	       (with_lines - before) / nlines,
	       (with_sessions - with_lines) / nsessions,
	       (with_all - with_sessions) / further, pages / nsessions);
	fflush(stdout);
	close_lines();
	/* A session that has not been closed yet keeps its buffer. */
	usleep(500000);
}

/* ---- Two CPUs ---- */

static pthread_barrier_t together;

static void *hammer(void *arg)
{
	struct line *line = arg;

	pthread_barrier_wait(&together);
	for (int i = 0; i < THREAD_CALLS; i++)
		check(write(line->tty, buf, 1) == 1, "write");
	return NULL;
}

static long long microseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Calls a second, of all threads together. */
static double hammered(unsigned int threads, unsigned int sessions)
{
	pthread_t thread[2];
	long long begun;

	nlines = threads;
	nsessions = threads;
	open_lines();
	for (unsigned int i = 0; sessions && i < threads; i++)
		check(!attach(lines[i].tty), "attach");
	for (unsigned int i = 0; i < sessions; i++) {
		lines[i].session = open_session(lines[i].tty);
		check(lines[i].session >= 0, "SESSION");
	}
	for (unsigned int i = sessions; sessions && i < threads; i++)
		check(join(lines[i].tty, lines[0].session) >= 0, "JOIN");
	for (unsigned int i = 0; i < sessions; i++)
		check(!record_into(lines[i].session, 0, 64 << 20), "RECORD");
	pthread_barrier_init(&together, NULL, threads + 1);
	for (unsigned int i = 0; i < threads; i++)
		check(!pthread_create(&thread[i], NULL, hammer, &lines[i]),
		      "thread");
	pthread_barrier_wait(&together);
	begun = microseconds();
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	begun = microseconds() - begun;
	close_lines();
	return threads * THREAD_CALLS * 1e6 / begun;
}

static int compare_rates(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void contend(void)
{
	static const struct {
		const char *name;
		unsigned int threads, sessions;
	} ways[] = {
		{ "tty-1", 1, 0 }, { "tty-2", 2, 0 }, { "session-1", 1, 1 },
		{ "session-2", 2, 1 }, { "sessions-2", 2, 2 },
	};
	double rates[ARRAY_SIZE(ways)][ROUNDS];

	/* In turn: what else the machine does meets all of them. */
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
			rates[i][round] = hammered(ways[i].threads,
						   ways[i].sessions);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		qsort(rates[i], ROUNDS, sizeof(double), compare_rates);
		printf("contention\t%s\t%.0f\t%.0f\t%.0f\n", ways[i].name,
		       rates[i][ROUNDS / 2], rates[i][0], rates[i][ROUNDS - 1]);
	}
}

int main(int argc, char **argv)
{
	static const unsigned int sizes[] = { 1, 10, 100, 1000 };
	struct rlimit files = { 8192, 8192 };

	check(!setrlimit(RLIMIT_NOFILE, &files), "files");
	if (argc == 2 && !strcmp(argv[1], "contention")) {
		contend();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		scale(sizes[i]);
	return 0;
}
