// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controllers that come, go and change their minds while others use the line.
 * What matters is that all of them come to an end, that what was recorded is a
 * valid log, and that the kernel is well.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

/* Who uses the line meanwhile. */
enum role { READER, WRITER, POLLER, ASKER, PEER, ROLES };

struct user {
	pthread_t thread;
	enum role role;
	struct traffic *traffic;
};

struct traffic {
	struct line *line;
	bool blocking;
	atomic_bool over;
	atomic_ulong in;
	atomic_ulong out;
	struct user users[ROLES + 1];
};

static void use(struct traffic *traffic, enum role role)
{
	struct line *line = traffic->line;
	struct pollfd pollfd = { .fd = line->tty, .events = POLLIN | POLLOUT };
	struct termios termios;
	char buf[3000] = "";
	ssize_t n;
	int value;

	switch (role) {
	case READER:
		n = read(line->tty, buf, sizeof(buf));
		if (n > 0)
			traffic->in += n;
		break;
	case WRITER:
		n = write(line->tty, buf, sizeof(buf));
		if (n > 0)
			traffic->out += n;
		break;
	case POLLER:
		poll(&pollfd, 1, 1);
		break;
	case ASKER:
		ioctl(line->tty, FIONREAD, &value);
		ioctl(line->tty, TIOCOUTQ, &value);
		status(line->tty);
		count(line->tty, 0);
		if (!tcgetattr(line->tty, &termios))
			tcsetattr(line->tty, TCSANOW, &termios);
		sched_yield();
		break;
	default:
		n = write(line->peer, buf, 700);
		swallow(line->peer);
		sched_yield();
		break;
	}
}

static void *use_on(void *arg)
{
	struct user *user = arg;

	while (!user->traffic->over)
		use(user->traffic, user->role);
	return NULL;
}

/* Two readers, and one of each of the others. */
static void let_flow(struct traffic *traffic, struct line *line, bool blocking)
{
	*traffic = (struct traffic){ .line = line, .blocking = blocking };
	set_flags(line->tty, O_NONBLOCK, !blocking);
	set_flags(line->peer, O_NONBLOCK, true);
	for (int i = 0; i <= ROLES; i++) {
		struct user *user = &traffic->users[i];

		*user = (struct user){
			.role = i % ROLES, .traffic = traffic,
		};
		if (pthread_create(&user->thread, NULL, use_on, user))
			abort();
	}
}

/* How many bytes its users have read and written. */
static unsigned long moved(struct traffic *traffic)
{
	return traffic->in + traffic->out;
}

/* All of them end, those asleep by what the peer does for them. */
static bool ebb(struct traffic *traffic)
{
	struct line *line = traffic->line;
	bool ended = true;

	traffic->over = true;
	for (int i = 0; i <= ROLES; i++) {
		pthread_t thread = traffic->users[i].thread;

		if (!eventually(!pthread_tryjoin_np(thread, NULL) ||
				(use(traffic, PEER), false)))
			ended = false;
	}
	set_flags(line->tty, O_NONBLOCK, false);
	set_flags(line->peer, O_NONBLOCK, false);
	return ended;
}

FIXTURE(stress) {
	struct line line;
	struct traffic traffic;
	struct log log;
	long rounds;
};

FIXTURE_VARIANT(stress) {
	bool blocking;
};

FIXTURE_VARIANT_ADD(stress, nonblocking) {};
FIXTURE_VARIANT_ADD(stress, blocking) { .blocking = true };

FIXTURE_SETUP(stress)
{
	if (!setup_line(_metadata, &self->line))
		return;
	self->rounds = env_number("CRR_ROUNDS", 40);
	let_flow(&self->traffic, &self->line, variant->blocking);
}

FIXTURE_TEARDOWN(stress)
{
	close_line(&self->line);
	log_free(&self->log);
}

static unsigned int operations(const struct log *log)
{
	return log_count(log, CRR_TYPE_READ) + log_count(log, CRR_TYPE_WRITE);
}

/* After all that it is a line as any. */
static void expect_alive(struct __test_metadata *_metadata,
			 struct traffic *traffic)
{
	struct line *line = traffic->line;
	char buf[16];

	/* Nobody is to sleep for room that nobody makes. */
	if (line->session >= 0)
		stop(line->session);
	ASSERT_TRUE(ebb(traffic));
	close_fd(&line->session);
	if (detach(line->tty))
		return;
	ASSERT_EQ(0, attach(line->tty));
	EXPECT_TRUE(eventually(!swallow(line->peer)));
	tcflush(line->tty, TCIOFLUSH);
	tcflush(line->peer, TCIOFLUSH);
	ASSERT_EQ(5, write(line->tty, "alive", 5));
	EXPECT_EQ(5, receive_all(line->peer, buf, 5));
	EXPECT_EQ(0, memcmp(buf, "alive", 5));
}

