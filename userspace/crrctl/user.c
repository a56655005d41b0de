// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Under sudo, COMMAND and the log belong to the user who called it: only
 * attaching and the session need root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crrctl.h"

/* The user who called sudo, or NULL. */
static const struct passwd *user;

/* Find out. Somebody who cannot be found is not root instead. */
void user_find(void)
{
	const char *text = getenv("SUDO_UID");
	unsigned long uid;
	char *end;

	if (geteuid() || !text || !strcmp(text, "0"))
		return;
	errno = 0;
	uid = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && uid && uid < UINT32_MAX)
		user = getpwuid((uid_t)uid);
	if (!user)
		fail("called by sudo, for a user who is not known: SUDO_UID is '%s'",
		     text);
}

/* For good: in a child, before it becomes COMMAND. */
void user_become(void)
{
	if (!user)
		return;
	if (initgroups(user->pw_name, user->pw_gid) || setgid(user->pw_gid) ||
	    setuid(user->pw_uid)) {
		warn("cannot become %s: %s", user->pw_name, strerror(errno));
		_exit(EXIT_CRR_OWN);
	}
	setenv("HOME", user->pw_dir, 1);
	setenv("USER", user->pw_name, 1);
	setenv("LOGNAME", user->pw_name, 1);
}

/* open(2), with that user's rights and ownership. */
int user_open(const char *path, int flags)
{
	gid_t groups[NGROUPS_MAX];
	int fd = -1, n, saved;

	if (!user)
		return open(path, flags | O_CLOEXEC, 0600);
	n = getgroups(NGROUPS_MAX, groups);
	if (n < 0)
		return -1;
	if (!initgroups(user->pw_name, user->pw_gid) &&
	    !setegid(user->pw_gid) && !seteuid(user->pw_uid))
		fd = open(path, flags | O_CLOEXEC, 0600);
	saved = errno;
	if (seteuid(0) || setegid(0) || setgroups((size_t)n, groups))
		fail("cannot become root again: %s", strerror(errno));
	errno = saved;
	return fd;
}

/*
 * A file that was there may have been readable by others. It is changed only
 * if it is that user's own, and a file: a device is no place that holds a log.
 */
void user_make_private(int fd, const char *path)
{
	uid_t uid = user ? user->pw_uid : geteuid();
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !(st.st_mode & 077))
		return;
	if ((uid && st.st_uid != uid) || fchmod(fd, 0600))
		warn("warning: %s can be opened by others", path);
}

/* A pty of our making is for that user to open. */
void user_own(int fd)
{
	if (user && fchown(fd, user->pw_uid, (gid_t)-1))
		warn("cannot give the pty to %s: %s", user->pw_name,
		     strerror(errno));
}
