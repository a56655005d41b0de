// SPDX-License-Identifier: GPL-2.0-only
/*
 * The recorder: what the emulator sees, as records in a relay buffer, and
 * from there to the session fd's reader.
 *
 * The buffer is one global relay buffer, never overwritten. Relay's write
 * paths look at the current CPU's pointer and race with CPU hotplug, and its
 * read paths race with a switch of sub-buffers; only its memory, its counts
 * and relay_switch_subbuf() are used here, all under session->lock.
 *
 * An operation is admitted only if there will be room for its record, so that
 * no record is ever lost: a record never exceeds a sub-buffer and switches at
 * most once, not even with the optional one before it, so that an admitted
 * operation needs one sub-buffer at most. What
 * cannot wait (hangup, the tty's close, the end) has room set aside.
 *
 * Reads and writes are let in with room that belongs to their stream, and stays
 * with it until a record has begun another sub-buffer: at any time what is
 * filled, reserved and set aside fits into the buffer. Questions are let in
 * with room of their own.
 */
#include <linux/poll.h>
#include <linux/relay.h>

#include "crr.h"
#include "encode.h"

/* Also what one read(2) of the session fd gives at most. */
#define CRR_SUBBUF_SIZE (64U << 10)

/* HANGUP and STREAM_END, for each stream, and END. */
#define CRR_STANDING_BYTES(n) (80U * (n) + 24U)

static struct dentry *crr_create_buf_file(const char *name,
					  struct dentry *parent, umode_t mode,
					  struct rchan_buf *buf,
					  int *is_global)
{
	*is_global = 1;
	/* There is no file. Relay checks this pointer and does not keep it. */
	return (struct dentry *)buf;
}

static int crr_remove_buf_file(struct dentry *dentry)
{
	return 0;
}

static crr_rchan_callbacks_t crr_relay_callbacks = {
	.create_buf_file = crr_create_buf_file,
	.remove_buf_file = crr_remove_buf_file,
};

/**
 * crr_recorder_open - a buffer for a recording
 * @recorder: out
 * @nstreams: of the session
 * @size: in bytes, at least
 * @flags: CRR_RECORD_*
 *
 * Returns 0 or -ENOMEM.
 */
int crr_recorder_open(struct crr_recorder *recorder, u32 nstreams, size_t size,
		      u32 flags)
{
	size_t n = DIV_ROUND_UP(size, CRR_SUBBUF_SIZE);

	*recorder = (struct crr_recorder){
		.flags = flags,
		.standing = 1 + DIV_ROUND_UP(CRR_STANDING_BYTES(nstreams),
					     CRR_SUBBUF_SIZE - CRR_RECORD_SIZE_MAX),
	};
	/* Each line may have a reader and a writer asleep at the same time. */
	n = max_t(size_t, n, 2 * nstreams + recorder->standing + 2);
	if (crr_charge(&recorder->charge, n * CRR_SUBBUF_SIZE))
		return -ENOMEM;
	recorder->chan = relay_open(NULL, NULL, CRR_SUBBUF_SIZE, n,
				    &crr_relay_callbacks, NULL);
	if (!recorder->chan) {
		crr_uncharge(&recorder->charge);
		return -ENOMEM;
	}
	recorder->buf = *per_cpu_ptr(recorder->chan->buf, 0);
	return 0;
}

void crr_recorder_close(struct crr_recorder *recorder)
{
	if (recorder->chan)
		relay_close(recorder->chan);
	recorder->chan = NULL;
	crr_uncharge(&recorder->charge);
}

size_t crr_recorder_capacity(const struct crr_recorder *recorder)
{
	return recorder->chan->n_subbufs * CRR_SUBBUF_SIZE;
}

/*
 * Where the data of the oldest sub-buffer end. After a switch that failed relay has
 * none to fill, and an offset that is past the end of any.
 */
