/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_RUN_H
#define _CRR_RUN_H

#include "state.h"

bool crr_stream_became_terminal(const struct crr_stream *stream);
int crr_session_record(struct crr_session *session,
		       const struct crr_record_start *arg);
int crr_session_replay(struct crr_session *session,
		       const struct crr_replay_start *arg);
int crr_session_stop(struct crr_session *session);
void crr_session_go_live(struct crr_session *session);
int crr_session_seek(struct crr_session *session, u64 sequence, u64 counter);
bool crr_session_seeks(struct crr_session *session, int *ret);

#endif /* _CRR_RUN_H */
