// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queries, values and marks: FIONREAD, TIOCOUTQ, CRR_IOC_MODEM, CRR_IOC_VALUE,
 * CRR_IOC_MARK.
 *
 * The answers come from outside the emulator, so they are recorded, and come
 * from the log in replay. A query waits for nothing but buffer space or the
 * feeder.
 */
#include <linux/serial.h>
#include <linux/uaccess.h>

#include "callbacks.h"
#include "line.h"
#include "operation.h"
#include "queue.h"
#include "recorder.h"
#include "state.h"

/*
 * Begin a query: what crr_operation_decide() returns, or, if that is that
 * the query fails, the -errno for ioctl(2). crr_line_asked() follows.
 */
static int crr_line_ask(struct crr_line *line, struct crr_op *op,
			const u8 *label, u32 length)
{
	struct tty_struct *tty = line->tty;
	wait_queue_head_t *queue = crr_type_is_inbound(op->type) ?
				   &tty->read_wait : &tty->write_wait;
	int decision;

	op->stream = crr_operation_begin(tty, &line);
	if (!op->stream)
		return CRR_PASS;
	decision = crr_operation_decide(line, op, queue, label, length);
	if (decision == CRR_RESULT && op->result < 0)
		return op->result;
	return decision == -ERESTARTSYS ? -EINTR : decision;
}

static void crr_line_asked(struct crr_line *line, struct crr_op *op)
{
	crr_queued_free(op->queued);
	crr_operation_end(line, op->stream);
}

/* FIONREAD and TIOCOUTQ: N_TTY gives its answer to the user, who gives it to us. */
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
	int ret, n;

	ret = crr_line_ask(line, &op, NULL, 0);
	switch (ret) {
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
		ret = put_user(op.result, answer);
		break;
	}
	crr_line_asked(line, &op);
	return ret;
}

/* The counts of a MODEM record are members of these structs, in this order. */
static_assert(offsetofend(struct crr_modem, buf_overrun) -
	      offsetof(struct crr_modem, cts) == CRR_MODEM_COUNT * sizeof(u32));
static_assert(offsetof(struct serial_icounter_struct, cts) == 0);
static_assert(offsetofend(struct serial_icounter_struct, buf_overrun) ==
	      CRR_MODEM_COUNT * sizeof(u32));

/* Modem lines and counts, as the driver has them. */
static void crr_device_modem(struct tty_struct *tty, struct crr_record *rec)
{
	const struct tty_operations *ops = tty->ops;
	struct serial_icounter_struct count = {};
	int lines = ops->tiocmget ? ops->tiocmget(tty) : -ENOTTY;

	if (lines < 0) {
		/* Errors that never leave the kernel are not for a log. */
		rec->modem.error = lines < -CRR_ERRNO_MAX ? EIO : -lines;
		return;
	}
	rec->modem.lines = lines;
	if (!ops->get_icount || ops->get_icount(tty, &count))
		return;
	rec->modem.facts = CRR_MODEM_COUNTS;
	memcpy(rec->modem.counts, &count, sizeof(rec->modem.counts));
}

/**
 * crr_line_modem - CRR_IOC_MODEM
 * @line: the line
 * @modem: out: the answer
 *
 * Returns what CRR_IOC_MODEM does.
 */
int crr_line_modem(struct crr_line *line, struct crr_modem *modem)
{
	struct crr_op op = { .type = CRR_TYPE_MODEM };
	struct crr_record rec = { .type = CRR_TYPE_MODEM };
	int ret;

	ret = crr_line_ask(line, &op, NULL, 0);
	if (ret == CRR_REPLAY)
		rec = op.queued->rec;
	else if (ret >= 0)
		crr_device_modem(line->tty, &rec);
	if (ret == CRR_RECORD)
		crr_recorder_answer_done(&op, &rec);
	crr_line_asked(line, &op);
	if (ret < 0)
		return ret;
	modem->lines = rec.modem.lines;
	modem->facts = rec.modem.facts;
	memcpy((u8 *)modem + offsetof(struct crr_modem, cts), rec.modem.counts,
	       sizeof(rec.modem.counts));
	return -(int)rec.modem.error;
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
	if (ret == CRR_RECORD)
		crr_recorder_answer_done(&op, &rec);
	crr_line_asked(line, &op);
	return min(ret, 0);
}

/**
 * crr_line_value - CRR_IOC_VALUE
 * @line: the line
 * @value: the value, and out: the answer
 *
 * Returns what CRR_IOC_VALUE does.
 */
int crr_line_value(struct crr_line *line, struct crr_value *value)
{
	struct crr_op op = {
		.type = CRR_TYPE_VALUE,
		.kind = value->kind,
		.uses = value->uses,
	};
	struct crr_record rec = {
		.type = CRR_TYPE_VALUE,
		.kind = value->kind,
		.number = value->value,
		.uses = value->uses,
	};
	int ret;

	value->facts = CRR_VALUE_NEW;
	value->remaining = 0;
	ret = crr_line_ask(line, &op, NULL, 0);
	switch (ret) {
	case CRR_RECORD:
		crr_recorder_answer_done(&op, &rec);
		break;
	case CRR_REPLAY:
		value->value = op.queued->rec.number;
		break;
	case CRR_RESULT:
		value->facts = 0;
		value->remaining = op.result;
		break;
	}
	crr_line_asked(line, &op);
	return min(ret, 0);
}
