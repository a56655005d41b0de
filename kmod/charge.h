/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CRR_CHARGE_H
#define _CRR_CHARGE_H

#include <linux/types.h>

struct cred;

/**
 * struct crr_charge - memory that is charged to a user
 * @cred: of the user; NULL: nothing is charged
 * @pages: how many
 */
struct crr_charge {
	const struct cred *cred;
	unsigned long pages;
};

int crr_charge(struct crr_charge *charge, size_t bytes);
void crr_uncharge(struct crr_charge *charge);

#endif /* _CRR_CHARGE_H */
