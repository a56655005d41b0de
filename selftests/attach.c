// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line discipline without a session: attach, detach, unload; and its number.
 */
#include "kselftest_harness.h"

#include "crr_test.h"

FIXTURE(attach) {
	struct line line;
};

FIXTURE_SETUP(attach)
{
	const char *missing = crr_unavailable();

	if (missing)
		SKIP(return, "%s", missing);
	ASSERT_EQ(0, open_pty(&self->line));
}

FIXTURE_TEARDOWN(attach)
{
	close_line(&self->line);
}

static int discipline(int fd)
{
	int number = -1;

	return ioctl(fd, TIOCGETD, &number) ? -errno : number;
}

/* Does what is written at one end come out of the other, both ways? */
static bool carries(int a, int b)
{
	char buf[8] = "";

	return write(a, "there", 5) == 5 && receive_all(b, buf, 5) == 5 &&
	       !memcmp(buf, "there", 5) &&
	       write(b, "back", 4) == 4 && receive_all(a, buf, 4) == 4 &&
	       !memcmp(buf, "back", 4);
}

TEST_F(attach, changes_nothing)
{
	struct line *line = &self->line;
	struct termios before, after;

	ASSERT_EQ(0, tcgetattr(line->tty, &before));
	before.c_iflag |= IXON | ICRNL;
	before.c_lflag |= ICANON | ECHO;
	before.c_cc[VERASE] = 'x';
	ASSERT_EQ(0, tcsetattr(line->tty, TCSANOW, &before));
	ASSERT_EQ(0, tcgetattr(line->tty, &before));

	ASSERT_EQ(0, attach(line->tty));
	EXPECT_EQ(crr_discipline(), discipline(line->tty));
	ASSERT_EQ(0, tcgetattr(line->tty, &after));
	EXPECT_EQ(before.c_iflag, after.c_iflag);
	EXPECT_EQ(before.c_oflag, after.c_oflag);
	EXPECT_EQ(before.c_cflag, after.c_cflag);
	EXPECT_EQ(before.c_lflag, after.c_lflag);
	EXPECT_EQ(0, memcmp(before.c_cc, after.c_cc, sizeof(before.c_cc)));

	ASSERT_EQ(0, detach(line->tty));
	EXPECT_EQ(0, discipline(line->tty));
	ASSERT_EQ(0, tcgetattr(line->tty, &after));
	EXPECT_EQ(before.c_iflag, after.c_iflag);
	EXPECT_EQ(before.c_lflag, after.c_lflag);
	EXPECT_EQ(0, memcmp(before.c_cc, after.c_cc, sizeof(before.c_cc)));
}

TEST_F(attach, carries_both_ways)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, attach(line->tty));
	EXPECT_TRUE(carries(line->tty, line->peer));
	ASSERT_EQ(0, detach(line->tty));
	EXPECT_TRUE(carries(line->tty, line->peer));
	ASSERT_EQ(0, attach(line->tty));
	EXPECT_TRUE(carries(line->tty, line->peer));
}

/* Twice the same is no change; the other end's discipline is its own. */
TEST_F(attach, again_and_on_the_master)
{
	struct line *line = &self->line;

	ASSERT_EQ(0, attach(line->tty));
	ASSERT_EQ(0, attach(line->tty));
	EXPECT_TRUE(carries(line->tty, line->peer));
	ASSERT_EQ(0, attach(line->peer));
	EXPECT_TRUE(carries(line->tty, line->peer));
	ASSERT_EQ(0, detach(line->tty));
	EXPECT_TRUE(carries(line->tty, line->peer));
}

TEST_F(attach, status_without_session)
{
	struct crr_status st;

	ASSERT_EQ(0, attach(self->line.tty));
	st = status(self->line.tty);
	EXPECT_EQ(sizeof(st), st.size);
	EXPECT_EQ(CRR_STATE_IDLE, st.state);
	EXPECT_EQ(0, st.facts);
	EXPECT_EQ(CRR_NO_STREAM, st.stream);
	EXPECT_EQ(CRR_NEVER, st.next_due);
	EXPECT_EQ(0, st.reason | st.streams | st.waiting);
	EXPECT_EQ(0, st.counter | st.sequence | st.records | st.buffered);
}

/* Whoever may open the tty may attach: it is no more than N_TTY. */
TEST_F(attach, by_anybody)
{
	struct line *line = &self->line;
	int wait_status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int number = crr_discipline();

		if (setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(2);
		_exit(set_discipline(line->tty, number) ||
		      !carries(line->tty, line->peer));
	}
	ASSERT_EQ(pid, waitpid(pid, &wait_status, 0));
	EXPECT_EQ(0, wait_status);
}

/* The old files are dead; whoever opens the tty anew finds a working one. */
TEST_F(attach, open_after_hangup)
{
	struct line *line = &self->line;
	char c;
	int fd;

	ASSERT_EQ(0, attach(line->tty));
	ASSERT_EQ(0, hang_up(line->name));
	EXPECT_EQ(0, sys(read(line->tty, &c, 1)));
	EXPECT_EQ(-EIO, sys(write(line->tty, "x", 1)));
	fd = open(line->name, O_RDWR | O_NOCTTY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, set_raw(fd, 1, 0));
	EXPECT_TRUE(carries(fd, line->peer));
	EXPECT_EQ(0, attach(fd));
	EXPECT_TRUE(carries(fd, line->peer));
	close(fd);
}

