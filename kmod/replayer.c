// SPDX-License-Identifier: GPL-2.0-only
/*
 * The replayer: records that have been fed wait here for the operations that
 * consume them.
 *
 * Each stream has two cursors: what came in, and what went out. A record is
 * due when the counter has reached its stamp. Because stamps never go back,
 * the stamp of the last record fed, the horizon, tells how far the log is
 * known: before it, what is not in a queue did not happen; from it on, an
 * operation that finds its queue empty has to wait for the feeder.
 *
 * Nothing in this file knows a tty: it decides from the queues and the counter
 * alone. All of it runs under session->lock.
 */
#include <linux/poll.h>
#include <linux/slab.h>

#include "crr.h"

/* ---- The queues ---- */

/*
 * What the feeder is wanted for: the next thing that reads will find, and, after
 * a write that was not taken whole, the next one that was. Called after every
 * change of what this depends on.
 */
static void crr_stream_update_wants(struct crr_stream *stream)
{
	struct crr_replayer *replayer = &stream->session->replayer;
	bool wants = !stream->end && !stream->left &&
		     (list_empty(&stream->inbound) ||
		      (stream->throttled && !stream->writes));

	if (wants == stream->wants_feed)
		return;
	stream->wants_feed = wants;
	WRITE_ONCE(replayer->wanting, replayer->wanting + (wants ? 1 : -1));
}

/* The last write was, or was not, refused or taken in part. */
static void crr_stream_throttle(struct crr_stream *stream, bool throttled)
{
	struct crr_replayer *replayer = &stream->session->replayer;

	replayer->throttled += throttled - stream->throttled;
	stream->throttled = throttled;
	stream->writable_shown = false;
	crr_stream_update_wants(stream);
}

/* As at the beginning of a log. */
static void crr_stream_restart(struct crr_stream *stream)
{
	stream->begun = false;
	stream->end = 0;
	stream->guessed = false;
	crr_stream_throttle(stream, false);
}

void crr_replayer_start(struct crr_session *session, u64 limit, u32 flags)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	replayer->flags = flags;
	replayer->limit = limit;
	replayer->discarded = 0;
	replayer->dropped = 0;
	replayer->refused = CRR_REASON_NONE;
	replayer->begun = false;
	replayer->tail = CRR_NO_SEQUENCE;
	replayer->skip = 0;
	WRITE_ONCE(replayer->seeking, false);
	replayer->end_shown = false;
	replayer->guesses = 0;
	/* Of the last replay; some of its streams may have gone. */
	replayer->throttled = 0;
	WRITE_ONCE(replayer->wanting, 0);
	list_for_each_entry(stream, &session->streams, node) {
		stream->left = false;
		stream->throttled = false;
		stream->wants_feed = false;
		crr_stream_restart(stream);
	}
}

/* A run need not notice a hangup: it may end before it looks again. */
static bool crr_must_be_taken(const struct crr_record *rec)
{
	return rec->type != CRR_TYPE_HANGUP;
}

/* Is this a write of which bytes were taken? */
static bool crr_is_taken_write(const struct crr_record *rec)
{
	return rec->type == CRR_TYPE_WRITE && rec->result > 0;
}

static void crr_replayer_unlink(struct crr_stream *stream,
				struct crr_queued *queued)
{
	struct crr_replayer *replayer = &stream->session->replayer;

	list_del(&queued->cursor);
	list_del(&queued->due);
	replayer->remaining -= crr_must_be_taken(&queued->rec);
	stream->writes -= crr_is_taken_write(&queued->rec);
	WRITE_ONCE(replayer->bytes, replayer->bytes - sizeof(*queued) -
				    queued->rec.data_length);
}

/* Records hold what was typed, passwords too. */
void crr_queued_free(struct crr_queued *queued)
{
	kfree_sensitive(queued);
}

/* There may be a million of them: not under a lock that others wait for. */
void crr_queued_free_all(struct list_head *garbage)
{
	struct crr_queued *queued, *next;

	list_for_each_entry_safe(queued, next, garbage, cursor) {
		crr_queued_free(queued);
		cond_resched();
	}
}

/* Forget the records of one stream; crr_session_reap() frees them. */
static void crr_replayer_empty(struct crr_stream *stream)
{
	struct list_head *garbage = &stream->session->replayer.garbage;
	struct crr_queued *queued, *next;

	list_splice_tail_init(&stream->outbound, &stream->inbound);
	list_for_each_entry_safe(queued, next, &stream->inbound, cursor) {
		crr_replayer_unlink(stream, queued);
		list_add(&queued->cursor, garbage);
		cond_resched();
	}
	crr_stream_update_wants(stream);
}

