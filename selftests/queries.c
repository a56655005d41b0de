// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an emulator asks of its tty, and the marks that it sets: recorded, and
 * replayed.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(queries) {
	struct line line;
	struct log log;
};

FIXTURE_SETUP(queries)
{
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(queries)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* Replay what was recorded. */
static void again(struct __test_metadata *_metadata, struct line *line,
		  struct log *log)
{
	finish_log(_metadata, line, log);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
}

static void expect_agreement(struct __test_metadata *_metadata,
			     struct line *line)
{
	struct crr_divergence div;

	EXPECT_EQ(0, status(line->session).remaining);
	EXPECT_EQ(0, stop(line->session));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

/* FIONREAD: what there is, is told; that there is nothing, counts as a look. */
TEST_F(queries, of_input)
{
	struct line *line = &self->line;
	struct record rec;
	char buf[16];

	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(0, arrived(line->tty));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, 1)));
	ASSERT_TRUE(deliver(line, "abcde", 5));
	EXPECT_EQ(5, arrived(line->tty));
	EXPECT_EQ(5, arrived(line->tty));
	EXPECT_EQ(2, read(line->tty, buf, 2));
	ASSERT_EQ(0, count(line->tty, 7));
	EXPECT_EQ(3, arrived(line->tty));
	/* An answer that nobody gets is none. */
	EXPECT_EQ(-EFAULT, sys(ioctl(line->tty, FIONREAD, NULL)));
	EXPECT_EQ(-EFAULT, sys(ioctl(line->tty, TIOCOUTQ, NULL)));
	EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, arrived(line->tty));

	again(_metadata, line, &self->log);
	EXPECT_EQ(0, log_count(&self->log, CRR_TYPE_OUTQ));
	EXPECT_EQ(3, log_count(&self->log, CRR_TYPE_INQ));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_INQ, 0, &rec));
	EXPECT_EQ(2, rec.empty_reads);
	EXPECT_EQ(5, rec.value);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_INQ, 2, &rec));
	EXPECT_EQ(7, rec.counter);
	EXPECT_EQ(0, rec.empty_reads);

	EXPECT_EQ(0, arrived(line->tty));
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, buf, 1)));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	EXPECT_EQ(5, arrived(line->tty));
	EXPECT_EQ(5, arrived(line->tty));
	EXPECT_EQ(2, read(line->tty, buf, 2));
	ASSERT_EQ(0, count(line->tty, 7));
	EXPECT_EQ(3, arrived(line->tty));
	EXPECT_EQ(3, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, arrived(line->tty));
	expect_agreement(_metadata, line);
}

/* The same with gated delivery: so much as the gate lets through. */
TEST_F(queries, of_input_behind_the_gate)
{
	struct line *line = &self->line;
	struct record rec;
	char buf[16];

	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	ASSERT_TRUE(deliver(line, "abcde", 5));
	EXPECT_EQ(0, arrived(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 9, 2));
	EXPECT_EQ(2, arrived(line->tty));
	EXPECT_EQ(2, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, arrived(line->tty));
	ASSERT_EQ(2, end_checkpoint(line->tty));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_INQ));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_INQ, 0, &rec));
	EXPECT_EQ(9, rec.counter);
	EXPECT_EQ(2, rec.value);

	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(0, arrived(line->tty));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 9, 2));
	EXPECT_EQ(2, arrived(line->tty));
	EXPECT_EQ(2, read(line->tty, buf, sizeof(buf)));
	EXPECT_EQ(0, arrived(line->tty));
	ASSERT_EQ(2, end_checkpoint(line->tty));
	expect_agreement(_metadata, line);
}

/* TIOCOUTQ: each answer is told, and belongs to its place among the writes. */
TEST_F(queries, of_output)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct record rec;

	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(0, unsent(line->tty));
	EXPECT_EQ(3, write(line->tty, "abc", 3));
	ASSERT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(0, unsent(line->tty));
	again(_metadata, line, &self->log);
	EXPECT_EQ(2, log_count(&self->log, CRR_TYPE_OUTQ));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_OUTQ, 1, &rec));
	EXPECT_EQ(5, rec.counter);
	EXPECT_EQ(0, unsent(line->tty));
	EXPECT_EQ(3, write(line->tty, "abc", 3));
	ASSERT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(0, unsent(line->tty));
	expect_agreement(_metadata, line);

	/* What another device would say does not matter. */
	log_begin(&self->log);
	log_add(&self->log, OUTQ, .value = 1234);
	log_finish(&self->log, 9, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(1234, unsent(line->tty));
	EXPECT_EQ(-ENOTRECOVERABLE, unsent(line->tty));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
	EXPECT_EQ(CRR_TYPE_OUTQ, div.type);
	EXPECT_EQ(0, div.expected_type);
}

