// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls: what they refuse, and with which errno.
 *
 * Where each errno that the uapi header lists has its test:
 *
 *	all		EFAULT		pointers, unanswerable
 *			EINVAL		too_short
 *			E2BIG		too_long
 *			EOPNOTSUPP	unknown_flags
 *			ENOTTY		wrong_fd, unknown_numbers
 *			EBADF		needs_the_tty
 *			EINTR		a lock's waiter: not to be had from here
 *	SESSION		EPERM		session_needs_capability, _namespace
 *			EBADF		session_needs_the_tty
 *			EBUSY		session_has_a_controller
 *			EOPNOTSUPP	on_a_master
 *			EMFILE		no_fd_left
 *	CLOCK		EOPNOTSUPP	on_a_master
 *			EMFILE		no_fd_left
 *	COUNTER		ERANGE		counter_goes_back, and record.c
 *	RECORD, REPLAY	EBUSY		record.c: again, needs_quiet
 *			ENODEV		record.c: hangup
 *			EINVAL		values
 *			EOPNOTSUPP	values
 *	STOP		ENODATA		normal
 *	DIVERGENCE	ENODATA		normal
 *	JOIN		all		lines.c
 *	CHECKPOINT_*	all		gate.c
 *	MODEM, MARK	all others	queries.c
 *	SEEK, SEEK_ACK	all		seek.c
 *
 * ENFILE and ENOMEM take an injected fault.
 */
#include <sched.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

#include "crr_test.h"

enum {
	TTY = 0x1,
	SESSION = 0x2,
	CLOCK = 0x4,
	MASTER = 0x8,		/* N_CRR on the master of a pty */
	OTHER = 0x10,		/* a tty whose discipline is N_TTY */
	KINDS = 5,
};

/* Of the first and only version. */
static const struct call_row {
	const char *name;
	unsigned int cmd;
	unsigned int size;
	unsigned int on;
	unsigned int flags;
	bool answers;
	/*
	 * In an idle session with a controller and an unread log; of JOIN, with
	 * standard input for a session fd.
	 */
	int normal;
} rows[] = {
	{ "STATUS", CRR_IOC_STATUS, 176, TTY | SESSION | CLOCK | MASTER,
	  0, true, 0 },
	{ "SESSION", CRR_IOC_SESSION, 16, TTY, 0, true, -EBUSY },
	{ "CLOCK", CRR_IOC_CLOCK, 16, TTY, 0, true, 0 },
	{ "COUNTER", CRR_IOC_COUNTER, 32, TTY | CLOCK | MASTER, 0, true, 0 },
	{ "RECORD", CRR_IOC_RECORD, 24, SESSION,
	  CRR_RECORD_CAPTURE | CRR_RECORD_FAIL_ORPHAN | CRR_RECORD_BLOCK |
	  CRR_RECORD_GATED,
	  false, -EBUSY },
	{ "REPLAY", CRR_IOC_REPLAY, 24, SESSION,
	  CRR_REPLAY_MUTE | CRR_REPLAY_GATED | CRR_REPLAY_LIVE |
	  CRR_REPLAY_RECORD, false, -EBUSY },
	{ "STOP", CRR_IOC_STOP, 8, SESSION, 0, false, -ENODATA },
	{ "DIVERGENCE", CRR_IOC_DIVERGENCE, 144, SESSION, 0, true, -ENODATA },
	{ "JOIN", CRR_IOC_JOIN, 24, TTY, 0, true, -EBADF },
	{ "CHECKPOINT_BEGIN", CRR_IOC_CHECKPOINT_BEGIN, 32, TTY | MASTER, 0,
	  true, 0 },
	{ "CHECKPOINT_END", CRR_IOC_CHECKPOINT_END, 24, TTY | MASTER, 0,
	  true, 0 },
	/* A pty has no modem lines. */
	{ "MODEM", CRR_IOC_MODEM, 64, TTY | MASTER, 0, true, -ENOTTY },
	{ "MARK", CRR_IOC_MARK, 80, TTY | MASTER, 0, false, 0 },
	{ "VALUE", CRR_IOC_VALUE, 48, TTY | MASTER, 0, true, 0 },
	{ "SEEK", CRR_IOC_SEEK, 32, TTY | MASTER, 0, false, 0 },
	{ "SEEK_ACK", CRR_IOC_SEEK_ACK, 24, SESSION, 0, false, -ENODATA },
};

