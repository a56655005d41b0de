// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several ttys in one session: one counter, one log. Errors of CRR_IOC_JOIN:
 *
 *	EPERM			join_needs_capability
 *	EBADF			join_wrong_fds
 *	EBUSY			join_busy
 *	EEXIST			clocks_of_two
 *	EOPNOTSUPP		join_master
 */
#include <sys/resource.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define LINES 3

FIXTURE(lines) {
	struct line line[LINES];
	struct line other;
	struct log log;
	struct log again;
};

/* Ptys in the session of the first; another pty, attached, in none. */
FIXTURE_SETUP(lines)
{
	int session;

	for (int i = 0; i < LINES; i++)
		self->line[i] = (struct line){ -1, -1, -1, -1 };
	self->other = (struct line){ -1, -1, -1, -1 };
	if (!setup_line(_metadata, &self->line[0]))
		return;
	session = self->line[0].session;
	for (int i = 1; i < LINES; i++) {
		ASSERT_EQ(0, open_pty(&self->line[i]));
		ASSERT_EQ(0, attach(self->line[i].tty));
		ASSERT_EQ(i, join(self->line[i].tty, session));
	}
	ASSERT_EQ(0, open_pty(&self->other));
	ASSERT_EQ(0, attach(self->other.tty));
}

FIXTURE_TEARDOWN(lines)
{
	for (int i = 0; i < LINES; i++)
		close_line(&self->line[i]);
	close_line(&self->other);
	log_free(&self->log);
	log_free(&self->again);
}

#define MANY		600
#define MANY_TOGETHER	50

/*
 * So many that some of them have no place of their own in the kernel's table of
 * lines, and each is still found, and has its bytes to itself; until it goes.
 */
TEST_F_TIMEOUT(lines, many, 120)
{
	static struct line line[MANY];
	struct rlimit files = { 4 * MANY, 4 * MANY };
	unsigned int goes = 0;
	char c;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	for (int i = 0; i < MANY; i++) {
		struct line *first = &line[i - i % MANY_TOGETHER];

		ASSERT_EQ(0, open_pty(&line[i]));
		ASSERT_EQ(0, attach(line[i].tty));
		if (&line[i] == first)
			first->session = open_session(first->tty);
		ASSERT_LE(0, first->session);
		if (&line[i] != first) {
			ASSERT_EQ(i % MANY_TOGETHER,
				  join(line[i].tty, first->session));
		}
	}
	for (int i = 0; i < MANY; i += MANY_TOGETHER)
		ASSERT_EQ(0, record_into(line[i].session, 0, CRR_BUFFER_MIN));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, send_all(line[i].peer, (char []){ i % 251 }, 1));
	for (int i = 0; i < MANY; i++) {
		ASSERT_EQ(1, read(line[i].tty, &c, 1));
		ASSERT_EQ((char)(i % 251), c);
	}
	for (int i = 0; i < MANY; i += MANY_TOGETHER) {
		finish_log(_metadata, &line[i], &self->log);
		EXPECT_EQ(MANY_TOGETHER, log_count(&self->log, CRR_TYPE_READ));
		log_free(&self->log);
	}
	/* Prime to their number: all of them, in an order of its own. */
	for (int i = 0; i < MANY; i++, goes = (goes + 217) % MANY) {
		ASSERT_EQ(0, detach(line[goes].tty));
		close_line(&line[goes]);
	}
}

/* ---- CRR_IOC_JOIN ---- */

TEST_F(lines, join_numbers)
{
	struct line *line = self->line;

	for (int i = 0; i < LINES; i++) {
		struct crr_status st = status(line[i].tty);

		EXPECT_EQ(i, st.stream);
		EXPECT_EQ(LINES, st.streams);
		EXPECT_EQ(CRR_STATE_IDLE, st.state);
	}
	/* One leaves, and those after it move up, at the latest in RECORD. */
	ASSERT_EQ(0, detach(line[1].tty));
	ASSERT_EQ(0, record(line[0].session, 0));
	EXPECT_EQ(0, status(line[0].tty).stream);
	EXPECT_EQ(1, status(line[2].tty).stream);
	EXPECT_EQ(2, status(line[0].session).streams);
	finish_log(_metadata, &line[0], &self->log);
	EXPECT_EQ(2, log_count(&self->log, CRR_TYPE_STREAM));
	/* It comes back as the last. */
	ASSERT_EQ(0, attach(line[1].tty));
	EXPECT_EQ(2, join(line[1].tty, line[0].session));
	EXPECT_EQ(1, status(line[2].tty).stream);
}

