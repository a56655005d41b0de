// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * poll(2), ppoll(2), select(2) and pselect(2).
 *
 * crr records no poll. But it records FIONREAD, and counts those that find
 * nothing as it counts empty reads. So a wait becomes a question: once the wait
 * is over, FIONREAD says whether there is input, and nothing else does. In replay
 * only the question is asked: the answer comes at once, and is that of the
 * recorded run, also where that had waited, in vain or not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

static const struct timespec no_time;

static bool is_zero(const struct timespec *timeout)
{
	return timeout && !timeout->tv_sec && !timeout->tv_nsec;
}

static int real_wait(struct pollfd *fds, nfds_t n,
		     const struct timespec *timeout, const sigset_t *mask)
{
	return REAL(ppoll)(fds, n, timeout, mask);
}

/* Ask a line for input. What it said before of anything else stays. */
static void ask(struct pollfd *fd)
{
	int n;

	if (!(fd->events & LINE_INPUT))
		return;
	n = line_unread(fd->fd);
	if (n > 0)
		fd->revents |= fd->events & LINE_INPUT;
	/* A read says why: a hangup, or the end of the replay. */
	else if (n < 0)
		fd->revents |= (fd->events & LINE_INPUT) | POLLERR | POLLHUP;
}

static int count_ready(const struct pollfd *fds, nfds_t n)
{
	int ready = 0;
	nfds_t i;

	for (i = 0; i < n; i++)
		ready += fds[i].revents != 0;
	return ready;
}

/* Does FIONREAD answer all of it? */
static bool asks_for_input_only(const struct pollfd *fds, nfds_t n,
				const bool *lines)
{
	nfds_t i;

	for (i = 0; i < n; i++)
		if (!lines[i] || fds[i].events & ~LINE_INPUT)
			return false;
	return true;
}

static int ask_all(struct pollfd *fds, nfds_t n)
{
	nfds_t i;

	for (i = 0; i < n; i++) {
		fds[i].revents = 0;
		ask(&fds[i]);
	}
	return count_ready(fds, n);
}

/* Wait for what there is, and then ask. */
static int wait_live(struct pollfd *fds, nfds_t n, const bool *lines,
		     const struct timespec *timeout, const sigset_t *mask)
{
	short found;
	nfds_t i;

	if (real_wait(fds, n, timeout, mask) < 0)
		return -1;
	clock_waited();
	for (i = 0; i < n; i++) {
		if (!lines[i])
			continue;
		found = fds[i].revents;
		fds[i].revents &= ~LINE_INPUT;
		ask(&fds[i]);
		/* An end of file, which FIONREAD does not show. */
		if (!timeout && !fds[i].revents)
			fds[i].revents = found;
	}
	return count_ready(fds, n);
}

/*
 * What a line says beside input; does not wait. At the counter of the log's end
 * poll(2) shows that end (POLLERR), which wakes sleepers, but the recorded run may
 * have gone on there: that is no error yet. A hangup shows both.
 */
static void look_at_rest(struct pollfd *fd)
{
	const short output = POLLOUT | POLLWRNORM;
	struct pollfd rest = *fd;

	/* Of input, and of a hangup with it, the question has told. */
	if (fd->events && !(fd->events & ~LINE_INPUT))
		return;
	rest.events &= ~LINE_INPUT;
	if (real_wait(&rest, 1, &no_time, NULL) <= 0)
		return;
	if (rest.revents & output)
		rest.revents &= ~(POLLERR | POLLHUP);
	else if (!(rest.revents & POLLHUP))
		rest.revents &= ~POLLERR;
	fd->revents |= rest.revents & ~LINE_INPUT;
}

/* Wait for the fds that are no lines. */
static int wait_for_others(struct pollfd *fds, nfds_t n, const bool *lines,
			   const struct timespec *timeout, const sigset_t *mask)
{
	struct pollfd *others = malloc(n * sizeof(*others));
	int ret, saved;
	nfds_t i;

	if (!others)
		return -1;
	memcpy(others, fds, n * sizeof(*others));
	for (i = 0; i < n; i++)
		if (lines[i])
			others[i].fd = -1;
	ret = real_wait(others, n, timeout, mask);
	saved = errno;
	for (i = 0; i < n && ret >= 0; i++)
		if (!lines[i])
			fds[i].revents = others[i].revents;
	free(others);
	errno = saved;
	return ret;
}

/* The lines answer at once; what is no line is as it is now. */
static int wait_in_replay(struct pollfd *fds, nfds_t n, const bool *lines,
			  const struct timespec *timeout, const sigset_t *mask)
{
	bool others = false;
	int ready;
	nfds_t i;

	for (i = 0; i < n; i++) {
		fds[i].revents = 0;
		others |= !lines[i] && fds[i].fd >= 0;
		if (!lines[i])
			continue;
		ask(&fds[i]);
		look_at_rest(&fds[i]);
	}
	ready = count_ready(fds, n);
	/* A signal ended the recorded wait, or what is no line will. */
	if (!ready && !timeout)
		return wait_live(fds, n, lines, NULL, mask);
	if (others && wait_for_others(fds, n, lines, ready ? &no_time : timeout,
				      mask) < 0)
		return -1;
	return count_ready(fds, n);
}

/**
 * wait_for - ppoll(2), in which input on a line is a question that is recorded
 * @fds: as for ppoll(2), as is the rest
 * @n: how many
 * @timeout: NULL: none
 * @mask: NULL: none
 */
