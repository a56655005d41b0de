// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer OUTPUT: types commands at the firmware, at random times, until it is told
 * that one of them does not exist: it types none such. Usually it waits for the
 * prompt; now and then it presses the next command's first key earlier. What the
 * firmware says goes to the file OUTPUT, too. The line is standard input and output.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Before a key, in milliseconds. */
#define AT_LEAST 5
#define AT_MOST	 45
/* Before one command in so many it does not wait. */
#define HASTY	 3
/* Commands, if nothing goes wrong; and how many more, if something does. */
#define COMMANDS 100
#define MORE	 1

static FILE *output;
static char said[256]; /* in this line */
static size_t length;
static bool begun; /* the last command is being executed */
static bool ready; /* there is a prompt */
static bool wrong; /* a command does not exist */
static bool done;  /* all is typed: the line may be closed */

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void hear(const char *buf, size_t n)
{
	fwrite(buf, 1, n, output);
	fflush(output);
	for (; n--; buf++) {
		if (*buf == '\n' || length == sizeof(said) - 1)
			length = 0;
		said[length++] = *buf;
		said[length] = '\0';
		begun |= *buf == '\n';
		ready |= *buf == ']';
		wrong |= strstr(said, "no such command") != NULL;
	}
}

/* Listen until something is said, or for so many milliseconds; -1: for ever. */
static void listen_once(int ms)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	if (poll(&pfd, 1, ms) <= 0)
		return;
	n = read(STDIN_FILENO, buf, sizeof(buf));
	if (n > 0)
		hear(buf, (size_t)n);
	else if (n == 0 || errno != EINTR)
		exit(done ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void listen_for(double ms)
{
	double left, end = now_ms() + ms;

	while ((left = end - now_ms()) > 0)
		listen_once((int)left + 1);
}

static void wait_for(const bool *condition)
{
	while (!*condition)
		listen_once(-1);
}

static void press(char key)
{
	listen_for(AT_LEAST + (double)(random() % (AT_MOST - AT_LEAST)));
	if (key == '\r')
		begun = ready = false;
	if (write(STDOUT_FILENO, &key, 1) != 1) {
		perror("peer: write");
		exit(EXIT_FAILURE);
	}
}

static void type(const char *text)
{
	wait_for(random() % HASTY || wrong ? &ready : &begun);
	press(*text++);
	wait_for(&ready);
	while (*text)
		press(*text++);
	press('\r');
}

int main(int argc, char **argv)
{
	static const char *const commands[] = {
		"crc 20000000 10000", "crc 20010000 10000", "peek 10001000",
		"ticks",
	};
	unsigned int seed, left = COMMANDS;

	if (argc != 2) {
		fprintf(stderr, "usage: peer OUTPUT\n");
		return 2;
	}
	output = fopen(argv[1], "w");
	if (!output) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (unsigned int)time(NULL);
	srandom(seed);
	wait_for(&ready);
	while (left--) {
		type(commands[(size_t)random() %
			      (sizeof(commands) / sizeof(commands[0]))]);
		if (wrong && left > MORE)
			left = MORE;
	}
	wrong = true;
	type("off");
	done = true;
	for (;;)
		listen_once(-1);
}
