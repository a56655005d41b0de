// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock: a page into which the emulator stores its counter, and one from
 * which it learns when to look at the line, so that its idle loop makes no
 * system call.
 *
 * The counter's page is the emulator's to write, at any time and from any
 * thread. It is read whole, once per use, and is never more than a number
 * that goes into that emulator's own records.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "clock.h"

/* A clock without a file yet: crr_clock_file() gives it one, or frees it. */
struct crr_clock *crr_clock_create(void)
{
	struct crr_clock *clock;

	clock = kzalloc(sizeof(*clock), GFP_KERNEL_ACCOUNT);
	if (!clock)
		return NULL;
	if (crr_charge(&clock->charge, 2 * PAGE_SIZE)) {
		kfree(clock);
		return NULL;
	}
	kref_init(&clock->kref);
	clock->counter_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	clock->state_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!clock->counter_page || !clock->state_page) {
		if (clock->counter_page)
			__free_page(clock->counter_page);
		if (clock->state_page)
			__free_page(clock->state_page);
		crr_uncharge(&clock->charge);
		kfree(clock);
		return NULL;
	}
	clock->user = page_address(clock->counter_page);
	clock->user->version = CRR_CLOCK_VERSION;
	clock->user->size = sizeof(*clock->user);
	clock->state = page_address(clock->state_page);
	clock->state->version = CRR_CLOCK_VERSION;
	clock->state->size = sizeof(*clock->state);
	crr_clock_publish(clock, CRR_STATE_IDLE, CRR_NEVER);
	return clock;
}

void crr_clock_free(struct rcu_head *rcu)
{
	struct crr_clock *clock = container_of(rcu, struct crr_clock, rcu);

	__free_page(clock->counter_page);
	__free_page(clock->state_page);
	crr_uncharge(&clock->charge);
	kfree(clock);
}

void crr_clock_set(struct crr_clock *clock, u64 counter)
{
	WRITE_ONCE(clock->user->counter, counter);
}

/* The emulator is to look at the line. Called from anywhere, by many. */
void crr_clock_input(struct crr_clock *clock)
{
	atomic64_inc((atomic64_t *)&clock->state->rx_seq);
}

void crr_clock_publish(struct crr_clock *clock, enum crr_state state,
		       u64 next_due)
{
	WRITE_ONCE(clock->state->state, state);
	WRITE_ONCE(clock->state->diverged, state == CRR_STATE_DIVERGED);
	/* Last: who finds it due finds the state that it belongs to. */
	smp_store_release(&clock->state->next_due, next_due);
}