/* An ioctl on one of the fds that it is for. */
struct call_case {
	const struct call_row *row;
	int kind;
	int fd;
};

FIXTURE(ioctl) {
	struct line line;
	struct line other;
	int fds[KINDS];
	struct call_case cases[KINDS * ARRAY_SIZE(rows)];
	int ncases;
	size_t page;
	/* Two pages, then nothing. */
	char *pages;
};

FIXTURE_SETUP(ioctl)
{
	struct line *line = &self->line;

	if (!setup_line(_metadata, line))
		return;
	ASSERT_EQ(0, map_clock(line));
	ASSERT_EQ(0, open_pty(&self->other));
	ASSERT_EQ(0, attach(line->peer));
	ASSERT_EQ(0, record(line->session, 0));
	ASSERT_EQ(0, stop(line->session));
	self->fds[0] = line->tty;
	self->fds[1] = line->session;
	self->fds[2] = line->clock;
	self->fds[3] = line->peer;
	self->fds[4] = self->other.tty;
	for (int i = 0; i < ARRAY_SIZE(rows); i++)
		for (int kind = 0; kind < KINDS; kind++)
			if (rows[i].on & 1 << kind)
				self->cases[self->ncases++] =
					(struct call_case){
						.row = &rows[i], .kind = kind,
						.fd = self->fds[kind],
					};
	self->page = sysconf(_SC_PAGESIZE);
	self->pages = before_hole(2 * self->page);
}

FIXTURE_TEARDOWN(ioctl)
{
	close_line(&self->line);
	close_line(&self->other);
}

static void put_word(void *to, size_t offset, __u32 word)
{
	memcpy((char *)to + offset, &word, sizeof(word));
}

static __u32 get_word(const void *from, size_t offset)
{
	__u32 word;

	memcpy(&word, (const char *)from + offset, sizeof(word));
	return word;
}

/* The struct's members as they are in a normal call on this fd. */
static void prepare(const struct call_row *row, void *arg, size_t room,
		    __u32 size, int fd)
{
	memset(arg, 0, room);
	if (room >= 4)
		put_word(arg, 0, size);
	/* Where a session's and a clock's structs have something else. */
	if (row->on & TTY && room >= 12)
		put_word(arg, 8, fd);
	if (row->cmd == CRR_IOC_MARK && room >= 20) {
		put_word(arg, 12, 1);
		put_word(arg, 16, 'x');
	}
}

/* Call it, and give back what it gave. */
static int perform(const struct call_row *row, int fd, void *arg)
{
	int ret = sys(ioctl(fd, row->cmd, arg));

	if (!ret && row->cmd == CRR_IOC_SESSION)
		close(((struct crr_session_fd *)arg)->session_fd);
	if (!ret && row->cmd == CRR_IOC_CLOCK)
		close(((struct crr_clock_fd *)arg)->clock_fd);
	return ret;
}

static void expect_call(struct __test_metadata *_metadata, int expected,
			const struct call_case *call, void *arg,
			const char *what, unsigned int detail)
{
	EXPECT_EQ(expected, perform(call->row, call->fd, arg)) {
		TH_LOG("%s on fd of kind %d: %s (%u)", call->row->name,
		       call->kind, what, detail);
	}
}

#define expect(...) expect_call(_metadata, __VA_ARGS__)

TEST_F(ioctl, normal)
{
	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		prepare(row, self->pages, self->page, row->size, call->fd);
		expect(row->normal, call, self->pages, "normal", 0);
		EXPECT_EQ(row->size, get_word(self->pages, 0));
	}
}

TEST_F(ioctl, wrong_fd)
{
	for (int i = 0; i < ARRAY_SIZE(rows) * KINDS; i++) {
		const struct call_case call = {
			.row = &rows[i / KINDS],
			.kind = i % KINDS,
			.fd = self->fds[i % KINDS],
		};

		if (call.row->on & 1 << call.kind)
			continue;
		prepare(call.row, self->pages, self->page, call.row->size,
			call.fd);
		/* A master is a tty, but not one that an emulator has. */
		expect(1 << call.kind == MASTER && call.row->on & TTY ?
		       -EOPNOTSUPP : -ENOTTY, &call, self->pages, "wrong", 0);
	}
}

