// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay: a run that does what the recorded one did sees what that one saw,
 * when it saw it.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <linux/io_uring.h>

#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(replay) {
	struct line line;
	struct log log;
	struct log more;
};

FIXTURE_SETUP(replay)
{
	if (!setup_line(_metadata, &self->line))
		return;
	log_begin(&self->log);
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(replay)
{
	close_line(&self->line);
	log_free(&self->log);
	log_free(&self->more);
}

static void start_replay(struct __test_metadata *_metadata, struct line *line,
			 const struct log *log, __u32 flags)
{
	ASSERT_EQ(0, replay(line->session, flags));
	ASSERT_EQ(0, feed_log(line->session, log));
}

/* What read(2) gives, and that its bytes are these. */
static void expect_read(struct __test_metadata *_metadata, struct line *line,
			const char *bytes)
{
	size_t length = strlen(bytes);
	char buf[CRR_READ_MAX];

	EXPECT_EQ(length, sys(read(line->tty, buf, sizeof(buf))));
	EXPECT_EQ(0, memcmp(bytes, buf, length));
}

static void expect_result(struct __test_metadata *_metadata, struct line *line,
			  int result)
{
	char c;

	EXPECT_EQ(result, sys(read(line->tty, &c, 1)));
}

/* All went as recorded, and now it is over. */
static void expect_end(struct __test_metadata *_metadata, struct line *line,
		       __u64 after)
{
	struct crr_divergence div;

	EXPECT_EQ(0, status(line->session).remaining);
	EXPECT_EQ(0, count(line->tty, after));
	expect_result(_metadata, line, -ENODATA);
	EXPECT_EQ(-ENODATA, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
	EXPECT_EQ(CRR_STATE_ENDED, status(line->session).state);
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR,
		  polled(line->tty, POLLIN | POLLOUT));
	EXPECT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

TEST_F(replay, reads_and_writes)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct crr_status st;
	char buf[16];

	log_read(log, 5, 0, "one", 3);
	log_write(log, 7, 4, "four", 4, CRR_FLAG_CAPTURED);
	log_write(log, 7, 2, "no", 2, 0);
	log_read(log, 7, 0, "two", 3);
	log_read(log, 1000, 0, "three", 5);
	log_finish(log, 1000, 0);
	start_replay(_metadata, line, log, 0);
	st = status(line->tty);
	EXPECT_EQ(CRR_STATE_REPLAYING, st.state);
	EXPECT_EQ(5, st.remaining);
	EXPECT_EQ(5, st.next_due);
	EXPECT_EQ(1000, st.horizon);
	EXPECT_EQ(8, st.sequence);
	EXPECT_EQ(0, st.records);
	EXPECT_TRUE(st.facts & CRR_STATUS_END_FED);

	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 4));
	expect_result(_metadata, line, -EAGAIN);
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 5));
	expect_read(_metadata, line, "one");
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 6));
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 7));
	EXPECT_EQ(4, sys(write(line->tty, "four", 4)));
	EXPECT_EQ(2, sys(write(line->tty, "no", 2)));
	EXPECT_EQ(6, receive_all(line->peer, buf, 6));
	EXPECT_EQ(0, memcmp(buf, "fourno", 6));
	expect_read(_metadata, line, "two");
	EXPECT_EQ(0, count(line->tty, 999));
	expect_result(_metadata, line, -EAGAIN);
	st = status(line->tty);
	EXPECT_EQ(4, st.records);
	EXPECT_EQ(6, st.bytes_in);
	EXPECT_EQ(6, st.bytes_out);
	EXPECT_EQ(1, st.remaining);
	EXPECT_EQ(1000, st.next_due);
	EXPECT_EQ(0, count(line->tty, 1000));
	expect_read(_metadata, line, "three");
	EXPECT_EQ(1001, status(line->tty).next_due);
	expect_end(_metadata, line, 1001);
}

/* A record that is whole in the log is whole in the read, pieces or not. */
TEST_F(replay, sizes)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 128, 4095, 4096 };
	struct line *line = &self->line;
	char sent[CRR_READ_MAX], got[2 * CRR_READ_MAX];

	pattern(sent, sizeof(sent), 0);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++)
		log_read(&self->log, i, 0, sent, sizes[i]);
	log_finish(&self->log, 10, 0);
	start_replay(_metadata, line, &self->log, 0);
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* Exactly its size, or more. */
		size_t room = i & 1 ? sizes[i] : sizeof(got);

		EXPECT_EQ(0, count(line->tty, i));
		EXPECT_EQ(sizes[i], sys(read(line->tty, got, room)));
		EXPECT_EQ(0, memcmp(sent, got, sizes[i]));
	}
	expect_end(_metadata, line, 11);
}

/* A program that never sets a counter: empty reads tell the time. */
TEST_F(replay, without_counter)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 0, 3, "a", 1);
	log_read(log, 0, 0, "b", 1);
	log_write(log, 0, 1, "w", 1, 0);
	log_read(log, 0, 2, "c", 1);
	log_finish(log, 0, 1);
	start_replay(_metadata, line, log, 0);
	for (int i = 0; i < 3; i++)
		expect_result(_metadata, line, -EAGAIN);
	expect_read(_metadata, line, "a");
	expect_read(_metadata, line, "b");
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	expect_result(_metadata, line, -EAGAIN);
	expect_read(_metadata, line, "c");
	/* STREAM_END's, and then it is over. */
	expect_result(_metadata, line, -EAGAIN);
	expect_result(_metadata, line, -ENODATA);
	EXPECT_EQ(CRR_STATE_ENDED, status(line->session).state);
	EXPECT_EQ(0, status(line->session).facts & CRR_STATUS_COUNTED);
}

/* Empty reads count at one counter only. */
TEST_F(replay, empty_reads_and_counter)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 5, 2, "a", 1);
	log_read(log, 9, 1, "b", 1);
	log_finish(log, 9, 0);
	start_replay(_metadata, line, log, 0);
	for (int i = 0; i < 10; i++)
		expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 5));
	expect_result(_metadata, line, -EAGAIN);
	expect_result(_metadata, line, -EAGAIN);
	expect_read(_metadata, line, "a");
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 9));
	expect_result(_metadata, line, -EAGAIN);
	expect_read(_metadata, line, "b");
	expect_end(_metadata, line, 10);
}

