/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_QUEUE_H
#define _CRR_QUEUE_H

#include "state.h"

bool crr_must_be_taken(const struct crr_record *rec);
bool crr_is_taken_write(const struct crr_record *rec);
void crr_queued_free(struct crr_queued *queued);
void crr_queued_free_all(struct list_head *garbage);
struct crr_queued *crr_queue_first(struct list_head *cursor);
void crr_stream_update_wants(struct crr_stream *stream);
void crr_stream_throttle(struct crr_stream *stream, bool throttled);
void crr_stream_restart(struct crr_stream *stream);
void crr_replayer_start(struct crr_session *session, u64 limit, u32 flags);
void crr_replayer_close(struct crr_session *session);
void crr_replayer_empty(struct crr_stream *stream);
void crr_replayer_unlink(struct crr_stream *stream, struct crr_queued *queued);
int crr_replayer_queue(struct crr_session *session, struct crr_stream *stream,
		       const struct crr_record *rec);
struct crr_stream *crr_replayer_stream(struct crr_session *session, u16 number);
bool crr_replayer_full(const struct crr_replayer *replayer);
bool crr_replayer_feedable(const struct crr_session *session);
void crr_replayer_wake_feeder(struct crr_session *session);
void crr_diverge(struct crr_stream *stream, enum crr_divergence_kind kind,
		 u16 type, const struct crr_record *rec, const u8 *buf,
		 u32 length, u32 offset);

#endif /* _CRR_QUEUE_H */
