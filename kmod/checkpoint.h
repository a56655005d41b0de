/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_CHECKPOINT_H
#define _CRR_CHECKPOINT_H

#include "state.h"

void crr_checkpoint_flush(struct crr_session *session);
enum crr_decision crr_session_checkpoint_begin(struct crr_op *op);
int crr_session_checkpoint_end(struct crr_session *session, u64 *consumed);

#endif /* _CRR_CHECKPOINT_H */
