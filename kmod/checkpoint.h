/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_CHECKPOINT_H
#define _CRR_CHECKPOINT_H

#include "state.h"

void crr_gate_flush(struct crr_session *session);
enum crr_verdict crr_gate_begin(struct crr_op *op);
int crr_gate_end(struct crr_session *session, u64 *consumed);

#endif /* _CRR_CHECKPOINT_H */
