// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may have a session, with the module's parameter "unprivileged" on; and
 * how much memory. That nobody may without the capability when it is off:
 * ioctl.c, lines.c.
 */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define PARAMETER "/sys/module/n_crr/parameters/unprivileged"
/* Users of whom nothing else is to be expected. */
#define NOBODY 65533
#define ANOTHER 65532

static bool let_anybody(bool let)
{
	int fd = open(PARAMETER, O_WRONLY);
	bool done = fd >= 0 && write(fd, let ? "Y" : "N", 1) == 1;

	close_fd(&fd);
	return done;
}

FIXTURE(rights) {
	struct line line;
	struct line other;
	struct log log;
};

/* A pty and its session, root's; and one without. Anybody may open them. */
FIXTURE_SETUP(rights)
{
	self->other = (struct line){ -1, -1, -1, -1 };
	if (!setup_line(_metadata, &self->line))
		return;
	ASSERT_EQ(0, open_pty(&self->other));
	ASSERT_EQ(0, attach(self->other.tty));
	ASSERT_EQ(0, chmod(self->line.name, 0666));
	ASSERT_EQ(0, chmod(self->other.name, 0666));
	ASSERT_TRUE(let_anybody(true));
}

FIXTURE_TEARDOWN(rights)
{
	let_anybody(false);
	close_line(&self->line);
	close_line(&self->other);
	log_free(&self->log);
}

/*
 * Run something as a user without any right, in a process of its own, on a
 * tty's name. Returns 0 if all that it must find was so.
 */
static int run_as(uid_t uid, void (*what)(const char *name), const char *name)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(255);
		what(name);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In there: what must hold. */
#define must(_condition)						\
do {									\
	if (!(_condition)) {						\
		fprintf(stderr, "# line %d: not so: %s (%s)\n",	\
			__LINE__, #_condition, strerror(errno));	\
		_exit(1);						\
	}								\
} while (0)

/* Make it the controlling terminal of a new login, in a further process. */
static bool log_in(const char *name)
{
	int pipes[2];
	bool done = false;

	if (pipe(pipes))
		return false;
	if (!fork()) {
		int fd;

		close(pipes[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		fd = open(name, O_RDWR);
		done = fd >= 0 && !ioctl(fd, TIOCSCTTY, 0);
		if (write(pipes[1], &done, sizeof(done)) < 0)
			_exit(1);
		/* As long as anybody looks. */
		for (;;)
			pause();
	}
	close(pipes[1]);
	if (read(pipes[0], &done, sizeof(done)) != sizeof(done))
		done = false;
	close(pipes[0]);
	return done;
}

static void all_of_the_work(const char *name)
{
	struct line line, second;
	struct crr_divergence div;
	struct log log = {};
	char c;

	must(!open_line(&line));
	must(!open_pty(&second) && !attach(second.tty));
	must(join(second.tty, line.session) == 1);
	must(!map_clock(&line));
	must(!record_into(line.session, CRR_RECORD_CAPTURE,
			  CRR_BUFFER_MIN));
	must(write(second.tty, "x", 1) == 1);
	must(deliver(&line, "y", 1));
	must(read(line.tty, &c, 1) == 1);
	must(!stop(line.session));
	must(!drain_to_end(line.session, &log));
	must(!log_fault(&log, true));
	must(!replay_from(line.session, 0, CRR_BUFFER_MIN));
	must(!feed_log(line.session, &log));
	must(write(second.tty, "x", 1) == 1);
	must(read(line.tty, &c, 1) == 1 && c == 'y');
	must(!stop(line.session));
	must(divergence(line.session, &div) == -ENODATA);
}

/* All of the work, without a right. */
TEST_F(rights, anybody_records_and_replays)
{
	EXPECT_EQ(0, run_as(NOBODY, all_of_the_work, self->other.name));
}

static void session_on_a_terminal(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY);
	struct line line;

	must(fd >= 0);
	must(open_session(fd) == -EPERM);
	must(!open_line(&line));
	must(join(fd, line.session) == -EPERM);
}

/* Nobody reads, or types, what belongs to somebody's terminal. */
TEST_F(rights, not_on_a_terminal)
{
	ASSERT_TRUE(log_in(self->other.name));
	EXPECT_EQ(0, run_as(NOBODY, session_on_a_terminal, self->other.name));
	/* Root may. */
	self->other.session = open_session(self->other.tty);
	EXPECT_LE(0, self->other.session);
	EXPECT_EQ(0, record(self->other.session, 0));
	EXPECT_EQ(1, write(self->other.tty, "x", 1));
}

static void login_while_recording(const char *name)
{
	struct line line;
	char c;

	must(!open_line(&line));
	must(!record_into(line.session, 0, CRR_BUFFER_MIN));
	must(write(line.tty, "x", 1) == 1);
	must(log_in(line.name));
	must(sys(write(line.tty, "x", 1)) == -EIO);
	must(sys(read(line.tty, &c, 1)) == -EIO);
	must(status(line.session).state == CRR_STATE_FAILED);
	must(status(line.session).reason == CRR_REASON_TERMINAL);
	must(!stop(line.session));
	must(write(line.tty, "x", 1) == 1);
	close(line.session);
}

static void login_before_recording(const char *name)
{
	struct line line;

	must(!open_line(&line));
	must(log_in(line.name));
	must(record_into(line.session, 0, CRR_BUFFER_MIN) == -EPERM);
	must(replay_from(line.session, 0, CRR_BUFFER_MIN) == -EPERM);
}

/* A session that was there first is ended by a login. */
TEST_F(rights, terminal_since)
{
	EXPECT_EQ(0, run_as(NOBODY, login_while_recording, self->other.name));
	EXPECT_EQ(0, run_as(NOBODY, login_before_recording, self->other.name));
}

static void take_over_refused(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY);

	must(fd >= 0);
	must(open_session(fd) == -EPERM);
}

/* Root, of a namespace of its own: the very user, without the capability. */
static void take_over_from_namespace(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY);

	must(fd >= 0);
	if (!unshare(CLONE_NEWUSER))
		must(open_session(fd) == -EPERM);
}

