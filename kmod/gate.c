// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate of a session with gated delivery: input is hidden until the thread
 * that moves the counter says, by a checkpoint, that the counter stands still.
 *
 * The gate is a mask over N_TTY and not a second queue: hidden input lies in
 * N_TTY, which throttles the device when it is full, and flushes it when told
 * to. While the gate is open the session's counter is that of the checkpoint.
 *
 * A recorded read takes bytes through the gate by one call of N_TTY at a time,
 * which does not wait. The gate counts such calls, so that the end of a
 * checkpoint waits for them alone, and not for a copy to the user. The end logs
 * what a read(2) has taken by then; that read(2) may return later, but takes
 * nothing more.
 *
 * In replay the gate opens only where a record is due.
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

/* A run begins or ends. */
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

/* Whether the gate hides the stream's input, if there is any. */
bool crr_gate_hides(const struct crr_stream *stream)
{
	const struct crr_gate *gate = &stream->session->gate;

	/* Once the emulator has seen that the peer is gone, it stays gone. */
	return gate->gated && !stream->peer_closed &&
	       (!READ_ONCE(gate->open) || !READ_ONCE(gate->left));
}

/**
 * crr_gate_enter - a call of N_TTY's read begins
 * @gate: the gate
 * @window: that of the read(2)
 * @nr: bytes asked for
 *
 * Returns how many bytes may be asked for; 0 may mean that the checkpoint is
 * over. crr_gate_leave() must follow in any case.
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
 * crr_gate_leave - the call of N_TTY's read is over
 * @stream: its stream; stream->bytes has the bytes
 * @asked: what crr_gate_enter() returned
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

/* The session is locked. Returns how many bytes the caller is to log. */
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
 * Whether a call has given back its reservation when nothing else was left:
 * readers that came meanwhile found nothing behind the gate. True once; the
 * caller, which has the session's lock, wakes them. The call itself must not
 * take that lock.
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
