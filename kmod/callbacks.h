/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ldisc.c is made of: the larger callbacks of the line discipline, and
 * what their ioctls call. Each is documented where it is defined.
 */
#ifndef _CRR_CALLBACKS_H
#define _CRR_CALLBACKS_H

#include <linux/poll.h>

#include "ioctl.h"
#include "line.h"

/* read.c */
struct crr_read *crr_read_alloc(void);
ssize_t crr_ldisc_read(struct tty_struct *tty, struct file *file, u8 *buf,
		       size_t nr, void **cookie, unsigned long offset);

/* write.c */
ssize_t crr_ldisc_write(struct tty_struct *tty, struct file *file,
			const u8 *buf, size_t nr);

/* poll.c */
__poll_t crr_ldisc_poll(struct tty_struct *tty, struct file *file,
			struct poll_table_struct *wait);

/* query.c */
int crr_line_queue(struct crr_line *line, CRR_FILE_PARAMETER unsigned int cmd,
		   u16 type, unsigned long arg);
int crr_line_modem(struct crr_line *line, struct crr_modem *modem);
int crr_line_mark(struct crr_line *line, const struct crr_mark *mark);
int crr_line_value(struct crr_line *line, struct crr_value *value);

/* tty_ioctl.c */
extern const struct crr_ioctls crr_tty_ioctls;

/* main.c: the module's parameter "unprivileged" */
extern bool crr_unprivileged;

#endif /* _CRR_CALLBACKS_H */
