/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line is a tty on which N_CRR is open. It lives from the discipline's open
 * to its close; both run under the tty core's ldisc semaphore, held for
 * writing, and all other callbacks under the same semaphore, held for reading.
 * A callback's own line therefore stays.
 */
#ifndef _CRR_LINE_H
#define _CRR_LINE_H

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/tty.h>
#include <linux/tty_ldisc.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "compat.h"
#include "record.h"

struct crr_clock;
struct crr_read;
struct crr_stream;

/**
 * struct crr_line - a tty on which N_CRR is open
 * @node: in the table of all lines
 * @rcu: frees it
 * @tty: the tty
 * @in_flight: operations, from their begin to their end. RECORD and REPLAY fail if
 *	there is one: no operation that began with the device ends in a recording,
 *	or the other way round. A rw_semaphore would say the same, and make an idle
 *	read(2) 9% longer.
 * @read_lock: one read(2) at a time has to do with a session; it holds this from
 *	the first call of the tty core to the last
 * @read: that read(2); protected by @read_lock
 * @stream: the line's part in a session; changed under crr_link_lock
 * @clock: its clock, weakly; changed under crr_link_lock
 * @received: bytes from the device
 * @hung_up: the tty core has called ->hangup(); READ_ONCE
 * @undescribed: termios was set since it was recorded; READ_ONCE
 */
struct crr_line {
	struct hlist_node node;
	struct rcu_head rcu;
	struct tty_struct *tty;
	atomic_t in_flight;
	struct mutex read_lock;		/* one read(2) at a time */
	struct crr_read *read;
	struct crr_stream __rcu *stream;
	struct crr_clock __rcu *clock;
	atomic64_t received;
	bool hung_up;
	bool undescribed;
};

#define CRR_LINES_BITS 10

extern struct tty_ldisc_ops crr_n_tty;
extern DECLARE_HASHTABLE(crr_lines, CRR_LINES_BITS);

/* As crr_line_find(); the caller has rcu_read_lock_sched(). */
static inline struct crr_line *crr_line_find_rcu(struct tty_struct *tty)
{
	struct crr_line *line;

	hash_for_each_possible_rcu(crr_lines, line, node, (unsigned long)tty,
				   rcu_read_lock_sched_held())
		if (line->tty == tty)
			break;
	return line;
}

struct crr_line *crr_line_find(struct tty_struct *tty);
void crr_line_add(struct crr_line *line);
void crr_line_remove(struct crr_line *line);
void crr_line_wake(struct crr_line *line);
void crr_line_notify(struct crr_line *line, __poll_t events);
bool crr_line_signal(struct crr_line *line, int band);
void crr_line_wake_sleepers(struct crr_line *line);
void crr_line_flush(struct crr_line *line);
void crr_line_describe(struct crr_line *line, struct crr_record *rec);
bool crr_line_hangs_up(struct crr_line *line);
bool crr_line_is_master(struct crr_line *line);
bool crr_line_is_controlling(struct crr_line *line);
bool crr_line_has_file(struct crr_line *line, int fd);
int crr_line_wait(struct crr_line *line, struct wait_queue_entry *wait);

#endif /* _CRR_LINE_H */
