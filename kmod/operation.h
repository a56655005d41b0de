/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_OPERATION_H
#define _CRR_OPERATION_H

#include "line.h"
#include "state.h"

struct crr_stream *crr_operation_begin(struct crr_line *line);
void crr_operation_end(struct crr_line *line, struct crr_stream *stream);
int crr_operation_decide(struct crr_line *line, struct crr_op *op,
		   wait_queue_head_t *queue, const u8 *buf, u32 length);
int crr_operation_checkpoint(struct crr_line *line, struct crr_stream *stream,
			u64 counter, u64 max_bytes);
int crr_operation_seek(struct crr_line *line, struct crr_stream *stream,
		  const struct crr_seek *seek);

#endif /* _CRR_OPERATION_H */
