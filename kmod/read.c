// SPDX-License-Identifier: GPL-2.0-only
/*
 * read(2).
 *
 * The tty core calls ->read with a small buffer of its own, until the read(2)
 * is complete; between the calls it copies to the user. While the cookie is set
 * it calls again, and says how much has been copied. A read(2) that N_TTY alone
 * answers has N_TTY's cookie; it may still be under way when a session becomes
 * active. Any other read(2) has ours, a pointer to the line's struct crr_read,
 * which holds N_TTY's cookie. A bit that no pointer has set marks ours.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "callbacks.h"
#include "gate.h"
#include "line.h"
#include "operation.h"
#include "queue.h"
#include "recorder.h"
#include "replayer.h"
#include "session.h"
#include "state.h"

#define CRR_COOKIE 1UL

/**
 * struct crr_read - a read(2) of a session
 * @line: its line, whose read_lock protects all of this
 * @replayed: it is replayed; else recorded
 * @cookie: N_TTY's
 * @done: bytes given to the tty core
 * @seen: its outcome is logged
 * @op: the operation
 */
struct crr_read {
	struct crr_line *line;
	bool replayed;
	void *cookie;
	u32 done;
	bool seen;
	struct crr_op op;
};

/* For crr_ldisc_open(): one for all read(2)s of the line. */
struct crr_read *crr_read_alloc(void)
{
	return kzalloc(sizeof(struct crr_read), GFP_KERNEL_ACCOUNT);
}

static void *crr_read_cookie(struct crr_read *rd)
{
	return (void *)((unsigned long)rd | CRR_COOKIE);
}

/* Ends the last call for a read(2) of a session. */
static void crr_read_finish(struct crr_read *rd, void **cookie)
{
	struct crr_stream *stream = rd->op.stream;
	struct crr_line *line = rd->line;

	*cookie = NULL;
	mutex_unlock(&line->read_lock);
	crr_operation_end(line, stream);
}

/*
 * Find out how an empty read returns, or that it does not. If termios changes
 * meanwhile, either value is right: nothing says which came first.
 */
static void crr_read_mode(struct tty_struct *tty, struct file *file,
			  struct crr_op *op)
{
	bool nonblock = tty_io_nonblock(tty, file);
	/* Either value is right. */
	bool timed = data_race(!L_ICANON(tty) && !MIN_CHAR(tty));
	/* Likewise. */
	bool waits = data_race(TIME_CHAR(tty));

	op->nowait = nonblock || timed;
	op->empty = timed && !(nonblock && waits) ? 0 : -EAGAIN;
}

/*
 * N_TTY has answered: record what the emulator has seen. n is N_TTY's last
 * result, done the number of bytes that the user got.
 */
