/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_RECORDER_H
#define _CRR_RECORDER_H

#include "state.h"

/**
 * crr_recorder_is_ready - may an operation begin without asking?
 * @stream: its stream; the caller has begun an operation, and is the only reader
 *	or writer
 * @stamp: out: the counter
 *
 * If so the operation ends like one that crr_recorder_decide() has let begin;
 * anything that changes before its end is found there, under session->lock. If
 * not, for example because the counter has gone back, it must ask.
 */
static inline bool crr_recorder_is_ready(struct crr_stream *stream, u64 *stamp)
{
	return READ_ONCE(stream->session->recorder.ready) &&
	       !crr_session_look(stream->session, stamp);
}

void crr_recorder_start(struct crr_session *session);
void crr_recorder_stop(struct crr_session *session);
void crr_recorder_continue(struct crr_session *session);
enum crr_decision crr_recorder_decide(struct crr_op *op);
void crr_recorder_found_nothing(struct crr_stream *stream, u64 stamp);
void crr_recorder_read_done(struct crr_op *op, struct crr_record *seen);
u32 crr_recorder_inq_done(struct crr_op *op, u32 value);
void crr_recorder_answer_done(struct crr_op *op, struct crr_record *rec);
void crr_recorder_write_done(struct crr_stream *stream, u64 stamp,
			     const u8 *buf, u32 requested, ssize_t result,
			     bool cut);
void crr_recorder_cancel(struct crr_op *op);
void crr_recorder_read_interrupted(struct crr_op *op);
void crr_recorder_interrupted(struct crr_op *op);
void crr_recorder_hangup_seen(struct crr_session *session);
void crr_recorder_checkpoint(struct crr_session *session);
void crr_recorder_line_left(struct crr_stream *stream, enum crr_end reason);

#endif /* _CRR_RECORDER_H */