TEST_F_TIMEOUT(stress, attach_and_detach, 300)
{
	struct line *line = &self->line;
	/* Users that never sleep are in the way of each round. */
	long rounds = variant->blocking ? self->rounds * 50 : self->rounds;
	long long until = now_ms() + PATIENCE_MS;

	close_fd(&line->session);
	for (long i = 0; i < rounds || (!moved(&self->traffic) &&
					now_ms() < until); i++)
		ASSERT_EQ(0, set_discipline(line->tty, i & 1 ?
					    crr_discipline() : 0));
	expect_alive(_metadata, &self->traffic);
	EXPECT_LT(0, moved(&self->traffic));
}

TEST_F_TIMEOUT(stress, sessions, 300)
{
	struct line *line = &self->line;

	for (long i = 0; i < self->rounds * 5; i++) {
		close_fd(&line->session);
		line->session = open_session(line->tty);
		ASSERT_LE(0, line->session);
		/* Some are left recording, some stopped and unread. */
		if (i % 3 == 0 &&
		    !record_into(line->session, 0, CRR_BUFFER_MIN) && i % 2)
			stop(line->session);
	}
	expect_alive(_metadata, &self->traffic);
}

/*
 * A moment in which a session can leave the idle state: with users that sleep
 * there is one only when they are not there.
 */
static bool enter(struct traffic *traffic, int session, bool replaying,
		  __u32 flags)
{
	for (int tries = 0; tries < 100000; tries++) {
		if (!(replaying ? replay(session, flags) :
		      record_into(session, flags, CRR_BUFFER_MIN)))
			return true;
		use(traffic, PEER);
	}
	return false;
}

static bool enter_in_traffic(struct traffic *traffic, int session,
			     bool replaying, __u32 flags)
{
	struct line *line = traffic->line;
	bool entered;

	if (!traffic->blocking)
		return enter(traffic, session, replaying, flags);
	if (!ebb(traffic))
		return false;
	entered = enter(traffic, session, replaying, flags);
	let_flow(traffic, line, true);
	/* Whoever of them is first: without a reader the buffer may be full then. */
	return entered && (replaying || eventually(moved(traffic)));
}

/* Whatever comes between RECORD and STOP is a log. */
TEST_F_TIMEOUT(stress, record_and_stop, 300)
{
	long rounds = variant->blocking ? self->rounds / 8 : self->rounds;
	struct line *line = &self->line;
	long long until = now_ms() + PATIENCE_MS;
	size_t recorded = 0;

	for (long i = 0; i < rounds || (!recorded && now_ms() < until); i++) {
		ASSERT_TRUE(enter_in_traffic(&self->traffic, line->session,
					     false, i % 8));
		log_free(&self->log);
		for (int k = i % 7; k; k--) {
			sched_yield();
			if (k & 1)
				ASSERT_EQ(0, drain(line->session, &self->log));
		}
		finish_log(_metadata, line, &self->log);
		recorded += operations(&self->log);
	}
	expect_alive(_metadata, &self->traffic);
	EXPECT_LT(0, recorded);
}

/* One long one, with its consumer slow, and the counter moved by another. */
TEST_F_TIMEOUT(stress, record, 300)
{
	struct line *line = &self->line;
	long long until;

	ASSERT_EQ(0, map_clock(line));
	ASSERT_TRUE(enter_in_traffic(&self->traffic, line->session, false,
				     CRR_RECORD_CAPTURE));
	until = now_ms() + PATIENCE_MS;
	for (long i = 0; i < self->rounds || (operations(&self->log) < 20 &&
					      now_ms() < until); i++) {
		put(*line->counter, 3 * i);
		ASSERT_EQ(0, drain(line->session, &self->log));
		if (i % 10 == 0)
			breathe();
	}
	finish_log(_metadata, line, &self->log);
	expect_alive(_metadata, &self->traffic);
	EXPECT_LE(20, operations(&self->log));
}

/* The users are not of a mind: it diverges, here or there. */
TEST_F_TIMEOUT(stress, replay_and_stop, 300)
{
	long rounds = variant->blocking ? self->rounds / 8 : self->rounds;
	struct line *line = &self->line;
	char zeros[2048] = "";

	log_begin(&self->log);
	for (int i = 0; i < 20; i++) {
		log_read(&self->log, 0, 0, zeros, 700);
		log_write(&self->log, 0, 2048, zeros, 2048, 0);
	}
	log_finish(&self->log, 0, 0);
	for (long i = 0; i < rounds; i++) {
		ASSERT_TRUE(enter_in_traffic(&self->traffic, line->session,
					     true, i & CRR_REPLAY_MUTE));
		/* Or it waits for more, some of them. */
		feed(line->session, self->log.bytes,
		     i % 3 ? self->log.length : 32);
		if (i % 2)
			sched_yield();
		if (i % 5 == 0) {
			close_fd(&line->session);
			line->session = open_session(line->tty);
			ASSERT_LE(0, line->session);
		}
		ASSERT_EQ(0, stop(line->session));
	}
	expect_alive(_metadata, &self->traffic);
}

