/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds a session, and what belongs to whom.
 *
 * A session is held by the session fd, by each line in it, and by whoever has
 * found it through a line or a clock, for as long as that one uses it: an
 * operation, a poll, an ioctl. A stream belongs to its session and may outlive
 * its line: a hangup takes the line away, not what the log says of it.
 */
#ifndef _CRR_SESSION_H
#define _CRR_SESSION_H

#include "state.h"

/*
 * Who belongs to whom: line->stream, stream->line, session->controlled,
 * session->unprivileged, line->clock, session->clock, clock->line and
 * clock->session are changed under it; stream->line and session->clock under
 * session->lock too, which is taken inside it.
 */
extern struct mutex crr_link_lock;

/* Load a pointer that is changed under crr_link_lock, which the caller has. */
#define crr_linked(_pointer)						\
	rcu_dereference_protected(_pointer, lockdep_is_held(&crr_link_lock))

/*
 * The stream, found under RCU, with a reference to its session; NULL if that is
 * being freed, or not active and @active is wanted.
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