TEST_F(ioctl, unknown_numbers)
{
	struct line *line = &self->line;

	for (int kind = 0; kind < KINDS; kind++) {
		int fd = self->fds[kind];

		for (int nr = ARRAY_SIZE(rows); nr < 256; nr++)
			EXPECT_EQ(-ENOTTY, sys(ioctl(fd, _IO(CRR_IOC_TYPE, nr),
						     self->pages)));
	}
	/* The numbers bear neither size nor direction. */
	prepare(&rows[0], self->pages, self->page, rows[0].size, line->tty);
	EXPECT_EQ(-ENOTTY, sys(ioctl(line->tty, CRR_IOC_STATUS | 176 << 16,
				     self->pages)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(line->tty, CRR_IOC_STATUS | 3U << 30,
				     self->pages)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(line->session, CRR_IOC_STOP | 1U << 30,
				     self->pages)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(line->session, TCGETS, self->pages)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(line->clock, FIONREAD, self->pages)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(line->tty, _IO('T', 0xfe), self->pages)));
}

TEST_F(ioctl, too_short)
{
	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		for (__u32 size = 0; size < row->size; size++) {
			prepare(row, self->pages, self->page, size, call->fd);
			expect(-EINVAL, call, self->pages, "size", size);
		}
	}
}

/* A caller of a later version may say nothing that this one does not know. */
TEST_F(ioctl, too_long)
{
	const __u32 more[] = { 1, 4, 8, 64, 1024, 4096 };

	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		for (int k = 0; k < ARRAY_SIZE(more); k++) {
			__u32 size = row->size + more[k] < self->page ?
				     row->size + more[k] : self->page;

			prepare(row, self->pages, self->page, size, call->fd);
			expect(row->normal, call, self->pages, "size", size);
			EXPECT_EQ(size, get_word(self->pages, 0));
			prepare(row, self->pages, self->page, size, call->fd);
			self->pages[row->size] = 1;
			expect(-E2BIG, call, self->pages,
			       "tail begins with 1", size);
			self->pages[row->size] = 0;
			self->pages[size - 1] = 1;
			expect(-E2BIG, call, self->pages,
			       "tail ends with 1", size);
		}
		prepare(row, self->pages, 2 * self->page, self->page + 1,
			call->fd);
		expect(-E2BIG, call, self->pages, "more than a page", 0);
		put_word(self->pages, 0, 0xffffffff);
		expect(-E2BIG, call, self->pages, "as large as can be", 0);
	}
}

/* Of a longer struct only what this version knows is written. */
TEST_F(ioctl, tail_is_left_alone)
{
	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		prepare(row, self->pages, self->page, row->size, call->fd);
		memset(self->pages + row->size, 0x5a, 64);
		expect(row->normal, call, self->pages, "normal", 0);
		for (int i = 0; i < 64; i++)
			EXPECT_EQ(0x5a, self->pages[row->size + i]);
	}
}

TEST_F(ioctl, unknown_flags)
{
	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		for (int bit = 0; bit < 32; bit++) {
			bool known = row->flags & 1U << bit;
			__u32 flags = 1U << bit;

			/* The one makes no sense without the other. */
			if (row->cmd == CRR_IOC_REPLAY &&
			    flags == CRR_REPLAY_RECORD)
				flags |= CRR_REPLAY_LIVE;
			prepare(row, self->pages, self->page, row->size,
				call->fd);
			put_word(self->pages, 4, flags);
			expect(known ? row->normal : -EOPNOTSUPP, call,
			       self->pages, "flag", 1U << bit);
		}
	}
}

