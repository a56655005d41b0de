// SPDX-License-Identifier: GPL-2.0-or-later
/* COMMAND and the peer: started, waited for, ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crrctl.h"

/*
 * Does {} or {N} stand here? Returns its length, and which line it means; or
 * 0. Other braces are COMMAND's own.
 */
static size_t placeholder(const char *p, unsigned long *line)
{
	size_t digits;

	if (*p != '{')
		return 0;
	digits = strspn(p + 1, "0123456789");
	if (p[1 + digits] != '}' || digits > 4)
		return 0;
	*line = strtoul(p + 1, NULL, 10);
	return digits + 2;
}

/**
 * child_wrong_line - does COMMAND ask for a line that is not there?
 * @argv: the command
 * @nlines: how many there are
 *
 * Returns the word in which it does, or NULL.
 */
const char *child_wrong_line(char *const *argv, unsigned int nlines)
{
	unsigned long line;
	const char *p;

	for (; *argv; argv++)
		for (p = *argv; *p; p++)
			if (placeholder(p, &line) && line >= nlines)
				return *argv;
	return NULL;
}

/**
 * child_names_line - does COMMAND ask for any line?
 * @argv: the command
 */
bool child_names_line(char *const *argv)
{
	return child_wrong_line(argv, 0);
}

/* word, with every {} and {N} replaced; not in a probe, which has no lines. */
static char *substitute(const char *word, const struct line *lines)
{
	unsigned long line;
	size_t length, size;
	char *out = NULL;
	const char *p;
	FILE *file;

	file = open_memstream(&out, &size);
	if (!file)
		fail("%s", strerror(errno));
	for (p = word; *p; p++) {
		length = lines ? placeholder(p, &line) : 0;
		if (length) {
			fputs(lines[line].path, file);
			p += length - 1;
		} else {
			fputc(*p, file);
		}
	}
	if (fclose(file))
		fail("%s", strerror(errno));
	return out;
}

/* CRR_TTY is the first line, CRR_TTY0, CRR_TTY1 ... are all of them. */
static void export_lines(const struct line *lines, unsigned int nlines)
{
	char name[32];
	unsigned int i;

	if (nlines)
		setenv("CRR_TTY", lines->path, 1);
	for (i = 0; i < nlines; i++) {
		snprintf(name, sizeof(name), "CRR_TTY%u", i);
		setenv(name, lines[i].path, 1);
	}
}

/*
 * In the child: what a program expects to begin with. False if it cannot run as
 * the user it is for.
 */
static bool become_command(pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!user_become())
		return false;
	/* Should we be killed, nobody would be left to end it. */
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	if (getppid() != parent)
		_exit(128 + SIGHUP);
	return true;
}

/* Report it; returns the child's exit status. */
static int exec_failed(const char *name)
{
	int saved = errno;

	warn("%s: %s", name, strerror(saved));
	return saved == ENOENT ? EXIT_CRR_NOTFOUND : EXIT_CRR_NOEXEC;
}

/* In the child; returns its exit status if it cannot become COMMAND. */
static int execute(const struct child *child, char **words, pid_t parent,
		   bool names_line, const struct line *lines,
		   unsigned int nlines)
{
	if (!become_command(parent))
		return EXIT_CRR_OWN;
	if (child->directory && chdir(child->directory)) {
		warn("%s: %s", child->directory, strerror(errno));
		return EXIT_CRR_OWN;
	}
	export_lines(lines, nlines);
	if (child->preload)
		preload_export(child->preload, !names_line, child->clock,
			       child->replay);
	if (child->preload)
		notes_export(child->probe);
	execvp(words[0], words);
	return exec_failed(words[0]);
}

/**
 * child_start - start COMMAND
 * @child: out
 * @argv: the command
 * @lines: what {}, {0}, {1} ... in its words are to be, and CRR_TTY, CRR_TTY0,
 *	CRR_TTY1 ... in its environment
 * @nlines: how many
 *
 * Returns whether it has been executed. If not, which has been reported, the
 * child ends with EXIT_CRR_NOEXEC, EXIT_CRR_NOTFOUND or EXIT_CRR_OWN.
 */
bool child_start(struct child *child, char *const *argv,
		 const struct line *lines, unsigned int nlines)
{
	int failed[2], status;
	size_t n = 0;
	pid_t parent;
	char **words;
	ssize_t told;

	while (argv[n])
		n++;
	words = calloc(n + 1, sizeof(*words));
	if (!words)
		fail("%s", strerror(errno));
	for (n = 0; argv[n]; n++)
		words[n] = substitute(argv[n], lines);

	/* execve(2) closes it; a child that fails writes to it before. */
	if (pipe2(failed, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	parent = getpid();
	child->pid = fork();
	if (child->pid < 0)
		fail("cannot fork: %s", strerror(errno));
	if (!child->pid) {
		status = execute(child, words, parent, child_names_line(argv),
				 lines, nlines);
		(void)!write(failed[1], "", 1);
		_exit(status);
	}
	close(failed[1]);
	do {
		told = read(failed[0], &(char){ 0 }, 1);
	} while (told < 0 && errno == EINTR);
	close(failed[0]);
	for (n = 0; words[n]; n++)
		free(words[n]);
	free(words);
	return !told;
}

/**
 * child_start_shell - start a command line of the shell
 * @child: out
 * @command: the line
 * @fd: its standard input and output
 *
 * In a process group of its own, so that all of it can be ended.
 */
void child_start_shell(struct child *child, const char *command, int fd)
{
	pid_t parent = getpid();

	child->pid = fork();
	if (child->pid < 0)
		fail("cannot fork: %s", strerror(errno));
	if (!child->pid) {
		setpgid(0, 0);
		if (!become_command(parent))
			_exit(EXIT_CRR_OWN);
		if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
			_exit(exec_failed(command));
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(exec_failed("/bin/sh"));
	}
	/* Whoever of us is first: it has one before it is signalled. */
	setpgid(child->pid, child->pid);
}

/* Look whether it has ended; does not wait. */
void child_reap(struct child *child)
{
	siginfo_t info = { 0 };

	if (!child_runs(child) ||
	    waitid(P_PID, (id_t)child->pid, &info,
		   WEXITED | WNOHANG | WNOWAIT) ||
	    !info.si_pid)
		return;
	child->ended = true;
	child->status = info.si_code == CLD_EXITED ? info.si_status :
						     128 + info.si_status;
}

void child_signal(const struct child *child, int sig)
{
	if (child_runs(child))
		kill(child->pid, sig);
}

bool child_runs(const struct child *child)
{
	return child->pid && !child->ended;
}

/* By a signal, or by a debugger: that one's parent is not told. */
bool child_is_stopped(const struct child *child)
{
	char path[32], line[512];
	const char *p = NULL;
	FILE *file;

	if (!child_runs(child))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child->pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	/* "PID (NAME) STATE ...", and the name may be anything. */
	if (fgets(line, sizeof(line), file))
		p = strrchr(line, ')');
	fclose(file);
	return p && p[1] && (p[2] == 'T' || p[2] == 't');
}

/* Of one that has a process group: has all of that ended? */
bool child_group_ended(struct child *child)
{
	if (!child->ended)
		return false;
	/* Else it counts. From here on the number may be another's. */
	waitid(P_PID, (id_t)child->pid, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
	return kill(-child->pid, 0);
}
