/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's objects, who holds them, and which lock protects what.
 *
 * Objects:
 *
 *  - A line is a tty on which N_CRR is open. It lives from the discipline's
 *    open to its close.
 *  - A session is what a controller controls. It is held by the session fd, by
 *    each line in it, and by each operation in flight on them that has found
 *    it other than idle.
 *  - A stream is a line's part in a session. It belongs to the session, and
 *    may outlive its line: a hangup takes the line away, not what the log says
 *    of it.
 *  - A clock is two pages and is held by its fds (whose mappings hold them).
 *    Lines and sessions point to it weakly.
 *
 * Locks, outermost first:
 *
 *  - tty core: tty_lock and the ldisc semaphore. Every callback of the
 *    discipline runs under the semaphore: shared, but exclusive in open and
 *    close. A line therefore stays as long as any of its callbacks runs.
 *  - crr_link_lock: who belongs to whom: line->stream, stream->line,
 *    session->controlled, session->unprivileged, line->clock, session->clock,
 *    clock->line and clock->session are changed under it. Readers of the RCU pointers need it
 *    not. stream->line and session->clock are changed under session->lock too,
 *    as is line->engaged.
 *  - the turn on a line: one read(2) at a time has to do with a session, from
 *    the first call of the tty core to the last. Whoever finds no other read(2)
 *    in line->inflight has it; others wait, with line->read_lock, until there
 *    are only such left.
 *  - session->consume_lock and feed_lock: one reader of the session fd, who
 *    also owns recorder->taken, and one feeder.
 *  - session->lock: everything else in a session and its streams. Never taken
 *    where n_tty holds its own locks (between the pieces of a read, in
 *    receive_buf, in set_termios), and never held across a copy to or from
 *    the user.
 *  - gate->lock: a spinlock, for what is needed there.
 *  - the tty's wait queues, and N_TTY's locks, inside N_TTY.
 *
 * An operation counts itself in line->inflight before it looks at
 * line->engaged; RECORD and REPLAY set engaged before they look at inflight.
 * One of them sees the other: no operation that began with the device ends in
 * a recording, or the other way round. Whoever finds a stream engaged asks under
 * session->lock what the state is. The state itself changes only when nothing
 * can refuse the change any more. STOP waits for nobody: an operation that was
 * let in by a recording, and at its end finds none, is no part of the log; as
 * long as it is in flight there is no other one.
 *
 * An operation needs no reference to the session that it finds: as long as it
 * is counted the line's own is not given back. A line that leaves its session
 * meanwhile keeps it in line->departed, until nothing is in flight.
 *
 * Recording is what an emulator must not feel. So the room for the next record
 * of a stream's reads, and of its writes, is reserved when the last one ends;
 * stream->ready then says that the next may begin without session->lock: the
 * session records, nothing is gated, the line is there. It is set and cleared
 * under the lock. An operation that saw it set and was overtaken finds that at
 * its end, under the lock, as all others do.
 */
#ifndef _CRR_H
#define _CRR_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/tty.h>
#include <linux/tty_ldisc.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "compat.h"
#include "record.h"

struct crr_session;
struct crr_stream;
struct crr_line;

extern struct mutex crr_link_lock;
extern bool crr_unprivileged;

/* ---- charge.c: memory, counted against the user who asked for it ---- */

struct crr_charge {
	const struct cred *cred;	/* whose user it is; NULL: nothing */
	unsigned long pages;
};

int crr_charge(struct crr_charge *charge, size_t bytes);
void crr_uncharge(struct crr_charge *charge);

/* ---- clock.c: the counter's page and the page that answers it ---- */

struct crr_clock {
	struct kref kref;		/* one for each file */
	struct rcu_head rcu;
	struct page *counter_page;
	struct page *state_page;
	struct crr_charge charge;
	struct crr_clock_counter *user;	/* any value at any time: READ_ONCE */
	struct crr_clock_state *state;	/* mapped read-only */
	struct crr_line *line;		/* crr_link_lock */
	struct crr_session __rcu *session;	/* crr_link_lock */
};

