// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of replayer.c, without a tty: records are fed to a session whose streams
 * have no line, the counter is set, and an operation is asked for.
 *
 * An operation's outcome is one number: the bytes of the record that it is
 * given, or what the system call returns, or SLEEPS plus what it sleeps for.
 */
#include <kunit/test.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "../feed.h"
#include "../gate.h"
#include "../queue.h"
#include "../replay_poll.h"
#include "../replayer.h"
#include "../state.h"

#define SLEEPS		100000
#define LIMIT		65536

struct run {
	struct crr_session session;
	struct crr_stream streams[2];
	u64 sequence;			/* of the next record */
	u8 bytes[CRR_RECORD_SIZE_MAX];
	u8 got[CRR_READ_MAX];		/* what the last read was given */
};

static int replayer_init(struct kunit *test)
{
	struct run *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);
	struct crr_session *session;
	u16 i;

	if (!run)
		return -ENOMEM;
	test->priv = run;
	session = &run->session;
	mutex_init(&session->lock);
	init_waitqueue_head(&session->wait);
	INIT_LIST_HEAD(&session->streams);
	INIT_LIST_HEAD(&session->replayer.due);
	INIT_LIST_HEAD(&session->replayer.garbage);
	for (i = 0; i < ARRAY_SIZE(run->streams); i++) {
		struct crr_stream *stream = &run->streams[i];

		stream->session = session;
		stream->number = i;
		INIT_LIST_HEAD(&stream->inbound);
		INIT_LIST_HEAD(&stream->outbound);
		list_add_tail(&stream->node, &session->streams);
	}
	session->replayer.fed = kzalloc(sizeof(*session->replayer.fed),
					GFP_KERNEL);
	if (!session->replayer.fed)
		return -ENOMEM;
	crr_replayer_start(session, LIMIT, 0);
	/* Most tests have to do with the first one only. */
	run->streams[1].begun = true;
	session->state = CRR_STATE_REPLAYING;
	return 0;
}

static void replayer_exit(struct kunit *test)
{
	struct run *run = test->priv;

	if (!run)
		return;
	crr_replayer_close(&run->session);
	crr_queued_free_all(&run->session.replayer.garbage);
	KUNIT_EXPECT_EQ(test, run->session.replayer.remaining, 0);
	KUNIT_EXPECT_EQ(test, run->session.replayer.bytes, 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&run->session.replayer.due));
}

/* ---- What the controller does ---- */

static ssize_t feed_bytes(struct run *run, size_t length)
{
	ssize_t ret;

	mutex_lock(&run->session.lock);
	ret = crr_replayer_feed(&run->session, run->bytes, length);
	mutex_unlock(&run->session.lock);
	return ret;
}

/* Feed the next record: true if it was taken. */
static bool feed(struct run *run, struct crr_record rec)
{
	size_t size;

	rec.sequence = run->sequence;
	size = crr_record_encode(run->bytes, &rec);
	if (feed_bytes(run, size) != size)
		return false;
	run->sequence += !(rec.type & CRR_TYPE_OPTIONAL);
	return true;
}

static bool feed_stream(struct run *run, u16 stream)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_STREAM, .stream = stream,
		.counter = run->session.replayer.fed->counter,
		.data = "tty", .data_length = 3,
	});
}

/* Something inbound without bytes. */
static bool feed_in(struct run *run, u16 type, u64 counter, u64 empty_reads)
{
	return feed(run, (struct crr_record){
		.type = type, .counter = counter, .empty_reads = empty_reads,
	});
}

static bool feed_eof(struct run *run, u16 stream, u64 counter)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_EOF, .stream = stream, .counter = counter,
	});
}

static bool feed_error(struct run *run, u64 counter, u32 error)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_READ_ERROR, .counter = counter,
		.error = error,
	});
}

static bool feed_read(struct run *run, u64 counter, u64 empty_reads,
		      const char *text)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_READ, .counter = counter, .empty_reads = empty_reads,
		.data = text, .data_length = strlen(text),
	});
}

static bool feed_write(struct run *run, u64 counter, u64 refused,
		       const char *text, u16 flags)
{
	u32 length = strlen(text);

	return feed(run, (struct crr_record){
		.type = CRR_TYPE_WRITE, .flags = flags, .counter = counter,
		.refused = refused, .requested = length, .result = length,
		.offset = length, .crc32c = crr_record_crc(text, length),
		.data = text,
		.data_length = flags & CRR_FLAG_CAPTURED ? length : 0,
	});
}

/* A write that did not take all of its bytes, or none. */
static bool feed_result(struct run *run, u64 counter, const char *text, s32 result)
{
	u32 length = strlen(text);

	return feed(run, (struct crr_record){
		.type = CRR_TYPE_WRITE, .counter = counter,
		.requested = length, .result = result,
		.offset = max(result, 0),
		.crc32c = crr_record_crc(text, length),
	});
}

static bool feed_stream_end(struct run *run, u64 counter, u64 empty_reads,
			    enum crr_end reason)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_STREAM_END, .counter = counter,
		.empty_reads = empty_reads, .reason = reason,
	});
}

static bool feed_end(struct run *run, u64 counter)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_END, .counter = counter,
	});
}

/* ---- What the emulator does ---- */

static void count(struct run *run, u64 counter)
{
	run->session.supplied = counter;
	run->session.counter = counter;
}

