// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(2), epoll and aio on a replay that is never fed, by a user without rights: they
 * return at once, and hold up nobody else. epoll polls files with locks held, one of
 * which all nested epoll fds of the system share; aio polls them in kernel threads.
 *
 * What poll(2) reports in replay: wakeups.c. All at once: storm.c.
 */
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kselftest_harness.h"

#include "crr_test.h"

#define PARAMETER "/sys/module/n_crr/parameters/unprivileged"
#define NOBODY 65534

static bool let_anybody(bool let)
{
	int fd = open(PARAMETER, O_WRONLY);
	bool done = fd >= 0 && write(fd, let ? "Y" : "N", 1) == 1;

	close_fd(&fd);
	return done;
}

/* A child that does something without rights, or as root, and then exits. */
static pid_t start_child(bool unprivileged, void (*what)(void *), void *arg)
{
	struct rlimit locked = { 8 << 20, 8 << 20 };
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid)
		return pid;
	if (unprivileged && (setrlimit(RLIMIT_MEMLOCK, &locked) ||
			     setresgid(NOBODY, NOBODY, NOBODY) ||
			     setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(255);
	/* A change of users resets it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	what(arg);
	_exit(0);
}

/* Its exit status, or -1: it does not end. */
static int status_of(pid_t pid)
{
	int status = -1;

	if (!eventually(waitpid(pid, &status, WNOHANG) == pid))
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

static void print_threads(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "grep -h . /proc/%d/task/*/stack | sed 's/^/# /' >&2", pid);
	if (system(command))
		fprintf(stderr, "# no stack of %d\n", pid);
}

/* Killed, it ends. */
static bool end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	return eventually(waitpid(pid, NULL, WNOHANG) == pid);
}

/* What children and parent share. */
struct shared {
	atomic_bool ready;
	atomic_uint step;	/* of the child: how far it is */
	char name[64];
};

FIXTURE(poll) {
	struct shared *shared;
};

FIXTURE_SETUP(poll)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->shared);
	ASSERT_TRUE(let_anybody(true));
}

FIXTURE_TEARDOWN(poll)
{
	let_anybody(false);
}

/* In a child. */
#define must(_condition)						\
do {									\
	if (!(_condition)) {						\
		fprintf(stderr, "# line %d: not so: %s (%s)\n",	\
			__LINE__, #_condition, strerror(errno));	\
		_exit(1);						\
	}								\
} while (0)

/* Every way to look at a replay of which nothing is known. */
static void look_at_unknown(void *arg)
{
	struct shared *shared = arg;
	struct waiter waiter;
	struct line line;

	must(!open_line(&line));
	must(!replay_from(line.session, 0, CRR_BUFFER_MIN));
	for (int nonblock = 0; nonblock < 2; nonblock++) {
		must(!set_flags(line.tty, O_NONBLOCK, nonblock));
		for (int how = 0; how < WAYS_TO_WAIT; how++) {
			shared->step = 10 * nonblock + how;
			if (user_mode_linux() &&
			    (how == BY_AIO || how == BY_AIO_ALONE))
				continue;
			must(!open_waiter(&waiter, how, line.tty, POLLIN));
			/* An O_NONBLOCK file guesses: its read waits. */
			must(await(&waiter, 0) == nonblock);
			close_waiter(&waiter);
			must(!open_waiter(&waiter, how, line.tty, POLLOUT));
			must(await(&waiter, 0) == 1);
			close_waiter(&waiter);
		}
	}
}

TEST_F_TIMEOUT(poll, returns_at_once, 120)
{
	pid_t pid = start_child(true, look_at_unknown, self->shared);

	EXPECT_EQ(0, status_of(pid)) {
		fprintf(stderr, "# %s, by %s\n", self->shared->step >= 10 ?
			"O_NONBLOCK" : "blocking",
			ways_to_wait[self->shared->step % 10]);
		print_threads(pid);
		EXPECT_TRUE(end_child(pid));
	}
}

/* Adds a tty whose replay is never fed to an epoll fd, and keeps it. */
static void add_unknown(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct shared *shared = arg;
	struct line line;
	int epoll[2];

	must(!open_line(&line));
	must(!replay_from(line.session, 0, CRR_BUFFER_MIN));
	epoll[0] = epoll_create1(0);
	epoll[1] = epoll_create1(0);
	must(!epoll_ctl(epoll[1], EPOLL_CTL_ADD, epoll[0], &event));
	shared->ready = true;
	must(!epoll_ctl(epoll[0], EPOLL_CTL_ADD, line.tty, &event));
	shared->step = 1;
	for (;;) {
		/* Once more with the lock that all nested ones share. */
		must(!epoll_ctl(epoll[1], EPOLL_CTL_DEL, epoll[0], &event));
		must(!epoll_ctl(epoll[1], EPOLL_CTL_ADD, epoll[0], &event));
		shared->step++;
	}
}

/* Has nothing to do with crr. */
static void nest_epolls(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN };
	int pipes[2], epoll[2];

	must(!pipe(pipes));
	for (int i = 0; i < 100; i++) {
		epoll[0] = epoll_create1(0);
		epoll[1] = epoll_create1(0);
		must(!epoll_ctl(epoll[1], EPOLL_CTL_ADD, pipes[0], &event));
		must(!epoll_ctl(epoll[0], EPOLL_CTL_ADD, epoll[1], &event));
		must(!epoll_ctl(epoll[0], EPOLL_CTL_DEL, epoll[1], &event));
		close(epoll[0]);
		close(epoll[1]);
	}
}

