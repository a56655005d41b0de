// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock: its two pages, and what they say without a system call.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(clock) {
	struct line line;
	struct log log;
	size_t page;
};

FIXTURE_SETUP(clock)
{
	if (!setup_line(_metadata, &self->line))
		return;
	self->page = sysconf(_SC_PAGESIZE);
	ASSERT_EQ(0, map_clock(&self->line));
}

FIXTURE_TEARDOWN(clock)
{
	close_line(&self->line);
	log_free(&self->log);
}

/* ---- Mappings ---- */

static int map(int fd, size_t length, int prot, int flags, off_t offset,
	       void **where)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	if (where)
		*where = p;
	else
		munmap(p, length);
	return 0;
}

TEST_F(clock, mappings)
{
	enum { RW = PROT_READ | PROT_WRITE };
	const off_t counter = CRR_CLOCK_COUNTER_OFFSET;
	const off_t state = CRR_CLOCK_STATE_OFFSET;
	size_t page = self->page;
	const struct {
		size_t length;
		int prot, flags;
		off_t offset;
		int expected;
	} maps[] = {
		{ page, RW, MAP_SHARED, counter, 0 },
		{ page, PROT_READ, MAP_SHARED, counter, 0 },
		{ page, PROT_READ, MAP_SHARED, state, 0 },
		{ 1, PROT_READ, MAP_SHARED, state, 0 },
		/* Never to be written. */
		{ page, RW, MAP_SHARED, state, -EPERM },
		{ page, PROT_WRITE, MAP_SHARED, state, -EPERM },
		/* A copy would be of no use. */
		{ page, RW, MAP_PRIVATE, counter, -EINVAL },
		{ page, PROT_READ, MAP_PRIVATE, counter, -EINVAL },
		{ page, PROT_READ, MAP_PRIVATE, state, -EINVAL },
		{ page, RW, MAP_PRIVATE, state, -EINVAL },
		/* Not code. */
		{ page, RW | PROT_EXEC, MAP_SHARED, counter, -EPERM },
		{ page, PROT_READ | PROT_EXEC, MAP_SHARED, state, -EPERM },
		/* One page each. */
		{ page + 1, RW, MAP_SHARED, counter, -EINVAL },
		{ 2 * page, RW, MAP_SHARED, counter, -EINVAL },
		{ 2 * page, PROT_READ, MAP_SHARED, state, -EINVAL },
		{ 17 * page, PROT_READ, MAP_SHARED, counter, -EINVAL },
		{ page, RW, MAP_SHARED, counter + page, -EINVAL },
		{ page, PROT_READ, MAP_SHARED, state - page, -EINVAL },
		{ page, PROT_READ, MAP_SHARED, state + page, -EINVAL },
		{ page, PROT_READ, MAP_SHARED, 2 * state, -EINVAL },
#if __SIZEOF_LONG__ == 8	/* what mmap(2) of 32 bits cannot say */
		{ page, PROT_READ, MAP_SHARED, 1LL << 32, -EINVAL },
		{ page, PROT_READ, MAP_SHARED, (1LL << 32) + state, -EINVAL },
		{ page, PROT_READ, MAP_SHARED, 1LL << 52, -EINVAL },
#endif
	};

	for (int i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(maps[i].expected,
			  map(self->line.clock, maps[i].length, maps[i].prot,
			      maps[i].flags, maps[i].offset, NULL)) {
			TH_LOG("mapping %d", i);
		}
	}
	/* The session fd has none. */
	EXPECT_EQ(-ENODEV, map(self->line.session, page, PROT_READ, MAP_SHARED,
			       0, NULL));
}

