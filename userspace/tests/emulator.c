// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * emulator TTY [WHAT COUNT [TTY]]: the smallest emulator, for the tests of crrctl.
 * It counts, and at each count looks at its line. What it reads it writes back
 * in capitals, with the count; 'q' ends it. With another TTY it does so on both.
 * From COUNT on it does something else:
 *
 *   wrong   a bit of its answers is wrong
 *   stay    likewise; and what is refused does not end it: it sleeps
 *   deaf    it reads and does not answer
 *   extra   it says something that it was not asked for
 *   early   it ends
 *   sleep   it sleeps for ever
 *   stuck   likewise, when there is something to be read
 *   run     it ends, and has not waited between counts
 *   gated   it looks in checkpoints, at each tenth count
 *   pending likewise, and it reads as long as the library says that there is
 *           something, and finds nothing then
 *   all     it reads three bytes at a time, however long it takes, and marks it
 *   seek    in replay it comes back here, once, from its end
 *   astray  the same, and then its next answer is wrong
 */
#include <crr.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *what = "";
static struct crr_position snapshot;
static bool went_back;
static uint64_t from = UINT64_MAX;
static struct crr_tty *tty; /* the one that it looks at */

static bool has(const char *name, uint64_t count)
{
	return count >= from && !strcmp(what, name);
}

static bool goes_back(uint64_t count)
{
	return has("seek", count) || has("astray", count);
}

static void wait_for_ever(const char *how, uint64_t count)
{
	fprintf(stderr, "emulator: %s at %llu\n", how,
		(unsigned long long)count);
	for (;;)
		pause();
}

/* An operation has failed in a way that no emulator goes on after. */
static void refused(uint64_t count, const char *operation, int status)
{
	int err = errno;

	fprintf(stderr, "emulator: %s at %llu: %s\n", operation,
		(unsigned long long)count, strerror(err));
	if (has("stay", count))
		wait_for_ever("staying", count);
	exit(status);
}

static void say(uint64_t count, const char *text, size_t length)
{
	struct pollfd pfd = { .fd = crr_tty_fd(tty), .events = POLLOUT };
	ssize_t n;

	while (length) {
		n = crr_tty_write(tty, text, length);
		if (n < 0 && errno == EAGAIN) {
			poll(&pfd, 1, -1);
			continue;
		}
		if (n < 0)
			refused(count, "write", 41);
		text += n;
		length -= (size_t)n;
	}
}

static void answer(uint64_t count, const char *in, size_t length)
{
	char out[512];
	size_t n, i;

	n = (size_t)snprintf(out, sizeof(out),
			     "%llu:", (unsigned long long)count);
	for (i = 0; i < length; i++)
		out[n++] = (char)toupper((unsigned char)in[i]);
	if (has("wrong", count) || has("stay", count))
		out[n - 1] ^= 1;
	out[n++] = '\n';
	if (!has("deaf", count))
		say(count, out, n);
}

/* The whole use of libcrr: open, due, read, write. */
static void look(struct crr_clock *clock, uint64_t count)
{
	char in[64];
	ssize_t n;

	while (crr_clock_due(clock, count)) {
		if (has("stuck", count))
			wait_for_ever("stuck", count);
		n = has("all", count) ? crr_tty_read_all(tty, in, 3) :
					crr_tty_read(tty, in, sizeof(in));
		if (n < 0 && errno == ENODATA)
			exit(43);
		if (n < 0 && errno != EAGAIN)
			refused(count, "read", 42);
		if (n <= 0)
			return;
		if (has("all", count) && crr_mark(tty, "read"))
			refused(count, "mark", 45);
		answer(count, in, (size_t)n);
		if (memchr(in, 'q', (size_t)n)) {
			if (!goes_back(count) || crr_seek(tty, &snapshot))
				exit(0);
			went_back = true;
			what = has("astray", count) ? "wrong" : "";
			return;
		}
	}
}

/* In a checkpoint: the library knows whether there is something to be read. */
static void look_for_pending(uint64_t count)
{
	int pending;
	char in[2];
	ssize_t n;

	do {
		pending = crr_checkpoint_pending(tty);
		n = crr_tty_read(tty, in, sizeof(in));
		if (pending < 0 || (n < 0 && errno != EAGAIN))
			refused(count, "read", 42);
		if (n > 0 && !pending) {
			fprintf(stderr, "emulator: not pending at %llu\n",
				(unsigned long long)count);
			exit(46);
		}
		if (n > 0)
			answer(count, in, (size_t)n);
		if (n > 0 && memchr(in, 'q', (size_t)n))
			exit(0);
	} while (pending);
}

int main(int argc, char **argv)
{
	const struct timespec tick = { .tv_nsec = 200000 };
	struct crr_tty *ttys[2] = { 0 };
	int n = argc == 5 ? 2 : 1;
	uint64_t count;
	bool gated;
	int i;

	if (argc >= 4) {
		what = argv[2];
		from = strtoull(argv[3], NULL, 0);
	}
	for (i = 0; i < n; i++) {
		ttys[i] = argc > 1 ? crr_tty_open(argv[i ? 4 : 1], CRR_TTY_RAW) :
				     NULL;
		if (!ttys[i]) {
			fprintf(stderr, "emulator: %s\n", strerror(errno));
			return 40;
		}
	}
	tty = *ttys;
	gated = !strcmp(what, "gated") || !strcmp(what, "pending");
	for (count = 1;; count++) {
		if (has("early", count) || has("run", count))
			return 0;
		if (has("sleep", count))
			wait_for_ever("asleep", count);
		if (went_back) {
			went_back = false;
			count = snapshot.counter;
		} else if (goes_back(count) && count == from) {
			crr_clock_set(crr_tty_clock(ttys[0]), count);
			crr_position(ttys[0], &snapshot);
		}
		if (gated && count % 10)
			continue;
		if (gated && crr_checkpoint_begin(tty, count, 5))
			refused(count, "checkpoint", 44);
		for (i = n - 1; i >= 0; i--) {
			tty = ttys[i];
			if (has("pending", count))
				look_for_pending(count);
			else
				look(crr_tty_clock(tty), count);
		}
		if (gated && crr_checkpoint_end(tty) < 0)
			refused(count, "checkpoint", 44);
		if (has("extra", count))
			say(count, "!", 1);
		/* Paced, unless it is a replay. */
		if (strcmp(what, "run") &&
		    crr_clock_next_due(crr_tty_clock(tty)) == CRR_NEVER)
			nanosleep(&tick, NULL);
	}
}
