// SPDX-License-Identifier: GPL-2.0-or-later
/* One session, from its start to its end: what record and replay share. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "crrctl.h"

#define PROGRESS_EVERY_MS 200
/* How long a peer has, when it has read everything, to do something with it. */
#define PEER_MS		  100

/* From here on signals are read, not taken. */
void control_begin(struct control *ctl, const char *name)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction act;
	sigset_t signals;
	size_t i;

	ctl->name = name;
	if (ctl->timeout_ms)
		ctl->timeout_at = now_ms() + ctl->timeout_ms;
	/* Whoever ignores it, children are waited for. */
	signal(SIGCHLD, SIG_DFL);
	/* A closed pipe is an error of write(2). */
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	/* Blocked, it comes although its default is to be ignored. */
	sigaddset(&signals, SIGWINCH);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* What is ignored is meant to be, as by nohup(1). */
		if (!sigaction(ends[i], NULL, &act) &&
		    act.sa_handler != SIG_IGN)
			sigaddset(&signals, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &signals, NULL);
	ctl->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (ctl->signals < 0)
		fail("signalfd: %s", strerror(errno));
	ctl->term.in.from = -1;
	ctl->term.out.from = -1;
}

/**
 * control_start - start recording or replay, when nobody is in the middle of a
 *	read or write
 * @ctl: the session
 * @begin: crr_session_record() or crr_session_replay()
 * @flags: for it
 * @buffer_size: for it
 */
void control_start(struct control *ctl, int (*begin)(int, unsigned int, size_t),
		   unsigned int flags, size_t buffer_size)
{
	struct line *line = ctl->line;
	uint64_t begun = now_ms();
	bool told = false;

	while (begin(line->session, flags, buffer_size)) {
		if (errno != EBUSY)
			fail("%s: %s cannot begin: %s", line->path, ctl->name,
			     strerror(errno));
		if (!told && now_ms() - begun > 1000) {
			warn("%s: waiting until no read(2) or write(2) is in progress",
			     line->path);
			told = true;
		}
		control_wait(ctl, 10, 0);
		if (ctl->interrupted) {
			exit(128 + ctl->interrupted);
		}
		if (control_timed_out(ctl)) {
			warn("%s: %s did not begin within %g s (--timeout)",
			     line->path, ctl->name,
			     (double)ctl->timeout_ms / 1000);
			exit(EXIT_CRR_TIMEOUT);
		}
	}
}

/* The size of the user's terminal, before COMMAND can ask for it. */
void control_size(struct control *ctl)
{
	if (ctl->line->master < 0)
		return;
	ctl->sized = true;
	terminal_size(ctl->line->master);
}

/*
 * The other end of a pty of our making: a peer's standard input and output,
 * or the user's terminal.
 */
void control_join(struct control *ctl, const char *peer, bool input)
{
	if (ctl->line->master < 0)
		return;
	if (!peer && input && isatty(STDIN_FILENO))
		control_summary(ctl, "this terminal is connected to the line: ^] ends %s; everything else that is typed, including ^C, goes to the line",
				ctl->name);
	if (peer)
		child_start_shell(&ctl->peer, peer, ctl->line->master);
	else
		terminal_join(&ctl->term, ctl->line->master, input);
}

