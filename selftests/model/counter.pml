/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counter of a session: looked at without its lock by reads and writes that
 * begin when ready, and with it by all others, while the emulator moves it, in its
 * clock and, once that has gone, by ioctl.
 *
 * Never: a session's counter that goes back; a thread that finds that it has gone
 * back; a record of a write, or an empty read, that is stamped with less than what
 * the write or read has seen.
 *
 * models kmod/state.h crr_session_look c74fd4cb
 * models kmod/state.h crr_session_raise cc1fa468
 * models kmod/state.c crr_session_sample 32104e6f
 * models kmod/state.c crr_session_set_counter f75bf81b
 * models kmod/session.c crr_session_set_clock 7991a44e
 * models kmod/recorder.h crr_recorder_is_ready a9cb0a72
 * models kmod/recorder.c crr_recorder_found_nothing 5f7eb840
 * models kmod/recorder.c crr_recorder_read_done 5649da3b
 * models kmod/recorder.c crr_recorder_write_done c2f0f2cd
 *
 * break LAST assertion		the last one is looked at after the counter
 * break SUPPLIED assertion	the clock goes before what it leaves behind is set
 * break RAISED assertion	an ioctl raises the counter before it supplies it
 * break STAMP assertion	a write or read does not raise the counter to its stamp
 * break LESS assertion		it sets the counter even to less
 * break LOCK assertion		it does so without the lock
 */
#include "model.h"

#define LAST	3		/* value of the counter */

/* struct crr_clock, struct crr_session */
byte clock;
bool has_clock = true;
byte supplied;
byte counter;
bool lock;

/* crr_session_look(): in this order, by its barriers. */
inline look(last, now)
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
	assert(now >= last)
}

inline store(to)
{
	d_step { assert(to >= counter); counter = to }
}

/* crr_session_raise() */
inline raise(to)
{
	if
	:: to > counter -> store(to)
	:: else
	fi
}

/*
 * Begins without the lock, and ends with it: crr_recorder_write_done(), and
 * crr_recorder_found_nothing() of a read.
 */
proctype writer()
{
	byte round, last, stamp;

	do
	:: round < 2 ->
		look(last, stamp);
#ifndef BREAK_LOCK
		take(lock);
#endif
#if defined(BREAK_LESS)
		store(stamp);
#elif !defined(BREAK_STAMP)
		raise(stamp);
#endif
#ifdef BREAK_LOCK
		take(lock);
#endif
		assert(counter >= stamp);
		give(lock);
		d_step { round++; last = 0; stamp = 0 }
	:: else -> break
	od
}

/* crr_session_sample(), as the end of a read does it. */
proctype reader()
{
	byte round, last, now;

	do
	:: round < 2 ->
		take(lock);
		look(last, now);
		raise(now);
		give(lock);
		d_step { round++; last = 0; now = 0 }
	:: else -> break
	od
}

/* The emulator's clock; with the lock, its end, and then an ioctl. */
proctype emulator()
{
	byte last, now;

	do
	:: clock < LAST - 1 -> clock++
	:: break
	od;
	/* crr_session_set_clock(): nobody is left who could move it. */
	take(lock);
#ifdef BREAK_SUPPLIED
	has_clock = false;
#endif
	supplied = 0;
	now = clock;
	raise(now);
	supplied = counter;
	has_clock = false;
	give(lock);
	/* crr_session_set_counter() */
	take(lock);
	look(last, now);
	raise(now);
#ifdef BREAK_RAISED
	raise(now + 1);
	supplied = now + 1;
#else
	supplied = now + 1;
	raise(now + 1);
#endif
	give(lock)
}

init {
	atomic {
		run emulator();
		run writer();
		run writer();
		run reader()
	}
}