static inline u64 crr_clock_counter(const struct crr_clock *clock)
{
	return READ_ONCE(clock->user->counter);
}

struct crr_clock *crr_clock_create(void);
struct file *crr_clock_file(struct crr_clock *clock);
void crr_clock_put_locked(struct crr_clock *clock);
struct crr_session *crr_clock_session(struct crr_clock *clock);
void crr_clock_set(struct crr_clock *clock, u64 counter);
void crr_clock_input(struct crr_clock *clock);
void crr_clock_publish(struct crr_clock *clock, enum crr_state state,
		       u64 next_due);

/* ---- session.c: lifetimes and states ---- */

/* What an operation is to do. */
enum crr_verdict {
	CRR_PASS,	/* the session is idle: it is N_TTY's */
	CRR_RECORD,	/* it is admitted: let N_TTY do it, then tell the recorder */
	CRR_REPLAY,	/* op->queued is consumed: carry it out */
	CRR_RESULT,	/* return op->result */
	CRR_SLEEP,	/* sleep for op->sleep, and ask again */
	CRR_AGAIN,	/* ask again: it is not a replay any more */
};

enum crr_sleep {
	CRR_SLEEP_TIME,	/* until the counter has come so far */
	CRR_SLEEP_FEED,	/* until the feeder has told more */
	CRR_SLEEP_ROOM,	/* until the buffer has room */
	CRR_SLEEPS,
};

/**
 * struct crr_op - one operation of the emulator
 * @stream: on which it is; it holds a reference to the session
 * @type: &enum crr_record_type of its record; 0: a checkpoint begins
 * @generation: of the session when it was judged
 * @counter: of a checkpoint's begin: where the emulator stands
 * @max_bytes: likewise: what may be taken
 * @owns_room: admitted with room of its own, and not with its stream's
 * @gated: admitted while recording with gated delivery
 * @window: then: in which opening of the gate
 * @nowait: reads and FIONREAD: an empty one returns @empty instead of sleeping;
 *	writes: one without room is refused instead of sleeping
 * @empty: what an empty read returns
 * @result: with CRR_RESULT
 * @sleep: with CRR_SLEEP
 * @asleep: it is counted in session->sleeping
 * @queued: with CRR_REPLAY: the record, the operation's own by now
 */
struct crr_op {
	struct crr_stream *stream;
	u32 generation;
	u16 type;
	u64 counter;
	u64 max_bytes;
	bool owns_room;
	bool gated;
	u32 window;
	bool nowait;
	ssize_t empty;
	ssize_t result;
	enum crr_sleep sleep;
	bool asleep;
	struct crr_queued *queued;
};

/* The recorder's part of a session. Protected by session->lock. */
struct crr_recorder {
	struct rchan *chan;		/* NULL: never recorded */
	struct crr_charge charge;
	struct rchan_buf *buf;		/* its one buffer */
	u32 flags;			/* CRR_RECORD_* */
	size_t reserved;		/* sub-buffers that streams and operations may need */
	size_t standing;		/* sub-buffers for what cannot wait */
	size_t read_offset;		/* in the oldest sub-buffer */
	u64 unread;			/* bytes of records */
	size_t taken;			/* of them, by the last read(2) */
	bool starved;			/* somebody found no room */
	bool broken;			/* a record found none: the log has a hole */
	u32 switched;			/* to another sub-buffer: rooms used up */
	bool interrupted;		/* a read(2), by a signal */
	bool threads;			/* several of a process have read */
	pid_t reader;			/* the last thread that has read, */
	pid_t reader_group;		/* and its process */
};

