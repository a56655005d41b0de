// SPDX-License-Identifier: GPL-2.0-only
/*
 * The recorder makes records of what the emulator sees.
 *
 * An operation begins only if there will be buffer space for its record; see
 * buffer.c.
 */
#include <linux/sched.h>

#include "buffer.h"
#include "gate.h"
#include "line.h"
#include "recorder.h"
#include "state.h"

static void crr_recorder_empty_read(struct crr_stream *stream)
{
	/* What another thread finds behind the gate is not part of the run. */
	if (stream->session->gate.gated)
		stream->looks++;
	else
		crr_empty_reads_add(stream, stream->session->counter);
}

static void crr_take_refused(struct crr_stream *stream, struct crr_record *rec)
{
	rec->refused = stream->refused;
	if (stream->refused && stream->interrupted)
		rec->flags |= CRR_FLAG_INTERRUPTED;
	stream->refused = 0;
}

static void crr_emit_simple(struct crr_stream *stream, u16 type, u32 reason)
{
	struct crr_record rec = {
		.type = type,
		.stream = stream->number,
		.reason = reason,
	};

	if (type == CRR_TYPE_STREAM_END)
		crr_take_refused(stream, &rec);
	rec.empty_reads = crr_empty_reads_take(stream, stream->session->counter);
	crr_emit(stream->session, &rec);
}

/* STREAM; or TERMIOS, which is the same without the name. */
static void crr_emit_line(struct crr_stream *stream, u16 type)
{
	struct crr_record rec = { .type = type, .stream = stream->number };

	WRITE_ONCE(stream->line->undescribed, false);
	crr_line_describe(stream->line, &rec);
	if (type == CRR_TYPE_TERMIOS)
		rec.data_length = 0;
	crr_emit(stream->session, &rec);
}

/*
 * The record of an operation. An inbound one has the empty reads of its stream.
 */
static void crr_emit_done(struct crr_stream *stream, struct crr_record *rec)
{
	struct crr_session *session = stream->session;

	if (stream->line && READ_ONCE(stream->line->undescribed))
		crr_emit_line(stream, CRR_TYPE_TERMIOS);
	rec->stream = stream->number;
	if (crr_type_is_inbound(rec->type))
		rec->empty_reads = crr_empty_reads_take(stream,
							session->counter);
	crr_emit(session, rec);
}

/* ---- Begin and end ---- */

void crr_recorder_start(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node)
		crr_emit_line(stream, CRR_TYPE_STREAM);
}

static void crr_stream_leave(struct crr_stream *stream, enum crr_end reason)
{
	if (reason == CRR_END_HANGUP)
		crr_emit_simple(stream, CRR_TYPE_HANGUP, 0);
	crr_emit_simple(stream, CRR_TYPE_STREAM_END, reason);
	stream->ended = true;
	WRITE_ONCE(stream->session->recorder.ready, false);
}

/* Streams that STOP itself ends come last: there a log can be continued. */
void crr_recorder_stop(struct crr_session *session)
{
	struct crr_record end = { .type = CRR_TYPE_END };
	struct crr_stream *stream;

	crr_session_sample(session);
	list_for_each_entry(stream, &session->streams, node) {
		if (stream->ended)
			continue;
		if (stream->leaving)
			crr_stream_leave(stream, stream->leaving);
		else if (stream->hangup_seen)
			crr_stream_leave(stream, CRR_END_HANGUP);
	}
	list_for_each_entry(stream, &session->streams, node)
		if (!stream->ended)
			crr_stream_leave(stream, CRR_END_STOP);
	crr_emit(session, &end);
}

/*
 * A replay goes live and is recorded: the replayed log, without what STOP had
 * ended, is the beginning of the new one. Empty reads and refused writes since
 * the last record count on.
 */
