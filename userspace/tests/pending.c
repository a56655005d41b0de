// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pending: crr_checkpoint_pending() in a recording of two lines, and in a replay that
 * is fed record by record, so that it is not known whether there is more. Needs the
 * module, and root. Prints what is wrong, and fails.
 */
#include <crr.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENSURE(condition)                                                      \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "pending:%d: " #condition ": %s\n",    \
				__LINE__, strerror(errno));                    \
			exit(1);                                               \
		}                                                              \
	} while (0)

static struct crr_tty *ttys[2];
static int masters[2], session;
static char records[65536]; /* of the recording */
static size_t length, fed;

static void open_lines(unsigned int flags)
{
	char path[64];
	int i, fd;

	for (i = 0; i < 2; i++) {
		ENSURE(!openpty(&masters[i], &fd, path, NULL, NULL));
		ENSURE(!crr_attach(fd));
		if (i)
			ENSURE(crr_session_join(session, fd) == 1);
		else
			ENSURE((session = crr_session_open(fd)) >= 0);
		ENSURE((ttys[i] = crr_tty_open(path, CRR_TTY_RAW | flags)));
		close(fd);
	}
}

static void close_lines(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		crr_tty_close(ttys[i]);
		close(masters[i]);
	}
	close(session);
}

static bool pending_is(int first, int second)
{
	return crr_checkpoint_pending(ttys[0]) == first &&
	       crr_checkpoint_pending(ttys[1]) == second;
}

/* One byte of a line. */
static bool reads(int line, char wanted)
{
	char c;

	return crr_tty_read(ttys[line], &c, 1) == 1 && c == wanted;
}

static void type(int line, const char *text)
{
	struct crr_status status;
	uint64_t before;
	size_t n = strlen(text);

	ENSURE(!crr_status(crr_tty_fd(ttys[line]), &status));
	before = status.received;
	ENSURE(write(masters[line], text, n) == (ssize_t)n);
	do
		ENSURE(!crr_status(crr_tty_fd(ttys[line]), &status));
	while (status.received - before < n);
}

static void record(void)
{
	ssize_t n;

	open_lines(0);
	/* Nothing is hidden before the recording. */
	type(0, "x");
	ENSURE(!crr_checkpoint_begin(ttys[0], 1, 0));
	ENSURE(pending_is(0, 0));
	ENSURE(reads(0, 'x'));
	ENSURE(crr_checkpoint_end(ttys[0]) == 0);

	ENSURE(!crr_session_record(session, 0, 0));
	ENSURE(pending_is(-1, -1) && errno == EPROTO);
	ENSURE(!crr_session_stop(session));
	while (read(session, records, sizeof(records)) > 0)
		;

	ENSURE(!crr_session_record(session, CRR_RECORD_GATED, 0));
	type(1, "b");
	type(0, "acd");
	ENSURE(pending_is(-1, -1) && errno == EPROTO);
	ENSURE(!crr_checkpoint_begin(ttys[0], 10, 3));
	ENSURE(pending_is(1, 1));
	ENSURE(reads(0, 'a') && pending_is(1, 1));
	ENSURE(reads(1, 'b') && pending_is(1, 0));
	/* No more than three bytes. */
	ENSURE(reads(0, 'c') && pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) == 3);
	ENSURE(!crr_checkpoint_begin(ttys[0], 20, 0));
	ENSURE(pending_is(1, 0));
	ENSURE(reads(0, 'd') && pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) == 1);
	ENSURE(!crr_session_stop(session));
	while ((n = read(session, records + length,
			 sizeof(records) - length)) > 0)
		length += (size_t)n;
	close_lines();
}

/* Feed all records up to that of a number. */
static void feed(uint64_t sequence)
{
	struct crr_record rec;
	size_t size;

	while (fed < length) {
		ENSURE(!crr_record_decode(records + fed, length - fed, &size,
					  &rec));
		if (rec.sequence > sequence)
			break;
		ENSURE(write(session, records + fed, size) == (ssize_t)size);
		fed += size;
	}
}

/* The number of the nth READ. */
static uint64_t nth_read(int nth)
{
	struct crr_record rec;
	size_t at, size;

	for (at = 0; at < length; at += size) {
		ENSURE(!crr_record_decode(records + at, length - at, &size,
					  &rec));
		if (rec.type == CRR_TYPE_READ && !nth--)
			return rec.sequence;
	}
	ENSURE(!"so many reads");
	return 0;
}

