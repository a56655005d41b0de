// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gated delivery: input is seen in checkpoints, and in no other moment.
 */
#include <sys/epoll.h>

#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(gate) {
	struct line line;
	struct line other;
	struct log log;
};

/* A session of two ptys. */
FIXTURE_SETUP(gate)
{
	self->other = (struct line){ -1, -1, -1, -1 };
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, open_pty(&self->other));
	ASSERT_EQ(0, attach(self->other.tty));
	ASSERT_EQ(1, join(self->other.tty, self->line.session));
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
	ASSERT_EQ(0, set_flags(self->other.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(gate)
{
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
}

/* Nothing is to be seen, in whatever way. */
#define expect_nothing(_tty)						\
do {									\
	char _c;							\
									\
	EXPECT_EQ(-EAGAIN, sys(read(_tty, &_c, 1)));			\
	EXPECT_EQ(0, arrived(_tty));					\
	EXPECT_EQ(0, polled(_tty, POLLIN));				\
} while (0)

TEST_F(gate, hides_input)
{
	struct line *line = &self->line;
	struct record rec;
	char buf[16];

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_GATED);
	expect_nothing(line->tty);
	ASSERT_TRUE(deliver(line, "hello", 5));
	expect_nothing(line->tty);
	/* Output goes as ever. */
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLIN | POLLOUT));
	EXPECT_EQ(1, write(line->tty, "w", 1));

	ASSERT_EQ(0, begin_checkpoint(line->tty, 70, 0));
	EXPECT_EQ(70, look(*line->counter));
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_CHECKPOINT);
	EXPECT_EQ(5, arrived(line->tty));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	EXPECT_EQ(5, read(line->tty, buf, sizeof(buf)));
	expect_nothing(line->tty);
	EXPECT_EQ(5, end_checkpoint(line->tty));

	ASSERT_TRUE(deliver(line, "x", 1));
	expect_nothing(line->tty);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 80, 0));
	EXPECT_EQ(0, end_checkpoint(line->tty));
	expect_nothing(line->tty);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(70, rec.counter);
	EXPECT_EQ(5, rec.length);
	EXPECT_EQ(0, rec.empty_reads);
	/* The gate went with the session's doing. */
	EXPECT_EQ(1, arrived(line->tty));
}

TEST_F(gate, lets_so_much_through)
{
	struct line *line = &self->line, *other = &self->other;
	char buf[256];
	int n;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, map_clock(other));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	pattern(buf, sizeof(buf), 0);
	ASSERT_TRUE(deliver(line, buf, 200));
	ASSERT_TRUE(deliver(other, buf, 3));
	/* More than a piece of the tty core, and less than is there. */
	ASSERT_EQ(0, begin_checkpoint(line->tty, 1, 100));
	EXPECT_EQ(100, arrived(line->tty));
	EXPECT_EQ(100, read(line->tty, buf, sizeof(buf)));
	expect_nothing(line->tty);
	/* It is one gate for all lines. */
	expect_nothing(other->tty);
	EXPECT_EQ(100, end_checkpoint(other->tty));

	ASSERT_EQ(0, begin_checkpoint(other->tty, 2, 50));
	EXPECT_EQ(3, read(other->tty, buf, sizeof(buf)));
	EXPECT_EQ(7, read(line->tty, buf, 7));
	EXPECT_EQ(40, arrived(line->tty));
	EXPECT_EQ(40, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(50, end_checkpoint(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 3, 0));
	n = read(line->tty, buf, sizeof(buf));
	EXPECT_EQ(53, n);
	for (int i = 0; i < n; i++) {
		char c;

		pattern(&c, 1, 147 + i);
		ASSERT_EQ(c, buf[i]);
	}
	EXPECT_EQ(53, end_checkpoint(line->tty));
	finish_log(_metadata, line, &self->log);
}

