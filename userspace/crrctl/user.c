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

/* Whose rights user_open() has. */
uid_t user_id(void)
{
	return user ? user->pw_uid : geteuid();
}

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
		fail("the user who called sudo is unknown: SUDO_UID is '%s'",
		     text);
}

/* For good: in a child, before it becomes COMMAND. False: it cannot. */
bool user_become(void)
{
	if (!user)
		return true;
	if (initgroups(user->pw_name, user->pw_gid) || setgid(user->pw_gid) ||
	    setuid(user->pw_uid)) {
		warn("cannot become %s: %s", user->pw_name, strerror(errno));
		return false;
	}
	setenv("HOME", user->pw_dir, 1);
	setenv("USER", user->pw_name, 1);
	setenv("LOGNAME", user->pw_name, 1);
	return true;
}

static gid_t groups[NGROUPS_MAX];
static int ngroups;

/*
 * From here to user_leave() with that user's rights. False, with errno, if they
 * cannot be had; user_leave() is to be called all the same.
 */
bool user_enter(void)
{
	if (!user)
		return true;
	ngroups = getgroups(NGROUPS_MAX, groups);
	return ngroups >= 0 && !initgroups(user->pw_name, user->pw_gid) &&
	       !setegid(user->pw_gid) && !seteuid(user->pw_uid);
}

/* Keeps errno. */
void user_leave(void)
{
	int saved = errno;

	if (user && (seteuid(0) || setegid(0) ||
		     (ngroups >= 0 && setgroups((size_t)ngroups, groups))))
		fail("cannot become root again: %s", strerror(errno));
	errno = saved;
}

/* open(2), with that user's rights and ownership. */
int user_open(const char *path, int flags)
{
	int fd = -1;

	if (user_enter())
		fd = open(path, flags | O_CLOEXEC, 0600);
	user_leave();
	return fd;
}

/*
 * A regular file, for reading; -1 if it is none, or for an error. Anything else is
 * not even opened: a serial port would raise its modem lines, and the other end
 * of a fifo would go on.
 */
int user_open_regular(const char *path)
{
	struct stat st;
	bool regular;
	int fd;

	fd = user_open(path, O_PATH);
	if (fd < 0)
		return -1;
	regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	close(fd);
	return regular ? user_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) : -1;
}

/* A pty of our making is for that user to open. */
void user_own(int fd)
{
	if (user && fchown(fd, user->pw_uid, (gid_t)-1))
		warn("cannot give the pty to %s: %s", user->pw_name,
		     strerror(errno));
}
