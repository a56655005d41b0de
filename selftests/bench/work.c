// SPDX-License-Identifier: GPL-2.0-only
/*
 * The work that recorders are compared on.
 *
 *   work pty PEER COMMAND...	on a new pty, {} in COMMAND; the shell's PEER at
 *				its other end
 *
 * An emulator on a TTY, or on standard input if that is "-". Each appends to
 * $WORK how many reads and writes it made, how many bytes went either way, and how
 * many instructions the guest executed meanwhile, if it counts them (rig/boot -i):
 *
 *   work write TTY N		N times one byte
 *   work poll TTY N		N times a read that finds nothing
 *   work ping TTY N		N times 64 bytes, and as many back
 *   work bulk TTY N		write one byte, and read N times 4096
 *
 * and who answers it, on standard input and output:
 *
 *   work echo			sends back what comes
 *   work source N		N times 4096 bytes, once a byte has come
 */
#include "counted.h"
#include "crr_test.h"

#define CHUNK	4096
#define SMALL	64

static char buf[CHUNK];

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int run(char **argv)
{
	pid_t pid = fork();
	int status;

	check(pid >= 0, "fork");
	if (!pid) {
		execvp(*argv, argv);
		check(false, *argv);
	}
	check(waitpid(pid, &status, 0) == pid, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int on_pty(const char *peer, char **argv)
{
	struct line line;
	int status;
	pid_t pid;

	check(!open_pty(&line) && !set_raw(line.peer, 1, 0), "pty");
	/* A port that has never been used costs less than one that has. */
	check(write(line.peer, buf, 1) == 1 && read(line.tty, buf, 1) == 1 &&
	      write(line.tty, buf, 1) == 1 && read(line.peer, buf, 1) == 1,
	      "pty");
	pid = fork();
	check(pid >= 0, "fork");
	if (!pid) {
		dup2(line.peer, STDIN_FILENO);
		dup2(line.peer, STDOUT_FILENO);
		close_line(&line);
		execl("/bin/sh", "sh", "-c", peer, NULL);
		check(false, "sh");
	}
	close_fd(&line.peer);
	for (char **arg = argv; *arg; arg++)
		if (!strcmp(*arg, "{}"))
			*arg = line.name;
	setenv("LINE", line.name, 1);
	status = run(argv);
	close_line(&line);
	waitpid(pid, NULL, 0);
	return status;
}

/* ---- The emulator ---- */

struct done {
	uint64_t reads, writes, in, out;
};

static void do_write(int tty, unsigned long n, struct done *done)
{
	for (; n; n--) {
		check(write(tty, buf, 1) == 1, "write");
		done->writes++;
		done->out++;
	}
}

static void do_poll(int tty, unsigned long n, struct done *done)
{
	check(!set_flags(tty, O_NONBLOCK, true), "fcntl");
	for (; n; n--) {
		check(read(tty, buf, sizeof(buf)) < 0 && errno == EAGAIN, "read");
		done->reads++;
	}
}

static void receive(int tty, size_t length, struct done *done)
{
	while (length) {
		ssize_t n = read(tty, buf, length < sizeof(buf) ? length : sizeof(buf));

		check(n > 0, "read");
		done->reads++;
		done->in += n;
		length -= n;
	}
}

static void do_ping(int tty, unsigned long n, struct done *done)
{
	for (; n; n--) {
		check(write(tty, buf, SMALL) == SMALL, "write");
		done->writes++;
		done->out += SMALL;
		receive(tty, SMALL, done);
	}
}

/* What was sent before a discipline was set would be gone: ask for it. */
static void do_bulk(int tty, unsigned long n, struct done *done)
{
	do_write(tty, 1, done);
	receive(tty, n * CHUNK, done);
}

static int emulate(void (*work)(int, unsigned long, struct done *),
		   const char *name, unsigned long n)
{
	const char *path = getenv("WORK");
	struct done done = {};
	int tty = STDIN_FILENO;
	uint64_t begun, ended;
	FILE *file;

	if (strcmp(name, "-"))
		tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	check(tty >= 0 && !set_raw(tty, 1, 0), name);
	begun = executed();
	work(tty, n, &done);
	ended = __rdtsc();
	ended -= idled();
	if (!path)
		return 0;
	file = fopen(path, "a");
	check(file, path);
	fprintf(file, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
		done.reads, done.writes, done.in, done.out, ended - begun);
	fclose(file);
	return 0;
}

/* ---- Who answers ---- */

static int echo(void)
{
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (send_all(STDOUT_FILENO, buf, n))
			break;
	return 0;
}

static int source(unsigned long n)
{
	check(read(STDIN_FILENO, buf, 1) == 1, "source");
	pattern(buf, sizeof(buf), 0);
	for (; n; n--)
		check(!send_all(STDOUT_FILENO, buf, sizeof(buf)), "source");
	/* Not to hang up on those who have not read it all. */
	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(int tty, unsigned long n, struct done *done);
	} works[] = {
		{ "write", do_write }, { "poll", do_poll },
		{ "ping", do_ping }, { "bulk", do_bulk },
	};
	const char *what = argc > 1 ? argv[1] : "";

	if (argc > 3 && !strcmp(what, "pty"))
		return on_pty(argv[2], argv + 3);
	if (argc == 2 && !strcmp(what, "echo"))
		return echo();
	if (argc == 3 && !strcmp(what, "source"))
		return source(strtoul(argv[2], NULL, 10));
	for (size_t i = 0; argc == 4 && i < ARRAY_SIZE(works); i++)
		if (!strcmp(what, works[i].name))
			return emulate(works[i].work, argv[2],
				       strtoul(argv[3], NULL, 10));
	fprintf(stderr, "usage: see the top of the source\n");
	return 2;
}
