/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay: a feeder that sleeps in write(2) on the session fd, or in poll(2); the
 * queue of the records it has fed; an emulator that reads, writes, polls and seeks;
 * and the thread that moves the emulator's counter.
 *
 * Never: the feeder and the emulator wait for each other; the feeder sleeps although
 * it could go on, or finds no buffer space after it was told that it could; a record
 * is lost, duplicated or consumed out of order, also across a seek; pollers are not
 * woken, or are woken twice, for a record that becomes due or for output that can be
 * written again; the replay diverges although the emulator follows the log.
 *
 * At one value of the counter the emulator reads and writes in any order. If it
 * writes while the buffer is full of reads that precede the write in the log, the
 * record cannot be fed: the replay diverges. If it reads before as many writes, it
 * sleeps until another thread writes; the emulator here has no other thread, and its
 * logs do not have that many writes before a read.
 *
 * The counter is set by CRR_IOC_COUNTER: a store into the clock's page wakes nobody.
 * The emulator is one thread, so that one operation at most sleeps. There is one
 * feeder: feed_lock is not modelled.
 *
 * models kmod/controller.c crr_controller_feed 1b8e4d57
 * models kmod/controller.c crr_controller_write 443b7e83
 * models kmod/controller.c crr_controller_poll 97ce9a93
 * models kmod/queue.c crr_stream_update_wants 8257b165
 * models kmod/queue.c crr_stream_throttle 6d1f7f45
 * models kmod/queue.c crr_stream_restart e1423ce2
 * models kmod/queue.c crr_is_taken_write f9f662f2
 * models kmod/queue.c crr_replayer_unlink 550b2f3c
 * models kmod/queue.c crr_replayer_empty 25513cfb
 * models kmod/queue.c crr_replayer_full 5b719e2f
 * models kmod/queue.c crr_replayer_feedable 449f4496
 * models kmod/queue.c crr_replayer_wake_feeder 5804eb63
 * models kmod/queue.c crr_replayer_queue 147be34b
 * models kmod/feed.c crr_replayer_add 12247866
 * models kmod/feed.c crr_replayer_feed 8a0e5795
 * models kmod/state.c crr_session_next_due 88c155f2
 * models kmod/feed.c crr_replayer_seek 0ff59a7a
 * models kmod/feed.c crr_replayer_seek_ack 0864f28d
 * models kmod/replayer.c crr_is_throttling abfbdaf0
 * models kmod/replayer.c crr_op_takes 9cd18401
 * models kmod/replayer.c crr_is_due 631aa493
 * models kmod/replayer.c crr_read_nothing 9502dd16
 * models kmod/replayer.c crr_read_past_queue caa0b7cd
 * models kmod/replayer.c crr_replayer_read 2097821d
 * models kmod/replayer.c crr_write_refused 114e0180
 * models kmod/replayer.c crr_write_past_queue 1f875876
 * models kmod/replayer.c crr_replayer_write 9fbed8a7
 * models kmod/replay_poll.c crr_is_writable fb0d81f0
 * models kmod/replay_poll.c crr_is_past_horizon 79da266d
 * models kmod/replay_poll.c crr_readable eceaf07c
 * models kmod/replay_poll.c crr_replayer_poll 9d8650a1
 * models kmod/replay_poll.c crr_stream_wake_pollers bde5f300
 * models kmod/replay_poll.c crr_replayer_wake_pollers e199270c
 * models kmod/session.c crr_session_count 7ae7264d
 * models kmod/state.c crr_session_wake_lines d3685fca
 * models kmod/state.c crr_session_wake 50f6465b
 * models kmod/state.c crr_session_wake_sleepers 84a7f5c7
 * models kmod/state.c crr_session_set_state 580b1394
 * models kmod/run.c crr_session_seek d91394b5
 * models kmod/run.c crr_session_seeks 1fa64708
 * models kmod/state.c crr_session_sleeps c53c2183
 * models kmod/operation.c crr_session_decide b924ca71
 * models kmod/controller.c crr_controller_seek_ack 50d3c53b
 * models kmod/line.c crr_line_wake 4a2da8ab
 * models kmod/line.c crr_line_notify 707e564c
 * models kmod/line.c crr_line_wake_sleepers 8e7a1c75
 * models kmod/operation.c crr_operation_decide e6aa6245
 * models kmod/line.c crr_line_wait ae15ce30
 * models kmod/operation.c crr_operation_seek ceca8b86
 * models kmod/poll.c crr_session_poll e134b97f
 * models kmod/poll.c crr_ldisc_poll f64b987f
 *
 * break HALF assertion		the feeder goes on only when half of the buffer is free
 * break WANTING assertion	... or when an operation sleeps, but not for pollers
 * break SLEEPS assertion	an operation goes to sleep without waking the feeder
 * break TAKES assertion	an operation consumes a record without waking it
 * break REFUSED assertion	a write is refused without waking it
 * break FULL assertion		an operation waits for a feeder without buffer space
 * break SPACE assertion	the feeder goes on without buffer space
 * break NUDGE assertion	feeding does not wake operations
 * break FED assertion		feeding does not wake pollers
 * break COUNT assertion	the counter does not wake pollers
 * break EMPTY assertion	an empty read does not wake pollers
 * break SHOWN assertion	pollers are woken again for the same record
 * break OUTPUT assertion	pollers are woken for output only once
 * break LOOK assertion		poll looks before it is in the wait queue
 * break GUESS assertion	the read after a guess counts as an empty read
 * break SEEK assertion		a seek does not wake the feeder
 * break ESTALE assertion	a pending seek does not refuse records
 * break FORGET assertion	a seek does not drop the records in the queue
 */
