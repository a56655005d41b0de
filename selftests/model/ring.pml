/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The relay buffer: streams keep room for their next record, questions have
 * theirs, operations emit, also in each other's place at a checkpoint's end; a
 * controller reads, dies perhaps, and another takes over; hangup and STOP come
 * at any moment.
 *
 * Never: a record without room, a record lost, doubled, out of order or written
 * over while it is read; one after END, or after its stream's; less room than
 * was promised; somebody asleep who could have what he waits for.
 *
 * A sub-buffer has 3 units, a record 1 or 2, what precedes it 1, and a buffer is
 * as large as crr_recorder_open() makes it for two lines at least. It is filled
 * as far as it can be when nothing is under way. Then operations come: reads and
 * writes of the first line, a write of the second, a question.
 *
 * models kmod/recorder.c crr_recorder_open 9729eefc
 * models kmod/recorder.c crr_oldest_end 366fd6a4
 * models kmod/recorder.c crr_recorder_retire d9e72ee0
 * models kmod/recorder.c crr_recorder_has_room 1ffb359f
 * models kmod/recorder.c crr_stream_has_room 81723b68
 * models kmod/recorder.c crr_stream_take_room 8744ce84
 * models kmod/recorder.c crr_stream_give_room 69516444
 * models kmod/recorder.c crr_emit_switch 47d5fee7
 * models kmod/recorder.c crr_emit_inline bf8e0ef0
 * models kmod/recorder.c crr_emit_done dd22b685
 * models kmod/recorder.c crr_stream_leave fa5d6b93
 * models kmod/recorder.c crr_recorder_stop 19bebb27
 * models kmod/recorder.c crr_recorder_line_left b9bf8ebf
 * models kmod/recorder.c crr_recorder_hangup_seen 0eb4af72
 * models kmod/recorder.c crr_recorder_checkpoint 9476082f
 * models kmod/recorder.c crr_recorder_admit c27e71e9
 * models kmod/recorder.c crr_recorder_resume b9dbda36
 * models kmod/recorder.c crr_stream_prepare cb1b9d8e
 * models kmod/recorder.c crr_recorder_wake_starved ae1f1a94
 * models kmod/recorder.c crr_recorder_seek_room 0039bc78
 * models kmod/recorder.c crr_recorder_finish c048ec03
 * models kmod/recorder.c crr_recorder_finish_question c13b5fda
 * models kmod/recorder.c crr_recorder_cancel 816480ba
 * models kmod/recorder.c crr_recorder_delivered a093b5be
 * models kmod/recorder.c crr_recorder_answer_done 614aacd5
 * models kmod/recorder.c crr_recorder_write_done 1bd742e9
 * models kmod/recorder.c crr_recorder_peek b7557b88
 * models kmod/recorder.c crr_recorder_consume ee40b3c6
 * models kmod/crr.h crr_recorder_is_ready 4d2b6743
 * models kmod/controller.c crr_controller_readable 94633be1
 * models kmod/controller.c crr_controller_consume 1ac91063
 * models kmod/controller.c crr_controller_read 4207fc24
 * models kmod/ldisc.c crr_line_judge db207a14
 * models kmod/ldisc.c crr_line_wait f54cf251
 * models kmod/ldisc.c crr_record_write a3fe6413
 * models kmod/ldisc.c crr_engaged_read b0e0db53
 * models kmod/ldisc.c crr_engaged_write 24d048a4
 * models kmod/session.c crr_session_judge a3ebf9c8
 * models kmod/session.c crr_session_stop e7c2c58d
 * models kmod/session.c crr_session_unready 54fc1878
 * models kmod/session.c crr_session_wake 50f6465b
 * models kmod/session.c crr_session_wake_lines d3685fca
 *
 * break ROOM assertion		nothing is set aside
 * break RESERVE assertion	what is reserved is not counted
 * break PAY assertion		room that was used up is kept
 * break CHECKPOINT assertion	the end of a checkpoint uses room that nobody pays
 * break READY assertion	a stream without room is ready
 * break UNREADY assertion	it stays ready when it has ended
 * break FLIGHT assertion	it ends while something is under way
 * break RESUME assertion	an operation does not ask whether STOP came
 * break CONSUME assertion	given back before it is copied
 * break TAKEN assertion	a controller's death does not give back what it took
 * break UNREAD assertion	the reader is woken before it can see why
 * break LEAVE assertion	a stream that leaves wakes nobody
 * break QUEUE assertion	asleep without having looked again
 * break STARVED assertion	the reader wakes nobody
 * break FINISH assertion	nor does an operation's end
 * break STOP assertion		nor does STOP
 */
