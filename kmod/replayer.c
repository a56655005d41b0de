// SPDX-License-Identifier: GPL-2.0-only
/*
 * The replayer decides which record an operation consumes, and finds how the
 * run diverges from its log.
 *
 * Each stream has two cursors: what came in, and what went out. A record is due
 * when the counter has reached its stamp. Stamps never go back, so the stamp of
 * the last record fed, the horizon, shows how far the log is known: before the
 * horizon, what is not in a queue did not happen; from the horizon on, an
 * operation that finds its queue empty waits for the feeder.
 *
 * This file knows no tty: it decides from the queues and the counter alone. All
 * of it runs under session->lock.
 */
#include "gate.h"
#include "queue.h"
#include "replayer.h"
#include "state.h"

/* ---- What must be taken ---- */

/* The next record of a queue, if the run must consume it. */
static struct crr_queued *crr_must_take(struct list_head *cursor)
{
	struct crr_queued *queued = crr_queue_first(cursor);

	return queued && crr_must_be_taken(&queued->rec) ? queued : NULL;
}

/* Find the record with the lowest number that is due and must be consumed. */
static void crr_find_left(struct crr_stream *stream, struct list_head *cursor,
			  struct crr_queued **left, struct crr_stream **of)
{
	struct crr_queued *queued = crr_must_take(cursor);

	if (!queued || queued->rec.counter > stream->session->counter)
		return;
	if (*left && (*left)->rec.sequence < queued->rec.sequence)
		return;
	*left = queued;
	*of = stream;
}

/*
 * Check the whole session. Returns whether it has diverged. @type: of the
 * operation past the end, or CRR_TYPE_STREAM_END.
 */
static bool crr_check_taken(struct crr_session *session, u16 type)
{
	struct crr_queued *left = NULL;
	struct crr_stream *stream, *of = NULL;

	list_for_each_entry(stream, &session->streams, node) {
		crr_find_left(stream, &stream->inbound, &left, &of);
		crr_find_left(stream, &stream->outbound, &left, &of);
	}
	if (left)
		crr_diverge(of, CRR_DIVERGENCE_LEFT, type, &left->rec, NULL, 0,
			    0);
	return left;
}

static enum crr_decision crr_op_result(struct crr_op *op, ssize_t result)
{
	op->result = result;
	return CRR_RESULT;
}

static enum crr_decision crr_op_sleep(struct crr_op *op, enum crr_sleep sleep)
{
	op->sleep = sleep;
	return CRR_SLEEP;
}

static enum crr_decision crr_op_diverges(struct crr_op *op,
					 enum crr_divergence_kind kind,
					const struct crr_record *rec,
					const u8 *buf, u32 length, u32 offset)
{
	crr_diverge(op->stream, kind, op->type, rec, buf, length, offset);
	return crr_op_result(op, crr_session_refusal(CRR_STATE_DIVERGED));
}

/**
 * crr_replayer_goes_live - the log is at its end: end the replay, or go live
 * @session: the session, replaying
 * @type: CRR_TYPE_* of the operation that has come so far, or
 *	CRR_TYPE_STREAM_END if it has no type
 *
 * Returns true if the session goes live, which is left to the caller; else it
 * has ended, or diverged.
 */
bool crr_replayer_goes_live(struct crr_session *session, u16 type)
{
	if (crr_check_taken(session, type))
		return false;
	if (session->replayer.flags & CRR_REPLAY_LIVE &&
	    session->replayer.fed->ended)
		return true;
	crr_session_set_state(session, CRR_STATE_ENDED, CRR_REASON_NONE);
	return false;
}

static enum crr_decision crr_op_ends(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;
	const struct crr_replayer *replayer = &session->replayer;

	/*
	 * A stream may end before the log, which must be known to its end to go
	 * live.
	 */
	if (replayer->flags & CRR_REPLAY_LIVE && !replayer->fed->ended &&
	    !crr_replayer_full(replayer))
		return crr_op_sleep(op, CRR_SLEEP_FEED);
	if (crr_replayer_goes_live(session, op->type ?: CRR_TYPE_STREAM_END))
		return CRR_LIVE;
	return crr_op_result(op, crr_session_refusal(session->state));
}

/* After such a write, poll(2) does not invite another one. */
static bool crr_is_throttling(const struct crr_record *rec)
{
	return rec->result == -EAGAIN || rec->result == -EINTR ||
	       (rec->result > 0 && (u32)rec->result < rec->requested);
}