/* How an empty read returns is the tty's affair, not the log's. */
TEST_F(replay, empty_in_raw_mode)
{
	static const struct {
		int vmin, vtime;
		bool nonblock;
		int result;
	} modes[] = {
		{ 0, 0, false, 0 },
		{ 0, 0, true, 0 },
		{ 0, 1, false, 0 },
		{ 0, 1, true, -EAGAIN },
		{ 1, 0, true, -EAGAIN },
		{ 9, 9, true, -EAGAIN },
	};
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 5, ARRAY_SIZE(modes), "a", 1);
	log_finish(log, 9, 0);
	start_replay(_metadata, line, log, 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < ARRAY_SIZE(modes); i++) {
			set_raw(line->tty, modes[i].vmin, modes[i].vtime);
			set_flags(line->tty, O_NONBLOCK, modes[i].nonblock);
			expect_result(_metadata, line, modes[i].result);
		}
		EXPECT_EQ(0, count(line->tty, 5));
	}
	expect_read(_metadata, line, "a");
}

/* ---- What is no data ---- */

TEST_F(replay, errors)
{
	static const int errors[] = { EIO, EFAULT, EINVAL, ENOMEM, 133, 511 };
	struct line *line = &self->line;

	for (int i = 0; i < ARRAY_SIZE(errors); i++)
		log_add(&self->log, READ_ERROR, .counter = 10 * i,
			.empty_reads = i, .error = errors[i]);
	log_finish(&self->log, 100, 0);
	start_replay(_metadata, line, &self->log, 0);
	for (int i = 0; i < ARRAY_SIZE(errors); i++) {
		EXPECT_EQ(0, count(line->tty, 10 * i));
		for (int k = 0; k < i; k++)
			expect_result(_metadata, line, -EAGAIN);
		EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
		expect_result(_metadata, line, -errors[i]);
	}
	expect_end(_metadata, line, 101);
}

TEST_F(replay, eof)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 1, 0, "a", 1);
	log_add(log, EOF, .counter = 2);
	log_add(log, EOF, .counter = 2, .empty_reads = 1);
	log_read(log, 3, 0, "b", 1);
	log_finish(log, 4, 0);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(0, count(line->tty, 1));
	expect_read(_metadata, line, "a");
	EXPECT_EQ(0, count(line->tty, 2));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	expect_result(_metadata, line, 0);
	expect_result(_metadata, line, -EAGAIN);
	expect_result(_metadata, line, 0);
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(0, count(line->tty, 3));
	expect_read(_metadata, line, "b");
	expect_end(_metadata, line, 5);
}

TEST_F(replay, peer_closed)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 1, 0, "a", 1);
	log_add(log, PEER_CLOSED, .counter = 2, .empty_reads = 1);
	log_write(log, 4, -EIO, "w", 1, 0);
	log_add(log, HANGUP, .counter = 6);
	log_add(log, STREAM_END, .counter = 6, .reason = CRR_END_HANGUP);
	log_add(log, END, .counter = 8);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(0, count(line->tty, 1));
	expect_read(_metadata, line, "a");
	EXPECT_EQ(0, count(line->tty, 2));
	EXPECT_EQ(0, polled(line->tty, POLLIN));
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(POLLHUP, polled(line->tty, POLLIN));
	expect_result(_metadata, line, -EIO);
	/* From here on. */
	expect_result(_metadata, line, -EIO);
	EXPECT_EQ(0, count(line->tty, 4));
	EXPECT_EQ(POLLHUP, polled(line->tty, POLLIN));
	expect_result(_metadata, line, -EIO);
	EXPECT_EQ(-EIO, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(0, count(line->tty, 6));
	expect_result(_metadata, line, 0);
	expect_end(_metadata, line, 9);
}

/* Though nothing is known of what comes after it, and the log's end after that. */
TEST_F(replay, peer_closed_and_no_more_fed)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_add(log, PEER_CLOSED, .counter = 2);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(0, count(line->tty, 2));
	expect_result(_metadata, line, -EIO);
	expect_result(_metadata, line, -EIO);
	log_free(&self->more);
	self->more.sequence = log->sequence;
	log_finish(&self->more, 4, 0);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR,
		  polled(line->tty, POLLIN | POLLOUT) & ~POLLHUP);
	expect_result(_metadata, line, -ENODATA);
	EXPECT_EQ(0, stop(line->session));
}

/* Found by whatever looks next, read or write, at once or later. */
TEST_F(replay, hangup)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	short all = POLLIN | POLLOUT | POLLERR | POLLHUP;

	log_read(log, 1, 0, "a", 1);
	log_add(log, HANGUP, .counter = 6, .empty_reads = 1);
	log_add(log, STREAM_END, .counter = 6, .reason = CRR_END_HANGUP);
	log_add(log, END, .counter = 20);
	for (int way = 0; way < 4; way++) {
		start_replay(_metadata, line, log, 0);
		EXPECT_EQ(1, status(line->session).remaining);
		EXPECT_EQ(0, count(line->tty, 1));
		expect_read(_metadata, line, "a");
		EXPECT_EQ(0, status(line->session).remaining);
		EXPECT_EQ(6, status(line->session).next_due);
		EXPECT_EQ(0, count(line->tty, 5));
		EXPECT_EQ(0, polled(line->tty, POLLIN));
		expect_result(_metadata, line, -EAGAIN);
		EXPECT_EQ(0, count(line->tty, way & 1 ? 6 : 9));
		if (way & 1)
			expect_result(_metadata, line, -EAGAIN);
		EXPECT_EQ(all, polled(line->tty, POLLIN | POLLOUT));
		if (way & 2)
			EXPECT_EQ(-EIO, sys(write(line->tty, "w", 1)));
		expect_result(_metadata, line, 0);
		EXPECT_EQ(all, polled(line->tty, POLLIN | POLLOUT));
		expect_result(_metadata, line, 0);
		EXPECT_EQ(-EIO, sys(write(line->tty, "w", 1)));
		EXPECT_EQ(0, count(line->tty, 20));
		expect_result(_metadata, line, 0);
		EXPECT_EQ(-EIO, sys(write(line->tty, "w", 1)));
		expect_end(_metadata, line, 21);
	}
}

