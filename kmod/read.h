/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_READ_H
#define _CRR_READ_H

#include "line.h"

struct crr_read *crr_read_alloc(struct crr_line *line);
ssize_t crr_ldisc_read(struct tty_struct *tty, struct file *file, u8 *buf,
		       size_t nr, void **cookie, unsigned long offset);

#endif /* _CRR_READ_H */