void crr_recorder_continue(struct crr_session *session)
{
	struct crr_stream *stream;

	session->sequence = session->replayer.tail;
	list_for_each_entry(stream, &session->streams, node) {
		stream->leaving = 0;
		stream->hangup_seen = false;
		stream->ended = stream->end != CRR_END_STOP;
		if (stream->refused)
			stream->interrupted = stream->end_interrupted;
		/* The line left, unlike the recorded one. */
		if (!stream->line && !stream->ended)
			crr_stream_leave(stream, CRR_END_CLOSED);
	}
}

/**
 * crr_recorder_line_left - the discipline is closed on a line of the session
 * @stream: the line's; no operation is in flight on it
 * @reason: CRR_END_CLOSED or CRR_END_HANGUP
 *
 * After a hangup the tty core answers reads by itself, so the counter at which
 * the emulator notices is not seen here. Without a clock it moves its counter by
 * ioctl only, and notices with its next operation: HANGUP, stamped now, is found
 * there in replay. With a clock the counter runs on; the stamp is that of the
 * COUNTER ioctl by which the emulator says that it has noticed.
 */
void crr_recorder_line_left(struct crr_stream *stream, enum crr_end reason)
{
	struct crr_session *session = stream->session;

	if (stream->ended)
		return;
	crr_session_sample(session);
	if (reason == CRR_END_HANGUP && rcu_access_pointer(session->clock) &&
	    !stream->hangup_seen)
		stream->leaving = reason;
	else
		crr_stream_leave(stream, reason);
}

/*
 * The emulator says that it has seen all that happened so far. The hangup is
 * recorded even if the tty core has not closed the line yet; but not before the
 * operations in flight on it have ended, as HANGUP is a stream's last record.
 */
void crr_recorder_hangup_seen(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node) {
		if (stream->ended)
			continue;
		if (!stream->line) {
			if (stream->leaving)
				crr_stream_leave(stream, stream->leaving);
		} else if (crr_line_hangs_up(stream->line)) {
			stream->hangup_seen = true;
			WRITE_ONCE(session->recorder.ready, false);
			/*
			 * Operations that begin after this find the stream
			 * ended.
			 */
			smp_mb(); /* pairs with crr_operation_begin() */
			if (!atomic_read(&stream->line->in_flight))
				crr_stream_leave(stream, CRR_END_HANGUP);
		}
	}
}

/**
 * crr_recorder_checkpoint - a checkpoint ends: log what was taken in it
 * @session: the session
 *
 * Namely by reads that are still on their way to the user; the others have
 * logged their bytes. There is space for each, as it was allowed to begin.
 */
void crr_recorder_checkpoint(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node) {
		struct crr_record rec = {
			.type = CRR_TYPE_READ,
			.stream = stream->number,
			.data = stream->bytes,
			.data_length = crr_gate_log(stream),
		};

		if (!rec.data_length)
			continue;
		session->bytes_in += rec.data_length;
		crr_emit(session, &rec);
	}
}

/* ---- Operations ---- */

/*
 * A log does not say which thread of a process reads; behind the gate it does
 * not matter.
 */
static void crr_note_reader(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;

	if (session->gate.gated || recorder->reader == current->pid)
		return;
	if (recorder->reader_group == current->tgid)
		recorder->threads = true;
	recorder->reader = current->pid;
	recorder->reader_group = current->tgid;
}

/*
 * Whether it is not a read(2) or write(2), of which a line has one at a time.
 */
static bool crr_op_is_query(const struct crr_op *op)
{
	return op->type != CRR_TYPE_READ && op->type != CRR_TYPE_WRITE;
}

/**
 * crr_recorder_decide - may an operation begin?
 * @op: the operation
 *
 * It may if there is buffer space for its record; it then ends in one of
 * crr_recorder_read_done(), _write_done(), _inq_done(), _answer_done(), or in
 * crr_recorder_cancel(). The emulator sees a refusal, so refusals are counted,
 * and come back in replay.
 */
enum crr_decision crr_recorder_decide(struct crr_op *op)
{
	bool writing = !crr_type_is_inbound(op->type);
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;
	struct crr_recorder *recorder = &session->recorder;

	lockdep_assert_held(&session->lock);