/* Forget all records, and that there was a replay; crr_session_reap() follows. */
void crr_replayer_close(struct crr_session *session)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		crr_replayer_empty(stream);
	kfree(replayer->fed);
	replayer->fed = NULL;
	crr_uncharge(&replayer->charge);
}

static struct crr_queued *crr_first(struct list_head *cursor)
{
	return list_first_entry_or_null(cursor, struct crr_queued, cursor);
}

/* The next record may not fit. */
bool crr_replayer_full(const struct crr_replayer *replayer)
{
	return replayer->limit < READ_ONCE(replayer->bytes) +
				 sizeof(struct crr_queued) +
				 CRR_RECORD_SIZE_MAX;
}

/**
 * crr_replayer_feedable - can the feeder go on?
 * @session: the session; called with or without its lock
 *
 * The only condition on which a feeder sleeps, is woken, and finds EPOLLOUT. It
 * never holds while the buffer is full, so that a feeder that has found no buffer
 * space sleeps; and it holds otherwise whenever an operation or poll(2) cannot be
 * answered without more records. Where nobody needs them yet, half of the buffer
 * is worth waking the feeder for.
 */
bool crr_replayer_feedable(const struct crr_session *session)
{
	const struct crr_replayer *replayer = &session->replayer;

	if (READ_ONCE(session->state) != CRR_STATE_REPLAYING ||
	    READ_ONCE(replayer->seeking))
		return true;
	if (crr_replayer_full(replayer))
		return false;
	return READ_ONCE(replayer->wanting) ||
	       READ_ONCE(session->sleeping[CRR_SLEEP_FEED]) ||
	       READ_ONCE(replayer->bytes) <= replayer->limit / 2;
}

/* What the condition depends on has changed. */
void crr_replayer_wake_feeder(struct crr_session *session)
{
	if (wq_has_sleeper(&session->wait) && crr_replayer_feedable(session))
		wake_up_interruptible_poll(&session->wait,
					   EPOLLOUT | EPOLLWRNORM);
}

static struct crr_stream *crr_replayer_stream(struct crr_session *session,
					      u16 number)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->number == number)
			return stream;
	return NULL;
}

static int crr_replayer_queue(struct crr_session *session,
			      struct crr_stream *stream,
			      const struct crr_record *rec)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_queued *queued;

	queued = kmalloc(sizeof(*queued) + rec->data_length,
			 GFP_KERNEL_ACCOUNT);
	if (!queued)
		return -ENOMEM;
	queued->shown = false;
	queued->signalled = false;
	queued->rec = *rec;
	queued->rec.data = queued->bytes;
	memcpy(queued->bytes, rec->data, rec->data_length);
	if (crr_type_is_inbound(rec->type)) {
		list_add_tail(&queued->cursor, &stream->inbound);
		list_add_tail(&queued->due, &replayer->due);
	} else {
		list_add_tail(&queued->cursor, &stream->outbound);
		INIT_LIST_HEAD(&queued->due);
	}
	replayer->remaining += crr_must_be_taken(rec);
	stream->writes += crr_is_taken_write(rec);
	WRITE_ONCE(replayer->bytes, replayer->bytes + sizeof(*queued) +
				    rec->data_length);
	crr_stream_update_wants(stream);
	return 0;
}

/* ---- Divergence ---- */

/* A stretch of bytes for the report. */
static u32 crr_excerpt(u8 *to, const u8 *from, u32 length, u32 offset)
{
	u32 n = offset < length ? length - offset : 0;

	n = min_t(u32, n, CRR_DIVERGENCE_BYTES);
	memset(to, 0, CRR_DIVERGENCE_BYTES);
	if (n)
		memcpy(to, from + offset, n);
	return n;
}

/*
 * The run has departed from the log: keep how, and end the replay. Only the
 * first departure means anything.
 */
