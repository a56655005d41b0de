// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line discipline N_CRR: N_TTY, but for those ttys that are in a session
 * that records or replays.
 *
 * What is not wrapped here is N_TTY's own. What N_TTY holds inside is never
 * computed, only asked for: by its read, its write, its poll.
 */
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/serial.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>

#include "crr.h"

/* N_TTY's operations, as inherited. */
static struct tty_ldisc_ops crr_n_tty;

/* Those two that an emulator calls without end, without a detour. */
static ssize_t crr_no_read(struct tty_struct *tty, struct file *file, u8 *buf,
			   size_t nr, void **cookie, unsigned long offset)
{
	return -EIO;
}

static ssize_t crr_no_write(struct tty_struct *tty, struct file *file,
			    const u8 *buf, size_t nr)
{
	return -EIO;
}

DEFINE_STATIC_CALL(crr_n_tty_read, crr_no_read);
DEFINE_STATIC_CALL(crr_n_tty_write, crr_no_write);

/*
 * tty->disc_data belongs to N_TTY, so that lines are found by their tty. Each
 * callback does so, and does little else if the line is in no session: most
 * lines have a place of their own, in which they are found by one comparison.
 * Those whose place is another's are in a list. A callback's own line stays
 * where it is; its neighbours in the list come and go: hence RCU.
 */
#define CRR_PLACES_BITS 12

static struct crr_place {
	struct tty_struct *tty;
	struct crr_line *line;
} crr_places[1 << CRR_PLACES_BITS];
static HLIST_HEAD(crr_displaced);
static DEFINE_SPINLOCK(crr_lines_lock); /* changes of both */

static struct crr_place *crr_place_of(const struct tty_struct *tty)
{
	return &crr_places[hash_ptr(tty, CRR_PLACES_BITS)];
}

static noinline struct crr_line *crr_line_displaced(struct tty_struct *tty)
{
	struct crr_line *line;

	rcu_read_lock();
	hlist_for_each_entry_rcu(line, &crr_displaced, node)
		if (line->tty == tty)
			break;
	rcu_read_unlock();
	return line;
}

static __always_inline struct crr_line *crr_line_find(struct tty_struct *tty)
{
	const struct crr_place *place = crr_place_of(tty);

	/* If it is this tty's, it was set before the callback began. */
	if (likely(READ_ONCE(place->tty) == tty))
		return READ_ONCE(place->line);
	return crr_line_displaced(tty);
}

static void crr_line_add(struct crr_line *line)
{
	struct crr_place *place = crr_place_of(line->tty);

	spin_lock(&crr_lines_lock);
	if (place->tty) {
		hlist_add_head_rcu(&line->node, &crr_displaced);
	} else {
		WRITE_ONCE(place->line, line);
		WRITE_ONCE(place->tty, line->tty);
	}
	spin_unlock(&crr_lines_lock);
}

static void crr_line_remove(struct crr_line *line)
{
	struct crr_place *place = crr_place_of(line->tty);

	spin_lock(&crr_lines_lock);
	if (place->line == line) {
		WRITE_ONCE(place->tty, NULL);
		WRITE_ONCE(place->line, NULL);
	} else {
		hlist_del_rcu(&line->node);
	}
	spin_unlock(&crr_lines_lock);
}

/* ---- What the rest of the module asks of a line ---- */

/* Wake whoever sleeps or polls on the tty. */
void crr_line_wake(struct crr_line *line)
{
	struct tty_struct *tty = line->tty;

	kill_fasync(&tty->fasync, SIGIO, POLL_IN);
	wake_up_interruptible_poll(&tty->read_wait,
				   EPOLLIN | EPOLLRDNORM | EPOLLERR);
	wake_up_interruptible_poll(&tty->write_wait, EPOLLOUT | EPOLLWRNORM);
}

/* Wake whoever sleeps on the tty, and of those who poll it only for these. */
void crr_line_notify(struct crr_line *line, __poll_t events)
{
	struct tty_struct *tty = line->tty;

	if (events & (EPOLLIN | EPOLLHUP))
		wake_up_interruptible_poll(&tty->read_wait, events);
	if (events & EPOLLOUT)
		wake_up_interruptible_poll(&tty->write_wait, events);
}

/* Send SIGIO: POLL_IN or POLL_OUT. False: nobody has asked for it. */
bool crr_line_signal(struct crr_line *line, int band)
{
	struct fasync_struct **fasync = &line->tty->fasync;

	if (!READ_ONCE(*fasync))
		return false;
	kill_fasync(fasync, SIGIO, band);
	return true;
}

/*
 * Wake whoever sleeps on the tty in crr, and nobody who polls it: a poller asks
 * for no event that no driver knows.
 */
void crr_line_nudge(struct crr_line *line)
{
	struct tty_struct *tty = line->tty;

	wake_up_interruptible_poll(&tty->read_wait, EPOLLMSG);
	wake_up_interruptible_poll(&tty->write_wait, EPOLLMSG);
}

/* Throw away what N_TTY has received. A line that is being closed needs it not. */
void crr_line_flush(struct crr_line *line)
{
	struct tty_struct *tty = line->tty;
	struct tty_ldisc *ld = tty_ldisc_ref(tty);

	if (!ld)
		return;
	crr_n_tty.flush_buffer(tty);
	tty_unthrottle(tty);
	tty_ldisc_deref(ld);
}

/* Fill in a STREAM record. */
void crr_line_describe(struct crr_line *line, struct crr_record *rec)
{
	struct tty_struct *tty = line->tty;
	/*
	 * For people to look at: not worth termios_rwsem, which a read may
	 * hold for as long as its user pleases.
	 */
	const struct ktermios termios = data_race(tty->termios);

	rec->termios.iflag = termios.c_iflag;
	rec->termios.oflag = termios.c_oflag;
	rec->termios.cflag = termios.c_cflag;
	rec->termios.lflag = termios.c_lflag;
	rec->termios.ispeed = termios.c_ispeed;
	rec->termios.ospeed = termios.c_ospeed;
	rec->data = tty_name(tty);
	rec->data_length = strnlen(tty_name(tty), CRR_STREAM_NAME_MAX);
}

/*
 * Is it hung up, or just now being so? The tty core fails the emulator's calls
 * before it tells the discipline.
 */
bool crr_line_hangs_up(struct crr_line *line)
{
	return READ_ONCE(line->hung_up) ||
	       test_bit(TTY_HUPPING, &line->tty->flags);
}