TEST_F(lines, join_wrong_fds)
{
	int session = self->line[0].session, tty = self->other.tty;
	struct crr_join arg = { .size = sizeof(arg), .session_fd = session };

	EXPECT_EQ(-EBADF, join(tty, -1));
	EXPECT_EQ(-EBADF, join(tty, tty));
	EXPECT_EQ(-EBADF, join(tty, STDERR_FILENO));
	arg.tty_fd = self->line[1].tty;
	EXPECT_EQ(-EBADF, sys(ioctl(tty, CRR_IOC_JOIN, &arg)));
	arg.tty_fd = session;
	EXPECT_EQ(-EBADF, sys(ioctl(tty, CRR_IOC_JOIN, &arg)));
	arg.tty_fd = tty;
	arg.__reserved = 1;
	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_JOIN, &arg)));
	EXPECT_EQ(-ENOTTY, join(session, session));
	EXPECT_EQ(CRR_NO_STREAM, status(tty).stream);
	EXPECT_EQ(LINES, status(session).streams);
}

TEST_F(lines, join_busy)
{
	struct line *line = self->line, *other = &self->other;

	/* In this session, or in another. */
	EXPECT_EQ(-EBUSY, join(line[1].tty, line[0].session));
	other->session = open_session(other->tty);
	ASSERT_LE(0, other->session);
	EXPECT_EQ(-EBUSY, join(other->tty, line[0].session));
	close_fd(&other->session);

	ASSERT_EQ(0, record(line[0].session, 0));
	EXPECT_EQ(-EBUSY, join(other->tty, line[0].session));
	ASSERT_EQ(0, stop(line[0].session));
	/* Not while there are records to be read. */
	EXPECT_EQ(-EBUSY, join(other->tty, line[0].session));
	ASSERT_EQ(0, drain_to_end(line[0].session, &self->log));
	ASSERT_EQ(0, replay(line[0].session, 0));
	EXPECT_EQ(-EBUSY, join(other->tty, line[0].session));
	ASSERT_EQ(0, stop(line[0].session));
	EXPECT_EQ(LINES, join(other->tty, line[0].session));
}

TEST_F(lines, join_master)
{
	ASSERT_EQ(0, attach(self->other.peer));
	EXPECT_EQ(-EOPNOTSUPP, join(self->other.peer, self->line[0].session));
}

TEST_F(lines, join_needs_capability)
{
	int result = 0;
	pid_t pid = fork();

	if (!pid) {
		if (setresuid(65534, 65534, 65534))
			_exit(1);
		_exit(-join(self->other.tty, self->line[0].session));
	}
	ASSERT_EQ(pid, waitpid(pid, &result, 0));
	EXPECT_EQ(EPERM, WEXITSTATUS(result));
	EXPECT_EQ(CRR_NO_STREAM, status(self->other.tty).stream);
}

/* Any of the ttys leads to the session when its controller has gone. */
TEST_F(lines, taken_over_by_any)
{
	struct line *line = self->line;

	ASSERT_EQ(0, record(line[0].session, CRR_RECORD_CAPTURE));
	ASSERT_EQ(2, write(line[1].tty, "hi", 2));
	EXPECT_EQ(-EBUSY, open_session(line[2].tty));
	close_fd(&line[0].session);
	line[0].session = open_session(line[2].tty);
	ASSERT_LE(0, line[0].session);
	finish_log(_metadata, &line[0], &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_WRITE));
	EXPECT_EQ(LINES, log_count(&self->log, CRR_TYPE_STREAM_END));
}

/* Without a controller an idle session is no more, for none of its ttys. */
TEST_F(lines, dissolved)
{
	struct line *line = self->line;

	close_fd(&line[0].session);
	for (int i = 0; i < LINES; i++)
		EXPECT_EQ(CRR_NO_STREAM, status(line[i].tty).stream);
	line[0].session = open_session(line[1].tty);
	ASSERT_LE(0, line[0].session);
	EXPECT_EQ(1, join(line[0].tty, line[0].session));
}

/* ---- One clock ---- */