static void begin_recording(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY);
	int session = open_session(fd);

	must(session >= 0);
	must(!record_into(session, 0, CRR_BUFFER_MIN));
}

static void take_over(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY);

	must(open_session(fd) >= 0);
}

/* What somebody else has begun to record, or whoever has the right. */
TEST_F(rights, taken_over_by_its_owner)
{
	ASSERT_EQ(0, record(self->line.session, 0));
	close_fd(&self->line.session);
	EXPECT_EQ(0, run_as(NOBODY, take_over_refused, self->line.name));
	EXPECT_EQ(0, run_as(0, take_over_from_namespace, self->line.name));
	self->line.session = open_session(self->line.tty);
	EXPECT_LE(0, self->line.session);

	EXPECT_EQ(0, run_as(NOBODY, begin_recording, self->other.name));
	EXPECT_EQ(CRR_STATE_RECORDING, status(self->other.tty).state);
	EXPECT_EQ(0, run_as(ANOTHER, take_over_refused, self->other.name));
	EXPECT_EQ(0, run_as(NOBODY, take_over, self->other.name));
	self->other.session = open_session(self->other.tty);
	EXPECT_LE(0, self->other.session);
}

/* ---- Memory ---- */

static bool limit_memory(size_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	return !setrlimit(RLIMIT_MEMLOCK, &limit);
}

static void use_memory(const char *name)
{
	struct line line, second;

	must(limit_memory(3 << 19));
	must(!open_line(&line));
	must(!open_line(&second));
	/* 8 MB, by default */
	must(record(line.session, 0) == -ENOMEM);
	must(replay(line.session, 0) == -ENOMEM);
	must(status(line.session).state == CRR_STATE_IDLE);
	must(!record_into(line.session, 0, 1 << 20));
	/* All sessions of a user together. */
	must(record_into(second.session, 0, 1 << 20) == -ENOMEM);
	must(!stop(line.session));
	close(line.session);
	/* What is closed is given back. */
	must(!detach(line.tty));
	must(eventually(!record_into(second.session, 0, 1 << 20)));
}

TEST_F(rights, memory_of_a_user)
{
	EXPECT_EQ(0, run_as(NOBODY, use_memory, self->other.name));
}

static void clock_without_memory(const char *name)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = open(name, O_RDWR | O_NOCTTY);

	must(fd >= 0);
	must(limit_memory(2 * page - 1));
	must(open_clock(fd) == -ENOMEM);
	must(!(status(fd).facts & CRR_STATUS_CLOCK));
}

static void clock_with_memory(const char *name)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = open(name, O_RDWR | O_NOCTTY);

	must(limit_memory(2 * page));
	/* Of other clocks it may take some time until they are quite gone. */
	must(eventually(open_clock(fd) >= 0));
}

TEST_F(rights, memory_of_a_clock)
{
	EXPECT_EQ(0, run_as(NOBODY, clock_without_memory, self->line.name));
	EXPECT_EQ(0, run_as(NOBODY, clock_with_memory, self->line.name));
}

TEST_HARNESS_MAIN
