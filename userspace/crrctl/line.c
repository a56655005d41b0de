// SPDX-License-Identifier: GPL-2.0-or-later
/* The tty under control: one that there is, or a pty of our making. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crrctl.h"

/* How often the holder of a line looks whether it is still needed. */
#define HOLDER_EVERY_S 1

/* In the child: become modprobe; what it has to say goes to @fd. */
static noreturn void become_modprobe(int fd)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(fd, STDERR_FILENO) >= 0) {
		/* It is looked at for words. */
		setenv("LC_ALL", "C", 1);
		execlp("modprobe", "modprobe", "n_crr", NULL);
		execl("/sbin/modprobe", "modprobe", "n_crr", NULL);
		dprintf(STDERR_FILENO, "modprobe: %s\n", strerror(errno));
	}
	_exit(127);
}

/* Run modprobe; what it says goes to @said, which is a string then. */
static void run_modprobe(char *said, size_t size)
{
	char *line;
	size_t length = 0;
	int fds[2];
	ssize_t n;
	pid_t pid;

	*said = '\0';
	if (pipe2(fds, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		fail("cannot fork: %s", strerror(errno));
	if (!pid)
		become_modprobe(fds[1]);
	close(fds[1]);
	/* To its end, so that it never waits for us. */
	for (;;) {
		char rest[256];
		bool full = length == size - 1;

		n = full ? read(fds[0], rest, sizeof(rest)) :
			   read(fds[0], said + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (!full)
			length += (size_t)n;
	}
	close(fds[0]);
	while (length && said[length - 1] == '\n')
		length--;
	said[length] = '\0';
	/* It becomes a part of one line. */
	while ((line = strchr(said, '\n')))
		*line = ' ';
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What to do about it, by what modprobe says. */
static const char *module_advice(const char *said)
{
	static const struct {
		const char *words;
		const char *advice;
	} reasons[] = {
		{ "Key was rejected",
		  "the kernel loads signed modules only (Secure Boot): sign n_crr and enrol the key with mokutil --import, or disable Secure Boot" },
		{ "Required key not available",
		  "the kernel loads signed modules only (Secure Boot): sign n_crr and enrol the key with mokutil --import, or disable Secure Boot" },
		{ "not found",
		  "install it for this kernel ('dkms status' shows for which it was built), then run depmod" },
		{ "Exec format error",
		  "it was built for another kernel: build it for this one, see uname -r" },
		{ "Invalid argument",
		  "it was built for another kernel, or has a wrong parameter: see dmesg" },
		{ "Unknown symbol", "it was built for another kernel: see dmesg" },
	};
	size_t i;

	if (geteuid())
		return "this needs root: run crrctl as root, or have root load the module";
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(said, reasons[i].words))
			return reasons[i].advice;
	return "see dmesg";
}

/* Load the module if it is not there; needs root, as all that follows. */
void load_module(void)
{
	char said[1024];

	if (crr_ldisc() >= 0)
		return;
	run_modprobe(said, sizeof(said));
	if (crr_ldisc() >= 0)
		return;
	warn("the module n_crr is not loaded, and modprobe n_crr did not load it%s%s",
	     *said ? ": " : "", said);
	fail("%s", module_advice(said));
}

/* Without waiting for a carrier, and without becoming its session's leader. */
int open_tty(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (!isatty(fd))
		fail("%s is not a tty", path);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK))
		fail("%s: %s", path, strerror(errno));
	return fd;
}

static void make_pty(struct line *line)
{
	struct termios termios;

	line->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (line->master < 0 || grantpt(line->master) ||
	    unlockpt(line->master) ||
	    ptsname_r(line->master, line->path, sizeof(line->path)))
		fail("cannot make a pty: %s", strerror(errno));
	line->fd = open_tty(line->path);
	/* A line between machines, not a terminal. */
	if (tcgetattr(line->fd, &termios))
		fail("%s: %s", line->path, strerror(errno));
	cfmakeraw(&termios);
	if (tcsetattr(line->fd, TCSANOW, &termios))
		fail("%s: %s", line->path, strerror(errno));
	user_own(line->fd);
}

/* To be put back at exit, however that comes about. */
static struct line opened[LINES_MAX];
static unsigned int nopened;

static void put_back(void)
{
	lines_close(opened, nopened);
}

/* Why a tty did not get into a session. */
static noreturn void no_session(const struct line *line)
{
	switch (errno) {
	case EBUSY:
		fail("%s is being recorded or replayed by another crrctl",
		     line->path);
	case EEXIST:
		fail("%s: its emulator runs already and has a clock for each of its lines: start crrctl before the emulator",
		     line->path);
	case EPERM:
		fail("%s: this needs root (CAP_SYS_TTY_CONFIG), or the module parameter unprivileged and a tty that is not the terminal of a login",
		     line->path);
	case EOPNOTSUPP:
		fail("%s is the master of a pty: use the other end",
		     line->path);
	default:
		fail("%s: %s", line->path, strerror(errno));
	}
}

/* Attach N_CRR to a tty, unless it has it. */
static void line_open(struct line *line, const char *path, int number)
{
	int previous;

	line->fd = -1;
	line->master = -1;
	line->session = -1;
	line->previous = -1;
	if (path) {
		if (strlen(path) >= sizeof(line->path))
			fail("%s: %s", path, strerror(ENAMETOOLONG));
		strcpy(line->path, path);
		line->fd = open_tty(path);
	} else {
		make_pty(line);
	}
	if (ioctl(line->fd, TIOCGETD, &previous))
		fail("%s: %s", line->path, strerror(errno));
	if (previous != number) {
		if (crr_attach(line->fd))
			fail("%s: cannot attach N_CRR: %s", line->path,
			     strerror(errno));
		line->previous = previous;
	}
}

/*
 * The line is to be the session's stream of this number: it joins, or was in
 * it when its controller was killed.
 */
static void line_join(const struct line *line, int session, unsigned int number)
{
	struct crr_status all, own;

	if (crr_session_join(session, line->fd) >= 0)
		return;
	if (errno != EBUSY || crr_status(session, &all) ||
	    crr_status(line->fd, &own))
		no_session(line);
	/* Of a session that nobody controls, and that stands as ours does. */
	errno = EBUSY;
	if (own.stream != number || own.streams != all.streams ||
	    own.state != all.state || own.sequence != all.sequence ||
	    all.state == CRR_STATE_IDLE)
		no_session(line);
}

/**
 * lines_check - a COMMAND that lacks its -- would be taken for ttys
 * @cmd: the command
 * @paths: the ttys of one that has no COMMAND, ending with NULL
 */
void lines_check(const struct command *cmd, char *const *paths)
{
	struct stat st;

	for (; *paths; paths++) {
		errno = 0;
		if (!stat(*paths, &st) && S_ISCHR(st.st_mode))
			continue;
		usage_error(cmd, "%s%s%s; a COMMAND must follow --: crrctl %s ... -- COMMAND [ARG]...",
			    *paths, errno ? ": " : " is not a tty",
			    errno ? strerror(errno) : "", cmd->name);
	}
}

/**
 * lines_open - get the session of some ttys, attaching N_CRR to them if need be
 * @lines: out; the first one has the session fd
 * @nlines: out
 * @paths: the ttys, in the order of their streams; NULL for a new pty
 * @n: how many, at most LINES_MAX
 *
 * Fails, with a message and everything put back, or succeeds.
 */
void lines_open(struct line **lines, unsigned int *nlines,
		const char *const *paths, unsigned int n)
{
	int number;

	atexit(put_back);
	load_module();
	number = crr_ldisc();
	while (nopened < n) {
		struct line *line = &opened[nopened++];

		line_open(line, paths[nopened - 1], number);
		if (line != opened) {
			/* Only what comes out of it is of interest, if that. */
			if (line->master >= 0)
				fcntl(line->master, F_SETFL, O_NONBLOCK);
			line_join(line, opened->session, nopened - 1);
			continue;
		}
		line->session = crr_session_open(line->fd);
		if (line->session < 0)
			no_session(line);
	}
	*lines = opened;
	*nlines = nopened;
}

void lines_close(struct line *lines, unsigned int nlines)
{
	unsigned int i;

	for (i = 0; i < nlines; i++) {
		struct line *line = &lines[i];

		if (line->session >= 0)
			close(line->session);
		/* If it was hung up there is nothing to be put back. */
		if (line->fd >= 0 && line->previous >= 0)
			ioctl(line->fd, TIOCSETD, &line->previous);
		if (line->fd >= 0)
			close(line->fd);
		if (line->master >= 0)
			close(line->master);
	}
	nopened = 0;
}

/*
 * A line discipline lasts as long as somebody has the tty open: hold it, as
 * ldattach(8) does, until it is detached.
 */
void line_hold(int fd)
{
	int number = crr_ldisc(), now;

	while (!ioctl(fd, TIOCGETD, &now) && now == number)
		sleep(HOLDER_EVERY_S);
}

/* Hung up, or the adapter unplugged. */
bool line_is_gone(const struct line *line)
{
	struct pollfd pfd = { .fd = line->session };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLHUP);
}

/* N_TTY's own doings are not recorded, and do not come back in replay. */
void line_warn_cooked(const struct line *line)
{
	struct termios t;

	if (tcgetattr(line->fd, &t) ||
	    !(t.c_lflag & (ISIG | ICANON | ECHO | TOSTOP)))
		return;
	warn("warning: %s has%s%s%s%s on: signals, echo and flow control are done by the tty, and are not replayed",
	     line->path, t.c_lflag & ISIG ? " isig" : "",
	     t.c_lflag & ICANON ? " icanon" : "",
	     t.c_lflag & ECHO ? " echo" : "",
	     t.c_lflag & TOSTOP ? " tostop" : "");
}
