// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines: everything that the module asks of a tty on which N_CRR is open.
 *
 * The state of N_TTY is only asked for, never computed.
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/tty_driver.h>

#include "line.h"

/* N_TTY's own operations. */
struct tty_ldisc_ops crr_n_tty;

/*
 * tty->disc_data belongs to N_TTY, so lines are found by their tty. The line of
 * a running callback stays, but its neighbours in the list come and go: hence
 * RCU.
 */
DEFINE_HASHTABLE(crr_lines, CRR_LINES_BITS);
static DEFINE_SPINLOCK(crr_lines_lock); /* protects changes */

/* The line of a tty in whose callback we are; NULL before open. */
struct crr_line *crr_line_find(struct tty_struct *tty)
{
	struct crr_line *line;

	rcu_read_lock_sched();
	line = crr_line_find_rcu(tty);
	rcu_read_unlock_sched();
	return line;
}

void crr_line_add(struct crr_line *line)
{
	spin_lock(&crr_lines_lock);
	hash_add_rcu(crr_lines, &line->node, (unsigned long)line->tty);
	spin_unlock(&crr_lines_lock);
}

void crr_line_remove(struct crr_line *line)
{
	spin_lock(&crr_lines_lock);
	hash_del_rcu(&line->node);
	spin_unlock(&crr_lines_lock);
}

/* Wake all sleepers and pollers of the tty. */
void crr_line_wake(struct crr_line *line)
{
	struct tty_struct *tty = line->tty;

	kill_fasync(&tty->fasync, SIGIO, POLL_IN);
	wake_up_interruptible_poll(&tty->read_wait,
				   EPOLLIN | EPOLLRDNORM | EPOLLERR);
	wake_up_interruptible_poll(&tty->write_wait, EPOLLOUT | EPOLLWRNORM);
}

/*
 * Wake all sleepers of the tty, and the pollers that wait for these events. As
 * they look at the session after they have queued, none of them is missed.
 */
void crr_line_notify(struct crr_line *line, __poll_t events)
{
	struct tty_struct *tty = line->tty;

	if (events & (EPOLLIN | EPOLLHUP) && wq_has_sleeper(&tty->read_wait))
		wake_up_interruptible_poll(&tty->read_wait, events);
	if (events & EPOLLOUT && wq_has_sleeper(&tty->write_wait))
		wake_up_interruptible_poll(&tty->write_wait, events);
}

/* Send SIGIO with POLL_IN or POLL_OUT. Returns false if nobody asked for it. */
bool crr_line_signal(struct crr_line *line, int band)
{
	struct fasync_struct **fasync = &line->tty->fasync;

	if (!READ_ONCE(*fasync))
		return false;
	kill_fasync(fasync, SIGIO, band);
	return true;
}

/*
 * Wake operations that sleep, and no pollers: a poller does not ask for this
 * event, which no driver sends.
 */
void crr_line_wake_sleepers(struct crr_line *line)
{
	struct tty_struct *tty = line->tty;

	wake_up_interruptible_poll(&tty->read_wait, EPOLLMSG);
	wake_up_interruptible_poll(&tty->write_wait, EPOLLMSG);
}

/* Discard N_TTY's input, unless the line is being closed. */
void crr_line_flush(struct crr_line *line)
{
	struct tty_struct *tty = line->tty;
	struct tty_ldisc *ld = tty_ldisc_ref(tty);

	if (!ld)
		return;
	crr_n_tty.flush_buffer(tty);
	tty_unthrottle(tty);
	tty_ldisc_deref(ld);
}

/* Fill in a STREAM record. */
void crr_line_describe(struct crr_line *line, struct crr_record *rec)
{
	struct tty_struct *tty = line->tty;
	/*
	 * For people only: not worth termios_rwsem, which a read may hold for
	 * as long as its user likes.
	 */
	const struct ktermios termios = data_race(tty->termios);

	rec->termios.iflag = termios.c_iflag;
	rec->termios.oflag = termios.c_oflag;
	rec->termios.cflag = termios.c_cflag;
	rec->termios.lflag = termios.c_lflag;
	rec->termios.ispeed = termios.c_ispeed;
	rec->termios.ospeed = termios.c_ospeed;
	rec->data = tty_name(tty);
	rec->data_length = strnlen(tty_name(tty), CRR_STREAM_NAME_MAX);
}

/*
 * Whether the line is hung up, or being hung up: the tty core fails the
 * emulator's calls before it calls ->hangup().
 */
bool crr_line_hangs_up(struct crr_line *line)
{
	return READ_ONCE(line->hung_up) ||
	       test_bit(TTY_HUPPING, &line->tty->flags);
}

bool crr_line_is_master(struct crr_line *line)
{
	const struct tty_driver *driver = line->tty->driver;

	return driver->type == TTY_DRIVER_TYPE_PTY &&
	       driver->subtype == PTY_TYPE_MASTER;
}

/* Whether it is the controlling terminal of a session of processes. */
bool crr_line_is_controlling(struct crr_line *line)
{
	return crr_tty_session(line->tty);
}

/*
 * Whether this fd is a file of this tty, open for reading and writing. A file
 * that has been hung up belongs to a former user, but is still in the tty's
 * list.
 */
bool crr_line_has_file(struct crr_line *line, int fd)
{
	const fmode_t both = FMODE_READ | FMODE_WRITE;
	struct tty_struct *tty = line->tty;
	struct tty_file_private *priv;
	struct file *file = fget(fd);
	bool found = false;

	if (!file)
		return false;
	spin_lock(&tty->files_lock);
	list_for_each_entry(priv, &tty->tty_files, list) {
		if (priv->file == file) {
			found = (file->f_mode & both) == both &&
				!tty_hung_up_p(file);
			break;
		}
	}
	spin_unlock(&tty->files_lock);
	fput(file);
	return found;
}

/*
 * Sleep until something has changed: every change wakes the tty's queues, and
 * so does TIOCSETD, which waits for us to leave.
 *
 * Returns 0, or why the caller must not wait any more: -EIO after a hangup,
 * -EAGAIN for TIOCSETD, -ERESTARTSYS for a signal.
 */
int crr_line_wait(struct crr_line *line, struct wait_queue_entry *wait)
{
	if (READ_ONCE(line->hung_up))
		return -EIO;
	if (test_bit(TTY_LDISC_CHANGING, &line->tty->flags))
		return -EAGAIN;
	if (signal_pending(current))
		return -ERESTARTSYS;
	wait_woken(wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	return 0;
}
