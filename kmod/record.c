// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * A record's bytes, and what makes a sequence of records a log.
 *
 * This file alone knows how a record lies in memory. Everything that comes
 * from outside, fed records and log files alike, passes crr_record_decode()
 * and crr_order_check() before anybody looks at it.
 */
#ifdef __KERNEL__
#include <asm/byteorder.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "compat.h"
#else
#include <endian.h>
#include <errno.h>
#include <isa-l/crc.h>
#include <string.h>
#define S32_MAX 0x7fffffffU
#define cpu_to_le16(x) ((__le16)htole16(x))
#define cpu_to_le32(x) ((__le32)htole32(x))
#define cpu_to_le64(x) ((__le64)htole64(x))
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)
#endif

#include "record.h"

union crr_payload {
	struct crr_record_termios termios;
	struct crr_record_in in;
	struct crr_record_read_error read_error;
	struct crr_record_write write;
	struct crr_record_inq inq;
	struct crr_record_outq outq;
	struct crr_record_modem modem;
	struct crr_record_mark mark;
	struct crr_record_time time;
	struct crr_record_stream_end stream_end;
};

static size_t crr_align(size_t length)
{
	return (length + CRR_RECORD_ALIGN - 1) & ~(size_t)(CRR_RECORD_ALIGN - 1);
}

/*
 * How long the part of the payload before the bytes is. Always a multiple of
 * CRR_RECORD_ALIGN.
 */
static size_t crr_fixed_length(__u16 type)
{
	static const __u8 lengths[] = {
		[CRR_TYPE_STREAM] = sizeof(struct crr_record_termios),
		[CRR_TYPE_READ] = sizeof(struct crr_record_in),
		[CRR_TYPE_READ_ERROR] = sizeof(struct crr_record_read_error),
		[CRR_TYPE_EOF] = sizeof(struct crr_record_in),
		[CRR_TYPE_PEER_CLOSED] = sizeof(struct crr_record_in),
		[CRR_TYPE_HANGUP] = sizeof(struct crr_record_in),
		[CRR_TYPE_WRITE] = sizeof(struct crr_record_write),
		[CRR_TYPE_STREAM_END] = sizeof(struct crr_record_stream_end),
		[CRR_TYPE_INQ] = sizeof(struct crr_record_inq),
		[CRR_TYPE_OUTQ] = sizeof(struct crr_record_outq),
		[CRR_TYPE_MODEM] = sizeof(struct crr_record_modem),
		[CRR_TYPE_MARK] = sizeof(struct crr_record_mark),
	};

	if (type < sizeof(lengths))
		return lengths[type];
	switch (type) {
	case CRR_TYPE_TERMIOS:
		return sizeof(struct crr_record_termios);
	case CRR_TYPE_TIME:
		return sizeof(struct crr_record_time);
	default:
		return 0;
	}
}

/**
 * crr_record_crc - CRC32C, as in iSCSI and ext4
 * @data: the bytes
 * @length: how many
 *
 * Seeded with all ones and inverted at the end, in kernel and userspace.
 */
__u32 crr_record_crc(const void *data, size_t length)
{
#ifdef __KERNEL__
	return ~crr_crc32c(~0, data, length);
#else
	/* isa-l takes a pointer to non-const, and reads only. */
	return ~crc32_iscsi((unsigned char *)data, (int)length, ~0U);
#endif
}

/**
 * crr_record_size - how many bytes a record takes
 * @rec: the record; of its members @type and @data_length
 */
size_t crr_record_size(const struct crr_record *rec)
{
	return sizeof(struct crr_record_header) +
	       crr_align(crr_fixed_length(rec->type) + rec->data_length);
}

