// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An emulator's part of libcrr on a tty without N_CRR: always due, reads and
 * writes as read(2) and write(2) do them, and nothing of its own.
 */
#include <crr.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

struct pty {
	int master;
	char path[64];
};

static int make_pty(void **state)
{
	static struct pty pty;

	pty.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty.master < 0 || grantpt(pty.master) || unlockpt(pty.master) ||
	    ptsname_r(pty.master, pty.path, sizeof(pty.path)))
		return -1;
	*state = &pty;
	return 0;
}

static int close_pty(void **state)
{
	struct pty *pty = *state;

	return pty->master < 0 ? 0 : close(pty->master);
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void assert_no_open(const char *path, unsigned int flags, int err)
{
	int before = count_fds();

	errno = 0;
	assert_null(crr_tty_open(path, flags));
	assert_int_equal(errno, err);
	assert_int_equal(count_fds(), before);
}

static void test_open_fails(void **state)
{
	struct pty *pty = *state;
	char file[] = "/tmp/tty_test.XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_no_open("/dev/no-such-tty", 0, ENOENT);
	assert_no_open("/dev/null", 0, ENOTTY);
	assert_no_open("/dev/null", CRR_TTY_RAW, ENOTTY);
	assert_no_open(file, 0, ENOTTY);
	assert_no_open("/", 0, EISDIR);
	assert_no_open(pty->path, 0x4, EINVAL);
	assert_no_open(pty->path, ~0U, EINVAL);
	close(fd);
	unlink(file);
}

static void test_open_flags(void **state)
{
	struct pty *pty = *state;
	struct termios before, after;
	struct crr_tty *tty;
	int fd, hold;

	hold = open(pty->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(hold, &before), 0);

	/* Nothing asked for: nothing changed. */
	tty = crr_tty_open(pty->path, 0);
	assert_non_null(tty);
	fd = crr_tty_fd(tty);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(tcgetattr(fd, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	crr_tty_close(tty);
	errno = 0;
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);

	tty = crr_tty_open(pty->path, CRR_TTY_RAW | CRR_TTY_BLOCKING);
	assert_non_null(tty);
	fd = crr_tty_fd(tty);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(tcgetattr(fd, &after), 0);
	assert_int_equal(after.c_lflag & (ISIG | ICANON | ECHO | IEXTEN), 0);
	assert_int_equal(after.c_oflag & OPOST, 0);
	assert_int_equal(after.c_iflag & (ICRNL | IXON), 0);
	assert_int_equal(after.c_cflag & CSIZE, CS8);
	assert_int_equal(after.c_cc[VMIN], 1);
	assert_int_equal(after.c_cc[VTIME], 0);
	crr_tty_close(tty);
	close(hold);
}

/* A session leader without a terminal does not get this one. */
static void test_no_controlling_terminal(void **state)
{
	struct pty *pty = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct crr_tty *tty;
		int fd;

		setsid();
		tty = crr_tty_open(pty->path, 0);
		if (!tty)
			_exit(1);
		fd = open("/dev/tty", O_RDWR);
		crr_tty_close(tty);
		_exit(fd >= 0 ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_adopt(void **state)
{
	struct pty *pty = *state;
	int fd = open(pty->path, O_RDWR | O_NOCTTY);
	struct crr_tty *tty;
	int to[2], before = count_fds();

	assert_true(fd >= 0);
	tty = crr_tty_adopt(fd);
	assert_non_null(tty);
	assert_int_equal(crr_tty_fd(tty), fd);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_false(crr_tty_attached(tty));
	crr_tty_close(tty);
	/* It is not ours to close. */
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	close(fd);

	errno = 0;
	assert_null(crr_tty_adopt(-1));
	assert_int_equal(errno, EBADF);
	assert_int_equal(pipe(to), 0);
	errno = 0;
	assert_null(crr_tty_adopt(to[0]));
	assert_int_equal(errno, ENOTTY);
	close(to[0]);
	close(to[1]);
	assert_int_equal(count_fds(), before - 1);
	crr_tty_close(NULL);
}

/* Wait until the tty has something to be read. */
static void wait_input(int fd)
{
	int n = 0, i;

	for (i = 0; i < 10000 && !n; i++) {
		assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
		usleep(n ? 0 : 1000);
	}
	assert_true(n > 0);
}

static void test_read_write(void **state)
{
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, CRR_TTY_RAW);
	char buf[64];

	assert_non_null(tty);
	assert_false(crr_tty_attached(tty));
	errno = 0;
	assert_int_equal(crr_tty_read(tty, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(crr_tty_read(tty, buf, 0), 0);

	assert_int_equal(write(pty->master, "hello\n", 6), 6);
	wait_input(crr_tty_fd(tty));
	assert_int_equal(crr_tty_read(tty, buf, 2), 2);
	assert_memory_equal(buf, "he", 2);
	assert_int_equal(crr_tty_read(tty, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "llo\n", 4);
	errno = 0;
	assert_int_equal(crr_tty_read(tty, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);

	assert_int_equal(crr_tty_write(tty, "a\nb", 3), 3);
	assert_int_equal(read(pty->master, buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "a\nb", 3);
	crr_tty_close(tty);
}

/* The clock of a line without one: due whatever the counter, and never late. */
static void test_clock(void **state)
{
	static const uint64_t counts[] = { 0,	       1, 1000, UINT64_MAX - 1,
					   UINT64_MAX, 5 };
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, CRR_TTY_RAW);
	struct crr_clock *clock;
	char byte;
	size_t i;

	assert_non_null(tty);
	clock = crr_tty_clock(tty);
	assert_non_null(clock);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		assert_true(crr_clock_due(clock, counts[i]));
		/* What is due once is due again, read or not. */
		assert_int_equal(crr_tty_read(tty, &byte, 1), -1);
		assert_true(crr_clock_due(clock, counts[i]));
		crr_clock_set(clock, counts[i]);
		/* Not replaying: nothing to be waited for. */
		assert_true(crr_clock_next_due(clock) == CRR_NEVER);
	}
	crr_tty_close(tty);
}

/* Ours, and without N_CRR nobody knows them. */
static void test_ioctls(void **state)
{
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, 0);
	struct crr_status status;
	uint64_t due;
	int fd;

	assert_non_null(tty);
	fd = crr_tty_fd(tty);
	errno = 0;
	assert_int_equal(crr_count(fd, 1, NULL), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(crr_count(fd, 1, &due), -1);
	errno = 0;
	assert_int_equal(crr_status(fd, &status), -1);
	assert_int_equal(errno, ENOTTY);
	errno = 0;
	assert_int_equal(crr_session_open(fd), -1);
	assert_int_equal(errno, ENOTTY);
	/* It has N_TTY, and gets it. */
	assert_int_equal(crr_detach(fd), 0);
	if (crr_ldisc() < 0) {
		assert_int_equal(errno, ENOENT);
		errno = 0;
		assert_int_equal(crr_attach(fd), -1);
		assert_int_equal(errno, ENOENT);
	}
	crr_tty_close(tty);
}

/* Nothing is hidden, and so nothing is to be waited for. */
static void test_checkpoints(void **state)
{
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, CRR_TTY_RAW);
	char c;

	assert_non_null(tty);
	assert_int_equal(crr_checkpoint_pending(tty), 0);
	assert_int_equal(crr_checkpoint_begin(tty, 7, 1), 0);
	assert_int_equal(write(pty->master, "a", 1), 1);
	assert_int_equal(crr_checkpoint_pending(tty), 0);
	while (crr_tty_read(tty, &c, 1) != 1)
		assert_int_equal(errno, EAGAIN);
	assert_int_equal(crr_checkpoint_pending(tty), 0);
	assert_int_equal(crr_checkpoint_end(tty), 0);
	crr_tty_close(tty);
}

static void test_hangup(void **state)
{
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, CRR_TTY_RAW);
	char byte;

	assert_non_null(tty);
	close(pty->master);
	pty->master = -1;
	/* As read(2) on a tty that is hung up. */
	assert_int_equal(crr_tty_read(tty, &byte, 1), 0);
	errno = 0;
	assert_int_equal(crr_tty_write(tty, "x", 1), -1);
	assert_int_equal(errno, EIO);
	assert_true(crr_clock_due(crr_tty_clock(tty), 1));
	errno = 0;
	assert_int_equal(crr_count(crr_tty_fd(tty), 1, NULL), -1);
	assert_int_equal(errno, EIO);
	crr_tty_close(tty);
	assert_no_open(pty->path, 0, ENOENT);
}

static void ignore(int sig)
{
}

/* A blocking read is ended by a signal, as read(2) is. */
static void test_interrupted(void **state)
{
	const struct sigaction act = { .sa_handler = ignore };
	struct pty *pty = *state;
	struct crr_tty *tty;
	char byte;

	tty = crr_tty_open(pty->path, CRR_TTY_RAW | CRR_TTY_BLOCKING);
	assert_non_null(tty);
	sigaction(SIGALRM, &act, NULL);
	/* Again and again: the first may come before the read. */
	ualarm(10000, 10000);
	errno = 0;
	assert_int_equal(crr_tty_read(tty, &byte, 1), -1);
	assert_int_equal(errno, EINTR);
	ualarm(0, 0);
	crr_tty_close(tty);
}

#define PTY_TEST(test) \
	cmocka_unit_test_setup_teardown(test, make_pty, close_pty)

/* All that was asked for, though it comes in pieces; or less, at the end. */
static void test_read_all(void **state)
{
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, CRR_TTY_RAW);
	char buf[64];
	pid_t child;
	int i;

	assert_non_null(tty);
	child = fork();
	if (!child) {
		for (i = 0; i < 10; i++) {
			usleep(1000);
			if (write(pty->master, "abcdef", 6) != 6)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(crr_tty_read_all(tty, buf, 0), 0);
	assert_int_equal(crr_tty_read_all(tty, buf, 25), 25);
	assert_memory_equal(buf, "abcdefabcdefabcdefabcdefa", 25);
	assert_int_equal(crr_tty_read_all(tty, buf, 35), 35);
	assert_memory_equal(buf, "bcdef", 5);
	waitpid(child, NULL, 0);

	assert_int_equal(write(pty->master, "xy", 2), 2);
	wait_input(crr_tty_fd(tty));
	assert_int_equal(crr_tty_read_all(tty, buf, 2), 2);
	close(pty->master);
	pty->master = -1;
	assert_int_equal(crr_tty_read_all(tty, buf, 5), 0);
	crr_tty_close(tty);
}

/* Of a tty without N_CRR the kernel's own ioctls are asked; marks go nowhere. */
static void test_modem_and_mark(void **state)
{
	struct pty *pty = *state;
	struct crr_tty *tty = crr_tty_open(pty->path, CRR_TTY_RAW);
	struct crr_modem modem;
	char label[CRR_MARK_MAX + 2] = "";

	assert_non_null(tty);
	errno = 0;
	assert_int_equal(crr_modem(tty, &modem), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(crr_mark(tty, "state 1a2b"), 0);
	errno = 0;
	assert_int_equal(crr_mark(tty, ""), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(crr_mark(tty, "a\nb"), -1);
	memset(label, 'x', CRR_MARK_MAX);
	assert_int_equal(crr_mark(tty, label), 0);
	label[CRR_MARK_MAX] = 'x';
	assert_int_equal(crr_mark(tty, label), -1);
	crr_tty_close(tty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PTY_TEST(test_open_fails),
		PTY_TEST(test_read_all),
		PTY_TEST(test_modem_and_mark),
		PTY_TEST(test_open_flags),
		PTY_TEST(test_no_controlling_terminal),
		PTY_TEST(test_adopt),
		PTY_TEST(test_read_write),
		PTY_TEST(test_clock),
		PTY_TEST(test_ioctls),
		PTY_TEST(test_checkpoints),
		PTY_TEST(test_hangup),
		PTY_TEST(test_interrupted),
	};

	return cmocka_run_group_tests_name("tty", tests, NULL, NULL);
}
