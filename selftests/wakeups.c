// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for a replayed line by poll(2), select(2), epoll or SIGIO: woken once
 * for each record that becomes due, whatever made it so, and for nothing else.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/select.h>

#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(wakeups) {
	struct line line;
	struct line other;
	struct log log;
	struct log more;
	int epoll;
	sigset_t signals;
};

FIXTURE_SETUP(wakeups)
{
	self->other = (struct line){ -1, -1, -1, -1 };
	self->epoll = -1;
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
	log_begin(&self->log);
}

FIXTURE_TEARDOWN(wakeups)
{
	close_fd(&self->epoll);
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
	log_free(&self->more);
}

/* Watch for edges: this counts as one of each event that there is. */
static int watch(int epoll, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd,
	};

	return sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* The events of the next edge; 0 if there has been none. */
static unsigned int edge(int epoll)
{
	struct epoll_event event;
	int n = sys(epoll_wait(epoll, &event, 1, 0));

	return n == 1 ? event.events : n;
}

/*
 * Have SIGIO counted: real-time signals are queued, each with the reason why it
 * was sent.
 */
static int ask_for_signals(sigset_t *signals, int fd)
{
	sigemptyset(signals);
	sigaddset(signals, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	if (fcntl(fd, F_SETOWN, getpid()) || fcntl(fd, F_SETSIG, SIGRTMIN))
		return -errno;
	return set_flags(fd, O_ASYNC, true);
}

/* How many signals have come of this kind (POLL_IN, POLL_OUT), and of others. */
static int signals_of(const sigset_t *signals, int kind, int *others)
{
	struct timespec at_once = {};
	siginfo_t info;
	int n = 0;

	*others = 0;
	while (sigtimedwait(signals, &info, &at_once) > 0)
		if (info.si_code == kind)
			n++;
		else
			(*others)++;
	return n;
}

#define expect_signals(_in, _out)					\
do {									\
	int _others;							\
	int _ins = signals_of(&self->signals, POLL_IN, &_others);	\
									\
	EXPECT_EQ(_in, _ins);						\
	EXPECT_EQ(_out, _others);					\
} while (0)

#define expect_read(_tty, _text)					\
do {									\
	char _buf[64];							\
	long _n = sys(read(_tty, _buf, sizeof(_buf)));			\
									\
	EXPECT_EQ(sizeof(_text) - 1, _n);				\
	if (_n > 0)							\
		EXPECT_EQ(0, memcmp(_text, _buf, sizeof(_text) - 1));	\
} while (0)

static long read_one(int tty)
{
	char c;

	return sys(read(tty, &c, 1));
}

static const unsigned int in_out = EPOLLIN | EPOLLOUT;

/* ---- Input ---- */

/* By being fed; by an empty read; by another record's being consumed. */
TEST_F(wakeups, by_what_the_emulator_does)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 0, 0, "a", 1);
	log_read(log, 0, 1, "b", 1);
	log_read(log, 0, 0, "c", 1);
	log_read(log, 0, 2, "d", 1);
	log_finish(log, 5, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, watch(self->epoll, line->tty));
	ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
	edge(self->epoll);
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(0, 0);

	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_EQ(in_out, edge(self->epoll));
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "a");
	/* What is next is not due. */
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(0, 0);
	EXPECT_EQ(-EAGAIN, read_one(line->tty));
	EXPECT_EQ(in_out, edge(self->epoll));
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "b");
	EXPECT_EQ(in_out, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "c");
	EXPECT_EQ(0, edge(self->epoll));
	EXPECT_EQ(0, arrived(line->tty));
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(0, 0);
	/* FIONREAD counts as a read. */
	EXPECT_EQ(0, arrived(line->tty));
	EXPECT_EQ(in_out, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "d");
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(0, 0);
}

/* By the counter; not by a step that does not come so far, nor by the same value. */
TEST_F(wakeups, by_the_counter)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 10, 0, "a", 1);
	log_write(log, 20, 1, "w", 1, 0);
	log_read(log, 20, 0, "b", 1);
	log_read(log, 30, 0, "c", 1);
	log_finish(log, 40, 0);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, watch(self->epoll, line->tty));
	ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
	EXPECT_EQ(EPOLLOUT, edge(self->epoll));
	EXPECT_EQ(0, count(line->clock, 9));
	EXPECT_EQ(0, edge(self->epoll));
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(in_out, edge(self->epoll));
	EXPECT_EQ(0, count(line->clock, 10));
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "a");
	/* A store wakes nobody; an operation that finds it there does. */
	put(*line->counter, 20);
	EXPECT_EQ(0, edge(self->epoll));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(in_out, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "b");
	/* Without a step in between. */
	EXPECT_EQ(0, count(line->clock, 30));
	EXPECT_EQ(in_out, edge(self->epoll));
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "c");
}

