// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line discipline N_CRR: N_TTY, except on ttys in a session that records or
 * replays. Callbacks that are not wrapped here are N_TTY's own.
 */
#include <linux/compat.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/tty.h>

#include "callbacks.h"
#include "clock.h"
#include "ioctl.h"
#include "ldisc.h"
#include "line.h"
#include "session.h"
#include "state.h"

/* Called by the tty core for ioctls that neither it nor the driver knows. */
static int crr_ldisc_ioctl(struct tty_struct *tty, CRR_FILE_PARAMETER
			   unsigned int cmd, unsigned long arg)
{
	struct crr_line *line = crr_line_find(tty);
	int ret;

	/* Never -ENOIOCTLCMD: for 32-bit callers the core would call again. */
	if (_IOC_TYPE(cmd) == CRR_IOC_TYPE)
		return crr_ioctl(&crr_tty_ioctls, line, cmd,
				 (void __user *)arg);
	switch (cmd) {
	case TIOCINQ:
		return crr_line_queue(line, CRR_FILE cmd, CRR_TYPE_INQ, arg);
	case TIOCOUTQ:
		return crr_line_queue(line, CRR_FILE cmd, CRR_TYPE_OUTQ, arg);
	default:
		ret = crr_n_tty.ioctl(tty, CRR_FILE cmd, arg);
		/* It may have asked for SIGIO, which nothing else tells us. */
		crr_session_wake_pollers(line);
		return ret;
	}
}

/* The structs are the same. Other ioctls go N_TTY's way. */
static int crr_ldisc_compat_ioctl(struct tty_struct *tty, CRR_FILE_PARAMETER
				  unsigned int cmd, unsigned long arg)
{
	if (_IOC_TYPE(cmd) != CRR_IOC_TYPE)
		return -ENOIOCTLCMD;
	return crr_ldisc_ioctl(tty, CRR_FILE cmd,
			       (unsigned long)compat_ptr(arg));
}

/* ---- From the driver ---- */

/* Something has happened that the emulator should look at. */
static void crr_line_input(struct crr_line *line)
{
	struct crr_stream *stream;
	struct crr_clock *clock;

	if (!rcu_access_pointer(line->stream) &&
	    !rcu_access_pointer(line->clock))
		return;
	rcu_read_lock();
	stream = rcu_dereference(line->stream);
	clock = stream ? rcu_dereference(stream->session->clock) :
			 rcu_dereference(line->clock);
	if (clock && (!stream || READ_ONCE(stream->session->state) <=
				 CRR_STATE_RECORDING))
		crr_clock_input(clock);
	rcu_read_unlock();
}

/* Whether to discard the device's input. */
static bool crr_line_discards(struct crr_line *line, size_t count)
{
	struct crr_stream *stream;
	bool discards = false;

	rcu_read_lock();
	stream = rcu_dereference(line->stream);
	if (stream && READ_ONCE(stream->session->state) >=
		      CRR_STATE_REPLAYING) {
		discards = true;
		/* Only for people: a lost increment does no harm. */
		data_race(stream->session->replayer.discarded += count);
	}
	rcu_read_unlock();
	return discards;
}

/* Called from the flip buffer's work, or by TIOCSTI; may sleep. */
static void crr_ldisc_receive_buf(struct tty_struct *tty, const u8 *cp,
				  crr_flag_t *fp, crr_count_t count)
{
	struct crr_line *line = crr_line_find(tty);

	if (crr_line_discards(line, count))
		return;
	crr_n_tty.receive_buf(tty, cp, fp, count);
	atomic64_add(count, &line->received);
	crr_line_input(line);
}

static crr_count_t crr_ldisc_receive_buf2(struct tty_struct *tty,
					  const u8 *cp, crr_flag_t *fp,
					  crr_count_t count)
{
	struct crr_line *line = crr_line_find(tty);
	crr_count_t n;

	if (crr_line_discards(line, count))
		return count;
	n = crr_n_tty.receive_buf2(tty, cp, fp, count);
	atomic64_add(n, &line->received);
	crr_line_input(line);
	return n;
}

