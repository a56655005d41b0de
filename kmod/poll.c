// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(2).
 *
 * Never waits for anything that a user may keep from coming: its callers hold
 * locks of epoll, or are threads of a work queue.
 */
#include "buffer.h"
#include "callbacks.h"
#include "gate.h"
#include "line.h"
#include "replay_poll.h"
#include "run.h"
#include "session.h"
#include "state.h"

/* Returns false if the device is to be polled. */
static bool crr_session_poll(struct crr_stream *stream, struct file *file,
			     __poll_t wanted, __poll_t *mask)
{
	struct crr_session *session = stream->session;
	bool answered;

	mutex_lock(&session->lock);
	answered = session->state > CRR_STATE_RECORDING;
	if (session->state == CRR_STATE_REPLAYING) {
		crr_session_sample(session);
		answered = crr_replayer_poll(stream,
					     file->f_flags & O_NONBLOCK,
					     wanted, mask);
		if (!answered)
			crr_session_go_live(session);
	} else {
		*mask = CRR_POLL_IN | CRR_POLL_OUT | EPOLLERR;
	}
	if (answered && !(*mask & wanted))
		stream->looks++;
	mutex_unlock(&session->lock);
	if (!answered)
		crr_session_release_idle(session);
	return answered;
}

/* Hide some of the device's events while they are recorded. */
static __poll_t crr_recorded_poll(struct crr_stream *stream, __poll_t wanted,
				  __poll_t mask)
{
	struct crr_session *session = stream->session;

	mutex_lock(&session->lock);
	if (session->state == CRR_STATE_RECORDING) {
		if (crr_gate_hides(stream))
			mask &= ~(CRR_POLL_IN | EPOLLHUP);
		/* What is there cannot be had without buffer space. */
		if (!stream->ended &&
		    !crr_buffer_has_space(&session->recorder)) {
			session->recorder.space_wanted = true;
			mask &= ~(CRR_POLL_IN | CRR_POLL_OUT);
		}
		if (!(mask & wanted))
			stream->looks++;
	}
	mutex_unlock(&session->lock);
	return mask;
}

/*
 * Called by the tty core, for any number of pollers. The poller is on the tty's
 * queues before the session is looked at, so that any change from then on wakes
 * it. It is on no other queues, as the session may go first.
 */
__poll_t crr_ldisc_poll(struct tty_struct *tty, struct file *file,
			poll_table *wait)
{
	__poll_t wanted = poll_requested_events(wait);
	struct crr_line *line = crr_line_find(tty);
	struct crr_stream *stream;
	struct crr_session *session;
	__poll_t mask;

	poll_wait(file, &tty->read_wait, wait);
	poll_wait(file, &tty->write_wait, wait);
	stream = crr_session_line_stream(line, true);
	if (!stream)
		return crr_n_tty.poll(tty, file, NULL);

	session = stream->session;
	if (READ_ONCE(session->state) <= CRR_STATE_RECORDING ||
	    !crr_session_poll(stream, file, wanted, &mask))
		mask = crr_recorded_poll(stream, wanted,
					 crr_n_tty.poll(tty, file, NULL));
	crr_session_put(session);
	return mask;
}