static ssize_t outcome(struct run *run, struct crr_op *op,
		       enum crr_decision decision)
{
	ssize_t n;

	switch (decision) {
	case CRR_REPLAY:
		n = op->queued->rec.data_length;
		if (op->queued->rec.type == CRR_TYPE_WRITE)
			n = op->queued->rec.result;
		else if (op->queued->rec.type == CRR_TYPE_OUTQ)
			n = op->queued->rec.value;
		else
			memcpy(run->got, op->queued->rec.data, n);
		run->got[op->queued->rec.type == CRR_TYPE_READ ? n : 0] = 0;
		crr_queued_free(op->queued);
		return n;
	case CRR_RESULT:
		return op->result;
	case CRR_SLEEP:
		return SLEEPS + op->sleep;
	default:
		return -SLEEPS;
	}
}

static ssize_t read_from(struct run *run, u16 stream, bool nowait)
{
	struct crr_op op = {
		.stream = &run->streams[stream],
		.type = CRR_TYPE_READ,
		.nowait = nowait,
		.empty = -EAGAIN,
	};
	enum crr_decision decision;

	mutex_lock(&run->session.lock);
	decision = crr_replayer_read(&op);
	mutex_unlock(&run->session.lock);
	return outcome(run, &op, decision);
}

static ssize_t read_nowait(struct run *run)
{
	return read_from(run, 0, true);
}

static ssize_t read_wait(struct run *run)
{
	return read_from(run, 0, false);
}

/* FIONREAD */
static ssize_t inq(struct run *run)
{
	struct crr_op op = {
		.stream = &run->streams[0],
		.type = CRR_TYPE_INQ,
		.nowait = true,
	};
	enum crr_decision decision;

	mutex_lock(&run->session.lock);
	decision = crr_replayer_read(&op);
	mutex_unlock(&run->session.lock);
	return outcome(run, &op, decision);
}

/* What the emulator does by itself: a write; a label; or a query. */
static ssize_t does(struct run *run, u16 type, const char *text)
{
	struct crr_op op = { .stream = &run->streams[0], .type = type };
	enum crr_decision decision;

	mutex_lock(&run->session.lock);
	decision = crr_replayer_write(&op, text, strlen(text));
	mutex_unlock(&run->session.lock);
	return outcome(run, &op, decision);
}

static ssize_t write(struct run *run, const char *text)
{
	return does(run, CRR_TYPE_WRITE, text);
}

static __poll_t poll_file(struct run *run, bool nonblock, __poll_t wanted)
{
	__poll_t mask;

	mutex_lock(&run->session.lock);
	crr_replayer_poll(&run->streams[0], nonblock, wanted, &mask);
	mutex_unlock(&run->session.lock);
	return mask & (wanted | EPOLLERR | EPOLLHUP);
}

static __poll_t poll(struct run *run, __poll_t wanted)
{
	return poll_file(run, true, wanted);
}

static u64 next_due(struct run *run)
{
	u64 due;

	mutex_lock(&run->session.lock);
	due = crr_session_next_due(&run->session);
	mutex_unlock(&run->session.lock);
	return due;
}

static void stop(struct run *run)
{
	mutex_lock(&run->session.lock);
	crr_replayer_stop(&run->session);
	mutex_unlock(&run->session.lock);
}

static void leave(struct run *run, enum crr_end reason)
{
	mutex_lock(&run->session.lock);
	crr_replayer_line_left(&run->streams[0], reason);
	mutex_unlock(&run->session.lock);
}

#define EXPECT_STATE(test, run, is)					\
	KUNIT_EXPECT_EQ(test, (run)->session.state, CRR_STATE_##is)

/* How it departed, and from which record. */
#define EXPECT_DIVERGED(test, run, how, number)				\
do {									\
	EXPECT_STATE(test, run, DIVERGED);				\
	KUNIT_EXPECT_EQ(test, (run)->session.divergence.kind,		\
			CRR_DIVERGENCE_##how);				\
	KUNIT_EXPECT_EQ(test, (run)->session.divergence.sequence,	\
			number);					\
} while (0)

/* ---- Feeding ---- */

static void feed_counts(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;

	KUNIT_EXPECT_TRUE(test, feed_stream(run, 0));
	KUNIT_EXPECT_EQ(test, replayer->remaining, 0);
	KUNIT_EXPECT_TRUE(test, feed_read(run, 5, 0, "ab"));
	KUNIT_EXPECT_TRUE(test, feed_write(run, 6, 0, "c", 0));
	KUNIT_EXPECT_EQ(test, replayer->remaining, 2);
	/* Nobody has to notice a hangup. */
	KUNIT_EXPECT_TRUE(test, feed_in(run, CRR_TYPE_HANGUP, 7, 0));
	KUNIT_EXPECT_EQ(test, replayer->remaining, 2);
	KUNIT_EXPECT_EQ(test, replayer->bytes,
			3 * sizeof(struct crr_queued) + 2);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 2);
	count(run, 6);
	KUNIT_EXPECT_EQ(test, write(run, "c"), 1);
	KUNIT_EXPECT_EQ(test, replayer->remaining, 0);
	KUNIT_EXPECT_EQ(test, run->session.records, 2);
	KUNIT_EXPECT_EQ(test, run->session.bytes_in, 2);
	KUNIT_EXPECT_EQ(test, run->session.bytes_out, 1);
}

static void feed_refused(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;

	KUNIT_EXPECT_EQ(test, feed_bytes(run, 0), 0);
	KUNIT_EXPECT_EQ(test, feed_bytes(run, 23), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, feed_bytes(run, 24), -EBADMSG);
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_TYPE);
	KUNIT_EXPECT_FALSE(test, feed_read(run, 0, 0, "a"));
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_STREAM);
	KUNIT_EXPECT_FALSE(test, feed_stream(run, 2));
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_STREAMS);
	/* Nothing of all that is left behind. */
	KUNIT_EXPECT_TRUE(test, feed_stream(run, 0));
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_NONE);
	KUNIT_EXPECT_TRUE(test, feed_read(run, 8, 0, "a"));
	KUNIT_EXPECT_FALSE(test, feed_read(run, 7, 0, "b"));
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_COUNTER);
	run->sequence++;
	KUNIT_EXPECT_FALSE(test, feed_read(run, 8, 0, "b"));
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_SEQUENCE);
	KUNIT_EXPECT_EQ(test, replayer->remaining, 1);
}

