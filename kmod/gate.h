/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_GATE_H
#define _CRR_GATE_H

#include "state.h"

void crr_gate_init(struct crr_gate *gate);
void crr_gate_set(struct crr_gate *gate, bool open, u64 left);
void crr_gate_start(struct crr_session *session, bool gated);
bool crr_gate_hides(const struct crr_stream *stream);
u32 crr_gate_enter(struct crr_gate *gate, u32 window, u32 nr);
void crr_gate_leave(struct crr_stream *stream, u32 asked, u32 taken);
u32 crr_gate_log(struct crr_stream *stream);
bool crr_gate_returned(struct crr_gate *gate);

#endif /* _CRR_GATE_H */