/* Who sleeps for input is woken by the checkpoint, and not by the input. */
TEST_F_TIMEOUT(gate, wakes_sleepers, 60)
{
	struct line *line = &self->line;
	struct epoll_event event = { .events = EPOLLIN };
	struct task reader, poller;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char buf[16];

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, line->tty, &event));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	for (int round = 1; round < 20; round++) {
		begin(&reader, READ, .fd = line->tty, .buf = buf,
		      .length = sizeof(buf));
		begin(&poller, POLL, .fd = line->tty, .events = POLLIN,
		      .timeout = -1);
		ASSERT_TRUE(sleeps(&reader));
		ASSERT_TRUE(sleeps(&poller));
		ASSERT_TRUE(deliver(line, "abc", 3));
		EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		ASSERT_TRUE(sleeps(&reader));
		ASSERT_TRUE(sleeps(&poller));
		ASSERT_EQ(0, begin_checkpoint(line->tty, round * 10, 2));
		ASSERT_TRUE(ends(&reader));
		EXPECT_EQ(2, reader.result);
		/* It may have looked when all was taken; one byte is left. */
		EXPECT_EQ(2, end_checkpoint(line->tty));
		ASSERT_EQ(0, begin_checkpoint(line->tty, round * 10 + 1, 0));
		EXPECT_EQ(1, epoll_wait(epoll, &event, 1, 10000));
		ASSERT_TRUE(ends(&poller));
		EXPECT_EQ(POLLIN, poller.revents);
		EXPECT_EQ(1, read(line->tty, buf, sizeof(buf)));
		EXPECT_EQ(1, end_checkpoint(line->tty));
	}
	close(epoll);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(38, log_count(&self->log, CRR_TYPE_READ));
}

/* Signals, TIOCSETD and STOP find a reader that sleeps at the gate. */
/* The clock's page tells of input, and not of the emulator's own checkpoints. */
TEST_F(gate, leaves_the_clock_alone)
{
	struct line *line = &self->line;
	__u64 before;
	char c;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	before = look(line->state->rx_seq);
	for (int i = 1; i < 5; i++) {
		ASSERT_EQ(0, begin_checkpoint(line->tty, i, 0));
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
		EXPECT_EQ(0, end_checkpoint(line->tty));
	}
	EXPECT_EQ(before, look(line->state->rx_seq));
	ASSERT_TRUE(deliver(line, "ab", 2));
	EXPECT_NE(before, look(line->state->rx_seq));
	before = look(line->state->rx_seq);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 5, 1));
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(1, end_checkpoint(line->tty));
	EXPECT_EQ(before, look(line->state->rx_seq));
}

TEST_F_TIMEOUT(gate, sleep_ends, 60)
{
	struct line *line = &self->line;
	struct task reader;
	char buf[16];

	ASSERT_EQ(0, map_clock(line));
	catch_interrupts(false);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
		/* In the first, nothing has come; in a checkpoint, or not. */
		ASSERT_TRUE(round ? deliver(line, "abc", 3) :
				    !begin_checkpoint(line->tty, 1, 0));
		begin(&reader, READ, .fd = line->tty, .buf = buf,
		      .length = sizeof(buf));
		ASSERT_TRUE(sleeps(&reader));
		if (round == 2) {
			ASSERT_EQ(0, stop(line->session));
			ASSERT_TRUE(ends(&reader));
			/* Of the rounds before, too. */
			EXPECT_EQ(6, reader.result);
		} else {
			interrupt(&reader);
			ASSERT_TRUE(ends(&reader));
			EXPECT_EQ(-EINTR, reader.result);
			ASSERT_EQ(0, stop(line->session));
		}
		log_free(&self->log);
		ASSERT_EQ(0, drain_to_end(line->session, &self->log));
		expect_valid(_metadata, &self->log, true);
		EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ));
	}
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	begin(&reader, READ, .fd = line->tty, .buf = buf,
	      .length = sizeof(buf));
	ASSERT_TRUE(sleeps(&reader));
	EXPECT_EQ(0, detach(line->tty));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(-EAGAIN, reader.result);
}

TEST_F(gate, flushed_while_shut)
{
	struct line *line = &self->line;
	char buf[16];

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	ASSERT_TRUE(deliver(line, "abc", 3));
	ASSERT_EQ(0, tcflush(line->tty, TCIFLUSH));
	ASSERT_TRUE(deliver(line, "d", 1));
	ASSERT_EQ(0, ioctl(line->tty, TIOCSTI, "e"));
	expect_nothing(line->tty);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 1, 0));
	ASSERT_EQ(2, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp("de", buf, 2));
	EXPECT_EQ(2, end_checkpoint(line->tty));
}

