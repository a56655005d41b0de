/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The data of a session and its streams, as recorder, replayer and gate see it.
 *
 * Locks, outermost first:
 *
 *  - tty core: tty_lock and the ldisc semaphore: see line.h.
 *  - line->read_lock: see line.h.
 *  - crr_link_lock: which objects belong together: see session.h.
 *  - session->consume_lock and feed_lock: one reader of the session fd, which
 *    also owns recorder->taken, and one feeder.
 *  - session->lock: everything else in a session and its streams. Never taken
 *    where N_TTY holds its own locks (between the pieces of a read, in
 *    receive_buf, in set_termios), and never held across a copy to or from the
 *    user.
 *  - gate->lock: a spinlock, for what is needed there.
 *  - the tty's wait queues, and N_TTY's locks, inside N_TTY.
 *
 * Whoever finds a stream of a session that is not idle looks at the state under
 * session->lock. The state changes only when nothing can prevent the change any
 * more. STOP waits for nobody: an operation that was let in by a recording, and
 * finds none at its end, is not logged; while it is in flight no other
 * recording begins.
 *
 * An operation increments line->in_flight, and then looks at session->active.
 * RECORD and REPLAY set session->active, and then look at in_flight. So one of
 * them sees the other.
 */
#ifndef _CRR_STATE_H
#define _CRR_STATE_H

#include <linux/bits.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>

#include "charge.h"
#include "clock.h"
#include "compat.h"
#include "record.h"

/* Events of poll(2): there is input; a write would be taken. */
#define CRR_POLL_IN	(EPOLLIN | EPOLLRDNORM)
#define CRR_POLL_OUT	(EPOLLOUT | EPOLLWRNORM)

struct crr_line;
struct rchan;
struct rchan_buf;

/* The decision on an operation. */
enum crr_decision {
	CRR_PASS,	/* the session is idle: call N_TTY */
	CRR_RECORD,	/* call N_TTY, then the recorder */
	CRR_REPLAY,	/* carry out op->queued, which is consumed */
	CRR_RESULT,	/* return op->result */
	CRR_SLEEP,	/* sleep for op->sleep, and ask again */
	CRR_LIVE,	/* the replay goes live; internal */
};

enum crr_sleep {
	CRR_SLEEP_TIME,	/* for the counter to come so far */
	CRR_SLEEP_FEED,	/* for more records to be fed */
	CRR_SLEEP_SPACE,	/* for buffer space */
	CRR_SLEEPS,
};

/**
 * struct crr_op - one operation of the emulator
 * @stream: its stream; the operation holds a reference to the session
 * @type: &enum crr_record_type of its record; 0: a checkpoint begins
 * @generation: of the session when this was decided
 * @counter: of a checkpoint: where the emulator is; of a write that is recorded:
 *	its stamp
 * @max_bytes: of a checkpoint: what may be taken
 * @gated: begun while recording with gated delivery
 * @window: then: number of the gate's opening
 * @nowait: reads and FIONREAD: an empty one returns @empty instead of sleeping;
 *	writes: one without buffer space is refused instead of sleeping
 * @empty: what an empty read returns
 * @result: with CRR_RESULT
 * @sleep: with CRR_SLEEP
 * @asleep: it is counted in session->sleeping
 * @queued: with CRR_REPLAY: the record, which the operation owns
 * @kind: of a value: what it is
 * @uses: of a value: how often the last one of its kind was used
 */
struct crr_op {
	struct crr_stream *stream;
	u32 generation;
	u16 type;
	u64 counter;
	u64 max_bytes;
	bool gated;
	u32 window;
	bool nowait;
	ssize_t empty;
	ssize_t result;
	enum crr_sleep sleep;
	bool asleep;
	struct crr_queued *queued;
	u32 kind;
	u64 uses;
};