/* A log that says nothing of one of the session's streams is another one's. */
static void feed_without_stream(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;

	run->streams[1].begun = false;
	KUNIT_EXPECT_TRUE(test, feed_stream(run, 0));
	KUNIT_EXPECT_FALSE(test, feed_read(run, 0, 0, "a"));
	KUNIT_EXPECT_EQ(test, replayer->refused, CRR_REASON_STREAMS);
	KUNIT_EXPECT_TRUE(test, feed_stream(run, 1));
	KUNIT_EXPECT_TRUE(test, feed_read(run, 0, 0, "a"));
}

/* What is whole and valid is taken, up to what is not. */
static void feed_in_part(struct kunit *test)
{
	struct run *run = test->priv;
	struct crr_record rec = {
		.type = CRR_TYPE_STREAM, .data = "tty", .data_length = 3,
	};
	size_t first, second;

	first = crr_record_encode(run->bytes, &rec);
	rec.type = CRR_TYPE_READ;
	rec.sequence = 1;
	second = crr_record_encode(run->bytes + first, &rec);
	KUNIT_EXPECT_EQ(test, feed_bytes(run, first + second - 1), first);
	KUNIT_EXPECT_EQ(test, feed_bytes(run, first + second), -EBADMSG);
	memmove(run->bytes, run->bytes + first, second);
	memset(run->bytes + second, 0xff, 24);
	KUNIT_EXPECT_EQ(test, feed_bytes(run, second + 24), second);
	KUNIT_EXPECT_EQ(test, run->session.replayer.refused,
			CRR_REASON_LENGTH);
}

static void feed_until_full(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;
	unsigned int n = 0;
	size_t size;

	KUNIT_EXPECT_TRUE(test, feed_stream(run, 0));
	while (n < LIMIT && feed_read(run, 1, 0, "text"))
		n++;
	KUNIT_EXPECT_GT(test, n, 1);
	KUNIT_EXPECT_TRUE(test, crr_replayer_full(replayer));
	KUNIT_EXPECT_LE(test, replayer->bytes, LIMIT);
	size = crr_record_encode(run->bytes, &(struct crr_record){
		.type = CRR_TYPE_EOF, .sequence = run->sequence, .counter = 1,
	});
	KUNIT_EXPECT_EQ(test, feed_bytes(run, size), -EAGAIN);
	count(run, 1);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 4);
	KUNIT_EXPECT_FALSE(test, crr_replayer_full(replayer));
	KUNIT_EXPECT_EQ(test, feed_bytes(run, size), size);
}

static void feed_optional(struct kunit *test)
{
	struct run *run = test->priv;

	KUNIT_EXPECT_TRUE(test, feed_in(run, CRR_TYPE_OPTIONAL | 9, 3, 0));
	KUNIT_EXPECT_TRUE(test, feed_stream(run, 0));
	/* It tells how far the log is known. */
	KUNIT_EXPECT_TRUE(test, feed_in(run, CRR_TYPE_OPTIONAL | 1, 30, 0));
	KUNIT_EXPECT_EQ(test, next_due(run), 30);
	KUNIT_EXPECT_EQ(test, run->session.replayer.remaining, 0);
}

/* ---- When the emulator must look ---- */

static void due_times(struct kunit *test)
{
	struct run *run = test->priv;

	KUNIT_EXPECT_EQ(test, next_due(run), 0);
	feed_stream(run, 0);
	feed_write(run, 4, 0, "w", 0);
	/* Of writes the emulator knows itself: the horizon. */
	KUNIT_EXPECT_EQ(test, next_due(run), 4);
	feed_read(run, 10, 0, "a");
	feed_read(run, 20, 0, "b");
	KUNIT_EXPECT_EQ(test, next_due(run), 10);
	count(run, 4);
	KUNIT_EXPECT_EQ(test, write(run, "w"), 1);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	KUNIT_EXPECT_EQ(test, next_due(run), 20);
	count(run, 20);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	KUNIT_EXPECT_EQ(test, next_due(run), 20);
	feed_stream_end(run, 30, 0, CRR_END_STOP);
	KUNIT_EXPECT_EQ(test, next_due(run), 30);
	feed_end(run, 40);
	KUNIT_EXPECT_EQ(test, next_due(run), 41);
}

