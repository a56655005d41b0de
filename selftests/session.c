// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session fd: read, write, poll, and who may hold it.
 */
#include <sys/socket.h>

#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(session) {
	struct line line;
	struct log log;
	struct log rest;
};

FIXTURE_SETUP(session)
{
	setup_line(_metadata, &self->line);
}

FIXTURE_TEARDOWN(session)
{
	close_line(&self->line);
	log_free(&self->log);
	log_free(&self->rest);
}

/* ---- /proc/self/fdinfo ---- */

static void expect_info(struct __test_metadata *_metadata, int fd,
			const char *name, const char *expected)
{
	char value[64] = "no such line";

	fdinfo(fd, name, value, sizeof(value));
	EXPECT_STREQ(expected, value) {
		TH_LOG("of %s", name);
	}
}

static void expect_number(struct __test_metadata *_metadata, int fd,
			  const char *name, __u64 expected)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)expected);
	expect_info(_metadata, fd, name, text);
}

/* As STATUS tells. */
static void expect_fdinfo(struct __test_metadata *_metadata,
			  const struct line *line, const char *state)
{
	struct crr_status st = status(line->session);

	expect_info(_metadata, line->session, "crr-state", state);
	expect_number(_metadata, line->session, "crr-reason", st.reason);
	expect_number(_metadata, line->session, "crr-streams", st.streams);
	expect_number(_metadata, line->session, "crr-counter", st.counter);
	expect_number(_metadata, line->session, "crr-sequence", st.sequence);
	expect_number(_metadata, line->session, "crr-records", st.records);
	expect_number(_metadata, line->session, "crr-buffered", st.buffered);
	expect_info(_metadata, line->clock, "crr-state", state);
	expect_info(_metadata, line->clock, "crr-session", "1");
}

/* Each state once, with numbers that are no two the same. */
TEST_F(session, fdinfo)
{
	struct line *line = &self->line;
	struct crr_status st;
	int clock;

	ASSERT_EQ(0, map_clock(line));
	expect_fdinfo(_metadata, line, "idle");
	ASSERT_EQ(0, record(line->session, CRR_RECORD_CAPTURE));
	put(*line->counter, 77);
	ASSERT_EQ(1, write(line->tty, "x", 1));
	st = status(line->session);
	EXPECT_EQ(77, st.counter);
	EXPECT_LT(1, st.sequence);
	EXPECT_LT(0, st.buffered);
	expect_fdinfo(_metadata, line, "recording");
	finish_log(_metadata, line, &self->log);

	put(*line->counter, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	expect_fdinfo(_metadata, line, "replaying");
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	put(*line->counter, 77);
	ASSERT_EQ(1, write(line->tty, "x", 1));
	expect_fdinfo(_metadata, line, "replaying");
	put(*line->counter, 78);
	EXPECT_EQ(-ENODATA, sys(write(line->tty, "x", 1)));
	expect_fdinfo(_metadata, line, "ended");
	ASSERT_EQ(0, stop(line->session));

	put(*line->counter, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "x", 1)));
	expect_fdinfo(_metadata, line, "diverged");
	ASSERT_EQ(0, stop(line->session));

	/* Its tty leaves, in a replay whose log goes on. */
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, detach(line->tty));
	st = status(line->session);
	EXPECT_EQ(CRR_REASON_LINE, st.reason);
	expect_fdinfo(_metadata, line, "failed");

	/* A clock without a session. */
	close_clock(line);
	ASSERT_EQ(0, attach(line->tty));
	clock = open_clock(line->tty);
	ASSERT_LE(0, clock);
	expect_info(_metadata, clock, "crr-state", "idle");
	expect_info(_metadata, clock, "crr-session", "0");
	close(clock);
}

/* ---- read(2) ---- */

