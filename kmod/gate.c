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
#include "gate.h"
#include "state.h"

void crr_gate_init(struct crr_gate *gate)
{
	spin_lock_init(&gate->lock);
	init_waitqueue_head(&gate->idle);
}

void crr_gate_set(struct crr_gate *gate, bool open, u64 left)
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
 * came meanwhile found the gate as good as shut. True once: they are to be
 * woken then, under the session's lock, which the call itself must not take.
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