/* The replayer's part of a session. Protected by session->lock. */
struct crr_replayer {
	u32 flags;			/* CRR_REPLAY_* */
	struct crr_charge charge;	/* for limit */
	struct crr_order *fed;		/* what has been fed */
	bool begun;			/* and all streams are in it */
	struct list_head due;		/* inbound records of all streams */
	u64 remaining;			/* records that must yet be taken */
	u64 bytes;			/* that they take */
	u64 limit;			/* that they may take */
	u64 discarded;
	u64 dropped;
	u32 refused;			/* enum crr_reason */
	u64 tail;			/* first of the STREAM_ENDs by STOP at the end */
	u64 skip;			/* records before this one have been seen */
	bool seeking;			/* the feeder has not heard of it yet */
	u32 seek_generation;
	u32 wanting;			/* streams with wants_feed; READ_ONCE */
	u32 throttled;			/* streams with throttled */
	bool end_shown;			/* pollers have been woken for the end */
	u64 guesses;			/* polls answered while it was not known */
	struct list_head garbage;	/* records to free without the lock */
};

/* The gate of a session with gated delivery. */
struct crr_gate {
	bool gated;			/* session->lock */
	bool begun;			/* session->lock; the counter stands */
	bool ending;			/* session->lock; begun, and somebody ends it */
	spinlock_t lock;
	bool open;			/* lock, with session->lock */
	u32 window;			/* lock: of which opening */
	u64 left;			/* lock: bytes that may be taken */
	bool returned;			/* lock: none were, and now are */
	u32 busy;			/* lock: calls of N_TTY under way */
	u64 consumed;			/* lock, or session->lock in replay */
	wait_queue_head_t idle;		/* who waits for busy to be 0 */
};

struct crr_session {
	struct kref kref;
	struct rcu_head rcu;
	bool controlled;		/* crr_link_lock; read anywhere */
	bool unprivileged;		/* crr_link_lock: so are all streams */
	kuid_t owner;			/* who made it */
	struct mutex lock;
	wait_queue_head_t wait;		/* the session fd's reader and feeder */

	/* Written under lock, looked at without it, too. */
	enum crr_state state;

	/* Protected by lock; those that are ready look without it, too. */
	u32 generation;
	u64 counter;			/* crr_session_counter() */
	u64 supplied;			/* by ioctl, without a clock */
	struct crr_clock __rcu *clock;

	/* Protected by lock. */
	enum crr_reason reason;
	bool changed;			/* EPOLLPRI */
	struct list_head streams;
	u32 nstreams;
	u32 nlines;			/* streams that have their line */
	u64 sequence;			/* of the next record */
	u64 records;
	u64 bytes_in;
	u64 bytes_out;
	u32 sleeping[CRR_SLEEPS];
	struct crr_gate gate;
	struct crr_recorder recorder;
	struct crr_replayer replayer;
	struct crr_divergence divergence;	/* kind 0: none */

	struct mutex consume_lock;	/* one reader of the session fd */
	struct mutex feed_lock;		/* one feeder */
};

/* A record's way: what the emulator gets, and what it does. */
enum crr_way {
	CRR_IN,
	CRR_OUT,
	CRR_WAYS,
};

/*
 * Empty reads at one value of the counter. A lock of its own: an empty read that
 * begins ready takes no other, and a FIONREAD or a record may come meanwhile.
 */
struct crr_empties {
	spinlock_t lock;		/* all that follows */
	u64 counter;
	u64 count;
	u64 looks;			/* empty reads and polls, at any counter */
};

struct crr_stream {
	struct list_head node;		/* session->streams */
	struct llist_node departed;	/* line->departed */
	struct rcu_head rcu;
	struct crr_session *session;	/* which this is part of */
	struct crr_line *line;		/* NULL once it has left */
	bool unprivileged;		/* who brought it had no capability */
	u16 number;
	u8 *bytes;			/* CRR_READ_MAX, for the read in flight */
	u32 taken;			/* gate.lock: of them, not logged yet */

	struct crr_empties empties;

	/* Recording: see above. Written under session->lock. */
	bool ready[CRR_WAYS];
	bool room[CRR_WAYS];		/* session->lock */