/* Whole records, as many as there is room for, whatever the room. */
TEST_F(session, reads_whole_records)
{
	struct line *line = &self->line;
	struct record rec;
	char buf[8192];

	for (int room = 1; room < 400; room += room < 60 ? 1 : 13) {
		log_free(&self->log);
		ASSERT_EQ(0, record(line->session, CRR_RECORD_CAPTURE));
		for (int i = 1; i < 8; i++)
			ASSERT_EQ(i * 9, write(line->tty, buf, i * 9));
		ASSERT_EQ(0, stop(line->session));
		for (;;) {
			long n = sys(read(line->session, buf, room));

			if (!n)
				break;
			if (n == -EMSGSIZE) {
				/* One byte less than the next is not enough. */
				rec = (struct record){};
				n = sys(read(line->session, buf, sizeof(buf)));
				ASSERT_LT(0, n);
				struct log next = {
					.bytes = (__u8 *)buf, .length = n,
				};
				ASSERT_TRUE(log_next(&next, &rec));
				EXPECT_LT(room, rec.size);
			} else {
				ASSERT_LT(0, n);
				EXPECT_GE(room, n);
			}
			log_append(&self->log, buf, n);
			expect_valid(_metadata, &self->log, false);
		}
		expect_valid(_metadata, &self->log, true);
		swallow(line->peer);
	}
}

/* A buffer that cannot be written, or not wholly, loses nothing. */
TEST_F(session, read_faults)
{
	struct line *line = &self->line;
	char buf[4096];
	size_t length;

	ASSERT_EQ(0, record(line->session, CRR_RECORD_CAPTURE));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(50, write(line->tty, buf, 50));
	ASSERT_EQ(0, stop(line->session));
	length = status(line->session).buffered;
	EXPECT_EQ(-EFAULT, sys(read(line->session, before_hole(0), 4096)));
	for (size_t room = 0; room < length; room += 17)
		EXPECT_EQ(-EFAULT, sys(read(line->session, before_hole(room),
					    4096)));
	EXPECT_EQ(length, status(line->session).buffered);
	EXPECT_EQ(-EMSGSIZE, sys(read(line->session, buf, 0)));
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));
	EXPECT_EQ(length, self->log.length);
	expect_valid(_metadata, &self->log, true);
}

/* It blocks until there is a record, or the end, or a signal. */
TEST_F(session, read_blocks)
{
	struct line *line = &self->line;
	struct task reader;
	char buf[4096];
	long n;

	catch_interrupts(false);
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, drain(line->session, &self->log));
	EXPECT_EQ(-EAGAIN, sys(read(line->session, buf, sizeof(buf))));
	ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, false));

	begin(&reader, READ, .fd = line->session, .buf = buf, .length = 4096);
	ASSERT_TRUE(sleeps(&reader));
	interrupt(&reader);
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(-EINTR, reader.result);

	begin(&reader, READ, .fd = line->session, .buf = buf, .length = 4096);
	ASSERT_TRUE(sleeps(&reader));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_TRUE(ends(&reader));
	EXPECT_EQ(48, reader.result);
	log_append(&self->log, buf, 48);

	begin(&reader, READ, .fd = line->session, .buf = buf, .length = 4096);
	ASSERT_TRUE(sleeps(&reader));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_TRUE(ends(&reader));
	n = reader.result;
	ASSERT_LT(0, n);
	log_append(&self->log, buf, n);
	/* Perhaps not yet all of it. */
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));
	expect_valid(_metadata, &self->log, true);
	EXPECT_EQ(0, sys(read(line->session, buf, sizeof(buf))));
}

/* The hangup's records wake it, too. */
TEST_F(session, read_woken_by_hangup)
{
	struct line *line = &self->line;
	struct task reader;
	char buf[4096];

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, drain(line->session, &self->log));
	ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, false));
	begin(&reader, READ, .fd = line->session, .buf = buf, .length = 4096);
	ASSERT_TRUE(sleeps(&reader));
	close_fd(&line->peer);
	ASSERT_TRUE(ends(&reader));
	ASSERT_LT(0, reader.result);
	log_append(&self->log, buf, reader.result);
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_HANGUP));
}