static void control_signals(struct control *ctl)
{
	struct signalfd_siginfo info;

	while (read(ctl->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		if (info.ssi_signo == SIGWINCH) {
			if (ctl->sized)
				terminal_size(ctl->line->master);
			continue;
		}
		ctl->interrupted = (int)info.ssi_signo;
		/* Of a SIGINT from the terminal it knows already. */
		if (info.ssi_signo != SIGINT || info.ssi_code != SI_KERNEL)
			child_signal(&ctl->command, ctl->interrupted);
	}
	child_reap(&ctl->command);
	child_reap(&ctl->peer);
}

/**
 * control_wait - wait until something has happened, and see to it
 * @ctl: the session
 * @timeout_ms: at most so long
 * @session_events: of the session fd, that the caller will see to; 0 for none
 */
void control_wait(struct control *ctl, int timeout_ms, short session_events)
{
	static char unseen[4096];
	struct pollfd fds[4] = {
		{ .fd = ctl->signals, .events = POLLIN },
		{ .fd = session_events ? ctl->line->session : -1,
		  .events = session_events },
		direction_poll(&ctl->term.in),
		direction_poll(&ctl->term.out),
	};

	unsigned int i;
	int ready;

	ready = poll(fds, 4, timeout_ms);
	/* What is written to further ptys of ours has no reader. */
	for (i = 1; i < ctl->nlines; i++)
		while (ctl->line[i].master >= 0 &&
		       read(ctl->line[i].master, unseen, sizeof(unseen)) > 0)
			;
	if (ready <= 0)
		return;
	if (fds[0].revents)
		control_signals(ctl);
	if (fds[2].revents)
		terminal_move(&ctl->term, &ctl->term.in);
	if (fds[3].revents)
		terminal_move(&ctl->term, &ctl->term.out);
	if (ctl->term.escaped && !ctl->interrupted) {
		ctl->interrupted = SIGTERM;
		child_signal(&ctl->command, SIGTERM);
	}
}

/* COMMAND has ended; or, with nobody to wait for, the user has said so. */
bool control_over(struct control *ctl)
{
	if (ctl->command.pid)
		return ctl->command.ended;
	return ctl->interrupted || ctl->timed_out;
}

/* Is the time over that all of it may take? Then COMMAND is to end at once. */
bool control_timed_out(struct control *ctl)
{
	if (ctl->timed_out || !ctl->timeout_at || now_ms() < ctl->timeout_at)
		return ctl->timed_out;
	ctl->timed_out = true;
	if (!ctl->killing)
		ctl->kill_at = now_ms();
	return true;
}

/*
 * Whoever was interrupted, or is to end, gets so long to do it by itself; then
 * SIGTERM, then SIGKILL. Call it again and again.
 */
void control_hurry(struct control *ctl, uint64_t grace_ms)
{
	struct child *child = &ctl->command;

	if (!child_runs(child))
		return;
	if (!ctl->kill_at) {
		ctl->kill_at = now_ms() + grace_ms;
		return;
	}
	if (now_ms() < ctl->kill_at)
		return;
	child_signal(child, ctl->killing ? SIGKILL : SIGTERM);
	child_signal(child, SIGCONT);
	ctl->killing = true;
	ctl->kill_at = now_ms() + grace_ms;
}

void control_end_command(struct control *ctl, uint64_t grace_ms)
{
	while (child_runs(&ctl->command)) {
		control_hurry(ctl, grace_ms);
		control_wait(ctl, 50, 0);
	}
}

/*
 * The run is over; what the emulator wrote last is still to be shown. Whoever
 * does not want to wait for a reader who takes his time says so once more.
 */
static void control_end_terminal(struct control *ctl)
{
	int interrupted = ctl->interrupted;

	ctl->term.in.from = -1;
	ctl->term.in.length = 0;
	ctl->interrupted = 0;
	while (!ctl->interrupted && !control_timed_out(ctl) &&
	       terminal_pending(&ctl->term))
		control_wait(ctl, ctl->timeout_at ? 50 : -1, 0);
	if (interrupted)
		ctl->interrupted = interrupted;
	terminal_leave(&ctl->term);
}

/* Has the peer something to read still? */
static bool control_peer_reads(const struct control *ctl)
{
	struct pollfd pfd = { .fd = ctl->line->master, .events = POLLIN };

	return child_runs(&ctl->peer) && poll(&pfd, 1, 0) > 0 &&
	       (pfd.revents & POLLIN);
}

/*
 * Nobody outlives the session, nor does what the peer has started. It may read
 * what there is; then it gets signals, as when a line is hung up.
 */
void control_end_peer(struct control *ctl, uint64_t grace_ms)
{
	uint64_t until;

	control_end_terminal(ctl);
	if (!ctl->peer.pid)
		return;
	until = now_ms() + grace_ms;
	while (control_peer_reads(ctl) && now_ms() < until)
		control_wait(ctl, 20, 0);
	until = now_ms() + PEER_MS;
	while (child_runs(&ctl->peer) && now_ms() < until)
		control_wait(ctl, 20, 0);

	kill(-ctl->peer.pid, SIGHUP);
	kill(-ctl->peer.pid, SIGTERM);
	kill(-ctl->peer.pid, SIGCONT);
	until = now_ms() + grace_ms;
	while (!child_group_ended(&ctl->peer)) {
		if (now_ms() >= until)
			kill(-ctl->peer.pid, SIGKILL);
		control_wait(ctl, 20, 0);
	}
}

/*
 * COMMAND was not executed, or the log cannot have its name: end what has been
 * started, before anything comes of it. Returns COMMAND's exit status.
 */
int control_give_up(struct control *ctl, uint64_t grace_ms)
{
	static char records[64 << 10];

	control_end_command(ctl, grace_ms);
	/* Or the kernel would keep the records for --resume. */
	(void)crr_session_stop(ctl->line->session);
	while (read(ctl->line->session, records, sizeof(records)) > 0)
		;
	lines_close(ctl->line, ctl->nlines);
	return ctl->command.status;
}

/* On a terminal, unless it shows the line itself, or COMMAND may use it. */
static bool progress_wanted(const struct control *ctl)
{
	return !ctl->quiet && isatty(STDERR_FILENO) && !ctl->term.raw &&
	       !((ctl->term.out.from >= 0 || ctl->command.pid) &&
		 isatty(STDOUT_FILENO));
}

void control_progress(struct control *ctl, bool last)
{
	struct crr_status status;
	char text[256];

	if (!progress_wanted(ctl) || (!last && now_ms() < ctl->progress_next))
		return;
	ctl->progress_next = now_ms() + PROGRESS_EVERY_MS;
	if (crr_status(ctl->line->session, &status))
		return;
	snprintf(text, sizeof(text),
		 "%s: %llu records, %llu bytes in, %llu out, counter %llu",
		 ctl->name, (unsigned long long)status.records,
		 (unsigned long long)status.bytes_in,
		 (unsigned long long)status.bytes_out,
		 (unsigned long long)status.counter);
	message_progress(text, last);
}

/* Something to be said on a terminal, and only there. */
void control_summary(struct control *ctl, const char *format, ...)
{
	va_list args;

	if (ctl->quiet || !isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	vwarn(format, args);
	va_end(args);
}
