/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A clock is two pages: the emulator's counter, and the one that answers it.
 * Its fds hold it, and a mapping holds its fd; lines and sessions point to it
 * weakly.
 */
#ifndef _CRR_CLOCK_H
#define _CRR_CLOCK_H

#include <linux/crr.h>
#include <linux/kref.h>
#include <linux/rcupdate.h>

#include "charge.h"

struct crr_line;
struct crr_session;
struct page;

/**
 * struct crr_clock - the counter's page and the page that answers it
 * @kref: one for each file
 * @rcu: frees it
 * @counter_page: the emulator writes it
 * @state_page: the emulator reads it
 * @charge: for both
 * @user: @counter_page; any value at any time: READ_ONCE
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

struct crr_clock *crr_clock_create(void);
void crr_clock_free(struct rcu_head *rcu);
void crr_clock_set(struct crr_clock *clock, u64 counter);
void crr_clock_input(struct crr_clock *clock);
void crr_clock_publish(struct crr_clock *clock, enum crr_state state,
		       u64 next_due);

#endif /* _CRR_CLOCK_H */
