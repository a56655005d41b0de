// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate of a session with gated delivery: input is hidden until the thread
 * that moves the counter says, by a checkpoint, that it stands still.
 *
 * The gate is a mask over N_TTY, and no second queue: what is behind it lies in
 * N_TTY, which throttles the device when it is full, and flushes it when told
 * to. While the gate is open the session's counter stands at the checkpoint's.
 *
 * Recording, what is taken through the gate is one call of N_TTY, which does
 * not wait, at a time: the gate counts those under way, so that the end of a
 * checkpoint waits for them alone, and not for a user's copy. What a read(2)
 * has taken by then is logged by the end; the read(2) may come to its own
 * later, and takes nothing more.
 *
 * In replay the gate opens where a record is due, and nowhere else.
 */
#include <linux/tty.h>
#include <linux/workqueue.h>

#include "crr.h"

void crr_gate_init(struct crr_gate *gate)
{
	spin_lock_init(&gate->lock);
	init_waitqueue_head(&gate->idle);
}

static void crr_gate_set(struct crr_gate *gate, bool open, u64 left)
{
	spin_lock(&gate->lock);
	WRITE_ONCE(gate->open, open);
	WRITE_ONCE(gate->left, left);
	gate->window++;
	spin_unlock(&gate->lock);
}

/* Recording or replay begins, or ends. */
void crr_gate_start(struct crr_session *session, bool gated)
{
	struct crr_stream *stream;

	lockdep_assert_held(&session->lock);

	session->gate.gated = gated;
	session->gate.begun = false;
	session->gate.ending = false;
	crr_gate_set(&session->gate, false, 0);
	list_for_each_entry(stream, &session->streams, node)
		stream->taken = 0;
}

/* Is there nothing to be had on this stream, whatever there is? */
bool crr_gate_hides(const struct crr_stream *stream)
{
	const struct crr_gate *gate = &stream->session->gate;

	/* Once the emulator has seen that the peer is gone, it stays so. */
	return gate->gated && !stream->peer_closed &&
	       (!READ_ONCE(gate->open) || !READ_ONCE(gate->left));
}

/**
 * crr_gate_enter - one call of N_TTY's read begins
 * @gate: the gate
 * @window: that of the read(2)
 * @nr: bytes asked for
 *
 * Returns how many may be asked for. crr_gate_leave() must follow. With 0 it
 * may be that the checkpoint is over.
 */
u32 crr_gate_enter(struct crr_gate *gate, u32 window, u32 nr)
{
	spin_lock(&gate->lock);
	WRITE_ONCE(gate->busy, gate->busy + 1);
	if (!gate->open || gate->window != window)
		nr = 0;
	nr = min_t(u64, nr, gate->left);
	WRITE_ONCE(gate->left, gate->left - nr);
	spin_unlock(&gate->lock);
	return nr;
}

/**
 * crr_gate_leave - the call is over
 * @stream: on which it was; its bytes are in stream->bytes
 * @asked: what crr_gate_enter() said
 * @taken: bytes that N_TTY gave
 */
void crr_gate_leave(struct crr_stream *stream, u32 asked, u32 taken)
{
	struct crr_gate *gate = &stream->session->gate;
	bool idle;

	spin_lock(&gate->lock);
	if (!gate->left && asked > taken)
		WRITE_ONCE(gate->returned, true);
	WRITE_ONCE(gate->left, gate->left + asked - taken);
	gate->consumed += taken;
	stream->taken += taken;
	WRITE_ONCE(gate->busy, gate->busy - 1);
	idle = !gate->busy;
	spin_unlock(&gate->lock);
	if (idle)
		wake_up(&gate->idle);
}

/* The session is locked: what has been taken and is not logged yet. */
u32 crr_gate_log(struct crr_stream *stream)
{
	struct crr_gate *gate = &stream->session->gate;
	u32 taken;

	spin_lock(&gate->lock);
	taken = stream->taken;
	stream->taken = 0;
	spin_unlock(&gate->lock);
	return taken;
}

/*
 * Has a call given back what it had asked for, when nothing else was left? Who
 * came meanwhile found the gate as good as shut. True once: they are to be woken
 * then, under the session's lock, which the call itself must not take.
 */
