// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may have a session, with the module's parameter "unprivileged" on; how much
 * memory; and what is left to those who may only write to a terminal. That nobody
 * may have a session without the capability when the parameter is off: ioctl.c,
 * lines.c.
 */
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define PARAMETER "/sys/module/n_crr/parameters/unprivileged"
/* Users of whom nothing else is to be expected. */
#define NOBODY 65533
#define ANOTHER 65532
/* A group that may write to terminals, as "tty" does. */
#define WRITERS 65531

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

static bool limit_memory(size_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	return !setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* With the limit of newer kernels: on 5.10 a user may pin 64 KiB. */
static bool become(uid_t uid, gid_t group)
{
	return limit_memory(8 << 20) && !setgroups(1, &group) &&
	       !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid);
}

/*
 * Run something as a user without any right, in a process of its own, on a
 * tty's name. Returns 0 if all that it must find was so.
 */
static int run_in_group(uid_t uid, gid_t group, void (*what)(const char *name),
			const char *name)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (!become(uid, group))
			_exit(255);
		what(name);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_as(uid_t uid, void (*what)(const char *name), const char *name)
{
	return run_in_group(uid, uid, what, name);
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
	/* What cannot begin anyway asks for none. */
	must(record_into(line.session, 0, CRR_BUFFER_MAX) == -EBUSY);
	must(replay_from(line.session, 0, CRR_BUFFER_MAX) == -EBUSY);
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

static void use_memory_without_bounds(const char *name)
{
	struct line line, second;

	must(limit_memory(0));
	must(!open_line(&line) && !open_line(&second));
	must(!record_into(line.session, 0, CRR_BUFFER_MIN));
	must(!map_clock(&line));
	must(set_ipc_lock(false));
	must(record_into(second.session, 0, CRR_BUFFER_MIN) == -ENOMEM);
	must(open_clock(second.tty) == -ENOMEM);
	/* Nor is it the same user's, who has so much that is counted. */
	must(set_ipc_lock(true));
	must(!record_into(second.session, 0, CRR_BUFFER_MIN));
	must(!map_clock(&second));
}

/* CAP_IPC_LOCK, as for mlock(2). */
TEST_F(rights, memory_of_the_trusted)
{
	EXPECT_EQ(0, run_as(0, use_memory_without_bounds, self->other.name));
}

/* ---- Every ioctl of a tty, as each kind of user ---- */

enum who {
	ROOT,
	USER,		/* who has opened the tty */
	TRUSTED,	/* the same, with the parameter on */
	NAMESPACE,	/* root of a user namespace of its own */
	LOGGED_IN,	/* as TRUSTED, on a login's terminal */
	WHOS,
};

/* Arguments that are good for an idle tty without a session. */
static const struct tty_ioctl {
	const char *name;
	unsigned int cmd;
	unsigned int size;
	bool controls;		/* not for everybody who has the tty open */
	int expected;
} tty_ioctls[] = {
	{ "STATUS", CRR_IOC_STATUS, sizeof(struct crr_status) },
	{ "CLOCK", CRR_IOC_CLOCK, sizeof(struct crr_clock_fd) },
	{ "COUNTER", CRR_IOC_COUNTER, sizeof(struct crr_counter) },
	{ "CHECKPOINT_BEGIN", CRR_IOC_CHECKPOINT_BEGIN,
	  sizeof(struct crr_checkpoint_begin) },
	{ "CHECKPOINT_END", CRR_IOC_CHECKPOINT_END,
	  sizeof(struct crr_checkpoint_end) },
	{ "MODEM", CRR_IOC_MODEM, sizeof(struct crr_modem), false, -ENOTTY },
	{ "MARK", CRR_IOC_MARK, sizeof(struct crr_mark) },
	{ "VALUE", CRR_IOC_VALUE, sizeof(struct crr_value) },
	{ "SEEK", CRR_IOC_SEEK, sizeof(struct crr_seek) },
	/* With no session fd, once the right is there. */
	{ "JOIN", CRR_IOC_JOIN, sizeof(struct crr_join), true, -EBADF },
	{ "SESSION", CRR_IOC_SESSION, sizeof(struct crr_session_fd), true },
	/* A session's, not a tty's. */
	{ "RECORD", CRR_IOC_RECORD, sizeof(struct crr_record_start), false,
	  -ENOTTY },
	{ "REPLAY", CRR_IOC_REPLAY, sizeof(struct crr_replay_start), false,
	  -ENOTTY },
	{ "STOP", CRR_IOC_STOP, sizeof(struct crr_stop), false, -ENOTTY },
	{ "DIVERGENCE", CRR_IOC_DIVERGENCE, sizeof(struct crr_divergence),
	  false, -ENOTTY },
	{ "SEEK_ACK", CRR_IOC_SEEK_ACK, sizeof(struct crr_seek_ack), false,
	  -ENOTTY },
};

/* Call it on this tty, and name that fd as the caller's own of it. */
static int call_on_tty(const struct tty_ioctl *call, int tty, int named)
{
	__u32 arg[64] = { call->size };

	switch (call->cmd) {
	case CRR_IOC_RECORD:
	case CRR_IOC_REPLAY:
	case CRR_IOC_STOP:
	case CRR_IOC_DIVERGENCE:
	case CRR_IOC_SEEK_ACK:
		break;
	case CRR_IOC_MARK:
		arg[3] = 1;
		memcpy(&arg[4], "x", 1);
		arg[2] = named;
		break;
	case CRR_IOC_COUNTER:
	case CRR_IOC_CHECKPOINT_BEGIN:
	case CRR_IOC_SEEK:
		/* The largest, of which there is no way back. */
		memset(&arg[4], 0xff, 8);
		arg[2] = named;
		break;
	case CRR_IOC_JOIN:
		arg[3] = named;
		arg[2] = named;
		break;
	default:
		arg[2] = named;
		break;
	}
	return sys(ioctl(tty, call->cmd, arg));
}

static void must_give(int expected, const struct tty_ioctl *call, int tty,
		      int named)
{
	int ret = call_on_tty(call, tty, named);

	if (ret != expected) {
		fprintf(stderr, "# %s, with fd %d: %d, not %d\n", call->name,
			named, ret, expected);
		_exit(1);
	}
}

static bool may_control;

static void all_tty_ioctls(const char *name)
{
	int tty = open(name, O_RDWR | O_NOCTTY);

	must(tty >= 0);
	for (int i = 0; i < ARRAY_SIZE(tty_ioctls); i++) {
		const struct tty_ioctl *call = &tty_ioctls[i];

		must_give(call->controls && !may_control ? -EPERM :
							   call->expected,
			  call, tty, tty);
	}
}

static void in_a_namespace(const char *name)
{
	must(!unshare(CLONE_NEWUSER));
	all_tty_ioctls(name);
}

TEST_F(rights, every_ioctl)
{
	const char *name = self->other.name;

	for (int who = 0; who < WHOS; who++) {
		ASSERT_TRUE(let_anybody(who == TRUSTED || who == LOGGED_IN));
		may_control = who == ROOT || who == TRUSTED;
		if (who == LOGGED_IN)
			ASSERT_TRUE(log_in(name));
		EXPECT_EQ(0, run_as(who == ROOT ? 0 : NOBODY,
				    who == NAMESPACE ? in_a_namespace :
						       all_tty_ioctls, name)) {
			TH_LOG("as user %d", who);
		}
	}
}

/* ---- Who may write to a terminal, and no more: mesg(1) ---- */

/* All of crr's ioctls, with whatever fd can be had. */
static void all_ioctls_refused(const char *name)
{
	struct line own;
	int tty;

	must(!open_pty(&own) && !attach(own.tty));
	must(open(name, O_RDWR | O_NOCTTY) < 0 && errno == EACCES);
	must(open(name, O_RDONLY | O_NOCTTY) < 0 && errno == EACCES);
	tty = open(name, O_WRONLY | O_NOCTTY);
	must(tty >= 0);
	for (int i = 0; i < ARRAY_SIZE(tty_ioctls); i++) {
		const struct tty_ioctl *call = &tty_ioctls[i];
		const int named[] = { tty, own.tty, own.peer, -1, 1000 };
		int expected = -EBADF;

		if (call->cmd == CRR_IOC_STATUS)
			expected = 0;
		else if (call->expected == -ENOTTY && call->cmd != CRR_IOC_MODEM)
			expected = -ENOTTY;
		for (int k = 0; k < ARRAY_SIZE(named); k++)
			must_give(expected, call, tty, named[k]);
	}
	/* What it can be asked tells nothing of keys. */
	must(!status(tty).received && !status(tty).counter);
}

/* Nothing has changed for the terminal's owner, whatever a session does. */
TEST_F(rights, writers_have_no_ioctl)
{
	struct line *line = &self->line;
	struct crr_status before, after;
	char c;

	ASSERT_EQ(0, chown(line->name, -1, WRITERS));
	ASSERT_EQ(0, chmod(line->name, 0620));
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	for (int recording = 0; recording < 2; recording++) {
		if (recording)
			ASSERT_EQ(0, record(line->session, 0));
		ASSERT_EQ(0, count(line->tty, 10 * (1 + recording)));
		ASSERT_TRUE(deliver(line, "k", 1));
		for (int let = 0; let < 2; let++) {
			ASSERT_TRUE(let_anybody(let));
			before = status(line->tty);
			EXPECT_EQ(0, run_in_group(NOBODY, WRITERS,
						  all_ioctls_refused,
						  line->name));
			after = status(line->tty);
			EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
		}
		EXPECT_EQ(1, sys(read(line->tty, &c, 1)));
		EXPECT_EQ(0, count(line->tty, 10 * (1 + recording) + 1));
	}
	finish_log(_metadata, line, &self->log);
}

/* What the kernel itself lets them do, under N_TTY as well. */
static void what_writers_may(const char *name)
{
	int tty = open(name, O_WRONLY | O_NOCTTY);
	struct termios termios;

	must(tty >= 0);
	must(write(tty, "w", 1) == 1);
	must(arrived(tty) == 3);
	must(unsent(tty) >= 0);
	must(polled(tty, POLLIN) == POLLIN);
	must(!tcflush(tty, TCIFLUSH));
	must(arrived(tty) == 0);
	must(!tcgetattr(tty, &termios));
	termios.c_lflag ^= ECHOK;
	must(!tcsetattr(tty, TCSANOW, &termios));
	must(!set_discipline(tty, 0));
}

TEST_F(rights, writers_of_the_kernels)
{
	struct line *line = &self->other;
	struct termios before, after;
	char c;

	ASSERT_EQ(0, chown(line->name, -1, WRITERS));
	ASSERT_EQ(0, chmod(line->name, 0620));
	for (int attached = 0; attached < 2; attached++) {
		int n_tty = -1;

		ASSERT_EQ(0, attached ? attach(line->tty) : detach(line->tty));
		ASSERT_EQ(0, tcgetattr(line->tty, &before));
		ASSERT_EQ(0, send_all(line->peer, "abc", 3));
		ASSERT_TRUE(eventually(arrived(line->tty) == 3));
		EXPECT_EQ(0, run_in_group(NOBODY, WRITERS, what_writers_may,
					  line->name));
		EXPECT_EQ(1, sys(read(line->peer, &c, 1)));
		EXPECT_EQ('w', c);
		EXPECT_EQ(0, arrived(line->tty));
		ASSERT_EQ(0, tcgetattr(line->tty, &after));
		EXPECT_EQ(ECHOK, before.c_lflag ^ after.c_lflag);
		EXPECT_EQ(0, sys(ioctl(line->tty, TIOCGETD, &n_tty)));
		EXPECT_EQ(0, n_tty);
	}
}

static void write_and_ask(const char *name)
{
	int tty = open(name, O_WRONLY | O_NOCTTY);

	must(tty >= 0);
	must(write(tty, "w", 1) == 1);
	must(arrived(tty) == 3);
	must(unsent(tty) >= 0);
}

static void write_what_nobody_expects(const char *name)
{
	int tty = open(name, O_WRONLY | O_NOCTTY);

	must(tty >= 0);
	must(sys(write(tty, "x", 1)) == -ENOTRECOVERABLE);
}

static void take_discipline(const char *name)
{
	int tty = open(name, O_WRONLY | O_NOCTTY);

	must(tty >= 0);
	must(!detach(tty));
}

/* In a session it counts as the emulator's own, and can end the session's work. */
TEST_F(rights, writers_are_recorded)
{
	struct line *line = &self->line;
	struct record rec;

	ASSERT_EQ(0, chown(line->name, -1, WRITERS));
	ASSERT_EQ(0, chmod(line->name, 0620));
	ASSERT_EQ(0, record(line->session, CRR_RECORD_CAPTURE));
	ASSERT_TRUE(deliver(line, "abc", 3));
	EXPECT_EQ(0, run_in_group(NOBODY, WRITERS, write_and_ask, line->name));
	finish_log(_metadata, line, &self->log);
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_WRITE));
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_INQ));
	EXPECT_EQ(1, log_count(&self->log, CRR_TYPE_OUTQ));

	ASSERT_EQ(0, replay(line->session, 0));
	ASSERT_EQ(0, feed_log(line->session, &self->log));
	EXPECT_EQ(0, run_in_group(NOBODY, WRITERS, write_what_nobody_expects,
				  line->name));
	EXPECT_EQ(CRR_STATE_DIVERGED, status(line->tty).state);
	ASSERT_EQ(0, stop(line->session));

	ASSERT_EQ(0, record(line->session, 0));
	EXPECT_EQ(0, run_in_group(NOBODY, WRITERS, take_discipline,
				  line->name));
	log_free(&self->log);
	finish_log(_metadata, line, &self->log);
	ASSERT_TRUE(log_get(&self->log, CRR_TYPE_STREAM_END, 0, &rec));
	EXPECT_EQ(CRR_END_CLOSED, rec.reason);
}