/* Nor do they become what they could not be made. */
TEST_F(clock, mappings_stay_as_they_are)
{
	size_t page = self->page;
	void *counter, *state;

	ASSERT_EQ(0, map(self->line.clock, page, PROT_READ, MAP_SHARED,
			 CRR_CLOCK_COUNTER_OFFSET, &counter));
	ASSERT_EQ(0, map(self->line.clock, page, PROT_READ, MAP_SHARED,
			 CRR_CLOCK_STATE_OFFSET, &state));
	EXPECT_EQ(0, sys(mprotect(counter, page, PROT_READ | PROT_WRITE)));
	EXPECT_EQ(-EACCES, sys(mprotect(counter, page, PROT_READ | PROT_EXEC)));
	EXPECT_EQ(-EACCES, sys(mprotect(state, page, PROT_READ | PROT_WRITE)));
	EXPECT_EQ(-EACCES, sys(mprotect(state, page, PROT_READ | PROT_EXEC)));
	EXPECT_EQ(MAP_FAILED, mremap(state, page, 2 * page, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(counter, page, 2 * page, MREMAP_MAYMOVE));
	/* Nor is one added to what there is. */
	EXPECT_EQ(MAP_FAILED, mremap(state, 0, page, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(counter, 0, page, MREMAP_MAYMOVE));
	/* All over the pages there is nothing but what is documented. */
	for (size_t i = sizeof(struct crr_clock_state); i < page; i++)
		ASSERT_EQ(0, ((char *)state)[i]);
	for (size_t i = sizeof(struct crr_clock_counter); i < page; i++)
		ASSERT_EQ(0, ((char *)counter)[i]);
}

/* What is taken out of the page tables is found again. */
TEST_F(clock, mappings_are_filled_again)
{
	struct line *line = &self->line;
	size_t page = self->page;
	void *state = (void *)line->state, *to;
	int wait_status;
	pid_t pid;

	ASSERT_EQ(0, record(line->session, 0));
	put(*line->counter, 7);
	EXPECT_EQ(0, sys(madvise(line->page, page, MADV_DONTNEED)));
	EXPECT_EQ(0, sys(madvise(state, page, MADV_DONTNEED)));
	EXPECT_EQ(7, look(*line->counter));
	EXPECT_EQ(CRR_STATE_RECORDING, look(line->state->state));
	put(*line->counter, 8);
	EXPECT_EQ(8, status(line->tty).counter);

	/* In a child, too, that finds them empty. */
	EXPECT_EQ(0, sys(madvise(line->page, page, MADV_DONTNEED)));
	EXPECT_EQ(0, sys(madvise(state, page, MADV_DONTNEED)));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		put(*line->counter, look(*line->counter) + 1);
		_exit(look(line->state->state) != CRR_STATE_RECORDING);
	}
	ASSERT_EQ(pid, waitpid(pid, &wait_status, 0));
	EXPECT_EQ(0, wait_status);
	EXPECT_EQ(9, look(*line->counter));

	/* Elsewhere. Each is the page that it was. */
	to = mmap(NULL, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, to);
	ASSERT_EQ(to, mremap(line->page, page, page,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	line->page = to;
	line->counter = &line->page->counter;
	ASSERT_EQ((char *)to + page, mremap(state, page, page, MREMAP_MAYMOVE |
					    MREMAP_FIXED, (char *)to + page));
	state = (char *)to + page;
	line->state = state;
	EXPECT_EQ(0, sys(madvise(line->page, page, MADV_DONTNEED)));
	EXPECT_EQ(0, sys(madvise(state, page, MADV_DONTNEED)));
	put(*line->counter, 10);
	EXPECT_EQ(10, status(line->tty).counter);
	EXPECT_EQ(CRR_STATE_RECORDING, look(line->state->state));
	EXPECT_EQ(-EACCES, sys(mprotect(state, page, PROT_READ | PROT_WRITE)));

	/* Without its fds, and without its tty. */
	close_fd(&line->clock);
	close_fd(&line->session);
	close_fd(&line->tty);
	EXPECT_EQ(0, sys(madvise(line->page, page, MADV_DONTNEED)));
	EXPECT_EQ(0, sys(madvise(state, page, MADV_DONTNEED)));
	EXPECT_EQ(10, look(*line->counter));
	EXPECT_EQ(CRR_NEVER, look(line->state->next_due));
}

/* What they look like, they say themselves. */
TEST_F(clock, versions)
{
	struct line *line = &self->line;

	EXPECT_EQ(CRR_CLOCK_VERSION, line->page->version);
	EXPECT_EQ(sizeof(struct crr_clock_counter), line->page->size);
	EXPECT_EQ(CRR_CLOCK_VERSION, line->state->version);
	EXPECT_EQ(sizeof(struct crr_clock_state), line->state->size);
	/* What is written over them counts for nothing. */
	line->page->version = 0;
	line->page->size = 0;
	put(*line->counter, 5);
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(5, status(line->tty).counter);
	EXPECT_EQ(0, count(line->clock, 6));
	EXPECT_EQ(6, look(*line->counter));
	EXPECT_EQ(0, line->page->version);
	EXPECT_EQ(CRR_CLOCK_VERSION, line->state->version);
}

/* Some other way in: through the page tables of somebody else. */
TEST_F(clock, state_is_not_written)
{
	__u64 poison = 1;
	int fd = open("/proc/self/mem", O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_GT(0, pwrite(fd, &poison, sizeof(poison),
			    (off_t)(uintptr_t)&self->line.state->next_due));
	EXPECT_EQ(CRR_NEVER, look(self->line.state->next_due));
	close(fd);
}

/* What is read from or written to the fd itself. */
TEST_F(clock, is_no_file)
{
	char c = 0;

	EXPECT_EQ(-EINVAL, sys(read(self->line.clock, &c, 1)));
	EXPECT_EQ(-EINVAL, sys(write(self->line.clock, &c, 1)));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->line.clock, F_GETFD));
}

/* ---- One clock for all ---- */

TEST_F(clock, is_the_same)
{
	struct line *line = &self->line;
	__u64 *counter;
	void *p;
	int fd;

	fd = open_clock(line->tty);
	ASSERT_LE(0, fd);
	EXPECT_NE(fd, line->clock);
	ASSERT_EQ(0, map(fd, self->page, PROT_READ, MAP_SHARED,
			 CRR_CLOCK_COUNTER_OFFSET, &p));
	counter = &((struct crr_clock_counter *)p)->counter;
	put(*line->counter, 12345);
	EXPECT_EQ(12345, look(*counter));
	/* It outlives its fds, as long as there is a mapping. */
	close(fd);
	close_fd(&line->clock);
	EXPECT_TRUE(status(line->tty).facts & CRR_STATUS_CLOCK);
	put(*line->counter, 12346);
	EXPECT_EQ(12346, look(*counter));
	line->clock = open_clock(line->tty);
	ASSERT_LE(0, line->clock);
	EXPECT_EQ(0, count(line->clock, 12347));
	EXPECT_EQ(12347, look(*counter));
	munmap(p, self->page);
	close_clock(line);
	EXPECT_TRUE(eventually(!(status(line->tty).facts & CRR_STATUS_CLOCK)));
	/* The next one begins anew. */
	ASSERT_EQ(0, map_clock(line));
	EXPECT_EQ(0, look(*line->counter));
}

/* It may be there before the session, or come later. */
TEST_F(clock, before_the_session)
{
	struct line *line = &self->line;

	close_fd(&line->session);
	EXPECT_TRUE(eventually(!(status(line->tty).facts & CRR_STATUS_SESSION)));
	put(*line->counter, 5);
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_TRUE(status(line->session).facts & CRR_STATUS_CLOCK);
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(5, status(line->session).counter);
	EXPECT_EQ(CRR_STATE_RECORDING, look(line->state->state));
}

TEST_F(clock, while_recording)
{
	struct line *line = &self->line;

	close_clock(line);
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, map_clock(line));
	EXPECT_EQ(CRR_STATE_RECORDING, look(line->state->state));
	put(*line->counter, 5);
	EXPECT_EQ(5, status(line->session).counter);
	/* The log does not go back when the clock goes. */
	close_clock(line);
	EXPECT_TRUE(eventually(!(status(line->tty).facts & CRR_STATUS_CLOCK)));
	EXPECT_EQ(5, status(line->session).counter);
	EXPECT_EQ(-ERANGE, count(line->tty, 4));
	EXPECT_EQ(1, sys(write(line->tty, "x", 1)));
	EXPECT_EQ(0, count(line->tty, 6));
	finish_log(_metadata, line, &self->log);
}

/* A child's pages are its parent's. */
TEST_F(clock, after_fork)
{
	struct line *line = &self->line;
	int wait_status;
	pid_t pid;

	ASSERT_EQ(0, record(line->session, 0));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		put(*line->counter, 99);
		_exit(look(line->state->state) != CRR_STATE_RECORDING);
	}
	ASSERT_EQ(pid, waitpid(pid, &wait_status, 0));
	EXPECT_EQ(0, wait_status);
	EXPECT_EQ(99, look(*line->counter));
	EXPECT_EQ(99, status(line->session).counter);
}

