// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A program that makes a pty for others to connect to gets a line instead, as if
 * it were the pty's master; what is connected to the line's other end is what
 * would have connected to the pty. The first pty is the first line, and so on;
 * those beyond the last line are real.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "preload.h"

/* More masters than a program has lines. */
#define MASTERS 64

/* fds that are masters, plus one; 0: not used. The n-th is the n-th line's. */
static int masters[MASTERS];
/* The process that made them. */
static pid_t owner;

static int master_number(int fd)
{
	int i;

	for (i = 0; i < MASTERS && fd >= 0; i++)
		if (__atomic_load_n(&masters[i], __ATOMIC_ACQUIRE) == fd + 1)
			return i;
	return -1;
}

bool pty_is_master(int fd)
{
	return master_number(fd) >= 0;
}

void pty_forget(int fd)
{
	int i = master_number(fd);

	/* As for epoll_forget(): not in a child of vfork(2). */
	if (i >= 0 && owner == getpid())
		__atomic_store_n(&masters[i], 0, __ATOMIC_RELEASE);
}

/* A master passes all bytes on, whatever its slave is set to. */
static int open_line(const char *path, int flags)
{
	int fd = REAL(open)(path, flags | O_RDWR | O_NOCTTY);
	struct termios termios;

	if (fd < 0)
		return -1;
	if (!tcgetattr(fd, &termios)) {
		cfmakeraw(&termios);
		(void)tcsetattr(fd, TCSANOW, &termios);
	}
	return fd;
}

/* The next line; -1 with errno 0 if there is none. */
static int open_master(int flags)
{
	int i, fd, none;
	const char *path;

	note(NOTE_PTY);
	for (i = 0; i < MASTERS; i++) {
		path = line_path((unsigned int)i);
		if (!path)
			break;
		if (__atomic_load_n(&masters[i], __ATOMIC_ACQUIRE))
			continue;
		fd = open_line(path, flags & (O_NONBLOCK | O_CLOEXEC));
		if (fd < 0)
			return -1;
		owner = getpid();
		none = 0;
		if (__atomic_compare_exchange_n(&masters[i], &none, fd + 1,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return fd;
		/* Another thread has made this one meanwhile. */
		REAL(close)(fd);
	}
	errno = 0;
	return -1;
}

static bool is_ptmx(const char *path)
{
	return path && (!strcmp(path, "/dev/ptmx") ||
			!strcmp(path, "/dev/pts/ptmx"));
}

/*
 * Whether opening it makes a pty; random numbers are noted. NULL gives EFAULT. The C
 * library's headers say that there is none, so that the compiler must not see
 * who calls this.
 */
__attribute__((noipa)) static bool makes_pty(const char *path)
{
	if (path && (!strcmp(path, "/dev/urandom") ||
		     !strcmp(path, "/dev/random")))
		note(NOTE_RANDOM);
	return is_ptmx(path);
}

/* ---- Making a pty ---- */

EXPORT int posix_openpt(int flags)
{
	int fd = open_master(flags);

	return fd >= 0 || errno ? fd : REAL(posix_openpt)(flags);
}

EXPORT int getpt(void)
{
	return posix_openpt(O_RDWR);
}

/* The argument behind flags, if there is one. */
#define GET_MODE(flags)                                                        \
	({                                                                     \
		mode_t given = 0;                                              \
		va_list args;                                                  \
									       \
		va_start(args, flags);                                         \
		if ((flags) & (O_CREAT | __O_TMPFILE))                         \
			given = (mode_t)va_arg(args, int);                     \
		va_end(args);                                                  \
		given;                                                         \
	})

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);

	return makes_pty(path) ? posix_openpt(flags) :
			       REAL(open)(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);

	return makes_pty(path) ? posix_openpt(flags) :
			       REAL(open64)(path, flags, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);

	return makes_pty(path) ? posix_openpt(flags) :
			       REAL(openat)(dir, path, flags, mode);
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = GET_MODE(flags);

	return makes_pty(path) ? posix_openpt(flags) :
			       REAL(openat64)(dir, path, flags, mode);
}

EXPORT int openpty(int *master, int *slave, char *name,
		   const struct termios *termios, const struct winsize *size)
{
	char path[256];

	*master = open_master(0);
	if (*master < 0 && !errno)
		return REAL(openpty)(master, slave, name, termios, size);
	if (*master < 0)
		return -1;
	/* To be held, or set up. */
	*slave = ptsname_r(*master, path, sizeof(path)) ? -1 :
		 REAL(open)(path, O_RDWR | O_NOCTTY);
	if (*slave < 0) {
		close(*master);
		return -1;
	}
	if (name)
		strcpy(name, path);
	if (termios)
		(void)tcsetattr(*slave, TCSANOW, termios);
	if (size)
		(void)REAL(ioctl)(*slave, TIOCSWINSZ, size);
	return 0;
}

/* ---- Using it ---- */

EXPORT int grantpt(int fd)
{
	return pty_is_master(fd) ? 0 : REAL(grantpt)(fd);
}

EXPORT int unlockpt(int fd)
{
	return pty_is_master(fd) ? 0 : REAL(unlockpt)(fd);
}

EXPORT int ptsname_r(int fd, char *buf, size_t size)
{
	int i = master_number(fd);
	const char *path = i < 0 ? NULL : line_path((unsigned int)i);

	if (!path)
		return REAL(ptsname_r)(fd, buf, size);
	if (strlen(path) >= size) {
		errno = ERANGE;
		return errno;
	}
	strcpy(buf, path);
	return 0;
}

EXPORT char *ptsname(int fd)
{
	static char name[256];

	if (!pty_is_master(fd))
		return REAL(ptsname)(fd);
	return ptsname_r(fd, name, sizeof(name)) ? NULL : name;
}

/**
 * pty_ioctl - an ioctl of a pty's master
 * @fd: pty_is_master()
 * @request: which
 * @arg: its argument
 */
int pty_ioctl(int fd, unsigned long request, void *arg)
{
	char path[256];
	unsigned int number;

	switch (request) {
	case TIOCSPTLCK:
	case TIOCPKT:
		return 0;
	case TIOCGPTLCK:
	case TIOCGPKT:
		*(int *)arg = 0;
		return 0;
	case TIOCGPTN:
		if (ptsname_r(fd, path, sizeof(path)) ||
		    sscanf(path, "/dev/pts/%u", &number) != 1) {
			errno = ENOTTY;
			return -1;
		}
		*(unsigned int *)arg = number;
		return 0;
	case TIOCGPTPEER:
		if (ptsname_r(fd, path, sizeof(path)))
			return -1;
		return REAL(open)(path, (int)(long)arg);
	default:
		return REAL(ioctl)(fd, request, arg);
	}
}
