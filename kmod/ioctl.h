/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each kind of fd has a table of its ioctls, next to their code. crr_ioctl()
 * serves all of them.
 */
#ifndef _CRR_IOCTL_H
#define _CRR_IOCTL_H

#include <linux/build_bug.h>
#include <linux/crr.h>
#include <linux/err.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct file;

union crr_arg {
	struct crr_status status;
	struct crr_session_fd session_fd;
	struct crr_join join;
	struct crr_checkpoint_begin checkpoint_begin;
	struct crr_checkpoint_end checkpoint_end;
	struct crr_clock_fd clock_fd;
	struct crr_counter counter;
	struct crr_record_start record;
	struct crr_replay_start replay;
	struct crr_stop stop;
	struct crr_divergence divergence;
	struct crr_modem modem;
	struct crr_mark mark;
	struct crr_value value;
	struct crr_seek seek;
	struct crr_seek_ack seek_ack;
};

/**
 * struct crr_call - one ioctl
 * @target: a line, a session or a clock, as the table requires
 * @entitled: the caller may use everything in the table
 * @arg: its struct; members that the caller's struct lacks are zero
 * @file: out: a new file, which gets its fd when all else has succeeded
 * @fd: out: the number of that fd
 */
struct crr_call {
	void *target;
	bool entitled;
	union crr_arg *arg;
	struct file *file;
	int fd;
};

/**
 * struct crr_ioctl - one row of a table
 * @size: of its struct; 0: no such ioctl
 * @min_size: of the first version of its struct
 * @flags: known flags; they follow the size in every struct
 * @answers: the struct is written back
 * @open: callers that are not entitled may call it; it looks at @entitled
 * @call: the function
 */
struct crr_ioctl {
	u32 size;
	u32 min_size;
	u32 flags;
	bool answers;
	bool open;
	int (*call)(struct crr_call *call);
};

/* @_last: the last member of the struct's first version. */
#define CRR_IOCTL(_cmd, _struct, _last, _call, ...)			\
	[_IOC_NR(_cmd)] = {						\
		.size = sizeof(_struct),				\
		.min_size = offsetofend(_struct, _last),		\
		.call = (_call),					\
		__VA_ARGS__						\
	}

/**
 * struct crr_ioctls - the ioctls of one kind of fd
 * @table: by number
 * @n: number of rows
 * @entitles: whether a caller that names this tty_fd may use what is not open;
 *	NULL: everybody who has the fd may
 */
struct crr_ioctls {
	const struct crr_ioctl *table;
	u32 n;
	bool (*entitles)(void *target, s32 tty_fd);
};

int crr_call_file(struct crr_call *call, struct file *file);
long crr_ioctl(const struct crr_ioctls *ioctls, void *target, unsigned int cmd,
	       void __user *user);

#endif /* _CRR_IOCTL_H */