/* ---- poll(2) ---- */

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLHUP | POLLERR)

TEST_F(session, poll_recording)
{
	struct line *line = &self->line;
	int fd = line->session;

	/* Nothing, until it has recorded. */
	EXPECT_EQ(0, polled(fd, ALL));
	ASSERT_EQ(0, record(fd, 0));
	EXPECT_EQ(POLLIN | POLLPRI, polled(fd, ALL));
	/* Only STATUS through this very fd has told it to its holder. */
	EXPECT_EQ(CRR_STATE_RECORDING, status(line->tty).state);
	EXPECT_EQ(POLLPRI, polled(fd, POLLPRI));
	EXPECT_EQ(CRR_STATE_RECORDING, status(fd).state);
	EXPECT_EQ(POLLIN, polled(fd, ALL));
	ASSERT_EQ(0, drain(fd, &self->log));
	EXPECT_EQ(0, polled(fd, ALL));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	EXPECT_EQ(POLLIN, polled(fd, ALL));
	ASSERT_EQ(0, drain(fd, &self->log));
	ASSERT_EQ(0, stop(fd));
	EXPECT_EQ(POLLIN | POLLPRI, polled(fd, ALL));
	status(fd);
	ASSERT_EQ(1, drain(fd, &self->log));
	/* The end can be read again. */
	EXPECT_EQ(POLLIN, polled(fd, ALL));
	close_fd(&line->peer);
	EXPECT_TRUE(eventually(polled(fd, POLLIN) == (POLLIN | POLLHUP)));
}

TEST_F(session, poll_replaying)
{
	struct line *line = &self->line;
	int fd = line->session;

	ASSERT_EQ(0, replay(fd, 0));
	EXPECT_EQ(POLLOUT | POLLPRI, polled(fd, ALL));
	status(fd);
	log_begin(&self->log);
	log_finish(&self->log, 5, 0);
	ASSERT_EQ(0, feed_log(fd, &self->log));
	EXPECT_EQ(0, polled(fd, POLLPRI));
	ASSERT_EQ(0, count(line->tty, 6));
	EXPECT_EQ(-ENODATA, sys(write(line->tty, "x", 1)));
	/* A write would say that it has ended: that is not to wait for. */
	EXPECT_EQ(POLLOUT | POLLPRI, polled(fd, ALL));
	EXPECT_EQ(CRR_STATE_ENDED, status(fd).state);
	EXPECT_EQ(POLLOUT, polled(fd, ALL));
	ASSERT_EQ(0, stop(fd));
	EXPECT_EQ(POLLPRI, polled(fd, ALL));
}

/* What the mask says now, a sleeper is woken for. */
TEST_F(session, poll_wakes)
{
	struct line *line = &self->line;
	struct task poller;

	begin(&poller, POLL, .fd = line->session, .events = POLLPRI,
	      .timeout = -1);
	ASSERT_TRUE(sleeps(&poller));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_TRUE(ends(&poller));
	EXPECT_EQ(POLLPRI, poller.revents);
	ASSERT_EQ(0, drain(line->session, &self->log));

	begin(&poller, POLL, .fd = line->session, .events = POLLIN,
	      .timeout = -1);
	ASSERT_TRUE(sleeps(&poller));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_TRUE(ends(&poller));
	EXPECT_EQ(POLLIN, poller.revents);
	ASSERT_EQ(0, drain(line->session, &self->log));

	begin(&poller, POLL, .fd = line->session, .events = POLLIN,
	      .timeout = -1);
	ASSERT_TRUE(sleeps(&poller));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_TRUE(ends(&poller));
	EXPECT_EQ(POLLIN, poller.revents);
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));

	ASSERT_EQ(0, replay(line->session, 0));
	begin(&poller, POLL, .fd = line->session, .events = 0, .timeout = -1);
	ASSERT_TRUE(sleeps(&poller));
	close_fd(&line->peer);
	ASSERT_TRUE(ends(&poller));
	EXPECT_EQ(POLLHUP, poller.revents);
}