static void crr_diverge(struct crr_stream *stream,
			enum crr_divergence_kind kind, u16 type,
			const struct crr_record *rec, const u8 *buf,
			u32 length, u32 offset)
{
	struct crr_session *session = stream->session;
	struct crr_divergence *div = &session->divergence;
	bool out = crr_type_is_outbound(rec ? rec->type : type);
	bool full = !rec && !stream->end &&
		    crr_replayer_full(&session->replayer);

	*div = (struct crr_divergence){
		.size = sizeof(*div),
		.kind = kind,
		.stream = stream->number,
		.sequence = CRR_NO_SEQUENCE,
		.expected_counter = CRR_NEVER,
		.counter = session->counter,
		.type = type,
		.length = length,
		.position = out ? stream->position_out : stream->position_in,
		.offset = offset,
		.facts = full ? CRR_DIVERGENCE_FULL : 0,
	};
	if (buf)
		div->bytes = crr_excerpt(div->got, buf, length, offset);
	if (rec) {
		div->sequence = rec->sequence;
		div->expected_counter = rec->counter;
		div->expected_type = rec->type;
		div->expected_length = rec->type == CRR_TYPE_WRITE ?
				       rec->requested : rec->data_length;
		div->expected_bytes = crr_excerpt(div->expected, rec->data,
						  rec->data_length, offset);
	}
	crr_session_set_state(session, CRR_STATE_DIVERGED, CRR_REASON_NONE);
}

/* ---- What is fed ---- */

/* Is every stream of the session in the log, which has named all of its own? */
static bool crr_replayer_begins(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (!stream->begun)
			return false;
	return true;
}

/*
 * A record for a line that has left the session before the log told. If its
 * time had come by then, that is how the run departed.
 */
static void crr_replayer_too_late(struct crr_stream *stream,
				  const struct crr_record *rec)
{
	if (!crr_must_be_taken(rec))
		return;
	if (rec->counter <= stream->left_counter)
		crr_diverge(stream, CRR_DIVERGENCE_LEFT, CRR_TYPE_STREAM_END,
			    rec, NULL, 0, 0);
	else
		crr_session_set_state(stream->session, CRR_STATE_FAILED,
				      CRR_REASON_LINE);
}

/* A record that the emulator, in its snapshot, has consumed already. */
static void crr_replayer_pass(struct crr_stream *stream,
			      const struct crr_record *rec)
{
	switch (rec->type) {
	case CRR_TYPE_READ:
		stream->position_in += rec->data_length;
		break;
	case CRR_TYPE_WRITE:
		stream->position_out += rec->offset;
		break;
	case CRR_TYPE_PEER_CLOSED:
		stream->peer_closed = true;
		break;
	case CRR_TYPE_HANGUP:
		stream->hung_up = true;
		break;
	}
}

/* Where does the log end with nothing but what STOP had ended? */
static void crr_replayer_note_tail(struct crr_replayer *replayer,
				   const struct crr_record *rec)
{
	bool stopped = rec->type == CRR_TYPE_STREAM_END &&
		       rec->reason == CRR_END_STOP;

	if (!stopped && rec->type != CRR_TYPE_END)
		replayer->tail = CRR_NO_SEQUENCE;
	else if (replayer->tail == CRR_NO_SEQUENCE)
		replayer->tail = rec->sequence;
}

/* One record: 0, -ENOMEM, or a positive enum crr_reason. */
static int crr_replayer_add(struct crr_session *session,
			    const struct crr_record *rec)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;
	int ret;

	ret = crr_order_check(replayer->fed, rec);
	if (ret)
		return ret;
	if (rec->type & CRR_TYPE_OPTIONAL)
		goto added;
	if (rec->type != CRR_TYPE_STREAM && !replayer->begun) {
		if (!crr_replayer_begins(session))
			return CRR_REASON_STREAMS;
		replayer->begun = true;
	}
	if (rec->type != CRR_TYPE_END) {
		stream = crr_replayer_stream(session, rec->stream);
		if (!stream)
			return CRR_REASON_STREAMS;
		switch (rec->type) {
		case CRR_TYPE_STREAM:
			stream->begun = true;
			break;
		case CRR_TYPE_STREAM_END:
			stream->end = rec->reason;
			stream->end_counter = rec->counter;
			stream->end_empties = rec->empties;
			stream->end_refused = rec->refused;
			stream->end_interrupted = rec->flags &
						  CRR_FLAG_INTERRUPTED;
			crr_stream_update_wants(stream);
			break;
		default:
			if (rec->sequence < replayer->skip) {
				crr_replayer_pass(stream, rec);
				break;
			}
			if (stream->left) {
				crr_replayer_too_late(stream, rec);
				break;
			}
			ret = crr_replayer_queue(session, stream, rec);
			if (ret)
				return ret;
			break;
		}
	}
	crr_replayer_note_tail(replayer, rec);