/* The recorder's part of a session, protected by session->lock. */
struct crr_recorder {
	struct rchan *chan;		/* NULL: never recorded */
	struct crr_charge charge;
	struct rchan_buf *buf;		/* its one buffer */
	u32 flags;			/* CRR_RECORD_* */
	bool ready;			/* operations may begin without asking */
	size_t reserved;		/* sub-buffers that are set aside */
	size_t read_offset;		/* in the oldest sub-buffer */
	u64 unread;			/* bytes of records */
	size_t taken;			/* of them, given by the last read(2) */
	bool space_wanted;		/* an operation or poll(2) found none */
	bool broken;			/* a record was lost: no more follow */
	bool interrupted;		/* a signal ended a read(2) */
	bool threads;			/* several of a process have read */
	pid_t reader;			/* the last thread that has read, */
	pid_t reader_group;		/* and its process */
};

/* A record that has been fed. */
struct crr_queued {
	struct list_head cursor;	/* stream->inbound or ->outbound */
	struct list_head due;		/* replayer->due, if inbound */
	bool shown;			/* pollers have been woken for it */
	bool signalled;			/* and SIGIO was sent */
	struct crr_record rec;		/* its data are the bytes below */
	u8 bytes[];
};

/* The replayer's part of a session, protected by session->lock. */
struct crr_replayer {
	u32 flags;			/* CRR_REPLAY_* */
	struct crr_charge charge;	/* for limit */
	struct crr_order *fed;		/* what has been fed */
	bool begun;			/* all STREAM records have been fed */
	struct list_head due;		/* inbound records of all streams */
	u64 remaining;			/* records still to be consumed */
	u64 bytes;			/* that they take */
	u64 limit;			/* that they may take */
	u64 discarded;
	u64 dropped;
	u32 refused;			/* enum crr_reason */
	u64 tail;			/* see crr_replayer_note_tail() */
	u64 skip;			/* earlier records are skipped */
	bool seeking;			/* until the feeder acknowledges it */
	u32 seek_generation;
	u32 wanting;			/* streams with wants_feed; READ_ONCE */
	u32 throttled;			/* streams with throttled */
	bool end_shown;			/* pollers have been woken for the end */
	u64 guesses;			/* polls answered past the horizon */
	struct list_head garbage;	/* records to free without the lock */
};

/* The gate of a session with gated delivery. */
struct crr_gate {
	bool gated;			/* session->lock */
	bool begun;			/* session->lock; in a checkpoint */
	bool ending;			/* session->lock; an END is under way */
	spinlock_t lock;
	bool open;			/* lock, with session->lock */
	u32 window;			/* lock: number of the opening */
	u64 left;			/* lock: bytes that may be taken */
	bool returned;			/* lock: see crr_gate_returned() */
	u32 busy;			/* lock: calls of N_TTY under way */
	u64 consumed;			/* lock, or session->lock in replay */
	wait_queue_head_t idle;		/* waits for busy to be 0 */
};

struct crr_session {
	struct kref kref;
	struct rcu_head rcu;
	bool controlled;		/* crr_link_lock; read anywhere */
	bool unprivileged;		/* crr_link_lock: as all its streams */
	kuid_t owner;			/* of whoever made it */
	struct mutex lock;
	wait_queue_head_t wait;		/* the session fd's reader and feeder */

	/* Written under lock, but also read without it. */
	enum crr_state state;
	bool active;			/* operations must ask what to do */
	u64 counter;			/* as last seen; it never goes back */
	u64 supplied;			/* the counter without a clock */
	struct crr_clock __rcu *clock;

	/* Protected by lock. */
	u32 generation;
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

struct crr_stream {
	struct list_head node;		/* session->streams */
	struct rcu_head rcu;
	struct crr_session *session;
	struct crr_line *line;		/* NULL once the line has left */
	bool unprivileged;		/* joined without the capability */
	u16 number;
	u8 *bytes;			/* CRR_READ_MAX, of the last read */
	u32 taken;			/* gate.lock: bytes not logged yet */

	/* Recording and replay. Protected by session->lock. */
	u64 empty_reads;		/* at empty_reads_counter */
	u64 empty_reads_counter;
	u64 looks;			/* empty reads and polls, at any counter */
	u64 refused;			/* writes, since the last record */
	bool interrupted;		/* the last of them, by a signal */
	u64 position_in;
	u64 position_out;
	bool peer_closed;
	bool hung_up;