TEST_F(lines, clock_of_all)
{
	struct line *line = self->line;

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, map_clock(&line[i]));
	put(*line[0].counter, 7);
	EXPECT_EQ(7, look(*line[1].counter));
	ASSERT_EQ(0, record(line[0].session, 0));
	EXPECT_EQ(CRR_STATE_RECORDING, look(line[1].state->state));
	__u64 seen = look(line[0].state->rx_seq);

	ASSERT_EQ(0, send_all(line[2].peer, "x", 1));
	EXPECT_TRUE(eventually(look(line[0].state->rx_seq) != seen));
	EXPECT_EQ(7, status(line[2].tty).counter);
}

/* Whose emulator has a clock already brings it along. */
TEST_F(lines, clock_is_brought)
{
	struct line *line = self->line, *other = &self->other;

	ASSERT_EQ(0, map_clock(other));
	put(*other->counter, 9);
	ASSERT_EQ(LINES, join(other->tty, line[0].session));
	ASSERT_EQ(0, record(line[0].session, 0));
	ASSERT_EQ(1, write(line[1].tty, "x", 1));
	EXPECT_EQ(9, status(line[0].tty).counter);
}

TEST_F(lines, clocks_of_two)
{
	struct line *line = self->line, *other = &self->other;

	ASSERT_EQ(0, map_clock(&line[1]));
	ASSERT_EQ(0, map_clock(other));
	EXPECT_EQ(-EEXIST, join(other->tty, line[0].session));
	close_clock(other);
	EXPECT_EQ(LINES, join(other->tty, line[0].session));
}

/* ---- Recorded and replayed ---- */

/* An emulator that copies what it reads to the next line, in capitals. */
static void emulate(struct __test_metadata *_metadata, struct line *line,
		    bool live, char *transcript)
{
	__u64 counter = 0;
	char buf[64];

	for (int round = 0; round < 30; round++) {
		int from = round % LINES;
		long n;

		if (live) {
			snprintf(buf, sizeof(buf), "round %d", round);
			ASSERT_TRUE(deliver(&line[from], buf, strlen(buf)));
		}
		counter += 10;
		ASSERT_EQ(0, count(line[round * 7 % LINES].tty, counter));
		n = sys(read(line[from].tty, buf, sizeof(buf)));
		ASSERT_LT(0, n);
		for (int i = 0; i < n; i++)
			buf[i] &= ~0x20;
		transcript += sprintf(transcript, "%d:%.*s ", from, (int)n,
				      buf);
		ASSERT_EQ(n, write(line[(from + 1) % LINES].tty, buf, n));
	}
}

TEST_F_TIMEOUT(lines, replayed, 60)
{
	struct line *line = self->line;
	char first[1024] = "", second[1024] = "";
	struct crr_divergence div;
	struct record rec = {};
	int session = line[0].session;

	ASSERT_EQ(0, record(session, CRR_RECORD_CAPTURE));
	emulate(_metadata, line, true, first);
	finish_log(_metadata, &line[0], &self->log);
	EXPECT_EQ(30, log_count(&self->log, CRR_TYPE_READ));
	EXPECT_EQ(30, log_count(&self->log, CRR_TYPE_WRITE));
	for (int i = 0; i < LINES; i++) {
		ASSERT_TRUE(log_next(&self->log, &rec));
		EXPECT_EQ(i, rec.stream);
		/* "pts7", of /dev/pts/7 */
		EXPECT_EQ(3 + strlen(strrchr(line[i].name, '/') + 1),
			  rec.length);
		EXPECT_EQ(0, memcmp(strrchr(line[i].name, '/') + 1,
				    rec.data + 3, rec.length - 3));
	}

	ASSERT_EQ(0, replay(session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(session, &self->log));
	emulate(_metadata, line, false, second);
	EXPECT_STREQ(first, second);
	EXPECT_EQ(0, stop(session));
	EXPECT_EQ(-ENODATA, divergence(session, &div));

	/* The wrong line is another run. */
	ASSERT_EQ(0, replay(session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(session, &self->log));
	ASSERT_EQ(0, count(line[0].tty, 10));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line[2].tty, "ROUND", 5)));
	ASSERT_EQ(0, divergence(session, &div));
	EXPECT_EQ(2, div.stream);
	EXPECT_EQ(CRR_DIVERGENCE_EARLY, div.kind);
	/* And is one on all of them. */
	EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line[0].tty, first, 1)));
}

