/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * How a record is written: the part of record.c that is compiled into those who
 * write one with each system call.
 */
#ifndef _CRR_ENCODE_H
#define _CRR_ENCODE_H

#include "record.h"

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
#ifndef __always_inline
#define __always_inline inline
#endif
#define S32_MAX 0x7fffffffU
#define cpu_to_le16(x) ((__le16)htole16(x))
#define cpu_to_le32(x) ((__le32)htole32(x))
#define cpu_to_le64(x) ((__le64)htole64(x))
#define le16_to_cpu(x) le16toh(x)
#define le32_to_cpu(x) le32toh(x)
#define le64_to_cpu(x) le64toh(x)
#endif

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

static inline size_t crr_align(size_t length)
{
	return (length + CRR_RECORD_ALIGN - 1) & ~(size_t)(CRR_RECORD_ALIGN - 1);
}

/*
 * How long the part of the payload before the bytes is. Always a multiple of
 * CRR_RECORD_ALIGN.
 */
static inline size_t crr_fixed_length(__u16 type)
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

void crr_encode_payload(__u8 *p, const struct crr_record *rec);

/**
 * crr_record_encode_into - write a record's bytes, if there is room
 * @to: where to, at any alignment
 * @room: bytes that are there
 * @type: the record's
 * @rec: a valid record
 *
 * An emulator waits for this with each read and write: where @type is constant,
 * nothing of @rec need be in memory, and what is copied has a length that the
 * compiler knows, but for the bytes themselves.
 *
 * Returns the record's size; 0, and nothing is written, if there is not so much
 * room.
 */
static __always_inline size_t
crr_record_encode_into(void *to, size_t room, const __u16 type,
		       const struct crr_record *rec)
{
	size_t fixed = crr_fixed_length(type);
	size_t length = fixed + rec->data_length;
	size_t size = sizeof(struct crr_record_header) + crr_align(length);
	const __u64 zero = 0;
	struct crr_record_header header = {
		.type = cpu_to_le16(type),
		.flags = cpu_to_le16(rec->flags),
		.stream = cpu_to_le16(rec->stream),
		.length = cpu_to_le16((__u16)length),
		.sequence = cpu_to_le64(rec->sequence),
		.counter = cpu_to_le64(rec->counter),
	};
	__u8 *p = to;

	if (size > room)
		return 0;
	memcpy(p, &header, sizeof(header));
	p += sizeof(header);
	if (type == CRR_TYPE_WRITE) {
		struct crr_record_write write = {
			.refused = cpu_to_le64(rec->refused),
			.requested = cpu_to_le32(rec->requested),
			.result = cpu_to_le32((__u32)rec->result),
			.offset = cpu_to_le32(rec->offset),
			.crc32c = cpu_to_le32(rec->crc32c),
		};

		memcpy(p, &write, sizeof(write));
	} else if (type == CRR_TYPE_READ) {
		struct crr_record_in in = {
			.empties = cpu_to_le64(rec->empties),
		};

		memcpy(p, &in, sizeof(in));
	} else {
		crr_encode_payload(p, rec);
	}
	if (!rec->data_length)
		return size;
	/* The padding; what precedes it is written over. */
	memcpy((__u8 *)to + size - sizeof(zero), &zero, sizeof(zero));
	/* What emulators write most. */
	if (rec->data_length == 1)
		p[fixed] = *rec->data;
	else
		memcpy(p + fixed, rec->data, rec->data_length);
	return size;
}

#endif /* _CRR_ENCODE_H */