TEST_F_TIMEOUT(poll, nested_epolls_of_others, 120)
{
	struct shared *shared = self->shared;
	pid_t unknown, other;

	unknown = start_child(true, add_unknown, shared);
	ASSERT_TRUE(eventually(shared->ready));
	/* It is in the call, or has come back. */
	EXPECT_TRUE(eventually(shared->step)) {
		print_threads(unknown);
	}
	other = start_child(false, nest_epolls, NULL);
	EXPECT_EQ(0, status_of(other)) {
		print_threads(other);
		print_threads(unknown);
		kill(unknown, SIGKILL);
		EXPECT_TRUE(end_child(other));
	}
	EXPECT_TRUE(end_child(unknown));
}

#define REQUESTS	600
#define BALLAST		6000

struct contended {
	aio_context_t context;
	atomic_bool stop;
};

/* On one processor, if there is another. */
static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Takes the context's lock again and again: wakeups leave polls to kernel threads. */
static void *contend(void *arg)
{
	struct contended *contended = arg;
	struct iocb none = {};

	stay_on(1);
	while (!contended->stop)
		io_cancel(contended->context, &none);
	return NULL;
}

/*
 * Requests on an epoll fd that holds a tty, of which is known that there is nothing;
 * then it is not known any more, all are woken for no reason, and the process ends.
 */
static void poll_by_aio(void *arg)
{
	static struct iocb iocbs[REQUESTS], ballast[BALLAST];
	struct epoll_event event = { .events = EPOLLIN };
	struct contended contended = {};
	struct shared *shared = arg;
	struct termios termios;
	struct log log = {};
	struct line line;
	pthread_t thread;
	int epoll, pipes[2];

	must(!open_line(&line));
	memcpy(shared->name, line.name, sizeof(line.name));
	must(!map_clock(&line));
	must(!replay_from(line.session, 0, CRR_BUFFER_MIN));
	log_begin(&log);
	log_write(&log, 100, 1, "x", 1, CRR_FLAG_CAPTURED);
	must(!feed_log(line.session, &log));
	epoll = epoll_create1(0);
	must(!epoll_ctl(epoll, EPOLL_CTL_ADD, line.tty, &event));
	must(!io_setup(REQUESTS + BALLAST, &contended.context));
	/* The longer the list, the longer is the lock held that goes through it. */
	must(!pipe(pipes));
	for (int i = 0; i < BALLAST; i++)
		must(io_poll(contended.context, &ballast[i], pipes[0], POLLIN) == 1);
	for (int i = 0; i < REQUESTS; i++)
		must(io_poll(contended.context, &iocbs[i], epoll, POLLIN) == 1);
	must(!pthread_create(&thread, NULL, contend, &contended));
	stay_on(0);
	usleep(100000);
	put(*line.counter, 100);
	shared->step = 1;
	/* N_TTY wakes all who wait. */
	for (int i = 0; i < 20; i++) {
		must(!tcgetattr(line.tty, &termios));
		must(!tcsetattr(line.tty, TCSANOW, &termios));
		breathe();
	}
	contended.stop = true;
	must(!pthread_join(thread, NULL));
	/* In this call, too, the file is polled; what is ready has come. */
	for (int i = 0; i < 4; i++) {
		struct iocb again;

		shared->step = 2;
		must(io_poll(contended.context, &again, epoll, POLLIN) == 1 ||
		     errno == EAGAIN);
	}
	shared->step = 3;
	if (shared->ready)
		must(!io_destroy(contended.context));
	shared->step = 4;
}

/* Has something done on each processor, by kernel threads. */
static void refresh(void *arg)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY);

	must(fd < 0 || write(fd, "1\n", 2) == 2);
}

static void check_aio(struct __test_metadata *_metadata, struct shared *shared,
		      bool destroys)
{
	pid_t pid, other;

	shared->ready = destroys;
	pid = start_child(true, poll_by_aio, shared);
	EXPECT_EQ(0, status_of(pid)) {
		fprintf(stderr, "# step %u\n", shared->step);
		print_threads(pid);
	}
	other = start_child(false, refresh, NULL);
	EXPECT_EQ(0, status_of(other)) {
		print_threads(other);
	}
	/* However it went: everything ends, if need be by a hangup. */
	if (kill(pid, SIGKILL))
		return;
	if (!eventually(waitpid(pid, NULL, WNOHANG))) {
		print_threads(pid);
		hang_up(shared->name);
		EXPECT_TRUE(eventually(waitpid(pid, NULL, WNOHANG)));
	}
	EXPECT_TRUE(eventually(waitpid(other, NULL, WNOHANG)));
}

TEST_F_TIMEOUT(poll, aio_destroyed, 120)
{
	if (user_mode_linux())
		SKIP(return, "no aio in user-mode Linux");
	check_aio(_metadata, self->shared, true);
}

TEST_F_TIMEOUT(poll, aio_left_behind, 120)
{
	if (user_mode_linux())
		SKIP(return, "no aio in user-mode Linux");
	check_aio(_metadata, self->shared, false);
}

TEST_HARNESS_MAIN