static void due_at_the_end_of_time(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_EOF, 1, 0);
	count(run, 1);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	KUNIT_EXPECT_TRUE(test, feed_stream_end(run, CRR_NEVER, 0, CRR_END_STOP));
	KUNIT_EXPECT_TRUE(test, feed_end(run, CRR_NEVER));
	KUNIT_EXPECT_EQ(test, next_due(run), CRR_NEVER);
}

/* The first of all streams. */
static void due_of_streams(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_stream(run, 1);
	feed_eof(run, 1, 5);
	feed_in(run, CRR_TYPE_EOF, 6, 0);
	KUNIT_EXPECT_EQ(test, next_due(run), 5);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_from(run, 1, true), 0);
	KUNIT_EXPECT_EQ(test, next_due(run), 6);
}

/* ---- Reads ---- */

static void read_at_its_time(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_read(run, 10, 0, "hello");
	count(run, 9);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_wait(run), SLEEPS + CRR_SLEEP_TIME);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_wait(run), 5);
	KUNIT_EXPECT_STREQ(test, run->got, "hello");
	EXPECT_STATE(test, run, REPLAYING);
}

/* So many reads found nothing at this counter before one did. */
static void read_after_empty_reads(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_read(run, 10, 2, "a");
	feed_read(run, 10, 1, "b");
	count(run, 9);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	KUNIT_EXPECT_STREQ(test, run->got, "a");
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	KUNIT_EXPECT_STREQ(test, run->got, "b");
}

/* The recorded run did not sleep where this one does. */
static void read_sleeps_early(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_read(run, 10, 1, "a");
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_wait(run), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EARLY, 1);
}

static void read_late(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_divergence *div = &run->session.divergence;

	feed_stream(run, 0);
	feed_read(run, 5, 0, "abc");
	feed_read(run, 10, 0, "defg");
	count(run, 5);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 3);
	count(run, 11);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, LATE, 2);
	KUNIT_EXPECT_EQ(test, div->size, sizeof(*div));
	KUNIT_EXPECT_EQ(test, div->stream, 0);
	KUNIT_EXPECT_EQ(test, div->expected_counter, 10);
	KUNIT_EXPECT_EQ(test, div->counter, 11);
	KUNIT_EXPECT_EQ(test, div->type, CRR_TYPE_READ);
	KUNIT_EXPECT_EQ(test, div->expected_type, CRR_TYPE_READ);
	KUNIT_EXPECT_EQ(test, div->expected_length, 4);
	KUNIT_EXPECT_EQ(test, div->position, 3);
	KUNIT_EXPECT_EQ(test, div->expected_bytes, 4);
	KUNIT_EXPECT_MEMEQ(test, div->expected, "defg\0", 5);
	KUNIT_EXPECT_EQ(test, div->bytes, 0);
}

static void read_without_bytes(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_EOF, 1, 0);
	feed_error(run, 2, EPERM);
	feed_in(run, CRR_TYPE_PEER_CLOSED, 3, 0);
	feed_read(run, 5, 0, "again");
	count(run, 1);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	count(run, 2);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EPERM);
	count(run, 3);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EIO);
	/* Until there is something else to find. */
	KUNIT_EXPECT_EQ(test, read_wait(run), -EIO);
	count(run, 4);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EIO);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 5);
	EXPECT_STATE(test, run, REPLAYING);
}

static void read_hangup_late(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_HANGUP, 5, 0);
	count(run, 4);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	count(run, 9);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	feed_stream_end(run, 9, 0, CRR_END_HANGUP);
	feed_end(run, 10);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	EXPECT_STATE(test, run, REPLAYING);
	count(run, 11);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -ENODATA);
	EXPECT_STATE(test, run, ENDED);
}

/* From the horizon on nobody knows yet; before it nothing happened. */
static void read_horizon(struct kunit *test)
{
	struct run *run = test->priv;

	KUNIT_EXPECT_EQ(test, read_nowait(run), SLEEPS + CRR_SLEEP_FEED);
	feed_stream(run, 0);
	feed_write(run, 10, 0, "w", 0);
	count(run, 9);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_wait(run), SLEEPS + CRR_SLEEP_TIME);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_nowait(run), SLEEPS + CRR_SLEEP_FEED);
	feed_read(run, 10, 0, "r");
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
}

static void read_short(struct kunit *test)
{
	struct run *run = test->priv;
	struct crr_op op = {
		.stream = &run->streams[0], .type = CRR_TYPE_READ,
	};
	const struct crr_divergence *div = &run->session.divergence;

	feed_stream(run, 0);
	feed_read(run, 0, 0, "hello");
	mutex_lock(&run->session.lock);
	KUNIT_EXPECT_EQ(test, crr_replayer_read(&op), CRR_REPLAY);
	mutex_unlock(&run->session.lock);
	crr_replayer_short_read(&op, 2);
	EXPECT_DIVERGED(test, run, LENGTH, 1);
	KUNIT_EXPECT_EQ(test, div->position, 0);
	KUNIT_EXPECT_EQ(test, div->offset, 2);
	KUNIT_EXPECT_EQ(test, div->length, 2);
	KUNIT_EXPECT_EQ(test, div->expected_length, 5);
	KUNIT_EXPECT_EQ(test, div->expected_bytes, 3);
	KUNIT_EXPECT_MEMEQ(test, div->expected, "llo", 3);
	crr_queued_free(op.queued);
}

/* ---- Writes ---- */