TEST_F(ioctl, pointers)
{
	char *end = self->pages + 2 * self->page;

	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		expect(-EFAULT, call, NULL, "NULL", 0);
		expect(-EFAULT, call, end, "unmapped", 0);
		expect(-EFAULT, call, (void *)~7UL, "no address", 0);
		/* The struct ends where the pages do, or leads beyond. */
		for (__u32 room = 1; room <= row->size; room++) {
			prepare(row, end - room, room, row->size, call->fd);
			if (room < row->size)
				expect(-EFAULT, call, end - room, "room", room);
		}
		expect(row->normal, call, end - row->size, "at end", 0);
		prepare(row, end - row->size, row->size, row->size + 8,
			call->fd);
		expect(-EFAULT, call, end - row->size, "tail beyond", 0);
		prepare(row, self->pages + 1, self->page, row->size,
			call->fd);
		expect(row->normal, call, self->pages + 1, "unaligned", 0);
	}
}

/* How many fds this process has. */
static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* The answer cannot be written: no fd comes to life, nor stays half alive. */
TEST_F(ioctl, unanswerable)
{
	struct line *other = &self->other;
	int before = open_fds();

	for (int i = 0; i < self->ncases; i++) {
		const struct call_case *call = &self->cases[i];
		const struct call_row *row = call->row;

		prepare(row, self->pages, self->page, row->size, call->fd);
		ASSERT_EQ(0, mprotect(self->pages, self->page, PROT_READ));
		expect(row->answers ? -EFAULT : row->normal,
		       call, self->pages, "read-only", 0);
		ASSERT_EQ(0, mprotect(self->pages, self->page,
				      PROT_READ | PROT_WRITE));
	}
	/* The same of a session that is made, not refused. */
	ASSERT_EQ(0, attach(other->tty));
	prepare(&rows[1], self->pages, self->page, 16, other->tty);
	ASSERT_EQ(0, mprotect(self->pages, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, sys(ioctl(other->tty, CRR_IOC_SESSION,
				     self->pages)));
	EXPECT_EQ(before, open_fds());
	EXPECT_FALSE(status(other->tty).facts & CRR_STATUS_CONTROLLER);
	other->session = open_session(other->tty);
	EXPECT_LE(0, other->session);
	/* What fails changes nothing: the counter is what it was. */
	ASSERT_EQ(0, record(other->session, 0));
	ASSERT_EQ(0, mprotect(self->pages, self->page,
			      PROT_READ | PROT_WRITE));
	*(struct crr_counter *)self->pages = (struct crr_counter){
		.size = sizeof(struct crr_counter), .tty_fd = other->tty,
		.counter = 77,
	};
	ASSERT_EQ(0, mprotect(self->pages, self->page, PROT_READ));
	EXPECT_EQ(-EFAULT, sys(ioctl(other->tty, CRR_IOC_COUNTER,
				     self->pages)));
	EXPECT_EQ(0, status(other->tty).counter);
}

TEST_F(ioctl, values)
{
	struct line *other = &self->other;
	static const struct {
		struct crr_record_start arg;
		int expected;
	} starts[] = {
		{ { .__reserved = 1 }, -EINVAL },
		{ { .__reserved = 1ULL << 63 }, -EINVAL },
		{ { .buffer_size = 1 }, -EINVAL },
		{ { .buffer_size = CRR_BUFFER_MIN - 1 }, -EINVAL },
		{ { .buffer_size = CRR_BUFFER_MAX + 1ULL }, -EINVAL },
		{ { .buffer_size = 1ULL << 32 }, -EINVAL },
		{ { .buffer_size = 1ULL << 63 }, -EINVAL },
		{ { .buffer_size = CRR_NEVER }, -EINVAL },
		{ { .buffer_size = CRR_BUFFER_MIN }, 0 },
		{ { .buffer_size = CRR_BUFFER_MIN + 1 }, 0 },
		{ { .buffer_size = 0 }, 0 },
	};
	int tty = self->line.tty;
	struct crr_counter counter = {
		.size = sizeof(counter), .tty_fd = tty, .__reserved = 1,
	};
	struct crr_checkpoint_end end = {
		.size = sizeof(end), .tty_fd = tty, .__reserved = 1,
	};
	struct crr_seek seek = {
		.size = sizeof(seek), .tty_fd = tty, .__reserved = 1,
	};

	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_COUNTER, &counter)));
	EXPECT_EQ(-EINVAL, sys(ioctl(self->line.clock, CRR_IOC_COUNTER,
				     &counter)));
	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_CHECKPOINT_END, &end)));
	EXPECT_EQ(-EINVAL, sys(ioctl(tty, CRR_IOC_SEEK, &seek)));
	ASSERT_EQ(0, attach(other->tty));
	other->session = open_session(other->tty);
	ASSERT_LE(0, other->session);
	for (int i = 0; i < ARRAY_SIZE(starts); i++) {
		struct crr_record_start arg = starts[i].arg;
		struct crr_replay_start as_replay = {
			.size = sizeof(as_replay),
			.buffer_size = arg.buffer_size,
		};
		struct crr_status st;
		struct log log = {};

		arg.size = sizeof(arg);
		EXPECT_EQ(starts[i].expected,
			  sys(ioctl(other->session, CRR_IOC_RECORD, &arg)));
		st = status(other->session);
		if (starts[i].expected) {
			EXPECT_EQ(CRR_STATE_IDLE, st.state);
		} else {
			EXPECT_LE(arg.buffer_size ?: CRR_BUFFER_DEFAULT,
				  st.buffer_size);
			EXPECT_EQ(0, stop(other->session));
			EXPECT_EQ(0, drain_to_end(other->session, &log));
			log_free(&log);
		}
		if (arg.__reserved)
			continue;
		EXPECT_EQ(starts[i].expected,
			  sys(ioctl(other->session, CRR_IOC_REPLAY,
				    &as_replay)));
		if (!starts[i].expected)
			EXPECT_EQ(0, stop(other->session));
	}
}