#include "model.h"

#define N	6		/* records */
#define LIMIT	3		/* records that fit into the buffer */
#define SEEKS	2
#define EMULATOR 0		/* in the wait queues */
#define FEEDER	1

/* READ; WRITE, which was taken whole, in part, or not at all. */
mtype = { read, whole, part, none };
/* What the emulator waits for in its tty's wait queues. */
mtype = { operation, polls_in, polls_out };
mtype = { result, sleep_time, sleep_feed };

/* The log. */
mtype kind[N];
byte at[N];			/* stamp */
byte empty_reads[N], refused[N];

/* struct crr_session; session->lock is held for one step. */
bool diverged, changed;
byte counter;
bool sleeping;			/* [CRR_SLEEP_FEED] */
/* struct crr_replayer */
bool there[N], shown[N];	/* in the queue; pollers have been woken for it */
byte bytes;
byte fed, horizon;		/* fed->sequence, fed->counter */
byte skipped;			/* ->skip */
bool seeking;
byte generation;		/* of the last seek */
bool wanting;			/* ->wants_feed of the only stream */
/* struct crr_stream */
byte counted, counted_at;	/* empty reads */
byte refusals;
bool throttled, writable_shown;
bool guessed;
byte guessed_at;

/* The emulator: its next read and write; empty reads since the last record. */
byte in, out, tried;
mtype queued_as;
bool queued[2], woken[2];
bool done;			/* it has done all that is in the log */
/* The feeder sleeps until it can write; until EPOLLPRI. */
bool asleep, idle;

/* Only valid within one step. */
hidden byte rec, scan;

#define IS_OUT(i)	(kind[i] != read)
#define IS_TAKEN(i)	(kind[i] == whole || kind[i] == part)
#define IS_DUE(i)	(at[i] < counter || (at[i] == counter && \
			 empty_reads[i] <= (counted_at == counter -> counted : 0)))
#define IS_FULL		(bytes == LIMIT)
#define HALF_IS_FREE	(bytes <= LIMIT / 2)
#define FEEDABLE	(diverged || seeking || \
			 (!IS_FULL && (wanting || sleeping || HALF_IS_FREE)))