static void write_agrees(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "one", 0);
	feed_write(run, 5, 0, "two", CRR_FLAG_CAPTURED);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, write(run, "one"), 3);
	KUNIT_EXPECT_EQ(test, write(run, "two"), 3);
	KUNIT_EXPECT_EQ(test, run->streams[0].position_out, 6);
	EXPECT_STATE(test, run, REPLAYING);
}

static void write_early(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "one", 0);
	count(run, 4);
	KUNIT_EXPECT_EQ(test, write(run, "one"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EARLY, 1);
}

static void write_late(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "one", 0);
	count(run, 6);
	KUNIT_EXPECT_EQ(test, write(run, "one"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, LATE, 1);
}

static void write_of_other_length(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 0, 0, "one", CRR_FLAG_CAPTURED);
	KUNIT_EXPECT_EQ(test, write(run, "ones"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, LENGTH, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.offset, 3);
	KUNIT_EXPECT_EQ(test, run->session.divergence.bytes, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.expected_bytes, 0);
}

static void write_of_other_bytes(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_divergence *div = &run->session.divergence;

	feed_stream(run, 0);
	feed_write(run, 0, 0, "right", CRR_FLAG_CAPTURED);
	feed_write(run, 0, 0, "the wrong one", CRR_FLAG_CAPTURED);
	KUNIT_EXPECT_EQ(test, write(run, "right"), 5);
	KUNIT_EXPECT_EQ(test, write(run, "the wrong,one"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, CONTENT, 2);
	KUNIT_EXPECT_EQ(test, div->position, 5);
	KUNIT_EXPECT_EQ(test, div->offset, 9);
	KUNIT_EXPECT_EQ(test, div->type, CRR_TYPE_WRITE);
	KUNIT_EXPECT_EQ(test, div->expected_bytes, 4);
	KUNIT_EXPECT_MEMEQ(test, div->expected, " one", 4);
	KUNIT_EXPECT_EQ(test, div->bytes, 4);
	KUNIT_EXPECT_MEMEQ(test, div->got, ",one", 4);
}

/* A log from elsewhere does not know what was written. */
static void write_of_unknown_bytes(struct kunit *test)
{
	const struct crr_record rec = {
		.type = CRR_TYPE_WRITE, .flags = CRR_FLAG_UNKNOWN,
		.requested = 3, .result = 3, .offset = 3,
	};
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed(run, rec);
	feed(run, rec);
	feed(run, rec);
	KUNIT_EXPECT_EQ(test, write(run, "one"), 3);
	KUNIT_EXPECT_EQ(test, write(run, "more"), 3);
	KUNIT_EXPECT_EQ(test, write(run, "no"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, LENGTH, 3);
}

/* Without the bytes nobody can say where. */
static void write_of_other_crc(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 0, 0, "right", 0);
	KUNIT_EXPECT_EQ(test, write(run, "righT"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, CONTENT, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.offset, 0);
	KUNIT_EXPECT_EQ(test, run->session.divergence.bytes, 5);
	KUNIT_EXPECT_EQ(test, run->session.divergence.expected_bytes, 0);
}

static void write_long_excerpt(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_divergence *div = &run->session.divergence;

	feed_stream(run, 0);
	feed_write(run, 0, 0, "0123456789012345678901234567890123456789",
		   CRR_FLAG_CAPTURED);
	KUNIT_EXPECT_EQ(test, -ENOTRECOVERABLE,
			write(run, "01x3456789012345678901234567890123456789"));
	KUNIT_EXPECT_EQ(test, div->offset, 2);
	KUNIT_EXPECT_EQ(test, div->bytes, CRR_DIVERGENCE_BYTES);
	KUNIT_EXPECT_EQ(test, div->expected_bytes, CRR_DIVERGENCE_BYTES);
	KUNIT_EXPECT_EQ(test, div->got[0], 'x');
	KUNIT_EXPECT_EQ(test, div->got[CRR_DIVERGENCE_BYTES - 1], '3');
}

static void write_refused(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 2, "one", 0);
	feed_write(run, 6, 1, "two", CRR_FLAG_INTERRUPTED);
	/* At which counters the refused ones were, the log does not say. */
	count(run, 4);
	KUNIT_EXPECT_EQ(test, write(run, "one"), -EAGAIN);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, write(run, "one"), -EAGAIN);
	KUNIT_EXPECT_EQ(test, write(run, "one"), 3);
	count(run, 6);
	KUNIT_EXPECT_EQ(test, write(run, "two"), -EINTR);
	KUNIT_EXPECT_EQ(test, write(run, "two"), 3);
}

static void write_horizon(struct kunit *test)
{
	struct run *run = test->priv;

	KUNIT_EXPECT_EQ(test, write(run, "w"), SLEEPS + CRR_SLEEP_FEED);
	feed_stream(run, 0);
	feed_read(run, 10, 0, "r");
	count(run, 10);
	KUNIT_EXPECT_EQ(test, write(run, "w"), SLEEPS + CRR_SLEEP_FEED);
	feed_write(run, 10, 0, "w", 0);
	KUNIT_EXPECT_EQ(test, write(run, "w"), 1);
}

static void write_extra(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_read(run, 10, 0, "r");
	count(run, 9);
	KUNIT_EXPECT_EQ(test, write(run, "w"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EXTRA, CRR_NO_SEQUENCE);
	KUNIT_EXPECT_EQ(test, run->session.divergence.expected_counter,
			CRR_NEVER);
	KUNIT_EXPECT_EQ(test, run->session.divergence.bytes, 1);
}

/* No record tells of writes after a hangup. */
static void write_after_hangup(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_HANGUP, 5, 0);
	feed_stream_end(run, 5, 0, CRR_END_HANGUP);
	feed_end(run, 5);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, write(run, "w"), -EIO);
	KUNIT_EXPECT_EQ(test, write(run, "w"), -EIO);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	EXPECT_STATE(test, run, REPLAYING);
}

