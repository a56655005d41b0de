// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The encoding of records, and the rules for a sequence of records.
 *
 * No other file knows how a record is encoded. All input from outside, fed
 * records and log files alike, passes crr_record_decode() and
 * crr_order_check() before anything else looks at it.
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

/**
 * struct crr_layout - the payload of one type of record
 * @known: there is such a type
 * @size: bytes before the data, a multiple of CRR_RECORD_ALIGN
 * @wide: the 64-bit members that come first: their offsets in
 *	&struct crr_record; 0: none
 * @words: number of 32-bit members that follow, which are the first of
 *	&struct crr_record's @words. After an odd number four reserved bytes,
 *	zero, end this part.
 * @flags: CRR_FLAG_* that are allowed
 * @min: bytes of data, at least
 * @max: bytes of data, at most
 */
struct crr_layout {
	bool known;
	__u8 size;
	__u8 wide[3];
	__u8 words;
	__u16 flags;
	__u16 min;
	__u16 max;
};

#define CRR_TYPES	16
#define CRR_LAYOUT(_size, ...)	{ .known = true, .size = (_size), __VA_ARGS__ }
#define CRR_EMPTY_READS	offsetof(struct crr_record, empty_reads)
#define CRR_REFUSED	offsetof(struct crr_record, refused)
#define CRR_TIME	offsetof(struct crr_record, time)
#define CRR_NUMBER	offsetof(struct crr_record, number)
#define CRR_USES	offsetof(struct crr_record, uses)

/* By the bit CRR_TYPE_OPTIONAL, and the rest of the type. */
static const struct crr_layout crr_layouts[2][CRR_TYPES] = { {
	[CRR_TYPE_STREAM] =
		CRR_LAYOUT(sizeof(struct crr_record_termios), .words = 6,
			   .min = 1, .max = CRR_STREAM_NAME_MAX),
	[CRR_TYPE_READ] =
		CRR_LAYOUT(sizeof(struct crr_record_in),
			   .wide = { CRR_EMPTY_READS },
			   .min = 1, .max = CRR_READ_MAX),
	[CRR_TYPE_READ_ERROR] =
		CRR_LAYOUT(sizeof(struct crr_record_read_error),
			   .wide = { CRR_EMPTY_READS }, .words = 1),
	[CRR_TYPE_EOF] =
		CRR_LAYOUT(sizeof(struct crr_record_in),
			   .wide = { CRR_EMPTY_READS }),
	[CRR_TYPE_PEER_CLOSED] =
		CRR_LAYOUT(sizeof(struct crr_record_in),
			   .wide = { CRR_EMPTY_READS }),
	[CRR_TYPE_HANGUP] =
		CRR_LAYOUT(sizeof(struct crr_record_in),
			   .wide = { CRR_EMPTY_READS }),
	/* crr_check_write() checks the length of its data. */
	[CRR_TYPE_WRITE] =
		CRR_LAYOUT(sizeof(struct crr_record_write),
			   .wide = { CRR_REFUSED }, .words = 4,
			   .flags = CRR_FLAG_CUT | CRR_FLAG_CAPTURED |
				    CRR_FLAG_INTERRUPTED | CRR_FLAG_UNKNOWN,
			   .max = CRR_RECORD_SIZE_MAX),
	[CRR_TYPE_STREAM_END] =
		CRR_LAYOUT(sizeof(struct crr_record_stream_end),
			   .wide = { CRR_EMPTY_READS, CRR_REFUSED }, .words = 1,
			   .flags = CRR_FLAG_INTERRUPTED),
	[CRR_TYPE_END] = CRR_LAYOUT(0),
	[CRR_TYPE_INQ] =
		CRR_LAYOUT(sizeof(struct crr_record_inq),
			   .wide = { CRR_EMPTY_READS }, .words = 1),
	[CRR_TYPE_OUTQ] =
		CRR_LAYOUT(sizeof(struct crr_record_outq),
			   .wide = { CRR_REFUSED }, .words = 1,
			   .flags = CRR_FLAG_INTERRUPTED),
	[CRR_TYPE_MODEM] =
		CRR_LAYOUT(sizeof(struct crr_record_modem),
			   .wide = { CRR_REFUSED }, .words = CRR_WORDS,
			   .flags = CRR_FLAG_INTERRUPTED),
	[CRR_TYPE_MARK] =
		CRR_LAYOUT(sizeof(struct crr_record_mark),
			   .wide = { CRR_REFUSED },
			   .flags = CRR_FLAG_INTERRUPTED,
			   .min = 1, .max = CRR_MARK_MAX),
	[CRR_TYPE_VALUE] =
		CRR_LAYOUT(sizeof(struct crr_record_value),
			   .wide = { CRR_REFUSED, CRR_NUMBER, CRR_USES },
			   .words = 1, .flags = CRR_FLAG_INTERRUPTED),
}, {
	[CRR_TYPE_TERMIOS & ~CRR_TYPE_OPTIONAL] =
		CRR_LAYOUT(sizeof(struct crr_record_termios), .words = 6),
	[CRR_TYPE_TIME & ~CRR_TYPE_OPTIONAL] =
		CRR_LAYOUT(sizeof(struct crr_record_time),
			   .wide = { CRR_TIME }),
} };

