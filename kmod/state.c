// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state and the counter of a session, and who is woken when they change.
 * Recorder, replayer and gate call this file, which calls none of them.
 */
#include "clock.h"
#include "line.h"
#include "state.h"

/* ---- The counter ---- */

/**
 * crr_session_sample - load the counter
 * @session: the session, locked
 *
 * In a checkpoint the counter stands still.
 *
 * Returns 0, or -ERANGE if the counter has gone back; session->counter is then
 * unchanged.
 */
int crr_session_sample(struct crr_session *session)
{
	u64 counter;
	int ret;

	lockdep_assert_held(&session->lock);

	if (session->gate.begun)
		return 0;
	ret = crr_session_look(session, &counter);
	if (!ret)
		crr_session_raise(session, counter);
	return ret;
}

/**
 * crr_session_next_due - the counter at which the emulator must look at its line
 * @session: the session, locked
 *
 * After END that is one past it: an operation there finds the end.
 */
u64 crr_session_next_due(struct crr_session *session)
{
	struct crr_replayer *replayer = &session->replayer;
	const struct crr_queued *first;
	const struct crr_order *fed;

	switch (session->state) {
	case CRR_STATE_IDLE:
	case CRR_STATE_RECORDING:
		return CRR_NEVER;
	case CRR_STATE_REPLAYING:
		break;
	default:
		return 0;
	}
	first = list_first_entry_or_null(&replayer->due, struct crr_queued,
					 due);
	if (first)
		return first->rec.counter;
	fed = replayer->fed;
	return fed->ended && fed->counter != CRR_NEVER ? fed->counter + 1 :
							 fed->counter;
}

/* Show the emulator the new state in its clock's page. */
void crr_session_publish(struct crr_session *session)
{
	struct crr_clock *clock = crr_session_clock(session);

	if (clock)
		crr_clock_publish(clock, session->state,
				  crr_session_next_due(session));
}

/**
 * crr_session_set_counter - set the counter
 * @session: the session, locked
 * @counter: the value
 *
 * Returns 0; -ERANGE if it goes back; -EBUSY if it moves in a checkpoint.
 */
int crr_session_set_counter(struct crr_session *session, u64 counter)
{
	struct crr_clock *clock = crr_session_clock(session);

	if (session->state != CRR_STATE_IDLE)
		crr_session_sample(session);
	else
		WRITE_ONCE(session->counter, 0);
	if (counter < session->counter)
		return -ERANGE;
	if (session->gate.begun)
		return counter != session->counter ? -EBUSY : 0;
	if (clock)
		crr_clock_set(clock, counter);
	else
		WRITE_ONCE(session->supplied, counter);
	crr_session_raise(session, counter);
	return 0;
}

/* ---- States ---- */

/* Wake all sleepers and pollers of the session's ttys. */
void crr_session_wake_lines(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->line)
			crr_line_wake(stream->line);
}

/* The same, and tell an emulator that looks only at its clock's page. */
void crr_session_wake(struct crr_session *session)
{
	struct crr_clock *clock = crr_session_clock(session);

	crr_session_wake_lines(session);
	if (clock && session->state != CRR_STATE_REPLAYING)
		crr_clock_input(clock);
}

/* Wake operations that sleep, and no pollers. */
void crr_session_wake_sleepers(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->line)
			crr_line_wake_sleepers(stream->line);
}

void crr_session_set_state(struct crr_session *session, enum crr_state state,
			   enum crr_reason reason)
{
	lockdep_assert_held(&session->lock);

	WRITE_ONCE(session->recorder.ready, false);
	WRITE_ONCE(session->state, state);
	WRITE_ONCE(session->active, state != CRR_STATE_IDLE);
	session->reason = reason;
	session->changed = true;
	crr_session_publish(session);
	crr_session_wake(session);
	wake_up_interruptible_poll(&session->wait,
				   EPOLLPRI | EPOLLIN | EPOLLOUT);
}

/* What operations return in a state in which all of them fail. */
long crr_session_refusal(enum crr_state state)
{
	switch (state) {
	case CRR_STATE_ENDED:
		return -ENODATA;
	case CRR_STATE_DIVERGED:
		return -ENOTRECOVERABLE;
	default:
		return -EIO;
	}
}

const char *crr_state_name(enum crr_state state)
{
	static const char * const names[] = {
		[CRR_STATE_IDLE]	= "idle",
		[CRR_STATE_RECORDING]	= "recording",
		[CRR_STATE_REPLAYING]	= "replaying",
		[CRR_STATE_ENDED]	= "ended",
		[CRR_STATE_DIVERGED]	= "diverged",
		[CRR_STATE_FAILED]	= "failed",
	};

	return names[state];
}

/* The feeder looks at the count without the lock. */
void crr_session_sleeps(struct crr_session *session, enum crr_sleep why,
			int more)
{
	lockdep_assert_held(&session->lock);

	WRITE_ONCE(session->sleeping[why], session->sleeping[why] + more);
}
