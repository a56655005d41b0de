// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * waiter WAY TIMEOUT COUNT [LINE]: an emulator that knows nothing of crr, and
 * waits for its line by a system call. Reads COUNT bytes, one at a time, and says
 * how often it had waited in vain before each. LINE is a tty; without it, the
 * waiter makes a pty for others to connect to.
 *
 * WAY: poll, ppoll, select, pselect, epoll, epoll-once; and with a pipe that never
 * has anything: pipe-poll, pipe-select, pipe-epoll. modem: poll, and
 * TIOCMGET; openpty-poll and the like: by openpty(3). TIMEOUT: of a wait in milliseconds, or -1.
 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

static int line, nothing = -1, epfd = -1, timeout;

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static struct timespec *as_timespec(struct timespec *ts)
{
	ts->tv_sec = timeout / 1000;
	ts->tv_nsec = timeout % 1000 * 1000000L;
	return timeout < 0 ? NULL : ts;
}

static bool by_poll(bool pause)
{
	struct pollfd fds[2] = {
		{ .fd = line, .events = POLLIN },
		{ .fd = nothing, .events = POLLIN },
	};
	struct timespec ts;
	int n = pause ? ppoll(fds, 2, as_timespec(&ts), NULL) :
			poll(fds, nothing < 0 ? 1 : 2, timeout);

	if (n < 0)
		die("poll");
	if (n != !!fds[0].revents + !!fds[1].revents || fds[1].revents)
		die("poll: wrong count");
	return fds[0].revents;
}

static bool by_select(bool pause)
{
	struct timeval tv = { timeout / 1000, timeout % 1000 * 1000 };
	struct timespec ts;
	fd_set in;
	int n;

	FD_ZERO(&in);
	FD_SET(line, &in);
	if (nothing >= 0)
		FD_SET(nothing, &in);
	n = pause ? pselect(nothing > line ? nothing + 1 : line + 1, &in, NULL,
			    NULL, as_timespec(&ts), NULL) :
		    select(nothing > line ? nothing + 1 : line + 1, &in, NULL,
			   NULL, timeout < 0 ? NULL : &tv);
	if (n < 0)
		die("select");
	if (n != FD_ISSET(line, &in) ||
	    (nothing >= 0 && FD_ISSET(nothing, &in)))
		die("select: wrong set");
	return n;
}

static void watch(int fd, int op, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epfd, op, fd, &event))
		die("epoll_ctl");
}

static bool by_epoll(bool once)
{
	struct epoll_event events[4];
	int n = epoll_wait(epfd, events, 4, timeout);

	if (n < 0)
		die("epoll_wait");
	if (n > 1 || (n && events[0].data.fd != line))
		die("epoll_wait: wrong events");
	if (once && n)
		watch(line, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
	return n;
}

static bool is_ready(const char *way)
{
	if (strstr(way, "select"))
		return by_select(!strncmp(way, "pselect", 7));
	if (strstr(way, "epoll"))
		return by_epoll(strstr(way, "once"));
	return by_poll(!strncmp(way, "ppoll", 5));
}

static void say(const char *text)
{
	struct pollfd fd = { .fd = line, .events = POLLOUT };

	/* As those do that wait for a full device. */
	if (poll(&fd, 1, -1) != 1 || !(fd.revents & POLLOUT))
		die("poll: not writable");
	if (write(line, text, strlen(text)) != (ssize_t)strlen(text))
		die("write");
}

static void open_line(const char *path, const char *way)
{
	struct termios termios;

	int slave;

	if (path)
		line = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	else if (!strncmp(way, "openpty", 7))
		line = openpty(&line, &slave, NULL, NULL, NULL) ? -1 : line;
	else
		line = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (line < 0)
		die(path ? path : "pty");
	if (!path && (grantpt(line) || unlockpt(line) || !ptsname(line)))
		die("ptsname");
	if (!path || tcgetattr(line, &termios))
		return;
	cfmakeraw(&termios);
	tcsetattr(line, TCSANOW, &termios);
}

int main(int argc, char **argv)
{
	const char *way = argv[1];
	int pipefd[2], modem, count;
	unsigned long vain = 0;
	char c, text[64];
	ssize_t n;

	if (argc < 4)
		return 2;
	timeout = atoi(argv[2]);
	count = atoi(argv[3]);
	open_line(argv[4], way);
	if (strstr(way, "pipe")) {
		if (pipe(pipefd))
			die("pipe");
		nothing = pipefd[0];
	}
	if (strstr(way, "epoll")) {
		epfd = epoll_create1(EPOLL_CLOEXEC);
		watch(line, EPOLL_CTL_ADD,
		      strstr(way, "once") ? EPOLLIN | EPOLLONESHOT : EPOLLIN);
		if (nothing >= 0)
			watch(nothing, EPOLL_CTL_ADD, EPOLLIN);
	}
	say("ready\n");
	while (count) {
		if (!is_ready(way)) {
			vain++;
			/* What an emulator does meanwhile. */
			if (!timeout)
				usleep(100);
			continue;
		}
		n = read(line, &c, 1);
		if (n != 1)
			die("read");
		count--;
		modem = 0;
		if (!strcmp(way, "modem") && ioctl(line, TIOCMGET, &modem))
			modem = -1;
		snprintf(text, sizeof(text), "%c after %lu, %#x\n", c, vain,
			 modem);
		fputs(text, stdout);
		say(text);
		vain = 0;
	}
	return 0;
}
