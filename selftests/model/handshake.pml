/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on a line, and RECORD and STOP on its session.
 *
 * Never: an operation that began with the device and ends in a recording; one
 * that was admitted by a recording and is under way in the next one; nobody
 * able to do anything any more.
 *
 * The processor may keep a store to itself until a barrier: each side has a
 * buffer of one store for what the other side looks at.
 *
 * models kmod/ldisc.c crr_line_enter d7caee27
 * models kmod/ldisc.c crr_line_leave a8a3adba
 * models kmod/ldisc.c crr_ldisc_write 7ca9fa60
 * models kmod/ldisc.c crr_ldisc_read e7b79de6
 * models kmod/session.c crr_session_line_stream 2b1f9acf
 * models kmod/session.c crr_session_judge 6901a18d
 * models kmod/session.c crr_session_is_quiet 6cee6cd7
 * models kmod/session.c crr_session_enter ae8a47b0
 * models kmod/session.c crr_session_record a406e030
 * models kmod/session.c crr_session_stop 3eaa17ba
 * models kmod/session.c crr_session_set_state 9aab7afb
 * models kmod/recorder.c crr_recorder_resume 1d698cab
 *
 * break BARRIER_OPERATION assertion	it looks before its count is seen
 * break BARRIER_RECORD assertion	RECORD looks before active is seen
 * break COUNTED assertion		an operation counts itself too late
 * break QUIET assertion		RECORD does not look at the count
 * break ACTIVE assertion		RECORD looks before it sets active
 */
#include "model.h"

#define OPS	2
#define ROUNDS	2

bool lock;
bool recording;
bool acting;			/* session->active */
byte generation;
/* What is in memory, and what only its writer sees yet. */
byte inflight;
bool counting[OPS];
bool activating, activating_to;

/* Any time is a time for a store to come to memory. */
#define flush_count(me)	if :: counting[me] -> inflight++; counting[me] = false :: else fi
#define flush_active()	if :: activating -> acting = activating_to; activating = false :: else fi

inline set_active(value)
{
	d_step { activating = true; activating_to = value }
}

proctype memory()
{
end_memory:
	do
	:: atomic { activating -> acting = activating_to; activating = false }
	:: atomic { counting[0] -> inflight++; counting[0] = false }
	:: atomic { counting[1] -> inflight++; counting[1] = false }
	od
}

proctype op(byte me)
{
	byte round, mine;
	bool device, found;

	do
	:: round < ROUNDS ->
#ifndef BREAK_COUNTED
		/* crr_line_enter() */
		counting[me] = true;
#ifndef BREAK_BARRIER_OPERATION
		d_step { flush_count(me) }
#endif
#endif
		/* crr_session_line_stream() */
		found = acting;
#ifdef BREAK_COUNTED
		d_step { inflight++ }
#endif
		device = true;
		if
		:: found ->
			take(lock);
			d_step {
				device = !recording;
				mine = generation;
				lock = false
			}
		:: else
		fi;
		/* N_TTY's, in two parts. */
		assert(!device || !recording);
		if
		:: device -> assert(!recording)
		:: else ->
			/* crr_recorder_resume(): in it, or after it. */
			take(lock);
			assert(!recording || mine == generation);
			give(lock)
		fi;
		/* crr_line_leave(): atomic_dec() sees what its own side wrote. */
		d_step {
			flush_count(me);
			inflight--;
			round++;
			mine = 0;
			device = false;
			found = false
		}
	:: else -> break
	od
}

proctype controller()
{
	byte round;

	do
	:: round < ROUNDS ->
		/* crr_session_enter() */
		take(lock);
#ifdef BREAK_ACTIVE
		!inflight;
		set_active(true);
		d_step { flush_active() };
#else
		set_active(true);
#ifndef BREAK_BARRIER_RECORD
		d_step { flush_active() };
#endif
#ifndef BREAK_QUIET
		if
		:: inflight ->
			/* -EBUSY. Or it tries again. */
			set_active(false);
			d_step { flush_active(); lock = false };
			goto next
		:: else
		fi;
#endif
#endif
		d_step {
			generation++;
			recording = true;
			lock = false
		};
		/* STOP waits for nobody. END is told, and then active. */
		take(lock);
		d_step { generation++; recording = false };
		set_active(false);
		d_step { flush_active(); lock = false };
next:
		round++
	:: else -> break
	od
}

init {
	atomic {
		run memory();
		run controller();
		run op(0);
		run op(1)
	}
}
