// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seek: an emulator that has restored a snapshot of itself goes on from there.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(seek) {
	struct line line;
	struct log log;
};

/* Ten rounds: at 100 * n, read "in n" and write "out n". */
FIXTURE_SETUP(seek)
{
	struct log *log = &self->log;

	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
	log_begin(log);
	for (int n = 1; n <= 10; n++) {
		char text[16];

		snprintf(text, sizeof(text), "in %2d", n);
		log_read(log, 100 * n, 1, text, 5);
		snprintf(text, sizeof(text), "out %2d", n);
		log_write(log, 100 * n, 6, text, 6, CRR_FLAG_CAPTURED);
	}
	log_finish(log, 1100, 0);
	ASSERT_EQ(0, replay(self->line.session, CRR_REPLAY_MUTE));
}

FIXTURE_TEARDOWN(seek)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* As the recorded run did, from this round on. */
static void run_from(struct __test_metadata *_metadata, struct line *line,
		     int first, int last)
{
	for (int n = first; n <= last; n++) {
		char text[16], buf[16];

		ASSERT_EQ(0, count(line->tty, 100 * n));
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, sizeof(buf))));
		ASSERT_EQ(5, sys(read(line->tty, buf, sizeof(buf))));
		snprintf(text, sizeof(text), "in %2d", n);
		EXPECT_EQ(0, memcmp(text, buf, 5));
		snprintf(text, sizeof(text), "out %2d", n);
		EXPECT_EQ(6, sys(write(line->tty, text, 6)));
	}
}

/* Seek in another thread, and be the feeder that hears of it. */
static void seek_and_feed(struct __test_metadata *_metadata, struct line *line,
			  struct log *log, __u64 sequence, __u64 counter,
			  __u64 from)
{
	struct record rec = {};
	struct crr_status st;
	struct task task;

	begin(&task, SEEK, .fd = line->tty, .length = sequence,
	      .counter = counter);
	ASSERT_TRUE(eventually((st = status(line->session)).facts &
			       CRR_STATUS_SEEK));
	EXPECT_EQ(sequence, st.seek_sequence);
	EXPECT_EQ(counter, st.counter);
	EXPECT_EQ(sequence, st.position);
	EXPECT_EQ(CRR_STATE_REPLAYING, st.state);
	/* What it had at hand is of no use now. */
	EXPECT_EQ(-ESTALE, feed_log(line->session, log));
	EXPECT_EQ(-ESTALE, seek_ack(line->session, st.seek_generation + 1, 0));
	EXPECT_EQ(-EINVAL, seek_ack(line->session, st.seek_generation,
				    sequence + 1));
	ASSERT_EQ(0, seek_ack(line->session, st.seek_generation, from));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(0, task.result);
	EXPECT_FALSE(status(line->session).facts & CRR_STATUS_SEEK);
	while (log_next(log, &rec) && rec.sequence < from)
		;
	ASSERT_EQ(0, feed(line->session, log->bytes + rec.at,
			  log->length - rec.at));
}

TEST_F_TIMEOUT(seek, back_and_forth, 60)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct crr_status there;

	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_from(_metadata, line, 1, 3);
	ASSERT_EQ(0, count(line->tty, 350));
	there = status(line->tty);
	EXPECT_EQ(7, there.position);
	EXPECT_EQ(350, there.counter);
	run_from(_metadata, line, 4, 8);
	/* Back, from the log's beginning, and to the end. */
	seek_and_feed(_metadata, line, &self->log, there.position,
		      there.counter, 0);
	run_from(_metadata, line, 4, 10);
	/* Back once more, with no more than what is needed. */
	seek_and_feed(_metadata, line, &self->log, there.position,
		      there.counter, there.position);
	run_from(_metadata, line, 4, 5);
	/* To the beginning, and then forward. */
	seek_and_feed(_metadata, line, &self->log, 1, 0, 0);
	run_from(_metadata, line, 1, 1);
	seek_and_feed(_metadata, line, &self->log, there.position,
		      there.counter, 3);
	run_from(_metadata, line, 4, 10);
	EXPECT_EQ(0, status(line->session).remaining);
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

