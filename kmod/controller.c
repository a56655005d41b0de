// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session fd, through which the controller drains a recording or feeds a
 * replay.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "buffer.h"
#include "controller.h"
#include "feed.h"
#include "ioctl.h"
#include "queue.h"
#include "replay_poll.h"
#include "run.h"
#include "session.h"
#include "state.h"
#include "status.h"

/* The most that one write(2) takes: many records, and little memory. */
#define CRR_FEED_CHUNK (32U << 10)

static const struct file_operations crr_controller_fops;

/* The file takes over the caller's reference, unless it cannot be made. */
struct file *crr_controller_file(struct crr_session *session)
{
	return anon_inode_getfile("[crr-session]", &crr_controller_fops,
				  session, O_RDWR);
}

/* The session of a session fd, with a reference; or NULL. */
struct crr_session *crr_controller_session(int fd)
{
	struct crr_session *session = NULL;
	struct file *file = fget(fd);

	if (!file)
		return NULL;
	if (file->f_op == &crr_controller_fops) {
		session = file->private_data;
		kref_get(&session->kref);
	}
	fput(file);
	return session;
}

/* Whether something is recorded, or may be after the replay. */
static bool crr_controller_records(const struct crr_session *session)
{
	enum crr_state state = READ_ONCE(session->state);

	return state == CRR_STATE_RECORDING || state == CRR_STATE_REPLAYING;
}

static bool crr_controller_readable(struct crr_session *session)
{
	const struct crr_recorder *recorder = &session->recorder;

	return READ_ONCE(recorder->unread) > READ_ONCE(recorder->taken) ||
	       !crr_controller_records(session);
}

static ssize_t crr_controller_read(struct file *file, char __user *to,
				   size_t length, loff_t *pos)
{
	struct crr_session *session = file->private_data;
	struct crr_recorder *recorder = &session->recorder;
	const void *from;
	ssize_t n;

	n = crr_lock_or_fail(&session->consume_lock,
			     file->f_flags & O_NONBLOCK);
	if (n)
		return n;
	for (;;) {
		mutex_lock(&session->lock);
		n = -EINVAL;
		if (recorder->chan) {
			/*
			 * The reader asks for more, so it has what it read
			 * last.
			 */
			crr_buffer_consume(session);
			n = crr_buffer_peek(recorder, length, &from);
		}
		if (!n && crr_controller_records(session))
			n = -EAGAIN;
		mutex_unlock(&session->lock);

		if (n != -EAGAIN || (file->f_flags & O_NONBLOCK))
			break;
		n = wait_event_interruptible(session->wait,
					     crr_controller_readable(session));
		if (n)
			break;
	}
	/* It is not consumed yet, so nobody writes there. */
	if (n > 0 && copy_to_user(to, from, n))
		n = -EFAULT;
	if (n > 0)
		WRITE_ONCE(recorder->taken, n);
	mutex_unlock(&session->consume_lock);
	return n;
}

static ssize_t crr_controller_feed(struct crr_session *session,
				   const u8 *from, size_t length)
{
	ssize_t n;

	mutex_lock(&session->lock);
	switch (session->state) {
	case CRR_STATE_REPLAYING:
		n = session->replayer.seeking ?
		    -ESTALE : crr_replayer_feed(session, from, length);
		if (n > 0) {
			crr_session_publish(session);
			crr_session_wake_sleepers(session);
			crr_replayer_wake_pollers(session);
		}
		break;
	case CRR_STATE_IDLE:
	case CRR_STATE_RECORDING:
		n = -EINVAL;
		break;
	default:
		n = crr_session_refusal(session->state);
		break;
	}
	mutex_unlock(&session->lock);
	return n;
}

static ssize_t crr_controller_write(struct file *file, const char __user *from,
				    size_t length, loff_t *pos)
{
	struct crr_session *session = file->private_data;
	ssize_t n;
	u8 *chunk;

	length = min_t(size_t, length, CRR_FEED_CHUNK);
	chunk = kvmalloc(max_t(size_t, length, 1), GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return -ENOMEM;
	if (copy_from_user(chunk, from, length)) {
		n = -EFAULT;
		goto free;
	}
	n = crr_lock_or_fail(&session->feed_lock, file->f_flags & O_NONBLOCK);
	if (n)
		goto free;
	for (;;) {
		n = crr_controller_feed(session, chunk, length);
		if (n != -EAGAIN || (file->f_flags & O_NONBLOCK))
			break;
		n = wait_event_interruptible(session->wait,
					     crr_replayer_feedable(session));
		if (n)
			break;
	}
	mutex_unlock(&session->feed_lock);
free:
	/* Logs hold what was typed, passwords too. */
	kvfree_sensitive(chunk, length);
	return n;
}

static __poll_t crr_controller_poll(struct file *file, poll_table *wait)
{
	struct crr_session *session = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &session->wait, wait);
	mutex_lock(&session->lock);
	if (session->recorder.chan && crr_controller_readable(session))
		mask |= CRR_POLL_IN;
	if (session->state >= CRR_STATE_REPLAYING &&
	    crr_replayer_feedable(session))
		mask |= CRR_POLL_OUT;
	if (session->changed)
		mask |= EPOLLPRI;
	if (!session->nlines)
		mask |= EPOLLHUP;
	mutex_unlock(&session->lock);
	return mask;
}

