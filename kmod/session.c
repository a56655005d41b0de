// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: who holds them, and what they do.
 *
 * This file owns all lifetimes. Session fd, lines and clock may go in any
 * order; crr.h tells which lock makes that safe.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "crr.h"

/* Who belongs to whom: see crr.h. */
DEFINE_MUTEX(crr_link_lock);

static struct crr_clock *crr_session_clock(struct crr_session *session)
{
	return rcu_dereference_protected(session->clock,
					 lockdep_is_held(&session->lock));
}

/* ---- Lifetimes ---- */

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
	/* What was typed last. */
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
	spin_lock_init(&stream->empties.lock);
	INIT_LIST_HEAD(&stream->inbound);
	INIT_LIST_HEAD(&stream->outbound);
	return stream;
}

/* Those who find a stream or session without a reference do so under RCU. */
static void crr_session_destroy(struct kref *kref)
{
	struct crr_session *session = container_of(kref, struct crr_session,
						   kref);
	struct crr_stream *stream, *next;

	crr_recorder_close(&session->recorder);
	crr_replayer_close(session);
	crr_queued_free_all(&session->replayer.garbage);
	list_for_each_entry_safe(stream, next, &session->streams, node) {
		crr_stream_free(stream);
		cond_resched();
	}
	kfree_rcu(session, rcu);
}

/**
 * crr_session_reap - free the records that a replay has left
 * @session: the session; neither it nor crr_link_lock is locked
 *
 * Called by whoever may have ended a replay, or made it forget records.
 */
void crr_session_reap(struct crr_session *session)
{
	LIST_HEAD(garbage);

	mutex_lock(&session->lock);
	list_splice_init(&session->replayer.garbage, &garbage);
	mutex_unlock(&session->lock);
	crr_queued_free_all(&garbage);
}

void crr_session_get(struct crr_session *session)
{
	kref_get(&session->kref);
}

void crr_session_put(struct crr_session *session)
{
	kref_put(&session->kref, crr_session_destroy);
}

/**
 * crr_session_line_stream - a line's part in a session, held
 * @line: the line
 * @active: only of a session that is not idle
 *
 * For those who are not counted in line->inflight: returns the stream with a
 * reference to its session, or NULL.
 */
struct crr_stream *crr_session_line_stream(struct crr_line *line, bool active)
{
	struct crr_stream *stream;

	rcu_read_lock();
	stream = rcu_dereference(line->stream);
	if (stream &&
	    ((active &&
	      READ_ONCE(stream->session->state) == CRR_STATE_IDLE) ||
	     !kref_get_unless_zero(&stream->session->kref)))
		stream = NULL;
	rcu_read_unlock();
	return stream;
}

/* Streams whose lines have gone have no part in what comes next. */
static void crr_session_forget_streams(struct crr_session *session)
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
		crr_empties_reset(stream);
		memset(stream->room, 0, sizeof(stream->room));
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
 * The line becomes a stream of the session, which gains a reference; or the
 * session is not ready for one.
 */
static int crr_session_add_line(struct crr_session *session,
				struct crr_line *line,
				struct crr_stream *stream)
{
	struct crr_clock *clock;
	int ret = 0;

	lockdep_assert_held(&crr_link_lock);

