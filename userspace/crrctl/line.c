// SPDX-License-Identifier: GPL-2.0-or-later
/* The tty under control: one that there is, or a pty of our making. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crrctl.h"

/* Load the module if it is not there; needs root, as all that follows. */
void load_module(void)
{
	sigset_t none;
	int status = 0;
	pid_t pid;

	if (crr_ldisc() >= 0)
		return;
	pid = fork();
	if (!pid) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execlp("modprobe", "modprobe", "-q", "n_crr", NULL);
		execl("/sbin/modprobe", "modprobe", "-q", "n_crr", NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (crr_ldisc() < 0)
		fail("the module n_crr is not loaded, and modprobe n_crr did not load it%s",
		     geteuid() ? ": this needs root" : "");
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
static struct line *opened;

static void put_back(void)
{
	if (opened)
		line_close(opened);
}

/**
 * line_open - get a tty's session, attaching N_CRR to it if need be
 * @line: out
 * @path: the tty; NULL for a new pty
 *
 * Fails, with a message, or succeeds.
 */
void line_open(struct line *line, const char *path)
{
	int number, previous;

	line->fd = -1;
	line->master = -1;
	line->session = -1;
	line->previous = -1;
	opened = line;
	atexit(put_back);
	load_module();
	number = crr_ldisc();
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

	line->session = crr_session_open(line->fd);
	if (line->session >= 0)
		return;
	switch (errno) {
	case EBUSY:
		fail("%s is being recorded or replayed by another crrctl",
		     line->path);
	case EPERM:
		fail("%s: this needs root (CAP_SYS_TTY_CONFIG), or the module's parameter unprivileged and a tty that is no login's terminal",
		     line->path);
	case EOPNOTSUPP:
		fail("%s is the master of a pty: use the other end",
		     line->path);
	default:
		fail("%s: %s", line->path, strerror(errno));
	}
}

void line_close(struct line *line)
{
	if (line->session >= 0)
		close(line->session);
	/* Gone, if the line was hung up: there is nothing to be put back. */
	if (line->fd >= 0 && line->previous >= 0)
		ioctl(line->fd, TIOCSETD, &line->previous);
	if (line->fd >= 0)
		close(line->fd);
	if (line->master >= 0)
		close(line->master);
	opened = NULL;
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
	warn("warning: %s has%s%s%s%s on: signals, echo and flow control are the tty's own, and do not come back in replay",
	     line->path, t.c_lflag & ISIG ? " isig" : "",
	     t.c_lflag & ICANON ? " icanon" : "",
	     t.c_lflag & ECHO ? " echo" : "",
	     t.c_lflag & TOSTOP ? " tostop" : "");
}