added:
	crr_order_add(replayer->fed, rec);
	return 0;
}

/**
 * crr_replayer_feed - take records
 * @session: the session, replaying
 * @from: the records' bytes
 * @length: how many
 *
 * Returns how many bytes were taken; or, if none, -EAGAIN for no room,
 * -EMSGSIZE for no whole record, -EBADMSG for one that is not valid, or
 * -ENOMEM.
 */
ssize_t crr_replayer_feed(struct crr_session *session, const u8 *from,
			  size_t length)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_record rec;
	size_t done = 0;
	size_t size;
	int ret = 0;

	lockdep_assert_held(&session->lock);

	while (done < length && session->state == CRR_STATE_REPLAYING) {
		if (crr_replayer_full(replayer)) {
			ret = -EAGAIN;
			break;
		}
		ret = crr_record_decode(from + done, length - done, &size,
					&rec);
		if (!ret)
			ret = crr_replayer_add(session, &rec);
		if (ret)
			break;
		done += size;
	}
	replayer->refused = max(ret, 0);
	if (ret > 0)
		ret = -EBADMSG;
	return done ?: ret;
}

/**
 * crr_replayer_next_due - the counter at which the emulator must look
 * @session: the session, replaying
 *
 * One past END: an operation there finds the session ended.
 */
u64 crr_replayer_next_due(struct crr_session *session)
{
	struct crr_replayer *replayer = &session->replayer;
	const struct crr_queued *first;

	first = list_first_entry_or_null(&replayer->due, struct crr_queued,
					 due);
	if (first)
		return first->rec.counter;
	if (!replayer->fed->ended)
		return replayer->fed->counter;
	return replayer->fed->counter == CRR_NEVER ?
	       CRR_NEVER : replayer->fed->counter + 1;
}

/* ---- Seek ---- */

/* The first record that is still to be consumed, fed or not. */
u64 crr_replayer_position(struct crr_session *session)
{
	const struct crr_replayer *replayer = &session->replayer;
	u64 position = max(replayer->fed->sequence, replayer->skip);
	const struct crr_queued *queued;
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node) {
		queued = crr_first(&stream->inbound);
		if (queued && crr_must_be_taken(&queued->rec))
			position = min(position, queued->rec.sequence);
		queued = crr_first(&stream->outbound);
		if (queued)
			position = min(position, queued->rec.sequence);
	}
	return position;
}

/**
 * crr_replayer_seek - forget all records, and ask the feeder for others
 * @session: the session, replaying, or past it
 * @sequence: of the first one that is to be consumed
 */
void crr_replayer_seek(struct crr_session *session, u64 sequence)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	list_for_each_entry(stream, &session->streams, node) {
		crr_replayer_empty(stream);
		crr_empties_take(stream, 0);
		stream->refused = 0;
		stream->position_in = 0;
		stream->position_out = 0;
		stream->peer_closed = false;
		stream->hung_up = false;
		crr_stream_restart(stream);
		stream->left_counter = session->counter;
	}
	replayer->end_shown = false;
	memset(replayer->fed, 0, sizeof(*replayer->fed));
	replayer->begun = false;
	replayer->tail = CRR_NO_SEQUENCE;
	replayer->skip = sequence;
	WRITE_ONCE(replayer->seeking, true);
	replayer->seek_generation++;
}

/* The feeder has heard of it. 0, or what CRR_IOC_SEEK_ACK says. */
int crr_replayer_seek_ack(struct crr_session *session,
			  const struct crr_seek_ack *ack)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	if (session->state != CRR_STATE_REPLAYING || !replayer->seeking)
		return -ENODATA;
	if (ack->generation != replayer->seek_generation)
		return -ESTALE;
	if (ack->sequence > replayer->skip)
		return -EINVAL;
	if (ack->sequence) {
		replayer->fed->sequence = ack->sequence;
		replayer->begun = true;
		list_for_each_entry(stream, &session->streams, node) {
			replayer->fed->part[stream->number] = CRR_PART_OPEN;
			stream->begun = true;
		}
	}
	WRITE_ONCE(replayer->seeking, false);
	return 0;
}

/* ---- What must be taken ---- */

/* The next record of a cursor, if the run may not end without it. */
static struct crr_queued *crr_must_take(struct list_head *cursor)
{
	struct crr_queued *queued = crr_first(cursor);