	clock = rcu_dereference_protected(line->clock,
					  lockdep_is_held(&crr_link_lock));
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
	crr_session_get(session);
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
 * Part the line from its session; the caller has told recorder and replayer.
 * The line's reference becomes the caller's.
 */
static void crr_session_remove_line(struct crr_stream *stream)
{
	struct crr_session *session = stream->session;

	lockdep_assert_held(&crr_link_lock);
	lockdep_assert_held(&session->lock);

	WRITE_ONCE(stream->line->engaged, NULL);
	RCU_INIT_POINTER(stream->line->stream, NULL);
	stream->line = NULL;
	session->nlines--;
}

/**
 * crr_session_depart - give back what lines have kept of their former sessions
 * @line: the line
 *
 * Called when something has been added to line->departed, and when an
 * operation has been the last in flight: one of them sees the other. As long as
 * something is in flight it may be of one of these sessions.
 */
void crr_session_depart(struct crr_line *line)
{
	struct crr_stream *stream, *next;
	struct llist_node *departed;

	do {
		departed = llist_del_all(&line->departed);
		if (!departed)
			return;
		smp_mb(); /* pairs with crr_line_enter() */
		if (!atomic64_read(&line->inflight)) {
			llist_for_each_entry_safe(stream, next, departed,
						  departed)
				crr_session_put(stream->session);
			return;
		}
		llist_for_each_entry_safe(stream, next, departed, departed)
			llist_add(&stream->departed, &line->departed);
		smp_mb(); /* pairs with crr_line_leave() */
	} while (!atomic64_read(&line->inflight));
}

/* Nobody controls the session, and it has nothing to do or to tell. */
static void crr_session_dissolve(struct crr_session *session)
{
	struct crr_stream *stream;
	struct crr_line *line;

	lockdep_assert_held(&crr_link_lock);

	crr_session_set_clock(session, NULL);
	mutex_lock(&session->lock);
	list_for_each_entry(stream, &session->streams, node) {
		line = stream->line;
		if (!line)
			continue;
		crr_session_remove_line(stream);
		smp_mb(); /* pairs with crr_line_enter() */
		llist_add(&stream->departed, &line->departed);
		smp_mb(); /* pairs with crr_line_leave() */
		/* Not the last reference: the caller holds another. */
		if (!atomic64_read(&line->inflight))
			crr_session_depart(line);
	}
	mutex_unlock(&session->lock);
}

/* What somebody else recorded is not for everybody who can open the tty. */
static bool crr_session_may_be_taken(const struct crr_session *session)
{
	return capable(CAP_SYS_TTY_CONFIG) ||
	       (session->unprivileged &&
		uid_eq(session->owner, current_euid()));
}

/**
 * crr_session_control - make a line's session, or take an orphaned one over
 * @line: the line; in one of its callbacks
 *
 * Returns the session's new file, or an ERR_PTR: -EBUSY, -EPERM, -ENOMEM,
 * -ENFILE.
 */
struct file *crr_session_control(struct crr_line *line)
{
	struct crr_session *session;
	struct crr_stream *stream;
	struct file *file;

	mutex_lock(&crr_link_lock);
	stream = rcu_dereference_protected(line->stream,
					   lockdep_is_held(&crr_link_lock));
	if (stream) {
		session = stream->session;
		if (session->controlled) {
			file = ERR_PTR(-EBUSY);
			goto unlock;
		}
		if (!crr_session_may_be_taken(session)) {
			file = ERR_PTR(-EPERM);
			goto unlock;
		}
		crr_session_get(session);
		stream = NULL;
	} else {
		file = ERR_PTR(-ENOMEM);
		session = crr_session_create();
		if (!session)
			goto unlock;
		stream = crr_stream_create(session);
		if (!stream)
			goto put;
	}

	file = crr_controller_file(session);
	if (IS_ERR(file)) {
		if (stream)
			crr_stream_free(stream);
		goto put;
	}
	if (stream)
		/* A new session refuses nobody. */
		crr_session_add_line(session, line, stream);
	WRITE_ONCE(session->controlled, true);
	goto unlock;

put:
	crr_session_put(session);
unlock:
	mutex_unlock(&crr_link_lock);
	return file;
}

/**
 * crr_session_join - a line becomes one of a session's
 * @session: the session
 * @line: the line; in one of its callbacks
 * @number: out: of its stream
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
		/* The fd has been closed meanwhile. */
		ret = -EBADF;
	else
		ret = crr_session_add_line(session, line, stream);
	if (!ret)
		*number = stream->number;
	mutex_unlock(&crr_link_lock);
	crr_session_reap(session);
	if (ret)
		crr_stream_free(stream);
	return ret;
}

/**
 * crr_session_orphan - the controller has closed the session fd, or died
 * @session: the session; the fd's reference is given back
 *
 * What is being recorded stays for the next one; what was to be fed will not
 * come.
 */
