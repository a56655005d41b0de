// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD: as on a file system that knows neither O_TMPFILE nor
 * RENAME_NOREPLACE.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>

int openat(int dir, const char *path, int flags, ...)
{
	int (*next)(int, const char *, int, ...) = dlsym(RTLD_NEXT, "openat");
	mode_t mode = 0;
	va_list args;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return next(dir, path, flags, mode);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned int flags)
{
	if (flags) {
		errno = EINVAL;
		return -1;
	}
	return renameat(from_dir, from, to_dir, to);
}
