// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What crr-preload.so has seen of COMMAND: what a replay of it needs, or will not
 * repeat. The library counts in a page that it shares with crrctl.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../preload/notes.h"
#include "crrctl.h"

#define NOTES_FD_MIN 600

static struct notes *notes;
static int notes_fd = -1;

/* What is seen, and what makes it exact. */
static const struct source {
	enum note note;
	const char *what;
	const char *advice;
	bool recorded; /* by --preload, or of no importance with it */
} sources[] = {
	{ NOTE_WAIT, "waits for a tty by poll, select or epoll",
	  "use --preload", true },
	{ NOTE_EXPIRED, "waits for a tty in vain, with a timeout",
	  "use --preload", true },
	{ NOTE_MODEM, "asks for modem lines (TIOCMGET, TIOCGICOUNT)",
	  "use --preload", true },
	{ NOTE_PTY, "makes a pty", "use --preload, without {}", true },
	{ NOTE_CLOCK, "reads the time", "use --preload", true },
	{ NOTE_OTHERS, "waits for other files as well",
	  "not recorded: replay it with the same input from them", false },
	{ NOTE_TIMER, "sets timers",
	  "not recorded: exact only if nothing on the line depends on them",
	  false },
	{ NOTE_RANDOM, "asks the kernel for random numbers",
	  "not recorded: give it a seed, if it has an option for that", false },
	{ NOTE_START, "starts threads",
	  "their order is not recorded: exact only if the line's thread needs no other",
	  false },
	{ NOTE_THREAD, "uses a tty in several threads",
	  "not exact: use one thread, or change it for --gated", false },
};

/**
 * notes_make - make the page, before COMMAND is started
 *
 * COMMAND may write to it, and must not make it shorter: reading what is gone would
 * kill crrctl before it has finished its log.
 */
void notes_make(void)
{
	notes_fd = memfd_create("crr-notes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (notes_fd < 0 || ftruncate(notes_fd, sizeof(*notes)) ||
	    fcntl(notes_fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		fail("cannot make a file in memory: %s", strerror(errno));
	notes = mmap(NULL, sizeof(*notes), PROT_READ | PROT_WRITE, MAP_SHARED,
		     notes_fd, 0);
	if (notes == MAP_FAILED)
		fail("cannot map a file in memory: %s", strerror(errno));
}

/**
 * notes_export - give COMMAND's process the page
 * @probe: the library is to do nothing but take notes
 *
 * By an fd that it inherits, out of the way of its own: COMMAND may be another
 * user's, which must not look at our files.
 */
void notes_export(bool probe)
{
	char path[64];
	int fd;

	if (!notes)
		return;
	fd = fcntl(notes_fd, F_DUPFD, NOTES_FD_MIN);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setenv("CRR_PRELOAD_NOTES", path, 1);
	if (probe)
		setenv("CRR_PRELOAD_PROBE", "1", 1);
}

static uint64_t count_of(const struct source *source)
{
	return __atomic_load_n(&notes->count[source->note], __ATOMIC_RELAXED);
}

/**
 * notes_print - what was seen of COMMAND, and what makes it exact
 * @out: where to
 */
void notes_print(FILE *out)
{
	const struct source *end = sources + sizeof(sources) / sizeof(*sources);
	const struct source *s;
	bool any = false;

	for (s = sources; s < end; s++) {
		if (!count_of(s))
			continue;
		any = true;
		fprintf(out, "%10" PRIu64 "  %s: %s\n", count_of(s), s->what,
			s->advice);
	}
	if (!any)
		fputs("nothing: exact if it polls its tty by read(2) or FIONREAD\n",
		      out);
}

/**
 * notes_warn - what a replay of the recording with --preload may not repeat
 * @quiet: say only what makes it inexact for certain
 * @clock: the time was recorded
 */
void notes_warn(bool quiet, bool clock)
{
	const struct source *end = sources + sizeof(sources) / sizeof(*sources);
	const struct source *s;
	bool recorded;

	for (s = sources; s < end; s++) {
		recorded = s->note == NOTE_CLOCK ? clock : s->recorded;
		if (recorded || !count_of(s))
			continue;
		if (s->note == NOTE_THREAD)
			warn("warning: COMMAND %s: replay does not know their order",
			     s->what);
		else if (!quiet)
			warn("COMMAND %s (%" PRIu64 "): %s", s->what,
			     count_of(s),
			     s->note == NOTE_CLOCK ? "not recorded (--no-clock)" :
						     s->advice);
	}
}
