// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock: a page into which the emulator stores its counter, and one from
 * which it learns when to look at the line, so that its idle loop makes no
 * system call.
 *
 * The counter's page is the emulator's to write, at any time and from any
 * thread. It is read whole, once per use, and is never more than a number
 * that goes into that emulator's own records.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "crr.h"

static const struct file_operations crr_clock_fops;

/* A clock without a file yet: crr_clock_file() gives it one, or frees it. */
struct crr_clock *crr_clock_create(void)
{
	struct crr_clock *clock;

	clock = kzalloc(sizeof(*clock), GFP_KERNEL_ACCOUNT);
	if (!clock)
		return NULL;
	if (crr_charge(&clock->charge, 2 * PAGE_SIZE)) {
		kfree(clock);
		return NULL;
	}
	kref_init(&clock->kref);
	clock->counter_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	clock->state_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!clock->counter_page || !clock->state_page) {
		if (clock->counter_page)
			__free_page(clock->counter_page);
		if (clock->state_page)
			__free_page(clock->state_page);
		crr_uncharge(&clock->charge);
		kfree(clock);
		return NULL;
	}
	clock->user = page_address(clock->counter_page);
	clock->user->version = CRR_CLOCK_VERSION;
	clock->user->size = sizeof(*clock->user);
	clock->state = page_address(clock->state_page);
	clock->state->version = CRR_CLOCK_VERSION;
	clock->state->size = sizeof(*clock->state);
	crr_clock_publish(clock, CRR_STATE_IDLE, CRR_NEVER);
	return clock;
}

static void crr_clock_free(struct rcu_head *rcu)
{
	struct crr_clock *clock = container_of(rcu, struct crr_clock, rcu);

	__free_page(clock->counter_page);
	__free_page(clock->state_page);
	crr_uncharge(&clock->charge);
	kfree(clock);
}

/* The last file has gone: nobody can move the counter any more. */
static void crr_clock_release_locked(struct kref *kref)
{
	struct crr_clock *clock = container_of(kref, struct crr_clock, kref);
	struct crr_session *session;

	lockdep_assert_held(&crr_link_lock);

	session = rcu_dereference_protected(clock->session,
					    lockdep_is_held(&crr_link_lock));
	if (session)
		crr_session_set_clock(session, NULL);
	if (clock->line)
		RCU_INIT_POINTER(clock->line->clock, NULL);
	call_rcu(&clock->rcu, crr_clock_free);
}

void crr_clock_put_locked(struct crr_clock *clock)
{
	kref_put(&clock->kref, crr_clock_release_locked);
}

/*
 * A new file for the clock, which takes over the caller's reference; that is
 * given back if there is no file to be had.
 */
struct file *crr_clock_file(struct crr_clock *clock)
{
	struct file *file;

	lockdep_assert_held(&crr_link_lock);

	file = anon_inode_getfile("[crr-clock]", &crr_clock_fops, clock,
				  O_RDWR);
	if (IS_ERR(file))
		crr_clock_put_locked(clock);
	return file;
}

/* The clock's session, with a reference, or NULL. */
struct crr_session *crr_clock_session(struct crr_clock *clock)
{
	struct crr_session *session;

	rcu_read_lock();
	session = rcu_dereference(clock->session);
	if (session && !kref_get_unless_zero(&session->kref))
		session = NULL;
	rcu_read_unlock();
	return session;
}

void crr_clock_set(struct crr_clock *clock, u64 counter)
{
	WRITE_ONCE(clock->user->counter, counter);
}

/* The emulator is to look at the line. Called from anywhere, by many. */
void crr_clock_input(struct crr_clock *clock)
{
	atomic64_inc((atomic64_t *)&clock->state->rx_seq);
}

void crr_clock_publish(struct crr_clock *clock, enum crr_state state,
		       u64 next_due)
{
	WRITE_ONCE(clock->state->state, state);
	WRITE_ONCE(clock->state->diverged, state == CRR_STATE_DIVERGED);
	/* Last: who finds it due finds the state that it belongs to. */
	smp_store_release(&clock->state->next_due, next_due);
}

/*
 * Page tables are filled here, and again after madvise(MADV_DONTNEED): with the
 * page that crr_clock_mmap() has let in, and which the mapping's file holds.
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

static long crr_clock_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct crr_target target = { .clock = file->private_data };

	return crr_ioctl(&target, cmd, (void __user *)arg);
}

/* /proc/PID/fdinfo/FD. The page is not the reader's, and nobody's to write. */
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