/* ---- Queries ---- */

static bool feed_inq(struct run *run, u64 counter, u64 empty_reads, u32 value)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_INQ, .counter = counter, .empty_reads = empty_reads,
		.value = value,
	});
}

static bool feed_outq(struct run *run, u64 counter, u64 refused, u32 value)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_OUTQ, .counter = counter, .refused = refused,
		.value = value,
	});
}

static bool feed_mark(struct run *run, u64 counter, const char *label)
{
	return feed(run, (struct crr_record){
		.type = CRR_TYPE_MARK, .counter = counter, .data = label,
		.data_length = strlen(label),
	});
}

static void queries_have_the_recorded_answers(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_inq(run, 10, 1, 4);
	feed_read(run, 10, 0, "abcd");
	feed_outq(run, 20, 0, 0);
	feed_outq(run, 20, 0, 77);
	feed_mark(run, 30, "here I am");
	feed_stream_end(run, 30, 0, CRR_END_STOP);
	count(run, 9);
	KUNIT_EXPECT_EQ(test, inq(run), 0);
	count(run, 10);
	/* One that said 0, or one empty read, came before. */
	KUNIT_EXPECT_EQ(test, inq(run), 0);
	KUNIT_EXPECT_EQ(test, inq(run), 4);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 4);
	KUNIT_EXPECT_EQ(test, inq(run), 0);
	count(run, 20);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_OUTQ, ""), 0);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_OUTQ, ""), 77);
	count(run, 30);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_MARK, "here I am"), 9);
	KUNIT_EXPECT_EQ(test, run->session.replayer.remaining, 0);
	EXPECT_STATE(test, run, REPLAYING);
}

static void reads_and_queries_are_not_the_same(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_inq(run, 10, 0, 4);
	feed_stream_end(run, 10, 0, CRR_END_STOP);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EXTRA, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type, CRR_TYPE_READ);
}

static void queries_and_reads_are_not_the_same(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_read(run, 10, 0, "abc");
	feed_stream_end(run, 10, 0, CRR_END_STOP);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, inq(run), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EXTRA, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type, CRR_TYPE_INQ);
}

static void queries_come_too_late(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_inq(run, 10, 0, 4);
	feed_stream_end(run, 20, 0, CRR_END_STOP);
	count(run, 11);
	KUNIT_EXPECT_EQ(test, inq(run), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, LATE, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type, CRR_TYPE_INQ);
}

static void queries_in_place_of_writes(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 10, 0, "abc", 0);
	feed_stream_end(run, 10, 0, CRR_END_STOP);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_MODEM, ""), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EXTRA, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type, CRR_TYPE_MODEM);
}

static void marks_have_their_label(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_mark(run, 10, "state 1a2b");
	feed_stream_end(run, 10, 0, CRR_END_STOP);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_MARK, "state 1a3b"),
			-ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, CONTENT, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type, CRR_TYPE_MARK);
	KUNIT_EXPECT_EQ(test, run->session.divergence.offset, 8);
}

static void marks_are_missed(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_mark(run, 10, "a");
	feed_write(run, 20, 0, "w", 0);
	feed_stream_end(run, 30, 0, CRR_END_STOP);
	count(run, 20);
	KUNIT_EXPECT_EQ(test, write(run, "w"), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, LATE, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type, CRR_TYPE_WRITE);
}

/* Refusals after which there was no write any more. */
static void refused_at_the_end(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_outq(run, 10, 1, 5);
	feed(run, (struct crr_record){
		.type = CRR_TYPE_STREAM_END, .counter = 20, .refused = 2,
		.flags = CRR_FLAG_INTERRUPTED, .reason = CRR_END_STOP,
	});
	feed_end(run, 20);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, write(run, "a"), -EAGAIN);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_OUTQ, ""), 5);
	count(run, 15);
	KUNIT_EXPECT_EQ(test, write(run, "b"), -EINTR);
	count(run, 20);
	KUNIT_EXPECT_EQ(test, write(run, "c"), -EINTR);
	KUNIT_EXPECT_EQ(test, write(run, "d"), -ENODATA);
}

/* Marks before the next write do not hide it. */
static void polled_for_a_write_after_a_mark(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 9, 1, "v", 0);
	feed_mark(run, 10, "a");
	feed_write(run, 10, 1, "w", 0);
	feed_stream_end(run, 30, 0, CRR_END_STOP);
	count(run, 9);
	KUNIT_EXPECT_EQ(test, write(run, "v"), -EAGAIN);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, write(run, "v"), 1);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, does(run, CRR_TYPE_MARK, "a"), 1);
	KUNIT_EXPECT_EQ(test, write(run, "w"), -EAGAIN);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, write(run, "w"), 1);
}

/* ---- Poll ---- */

static void poll_input(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;

	feed_stream(run, 0);
	feed_read(run, 10, 0, "abc");
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), 0);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLIN);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 0);
}