/* The operation consumes the record, and owns it from now on. */
static enum crr_decision crr_op_takes(struct crr_op *op,
				      struct crr_queued *queued)
{
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;
	const struct crr_record *rec = &queued->rec;

	crr_replayer_unlink(stream, queued);
	if (crr_type_is_outbound(rec->type)) {
		stream->refused = 0;
		if (rec->type == CRR_TYPE_WRITE) {
			stream->position_out += rec->offset;
			session->bytes_out += rec->offset;
			crr_stream_throttle(stream, crr_is_throttling(rec));
		}
	} else {
		crr_empty_reads_take(stream, session->counter);
		stream->guessed = false;
		stream->position_in += rec->data_length;
		session->bytes_in += rec->data_length;
		session->gate.consumed += rec->data_length;
		crr_stream_update_wants(stream);
	}
	session->records++;
	crr_session_publish(session);
	crr_replayer_wake_feeder(session);
	op->queued = queued;
	return CRR_REPLAY;
}

/* ---- Reads ---- */

/* Whether a read at this counter finds this inbound record. */
bool crr_is_due(struct crr_stream *stream, const struct crr_record *rec)
{
	u64 counter = stream->session->counter;

	if (rec->counter != counter)
		return rec->counter < counter;
	return rec->empty_reads <= crr_empty_reads_at(stream, counter);
}

/* The first inbound record of the session that must be consumed, or NULL. */
static struct crr_queued *crr_first_due(struct crr_session *session)
{
	struct crr_queued *queued;

	list_for_each_entry(queued, &session->replayer.due, due)
		if (crr_must_be_taken(&queued->rec))
			return queued;
	return NULL;
}

/*
 * Whether the gate hides the stream's records: all of them outside checkpoints;
 * in one, those before which another stream's record was read.
 */
bool crr_is_hidden(struct crr_stream *stream)
{
	const struct crr_queued *own = crr_queue_first(&stream->inbound);
	const struct crr_queued *first;

	if (crr_gate_hides(stream))
		return true;
	if (!stream->session->gate.gated || !own)
		return false;
	first = crr_first_due(stream->session);
	return first && first->rec.sequence < own->rec.sequence;
}

static enum crr_decision crr_read_nothing(struct crr_op *op)
{
	struct crr_stream *stream = op->stream;
	u64 counter = stream->session->counter;

	if (!op->nowait)
		return crr_op_sleep(op, CRR_SLEEP_TIME);
	/* The recorded run did not read here: its poll(2) found nothing. */
	if (stream->guessed && stream->guessed_at == counter)
		stream->looks++;
	else
		crr_empty_reads_add(stream, counter);
	stream->guessed = false;
	return crr_op_result(op, op->empty);
}

/* Whether the counter has passed END. */
static bool crr_is_over(const struct crr_stream *stream)
{
	const struct crr_session *session = stream->session;
	const struct crr_order *log = session->replayer.fed;

	return log->ended && session->counter > log->counter;
}

/* The emulator knows that the peer is gone; FIONREAD never says so. */
static enum crr_decision crr_after_close(struct crr_op *op)
{
	return crr_op_result(op, op->type == CRR_TYPE_READ ? -EIO : 0);
}

/* What the tty core returns after a hangup. */
static ssize_t crr_hangup_result(const struct crr_op *op)
{
	return op->type == CRR_TYPE_READ ? 0 : -EIO;
}

/* It returns that for ever; or until END, if that is known. */
static enum crr_decision crr_after_hangup(struct crr_op *op)
{
	const struct crr_session *session = op->stream->session;
	const struct crr_replayer *replayer = &session->replayer;

	if (!replayer->fed->ended && session->counter > replayer->fed->counter &&
	    !crr_replayer_full(replayer))
		return crr_op_sleep(op, CRR_SLEEP_FEED);
	return crr_op_result(op, crr_hangup_result(op));
}

/* A read, and no inbound record is known. */
static enum crr_decision crr_read_past_queue(struct crr_op *op)
{
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;
	const struct crr_replayer *replayer = &session->replayer;
	u64 counter = session->counter;

	if (!stream->end) {
		if (stream->peer_closed)
			return crr_after_close(op);
		if (counter < replayer->fed->counter ||
		    crr_replayer_full(replayer))
			return crr_read_nothing(op);
		return crr_op_sleep(op, CRR_SLEEP_FEED);
	}