static void replay(unsigned int flags)
{
	struct crr_status before, after;

	open_lines(flags);
	fed = 0;
	ENSURE(!crr_session_replay(session, CRR_REPLAY_GATED, 0));
	feed(nth_read(0));
	ENSURE(pending_is(-1, -1) && errno == EPROTO);
	ENSURE(!crr_checkpoint_begin(ttys[0], 10, 3));
	ENSURE(crr_checkpoint_pending(ttys[0]) == 1);
	ENSURE(reads(0, 'a'));
	/* Whether there is more is not known. */
	ENSURE(pending_is(1, 1));
	feed(nth_read(1));
	/* That of the second line comes before anything of the first. */
	ENSURE(crr_checkpoint_pending(ttys[1]) == 1);
	feed(nth_read(2));
	ENSURE(crr_checkpoint_pending(ttys[1]) == 1);
	ENSURE(!crr_status(crr_tty_fd(ttys[0]), &before));
	/* With O_NONBLOCK, c is hidden until b was read. */
	ENSURE(crr_checkpoint_pending(ttys[0]) == !!flags);
	ENSURE(reads(1, 'b'));
	ENSURE(!crr_status(crr_tty_fd(ttys[0]), &after));
	ENSURE(after.records != before.records);
	ENSURE(crr_checkpoint_pending(ttys[0]) == 1);
	ENSURE(reads(0, 'c'));
	ENSURE(pending_is(1, 1));
	feed(nth_read(3));
	ENSURE(pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) == 3);
	ENSURE(!crr_checkpoint_begin(ttys[0], 15, 0));
	ENSURE(pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) == 0);
	ENSURE(!crr_checkpoint_begin(ttys[0], 20, 0));
	ENSURE(crr_checkpoint_pending(ttys[0]) == 1);
	feed(UINT64_MAX);
	ENSURE(pending_is(1, 0) && reads(0, 'd') && pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) == 1);
	close_lines();
}

static void feed_record(struct crr_record rec)
{
	char record[256];
	size_t size = crr_record_encode(record, &rec);

	ENSURE(write(session, record, size) == (ssize_t)size);
}

/* The end of a pty's other end is to be read once; a hangup need not be. */
static void ends(void)
{
	uint64_t last = nth_read(3);
	char c;

	open_lines(0);
	fed = 0;
	ENSURE(!crr_session_replay(session, CRR_REPLAY_GATED, 0));
	feed(last);
	ENSURE(!crr_checkpoint_begin(ttys[0], 10, 0));
	ENSURE(reads(0, 'a') && reads(1, 'b') && reads(0, 'c'));
	ENSURE(crr_checkpoint_end(ttys[0]) == 3);
	ENSURE(!crr_checkpoint_begin(ttys[0], 20, 0));
	ENSURE(reads(0, 'd'));
	ENSURE(crr_checkpoint_end(ttys[0]) == 1);
	feed_record((struct crr_record){ .type = CRR_TYPE_PEER_CLOSED,
					 .sequence = last + 1,
					 .counter = 30 });
	feed_record((struct crr_record){ .type = CRR_TYPE_HANGUP,
					 .stream = 1,
					 .sequence = last + 2,
					 .counter = 40 });
	ENSURE(!crr_checkpoint_begin(ttys[0], 30, 0));
	ENSURE(crr_checkpoint_pending(ttys[0]) == 1);
	ENSURE(crr_tty_read(ttys[0], &c, 1) == -1 && errno == EIO);
	ENSURE(pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) == 0);
	ENSURE(!crr_checkpoint_begin(ttys[0], 40, 0));
	ENSURE(crr_checkpoint_pending(ttys[1]) == 0);
	ENSURE(crr_tty_read(ttys[1], &c, 1) == 0);
	ENSURE(crr_checkpoint_pending(ttys[1]) == 0);
	close_lines();
}

/* Of a session that has diverged there is nothing to be waited for. */
static void diverge(void)
{
	open_lines(0);
	fed = 0;
	ENSURE(!crr_session_replay(session, CRR_REPLAY_GATED, 0));
	feed(UINT64_MAX);
	ENSURE(!crr_checkpoint_begin(ttys[0], 10, 3));
	ENSURE(crr_tty_write(ttys[0], "?", 1) < 0 && errno == ENOTRECOVERABLE);
	ENSURE(pending_is(0, 0));
	ENSURE(crr_checkpoint_end(ttys[0]) < 0 && errno == ENOTRECOVERABLE);
	close_lines();
}

int main(void)
{
	record();
	replay(0);
	replay(CRR_TTY_BLOCKING);
	ends();
	diverge();
	return 0;
}
