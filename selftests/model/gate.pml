/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: checkpoints, reads of two lines, an END of somebody else, and STOP.
 *
 * Never: a byte taken in a checkpoint and not logged when its end returns, or
 * still to be seen then, or logged with another counter, or in another order
 * than its read has them; more bytes than were allowed, or another number told;
 * an end that waits for the user's copy; a read asleep before an open gate with
 * something behind it.
 *
 * models kmod/gate.c crr_gate_set d6372226
 * models kmod/gate.c crr_gate_start 141e6b6c
 * models kmod/gate.c crr_gate_hides 5891a0cd
 * models kmod/gate.c crr_gate_enter 87baf78d
 * models kmod/gate.c crr_gate_leave 5bd3eb09
 * models kmod/gate.c crr_gate_log 70d7d58f
 * models kmod/gate.c crr_gate_returned 7e6ba6ad
 * models kmod/checkpoint.c crr_session_checkpoint_begin e6c671ab
 * models kmod/checkpoint.c crr_session_checkpoint_end be32c6c7
 * models kmod/read.c crr_gated_piece 1b7dc6f1
 * models kmod/read.c crr_record_read 6bcfde53
 * models kmod/read.c crr_read_decide dadae92e
 * models kmod/read.c crr_gated_sleep 3a3a5cd1
 * models kmod/read.c crr_session_read 50d14c5e
 * models kmod/read.c crr_asking_read 4213b5f1
 * models kmod/recorder.c crr_recorder_decide 6fe26e07
 * models kmod/recorder.c crr_recorder_read_done 5649da3b
 * models kmod/recorder.c crr_recorder_checkpoint 9476082f
 * models kmod/recorder.c crr_recorder_cancel 9b56bf62
 * models kmod/recorder.c crr_recorder_finish 2ca9d4b3
 * models kmod/state.c crr_session_sample 32104e6f
 * models kmod/state.c crr_session_set_counter f75bf81b
 * models kmod/state.c crr_session_wake_lines d3685fca
 *
 * break WINDOW assertion	a read goes on in the next checkpoint
 * break BUSY assertion		the end does not wait for calls of N_TTY
 * break COPY assertion		... and waits for the user, too
 * break IDLE assertion		the last call wakes nobody
 * break COUNTER assertion	the counter moves in a checkpoint
 * break LOGGED assertion	what the end has logged is logged again
 * break LEFT assertion		what may be taken is counted too late
 * break RETURNED assertion	what is given back is given to nobody
 * break SEEN assertion		nor what a read gives back that has found nothing
 * break BEGIN assertion	BEGIN wakes nobody
 * break ENDING assertion	two end the same checkpoint, or one the next
 */
#include "model.h"

#define LINES	2
#define CALLER	LINES		/* in the wait queues */
#define OTHER	(LINES + 1)	/* somebody else who calls END */
#define MAX	2		/* bytes that may be taken */
#define CHECKPOINTS 2

/* session->lock and gate->lock are each held for one atomic step. */
bool queued[LINES + 2], woken[LINES + 2];

/* struct crr_session, struct crr_gate */
bool recording = true;
byte generation;
byte counter;
bool begun, ending, open, returned;
byte window, left, busy, consumed;

/* Of each line: what N_TTY has, stream->taken, and the read's bytes. */
byte there[LINES];
byte taken[LINES];
byte done[LINES];
byte held[LINES];		/* given by N_TTY, not logged */

/* When they were taken: the counter that the emulator then stood at. */
byte stands;			/* the emulator's own counter */
byte stamp[LINES];
bool asleep[LINES];
bool copies;			/* for ever */
bool ended = true, thinks;	/* the caller: in no checkpoint, or in no end of one */
byte got;			/* in this checkpoint */

#define HIDES	(!open || !left)

inline wake_lines()
{
	wake(0); wake(1)
}

/* crr_recorder_finish(). */
inline finish()
{
#ifndef BREAK_RETURNED
	if
	:: returned -> returned = false; wake_lines()
	:: else
	fi
#else
	returned = false
#endif
}

/* The log gets a read's first n bytes. */
inline log(which, count)
{
	assert(count == done[which] && count == held[which]);
	assert(counter == stamp[which]);
	held[which] = 0
}

