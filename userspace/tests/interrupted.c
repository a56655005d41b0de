// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * interrupted: does a signal end a read(2), as siginterrupt(3) says? Without that,
 * signal(2) lets it go on.
 */
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

/* Programs that are older than sigaction(2) use it. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static int alarms;

static void expired(int sig)
{
	(void)sig;
	if (++alarms == 100)
		_exit(1);
}

int main(void)
{
	struct itimerval often = { { 0, 10000 }, { 0, 10000 } };
	int fds[2];
	char c;

	if (pipe(fds) || siginterrupt(SIGALRM, 1) ||
	    signal(SIGALRM, expired) == SIG_ERR ||
	    setitimer(ITIMER_REAL, &often, NULL))
		return 2;
	return read(fds[0], &c, 1) != -1 || errno != EINTR;
}
