/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_TTY_IOCTL_H
#define _CRR_TTY_IOCTL_H

#include "line.h"

extern bool crr_unprivileged;

long crr_tty_ioctl(struct crr_line *line, unsigned int cmd, void __user *user);

#endif /* _CRR_TTY_IOCTL_H */