static void crr_read_seen(struct crr_read *rd, struct file *file, ssize_t n,
			  u32 done)
{
	struct tty_struct *tty = rd->line->tty;
	struct crr_record seen = {};
	/* Either value is right: see crr_read_mode(). */
	bool lines = data_race(L_ICANON(tty) && !L_EXTPROC(tty));

	if (done) {
		seen.type = CRR_TYPE_READ;
		seen.data = rd->op.stream->bytes;
		seen.data_length = done;
	} else if (rd->done) {
		/* N_TTY gave bytes, but none could be copied to the user. */
		seen.type = CRR_TYPE_READ_ERROR;
		seen.error = EFAULT;
	} else if (n == -EIO && test_bit(TTY_OTHER_CLOSED, &tty->flags)) {
		seen.type = CRR_TYPE_PEER_CLOSED;
	} else if (n == -ERESTARTSYS || tty_hung_up_p(file) ||
		   test_bit(TTY_HUPPING, &tty->flags)) {
		/* A thread that is killed sees nothing of it. */
		if (n == -ERESTARTSYS && !fatal_signal_pending(current))
			crr_recorder_read_interrupted(&rd->op);
		/* It is not seen at all; or a HANGUP record follows. */
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

/* N_TTY may hold its locks: only copy here. */
static void crr_record_take(struct crr_read *rd, const u8 *buf, size_t n)
{
	memcpy(rd->op.stream->bytes + rd->done, buf, n);
	rd->done += n;
}

/*
 * One call of N_TTY for a gated read. It does not wait, and takes what the gate
 * lets through.
 */
static ssize_t crr_gated_piece(struct crr_read *rd, struct file *file, u8 *buf,
			       size_t nr, unsigned long offset)
{
	struct crr_stream *stream = rd->op.stream;
	struct crr_gate *gate = &stream->session->gate;
	struct tty_struct *tty = rd->line->tty;
	/* N_TTY uses nothing else of a file, and only in the first call. */
	struct file nowait = {
		.f_op = file->f_op,
		.f_flags = file->f_flags | O_NONBLOCK,
	};
	bool first = !rd->cookie;
	u32 asked;
	ssize_t n;

	asked = crr_gate_enter(gate, rd->op.window,
			       min_t(size_t, nr, CRR_READ_MAX - rd->done));
	/* With nothing to ask for, N_TTY is called only to leave its locks. */
	n = first && !asked ? -EAGAIN :
	    crr_n_tty.read(tty, &nowait, buf, asked, &rd->cookie, offset);
	if (n > 0) {
		crr_record_take(rd, buf, n);
	} else if (first && !(n == -EAGAIN && !rd->op.nowait)) {
		/* A result without bytes belongs to the checkpoint, too. */
		crr_read_seen(rd, file, n, 0);
		rd->seen = true;
	}
	crr_gate_leave(stream, asked, max_t(ssize_t, n, 0));
	/* Readers that found nothing left meanwhile are woken only now. */
	if (rd->seen)
		crr_recorder_cancel(&rd->op);
	return n;
}

/*
 * A call of N_TTY for a recorded read(2) has returned n. The user has got
 * offset bytes so far.
 */
static ssize_t crr_record_piece(struct crr_read *rd, struct file *file,
				const u8 *buf, ssize_t n, void **cookie,
				unsigned long offset)
{
	if (n > 0) {
		if (!rd->op.gated)
			crr_record_take(rd, buf, n);
		*cookie = crr_read_cookie(rd);
		return n;
	}
	if (!rd->seen)
		crr_read_seen(rd, file, n, offset);
	crr_read_finish(rd, cookie);
	return n;
}

/*
 * A call for a recorded read(2). The tty core calls once more even if N_TTY is
 * done, and so says how much the user got.
 */
static ssize_t crr_record_read(struct crr_read *rd, struct tty_struct *tty,
			       struct file *file, u8 *buf, size_t nr,
			       void **cookie, unsigned long offset)
{
	ssize_t n;

	nr = min_t(size_t, nr, CRR_READ_MAX - rd->done);
	if (rd->done && !rd->cookie)
		n = 0;
	else if (rd->op.gated)
		n = crr_gated_piece(rd, file, buf, nr, offset);
	else
		n = crr_n_tty.read(tty, file, buf, nr, &rd->cookie, offset);
	return crr_record_piece(rd, file, buf, n, cookie, offset);
}

/*
 * A gated read sleeps here, as N_TTY's sleep does not know the gate, until
 * there is something behind an open gate. Returns what crr_operation_decide()
 * does. Once the read sleeps it is on the tty's queue.
 */
static int crr_gated_sleep(struct crr_line *line, struct crr_op *op,
			   struct file *file, size_t nr,
			   struct wait_queue_entry *wait, bool *queued)
{
	struct tty_struct *tty = line->tty;
	int decision, ret;

	for (;;) {
		decision = crr_operation_decide(line, op, &tty->read_wait, NULL,
						nr);
		if (decision != CRR_RECORD || !op->gated || op->nowait)
			return decision;
		if (crr_n_tty.poll(tty, file, NULL) & (EPOLLIN | EPOLLHUP))
			return decision;
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
	/*
	 * The end of the record, or of what the user asked for or has mapped.
	 */
	if (offset < rec->data_length)
		crr_replayer_short_read(&rd->op, offset);
	crr_queued_free(rd->op.queued);
	crr_read_finish(rd, cookie);
	return 0;
}

/*
 * Ask for a decision on a read(2), and wait for it. Returns what
 * crr_operation_decide() does. A gated read that is recorded has then made its
 * first attempt, with the result n.
 */
static int crr_read_decide(struct crr_read *rd, struct file *file, u8 *buf,
			   size_t nr, ssize_t *n)
{
	struct crr_line *line = rd->line;
	struct tty_struct *tty = line->tty;
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool waits = false;
	int decision;

	crr_read_mode(tty, file, &rd->op);
	for (;;) {
		decision = crr_gated_sleep(line, &rd->op, file, nr, &wait,
					   &waits);
		if (decision != CRR_RECORD || !rd->op.gated)
			break;
		*n = crr_gated_piece(rd, file, buf, nr, 0);
		if (*n != -EAGAIN || rd->op.nowait)
			break;
		/* The input was flushed, or the gate was shut, meanwhile. */
		crr_recorder_cancel(&rd->op);
	}
	if (waits)
		remove_wait_queue(&tty->read_wait, &wait);
	return decision;
}

/* The first call for a read(2) that N_TTY alone answers. */
static ssize_t crr_pass_read(struct crr_line *line, struct file *file, u8 *buf,
			     size_t nr, void **cookie)
{
	ssize_t n = crr_n_tty.read(line->tty, file, buf, nr, cookie, 0);

	if (!*cookie)
		crr_operation_end(line, NULL);
	return n;
}

/* The first call for a read(2) in an active session, which has to ask. */
static noinline ssize_t crr_asking_read(struct crr_line *line,
					struct crr_stream *stream,
					struct file *file, u8 *buf, size_t nr,
					void **cookie)
{
	struct crr_read *rd = line->read;
	int decision;
	ssize_t n;

	*rd = (struct crr_read){
		.line = line,
		.op = { .stream = stream, .type = CRR_TYPE_READ },
	};
	decision = crr_read_decide(rd, file, buf, nr, &n);
	switch (decision) {
	case CRR_RECORD:
		if (!rd->op.gated)
			return crr_record_read(rd, line->tty, file, buf, nr,
					       cookie, 0);
		if (n > 0) {
			*cookie = crr_read_cookie(rd);
			return n;
		}
		n = n == -EAGAIN ? rd->op.empty : n;
		break;
	case CRR_REPLAY:
		rd->replayed = true;
		return crr_replay_read(rd, buf, nr, cookie, 0);
	case CRR_PASS:
		mutex_unlock(&line->read_lock);
		crr_session_put(stream->session);
		return crr_pass_read(line, file, buf, nr, cookie);
	case CRR_RESULT:
		n = rd->op.result;
		break;
	case -EIO:
		n = 0;
		break;
	default:
		n = decision;
		break;
	}
	crr_read_finish(rd, cookie);
	return n;
}

/*
 * The first call for a read(2) in an active session. Emulators mostly find
 * nothing, and that needs neither an answer of the session nor a struct crr_op.
 */
static ssize_t crr_session_read(struct crr_line *line,
				struct crr_stream *stream, struct file *file,
				u8 *buf, size_t nr, void **cookie)
{
	struct tty_struct *tty = line->tty;
	struct crr_read *rd = line->read;
	ssize_t n;
	u64 stamp;

	n = crr_lock_or_fail(&line->read_lock, tty_io_nonblock(tty, file));
	if (n) {
		crr_operation_end(line, stream);
		return n;
	}
	if (!crr_recorder_is_ready(stream, &stamp))
		return crr_asking_read(line, stream, file, buf, nr, cookie);
	nr = min_t(size_t, nr, CRR_READ_MAX);
	rd->cookie = NULL;
	n = crr_n_tty.read(tty, file, buf, nr, &rd->cookie, 0);
	if (n == -EAGAIN && !test_bit(TTY_HUPPING, &tty->flags)) {
		crr_recorder_found_nothing(stream, stamp);
		mutex_unlock(&line->read_lock);
		crr_operation_end(line, stream);
		return n;
	}
	*rd = (struct crr_read){
		.line = line,
		.cookie = rd->cookie,
		.op = { .stream = stream, .type = CRR_TYPE_READ },
	};
	return crr_record_piece(rd, file, buf, n, cookie, 0);
}

/* The first call for a read(2). */
static noinline ssize_t crr_read_begin(struct tty_struct *tty,
				       struct file *file, u8 *buf, size_t nr,
				       void **cookie)
{
	struct crr_line *line;
	struct crr_stream *stream = crr_operation_begin(tty, &line);

	if (stream && nr)
		return crr_session_read(line, stream, file, buf, nr, cookie);
	/* A read of no bytes sees nothing of the line. */
	if (stream)
		crr_session_put(stream->session);
	return crr_pass_read(line, file, buf, nr, cookie);
}

/* A further call for a read(2) of a session. */
static noinline ssize_t crr_read_continue(struct tty_struct *tty,
					  struct file *file, u8 *buf, size_t nr,
					  void **cookie, unsigned long offset)
{
	struct crr_read *rd = (void *)((unsigned long)*cookie & ~CRR_COOKIE);

	if (rd->replayed)
		return crr_replay_read(rd, buf, nr, cookie, offset);
	return crr_record_read(rd, tty, file, buf, nr, cookie, offset);
}

/* Ends a read(2) that N_TTY alone has answered, in further calls. */
static noinline ssize_t crr_read_passed(struct tty_struct *tty, ssize_t n)
{
	crr_operation_end(crr_line_find(tty), NULL);
	return n;
}

/*
 * Called by the tty core, for many readers at a time, and for each 64 bytes
 * that they read. What the usual further call does not need is in functions of
 * its own, so that it saves no registers for them: 1.2% of a read(2) of 4,096
 * bytes.
 */
ssize_t crr_ldisc_read(struct tty_struct *tty, struct file *file, u8 *buf,
		       size_t nr, void **cookie, unsigned long offset)
{
	ssize_t n;

	if (!*cookie)
		return crr_read_begin(tty, file, buf, nr, cookie);
	if ((unsigned long)*cookie & CRR_COOKIE)
		return crr_read_continue(tty, file, buf, nr, cookie, offset);
	n = crr_n_tty.read(tty, file, buf, nr, cookie, offset);
	return *cookie ? n : crr_read_passed(tty, n);
}
