// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table of all ioctls, for tty, session fd and clock fd alike.
 */
#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/uaccess.h>

#include "crr.h"

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
	struct crr_seek seek;
	struct crr_seek_ack seek_ack;
};

/* The interface has no holes, and is the same for 32-bit callers. */
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
static_assert(sizeof(struct crr_seek) == 32);
static_assert(sizeof(struct crr_seek_ack) == 24);
static_assert(sizeof(struct crr_clock_counter) == 16);
static_assert(sizeof(struct crr_clock_state) == 32);
static_assert(sizeof(struct crr_record_header) == 24);

/**
 * struct crr_call - one ioctl
 * @target: on what
 * @entitled: of a tty: the caller has it open for reading and writing; else true
 * @arg: its struct; what the caller's lacks is zero
 * @file: out: a new file, which gets its fd when all else has gone well
 * @fd: out: its number
 */
struct crr_call {
	const struct crr_target *target;
	bool entitled;
	union crr_arg *arg;
	struct file *file;
	int fd;
};

static int crr_call_file(struct crr_call *call, struct file *file)
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

/* The target's session, with a reference, or NULL. */
static struct crr_session *crr_call_session(const struct crr_target *target)
{
	struct crr_stream *stream;

	if (target->clock)
		return crr_clock_session(target->clock);
	if (target->line) {
		stream = crr_session_line_stream(target->line, false);
		return stream ? stream->session : NULL;
	}
	crr_session_get(target->session);
	return target->session;
}

/* Facts that tell nothing of a tty's traffic. */
#define CRR_STATUS_LASTING (CRR_STATUS_CONTROLLER | CRR_STATUS_SESSION | \
			    CRR_STATUS_CLOCK | CRR_STATUS_END_FED | \
			    CRR_STATUS_DIVERGENCE | CRR_STATUS_GATED)

static int crr_ioctl_status(struct crr_call *call)
{
	const struct crr_target *target = call->target;
	struct crr_status *status = &call->arg->status;
	struct crr_session *session = crr_call_session(target);
	struct crr_stream *stream;

	*status = (struct crr_status){
		.tty_fd = status->tty_fd,
		.stream = CRR_NO_STREAM,
		.next_due = CRR_NEVER,
	};
	if (target->line)
		status->received = atomic64_read(&target->line->received);
	if (session) {
		mutex_lock(&session->lock);
		crr_session_status(session, status);
		list_for_each_entry(stream, &session->streams, node)
			if (target->line && stream->line == target->line)
				status->stream = stream->number;
		if (target->session)
			session->changed = false;
		mutex_unlock(&session->lock);
		crr_session_put(session);
	}
	if (!call->entitled)
		*status = (struct crr_status){
			.tty_fd = status->tty_fd,
			.facts = status->facts & CRR_STATUS_LASTING,
			.state = status->state,
			.reason = status->reason,
			.stream = CRR_NO_STREAM,
			.next_due = CRR_NEVER,
		};
	return 0;
}

/*
 * May the caller have a session record and replay this line? Those without the
 * capability only where the administrator lets them, and never where somebody
 * logs in: what is typed for su is not theirs, nor may they type it.
 */
static int crr_line_may_be_controlled(struct crr_line *line)
{
	if (!capable(CAP_SYS_TTY_CONFIG) &&
	    (!READ_ONCE(crr_unprivileged) || crr_line_is_controlling(line)))
		return -EPERM;
	return crr_line_is_master(line) ? -EOPNOTSUPP : 0;
}

static int crr_ioctl_session(struct crr_call *call)
{
	struct crr_session_fd *arg = &call->arg->session_fd;
	struct crr_line *line = call->target->line;
	int ret;

	ret = crr_line_may_be_controlled(line);
	if (ret)
		return ret;
	ret = crr_call_file(call, crr_session_control(line));
	arg->session_fd = call->fd;
	return ret;
}

