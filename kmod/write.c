// SPDX-License-Identifier: GPL-2.0-only
/*
 * write(2).
 *
 * The tty core cuts a write(2) into chunks, and calls again after a short one
 * unless a signal is pending. In replay the core must stop where it stopped in
 * the recorded run, so crr_write_cut() makes the thread believe that a signal
 * is pending. The thread finds none on its way to user space, and goes on.
 * Workers of io_uring do not return there; before their next request they clear
 * TIF_NOTIFY_SIGNAL, but not TIF_SIGPENDING.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>

#include "callbacks.h"
#include "line.h"
#include "operation.h"
#include "queue.h"
#include "recorder.h"
#include "state.h"

static ssize_t crr_write_cut(ssize_t result)
{
	set_thread_flag(CRR_TIF_NO_SIGNAL);
	return result == -EINTR ? -ERESTARTSYS : result;
}

static ssize_t crr_record_write(struct crr_stream *stream, u64 stamp,
				struct tty_struct *tty, struct file *file,
				const u8 *buf, size_t nr)
{
	ssize_t n = crr_n_tty.write(tty, file, buf, nr);
	ssize_t seen = n == -ERESTARTSYS ? -EINTR : n;
	bool cut;

	if (!n)
		return n;
	/* A whole chunk that is not a full one is the last of its write(2). */
	cut = seen == -EINTR ||
	      (signal_pending(current) && n > 0 &&
	       (n < (ssize_t)nr || nr == CRR_WRITE_MAX));
	crr_recorder_write_done(stream, stamp, buf, nr, seen, cut);
	return n;
}

/*
 * Let N_TTY process and send what the recorded run wrote, without waiting. As
 * what it does is not the result of the write, a signal must not cut it: what
 * a signal has left is sent while signals are blocked. Blocking them for all
 * of it would cost each write 190 instructions. Returns how many bytes were
 * taken.
 */
static u32 crr_replay_output(struct tty_struct *tty, struct file *file,
			     const u8 *buf, u32 length)
{
	/* N_TTY uses nothing else of a file. */
	struct file nowait = {
		.f_op = file->f_op,
		.f_flags = file->f_flags | O_NONBLOCK,
	};
	sigset_t blocked, before;
	ssize_t n;
	u32 taken;

	n = crr_n_tty.write(tty, &nowait, buf, length);
	taken = max_t(ssize_t, n, 0);
	if (taken < length && signal_pending(current)) {
		siginitsetinv(&blocked, sigmask(SIGKILL));
		sigprocmask(SIG_BLOCK, &blocked, &before);
		n = crr_n_tty.write(tty, &nowait, buf + taken, length - taken);
		sigprocmask(SIG_SETMASK, &before, NULL);
		taken += max_t(ssize_t, n, 0);
	}
	/* No SIGIO must follow when the device has space again. */
	clear_bit(TTY_DO_WRITE_WAKEUP, &tty->flags);
	return taken;
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

/* A write in an active session, which has to ask. */
static noinline ssize_t crr_asking_write(struct crr_line *line,
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
	int decision;

	decision = crr_operation_decide(line, &op, &tty->write_wait, buf, nr);
	switch (decision) {
	case CRR_PASS:
		return crr_n_tty.write(tty, file, buf, nr);
	case CRR_RECORD:
		return crr_record_write(stream, op.counter, tty, file, buf, nr);
	case CRR_REPLAY:
		return crr_replay_write(line, file, &op, buf);
	case CRR_RESULT:
		return op.result == -EINTR ? crr_write_cut(op.result) :
					     op.result;
	default:
		if (decision == -ERESTARTSYS && op.sleep == CRR_SLEEP_SPACE)
			crr_recorder_interrupted(&op);
		return decision;
	}
}

/* Called by the tty core under atomic_write_lock: one at a time. */
ssize_t crr_ldisc_write(struct tty_struct *tty, struct file *file,
			const u8 *buf, size_t nr)
{
	struct crr_line *line;
	struct crr_stream *stream = crr_operation_begin(tty, &line);
	ssize_t n;
	u64 stamp;

	if (stream)
		nr = min_t(size_t, nr, CRR_WRITE_MAX);
	/* A write of no bytes is not recorded. */
	if (!stream || !nr)
		n = crr_n_tty.write(tty, file, buf, nr);
	else if (crr_recorder_is_ready(stream, &stamp))
		n = crr_record_write(stream, stamp, tty, file, buf, nr);
	else
		n = crr_asking_write(line, stream, file, buf, nr);
	crr_operation_end(line, stream);
	return n;
}