	return queued && crr_must_be_taken(&queued->rec) ? queued : NULL;
}

/* The record with the lowest number of those whose time has come. */
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

static void crr_judge_left(struct crr_stream *stream, u16 type,
			   struct crr_queued *left)
{
	if (left)
		crr_diverge(stream, CRR_DIVERGENCE_LEFT, type, &left->rec, NULL,
			    0, 0);
}

/*
 * Of the whole session; true: it has departed. @type: of the operation that is
 * past the end, or CRR_TYPE_STREAM_END.
 */
static bool crr_judge_all(struct crr_session *session, u16 type)
{
	struct crr_queued *left = NULL;
	struct crr_stream *stream, *of = NULL;

	list_for_each_entry(stream, &session->streams, node) {
		crr_find_left(stream, &stream->inbound, &left, &of);
		crr_find_left(stream, &stream->outbound, &left, &of);
	}
	crr_judge_left(of, type, left);
	return left;
}

static enum crr_verdict crr_op_result(struct crr_op *op, ssize_t result)
{
	op->result = result;
	return CRR_RESULT;
}

static enum crr_verdict crr_op_sleep(struct crr_op *op, enum crr_sleep sleep)
{
	op->sleep = sleep;
	return CRR_SLEEP;
}

static enum crr_verdict crr_op_diverges(struct crr_op *op,
					enum crr_divergence_kind kind,
					const struct crr_record *rec,
					const u8 *buf, u32 length, u32 offset)
{
	crr_diverge(op->stream, kind, op->type, rec, buf, length, offset);
	return crr_op_result(op, crr_session_refusal(CRR_STATE_DIVERGED));
}

/**
 * crr_replayer_is_over - the log is at its end: what becomes of the session?
 * @session: the session, replaying
 * @type: CRR_TYPE_* of the operation that has come so far, or
 *	CRR_TYPE_STREAM_END if it is none that a log has
 *
 * Returns whether it is live now; else it has ended, or diverged.
 */
bool crr_replayer_is_over(struct crr_session *session, u16 type)
{
	if (crr_judge_all(session, type))
		return false;
	if (session->replayer.flags & CRR_REPLAY_LIVE &&
	    session->replayer.fed->ended) {
		crr_session_go_live(session);
		return true;
	}
	crr_session_set_state(session, CRR_STATE_ENDED, CRR_REASON_NONE);
	return false;
}

static enum crr_verdict crr_op_ends(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;
	const struct crr_replayer *replayer = &session->replayer;

	/* A stream may end before the log; what is live knows all of it. */
	if (replayer->flags & CRR_REPLAY_LIVE && !replayer->fed->ended &&
	    !crr_replayer_full(replayer))
		return crr_op_sleep(op, CRR_SLEEP_FEED);
	if (crr_replayer_is_over(session, op->type ?: CRR_TYPE_STREAM_END))
		return CRR_AGAIN;
	return crr_op_result(op, crr_session_refusal(session->state));
}

/* After a write with this outcome, poll(2) does not invite another one. */
static bool crr_is_throttling(const struct crr_record *rec)
{
	return rec->result == -EAGAIN || rec->result == -EINTR ||
	       (rec->result > 0 && (u32)rec->result < rec->requested);
}