static int crr_ioctl_join(struct crr_call *call)
{
	struct crr_join *arg = &call->arg->join;
	struct crr_line *line = call->target->line;
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

static struct file *crr_line_clock_file(struct crr_line *line)
{
	struct crr_stream *stream;
	struct crr_session *session;
	struct crr_clock *clock;
	struct file *file;

	mutex_lock(&crr_link_lock);
	stream = rcu_dereference_protected(line->stream,
					   lockdep_is_held(&crr_link_lock));
	session = stream ? stream->session : NULL;
	clock = rcu_dereference_protected(session ? session->clock :
						    line->clock,
					  lockdep_is_held(&crr_link_lock));
	if (clock) {
		kref_get(&clock->kref);
		file = crr_clock_file(clock);
		goto unlock;
	}

	file = ERR_PTR(-ENOMEM);
	clock = crr_clock_create();
	if (!clock)
		goto unlock;
	file = crr_clock_file(clock);
	if (IS_ERR(file))
		goto unlock;
	clock->line = line;
	rcu_assign_pointer(line->clock, clock);
	if (session)
		crr_session_set_clock(session, clock);
unlock:
	mutex_unlock(&crr_link_lock);
	return file;
}

static int crr_ioctl_clock(struct crr_call *call)
{
	struct crr_line *line = call->target->line;
	int ret;

	if (crr_line_is_master(line))
		return -EOPNOTSUPP;
	ret = crr_call_file(call, crr_line_clock_file(line));
	call->arg->clock_fd.clock_fd = call->fd;
	return ret;
}

static int crr_ioctl_counter(struct crr_call *call)
{
	const struct crr_target *target = call->target;
	struct crr_counter *arg = &call->arg->counter;
	struct crr_session *session;
	struct crr_clock *clock;
	int ret;

	if (arg->__reserved)
		return -EINVAL;
	arg->next_due = CRR_NEVER;
	session = crr_call_session(target);
	if (session) {
		ret = crr_session_count(session, arg->counter, &arg->next_due);
		crr_session_put(session);
		return ret;
	}
	rcu_read_lock();
	clock = target->line ? rcu_dereference(target->line->clock) :
			       target->clock;
	if (clock)
		crr_clock_set(clock, arg->counter);
	rcu_read_unlock();
	return 0;
}

#define CRR_RECORD_FLAGS (CRR_RECORD_CAPTURE | CRR_RECORD_FAIL_ORPHAN | \
			  CRR_RECORD_BLOCK | CRR_RECORD_GATED)

static int crr_check_buffer(u64 size)
{
	return size && (size < CRR_BUFFER_MIN || size > CRR_BUFFER_MAX) ?
	       -EINVAL : 0;
}

static int crr_ioctl_record(struct crr_call *call)
{
	const struct crr_record_start *arg = &call->arg->record;

	if (arg->__reserved || crr_check_buffer(arg->buffer_size))
		return -EINVAL;
	return crr_session_record(call->target->session, arg);
}

static int crr_ioctl_replay(struct crr_call *call)
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
	return crr_session_replay(call->target->session, arg);
}

static int crr_ioctl_stop(struct crr_call *call)
{
	return crr_session_stop(call->target->session);
}

/* Without a session that does something, a checkpoint sets the counter. */
static int crr_ioctl_checkpoint_begin(struct crr_call *call)
{
	struct crr_checkpoint_begin *arg = &call->arg->checkpoint_begin;
	struct crr_line *line = call->target->line;
	struct crr_call count = {
		.target = call->target,
		.arg = &(union crr_arg){ .counter.counter = arg->counter },
	};
	struct crr_stream *stream;
	struct crr_session *session;
	int ret;

	arg->next_due = CRR_NEVER;
	stream = crr_session_line_stream(line, true);
	if (!stream)
		return crr_ioctl_counter(&count);
	session = stream->session;
	crr_gate_flush(session);
	ret = crr_line_checkpoint(line, stream, arg->counter,
				  arg->max_bytes ?: U64_MAX);
	mutex_lock(&session->lock);
	arg->next_due = crr_session_next_due(session);
	mutex_unlock(&session->lock);
	crr_session_put(session);
	return ret;
}

static int crr_ioctl_checkpoint_end(struct crr_call *call)
{
	struct crr_checkpoint_end *arg = &call->arg->checkpoint_end;
	struct crr_stream *stream;
	int ret;

	if (arg->__reserved)
		return -EINVAL;
	arg->consumed = 0;
	stream = crr_session_line_stream(call->target->line, true);
	if (!stream)
		return 0;
	ret = crr_gate_end(stream->session, &arg->consumed);
	crr_session_put(stream->session);
	return ret;
}

