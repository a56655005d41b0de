/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The turn of reads on a line: by the word in which they are counted, and for
 * those who wait by read_lock.
 *
 * Never: two at a time that have the turn; somebody asleep whose turn it is; a
 * count that is not 0 at last, or the last one of all not known to be that.
 *
 * Whether a read finds the line engaged, and its session still so, is open: for
 * those that are N_TTY's alone it is no matter who else is there.
 *
 * models kmod/ldisc.c crr_read_enter 55aa4a2d
 * models kmod/ldisc.c crr_read_leave aece1a50
 * models kmod/ldisc.c crr_read_leave_queue cb710840
 * models kmod/ldisc.c crr_read_queue 4f94d40d
 * models kmod/ldisc.c crr_read_finish c8832730
 * models kmod/ldisc.c crr_judged_read d0d2945c
 * models kmod/ldisc.c crr_pass_read b91ae855
 * models kmod/ldisc.c crr_asking_read 48dadd88
 * models kmod/ldisc.c crr_engaged_read b0e0db53
 * models kmod/ldisc.c crr_read_begin d35aadee
 * models kmod/ldisc.c crr_read_further 89b1b320
 *
 * break TURN assertion		who begins does not look at those who wait
 * break LOCK assertion		those who wait do not come one after the other
 * break READS assertion	nor do they wait for those who are under way
 * break LEAVE assertion	who ends wakes nobody
 * break CONVERT assertion	nor does who joins those who wait
 * break SIGNAL assertion	a signal takes the turn away, and its place is kept
 */
#include "model.h"

#define READERS	3

/* line->inflight: each of its changes is one step. */
byte reads, queues;
bool read_lock;
bool queued[READERS], woken[READERS], asleep[READERS];
byte turns;			/* who has it */
byte last;			/* who have found that they were the last */
byte begun;			/* in an interval in which somebody is there */

inline wake_turn()
{
	d_step { wake(0); wake(1); wake(2) }
}

/* It has become 0, and so departed streams can go. */
inline look()
{
	if
	:: !reads && !queues -> last++
	:: else
	fi
}

inline read_leave()
{
	atomic { reads--; zero = !reads && !queues; look() };
	if
#ifndef BREAK_LEAVE
	:: !zero && queues -> wake_turn()
#endif
	:: else
	fi
}

inline leave_queue()
{
	atomic { queues--; look() }
}

proctype reader(byte me; byte rounds)
{
	bool turn, zero;

	do
	:: rounds ->
		/* crr_read_enter() */
		atomic {
			if
			:: !reads && !queues -> begun++
			:: else
			fi;
#ifdef BREAK_TURN
			turn = !reads;
#else
			turn = !reads && !queues;
#endif
			reads++
		}
		if
		/* It is N_TTY's. */
		:: true -> goto pass
		:: turn -> goto judged
		/* Not to wait. */
		:: !turn -> goto pass
		:: !turn
		fi;
		/* crr_read_queue() */
		atomic { reads--; queues++ };
#ifndef BREAK_CONVERT
		wake_turn();
#endif
		if
#ifndef BREAK_LOCK
		:: take(read_lock)
#else
		:: true
#endif
		/* A signal. */
		:: leave_queue(); goto next
		fi;
		/* wait_event_interruptible() */
#ifndef BREAK_READS
		add_wait(me);
wait:
		if
		:: !reads -> remove_wait(me)
		:: else ->
			if
			:: atomic { true -> asleep[me] = true }
end_wait:
			atomic { woken[me] -> woken[me] = false; asleep[me] = false };
			goto wait
			:: remove_wait(me);
#ifndef BREAK_SIGNAL
				give(read_lock);
#endif
				leave_queue();
				goto next
			fi
		fi;
#endif
judged:
		true;
		d_step { turns++; assert(turns == 1) };
		/* It sleeps, perhaps, and copies; then, or before, it ends. */
		turns--;
		if
		:: turn -> goto pass
		:: else
		fi;
		give(read_lock);
		if
		/* crr_read_finish() */
		:: leave_queue(); goto next
		/* The session is idle. */
		:: atomic { reads++; queues-- }
		fi;
pass:
		read_leave();
next:
		true;
		d_step { rounds--; turn = false; zero = false }
	:: else -> break
	od
}

active proctype monitor()
{
end_never:
	timeout;
	assert(!asleep[0] && !asleep[1] && !asleep[2]);
	assert(!reads && !queues && !read_lock);
	assert(last == begun)
}

init {
	atomic {
		run reader(0, 2);
		run reader(1, 1);
		run reader(2, 1)
	}
}
