// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live: after the log's end the emulator goes on with the device; and, if
 * wanted, what comes then continues the log.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(live) {
	struct line line;
	struct line other;
	struct log log;
	struct log more;
};

FIXTURE_SETUP(live)
{
	self->other = (struct line){ -1, -1, -1, -1 };
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(live)
{
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
	log_free(&self->more);
}

#define expect_bytes(_tty, _text)					\
do {									\
	char _buf[64];							\
	long _n = sys(read(_tty, _buf, sizeof(_buf)));			\
									\
	EXPECT_EQ(sizeof(_text) - 1, _n);				\
	if (_n > 0)							\
		EXPECT_EQ(0, memcmp(_text, _buf, sizeof(_text) - 1));	\
} while (0)

/* Read at 10, write at 20, end at 30. */
static void some_log(struct log *log)
{
	log_begin(log);
	log_read(log, 10, 0, "in", 2);
	log_write(log, 20, 3, "out", 3, CRR_FLAG_CAPTURED);
	log_finish(log, 30, 0);
}

static void run_log(struct __test_metadata *_metadata, struct line *line)
{
	ASSERT_EQ(0, count(line->tty, 10));
	expect_bytes(line->tty, "in");
	ASSERT_EQ(0, count(line->tty, 20));
	EXPECT_EQ(3, write(line->tty, "out", 3));
	EXPECT_EQ(3, swallow(line->peer));
}

TEST_F(live, goes_on_with_the_device)
{
	struct line *line = &self->line;
	struct crr_divergence div;

	some_log(&self->log);
	ASSERT_EQ(0, replay_live(line->session, 0, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_log(_metadata, line);
	ASSERT_EQ(0, count(line->tty, 31));
	/* Whoever looks first finds out. */
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLIN | POLLOUT));
	EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &div, 1)));
	ASSERT_TRUE(deliver(line, "real", 4));
	expect_bytes(line->tty, "real");
	EXPECT_EQ(1, write(line->tty, "w", 1));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
	EXPECT_EQ(-ENODATA, stop(line->session));
	EXPECT_EQ(-EINVAL, sys(read(line->session, &div, sizeof(div))));
}

/* What the device sent before the log's end is no part of what comes after it. */
TEST_F(live, not_with_old_input)
{
	struct line *line = &self->line;
	char bytes[5000];

	/* More than N_TTY holds, so that some of it waits for it elsewhere. */
	pattern(bytes, sizeof(bytes), 0);
	ASSERT_TRUE(deliver(line, "before", 6));
	ASSERT_EQ(0, send_all(line->peer, bytes, sizeof(bytes)));
	some_log(&self->log);
	ASSERT_EQ(0, replay_live(line->session, CRR_REPLAY_MUTE, 0));
	ASSERT_TRUE(eventually(!unsent(line->peer)));
	ASSERT_EQ(0, send_all(line->peer, "meanwhile", 9));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, count(line->tty, 10));
	expect_bytes(line->tty, "in");
	ASSERT_EQ(0, count(line->tty, 20));
	EXPECT_EQ(3, write(line->tty, "out", 3));
	/* All of it has come: none is still on its way when it goes live. */
	ASSERT_TRUE(eventually(status(line->tty).received +
			       status(line->tty).discarded ==
			       6 + sizeof(bytes) + 9));
	ASSERT_EQ(0, count(line->tty, 31));
	EXPECT_EQ(0, arrived(line->tty));
	EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
	ASSERT_TRUE(deliver(line, "after", 5));
	expect_bytes(line->tty, "after");
}

/* All of a log is fed and consumed, and then nobody controls the session. */
static void orphan_at_end(struct __test_metadata *_metadata, struct line *line,
			  struct log *log)
{
	some_log(log);
	ASSERT_EQ(0, replay_live(line->session, 0, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
	close_fd(&line->session);
	run_log(_metadata, line);
	ASSERT_EQ(0, count(line->tty, 31));
}

/* The session has been torn down: the line is the device's, and free. */
static void is_torn_down(struct __test_metadata *_metadata, struct line *line)
{
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_SESSION);
	ASSERT_TRUE(deliver(line, "real", 4));
	expect_bytes(line->tty, "real");
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(0, record(line->session, 0));
}

/* An operation tears down a session that nobody controls. */
TEST_F(live, as_an_orphan)
{
	struct line *line = &self->line;
	char c;

	orphan_at_end(_metadata, line, &self->log);
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_SESSION);
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	is_torn_down(_metadata, line);
}

/* So does poll(2). */
TEST_F(live, as_an_orphan_by_poll)
{
	struct line *line = &self->line;

	orphan_at_end(_metadata, line, &self->log);
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLIN | POLLOUT));
	is_torn_down(_metadata, line);
}