/* More than N_TTY holds: the device is throttled, and nothing lost. */
TEST_F(gate, throttled_while_shut)
{
	struct line *line = &self->line;
	static char sent[100000], got[100000];
	struct task writer;
	size_t n = 0;

	pattern(sent, sizeof(sent), 0);
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	begin(&writer, WRITE, .fd = line->peer, .buf = sent,
	      .length = sizeof(sent));
	ASSERT_TRUE(sleeps(&writer));
	for (__u64 counter = 1; n < sizeof(sent); counter++) {
		long once = 0, ret;

		ASSERT_EQ(0, begin_checkpoint(line->tty, counter, 1000));
		while ((ret = sys(read(line->tty, got + n,
				       sizeof(got) - n))) > 0) {
			n += ret;
			once += ret;
		}
		EXPECT_GE(1000, once);
		ASSERT_EQ(once, end_checkpoint(line->tty));
		ASSERT_TRUE(eventually(drain(line->session, &self->log) == 0));
	}
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(sizeof(sent), writer.result);
	EXPECT_EQ(0, memcmp(sent, got, sizeof(sent)));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(sizeof(sent), log_bytes_in(&self->log, got, sizeof(got)));
	EXPECT_EQ(0, memcmp(sent, got, sizeof(sent)));
}

/* End of file, in canonical mode, is something to be seen. */
TEST_F(gate, end_of_file)
{
	struct line *line = &self->line;
	struct termios termios;
	struct record rec;
	char buf[16];

	ASSERT_EQ(0, map_clock(line));
	tcgetattr(line->tty, &termios);
	termios.c_lflag |= ICANON;
	termios.c_cc[VEOF] = 4;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	ASSERT_TRUE(deliver(line, "ab\n\4", 4));
	expect_nothing(line->tty);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 9, 0));
	EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(3, end_checkpoint(line->tty));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_EOF, 0, &rec));
	EXPECT_EQ(9, rec.counter);
}