static const struct crr_layout *crr_layout(__u16 type)
{
	if (type < CRR_TYPES)
		return &crr_layouts[0][type];
	type ^= CRR_TYPE_OPTIONAL;
	/* No type has the number 0. */
	return &crr_layouts[1][type < CRR_TYPES ? type : 0];
}

static size_t crr_align(size_t length)
{
	return (length + CRR_RECORD_ALIGN - 1) & ~(size_t)(CRR_RECORD_ALIGN - 1);
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
 * crr_record_size - size of a record in bytes
 * @rec: the record; only @type and @data_length are used
 */
size_t crr_record_size(const struct crr_record *rec)
{
	return sizeof(struct crr_record_header) +
	       crr_align(crr_layout(rec->type)->size + rec->data_length);
}

static void crr_encode_members(__u8 *p, const struct crr_layout *layout,
			       const struct crr_record *rec)
{
	const __le32 zero = 0;
	__le64 wide;
	__le32 word;
	__u64 value;
	__u32 i;

	/* As below; the loops would cost 2.4% of a write(2) of one byte. */
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
	for (i = 0; i < sizeof(layout->wide) && layout->wide[i]; i++) {
		memcpy(&value, (const __u8 *)rec + layout->wide[i],
		       sizeof(value));
		wide = cpu_to_le64(value);
		memcpy(p, &wide, sizeof(wide));
		p += sizeof(wide);
	}
	for (i = 0; i < layout->words; i++) {
		word = cpu_to_le32(rec->words[i]);
		memcpy(p, &word, sizeof(word));
		p += sizeof(word);
	}
	if (layout->words & 1)
		memcpy(p, &zero, sizeof(zero));
}

/**
 * crr_record_encode - write a record's bytes
 * @to: crr_record_size() bytes, at any alignment
 * @rec: a valid record
 *
 * Returns the record's size.
 */
size_t crr_record_encode(void *to, const struct crr_record *rec)
{
	const struct crr_layout *layout = crr_layout(rec->type);
	size_t length = layout->size + rec->data_length;
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
	crr_encode_members(p, layout, rec);
	if (rec->data_length) {
		/* The padding; what precedes it is written over. */
		memcpy(p + padded - sizeof(zero), &zero, sizeof(zero));
		memcpy(p + layout->size, rec->data, rec->data_length);
	}
	return sizeof(header) + padded;
}

/**
 * crr_record_skip - distance to the next record
 * @from: a record that this file has encoded or decoded
 */
size_t crr_record_skip(const void *from)
{
	struct crr_record_header header;

	memcpy(&header, from, sizeof(header));
	return sizeof(header) + crr_align(le16_to_cpu(header.length));
}

/* Returns whether the reserved bytes are zero. */
static bool crr_decode_members(const __u8 *p, const struct crr_layout *layout,
			       struct crr_record *rec)
{
	__le64 wide;
	__le32 word;
	__u64 value;
	__u32 i;

	for (i = 0; i < sizeof(layout->wide) && layout->wide[i]; i++) {
		memcpy(&wide, p, sizeof(wide));
		value = le64_to_cpu(wide);
		memcpy((__u8 *)rec + layout->wide[i], &value, sizeof(value));
		p += sizeof(wide);
	}
	for (i = 0; i < layout->words; i++) {
		memcpy(&word, p, sizeof(word));
		rec->words[i] = le32_to_cpu(word);
		p += sizeof(word);
	}
	if (!(layout->words & 1))
		return true;
	memcpy(&word, p, sizeof(word));
	return !word;
}

/* Only printable ASCII, from @first on: the blank, or what follows it. */
static bool crr_is_printable(const __u8 *text, __u32 length, __u8 first)
{
	__u32 i;

	for (i = 0; i < length; i++)
		if (text[i] < first || text[i] > '~')
			return false;
	return true;
}

/**
 * crr_label_is_valid - check a mark's label
 * @label: its bytes
 * @length: how many
 */
bool crr_label_is_valid(const __u8 *label, __u32 length)
{
	return length && length <= CRR_MARK_MAX &&
	       crr_is_printable(label, length, ' ');
}

static int crr_check_write(const struct crr_record *rec)
{
	bool captured = rec->flags & CRR_FLAG_CAPTURED;

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

static bool crr_modem_is_valid(const struct crr_record *rec)
{
	__u32 any = 0, i;

	for (i = 0; i < CRR_MODEM_COUNT; i++)
		any |= rec->modem.counts[i];
	return rec->modem.error <= CRR_ERRNO_MAX &&
	       !(rec->modem.facts & ~CRR_MODEM_COUNTS) &&
	       (!any || rec->modem.facts) &&
	       (!rec->modem.error || !(rec->modem.facts || rec->modem.lines));
}

static bool crr_value_is_valid(const struct crr_record *rec)
{
	switch (rec->type) {
	case CRR_TYPE_STREAM:
		return crr_is_printable(rec->data, rec->data_length, '!');
	case CRR_TYPE_READ_ERROR:
		return rec->error && rec->error <= CRR_ERRNO_MAX;
	case CRR_TYPE_STREAM_END:
		return rec->reason >= CRR_END_STOP &&
		       rec->reason <= CRR_END_HANGUP;
	case CRR_TYPE_INQ:
		/* FIONREAD gives an int; 0 is an empty read. */
		return rec->value && rec->value <= S32_MAX;
	case CRR_TYPE_OUTQ:
		return rec->value <= S32_MAX;
	case CRR_TYPE_MODEM:
		return crr_modem_is_valid(rec);
	case CRR_TYPE_MARK:
		return crr_label_is_valid(rec->data, rec->data_length);
	case CRR_TYPE_END:
	case CRR_TYPE_TIME:
		return !rec->stream;
	default:
		return true;
	}
}

/**
 * crr_record_decode - decode and check one record
 * @from: its bytes, and perhaps more; at any alignment
 * @length: how many
 * @size: out: how many of them are this record, if it is whole
 * @rec: out: the record, if it is valid; its data point into @from
 *
 * Of a type that is optional and not known only the header is checked; its
 * payload is all data.
 *
 * Returns 0, a positive &enum crr_reason, or -EMSGSIZE if @from ends before
 * the record does.
 */
int crr_record_decode(const void *from, size_t length, size_t *size,
		      struct crr_record *rec)
{
	struct crr_record_header header;
	const struct crr_layout *layout;
	const __u8 *p = from;
	size_t payload_length, i;

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
	layout = crr_layout(rec->type);
	if (payload_length < layout->size)
		return CRR_REASON_LENGTH;
	rec->data = p + layout->size;
	rec->data_length = (__u32)(payload_length - layout->size);
	if (!layout->known && rec->type & CRR_TYPE_OPTIONAL)
		return 0;

	if (rec->flags & ~layout->flags)
		return CRR_REASON_FLAGS;
	if (rec->stream >= CRR_STREAMS_MAX)
		return CRR_REASON_VALUE;
	if (!layout->known)
		return CRR_REASON_TYPE;
	if (rec->data_length < layout->min || rec->data_length > layout->max)
		return CRR_REASON_LENGTH;
	if (!crr_decode_members(p, layout, rec))
		return CRR_REASON_PADDING;
	if (rec->type == CRR_TYPE_WRITE) {
		int ret = crr_check_write(rec);

		if (ret)
			return ret;
	} else if (!crr_value_is_valid(rec)) {
		return CRR_REASON_VALUE;
	}
	return rec->flags & CRR_FLAG_INTERRUPTED && !rec->refused ?
	       CRR_REASON_VALUE : 0;
}

/* Whether a record may come where its stream is. */
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
 * crr_order_check - check whether a record may come next
 * @order: of the log so far
 * @rec: a decoded record
 *
 * An optional record bears the number of the record after it, and is not
 * counted: it can be taken out, or put in, without a trace.
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
 * crr_order_add - a record has come
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