void crr_session_orphan(struct crr_session *session)
{
	bool over;

	mutex_lock(&crr_link_lock);
	mutex_lock(&session->lock);
	WRITE_ONCE(session->controlled, false);
	/* Whether it has kept what it read last, nobody knows. */
	session->recorder.taken = 0;
	if (session->state == CRR_STATE_REPLAYING &&
	    !session->replayer.fed->ended)
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_FEEDER);
	else
		crr_session_nudge(session);
	over = !session->nlines || (session->state == CRR_STATE_IDLE &&
				    !session->recorder.unread);
	mutex_unlock(&session->lock);
	if (over)
		crr_session_dissolve(session);
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
	clock = rcu_dereference_protected(line->clock,
					  lockdep_is_held(&crr_link_lock));
	if (clock)
		clock->line = NULL;
	stream = rcu_dereference_protected(line->stream,
					   lockdep_is_held(&crr_link_lock));
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
			crr_session_dissolve(session);
	}
	mutex_unlock(&crr_link_lock);
	if (session) {
		crr_session_reap(session);
		crr_session_put(session);
	}
}

/**
 * crr_session_set_clock - the session gets its clock, or loses it
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
		/* The last value stays: the log must not go back. */
		WRITE_ONCE(session->supplied, 0);
		if (session->state != CRR_STATE_IDLE) {
			crr_session_sample(session);
			WRITE_ONCE(session->supplied,
				   crr_session_counter(session));
		}
		RCU_INIT_POINTER(old->session, NULL);
		crr_clock_publish(old, CRR_STATE_IDLE, CRR_NEVER);
	}
	rcu_assign_pointer(session->clock, clock);
	if (clock)
		rcu_assign_pointer(clock->session, session);
	else if (session->state == CRR_STATE_RECORDING)
		/* Nobody is left who could say when it saw a hangup. */
		crr_recorder_hangup_seen(session);
	crr_session_publish(session);
	mutex_unlock(&session->lock);
}

/* ---- The counter ---- */

/**
 * crr_session_sample - look at the counter
 * @session: the session, locked
 *
 * Returns 0, or -ERANGE if the counter has gone back; session->counter then
 * is what it was. In a checkpoint it stands.
 */
int crr_session_sample(struct crr_session *session)
{
	u64 counter;

	lockdep_assert_held(&session->lock);

	return session->gate.begun ? 0 : crr_session_advance(session, &counter);
}

u64 crr_session_next_due(struct crr_session *session)
{
	switch (session->state) {
	case CRR_STATE_IDLE:
	case CRR_STATE_RECORDING:
		return CRR_NEVER;
	case CRR_STATE_REPLAYING:
		return crr_replayer_next_due(session);
	default:
		return 0;
	}
}

/* Tell the emulator, through its clock, what has changed. */
void crr_session_publish(struct crr_session *session)
{
	struct crr_clock *clock = crr_session_clock(session);

	if (clock)
		crr_clock_publish(clock, session->state,
				  crr_session_next_due(session));
}

/**
 * crr_session_set_counter - the counter is such
 * @session: the session, locked
 * @counter: the value
 *
 * Returns 0; -ERANGE if it goes back; -EBUSY if it moves in a checkpoint.
 */
int crr_session_set_counter(struct crr_session *session, u64 counter)
{
	struct crr_clock *clock = crr_session_clock(session);

	if (session->state != CRR_STATE_IDLE)
		crr_session_sample(session);
	else
		WRITE_ONCE(session->counter, 0);
	if (counter < crr_session_counter(session))
		return -ERANGE;
	if (session->gate.begun)
		return counter != crr_session_counter(session) ? -EBUSY : 0;
	if (clock)
		crr_clock_set(clock, counter);
	else
		WRITE_ONCE(session->supplied, counter);
	crr_session_raise(session, crr_session_counter(session), counter);
	return 0;
}

/**
 * crr_session_count - the emulator supplies its counter by ioctl
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
			crr_session_nudge(session);
		crr_replayer_show(session);
	}
unlock:
	mutex_unlock(&session->lock);
	return ret;
}

/* ---- States ---- */

/* Whoever sleeps or polls on a tty of the session is to look again. */
void crr_session_wake_lines(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->line)
			crr_line_wake(stream->line);
}

/* The same, and so is an emulator that looks at its clock's page. */
void crr_session_wake(struct crr_session *session)
{
	struct crr_clock *clock = crr_session_clock(session);

	crr_session_wake_lines(session);
	if (clock && session->state != CRR_STATE_REPLAYING)
		crr_clock_input(clock);
}