TEST_F(gate, wrong_calls)
{
	struct line *line = &self->line;

	/* Idle: it is the counter, and no more. */
	EXPECT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(0, end_checkpoint(line->tty));
	EXPECT_EQ(0, end_checkpoint(line->tty));
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(-EPROTO, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(-EPROTO, end_checkpoint(line->tty));
	finish_log(_metadata, line, &self->log);

	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	EXPECT_EQ(-EPROTO, end_checkpoint(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(-EBUSY, begin_checkpoint(self->other.tty, 10, 0));
	/* The counter stands. */
	EXPECT_EQ(-EBUSY, count(line->tty, 11));
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(0, end_checkpoint(line->tty));
	EXPECT_EQ(-ERANGE, begin_checkpoint(line->tty, 9, 0));
	EXPECT_EQ(0, count(line->tty, 11));
	/* STOP ends a checkpoint, too. */
	ASSERT_EQ(0, begin_checkpoint(line->tty, 12, 0));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(0, end_checkpoint(line->tty));
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_GATED);
}

/* A checkpoint has one end, though two call for it while a read takes. */
TEST_F_TIMEOUT(gate, ended_by_two, 120)
{
	struct line *line = &self->line, *other = &self->other;
	struct task reader, task[2];
	long sent = 0, received = 0;
	struct record rec;
	char buf[256];

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	for (int round = 1; round <= 300; round++) {
		if (received == sent) {
			pattern(buf, 200, sent);
			ASSERT_TRUE(deliver(line, buf, 200));
			sent += 200;
		}
		ASSERT_EQ(0, begin_checkpoint(line->tty, round, 0));
		begin(&reader, READ, .fd = line->tty, .buf = buf,
		      .length = sizeof(buf));
		begin(&task[0], CHECKPOINT_END, .fd = line->tty);
		begin(&task[1], CHECKPOINT_END, .fd = other->tty);
		ASSERT_TRUE(ends(&reader));
		ASSERT_TRUE(ends(&task[0]));
		ASSERT_TRUE(ends(&task[1]));
		if (reader.result == -EAGAIN)
			reader.result = 0;
		ASSERT_LE(0, reader.result);
		received += reader.result;
		if (task[0].result < 0)
			task[0] = task[1];
		else
			ASSERT_EQ(-EPROTO, task[1].result);
		ASSERT_EQ(reader.result, task[0].result);
		expect_nothing(line->tty);
	}
	finish_log(_metadata, line, &self->log);
	for (unsigned int i = 0;
	     log_get(&self->log, CRR_TYPE_READ, i, &rec); i++)
		received -= rec.length;
	EXPECT_EQ(0, received);
}

/* ---- Replay ---- */

static void two_checkpoints(struct log *log)
{
	log_free(log);
	for (int i = 0; i < 2; i++)
		log_add(log, STREAM, .stream = i, .data = "test", .length = 4);
	log_add(log, READ, .counter = 10, .data = "abc", .length = 3);
	log_add(log, READ, .counter = 10, .stream = 1, .data = "d",
		.length = 1);
	log_add(log, READ, .counter = 30, .data = "ef", .length = 2);
	for (int i = 0; i < 2; i++)
		log_add(log, STREAM_END, .counter = 40, .stream = i,
			.reason = CRR_END_STOP);
	log_add(log, END, .counter = 40);
}

TEST_F(gate, replayed)
{
	struct line *line = &self->line, *other = &self->other;
	struct crr_divergence div;
	char buf[16];

	two_checkpoints(&self->log);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	/* Whoever reads, and whenever, sees nothing out of checkpoints. */
	expect_nothing(line->tty);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 5, 0));
	expect_nothing(line->tty);
	EXPECT_EQ(0, end_checkpoint(line->tty));
	ASSERT_EQ(0, count(line->tty, 10));
	expect_nothing(line->tty);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	/* In the order in which they were read then, on whatever line. */
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	expect_nothing(other->tty);
	EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
	expect_nothing(line->tty);
	EXPECT_EQ(POLLIN, polled(other->tty, POLLIN));
	EXPECT_EQ(1, read(other->tty, buf, sizeof(buf)));
	EXPECT_EQ(4, end_checkpoint(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 20, 0));
	expect_nothing(line->tty);
	EXPECT_EQ(0, end_checkpoint(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 30, 0));
	EXPECT_EQ(2, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(2, end_checkpoint(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 40, 0));
	EXPECT_EQ(0, end_checkpoint(line->tty));
	EXPECT_EQ(-ENODATA, begin_checkpoint(line->tty, 41, 0));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

/* In the last checkpoint there is nothing more, until the counter moves on. */
TEST_F_TIMEOUT(gate, replay_ends_after_its_last_checkpoint, 60)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct task reader;
	char buf[16];

	log_begin(&self->log);
	log_add(&self->log, STREAM, .stream = 1, .data = "b", .length = 1);
	log_read(&self->log, 10, 0, "one", 3);
	log_finish(&self->log, 10, 0);
	/* The second stream's end comes before END. */
	self->log.length -= 24;
	self->log.sequence--;
	log_add(&self->log, STREAM_END, .stream = 1, .counter = 10,
		.reason = CRR_END_STOP);
	log_add(&self->log, END, .counter = 10);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
	expect_nothing(line->tty);
	expect_nothing(self->other.tty);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&reader, READ, .fd = line->tty, .buf = buf, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	EXPECT_EQ(3, end_checkpoint(line->tty));
	EXPECT_EQ(-ENODATA, begin_checkpoint(line->tty, 11, 0));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(-ENODATA, reader.result);
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

/* What should have been read in a checkpoint was not. */
/* What was seen of a hangup in a checkpoint is seen outside of it, too. */
TEST_F(gate, replayed_hangup)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	char c;

	log_free(log);
	for (int i = 0; i < 2; i++)
		log_add(log, STREAM, .stream = i, .data = "test", .length = 4);
	log_add(log, HANGUP, .counter = 10);
	log_add(log, STREAM_END, .counter = 10, .reason = CRR_END_HANGUP);
	log_add(log, STREAM_END, .stream = 1, .counter = 40,
		.reason = CRR_END_STOP);
	log_add(log, END, .counter = 40);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	/* No empty read of the log's, but somebody has looked. */
	EXPECT_EQ(1, status(line->session).looks);
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	ASSERT_EQ(0, end_checkpoint(line->tty));
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(0, stop(line->session));
}

TEST_F(gate, replay_departs)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	char buf[16];

	for (int way = 0; way < 2; way++) {
		two_checkpoints(&self->log);
		ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		if (way) {
			/* The checkpoint itself was left out. */
			EXPECT_EQ(-ENOTRECOVERABLE,
				  begin_checkpoint(line->tty, 11, 0));
		} else {
			ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
			EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
			EXPECT_EQ(-ENOTRECOVERABLE, end_checkpoint(line->tty));
		}
		ASSERT_EQ(0, divergence(line->session, &div));
		EXPECT_EQ(CRR_DIVERGENCE_LATE, div.kind);
		EXPECT_EQ(!way, div.stream);
		EXPECT_EQ(way ? 2 : 3, div.sequence);
		EXPECT_EQ(10, div.expected_counter);
		EXPECT_EQ(-ENOTRECOVERABLE, sys(read(line->tty, buf, 1)));
		EXPECT_EQ(-ENOTRECOVERABLE, end_checkpoint(line->tty));
		ASSERT_EQ(0, stop(line->session));
	}
}

