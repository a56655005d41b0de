// SPDX-License-Identifier: GPL-2.0-only
/*
 * A controller that does not read: the emulator waits, and nothing is lost.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

/* Of which every write(2) is one chunk. */
static char chunk[CRR_WRITE_MAX];

FIXTURE(room) {
	struct line line;
	struct line other;
	struct log log;
};

static bool setup_full(struct __test_metadata *_metadata, struct line *line,
		       __u32 flags)
{
	if (!setup_line(_metadata, line))
		return false;
	pattern(chunk, sizeof(chunk), 0);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, record_into(line->session, CRR_RECORD_CAPTURE | flags,
				 CRR_BUFFER_MIN));
	return true;
}

FIXTURE_SETUP(room)
{
	setup_full(_metadata, &self->line, 0);
}

FIXTURE_TEARDOWN(room)
{
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
}

static bool has_room(struct line *line)
{
	return polled(line->tty, POLLOUT) == POLLOUT;
}

/*
 * Write until there is no room. The peer takes all, so that it is crr's buffer
 * that is full and no other. Returns how many chunks were taken.
 */
static int fill(struct __test_metadata *_metadata, struct line *line)
{
	char buf[sizeof(chunk)];
	int n = 0;

	while (has_room(line)) {
		EXPECT_EQ(sizeof(chunk),
			  sys(write(line->tty, chunk, sizeof(chunk))));
		EXPECT_EQ(sizeof(buf),
			  receive_all(line->peer, buf, sizeof(buf)));
		ASSERT_GT(1000, ++n);
	}
	return n;
}

static bool waits_for_room(struct task *task, int tty)
{
	return sleeps(task) &&
	       eventually(status(tty).waiting & CRR_WAITING_SPACE);
}

/* ---- O_NONBLOCK ---- */

TEST_F(room, none)
{
	struct line *line = &self->line;
	struct crr_status st;
	struct record rec;
	char buf[8];
	int chunks;

	ASSERT_EQ(0, count(line->tty, 5));
	chunks = fill(_metadata, line);
	st = status(line->tty);
	EXPECT_LT(CRR_BUFFER_MIN / 2, st.buffered);
	EXPECT_GE(st.buffer_size, st.buffered);
	EXPECT_EQ(1 + chunks, st.records);
	/* Input is there, and cannot be had. */
	ASSERT_TRUE(deliver(line, "input", 5));
	EXPECT_EQ(0, polled(line->tty, POLLIN | POLLOUT));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EAGAIN, sys(write(line->tty, chunk, 10)));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, sizeof(buf))));
	/* What had no room has left no trace. */
	EXPECT_EQ(st.records, status(line->tty).records);
	EXPECT_EQ(st.buffered, status(line->tty).buffered);
	EXPECT_EQ(0, swallow(line->peer));

	EXPECT_EQ(0, drain(line->session, &self->log));
	EXPECT_EQ(POLLIN | POLLOUT, polled(line->tty, POLLIN | POLLOUT));
	EXPECT_EQ(5, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(10, sys(write(line->tty, chunk, 10)));
	EXPECT_EQ(1, sys(write(line->tty, chunk, 1)));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(2, rec.empty_reads);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, chunks, &rec));
	EXPECT_EQ(3, rec.refused);
	EXPECT_EQ(10, rec.result);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, chunks + 1, &rec));
	EXPECT_EQ(0, rec.refused);
}

/* A read that may be empty is; in raw mode's own way. */
TEST_F(room, none_in_raw_mode)
{
	struct line *line = &self->line;
	struct record rec;
	char c;

	fill(_metadata, line);
	ASSERT_TRUE(deliver(line, "i", 1));
	ASSERT_EQ(0, set_raw(line->tty, 0, 0));
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(0, drain(line->session, &self->log));
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(2, rec.empty_reads);
}

