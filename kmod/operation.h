/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_OPERATION_H
#define _CRR_OPERATION_H

#include "line.h"
#include "state.h"

struct crr_stream *crr_line_enter(struct crr_line *line);
void crr_line_leave(struct crr_line *line, struct crr_stream *stream);
int crr_line_judge(struct crr_line *line, struct crr_op *op,
		   wait_queue_head_t *queue, const u8 *buf, u32 length);
int crr_line_checkpoint(struct crr_line *line, struct crr_stream *stream,
			u64 counter, u64 max_bytes);
int crr_line_seek(struct crr_line *line, struct crr_stream *stream,
		  const struct crr_seek *seek);

#endif /* _CRR_OPERATION_H */