/* ---- write(2) ---- */

TEST_F(session, write_when_not_replaying)
{
	struct line *line = &self->line;

	log_begin(&self->log);
	EXPECT_EQ(-EINVAL, feed_log(line->session, &self->log));
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(-EINVAL, feed_log(line->session, &self->log));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(-EINVAL, feed_log(line->session, &self->log));
	/* None of it came between the records. */
	ASSERT_EQ(0, drain_to_end(line->session, &self->rest));
	expect_valid(_metadata, &self->rest, true);
	ASSERT_EQ(0, replay(line->session, 0));
	EXPECT_EQ(0, feed_log(line->session, &self->log));
}

TEST_F(session, write_when_over)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct log *more = &self->rest;

	log_begin(log);
	log_write(log, 0, 1, "a", 1, 0);
	log_finish(log, 1, 0);
	log_read(more, 2, 0, "x", 1);

	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(1, write(line->tty, "a", 1));
	ASSERT_EQ(0, count(line->tty, 2));
	EXPECT_EQ(-ENODATA, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(-ENODATA, feed_log(line->session, more));
	ASSERT_EQ(0, stop(line->session));

	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(-ENOTRECOVERABLE, feed_log(line->session, more));
	ASSERT_EQ(0, stop(line->session));

	ASSERT_EQ(0, replay(line->session, 0));
	close_fd(&line->session);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(CRR_REASON_FEEDER, status(line->session).reason);
	EXPECT_EQ(-EIO, feed_log(line->session, log));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(-EINVAL, feed_log(line->session, log));
}

TEST_F(session, write_faults)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	char *buf;

	log_begin(log);
	log_read(log, 1, 0, "abcdefgh", 8);
	log_finish(log, 2, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	EXPECT_EQ(-EFAULT, sys(write(line->session, NULL, log->length)));
	for (size_t room = 0; room < log->length; room++) {
		buf = before_hole(room);
		memcpy(buf, log->bytes, room);
		EXPECT_EQ(-EFAULT, sys(write(line->session, buf, log->length)));
	}
	EXPECT_EQ(0, status(line->session).sequence);
	EXPECT_EQ(-EMSGSIZE, sys(write(line->session, log->bytes, 23)));
	EXPECT_EQ(log->length,
		  sys(write(line->session, log->bytes, log->length)));
}

/* Feed until there is no room any more; returns what has been fed by then. */
static size_t fill(const struct line *line, const struct log *log, size_t at)
{
	long n;

	set_flags(line->session, O_NONBLOCK, true);
	while ((n = sys(write(line->session, log->bytes + at,
			      log->length - at))) > 0)
		at += n;
	set_flags(line->session, O_NONBLOCK, false);
	return at;
}

/* A write that is refused needs the next one that is taken: see poll(2). */
TEST_F(session, refused_wakes_feeder)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct log more = {};
	struct crr_replay_start arg = {
		.size = sizeof(arg), .buffer_size = CRR_BUFFER_MIN,
	};
	char bytes[CRR_READ_MAX] = {}, got[CRR_READ_MAX];
	struct task feeder, poller;

	catch_interrupts(false);
	log_begin(log);
	for (int i = 0; i < 3; i++)
		log_read(log, 5, 0, bytes, sizeof(bytes));
	log_add(log, WRITE, .counter = 6, .refused = 1, .requested = 1,
		.result = -EAGAIN, .data = "w", .length = 1);
	for (int i = 0; i < 200; i++)
		log_read(log, 6, 0, bytes, sizeof(bytes));
	ASSERT_EQ(0, sys(ioctl(line->session, CRR_IOC_REPLAY, &arg)));
	fill(line, log, 0);
	more.sequence = status(line->session).sequence;
	log_write(&more, 6, 1, "w", 1, 0);
	log_finish(&more, 10, 0);
	begin(&feeder, WRITE, .fd = line->session, .buf = more.bytes,
	      .length = more.length);
	ASSERT_TRUE(sleeps(&feeder));
	ASSERT_EQ(0, count(line->tty, 5));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(sizeof(got), read(line->tty, got, sizeof(got)));
	EXPECT_TRUE(sleeps(&feeder));
	EXPECT_EQ(0, polled(line->session, POLLOUT));
	ASSERT_EQ(0, count(line->tty, 6));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "w", 1)));
	begin(&poller, POLL, .fd = line->tty, .events = POLLOUT, .timeout = 20000);
	EXPECT_TRUE(ends(&feeder));
	EXPECT_TRUE(ends(&poller));
	EXPECT_EQ(POLLOUT, poller.revents);
}