	/* Recording and replay. Protected by session->lock. */
	u64 refused;			/* writes, since the last one recorded */
	bool interrupted;		/* the last of them, by a signal */
	u64 position_in;
	u64 position_out;
	bool peer_closed;
	bool hung_up;

	/* Recording. Protected by session->lock. */
	enum crr_end leaving;		/* the line has gone: why */
	bool hangup_seen;		/* the emulator has noticed it */
	bool ended;			/* STREAM_END is in the log */

	/* Replay. Protected by session->lock. */
	struct list_head inbound;
	struct list_head outbound;
	u32 writes;			/* in outbound: WRITEs that took bytes */
	bool wants_feed;		/* see crr_stream_update_wants() */
	bool throttled;			/* the last write was refused or short */
	bool writable_shown;		/* since then: pollers have been woken */
	bool guessed;			/* poll has guessed that there is input ... */
	u64 guessed_at;			/* ... at this counter */
	bool begun;			/* STREAM was fed */
	bool left;			/* by its line, at ... */
	u64 left_counter;		/* ... this counter */
	enum crr_end end;		/* STREAM_END was fed */
	u64 end_counter;
	u64 end_empties;
	u64 end_refused;
	bool end_interrupted;
};

static inline enum crr_way crr_type_way(u16 type)
{
	return crr_type_is_inbound(type) ? CRR_IN : CRR_OUT;
}

/* The number of empty reads at this counter. */
static inline u64 crr_empties_at(struct crr_stream *stream, u64 counter)
{
	struct crr_empties *empties = &stream->empties;
	u64 count;

	spin_lock(&empties->lock);
	count = empties->counter == counter ? empties->count : 0;
	spin_unlock(&empties->lock);
	return count;
}

/* The same; and from now on there were none. */
static inline u64 crr_empties_take(struct crr_stream *stream, u64 counter)
{
	struct crr_empties *empties = &stream->empties;
	u64 count;

	spin_lock(&empties->lock);
	count = empties->counter == counter ? empties->count : 0;
	empties->count = 0;
	spin_unlock(&empties->lock);
	return count;
}

/* A read has found nothing, at this counter. */
static inline void crr_empties_add(struct crr_stream *stream, u64 counter)
{
	struct crr_empties *empties = &stream->empties;

	spin_lock(&empties->lock);
	if (unlikely(empties->counter != counter)) {
		empties->counter = counter;
		empties->count = 0;
	}
	empties->count++;
	empties->looks++;
	spin_unlock(&empties->lock);
}

static inline void crr_empties_reset(struct crr_stream *stream)
{
	struct crr_empties *empties = &stream->empties;

	spin_lock(&empties->lock);
	empties->counter = 0;
	empties->count = 0;
	empties->looks = 0;
	spin_unlock(&empties->lock);
}

static inline u64 crr_stream_looks(struct crr_stream *stream)
{
	u64 looks;

	spin_lock(&stream->empties.lock);
	looks = stream->empties.looks;
	spin_unlock(&stream->empties.lock);
	return looks;
}

/* The emulator has looked at the line in a way that is not counted in a log. */
static inline void crr_stream_looked(struct crr_stream *stream)
{
	spin_lock(&stream->empties.lock);
	stream->empties.looks++;
	spin_unlock(&stream->empties.lock);
}

void crr_session_get(struct crr_session *session);
void crr_session_put(struct crr_session *session);
struct file *crr_session_control(struct crr_line *line);
int crr_session_join(struct crr_session *session, struct crr_line *line,
		     u32 *number);
void crr_session_orphan(struct crr_session *session);
struct crr_stream *crr_session_line_stream(struct crr_line *line, bool active);
void crr_session_depart(struct crr_line *line);
void crr_session_line_left(struct crr_line *line);
void crr_session_set_state(struct crr_session *session, enum crr_state state,
			   enum crr_reason reason);