bool crr_line_is_master(struct crr_line *line)
{
	const struct tty_driver *driver = line->tty->driver;

	return driver->type == TTY_DRIVER_TYPE_PTY &&
	       driver->subtype == PTY_TYPE_MASTER;
}

/* Is it some login's terminal? */
bool crr_line_is_controlling(struct crr_line *line)
{
	return crr_tty_session(line->tty);
}

/*
 * Is this fd a file of this very tty, open for reading and writing? One that has
 * been hung up is its former user's, and still among the tty's files.
 */
bool crr_line_has_file(struct crr_line *line, int fd)
{
	const fmode_t both = FMODE_READ | FMODE_WRITE;
	struct tty_struct *tty = line->tty;
	struct tty_file_private *priv;
	struct file *file = fget(fd);
	bool found = false;

	if (!file)
		return false;
	spin_lock(&tty->files_lock);
	list_for_each_entry(priv, &tty->tty_files, list) {
		if (priv->file == file) {
			found = (file->f_mode & both) == both &&
				!tty_hung_up_p(file);
			break;
		}
	}
	spin_unlock(&tty->files_lock);
	fput(file);
	return found;
}

/* ---- Sleeping ---- */

/*
 * Sleep until something has changed. All who change something wake the tty's
 * queues, as does TIOCSETD, which waits for us to leave. Returns why there
 * should be no more waiting: -EIO after a hangup, -EAGAIN for TIOCSETD,
 * -ERESTARTSYS for a signal.
 */
static int crr_line_wait(struct crr_line *line, struct wait_queue_entry *wait)
{
	if (READ_ONCE(line->hung_up))
		return -EIO;
	if (test_bit(TTY_LDISC_CHANGING, &line->tty->flags))
		return -EAGAIN;
	if (signal_pending(current))
		return -ERESTARTSYS;
	wait_woken(wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	return 0;
}

/*
 * Ask the session what to do until it is not to sleep. Negative: the sleep has
 * ended for another reason, as above.
 */
static int crr_line_judge(struct crr_line *line, struct crr_op *op,
			  wait_queue_head_t *queue, const u8 *buf, u32 length)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int verdict;

	verdict = crr_session_judge(op, buf, length);
	if (verdict != CRR_SLEEP)
		return verdict;

	add_wait_queue(queue, &wait);
	for (;;) {
		int ret;

		verdict = crr_session_judge(op, buf, length);
		if (verdict != CRR_SLEEP)
			break;
		ret = crr_line_wait(line, &wait);
		if (ret) {
			crr_session_give_up(op);
			verdict = ret;
			break;
		}
	}
	remove_wait_queue(queue, &wait);
	return verdict;
}

/*
 * An operation that is no read(2) begins: it is counted before it looks for a
 * session. Returns its stream, which stays until the operation leaves, or NULL
 * if it is N_TTY's.
 */
static __always_inline struct crr_stream *crr_line_enter(struct crr_line *line)
{
	atomic64_inc(&line->inflight);
	/* Pairs with crr_session_enter() and crr_session_depart(). */
	smp_mb__after_atomic();
	return READ_ONCE(line->engaged);
}

static __always_inline void crr_line_leave(struct crr_line *line)
{
	/* Ordered, as above. */
	if (atomic64_dec_and_test(&line->inflight) &&
	    unlikely(!llist_empty(&line->departed)))
		crr_session_depart(line);
}

/**
 * crr_line_checkpoint - a checkpoint begins
 * @line: the line
 * @stream: its stream; the caller holds it
 * @counter: where the emulator stands
 * @max_bytes: that may be taken
 *
 * Returns what CRR_IOC_CHECKPOINT_BEGIN does.
 */
int crr_line_checkpoint(struct crr_line *line, struct crr_stream *stream,
			u64 counter, u64 max_bytes)
{
	struct crr_op op = {
		.stream = stream,
		.counter = counter,
		.max_bytes = max_bytes,
	};
	int verdict;

	verdict = crr_line_judge(line, &op, &line->tty->read_wait, NULL, 0);
	switch (verdict) {
	case CRR_PASS:
		return 0;
	case CRR_RESULT:
		return op.result;
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return verdict;
	}
}

/**
 * crr_line_seek - CRR_IOC_SEEK
 * @line: the line
 * @stream: its stream; the caller holds it
 * @seek: where to
 *
 * Returns what CRR_IOC_SEEK does.
 */