/* A pty has no modem lines, which is an answer, too. */
TEST_F(queries, of_the_modem)
{
	struct line *line = &self->line;
	struct crr_modem answer;
	struct record rec;

	EXPECT_EQ(-ENOTTY, modem(line->tty, NULL));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, count(line->tty, 3));
	EXPECT_EQ(-ENOTTY, modem(line->tty, NULL));
	again(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_MODEM, 0, &rec));
	EXPECT_EQ(ENOTTY, rec.modem[0]);
	EXPECT_EQ(3, rec.counter);
	ASSERT_EQ(0, count(line->tty, 3));
	EXPECT_EQ(-ENOTTY, modem(line->tty, NULL));
	expect_agreement(_metadata, line);

	/* Recorded on a port that had them. */
	log_begin(&self->log);
	log_add(&self->log, MODEM, .counter = 4,
		.modem = { 0, TIOCM_CTS | TIOCM_DTR, CRR_MODEM_COUNTS,
			   1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 });
	log_finish(&self->log, 9, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, count(line->tty, 4));
	EXPECT_EQ(TIOCM_CTS | TIOCM_DTR, modem(line->tty, &answer));
	EXPECT_EQ(CRR_MODEM_COUNTS, answer.facts);
	EXPECT_EQ(1, answer.cts);
	EXPECT_EQ(4, answer.dcd);
	EXPECT_EQ(5, answer.rx);
	EXPECT_EQ(6, answer.tx);
	EXPECT_EQ(10, answer.brk);
	EXPECT_EQ(11, answer.buf_overrun);
	expect_agreement(_metadata, line);
}

/* On a port that has them: as the core's own ioctls say. */
TEST_F(queries, of_a_serial_port)
{
	struct line *line = &self->line;
	struct crr_modem now, then;
	int lines;

	if (access("/dev/ttyS2", F_OK))
		SKIP(return, "no /dev/ttyS2");
	close_line(line);
	ASSERT_EQ(0, open_serial(line, "/dev/ttyS2", "/dev/ttyS3"));
	ASSERT_EQ(0, attach(line->tty));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(3, write(line->tty, "abc", 3));
	ASSERT_TRUE(deliver(line, "defg", 4));
	ASSERT_EQ(0, ioctl(line->tty, TIOCMGET, &lines));
	EXPECT_EQ(lines, modem(line->tty, &now));
	EXPECT_TRUE(lines & TIOCM_DTR);
	EXPECT_EQ(CRR_MODEM_COUNTS, now.facts);
	EXPECT_LE(4, now.rx);
	finish_log(_metadata, line, &self->log);

	/* Replayed on a pty. */
	close_line(line);
	ASSERT_EQ(0, open_line(line));
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(3, write(line->tty, "abc", 3));
	EXPECT_EQ(lines, modem(line->tty, &then));
	now.tty_fd = then.tty_fd;
	EXPECT_EQ(0, memcmp(&now, &then, sizeof(now)));
	expect_agreement(_metadata, line);
}

TEST_F(queries, marks)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct record rec;

	/* Without a recording it is nothing. */
	EXPECT_EQ(0, mark(line->tty, "before"));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(0, mark(line->tty, "booted, state 1a2b"));
	EXPECT_EQ(1, write(line->tty, "w", 1));
	again(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_MARK, 0, &rec));
	EXPECT_EQ(10, rec.counter);
	EXPECT_EQ(18, rec.length);
	EXPECT_EQ(0, memcmp(rec.data, "booted, state 1a2b", 18));
	ASSERT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(0, mark(line->tty, "booted, state 1a2b"));
	EXPECT_EQ(1, write(line->tty, "w", 1));
	expect_agreement(_metadata, line);

	/* Another state, and nothing shows of it yet but this. */
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(-ENOTRECOVERABLE, mark(line->tty, "booted, state 1a2c"));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_CONTENT, div.kind);
	EXPECT_EQ(CRR_TYPE_MARK, div.type);
	EXPECT_EQ(CRR_TYPE_MARK, div.expected_type);
	EXPECT_EQ(17, div.offset);
	EXPECT_EQ('b', div.expected[0]);
	EXPECT_EQ('c', div.got[0]);
	ASSERT_EQ(0, stop(line->session));

	/* None at all. */
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "w", 1)));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
	EXPECT_EQ(CRR_TYPE_MARK, div.expected_type);
}