/* By what is done on another line: in a checkpoint, records come in their order. */
TEST_F(wakeups, by_another_line)
{
	struct line *line = &self->line, *other = &self->other;
	struct log *log = &self->log;

	ASSERT_EQ(0, open_pty(other));
	ASSERT_EQ(0, attach(other->tty));
	ASSERT_EQ(1, join(other->tty, line->session));
	ASSERT_EQ(0, set_flags(other->tty, O_NONBLOCK, true));
	log_add(log, STREAM, .stream = 1, .data = "b", .length = 1);
	log_add(log, READ, .counter = 10, .stream = 1, .data = "b",
		.length = 1);
	log_read(log, 10, 0, "a", 1);
	log_add(log, READ, .counter = 20, .stream = 1, .data = "d",
		.length = 1);
	log_add(log, STREAM_END, .counter = 30, .stream = 1,
		.reason = CRR_END_STOP);
	log_finish(log, 30, 0);

	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(0, watch(self->epoll, line->tty));
	ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
	EXPECT_EQ(EPOLLOUT, edge(self->epoll));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 10, 0));
	EXPECT_EQ(0, edge(self->epoll));
	EXPECT_EQ(0, polled(line->tty, POLLIN));
	expect_read(other->tty, "b");
	EXPECT_EQ(in_out, edge(self->epoll));
	expect_signals(1, 0);
	expect_read(line->tty, "a");
	EXPECT_EQ(2, end_checkpoint(line->tty));
	/* What comes on the other line is nothing to this one. */
	ASSERT_EQ(0, begin_checkpoint(line->tty, 20, 0));
	EXPECT_EQ(0, edge(self->epoll));
	expect_read(other->tty, "d");
	EXPECT_EQ(0, edge(self->epoll));
	EXPECT_EQ(1, end_checkpoint(line->tty));
	expect_signals(0, 0);
}

/* A record that is fed and not due wakes nobody, nor does one for another line. */
TEST_F(wakeups, not_by_what_is_fed)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_read(log, 10, 0, "a", 1);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(0, watch(self->epoll, line->tty));
	ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
	EXPECT_EQ(EPOLLOUT, edge(self->epoll));
	for (int i = 0; i < 20; i++) {
		self->more.sequence = log->sequence + i;
		self->more.length = 0;
		log_write(&self->more, 11 + i, 1, "w", 1, 0);
		ASSERT_EQ(0, feed_log(line->session, &self->more));
	}
	EXPECT_EQ(0, edge(self->epoll));
	/* Nor does the controller's end, if all is there. */
	self->more.length = 0;
	log_finish(&self->more, 50, 0);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	close_fd(&line->session);
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(0, 0);
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(in_out, edge(self->epoll));
	expect_signals(1, 0);
}

/* Whoever asks for signals when the record has come already is sent one, too. */
TEST_F(wakeups, signals_asked_for_late)
{
	struct line *line = &self->line;
	struct termios termios;

	log_read(&self->log, 0, 0, "a", 1);
	log_write(&self->log, 0, 1, "w", 1, 0);
	log_read(&self->log, 0, 0, "b", 1);
	log_finish(&self->log, 5, 0);
	for (int way = 0; way < 2; way++) {
		ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
		ASSERT_EQ(0, feed_log(line->session, &self->log));
		ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
		expect_signals(0, 0);
		EXPECT_EQ(way, way ? !tcgetattr(line->tty, &termios) :
				     sys(write(line->tty, "w", 1)) - 1);
		expect_signals(1, 0);
		expect_read(line->tty, "a");
		expect_signals(1, 0);
		ASSERT_EQ(0, set_flags(line->tty, O_ASYNC, false));
		ASSERT_EQ(0, stop(line->session));
	}
}

/* ---- While the log is not known so far ---- */

