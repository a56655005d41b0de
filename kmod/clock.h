/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A clock is two pages: the emulator stores its counter into one, and learns
 * from the other when to look at the line, so that its idle loop makes no
 * system call.
 *
 * Any thread of the emulator may write the counter's page at any time. The
 * counter is loaded once per use, and used for nothing but the stamps of that
 * emulator's own records.
 *
 * The files of a clock hold references to it, and a mapping holds its file.
 * The pointers of lines and sessions to it are weak.
 */
#ifndef _CRR_CLOCK_H
#define _CRR_CLOCK_H

#include <linux/atomic.h>
#include <linux/crr.h>
#include <linux/kref.h>
#include <linux/rcupdate.h>

#include "charge.h"

struct crr_line;
struct crr_session;
struct page;

/**
 * struct crr_clock - the counter's page and the page that answers it
 * @kref: one reference for each file
 * @rcu: frees it
 * @counter_page: the emulator writes it
 * @state_page: the emulator reads it
 * @charge: for both pages
 * @user: @counter_page; may change at any time: READ_ONCE
 * @state: @state_page
 * @line: the line on which it was made; crr_link_lock
 * @session: the session that it serves; changed under crr_link_lock
 */
struct crr_clock {
	struct kref kref;
	struct rcu_head rcu;
	struct page *counter_page;
	struct page *state_page;
	struct crr_charge charge;
	struct crr_clock_counter *user;
	struct crr_clock_state *state;
	struct crr_line *line;
	struct crr_session __rcu *session;
};

static inline u64 crr_clock_counter(const struct crr_clock *clock)
{
	return READ_ONCE(clock->user->counter);
}

static inline void crr_clock_set(struct crr_clock *clock, u64 counter)
{
	WRITE_ONCE(clock->user->counter, counter);
}

/* The emulator is to look at the line. Needs no lock. */
static inline void crr_clock_input(struct crr_clock *clock)
{
	atomic64_inc((atomic64_t *)&clock->state->rx_seq);
}

static inline void crr_clock_publish(struct crr_clock *clock,
				     enum crr_state state, u64 next_due)
{
	WRITE_ONCE(clock->state->state, state);
	WRITE_ONCE(clock->state->diverged, state == CRR_STATE_DIVERGED);
	/* Last: whoever finds the time due finds the state that goes with it. */
	smp_store_release(&clock->state->next_due, next_due);
}

#endif /* _CRR_CLOCK_H */