void crr_session_publish(struct crr_session *session);
void crr_session_wake(struct crr_session *session);
void crr_session_wake_lines(struct crr_session *session);
void crr_session_nudge(struct crr_session *session);
void crr_session_reap(struct crr_session *session);
void crr_session_show(struct crr_line *line);
void crr_session_sleeps(struct crr_session *session, enum crr_sleep why,
			int more);
void crr_session_unready(struct crr_session *session);

/*
 * The counter as last seen. Operations that a recording has let in raise it at any
 * time, even just after its end; in replay it stays while the session is locked.
 */
static inline u64 crr_session_counter(const struct crr_session *session)
{
	return READ_ONCE(session->counter);
}

/* The counter is such, or more. */
static inline void crr_session_raise(struct crr_session *session, u64 last,
				     u64 counter)
{
	u64 was;

	for (; counter > last; last = was) {
		was = cmpxchg(&session->counter, last, counter);
		if (likely(was == last))
			break;
	}
}

/**
 * crr_session_advance - look at the counter, with or without the session's lock
 * @session: the session; out of a checkpoint
 * @counter: out: what it is, if it has not gone back
 *
 * Returns 0, and session->counter is that or more; or -ERANGE if the counter
 * has gone back.
 */
static __always_inline int crr_session_advance(struct crr_session *session, u64 *counter)
{
	u64 last = crr_session_counter(session);
	const struct crr_clock *clock;

	/*
	 * What is last was looked at before: it is the counter that has gone
	 * back, and not another thread that has gone ahead.
	 */
	smp_rmb();
	/* As good as rcu_read_lock(), for so short a time, and cheaper. */
	preempt_disable();
	clock = rcu_dereference_sched(session->clock);
	if (clock) {
		*counter = crr_clock_counter(clock);
	} else {
		smp_rmb(); /* what a clock leaves behind is set before it goes */
		*counter = READ_ONCE(session->supplied);
	}
	preempt_enable();
	if (unlikely(*counter < last))
		return -ERANGE;
	crr_session_raise(session, last, *counter);
	return 0;
}

int crr_session_sample(struct crr_session *session);
int crr_session_set_counter(struct crr_session *session, u64 counter);
u64 crr_session_next_due(struct crr_session *session);
void crr_session_go_live(struct crr_session *session);
int crr_session_seek(struct crr_session *session, u64 sequence, u64 counter);
bool crr_session_seeks(struct crr_session *session, int *ret);
int crr_session_count(struct crr_session *session, u64 counter, u64 *next_due);
int crr_session_record(struct crr_session *session,
		       const struct crr_record_start *arg);
int crr_session_replay(struct crr_session *session,
		       const struct crr_replay_start *arg);
int crr_session_stop(struct crr_session *session);
void crr_session_status(struct crr_session *session, struct crr_status *status);
void crr_session_set_clock(struct crr_session *session,
			   struct crr_clock *clock);
enum crr_verdict crr_session_judge(struct crr_op *op, const u8 *buf,
				   u32 length);
void crr_session_give_up(struct crr_op *op);
long crr_session_refusal(enum crr_state state);
const char *crr_state_name(enum crr_state state);

/* ---- gate.c: gated delivery ---- */

void crr_gate_init(struct crr_gate *gate);
void crr_gate_start(struct crr_session *session, bool gated);
bool crr_gate_hides(const struct crr_stream *stream);
u32 crr_gate_enter(struct crr_gate *gate, u32 window, u32 nr);
void crr_gate_leave(struct crr_stream *stream, u32 asked, u32 taken);
u32 crr_gate_log(struct crr_stream *stream);
bool crr_gate_returned(struct crr_gate *gate);
enum crr_verdict crr_gate_begin(struct crr_op *op);
void crr_gate_flush(struct crr_session *session);
int crr_gate_end(struct crr_session *session, u64 *consumed);

/* ---- controller.c: the session fd ---- */