/* The record is consumed, and becomes the operation's. */
static enum crr_verdict crr_op_takes(struct crr_op *op,
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
		crr_empties_take(stream, session->counter);
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

/* Is this inbound record one that a read at this counter finds? */
static bool crr_is_due(struct crr_stream *stream, const struct crr_record *rec)
{
	u64 counter = stream->session->counter;

	if (rec->counter != counter)
		return rec->counter < counter;
	return rec->empties <= crr_empties_at(stream, counter);
}

/* The first inbound record of all streams that must be taken, or NULL. */
static struct crr_queued *crr_first_due(struct crr_session *session)
{
	struct crr_queued *queued;

	list_for_each_entry(queued, &session->replayer.due, due)
		if (crr_must_be_taken(&queued->rec))
			return queued;
	return NULL;
}

/*
 * With gated delivery nothing is to be seen out of checkpoints; and in one, the
 * records of all streams come in the order in which they were taken.
 */
static bool crr_is_hidden(struct crr_stream *stream)
{
	const struct crr_queued *own = crr_first(&stream->inbound);
	const struct crr_queued *first;

	if (crr_gate_hides(stream))
		return true;
	if (!stream->session->gate.gated || !own)
		return false;
	first = crr_first_due(stream->session);
	return first && first->rec.sequence < own->rec.sequence;
}

static enum crr_verdict crr_read_nothing(struct crr_op *op)
{
	struct crr_stream *stream = op->stream;
	u64 counter = stream->session->counter;

	if (!op->nowait)
		return crr_op_sleep(op, CRR_SLEEP_TIME);
	/* The recorded run did not read here: its poll(2) said so. */
	if (stream->guessed && stream->guessed_at == counter)
		crr_stream_looked(stream);
	else
		crr_empties_add(stream, counter);
	stream->guessed = false;
	return crr_op_result(op, op->empty);
}

/* Has the counter passed END? */
static bool crr_is_over(const struct crr_stream *stream)
{
	const struct crr_session *session = stream->session;
	const struct crr_order *log = session->replayer.fed;

	return log->ended && session->counter > log->counter;
}

/* The peer has gone, which the emulator knows; FIONREAD never tells. */
static enum crr_verdict crr_after_close(struct crr_op *op)
{
	return crr_op_result(op, op->type == CRR_TYPE_READ ? -EIO : 0);
}

/* What the tty core says after a hangup. */
static ssize_t crr_hangup_result(const struct crr_op *op)
{
	return op->type == CRR_TYPE_READ ? 0 : -EIO;
}

/* It says so for ever; or until END, if that is known. */
static enum crr_verdict crr_after_hangup(struct crr_op *op)
{
	const struct crr_session *session = op->stream->session;
	const struct crr_replayer *replayer = &session->replayer;

	if (!replayer->fed->ended && session->counter > replayer->fed->counter &&
	    !crr_replayer_full(replayer))
		return crr_op_sleep(op, CRR_SLEEP_FEED);
	return crr_op_result(op, crr_hangup_result(op));
}

/* A read with no inbound record left that is known of. */
static enum crr_verdict crr_read_past_queue(struct crr_op *op)
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
	 * At the very counter of the end, the reads before it still come. In a
	 * checkpoint nobody has counted them.
	 */
	if (counter == stream->end_counter &&
	    (session->gate.gated ||
	     (op->nowait &&
	      crr_empties_at(stream, counter) < stream->end_empties)))
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
enum crr_verdict crr_replayer_read(struct crr_op *op)
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
		/* As in recording: it is no part of the run. */
		crr_stream_looked(stream);
		return crr_op_result(op, op->empty);
	}
	queued = crr_first(&stream->inbound);
	if (!queued)
		return crr_read_past_queue(op);
	rec = &queued->rec;
	/*
	 * A hangup is found by whatever looks next, however late. Anything
	 * else was found by a read at its very counter.
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
	/* The recorded run did the one, and this one does the other. */
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
 * crr_replayer_short_read - the emulator's read had less room than the record
 * @op: the operation; it has the record
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

static enum crr_verdict crr_write_refused(struct crr_op *op, bool interrupted)
{
	op->stream->refused++;
	crr_stream_throttle(op->stream, true);
	crr_replayer_wake_feeder(op->stream->session);
	return crr_op_result(op, interrupted ? -EINTR : -EAGAIN);
}

/* A write with no outbound record left that is known of. */
static enum crr_verdict crr_write_past_queue(struct crr_op *op, const u8 *buf,
					     u32 length)
{
	struct crr_stream *stream = op->stream;
	const struct crr_order *log = stream->session->replayer.fed;
	struct crr_queued *in = crr_first(&stream->inbound);
	u64 counter = stream->session->counter;

	/* After a hangup the tty core fails writes, and no record tells. */
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
	 * A full buffer without a record of this line's writes: the recorded run
	 * did something else first. To wait for the feeder, who waits for buffer
	 * space, would be for ever.
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

/* How many bytes from the beginning on are the same. */
static u32 crr_agreement(const u8 *a, const u8 *b, u32 length)
{
	u32 i;

	for (i = 0; i < length; i++)
		if (a[i] != b[i])
			break;
	return i;
}

/* How a run's operation differs from the record; 0: it is the recorded one. */
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
		/* How many were offered is then unknown, too. */
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
	default:
		return 0;
	}
}

/**
 * crr_replayer_write - what becomes of a chunk of a write, or of whatever else
 *	the emulator does by itself?
 * @op: the operation
 * @buf: the bytes, or a mark's label
 * @length: how many
 *
 * CRR_REPLAY: op->queued is its record, and the bytes are the record's own.
 */
