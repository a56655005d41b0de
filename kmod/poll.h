/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_POLL_H
#define _CRR_POLL_H

#include <linux/poll.h>

#include "line.h"

__poll_t crr_ldisc_poll(struct tty_struct *tty, struct file *file,
			struct poll_table_struct *wait);

#endif /* _CRR_POLL_H */