/* Where the log is not known: the read that follows waits and finds out. */
static void poll_guesses(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;
	struct crr_stream *stream = &run->streams[0];

	KUNIT_EXPECT_EQ(test, poll_file(run, false, EPOLLIN), 0);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 1);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 1);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLIN);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 2);
	KUNIT_EXPECT_EQ(test, read_nowait(run), SLEEPS + CRR_SLEEP_FEED);
	feed_stream(run, 0);
	feed_read(run, 0, 2, "a");
	/* It is not an empty read of the log's; those that follow are. */
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, crr_empty_reads_at(stream, 0), 0);
	KUNIT_EXPECT_EQ(test, stream->looks, 1);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), 0);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLIN);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	/* A guess holds for its counter only, and not past a record. */
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLIN);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 3);
	feed_read(run, 2, 1, "b");
	count(run, 2);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLIN);
	feed_read(run, 2, 0, "c");
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	feed_read(run, 2, 1, "d");
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, crr_empty_reads_at(stream, 2), 1);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
}

/* Only after a write that was not taken whole is poll to be waited for. */
static void poll_output(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 10, 1, "abc", 0);
	count(run, 9);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, write(run, "abc"), -EAGAIN);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), 0);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, write(run, "abc"), 3);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, run->session.replayer.guesses, 0);
}

/* A short write, then one that fails, then one that is taken. */
static void poll_output_after_short(struct kunit *test)
{
	struct run *run = test->priv;
	const struct crr_replayer *replayer = &run->session.replayer;

	feed_stream(run, 0);
	feed_result(run, 5, "abc", 2);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, write(run, "abc"), 2);
	/* Nobody knows when it can be written again: the feeder is wanted. */
	KUNIT_EXPECT_EQ(test, replayer->wanting, 2);
	feed_read(run, 6, 0, "r");
	KUNIT_EXPECT_EQ(test, replayer->wanting, 2);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), 0);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 0);
	count(run, 6);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), 0);
	KUNIT_EXPECT_EQ(test, replayer->guesses, 1);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 1);
	feed_result(run, 7, "c", -EAGAIN);
	count(run, 7);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), 0);
	KUNIT_EXPECT_EQ(test, write(run, "c"), -EAGAIN);
	feed_result(run, 8, "c", 1);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), 0);
	count(run, 8);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLOUT), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, write(run, "c"), 1);
	KUNIT_EXPECT_EQ(test, replayer->throttled, 0);
}

/* The end is shown when nothing is left to be done before it. */
static void poll_end(struct kunit *test)
{
	const __poll_t all = EPOLLIN | EPOLLOUT | EPOLLERR;
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "w", 0);
	feed_stream_end(run, 7, 2, CRR_END_STOP);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, write(run, "w"), 1);
	KUNIT_EXPECT_TRUE(test, feed_end(run, 7));
	KUNIT_EXPECT_EQ(test, poll(run, all), EPOLLOUT);
	count(run, 7);
	KUNIT_EXPECT_EQ(test, poll(run, all), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, poll(run, all), EPOLLOUT);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	KUNIT_EXPECT_EQ(test, poll(run, all), all);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -ENODATA);
}

/* At the last counter, with a record of another line left, there is no end yet. */
static void poll_end_of_two(struct kunit *test)
{
	struct run *run = test->priv;

	run->streams[1].begun = false;
	feed_stream(run, 0);
	feed_stream(run, 1);
	feed_eof(run, 1, 7);
	feed_stream_end(run, 7, 0, CRR_END_STOP);
	feed(run, (struct crr_record){
		.type = CRR_TYPE_STREAM_END, .stream = 1, .counter = 7,
		.reason = CRR_END_STOP,
	});
	KUNIT_EXPECT_TRUE(test, feed_end(run, 7));
	KUNIT_EXPECT_EQ(test, run->session.replayer.wanting, 0);
	count(run, 7);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), 0);
	KUNIT_EXPECT_EQ(test, read_from(run, 1, true), 0);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLIN | EPOLLERR);
}

static void poll_hangup(struct kunit *test)
{
	const __poll_t all = EPOLLIN | EPOLLERR | EPOLLHUP;
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_PEER_CLOSED, 5, 0);
	feed_in(run, CRR_TYPE_HANGUP, 6, 0);
	count(run, 5);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLHUP);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EIO);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), EPOLLHUP);
	count(run, 6);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), all);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	KUNIT_EXPECT_EQ(test, poll(run, EPOLLIN), all);
	KUNIT_EXPECT_EQ(test, run->session.replayer.guesses, 0);
}

/* ---- The end ---- */

static void end_by_reading_on(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_stream_end(run, 10, 1, CRR_END_STOP);
	feed_end(run, 10);
	count(run, 9);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	count(run, 10);
	/* The recorded run looked once more before it was stopped. */
	KUNIT_EXPECT_EQ(test, read_nowait(run), -EAGAIN);
	EXPECT_STATE(test, run, REPLAYING);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -ENODATA);
	EXPECT_STATE(test, run, ENDED);
	KUNIT_EXPECT_EQ(test, run->session.divergence.kind, 0);
}

static void end_by_writing_on(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_stream_end(run, 10, 0, CRR_END_STOP);
	feed_end(run, 10);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, write(run, "w"), -ENODATA);
	EXPECT_STATE(test, run, ENDED);
}

/* The recorded run had closed the tty by then. */
static void end_closed_is_no_end(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_stream_end(run, 10, 0, CRR_END_CLOSED);
	count(run, 10);
	KUNIT_EXPECT_EQ(test, read_nowait(run), -ENOTRECOVERABLE);
	EXPECT_DIVERGED(test, run, EXTRA, CRR_NO_SEQUENCE);
}

