/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_REPLAY_POLL_H
#define _CRR_REPLAY_POLL_H

#include "state.h"

bool crr_replayer_poll(struct crr_stream *stream, bool nonblock,
		       __poll_t wanted, __poll_t *mask);
void crr_replayer_wake_pollers(struct crr_session *session);

#endif /* _CRR_REPLAY_POLL_H */
