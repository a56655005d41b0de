/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The relay buffer: for each line a sub-buffer is set aside for a read and one for
 * a write, and queries reserve theirs; operations begin without the lock as long
 * as the session is ready; a controller reads, dies perhaps, and another takes over;
 * a checkpoint ends, and hangup and STOP come, at any moment.
 *
 * Never: a record without buffer space, a record lost, doubled, out of order or
 * overwritten while it is read; one after END, or after its stream's; somebody
 * asleep who could have what he waits for.
 *
 * A sub-buffer has 3 units, a record 1 or 2, what precedes it 1. The buffer is
 * smaller than crr_buffer_open() makes one for two lines: if one sub-buffer more is
 * begun, no operation may. Reads and writes that are not run could come at any
 * time: their sub-buffers are never used.
 *
 * models kmod/buffer.c crr_buffer_open c99fdda8
 * models kmod/buffer.c crr_oldest_end 366fd6a4
 * models kmod/buffer.c crr_buffer_retire 8b944371
 * models kmod/buffer.c crr_buffer_has_space f06d03e1
 * models kmod/buffer.c crr_buffer_update_ready bc5b3f07
 * models kmod/buffer.c crr_buffer_wake_waiting 36288e51
 * models kmod/buffer.c crr_buffer_switch d6cbacd0
 * models kmod/buffer.c crr_emit 676c4979
 * models kmod/buffer.c crr_buffer_peek 8a61741e
 * models kmod/buffer.c crr_buffer_consume 4993c620
 * models kmod/recorder.h crr_recorder_is_ready a9cb0a72
 * models kmod/recorder.c crr_emit_done 607c76f0
 * models kmod/recorder.c crr_stream_leave 10b503f0
 * models kmod/recorder.c crr_recorder_stop 19bebb27
 * models kmod/recorder.c crr_recorder_line_left b9bf8ebf
 * models kmod/recorder.c crr_recorder_hangup_seen abe63e4a
 * models kmod/recorder.c crr_recorder_checkpoint 9476082f
 * models kmod/recorder.c crr_recorder_decide 6fe26e07
 * models kmod/recorder.c crr_recorder_resume 0db42776
 * models kmod/recorder.c crr_recorder_finish 2ca9d4b3
 * models kmod/recorder.c crr_recorder_cancel 9b56bf62
 * models kmod/recorder.c crr_recorder_found_nothing 5f7eb840
 * models kmod/recorder.c crr_recorder_read_done 5649da3b
 * models kmod/recorder.c crr_recorder_answer_done 6a74354c
 * models kmod/recorder.c crr_recorder_write_done c2f0f2cd
 * models kmod/controller.c crr_controller_readable 94633be1
 * models kmod/controller.c crr_controller_read 999c2f8d
 * models kmod/line.c crr_line_wait ae15ce30
 * models kmod/operation.h crr_operation_begin 68a8fdf4
 * models kmod/operation.h crr_operation_end 716f95a8
 * models kmod/operation.c crr_operation_decide e6aa6245
 * models kmod/operation.c crr_session_decide b924ca71
 * models kmod/read.c crr_session_read 50d14c5e
 * models kmod/read.c crr_asking_read 4213b5f1
 * models kmod/write.c crr_asking_write 2b7706ad
 * models kmod/write.c crr_record_write 972c68a8
 * models kmod/run.c crr_session_stop 799af96e
 * models kmod/state.c crr_session_set_state 580b1394
 * models kmod/state.c crr_session_wake 50f6465b
 * models kmod/state.c crr_session_wake_lines d3685fca
 *
 * break STANDING assertion	nothing is set aside for what cannot wait
 * break WAYS assertion		nor for reads and writes
 * break RESERVE assertion	a query reserves nothing
 * break SWITCH assertion	another sub-buffer is begun, and the session stays ready
 * break UPDATE assertion	it is ready again without buffer space
 * break UNREADY assertion	it stays ready when a stream has ended
 * break ENDED assertion	or becomes ready again
 * break FLIGHT assertion	a stream ends while something is under way on it
 * break SEEN assertion		a hangup looks for operations, and then clears ready
 * break COUNT assertion		an operation looks at ready, and then counts itself
 * break RESUME assertion	an operation does not ask whether STOP came
 * break CHECKPOINT assertion	what a checkpoint's end has logged is logged again
 * break CONSUME assertion	given back before it is copied
 * break TAKEN assertion	a controller's death does not give back what it took
 * break UNREAD assertion	the reader is woken before it can see why
 * break QUEUE assertion	asleep without having looked again
 * break WAITING assertion	the reader wakes nobody
 * break FINISH assertion	nor does a query's end
 * break STOP assertion		nor does STOP
 */
