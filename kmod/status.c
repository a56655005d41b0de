// SPDX-License-Identifier: GPL-2.0-only
/*
 * The status of a session, for CRR_IOC_STATUS and /proc.
 */
#include "buffer.h"
#include "feed.h"
#include "state.h"
#include "status.h"

/* Fill in the status where there is no session. */
void crr_status_clear(struct crr_status *status)
{
	*status = (struct crr_status){
		.tty_fd = status->tty_fd,
		.stream = CRR_NO_STREAM,
		.next_due = CRR_NEVER,
	};
}

void crr_session_status(struct crr_session *session, struct crr_status *status)
{
	const struct crr_recorder *recorder = &session->recorder;
	const struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	/*
	 * The counter as it is now; that it went back is for operations to
	 * report.
	 */
	if (session->state != CRR_STATE_IDLE)
		crr_session_sample(session);
	status->counter = session->counter;
	status->facts = CRR_STATUS_SESSION |
		(session->controlled ? CRR_STATUS_CONTROLLER : 0) |
		(crr_session_clock(session) ? CRR_STATUS_CLOCK : 0) |
		(status->counter ? CRR_STATUS_COUNTED : 0) |
		(session->divergence.kind ? CRR_STATUS_DIVERGENCE : 0) |
		(recorder->unread ? CRR_STATUS_UNREAD : 0) |
		(recorder->interrupted ? CRR_STATUS_INTERRUPTED : 0) |
		(recorder->threads ? CRR_STATUS_THREADS : 0) |
		(session->gate.gated ? CRR_STATUS_GATED : 0) |
		(session->gate.begun ? CRR_STATUS_CHECKPOINT : 0);
	status->state = session->state;
	status->reason = session->reason ?: replayer->refused;
	status->streams = session->nstreams;
	status->waiting =
		(session->sleeping[CRR_SLEEP_TIME] ? CRR_WAITING_READ : 0) |
		(session->sleeping[CRR_SLEEP_FEED] ? CRR_WAITING_FEED : 0) |
		(session->sleeping[CRR_SLEEP_SPACE] ? CRR_WAITING_SPACE : 0);
	status->sequence = session->sequence;
	status->position = session->sequence;
	status->records = session->records;
	status->bytes_in = session->bytes_in;
	status->bytes_out = session->bytes_out;
	status->next_due = crr_session_next_due(session);
	list_for_each_entry(stream, &session->streams, node)
		status->looks += stream->looks;
	if (replayer->fed) {
		if (replayer->fed->ended)
			status->facts |= CRR_STATUS_END_FED;
		status->sequence = replayer->fed->sequence;
		status->horizon = replayer->fed->counter;
		status->remaining = replayer->remaining;
		status->discarded = replayer->discarded;
		status->dropped = replayer->dropped;
		status->guesses = replayer->guesses;
		status->buffered = replayer->bytes;
		status->buffer_size = replayer->limit;
		status->position = crr_replayer_position(session);
		status->seek_generation = replayer->seek_generation;
		if (replayer->seeking) {
			status->facts |= CRR_STATUS_SEEK;
			status->seek_sequence = replayer->skip;
		}
	} else if (recorder->chan) {
		status->buffered = recorder->unread;
		status->buffer_size = crr_buffer_capacity(recorder);
	}
}