enum crr_verdict crr_replayer_write(struct crr_op *op, const u8 *buf,
				    u32 length)
{
	struct crr_stream *stream = op->stream;
	u64 counter = stream->session->counter;
	enum crr_divergence_kind kind;
	struct crr_queued *queued;
	const struct crr_record *rec;
	u32 same = 0;

	queued = crr_first(&stream->outbound);
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
		same = crr_agreement(buf, rec->data,
				     min(length, rec->data_length));
	return crr_op_diverges(op, kind, rec, buf, length, same);
}

/* ---- Poll ---- */

/* Would a write be taken? */
static bool crr_is_writable(const struct crr_stream *stream)
{
	const struct crr_queued *out;

	if (!stream->throttled)
		return true;
	list_for_each_entry(out, &stream->outbound, cursor)
		if (crr_is_taken_write(&out->rec))
			return out->rec.counter <= stream->session->counter;
	return false;
}

/* Is the log not known as far as the emulator has come? */
static bool crr_is_past_horizon(const struct crr_stream *stream)
{
	const struct crr_replayer *replayer = &stream->session->replayer;

	return !stream->end &&
	       stream->session->counter >= replayer->fed->counter &&
	       !crr_replayer_full(replayer);
}

/*
 * Has the run come to the end of its log? With gated delivery reads find nothing
 * in the last checkpoint, and the end after it.
 */
static bool crr_replayer_at_end(struct crr_session *session)
{
	const struct crr_replayer *replayer = &session->replayer;
	u64 counter = session->counter;
	struct crr_stream *stream;

	if (!replayer->fed->ended || counter < replayer->fed->counter)
		return false;
	if (counter > replayer->fed->counter)
		return true;
	if (replayer->remaining || session->gate.gated)
		return false;
	list_for_each_entry(stream, &session->streams, node)
		if (stream->end_counter == counter &&
		    crr_empties_at(stream, counter) < stream->end_empties)
			return false;
	return true;
}

/* What poll(2) says once the first inbound record is due. */
static __poll_t crr_due_events(const struct crr_record *rec)
{
	switch (rec->type) {
	case CRR_TYPE_HANGUP:
		return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
		       EPOLLERR | EPOLLHUP;
	case CRR_TYPE_PEER_CLOSED:
		return EPOLLHUP;
	default:
		return EPOLLIN | EPOLLRDNORM;
	}
}

/* The stream's first inbound record, if a read would find it now; or NULL. */
static struct crr_queued *crr_readable(struct crr_stream *stream)
{
	struct crr_queued *in = crr_first(&stream->inbound);

	if (!in || crr_is_hidden(stream) || !crr_is_due(stream, &in->rec))
		return NULL;
	return in;
}

/**
 * crr_replayer_poll - what poll(2) says: input if a read would find something,
 *	output if a write would be taken
 * @stream: the stream
 * @nonblock: the file is O_NONBLOCK
 * @wanted: the events asked for
 * @mask: out: those that there are
 *
 * Never waits: where the log is not known yet, an O_NONBLOCK file is told that
 * there is input, as its read waits for the feeder and finds out; others are
 * woken by crr_replayer_show().
 *
 * Returns false if the log is at its end and the session has gone live.
 */
bool crr_replayer_poll(struct crr_stream *stream, bool nonblock,
		       __poll_t wanted, __poll_t *mask)
{
	struct crr_session *session = stream->session;
	struct crr_replayer *replayer = &session->replayer;
	bool past, in_unknown, out_unknown;
	const struct crr_queued *in;

	lockdep_assert_held(&session->lock);

	*mask = 0;
	if (crr_replayer_at_end(session)) {
		if (replayer->flags & CRR_REPLAY_LIVE &&
		    crr_replayer_is_over(session, CRR_TYPE_STREAM_END))
			return false;
		*mask |= EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			 EPOLLERR;
	}
	in = crr_readable(stream);
	if (in)
		*mask |= crr_due_events(&in->rec);
	if (stream->hung_up)
		*mask |= EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			 EPOLLERR | EPOLLHUP;
	if (stream->peer_closed)
		*mask |= EPOLLHUP;
	if (crr_is_writable(stream))
		*mask |= EPOLLOUT | EPOLLWRNORM;

	past = crr_is_past_horizon(stream) && !stream->hung_up;
	in_unknown = past && wanted & (EPOLLIN | EPOLLRDNORM) &&
		     list_empty(&stream->inbound) && !stream->peer_closed &&
		     !crr_is_hidden(stream);
	out_unknown = past && wanted & (EPOLLOUT | EPOLLWRNORM) &&
		      stream->throttled && !stream->writes;
	replayer->guesses += in_unknown || out_unknown;
	if (nonblock && wanted & (EPOLLIN | EPOLLRDNORM)) {
		if (in_unknown)
			*mask |= EPOLLIN | EPOLLRDNORM;
		stream->guessed = in_unknown;
		stream->guessed_at = session->counter;
	}
	return true;
}

