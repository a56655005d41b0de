/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_BUFFER_H
#define _CRR_BUFFER_H

#include "state.h"

int crr_buffer_open(struct crr_recorder *recorder, u32 nstreams, size_t size,
		    u32 flags);
void crr_buffer_close(struct crr_recorder *recorder);
size_t crr_buffer_capacity(const struct crr_recorder *recorder);
bool crr_buffer_has_space(struct crr_recorder *recorder);
void crr_buffer_wake_waiting(struct crr_session *session);
void crr_buffer_update_ready(struct crr_session *session);
void crr_emit(struct crr_session *session, struct crr_record *rec);
ssize_t crr_buffer_peek(struct crr_recorder *recorder, size_t length,
			const void **from);
void crr_buffer_consume(struct crr_session *session);

#endif /* _CRR_BUFFER_H */
