// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checkpoints of gated delivery: the thread that moves the counter says that
 * the counter stands still, and opens the gate for the others.
 */
#include <linux/tty.h>
#include <linux/workqueue.h>

#include "checkpoint.h"
#include "gate.h"
#include "line.h"
#include "recorder.h"
#include "replayer.h"
#include "state.h"

/**
 * crr_checkpoint_flush - before a checkpoint: see that N_TTY has all input
 * @session: the session
 *
 * It may still wait in a tty's flip buffer. Flushed without the session's lock:
 * whoever keeps N_TTY waiting must not keep all of the session waiting.
 */
void crr_checkpoint_flush(struct crr_session *session)
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

/* An idle session, or one that has ended, has no gate. */
static int crr_checkpoint_refusal(const struct crr_session *session)
{
	if (session->state > CRR_STATE_REPLAYING)
		return crr_session_refusal(session->state);
	return session->gate.gated ? 0 : -EPROTO;
}

/**
 * crr_session_checkpoint_begin - a checkpoint begins
 * @op: the operation: op->counter is where the emulator is, op->max_bytes what
 *	may be taken
 *
 * CRR_RESULT: op->result; CRR_SLEEP: for the feeder.
 */
enum crr_decision crr_session_checkpoint_begin(struct crr_op *op)
{
	struct crr_session *session = op->stream->session;
	struct crr_gate *gate = &session->gate;
	enum crr_decision decision;
	bool open = true;

	lockdep_assert_held(&session->lock);

	op->result = crr_checkpoint_refusal(session);
	if (!op->result && gate->begun)
		op->result = -EBUSY;
	if (!op->result)
		op->result = crr_session_set_counter(session, op->counter);
	if (op->result)
		return CRR_RESULT;
	if (session->state == CRR_STATE_REPLAYING) {
		decision = crr_replayer_checkpoint(op, &open);
		if (decision != CRR_RESULT || op->result)
			return decision;
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
			crr_session_wake_sleepers(session);
		else
			crr_session_wake_lines(session);
	}
	return CRR_RESULT;
}

/**
 * crr_session_checkpoint_end - a checkpoint ends
 * @session: the session
 * @consumed: out: bytes taken since BEGIN
 *
 * Waits only for calls of N_TTY that do not wait. Meanwhile a BEGIN finds that a
 * checkpoint has begun, and another END that it is being ended.
 *
 * Returns what CRR_IOC_CHECKPOINT_END does.
 */
int crr_session_checkpoint_end(struct crr_session *session, u64 *consumed)
{
	struct crr_gate *gate = &session->gate;
	u32 generation;
	int ret;

	mutex_lock(&session->lock);
	generation = session->generation;
	ret = 0;
	if (session->state == CRR_STATE_IDLE)
		goto unlock;
	ret = crr_checkpoint_refusal(session);
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