/* A run may end before it looks: nothing is left that it had to take. */
TEST_F(replay, hangup_unnoticed)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct crr_divergence div;

	log_read(log, 1, 0, "a", 1);
	log_add(log, HANGUP, .counter = 6);
	log_add(log, STREAM_END, .counter = 6, .reason = CRR_END_HANGUP);
	log_add(log, END, .counter = 20);
	for (int way = 0; way < 2; way++) {
		start_replay(_metadata, line, log, 0);
		EXPECT_EQ(0, count(line->tty, 1));
		expect_read(_metadata, line, "a");
		EXPECT_EQ(0, count(line->tty, 30));
		if (way)
			ASSERT_EQ(0, detach(line->tty));
		EXPECT_NE(CRR_STATE_FAILED, status(line->session).state);
		EXPECT_NE(CRR_STATE_DIVERGED, status(line->session).state);
		EXPECT_EQ(0, stop(line->session));
		EXPECT_EQ(-ENODATA, divergence(line->session, &div));
	}
}

/* Whether the line was hung up for ever, or recording stopped: END tells. */
TEST_F(replay, hangup_before_end_is_fed)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct task task;
	char c;

	log_add(log, HANGUP, .counter = 5);
	log_add(log, STREAM_END, .counter = 5, .reason = CRR_END_HANGUP);
	log_add(&self->more, END, .counter = 10);
	for (int i = 0; i < 2; i++) {
		start_replay(_metadata, line, log, 0);
		EXPECT_EQ(0, count(line->tty, 5));
		expect_result(_metadata, line, 0);
		EXPECT_EQ(-EIO, sys(write(line->tty, "w", 1)));
		EXPECT_EQ(0, count(line->tty, 11));
		if (i)
			begin(&task, WRITE, .fd = line->tty, .buf = "w",
			      .length = 1);
		else
			begin(&task, READ, .fd = line->tty, .buf = &c,
			      .length = 1);
		ASSERT_TRUE(sleeps(&task));
		/* The rest of the same log. */
		self->more.bytes[8] = log->sequence;
		ASSERT_EQ(0, feed_log(line->session, &self->more));
		ASSERT_TRUE(ends(&task));
		EXPECT_EQ(-ENODATA, task.result);
		EXPECT_EQ(0, stop(line->session));
	}
}

/* ---- Writes ---- */

/* Of a log from elsewhere, which does not know what was written. */
TEST_F(replay, unknown_writes)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct crr_divergence div;
	char got[8];
	int i;

	for (i = 0; i < 3; i++)
		log_add(log, WRITE, .counter = 1, .flags = CRR_FLAG_UNKNOWN,
			.requested = 3, .result = 3, .offset = 3);
	log_add(log, WRITE, .counter = 2, .flags = CRR_FLAG_UNKNOWN,
		.requested = 1, .result = -EAGAIN);
	log_add(log, WRITE, .counter = 3, .flags = CRR_FLAG_UNKNOWN,
		.requested = 3, .result = 3, .offset = 3);
	log_finish(log, 10, 0);
	start_replay(_metadata, line, log, 0);

	EXPECT_EQ(0, count(line->tty, 1));
	EXPECT_EQ(3, sys(write(line->tty, "one", 3)));
	/* What a chunk leaves is offered once more. */
	EXPECT_EQ(6, sys(write(line->tty, "abcdef", 6)));
	ASSERT_EQ(9, receive_all(line->peer, got, 3) +
			     receive_all(line->peer, got + 2, 6));
	EXPECT_EQ(0, memcmp(got, "onabcdef", 8));
	EXPECT_EQ(0, count(line->tty, 2));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "any number", 10)));
	EXPECT_EQ(0, count(line->tty, 3));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "no", 2)));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_LENGTH, div.kind);
}

/* The results of write(2) are those recorded, chunk by chunk. */
TEST_F(replay, write_results)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	char bytes[6000];
	char got[6000];

	pattern(bytes, sizeof(bytes), 0);
	/* A whole one of three chunks. */
	log_write(log, 1, 2048, bytes, 2048, 0);
	log_write(log, 1, 2048, bytes + 2048, 2048, CRR_FLAG_CAPTURED);
	log_write(log, 1, 904, bytes + 4096, 904, 0);
	/* A short chunk, after which the core tries the rest, in vain. */
	log_write(log, 2, 2048, bytes, 2048, 0);
	log_write(log, 2, 1000, bytes + 2048, 2048, 0);
	log_write(log, 2, -EAGAIN, bytes + 3048, 1952, 0);
	/* In vain from the beginning; and an error. */
	log_write(log, 3, -EAGAIN, bytes, 100, 0);
	log_write(log, 4, -EIO, bytes, 100, 0);
	/* Cut short by a signal: in a chunk, and after a whole one. */
	log_write(log, 5, 700, bytes, 2048, CRR_FLAG_CUT);
	log_write(log, 6, 2048, bytes, 2048, CRR_FLAG_CUT);
	log_finish(log, 10, 0);
	start_replay(_metadata, line, log, 0);

	EXPECT_EQ(0, count(line->tty, 1));
	EXPECT_EQ(5000, sys(write(line->tty, bytes, 5000)));
	ASSERT_EQ(5000, receive_all(line->peer, got, 5000));
	EXPECT_EQ(0, memcmp(bytes, got, 5000));
	EXPECT_EQ(0, count(line->tty, 2));
	EXPECT_EQ(3048, sys(write(line->tty, bytes, 5000)));
	ASSERT_EQ(3048, receive_all(line->peer, got, 3048));
	EXPECT_EQ(0, memcmp(bytes, got, 3048));
	EXPECT_EQ(0, count(line->tty, 3));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, bytes, 100)));
	EXPECT_EQ(0, count(line->tty, 4));
	EXPECT_EQ(-EIO, sys(write(line->tty, bytes, 100)));
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(700, sys(write(line->tty, bytes, 5000)));
	EXPECT_EQ(0, count(line->tty, 6));
	EXPECT_EQ(2048, sys(write(line->tty, bytes, 5000)));
	ASSERT_EQ(2748, receive_all(line->peer, got, 2748));
	EXPECT_EQ(0, memcmp(bytes, got, 700));
	EXPECT_EQ(0, memcmp(bytes, got + 700, 2048));
	EXPECT_EQ(0, swallow(line->peer));
	EXPECT_EQ(0, status(line->session).dropped);
	expect_end(_metadata, line, 11);
}

