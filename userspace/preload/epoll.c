// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * epoll(7). A line is not added to the epoll instance, but kept in a list here:
 * a wait is one for the instance, which has everything else, and for these lines.
 * A line is reported for as long as it has input, with EPOLLET as well.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "preload.h"

/* The bits of poll(2), which have the same values. */
#define EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP | \
		EPOLLRDNORM | EPOLLRDBAND | EPOLLWRNORM | EPOLLWRBAND)

/**
 * struct watch - a line that an epoll instance has, or how many other fds it has
 * @epfd: the instance; -1: not used
 * @fd: the line; -1: all that is none
 * @event: as given to epoll_ctl(2)
 * @disabled: EPOLLONESHOT has been reported
 * @others: the number of fds that are no lines
 * @owner: the process that added it
 */
struct watch {
	int epfd;
	int fd;
	pid_t owner;
	struct epoll_event event;
	bool disabled;
	long others;
};

/* Guards the two below. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watch *watches;
static size_t nwatches;

static struct watch *find(int epfd, int fd)
{
	size_t i;

	for (i = 0; i < nwatches; i++)
		if (watches[i].epfd == epfd && watches[i].fd == fd)
			return &watches[i];
	return NULL;
}

static struct watch *add(int epfd, int fd)
{
	struct watch *watch = find(-1, -1), *more;

	if (!watch) {
		more = realloc(watches, (nwatches + 1) * sizeof(*watches));
		if (!more)
			return NULL;
		watches = more;
		watch = &watches[nwatches++];
	}
	*watch = (struct watch){ .epfd = epfd, .fd = fd, .owner = getpid() };
	return watch;
}

static void drop(struct watch *watch)
{
	*watch = (struct watch){ .epfd = -1, .fd = -1 };
}

/* Count what is no line: without any, a replay need not wait for it. */
static void count_others(int epfd, int op)
{
	struct watch *others;

	pthread_mutex_lock(&lock);
	others = find(epfd, -1);
	if (!others)
		others = add(epfd, -1);
	if (others)
		others->others += op == EPOLL_CTL_ADD ? 1 :
				  op == EPOLL_CTL_DEL ? -1 : 0;
	pthread_mutex_unlock(&lock);
}

/* Returns 0, or -1 and sets errno, as epoll_ctl(2) does. */
static int control_line(int epfd, int op, int fd, const struct epoll_event *event)
{
	struct watch *watch = find(epfd, fd);

	/*
	 * If it is there, its line may have been closed by a call that is not
	 * seen here: not EEXIST.
	 */
	if (op == EPOLL_CTL_ADD && !watch) {
		watch = add(epfd, fd);
		if (!watch)
			return -1;
	}
	if (!watch) {
		errno = ENOENT;
		return -1;
	}
	if (op == EPOLL_CTL_DEL) {
		drop(watch);
	} else {
		watch->event = *event;
		watch->disabled = false;
	}
	return 0;
}

EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	bool known;
	int ret;

	pthread_mutex_lock(&lock);
	known = find(epfd, fd);
	pthread_mutex_unlock(&lock);
	if (!known && !line_is(fd)) {
		ret = REAL(epoll_ctl)(epfd, op, fd, event);
		if (!ret)
			count_others(epfd, op);
		if (notes_probe() && line_may_be(fd))
			note(NOTE_WAIT);
		return ret;
	}
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL) {
		errno = EINVAL;
		return -1;
	}
	if (op != EPOLL_CTL_DEL && !event) {
		errno = EFAULT;
		return -1;
	}
	pthread_mutex_lock(&lock);
	ret = control_line(epfd, op, fd, event);
	pthread_mutex_unlock(&lock);
	return ret;
}

/*
 * The instance's lines, and itself if it has anything else, for poll(2). Returns
 * how many; 0 if it has no lines; or -1 without memory.
 */