int crr_line_seek(struct crr_line *line, struct crr_stream *stream,
		  const struct crr_seek *seek)
{
	wait_queue_head_t *queue = &line->tty->read_wait;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int ret, outcome;

	ret = crr_session_seek(stream->session, seek->sequence, seek->counter);
	if (ret)
		return ret;
	add_wait_queue(queue, &wait);
	while (crr_session_seeks(stream->session, &outcome) && !ret)
		ret = crr_line_wait(line, &wait);
	remove_wait_queue(queue, &wait);
	if (!ret)
		return outcome;
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

/* ---- read(2) ----
 *
 * The tty core calls ->read with a buffer of its own, small, until the read(2)
 * is complete; between the calls it copies to the user. As long as the cookie
 * is set it calls again, and tells how much has been copied. The cookie of a
 * read(2) that N_TTY alone answers is N_TTY's; it may still be under way when a
 * session begins to judge reads. That of another one is our own, the line's
 * struct crr_read, and holds N_TTY's. Ours are told apart by a bit that no
 * pointer has.
 */
#define CRR_COOKIE 1UL

static void *crr_read_cookie(struct crr_read *rd)
{
	return (void *)((unsigned long)rd | CRR_COOKIE);
}

/*
 * A read(2) begins: as crr_line_enter(). Sets turn if there is no other: then it
 * is its turn.
 */
static __always_inline struct crr_stream *
crr_read_enter(struct crr_line *line, bool *turn)
{
	/* Ordered: pairs with crr_session_enter() and crr_session_depart(). */
	*turn = !(atomic64_fetch_add(CRR_INFLIGHT_READ, &line->inflight) &
		  (CRR_INFLIGHT_READS | CRR_INFLIGHT_QUEUES));
	return READ_ONCE(line->engaged);
}

/* It ends, having had its turn or not needed one. */
static __always_inline void crr_read_leave(struct crr_line *line)
{
	if (likely(atomic64_sub_and_test(CRR_INFLIGHT_READ, &line->inflight))) {
		if (unlikely(!llist_empty(&line->departed)))
			crr_session_depart(line);
	} else if (atomic64_read(&line->inflight) & CRR_INFLIGHT_QUEUES) {
		wake_up(&line->turn);
	}
}

/* It ends, having waited for its turn. */
static void crr_read_leave_queue(struct crr_line *line)
{
	if (atomic64_sub_and_test(CRR_INFLIGHT_QUEUED, &line->inflight) &&
	    !llist_empty(&line->departed))
		crr_session_depart(line);
}

/*
 * It is not its turn: wait for it. Those who wait come one after the other, by
 * read_lock, and no other read(2) begins while there is one of them; the first
 * waits for those that are under way. 0, or what read(2) returns.
 */
static int crr_read_queue(struct crr_line *line, struct file *file)
{
	int ret = -EAGAIN;
	s64 was;

	if (tty_io_nonblock(line->tty, file))
		goto leave;
	was = atomic64_fetch_add(CRR_INFLIGHT_QUEUED - CRR_INFLIGHT_READ,
				 &line->inflight);
	/* For a moment somebody may have waited for this one. */
	wake_up(&line->turn);
	if (unlikely((was & CRR_INFLIGHT_QUEUES) >= CRR_INFLIGHT_QUEUED_MAX))
		goto leave_queue;
	ret = -ERESTARTSYS;
	if (mutex_lock_interruptible(&line->read_lock))
		goto leave_queue;
	if (!wait_event_interruptible(line->turn,
				      !(atomic64_read(&line->inflight) &
					CRR_INFLIGHT_READS)))
		return 0;
	mutex_unlock(&line->read_lock);
leave_queue:
	crr_read_leave_queue(line);
	return ret;
leave:
	crr_read_leave(line);
	return ret;
}

/*
 * How an empty read returns, or that it does not. If termios changes meanwhile,
 * as it was before or after is right: nothing says which came first.
 */
static void crr_read_mode(struct tty_struct *tty, struct file *file,
			  struct crr_op *op)
{
	bool nonblock = tty_io_nonblock(tty, file);
	/* As it was, or as it will be. */
	bool timed = data_race(!L_ICANON(tty) && !MIN_CHAR(tty));
	/* Likewise. */
	bool waits = data_race(TIME_CHAR(tty));

	op->nowait = nonblock || timed;
	op->empty = timed && !(nonblock && waits) ? 0 : -EAGAIN;
}

/*
 * N_TTY's answer is at its end: what has the emulator seen? n is what N_TTY
 * said last, done how many bytes the user got.
 */
static void crr_read_seen(struct crr_read *rd, struct file *file, ssize_t n,
			  u32 done)
{
	struct tty_struct *tty = rd->line->tty;
	struct crr_record seen = {};
	/* As it was, or as it will be: see crr_read_mode(). */
	bool lines = data_race(L_ICANON(tty) && !L_EXTPROC(tty));

	if (done) {
		seen.type = CRR_TYPE_READ;
		seen.data = rd->op.stream->bytes;
		seen.data_length = done;
	} else if (rd->done) {
		/* N_TTY gave bytes, and the user's buffer took none. */
		seen.type = CRR_TYPE_READ_ERROR;
		seen.error = EFAULT;
	} else if (n == -EIO && test_bit(TTY_OTHER_CLOSED, &tty->flags)) {
		seen.type = CRR_TYPE_PEER_CLOSED;
	} else if (n == -ERESTARTSYS || tty_hung_up_p(file) ||
		   test_bit(TTY_HUPPING, &tty->flags)) {
		/* Who is killed sees nothing of it. */
		if (n == -ERESTARTSYS && !fatal_signal_pending(current))
			crr_recorder_read_interrupted(&rd->op);
		/* Not seen at all; or HANGUP tells it. */
		crr_recorder_cancel(&rd->op);
		return;
	} else if (n < 0 && n != -EAGAIN) {
		seen.type = CRR_TYPE_READ_ERROR;
		seen.error = -n;
	} else if (n == 0 && lines) {
		seen.type = CRR_TYPE_EOF;
	}
	crr_recorder_read_done(&rd->op, &seen);
}

/* The last call of a read(2) that a session has to do with. */
static void crr_read_finish(struct crr_read *rd, void **cookie)
{
	struct crr_line *line = rd->line;

	*cookie = NULL;
	if (likely(!rd->queued)) {
		crr_read_leave(line);
		return;
	}
	rd->queued = false;
	mutex_unlock(&line->read_lock);
	crr_read_leave_queue(line);
}

/* N_TTY may hold its locks: no more than a copy here. */
static __always_inline void crr_record_take(struct crr_read *rd, const u8 *buf,
					    size_t n)
{
	u8 *to = rd->op.stream->bytes + rd->done;

	/* The core's piece: what the compiler knows it copies at once. */
	if (likely(n == 64))
		memcpy(to, buf, 64);
	else
		memcpy(to, buf, n);
	rd->done += n;
}

/*
 * One call of N_TTY for a read at a gate: it does not wait, and takes what the
 * gate lets through.
 */
static noinline ssize_t crr_gated_piece(struct crr_read *rd, struct file *file,
					u8 *buf, size_t nr,
					unsigned long offset)
{
	struct crr_stream *stream = rd->op.stream;
	struct crr_gate *gate = &stream->session->gate;
	struct tty_struct *tty = rd->line->tty;
	/* N_TTY looks at no more of a file, and only in the first call. */
	struct file nowait = {
		.f_op = file->f_op,
		.f_flags = file->f_flags | O_NONBLOCK,
	};
	bool first = !rd->cookie;
	u32 asked;
	ssize_t n;

	asked = crr_gate_enter(gate, rd->op.window,
			       min_t(size_t, nr, CRR_READ_MAX - rd->done));
	/* With nothing to ask for, N_TTY is only to leave its locks. */
	n = first && !asked ? -EAGAIN :
	    static_call(crr_n_tty_read)(tty, &nowait, buf, asked, &rd->cookie,
					offset);
	if (n > 0) {
		crr_record_take(rd, buf, n);
	} else if (first && !(n == -EAGAIN && !rd->op.nowait)) {
		/* What is no bytes belongs to the checkpoint as well. */
		crr_read_seen(rd, file, n, 0);
		rd->seen = true;
	}
	crr_gate_leave(stream, asked, max_t(ssize_t, n, 0));
	return n;
}

/* The last call for a read(2) that is recorded: the user has got offset bytes. */
static noinline ssize_t crr_record_last(struct crr_read *rd, struct file *file,
					ssize_t n, void **cookie,
					unsigned long offset)
{
	if (likely(offset && !rd->op.gated))
		crr_recorder_delivered(rd->op.stream, offset);
	else if (!rd->seen)
		crr_read_seen(rd, file, n, offset);
	crr_read_finish(rd, cookie);
	return n;
}

/*
 * A further call for a read(2) that is recorded. The core calls once more even
 * if N_TTY is done, and so tells how much the user got.
 */
static __always_inline ssize_t
crr_record_read(struct crr_read *rd, struct tty_struct *tty, struct file *file,
		u8 *buf, size_t nr, void **cookie, unsigned long offset)
{
	ssize_t n;

	if (!rd->cookie)
		return crr_record_last(rd, file, 0, cookie, offset);
	if (unlikely(rd->op.gated)) {
		n = crr_gated_piece(rd, file, buf, nr, offset);
	} else {
		nr = min_t(size_t, nr, CRR_READ_MAX - rd->done);
		n = static_call(crr_n_tty_read)(tty, file, buf, nr, &rd->cookie,
						offset);
		if (likely(n > 0))
			crr_record_take(rd, buf, n);
	}
	if (likely(n > 0))
		return n;
	return crr_record_last(rd, file, n, cookie, offset);
}

/*
 * N_TTY has answered the first call for a read(2) that is recorded, and not
 * gated: n, and perhaps its cookie.
 */
static noinline ssize_t crr_record_first(struct crr_line *line,
					 struct crr_stream *stream,
					 struct file *file, const u8 *buf,
					 ssize_t n, void **cookie)
{
	struct crr_read *rd = &line->active;

	rd->op.stream = stream;
	rd->op.type = CRR_TYPE_READ;
	rd->op.owns_room = false;
	rd->op.gated = false;
	rd->mode = CRR_RECORD;
	rd->cookie = *cookie;
	rd->done = 0;
	rd->seen = false;
	if (n > 0) {
		crr_record_take(rd, buf, n);
		*cookie = crr_read_cookie(rd);
		return n;
	}
	crr_read_seen(rd, file, n, 0);
	crr_read_finish(rd, cookie);
	return n;
}

/*
 * A read that sleeps does so here, and not in N_TTY, whose sleep does not know
 * of the gate: until there is something behind an open gate. Returns as
 * crr_line_judge() does. Once it sleeps it is on the tty's queue.
 */
static int crr_gated_sleep(struct crr_line *line, struct crr_op *op,
			   struct file *file, size_t nr,
			   struct wait_queue_entry *wait, bool *queued)
{
	struct tty_struct *tty = line->tty;
	int verdict, ret;

	for (;;) {
		verdict = crr_line_judge(line, op, &tty->read_wait, NULL, nr);
		if (verdict != CRR_RECORD || !op->gated || op->nowait)
			return verdict;
		if (crr_n_tty.poll(tty, file, NULL) & (EPOLLIN | EPOLLHUP))
			return verdict;
		crr_recorder_cancel(op);
		if (!*queued) {
			add_wait_queue(&tty->read_wait, wait);
			*queued = true;
			continue;
		}
		ret = crr_line_wait(line, wait);
		if (ret)
			return ret;
	}
}

static ssize_t crr_replay_read(struct crr_read *rd, u8 *buf, size_t nr,
			       void **cookie, unsigned long offset)
{
	const struct crr_record *rec = &rd->op.queued->rec;
	size_t n = min_t(size_t, nr, rec->data_length - rd->done);

	if (offset == rd->done && n) {
		memcpy(buf, rec->data + rd->done, n);
		rd->done += n;
		*cookie = crr_read_cookie(rd);
		return n;
	}
	/* The end of the record, of the user's room, or of its memory. */
	if (offset < rec->data_length)
		crr_replayer_short_read(&rd->op, offset);
	crr_queued_free(rd->op.queued);
	crr_read_finish(rd, cookie);
	return 0;
}

/* What no read returns: that there is nothing here to be done. */
#define CRR_READ_PASS (-ENOIOCTLCMD)

/*
 * A read(2) on a line that is engaged, and whose turn it may be, but that is not
 * ready. CRR_READ_PASS if the session has become idle: then it is to be left as
 * one that had its turn.
 */
static noinline ssize_t crr_judged_read(struct crr_line *line, bool turn,
					struct crr_stream *stream,
					struct file *file, u8 *buf, size_t nr,
					void **cookie)
{
	struct crr_op op = { .stream = stream, .type = CRR_TYPE_READ };
	struct tty_struct *tty = line->tty;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct crr_read *rd = &line->active;
	bool waits = false;
	ssize_t ret;
	int verdict;

	if (!turn) {
		ret = crr_read_queue(line, file);
		if (ret)
			return ret;
	}
	crr_read_mode(tty, file, &op);
again:
	verdict = crr_gated_sleep(line, &op, file, nr, &wait, &waits);
	rd->op = op;
	rd->mode = verdict;
	rd->cookie = NULL;
	rd->done = 0;
	rd->seen = false;
	rd->queued = !turn;
	if (verdict == CRR_RECORD && op.gated) {
		ret = crr_gated_piece(rd, file, buf, nr, 0);
		if (ret == -EAGAIN && !op.nowait) {
			/* It was flushed, or the gate shut, meanwhile. */
			crr_recorder_cancel(&op);
			goto again;
		}
	}
	if (waits)
		remove_wait_queue(&tty->read_wait, &wait);
	switch (verdict) {
	case CRR_RECORD:
		if (!op.gated) {
			nr = min_t(size_t, nr, CRR_READ_MAX);
			ret = static_call(crr_n_tty_read)(tty, file, buf, nr,
							  cookie, 0);
			return crr_record_first(line, stream, file, buf, ret,
						cookie);
		}
		if (ret > 0) {
			*cookie = crr_read_cookie(rd);
			return ret;
		}
		crr_read_finish(rd, cookie);
		return ret == -EAGAIN ? op.empty : ret;
	case CRR_REPLAY:
		return crr_replay_read(rd, buf, nr, cookie, 0);
	case CRR_PASS:
		if (!turn) {
			rd->queued = false;
			mutex_unlock(&line->read_lock);
			atomic64_add(CRR_INFLIGHT_READ - CRR_INFLIGHT_QUEUED,
				     &line->inflight);
		}
		return CRR_READ_PASS;
	case CRR_RESULT:
		ret = op.result;
		break;
	case -EIO:
		ret = 0;
		break;
	default:
		ret = verdict;
		break;
	}
	crr_read_finish(rd, cookie);
	return ret;
}

/* A read(2) that is N_TTY's alone; or its beginning. */
static __always_inline ssize_t crr_pass_read(struct crr_line *line,
					     struct tty_struct *tty,
					     struct file *file, u8 *buf,
					     size_t nr, void **cookie)
{
	ssize_t n = static_call(crr_n_tty_read)(tty, file, buf, nr, cookie, 0);

	if (!*cookie)
		crr_read_leave(line);
	return n;
}

/* The first call for a read(2) that has to ask. */
static noinline ssize_t crr_asking_read(struct tty_struct *tty,
					struct file *file, u8 *buf, size_t nr,
					void **cookie, struct crr_line *line,
					struct crr_stream *stream, bool turn)
{
	ssize_t n = CRR_READ_PASS;

	/* A read of no bytes sees nothing of the line. */
	if (nr)
		n = crr_judged_read(line, turn, stream, file, buf, nr, cookie);
	if (n != CRR_READ_PASS)
		return n;
	return crr_pass_read(line, tty, file, buf, nr, cookie);
}

/* The first call for a read(2) on a line that is engaged; it has its turn. */
static noinline ssize_t crr_engaged_read(struct tty_struct *tty,
					 struct file *file, u8 *buf, size_t nr,
					 void **cookie, struct crr_line *line)
{
	struct crr_stream *stream = READ_ONCE(line->engaged);
	ssize_t n;
	u64 stamp;

	/* It may have been stopped just now. */
	if (unlikely(!stream))
		return crr_pass_read(line, tty, file, buf, nr, cookie);
	if (unlikely(!nr || !crr_recorder_is_ready(stream, CRR_IN, &stamp)))
		return crr_asking_read(tty, file, buf, nr, cookie, line,
				       stream, true);

	nr = min_t(size_t, nr, CRR_READ_MAX);
	n = static_call(crr_n_tty_read)(tty, file, buf, nr, cookie, 0);
	if (unlikely(n != -EAGAIN || test_bit(TTY_HUPPING, &tty->flags)))
		return crr_record_first(line, stream, file, buf, n, cookie);
	/* What emulators find most: nothing. */
	crr_empties_add(stream, stamp);
	crr_read_leave(line);
	return n;
}

/* The first call for a read(2). */
static noinline ssize_t crr_read_begin(struct tty_struct *tty,
				       struct file *file, u8 *buf, size_t nr,
				       void **cookie)
{
	struct crr_line *line = crr_line_find(tty);
	struct crr_stream *stream;
	bool turn;

	stream = crr_read_enter(line, &turn);
	if (!stream)
		return crr_pass_read(line, tty, file, buf, nr, cookie);
	if (likely(turn))
		return crr_engaged_read(tty, file, buf, nr, cookie, line);
	return crr_asking_read(tty, file, buf, nr, cookie, line, stream, false);
}

/* A further call for a read(2) that a session has to do with. */
static noinline ssize_t crr_read_continue(struct tty_struct *tty,
					  struct file *file, u8 *buf, size_t nr,
					  void **cookie, unsigned long offset)
{
	struct crr_read *rd = (void *)((unsigned long)*cookie & ~CRR_COOKIE);

	if (rd->mode == CRR_RECORD)
		return crr_record_read(rd, tty, file, buf, nr, cookie, offset);
	return crr_replay_read(rd, buf, nr, cookie, offset);
}

/* The last call for a read(2) that is N_TTY's alone. */
static noinline void crr_read_passed(struct tty_struct *tty)
{
	crr_read_leave(crr_line_find(tty));
}

/* A further call for a read(2). */
static noinline ssize_t crr_read_further(struct tty_struct *tty,
					 struct file *file, u8 *buf, size_t nr,
					 void **cookie, unsigned long offset)
{
	ssize_t n;

	n = static_call(crr_n_tty_read)(tty, file, buf, nr, cookie, offset);
	if (!*cookie)
		crr_read_passed(tty);
	return n;
}

/*
 * Called by the tty core, by many readers at a time, and for every few bytes of
 * what they read: who has little to do is not to save registers for the others.
 */
static ssize_t crr_ldisc_read(struct tty_struct *tty, struct file *file,
			      u8 *buf, size_t nr, void **cookie,
			      unsigned long offset)
{
	if (!*cookie)
		return crr_read_begin(tty, file, buf, nr, cookie);
	if ((unsigned long)*cookie & CRR_COOKIE)
		return crr_read_continue(tty, file, buf, nr, cookie, offset);
	return crr_read_further(tty, file, buf, nr, cookie, offset);
}

/* ---- write(2) ----
 *
 * The tty core cuts a write(2) into chunks, and calls again after a short one,
 * unless a signal is pending. In replay the core must stop where it stopped
 * then: the thread is told that there is a signal, finds none on its way out,
 * and goes on. io_uring's workers have no way out, but clear this flag, and not
 * TIF_SIGPENDING, before their next request.
 */
static ssize_t crr_write_cut(ssize_t result)
{
	set_thread_flag(CRR_TIF_NO_SIGNAL);
	return result == -EINTR ? -ERESTARTSYS : result;
}

static __always_inline ssize_t
crr_record_write(struct crr_stream *stream, struct tty_struct *tty,
		 struct file *file, const u8 *buf, size_t nr)
{
	ssize_t n = static_call(crr_n_tty_write)(tty, file, buf, nr);
	ssize_t seen = n == -ERESTARTSYS ? -EINTR : n;
	bool cut;

	/* The room stays the stream's. */
	if (unlikely(!n))
		return n;
	/* A whole chunk that is not a full one is a write(2)'s last. */
	cut = seen == -EINTR ||
	      (signal_pending(current) && n > 0 &&
	       (n < (ssize_t)nr || nr == CRR_WRITE_MAX));
	crr_recorder_write_done(stream, buf, nr, seen, cut);
	return n;
}

/*
 * Let N_TTY process and send what the recorded run wrote, as it did then. One
 * attempt that does not wait; and no signal is to keep it from it, as none of what
 * N_TTY says here becomes the write's result. Returns how many bytes were taken.
 */
static u32 crr_replay_output(struct tty_struct *tty, struct file *file,
			     const u8 *buf, u32 length)
{
	/* N_TTY looks at no more of a file. */
	struct file nowait = {
		.f_op = file->f_op,
		.f_flags = file->f_flags | O_NONBLOCK,
	};
	sigset_t blocked, before;
	ssize_t taken;

	siginitsetinv(&blocked, sigmask(SIGKILL));
	sigprocmask(SIG_BLOCK, &blocked, &before);
	taken = static_call(crr_n_tty_write)(tty, &nowait, buf, length);
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* Nor is a SIGIO to follow when there is buffer space again. */
	clear_bit(TTY_DO_WRITE_WAKEUP, &tty->flags);
	return max_t(ssize_t, taken, 0);
}

static ssize_t crr_replay_write(struct crr_line *line, struct file *file,
				struct crr_op *op, const u8 *buf)
{
	struct crr_session *session = op->stream->session;
	struct crr_queued *queued = op->queued;
	const struct crr_record *rec = &queued->rec;
	ssize_t result = rec->result;
	bool cut = rec->flags & CRR_FLAG_CUT;
	u32 offset = rec->offset;
	u32 taken;

	if (offset && !(session->replayer.flags & CRR_REPLAY_MUTE)) {
		taken = crr_replay_output(line->tty, file, buf, offset);
		if (taken < offset) {
			mutex_lock(&session->lock);
			session->replayer.dropped += offset - taken;
			mutex_unlock(&session->lock);
		}
	}
	crr_queued_free(queued);
	return cut ? crr_write_cut(result) : result;
}

/* A write on a line that is engaged, but not ready. */
static noinline ssize_t crr_judged_write(struct crr_line *line,
					 struct crr_stream *stream,
					 struct file *file, const u8 *buf,
					 size_t nr)
{
	struct tty_struct *tty = line->tty;
	struct crr_op op = {
		.stream = stream,
		.type = CRR_TYPE_WRITE,
		.nowait = tty_io_nonblock(tty, file),
	};
	int verdict;

	verdict = crr_line_judge(line, &op, &tty->write_wait, buf, nr);
	switch (verdict) {
	case CRR_PASS:
		return static_call(crr_n_tty_write)(tty, file, buf, nr);
	case CRR_RECORD:
		return crr_record_write(stream, tty, file, buf, nr);
	case CRR_REPLAY:
		return crr_replay_write(line, file, &op, buf);
	case CRR_RESULT:
		return op.result == -EINTR ? crr_write_cut(op.result) :
					     op.result;
	default:
		if (verdict == -ERESTARTSYS && op.sleep == CRR_SLEEP_ROOM)
			crr_recorder_interrupted(&op);
		return verdict;
	}
}

static noinline ssize_t crr_engaged_write(struct tty_struct *tty,
					  struct file *file, const u8 *buf,
					  size_t nr, struct crr_line *line,
					  struct crr_stream *stream)
{
	u64 stamp;
	ssize_t n;

	nr = min_t(size_t, nr, CRR_WRITE_MAX);
	if (unlikely(!nr))
		/* A write of no bytes leaves nothing behind. */
		n = static_call(crr_n_tty_write)(tty, file, buf, nr);
	else if (likely(crr_recorder_is_ready(stream, CRR_OUT, &stamp)))
		n = crr_record_write(stream, tty, file, buf, nr);
	else
		n = crr_judged_write(line, stream, file, buf, nr);
	crr_line_leave(line);
	return n;
}

/* Called by the tty core under atomic_write_lock: one at a time. */
static ssize_t crr_ldisc_write(struct tty_struct *tty, struct file *file,
			       const u8 *buf, size_t nr)
{
	struct crr_line *line = crr_line_find(tty);
	struct crr_stream *stream = crr_line_enter(line);
	ssize_t n;

	if (stream)
		return crr_engaged_write(tty, file, buf, nr, line, stream);
	n = static_call(crr_n_tty_write)(tty, file, buf, nr);
	crr_line_leave(line);
	return n;
}

/* ---- poll(2) ----
 *
 * Never waits for anything that a user may keep from coming: its callers hold
 * locks of epoll, or are threads of a kernel's work queue.
 */

/* As long as the session does not pass the device's state on. */
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
	} else {
		*mask = EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM |
			EPOLLERR;
	}
	if (answered && !(*mask & wanted))
		crr_stream_looked(stream);
	mutex_unlock(&session->lock);
	return answered;
}

