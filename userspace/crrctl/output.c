// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that are made. Nothing that exists is written into or truncated: a file
 * is made without a name, or under a temporary one where the file system knows
 * no other way, and gets its name when it is complete, or of a recording, when
 * it has begun. Until then nothing is lost, and nothing is left by a failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crrctl.h"

/* The name of a file that has none yet, in its directory. */
#define TEMP_NAME  ".crrctl-%08x"
#define TEMP_TRIES 100

/* What is read by the command that makes the file. */
static struct input {
	const char *path;
	struct stat st;
} *inputs;
static size_t ninputs;

/*
 * Temporary names that are to be removed, and who has made them; 0: none. A command
 * has at most two outputs.
 */
static struct temp {
	char name[sizeof(((struct output *)0)->temp)];
	int dir;
	pid_t owner;
} temps[2];

#define NTEMPS (sizeof(temps) / sizeof(*temps))

static bool holds_data(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/**
 * output_reads - name an input; no output may be the same file
 * @path: of the input; "-" for standard input. To be called for all inputs
 *	before output_open().
 */
void output_reads(const char *path)
{
	struct stat st;

	/* Opening it will tell what is wrong with it. */
	if ((strcmp(path, "-") ? stat(path, &st) : fstat(STDIN_FILENO, &st)) ||
	    !holds_data(&st))
		return;
	inputs = realloc(inputs, (ninputs + 1) * sizeof(*inputs));
	if (!inputs)
		fail("%s", strerror(errno));
	inputs[ninputs++] = (struct input){ path, st };
}

static void refuse_input(const char *path, const struct stat *st)
{
	size_t i;

	for (i = 0; i < ninputs && holds_data(st); i++)
		if (same_file(st, &inputs[i].st))
			fail("%s is the same file as the input %s: choose another output file",
			     path, inputs[i].path);
}

/* ---- Nothing is left behind ---- */

static void remove_temps(void)
{
	struct temp *temp;

	for (temp = temps; temp < temps + NTEMPS; temp++) {
		if (getpid() != temp->owner)
			continue;
		(void)unlinkat(temp->dir, temp->name, 0);
		temp->owner = 0;
	}
}

/* Where root is nobody, as on NFS, root cannot remove it. */
static void remove_temps_at_exit(void)
{
	if (getpid() != temps[0].owner && getpid() != temps[1].owner)
		return;
	(void)user_enter();
	remove_temps();
	user_leave();
}

static void end_by_signal(int sig)
{
	remove_temps();
	/* The default action, once this has returned. */
	raise(sig);
}

/* Whatever ends the program, but SIGKILL; record and replay exit(3) on signals. */
static void remove_temps_at_end(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM,
				    SIGTERM, SIGXCPU, SIGXFSZ };
	static bool done;
	struct sigaction act;
	size_t i;

	if (done)
		return;
	done = true;
	atexit(remove_temps_at_exit);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (sigaction(ends[i], NULL, &act) || act.sa_handler != SIG_DFL)
			continue;
		act.sa_handler = end_by_signal;
		act.sa_flags = (int)SA_RESETHAND;
		sigaction(ends[i], &act, NULL);
	}
}

/*
 * make() makes a file, or a further link to it, under the name that it finds in
 * @out->temp. Signals wait until it is known to be ours to remove.
 */