/* A checkpoint beyond what is known waits for the feeder. */
TEST_F(gate, replay_waits_for_feeder)
{
	struct line *line = &self->line;
	struct task task;
	struct record rec;
	char buf[16];

	two_checkpoints(&self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 2, &rec));
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed(line->session, self->log.bytes, rec.at));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(1, read(self->other.tty, buf, sizeof(buf)));
	EXPECT_EQ(4, end_checkpoint(line->tty));
	catch_interrupts(false);
	begin(&task, CHECKPOINT_BEGIN, .fd = line->tty, .counter = 30);
	ASSERT_TRUE(eventually(status(line->session).waiting &
			       CRR_WAITING_FEED));
	interrupt(&task);
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(-EINTR, task.result);
	begin(&task, CHECKPOINT_BEGIN, .fd = line->tty, .counter = 30);
	ASSERT_TRUE(eventually(status(line->session).waiting &
			       CRR_WAITING_FEED));
	ASSERT_EQ(0, feed(line->session, self->log.bytes + rec.at,
			  self->log.length - rec.at));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(0, task.result);
	EXPECT_EQ(2, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(2, end_checkpoint(line->tty));
}

/*
 * Two begin at a time, each on a line of its own. Who waits for the feeder keeps
 * neither the other nor the other's hangup.
 */
TEST_F_TIMEOUT(gate, begun_by_two, 60)
{
	struct line *line = &self->line, *other = &self->other;
	struct task first, second;
	struct record rec;

	two_checkpoints(&self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed(line->session, self->log.bytes, rec.at));
	begin(&first, CHECKPOINT_BEGIN, .fd = line->tty, .counter = 10);
	ASSERT_TRUE(sleeps(&first));
	EXPECT_EQ(-EPROTO, end_checkpoint(other->tty));
	begin(&second, CHECKPOINT_BEGIN, .fd = other->tty, .counter = 10);
	ASSERT_TRUE(sleeps(&second));
	/* One of them has begun it, then. */
	ASSERT_EQ(0, feed(line->session, self->log.bytes + rec.at,
			  self->log.length - rec.at));
	ASSERT_TRUE(ends(&first));
	ASSERT_TRUE(ends(&second));
	EXPECT_EQ(-EBUSY, first.result + second.result);
	EXPECT_TRUE(!first.result || !second.result);
	ASSERT_EQ(0, stop(line->session));

	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed(line->session, self->log.bytes, rec.at));
	begin(&first, CHECKPOINT_BEGIN, .fd = line->tty, .counter = 10);
	begin(&second, CHECKPOINT_BEGIN, .fd = other->tty, .counter = 10);
	ASSERT_TRUE(sleeps(&first));
	ASSERT_TRUE(sleeps(&second));
	ASSERT_EQ(0, hang_up(other->name));
	ASSERT_TRUE(ends(&first));
	ASSERT_TRUE(ends(&second));
	EXPECT_EQ(-EIO, first.result);
	EXPECT_EQ(-EIO, second.result);
}