TEST_F_TIMEOUT(stress, clocks, 300)
{
	struct line *line = &self->line;

	for (long i = 0; i < self->rounds * 3; i++) {
		ASSERT_EQ(0, map_clock(line));
		put(*line->counter, i);
		if (i % 4 == 0)
			count(line->clock, i);
		EXPECT_GE(CRR_STATE_FAILED, status(line->clock).state);
		if (i % 50 == 0 &&
		    !record_into(line->session, 0, CRR_BUFFER_MIN)) {
			stop(line->session);
			drain_to_end(line->session, &self->log);
		}
		close_clock(line);
	}
	expect_alive(_metadata, &self->traffic);
}

/* ---- The line itself goes ---- */

FIXTURE(short_lived) {
	struct line line;
};

FIXTURE_SETUP(short_lived)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
}

FIXTURE_TEARDOWN(short_lived)
{
	close_line(&self->line);
}

TEST_F_TIMEOUT(short_lived, hangups, 300)
{
	long rounds = env_number("CRR_ROUNDS", 60);
	struct line *line = &self->line;

	for (long i = 0; i < rounds; i++) {
		struct task tasks[4];
		char buf[4][64];
		struct log log = {};
		int clock;

		ASSERT_EQ(0, open_line(line));
		clock = i % 3 ? open_clock(line->tty) : -1;
		if (i % 4)
			ASSERT_EQ(0, record(line->session, 0));
		set_flags(line->session, O_NONBLOCK, false);
		tcflow(line->tty, TCOOFF);
		begin(&tasks[0], READ, .fd = line->tty, .buf = buf[0],
		      .length = 64);
		begin(&tasks[1], WRITE, .fd = line->tty, .buf = buf[1],
		      .length = 64);
		begin(&tasks[2], POLL, .fd = line->tty, .events = POLLIN,
		      .timeout = -1);
		begin(&tasks[3], POLL, .fd = line->session, .events = POLLPRI,
		      .timeout = -1);
		if (i % 2)
			for (int k = 0; k < 4; k++)
				sleeps(&tasks[k]);
		if (i % 5 == 0)
			hang_up(line->name);
		close_fd(&line->peer);
		for (int k = 0; k < 4; k++)
			ASSERT_TRUE(ends(&tasks[k]));
		ASSERT_TRUE(eventually(polled(line->session, POLLHUP) ==
				       POLLHUP));
		if (i % 4)
			finish_log(_metadata, line, &log);
		log_free(&log);
		if (clock >= 0)
			close(clock);
		close_line(line);
	}
}

struct rival {
	pthread_t thread;
	int tty;
	atomic_bool *go;
	int session;
};

static void *contend(void *arg)
{
	struct rival *rival = arg;

	while (!*rival->go)
		;
	rival->session = open_session(rival->tty);
	return NULL;
}

/* Of all who ask at once one gets the session. */
TEST_F_TIMEOUT(short_lived, rivals, 300)
{
	enum { RIVALS = 3 };
	long rounds = env_number("CRR_ROUNDS", 60);
	struct line *line = &self->line;

	ASSERT_EQ(0, open_pty(line));
	ASSERT_EQ(0, attach(line->tty));
	for (long i = 0; i < rounds; i++) {
		struct rival rivals[RIVALS];
		atomic_bool go = false;
		int winners = 0;

		for (int k = 0; k < RIVALS; k++) {
			rivals[k] = (struct rival){
				.tty = line->tty, .go = &go,
			};
			ASSERT_EQ(0, pthread_create(&rivals[k].thread, NULL,
						    contend, &rivals[k]));
		}
		go = true;
		for (int k = 0; k < RIVALS; k++)
			pthread_join(rivals[k].thread, NULL);
		for (int k = 0; k < RIVALS; k++) {
			if (rivals[k].session < 0) {
				EXPECT_EQ(-EBUSY, rivals[k].session);
			} else {
				winners++;
			}
		}
		EXPECT_EQ(1, winners);
		for (int k = 0; k < RIVALS; k++) {
			if (rivals[k].session >= 0 && i % 2)
				record_into(rivals[k].session, 0,
					    CRR_BUFFER_MIN);
			close_fd(&rivals[k].session);
		}
	}
}

TEST_HARNESS_MAIN