	/* Recording. Protected by session->lock. */
	enum crr_end leaving;		/* why the line left */
	bool hangup_seen;		/* the emulator has noticed it */
	bool ended;			/* STREAM_END is in the log */

	/* Replay. Protected by session->lock. */
	struct list_head inbound;
	struct list_head outbound;
	u32 writes;			/* WRITEs in outbound that took bytes */
	bool wants_feed;		/* see crr_stream_update_wants() */
	bool throttled;			/* the last write was refused or short */
	bool writable_shown;		/* pollers have been woken since */
	bool guessed;			/* by poll(2), at guessed_at */
	u64 guessed_at;
	bool begun;			/* STREAM was fed */
	bool left;			/* by its line, at left_counter */
	u64 left_counter;
	enum crr_end end;		/* STREAM_END was fed */
	u64 end_counter;
	u64 end_empty_reads;
	u64 end_refused;
	bool end_interrupted;
};

/* The number of empty reads at this counter. */
static inline u64 crr_empty_reads_at(const struct crr_stream *stream, u64 counter)
{
	return stream->empty_reads_counter == counter ? stream->empty_reads : 0;
}

/* The same, and reset it. */
static inline u64 crr_empty_reads_take(struct crr_stream *stream, u64 counter)
{
	u64 count = crr_empty_reads_at(stream, counter);

	stream->empty_reads = 0;
	return count;
}

/* A read has found nothing at this counter. */
static inline void crr_empty_reads_add(struct crr_stream *stream, u64 counter)
{
	stream->empty_reads = crr_empty_reads_at(stream, counter) + 1;
	stream->empty_reads_counter = counter;
	stream->looks++;
}

/* Lock for a system call, which waits for the lock if it may. */
static inline int crr_lock_or_fail(struct mutex *lock, bool nonblock)
{
	if (nonblock)
		return mutex_trylock(lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(lock) ? -ERESTARTSYS : 0;
}

static inline struct crr_clock *crr_session_clock(struct crr_session *session)
{
	return rcu_dereference_protected(session->clock,
					 lockdep_is_held(&session->lock));
}

/**
 * crr_session_look - load the counter, with or without the session's lock
 * @session: the session; not in a checkpoint
 * @counter: out: the counter, if it has not gone back
 *
 * Returns 0, or -ERANGE if the counter has gone back.
 */
static inline int crr_session_look(struct crr_session *session, u64 *counter)
{
	/*
	 * The last value is loaded first: so if the counter is less, it has
	 * gone back, and it is not that another thread has gone ahead.
	 */
	u64 last = smp_load_acquire(&session->counter);
	const struct crr_clock *clock;

	rcu_read_lock_sched();
	clock = rcu_dereference_sched(session->clock);
	if (clock) {
		*counter = crr_clock_counter(clock);
	} else {
		smp_rmb(); /* a clock's last value is set before it goes */
		*counter = READ_ONCE(session->supplied);
	}
	rcu_read_unlock_sched();
	return *counter < last ? -ERANGE : 0;
}

/* The counter is at least this. */
static inline void crr_session_raise(struct crr_session *session, u64 counter)
{
	lockdep_assert_held(&session->lock);

	if (counter <= session->counter)
		return;
	/* Pairs with crr_session_look(): the counter was loaded before. */
	smp_store_release(&session->counter, counter);
}

int crr_session_sample(struct crr_session *session);
int crr_session_set_counter(struct crr_session *session, u64 counter);
u64 crr_session_next_due(struct crr_session *session);
void crr_session_publish(struct crr_session *session);
void crr_session_set_state(struct crr_session *session, enum crr_state state,
			   enum crr_reason reason);
void crr_session_wake(struct crr_session *session);
void crr_session_wake_lines(struct crr_session *session);
void crr_session_wake_sleepers(struct crr_session *session);
void crr_session_sleeps(struct crr_session *session, enum crr_sleep why,
			int more);
long crr_session_refusal(enum crr_state state);
const char *crr_state_name(enum crr_state state);

#endif /* _CRR_STATE_H */
