// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions, and marks: FIONREAD, TIOCOUTQ, CRR_IOC_MODEM, CRR_IOC_MARK.
 *
 * What is answered from outside is recorded, and answered from the log in
 * replay. Neither waits for anything but buffer space, or the feeder.
 */
#include <linux/serial.h>
#include <linux/uaccess.h>

#include "callbacks.h"
#include "line.h"
#include "operation.h"
#include "queue.h"
#include "recorder.h"
#include "state.h"

/* It begins. As crr_session_decide(), or an errno for ioctl(2). */
static int crr_line_ask(struct crr_line *line, struct crr_op *op,
			const u8 *label, u32 length)
{
	struct tty_struct *tty = line->tty;
	int decision;

	op->stream = crr_operation_begin(tty, &line);
	if (!op->stream)
		return CRR_PASS;
	decision = crr_operation_decide(line, op,
					crr_type_is_inbound(op->type) ?
				 &tty->read_wait : &tty->write_wait,
				 label, length);
	return decision == -ERESTARTSYS ? -EINTR : decision;
}

/* It ends. */
static void crr_line_asked(struct crr_line *line, struct crr_op *op)
{
	crr_queued_free(op->queued);
	crr_operation_end(line, op->stream);
}

/* FIONREAD and TIOCOUTQ: N_TTY's answer goes to the user, and then to us. */
int crr_line_queue(struct crr_line *line, CRR_FILE_PARAMETER
		   unsigned int cmd, u16 type, unsigned long arg)
{
	struct crr_op op = {
		.type = type,
		/* Without buffer space, what is there cannot be had. */
		.nowait = type == CRR_TYPE_INQ,
	};
	int __user *answer = (int __user *)arg;
	struct crr_record rec = { .type = type };
	int decision, ret, n;

	decision = crr_line_ask(line, &op, NULL, 0);
	switch (decision) {
	case CRR_PASS:
		ret = crr_n_tty.ioctl(line->tty, CRR_FILE cmd, arg);
		break;
	case CRR_RECORD:
		ret = crr_n_tty.ioctl(line->tty, CRR_FILE cmd, arg);
		if (!ret)
			ret = get_user(n, answer);
		if (ret) {
			crr_recorder_cancel(&op);
			break;
		}
		rec.value = max(n, 0);
		if (type == CRR_TYPE_INQ)
			ret = put_user(crr_recorder_inq_done(&op, rec.value),
				       answer);
		else
			crr_recorder_answer_done(&op, &rec);
		break;
	case CRR_REPLAY:
		ret = put_user(op.queued->rec.value, answer);
		break;
	case CRR_RESULT:
		ret = op.result < 0 ? op.result : put_user(op.result, answer);
		break;
	default:
		ret = decision;
		break;
	}
	crr_line_asked(line, &op);
	return ret;
}

/* Modem lines and counts, as the driver has them. */
static void crr_device_modem(struct tty_struct *tty, struct crr_record *rec)
{
	const struct tty_operations *ops = tty->ops;
	struct serial_icounter_struct count = {};
	int lines = ops->tiocmget ? ops->tiocmget(tty) : -ENOTTY;

	if (lines < 0) {
		/* What never leaves the kernel is not for a log, either. */
		rec->modem.error = lines < -CRR_ERRNO_MAX ? EIO : -lines;
		return;
	}
	rec->modem.lines = lines;
	if (!ops->get_icount || ops->get_icount(tty, &count))
		return;
	rec->modem.facts = CRR_MODEM_COUNTS;
	rec->modem.counts[0] = count.cts;
	rec->modem.counts[1] = count.dsr;
	rec->modem.counts[2] = count.rng;
	rec->modem.counts[3] = count.dcd;
	rec->modem.counts[4] = count.rx;
	rec->modem.counts[5] = count.tx;
	rec->modem.counts[6] = count.frame;
	rec->modem.counts[7] = count.overrun;
	rec->modem.counts[8] = count.parity;
	rec->modem.counts[9] = count.brk;
	rec->modem.counts[10] = count.buf_overrun;
}

/**
 * crr_line_modem - CRR_IOC_MODEM
 * @line: the line
 * @modem: out
 *
 * Returns what CRR_IOC_MODEM does.
 */
int crr_line_modem(struct crr_line *line, struct crr_modem *modem)
{
	struct crr_op op = { .type = CRR_TYPE_MODEM };
	struct crr_record rec = { .type = CRR_TYPE_MODEM };
	int ret;

	ret = crr_line_ask(line, &op, NULL, 0);
	switch (ret) {
	case CRR_PASS:
		crr_device_modem(line->tty, &rec);
		ret = 0;
		break;
	case CRR_RECORD:
		crr_device_modem(line->tty, &rec);
		crr_recorder_answer_done(&op, &rec);
		ret = 0;
		break;
	case CRR_REPLAY:
		rec = op.queued->rec;
		ret = 0;
		break;
	case CRR_RESULT:
		ret = op.result;
		break;
	default:
		break;
	}
	if (!ret)
		ret = -(int)rec.modem.error;
	modem->lines = rec.modem.lines;
	modem->facts = rec.modem.facts;
	modem->cts = rec.modem.counts[0];
	modem->dsr = rec.modem.counts[1];
	modem->rng = rec.modem.counts[2];
	modem->dcd = rec.modem.counts[3];
	modem->rx = rec.modem.counts[4];
	modem->tx = rec.modem.counts[5];
	modem->frame = rec.modem.counts[6];
	modem->overrun = rec.modem.counts[7];
	modem->parity = rec.modem.counts[8];
	modem->brk = rec.modem.counts[9];
	modem->buf_overrun = rec.modem.counts[10];
	crr_line_asked(line, &op);
	return ret;
}

/**
 * crr_line_mark - CRR_IOC_MARK
 * @line: the line
 * @mark: the mark, whose label is valid
 *
 * Returns what CRR_IOC_MARK does.
 */
int crr_line_mark(struct crr_line *line, const struct crr_mark *mark)
{
	struct crr_op op = { .type = CRR_TYPE_MARK };
	struct crr_record rec = {
		.type = CRR_TYPE_MARK,
		.data = mark->label,
		.data_length = mark->length,
	};
	int ret;

	ret = crr_line_ask(line, &op, mark->label, mark->length);
	switch (ret) {
	case CRR_RECORD:
		crr_recorder_answer_done(&op, &rec);
		fallthrough;
	case CRR_PASS:
	case CRR_REPLAY:
		ret = 0;
		break;
	case CRR_RESULT:
		ret = op.result;
		break;
	default:
		break;
	}
	crr_line_asked(line, &op);
	return ret;
}