proctype reader(byte me; bool nowait)
{
	byte mine, my_window, asked, n, pieces;
	bool added;

decide:
	atomic {
		if
		:: !recording -> goto passed
		:: recording && HIDES && nowait -> goto passed
		:: recording && HIDES && !nowait ->
			if
			:: added -> goto sleep
			:: else -> goto add
			fi
		:: else ->
			mine = generation;
			my_window = window;
			if
			/* N_TTY's poll; as this is one, it is part of it. */
			:: !there[me] && !nowait && added -> goto sleep
			:: !there[me] && !nowait && !added -> goto add
			:: else
			fi
		fi
	}
piece:
	/* crr_gate_enter() */
	atomic {
		busy++;
		asked = 2 - pieces;
#ifdef BREAK_WINDOW
		if
		:: !open -> asked = 0
		:: else
		fi;
#else
		if
		:: !open || window != my_window -> asked = 0
		:: else
		fi;
#endif
		asked = (asked < left -> asked : left);
#ifndef BREAK_LEFT
		left = left - asked;
#endif
	}
	/* N_TTY */
	atomic {
		n = (asked < there[me] -> asked : there[me]);
		there[me] = there[me] - n;
		if
		:: n -> stamp[me] = stands
		:: else
		fi;
		done[me] = done[me] + n;
		held[me] = held[me] + n
	}
#ifdef BREAK_COPY
	if
	:: true
	:: !me -> goto end_copy
	fi;
#endif
	/* crr_read_seen(): that nothing was found belongs to the checkpoint, too. */
	if
	:: nowait && !n && !pieces -> atomic { finish() }
	:: else
	fi;
	/* crr_gate_leave() */
	atomic {
#ifdef BREAK_LEFT
		left = left - (n < left -> n : left);
#else
		returned = returned || (!left && asked > n);
		left = left + asked - n;
#endif
		consumed = consumed + n;
		got = got + n;
		taken[me] = taken[me] + n;
		busy--;
#ifndef BREAK_IDLE
		if
		:: !busy -> wake(CALLER); wake(OTHER)
		:: else
		fi
#endif
	}
	if
	:: !n && !pieces && nowait ->
#ifndef BREAK_SEEN
		atomic { finish() };
#endif
		goto passed
	:: !n && !pieces && !nowait ->
		/* Flushed, or shut, meanwhile: crr_recorder_cancel() */
		atomic { finish(); goto decide }
	:: else
	fi;
	/* The core copies, for as long as the user pleases, and calls again. */
	if
	:: true
	:: !me -> goto end_copy
	fi;
	pieces = pieces + n;
	if
	:: me && n && pieces < 2 -> goto piece
	:: else
	fi;

	/* crr_recorder_read_done() */
	atomic {
		if
		:: recording && mine == generation ->
#ifdef BREAK_LOGGED
			n = done[me];
			log(me, pieces);
#else
			n = taken[me];
			if
			:: n -> log(me, n)
			:: else
			fi;
#endif
			taken[me] = 0;
			finish()
		:: else
		fi
	}
	goto passed;

add:
	add_wait(me);
	added = true;
	goto decide;
sleep:
	asleep[me] = true;
end_sleep:
	atomic { woken[me] -> woken[me] = false; asleep[me] = false };
	goto decide;
end_copy:
	copies = true;
end_copies:
	false;
passed:
	true;
	d_step {
		mine = 0;
		my_window = 0;
		asked = 0;
		n = 0;
		pieces = 0;
		added = false;
		queued[me] = false;
		woken[me] = false
	}
}

/*
 * CHECKPOINT_END: ok, unless there is none that is not being ended. n and mine
 * are the caller's own.
 */
inline end_checkpoint(who, ok, mine, n)
{
	atomic {
		if
		:: !recording -> ok = true; goto stopped
#ifdef BREAK_ENDING
		:: recording && !begun -> ok = false; goto stopped
#else
		:: recording && (!begun || ending) -> ok = false; goto stopped
#endif
		:: else
		fi;
		mine = generation;
		ending = true;
		open = false;
		left = 0;
		window++
	}
#ifndef BREAK_BUSY
	add_wait(who);
wait:
	if
	:: !busy
	:: else -> woken[who] -> woken[who] = false; goto wait
	fi;
	remove_wait(who);
#endif
	atomic {
		if
		:: mine == generation && begun ->
			/* crr_recorder_checkpoint() */
			n = 0;
			do
			:: n < LINES && taken[n] ->
				log(n, taken[n]);
				taken[n] = 0;
				n++
			:: n < LINES && !taken[n] -> n++
			:: else -> break
			od;
			n = 0;
			assert(consumed == got && got <= MAX);
			/* It returns: nothing is left, nothing to be seen. */
			assert(!held[0] && !held[1] && !open);
			begun = false;
			ending = false
		:: else
		fi;
		mine = 0;
		ok = true
	}
stopped:
	skip
}

/* The thread that moves the counter. */
proctype caller()
{
	byte round, mine, n;
	bool ok;

	do
	:: round < CHECKPOINTS ->
		stands++;
		/* CHECKPOINT_BEGIN */
		atomic {
			if
			:: !recording -> break
			:: else
			fi;
			assert(!begun);
			counter = stands;
			begun = true;
			consumed = 0;
			got = 0;
			ended = false;
			open = true;
			left = MAX;
			window++;
#ifndef BREAK_BEGIN
			wake_lines()
#endif
		}
		/* It may think for ever. */
		if
		:: true
		:: round == CHECKPOINTS - 1 -> thinks = true; goto end_thinks
		fi;
		end_checkpoint(CALLER, ok, mine, n);
		/* Somebody else ends it, or has: the two agree when. */
		if
		:: ok
		:: else -> !begun || !recording
		fi;
		ended = true;
		round++
	:: else -> break
	od;
	ended = true;
	goto out;
end_thinks:
	false;
out:
	skip
}

/* STOP, or another END, or whoever looks at the counter; at any time. */
proctype stopper()
{
	byte mine, n;
	bool ok;

	if
	:: true
	:: true -> end_checkpoint(OTHER, ok, mine, n)
	:: true ->
		/* crr_session_sample() */
		atomic {
			if
#ifdef BREAK_COUNTER
			:: begun -> counter++
#else
			:: begun
#endif
			:: else -> counter = stands
			fi
		}
	:: true ->
		atomic {
			generation++;
			begun = false;
			ending = false;
			open = false;
			left = 0;
			window++;
			taken[0] = 0;
			taken[1] = 0;
			recording = false;
			wake_lines()
		}
	fi
}

proctype device()
{
	there[1] = 2;
	wake(1)
}

active proctype monitor()
{
	byte i;

end_never:
	timeout;
	do
	:: i < LINES ->
		/* A read may keep back what it returned until its user lets it. */
		assert(!asleep[i] || (returned && copies) ||
		       (recording && (HIDES || !there[i])));
		i++
	:: else -> break
	od;
	assert(ended || thinks)
}

init {
	atomic {
		if
		:: there[0] = 1; run reader(0, false)
		:: run reader(0, true)
		fi;
		run reader(1, false);
		run caller();
		/* Input comes late, or STOP comes, or whoever looks. */
		if
		:: run device()
		:: there[1] = 2; run stopper()
		fi
	}
}