/* crr_replayer_feedable() */
#ifdef BREAK_SPACE
#define NO_SPACE	(IS_FULL && !wanting && !sleeping)
#else
#define NO_SPACE	IS_FULL
#endif
#if defined(BREAK_HALF)
#define WANTING		false
#define SLEEPING	false
#elif defined(BREAK_WANTING)
#define WANTING		false
#define SLEEPING	sleeping
#else
#define WANTING		wanting
#define SLEEPING	sleeping
#endif
#define LOOKS_FEEDABLE	(diverged || seeking || \
			 (!NO_SPACE && (WANTING || SLEEPING || HALF_IS_FREE)))

/* The stamp of the first record that the emulator has not consumed. */
#define NEXT		(in < out -> at[in] : at[out])

/* A write before which poll(2) reports output: one at its counter takes bytes. */
#define IS_POLLED(i)	(IS_TAKEN(i) || \
			 (i + 2 < N && IS_TAKEN(i + 2) && at[i + 2] == at[i]))

/* Set i to the first record, from "from" on, that meets the condition; else to N. */
#define find(i, from, condition)	\
	i = from;			\
	do				\
	:: i < N && !(condition) -> i++	\
	:: else -> break		\
	od

#define first_in(i)	find(i, 0, there[i] && !IS_OUT(i))
#define first_out(i)	find(i, 0, there[i] && IS_OUT(i))
#define first_taken(i)	find(i, 0, there[i] && IS_TAKEN(i))

/* crr_stream_update_wants() */
inline update_wants()
{
	first_in(scan);
	wanting = scan == N;
	if
	:: throttled -> first_taken(scan); wanting = wanting || scan == N
	:: else
	fi
}

/* crr_stream_throttle() */
inline throttle(to)
{
	throttled = to;
	writable_shown = false;
	update_wants()
}

/* crr_replayer_wake_feeder() */
inline wake_feeder()
{
	if
	:: LOOKS_FEEDABLE -> wake(FEEDER)
	:: else
	fi
}

/* crr_line_wake_sleepers(): wakes operations only. */
#define wake_sleepers()	woken[EMULATOR] = woken[EMULATOR] || \
			(queued[EMULATOR] && queued_as == operation)
/* crr_line_notify(): wakes operations, and pollers that ask for the event. */
#define notify(as)	woken[EMULATOR] = woken[EMULATOR] || \
			(queued[EMULATOR] && (queued_as == operation || \
					      queued_as == as))

/* crr_replayer_wake_pollers() */
inline wake_pollers()
{
	first_in(scan);
	if
#ifdef BREAK_SHOWN
	:: scan < N && IS_DUE(scan) ->
#else
	:: scan < N && IS_DUE(scan) && !shown[scan] ->
#endif
		assert(!shown[scan]);
		shown[scan] = true;
		notify(polls_in)
	:: else
	fi;
	first_taken(scan);
	if
	:: throttled && !writable_shown && scan < N && at[scan] <= counter ->
		writable_shown = true;
		notify(polls_out)
	:: else
	fi
}

/* crr_op_takes() */
inline takes()
{
	assert(there[rec] && at[rec] == counter);
	there[rec] = false;
	bytes--;
	if
	:: IS_OUT(rec) ->
		assert(rec == out);
		/* Pollers have been woken before. */
		assert(!throttled || !IS_TAKEN(rec) || writable_shown);
		refusals = 0;
#ifndef BREAK_OUTPUT
		throttle(kind[rec] != whole);
#else
		throttled = kind[rec] != whole;
		update_wants();
#endif
		find(out, rec + 1, IS_OUT(out))
	:: else ->
		assert(rec == in && tried == empty_reads[rec] && shown[rec]);
		shown[rec] = false;
		tried = 0;
		counted = 0;
		counted_at = 0;
		guessed = false;
		guessed_at = 0;
		update_wants();
		find(in, rec + 1, !IS_OUT(in))
	fi;
#ifndef BREAK_TAKES
	wake_feeder()
#endif
}

