// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which fds are lines of crr, and what they say. crrctl tells by the environment:
 *
 *	CRR_PRELOAD		the number of the line discipline N_CRR
 *	CRR_PRELOAD_PTY		1: no word of COMMAND names a line, so that the
 *				ptys that it makes are to be the lines
 *	CRR_PRELOAD_REPLAY	1: the lines are replayed, at first
 *	CRR_PRELOAD_CLOCK	COMMAND's process ID: clocks are recorded
 *	CRR_PRELOAD_NOTES	path of what notes.h describes
 *	CRR_PRELOAD_PROBE	nothing is changed: there are notes alone
 *	CRR_TTY0, CRR_TTY1 ...	the lines
 *
 * Nothing is remembered of an fd: it can be closed, and be another file, without
 * any call that could be seen here.
 */
#include <errno.h>
#include <linux/crr.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

/* The number of N_CRR; 0: there is none, and nothing to do. */
static int discipline(void)
{
	static int number = -1;
	int n = __atomic_load_n(&number, __ATOMIC_RELAXED);
	const char *text;

	if (n < 0) {
		text = getenv("CRR_PRELOAD");
		n = text ? atoi(text) : 0;
		__atomic_store_n(&number, n, __ATOMIC_RELAXED);
	}
	return n;
}

/* ioctl(2) itself, as ours asks whether it is a line. */
static int raw_ioctl(int fd, unsigned long request, void *arg)
{
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/**
 * line_is - is it a line?
 * @fd: any fd, or none
 *
 * Leaves errno alone.
 */
bool line_is(int fd)
{
	int saved = errno, number;
	bool is = discipline() && fd >= 0 &&
		  !raw_ioctl(fd, TIOCGETD, &number) && number == discipline();

	errno = saved;
	return is;
}

/**
 * line_may_be - may it be a line in a recording? For a probe.
 * @fd: any fd, or none
 *
 * Any tty, and any master of a pty. Leaves errno alone.
 */
bool line_may_be(int fd)
{
	int saved = errno, number;
	bool may = fd >= 0 && !raw_ioctl(fd, TIOCGETD, &number);

	errno = saved;
	return may;
}

/**
 * line_replays - is it being replayed?
 * @fd: a line
 *
 * Not after the end, when all of its operations fail, or it has gone live.
 */
bool line_replays(int fd)
{
	static int never = -1;
	struct crr_status status = { .size = sizeof(status), .tty_fd = fd };
	int saved = errno;
	bool replays;

	/* A recording remains one: it costs no call to know. */
	if (__atomic_load_n(&never, __ATOMIC_RELAXED) < 0)
		__atomic_store_n(&never, !getenv("CRR_PRELOAD_REPLAY"),
				 __ATOMIC_RELAXED);
	if (__atomic_load_n(&never, __ATOMIC_RELAXED))
		return false;
	replays = !raw_ioctl(fd, CRR_IOC_STATUS, &status) &&
		  status.state == CRR_STATE_REPLAYING;
	errno = saved;
	return replays;
}

/**
 * line_unread - how many bytes can be read? This is recorded.
 * @fd: a line
 *
 * Returns their number; -1 if the next operation fails. Leaves errno alone.
 */
int line_unread(int fd)
{
	int saved = errno, ret, n;

	/* In a replay it may sleep until its record is fed. */
	do {
		ret = raw_ioctl(fd, FIONREAD, &n);
	} while (ret && errno == EINTR);
	errno = saved;
	return ret ? -1 : n;
}

/**
 * line_path_of - path of a line
 * @number: counted from 0
 *
 * Returns NULL if there is none.
 */
const char *line_path_of(unsigned int number)
{
	char name[32];

	if (!discipline())
		return NULL;
	snprintf(name, sizeof(name), "CRR_TTY%u", number);
	return getenv(name);
}

/**
 * line_path - path of a line that is to take the place of a pty
 * @number: counted from 0
 *
 * Returns NULL if there is none.
 */
const char *line_path(unsigned int number)
{
	return getenv("CRR_PRELOAD_PTY") ? line_path_of(number) : NULL;
}