/* What a program does that uses the last value so often before it asks. */
static int used(int tty, __u32 kind, __u64 uses, struct crr_value *value)
{
	*value = (struct crr_value){ .kind = kind, .uses = uses, .value = 999 };
	return renew(tty, value);
}

#define EXPECT_NEW(_number)						\
	do {								\
		EXPECT_EQ(CRR_VALUE_NEW, value.facts);			\
		EXPECT_EQ(_number, value.value);			\
		EXPECT_EQ(0, value.remaining);				\
	} while (0)
#define EXPECT_LAST(_remaining)						\
	do {								\
		EXPECT_EQ(0, value.facts);				\
		EXPECT_EQ(_remaining, value.remaining);			\
	} while (0)

TEST_F(queries, values)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct crr_value value;
	struct record rec;
	char c;

	/* Without a recording each is new. */
	EXPECT_EQ(0, used(line->tty, 1, 5, &value));
	EXPECT_NEW(999);
	ASSERT_EQ(0, record(line->session, 0));
	value = (struct crr_value){ .kind = 1, .value = 0x123456789abc };
	ASSERT_EQ(0, renew(line->tty, &value));
	EXPECT_NEW(0x123456789abc);
	value = (struct crr_value){ .kind = 7, .value = 70 };
	ASSERT_EQ(0, renew(line->tty, &value));
	EXPECT_EQ(1, write(line->tty, "w", 1));
	value = (struct crr_value){ .kind = 1, .uses = 4, .value = 11 };
	ASSERT_EQ(0, renew(line->tty, &value));
	ASSERT_TRUE(deliver(line, "x", 1));
	ASSERT_EQ(1, read(line->tty, &c, 1));
	value = (struct crr_value){ .kind = 1, .uses = 2, .value = 12 };
	ASSERT_EQ(0, renew(line->tty, &value));
	again(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_VALUE, 2, &rec));
	EXPECT_EQ(1, rec.kind);
	EXPECT_EQ(4, rec.uses);
	EXPECT_EQ(11, rec.number);

	EXPECT_EQ(0, used(line->tty, 1, 0, &value));
	EXPECT_NEW(0x123456789abc);
	/* One use, and then it is to ask: the other kind comes first. */
	EXPECT_EQ(0, used(line->tty, 1, 1, &value));
	EXPECT_LAST(1);
	EXPECT_EQ(0, used(line->tty, 7, 0, &value));
	EXPECT_NEW(70);
	EXPECT_EQ(0, used(line->tty, 1, 2, &value));
	EXPECT_LAST(1);
	EXPECT_EQ(1, write(line->tty, "w", 1));
	EXPECT_EQ(0, used(line->tty, 1, 1, &value));
	EXPECT_LAST(3);
	EXPECT_EQ(0, used(line->tty, 7, 3, &value));
	EXPECT_LAST(1);
	EXPECT_EQ(0, used(line->tty, 1, 4, &value));
	EXPECT_NEW(11);
	/* Of the next one it is known already. */
	EXPECT_EQ(0, used(line->tty, 1, 1, &value));
	EXPECT_LAST(1);
	ASSERT_EQ(1, read(line->tty, &c, 1));
	EXPECT_EQ(0, used(line->tty, 1, 2, &value));
	EXPECT_NEW(12);
	/* Nothing is left that could say more. */
	EXPECT_EQ(-ENODATA, used(line->tty, 1, 1, &value));
	expect_agreement(_metadata, line);

	/* More uses than were recorded. */
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(0, used(line->tty, 1, 0, &value));
	EXPECT_EQ(0, used(line->tty, 7, 0, &value));
	EXPECT_EQ(1, write(line->tty, "w", 1));
	EXPECT_EQ(-ENOTRECOVERABLE, used(line->tty, 1, 5, &value));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
	EXPECT_EQ(CRR_TYPE_VALUE, div.type);
	EXPECT_EQ(CRR_TYPE_VALUE, div.expected_type);
	ASSERT_EQ(0, stop(line->session));

	/* A first one that the log has not. */
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(-ENOTRECOVERABLE, used(line->tty, 2, 0, &value));
	ASSERT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
	EXPECT_EQ(CRR_TYPE_VALUE, div.type);
}

