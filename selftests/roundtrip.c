// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program whose run depends on each byte that it reads, and when: recorded
 * on all kinds of ttys with a live peer, and replayed on a pty without one, by
 * this kernel and by others.
 */
#include <dirent.h>
#include <sys/utsname.h>

#include "kselftest_harness.h"

#include "crr_test.h"

/* ---- The emulator ---- */

#define QUIT 'Q'

/* What a run has come to: equal for equal runs only. */
struct outcome {
	__u64 hash;
	__u64 counter;
	__u64 reads;
	__u64 bytes_in;
	__u64 bytes_out;
	__s64 failed;		/* errno of what ended it early */
};

static void mix(struct outcome *run, __u64 value)
{
	run->hash = (run->hash ^ value) * 0x9e3779b97f4a7c15ULL;
	run->hash ^= run->hash >> 29;
}

static bool supply(const struct line *line, __u64 counter)
{
	if (line->counter) {
		put(*line->counter, counter);
		return true;
	}
	return !count(line->tty, counter);
}

/*
 * Read without blocking, answer, go on: how far the counter goes, how much is
 * asked for and what is answered all follow from what was read before. Ends
 * with the byte QUIT.
 */
static struct outcome emulate(const struct line *line)
{
	struct outcome run = { .hash = 1 };
	__u8 buf[4096];

	for (;;) {
		size_t want = 1 + run.hash % 150;
		long n;

		if (!supply(line, run.counter))
			break;
		n = sys(read(line->tty, buf, want));
		run.reads++;
		mix(&run, n);
		if (n == -EAGAIN) {
			run.counter += 1 + run.hash % 3;
			continue;
		}
		if (n <= 0) {
			run.failed = -n;
			break;
		}
		run.bytes_in += n;
		mix(&run, crc32c(buf, n));
		mix(&run, run.counter);
		if (buf[n - 1] == QUIT)
			break;
		want = 1 + run.hash % 99;
		pattern(buf, want, run.hash % 65536);
		n = sys(write(line->tty, buf, want));
		mix(&run, n);
		if (n > 0)
			run.bytes_out += n;
		else if (n != -EAGAIN)
			break;
	}
	return run;
}

/* ---- Its peer ---- */

struct peer {
	int fd;
	unsigned int bytes;
	pthread_t thread;
};

/* Send some, at any time; throw away what is answered. */
static void *be_peer(void *arg)
{
	struct peer *peer = arg;
	unsigned int seed = 1, done = 0;
	char buf[200];

	while (done < peer->bytes) {
		int n = 1 + rand_r(&seed) % sizeof(buf);

		for (int i = 0; i < n; i++)
			buf[i] = 'a' + rand_r(&seed) % 16;
		send_all(peer->fd, buf, n);
		done += n;
		for (n = rand_r(&seed) % 4; n; n--)
			breathe();
		swallow(peer->fd);
	}
	send_all(peer->fd, (char[1]) { QUIT }, 1);
	return NULL;
}

/* ---- Logs for, and of, other kernels ---- */

static int log_file(const char *release, const char *name, const char *suffix,
		    int flags)
{
	const char *dir = getenv("CRR_LOGDIR");
	char path[512];

	if (!dir)
		return -1;
	snprintf(path, sizeof(path), "%s/%s,%s.%s", dir, release, name,
		 suffix);
	return open(path, flags | O_CLOEXEC, 0600);
}

static bool save(const char *name, const struct log *log,
		 const struct outcome *run)
{
	struct utsname uts;
	int records, outcome;
	bool saved;

	uname(&uts);
	outcome = log_file(uts.release, name, "outcome",
			   O_WRONLY | O_CREAT | O_TRUNC);
	records = log_file(uts.release, name, "records",
			   O_WRONLY | O_CREAT | O_TRUNC);
	saved = write(outcome, run, sizeof(*run)) == sizeof(*run) &&
		!send_all(records, log->bytes, log->length);
	close(records);
	close(outcome);
	return saved;
}

static bool load(const char *release, const char *name, struct log *log,
		 struct outcome *run)
{
	int outcome = log_file(release, name, "outcome", O_RDONLY);
	int records = log_file(release, name, "records", O_RDONLY);
	bool loaded = read(outcome, run, sizeof(*run)) == sizeof(*run);
	char buf[4096];
	ssize_t n;

	while ((n = read(records, buf, sizeof(buf))) > 0)
		log_append(log, buf, n);
	close(records);
	close(outcome);
	return loaded && log->length;
}

/* ---- The tests ---- */

FIXTURE(roundtrip) {
	struct line line;
	struct line other;
	struct log log;
};