/* Who sleeps on one line is woken by a counter that comes through another. */
TEST_F(lines, woken_through_another)
{
	struct line *line = self->line;
	struct task reader;
	char buf[8];

	ASSERT_EQ(0, replay(line[0].session, 0));
	for (int i = 0; i < LINES; i++)
		log_add(&self->log, STREAM, .stream = i, .data = "test",
			.length = 4);
	log_add(&self->log, READ, .stream = 2, .counter = 50, .data = "abc",
		.length = 3);
	log_add(&self->log, READ, .stream = 0, .counter = 60, .data = "d",
		.length = 1);
	ASSERT_EQ(0, feed_log(line[0].session, &self->log));
	begin(&reader, READ, .fd = line[2].tty, .buf = buf, .length = 8);
	ASSERT_TRUE(sleeps(&reader));
	EXPECT_EQ(50, status(line[0].session).next_due);
	ASSERT_EQ(0, count(line[1].tty, 50));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(3, reader.result);
	EXPECT_EQ(60, status(line[0].session).next_due);
}

/* ---- A log of other streams ---- */

TEST_F(lines, log_of_fewer)
{
	struct line *line = self->line;

	ASSERT_EQ(0, replay(line[0].session, 0));
	log_begin(&self->log);
	log_read(&self->log, 1, 0, "a", 1);
	EXPECT_EQ(-EBADMSG, feed_log(line[0].session, &self->log));
	EXPECT_EQ(CRR_REASON_STREAMS, status(line[0].session).reason);
}

TEST_F(lines, log_of_more)
{
	struct line *line = self->line;

	ASSERT_EQ(0, replay(line[0].session, 0));
	for (int i = 0; i <= LINES; i++)
		log_add(&self->log, STREAM, .stream = i, .data = "test",
			.length = 4);
	EXPECT_EQ(-EBADMSG, feed_log(line[0].session, &self->log));
	EXPECT_EQ(CRR_REASON_STREAMS, status(line[0].session).reason);
}

/* ---- One goes, the others go on ---- */

/*
 * The second line leaves, by a hangup or because its discipline goes; before
 * and after that something comes on the others.
 */
static void leave_one(struct __test_metadata *_metadata, struct line *line,
		      struct log *log, bool hangup)
{
	char buf[8];

	ASSERT_EQ(0, record(line[0].session, CRR_RECORD_CAPTURE));
	ASSERT_EQ(0, count(line[0].tty, 10));
	ASSERT_EQ(1, write(line[1].tty, "a", 1));
	ASSERT_EQ(0, hangup ? hang_up(line[1].name) : detach(line[1].tty));
	ASSERT_EQ(0, count(line[0].tty, 20));
	ASSERT_EQ(1, write(line[0].tty, "b", 1));
	ASSERT_TRUE(deliver(&line[2], "c", 1));
	ASSERT_EQ(1, read(line[2].tty, buf, 8));
	EXPECT_FALSE(polled(line[0].session, POLLIN) & POLLHUP);
	finish_log(_metadata, &line[0], log);
	EXPECT_EQ(hangup, log_count(log, CRR_TYPE_HANGUP));
	EXPECT_EQ(2, log_count(log, CRR_TYPE_WRITE));
	EXPECT_EQ(LINES, log_count(log, CRR_TYPE_STREAM_END));
}

/* The ttys of a session of their own, for the replay. */
static void open_lines(struct __test_metadata *_metadata, struct line *line)
{
	for (int i = 0; i < LINES; i++)
		close_line(&line[i]);
	ASSERT_EQ(0, open_line(&line[0]));
	for (int i = 1; i < LINES; i++) {
		ASSERT_EQ(0, open_pty(&line[i]));
		ASSERT_EQ(0, attach(line[i].tty));
		ASSERT_EQ(i, join(line[i].tty, line[0].session));
	}
}