/* crr_replayer_read() */
inline decide_read()
{
	first_in(rec);
	if
	:: rec < N && IS_DUE(rec) -> took = true; takes()
	:: rec == N && counter >= horizon && !IS_FULL -> decision = sleep_feed
	:: else ->
		/* No divergence: EARLY, LATE. */
		assert(rec == N || at[rec] > counter || nowait);
		if
		:: !nowait -> decision = sleep_time
		:: else ->
#ifndef BREAK_GUESS
			if
			:: guessed && guessed_at == counter
			:: else ->
#endif
				counted = (counted_at == counter -> counted + 1 : 1);
				counted_at = counter
#ifndef BREAK_GUESS
			fi;
#endif
			guessed = false;
			guessed_at = 0
		fi
	fi
}

/* crr_session_set_state() */
inline set_state()
{
	changed = true;
	wake(EMULATOR);
	wake(FEEDER)
}

/* crr_replayer_write() */
inline decide_write()
{
	first_out(rec);
	if
	:: rec < N && refusals < refused[rec] ->
		refusals++;
		throttle(true);
#ifndef BREAK_REFUSED
		wake_feeder()
#endif
	:: rec < N && refusals == refused[rec] -> took = true; takes()
#ifdef BREAK_FULL
	:: rec == N -> decision = sleep_feed
#else
	:: rec == N && !IS_FULL -> decision = sleep_feed
	:: rec == N && IS_FULL ->
		/* The emulator has not followed the log's order. */
		assert(in < out);
		diverged = true;
		set_state()
#endif
	fi
}

inline leave_queue(me)
{
	d_step { remove_wait(me); woken[me] = false }
}