/* The part of the payload before the bytes. */
static void crr_encode_payload(__u8 *p, const struct crr_record *rec)
{
	union crr_payload payload;
	__u32 i;

	/* What emulators do most, and wait for. */
	if (rec->type == CRR_TYPE_WRITE) {
		struct crr_record_write write = {
			.refused = cpu_to_le64(rec->refused),
			.requested = cpu_to_le32(rec->requested),
			.result = cpu_to_le32((__u32)rec->result),
			.offset = cpu_to_le32(rec->offset),
			.crc32c = cpu_to_le32(rec->crc32c),
		};

		memcpy(p, &write, sizeof(write));
		return;
	}
	switch (rec->type) {
	case CRR_TYPE_STREAM:
	case CRR_TYPE_TERMIOS:
		payload.termios = (struct crr_record_termios){
			.iflag = cpu_to_le32(rec->termios.iflag),
			.oflag = cpu_to_le32(rec->termios.oflag),
			.cflag = cpu_to_le32(rec->termios.cflag),
			.lflag = cpu_to_le32(rec->termios.lflag),
			.ispeed = cpu_to_le32(rec->termios.ispeed),
			.ospeed = cpu_to_le32(rec->termios.ospeed),
		};
		break;
	case CRR_TYPE_READ:
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		payload.in.empty_reads = cpu_to_le64(rec->empty_reads);
		break;
	case CRR_TYPE_READ_ERROR:
		payload.read_error = (struct crr_record_read_error){
			.empty_reads = cpu_to_le64(rec->empty_reads),
			.error = cpu_to_le32(rec->error),
		};
		break;
	case CRR_TYPE_STREAM_END:
		payload.stream_end = (struct crr_record_stream_end){
			.empty_reads = cpu_to_le64(rec->empty_reads),
			.refused = cpu_to_le64(rec->refused),
			.reason = cpu_to_le32(rec->reason),
		};
		break;
	case CRR_TYPE_INQ:
		payload.inq = (struct crr_record_inq){
			.empty_reads = cpu_to_le64(rec->empty_reads),
			.value = cpu_to_le32(rec->value),
		};
		break;
	case CRR_TYPE_OUTQ:
		payload.outq = (struct crr_record_outq){
			.refused = cpu_to_le64(rec->refused),
			.value = cpu_to_le32(rec->value),
		};
		break;
	case CRR_TYPE_MODEM:
		payload.modem = (struct crr_record_modem){
			.refused = cpu_to_le64(rec->refused),
			.error = cpu_to_le32(rec->modem.error),
			.lines = cpu_to_le32(rec->modem.lines),
			.facts = cpu_to_le32(rec->modem.facts),
		};
		for (i = 0; i < CRR_MODEM_COUNT; i++)
			payload.modem.counts[i] =
				cpu_to_le32(rec->modem.counts[i]);
		break;
	case CRR_TYPE_MARK:
		payload.mark.refused = cpu_to_le64(rec->refused);
		break;
	case CRR_TYPE_TIME:
		payload.time.nanoseconds = cpu_to_le64(rec->time);
		break;
	}
	memcpy(p, &payload, crr_fixed_length(rec->type));
}

/**
 * crr_record_encode - write a record's bytes
 * @to: where to; crr_record_size() bytes, at any alignment
 * @rec: a valid record
 *
 * Returns the record's size.
 */
size_t crr_record_encode(void *to, const struct crr_record *rec)
{
	size_t fixed = crr_fixed_length(rec->type);
	size_t length = fixed + rec->data_length;
	size_t padded = crr_align(length);
	struct crr_record_header header = {
		.type = cpu_to_le16(rec->type),
		.flags = cpu_to_le16(rec->flags),
		.stream = cpu_to_le16(rec->stream),
		.length = cpu_to_le16((__u16)length),
		.sequence = cpu_to_le64(rec->sequence),
		.counter = cpu_to_le64(rec->counter),
	};
	const __u64 zero = 0;
	__u8 *p = to;

	memcpy(p, &header, sizeof(header));
	p += sizeof(header);
	crr_encode_payload(p, rec);
	if (rec->data_length) {
		/* The padding; what precedes it is written over. */
		memcpy(p + padded - sizeof(zero), &zero, sizeof(zero));
		memcpy(p + fixed, rec->data, rec->data_length);
	}
	return sizeof(header) + padded;
}

/**
 * crr_record_skip - how far it is to the next record
 * @from: a record that has been written or decoded by this file
 */
size_t crr_record_skip(const void *from)
{
	struct crr_record_header header;

	memcpy(&header, from, sizeof(header));
	return sizeof(header) + crr_align(le16_to_cpu(header.length));
}

static void crr_decode_termios(const struct crr_record_termios *in,
			       struct crr_record *rec)
{
	rec->termios.iflag = le32_to_cpu(in->iflag);
	rec->termios.oflag = le32_to_cpu(in->oflag);
	rec->termios.cflag = le32_to_cpu(in->cflag);
	rec->termios.lflag = le32_to_cpu(in->lflag);
	rec->termios.ispeed = le32_to_cpu(in->ispeed);
	rec->termios.ospeed = le32_to_cpu(in->ospeed);
}

static int crr_decode_stream(const struct crr_record_termios *in,
			     struct crr_record *rec)
{
	__u32 i;