static int make_temp(struct output *out, int (*make)(struct output *out))
{
	sigset_t all, before;
	struct temp *temp;
	unsigned int n;
	int ret, tries;

	remove_temps_at_end();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	for (tries = 0; tries < TEMP_TRIES; tries++) {
		if (getrandom(&n, sizeof(n), 0) != sizeof(n))
			n = (unsigned int)(getpid() + tries);
		snprintf(out->temp, sizeof(out->temp), TEMP_NAME, n);
		ret = make(out);
		if (ret >= 0 || errno != EEXIST)
			break;
	}
	if (ret >= 0) {
		for (temp = temps; temp < temps + NTEMPS - 1; temp++)
			if (temp->owner != getpid())
				break;
		strcpy(temp->name, out->temp);
		temp->dir = out->dir;
		temp->owner = getpid();
	} else {
		*out->temp = '\0';
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/* ---- Opening ---- */

/* Is it a file that is open already? Its number, or -1. */
static int open_already(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	const char *digits;
	size_t i, length;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		length = strlen(folders[i]);
		digits = path + length;
		if (!strncmp(path, folders[i], length) && *digits &&
		    strlen(digits) < 8 &&
		    strspn(digits, "0123456789") == strlen(digits))
			return atoi(digits);
	}
	return -1;
}

static void use_open_file(struct output *out, int fd)
{
	struct stat st;

	out->direct = true;
	out->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (out->fd < 0 || fstat(out->fd, &st))
		fail("%s: %s", out->path, strerror(errno));
	refuse_input(out->path, &st);
	/* It is for this alone, not for what COMMAND and the line write. */
	if (fd == STDOUT_FILENO && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		fail("standard output: %s", strerror(errno));
}

/* The directory, and the name in it. */
static int find_place(struct output *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char dir[PATH_MAX] = ".";

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s",
			 (int)(slash == path ? 1 : slash - path), path);
	errno = !*name ? EISDIR : ENAMETOOLONG;
	if (!*name || strlen(name) >= sizeof(out->name) ||
	    strlen(path) >= sizeof(dir))
		return -1;
	strcpy(out->name, name);
	out->dir = user_open(dir, O_PATH | O_DIRECTORY);
	return out->dir < 0 ? -1 : 0;
}

/* What is there now, without following it. */
static int look(const struct output *out, struct stat *st)
{
	int ret = -1;

	if (user_enter())
		ret = fstatat(out->dir, out->name, st, AT_SYMLINK_NOFOLLOW);
	user_leave();
	return ret;
}

/*
 * Is the file that has the name a log that another crrctl is writing? If it were
 * replaced, what is still to be recorded would go to a file without a name.
 * With the rights of user_enter().
 */
static bool is_recorded(const struct output *out)
{
	bool locked;
	int fd;

	fd = openat(out->dir, out->name,
		    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	locked = log_is_locked(fd);
	close(fd);
	return locked;
}

/* @fd is what the path leads to: what is no file is written as it is. */
static void use_existing(struct output *out, int fd)
{
	char link[32], path[PATH_MAX];
	struct stat st, there;
	bool recorded;
	ssize_t n;

	if (fstat(fd, &st))
		fail("%s: %s", out->path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		fail("%s: %s", out->path, strerror(EISDIR));
	refuse_input(out->path, &st);
	if (holds_data(&st) && !out->force)
		fail("%s exists; --force replaces it", out->path);
	/* In /tmp, say: what is written would be theirs. */
	if (S_ISFIFO(st.st_mode) && st.st_uid && st.st_uid != user_id() &&
	    !out->force)
		fail("%s is a pipe of another user; --force writes to it",
		     out->path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!S_ISREG(st.st_mode)) {
		out->direct = true;
		out->fd = user_open(link, O_WRONLY | O_NOCTTY);
		if (out->fd < 0)
			fail("%s: %s", out->path, strerror(errno));
		return;
	}
	/* The file itself is replaced, not a symbolic link to it. */
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 0)
		path[n] = '\0';
	if (n <= 0 || find_place(out, path) || look(out, &there))
		fail("%s: %s", out->path, strerror(errno));
	if (!same_file(&st, &there))
		fail("%s: %s", out->path, strerror(ESTALE));
	recorded = user_enter() && is_recorded(out);
	user_leave();
	if (recorded)
		fail("%s is still being recorded: end that first, or choose another name",
		     out->path);
}

static int make_named(struct output *out)
{
	return openat(out->dir, out->temp,
		      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* A log holds what was typed, passwords too: nobody else may read it. */
static void make_file(struct output *out)
{
	if (!user_enter())
		fail("%s: %s", out->path, strerror(errno));
	out->fd = openat(out->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	/* Many file systems do not know that. */
	if (out->fd < 0)
		out->fd = make_temp(out, make_named);
	user_leave();
	if (out->fd < 0)
		fail("%s: %s", out->path, strerror(errno));
}

/**
 * output_open - open a file to write to, which has no name yet
 * @out: the file
 * @path: the name it is to get; "-" for standard output
 * @force: it may replace a file
 * @what: it is made, if that is not for a terminal; else NULL
 *
 * What exists and is not a file (a pipe, a device) is written directly, and so
 * is what is open already (/dev/stdout). Fails the program if a file exists, or
 * cannot be made, or is an input.
 */
void output_open(struct output *out, const char *path, bool force,
		 const char *what)
{
	struct stat st;
	int fd;

	*out = (struct output){ .path = path, .force = force, .fd = -1,
				.dir = -1 };
	fd = open_already(path);
	if (fd >= 0) {
		use_open_file(out, fd);
	} else {
		fd = user_open(path, O_PATH);
		if (fd >= 0)
			use_existing(out, fd);
		else if (errno != ENOENT || find_place(out, path))
			fail("%s: %s", path, strerror(errno));
		else if (!look(out, &st) && S_ISLNK(st.st_mode))
			fail("%s is a symbolic link to a file that does not exist",
			     path);
		if (fd >= 0)
			close(fd);
		if (!out->direct)
			make_file(out);
	}
	if (what && isatty(out->fd))
		fail("will not write %s to a terminal: give a file", what);
}

/* ---- The name ---- */

static int link_as(const struct output *out, const char *name)
{
	char link[32];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", out->fd);
	return linkat(AT_FDCWD, link, out->dir, name, AT_SYMLINK_FOLLOW);
}

static int link_temp(struct output *out)
{
	return link_as(out, out->temp);
}

/* From the temporary name to its own, which nobody may have. */
static int rename_new(const struct output *out)
{
	int fd, saved;

	if (!renameat2(out->dir, out->temp, out->dir, out->name,
		       RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != EOPNOTSUPP)
		return -1;
	/* The file system cannot: take the name, then replace what is ours. */
	fd = openat(out->dir, out->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	if (!renameat(out->dir, out->temp, out->dir, out->name))
		return 0;
	saved = errno;
	(void)unlinkat(out->dir, out->name, 0);
	errno = saved;
	return -1;
}

static int give_name(struct output *out)
{
	struct temp *temp;

	if (out->force && is_recorded(out)) {
		errno = ETXTBSY;
		return -1;
	}
	if (!*out->temp) {
		if (!link_as(out, out->name))
			return 0;
		/* An unnamed file cannot replace another one. */
		if (errno != EEXIST || !out->force ||
		    make_temp(out, link_temp))
			return -1;
	}
	if (out->force ? renameat(out->dir, out->temp, out->dir, out->name) :
			 rename_new(out))
		return -1;
	for (temp = temps; temp < temps + NTEMPS; temp++)
		if (temp->dir == out->dir && !strcmp(temp->name, out->temp))
			temp->owner = 0;
	*out->temp = '\0';
	return 0;
}

/**
 * output_same - whether two are the same file, or would get the same name
 * @a: a file
 * @b: another one
 */
bool output_same(const struct output *a, const struct output *b)
{
	struct stat dir, other;

	if (open_already(a->path) == STDOUT_FILENO &&
	    open_already(b->path) == STDOUT_FILENO)
		return true;
	if (a->direct && b->direct)
		return !fstat(a->fd, &dir) && !fstat(b->fd, &other) &&
		       !S_ISCHR(dir.st_mode) && same_file(&dir, &other);
	return !a->direct && !b->direct && !strcmp(a->name, b->name) &&
	       !fstat(a->dir, &dir) && !fstat(b->dir, &other) &&
	       same_file(&dir, &other);
}

/**
 * output_publish - give a file its name; from then on it stays, whatever comes
 * @out: the file
 *
 * If the name has been taken since output_open(), that is replaced only with
 * --force.
 *
 * Returns false if it cannot have it, which has been reported.
 */
bool output_publish(struct output *out)
{
	sigset_t all, before;
	int ret, saved;

	if (out->direct)
		return true;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	ret = user_enter() ? give_name(out) : -1;
	saved = errno;
	user_leave();
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!ret) {
		close(out->dir);
		return true;
	}
	if (saved == EEXIST)
		warn("%s exists; --force replaces it", out->path);
	else if (saved == ETXTBSY)
		warn("%s is still being recorded: end that first, or choose another name",
		     out->path);
	else
		warn("%s: %s", out->path, strerror(saved));
	return false;
}

/**
 * output_finish - sync a file to the disk and give it its name, or fail
 * @out: the file; all has been written
 */
void output_finish(struct output *out)
{
	/* Pipes and devices cannot be synced. */
	if (fsync(out->fd) && errno != EINVAL && errno != EROFS)
		fail("%s: %s", out->path, strerror(errno));
	if (!output_publish(out))
		exit(EXIT_CRR_FAILURE);
}
