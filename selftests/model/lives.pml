/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lifetimes: a session, its lines, its fd, the operations under way, those who join
 * and take over; and the runs of the session: RECORD, STOP, and a replay that goes
 * on with the device.
 *
 * Never: a session or stream used after it was freed, or never freed; an operation
 * that begins with the device, or in one recording, and ends in another; a line
 * closed, or parted from its session, and its stream told no end, or two, or one
 * after the log's; a recording's idle orphan kept; somebody asleep whose session has
 * failed, or who has nothing to wait for.
 *
 * Operations come on the first line; the second one joins, perhaps.
 *
 * models kmod/session.h crr_stream_get d1b024f4
 * models kmod/session.c crr_session_forget_streams 49fc0d9c
 * models kmod/session.c crr_session_add_line b2bfe507
 * models kmod/session.c crr_session_remove_line 27950f46
 * models kmod/session.c crr_session_tear_down ea55896d
 * models kmod/session.c crr_session_acquire 9269bca4
 * models kmod/session.c crr_session_join 3c900c73
 * models kmod/session.c crr_session_controller_gone 32278784
 * models kmod/session.c crr_session_line_left 8ab09111
 * models kmod/session.c crr_session_destroy aa875166
 * models kmod/session.c crr_session_release_idle 3db8720a
 * models kmod/operation.c crr_session_decide b924ca71
 * models kmod/operation.c crr_operation_decide e6aa6245
 * models kmod/operation.h crr_operation_begin 68a8fdf4
 * models kmod/operation.h crr_operation_end 716f95a8
 * models kmod/read.c crr_read_begin f3fb967a
 * models kmod/read.c crr_pass_read 8c2f78af
 * models kmod/read.c crr_session_read 50d14c5e
 * models kmod/read.c crr_asking_read 4213b5f1
 * models kmod/read.c crr_read_finish 7b060a73
 * models kmod/write.c crr_ldisc_write 10dde4cf
 * models kmod/write.c crr_asking_write 2b7706ad
 * models kmod/run.c crr_session_is_quiet 41f26703
 * models kmod/run.c crr_session_may_enter e9718e6c
 * models kmod/run.c crr_session_enter ac193bf9
 * models kmod/run.c crr_session_record 8794e265
 * models kmod/run.c crr_session_replay 90a89509
 * models kmod/run.c crr_session_stop 799af96e
 * models kmod/run.c crr_session_go_live 7a2397db
 * models kmod/recorder.c crr_stream_leave 10b503f0
 * models kmod/recorder.c crr_recorder_stop 19bebb27
 * models kmod/recorder.c crr_recorder_line_left b9bf8ebf
 * models kmod/recorder.c crr_recorder_hangup_seen abe63e4a
 * models kmod/recorder.c crr_recorder_decide 6fe26e07
 * models kmod/recorder.c crr_recorder_resume 0db42776
 * models kmod/controller.c crr_controller_session 262232d5
 * models kmod/ldisc.c crr_ldisc_close b21ca0d8
 * models kmod/ldisc.c crr_ldisc_hangup 92ac2cc9
 * models kmod/line.c crr_line_wait ae15ce30
 * models kmod/line.c crr_line_wake_sleepers 8e7a1c75
 * models kmod/state.c crr_session_set_state 580b1394
 * models kmod/state.c crr_session_wake_sleepers 84a7f5c7
 *
 * break ZERO assertion		a reference is taken where there is none any more
 * break RCU assertion		a session's memory goes while somebody looks at it
 * break HOLD assertion		an operation holds no reference
 * break ACTIVE assertion	it looks at its session, and then counts itself
 * break LOOK assertion		RECORD looks for operations before the session is active
 * break RECORD assertion	it does not look for operations
 * break REFUSED assertion	it is refused, and the session stays active
 * break RESUME assertion	an operation does not ask whether STOP came
 * break RELEASE assertion	an operation that finds an idle orphan keeps it
 * break FLIGHT assertion	a hangup is told while an operation is under way
 * break ENDED assertion	a stream's end is told again
 * break CONTROLLED assertion	JOIN into a session whose fd has been closed
 * break TEAR_DOWN assertion	an idle orphan is kept
 * break LINK assertion		a line leaves without the lock of who belongs to whom
 * break ORPHAN assertion	a controller's death wakes nobody
 * break HANGUP assertion	nor does a hangup
 */