/*
 * An interrupted write that was begun again: the recorded run's handler is not
 * this run's affair, its second attempt is.
 */
TEST_F(replay, write_interrupted)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_write(log, 1, -EINTR, "abc", 3, CRR_FLAG_CUT);
	log_write(log, 1, 3, "abc", 3, 0);
	log_finish(log, 10, 0);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(0, count(line->tty, 1));
	EXPECT_EQ(3, sys(write(line->tty, "abc", 3)));
	expect_end(_metadata, line, 11);
}

/* After CUT nothing of the interruption stays behind. */
TEST_F(replay, cut_leaves_no_signal)
{
	struct line *line = &self->line;
	struct task reader;
	char bytes[3000], c;

	pattern(bytes, sizeof(bytes), 0);
	log_write(&self->log, 1, 2048, bytes, 2048, CRR_FLAG_CUT);
	log_read(&self->log, 2, 0, "r", 1);
	log_finish(&self->log, 10, 0);
	start_replay(_metadata, line, &self->log, 0);
	EXPECT_EQ(0, count(line->tty, 1));
	EXPECT_EQ(2048, sys(write(line->tty, bytes, 3000)));
	EXPECT_EQ(0, poll(NULL, 0, 10));
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	begin(&reader, READ, .fd = line->tty, .buf = &c, .length = 1);
	EXPECT_TRUE(sleeps(&reader));
	EXPECT_EQ(0, count(line->tty, 2));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(1, reader.result);
}

struct ring {
	int fd;
	struct io_uring_params params;
	struct io_uring_sqe *entries;
	char *queues;
};

#define ring_word(ring, queue, member) \
	((__u32 *)((ring)->queues + (ring)->params.queue##_off.member))

/* False: this kernel has no io_uring for us. */
static bool ring_open(struct ring *ring)
{
	struct io_uring_params *params = &ring->params;
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(__NR_io_uring_setup, 4, params);
	if (ring->fd < 0)
		return false;
	size = params->cq_off.cqes +
	       params->cq_entries * sizeof(struct io_uring_cqe);
	ring->queues = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, ring->fd,
			    IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, params->sq_entries * sizeof(*ring->entries),
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     ring->fd, IORING_OFF_SQES);
	if (ring->queues == MAP_FAILED || ring->entries == MAP_FAILED)
		return false;
	return params->features & IORING_FEAT_SINGLE_MMAP;
}

static void ring_add(struct ring *ring, const struct io_uring_sqe *entry)
{
	__u32 tail = *ring_word(ring, sq, tail);

	ring->entries[tail % ring->params.sq_entries] = *entry;
	ring_word(ring, sq, array)[tail % ring->params.sq_entries] =
		tail % ring->params.sq_entries;
	__atomic_store_n(ring_word(ring, sq, tail), tail + 1, __ATOMIC_RELEASE);
}

/* The next result. */
static int ring_result(struct __test_metadata *_metadata, struct ring *ring,
		       __u32 submitted)
{
	struct io_uring_cqe *entries =
		(void *)(ring->queues + ring->params.cq_off.cqes);
	__u32 head = *ring_word(ring, cq, head);
	int result;

	EXPECT_EQ(submitted, sys(syscall(__NR_io_uring_enter, ring->fd,
					 submitted, 1, IORING_ENTER_GETEVENTS,
					 NULL, 0)));
	result = entries[head % ring->params.cq_entries].res;
	__atomic_store_n(ring_word(ring, cq, head), head + 1, __ATOMIC_RELEASE);
	return result;
}

/*
 * A worker of io_uring never returns to user space, where other threads lose the
 * pretended signal: its next request must not find it.
 */
TEST_F(replay, cut_leaves_no_signal_in_a_worker)
{
	struct line *line = &self->line;
	__u32 workers[2] = { 1, 1 };
	int empty[2], other[2], i;
	struct ring ring;
	char bytes[3000];

	if (!ring_open(&ring))
		SKIP(return, "no io_uring");
	if (syscall(__NR_io_uring_register, ring.fd,
		    IORING_REGISTER_IOWQ_MAX_WORKERS, workers, 2))
		SKIP(return, "io_uring cannot be kept to one worker");
	ASSERT_EQ(0, pipe(empty));
	ASSERT_EQ(0, pipe(other));
	pattern(bytes, sizeof(bytes), 0);
	log_write(&self->log, 1, 2048, bytes, 2048, CRR_FLAG_CUT);
	log_finish(&self->log, 10, 0);
	start_replay(_metadata, line, &self->log, 0);
	EXPECT_EQ(0, count(line->tty, 1));
	ring_add(&ring, &(struct io_uring_sqe){
		.opcode = IORING_OP_WRITE, .fd = line->tty,
		.addr = (uintptr_t)bytes, .len = sizeof(bytes),
		.flags = IOSQE_ASYNC });
	/* Queued behind it; a splice sleeps until there is a byte, or a signal. */
	ring_add(&ring, &(struct io_uring_sqe){
		.opcode = IORING_OP_SPLICE, .splice_fd_in = empty[0],
		.splice_off_in = -1, .fd = other[1], .off = -1, .len = 1,
		.flags = IOSQE_ASYNC });
	EXPECT_EQ(2048, ring_result(_metadata, &ring, 2));
	/* Time enough for a splice that was interrupted. */
	poll(NULL, 0, 100);
	ASSERT_EQ(1, write(empty[1], "p", 1));
	EXPECT_EQ(1, ring_result(_metadata, &ring, 0));
	for (i = 0; i < 2; i++) {
		close(empty[i]);
		close(other[i]);
	}
	close(ring.fd);
	expect_end(_metadata, line, 11);
}

/* Writes that found no room in crr's buffer find none again. */
TEST_F(replay, refused)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_add(log, WRITE, .counter = 5, .refused = 2, .requested = 3,
		.result = 3, .offset = 3, .data = "abc", .length = 3);
	log_write(log, 5, 1, "d", 1, 0);
	log_finish(log, 10, 0);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(0, count(line->tty, 4));
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLOUT));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "abc", 3)));
	EXPECT_EQ(0, polled(line->tty, POLLOUT));
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLOUT));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "abc", 3)));
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLOUT));
	EXPECT_EQ(3, sys(write(line->tty, "abc", 3)));
	EXPECT_EQ(1, sys(write(line->tty, "d", 1)));
	expect_end(_metadata, line, 11);
}

