// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * typist SCRIPT SEED MICROSECONDS OUTPUT: sits at the other end of a guest's line,
 * its standard input and output, does what the file SCRIPT says, and writes what
 * the guest says to the file OUTPUT. Of SCRIPT's lines,
 *
 *	wait TEXT	waits until the guest has said TEXT, after the last such text
 *	type TEXT	types it and a carriage return, each character after a
 *			random time of up to twice MICROSECONDS
 *	key NUMBER	types the character of that number, likewise
 *	run COMMAND	runs a shell command at the line, until it has ended
 *
 * After the last one it goes on copying until the line is hung up.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static FILE *out;
static long pause_us;

/* What has been said and not been waited for, '\0' at its end; no more is kept. */
static char said[1 << 16];
static size_t nsaid;

static void die(const char *what)
{
	fprintf(stderr, "typist: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void put(int fd, const char *buf, size_t size)
{
	while (size) {
		ssize_t n = write(fd, buf, size);

		if (n < 0 && errno != EINTR)
			die("write");
		if (n > 0) {
			buf += n;
			size -= (size_t)n;
		}
	}
}

/* Returns how much has been read from the guest: it is in buf, too. */
static size_t hear(char *buf, size_t size)
{
	ssize_t n = read(0, buf, size);
	size_t i;

	if (n <= 0) {
		fclose(out);
		exit(0);
	}
	fwrite(buf, 1, (size_t)n, out);
	for (i = 0; i < (size_t)n; i++) {
		if (nsaid == sizeof(said) - 1) {
			memmove(said, said + nsaid / 2, nsaid - nsaid / 2);
			nsaid -= nsaid / 2;
		}
		/* Zeros are nothing that is waited for. */
		if (buf[i])
			said[nsaid++] = buf[i];
	}
	said[nsaid] = '\0';
	return (size_t)n;
}

static bool was_said(const char *text)
{
	char *found = strstr(said, text);
	size_t left;

	if (!found)
		return false;
	found += strlen(text);
	left = strlen(found);
	memmove(said, found, left + 1);
	nsaid = left;
	return true;
}

/* Listen for so long. */
static void listen_for(double ms)
{
	struct pollfd pfd = { .fd = 0, .events = POLLIN };
	double end = now_ms() + ms;
	char buf[4096];

	while (ms > 0) {
		if (poll(&pfd, 1, (int)ms + 1) > 0)
			hear(buf, sizeof(buf));
		ms = end - now_ms();
	}
}

static void type(char c)
{
	listen_for((double)(random() % (2 * pause_us)) / 1e3);
	put(1, &c, 1);
}

/* Its output is the guest's input, and the other way round. */
static void run(const char *command)
{
	struct pollfd pfd[2] = { { .fd = 0, .events = POLLIN },
				 { .events = POLLIN } };
	char buf[4096];
	int pair[2], status;
	ssize_t n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(pair[1]);
	pfd[1].fd = pair[0];
	for (;;) {
		if (poll(pfd, 2, -1) < 0)
			continue;
		if (pfd[1].revents) {
			n = read(pair[0], buf, sizeof(buf));
			if (n <= 0)
				break;
			put(1, buf, (size_t)n);
		}
		if (pfd[0].revents) {
			n = (ssize_t)hear(buf, sizeof(buf));
			/* It may have ended. */
			(void)!send(pair[0], buf, (size_t)n, MSG_NOSIGNAL);
		}
	}
	close(pair[0]);
	if (waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "typist: %s: status %d\n", command, status);
		exit(1);
	}
}

static void do_line(const char *line)
{
	char buf[4096];

	if (!strncmp(line, "wait ", 5)) {
		while (!was_said(line + 5))
			hear(buf, sizeof(buf));
	} else if (!strncmp(line, "type", 4)) {
		for (line += strlen(line) > 4 ? 5 : 4; *line; line++)
			type(*line);
		type('\r');
	} else if (!strncmp(line, "key ", 4)) {
		type((char)atoi(line + 4));
	} else if (!strncmp(line, "run ", 4)) {
		run(line + 4);
	} else {
		fprintf(stderr, "typist: unknown: %s\n", line);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	char line[1024], buf[4096];
	FILE *script;

	if (argc != 5)
		return 2;
	script = fopen(argv[1], "re");
	if (!script)
		die(argv[1]);
	srandom((unsigned int)atol(argv[2]));
	pause_us = atol(argv[3]);
	out = fopen(argv[4], "we");
	if (!out)
		die(argv[4]);
	setvbuf(out, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), script)) {
		line[strcspn(line, "\n")] = '\0';
		do_line(line);
	}
	for (;;)
		hear(buf, sizeof(buf));
}