	if (!rec->data_length || rec->data_length > CRR_STREAM_NAME_MAX)
		return CRR_REASON_LENGTH;
	for (i = 0; i < rec->data_length; i++)
		if (rec->data[i] <= ' ' || rec->data[i] > '~')
			return CRR_REASON_VALUE;
	crr_decode_termios(in, rec);
	return 0;
}

static int crr_decode_in(const struct crr_record_in *in,
			 struct crr_record *rec)
{
	rec->empty_reads = le64_to_cpu(in->empty_reads);
	if (rec->type != CRR_TYPE_READ)
		return rec->data_length ? CRR_REASON_LENGTH : 0;
	if (!rec->data_length || rec->data_length > CRR_READ_MAX)
		return CRR_REASON_LENGTH;
	return 0;
}

static int crr_decode_read_error(const struct crr_record_read_error *in,
				 struct crr_record *rec)
{
	rec->empty_reads = le64_to_cpu(in->empty_reads);
	rec->error = le32_to_cpu(in->error);
	if (rec->data_length)
		return CRR_REASON_LENGTH;
	if (in->__reserved)
		return CRR_REASON_PADDING;
	if (!rec->error || rec->error > CRR_ERRNO_MAX)
		return CRR_REASON_VALUE;
	return 0;
}

static int crr_decode_write(const struct crr_record_write *in,
			    struct crr_record *rec)
{
	bool captured = rec->flags & CRR_FLAG_CAPTURED;

	rec->refused = le64_to_cpu(in->refused);
	rec->requested = le32_to_cpu(in->requested);
	rec->result = (__s32)le32_to_cpu(in->result);
	rec->offset = le32_to_cpu(in->offset);
	rec->crc32c = le32_to_cpu(in->crc32c);
	if (!rec->requested || rec->requested > CRR_WRITE_MAX)
		return CRR_REASON_VALUE;
	/* A result of 0 would make the tty core's caller spin. */
	if (!rec->result || rec->result < -CRR_ERRNO_MAX ||
	    (rec->result > 0 && (__u32)rec->result > rec->requested))
		return CRR_REASON_VALUE;
	if (rec->offset > rec->requested)
		return CRR_REASON_VALUE;
	if (rec->data_length != (captured ? rec->requested : 0))
		return CRR_REASON_LENGTH;
	if (rec->flags & CRR_FLAG_UNKNOWN && (captured || rec->crc32c))
		return CRR_REASON_VALUE;
	if (captured && crr_record_crc(rec->data, rec->data_length) != rec->crc32c)
		return CRR_REASON_CRC;
	return 0;
}

static int crr_decode_stream_end(const struct crr_record_stream_end *in,
				 struct crr_record *rec)
{
	rec->empty_reads = le64_to_cpu(in->empty_reads);
	rec->refused = le64_to_cpu(in->refused);
	rec->reason = le32_to_cpu(in->reason);
	if (rec->data_length)
		return CRR_REASON_LENGTH;
	if (in->__reserved)
		return CRR_REASON_PADDING;
	if (rec->reason < CRR_END_STOP || rec->reason > CRR_END_HANGUP)
		return CRR_REASON_VALUE;
	return 0;
}

static int crr_decode_inq(const struct crr_record_inq *in,
			  struct crr_record *rec)
{
	rec->empty_reads = le64_to_cpu(in->empty_reads);
	rec->value = le32_to_cpu(in->value);
	if (rec->data_length)
		return CRR_REASON_LENGTH;
	if (in->__reserved)
		return CRR_REASON_PADDING;
	/* The ioctl gives an int; nothing there is an empty look. */
	if (!rec->value || rec->value > S32_MAX)
		return CRR_REASON_VALUE;
	return 0;
}

static int crr_decode_outq(const struct crr_record_outq *in,
			   struct crr_record *rec)
{
	rec->refused = le64_to_cpu(in->refused);
	rec->value = le32_to_cpu(in->value);
	if (rec->data_length)
		return CRR_REASON_LENGTH;
	if (in->__reserved)
		return CRR_REASON_PADDING;
	return rec->value > S32_MAX ? CRR_REASON_VALUE : 0;
}

static int crr_decode_modem(const struct crr_record_modem *in,
			    struct crr_record *rec)
{
	__u32 any, i;