/* The emulator did something to its line: what has it still to be woken for? */
void crr_session_show(struct crr_line *line)
{
	struct crr_stream *stream = crr_session_line_stream(line, true);
	struct crr_session *session;

	if (!stream)
		return;
	session = stream->session;
	mutex_lock(&session->lock);
	if (session->state == CRR_STATE_REPLAYING)
		crr_replayer_show(session);
	mutex_unlock(&session->lock);
	crr_session_put(session);
}

/* Operations that sleep are to look again; pollers notice nothing of it. */
void crr_session_nudge(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->line)
			crr_line_nudge(stream->line);
}

/* Operations are to ask, or not to. */
static void crr_session_engage(struct crr_session *session, bool engage)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->line)
			/* What it leads to is there: crr_line_enter(). */
			smp_store_release(&stream->line->engaged,
					  engage ? stream : NULL);
}

/* No operation is to begin without asking. */
void crr_session_unready(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node) {
		WRITE_ONCE(stream->ready[CRR_IN], false);
		WRITE_ONCE(stream->ready[CRR_OUT], false);
	}
}

void crr_session_set_state(struct crr_session *session, enum crr_state state,
			   enum crr_reason reason)
{
	lockdep_assert_held(&session->lock);

	crr_session_unready(session);
	WRITE_ONCE(session->state, state);
	crr_session_engage(session, state != CRR_STATE_IDLE);
	session->reason = reason;
	session->changed = true;
	crr_session_publish(session);
	crr_session_wake(session);
	wake_up_interruptible_poll(&session->wait,
				   EPOLLPRI | EPOLLIN | EPOLLOUT);
}

/* Is an operation in flight that began with the device? See crr.h. */
static bool crr_session_is_quiet(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		if (stream->line && atomic64_read(&stream->line->inflight))
			return false;
	return true;
}

/*
 * Has a line that was brought without the capability become some login's
 * terminal since? What is typed there is not its controller's to see.
 */
static bool crr_stream_is_closed_to(const struct crr_stream *stream)
{
	return stream->unprivileged && stream->line &&
	       crr_line_is_controlling(stream->line);
}

/* Can the idle state be left, as far as that is known before? */
static int crr_session_may_enter(struct crr_session *session)
{
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	if (session->state != CRR_STATE_IDLE || session->recorder.unread)
		return -EBUSY;
	if (!session->nlines)
		return -ENODEV;
	list_for_each_entry(stream, &session->streams, node)
		if (crr_stream_is_closed_to(stream))
			return -EPERM;
	return 0;
}

/* Before anything is allocated for it: how many streams there will be. */
static int crr_session_prepare(struct crr_session *session, u32 *nstreams)
{
	int ret;

	mutex_lock(&session->lock);
	ret = crr_session_may_enter(session);
	*nstreams = session->nstreams;
	mutex_unlock(&session->lock);
	return ret;
}

/*
 * Prepare to leave the idle state, if nothing is in flight. The caller sets
 * the new state; to those who look without the lock nothing has happened until
 * then.
 */
static int crr_session_enter(struct crr_session *session)
{
	int ret;

	ret = crr_session_may_enter(session);
	if (ret)
		return ret;
	crr_session_engage(session, true);
	smp_mb(); /* pairs with crr_line_enter() */
	if (!crr_session_is_quiet(session)) {
		crr_session_engage(session, false);
		return -EBUSY;
	}

	crr_session_forget_streams(session);
	WRITE_ONCE(session->generation, session->generation + 1);
	WRITE_ONCE(session->counter, 0);
	session->sequence = 0;
	session->records = 0;
	session->bytes_in = 0;
	session->bytes_out = 0;
	session->divergence.kind = 0;
	return 0;
}