/* Being refused is something that a program sees: it sees it again. */
TEST_F(room, refusals_replay)
{
	struct line *line = &self->line;
	struct line *other = &self->other;
	int chunks = fill(_metadata, line);
	char buf[8];

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EAGAIN, sys(write(line->tty, "refused", 7)));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(0, drain(line->session, &self->log));
	EXPECT_EQ(7, sys(write(line->tty, "refused", 7)));
	ASSERT_TRUE(deliver(line, "i", 1));
	EXPECT_EQ(1, sys(read(line->tty, buf, sizeof(buf))));
	finish_log(_metadata, line, &self->log);

	ASSERT_EQ(0, open_line(other));
	ASSERT_EQ(0, set_flags(other->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, replay(other->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(other->session, &self->log));
	for (int i = 0; i < chunks; i++)
		ASSERT_EQ(sizeof(chunk),
			  sys(write(other->tty, chunk, sizeof(chunk))));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EAGAIN, sys(write(other->tty, "refused", 7)));
	EXPECT_EQ(-EAGAIN, sys(read(other->tty, buf, sizeof(buf))));
	EXPECT_EQ(7, sys(write(other->tty, "refused", 7)));
	EXPECT_EQ(1, sys(read(other->tty, buf, sizeof(buf))));
	EXPECT_EQ(-ENODATA, sys(read(other->tty, buf, sizeof(buf))));
	EXPECT_EQ(CRR_STATE_ENDED, status(other->session).state);
}

/* ---- Who sleeps for room ---- */

TEST_F(room, writer_sleeps)
{
	struct line *line = &self->line;
	struct task writer;
	struct record rec;
	int chunks = fill(_metadata, line);

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	EXPECT_EQ(0, swallow(line->peer));
	EXPECT_EQ(0, drain(line->session, &self->log));
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(10, writer.result);
	EXPECT_EQ(0, status(line->tty).waiting);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, chunks, &rec));
	EXPECT_EQ(0, rec.refused);
}

TEST_F(room, reader_sleeps)
{
	struct line *line = &self->line;
	struct task reader;
	struct record rec;
	char buf[8];

	fill(_metadata, line);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_TRUE(deliver(line, "input", 5));
	begin(&reader, READ, .fd = line->tty, .buf = buf, .length = 8);
	ASSERT_TRUE(waits_for_room(&reader, line->tty));
	EXPECT_EQ(0, drain(line->session, &self->log));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(5, reader.result);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_READ, 0, &rec));
	EXPECT_EQ(0, rec.empty_reads);
}

TEST_F(room, pollers_sleep)
{
	struct line *line = &self->line;
	struct task in, out;

	fill(_metadata, line);
	ASSERT_TRUE(deliver(line, "input", 5));
	begin(&in, POLL, .fd = line->tty, .events = POLLIN, .timeout = -1);
	begin(&out, POLL, .fd = line->tty, .events = POLLOUT, .timeout = -1);
	ASSERT_TRUE(sleeps(&in));
	ASSERT_TRUE(sleeps(&out));
	EXPECT_EQ(0, drain(line->session, &self->log));
	ASSERT_TRUE(ends(&in));
	ASSERT_TRUE(ends(&out));
	EXPECT_EQ(POLLIN, in.revents);
	EXPECT_EQ(POLLOUT, out.revents);
}

/* An emulator that looks at its clock is told that it may read again. */
TEST_F(room, clock_tells)
{
	struct line *line = &self->line;
	__u64 seen;
	char c;

	ASSERT_EQ(0, map_clock(line));
	fill(_metadata, line);
	ASSERT_TRUE(deliver(line, "i", 1));
	seen = look(line->state->rx_seq);
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(seen, look(line->state->rx_seq));
	EXPECT_EQ(0, drain(line->session, &self->log));
	EXPECT_NE(seen, look(line->state->rx_seq));
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
}

