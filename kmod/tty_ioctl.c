// SPDX-License-Identifier: GPL-2.0-only
/* Our ioctls on a tty: their table, and who may call them. */
#include <linux/capability.h>
#include <linux/file.h>

#include "callbacks.h"
#include "checkpoint.h"
#include "clock.h"
#include "clock_fd.h"
#include "controller.h"
#include "ioctl.h"
#include "line.h"
#include "operation.h"
#include "session.h"
#include "state.h"
#include "status.h"

/* Facts that show nothing of a tty's traffic. */
#define CRR_STATUS_LASTING (CRR_STATUS_CONTROLLER | CRR_STATUS_SESSION | \
			    CRR_STATUS_CLOCK | CRR_STATUS_END_FED | \
			    CRR_STATUS_DIVERGENCE | CRR_STATUS_GATED)

static int crr_do_status(struct crr_call *call)
{
	struct crr_line *line = call->target;
	struct crr_status *status = &call->arg->status;
	struct crr_stream *stream = crr_session_line_stream(line, false);

	crr_status_clear(status);
	if (stream) {
		mutex_lock(&stream->session->lock);
		crr_session_status(stream->session, status);
		status->stream = stream->number;
		mutex_unlock(&stream->session->lock);
		crr_session_put(stream->session);
	}
	status->received = atomic64_read(&line->received);
	if (!call->entitled) {
		const struct crr_status all = *status;

		crr_status_clear(status);
		status->facts = all.facts & CRR_STATUS_LASTING;
		status->state = all.state;
		status->reason = all.reason;
	}
	return 0;
}

/*
 * Whether the caller may have a session record and replay this line. Without
 * the capability, only if the administrator allows it, and never on a
 * controlling terminal: what is typed for su must be neither seen nor typed by
 * others.
 */
static int crr_line_may_be_controlled(struct crr_line *line)
{
	if (!capable(CAP_SYS_TTY_CONFIG) &&
	    (!READ_ONCE(crr_unprivileged) || crr_line_is_controlling(line)))
		return -EPERM;
	return crr_line_is_master(line) ? -EOPNOTSUPP : 0;
}

static int crr_do_session(struct crr_call *call)
{
	struct crr_session_fd *arg = &call->arg->session_fd;
	struct crr_line *line = call->target;
	struct crr_session *session;
	struct file *file;
	int ret;

	ret = crr_line_may_be_controlled(line);
	if (ret)
		return ret;
	session = crr_session_acquire(line);
	if (IS_ERR(session))
		return PTR_ERR(session);
	file = crr_controller_file(session);
	if (IS_ERR(file))
		crr_session_controller_gone(session);
	ret = crr_call_file(call, file);
	arg->session_fd = call->fd;
	return ret;
}

static int crr_do_join(struct crr_call *call)
{
	struct crr_join *arg = &call->arg->join;
	struct crr_line *line = call->target;
	struct crr_session *session;
	int ret;

	if (arg->__reserved)
		return -EINVAL;
	ret = crr_line_may_be_controlled(line);
	if (ret)
		return ret;
	session = crr_controller_session(arg->session_fd);
	if (!session)
		return -EBADF;
	ret = crr_session_join(session, line, &arg->stream);
	crr_session_put(session);
	return ret;
}

static int crr_do_clock(struct crr_call *call)
{
	struct crr_line *line = call->target;
	int ret;

	if (crr_line_is_master(line))
		return -EOPNOTSUPP;
	ret = crr_call_file(call, crr_clock_open(line));
	call->arg->clock_fd.clock_fd = call->fd;
	return ret;
}

/* Set the counter of a line without a session: only a clock has one. */
static void crr_line_set_clock(struct crr_line *line, u64 counter)
{
	struct crr_clock *clock;

	rcu_read_lock();
	clock = rcu_dereference(line->clock);
	if (clock)
		crr_clock_set(clock, counter);
	rcu_read_unlock();
}

static int crr_line_count(struct crr_line *line, u64 counter, u64 *next_due)
{
	struct crr_stream *stream = crr_session_line_stream(line, false);
	int ret;

	*next_due = CRR_NEVER;
	if (stream) {
		ret = crr_session_count(stream->session, counter, next_due);
		crr_session_put(stream->session);
		return ret;
	}
	crr_line_set_clock(line, counter);
	return 0;
}

static int crr_do_counter(struct crr_call *call)
{
	struct crr_counter *arg = &call->arg->counter;

	if (arg->__reserved)
		return -EINVAL;
	return crr_line_count(call->target, arg->counter, &arg->next_due);
}