#include "model.h"

#define SUBBUF	3
#define STANDING 4	/* 1 + (2 * STREAM_END + END) / (SUBBUF - 2) */
#define N	10	/* 2 * 2 + STANDING + 2 */
#define WAYS	4	/* reads and writes of the two lines */
#define QUESTION 3	/* of the second line, whose reads only keep their room */
#define OPS	4
#define READER	OPS	/* in the wait queues */
#define NONE	255
#define LINE(me) ((me) / 2)

/* The buffer. Each record lies there as number and size, then its own number. */
byte number[SUBBUF * N];
byte size[SUBBUF * N];
byte padding[N];
byte produced, consumed, offset;

/* struct crr_recorder, struct crr_session */
bool lock;
byte reserved, read_offset, unread, taken, sequence, switched;
bool starved;
bool recording = true;
bool gated;
/* struct crr_stream, struct crr_line */
bool room[WAYS], ready[WAYS];
bool ended[2], hangup_seen;
byte inflight;			/* on the second line */
bool took;			/* by the read in flight, not logged yet */

bool queued[OPS + 1], woken[OPS + 1];
bool asleep[OPS];		/* where it ends if nobody comes */
/* Other sub-buffers begun: just now, for a read in flight, by what was set aside. */
byte used, used_read, stood;
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
#define HAS_ROOM	(1 + produced - consumed + reserved < N)
#elif defined(BREAK_RESERVE)
#define HAS_ROOM	(1 + produced - consumed + STANDING < N)
#else
#define HAS_ROOM	(1 + produced - consumed + STANDING + reserved < N)
#endif
/* What is filled, reserved, and set aside. */
#define FITS	(1 + produced - consumed + STANDING + reserved <= \
		 N + used_read + stood)

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
			switched++;
			used++;
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

inline give_room(way)
{
#ifndef BREAK_READY
	ready[way] = false;
#endif
	reserved = reserved - (room[way] -> 1 : 0);
	room[way] = false
}

/* crr_stream_leave() */
inline leave(line)
{
	d_step {
		assert(!ended[line]);
		put(1);
		/* It was set aside. */
		stood = stood + used;
		used = 0;
		ended[line] = true;
		give_room(2 * line);
		give_room(2 * line + 1)
	}
}

inline wake_starved()
{
#ifndef BREAK_FINISH
	retire();
	if
	:: starved && HAS_ROOM -> starved = false; wake_ops()
	:: else
	fi
#else
	skip
#endif
}

/* crr_recorder_seek_room(), if crr_recorder_finish() calls it. */
inline finish(way)
{
	used = 0;
	used_read = (way -> used_read : 0);
	if
	:: switched || starved || !ready[way] ->
#ifndef BREAK_PAY
		if
		:: switched && room[way] -> switched--; give_room(way)
		:: else
		fi;
#endif
		retire();
		if
		:: !room[way] && !ended[LINE(way)] && HAS_ROOM ->
			room[way] = true;
			reserved++
		:: !room[way] && !ended[LINE(way)] && !HAS_ROOM -> starved = true
		:: else
		fi;
		if
		:: room[way] && !gated && !(LINE(way) && hangup_seen) &&
		   !ended[LINE(way)] -> ready[way] = true
		:: else
		fi;
		wake_starved()
	:: else
	fi
}

inline finish_question()
{
	used = 0;
	reserved--;
	switched = switched - (switched -> 1 : 0);
	wake_starved()
}

