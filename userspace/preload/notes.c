// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Notes of what the program does that a replay may not repeat. And what does
 * nothing else here: timers, threads, and random numbers.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "preload.h"

/* NULL: nobody wants to know. Shared by all processes of COMMAND, and crrctl. */
static struct notes *notes;
static bool probes;

/* Before the program can close anything, or change its root. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CRR_PRELOAD_NOTES");
	void *page;
	int fd;

	if (!path)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	syscall(SYS_close, fd);
	if (page == MAP_FAILED)
		return;
	notes = page;
	probes = getenv("CRR_PRELOAD_PROBE");
}

void note(enum note what)
{
	if (notes)
		__atomic_fetch_add(&notes->count[what], 1, __ATOMIC_RELAXED);
}

/**
 * notes_probe - is the program only looked at? Then any tty may be its line.
 */
bool notes_probe(void)
{
	return probes;
}

/**
 * note_wait - a wait has ended
 * @fds: what it was for
 * @n: how many
 * @ready: what it returned
 *
 * In a probe, which knows no lines; leaves errno alone.
 */
void note_wait(const struct pollfd *fds, nfds_t n, int ready)
{
	bool tty = false, others = false;
	nfds_t i;

	for (i = 0; i < n; i++) {
		if (line_may_be(fds[i].fd))
			tty = true;
		else if (fds[i].fd >= 0)
			others = true;
	}
	if (!tty)
		return;
	thread_uses_line();
	note(NOTE_WAIT);
	if (!ready)
		note(NOTE_EXPIRED);
	if (others)
		note(NOTE_OTHERS);
}

EXPORT int setitimer(__itimer_which_t which, const struct itimerval *new,
		     struct itimerval *old)
{
	note(NOTE_TIMER);
	return REAL(setitimer)(which, new, old);
}

EXPORT unsigned int alarm(unsigned int seconds)
{
	note(NOTE_TIMER);
	return REAL(alarm)(seconds);
}

EXPORT int timer_settime(timer_t timer, int flags, const struct itimerspec *new,
			 struct itimerspec *old)
{
	note(NOTE_TIMER);
	return REAL(timer_settime)(timer, flags, new, old);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*start)(void *), void *arg)
{
	note(NOTE_START);
	return REAL(pthread_create)(thread, attr, start, arg);
}

EXPORT ssize_t getrandom(void *buf, size_t length, unsigned int flags)
{
	note(NOTE_RANDOM);
	return REAL(getrandom)(buf, length, flags);
}

EXPORT int getentropy(void *buf, size_t length)
{
	note(NOTE_RANDOM);
	return REAL(getentropy)(buf, length);
}