int crr_session_record(struct crr_session *session,
		       const struct crr_record_start *arg)
{
	struct crr_recorder recorder;
	u32 nstreams;
	int ret;

	ret = crr_session_prepare(session, &nstreams);
	if (ret)
		return ret;
	ret = crr_recorder_open(&recorder, nstreams,
				arg->buffer_size ?: CRR_BUFFER_DEFAULT,
				arg->flags);
	if (ret)
		return ret;
	mutex_lock(&session->lock);
	/* Somebody has joined, and the buffer may be too small. */
	ret = session->nstreams > nstreams ? -EBUSY :
					     crr_session_enter(session);
	if (!ret) {
		swap(session->recorder, recorder);
		crr_gate_start(session, arg->flags & CRR_RECORD_GATED);
		crr_session_sample(session);
		crr_recorder_start(session);
		crr_session_set_state(session, CRR_STATE_RECORDING,
				      CRR_REASON_NONE);
	}
	mutex_unlock(&session->lock);
	crr_session_reap(session);
	crr_recorder_close(&recorder);
	return ret;
}

/*
 * The replay goes on with the device: what came from it before is no part of that
 * run. What comes during the replay is discarded already.
 */
static void crr_session_flush(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		crr_line_flush(stream->line);
}

int crr_session_replay(struct crr_session *session,
		       const struct crr_replay_start *arg)
{
	u64 limit = arg->buffer_size ?: CRR_BUFFER_DEFAULT;
	struct crr_recorder recorder = {};
	struct crr_charge charge;
	struct crr_order *fed;
	u32 nstreams;
	int ret;

	ret = crr_session_prepare(session, &nstreams);
	if (ret)
		return ret;
	if (crr_charge(&charge, limit))
		return -ENOMEM;
	fed = kzalloc(sizeof(*fed), GFP_KERNEL_ACCOUNT);
	if (!fed) {
		crr_uncharge(&charge);
		return -ENOMEM;
	}
	if (arg->flags & CRR_REPLAY_RECORD &&
	    crr_recorder_open(&recorder, nstreams, limit, arg->record_flags)) {
		kfree(fed);
		crr_uncharge(&charge);
		return -ENOMEM;
	}
	mutex_lock(&session->lock);
	/* Somebody has joined, and the buffer may be too small. */
	ret = session->nstreams > nstreams ? -EBUSY :
					     crr_session_enter(session);
	if (!ret) {
		swap(session->recorder, recorder);
		WRITE_ONCE(session->supplied, 0);
		crr_gate_start(session, arg->flags & CRR_REPLAY_GATED);
		swap(session->replayer.fed, fed);
		swap(session->replayer.charge, charge);
		crr_replayer_start(session, limit, arg->flags);
		crr_session_set_state(session, CRR_STATE_REPLAYING,
				      CRR_REASON_NONE);
		if (arg->flags & CRR_REPLAY_LIVE)
			crr_session_flush(session);
	}
	mutex_unlock(&session->lock);
	crr_session_reap(session);
	crr_recorder_close(&recorder);
	crr_uncharge(&charge);
	kfree(fed);
	return ret;
}

int crr_session_stop(struct crr_session *session)
{
	int ret = 0;

	mutex_lock(&session->lock);
	switch (session->state) {
	case CRR_STATE_IDLE:
		ret = -ENODATA;
		goto unlock;
	case CRR_STATE_RECORDING:
		crr_recorder_stop(session);
		break;
	case CRR_STATE_REPLAYING:
		crr_replayer_stop(session);
		break;
	default:
		break;
	}
	WRITE_ONCE(session->generation, session->generation + 1);
	WRITE_ONCE(session->supplied, 0);
	crr_gate_start(session, false);
	crr_session_set_state(session, CRR_STATE_IDLE, session->reason);
unlock:
	mutex_unlock(&session->lock);
	return ret;
}

/**
 * crr_session_go_live - a replay is over, and what comes is the device's
 * @session: the session, replaying, and in agreement with its whole log
 */
void crr_session_go_live(struct crr_session *session)
{
	const struct crr_recorder *recorder = &session->recorder;
	bool record = recorder->chan;

	lockdep_assert_held(&session->lock);

	WRITE_ONCE(session->generation, session->generation + 1);
	crr_gate_start(session, record && recorder->flags & CRR_RECORD_GATED);
	if (record) {
		crr_recorder_continue(session);
		crr_replayer_close(session);
		crr_session_set_state(session, CRR_STATE_RECORDING,
				      CRR_REASON_NONE);
	} else {
		crr_replayer_close(session);
		WRITE_ONCE(session->supplied, 0);
		crr_session_set_state(session, CRR_STATE_IDLE, CRR_REASON_NONE);
	}
}