	if (counter < stream->end_counter)
		return stream->peer_closed ? crr_after_close(op) :
					     crr_read_nothing(op);
	/*
	 * At the counter of the end itself, the reads before it still come. In
	 * a checkpoint nobody has counted them.
	 */
	if (counter == stream->end_counter &&
	    (session->gate.gated ||
	     (op->nowait &&
	      crr_empty_reads_at(stream, counter) < stream->end_empty_reads)))
		return crr_read_nothing(op);
	if (stream->hung_up && !crr_is_over(stream))
		return crr_after_hangup(op);
	if (stream->end == CRR_END_CLOSED)
		return crr_op_diverges(op, CRR_DIVERGENCE_EXTRA, NULL, NULL, 0,
				       0);
	return crr_op_ends(op);
}

/**
 * crr_replayer_read - what does a read find, or FIONREAD say?
 * @op: the operation
 *
 * CRR_REPLAY: op->queued is the READ record to be delivered.
 */
enum crr_decision crr_replayer_read(struct crr_op *op)
{
	struct crr_stream *stream = op->stream;
	u64 counter = stream->session->counter;
	struct crr_queued *queued;
	struct crr_record *rec;

	if (crr_is_hidden(stream)) {
		if (stream->hung_up)
			return crr_op_result(op, crr_hangup_result(op));
		if (!op->nowait)
			return crr_op_sleep(op, CRR_SLEEP_TIME);
		/* As in recording: it is not part of the run. */
		stream->looks++;
		return crr_op_result(op, op->empty);
	}
	queued = crr_queue_first(&stream->inbound);
	if (!queued)
		return crr_read_past_queue(op);
	rec = &queued->rec;
	/*
	 * A hangup is found by the next operation, however late. Anything else
	 * was found by a read at that very counter.
	 */
	if (rec->counter < counter && rec->type != CRR_TYPE_HANGUP)
		return crr_op_diverges(op, CRR_DIVERGENCE_LATE, rec, NULL, 0,
				       0);
	if (!crr_is_due(stream, rec)) {
		if (stream->peer_closed)
			return crr_after_close(op);
		/* The recorded run did not sleep here: it found nothing. */
		if (rec->counter == counter && !op->nowait)
			return crr_op_diverges(op, CRR_DIVERGENCE_EARLY, rec,
					       NULL, 0, 0);
		return crr_read_nothing(op);
	}
	/* One run reads here, and the other one asks by FIONREAD. */
	if (rec->type != CRR_TYPE_HANGUP &&
	    (rec->type == CRR_TYPE_INQ ? op->type != CRR_TYPE_INQ :
					 op->type == CRR_TYPE_INQ))
		return crr_op_diverges(op, CRR_DIVERGENCE_EXTRA, rec, NULL, 0,
				       0);

	switch (rec->type) {
	case CRR_TYPE_INQ:
		op->result = rec->value;
		break;
	case CRR_TYPE_READ_ERROR:
		op->result = -(ssize_t)rec->error;
		break;
	case CRR_TYPE_EOF:
		op->result = 0;
		break;
	case CRR_TYPE_PEER_CLOSED:
		stream->peer_closed = true;
		op->result = -EIO;
		break;
	case CRR_TYPE_HANGUP:
		stream->hung_up = true;
		op->result = crr_hangup_result(op);
		break;
	default:
		return crr_op_takes(op, queued);
	}
	crr_op_takes(op, queued);
	crr_queued_free(queued);
	op->queued = NULL;
	return CRR_RESULT;
}

/**
 * crr_replayer_short_read - a read(2) asked for less than its record has
 * @op: the operation, which has the record
 * @delivered: bytes that it took
 */
void crr_replayer_short_read(struct crr_op *op, u32 delivered)
{
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;
	const struct crr_record *rec = &op->queued->rec;

	mutex_lock(&session->lock);
	if (session->state == CRR_STATE_REPLAYING &&
	    session->generation == op->generation) {
		stream->position_in -= rec->data_length;
		crr_diverge(stream, CRR_DIVERGENCE_LENGTH, CRR_TYPE_READ, rec,
			    NULL, delivered, delivered);
	}
	mutex_unlock(&session->lock);
}

