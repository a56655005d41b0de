// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations: how a read(2), a write(2), a query or a checkpoint begins,
 * asks the session for a decision, sleeps, and ends.
 */
#include <linux/sched/signal.h>

#include "checkpoint.h"
#include "line.h"
#include "operation.h"
#include "queue.h"
#include "recorder.h"
#include "replay_poll.h"
#include "replay_value.h"
#include "replayer.h"
#include "run.h"
#include "session.h"
#include "state.h"

static void crr_op_awake(struct crr_op *op)
{
	if (op->asleep)
		crr_session_sleeps(op->stream->session, op->sleep, -1);
	op->asleep = false;
}

/**
 * crr_session_decide - decide on an operation
 * @op: the operation
 * @buf: of a write, the bytes it offers; of a mark, its label; else NULL
 * @length: how many
 *
 * Called again after each sleep; a sleep that ends otherwise is followed by
 * crr_session_stop_sleeping().
 */
static enum crr_decision crr_session_decide(struct crr_op *op, const u8 *buf,
					    u32 length)
{
	struct crr_session *session = op->stream->session;
	enum crr_decision decision;
	bool garbage;

	mutex_lock(&session->lock);
	crr_op_awake(op);
again:
	if (crr_stream_became_terminal(op->stream) &&
	    (session->state == CRR_STATE_RECORDING ||
	     session->state == CRR_STATE_REPLAYING))
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_TERMINAL);
	decision = CRR_RESULT;
	if (session->state == CRR_STATE_IDLE)
		decision = CRR_PASS;
	else if (session->state > CRR_STATE_REPLAYING)
		op->result = crr_session_refusal(session->state);
	else if (crr_session_sample(session))
		op->result = -ERANGE;
	else if (!op->type)
		decision = crr_session_checkpoint_begin(op);
	else if (session->state == CRR_STATE_RECORDING)
		decision = crr_recorder_decide(op);
	else if (crr_type_is_inbound(op->type))
		decision = crr_replayer_read(op);
	else if (op->type == CRR_TYPE_VALUE)
		decision = crr_replayer_value(op);
	else
		decision = crr_replayer_write(op, buf, length);
	if (decision == CRR_LIVE) {
		crr_session_go_live(session);
		goto again;
	}
	op->generation = session->generation;
	if (decision == CRR_SLEEP) {
		op->asleep = true;
		crr_session_sleeps(session, op->sleep, 1);
		if (op->sleep == CRR_SLEEP_FEED)
			crr_replayer_wake_feeder(session);
	}
	if (session->state == CRR_STATE_REPLAYING)
		crr_replayer_wake_pollers(session);
	garbage = !list_empty(&session->replayer.garbage);
	mutex_unlock(&session->lock);
	if (garbage)
		crr_session_free_records(session);
	if (decision == CRR_PASS)
		crr_session_release_idle(session);
	return decision;
}

static void crr_session_stop_sleeping(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;

	mutex_lock(&session->lock);
	crr_op_awake(op);
	mutex_unlock(&session->lock);
}

/*
 * Ask the session for a decision until that is not to sleep. Negative:
 * crr_line_wait() has ended the sleep.
 */
int crr_operation_decide(struct crr_line *line, struct crr_op *op,
			 wait_queue_head_t *queue, const u8 *buf, u32 length)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int decision;

	decision = crr_session_decide(op, buf, length);
	if (decision != CRR_SLEEP)
		return decision;

	add_wait_queue(queue, &wait);
	for (;;) {
		int ret;

		decision = crr_session_decide(op, buf, length);
		if (decision != CRR_SLEEP)
			break;
		ret = crr_line_wait(line, &wait);
		if (ret) {
			crr_session_stop_sleeping(op);
			decision = ret;
			break;
		}
	}
	remove_wait_queue(queue, &wait);
	return decision;
}

/**
 * crr_operation_checkpoint - a checkpoint begins
 * @line: the line
 * @stream: its stream; the caller holds it
 * @counter: where the emulator is
 * @max_bytes: that may be taken
 *
 * Returns what CRR_IOC_CHECKPOINT_BEGIN does; or 1 if the session is idle: then
 * only the counter is to be set.
 */
int crr_operation_checkpoint(struct crr_line *line, struct crr_stream *stream,
			     u64 counter, u64 max_bytes)
{
	struct crr_op op = {
		.stream = stream,
		.counter = counter,
		.max_bytes = max_bytes,
	};
	int decision;

	decision = crr_operation_decide(line, &op, &line->tty->read_wait, NULL,
					0);
	switch (decision) {
	case CRR_PASS:
		return 1;
	case CRR_RESULT:
		return op.result;
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return decision;
	}
}

/**
 * crr_operation_seek - CRR_IOC_SEEK
 * @line: the line
 * @stream: its stream; the caller holds it
 * @seek: where to
 *
 * Returns what CRR_IOC_SEEK does.
 */
int crr_operation_seek(struct crr_line *line, struct crr_stream *stream,
		       const struct crr_seek *seek)
{
	wait_queue_head_t *queue = &line->tty->read_wait;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int ret, outcome;

	ret = crr_session_seek(stream->session, seek->sequence, seek->counter);
	if (ret)
		return ret;
	add_wait_queue(queue, &wait);
	while (crr_session_seeks(stream->session, &outcome) && !ret)
		ret = crr_line_wait(line, &wait);
	remove_wait_queue(queue, &wait);
	if (!ret)
		return outcome;
	return ret == -ERESTARTSYS ? -EINTR : ret;
}
