// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetimes of sessions and streams. Session fd, lines and clock may go in any
 * order; session.h has the lock that makes this safe.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "buffer.h"
#include "clock.h"
#include "gate.h"
#include "line.h"
#include "queue.h"
#include "recorder.h"
#include "replay_poll.h"
#include "replayer.h"
#include "session.h"
#include "state.h"

DEFINE_MUTEX(crr_link_lock);	/* see session.h */

static struct crr_session *crr_session_create(void)
{
	struct crr_session *session;

	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return NULL;
	kref_init(&session->kref);
	mutex_init(&session->lock);
	mutex_init(&session->consume_lock);
	mutex_init(&session->feed_lock);
	init_waitqueue_head(&session->wait);
	INIT_LIST_HEAD(&session->streams);
	INIT_LIST_HEAD(&session->replayer.due);
	INIT_LIST_HEAD(&session->replayer.garbage);
	crr_gate_init(&session->gate);
	session->unprivileged = true;
	session->owner = current_euid();
	return session;
}

static void crr_stream_free(struct crr_stream *stream)
{
	/* It holds what was typed last. */
	kfree_sensitive(stream->bytes);
	kfree_rcu(stream, rcu);
}

static struct crr_stream *crr_stream_create(struct crr_session *session)
{
	struct crr_stream *stream;

	stream = kzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);
	if (!stream)
		return NULL;
	stream->bytes = kmalloc(CRR_READ_MAX, GFP_KERNEL_ACCOUNT);
	if (!stream->bytes) {
		kfree(stream);
		return NULL;
	}
	stream->session = session;
	stream->unprivileged = !capable(CAP_SYS_TTY_CONFIG);
	INIT_LIST_HEAD(&stream->inbound);
	INIT_LIST_HEAD(&stream->outbound);
	return stream;
}

/* Others may still find stream and session under RCU. */
static void crr_session_destroy(struct kref *kref)
{
	struct crr_session *session = container_of(kref, struct crr_session,
						   kref);
	struct crr_stream *stream, *next;

	crr_buffer_close(&session->recorder);
	crr_replayer_close(session);
	crr_queued_free_all(&session->replayer.garbage);
	list_for_each_entry_safe(stream, next, &session->streams, node) {
		crr_stream_free(stream);
		cond_resched();
	}
	kfree_rcu(session, rcu);
}

/**
 * crr_session_free_records - free the records that a replay has left
 * @session: the session; neither it nor crr_link_lock is locked
 *
 * Called after everything that may have ended a replay, or made it forget
 * records.
 */
void crr_session_free_records(struct crr_session *session)
{
	LIST_HEAD(garbage);

	mutex_lock(&session->lock);
	list_splice_init(&session->replayer.garbage, &garbage);
	mutex_unlock(&session->lock);
	crr_queued_free_all(&garbage);
}

void crr_session_put(struct crr_session *session)
{
	kref_put(&session->kref, crr_session_destroy);
}

/**
 * crr_session_line_stream - find a line's stream
 * @line: the line
 * @active: only in an active session
 *
 * Returns the stream with a reference to its session, or NULL.
 */
struct crr_stream *crr_session_line_stream(struct crr_line *line, bool active)
{
	struct crr_stream *stream;

	rcu_read_lock();
	stream = rcu_dereference(line->stream);
	if (stream)
		stream = crr_stream_get(stream, active);
	rcu_read_unlock();
	return stream;
}

/* Forget streams whose lines have left; the others begin anew. */
void crr_session_forget_streams(struct crr_session *session)
{
	struct crr_stream *stream, *next;
	u16 number = 0;

	lockdep_assert_held(&session->lock);

	crr_replayer_close(session);
	list_for_each_entry_safe(stream, next, &session->streams, node) {
		if (!stream->line) {
			list_del(&stream->node);
			crr_stream_free(stream);
			continue;
		}
		stream->number = number++;
		stream->empty_reads = 0;
		stream->looks = 0;
		stream->refused = 0;
		stream->position_in = 0;
		stream->position_out = 0;
		stream->peer_closed = false;
		stream->hung_up = false;
		stream->hangup_seen = false;
		stream->ended = false;
	}
	WRITE_ONCE(session->nstreams, number);
}

/*
 * The line becomes a stream of the session, which gains a reference. Returns
 * -errno if the session does not accept it.
 */
static int crr_session_add_line(struct crr_session *session,
				struct crr_line *line,
				struct crr_stream *stream)
{
	struct crr_clock *clock;
	int ret = 0;

	lockdep_assert_held(&crr_link_lock);