/* And if it begins a checkpoint first. */
TEST_F(live, as_an_orphan_by_checkpoint)
{
	struct line *line = &self->line;

	some_log(&self->log);
	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, replay_live(line->session, CRR_REPLAY_GATED, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	close_fd(&line->session);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	expect_bytes(line->tty, "in");
	ASSERT_EQ(2, end_checkpoint(line->tty));
	ASSERT_EQ(0, count(line->tty, 20));
	EXPECT_EQ(3, write(line->tty, "out", 3));
	EXPECT_EQ(0, begin_checkpoint(line->tty, 31, 0));
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_SESSION);
	/* As without a session: it has set the line's counter. */
	EXPECT_EQ(31, look(*line->counter));
	ASSERT_TRUE(deliver(line, "real", 4));
	expect_bytes(line->tty, "real");
}

/* By a write, too; by FIONREAD; by a sleeping read; and not before its time. */
TEST_F_TIMEOUT(live, by_whatever_operation, 60)
{
	struct line *line = &self->line;
	struct task reader;
	char c;

	for (int way = 0; way < 4; way++) {
		some_log(&self->log);
		ASSERT_EQ(0, replay_live(line->session, 0, 0));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		run_log(_metadata, line);
		ASSERT_EQ(0, count(line->tty, 29));
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
		EXPECT_EQ(CRR_STATE_REPLAYING, status(line->session).state);
		ASSERT_EQ(0, count(line->tty, way == 3 ? 29 : 31));
		switch (way) {
		case 0:
			EXPECT_EQ(1, write(line->tty, "w", 1));
			EXPECT_EQ(1, swallow(line->peer));
			break;
		case 1:
			EXPECT_EQ(0, arrived(line->tty));
			break;
		case 2:
			EXPECT_EQ(-ENOTTY, modem(line->tty, NULL));
			break;
		case 3:
			ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
			begin(&reader, READ, .fd = line->tty, .buf = &c,
			      .length = 1);
			ASSERT_TRUE(sleeps(&reader));
			ASSERT_EQ(0, count(line->tty, 31));
			ASSERT_TRUE(eventually(status(line->session).state ==
					       CRR_STATE_IDLE));
			ASSERT_TRUE(sleeps(&reader));
			ASSERT_EQ(0, send_all(line->peer, "r", 1));
			ASSERT_TRUE(ends(&reader));
			EXPECT_EQ(1, reader.result);
			EXPECT_EQ('r', c);
			break;
		}
		EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
	}
}

/* A run that has departed from its log does not go on. */
TEST_F(live, not_after_a_divergence)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	char c;

	some_log(&self->log);
	ASSERT_EQ(0, replay_live(line->session, 0, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, count(line->tty, 10));
	expect_bytes(line->tty, "in");
	ASSERT_EQ(0, count(line->tty, 31));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(CRR_STATE_DIVERGED, status(line->session).state);
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_LEFT, div.kind);
	EXPECT_EQ(2, div.sequence);
}

/* The end must have been fed. */
TEST_F_TIMEOUT(live, waits_for_the_end, 60)
{
	struct line *line = &self->line;
	struct record end;
	struct task task;
	char c = 'w';

	some_log(&self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_END, 0, &end));
	ASSERT_EQ(0, replay_live(line->session, 0, 0));
	ASSERT_EQ(0, feed(line->session, self->log.bytes, end.at));
	run_log(_metadata, line);
	ASSERT_EQ(0, count(line->tty, 31));
	begin(&task, WRITE, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(eventually(status(line->session).waiting &
			       CRR_WAITING_FEED));
	ASSERT_EQ(0, feed(line->session, self->log.bytes + end.at, end.size));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(1, task.result);
	EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
}

/*
 * What is recorded then continues the log: old log up to there, and new one
 * behind it, are a log, which replays.
 */
TEST_F(live, and_recorded)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct record first = {}, end;
	char c;

	some_log(&self->log);
	ASSERT_EQ(0, replay_live(line->session, CRR_REPLAY_RECORD,
				 CRR_RECORD_CAPTURE));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(-EAGAIN, sys(read(line->session, &c, 1)));
	EXPECT_EQ(0, polled(line->session, POLLIN));
	run_log(_metadata, line);
	ASSERT_EQ(0, count(line->tty, 35));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(CRR_STATE_RECORDING, status(line->session).state);
	ASSERT_TRUE(deliver(line, "real", 4));
	expect_bytes(line->tty, "real");
	ASSERT_EQ(0, count(line->tty, 40));
	EXPECT_EQ(4, write(line->tty, "true", 4));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(0, drain_to_end(line->session, &self->more));

	ASSERT_TRUE(log_next(&self->more, &first));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &end));
	EXPECT_EQ(end.sequence, first.sequence);
	EXPECT_EQ(CRR_TYPE_READ, first.type);
	EXPECT_EQ(1, first.empty_reads);
	EXPECT_EQ(35, first.counter);
	self->log.length = end.at;
	log_append(&self->log, self->more.bytes, self->more.length);
	expect_valid(_metadata, &self->log, true);

	EXPECT_EQ(4, swallow(line->peer));
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_log(_metadata, line);
	ASSERT_EQ(0, count(line->tty, 35));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	expect_bytes(line->tty, "real");
	ASSERT_EQ(0, count(line->tty, 40));
	EXPECT_EQ(4, write(line->tty, "true", 4));
	EXPECT_EQ(0, status(line->session).remaining);
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

