// SPDX-License-Identifier: GPL-2.0-only
/*
 * One fault of each kind that the debug kernels are there to find, committed
 * when its name is written to the module's parameter "planted". Linked into the
 * module itself, so that it is compiled, named and traced as the module is, and
 * has to do with the module's own objects and locks.
 *
 * selftests/rig/planted builds it, and sees each of them found.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "../gate.h"
#include "../line.h"
#include "../queue.h"
#include "../session.h"
#include "../state.h"

static struct crr_gate crr_planted_gate;
static DEFINE_MUTEX(crr_planted_lock);
static struct crr_line crr_planted_line;
static struct crr_queued *crr_planted_queued;
static u64 crr_planted_result;

/* What the compiler cannot know. */
static u32 crr_planted_number(u32 number)
{
	OPTIMIZER_HIDE_VAR(number);
	return number;
}

/* A record of five bytes, which the compiler cannot do without. */
static struct crr_queued *crr_planted_record(void)
{
	WRITE_ONCE(crr_planted_queued,
		   kzalloc(sizeof(struct crr_queued) + 5, GFP_KERNEL_ACCOUNT));
	return READ_ONCE(crr_planted_queued);
}

/* ---- Memory ---- */

static void crr_plant_use_after_free(void)
{
	struct crr_queued *queued = crr_planted_record();

	crr_queued_free(queued);
	WRITE_ONCE(crr_planted_result, queued->rec.type);
}

static void crr_plant_double_free(void)
{
	crr_queued_free(crr_planted_record());
	kfree(READ_ONCE(crr_planted_queued));
}

static void crr_plant_out_of_bounds(void)
{
	struct crr_queued *queued = crr_planted_record();

	queued->bytes[crr_planted_number(5)] = 1;
	crr_queued_free(queued);
}

static void crr_plant_stack_out_of_bounds(void)
{
	u64 numbers[2] = {};
	u64 *at = numbers;

	OPTIMIZER_HIDE_VAR(at);
	WRITE_ONCE(crr_planted_result, at[crr_planted_number(2)]);
}

static void crr_plant_leak(void)
{
	crr_planted_record();
	WRITE_ONCE(crr_planted_queued, NULL);
}

static void crr_plant_held_module(void)
{
	__module_get(THIS_MODULE);
}

static void crr_plant_null(void)
{
	WRITE_ONCE(crr_planted_queued, NULL);
	WRITE_ONCE(crr_planted_result, READ_ONCE(crr_planted_queued)->rec.type);
}

static void crr_plant_reference(void)
{
	struct kref kref;

	kref_init(&kref);
	refcount_dec(&kref.refcount);
}

static void crr_plant_list(void)
{
	struct crr_queued queued;
	LIST_HEAD(list);

	list_add(&queued.cursor, &list);
	INIT_LIST_HEAD(&list);
	list_del(&queued.cursor);
}

/* ---- Numbers ---- */

static void crr_plant_shift(void)
{
	WRITE_ONCE(crr_planted_result, 1U << crr_planted_number(40));
}

static void crr_plant_bounds(void)
{
	struct crr_divergence divergence = {};
	u32 at = crr_planted_number(ARRAY_SIZE(divergence.expected));

	WRITE_ONCE(crr_planted_result, divergence.expected[at]);
}

/* ---- Locks ---- */

static void crr_plant_sleep_in_atomic(void)
{
	spin_lock(&crr_planted_gate.lock);
	mutex_lock(&crr_link_lock);
	mutex_unlock(&crr_link_lock);
	spin_unlock(&crr_planted_gate.lock);
}

static void crr_plant_inversion(void)
{
	mutex_lock(&crr_link_lock);
	mutex_lock(&crr_planted_lock);
	mutex_unlock(&crr_planted_lock);
	mutex_unlock(&crr_link_lock);

	mutex_lock(&crr_planted_lock);
	mutex_lock(&crr_link_lock);
	mutex_unlock(&crr_link_lock);
	mutex_unlock(&crr_planted_lock);
}

static void crr_plant_held_lock(void)
{
	mutex_lock(&crr_link_lock);
}

/* ---- RCU ---- */

static void crr_plant_unlocked_rcu(void)
{
	WRITE_ONCE(crr_planted_result,
		   !rcu_dereference(crr_planted_line.stream));
}

static void crr_plant_sleep_in_rcu(void)
{
	rcu_read_lock();
	mutex_lock(&crr_link_lock);
	mutex_unlock(&crr_link_lock);
	rcu_read_unlock();
}

static void crr_plant_rcu_stall(void)
{
	unsigned long end = jiffies + 20 * HZ;

	rcu_read_lock();
	while (time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
}

/* ---- Objects in use ---- */

static void crr_planted_expired(struct timer_list *timer)
{
}

static void crr_plant_active_timer(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	timer_setup(timer, crr_planted_expired, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void crr_planted_freed(struct rcu_head *rcu)
{
}

static void crr_plant_double_call_rcu(void)
{
	static struct rcu_head rcu;

	call_rcu(&rcu, crr_planted_freed);
	call_rcu(&rcu, crr_planted_freed);
}

/* ---- Time ---- */

static void crr_plant_hung_task(void)
{
	schedule_timeout_uninterruptible(20 * HZ);
}

static void crr_plant_lockup(void)
{
	unsigned long end = jiffies + 20 * HZ;

	preempt_disable();
	while (time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
}

/* ---- Races ---- */

static int crr_planted_count(void *unused)
{
	unsigned long end = jiffies + 10 * HZ;

	while (time_before(jiffies, end)) {
		crr_planted_gate.consumed++;
		/* Or the compiler would count in a register. */
		barrier();
		cond_resched();
	}
	return 0;
}

static void crr_plant_race(void)
{
	struct task_struct *task;

	task = kthread_create(crr_planted_count, NULL, "crr_planted");
	if (IS_ERR(task))
		return;
	get_task_struct(task);
	wake_up_process(task);
	crr_planted_count(NULL);
	kthread_stop(task);
	put_task_struct(task);
}

/* ---- Which one ---- */

#define PLANTED(_name)	{ #_name, crr_plant_##_name }

static const struct {
	const char *name;
	void (*commit)(void);
} crr_planted_faults[] = {
	PLANTED(use_after_free),
	PLANTED(double_free),
	PLANTED(out_of_bounds),
	PLANTED(stack_out_of_bounds),
	PLANTED(leak),
	PLANTED(held_module),
	PLANTED(null),
	PLANTED(reference),
	PLANTED(list),
	PLANTED(shift),
	PLANTED(bounds),
	PLANTED(sleep_in_atomic),
	PLANTED(inversion),
	PLANTED(held_lock),
	PLANTED(unlocked_rcu),
	PLANTED(sleep_in_rcu),
	PLANTED(rcu_stall),
	PLANTED(active_timer),
	PLANTED(double_call_rcu),
	PLANTED(hung_task),
	PLANTED(lockup),
	PLANTED(race),
};

static int crr_planted_set(const char *value, const struct kernel_param *param)
{
	int i;

	crr_gate_init(&crr_planted_gate);
	for (i = 0; i < ARRAY_SIZE(crr_planted_faults); i++) {
		if (!sysfs_streq(value, crr_planted_faults[i].name))
			continue;
		crr_planted_faults[i].commit();
		return 0;
	}
	return sysfs_streq(value, "none") ? 0 : -EINVAL;
}

static const struct kernel_param_ops crr_planted_ops = {
	.set = crr_planted_set,
};
module_param_cb(planted, &crr_planted_ops, NULL, 0200);