	clock = crr_linked(line->clock);
	mutex_lock(&session->lock);
	if (session->state != CRR_STATE_IDLE || session->recorder.unread)
		ret = -EBUSY;
	else if (clock && crr_session_clock(session))
		/* Two pages cannot be one counter. */
		ret = -EEXIST;
	else if (session->nlines == CRR_STREAMS_MAX)
		ret = -ENOSPC;
	if (ret)
		goto unlock;
	crr_session_forget_streams(session);
	kref_get(&session->kref);
	stream->number = session->nstreams;
	WRITE_ONCE(session->nstreams, session->nstreams + 1);
	stream->line = line;
	session->nlines++;
	list_add_tail(&stream->node, &session->streams);
unlock:
	mutex_unlock(&session->lock);
	if (ret)
		return ret;
	session->unprivileged &= stream->unprivileged;
	rcu_assign_pointer(line->stream, stream);
	if (clock)
		crr_session_set_clock(session, clock);
	return 0;
}

/*
 * Remove the line from its session; recorder and replayer know it already. The
 * line's reference becomes the caller's.
 */
static void crr_session_remove_line(struct crr_stream *stream)
{
	struct crr_session *session = stream->session;

	lockdep_assert_held(&crr_link_lock);
	lockdep_assert_held(&session->lock);

	RCU_INIT_POINTER(stream->line->stream, NULL);
	stream->line = NULL;
	session->nlines--;
}

/* Remove all lines from a session that is over. */
static void crr_session_tear_down(struct crr_session *session)
{
	struct crr_stream *stream;

	lockdep_assert_held(&crr_link_lock);

	crr_session_set_clock(session, NULL);
	mutex_lock(&session->lock);
	list_for_each_entry(stream, &session->streams, node) {
		if (!stream->line)
			continue;
		crr_session_remove_line(stream);
		/* Not the last reference: the caller has another. */
		crr_session_put(session);
	}
	mutex_unlock(&session->lock);
}

/*
 * Whether the session has nothing to do or to report, and nobody can change
 * that.
 */
static bool crr_session_is_over(const struct crr_session *session)
{
	lockdep_assert_held(&session->lock);

	return !session->controlled &&
	       (!session->nlines || (session->state == CRR_STATE_IDLE &&
				     !session->recorder.unread));
}

/**
 * crr_session_release_idle - an operation or poll(2) has found the session idle
 * @session: the session; the caller has a reference, and none of the locks
 *
 * Tears the session down if nobody controls it: its replay went live.
 */
void crr_session_release_idle(struct crr_session *session)
{
	bool over;

	if (READ_ONCE(session->controlled))
		return;
	mutex_lock(&crr_link_lock);
	mutex_lock(&session->lock);
	over = crr_session_is_over(session);
	mutex_unlock(&session->lock);
	if (over)
		crr_session_tear_down(session);
	mutex_unlock(&crr_link_lock);
}

/* Whoever can open the tty may not see what others recorded on it. */
static bool crr_session_may_be_taken(const struct crr_session *session)
{
	return capable(CAP_SYS_TTY_CONFIG) ||
	       (session->unprivileged &&
		uid_eq(session->owner, current_euid()));
}

/**
 * crr_session_acquire - make a line's session, or take over an orphaned one
 * @line: the line; in one of its callbacks
 *
 * Returns the session with a reference for the controller, which
 * crr_session_controller_gone() gives back; or an ERR_PTR: -EBUSY, -EPERM,
 * -ENOMEM.
 */
struct crr_session *crr_session_acquire(struct crr_line *line)
{
	struct crr_session *session;
	struct crr_stream *stream;

	mutex_lock(&crr_link_lock);
	stream = crr_linked(line->stream);
	if (!stream) {
		session = crr_session_create();
		stream = session ? crr_stream_create(session) : NULL;
		if (stream) {
			/* A new session accepts every line. */
			crr_session_add_line(session, line, stream);
		} else {
			if (session)
				crr_session_put(session);
			session = ERR_PTR(-ENOMEM);
		}
	} else if (stream->session->controlled) {
		session = ERR_PTR(-EBUSY);
	} else if (!crr_session_may_be_taken(stream->session)) {
		session = ERR_PTR(-EPERM);
	} else {
		session = stream->session;
		kref_get(&session->kref);
	}
	if (!IS_ERR(session))
		WRITE_ONCE(session->controlled, true);
	mutex_unlock(&crr_link_lock);
	return session;
}

/**
 * crr_session_join - add a line to a session
 * @session: the session
 * @line: the line; in one of its callbacks
 * @number: out: number of its stream
 *
 * Returns 0, or what CRR_IOC_JOIN does.
 */
int crr_session_join(struct crr_session *session, struct crr_line *line,
		     u32 *number)
{
	struct crr_stream *stream;
	int ret;

	stream = crr_stream_create(session);
	if (!stream)
		return -ENOMEM;
	mutex_lock(&crr_link_lock);
	if (rcu_access_pointer(line->stream))
		ret = -EBUSY;
	else if (!session->controlled)
		/* The session fd has been closed meanwhile. */
		ret = -EBADF;
	else
		ret = crr_session_add_line(session, line, stream);
	if (!ret)
		*number = stream->number;
	mutex_unlock(&crr_link_lock);
	crr_session_free_records(session);
	if (ret)
		crr_stream_free(stream);
	return ret;
}

