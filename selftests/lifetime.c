// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ttys, sessions and clocks come and go in any order, with users asleep in
 * them or not.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

/* ---- Who sleeps in N_TTY, when something goes ---- */

FIXTURE(blocked) {
	struct line line;
	struct log log;
	struct task task;
	char c;
};

FIXTURE_VARIANT(blocked) {
	enum call call;
	bool recording;
};

FIXTURE_VARIANT_ADD(blocked, reader_idle) { .call = CALL_READ };

FIXTURE_VARIANT_ADD(blocked, reader_recording) {
	.call = CALL_READ, .recording = true,
};

FIXTURE_VARIANT_ADD(blocked, writer_idle) { .call = CALL_WRITE };

FIXTURE_VARIANT_ADD(blocked, writer_recording) {
	.call = CALL_WRITE, .recording = true,
};

FIXTURE_VARIANT_ADD(blocked, poller_idle) { .call = CALL_POLL };

FIXTURE_VARIANT_ADD(blocked, poller_recording) {
	.call = CALL_POLL, .recording = true,
};

FIXTURE_SETUP(blocked)
{
	struct line *line = &self->line;

	if (!setup_line(_metadata, line))
		return;
	/* Output is stopped, as by XOFF. */
	ASSERT_EQ(0, tcflow(line->tty, TCOOFF));
	if (variant->recording)
		ASSERT_EQ(0, record(line->session, 0));
	start(&self->task, (struct task){
		.call = variant->call, .fd = line->tty, .buf = &self->c,
		.length = 1, .events = POLLIN, .timeout = -1,
	});
	ASSERT_TRUE(sleeps(&self->task));
}

FIXTURE_TEARDOWN(blocked)
{
	close_line(&self->line);
	log_free(&self->log);
}

static void expect_hung_up(struct __test_metadata *_metadata,
			   const struct task *task, bool by_master)
{
	switch (task->call) {
	case CALL_READ:
		/* The peer closes its end before the line is hung up. */
		EXPECT_TRUE(!task->result ||
			    (by_master && task->result == -EIO));
		break;
	case CALL_WRITE:
		EXPECT_EQ(-EIO, task->result);
		break;
	default:
		EXPECT_EQ(1, task->result);
		EXPECT_TRUE(task->revents & POLLHUP);
		break;
	}
}

/* After a recording its log is whole. */
static void end_recording(struct __test_metadata *_metadata, struct line *line,
			  struct log *log, bool recording)
{
	if (recording)
		finish_log(_metadata, line, log);
	else
		EXPECT_EQ(-ENODATA, stop(line->session));
}

TEST_F(blocked, master_closed)
{
	close_fd(&self->line.peer);
	ASSERT_TRUE(ends(&self->task));
	expect_hung_up(_metadata, &self->task, true);
	EXPECT_TRUE(eventually(polled(self->line.session, POLLHUP) == POLLHUP));
	end_recording(_metadata, &self->line, &self->log, variant->recording);
}

TEST_F(blocked, vhangup)
{
	ASSERT_EQ(0, hang_up(self->line.name));
	ASSERT_TRUE(ends(&self->task));
	expect_hung_up(_metadata, &self->task, false);
	EXPECT_TRUE(eventually(polled(self->line.session, POLLHUP) == POLLHUP));
	end_recording(_metadata, &self->line, &self->log, variant->recording);
}

TEST_F(blocked, detached)
{
	struct line *line = &self->line;
	long long before = now_ms();

	ASSERT_EQ(0, detach(line->tty));
	/* The core itself would give up after five seconds. */
	EXPECT_GT(4000, now_ms() - before);
	if (variant->call == CALL_POLL) {
		EXPECT_TRUE(sleeps(&self->task));
		ASSERT_EQ(0, send_all(line->peer, "x", 1));
		ASSERT_TRUE(ends(&self->task));
		EXPECT_EQ(POLLIN, self->task.revents);
	} else {
		ASSERT_TRUE(ends(&self->task));
		EXPECT_EQ(-EAGAIN, self->task.result);
	}
	EXPECT_EQ(POLLHUP, polled(line->session, POLLHUP));
	end_recording(_metadata, line, &self->log, variant->recording);
}