/* ---- Two threads, recorded and replayed ---- */

#define CHECKPOINTS 300
/* So many come in each at most: a slow reader has to see an end of them. */
#define MESSAGES 8

struct emulator {
	struct line *line;
	struct line *other;
	/* What the I/O thread has done: looked in vain, so often; bytes. */
	_Atomic __u64 empty;
	_Atomic __u64 bytes;
	_Atomic __u64 counter;
	atomic_bool over;
	size_t length;
	char transcript[1 << 20];
};

/* Reads whatever it sees, from both lines, whenever it sees it. */
static void *do_io(void *arg)
{
	struct emulator *emu = arg;
	struct pollfd fds[2] = {
		{ .fd = emu->line->tty, .events = POLLIN },
		{ .fd = emu->other->tty, .events = POLLIN },
	};
	char buf[100];

	while (!emu->over) {
		bool found = false;

		poll(fds, 2, 1);
		for (int i = 0; i < 2; i++) {
			/* A read returns its whole record. */
			ssize_t n = read(fds[i].fd, buf, sizeof(buf));

			if (n <= 0)
				continue;
			found = true;
			emu->length += sprintf(emu->transcript + emu->length,
					       "%llu:%d:%.*s ",
					       (unsigned long long)emu->counter,
					       i, (int)n, buf);
			emu->bytes += n;
		}
		emu->empty += !found;
	}
	return NULL;
}

/* Runs, and lets the other thread do its part in checkpoints. */
static int execute(struct emulator *emu)
{
	__u64 bytes = 0;
	pthread_t io;
	int ret = 0;

	emu->length = 0;
	emu->over = false;
	if (pthread_create(&io, NULL, do_io, emu))
		abort();
	for (int i = 1; i <= CHECKPOINTS && ret >= 0; i++) {
		__u64 empty;

		emu->counter = i * 1000;
		ret = begin_checkpoint(emu->line->tty, emu->counter,
				       i % 7 ? 0 : 5);
		if (ret < 0)
			break;
		/* Until it has looked twice, and found nothing any more. */
		empty = emu->empty;
		if (!eventually(emu->empty >= empty + 2)) {
			ret = -ETIME;
			break;
		}
		ret = end_checkpoint(emu->line->tty);
		if (ret < 0)
			break;
		/* What has come since is on its way, and belongs to it, too. */
		bytes += ret;
		if (!eventually(emu->bytes == bytes))
			ret = -ENOMSG;
	}
	emu->over = true;
	pthread_join(io, NULL);
	emu->transcript[emu->length] = '\0';
	return ret;
}

static void *send_at_random(void *arg)
{
	struct emulator *emu = arg;
	unsigned int seed = 1, sent = 0;
	__u64 checkpoint = 0;
	char text[32];

	for (int i = 0; !emu->over; breathe()) {
		struct line *to = rand_r(&seed) % 2 ? emu->line : emu->other;

		if (emu->counter != checkpoint) {
			checkpoint = emu->counter;
			sent = 0;
		}
		if (sent++ < MESSAGES)
			send_all(to->peer, text, sprintf(text, "message%d", i++));
	}
	return NULL;
}

TEST_F_TIMEOUT(gate, threads_recorded_and_replayed, 120)
{
	static struct emulator first, second;
	struct line *line = &self->line;
	struct crr_divergence div;
	pthread_t sender;

	first.line = second.line = line;
	first.other = second.other = &self->other;
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	ASSERT_EQ(0, pthread_create(&sender, NULL, send_at_random, &first));
	EXPECT_LE(0, execute(&first));
	ASSERT_EQ(0, pthread_join(sender, NULL));
	finish_log(_metadata, line, &self->log);
	EXPECT_LT(20, log_count(&self->log, CRR_TYPE_READ));

	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_LE(0, execute(&second));
	EXPECT_STREQ(first.transcript, second.transcript);
	EXPECT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div)) {
		TH_LOG("kind %u at %llu", div.kind, div.counter);
	}
}

TEST_HARNESS_MAIN
