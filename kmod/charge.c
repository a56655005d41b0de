// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that the module holds for a user. It is charged to the user's
 * RLIMIT_MEMLOCK, together with what other parts of the kernel pin for that
 * user.
 *
 * Objects of a few hundred bytes are left to the memory controller, which does
 * not see relay's pages.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "charge.h"

/**
 * crr_charge - charge memory to the caller
 * @charge: out: what was charged, for crr_uncharge(); all zero if nothing was
 * @bytes: how much
 *
 * Returns 0, or -ENOMEM beyond RLIMIT_MEMLOCK. Callers with CAP_IPC_LOCK are
 * not charged.
 */
int crr_charge(struct crr_charge *charge, size_t bytes)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	const struct cred *cred;

	*charge = (struct crr_charge){};
	/* Nor does it reduce what the same user may lock without it. */
	if (capable(CAP_IPC_LOCK))
		return 0;
	/* The cred holds the user: not all kernels let a module put one. */
	cred = get_current_cred();
	if (atomic_long_add_return(pages, &cred->user->locked_vm) > limit) {
		atomic_long_sub(pages, &cred->user->locked_vm);
		put_cred(cred);
		return -ENOMEM;
	}
	charge->cred = cred;
	charge->pages = pages;
	return 0;
}

void crr_uncharge(struct crr_charge *charge)
{
	if (!charge->cred)
		return;
	atomic_long_sub(charge->pages, &charge->cred->user->locked_vm);
	put_cred(charge->cred);
	*charge = (struct crr_charge){};
}