/* Where a signal ended their sleep there is no signal now: they go on. */
TEST_F(replay, interrupted)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_add(log, WRITE, .counter = 5, .flags = CRR_FLAG_INTERRUPTED,
		.refused = 2, .requested = 3, .result = 3, .offset = 3,
		.data = "abc", .length = 3);
	log_finish(log, 10, 0);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(3, sys(write(line->tty, "abc", 3)));
	expect_end(_metadata, line, 11);
}

TEST_F(replay, mute)
{
	struct line *line = &self->line;

	log_write(&self->log, 0, 4, "mute", 4, 0);
	log_finish(&self->log, 0, 0);
	start_replay(_metadata, line, &self->log, CRR_REPLAY_MUTE);
	EXPECT_EQ(4, sys(write(line->tty, "mute", 4)));
	ASSERT_EQ(0, stop(line->session));
	/* The first byte that the peer gets is one after the replay. */
	ASSERT_EQ(1, write(line->tty, "!", 1));
	EXPECT_EQ(1, receive_all(line->peer, (char[1]) { 0 }, 1));
	EXPECT_EQ(0, swallow(line->peer));
	EXPECT_EQ(0, status(line->session).dropped);
}

/* A device that takes nothing is not waited for. */
TEST_F(replay, dropped)
{
	struct line *line = &self->line;
	char buf[8];

	log_write(&self->log, 0, 4, "lost", 4, 0);
	log_write(&self->log, 0, 5, "found", 5, 0);
	log_finish(&self->log, 0, 0);
	start_replay(_metadata, line, &self->log, 0);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_EQ(0, tcflow(line->tty, TCOOFF));
	EXPECT_EQ(4, sys(write(line->tty, "lost", 4)));
	EXPECT_EQ(4, status(line->session).dropped);
	ASSERT_EQ(0, tcflow(line->tty, TCOON));
	EXPECT_EQ(5, sys(write(line->tty, "found", 5)));
	EXPECT_EQ(4, status(line->session).dropped);
	EXPECT_EQ(5, receive_all(line->peer, buf, 5));
	EXPECT_EQ(0, memcmp("found", buf, 5));
}

static void do_nothing(int sig)
{
}

/* N_TTY makes of it what it made of it then, be a signal pending or not. */
TEST_F(replay, output_is_processed)
{
	enum { WRITES = 3000 };
	struct itimerval timer = { { 0, 200 }, { 0, 200 } };
	struct line *line = &self->line;
	struct termios termios;
	char buf[32];
	int n;

	ASSERT_EQ(0, tcgetattr(line->tty, &termios));
	termios.c_oflag |= OPOST | ONLCR | TABDLY;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	log_write(&self->log, 0, 4, "a\n\tb", 4, 0);
	for (int i = 0; i < WRITES; i++)
		log_write(&self->log, 0, 2, "c\n", 2, 0);
	log_finish(&self->log, 0, 0);
	start_replay(_metadata, line, &self->log, 0);
	EXPECT_EQ(4, sys(write(line->tty, "a\n\tb", 4)));
	EXPECT_EQ(12, receive_all(line->peer, buf, 12));
	EXPECT_EQ(0, memcmp("a\r\n        b", buf, 12));
	/* Often enough that some come when a write has just begun. */
	signal(SIGPROF, do_nothing);
	ASSERT_EQ(0, setitimer(ITIMER_PROF, &timer, NULL));
	for (int i = 0; i < WRITES; i++) {
		ASSERT_EQ(2, sys(write(line->tty, "c\n", 2)));
		/* Whose poll(2) a signal ends. */
		n = 0;
		ASSERT_TRUE(eventually((n += receive_all(line->peer, buf + n,
							 3 - n)) == 3));
		ASSERT_EQ(0, memcmp("c\r\n", buf, 3));
	}
	timer = (struct itimerval){};
	setitimer(ITIMER_PROF, &timer, NULL);
	EXPECT_EQ(0, status(line->session).dropped);
}

/* ---- What the device does meanwhile ---- */

TEST_F(replay, input_is_discarded)
{
	struct line *line = &self->line;
	char bytes[3000];

	/* What came before the replay is there after it. */
	ASSERT_TRUE(deliver(line, "early", 5));
	log_read(&self->log, 5, 0, "fed", 3);
	log_finish(&self->log, 10, 0);
	start_replay(_metadata, line, &self->log, 0);
	EXPECT_EQ(0, arrived(line->tty));
	expect_result(_metadata, line, -EAGAIN);
	ASSERT_EQ(0, send_all(line->peer, bytes, sizeof(bytes)));
	EXPECT_TRUE(eventually(status(line->tty).discarded == sizeof(bytes)));
	EXPECT_EQ(0, arrived(line->tty));
	EXPECT_EQ(0, count(line->tty, 5));
	expect_read(_metadata, line, "fed");
	EXPECT_EQ(0, arrived(line->tty));
	ASSERT_EQ(0, stop(line->session));
	expect_read(_metadata, line, "early");
	ASSERT_TRUE(deliver(line, "late", 4));
	expect_read(_metadata, line, "late");
}

/* What the emulator does to its tty by itself is no part of the log. */
TEST_F(replay, tty_ioctls)
{
	struct line *line = &self->line;
	struct termios termios;

	log_read(&self->log, 5, 0, "fed", 3);
	log_finish(&self->log, 10, 0);
	start_replay(_metadata, line, &self->log, 0);
	EXPECT_EQ(0, count(line->tty, 5));
	ASSERT_EQ(0, tcflush(line->tty, TCIOFLUSH));
	ASSERT_EQ(0, tcgetattr(line->tty, &termios));
	termios.c_lflag |= ICANON;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSAFLUSH, &termios));
	expect_read(_metadata, line, "fed");
}