/* Without its tty a clock is no more than two pages. */
TEST_F(clock, without_its_tty)
{
	struct line *line = &self->line;

	put(*line->counter, 3);
	close_fd(&line->session);
	ASSERT_EQ(0, detach(line->tty));
	EXPECT_EQ(0, count(line->clock, 4));
	EXPECT_EQ(4, look(*line->counter));
	EXPECT_EQ(0, status(line->clock).facts);
	EXPECT_EQ(CRR_STATE_IDLE, look(line->state->state));
	EXPECT_EQ(CRR_NEVER, look(line->state->next_due));
	/* The tty's next clock is another. */
	ASSERT_EQ(0, attach(line->tty));
	close_clock(line);
	ASSERT_EQ(0, map_clock(line));
	EXPECT_EQ(0, look(*line->counter));
}

/* ---- rx_seq ---- */

static bool changes(const struct line *line, __u64 *seen)
{
	bool changed = eventually(look(line->state->rx_seq) != *seen);

	*seen = look(line->state->rx_seq);
	return changed;
}

static void look_for_input(struct __test_metadata *_metadata, struct line *line)
{
	struct termios termios;
	__u64 seen = look(line->state->rx_seq);

	ASSERT_TRUE(deliver(line, "a", 1));
	EXPECT_TRUE(changes(line, &seen));
	/* Once it is known, it stays known. */
	EXPECT_EQ(seen, look(line->state->rx_seq));
	ASSERT_EQ(1, write(line->tty, "x", 1));
	EXPECT_EQ(1, sys(read(line->tty, (char[1]) { 0 }, 1)));
	EXPECT_EQ(seen, look(line->state->rx_seq));
	/* More, before the first is read. */
	ASSERT_EQ(0, send_all(line->peer, "b", 1));
	EXPECT_TRUE(changes(line, &seen));
	ASSERT_EQ(0, send_all(line->peer, "c", 1));
	EXPECT_TRUE(changes(line, &seen));
	/* Gone. */
	ASSERT_EQ(0, tcflush(line->tty, TCIFLUSH));
	EXPECT_TRUE(changes(line, &seen));
	/* What was input may not be any more, or the reverse. */
	tcgetattr(line->tty, &termios);
	termios.c_lflag ^= ICANON;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	EXPECT_TRUE(changes(line, &seen));
	termios.c_lflag ^= ICANON;
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &termios));
	/* TIOCSTI is as good as a peer. */
	seen = look(line->state->rx_seq);
	if (!ioctl(line->tty, TIOCSTI, "d"))
		EXPECT_TRUE(changes(line, &seen));
	EXPECT_EQ(CRR_NEVER, look(line->state->next_due));
}