/* Set the counter to whatever value. */
static void crr_session_reset_counter(struct crr_session *session, u64 counter)
{
	struct crr_clock *clock = crr_session_clock(session);

	session->gate.begun = false;
	WRITE_ONCE(session->counter, counter);
	if (clock)
		crr_clock_set(clock, counter);
	else
		WRITE_ONCE(session->supplied, counter);
}

/**
 * crr_session_seek - the emulator has restored a snapshot
 * @session: the session
 * @sequence: the first record that is still to come
 * @counter: the counter as it was then
 *
 * Returns 0, and then crr_session_seeks() tells for how long to wait; or what
 * CRR_IOC_SEEK does.
 */
int crr_session_seek(struct crr_session *session, u64 sequence, u64 counter)
{
	int ret = 0;

	mutex_lock(&session->lock);
	switch (session->state) {
	case CRR_STATE_RECORDING:
		ret = -EBUSY;
		break;
	case CRR_STATE_FAILED:
		ret = -EIO;
		break;
	case CRR_STATE_IDLE:
		crr_session_reset_counter(session, counter);
		break;
	default:
		/* Without a feeder there is nothing to come. */
		if (!session->controlled) {
			ret = -EIO;
			break;
		}
		WRITE_ONCE(session->generation, session->generation + 1);
		crr_session_reset_counter(session, counter);
		crr_gate_start(session, session->gate.gated);
		session->divergence.kind = 0;
		crr_replayer_seek(session, sequence);
		crr_session_set_state(session, CRR_STATE_REPLAYING,
				      CRR_REASON_NONE);
		break;
	}
	mutex_unlock(&session->lock);
	crr_session_reap(session);
	return ret;
}

/* Is the feeder still to hear of it? If not, how the seek has ended. */
bool crr_session_seeks(struct crr_session *session, int *ret)
{
	bool seeks;

	mutex_lock(&session->lock);
	seeks = session->state == CRR_STATE_REPLAYING &&
		session->replayer.seeking;
	*ret = session->state == CRR_STATE_FAILED ? -EIO : 0;
	mutex_unlock(&session->lock);
	return seeks;
}

/* How operations fail in a state in which all of them do. */
long crr_session_refusal(enum crr_state state)
{
	switch (state) {
	case CRR_STATE_ENDED:
		return -ENODATA;
	case CRR_STATE_DIVERGED:
		return -ENOTRECOVERABLE;
	default:
		return -EIO;
	}
}

/* For people to read. */
const char *crr_state_name(enum crr_state state)
{
	static const char * const names[] = {
		[CRR_STATE_IDLE]	= "idle",
		[CRR_STATE_RECORDING]	= "recording",
		[CRR_STATE_REPLAYING]	= "replaying",
		[CRR_STATE_ENDED]	= "ended",
		[CRR_STATE_DIVERGED]	= "diverged",
		[CRR_STATE_FAILED]	= "failed",
	};

	return names[state];
}

void crr_session_status(struct crr_session *session, struct crr_status *status)
{
	const struct crr_recorder *recorder = &session->recorder;
	const struct crr_replayer *replayer = &session->replayer;
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	/* For the reader's sake; a step back is for operations to report. */
	if (session->state != CRR_STATE_IDLE)
		crr_session_sample(session);
	status->counter = crr_session_counter(session);
	status->facts = CRR_STATUS_SESSION;
	if (session->controlled)
		status->facts |= CRR_STATUS_CONTROLLER;
	if (crr_session_clock(session))
		status->facts |= CRR_STATUS_CLOCK;
	if (status->counter)
		status->facts |= CRR_STATUS_COUNTED;
	if (session->divergence.kind)
		status->facts |= CRR_STATUS_DIVERGENCE;
	if (recorder->unread)
		status->facts |= CRR_STATUS_UNREAD;
	if (recorder->interrupted)
		status->facts |= CRR_STATUS_INTERRUPTED;
	if (recorder->threads)
		status->facts |= CRR_STATUS_THREADS;
	if (session->gate.gated)
		status->facts |= CRR_STATUS_GATED;
	if (session->gate.begun)
		status->facts |= CRR_STATUS_CHECKPOINT;
	status->state = session->state;
	status->reason = session->reason ?: replayer->refused;
	status->streams = session->nstreams;
	if (session->sleeping[CRR_SLEEP_TIME])
		status->waiting |= CRR_WAITING_READ;
	if (session->sleeping[CRR_SLEEP_FEED])
		status->waiting |= CRR_WAITING_FEED;
	if (session->sleeping[CRR_SLEEP_ROOM])
		status->waiting |= CRR_WAITING_ROOM;
	status->sequence = session->sequence;
	status->position = session->sequence;
	status->records = session->records;
	status->bytes_in = session->bytes_in;
	status->bytes_out = session->bytes_out;
	status->next_due = crr_session_next_due(session);
	list_for_each_entry(stream, &session->streams, node)
		status->looks += crr_stream_looks(stream);
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
		status->buffer_size = crr_recorder_capacity(recorder);
	}
}

