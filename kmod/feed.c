// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records come from the session fd into the queues; seeks, by which the
 * emulator asks for others.
 *
 * All of it runs under session->lock.
 */
#include "feed.h"
#include "queue.h"
#include "state.h"

/* Whether the log has named every stream of the session. */
static bool crr_replayer_begins(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (!stream->begun)
			return false;
	return true;
}

/*
 * A record for a line that has left already. If it was due by then, the run has
 * diverged.
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

/* The emulator's snapshot contains this record: it is skipped. */
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

/* Note where the log ends with nothing but the STREAM_ENDs of STOP. */
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

/* Feed one record. Returns 0, -ENOMEM, or a positive enum crr_reason. */
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
			stream->end_empty_reads = rec->empty_reads;
			stream->end_refused = rec->refused;
			stream->end_interrupted = rec->flags &
						  CRR_FLAG_INTERRUPTED;
			crr_stream_update_wants(stream);
			break;
		default:
			if (rec->sequence < replayer->skip)
				crr_replayer_pass(stream, rec);
			else if (stream->left)
				crr_replayer_too_late(stream, rec);
			else
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
 * crr_replayer_feed - feed records
 * @session: the session, replaying
 * @from: the records' bytes
 * @length: how many
 *
 * Returns how many bytes were taken; or, if none, -EAGAIN for no buffer space,
 * -EMSGSIZE for no whole record, -EBADMSG for an invalid one, or -ENOMEM.
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

/* ---- Seek ---- */

/* The number of the first record that must still be consumed, fed or not. */
u64 crr_replayer_position(struct crr_session *session)
{
	const struct crr_replayer *replayer = &session->replayer;
	u64 position = max(replayer->fed->sequence, replayer->skip);
	const struct crr_queued *queued;
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node) {
		queued = crr_queue_first(&stream->inbound);
		if (queued && crr_must_be_taken(&queued->rec))
			position = min(position, queued->rec.sequence);
		queued = crr_queue_first(&stream->outbound);
		if (queued)
			position = min(position, queued->rec.sequence);
	}
	return position;
}

/**
 * crr_replayer_seek - forget all records, and ask the feeder for others
 * @session: the session, replaying, or past it
 * @sequence: of the first one to be consumed
 */
void crr_replayer_seek(struct crr_session *session, u64 sequence)
{
	struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	list_for_each_entry(stream, &session->streams, node) {
		crr_replayer_empty(stream);
		crr_empty_reads_take(stream, 0);
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

/* The feeder acknowledges a seek. Returns 0, or what CRR_IOC_SEEK_ACK does. */
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
