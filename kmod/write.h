/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_WRITE_H
#define _CRR_WRITE_H

#include "line.h"

ssize_t crr_ldisc_write(struct tty_struct *tty, struct file *file,
			const u8 *buf, size_t nr);

#endif /* _CRR_WRITE_H */
