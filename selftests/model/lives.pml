/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lifetimes: a session, its line, its fd, the operations under way, and those
 * who join and take over.
 *
 * Never: a session used after it was freed, or never freed; a line closed, or
 * parted from its session, and its stream told no end, or two, or one after the
 * log's; a recording's idle orphan kept; somebody asleep whose session has
 * failed, or who has nothing to wait for.
 *
 * models kmod/session.c crr_session_add_line 6dda10c0
 * models kmod/session.c crr_session_remove_line fb4915cb
 * models kmod/session.c crr_session_depart be2d27c8
 * models kmod/session.c crr_session_dissolve 510554e4
 * models kmod/session.c crr_session_disband 49a46513
 * models kmod/session.c crr_session_control 7a6ad8ee
 * models kmod/session.c crr_session_join abf5609e
 * models kmod/session.c crr_session_orphan 4595ec0f
 * models kmod/session.c crr_session_line_left 3f607b2b
 * models kmod/session.c crr_session_destroy a4a5362d
 * models kmod/session.c crr_session_judge a3ebf9c8
 * models kmod/session.c crr_session_stop e7c2c58d
 * models kmod/session.c crr_session_nudge 7ed62d8b
 * models kmod/recorder.c crr_stream_leave fa5d6b93
 * models kmod/recorder.c crr_recorder_stop 19bebb27
 * models kmod/recorder.c crr_recorder_line_left b9bf8ebf
 * models kmod/recorder.c crr_recorder_hangup_seen 0eb4af72
 * models kmod/recorder.c crr_recorder_admit c27e71e9
 * models kmod/controller.c crr_controller_session 141ce812
 * models kmod/ldisc.c crr_line_enter af1410cf
 * models kmod/ldisc.c crr_line_leave 463cd002
 * models kmod/ldisc.c crr_ldisc_close c6c5de91
 * models kmod/ldisc.c crr_ldisc_hangup 92ac2cc9
 * models kmod/ldisc.c crr_line_wait f54cf251
 * models kmod/ldisc.c crr_line_nudge e0e12f84
 *
 * break DEPART assertion	a session is given up with operations in flight
 * break LAST assertion		the last operation gives nothing up
 * break AGAIN assertion	who puts it back does not look again
 * break DISBAND assertion	an operation that finds an idle orphan keeps it
 * break FLIGHT assertion	a hangup is told while an operation is under way
 * break ENDED assertion	a stream's end is told again
 * break CONTROLLED assertion	JOIN into a session whose fd has been closed
 * break DISSOLVE assertion	an idle orphan is kept
 * break LINK assertion		a line leaves without the lock of who belongs to whom
 * break ORPHAN assertion	a controller's death wakes nobody
 * break HANGUP assertion	nor does a hangup
 */
#include "model.h"

#define OPS	2
#define LINES	2

/* The session, ours: the line 0 is in it from the beginning. */
bool link_lock;			/* session->lock is held for an atomic step */
byte refs = 2;			/* fd, and line 0 */
bool freed;
bool controlled = true;
bool recording = true, failed;
bool replaying;			/* all is fed; then comes the device */
bool room;			/* for records */
byte unread;
/* Each line: its discipline, and its stream's part in the log. */
bool attached[LINES] = true;
bool linked[LINES];		/* line->stream, and stream->line */
bool ended[LINES];
byte inflight;			/* on line 0, as it is counted */
byte inside;			/* as many hold its ldisc semaphore */
bool departed;			/* line 0 keeps the session so */
bool changing;			/* whoever closes line 0 wants it alone */
bool hung_up;
bool log_ended;
bool keeps;			/* somebody goes on holding what he has */
byte begun;			/* who comes first has the lowest number */
bool queued[OPS], woken[OPS], asleep[OPS];

#define IDLE	(!recording && !replaying && !failed && !unread)	/* and nothing to tell */
#ifdef BREAK_ENDED
#define TO_END(line) true
#else
#define TO_END(line) (!ended[line])
#endif
#ifdef BREAK_FLIGHT
#define QUIET	true
#else
#define QUIET	(!inflight)
#endif

inline put_ref()
{
	d_step {
		assert(refs && !freed);
		refs--;
		freed = !refs
	}
}

#define wake_line()	d_step { wake(0); wake(1) }

/* crr_stream_leave(). The last that a stream tells. */
inline leave(line)
{
	d_step {
		assert(!ended[line] && !log_ended && recording);
		ended[line] = true;
		unread++
	}
}