static size_t crr_oldest_end(const struct rchan_buf *buf)
{
	size_t oldest = buf->subbufs_consumed % buf->chan->n_subbufs;

	if (buf->subbufs_consumed == buf->subbufs_produced)
		return buf->offset > CRR_SUBBUF_SIZE ? 0 : buf->offset;
	return CRR_SUBBUF_SIZE - buf->padding[oldest];
}

/* Give back the oldest sub-buffer, if it is filled and read. */
static void crr_recorder_retire(struct crr_recorder *recorder)
{
	struct rchan_buf *buf = recorder->buf;

	while (buf->subbufs_consumed != buf->subbufs_produced &&
	       recorder->read_offset == crr_oldest_end(buf)) {
		buf->subbufs_consumed++;
		recorder->read_offset = 0;
	}
}

bool crr_recorder_has_room(struct crr_recorder *recorder)
{
	struct rchan_buf *buf = recorder->buf;
	size_t filled, needed;

	crr_recorder_retire(recorder);
	/* The one being filled, and those filled and not yet read. */
	filled = 1 + buf->subbufs_produced - buf->subbufs_consumed;
	needed = recorder->standing + recorder->reserved;
	return filled + needed < recorder->chan->n_subbufs;
}

/* May the next read, or write, be recorded? If not, the stream is woken later. */
bool crr_stream_has_room(struct crr_stream *stream, enum crr_way way)
{
	struct crr_recorder *recorder = &stream->session->recorder;

	lockdep_assert_held(&stream->session->lock);

	if (stream->room[way] || stream->ended ||
	    crr_recorder_has_room(recorder))
		return true;
	recorder->starved = true;
	return false;
}

static bool crr_stream_take_room(struct crr_stream *stream, enum crr_way way)
{
	if (!crr_stream_has_room(stream, way))
		return false;
	if (!stream->room[way] && !stream->ended) {
		stream->room[way] = true;
		stream->session->recorder.reserved++;
	}
	return true;
}

/* Who found no room is woken when there is some. */
static void crr_recorder_wake_starved(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;

	if (!recorder->starved || !crr_recorder_has_room(recorder))
		return;
	recorder->starved = false;
	crr_session_wake(session);
}

static void crr_stream_give_room(struct crr_stream *stream, enum crr_way way)
{
	WRITE_ONCE(stream->ready[way], false);
	if (stream->room[way])
		stream->session->recorder.reserved--;
	stream->room[way] = false;
}

/* Another sub-buffer: it was reserved, or set aside. */
static bool crr_emit_switch(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;

	recorder->switched++;
	if (relay_switch_subbuf(recorder->buf, CRR_RECORD_SIZE_MAX))
		return true;
	/* A log with a hole cannot be replayed: no record may follow. */
	pr_err_once("n_crr: no buffer space where some was reserved\n");
	recorder->broken = true;
	crr_session_set_state(session, CRR_STATE_FAILED, CRR_REASON_SEQUENCE);
	return false;
}

/*
 * The room is there. A record that reads see bears the empty ones of its stream.
 * Inlined, of a constant type, where an emulator waits for it.
 */
static __always_inline void crr_emit_inline(struct crr_session *session,
					    const u16 type,
					    struct crr_record *rec,
					    struct crr_stream *bearer)
{
	struct rchan_buf *buf = session->recorder.buf;
	size_t size;

	lockdep_assert_held(&session->lock);

	if (unlikely(session->recorder.broken))
		return;
	rec->sequence = session->sequence;
	rec->counter = crr_session_counter(session);
	if (bearer)
		rec->empties = crr_empties_take(bearer, rec->counter);
	size = crr_record_encode_into(buf->data + buf->offset,
				      CRR_SUBBUF_SIZE - buf->offset, type, rec);
	if (unlikely(!size)) {
		if (!crr_emit_switch(session))
			return;
		size = crr_record_encode_into(buf->data + buf->offset,
					      CRR_SUBBUF_SIZE - buf->offset,
					      type, rec);
	}
	buf->offset += size;
	if (!(type & CRR_TYPE_OPTIONAL)) {
		session->sequence++;
		session->records++;
	}
	WRITE_ONCE(session->recorder.unread, session->recorder.unread + size);
	if (wq_has_sleeper(&session->wait))
		wake_up_interruptible_poll(&session->wait,
					   EPOLLIN | EPOLLRDNORM);
}