/* ---- Writes ---- */

static enum crr_decision crr_write_refused(struct crr_op *op, bool interrupted)
{
	op->stream->refused++;
	crr_stream_throttle(op->stream, true);
	crr_replayer_wake_feeder(op->stream->session);
	return crr_op_result(op, interrupted ? -EINTR : -EAGAIN);
}

/* A write, or the like, and no outbound record is known. */
static enum crr_decision crr_write_past_queue(struct crr_op *op, const u8 *buf,
					      u32 length)
{
	struct crr_stream *stream = op->stream;
	const struct crr_order *log = stream->session->replayer.fed;
	struct crr_queued *in = crr_queue_first(&stream->inbound);
	u64 counter = stream->session->counter;

	/* After a hangup the tty core fails writes, which no record says. */
	if (in && in->rec.type == CRR_TYPE_HANGUP &&
	    crr_is_due(stream, &in->rec)) {
		stream->hung_up = true;
		crr_op_takes(op, in);
		op->queued = NULL;
		crr_queued_free(in);
	}
	if (stream->hung_up && !crr_is_over(stream))
		return crr_after_hangup(op);
	/*
	 * A full buffer without a record of this line's writes: the recorded
	 * run did something else first. The feeder waits for buffer space, so
	 * waiting for it would never end.
	 */
	if (!stream->end && counter >= log->counter) {
		if (!crr_replayer_full(&stream->session->replayer))
			return crr_op_sleep(op, CRR_SLEEP_FEED);
		return crr_op_diverges(op, CRR_DIVERGENCE_EXTRA, NULL, buf,
				       length, 0);
	}
	if (stream->end && counter <= stream->end_counter &&
	    op->type == CRR_TYPE_WRITE && stream->refused < stream->end_refused)
		return crr_write_refused(op, stream->end_interrupted);
	if (stream->end && stream->end != CRR_END_CLOSED &&
	    counter >= stream->end_counter)
		return crr_op_ends(op);
	return crr_op_diverges(op, CRR_DIVERGENCE_EXTRA, NULL, buf, length, 0);
}

/* The number of equal bytes at the beginning. */
static u32 crr_common_prefix(const u8 *a, const u8 *b, u32 length)
{
	u32 i;

	for (i = 0; i < length; i++)
		if (a[i] != b[i])
			break;
	return i;
}

/* How an operation differs from the recorded one; 0: it does not. */
static enum crr_divergence_kind crr_difference(const struct crr_op *op,
					       const struct crr_record *rec,
					       const u8 *buf, u32 length)
{
	u64 counter = op->stream->session->counter;

	if (rec->counter < counter)
		return CRR_DIVERGENCE_LATE;
	if (rec->counter > counter)
		return CRR_DIVERGENCE_EARLY;
	if (rec->type != op->type)
		return CRR_DIVERGENCE_EXTRA;
	switch (rec->type) {
	case CRR_TYPE_WRITE:
		/* How many were offered is unknown, too. */
		if (rec->flags & CRR_FLAG_UNKNOWN)
			return length < rec->requested ?
			       CRR_DIVERGENCE_LENGTH : 0;
		if (rec->requested != length)
			return CRR_DIVERGENCE_LENGTH;
		return crr_record_crc(buf, length) == rec->crc32c ?
		       0 : CRR_DIVERGENCE_CONTENT;
	case CRR_TYPE_MARK:
		return rec->data_length == length &&
		       !memcmp(buf, rec->data, length) ?
		       0 : CRR_DIVERGENCE_CONTENT;
	case CRR_TYPE_VALUE:
		return rec->kind == op->kind && rec->uses == op->uses ?
		       0 : CRR_DIVERGENCE_EXTRA;
	default:
		return 0;
	}
}

/**
 * crr_replayer_write - decide on a chunk of a write, or on any other operation
 *	that the emulator does by itself
 * @op: the operation
 * @buf: the bytes, or a mark's label
 * @length: how many
 *
 * CRR_REPLAY: op->queued is its record, and the bytes are those recorded.
 */
