// SPDX-License-Identifier: GPL-2.0-only
/* Runs: RECORD, REPLAY and STOP; seek; how a replay goes live. */
#include <linux/slab.h>

#include "buffer.h"
#include "charge.h"
#include "clock.h"
#include "feed.h"
#include "gate.h"
#include "line.h"
#include "queue.h"
#include "recorder.h"
#include "replayer.h"
#include "run.h"
#include "session.h"
#include "state.h"

/*
 * Whether no operation is in flight that began with the device, or in another
 * run. Those that begin from now on find the session active, and ask.
 */
static bool crr_session_is_quiet(struct crr_session *session)
{
	struct crr_stream *stream;

	smp_mb(); /* pairs with crr_operation_begin() */
	list_for_each_entry(stream, &session->streams, node)
		if (stream->line && atomic_read(&stream->line->in_flight))
			return false;
	return true;
}

/*
 * Whether a line that joined without the capability has become a controlling
 * terminal since. What is typed there is not its controller's to see.
 */
bool crr_stream_became_terminal(const struct crr_stream *stream)
{
	return stream->unprivileged && stream->line &&
	       crr_line_is_controlling(stream->line);
}

/* Whether a run can begin, as far as that is known beforehand. */
static int crr_session_may_enter(struct crr_session *session)
{
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	if (session->state != CRR_STATE_IDLE || session->recorder.unread)
		return -EBUSY;
	if (!session->nlines)
		return -ENODEV;
	list_for_each_entry(stream, &session->streams, node)
		if (crr_stream_became_terminal(stream))
			return -EPERM;
	return 0;
}

/*
 * Called before anything is allocated, which depends on the number of streams.
 */
static int crr_session_prepare(struct crr_session *session, u32 *nstreams)
{
	int ret;

	mutex_lock(&session->lock);
	ret = crr_session_may_enter(session);
	*nstreams = session->nstreams;
	mutex_unlock(&session->lock);
	return ret;
}

/*
 * Begin a run. The caller sets the new state; for those who look without the
 * lock nothing has happened until then.
 */
static int crr_session_enter(struct crr_session *session, u32 nstreams)
{
	int ret;

	/* A tty has joined since, and the buffer may be too small. */
	if (session->nstreams > nstreams)
		return -EBUSY;
	ret = crr_session_may_enter(session);
	if (ret)
		return ret;
	WRITE_ONCE(session->active, true);
	if (!crr_session_is_quiet(session)) {
		WRITE_ONCE(session->active, false);
		return -EBUSY;
	}

	crr_session_forget_streams(session);
	session->generation++;
	WRITE_ONCE(session->counter, 0);
	session->sequence = 0;
	session->records = 0;
	session->bytes_in = 0;
	session->bytes_out = 0;
	session->divergence.kind = 0;
	return 0;
}

int crr_session_record(struct crr_session *session,
		       const struct crr_record_start *arg)
{
	struct crr_recorder recorder;
	u32 nstreams;
	int ret;

	ret = crr_session_prepare(session, &nstreams);
	if (ret)
		return ret;
	ret = crr_buffer_open(&recorder, nstreams,
			      arg->buffer_size ?: CRR_BUFFER_DEFAULT,
			      arg->flags);
	if (ret)
		return ret;
	mutex_lock(&session->lock);
	ret = crr_session_enter(session, nstreams);
	if (!ret) {
		swap(session->recorder, recorder);
		crr_gate_start(session, arg->flags & CRR_RECORD_GATED);
		crr_session_sample(session);
		crr_recorder_start(session);
		crr_session_set_state(session, CRR_STATE_RECORDING,
				      CRR_REASON_NONE);
	}
	mutex_unlock(&session->lock);
	crr_session_free_records(session);
	crr_buffer_close(&recorder);
	return ret;
}