/* The feeder waits for room, and is woken when there is some. */
TEST_F(session, write_blocks)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct crr_replay_start arg = {
		.size = sizeof(arg), .buffer_size = CRR_BUFFER_MIN,
	};
	char bytes[CRR_READ_MAX], got[CRR_READ_MAX];
	struct task feeder, second;
	int reads = 0;
	size_t at;

	catch_interrupts(false);
	log_begin(log);
	/* All due at once, so that it is reading alone that makes room. */
	for (int i = 0; i < 200; i++) {
		pattern(bytes, sizeof(bytes), i);
		log_read(log, 5, 0, bytes, sizeof(bytes));
	}
	log_finish(log, 1000, 0);
	ASSERT_EQ(0, sys(ioctl(line->session, CRR_IOC_REPLAY, &arg)));
	ASSERT_EQ(0, count(line->tty, 5));
	at = fill(line, log, 0);
	ASSERT_GT(log->length, at);
	EXPECT_LT(CRR_BUFFER_MIN / 2, status(line->session).buffered);
	EXPECT_GE(CRR_BUFFER_MIN, status(line->session).buffered);
	EXPECT_EQ(0, polled(line->session, POLLOUT));

	begin(&feeder, WRITE, .fd = line->session, .buf = log->bytes + at,
	      .length = log->length - at);
	ASSERT_TRUE(sleeps(&feeder));
	/* A second one waits for the first. */
	begin(&second, WRITE, .fd = line->session, .buf = log->bytes + at,
	      .length = log->length - at);
	ASSERT_TRUE(sleeps(&second));
	interrupt(&second);
	ASSERT_TRUE(ends(&second));
	EXPECT_EQ(-EINTR, second.result);
	interrupt(&feeder);
	ASSERT_TRUE(ends(&feeder));
	EXPECT_EQ(-EINTR, feeder.result);

	while ((at = fill(line, log, at)) < log->length) {
		begin(&feeder, WRITE, .fd = line->session,
		      .buf = log->bytes + at, .length = log->length - at);
		ASSERT_TRUE(sleeps(&feeder));
		while (!feeder.done) {
			if (status(line->session).remaining < 2) {
				breathe();
				continue;
			}
			ASSERT_EQ(sizeof(got), read(line->tty, got,
						    sizeof(got)));
			pattern(bytes, sizeof(bytes), reads++);
			ASSERT_EQ(0, memcmp(bytes, got, sizeof(got)));
		}
		ASSERT_TRUE(ends(&feeder));
		ASSERT_LT(0, feeder.result);
		at += feeder.result;
	}
	EXPECT_TRUE(status(line->session).facts & CRR_STATUS_END_FED);
}

/*
 * What the emulator does by itself, and what the feeder cannot feed before the
 * emulator does something else: they do not wait for each other.
 */
