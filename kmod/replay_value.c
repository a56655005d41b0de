// SPDX-License-Identifier: GPL-2.0-only
/*
 * Values in replay: whether the program gets a new one, or goes on with the last.
 *
 * A program reads the time far more often than a new value is recorded, so it
 * counts how often it has used the last one. The record of a new value has that
 * number, and in replay the new value comes after as many uses. Before each use
 * that it was not promised, the program asks: so if a new value is due, its
 * record is the next outbound one, and no inbound record is left before it.
 *
 * All of it runs under session->lock.
 */
#include "queue.h"
#include "replay_value.h"
#include "replayer.h"
#include "state.h"

/* How often the last value is used before this record of a new one. */
static u64 crr_uses_before(const struct crr_op *op, const struct crr_record *rec)
{
	if (rec->type != CRR_TYPE_VALUE || rec->kind != op->kind)
		return 1;
	/* Another program's first one; this one goes on when that has ended. */
	if (!rec->uses)
		return 1;
	return rec->uses > op->uses ? rec->uses - op->uses : 0;
}

/* How often the last value is used from here on, at least; 0: a record decides. */
static u64 crr_value_remaining(const struct crr_op *op)
{
	struct crr_stream *stream = op->stream;
	const struct crr_session *session = stream->session;
	const struct crr_replayer *replayer = &session->replayer;
	const struct crr_queued *out = crr_queue_first(&stream->outbound);

	if (!op->uses)
		return 0;
	if (out)
		return crr_uses_before(op, &out->rec);
	if (!list_empty(&stream->inbound))
		return 1;
	if (!stream->end)
		return session->counter < replayer->fed->counter ||
		       crr_replayer_full(replayer);
	/* Other streams, and empty reads, may still come before the end. */
	return replayer->remaining ||
	       crr_empty_reads_at(stream, session->counter) <
	       stream->end_empty_reads;
}

/**
 * crr_replayer_value - is there a new value?
 * @op: the operation
 *
 * CRR_REPLAY: op->queued is its record; CRR_RESULT: op->result: how often the
 * last one is to be used, or -errno.
 */
enum crr_decision crr_replayer_value(struct crr_op *op)
{
	u64 remaining = crr_value_remaining(op);

	if (!remaining)
		return crr_replayer_write(op, NULL, 0);
	op->result = min_t(u64, remaining, S32_MAX);
	return CRR_RESULT;
}