/* ---- Operations ---- */

/* One more sleeps, or one less. The feeder asks without the lock. */
void crr_session_sleeps(struct crr_session *session, enum crr_sleep why,
			int more)
{
	lockdep_assert_held(&session->lock);

	WRITE_ONCE(session->sleeping[why], session->sleeping[why] + more);
}

static void crr_op_awake(struct crr_op *op)
{
	if (op->asleep)
		crr_session_sleeps(op->stream->session, op->sleep, -1);
	op->asleep = false;
}

/*
 * Nobody controls the session, and an operation has found it idle: its replay
 * has gone on with the device. The operation's own line keeps it.
 */
static noinline void crr_session_disband(struct crr_session *session)
{
	bool over;

	mutex_lock(&crr_link_lock);
	mutex_lock(&session->lock);
	over = !session->controlled && session->state == CRR_STATE_IDLE &&
	       !session->recorder.unread;
	mutex_unlock(&session->lock);
	if (over)
		crr_session_dissolve(session);
	mutex_unlock(&crr_link_lock);
}

/**
 * crr_session_judge - what is an operation to do?
 * @op: the operation
 * @buf: of a write, the bytes it offers; of a mark, its label; else NULL
 * @length: how many
 *
 * Called again after each sleep; crr_session_give_up() ends it otherwise.
 */
enum crr_verdict crr_session_judge(struct crr_op *op, const u8 *buf,
				   u32 length)
{
	struct crr_session *session = op->stream->session;
	enum crr_verdict verdict;
	bool garbage;

	mutex_lock(&session->lock);
	crr_op_awake(op);
again:
	if (unlikely(crr_stream_is_closed_to(op->stream)) &&
	    (session->state == CRR_STATE_RECORDING ||
	     session->state == CRR_STATE_REPLAYING))
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_TERMINAL);
	verdict = CRR_RESULT;
	if (session->state == CRR_STATE_IDLE)
		verdict = CRR_PASS;
	else if (session->state > CRR_STATE_REPLAYING)
		op->result = crr_session_refusal(session->state);
	else if (crr_session_sample(session))
		op->result = -ERANGE;
	else if (!op->type)
		verdict = crr_gate_begin(op);
	else if (session->state == CRR_STATE_RECORDING)
		verdict = crr_recorder_admit(op);
	else if (crr_type_is_inbound(op->type))
		verdict = crr_replayer_read(op);
	else
		verdict = crr_replayer_write(op, buf, length);
	if (verdict == CRR_AGAIN)
		goto again;
	op->generation = session->generation;
	if (verdict == CRR_SLEEP) {
		op->asleep = true;
		crr_session_sleeps(session, op->sleep, 1);
		if (op->sleep == CRR_SLEEP_FEED)
			crr_replayer_wake_feeder(session);
	}
	if (session->state == CRR_STATE_REPLAYING)
		crr_replayer_show(session);
	garbage = !list_empty(&session->replayer.garbage);
	mutex_unlock(&session->lock);
	if (unlikely(garbage))
		crr_session_reap(session);
	if (verdict == CRR_PASS && op->type &&
	    unlikely(!READ_ONCE(session->controlled)))
		crr_session_disband(session);
	return verdict;
}

void crr_session_give_up(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;

	mutex_lock(&session->lock);
	crr_op_awake(op);
	mutex_unlock(&session->lock);
}