int wait_for(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	     const sigset_t *mask)
{
	bool few[64], *lines = few, others = false;
	int line = -1, ret, saved;
	nfds_t i;

	if (notes_probe()) {
		ret = real_wait(fds, n, timeout, mask);
		note_wait(fds, n, ret);
		return ret;
	}
	if (n > sizeof(few)) {
		lines = malloc(n * sizeof(*lines));
		if (!lines) {
			errno = ENOMEM;
			return -1;
		}
	}
	for (i = 0; i < n; i++) {
		lines[i] = line_is(fds[i].fd);
		if (lines[i])
			line = fds[i].fd;
		else if (fds[i].fd >= 0)
			others = true;
	}
	if (line >= 0) {
		thread_uses_line();
		if (others)
			note(NOTE_OTHERS);
	}
	if (line < 0)
		ret = real_wait(fds, n, timeout, mask);
	else if (is_zero(timeout) && asks_for_input_only(fds, n, lines))
		ret = ask_all(fds, n);
	else if (line_replays(line))
		ret = wait_in_replay(fds, n, lines, timeout, mask);
	else
		ret = wait_live(fds, n, lines, timeout, mask);
	saved = errno;
	if (lines != few)
		free(lines);
	errno = saved;
	return ret;
}

/**
 * wait_ms - milliseconds as those functions have them
 * @ms: negative: for ever
 * @timeout: where it is put
 */
const struct timespec *wait_ms(int ms, struct timespec *timeout)
{
	if (ms < 0)
		return NULL;
	timeout->tv_sec = ms / 1000;
	timeout->tv_nsec = ms % 1000 * 1000000L;
	return timeout;
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec timeout;

	return wait_for(fds, n, wait_ms(ms, &timeout), NULL);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		 const sigset_t *mask)
{
	return wait_for(fds, n, timeout, mask);
}

/* What the C library calls instead in programs that were built to be checked. */
int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
		const sigset_t *mask, size_t size);

EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size)
{
	if (size / sizeof(*fds) < n)
		abort();
	return poll(fds, n, ms);
}

EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n,
		       const struct timespec *timeout, const sigset_t *mask,
		       size_t size)
{
	if (size / sizeof(*fds) < n)
		abort();
	return wait_for(fds, n, timeout, mask);
}

/* ---- select(2) ---- */

#define SELECTS_IN  (POLLIN | POLLRDNORM | POLLHUP | POLLERR)
#define SELECTS_OUT (POLLOUT | POLLWRNORM | POLLERR)

static bool is_set(int fd, const fd_set *set)
{
	return set && FD_ISSET(fd, set);
}

/* Fill in fds; returns how many. */
static nfds_t from_sets(int nfds, const fd_set *in, const fd_set *out,
			const fd_set *except, struct pollfd *fds)
{
	nfds_t n = 0;
	int fd;

	for (fd = 0; fd < nfds; fd++) {
		if (!is_set(fd, in) && !is_set(fd, out) && !is_set(fd, except))
			continue;
		fds[n++] = (struct pollfd){
			.fd = fd,
			.events = (short)((is_set(fd, in) ? POLLIN : 0) |
					  (is_set(fd, out) ? POLLOUT : 0) |
					  (is_set(fd, except) ? POLLPRI : 0)),
		};
	}
	return n;
}

static int to_set(const struct pollfd *fd, fd_set *set, short events)
{
	if (!is_set(fd->fd, set))
		return 0;
	if (fd->revents & events)
		return 1;
	FD_CLR(fd->fd, set);
	return 0;
}

static bool any_line(const struct pollfd *fds, nfds_t n)
{
	nfds_t i;

	for (i = 0; i < n; i++)
		if (line_is(fds[i].fd) ||
		    (notes_probe() && line_may_be(fds[i].fd)))
			return true;
	return false;
}

EXPORT int pselect(int nfds, fd_set *in, fd_set *out, fd_set *except,
		   const struct timespec *timeout, const sigset_t *mask)
{
	struct pollfd fds[FD_SETSIZE];
	nfds_t i, n;
	int ready = 0;

	if (nfds < 0 || nfds > FD_SETSIZE)
		return REAL(pselect)(nfds, in, out, except, timeout, mask);
	n = from_sets(nfds, in, out, except, fds);
	if (!any_line(fds, n))
		return REAL(pselect)(nfds, in, out, except, timeout, mask);
	if (wait_for(fds, n, timeout, mask) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (fds[i].revents & POLLNVAL) {
			errno = EBADF;
			return -1;
		}
	}
	for (i = 0; i < n; i++)
		ready += to_set(&fds[i], in, SELECTS_IN) +
			 to_set(&fds[i], out, SELECTS_OUT) +
			 to_set(&fds[i], except, POLLPRI);
	return ready;
}

/* Linux leaves in the timeout what is left of it; here by the recorded clock. */
EXPORT int select(int nfds, fd_set *in, fd_set *out, fd_set *except,
		  struct timeval *timeout)
{
	struct timespec begun, ended, time;
	long long left;
	int ret;

	if (!timeout)
		return pselect(nfds, in, out, except, NULL, NULL);
	if (!timeout->tv_sec && !timeout->tv_usec)
		return pselect(nfds, in, out, except, &no_time, NULL);
	if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
		errno = EINVAL;
		return -1;
	}
	time.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
	time.tv_nsec = timeout->tv_usec % 1000000 * 1000;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	ret = pselect(nfds, in, out, except, &time, NULL);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	left = (time.tv_sec - ended.tv_sec + begun.tv_sec) * 1000000LL +
	       (time.tv_nsec - ended.tv_nsec + begun.tv_nsec) / 1000;
	if (!ret || left < 0)
		left = 0;
	timeout->tv_sec = left / 1000000;
	timeout->tv_usec = left % 1000000;
	return ret;
}
