// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * line NAME: a line for the tests of crrctl. Makes a pty, writes the name of
 * its slave into the file NAME, and joins its own standard input and output
 * to the master until it is ended: then the line is hung up. An end of its
 * input changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "line: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* What has come from one end, and waits for the other. */
struct way {
	size_t length;
	char buf[4096];
};

/* False at the end. */
static bool take(struct way *way, int from)
{
	ssize_t n = read(from, way->buf, sizeof(way->buf));

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	way->length = (size_t)n;
	return true;
}

static void give(struct way *way, int to)
{
	ssize_t n = write(to, way->buf, way->length);

	if (n < 0 && errno != EAGAIN)
		die("write");
	if (n <= 0)
		return;
	way->length -= (size_t)n;
	memmove(way->buf, way->buf + n, way->length);
}

int main(int argc, char **argv)
{
	struct way in = { 0 }, out = { 0 };
	struct pollfd fds[2] = { 0 };
	struct termios termios;
	int master, slave;
	char path[64], name[512];
	FILE *file;

	if (argc != 2)
		return 2;
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, path, sizeof(path)))
		die("pty");
	/* Held, so that there is a line when nobody else has it open. */
	slave = open(path, O_RDWR | O_NOCTTY);
	if (slave < 0 || tcgetattr(slave, &termios))
		die(path);
	cfmakeraw(&termios);
	if (tcsetattr(slave, TCSANOW, &termios))
		die(path);

	/* There is a name when it is whole. */
	snprintf(name, sizeof(name), "%s.new", argv[1]);
	file = fopen(name, "w");
	if (!file || fprintf(file, "%s\n", path) < 0 || fclose(file) ||
	    rename(name, argv[1]))
		die(name);

	/* Neither way waits for the other, or both ends could wait for ever. */
	if (fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK))
		die("fcntl");
	fds[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	fds[1].fd = master;
	for (;;) {
		fds[0].events = in.length ? 0 : POLLIN;
		fds[1].events = in.length ? POLLIN | POLLOUT : POLLIN;
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (!in.length && fds[0].revents && !take(&in, STDIN_FILENO))
			fds[0].fd = -1;
		if (in.length)
			give(&in, master);
		if ((fds[1].revents & ~POLLOUT) && !take(&out, master))
			return 0;
		while (out.length)
			give(&out, STDOUT_FILENO);
	}
}