/* ---- Unload ---- */

static long unload(void)
{
	return sys(syscall(SYS_delete_module, "n_crr", O_NONBLOCK));
}

static bool loads_again(void)
{
	return !system("modprobe -n n_crr 2>/dev/null");
}

/* Whatever is open holds the module: a tty, or one fd or mapping alone. */
TEST_F(attach, unload)
{
	struct line *line = &self->line;
	size_t page = sysconf(_SC_PAGESIZE);
	int number = crr_discipline();
	void *map;

	if (!loads_again())
		SKIP(return, "the module could not be loaded again");

	ASSERT_EQ(0, attach(line->tty));
	EXPECT_EQ(-EWOULDBLOCK, unload());

	line->session = open_session(line->tty);
	ASSERT_LE(0, line->session);
	ASSERT_EQ(0, detach(line->tty));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	close_fd(&line->session);

	ASSERT_EQ(0, attach(line->tty));
	line->clock = open_clock(line->tty);
	ASSERT_LE(0, line->clock);
	ASSERT_EQ(0, detach(line->tty));
	EXPECT_EQ(-EWOULDBLOCK, unload());
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, line->clock,
		   CRR_CLOCK_STATE_OFFSET);
	ASSERT_NE(MAP_FAILED, map);
	close_fd(&line->clock);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	munmap(map, page);

	/* A recording without a controller hangs on its tty. */
	ASSERT_EQ(0, attach(line->tty));
	line->session = open_session(line->tty);
	ASSERT_EQ(0, record(line->session, 0));
	close_fd(&line->session);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	/* A pty's tty lives until both of its ends are closed. */
	close_fd(&line->tty);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	close_fd(&line->peer);

	/* Its last work may be under way yet. */
	EXPECT_TRUE(eventually(unload() == 0));
	EXPECT_EQ(-ENOENT, unload());
	/* Nobody but root loads it: no discipline loads itself. */
	ASSERT_EQ(0, open_pty(line));
	EXPECT_EQ(-EINVAL, set_discipline(line->tty, number));
	EXPECT_EQ(-ENOENT, unload());
	EXPECT_EQ(0, system("modprobe n_crr"));
}

/* ---- The number ---- */

static bool disciplines(char *text, size_t room)
{
	FILE *file = fopen("/proc/tty/ldiscs", "r");
	size_t n;

	if (!file)
		return false;
	n = fread(text, 1, room - 1, file);
	text[n] = 0;
	fclose(file);
	return n > 0;
}

/* 0, or the errno with which the module refuses to be loaded. */
static int load(const char *parameter)
{
	char command[64], line[256];
	int ret = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "modprobe n_crr %s 2>&1", parameter);
	pipe = popen(command, "r");
	if (!pipe)
		return -errno;
	while (fgets(line, sizeof(line), pipe)) {
		fprintf(stderr, "# %s", line);
		if (strstr(line, strerror(EINVAL)))
			ret = -EINVAL;
		else if (!ret)
			ret = -EIO;
	}
	if (pclose(pipe) && !ret)
		ret = -EIO;
	return ret;
}

/*
 * Only numbers that no other discipline has are accepted. Above all not N_TTY's:
 * nothing would be left behind it when the module goes.
 */
TEST_F_TIMEOUT(attach, number, 120)
{
	static const char * const refused[] = {
		"ldisc=0", "ldisc=-1", "ldisc=3", "ldisc=11", "ldisc=30",
		"ldisc=31", "ldisc=285", "ldisc=2147483647",
	};
	static const int accepted[] = { 4, 8, 9, 10, 12, 16, N_CRR };
	char before[1024], after[1024];
	struct line *line = &self->line;

	if (!loads_again())
		SKIP(return, "the module could not be loaded again");
	if (crr_discipline() != N_CRR)
		SKIP(return, "N_CRR has another number than it has by default");
	close_line(line);
	if (!eventually(unload() == 0))
		SKIP(return, "the module is in use");

	ASSERT_TRUE(disciplines(before, sizeof(before)));
	for (int i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-EINVAL, load(refused[i])) {
			TH_LOG("%s", refused[i]);
		}
		EXPECT_EQ(-ENOENT, unload());
		ASSERT_TRUE(disciplines(after, sizeof(after)));
		EXPECT_STREQ(before, after);
	}
	for (int i = 0; i < ARRAY_SIZE(accepted); i++) {
		char parameter[32];

		snprintf(parameter, sizeof(parameter), "ldisc=%d", accepted[i]);
		EXPECT_EQ(0, load(parameter));
		EXPECT_EQ(0, open_pty(line));
		EXPECT_EQ(0, set_discipline(line->tty, accepted[i]));
		EXPECT_EQ(accepted[i], discipline(line->tty));
		line->session = open_session(line->tty);
		EXPECT_LE(0, line->session);
		close_line(line);
		EXPECT_TRUE(eventually(unload() == 0));
		ASSERT_TRUE(disciplines(after, sizeof(after)));
		EXPECT_STREQ(before, after);
	}
	EXPECT_EQ(0, load(""));
}

TEST_HARNESS_MAIN