TEST_F(session, full_of_other_records)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct crr_divergence div;
	struct task feeder, task;
	char bytes[4000] = {};
	size_t at;

	log_begin(log);
	while (log->length < 2 * CRR_BUFFER_MIN)
		log_read(log, 0, 0, bytes, sizeof(bytes));
	log_write(log, 0, 1, "x", 1, 0);
	log_finish(log, 0, 0);
	for (int way = 0; way < 4; way++) {
		ASSERT_EQ(0, replay_from(line->session, 0, CRR_BUFFER_MIN));
		at = fill(line, log, 0);
		begin(&feeder, WRITE, .fd = line->session,
		      .buf = log->bytes + at, .length = log->length - at);
		ASSERT_TRUE(sleeps(&feeder));
		switch (way) {
		case 0:
			begin(&task, WRITE, .fd = line->tty, .buf = "x",
			      .length = 1);
			ASSERT_TRUE(ends(&task));
			EXPECT_GT(0, task.result);
			break;
		case 1:
			EXPECT_GT(0, unsent(line->tty));
			break;
		case 2:
			EXPECT_GT(0, modem(line->tty, NULL));
			break;
		case 3:
			EXPECT_GT(0, mark(line->tty, "mark"));
			break;
		}
		ASSERT_TRUE(ends(&feeder));
		ASSERT_EQ(0, divergence(line->session, &div));
		EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
		EXPECT_EQ(CRR_DIVERGENCE_FULL, div.facts);
		EXPECT_EQ(CRR_NO_SEQUENCE, div.sequence);
		ASSERT_EQ(0, stop(line->session));
	}
}

/*
 * Whenever poll(2) says that more can be fed, a feeder that sleeps in write(2) is
 * woken, too: by the first record that is taken, if an operation waits.
 */
TEST_F(session, feeder_is_woken)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct task feeder, task;
	char bytes[4000] = {}, c;
	size_t at;

	log_begin(log);
	log_write(log, 0, 1, "x", 1, 0);
	while (log->length < 2 * CRR_BUFFER_MIN)
		log_write(log, 0, 2000, bytes, 2000, CRR_FLAG_CAPTURED);
	ASSERT_EQ(0, replay_from(line->session, CRR_REPLAY_MUTE,
				 CRR_BUFFER_MIN));
	at = fill(line, log, 0);
	EXPECT_EQ(0, polled(line->session, POLLOUT));
	begin(&feeder, WRITE, .fd = line->session, .buf = log->bytes + at,
	      .length = log->length - at);
	ASSERT_TRUE(sleeps(&feeder));
	/* No input is known: it is wanted. */
	begin(&task, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&task));
	EXPECT_EQ(1, sys(write(line->tty, "x", 1)));
	for (int i = 0; i < 8 && !feeder.done; i++)
		EXPECT_EQ(2000, sys(write(line->tty, bytes, 2000)));
	ASSERT_TRUE(ends(&feeder));
	EXPECT_LT(0, feeder.result);
	EXPECT_LT(CRR_BUFFER_MIN / 2, status(line->session).buffered);
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(1, write(line->peer, "y", 1));
	ASSERT_TRUE(ends(&task));
}

/* ---- Who holds it ---- */

/*
 * Whoever reads on has what he read before. What he read last comes again, if
 * it is another who reads on.
 */
TEST_F(session, unread_records_come_again)
{
	struct line *line = &self->line;
	struct record first = {}, again = {};
	struct log last = {};
	char buf[4096];
	long n;

	ASSERT_EQ(0, record(line->session, 0));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_LT(0, read(line->session, buf, 120));
	n = sys(read(line->session, buf, 120));
	ASSERT_LT(0, n);
	log_append(&last, buf, n);
	ASSERT_TRUE(log_next(&last, &first));
	EXPECT_LT(0, first.sequence);

	close_fd(&line->session);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(CRR_STATE_RECORDING, status(line->session).state);
	ASSERT_EQ(1, write(line->tty, "y", 1));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));
	for (__u64 i = first.sequence; i < 14; i++) {
		ASSERT_TRUE(log_next(&self->log, &again));
		EXPECT_EQ(i, again.sequence);
	}
	EXPECT_EQ(CRR_TYPE_END, again.type);
	EXPECT_FALSE(log_next(&self->log, &again));
	log_free(&last);
}