/* An O_NONBLOCK file reads and finds out; that is no empty read of the log's. */
TEST_F(wakeups, guess)
{
	struct line *line = &self->line;
	struct task task;
	char c;

	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(0, status(line->tty).guesses);
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLOUT));
	EXPECT_EQ(2, status(line->tty).guesses);
	begin(&task, READ, .fd = line->tty, .buf = &c, .length = 1);
	ASSERT_TRUE(sleeps(&task));
	self->more.sequence = self->log.sequence;
	log_read(&self->more, 0, 1, "a", 1);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(-EAGAIN, task.result);
	EXPECT_EQ(0, polled(line->tty, POLLIN));
	EXPECT_EQ(-EAGAIN, read_one(line->tty));
	EXPECT_EQ(POLLIN, polled(line->tty, POLLIN));
	expect_read(line->tty, "a");
	EXPECT_EQ(2, status(line->tty).guesses);
	/* Two reads, and the poll that found nothing. */
	EXPECT_EQ(3, status(line->tty).looks);
}

/* Other files sleep until it is fed, by whatever call. */
TEST_F(wakeups, blocking_files_wait_for_the_feed)
{
	struct line *line = &self->line;
	struct task task;
	struct timeval at_once = {};
	fd_set in;

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	ASSERT_EQ(0, replay(line->session, 0));
	EXPECT_EQ(0, polled(line->tty, POLLIN));
	FD_ZERO(&in);
	FD_SET(line->tty, &in);
	EXPECT_EQ(0, select(line->tty + 1, &in, NULL, NULL, &at_once));
	EXPECT_LE(2, status(line->tty).guesses);
	EXPECT_EQ(0, status(line->tty).waiting);
	begin(&task, POLL, .fd = line->tty, .events = POLLIN, .timeout = -1);
	ASSERT_TRUE(sleeps(&task));
	log_read(&self->log, 0, 0, "a", 1);
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLIN, task.revents);
}

/* ---- Output ---- */

/*
 * An edge when it can be written again, and none before. The tty core itself wakes
 * pollers after each write(2).
 */
TEST_F(wakeups, output)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct task task;

	/* The tty core asks again for what was not taken. */
	log_write(log, 5, 2, "abc", 3, 0);
	log_write(log, 5, -EAGAIN, "c", 1, 0);
	log_write(log, 6, -EAGAIN, "c", 1, 0);
	log_add(log, WRITE, .counter = 8, .refused = 1, .requested = 1,
		.result = 1, .offset = 1, .data = "c", .length = 1);
	log_finish(log, 10, 0);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(0, watch(self->epoll, line->tty));
	ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
	EXPECT_EQ(EPOLLOUT, edge(self->epoll));
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(2, sys(write(line->tty, "abc", 3)));
	EXPECT_EQ(0, polled(line->tty, POLLOUT));
	EXPECT_EQ(0, count(line->tty, 6));
	EXPECT_EQ(0, polled(line->tty, POLLOUT));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "c", 1)));
	begin(&task, POLL, .fd = line->tty, .events = POLLOUT, .timeout = -1);
	EXPECT_TRUE(sleeps(&task));
	EXPECT_EQ(0, count(line->tty, 7));
	EXPECT_TRUE(sleeps(&task));
	EXPECT_EQ(0, edge(self->epoll));
	expect_signals(0, 0);
	EXPECT_EQ(0, count(line->tty, 8));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLOUT, task.revents);
	EXPECT_EQ(EPOLLOUT, edge(self->epoll));
	expect_signals(0, 1);
	/* Refused for want of crr's own buffer space, once more. */
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "c", 1)));
	EXPECT_EQ(EPOLLOUT, edge(self->epoll));
	EXPECT_EQ(1, sys(write(line->tty, "c", 1)));
	EXPECT_EQ(POLLOUT, polled(line->tty, POLLOUT));
}

/* A program that waits for output after its last write is not kept waiting. */
TEST_F(wakeups, output_after_the_last_write)
{
	struct line *line = &self->line;
	struct task task;

	log_write(&self->log, 0, 1, "w", 1, 0);
	log_finish(&self->log, 10, 0);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	begin(&task, POLL, .fd = line->tty, .events = POLLOUT, .timeout = -1);
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLOUT, task.revents);
}

/* The feeder is wanted for it, though there is input that nobody reads. */
TEST_F(wakeups, output_is_fed)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct task task;
	char bytes[4000];

	pattern(bytes, sizeof(bytes), 0);
	log_write(log, 0, -EAGAIN, "w", 1, 0);
	/* More than half of the buffer. */
	for (int i = 0; i < 40; i++)
		log_read(log, 0, 0, bytes, sizeof(bytes));
	ASSERT_EQ(0, replay_from(line->session, 0, CRR_BUFFER_MIN));
	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_EQ(0, polled(line->session, POLLOUT));
	EXPECT_EQ(-EAGAIN, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(POLLOUT, polled(line->session, POLLOUT));
	begin(&task, POLL, .fd = line->tty, .events = POLLOUT, .timeout = -1);
	EXPECT_TRUE(sleeps(&task));
	self->more.sequence = log->sequence;
	log_write(&self->more, 0, 1, "w", 1, 0);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLOUT, task.revents);
	EXPECT_EQ(0, polled(line->session, POLLOUT));
}