#include "model.h"

#define OPS	2
#define LINES	2
#define NONE	255

mtype = { idle, recording, replaying, failed };

/* The session; most hold session->lock for one step, in which they wait for it. */
bool link_lock, lock;
byte refs = 2;			/* fd, and line 0 */
bool gone;			/* its memory */
bool controlled = true;
mtype state = recording;
bool is_active = true;		/* session->active */
byte generation;
bool room;			/* for records */
bool unread;
bool log_ended;
/* Each line: its discipline, and its stream's part in the log. */
bool attached[LINES] = true;
bool linked[LINES];		/* line->stream, and stream->line */
bool ended[LINES];
bool forgotten;			/* the stream of line 0 */
byte in_flight;			/* on line 0 */
byte inside;			/* as many hold its ldisc semaphore */
bool changing;			/* whoever closes line 0 wants it alone */
bool hung_up;

bool reads[OPS], awaited[OPS];	/* under RCU; since before the session's end */
byte begun;			/* who comes first has the lowest number */
bool queued[OPS], woken[OPS], asleep[OPS];
bool keeps;			/* somebody goes on holding what he has */

#define IDLE	(state == idle && !unread)	/* and nothing to tell */
#ifdef BREAK_ENDED
#define TO_END(line) true
#else
#define TO_END(line) (!ended[line])
#endif
#ifdef BREAK_FLIGHT
#define MAY_LEAVE true
#else
#define MAY_LEAVE (!in_flight)
#endif
/* crr_session_is_quiet() */
#ifdef BREAK_RECORD
#define QUIET	true
#else
#define QUIET	(!linked[0] || !in_flight)
#endif

inline put_ref()
{
	d_step {
		assert(refs && !gone);
		refs--;
		awaited[0] = reads[0];
		awaited[1] = reads[1];
#ifdef BREAK_RCU
		gone = !refs
#endif
	}
}

/* kfree_rcu() */
proctype grace()
{
end_grace:
	atomic { !refs && !awaited[0] && !awaited[1] -> gone = true }
}

#define wake_line()	d_step { wake(0); wake(1) }

/* crr_stream_leave(). The last that a stream tells. */
inline leave(line)
{
	d_step {
		assert(!ended[line] && !log_ended && state == recording);
		ended[line] = true;
		unread = true
	}
}

/* link_lock and lock are held: crr_session_remove_line() */
inline remove_line(line)
{
	d_step {
		assert(!gone && linked[line]);
		linked[line] = false
	}
}

/* link_lock is held; and the caller holds a reference: crr_session_tear_down() */
inline tear_down()
{
	atomic {
		!lock;
		if
		:: linked[0] -> remove_line(0); put_ref()
		:: else
		fi;
		if
		:: linked[1] -> remove_line(1); put_ref()
		:: else
		fi
	}
}

/* crr_session_forget_streams() */
inline forget()
{
	forgotten = forgotten || !linked[0]
}

#define alive()	assert(!gone && !forgotten)

