// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer SEED BYTES MICROSECONDS OUTPUT: sits at the other end of a guest's line,
 * its standard input and output. After the guest's first line it types BYTES
 * bytes, each after a random time of up to twice MICROSECONDS, then 'q'; and
 * writes what the guest says to the file OUTPUT, and to stderr how long a byte
 * took to be answered.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	long left, pause;
	double next = 0, typed = 0, sum = 0, worst = 0;
	long answers = 0;
	FILE *out;

	if (argc != 5)
		return 2;
	srandom((unsigned int)atol(argv[1]));
	left = atol(argv[2]);
	pause = atol(argv[3]);
	out = fopen(argv[4], "w");
	if (out)
		setvbuf(out, NULL, _IONBF, 0);
	if (!out) {
		perror(argv[4]);
		return 1;
	}
	for (;;) {
		struct pollfd pfd = { .fd = 0, .events = POLLIN };
		double wait = next ? next - now() : -1;
		char buf[4096];
		ssize_t n;

		if (next && wait <= 0) {
			char c = left ? (char)('a' + random() % 16) : 'q';

			if (write(1, &c, 1) != 1) {
				perror("write");
				return 1;
			}
			typed = now();
			next = left-- > 0 ?
			       typed + (double)(random() % (2 * pause)) + 1 : 0;
			continue;
		}
		n = poll(&pfd, 1, next ? (int)(wait / 1000) + 1 : -1);
		if (n < 0 && errno != EINTR) {
			perror("poll");
			return 1;
		}
		if (n <= 0)
			continue;
		n = read(0, buf, sizeof(buf));
		if (n <= 0)
			break;
		fwrite(buf, 1, (size_t)n, out);
		if (!next && left >= 0)
			next = now() + (double)pause;
		if (typed) {
			double took = now() - typed;

			sum += took;
			worst = took > worst ? took : worst;
			answers++;
			typed = 0;
			/* The last one: whoever started us ends us, too. */
			if (left < 0)
				fprintf(stderr, "answered in %.0f us, at most %.0f us\n",
					sum / (double)answers, worst);
		}
	}
	fclose(out);
	return 0;
}
