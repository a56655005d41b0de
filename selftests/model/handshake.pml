/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on a line, and RECORD, REPLAY, its going live, and STOP.
 *
 * Never: an operation that began with the device and ends in a recording or a
 * replay; one that was let in by a recording and is under way in the next one.
 *
 * The processor may keep a store to itself until a barrier: each side has a
 * buffer of one store for what the other side looks at.
 *
 * models kmod/ldisc.c crr_line_enter af1410cf
 * models kmod/ldisc.c crr_line_leave 463cd002
 * models kmod/ldisc.c crr_ldisc_write 3dc521c2
 * models kmod/ldisc.c crr_engaged_write 24d048a4
 * models kmod/ldisc.c crr_judged_write 26709813
 * models kmod/ldisc.c crr_read_enter 55aa4a2d
 * models kmod/ldisc.c crr_engaged_read b0e0db53
 * models kmod/ldisc.c crr_ldisc_read 5b947b15
 * models kmod/crr.h crr_recorder_is_ready 4d2b6743
 * models kmod/session.c crr_session_judge a3ebf9c8
 * models kmod/session.c crr_session_is_quiet 66908783
 * models kmod/session.c crr_session_engage a9f3d4be
 * models kmod/session.c crr_session_unready 54fc1878
 * models kmod/session.c crr_session_may_enter ca35ab52
 * models kmod/session.c crr_session_enter 34646449
 * models kmod/session.c crr_session_record d07b8873
 * models kmod/session.c crr_session_replay 5de58d95
 * models kmod/session.c crr_session_go_live 79a9a761
 * models kmod/session.c crr_session_stop e7c2c58d
 * models kmod/session.c crr_session_set_state 3319c678
 * models kmod/recorder.c crr_recorder_resume b9dbda36
 * models kmod/recorder.c crr_stream_prepare cb1b9d8e
 *
 * break BARRIER_OPERATION assertion	it looks before its count is seen
 * break BARRIER_RECORD assertion	RECORD looks before engaged is seen
 * break COUNTED assertion		an operation counts itself too late
 * break QUIET assertion		RECORD does not look at the count
 * break ENGAGED assertion		RECORD looks before it sets engaged
 * break READY assertion		STOP leaves a stream ready
 * break STATE assertion		what begins with engaged seen does not ask
 */
#include "model.h"

#define OPS	2
#define ROUNDS	2

mtype = { idle, record, replay };

bool lock;
mtype state = idle;
byte generation;
/* What is in memory, and what only its writer sees yet. */
byte inflight;
bool engaged, ready;
bool counting[OPS];
bool engaging, engaging_to;
bool unreadying;

/* Any time is a time for a store to come to memory. */
#define flush_count(me)	if :: counting[me] -> inflight++; counting[me] = false :: else fi
#define flush_engaged()	if :: engaging -> engaged = engaging_to; engaging = false :: else fi
#define flush_ready()	if :: unreadying -> ready = false; unreadying = false :: else fi

/* Released: what was stored before is seen before it. */
inline engage(value)
{
	d_step { flush_engaged(); engaging = true; engaging_to = value }
}

inline unready()
{
#ifndef BREAK_READY
	unreadying = ready
#else
	skip
#endif
}

inline set_state(to)
{
	d_step { unready(); state = to };
	engage(to != idle)
}

proctype memory()
{
end_memory:
	do
	:: atomic { engaging -> flush_ready(); engaged = engaging_to; engaging = false }
	:: atomic { unreadying -> flush_ready() }
	:: atomic { counting[0] -> inflight++; counting[0] = false }
	:: atomic { counting[1] -> inflight++; counting[1] = false }
	od
}

proctype op(byte me)
{
	byte round, mine;
	bool found;
	mtype as;

	do
	:: round < ROUNDS ->
#ifndef BREAK_COUNTED
		/* crr_line_enter() */
		counting[me] = true;
#ifndef BREAK_BARRIER_OPERATION
		d_step { flush_count(me) }
#endif
#endif
		found = engaged;
#ifdef BREAK_COUNTED
		d_step { inflight++ }
#endif
		as = idle;
		if
		:: !found
		:: found ->
			if
			/* crr_recorder_is_ready() */
			:: ready -> d_step { as = record; mine = generation }
#ifndef BREAK_STATE
			:: else ->
				/* crr_session_judge() */
				take(lock);
				d_step { as = state; mine = generation; lock = false }
#else
			:: else
#endif
			fi
		fi;
		/* N_TTY's, in two parts; in replay the log's. */
		assert(as != idle || state == idle);
		if
		:: as == idle -> assert(state == idle)
		:: as == record ->
			/* crr_recorder_resume(): in it, or after it. */
			atomic {
				!lock;
				/* Never in one that did not let it in. */
				assert(state == idle || mine == generation);
				if
				/* crr_stream_prepare() */
				:: state == record -> unreadying = false; ready = true
				:: else
				fi
			}
		:: as == replay ->
			/* An operation may find that it is over. */
			if
			:: true
			:: atomic {
				!lock;
				if
				:: state == replay && mine == generation ->
					/* crr_session_go_live() */
					generation++;
					if
					:: set_state(record)
					:: set_state(idle)
					fi
				:: else
				fi
			}
			fi
		fi;
		/* crr_line_leave(): atomic_dec() sees what its own side wrote. */
		d_step {
			flush_count(me);
			inflight--;
			round++;
			mine = 0;
			as = idle;
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
#ifdef BREAK_ENGAGED
		!inflight;
		engage(true);
		d_step { flush_ready(); flush_engaged() };
#else
		engage(true);
#ifndef BREAK_BARRIER_RECORD
		d_step { flush_ready(); flush_engaged() };
#endif
#ifndef BREAK_QUIET
		if
		:: inflight ->
			/* -EBUSY. Or it tries again. */
			engage(false);
			d_step { flush_engaged(); lock = false };
			goto next
		:: else
		fi;
#endif
#endif
		generation++;
		if
		:: set_state(record)
		:: set_state(replay)
		fi;
		give(lock);
		/* STOP waits for nobody. What it stores is seen some time. */
		take(lock);
		if
		:: state != idle -> generation++; set_state(idle)
		:: else
		fi;
		give(lock);
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
