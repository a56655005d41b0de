// SPDX-License-Identifier: GPL-2.0-only
/*
 * One recording without an end, and at the same time its replay: what a
 * controller reads from the first line's session it feeds to the second one's.
 * Both lines have the same emulator, which goes as fast as it can; both must see
 * the same. Meanwhile the kernel's memory must not grow.
 *
 * CRR_SECONDS: how long (3). Only what takes MEANINGFUL seconds is judged by its
 * memory, too.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

#define MEANINGFUL	30
#define SAMPLES		30
/* What the rest of the system may make of it, in KB, from first to last. */
#define GROWTH_MAX	4096

FIXTURE(endurance) {
	struct line line;
	struct line other;
};

static bool open_with_clock(struct line *line)
{
	return !open_line(line) && !map_clock(line) &&
	       !set_flags(line->tty, O_NONBLOCK, true) &&
	       !set_flags(line->session, O_NONBLOCK, false);
}

FIXTURE_SETUP(endurance)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_TRUE(open_with_clock(&self->line));
	ASSERT_TRUE(open_with_clock(&self->other));
}

FIXTURE_TEARDOWN(endurance)
{
	close_line(&self->line);
	close_line(&self->other);
}

/* ---- Who takes part ---- */

struct emulator {
	struct line *line;
	atomic_bool over;
	atomic_ulong calls;	/* reads, each at a counter of its own */
	atomic_ulong bytes;
	__u64 seen;		/* all that it has seen, in one number */
	long end;		/* what has ended it */
	pthread_t thread;
};

static void see(struct emulator *emu, __u64 what)
{
	emu->seen = (emu->seen ^ what) * 0x100000001b3ULL;
}

/* Looks for input, sends a part of it back, and moves on. */
static void *emulate(void *arg)
{
	struct emulator *emu = arg;
	__u64 counter = 0;
	char buf[4096];
	long n;

	while (!emu->over) {
		put(*emu->line->counter, ++counter);
		n = sys(read(emu->line->tty, buf, sizeof(buf)));
		if (n != -EAGAIN && n <= 0) {
			emu->end = n;
			break;
		}
		see(emu, n);
		if (n > 0) {
			see(emu, crc32c(buf, n));
			see(emu, sys(write(emu->line->tty, buf, 1 + n / 4)));
			emu->bytes += n;
		}
		emu->calls++;
	}
	return NULL;
}

struct peer {
	int fd;
	atomic_bool over;
	pthread_t sender;
	pthread_t receiver;
};

static void *sends(void *arg)
{
	struct peer *peer = arg;
	struct rng rng = { 1 };
	char buf[3000];
	size_t at = 0;

	while (!peer->over) {
		size_t n = 1 + below(&rng, sizeof(buf));

		pattern(buf, n, at);
		if (send_all(peer->fd, buf, n))
			break;
		at += n;
	}
	return NULL;
}

static void *receives(void *arg)
{
	struct peer *peer = arg;
	struct pollfd pollfd = { .fd = peer->fd, .events = POLLIN };
	char buf[4096];

	while (!peer->over)
		if (poll(&pollfd, 1, 100) == 1 &&
		    read(peer->fd, buf, sizeof(buf)) <= 0)
			break;
	return NULL;
}

struct controller {
	int from;
	int to;
	long end;		/* what has ended it; 0: the log's end */
	pthread_t thread;
};

static void *feeds(void *arg)
{
	struct controller *controller = arg;
	static char buf[256 << 10];
	long n;

	while ((n = sys(read(controller->from, buf, sizeof(buf)))) > 0) {
		n = feed(controller->to, buf, n);
		if (n)
			break;
	}
	controller->end = n;
	return NULL;
}

/* ---- What is measured ---- */

struct sample {
	double seconds;
	long kernel;		/* KB that the kernel uses by itself */
	unsigned long calls;
	unsigned long lag;	/* calls that the replay is behind */
};

static long kernel_memory(void)
{
	static const char * const names[] = {
		"Slab:", "KernelStack:", "PageTables:", "VmallocUsed:", "Percpu:",
	};
	FILE *file = fopen("/proc/meminfo", "r");
	char name[32];
	long sum = 0, kb;

	while (file && fscanf(file, "%31s %ld%*[^\n]", name, &kb) == 2)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			sum += strcmp(name, names[i]) ? 0 : kb;
	if (file)
		fclose(file);
	return sum;
}

