/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_FEED_H
#define _CRR_FEED_H

#include "state.h"

ssize_t crr_replayer_feed(struct crr_session *session, const u8 *from,
			  size_t length);
u64 crr_replayer_position(struct crr_session *session);
void crr_replayer_seek(struct crr_session *session, u64 sequence);
int crr_replayer_seek_ack(struct crr_session *session,
			  const struct crr_seek_ack *ack);

#endif /* _CRR_FEED_H */
