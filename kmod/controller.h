/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_CONTROLLER_H
#define _CRR_CONTROLLER_H

#include "state.h"

struct file *crr_controller_file(struct crr_session *session);
struct crr_session *crr_controller_session(int fd);

#endif /* _CRR_CONTROLLER_H */