bool crr_gate_returned(struct crr_gate *gate)
{
	bool returned;

	if (likely(!READ_ONCE(gate->returned)))
		return false;
	spin_lock(&gate->lock);
	returned = gate->returned;
	WRITE_ONCE(gate->returned, false);
	spin_unlock(&gate->lock);
	return returned;
}

/**
 * crr_gate_flush - before a checkpoint: see that N_TTY has what has come
 * @session: the session
 *
 * From the device; it may still wait in a tty's flip buffer. Without the
 * session's lock, which the work does not need, but whoever keeps N_TTY waiting
 * should not keep us all.
 */
void crr_gate_flush(struct crr_session *session)
{
	struct crr_stream *stream;
	struct tty_struct *tty;
	u32 number = 0;

	do {
		tty = NULL;
		mutex_lock(&session->lock);
		list_for_each_entry(stream, &session->streams, node) {
			if (!stream->line || stream->number < number)
				continue;
			number = stream->number + 1;
			tty = tty_kref_get(stream->line->tty);
			break;
		}
		mutex_unlock(&session->lock);
		if (tty && tty->port)
			flush_work(&tty->port->buf.work);
		tty_kref_put(tty);
	} while (tty);
}

/* A session that does nothing, or has come to its end, has no gate. */
static int crr_gate_refusal(const struct crr_session *session)
{
	if (session->state > CRR_STATE_REPLAYING)
		return crr_session_refusal(session->state);
	return session->gate.gated ? 0 : -EPROTO;
}

/**
 * crr_gate_begin - a checkpoint begins
 * @op: the operation: op->counter is where the emulator stands, op->max_bytes
 *	what may be taken
 *
 * CRR_RESULT: op->result; CRR_SLEEP: for the feeder.
 */
enum crr_verdict crr_gate_begin(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;
	struct crr_gate *gate = &session->gate;
	enum crr_verdict verdict;
	bool open = true;

	lockdep_assert_held(&session->lock);

	op->result = crr_gate_refusal(session);
	if (!op->result && gate->begun)
		op->result = -EBUSY;
	if (!op->result)
		op->result = crr_session_set_counter(session, op->counter);
	if (op->result)
		return CRR_RESULT;
	if (session->state == CRR_STATE_REPLAYING) {
		verdict = crr_replayer_checkpoint(op, &open);
		if (verdict != CRR_RESULT || op->result)
			return verdict;
	} else {
		crr_recorder_hangup_seen(session);
	}
	gate->begun = true;
	gate->consumed = 0;
	if (open) {
		crr_gate_set(gate, true, op->max_bytes);
		/*
		 * The clock's page does not change: nothing has come since the
		 * emulator looked at it, which is why it is here.
		 */
		if (session->state == CRR_STATE_REPLAYING)
			crr_session_nudge(session);
		else
			crr_session_wake_lines(session);
	}
	return CRR_RESULT;
}

/**
 * crr_gate_end - a checkpoint ends
 * @session: the session
 * @consumed: out: bytes taken since BEGIN
 *
 * Returns what CRR_IOC_CHECKPOINT_END does. Waits for calls of N_TTY that do not
 * wait, and for nobody else: a BEGIN meanwhile finds that one has begun, and
 * another END that it is being ended.
 */
int crr_gate_end(struct crr_session *session, u64 *consumed)
{
	struct crr_gate *gate = &session->gate;
	u32 generation;
	int ret;

	mutex_lock(&session->lock);
	generation = session->generation;
	ret = 0;
	if (session->state == CRR_STATE_IDLE)
		goto unlock;
	ret = crr_gate_refusal(session);
	if (!ret && (!gate->begun || gate->ending))
		ret = -EPROTO;
	if (ret)
		goto unlock;
	/* From here on nobody begins to take. The counter still stands. */
	gate->ending = true;
	crr_gate_set(gate, false, 0);
	mutex_unlock(&session->lock);

	wait_event(gate->idle, !READ_ONCE(gate->busy));

	mutex_lock(&session->lock);
	if (session->generation != generation || !gate->begun)
		goto unlock;
	if (session->state == CRR_STATE_RECORDING)
		crr_recorder_checkpoint(session);
	else if (session->state == CRR_STATE_REPLAYING)
		ret = crr_replayer_checkpoint_end(session);
	*consumed = gate->consumed;
	gate->begun = false;
	gate->ending = false;
unlock:
	mutex_unlock(&session->lock);
	return ret;
}