static void crr_stream_show(struct crr_stream *stream)
{
	struct crr_queued *in = crr_readable(stream);

	if (in && !in->shown) {
		in->shown = true;
		crr_line_notify(stream->line, crr_due_events(&in->rec));
	}
	/* An emulator may ask for signals when the record has long been fed. */
	if (in && !in->signalled)
		in->signalled = crr_line_signal(stream->line, POLL_IN);
	if (stream->throttled && !stream->writable_shown &&
	    crr_is_writable(stream)) {
		stream->writable_shown = true;
		crr_line_notify(stream->line, EPOLLOUT | EPOLLWRNORM);
		crr_line_signal(stream->line, POLL_OUT);
	}
}

/**
 * crr_replayer_show - wake pollers for what has become due
 * @session: the session, replaying
 *
 * One wakeup, one edge of EPOLLET and one SIGIO for each inbound record, for the
 * end of each time without buffer space, and for the end of the log. Called after
 * everything by which something may become due: a feed, a change of the counter,
 * an operation, be it an empty read or another line's.
 */
void crr_replayer_show(struct crr_session *session)
{
	struct crr_replayer *replayer = &session->replayer;
	const struct crr_queued *first;
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	first = list_first_entry_or_null(&replayer->due, struct crr_queued,
					 due);
	if (replayer->throttled ||
	    (first && first->rec.counter <= session->counter)) {
		list_for_each_entry(stream, &session->streams, node)
			if (stream->line)
				crr_stream_show(stream);
	}
	if (!replayer->end_shown && crr_replayer_at_end(session)) {
		replayer->end_shown = true;
		crr_session_wake(session);
	}
}

/* ---- Checkpoints of gated delivery ---- */

/* The run has not taken what it should have: true, and it has departed. */
static bool crr_judge_passed(struct crr_session *session, u64 counter)
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
 * CRR_RESULT: op->result; CRR_SLEEP: the feeder knows.
 */
enum crr_verdict crr_replayer_checkpoint(struct crr_op *op, bool *open)
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
	if (counter && crr_judge_passed(session, counter - 1))
		return crr_op_result(op,
				     crr_session_refusal(CRR_STATE_DIVERGED));
	*open = due && crr_replayer_next_due(session) <= counter;
	return crr_op_result(op, 0);
}

/* It ends: all that was taken in it must have been taken. 0 or -errno. */
int crr_replayer_checkpoint_end(struct crr_session *session)
{
	return crr_judge_passed(session, session->counter) ?
	       crr_session_refusal(CRR_STATE_DIVERGED) : 0;
}

/* ---- The end ---- */

/* The run is over. Has it done all that it had to by now? */
void crr_replayer_stop(struct crr_session *session)
{
	crr_session_sample(session);
	crr_judge_all(session, CRR_TYPE_STREAM_END);
}

/**
 * crr_replayer_line_left - the discipline is closed on a line of the session
 * @stream: the line's; no operation is in flight on it
 * @reason: CRR_END_CLOSED or CRR_END_HANGUP
 *
 * The emulator closed the tty, as the recorded run may have done; or the
 * replaying tty was hung up, which is not part of any log. If there are other
 * lines, whether this was in time may turn out only when more is fed.
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
		crr_judge_left(stream, CRR_TYPE_STREAM_END, left);
	else if (crr_must_take(&stream->inbound) ||
		 crr_must_take(&stream->outbound) ||
		 (!stream->end &&
		  (reason == CRR_END_HANGUP || session->nlines == 1)))
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_LINE);
	if (session->state != CRR_STATE_REPLAYING)
		return;
	/* Nobody is left who would be told of a hangup. */
	crr_replayer_empty(stream);
	crr_session_publish(session);
	stream->left = true;
	stream->left_counter = session->counter;
	crr_stream_update_wants(stream);
	crr_replayer_wake_feeder(session);
}