/* Both at once, and the one must not take what the other needs. */
TEST_F(room, reader_and_writer_sleep)
{
	struct line *line = &self->line;
	struct task reader, writer;
	char buf[8];

	fill(_metadata, line);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&reader, READ, .fd = line->tty, .buf = buf, .length = 8);
	ASSERT_TRUE(waits_for_room(&reader, line->tty));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(sleeps(&writer));
	EXPECT_EQ(0, drain(line->session, &self->log));
	/* The reader sleeps on, in N_TTY now, with its room. */
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(10, writer.result);
	EXPECT_TRUE(sleeps(&reader));
	ASSERT_EQ(0, send_all(line->peer, "i", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(1, reader.result);
	finish_log(_metadata, line, &self->log);
}

/* A reader asleep in N_TTY has its room; the writer fills the rest. */
TEST_F(room, beside_a_sleeping_reader)
{
	struct line *line = &self->line;
	struct task reader;
	char c;

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	for (int i = 0; i < 5; i++) {
		EXPECT_LT(10, fill(_metadata, line));
		EXPECT_EQ(0, drain(line->session, &self->log));
		ASSERT_TRUE(eventually(has_room(line)));
	}
	fill(_metadata, line);
	/* And its record finds it, full or not. */
	ASSERT_EQ(0, send_all(line->peer, "i", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(1, reader.result);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_READ));
}

/* ---- Signals ---- */

FIXTURE(room_signal) {
	struct line line;
	struct line other;
	struct log log;
};

FIXTURE_VARIANT(room_signal) {
	bool restart;
	__u32 flags;
};

FIXTURE_VARIANT_ADD(room_signal, plain) {};
FIXTURE_VARIANT_ADD(room_signal, restarted) { .restart = true };

/* O_NONBLOCK writes sleep as well. */
FIXTURE_VARIANT_ADD(room_signal, block) { .flags = CRR_RECORD_BLOCK };

FIXTURE_VARIANT_ADD(room_signal, block_restarted) {
	.restart = true, .flags = CRR_RECORD_BLOCK,
};

FIXTURE_SETUP(room_signal)
{
	setup_full(_metadata, &self->line, variant->flags);
	catch_interrupts(variant->restart);
}

FIXTURE_TEARDOWN(room_signal)
{
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
}

/* Of a write(2) its first chunk is written, its second waits for room. */
TEST_F(room_signal, cuts_a_write)
{
	bool nonblock = variant->flags & CRR_RECORD_BLOCK;
	struct line *line = &self->line;
	struct line *other = &self->other;
	struct task writer;
	char bytes[5000], buf[2048];
	long results[2];
	int chunks;

	pattern(bytes, sizeof(bytes), 0);
	/* Once more the same, but for the last that found room. */
	chunks = fill(_metadata, line);
	finish_log(_metadata, line, &self->log);
	log_free(&self->log);
	ASSERT_EQ(0, record_into(line->session, variant->flags |
				 CRR_RECORD_CAPTURE, CRR_BUFFER_MIN));

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, nonblock));
	for (int i = 0; i < chunks - 1; i++) {
		ASSERT_EQ(sizeof(chunk), write(line->tty, chunk,
					       sizeof(chunk)));
		ASSERT_EQ(sizeof(buf), receive_all(line->peer, buf,
						   sizeof(buf)));
	}
	ASSERT_TRUE(has_room(line));
	begin(&writer, WRITE, .fd = line->tty, .buf = bytes, .length = 5000);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	interrupt(&writer);
	ASSERT_TRUE(ends(&writer));
	results[0] = writer.result;
	EXPECT_EQ(2048, results[0]);
	ASSERT_EQ(0, drain(line->session, &self->log));
	ASSERT_EQ(2048, receive_all(line->peer, buf, 2048));
	results[1] = sys(write(line->tty, bytes + 2048, 1000));
	EXPECT_EQ(1000, results[1]);
	finish_log(_metadata, line, &self->log);

	ASSERT_EQ(0, open_line(other));
	ASSERT_EQ(0, set_flags(other->tty, O_NONBLOCK, nonblock));
	ASSERT_EQ(0, replay(other->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(other->session, &self->log));
	for (int i = 0; i < chunks - 1; i++)
		ASSERT_EQ(sizeof(chunk), write(other->tty, chunk,
					       sizeof(chunk)));
	EXPECT_EQ(results[0], sys(write(other->tty, bytes, 5000)));
	EXPECT_EQ(results[1], sys(write(other->tty, bytes + 2048, 1000)));
	EXPECT_EQ(CRR_STATE_REPLAYING, status(other->session).state);
}

