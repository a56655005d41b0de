/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The relay buffer: operations reserve room and emit records, a controller
 * reads them, dies perhaps, and another takes over; STOP comes at any moment.
 *
 * Never: a record without room, a record lost, doubled, out of order or written
 * over while it is read; one after END; somebody asleep who has been given what
 * he waits for.
 *
 * A sub-buffer has 3 units, a record 1 or 2, and a buffer is as large as
 * crr_recorder_open() makes it for one line at least. It is filled as
 * far as it can be when nothing is under way. Then operations come: a read, a
 * write, and questions.
 *
 * models kmod/recorder.c crr_recorder_open 9729eefc
 * models kmod/recorder.c crr_oldest_end 6cbc7918
 * models kmod/recorder.c crr_recorder_retire d9e72ee0
 * models kmod/recorder.c crr_recorder_has_room 1ffb359f
 * models kmod/recorder.c crr_emit 428520c6
 * models kmod/recorder.c crr_recorder_stop 19bebb27
 * models kmod/recorder.c crr_recorder_admit c02f8b50
 * models kmod/recorder.c crr_recorder_resume 1d698cab
 * models kmod/recorder.c crr_recorder_finish e1c55d14
 * models kmod/recorder.c crr_recorder_cancel 7c4cd68e
 * models kmod/recorder.c crr_recorder_answer_done 545dcf62
 * models kmod/recorder.c crr_recorder_write_done 4cb9bff6
 * models kmod/recorder.c crr_recorder_peek b7557b88
 * models kmod/recorder.c crr_recorder_consume ee40b3c6
 * models kmod/controller.c crr_controller_readable 94633be1
 * models kmod/controller.c crr_controller_consume 1ac91063
 * models kmod/controller.c crr_controller_read a70f16b9
 * models kmod/ldisc.c crr_line_judge db207a14
 * models kmod/ldisc.c crr_line_wait f54cf251
 * models kmod/session.c crr_session_judge 6901a18d
 * models kmod/session.c crr_session_stop 3eaa17ba
 * models kmod/session.c crr_session_wake 0eb2c25f
 *
 * break ROOM assertion		admitted as long as a sub-buffer is free
 * break RESERVE assertion	admitted ones are not counted
 * break GENERATION assertion	an operation does not ask whether STOP came
 * break CONSUME assertion	given back before it is copied
 * break TAKEN assertion	a controller's death does not give back what it took
 * break UNREAD assertion	the reader is woken before it can see why
 * break QUEUE assertion	asleep without having looked again
 * break STARVED assertion	the reader wakes nobody
 * break FINISH assertion	an operation that needs no room wakes nobody
 * break STOP assertion		STOP wakes nobody
 */
#include "model.h"

#define SUBBUF	3
#define STANDING 3	/* 1 + (STREAM_END + END) / (SUBBUF - 2) */
#define N	7	/* 2 + STANDING + 2 */
#define OPS	4
#define READER	OPS	/* in the wait queues */
#define NONE	255

/* The buffer. Each record lies there as number and size, then its own number. */
byte number[SUBBUF * N];
byte size[SUBBUF * N];
byte padding[N];
byte produced, consumed, offset;

/* struct crr_recorder, struct crr_session */
bool lock;
byte reserved, read_offset, unread, taken, sequence;
bool starved;
bool recording = true;
byte generation;

bool queued[OPS + 1], woken[OPS + 1];
bool asleep[OPS];		/* where it ends if nobody comes */
byte judged;
bool cancelled;
byte filled;
bool many;
byte kept;			/* records of which no reader will hear again */
byte end = NONE;		/* the number of END */
bool waiting;			/* likewise: the reader */

#define OLDEST	(consumed % N)
#define OLDEST_END	(consumed == produced -> offset : SUBBUF - padding[OLDEST])

inline retire()
{
	do
	:: consumed != produced && read_offset == OLDEST_END ->
		consumed++;
		read_offset = 0
	:: else -> break
	od
}

#if defined(BREAK_ROOM)
#define HAS_ROOM	(1 + produced - consumed < N)
#elif defined(BREAK_RESERVE)
#define HAS_ROOM	(1 + produced - consumed + STANDING < N)
#else
#define HAS_ROOM	(1 + produced - consumed + STANDING + reserved < N)
#endif

inline wake_ops()
{
	wake(0); wake(1); wake(2); wake(3)
}

/* What the reader can see without the lock is done at last, and by itself. */
inline put(n)
{
	d_step {
		assert(end == NONE);
		if
		:: offset + n > SUBBUF ->
			padding[produced % N] = SUBBUF - offset;
			produced++;
			assert(produced - consumed < N);
			offset = 0
		:: else
		fi;
		number[(produced % N) * SUBBUF + offset] = sequence;
		size[(produced % N) * SUBBUF + offset] = n;
		if
		:: n == 2 -> number[(produced % N) * SUBBUF + offset + 1] = sequence
		:: else
		fi;
		offset = offset + n;
		sequence++
	}
}

