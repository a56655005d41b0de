// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crrctl replay --back-to: go back from where a replay has ended.
 *
 * The same log reaches the same state again: a second run, from the start, stops
 * earlier. The first one is another process, and says where it has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crrctl.h"

/**
 * back_is_first - begin the first run
 * @back: where to go back to
 *
 * Returns true in the process of the first run, which is to call back_report() at its
 * end. Returns false when that has ended. If it could not say where, so does crrctl.
 */
bool back_is_first(struct back *back)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		fail("--back-to: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fail("--back-to: %s", strerror(errno));
	if (!pid) {
		close(ends[0]);
		back->report = ends[1];
		return true;
	}
	close(ends[1]);
	do {
		n = read(ends[0], &back->place, sizeof(back->place));
	} while (n < 0 && errno == EINTR);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(back->place))
		exit(WIFEXITED(status) ? WEXITSTATUS(status) :
					 128 + WTERMSIG(status));
	return false;
}

/**
 * back_report - say where the first run has ended
 * @back: as of back_is_first()
 * @place: number of the first record that it has not consumed
 */
void back_report(const struct back *back, uint64_t place)
{
	(void)!write(back->report, &place, sizeof(place));
}

/**
 * back_until - where the second run is to stop, as for --until
 * @cmd: the command
 * @back: as of back_is_first()
 */
const char *back_until(const struct command *cmd, const struct back *back)
{
	unsigned long long n;
	char *end, *until;

	if (*back->what != '-')
		return back->what;
	errno = 0;
	n = strtoull(back->what + 1, &end, 10);
	if (back->what[1] < '0' || back->what[1] > '9' || *end || errno || !n)
		usage_error(cmd, "--back-to: '%s' is not a number of records, such as -10",
			    back->what);
	if (n > back->place)
		usage_error(cmd, "--back-to: the run has come to record %llu only",
			    (unsigned long long)back->place);
	if (asprintf(&until, "%llu", (unsigned long long)back->place - n) < 0)
		fail("%s", strerror(errno));
	return until;
}