TEST_F(queries, labels)
{
	int tty = self->line.tty;
	struct crr_mark arg = { .size = sizeof(arg), .tty_fd = tty };

	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_MARK, &arg)));
	memset(arg.label, 'x', sizeof(arg.label));
	arg.length = CRR_MARK_MAX;
	EXPECT_EQ(0, sys(ioctl(tty, CRR_IOC_MARK, &arg)));
	arg.length++;
	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_MARK, &arg)));
	arg.length = 3;
	arg.label[2] = '\n';
	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_MARK, &arg)));
	arg.label[2] = 0x80;
	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_MARK, &arg)));
	arg.label[2] = ' ';
	EXPECT_EQ(0, sys(ioctl(tty, CRR_IOC_MARK, &arg)));
}

/* Of termios the log tells, for people; it counts for nothing. */
TEST_F(queries, termios)
{
	struct line *line = &self->line;
	struct termios termios;
	struct record rec, next;

	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(1, write(line->tty, "a", 1));
	ASSERT_EQ(0, tcgetattr(line->tty, &termios));
	termios.c_iflag |= ISTRIP;
	cfsetspeed(&termios, B1200);
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	EXPECT_EQ(1, write(line->tty, "b", 1));
	EXPECT_EQ(1, write(line->tty, "c", 1));
	again(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_TERMIOS));
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_TERMIOS, 0, &rec));
	EXPECT_EQ(termios.c_iflag, rec.termios.iflag);
	EXPECT_EQ(1200, rec.termios.ospeed);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_WRITE, 1, &next));
	EXPECT_EQ(rec.sequence, next.sequence);
	EXPECT_EQ(1, write(line->tty, "a", 1));
	EXPECT_EQ(1, write(line->tty, "b", 1));
	EXPECT_EQ(1, write(line->tty, "c", 1));
	expect_agreement(_metadata, line);
}

/* ---- With no room in the buffer ---- */

static void fill(struct __test_metadata *_metadata, struct line *line)
{
	char chunk[CRR_WRITE_MAX];
	long n;

	pattern(chunk, sizeof(chunk), 0);
	ASSERT_EQ(0, record_into(line->session, CRR_RECORD_CAPTURE,
				 CRR_BUFFER_MIN));
	do {
		n = sys(write(line->tty, chunk, sizeof(chunk)));
		swallow(line->peer);
	} while (n > 0);
	ASSERT_EQ(-EAGAIN, n);
}

static void *ask_output(void *arg)
{
	return (void *)(long)unsent(((struct line *)arg)->tty);
}

/* That nothing is there is what it says of input; of output it waits. */
TEST_F(queries, without_space)
{
	struct line *line = &self->line;
	struct record rec;
	pthread_t thread;
	void *answer;

	fill(_metadata, line);
	ASSERT_TRUE(deliver(line, "x", 1));
	EXPECT_EQ(0, arrived(line->tty));
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_output, line));
	ASSERT_TRUE(eventually(status(line->session).waiting &
			       CRR_WAITING_SPACE));
	while (status(line->session).waiting)
		ASSERT_EQ(0, drain(line->session, &self->log));
	ASSERT_EQ(0, pthread_join(thread, &answer));
	EXPECT_EQ(NULL, answer);
	EXPECT_EQ(1, arrived(line->tty));
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_INQ, 0, &rec));
	EXPECT_EQ(1, rec.empty_reads);
	/* It knows of the write that was refused before it. */
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_OUTQ, 0, &rec));
	EXPECT_EQ(1, rec.refused);
}

/* A write that was refused, and none after it. */
TEST_F(queries, refused_at_the_end)
{
	struct line *line = &self->line;
	struct crr_divergence div;
	struct record rec = {};
	char chunk[CRR_WRITE_MAX];

	fill(_metadata, line);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(1, rec.refused);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	pattern(chunk, sizeof(chunk), 0);
	for (unsigned int n = log_count(&self->log, CRR_TYPE_WRITE); n; n--)
		ASSERT_EQ(sizeof(chunk), write(line->tty, chunk, sizeof(chunk)));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, chunk, sizeof(chunk))));
	EXPECT_EQ(-ENODATA, sys(write(line->tty, chunk, sizeof(chunk))));
	EXPECT_EQ(-ENODATA, divergence(line->session, &div));
}

TEST_HARNESS_MAIN