enum crr_decision crr_replayer_write(struct crr_op *op, const u8 *buf,
				     u32 length)
{
	struct crr_stream *stream = op->stream;
	u64 counter = stream->session->counter;
	enum crr_divergence_kind kind;
	struct crr_queued *queued;
	const struct crr_record *rec;
	u32 same = 0;

	queued = crr_queue_first(&stream->outbound);
	if (!queued)
		return crr_write_past_queue(op, buf, length);
	rec = &queued->rec;
	if (rec->counter >= counter && op->type == CRR_TYPE_WRITE &&
	    stream->refused < rec->refused)
		return crr_write_refused(op, rec->flags & CRR_FLAG_INTERRUPTED);
	kind = crr_difference(op, rec, buf, length);
	if (!kind)
		return crr_op_takes(op, queued);
	if (rec->type == op->type)
		same = crr_common_prefix(buf, rec->data,
					 min(length, rec->data_length));
	return crr_op_diverges(op, kind, rec, buf, length, same);
}

/* ---- Checkpoints of gated delivery ---- */

/* Check that the run has consumed what was due. True: it has diverged. */
static bool crr_check_passed(struct crr_session *session, u64 counter)
{
	struct crr_queued *first = crr_first_due(session);

	if (!first || first->rec.counter > counter)
		return false;
	crr_diverge(crr_replayer_stream(session, first->rec.stream),
		    CRR_DIVERGENCE_LATE, CRR_TYPE_READ, &first->rec, NULL, 0,
		    0);
	return true;
}

/**
 * crr_replayer_checkpoint - a checkpoint begins: is there anything in it?
 * @op: the operation
 * @open: out: there is
 *
 * CRR_RESULT: op->result; CRR_SLEEP: for the feeder.
 */
enum crr_decision crr_replayer_checkpoint(struct crr_op *op, bool *open)
{
	struct crr_session *session = op->stream->session;
	const struct crr_replayer *replayer = &session->replayer;
	u64 counter = session->counter;
	bool due;

	due = !list_empty(&replayer->due);
	if (!due && !replayer->fed->ended &&
	    counter >= replayer->fed->counter && !crr_replayer_full(replayer))
		return crr_op_sleep(op, CRR_SLEEP_FEED);
	if (crr_is_over(op->stream))
		return crr_op_ends(op);
	if (counter && crr_check_passed(session, counter - 1))
		return crr_op_result(op,
				     crr_session_refusal(CRR_STATE_DIVERGED));
	*open = due && crr_session_next_due(session) <= counter;
	return crr_op_result(op, 0);
}

/*
 * A checkpoint ends: what was read in the recorded one must have been read in
 * it. Returns 0 or -errno.
 */
int crr_replayer_checkpoint_end(struct crr_session *session)
{
	return crr_check_passed(session, session->counter) ?
	       crr_session_refusal(CRR_STATE_DIVERGED) : 0;
}

/* ---- The end ---- */

/* The run is stopped: check that it has consumed what was due. */
void crr_replayer_stop(struct crr_session *session)
{
	crr_session_sample(session);
	crr_check_taken(session, CRR_TYPE_STREAM_END);
}

/**
 * crr_replayer_line_left - the discipline is closed on a line of the session
 * @stream: the line's; no operation is in flight on it
 * @reason: CRR_END_CLOSED or CRR_END_HANGUP
 *
 * Either the emulator closed the tty, as the recorded run may have done, or the
 * replaying tty was hung up, which is not part of any log. With other lines in
 * the session, it may take more records to find out whether this was in time.
 */
void crr_replayer_line_left(struct crr_stream *stream, enum crr_end reason)
{
	struct crr_session *session = stream->session;
	struct crr_queued *left = NULL;
	struct crr_stream *of;

	crr_session_sample(session);
	crr_find_left(stream, &stream->inbound, &left, &of);
	crr_find_left(stream, &stream->outbound, &left, &of);
	if (left && reason != CRR_END_HANGUP)
		crr_diverge(stream, CRR_DIVERGENCE_LEFT, CRR_TYPE_STREAM_END,
			    &left->rec, NULL, 0, 0);
	else if (crr_must_take(&stream->inbound) ||
		 crr_must_take(&stream->outbound) ||
		 (!stream->end &&
		  (reason == CRR_END_HANGUP || session->nlines == 1)))
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_LINE);
	if (session->state != CRR_STATE_REPLAYING)
		return;
	/* Nobody is left to notice a hangup. */
	crr_replayer_empty(stream);
	crr_session_publish(session);
	stream->left = true;
	stream->left_counter = session->counter;
	crr_stream_update_wants(stream);
	crr_replayer_wake_feeder(session);
}