TEST_F(lines, one_hangs_up)
{
	struct line *line = self->line;
	struct crr_divergence div;
	char buf[8];

	leave_one(_metadata, line, &self->log, true);
	open_lines(_metadata, line);
	ASSERT_EQ(0, replay(line[0].session, 0));
	ASSERT_EQ(0, feed_log(line[0].session, &self->log));
	ASSERT_EQ(0, count(line[0].tty, 10));
	EXPECT_EQ(1, write(line[1].tty, "a", 1));
	EXPECT_EQ(-EIO, sys(write(line[1].tty, "x", 1)));
	EXPECT_EQ(0, read(line[1].tty, buf, 8));
	ASSERT_EQ(0, count(line[0].tty, 20));
	EXPECT_EQ(1, write(line[0].tty, "b", 1));
	EXPECT_EQ(0, read(line[1].tty, buf, 8));
	EXPECT_EQ(1, read(line[2].tty, buf, 8));
	EXPECT_EQ(0, stop(line[0].session));
	EXPECT_EQ(-ENODATA, divergence(line[0].session, &div));
}

TEST_F(lines, one_leaves)
{
	struct line *line = self->line;
	struct crr_divergence div;
	struct record end;
	char buf[8];

	leave_one(_metadata, line, &self->log, false);
	/* Whether the log has told it by then, or does so later. */
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &end));
	for (int late = 0; late < 2; late++) {
		size_t first = late ? end.at : self->log.length;

		open_lines(_metadata, line);
		ASSERT_EQ(0, replay(line[0].session, 0));
		ASSERT_EQ(0, feed(line[0].session, self->log.bytes, first));
		ASSERT_EQ(0, count(line[0].tty, 10));
		EXPECT_EQ(1, write(line[1].tty, "a", 1));
		ASSERT_EQ(0, detach(line[1].tty));
		EXPECT_EQ(CRR_STATE_REPLAYING, status(line[0].session).state);
		ASSERT_EQ(0, feed(line[0].session, self->log.bytes + first,
				  self->log.length - first));
		ASSERT_EQ(0, count(line[0].tty, 20));
		EXPECT_EQ(1, write(line[0].tty, "b", 1));
		EXPECT_EQ(1, read(line[2].tty, buf, 8));
		EXPECT_EQ(0, stop(line[0].session));
		EXPECT_EQ(-ENODATA, divergence(line[0].session, &div));
	}
}

/* A line that leaves before its time: found out now, or when more is fed. */
TEST_F(lines, one_leaves_early)
{
	struct line *line = self->line;
	struct crr_divergence div;
	struct record write;

	leave_one(_metadata, line, &self->log, false);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, 0, &write));
	for (int late = 0; late < 2; late++) {
		for (int early = 0; early < 2; early++) {
			size_t first = late ? write.at : self->log.length;
			struct crr_status st;

			open_lines(_metadata, line);
			ASSERT_EQ(0, replay(line[0].session, 0));
			ASSERT_EQ(0, feed(line[0].session, self->log.bytes,
					  first));
			ASSERT_EQ(0, count(line[0].tty, early ? 9 : 10));
			ASSERT_EQ(0, detach(line[1].tty));
			if (late)
				feed(line[0].session, self->log.bytes + first,
				     self->log.length - first);
			st = status(line[0].session);
			EXPECT_EQ(early ? CRR_STATE_FAILED : CRR_STATE_DIVERGED,
				  st.state);
			if (early) {
				EXPECT_EQ(CRR_REASON_LINE, st.reason);
				continue;
			}
			ASSERT_EQ(0, divergence(line[0].session, &div));
			EXPECT_EQ(CRR_DIVERGENCE_LEFT, div.kind);
			EXPECT_EQ(1, div.stream);
			EXPECT_EQ(write.sequence, div.sequence);
		}
	}
}

/* The next start forgets it, with all that it had been fed. */
TEST_F(lines, start_after_one_left)
{
	struct line *line = self->line;

	leave_one(_metadata, line, &self->log, false);
	open_lines(_metadata, line);
	ASSERT_EQ(0, replay(line[0].session, 0));
	ASSERT_EQ(0, feed_log(line[0].session, &self->log));
	ASSERT_EQ(0, detach(line[1].tty));
	ASSERT_EQ(0, stop(line[0].session));
	ASSERT_EQ(0, record(line[0].session, 0));
	EXPECT_EQ(2, status(line[0].session).streams);
	ASSERT_EQ(0, stop(line[0].session));
	ASSERT_EQ(0, drain_to_end(line[0].session, &self->again));
	expect_valid(_metadata, &self->again, true);
}

TEST_HARNESS_MAIN
