// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a driver to a log file: much, at full speed, over a pty.
 *
 *   throughput WAY CALLS [CRRCTL LOG]
 *
 * WAY is "in": CALLS times 4096 bytes that somebody sends are read; "out": they
 * are written, and somebody reads them; or "bytes": single bytes are written to a
 * tty that takes everything. With CRRCTL it records what happens. Prints with tabs:
 * WAY, how many reads and writes that was; instructions, of all, of the program
 * alone, of crrctl, in a guest that counts them; and, in one that does not,
 * milliseconds.
 *
 *   throughput again WAY CALLS TTY
 *
 * The same in a replay, which compares what is written; what is read is compared
 * here.
 */
#include "counted.h"
#include "crr_test.h"

#define CHUNK	4096

struct cost {
	uint64_t all, own, crrctl;
};

static char buf[CHUNK];
/* All that is sent; made before anything is measured. */
static char *sent;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "throughput: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- What it costs ---- */

/* How long a process has run, nanoseconds. */
static uint64_t ran(pid_t pid)
{
	char path[64];
	uint64_t ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	check(file && fscanf(file, "%" SCNu64, &ns) == 1, path);
	fclose(file);
	return ns;
}

static struct cost so_far(pid_t crrctl)
{
	return (struct cost){
		.own = ran(getpid()),
		.crrctl = crrctl ? ran(crrctl) : 0,
		.all = executed(),
	};
}

/* ---- The work ---- */

/* Returns how many calls it took. */
static unsigned long work(const char *way, struct line *line, size_t bytes,
			  bool compare)
{
	bool in = !strcmp(way, "in");
	unsigned long calls = 0;

	for (size_t done = 0; done < bytes; calls++) {
		size_t length = !strcmp(way, "bytes") ? 1 : CHUNK;
		ssize_t n;

		if (length > bytes - done)
			length = bytes - done;
		if (line->counter)
			put(*line->counter, calls);
		n = in ? read(line->tty, buf, length) :
			 write(line->tty, sent + done, length);
		check(n > 0, way);
		check(!compare || !in || !memcmp(buf, sent + done, n),
		      "other bytes");
		done += n;
	}
	return calls;
}

/* Who is at the other end. */
static pid_t start_peer(const char *way, const struct line *line, size_t bytes)
{
	pid_t pid = fork();
	ssize_t n = 1;

	check(pid >= 0, "fork");
	if (pid)
		return pid;
	close(line->tty);
	for (size_t done = 0; n > 0 && done < bytes; done += n) {
		n = CHUNK;
		if (!strcmp(way, "out"))
			n = read(line->peer, buf, n);
		else
			check(!send_all(line->peer, sent + done, n), "send");
	}
	_exit(n > 0 ? 0 : 1);
}

/* ---- crrctl ---- */

static pid_t start_crrctl(const char *crrctl, const char *log, struct line *line)
{
	pid_t pid = fork();

	check(pid >= 0, "fork");
	if (!pid) {
		execl(crrctl, crrctl, "record", "-qf", "-c", "calls", "-o", log,
		      line->name, NULL);
		check(false, crrctl);
	}
	check(eventually(status(line->tty).state == CRR_STATE_RECORDING),
	      "it does not record");
	check(!map_clock(line), "CLOCK");
	return pid;
}

/* Until the log is on the disk. */
static void end_crrctl(pid_t crrctl)
{
	siginfo_t info;

	check(!kill(crrctl, SIGINT), "kill");
	check(!waitid(P_PID, crrctl, &info, WEXITED | WNOWAIT), "wait");
	check(info.si_code == CLD_EXITED && !info.si_status, "crrctl");
}

static int measure(const char *way, size_t bytes, const char *crrctl_path,
		   const char *log)
{
	bool null = !strcmp(way, "bytes");
	struct cost begun, ended;
	unsigned long calls;
	pid_t crrctl = 0, peer = 0;
	long long ms;
	struct line line;
	int status = 0;

	if (null) {
		line = (struct line){
			.peer = -1, .session = -1, .clock = -1,
			.name = "/dev/ttyNull0",
		};
		line.tty = open(line.name, O_RDWR | O_NOCTTY | O_CLOEXEC);
		check(line.tty >= 0 && !set_raw(line.tty, 1, 0), line.name);
	} else {
		check(!open_pty(&line) && !set_raw(line.peer, 1, 0), "pty");
	}
	if (crrctl_path)
		crrctl = start_crrctl(crrctl_path, log, &line);
	ms = now_ms();
	begun = so_far(crrctl);
	if (!null)
		peer = start_peer(way, &line, bytes);
	calls = work(way, &line, bytes, false);
	if (peer)
		check(waitpid(peer, &status, 0) == peer && !status, "peer");
	ms = now_ms() - ms;
	if (crrctl)
		end_crrctl(crrctl);
	ended = so_far(crrctl);
	printf("%s\t%lu\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%lld\n", way, calls,
	       ended.all - begun.all, ended.own - begun.own,
	       ended.crrctl - begun.crrctl, ms);
	if (crrctl)
		waitpid(crrctl, NULL, 0);
	close_line(&line);
	return 0;
}

static int again(const char *way, size_t bytes, const char *name)
{
	struct line line = { .peer = -1, .session = -1, .clock = -1 };

	line.tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	check(line.tty >= 0 && !set_raw(line.tty, 1, 0), name);
	check(!map_clock(&line), "CLOCK");
	work(way, &line, bytes, true);
	close_line(&line);
	return 0;
}

static size_t make(const char *way, const char *calls)
{
	size_t size = strtoul(calls, NULL, 10) * (strcmp(way, "bytes") ? CHUNK : 1);

	sent = malloc(size);
	check(sent, "memory");
	pattern(sent, size, 0);
	return size;
}

static bool is_way(const char *way)
{
	return !strcmp(way, "in") || !strcmp(way, "out") || !strcmp(way, "bytes");
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "again") && is_way(argv[2]))
		return again(argv[2], make(argv[2], argv[3]), argv[4]);
	if ((argc == 3 || argc == 5) && is_way(argv[1]))
		return measure(argv[1], make(argv[1], argv[2]),
			       argc == 5 ? argv[3] : NULL, argv[4]);
	fprintf(stderr, "usage: see the top of the source\n");
	return 2;
}
