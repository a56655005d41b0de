/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_DIVERGENCE_H
#define _CRR_DIVERGENCE_H

#include "state.h"

void crr_diverge(struct crr_stream *stream, enum crr_divergence_kind kind,
		 u16 type, const struct crr_record *rec, const u8 *buf,
		 u32 length, u32 offset);

#endif /* _CRR_DIVERGENCE_H */