/* A log of two lines up to 10; the other one leaves the run at 5. */
static void replay_two(struct __test_metadata *_metadata, struct line *line,
		       struct line *other, struct log *log, __u32 reason,
		       __u64 ended)
{
	ASSERT_EQ(0, open_pty(other));
	ASSERT_EQ(0, attach(other->tty));
	ASSERT_EQ(1, join(other->tty, line->session));
	log_begin(log);
	log_add(log, STREAM, .stream = 1, .data = "b", .length = 1);
	log_add(log, STREAM_END, .stream = 1, .counter = ended,
		.reason = reason);
	log_finish(log, 10, 0);
	ASSERT_EQ(0, replay_live(line->session, CRR_REPLAY_RECORD, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(0, count(line->tty, 5));
	ASSERT_EQ(0, detach(other->tty));
}

/* Of two lines one has closed in the old log: it has no part in the new one. */
TEST_F(live, with_a_line_less)
{
	struct line *line = &self->line, *other = &self->other;
	struct record end;
	char c;

	replay_two(_metadata, line, other, &self->log, CRR_END_CLOSED, 5);
	ASSERT_EQ(0, count(line->tty, 11));
	EXPECT_EQ(1, write(line->tty, "w", 1));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(0, drain_to_end(line->session, &self->more));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 1, &end));
	self->log.length = end.at;
	log_append(&self->log, self->more.bytes, self->more.length);
	expect_valid(_metadata, &self->log, true);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_WRITE));
}

/* Or in the run alone, which has closed it too early to go on with it. */
TEST_F(live, with_a_line_lost)
{
	struct line *line = &self->line, *other = &self->other;
	struct record end;
	char c;

	replay_two(_metadata, line, other, &self->log, CRR_END_STOP, 10);
	ASSERT_EQ(0, count(line->tty, 11));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(CRR_STATE_RECORDING, status(line->session).state);
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(0, drain_to_end(line->session, &self->more));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &end));
	self->log.length = end.at;
	log_append(&self->log, self->more.bytes, self->more.length);
	expect_valid(_metadata, &self->log, true);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &end));
	EXPECT_EQ(1, end.stream);
	EXPECT_EQ(CRR_END_CLOSED, end.reason);
}

/* Recorded and stopped without ever coming so far. */
TEST_F(live, never_reached)
{
	struct line *line = &self->line;
	char c;

	some_log(&self->log);
	ASSERT_EQ(0, replay_live(line->session, CRR_REPLAY_RECORD, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(POLLIN, polled(line->session, POLLIN));
	EXPECT_EQ(0, read(line->session, &c, 1));
	ASSERT_EQ(0, record(line->session, 0));
}

TEST_F(live, wrong_flags)
{
	int session = self->line.session;
	struct crr_replay_start arg = {
		.size = sizeof(arg), .flags = CRR_REPLAY_RECORD,
	};

	EXPECT_EQ(-EINVAL, sys(ioctl(session, CRR_IOC_REPLAY, &arg)));
	EXPECT_EQ(-EINVAL, replay_live(session, 0, CRR_RECORD_CAPTURE));
	EXPECT_EQ(-EINVAL, replay_live(session, CRR_REPLAY_RECORD, 1U << 31));
	EXPECT_EQ(-EINVAL, replay_live(session, CRR_REPLAY_RECORD,
				       CRR_RECORD_GATED));
	EXPECT_EQ(-EINVAL, replay_live(session, CRR_REPLAY_RECORD |
				       CRR_REPLAY_GATED, 0));
	arg.flags = 0;
	arg.__reserved = 1;
	EXPECT_EQ(-EINVAL, sys(ioctl(session, CRR_IOC_REPLAY, &arg)));
	EXPECT_EQ(0, replay_live(session, CRR_REPLAY_RECORD | CRR_REPLAY_GATED,
				 CRR_RECORD_GATED));
}

TEST_HARNESS_MAIN
