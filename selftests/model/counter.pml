/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counter of a session, looked at by two threads without its lock while
 * the emulator moves it, in its clock and, once that has gone, by ioctl; and
 * the empty reads that are counted at each of its values.
 *
 * Never: a session's counter that goes back, or is less than what somebody has
 * seen; a thread told that the counter has gone back; more empty reads than
 * there were, or others than there were if nobody reads.
 *
 * models kmod/crr.h crr_session_raise e7a7454e
 * models kmod/crr.h crr_session_advance f4ebffa0
 * models kmod/crr.h crr_empties_at 266691fa
 * models kmod/crr.h crr_empties_add db6edd01
 * models kmod/crr.h crr_empties_forget 90e4c5f1
 * models kmod/session.c crr_session_sample 9e245b05
 * models kmod/session.c crr_session_set_counter 8d37b66a
 * models kmod/session.c crr_session_set_clock c3eef6dc
 *
 * break LAST assertion		the last one is looked at after the counter
 * break EXCHANGE assertion	it is stored whatever it is by then
 * break AGAIN assertion	who is overtaken by less does not try again
 * break SUPPLIED assertion	the clock goes before what it leaves behind is set
 * break RAISED assertion	an ioctl raises the counter before it supplies it
 * break SLOT assertion		empty reads are counted in one place
 * break LOOK assertion		who looks at them does not look again
 */
#include "model.h"

#define LAST	3		/* value of the counter */

/* struct crr_clock, struct crr_session */
byte clock;
bool has_clock = true;
byte supplied;
byte counter;
/* struct crr_stream */
byte at[2], count[2], counting;
byte empties[LAST + 2];		/* what there were */

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

/* Without the lock: reads of two streams, or empty ones of one. */
proctype thread(bool empties_too)
{
	byte round, last, now, slot;

	do
	:: round < (empties_too -> 3 : 2) ->
		/* crr_session_advance(): in this order, by its barriers. */
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
		assert(counter >= now);
		if
		:: empties_too ->
			/* crr_empties_add() */
			empties[now]++;
			slot = counting;
			if
			:: at[slot & 1] == now -> count[slot & 1]++
			:: else ->
#ifndef BREAK_SLOT
				slot++;
#endif
				at[slot & 1] = now;
				count[slot & 1] = 1;
				counting = slot
			fi
		:: else
		fi;
		d_step { round++; last = 0; now = 0; slot = 0 }
	:: else -> break
	od
}

/* With the lock: the emulator's clock, its end, and then ioctls. */
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
#ifdef BREAK_SUPPLIED
	has_clock = false;
#endif
	last = counter;
	raise(last, clock);
	supplied = counter;
	has_clock = false;
	/* crr_session_set_counter() */
#ifdef BREAK_RAISED
	last = counter;
	raise(last, clock + 1);
	supplied = clock + 1;
#else
	supplied = clock + 1;
	last = counter;
	raise(last, clock + 1);
#endif
out:
	last = 0
}

/* With the lock: a record, which is to bear them, at what the counter is. */
proctype record()
{
	byte now, slot, n;

	now = counter;
	/* crr_empties_at() */
	do
	:: slot = counting;
		if
		:: at[slot & 1] == now -> n = count[slot & 1]
		:: else -> n = 0
		fi;
#ifdef BREAK_LOOK
		break
#else
		if
		:: counting == slot -> break
		:: else
		fi
#endif
	od;
	assert(n <= empties[now])
}

active proctype monitor()
{
end_never:
	timeout;
	assert((at[counting & 1] == counter -> count[counting & 1] : 0) ==
	       empties[counter])
}

init {
	atomic {
		run emulator();
		if
		:: run thread(false); run thread(false)
		:: run thread(true); run record()
		fi
	}
}