struct file *crr_controller_file(struct crr_session *session);
struct crr_session *crr_controller_session(int fd);

/* ---- recorder.c: records into the relay buffer, and out of it ---- */

/**
 * crr_recorder_is_ready - may an operation begin without asking?
 * @stream: the stream; the caller is counted in its line->inflight, and is the
 *	only one who reads, or writes
 * @way: whether it reads or writes
 * @stamp: out: the counter
 *
 * If so it ends as one does that crr_recorder_admit() has let begin. If not,
 * the counter's having gone back among the reasons, it must ask.
 */
static __always_inline bool crr_recorder_is_ready(struct crr_stream *stream,
						  enum crr_way way, u64 *stamp)
{
	return READ_ONCE(stream->ready[way]) &&
	       !crr_session_advance(stream->session, stamp);
}

int crr_recorder_open(struct crr_recorder *recorder, u32 nstreams, size_t size,
		      u32 flags);
void crr_recorder_close(struct crr_recorder *recorder);
void crr_recorder_start(struct crr_session *session);
void crr_recorder_stop(struct crr_session *session);
void crr_recorder_continue(struct crr_session *session);
size_t crr_recorder_capacity(const struct crr_recorder *recorder);
bool crr_recorder_has_room(struct crr_recorder *recorder);
bool crr_stream_has_room(struct crr_stream *stream, enum crr_way way);
enum crr_verdict crr_recorder_admit(struct crr_op *op);
void crr_recorder_delivered(struct crr_stream *stream, u32 length);
void crr_recorder_read_done(struct crr_op *op, struct crr_record *seen);
u32 crr_recorder_inq_done(struct crr_op *op, u32 value);
void crr_recorder_answer_done(struct crr_op *op, struct crr_record *rec);
void crr_recorder_write_done(struct crr_stream *stream, const u8 *buf,
			     u32 requested, ssize_t result, bool cut);
void crr_recorder_cancel(struct crr_op *op);
void crr_recorder_read_interrupted(struct crr_op *op);
void crr_recorder_interrupted(struct crr_op *op);
void crr_recorder_hangup_seen(struct crr_session *session);
void crr_recorder_checkpoint(struct crr_session *session);
void crr_recorder_line_left(struct crr_stream *stream, enum crr_end reason);
ssize_t crr_recorder_peek(struct crr_recorder *recorder, size_t length,
			  const void **from);
bool crr_recorder_consume(struct crr_recorder *recorder);

/* ---- replayer.c: records fed, and taken when their time comes ---- */

struct crr_queued {
	struct list_head cursor;	/* stream->inbound or ->outbound */
	struct list_head due;		/* replayer->due, or empty */
	bool shown;			/* pollers have been woken for it */
	bool signalled;			/* and SIGIO was sent */
	struct crr_record rec;		/* its data are the bytes below */
	u8 bytes[];
};

void crr_queued_free(struct crr_queued *queued);
void crr_queued_free_all(struct list_head *garbage);
void crr_replayer_start(struct crr_session *session, u64 limit, u32 flags);
void crr_replayer_close(struct crr_session *session);
void crr_replayer_stop(struct crr_session *session);
ssize_t crr_replayer_feed(struct crr_session *session, const u8 *from,
			  size_t length);
bool crr_replayer_full(const struct crr_replayer *replayer);
bool crr_replayer_feedable(const struct crr_session *session);
void crr_replayer_wake_feeder(struct crr_session *session);
u64 crr_replayer_next_due(struct crr_session *session);
u64 crr_replayer_position(struct crr_session *session);
bool crr_replayer_is_over(struct crr_session *session, u16 type);
void crr_replayer_seek(struct crr_session *session, u64 sequence);
int crr_replayer_seek_ack(struct crr_session *session,
			  const struct crr_seek_ack *ack);
enum crr_verdict crr_replayer_read(struct crr_op *op);
enum crr_verdict crr_replayer_write(struct crr_op *op, const u8 *buf,
				    u32 length);