#include "model.h"

#define SUBBUF	3
#define STANDING 1	/* crr_buffer_open() sets aside at least as much */
#define WAYS	4	/* reads and writes of the two lines */
#define OPS	6	/* and two queries of the second line */
#define READER	OPS	/* in the wait queues */
#define N	(STANDING + WAYS + 2)
#define NONE	255
#define LINE(me) ((me) > 1)
#define ASKS(me) ((me) >= WAYS)

/* The buffer. Each record lies there as number and size, then its own number. */
byte number[SUBBUF * N];
byte size[SUBBUF * N];
byte padding[N];
byte produced, consumed, offset;

/* struct crr_recorder, struct crr_session */
bool lock;
byte queries, read_offset, unread, taken, sequence;
bool ready, space_wanted;
bool recording = true;
bool gated;
/* struct crr_stream, struct crr_line */
bool ended[2], hangup_seen;
byte in_flight;			/* on the second line */
bool took;			/* by the read in flight, not logged yet */

bool queued[OPS + 1], woken[OPS + 1];
bool asleep[OPS];		/* where it ends if nobody comes */
byte idle;			/* reads and writes that are not run */
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

#if defined(BREAK_STANDING)
#define RESERVED	(WAYS + queries)
#elif defined(BREAK_WAYS)
#define RESERVED	(STANDING + queries)
#else
#define RESERVED	(STANDING + WAYS + queries)
#endif
#define HAS_ROOM	(1 + produced - consumed + RESERVED < N)

inline wake_ops()
{
	wake(0); wake(1); wake(2); wake(3); wake(4); wake(5)
}