proctype op(byte me)
{
	bool added, found, holds;
	byte mine = NONE;	/* the recording that has admitted it */

	/* tty_ldisc_ref() */
	atomic {
		begun == me;
		begun++;
		if
		:: !attached[0] || changing || hung_up -> goto out
		:: else -> inside++
		fi
	}
	/* crr_operation_begin() */
#ifndef BREAK_ACTIVE
	in_flight++;
#endif
	atomic { reads[me] = true; found = linked[0] };
	if
	:: found ->
		/* crr_stream_get() */
		atomic { assert(!gone); found = is_active };
		if
		:: found ->
			atomic {
				assert(!gone);
#ifndef BREAK_ZERO
				found = (refs > 0);
#endif
#ifndef BREAK_HOLD
				assert(refs || !found);
				refs = refs + found;
				holds = found
#endif
			}
		:: else
		fi
	:: else
	fi;
	d_step { reads[me] = false; awaited[me] = false };
#ifdef BREAK_ACTIVE
	in_flight++;
#endif
	if
	:: !found -> goto pass
	:: else
	fi;
decide:
	/* crr_session_decide() */
	atomic {
		!lock;
		alive();
		if
		/* crr_session_go_live() */
		:: state == replaying -> generation++; state = idle; is_active = false
		:: state == replaying -> generation++; state = recording; wake_line()
		:: else
		fi;
		if
		:: state == idle && !controlled -> goto release
		:: state == idle && controlled -> goto pass
		:: state == failed || (state == recording && ended[0]) -> goto done
		:: state == recording && !ended[0] && room ->
			mine = generation;
			goto admitted
		:: state == recording && !ended[0] && !room && !controlled ->
			/* CRR_RECORD_FAIL_ORPHAN */
			state = failed;
			wake_line();
			goto done
		:: else
		fi;
		if
		:: !added -> goto add
		:: else
		fi
	}
	/* crr_line_wait() */
	if
	:: hung_up || changing -> goto done
	:: else
	fi;
	asleep[me] = true;
end_sleep:
	atomic { woken[me] -> woken[me] = false; asleep[me] = false };
	goto decide;
add:
	atomic { add_wait(me); added = true; goto decide };
admitted:
	/* crr_recorder_resume() */
	atomic {
		!lock;
		alive();
		if
#ifdef BREAK_RESUME
		:: true ->
#else
		:: state == recording ->
#endif
			assert(state == recording && mine == generation);
			assert(!ended[0] && !log_ended);
			unread = true
		:: else
		fi
	}
	goto done;
release:
	/* crr_session_release_idle() */
	take(link_lock);
	assert(!gone);
#ifndef BREAK_RELEASE
	if
	:: !lock && !controlled && IDLE -> tear_down()
	:: !lock && !(!controlled && IDLE)
	fi;
#endif
	give(link_lock);
pass:
	/* A read holds the session no longer. */
	atomic {
		if
		:: holds -> alive(); put_ref(); holds = false
		:: true
		fi
	}
	/* N_TTY's. */
	assert(!linked[0] || state == idle);
done:
	true;
	d_step {
		remove_wait(me);
		woken[me] = false;
		mine = NONE;
		added = false;
		found = false
	}
	/* crr_operation_end() */
	atomic {
		if
		:: holds -> alive(); put_ref(); holds = false
		:: else
		fi
	}
	atomic { in_flight--; inside-- };
out:
	skip
}

/* crr_session_line_left(): nothing is in flight. */
inline line_left(line)
{
#ifndef BREAK_LINK
	take(link_lock);
#endif
	if
	:: linked[line] ->
		atomic {
			!lock;
			if
			:: state == recording && TO_END(line) -> leave(line)
			/* crr_replayer_line_left() */
			:: state == replaying -> state = failed; wake_line()
			:: else
			fi;
			remove_line(line)
		}
		if
		:: !controlled && !linked[0] && !linked[1] -> tear_down()
		:: else
		fi;
		put_ref()
	:: else
	fi;
#ifndef BREAK_LINK
	give(link_lock)
#endif
}

/* TIOCSETD, the last close(2), or a hangup: of line 0. */
proctype closer()
{
	if
	:: true ->
		/* The tty core fails new calls, and tells the discipline. */
		atomic {
			hung_up = true;
#ifndef BREAK_HANGUP
			wake_line()
#endif
		};
		/* The emulator says that it has seen it: COUNTER. */
		if
		:: true
		:: true ->
			atomic {
				!lock;
				if
				:: state == recording && linked[0] && TO_END(0) && MAY_LEAVE ->
					leave(0)
				:: else
				fi
			}
		fi
	:: true -> atomic { changing = true; wake_line() }
	:: true -> keeps = true; goto out
	fi;
	/* tty_ldisc_lock() */
	atomic { !inside -> attached[0] = false };
	line_left(0);
out:
	skip
}