	rec->refused = le64_to_cpu(in->refused);
	rec->modem.error = le32_to_cpu(in->error);
	rec->modem.lines = le32_to_cpu(in->lines);
	rec->modem.facts = le32_to_cpu(in->facts);
	any = 0;
	for (i = 0; i < CRR_MODEM_COUNT; i++) {
		rec->modem.counts[i] = le32_to_cpu(in->counts[i]);
		any |= rec->modem.counts[i];
	}
	if (rec->data_length)
		return CRR_REASON_LENGTH;
	if (rec->modem.error > CRR_ERRNO_MAX ||
	    rec->modem.facts & ~CRR_MODEM_COUNTS ||
	    (any && !rec->modem.facts) ||
	    (rec->modem.error && (rec->modem.facts || rec->modem.lines)))
		return CRR_REASON_VALUE;
	return 0;
}

/**
 * crr_label_is_valid - may this be a mark's label?
 * @label: its bytes
 * @length: how many
 */
bool crr_label_is_valid(const __u8 *label, __u32 length)
{
	__u32 i;

	for (i = 0; i < length && i < CRR_MARK_MAX; i++)
		if (label[i] < ' ' || label[i] > '~')
			return false;
	return length && length <= CRR_MARK_MAX;
}

static int crr_decode_mark(const struct crr_record_mark *in,
			   struct crr_record *rec)
{
	rec->refused = le64_to_cpu(in->refused);
	if (!rec->data_length || rec->data_length > CRR_MARK_MAX)
		return CRR_REASON_LENGTH;
	return crr_label_is_valid(rec->data, rec->data_length) ?
	       0 : CRR_REASON_VALUE;
}

/* The flags that may go with a type. */
static __u16 crr_flags(__u16 type)
{
	switch (type) {
	case CRR_TYPE_WRITE:
		return CRR_FLAG_CUT | CRR_FLAG_CAPTURED | CRR_FLAG_INTERRUPTED |
		       CRR_FLAG_UNKNOWN;
	case CRR_TYPE_OUTQ:
	case CRR_TYPE_MODEM:
	case CRR_TYPE_MARK:
	case CRR_TYPE_STREAM_END:
		return CRR_FLAG_INTERRUPTED;
	default:
		return 0;
	}
}

static int crr_decode_payload(const union crr_payload *payload,
			      struct crr_record *rec)
{
	if (rec->flags & ~crr_flags(rec->type))
		return CRR_REASON_FLAGS;
	if (rec->stream >= CRR_STREAMS_MAX)
		return CRR_REASON_VALUE;

	switch (rec->type) {
	case CRR_TYPE_STREAM:
		return crr_decode_stream(&payload->termios, rec);
	case CRR_TYPE_TERMIOS:
		crr_decode_termios(&payload->termios, rec);
		return rec->data_length ? CRR_REASON_LENGTH : 0;
	case CRR_TYPE_READ:
	case CRR_TYPE_EOF:
	case CRR_TYPE_PEER_CLOSED:
	case CRR_TYPE_HANGUP:
		return crr_decode_in(&payload->in, rec);
	case CRR_TYPE_READ_ERROR:
		return crr_decode_read_error(&payload->read_error, rec);
	case CRR_TYPE_WRITE:
		return crr_decode_write(&payload->write, rec);
	case CRR_TYPE_STREAM_END:
		return crr_decode_stream_end(&payload->stream_end, rec);
	case CRR_TYPE_END:
		if (rec->data_length)
			return CRR_REASON_LENGTH;
		return rec->stream ? CRR_REASON_VALUE : 0;
	case CRR_TYPE_INQ:
		return crr_decode_inq(&payload->inq, rec);
	case CRR_TYPE_OUTQ:
		return crr_decode_outq(&payload->outq, rec);
	case CRR_TYPE_MODEM:
		return crr_decode_modem(&payload->modem, rec);
	case CRR_TYPE_MARK:
		return crr_decode_mark(&payload->mark, rec);
	case CRR_TYPE_TIME:
		rec->time = le64_to_cpu(payload->time.nanoseconds);
		if (rec->data_length)
			return CRR_REASON_LENGTH;
		return rec->stream ? CRR_REASON_VALUE : 0;
	default:
		return CRR_REASON_TYPE;
	}
}

static bool crr_is_known(__u16 type)
{
	return !(type & CRR_TYPE_OPTIONAL) || type == CRR_TYPE_TERMIOS ||
	       type == CRR_TYPE_TIME;
}