/* The end of an orphaned log is there for the next, and then it dissolves. */
TEST_F(session, stopped_and_orphaned)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_EQ(0, stop(line->session));
	close_fd(&line->session);
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_UNREAD);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));
	expect_valid(_metadata, &self->log, true);
	close_fd(&line->session);
	EXPECT_EQ(0, status(line->tty).facts);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(-EINVAL, sys(read(line->session, &(char) { 0 }, 1)));
}

static int send_fd(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { .iov_base = "f", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int socket)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	char c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* O_NONBLOCK does not wait for another reader, or feeder, that sleeps. */
TEST_F(session, beside_one_that_sleeps)
{
	struct line *line = &self->line;
	struct task task;
	char bytes[4000] = {};
	size_t at;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, drain(line->session, &self->log));
	ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, false));
	begin(&task, READ, .fd = line->session, .buf = bytes,
	      .length = sizeof(bytes));
	ASSERT_TRUE(sleeps(&task));
	ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, true));
	EXPECT_EQ(-EAGAIN, sys(read(line->session, bytes, sizeof(bytes))));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_TRUE(ends(&task));
	EXPECT_LT(0, task.result);
	ASSERT_EQ(0, drain_to_end(line->session, &self->log));

	log_free(&self->log);
	log_begin(&self->log);
	while (self->log.length < 2 * CRR_BUFFER_MIN)
		log_read(&self->log, 1, 0, bytes, sizeof(bytes));
	ASSERT_EQ(0, replay_from(line->session, 0, CRR_BUFFER_MIN));
	at = fill(line, &self->log, 0);
	ASSERT_LT(at, self->log.length);
	begin(&task, WRITE, .fd = line->session, .buf = self->log.bytes + at,
	      .length = self->log.length - at);
	ASSERT_TRUE(sleeps(&task));
	ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, true));
	EXPECT_EQ(-EAGAIN, sys(write(line->session, self->log.bytes + at,
				     self->log.length - at)));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_TRUE(ends(&task));
	EXPECT_GT(0, task.result);
}

/* Handed over while it lies in a socket, it is held all the same. */
TEST_F(session, handed_over)
{
	struct line *line = &self->line;
	int sockets[2];
	int wait_status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_EQ(0, send_fd(sockets[0], line->session));
	close_fd(&line->session);
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_CONTROLLER);
	EXPECT_EQ(-EBUSY, open_session(line->tty));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int fd = receive_fd(sockets[1]);

		_exit(stop(fd) || drain_to_end(fd, &self->log) ||
		      log_fault(&self->log, true));
	}
	close(sockets[0]);
	close(sockets[1]);
	ASSERT_EQ(pid, waitpid(pid, &wait_status, 0));
	EXPECT_EQ(0, wait_status);
	EXPECT_TRUE(eventually(!status(line->tty).facts));
}

/* A message that nobody takes out of its socket: no leak when that goes. */
TEST_F(session, lost_on_the_way)
{
	struct line *line = &self->line;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	ASSERT_EQ(0, send_fd(sockets[0], line->session));
	close_fd(&line->session);
	EXPECT_EQ(-EBUSY, open_session(line->tty));
	close(sockets[0]);
	close(sockets[1]);
	EXPECT_TRUE(eventually((line->session = open_session(line->tty)) >= 0));
}

/* Both processes hold it after a fork; the last one to close it counts. */
TEST_F(session, shared_by_fork)
{
	struct line *line = &self->line;
	int pipes[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, record(line->session, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char c;

		close(pipes[1]);
		_exit(read(pipes[0], &c, 1));
	}
	close(pipes[0]);
	close_fd(&line->session);
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_CONTROLLER);
	EXPECT_EQ(-EBUSY, open_session(line->tty));
	close(pipes[1]);
	waitpid(pid, NULL, 0);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	finish_log(_metadata, line, &self->log);
}

TEST_HARNESS_MAIN