/**
 * crr_session_controller_gone - the session fd has been closed
 * @session: the session; the fd's reference is given back
 *
 * A recording stays for the next controller; a replay fails unless all of its
 * log has been fed.
 */
void crr_session_controller_gone(struct crr_session *session)
{
	bool over;

	mutex_lock(&crr_link_lock);
	mutex_lock(&session->lock);
	WRITE_ONCE(session->controlled, false);
	/* Nobody knows whether it has kept what it read last. */
	session->recorder.taken = 0;
	if (session->state == CRR_STATE_REPLAYING &&
	    !session->replayer.fed->ended)
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_FEEDER);
	else
		crr_session_wake_sleepers(session);
	over = crr_session_is_over(session);
	mutex_unlock(&session->lock);
	if (over)
		crr_session_tear_down(session);
	mutex_unlock(&crr_link_lock);
	crr_session_put(session);
}

/**
 * crr_session_line_left - the discipline is closed on a line
 * @line: the line; no operation is in flight on it
 */
void crr_session_line_left(struct crr_line *line)
{
	struct crr_session *session = NULL;
	struct crr_stream *stream;
	struct crr_clock *clock;
	enum crr_end reason = line->hung_up ? CRR_END_HANGUP : CRR_END_CLOSED;

	mutex_lock(&crr_link_lock);
	clock = crr_linked(line->clock);
	if (clock)
		clock->line = NULL;
	stream = crr_linked(line->stream);
	if (stream) {
		session = stream->session;
		mutex_lock(&session->lock);
		if (session->state == CRR_STATE_RECORDING)
			crr_recorder_line_left(stream, reason);
		else if (session->state == CRR_STATE_REPLAYING)
			crr_replayer_line_left(stream, reason);
		crr_session_remove_line(stream);
		wake_up_interruptible_poll(&session->wait, EPOLLHUP);
		mutex_unlock(&session->lock);
		if (!session->controlled && !session->nlines)
			crr_session_tear_down(session);
	}
	mutex_unlock(&crr_link_lock);
	if (session) {
		crr_session_free_records(session);
		crr_session_put(session);
	}
}

/**
 * crr_session_set_clock - the session gets a clock, or loses it
 * @session: the session
 * @clock: the clock; NULL for none
 */
void crr_session_set_clock(struct crr_session *session,
			   struct crr_clock *clock)
{
	struct crr_clock *old;

	lockdep_assert_held(&crr_link_lock);

	mutex_lock(&session->lock);
	old = crr_session_clock(session);
	if (old) {
		/* The last value stays: the counter must not go back. */
		WRITE_ONCE(session->supplied, 0);
		if (session->state != CRR_STATE_IDLE) {
			crr_session_sample(session);
			WRITE_ONCE(session->supplied,
				   session->counter);
		}
		RCU_INIT_POINTER(old->session, NULL);
		crr_clock_publish(old, CRR_STATE_IDLE, CRR_NEVER);
	}
	rcu_assign_pointer(session->clock, clock);
	if (clock)
		rcu_assign_pointer(clock->session, session);
	else if (session->state == CRR_STATE_RECORDING)
		/* Nobody is left to say when it saw a hangup. */
		crr_recorder_hangup_seen(session);
	crr_session_publish(session);
	mutex_unlock(&session->lock);
}

/**
 * crr_session_count - the emulator sets its counter by ioctl
 * @session: the session
 * @counter: the value
 * @next_due: out: &struct crr_counter
 *
 * Returns what crr_session_set_counter() does.
 */
int crr_session_count(struct crr_session *session, u64 counter, u64 *next_due)
{
	int ret;

	mutex_lock(&session->lock);
	ret = crr_session_set_counter(session, counter);
	if (ret)
		goto unlock;
	*next_due = crr_session_next_due(session);
	if (session->state == CRR_STATE_RECORDING)
		crr_recorder_hangup_seen(session);
	if (session->state == CRR_STATE_REPLAYING) {
		if (*next_due <= counter)
			crr_session_wake_sleepers(session);
		crr_replayer_wake_pollers(session);
	}
unlock:
	mutex_unlock(&session->lock);
	return ret;
}

/* After an ioctl of the emulator: wake pollers for what is due. */
void crr_session_wake_pollers(struct crr_line *line)
{
	struct crr_stream *stream = crr_session_line_stream(line, true);
	struct crr_session *session;

	if (!stream)
		return;
	session = stream->session;
	mutex_lock(&session->lock);
	if (session->state == CRR_STATE_REPLAYING)
		crr_replayer_wake_pollers(session);
	mutex_unlock(&session->lock);
	crr_session_put(session);
}