static noinline void crr_emit(struct crr_session *session,
			      struct crr_record *rec)
{
	crr_emit_inline(session, rec->type, rec, NULL);
}

static void crr_add_empty(struct crr_stream *stream)
{
	/* What another thread finds behind the gate is no part of the run. */
	if (stream->session->gate.gated)
		crr_stream_looked(stream);
	else
		crr_empties_add(stream, crr_session_counter(stream->session));
}

static __always_inline void crr_take_refused(struct crr_stream *stream, struct crr_record *rec)
{
	rec->refused = stream->refused;
	if (stream->refused && stream->interrupted)
		rec->flags |= CRR_FLAG_INTERRUPTED;
	stream->refused = 0;
}

static noinline void crr_emit_simple(struct crr_stream *stream, u16 type, u32 reason)
{
	struct crr_record rec = {
		.type = type,
		.stream = stream->number,
		.reason = reason,
	};

	if (type == CRR_TYPE_STREAM_END)
		crr_take_refused(stream, &rec);
	crr_emit_inline(stream->session, type, &rec, stream);
}

/* Before the record of an operation: that termios is another. */
static noinline void crr_emit_termios(struct crr_stream *stream)
{
	struct crr_record termios = {
		.type = CRR_TYPE_TERMIOS,
		.stream = stream->number,
	};

	WRITE_ONCE(stream->line->undescribed, false);
	crr_line_describe(stream->line, &termios);
	termios.data_length = 0;
	crr_emit(stream->session, &termios);
}

/* What an operation has to tell. */
static __always_inline void crr_emit_done(struct crr_stream *stream,
					  const u16 type,
					  struct crr_record *rec,
					  struct crr_stream *bearer)
{
	if (stream->line && unlikely(READ_ONCE(stream->line->undescribed)))
		crr_emit_termios(stream);
	rec->stream = stream->number;
	crr_emit_inline(stream->session, type, rec, bearer);
}

static noinline void crr_emit_answer(struct crr_stream *stream,
				     struct crr_record *rec)
{
	crr_emit_done(stream, rec->type, rec,
		      crr_type_is_inbound(rec->type) ? stream : NULL);
}

/* ---- Begin and end ---- */

void crr_recorder_start(struct crr_session *session)
{
	struct crr_stream *stream;

	list_for_each_entry(stream, &session->streams, node) {
		struct crr_record rec = {
			.type = CRR_TYPE_STREAM,
			.stream = stream->number,
		};

		WRITE_ONCE(stream->line->undescribed, false);
		crr_line_describe(stream->line, &rec);
		crr_emit(session, &rec);
	}
}

static void crr_stream_leave(struct crr_stream *stream, enum crr_end reason)
{
	if (reason == CRR_END_HANGUP)
		crr_emit_simple(stream, CRR_TYPE_HANGUP, 0);
	crr_emit_simple(stream, CRR_TYPE_STREAM_END, reason);
	stream->ended = true;
	crr_stream_give_room(stream, CRR_IN);
	crr_stream_give_room(stream, CRR_OUT);
	crr_recorder_wake_starved(stream->session);
}

/* What STOP itself ends comes last: there a log can be continued. */
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
 * A replay is over, and what comes is recorded: its log, up to what STOP had
 * ended there, is the beginning of this one. Empty reads and refused writes
 * since the last record count on.
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
		/* It left, and the recorded one did not. */
		if (!stream->line && !stream->ended)
			crr_stream_leave(stream, CRR_END_CLOSED);
	}
}