/* An operation of no bytes sees nothing of the line, now as then. */
TEST_F(replay, of_no_bytes)
{
	struct line *line = &self->line;
	char c;

	log_read(&self->log, 5, 0, "fed", 3);
	log_write(&self->log, 5, 1, "w", 1, 0);
	log_finish(&self->log, 10, 0);
	start_replay(_metadata, line, &self->log, 0);
	EXPECT_EQ(0, sys(write(line->tty, "", 0)));
	EXPECT_EQ(0, sys(read(line->tty, &c, 0)));
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(0, sys(read(line->tty, &c, 0)));
	EXPECT_EQ(0, sys(write(line->tty, "", 0)));
	EXPECT_EQ(CRR_STATE_REPLAYING, status(line->tty).state);
	expect_read(_metadata, line, "fed");
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(0, sys(write(line->tty, "", 0)));
	expect_end(_metadata, line, 11);
}

/* Input when a read would find some; output unless the last write was refused. */
TEST_F(replay, poll)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	short both = POLLIN | POLLOUT;

	log_read(log, 5, 1, "a", 1);
	log_write(log, 7, 1, "w", 1, 0);
	log_write(log, 8, -EAGAIN, "w", 1, 0);
	log_read(log, 9, 0, "b", 1);
	log_write(log, 10, 1, "w", 1, 0);
	log_finish(log, 11, 0);
	start_replay(_metadata, line, log, 0);
	EXPECT_EQ(POLLOUT, polled(line->tty, both));
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(POLLOUT, polled(line->tty, both));
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(both, polled(line->tty, both));
	EXPECT_EQ(both, polled(line->tty, both));
	expect_read(_metadata, line, "a");
	EXPECT_EQ(POLLOUT, polled(line->tty, both));
	EXPECT_EQ(0, count(line->tty, 7));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(0, count(line->tty, 8));
	EXPECT_EQ(POLLOUT, polled(line->tty, both));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "w", 1)));
	/* Until the counter comes to that of the next one that was taken. */
	EXPECT_EQ(0, polled(line->tty, both));
	EXPECT_EQ(0, count(line->tty, 9));
	EXPECT_EQ(POLLIN, polled(line->tty, both));
	expect_read(_metadata, line, "b");
	EXPECT_EQ(0, polled(line->tty, both));
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(POLLOUT, polled(line->tty, both));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	/* And after the last one. */
	EXPECT_EQ(POLLOUT, polled(line->tty, both));
	expect_end(_metadata, line, 12);
}

/* ---- Who sleeps until something comes ---- */

FIXTURE(asleep) {
	struct line line;
	struct log log;
	struct log rest;
	struct task task;
	char c;
};

FIXTURE_VARIANT(asleep) {
	enum call call;
	short events;
	__u32 waiting;		/* what STATUS reports */
	bool unfed;		/* it sleeps until more is fed, or else for its time */
};

FIXTURE_VARIANT_ADD(asleep, read_for_time) {
	.call = CALL_READ, .waiting = CRR_WAITING_READ,
};

FIXTURE_VARIANT_ADD(asleep, read_for_feeder) {
	.call = CALL_READ, .waiting = CRR_WAITING_FEED, .unfed = true,
};

FIXTURE_VARIANT_ADD(asleep, write_for_feeder) {
	.call = CALL_WRITE, .waiting = CRR_WAITING_FEED, .unfed = true,
};

FIXTURE_VARIANT_ADD(asleep, poll_for_time) {
	.call = CALL_POLL, .events = POLLIN,
};

FIXTURE_VARIANT_ADD(asleep, poll_for_feeder) {
	.call = CALL_POLL, .events = POLLIN, .unfed = true,
};

FIXTURE_SETUP(asleep)
{
	struct line *line = &self->line;
	struct log *then = variant->unfed ? &self->rest : &self->log;

	if (!setup_line(_metadata, line))
		return;
	catch_interrupts(false);
	/* STREAM is at 0, so that at 0 nothing more is known. */
	log_begin(&self->log);
	self->rest.sequence = 1;
	if (variant->call == CALL_WRITE)
		log_write(then, 0, 1, "w", 1, 0);
	else
		log_read(then, variant->unfed ? 0 : 10, 0, "r", 1);
	log_finish(then, 20, 0);
	self->c = 'w';
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	start(&self->task, (struct task){
		.call = variant->call, .fd = line->tty, .buf = &self->c,
		.length = 1, .events = variant->events, .timeout = -1,
	});
	ASSERT_TRUE(sleeps(&self->task));
	ASSERT_TRUE(eventually(status(line->session).waiting ==
			       variant->waiting));
}

FIXTURE_TEARDOWN(asleep)
{
	close_line(&self->line);
	log_free(&self->log);
	log_free(&self->rest);
}

static bool sleeps_on(struct task *task, int session, __u32 waiting)
{
	return sleeps(task) &&
	       eventually(status(session).waiting == waiting);
}

/* What it has slept for. */
TEST_F(asleep, woken_by_its_time)
{
	struct line *line = &self->line;
	struct task *task = &self->task;

	if (variant->unfed) {
		/* Nothing is nothing, and half a record no more. */
		EXPECT_EQ(0, sys(write(line->session, "", 0)));
		EXPECT_EQ(-EMSGSIZE, sys(write(line->session,
					       self->rest.bytes, 30)));
		EXPECT_TRUE(sleeps_on(task, line->session, variant->waiting));
		EXPECT_EQ(POLLOUT, polled(line->session, POLLOUT));
		ASSERT_EQ(0, feed_log(line->session, &self->rest));
	} else {
		EXPECT_EQ(0, count(line->tty, 9));
		EXPECT_TRUE(sleeps_on(task, line->session, variant->waiting));
		EXPECT_EQ(0, count(line->tty, 10));
	}
	ASSERT_TRUE(ends(task));
	EXPECT_EQ(1, task->result);
	if (variant->call == CALL_POLL)
		EXPECT_EQ(variant->events, task->revents);
	if (variant->call == CALL_READ)
		EXPECT_EQ('r', self->c);
	EXPECT_EQ(0, status(line->session).waiting);
}

/* A store into the page wakes nobody; the ioctl after it does. */
TEST_F(asleep, woken_through_the_clock)
{
	struct line *line = &self->line;
	struct task *task = &self->task;

	ASSERT_EQ(0, map_clock(line));
	if (variant->unfed) {
		ASSERT_EQ(0, feed_log(line->session, &self->rest));
	} else {
		put(*line->counter, 10);
		EXPECT_TRUE(sleeps(task));
		EXPECT_EQ(10, look(line->state->next_due));
		EXPECT_EQ(0, count(line->clock, 10));
	}
	ASSERT_TRUE(ends(task));
	EXPECT_EQ(1, task->result);
}