	if (stream->ended) {
		/* It began before the hangup was recorded. */
		op->result = writing ? -EIO : 0;
		return CRR_RESULT;
	}
	if (!writing && crr_gate_hides(stream)) {
		op->result = op->empty;
		op->sleep = CRR_SLEEP_TIME;
		return op->nowait ? CRR_RESULT : CRR_SLEEP;
	}
	if (crr_buffer_has_space(recorder)) {
		if (crr_op_is_query(op))
			recorder->reserved++;
		op->gated = session->gate.gated;
		op->window = session->gate.window;
		op->counter = session->counter;
		return CRR_RECORD;
	}

	recorder->space_wanted = true;
	if (!session->controlled &&
	    (recorder->flags & CRR_RECORD_FAIL_ORPHAN)) {
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_ORPHAN);
		op->result = -EIO;
		return CRR_RESULT;
	}
	if (!op->nowait || (writing && (recorder->flags & CRR_RECORD_BLOCK))) {
		op->sleep = CRR_SLEEP_SPACE;
		return CRR_SLEEP;
	}
	if (writing) {
		stream->refused++;
		stream->interrupted = false;
		op->result = -EAGAIN;
	} else {
		crr_recorder_empty_read(stream);
		op->result = op->empty;
	}
	return CRR_RESULT;
}

/*
 * Lock the session for the end of an operation. Returns false, and does not
 * lock it, if the recording in which the operation began is over.
 */
static bool crr_recorder_resume(struct crr_stream *stream)
{
	struct crr_session *session = stream->session;

	mutex_lock(&session->lock);
	/* No other recording begins while the operation is in flight. */
	if (session->state != CRR_STATE_RECORDING) {
		mutex_unlock(&session->lock);
		return false;
	}
	return true;
}

/* The end of an operation; unlocks the session. */
static void crr_recorder_finish(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;
	struct crr_recorder *recorder = &session->recorder;

	if (crr_op_is_query(op)) {
		recorder->reserved--;
		crr_buffer_wake_waiting(session);
	}
	if (!recorder->ready)
		crr_buffer_update_ready(session);
	if (session->gate.gated && crr_gate_returned(&session->gate))
		crr_session_wake_lines(session);
	mutex_unlock(&session->lock);
}

/**
 * crr_recorder_cancel - an operation ends without a record
 * @op: the operation
 */
void crr_recorder_cancel(struct crr_op *op)
{
	if (crr_recorder_resume(op->stream))
		crr_recorder_finish(op);
}

/**
 * crr_recorder_read_interrupted - a signal came while a read(2) slept
 * @op: the operation, which has begun; crr_recorder_cancel() follows
 *
 * No record says so, and no replay repeats it, but the status shows it.
 */
void crr_recorder_read_interrupted(struct crr_op *op)
{
	if (!crr_recorder_resume(op->stream))
		return;
	op->stream->session->recorder.interrupted = true;
	mutex_unlock(&op->stream->session->lock);
}

/**
 * crr_recorder_interrupted - a signal came while a write slept for buffer space
 * @op: the operation, which did not begin
 *
 * It may have been the second chunk of a write(2), which then is short.
 */
void crr_recorder_interrupted(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;

	mutex_lock(&session->lock);
	if (op->generation == session->generation) {
		op->stream->refused++;
		op->stream->interrupted = true;
	}
	mutex_unlock(&session->lock);
}

/**
 * crr_recorder_found_nothing - a read(2) that began when ready found nothing
 * @stream: its stream
 * @stamp: the counter when it began
 *
 * This is what emulators do most.
 */
void crr_recorder_found_nothing(struct crr_stream *stream, u64 stamp)
{
	struct crr_session *session = stream->session;

	if (!crr_recorder_resume(stream))
		return;
	crr_session_raise(session, stamp);
	crr_empty_reads_add(stream, session->counter);
	mutex_unlock(&session->lock);
}

/**
 * crr_recorder_read_done - a read(2) ends
 * @op: the operation, which has begun
 * @seen: what it gave: type, and error or data; type 0: it found nothing
 */