/* ---- The caller's own fd of the tty ---- */

struct named {
	const char *what;
	int fd;
};

/*
 * Call all ioctls of a tty through fd, and name another as the caller's own; JOIN
 * with this session.
 */
static void expect_named(struct __test_metadata *_metadata, int fd,
			 const struct named *named, bool right, int session)
{
	__u32 arg[64];

	for (int i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct call_row *row = &rows[i];
		int expected = row->normal;

		if (!(row->on & TTY))
			continue;
		prepare(row, arg, sizeof(arg), row->size, named->fd);
		if (row->cmd == CRR_IOC_JOIN) {
			put_word(arg, 12, session);
			expected = -EBUSY;
		}
		if (!right && row->cmd != CRR_IOC_STATUS)
			expected = -EBADF;
		EXPECT_EQ(expected, perform(row, fd, arg)) {
			TH_LOG("%s by %s", row->name, named->what);
		}
		/* What was named stays what it was. */
		EXPECT_EQ(named->fd, get_word(arg, 8));
	}
}

TEST_F(ioctl, needs_the_tty)
{
	struct line *line = &self->line;
	int reads = open(line->name, O_RDONLY | O_NOCTTY);
	int writes = open(line->name, O_WRONLY | O_NOCTTY);
	const struct named right[] = {
		{ "the fd itself", line->tty },
		{ "a copy of it", dup(line->tty) },
		{ "the tty, opened once more",
		  open(line->name, O_RDWR | O_NOCTTY) },
	}, wrong[] = {
		{ "the tty, for reading", reads },
		{ "the tty, for writing", writes },
		{ "the tty, for nothing", open(line->name, O_PATH) },
		{ "the other end", line->peer },
		{ "another tty", self->other.tty },
		{ "a session fd", line->session },
		{ "a clock fd", line->clock },
		{ "a file", open("/proc/self/exe", O_RDONLY) },
		{ "one that was closed", dup(line->tty) },
		{ "one that was never open", 1000 },
		{ "the largest", 0x7fffffff },
		{ "none", -1 },
		{ "the smallest", -0x7fffffff - 1 },
	};
	const int through[] = { line->tty, reads, writes };

	for (int i = 0; i < ARRAY_SIZE(wrong); i++)
		if (strstr(wrong[i].what, "closed"))
			close(wrong[i].fd);
	for (int k = 0; k < ARRAY_SIZE(through); k++) {
		for (int i = 0; i < ARRAY_SIZE(wrong); i++)
			expect_named(_metadata, through[k], &wrong[i], false,
				     line->session);
		for (int i = 0; i < ARRAY_SIZE(right); i++)
			expect_named(_metadata, through[k], &right[i], true,
				     line->session);
	}
	/* The ends of a pty are two ttys. */
	prepare(&rows[3], self->pages, self->page, rows[3].size, line->tty);
	EXPECT_EQ(-EBADF, sys(ioctl(line->peer, CRR_IOC_COUNTER, self->pages)));
}