TEST_F(clock, input_without_session)
{
	close_fd(&self->line.session);
	look_for_input(_metadata, &self->line);
}

TEST_F(clock, input_idle)
{
	look_for_input(_metadata, &self->line);
}

TEST_F(clock, input_recording)
{
	ASSERT_EQ(0, record(self->line.session, 0));
	look_for_input(_metadata, &self->line);
	finish_log(_metadata, &self->line, &self->log);
}

TEST_F(clock, input_and_hangup)
{
	__u64 seen = look(self->line.state->rx_seq);

	close_fd(&self->line.peer);
	EXPECT_TRUE(changes(&self->line, &seen));
}

/* The loop of an emulator that trusts its pages misses nothing. */
TEST_F(clock, idle_loop)
{
	enum { TOTAL = 3000 };
	struct line *line = &self->line;
	char sent[TOTAL], logged[TOTAL];
	__u64 seen = look(line->state->rx_seq);
	__u64 now = 0;
	struct task sender;
	int done = 0;

	pattern(sent, TOTAL, 0);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, record(line->session, 0));
	begin(&sender, WRITE, .fd = line->peer, .buf = sent, .length = TOTAL);
	while (done < TOTAL) {
		char buf[7];
		long n;

		put(*line->counter, ++now);
		if (now % 1024 == 0)
			sched_yield();
		ASSERT_GT(1ULL << 32, now);
		if (look(line->state->rx_seq) == seen)
			continue;
		seen = look(line->state->rx_seq);
		while ((n = sys(read(line->tty, buf, sizeof(buf)))) > 0)
			done += n;
		ASSERT_EQ(-EAGAIN, n);
	}
	EXPECT_TRUE(ends(&sender));
	finish_log(_metadata, line, &self->log);
	ASSERT_EQ(TOTAL, log_bytes_in(&self->log, logged, TOTAL));
	EXPECT_EQ(0, memcmp(sent, logged, TOTAL));
}