/* From a divergence, and from the end. */
TEST_F_TIMEOUT(seek, from_the_end, 60)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	char c;

	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_from(_metadata, line, 1, 2);
	ASSERT_EQ(0, count(line->tty, 250));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "wrong", 5)));
	EXPECT_EQ(0, divergence(line->session, &div));
	seek_and_feed(_metadata, line, &self->log, 5, 250, 0);
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
	run_from(_metadata, line, 3, 10);
	ASSERT_EQ(0, count(line->tty, 1101));
	EXPECT_EQ(-ENODATA, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(CRR_STATE_ENDED, status(line->session).state);
	seek_and_feed(_metadata, line, &self->log, 5, 250, 0);
	run_from(_metadata, line, 3, 10);
	/* Where a byte differs is told as if there had been no seek. */
	seek_and_feed(_metadata, line, &self->log, 5, 250, 0);
	ASSERT_EQ(0, count(line->tty, 300));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "out  4", 6)));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(12, div.position);
	EXPECT_EQ(5, div.offset);
}

/* With a clock, the page has the counter that was sought. */
TEST_F_TIMEOUT(seek, with_a_clock, 60)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_from(_metadata, line, 1, 5);
	EXPECT_EQ(500, look(*line->counter));
	seek_and_feed(_metadata, line, &self->log, 3, 150, 0);
	EXPECT_EQ(150, look(*line->counter));
	EXPECT_EQ(200, look(line->state->next_due));
	run_from(_metadata, line, 2, 10);
}

/* Who goes back without seeking is told so, and an idle line has no log. */
TEST_F(seek, only_by_seeking)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_from(_metadata, line, 1, 2);
	EXPECT_EQ(-ERANGE, count(line->tty, 100));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(0, seek(line->tty, 7, 50));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, count(line->tty, 60));
	EXPECT_EQ(-EBUSY, seek(line->tty, 0, 0));
	EXPECT_EQ(-ENODATA, seek_ack(line->session, 0, 0));
	ASSERT_EQ(0, stop(line->session));
}

/* While the feeder has not heard: signals and its death end the wait. */
TEST_F_TIMEOUT(seek, waits, 60)
{
	struct line *line = &self->line;
	struct task task, reader;
	char buf[16];

	catch_interrupts(false);
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	run_from(_metadata, line, 1, 2);
	begin(&task, SEEK, .fd = line->tty, .length = 1, .counter = 0);
	ASSERT_TRUE(sleeps(&task));
	/* Others wait as well, and not for input of before. */
	begin(&reader, READ, .fd = line->tty, .buf = buf,
	      .length = sizeof(buf));
	ASSERT_TRUE(sleeps(&reader));
	interrupt(&task);
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(-EINTR, task.result);
	EXPECT_TRUE(status(line->session).facts & CRR_STATUS_SEEK);
	begin(&task, SEEK, .fd = line->tty, .length = 1, .counter = 0);
	ASSERT_TRUE(sleeps(&task));
	close_fd(&line->session);
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(-EIO, task.result);
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(-EIO, reader.result);
	EXPECT_EQ(-EIO, seek(line->tty, 1, 0));
}

/* What has happened to the line by then has happened. */
TEST_F_TIMEOUT(seek, behind_the_end_of_a_line, 60)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct crr_divergence div;
	char c;

	for (int hung_up = 0; hung_up < 2; hung_up++) {
		ASSERT_EQ(0, stop(line->session));
		log_free(log);
		log_begin(log);
		log_read(log, 100, 0, "a", 1);
		if (hung_up) {
			log_add(log, HANGUP, .counter = 200);
			log_add(log, STREAM_END, .counter = 200,
				.reason = CRR_END_HANGUP);
			log_add(log, END, .counter = 400);
		} else {
			log_add(log, PEER_CLOSED, .counter = 200);
			log_finish(log, 400, 0);
		}
		ASSERT_EQ(0, replay(line->session, 0));
		ASSERT_EQ(0, feed_log(line->session, log));
		seek_and_feed(_metadata, line, log, 3, 300, 0);
		EXPECT_EQ(300, status(line->tty).counter);
		EXPECT_EQ(hung_up ? POLLIN | POLLHUP | POLLERR : POLLHUP,
			  polled(line->tty, POLLIN));
		EXPECT_EQ(hung_up ? 0 : -EIO, sys(read(line->tty, &c, 1)));
		/* And back. */
		seek_and_feed(_metadata, line, log, 1, 50, 0);
		EXPECT_EQ(0, polled(line->tty, POLLIN));
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
		ASSERT_EQ(0, count(line->tty, 100));
		EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
		ASSERT_EQ(0, count(line->tty, 200));
		EXPECT_EQ(hung_up ? 0 : -EIO, sys(read(line->tty, &c, 1)));
	}
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

TEST_HARNESS_MAIN