enum crr_verdict crr_replayer_checkpoint(struct crr_op *op, bool *open);
int crr_replayer_checkpoint_end(struct crr_session *session);
void crr_replayer_short_read(struct crr_op *op, u32 delivered);
bool crr_replayer_poll(struct crr_stream *stream, bool nonblock,
		       __poll_t wanted, __poll_t *mask);
void crr_replayer_show(struct crr_session *session);
void crr_replayer_line_left(struct crr_stream *stream, enum crr_end reason);

/* ---- ldisc.c: the line discipline; alone to touch a tty's inside ---- */

/* A read(2) that a session has to do with, between the tty core's calls. */
struct crr_read {
	struct crr_line *line;
	enum crr_verdict mode;		/* CRR_RECORD, CRR_REPLAY */
	void *cookie;			/* N_TTY's */
	u32 done;			/* bytes handed to the core */
	bool seen;			/* its outcome is logged */
	bool queued;			/* for its turn: it has read_lock */
	struct crr_op op;
};

/*
 * What is in flight on a line, in one word: how many writes and questions, how
 * many read(2)s, how many of these that wait, or have waited, for their turn.
 * There are never more threads (2^22) than the first two can count.
 */
#define CRR_INFLIGHT_READ	BIT_ULL(22)	/* a write or question: 1 */
#define CRR_INFLIGHT_READS	GENMASK_ULL(44, 22)
#define CRR_INFLIGHT_QUEUED	BIT_ULL(45)
#define CRR_INFLIGHT_QUEUES	GENMASK_ULL(63, 45)
#define CRR_INFLIGHT_QUEUED_MAX	BIT_ULL(61)	/* as many are refused */

struct crr_line {
	struct hlist_node node;		/* crr_lines */
	struct rcu_head rcu;
	struct tty_struct *tty;
	atomic64_t inflight;		/* CRR_INFLIGHT_* */
	bool hung_up;			/* ->hangup() has been called */
	struct mutex read_lock;
	wait_queue_head_t turn;		/* who has read_lock, and waits */
	struct crr_stream *engaged;	/* its stream, unless that is idle */
	struct llist_head departed;	/* streams left with something in flight */
	struct crr_stream __rcu *stream;	/* crr_link_lock */
	struct crr_clock __rcu *clock;		/* crr_link_lock */
	atomic64_t received;		/* bytes from the device */
	bool undescribed;		/* termios was set: READ_ONCE */
	struct crr_read active;		/* his who has the turn */
};

int crr_ldisc_register(int number);
void crr_ldisc_unregister(void);
void crr_line_wake(struct crr_line *line);
void crr_line_notify(struct crr_line *line, __poll_t events);
bool crr_line_signal(struct crr_line *line, int band);
void crr_line_nudge(struct crr_line *line);
void crr_line_flush(struct crr_line *line);
void crr_line_describe(struct crr_line *line, struct crr_record *rec);
bool crr_line_hangs_up(struct crr_line *line);
bool crr_line_is_master(struct crr_line *line);
bool crr_line_is_controlling(struct crr_line *line);
bool crr_line_has_file(struct crr_line *line, int fd);
int crr_line_checkpoint(struct crr_line *line, struct crr_stream *stream,
			u64 counter, u64 max_bytes);
int crr_line_seek(struct crr_line *line, struct crr_stream *stream,
		  const struct crr_seek *seek);
int crr_line_modem(struct crr_line *line, struct crr_modem *modem);
int crr_line_mark(struct crr_line *line, const struct crr_mark *mark);

/* ---- ioctl.c: one table for all fds ---- */

/* What an ioctl was called on: one of them. */
struct crr_target {
	struct crr_line *line;
	struct crr_session *session;
	struct crr_clock *clock;
};

long crr_ioctl(const struct crr_target *target, unsigned int cmd,
	       void __user *arg);

#endif /* _CRR_H */
