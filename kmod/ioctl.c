// SPDX-License-Identifier: GPL-2.0-only
/* The dispatcher for the ioctls of all fds. */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* The structs have no holes, and are the same for 32-bit callers. */
static_assert(sizeof(struct crr_status) == 176);
static_assert(sizeof(struct crr_session_fd) == 16);
static_assert(sizeof(struct crr_join) == 24);
static_assert(sizeof(struct crr_checkpoint_begin) == 32);
static_assert(sizeof(struct crr_checkpoint_end) == 24);
static_assert(sizeof(struct crr_clock_fd) == 16);
static_assert(sizeof(struct crr_counter) == 32);
static_assert(sizeof(struct crr_record_start) == 24);
static_assert(sizeof(struct crr_replay_start) == 24);
static_assert(sizeof(struct crr_stop) == 8);
static_assert(sizeof(struct crr_divergence) == 144);
static_assert(sizeof(struct crr_modem) == 64);
static_assert(sizeof(struct crr_mark) == 80);
static_assert(sizeof(struct crr_value) == 48);
static_assert(sizeof(struct crr_seek) == 32);
static_assert(sizeof(struct crr_seek_ack) == 24);
static_assert(sizeof(struct crr_clock_counter) == 16);
static_assert(sizeof(struct crr_clock_state) == 32);
static_assert(sizeof(struct crr_record_header) == 24);

int crr_call_file(struct crr_call *call, struct file *file)
{
	if (IS_ERR(file))
		return PTR_ERR(file);
	call->fd = get_unused_fd_flags(O_CLOEXEC);
	if (call->fd < 0) {
		fput(file);
		return call->fd;
	}
	call->file = file;
	return 0;
}

/**
 * crr_ioctl - an ioctl on any of crr's fds
 * @ioctls: the ioctls of this kind of fd
 * @target: the object behind the fd
 * @cmd: CRR_IOC_*
 * @user: its struct
 *
 * Returns what ioctl(2) does: &uapi/linux/crr.h.
 */
long crr_ioctl(const struct crr_ioctls *ioctls, void *target, unsigned int cmd,
	       void __user *user)
{
	const struct crr_ioctl *op;
	union crr_arg arg;
	struct crr_call call = { .target = target, .arg = &arg };
	unsigned int nr = _IOC_NR(cmd);
	u32 user_size;
	int ret;

	if (nr >= ioctls->n || cmd != _IO(CRR_IOC_TYPE, nr))
		return -ENOTTY;
	op = &ioctls->table[nr];
	if (!op->size)
		return -ENOTTY;
	if (get_user(user_size, (u32 __user *)user))
		return -EFAULT;
	if (user_size < op->min_size)
		return -EINVAL;
	if (user_size > PAGE_SIZE)
		return -E2BIG;
	memset(&arg, 0, sizeof(arg));
	ret = copy_struct_from_user(&arg, op->size, user, user_size);
	if (ret)
		return ret;
	if (arg.status.flags & ~op->flags)
		return -EOPNOTSUPP;
	call.entitled = !ioctls->entitles ||
			ioctls->entitles(target, arg.status.tty_fd);
	if (!call.entitled && !op->open)
		return -EBADF;
	/* Nothing is done if the answer cannot be written. */
	if (op->answers && copy_to_user(user, &arg, min(user_size, op->size)))
		return -EFAULT;
	ret = op->call(&call);
	if (ret)
		return ret;
	/* The size was read twice, and may have changed in between. */
	arg.status.size = user_size;
	if (op->answers && copy_to_user(user, &arg, min(user_size, op->size)))
		ret = -EFAULT;
	/* A new fd becomes visible only if the caller has learned its number. */
	if (call.file && !ret) {
		fd_install(call.fd, call.file);
	} else if (call.file) {
		put_unused_fd(call.fd);
		fput(call.file);
	}
	return ret;
}