/* In an idle session, or without one, a checkpoint only sets the counter. */
static int crr_do_checkpoint_begin(struct crr_call *call)
{
	struct crr_checkpoint_begin *arg = &call->arg->checkpoint_begin;
	struct crr_line *line = call->target;
	struct crr_stream *stream;
	struct crr_session *session;
	int ret;

	stream = crr_session_line_stream(line, true);
	if (!stream)
		return crr_line_count(line, arg->counter, &arg->next_due);
	session = stream->session;
	crr_checkpoint_flush(session);
	ret = crr_operation_checkpoint(line, stream, arg->counter,
				       arg->max_bytes ?: U64_MAX);
	mutex_lock(&session->lock);
	arg->next_due = crr_session_next_due(session);
	mutex_unlock(&session->lock);
	crr_session_put(session);
	if (ret > 0)
		ret = crr_line_count(line, arg->counter, &arg->next_due);
	return ret;
}

static int crr_do_checkpoint_end(struct crr_call *call)
{
	struct crr_checkpoint_end *arg = &call->arg->checkpoint_end;
	struct crr_stream *stream;
	int ret;

	if (arg->__reserved)
		return -EINVAL;
	arg->consumed = 0;
	stream = crr_session_line_stream(call->target, true);
	if (!stream)
		return 0;
	ret = crr_session_checkpoint_end(stream->session, &arg->consumed);
	crr_session_put(stream->session);
	return ret;
}

static int crr_do_seek(struct crr_call *call)
{
	const struct crr_seek *arg = &call->arg->seek;
	struct crr_line *line = call->target;
	struct crr_stream *stream;
	int ret;

	if (arg->__reserved)
		return -EINVAL;
	stream = crr_session_line_stream(line, false);
	if (stream) {
		ret = crr_operation_seek(line, stream, arg);
		crr_session_put(stream->session);
		return ret;
	}
	crr_line_set_clock(line, arg->counter);
	return 0;
}

static int crr_do_modem(struct crr_call *call)
{
	return crr_line_modem(call->target, &call->arg->modem);
}

static int crr_do_mark(struct crr_call *call)
{
	const struct crr_mark *mark = &call->arg->mark;

	if (!crr_label_is_valid(mark->label, mark->length))
		return -EINVAL;
	return crr_line_mark(call->target, mark);
}

static int crr_do_value(struct crr_call *call)
{
	struct crr_value *value = &call->arg->value;

	if (value->__reserved)
		return -EINVAL;
	return crr_line_value(call->target, value);
}

/*
 * The file through which the ioctl was called is not known here, and may be
 * open for writing alone: so the caller names another one. crr_ioctl() finds
 * tty_fd at the same place in all structs.
 */
static bool crr_tty_entitles(void *line, s32 tty_fd)
{
	return crr_line_has_file(line, tty_fd);
}

#define CRR_TTY_IOCTL(_cmd, _struct, _last, _call, ...)			\
	CRR_IOCTL(_cmd, _struct, _last, _call,				\
		  .flags = BUILD_BUG_ON_ZERO(offsetof(_struct, tty_fd) != \
					     offsetof(struct crr_status, \
						      tty_fd)),		\
		  __VA_ARGS__)

static const struct crr_ioctl crr_tty_table[] = {
	CRR_TTY_IOCTL(CRR_IOC_STATUS, struct crr_status, guesses,
		      crr_do_status, .answers = true, .open = true),
	CRR_TTY_IOCTL(CRR_IOC_SESSION, struct crr_session_fd, session_fd,
		      crr_do_session, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_CLOCK, struct crr_clock_fd, clock_fd,
		      crr_do_clock, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_COUNTER, struct crr_counter, next_due,
		      crr_do_counter, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_JOIN, struct crr_join, __reserved,
		      crr_do_join, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_CHECKPOINT_BEGIN, struct crr_checkpoint_begin,
		      next_due, crr_do_checkpoint_begin, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_CHECKPOINT_END, struct crr_checkpoint_end,
		      consumed, crr_do_checkpoint_end, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_MODEM, struct crr_modem, buf_overrun,
		      crr_do_modem, .answers = true),
	CRR_TTY_IOCTL(CRR_IOC_MARK, struct crr_mark, label, crr_do_mark),
	CRR_TTY_IOCTL(CRR_IOC_SEEK, struct crr_seek, counter, crr_do_seek),
	CRR_TTY_IOCTL(CRR_IOC_VALUE, struct crr_value, remaining,
		      crr_do_value, .answers = true),
};

const struct crr_ioctls crr_tty_ioctls = {
	.table = crr_tty_table,
	.n = ARRAY_SIZE(crr_tty_table),
	.entitles = crr_tty_entitles,
};
