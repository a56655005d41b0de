// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that a user has the module hold: pinned, and counted against that
 * user's RLIMIT_MEMLOCK, with what others of the kernel pin for the same user.
 *
 * Objects of some hundred bytes are left to the memory controller, which sees
 * everything; relay's pages it does not see.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>

#include "charge.h"

/**
 * crr_charge - count memory against the caller
 * @charge: out: what was counted, for crr_uncharge(); all zero if nothing was
 * @bytes: how much
 *
 * Returns 0, or -ENOMEM for more than RLIMIT_MEMLOCK. Who has CAP_IPC_LOCK is
 * not counted.
 */
int crr_charge(struct crr_charge *charge, size_t bytes)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	unsigned long pages = DIV_ROUND_UP(bytes, PAGE_SIZE);
	const struct cred *cred;

	*charge = (struct crr_charge){};
	/* Nor is it taken from what the same user has without it. */
	if (capable(CAP_IPC_LOCK))
		return 0;
	/* Held for its user: not all kernels let a module put a user itself. */
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