proctype emulator()
{
	byte seeks;
	bool writes, nowait, took, guesses, has_to;
	mtype decision, wants;

next:
	atomic {
		writes = false;
		nowait = false;
		guesses = false;
		has_to = false;
		took = false;
		wants = 0;
		decision = 0;
		queued_as = 0;
		if
		:: seeks < SEEKS -> goto seek
		:: diverged || (in == N && out == N) ->
			done = !diverged;
			goto out_of_it
		/* read(2), or poll(2) first. */
		:: !diverged && in < N && at[in] == NEXT ->
			if
			:: tried == empty_reads[in] -> goto operate
			:: tried == empty_reads[in] -> wants = polls_in; goto poll
			/* O_NONBLOCK */
			:: counter == NEXT && in < out -> nowait = true; goto operate
			:: counter == NEXT -> nowait = true; goto guess
			fi
		/* write(2), or poll(2) first. */
		:: !diverged && out < N && at[out] == NEXT ->
			writes = true;
			if
			:: counter == NEXT -> goto operate
			:: IS_POLLED(out) && refusals == refused[out] ->
				wants = polls_out;
				goto poll
			fi
		fi
	}

	/* crr_operation_decide(), crr_session_decide() */
operate:
	atomic {
		queued_as = operation;
		sleeping = false;
		took = false;
		decision = result;
		if
		:: diverged
		:: !diverged && writes -> decide_write()
		:: !diverged && !writes -> decide_read()
		fi;
		if
		:: decision == sleep_feed ->
			sleeping = true;
#ifndef BREAK_SLEEPS
			wake_feeder()
#endif
		:: else
		fi;
#ifdef BREAK_EMPTY
		if
		:: writes || took -> wake_pollers()
		:: else
		fi;
#else
		wake_pollers();
#endif
		if
		:: decision == result -> leave_queue(EMULATOR); goto operated
		:: decision != result && !queued[EMULATOR] ->
			add_wait(EMULATOR);
			goto operate
		:: decision != result && queued[EMULATOR]
		fi
	}
end_sleep:
	atomic { woken[EMULATOR] -> woken[EMULATOR] = false };
	goto operate;
operated:
	atomic {
		assert(took || diverged || !has_to);
		if
		/* An empty read of the recorded run. */
		:: !took && !diverged && !writes && !guesses ->
			tried++;
			assert(tried <= empty_reads[in])
		:: else
		fi;
		goto next
	}

	/* crr_ldisc_poll(): the file blocks, there is no timeout. */
poll:
#ifndef BREAK_LOOK
	atomic { queued_as = wants; add_wait(EMULATOR) };
#endif
look:
	atomic {
		if
		:: wants == polls_in ->
			first_in(rec);
			if
			:: rec < N && IS_DUE(rec) -> nowait = true; goto polled
			:: diverged -> goto polled
			:: else
			fi
		:: wants == polls_out ->
			first_taken(rec);
			if
			:: !throttled || (rec < N && at[rec] <= counter) -> goto polled
			:: diverged -> goto polled
			:: else
			fi
		fi
	}
#ifdef BREAK_LOOK
	if
	:: !queued[EMULATOR] -> atomic { queued_as = wants; add_wait(EMULATOR) }
	:: else
	fi;
#endif
end_poll:
	atomic { woken[EMULATOR] -> woken[EMULATOR] = false };
	goto look;
polled:
	atomic {
		leave_queue(EMULATOR);
		if
		/* Output is always possible unless the last write was short. */
		:: writes && !diverged && counter < at[out] ->
			assert(!throttled);
			goto next
		:: else -> has_to = true; goto operate
		fi
	}

	/* crr_ldisc_poll() of an O_NONBLOCK file, with a timeout of 0. */
guess:
	atomic {
		first_in(rec);
		guessed = rec == N && counter >= horizon && !IS_FULL;
		guessed_at = (guessed -> counter : 0);
		guesses = guessed;
		if
		:: guessed || (rec < N && IS_DUE(rec)) -> goto operate
		:: else -> goto next
		fi
	}

	/* crr_session_seek(), to a place at which the counter has just changed. */
seek:
	atomic {
		seeks++;
		rec = 0;
		do
		:: true -> break
		:: rec < N - 1 -> rec++
		od;
		do
		:: rec && at[rec - 1] == at[rec] -> rec--
		:: else -> break
		od;
		skipped = rec;
		counter = (rec -> at[rec] : 0);
		tried = 0;
		find(in, skipped, !IS_OUT(in));
		find(out, skipped, IS_OUT(out));
		diverged = false;
		/* crr_replayer_seek() */
#ifndef BREAK_FORGET
		rec = 0;
		do
		:: rec < N -> there[rec] = false; rec++
		:: else -> break
		od;
		bytes = 0;
#endif
		counted = 0;
		refusals = 0;
		guessed = false;
		throttle(false);
		fed = 0;
		horizon = 0;
		seeking = true;
		generation++;
#ifdef BREAK_SEEK
		changed = true
#else
		set_state()
#endif
	}
	/* crr_operation_seek() */
	atomic { queued_as = operation; add_wait(EMULATOR) };
seeks_on:
	if
	:: !seeking -> leave_queue(EMULATOR); goto next
	/* A signal; the seek is still pending. */
	:: seeking -> leave_queue(EMULATOR); goto next
	:: seeking
	fi;
end_seek:
	atomic { woken[EMULATOR] -> woken[EMULATOR] = false };
	goto seeks_on;
out_of_it:
	skip
}

/* Moves the counter when everything has been done at its present value. */
proctype mover()
{
end_moves:
	do
	:: atomic {
		!diverged && (in < N || out < N) && counter < NEXT ->
		counter++;
		/* crr_session_count() */
		first_in(rec);
		if
		:: (rec < N -> at[rec] : horizon) <= counter -> wake_sleepers()
		:: else
		fi;
#ifndef BREAK_COUNT
		wake_pollers();
#endif
		rec = 0
	}
	od
}

/* crr_replayer_feed(): one record. */
inline feed(i)
{
	/* crr_order_check() */
	assert(i == fed);
	fed = i + 1;
	horizon = at[i];
	if
	:: i >= skipped ->
		assert(!there[i]);
		there[i] = true;
		shown[i] = false;
		bytes++;
		update_wants()
	:: else
	fi
}