/* It sleeps on, and is woken as ever. */
static void expect_normal(struct __test_metadata *_metadata, struct line *line,
			  struct task *task)
{
	EXPECT_TRUE(sleeps(task));
	if (task->call == CALL_WRITE) {
		ASSERT_EQ(0, tcflow(line->tty, TCOON));
	} else {
		ASSERT_EQ(0, send_all(line->peer, "x", 1));
	}
	ASSERT_TRUE(ends(task));
	EXPECT_EQ(1, task->result);
}

TEST_F(blocked, session_closed)
{
	struct line *line = &self->line;

	close_fd(&line->session);
	EXPECT_EQ(variant->recording ? CRR_STATE_RECORDING : CRR_STATE_IDLE,
		  status(line->tty).state);
	EXPECT_EQ(variant->recording ? CRR_STATUS_SESSION : 0,
		  status(line->tty).facts & CRR_STATUS_SESSION);
	expect_normal(_metadata, line, &self->task);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	end_recording(_metadata, line, &self->log, variant->recording);
	if (variant->recording && variant->call != CALL_POLL)
		EXPECT_EQ(1, log_count(&self->log, variant->call == CALL_READ ?
				       CRR_TYPE_READ : CRR_TYPE_WRITE));
}

TEST_F(blocked, clock_comes_and_goes)
{
	struct line *line = &self->line;

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, map_clock(line));
		put(*line->counter, 10 + i);
		close_clock(line);
	}
	expect_normal(_metadata, line, &self->task);
	end_recording(_metadata, line, &self->log, variant->recording);
}

/* ---- Who sleeps in the session fd ---- */

FIXTURE(controller) {
	struct line line;
	struct log log;
	struct log fed;
	struct task task;
	char buf[4096];
};

FIXTURE_SETUP(controller)
{
	setup_line(_metadata, &self->line);
}

FIXTURE_TEARDOWN(controller)
{
	close_line(&self->line);
	log_free(&self->log);
	log_free(&self->fed);
}

/* A sleeping reader is told of the tty's end by its last records. */
TEST_F(controller, reads_when_the_tty_goes)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, drain(line->session, &self->log));
	ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, false));
	begin(&self->task, READ, .fd = line->session, .buf = self->buf,
	      .length = sizeof(self->buf));
	ASSERT_TRUE(sleeps(&self->task));
	ASSERT_EQ(0, detach(line->tty));
	ASSERT_TRUE(ends(&self->task));
	ASSERT_LT(0, self->task.result);
	log_append(&self->log, self->buf, self->task.result);
	expect_valid(_metadata, &self->log, false);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_STREAM_END));
	/* There is no more, but it has not ended before it is stopped. */
	begin(&self->task, READ, .fd = line->session, .buf = self->buf,
	      .length = sizeof(self->buf));
	EXPECT_TRUE(sleeps(&self->task));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_TRUE(ends(&self->task));
	ASSERT_LT(0, self->task.result);
	log_append(&self->log, self->buf, self->task.result);
	expect_valid(_metadata, &self->log, true);
}

enum event { EVENT_STOP, EVENT_DETACH, EVENT_HANGUP, EVENT_DIVERGE };

/* A feeder that sleeps for room, when it need not feed any more. */
TEST_F(controller, feeds_when_it_is_over)
{
	static const int expected[] = {
		[EVENT_STOP] = -EINVAL,
		[EVENT_DETACH] = -EIO,
		[EVENT_DIVERGE] = -ENOTRECOVERABLE,
		[EVENT_HANGUP] = -EIO,
	};
	static const enum event events[] = {
		EVENT_STOP, EVENT_DIVERGE, EVENT_DETACH, EVENT_HANGUP,
	};
	struct crr_replay_start arg = {
		.size = sizeof(arg), .buffer_size = CRR_BUFFER_MIN,
	};
	struct line *line = &self->line;
	size_t room;

	log_begin(&self->log);
	for (int i = 0; i < 80; i++)
		log_read(&self->log, 10, 0, self->buf, sizeof(self->buf));
	for (int i = 0; i < ARRAY_SIZE(events); i++) {
		size_t at = 0;
		ssize_t n;

		ASSERT_EQ(0, sys(ioctl(line->session, CRR_IOC_REPLAY, &arg)));
		while ((n = write(line->session, self->log.bytes + at,
				  self->log.length - at)) > 0)
			at += n;
		ASSERT_EQ(EAGAIN, errno);
		room = self->log.length - at;
		ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, false));
		begin(&self->task, WRITE, .fd = line->session,
		      .buf = self->log.bytes + at, .length = room);
		ASSERT_TRUE(sleeps(&self->task));
		switch (events[i]) {
		case EVENT_STOP:
			ASSERT_EQ(0, stop(line->session));
			break;
		case EVENT_DIVERGE:
			EXPECT_EQ(-ENOTRECOVERABLE,
				  sys(write(line->tty, "x", 1)));
			break;
		case EVENT_DETACH:
			ASSERT_EQ(0, detach(line->tty));
			break;
		case EVENT_HANGUP:
			close_fd(&line->peer);
			break;
		}
		ASSERT_TRUE(ends(&self->task));
		EXPECT_EQ(expected[events[i]], self->task.result);
		stop(line->session);
		ASSERT_EQ(0, set_flags(line->session, O_NONBLOCK, true));
		if (events[i] != EVENT_DETACH)
			continue;
		close_fd(&line->session);
		ASSERT_EQ(0, attach(line->tty));
		line->session = open_session(line->tty);
		ASSERT_LE(0, line->session);
	}
}

