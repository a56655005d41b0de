/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_LDISC_H
#define _CRR_LDISC_H

int crr_ldisc_register(int number);
void crr_ldisc_unregister(void);

#endif /* _CRR_LDISC_H */