proctype feeder(bool polls)
{
	byte next, n, sought;
	bool told;

again:
	told = false;
	if
	:: next == N -> goto idles
	:: next < N && polls
	:: next < N && !polls -> goto writes
	fi;

	/* crr_controller_poll() */
	add_wait(FEEDER);
look:
	atomic {
		if
		:: LOOKS_FEEDABLE -> told = true; leave_queue(FEEDER); goto writes
		:: else -> asleep = true
		fi
	}
end_poll:
	atomic { woken[FEEDER] -> woken[FEEDER] = false; asleep = false };
	goto look;

	/* crr_controller_write() of one record or more */
writes:
	atomic {
		if
		:: diverged -> goto idles
#ifndef BREAK_ESTALE
		:: !diverged && seeking -> goto seeks
#endif
		:: else
		fi;
		n = 0;
		do
		:: next < N && !IS_FULL -> feed(next); next++; n++
		:: n || IS_FULL -> break
		od;
		if
		:: n ->
#ifndef BREAK_NUDGE
			wake_sleepers();
#endif
#ifndef BREAK_FED
			wake_pollers();
#endif
			n = 0;
			goto again
		:: else -> assert(!told)
		fi
	}
	/* wait_event_interruptible(): evaluates crr_replayer_feedable() without the lock. */
	add_wait(FEEDER);
wait:
	if
	:: diverged || seeking -> goto wanted
	:: else
	fi;
	if
	:: NO_SPACE -> goto sleeps
	:: else
	fi;
	if
	:: WANTING -> goto wanted
	:: else
	fi;
	if
	:: SLEEPING || HALF_IS_FREE -> goto wanted
	:: else
	fi;
sleeps:
	asleep = true;
end_wait:
	atomic { woken[FEEDER] -> woken[FEEDER] = false; asleep = false };
	goto wait;
wanted:
	told = true;
	leave_queue(FEEDER);
	goto writes;

	/* All has been fed, or the replay has diverged: poll for EPOLLPRI. */
idles:
	add_wait(FEEDER);
looks:
	atomic {
		if
		:: changed -> leave_queue(FEEDER); goto seeks
		:: else -> idle = true
		fi
	}
end_idle:
	atomic { woken[FEEDER] -> woken[FEEDER] = false; idle = false };
	goto looks;

	/* CRR_IOC_STATUS */
seeks:
	atomic {
		changed = false;
		if
		:: !seeking -> goto idles
		:: seeking -> next = skipped
		:: seeking -> next = 0
		fi;
		sought = generation
	}
	/* crr_replayer_seek_ack() */
	atomic {
		if
		:: sought != generation -> goto seeks
		:: else -> sought = 0
		fi;
		fed = next;
		seeking = false;
		wake(EMULATOR);
		goto again
	}
}

active proctype monitor()
{
end_never:
	timeout;
	assert(!asleep || !FEEDABLE);
	assert(!idle || !changed);
	assert(done || diverged)
}

#define log(i, what, when)	kind[i] = what; at[i] = when

init {
	atomic {
		if
		/* Reads that fill the buffer, then a write. */
		:: log(0, read, 1); log(1, read, 1); log(2, read, 1);
			log(3, whole, 1); log(4, read, 2); log(5, whole, 2);
			empty_reads[4] = 1
		/* Two reads, then a write, which is short. */
		:: log(0, read, 1); log(1, read, 2); log(2, read, 2);
			log(3, part, 2); log(4, read, 3); log(5, whole, 3)
		/* Two writes, then a read; a write that fails with EAGAIN. */
		:: log(0, read, 1); log(1, whole, 2); log(2, whole, 2);
			log(3, read, 2); log(4, none, 3); log(5, whole, 4)
		/* Short writes, one of which is refused first. */
		:: log(0, part, 1); log(1, read, 2); log(2, read, 2);
			log(3, part, 2); log(4, whole, 3); log(5, read, 3);
			refused[3] = 1; empty_reads[5] = 1
		/* One that is refused first, and then fails with EAGAIN. */
		:: log(0, read, 1); log(1, none, 2); log(2, read, 2);
			log(3, whole, 2); log(4, read, 3); log(5, whole, 3);
			refused[1] = 1
		fi;
		find(in, 0, !IS_OUT(in));
		find(out, 0, IS_OUT(out));
		/* crr_replayer_start() */
		wanting = true;
		run emulator();
		run mover();
		if
		:: run feeder(true)
		:: run feeder(false)
		fi
	}
}