/* Of whoever had the tty before it was hung up. */
TEST_F(ioctl, needs_no_former_user)
{
	struct line *line = &self->other;
	struct crr_counter arg = { .size = sizeof(arg), .counter = 1 };
	int fd;

	ASSERT_EQ(0, hang_up(line->name));
	fd = open(line->name, O_RDWR | O_NOCTTY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, attach(fd));
	arg.tty_fd = line->tty;
	EXPECT_EQ(-EBADF, sys(ioctl(fd, CRR_IOC_COUNTER, &arg)));
	arg.tty_fd = fd;
	EXPECT_EQ(0, sys(ioctl(fd, CRR_IOC_COUNTER, &arg)));
	EXPECT_EQ(-EIO, sys(ioctl(line->tty, CRR_IOC_COUNTER, &arg)));
	close(fd);
}

/* STATUS with and without an fd of the tty's own. */
static void expect_in_part(struct __test_metadata *_metadata, int tty,
			   __u32 facts, __u32 facts_in_part)
{
	struct crr_status all = status(tty);
	struct crr_status part = { .size = sizeof(part), .tty_fd = -1 };
	const struct crr_status expected = {
		.size = sizeof(part),
		.tty_fd = -1,
		.facts = facts_in_part,
		.state = all.state,
		.reason = all.reason,
		.stream = CRR_NO_STREAM,
		.next_due = CRR_NEVER,
	};

	EXPECT_EQ(facts, all.facts);
	EXPECT_EQ(0, all.stream);
	EXPECT_EQ(tty, all.tty_fd);
	EXPECT_EQ(0, sys(ioctl(tty, CRR_IOC_STATUS, &part)));
	EXPECT_EQ(facts_in_part, part.facts);
	EXPECT_EQ(0, memcmp(&expected, &part, sizeof(part)));
}

/* To others STATUS tells nothing that changes with the traffic. */
TEST_F(ioctl, status_in_part)
{
	enum { HAS = CRR_STATUS_SESSION | CRR_STATUS_CONTROLLER };
	struct line *line = &self->other;
	struct crr_status st;
	struct log log = {};
	struct task seeker;

	ASSERT_EQ(0, attach(line->tty));
	st = (struct crr_status){ .size = sizeof(st), .tty_fd = line->peer };
	ASSERT_TRUE(deliver(line, "x", 1));
	EXPECT_EQ(1, status(line->tty).received);
	EXPECT_EQ(0, sys(ioctl(line->tty, CRR_IOC_STATUS, &st)));
	EXPECT_EQ(0, st.received);

	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	expect_in_part(_metadata, line->tty, HAS, HAS);
	ASSERT_EQ(0, record(line->session, CRR_RECORD_GATED));
	ASSERT_EQ(0, begin_checkpoint(line->tty, 5, 0));
	expect_in_part(_metadata, line->tty, HAS | CRR_STATUS_GATED |
		       CRR_STATUS_COUNTED | CRR_STATUS_UNREAD |
		       CRR_STATUS_CHECKPOINT, HAS | CRR_STATUS_GATED);
	ASSERT_EQ(0, end_checkpoint(line->tty));
	ASSERT_EQ(0, stop(line->session));
	ASSERT_EQ(0, drain_to_end(line->session, &log));

	ASSERT_EQ(0, replay(line->session, CRR_REPLAY_GATED));
	ASSERT_EQ(0, feed_log(line->session, &log));
	EXPECT_EQ(-ENOTRECOVERABLE, sys(write(line->tty, "x", 1)));
	expect_in_part(_metadata, line->tty, HAS | CRR_STATUS_GATED |
		       CRR_STATUS_END_FED | CRR_STATUS_DIVERGENCE,
		       HAS | CRR_STATUS_GATED | CRR_STATUS_END_FED |
		       CRR_STATUS_DIVERGENCE);
	begin(&seeker, SEEK, .fd = line->tty, .counter = 7);
	ASSERT_TRUE(sleeps(&seeker));
	expect_in_part(_metadata, line->tty, HAS | CRR_STATUS_GATED |
		       CRR_STATUS_COUNTED | CRR_STATUS_SEEK,
		       HAS | CRR_STATUS_GATED);
	st = status(line->session);
	EXPECT_EQ(0, seek_ack(line->session, st.seek_generation, 0));
	EXPECT_TRUE(ends(&seeker));
	log_free(&log);
}