#define CRR_RECORD_FLAGS (CRR_RECORD_CAPTURE | CRR_RECORD_FAIL_ORPHAN | \
			  CRR_RECORD_BLOCK | CRR_RECORD_GATED)

static int crr_check_buffer(u64 size)
{
	return size && (size < CRR_BUFFER_MIN || size > CRR_BUFFER_MAX) ?
	       -EINVAL : 0;
}

static int crr_controller_record(struct crr_call *call)
{
	const struct crr_record_start *arg = &call->arg->record;

	if (arg->__reserved || crr_check_buffer(arg->buffer_size))
		return -EINVAL;
	return crr_session_record(call->target, arg);
}

static int crr_controller_replay(struct crr_call *call)
{
	const struct crr_replay_start *arg = &call->arg->replay;
	bool gated = arg->record_flags & CRR_RECORD_GATED;

	if (arg->__reserved || crr_check_buffer(arg->buffer_size) ||
	    arg->record_flags & ~CRR_RECORD_FLAGS)
		return -EINVAL;
	if (arg->flags & CRR_REPLAY_RECORD ?
	    !(arg->flags & CRR_REPLAY_LIVE) ||
	    gated != !!(arg->flags & CRR_REPLAY_GATED) :
	    arg->record_flags)
		return -EINVAL;
	return crr_session_replay(call->target, arg);
}

static int crr_controller_stop(struct crr_call *call)
{
	return crr_session_stop(call->target);
}

static int crr_controller_divergence(struct crr_call *call)
{
	struct crr_session *session = call->target;
	int ret = -ENODATA;

	mutex_lock(&session->lock);
	if (session->divergence.kind) {
		call->arg->divergence = session->divergence;
		ret = 0;
	}
	mutex_unlock(&session->lock);
	return ret;
}

static int crr_controller_seek_ack(struct crr_call *call)
{
	const struct crr_seek_ack *ack = &call->arg->seek_ack;
	struct crr_session *session = call->target;
	int ret;

	if (ack->__reserved)
		return -EINVAL;
	mutex_lock(&session->lock);
	ret = crr_replayer_seek_ack(session, ack);
	if (!ret)
		crr_session_wake(session);
	mutex_unlock(&session->lock);
	return ret;
}

static int crr_controller_status(struct crr_call *call)
{
	struct crr_session *session = call->target;

	crr_status_clear(&call->arg->status);
	mutex_lock(&session->lock);
	crr_session_status(session, &call->arg->status);
	session->changed = false;
	mutex_unlock(&session->lock);
	return 0;
}

static const struct crr_ioctl crr_controller_table[] = {
	CRR_IOCTL(CRR_IOC_STATUS, struct crr_status, guesses,
		  crr_controller_status, .answers = true),
	CRR_IOCTL(CRR_IOC_RECORD, struct crr_record_start, buffer_size,
		  crr_controller_record, .flags = CRR_RECORD_FLAGS),
	CRR_IOCTL(CRR_IOC_REPLAY, struct crr_replay_start, __reserved,
		  crr_controller_replay,
		  .flags = CRR_REPLAY_MUTE | CRR_REPLAY_GATED |
			   CRR_REPLAY_LIVE | CRR_REPLAY_RECORD),
	CRR_IOCTL(CRR_IOC_STOP, struct crr_stop, flags, crr_controller_stop),
	CRR_IOCTL(CRR_IOC_DIVERGENCE, struct crr_divergence, got,
		  crr_controller_divergence, .answers = true),
	CRR_IOCTL(CRR_IOC_SEEK_ACK, struct crr_seek_ack, sequence,
		  crr_controller_seek_ack),
};

static const struct crr_ioctls crr_controller_ioctls = {
	.table = crr_controller_table,
	.n = ARRAY_SIZE(crr_controller_table),
};

static long crr_controller_ioctl(struct file *file, unsigned int cmd,
				 unsigned long arg)
{
	return crr_ioctl(&crr_controller_ioctls, file->private_data, cmd,
			 (void __user *)arg);
}

/* /proc/PID/fdinfo/FD: no lock of a tty is held. */
static void crr_controller_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct crr_session *session = file->private_data;
	struct crr_status status = {};

	mutex_lock(&session->lock);
	crr_session_status(session, &status);
	mutex_unlock(&session->lock);
	seq_printf(m, "crr-state:\t%s\n", crr_state_name(status.state));
	seq_printf(m, "crr-reason:\t%u\n", status.reason);
	seq_printf(m, "crr-streams:\t%u\n", status.streams);
	seq_printf(m, "crr-counter:\t%llu\n", status.counter);
	seq_printf(m, "crr-sequence:\t%llu\n", status.sequence);
	seq_printf(m, "crr-records:\t%llu\n", status.records);
	seq_printf(m, "crr-buffered:\t%llu\n", status.buffered);
}

static int crr_controller_release(struct inode *inode, struct file *file)
{
	crr_session_controller_gone(file->private_data);
	return 0;
}

static const struct file_operations crr_controller_fops = {
	.owner		= THIS_MODULE,
	.release	= crr_controller_release,
	.read		= crr_controller_read,
	.write		= crr_controller_write,
	.poll		= crr_controller_poll,
	.unlocked_ioctl	= crr_controller_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= crr_controller_show_fdinfo,
	.llseek		= noop_llseek,
};