/* KB from the first to the last, along the line that fits the samples best. */
static double growth(const struct sample *samples, unsigned int n)
{
	double t = 0, m = 0, above = 0, below = 0;

	for (unsigned int i = 0; i < n; i++) {
		t += samples[i].seconds / n;
		m += (double)samples[i].kernel / n;
	}
	for (unsigned int i = 0; i < n; i++) {
		double dt = samples[i].seconds - t;

		above += dt * (samples[i].kernel - m);
		below += dt * dt;
	}
	return below ? above / below *
		       (samples[n - 1].seconds - samples[0].seconds) : 0;
}

static double rate(const struct sample *from, const struct sample *to)
{
	return (to->calls - from->calls) / (to->seconds - from->seconds);
}

static void start_thread(pthread_t *thread, void *(*function)(void *), void *arg)
{
	if (pthread_create(thread, NULL, function, arg))
		abort();
}

TEST_F_TIMEOUT(endurance, recorded_and_replayed, 1000000)
{
	static struct emulator first, second;
	long seconds = env_number("CRR_SECONDS", 3);
	struct controller controller = {
		.from = self->line.session, .to = self->other.session,
	};
	struct peer peer = { .fd = self->line.peer };
	struct sample samples[SAMPLES];
	struct crr_divergence div;
	long long begun;
	double grown;

	first.line = &self->line;
	second.line = &self->other;
	ASSERT_EQ(0, record(self->line.session, CRR_RECORD_BLOCK));
	ASSERT_EQ(0, replay(self->other.session, CRR_REPLAY_MUTE));
	start_thread(&peer.sender, sends, &peer);
	start_thread(&peer.receiver, receives, &peer);
	start_thread(&controller.thread, feeds, &controller);
	start_thread(&first.thread, emulate, &first);
	start_thread(&second.thread, emulate, &second);

	begun = now_ms();
	for (int i = 0; i < SAMPLES; i++) {
		struct sample *now = &samples[i];
		/* The first one when all of it has begun to move. */
		long long due = begun + seconds * 1000 * (i + 1) / SAMPLES;

		while (now_ms() < due)
			breathe();
		*now = (struct sample){
			.seconds = (now_ms() - begun) / 1000.0,
			.kernel = kernel_memory(), .calls = first.calls,
		};
		now->lag = now->calls - second.calls;
		fprintf(stderr,
			"# %.1f s: %lu calls, %lu bytes, the replay %lu behind; kernel %ld KB\n",
			now->seconds, now->calls, (unsigned long)first.bytes,
			now->lag, now->kernel);
	}

	first.over = true;
	pthread_join(first.thread, NULL);
	EXPECT_EQ(0, stop(self->line.session));
	pthread_join(controller.thread, NULL);
	EXPECT_EQ(0, controller.end);
	pthread_join(second.thread, NULL);
	peer.over = true;
	/* It may be waiting for the line to take something. */
	tcflush(self->line.tty, TCIFLUSH);
	ASSERT_EQ(0, detach(self->line.tty));
	close_fd(&self->line.tty);
	pthread_join(peer.receiver, NULL);
	pthread_join(peer.sender, NULL);

	EXPECT_EQ(0, first.end);
	EXPECT_EQ(-ENODATA, second.end);
	EXPECT_EQ(first.calls, second.calls);
	EXPECT_EQ(first.bytes, second.bytes);
	EXPECT_EQ(first.seen, second.seen);
	EXPECT_EQ(-ENODATA, divergence(self->other.session, &div));
	EXPECT_LT(0, first.bytes);

	grown = growth(samples, SAMPLES);
	fprintf(stderr,
		"# %ld s: %lu calls, %lu bytes, at first %.0f calls a second, at last %.0f; the kernel's memory grew by %.0f KB\n",
		seconds, (unsigned long)first.calls, (unsigned long)first.bytes,
		rate(&samples[0], &samples[SAMPLES / 3]),
		rate(&samples[SAMPLES - 1 - SAMPLES / 3], &samples[SAMPLES - 1]),
		grown);
	if (seconds >= MEANINGFUL) {
		EXPECT_GT(GROWTH_MAX, grown);
	}
}

TEST_HARNESS_MAIN