/* An operation. Who is first to be judged has the lowest number. */
proctype op(byte me)
{
	byte mine;
	bool added;

	judged == me;
judge:
	atomic {
		!lock;
		judged = (added -> judged : judged + 1);
		retire();
		if
		:: !recording -> goto done
		:: recording && HAS_ROOM ->
			mine = generation;
			reserved++;
			goto admitted
		:: else -> starved = true
		fi;
		if
		:: added -> goto sleep
		:: else
		fi
	}
	add_wait(me);
	added = true;
#ifdef BREAK_QUEUE
	goto sleep;
#endif
	goto judge;
sleep:
	asleep[me] = true;
end_sleep:
	atomic { woken[me] -> woken[me] = false; asleep[me] = false };
	goto judge;

admitted:
	/* N_TTY's. It may take as long as it likes. */
	atomic {
		!lock;
#ifndef BREAK_GENERATION
		if
		:: mine != generation || !recording -> goto done
		:: else
		fi;
#endif
		reserved--;
		lock = true;
		if
		:: !cancelled -> cancelled = true; goto finish
		:: true
		fi;
		put(2);
#ifndef BREAK_UNREAD
		unread = unread + 2
#endif
	}
	wake(READER);
#ifdef BREAK_UNREAD
	unread = unread + 2;
#endif
finish:
	atomic {
#ifndef BREAK_FINISH
		retire();
		if
		:: starved && HAS_ROOM -> starved = false; wake_ops()
		:: else
		fi;
#endif
		lock = false
	}
done:
	true;
	d_step { remove_wait(me); woken[me] = false; mine = 0; added = false }
}

/*
 * A controller, and the one after it. It reads what is there, or, the second,
 * a record at a time, and may come to its end between any two calls: then what
 * it took is told again.
 */
proctype controller()
{
	byte next, at, n;
	bool second;

begin:
	next = kept;
read:
	atomic {
		!lock;
		/* crr_recorder_consume() */
		do
		:: taken ->
			kept++;
			n = size[OLDEST * SUBBUF + read_offset];
			read_offset = read_offset + n;
			unread = unread - n;
			taken = taken - n
		:: else -> break
		od;
		retire();
#ifndef BREAK_STARVED
		if
		:: starved && HAS_ROOM -> starved = false; wake_ops()
		:: else
		fi;
#endif
		/* crr_recorder_peek() */
		n = OLDEST_END - read_offset;
		at = OLDEST * SUBBUF + read_offset;
		if
		:: n && second -> n = size[at]
		:: else
		fi;
#ifdef BREAK_CONSUME
		read_offset = read_offset + n;
		unread = unread - n;
		retire();
#endif
		if
		:: n -> goto copy
		:: !n && !recording ->
			assert(end != NONE && next == end + 1);
			goto ends
		:: else
		fi
	}

	/* wait_event_interruptible() */
	add_wait(READER);
wait:
	if
	:: unread > taken || !recording -> remove_wait(READER); goto read
	:: else
	fi;
	waiting = true;
end_wait:
	atomic { woken[READER] -> woken[READER] = false; waiting = false };
	goto wait;

copy:
	true;
	/* Without the lock; but it lies where nobody writes. */
	d_step {
		assert(at == OLDEST * SUBBUF + read_offset);
		do
		:: n ->
			assert(number[at] == next);
			assert(size[at] == 1 || number[at + 1] == next);
			next++;
#ifndef BREAK_CONSUME
			taken = taken + size[at];
#endif
			n = n - size[at];
			at = at + size[at]
		:: else -> break
		od;
		at = 0
	}
	if
	:: goto read
	:: true
	fi;

	/* crr_session_orphan() */
	atomic {
		!lock;
#ifndef BREAK_TAKEN
		taken = 0;
#endif
		wake_ops()
	}
	if
	:: !second -> second = true; goto begin
	:: true
	fi;
ends:
	next = 0
}

/* STOP, by another thread: at any time, or never. */
proctype stopper()
{
	if
	:: true -> goto ends
	:: true
	fi;
	atomic {
		!lock;
		lock = true;
		put(1);
		put(1);
		unread = unread + 2;
		end = sequence - 1
	}
	wake(READER);
	atomic {
		generation++;
		recording = false;
#ifndef BREAK_STOP
		wake_ops();
#endif
		wake(READER);
		lock = false
	}
ends:
	skip
}

active proctype monitor()
{
	byte i;

end_never:
	timeout;
	do
	:: i < OPS ->
		assert(!asleep[i] || (recording && !HAS_ROOM));
		i++
	:: else -> break
	od;
	assert(!waiting || (recording && unread == taken))
}

init {
	atomic {
		/* Many operations and a controller that is stuck; or few. */
		if
		:: filled = N - STANDING - 1; many = true
		:: filled = N - STANDING - 1
		:: filled = N - STANDING
		fi;
		/* Each of 3 units. */
		do
		:: filled ->
			put(2);
			put(1);
			unread = unread + 3;
			filled--
		:: else -> break
		od;
		run stopper();
		run op(0);
		run op(1);
		if
		:: many -> run op(2); run op(3)
		:: else -> run controller()
		fi
	}
}
