/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the models share. Spin's preprocessor is C's; comments are C's too.
 *
 * Each model says in its head which functions it stands for, with a checksum of
 * their text when somebody last compared them:
 *
 *	models FILE FUNCTION CHECKSUM
 *
 * and which ways of breaking it must be found, and as what:
 *
 *	break NAME (assertion|end state)
 *
 * See selftests/rig/model. A process that has nothing left to wait for, and
 * waits, is an invalid end state: that is how deadlocks and lost wake-ups are
 * found. Where sleeping is right it says so (end_), and what must hold then is
 * asserted on timeout.
 */

/* Mutexes and spinlocks. */
#define take(lock)	atomic { !lock; lock = true }
#define give(lock)	lock = false

/*
 * Wait queues, one entry for each process: add_wait_queue() and the flag that
 * woken_wake_function() sets, which wait_woken() clears. prepare_to_wait() is
 * no other: who is woken before it schedules does not sleep.
 */
#define add_wait(me)	atomic { queued[me] = true; woken[me] = false }
#define remove_wait(me)	queued[me] = false
#define wake(who)	woken[who] = woken[who] || queued[who]