/* It goes on with the device. */
TEST_F(asleep, woken_by_stop)
{
	struct line *line = &self->line;
	struct task *task = &self->task;

	ASSERT_EQ(0, stop(line->session));
	if (variant->call == CALL_WRITE) {
		ASSERT_TRUE(ends(task));
		EXPECT_EQ(1, receive_all(line->peer, (char[1]) { 0 }, 1));
	} else {
		EXPECT_TRUE(sleeps(task));
		EXPECT_EQ(0, status(line->session).waiting);
		ASSERT_EQ(0, send_all(line->peer, "d", 1));
		ASSERT_TRUE(ends(task));
	}
	EXPECT_EQ(1, task->result);
	if (variant->call == CALL_READ)
		EXPECT_EQ('d', self->c);
	if (variant->call == CALL_POLL)
		EXPECT_EQ(POLLIN, task->revents);
}

/* The feeder goes before the end: the replay has failed. */
TEST_F(asleep, woken_by_feeders_end)
{
	struct line *line = &self->line;
	struct task *task = &self->task;

	close_fd(&line->session);
	if (variant->unfed) {
		ASSERT_TRUE(ends(task));
		if (variant->call == CALL_POLL) {
			EXPECT_EQ(POLLIN | POLLERR, task->revents);
		} else {
			EXPECT_EQ(-EIO, task->result);
		}
		EXPECT_EQ(CRR_STATE_FAILED, status(line->tty).state);
		EXPECT_EQ(CRR_REASON_FEEDER, status(line->tty).reason);
		EXPECT_EQ(-EIO, sys(read(line->tty, &self->c, 1)));
		EXPECT_EQ(-EIO, sys(write(line->tty, "x", 1)));
		/* Its next controller finds it so. */
		line->session = open_session(line->tty);
		ASSERT_LE(0, line->session);
		EXPECT_EQ(CRR_STATE_FAILED, status(line->session).state);
	} else {
		/* All is there that is needed. */
		EXPECT_TRUE(sleeps(task));
		EXPECT_EQ(0, count(line->tty, 10));
		ASSERT_TRUE(ends(task));
		EXPECT_EQ(1, task->result);
		EXPECT_EQ(CRR_STATE_REPLAYING, status(line->tty).state);
	}
}

TEST_F(asleep, woken_by_signal)
{
	struct line *line = &self->line;
	struct task *task = &self->task;

	interrupt(task);
	ASSERT_TRUE(ends(task));
	EXPECT_EQ(-EINTR, task->result);
	EXPECT_EQ(0, status(line->session).waiting);
	EXPECT_EQ(CRR_STATE_REPLAYING, status(line->session).state);
	/* And nothing was consumed by it. */
	if (variant->unfed)
		ASSERT_EQ(0, feed_log(line->session, &self->rest));
	EXPECT_EQ(1, status(line->session).remaining);
}

/* Another discipline: it must not wait for the sleeper for long. */
TEST_F(asleep, woken_by_detach)
{
	struct line *line = &self->line;
	struct task *task = &self->task;
	long long began = now_ms();

	ASSERT_EQ(0, detach(line->tty));
	/* The core itself would give up after five seconds. */
	EXPECT_GT(4000, now_ms() - began);
	if (variant->call == CALL_POLL) {
		/* It polls N_TTY now. */
		ASSERT_EQ(0, send_all(line->peer, "d", 1));
		ASSERT_TRUE(ends(task));
		EXPECT_EQ(1, task->result);
	} else {
		ASSERT_TRUE(ends(task));
		EXPECT_EQ(-EAGAIN, task->result);
	}
	EXPECT_EQ(CRR_STATE_FAILED, status(line->session).state);
	EXPECT_EQ(CRR_REASON_LINE, status(line->session).reason);
	EXPECT_EQ(POLLHUP, polled(line->session, POLLHUP));
}

TEST_F(asleep, woken_by_hangup)
{
	struct line *line = &self->line;
	struct task *task = &self->task;

	close_fd(&line->peer);
	ASSERT_TRUE(ends(task));
	if (variant->call == CALL_POLL) {
		EXPECT_TRUE(task->revents & POLLHUP);
	} else {
		EXPECT_EQ(variant->call == CALL_READ ? 0 : -EIO, task->result);
	}
	EXPECT_TRUE(eventually(status(line->session).state ==
			       CRR_STATE_FAILED));
	EXPECT_EQ(CRR_REASON_LINE, status(line->session).reason);
}

/* The run departs from the log elsewhere. */
TEST_F(asleep, woken_by_divergence)
{
	struct line *line = &self->line;
	struct task *task = &self->task;
	struct crr_divergence div;

	/* A write that the log does not have, or has otherwise. */
	if (variant->unfed) {
		log_free(&self->rest);
		self->rest.sequence = 1;
		log_finish(&self->rest, 20, 0);
		EXPECT_EQ(0, count(line->tty, 5));
		EXPECT_TRUE(sleeps(task));
		ASSERT_EQ(0, feed_log(line->session, &self->rest));
		if (variant->call == CALL_WRITE) {
			ASSERT_TRUE(ends(task));
			EXPECT_EQ(-ENOTRECOVERABLE, task->result);
			return;
		}
		EXPECT_TRUE(sleeps(task));
	}
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "x", 1)));
	ASSERT_TRUE(ends(task));
	if (variant->call == CALL_POLL) {
		EXPECT_EQ(POLLIN | POLLERR, task->revents);
	} else {
		EXPECT_EQ(-ENOTRECOVERABLE, task->result);
	}
	EXPECT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
}

/* ---- The feeder ---- */

