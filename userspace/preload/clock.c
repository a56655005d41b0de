// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The clock: what a program learns of the time is input, as its line's bytes are.
 *
 * One thread is recorded. It gets a value by CRR_IOC_VALUE, and uses it again
 * until a millisecond has passed, or a wait for a line has ended. With the next
 * value it says how often it has used the last one. In a replay the values are
 * the recorded ones, and each is used as often as then.
 *
 * It is the first thread that uses a line; until there is one, COMMAND's first
 * thread. All others, and signal handlers, have the machine's clocks, in a replay
 * moved to where the recorded thread is. Deadlines, which the kernel compares with
 * the machine's clocks, are moved back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/crr.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "preload.h"

/* The kind of a value is its clock. */
#define CLOCKS	   (CLOCK_TAI + 1)
#define RENEW	   1000000	/* ns after which a value is out of date */
#define FD_MIN	   500		/* out of the way of the program's own fds */
#define NANOSECONDS 1000000000LL

/* What the recorded thread has of a clock. */
struct clock {
	uint64_t value;		/* in nanoseconds */
	uint64_t uses;		/* 0: there is no value */
	uint64_t promised;	/* uses for which it need not ask */
	uint64_t renewed;	/* CLOCK_MONOTONIC, then */
};

static struct clock clocks[CLOCKS];
/* In a replay: the recorded time minus the machine's. Read by all threads. */
static int64_t offsets[CLOCKS];
static int last_used = -1;
static bool replays;		/* as far as the recorded thread knows */
static bool stale;		/* a wait has ended since the last value */
static bool over;		/* nothing more is recorded, or to be had */

/* The recorded thread is the one whose @here this is. NULL: there is none. */
static __thread char here __attribute__((tls_model("initial-exec")));
static char *recorded;
static char *user;		/* the thread that has used a line first */

static void forked(void)
{
	__atomic_store_n(&recorded, NULL, __ATOMIC_RELAXED);
	user = NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *pid = getenv("CRR_PRELOAD_CLOCK");

	if (!pid || !line_path_of(0)) {
		over = true;
		return;
	}
	pthread_atfork(NULL, NULL, forked);
	if (atoi(pid) == getpid())
		__atomic_store_n(&recorded, &here, __ATOMIC_RELAXED);
}

static bool is_recorded(void)
{
	return __atomic_load_n(&recorded, __ATOMIC_RELAXED) == &here;
}

/**
 * thread_uses_line - this thread uses a line: it is the recorded one, if it is the
 *	first
 */
void thread_uses_line(void)
{
	char *first = NULL;

	if (__atomic_compare_exchange_n(&user, &first, &here, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		__atomic_store_n(&recorded, &here, __ATOMIC_RELAXED);
	else if (first != &here)
		note(NOTE_THREAD);
}

/**
 * clock_waited - a wait for a line has ended: the next value is a new one
 */
void clock_waited(void)
{
	if (is_recorded())
		stale = true;
}

static uint64_t to_ns(const struct timespec *time)
{
	return (uint64_t)(time->tv_sec * NANOSECONDS + time->tv_nsec);
}

static struct timespec from_ns(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / (uint64_t)NANOSECONDS),
		.tv_nsec = (long)(ns % (uint64_t)NANOSECONDS),
	};
}

static uint64_t real_clock(clockid_t clock)
{
	struct timespec now = { 0 };

	REAL(clock_gettime)(clock, &now);
	return to_ns(&now);
}

static int64_t offset_of(clockid_t clock)
{
	return __atomic_load_n(&offsets[clock], __ATOMIC_RELAXED);
}

/* The machine's clock, as a thread has it that is not recorded. */
static uint64_t moved_clock(clockid_t clock)
{
	return real_clock(clock) + (uint64_t)offset_of(clock);
}