/* ---- Orphans ---- */

FIXTURE(orphan) {
	struct line line;
	struct log log;
};

FIXTURE_SETUP(orphan)
{
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, set_flags(self->line.tty, O_NONBLOCK, true));
}

FIXTURE_TEARDOWN(orphan)
{
	close_line(&self->line);
	log_free(&self->log);
}

TEST_F(orphan, idle)
{
	close_fd(&self->line.session);
	EXPECT_EQ(0, status(self->line.tty).facts);
	EXPECT_EQ(1, write(self->line.tty, "x", 1));
}

TEST_F(orphan, recording)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, record(line->session, 0));
	for (int i = 0; i < 5; i++) {
		put(*line->counter, 10 * i);
		ASSERT_EQ(1, write(line->tty, "x", 1));
		close_fd(&line->session);
		EXPECT_EQ(CRR_STATE_RECORDING, status(line->tty).state);
		EXPECT_EQ(CRR_STATE_RECORDING, look(line->state->state));
		EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_CONTROLLER);
		put(*line->counter, 10 * i + 5);
		ASSERT_EQ(1, write(line->tty, "x", 1));
		line->session = open_session(line->tty);
		ASSERT_LE(0, line->session);
		EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_CONTROLLER);
	}
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(10, log_count(&self->log, CRR_TYPE_WRITE));
}

/* All is fed: nobody is needed any more. */
TEST_F(orphan, replaying_to_the_end)
{
	struct line *line = &self->line;
	char c;

	log_begin(&self->log);
	log_read(&self->log, 5, 0, "a", 1);
	log_finish(&self->log, 9, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	close_fd(&line->session);
	EXPECT_EQ(CRR_STATE_REPLAYING, status(line->tty).state);
	EXPECT_EQ(0, count(line->tty, 5));
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(-ENODATA, sys(read(line->tty, &c, 1)));
	/* It does not become real again all by itself. */
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(CRR_STATE_ENDED, status(line->session).state);
	EXPECT_EQ(0, stop(line->session));
	EXPECT_EQ(1, sys(write(line->tty, "x", 1)));
}

TEST_F(orphan, replaying_before_the_end)
{
	struct line *line = &self->line;
	char c;

	log_begin(&self->log);
	log_read(&self->log, 5, 0, "a", 1);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	close_fd(&line->session);
	EXPECT_EQ(CRR_STATE_FAILED, status(line->tty).state);
	EXPECT_EQ(CRR_REASON_FEEDER, status(line->tty).reason);
	EXPECT_EQ(-EIO, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(-EIO, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR,
		  polled(line->tty, POLLIN | POLLOUT));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(0, stop(line->session));
	EXPECT_EQ(1, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(0, record(line->session, 0));
	EXPECT_EQ(CRR_REASON_NONE, status(line->tty).reason);
}

TEST_F(orphan, diverged)
{
	struct line *line = &self->line;
	struct crr_divergence div;

	log_begin(&self->log);
	log_finish(&self->log, 9, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "x", 1)));
	close_fd(&line->session);
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "x", 1)));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(0, divergence(line->session, &div));
	EXPECT_EQ(CRR_DIVERGENCE_EXTRA, div.kind);
}

