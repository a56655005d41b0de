// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clocks, and the clock fd, through which their pages are mapped.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "clock.h"
#include "clock_fd.h"
#include "ioctl.h"
#include "line.h"
#include "session.h"
#include "state.h"
#include "status.h"

static const struct file_operations crr_clock_fops;

static void crr_clock_free(struct crr_clock *clock)
{
	if (clock->counter_page)
		__free_page(clock->counter_page);
	if (clock->state_page)
		__free_page(clock->state_page);
	crr_uncharge(&clock->charge);
	kfree(clock);
}

static void crr_clock_free_rcu(struct rcu_head *rcu)
{
	crr_clock_free(container_of(rcu, struct crr_clock, rcu));
}

/* A clock with a reference for its first file. */
static struct crr_clock *crr_clock_create(void)
{
	struct crr_clock *clock;

	clock = kzalloc(sizeof(*clock), GFP_KERNEL_ACCOUNT);
	if (!clock)
		return NULL;
	if (crr_charge(&clock->charge, 2 * PAGE_SIZE))
		goto free;
	kref_init(&clock->kref);
	clock->counter_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	clock->state_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!clock->counter_page || !clock->state_page)
		goto free;
	clock->user = page_address(clock->counter_page);
	clock->user->version = CRR_CLOCK_VERSION;
	clock->user->size = sizeof(*clock->user);
	clock->state = page_address(clock->state_page);
	clock->state->version = CRR_CLOCK_VERSION;
	clock->state->size = sizeof(*clock->state);
	crr_clock_publish(clock, CRR_STATE_IDLE, CRR_NEVER);
	return clock;

free:
	crr_clock_free(clock);
	return NULL;
}

/* The last file is gone: nobody can move the counter any more. */
static void crr_clock_release_locked(struct kref *kref)
{
	struct crr_clock *clock = container_of(kref, struct crr_clock, kref);
	struct crr_session *session;

	lockdep_assert_held(&crr_link_lock);

	session = crr_linked(clock->session);
	if (session)
		crr_session_set_clock(session, NULL);
	if (clock->line)
		RCU_INIT_POINTER(clock->line->clock, NULL);
	call_rcu(&clock->rcu, crr_clock_free_rcu);
}

static void crr_clock_put_locked(struct crr_clock *clock)
{
	kref_put(&clock->kref, crr_clock_release_locked);
}

/**
 * crr_clock_open - a new file for the clock of a line
 * @line: the line; its clock, or its session's, is made if there is none
 *
 * Returns the file, or an ERR_PTR: -ENOMEM, -ENFILE.
 */
struct file *crr_clock_open(struct crr_line *line)
{
	struct crr_stream *stream;
	struct crr_session *session;
	struct crr_clock *clock;
	struct file *file;
	bool is_new;

	mutex_lock(&crr_link_lock);
	stream = crr_linked(line->stream);
	session = stream ? stream->session : NULL;
	clock = session ? crr_linked(session->clock) : crr_linked(line->clock);
	is_new = !clock;
	if (is_new)
		clock = crr_clock_create();
	else
		kref_get(&clock->kref);
	file = ERR_PTR(-ENOMEM);
	if (!clock)
		goto unlock;
	/* The file takes over the reference, unless it cannot be made. */
	file = anon_inode_getfile("[crr-clock]", &crr_clock_fops, clock,
				  O_RDWR);
	if (IS_ERR(file)) {
		crr_clock_put_locked(clock);
	} else if (is_new) {
		clock->line = line;
		rcu_assign_pointer(line->clock, clock);
		if (session)
			crr_session_set_clock(session, clock);
	}
unlock:
	mutex_unlock(&crr_link_lock);
	return file;
}

/* The clock's session, with a reference, or NULL. */
static struct crr_session *crr_clock_session(struct crr_clock *clock)
{
	struct crr_session *session;

	rcu_read_lock();
	session = rcu_dereference(clock->session);
	if (session && !kref_get_unless_zero(&session->kref))
		session = NULL;
	rcu_read_unlock();
	return session;
}

/*
 * Page tables are filled here, and again after madvise(MADV_DONTNEED), with the
 * page that crr_clock_mmap() chose. The mapping's file holds it.
 */
static vm_fault_t crr_clock_fault(struct vm_fault *vmf)
{
	vmf->page = vmf->vma->vm_private_data;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct crr_clock_vm_ops = {
	.fault	= crr_clock_fault,
};

static int crr_clock_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct crr_clock *clock = file->private_data;
	struct page *page;

	if (vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	/* A private mapping of the counter would be written without effect. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	switch ((u64)vma->vm_pgoff << PAGE_SHIFT) {
	case CRR_CLOCK_COUNTER_OFFSET:
		page = clock->counter_page;
		vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
		break;
	case CRR_CLOCK_STATE_OFFSET:
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		page = clock->state_page;
		vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYWRITE | VM_MAYEXEC);
		break;
	default:
		return -EINVAL;
	}
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	vma->vm_ops = &crr_clock_vm_ops;
	vma->vm_private_data = page;
	return 0;
}

static int crr_clock_status(struct crr_call *call)
{
	struct crr_status *status = &call->arg->status;
	struct crr_session *session = crr_clock_session(call->target);

	crr_status_clear(status);
	if (session) {
		mutex_lock(&session->lock);
		crr_session_status(session, status);
		mutex_unlock(&session->lock);
		crr_session_put(session);
	}
	return 0;
}

static int crr_clock_count(struct crr_call *call)
{
	struct crr_counter *arg = &call->arg->counter;
	struct crr_session *session;
	int ret = 0;

	if (arg->__reserved)
		return -EINVAL;
	arg->next_due = CRR_NEVER;
	session = crr_clock_session(call->target);
	if (session) {
		ret = crr_session_count(session, arg->counter, &arg->next_due);
		crr_session_put(session);
	} else {
		crr_clock_set(call->target, arg->counter);
	}
	return ret;
}

static const struct crr_ioctl crr_clock_table[] = {
	CRR_IOCTL(CRR_IOC_STATUS, struct crr_status, guesses, crr_clock_status,
		  .answers = true),
	CRR_IOCTL(CRR_IOC_COUNTER, struct crr_counter, next_due,
		  crr_clock_count, .answers = true),
};

static const struct crr_ioctls crr_clock_ioctls = {
	.table = crr_clock_table,
	.n = ARRAY_SIZE(crr_clock_table),
};

static long crr_clock_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	return crr_ioctl(&crr_clock_ioctls, file->private_data, cmd,
			 (void __user *)arg);
}

/* /proc/PID/fdinfo/FD. Shows only the page that no user can write. */
static void crr_clock_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct crr_clock *clock = file->private_data;

	seq_printf(m, "crr-state:\t%s\n",
		   crr_state_name(READ_ONCE(clock->state->state)));
	seq_printf(m, "crr-session:\t%d\n",
		   !!rcu_access_pointer(clock->session));
}

static int crr_clock_release(struct inode *inode, struct file *file)
{
	struct crr_clock *clock = file->private_data;

	mutex_lock(&crr_link_lock);
	crr_clock_put_locked(clock);
	mutex_unlock(&crr_link_lock);
	return 0;
}

static const struct file_operations crr_clock_fops = {
	.owner		= THIS_MODULE,
	.release	= crr_clock_release,
	.mmap		= crr_clock_mmap,
	.unlocked_ioctl	= crr_clock_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= crr_clock_show_fdinfo,
	.llseek		= noop_llseek,
};