/* An fd of the first line, opened again if the program has closed it. */
static int line_fd(bool again)
{
	static int fd = -1;
	int low;

	if (fd >= 0 && !again)
		return fd;
	low = (int)syscall(SYS_openat, AT_FDCWD, line_path_of(0),
			   O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
	if (low < 0)
		return -1;
	fd = fcntl(low, F_DUPFD_CLOEXEC, FD_MIN);
	if (fd < 0)
		fd = fcntl(low, F_DUPFD_CLOEXEC, 0);
	syscall(SYS_close, low);
	return fd;
}

static bool ask(struct crr_value *value)
{
	bool again = false;

	for (;;) {
		value->tty_fd = line_fd(again);
		if (value->tty_fd < 0)
			return false;
		if (!syscall(SYS_ioctl, value->tty_fd, CRR_IOC_VALUE, value))
			return true;
		/* EAGAIN: its line discipline is being changed. */
		if (errno == EINTR || errno == EAGAIN)
			continue;
		if (again || (errno != EBADF && errno != ENOTTY))
			return false;
		again = true;
	}
}

/* Get a value, or be told to go on with the last. False: there are no more. */
static bool renew(clockid_t clock)
{
	struct clock *c = &clocks[clock];
	uint64_t now = real_clock(clock);
	struct crr_value value = {
		.size = sizeof(value),
		.kind = (uint32_t)clock,
		.uses = c->uses,
		.value = now + (uint64_t)offset_of(clock),
	};

	if (!ask(&value)) {
		over = true;
		return false;
	}
	if (!(value.facts & CRR_VALUE_NEW)) {
		c->promised = value.remaining;
		return true;
	}
	/* A replay may have gone live since. */
	replays = line_replays(value.tty_fd);
	c->value = value.value;
	c->uses = 0;
	c->promised = 1;
	c->renewed = real_clock(CLOCK_MONOTONIC);
	if (replays)
		__atomic_store_n(&offsets[clock], (int64_t)(value.value - now),
				 __ATOMIC_RELAXED);
	return true;
}

static bool is_fresh(const struct clock *c)
{
	return c->uses && !stale && !replays &&
	       real_clock(CLOCK_MONOTONIC) - c->renewed < RENEW;
}

static uint64_t recorded_clock(clockid_t clock)
{
	struct clock *c = &clocks[clock];

	if (c->promised || !is_fresh(c)) {
		if (!c->promised && !renew(clock))
			return moved_clock(clock);
		stale = false;
		c->promised--;
	}
	c->uses++;
	last_used = clock;
	return c->value;
}

static uint64_t clock_ns(clockid_t clock)
{
	int saved = errno;
	uint64_t ns;

	note(NOTE_CLOCK);
	if (!is_recorded() || over || in_handler())
		return moved_clock(clock);
	ns = recorded_clock(clock);
	errno = saved;
	return ns;
}

/* The last value's uses are in the record of the next one. */
__attribute__((destructor)) static void end(void)
{
	if (is_recorded() && !over && last_used >= 0)
		renew(last_used);
	over = true;
}

/* Those that all machines have. */
static bool is_known(clockid_t clock)
{
	return (clock >= 0 && clock <= CLOCK_BOOTTIME) || clock == CLOCK_TAI;
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *time)
{
	if (!is_known(clock))
		return REAL(clock_gettime)(clock, time);
	*time = from_ns(clock_ns(clock));
	return 0;
}

EXPORT int gettimeofday(struct timeval *time, void *zone)
{
	struct timespec now = from_ns(clock_ns(CLOCK_REALTIME));

	if (zone && REAL(gettimeofday)(time, zone))
		return -1;
	time->tv_sec = now.tv_sec;
	time->tv_usec = now.tv_nsec / 1000;
	return 0;
}

EXPORT time_t time(time_t *seconds)
{
	time_t now = from_ns(clock_ns(CLOCK_REALTIME)).tv_sec;

	if (seconds)
		*seconds = now;
	return now;
}

EXPORT int timespec_get(struct timespec *time, int base)
{
	if (base != TIME_UTC)
		return 0;
	*time = from_ns(clock_ns(CLOCK_REALTIME));
	return base;
}

EXPORT clock_t clock(void)
{
	return (clock_t)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) /
			 (uint64_t)(NANOSECONDS / CLOCKS_PER_SEC));
}

/* ---- Deadlines ---- */

/* A deadline of the recorded clock, as the machine's clock will have it. */
static const struct timespec *moved(clockid_t clock,
				    const struct timespec *deadline,
				    struct timespec *to)
{
	int64_t offset = is_known(clock) ? offset_of(clock) : 0;
	int64_t ns;

	if (!deadline || !offset)
		return deadline;
	ns = (int64_t)to_ns(deadline) - offset;
	*to = from_ns(ns > 0 ? (uint64_t)ns : 0);
	return to;
}

EXPORT int clock_nanosleep(clockid_t clock, int flags,
			   const struct timespec *time, struct timespec *left)
{
	struct timespec to;

	if (flags & TIMER_ABSTIME)
		time = moved(clock, time, &to);
	return REAL(clock_nanosleep)(clock, flags, time, left);
}

EXPORT int sem_timedwait(sem_t *sem, const struct timespec *deadline)
{
	struct timespec to;

	return REAL(sem_timedwait)(sem, moved(CLOCK_REALTIME, deadline, &to));
}

EXPORT int sem_clockwait(sem_t *sem, clockid_t clock,
			 const struct timespec *deadline)
{
	struct timespec to;

	return REAL(sem_clockwait)(sem, clock, moved(clock, deadline, &to));
}

EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex,
				   const struct timespec *deadline)
{
	struct timespec to;

	return REAL(pthread_mutex_timedlock)(mutex, moved(CLOCK_REALTIME,
							  deadline, &to));
}

EXPORT int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
				   const struct timespec *deadline)
{
	struct timespec to;

	return REAL(pthread_mutex_clocklock)(mutex, clock,
					     moved(clock, deadline, &to));
}

EXPORT int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  clockid_t clock,
				  const struct timespec *deadline)
{
	struct timespec to;

	return REAL(pthread_cond_clockwait)(cond, mutex, clock,
					    moved(clock, deadline, &to));
}

/*
 * The condition knows its clock, and does not tell. The time since 1970 is longer
 * than any machine has run.
 */
EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				  const struct timespec *deadline)
{
	uint64_t border = real_clock(CLOCK_REALTIME) / 2;
	struct timespec to;
	clockid_t clock = to_ns(deadline) > border ? CLOCK_REALTIME :
						     CLOCK_MONOTONIC;

	return REAL(pthread_cond_timedwait)(cond, mutex,
					    moved(clock, deadline, &to));
}

/* Which clock a timerfd has, the kernel says only in /proc: as above. */
EXPORT int timerfd_settime(int fd, int flags, const struct itimerspec *new,
			   struct itimerspec *old)
{
	uint64_t border = real_clock(CLOCK_REALTIME) / 2;
	struct itimerspec to;
	clockid_t clock;

	note(NOTE_TIMER);
	if (new && flags & TFD_TIMER_ABSTIME && to_ns(&new->it_value)) {
		clock = to_ns(&new->it_value) > border ? CLOCK_REALTIME :
							 CLOCK_MONOTONIC;
		to = *new;
		moved(clock, &new->it_value, &to.it_value);
		new = &to;
	}
	return REAL(timerfd_settime)(fd, flags, new, old);
}