/* ---- SESSION ---- */

static int session_by(int tty, int fd)
{
	struct crr_session_fd arg = { .size = sizeof(arg), .tty_fd = fd };

	return ioctl(tty, CRR_IOC_SESSION, &arg) ? -errno : arg.session_fd;
}

TEST_F(ioctl, session_needs_the_tty)
{
	struct line *line = &self->other;
	int fd;

	ASSERT_EQ(0, attach(line->tty));
	EXPECT_EQ(-EBADF, session_by(line->tty, -1));
	fd = open(line->name, O_RDONLY | O_NOCTTY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, session_by(line->tty, fd));
	EXPECT_EQ(-EBADF, session_by(fd, fd));
	close(fd);
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_SESSION);

	/* Another file of the very tty is as good; so is a worse one to ask. */
	fd = open(line->name, O_RDWR | O_NOCTTY);
	ASSERT_LE(0, fd);
	line->session = session_by(line->tty, fd);
	EXPECT_LE(0, line->session);
	EXPECT_EQ(FD_CLOEXEC, fcntl(line->session, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(line->session, F_GETFL) & O_ACCMODE);
	close_fd(&line->session);
	close(fd);
	fd = open(line->name, O_RDONLY | O_NOCTTY);
	ASSERT_LE(0, fd);
	line->session = session_by(fd, line->tty);
	EXPECT_LE(0, line->session);
	close(fd);
}

/* Run without a right: what SESSION, and CLOCK, then give. */
static int without_rights(int tty, bool namespace, int *clock)
{
	int results[2] = { -1, -1 };
	int pipes[2];
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		if (namespace ? unshare(CLONE_NEWUSER) :
		    setresuid(65534, 65534, 65534)) {
			results[0] = -ENOTSUP;
		} else {
			results[0] = session_by(tty, tty);
			results[1] = open_clock(tty);
		}
		_exit(write(pipes[1], results, sizeof(results)) < 0);
	}
	close(pipes[1]);
	if (read(pipes[0], results, sizeof(results)) < 0)
		results[0] = -errno;
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	*clock = results[1];
	return results[0];
}

TEST_F(ioctl, session_needs_capability)
{
	int clock;

	ASSERT_EQ(0, attach(self->other.tty));
	EXPECT_EQ(-EPERM, without_rights(self->other.tty, false, &clock));
	EXPECT_LE(0, clock);
	/* Before it says whether there is one. */
	EXPECT_EQ(-EPERM, without_rights(self->line.tty, false, &clock));
}

TEST_F(ioctl, session_needs_initial_namespace)
{
	int clock, ret;

	ASSERT_EQ(0, attach(self->other.tty));
	ret = without_rights(self->other.tty, true, &clock);
	if (ret == -ENOTSUP)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(-EPERM, ret);
	EXPECT_LE(0, clock);
}

TEST_F(ioctl, session_has_a_controller)
{
	struct line *line = &self->other;
	int copy;

	ASSERT_EQ(0, attach(line->tty));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(-EBUSY, session_by(line->tty, line->tty));
	copy = dup(line->session);
	close_fd(&line->session);
	EXPECT_EQ(-EBUSY, session_by(line->tty, line->tty));
	close(copy);
	line->session = open_session(line->tty);
	EXPECT_LE(0, line->session);
}

TEST_F(ioctl, on_a_master)
{
	EXPECT_EQ(-EOPNOTSUPP, session_by(self->line.peer, self->line.peer));
	EXPECT_EQ(-EOPNOTSUPP, open_clock(self->line.peer));
	EXPECT_EQ(0, status(self->line.peer).facts);
}