static int crr_ioctl_seek(struct crr_call *call)
{
	const struct crr_seek *arg = &call->arg->seek;
	struct crr_line *line = call->target->line;
	struct crr_stream *stream;
	struct crr_clock *clock;
	int ret;

	if (arg->__reserved)
		return -EINVAL;
	stream = crr_session_line_stream(line, false);
	if (stream) {
		ret = crr_line_seek(line, stream, arg);
		crr_session_put(stream->session);
		return ret;
	}
	rcu_read_lock();
	clock = rcu_dereference(line->clock);
	if (clock)
		crr_clock_set(clock, arg->counter);
	rcu_read_unlock();
	return 0;
}

static int crr_ioctl_seek_ack(struct crr_call *call)
{
	const struct crr_seek_ack *ack = &call->arg->seek_ack;
	struct crr_session *session = call->target->session;
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

static int crr_ioctl_modem(struct crr_call *call)
{
	return crr_line_modem(call->target->line, &call->arg->modem);
}

static int crr_ioctl_mark(struct crr_call *call)
{
	const struct crr_mark *mark = &call->arg->mark;

	if (!crr_label_is_valid(mark->label, mark->length))
		return -EINVAL;
	return crr_line_mark(call->target->line, mark);
}

static int crr_ioctl_divergence(struct crr_call *call)
{
	struct crr_session *session = call->target->session;
	int ret = -ENODATA;

	mutex_lock(&session->lock);
	if (session->divergence.kind) {
		call->arg->divergence = session->divergence;
		ret = 0;
	}
	mutex_unlock(&session->lock);
	return ret;
}

#define CRR_ON_TTY	0x1
#define CRR_ON_SESSION	0x2
#define CRR_ON_CLOCK	0x4
/* On a tty it works without @tty_fd, too: it looks at @entitled itself. */
#define CRR_ON_ANY_TTY	0x8

/**
 * struct crr_ioctl - one row of the table
 * @on: CRR_ON_*: the kinds of fd that it works on
 * @size: of its struct
 * @min_size: of its struct's first version
 * @flags: those that are known; they follow the size in every struct
 * @answers: the struct is written back
 * @call: does it
 */
struct crr_ioctl {
	u32 on;
	u32 size;
	u32 min_size;
	u32 flags;
	bool answers;
	int (*call)(struct crr_call *call);
};

/* _last: the last member of the struct's first version. */
#define CRR_IOCTL(_cmd, _on, _struct, _last, _flags, _answers, _call)	\
	[_IOC_NR(_cmd)] = {						\
		.on = (_on),						\
		.size = sizeof(_struct),				\
		.min_size = offsetofend(_struct, _last),		\
		.flags = (_flags),					\
		.answers = (_answers),					\
		.call = (_call),					\
	}

/* On a tty, and perhaps on others: crr_ioctl() finds its tty_fd. */
#define CRR_TTY_IOCTL(_cmd, _others, _struct, ...)			\
	CRR_IOCTL(_cmd, CRR_ON_TTY | (_others) |			\
		  BUILD_BUG_ON_ZERO(offsetof(_struct, tty_fd) !=	\
				    offsetof(struct crr_status, tty_fd)), \
		  _struct, __VA_ARGS__)

static const struct crr_ioctl crr_ioctls[] = {
	CRR_TTY_IOCTL(CRR_IOC_STATUS,
		      CRR_ON_ANY_TTY | CRR_ON_SESSION | CRR_ON_CLOCK,
		      struct crr_status, guesses, 0, true, crr_ioctl_status),
	CRR_TTY_IOCTL(CRR_IOC_SESSION, 0,
		      struct crr_session_fd, session_fd, 0, true,
		      crr_ioctl_session),
	CRR_TTY_IOCTL(CRR_IOC_CLOCK, 0,
		      struct crr_clock_fd, clock_fd, 0, true, crr_ioctl_clock),
	CRR_TTY_IOCTL(CRR_IOC_COUNTER, CRR_ON_CLOCK,
		      struct crr_counter, next_due, 0, true, crr_ioctl_counter),
	CRR_IOCTL(CRR_IOC_RECORD, CRR_ON_SESSION,
		  struct crr_record_start, buffer_size,
		  CRR_RECORD_FLAGS, false, crr_ioctl_record),
	CRR_IOCTL(CRR_IOC_REPLAY, CRR_ON_SESSION,
		  struct crr_replay_start, __reserved,
		  CRR_REPLAY_MUTE | CRR_REPLAY_GATED | CRR_REPLAY_LIVE |
		  CRR_REPLAY_RECORD, false, crr_ioctl_replay),
	CRR_IOCTL(CRR_IOC_STOP, CRR_ON_SESSION,
		  struct crr_stop, flags, 0, false, crr_ioctl_stop),
	CRR_IOCTL(CRR_IOC_DIVERGENCE, CRR_ON_SESSION,
		  struct crr_divergence, got, 0, true, crr_ioctl_divergence),
	CRR_TTY_IOCTL(CRR_IOC_JOIN, 0,
		      struct crr_join, __reserved, 0, true, crr_ioctl_join),
	CRR_TTY_IOCTL(CRR_IOC_CHECKPOINT_BEGIN, 0,
		      struct crr_checkpoint_begin, next_due, 0, true,
		      crr_ioctl_checkpoint_begin),
	CRR_TTY_IOCTL(CRR_IOC_CHECKPOINT_END, 0,
		      struct crr_checkpoint_end, consumed, 0, true,
		      crr_ioctl_checkpoint_end),
	CRR_TTY_IOCTL(CRR_IOC_MODEM, 0,
		      struct crr_modem, buf_overrun, 0, true, crr_ioctl_modem),
	CRR_TTY_IOCTL(CRR_IOC_MARK, 0,
		      struct crr_mark, label, 0, false, crr_ioctl_mark),
	CRR_TTY_IOCTL(CRR_IOC_SEEK, 0,
		      struct crr_seek, counter, 0, false, crr_ioctl_seek),
	CRR_IOCTL(CRR_IOC_SEEK_ACK, CRR_ON_SESSION,
		  struct crr_seek_ack, sequence, 0, false, crr_ioctl_seek_ack),
};

static u32 crr_target_kind(const struct crr_target *target)
{
	if (target->line)
		return CRR_ON_TTY;
	return target->session ? CRR_ON_SESSION : CRR_ON_CLOCK;
}

/* Write the answer back; then, and only then, a new fd comes to life. */
static int crr_ioctl_answer(struct crr_call *call, const struct crr_ioctl *op,
			    void __user *user, u32 user_size)
{
	if (op->answers &&
	    copy_to_user(user, call->arg, min(user_size, op->size))) {
		if (call->file) {
			put_unused_fd(call->fd);
			fput(call->file);
		}
		return -EFAULT;
	}
	if (call->file)
		fd_install(call->fd, call->file);
	return 0;
}

/**
 * crr_ioctl - an ioctl on any of crr's fds
 * @target: on what
 * @cmd: CRR_IOC_*
 * @user: its struct
 *
 * Returns what ioctl(2) does: &uapi/linux/crr.h.
 */
long crr_ioctl(const struct crr_target *target, unsigned int cmd,
	       void __user *user)
{
	const struct crr_ioctl *op;
	union crr_arg arg;
	struct crr_call call = { .target = target, .arg = &arg };
	u32 kind = crr_target_kind(target);
	unsigned int nr = _IOC_NR(cmd);
	u32 user_size;
	u32 flags;
	int ret;

	if (nr >= ARRAY_SIZE(crr_ioctls) || cmd != _IO(CRR_IOC_TYPE, nr))
		return -ENOTTY;
	op = &crr_ioctls[nr];
	if (!(op->on & kind))
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
	/* The caller's size was read twice, and may have changed. */
	flags = arg.status.flags;
	if (flags & ~op->flags)
		return -EOPNOTSUPP;
	/*
	 * Through which file of a tty it was called is not known here, and may
	 * be one that is open for writing alone: the caller is to have another.
	 */
	call.entitled = kind != CRR_ON_TTY ||
			crr_line_has_file(target->line, arg.status.tty_fd);
	if (!call.entitled && !(op->on & CRR_ON_ANY_TTY))
		return -EBADF;
	/* What cannot be answered is not done. */
	if (op->answers && copy_to_user(user, &arg, min(user_size, op->size)))
		return -EFAULT;
	ret = op->call(&call);
	if (ret)
		return ret;
	/* The size stays what the caller said. */
	arg.status.size = user_size;
	return crr_ioctl_answer(&call, op, user, user_size);
}
