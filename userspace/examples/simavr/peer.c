// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer: somebody who types at the firmware's shell, as people do: at irregular
 * times, with errors that are mended, and waiting for the prompt.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define KEY_ENTER '\r'
#define KEY_BACKSPACE '\x7f'
#define KEY_KILL '\x15' /* ^U */

static int from = STDIN_FILENO, to = STDOUT_FILENO; /* the line */
static FILE *screen;
static bool raw; /* the screen knows what \r and \x1b[K are */
static uint64_t state;
static double mean = 100; /* milliseconds between two keys */
static unsigned int keys = 250, typed;

/* What the line that the cursor is in looks like. */
static char shown[256];
static size_t column, length;
static unsigned int escape; /* bytes of an escape sequence seen */
static bool prompt;	    /* nothing has been typed at it yet */
static bool quitting, bye;

/* ---- Chance ------------------------------------------------------------- */

/* More than 0, up to 1. */
static double chance(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return ((double)(z >> 11) + 1) / 9007199254740992.0;
}

static size_t one_of(size_t n)
{
	return (size_t)((1 - chance()) * (double)n);
}

/* Waiting times of so many milliseconds in the mean: seldom short, or long. */
static double some_ms(double ms)
{
	return -ms / 3 * (log(chance()) + log(chance()) + log(chance()));
}

/* ---- The screen --------------------------------------------------------- */

static void show_line(void)
{
	if (!raw)
		fprintf(screen, "%.*s\n", (int)length, shown);
	bye = quitting && length == 3 && !memcmp(shown, "bye", 3);
	column = length = 0;
}

static void show(char c)
{
	if (raw)
		putc(c, screen);
	prompt = false;
	if (escape || c == '\x1b') {
		/* Of escape sequences there is one, "erase to the end". */
		escape = c == 'K' ? 0 : escape + 1;
		if (!escape) {
			length = column;
			prompt = length > 2 &&
				 !memcmp(shown + length - 2, "] ", 2);
		}
	} else if (c == '\r') {
		column = 0;
	} else if (c == '\n') {
		show_line();
	} else if (column < sizeof(shown)) {
		shown[column++] = c;
		if (length < column)
			length = column;
	}
}

/* ---- The line ----------------------------------------------------------- */

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void leave(int status, const char *why)
{
	if (length)
		show_line();
	fflush(screen);
	if (why)
		fprintf(stderr, "peer: %s\n", why);
	exit(status);
}

/* Look at the screen for so long, or until there is a prompt. */
static bool look(double ms, bool for_prompt)
{
	struct pollfd pfd = { .fd = from, .events = POLLIN };
	double left, until = now_ms() + ms;
	char buf[256];
	ssize_t n, i;

	while (!bye && !(for_prompt && prompt) &&
	       (left = until - now_ms()) > 0) {
		if (poll(&pfd, 1, (int)ceil(left)) <= 0)
			continue;
		n = read(from, buf, sizeof(buf));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			leave(quitting ? EXIT_SUCCESS : EXIT_FAILURE,
			      quitting ? NULL : "the line is closed");
		for (i = 0; i < n; i++)
			show(buf[i]);
		fflush(screen);
	}
	return prompt;
}

static void press(char key)
{
	/* No faster than fingers are. */
	look(fmax(some_ms(mean), mean / 5), false);
	prompt = false;
	while (write(to, &key, 1) != 1) {
		if (errno != EAGAIN && errno != EINTR)
			leave(EXIT_FAILURE, strerror(errno));
		look(1, false);
	}
	typed++;
}

/* ---- The typist --------------------------------------------------------- */

/* The key beside the one that was meant, if there is one. */
static char beside(char key)
{
	static const char rows[] = " qwertyuiop asdfghjkl zxcvbnm ";
	const char *p = key == ' ' ? NULL : strchr(rows, key);
	char other = p ? p[one_of(2) ? 1 : -1] : ' ';

	return other != ' ' ? other : key;
}

static void type_line(const char *text)
{
	const char *p;
	char other;

	for (p = text; *p; p++) {
		other = one_of(25) ? *p : beside(*p);
		press(other);
		if (other == *p)
			continue;
		/* Seen at once, or one key later. */
		if (p[1] && one_of(2)) {
			press(p[1]);
			look(some_ms(2 * mean), false);
			press(KEY_BACKSPACE);
		}
		press(KEY_BACKSPACE);
		press(*p);
	}
	if (!one_of(25)) {
		/* On second thoughts. */
		look(some_ms(3 * mean), false);
		press(KEY_KILL);
		for (p = text; *p; p++)
			press(*p);
	}
	press(KEY_ENTER);
}

static const char *think(void)
{
	static const char *const commands[] = {
		"help",	    "uptime",	    "uptime",	  "ticks",
		"led on",   "led off",	    "led",	  "peek 0x100",
		"peek 35",  "echo hello",   "echo again", "echo does it work",
		"echo yes", "echo one two", "uptme",
	};

	return commands[one_of(sizeof(commands) / sizeof(commands[0]))];
}

static void open_line(const char *path)
{
	struct termios termios;

	from = to = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (from < 0 || tcgetattr(from, &termios)) {
		fprintf(stderr, "peer: %s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
	cfmakeraw(&termios);
	tcsetattr(from, TCSANOW, &termios);
}

static const char help[] =
	"Usage: peer [OPTION]... [TTY]\n"
	"\n"
	"Type at the shell at the other end of TTY, and show what it says. Without\n"
	"TTY the line is standard input and output, and it is shown on standard\n"
	"error.\n"
	"\n"
	"  -k, --keys COUNT  how many keys at least, before \"quit\" (default 250)\n"
	"  -m, --mean MS     between two keys (default 100)\n"
	"  -s, --seed SEED   for the choice of what is typed when\n"
	"  -h, --help        this\n"
	"\n"
	"Exit status: 0, 1 if something fails, 2 for wrong usage.\n";

static const struct option options[] = {
	{ "keys", required_argument, NULL, 'k' },
	{ "mean", required_argument, NULL, 'm' },
	{ "seed", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	int c;

	if (getrandom(&state, sizeof(state), 0) != sizeof(state))
		state = (uint64_t)now_ms();
	while ((c = getopt_long(argc, argv, "k:m:s:h", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			keys = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'm':
			mean = strtod(optarg, NULL);
			break;
		case 's':
			state = strtoull(optarg, NULL, 0);
			break;
		case 'h':
			fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			fprintf(stderr, "Try peer --help.\n");
			return 2;
		}
	}
	screen = optind < argc ? stdout : stderr;
	if (optind < argc)
		open_line(argv[optind]);
	raw = isatty(fileno(screen));

	/* We may have come too late to see the first one. */
	if (!look(2000, true))
		press(KEY_ENTER);
	while (!quitting) {
		if (!look(30000, true))
			leave(EXIT_FAILURE, "no prompt");
		look(some_ms(2 * mean), false);
		quitting = typed >= keys;
		type_line(quitting ? "quit" : think());
	}
	look(30000, false);
	leave(bye ? EXIT_SUCCESS : EXIT_FAILURE,
	      bye ? NULL : "it did not say bye");
}