/* The same before anything was written: EINTR, or begun again. */
TEST_F(room_signal, before_a_write)
{
	bool nonblock = variant->flags & CRR_RECORD_BLOCK;
	struct line *line = &self->line;
	struct line *other = &self->other;
	struct task writer;
	struct record rec;
	int chunks = fill(_metadata, line);

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, nonblock));
	begin(&writer, WRITE, .fd = line->tty, .buf = "interrupted",
	      .length = 11);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	interrupt(&writer);
	if (!variant->restart) {
		ASSERT_TRUE(ends(&writer));
		EXPECT_EQ(-EINTR, writer.result);
	} else {
		ASSERT_TRUE(waits_for_room(&writer, line->tty));
	}
	ASSERT_EQ(0, drain(line->session, &self->log));
	if (!variant->restart) {
		begin(&writer, WRITE, .fd = line->tty, .buf = "interrupted",
		      .length = 11);
	}
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(11, writer.result);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, chunks, &rec));
	EXPECT_EQ(1, rec.refused);

	/* In replay there is no signal: the write is simply done. */
	ASSERT_EQ(0, open_line(other));
	ASSERT_EQ(0, set_flags(other->tty, O_NONBLOCK, nonblock));
	ASSERT_EQ(0, replay(other->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(other->session, &self->log));
	for (int i = 0; i < chunks; i++)
		ASSERT_EQ(sizeof(chunk), write(other->tty, chunk,
					       sizeof(chunk)));
	EXPECT_EQ(11, sys(write(other->tty, "interrupted", 11)));
	EXPECT_EQ(CRR_STATE_REPLAYING, status(other->session).state);
}

TEST_F(room_signal, before_a_read)
{
	struct line *line = &self->line;
	struct task reader;
	struct record rec;
	char c;

	fill(_metadata, line);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_EQ(0, send_all(line->peer, "i", 1));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(waits_for_room(&reader, line->tty));
	interrupt(&reader);
	if (variant->restart) {
		ASSERT_TRUE(waits_for_room(&reader, line->tty));
		ASSERT_EQ(0, drain(line->session, &self->log));
	}
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(variant->restart ? 1 : -EINTR, reader.result);
	finish_log(_metadata, line, &self->log);
	/* It saw nothing, not even that there was nothing. */
	ASSERT_TRUE(log_get(&self->log, variant->restart ? CRR_TYPE_READ :
			    CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(0, rec.empty_reads);
}

/* ---- CRR_RECORD_BLOCK ---- */

FIXTURE(room_block) {
	struct line line;
	struct log log;
};

FIXTURE_SETUP(room_block)
{
	setup_full(_metadata, &self->line, CRR_RECORD_BLOCK);
}

FIXTURE_TEARDOWN(room_block)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* Writes sleep, O_NONBLOCK or not; reads do not. */
TEST_F(room_block, writes_sleep)
{
	struct line *line = &self->line;
	struct task writer;
	struct record rec;
	int chunks = fill(_metadata, line);
	char c;

	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	EXPECT_EQ(0, drain(line->session, &self->log));
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(10, writer.result);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, chunks, &rec));
	EXPECT_EQ(0, rec.refused);
}

/* ---- No controller ---- */

FIXTURE(room_orphan) {
	struct line line;
	struct log log;
};

FIXTURE_VARIANT(room_orphan) {
	__u32 flags;
};

FIXTURE_VARIANT_ADD(room_orphan, waits) {};

FIXTURE_VARIANT_ADD(room_orphan, fails) {
	.flags = CRR_RECORD_FAIL_ORPHAN,
};

FIXTURE_SETUP(room_orphan)
{
	setup_full(_metadata, &self->line, variant->flags);
}

FIXTURE_TEARDOWN(room_orphan)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* As long as there is room, recording goes on. */
TEST_F(room_orphan, before_it_is_full)
{
	struct line *line = &self->line;
	int chunks;

	close_fd(&line->session);
	chunks = fill(_metadata, line);
	EXPECT_LT(10, chunks);
	EXPECT_EQ(variant->flags ? -EIO : -EAGAIN,
		  sys(write(line->tty, chunk, 1)));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	if (variant->flags) {
		struct crr_status st = status(line->session);

		EXPECT_EQ(CRR_STATE_FAILED, st.state);
		EXPECT_EQ(CRR_REASON_ORPHAN, st.reason);
		EXPECT_EQ(-EIO, sys(read(line->tty, chunk, 1)));
		EXPECT_EQ(POLLIN | POLLOUT | POLLERR,
			  polled(line->tty, POLLIN | POLLOUT));
		/* What was recorded is there, without an END. */
		ASSERT_EQ(0, drain_to_end(line->session, &self->log));
		expect_valid(_metadata, &self->log, false);
		EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_END));
		EXPECT_EQ(0, stop(line->session));
	} else {
		EXPECT_EQ(CRR_STATE_RECORDING, status(line->tty).state);
		EXPECT_EQ(0, drain(line->session, &self->log));
		EXPECT_EQ(1, sys(write(line->tty, chunk, 1)));
		finish_log(_metadata, line, &self->log);
		chunks++;
	}
	EXPECT_EQ(chunks, log_count(&self->log, CRR_TYPE_WRITE));
	EXPECT_EQ(0, record(line->session, 0));
}