/* O_NONBLOCK or not: "nothing" would be a lie as long as it is not known. */
TEST_F(replay, horizon)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct task task;
	char c = 'w';

	log_read(log, 10, 0, "a", 1);
	start_replay(_metadata, line, log, 0);
	/* Before the horizon all is known. */
	EXPECT_EQ(0, count(line->tty, 9));
	expect_result(_metadata, line, -EAGAIN);
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLIN | POLLOUT));
	EXPECT_EQ(0, arrived(line->tty));
	/* At the horizon what is there can be had, and no more be said. */
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	expect_read(_metadata, line, "a");
	EXPECT_EQ(10, status(line->tty).next_due);
	begin(&task, READ, .fd = line->tty, .buf = &c, .length = 1);
	EXPECT_TRUE(sleeps_on(&task, line->session, CRR_WAITING_FEED));
	self->more.sequence = log->sequence;
	log_read(&self->more, 11, 0, "b", 1);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(-EAGAIN, task.result);

	EXPECT_EQ(0, count(line->tty, 11));
	begin(&task, WRITE, .fd = line->tty, .buf = &c, .length = 1);
	EXPECT_TRUE(sleeps_on(&task, line->session, CRR_WAITING_FEED));
	self->more.length = 0;
	log_write(&self->more, 11, 1, &c, 1, 0);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(1, task.result);
	/* The read's record was there all along. */
	expect_read(_metadata, line, "b");

	/* Poll does not wait: it leaves that to the read, which finds nothing. */
	EXPECT_EQ(0, polled(line->tty, 0));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	begin(&task, READ, .fd = line->tty, .buf = &c, .length = 1);
	EXPECT_TRUE(sleeps_on(&task, line->session, CRR_WAITING_FEED));
	self->more.length = 0;
	log_finish(&self->more, 12, 0);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(-EAGAIN, task.result);
	EXPECT_EQ(0, polled(line->tty, POLLIN));
	EXPECT_EQ(13, status(line->tty).next_due);
	expect_end(_metadata, line, 13);
}

struct feeder {
	pthread_t thread;
	int session;
	const struct log *log;
	int result;
};

/* One record at a time, and only when the run is waiting, or has caught up. */
static void *feed_slowly(void *arg)
{
	struct feeder *feeder = arg;
	struct record rec = {};

	while (!feeder->result && log_next(feeder->log, &rec)) {
		feeder->result = feed(feeder->session,
				      feeder->log->bytes + rec.at, rec.size);
		if (rec.sequence % 3 == 0)
			breathe();
	}
	return NULL;
}

/* A run that is always ahead of its feeder sees the same. */
TEST_F(replay, slow_feeder)
{
	enum { RECORDS = 300 };
	struct line *line = &self->line;
	struct feeder feeder = { .session = line->session, .log = &self->log };
	char out[3] = "out", in[2];

	for (int i = 0; i < RECORDS; i++) {
		memset(in, 'a' + i % 26, 2);
		log_read(&self->log, 10 * i, i % 3, in, 2);
		log_write(&self->log, 10 * i, 3, out, 3, i % 2);
	}
	log_finish(&self->log, 10 * RECORDS, 0);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, pthread_create(&feeder.thread, NULL, feed_slowly,
				    &feeder));
	for (int i = 0; i < RECORDS; i++) {
		if (i)
			EXPECT_EQ(0, count(line->tty, 10 * i - 1));
		if (i % 2)
			expect_result(_metadata, line, -EAGAIN);
		EXPECT_EQ(0, count(line->tty, 10 * i));
		for (int k = 0; k < i % 3; k++)
			expect_result(_metadata, line, -EAGAIN);
		if (i % 5 == 0)
			EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
		memset(in, 0, 2);
		ASSERT_EQ(2, sys(read(line->tty, in, 2)));
		EXPECT_EQ('a' + i % 26, in[1]);
		if (i % 7 == 0)
			EXPECT_EQ(POLLOUT, polled(line->tty, POLLOUT));
		/* Known or guessed; the read that follows does not count. */
		if (i % 11 == 0 && polled(line->tty, POLLIN))
			expect_result(_metadata, line, -EAGAIN);
		ASSERT_EQ(3, sys(write(line->tty, out, 3)));
	}
	pthread_join(feeder.thread, NULL);
	EXPECT_EQ(0, feeder.result);
	expect_end(_metadata, line, 10 * RECORDS + 1);
}

/* ---- Again ---- */

/* A log replays as often as one likes, and may be followed by a recording. */
TEST_F(replay, again)
{
	struct line *line = &self->line;

	log_read(&self->log, 5, 1, "a", 1);
	log_write(&self->log, 6, 1, "w", 1, 0);
	log_finish(&self->log, 10, 0);
	for (int i = 0; i < 3; i++) {
		start_replay(_metadata, line, &self->log, CRR_REPLAY_MUTE);
		EXPECT_EQ(-EBUSY, replay(line->session, 0));
		EXPECT_EQ(-EBUSY, record(line->session, 0));
		EXPECT_EQ(0, status(line->session).counter);
		expect_result(_metadata, line, -EAGAIN);
		EXPECT_EQ(0, count(line->tty, 5));
		expect_result(_metadata, line, -EAGAIN);
		expect_read(_metadata, line, "a");
		EXPECT_EQ(0, count(line->tty, 6));
		EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
		expect_end(_metadata, line, 11);

		log_free(&self->more);
		ASSERT_EQ(0, record(line->session, 0));
		EXPECT_EQ(0, count(line->tty, 3));
		EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
		finish_log(_metadata, line, &self->more);
		EXPECT_EQ(1, log_count(&self->more, CRR_TYPE_WRITE));
	}
}

/* What of a log has not been needed is gone with its replay. */
TEST_F(replay, stopped_early)
{
	struct line *line = &self->line;
	struct crr_divergence div;

	log_read(&self->log, 5, 0, "a", 1);
	log_write(&self->log, 6, 1, "w", 1, 0);
	log_finish(&self->log, 10, 0);
	for (int i = 0; i < 3; i++) {
		start_replay(_metadata, line, &self->log, 0);
		EXPECT_EQ(0, count(line->tty, 4));
		ASSERT_EQ(0, stop(line->session));
		/* Its time had not come. */
		EXPECT_EQ(-ENODATA, divergence(line->session, &div));
	}
	ASSERT_EQ(0, replay(line->session, 0));
	EXPECT_EQ(0, status(line->session).remaining);
	EXPECT_EQ(0, status(line->session).buffered);
	EXPECT_EQ(0, status(line->session).sequence);
}

TEST_HARNESS_MAIN
