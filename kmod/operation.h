/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_OPERATION_H
#define _CRR_OPERATION_H

#include "line.h"
#include "session.h"
#include "state.h"

/**
 * crr_operation_begin - an operation begins
 * @tty: its tty
 * @line: out: the tty's line
 *
 * Returns its stream, with a reference to the session, or NULL if N_TTY is to do
 * it. Either way crr_operation_end() follows.
 */
static inline struct crr_stream *crr_operation_begin(struct tty_struct *tty,
						     struct crr_line **line)
{
	struct crr_stream *stream;

	/* Shorter than rcu_read_lock() by 1% of an idle read(2). */
	rcu_read_lock_sched();
	*line = crr_line_find_rcu(tty);
	atomic_inc(&(*line)->in_flight);
	/* Pairs with crr_session_is_quiet() and crr_recorder_hangup_seen(). */
	smp_mb__after_atomic();
	stream = rcu_dereference_sched((*line)->stream);
	if (stream)
		stream = crr_stream_get(stream, true);
	rcu_read_unlock_sched();
	return stream;
}

/**
 * crr_operation_end - an operation ends
 * @line: the line
 * @stream: what crr_operation_begin() returned
 */
static inline void crr_operation_end(struct crr_line *line,
				     struct crr_stream *stream)
{
	if (stream)
		crr_session_put(stream->session);
	smp_mb__before_atomic(); /* all that it did comes before */
	atomic_dec(&line->in_flight);
}

int crr_operation_decide(struct crr_line *line, struct crr_op *op,
			 wait_queue_head_t *queue, const u8 *buf, u32 length);
int crr_operation_checkpoint(struct crr_line *line, struct crr_stream *stream,
			     u64 counter, u64 max_bytes);
int crr_operation_seek(struct crr_line *line, struct crr_stream *stream,
		       const struct crr_seek *seek);

#endif /* _CRR_OPERATION_H */
