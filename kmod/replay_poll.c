// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(2) in replay: which events there are, and who is woken when that
 * changes.
 */
#include "line.h"
#include "queue.h"
#include "replay_poll.h"
#include "replayer.h"
#include "state.h"

/* Whether a write would be taken. */
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

/* Whether the log is not known as far as the counter. */
static bool crr_is_past_horizon(const struct crr_stream *stream)
{
	const struct crr_replayer *replayer = &stream->session->replayer;

	return !stream->end &&
	       stream->session->counter >= replayer->fed->counter &&
	       !crr_replayer_full(replayer);
}

/*
 * Whether the run has come to the end of its log. With gated delivery reads
 * find nothing in the last checkpoint, and the end after it.
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
		    crr_empty_reads_at(stream, counter) < stream->end_empty_reads)
			return false;
	return true;
}

/* The events once the first inbound record is due. */
static __poll_t crr_due_events(const struct crr_record *rec)
{
	switch (rec->type) {
	case CRR_TYPE_HANGUP:
		return CRR_POLL_IN | CRR_POLL_OUT | EPOLLERR | EPOLLHUP;
	case CRR_TYPE_PEER_CLOSED:
		return EPOLLHUP;
	default:
		return CRR_POLL_IN;
	}
}

/* The first inbound record, if a read would find it now; or NULL. */
static struct crr_queued *crr_readable(struct crr_stream *stream)
{
	struct crr_queued *in = crr_queue_first(&stream->inbound);

	if (!in || crr_is_hidden(stream) || !crr_is_due(stream, &in->rec))
		return NULL;
	return in;
}

/**
 * crr_replayer_poll - the events of poll(2): input if a read would find something,
 *	output if a write would be taken
 * @stream: the stream
 * @nonblock: the file is O_NONBLOCK
 * @wanted: the events asked for
 * @mask: out: the events that there are
 *
 * Never waits. Where the log is not known yet, an O_NONBLOCK file is told that
 * there is input, as its read waits for the feeder and finds out; others are
 * woken by crr_replayer_wake_pollers().
 *
 * Returns false if the log is at its end and the session goes live, which is
 * left to the caller.
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
		    crr_replayer_goes_live(session, CRR_TYPE_STREAM_END))
			return false;
		*mask |= CRR_POLL_IN | CRR_POLL_OUT | EPOLLERR;
	}
	in = crr_readable(stream);
	if (in)
		*mask |= crr_due_events(&in->rec);
	if (stream->hung_up)
		*mask |= CRR_POLL_IN | CRR_POLL_OUT | EPOLLERR | EPOLLHUP;
	if (stream->peer_closed)
		*mask |= EPOLLHUP;
	if (crr_is_writable(stream))
		*mask |= CRR_POLL_OUT;

	past = crr_is_past_horizon(stream) && !stream->hung_up;
	in_unknown = past && wanted & CRR_POLL_IN &&
		     list_empty(&stream->inbound) && !stream->peer_closed &&
		     !crr_is_hidden(stream);
	out_unknown = past && wanted & CRR_POLL_OUT &&
		      stream->throttled && !stream->writes;
	replayer->guesses += in_unknown || out_unknown;
	if (nonblock && wanted & CRR_POLL_IN) {
		if (in_unknown)
			*mask |= CRR_POLL_IN;
		stream->guessed = in_unknown;
		stream->guessed_at = session->counter;
	}
	return true;
}

static void crr_stream_wake_pollers(struct crr_stream *stream)
{
	struct crr_queued *in = crr_readable(stream);

	if (in && !in->shown) {
		in->shown = true;
		crr_line_notify(stream->line, crr_due_events(&in->rec));
	}
	/* An emulator may ask for SIGIO long after the record was fed. */
	if (in && !in->signalled)
		in->signalled = crr_line_signal(stream->line, POLL_IN);
	if (stream->throttled && !stream->writable_shown &&
	    crr_is_writable(stream)) {
		stream->writable_shown = true;
		crr_line_notify(stream->line, CRR_POLL_OUT);
		crr_line_signal(stream->line, POLL_OUT);
	}
}

/**
 * crr_replayer_wake_pollers - wake pollers for what has become due
 * @session: the session, replaying
 *
 * One wakeup, one edge of EPOLLET and one SIGIO for each inbound record, for
 * the end of each time without buffer space, and for the end of the log. Called
 * after everything that may make something due: a feed, a change of the counter,
 * an operation, even an empty read or one on another line.
 */
void crr_replayer_wake_pollers(struct crr_session *session)
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
				crr_stream_wake_pollers(stream);
	}
	if (!replayer->end_shown && crr_replayer_at_end(session)) {
		replayer->end_shown = true;
		crr_session_wake(session);
	}
}
