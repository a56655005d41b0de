/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_REPLAY_VALUE_H
#define _CRR_REPLAY_VALUE_H

#include "state.h"

enum crr_decision crr_replayer_value(struct crr_op *op);

#endif /* _CRR_REPLAY_VALUE_H */
