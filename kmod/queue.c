// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of a replay, in which records that have been fed wait for the
 * operations that consume them; and how a run diverges from them. Each stream
 * has two queues: what came in, and what went out.
 *
 * All of it runs under session->lock.
 */
#include <linux/slab.h>

#include "charge.h"
#include "queue.h"
#include "state.h"

/*
 * Update what the feeder is wanted for: the next record for reads, and, after a
 * write that was not taken whole, the next write that was. Called after every
 * change of what this depends on.
 */
void crr_stream_update_wants(struct crr_stream *stream)
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

/* The last write was, or was not, refused or short. */
void crr_stream_throttle(struct crr_stream *stream, bool throttled)
{
	struct crr_replayer *replayer = &stream->session->replayer;

	replayer->throttled += throttled - stream->throttled;
	stream->throttled = throttled;
	stream->writable_shown = false;
	crr_stream_update_wants(stream);
}

void crr_stream_restart(struct crr_stream *stream)
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
	/* They are of the last replay; some of its streams may have gone. */
	replayer->throttled = 0;
	WRITE_ONCE(replayer->wanting, 0);
	list_for_each_entry(stream, &session->streams, node) {
		stream->left = false;
		stream->throttled = false;
		stream->wants_feed = false;
		crr_stream_restart(stream);
	}
}

/*
 * Whether a run must consume the record: it may end before it notices a hangup.
 */
bool crr_must_be_taken(const struct crr_record *rec)
{
	return rec->type != CRR_TYPE_HANGUP;
}

bool crr_is_taken_write(const struct crr_record *rec)
{
	return rec->type == CRR_TYPE_WRITE && rec->result > 0;
}

void crr_replayer_unlink(struct crr_stream *stream,
			 struct crr_queued *queued)
{
	struct crr_replayer *replayer = &stream->session->replayer;

	list_del(&queued->cursor);
	if (crr_type_is_inbound(queued->rec.type))
		list_del(&queued->due);
	replayer->remaining -= crr_must_be_taken(&queued->rec);
	stream->writes -= crr_is_taken_write(&queued->rec);
	WRITE_ONCE(replayer->bytes, replayer->bytes - sizeof(*queued) -
				    queued->rec.data_length);
}

/* Records hold what was typed, passwords too. NULL is none. */
void crr_queued_free(struct crr_queued *queued)
{
	if (!queued)
		return;
	memzero_explicit(queued->bytes, queued->rec.data_length);
	kfree(queued);
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

/* Forget a stream's records; crr_session_free_records() frees them. */
void crr_replayer_empty(struct crr_stream *stream)
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

/* Forget all records and the replay; crr_session_free_records() follows. */
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

struct crr_queued *crr_queue_first(struct list_head *cursor)
{
	return list_first_entry_or_null(cursor, struct crr_queued, cursor);
}

/* Whether the next record may not fit. */
bool crr_replayer_full(const struct crr_replayer *replayer)
{
	return replayer->limit < READ_ONCE(replayer->bytes) +
				 sizeof(struct crr_queued) +
				 CRR_RECORD_SIZE_MAX;
}

/**
 * crr_replayer_feedable - can the feeder go on?
 * @session: the session, locked or not
 *
 * The only condition on which a feeder sleeps, is woken, and finds EPOLLOUT. It
 * is false while the buffer is full, so that a feeder that has found no buffer
 * space sleeps. Otherwise it is true whenever an operation or poll(2) cannot be
 * answered without more records; or, where nobody needs them yet, when half of
 * the buffer is free.
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

/* Called after every change of what the condition depends on. */
void crr_replayer_wake_feeder(struct crr_session *session)
{
	if (wq_has_sleeper(&session->wait) && crr_replayer_feedable(session))
		wake_up_interruptible_poll(&session->wait, CRR_POLL_OUT);
}

struct crr_stream *crr_replayer_stream(struct crr_session *session,
				       u16 number)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->number == number)
			return stream;
	return NULL;
}

int crr_replayer_queue(struct crr_session *session, struct crr_stream *stream,
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
	}
	replayer->remaining += crr_must_be_taken(rec);
	stream->writes += crr_is_taken_write(rec);
	WRITE_ONCE(replayer->bytes, replayer->bytes + sizeof(*queued) +
				    rec->data_length);
	crr_stream_update_wants(stream);
	return 0;
}

/* ---- Divergence ---- */

/* Copy what the report shows of some bytes. Returns how many these are. */
static u32 crr_excerpt(u8 *to, const u8 *from, u32 length, u32 offset)
{
	u32 n = offset < length ? length - offset : 0;

	n = min_t(u32, n, CRR_DIVERGENCE_BYTES);
	memset(to, 0, CRR_DIVERGENCE_BYTES);
	if (n)
		memcpy(to, from + offset, n);
	return n;
}

/**
 * crr_diverge - the run has diverged from its log: note how, and end the replay
 * @stream: the stream on which it has
 * @kind: how
 * @type: CRR_TYPE_* of the operation
 * @rec: the record that the log has instead, or NULL
 * @buf: the bytes that the operation offers, or NULL
 * @length: how many
 * @offset: where the report's excerpts of them and of @rec's data begin
 */
void crr_diverge(struct crr_stream *stream, enum crr_divergence_kind kind,
		 u16 type, const struct crr_record *rec, const u8 *buf,
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