/* What of the device's state is hidden while it is recorded. */
static __poll_t crr_recorded_poll(struct crr_stream *stream, __poll_t wanted,
				  __poll_t mask)
{
	struct crr_session *session = stream->session;

	mutex_lock(&session->lock);
	if (session->state == CRR_STATE_RECORDING) {
		if (crr_gate_hides(stream))
			mask &= ~(EPOLLIN | EPOLLRDNORM | EPOLLHUP);
		/* What is there cannot be had before there is room. */
		if (!crr_stream_has_room(stream, CRR_IN))
			mask &= ~(EPOLLIN | EPOLLRDNORM);
		if (!crr_stream_has_room(stream, CRR_OUT))
			mask &= ~(EPOLLOUT | EPOLLWRNORM);
		if (!(mask & wanted))
			crr_stream_looked(stream);
	}
	mutex_unlock(&session->lock);
	return mask;
}

/*
 * Called by the tty core, by anybody at any time. The poller is on the tty's
 * queues before the session is looked at, so that it is woken by whatever
 * changes then; and on no others, as a session may go sooner.
 */
static __poll_t crr_ldisc_poll(struct tty_struct *tty, struct file *file,
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

/* ---- Questions, and marks ----
 *
 * What is answered from outside is recorded, and answered from the log in
 * replay. Neither waits for anything but room, or the feeder.
 */

/* It begins. As crr_session_judge(), or an errno for ioctl(2). */
static int crr_line_ask(struct crr_line *line, struct crr_op *op,
			const u8 *label, u32 length)
{
	int verdict;

	op->stream = crr_line_enter(line);
	if (!op->stream)
		return CRR_PASS;
	verdict = crr_line_judge(line, op,
				 crr_type_is_inbound(op->type) ?
				 &line->tty->read_wait : &line->tty->write_wait,
				 label, length);
	return verdict == -ERESTARTSYS ? -EINTR : verdict;
}

/* It ends. */
static void crr_line_asked(struct crr_line *line, struct crr_op *op)
{
	crr_queued_free(op->queued);
	crr_line_leave(line);
}

/* FIONREAD and TIOCOUTQ: N_TTY's answer goes to the user, and then to us. */
static int crr_line_queue(struct crr_line *line, CRR_FILE_PARAMETER
			  unsigned int cmd, u16 type, unsigned long arg)
{
	struct crr_op op = {
		.type = type,
		/* Without room, what is there cannot be had. */
		.nowait = type == CRR_TYPE_INQ,
	};
	int __user *answer = (int __user *)arg;
	struct crr_record rec = { .type = type };
	int verdict, ret, n;

	verdict = crr_line_ask(line, &op, NULL, 0);
	switch (verdict) {
	case CRR_PASS:
		ret = crr_n_tty.ioctl(line->tty, CRR_FILE cmd, arg);
		break;
	case CRR_RECORD:
		ret = crr_n_tty.ioctl(line->tty, CRR_FILE cmd, arg);
		if (!ret)
			ret = get_user(n, answer);
		if (ret) {
			crr_recorder_cancel(&op);
			break;
		}
		rec.value = max(n, 0);
		if (type == CRR_TYPE_INQ)
			ret = put_user(crr_recorder_inq_done(&op, rec.value),
				       answer);
		else
			crr_recorder_answer_done(&op, &rec);
		break;
	case CRR_REPLAY:
		ret = put_user(op.queued->rec.value, answer);
		break;
	case CRR_RESULT:
		ret = op.result < 0 ? op.result : put_user(op.result, answer);
		break;
	default:
		ret = verdict;
		break;
	}
	crr_line_asked(line, &op);
	return ret;
}

/* Modem lines and counts, as the driver has them. */
static void crr_device_modem(struct tty_struct *tty, struct crr_record *rec)
{
	const struct tty_operations *ops = tty->ops;
	struct serial_icounter_struct count = {};
	int lines = ops->tiocmget ? ops->tiocmget(tty) : -ENOTTY;

	if (lines < 0) {
		/* What never leaves the kernel is not for a log, either. */
		rec->modem.error = lines < -CRR_ERRNO_MAX ? EIO : -lines;
		return;
	}
	rec->modem.lines = lines;
	if (!ops->get_icount || ops->get_icount(tty, &count))
		return;
	rec->modem.facts = CRR_MODEM_COUNTS;
	rec->modem.counts[0] = count.cts;
	rec->modem.counts[1] = count.dsr;
	rec->modem.counts[2] = count.rng;
	rec->modem.counts[3] = count.dcd;
	rec->modem.counts[4] = count.rx;
	rec->modem.counts[5] = count.tx;
	rec->modem.counts[6] = count.frame;
	rec->modem.counts[7] = count.overrun;
	rec->modem.counts[8] = count.parity;
	rec->modem.counts[9] = count.brk;
	rec->modem.counts[10] = count.buf_overrun;
}

/**
 * crr_line_modem - CRR_IOC_MODEM
 * @line: the line
 * @modem: out
 *
 * Returns what CRR_IOC_MODEM does.
 */
int crr_line_modem(struct crr_line *line, struct crr_modem *modem)
{
	struct crr_op op = { .type = CRR_TYPE_MODEM };
	struct crr_record rec = { .type = CRR_TYPE_MODEM };
	int ret;

	ret = crr_line_ask(line, &op, NULL, 0);
	switch (ret) {
	case CRR_PASS:
		crr_device_modem(line->tty, &rec);
		ret = 0;
		break;
	case CRR_RECORD:
		crr_device_modem(line->tty, &rec);
		crr_recorder_answer_done(&op, &rec);
		ret = 0;
		break;
	case CRR_REPLAY:
		rec = op.queued->rec;
		ret = 0;
		break;
	case CRR_RESULT:
		ret = op.result;
		break;
	default:
		break;
	}
	if (!ret)
		ret = -(int)rec.modem.error;
	modem->lines = rec.modem.lines;
	modem->facts = rec.modem.facts;
	modem->cts = rec.modem.counts[0];
	modem->dsr = rec.modem.counts[1];
	modem->rng = rec.modem.counts[2];
	modem->dcd = rec.modem.counts[3];
	modem->rx = rec.modem.counts[4];
	modem->tx = rec.modem.counts[5];
	modem->frame = rec.modem.counts[6];
	modem->overrun = rec.modem.counts[7];
	modem->parity = rec.modem.counts[8];
	modem->brk = rec.modem.counts[9];
	modem->buf_overrun = rec.modem.counts[10];
	crr_line_asked(line, &op);
	return ret;
}

/**
 * crr_line_mark - CRR_IOC_MARK
 * @line: the line
 * @mark: the mark, whose label is valid
 *
 * Returns what CRR_IOC_MARK does.
 */
int crr_line_mark(struct crr_line *line, const struct crr_mark *mark)
{
	struct crr_op op = { .type = CRR_TYPE_MARK };
	struct crr_record rec = {
		.type = CRR_TYPE_MARK,
		.data = mark->label,
		.data_length = mark->length,
	};
	int ret;

	ret = crr_line_ask(line, &op, mark->label, mark->length);
	switch (ret) {
	case CRR_RECORD:
		crr_recorder_answer_done(&op, &rec);
		fallthrough;
	case CRR_PASS:
	case CRR_REPLAY:
		ret = 0;
		break;
	case CRR_RESULT:
		ret = op.result;
		break;
	default:
		break;
	}
	crr_line_asked(line, &op);
	return ret;
}

/* ---- ioctl(2) ---- */

/* Called by the tty core for what neither it nor the driver knows. */
static int crr_ldisc_ioctl(struct tty_struct *tty, CRR_FILE_PARAMETER
			   unsigned int cmd, unsigned long arg)
{
	struct crr_target target = { .line = crr_line_find(tty) };
	int ret;

	/* Never -ENOIOCTLCMD: for 32-bit callers the core would call again. */
	if (_IOC_TYPE(cmd) == CRR_IOC_TYPE)
		return crr_ioctl(&target, cmd, (void __user *)arg);
	switch (cmd) {
	case TIOCINQ:
		return crr_line_queue(target.line, CRR_FILE cmd, CRR_TYPE_INQ,
				      arg);
	case TIOCOUTQ:
		return crr_line_queue(target.line, CRR_FILE cmd, CRR_TYPE_OUTQ,
				      arg);
	default:
		ret = crr_n_tty.ioctl(tty, CRR_FILE cmd, arg);
		/* It may have asked for SIGIO, and says so to nobody here. */
		if (READ_ONCE(target.line->engaged))
			crr_session_show(target.line);
		return ret;
	}
}

/* The structs are the same; what is not ours goes N_TTY's way. */
static int crr_ldisc_compat_ioctl(struct tty_struct *tty, CRR_FILE_PARAMETER
				  unsigned int cmd, unsigned long arg)
{
	if (_IOC_TYPE(cmd) != CRR_IOC_TYPE)
		return -ENOIOCTLCMD;
	return crr_ldisc_ioctl(tty, CRR_FILE cmd,
			       (unsigned long)compat_ptr(arg));
}

/* ---- From the driver ---- */

/* Something has happened that the emulator should look at. */
static void crr_line_input(struct crr_line *line)
{
	struct crr_stream *stream;
	struct crr_clock *clock;

	if (!rcu_access_pointer(line->stream) &&
	    !rcu_access_pointer(line->clock))
		return;
	rcu_read_lock();
	stream = rcu_dereference(line->stream);
	clock = stream ? rcu_dereference(stream->session->clock) :
			 rcu_dereference(line->clock);
	if (clock && (!stream || READ_ONCE(stream->session->state) <=
				 CRR_STATE_RECORDING))
		crr_clock_input(clock);
	rcu_read_unlock();
}

/* Is the device's input to be thrown away? */
static bool crr_line_discards(struct crr_line *line, size_t count)
{
	struct crr_stream *stream;
	bool discards = false;

	if (!READ_ONCE(line->engaged))
		return false;
	rcu_read_lock();
	stream = rcu_dereference(line->stream);
	if (stream && READ_ONCE(stream->session->state) >=
		      CRR_STATE_REPLAYING) {
		discards = true;
		/* Only counted: a lost increment is no harm. */
		data_race(stream->session->replayer.discarded += count);
	}
	rcu_read_unlock();
	return discards;
}

/* Called from the flip buffer's work, or by TIOCSTI; may sleep. */
static void crr_ldisc_receive_buf(struct tty_struct *tty, const u8 *cp,
				  crr_flag_t *fp, crr_count_t count)
{
	struct crr_line *line = crr_line_find(tty);

	if (crr_line_discards(line, count))
		return;
	crr_n_tty.receive_buf(tty, cp, fp, count);
	atomic64_add(count, &line->received);
	crr_line_input(line);
}

static crr_received_t crr_ldisc_receive_buf2(struct tty_struct *tty,
					     const u8 *cp,
					     crr_flag_t *fp,
					     crr_count_t count)
{
	struct crr_line *line = crr_line_find(tty);
	crr_received_t n;

	if (crr_line_discards(line, count))
		return count;
	n = crr_n_tty.receive_buf2(tty, cp, fp, count);
	atomic64_add(n, &line->received);
	crr_line_input(line);
	return n;
}

/* XON and XOFF out of turn; thrown away with the rest. */
static void crr_ldisc_lookahead_buf(struct tty_struct *tty, const u8 *cp,
				    const u8 *fp, crr_lookahead_t count)
{
	if (!crr_line_discards(crr_line_find(tty), 0))
		crr_lookahead(&crr_n_tty)(tty, cp, fp, count);
}

static void crr_ldisc_flush_buffer(struct tty_struct *tty)
{
	crr_n_tty.flush_buffer(tty);
	crr_line_input(crr_line_find(tty));
}

/* Called under termios_rwsem: input may have become lines, or the reverse. */
static void crr_ldisc_set_termios(struct tty_struct *tty, crr_ktermios_t *old)
{
	struct crr_line *line = crr_line_find(tty);

	crr_n_tty.set_termios(tty, old);
	/* N_TTY's own open calls it when there is no line yet. */
	if (!line)
		return;
	WRITE_ONCE(line->undescribed, true);
	crr_line_input(line);
}

/* ---- Attach and detach ---- */

/*
 * The tty core's files are no longer ours to see: reads and writes go to stubs
 * of its own. What is under way comes to its end, then close is called.
 */
static crr_hangup_t crr_ldisc_hangup(struct tty_struct *tty)
{
	struct crr_line *line = crr_line_find(tty);

	WRITE_ONCE(line->hung_up, true);
	crr_line_wake(line);
	crr_line_input(line);
	return (crr_hangup_t)0;
}

/*
 * Called with the ldisc semaphore held for writing. Only for want of memory
 * does it fail, as N_TTY's own may: after a hangup the tty core calls it in
 * the open(2) of somebody who has never heard of crr.
 */
static int crr_ldisc_open(struct tty_struct *tty)
{
	struct crr_line *line;
	int ret;

	line = kzalloc(sizeof(*line), GFP_KERNEL_ACCOUNT);
	if (!line)
		return -ENOMEM;
	line->tty = tty;
	mutex_init(&line->read_lock);
	init_waitqueue_head(&line->turn);
	line->active.line = line;
	init_llist_head(&line->departed);

	ret = crr_n_tty.open(tty);
	if (ret) {
		kfree(line);
		return ret;
	}
	crr_line_add(line);
	return 0;
}

/* Called with the ldisc semaphore held for writing: nothing is in flight. */
static void crr_ldisc_close(struct tty_struct *tty)
{
	struct crr_line *line = crr_line_find(tty);

	crr_session_line_left(line);
	crr_line_remove(line);
	crr_n_tty.close(tty);
	kfree_rcu(line, rcu);
}

static struct tty_ldisc_ops crr_ldisc;

/**
 * crr_ldisc_register - make the line discipline known
 * @number: under which number
 *
 * Returns 0 or -EINVAL.
 */
int crr_ldisc_register(int number)
{
	n_tty_inherit_ops(&crr_n_tty);
	static_call_update(crr_n_tty_read, crr_n_tty.read);
	static_call_update(crr_n_tty_write, crr_n_tty.write);
	crr_ldisc = crr_n_tty;
	crr_ldisc.owner = THIS_MODULE;
	crr_ldisc.num = number;
	crr_ldisc.name = "n_crr";
	crr_ldisc.open = crr_ldisc_open;
	crr_ldisc.close = crr_ldisc_close;
	crr_ldisc.flush_buffer = crr_ldisc_flush_buffer;
	crr_ldisc.read = crr_ldisc_read;
	crr_ldisc.write = crr_ldisc_write;
	crr_ldisc.ioctl = crr_ldisc_ioctl;
	crr_ldisc.compat_ioctl = crr_ldisc_compat_ioctl;
	crr_ldisc.set_termios = crr_ldisc_set_termios;
	crr_ldisc.poll = crr_ldisc_poll;
	crr_ldisc.hangup = crr_ldisc_hangup;
	crr_ldisc.receive_buf = crr_ldisc_receive_buf;
	crr_ldisc.receive_buf2 = crr_ldisc_receive_buf2;
	crr_set_lookahead(&crr_ldisc, crr_ldisc_lookahead_buf);
	return crr_tty_register(&crr_ldisc);
}

void crr_ldisc_unregister(void)
{
	crr_tty_unregister(&crr_ldisc);
}