FIXTURE_VARIANT(roundtrip) {
	const char *name;
	const char *tty;
	const char *peer;
	bool page;		/* the counter is stored, not told by ioctl */
	unsigned int bytes;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(roundtrip, pty) { .name = "pty", .bytes = 60000 };

FIXTURE_VARIANT_ADD(roundtrip, pty_clock) {
	.name = "pty-clock", .bytes = 60000, .page = true,
	.flags = CRR_RECORD_CAPTURE,
};

FIXTURE_VARIANT_ADD(roundtrip, isa) {
	.name = "isa", .tty = "/dev/ttyS2", .peer = "/dev/ttyS3",
	.bytes = 10000, .page = true,
};

FIXTURE_VARIANT_ADD(roundtrip, pci) {
	.name = "pci", .tty = "/dev/ttyS4", .peer = "/dev/ttyS5",
	.bytes = 10000, .flags = CRR_RECORD_CAPTURE,
};

FIXTURE_VARIANT_ADD(roundtrip, usb) {
	.name = "usb", .tty = "/dev/ttyUSB0", .peer = "/dev/ttyS6",
	.bytes = 10000, .page = true,
};

FIXTURE_SETUP(roundtrip)
{
	if (!setup_pair(_metadata, &self->line, variant->tty, variant->peer))
		return;
	ASSERT_EQ(0, open_line(&self->other));
	ASSERT_EQ(0, set_flags(self->other.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(roundtrip)
{
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
}

static void replay_it(struct __test_metadata *_metadata, struct line *line,
		      const struct log *log, const struct outcome *recorded)
{
	struct outcome run;
	struct crr_divergence div;

	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, log));
	if (line->counter)
		put(*line->counter, 0);
	run = emulate(line);
	EXPECT_EQ(0, memcmp(recorded, &run, sizeof(run))) {
		TH_LOG("%llu bytes in, %llu out up to %llu, failed %lld; recorded %llu, %llu, %llu",
		       run.bytes_in, run.bytes_out, run.counter, run.failed,
		       recorded->bytes_in, recorded->bytes_out,
		       recorded->counter);
	}
	EXPECT_EQ(0, status(line->session).remaining);
	EXPECT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

TEST_F_TIMEOUT(roundtrip, replayed_on_a_pty, 120)
{
	struct line *line = &self->line;
	struct line *other = &self->other;
	struct peer peer = { .fd = line->peer, .bytes = variant->bytes };
	struct outcome run;

	ASSERT_EQ(0, attach(line->tty));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	if (variant->page)
		ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record_into(line->session, variant->flags,
				 CRR_BUFFER_MAX));
	ASSERT_EQ(0, pthread_create(&peer.thread, NULL, be_peer, &peer));
	run = emulate(line);
	EXPECT_EQ(0, pthread_join(peer.thread, NULL));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(0, run.failed);
	/* A port may overrun; what came is what is replayed. */
	EXPECT_LT(variant->bytes / 2, run.bytes_in);
	EXPECT_EQ(run.bytes_in, log_bytes_in(&self->log, NULL, 0));

	for (int i = 0; i < 3; i++) {
		/* Whichever way the counter is supplied, it is the same run. */
		if (i == 1)
			ASSERT_EQ(0, map_clock(other));
		replay_it(_metadata, other, &self->log, &run);
	}
	if (getenv("CRR_LOGDIR"))
		EXPECT_TRUE(save(variant->name, &self->log, &run));
}

/* ---- What other kernels have left ---- */

FIXTURE(kernels) {
	struct line line;
	DIR *logs;
};

FIXTURE_SETUP(kernels)
{
	const char *missing = crr_unavailable();
	const char *dir = getenv("CRR_LOGDIR");

	if (missing)
		SKIP(return, "%s", missing);
	self->logs = dir ? opendir(dir) : NULL;
	if (!self->logs)
		SKIP(return, "no CRR_LOGDIR");
	ASSERT_EQ(0, open_line(&self->line));
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(kernels)
{
	closedir(self->logs);
	close_line(&self->line);
}

/* The more kernels, the longer. */
TEST_F_TIMEOUT(kernels, replayed_by_another_kernel, 600)
{
	struct utsname uts;
	struct dirent *entry;
	int n = 0;

	uname(&uts);
	while ((entry = readdir(self->logs))) {
		char *comma = strchr(entry->d_name, ',');
		char *dot = comma ? strchr(comma, '.') : NULL;
		struct log log = {};
		struct outcome run;

		if (!dot || strcmp(dot, ".records"))
			continue;
		*comma = 0;
		*dot = 0;
		if (!strcmp(entry->d_name, uts.release))
			continue;
		n++;
		ASSERT_TRUE(load(entry->d_name, comma + 1, &log, &run));
		expect_valid(_metadata, &log, true);
		replay_it(_metadata, &self->line, &log, &run);
		log_free(&log);
	}
	if (!n)
		SKIP(return, "no logs of other kernels in CRR_LOGDIR");
}

TEST_HARNESS_MAIN
