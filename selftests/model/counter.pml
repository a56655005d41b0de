/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counter of a session, looked at by two threads without its lock while
 * the emulator moves it, in its clock and, once that has gone, by ioctl; and
 * the empty reads that are counted at each of its values.
 *
 * Never: a session's counter that goes back, or is less than what somebody has
 * seen; a thread told that the counter has gone back; a record that bears more
 * empty reads than there were at its counter since the last one, or fewer, unless
 * the counter moved during the empty read or while the record was made: then the
 * emulator is not one whose run can be repeated.
 *
 * models kmod/crr.h crr_session_raise e7a7454e
 * models kmod/crr.h crr_session_advance f4ebffa0
 * models kmod/crr.h crr_empties_take 602b88ea
 * models kmod/crr.h crr_empties_add cf69ea3f
 * models kmod/recorder.c crr_add_empty 177fbc5d
 * models kmod/recorder.c crr_recorder_inq_done c6db836d
 * models kmod/recorder.c crr_emit_inline bf8e0ef0
 * models kmod/session.c crr_session_sample 9e245b05
 * models kmod/session.c crr_session_set_counter 8d37b66a
 * models kmod/session.c crr_session_set_clock c3eef6dc
 *
 * break LAST assertion		the last one is looked at after the counter
 * break EXCHANGE assertion	it is stored whatever it is by then
 * break AGAIN assertion	who is overtaken by less does not try again
 * break SUPPLIED assertion	the clock goes before what it leaves behind is set
 * break RAISED assertion	an ioctl raises the counter before it supplies it
 * break LOCK assertion		empty reads are counted without a lock
 * break OTHER assertion	a record bears those of another counter
 * break TAKEN assertion	what a record bears is counted for the next one, too
 */
#include "model.h"

#define LAST	3		/* value of the counter */

/* struct crr_clock, struct crr_session */
byte clock;
bool has_clock = true;
byte supplied;
byte counter;
bool lock;			/* session->lock */
/* struct crr_empties: its lock is held for one step. */
byte at, count;
byte found[LAST + 2];		/* empty reads that no record bears yet */
bool overtaken;			/* the counter moved meanwhile */

/* crr_session_raise() */
inline raise(was, to)
{
#ifdef BREAK_EXCHANGE
	if
	:: to > was -> d_step { assert(to >= counter); counter = to }
	:: else
	fi
#else
	do
	:: atomic {
		if
		:: to <= was -> break
		:: to > was && counter == was -> counter = to; break
#ifdef BREAK_AGAIN
		:: else -> break
#else
		:: else -> was = counter
#endif
		fi
	}
	od
#endif
}

/* crr_session_advance(): in this order, by its barriers. */
inline advance(last, now)
{
#ifndef BREAK_LAST
	last = counter;
#endif
	if
	:: has_clock -> now = clock
	:: else -> now = supplied
	fi;
#ifdef BREAK_LAST
	last = counter;
#endif
	assert(now >= last);
	raise(last, now);
	assert(counter >= now)
}

#define COUNTED(now)	(at == now -> count : 0)

/* crr_empties_add() */
inline add_empty(now, n)
{
#ifndef BREAK_LOCK
	d_step {
#endif
	n = COUNTED(now);
#ifdef BREAK_LOCK
	d_step {
#endif
		overtaken = overtaken || at > now;
		at = now;
		count = n + 1;
		n = 0
	}
}

/* Without the session's lock: reads of two streams, or empty ones of one. */
proctype thread(bool empties_too)
{
	byte round, last, now, n;

	do
	:: round < (empties_too -> 3 : 2) ->
		advance(last, now);
		if
		:: empties_too ->
			found[now]++;
			add_empty(now, n)
		:: else
		fi;
		d_step { round++; last = 0; now = 0 }
	:: else -> break
	od
}

/* With the lock: FIONREAD, which says that there is nothing. */
proctype asker()
{
	byte last, now, n;

	take(lock);
	advance(last, now);
	now = counter;
	found[now]++;
	add_empty(now, n);
	give(lock)
}

/* The emulator's clock; with the lock, its end, and then ioctls. */
proctype emulator()
{
	byte last;

	do
	:: clock < LAST - 1 -> clock++
	:: break
	od;
	if
	:: true -> goto out
	:: true
	fi;
	/* crr_session_set_clock(): nobody is left who could move it. */
	take(lock);
#ifdef BREAK_SUPPLIED
	has_clock = false;
#endif
	last = counter;
	raise(last, clock);
	supplied = counter;
	has_clock = false;
	give(lock);
	/* crr_session_set_counter() */
	take(lock);
#ifdef BREAK_RAISED
	last = counter;
	raise(last, clock + 1);
	supplied = clock + 1;
#else
	supplied = clock + 1;
	last = counter;
	raise(last, clock + 1);
#endif
	give(lock);
out:
	last = 0
}

/* With the lock: records, at what the counter is. */
proctype record()
{
	byte round, now, n;

	do
	:: round < 2 ->
		take(lock);
		now = counter;
		/* crr_empties_take() */
		d_step {
#ifdef BREAK_OTHER
			n = count;
#else
			n = COUNTED(now);
#endif
			overtaken = overtaken || (at > now && count);
#ifndef BREAK_TAKEN
			count = 0;
#endif
			assert(n <= found[now]);
			found[now] = found[now] - n
		}
		give(lock);
		d_step { round++; now = 0; n = 0 }
	:: else -> break
	od
}

active proctype monitor()
{
end_never:
	timeout;
	assert(overtaken || COUNTED(counter) == found[counter])
}

init {
	atomic {
		run emulator();
		if
		:: run thread(false); run thread(false)
		:: run thread(true); run asker(); run record()
		fi
	}
}
