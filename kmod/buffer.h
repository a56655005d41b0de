/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_BUFFER_H
#define _CRR_BUFFER_H

#include "state.h"

int crr_recorder_open(struct crr_recorder *recorder, u32 nstreams, size_t size,
		      u32 flags);
void crr_recorder_close(struct crr_recorder *recorder);
size_t crr_recorder_capacity(const struct crr_recorder *recorder);
bool crr_recorder_has_room(struct crr_recorder *recorder);
void crr_recorder_wake_starved(struct crr_session *session);
void crr_recorder_update_ready(struct crr_session *session);
void crr_emit(struct crr_session *session, struct crr_record *rec);
ssize_t crr_recorder_peek(struct crr_recorder *recorder, size_t length,
			  const void **from);
void crr_recorder_consume(struct crr_session *session);

#endif /* _CRR_BUFFER_H */