/**
 * crr_recorder_line_left - the discipline is closed on a line of the session
 * @stream: the line's; no operation is in flight on it
 * @reason: CRR_END_CLOSED or CRR_END_HANGUP
 *
 * After a hangup the tty core answers reads by itself, and nobody here sees
 * at which counter the emulator noticed. Without a clock it moves its counter
 * by ioctl only, and notices with its next operation: HANGUP, stamped now,
 * is found there in replay. With a clock the counter runs on; the stamp is
 * that of the COUNTER ioctl by which the emulator says that it noticed.
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
 * The emulator says: what has happened so far, I have seen. It need not wait
 * for the tty core to close the line, which may be later; but for what is still
 * under way on it, as HANGUP is a stream's last.
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
			/* Who begins from here on is told that it has ended. */
			crr_session_unready(session);
			smp_mb(); /* pairs with crr_line_enter() */
			if (!atomic64_read(&stream->line->inflight))
				crr_stream_leave(stream, CRR_END_HANGUP);
		}
	}
}

/**
 * crr_recorder_checkpoint - a checkpoint ends: log what was taken in it
 * @session: the session
 *
 * By reads that are on their way to the user; those that have come there have
 * logged it. Each was admitted, so that there is room.
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
 * Which thread of a process gets what is no part of a log. Behind the gate it
 * does not matter.
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

/**
 * crr_recorder_admit - may an operation begin?
 * @op: the operation
 *
 * It may if there is room for its record; it then ends in one of
 * crr_recorder_read_done(), _write_done(), _inq_done(), _answer_done(), or in
 * crr_recorder_cancel().
 * Being refused is something that the emulator sees: it is counted, and so
 * comes back in replay.
 */
enum crr_verdict crr_recorder_admit(struct crr_op *op)
{
	bool writing = !crr_type_is_inbound(op->type);
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;
	struct crr_recorder *recorder = &session->recorder;
	bool room;

	lockdep_assert_held(&session->lock);

	if (stream->ended) {
		/* On its way since before the hangup. */
		op->result = writing ? -EIO : 0;
		return CRR_RESULT;
	}
	if (!writing && crr_gate_hides(stream)) {
		op->result = op->empty;
		op->sleep = CRR_SLEEP_TIME;
		return op->nowait ? CRR_RESULT : CRR_SLEEP;
	}
	if (op->type == CRR_TYPE_READ || op->type == CRR_TYPE_WRITE) {
		room = crr_stream_take_room(stream, crr_type_way(op->type));
	} else {
		room = crr_recorder_has_room(recorder);
		op->owns_room = room;
		recorder->reserved += room;
	}
	if (likely(room)) {
		op->gated = session->gate.gated;
		op->window = session->gate.window;
		return CRR_RECORD;
	}

	recorder->starved = true;
	if (!session->controlled &&
	    (recorder->flags & CRR_RECORD_FAIL_ORPHAN)) {
		crr_session_set_state(session, CRR_STATE_FAILED,
				      CRR_REASON_ORPHAN);
		op->result = -EIO;
		return CRR_RESULT;
	}
	if (!op->nowait || (writing && (recorder->flags & CRR_RECORD_BLOCK))) {
		op->sleep = CRR_SLEEP_ROOM;
		return CRR_SLEEP;
	}
	if (writing) {
		stream->refused++;
		stream->interrupted = false;
		op->result = -EAGAIN;
	} else {
		crr_add_empty(stream);
		op->result = op->empty;
	}
	return CRR_RESULT;
}

/*
 * Lock the session for the end of an admitted operation. False, and unlocked,
 * if the recording that admitted it is over.
 */
static __always_inline bool crr_recorder_resume(struct crr_stream *stream)
{
	struct crr_session *session = stream->session;

	mutex_lock(&session->lock);
	/* There is no other one as long as the operation is in flight. */
	if (unlikely(session->state != CRR_STATE_RECORDING)) {
		mutex_unlock(&session->lock);
		return false;
	}
	return true;
}

/* May the next operation begin without asking? */
static __always_inline void crr_stream_prepare(struct crr_stream *stream, enum crr_way way)
{
	const struct crr_session *session = stream->session;

	if (!stream->ready[way] && session->state == CRR_STATE_RECORDING &&
	    !session->gate.gated && !stream->unprivileged &&
	    !stream->hangup_seen && !stream->ended)
		WRITE_ONCE(stream->ready[way], true);
}

