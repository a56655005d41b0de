// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buffer of a recording: records go into a relay buffer, and from there to
 * the reader of the session fd.
 *
 * It is one global relay buffer, which is never overwritten. Relay's write
 * paths look at the current CPU's pointer and race with CPU hotplug, and its
 * read paths race with a switch of sub-buffers. So only its memory, its counts
 * and relay_switch_subbuf() are used, all under session->lock.
 *
 * An operation begins only if there will be buffer space for its record, so
 * that no record is lost. A record, with the optional one before it, fits into
 * one sub-buffer; so an operation needs at most one more sub-buffer. Space is
 * set aside for what cannot wait: hangup, close of the tty, the end.
 *
 * For each line one sub-buffer is set aside for a read and one for a write: no
 * more of them are in flight and recorded. Each query reserves one.
 */
#include <linux/relay.h>

#include "buffer.h"
#include "charge.h"
#include "state.h"

/* Also the most that one read(2) of the session fd gives. */
#define CRR_SUBBUF_SIZE (64U << 10)

/* HANGUP and STREAM_END for each stream, and END. */
#define CRR_FINAL_BYTES(n) (80U * (n) + 24U)

static struct dentry *crr_create_buf_file(const char *name,
					  struct dentry *parent, umode_t mode,
					  struct rchan_buf *buf,
					  int *is_global)
{
	*is_global = 1;
	/* There is no file. Relay checks this pointer, but does not keep it. */
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
 * crr_buffer_open - allocate the buffer of a recording
 * @recorder: out
 * @nstreams: of the session
 * @size: in bytes, at least; more if less than CRR_BUFFER_MIN of it were left
 *	beside what is set aside
 * @flags: CRR_RECORD_*
 *
 * Returns 0 or -ENOMEM.
 */
int crr_buffer_open(struct crr_recorder *recorder, u32 nstreams, size_t size,
		    u32 flags)
{
	size_t final = 1 + DIV_ROUND_UP(CRR_FINAL_BYTES(nstreams),
					CRR_SUBBUF_SIZE - CRR_RECORD_SIZE_MAX);
	size_t n;

	*recorder = (struct crr_recorder){
		.flags = flags,
		.reserved = final + 2 * nstreams,
	};
	n = max_t(size_t, DIV_ROUND_UP(size, CRR_SUBBUF_SIZE),
		  recorder->reserved + CRR_BUFFER_MIN / CRR_SUBBUF_SIZE);
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

void crr_buffer_close(struct crr_recorder *recorder)
{
	if (recorder->chan)
		relay_close(recorder->chan);
	recorder->chan = NULL;
	crr_uncharge(&recorder->charge);
}

size_t crr_buffer_capacity(const struct crr_recorder *recorder)
{
	return recorder->chan->n_subbufs * CRR_SUBBUF_SIZE;
}

/*
 * Where the data of the oldest sub-buffer end. After a switch that has failed,
 * relay has no sub-buffer to fill, and its offset is past the end of any.
 */
static size_t crr_oldest_end(const struct rchan_buf *buf)
{
	size_t oldest = buf->subbufs_consumed % buf->chan->n_subbufs;

	if (buf->subbufs_consumed == buf->subbufs_produced)
		return buf->offset > CRR_SUBBUF_SIZE ? 0 : buf->offset;
	return CRR_SUBBUF_SIZE - buf->padding[oldest];
}

/* Give back sub-buffers that are filled and read. */
static void crr_buffer_retire(struct crr_recorder *recorder)
{
	struct rchan_buf *buf = recorder->buf;

	while (buf->subbufs_consumed != buf->subbufs_produced &&
	       recorder->read_offset == crr_oldest_end(buf)) {
		buf->subbufs_consumed++;
		recorder->read_offset = 0;
	}
}

bool crr_buffer_has_space(struct crr_recorder *recorder)
{
	struct rchan_buf *buf = recorder->buf;
	size_t filled;

	crr_buffer_retire(recorder);
	/* The one being filled, and those that are filled and not yet read. */
	filled = 1 + buf->subbufs_produced - buf->subbufs_consumed;
	return filled + recorder->reserved < recorder->chan->n_subbufs;
}

/**
 * crr_buffer_update_ready - find out whether operations may begin without asking
 * @session: the session, locked
 *
 * Called at the end of an operation that had to ask; see
 * crr_recorder_is_ready(). Every change after which they must ask clears
 * recorder->ready.
 */
void crr_buffer_update_ready(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;
	const struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	if (session->state != CRR_STATE_RECORDING || session->gate.gated ||
	    recorder->broken || !crr_buffer_has_space(recorder))
		return;
	list_for_each_entry(stream, &session->streams, node)
		if (stream->line && (stream->unprivileged ||
				     stream->hangup_seen || stream->ended))
			return;
	WRITE_ONCE(recorder->ready, true);
}

/*
 * Wake operations and pollers that found no buffer space, once there is some.
 */
void crr_buffer_wake_waiting(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;

	if (!recorder->space_wanted || !crr_buffer_has_space(recorder))
		return;
	recorder->space_wanted = false;
	crr_session_wake(session);
}

/* Start another sub-buffer, which was reserved or set aside. */
static bool crr_buffer_switch(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;

	/* There may be none left for the next operation. */
	WRITE_ONCE(recorder->ready, false);
	if (relay_switch_subbuf(recorder->buf, CRR_RECORD_SIZE_MAX))
		return true;
	/* A log with a hole cannot be replayed: no record may follow. */
	pr_err_once("n_crr: no buffer space where some was reserved\n");
	recorder->broken = true;
	crr_session_set_state(session, CRR_STATE_FAILED, CRR_REASON_SEQUENCE);
	return false;
}

/* Put a record into the buffer; its space is reserved. */
void crr_emit(struct crr_session *session, struct crr_record *rec)
{
	struct rchan_buf *buf = session->recorder.buf;
	size_t size = crr_record_size(rec);

	lockdep_assert_held(&session->lock);

	if (session->recorder.broken)
		return;
	if (size > CRR_SUBBUF_SIZE - buf->offset && !crr_buffer_switch(session))
		return;
	rec->sequence = session->sequence;
	rec->counter = session->counter;
	buf->offset += crr_record_encode(buf->data + buf->offset, rec);
	if (!(rec->type & CRR_TYPE_OPTIONAL)) {
		session->sequence++;
		session->records++;
	}
	WRITE_ONCE(session->recorder.unread, session->recorder.unread + size);
	if (wq_has_sleeper(&session->wait))
		wake_up_interruptible_poll(&session->wait, CRR_POLL_IN);
}

/* ---- The session fd's reader ---- */

/**
 * crr_buffer_peek - find the oldest records, to be copied and then consumed
 * @recorder: the recorder
 * @length: most bytes that may be taken
 * @from: out: where they are; they stay there until consumed
 *
 * Returns how many bytes of whole records are there, in one sub-buffer; 0 for
 * none; -EMSGSIZE if @length is too small for the first record.
 */
ssize_t crr_buffer_peek(struct crr_recorder *recorder, size_t length,
			const void **from)
{
	struct rchan_buf *buf = recorder->buf;
	size_t oldest, there, n;

	crr_buffer_retire(recorder);
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
 * crr_buffer_consume - give up the records that the last read(2) took
 * @session: the session
 *
 * Wakes operations and pollers that found no buffer space.
 */
void crr_buffer_consume(struct crr_session *session)
{
	struct crr_recorder *recorder = &session->recorder;

	recorder->read_offset += recorder->taken;
	WRITE_ONCE(recorder->unread, recorder->unread - recorder->taken);
	WRITE_ONCE(recorder->taken, 0);
	crr_buffer_wake_waiting(session);
}