int crr_session_replay(struct crr_session *session,
		       const struct crr_replay_start *arg)
{
	u64 limit = arg->buffer_size ?: CRR_BUFFER_DEFAULT;
	struct crr_recorder recorder = {};
	struct crr_charge charge = {};
	struct crr_stream *stream;
	struct crr_order *fed;
	u32 nstreams;
	int ret;

	ret = crr_session_prepare(session, &nstreams);
	if (ret)
		return ret;
	ret = -ENOMEM;
	fed = kzalloc(sizeof(*fed), GFP_KERNEL_ACCOUNT);
	if (!fed || crr_charge(&charge, limit) ||
	    (arg->flags & CRR_REPLAY_RECORD &&
	     crr_buffer_open(&recorder, nstreams, limit, arg->record_flags)))
		goto free;
	mutex_lock(&session->lock);
	ret = crr_session_enter(session, nstreams);
	if (!ret) {
		swap(session->recorder, recorder);
		WRITE_ONCE(session->supplied, 0);
		crr_gate_start(session, arg->flags & CRR_REPLAY_GATED);
		swap(session->replayer.fed, fed);
		swap(session->replayer.charge, charge);
		crr_replayer_start(session, limit, arg->flags);
		crr_session_set_state(session, CRR_STATE_REPLAYING,
				      CRR_REASON_NONE);
		/*
		 * What the device sent before is no part of the run that goes
		 * live; what it sends during the replay is discarded anyway.
		 */
		if (arg->flags & CRR_REPLAY_LIVE)
			list_for_each_entry(stream, &session->streams, node)
				crr_line_flush(stream->line);
	}
	mutex_unlock(&session->lock);
	crr_session_free_records(session);
free:
	crr_buffer_close(&recorder);
	crr_uncharge(&charge);
	kfree(fed);
	return ret;
}

int crr_session_stop(struct crr_session *session)
{
	int ret = 0;

	mutex_lock(&session->lock);
	switch (session->state) {
	case CRR_STATE_IDLE:
		ret = -ENODATA;
		goto unlock;
	case CRR_STATE_RECORDING:
		crr_recorder_stop(session);
		break;
	case CRR_STATE_REPLAYING:
		crr_replayer_stop(session);
		break;
	default:
		break;
	}
	session->generation++;
	WRITE_ONCE(session->supplied, 0);
	crr_gate_start(session, false);
	crr_session_set_state(session, CRR_STATE_IDLE, session->reason);
unlock:
	mutex_unlock(&session->lock);
	return ret;
}

/**
 * crr_session_go_live - a replay is over, and the run goes on with the device
 * @session: the session, replaying, without a divergence from its whole log
 */
void crr_session_go_live(struct crr_session *session)
{
	const struct crr_recorder *recorder = &session->recorder;
	bool record = recorder->chan;

	lockdep_assert_held(&session->lock);

	session->generation++;
	crr_gate_start(session, record && recorder->flags & CRR_RECORD_GATED);
	if (record) {
		crr_recorder_continue(session);
		crr_replayer_close(session);
		crr_session_set_state(session, CRR_STATE_RECORDING,
				      CRR_REASON_NONE);
	} else {
		crr_replayer_close(session);
		WRITE_ONCE(session->supplied, 0);
		crr_session_set_state(session, CRR_STATE_IDLE, CRR_REASON_NONE);
	}
}

/* Set the counter to any value. */
static void crr_session_reset_counter(struct crr_session *session, u64 counter)
{
	struct crr_clock *clock = crr_session_clock(session);

	session->gate.begun = false;
	WRITE_ONCE(session->counter, counter);
	if (clock)
		crr_clock_set(clock, counter);
	else
		WRITE_ONCE(session->supplied, counter);
}

/**
 * crr_session_seek - the emulator has restored a snapshot
 * @session: the session
 * @sequence: the first record that is to be consumed
 * @counter: the counter in the snapshot
 *
 * Returns 0, and crr_session_seeks() then says how long to wait; or what
 * CRR_IOC_SEEK does.
 */
int crr_session_seek(struct crr_session *session, u64 sequence, u64 counter)
{
	int ret = 0;

	mutex_lock(&session->lock);
	switch (session->state) {
	case CRR_STATE_RECORDING:
		ret = -EBUSY;
		break;
	case CRR_STATE_FAILED:
		ret = -EIO;
		break;
	case CRR_STATE_IDLE:
		crr_session_reset_counter(session, counter);
		break;
	default:
		/* Without a feeder no record would come. */
		if (!session->controlled) {
			ret = -EIO;
			break;
		}
		session->generation++;
		crr_session_reset_counter(session, counter);
		crr_gate_start(session, session->gate.gated);
		session->divergence.kind = 0;
		crr_replayer_seek(session, sequence);
		crr_session_set_state(session, CRR_STATE_REPLAYING,
				      CRR_REASON_NONE);
		break;
	}
	mutex_unlock(&session->lock);
	crr_session_free_records(session);
	return ret;
}

/*
 * Whether the feeder has not acknowledged the seek yet; if it has, *ret is how
 * the seek has ended.
 */
bool crr_session_seeks(struct crr_session *session, int *ret)
{
	bool seeks;

	mutex_lock(&session->lock);
	seeks = session->state == CRR_STATE_REPLAYING &&
		session->replayer.seeking;
	*ret = session->state == CRR_STATE_FAILED ? -EIO : 0;
	mutex_unlock(&session->lock);
	return seeks;
}
