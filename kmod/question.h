/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_QUESTION_H
#define _CRR_QUESTION_H

#include "line.h"

int crr_line_queue(struct crr_line *line, CRR_FILE_PARAMETER unsigned int cmd,
		   u16 type, unsigned long arg);
int crr_line_modem(struct crr_line *line, struct crr_modem *modem);
int crr_line_mark(struct crr_line *line, const struct crr_mark *mark);

#endif /* _CRR_QUESTION_H */