/* Who sleeps when the controller goes. */
TEST_F(room_orphan, of_a_sleeper)
{
	struct line *line = &self->line;
	struct task writer, reader;
	char c;

	fill(_metadata, line);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_EQ(0, send_all(line->peer, "i", 1));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	close_fd(&line->session);
	if (variant->flags) {
		ASSERT_TRUE(ends(&writer));
		ASSERT_TRUE(ends(&reader));
		EXPECT_EQ(-EIO, writer.result);
		EXPECT_EQ(-EIO, reader.result);
		return;
	}
	EXPECT_TRUE(sleeps(&writer));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_TRUE(sleeps(&writer));
	EXPECT_EQ(0, drain(line->session, &self->log));
	ASSERT_TRUE(ends(&writer));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(10, writer.result);
	EXPECT_EQ(1, reader.result);
	finish_log(_metadata, line, &self->log);
}

/* ---- The end finds its room ---- */

TEST_F(room, stop_when_full)
{
	struct line *line = &self->line;

	fill(_metadata, line);
	finish_log(_metadata, line, &self->log);
}

TEST_F(room, hangup_when_full)
{
	struct line *line = &self->line;

	fill(_metadata, line);
	close_fd(&line->peer);
	EXPECT_TRUE(eventually(polled(line->session, POLLHUP) == POLLHUP));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_HANGUP));
}

TEST_F(room, detach_when_full)
{
	struct line *line = &self->line;
	struct task writer, reader;
	char c;

	fill(_metadata, line);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	EXPECT_EQ(0, detach(line->tty));
	ASSERT_TRUE(ends(&writer));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(-EAGAIN, writer.result);
	EXPECT_EQ(-EAGAIN, reader.result);
	finish_log(_metadata, line, &self->log);
}

TEST_F(room, hangup_of_sleepers)
{
	struct line *line = &self->line;
	struct task writer, reader;
	char c;

	fill(_metadata, line);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	close_fd(&line->peer);
	ASSERT_TRUE(ends(&writer));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(-EIO, writer.result);
	EXPECT_EQ(0, reader.result);
	EXPECT_TRUE(eventually(polled(line->session, POLLHUP) == POLLHUP));
	finish_log(_metadata, line, &self->log);
}

/* STOP lets sleepers go on with the device. */
TEST_F(room, stop_with_sleepers)
{
	struct line *line = &self->line;
	struct task writer, reader;
	char c = 0, buf[10];
	int chunks = fill(_metadata, line);

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&writer, WRITE, .fd = line->tty, .buf = chunk, .length = 10);
	ASSERT_TRUE(waits_for_room(&writer, line->tty));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&reader));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_TRUE(ends(&writer));
	EXPECT_EQ(10, writer.result);
	EXPECT_EQ(10, receive_all(line->peer, buf, 10));
	ASSERT_EQ(0, send_all(line->peer, "i", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(1, reader.result);
	EXPECT_EQ(0, status(line->tty).waiting);
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));
	expect_valid(_metadata, &self->log, true);
	EXPECT_EQ(chunks, log_count(&self->log, CRR_TYPE_WRITE));
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_READ));
}

/* ---- Consumers that die ---- */

/* What a consumer has kept, seen by who comes after it. */
struct kept {
	atomic_size_t length;
	__u8 bytes[8 << 20];
};

/* Reads and keeps, as crrctl would, until it is killed. */
static void consume(int tty, struct kept *kept)
{
	int session = open_session(tty);
	__u8 buf[20000];

	if (session < 0)
		_exit(1);
	set_flags(session, O_NONBLOCK, false);
	for (;;) {
		ssize_t n = read(session, buf, sizeof(buf));
		size_t length = kept->length;

		if (n <= 0 || length + n > sizeof(kept->bytes))
			_exit(2);
		memcpy(kept->bytes + length, buf, n);
		kept->length = length + n;
	}
}