/*
 * A stream's room is used up, or it has none yet; or somebody waits for some, or
 * for what a read has given back to the gate.
 */
static noinline void crr_recorder_seek_room(struct crr_stream *stream,
					    enum crr_way way)
{
	struct crr_session *session = stream->session;
	struct crr_recorder *recorder = &session->recorder;

	if (recorder->switched && stream->room[way]) {
		recorder->switched--;
		crr_stream_give_room(stream, way);
	}
	if (crr_stream_take_room(stream, way))
		crr_stream_prepare(stream, way);
	crr_recorder_wake_starved(session);
	if (crr_gate_returned(&session->gate))
		crr_session_wake_lines(session);
}

/* A read or write has come to its end; so that the next one may begin. */
static __always_inline void crr_recorder_finish(struct crr_stream *stream,
						enum crr_way way)
{
	struct crr_session *session = stream->session;
	struct crr_recorder *recorder = &session->recorder;

	if (unlikely(recorder->switched || recorder->starved ||
		     !stream->ready[way]))
		crr_recorder_seek_room(stream, way);
	mutex_unlock(&session->lock);
}

/* A question has. */
static void crr_recorder_finish_question(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;
	struct crr_recorder *recorder = &session->recorder;

	recorder->reserved--;
	if (recorder->switched)
		recorder->switched--;
	crr_recorder_wake_starved(session);
	mutex_unlock(&session->lock);
}

/**
 * crr_recorder_cancel - an admitted operation had no outcome worth a record
 * @op: the operation
 */
void crr_recorder_cancel(struct crr_op *op)
{
	if (!crr_recorder_resume(op->stream))
		return;
	if (op->type == CRR_TYPE_READ || op->type == CRR_TYPE_WRITE)
		crr_recorder_finish(op->stream, crr_type_way(op->type));
	else
		crr_recorder_finish_question(op);
}

/**
 * crr_recorder_read_interrupted - a signal came while a read(2) slept
 * @op: the operation, admitted; crr_recorder_cancel() follows
 *
 * No record tells, and no replay repeats it: the status does.
 */
void crr_recorder_read_interrupted(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;

	mutex_lock(&session->lock);
	if (op->generation == session->generation)
		session->recorder.interrupted = true;
	mutex_unlock(&session->lock);
}

/**
 * crr_recorder_interrupted - a write slept for room, and a signal came
 * @op: the operation, not admitted
 *
 * It may have been the second chunk of a write(2), which thus came out short.
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

static __always_inline void crr_emit_read(struct crr_stream *stream, u32 length)
{
	struct crr_record rec = {
		.data = stream->bytes,
		.data_length = length,
	};

	stream->session->bytes_in += length;
	crr_emit_done(stream, CRR_TYPE_READ, &rec, stream);
}

/**
 * crr_recorder_delivered - a read(2) that is not gated has given bytes
 * @stream: on which it is; the bytes are in stream->bytes
 * @length: how many the user has got
 */
void crr_recorder_delivered(struct crr_stream *stream, u32 length)
{
	if (!crr_recorder_resume(stream))
		return;
	/* Delivery is now. A step back since entry: the next operation fails. */
	crr_session_sample(stream->session);
	crr_note_reader(stream->session);
	crr_emit_read(stream, length);
	crr_recorder_finish(stream, CRR_IN);
}

/**
 * crr_recorder_read_done - a read(2) has come to its end
 * @op: the operation, admitted
 * @seen: what it gave: type, and error or data; type 0: it found nothing
 */
