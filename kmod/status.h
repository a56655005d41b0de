/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_STATUS_H
#define _CRR_STATUS_H

#include "state.h"

void crr_status_clear(struct crr_status *status);
void crr_session_status(struct crr_session *session, struct crr_status *status);

#endif /* _CRR_STATUS_H */
