/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_CLOCK_FD_H
#define _CRR_CLOCK_FD_H

#include "line.h"

struct file *crr_clock_open(struct crr_line *line);

#endif /* _CRR_CLOCK_FD_H */