static int list(int epfd, struct pollfd **fds)
{
	const struct watch *others;
	int n = 0;
	size_t i;

	*fds = NULL;
	pthread_mutex_lock(&lock);
	for (i = 0; i < nwatches; i++)
		n += watches[i].epfd == epfd && watches[i].fd >= 0;
	if (n)
		*fds = calloc((size_t)n + 1, sizeof(**fds));
	if (n && !*fds)
		n = -1;
	if (*fds) {
		others = find(epfd, -1);
		(*fds)[0] = (struct pollfd){
			.fd = others && others->others > 0 ? epfd : -1,
			.events = POLLIN,
		};
		n = 1;
		for (i = 0; i < nwatches; i++)
			if (watches[i].epfd == epfd && watches[i].fd >= 0)
				(*fds)[n++] = (struct pollfd){
					.fd = watches[i].disabled ? -1 :
						watches[i].fd,
					.events = (short)(watches[i].event.events &
							  EVENTS),
				};
	}
	pthread_mutex_unlock(&lock);
	return n;
}

/* Report the lines that are ready. Returns how many. */
static int report(int epfd, const struct pollfd *fds, nfds_t n,
		  struct epoll_event *events, int most)
{
	struct watch *watch;
	int reported = 0;
	nfds_t i;

	pthread_mutex_lock(&lock);
	for (i = 1; i < n && reported < most; i++) {
		watch = fds[i].revents ? find(epfd, fds[i].fd) : NULL;
		if (!watch)
			continue;
		/* Closed by such a call, which takes it out of an instance. */
		if (fds[i].revents & POLLNVAL) {
			drop(watch);
			continue;
		}
		events[reported] = watch->event;
		events[reported++].events = (unsigned short)fds[i].revents;
		watch->disabled = watch->event.events & EPOLLONESHOT;
	}
	pthread_mutex_unlock(&lock);
	return reported;
}

static int wait_and_report(int epfd, struct pollfd *fds, nfds_t n,
			   struct epoll_event *events, int most,
			   const struct timespec *timeout, const sigset_t *mask)
{
	int ready, more = 0;

	if (wait_for(fds, n, timeout, mask) < 0)
		return -1;
	ready = report(epfd, fds, n, events, most);
	if (fds[0].revents && ready < most)
		more = REAL(epoll_pwait)(epfd, events + ready, most - ready, 0,
					 NULL);
	return ready || more >= 0 ? ready + (more > 0 ? more : 0) : -1;
}

/*
 * A wait of an instance that has lines. False: it has none, and the C library is to
 * wait. Else ret is the result.
 */
static bool wait_with_lines(int epfd, struct epoll_event *events, int most,
			    const struct timespec *timeout, const sigset_t *mask,
			    int *ret)
{
	struct pollfd *fds;
	int n = most > 0 ? list(epfd, &fds) : 0, saved;

	if (!n)
		return false;
	if (n < 0) {
		errno = ENOMEM;
		*ret = -1;
		return true;
	}
	*ret = wait_and_report(epfd, fds, (nfds_t)n, events, most, timeout,
			       mask);
	saved = errno;
	free(fds);
	errno = saved;
	return true;
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int most, int ms,
		       const sigset_t *mask)
{
	struct timespec timeout;
	int ret;

	if (wait_with_lines(epfd, events, most, wait_ms(ms, &timeout), mask,
			    &ret))
		return ret;
	return REAL(epoll_pwait)(epfd, events, most, ms, mask);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int most, int ms)
{
	return epoll_pwait(epfd, events, most, ms, NULL);
}

#if __GLIBC_PREREQ(2, 35)
EXPORT int epoll_pwait2(int epfd, struct epoll_event *events, int most,
			const struct timespec *timeout, const sigset_t *mask)
{
	int ret;

	if (wait_with_lines(epfd, events, most, timeout, mask, &ret))
		return ret;
	return REAL(epoll_pwait2)(epfd, events, most, timeout, mask);
}
#endif

/**
 * epoll_forget - an fd is about to be closed
 * @fd: a line, an instance or anything else
 *
 * A child of vfork(2) has its parent's memory, but fds of its own: what it closes
 * stays open for the one that added it.
 */
void epoll_forget(int fd)
{
	size_t i;

	/* Most programs have none, and this is called by signal handlers, too. */
	if (!__atomic_load_n(&nwatches, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&lock);
	for (i = 0; i < nwatches; i++)
		if ((watches[i].epfd == fd || watches[i].fd == fd) && fd >= 0 &&
		    watches[i].owner == getpid())
			drop(&watches[i]);
	pthread_mutex_unlock(&lock);
}

/* A thread may hold the lock while another one forks: the child has only that one. */
static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void handle_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}