/* Append what a consumer kept: no record is missing, some come again. */
static void add_kept(struct __test_metadata *_metadata, struct log *log,
		     struct kept *kept)
{
	struct log part = { .bytes = kept->bytes, .length = kept->length };
	struct record rec = {};

	while (log_next(&part, &rec)) {
		ASSERT_LE(rec.sequence, log->sequence);
		if (rec.sequence < log->sequence)
			continue;
		log_append(log, part.bytes + rec.at, rec.size);
		log->sequence++;
	}
	EXPECT_EQ(part.length, rec.at + rec.size);
}

struct talker {
	pthread_t thread;
	int fd;
	size_t chunk;		/* how much it says at once */
	atomic_bool over;
	size_t written;
	size_t got;
};

/* Write the pattern, and read what there is; the emulator and its peer. */
static void *talk(void *arg)
{
	struct talker *talker = arg;
	char bytes[1000], buf[4096];

	while (!talker->over) {
		ssize_t n;

		pattern(bytes, talker->chunk, talker->written);
		n = write(talker->fd, bytes, talker->chunk);
		if (n > 0)
			talker->written += n;
		n = read(talker->fd, buf, sizeof(buf));
		if (n > 0)
			talker->got += n;
		else
			breathe();
	}
	return NULL;
}

TEST_F_TIMEOUT(room, killed_consumers, 120)
{
	long rounds = env_number("CRR_ROUNDS", 8);
	struct line *line = &self->line;
	struct talker emulator = { .fd = line->tty, .chunk = 1000 };
	struct talker peer = { .fd = line->peer, .chunk = 500 };
	struct record rec = {};
	struct kept *kept;
	char bytes[CRR_READ_MAX];
	size_t in = 0, out = 0;

	kept = mmap(NULL, sizeof(*kept), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, kept);
	close_fd(&line->session);
	ASSERT_EQ(0, set_flags(line->peer, O_NONBLOCK, true));
	pthread_create(&emulator.thread, NULL, talk, &emulator);
	pthread_create(&peer.thread, NULL, talk, &peer);
	for (long i = 0; i < rounds; i++) {
		size_t enough = 10000 + 9973 * (i % 8);
		pid_t pid;

		kept->length = 0;
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			consume(line->tty, kept);
		ASSERT_TRUE(eventually(kept->length > enough ||
				       waitpid(pid, NULL, WNOHANG)));
		EXPECT_LT(enough, kept->length);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		add_kept(_metadata, &self->log, kept);
		expect_valid(_metadata, &self->log, false);
	}
	ASSERT_TRUE(eventually((line->session = open_session(line->tty)) >= 0));
	kept->length = 0;
	ASSERT_EQ(0, stop(line->session));
	emulator.over = true;
	peer.over = true;
	pthread_join(emulator.thread, NULL);
	pthread_join(peer.thread, NULL);
	for (;;) {
		ssize_t n = read(line->session, kept->bytes + kept->length,
				 sizeof(kept->bytes) - kept->length);

		ASSERT_LE(0, n);
		if (!n)
			break;
		kept->length += n;
	}
	add_kept(_metadata, &self->log, kept);
	expect_valid(_metadata, &self->log, true);
	/* Nothing is missing in the bytes, either. */
	while (log_next(&self->log, &rec)) {
		if (rec.type == CRR_TYPE_READ) {
			pattern(bytes, rec.length, in);
			ASSERT_EQ(0, memcmp(bytes, rec.data, rec.length));
			in += rec.length;
		} else if (rec.type == CRR_TYPE_WRITE && rec.result > 0) {
			pattern(bytes, rec.result, out);
			ASSERT_EQ(0, memcmp(bytes, rec.data, rec.result));
			out += rec.result;
		}
	}
	EXPECT_LT(0, in);
	EXPECT_LT(0, out);
	EXPECT_GE(emulator.got, in);
	EXPECT_GE(emulator.written, out);
	munmap(kept, sizeof(*kept));
}

TEST_HARNESS_MAIN