/* There is no number left: nothing is made that nobody could close. */
TEST_F(ioctl, no_fd_left)
{
	struct rlimit limit = { .rlim_max = 256 };
	struct line *line = &self->other;
	int fd;

	ASSERT_EQ(0, attach(line->tty));
	fd = dup(0);
	ASSERT_LE(0, fd);
	close(fd);
	limit.rlim_cur = fd;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, session_by(line->tty, line->tty));
	EXPECT_EQ(-EMFILE, open_clock(line->tty));
	limit.rlim_cur = 256;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_CONTROLLER);
	line->session = open_session(line->tty);
	EXPECT_LE(0, line->session);
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_CLOCK);
	line->clock = open_clock(line->tty);
	EXPECT_LE(0, line->clock);
}

/* ---- COUNTER ---- */

TEST_F(ioctl, counter_goes_back)
{
	struct line *line = &self->line;
	struct log log = {};

	ASSERT_EQ(0, drain_to_end(line->session, &log));
	log_free(&log);
	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(0, count(line->tty, 10));
	EXPECT_EQ(10, look(*line->counter));
	EXPECT_EQ(0, count(line->clock, 10));
	EXPECT_EQ(-ERANGE, count(line->tty, 9));
	EXPECT_EQ(-ERANGE, count(line->clock, 0));
	EXPECT_EQ(10, look(*line->counter));
	EXPECT_EQ(0, count(line->clock, 11));
	EXPECT_EQ(11, look(*line->counter));
	EXPECT_EQ(11, status(line->tty).counter);
}

/* With a clock it is stored in the clock's page, session or not. */
TEST_F(ioctl, counter_is_stored)
{
	struct line *line = &self->other;

	ASSERT_EQ(0, attach(line->tty));
	ASSERT_EQ(0, map_clock(line));
	EXPECT_EQ(0, count(line->clock, 5));
	EXPECT_EQ(5, look(*line->counter));
	EXPECT_EQ(0, count(line->tty, 6));
	EXPECT_EQ(6, look(*line->counter));
	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	EXPECT_EQ(0, count(line->tty, 7));
	EXPECT_EQ(7, look(*line->counter));
	EXPECT_EQ(0, count(line->clock, 8));
	EXPECT_EQ(8, look(*line->counter));
}

/* ---- Callers of 32 bits ---- */

#ifdef __x86_64__
static long call_as_32_bits(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

/*
 * A kernel without 32-bit system calls may kill the caller. In user-mode Linux
 * the host decides: it may refuse int $0x80, or take the number for a 64-bit
 * one. So a child tries.
 */
static bool have_calls_of_32_bits(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(call_as_32_bits(20, 0, 0, 0) != getpid());
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

TEST_F(ioctl, of_32_bits)
{
	char *arg;

	if (!have_calls_of_32_bits())
		SKIP(return, "no system calls of 32 bits");
	arg = mmap(NULL, self->page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, arg);
	for (int i = 0; i < self->ncases; i++) {
		const struct call_row *row = self->cases[i].row;
		int fd = self->cases[i].fd;

		prepare(row, arg, self->page, row->size, fd);
		EXPECT_EQ(row->normal,
			  call_as_32_bits(54, fd, row->cmd, (long)arg)) {
			TH_LOG("%s", row->name);
		}
		if (row->cmd == CRR_IOC_CLOCK)
			close(((struct crr_clock_fd *)arg)->clock_fd);
		EXPECT_EQ(-EFAULT, call_as_32_bits(54, fd, row->cmd, 0));
	}
	/* N_TTY's and the core's own, converted as ever. */
	EXPECT_EQ(0, call_as_32_bits(54, self->line.tty, FIONREAD, (long)arg));
	EXPECT_EQ(0, call_as_32_bits(54, self->line.tty, TCGETS, (long)arg));
	EXPECT_EQ(0, call_as_32_bits(54, self->line.tty, TIOCOUTQ, (long)arg));
	EXPECT_EQ(-ENOTTY, call_as_32_bits(54, self->line.tty,
					   _IO(CRR_IOC_TYPE, 99), (long)arg));
}
#endif

TEST_HARNESS_MAIN
