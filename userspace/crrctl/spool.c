// SPDX-License-Identifier: GPL-2.0-or-later
/* What comes through a pipe, as a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "crrctl.h"

/**
 * spool - make what is read a file in which one can seek
 * @from: where it comes from
 *
 * A pipe is read to its end, into a file that has no name: a log holds what was
 * typed.
 *
 * Returns @from itself if it can be sought in, else another file descriptor; or
 * -1 with errno.
 */
int spool(int from)
{
	static char buf[1 << 16];
	ssize_t n, m, done;
	FILE *file;
	int to;

	if (lseek(from, 0, SEEK_CUR) >= 0)
		return from;
	file = tmpfile();
	if (!file)
		return -1;
	to = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	fclose(file);
	if (to < 0)
		return -1;
	while ((n = read(from, buf, sizeof(buf)))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (done = 0; done < n; done += m) {
			m = write(to, buf + done, (size_t)(n - done));
			if (m < 0)
				return -1;
		}
	}
	return lseek(to, 0, SEEK_SET) < 0 ? -1 : to;
}
