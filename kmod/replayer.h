/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_REPLAYER_H
#define _CRR_REPLAYER_H

#include "state.h"

bool crr_replayer_goes_live(struct crr_session *session, u16 type);
bool crr_is_due(struct crr_stream *stream, const struct crr_record *rec);
bool crr_is_hidden(struct crr_stream *stream);
enum crr_decision crr_replayer_read(struct crr_op *op);
enum crr_decision crr_replayer_write(struct crr_op *op, const u8 *buf,
				     u32 length);
enum crr_decision crr_replayer_checkpoint(struct crr_op *op, bool *open);
int crr_replayer_checkpoint_end(struct crr_session *session);
void crr_replayer_short_read(struct crr_op *op, u32 delivered);
void crr_replayer_stop(struct crr_session *session);
void crr_replayer_line_left(struct crr_stream *stream, enum crr_end reason);

#endif /* _CRR_REPLAYER_H */