static void stop_in_time(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_EOF, 20, 0);
	feed_in(run, CRR_TYPE_HANGUP, 20, 0);
	count(run, 19);
	stop(run);
	EXPECT_STATE(test, run, REPLAYING);
	count(run, 20);
	KUNIT_EXPECT_EQ(test, read_nowait(run), 0);
	stop(run);
	EXPECT_STATE(test, run, REPLAYING);
}

/* Of what is left, the first in the log. */
static void stop_with_records_left(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_stream(run, 1);
	feed_eof(run, 1, 5);
	feed_write(run, 6, 0, "w", 0);
	feed_read(run, 7, 0, "r");
	count(run, 7);
	stop(run);
	EXPECT_DIVERGED(test, run, LEFT, 2);
	KUNIT_EXPECT_EQ(test, run->session.divergence.stream, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.type,
			CRR_TYPE_STREAM_END);
}

static void leave_where_the_log_does(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_in(run, CRR_TYPE_HANGUP, 5, 0);
	feed_stream_end(run, 5, 0, CRR_END_CLOSED);
	count(run, 5);
	leave(run, CRR_END_CLOSED);
	EXPECT_STATE(test, run, REPLAYING);
}

static void leave_with_records_left(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "w", 0);
	count(run, 5);
	leave(run, CRR_END_CLOSED);
	EXPECT_DIVERGED(test, run, LEFT, 1);
	KUNIT_EXPECT_EQ(test, run->session.divergence.expected_type,
			CRR_TYPE_WRITE);
}

static void leave_too_early(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "w", 0);
	count(run, 4);
	leave(run, CRR_END_CLOSED);
	EXPECT_STATE(test, run, FAILED);
	KUNIT_EXPECT_EQ(test, run->session.reason, CRR_REASON_LINE);
}

/* That the replaying tty is hung up is part of no log. */
static void leave_hung_up(struct kunit *test)
{
	struct run *run = test->priv;

	feed_stream(run, 0);
	feed_write(run, 5, 0, "w", 0);
	count(run, 5);
	leave(run, CRR_END_HANGUP);
	EXPECT_STATE(test, run, FAILED);
	KUNIT_EXPECT_EQ(test, run->session.reason, CRR_REASON_LINE);
}

static struct kunit_case replayer_cases[] = {
	KUNIT_CASE(feed_counts),
	KUNIT_CASE(feed_refused),
	KUNIT_CASE(feed_without_stream),
	KUNIT_CASE(feed_in_part),
	KUNIT_CASE(feed_until_full),
	KUNIT_CASE(feed_optional),
	KUNIT_CASE(due_times),
	KUNIT_CASE(due_at_the_end_of_time),
	KUNIT_CASE(due_of_streams),
	KUNIT_CASE(read_at_its_time),
	KUNIT_CASE(read_after_empty_reads),
	KUNIT_CASE(read_sleeps_early),
	KUNIT_CASE(read_late),
	KUNIT_CASE(read_without_bytes),
	KUNIT_CASE(read_hangup_late),
	KUNIT_CASE(read_horizon),
	KUNIT_CASE(read_short),
	KUNIT_CASE(write_agrees),
	KUNIT_CASE(write_early),
	KUNIT_CASE(write_late),
	KUNIT_CASE(write_of_other_length),
	KUNIT_CASE(write_of_other_bytes),
	KUNIT_CASE(write_of_unknown_bytes),
	KUNIT_CASE(write_of_other_crc),
	KUNIT_CASE(write_long_excerpt),
	KUNIT_CASE(write_refused),
	KUNIT_CASE(write_horizon),
	KUNIT_CASE(write_extra),
	KUNIT_CASE(write_after_hangup),
	KUNIT_CASE(queries_have_the_recorded_answers),
	KUNIT_CASE(reads_and_queries_are_not_the_same),
	KUNIT_CASE(queries_and_reads_are_not_the_same),
	KUNIT_CASE(queries_come_too_late),
	KUNIT_CASE(queries_in_place_of_writes),
	KUNIT_CASE(marks_have_their_label),
	KUNIT_CASE(marks_are_missed),
	KUNIT_CASE(refused_at_the_end),
	KUNIT_CASE(polled_for_a_write_after_a_mark),
	KUNIT_CASE(poll_input),
	KUNIT_CASE(poll_guesses),
	KUNIT_CASE(poll_output),
	KUNIT_CASE(poll_output_after_short),
	KUNIT_CASE(poll_end),
	KUNIT_CASE(poll_end_of_two),
	KUNIT_CASE(poll_hangup),
	KUNIT_CASE(end_by_reading_on),
	KUNIT_CASE(end_by_writing_on),
	KUNIT_CASE(end_closed_is_no_end),
	KUNIT_CASE(stop_in_time),
	KUNIT_CASE(stop_with_records_left),
	KUNIT_CASE(leave_where_the_log_does),
	KUNIT_CASE(leave_with_records_left),
	KUNIT_CASE(leave_too_early),
	KUNIT_CASE(leave_hung_up),
	{}
};

static struct kunit_suite replayer_suite = {
	.name = "crr_replayer",
	.init = replayer_init,
	.exit = replayer_exit,
	.test_cases = replayer_cases,
};

kunit_test_suite(replayer_suite);
