// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crrctl replay --back-to: go back from where a replay has ended.
 *
 * The same log reaches the same state again: a second run, from the start, stops
 * earlier. The first one is another process, and says where it has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crrctl.h"

/* -N: its N; 0 for another place. */
static unsigned long long relative(const struct command *cmd, const char *what)
{
	unsigned long long n;
	char *end;

	if (*what != '-')
		return 0;
	errno = 0;
	n = strtoull(what + 1, &end, 10);
	if (what[1] < '0' || what[1] > '9' || *end || errno || !n)
		usage_error(cmd, "--back-to: '%s' is not a number of records, such as -10",
			    what);
	return n;
}

static pid_t first_run;

static void forward(int sig)
{
	kill(first_run, sig);
}

/*
 * Wait until the first run says where it has ended, or has ended. What is to end
 * crrctl ends that run; from a terminal it has got the signal itself. Signals that are
 * ignored stay so. @mask: the signals that are blocked from then on.
 */
static int wait_for_place(struct back *back, int fd, const sigset_t *mask)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction old[sizeof(signals) / sizeof(*signals)], act = { 0 };
	int status = 0;
	ssize_t n;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaction(signals[i], NULL, &old[i]);
		act.sa_handler = i < 2 || old[i].sa_handler == SIG_IGN ?
					 SIG_IGN :
					 forward;
		sigaction(signals[i], &act, NULL);
	}
	sigprocmask(SIG_SETMASK, mask, NULL);
	do {
		n = read(fd, &back->place, sizeof(back->place));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(back->place))
		back->place = 0;
	while (waitpid(first_run, &status, 0) < 0)
		if (errno != EINTR)
			fail("--back-to: %s", strerror(errno));
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &old[i], NULL);
	return status;
}

/**
 * back_is_first - begin the first run
 * @cmd: the command
 * @back: where to go back to
 *
 * Returns true in the process of the first run, which is to call back_report() at its
 * end. Returns false when that has ended; if it has not said where, crrctl exits with
 * its status instead.
 */
bool back_is_first(const struct command *cmd, struct back *back)
{
	pid_t crrctl = getpid();
	sigset_t all, before;
	int ends[2], status;

	(void)relative(cmd, back->what);
	/* If it is ignored, there is nothing to be waited for. */
	signal(SIGCHLD, SIG_DFL);
	if (pipe2(ends, O_CLOEXEC))
		fail("--back-to: %s", strerror(errno));
	fflush(NULL);
	/* Until they are forwarded. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	first_run = fork();
	if (first_run < 0)
		fail("--back-to: %s", strerror(errno));
	if (!first_run) {
		/* For SIGKILL. Under sudo, opening a file as its user undoes it. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != crrctl)
			_exit(EXIT_CRR_OWN);
		sigprocmask(SIG_SETMASK, &before, NULL);
		close(ends[0]);
		back->report = ends[1];
		return true;
	}
	close(ends[1]);
	status = wait_for_place(back, ends[0], &before);
	close(ends[0]);
	if (!back->place)
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
	unsigned long long n = relative(cmd, back->what);
	char *until;

	if (!n)
		return back->what;
	if (n > back->place)
		usage_error(cmd, "--back-to: the run has come to record %llu only",
			    (unsigned long long)back->place);
	if (asprintf(&until, "%llu", (unsigned long long)back->place - n) < 0)
		fail("%s", strerror(errno));
	return until;
}
