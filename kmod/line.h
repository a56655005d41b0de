/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line is a tty on which N_CRR is open. It lives from the discipline's open
 * to its close, which both run with the tty core's ldisc semaphore held for
 * writing. All other callbacks hold it for reading, so their own line stays.
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
 * @in_flight: number of operations between begin and end. RECORD and REPLAY fail
 *	if there is one, so that no operation begins with the device and ends in
 *	a recording, or the other way round. A rw_semaphore would do the same, but
 *	make an idle read(2) 9% longer.
 * @read_lock: serialises the read(2)s of a session; held from the tty core's
 *	first call for a read(2) to its last
 * @read: the read(2) that holds @read_lock, which protects it
 * @stream: the line's stream in a session; changed under crr_link_lock
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
	struct mutex read_lock;		/* see above */
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

/* As crr_line_find(), under rcu_read_lock_sched(). */
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