proctype op(byte me; byte rounds)
{
	bool added;

begin:
	atomic { inflight = inflight + LINE(me); rounds-- };
	/* crr_recorder_is_ready() */
	if
	:: me != QUESTION && ready[me] -> goto admitted
	:: else
	fi;
judge:
	atomic {
		!lock;
		retire();
		if
		:: !recording || ended[LINE(me)] -> goto done
		:: else
		fi;
		if
		:: me != QUESTION && room[me] -> goto admitted
		:: else
		fi;
		if
		:: HAS_ROOM ->
			reserved++;
			room[me] = room[me] || me != QUESTION;
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
	if
	:: me == 0 && gated -> took = recording
	/* Nothing was found, or done, and nobody is told. */
	:: me != QUESTION && !gated -> goto done
	:: true
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
		/* A checkpoint's end may have told it. */
		if
		:: me == 0 && gated && !took -> goto finishes
		:: me == QUESTION -> goto finishes
		:: else
		fi;
		took = false;
		assert(!ended[LINE(me)]);
		if
		:: me == 2 && gated -> put(1)
		:: else
		fi;
		put(2);
#ifndef BREAK_UNREAD
		unread = unread + 2 + (me == 2 && gated -> 1 : 0)
#endif
	}
	wake(READER);
#ifdef BREAK_UNREAD
	unread = unread + 2 + (me == 2 && gated -> 1 : 0);
#endif
finishes:
	atomic {
		if
		:: me == QUESTION -> finish_question()
		:: else -> finish(me)
		fi;
		assert(FITS);
		lock = false
	}
done:
	true;
	d_step {
		remove_wait(me);
		woken[me] = false;
		added = false;
		inflight = inflight - LINE(me)
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
#ifdef BREAK_CHECKPOINT
			switched = switched - used;
#endif
			used_read = used;
			used = 0;
			unread = unread + 2;
			wake(READER);
			assert(FITS)
		:: else
		fi
	}
}

/* The second line is hung up: its emulator has seen it, or it is closed. */
proctype hangup()
{
	/* crr_recorder_hangup_seen(); who begins meanwhile does not have the lock. */
	atomic {
		!lock;
		if
		:: !recording -> goto out
		:: else
		fi;
		lock = true;
		hangup_seen = true;
#ifndef BREAK_UNREADY
		ready[0] = false;
		ready[1] = false;
		ready[2] = false;
		ready[3] = false
#endif
	}
#ifndef BREAK_FLIGHT
	if
	:: inflight -> give(lock); goto close
	:: else
	fi;
#endif
	atomic {
		leave(1);
#ifndef BREAK_LEAVE
		wake_starved();
#endif
		unread++;
		wake(READER);
		assert(FITS);
		lock = false
	}
close:
	/* crr_recorder_line_left() */
end_close:
	atomic {
		!lock && !inflight;
		if
		:: recording && !ended[1] ->
			leave(1);
#ifndef BREAK_LEAVE
			wake_starved();
#endif
			unread++;
			wake(READER);
			assert(FITS)
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
		ready[0] = false;
		ready[1] = false;
		ready[2] = false;
		ready[3] = false;
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

/* So many sub-buffers are filled: the others, but one perhaps, are promised. */
inline fill(n)
{
	i = n;
	do
	:: i ->
		put(2);
		put(1);
		unread = unread + 3;
		i--
	:: else -> break
	od;
	used = 0;
	switched = 0
}

inline hold(way)
{
	room[way] = true;
	ready[way] = !gated;
	reserved++
}

init {
	byte i;

	atomic {
		/* What the streams have kept, and who comes. */
		if
		:: fill(N - STANDING - 1)
		:: fill(N - STANDING - 2)
		:: hold(0); fill(N - STANDING - 2)
		:: hold(0); hold(1); hold(2); hold(3); fill(N - STANDING - 5)
		:: gated = true; fill(N - STANDING - 2)
		:: gated = true; hold(0); fill(N - STANDING - 2)
		fi;
		run stopper();
		if
		:: !gated -> run op(0, 1); run op(1, 1); run controller()
		:: !gated -> run op(0, 1); run op(2, 1); run op(QUESTION, 1);
			run hangup()
		:: !gated -> run op(0, 2); run op(1, 2)
		:: gated -> run op(0, 1); run op(2, 1); run op(QUESTION, 1);
			run checkpoint()
		fi
	}
}