/* link_lock and lock are held: crr_session_remove_line() */
inline remove_line(line)
{
	d_step {
		assert(!freed && linked[line]);
		linked[line] = false
	}
}

/* crr_session_depart() of line 0: takes the list, and perhaps puts it back. */
inline depart()
{
	do
	:: atomic { !departed -> break }
	:: atomic { departed -> departed = false };
#ifndef BREAK_DEPART
		if
		:: inflight
		:: else -> put_ref(); break
		fi;
		departed = true;
#ifdef BREAK_AGAIN
		break
#else
		if
		:: inflight -> break
		:: else
		fi
#endif
#else
		put_ref();
		break
#endif
	od
}

/* link_lock is held. */
inline dissolve()
{
	/* Nothing is in flight on line 1. */
	atomic {
		if
		:: linked[1] -> remove_line(1); put_ref()
		:: else
		fi
	}
	if
	:: linked[0] ->
		atomic { remove_line(0); departed = true };
		if
#ifndef BREAK_DEPART
		:: inflight
#endif
		:: else -> depart()
		fi
	:: else
	fi
}

proctype op(byte me)
{
	bool added;

	/* tty_ldisc_ref(), crr_line_enter() */
	atomic {
		begun == me;
		begun++;
		if
		:: !attached[0] || changing || hung_up -> goto out
		:: else -> inside++; inflight++
		fi
	}
	/* line->engaged */
	if
	:: linked[0] && (recording || replaying || failed)
	:: else -> goto leaves
	fi;
judge:
	atomic {
		assert(!freed);
		/* crr_session_go_live() */
		replaying = false;
		if
		:: !recording && !failed && !controlled -> goto disband
		:: !recording && (failed || controlled) || ended[0] -> goto done
		:: recording && !ended[0] && room -> goto admitted
		:: recording && !ended[0] && !room && !controlled ->
			/* CRR_RECORD_FAIL_ORPHAN */
			recording = false;
			failed = true;
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
	goto judge;
add:
	atomic { add_wait(me); added = true; goto judge };
admitted:
	atomic {
		assert(!freed);
		if
		:: recording -> assert(!ended[0]); unread = 1
		:: else
		fi
	}
	goto done;
disband:
	take(link_lock);
	assert(!freed);
#ifndef BREAK_DISBAND
	if
	:: !controlled && IDLE -> dissolve()
	:: else
	fi;
#endif
	give(link_lock);
done:
	true;
	d_step { remove_wait(me); woken[me] = false };
leaves:
	/* crr_line_leave() */
	inflight--;
	if
#ifndef BREAK_LAST
	:: !inflight && departed -> depart()
#endif
	:: else
	fi;
	inside--;
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
				if
			:: recording && TO_END(line) -> leave(line)
			:: else
			fi;
			remove_line(line)
		}
		if
		:: !controlled && !linked[0] && !linked[1] -> dissolve()
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
						if
				:: recording && linked[0] && TO_END(0) && QUIET ->
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

/* Holds the session fd: reads, stops, joins another line, closes it, or dies. */
proctype controller()
{
	if
	:: true
	:: true ->
		/* crr_session_stop() */
		atomic {
				if
			:: recording ->
				if
				:: !ended[0] -> leave(0)
				:: else
				fi;
				log_ended = true;
				unread = 1;
				recording = false;
				wake_line()
			:: else
			fi
		}
	fi;
	if
	:: true
	:: true -> atomic { unread = 0; room = true; wake_line() }
	fi;
	if
	:: true -> keeps = true; goto out
	:: true
	fi;
	/* crr_session_orphan() */
	take(link_lock);
	atomic {
		controlled = false;
#ifndef BREAK_ORPHAN
		wake_line()
#endif
	}
	if
#ifndef BREAK_DISSOLVE
	:: (!linked[0] && !linked[1]) || IDLE -> dissolve()
#endif
	:: else
	fi;
	give(link_lock);
	put_ref();
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
				if
			:: IDLE -> refs++; linked[1] = true; ended[1] = true
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
	       (recording && !room && controlled && !hung_up && !changing));
	assert(controlled || !IDLE || !(linked[0] || linked[1]));
	/* Once all have gone. */
	assert(freed || keeps);
	assert(!departed)
}

init {
	atomic {
		linked[0] = true;
		if
		:: true
		:: recording = false; replaying = true
		fi;
		run closer();
		run controller();
		run op(0);
		if
		:: run op(1)
		:: run joiner()
		fi
	}
}