/* ---- Replay ---- */

TEST_F(clock, replay)
{
	struct line *line = &self->line;
	struct log *log = &self->log;
	__u64 seen;
	char c;

	log_begin(log);
	log_read(log, 10, 0, "a", 1);
	log_write(log, 12, 1, "w", 1, 0);
	log_read(log, 20, 0, "b", 1);

	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	put(*line->counter, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	seen = look(line->state->rx_seq);
	EXPECT_EQ(CRR_STATE_REPLAYING, look(line->state->state));
	EXPECT_EQ(0, look(line->state->next_due));
	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_EQ(10, look(line->state->next_due));
	put(*line->counter, 9);
	EXPECT_EQ(-EAGAIN, sys(read(line->tty, &c, 1)));
	put(*line->counter, 10);
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
	/* Only what is to be read is due; what is written is the run's own. */
	EXPECT_EQ(20, look(line->state->next_due));
	put(*line->counter, 12);
	EXPECT_EQ(1, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(20, look(line->state->next_due));
	put(*line->counter, 20);
	EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
	EXPECT_EQ('b', c);
	/* The horizon: what comes then is not known. */
	EXPECT_EQ(20, look(line->state->next_due));
	EXPECT_EQ(20, status(line->session).horizon);
	/* The device's input is nobody's. */
	ASSERT_EQ(0, send_all(line->peer, "zzz", 3));
	EXPECT_TRUE(eventually(status(line->session).discarded == 3));
	EXPECT_EQ(seen, look(line->state->rx_seq));
	log->length = 0;
	log_finish(log, 30, 0);
	ASSERT_EQ(0, feed_log(line->session, log));
	/* After END there is something to find: that it is over. */
	EXPECT_EQ(31, look(line->state->next_due));
	put(*line->counter, 31);
	EXPECT_EQ(-ENODATA, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(CRR_STATE_ENDED, look(line->state->state));
	EXPECT_EQ(0, look(line->state->next_due));
	EXPECT_EQ(0, look(line->state->diverged));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(CRR_STATE_IDLE, look(line->state->state));
	EXPECT_EQ(CRR_NEVER, look(line->state->next_due));
}

TEST_F(clock, diverged)
{
	struct line *line = &self->line;
	struct log *log = &self->log;

	log_begin(log);
	log_read(log, 10, 0, "a", 1);
	log_finish(log, 30, 0);
	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, log));
	EXPECT_EQ(0, look(line->state->diverged));
	put(*line->counter, 5);
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "w", 1)));
	EXPECT_EQ(CRR_STATE_DIVERGED, look(line->state->state));
	EXPECT_EQ(1, look(line->state->diverged));
	EXPECT_EQ(0, look(line->state->next_due));
	ASSERT_EQ(0, stop(line->session));
	EXPECT_EQ(0, look(line->state->diverged));
	EXPECT_EQ(CRR_NEVER, look(line->state->next_due));
}

TEST_HARNESS_MAIN