/* Holds the session fd: reads, stops, records, closes it, or dies. */
proctype controller(byte rounds; bool followed)
{
	bool quiet, over;

again:
	do
	:: rounds && state != idle ->
		rounds--;
		/* crr_session_stop() */
		atomic {
			!lock;
			assert(!gone);
			generation++;
			if
			:: state == recording ->
				if
				:: !ended[0] -> leave(0)
				:: else
				fi;
				log_ended = true;
				unread = true
			:: else
			fi;
			state = idle;
			is_active = false;
			wake_line()
		}
	:: rounds && (unread || !room) ->
		rounds--;
		atomic { !lock; unread = false; room = true; wake_line() }
	:: rounds && IDLE ->
		rounds--;
		/* crr_session_enter() */
		take(lock);
		if
		:: IDLE && (linked[0] || linked[1]) ->
#ifndef BREAK_LOOK
			is_active = true;
			quiet = QUIET;
#else
			quiet = QUIET;
			is_active = true;
#endif
			atomic {
				if
				:: quiet ->
					forget();
					generation++;
					ended[0] = !linked[0];
					log_ended = false;
					if
					:: state = recording
					:: state = replaying
					fi;
					wake_line()
				:: else ->
#ifndef BREAK_REFUSED
					is_active = false
#else
					skip
#endif
				fi;
				quiet = false
			}
		:: else
		fi;
		give(lock)
	:: break
	od;
	if
	:: keeps = true; goto out
	:: true
	fi;
	/* crr_session_controller_gone() */
	take(link_lock);
	atomic {
		!lock;
		controlled = false;
		if
		/* What was to be fed will not come, or all was. */
		:: state == replaying -> state = failed; wake_line()
		:: true ->
#ifndef BREAK_ORPHAN
			wake_line()
#else
			skip
#endif
		fi;
#ifndef BREAK_TEAR_DOWN
		over = (!linked[0] && !linked[1]) || IDLE
#endif
	}
	if
	:: over -> tear_down(); over = false
	:: else
	fi;
	give(link_lock);
	put_ref();
	/* crr_session_acquire() by another: in a callback of line 0 */
	atomic {
		if
		:: !followed || !attached[0] || changing || hung_up -> goto out
		:: else -> followed = false; inside++
		fi
	}
	take(link_lock);
	atomic {
		inside--;
		if
		:: linked[0] && !controlled -> refs++; controlled = true
		:: else -> link_lock = false; goto out
		fi
	}
	give(link_lock);
	rounds = 1;
	goto again;
out:
	skip
}

/* JOIN of line 1, which found the session by its fd just in time. */
proctype joiner()
{
	atomic {
		if
		:: !controlled -> goto out
		:: else -> refs++
		fi
	}
	take(link_lock);
	if
#ifndef BREAK_CONTROLLED
	:: !controlled
#else
	:: false
#endif
	:: else ->
		/* crr_session_add_line() */
		atomic {
			!lock;
			if
			:: IDLE ->
				forget();
				refs++;
				linked[1] = true;
				ended[1] = true
			:: else
			fi
		}
	fi;
	give(link_lock);
	put_ref();
	/* And it is closed, some time or never. */
	if
	:: true -> line_left(1)
	:: true -> keeps = true
	fi;
out:
	skip
}

active proctype monitor()
{
	byte i;

end_never:
	timeout;
	assert(!(asleep[0] || asleep[1]) ||
	       (state == recording && !room && controlled && !hung_up && !changing));
	assert(controlled || !IDLE || !(linked[0] || linked[1]));
	assert(is_active == (state != idle));
	/* Once all have gone. */
	assert(gone || keeps)
}

init {
	atomic {
		linked[0] = true;
		if
		:: true
		:: state = replaying
		:: state = idle; is_active = false
		fi;
		run grace();
		run closer();
		run op(0);
		if
		:: run controller(2, false); run op(1)
		:: run controller(2, false); run joiner()
		:: run controller(1, true)
		fi
	}
}