/**
 * crr_record_decode - read and check one record
 * @from: its bytes, and perhaps more; at any alignment
 * @length: how many
 * @size: out: how many of them are this record, if it is whole
 * @rec: out: the record, if it is valid; its data point into @from
 *
 * Returns 0, a positive &enum crr_reason, or -EMSGSIZE if there may be a
 * record but @from ends before it does. Of a type that is optional and not
 * known only the header is checked; its payload is all data.
 */
int crr_record_decode(const void *from, size_t length, size_t *size,
		      struct crr_record *rec)
{
	struct crr_record_header header;
	union crr_payload payload;
	const __u8 *p = from;
	size_t fixed, payload_length, i;
	int ret;

	if (length < sizeof(header))
		return -EMSGSIZE;
	memcpy(&header, p, sizeof(header));
	p += sizeof(header);

	payload_length = le16_to_cpu(header.length);
	*size = sizeof(header) + crr_align(payload_length);
	if (*size > CRR_RECORD_SIZE_MAX)
		return CRR_REASON_LENGTH;
	if (length < *size)
		return -EMSGSIZE;
	for (i = payload_length; i < crr_align(payload_length); i++)
		if (p[i])
			return CRR_REASON_PADDING;

	*rec = (struct crr_record){
		.type = le16_to_cpu(header.type),
		.flags = le16_to_cpu(header.flags),
		.stream = le16_to_cpu(header.stream),
		.sequence = le64_to_cpu(header.sequence),
		.counter = le64_to_cpu(header.counter),
	};
	if (!crr_is_known(rec->type)) {
		rec->data = p;
		rec->data_length = (__u32)payload_length;
		return 0;
	}

	fixed = crr_fixed_length(rec->type);
	if (payload_length < fixed)
		return CRR_REASON_LENGTH;
	memcpy(&payload, p, fixed);
	rec->data_length = (__u32)(payload_length - fixed);
	rec->data = p + fixed;
	ret = crr_decode_payload(&payload, rec);
	if (!ret && rec->flags & CRR_FLAG_INTERRUPTED && !rec->refused)
		ret = CRR_REASON_VALUE;
	return ret;
}

/* What a record may find of its stream's part, and make of it. */
static int crr_part_check(__u8 part, __u16 type)
{
	if (part == CRR_PART_UNKNOWN)
		return 0;
	switch (type) {
	case CRR_TYPE_STREAM:
		return part == CRR_PART_NONE ? 0 : CRR_REASON_STREAM;
	case CRR_TYPE_STREAM_END:
		if (part == CRR_PART_HUNG_UP)
			return 0;
		break;
	default:
		if (part == CRR_PART_HUNG_UP)
			return CRR_REASON_ORDER;
		break;
	}
	return part == CRR_PART_OPEN ? 0 : CRR_REASON_STREAM;
}

/**
 * crr_order_check - may this record come next?
 * @order: of the log so far
 * @rec: a decoded record
 *
 * An optional record bears the number of the record after it, and is not
 * counted: it may be taken out, or put in, without a trace.
 *
 * Returns 0 or a positive &enum crr_reason.
 */
int crr_order_check(const struct crr_order *order, const struct crr_record *rec)
{
	__u32 i;

	if (order->ended)
		return CRR_REASON_ORDER;
	if (rec->sequence != order->sequence)
		return CRR_REASON_SEQUENCE;
	if (rec->counter < order->counter)
		return CRR_REASON_COUNTER;
	if (rec->type & CRR_TYPE_OPTIONAL)
		return 0;
	if (rec->type != CRR_TYPE_END)
		return crr_part_check(order->part[rec->stream], rec->type);
	for (i = 0; i < CRR_STREAMS_MAX; i++)
		if (order->part[i] == CRR_PART_OPEN ||
		    order->part[i] == CRR_PART_HUNG_UP)
			return CRR_REASON_ORDER;
	return 0;
}

/**
 * crr_order_add - the record has come
 * @order: of the log so far
 * @rec: a record that crr_order_check() accepts
 */
void crr_order_add(struct crr_order *order, const struct crr_record *rec)
{
	order->counter = rec->counter;
	if (rec->type & CRR_TYPE_OPTIONAL)
		return;
	order->sequence++;
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		order->part[rec->stream] = CRR_PART_OPEN;
		break;
	case CRR_TYPE_HANGUP:
		order->part[rec->stream] = CRR_PART_HUNG_UP;
		break;
	case CRR_TYPE_STREAM_END:
		order->part[rec->stream] = CRR_PART_ENDED;
		break;
	case CRR_TYPE_END:
		order->ended = true;
		break;
	}
}
