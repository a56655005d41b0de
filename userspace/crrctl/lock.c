// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A log that is being recorded is locked by the crrctl that writes it, so that
 * others can tell it from one whose recording was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "crrctl.h"

/**
 * log_lock - lock a log that is being written
 * @fd: of the log, open for writing; the lock lasts as long as this is open
 *
 * What cannot be locked (a pipe, some file systems) is not.
 *
 * Returns false if another crrctl has the lock.
 */
bool log_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_OFD_SETLK, &lock) ||
	       (errno != EAGAIN && errno != EACCES);
}

/**
 * log_is_locked - is a log being written?
 * @fd: of the log
 */
bool log_is_locked(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/**
 * log_no_end - what is the matter with a log that ends before its END?
 * @fd: of the log
 */
const char *log_no_end(int fd)
{
	return log_is_locked(fd) ?
		       "has no end yet: it is still being recorded" :
		       "has no end: the recording was killed, or this is a copy made while it went on";
}
