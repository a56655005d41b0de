/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What crr-preload.so has seen of COMMAND. crrctl makes this, names it in the
 * environment (CRR_PRELOAD_NOTES, a path), and reads it at the end.
 */
#ifndef CRR_NOTES_H
#define CRR_NOTES_H

#include <stdint.h>

enum note {
	NOTE_WAIT,	/* waits for a line: poll(2), select(2), or an epoll(7) */
	NOTE_EXPIRED,	/* of them, without epoll: nothing came in time */
	NOTE_OTHERS,	/* waits for a line and for other files at once */
	NOTE_MODEM,	/* TIOCMGET, TIOCGICOUNT */
	NOTE_PTY,	/* new ptys */
	NOTE_CLOCK,	/* readings of a clock */
	NOTE_TIMER,	/* timers set */
	NOTE_RANDOM,	/* random numbers from the kernel */
	NOTE_THREAD,	/* uses of a line by another thread than the first */
	NOTE_START,	/* threads started */
	NOTES,
};

struct notes {
	uint64_t count[NOTES];
};

#endif /* CRR_NOTES_H */
