/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * References, and which objects belong together.
 *
 * A session is referenced by the session fd, by each line in it, and by each
 * operation, poll or ioctl that has found it through a line or a clock, while
 * that lasts. A stream belongs to its session and may outlive its line: a
 * hangup takes the line away, but not what the log says of it.
 */
#ifndef _CRR_SESSION_H
#define _CRR_SESSION_H

#include "state.h"

/*
 * Protects changes of line->stream, stream->line, session->controlled,
 * session->unprivileged, line->clock, session->clock, clock->line and
 * clock->session. Changes of stream->line and session->clock also need
 * session->lock, which is taken inside it.
 */
extern struct mutex crr_link_lock;

/* Load a pointer that crr_link_lock protects. */
#define crr_linked(_pointer)						\
	rcu_dereference_protected(_pointer, lockdep_is_held(&crr_link_lock))

/*
 * Take a reference to the session of a stream that was found under RCU. Returns
 * NULL if the session is being freed, or is not active but @active is wanted.
 */
static inline struct crr_stream *crr_stream_get(struct crr_stream *stream,
						bool active)
{
	struct crr_session *session = stream->session;

	if ((active && !READ_ONCE(session->active)) ||
	    !kref_get_unless_zero(&session->kref))
		return NULL;
	return stream;
}

void crr_session_put(struct crr_session *session);
void crr_session_free_records(struct crr_session *session);
struct crr_stream *crr_session_line_stream(struct crr_line *line, bool active);
void crr_session_forget_streams(struct crr_session *session);
struct crr_session *crr_session_acquire(struct crr_line *line);
int crr_session_join(struct crr_session *session, struct crr_line *line,
		     u32 *number);
void crr_session_controller_gone(struct crr_session *session);
void crr_session_release_idle(struct crr_session *session);
void crr_session_line_left(struct crr_line *line);
void crr_session_set_clock(struct crr_session *session,
			   struct crr_clock *clock);
int crr_session_count(struct crr_session *session, u64 counter, u64 *next_due);
void crr_session_wake_pollers(struct crr_line *line);

#endif /* _CRR_SESSION_H */