void crr_recorder_read_done(struct crr_op *op, struct crr_record *seen)
{
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;

	if (!crr_recorder_resume(stream))
		return;
	/*
	 * It is delivered now. If the counter has gone back since, the next
	 * operation fails.
	 */
	crr_session_sample(session);
	/* The end of its checkpoint may have logged it. */
	if (op->gated && !crr_gate_log(stream) &&
	    (seen->type == CRR_TYPE_READ ||
	     (seen->type == CRR_TYPE_READ_ERROR && seen->error == EFAULT)))
		seen->type = 0;
	switch (seen->type) {
	case 0:
		crr_recorder_empty_read(stream);
		break;
	case CRR_TYPE_READ:
		crr_note_reader(session);
		stream->session->bytes_in += seen->data_length;
		crr_emit_done(stream, seen);
		break;
	case CRR_TYPE_PEER_CLOSED:
		if (stream->peer_closed)
			break;
		stream->peer_closed = true;
		fallthrough;
	default:
		crr_emit_done(stream, seen);
		break;
	}
	crr_recorder_finish(op);
}

/**
 * crr_recorder_inq_done - FIONREAD has been answered
 * @op: the operation, which has begun
 * @value: N_TTY's answer
 *
 * Returns the answer for the user: what the gate lets through.
 */
u32 crr_recorder_inq_done(struct crr_op *op, u32 value)
{
	struct crr_stream *stream = op->stream;
	struct crr_record rec = { .type = CRR_TYPE_INQ };

	if (!crr_recorder_resume(stream))
		return value;
	crr_session_sample(stream->session);
	if (crr_gate_hides(stream))
		value = 0;
	else if (op->gated)
		value = min_t(u64, value,
			      READ_ONCE(stream->session->gate.left));
	if (value) {
		rec.value = value;
		crr_emit_done(stream, &rec);
	} else {
		crr_recorder_empty_read(stream);
	}
	crr_recorder_finish(op);
	return value;
}

/**
 * crr_recorder_answer_done - another query has been answered, or a mark set
 * @op: the operation, which has begun
 * @rec: its type, and the answer or label
 */
void crr_recorder_answer_done(struct crr_op *op, struct crr_record *rec)
{
	if (!crr_recorder_resume(op->stream))
		return;
	crr_take_refused(op->stream, rec);
	crr_emit_done(op->stream, rec);
	crr_recorder_finish(op);
}

/**
 * crr_recorder_write_done - a chunk of a write(2) ends
 * @stream: its stream
 * @stamp: the counter when it began
 * @buf: the bytes offered
 * @requested: how many
 * @result: what N_TTY returned: bytes taken or -errno, not 0
 * @cut: a signal is pending, and ends the write(2) after this whole chunk
 *
 * The stamp is the counter at entry: with free delivery one thread moves it and
 * does the I/O.
 */
void crr_recorder_write_done(struct crr_stream *stream, u64 stamp,
			     const u8 *buf, u32 requested, ssize_t result,
			     bool cut)
{
	struct crr_session *session = stream->session;
	bool capture = session->recorder.flags & CRR_RECORD_CAPTURE;
	struct crr_record rec = {
		.type = CRR_TYPE_WRITE,
		.flags = (cut ? CRR_FLAG_CUT : 0) |
			 (capture ? CRR_FLAG_CAPTURED : 0),
		.requested = requested,
		.result = result,
		.offset = max_t(ssize_t, result, 0),
		.crc32c = crr_record_crc(buf, requested),
		.data = buf,
		.data_length = capture ? requested : 0,
	};

	if (!crr_recorder_resume(stream))
		return;
	crr_session_raise(session, stamp);
	crr_take_refused(stream, &rec);
	session->bytes_out += rec.offset;
	crr_emit_done(stream, &rec);
	if (!session->recorder.ready)
		crr_buffer_update_ready(session);
	mutex_unlock(&session->lock);
}