void crr_recorder_read_done(struct crr_op *op, struct crr_record *seen)
{
	struct crr_stream *stream = op->stream;
	struct crr_session *session = stream->session;

	if (!crr_recorder_resume(stream))
		return;
	/* Delivery is now. A step back since entry: the next operation fails. */
	crr_session_sample(session);
	/* The end of its checkpoint may have told it. */
	if (op->gated && !crr_gate_log(stream) &&
	    (seen->type == CRR_TYPE_READ ||
	     (seen->type == CRR_TYPE_READ_ERROR && seen->error == EFAULT)))
		seen->type = 0;
	switch (seen->type) {
	case 0:
		crr_add_empty(stream);
		break;
	case CRR_TYPE_READ:
		crr_note_reader(stream->session);
		crr_emit_read(stream, seen->data_length);
		break;
	case CRR_TYPE_PEER_CLOSED:
		if (stream->peer_closed)
			break;
		stream->peer_closed = true;
		fallthrough;
	default:
		crr_emit_answer(stream, seen);
		break;
	}
	crr_recorder_finish(stream, CRR_IN);
}

/**
 * crr_recorder_inq_done - FIONREAD has been answered
 * @op: the operation, admitted
 * @value: by N_TTY
 *
 * Returns what is to be said: so much as the gate lets through.
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
		crr_emit_answer(stream, &rec);
	} else {
		crr_add_empty(stream);
	}
	crr_recorder_finish_question(op);
	return value;
}

/**
 * crr_recorder_answer_done - another question has been answered, or a mark set
 * @op: the operation, admitted
 * @rec: what is to be told: type, and answer or label
 */
void crr_recorder_answer_done(struct crr_op *op, struct crr_record *rec)
{
	if (!crr_recorder_resume(op->stream))
		return;
	crr_take_refused(op->stream, rec);
	crr_emit_answer(op->stream, rec);
	crr_recorder_finish_question(op);
}

/**
 * crr_recorder_write_done - a chunk of a write(2) has come to its end
 * @stream: on which it is
 * @buf: the bytes offered
 * @requested: how many
 * @result: what N_TTY made of them: bytes taken or -errno, not 0
 * @cut: a signal is pending, and ends the write(2) after this whole chunk
 *
 * The stamp is the counter of the entry: session->counter has not moved since
 * if, as free delivery has it, one thread moves it and does the I/O.
 */
void crr_recorder_write_done(struct crr_stream *stream, const u8 *buf,
			     u32 requested, ssize_t result, bool cut)
{
	struct crr_session *session = stream->session;
	bool capture = session->recorder.flags & CRR_RECORD_CAPTURE;
	struct crr_record rec = {
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
	crr_take_refused(stream, &rec);
	session->bytes_out += rec.offset;
	crr_emit_done(stream, CRR_TYPE_WRITE, &rec, NULL);
	crr_recorder_finish(stream, CRR_OUT);
}

/* ---- The session fd's reader ---- */

/**
 * crr_recorder_peek - the oldest records, to be copied and then consumed
 * @recorder: the recorder
 * @length: how many bytes may be taken
 * @from: out: where they lie; they stay there until consumed
 *
 * Returns how many bytes of whole records lie there, in one sub-buffer; 0 for
 * none; -EMSGSIZE if @length does not hold the first.
 */
ssize_t crr_recorder_peek(struct crr_recorder *recorder, size_t length,
			  const void **from)
{
	struct rchan_buf *buf = recorder->buf;
	size_t oldest, there, n;

	crr_recorder_retire(recorder);
	oldest = buf->subbufs_consumed % buf->chan->n_subbufs;
	there = crr_oldest_end(buf) - recorder->read_offset;
	*from = buf->start + oldest * CRR_SUBBUF_SIZE + recorder->read_offset;
	if (there <= length)
		return there;

	for (n = 0; ; ) {
		size_t size = crr_record_skip(*from + n);

		if (n + size > length)
			break;
		n += size;
	}
	return n ?: -EMSGSIZE;
}

/**
 * crr_recorder_consume - what was peeked at and taken is no longer needed
 * @recorder: the recorder
 *
 * Returns whether there is room again for somebody who found none.
 */
bool crr_recorder_consume(struct crr_recorder *recorder)
{
	recorder->read_offset += recorder->taken;
	WRITE_ONCE(recorder->unread, recorder->unread - recorder->taken);
	WRITE_ONCE(recorder->taken, 0);
	if (!recorder->starved || !crr_recorder_has_room(recorder))
		return false;
	recorder->starved = false;
	return true;
}