/* ---- The end ---- */

/* Once nothing is left to be done, to whoever sleeps. */
TEST_F(wakeups, end)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	struct task task;

	log_read(log, 5, 0, "a", 1);
	log_write(log, 7, 1, "w", 1, 0);
	log_finish(log, 7, 2);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, log));
	ASSERT_EQ(0, ask_for_signals(&self->signals, line->tty));
	EXPECT_EQ(0, count(line->tty, 5));
	expect_read(line->tty, "a");
	expect_signals(1, 0);
	begin(&task, POLL, .fd = line->tty, .events = POLLIN, .timeout = -1);
	EXPECT_TRUE(sleeps(&task));
	EXPECT_EQ(0, count(line->tty, 7));
	EXPECT_TRUE(sleeps(&task));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(-EAGAIN, read_one(line->tty));
	EXPECT_TRUE(sleeps(&task));
	expect_signals(0, 0);
	EXPECT_EQ(-EAGAIN, read_one(line->tty));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLIN | POLLERR, task.revents);
	expect_signals(1, 0);
	EXPECT_EQ(CRR_STATE_REPLAYING, status(line->tty).state);
	EXPECT_EQ(-ENODATA, read_one(line->tty));
	EXPECT_EQ(CRR_STATE_ENDED, status(line->tty).state);
}

/* By END's being fed, to one in select(2), on a file that blocks. */
TEST_F(wakeups, end_that_is_fed)
{
	struct line *line = &self->line;
	struct task task;

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, false));
	log_write(&self->log, 0, 1, "w", 1, 0);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	begin(&task, POLL, .fd = line->tty, .events = POLLIN, .timeout = -1);
	EXPECT_TRUE(sleeps(&task));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	self->more.sequence = self->log.sequence;
	log_add(&self->more, STREAM_END, .counter = 0, .reason = CRR_END_STOP);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	EXPECT_TRUE(sleeps(&task));
	self->more.length = 0;
	log_add(&self->more, END, .counter = 0);
	ASSERT_EQ(0, feed_log(line->session, &self->more));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLIN | POLLERR, task.revents);
}

/* A record of another line that is left keeps the end away. */
TEST_F(wakeups, end_of_two_lines)
{
	struct line *line = &self->line, *other = &self->other;
	struct log *log = &self->log;
	struct task task;

	ASSERT_EQ(0, open_pty(other));
	ASSERT_EQ(0, attach(other->tty));
	ASSERT_EQ(1, join(other->tty, line->session));
	log_add(log, STREAM, .stream = 1, .data = "b", .length = 1);
	log_add(log, WRITE, .stream = 1, .requested = 1, .result = 1,
		.offset = 1, .data = "w", .length = 1);
	log_add(log, STREAM_END, .stream = 1, .reason = CRR_END_STOP);
	log_finish(log, 0, 0);
	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_MUTE));
	begin(&task, POLL, .fd = line->tty, .events = POLLPRI, .timeout = -1);
	EXPECT_TRUE(sleeps(&task));
	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_TRUE(sleeps(&task));
	EXPECT_EQ(0, polled(line->tty, POLLIN));
	EXPECT_EQ(1, sys(write(other->tty, "w", 1)));
	ASSERT_TRUE(ends(&task));
	EXPECT_EQ(POLLERR, task.revents);
	EXPECT_EQ(POLLIN | POLLERR, polled(other->tty, POLLIN));
}

/* A replay goes live though its program does nothing but sleep in poll(2). */
TEST_F(wakeups, end_goes_live)
{
	struct line *line = &self->line;
	struct task task;

	log_write(&self->log, 0, 1, "w", 1, 0);
	log_finish(&self->log, 0, 0);
	ASSERT_EQ(0, replay_live(line->session, CRR_REPLAY_MUTE, 0));
	begin(&task, POLL, .fd = line->tty, .events = POLLPRI | POLLRDBAND,
	      .timeout = -1);
	EXPECT_TRUE(sleeps(&task));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_TRUE(eventually(status(line->tty).state == CRR_STATE_IDLE));
	close_fd(&line->peer);
	ASSERT_TRUE(ends(&task));
}

TEST_HARNESS_MAIN