/* crr_emit() */
inline put(n)
{
	d_step {
		assert(end == NONE);
		if
		:: offset + n > SUBBUF ->
			padding[produced % N] = SUBBUF - offset;
			produced++;
			assert(produced - consumed + idle < N);
			offset = 0;
#ifndef BREAK_SWITCH
			ready = false
#endif
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

/* crr_stream_leave() */
inline leave(line)
{
	d_step {
		assert(!ended[line]);
		put(1);
		ended[line] = true;
#ifndef BREAK_UNREADY
		ready = false
#endif
	}
}

inline wake_waiting()
{
	retire();
	if
	:: space_wanted && HAS_ROOM -> space_wanted = false; wake_ops()
	:: else
	fi
}

/* crr_recorder_finish() */
inline finish(me)
{
	if
	:: ASKS(me) ->
#ifndef BREAK_RESERVE
		queries--;
#endif
#ifndef BREAK_FINISH
		wake_waiting()
#endif
	:: else
	fi;
	/* crr_buffer_update_ready() */
	retire();
	if
#ifdef BREAK_ENDED
	:: recording && !gated && HAS_ROOM ->
#elif defined(BREAK_UPDATE)
	:: recording && !gated && !hangup_seen && !ended[0] && !ended[1] ->
#else
	:: recording && !gated && HAS_ROOM && !hangup_seen && !ended[0] &&
	   !ended[1] ->
#endif
		ready = true
	:: else
	fi
}

#ifdef BREAK_CHECKPOINT
#define LOGGED(me)	false
#else
#define LOGGED(me)	(me == 0 && gated && !took)
#endif

proctype op(byte me; byte rounds)
{
	bool added;

begin:
	/* crr_operation_begin(), crr_recorder_is_ready() */
#ifndef BREAK_COUNT
	atomic { in_flight = in_flight + LINE(me); rounds-- };
	if
	:: !ASKS(me) && ready -> goto admitted
	:: else
	fi;
#else
	rounds--;
	if
	:: !ASKS(me) && ready -> in_flight = in_flight + LINE(me); goto admitted
	:: else -> in_flight = in_flight + LINE(me)
	fi;
#endif
decide:
	atomic {
		!lock;
		retire();
		if
		:: !recording || ended[LINE(me)] -> goto done
		:: recording && !ended[LINE(me)] && HAS_ROOM ->
#ifndef BREAK_RESERVE
			queries = queries + ASKS(me);
#endif
			goto admitted
		:: else -> space_wanted = true
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
	goto decide;
sleep:
	asleep[me] = true;
end_sleep:
	atomic { woken[me] -> woken[me] = false; asleep[me] = false };
	goto decide;

admitted:
	/* N_TTY's. It may take as long as it likes. */
	if
	:: me == 0 && gated -> took = recording
	:: else
	fi;
	atomic {
		!lock;
#ifndef BREAK_RESUME
		if
		:: !recording -> goto done
		:: else
		fi;
#endif
		lock = true;
		if
		/* A checkpoint's end may have logged it. */
		:: LOGGED(me) -> goto finishes
		:: !LOGGED(me)
		/* Nothing was found, or done, and nobody is told. */
		:: !gated -> goto finishes
		/* crr_recorder_found_nothing() */
		:: !gated && !ASKS(me) -> lock = false; goto done
		fi;
		took = false;
		assert(!ended[LINE(me)]);
		/* Before the record of an operation. */
		if
		:: me == 2 && gated -> put(1)
		:: else
		fi;
		put(2);
#ifndef BREAK_UNREAD
		unread = unread + 2 + (me == 2 && gated)
#endif
	}
	wake(READER);
#ifdef BREAK_UNREAD
	unread = unread + 2 + (me == 2 && gated);
#endif
finishes:
	atomic { finish(me); lock = false };
done:
	true;
	d_step {
		remove_wait(me);
		woken[me] = false;
		added = false;
		in_flight = in_flight - LINE(me)
	}
	if
	:: rounds -> goto begin
	:: else
	fi
}

/* A checkpoint's end logs what a read has taken whose user lets it wait. */
proctype checkpoint()
{
	atomic {
		!lock;
		if
		:: recording && took ->
			took = false;
			put(2);
			unread = unread + 2;
			wake(READER)
		:: else
		fi
	}
}

/* The second line is hung up: its emulator has seen it, or it is closed. */
proctype hangup()
{
	atomic {
		!lock;
		if
		:: !recording -> goto out
		:: else -> lock = true
		fi
	}
	/* crr_recorder_hangup_seen() */
	hangup_seen = true;
#if !defined(BREAK_UNREADY) && !defined(BREAK_SEEN)
	ready = false;
#endif
	if
#ifndef BREAK_FLIGHT
	:: in_flight
	:: !in_flight ->
#else
	:: true ->
#endif
#ifdef BREAK_SEEN
		ready = false;
#endif
		atomic { leave(1); unread++; wake(READER) }
	fi;
	lock = false;
	/* The tty core closes the line. */
	/* crr_recorder_line_left() */
end_close:
	atomic {
		!lock && !in_flight;
		if
		:: recording && !ended[1] ->
			leave(1);
			unread++;
			wake(READER)
		:: else
		fi
	}
out:
	skip
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
		/* crr_buffer_consume() */
		do
		:: taken ->
			kept++;
			n = size[OLDEST * SUBBUF + read_offset];
			read_offset = read_offset + n;
			unread = unread - n;
			taken = taken - n
		:: else -> break
		od;
#ifndef BREAK_WAITING
		wake_waiting();
#endif
		/* crr_buffer_peek() */
		retire();
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

	/* crr_session_controller_gone() */
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
		if
		:: !ended[0] -> leave(0); unread++
		:: else
		fi;
		if
		:: !ended[1] -> leave(1); unread++
		:: else
		fi;
		put(1);
		unread++;
		end = sequence - 1
	}
	wake(READER);
	atomic {
		recording = false;
		ready = false;
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
		/* One that is full, or none. */
		if
		:: put(2); put(1); unread = 3
		:: true
		fi;
		run stopper();
		if
		:: ready = true
		:: true
		:: gated = true
		fi;
		idle = WAYS - 2;
		if
		:: !gated -> run op(0, 1); run op(1, 1); run controller()
		:: !gated -> run op(0, 1); run op(2, 1); run op(4, 1);
			run hangup()
		:: !gated -> run op(0, 2); run op(1, 2)
		:: !gated -> idle++; run op(2, 1); run op(4, 1); run op(5, 1)
		:: gated -> run op(0, 1); run op(2, 1); run op(4, 1);
			run checkpoint()
		fi
	}
}