/* Nobody holds it any more, nobody can ask for it: it is gone. */
TEST_F(orphan, of_tty_and_controller)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	close_fd(&line->session);
	ASSERT_EQ(0, detach(line->tty));
	ASSERT_EQ(0, attach(line->tty));
	EXPECT_EQ(0, status(line->tty).facts);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(CRR_STATE_IDLE, status(line->session).state);
	EXPECT_EQ(-EINVAL, drain(line->session, &self->log));
}

/* The tty's next life has nothing to do with the session of the one before. */
TEST_F(orphan, of_the_tty)
{
	struct line *line = &self->line;
	int second;

	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	ASSERT_EQ(0, detach(line->tty));
	ASSERT_EQ(0, attach(line->tty));
	EXPECT_EQ(0, status(line->tty).facts);
	second = open_session(line->tty);
	ASSERT_LE(0, second);
	ASSERT_EQ(0, record(second, 0));
	ASSERT_EQ(1, write(line->tty, "y", 1));
	EXPECT_EQ(2, status(second).records);
	EXPECT_EQ(3, status(line->session).records);
	EXPECT_EQ(CRR_NO_STREAM, status(second).stream);
	EXPECT_EQ(1, status(second).streams);
	finish_log(_metadata, line, &self->log);
	close(second);
}

/* ---- All orders ---- */

/* What the module is held by, but for its own ttys; -1: not to be known. */
static int users(void)
{
	FILE *file = fopen("/sys/module/n_crr/refcnt", "r");
	int n = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%d", &n) != 1)
		n = -1;
	fclose(file);
	return n;
}

enum what { TTY, SESSION, CLOCK, MAPS, PEER, THINGS };

static void drop(struct line *line, enum what what)
{
	switch (what) {
	case TTY:
		close_fd(&line->tty);
		break;
	case SESSION:
		close_fd(&line->session);
		break;
	case CLOCK:
		close_fd(&line->clock);
		break;
	case MAPS:
		unmap_clock(line);
		break;
	case PEER:
		close_fd(&line->peer);
		break;
	default:
		break;
	}
}

FIXTURE(orders) {
	struct line line;
	struct log log;
};

FIXTURE_VARIANT(orders) {
	enum crr_state state;
	bool whole;
};

FIXTURE_VARIANT_ADD(orders, idle) { .state = CRR_STATE_IDLE };
FIXTURE_VARIANT_ADD(orders, recording) { .state = CRR_STATE_RECORDING };
FIXTURE_VARIANT_ADD(orders, replaying) { .state = CRR_STATE_REPLAYING };

FIXTURE_VARIANT_ADD(orders, replaying_all) {
	.state = CRR_STATE_REPLAYING, .whole = true,
};

FIXTURE_SETUP(orders)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
}

FIXTURE_TEARDOWN(orders)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* After each of the 120 orders nothing holds the module. */
TEST_F_TIMEOUT(orders, of_closing, 120)
{
	struct line *line = &self->line;
	int before = users();

	log_begin(&self->log);
	log_read(&self->log, 5, 0, "a", 1);
	if (variant->whole)
		log_finish(&self->log, 9, 0);
	for (int order = 0; order < 120; order++) {
		enum what left[THINGS] = { TTY, SESSION, CLOCK, MAPS, PEER };
		int n = THINGS, code = order;

		ASSERT_EQ(0, open_line(line));
		ASSERT_EQ(0, map_clock(line));
		switch (variant->state) {
		case CRR_STATE_RECORDING:
			ASSERT_EQ(0, record(line->session, 0));
			ASSERT_EQ(1, write(line->tty, "x", 1));
			break;
		case CRR_STATE_REPLAYING:
			ASSERT_EQ(0, replay(line->session, 0));
			ASSERT_EQ(0, feed_log(line->session, &self->log));
			break;
		default:
			break;
		}
		for (; n; n--) {
			int i = code % n;

			code /= n;
			drop(line, left[i]);
			left[i] = left[n - 1];
			/* The others go on to answer. */
			if (line->session >= 0)
				EXPECT_GE(CRR_STATE_FAILED,
					  status(line->session).state);
			if (line->clock >= 0)
				EXPECT_GE(CRR_STATE_FAILED,
					  status(line->clock).state);
			if (line->state)
				EXPECT_GE(CRR_STATE_FAILED,
					  look(line->state->state));
		}
		close_line(line);
	}
	if (before >= 0)
		EXPECT_TRUE(eventually(users() <= before)) {
			TH_LOG("%d users, %d before", users(), before);
		}
}

TEST_HARNESS_MAIN