/* XON and XOFF ahead of other input; discarded with the rest. */
static void crr_ldisc_lookahead_buf(struct tty_struct *tty, const u8 *cp,
				    const u8 *fp, crr_lookahead_t count)
{
	if (!crr_line_discards(crr_line_find(tty), 0))
		crr_lookahead(&crr_n_tty)(tty, cp, fp, count);
}

static void crr_ldisc_flush_buffer(struct tty_struct *tty)
{
	crr_n_tty.flush_buffer(tty);
	crr_line_input(crr_line_find(tty));
}

/* Called under termios_rwsem. Input may have become lines, or the reverse. */
static void crr_ldisc_set_termios(struct tty_struct *tty, crr_ktermios_t *old)
{
	struct crr_line *line = crr_line_find(tty);

	crr_n_tty.set_termios(tty, old);
	/* N_TTY's own open calls this before there is a line. */
	if (!line)
		return;
	WRITE_ONCE(line->undescribed, true);
	crr_line_input(line);
}

/* ---- Attach and detach ---- */

/*
 * From now on the tty core answers reads and writes by stubs of its own.
 * Operations in flight end, and then close is called.
 */
static crr_hangup_t crr_ldisc_hangup(struct tty_struct *tty)
{
	struct crr_line *line = crr_line_find(tty);

	WRITE_ONCE(line->hung_up, true);
	crr_line_wake(line);
	crr_line_input(line);
	return (crr_hangup_t)0;
}

/*
 * Called with the ldisc semaphore held for writing. Like N_TTY's own it must
 * fail only for want of memory: after a hangup the tty core calls it in the
 * open(2) of somebody who has never heard of crr.
 */
static int crr_ldisc_open(struct tty_struct *tty)
{
	struct crr_line *line;
	int ret;

	line = kzalloc(sizeof(*line), GFP_KERNEL_ACCOUNT);
	if (!line)
		return -ENOMEM;
	line->tty = tty;
	mutex_init(&line->read_lock);
	ret = -ENOMEM;
	line->read = crr_read_alloc();
	if (!line->read)
		goto free_line;
	ret = crr_n_tty.open(tty);
	if (ret)
		goto free_read;
	crr_line_add(line);
	return 0;

free_read:
	kfree(line->read);
free_line:
	kfree(line);
	return ret;
}

/* Called with the ldisc semaphore held for writing: nothing is in flight. */
static void crr_ldisc_close(struct tty_struct *tty)
{
	struct crr_line *line = crr_line_find(tty);

	crr_session_line_left(line);
	crr_line_remove(line);
	crr_n_tty.close(tty);
	kfree(line->read);
	kfree_rcu(line, rcu);
}

static struct tty_ldisc_ops crr_ldisc;

/**
 * crr_ldisc_register - register the line discipline
 * @number: its number
 *
 * Returns 0 or -EINVAL.
 */
int crr_ldisc_register(int number)
{
	n_tty_inherit_ops(&crr_n_tty);
	crr_ldisc = crr_n_tty;
	crr_ldisc.owner = THIS_MODULE;
	crr_ldisc.num = number;
	crr_ldisc.name = "n_crr";
	crr_ldisc.open = crr_ldisc_open;
	crr_ldisc.close = crr_ldisc_close;
	crr_ldisc.flush_buffer = crr_ldisc_flush_buffer;
	crr_ldisc.read = crr_ldisc_read;
	crr_ldisc.write = crr_ldisc_write;
	crr_ldisc.ioctl = crr_ldisc_ioctl;
	crr_ldisc.compat_ioctl = crr_ldisc_compat_ioctl;
	crr_ldisc.set_termios = crr_ldisc_set_termios;
	crr_ldisc.poll = crr_ldisc_poll;
	crr_ldisc.hangup = crr_ldisc_hangup;
	crr_ldisc.receive_buf = crr_ldisc_receive_buf;
	crr_ldisc.receive_buf2 = crr_ldisc_receive_buf2;
	crr_set_lookahead(&crr_ldisc, crr_ldisc_lookahead_buf);
	return crr_tty_register(&crr_ldisc);
}

void crr_ldisc_unregister(void)
{
	crr_tty_unregister(&crr_ldisc);
}