static void turn_parameter(const char *name)
{
	must(open(PARAMETER, O_WRONLY) < 0 && errno == EACCES);
	must(!let_anybody(true));
	must(!unshare(CLONE_NEWUSER));
	must(!let_anybody(true));
}

/* Nobody gives himself the right. */
TEST_F(rights, parameter_is_roots)
{
	ASSERT_TRUE(let_anybody(false));
	EXPECT_EQ(0, run_as(NOBODY, turn_parameter, self->other.name));
	EXPECT_EQ(0, run_as(NOBODY, take_over_refused, self->other.name));
}

/* ---- A session fd in other hands ---- */

/* Not by mistake: what a controller starts inherits neither. */
TEST_F(rights, fds_are_not_inherited)
{
	self->line.clock = open_clock(self->line.tty);
	ASSERT_LE(0, self->line.clock);
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->line.session, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->line.clock, F_GETFD));
}

static int give(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(part), &fd, sizeof(int));
	return sys(sendmsg(to, &message, 0));
}

static int take(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(from, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* It is a right in itself, and outlives who has made it. */
TEST_F(rights, session_fd_is_passed_on)
{
	struct line *line = &self->line;
	char buf[4096];
	int pair[2], status_of, session;
	pid_t pid;

	ASSERT_TRUE(let_anybody(false));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		close_fd(&line->session);
		must(become(NOBODY, NOBODY));
		must(open_session(line->tty) == -EPERM);
		session = take(pair[1]);
		must(session >= 0);
		/* Its maker has none left. */
		must(read(pair[1], buf, 1) == 1);
		must(!record_into(session, 0, CRR_BUFFER_MIN));
		must(write(line->tty, "w", 1) == 1);
		must(!stop(session));
		must(read(session, buf, sizeof(buf)) > 0);
		must(status(session).facts & CRR_STATUS_CONTROLLER);
		_exit(0);
	}
	ASSERT_EQ(1, give(pair[0], line->session));
	close_fd(&line->session);
	ASSERT_EQ(1, write(pair[0], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status_of, 0));
	EXPECT_EQ(0, status_of);
	EXPECT_FALSE(status(line->tty).facts & CRR_STATUS_CONTROLLER);
	close(pair[0]);
	close(pair[1]);
}

/* ---- A hostile clock page ---- */

static atomic_bool calm;

static void *rave(void *arg)
{
	struct crr_clock_counter *page = arg;
	__u64 state = 1;

	while (!calm) {
		state = state * 6364136223846793005 + 1442695040888963407;
		put(page->counter, state >> (state >> 58));
		put(page->version, (__u32)state);
		put(page->size, (__u32)(state >> 32));
	}
	return NULL;
}

/*
 * Any value, at any time, from another thread: operations succeed or fail with
 * an errno of crr's, the log is a log, and nobody else notices.
 */
TEST_F_TIMEOUT(rights, hostile_clock_page, 120)
{
	struct line *line = &self->line, *other = &self->other;
	struct log theirs = {};
	pthread_t thread;
	char c = 'x';

	other->session = open_session(other->tty);
	ASSERT_LE(0, other->session);
	ASSERT_EQ(0, set_flags(line->tty, O_NONBLOCK, true));
	ASSERT_EQ(0, map_clock(line));
	calm = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, rave, line->page));
	ASSERT_EQ(0, record(other->session, CRR_RECORD_CAPTURE));
	for (int round = 0; round < 6; round++) {
		if (round % 2) {
			ASSERT_EQ(0, replay(line->session, 0));
			ASSERT_EQ(0, feed_log(line->session, &self->log));
		} else {
			log_free(&self->log);
			ASSERT_EQ(0, record(line->session, 0));
		}
		for (int i = 0; i < 500; i++) {
			long n;

			send_all(line->peer, "i", 1);
			n = sys(read(line->tty, &c, 1));
			ASSERT_TRUE(n == 1 || n == -EAGAIN || n == -ERANGE ||
				    n == -ENOTRECOVERABLE || n == -ENODATA);
			n = sys(write(line->tty, &c, 1));
			ASSERT_TRUE(n == 1 || n == -ERANGE ||
				    n == -ENOTRECOVERABLE || n == -ENODATA);
			polled(line->tty, POLLIN | POLLOUT);
			arrived(line->tty);
			swallow(line->peer);
			count(other->tty, round * 1000 + i);
			ASSERT_EQ(1, write(other->tty, "o", 1));
			swallow(other->peer);
		}
		ASSERT_EQ(0, stop(line->session));
		if (round % 2)
			continue;
		ASSERT_EQ(0, drain_to_end(line->session, &self->log));
		expect_valid(_metadata, &self->log, true);
	}
	calm = true;
	pthread_join(thread, NULL);
	ASSERT_EQ(0, stop(other->session));
	ASSERT_EQ(0, drain_to_end(other->session, &theirs));
	expect_valid(_metadata, &theirs, true);
	EXPECT_EQ(3000, log_count(&theirs, CRR_TYPE_WRITE));
	log_free(&theirs);
}

TEST_HARNESS_MAIN
